/* Notifications as varbind lists. Names and types come from the column tables, so a notification cannot drift from the tables. */
#include "snmp_notify.h"

#include <stddef.h>
#include <string.h>

#include "agent/keep/index.h"
#include "snmp_tree.h"

enum carried_as { AS_TEXT, AS_CLASS, AS_SEVERITY, AS_STATE, AS_SINCE, AS_SEQUENCE, AS_TIME };

/* One varbind: a column of the table, or (table TABLES) a notify-only object with sub-identifier `sub`. */
struct carried {
    enum table_id table;
    const char *column;
    uint8_t sub;
    enum carried_as as;
    uint16_t offset, size; /* AS_TEXT */
};

#define TEXT_OF(member) AS_TEXT, offsetof(struct notification, member), sizeof(((struct notification *)0)->member)
#define SUFFIX_TIME 1
#define SUFFIX_CLASS 2
#define SUFFIX_STATE 3
#define SUFFIX_SINCE 4

static const struct carried alarm_list[] = {
    {TABLE_ALARM, "name", 0, TEXT_OF(key)},
    {TABLE_ALARM, "class", 0, AS_CLASS, 0, 0},
    {TABLE_ALARM, "severity", 0, AS_SEVERITY, 0, 0},
    {TABLE_ALARM, "cluster", 0, TEXT_OF(cluster)},
    {TABLE_ALARM, "group", 0, TEXT_OF(group)},
    {TABLE_ALARM, "host", 0, TEXT_OF(host)},
    {TABLE_ALARM, "node", 0, TEXT_OF(node)},
    {TABLE_ALARM, "state", 0, AS_STATE, 0, 0},
    {TABLE_ALARM, "reason", 0, TEXT_OF(reason)},
    {TABLE_ALARM, "text", 0, TEXT_OF(text)},
    {TABLE_ALARM, "sequence", 0, AS_SEQUENCE, 0, 0},
    {TABLE_ALARM, "since", 0, AS_SINCE, 0, 0},
    {TABLES, "notifyTime", SUFFIX_TIME, AS_TIME, 0, 0},
    {TABLE_AGENT, "name", 0, TEXT_OF(agent)},
};

static const struct carried event_list[] = {
    {TABLE_HISTORY, "key", 0, TEXT_OF(key)},
    {TABLES, "eventClass", SUFFIX_CLASS, AS_CLASS, 0, 0},
    {TABLE_HISTORY, "severity", 0, AS_SEVERITY, 0, 0},
    {TABLE_HISTORY, "cluster", 0, TEXT_OF(cluster)},
    {TABLE_HISTORY, "group", 0, TEXT_OF(group)},
    {TABLE_HISTORY, "host", 0, TEXT_OF(host)},
    {TABLE_HISTORY, "node", 0, TEXT_OF(node)},
    {TABLES, "eventState", SUFFIX_STATE, AS_STATE, 0, 0},
    {TABLE_HISTORY, "word", 0, TEXT_OF(reason)},
    {TABLE_HISTORY, "text", 0, TEXT_OF(text)},
    {TABLE_HISTORY, "sequence", 0, AS_SEQUENCE, 0, 0},
    {TABLES, "eventSince", SUFFIX_SINCE, AS_SINCE, 0, 0},
    {TABLES, "notifyTime", SUFFIX_TIME, AS_TIME, 0, 0},
    {TABLE_AGENT, "name", 0, TEXT_OF(agent)},
};

enum { ALARM_KIND_MAX = 2, NOTIFY_ARC = 11 };

static uint32_t instance_of(const struct notification *notification)
{
    char key[sizeof notification->key + 1];
    if (notification->kind > ALARM_KIND_MAX)
        return (uint32_t)(notification->sequence & INT32_MAX);
    if (notification->index)
        return notification->index;
    memcpy(key, notification->key, sizeof notification->key);
    key[sizeof key - 1] = '\0';
    return index_hash(key);
}

static size_t name_of(const struct carried *carried, uint32_t instance, oid name[TREE_NAME_MAX])
{
    if (carried->table != TABLES) {
        const struct table *table = &tables[carried->table];
        return tree_instance(table, column_by_name(table, carried->column), &instance, name);
    }
    memcpy(name, tree_root, sizeof tree_root);
    name[TREE_ROOT_LENGTH] = 1;
    name[TREE_ROOT_LENGTH + 1] = NOTIFY_ARC;
    name[TREE_ROOT_LENGTH + 2] = carried->sub;
    name[TREE_ROOT_LENGTH + 3] = 0;
    return TREE_ROOT_LENGTH + 4;
}

static long number_of(const struct carried *carried, const struct notification *notification)
{
    switch (carried->as) {
    case AS_CLASS:
        return notification->class ? notification->class : 1;
    case AS_SEVERITY:
        return notification->severity + 1;
    case AS_STATE:
        return notification->state ? notification->state : 1;
    default:
        return (long)notification->since;
    }
}

static void add_varbind(netsnmp_pdu *pdu, const struct carried *carried, const struct notification *notification, uint32_t instance)
{
    oid name[TREE_NAME_MAX];
    size_t length = name_of(carried, instance, name);
    const char *text = (const char *)notification + carried->offset;
    uint8_t date[DATE_OCTETS];
    struct counter64 counter = {(u_long)(notification->sequence >> 32), (u_long)(notification->sequence & UINT32_MAX)};
    long number = number_of(carried, notification);
    switch (carried->as) {
    case AS_TEXT:
        snmp_pdu_add_variable(pdu, name, length, ASN_OCTET_STR, text, strnlen(text, carried->size));
        break;
    case AS_SEQUENCE:
        snmp_pdu_add_variable(pdu, name, length, ASN_COUNTER64, &counter, sizeof counter);
        break;
    case AS_TIME:
        date_octets(notification->at, date);
        snmp_pdu_add_variable(pdu, name, length, ASN_OCTET_STR, date, sizeof date);
        break;
    case AS_SINCE:
        snmp_pdu_add_variable(pdu, name, length, ASN_UNSIGNED, &number, sizeof number);
        break;
    case AS_CLASS:
    case AS_SEVERITY:
    case AS_STATE:
        snmp_pdu_add_variable(pdu, name, length, ASN_INTEGER, &number, sizeof number);
        break;
    }
}

netsnmp_pdu *notification_pdu(const struct notification *notification, int command, uint32_t uptime_centiseconds)
{
    static const oid uptime_name[] = {1, 3, 6, 1, 2, 1, 1, 3, 0};
    static const oid trap_name[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0};
    oid kind[TREE_ROOT_LENGTH + 2];
    long uptime = (long)uptime_centiseconds;
    bool event = notification->kind > ALARM_KIND_MAX;
    const struct carried *list = event ? event_list : alarm_list;
    size_t count = event ? sizeof event_list / sizeof *event_list : sizeof alarm_list / sizeof *alarm_list;
    uint32_t instance = instance_of(notification);
    netsnmp_pdu *pdu = snmp_pdu_create(command);
    if (!pdu)
        abort();
    memcpy(kind, tree_root, sizeof tree_root);
    kind[TREE_ROOT_LENGTH] = 0;
    kind[TREE_ROOT_LENGTH + 1] = notification->kind;
    snmp_pdu_add_variable(pdu, uptime_name, OID_LENGTH(uptime_name), ASN_TIMETICKS, &uptime, sizeof uptime);
    snmp_pdu_add_variable(pdu, trap_name, OID_LENGTH(trap_name), ASN_OBJECT_ID, kind, sizeof kind);
    for (size_t i = 0; i < count; i++)
        add_varbind(pdu, &list[i], notification, instance);
    return pdu;
}
