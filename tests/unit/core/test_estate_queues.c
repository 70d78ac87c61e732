/* Queues: what is stuck and what only waits, whose counters are blind, which source speaks; and the alarms that come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/core/decider.h"
#include "agent/core/queues.h"
#include "tests/sim/rows.h"

enum { WSFC, MSMQ_A, EXPORTER_A, SERVICE_A, BIZTALK, SOURCES };

static const char *const msmq[] = {"MSMQ", NULL}, *const nothing[] = {NULL}, *const hosts[] = {NULL};
static const char *counters_of[] = {NULL, NULL};
static const struct policy_windows windows = {.ftp_adapters = nothing,
                                              .sftp_adapters = nothing,
                                              .pop3_adapters = nothing,
                                              .msmq_adapters = msmq,
                                              .disabled_locations = nothing,
                                              .sso_server = "",
                                              .counters_of = counters_of,
                                              .queue_stuck_after = 60000,
                                              .queue_high = 100,
                                              .queue_critical = 1000,
                                              .zone_given = true};
static const struct policy_node nodes[] = {{.name = "BTS01", .index = 0}, {.name = "BTS02", .index = 1}};
static const struct policy_cluster cluster = {
    .name = "biztalk", .type = CLUSTER_WSFC, .node_count = 2, .preflight = UINT16_MAX, .windows = &windows};
static const struct policy_group group = {.name = "msmq", .hosts = hosts};
static const struct policy_source sources[SOURCES] = {
    [WSFC] = {.node = 1, .estate = true, .interval = 10000, .timeout = 5000},
    [MSMQ_A] = {.node = 0, .estate = true, .interval = 10000, .timeout = 5000},
    [EXPORTER_A] = {.node = 0, .estate = true, .interval = 10000, .timeout = 5000},
    [SERVICE_A] = {.node = 0, .estate = true, .interval = 10000, .timeout = 5000},
    [BIZTALK] = {.node = 0, .estate = true, .interval = 10000, .timeout = 5000},
};
static char queue_names[QUEUE_SEATS][QUEUE_NAME_BYTES];
static const struct policy policy = {.clusters = &cluster,
                                     .nodes = nodes,
                                     .groups = &group,
                                     .sources = sources,
                                     .cluster_count = 1,
                                     .node_count = 2,
                                     .group_count = 1,
                                     .source_count = SOURCES,
                                     .queue_names = queue_names};
static struct estate *estate;
static struct queue_verdict heard;
static unsigned heard_count, raised[ALARM_CLASSES], cleared[ALARM_CLASSES];
static uint8_t severity;
static struct decider *decider;
static void *decider_memory;
static msec_t now;

static int open_it(void **state)
{
    (void)state;
    now = 1000000;
    memset(raised, 0, sizeof raised);
    memset(cleared, 0, sizeof cleared);
    counters_of[0] = NULL;
    estate = estate_open(&policy, 0, &rows_memory);
    decider_memory = malloc(decider_size(&policy));
    decider = decider_open(decider_memory, &policy, now);
    memset(decider->model->heard, 1, SOURCES);
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    estate_close(estate);
    free(decider_memory);
    return rows_allocated ? -1 : 0;
}

static void hear(void *context, const struct queue_verdict *verdict)
{
    (void)context;
    heard = *verdict;
    heard_count++;
    model_queue(decider->model, 0, verdict, now);
}

static void on_effect(void *context, const struct effect *effect)
{
    (void)context;
    if (effect->kind != EFFECT_ALARM)
        return;
    (effect->raised ? raised : cleared)[effect->alarm->class]++;
    severity = effect->alarm->severity;
}

static void feed_resource(const char *owner, int64_t is)
{
    struct found_resource row = {.name = "Queues", .type = "MSMQ", .group = "msmq", .state = is};
    snprintf(row.owner, sizeof row.owner, "%s", owner);
    rows_feed(estate, WSFC, FOUND_RESOURCE, NULL, &row, 1, REASON_OK, now);
}

static struct found_queue queue(int64_t messages, uint8_t class)
{
    return (struct found_queue){.name = "bts01\\private$\\orders",
                                .class = class,
                                .source = QUEUE_FROM_WMI,
                                .messages = messages,
                                .bytes = ABSENT,
                                .journal_messages = ABSENT,
                                .journal_bytes = ABSENT};
}

static void judge(void)
{
    heard_count = 0;
    estate_queues(estate, now, 1700000000000, 0, hear, NULL);
    decider_tick(decider, now, 1700000000000 - now, on_effect, NULL);
}

static void pass(int64_t messages, uint8_t class)
{
    struct found_queue row = queue(messages, class);
    now += 10000;
    feed_resource("BTS02", RESOURCE_ONLINE);
    rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, &row, 1, REASON_OK, now);
    judge();
}

static void expect(enum queue_state is, uint16_t reason, int64_t messages)
{
    if (heard.state != is || heard.reason != reason || heard.messages != messages)
        fail_msg("%s %s %ld, not %s %s %ld", queue_state_name(heard.state), reason_name(heard.reason), (long)heard.messages,
                 queue_state_name((uint8_t)is), reason_name(reason), (long)messages);
}

static void test_stuck(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        pass(5 + i / 3, QUEUE_LOCAL); /* more come, none goes */
        assert_int_equal(heard.state, i < 6 ? QUEUE_STATE_OK : QUEUE_STATE_STUCK);
    }
    expect(QUEUE_STATE_STUCK, REASON_QUEUE_STUCK, 7);
    assert_int_equal(now - heard.since, 60000);
    assert_int_equal(raised[ALARM_QUEUE_STUCK], 1);
    assert_int_equal(severity, SEVERITY_CRITICAL);
    pass(6, QUEUE_LOCAL); /* one went */
    expect(QUEUE_STATE_OK, REASON_OK, 6);
    assert_int_equal(cleared[ALARM_QUEUE_STUCK], 1);
    for (int i = 0; i < 20; i++)
        pass(0, QUEUE_LOCAL); /* idle is not stuck */
    expect(QUEUE_STATE_OK, REASON_OK, 0);
    for (int i = 0; i < 20; i++)
        pass(1 + i % 2, QUEUE_LOCAL); /* in motion */
    expect(QUEUE_STATE_OK, REASON_OK, 2);
    assert_int_equal(raised[ALARM_QUEUE_STUCK], 1);
}

static void test_dead_letters_do_not_move(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        pass(5, QUEUE_COMPUTER);
    expect(QUEUE_STATE_OK, REASON_OK, 5);
    for (int i = 0; i < 20; i++)
        pass(5, QUEUE_OUTGOING);
    expect(QUEUE_STATE_STUCK, REASON_QUEUE_STUCK, 5);
}

/* What nobody saw is no evidence: the memory begins anew after every hole. */
static void test_a_hole_begins_anew(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        pass(5, QUEUE_LOCAL);
    now += 30000; /* readings are missing */
    for (int i = 0; i < 6; i++)
        pass(5, QUEUE_LOCAL);
    expect(QUEUE_STATE_OK, REASON_OK, 5);
    now += 10000;
    rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, NULL, 0, REASON_OPERATION_TIMEOUT, now); /* one failed */
    judge();
    expect(QUEUE_STATE_UNKNOWN, REASON_OPERATION_TIMEOUT, ABSENT);
    for (int i = 0; i < 6; i++)
        pass(5, QUEUE_LOCAL);
    expect(QUEUE_STATE_OK, REASON_OK, 5);
    pass(5, QUEUE_LOCAL);
    expect(QUEUE_STATE_STUCK, REASON_QUEUE_STUCK, 5);
    pass(ABSENT, QUEUE_LOCAL);
    expect(QUEUE_STATE_UNKNOWN, REASON_PREFLIGHT_UNKNOWN, ABSENT);
    assert_int_equal(cleared[ALARM_QUEUE_STUCK], 0); /* unknown keeps the alarm */
    pass(5, QUEUE_LOCAL);
    expect(QUEUE_STATE_OK, REASON_OK, 5);
}

static void test_blind(void **state)
{
    struct found_queue row = queue(0, QUEUE_LOCAL);
    struct found_service service = {.name = "MSMQ", .state = SERVICE_RUNNING};
    (void)state;
    rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, &row, 1, REASON_OK, now);
    judge();
    expect(QUEUE_STATE_UNKNOWN, REASON_PREFLIGHT_UNKNOWN, ABSENT); /* where the clustered one is, is not known */
    feed_resource("BTS01", RESOURCE_ONLINE);
    judge();
    expect(QUEUE_STATE_UNKNOWN, REASON_COUNTERS_BLIND, ABSENT); /* never 0 */
    rows_feed(estate, SERVICE_A, FOUND_SERVICE, NULL, &service, 1, REASON_OK, now);
    judge();
    expect(QUEUE_STATE_UNKNOWN, REASON_COUNTERS_BLIND, ABSENT);
    assert_int_equal(heard.manager, YES); /* blind, but both instances run */
    service.state = SERVICE_STOPPED;      /* then there is but one */
    rows_feed(estate, SERVICE_A, FOUND_SERVICE, NULL, &service, 1, REASON_OK, now);
    judge();
    expect(QUEUE_STATE_OK, REASON_OK, 0);
    service.state = SERVICE_RUNNING;
    rows_feed(estate, SERVICE_A, FOUND_SERVICE, NULL, &service, 1, REASON_OK, now);
    feed_resource("BTS01", RESOURCE_FAILED);
    judge();
    expect(QUEUE_STATE_OK, REASON_OK, 0);
    assert_int_equal(heard.manager, NO);
    feed_resource("BTS02", RESOURCE_ONLINE);
    judge();
    expect(QUEUE_STATE_OK, REASON_OK, 0);
    rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, NULL, 0, REASON_OK, now);
    judge();
    expect(QUEUE_STATE_UNKNOWN, REASON_OBJECT_MISSING, ABSENT); /* an absent queue is not an empty one */
    rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, &row, 1, REASON_OK, now);
    rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, NULL, 0, REASON_CLASS_MISSING, now);
    judge();
    expect(QUEUE_STATE_UNKNOWN, REASON_CLASS_MISSING, ABSENT);
}

static void test_blindness_in_between(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        pass(5, QUEUE_LOCAL);
    feed_resource("BTS01", RESOURCE_ONLINE);
    struct found_queue row = queue(5, QUEUE_LOCAL);
    now += 5000;
    rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, &row, 1, REASON_OK, now); /* a reading while it is blind */
    for (int i = 0; i < 6; i++)
        pass(5, QUEUE_LOCAL);
    expect(QUEUE_STATE_OK, REASON_OK, 5);
    pass(5, QUEUE_LOCAL);
    expect(QUEUE_STATE_STUCK, REASON_QUEUE_STUCK, 5);
}

static void hear_one(void *context, const struct queue_verdict *verdict)
{
    if (strcmp(verdict->queue->name, context) == 0)
        heard = *verdict;
}

static void judge_one(char *name)
{
    heard = (struct queue_verdict){0};
    estate_queues(estate, now, 1700000000000, 0, hear_one, name);
}

/* The clustered service beside the machine's own, and the site says whose counters are published. */
static void test_counters_of_one(void **state)
{
    struct found_queue row = queue(5, QUEUE_LOCAL);
    (void)state;
    for (int named = 0; named < 2; named++) {
        counters_of[0] = named ? "BTS01" : "BTS0";
        for (int i = 0; i < 7; i++) {
            now += 10000;
            feed_resource("BTS01", RESOURCE_ONLINE);
            rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, &row, 1, REASON_OK, now);
            judge();
            if (!named)
                expect(QUEUE_STATE_UNKNOWN, REASON_COUNTERS_BLIND, ABSENT); /* another one's name */
        }
    }
    expect(QUEUE_STATE_STUCK, REASON_QUEUE_STUCK, 5);
    row = queue(5, QUEUE_COMPUTER);
    snprintf(row.name, sizeof row.name, "Computer Queues"); /* whose they are, is not said */
    rows_feed(estate, MSMQ_A, FOUND_QUEUE, NULL, &row, 1, REASON_OK, now);
    judge_one(row.name);
    expect(QUEUE_STATE_UNKNOWN, REASON_COUNTERS_BLIND, ABSENT);
}

static void test_two_sources_one_queue(void **state)
{
    struct found_queue other = queue(7, QUEUE_LOCAL);
    (void)state;
    other.source = QUEUE_FROM_EXPORTER;
    snprintf(other.name, sizeof other.name, "BTS01\\Private$\\Orders");
    pass(5, QUEUE_LOCAL);
    rows_feed(estate, EXPORTER_A, FOUND_QUEUE, NULL, &other, 1, REASON_OK, now);
    judge();
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard.source, MSMQ_A);
    estate_failed(estate, MSMQ_A, REASON_ACCESS_DENIED, now);
    judge();
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard.source, EXPORTER_A);
    expect(QUEUE_STATE_OK, REASON_OK, 7);
    estate_failed(estate, EXPORTER_A, REASON_CONNECT_REFUSED, now);
    judge();
    assert_int_equal(heard_count, 1);
    expect(QUEUE_STATE_UNKNOWN, REASON_ACCESS_DENIED, ABSENT);
}

static void test_a_closed_window_is_not_stuck(void **state)
{
    struct found_location row = {.name = "Orders",
                                 .port = "port",
                                 .adapter = "MSMQ",
                                 .url = "FORMATNAME:DIRECT=OS:.\\private$\\Orders",
                                 .disabled = NO,
                                 .windowed = YES,
                                 .starts = NO,
                                 .stops = NO,
                                 .window_start_s = 3600,
                                 .window_stop_s = 7200}; /* it is 22:13 */
    (void)state;
    for (int i = 0; i < 12; i++) {
        rows_feed(estate, BIZTALK, FOUND_LOCATION, NULL, &row, 1, REASON_OK, now);
        pass(5, QUEUE_LOCAL);
    }
    expect(QUEUE_STATE_OK, REASON_OK, 5);
    row.windowed = NO;
    rows_feed(estate, BIZTALK, FOUND_LOCATION, NULL, &row, 1, REASON_OK, now);
    judge();
    expect(QUEUE_STATE_STUCK, REASON_QUEUE_STUCK, 5);
    row.disabled = YES; /* no window: somebody should know */
    rows_feed(estate, BIZTALK, FOUND_LOCATION, NULL, &row, 1, REASON_OK, now);
    judge();
    expect(QUEUE_STATE_STUCK, REASON_QUEUE_STUCK, 5);
}

static void test_high(void **state)
{
    (void)state;
    pass(99, QUEUE_LOCAL);
    assert_int_equal(raised[ALARM_QUEUE_HIGH], 0);
    assert_null(model_queue_seat(decider->model, subject_of(SUBJECT_QUEUE, 0)));
    pass(100, QUEUE_LOCAL);
    expect(QUEUE_STATE_HIGH, REASON_QUEUE_HIGH, 100);
    assert_int_equal(raised[ALARM_QUEUE_HIGH], 1);
    assert_int_equal(severity, SEVERITY_WARNING);
    pass(2000, QUEUE_LOCAL);
    expect(QUEUE_STATE_CRITICAL, REASON_QUEUE_HIGH, 2000);
    assert_int_equal(raised[ALARM_QUEUE_HIGH], 2); /* it got worse: told anew */
    assert_int_equal(cleared[ALARM_QUEUE_HIGH], 1);
    assert_int_equal(severity, SEVERITY_CRITICAL);
    pass(500, QUEUE_LOCAL);
    assert_int_equal(raised[ALARM_QUEUE_HIGH], 2);
    pass(5, QUEUE_LOCAL);
    assert_int_equal(cleared[ALARM_QUEUE_HIGH], 2);
    pass(500, QUEUE_LOCAL);
    assert_int_equal(raised[ALARM_QUEUE_HIGH], 3);
    assert_int_equal(severity, SEVERITY_WARNING);
    const struct queue_seat *seat = model_queue_seat(decider->model, subject_of(SUBJECT_QUEUE, 0));
    assert_string_equal(seat->name, "bts01\\private$\\orders");
    assert_int_equal(seat->node, 0);
    assert_string_equal(policy_name(&policy, subject_of(SUBJECT_QUEUE, 0)), "biztalk/BTS01/bts01\\private$\\orders");
    assert_string_equal(policy_name(&policy, subject_of(SUBJECT_QUEUE, QUEUE_SEATS)), "");
    assert_int_equal(decider->groups[0].plan, 0); /* a queue moves nothing */
}

static void test_seats_are_bounded(void **state)
{
    (void)state;
    feed_resource("BTS02", RESOURCE_ONLINE);
    rows_step(estate, MSMQ_A, FOUND_BEGIN, FOUND_QUEUE, NULL, NULL, REASON_OK, now);
    for (unsigned i = 0; i < QUEUE_SEATS + 6; i++) {
        struct found_queue row = queue(100, QUEUE_LOCAL);
        snprintf(row.name, sizeof row.name, "DIRECT=OS:a-machine-with-a-long-name.corp.example\\private$\\ä-queue-%u", i);
        rows_step(estate, MSMQ_A, FOUND_ROW, FOUND_QUEUE, NULL, &row, REASON_OK, now);
    }
    rows_step(estate, MSMQ_A, FOUND_END, FOUND_QUEUE, NULL, NULL, REASON_OK, now);
    judge();
    assert_int_equal(heard_count, QUEUE_SEATS + 6);
    assert_int_equal(raised[ALARM_QUEUE_HIGH], QUEUE_SEATS);
    assert_int_equal(decider->model->dropped, 6);
    for (unsigned i = 0; i < QUEUE_SEATS; i++) {
        assert_true(strlen(queue_names[i]) < QUEUE_NAME_BYTES);
        assert_non_null(strstr(queue_names[i], "-queue-"));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(queue_names[i], queue_names[j]);
    }
    assert_null(model_queue_seat(decider->model, subject_of(SUBJECT_QUEUE, QUEUE_SEATS)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stuck, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_dead_letters_do_not_move, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_a_hole_begins_anew, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_blind, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_blindness_in_between, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_counters_of_one, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_two_sources_one_queue, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_a_closed_window_is_not_stuck, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_high, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_seats_are_bounded, open_it, close_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
