/* Rows of an estate: upsert, absence, age, order, bounds; whose list is believed; what is asked next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/rows.h"

enum { A, B, A_SERVICE, SOURCES };

static const char *const hosts[] = {"FtpReceive", NULL};
static const struct policy_node nodes[] = {{.name = "a", .index = 0, .computer = "BTS01"}, {.name = "b", .index = 1, .computer = "BTS02"}};
static const struct policy_cluster cluster = {.name = "biztalk", .type = CLUSTER_WSFC, .node_count = 2, .preflight = UINT16_MAX};
static const struct policy_group groups[] = {{.name = "ftp", .role = "BizTalkFTP", .hosts = hosts}, {.name = "msmq"}};
static const struct policy_source sources[SOURCES] = {
    [A] = {.name = "wsfc@a", .target = (subject_t)SUBJECT_CLUSTER << 24, .node = 0, .estate = true, .interval = 10000, .timeout = 5000},
    [B] = {.name = "wsfc@b", .target = (subject_t)SUBJECT_CLUSTER << 24, .node = 1, .estate = true, .interval = 10000, .timeout = 5000},
    [A_SERVICE] = {.name = "service@a", .node = 0, .estate = true, .interval = 30000, .timeout = 5000},
};
static const struct policy policy = {.clusters = &cluster,
                                     .nodes = nodes,
                                     .groups = groups,
                                     .sources = sources,
                                     .cluster_count = 1,
                                     .node_count = 2,
                                     .group_count = 2,
                                     .source_count = SOURCES};
static struct estate *estate;

static int open_it(void **state)
{
    (void)state;
    rows_limit = rows_allocated = 0;
    estate = estate_open(&policy, 0, &rows_memory);
    return estate ? 0 : -1;
}

static int close_it(void **state)
{
    (void)state;
    estate_close(estate);
    return rows_allocated ? -1 : 0;
}

static struct found_service service(const char *name, uint8_t state)
{
    struct found_service row = {.state = state, .start_mode = START_MODE_AUTO, .process = 4};
    snprintf(row.name, sizeof row.name, "%s", name);
    return row;
}

static void feed_services(uint16_t source, unsigned count, unsigned without, uint8_t state, msec_t now)
{
    rows_step(estate, source, FOUND_BEGIN, FOUND_SERVICE, NULL, NULL, REASON_OK, now);
    for (unsigned i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "Service%u", i);
        struct found_service row = service(name, state);
        if (i != without)
            rows_step(estate, source, FOUND_ROW, FOUND_SERVICE, NULL, &row, REASON_OK, now);
    }
    rows_step(estate, source, FOUND_END, FOUND_SERVICE, NULL, NULL, REASON_OK, now);
}

static void test_a_row_is_known_again(void **state)
{
    struct estate_row row;
    (void)state;
    feed_services(A_SERVICE, 5, 99, SERVICE_RUNNING, 1000);
    feed_services(A_SERVICE, 5, 99, SERVICE_RUNNING, 2000);
    assert_int_equal(estate_count(estate, FOUND_SERVICE), 5);
    assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, "SERVICE3", NULL, &row)); /* case does not matter */
    assert_int_equal(row.first_at, 1000);
    assert_int_equal(row.seen_at, 2000);
    assert_int_equal(row.since, 1000);
    feed_services(A_SERVICE, 5, 99, SERVICE_STOPPED, 3000);
    assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, "Service3", NULL, &row));
    assert_int_equal(row.since, 3000);
    assert_int_equal(((const struct found_service *)row.found)->state, SERVICE_STOPPED);
    struct found_service other = service("Service3", SERVICE_STOPPED);
    other.process = 77; /* not its state */
    rows_feed(estate, A_SERVICE, FOUND_SERVICE, NULL, &other, 1, REASON_OK, 4000);
    assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, "Service3", NULL, &row));
    assert_int_equal(row.since, 3000);
    assert_int_equal(((const struct found_service *)row.found)->process, 77);
}

static void test_absent_only_after_a_complete_list(void **state)
{
    struct estate_row row;
    (void)state;
    feed_services(A_SERVICE, 5, 99, SERVICE_RUNNING, 1000);
    struct found_service one = service("Service0", SERVICE_RUNNING);
    rows_feed(estate, A_SERVICE, FOUND_SERVICE, NULL, &one, 1, REASON_QUOTA, 2000);
    assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, "Service3", NULL, &row));
    assert_int_equal(row.absent_at, 0);
    assert_int_equal(estate_list(estate, A_SERVICE, FOUND_SERVICE).reason, REASON_QUOTA);
    assert_int_equal(estate_list(estate, A_SERVICE, FOUND_SERVICE).complete_at, 1000);
    feed_services(A_SERVICE, 5, 3, SERVICE_RUNNING, 3000);
    assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, "Service3", NULL, &row));
    assert_int_equal(row.absent_at, 3000);
    feed_services(A_SERVICE, 5, 99, SERVICE_RUNNING, 4000);
    assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, "Service3", NULL, &row));
    assert_int_equal(row.absent_at, 0);
    assert_int_equal(row.since, 4000); /* it was away */
    assert_int_equal(row.first_at, 1000);
}

static void test_forgotten_after_a_day(void **state)
{
    (void)state;
    feed_services(A_SERVICE, 50, 99, SERVICE_RUNNING, 1000);
    feed_services(A_SERVICE, 50, 7, SERVICE_RUNNING, 2000);
    estate_forget(estate, 2000 + ESTATE_FORGET_MS - 1);
    assert_int_equal(estate_count(estate, FOUND_SERVICE), 50);
    estate_forget(estate, 2000 + ESTATE_FORGET_MS);
    assert_int_equal(estate_count(estate, FOUND_SERVICE), 49);
    assert_false(estate_find(estate, A_SERVICE, FOUND_SERVICE, "Service7", NULL, NULL));
    assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, "Service8", NULL, NULL));
    assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, "Service49", NULL, NULL));
    feed_services(A_SERVICE, 50, 99, SERVICE_RUNNING, 2001 + ESTATE_FORGET_MS);
    assert_int_equal(estate_count(estate, FOUND_SERVICE), 50);
}

static void test_sources_are_kept_apart(void **state)
{
    (void)state;
    struct found_node seen[2] = {{.name = "BTS01", .state = NODE_STATE_UP}, {.name = "BTS02", .state = NODE_STATE_UP}};
    rows_feed(estate, A, FOUND_NODE, NULL, seen, 2, REASON_OK, 1000);
    size_t once = estate_bytes(estate);
    rows_feed(estate, B, FOUND_NODE, NULL, seen, 2, REASON_OK, 1000);
    assert_true(estate_bytes(estate) - once < 2 * once); /* what both tell alike is kept once */
    seen[1].state = NODE_STATE_DOWN;
    rows_feed(estate, A, FOUND_NODE, NULL, seen, 2, REASON_OK, 2000);
    assert_int_equal(estate_count(estate, FOUND_NODE), 4);
    unsigned down = 0;
    for (size_t i = 0; i < 4; i++) {
        struct estate_row row = estate_row(estate, FOUND_NODE, i);
        down += ((const struct found_node *)row.found)->state == NODE_STATE_DOWN;
        assert_int_equal(row.source, i < 2 ? A : B);
    }
    assert_int_equal(down, 1);
    assert_int_equal(estate_span(estate, B, FOUND_NODE).first, 2);
    assert_int_equal(estate_span(estate, B, FOUND_NODE).count, 2);
}

static void test_lists_by_resource(void **state)
{
    (void)state;
    const struct found_resource resources[] = {
        {.name = "FTP", .type = "Generic Service", .group = "BizTalkFTP"},
        {.name = "Queue", .type = "MSMQ", .group = "msmq"},
        {.name = "Disk", .type = "Physical Disk", .group = "msmq"},
    };
    const struct found_possible_owner owners[] = {
        {.resource = "FTP", .node = "BTS01"}, {.resource = "FTP", .node = "BTS02"}, {.resource = "Queue", .node = "BTS01"}};
    struct estate_row row;
    char name[FOUND_NAME], second[FOUND_NAME];
    rows_feed(estate, A, FOUND_RESOURCE, NULL, resources, 3, REASON_OK, 1000);
    assert_true(estate_wanted(estate, A, FOUND_POSSIBLE_OWNER, name, 1000));
    assert_true(estate_wanted(estate, A, FOUND_POSSIBLE_OWNER, second, 1000));
    assert_string_equal(name, "FTP");
    assert_string_equal(second, "Queue");
    assert_false(estate_wanted(estate, A, FOUND_POSSIBLE_OWNER, name, 2000)); /* not of a disk */
    assert_true(estate_wanted(estate, A, FOUND_DEPENDENCY, name, 2000));
    assert_false(estate_wanted(estate, B, FOUND_POSSIBLE_OWNER, name, 2000)); /* found no resource yet */
    rows_feed(estate, A, FOUND_POSSIBLE_OWNER, "FTP", owners, 2, REASON_OK, 2000);
    rows_feed(estate, A, FOUND_POSSIBLE_OWNER, "Queue", owners + 2, 1, REASON_OK, 2000);
    assert_int_equal(estate_asked(estate, A, FOUND_POSSIBLE_OWNER, "ftp"), 2000);
    rows_feed(estate, A, FOUND_POSSIBLE_OWNER, "FTP", owners, 1, REASON_OK, 3000);
    assert_true(estate_find(estate, A, FOUND_POSSIBLE_OWNER, "FTP", "BTS02", &row));
    assert_int_equal(row.absent_at, 3000);
    assert_true(estate_find(estate, A, FOUND_POSSIBLE_OWNER, "Queue", "BTS01", &row));
    assert_int_equal(row.absent_at, 0); /* another list */
    assert_true(estate_wanted(estate, A, FOUND_POSSIBLE_OWNER, name, 1000 + ESTATE_ASK_MS));
}

static void test_the_best_list(void **state)
{
    (void)state;
    struct found_node seen[2] = {{.name = "BTS01", .state = NODE_STATE_UP}, {.name = "bts02.corp.example", .state = NODE_STATE_UP}};
    assert_int_equal(estate_best(estate, FOUND_NODE, 500), UINT16_MAX);
    assert_int_equal(estate_list(estate, A, FOUND_NODE).reason, REASON_NOT_SEEN);
    rows_feed(estate, A, FOUND_NODE, NULL, seen, 2, REASON_OK, 1000);
    assert_int_equal(estate_best(estate, FOUND_NODE, 1000), A);
    rows_feed(estate, B, FOUND_NODE, NULL, seen, 2, REASON_OK, 2000);
    assert_int_equal(estate_best(estate, FOUND_NODE, 2000), B);
    estate_failed(estate, B, REASON_CONNECT_TIMEOUT, 3000);
    assert_int_equal(estate_best(estate, FOUND_NODE, 3000), B); /* its list is young enough */
    assert_int_equal(estate_list(estate, B, FOUND_NODE).reason, REASON_CONNECT_TIMEOUT);
    seen[1].state = NODE_STATE_JOINING;
    rows_feed(estate, B, FOUND_NODE, NULL, seen, 2, REASON_OK, 4000);
    assert_int_equal(estate_best(estate, FOUND_NODE, 4000), A); /* B says itself that it is no member */
    assert_int_equal(estate_best(estate, FOUND_NODE, 1000 + 25001), UINT16_MAX);
    assert_int_equal(estate_why_none(estate, FOUND_NODE, NODE_NONE, 30000), REASON_STALE);
}

/* Hostile or merely large: what does not fit is dropped, counted, and the list is not complete. */
static void test_bounds(void **state)
{
    (void)state;
    feed_services(A_SERVICE, ESTATE_ROWS_MAX + 10, ESTATE_ROWS_MAX + 99, SERVICE_RUNNING, 1000);
    assert_int_equal(estate_count(estate, FOUND_SERVICE), ESTATE_ROWS_MAX);
    assert_int_equal(estate_dropped(estate), 10);
    assert_int_equal(estate_list(estate, A_SERVICE, FOUND_SERVICE).reason, REASON_TOO_MANY_ROWS);
    assert_int_equal(estate_list(estate, A_SERVICE, FOUND_SERVICE).complete_at, 0);
    struct found_service row = service("Service9", SERVICE_RUNNING);
    rows_step(estate, 99, FOUND_BEGIN, FOUND_SERVICE, NULL, NULL, REASON_OK, 1000);
    rows_step(estate, 99, FOUND_ROW, FOUND_SERVICE, NULL, &row, REASON_OK, 1000); /* no source of this cluster */
    rows_step(estate, A, FOUND_ROW, FOUND_SERVICE, NULL, &row, REASON_OK, 1000);  /* no list begun */
    assert_int_equal(estate_count(estate, FOUND_SERVICE), ESTATE_ROWS_MAX);
    /* in the order of the last time, in its reverse, and with one gone: every row is found again */
    feed_services(A_SERVICE, 1000, 3, SERVICE_RUNNING, 2000);
    for (unsigned i = 1000; i-- > 0;) {
        char name[40];
        snprintf(name, sizeof name, "Service%u", i);
        assert_true(estate_find(estate, A_SERVICE, FOUND_SERVICE, name, NULL, NULL));
    }
}

/* Memory ends at every allocation in turn: nothing breaks, nothing leaks. */
static void test_no_memory(void **state)
{
    bool done = false;
    (void)state;
    estate_close(estate);
    for (size_t limit = 1; !done; limit++) {
        rows_limit = limit;
        estate = estate_open(&policy, 0, &rows_memory);
        if (!estate) {
            assert_int_equal(rows_allocated, 0);
            continue;
        }
        struct found_host host = {.name = "X", .cluster_group = "msmq"};
        struct found_resource resource = {.name = "FTP", .type = "Generic Service", .group = "BizTalkFTP"};
        feed_services(A_SERVICE, 20, 99, SERVICE_RUNNING, 1000);
        rows_feed(estate, A, FOUND_HOST, NULL, &host, 1, REASON_OK, 1000);
        rows_feed(estate, A, FOUND_RESOURCE, NULL, &resource, 1, REASON_OK, 1000);
        feed_services(A_SERVICE, 20, 5, SERVICE_STOPPED, 2000);
        estate_forget(estate, 3000 + ESTATE_FORGET_MS);
        done = !estate_dropped(estate) && estate_count(estate, FOUND_SERVICE) == 19;
        if (!done || limit > 1000) {
            estate_close(estate);
            assert_int_equal(rows_allocated, 0);
            assert_true(limit < 1000);
        }
    }
    rows_limit = 0;
}

/* Lists in any order, with rows that come and go, fail and are forgotten: always what a plain array would say. */
static void test_against_a_plain_array(void **state)
{
    enum { NAMES = 60 };
    struct plain {
        bool known;
        uint8_t is;
        msec_t since, absent_at;
    } plain[NAMES] = {0};
    uint32_t seed = 1;
    msec_t now = 1000;
    (void)state;
    for (unsigned round = 0; round < 3000; round++, now += 1000 + (round % 97 ? 0 : ESTATE_FORGET_MS / 2)) {
        bool complete = (seed = seed * 1664525 + 1013904223) >> 28, came[NAMES] = {false};
        unsigned stride = (seed >> 8) % (NAMES - 1) + 1, start = (seed >> 16) % NAMES;
        rows_step(estate, A_SERVICE, FOUND_BEGIN, FOUND_SERVICE, NULL, NULL, REASON_OK, now);
        for (unsigned i = 0; i < NAMES; i++) {
            unsigned name = (start + i * stride) % NAMES; /* some twice, some never */
            char text[16];
            snprintf(text, sizeof text, "%cs%u", round % 2 ? 'S' : 's', name);
            struct found_service row = service(text, (seed >> (name % 20)) % 8 ? SERVICE_RUNNING : SERVICE_STOPPED);
            rows_step(estate, A_SERVICE, FOUND_ROW, FOUND_SERVICE, NULL, &row, REASON_OK, now);
            struct plain *kept = &plain[name];
            if (!kept->known || kept->absent_at || kept->is != row.state)
                kept->since = now;
            kept->known = came[name] = true;
            kept->absent_at = 0;
            kept->is = row.state;
        }
        rows_step(estate, A_SERVICE, FOUND_END, FOUND_SERVICE, NULL, NULL, complete ? REASON_OK : REASON_QUOTA, now);
        estate_forget(estate, now);
        size_t count = 0;
        for (unsigned name = 0; name < NAMES; name++) {
            struct plain *kept = &plain[name];
            char text[16];
            struct estate_row row;
            if (complete && kept->known && !came[name] && !kept->absent_at)
                kept->since = kept->absent_at = now;
            if (kept->absent_at && now - kept->absent_at >= ESTATE_FORGET_MS)
                kept->known = false;
            snprintf(text, sizeof text, "sS%u", name);
            assert_int_equal(estate_find(estate, A_SERVICE, FOUND_SERVICE, text, NULL, &row), kept->known);
            if (kept->known) {
                count++;
                assert_int_equal(row.since, kept->since);
                assert_int_equal(row.absent_at, kept->absent_at);
                assert_int_equal(((const struct found_service *)row.found)->state, kept->is);
            }
        }
        assert_int_equal(estate_count(estate, FOUND_SERVICE), count);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_true(names_equal("BTSSvc$FtpReceive", "btssvc$ftpreceive"));
    assert_false(names_equal("a", "ab"));
    assert_true(name_contains("BizTalk ftpreceive 1", "FtpReceive"));
    assert_false(name_contains("Ftp", "FtpReceive"));
    assert_int_equal(estate_node(estate, "bts02"), 1);
    assert_int_equal(estate_node(estate, "BTS02.corp.example"), 1);
    assert_int_equal(estate_node(estate, "BTS0"), NODE_NONE);
    assert_int_equal(estate_node(estate, ""), NODE_NONE);
    assert_int_equal(estate_group(estate, "biztalkftp"), 0);
    assert_int_equal(estate_group(estate, "MSMQ"), 1); /* a role of the group's own name */
    assert_int_equal(estate_group(estate, "ftp"), UINT16_MAX);
    assert_true(estate_host_in_group(estate, "ftpreceive", 0));
    struct found_host host[] = {{.name = "Other", .cluster_group = "msmq"}, {.name = "FtpReceive", .cluster_group = "msmq"}};
    rows_feed(estate, A, FOUND_HOST, NULL, host, 2, REASON_OK, 1000);
    assert_true(estate_host_in_group(estate, "Other", 1));
    assert_true(estate_host_in_group(estate, "FtpReceive", 0)); /* the operator's word counts */
    assert_false(estate_host_in_group(estate, "FtpReceive", 1));
    rows_feed(estate, A, FOUND_HOST, NULL, host, 0, REASON_OK, 2000);
    assert_false(estate_host_in_group(estate, "Other", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_row_is_known_again, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_absent_only_after_a_complete_list, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_forgotten_after_a_day, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_sources_are_kept_apart, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_lists_by_resource, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_the_best_list, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_bounds, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_no_memory, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_against_a_plain_array, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_names, open_it, close_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
