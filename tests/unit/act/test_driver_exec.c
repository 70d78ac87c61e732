/* The exec driver as the pure conversation that it is, and the actuator's budget under all clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/act/budget.h"
#include "agent/act/driver.h"
#include "agent/core/engine.h"

static const char *const move_program[] = {"/opt/move", "--now", NULL};
static const char *const stop_program[] = {"/opt/stop", NULL};

struct site {
    struct policy_cluster cluster;
    struct policy_node nodes[2];
    struct policy_group groups[2];
    struct group_conf confs[2];
    struct compiled compiled;
    struct driver_context context;
};

static void build(struct site *site)
{
    *site = (struct site){
        .cluster = {.name = "pollers", .node_count = 2},
        .nodes = {{.name = "p1"}, {.name = "p2", .index = 1}},
        .groups = {{.name = "orders"}, {.name = "bare"}},
        .confs = {{.move = move_program, .stop = stop_program}},
    };
    site->compiled.policy = (struct policy){
        .clusters = &site->cluster, .nodes = site->nodes, .groups = site->groups, .cluster_count = 1, .node_count = 2, .group_count = 2};
    site->compiled.groups = site->confs;
    site->context.compiled = &site->compiled;
}

static const char *member(json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

static void the_order_goes_in_as_json(void **state)
{
    (void)state;
    struct site site;
    struct driver_request asked;
    struct order_result result;
    build(&site);
    struct order order = {.plan = 0xfedcba9876543210, .verb = ACT_MOVE, .from = 0, .to = 1, .deadline = 1795255302999};
    assert_int_equal(driver_exec.step(&order, &site.context, NULL, NULL, &asked, &result), STEP_MORE);
    assert_int_equal(asked.request.kind, REQUEST_RUN);
    assert_ptr_equal(asked.request.arguments, move_program);
    json_t *json = json_loadb(asked.request.bytes, asked.request.size, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(json, "schema")), 1);
    assert_string_equal(member(json, "plan"), "fedcba9876543210");
    assert_string_equal(member(json, "verb"), "move");
    assert_string_equal(member(json, "cluster"), "pollers");
    assert_string_equal(member(json, "group"), "orders");
    assert_string_equal(member(json, "from"), "p1");
    assert_string_equal(member(json, "to"), "p2");
    assert_string_equal(member(json, "deadline"), "2026-11-21T10:01:42Z");
    json_decref(json);
    assert_int_equal(asked.request.bytes[asked.request.size - 1], '\n');

    order.verb = ACT_STOP;
    order.from = order.to = 1;
    assert_int_equal(driver_exec.step(&order, &site.context, NULL, NULL, &asked, &result), STEP_MORE);
    assert_ptr_equal(asked.request.arguments, stop_program);
    json = json_loadb(asked.request.bytes, asked.request.size, 0, NULL);
    assert_string_equal(member(json, "from"), "p2");
    assert_null(json_object_get(json, "to"));
    json_decref(json);

    order.verb = ACT_MOVE;
    order.from = NODE_NONE; /* nobody knows where it was */
    assert_int_equal(driver_exec.step(&order, &site.context, NULL, NULL, &asked, &result), STEP_MORE);
    json = json_loadb(asked.request.bytes, asked.request.size, 0, NULL);
    assert_null(json_object_get(json, "from"));
    json_decref(json);
}

static void no_program_no_action(void **state)
{
    (void)state;
    struct site site;
    struct driver_request asked;
    struct order_result result;
    build(&site);
    struct order order = {.plan = 7, .verb = ACT_MOVE, .group = 1, .to = 1};
    assert_int_equal(driver_exec.step(&order, &site.context, NULL, NULL, &asked, &result), STEP_DONE);
    assert_int_equal(result.verdict, NO);
    assert_int_equal(result.reason, REASON_NO_PROGRAM);
    assert_int_equal(result.plan, 7);
    assert_int_equal(result.group, 1);
}

static void the_longest_names_fit(void **state)
{
    (void)state;
    struct site site;
    struct driver_request asked;
    struct order_result result;
    char name[65];
    memset(name, 'n', 64);
    name[64] = '\0';
    build(&site);
    site.cluster.name = site.nodes[0].name = site.nodes[1].name = site.groups[0].name = name;
    struct order order = {.plan = UINT64_MAX, .verb = ACT_MOVE, .from = 0, .to = 1, .deadline = 1795255302999};
    assert_int_equal(driver_exec.step(&order, &site.context, NULL, NULL, &asked, &result), STEP_MORE);
}

static void exit_statuses(void **state)
{
    (void)state;
    struct site site;
    build(&site);
    static const struct {
        uint16_t in;
        int exit_status;
        uint8_t verdict;
        uint16_t reason;
    } cases[] = {
        {REASON_OK, 0, YES, REASON_DONE},
        {REASON_OUTPUT_TOO_LARGE, 0, YES, REASON_DONE},
        {REASON_OK, 75, NO, REASON_NOTHING_DONE},
        {REASON_OK, 77, NO, REASON_UNFENCED},
        {REASON_OK, 1, UNKNOWN, REASON_RESULT_UNKNOWN},
        {REASON_OK, 127, UNKNOWN, REASON_RESULT_UNKNOWN},
        {REASON_PROGRAM_KILLED, 137, UNKNOWN, REASON_RESULT_UNKNOWN},
        {REASON_PROGRAM_KILLED, 0, UNKNOWN, REASON_RESULT_UNKNOWN},
        {REASON_PROGRAM_TIMEOUT, 0, UNKNOWN, REASON_PROGRAM_TIMEOUT},
        {REASON_PROGRAM_TIMEOUT, 75, UNKNOWN, REASON_PROGRAM_TIMEOUT},
        {REASON_START_FAILED, -1, NO, REASON_START_FAILED},
        {REASON_NO_RESOURCES, -1, NO, REASON_NO_RESOURCES},
        {REASON_NETWORK_ERROR, 0, UNKNOWN, REASON_RESULT_UNKNOWN},
    };
    struct order order = {.plan = 7, .verb = ACT_MOVE, .to = 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct order_result result = {.plan = 7};
        struct reply reply = {.reason = cases[i].in, .exit_status = cases[i].exit_status, .data = ""};
        assert_int_equal(driver_exec.step(&order, &site.context, NULL, &reply, NULL, &result), STEP_DONE);
        assert_int_equal(result.verdict, cases[i].verdict);
        assert_int_equal(result.reason, cases[i].reason);
    }
}

static void the_last_line_is_kept_and_printable(void **state)
{
    (void)state;
    struct site site;
    build(&site);
    static const struct {
        const char *data, *text;
    } cases[] = {{"", ""},
                 {"\n\n", ""},
                 {"one line", "one line"},
                 {"first\nlast\n", "last"},
                 {"first\r\nlast\r\n \n", "last"},
                 {"esc \x1b[31mred\xc3\xbc", "esc ?[31mred??"}};
    struct order order = {.plan = 7, .verb = ACT_MOVE, .to = 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct order_result result = {0};
        struct reply reply = {.reason = REASON_OK, .data = cases[i].data, .size = strlen(cases[i].data)};
        driver_exec.step(&order, &site.context, NULL, &reply, NULL, &result);
        assert_string_equal(result.text, cases[i].text);
    }
    char large[1000];
    memset(large, 'x', sizeof large);
    struct order_result result = {0};
    struct reply reply = {.reason = REASON_OK, .data = large, .size = sizeof large};
    driver_exec.step(&order, &site.context, NULL, &reply, NULL, &result);
    assert_int_equal(strlen(result.text), sizeof result.text - 1);
}

struct folder {
    char path[64];
    int descriptor;
};

static int open_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/sw-budget-XXXXXX");
    if (!mkdtemp(folder->path))
        return -1;
    folder->descriptor = open(folder->path, O_RDONLY | O_DIRECTORY);
    *state = folder;
    return folder->descriptor < 0;
}

static int close_folder(void **state)
{
    struct folder *folder = *state;
    unlinkat(folder->descriptor, "budget", 0);
    unlinkat(folder->descriptor, "budget.new", AT_REMOVEDIR);
    close(folder->descriptor);
    int failed = rmdir(folder->path);
    free(folder);
    return failed;
}

static const struct budget two_an_hour = {.count = 2, .per = 3600 * 1000};
enum { NOON = 1795255302 };

static void a_budget_is_spent_per_group_and_verb(void **state)
{
    const struct folder *folder = *state;
    const stamp_t now = NOON * 1000LL;
    assert_true(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, now));
    assert_true(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, now));
    errno = EIO;
    assert_false(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, now));
    assert_int_equal(errno, 0);
    assert_true(budget_take(folder->descriptor, "pollers", "orders", ACT_STOP, &two_an_hour, now));
    assert_true(budget_take(folder->descriptor, "pollers", "other", ACT_MOVE, &two_an_hour, now));
    const struct budget none = {.count = 0, .per = 1000};
    assert_false(budget_take(folder->descriptor, "pollers", "third", ACT_MOVE, &none, now));
}

static void a_set_clock_refills_nothing_in_one_boot(void **state)
{
    const struct folder *folder = *state;
    const stamp_t now = NOON * 1000LL;
    assert_true(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, now));
    assert_true(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, now));
    assert_false(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, now + 7 * 3600 * 1000));
    assert_false(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, now - 7 * 3600 * 1000));
}

static void put_file(const struct folder *folder, const char *text)
{
    int file = openat(folder->descriptor, "budget", O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
}

static void across_boots_the_wall_clock_counts(void **state)
{
    const struct folder *folder = *state;
    put_file(folder, "1795255302000 5 another-boot 1 pollers/orders\n1795255302000 6 another-boot 1 pollers/orders\n");
    const stamp_t then = NOON * 1000LL;
    assert_false(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, then + 3599 * 1000));
    assert_false(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, then - 3600 * 1000)); /* set back */
    assert_true(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, then + 3600 * 1000));
}

static void a_file_that_is_not_understood_forbids(void **state)
{
    const struct folder *folder = *state;
    static const char *const texts[] = {"nonsense\n", "1795255302000 5 boot 1", "1795255302000 5 boot 1 pollers/orders\n\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put_file(folder, texts[i]);
        assert_false(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, NOON * 1000LL));
        assert_int_equal(errno, EBADMSG);
    }
}

static void what_cannot_be_stored_is_not_granted(void **state)
{
    const struct folder *folder = *state;
    mkdirat(folder->descriptor, "budget.new", 0700);
    assert_false(budget_take(folder->descriptor, "pollers", "orders", ACT_MOVE, &two_an_hour, NOON * 1000LL));
    assert_int_not_equal(errno, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_goes_in_as_json),
        cmocka_unit_test(no_program_no_action),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(exit_statuses),
        cmocka_unit_test(the_last_line_is_kept_and_printable),
        cmocka_unit_test_setup_teardown(a_budget_is_spent_per_group_and_verb, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_set_clock_refills_nothing_in_one_boot, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(across_boots_the_wall_clock_counts, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_understood_forbids, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(what_cannot_be_stored_is_not_granted, open_folder, close_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
