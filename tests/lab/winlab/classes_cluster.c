/* root/MSCluster: what any node that is up says of the whole cluster, and the methods that change it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answers.h"

#define PROPERTIES(list) list, sizeof(list) / sizeof(list[0])

static enum invoke_outcome refused(struct invoke_result *result, const char *why)
{
    snprintf(result->text, sizeof result->text, "%s", why);
    return INVOKE_REFUSED;
}

static enum invoke_outcome done(struct invoke_result *result)
{
    result->is_void = true;
    return INVOKE_DONE;
}

/* ---- MSCluster_Cluster ---- */

enum { CLUSTER_NAME, CLUSTER_FQDN, CLUSTER_DYNAMIC_QUORUM, CLUSTER_QUORUM_TYPE };
static const struct class_property cluster_properties[] = {[CLUSTER_NAME] = {"Name", true},
                                                           [CLUSTER_FQDN] = {"Fqdn", false},
                                                           [CLUSTER_DYNAMIC_QUORUM] = {"DynamicQuorumEnabled", false},
                                                           [CLUSTER_QUORUM_TYPE] = {"QuorumType", false}};

static size_t one(const struct world *world, size_t node)
{
    (void)world, (void)node;
    return 1;
}

static void cluster_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    (void)position;
    const char *name = cluster_of(world, node)->as->entry.name;
    put_null(out);
    if (property == CLUSTER_NAME)
        put_text(out, "%s", name);
    else if (property == CLUSTER_FQDN)
        put_text(out, "%s.winlab.example", name);
    else if (property == CLUSTER_DYNAMIC_QUORUM)
        put_number(out, 1);
    else
        put_text(out, "Majority");
}

const struct class class_cluster = {"root/MSCluster", "MSCluster_Cluster", PROPERTIES(cluster_properties), one, cluster_value, NULL};

/* ---- MSCluster_Node ---- */

enum { NODE_NAME, NODE_ID, NODE_STATE, NODE_STATUS_INFORMATION, NODE_WEIGHT, NODE_DYNAMIC_WEIGHT, NODE_DRAIN_STATUS, NODE_BUILD };
static const struct class_property node_properties[] = {[NODE_NAME] = {"Name", true},
                                                        [NODE_ID] = {"Id", false},
                                                        [NODE_STATE] = {"State", false},
                                                        [NODE_STATUS_INFORMATION] = {"StatusInformation", false},
                                                        [NODE_WEIGHT] = {"NodeWeight", false},
                                                        [NODE_DYNAMIC_WEIGHT] = {"DynamicWeight", false},
                                                        [NODE_DRAIN_STATUS] = {"NodeDrainStatus", false},
                                                        [NODE_BUILD] = {"BuildNumber", false}};

static size_t node_count(const struct world *world, size_t node)
{
    return cluster_of(world, node)->node_count;
}

unsigned node_state_of(const struct lab_node *node)
{
    if (node->up && node->joined_at)
        return 3;
    if (node->known_down)
        return 1;
    return node->paused ? 2 : 0;
}

static void node_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct lab_node *machine = &cluster_of(world, node)->nodes[position];
    put_null(out);
    switch (property) {
    case NODE_NAME:
        put_text(out, "%s", machine->as->entry.name);
        break;
    case NODE_ID:
        put_text(out, "%zu", position + 1);
        break;
    case NODE_STATE:
        put_number(out, node_state_of(machine));
        break;
    case NODE_STATUS_INFORMATION:
        put_number(out, 0);
        break;
    case NODE_DRAIN_STATUS:
        put_number(out, machine->drain);
        break;
    case NODE_BUILD:
        put_number(out, 17763);
        break;
    default:
        put_number(out, 1);
    }
}

static enum invoke_outcome node_invoke(struct world *world, size_t node, size_t position, const char *method,
                                       const struct parameter *parameters, size_t parameter_count, struct invoke_result *result)
{
    struct lab_cluster *cluster = cluster_of(world, node);
    const char *drain = parameter_called(parameters, parameter_count, "DrainType");
    if (strcmp(method, "Pause") == 0)
        node_pause(cluster, &cluster->nodes[position], drain && atoi(drain) > 0);
    else if (strcmp(method, "Resume") == 0)
        node_resume(&cluster->nodes[position]);
    else
        return INVOKE_NO_SUCH_METHOD;
    return done(result);
}

const struct class class_node = {"root/MSCluster", "MSCluster_Node", PROPERTIES(node_properties), node_count, node_value, node_invoke};

/* ---- MSCluster_ResourceGroup ---- */

enum {
    GROUP_NAME,
    GROUP_STATE,
    GROUP_OWNER,
    GROUP_AUTO_FAILBACK,
    GROUP_FAILBACK_START,
    GROUP_FAILBACK_END,
    GROUP_FAILOVER_PERIOD,
    GROUP_FAILOVER_THRESHOLD,
    GROUP_PERSISTENT,
    GROUP_PRIORITY,
    GROUP_DEFAULT_OWNER,
    GROUP_TYPE,
    GROUP_CORE,
    GROUP_STATUS
};
static const struct class_property group_properties[] = {[GROUP_NAME] = {"Name", true},
                                                         [GROUP_STATE] = {"State", false},
                                                         [GROUP_OWNER] = {"OwnerNode", false},
                                                         [GROUP_AUTO_FAILBACK] = {"AutoFailbackType", false},
                                                         [GROUP_FAILBACK_START] = {"FailbackWindowStart", false},
                                                         [GROUP_FAILBACK_END] = {"FailbackWindowEnd", false},
                                                         [GROUP_FAILOVER_PERIOD] = {"FailoverPeriod", false},
                                                         [GROUP_FAILOVER_THRESHOLD] = {"FailoverThreshold", false},
                                                         [GROUP_PERSISTENT] = {"PersistentState", false},
                                                         [GROUP_PRIORITY] = {"Priority", false},
                                                         [GROUP_DEFAULT_OWNER] = {"DefaultOwner", false},
                                                         [GROUP_TYPE] = {"GroupType", false},
                                                         [GROUP_CORE] = {"IsCore", false},
                                                         [GROUP_STATUS] = {"StatusInformation", false}};

static size_t group_count(const struct world *world, size_t node)
{
    return cluster_of(world, node)->group_count;
}

static void put_signed(struct value *out, int64_t number) /* on the wire -1 is 4294967295, or the text -1 where the type is signed */
{
    if (number < 0)
        put_text(out, "%lld", (long long)number);
    else
        put_number(out, (uint64_t)number);
}

static void group_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    const struct group *group = &cluster->groups[position];
    const struct scenario_group *as = group->as;
    put_null(out);
    switch (property) {
    case GROUP_NAME:
        put_text(out, "%s", group->name);
        break;
    case GROUP_STATE:
        put_number(out, (uint64_t)group_state(cluster, group));
        break;
    case GROUP_OWNER:
        put_text(out, "%s", cluster->nodes[group->owner].as->entry.name);
        break;
    case GROUP_AUTO_FAILBACK:
        put_number(out, as->auto_failback);
        break;
    case GROUP_FAILBACK_START:
        put_signed(out, as->failback_start);
        break;
    case GROUP_FAILBACK_END:
        put_signed(out, as->failback_end);
        break;
    case GROUP_FAILOVER_PERIOD:
        put_number(out, (uint64_t)as->failover_period_hours);
        break;
    case GROUP_FAILOVER_THRESHOLD:
        put_number(out, (uint64_t)as->failover_threshold);
        break;
    case GROUP_PERSISTENT:
        put_boolean(out, group->persistent);
        break;
    case GROUP_PRIORITY:
        put_number(out, 2000);
        break;
    case GROUP_DEFAULT_OWNER:
        put_number(out, group->preferred == NOWHERE ? UINT32_MAX : (uint64_t)group->preferred + 1);
        break;
    case GROUP_TYPE:
        put_number(out, 9999);
        break;
    case GROUP_CORE:
        put_boolean(out, false);
        break;
    default:
        put_number(out, 0);
    }
}

/* TimeOut: for how many seconds at most the method waits until all is done. */
static void wait_for(uint64_t needed, const char *time_out, struct invoke_result *result)
{
    double most = time_out ? strtod(time_out, NULL) * 1000 : 0;
    result->takes_ms = most > (double)needed ? (uint32_t)needed : most > 0 ? (uint32_t)most : 0;
}

static enum invoke_outcome move(struct lab_cluster *cluster, struct group *group, const char *to, const char *time_out,
                                struct invoke_result *result)
{
    const struct scenario_timing *timing = &cluster->as->timing;
    int target = to ? cluster_node_called(cluster, to) : NOWHERE;
    if (target == NOWHERE)
        return INVOKE_BAD_PARAMETER;
    if (group_move(cluster, group, target)) {
        if (target != group->owner)
            wait_for(group_takes(cluster, group, timing->offline) + group_takes(cluster, group, timing->online), time_out, result);
        return done(result);
    }
    return refused(result, group->target != NOWHERE ? "The group is unable to accept the request since it is moving to another node."
                                                    : "The operation failed because the cluster node cannot host the group.");
}

static enum invoke_outcome group_invoke(struct world *world, size_t node, size_t position, const char *method,
                                        const struct parameter *parameters, size_t parameter_count, struct invoke_result *result)
{
    struct lab_cluster *cluster = cluster_of(world, node);
    struct group *group = &cluster->groups[position];
    const struct scenario_timing *timing = &cluster->as->timing;
    const char *time_out = parameter_called(parameters, parameter_count, "TimeOut");
    if (strcmp(method, "MoveToNewNode") == 0)
        return move(cluster, group, parameter_called(parameters, parameter_count, "NodeName"), time_out, result);
    bool online = strcmp(method, "BringOnline") == 0;
    if (!online && strcmp(method, "TakeOffline") != 0)
        return INVOKE_NO_SUCH_METHOD;
    if (online)
        group_bring_online(world, cluster, group);
    else
        group_take_offline(cluster, group);
    wait_for(group_takes(cluster, group, online ? timing->online : timing->offline), time_out, result);
    return done(result);
}

const struct class class_group = {"root/MSCluster", "MSCluster_ResourceGroup", PROPERTIES(group_properties), group_count, group_value,
                                  group_invoke};
