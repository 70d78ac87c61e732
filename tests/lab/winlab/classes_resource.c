/* MSCluster_Resource: state, policy, possible owners and dependencies of each resource. */
#include <string.h>

#include "answers.h"

enum {
    NAME,
    ID,
    STATE,
    TYPE,
    OWNER_GROUP,
    OWNER_NODE,
    PERSISTENT_STATE,
    RESTART_ACTION,
    RESTART_THRESHOLD,
    RESTART_PERIOD,
    RESTART_DELAY,
    RETRY_PERIOD,
    PENDING_TIMEOUT,
    IS_ALIVE,
    LOOKS_ALIVE,
    RESOURCE_CLASS,
    SUBCLASS,
    CORE,
    SEPARATE_MONITOR,
    MONITOR_PROCESS,
    STATUS_INFORMATION,
    SERVICE_NAME
};
static const struct class_property properties[] = {[NAME] = {"Name", true},
                                                   [ID] = {"Id", false},
                                                   [STATE] = {"State", false},
                                                   [TYPE] = {"Type", false},
                                                   [OWNER_GROUP] = {"OwnerGroup", false},
                                                   [OWNER_NODE] = {"OwnerNode", false},
                                                   [PERSISTENT_STATE] = {"PersistentState", false},
                                                   [RESTART_ACTION] = {"RestartAction", false},
                                                   [RESTART_THRESHOLD] = {"RestartThreshold", false},
                                                   [RESTART_PERIOD] = {"RestartPeriod", false},
                                                   [RESTART_DELAY] = {"RestartDelay", false},
                                                   [RETRY_PERIOD] = {"RetryPeriodOnFailure", false},
                                                   [PENDING_TIMEOUT] = {"PendingTimeout", false},
                                                   [IS_ALIVE] = {"IsAlivePollInterval", false},
                                                   [LOOKS_ALIVE] = {"LooksAlivePollInterval", false},
                                                   [RESOURCE_CLASS] = {"ResourceClass", false},
                                                   [SUBCLASS] = {"Subclass", false},
                                                   [CORE] = {"CoreResource", false},
                                                   [SEPARATE_MONITOR] = {"SeparateMonitor", false},
                                                   [MONITOR_PROCESS] = {"MonitorProcessId", false},
                                                   [STATUS_INFORMATION] = {"StatusInformation", false},
                                                   [SERVICE_NAME] = {"PrivateProperties/ServiceName", false}};

static size_t count(const struct world *world, size_t node)
{
    return cluster_of(world, node)->resource_count;
}

static void put_service_name(const struct lab_cluster *cluster, const struct resource *resource, struct value *out)
{
    if (!cluster->as->service_names)
        return;
    if (resource->as->kind == KIND_HOST)
        put_text(out, "BTSSvc$%s", cluster->hosts[resource->host].as->entry.name);
    else if (resource->as->kind == KIND_SSO)
        put_text(out, "ENTSSO");
}

static void put_policy(const struct lab_cluster *cluster, const struct scenario_restart *policy, size_t property, struct value *out)
{
    switch (property) {
    case RESTART_ACTION:
        put_number(out, (uint64_t)policy->action);
        break;
    case RESTART_THRESHOLD:
        put_number(out, (uint64_t)policy->threshold);
        break;
    case RESTART_PERIOD:
        put_number(out, (uint64_t)policy->period);
        break;
    case RESTART_DELAY:
        put_number(out, (uint64_t)policy->delay);
        break;
    case RETRY_PERIOD:
        put_number(out, policy->retry ? (uint64_t)policy->retry : UINT32_MAX);
        break;
    case PENDING_TIMEOUT:
        put_number(out, (uint64_t)policy->pending_timeout);
        break;
    case IS_ALIVE:
    case LOOKS_ALIVE:
        put_number(out, (uint64_t)cluster->as->timing.is_alive);
        break;
    default:
        put_number(out, 0);
    }
}

static void value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    const struct resource *resource = &cluster->resources[position];
    const struct group *group = &cluster->groups[resource->group];
    put_null(out);
    switch (property) {
    case NAME:
        put_text(out, "%s", resource->name);
        break;
    case ID:
        put_text(out, "%08zx-0000-4000-8000-%012zx", position + 1, resource->group + 1);
        break;
    case STATE:
        put_number(out, resource->state);
        break;
    case TYPE:
        put_text(out, "%s", resource->type);
        break;
    case OWNER_GROUP:
        put_text(out, "%s", group->name);
        break;
    case OWNER_NODE:
        put_text(out, "%s", cluster->nodes[group->owner].as->entry.name);
        break;
    case PERSISTENT_STATE:
        put_boolean(out, resource->wanted);
        break;
    case CORE:
    case SEPARATE_MONITOR:
        put_boolean(out, false);
        break;
    case SERVICE_NAME:
        put_service_name(cluster, resource, out);
        break;
    default:
        put_policy(cluster, &resource->as->restart, property, out);
    }
}

static enum invoke_outcome possible_owners(const struct lab_cluster *cluster, const struct resource *resource, struct invoke_result *result)
{
    result->is_void = true;
    result->count = 1;
    result->out[0].name = "NodeNames";
    put_null(&result->out[0].value);
    for (size_t node = 0; node < cluster->node_count; node++)
        if (resource->owners & 1u << node)
            put_member(&result->out[0].value, cluster->nodes[node].as->entry.name);
    return INVOKE_DONE;
}

static enum invoke_outcome dependencies(const struct lab_cluster *cluster, const struct resource *resource, struct invoke_result *result)
{
    char expression[VALUE_TEXT_MAX] = "";
    for (size_t i = 0; i < resource->depend_count; i++) {
        if (!depends_within(cluster, resource, i))
            continue;
        size_t used = strlen(expression);
        snprintf(expression + used, sizeof expression - used, "%s([%s])", used ? " and " : "",
                 cluster->resources[resource->depends[i]].name);
    }
    result->is_void = true;
    result->count = 1;
    result->out[0].name = "Expression";
    put_text(&result->out[0].value, "%s", expression);
    return INVOKE_DONE;
}

static enum invoke_outcome invoke(struct world *world, size_t node, size_t position, const char *method, const struct parameter *parameters,
                                  size_t parameter_count, struct invoke_result *result)
{
    (void)parameters, (void)parameter_count;
    struct lab_cluster *cluster = cluster_of(world, node);
    struct resource *resource = &cluster->resources[position];
    if (strcmp(method, "GetPossibleOwners") == 0)
        return possible_owners(cluster, resource, result);
    if (strcmp(method, "GetDependencies") == 0)
        return dependencies(cluster, resource, result);
    if (strcmp(method, "BringOnline") == 0)
        resource_bring_online(world, cluster, resource);
    else if (strcmp(method, "TakeOffline") == 0)
        resource_take_offline(resource);
    else
        return INVOKE_NO_SUCH_METHOD;
    result->is_void = true;
    return INVOKE_DONE;
}

const struct class class_resource = {
    "root/MSCluster", "MSCluster_Resource", properties, sizeof properties / sizeof properties[0], count, value, invoke};
