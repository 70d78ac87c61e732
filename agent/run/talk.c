/* See talk.h. */
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "channel.h"
#include "channel_http.h"
#include "channel_snmp.h"
#include "loop.h"
#include "memory.h"
#include "talk.h"

enum { MEMORY_MAX = 8 << 20 };

/* What a probe was lent: all of it is given back when the conversation ends, however it ends. */
struct lent {
    struct lent *next, *before;
    size_t size;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct talk {
    struct bounded_memory memory; /* for its parsers, which keep the address */
    uv_loop_t *loop;
    const struct source_conf *conf;
    const struct talk_hooks *hooks;
    void *context;
    struct line_channel *line;
    struct exec_channel *exec;
    struct talk_pools pools;
    struct http_channel *http;
    struct snmp_channel *snmp;
    struct request *held; /* a request with a password that must wait */
    char *password;
    struct lent *lent;
    size_t lent_bytes;
    msec_t started, connect_ms;
    uint32_t round;
    bool connected, expired;
    bool greeting, greeted, admitted, refused; /* http: whether the server is there; what it thinks of the credential */
    uint8_t nonce[16];
    _Alignas(max_align_t) unsigned char state[];
};

/* Large, needed for the length of one call only, and there is one loop thread. */
static struct request next_request;
static struct seen what_was_seen;

static channel_reply replied, http_replied;

/* ---- memory for parsers ---- */

static void *lend(size_t size, void *context)
{
    struct talk *talk = context;
    if (size > MEMORY_MAX || talk->lent_bytes + size > MEMORY_MAX)
        return NULL;
    struct lent *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->size = size;
    block->before = NULL;
    block->next = talk->lent;
    if (block->next)
        block->next->before = block;
    talk->lent = block;
    talk->lent_bytes += size;
    return block->bytes;
}

static void take_back(void *bytes, void *context)
{
    struct talk *talk = context;
    if (!bytes)
        return;
    struct lent *block = (struct lent *)(void *)((unsigned char *)bytes - offsetof(struct lent, bytes));
    talk->lent_bytes -= block->size;
    if (block->next)
        block->next->before = block->before;
    if (block->before)
        block->before->next = block->next;
    else
        talk->lent = block->next;
    free(block);
}

struct talk *talk_open(uv_loop_t *loop, const struct talk_pools *pools, const struct source_conf *conf, uint32_t round,
                       const struct talk_hooks *hooks, void *context)
{
    struct talk *talk = memory_zeroed(1, sizeof *talk + conf->type->state_size);
    talk->loop = loop;
    talk->pools = *pools;
    talk->conf = conf;
    talk->round = round;
    talk->hooks = hooks;
    talk->memory = (struct bounded_memory){lend, take_back, talk};
    talk->context = context;
    talk->started = loop_now();
    if (conf->type->estate && getrandom(talk->nonce, sizeof talk->nonce, 0) != (ssize_t)sizeof talk->nonce)
        abort();
    return talk;
}

/* ---- the end ---- */

static void held_drop(struct talk *talk)
{
    if (talk->held)
        secret_wipe(talk->held, sizeof *talk->held);
    free(talk->held);
    talk->held = NULL;
}

void talk_drop(struct talk *talk)
{
    if (talk->line)
        line_close(talk->line);
    if (talk->exec)
        exec_close(talk->exec);
    if (talk->http)
        http_close(talk->http);
    if (talk->snmp)
        snmp_channel_close(talk->snmp);
    while (talk->lent)
        take_back(talk->lent->bytes, talk);
    held_drop(talk);
    if (talk->password)
        secret_wipe(talk->password, strlen(talk->password));
    free(talk->password);
    secret_wipe(talk->state, talk->conf->type->state_size);
    free(talk);
}

void seen_unknown(struct seen *seen, const struct source_conf *conf, uint16_t reason)
{
    memset(seen, 0, sizeof *seen);
    seen->items[0].aspect = conf->aspect ? conf->aspect : ASPECT_ENDPOINT;
    seen->items[0].reason = reason;
    seen->count = 1;
}

static void add_connect_time(struct seen *seen, msec_t connect_ms)
{
    if (seen->perf_count < PERF_MAX)
        seen->perf[seen->perf_count++] = (struct perf){.label = "connect_ms", .unit = "ms", .value = (double)connect_ms};
}

/* Nobody answered the probe, so only the channel knows why: which name the certificate has, what the KDC said, which passphrase is wrong.
 */
static void add_why(const struct talk *talk, struct seen *seen)
{
    const char *why = talk->http ? http_channel_why(talk->http) : talk->snmp ? snmp_channel_why(talk->snmp) : "";
    if (*why)
        snprintf(seen->text, sizeof seen->text, "%s", why);
}

static void end(struct talk *talk)
{
    struct seen *seen = &what_was_seen;
    add_why(talk, seen);
    if (talk->connected)
        add_connect_time(seen, talk->connect_ms);
    if (talk->conf->aspect != ASPECT_NONE && talk->conf->aspect != ASPECT_ENDPOINT)
        seen_for_node(seen, talk->conf->aspect);
    seen->logged_in |= talk->admitted;
    seen->credential_refused |= talk->refused;
    uint16_t reason = seen->count > 0 ? seen->items[0].reason : REASON_OK;
    talk->hooks->ended(talk->context, seen, reason, talk->started, loop_now() - talk->started);
    talk_drop(talk);
}

void talk_cancel(struct talk *talk, uint16_t reason)
{
    seen_unknown(&what_was_seen, talk->conf, reason);
    end(talk);
}

/* ---- requests ---- */

static bool is_http(const struct request *request)
{
    return request->kind == REQUEST_POST || request->kind == REQUEST_FETCH;
}

static void http_needed(struct talk *talk)
{
    if (!talk->http)
        talk->http = http_open(talk->pools.http, talk->conf->http, http_replied, talk);
}

static void carry_out(struct talk *talk, struct request *request)
{
    if (is_http(request)) {
        http_needed(talk);
        http_request(talk->http, request);
    } else if (request->kind == REQUEST_WALK) {
        if (!talk->snmp)
            talk->snmp = snmp_channel_open(talk->pools.snmp, talk->conf->snmp, replied, talk);
        snmp_channel_request(talk->snmp, request);
    } else if (request->kind == REQUEST_RUN) {
        if (!talk->exec)
            talk->exec = exec_open(talk->loop, replied, talk);
        exec_request(talk->exec, request);
    } else {
        if (!talk->line)
            talk->line = line_open(talk->loop, replied, talk);
        line_request(talk->line, request);
    }
    if (request->secret)
        secret_wipe(request->bytes, sizeof request->bytes);
}

static void hold(struct talk *talk, struct request *request)
{
    talk->held = memory_zeroed(1, sizeof *talk->held);
    *talk->held = *request;
    secret_wipe(request->bytes, sizeof request->bytes);
}

void talk_go_on(struct talk *talk)
{
    carry_out(talk, talk->held);
    held_drop(talk);
}

static void send_held(struct talk *talk)
{
    uint16_t permitted = talk->hooks->secret(talk->context);
    if (permitted == REASON_OK)
        talk_go_on(talk);
    else if (permitted != REASON_NONE)
        talk_cancel(talk, permitted);
}

/* Over http the credential goes with every request, so who risks an unproven one makes sure first that somebody is there: a machine that is
 * down must not keep all others from trying. */
static void send_secret(struct talk *talk)
{
    hold(talk, &next_request);
    if (!is_http(talk->held) || talk->greeted || talk->hooks->proven(talk->context)) {
        send_held(talk);
        return;
    }
    talk->greeting = true;
    http_needed(talk);
    http_greet(talk->http, talk->held);
}

/* ---- steps ---- */

static enum step take_step(struct talk *talk, const struct reply *in)
{
    const struct source_conf *conf = talk->conf;
    const struct credential credential = {.user = conf->user ? conf->user : "", .password = talk->password};
    struct probe_context context = {.host = conf->host,
                                    .port = conf->port,
                                    .credential = conf->credential ? &credential : NULL,
                                    .node = conf->node,
                                    .address = conf->node_address,
                                    .found = talk->hooks->found,
                                    .wanted = talk->hooks->wanted,
                                    .found_context = talk->context,
                                    .memory = &talk->memory,
                                    .url = conf->http ? conf->http->url : "",
                                    .round = talk->round,
                                    .timeout = conf->timeout};
    memcpy(context.nonce, talk->nonce, sizeof context.nonce);
    next_request.kind = REQUEST_NONE;
    memset(&what_was_seen, 0, sizeof what_was_seen);
    return conf->type->step(conf->conf, talk->state, &context, in, &next_request, &what_was_seen);
}

/* A credential of the line protocols is in the request's own bytes; the http channel adds it by itself. */
static bool holds_secret(const struct talk *talk, const struct request *request)
{
    return request->secret || (is_http(request) && talk->conf->http->auth != HTTP_AUTH_NONE);
}

static void advance(struct talk *talk, const struct reply *in)
{
    if (take_step(talk, in) == STEP_DONE)
        end(talk);
    else if (talk->expired) /* it asks for more after its deadline */
        talk_cancel(talk, !in || in->reason == REASON_OK ? REASON_REPLY_TIMEOUT : in->reason);
    else if (next_request.kind == REQUEST_NONE)
        return; /* the request before it goes on */
    else if ((is_http(&next_request) && !talk->conf->http) || (next_request.kind == REQUEST_WALK && !talk->conf->snmp))
        talk_cancel(talk, REASON_NOT_SENDABLE);
    else if (holds_secret(talk, &next_request))
        send_secret(talk);
    else
        carry_out(talk, &next_request);
}

static void replied(void *context, const struct reply *reply)
{
    struct talk *talk = context;
    if ((talk->line || talk->http) && reply->reason == REASON_OK && !talk->connected) {
        talk->connected = true;
        talk->connect_ms = reply->connect_ms;
    }
    if (reply->reason == REASON_NO_RESOURCES) /* our trouble, which says nothing about the target */
        talk_cancel(talk, reply->reason);
    else
        advance(talk, reply);
}

static void note_login(struct talk *talk, const struct reply *reply)
{
    if (talk->conf->http->auth == HTTP_AUTH_NONE || reply->more)
        return;
    talk->refused |= reply->reason == REASON_LOGIN_REFUSED;
    if (reply->reason != REASON_OK || talk->admitted)
        return;
    talk->admitted = true;
    talk->hooks->admitted(talk->context);
}

static void greeted(struct talk *talk, const struct reply *reply)
{
    talk->greeting = false;
    talk->greeted = reply->reason == REASON_OK;
    if (talk->greeted) {
        send_held(talk);
        return;
    }
    held_drop(talk);
    replied(talk, reply);
}

static void http_replied(void *context, const struct reply *reply)
{
    struct talk *talk = context;
    if (talk->greeting) {
        greeted(talk, reply);
        return;
    }
    note_login(talk, reply);
    replied(talk, reply);
}

/* A secret is read just before it is needed, never longer than the conversation in memory. */
static bool password_read(struct talk *talk)
{
    char buffer[256], error[256];
    if (!talk->conf->password_file)
        return talk->conf->credential == NULL;
    int size = secret_read(talk->conf->password_file, buffer, sizeof buffer, error, sizeof error);
    if (size < 0)
        return false;
    talk->password = memory_zeroed(1, (size_t)size + 1);
    memcpy(talk->password, buffer, (size_t)size);
    secret_wipe(buffer, sizeof buffer);
    return true;
}

void talk_start(struct talk *talk)
{
    bool needed = talk->conf->credential && !talk->conf->http; /* the http channel reads its own */
    if (needed && !password_read(talk))
        talk_cancel(talk, REASON_SECRET_UNREADABLE);
    else
        advance(talk, NULL);
}

void talk_expire(struct talk *talk)
{
    talk->expired = true;
    if (talk->held && !talk->greeting)
        talk_cancel(talk, REASON_BACKED_OFF);
    else if (talk->http)
        http_expire(talk->http);
    else if (talk->snmp)
        snmp_channel_expire(talk->snmp);
    else if (talk->exec)
        exec_expire(talk->exec);
    else if (!talk->line || !line_expire(talk->line))
        talk_cancel(talk, REASON_REPLY_TIMEOUT);
}
