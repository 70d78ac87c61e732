/* Checks of what a Windows cluster is configured with, and of the credentials that it uses. */
#include <string.h>

#include "crosschecking.h"
#include "values.h"

enum { AUTH_DEFAULT, AUTH_KERBEROS, AUTH_NTLM, AUTH_BASIC };

static const struct conf_credential *credential_named(const struct check *check, const char *name)
{
    for (size_t i = 0; name && i < check->config->credentials.count; i++) {
        const struct conf_credential *credential = (const struct conf_credential *)check->config->credentials.entries + i;
        if (strcmp(credential->entry.name, name) == 0)
            return credential;
    }
    return NULL;
}

static void check_credential(const struct check *check, const struct conf_credential *credential)
{
    struct node *node = AT(check, "credentials", credential->entry.name), *auth = node_get(node, "auth");
    bool password = node_get(node, "password_file"), keytab = node_get(node, "keytab_file");
    if (node->complained)
        return;
    if (!password && !keytab)
        complain_node(check->reading, check_name(node), "`password_file` is missing in %s (or `keytab_file`, for Kerberos)",
                      credential->entry.name);
    else if (credential->auth == AUTH_KERBEROS && !keytab)
        complain_node(check->reading, auth, "`auth: kerberos` needs `keytab_file`");
    else if ((credential->auth == AUTH_NTLM || credential->auth == AUTH_BASIC) && !password)
        complain_node(check->reading, auth, "`auth: %s` needs `password_file`", auth->text);
}

/* Protocols that know passwords only. */
static void check_password(const struct check *check, const struct conf_server *server)
{
    const struct conf_credential *credential = server->probe ? credential_named(check, server->probe->credential) : NULL;
    if (credential && !credential->password_file && credential->keytab_file)
        complain_node(check->reading, AT(check, "servers", server->entry.name, "probe", "credential"),
                      "`%s` has a keytab, but this server wants a password: `password_file`", credential->entry.name);
}

void check_credentials(const struct check *check)
{
    for (size_t i = 0; i < check->config->credentials.count; i++)
        check_credential(check, (const struct conf_credential *)check->config->credentials.entries + i);
    for (size_t i = 0; i < check->config->servers.count; i++)
        check_password(check, (const struct conf_server *)check->config->servers.entries + i);
}

void check_snmp_host(const struct check *check, const struct conf_snmp_host *host, struct node *node)
{
    if (!host)
        return;
    struct node *user = node_get(node, "user"), *community = node_get(node, "community_file");
    check_schedule(check, &host->probe.schedule, node);
    if (user && community)
        complain_node(check->reading, community, "either `user` (SNMPv3) or `community_file` (v2c), not both");
    else if (!user && !community)
        complain_node(check->reading, check_name(node), "`snmp_host` needs `user` (SNMPv3) or `community_file` (v2c)");
    else if (community && !(check->config->snmp && check->config->snmp->allow_v2c))
        complain_node(check->reading, community,
                      "v2c sends its community in plain text; if that is acceptable, say `allow_v2c: true` under `snmp:`");
}

static void check_winrm(const struct check *check, const struct conf_cluster *cluster, const char *which, const char *name)
{
    const struct conf_credential *credential = credential_named(check, name);
    if (credential && credential->auth == AUTH_BASIC && cluster->windows.winrm.plain_http)
        complain_node(check->reading, AT(check, "clusters", cluster->entry.name, which),
                      "`%s` logs in with `auth: basic`, which over `plain_http` shows the password to everybody on the way", name);
}

static void check_hosts(const struct check *check, const struct conf_cluster *cluster, size_t position)
{
    const struct conf_group *groups = cluster->groups.entries, *group = &groups[position];
    struct node *list = AT(check, "clusters", cluster->entry.name, "groups", group->entry.name, "hosts");
    for (size_t i = 0; i < group->hosts.count; i++)
        for (size_t j = 0; j < position; j++)
            for (size_t k = 0; k < groups[j].hosts.count; k++)
                if (strcmp(groups[j].hosts.items[k], group->hosts.items[i]) == 0)
                    complain_node(check->reading, list->items[i], "host `%s` is in group `%s` already", group->hosts.items[i],
                                  groups[j].entry.name);
}

/* What is done on Windows has not been proven on Windows yet, so a human being looks at every single plan. */
static void check_mode(const struct check *check, const struct conf_cluster *cluster, const struct conf_group *group)
{
    struct node *node = AT(check, "clusters", cluster->entry.name, "groups", group->entry.name), *mode = node_get(node, "mode");
    if (!mode)
        return;
    if (group->mode == MODE_AUTO)
        complain_node(check->reading, mode, "`mode: auto` is not open for a cluster of type wsfc yet; `confirm` asks before it acts");
    else if (group->mode == MODE_CONFIRM && !cluster->windows.act)
        complain_node(check->reading, mode, "`mode: confirm` needs an account that may act: `act:` of cluster `%s`", cluster->entry.name);
}

void check_windows(const struct check *check, const struct conf_cluster *cluster)
{
    const struct conf_windows *windows = &cluster->windows;
    struct node *node = AT(check, "clusters", cluster->entry.name), *snmp_host = node_get(node, "snmp_host");
    const struct {
        const char *key;
        const struct conf_windows_probe *probe;
    } probes[] = {{"wsfc", &windows->wsfc}, {"biztalk", &windows->biztalk}, {"service", &windows->service}, {"msmq", &windows->msmq}};
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        const struct node *written = node_get(node, probes[i].key);
        if (written)
            check_schedule(check, &probes[i].probe->schedule, written);
    }
    bool local;
    int32_t seconds;
    if (windows->zone && !zone_parse(windows->zone, &local, &seconds))
        complain_node(check->reading, node_get(node, "zone"), "expected local, UTC or an offset such as '+02:00'");
    if (windows->exporter)
        check_schedule(check, &windows->exporter->probe.schedule, node_get(node, "exporter"));
    if (snmp_host)
        check_snmp_host(check, windows->snmp_host, snmp_host);
    check_winrm(check, cluster, "observe", windows->observe);
    check_winrm(check, cluster, "act", windows->act);
    for (size_t i = 0; i < cluster->groups.count; i++) {
        check_mode(check, cluster, (const struct conf_group *)cluster->groups.entries + i);
        check_hosts(check, cluster, i);
    }
}
