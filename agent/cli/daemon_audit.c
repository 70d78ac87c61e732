/* The daemon's side of `audit` and `discover`. See daemon_audit.h. */
#include "daemon_audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/show/text.h"

enum { FINDINGS_MAX = 4000 /* of a verdict */, LOCATIONS_MAX = 4000, CLEAN_BYTES = 600 };

static json_t *text(const char *value)
{
    char clean[CLEAN_BYTES];
    text_clean(clean, sizeof clean, value, strlen(value));
    json_t *string = json_string(clean);
    return string ? string : json_string("?");
}

static json_t *refuse(const char *error, const char *cure)
{
    return json_pack("{s:b,s:s,s:s}", "ok", 0, "error", error, "cure", cure);
}

/* Is it asked about this one? */
static bool is_wanted(const struct audit_input *input, uint16_t cluster, const json_t *arguments)
{
    const char *name = json_string_value(json_object_get(arguments, "cluster"));
    return input->estates[cluster] && (!name || strcmp(name, input->policy->clusters[cluster].name) == 0);
}

static bool any_wanted(const struct audit_input *input, const json_t *arguments)
{
    for (uint16_t i = 0; i < input->policy->cluster_count; i++)
        if (is_wanted(input, i, arguments))
            return true;
    return false;
}

static json_t *no_such_cluster(void)
{
    return refuse("there is no Windows cluster of that name", "name one of type wsfc, as the configuration does; or none for all");
}

/* ---- audit ---- */

struct auditing {
    const struct audit_input *input;
    json_t *findings[3], *rules;
    json_int_t counts[3], hints, rules_violated, dropped;
    uint16_t rule, violated; /* asked for; the last one that was found violated */
    bool all, told[256];
};

static const char *const verdicts[] = {"unknown", "violated", "fulfilled"};

static void add_rule(struct auditing *auditing, const struct audit_rule *rule)
{
    if (rule->id >= sizeof auditing->told || auditing->told[rule->id])
        return;
    auditing->told[rule->id] = true;
    json_array_append_new(auditing->rules, json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s}", "rule", (int)rule->id, "name", rule->name, "severity",
                                                     audit_severity_name(rule->severity), "text", rule->rule, "why", rule->why, "page",
                                                     rule->page, "cure", rule->cure));
}

static void add_finding(void *context, const struct audit_finding *finding)
{
    struct auditing *auditing = context;
    if (auditing->rule && finding->rule->id != auditing->rule)
        return;
    if (finding->verdict == NO && finding->severity == AUDIT_INFO) {
        auditing->hints++;
    } else {
        auditing->counts[finding->verdict]++;
        auditing->rules_violated += finding->verdict == NO && auditing->violated != finding->rule->id;
        auditing->violated = finding->verdict == NO ? finding->rule->id : auditing->violated;
    }
    if (finding->verdict == YES && !auditing->all)
        return;
    if (json_array_size(auditing->findings[finding->verdict]) >= FINDINGS_MAX) {
        auditing->dropped++;
        return;
    }
    add_rule(auditing, finding->rule);
    bool unknown = finding->verdict == UNKNOWN;
    json_t *row = json_pack("{s:s,s:i,s:s,s:s,s:s}", "cluster", auditing->input->policy->clusters[finding->cluster].name, "rule",
                            (int)finding->rule->id, "name", finding->rule->name, "verdict", verdicts[finding->verdict], "severity",
                            audit_severity_name(finding->severity));
    json_object_set_new(row, "kind", json_string(audit_kind_name(finding->kind)));
    json_object_set_new(row, "subject", text(finding->subject));
    json_object_set_new(row, "node", text(finding->node));
    json_object_set_new(row, "evidence", text(finding->evidence));
    json_object_set_new(row, "reason", json_string(unknown ? reason_name(finding->reason) : ""));
    json_object_set_new(row, "cure",
                        json_string(unknown                  ? reason_cure(finding->reason)
                                    : finding->verdict == NO ? finding->rule->cure
                                                             : ""));
    json_array_append_new(auditing->findings[finding->verdict], row);
}

static json_t *audit_one(struct auditing *auditing, struct audit_view *view, uint16_t cluster)
{
    memset(auditing->counts, 0, sizeof auditing->counts);
    auditing->hints = auditing->rules_violated = auditing->violated = 0;
    audit_next_cluster(view, cluster, add_finding, auditing);
    return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}", "cluster", auditing->input->policy->clusters[cluster].name, "violated",
                     auditing->counts[NO], "rules", auditing->rules_violated, "hints", auditing->hints, "unchecked",
                     auditing->counts[UNKNOWN], "fulfilled", auditing->counts[YES]);
}

json_t *daemon_audit(const struct audit_input *input, const json_t *arguments)
{
    struct auditing auditing = {.input = input,
                                .findings = {json_array(), json_array(), json_array()},
                                .rules = json_array(),
                                .rule = (uint16_t)json_integer_value(json_object_get(arguments, "rule")),
                                .all = json_is_true(json_object_get(arguments, "all"))};
    json_t *clusters = json_array(), *all = json_array();
    void *memory = malloc(audit_size());
    struct audit_view *view = memory ? audit_open(memory, input) : NULL;
    for (uint16_t i = 0; view && i < input->policy->cluster_count; i++)
        if (is_wanted(input, i, arguments))
            json_array_append_new(clusters, audit_one(&auditing, view, i));
    free(memory);
    static const uint8_t order[] = {NO, UNKNOWN, YES};
    for (unsigned i = 0; i < sizeof order; i++) {
        json_array_extend(all, auditing.findings[order[i]]);
        json_decref(auditing.findings[order[i]]);
    }
    json_t *answer = json_pack("{s:b,s:o,s:o,s:o,s:I}", "ok", 1, "clusters", clusters, "rules", auditing.rules, "findings", all, "dropped",
                               auditing.dropped);
    if (memory && (any_wanted(input, arguments) || !json_object_get(arguments, "cluster")))
        return answer;
    json_decref(answer);
    return memory ? no_such_cluster() : refuse("out of memory", "");
}

/* ---- discover ---- */

static const struct conf_cluster *conf_of(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->clusters.count; i++) {
        const struct conf_cluster *cluster = (const struct conf_cluster *)config->clusters.entries + i;
        if (strcmp(cluster->entry.name, name) == 0)
            return cluster;
    }
    return NULL;
}

/* How the nodes are reached, as far as it was configured. */
static json_t *winrm_of(const struct conf_winrm *winrm)
{
    json_t *row = json_object();
    if (winrm->port)
        json_object_set_new(row, "port", json_integer(winrm->port));
    if (winrm->ca_file)
        json_object_set_new(row, "ca_file", text(winrm->ca_file));
    if (winrm->pin)
        json_object_set_new(row, "pin", text(winrm->pin));
    if (!winrm->verify)
        json_object_set_new(row, "verify", json_false());
    if (winrm->plain_http)
        json_object_set_new(row, "plain_http", json_true());
    return row;
}

static json_t *nodes_of(const struct conf_cluster *cluster)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < cluster->nodes.count; i++) {
        const struct conf_node *node = (const struct conf_node *)cluster->nodes.entries + i;
        json_t *addresses = json_array();
        for (size_t a = 0; a < node->addresses.count; a++)
            json_array_append_new(addresses, text(node->addresses.items[a]));
        json_array_append_new(rows, json_pack("{s:o,s:o,s:o,s:o}", "name", text(node->entry.name), "dns",
                                              text(node->dns_name ? node->dns_name : ""), "computer",
                                              text(node->computer ? node->computer : ""), "addresses", addresses));
    }
    return rows;
}

static const char *auth_word(int64_t auth) /* in the order of the configuration's choice */
{
    static const char *const words[] = {"", "kerberos", "ntlm", "basic"};
    return auth >= 0 && auth < 4 ? words[auth] : "";
}

static json_t *credential_of(const struct config *config, const char *name)
{
    for (size_t i = 0; name && i < config->credentials.count; i++) {
        const struct conf_credential *row = (const struct conf_credential *)config->credentials.entries + i;
        if (strcmp(row->entry.name, name) == 0)
            return json_pack("{s:o,s:o,s:s,s:o,s:o}", "name", text(name), "user", text(row->user), "auth", auth_word(row->auth),
                             "password_file", text(row->password_file ? row->password_file : ""), "keytab_file",
                             text(row->keytab_file ? row->keytab_file : ""));
    }
    return json_null();
}

/* The role that holds a host: by BizTalk's word, else by the resource that runs it. */
static const char *role_of(const struct estate *estate, msec_t now, const char *host)
{
    struct estate_row row;
    uint16_t hosts = estate_best(estate, FOUND_HOST, now), resources = estate_best(estate, FOUND_RESOURCE, now);
    if (hosts != UINT16_MAX && estate_find(estate, hosts, FOUND_HOST, host, "", &row) && !row.absent_at &&
        *((const struct found_host *)row.found)->cluster_group)
        return ((const struct found_host *)row.found)->cluster_group;
    if (resources != UINT16_MAX && estate_resource_of_host(estate, resources, host, &row) && !row.absent_at)
        return ((const struct found_resource *)row.found)->group;
    return "";
}

static const char *adapter_word(const struct policy_windows *windows, const char *adapter)
{
    return name_listed(windows->ftp_adapters, adapter)    ? "ftp"
           : name_listed(windows->sftp_adapters, adapter) ? "sftp"
           : name_listed(windows->pop3_adapters, adapter) ? "pop3"
           : name_listed(windows->msmq_adapters, adapter) ? "msmq"
                                                          : NULL;
}

static json_t *locations_of(const struct audit_input *input, uint16_t cluster)
{
    static const char *const words[] = {"unknown", "no", "yes"};
    const struct estate *estate = input->estates[cluster];
    json_t *rows = json_array();
    uint16_t best = estate_best(estate, FOUND_LOCATION, input->now);
    struct estate_span span = best == UINT16_MAX ? (struct estate_span){0, 0} : estate_span(estate, best, FOUND_LOCATION);
    for (size_t i = 0; i < span.count && json_array_size(rows) < LOCATIONS_MAX; i++) {
        const struct estate_row row = estate_row(estate, FOUND_LOCATION, span.first + i);
        const struct found_location *location = row.found;
        const char *adapter = row.absent_at ? NULL : adapter_word(input->policy->clusters[cluster].windows, location->adapter);
        if (!adapter)
            continue;
        json_array_append_new(rows, json_pack("{s:o,s:s,s:o,s:o,s:o,s:s}", "name", text(location->name), "adapter", adapter, "host",
                                              text(location->host), "role", text(role_of(estate, input->now, location->host)), "url",
                                              text(location->url), "disabled", words[location->disabled <= YES ? location->disabled : 0]));
    }
    return rows;
}

static json_t *hosts_of(const struct audit_input *input, uint16_t cluster)
{
    const struct estate *estate = input->estates[cluster];
    json_t *rows = json_array();
    uint16_t best = estate_best(estate, FOUND_HOST, input->now);
    struct estate_span span = best == UINT16_MAX ? (struct estate_span){0, 0} : estate_span(estate, best, FOUND_HOST);
    for (size_t i = 0; i < span.count && json_array_size(rows) < LOCATIONS_MAX; i++) {
        const struct estate_row row = estate_row(estate, FOUND_HOST, span.first + i);
        const struct found_host *host = row.found;
        const char *role = row.absent_at ? "" : role_of(estate, input->now, host->name);
        uint16_t group = *role ? estate_group(estate, role) : UINT16_MAX;
        if (*role)
            json_array_append_new(rows, json_pack("{s:o,s:o,s:s}", "host", text(host->name), "role", text(role), "group",
                                                  group == UINT16_MAX ? "" : input->policy->groups[group].name));
    }
    return rows;
}

static const char *missing(const struct audit_input *input, uint16_t cluster, enum found_kind kind)
{
    if (estate_best(input->estates[cluster], kind, input->now) != UINT16_MAX)
        return "";
    uint16_t why = estate_why_none(input->estates[cluster], kind, NODE_NONE, input->now);
    return reason_text(why == REASON_PREFLIGHT_UNKNOWN ? REASON_NOT_SEEN : why);
}

json_t *daemon_discover(const struct audit_input *input, const struct config *config, const json_t *arguments)
{
    if (!any_wanted(input, arguments))
        return no_such_cluster();
    json_t *clusters = json_array();
    for (uint16_t i = 0; i < input->policy->cluster_count; i++) {
        const struct conf_cluster *conf = is_wanted(input, i, arguments) ? conf_of(config, input->policy->clusters[i].name) : NULL;
        if (!conf)
            continue;
        json_t *row = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:s}", "name", text(conf->entry.name), "winrm",
                                winrm_of(&conf->windows.winrm), "observe", credential_of(config, conf->windows.observe), "nodes",
                                nodes_of(conf), "hosts", hosts_of(input, i), "locations", locations_of(input, i), "hosts_missing",
                                missing(input, i, FOUND_HOST), "locations_missing", missing(input, i, FOUND_LOCATION));
        json_array_append_new(clusters, row);
    }
    return json_pack("{s:b,s:o}", "ok", 1, "clusters", clusters);
}
