/* Full names and sentences: how subjects, alarms and verdicts are called when people read of them. */
#include <stdio.h>
#include <string.h>

#include "publish.h"

static const char *const agent_parts[] = {"agent",          "agent/journal", "agent/snmp-agent", "agent/snmp-notify",
                                          "agent/actuator", "agent/loop"};

const char *subject_full_name(const struct policy *policy, subject_t subject, char buffer[NAME_BYTES])
{
    uint32_t index = subject_index(subject);
    const char *parent = NULL, *name = policy_name(policy, subject);
    switch (subject_kind(subject)) {
    case SUBJECT_GROUP:
        parent = policy->clusters[policy->groups[index].cluster].name;
        break;
    case SUBJECT_NODE:
        parent = policy->clusters[policy->nodes[index].cluster].name;
        break;
    case SUBJECT_AGENT:
        name = index < sizeof agent_parts / sizeof *agent_parts ? agent_parts[index] : "agent";
        break;
    default:
        break;
    }
    if (parent)
        snprintf(buffer, NAME_BYTES, "%s/%s", parent, name);
    else
        snprintf(buffer, NAME_BYTES, "%s", name);
    return buffer;
}

const char *alarm_key(const struct policy *policy, uint8_t alarm_class, subject_t subject, char buffer[KEY_BYTES])
{
    char name[NAME_BYTES];
    snprintf(buffer, KEY_BYTES, "%s:%s", alarm_class_name(alarm_class), subject_full_name(policy, subject, name));
    return buffer;
}

static void put(char out[NAME_BYTES], const char *text)
{
    snprintf(out, NAME_BYTES, "%s", text);
}

/* The cluster whose name stands before the first slash: of what is not configured itself. */
static uint16_t cluster_of_name(const struct policy *policy, const char *name)
{
    size_t length = strcspn(name, "/");
    for (uint16_t i = 0; i < policy->cluster_count; i++)
        if (strlen(policy->clusters[i].name) == length && strncmp(policy->clusters[i].name, name, length) == 0)
            return i;
    return UINT16_MAX;
}

void subject_whereabouts(const struct policy *policy, subject_t subject, uint8_t node, struct whereabouts *out)
{
    memset(out, 0, sizeof *out);
    uint32_t index = subject_index(subject);
    uint16_t cluster = UINT16_MAX, group = UINT16_MAX;
    switch (subject_kind(subject)) {
    case SUBJECT_CLUSTER:
        cluster = (uint16_t)index;
        break;
    case SUBJECT_NODE:
        cluster = policy->nodes[index].cluster;
        put(out->node, policy->nodes[index].name);
        break;
    case SUBJECT_GROUP:
        group = (uint16_t)index;
        break;
    case SUBJECT_HANDLER:
        group = policy->handlers[index].group;
        put(out->host, policy->handlers[index].name);
        break;
    case SUBJECT_SERVER:
        put(out->host, policy->servers[index].name);
        break;
    case SUBJECT_QUEUE:
        cluster = cluster_of_name(policy, policy_name(policy, subject));
        break;
    default:
        break;
    }
    if (group != UINT16_MAX) {
        put(out->group, policy->groups[group].name);
        cluster = policy->groups[group].cluster;
    }
    if (cluster != UINT16_MAX) {
        put(out->cluster, policy->clusters[cluster].name);
        if (node < policy->clusters[cluster].node_count)
            put(out->node, policy->nodes[policy->clusters[cluster].first_node + node].name);
    }
}

const char *nodes_text(const struct policy *policy, uint16_t cluster, nodes_t nodes, char *buffer, size_t size)
{
    size_t used = 0;
    if (size)
        buffer[0] = '\0';
    const struct policy_cluster *row = &policy->clusters[cluster];
    for (uint8_t node = 0; node < row->node_count; node++) {
        if (!(nodes & node_bit(node)))
            continue;
        int more = snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", policy->nodes[row->first_node + node].name);
        if (more < 0 || (size_t)more >= size - used)
            break;
        used += (size_t)more;
    }
    return buffer;
}

static const char *node_text(const struct policy *policy, uint16_t cluster, uint8_t node)
{
    if (node == NODE_SHARED)
        return "a shared address";
    if (node == NODE_FOREIGN)
        return "a foreign address";
    if (node >= policy->clusters[cluster].node_count)
        return "nobody";
    return policy->nodes[policy->clusters[cluster].first_node + node].name;
}

const char *handler_sentence(const struct decider *decider, uint16_t handler, char buffer[TEXT_BYTES])
{
    const struct policy *policy = decider->policy;
    const struct handler_state_row *row = &decider->model->handlers[handler];
    uint16_t cluster = policy->groups[policy->handlers[handler].group].cluster;
    char nodes[96];
    switch (row->state) {
    case HANDLER_SINGLE:
        snprintf(buffer, TEXT_BYTES, "active on %s only", node_text(policy, cluster, row->node));
        break;
    case HANDLER_IDLE:
        snprintf(buffer, TEXT_BYTES, "%s should be polling and is not: %s", node_text(policy, cluster, row->node),
                 reason_text(row->reason));
        break;
    case HANDLER_MISPLACED:
        snprintf(buffer, TEXT_BYTES, "%s polls, but is not the node that should", node_text(policy, cluster, row->node));
        break;
    case HANDLER_DUPLICATE_SUSPECTED:
    case HANDLER_DUPLICATE_CONFIRMED:
        snprintf(buffer, TEXT_BYTES, "%s: %s", nodes_text(policy, cluster, row->many, nodes, sizeof nodes), reason_text(row->reason));
        break;
    default:
        snprintf(buffer, TEXT_BYTES, "%s", reason_text(row->reason));
    }
    return buffer;
}

static void list_add(char *list, size_t size, const char *name)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

/* Which groups fell, and which servers are down: the cause is among these, if it is known here at all. */
static void common_sentence(const struct decider *decider, char sentence[TEXT_BYTES])
{
    char groups[80] = "", servers[40] = "";
    for (uint16_t i = 0; i < decider->policy->group_count; i++)
        if (decider->groups[i].wrong_since)
            list_add(groups, sizeof groups, decider->policy->groups[i].name);
    for (uint32_t i = 0; i < decider->alarms.count; i++) {
        const struct alarm *alarm = &decider->alarms.rows[i];
        if (alarm->class == ALARM_ENDPOINT && alarm->state != ALARM_CLEARED)
            list_add(servers, sizeof servers, policy_name(decider->policy, alarm->subject));
    }
    snprintf(sentence, TEXT_BYTES, "fell at once: %s%s%s", groups, *servers ? "; down: " : "", servers);
}

const char *alarm_sentence(const struct decider *decider, const struct alarm *alarm, char buffer[TEXT_BYTES])
{
    char name[NAME_BYTES], sentence[TEXT_BYTES];
    subject_full_name(decider->policy, alarm->subject, name);
    if (subject_kind(alarm->subject) == SUBJECT_HANDLER && alarm->class >= ALARM_NONE && alarm->class <= ALARM_IDLE &&
        alarm->state != ALARM_CLEARED)
        handler_sentence(decider, (uint16_t)subject_index(alarm->subject), sentence);
    else if (alarm->class == ALARM_COMMON_CAUSE && alarm->state != ALARM_CLEARED)
        common_sentence(decider, sentence);
    else
        snprintf(sentence, sizeof sentence, "%s", reason_text(alarm->reason));
    snprintf(buffer, TEXT_BYTES, "%.64s: %.*s", name, (int)(TEXT_BYTES - 3 - strnlen(name, 64)), sentence);
    return buffer;
}
