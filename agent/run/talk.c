/* See talk.h. */
#include <stddef.h>
#include <string.h>

#include "channel.h"
#include "loop.h"
#include "memory.h"
#include "talk.h"

struct talk {
    uv_loop_t *loop;
    const struct source_conf *conf;
    const struct talk_hooks *hooks;
    void *context;
    struct line_channel *line;
    struct exec_channel *exec;
    struct request *held; /* a request with a password that must wait */
    char *password;
    msec_t started, connect_ms;
    bool connected, expired;
    _Alignas(max_align_t) unsigned char state[];
};

/* Large, needed for the length of one call only, and there is one loop thread. */
static struct request next_request;
static struct seen what_was_seen;

static channel_reply replied;

struct talk *talk_open(uv_loop_t *loop, const struct source_conf *conf, const struct talk_hooks *hooks, void *context)
{
    struct talk *talk = memory_zeroed(1, sizeof *talk + conf->type->state_size);
    talk->loop = loop;
    talk->conf = conf;
    talk->hooks = hooks;
    talk->context = context;
    talk->started = loop_now();
    return talk;
}

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

static void end(struct talk *talk)
{
    struct seen *seen = &what_was_seen;
    if (talk->connected)
        add_connect_time(seen, talk->connect_ms);
    if (talk->conf->aspect != ASPECT_NONE && talk->conf->aspect != ASPECT_ENDPOINT)
        seen_for_node(seen, talk->conf->aspect);
    uint16_t reason = seen->count > 0 ? seen->items[0].reason : REASON_OK;
    talk->hooks->ended(talk->context, seen, reason, talk->started, loop_now() - talk->started);
    talk_drop(talk);
}

void talk_cancel(struct talk *talk, uint16_t reason)
{
    seen_unknown(&what_was_seen, talk->conf, reason);
    end(talk);
}

static void carry_out(struct talk *talk, struct request *request)
{
    if (request->kind == REQUEST_RUN) {
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

bool talk_held(const struct talk *talk)
{
    return talk->held != NULL;
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

static void send_secret(struct talk *talk)
{
    uint16_t permitted = talk->hooks->secret(talk->context);
    if (permitted == REASON_OK) {
        carry_out(talk, &next_request);
    } else if (permitted == REASON_NONE) {
        hold(talk, &next_request);
    } else {
        secret_wipe(next_request.bytes, sizeof next_request.bytes);
        talk_cancel(talk, permitted);
    }
}

static enum step take_step(struct talk *talk, const struct reply *in)
{
    const struct source_conf *conf = talk->conf;
    const struct credential credential = {.user = conf->user ? conf->user : "", .password = talk->password};
    const struct probe_context context = {.host = conf->host,
                                          .port = conf->port,
                                          .credential = conf->credential ? &credential : NULL,
                                          .node = conf->node,
                                          .address = conf->node_address};
    next_request.kind = REQUEST_NONE;
    memset(&what_was_seen, 0, sizeof what_was_seen);
    return conf->type->step(conf->conf, talk->state, &context, in, &next_request, &what_was_seen);
}

static void advance(struct talk *talk, const struct reply *in)
{
    if (take_step(talk, in) == STEP_DONE)
        end(talk);
    else if (talk->expired) /* it asks for more after its deadline */
        talk_cancel(talk, !in || in->reason == REASON_OK ? REASON_REPLY_TIMEOUT : in->reason);
    else if (next_request.kind == REQUEST_NONE)
        return; /* the request before it goes on */
    else if (next_request.secret)
        send_secret(talk);
    else
        carry_out(talk, &next_request);
}

static void replied(void *context, const struct reply *reply)
{
    struct talk *talk = context;
    if (talk->line && reply->reason == REASON_OK && !talk->connected) {
        talk->connected = true;
        talk->connect_ms = reply->connect_ms;
    }
    if (reply->reason == REASON_NO_RESOURCES) /* our trouble, which says nothing about the target */
        talk_cancel(talk, reply->reason);
    else
        advance(talk, reply);
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
    if (talk->conf->credential && !password_read(talk))
        talk_cancel(talk, REASON_SECRET_UNREADABLE);
    else
        advance(talk, NULL);
}

void talk_expire(struct talk *talk)
{
    talk->expired = true;
    if (talk->held)
        talk_cancel(talk, REASON_BACKED_OFF);
    else if (talk->exec)
        exec_expire(talk->exec);
    else if (!talk->line || !line_expire(talk->line))
        talk_cancel(talk, REASON_REPLY_TIMEOUT);
}
