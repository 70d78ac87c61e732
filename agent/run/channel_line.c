/* The line channel: a conversation's requests on one connection, and on a second one while data is transferred. See channel.h.
 * Memory is taken when something is in flight and given back when it is not. */
#include <string.h>

#include "channel.h"
#include "dialogue.h"
#include "loop.h"
#include "memory.h"
#include "transfer.h"

enum line_phase { LINE_IDLE, LINE_CONNECT, LINE_TLS, LINE_EXCHANGE, LINE_TRANSFER, LINE_DEFERRED };

/* only while data is transferred: the command, kept until the data connection stands */
struct errand {
    struct transfer *transfer;
    struct transfer_hooks hooks;
    size_t size;
    bool data_ended, final_came;
    char command[];
};

enum { EARLY_MAX = 65536 };

struct line_channel {
    uv_loop_t *loop;
    channel_reply *reply;
    void *context;
    struct wire *wire;
    struct errand *errand;
    struct loop_deferred *deferred;
    const char *host;
    char *early; /* came before it was asked for: begins the next reply */
    size_t early_size;
    uint64_t began_ns;
    struct dialogue dialogue;
    struct tls_peer peer; /* for the implicit TLS that follows the connection */
    int64_t certificate_days;
    uint16_t port, failed, deferred_reason; /* failed: REASON_OK until the connection is of no more use */
    uint8_t phase, inside;                  /* inside: a reply is being given, so nothing may be freed yet */
    bool closed, implicit;
};

struct line_channel *line_open(uv_loop_t *loop, channel_reply *reply, void *context)
{
    struct line_channel *channel = memory_zeroed(1, sizeof *channel);
    channel->loop = loop;
    channel->reply = reply;
    channel->context = context;
    channel->began_ns = uv_hrtime();
    channel->failed = REASON_OK;
    channel->certificate_days = INT64_MIN;
    return channel;
}

static void errand_close(struct line_channel *channel)
{
    if (!channel->errand)
        return;
    transfer_close(channel->errand->transfer);
    free(channel->errand);
    channel->errand = NULL;
}

static void wire_drop(struct line_channel *channel)
{
    errand_close(channel);
    if (channel->wire)
        wire_close(channel->wire);
    channel->wire = NULL;
}

static void early_drop(struct line_channel *channel)
{
    free(channel->early);
    channel->early = NULL;
    channel->early_size = 0;
}

static void early_keep(struct line_channel *channel, const char *data, size_t size)
{
    if (size == 0)
        return;
    channel->early = memory_resized(channel->early, channel->early_size + size);
    memcpy(channel->early + channel->early_size, data, size);
    channel->early_size += size;
}

/* Whoever is told may ask the next thing, or close: nothing of the channel may be touched after it when this is false. */
static bool tell(struct line_channel *channel, struct reply *reply)
{
    reply->connect_ms = channel->wire ? wire_connect_ms(channel->wire) : 0;
    reply->elapsed_ms = (msec_t)((uv_hrtime() - channel->began_ns) / 1000000);
    reply->certificate_days = channel->certificate_days;
    reply->wall = loop_wall();
    channel->inside++;
    channel->reply(channel->context, reply);
    channel->inside--;
    if (!channel->closed)
        return true;
    if (channel->inside == 0)
        free(channel);
    return false;
}

/* The request is answered. The reply's text moves out first: the next request may begin before we return. */
static void finish(struct line_channel *channel, uint16_t reason)
{
    struct dialogue answered = channel->dialogue;
    memset(&channel->dialogue, 0, sizeof channel->dialogue);
    channel->phase = LINE_IDLE;
    errand_close(channel);
    if (reason != REASON_OK) {
        channel->failed = reason;
        answered.size = 0;
    }
    struct reply reply = {.reason = reason, .data = answered.size ? answered.text : "", .size = answered.size};
    bool alive = tell(channel, &reply);
    if (alive && channel->phase == LINE_IDLE && channel->wire)
        wire_listen(channel->wire, false);
    dialogue_end(&answered);
}

static void deferred_now(void *context)
{
    struct line_channel *channel = context;
    channel->deferred = NULL;
    finish(channel, channel->deferred_reason);
}

/* The answer is known already, but must not come from inside the request. */
static void finish_soon(struct line_channel *channel, uint16_t reason)
{
    channel->phase = LINE_DEFERRED;
    channel->deferred_reason = reason;
    channel->deferred = loop_defer(channel->loop, deferred_now, channel);
}

static void secure(struct line_channel *channel)
{
    channel->phase = LINE_TLS;
    channel->peer.session = tls_session_key(&channel->peer, channel->host, channel->port);
    wire_secure(channel->wire, &channel->peer, NULL);
}

/* A reply of a transfer that only announces it: the final one is still to come. */
static bool preliminary(struct line_channel *channel)
{
    if (channel->phase != LINE_TRANSFER || channel->dialogue.size == 0 || channel->dialogue.text[0] != '1')
        return false;
    dialogue_begin(&channel->dialogue, EXPECT_FTP, 0);
    return true;
}

/* What is left belongs to the next reply. */
static uint16_t collect(struct line_channel *channel, const char *data, size_t size)
{
    uint16_t reason;
    do {
        size_t used = 0;
        reason = dialogue_feed(&channel->dialogue, data, size, &used);
        data += used;
        size -= used;
    } while (reason == REASON_OK && preliminary(channel));
    early_keep(channel, data, reason == REASON_NONE ? 0 : size);
    return reason;
}

/* A good final reply may overtake the data; a bad one says that none will come. */
static bool data_awaited(struct line_channel *channel)
{
    struct errand *errand = channel->errand;
    if (!errand || channel->dialogue.text[0] != '2')
        return false;
    errand->final_came = true;
    return !errand->data_ended;
}

static void bytes_came(struct line_channel *channel, const char *data, size_t size)
{
    bool asked = channel->phase == LINE_EXCHANGE || (channel->phase == LINE_TRANSFER && !channel->errand->final_came);
    if (!asked) {
        early_keep(channel, data, size);
        if (channel->early_size > EARLY_MAX)
            wire_listen(channel->wire, false);
        return;
    }
    uint16_t reason = collect(channel, data, size);
    if (reason != REASON_NONE && !(reason == REASON_OK && data_awaited(channel)))
        finish(channel, reason);
}

static void wire_told(void *context, struct wire *wire, const struct wire_event *event)
{
    struct line_channel *channel = context;
    switch (event->kind) {
    case WIRE_OPENED:
        if (event->reason == REASON_OK && channel->implicit)
            secure(channel);
        else
            finish(channel, event->reason);
        break;
    case WIRE_SECURED:
        channel->certificate_days = wire_certificate_days(wire);
        finish(channel, event->reason);
        break;
    case WIRE_BYTES:
        bytes_came(channel, event->data, event->size);
        break;
    case WIRE_ENDED:
        channel->failed = event->reason;
        if (channel->phase == LINE_EXCHANGE || (channel->phase == LINE_TRANSFER && !channel->errand->final_came))
            finish(channel, event->reason);
        break;
    }
}

static void peer_from(struct line_channel *channel, const struct request *request)
{
    const char *name = request->server_name ? request->server_name : request->host ? request->host : channel->host;
    channel->peer = (struct tls_peer){.server_name = name, .ca_file = request->ca_file, .insecure = request->insecure};
}

static void connect_begin(struct line_channel *channel, const struct request *request)
{
    wire_drop(channel);
    early_drop(channel);
    channel->host = request->host;
    channel->port = request->port;
    channel->implicit = request->tls;
    channel->failed = REASON_OK;
    channel->certificate_days = INT64_MIN;
    peer_from(channel, request);
    channel->phase = LINE_CONNECT;
    channel->wire = wire_open(channel->loop, request->host, request->port, wire_told, channel);
}

static void tls_begin(struct line_channel *channel, const struct request *request)
{
    /* What came in plain text must not be taken for what was said under TLS. */
    if (channel->early_size > 0) {
        finish_soon(channel, REASON_TLS_FAILED);
        return;
    }
    wire_listen(channel->wire, true);
    peer_from(channel, request);
    secure(channel);
}

static void exchange_begin(struct line_channel *channel, const struct request *request)
{
    dialogue_begin(&channel->dialogue, request->expect, request->limit);
    wire_send(channel->wire, request->bytes, request->size);
    uint16_t reason = request->expect == EXPECT_NOTHING ? REASON_OK : REASON_NONE;
    if (reason == REASON_NONE && channel->early_size > 0) {
        char *early = channel->early;
        size_t size = channel->early_size;
        channel->early = NULL;
        channel->early_size = 0;
        reason = collect(channel, early, size);
        free(early);
    }
    if (reason == REASON_NONE && channel->failed != REASON_OK)
        reason = channel->failed;
    if (reason != REASON_NONE) {
        finish_soon(channel, reason);
        return;
    }
    channel->phase = LINE_EXCHANGE;
    wire_listen(channel->wire, true);
}

static void data_connected(void *context)
{
    struct line_channel *channel = context;
    wire_send(channel->wire, channel->errand->command, channel->errand->size);
}

static void data_piece(void *context, const char *data, size_t size)
{
    struct reply reply = {.reason = REASON_OK, .data = data, .size = size, .more = true, .from_data = true};
    tell(context, &reply);
}

static void data_ended(void *context, uint16_t reason)
{
    struct line_channel *channel = context;
    channel->errand->data_ended = true;
    if (reason != REASON_OK || channel->errand->final_came)
        finish(channel, reason);
}

static void transfer_begin(struct line_channel *channel, const struct request *request)
{
    struct errand *errand = memory_zeroed(1, sizeof *errand + request->size);
    memcpy(errand->command, request->bytes, request->size);
    errand->size = request->size;
    errand->hooks = (struct transfer_hooks){data_connected, data_piece, data_ended, channel};
    channel->errand = errand;
    channel->phase = LINE_TRANSFER;
    dialogue_begin(&channel->dialogue, EXPECT_FTP, 0);
    peer_from(channel, request);
    errand->transfer = transfer_open(channel->wire, request->port, request->tls ? &channel->peer : NULL, request->limit, &errand->hooks);
    wire_listen(channel->wire, true);
}

void line_request(struct line_channel *channel, const struct request *request)
{
    bool usable = channel->wire && wire_is_open(channel->wire) && channel->failed == REASON_OK;
    if (request->kind == REQUEST_CONNECT)
        connect_begin(channel, request);
    else if (request->kind == REQUEST_EXCHANGE && channel->wire)
        exchange_begin(channel, request);
    else if (request->kind == REQUEST_TLS && usable)
        tls_begin(channel, request);
    else if (request->kind == REQUEST_TRANSFER && usable)
        transfer_begin(channel, request);
    else
        finish_soon(channel, channel->failed != REASON_OK ? channel->failed : REASON_NETWORK_ERROR);
}

static uint16_t reason_of_phase(struct line_channel *channel)
{
    switch (channel->phase) {
    case LINE_CONNECT:
        return wire_expired(channel->wire);
    case LINE_TRANSFER: {
        uint16_t reason = transfer_expired(channel->errand->transfer);
        return reason == REASON_NONE ? REASON_REPLY_TIMEOUT : reason;
    }
    case LINE_DEFERRED:
        return channel->deferred_reason;
    default:
        return REASON_REPLY_TIMEOUT;
    }
}

bool line_expire(struct line_channel *channel)
{
    if (channel->phase == LINE_IDLE)
        return false;
    uint16_t reason = reason_of_phase(channel);
    if (channel->deferred)
        loop_defer_cancel(channel->deferred);
    channel->deferred = NULL;
    finish(channel, reason);
    return true;
}

void line_close(struct line_channel *channel)
{
    wire_drop(channel);
    early_drop(channel);
    dialogue_end(&channel->dialogue);
    if (channel->deferred)
        loop_defer_cancel(channel->deferred);
    channel->closed = true;
    if (channel->inside == 0)
        free(channel);
}
