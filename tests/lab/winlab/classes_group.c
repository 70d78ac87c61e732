/* root/MicrosoftBizTalkServer: suspended work, the BizTalk group, which server has which host. */
#include <string.h>

#include "answers.h"

#define BIZTALK "root/MicrosoftBizTalkServer"
#define PROPERTIES(list) list, sizeof(list) / sizeof(list[0])
#define OVERRIDES(first) [first] = {"MgmtDbNameOverride", true}, [(first) + 1] = {"MgmtDbServerOverride", true}

/* ---- MSBTS_ServiceInstance: suspended ones ---- */

enum { SUSPENDED_ID, SUSPENDED_DATABASE, SUSPENDED_SERVER, SUSPENDED_HOST, SUSPENDED_STATUS, SUSPENDED_CLASS, SUSPENDED_ERROR };
static const struct class_property suspended_properties[] = {
    [SUSPENDED_ID] = {"InstanceID", true},       OVERRIDES(SUSPENDED_DATABASE),
    [SUSPENDED_HOST] = {"HostName", false},      [SUSPENDED_STATUS] = {"ServiceStatus", false},
    [SUSPENDED_CLASS] = {"ServiceClass", false}, [SUSPENDED_ERROR] = {"ErrorDescription", false}};

static size_t suspended_of(const struct host *host)
{
    return (size_t)(host->as->suspended + host->as->suspended_for_good);
}

static size_t suspended_count(const struct world *world, size_t node)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    size_t count = 0;
    for (size_t i = 0; i < cluster->host_count; i++)
        count += suspended_of(&cluster->hosts[i]);
    return count;
}

static void suspended_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct host *host = cluster_of(world, node)->hosts;
    size_t within = position;
    for (; within >= suspended_of(host); host++)
        within -= suspended_of(host);
    put_null(out);
    switch (property) {
    case SUSPENDED_ID:
        put_text(out, "{%08zx-0000-4000-9000-000000000000}", position + 1);
        break;
    case SUSPENDED_HOST:
        put_text(out, "%s", host->as->entry.name);
        break;
    case SUSPENDED_STATUS:
        put_number(out, within < (size_t)host->as->suspended ? 4 : 32);
        break;
    case SUSPENDED_CLASS:
        put_number(out, 4);
        break;
    case SUSPENDED_ERROR:
        put_text(out, "There was a failure executing the receive pipeline.");
        break;
    default:
        put_text(out, "%s", "");
    }
}

const struct class class_service_instance = {BIZTALK,         "MSBTS_ServiceInstance", PROPERTIES(suspended_properties),
                                             suspended_count, suspended_value,         NULL};

/* ---- MSBTS_GroupSetting ---- */

enum { GROUP_NAME, GROUP_DATABASE, GROUP_SERVER, GROUP_SSO, GROUP_DB, GROUP_DB_SERVER, GROUP_MAJOR, GROUP_MINOR };
static const struct class_property group_properties[] = {[GROUP_NAME] = {"Name", true},
                                                         OVERRIDES(GROUP_DATABASE),
                                                         [GROUP_SSO] = {"SSOServerName", false},
                                                         [GROUP_DB] = {"MgmtDbName", false},
                                                         [GROUP_DB_SERVER] = {"MgmtDbServerName", false},
                                                         [GROUP_MAJOR] = {"MajorVersion", false},
                                                         [GROUP_MINOR] = {"MinorVersion", false}};

static size_t one(const struct world *world, size_t node)
{
    (void)world, (void)node;
    return 1;
}

static void group_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    (void)position;
    const struct lab_cluster *cluster = cluster_of(world, node);
    const struct scenario_biztalk *biztalk = &cluster->as->biztalk;
    put_null(out);
    switch (property) {
    case GROUP_NAME:
    case GROUP_DB:
        put_text(out, "%s", biztalk->group);
        break;
    case GROUP_SSO:
        put_text(out, "%s", biztalk->sso_server[0] ? biztalk->sso_server : cluster->nodes[0].as->entry.name);
        break;
    case GROUP_DB_SERVER:
        put_text(out, "WINLABSQL");
        break;
    case GROUP_MAJOR:
        put_number(out, 3);
        break;
    case GROUP_MINOR:
        put_number(out, 13);
        break;
    default:
        put_text(out, "%s", "");
    }
}

const struct class class_group_setting = {BIZTALK, "MSBTS_GroupSetting", PROPERTIES(group_properties), one, group_value, NULL};

/* ---- MSBTS_ServerHost: every pair ---- */

enum { PAIR_SERVER, PAIR_HOST, PAIR_DATABASE, PAIR_DATABASE_SERVER, PAIR_MAPPED };
static const struct class_property pair_properties[] = {
    [PAIR_SERVER] = {"ServerName", true}, [PAIR_HOST] = {"HostName", true}, OVERRIDES(PAIR_DATABASE), [PAIR_MAPPED] = {"IsMapped", false}};

static size_t pair_count(const struct world *world, size_t node)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    return cluster->host_count * cluster->node_count;
}

static void pair_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct lab_cluster *cluster = cluster_of(world, node);
    const struct host *host = &cluster->hosts[position / cluster->node_count];
    size_t server = position % cluster->node_count;
    put_null(out);
    if (property == PAIR_SERVER)
        put_text(out, "%s", cluster->nodes[server].as->entry.name);
    else if (property == PAIR_HOST)
        put_text(out, "%s", host->as->entry.name);
    else if (property == PAIR_MAPPED)
        put_boolean(out, host->instances[server] != NOWHERE);
    else
        put_text(out, "%s", "");
}

const struct class class_server_host = {BIZTALK, "MSBTS_ServerHost", PROPERTIES(pair_properties), pair_count, pair_value, NULL};
