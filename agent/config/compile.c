/* config → policy: names become positions, defaults become figures. Must not read files; the config was checked before. */
#include <stdlib.h>
#include <string.h>

#include "compiling.h"
#include "values.h"

enum { COMMON_COUNT = 2, FTPS_PORT = 990, POP3S_PORT = 995 };

static size_t position_of(const struct map *map, size_t entry_size, const char *name)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(((const struct map_entry *)(const void *)((const char *)map->entries + i * entry_size))->name, name) == 0)
            return i;
    abort(); /* references were checked */
}

/* Room for all tables, by the upper bound of each. */
static void make_room(struct compile *compile)
{
    const struct config *config = compile->config;
    size_t nodes = 0, addresses = 0, groups = 0, sources = config->servers.count, needs = 0;
    for (size_t i = 0; i < config->clusters.count; i++) {
        const struct conf_cluster *cluster = ENTRY(config->clusters, conf_cluster, i);
        nodes += cluster->nodes.count;
        groups += cluster->groups.count;
        sources += windows_source_count(cluster);
        addresses += cluster->shared_addresses.count + cluster->ignore_addresses.count;
        for (size_t j = 0; j < cluster->nodes.count; j++)
            addresses += ENTRY(cluster->nodes, conf_node, j)->addresses.count;
        for (size_t j = 0; j < cluster->groups.count; j++) {
            sources += ENTRY(cluster->groups, conf_group, j)->control.count * cluster->nodes.count;
            needs += ENTRY(cluster->groups, conf_group, j)->needs.count;
        }
    }
    for (size_t i = 0; i < config->servers.count; i++)
        sources += ENTRY(config->servers, conf_server, i)->snmp_host != NULL;
    struct arena *arena = compile->arena;
    compile->clusters = arena_take(arena, config->clusters.count * sizeof(*compile->clusters));
    compile->nodes = arena_take(arena, nodes * sizeof(*compile->nodes));
    compile->addresses = arena_take(arena, addresses * sizeof(*compile->addresses));
    compile->groups = arena_take(arena, groups * sizeof(*compile->groups));
    compile->servers = arena_take(arena, config->servers.count * sizeof(*compile->servers));
    compile->handlers = arena_take(arena, config->handlers.count * sizeof(*compile->handlers));
    compile->sources = arena_take(arena, sources * sizeof(*compile->sources));
    compile->group_handlers = arena_take(arena, config->handlers.count * sizeof(*compile->group_handlers));
    compile->needs = arena_take(arena, needs * sizeof(*compile->needs));
    compile->compiled->sources = arena_take(arena, sources * sizeof(*compile->compiled->sources));
    compile->compiled->groups = arena_take(arena, groups * sizeof(*compile->compiled->groups));
    compile->compiled->logs = arena_take(arena, config->servers.count * sizeof(*compile->compiled->logs));
}

static void add_addresses(struct compile *compile, const struct texts *texts, size_t cluster, uint8_t node)
{
    for (size_t i = 0; i < texts->count; i++) {
        struct policy_address *address = &compile->addresses[compile->address_count++];
        address->cluster = (uint16_t)cluster;
        address->node = node;
        if (!prefix_parse(texts->items[i], &address->address, &address->prefix))
            abort();
    }
}

/* The longest prefix first, so that the first match is the nearest. */
static int by_prefix(const void *left, const void *right)
{
    const struct policy_address *a = left, *b = right;
    if (a->cluster != b->cluster)
        return a->cluster < b->cluster ? -1 : 1;
    if (a->prefix != b->prefix)
        return a->prefix > b->prefix ? -1 : 1;
    int order = memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes));
    return order ? order : (a->node > b->node) - (a->node < b->node);
}

static void compile_clusters(struct compile *compile)
{
    for (size_t i = 0; i < compile->config->clusters.count; i++) {
        const struct conf_cluster *cluster = ENTRY(compile->config->clusters, conf_cluster, i);
        compile->clusters[i] = (struct policy_cluster){.name = cluster->entry.name,
                                                       .type = (uint8_t)cluster->type,
                                                       .node_count = (uint8_t)cluster->nodes.count,
                                                       .max_in_flight = (uint8_t)cluster->max_in_flight,
                                                       .heals_itself = cluster->type != CLUSTER_STATIC,
                                                       .first_node = (uint16_t)compile->node_count};
        for (size_t j = 0; j < cluster->nodes.count; j++) {
            const struct conf_node *node = ENTRY(cluster->nodes, conf_node, j);
            compile->nodes[compile->node_count++] =
                (struct policy_node){node->entry.name, (uint16_t)i, (uint8_t)j, node->computer ? node->computer : node->entry.name};
            add_addresses(compile, &node->addresses, i, (uint8_t)j);
        }
        add_addresses(compile, &cluster->shared_addresses, i, NODE_SHARED);
        add_addresses(compile, &cluster->ignore_addresses, i, NODE_IGNORED);
    }
    qsort(compile->addresses, compile->address_count, sizeof(*compile->addresses), by_prefix);
}

static uint16_t server_port(const struct conf_server *server, const struct probe_type *type)
{
    if (server->port)
        return (uint16_t)server->port;
    if (server->type == SERVER_FTP && ((const struct ftp_conf *)server->probe->conf)->tls == PROBE_TLS_IMPLICIT)
        return FTPS_PORT;
    if (server->type == SERVER_POP3 && ((const struct pop3_conf *)server->probe->conf)->tls == PROBE_TLS_IMPLICIT)
        return POP3S_PORT;
    return type->default_port;
}

static void compile_server_probe(struct compile *compile, size_t position)
{
    static const struct probe_type *const types[] = {
        [SERVER_FTP] = &probe_ftp, [SERVER_POP3] = &probe_pop3, [SERVER_TCP] = &probe_tcp, [SERVER_EXEC] = &probe_exec};
    const struct conf_server *server = ENTRY(compile->config->servers, conf_server, position);
    const struct conf_server_probe *probe = server->probe;
    const struct map *credentials = &compile->config->credentials;
    const struct conf_credential *credential = NULL;
    if (probe->credential)
        credential = ENTRY(*credentials, conf_credential, position_of(credentials, sizeof(*credential), probe->credential));

    size_t at = compile->source_count++;
    subject_t subject = subject_of(SUBJECT_SERVER, position);
    compile->sources[at] = (struct policy_source){.name = server->entry.name,
                                                  .target = subject,
                                                  .cluster = UINT16_MAX,
                                                  .node = NODE_NONE,
                                                  .canary = credential != NULL,
                                                  .interval = probe->schedule.every,
                                                  .timeout = probe->schedule.timeout,
                                                  .rise = (uint8_t)probe->schedule.rise,
                                                  .fall = (uint8_t)probe->schedule.fall};
    const struct probe_type *type = types[server->type];
    compile->compiled->sources[at] = (struct source_conf){.type = type,
                                                          .conf = probe->conf,
                                                          .host = server->address,
                                                          .port = server_port(server, type),
                                                          .credential = probe->credential,
                                                          .password_file = credential ? credential->password_file : NULL,
                                                          .user = credential ? credential->user : NULL,
                                                          .subject = subject,
                                                          .node_index = NODE_NONE,
                                                          .aspect = ASPECT_ENDPOINT,
                                                          .every = probe->schedule.every,
                                                          .timeout = probe->schedule.timeout};
    struct policy_server *compiled = &compile->servers[position];
    compiled->has_probe = true;
    compiled->has_canary = credential && server->log;
    compiled->canary_account = credential ? credential->user : "";
    compiled->canary_every = credential ? probe->schedule.every : 0;
}

static void compile_log(struct compile *compile, size_t position)
{
    const struct conf_log *log = ENTRY(compile->config->servers, conf_server, position)->log;
    struct policy_server *server = &compile->servers[position];
    struct log_conf *compiled = &compile->compiled->logs[position];
    const struct format *format = &formats[log->format];
    server->has_log = true;
    server->log_has_logins = format->has_logins && (strcmp(format->name, "custom") != 0 || log->poll);
    server->lag_max = log->lag_max;
    server->stamp_resolution = format->resolution_ms;
    *compiled = (struct log_conf){
        .file = log->file, .format = format, .patterns = {log->poll, log->take, log->store, log->refused, log->close, log->stamp}};
    if (!zone_parse(log->zone, &compiled->zone_local, &compiled->zone_seconds))
        abort();
}

static void compile_servers(struct compile *compile)
{
    for (size_t i = 0; i < compile->config->servers.count; i++) {
        const struct conf_server *server = ENTRY(compile->config->servers, conf_server, i);
        compile->servers[i] = (struct policy_server){.name = server->entry.name, .type = (uint8_t)server->type, .canary_account = ""};
        if (server->probe)
            compile_server_probe(compile, i);
        if (server->log)
            compile_log(compile, i);
        compile_server_snmp(compile, i);
    }
}

/* One source per node and probe: each node speaks for itself. */
static void compile_control(struct compile *compile, size_t cluster_position, const struct conf_group *group, size_t group_position)
{
    static const uint8_t aspects[] = {ASPECT_INSTANCE, ASPECT_READY};
    const struct conf_cluster *cluster = ENTRY(compile->config->clusters, conf_cluster, cluster_position);
    for (size_t i = 0; i < group->control.count * cluster->nodes.count; i++) {
        const struct conf_group_probe *probe = ENTRY(group->control, conf_group_probe, i / cluster->nodes.count);
        uint8_t index = (uint8_t)(i % cluster->nodes.count);
        const struct conf_node *node = ENTRY(cluster->nodes, conf_node, index);
        const char *address = node->dns_name ? node->dns_name : node->addresses.count ? node->addresses.items[0] : "";
        size_t at = compile->source_count++;
        subject_t subject = subject_of(SUBJECT_GROUP, group_position);
        compile->sources[at] = (struct policy_source){
            .name = arena_print(compile->arena, "%s/%s/%s@%s", cluster->entry.name, group->entry.name, probe->entry.name, node->entry.name),
            .target = subject,
            .cluster = (uint16_t)cluster_position,
            .node = index,
            .control = true,
            .interval = probe->schedule.every,
            .timeout = probe->schedule.timeout,
            .rise = (uint8_t)probe->schedule.rise,
            .fall = (uint8_t)probe->schedule.fall};
        compile->compiled->sources[at] = (struct source_conf){.type = group_probe_cases[probe->probe.chosen].probe,
                                                              .conf = probe->probe.conf,
                                                              .host = address,
                                                              .node = node->entry.name,
                                                              .node_address = address,
                                                              .port = (uint16_t)probe->port,
                                                              .subject = subject,
                                                              .node_index = index,
                                                              .aspect = aspects[probe->aspect],
                                                              .every = probe->schedule.every,
                                                              .timeout = probe->schedule.timeout};
        struct policy_cluster *compiled = &compile->clusters[cluster_position];
        if (probe->schedule.every > compiled->control_interval)
            compiled->control_interval = probe->schedule.every;
        if (probe->schedule.timeout > compiled->control_timeout)
            compiled->control_timeout = probe->schedule.timeout;
    }
}

static nodes_t candidates_of(const struct conf_cluster *cluster, const struct conf_group *group)
{
    nodes_t candidates = 0;
    for (size_t i = 0; i < cluster->nodes.count; i++) {
        const char *name = ENTRY(cluster->nodes, conf_node, i)->entry.name;
        bool named = group->candidates.count == 0;
        for (size_t j = 0; j < group->candidates.count; j++)
            named = named || strcmp(group->candidates.items[j], name) == 0;
        if (named)
            candidates |= node_bit((uint8_t)i);
    }
    return candidates;
}

static void compile_group(struct compile *compile, size_t cluster_position, const struct conf_group *group)
{
    const struct conf_cluster *cluster = ENTRY(compile->config->clusters, conf_cluster, cluster_position);
    static const char *const nothing[] = {NULL};
    size_t at = compile->group_count++;
    compile->groups[at] = (struct policy_group){.name = group->entry.name,
                                                .cluster = (uint16_t)cluster_position,
                                                .mode = (uint8_t)group->mode,
                                                .triggers = (uint8_t)group->on,
                                                .fenced = group->fenced,
                                                .can_move = group->move.count > 0 || cluster->windows.act,
                                                .can_stop = group->stop.count > 0 || cluster->windows.act,
                                                .role = group->role ? group->role : group->entry.name,
                                                .hosts = group->hosts.items ? group->hosts.items : nothing,
                                                .first_need = (uint16_t)compile->need_count,
                                                .need_count = (uint16_t)group->needs.count,
                                                .candidates = candidates_of(cluster, group),
                                                .confirm = group->confirm,
                                                .settle = group->settle,
                                                .cool_down = group->cool_down,
                                                .trusted_after = group->trusted_after,
                                                .blind_after = group->blind_after,
                                                .offline_long = group->offline_long,
                                                .max_moves = {(uint32_t)group->max_moves_count, group->max_moves_per},
                                                .max_stops = {(uint32_t)group->max_stops_count, group->max_stops_per}};
    for (size_t i = 0; i < group->needs.count; i++)
        compile->needs[compile->need_count++] =
            (uint16_t)position_of(&compile->config->servers, sizeof(struct conf_server), group->needs.items[i]);
    compile->compiled->groups[at] = (struct group_conf){.move = group->move.count ? group->move.items : NULL,
                                                        .stop = group->stop.count ? group->stop.items : NULL,
                                                        .action_timeout = group->action_timeout,
                                                        .act = compile_act_targets(compile, cluster)};
    compile_control(compile, cluster_position, group, at);
}

static void compile_groups(struct compile *compile)
{
    for (size_t i = 0; i < compile->config->clusters.count; i++) {
        const struct conf_cluster *cluster = ENTRY(compile->config->clusters, conf_cluster, i);
        compile_windows(compile, i);
        for (size_t j = 0; j < cluster->groups.count; j++)
            compile_group(compile, i, ENTRY(cluster->groups, conf_group, j));
    }
}

static uint16_t group_of(const struct compile *compile, const struct conf_handler *handler)
{
    for (size_t i = 0; i < compile->group_count; i++)
        if (strcmp(compile->groups[i].name, handler->group) == 0 &&
            strcmp(compile->clusters[compile->groups[i].cluster].name, handler->cluster) == 0)
            return (uint16_t)i;
    abort(); /* references were checked */
}

static void compile_handlers(struct compile *compile)
{
    const struct map *handlers = &compile->config->handlers;
    for (size_t i = 0; i < handlers->count; i++) {
        const struct conf_handler *handler = ENTRY(*handlers, conf_handler, i);
        size_t server = position_of(&compile->config->servers, sizeof(struct conf_server), handler->server);
        compile->handlers[i] = (struct policy_handler){.name = handler->entry.name,
                                                       .group = group_of(compile, handler),
                                                       .server = (uint16_t)server,
                                                       .singleton = (uint8_t)handler->singleton,
                                                       .account = handler->account,
                                                       .path = handler->path,
                                                       .host = handler->host ? handler->host : "",
                                                       .location = handler->location ? handler->location : "",
                                                       .poll = handler->poll,
                                                       .window = handler->window,
                                                       .silent_after = (uint32_t)handler->silent_after};
        compile->groups[compile->handlers[i].group].handler_count++;
    }
    uint16_t first = 0;
    for (size_t i = 0; i < compile->group_count; i++) {
        compile->groups[i].first_handler = first;
        first = (uint16_t)(first + compile->groups[i].handler_count);
        compile->groups[i].handler_count = 0;
    }
    for (size_t i = 0; i < handlers->count; i++) {
        struct policy_group *group = &compile->groups[compile->handlers[i].group];
        compile->group_handlers[group->first_handler + group->handler_count++] = (uint16_t)i;
    }
}

struct compiled *config_compile(const struct config *config)
{
    struct arena *arena = arena_open();
    struct compiled *compiled = arena_take(arena, sizeof(*compiled));
    compiled->arena = arena;
    struct compile compile = {.arena = arena, .config = config, .compiled = compiled};
    make_room(&compile);
    compile_clusters(&compile);
    compile_servers(&compile);
    compile_groups(&compile);
    compile_handlers(&compile);
    compiled->policy = (struct policy){.clusters = compile.clusters,
                                       .nodes = compile.nodes,
                                       .addresses = compile.addresses,
                                       .groups = compile.groups,
                                       .servers = compile.servers,
                                       .handlers = compile.handlers,
                                       .sources = compile.sources,
                                       .group_handlers = compile.group_handlers,
                                       .needs = compile.needs,
                                       .cluster_count = (uint16_t)config->clusters.count,
                                       .node_count = (uint16_t)compile.node_count,
                                       .group_count = (uint16_t)compile.group_count,
                                       .server_count = (uint16_t)config->servers.count,
                                       .handler_count = (uint16_t)config->handlers.count,
                                       .source_count = (uint16_t)compile.source_count,
                                       .address_count = (uint32_t)compile.address_count,
                                       .common_window = config->agent.common_window,
                                       .common_count = COMMON_COUNT,
                                       .agent_name = config->agent.name};
    compiled->policy.queue_names = arena_take(arena, policy_queue_seats(&compiled->policy) * sizeof *compiled->policy.queue_names);
    return compiled;
}

void config_compiled_close(struct compiled *compiled)
{
    if (compiled)
        arena_close(compiled->arena);
}
