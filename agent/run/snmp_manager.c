/* The SNMP manager's process: one thread, one loop over its channel and its peers' sockets. A piece that the other side does not take yet
 * holds back its walk, so nothing piles up. It ends with its channel, not with a signal to the whole service. */
#include "snmp_manager_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>

#include <net-snmp/library/large_fd_set.h>

#include "agent/config/secrets.h"
#include "memory.h"

enum { TURN_MS = 1000, RECEIVED_A_TURN = 64, IDLE_EVERY_MS = 10000, LOOK_AGAIN_MS = 5, ENGINES_MAX = 100000 };

struct manager {
    int channel;
    struct walk *walks;
    size_t walk_count;
    bool blocked; /* the channel takes nothing now */
    int64_t idle_at;
    netsnmp_large_fd_set ready;
    struct pollfd polled[MANAGER_WALKS_MAX + 1];
    struct peer *owners[MANAGER_WALKS_MAX + 1];
    struct manager_packet packet;
};

/* ---- the channel ---- */

enum manager_result manager_send(int channel, const struct manager_packet *packet, size_t size)
{
    for (;;) {
        if (send(channel, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return MANAGER_OK;
        if (errno != EINTR)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? MANAGER_LATER : MANAGER_BROKEN;
    }
}

/* What its kind requires; a walk may be cut behind its texts. */
static bool whole(const struct manager_packet *packet, size_t size)
{
    if (size < offsetof(struct manager_packet, as))
        return false;
    switch (packet->kind) {
    case MANAGER_WALK:
        return size > MANAGER_PACKET_SIZE(walk.texts, 0);
    case MANAGER_END:
        return size == MANAGER_PACKET_SIZE(end, sizeof packet->as.end);
    default:
        return true;
    }
}

enum manager_result manager_receive(int channel, struct manager_packet *packet, size_t *size)
{
    ssize_t got;
    do
        got = recv(channel, packet, sizeof *packet, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? MANAGER_LATER : MANAGER_BROKEN;
    *size = (size_t)got;
    return got > 0 && whole(packet, *size) ? MANAGER_OK : MANAGER_BROKEN;
}

/* ---- walks ---- */

static struct walk *walk_new(struct manager *manager, uint32_t id, int64_t now)
{
    struct walk *walk = memory_zeroed(1, sizeof *walk);
    walk->id = id;
    walk->began = now;
    walk->next = manager->walks;
    manager->walks = walk;
    manager->walk_count++;
    return walk;
}

static void take_walk(struct manager *manager, size_t size, int64_t now)
{
    struct manager_walk *asked = &manager->packet.as.walk;
    struct walk *walk = walk_new(manager, manager->packet.id, now);
    size_t used = size - MANAGER_PACKET_SIZE(walk.texts, 0);
    char *texts[MANAGER_TEXTS];
    if (used < sizeof asked->texts)
        memset(asked->texts + used, 'x', sizeof asked->texts - used); /* without an end: of an earlier packet */
    if (used > sizeof asked->texts || !walk_texts(asked, texts) || !walk_begin(walk, texts[MANAGER_SUBTREE], asked->bytes_max))
        walk_over(walk, REASON_NOT_SENDABLE, NULL);
    else if (manager->walk_count > MANAGER_WALKS_MAX || !(walk->peer = peer_take(asked, texts)))
        walk_over(walk, REASON_NO_RESOURCES, "too many walks at once");
}

static void take_packets(struct manager *manager, int64_t now)
{
    enum manager_result result = MANAGER_OK;
    size_t size;
    for (int i = 0; i < RECEIVED_A_TURN && result == MANAGER_OK; i++) {
        result = manager_receive(manager->channel, &manager->packet, &size);
        if (result == MANAGER_OK && manager->packet.kind == MANAGER_WALK)
            take_walk(manager, size, now);
        for (struct walk *walk = manager->walks; result == MANAGER_OK && manager->packet.kind == MANAGER_CANCEL && walk; walk = walk->next)
            if (walk->id == manager->packet.id)
                walk->cancelled = true;
    }
    if (result == MANAGER_BROKEN)
        manager->channel = -1;
}

/* True: the channel took it. */
static bool post(struct manager *manager, struct manager_packet *packet, uint32_t kind, uint32_t id, size_t size)
{
    packet->kind = kind;
    packet->id = id;
    enum manager_result result = manager_send(manager->channel, packet, size);
    if (result == MANAGER_BROKEN)
        manager->channel = -1;
    manager->blocked = manager->blocked || result == MANAGER_LATER;
    return result == MANAGER_OK;
}

static bool post_piece(struct manager *manager, struct walk *walk)
{
    if (walk->filled == 0)
        return true;
    if (manager->blocked || manager->channel < 0 ||
        !post(manager, &walk->piece, MANAGER_PIECE, walk->id, MANAGER_PACKET_SIZE(piece, walk->filled)))
        return false;
    walk->filled = 0;
    return true;
}

/* True: it is gone. While a request is out, the library holds on to it. */
static bool walk_end(struct manager *manager, struct walk *walk, int64_t now)
{
    if (walk->state != WALK_OVER && !(walk->cancelled && walk->state != WALK_OUT))
        return false;
    if (walk->cancelled)
        walk->filled = 0;
    if (!post_piece(manager, walk) || manager->blocked || manager->channel < 0)
        return false;
    manager->packet.as.end = walk->end;
    if (!post(manager, &manager->packet, MANAGER_END, walk->id, MANAGER_PACKET_SIZE(end, sizeof walk->end)))
        return false;
    for (struct walk **link = &manager->walks; *link; link = &(*link)->next)
        if (*link == walk) {
            *link = walk->next;
            break;
        }
    if (walk->peer)
        peer_leave(walk->peer, now);
    manager->walk_count--;
    free(walk);
    return true;
}

static void walk_work(struct manager *manager, struct walk *walk, int64_t now)
{
    if (walk->state == WALK_WAITS) {
        peer_work(walk->peer, now);
        if (walk->peer->failed)
            walk_over(walk, walk->peer->failed, walk->peer->why);
        else if (walk->peer->known)
            walk->state = WALK_DUE;
    }
    if (walk->state == WALK_DUE && !walk->cancelled && post_piece(manager, walk))
        walk_send(walk, now);
}

/* ---- the loop ---- */

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t work(struct manager *manager, int64_t now)
{
    int64_t until = now + TURN_MS;
    for (struct walk *walk = manager->walks, *next; walk; walk = next) {
        next = walk->next;
        walk_work(manager, walk, now);
        int64_t due = walk->state == WALK_OUT ? walk->due : until;
        bool gone = walk_end(manager, walk, now);
        until = !gone && due < until ? due : until;
    }
    for (const struct peer *peer = peers_first(); peer; peer = peer->next)
        until = peer->asking && peer->due < until ? peer->due : until;
    if (now >= manager->idle_at) {
        peers_close_idle(now);
        manager->idle_at = now + IDLE_EVERY_MS;
    }
    return until;
}

static nfds_t watch(struct manager *manager)
{
    nfds_t count = 1;
    manager->polled[0] = (struct pollfd){manager->channel, (short)(POLLIN | (manager->blocked ? POLLOUT : 0)), 0};
    for (struct peer *peer = peers_first(); peer && count <= MANAGER_WALKS_MAX; peer = peer->next) {
        netsnmp_transport *transport = peer->session && peer->walks ? snmp_sess_transport(peer->session) : NULL;
        if (!transport || transport->sock < 0)
            continue;
        manager->owners[count] = peer;
        manager->polled[count++] = (struct pollfd){transport->sock, POLLIN, 0};
    }
    return count;
}

static void read_peers(struct manager *manager, nfds_t count)
{
    for (nfds_t i = 1; i < count; i++) {
        if (!manager->polled[i].revents)
            continue;
        NETSNMP_LARGE_FD_ZERO(&manager->ready);
        NETSNMP_LARGE_FD_SET(manager->polled[i].fd, &manager->ready);
        snmp_sess_read2(manager->owners[i]->session, &manager->ready);
    }
}

/* The library looks for what timed out only when it is asked to. */
static void time_out(struct manager *manager, int64_t now)
{
    for (struct walk *walk = manager->walks; walk; walk = walk->next)
        if (walk->state == WALK_OUT && now >= walk->due) {
            walk->due = now + LOOK_AGAIN_MS; /* its clock may differ a little, or it has sent again */
            snmp_sess_timeout(walk->peer->session);
        }
    for (struct peer *peer = peers_first(); peer; peer = peer->next)
        if (peer->asking && now >= peer->due) {
            peer->due = now + LOOK_AGAIN_MS;
            snmp_sess_timeout(peer->session);
        }
}

static void turn(struct manager *manager)
{
    int64_t now = milliseconds(), until = work(manager, now);
    if (manager->channel < 0)
        return;
    nfds_t count = watch(manager);
    int64_t wait = until - now;
    if (poll(manager->polled, count, wait > 0 ? (int)wait : 1) < 0 && errno != EINTR)
        abort();
    if (manager->polled[0].revents & POLLOUT)
        manager->blocked = false;
    now = milliseconds();
    read_peers(manager, count);
    if (manager->polled[0].revents & ~POLLOUT)
        take_packets(manager, now);
    time_out(manager, now);
}

int snmp_manager_main(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return EX_USAGE;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    secret_guard();
    static struct manager the_manager;
    struct manager *manager = &the_manager;
    manager->channel = MANAGER_DESCRIPTOR;
    peers_begin();
    netsnmp_large_fd_set_init(&manager->ready, FD_SETSIZE);
    /* the library keeps something of each engine for ever; a new process begins with nothing */
    while (manager->channel >= 0 && (manager->walks || peers_engines() < ENGINES_MAX))
        turn(manager);
    return EX_OK; /* sockets and memory go with the process */
}
