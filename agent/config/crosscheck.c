/* Checks across keys, entries and parts. Must not know how YAML is read. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compiling.h"
#include "crosschecking.h"
#include "values.h"

enum { FULL_NAME_BYTES = 64, POSITIONS_MAX = 65000, ADDRESSES_MAX = 4096 };

struct node *check_at(const struct check *check, const char *const *path)
{
    const struct node *node = check->root;
    for (; *path; path++) {
        struct node *next = node_get(node, *path);
        if (!next)
            return node->key ? node->key : (struct node *)(uintptr_t)node;
        node = next;
    }
    return (struct node *)(uintptr_t)node;
}

struct node *check_name(struct node *node)
{
    return node->key ? node->key : node;
}

void check_schedule(const struct check *check, const struct conf_schedule *schedule, const struct node *probe)
{
    char every[DURATION_TEXT_BYTES], timeout[DURATION_TEXT_BYTES];
    if (!schedule->every || !schedule->timeout || schedule->timeout < schedule->every)
        return;
    struct node *written = node_get(probe, "timeout");
    if (written)
        complain_node(check->reading, written, "`timeout` (%s) must be shorter than `every` (%s)",
                      duration_text(schedule->timeout, timeout), duration_text(schedule->every, every));
}

static bool transport_valid(const char *text)
{
    static const char *const kinds[] = {"udp:", "udp6:", "tcp:", "tcp6:", "unix:"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t size = strlen(kinds[i]);
        if (strncmp(text, kinds[i], size) != 0)
            continue;
        const char *colon = strrchr(text + size, ':');
        int64_t port;
        return strcmp(kinds[i], "unix:") == 0 ? text[size] == '/' : colon && integer_parse(colon + 1, &port) && port > 0 && port < 65536;
    }
    return false;
}

static void check_snmp_users(const struct check *check, const struct conf_snmp *snmp)
{
    for (size_t i = 0; i < snmp->users.count; i++) {
        const struct conf_snmp_user *user = (const struct conf_snmp_user *)snmp->users.entries + i;
        struct node *name = check_name(AT(check, "snmp", "users", user->entry.name));
        if (user->level >= 1 && !user->auth_file)
            complain_node(check->reading, name, "user `%s` needs `auth_file`", user->entry.name);
        else if (user->level >= 2 && !user->priv_file)
            complain_node(check->reading, name, "user `%s` needs `priv_file`", user->entry.name);
    }
}

static void check_receivers(const struct check *check, const struct conf_snmp *snmp)
{
    for (size_t i = 0; i < snmp->receivers.count; i++) {
        const struct conf_receiver *receiver = (const struct conf_receiver *)snmp->receivers.entries + i;
        const char *name = receiver->entry.name;
        struct node *user = node_get(AT(check, "snmp", "notify", name), "user");
        if (receiver->to && !transport_valid(receiver->to))
            complain_node(check->reading, AT(check, "snmp", "notify", name, "to"), "expected an address such as udp:192.0.2.7:162");
        if (user && receiver->community_file)
            complain_node(check->reading, AT(check, "snmp", "notify", name, "community_file"),
                          "either `user` (SNMPv3) or `community_file` (v2c), not both");
        else if (!user && !receiver->community_file)
            complain_node(check->reading, check_name(AT(check, "snmp", "notify", name)), "receiver `%s` needs `user`", name);
        else if (receiver->community_file && !snmp->allow_v2c)
            complain_node(check->reading, AT(check, "snmp", "notify", name, "community_file"),
                          "v2c sends its community in plain text; if that is acceptable, say `allow_v2c: true` under `snmp:`");
    }
}

static void check_snmp(const struct check *check)
{
    const struct conf_snmp *snmp = check->config->snmp;
    if (!snmp)
        return;
    struct node *node = check_name(AT(check, "snmp"));
    if (!snmp->agentx && !snmp->listen && !node_get(AT(check, "snmp"), "agentx") && !node_get(AT(check, "snmp"), "listen"))
        complain_node(check->reading, node, "`snmp` needs `agentx` (beside snmpd) or `listen` (without it)");
    else if (snmp->agentx && snmp->listen)
        complain_node(check->reading, AT(check, "snmp", "listen"), "either `agentx` or `listen`, not both");
    else if (snmp->listen && !transport_valid(snmp->listen))
        complain_node(check->reading, AT(check, "snmp", "listen"), "expected an address such as udp:127.0.0.1:1161");
    if (snmp->community_file && !snmp->allow_v2c)
        complain_node(check->reading, AT(check, "snmp", "community_file"),
                      "v2c sends its community in plain text; if that is acceptable, say `allow_v2c: true`");
    check_snmp_users(check, snmp);
    check_receivers(check, snmp);
}

struct owned { /* one address and whose it is */
    struct address address;
    uint8_t bits;
    const char *owner;
    bool node;
    struct node *written;
};

static bool contains(const struct owned *outer, const struct owned *inner)
{
    if (outer->bits > inner->bits)
        return false;
    for (unsigned bit = 0; bit < outer->bits; bit++)
        if ((outer->address.bytes[bit / 8] ^ inner->address.bytes[bit / 8]) & (0x80U >> bit % 8))
            return false;
    return true;
}

static size_t gather(struct owned *all, size_t count, struct node *list, const char *owner, bool node)
{
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count && count < ADDRESSES_MAX; i++) {
        struct owned *one = &all[count];
        *one = (struct owned){.owner = owner, .node = node, .written = list->items[i]};
        if (one->written->kind == NODE_SCALAR && prefix_parse(one->written->text, &one->address, &one->bits))
            count++;
    }
    return count;
}

static void check_addresses(const struct check *check, const struct conf_cluster *cluster)
{
    struct owned *all = calloc(ADDRESSES_MAX, sizeof(*all));
    if (!all)
        abort();
    size_t count = 0;
    const char *name = cluster->entry.name;
    for (size_t i = 0; i < cluster->nodes.count; i++) {
        const struct conf_node *node = (const struct conf_node *)cluster->nodes.entries + i;
        count = gather(all, count, node_get(AT(check, "clusters", name, "nodes", node->entry.name), "addresses"), node->entry.name, true);
    }
    count = gather(all, count, node_get(AT(check, "clusters", name), "shared_addresses"), "shared_addresses", false);
    count = gather(all, count, node_get(AT(check, "clusters", name), "ignore_addresses"), "ignore_addresses", false);
    if (count == ADDRESSES_MAX)
        complain_node(check->reading, check_name(AT(check, "clusters", name)), "more than 4096 addresses in one cluster; use prefixes");
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            bool same = all[i].bits == all[j].bits && contains(&all[i], &all[j]);
            bool overlap = all[i].node && all[j].node && (contains(&all[i], &all[j]) || contains(&all[j], &all[i]));
            if (same || overlap)
                complain_node(check->reading, all[j].written,
                              "`%s` belongs to `%s` already; several nodes behind one address: `shared_addresses`", all[j].written->text,
                              all[i].owner);
        }
    free(all);
}

static const struct conf_node *node_named(const struct conf_cluster *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->nodes.count; i++) {
        const struct conf_node *node = (const struct conf_node *)cluster->nodes.entries + i;
        if (strcmp(node->entry.name, name) == 0)
            return node;
    }
    return NULL;
}

static void check_candidates(const struct check *check, const struct conf_cluster *cluster, const struct conf_group *group)
{
    struct node *list = AT(check, "clusters", cluster->entry.name, "groups", group->entry.name, "candidates");
    for (size_t i = 0; i < group->candidates.count; i++) {
        const char *name = group->candidates.items[i];
        if (node_named(cluster, name))
            continue;
        struct suggestion suggestion = {.word = name};
        for (size_t j = 0; j < cluster->nodes.count; j++)
            suggestion_offer(&suggestion, ((const struct conf_node *)cluster->nodes.entries + j)->entry.name);
        char nearest[160];
        complain_node(check->reading, list->items[i], "`%s` is no node of cluster `%s`%s", name, cluster->entry.name,
                      suggestion_text(&suggestion, nearest));
    }
    if (list->kind == NODE_LIST && list->count == 0)
        complain_node(check->reading, list, "no node may run this group; leave `candidates` out to allow all");
}

static void check_control(const struct check *check, const struct conf_cluster *cluster, const struct conf_group *group)
{
    for (size_t i = 0; i < group->control.count; i++) {
        const struct conf_group_probe *probe = (const struct conf_group_probe *)group->control.entries + i;
        struct node *node = AT(check, "clusters", cluster->entry.name, "groups", group->entry.name, "control", probe->entry.name);
        check_schedule(check, &probe->schedule, node);
        if (!probe->probe.conf)
            continue;
        bool tcp = group_probe_cases[probe->probe.chosen].probe == &probe_tcp;
        struct node *port = node_get(node, "port");
        if (tcp && !port)
            complain_node(check->reading, check_name(node), "`port` is missing in %s", probe->entry.name);
        else if (!tcp && port)
            complain_node(check->reading, check_name(port), "`port` means nothing to a probe of type %s",
                          group_probe_cases[probe->probe.chosen].type);
    }
}

static void check_group(const struct check *check, const struct conf_cluster *cluster, const struct conf_group *group)
{
    const char *name = group->entry.name;
    struct node *node = AT(check, "clusters", cluster->entry.name, "groups", name);
    struct node *mode = node_get(node, "mode"), *on = node_get(node, "on");
    if (strlen(cluster->entry.name) + 1 + strlen(name) > FULL_NAME_BYTES)
        complain_node(check->reading, check_name(node), "`%s/%s` is longer than 64 bytes; shorten one of the names", cluster->entry.name,
                      name);
    bool is_static = cluster->type == CLUSTER_STATIC;
    if (mode && is_static && group->mode == MODE_AUTO && !group->fenced)
        complain_node(check->reading, mode,
                      "`mode: auto` on a static cluster needs `fenced: true`: nobody else makes sure that the old copy is stopped");
    else if (mode && is_static && group->mode == MODE_AUTO && !group->move.count)
        complain_node(check->reading, mode, "`mode: auto` needs a `move` program");
    if (on && on->kind == NODE_LIST && on->count == 0)
        complain_node(check->reading, on, "name at least one of none, idle; to only watch, say `mode: observe`");
    check_candidates(check, cluster, group);
    check_control(check, cluster, group);
}

static void check_clusters(const struct check *check)
{
    for (size_t i = 0; i < check->config->clusters.count; i++) {
        const struct conf_cluster *cluster = (const struct conf_cluster *)check->config->clusters.entries + i;
        struct node *nodes = node_get(AT(check, "clusters", cluster->entry.name), "nodes");
        if (nodes && nodes->kind == NODE_MAPPING && (nodes->count == 0 || nodes->count > NODES_MAX))
            complain_node(check->reading, check_name(nodes), "a cluster has 1 to 64 nodes, this one has %zu", nodes->count);
        check_addresses(check, cluster);
        if (cluster->type == CLUSTER_WSFC)
            check_windows(check, cluster);
        for (size_t j = 0; j < cluster->groups.count; j++)
            check_group(check, cluster, (const struct conf_group *)cluster->groups.entries + j);
    }
}

static void *pattern_allocate(size_t size, void *context)
{
    (void)context;
    return malloc(size);
}

static void pattern_release(void *block, void *context)
{
    (void)context;
    free(block);
}

static void check_log(const struct check *check, const struct conf_log *log, struct node *node)
{
    static const char *const keys[] = {"stamp", "poll", "take", "store", "refused", "close"};
    bool local;
    int32_t seconds;
    struct node *format = node_get(node, "format");
    if (log->zone && !zone_parse(log->zone, &local, &seconds))
        complain_node(check->reading, node_get(node, "zone"), "expected local, UTC or an offset such as '+02:00'");
    if (!format || format->complained)
        return;
    bool custom = strcmp(formats[log->format].name, "custom") == 0;
    for (size_t i = 0; !custom && i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct node *value = node_get(node, keys[i]);
        if (value)
            complain_node(check->reading, value->key, "`%s` is for `format: custom` only", keys[i]);
    }
    if (!custom)
        return;
    if (!log->stamp || (!log->poll && !log->take)) {
        complain_node(check->reading, check_name(node), "`format: custom` needs `stamp` and at least one of `poll`, `take`");
        return;
    }
    struct custom_patterns patterns = {log->poll, log->take, log->store, log->refused, log->close, log->stamp};
    struct bounded_memory memory = {pattern_allocate, pattern_release, NULL};
    char error[160] = "";
    struct custom_format *compiled = custom_format_open(&patterns, &memory, error, sizeof(error));
    if (!compiled)
        complain_node(check->reading, check_name(node), "the patterns cannot be used: %s", error);
    else
        custom_format_close(compiled);
}

static void check_servers(const struct check *check)
{
    for (size_t i = 0; i < check->config->servers.count; i++) {
        const struct conf_server *server = (const struct conf_server *)check->config->servers.entries + i;
        struct node *node = AT(check, "servers", server->entry.name), *probe = node_get(node, "probe"), *log = node_get(node, "log");
        if (server->probe)
            check_schedule(check, &server->probe->schedule, probe ? probe : node);
        if (server->log && log)
            check_log(check, server->log, log);
        if (server->snmp_host)
            check_snmp_host(check, server->snmp_host, node_get(node, "snmp_host"));
    }
}

static void check_handler_group(const struct check *check, const struct conf_handler *handler)
{
    const struct node *cluster = node_get(node_get(check->root, "clusters"), handler->cluster);
    const struct node *groups = node_get(cluster, "groups");
    if (!groups || (handler->group && node_get(groups, handler->group)))
        return;
    if (!handler->group) {
        complain_node(check->reading, check_name(AT(check, "handlers", handler->entry.name)),
                      "`group` is missing in %s: cluster `%s` has several%s", handler->entry.name, handler->cluster,
                      handler->host ? ", and none of them names its host in `hosts`" : "");
        return;
    }
    struct suggestion suggestion = {.word = handler->group};
    for (size_t i = 0; groups->kind == NODE_MAPPING && i < groups->count; i++)
        suggestion_offer(&suggestion, groups->items[i]->key->text);
    char nearest[160];
    complain_node(check->reading, AT(check, "handlers", handler->entry.name, "group"), "cluster `%s` has no group `%s`%s", handler->cluster,
                  handler->group, suggestion_text(&suggestion, nearest));
}

static const struct conf_server *server_named(const struct check *check, const char *name)
{
    for (size_t i = 0; name && i < check->config->servers.count; i++) {
        const struct conf_server *server = (const struct conf_server *)check->config->servers.entries + i;
        if (strcmp(server->entry.name, name) == 0)
            return server;
    }
    return NULL;
}

static const char *probe_account(const struct check *check, const struct conf_server *server)
{
    const char *name = server->probe ? server->probe->credential : NULL;
    for (size_t i = 0; name && i < check->config->credentials.count; i++) {
        const struct conf_credential *credential = (const struct conf_credential *)check->config->credentials.entries + i;
        if (strcmp(credential->entry.name, name) == 0)
            return credential->user;
    }
    return NULL;
}

static void check_handler(const struct check *check, const struct conf_handler *handler)
{
    const char *name = handler->entry.name;
    if (handler->cluster)
        check_handler_group(check, handler);
    if (handler->window && handler->poll && handler->window < 2 * handler->poll)
        complain_node(check->reading, AT(check, "handlers", name, "window"), "`window` must be at least two polls long");
    const struct conf_server *server = server_named(check, handler->server);
    struct node *type = server ? node_get(AT(check, "servers", server->entry.name), "type") : NULL;
    if (!server || !type || type->complained)
        return;
    bool known_by_host = handler->host || handler->location; /* SFTP, MSMQ: no log of theirs is read, BizTalk and the cluster tell */
    if (server->type != SERVER_FTP && server->type != SERVER_POP3 && !(server->type == SERVER_TCP && known_by_host))
        complain_node(check->reading, AT(check, "handlers", name, "server"), "a handler polls an ftp or pop3 server; `%s` is of type %s",
                      server->entry.name, type->text);
    const char *account = probe_account(check, server);
    if (account && handler->account && strcmp(account, handler->account) == 0)
        complain_node(
            check->reading, AT(check, "servers", server->entry.name, "probe", "credential"),
            "this logs in as `%s`, the account of handler `%s`: our own polls would look like its polls, and could lock its mailbox",
            account, name);
}

static int compare_handlers(const void *left, const void *right)
{
    const struct conf_handler *a = *(const struct conf_handler *const *)left, *b = *(const struct conf_handler *const *)right;
    int order = strcmp(a->server, b->server);
    order = order ? order : strcmp(a->account, b->account);
    order = order ? order : strcmp(a->path, b->path);
    return order ? order : (a > b) - (a < b);
}

/* Two handlers with one key would each count the other's polls as its own. */
static void check_handler_keys(const struct check *check)
{
    const struct map *handlers = &check->config->handlers;
    const struct conf_handler **all = calloc(handlers->count + 1, sizeof(*all));
    if (!all)
        abort();
    size_t count = 0;
    for (size_t i = 0; i < handlers->count; i++) {
        const struct conf_handler *handler = (const struct conf_handler *)handlers->entries + i;
        if (handler->server && handler->account && handler->path)
            all[count++] = handler;
    }
    qsort(all, count, sizeof(*all), compare_handlers);
    for (size_t i = 1; i < count; i++) {
        const struct conf_handler *first = all[i - 1], *again = all[i];
        if (strcmp(first->server, again->server) == 0 && strcmp(first->account, again->account) == 0 &&
            strcmp(first->path, again->path) == 0)
            complain_node(check->reading, check_name(AT(check, "handlers", again->entry.name)),
                          "same server, account and path as handler `%s` (%s:%u:%u): their polls could not be told apart",
                          first->entry.name, first->entry.place.file, first->entry.place.line, first->entry.place.column);
    }
    free(all);
}

static void check_sizes(const struct check *check)
{
    size_t nodes = 0, groups = 0, sources = check->config->servers.count, needs = 0;
    for (size_t i = 0; i < check->config->clusters.count; i++) {
        const struct conf_cluster *cluster = (const struct conf_cluster *)check->config->clusters.entries + i;
        nodes += cluster->nodes.count;
        groups += cluster->groups.count;
        sources += windows_source_count(cluster);
        for (size_t j = 0; j < cluster->groups.count; j++) {
            const struct conf_group *group = (const struct conf_group *)cluster->groups.entries + j;
            sources += group->control.count * cluster->nodes.count;
            needs += group->needs.count;
        }
    }
    const struct {
        const char *what;
        size_t count;
    } sizes[] = {{"clusters", check->config->clusters.count}, {"nodes", nodes},    {"groups", groups},
                 {"servers", check->config->servers.count},   {"probes", sources}, {"needs", needs},
                 {"handlers", check->config->handlers.count}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (sizes[i].count > POSITIONS_MAX)
            complain(check->reading, (struct place){check->root->place.file, 0, 0}, 0, "too many %s: %zu, one agent serves at most %d",
                     sizes[i].what, sizes[i].count, POSITIONS_MAX);
}

void crosscheck(struct reading *reading, const struct node *root, const struct config *config)
{
    const struct check check = {reading, root, config};
    check_snmp(&check);
    check_credentials(&check);
    check_clusters(&check);
    check_servers(&check);
    for (size_t i = 0; i < config->handlers.count; i++)
        check_handler(&check, (const struct conf_handler *)config->handlers.entries + i);
    check_handler_keys(&check);
    check_sizes(&check);
}
