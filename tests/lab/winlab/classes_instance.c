/* MSBTS_HostInstance: local and remote instances, from whichever node is asked; a node that does not answer is told as unknown. */
#include <string.h>

#include "answers.h"

enum {
    NAME,
    DATABASE,
    DATABASE_SERVER,
    HOST_NAME,
    HOST_TYPE,
    RUNNING_SERVER,
    SERVICE_STATE,
    CONFIGURATION_STATE,
    CLUSTER_INSTANCE_TYPE,
    IS_DISABLED,
    LOGON,
    NT_GROUP,
    UNIQUE_ID
};
static const struct class_property properties[] = {[NAME] = {"Name", true},
                                                   [DATABASE] = {"MgmtDbNameOverride", true},
                                                   [DATABASE_SERVER] = {"MgmtDbServerOverride", true},
                                                   [HOST_NAME] = {"HostName", false},
                                                   [HOST_TYPE] = {"HostType", false},
                                                   [RUNNING_SERVER] = {"RunningServer", false},
                                                   [SERVICE_STATE] = {"ServiceState", false},
                                                   [CONFIGURATION_STATE] = {"ConfigurationState", false},
                                                   [CLUSTER_INSTANCE_TYPE] = {"ClusterInstanceType", false},
                                                   [IS_DISABLED] = {"IsDisabled", false},
                                                   [LOGON] = {"Logon", false},
                                                   [NT_GROUP] = {"NTGroupName", false},
                                                   [UNIQUE_ID] = {"UniqueID", false}};

static size_t clustered_hosts(const struct lab_cluster *cluster)
{
    size_t count = 0;
    for (size_t i = 0; i < cluster->host_count; i++)
        count += cluster->hosts[i].resource != NOWHERE;
    return count;
}

static size_t count(const struct world *world, size_t node)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    return cluster->instance_count + (cluster->as->biztalk.virtual_rows ? clustered_hosts(cluster) : 0);
}

static unsigned state_of(const struct lab_cluster *cluster, const struct instance *instance, size_t asked)
{
    const struct host *host = &cluster->hosts[instance->host];
    if (instance->node != asked && !cluster->nodes[instance->node].up)
        return SERVICE_NOT_KNOWN;
    if (instance->service.state != SERVICE_STOPPED_NOW || host->resource == NOWHERE)
        return instance->service.state;
    bool passive = cluster->groups[cluster->resources[host->resource].group].owner != (int)instance->node;
    return passive && cluster->as->biztalk.passive_instances == PASSIVE_UNKNOWN ? SERVICE_NOT_KNOWN : SERVICE_STOPPED_NOW;
}

static void common(const struct host *host, size_t property, struct value *out)
{
    put_null(out);
    switch (property) {
    case DATABASE:
    case DATABASE_SERVER:
        put_text(out, "%s", "");
        break;
    case HOST_NAME:
        put_text(out, "%s", host->as->entry.name);
        break;
    case HOST_TYPE:
        put_number(out, host->as->isolated ? 2 : 1);
        break;
    case LOGON:
        put_text(out, "WINLAB\\svc-biztalk");
        break;
    case NT_GROUP:
        put_text(out, "WINLAB\\BizTalk Application Users");
        break;
    default:
        break;
    }
}

static void real_value(const struct lab_cluster *cluster, const struct instance *instance, size_t asked, size_t property, struct value *out)
{
    const struct host *host = &cluster->hosts[instance->host];
    const char *server = cluster->nodes[instance->node].as->entry.name;
    switch (property) {
    case NAME:
        put_text(out, "Microsoft BizTalk Server %s %s", host->as->entry.name, server);
        break;
    case RUNNING_SERVER:
        put_text(out, "%s", server);
        break;
    case SERVICE_STATE:
        put_number(out, state_of(cluster, instance, asked));
        break;
    case CONFIGURATION_STATE:
        put_number(out, instance->configuration);
        break;
    case CLUSTER_INSTANCE_TYPE:
        put_number(out, host->resource != NOWHERE);
        break;
    case IS_DISABLED:
        put_boolean(out, instance->disabled);
        break;
    case UNIQUE_ID:
        put_text(out, "{%08zx-0000-4000-8000-%012zx}", instance->host + 1, instance->node + 1);
        break;
    default:
        common(host, property, out);
    }
}

/* The row of a clustered host as such: of no node, and never a second consumer. */
static void virtual_value(const struct lab_cluster *cluster, size_t position, size_t property, struct value *out)
{
    size_t at = 0;
    while (cluster->hosts[at].resource == NOWHERE || position-- > 0)
        at++;
    const struct host *host = &cluster->hosts[at];
    const struct resource *resource = &cluster->resources[host->resource];
    switch (property) {
    case NAME:
        put_text(out, "Microsoft BizTalk Server %s %s", host->as->entry.name, cluster->groups[resource->group].name);
        break;
    case RUNNING_SERVER:
        put_text(out, "%s", cluster->groups[resource->group].name);
        break;
    case SERVICE_STATE:
        put_number(out, resource->state == STATE_ONLINE ? SERVICE_RUNS : SERVICE_STOPPED_NOW);
        break;
    case CONFIGURATION_STATE:
        put_number(out, 1);
        break;
    case CLUSTER_INSTANCE_TYPE:
        put_number(out, 2);
        break;
    case IS_DISABLED:
        put_boolean(out, false);
        break;
    default:
        common(host, property, out);
    }
}

static void value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    if (position < cluster->instance_count)
        real_value(cluster, &cluster->instances[position], place_of_node(world, node), property, out);
    else
        virtual_value(cluster, position - cluster->instance_count, property, out);
}

/* Start and Stop do what they say, past the cluster: which is why nobody who guards a clustered host may call them. */
static enum invoke_outcome invoke(struct world *world, size_t node, size_t position, const char *method, const struct parameter *parameters,
                                  size_t parameter_count, struct invoke_result *result)
{
    (void)parameters, (void)parameter_count;
    struct lab_cluster *cluster = cluster_of(world, node);
    if (position >= cluster->instance_count)
        return INVOKE_NO_SUCH_METHOD;
    struct instance *instance = &cluster->instances[position];
    if (strcmp(method, "GetState") == 0) {
        result->count = 1;
        result->out[0].name = "State";
        put_number(&result->out[0].value, state_of(cluster, instance, place_of_node(world, node)));
    } else if (strcmp(method, "Start") == 0) {
        result->returned = instance_start(world, cluster, instance) == SERVICE_DONE ? 0 : 0xC0C02560;
        instance->outside = cluster->hosts[instance->host].resource != NOWHERE && result->returned == 0;
    } else if (strcmp(method, "Stop") == 0) {
        result->returned = instance_stop(world, cluster, instance) == SERVICE_DONE ? 0 : 0xC0C02560;
    } else {
        return INVOKE_NO_SUCH_METHOD;
    }
    return INVOKE_DONE;
}

const struct class class_host_instance = {
    "root/MicrosoftBizTalkServer", "MSBTS_HostInstance", properties, sizeof properties / sizeof properties[0], count, value, invoke};
