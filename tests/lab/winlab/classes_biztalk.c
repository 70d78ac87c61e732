/* root/MicrosoftBizTalkServer but for host instances: hosts, handlers, locations, suspended work, the group. */
#include <string.h>
#include <strings.h>

#include "answers.h"

#define BIZTALK "root/MicrosoftBizTalkServer"
#define PROPERTIES(list) list, sizeof(list) / sizeof(list[0])

/* Every class has these, and they are keys. */
#define OVERRIDES(first) [first] = {"MgmtDbNameOverride", true}, [(first) + 1] = {"MgmtDbServerOverride", true}

/* ---- MSBTS_HostSetting ---- */

enum { SETTING_NAME, SETTING_DATABASE, SETTING_SERVER, SETTING_GROUP, SETTING_TYPE, SETTING_DEFAULT, SETTING_32_BIT, SETTING_TRACKING };
static const struct class_property setting_properties[] = {[SETTING_NAME] = {"Name", true},
                                                           OVERRIDES(SETTING_DATABASE),
                                                           [SETTING_GROUP] = {"ClusterResourceGroupName", false},
                                                           [SETTING_TYPE] = {"HostType", false},
                                                           [SETTING_DEFAULT] = {"IsDefault", false},
                                                           [SETTING_32_BIT] = {"IsHost32BitOnly", false},
                                                           [SETTING_TRACKING] = {"HostTracking", false}};

static size_t host_count(const struct world *world, size_t node)
{
    return cluster_of(world, node)->host_count;
}

static void setting_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    const struct host *host = &cluster->hosts[position];
    put_null(out);
    switch (property) {
    case SETTING_NAME:
        put_text(out, "%s", host->as->entry.name);
        break;
    case SETTING_GROUP:
        put_text(out, "%s", host->resource == NOWHERE ? "" : cluster->groups[cluster->resources[host->resource].group].name);
        break;
    case SETTING_TYPE:
        put_number(out, host->as->isolated ? 2 : 1);
        break;
    case SETTING_DEFAULT:
        put_boolean(out, position == 0);
        break;
    case SETTING_32_BIT:
        put_boolean(out, host->as->only_32_bit);
        break;
    case SETTING_TRACKING:
        put_boolean(out, false);
        break;
    default:
        put_text(out, "%s", "");
    }
}

const struct class class_host_setting = {BIZTALK, "MSBTS_HostSetting", PROPERTIES(setting_properties), host_count, setting_value, NULL};

/* ---- MSBTS_ReceiveLocation ---- */

enum {
    LOCATION_NAME,
    LOCATION_PORT,
    LOCATION_DATABASE,
    LOCATION_SERVER,
    LOCATION_ADAPTER,
    LOCATION_HOST,
    LOCATION_URL,
    LOCATION_DISABLED,
    LOCATION_PRIMARY,
    LOCATION_PIPELINE,
    LOCATION_CONFIGURATION,
    LOCATION_WINDOW,
    LOCATION_WINDOW_START,
    LOCATION_WINDOW_STOP,
    LOCATION_STARTS,
    LOCATION_STOPS,
    LOCATION_START,
    LOCATION_STOP
};
static const struct class_property location_properties[] = {[LOCATION_NAME] = {"Name", true},
                                                            [LOCATION_PORT] = {"ReceivePortName", true},
                                                            OVERRIDES(LOCATION_DATABASE),
                                                            [LOCATION_ADAPTER] = {"AdapterName", false},
                                                            [LOCATION_HOST] = {"HostName", false},
                                                            [LOCATION_URL] = {"InboundTransportURL", false},
                                                            [LOCATION_DISABLED] = {"IsDisabled", false},
                                                            [LOCATION_PRIMARY] = {"IsPrimary", false},
                                                            [LOCATION_PIPELINE] = {"PipelineName", false},
                                                            [LOCATION_CONFIGURATION] = {"CustomCfg", false},
                                                            [LOCATION_WINDOW] = {"OperatingWindowEnabled", false},
                                                            [LOCATION_WINDOW_START] = {"SrvWinStartDT", false},
                                                            [LOCATION_WINDOW_STOP] = {"SrvWinStopDT", false},
                                                            [LOCATION_STARTS] = {"StartDateEnabled", false},
                                                            [LOCATION_STOPS] = {"StopDateEnabled", false},
                                                            [LOCATION_START] = {"ActiveStartDT", false},
                                                            [LOCATION_STOP] = {"ActiveStopDT", false}};

static size_t location_count(const struct world *world, size_t node)
{
    return cluster_of(world, node)->location_count;
}

static void put_window(const struct scenario_location *as, size_t property, struct value *out)
{
    int64_t minute = property == LOCATION_WINDOW_START ? as->window_start : as->window_stop;
    bool windowed = as->window_start >= 0 && as->window_stop >= 0;
    if (property == LOCATION_WINDOW) {
        put_boolean(out, windowed);
    } else if (windowed) { /* the day means nothing */
        put_text(out, "2000-01-01T%02d:%02d:00Z", (int)(minute / 60), (int)(minute % 60));
        out->type = VALUE_DATETIME;
    }
}

static void location_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct location *location = &cluster_of(world, node)->locations[position];
    const struct scenario_location *as = location->as;
    put_null(out);
    switch (property) {
    case LOCATION_NAME:
        put_text(out, "%s", location->name);
        break;
    case LOCATION_PORT:
        put_text(out, "%s", as->port[0] ? as->port : location->name);
        break;
    case LOCATION_ADAPTER:
        put_text(out, "%s", as->adapter);
        break;
    case LOCATION_HOST:
        put_text(out, "%s", as->host);
        break;
    case LOCATION_URL:
        put_text(out, "%s", as->url);
        break;
    case LOCATION_DISABLED:
        put_boolean(out, !location->enabled);
        break;
    case LOCATION_PRIMARY:
        put_boolean(out, true);
        break;
    case LOCATION_PIPELINE:
        put_text(out, "Microsoft.BizTalk.DefaultPipelines.PassThruReceive");
        break;
    case LOCATION_CONFIGURATION: /* whoever asks for it shows that he should not have */
        put_text(out, "<CustomProps><AdapterConfig vt=\"8\">&lt;Config&gt;&lt;userName&gt;shop&lt;/userName&gt;"
                      "&lt;password&gt;winlab-never-ask-for-this&lt;/password&gt;&lt;/Config&gt;</AdapterConfig></CustomProps>");
        break;
    case LOCATION_WINDOW:
    case LOCATION_WINDOW_START:
    case LOCATION_WINDOW_STOP:
        put_window(as, property, out);
        break;
    case LOCATION_STARTS:
    case LOCATION_STOPS:
        put_boolean(out, false);
        break;
    case LOCATION_DATABASE:
    case LOCATION_SERVER:
        put_text(out, "%s", "");
        break;
    default:
        break;
    }
}

static enum invoke_outcome location_invoke(struct world *world, size_t node, size_t position, const char *method,
                                           const struct parameter *parameters, size_t parameter_count, struct invoke_result *result)
{
    (void)parameters, (void)parameter_count;
    bool enable = strcmp(method, "Enable") == 0;
    if (!enable && strcmp(method, "Disable") != 0)
        return INVOKE_NO_SUCH_METHOD;
    cluster_of(world, node)->locations[position].enabled = enable;
    result->returned = 0;
    return INVOKE_DONE;
}

const struct class class_receive_location = {BIZTALK,        "MSBTS_ReceiveLocation", PROPERTIES(location_properties),
                                             location_count, location_value,          location_invoke};

/* ---- MSBTS_ReceiveHandler: one per adapter and host that some location uses ---- */

enum { HANDLER_ADAPTER, HANDLER_HOST, HANDLER_DATABASE, HANDLER_SERVER, HANDLER_CONFIGURATION, HANDLER_SWITCH };
static const struct class_property handler_properties[] = {[HANDLER_ADAPTER] = {"AdapterName", true},
                                                           [HANDLER_HOST] = {"HostName", true},
                                                           OVERRIDES(HANDLER_DATABASE),
                                                           [HANDLER_CONFIGURATION] = {"CustomCfg", false},
                                                           [HANDLER_SWITCH] = {"HostNameToSwitchTo", false}};

static bool is_first(const struct lab_cluster *cluster, size_t position)
{
    const struct scenario_location *as = cluster->locations[position].as;
    for (size_t i = 0; i < position; i++)
        if (cluster->locations[i].host == cluster->locations[position].host &&
            strcasecmp(cluster->locations[i].as->adapter, as->adapter) == 0)
            return false;
    return true;
}

static size_t handler_count(const struct world *world, size_t node)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    size_t count = 0;
    for (size_t i = 0; i < cluster->location_count; i++)
        count += is_first(cluster, i);
    return count;
}

static void handler_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    size_t at = 0;
    while (!is_first(cluster, at) || position-- > 0)
        at++;
    put_null(out);
    if (property == HANDLER_ADAPTER)
        put_text(out, "%s", cluster->locations[at].as->adapter);
    else if (property == HANDLER_HOST)
        put_text(out, "%s", cluster->locations[at].as->host);
    else if (property == HANDLER_CONFIGURATION)
        put_text(out, "<CustomProps><AdapterConfig vt=\"8\">winlab-never-ask-for-this</AdapterConfig></CustomProps>");
    else if (property != HANDLER_SWITCH)
        put_text(out, "%s", "");
}

const struct class class_receive_handler = {BIZTALK,       "MSBTS_ReceiveHandler", PROPERTIES(handler_properties),
                                            handler_count, handler_value,          NULL};
