/* Conversations over http as the runner holds them: one password is not tried by twelve at once, a machine that is down does not keep the
 * others waiting, what is found and lent arrives where it belongs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/channel_http.h"
#include "agent/run/resolve.h"
#include "agent/run/runner.h"
#include "http_server.h"
#include "server.h"

enum { SOURCES_MAX = 16 };

struct scene {
    uv_loop_t loop;
    uv_timer_t patience;
    struct runner *runner;
    struct http_server *server;
    SSL_CTX *tls;
    struct compiled compiled;
    struct policy_source policy[SOURCES_MAX];
    struct source_conf sources[SOURCES_MAX];
    struct http_target targets[SOURCES_MAX];
    char names[SOURCES_MAX][16];
    struct seen last[SOURCES_MAX];
    uint16_t reason[SOURCES_MAX];
    unsigned total, stop_at, found[SOURCES_MAX];
    unsigned right, wrong, empty, naked; /* requests: with the password, with another, empty; a body without one */
    bool timed_out;
};
static char secret_path[] = "/tmp/runner-secret.XXXXXX";

static void answer(void *context, const struct http_asked *asked, struct http_given *given)
{
    struct scene *scene = context;
    bool right = strcmp(asked->authorization, "Basic Y2FuYXJ5OnN3b3JkZmlzaA==") == 0; /* canary:swordfish */
    scene->right += right;
    scene->wrong += !right && asked->authorization[0] != '\0';
    scene->empty += asked->body_size == 0;
    scene->naked += asked->body_size > 0 && asked->authorization[0] == '\0';
    http_give(given, right ? 200 : 401, right ? "" : "WWW-Authenticate: Basic realm=\"x\"\r\n", "0123456789");
}

/* A probe for the test: posts twice, borrows memory that it never gives back, finds the bytes of the answers. */
struct post_state {
    int posts;
    size_t bytes;
};

static uint8_t nonces[SOURCES_MAX * 8][16];
static unsigned conversations;

static void begin_post(const struct probe_context *context, struct request *out)
{
    static const char body[] = "<Envelope/>";
    *out = (struct request){.kind = REQUEST_POST, .path = "/wsman", .content_type = "a/b", .body = body, .body_size = sizeof body - 1};
    char *lent = context->memory->allocate(1000, context->memory->context);
    char *more = context->memory->allocate(1000, context->memory->context);
    memset(lent, 1, 1000);
    context->memory->release(more, context->memory->context);
    assert_null(context->memory->allocate(64 << 20, context->memory->context));
}

static enum step post_step(const void *conf, void *memory, const struct probe_context *context, const struct reply *in, struct request *out,
                           struct seen *seen)
{
    struct post_state *state = memory;
    char name[FOUND_NAME];
    (void)conf;
    out->kind = REQUEST_NONE;
    if (!in) {
        assert_string_equal(context->url, "https://bts01.example/wsman");
        assert_int_equal(context->timeout, 15000);
        memcpy(nonces[conversations++], context->nonce, 16);
    }
    if (in && in->more) {
        state->bytes += in->size;
        return STEP_MORE;
    }
    if (in && in->reason != REASON_OK) {
        seen->items[seen->count++] = (struct seen_item){.aspect = ASPECT_ENDPOINT, .verdict = NO, .reason = in->reason};
        return STEP_DONE;
    }
    if (state->posts++ < 2) {
        begin_post(context, out);
        return STEP_MORE;
    }
    assert_true(context->wanted(context->found_context, FOUND_POSSIBLE_OWNER, name));
    assert_string_equal(name, "a resource");
    context->found(context->found_context, &(struct found){.step = FOUND_END, .kind = FOUND_NODE, .reason = (uint16_t)state->bytes});
    seen->items[seen->count++] = (struct seen_item){.aspect = ASPECT_ENDPOINT, .verdict = YES, .reason = REASON_OK};
    return STEP_DONE;
}
static const struct probe_type probe_post = {.name = "post", .state_size = sizeof(struct post_state), .estate = true, .step = post_step};

static void seen_came(void *context, uint16_t source, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms,
                      msec_t now)
{
    struct scene *scene = context;
    (void)started, (void)elapsed_ms, (void)now;
    scene->last[source] = *seen;
    scene->reason[source] = reason;
    if (++scene->total == scene->stop_at)
        uv_stop(&scene->loop);
}

static void found_came(void *context, uint16_t source, const struct found *found)
{
    struct scene *scene = context;
    assert_int_equal(found->kind, FOUND_NODE);
    scene->found[source] += found->reason;
}

static bool wanted(void *context, uint16_t source, enum found_kind kind, char name[FOUND_NAME])
{
    (void)context, (void)source;
    snprintf(name, FOUND_NAME, "a resource");
    return kind == FOUND_POSSIBLE_OWNER;
}

static struct http_target *add(struct scene *scene)
{
    uint16_t at = scene->compiled.policy.source_count++;
    snprintf(scene->names[at], sizeof scene->names[at], "node-%u", at);
    scene->policy[at].name = scene->names[at];
    scene->targets[at] = (struct http_target){.host = "bts01.example",
                                              .address = "127.0.0.1",
                                              .port = http_server_port(scene->server),
                                              .ca_file = authority_file(),
                                              .auth = HTTP_AUTH_BASIC,
                                              .credential = "observe",
                                              .user = "canary",
                                              .password_file = secret_path,
                                              .url = "https://bts01.example/wsman"};
    scene->sources[at] = (struct source_conf){.type = &probe_post,
                                              .host = scene->names[at],
                                              .credential = "observe",
                                              .http = &scene->targets[at],
                                              .every = 60000,
                                              .timeout = 15000,
                                              .aspect = ASPECT_ENDPOINT};
    return &scene->targets[at];
}

static void patience_ended(uv_timer_t *timer)
{
    struct scene *scene = timer->data;
    scene->timed_out = true;
    uv_stop(&scene->loop);
}

static void begin(struct scene *scene, const char *password)
{
    FILE *file = fopen(secret_path, "w");
    fprintf(file, "%s\n", password);
    fclose(file);
    scene->compiled.policy.sources = scene->policy;
    scene->compiled.sources = scene->sources;
    scene->runner = runner_open(&scene->loop, &scene->compiled, seen_came, found_came, wanted, scene);
    runner_start(scene->runner);
}

static void until(struct scene *scene, unsigned total)
{
    scene->stop_at = total;
    uv_update_time(&scene->loop);
    uv_timer_start(&scene->patience, patience_ended, 40000, 0);
    if (scene->total < total)
        uv_run(&scene->loop, UV_RUN_DEFAULT);
    assert_false(scene->timed_out);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    uv_loop_init(&scene->loop);
    uv_timer_init(&scene->loop, &scene->patience);
    scene->patience.data = scene;
    scene->tls = server_context("bts01.example", false, 0, 86400, false);
    scene->server = http_server_open(scene->tls, answer, scene);
    conversations = 0;
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    if (scene->runner)
        runner_close(scene->runner);
    uv_close((uv_handle_t *)&scene->patience, NULL);
    while (uv_run(&scene->loop, UV_RUN_DEFAULT) != 0)
        ;
    int left = uv_loop_close(&scene->loop);
    http_server_close(scene->server);
    SSL_CTX_free(scene->tls);
    resolve_forget();
    free(scene);
    return left;
}

static void test_conversations(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 6; i++)
        add(scene);
    begin(scene, "swordfish");
    until(scene, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(reason_name(scene->reason[i]), "ok");
        assert_true(scene->last[i].logged_in);
        assert_int_equal(scene->found[i], 20);
    }
    assert_int_equal(scene->right, 12);
    assert_int_equal(scene->wrong, 0);
    assert_int_equal(scene->naked, 0);
    assert_in_range(scene->empty, 1, 6); /* greetings: only while nothing was proven */
    assert_memory_not_equal(nonces[0], nonces[1], 16);
    unsigned greetings = scene->empty;
    runner_now(scene->runner, 3);
    until(scene, 7);
    assert_int_equal(scene->empty, greetings);
    assert_memory_not_equal(nonces[6], nonces[3], 16);
}

/* Twelve probes, one wrong password, one attempt. */
static void test_a_refused_credential_is_tried_once(void **state)
{
    struct scene *scene = *state;
    unsigned refused = 0, backed_off = 0;
    for (int i = 0; i < 12; i++)
        add(scene);
    begin(scene, "wrong");
    until(scene, 12);
    for (int i = 0; i < 12; i++) {
        refused += scene->reason[i] == REASON_LOGIN_REFUSED && scene->last[i].credential_refused;
        backed_off += scene->reason[i] == REASON_BACKED_OFF && scene->last[i].items[0].verdict == UNKNOWN;
    }
    assert_int_equal(refused, 1);
    assert_int_equal(backed_off, 11);
    assert_int_equal(scene->wrong, 1);
    assert_int_equal(scene->naked, 0);
    for (uint16_t i = 0; i < 12; i++)
        runner_now(scene->runner, i);
    until(scene, 24);
    assert_int_equal(scene->wrong, 1);
    runner_forgive(scene->runner);
    until(scene, 36);
    assert_int_equal(scene->wrong, 2);
}

/* The first round is spread over two seconds by a hash of the name. */
static void begins_between(struct scene *scene, unsigned at, uint64_t from, uint64_t to)
{
    uint64_t due;
    unsigned try = 0;
    do {
        snprintf(scene->names[at], sizeof scene->names[at], "n%u-%u", at, try++);
        due = hash_text(scene->names[at], strlen(scene->names[at])) % 2000;
    } while (due < from || due >= to);
}

/* Three nodes hang before TLS: whoever asks them has risked nothing yet, so the fourth may. */
static void test_the_dead_do_not_hold_up_the_living(void **state)
{
    struct scene *scene = *state;
    struct server *dead = server_open("hold", NULL);
    for (unsigned i = 0; i < 4; i++) {
        struct http_target *target = add(scene);
        begins_between(scene, i, i < 3 ? 0 : 1000, i < 3 ? 200 : 1200);
        if (i < 3)
            target->port = server_port(dead);
    }
    begin(scene, "swordfish");
    until(scene, 1);
    assert_int_equal(scene->reason[3], REASON_OK);
    assert_int_equal(scene->right, 2);
    assert_int_equal(runner_counters(scene->runner)->in_flight, 3);
    runner_close(scene->runner);
    scene->runner = NULL;
    server_close(dead);
}

static void test_some_speak_through_others(void **state)
{
    struct scene *scene = *state;
    add(scene);
    add(scene);
    scene->sources[1].type = NULL;
    scene->sources[1].every = scene->sources[1].timeout = 0;
    begin(scene, "swordfish");
    until(scene, 1);
    runner_now(scene->runner, 1);
    runner_now(scene->runner, 0);
    until(scene, 2);
    assert_int_equal(runner_counters(scene->runner)->started, 2);
    assert_int_equal(scene->last[1].count, 0);
    assert_true(runner_http_counters(scene->runner)->requests >= 4);
}

/* A probe that posts although its source has no target: our own mistake, which says nothing about anybody. */
static enum step homeless_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in,
                               struct request *out, struct seen *seen)
{
    (void)conf, (void)state, (void)context, (void)in, (void)seen;
    *out = (struct request){.kind = REQUEST_FETCH, .path = "/metrics"};
    return STEP_MORE;
}

static void test_without_a_target(void **state)
{
    static const struct probe_type homeless = {.name = "homeless", .state_size = 1, .step = homeless_step};
    struct scene *scene = *state;
    add(scene);
    scene->sources[0].http = NULL;
    scene->sources[0].credential = NULL;
    scene->sources[0].type = &homeless;
    begin(scene, "swordfish");
    until(scene, 1);
    assert_int_equal(scene->reason[0], REASON_NOT_SENDABLE);
    assert_int_equal(scene->last[0].items[0].verdict, UNKNOWN);
    assert_null(runner_http_counters(scene->runner));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(conversations),
        TEST(a_refused_credential_is_tried_once),
        TEST(the_dead_do_not_hold_up_the_living),
        TEST(some_speak_through_others),
        TEST(without_a_target),
    };
    close(mkstemp(secret_path));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(secret_path);
    return failed;
}
