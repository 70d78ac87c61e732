/* Services, host instances, queues, Enterprise SSO and SQL of the simulated machines. */
#include "rehearsal.h"

static void hung_is_not_dead(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    obey(&rehearsal, "hang FtpReceive BTS01");
    pass(&rehearsal, 60000); /* the cluster asks whether it is alive, not whether it works */
    assert_int_equal(resource_called(&rehearsal, "FTP-host")->state, STATE_ONLINE);
    obey(&rehearsal, "move BizTalkFTP BTS02");
    pass(&rehearsal, 5000);
    assert_int_equal(instance_on(&rehearsal, "FtpReceive", 0)->service.state, SERVICE_STOPPING); /* slow to stop */
    pass(&rehearsal, 15000);
    assert_true(runs(&rehearsal, "FtpReceive", 1));
    assert_false(instance_on(&rehearsal, "FtpReceive", 1)->service.hung);
    rehearsal_close(&rehearsal);
}

static void twin(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    struct value value;
    rehearsal_open(&rehearsal, "good");
    obey(&rehearsal, "twin FtpReceive BTS02");
    refuse(&rehearsal, "twin FtpReceive BTS01");
    pass(&rehearsal, 5000);
    assert_true(runs(&rehearsal, "FtpReceive", 0) && runs(&rehearsal, "FtpReceive", 1));
    value_of(&rehearsal, 0, &class_host_instance, "Microsoft BizTalk Server FtpReceive BTS02", "ServiceState", &value);
    assert_int_equal(value.number, 4);
    assert_int_equal(invoke(&rehearsal, 1, &class_service, "BTSSvc$FtpReceive", "StopService", NULL, NULL), SERVICE_DONE);
    value_of(&rehearsal, 1, &class_service, "BTSSvc$FtpReceive", "State", &value);
    assert_string_equal(value.text, "Stop Pending");
    pass(&rehearsal, 60000);
    assert_false(runs(&rehearsal, "FtpReceive", 1)); /* the cluster does not care for it */
    assert_int_equal(invoke(&rehearsal, 1, &class_service, "BTSSvc$FtpReceive", "StopService", NULL, NULL), SERVICE_NOT_ACCEPTED);
    assert_true(runs(&rehearsal, "FtpReceive", 0));
    rehearsal_close(&rehearsal);
}

static void stopped_past_the_cluster(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    assert_int_equal(invoke(&rehearsal, 0, &class_service, "BTSSvc$FtpReceive", "StopService", NULL, NULL), SERVICE_DONE);
    pass(&rehearsal, 3000);
    assert_false(runs(&rehearsal, "FtpReceive", 0));
    pass(&rehearsal, 10000); /* the owner's copy: its cluster starts it again */
    assert_true(runs(&rehearsal, "FtpReceive", 0));
    assert_int_equal(invoke(&rehearsal, 0, &class_service, "BTSSvc$FtpReceive", "StartService", NULL, NULL), SERVICE_IS_RUNNING);
    obey(&rehearsal, "disable FtpReceive BTS02");
    assert_int_equal(invoke(&rehearsal, 1, &class_service, "BTSSvc$FtpReceive", "StartService", NULL, NULL), SERVICE_IS_DISABLED);
    rehearsal_close(&rehearsal);
}

static void sql_goes(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    obey(&rehearsal, "sql-down");
    pass(&rehearsal, 300000);
    assert_int_equal(resource_called(&rehearsal, "FTP-host")->state, STATE_FAILED);
    assert_int_equal(resource_called(&rehearsal, "POP3-host")->state, STATE_FAILED);
    assert_true(group_called(&rehearsal, "BizTalkFTP")->failover_count > 0);
    assert_false(runs(&rehearsal, "Processing", 0));
    obey(&rehearsal, "sql-up");
    obey(&rehearsal, "online BizTalkFTP");
    pass(&rehearsal, 60000);
    assert_int_equal(resource_called(&rehearsal, "FTP-host")->state, STATE_ONLINE);
    rehearsal_close(&rehearsal);
}

static void sso_split_off(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    struct value value;
    rehearsal_open(&rehearsal, "four");
    struct group *role = group_called(&rehearsal, "BizTalk");
    assert_int_equal(rehearsal.cluster->nodes[0].sso.state, SERVICE_RUNS);
    assert_int_equal(rehearsal.cluster->nodes[1].sso.state, SERVICE_STOPPED_NOW);
    obey(&rehearsal, "sso-split");
    refuse(&rehearsal, "sso-split");
    pass(&rehearsal, 10000);
    assert_int_equal(rehearsal.cluster->nodes[0].sso.state, SERVICE_STOPPED_NOW);
    assert_int_equal(rehearsal.cluster->nodes[1].sso.state, SERVICE_RUNS);
    value_of(&rehearsal, 2, &class_resource, "Enterprise SSO ENTSSO", "OwnerGroup", &value);
    assert_string_equal(value.text, "Enterprise SSO");
    assert_true(runs(&rehearsal, "FtpReceive", 0)); /* lives on what it has read … */
    obey(&rehearsal, "kill FtpReceive BTS01");
    pass(&rehearsal, 40000); /* … but cannot start again here: the role goes where ENTSSO is */
    assert_int_equal(role->owner, 1);
    assert_true(runs(&rehearsal, "FtpReceive", 1));
    obey(&rehearsal, "sso-join");
    refuse(&rehearsal, "sso-join");
    pass(&rehearsal, 40000);
    assert_int_equal(group_state(rehearsal.cluster, role), GROUP_IS_ONLINE);
    obey(&rehearsal, "move BizTalk BTS03");
    pass(&rehearsal, 40000);
    assert_int_equal(rehearsal.cluster->nodes[2].sso.state, SERVICE_RUNS);
    assert_true(runs(&rehearsal, "MsmqReceive", 2));
    rehearsal_close(&rehearsal);
}

static void queue_drains_only_when_read(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "good");
    const struct queue *queue = &rehearsal.cluster->queues[0];
    pass(&rehearsal, 60000);
    assert_true(queue->messages < 2);
    obey(&rehearsal, "hang MsmqReceive BTS02");
    pass(&rehearsal, 60000);
    assert_true(queue->messages > 58 && queue->messages < 63);
    obey(&rehearsal, "resume MsmqReceive BTS02");
    pass(&rehearsal, 60000);
    assert_true(queue->messages < 2);
    obey(&rehearsal, "location-disable Payments");
    pass(&rehearsal, 60000);
    assert_true(queue->messages > 58);
    obey(&rehearsal, "queue payments 0");
    obey(&rehearsal, "location-enable Payments");
    obey(&rehearsal, "msmq-stop BTS02"); /* the receive handler needs the machine's own MSMQ as well */
    pass(&rehearsal, 60000);
    assert_true(queue->messages > 58);
    obey(&rehearsal, "queue-rate payments 0 60");
    obey(&rehearsal, "queue payments 100");
    obey(&rehearsal, "move BizTalkMSMQ BTS01"); /* its messages go with it */
    pass(&rehearsal, 5000);
    assert_true(queue->messages > 99);
    while (!runs(&rehearsal, "MsmqReceive", 0))
        pass(&rehearsal, 100);
    pass(&rehearsal, 30000);
    assert_true(queue->messages < 71 && queue->messages > 69);
    rehearsal_close(&rehearsal);
}

static void counters_are_blind(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    rehearsal_open(&rehearsal, "four"); /* local and clustered MSMQ on BTS01, none named for the counters */
    assert_int_equal(class_msmq_queue.count(rehearsal.world, 0), 0);
    obey(&rehearsal, "msmq-stop BTS01");
    assert_int_equal(class_msmq_queue.count(rehearsal.world, 0), 0); /* nobody reads it, it is empty: absent */
    obey(&rehearsal, "queue payments 12");
    assert_int_equal(class_msmq_queue.count(rehearsal.world, 0), 1);
    struct value value;
    value_of(&rehearsal, 0, &class_msmq_queue, "btsrole\\private$\\payments", "BytesinQueue", &value);
    assert_int_equal(value.number, 12 * 2048);
    rehearsal_close(&rehearsal);
    rehearsal_open(&rehearsal, "good"); /* NetNameForPerfCounters names the clustered one */
    assert_int_equal(class_msmq_queue.count(rehearsal.world, 0), 0);
    assert_int_equal(class_msmq_queue.count(rehearsal.world, 1), 2);
    rehearsal_close(&rehearsal);
}

static void instance_rows(void **state)
{
    (void)state;
    struct rehearsal rehearsal;
    struct value value;
    rehearsal_open(&rehearsal, "four"); /* virtual_rows, passive_instances: unknown */
    assert_int_equal(class_host_instance.count(rehearsal.world, 3), 3 * 4 + 3);
    value_of(&rehearsal, 3, &class_host_instance, "Microsoft BizTalk Server FtpReceive BTS02", "ServiceState", &value);
    assert_int_equal(value.number, SERVICE_NOT_KNOWN);
    value_of(&rehearsal, 3, &class_host_instance, "Microsoft BizTalk Server FtpReceive BTS01", "ClusterInstanceType", &value);
    assert_int_equal(value.number, 1);
    value_of(&rehearsal, 3, &class_host_instance, "Microsoft BizTalk Server FtpReceive BizTalk", "ClusterInstanceType", &value);
    assert_int_equal(value.number, 2);
    rehearsal_close(&rehearsal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hung_is_not_dead),   cmocka_unit_test(twin),          cmocka_unit_test(stopped_past_the_cluster),
        cmocka_unit_test(sql_goes),           cmocka_unit_test(sso_split_off), cmocka_unit_test(queue_drains_only_when_read),
        cmocka_unit_test(counters_are_blind), cmocka_unit_test(instance_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
