/* A Windows cluster → its sources: each node is asked by each of the cluster's own probes. Must not read files. */
#include <stdlib.h>
#include <string.h>

#include "compiling.h"
#include "values.h"

enum { WINRM_PORT = 5986, WINRM_PLAIN_PORT = 5985, AUTH_DEFAULT = 0 };

static const struct conf_credential *credential_named(const struct config *config, const char *name)
{
    for (size_t i = 0; name && i < config->credentials.count; i++) {
        const struct conf_credential *credential = ENTRY(config->credentials, conf_credential, i);
        if (strcmp(credential->entry.name, name) == 0)
            return credential;
    }
    return NULL;
}

static uint8_t auth_of(const struct conf_credential *credential)
{
    static const uint8_t ways[] = {HTTP_AUTH_NONE, HTTP_AUTH_KERBEROS, HTTP_AUTH_NTLM, HTTP_AUTH_BASIC};
    if (credential->auth != AUTH_DEFAULT)
        return ways[credential->auth];
    return credential->keytab_file ? HTTP_AUTH_KERBEROS : HTTP_AUTH_NTLM;
}

static const char *first_address(const struct conf_node *node)
{
    const char *address = node->addresses.count ? node->addresses.items[0] : NULL;
    return address && !strchr(address, '/') ? address : NULL;
}

static const struct http_target *winrm_target(struct compile *compile, const struct conf_windows *windows, const struct conf_node *node,
                                              const char *credential_name)
{
    const struct conf_winrm *winrm = &windows->winrm;
    const struct conf_credential *credential = credential_named(compile->config, credential_name);
    struct http_target *target = arena_take(compile->arena, sizeof *target);
    uint16_t port = winrm->port ? (uint16_t)winrm->port : winrm->plain_http ? WINRM_PLAIN_PORT : WINRM_PORT;
    *target = (struct http_target){.host = node->dns_name,
                                   .address = first_address(node),
                                   .port = port,
                                   .plain = winrm->plain_http,
                                   .insecure = !winrm->verify,
                                   .ca_file = winrm->ca_file,
                                   .server_name = node->dns_name,
                                   .pin = winrm->pin,
                                   .auth = auth_of(credential),
                                   .credential = credential_name,
                                   .user = credential->user,
                                   .password_file = credential->password_file,
                                   .keytab_file = credential->keytab_file};
    target->url = arena_print(compile->arena, "%s://%s:%u/wsman", winrm->plain_http ? "http" : "https", node->dns_name, port);
    return target;
}

static const struct http_target *exporter_target(struct compile *compile, const struct conf_exporter *exporter,
                                                 const struct conf_node *node)
{
    struct http_target *target = arena_take(compile->arena, sizeof *target);
    *target = (struct http_target){.host = node->dns_name,
                                   .address = first_address(node),
                                   .port = (uint16_t)exporter->port,
                                   .plain = !exporter->tls,
                                   .insecure = exporter->tls && !exporter->verify,
                                   .ca_file = exporter->ca_file,
                                   .server_name = node->dns_name,
                                   .auth = HTTP_AUTH_NONE,
                                   .url = ""};
    return target;
}

static const struct snmp_target *snmp_target(struct compile *compile, const struct conf_snmp_host *conf, const char *host)
{
    struct snmp_target *target = arena_take(compile->arena, sizeof *target);
    *target = (struct snmp_target){.host = host, .port = (uint16_t)conf->port, .community_file = conf->community_file, .user = conf->user};
    const struct conf_snmp *snmp = compile->config->snmp;
    for (size_t i = 0; conf->user && snmp && i < snmp->users.count; i++) {
        const struct conf_snmp_user *user = ENTRY(snmp->users, conf_snmp_user, i);
        if (strcmp(user->entry.name, conf->user) != 0)
            continue;
        target->level = user->level;
        target->auth = user->auth;
        target->priv = user->priv;
        target->auth_file = user->auth_file;
        target->priv_file = user->priv_file;
    }
    return target;
}

struct place_of { /* which node of which cluster */
    size_t cluster;
    uint8_t node;
    const struct conf_cluster *conf;
};

static struct source_conf *add_source(struct compile *compile, const struct place_of *where, const char *probe,
                                      const struct probe_type *type, const struct conf_windows_probe *conf)
{
    const struct conf_node *node = ENTRY(where->conf->nodes, conf_node, where->node);
    size_t at = compile->source_count++;
    subject_t subject = subject_of(SUBJECT_CLUSTER, where->cluster);
    compile->sources[at] =
        (struct policy_source){.name = arena_print(compile->arena, "%s/%s@%s", where->conf->entry.name, probe, node->entry.name),
                               .target = subject,
                               .cluster = (uint16_t)where->cluster,
                               .node = where->node,
                               .control = true,
                               .estate = true,
                               .interval = conf->schedule.every,
                               .timeout = conf->schedule.timeout,
                               .rise = (uint8_t)conf->schedule.rise,
                               .fall = (uint8_t)conf->schedule.fall};
    compile->compiled->sources[at] = (struct source_conf){.type = type,
                                                          .conf = conf->conf,
                                                          .host = node->dns_name,
                                                          .node = node->entry.name,
                                                          .node_address = first_address(node),
                                                          .subject = subject,
                                                          .node_index = where->node,
                                                          .aspect = ASPECT_ENDPOINT,
                                                          .every = conf->schedule.every,
                                                          .timeout = conf->schedule.timeout};
    return &compile->compiled->sources[at];
}

static void add_winrm_source(struct compile *compile, const struct place_of *where, const char *probe, const struct probe_type *type,
                             const struct conf_windows_probe *conf)
{
    const struct conf_windows *windows = &where->conf->windows;
    struct source_conf *source = add_source(compile, where, probe, type, conf);
    source->http = winrm_target(compile, windows, ENTRY(where->conf->nodes, conf_node, where->node), windows->observe);
    source->credential = windows->observe;
    source->port = source->http->port;
}

static void compile_node(struct compile *compile, const struct place_of *where)
{
    const struct conf_windows *windows = &where->conf->windows;
    const struct conf_node *node = ENTRY(where->conf->nodes, conf_node, where->node);
    add_winrm_source(compile, where, "wsfc", &probe_wsfc, &windows->wsfc);
    add_winrm_source(compile, where, "biztalk", &probe_biztalk, &windows->biztalk);
    add_winrm_source(compile, where, "service", &probe_service, &windows->service);
    add_winrm_source(compile, where, "msmq", &probe_msmq, &windows->msmq);
    if (windows->exporter) {
        struct source_conf *source = add_source(compile, where, "exporter", &probe_exporter, &windows->exporter->probe);
        source->http = exporter_target(compile, windows->exporter, node);
        source->port = source->http->port;
    }
    if (windows->snmp_host) {
        struct source_conf *source = add_source(compile, where, "snmp_host", &probe_snmp_host, &windows->snmp_host->probe);
        source->snmp = snmp_target(compile, windows->snmp_host, first_address(node) ? first_address(node) : node->dns_name);
        source->port = source->snmp->port;
    }
}

/* Speaks for all sources of the cluster together: no probe of its own, so it is never scheduled. */
static void compile_preflight(struct compile *compile, size_t cluster_position, const struct conf_cluster *cluster)
{
    size_t at = compile->source_count++;
    subject_t subject = subject_of(SUBJECT_CLUSTER, cluster_position);
    const struct conf_schedule *schedule = &cluster->windows.wsfc.schedule;
    compile->sources[at] = (struct policy_source){.name = arena_print(compile->arena, "%s/preflight", cluster->entry.name),
                                                  .target = subject,
                                                  .cluster = (uint16_t)cluster_position,
                                                  .node = NODE_NONE,
                                                  .control = true,
                                                  .interval = schedule->every,
                                                  .timeout = schedule->timeout,
                                                  .rise = 1,
                                                  .fall = 1};
    compile->compiled->sources[at] =
        (struct source_conf){.subject = subject, .node_index = NODE_NONE, .every = schedule->every, .timeout = schedule->timeout};
    compile->clusters[cluster_position].preflight = (uint16_t)at;
}

static const struct policy_windows *windows_policy(struct compile *compile, const struct conf_windows *windows)
{
    struct policy_windows *policy = arena_take(compile->arena, sizeof *policy);
    *policy = (struct policy_windows){.ftp_adapters = windows->ftp_adapters.items,
                                      .sftp_adapters = windows->sftp_adapters.items,
                                      .pop3_adapters = windows->pop3_adapters.items,
                                      .msmq_adapters = windows->msmq_adapters.items,
                                      .disabled_locations = windows->disabled_locations.items,
                                      .counters_of = windows->counters_of.items,
                                      .sso_server = windows->sso_server ? windows->sso_server : "",
                                      .pop3_permits = (uint8_t)windows->pop3_concurrent,
                                      .restart_action = ABSENT,
                                      .restart_threshold = windows->restart_threshold ? windows->restart_threshold : ABSENT,
                                      .queue_stuck_after = windows->queue_stuck_after,
                                      .queue_high = windows->queue_high,
                                      .queue_critical = windows->queue_critical};
    static const char *const nothing[] = {NULL};
    if (!policy->disabled_locations)
        policy->disabled_locations = nothing;
    bool local = true;
    if (!zone_parse(windows->zone, &local, &policy->zone_seconds))
        abort();
    policy->zone_given = !local;
    return policy;
}

static msec_t longer(msec_t left, msec_t right)
{
    return left > right ? left : right;
}

size_t windows_source_count(const struct conf_cluster *cluster)
{
    enum { ALWAYS = 4 };
    if (cluster->type != CLUSTER_WSFC)
        return 0;
    return cluster->nodes.count * (ALWAYS + (size_t)(cluster->windows.exporter != NULL) + (size_t)(cluster->windows.snmp_host != NULL)) + 1;
}

void compile_windows(struct compile *compile, size_t cluster_position)
{
    const struct conf_cluster *cluster = ENTRY(compile->config->clusters, conf_cluster, cluster_position);
    const struct conf_windows *windows = &cluster->windows;
    struct policy_cluster *policy = &compile->clusters[cluster_position];
    policy->preflight = UINT16_MAX;
    if (cluster->type != CLUSTER_WSFC)
        return;
    for (size_t i = 0; i < cluster->nodes.count; i++)
        compile_node(compile, &(struct place_of){cluster_position, (uint8_t)i, cluster});
    compile_preflight(compile, cluster_position, cluster);
    policy->windows = windows_policy(compile, windows);
    policy->control_interval = longer(windows->wsfc.schedule.every, windows->biztalk.schedule.every);
    policy->control_timeout = longer(windows->wsfc.schedule.timeout, windows->biztalk.schedule.timeout);
    policy->pending_timeout = windows->pending_timeout;
    policy->restart_delay = windows->restart_delay;
}

const struct http_target *const *compile_act_targets(struct compile *compile, const struct conf_cluster *cluster)
{
    if (cluster->type != CLUSTER_WSFC || !cluster->windows.act)
        return NULL;
    const struct http_target **targets = arena_take(compile->arena, cluster->nodes.count * sizeof *targets);
    for (size_t i = 0; i < cluster->nodes.count; i++)
        targets[i] = winrm_target(compile, &cluster->windows, ENTRY(cluster->nodes, conf_node, i), cluster->windows.act);
    return targets;
}

void compile_server_snmp(struct compile *compile, size_t server_position)
{
    const struct conf_server *server = ENTRY(compile->config->servers, conf_server, server_position);
    if (!server->snmp_host)
        return;
    const struct conf_schedule *schedule = &server->snmp_host->probe.schedule;
    size_t at = compile->source_count++;
    subject_t subject = subject_of(SUBJECT_SERVER, server_position);
    compile->sources[at] = (struct policy_source){.name = arena_print(compile->arena, "%s/snmp_host", server->entry.name),
                                                  .target = subject,
                                                  .cluster = UINT16_MAX,
                                                  .node = NODE_NONE,
                                                  .estate = true,
                                                  .interval = schedule->every,
                                                  .timeout = schedule->timeout,
                                                  .rise = (uint8_t)schedule->rise,
                                                  .fall = (uint8_t)schedule->fall};
    compile->compiled->sources[at] =
        (struct source_conf){.type = &probe_snmp_host,
                             .conf = server->snmp_host->probe.conf,
                             .host = server->address,
                             .subject = subject,
                             .node_index = NODE_NONE,
                             .aspect = ASPECT_ENDPOINT,
                             .every = schedule->every,
                             .timeout = schedule->timeout,
                             .port = (uint16_t)server->port, /* whose connections count; where to ask is the target's */
                             .snmp = snmp_target(compile, server->snmp_host, server->address)};
}
