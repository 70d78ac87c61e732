/* See channel_http.h. What is asked of a target is its site's (http_site.h); here are the queues before the sites, and the replies. */
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "gate.h"
#include "http_site.h"
#include "loop.h"
#include "memory.h"

enum channel_phase { CHANNEL_IDLE, CHANNEL_QUEUED, CHANNEL_ASKS, CHANNEL_DEFERRED };

struct target {
    UT_hash_handle hh;
    const struct http_target *key;
    struct http_pool *pool;
    struct http_channel *asking;
    struct gate gate; /* only its queue is used */
    struct http_site site;
};

struct http_channel {
    struct waiter waiter;
    struct target *target;
    channel_reply *reply;
    void *context;
    struct loop_deferred *deferred;
    struct http_ask ask;
    uint64_t began_ns;
    uint16_t deferred_reason;
    uint8_t phase, inside;
    bool closed;
    char why[160];
};

struct http_pool {
    uv_loop_t *loop;
    struct http_identity *identities;
    struct target *targets;
    struct spnego *spnego; /* from the first Kerberos identity on */
    struct http_counters counters;
};

/* ---- replies ---- */

/* Whoever is told may ask the next thing, or close. */
static void tell(struct http_channel *channel, struct reply *reply)
{
    const struct http_endpoint *endpoint = &channel->target->site.endpoint;
    reply->connect_ms = endpoint->connect_ms;
    reply->elapsed_ms = (msec_t)((uv_hrtime() - channel->began_ns) / 1000000);
    reply->certificate_days = endpoint->bond ? endpoint->bond->certificate_days : INT64_MIN;
    reply->wall = loop_wall();
    channel->inside++;
    channel->reply(channel->context, reply);
    channel->inside--;
    if (channel->closed && channel->inside == 0)
        free(channel);
}

static void finish(struct http_channel *channel, uint16_t reason, int status)
{
    struct reply reply = {.reason = reason, .data = "", .http_status = status};
    channel->phase = CHANNEL_IDLE;
    tell(channel, &reply);
}

static void deferred_now(void *context)
{
    struct http_channel *channel = context;
    channel->deferred = NULL;
    finish(channel, channel->deferred_reason, 0);
}

static void finish_soon(struct http_channel *channel, uint16_t reason)
{
    channel->phase = CHANNEL_DEFERRED;
    channel->deferred_reason = reason;
    channel->deferred = loop_defer(channel->target->pool->loop, deferred_now, channel);
}

/* ---- the queue of a target ---- */

static void begin(struct target *target, struct http_channel *channel)
{
    target->asking = channel;
    channel->phase = CHANNEL_ASKS;
    uint16_t reason = http_site_ask(&target->site, &channel->ask, channel, channel->why);
    if (reason == REASON_OK)
        return;
    target->asking = NULL;
    finish_soon(channel, reason);
}

static void begin_next(struct target *target)
{
    struct waiter *waiter;
    target->asking = NULL;
    while (!target->asking && (waiter = gate_next(&target->gate)))
        begin(target, (struct http_channel *)(void *)((char *)waiter - offsetof(struct http_channel, waiter)));
}

static void piece_came(void *context, const char *data, size_t size)
{
    struct reply reply = {.reason = REASON_OK, .data = data, .size = size, .more = true};
    tell(context, &reply);
}

static void site_ended(void *context, const struct http_answer *answer)
{
    struct http_channel *channel = context;
    snprintf(channel->why, sizeof channel->why, "%s", answer->why);
    begin_next(channel->target);
    finish(channel, answer->reason, answer->status);
}

/* ---- channels ---- */

static void ask_from(struct http_ask *ask, const struct request *request)
{
    *ask = (struct http_ask){.post = request->kind == REQUEST_POST,
                             .path = request->path,
                             .content_type = request->content_type,
                             .body = request->body,
                             .body_size = request->body_size,
                             .limit = request->limit};
}

static void ask(struct http_channel *channel, const struct request *request, bool empty)
{
    struct target *target = channel->target;
    channel->why[0] = '\0';
    ask_from(&channel->ask, request);
    channel->ask.empty = empty;
    if (request->kind != REQUEST_POST && request->kind != REQUEST_FETCH) {
        finish_soon(channel, REASON_NOT_SENDABLE);
    } else if (target->asking) {
        channel->phase = CHANNEL_QUEUED;
        gate_wait(&target->gate, &channel->waiter);
    } else {
        begin(target, channel);
    }
}

void http_request(struct http_channel *channel, const struct request *request)
{
    ask(channel, request, false);
}

void http_greet(struct http_channel *channel, const struct request *request)
{
    ask(channel, request, true);
}

/* Takes the channel out of whatever it waits for, and says why it had to wait. */
static uint16_t give_up(struct http_channel *channel)
{
    struct target *target = channel->target;
    uint16_t reason = REASON_REPLY_TIMEOUT;
    if (channel->phase == CHANNEL_QUEUED) {
        gate_leave_queue(&channel->waiter);
    } else if (channel->phase == CHANNEL_ASKS) {
        reason = http_site_expire(&target->site);
        begin_next(target);
    } else if (channel->phase == CHANNEL_DEFERRED) {
        reason = channel->deferred_reason;
        loop_defer_cancel(channel->deferred);
        channel->deferred = NULL;
    }
    channel->phase = CHANNEL_IDLE;
    return reason;
}

bool http_expire(struct http_channel *channel)
{
    if (channel->phase == CHANNEL_IDLE)
        return false;
    finish(channel, give_up(channel), 0);
    return true;
}

void http_close(struct http_channel *channel)
{
    give_up(channel);
    channel->closed = true;
    if (channel->inside == 0)
        free(channel);
}

const char *http_channel_why(const struct http_channel *channel)
{
    return channel->why;
}

/* ---- identities and targets ---- */

static bool same(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

static void turned(void *context)
{
    http_sites_tell(context);
}

static void done(void *context, void *private, CURLcode result)
{
    (void)context;
    http_site_done(private, result);
}

static struct spnego_identity *kerberos_open(struct http_pool *pool, const struct http_target *target)
{
    const struct spnego_account account = {target->user, target->keytab_file, target->password_file};
    if (!target->user)
        return NULL; /* nothing will be sent: http_endpoint_objection */
    if (!pool->spnego)
        pool->spnego = spnego_open(pool->loop);
    return spnego_identity_open(pool->spnego, &account);
}

static struct http_identity *identity_open(struct http_pool *pool, const struct http_target *target)
{
    struct http_identity *identity = memory_zeroed(1, sizeof *identity);
    const struct http_multi_hooks hooks = {turned, done, identity};
    identity->loop = pool->loop;
    identity->auth = target->auth;
    identity->credential = target->credential ? strdup(target->credential) : NULL;
    identity->user = target->user ? strdup(target->user) : NULL;
    identity->multi = http_multi_open(pool->loop, &hooks);
    if (!identity->multi)
        abort();
    if (target->auth == HTTP_AUTH_KERBEROS)
        identity->spnego = kerberos_open(pool, target);
    identity->next = pool->identities;
    pool->identities = identity;
    return identity;
}

static struct http_identity *identity_of(struct http_pool *pool, const struct http_target *target)
{
    struct http_identity *identity = pool->identities;
    while (identity &&
           !(identity->auth == target->auth && same(identity->credential, target->credential) && same(identity->user, target->user)))
        identity = identity->next;
    return identity ? identity : identity_open(pool, target);
}

static struct target *target_of(struct http_pool *pool, const struct http_target *key)
{
    static const struct http_site_hooks hooks = {piece_came, site_ended};
    struct target *target;
    HASH_FIND_PTR(pool->targets, &key, target);
    if (target)
        return target;
    target = memory_zeroed(1, sizeof *target);
    target->key = key;
    target->pool = pool;
    gate_open(&target->gate, UINT32_MAX);
    http_site_open(&target->site, key, identity_of(pool, key), &pool->counters, &hooks);
    HASH_ADD_PTR(pool->targets, key, target);
    return target;
}

struct http_channel *http_open(struct http_pool *pool, const struct http_target *target, channel_reply *reply, void *context)
{
    struct http_channel *channel = memory_zeroed(1, sizeof *channel);
    channel->target = target_of(pool, target);
    channel->reply = reply;
    channel->context = context;
    channel->began_ns = uv_hrtime();
    return channel;
}

/* ---- the pool ---- */

struct http_pool *http_pool_open(uv_loop_t *loop)
{
    struct http_pool *pool = memory_zeroed(1, sizeof *pool);
    pool->loop = loop;
    return pool;
}

const struct http_counters *http_pool_counters(struct http_pool *pool)
{
    if (pool->spnego) {
        pool->counters.tokens = spnego_counters(pool->spnego)->tokens;
        pool->counters.token_timeouts = spnego_counters(pool->spnego)->timeouts;
        pool->counters.renewals = spnego_counters(pool->spnego)->renewals;
    }
    return &pool->counters;
}

static void identity_close(struct http_identity *identity)
{
    http_multi_close(identity->multi);
    if (identity->spnego)
        spnego_identity_close(identity->spnego);
    free(identity->credential);
    free(identity->user);
    free(identity);
}

void http_pool_close(struct http_pool *pool)
{
    struct target *target, *next_target;
    HASH_ITER(hh, pool->targets, target, next_target)
    {
        HASH_DEL(pool->targets, target);
        http_site_close(&target->site);
        free(target);
    }
    while (pool->identities) {
        struct http_identity *identity = pool->identities;
        pool->identities = identity->next;
        identity_close(identity);
    }
    if (pool->spnego)
        spnego_close(pool->spnego);
    free(pool);
}
