/* The wsfc driver against a small cluster of words: it acts only when two nodes agree and nothing speaks against it, and what it then
 * sends is what the golden files say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/act/driver.h"
#include "agent/core/engine.h"

enum { STEPS_MAX = 200, NODES = 3 };

/* What each node answers; the tests bend it. */
struct node_words {
    uint16_t silent; /* reason of every reply; REASON_OK = it answers */
    const char *owner, *group_state, *resource_state;
};
struct cluster {
    struct node_words nodes[NODES];
    const char *node_state[NODES], *drain[NODES];
    const char *possible[4];     /* NULL ends */
    const char *instances_on[4]; /* nodes with an instance of the host; NULL ends */
    const char *disabled_on;     /* "" = nowhere */
    const char *service_state;   /* of the copy on the node that is asked */
    const char *returned;        /* by StopService */
    const char *fault;           /* code of the fault that Invoke meets; NULL = none */
    uint16_t invoke_reason;      /* of the reply to Invoke, where none comes */
    unsigned invokes;
    uint8_t invoked_node;
    char invoked[8192];
};

static const char *const no_hosts[] = {NULL};
static const char *const computers[] = {"BTS01", "BTS02", "BTS03"};

struct site {
    struct policy_cluster cluster;
    struct policy_node nodes[NODES];
    struct policy_group group;
    struct group_conf conf;
    struct http_target targets[NODES];
    const struct http_target *act[NODES];
    struct compiled compiled;
    struct driver_context context;
};

static void *allocate(size_t size, void *context)
{
    (void)context;
    return malloc(size);
}

static void release(void *block, void *context)
{
    (void)context;
    free(block);
}

static void build(struct site *site)
{
    static const struct bounded_memory memory = {allocate, release, NULL};
    static const char *const urls[] = {"https://bts01.lab:5986/wsman", "https://bts02.lab:5986/wsman", "https://bts03.lab:5986/wsman"};
    memset(site, 0, sizeof *site);
    site->cluster = (struct policy_cluster){.name = "biztalk", .type = CLUSTER_WSFC, .node_count = NODES};
    site->group = (struct policy_group){.name = "ftp", .role = "BizTalk 'FTP'", .hosts = no_hosts, .candidates = 7};
    for (uint8_t i = 0; i < NODES; i++) {
        site->nodes[i] = (struct policy_node){.name = computers[i], .computer = computers[i], .index = i};
        site->targets[i].url = urls[i];
        site->act[i] = &site->targets[i];
    }
    site->conf.act = site->act;
    site->compiled.policy = (struct policy){.clusters = &site->cluster,
                                            .nodes = site->nodes,
                                            .groups = &site->group,
                                            .cluster_count = 1,
                                            .node_count = NODES,
                                            .group_count = 1};
    site->compiled.groups = &site->conf;
    site->context = (struct driver_context){.compiled = &site->compiled, .memory = &memory};
}

static struct cluster healthy(void)
{
    struct cluster cluster = {.possible = {"BTS01", "bts02", "BTS03", NULL},
                              .instances_on = {"BTS01", "BTS02", "BTS03", NULL},
                              .disabled_on = "",
                              .service_state = "Running",
                              .returned = "0"};
    for (unsigned i = 0; i < NODES; i++) {
        cluster.nodes[i] = (struct node_words){.silent = REASON_OK, .owner = "BTS01", .group_state = "0", .resource_state = "2"};
        cluster.node_state[i] = "0";
        cluster.drain[i] = "0";
    }
    return cluster;
}

/* ---- the wire, as a cluster would answer ---- */

struct answer {
    char text[16384];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct answer *answer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    answer->used += (size_t)vsnprintf(answer->text + answer->used, sizeof answer->text - answer->used, format, arguments);
    va_end(arguments);
    assert_true(answer->used < sizeof answer->text);
}

static void message_id(const char *body, char out[80])
{
    const char *begin = strstr(body, "MessageID>");
    assert_non_null(begin);
    begin += strlen("MessageID>");
    snprintf(out, 80, "%.*s", (int)strcspn(begin, "<"), begin);
}

static void items(struct cluster *cluster, uint8_t node, const char *body, struct answer *answer)
{
    const struct node_words *words = &cluster->nodes[node];
    if (strstr(body, "FROM MSCluster_ResourceGroup")) {
        assert_non_null(strstr(body, "BizTalk \\'FTP\\'"));
        put(answer, "<w:XmlFragment><Name>BizTalk 'FTP'</Name><State>%s</State><OwnerNode>%s</OwnerNode></w:XmlFragment>",
            words->group_state, words->owner);
    } else if (strstr(body, "FROM MSCluster_Node")) {
        for (unsigned i = 0; i < NODES; i++)
            put(answer, "<w:XmlFragment><Name>%s</Name><State>%s</State><NodeDrainStatus>%s</NodeDrainStatus></w:XmlFragment>",
                computers[i], cluster->node_state[i], cluster->drain[i]);
    } else if (strstr(body, "FROM MSCluster_Resource WHERE")) {
        put(answer,
            "<w:XmlFragment><Name>FtpReceive</Name><State>%s</State><OwnerGroup>BizTalk 'FTP'</OwnerGroup></w:XmlFragment>"
            "<w:XmlFragment><Name>Other</Name><State>129</State><OwnerGroup>Other</OwnerGroup></w:XmlFragment>",
            words->resource_state);
    } else if (strstr(body, "FROM MSBTS_HostSetting")) {
        put(answer, "<w:XmlFragment><Name>FtpReceive</Name><ClusterResourceGroupName>BizTalk 'FTP'</ClusterResourceGroupName>"
                    "</w:XmlFragment>");
    } else if (strstr(body, "FROM MSBTS_HostInstance")) {
        for (const char *const *on = cluster->instances_on; *on; on++)
            put(answer,
                "<w:XmlFragment><HostName>FtpReceive</HostName><RunningServer>%s</RunningServer><ConfigurationState>1</ConfigurationState>"
                "<ClusterInstanceType>1</ClusterInstanceType><IsDisabled>%s</IsDisabled></w:XmlFragment>",
                *on, strcmp(*on, cluster->disabled_on) == 0 ? "true" : "false");
    } else {
        assert_non_null(strstr(body, "FROM Win32_Service"));
        put(answer,
            "<w:XmlFragment><Name>BTSSvc$ftpreceive</Name><State>%s</State></w:XmlFragment>"
            "<w:XmlFragment><Name>BTSSvc$Foreign</Name><State>Running</State></w:XmlFragment>",
            cluster->service_state);
    }
}

static void output(struct cluster *cluster, uint8_t node, const char *body, struct answer *answer)
{
    if (strstr(body, "GetPossibleOwners_INPUT")) {
        put(answer, "<p:GetPossibleOwners_OUTPUT xmlns:p=\"urn:p\">");
        for (const char *const *name = cluster->possible; *name; name++)
            put(answer, "<p:NodeNames>%s</p:NodeNames>", *name);
        put(answer, "</p:GetPossibleOwners_OUTPUT>");
        return;
    }
    cluster->invokes++;
    cluster->invoked_node = node;
    snprintf(cluster->invoked, sizeof cluster->invoked, "%s", body);
    if (cluster->fault)
        put(answer,
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>no</s:Text></s:Reason><s:Detail>"
            "<f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"%s\"><f:Message>no</f:Message>"
            "</f:WSManFault></s:Detail></s:Fault>",
            cluster->fault);
    else if (strstr(body, "StopService"))
        put(answer, "<p:StopService_OUTPUT xmlns:p=\"urn:p\"><p:ReturnValue>%s</p:ReturnValue></p:StopService_OUTPUT>", cluster->returned);
    else
        put(answer, "<p:MoveToNewNode_OUTPUT xmlns:p=\"urn:p\"/>");
}

static void compose(struct cluster *cluster, uint8_t node, const char *body, struct answer *answer)
{
    char id[80];
    message_id(body, id);
    answer->used = 0;
    put(answer,
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
        "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
        "xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\">"
        "<s:Header><a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body>",
        id);
    if (strstr(body, "<w:Filter")) {
        put(answer, "<n:EnumerateResponse><n:EnumerationContext/><w:Items>");
        items(cluster, node, body, answer);
        put(answer, "</w:Items><w:EndOfSequence/></n:EnumerateResponse>");
    } else {
        output(cluster, node, body, answer);
    }
    put(answer, "</s:Body></s:Envelope>");
}

/* Runs one order to its end. */
static struct order_result run(struct site *site, struct cluster *cluster, const struct order *order)
{
    struct order_result result = {0};
    struct driver_request asked = {0};
    static struct answer answer;
    void *state = calloc(1, driver_wsfc.state_size);
    enum step step = driver_wsfc.step(order, &site->context, state, NULL, &asked, &result);
    for (int steps = 0; step == STEP_MORE; steps++) {
        assert_true(steps < STEPS_MAX);
        assert_int_equal(asked.request.kind, REQUEST_POST);
        assert_true(asked.node < NODES && asked.patience > 0);
        char *body = calloc(1, asked.request.body_size + 1);
        memcpy(body, asked.request.body, asked.request.body_size);
        uint8_t node = asked.node;
        bool acts = strstr(body, "MoveToNewNode_INPUT") || strstr(body, "StopService_INPUT");
        uint16_t reason = acts && cluster->invoke_reason ? cluster->invoke_reason : cluster->nodes[node].silent;
        struct reply reply = {.reason = reason};
        memset(&asked, 0, sizeof asked);
        if (reason == REASON_OK) {
            compose(cluster, node, body, &answer);
            reply = (struct reply){.reason = REASON_OK, .data = answer.text, .size = answer.used, .more = true};
            step = driver_wsfc.step(order, &site->context, state, &reply, &asked, &result);
            assert_int_equal(step, STEP_MORE);
            assert_int_equal(asked.request.kind, REQUEST_NONE);
            reply = (struct reply){.reason = REASON_OK, .http_status = strstr(answer.text, "s:Fault") ? 500 : 200};
        } else if (acts) {
            cluster->invokes++;
        }
        step = driver_wsfc.step(order, &site->context, state, &reply, &asked, &result);
        free(body);
    }
    free(state);
    return result;
}

static const struct order move = {.plan = 7, .verb = ACT_MOVE, .from = 0, .to = 1},
                          stop = {.plan = 8, .verb = ACT_STOP, .from = 1, .to = NODE_NONE};

static void expect_nothing(struct cluster cluster, const struct order *order, uint16_t reason)
{
    struct site site;
    build(&site);
    cluster.invokes = 0;
    struct order_result result = run(&site, &cluster, order);
    if (result.verdict != NO || result.reason != reason || cluster.invokes)
        fail_msg("%s: verdict %u, %s (wanted %s), %u invokes", result.text, result.verdict, reason_name(result.reason), reason_name(reason),
                 cluster.invokes);
    assert_true(result.text[0] != '\0');
}

static void expect_golden(const char *file, const char *text)
{
    char path[512], golden[8192] = "";
    snprintf(path, sizeof path, SOURCE_DIR "/tests/golden/wsfc/%s", file);
    if (getenv("BLESS")) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fprintf(out, "%s\n", text);
        fclose(out);
    }
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t size = fread(golden, 1, sizeof golden - 1, in);
    fclose(in);
    assert_true(size > 0);
    golden[strcspn(golden, "\n")] = '\0';
    assert_string_equal(text, golden);
}

static void a_move_is_one_invoke(void **state)
{
    (void)state;
    struct site site;
    struct cluster cluster = healthy();
    build(&site);
    struct order_result result = run(&site, &cluster, &move);
    assert_int_equal(result.verdict, YES);
    assert_int_equal(result.reason, REASON_DONE);
    assert_int_equal(result.plan, 7);
    assert_int_equal(cluster.invokes, 1);
    assert_int_equal(cluster.invoked_node, 1);
    expect_golden("move.xml", cluster.invoked);
}

static void a_stop_goes_to_the_surplus_node(void **state)
{
    (void)state;
    struct site site;
    struct cluster cluster = healthy();
    build(&site);
    struct order_result result = run(&site, &cluster, &stop);
    assert_int_equal(result.verdict, YES);
    assert_int_equal(cluster.invokes, 1);
    assert_int_equal(cluster.invoked_node, 1);
    expect_golden("stop.xml", cluster.invoked);
}

static void two_nodes_must_agree(void **state)
{
    (void)state;
    struct cluster cluster = healthy();
    cluster.nodes[0].owner = "BTS03";
    expect_nothing(cluster, &move, REASON_OWNER_DISPUTED);
    expect_nothing(cluster, &stop, REASON_OWNER_DISPUTED);
    cluster = healthy();
    cluster.nodes[0].silent = cluster.nodes[2].silent = REASON_CONNECT_TIMEOUT;
    expect_nothing(cluster, &move, REASON_OWNER_DISPUTED); /* the others are members, and say nothing */
    expect_nothing(cluster, &stop, REASON_OWNER_DISPUTED);
    cluster.nodes[1].silent = REASON_LOGIN_REFUSED;
    expect_nothing(cluster, &move, REASON_LOGIN_REFUSED);
    cluster = healthy();
    cluster.nodes[1].owner = cluster.nodes[0].owner = cluster.nodes[2].owner = "ELSEWHERE";
    expect_nothing(cluster, &move, REASON_OWNER_DISPUTED);
}

static void a_dead_owner_is_no_witness(void **state)
{
    (void)state;
    struct site site;
    struct cluster cluster = healthy();
    cluster.nodes[0].silent = REASON_CONNECT_TIMEOUT; /* the third one speaks instead */
    build(&site);
    assert_int_equal(run(&site, &cluster, &move).verdict, YES);
    cluster = healthy();
    cluster.nodes[0].silent = cluster.nodes[2].silent = REASON_CONNECT_TIMEOUT; /* the last member left needs no second word */
    cluster.node_state[0] = cluster.node_state[2] = "1";
    assert_int_equal(run(&site, &cluster, &move).verdict, YES);
    expect_nothing(cluster, &stop, REASON_OWNER_DISPUTED); /* a stop always does */
}

static void pending_is_not_touched(void **state)
{
    (void)state;
    struct cluster cluster = healthy();
    for (unsigned i = 0; i < NODES; i++)
        cluster.nodes[i].resource_state = "129";
    expect_nothing(cluster, &move, REASON_IN_TRANSITION);
    expect_nothing(cluster, &stop, REASON_IN_TRANSITION);
    cluster = healthy();
    for (unsigned i = 0; i < NODES; i++)
        cluster.nodes[i].group_state = "4";
    expect_nothing(cluster, &move, REASON_IN_TRANSITION);
}

static void the_target_passes_preflight_just_now(void **state)
{
    (void)state;
    struct cluster cluster = healthy();
    cluster.node_state[1] = "2";
    expect_nothing(cluster, &move, REASON_NODE_DRAINING);
    cluster = healthy();
    cluster.drain[1] = "1";
    expect_nothing(cluster, &move, REASON_NODE_DRAINING);
    cluster = healthy();
    cluster.possible[1] = "BTS03";
    expect_nothing(cluster, &move, REASON_NOT_POSSIBLE_OWNER);
    cluster = healthy();
    cluster.instances_on[1] = "BTS03";
    expect_nothing(cluster, &move, REASON_NO_INSTANCE);
    cluster = healthy();
    cluster.disabled_on = "BTS02";
    expect_nothing(cluster, &move, REASON_INSTANCE_DISABLED);
    cluster = healthy();
    for (unsigned i = 0; i < NODES; i++)
        cluster.nodes[i].owner = "BTS02";
    expect_nothing(cluster, &move, REASON_IS_OWNER);
}

static void only_a_surplus_copy_is_stopped(void **state)
{
    (void)state;
    struct cluster cluster = healthy();
    for (unsigned i = 0; i < NODES; i++)
        cluster.nodes[i].owner = "BTS02";
    expect_nothing(cluster, &stop, REASON_IS_OWNER);
    cluster = healthy();
    cluster.service_state = "Stopped";
    expect_nothing(cluster, &stop, REASON_NOTHING_DONE);
    cluster = healthy();
    for (unsigned i = 0; i < NODES; i++)
        cluster.nodes[i].group_state = "2";
    expect_nothing(cluster, &stop, REASON_OWNER_NOT_POLLING);
}

static void what_came_of_it(void **state)
{
    (void)state;
    struct site site;
    build(&site);
    const struct {
        const char *fault, *returned;
        uint16_t reply;
        const struct order *order;
        uint8_t verdict;
        uint16_t reason;
    } cases[] = {
        {"5", "0", 0, &move, NO, REASON_ACCESS_DENIED},
        {"2150858793", "0", 0, &move, UNKNOWN, REASON_RESULT_UNKNOWN}, /* timed out: nobody knows */
        {NULL, "0", REASON_REPLY_TIMEOUT, &move, UNKNOWN, REASON_RESULT_UNKNOWN},
        {NULL, "0", REASON_CLOSED_EARLY, &move, UNKNOWN, REASON_RESULT_UNKNOWN},
        {NULL, "0", REASON_CONNECT_REFUSED, &move, NO, REASON_CONNECT_REFUSED},
        {NULL, "2", 0, &stop, NO, REASON_NOTHING_DONE},
        {NULL, "0", REASON_REPLY_TIMEOUT, &stop, UNKNOWN, REASON_RESULT_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cluster cluster = healthy();
        cluster.fault = cases[i].fault;
        cluster.returned = cases[i].returned;
        cluster.invoke_reason = cases[i].reply;
        struct order_result result = run(&site, &cluster, cases[i].order);
        if (result.verdict != cases[i].verdict || result.reason != cases[i].reason)
            fail_msg("case %zu: %u %s (%s)", i, result.verdict, reason_name(result.reason), result.text);
        assert_int_equal(cluster.invokes, 1); /* never twice */
    }
}

static void without_an_account_nothing_is_asked(void **state)
{
    (void)state;
    struct site site;
    struct order_result result;
    struct driver_request asked = {0};
    build(&site);
    site.conf.act = NULL;
    void *memory = calloc(1, driver_wsfc.state_size);
    assert_int_equal(driver_wsfc.step(&move, &site.context, memory, NULL, &asked, &result), STEP_DONE);
    assert_int_equal(result.verdict, NO);
    assert_int_equal(asked.request.kind, REQUEST_NONE);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_is_one_invoke),
        cmocka_unit_test(a_stop_goes_to_the_surplus_node),
        cmocka_unit_test(two_nodes_must_agree),
        cmocka_unit_test(a_dead_owner_is_no_witness),
        cmocka_unit_test(pending_is_not_touched),
        cmocka_unit_test(the_target_passes_preflight_just_now),
        cmocka_unit_test(only_a_surplus_copy_is_stopped),
        cmocka_unit_test(what_came_of_it),
        cmocka_unit_test(without_an_account_nothing_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
