/* See runner.h. A source is waiting for its slot, waiting at a gate, or talking; the same wheel holds slots and deadlines. */
#include <assert.h>
#include <string.h>
#include <sys/resource.h>
#include <uthash.h>

#include "backoff.h"
#include "channel_http.h"
#include "channel_snmp.h"
#include "gate.h"
#include "loop.h"
#include "memory.h"
#include "poller.h"
#include "runner.h"
#include "scheduler.h"
#include "talk.h"

enum { FIRST_ROUND_MS = 2000, LATE_US = 100000, TURN_MAX = 64, DESCRIPTORS_SPARE = 256, IN_FLIGHT_MAX = 16384 };
enum source_phase { SOURCE_WAITS, SOURCE_QUEUED, SOURCE_TALKS };
enum { NO_CREDENTIAL = UINT16_MAX };

struct source {
    struct wheel_entry entry; /* its slot while it waits, its deadline while it talks */
    struct waiter waiter;     /* at a gate, in the ready list, or among those whose password must wait */
    struct runner *runner;
    struct talk *talk;
    struct gate *gate; /* of its host, or of all programs */
    msec_t due;
    struct backoff own; /* its machine refuses what others take */
    uint32_t round;
    uint16_t position, credential, host; /* host: equal for all sources that ask the same one */
    uint8_t phase;
    bool again;
};

struct credential_state {
    struct backoff backoff;
    struct source *tester; /* whose password is being judged while it is unproven */
    struct gate held;      /* only its queue is used */
    msec_t admitted_at;    /* when it let somebody in last */
    msec_t refused_at;     /* when it was refused last, and by whom */
    uint16_t refused_host;
    bool answering;
};

struct runner {
    uv_loop_t *loop;
    uv_timer_t *timer;
    struct poller *poller; /* held, so that it does not come and go with every conversation */
    const struct compiled *compiled;
    runner_seen *seen;
    runner_found *found;
    runner_wanted *wanted;
    void *context;
    struct talk_pools pools;
    struct source *sources;
    struct gate *hosts;
    struct credential_state *credentials;
    struct gate all, programs, ready; /* ready: its queue of those that may try their gates now */
    uint16_t count, credential_count;
    bool emptying_ready, turning; /* turning: the timer is armed once at the end */
    msec_t armed, started;
    struct runner_counters counters;
    struct wheel wheel;
};

static void timer_fired(uv_timer_t *timer);
static void conversation_ended(void *context, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms);
static uint16_t password_permitted(void *context);
static bool credential_proven(void *context);
static void credential_admitted(void *context);
static void something_found(void *context, const struct found *found);
static bool resource_wanted(void *context, enum found_kind kind, char name[FOUND_NAME]);
static const struct talk_hooks hooks = {.secret = password_permitted,
                                        .proven = credential_proven,
                                        .admitted = credential_admitted,
                                        .ended = conversation_ended,
                                        .found = something_found,
                                        .wanted = resource_wanted};

static const struct source_conf *conf_of(const struct source *source)
{
    return &source->runner->compiled->sources[source->position];
}

static struct source *source_of(struct waiter *waiter)
{
    return (struct source *)(void *)((char *)waiter - offsetof(struct source, waiter));
}

/* ---- slots ---- */

static void arm(struct runner *runner)
{
    msec_t idle = wheel_idle(&runner->wheel, loop_now());
    if (idle < 0)
        return;
    runner->armed = loop_now() + idle;
    msec_t wait = runner->armed - (msec_t)uv_now(runner->loop);
    uv_timer_start(runner->timer, timer_fired, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void put(struct source *source, msec_t due)
{
    struct runner *runner = source->runner;
    wheel_put(&runner->wheel, &source->entry, due);
    if (!runner->turning && (!uv_is_active((uv_handle_t *)runner->timer) || due < runner->armed))
        arm(runner);
}

static msec_t to_slot(msec_t at)
{
    return (at + SLOT_MS - 1) / SLOT_MS * SLOT_MS;
}

/* Each source has its own place in the interval, for ever the same; a slot that was missed is not made up for. */
static msec_t next_due(const struct source *source, msec_t after)
{
    const char *name = source->runner->compiled->policy.sources[source->position].name;
    msec_t every = conf_of(source)->every;
    msec_t place = (msec_t)(hash_text(name, strlen(name)) % (uint64_t)every);
    msec_t turn = (after - source->runner->started - place) / every;
    msec_t due = source->runner->started + place + turn * every;
    while (due <= after)
        due += every;
    return to_slot(due);
}

static void schedule(struct source *source, msec_t now)
{
    source->phase = SOURCE_WAITS;
    /* half an interval's grace: the first, hurried round must not be followed by the regular one at once */
    msec_t last = source->due + conf_of(source)->every / 2;
    msec_t due = next_due(source, last > now ? last : now);
    if (source->credential != NO_CREDENTIAL) {
        const struct backoff *backoff = &source->runner->credentials[source->credential].backoff;
        msec_t all = backoff->refused_by == source->host ? backoff_due(backoff, source->host) : 0;
        msec_t own = backoff_due(&source->own, source->host), rest = own > all ? own : all;
        if (rest > now && rest < due)
            due = to_slot(rest);
    }
    source->due = source->again ? now : due;
    source->again = false;
    put(source, source->due);
}

/* ---- gates ---- */

/* Wakes as many as there is room for; each tries all its gates again. */
static void wake(struct runner *runner, struct gate *gate)
{
    for (uint32_t room = gate->limit > gate->inside ? gate->limit - gate->inside : 0; room > 0; room--) {
        struct waiter *waiter = gate_next(gate);
        if (!waiter)
            return;
        gate_wait(&runner->ready, waiter);
    }
}

static void unknown(struct source *source, uint16_t reason)
{
    struct runner *runner = source->runner;
    struct seen seen;
    msec_t now = loop_now();
    seen_unknown(&seen, conf_of(source), reason);
    runner->counters.unknown++;
    schedule(source, now);
    runner->seen(runner->context, source->position, &seen, reason, now, 0, now);
}

static void begin(struct source *source, msec_t now)
{
    struct runner *runner = source->runner;
    msec_t queued_us = (msec_t)(uv_hrtime() / 1000) - source->due * 1000;
    if (queued_us > (msec_t)runner->counters.queue_delay_max_us)
        runner->counters.queue_delay_max_us = (uint64_t)queued_us;
    runner->counters.late += queued_us > LATE_US;
    runner->counters.started++;
    runner->counters.in_flight++;
    runner->all.inside++;
    source->gate->inside++;
    source->phase = SOURCE_TALKS;
    put(source, now + conf_of(source)->timeout);
    source->talk = talk_open(runner->loop, &runner->pools, conf_of(source), source->round++, &hooks, source);
    talk_start(source->talk);
}

static bool backed_off(const struct source *source, msec_t now)
{
    return source->credential != NO_CREDENTIAL &&
           (!backoff_permits(&source->own, source->host, now) ||
            !backoff_permits(&source->runner->credentials[source->credential].backoff, source->host, now));
}

static void admit(struct source *source)
{
    struct runner *runner = source->runner;
    msec_t now = loop_now();
    if (backed_off(source, now)) {
        runner->counters.backed_off++;
        unknown(source, REASON_BACKED_OFF);
        wake(runner, &runner->all); /* it may have been woken by a gate whose room it does not take */
        wake(runner, source->gate);
    } else if (gate_full(&runner->all)) {
        gate_wait(&runner->all, &source->waiter);
    } else if (gate_full(source->gate)) {
        gate_wait(source->gate, &source->waiter);
    } else {
        begin(source, now);
    }
}

/* One by one and never nested: a conversation that ends at once makes room for the next, ten thousand times over. */
static void empty_ready(struct runner *runner)
{
    if (runner->emptying_ready)
        return;
    runner->emptying_ready = true;
    struct waiter *waiter;
    while ((waiter = gate_next(&runner->ready)))
        admit(source_of(waiter));
    runner->emptying_ready = false;
}

static void timer_fired(uv_timer_t *timer)
{
    struct runner *runner = timer->data;
    struct wheel_entry *entry;
    runner->turning = true;
    for (int taken = 0; taken < TURN_MAX && (entry = wheel_take(&runner->wheel, loop_now())); taken++) {
        struct source *source = (struct source *)(void *)((char *)entry - offsetof(struct source, entry));
        if (source->phase == SOURCE_TALKS) {
            talk_expire(source->talk);
        } else {
            source->phase = SOURCE_QUEUED;
            gate_wait(&runner->ready, &source->waiter);
        }
    }
    empty_ready(runner);
    runner->turning = false;
    arm(runner);
}

/* ---- credentials ---- */

/* Without this, twelve probes with one wrong password would lock the account in the first second. */
static uint16_t password_permitted(void *context)
{
    struct source *source = context;
    if (source->credential == NO_CREDENTIAL)
        return REASON_OK;
    struct credential_state *credential = &source->runner->credentials[source->credential];
    if (credential->backoff.proven || credential->tester == source)
        return REASON_OK;
    if (!backoff_permits(&credential->backoff, source->host, loop_now())) {
        source->runner->counters.backed_off++;
        return REASON_BACKED_OFF;
    }
    if (credential->tester) {
        gate_wait(&credential->held, &source->waiter);
        return REASON_NONE;
    }
    credential->tester = source;
    return REASON_OK;
}

static void held_answered(struct credential_state *credential, msec_t now)
{
    struct waiter *waiter;
    if (credential->answering)
        return;
    credential->answering = true;
    while (!credential->tester && (waiter = gate_next(&credential->held))) {
        struct source *source = source_of(waiter);
        if (!backoff_permits(&credential->backoff, source->host, now)) {
            source->runner->counters.backed_off++;
            talk_cancel(source->talk, REASON_BACKED_OFF);
            continue;
        }
        if (!credential->backoff.proven)
            credential->tester = source;
        talk_go_on(source->talk);
    }
    credential->answering = false;
}

static bool credential_proven(void *context)
{
    const struct source *source = context;
    return source->credential == NO_CREDENTIAL || source->runner->credentials[source->credential].backoff.proven;
}

static void let_in(struct source *source, msec_t now)
{
    struct credential_state *credential = &source->runner->credentials[source->credential];
    backoff_accepted(&credential->backoff);
    backoff_open(&source->own);
    credential->admitted_at = now;
}

/* A machine that refuses again while others were let in refuses by itself; the credential is good. */
static void turned_away(struct source *source, msec_t started, msec_t now)
{
    struct credential_state *credential = &source->runner->credentials[source->credential];
    bool known = source->own.delay > 0 && credential->admitted_at > source->own.refused_at;
    bool only_here =
        known || (credential->refused_host == source->host && credential->refused_at && credential->admitted_at > credential->refused_at);
    backoff_refused(&source->own, source->host, started, now);
    if (only_here)
        return;
    backoff_refused(&credential->backoff, source->host, started, now);
    credential->refused_host = source->host;
    credential->refused_at = now;
}

/* It need not be over for the others to go on. */
static void credential_admitted(void *context)
{
    struct source *source = context;
    if (source->credential == NO_CREDENTIAL)
        return;
    struct credential_state *credential = &source->runner->credentials[source->credential];
    let_in(source, loop_now());
    if (credential->tester == source)
        credential->tester = NULL;
    held_answered(credential, loop_now());
}

static void judge_credential(struct source *source, const struct seen *seen, msec_t started, msec_t now)
{
    if (source->credential == NO_CREDENTIAL)
        return;
    struct credential_state *credential = &source->runner->credentials[source->credential];
    if (seen->credential_refused)
        turned_away(source, started, now);
    else if (seen->logged_in)
        let_in(source, now);
    else
        backoff_undecided(&credential->backoff, source->host);
    if (source->waiter.next) /* it was held itself */
        gate_leave_queue(&source->waiter);
    if (credential->tester == source)
        credential->tester = NULL;
}

static void conversation_ended(void *context, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms)
{
    struct source *source = context;
    struct runner *runner = source->runner;
    msec_t now = loop_now();
    source->talk = NULL;
    runner->counters.in_flight--;
    runner->counters.finished++;
    runner->counters.unknown += seen->count == 0 || seen->items[0].verdict == UNKNOWN;
    runner->all.inside--;
    source->gate->inside--;
    judge_credential(source, seen, started, now);
    schedule(source, now);
    runner->seen(runner->context, source->position, seen, reason, started, elapsed_ms, now);
    if (source->credential != NO_CREDENTIAL)
        held_answered(&runner->credentials[source->credential], now);
    wake(runner, &runner->all);
    wake(runner, source->gate);
    empty_ready(runner);
}

/* ---- what conversations find ---- */

static void something_found(void *context, const struct found *found)
{
    const struct source *source = context;
    if (source->runner->found)
        source->runner->found(source->runner->context, source->position, found);
}

static bool resource_wanted(void *context, enum found_kind kind, char name[FOUND_NAME])
{
    const struct source *source = context;
    return source->runner->wanted && source->runner->wanted(source->runner->context, source->position, kind, name);
}

void runner_forgive(struct runner *runner)
{
    for (uint16_t i = 0; i < runner->credential_count; i++) {
        bool rested = runner->credentials[i].backoff.delay > 0;
        backoff_open(&runner->credentials[i].backoff);
        for (uint16_t at = 0; at < runner->count; at++) {
            struct source *source = &runner->sources[at];
            if (source->credential != i || (!rested && source->own.delay == 0))
                continue;
            backoff_open(&source->own);
            runner_now(runner, at);
        }
    }
}

/* ---- opening and closing ---- */

struct key { /* texts that are the same gate or credential */
    UT_hash_handle hh;
    const char *text;
    uint16_t position;
};

static uint16_t key_position(struct key **keys, const char *text)
{
    struct key *key;
    HASH_FIND_STR(*keys, text, key);
    if (!key) {
        key = memory_zeroed(1, sizeof *key);
        key->text = text;
        key->position = (uint16_t)HASH_COUNT(*keys);
        HASH_ADD_KEYPTR(hh, *keys, key->text, strlen(key->text), key);
    }
    return key->position;
}

static uint16_t keys_close(struct key **keys)
{
    uint16_t count = (uint16_t)HASH_COUNT(*keys);
    struct key *key, *next;
    HASH_ITER(hh, *keys, key, next)
    {
        HASH_DEL(*keys, key);
        free(key);
    }
    return count;
}

/* Which credentials go to more than one machine. */
static void find_shared(struct runner *runner)
{
    uint32_t *first = memory_zeroed(runner->credential_count, sizeof *first); /* host + 1 */
    for (uint16_t i = 0; i < runner->count; i++) {
        const struct source *source = &runner->sources[i];
        backoff_open(&runner->sources[i].own);
        if (source->credential == NO_CREDENTIAL)
            continue;
        uint32_t *host = &first[source->credential];
        runner->credentials[source->credential].backoff.shared |= *host && *host != source->host + 1U;
        *host = source->host + 1U;
    }
    free(first);
}

static void sources_open(struct runner *runner)
{
    struct key *hosts = NULL, *credentials = NULL;
    for (uint16_t i = 0; i < runner->count; i++) {
        struct source *source = &runner->sources[i];
        const struct source_conf *conf = &runner->compiled->sources[i];
        source->runner = runner;
        source->position = i;
        source->credential = NO_CREDENTIAL;
        if (!conf->type)
            continue;
        assert(conf->every > 0 && conf->timeout > 0);
        source->credential = conf->credential ? key_position(&credentials, conf->credential) : NO_CREDENTIAL;
        source->gate = &runner->programs;
        source->host = key_position(&hosts, conf->host ? conf->host : "");
        if (conf->type != &probe_exec)
            source->gate = &runner->hosts[source->host];
        if (conf->http && !runner->pools.http)
            runner->pools.http = http_pool_open(runner->loop);
        if (conf->snmp && !runner->pools.snmp)
            runner->pools.snmp = snmp_pool_open(runner->loop, NULL);
    }
    keys_close(&hosts);
    runner->credential_count = keys_close(&credentials);
    runner->credentials = memory_zeroed(runner->credential_count, sizeof *runner->credentials);
    for (uint16_t i = 0; i < runner->credential_count; i++) {
        backoff_open(&runner->credentials[i].backoff);
        gate_open(&runner->credentials[i].held, UINT32_MAX);
    }
    find_shared(runner);
}

static uint32_t descriptors_allow(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 2 * DESCRIPTORS_SPARE)
        return DESCRIPTORS_SPARE / 2;
    return limit.rlim_cur - DESCRIPTORS_SPARE > IN_FLIGHT_MAX ? IN_FLIGHT_MAX : (uint32_t)limit.rlim_cur - DESCRIPTORS_SPARE;
}

struct runner *runner_open(uv_loop_t *loop, const struct compiled *compiled, runner_seen *seen, runner_found *found, runner_wanted *wanted,
                           void *context)
{
    struct runner *runner = memory_zeroed(1, sizeof *runner);
    runner->loop = loop;
    runner->compiled = compiled;
    runner->seen = seen;
    runner->found = found;
    runner->wanted = wanted;
    runner->context = context;
    runner->count = compiled->policy.source_count;
    runner->sources = memory_zeroed(runner->count, sizeof *runner->sources);
    runner->hosts = memory_zeroed(runner->count, sizeof *runner->hosts);
    for (uint16_t i = 0; i < runner->count; i++)
        gate_open(&runner->hosts[i], RUNNER_PER_HOST_MAX);
    gate_open(&runner->all, descriptors_allow());
    gate_open(&runner->programs, RUNNER_PROGRAMS_MAX);
    gate_open(&runner->ready, UINT32_MAX);
    sources_open(runner);
    runner->timer = memory_zeroed(1, sizeof *runner->timer);
    uv_timer_init(loop, runner->timer);
    runner->timer->data = runner;
    wheel_open(&runner->wheel, loop_now());
    runner->poller = poller_hold(loop);
    return runner;
}

void runner_limit(struct runner *runner, uint32_t in_flight)
{
    runner->all.limit = in_flight > 0 ? in_flight : 1;
}

void runner_start(struct runner *runner)
{
    runner->started = loop_now();
    for (uint16_t i = 0; i < runner->count; i++) {
        struct source *source = &runner->sources[i];
        if (!conf_of(source)->type)
            continue;
        const char *name = runner->compiled->policy.sources[i].name;
        msec_t every = conf_of(source)->every;
        msec_t round = every < FIRST_ROUND_MS ? every : FIRST_ROUND_MS;
        source->due = to_slot(runner->started + (msec_t)(hash_text(name, strlen(name)) % (uint64_t)round));
        put(source, source->due);
    }
}

void runner_now(struct runner *runner, uint16_t position)
{
    struct source *source = &runner->sources[position];
    if (!conf_of(source)->type)
        return;
    if (source->phase == SOURCE_TALKS) {
        source->again = true;
    } else if (source->phase == SOURCE_WAITS) {
        source->due = loop_now();
        put(source, source->due);
    }
}

const struct runner_counters *runner_counters(const struct runner *runner)
{
    return &runner->counters;
}

const struct http_counters *runner_http_counters(const struct runner *runner)
{
    return runner->pools.http ? http_pool_counters(runner->pools.http) : NULL;
}

static void handle_closed(uv_handle_t *handle)
{
    free(handle);
}

void runner_close(struct runner *runner)
{
    for (uint16_t i = 0; i < runner->count; i++)
        if (runner->sources[i].talk)
            talk_drop(runner->sources[i].talk);
    if (runner->pools.http)
        http_pool_close(runner->pools.http);
    if (runner->pools.snmp)
        snmp_pool_close(runner->pools.snmp);
    poller_release(runner->poller);
    uv_close((uv_handle_t *)runner->timer, handle_closed);
    free(runner->credentials);
    free(runner->hosts);
    free(runner->sources);
    free(runner);
}
