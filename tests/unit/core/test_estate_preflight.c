/* Readiness condition by condition; service windows; where the master secret server is. One estate in which all is well, and one thing
 * changed at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/rows.h"

enum { WSFC, BIZTALK, SERVICE_A, SERVICE_B, PREFLIGHT, SOURCES };
enum { FTP, MSMQ, GROUPS };
enum { ORDERS, ANY_OF_HOST, QUEUE, HANDLERS };

static const char *const ftp_hosts[] = {"FtpReceive", NULL}, *const msmq_hosts[] = {"QueueReceive", NULL};
static const char *const ftp[] = {"FTP", NULL}, *const msmq[] = {"MSMQ", NULL}, *const nothing[] = {NULL};
static struct policy_windows windows;
static const struct policy_node nodes[] = {{.name = "BTS01", .index = 0}, {.name = "BTS02", .index = 1}};
static const struct policy_cluster cluster = {
    .name = "biztalk", .type = CLUSTER_WSFC, .node_count = 2, .preflight = PREFLIGHT, .windows = &windows};
static const struct policy_group groups[GROUPS] = {{.name = "ftp", .hosts = ftp_hosts}, {.name = "msmq", .hosts = msmq_hosts}};
static const struct policy_server server = {.name = "partner", .type = SERVER_FTP};
static const struct policy_handler handlers[HANDLERS] = {{.name = "orders", .group = FTP, .host = "FtpReceive", .location = "Orders"},
                                                         {.name = "all", .group = FTP, .host = "FtpReceive", .location = ""},
                                                         {.name = "queue", .group = MSMQ, .host = "", .location = ""}};
static const struct policy_source sources[SOURCES] = {
    [WSFC] = {.node = 0, .estate = true, .interval = 10000, .timeout = 5000},
    [BIZTALK] = {.node = 0, .estate = true, .interval = 15000, .timeout = 5000},
    [SERVICE_A] = {.node = 0, .estate = true, .interval = 30000, .timeout = 5000},
    [SERVICE_B] = {.node = 1, .estate = true, .interval = 30000, .timeout = 5000},
    [PREFLIGHT] = {.node = NODE_NONE, .interval = 10000, .timeout = 5000},
};
static const struct policy policy = {.clusters = &cluster,
                                     .nodes = nodes,
                                     .groups = groups,
                                     .servers = &server,
                                     .handlers = handlers,
                                     .sources = sources,
                                     .cluster_count = 1,
                                     .node_count = 2,
                                     .group_count = GROUPS,
                                     .server_count = 1,
                                     .handler_count = HANDLERS,
                                     .source_count = SOURCES};

static struct estate *estate;
static struct observation said[60];
static size_t said_count;
static msec_t now;
static stamp_t wall;

/* ---- a world in which all is well ---- */

enum { RESOURCE_COUNT = 8, OWNER_COUNT = 12 };
static struct world {
    struct found_node nodes[2];
    struct found_resource resources[RESOURCE_COUNT];
    struct found_service_name services[3];
    struct found_dependency on_msmq;
    struct found_instance instances[4];
    struct found_location locations[3];
    struct found_service running[2][2]; /* ENTSSO, MSMQ per node */
    struct found_setting setting;
    size_t node_count, resource_count, instance_count, running_count[2], dependency_count;
    const char *not_owner; /* a resource that BTS02 may not own */
} world;

static struct found_resource resource(const char *name, const char *type, const char *group)
{
    struct found_resource row = {.state = RESOURCE_ONLINE, .persistent = YES};
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.type, sizeof row.type, "%s", type);
    snprintf(row.group, sizeof row.group, "%s", group);
    snprintf(row.owner, sizeof row.owner, "BTS01");
    return row;
}

static struct found_location location(const char *name, const char *adapter, const char *host, const char *url)
{
    struct found_location row = {
        .port = "port", .disabled = NO, .windowed = NO, .starts = NO, .stops = NO, .window_start_s = -1, .window_stop_s = -1};
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.adapter, sizeof row.adapter, "%s", adapter);
    snprintf(row.host, sizeof row.host, "%s", host);
    snprintf(row.url, sizeof row.url, "%s", url);
    return row;
}

static void all_is_well(void)
{
    static const char *const names[] = {"BTS01", "BTS02"}, *const hosts[] = {"FtpReceive", "QueueReceive"};
    windows = (struct policy_windows){.ftp_adapters = ftp,
                                      .sftp_adapters = nothing,
                                      .pop3_adapters = nothing,
                                      .msmq_adapters = msmq,
                                      .disabled_locations = nothing,
                                      .sso_server = ""};
    world = (struct world){.node_count = 2, .resource_count = 7, .instance_count = 4, .running_count = {2, 2}, .dependency_count = 1};
    world.resources[0] = resource("BTS FtpReceive", "Generic Service", "ftp");
    world.resources[1] = resource("FTPNAME", "Network Name", "ftp");
    world.resources[2] = resource("FTP IP", "IP Address", "ftp");
    world.resources[3] = resource("BTS QueueReceive", "Generic Service", "msmq");
    world.resources[4] = resource("QNAME", "Network Name", "msmq");
    world.resources[5] = resource("Q IP", "IPv6 Address", "msmq");
    world.resources[6] = resource("Queues", "MSMQ", "msmq");
    world.resources[7] = resource("SSO", "Generic Service", "ftp");
    for (size_t i = 0; i < 2; i++) {
        world.nodes[i] = (struct found_node){.state = NODE_STATE_UP};
        snprintf(world.nodes[i].name, sizeof world.nodes[i].name, "%s", names[i]);
        world.running[i][0] = (struct found_service){.name = "ENTSSO", .state = SERVICE_RUNNING};
        world.running[i][1] = (struct found_service){.name = "MSMQ", .state = SERVICE_RUNNING};
        for (size_t node = 0; node < 2; node++) {
            struct found_instance *row = &world.instances[2 * i + node];
            *row = (struct found_instance){
                .type = 1, .state = INSTANCE_STOPPED, .configuration = 1, .cluster = INSTANCE_CLUSTERED, .disabled = NO};
            snprintf(row->host, sizeof row->host, "%s", hosts[i]);
            snprintf(row->node, sizeof row->node, "%s", names[node]);
        }
    }
    world.services[0] = (struct found_service_name){.resource = "BTS FtpReceive", .service = "BTSSvc$FtpReceive"};
    world.services[1] = (struct found_service_name){.resource = "BTS QueueReceive", .service = "BTSSvc$QueueReceive"};
    world.services[2] = (struct found_service_name){.resource = "SSO", .service = "ENTSSO"};
    world.on_msmq = (struct found_dependency){.resource = "BTS QueueReceive", .on = "Queues"};
    world.locations[0] = location("Orders", "FTP", "FtpReceive", "ftp://partner:21/in/*.xml");
    world.locations[1] = location("Queue", "MSMQ", "QueueReceive", "FORMATNAME:DIRECT=OS:qname\\private$\\orders");
    world.locations[2] = location("More", "FTP", "FtpReceive", "ftp://partner:21/more/*.xml");
    world.setting = (struct found_setting){.name = "BizTalk Group", .sso_server = "SQL01.corp.example"};
}

static void feed_owners(void)
{
    char name[FOUND_NAME];
    while (estate_wanted(estate, WSFC, FOUND_POSSIBLE_OWNER, name, now)) {
        struct found_possible_owner owners[2] = {{.node = "BTS01"}, {.node = "BTS02"}};
        memcpy(owners[0].resource, name, sizeof name);
        memcpy(owners[1].resource, name, sizeof name);
        bool not_both = world.not_owner && strcmp(world.not_owner, name) == 0;
        rows_feed(estate, WSFC, FOUND_POSSIBLE_OWNER, name, owners, not_both ? 1 : 2, REASON_OK, now);
    }
    while (estate_wanted(estate, WSFC, FOUND_DEPENDENCY, name, now)) {
        bool waits = strcmp(name, world.on_msmq.resource) == 0;
        rows_feed(estate, WSFC, FOUND_DEPENDENCY, name, &world.on_msmq, waits ? world.dependency_count : 0, REASON_OK, now);
    }
}

static void hear(void *context, const struct observation *observation)
{
    (void)context;
    assert_true(said_count < sizeof said / sizeof *said);
    assert_int_equal(observation->source, PREFLIGHT);
    said[said_count++] = *observation;
}

static void look(void)
{
    said_count = 0;
    estate_preflight(estate, PREFLIGHT, now, wall, 3600, hear, NULL);
}

static void feed(void)
{
    now += ESTATE_ASK_MS;
    rows_feed(estate, WSFC, FOUND_NODE, NULL, world.nodes, world.node_count, REASON_OK, now);
    rows_feed(estate, WSFC, FOUND_RESOURCE, NULL, world.resources, world.resource_count, REASON_OK, now);
    rows_feed(estate, WSFC, FOUND_SERVICE_NAME, NULL, world.services, 3, REASON_OK, now);
    feed_owners();
    rows_feed(estate, BIZTALK, FOUND_INSTANCE, NULL, world.instances, world.instance_count, REASON_OK, now);
    rows_feed(estate, BIZTALK, FOUND_LOCATION, NULL, world.locations, 3, REASON_OK, now);
    rows_feed(estate, BIZTALK, FOUND_SETTING, NULL, &world.setting, 1, REASON_OK, now);
    rows_feed(estate, SERVICE_A, FOUND_SERVICE, NULL, world.running[0], world.running_count[0], REASON_OK, now);
    rows_feed(estate, SERVICE_B, FOUND_SERVICE, NULL, world.running[1], world.running_count[1], REASON_OK, now);
    look();
}

static int open_it(void **state)
{
    (void)state;
    now = 100000;
    wall = 1700000000000; /* 22:13:20 UTC, 23:13:20 in the zone given */
    all_is_well();
    estate = estate_open(&policy, 0, &rows_memory);
    return estate ? 0 : -1;
}

static int close_it(void **state)
{
    (void)state;
    estate_close(estate);
    return rows_allocated ? -1 : 0;
}

static void expect_word(subject_t subject, uint8_t aspect, uint8_t node, enum verdict verdict, uint16_t reason)
{
    const struct observation *is = NULL;
    for (size_t i = 0; i < said_count; i++)
        if (said[i].subject == subject && said[i].aspect == aspect && said[i].node == node)
            is = &said[i];
    assert_non_null(is);
    if (is->verdict != verdict || is->reason != reason)
        fail_msg("aspect %u node %u: %u %s, not %u %s", aspect, node, is->verdict, reason_name(is->reason), verdict, reason_name(reason));
}

static void expect(unsigned group, uint8_t node, enum verdict verdict, uint16_t reason)
{
    expect_word(subject_of(SUBJECT_GROUP, group), ASPECT_READY, node, verdict, reason);
}

static void change_then_expect(unsigned group, uint8_t node, enum verdict verdict, uint16_t reason)
{
    feed();
    expect(group, node, verdict, reason);
    all_is_well();
    feed();
    expect(group, node, YES, REASON_READY);
}

/* ---- conditions ---- */

static void test_all_is_well(void **state)
{
    (void)state;
    look();
    expect(FTP, 0, UNKNOWN, REASON_PREFLIGHT_UNKNOWN); /* nothing was read yet */
    feed();
    for (unsigned group = 0; group < GROUPS; group++)
        for (uint8_t node = 0; node < 2; node++)
            expect(group, node, YES, REASON_READY);
}

static void test_the_node(void **state)
{
    (void)state;
    world.nodes[1].state = NODE_STATE_DOWN;
    change_then_expect(FTP, 1, NO, REASON_NODE_DOWN);
    world.nodes[1].state = NODE_STATE_PAUSED;
    change_then_expect(FTP, 1, NO, REASON_NODE_DRAINING);
    world.nodes[1].drain = 1;
    change_then_expect(FTP, 1, NO, REASON_NODE_DRAINING);
    world.nodes[1].drain = ABSENT; /* older Windows */
    change_then_expect(FTP, 1, YES, REASON_READY);
    world.nodes[1].state = NODE_STATE_JOINING;
    change_then_expect(FTP, 1, UNKNOWN, REASON_NODE_UNKNOWN);
    world.node_count = 1;
    change_then_expect(FTP, 1, UNKNOWN, REASON_NODE_UNKNOWN);
}

static void test_possible_owners(void **state)
{
    (void)state;
    world.not_owner = "BTS FtpReceive";
    change_then_expect(FTP, 1, NO, REASON_NOT_POSSIBLE_OWNER);
    world.not_owner = "FTPNAME"; /* the group goes as a whole */
    change_then_expect(FTP, 1, NO, REASON_NOT_POSSIBLE_OWNER);
    world.not_owner = "Queues";
    change_then_expect(FTP, 1, YES, REASON_READY);
}

static void test_instances(void **state)
{
    (void)state;
    world.instances[1].disabled = YES;
    change_then_expect(FTP, 1, NO, REASON_INSTANCE_DISABLED);
    world.instances[1].disabled = UNKNOWN;
    change_then_expect(FTP, 1, UNKNOWN, REASON_PREFLIGHT_UNKNOWN);
    world.instances[1].configuration = 2;
    change_then_expect(FTP, 1, NO, REASON_INSTANCE_BROKEN);
    world.instances[1].configuration = 5;
    change_then_expect(FTP, 1, NO, REASON_NO_INSTANCE);
    world.instances[1].cluster = INSTANCE_VIRTUAL; /* no instance of that node */
    change_then_expect(FTP, 1, NO, REASON_NO_INSTANCE);
    world.instances[1] = world.instances[3];
    world.instance_count = 3;
    change_then_expect(FTP, 1, NO, REASON_NO_INSTANCE);
    world.instances[1].disabled = YES; /* what is certainly wrong comes before what is not known */
    world.nodes[1].state = NODE_STATE_JOINING;
    change_then_expect(FTP, 1, NO, REASON_INSTANCE_DISABLED);
}

static void test_message_queuing(void **state)
{
    (void)state;
    world.running[1][1].state = SERVICE_STOPPED;
    feed();
    expect(MSMQ, 1, NO, REASON_MSMQ_STOPPED);
    expect(FTP, 1, YES, REASON_READY); /* reads no queue */
    all_is_well();
    world.running_count[1] = 1; /* not installed */
    change_then_expect(MSMQ, 1, NO, REASON_MSMQ_STOPPED);
    world.running[1][1].state = SERVICE_START_PENDING;
    change_then_expect(MSMQ, 1, UNKNOWN, REASON_PREFLIGHT_UNKNOWN);
    snprintf(world.resources[6].group, sizeof world.resources[6].group, "ftp");
    change_then_expect(MSMQ, 1, NO, REASON_NO_MSMQ_DEPENDENCY);
    world.dependency_count = 0;
    change_then_expect(MSMQ, 0, NO, REASON_NO_MSMQ_DEPENDENCY);
    world.dependency_count = 0; /* a queue of another machine needs none */
    world.running[1][1].state = SERVICE_STOPPED;
    snprintf(world.locations[1].url, sizeof world.locations[1].url, "FORMATNAME:DIRECT=OS:faraway\\private$\\orders");
    change_then_expect(MSMQ, 1, YES, REASON_READY);
}

static void test_single_sign_on(void **state)
{
    (void)state;
    world.running[1][0].state = SERVICE_STOPPED;
    change_then_expect(FTP, 1, NO, REASON_SSO_STOPPED);
    world.running[1][0].state = SERVICE_STOPPED; /* clustered in the same group it comes along */
    world.resource_count = 8;
    feed();
    expect(FTP, 1, YES, REASON_READY);
    expect(MSMQ, 1, NO, REASON_SSO_ELSEWHERE); /* but split from the other */
    all_is_well();
    feed();
    expect(MSMQ, 1, YES, REASON_READY);
}

static void test_access_point(void **state)
{
    (void)state;
    snprintf(world.resources[1].type, sizeof world.resources[1].type, "Physical Disk");
    change_then_expect(FTP, 1, NO, REASON_NO_NETWORK_NAME);
    snprintf(world.resources[2].group, sizeof world.resources[2].group, "msmq");
    change_then_expect(FTP, 1, NO, REASON_NO_NETWORK_NAME);
}

/* Each list in turn fails for good: what needs it is unknown, nothing else. */
static uint16_t failing(enum found_kind kind, enum found_kind which)
{
    return kind == which ? REASON_QUOTA : REASON_OK;
}

static void feed_but(enum found_kind which)
{
    rows_feed(estate, WSFC, FOUND_NODE, NULL, world.nodes, 2, failing(FOUND_NODE, which), now);
    rows_feed(estate, WSFC, FOUND_RESOURCE, NULL, world.resources, 7, failing(FOUND_RESOURCE, which), now);
    feed_owners();
    rows_feed(estate, BIZTALK, FOUND_INSTANCE, NULL, world.instances, 4, failing(FOUND_INSTANCE, which), now);
    rows_feed(estate, BIZTALK, FOUND_LOCATION, NULL, world.locations, 3, failing(FOUND_LOCATION, which), now);
    rows_feed(estate, SERVICE_B, FOUND_SERVICE, NULL, world.running[1], 2, failing(FOUND_SERVICE, which), now);
    look();
}

static void test_missing_lists(void **state)
{
    static const enum found_kind kinds[] = {FOUND_NODE, FOUND_RESOURCE, FOUND_INSTANCE, FOUND_LOCATION, FOUND_SERVICE};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        feed();
        now += 1000;
        feed_but(kinds[i]);
        expect(FTP, 1, YES, REASON_READY); /* the list before it is young enough still */
        now += 70000 + (kinds[i] == FOUND_LOCATION ? ESTATE_SLOW_MS : 0);
        feed_but(kinds[i]);
        expect(FTP, 1, UNKNOWN, REASON_QUOTA);
        expect(MSMQ, 1, UNKNOWN, REASON_QUOTA);
    }
}

/* ---- should it poll now? ---- */

static void expect_polling(unsigned handler, enum verdict verdict, uint16_t reason)
{
    feed();
    expect_word(subject_of(SUBJECT_HANDLER, handler), ASPECT_EXPECTED, NODE_NONE, verdict, reason);
}

static void test_locations(void **state)
{
    (void)state;
    expect_polling(ORDERS, YES, REASON_OK);
    for (size_t i = 0; i < said_count; i++)
        assert_true(said[i].subject != subject_of(SUBJECT_HANDLER, QUEUE)); /* neither location nor host: nothing to say */
    world.locations[0].disabled = YES;
    expect_polling(ORDERS, NO, REASON_LOCATION_DISABLED);
    expect_polling(ANY_OF_HOST, YES, REASON_OK); /* its other location polls */
    world.locations[2].disabled = UNKNOWN;
    expect_polling(ANY_OF_HOST, UNKNOWN, REASON_PREFLIGHT_UNKNOWN);
    world.locations[2].disabled = YES;
    expect_polling(ANY_OF_HOST, NO, REASON_LOCATION_DISABLED);
    snprintf(world.locations[0].name, sizeof world.locations[0].name, "Renamed");
    expect_polling(ORDERS, UNKNOWN, REASON_OBJECT_MISSING);
}

static void at(int hour, int minute)
{
    wall = (1700000000000 / 86400000) * 86400000 + ((stamp_t)hour * 60 + minute) * 60000;
}

static void test_service_windows(void **state)
{
    enum { HOUR = 3600 };
    (void)state;
    struct found_location *row = &world.locations[0];
    row->windowed = YES;
    row->window_start_s = 8 * HOUR;
    row->window_stop_s = 18 * HOUR;
    at(6, 59); /* the nodes' clock is an hour ahead of UTC */
    expect_polling(ORDERS, NO, REASON_SERVER_CLOSED);
    at(7, 0);
    expect_polling(ORDERS, YES, REASON_OK);
    at(16, 59);
    expect_polling(ORDERS, YES, REASON_OK);
    at(17, 0);
    expect_polling(ORDERS, NO, REASON_SERVER_CLOSED);
    row->window_start_s = 22 * HOUR; /* over midnight */
    row->window_stop_s = 2 * HOUR;
    at(20, 59);
    expect_polling(ORDERS, NO, REASON_SERVER_CLOSED);
    at(21, 0);
    expect_polling(ORDERS, YES, REASON_OK);
    at(0, 59);
    expect_polling(ORDERS, YES, REASON_OK);
    at(1, 0);
    expect_polling(ORDERS, NO, REASON_SERVER_CLOSED);
    windows.zone_given = true; /* the configured zone counts */
    windows.zone_seconds = -2 * HOUR;
    at(0, 0);
    expect_polling(ORDERS, YES, REASON_OK);
    at(4, 0);
    expect_polling(ORDERS, NO, REASON_SERVER_CLOSED);
    row->window_stop_s = -1;
    expect_polling(ORDERS, UNKNOWN, REASON_PREFLIGHT_UNKNOWN);
    row->windowed = UNKNOWN;
    expect_polling(ORDERS, UNKNOWN, REASON_PREFLIGHT_UNKNOWN);
}

static void test_dates(void **state)
{
    (void)state;
    struct found_location *row = &world.locations[0];
    row->starts = row->stops = YES;
    row->start = wall + 1;
    row->stop = wall + 100000;
    expect_polling(ORDERS, NO, REASON_SERVER_CLOSED);
    row->start = wall;
    expect_polling(ORDERS, YES, REASON_OK);
    row->stop = wall;
    expect_polling(ORDERS, NO, REASON_SERVER_CLOSED);
    row->stop = 0; /* enabled, but it did not come */
    expect_polling(ORDERS, UNKNOWN, REASON_PREFLIGHT_UNKNOWN);
}

/* ---- the master secret server ---- */

static void expect_secret(enum verdict verdict, uint16_t reason)
{
    feed();
    expect_word(subject_of(SUBJECT_CLUSTER, 0), ASPECT_SECRET_SERVER, NODE_NONE, verdict, reason);
}

static void test_secret_server(void **state)
{
    (void)state;
    look();
    expect_word(subject_of(SUBJECT_CLUSTER, 0), ASPECT_SECRET_SERVER, NODE_NONE, UNKNOWN, REASON_PREFLIGHT_UNKNOWN);
    expect_secret(UNKNOWN, REASON_SECRET_SERVER_ELSEWHERE);
    snprintf(world.setting.sso_server, sizeof world.setting.sso_server, "bts02.corp.example"); /* a node */
    expect_secret(YES, REASON_OK);
    world.running[1][0].state = SERVICE_STOPPED;
    expect_secret(NO, REASON_SECRET_SERVER_DOWN);
    world.running[1][0].state = SERVICE_STOP_PENDING;
    expect_secret(UNKNOWN, REASON_IN_TRANSITION);
    windows.sso_server = "FTPNAME.corp.example"; /* BizTalk is not to be believed: a clustered one */
    world.resource_count = 8;
    expect_secret(YES, REASON_OK);
    world.resources[7].state = RESOURCE_FAILED;
    expect_secret(NO, REASON_SECRET_SERVER_DOWN);
    world.resources[7].state = RESOURCE_ONLINE_PENDING;
    expect_secret(UNKNOWN, REASON_IN_TRANSITION);
    world.resource_count = 7; /* its name is here, but nothing that runs it was recognised */
    expect_secret(UNKNOWN, REASON_PREFLIGHT_UNKNOWN);
    now += 100000;
    look();
    expect_word(subject_of(SUBJECT_CLUSTER, 0), ASPECT_SECRET_SERVER, NODE_NONE, UNKNOWN, REASON_STALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_is_well, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_the_node, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_possible_owners, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_instances, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_message_queuing, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_single_sign_on, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_access_point, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_missing_lists, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_locations, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_service_windows, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_dates, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_secret_server, open_it, close_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
