/* See transfer.h. */
#include <string.h>

#include "memory.h"
#include "transfer.h"

struct transfer {
    const struct wire *first;
    struct wire *wire;
    const struct transfer_hooks *hooks;
    struct tls_peer peer;
    size_t limit, received;
    bool tls, carriage, over;
    uint8_t inside; /* a hook is running, so nothing may be freed yet */
    bool closed;
};

enum { PIECE_MAX = 16384 };
static char piece[PIECE_MAX + 1]; /* one loop thread */

/* Copies `data`, CR LF as '\n'; a CR at the end waits for what follows it. */
static size_t lines_of(struct transfer *transfer, const char *data, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        if (transfer->carriage && data[i] != '\n')
            piece[used++] = '\r';
        transfer->carriage = data[i] == '\r';
        if (!transfer->carriage)
            piece[used++] = data[i];
    }
    return used;
}

static void ended(struct transfer *transfer, uint16_t reason)
{
    transfer->over = true;
    wire_close(transfer->wire); /* at once: some servers say 226 only when our end has closed */
    transfer->wire = NULL;
    transfer->hooks->ended(transfer->hooks->context, reason);
}

static void bytes_came(struct transfer *transfer, const char *data, size_t size)
{
    if (size > transfer->limit - transfer->received) {
        ended(transfer, REASON_REPLY_TOO_LARGE);
        return;
    }
    transfer->received += size;
    size_t used = lines_of(transfer, data, size);
    if (used > 0)
        transfer->hooks->piece(transfer->hooks->context, piece, used);
}

static void opened(struct transfer *transfer, uint16_t reason)
{
    if (reason != REASON_OK) {
        ended(transfer, reason);
        return;
    }
    transfer->hooks->connected(transfer->hooks->context);
    /* The server shakes hands once it has read the command; ours may wait in its socket. */
    if (transfer->tls && !transfer->closed)
        wire_secure(transfer->wire, &transfer->peer, transfer->first);
}

static void wire_told(void *context, struct wire *wire, const struct wire_event *event)
{
    struct transfer *transfer = context;
    (void)wire;
    if (transfer->over)
        return;
    transfer->inside++;
    if (event->kind == WIRE_OPENED)
        opened(transfer, event->reason);
    else if (event->kind == WIRE_BYTES)
        bytes_came(transfer, event->data, event->size);
    else if (event->kind == WIRE_ENDED)
        ended(transfer, event->reason == REASON_CLOSED_EARLY ? REASON_OK : event->reason);
    else if (event->reason != REASON_OK)
        ended(transfer, event->reason);
    if (--transfer->inside == 0 && transfer->closed)
        free(transfer);
}

struct transfer *transfer_open(const struct wire *first, uint16_t port, const struct tls_peer *peer, size_t limit,
                               const struct transfer_hooks *hooks)
{
    struct transfer *transfer = memory_zeroed(1, sizeof *transfer);
    transfer->first = first;
    transfer->hooks = hooks;
    transfer->limit = limit ? limit : TRANSFER_LIMIT_PRESET;
    if (peer) {
        transfer->tls = true;
        transfer->peer = *peer;
    }
    transfer->wire = wire_open_beside(first, port, wire_told, transfer);
    return transfer;
}

uint16_t transfer_expired(struct transfer *transfer)
{
    return transfer->over ? REASON_NONE : wire_expired(transfer->wire);
}

void transfer_close(struct transfer *transfer)
{
    if (transfer->wire)
        wire_close(transfer->wire);
    transfer->closed = transfer->over = true;
    if (transfer->inside == 0)
        free(transfer);
}
