/* The reading half of the wsfc driver: asks one node about one group just before it is acted upon. Changes nothing. */
#include <stdio.h>
#include <string.h>

#include "agent/core/estate.h"
#include "driver_wsfc.h"

static const struct wmi_property group_properties[] = {
    {"Name", WMI_TEXT, WMI_FIELD(found_group, name), NULL},
    {"State", WMI_INTEGER, WMI_FIELD(found_group, state), NULL},
    {"OwnerNode", WMI_TEXT, WMI_FIELD(found_group, owner), NULL},
    {.name = NULL},
};
static const struct wmi_property node_properties[] = {
    {"Name", WMI_TEXT, WMI_FIELD(found_node, name), NULL},
    {"State", WMI_INTEGER, WMI_FIELD(found_node, state), NULL},
    {"NodeDrainStatus", WMI_INTEGER, WMI_FIELD(found_node, drain), NULL},
    {.name = NULL},
};
static const struct wmi_property resource_properties[] = {
    {"Name", WMI_TEXT, WMI_FIELD(found_resource, name), NULL},
    {"State", WMI_INTEGER, WMI_FIELD(found_resource, state), NULL},
    {"OwnerGroup", WMI_TEXT, WMI_FIELD(found_resource, group), NULL},
    {.name = NULL},
};
static const struct wmi_property host_properties[] = {
    {"Name", WMI_TEXT, WMI_FIELD(found_host, name), NULL},
    {"ClusterResourceGroupName", WMI_TEXT, WMI_FIELD(found_host, cluster_group), NULL},
    {.name = NULL},
};
static const struct wmi_property instance_properties[] = {
    {"HostName", WMI_TEXT, WMI_FIELD(found_instance, host), NULL},
    {"RunningServer", WMI_TEXT, WMI_FIELD(found_instance, node), NULL},
    {"ConfigurationState", WMI_INTEGER, WMI_FIELD(found_instance, configuration), NULL},
    {"ClusterInstanceType", WMI_INTEGER, WMI_FIELD(found_instance, cluster), NULL},
    {"IsDisabled", WMI_BOOLEAN, WMI_FIELD(found_instance, disabled), NULL},
    {.name = NULL},
};
static const char *const service_words[] = {"Stopped",          "Start Pending", "Stop Pending", "Running",
                                            "Continue Pending", "Pause Pending", "Paused",       NULL};
static const struct wmi_property service_properties[] = {
    {"Name", WMI_TEXT, WMI_FIELD(found_service, name), NULL},
    {"State", WMI_WORD, WMI_FIELD(found_service, state), service_words},
    {.name = NULL},
};

const char *wsfc_computer(const struct order *order, const struct compiled *compiled, uint8_t node)
{
    const struct policy *policy = &compiled->policy;
    const struct policy_cluster *cluster = &policy->clusters[policy->groups[order->group].cluster];
    return node < cluster->node_count ? policy->nodes[cluster->first_node + node].computer : "";
}

static uint8_t node_named(const struct wsfc_reading *reading, const char *computer)
{
    const struct policy *policy = &reading->compiled->policy;
    uint8_t count = policy->clusters[policy->groups[reading->order->group].cluster].node_count;
    for (uint8_t i = 0; i < count; i++)
        if (names_equal(wsfc_computer(reading->order, reading->compiled, i), computer))
            return i;
    return NODE_NONE;
}

static const char *role_of(const struct wsfc_reading *reading)
{
    return reading->compiled->policy.groups[reading->order->group].role;
}

/* ---- what comes in ---- */

static struct wsfc_host *host_named(struct wsfc_reading *reading, const char *name)
{
    for (unsigned i = 0; i < reading->host_count; i++)
        if (names_equal(reading->hosts[i].name, name))
            return &reading->hosts[i];
    return NULL;
}

static void add_host(struct wsfc_reading *reading, const char *name)
{
    if (host_named(reading, name))
        return;
    if (reading->host_count == WSFC_HOSTS_MAX) {
        reading->overflowed = true;
        return;
    }
    struct wsfc_host *host = &reading->hosts[reading->host_count++];
    memset(host, 0, sizeof *host);
    snprintf(host->name, sizeof host->name, "%s", name);
}

static void take_group(struct wsfc_reading *reading, const struct found_group *group)
{
    if (!names_equal(group->name, role_of(reading)))
        return;
    reading->word.group_known = true;
    reading->word.state = group->state;
    reading->word.owner = node_named(reading, group->owner);
    reading->word.pending |= group->state == GROUP_PENDING;
}

static void take_node(struct wsfc_reading *reading, const struct found_node *node)
{
    nodes_t bit = node_bit(node_named(reading, node->name));
    bool draining = node->drain == 1 || node->drain == 2;
    if (node->state == NODE_STATE_UP || node->state == NODE_STATE_PAUSED)
        reading->word.members |= bit;
    if (node->state == NODE_STATE_UP && !draining)
        reading->word.up |= bit;
}

static void take_resource(struct wsfc_reading *reading, const struct found_resource *resource)
{
    if (!names_equal(resource->group, role_of(reading)))
        return;
    reading->word.pending |= resource->state >= RESOURCE_PENDING && resource->state <= RESOURCE_OFFLINE_PENDING;
    if (reading->resource_count == WSFC_RESOURCES_MAX)
        reading->overflowed = true;
    else
        snprintf(reading->resources[reading->resource_count++], FOUND_NAME, "%s", resource->name);
}

static void take_instance(struct wsfc_reading *reading, const struct found_instance *instance)
{
    struct wsfc_host *host = host_named(reading, instance->host);
    nodes_t bit = node_bit(node_named(reading, instance->node));
    if (!host || instance->cluster == INSTANCE_VIRTUAL)
        return;
    host->installed |= bit;
    if (instance->configuration == 1 && instance->disabled == NO)
        host->startable |= bit;
}

static void take_service(struct wsfc_reading *reading, const struct found_service *service)
{
    static const char prefix[] = "BTSSvc$";
    if (strlen(service->name) < sizeof prefix)
        return;
    struct wsfc_host *host = host_named(reading, service->name + sizeof prefix - 1);
    if (host)
        host->running = service->state != SERVICE_STOPPED && service->state != SERVICE_STATE_UNKNOWN;
}

static void take_row(struct wsfc_reading *reading, const struct found *found)
{
    switch (found->kind) {
    case FOUND_GROUP:
        take_group(reading, found->row);
        break;
    case FOUND_NODE:
        take_node(reading, found->row);
        break;
    case FOUND_RESOURCE:
        take_resource(reading, found->row);
        break;
    case FOUND_POSSIBLE_OWNER:
        reading->possible |= node_bit(node_named(reading, ((const struct found_possible_owner *)found->row)->node));
        break;
    case FOUND_HOST:
        if (names_equal(((const struct found_host *)found->row)->cluster_group, role_of(reading)))
            add_host(reading, ((const struct found_host *)found->row)->name);
        break;
    case FOUND_INSTANCE:
        take_instance(reading, found->row);
        break;
    case FOUND_SERVICE:
        take_service(reading, found->row);
        break;
    default:
        break;
    }
}

static void list_ended(struct wsfc_reading *reading, const struct found *found)
{
    struct wsfc_word *word = &reading->word;
    bool good = found->reason == REASON_OK;
    switch (found->kind) {
    case FOUND_NODE:
        word->nodes_known = good;
        break;
    case FOUND_RESOURCE:
        word->resources_known = good;
        word->owners_known = good;
        break;
    case FOUND_POSSIBLE_OWNER:
        word->owners_known = word->owners_known && good;
        word->refused |= ~reading->possible;
        break;
    case FOUND_HOST:
        word->hosts_known = good;
        break;
    case FOUND_INSTANCE:
        word->instances_known = good;
        break;
    case FOUND_SERVICE:
        word->services_known = good;
        break;
    default:
        break;
    }
}

static void take(void *context, const struct found *found)
{
    struct wsfc_reading *reading = context;
    if (found->step == FOUND_BEGIN)
        reading->possible = 0;
    else if (found->step == FOUND_ROW)
        take_row(reading, found);
    else
        list_ended(reading, found);
}

/* Every resource of the group is asked for its possible owners. */
static bool next_resource(void *context, enum found_kind kind, char name[FOUND_NAME])
{
    struct wsfc_reading *reading = context;
    if (kind != FOUND_POSSIBLE_OWNER || reading->resources_asked == reading->resource_count)
        return false;
    snprintf(name, FOUND_NAME, "%s", reading->resources[reading->resources_asked++]);
    return true;
}

static void take_owner(struct wmi_talk *talk, const char *of, const char *name, const char *value)
{
    struct found_possible_owner row = {0};
    if (!names_equal(name, "NodeNames"))
        return;
    snprintf(row.resource, sizeof row.resource, "%s", of);
    if (strlen(value) < sizeof row.node)
        snprintf(row.node, sizeof row.node, "%s", value);
    wmi_row(talk, &row);
}

/* ---- asking ---- */

/* WQL: a text in single quotes; backslash and quote are escaped by a backslash. */
static void write_query(char *out, size_t size, const char *begin, const char *value)
{
    size_t used = (size_t)snprintf(out, size, "%s'", begin);
    for (; *value && used + 3 < size; value++) {
        if (*value == '\'' || *value == '\\')
            out[used++] = '\\';
        out[used++] = *value;
    }
    snprintf(out + used, size - used, "'");
}

void wsfc_read_begin(struct wsfc_reading *reading, const struct order *order, const struct driver_context *context)
{
    memset(&reading->talk, 0, sizeof reading->talk);
    memset(&reading->word, 0, sizeof reading->word);
    memset(&reading->seen, 0, sizeof reading->seen);
    reading->word.owner = NODE_NONE;
    reading->order = order;
    reading->compiled = context->compiled;
    reading->resource_count = reading->resources_asked = 0;
    const struct policy_group *group = &context->compiled->policy.groups[order->group];
    for (size_t i = 0; group->hosts[i]; i++)
        add_host(reading, group->hosts[i]);
    write_query(reading->group_query, sizeof reading->group_query,
                "SELECT Name, State, OwnerNode FROM MSCluster_ResourceGroup WHERE Name = ", group->role);
    write_query(reading->resource_query, sizeof reading->resource_query,
                "SELECT Name, State, OwnerGroup FROM MSCluster_Resource WHERE OwnerGroup = ", group->role);
}

enum step wsfc_read(struct wsfc_reading *reading, enum wsfc_scope scope, const struct driver_context *context, uint8_t node,
                    const struct reply *in, struct request *out)
{
    const struct wmi_query group = {
        .wmi_namespace = WSMAN_CLUSTER, .wql = reading->group_query, .kind = FOUND_GROUP, .properties = group_properties};
    const struct wmi_query resources = {
        .wmi_namespace = WSMAN_CLUSTER, .wql = reading->resource_query, .kind = FOUND_RESOURCE, .properties = resource_properties};
    const struct wmi_query hosts = {.wmi_namespace = WSMAN_BIZTALK,
                                    .wql = "SELECT Name, ClusterResourceGroupName FROM MSBTS_HostSetting",
                                    .kind = FOUND_HOST,
                                    .properties = host_properties,
                                    .optional = true};
    const struct wmi_query for_move[] = {
        group,
        {.wmi_namespace = WSMAN_CLUSTER,
         .wql = "SELECT Name, State, NodeDrainStatus FROM MSCluster_Node",
         .kind = FOUND_NODE,
         .properties = node_properties},
        resources,
        {.wmi_namespace = WSMAN_CLUSTER,
         .class_name = "MSCluster_Resource",
         .method = "GetPossibleOwners",
         .kind = FOUND_POSSIBLE_OWNER,
         .output = take_owner,
         .calls_max = WSFC_RESOURCES_MAX},
        hosts,
        {.wmi_namespace = WSMAN_BIZTALK,
         .wql = "SELECT HostName, RunningServer, ConfigurationState, ClusterInstanceType, IsDisabled FROM MSBTS_HostInstance",
         .kind = FOUND_INSTANCE,
         .properties = instance_properties,
         .optional = true},
    };
    const struct wmi_query for_stop[] = {
        group,
        resources,
        hosts,
        {.wmi_namespace = WSMAN_CIMV2,
         .wql = "SELECT Name, State FROM Win32_Service WHERE Name LIKE 'BTSSvc$%'",
         .kind = FOUND_SERVICE,
         .properties = service_properties},
    };
    struct probe_context probe = {.found = take,
                                  .wanted = next_resource,
                                  .found_context = reading,
                                  .memory = context->memory,
                                  .url = context->compiled->groups[reading->order->group].act[node]->url,
                                  .node = wsfc_computer(reading->order, reading->compiled, node),
                                  .timeout = 30000};
    memcpy(probe.nonce, context->nonce, sizeof probe.nonce);
    probe.nonce[0] = (uint8_t)(probe.nonce[0] ^ node);
    if (scope == WSFC_FOR_MOVE)
        return wmi_step(&reading->talk, for_move, sizeof for_move / sizeof *for_move, &probe, in, out, &reading->seen);
    if (scope == WSFC_FOR_STOP)
        return wmi_step(&reading->talk, for_stop, sizeof for_stop / sizeof *for_stop, &probe, in, out, &reading->seen);
    return wmi_step(&reading->talk, &group, 1, &probe, in, out, &reading->seen);
}
