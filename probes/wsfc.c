/* Probe `wsfc`: the failover cluster as one of its nodes tells it (root/MSCluster): nodes, groups and resources in every round; the
 * services of Generic Services, possible owners and dependencies seldom. Owns the queries and what their numbers mean on the wire; must
 * not know who else was asked. Nothing is written: the two methods only read. */
#include <string.h>

#include "wmi.h"

enum { SERVICE_NAMES_EVERY = 30, DEPENDENCIES_MAX = 64 };

static const struct wmi_property node_properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_node, name), NULL},
    {"State", WMI_INTEGER, WMI_FIELD(found_node, state), NULL},
    {"NodeDrainStatus", WMI_INTEGER, WMI_FIELD(found_node, drain), NULL},
    {0},
};

static const struct wmi_property group_properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_group, name), NULL},
    {"OwnerNode", WMI_LINK, WMI_FIELD(found_group, owner), NULL},
    {"State", WMI_INTEGER, WMI_FIELD(found_group, state), NULL},
    {"FailoverThreshold", WMI_INTEGER, WMI_FIELD(found_group, failover_threshold), NULL},
    {"FailoverPeriod", WMI_INTEGER, WMI_FIELD(found_group, failover_period_hours), NULL},
    {"AutoFailbackType", WMI_INTEGER, WMI_FIELD(found_group, auto_failback), NULL},
    {"FailbackWindowStart", WMI_INTEGER, WMI_FIELD(found_group, failback_start), NULL},
    {"FailbackWindowEnd", WMI_INTEGER, WMI_FIELD(found_group, failback_end), NULL},
    {"PersistentState", WMI_BOOLEAN, WMI_FIELD(found_group, persistent), NULL},
    {"IsCore", WMI_BOOLEAN, WMI_FIELD(found_group, core), NULL},
    {0},
};

static const struct wmi_property resource_properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_resource, name), NULL},
    {"Type", WMI_LINK, WMI_FIELD(found_resource, type), NULL},
    {"OwnerGroup", WMI_LINK, WMI_FIELD(found_resource, group), NULL},
    {"OwnerNode", WMI_LINK, WMI_FIELD(found_resource, owner), NULL},
    {"State", WMI_INTEGER, WMI_FIELD(found_resource, state), NULL},
    {"RestartAction", WMI_INTEGER, WMI_FIELD(found_resource, restart_action), NULL},
    {"RestartThreshold", WMI_INTEGER, WMI_FIELD(found_resource, restart_threshold), NULL},
    {"RestartPeriod", WMI_INTEGER, WMI_FIELD(found_resource, restart_period_ms), NULL},
    {"RestartDelay", WMI_INTEGER, WMI_FIELD(found_resource, restart_delay_ms), NULL},
    {"PendingTimeout", WMI_INTEGER, WMI_FIELD(found_resource, pending_timeout_ms), NULL},
    {"RetryPeriodOnFailure", WMI_INTEGER, WMI_FIELD(found_resource, retry_period_ms), NULL},
    {"PersistentState", WMI_BOOLEAN, WMI_FIELD(found_resource, persistent), NULL},
    {0},
};

static const struct wmi_property service_name_properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_service_name, resource), NULL},
    {"PrivateProperties/ServiceName", WMI_LINK, WMI_FIELD(found_service_name, service), NULL},
    {0},
};

/* The classes declare uint32 where their enums begin with -1. */
static void unknown_state(int64_t *state)
{
    if (*state == UINT32_MAX)
        *state = -1;
}

static bool finish_node(struct wmi_talk *talk, void *row)
{
    (void)talk;
    unknown_state(&((struct found_node *)row)->state);
    return true;
}

/* One page of the documentation counts group states from 206 on. */
static bool finish_group(struct wmi_talk *talk, void *row)
{
    enum { OTHER_ONLINE = 206 };
    struct found_group *group = row;
    (void)talk;
    unknown_state(&group->state);
    if (group->state >= OTHER_ONLINE && group->state <= OTHER_ONLINE + GROUP_PENDING)
        group->state -= OTHER_ONLINE;
    return true;
}

static bool finish_resource(struct wmi_talk *talk, void *row)
{
    (void)talk;
    unknown_state(&((struct found_resource *)row)->state);
    return true;
}

/* A cluster has a node that was asked, and a group and resources of its own. Windows leaves out what the account may not see. */
static void end_nonempty(struct wmi_talk *talk)
{
    if (talk->items == 0)
        talk->reason = REASON_NOTHING_CAME;
}

/* A projection may come without its embedded object: then the resource's service is unknown, which is no row. */
static bool finish_service_name(struct wmi_talk *talk, void *row)
{
    (void)talk;
    return ((struct found_service_name *)row)->service[0] != '\0';
}

/* "([A]) and ([B] or [C])": what is not in brackets may only join. Returns what follows; NULL = this is no such expression. */
static const char *skip_joints(const char *at)
{
    static const char *const joints[] = {" ", "(", ")", "and", "or", "AND", "OR"};
    for (bool skipped = true; skipped;) {
        skipped = false;
        for (size_t i = 0; i < sizeof joints / sizeof *joints && !skipped; i++) {
            size_t size = strlen(joints[i]);
            skipped = strncmp(at, joints[i], size) == 0;
            at += skipped ? size : 0;
        }
    }
    return *at == '\0' || *at == '[' ? at : NULL;
}

/* Gives a row per name if `talk` is not NULL. A name may itself hold brackets as long as they pair. False: not understood. */
static bool read_expression(struct wmi_talk *talk, const char *of, const char *expression)
{
    unsigned names = 0;
    for (const char *at = skip_joints(expression); at; at = skip_joints(at)) {
        if (*at == '\0')
            return true;
        struct found_dependency row = {0};
        const char *begin = ++at;
        for (unsigned open = 1; open > 0; at++) {
            if (*at == '\0')
                return false;
            open += *at == '[';
            open -= *at == ']';
        }
        size_t size = (size_t)(at - 1 - begin);
        if (size == 0 || size >= sizeof row.on || ++names > DEPENDENCIES_MAX)
            return false;
        memcpy(row.resource, of, strlen(of));
        memcpy(row.on, begin, size);
        if (talk)
            wmi_row(talk, &row);
    }
    return false;
}

struct wsfc_state {
    struct wmi_talk talk;
    bool understood; /* the method's output, so far */
};

static void possible_owner(struct wmi_talk *talk, const char *of, const char *name, const char *value)
{
    struct found_possible_owner row = {0};
    size_t size = strlen(value);
    if (strcmp(name, "NodeNames") != 0 || size == 0 || size >= sizeof row.node)
        return;
    memcpy(row.resource, of, strnlen(of, sizeof row.resource - 1));
    memcpy(row.node, value, size);
    wmi_row(talk, &row);
    ((struct wsfc_state *)talk->own)->understood = true;
}

static void dependency(struct wmi_talk *talk, const char *of, const char *name, const char *value)
{
    if (strcmp(name, "Expression") != 0 || !read_expression(NULL, of, value))
        return;
    ((struct wsfc_state *)talk->own)->understood = read_expression(talk, of, value);
}

/* A method whose output did not come, or not as we read it, has told nothing: no dependencies and no possible owner would be lies. */
static void end_method(struct wmi_talk *talk)
{
    struct wsfc_state *state = talk->own;
    if (!state->understood)
        talk->reason = REASON_BAD_REPLY;
    state->understood = false;
}

static const struct wmi_query queries[] = {
    {.wmi_namespace = WSMAN_CLUSTER,
     .wql = "SELECT Name, State, NodeDrainStatus FROM MSCluster_Node",
     .older = "SELECT Name, State FROM MSCluster_Node",
     .kind = FOUND_NODE,
     .properties = node_properties,
     .finish = finish_node,
     .end = end_nonempty},
    {.wmi_namespace = WSMAN_CLUSTER,
     .wql = "SELECT Name, State, OwnerNode, PersistentState, FailoverThreshold, FailoverPeriod, AutoFailbackType, FailbackWindowStart, "
            "FailbackWindowEnd, IsCore FROM MSCluster_ResourceGroup",
     .older = "SELECT Name, State, OwnerNode, PersistentState, FailoverThreshold, FailoverPeriod, AutoFailbackType, FailbackWindowStart, "
              "FailbackWindowEnd FROM MSCluster_ResourceGroup",
     .kind = FOUND_GROUP,
     .properties = group_properties,
     .finish = finish_group,
     .end = end_nonempty},
    {.wmi_namespace = WSMAN_CLUSTER,
     .wql = "SELECT Name, Type, State, OwnerGroup, OwnerNode, PersistentState, RestartAction, RestartThreshold, RestartPeriod, "
            "RestartDelay, PendingTimeout, RetryPeriodOnFailure FROM MSCluster_Resource",
     .older = "SELECT Name, Type, State, OwnerGroup, OwnerNode, PersistentState, RestartAction, RestartThreshold, RestartPeriod, "
              "PendingTimeout FROM MSCluster_Resource",
     .kind = FOUND_RESOURCE,
     .properties = resource_properties,
     .finish = finish_resource,
     .end = end_nonempty},
    {.wmi_namespace = WSMAN_CLUSTER,
     .wql = "SELECT Name, PrivateProperties FROM MSCluster_Resource WHERE Type = 'Generic Service'",
     .kind = FOUND_SERVICE_NAME,
     .properties = service_name_properties,
     .finish = finish_service_name,
     .every = SERVICE_NAMES_EVERY,
     .optional = true},
};

static const struct wmi_query methods[] = {
    {.wmi_namespace = WSMAN_CLUSTER,
     .class_name = "MSCluster_Resource",
     .method = "GetPossibleOwners",
     .kind = FOUND_POSSIBLE_OWNER,
     .output = possible_owner,
     .end = end_method},
    {.wmi_namespace = WSMAN_CLUSTER,
     .class_name = "MSCluster_Resource",
     .method = "GetDependencies",
     .kind = FOUND_DEPENDENCY,
     .output = dependency,
     .end = end_method},
};

static enum step wsfc_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                           struct seen *seen)
{
    enum { QUERIES = sizeof queries / sizeof *queries, METHODS = sizeof methods / sizeof *methods };
    const struct wsfc_conf *own = conf;
    struct wsfc_state *mine = state;
    struct wmi_query all[QUERIES + METHODS];
    memcpy(all, queries, sizeof queries);
    memcpy(all + QUERIES, methods, sizeof methods);
    for (size_t i = 0; i < METHODS; i++)
        all[QUERIES + i].calls_max = (uint16_t)own->owners_every;
    mine->talk.own = mine;
    return wmi_step(&mine->talk, all, QUERIES + METHODS, context, in, out, seen);
}

static const struct field fields[] = {
    {"owners_every", FIELD_INTEGER, FIELD(struct wsfc_conf, owners_every), 0, 0, 64, "4", NULL,
     "So many resources are asked for their possible owners and dependencies in one round; 0 = none, and readiness stays unknown."},
    {0}};

const struct probe_type probe_wsfc = {
    .name = "wsfc",
    .help = "A failover cluster as one of its nodes tells it, over WinRM.",
    .fields = fields,
    .conf_size = sizeof(struct wsfc_conf),
    .state_size = sizeof(struct wsfc_state),
    .estate = true,
    .step = wsfc_step,
};
