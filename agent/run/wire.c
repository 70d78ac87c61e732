/* See wire.h. Plain sockets in one shared poller: leaner than streams, and TLS works on the descriptor itself. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connect_reason.h"
#include "loop.h"
#include "memory.h"
#include "poller.h"
#include "wire.h"

enum wire_phase { WIRE_RESOLVING, WIRE_CONNECTING, WIRE_OPEN, WIRE_HANDSHAKE, WIRE_OVER };

struct wire {
    struct polled polled; /* stands first: the wire is what is polled */
    struct poller *poller;
    uv_loop_t *loop;
    wire_callback *callback;
    void *context;
    struct addresses *addresses;
    struct resolve_wait *resolving;
    struct loop_deferred *deferred;
    SSL *tls;
    uint64_t session, began_ns;
    char *out;
    size_t out_size, out_sent;
    int descriptor;              /* -1 = none */
    uint32_t connect_ms, events; /* events: asked of the poller; 0 = not in it */
    uint16_t port, why;
    uint8_t phase, position, tried;
    bool paused;
};

enum { READ_MAX = 16384 };     /* a whole TLS record, so that none stays behind unseen */
static char scratch[READ_MAX]; /* one loop thread */

static void connect_next(struct wire *wire);

static void tell(struct wire *wire, enum wire_event_kind kind, uint16_t reason)
{
    struct wire_event event = {.kind = kind, .reason = reason};
    if (kind == WIRE_ENDED || (kind == WIRE_OPENED && reason != REASON_OK))
        wire->phase = WIRE_OVER;
    wire->callback(wire->context, wire, &event);
}

/* No events: out of the set altogether, for it would go on telling that the peer hung up. */
static void poll_for(struct wire *wire, uint32_t events)
{
    if (events == wire->events)
        return;
    if (events == 0)
        poller_remove(wire->poller, &wire->polled, wire->descriptor);
    else if (wire->events == 0)
        poller_add(wire->poller, &wire->polled, wire->descriptor, events);
    else
        poller_change(wire->poller, &wire->polled, wire->descriptor, events);
    wire->events = events;
}

static void poll_open_wire(struct wire *wire)
{
    poll_for(wire, (wire->paused ? 0U : EPOLLIN) | (wire->out ? EPOLLOUT : 0U));
}

static void descriptor_close(struct wire *wire)
{
    if (wire->descriptor < 0)
        return;
    poll_for(wire, 0);
    close(wire->descriptor);
    wire->descriptor = -1;
}

static int connect_to(struct wire *wire, const union socket_address *address)
{
    union socket_address target = *address;
    bool old = target.any.sa_family == AF_INET;
    if (old)
        target.v4.sin_port = htons(wire->port);
    else
        target.v6.sin6_port = htons(wire->port);
    descriptor_close(wire);
    int descriptor = wire->poller ? socket(target.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (descriptor < 0)
        return wire->poller ? errno : EMFILE;
    wire->began_ns = uv_hrtime();
    int error = 0;
    if (connect(descriptor, &target.any, old ? sizeof target.v4 : sizeof target.v6) != 0 && errno != EINPROGRESS)
        error = errno;
    else
        error = poller_add(wire->poller, &wire->polled, descriptor, EPOLLOUT);
    if (error) {
        close(descriptor);
        return error;
    }
    wire->events = EPOLLOUT;
    wire->descriptor = descriptor;
    return 0;
}

static void connect_failed(void *context)
{
    struct wire *wire = context;
    wire->deferred = NULL;
    tell(wire, WIRE_OPENED, wire->why);
}

/* The most telling reason of all addresses is given: that one is unreachable says little when another refused. */
static void connect_next(struct wire *wire)
{
    wire->phase = WIRE_CONNECTING;
    while (wire->tried < wire->addresses->count) {
        wire->position = (uint8_t)((wire->addresses->preferred + wire->tried) % wire->addresses->count);
        wire->tried++;
        int error = connect_to(wire, &wire->addresses->items[wire->position]);
        if (error == 0)
            return;
        uint16_t reason = connect_reason(error);
        if (wire->why == REASON_NONE || reason != REASON_UNREACHABLE)
            wire->why = reason;
    }
    wire->phase = WIRE_OVER;
    descriptor_close(wire);
    wire->deferred = loop_defer(wire->loop, connect_failed, wire);
}

static void connect_event(struct wire *wire)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(wire->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        uint16_t reason = connect_reason(error);
        if (wire->why == REASON_NONE || reason != REASON_UNREACHABLE)
            wire->why = reason;
        connect_next(wire);
        return;
    }
    wire->connect_ms = (uint32_t)((uv_hrtime() - wire->began_ns) / 1000000);
    wire->addresses->preferred = wire->position;
    wire->phase = WIRE_OPEN;
    poll_open_wire(wire);
    tell(wire, WIRE_OPENED, REASON_OK);
}

static void handshake_event(struct wire *wire)
{
    bool wants_write = false;
    uint16_t reason = tls_handshake(wire->tls, &wants_write);
    if (reason == REASON_NONE) {
        poll_for(wire, wants_write ? EPOLLOUT : EPOLLIN);
        return;
    }
    wire->phase = WIRE_OPEN;
    if (reason == REASON_OK)
        poll_open_wire(wire);
    else
        poll_for(wire, 0);
    tell(wire, WIRE_SECURED, reason);
}

/* > 0 bytes; 0 the peer closed; -1 nothing now; -2 broken */
static ssize_t receive(struct wire *wire)
{
    if (!wire->tls) {
        ssize_t size = recv(wire->descriptor, scratch, sizeof scratch, 0);
        return size >= 0 ? size : errno == EAGAIN || errno == EINTR ? -1 : -2;
    }
    ERR_clear_error();
    int size = SSL_read(wire->tls, scratch, sizeof scratch);
    if (size > 0)
        return size;
    switch (SSL_get_error(wire->tls, size)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return -2;
    }
}

static ssize_t transmit(struct wire *wire, const char *data, size_t size)
{
    if (!wire->tls) {
        ssize_t sent = send(wire->descriptor, data, size, MSG_NOSIGNAL);
        return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    ERR_clear_error();
    int sent = SSL_write(wire->tls, data, (int)size);
    if (sent > 0)
        return sent;
    int error = SSL_get_error(wire->tls, sent);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void out_drop(struct wire *wire)
{
    if (!wire->out)
        return;
    OPENSSL_cleanse(wire->out, wire->out_size);
    free(wire->out);
    wire->out = NULL;
    wire->out_size = wire->out_sent = 0;
}

/* A failure to send is not told: what the peer said before it closed is still to be read, and then the end is. */
static void flush(struct wire *wire)
{
    ssize_t sent = transmit(wire, wire->out + wire->out_sent, wire->out_size - wire->out_sent);
    if (sent > 0)
        wire->out_sent += (size_t)sent;
    if (sent >= 0 && wire->out_sent < wire->out_size)
        return;
    out_drop(wire);
    poll_open_wire(wire);
}

static void read_once(struct wire *wire)
{
    ssize_t size = receive(wire);
    if (size == -1)
        return;
    if (size > 0) {
        struct wire_event event = {.kind = WIRE_BYTES, .reason = REASON_OK, .data = scratch, .size = (size_t)size};
        wire->callback(wire->context, wire, &event);
        return;
    }
    poll_for(wire, 0);
    tell(wire, WIRE_ENDED, size == 0 ? REASON_CLOSED_EARLY : REASON_NETWORK_ERROR);
}

/* An error or a hang-up counts as both: the calls themselves report best what it is. */
static void poll_event(struct polled *polled, uint32_t events)
{
    struct wire *wire = (struct wire *)(void *)polled;
    bool broken = events & (EPOLLERR | EPOLLHUP);
    if (wire->phase == WIRE_CONNECTING) {
        connect_event(wire);
    } else if (wire->phase == WIRE_HANDSHAKE) {
        handshake_event(wire);
    } else if (wire->phase == WIRE_OPEN) {
        if (wire->out && (broken || (events & EPOLLOUT)))
            flush(wire);
        if (!wire->paused && (broken || (events & EPOLLIN)))
            read_once(wire);
    }
}

static void resolved(void *context, struct addresses *addresses)
{
    struct wire *wire = context;
    wire->resolving = NULL;
    wire->addresses = addresses;
    if (addresses)
        connect_next(wire);
    else
        tell(wire, WIRE_OPENED, REASON_RESOLVE_FAILED);
}

static struct wire *wire_new(uv_loop_t *loop, uint16_t port, wire_callback *callback, void *context)
{
    struct wire *wire = memory_zeroed(1, sizeof *wire);
    wire->polled.event = poll_event;
    wire->poller = poller_hold(loop);
    wire->loop = loop;
    wire->callback = callback;
    wire->context = context;
    wire->descriptor = -1;
    wire->port = port;
    return wire;
}

struct wire *wire_open(uv_loop_t *loop, const char *host, uint16_t port, wire_callback *callback, void *context)
{
    struct wire *wire = wire_new(loop, port, callback, context);
    wire->addresses = resolve(loop, host, resolved, wire, &wire->resolving);
    if (wire->addresses) {
        connect_next(wire);
    } else if (!wire->resolving) {
        wire->why = REASON_RESOLVE_FAILED;
        wire->phase = WIRE_OVER;
        wire->deferred = loop_defer(loop, connect_failed, wire);
    }
    return wire;
}

struct wire *wire_open_beside(const struct wire *beside, uint16_t port, wire_callback *callback, void *context)
{
    struct wire *wire = wire_new(beside->loop, port, callback, context);
    wire->addresses = addresses_single(&beside->addresses->items[beside->position]);
    connect_next(wire);
    return wire;
}

static void secure_failed(void *context)
{
    struct wire *wire = context;
    wire->deferred = NULL;
    tell(wire, WIRE_SECURED, wire->why);
}

void wire_secure(struct wire *wire, const struct tls_peer *peer, const struct wire *resume)
{
    static bool pipes_quiet;
    if (!pipes_quiet) /* OpenSSL writes without MSG_NOSIGNAL */
        signal(SIGPIPE, SIG_IGN);
    pipes_quiet = true;
    wire->session = peer->session;
    wire->tls = tls_open(wire->descriptor, peer, resume ? resume->tls : NULL, &wire->session, &wire->why);
    if (!wire->tls) {
        poll_for(wire, 0);
        wire->deferred = loop_defer(wire->loop, secure_failed, wire);
        return;
    }
    wire->phase = WIRE_HANDSHAKE;
    poll_for(wire, EPOLLOUT);
}

void wire_send(struct wire *wire, const char *data, size_t size)
{
    if (wire->phase != WIRE_OPEN || size == 0)
        return;
    ssize_t sent = wire->out ? 0 : transmit(wire, data, size);
    if (sent < 0 || (size_t)sent == size)
        return;
    size_t rest = size - (size_t)sent, held = wire->out_size;
    char *out = memory_zeroed(1, held + rest); /* never realloc: what was secret would stay behind */
    if (wire->out)
        memcpy(out, wire->out, held);
    memcpy(out + held, data + sent, rest);
    size_t done = wire->out_sent;
    out_drop(wire);
    wire->out = out;
    wire->out_size = held + rest;
    wire->out_sent = done;
    poll_open_wire(wire);
}

void wire_listen(struct wire *wire, bool wanted)
{
    if (wire->paused == !wanted)
        return;
    wire->paused = !wanted;
    if (wire->phase == WIRE_OPEN)
        poll_open_wire(wire);
}

msec_t wire_connect_ms(const struct wire *wire)
{
    return wire->connect_ms;
}

bool wire_is_open(const struct wire *wire)
{
    return wire->phase == WIRE_OPEN;
}

int64_t wire_certificate_days(const struct wire *wire)
{
    return wire->tls ? tls_certificate_days(wire->tls) : INT64_MIN;
}

uint16_t wire_expired(struct wire *wire)
{
    switch (wire->phase) {
    case WIRE_RESOLVING:
        return REASON_RESOLVE_FAILED;
    case WIRE_CONNECTING:
        wire->addresses->preferred = (uint8_t)((wire->position + 1) % wire->addresses->count);
        return REASON_CONNECT_TIMEOUT;
    default:
        return REASON_REPLY_TIMEOUT;
    }
}

void wire_close(struct wire *wire)
{
    if (wire->resolving)
        resolve_cancel(wire->resolving);
    if (wire->deferred)
        loop_defer_cancel(wire->deferred);
    addresses_release(wire->addresses);
    out_drop(wire);
    tls_close(wire->tls);
    descriptor_close(wire);
    poller_release(wire->poller);
    free(wire);
}
