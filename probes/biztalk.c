/* Probe `biztalk`: the BizTalk group as one of its servers tells it (root/MicrosoftBizTalkServer): host instances in every round; hosts,
 * receive handlers and locations, the group's settings and suspended instances seldom. CustomCfg is never asked for: it holds passwords.
 * Must not know which host is guarded. */
#include <string.h>

#include "wmi.h"

enum { SUSPENDED_HOSTS_MAX = 64, SUSPENDED_RESUMABLE = 4, SUSPENDED_FOR_GOOD = 32 };

static const struct wmi_property instance_properties[] = {
    {"HostName", WMI_NAME, WMI_FIELD(found_instance, host), NULL},
    {"RunningServer", WMI_LINK, WMI_FIELD(found_instance, node), NULL},
    {"HostType", WMI_INTEGER, WMI_FIELD(found_instance, type), NULL},
    {"ServiceState", WMI_INTEGER, WMI_FIELD(found_instance, state), NULL},
    {"ConfigurationState", WMI_INTEGER, WMI_FIELD(found_instance, configuration), NULL},
    {"ClusterInstanceType", WMI_INTEGER, WMI_FIELD(found_instance, cluster), NULL},
    {"IsDisabled", WMI_BOOLEAN, WMI_FIELD(found_instance, disabled), NULL},
    {0},
};

static const struct wmi_property host_properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_host, name), NULL},
    {"ClusterResourceGroupName", WMI_LINK, WMI_FIELD(found_host, cluster_group), NULL},
    {"HostType", WMI_INTEGER, WMI_FIELD(found_host, type), NULL},
    {"IsHost32BitOnly", WMI_BOOLEAN, WMI_FIELD(found_host, only_32_bit), NULL},
    {0},
};

static const struct wmi_property handler_properties[] = {
    {"AdapterName", WMI_NAME, WMI_FIELD(found_handler, adapter), NULL},
    {"HostName", WMI_NAME, WMI_FIELD(found_handler, host), NULL},
    {0},
};

static const struct wmi_property location_properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_location, name), NULL},
    {"ReceivePortName", WMI_NAME, WMI_FIELD(found_location, port), NULL},
    {"AdapterName", WMI_LINK, WMI_FIELD(found_location, adapter), NULL},
    {"HostName", WMI_LINK, WMI_FIELD(found_location, host), NULL},
    {"InboundTransportURL", WMI_LINK, WMI_FIELD(found_location, url), NULL},
    {"IsDisabled", WMI_BOOLEAN, WMI_FIELD(found_location, disabled), NULL},
    {"OperatingWindowEnabled", WMI_BOOLEAN, WMI_FIELD(found_location, windowed), NULL},
    {"SrvWinStartDT", WMI_SECOND_OF_DAY, WMI_FIELD(found_location, window_start_s), NULL},
    {"SrvWinStopDT", WMI_SECOND_OF_DAY, WMI_FIELD(found_location, window_stop_s), NULL},
    {"StartDateEnabled", WMI_BOOLEAN, WMI_FIELD(found_location, starts), NULL},
    {"StopDateEnabled", WMI_BOOLEAN, WMI_FIELD(found_location, stops), NULL},
    {"ActiveStartDT", WMI_STAMP, WMI_FIELD(found_location, start), NULL},
    {"ActiveStopDT", WMI_STAMP, WMI_FIELD(found_location, stop), NULL},
    {0},
};

static const struct wmi_property setting_properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_setting, name), NULL},
    {"SSOServerName", WMI_LINK, WMI_FIELD(found_setting, sso_server), NULL},
    {0},
};

/* One suspended instance; counted, never given. */
struct suspended {
    char host[FOUND_HOST_NAME];
    int64_t status;
};
static const struct wmi_property suspended_properties[] = {
    {"HostName", WMI_NAME, WMI_FIELD(suspended, host), NULL},
    {"ServiceStatus", WMI_INTEGER, WMI_FIELD(suspended, status), NULL},
    {0},
};

struct biztalk_state {
    struct wmi_talk talk;
    int64_t suspended_max;
    uint16_t hosts;
    bool more; /* hosts than are kept */
    struct found_suspended suspended[SUSPENDED_HOSTS_MAX];
};

/* A BizTalk server without any host instance is rather one that does not show them to this account. */
static void end_instances(struct wmi_talk *talk)
{
    if (talk->items == 0)
        talk->reason = REASON_NOTHING_CAME;
}

static struct found_suspended *counter_of(struct biztalk_state *state, const char *host)
{
    for (size_t i = 0; i < state->hosts; i++)
        if (strcmp(state->suspended[i].host, host) == 0)
            return &state->suspended[i];
    if (state->hosts == SUSPENDED_HOSTS_MAX)
        return NULL;
    struct found_suspended *counter = &state->suspended[state->hosts++];
    memset(counter, 0, sizeof *counter);
    memcpy(counter->host, host, strlen(host));
    return counter;
}

static bool count_suspended(struct wmi_talk *talk, void *row)
{
    struct biztalk_state *state = talk->own;
    const struct suspended *instance = row;
    if (instance->status != SUSPENDED_RESUMABLE && instance->status != SUSPENDED_FOR_GOOD)
        return false; /* nobody asked for it */
    struct found_suspended *counter = counter_of(state, instance->host);
    if (!counter)
        state->more = true;
    else if (counter->resumable + counter->not_resumable >= state->suspended_max)
        counter->capped = true;
    else if (instance->status == SUSPENDED_RESUMABLE)
        counter->resumable++;
    else
        counter->not_resumable++;
    return false;
}

static void end_suspended(struct wmi_talk *talk)
{
    struct biztalk_state *state = talk->own;
    for (size_t i = 0; i < state->hosts; i++) {
        state->suspended[i].capped |= talk->cut;
        wmi_row(talk, &state->suspended[i]);
    }
    if (state->more)
        talk->reason = REASON_TOO_MANY_ROWS;
}

static const struct wmi_query queries[] = {
    {.wmi_namespace = WSMAN_BIZTALK,
     .wql = "SELECT HostName, RunningServer, HostType, ServiceState, ConfigurationState, ClusterInstanceType, IsDisabled "
            "FROM MSBTS_HostInstance",
     .kind = FOUND_INSTANCE,
     .properties = instance_properties,
     .end = end_instances},
    {.wmi_namespace = WSMAN_BIZTALK,
     .wql = "SELECT Name, ClusterResourceGroupName, HostType, IsHost32BitOnly FROM MSBTS_HostSetting",
     .kind = FOUND_HOST,
     .properties = host_properties},
    {.wmi_namespace = WSMAN_BIZTALK,
     .wql = "SELECT AdapterName, HostName FROM MSBTS_ReceiveHandler",
     .kind = FOUND_HANDLER,
     .properties = handler_properties},
    {.wmi_namespace = WSMAN_BIZTALK,
     .wql = "SELECT Name, ReceivePortName, AdapterName, HostName, InboundTransportURL, IsDisabled, OperatingWindowEnabled, SrvWinStartDT, "
            "SrvWinStopDT, StartDateEnabled, StopDateEnabled, ActiveStartDT, ActiveStopDT FROM MSBTS_ReceiveLocation",
     .kind = FOUND_LOCATION,
     .properties = location_properties},
    {.wmi_namespace = WSMAN_BIZTALK,
     .wql = "SELECT Name, SSOServerName FROM MSBTS_GroupSetting",
     .kind = FOUND_SETTING,
     .properties = setting_properties},
    {.wmi_namespace = WSMAN_BIZTALK,
     .wql = "SELECT HostName, ServiceStatus FROM MSBTS_ServiceInstance WHERE ServiceStatus = 4 OR ServiceStatus = 32",
     .kind = FOUND_SUSPENDED,
     .properties = suspended_properties,
     .finish = count_suspended,
     .end = end_suspended},
};

static enum step biztalk_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in,
                              struct request *out, struct seen *seen)
{
    enum { QUERIES = sizeof queries / sizeof *queries, HOSTS_TYPICAL = 4 };
    const struct biztalk_conf *own = conf;
    struct biztalk_state *mine = state;
    struct wmi_query all[QUERIES];
    memcpy(all, queries, sizeof queries);
    for (size_t i = 0; i < QUERIES; i++) {
        all[i].optional = true; /* a cluster's node need not be a server of the BizTalk group */
        if (all[i].kind != FOUND_INSTANCE)
            all[i].every = (uint16_t)own->slow_every;
        if (all[i].kind == FOUND_LOCATION) /* a location that was just disabled must not look idle for long */
            all[i].every = (uint16_t)(own->slow_every / 4 ? own->slow_every / 4 : 1);
        if (all[i].kind == FOUND_SUSPENDED)
            all[i].items_max = (uint32_t)own->suspended_max * HOSTS_TYPICAL;
    }
    mine->suspended_max = own->suspended_max;
    mine->talk.own = mine;
    return wmi_step(&mine->talk, all, QUERIES, context, in, out, seen);
}

static const struct field fields[] = {
    {"slow_every", FIELD_INTEGER, FIELD(struct biztalk_conf, slow_every), 0, 1, 1000, "20", NULL,
     "Hosts, handlers and suspended instances are read in every n-th round, receive locations four times as often."},
    {"suspended_max", FIELD_INTEGER, FIELD(struct biztalk_conf, suspended_max), 0, 1, 5000, "1000", NULL,
     "Suspended instances are counted up to so many per host."},
    {0}};

const struct probe_type probe_biztalk = {
    .name = "biztalk",
    .help = "A BizTalk group as one of its servers tells it, over WinRM.",
    .fields = fields,
    .conf_size = sizeof(struct biztalk_conf),
    .state_size = sizeof(struct biztalk_state),
    .estate = true,
    .step = biztalk_step,
};
