/* The simulated failover cluster: restarts, failovers, moves, nodes that go, as Microsoft describes them. */
#include "rehearsal.h"

#define AND 3500 /* is_alive (5 s) + this: noticed and back again: 0.5 s delay, 3 s online */
#define RESTARTED (5000 + AND + 300)

static void kill_on(struct rehearsal *rehearsal, int node)
{
    obey(rehearsal, node ? "kill FtpReceive BTS02" : "kill FtpReceive BTS01");
}

static void restarts_in_place(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    uint32_t process = instance_on(&rehearsal, "FtpReceive", 0)->service.process;
    assert_true(runs(&rehearsal, "FtpReceive", 0));
    kill_on(&rehearsal, 0);
    pass(&rehearsal, 4000); /* the cluster does not know yet */
    assert_int_equal(resource_called(&rehearsal, "FTP-host")->state, STATE_ONLINE);
    pass(&rehearsal, 1500);
    assert_true(resource_pending(resource_called(&rehearsal, "FTP-host")));
    assert_int_equal(group_state(rehearsal.cluster, group_called(&rehearsal, "BizTalkFTP")), GROUP_IS_PENDING);
    pass(&rehearsal, AND);
    assert_true(runs(&rehearsal, "FtpReceive", 0));
    assert_int_not_equal(instance_on(&rehearsal, "FtpReceive", 0)->service.process, process);
    assert_int_equal(group_called(&rehearsal, "BizTalkFTP")->moves, 0);
    assert_int_equal(group_state(rehearsal.cluster, group_called(&rehearsal, "BizTalkFTP")), GROUP_IS_ONLINE);
    rehearsal_close(&rehearsal);
}

static void fails_over_then_fails(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    struct group *group = group_called(&rehearsal, "BizTalkFTP");
    kill_on(&rehearsal, 0);
    pass(&rehearsal, RESTARTED);
    kill_on(&rehearsal, 0); /* RestartThreshold 1 is used up */
    pass(&rehearsal, 20000);
    assert_int_equal(group->owner, 1);
    assert_true(runs(&rehearsal, "FtpReceive", 1));
    kill_on(&rehearsal, 1);
    pass(&rehearsal, RESTARTED);
    assert_true(runs(&rehearsal, "FtpReceive", 1));
    kill_on(&rehearsal, 1); /* and FailoverThreshold: one less than there are nodes */
    pass(&rehearsal, 20000);
    assert_int_equal(resource_called(&rehearsal, "FTP-host")->state, STATE_FAILED);
    assert_int_equal(group_state(rehearsal.cluster, group), GROUP_IS_FAILED);
    assert_int_equal(group->owner, 1);
    pass(&rehearsal, 3600000); /* RetryPeriodOnFailure */
    assert_true(runs(&rehearsal, "FtpReceive", 1));
    rehearsal_close(&rehearsal);
}

static void forgets_old_failures(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    for (int i = 0; i < 3; i++) {
        kill_on(&rehearsal, 0);
        pass(&rehearsal, 16 * 60000); /* RestartPeriod is 15 minutes */
        assert_true(runs(&rehearsal, "FtpReceive", 0));
    }
    assert_int_equal(group_called(&rehearsal, "BizTalkFTP")->moves, 0);
    rehearsal_close(&rehearsal);
}

static void move_pends(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    struct value owner, group_now;
    rehearsal_open(&rehearsal, "good");
    assert_int_equal(invoke(&rehearsal, 1, &class_group, "BizTalkFTP", "MoveToNewNode", "NodeName", "BTS02"), 0);
    value_of(&rehearsal, 0, &class_group, "BizTalkFTP", "State", &group_now);
    assert_int_equal(group_now.number, 4);
    pass(&rehearsal, 1000);
    value_of(&rehearsal, 0, &class_group, "BizTalkFTP", "OwnerNode", &owner);
    assert_string_equal(owner.text, "BTS01"); /* not before all is offline here */
    assert_false(runs(&rehearsal, "FtpReceive", 0));
    pass(&rehearsal, 2500);
    value_of(&rehearsal, 0, &class_group, "BizTalkFTP", "OwnerNode", &owner);
    assert_string_equal(owner.text, "BTS02");
    assert_false(runs(&rehearsal, "FtpReceive", 1)); /* address, name, host: one after the other */
    pass(&rehearsal, 5500);
    assert_true(runs(&rehearsal, "FtpReceive", 1));
    value_of(&rehearsal, 1, &class_group, "BizTalkFTP", "State", &group_now);
    assert_int_equal(group_now.number, 0);
    assert_int_equal(invoke(&rehearsal, 1, &class_group, "BizTalkFTP", "MoveToNewNode", "NodeName", "BTS09"), UINT64_MAX);
    rehearsal_close(&rehearsal);
}

static uint32_t takes(const struct rehearsal *rehearsal, const char *time_out)
{
    struct parameter parameters[] = {{"NodeName", "BTS02"}, {"TimeOut", time_out}};
    struct invoke_result result = {0};
    group_called(rehearsal, "BizTalkFTP")->target = NOWHERE;
    assert_int_equal(class_group.invoke(rehearsal->world, 0, 1, "MoveToNewNode", parameters, 2, &result), INVOKE_DONE);
    assert_true(result.is_void);
    return result.takes_ms;
}

static void move_waits_as_long_as_it_is_told(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    assert_int_equal(takes(&rehearsal, "60"), 500 + 500 + 2000 + 750 + 750 + 3000); /* host, name, address down; and up again */
    assert_int_equal(takes(&rehearsal, "2"), 2000);
    assert_int_equal(takes(&rehearsal, "-1"), 0);
    assert_int_equal(takes(&rehearsal, "nan"), 0);
    rehearsal_close(&rehearsal);
}

static void move_to_a_node_that_cannot(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    obey(&rehearsal, "disable FtpReceive BTS02");
    obey(&rehearsal, "move BizTalkFTP BTS02");
    pass(&rehearsal, 30000); /* it fails there, and the cluster brings it back */
    assert_int_equal(group_called(&rehearsal, "BizTalkFTP")->owner, 0);
    assert_int_equal(group_called(&rehearsal, "BizTalkFTP")->moves, 2);
    assert_true(runs(&rehearsal, "FtpReceive", 0));
    rehearsal_close(&rehearsal);
}

static void node_goes(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    struct value value;
    rehearsal_open(&rehearsal, "good");
    obey(&rehearsal, "node-down BTS01");
    assert_false(world_listens(rehearsal.world, 0));
    assert_false(world_drops(rehearsal.world, 0));
    pass(&rehearsal, 4000); /* the other one believes in it until the heartbeat is missed */
    value_of(&rehearsal, 1, &class_node, "BTS01", "State", &value);
    assert_int_equal(value.number, 0);
    assert_int_equal(group_called(&rehearsal, "BizTalkFTP")->owner, 0);
    value_of(&rehearsal, 1, &class_host_instance, "Microsoft BizTalk Server FtpReceive BTS01", "ServiceState", &value);
    assert_int_equal(value.number, SERVICE_NOT_KNOWN);
    pass(&rehearsal, 8000);
    value_of(&rehearsal, 1, &class_node, "BTS01", "State", &value);
    assert_int_equal(value.number, 1);
    assert_int_equal(group_called(&rehearsal, "BizTalkFTP")->owner, 1);
    assert_true(runs(&rehearsal, "FtpReceive", 1));
    obey(&rehearsal, "node-up BTS01");
    value_of(&rehearsal, 1, &class_node, "BTS01", "State", &value);
    assert_int_equal(value.number, 3);
    pass(&rehearsal, 10000);
    value_of(&rehearsal, 1, &class_node, "BTS01", "State", &value);
    assert_int_equal(value.number, 0);
    assert_false(runs(&rehearsal, "FtpReceive", 0)); /* no failback */
    assert_true(runs(&rehearsal, "Processing", 0));
    rehearsal_close(&rehearsal);
}

static void all_nodes_go(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    obey(&rehearsal, "node-down BTS01");
    obey(&rehearsal, "node-down BTS02");
    pass(&rehearsal, 10000);
    obey(&rehearsal, "node-up BTS02");
    pass(&rehearsal, 20000);
    assert_true(runs(&rehearsal, "FtpReceive", 1));
    assert_true(runs(&rehearsal, "MsmqReceive", 1));
    rehearsal_close(&rehearsal);
}

static void paused_and_drained(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    obey(&rehearsal, "pause-node BTS02");
    refuse(&rehearsal, "move BizTalkFTP BTS02");
    assert_int_equal(group_called(&rehearsal, "BizTalkMSMQ")->owner, 1); /* what is there stays */
    obey(&rehearsal, "resume-node BTS02");
    obey(&rehearsal, "drain-node BTS01");
    assert_int_equal(rehearsal.cluster->nodes[0].drain, 1);
    pass(&rehearsal, 20000);
    assert_int_equal(rehearsal.cluster->nodes[0].drain, 2);
    for (size_t i = 0; i < rehearsal.cluster->group_count; i++)
        assert_int_equal(rehearsal.cluster->groups[i].owner, 1);
    obey(&rehearsal, "resume-node BTS01");
    obey(&rehearsal, "pause-node BTS01");
    obey(&rehearsal, "drain-node BTS02");
    pass(&rehearsal, 5000);
    assert_int_equal(rehearsal.cluster->nodes[1].drain, 3); /* nowhere to go */
    rehearsal_close(&rehearsal);
}

static void taken_offline(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    struct value value;
    rehearsal_open(&rehearsal, "good");
    obey(&rehearsal, "offline BizTalkFTP");
    pass(&rehearsal, 10000);
    assert_int_equal(group_state(rehearsal.cluster, group_called(&rehearsal, "BizTalkFTP")), GROUP_IS_OFFLINE);
    value_of(&rehearsal, 0, &class_group, "BizTalkFTP", "PersistentState", &value);
    assert_int_equal(value.number, 0);
    obey(&rehearsal, "online BizTalkFTP");
    pass(&rehearsal, 10000);
    assert_true(runs(&rehearsal, "FtpReceive", 0));
    assert_int_equal(invoke(&rehearsal, 0, &class_resource, "BTSFTP", "TakeOffline", NULL, NULL), 0);
    pass(&rehearsal, 10000); /* what depends on it goes with it, and is meant to come back */
    assert_int_equal(resource_called(&rehearsal, "FTP-host")->state, STATE_OFFLINE);
    assert_int_equal(group_state(rehearsal.cluster, group_called(&rehearsal, "BizTalkFTP")), GROUP_IS_PARTIAL);
    assert_int_equal(invoke(&rehearsal, 0, &class_resource, "BTSFTP", "BringOnline", NULL, NULL), 0);
    pass(&rehearsal, 10000);
    assert_true(runs(&rehearsal, "FtpReceive", 0));
    rehearsal_close(&rehearsal);
}

static const char failback[] = "version: 1\nclusters:\n  c:\n    nodes:\n      A: {address: 127.0.0.1}\n      B: {address: 127.0.0.2}\n"
                               "    groups:\n      G:\n        preferred: A\n        auto_failback: true\n        resources:\n"
                               "          R: {kind: host, host: H, restart_action: dont-restart}\n    hosts:\n      H: {}\n";

static void fails_back(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, failback);
    obey(&rehearsal, "node-down A");
    pass(&rehearsal, 20000);
    assert_true(runs(&rehearsal, "H", 1));
    obey(&rehearsal, "node-up A");
    pass(&rehearsal, 20000);
    assert_true(runs(&rehearsal, "H", 0));
    obey(&rehearsal, "kill H A"); /* RestartAction 0 */
    pass(&rehearsal, 20000);
    assert_int_equal(resource_called(&rehearsal, "R")->state, STATE_FAILED);
    assert_int_equal(group_called(&rehearsal, "G")->owner, 0);
    rehearsal_close(&rehearsal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(restarts_in_place),
                                       cmocka_unit_test(fails_over_then_fails),
                                       cmocka_unit_test(forgets_old_failures),
                                       cmocka_unit_test(move_pends),
                                       cmocka_unit_test(move_waits_as_long_as_it_is_told),
                                       cmocka_unit_test(move_to_a_node_that_cannot),
                                       cmocka_unit_test(node_goes),
                                       cmocka_unit_test(all_nodes_go),
                                       cmocka_unit_test(paused_and_drained),
                                       cmocka_unit_test(taken_offline),
                                       cmocka_unit_test(fails_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
