/* sendmsg and recvmsg on a SOCK_SEQPACKET pair: a packet is a message, whole or not at all. */
#include "snmp_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union one_descriptor {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
};

static size_t message_size(uint32_t kind)
{
    const size_t head = offsetof(struct wire_message, as);
    switch (kind) {
    case WIRE_SNAPSHOT:
    case WIRE_TAKEN:
        return head;
    case WIRE_NOTIFY:
        return head + sizeof(struct wire_notify);
    case WIRE_ACKED:
        return head + sizeof(struct wire_acked);
    case WIRE_STATUS:
        return head + sizeof(struct wire_status);
    default:
        return 0;
    }
}

bool wire_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0;
}

enum wire_result wire_post(int channel, const struct wire_message *message, int descriptor)
{
    union one_descriptor control = {0};
    struct iovec bytes = {(void *)(uintptr_t)message, message_size(message->kind)};
    struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (descriptor >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        *item = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof descriptor), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
    }
    for (;;) {
        if (sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return WIRE_OK;
        if (errno == EINTR)
            continue;
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS ? WIRE_LATER : WIRE_BROKEN;
    }
}

/* Only the first descriptor of an expected message is kept. */
static int take_descriptor(struct msghdr *header)
{
    int kept = -1;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= item->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(item) + at, sizeof descriptor);
            if (kept < 0)
                kept = descriptor;
            else
                close(descriptor);
        }
    }
    return kept;
}

enum wire_result wire_receive(int channel, struct wire_message *message, int *descriptor)
{
    union one_descriptor control;
    struct iovec bytes = {message, sizeof *message};
    struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got;
    *descriptor = -1;
    do
        got = recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? WIRE_LATER : WIRE_BROKEN;
    *descriptor = take_descriptor(&header);
    if (got >= (ssize_t)sizeof message->kind && (size_t)got == message_size(message->kind))
        return WIRE_OK;
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
    return WIRE_BROKEN;
}
