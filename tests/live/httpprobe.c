/* Drives the http channel for the live tests: groups of options, one per target, separated by "--"; all ask at the same time, each one
 * request after the other. Prints a line per target, and what the loop lived through.
 *   --host NAME --address IP --port N --auth none|kerberos|ntlm|basic --user NAME --keytab FILE --password FILE --ca FILE --pin PIN
 *   --credential NAME --plain --insecure --fetch --count N --interval MS --body BYTES --limit BYTES --timeout MS --want WORD
 *   --path PATH */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/secrets.h"
#include "agent/run/channel_http.h"

enum { TARGETS_MAX = 16, TICK_MS = 2 };

struct asker {
    struct http_target target;
    struct http_channel *channel;
    uv_timer_t pause, deadline;
    char *body, *got;
    const char *want, *path;
    size_t body_size, limit, got_size;
    unsigned count, asked, ok, wrong;
    uint64_t interval, timeout;
    uint16_t reason;
    int status;
    bool fetch;
    char why[160];
};

static uv_loop_t loop;
static struct http_pool *pool;
static struct asker askers[TARGETS_MAX];
static unsigned asker_count, busy;
static uint64_t ticked_ns, longest_ns;
static uv_timer_t tick;

static void ticked(uv_timer_t *timer)
{
    uint64_t now = uv_hrtime();
    (void)timer;
    if (ticked_ns && now - ticked_ns > longest_ns)
        longest_ns = now - ticked_ns;
    ticked_ns = now;
}

static void replied(void *context, const struct reply *reply);
static void pause_ended(uv_timer_t *timer);

static void expired(uv_timer_t *timer)
{
    struct asker *asker = timer->data;
    http_expire(asker->channel);
}

static void ask(struct asker *asker)
{
    const struct request request = {.kind = asker->fetch ? REQUEST_FETCH : REQUEST_POST,
                                    .path = asker->path,
                                    .content_type = "application/soap+xml;charset=UTF-8",
                                    .body = asker->body,
                                    .body_size = asker->body_size,
                                    .limit = asker->limit};
    asker->got_size = 0;
    asker->channel = http_open(pool, &asker->target, replied, asker);
    uv_timer_start(&asker->deadline, expired, asker->timeout, 0);
    http_request(asker->channel, &request);
}

static void collect(struct asker *asker, const struct reply *reply)
{
    asker->got = realloc(asker->got, asker->got_size + reply->size + 1);
    if (!asker->got)
        abort();
    memcpy(asker->got + asker->got_size, reply->data, reply->size);
    asker->got_size += reply->size;
    asker->got[asker->got_size] = '\0';
}

static void replied(void *context, const struct reply *reply)
{
    struct asker *asker = context;
    if (reply->more) {
        collect(asker, reply);
        return;
    }
    uv_timer_stop(&asker->deadline);
    asker->reason = reply->reason;
    asker->status = reply->http_status;
    snprintf(asker->why, sizeof asker->why, "%s", http_channel_why(asker->channel));
    asker->ok += reply->reason == REASON_OK && reply->http_status == 200;
    asker->wrong += asker->want && reply->reason == REASON_OK && (asker->got_size == 0 || !strstr(asker->got, asker->want));
    http_close(asker->channel);
    asker->channel = NULL;
    if (++asker->asked < asker->count)
        uv_timer_start(&asker->pause, pause_ended, asker->interval, 0);
    else if (--busy == 0)
        uv_stop(&loop);
}

static void pause_ended(uv_timer_t *timer)
{
    struct asker *asker = timer->data;
    ask(asker);
}

static uint8_t auth_named(const char *name)
{
    static const char *const names[] = {"none", "kerberos", "ntlm", "basic"};
    for (uint8_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fprintf(stderr, "no such way to log in: %s\n", name);
    exit(64);
}

static bool flag(struct asker *asker, const char *name)
{
    bool *const flags[] = {&asker->target.plain, &asker->target.insecure, &asker->fetch};
    static const char *const names[] = {"--plain", "--insecure", "--fetch"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return *flags[i] = true;
    return false;
}

static bool text(struct asker *asker, const char *name, const char *value)
{
    struct http_target *target = &asker->target;
    const struct {
        const char *name, **place;
    } texts[] = {{"--host", &target->host},
                 {"--address", &target->address},
                 {"--user", &target->user},
                 {"--keytab", &target->keytab_file},
                 {"--password", &target->password_file},
                 {"--ca", &target->ca_file},
                 {"--pin", &target->pin},
                 {"--server-name", &target->server_name},
                 {"--credential", &target->credential},
                 {"--want", &asker->want},
                 {"--path", &asker->path}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].place = value;
            return true;
        }
    return false;
}

static bool number(struct asker *asker, const char *name, const char *value)
{
    unsigned long given = strtoul(value, NULL, 10);
    if (strcmp(name, "--port") == 0)
        asker->target.port = (uint16_t)given;
    else if (strcmp(name, "--count") == 0)
        asker->count = (unsigned)given;
    else if (strcmp(name, "--interval") == 0)
        asker->interval = given;
    else if (strcmp(name, "--timeout") == 0)
        asker->timeout = given;
    else if (strcmp(name, "--body") == 0)
        asker->body_size = given;
    else if (strcmp(name, "--limit") == 0)
        asker->limit = given;
    else
        return false;
    return true;
}

static struct asker *asker_new(void)
{
    struct asker *asker = &askers[asker_count++];
    if (asker_count > TARGETS_MAX)
        exit(64);
    *asker = (struct asker){.count = 1, .timeout = 20000, .body_size = 2048, .path = "/wsman", .target = {.address = "127.0.0.1"}};
    return asker;
}

static void read_options(char **words)
{
    struct asker *asker = asker_new();
    for (; *words; words++) {
        if (strcmp(*words, "--") == 0) {
            asker = asker_new();
        } else if (strcmp(*words, "--auth") == 0 && words[1]) {
            asker->target.auth = auth_named(*++words);
        } else if (flag(asker, *words)) {
            continue;
        } else if (words[1] && (text(asker, words[0], words[1]) || number(asker, words[0], words[1]))) {
            words++;
        } else {
            fprintf(stderr, "unknown: %s\n", *words);
            exit(64);
        }
    }
}

static void asker_start(struct asker *asker)
{
    asker->body = malloc(asker->body_size + 1);
    if (!asker->body)
        abort();
    memset(asker->body, 'x', asker->body_size);
    uv_timer_init(&loop, &asker->pause);
    uv_timer_init(&loop, &asker->deadline);
    asker->pause.data = asker->deadline.data = asker;
    busy++;
    uv_timer_start(&asker->pause, pause_ended, 0, 0);
}

static void report(const struct asker *asker)
{
    const char *user = asker->target.user ? asker->target.user : "nobody";
    printf("%s: ok=%u of %u wrong=%u reason=%s status=%d bytes=%zu why=%s\n", user, asker->ok, asker->asked, asker->wrong,
           reason_name(asker->reason), asker->status, asker->got_size, asker->why);
}

int main(int count, char **words)
{
    (void)count;
    secret_guard();
    read_options(words + 1);
    uv_loop_init(&loop);
    pool = http_pool_open(&loop);
    uv_timer_init(&loop, &tick);
    uv_timer_start(&tick, ticked, 0, TICK_MS);
    for (unsigned i = 0; i < asker_count; i++)
        asker_start(&askers[i]);
    uv_run(&loop, UV_RUN_DEFAULT);
    const struct http_counters *counters = http_pool_counters(pool);
    for (unsigned i = 0; i < asker_count; i++)
        report(&askers[i]);
    printf("requests=%lu unauthorised=%lu connections=%lu tokens=%lu token-timeouts=%lu renewals=%lu longest-turn-ms=%.1f\n",
           (unsigned long)counters->requests, (unsigned long)counters->unauthorised, (unsigned long)counters->connections,
           (unsigned long)counters->tokens, (unsigned long)counters->token_timeouts, (unsigned long)counters->renewals,
           (double)longest_ns / 1e6 - TICK_MS);
    http_pool_close(pool);
    for (unsigned i = 0; i < asker_count; i++) {
        uv_close((uv_handle_t *)&askers[i].pause, NULL);
        uv_close((uv_handle_t *)&askers[i].deadline, NULL);
        free(askers[i].body);
        free(askers[i].got);
    }
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 70;
}
