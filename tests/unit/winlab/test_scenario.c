/* Scenario files, the control language, every value of every class, and what nobody may ask for. */
#include <jansson.h>
#include <stdio.h>

#include "rehearsal.h"

static const char *const scenarios[] = {"good", "bad", "demo", "four", "load"};

static void complaint(const char *text, const char *expected)
{
    char *said = NULL;
    size_t size;
    FILE *out = open_memstream(&said, &size);
    assert_non_null(out);
    assert_null(world_parse("wrong.yaml", text, strlen(text), out));
    fclose(out);
    if (!strstr(said, expected))
        fail_msg("expected %s in: %s", expected, said);
    free(said);
}

#define NODES "version: 1\nclusters:\n  c:\n    nodes: {A: {address: 127.0.0.1}}\n"

static void errors_have_lines(void **state)
{
    (void)state;
    complaint("version: 1\nclusters:\n  c:\n    nodes: {A: {adress: 127.0.0.1}}\n", "wrong.yaml:4:17");
    complaint("version: 1\nclusters:\n  c:\n    nodes: {A: {adress: 127.0.0.1}}\n", "did you mean `address`?");
    complaint("version: 1\nclusters:\n  c:\n    nodes: {A: {address: 10.0.0.1}}\n", "is no address 127.x.y.z");
    complaint(NODES "    groups: {G: {owner: B}}\n", "`B` is none of the cluster's nodes");
    complaint(NODES "    groups: {G: {resources: {R: {kind: host, host: H}}}}\n", "`H` is none of the cluster's hosts");
    complaint(NODES "    groups: {G: {resources: {R: {kind: disk, depends: [R]}}}}\n", "no resource above it");
    complaint(NODES "    queues: {Q: {messages: 1}}\n", "either a `node` or a clustered MSMQ");
    complaint("version: 1\n", "no clusters");
    complaint("version: 1\nload: {clusters: 1}\nclusters:\n  c:\n    nodes: {A: {address: 127.0.0.1}}\n", "no `clusters` beside it");
}

static void load_is_large(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "load");
    assert_int_equal(world_node_count(rehearsal.world), 200);
    assert_string_equal(world_node_address(rehearsal.world, 199), "127.90.50.4");
    assert_int_equal(class_host_instance.count(rehearsal.world, 199), 200);
    obey(&rehearsal, "node-down load50/L50N4");
    assert_false(world_listens(rehearsal.world, 199));
    assert_true(world_listens(rehearsal.world, 198));
    rehearsal_close(&rehearsal);
}

static void every_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct rehearsal rehearsal;
        struct value value;
        rehearsal_open(&rehearsal, scenarios[i]);
        for (size_t node = 0; node < world_node_count(rehearsal.world); node++) {
            for (const struct class *const *each = classes; *each; each++) {
                size_t count = (*each)->count(rehearsal.world, node);
                for (size_t position = 0; position < count; position++)
                    for (size_t property = 0; property < (*each)->property_count; property++) {
                        memset(&value, 0xA5, sizeof value);
                        (*each)->value(rehearsal.world, node, position, property, &value);
                        assert_true(value.type >= VALUE_NULL && value.type <= VALUE_ARRAY);
                        bool secret = value.type == VALUE_TEXT && strstr(value.text, "never-ask");
                        assert_int_equal(secret, strcmp((*each)->properties[property].name, "CustomCfg") == 0);
                    }
            }
            size_t size;
            char *text = exporter_text(rehearsal.world, node, &size);
            assert_true(size > 1000 && strlen(text) == size);
            free(text);
        }
        rehearsal_close(&rehearsal);
    }
}

static void bad_is_as_bad_as_it_says(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "bad");
    pass(&rehearsal, 60000); /* and stays so */
    assert_true(runs(&rehearsal, "FtpOpen", 0) && runs(&rehearsal, "FtpOpen", 1) && !runs(&rehearsal, "FtpOpen", 2));
    assert_true(runs(&rehearsal, "FtpTwins", 0) && runs(&rehearsal, "FtpTwins", 1));
    assert_int_equal(resource_called(&rehearsal, "DTC")->state, STATE_FAILED);
    assert_int_equal(resource_called(&rehearsal, "Stuck-host")->state, STATE_ONLINE_PENDING);
    assert_int_equal(resource_called(&rehearsal, "Loose-host")->state, STATE_ONLINE);
    assert_int_equal(group_called(&rehearsal, "Loose")->owner, 1);
    assert_int_equal(rehearsal.cluster->nodes[1].sso.state, SERVICE_STOPPED_NOW);
    rehearsal_close(&rehearsal);
}

static json_t *ask(struct rehearsal *rehearsal, const char *line)
{
    char *answer = world_command(rehearsal->world, line);
    assert_true(strncmp(answer, "ok {", 4) == 0);
    assert_null(strchr(answer, '\n'));
    json_t *json = json_loads(answer + 3, 0, NULL);
    assert_non_null(json);
    free(answer);
    return json;
}

static void commands(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    static const char *const wrong[] = {"",
                                        "kil FtpReceive BTS01",
                                        "kill FtpReceive",
                                        "kill FtpReceive BTS09",
                                        "kill Nobody BTS01",
                                        "kill FtpReceive BTS01 now",
                                        "slow BTS01 fast",
                                        "queue payments -1",
                                        "queue payments nan",
                                        "move BizTalkFTP",
                                        "missing-class BTS01 Win32_Nothing",
                                        "status nowhere",
                                        "move \"BizTalkFTP BTS01",
                                        "a b c d e f g h"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refuse(&rehearsal, wrong[i]);
    obey(&rehearsal, "missing-class bts01 msbts_hostinstance");
    obey(&rehearsal, "slow BTS01 250");
    obey(&rehearsal, "cut BTS01");
    struct wire_fault fault;
    world_wire_fault(rehearsal.world, 0, &fault);
    assert_string_equal(fault.missing_class, "MSBTS_HostInstance");
    assert_int_equal(fault.slow_ms, 250);
    assert_true(world_drops(rehearsal.world, 0) && !world_listens(rehearsal.world, 0));
    obey(&rehearsal, "heal BTS01");
    world_wire_fault(rehearsal.world, 0, &fault);
    assert_true(!fault.missing_class && !fault.slow_ms && world_listens(rehearsal.world, 0));

    world_count(rehearsal.world, 1, "Invoke/MoveToNewNode");
    world_count(rehearsal.world, 1, "Invoke/MoveToNewNode");
    world_contexts(rehearsal.world, 1, 3);
    json_t *counts = ask(&rehearsal, "counts");
    json_t *of_node = json_object_get(counts, "BTS02");
    assert_int_equal(json_integer_value(json_object_get(of_node, "Invoke/MoveToNewNode")), 2);
    assert_int_equal(json_integer_value(json_object_get(of_node, "open-contexts")), 3);
    json_decref(counts);
    json_t *status = ask(&rehearsal, "status");
    json_t *group = json_object_get(json_object_get(json_object_get(status, "good"), "groups"), "BizTalkFTP");
    assert_string_equal(json_string_value(json_object_get(group, "owner")), "BTS01");
    json_decref(status);
    rehearsal_close(&rehearsal);
}

static void counters_are_bounded(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    char what[200];
    for (int i = 0; i < 1000; i++) {
        snprintf(what, sizeof what, "Invoke/%0100d", i);
        world_count(rehearsal.world, 0, what);
    }
    json_t *counts = ask(&rehearsal, "counts");
    uint64_t all = 0;
    const char *key;
    json_t *count;
    json_object_foreach(json_object_get(counts, "BTS01"), key, count) all += (uint64_t)json_integer_value(count);
    assert_int_equal(all, 1000);
    json_decref(counts);
    rehearsal_close(&rehearsal);
}

/* Whatever is done to it in whatever order: the cluster never runs a host twice (looked at in pass()), and it calms down. */
static void anything_goes(void **state)
{
    (void)state;
    static const char *const verbs[] = {"kill %s %s",        "hang %s %s",       "resume %s %s",   "twin %s %s",      "untwin %s %s",
                                        "disable %s %s",     "enable %s %s",     "node-down %2$s", "node-up %2$s",    "pause-node %2$s",
                                        "drain-node %2$s",   "resume-node %2$s", "sql-down",       "sql-up",          "sso-split",
                                        "sso-join",          "sso-stop %2$s",    "sso-start %2$s", "offline BizTalk", "online BizTalk",
                                        "move BizTalk %2$s", "move DTC %2$s",    "msmq-stop %2$s", "msmq-start %2$s"};
    static const char *const hosts[] = {"FtpReceive", "Pop3Receive", "MsmqReceive"}, *const nodes[] = {"BTS01", "BTS02", "BTS03", "BTS04"};
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct rehearsal rehearsal;
        rehearsal_open(&rehearsal, "four");
        uint32_t dice = seed;
        for (int i = 0; i < 300; i++) {
            char line[100];
            dice = dice * 1664525u + 1013904223u;
            const char *verb = verbs[(dice >> 8) % (sizeof verbs / sizeof verbs[0])];
            const char *host = hosts[(dice >> 16) % 3], *node = nodes[(dice >> 20) % 4];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
            snprintf(line, sizeof line, verb, host, node);
#pragma GCC diagnostic pop
            free(world_command(rehearsal.world, line));
            pass(&rehearsal, (dice >> 12) % 8000);
        }
        static const char *const end[] = {
            "sql-up",        "sso-join",          "node-up BTS01",     "node-up BTS02",     "node-up BTS03",
            "node-up BTS04", "resume-node BTS01", "resume-node BTS02", "resume-node BTS03", "resume-node BTS04"};
        for (size_t i = 0; i < sizeof end / sizeof end[0]; i++)
            free(world_command(rehearsal.world, end[i]));
        for (size_t i = 0; i < rehearsal.cluster->instance_count; i++)
            rehearsal.cluster->instances[i].disabled = rehearsal.cluster->instances[i].service.hung = false;
        pass(&rehearsal, 60000);
        obey(&rehearsal, "online BizTalk");
        pass(&rehearsal, 120000);
        assert_int_equal(group_state(rehearsal.cluster, group_called(&rehearsal, "BizTalk")), GROUP_IS_ONLINE);
        rehearsal_close(&rehearsal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors_have_lines), cmocka_unit_test(load_is_large),
                                       cmocka_unit_test(every_value),       cmocka_unit_test(bad_is_as_bad_as_it_says),
                                       cmocka_unit_test(commands),          cmocka_unit_test(counters_are_bounded),
                                       cmocka_unit_test(anything_goes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
