/* What rows mean: each word of estate_speak, by its own cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/rows.h"

enum { WSFC_A, WSFC_B, BIZTALK_A, SERVICE_A, SOURCES };
enum { FTP, QUEUES, GROUPS };

static const char *const ftp_hosts[] = {"FtpReceive", "FtpOther", NULL};
static const struct policy_node nodes[] = {{.name = "BTS01", .index = 0}, {.name = "BTS02", .index = 1}};
static const struct policy_cluster cluster = {.name = "biztalk", .type = CLUSTER_WSFC, .node_count = 2, .preflight = UINT16_MAX};
static const struct policy_group groups[GROUPS] = {{.name = "ftp", .role = "BizTalkFTP", .hosts = ftp_hosts}, {.name = "queues"}};
static const struct policy_source sources[SOURCES] = {
    [WSFC_A] = {.node = 0, .estate = true, .interval = 10000, .timeout = 5000},
    [WSFC_B] = {.node = 1, .estate = true, .interval = 10000, .timeout = 5000},
    [BIZTALK_A] = {.node = 0, .estate = true, .interval = 15000, .timeout = 5000},
    [SERVICE_A] = {.node = 0, .estate = true, .interval = 30000, .timeout = 5000},
};
static const struct policy policy = {.clusters = &cluster,
                                     .nodes = nodes,
                                     .groups = groups,
                                     .sources = sources,
                                     .cluster_count = 1,
                                     .node_count = 2,
                                     .group_count = GROUPS,
                                     .source_count = SOURCES};
static struct estate *estate;
static struct observation said[100];
static size_t said_count;
static msec_t now;

static int open_it(void **state)
{
    (void)state;
    now = 100000;
    estate = estate_open(&policy, 0, &rows_memory);
    return estate ? 0 : -1;
}

static int close_it(void **state)
{
    (void)state;
    estate_close(estate);
    return rows_allocated ? -1 : 0;
}

static void hear(void *context, const struct observation *observation)
{
    (void)context;
    assert_true(said_count < sizeof said / sizeof *said);
    said[said_count++] = *observation;
}

static void speak(uint16_t source)
{
    said_count = 0;
    estate_speak(estate, source, now, hear, NULL);
}

static const struct observation *word(subject_t subject, uint8_t aspect, unsigned node)
{
    for (size_t i = 0; i < said_count; i++)
        if (said[i].subject == subject && said[i].aspect == aspect && (node == NODE_NONE || said[i].node == node))
            return &said[i];
    return NULL;
}

static void expect(unsigned group, uint8_t aspect, unsigned node, enum verdict verdict, uint16_t reason)
{
    const struct observation *is = word(subject_of(SUBJECT_GROUP, group), aspect, node);
    assert_non_null(is);
    if (is->verdict != verdict || is->reason != reason)
        fail_msg("group %u aspect %u: %u %s, not %u %s", group, aspect, is->verdict, reason_name(is->reason), verdict, reason_name(reason));
}

static void expect_of_cluster(uint8_t aspect, unsigned node, enum verdict verdict, uint16_t reason)
{
    const struct observation *is = word(subject_of(SUBJECT_CLUSTER, 0), aspect, node);
    assert_non_null(is);
    assert_int_equal(is->verdict, verdict);
    assert_string_equal(reason_name(is->reason), reason_name(reason));
}

/* ---- the cluster manager's words ---- */

static struct found_group roles[GROUPS];
static struct found_resource resources[3];

static void steady(void)
{
    roles[FTP] = (struct found_group){.name = "bizTALKftp", .owner = "bts02", .state = GROUP_ONLINE, .persistent = YES};
    roles[QUEUES] = (struct found_group){.name = "queues", .owner = "BTS01", .state = GROUP_ONLINE, .persistent = YES};
    resources[0] = (struct found_resource){.name = "BizTalk FtpReceive",
                                           .type = "Generic Service",
                                           .group = "BizTalkFTP",
                                           .owner = "BTS02",
                                           .state = RESOURCE_ONLINE,
                                           .persistent = YES,
                                           .pending_timeout_ms = 180000};
    resources[1] = resources[0];
    snprintf(resources[1].name, sizeof resources[1].name, "BizTalk FtpOther");
    resources[1].pending_timeout_ms = 600000;
    resources[2] = (struct found_resource){.name = "Disk", .type = "Physical Disk", .group = "BizTalkFTP", .state = RESOURCE_ONLINE};
}

static void tell(void)
{
    now += 10000;
    rows_feed(estate, WSFC_A, FOUND_GROUP, NULL, roles, GROUPS, REASON_OK, now);
    rows_feed(estate, WSFC_A, FOUND_RESOURCE, NULL, resources, 3, REASON_OK, now);
    speak(WSFC_A);
}

static void test_owner(void **state)
{
    (void)state;
    steady();
    tell();
    expect(FTP, ASPECT_OWNER, 1, YES, REASON_OK);
    expect(FTP, ASPECT_PENDING, NODE_NONE, NO, REASON_OK);
    expect(FTP, ASPECT_INTENDED, NODE_NONE, YES, REASON_OK);
    assert_int_equal(word(subject_of(SUBJECT_GROUP, FTP), ASPECT_PENDING_TIMEOUT, NODE_NONE)->value, 600000);
    expect(QUEUES, ASPECT_OWNER, 0, YES, REASON_OK); /* nothing of it is identified: its own state */
    resources[0].state = RESOURCE_FAILED;
    roles[FTP].state = GROUP_PARTIAL;
    tell();
    expect(FTP, ASPECT_OWNER, 1, YES, REASON_OK); /* one failed while the other is online */
    resources[1].state = RESOURCE_OFFLINE;
    tell();
    expect(FTP, ASPECT_OWNER, NODE_NONE, NO, REASON_ACTIVE_NOWHERE);
    resources[2].state = RESOURCE_FAILED; /* not guarded */
    resources[0].state = resources[1].state = RESOURCE_ONLINE;
    tell();
    expect(FTP, ASPECT_OWNER, 1, YES, REASON_OK);
    resources[0].state = resources[1].state = -1;
    tell();
    expect(FTP, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_NODE_UNKNOWN);
}

static void test_pending_is_not_down(void **state)
{
    static const int64_t pending[] = {RESOURCE_INITIALIZING, RESOURCE_PENDING, RESOURCE_ONLINE_PENDING, RESOURCE_OFFLINE_PENDING};
    (void)state;
    for (size_t i = 0; i < sizeof pending / sizeof *pending; i++) {
        steady();
        resources[0].state = pending[i];
        resources[1].state = RESOURCE_OFFLINE;
        tell();
        expect(FTP, ASPECT_PENDING, NODE_NONE, YES, REASON_IN_TRANSITION);
        expect(FTP, ASPECT_OWNER, 1, YES, REASON_OK);
    }
    assert_int_equal(word(subject_of(SUBJECT_GROUP, FTP), ASPECT_PENDING, NODE_NONE)->value, 0);
    now += 5000;
    tell();
    assert_int_equal(word(subject_of(SUBJECT_GROUP, FTP), ASPECT_PENDING, NODE_NONE)->value, 15000);
    steady();
    roles[QUEUES].state = GROUP_PENDING;
    tell();
    expect(QUEUES, ASPECT_PENDING, NODE_NONE, YES, REASON_IN_TRANSITION);
    expect(QUEUES, ASPECT_OWNER, 0, YES, REASON_OK);
    roles[QUEUES].state = ABSENT;
    tell();
    expect(QUEUES, ASPECT_PENDING, NODE_NONE, UNKNOWN, REASON_NODE_UNKNOWN);
    expect(QUEUES, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_NODE_UNKNOWN);
}

static void test_a_role_of_unknown_parts(void **state)
{
    (void)state;
    steady();
    roles[QUEUES].state = GROUP_FAILED;
    tell();
    expect(QUEUES, ASPECT_OWNER, NODE_NONE, NO, REASON_ACTIVE_NOWHERE);
    roles[QUEUES].state = GROUP_PARTIAL; /* what of it is online nobody says */
    tell();
    expect(QUEUES, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_NODE_UNKNOWN);
    roles[QUEUES].state = GROUP_ONLINE;
    snprintf(roles[QUEUES].owner, sizeof roles[QUEUES].owner, "BTS09"); /* not configured: never read as "nowhere" */
    tell();
    expect(QUEUES, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_NODE_UNKNOWN);
    rows_feed(estate, WSFC_A, FOUND_GROUP, NULL, roles, 1, REASON_OK, now);
    speak(WSFC_A);
    expect(QUEUES, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_OBJECT_MISSING);
    expect(FTP, ASPECT_OWNER, 1, YES, REASON_OK);
}

static void test_intended(void **state)
{
    (void)state;
    steady();
    roles[FTP].persistent = UNKNOWN;
    tell();
    expect(FTP, ASPECT_INTENDED, NODE_NONE, UNKNOWN, REASON_INTENT_UNKNOWN); /* a property that did not come is not "meant to run" */
    roles[FTP].persistent = NO;
    tell();
    expect(FTP, ASPECT_INTENDED, NODE_NONE, NO, REASON_NOT_INTENDED);
    roles[FTP].persistent = YES;
    resources[0].persistent = NO;
    tell();
    expect(FTP, ASPECT_INTENDED, NODE_NONE, YES, REASON_OK); /* the other host is meant to */
    resources[1].persistent = NO;
    tell();
    expect(FTP, ASPECT_INTENDED, NODE_NONE, NO, REASON_NOT_INTENDED);
    resources[1].persistent = UNKNOWN;
    tell();
    expect(FTP, ASPECT_INTENDED, NODE_NONE, UNKNOWN, REASON_INTENT_UNKNOWN);
}

static void test_a_service_tells_more_than_a_name(void **state)
{
    const struct found_service_name services[] = {{.resource = "BizTalk FtpReceive", .service = "W3SVC"},
                                                  {.resource = "BizTalk FtpOther", .service = "btssvc$FTPOTHER"}};
    struct estate_row row;
    (void)state;
    steady();
    resources[0].state = RESOURCE_FAILED;
    tell();
    assert_true(estate_resource_of_host(estate, WSFC_A, "ftpreceive", &row));
    rows_feed(estate, WSFC_A, FOUND_SERVICE_NAME, NULL, services, 2, REASON_OK, now);
    tell();
    assert_false(estate_resource_of_host(estate, WSFC_A, "ftpreceive", &row)); /* it runs a web server */
    assert_true(estate_resource_of_host(estate, WSFC_A, "FtpOther", &row));
    assert_string_equal(((const struct found_resource *)row.found)->name, "BizTalk FtpOther");
    resources[1].state = RESOURCE_FAILED;
    resources[0].state = RESOURCE_ONLINE;
    tell();
    expect(FTP, ASPECT_OWNER, NODE_NONE, NO, REASON_ACTIVE_NOWHERE);
}

static void test_nodes(void **state)
{
    (void)state;
    struct found_node seen[2] = {{.name = "BTS01", .state = NODE_STATE_PAUSED}, {.name = "BTS02", .state = NODE_STATE_DOWN}};
    rows_feed(estate, WSFC_A, FOUND_NODE, NULL, seen, 2, REASON_OK, now);
    speak(WSFC_A);
    expect_of_cluster(ASPECT_NODE_UP, 0, YES, REASON_OK);
    expect_of_cluster(ASPECT_NODE_UP, 1, NO, REASON_NODE_DOWN);
    expect_of_cluster(ASPECT_QUORATE, NODE_NONE, YES, REASON_OK);
    seen[0].state = NODE_STATE_JOINING;
    rows_feed(estate, WSFC_A, FOUND_NODE, NULL, seen, 2, REASON_OK, now);
    speak(WSFC_A);
    expect_of_cluster(ASPECT_NODE_UP, 0, UNKNOWN, REASON_NODE_UNKNOWN);
    expect_of_cluster(ASPECT_QUORATE, NODE_NONE, NO, REASON_NODE_UNKNOWN);
    seen[0].state = -1;
    rows_feed(estate, WSFC_A, FOUND_NODE, NULL, seen, 1, REASON_OK, now);
    speak(WSFC_A);
    expect_of_cluster(ASPECT_QUORATE, NODE_NONE, UNKNOWN, REASON_NODE_UNKNOWN);
    expect_of_cluster(ASPECT_NODE_UP, 1, UNKNOWN, REASON_OBJECT_MISSING); /* evicted, or never a member */
    rows_feed(estate, WSFC_A, FOUND_NODE, NULL, seen, 0, REASON_ACCESS_DENIED, now);
    speak(WSFC_A);
    expect_of_cluster(ASPECT_QUORATE, NODE_NONE, UNKNOWN, REASON_ACCESS_DENIED);
    expect_of_cluster(ASPECT_NODE_UP, 1, UNKNOWN, REASON_ACCESS_DENIED);
}

static void test_what_fails_is_unknown(void **state)
{
    (void)state;
    speak(WSFC_A);
    assert_int_equal(said_count, 0); /* not asked yet */
    estate_failed(estate, WSFC_A, REASON_TLS_EXPIRED, now);
    speak(WSFC_A);
    expect(FTP, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_TLS_EXPIRED);
    expect(QUEUES, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_TLS_EXPIRED);
    steady();
    tell();
    rows_feed(estate, WSFC_A, FOUND_RESOURCE, NULL, resources, 0, REASON_QUOTA, now);
    roles[FTP].state = GROUP_FAILED;
    rows_feed(estate, WSFC_A, FOUND_GROUP, NULL, roles, GROUPS, REASON_OK, now);
    speak(WSFC_A);
    expect(FTP, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_NODE_UNKNOWN); /* of a role that is failed as a whole a host may still run */
    tell();
    estate_failed(estate, WSFC_A, REASON_CONNECT_TIMEOUT, now);
    speak(WSFC_A);
    expect(FTP, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_CONNECT_TIMEOUT);
    expect(FTP, ASPECT_PENDING, NODE_NONE, UNKNOWN, REASON_CONNECT_TIMEOUT);
    expect(FTP, ASPECT_INTENDED, NODE_NONE, UNKNOWN, REASON_CONNECT_TIMEOUT);
    steady();
    tell();
    now += 26000;
    speak(WSFC_A);
    expect(FTP, ASPECT_OWNER, NODE_NONE, UNKNOWN, REASON_STALE);
}

/* ---- copies ---- */

static struct found_instance instance(const char *host, const char *node, int64_t is, int64_t clustered)
{
    struct found_instance row = {.type = 1, .state = is, .configuration = 1, .cluster = clustered, .disabled = NO};
    snprintf(row.host, sizeof row.host, "%s", host);
    snprintf(row.node, sizeof row.node, "%s", node);
    return row;
}

static void tell_instances(const struct found_instance *rows, size_t count)
{
    now += 15000;
    rows_feed(estate, BIZTALK_A, FOUND_INSTANCE, NULL, rows, count, REASON_OK, now);
    speak(BIZTALK_A);
}

static void test_instances(void **state)
{
    (void)state;
    struct found_instance rows[] = {instance("FtpReceive", "BTS01", INSTANCE_RUNNING, INSTANCE_CLUSTERED),
                                    instance("FtpOther", "BTS01", INSTANCE_STOPPED, INSTANCE_CLUSTERED),
                                    instance("FtpReceive", "BTS02", INSTANCE_STOPPED, INSTANCE_CLUSTERED),
                                    instance("FtpOther", "BTS02", INSTANCE_STOPPED, INSTANCE_CLUSTERED),
                                    instance("FtpReceive", "BTS02", INSTANCE_RUNNING, INSTANCE_VIRTUAL)};
    tell_instances(rows, 5);
    expect(FTP, ASPECT_INSTANCE, 0, YES, REASON_OK);                                  /* any */
    expect(FTP, ASPECT_INSTANCE, 1, NO, REASON_ACTIVE_NOWHERE);                       /* all stopped; the virtual row is no copy */
    assert_null(word(subject_of(SUBJECT_GROUP, QUEUES), ASPECT_INSTANCE, NODE_NONE)); /* no hosts: nothing to say */
    rows[3].state = INSTANCE_START_PENDING;
    tell_instances(rows, 5);
    expect(FTP, ASPECT_INSTANCE, 1, UNKNOWN, REASON_IN_TRANSITION);
    rows[3].state = INSTANCE_UNKNOWN;
    tell_instances(rows, 5);
    expect(FTP, ASPECT_INSTANCE, 1, UNKNOWN, REASON_NODE_UNKNOWN);
    rows[2].state = INSTANCE_RUNNING;
    tell_instances(rows, 5);
    expect(FTP, ASPECT_INSTANCE, 1, YES, REASON_OK);
    tell_instances(rows, 2);
    expect(FTP, ASPECT_INSTANCE, 1, NO, REASON_NO_INSTANCE); /* a complete list without any */
    rows_feed(estate, BIZTALK_A, FOUND_INSTANCE, NULL, rows, 0, REASON_CLASS_MISSING, now);
    speak(BIZTALK_A);
    expect(FTP, ASPECT_INSTANCE, 0, UNKNOWN, REASON_CLASS_MISSING);
}

static void test_services(void **state)
{
    (void)state;
    struct found_service rows[2] = {{.name = "BTSSVC$ftpreceive", .state = SERVICE_RUNNING},
                                    {.name = "BTSSvc$Unknown", .state = SERVICE_RUNNING}};
    rows_feed(estate, SERVICE_A, FOUND_SERVICE, NULL, rows, 2, REASON_OK, now);
    speak(SERVICE_A);
    expect(FTP, ASPECT_INSTANCE, 0, YES, REASON_OK);
    assert_null(word(subject_of(SUBJECT_GROUP, FTP), ASPECT_INSTANCE, 1)); /* of itself only */
    rows[0].state = SERVICE_STOP_PENDING;
    rows_feed(estate, SERVICE_A, FOUND_SERVICE, NULL, rows, 2, REASON_OK, now);
    speak(SERVICE_A);
    expect(FTP, ASPECT_INSTANCE, 0, UNKNOWN, REASON_IN_TRANSITION);
    rows[0].state = SERVICE_STOPPED;
    rows_feed(estate, SERVICE_A, FOUND_SERVICE, NULL, rows, 2, REASON_OK, now);
    speak(SERVICE_A);
    expect(FTP, ASPECT_INSTANCE, 0, NO, REASON_ACTIVE_NOWHERE);
    rows_feed(estate, SERVICE_A, FOUND_SERVICE, NULL, rows, 0, REASON_OK, now);
    speak(SERVICE_A);
    expect(FTP, ASPECT_INSTANCE, 0, NO, REASON_NO_INSTANCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_owner, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_pending_is_not_down, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_a_role_of_unknown_parts, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_intended, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_a_service_tells_more_than_a_name, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_nodes, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_what_fails_is_unknown, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_instances, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_services, open_it, close_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
