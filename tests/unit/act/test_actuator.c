/* The actuator for real: this program is its own child (`actuator` as first argument), the site's programs are shell scripts. Both
 * processes are killed at the worst moments; every order gets exactly one result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/act/actuator.h"
#include "agent/core/engine.h"
#include "agent/run/loop.h"

struct fixture {
    char folder[64], config_path[128], state_dir[128];
    uv_loop_t loop;
    struct actuator *actuator;
    struct config *config;
    bool alive;
    unsigned deaths, told;
    struct order_result result; /* the last one */
    uint64_t plan;
};

static char self[512];

static void on_result(void *context, const struct order_result *result)
{
    struct fixture *fixture = context;
    fixture->told++;
    fixture->result = *result;
}

static void on_state(void *context, bool alive, const char *text)
{
    struct fixture *fixture = context;
    (void)text;
    fixture->deaths += fixture->alive && !alive;
    fixture->alive = alive;
}

static void write_text(const char *path, mode_t mode, const char *text)
{
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, mode);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
}

/* groups: orders (fenced, generous), scarce (one move), open (not fenced), late (one second for its program), other */
static void write_config(struct fixture *fixture, const char *comment)
{
    char text[2048];
    const char *folder = fixture->folder;
    snprintf(text, sizeof text,
             "# %s\nversion: 1\nclusters:\n  pollers:\n    type: static\n"
             "    nodes: {p1: {addresses: [10.0.0.1]}, p2: {addresses: [10.0.0.2]}}\n    groups:\n"
             "      orders: {fenced: true, move: [%s/move, one], stop: [%s/move, two], max_moves: {count: 8, per: 1h}}\n"
             "      scarce: {fenced: true, move: [%s/move], max_moves: {count: 1, per: 1h}}\n"
             "      open: {move: [%s/move]}\n"
             "      late: {fenced: true, move: [%s/move], action_timeout: 1s}\n"
             "      other: {fenced: true, move: [%s/missing], stop: [%s/move]}\n",
             comment, folder, folder, folder, folder, folder, folder, folder);
    write_text(fixture->config_path, 0600, text);
    if (fixture->config)
        config_close(fixture->config);
    struct diagnostics diagnostics = {.out = stderr, .limit = 10};
    fixture->config = config_read(fixture->config_path, &diagnostics);
    assert_non_null(fixture->config);
}

/* what the site's program does */
static void program(const struct fixture *fixture, const char *body)
{
    char path[128], text[1024];
    snprintf(path, sizeof path, "%s/move", fixture->folder);
    snprintf(text, sizeof text, "#!/bin/sh\ncd '%s'\n%s\n", fixture->folder, body);
    unlink(path);
    write_text(path, 0700, text);
}

static void start_actuator(struct fixture *fixture)
{
    fixture->actuator = actuator_open(&fixture->loop, self, fixture->config_path, fixture->state_dir, on_result, on_state, fixture);
    assert_non_null(fixture->actuator);
    while (!fixture->alive)
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

static void stop_actuator(struct fixture *fixture)
{
    actuator_close(fixture->actuator);
    fixture->actuator = NULL;
    fixture->alive = false;
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/sw-act-XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    snprintf(fixture->config_path, sizeof fixture->config_path, "%s/solowarden.yaml", fixture->folder);
    snprintf(fixture->state_dir, sizeof fixture->state_dir, "%s/state", fixture->folder);
    mkdir(fixture->state_dir, 0700);
    write_config(fixture, "first");
    program(fixture, "cat >order; exit 0");
    uv_loop_init(&fixture->loop);
    fixture->plan = 1000;
    start_actuator(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    if (fixture->actuator)
        stop_actuator(fixture);
    int busy = uv_loop_close(&fixture->loop);
    config_close(fixture->config);
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->folder);
    int failed = system(command);
    free(fixture);
    return busy || failed;
}

static struct order order_for(struct fixture *fixture, uint16_t group)
{
    struct order order = {
        .plan = ++fixture->plan, .verb = ACT_MOVE, .group = group, .from = 0, .to = 1, .deadline = loop_wall() + 60 * 1000};
    memcpy(order.digest, fixture->config->digest, sizeof order.digest);
    return order;
}

static void wait_result(struct fixture *fixture, unsigned told)
{
    while (fixture->told < told)
        uv_run(&fixture->loop, UV_RUN_ONCE);
}

static const struct order_result *carry_out(struct fixture *fixture, const struct order *order)
{
    assert_true(actuator_order(fixture->actuator, order));
    wait_result(fixture, fixture->told + 1);
    assert_int_equal(fixture->result.plan, order->plan);
    return &fixture->result;
}

static bool exists(const struct fixture *fixture, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    return access(path, F_OK) == 0;
}

/* until the program has come so far; the test's own time limit ends one that never does */
static void wait_for(struct fixture *fixture, const char *name)
{
    while (!exists(fixture, name)) {
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

static void let_go(const struct fixture *fixture, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    write_text(path, 0600, "");
}

static size_t read_text(const struct fixture *fixture, const char *name, char *text, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    int file = open(path, O_RDONLY);
    assert_true(file >= 0);
    ssize_t got = read(file, text, size - 1);
    close(file);
    text[got > 0 ? got : 0] = '\0';
    return strlen(text);
}

/* the youngest: those of closed handles stay as zombies until we end */
static pid_t youngest_child(void)
{
    char path[64], text[1024] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int file = open(path, O_RDONLY);
    assert_true(file >= 0 && read(file, text, sizeof text - 1) > 0);
    close(file);
    pid_t child = 0;
    for (char *at = text, *end; (end = at, strtol(at, &end, 10)) > 0 && end != at; at = end)
        child = (pid_t)strtol(at, NULL, 10);
    return child;
}

static void expect(const struct order_result *result, uint8_t verdict, uint16_t reason)
{
    if (result->verdict != verdict || result->reason != reason)
        fail_msg("verdict %u, %s: %s", result->verdict, reason_name(result->reason), result->text);
}

static void programs_ends(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *body;
        uint8_t verdict;
        uint16_t reason;
        const char *text;
    } cases[] = {
        {"cat >order; echo noise; echo moved >&2", YES, REASON_DONE, "moved"},
        {"exit 75", NO, REASON_NOTHING_DONE, ""},
        {"echo 'p1 still polls' >&2; exit 77", NO, REASON_UNFENCED, "p1 still polls"},
        {"exit 3", UNKNOWN, REASON_RESULT_UNKNOWN, ""},
        {"kill -9 $$", UNKNOWN, REASON_RESULT_UNKNOWN, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program(fixture, cases[i].body);
        struct order order = order_for(fixture, 0);
        const struct order_result *result = carry_out(fixture, &order);
        expect(result, cases[i].verdict, cases[i].reason);
        assert_string_equal(result->text, cases[i].text);
        assert_int_equal(result->group, 0);
    }
    char text[600];
    read_text(fixture, "order", text, sizeof text);
    assert_non_null(
        strstr(text, "\"plan\":\"3e9\",\"verb\":\"move\",\"cluster\":\"pollers\",\"group\":\"orders\",\"from\":\"p1\",\"to\":\"p2\""));
    struct order order = order_for(fixture, 4);
    expect(carry_out(fixture, &order), NO, REASON_START_FAILED);
}

static void the_program_inherits_nothing(void **state)
{
    struct fixture *fixture = *state;
    setenv("SECRET_OF_THE_DECIDER", "x", 1);
    int leaked = open("/dev/null", O_RDONLY); /* not close-on-exec */
    stop_actuator(fixture);
    start_actuator(fixture);
    program(fixture, "env >environment; ls /proc/self/fd | tr '\\n' ' ' >descriptors; echo $# $1 >arguments");
    struct order order = order_for(fixture, 0);
    expect(carry_out(fixture, &order), YES, REASON_DONE);
    char text[1000];
    read_text(fixture, "environment", text, sizeof text);
    assert_null(strstr(text, "SECRET"));
    read_text(fixture, "arguments", text, sizeof text);
    assert_string_equal(text, "1 one\n");
    read_text(fixture, "descriptors", text, sizeof text);
    assert_string_equal(text, "0 1 2 3 "); /* 3: ls's own, of the folder */
    unsetenv("SECRET_OF_THE_DECIDER");
    close(leaked);
}

static void bad_orders_are_refused_and_nothing_runs(void **state)
{
    struct fixture *fixture = *state;
    struct order good = order_for(fixture, 0), order;
#define REFUSED(change, why)                                                                                                               \
    order = good;                                                                                                                          \
    order.plan = ++fixture->plan;                                                                                                          \
    change;                                                                                                                                \
    expect(carry_out(fixture, &order), NO, why)
    REFUSED(order.digest[31] ^= 1, REASON_NOTHING_DONE);
    assert_non_null(strstr(fixture->result.text, "configuration was changed"));
    REFUSED(order.verb = ACT_NOTHING, REASON_NOTHING_DONE);
    REFUSED(order.verb = 200, REASON_NOTHING_DONE);
    REFUSED(order.group = 5, REASON_NOTHING_DONE);
    REFUSED(order.group = UINT16_MAX, REASON_NOTHING_DONE);
    REFUSED(order.to = NODE_NONE, REASON_NOTHING_DONE);
    REFUSED(order.to = 2, REASON_NOTHING_DONE);
    REFUSED(order.to = order.from, REASON_NOTHING_DONE);
    REFUSED((order.verb = ACT_STOP, order.from = NODE_NONE), REASON_NOTHING_DONE);
    REFUSED(order.deadline = loop_wall() - 1, REASON_NOTHING_DONE);
    REFUSED(order.deadline = loop_wall() + 48LL * 3600 * 1000, REASON_NOTHING_DONE);
    REFUSED(order.group = 2, REASON_NOT_FENCED);
    REFUSED((order.group = 1, order.verb = ACT_STOP), REASON_NO_PROGRAM);
#undef REFUSED
    assert_false(exists(fixture, "order"));
    expect(carry_out(fixture, &good), YES, REASON_DONE);
    assert_true(exists(fixture, "order"));
}

static void its_own_budget(void **state)
{
    struct fixture *fixture = *state;
    struct order order = order_for(fixture, 1);
    expect(carry_out(fixture, &order), YES, REASON_DONE);
    order = order_for(fixture, 1);
    expect(carry_out(fixture, &order), NO, REASON_BUDGET_SPENT);
    stop_actuator(fixture); /* it remembers across a restart */
    start_actuator(fixture);
    order = order_for(fixture, 1);
    expect(carry_out(fixture, &order), NO, REASON_BUDGET_SPENT);
}

static void a_plan_is_carried_out_once(void **state)
{
    struct fixture *fixture = *state;
    program(fixture, "echo ran >>count; echo once >&2; exit 77");
    struct order order = order_for(fixture, 0);
    expect(carry_out(fixture, &order), NO, REASON_UNFENCED);
    expect(carry_out(fixture, &order), NO, REASON_UNFENCED);
    stop_actuator(fixture);
    start_actuator(fixture);
    expect(carry_out(fixture, &order), NO, REASON_UNFENCED);
    assert_string_equal(fixture->result.text, "once");
    char text[64];
    read_text(fixture, "count", text, sizeof text);
    assert_string_equal(text, "ran\n");
}

static void one_at_a_time_per_group(void **state)
{
    struct fixture *fixture = *state;
    program(fixture, "echo >begun; while [ ! -e go ]; do sleep 0.01; done");
    struct order first = order_for(fixture, 0), second = order_for(fixture, 0), other = order_for(fixture, 3);
    assert_true(actuator_order(fixture->actuator, &first));
    wait_for(fixture, "begun");
    expect(carry_out(fixture, &second), NO, REASON_IN_FLIGHT);
    program(fixture, "exit 0");
    expect(carry_out(fixture, &other), YES, REASON_DONE); /* another group is free */
    let_go(fixture, "go");
    wait_result(fixture, 3);
    assert_int_equal(fixture->result.plan, first.plan);
    expect(&fixture->result, YES, REASON_DONE);
}

static void a_program_that_ignores_term(void **state)
{
    struct fixture *fixture = *state;
    program(fixture, "trap '' TERM; echo working >&2; while :; do sleep 0.1; done");
    struct order order = order_for(fixture, 3); /* its time is one second */
    expect(carry_out(fixture, &order), UNKNOWN, REASON_PROGRAM_TIMEOUT);
}

static void a_reloaded_configuration_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    write_config(fixture, "second");
    struct order order = order_for(fixture, 0);
    expect(carry_out(fixture, &order), YES, REASON_DONE);
    assert_int_equal(fixture->deaths, 0);
}

static void killed_actuator(void **state)
{
    struct fixture *fixture = *state;
    program(fixture, "echo >begun; while [ ! -e go ]; do sleep 0.01; done; echo >ended");
    struct order order = order_for(fixture, 0);
    order.deadline = loop_wall() + 20 * 1000;
    assert_true(actuator_order(fixture->actuator, &order));
    wait_for(fixture, "begun");
    pid_t child = youngest_child();
    assert_true(child > 0);
    kill(child, SIGKILL);
    wait_result(fixture, 1);
    expect(&fixture->result, UNKNOWN, REASON_RESULT_UNKNOWN);
    assert_int_equal(fixture->result.plan, order.plan);
    assert_int_equal(fixture->deaths, 1);
    while (!fixture->alive)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    /* the program may still run, so its group stays closed; another one does not */
    struct order next = order_for(fixture, 0);
    expect(carry_out(fixture, &next), NO, REASON_IN_FLIGHT);
    let_go(fixture, "go");
    wait_for(fixture, "ended");
    struct order other = order_for(fixture, 3);
    expect(carry_out(fixture, &other), YES, REASON_DONE);
    assert_int_equal(fixture->told, 3);
}

static void killed_before_it_began(void **state)
{
    struct fixture *fixture = *state;
    pid_t child = youngest_child();
    kill(child, SIGSTOP);
    struct order order = order_for(fixture, 0);
    assert_true(actuator_order(fixture->actuator, &order));
    kill(child, SIGKILL);
    wait_result(fixture, 1);
    expect(&fixture->result, NO, REASON_NOTHING_DONE);
    assert_false(exists(fixture, "order"));
    assert_false(fixture->alive);
    assert_false(actuator_order(fixture->actuator, &order));
}

static void the_decider_goes_and_comes_back(void **state)
{
    struct fixture *fixture = *state;
    program(fixture, "echo >begun; while [ ! -e go ]; do sleep 0.01; done; echo moved >&2; exit 0");
    struct order order = order_for(fixture, 0);
    assert_true(actuator_order(fixture->actuator, &order));
    wait_for(fixture, "begun");
    stop_actuator(fixture);
    actuator_orphan_results(fixture->state_dir, on_result, fixture);
    assert_int_equal(fixture->told, 0); /* it still runs */
    start_actuator(fixture);
    char name[64];
    snprintf(name, sizeof name, "state/actions/%016llx.result", (unsigned long long)order.plan);
    assert_false(exists(fixture, name)); /* the new actuator sees that another one still waits for it */
    struct order next = order_for(fixture, 0);
    expect(carry_out(fixture, &next), NO, REASON_IN_FLIGHT);
    let_go(fixture, "go");
    wait_result(fixture, 2); /* found in the folder, while we live */
    assert_int_equal(fixture->result.plan, order.plan);
    expect(&fixture->result, YES, REASON_DONE);
    assert_string_equal(fixture->result.text, "moved");
    actuator_orphan_results(fixture->state_dir, on_result, fixture);
    assert_int_equal(fixture->told, 2); /* told once */
    next = order_for(fixture, 0);
    expect(carry_out(fixture, &next), YES, REASON_DONE);
}

static void the_decider_comes_back_later(void **state)
{
    struct fixture *fixture = *state;
    char name[64];
    program(fixture, "echo >begun; while [ ! -e go ]; do sleep 0.01; done; exit 77");
    struct order order = order_for(fixture, 0);
    assert_true(actuator_order(fixture->actuator, &order));
    wait_for(fixture, "begun");
    stop_actuator(fixture);
    let_go(fixture, "go");
    snprintf(name, sizeof name, "state/actions/%016llx.result", (unsigned long long)order.plan);
    wait_for(fixture, name);
    actuator_orphan_results(fixture->state_dir, on_result, fixture);
    assert_int_equal(fixture->told, 1);
    expect(&fixture->result, NO, REASON_UNFENCED);
    actuator_orphan_results(fixture->state_dir, on_result, fixture);
    assert_int_equal(fixture->told, 1);
}

static void a_broken_configuration_keeps_it_down(void **state)
{
    struct fixture *fixture = *state;
    stop_actuator(fixture);
    write_text(fixture->config_path, 0600, "version: 99\n");
    fixture->deaths = 0;
    fixture->alive = true; /* so that the next state counts */
    fixture->actuator = actuator_open(&fixture->loop, self, fixture->config_path, fixture->state_dir, on_result, on_state, fixture);
    while (fixture->alive)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    struct order order = order_for(fixture, 0);
    assert_false(actuator_order(fixture->actuator, &order));
}

static void not_by_hand(void **state)
{
    const struct fixture *fixture = *state;
    char command[1024];
    snprintf(command, sizeof command, "'%s' actuator --config '%s' --state '%s' 2>/dev/null 3</dev/null", self, fixture->config_path,
             fixture->state_dir);
    int status = system(command);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 64);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "actuator") == 0)
        return actuator_main(argc - 1, argv + 1);
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        test(programs_ends),
        test(the_program_inherits_nothing),
        test(bad_orders_are_refused_and_nothing_runs),
        test(its_own_budget),
        test(a_plan_is_carried_out_once),
        test(one_at_a_time_per_group),
        test(a_program_that_ignores_term),
        test(a_reloaded_configuration_is_read_again),
        test(killed_actuator),
        test(killed_before_it_began),
        test(the_decider_goes_and_comes_back),
        test(the_decider_comes_back_later),
        test(a_broken_configuration_keeps_it_down),
        test(not_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
