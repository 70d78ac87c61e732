/* Notifications carry the complete list that the MIB promises, in its order, with the names and types of the tables. */
#include "mib.h"

#include "agent/keep/index.h"
#include "agent/show/snmp_notify.h"
#include "agent/show/snmp_tree.h"

static char *mib;

static struct notification example(uint8_t kind)
{
    struct notification notification = {
        .sequence = 4294967298U, .kind = kind, .class = 3, .severity = 4, .state = 2, .since = 77, .at = 1000};
    memset(notification.key, 'k', sizeof notification.key); /* not terminated: must not be read beyond */
    snprintf(notification.group, sizeof notification.group, "orders");
    snprintf(notification.reason, sizeof notification.reason, "active-nowhere");
    snprintf(notification.agent, sizeof notification.agent, "mon1");
    return notification;
}

static void name_in_mib(const netsnmp_variable_list *variable, char *out, size_t size)
{
    static const char *const notify_only[] = {"", "solowardenNotifyTime", "solowardenEventClass", "solowardenEventState",
                                              "solowardenEventSince"};
    const oid *suffix = variable->name + TREE_ROOT_LENGTH;
    assert_int_equal(suffix[0], 1);
    if (suffix[1] == 11) {
        assert_int_equal(suffix[3], 0);
        snprintf(out, size, "%s", notify_only[suffix[2]]);
        return;
    }
    const struct table *table = &tables[suffix[1] - 1];
    unsigned long sub = suffix[table->indices ? 3 : 2];
    assert_int_equal(table->sub, suffix[1]);
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].sub == sub)
            mib_descriptor(table->prefix, table->columns[i].name, out, size);
}

static void check_list(uint8_t kind, const char *macro_name, uint32_t instance)
{
    struct notification notification = example(kind);
    netsnmp_pdu *pdu = notification_pdu(&notification, SNMP_MSG_INFORM, 5);
    char definition[4096], name[64];
    const netsnmp_variable_list *variable = pdu->variables;
    const char *at = mib_definition(mib, macro_name, "NOTIFICATION-TYPE", definition, sizeof definition);
    assert_non_null(at);
    assert_int_equal(variable->type, ASN_TIMETICKS);
    variable = variable->next_variable;
    assert_int_equal(variable->type, ASN_OBJECT_ID);
    assert_int_equal(variable->val.objid[TREE_ROOT_LENGTH], 0);
    assert_int_equal(variable->val.objid[TREE_ROOT_LENGTH + 1], kind);
    at = strchr(at, '{') + 1;
    for (variable = variable->next_variable; variable; variable = variable->next_variable) {
        at += strspn(at, " \n,");
        size_t length = strcspn(at, " \n,}");
        name_in_mib(variable, name, sizeof name);
        assert_int_equal(strlen(name), length);
        assert_memory_equal(name, at, length);
        at += length;
        oid last = variable->name[variable->name_length - 1];
        assert_true(last == instance || last == 0);
    }
    at += strspn(at, " \n,");
    assert_int_equal(*at, '}');
    snmp_free_pdu(pdu);
}

static void lists_are_complete(void **state)
{
    struct notification alarm = example(1);
    char key[sizeof alarm.key + 1] = {0};
    (void)state;
    memcpy(key, alarm.key, sizeof alarm.key);
    check_list(1, "solowardenAlarmRaised", index_hash(key));
    check_list(2, "solowardenAlarmCleared", index_hash(key));
    check_list(3, "solowardenEvent", 2);
}

static void numbers_begin_at_one(void **state)
{
    struct notification notification = {.kind = 1, .index = 7};
    netsnmp_pdu *pdu = notification_pdu(&notification, SNMP_MSG_TRAP2, 5);
    size_t integers = 0;
    (void)state;
    for (const netsnmp_variable_list *variable = pdu->variables; variable; variable = variable->next_variable)
        if (variable->type == ASN_INTEGER) {
            assert_int_equal(*variable->val.integer, 1);
            assert_int_equal(variable->name[variable->name_length - 1], 7);
            integers++;
        }
    assert_int_equal(integers, 3);
    snmp_free_pdu(pdu);
}

static void engine_ids(void **state)
{
    uint8_t id[ENGINE_ID_MAX];
    const uint8_t want[] = {0x80, 0, 0x1f, 0x88, 4, 'm', 'o', 'n', '1'};
    (void)state;
    assert_int_equal(engine_id("mon1", id), 9);
    assert_memory_equal(id, want, sizeof want);
    assert_int_equal(engine_id("a-name-that-is-longer-than-it-may-be-in-an-engine-id", id), 13);
    assert_int_equal(id[4], 5);
}

static int set_up(void **state)
{
    (void)state;
    mib = mib_text();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(mib);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_complete),
        cmocka_unit_test(numbers_begin_at_one),
        cmocka_unit_test(engine_ids),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
