/* Who may ask, and where: users and communities read-only on our subtree, addresses, or the AgentX socket. */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "snmp_agent.h"

#include <stdio.h>
#include <string.h>

enum { PING_SECONDS = 2, ADDRESSES_MAX = 8 };

static void set_flag(int which)
{
    netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, which, 1);
}

static void agentx_begin(const struct agent_start *start)
{
    char socket[256];
    snprintf(socket, sizeof socket, "%s%s", start->conf->agentx[0] == '/' ? "unix:" : "", start->conf->agentx);
    set_flag(NETSNMP_DS_AGENT_ROLE);
    set_flag(NETSNMP_DS_AGENT_NO_CONNECTION_WARNINGS);
    netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, socket);
    init_agent("solowarden");
    /* init_agent sets both to its own taste; a longer wait per call would only keep a hung snmpd's socket busy */
    netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, PING_SECONDS);
    netsnmp_ds_set_int(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_RETRIES, 0);
}

static void allow_v2c(const struct agent_start *start, char error[ENGINE_ERROR_BYTES])
{
    char community[KEY_MAX], line[KEY_MAX + 128];
    if (!start->conf->allow_v2c || !start->conf->community_file || !community_read(start->conf->community_file, community, error))
        return;
    snprintf(line, sizeof line, "rocommunity %s default ." TREE_ROOT_TEXT, community);
    netsnmp_config_remember(line);
    snprintf(line, sizeof line, "rocommunity6 %s default ." TREE_ROOT_TEXT, community);
    netsnmp_config_remember(line);
    secret_wipe(community, sizeof community);
    secret_wipe(line, sizeof line);
}

void agent_access_begin(const struct agent_start *start, char error[ENGINE_ERROR_BYTES])
{
    static const char *const levels[] = {"noauth", "auth", "priv"};
    const struct conf_snmp_user *users = start->conf->users.entries;
    char line[256];
    error[0] = '\0';
    if (start->conf->agentx) {
        agentx_begin(start);
        return;
    }
    set_flag(NETSNMP_DS_AGENT_NO_ROOT_ACCESS);
    set_flag(NETSNMP_DS_AGENT_DONT_LOG_TCPWRAPPERS_CONNECTS);
    init_agent("solowarden");
    engine_identity(start->agent_name, start->boots);
    for (size_t i = 0; i < start->conf->users.count; i++) {
        snprintf(line, sizeof line, "rouser %s %s ." TREE_ROOT_TEXT, users[i].entry.name, levels[users[i].level]);
        netsnmp_config_remember(line);
    }
    allow_v2c(start, error);
    for (size_t i = 0; start->lines && start->lines[i]; i++)
        netsnmp_config_remember((char *)(uintptr_t)start->lines[i]);
}

void agent_access_users(const struct agent_start *start, char error[ENGINE_ERROR_BYTES])
{
    const struct conf_snmp_user *users = start->conf->users.entries;
    uint8_t engine[ENGINE_ID_MAX];
    size_t length = engine_id(start->agent_name, engine);
    for (size_t i = 0; i < start->conf->users.count && !start->conf->agentx; i++) {
        struct user_keys keys;
        if (user_keys(&users[i], &keys, error) && !user_add(users[i].entry.name, &keys, engine, length))
            snprintf(error, ENGINE_ERROR_BYTES, "snmp user %s: cannot be made", users[i].entry.name);
        secret_wipe(&keys, sizeof keys);
    }
}

bool agent_access_listen(const char *addresses, char error[ENGINE_ERROR_BYTES])
{
    static bool open[ADDRESSES_MAX];
    bool all = true;
    size_t number = 0;
    for (const char *at = addresses; *at && number < ADDRESSES_MAX; number++) {
        char address[128];
        size_t length = strcspn(at, ",");
        snprintf(address, sizeof address, "%.*s", (int)length, at);
        at += length + (at[length] == ',');
        if (open[number])
            continue;
        engine_forget_complaint();
        open[number] = netsnmp_agent_listen_on(address) > 0;
        if (open[number])
            continue;
        all = false;
        snprintf(error, ENGINE_ERROR_BYTES, "%s: %s", address, reason_text(REASON_PORT_TAKEN));
    }
    return all;
}
