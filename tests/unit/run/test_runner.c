/* The runner: schedules, bounds, deadlines, secrets and back-off, with probes that are made for the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run/loop.h"
#include "agent/run/resolve.h"
#include "agent/run/runner.h"
#include "server.h"

enum { SOURCES_MAX = 400 };

struct scene {
    uv_loop_t loop;
    uv_timer_t patience;
    struct runner *runner;
    struct compiled compiled;
    struct policy_source policy[SOURCES_MAX];
    struct source_conf sources[SOURCES_MAX];
    char names[SOURCES_MAX][16];
    struct seen last[SOURCES_MAX];
    uint16_t reason[SOURCES_MAX];
    unsigned runs[SOURCES_MAX], total, stop_at;
    msec_t first_at[SOURCES_MAX], last_at[SOURCES_MAX], longest_ms;
    bool timed_out;
};

/* A probe for the test: connects, reads a line, logs in with the password, is content with "+OK". */
struct login_state {
    int stage;
    char filler[300];
};

static unsigned talking, talking_most; /* conversations at once, as the probes see it */

static enum step done(struct seen *seen, uint8_t verdict, uint16_t reason)
{
    seen->items[seen->count++] = (struct seen_item){.aspect = ASPECT_ENDPOINT, .verdict = verdict, .reason = reason};
    talking--;
    return STEP_DONE;
}

static enum step login_step(const void *conf, void *memory, const struct probe_context *context, const struct reply *in,
                            struct request *out, struct seen *seen)
{
    struct login_state *state = memory;
    (void)conf;
    memset(out, 0, sizeof *out);
    if (!in) {
        for (size_t i = 0; i < sizeof *state; i++)
            assert_int_equal(((unsigned char *)memory)[i], 0);
        memset(state, 0x5a, sizeof *state);
        state->stage = 0;
        if (++talking > talking_most)
            talking_most = talking;
        out->kind = REQUEST_CONNECT;
        out->host = context->host;
        out->port = context->port;
        return STEP_MORE;
    }
    if (in->reason != REASON_OK)
        return done(seen, NO, in->reason);
    if (++state->stage == 3) {
        seen->logged_in = in->data[0] == '+';
        seen->credential_refused = in->data[0] == '-';
        return done(seen, seen->logged_in ? YES : NO, seen->logged_in ? REASON_OK : REASON_LOGIN_REFUSED);
    }
    if (state->stage == 2 && !context->credential)
        return done(seen, YES, REASON_OK);
    out->kind = REQUEST_EXCHANGE;
    out->expect = EXPECT_LINE;
    out->secret = state->stage == 2;
    if (out->secret)
        out->size = (size_t)snprintf(out->bytes, sizeof out->bytes, "PASS %s\r\n", context->credential->password);
    return STEP_MORE;
}
static const struct probe_type probe_login = {.name = "login", .state_size = sizeof(struct login_state), .step = login_step};

static void seen_came(void *context, uint16_t source, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms,
                      msec_t now)
{
    struct scene *scene = context;
    (void)started;
    if (scene->runs[source]++ == 0)
        scene->first_at[source] = now;
    scene->last_at[source] = now;
    scene->last[source] = *seen;
    scene->reason[source] = reason;
    if (elapsed_ms > scene->longest_ms)
        scene->longest_ms = elapsed_ms;
    if (++scene->total == scene->stop_at)
        uv_stop(&scene->loop);
}

static struct source_conf *add(struct scene *scene, const struct probe_type *type, const char *host, uint16_t port)
{
    uint16_t at = scene->compiled.policy.source_count++;
    snprintf(scene->names[at], sizeof scene->names[at], "source-%u", at);
    scene->policy[at].name = scene->names[at];
    scene->sources[at] =
        (struct source_conf){.type = type, .host = host, .port = port, .every = 60000, .timeout = 20000, .aspect = ASPECT_ENDPOINT};
    return &scene->sources[at];
}

static void patience_ended(uv_timer_t *timer)
{
    struct scene *scene = timer->data;
    scene->timed_out = true;
    uv_stop(&scene->loop);
}

static void begin(struct scene *scene)
{
    scene->compiled.policy.sources = scene->policy;
    scene->compiled.sources = scene->sources;
    talking = talking_most = 0;
    scene->runner = runner_open(&scene->loop, &scene->compiled, seen_came, NULL, NULL, scene);
    runner_start(scene->runner);
}

/* Runs the loop until so many conversations have ended in all. */
static void until(struct scene *scene, unsigned total)
{
    scene->stop_at = total;
    uv_update_time(&scene->loop);
    uv_timer_start(&scene->patience, patience_ended, 30000, 0);
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
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    if (scene->runner)
        runner_close(scene->runner);
    uv_close((uv_handle_t *)&scene->patience, NULL);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&scene->loop);
    free(scene);
    resolve_forget();
    return left;
}

static void test_every_source_runs_and_runs_again(void **state)
{
    struct scene *scene = *state;
    struct server *server = server_open("> 220 hello\nclose", NULL);
    for (int i = 0; i < 5; i++)
        add(scene, &probe_login, "127.0.0.1", server_port(server))->every = 300;
    begin(scene);
    until(scene, 25);
    for (int i = 0; i < 5; i++) {
        assert_true(scene->runs[i] >= 3);
        assert_int_equal(scene->reason[i], REASON_OK);
        assert_int_equal(scene->last[i].items[0].verdict, YES);
        assert_string_equal(scene->last[i].perf[0].label, "connect_ms");
    }
    assert_int_equal(runner_counters(scene->runner)->finished, 25);
    server_close(server);
}

static void test_asked_for_at_once(void **state)
{
    struct scene *scene = *state;
    struct server *server = server_open("> 220 hello\nclose", NULL);
    add(scene, &probe_login, "127.0.0.1", server_port(server));
    begin(scene);
    until(scene, 1);
    for (unsigned i = 2; i < 5; i++) {
        runner_now(scene->runner, 0);
        until(scene, i);
    }
    server_close(server);
}

static void test_asked_for_while_it_talks(void **state)
{
    struct scene *scene = *state;
    struct server *server = server_open("hold", NULL);
    add(scene, &probe_login, "127.0.0.1", server_port(server))->timeout = 300;
    begin(scene);
    while (runner_counters(scene->runner)->in_flight < 1)
        uv_run(&scene->loop, UV_RUN_ONCE);
    runner_now(scene->runner, 0);
    until(scene, 2);
    server_close(server);
}

static void test_four_at_once_per_host(void **state)
{
    struct scene *scene = *state;
    struct server *server = server_open("hold", NULL);
    for (int i = 0; i < 12; i++)
        add(scene, &probe_login, "127.0.0.1", server_port(server))->timeout = 700;
    begin(scene);
    until(scene, 12);
    assert_int_equal(talking_most, RUNNER_PER_HOST_MAX);
    for (int i = 0; i < 12; i++)
        assert_int_equal(scene->reason[i], REASON_REPLY_TIMEOUT);
    assert_int_equal(scene->last[0].items[0].verdict, NO);
    assert_int_equal(runner_counters(scene->runner)->in_flight, 0);
    assert_true(scene->longest_ms >= 700);
    server_close(server);
}

static void test_a_limit_over_all(void **state)
{
    struct scene *scene = *state;
    static char hosts[300][16];
    struct server *server = server_open("hold", NULL);
    for (int i = 0; i < 300; i++) {
        snprintf(hosts[i], sizeof hosts[i], "127.0.1.%d", i % 250 + 1); /* nobody listens there: refused at once */
        add(scene, &probe_login, hosts[i], server_port(server));
    }
    begin(scene);
    runner_limit(scene->runner, 3);
    until(scene, 300);
    assert_in_range(talking_most, 1, 3);
    for (int i = 0; i < 300; i++)
        assert_int_equal(scene->reason[i], REASON_CONNECT_REFUSED);
    server_close(server);
}

static const char *secret_file(void)
{
    static char path[] = "/tmp/secret.XXXXXX";
    static bool written;
    if (!written) {
        int descriptor = mkstemp(path);
        assert_int_equal(write(descriptor, "swordfish\n", 10), 10);
        close(descriptor);
    }
    written = true;
    return path;
}

static struct source_conf *add_login(struct scene *scene, const char *host, uint16_t port, const char *credential)
{
    struct source_conf *source = add(scene, &probe_login, host, port);
    source->credential = credential;
    source->user = "canary";
    source->password_file = secret_file();
    return source;
}

static void test_the_password_arrives(void **state)
{
    struct scene *scene = *state;
    struct server *server = server_open("> +OK\n< PASS swordfish\n> +OK in\nclose", NULL);
    for (int i = 0; i < 4; i++)
        add_login(scene, "127.0.0.1", server_port(server), "canary");
    begin(scene);
    until(scene, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(scene->reason[i], REASON_OK);
        assert_true(scene->last[i].logged_in);
    }
    server_close(server);
}

/* Twenty probes, one wrong password, one attempt. */
static void test_a_refused_credential_is_tried_once(void **state)
{
    struct scene *scene = *state;
    struct server *servers[20];
    unsigned refused = 0, backed_off = 0;
    for (int i = 0; i < 20; i++) {
        servers[i] = server_open("> +OK\n< PASS\n> -ERR wrong\nclose", NULL);
        add_login(scene, i % 2 ? "127.0.0.1" : "localhost", server_port(servers[i]), "canary");
    }
    struct server *fine = server_open("> +OK\n< PASS\n> +OK in\nclose", NULL);
    add_login(scene, "127.0.0.1", server_port(fine), "other"); /* another credential is none of its business */
    begin(scene);
    until(scene, 21);
    for (int i = 0; i < 20; i++) {
        refused += scene->reason[i] == REASON_LOGIN_REFUSED;
        backed_off += scene->reason[i] == REASON_BACKED_OFF && scene->last[i].items[0].verdict == UNKNOWN;
    }
    assert_int_equal(refused, 1);
    assert_int_equal(backed_off, 19);
    assert_int_equal(scene->reason[20], REASON_OK);
    runner_now(scene->runner, 3);
    until(scene, 22);
    assert_int_equal(scene->reason[3], REASON_BACKED_OFF);
    runner_forgive(scene->runner); /* all try again, and again only one is let near the server */
    until(scene, 42);
    assert_int_equal(runner_counters(scene->runner)->backed_off, 39);
    for (int i = 0; i < 20; i++)
        server_close(servers[i]);
    server_close(fine);
}

static void test_an_unreadable_secret(void **state)
{
    struct scene *scene = *state;
    struct server *server = server_open("hold", NULL);
    add_login(scene, "127.0.0.1", server_port(server), "canary")->password_file = "/nonexistent";
    begin(scene);
    until(scene, 1);
    assert_int_equal(scene->reason[0], REASON_SECRET_UNREADABLE);
    assert_int_equal(scene->last[0].items[0].verdict, UNKNOWN);
    assert_int_equal(server_connections(server), 0);
    server_close(server);
}

static void test_a_program(void **state)
{
    struct scene *scene = *state;
    static const char *const words[] = {"/bin/sh", "-c", "echo CRITICAL {node}; exit 2"}, *const slow[] = {"/bin/sleep", "1000"};
    static const struct exec_conf conf = {.command = {3, words}}, slow_conf = {.command = {2, slow}};
    struct source_conf *one = add(scene, &probe_exec, "", 0), *other = add(scene, &probe_exec, "", 0);
    one->conf = &conf;
    one->node = "p1";
    one->aspect = ASPECT_INSTANCE;
    other->conf = &slow_conf;
    other->timeout = 300;
    begin(scene);
    until(scene, 2);
    assert_int_equal(scene->last[0].items[0].aspect, ASPECT_INSTANCE);
    assert_int_equal(scene->last[0].items[0].verdict, NO);
    assert_string_equal(scene->last[0].text, "CRITICAL p1");
    assert_int_equal(scene->reason[1], REASON_PROGRAM_TIMEOUT);
    assert_int_equal(scene->last[1].items[0].verdict, UNKNOWN);
}

static void test_closed_in_flight(void **state)
{
    struct scene *scene = *state;
    struct server *server = server_open("hold", NULL);
    static const char *const slow[] = {"/bin/sleep", "1000"};
    static const struct exec_conf conf = {.command = {2, slow}};
    for (int i = 0; i < 20; i++)
        add_login(scene, "127.0.0.1", server_port(server), "canary")->every = 200;
    add(scene, &probe_exec, "", 0)->conf = &conf;
    begin(scene);
    while (runner_counters(scene->runner)->in_flight < 5)
        uv_run(&scene->loop, UV_RUN_ONCE);
    runner_close(scene->runner);
    scene->runner = NULL;
    server_close(server);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_source_runs_and_runs_again),
        TEST(asked_for_at_once),
        TEST(asked_for_while_it_talks),
        TEST(four_at_once_per_host),
        TEST(a_limit_over_all),
        TEST(the_password_arrives),
        TEST(a_refused_credential_is_tried_once),
        TEST(an_unreadable_secret),
        TEST(a_program),
        TEST(closed_in_flight),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(secret_file());
    return failed;
}
