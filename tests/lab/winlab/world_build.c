/* Scenario → world at its beginning. Owns which thing refers to which by position. The scenario was checked: names exist. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "behaviour.h"

static void *many(size_t count, size_t size)
{
    void *all = calloc(count + 1, size);
    if (!all)
        abort();
    return all;
}

int cluster_node_called(const struct lab_cluster *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->node_count; i++)
        if (strcasecmp(cluster->nodes[i].as->entry.name, name) == 0)
            return (int)i;
    return NOWHERE;
}

static int host_called(const struct lab_cluster *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->host_count; i++)
        if (strcasecmp(cluster->hosts[i].as->entry.name, name) == 0)
            return (int)i;
    return NOWHERE;
}

static bool lists(const struct lab_cluster *cluster, const struct texts *names, size_t node)
{
    for (size_t i = 0; i < names->count; i++)
        if (cluster_node_called(cluster, names->items[i]) == (int)node)
            return true;
    return false;
}

static const char *name_of(const char *called, const struct map_entry *entry)
{
    return called && called[0] ? called : entry->name;
}

static void build_nodes(struct world *world, struct lab_cluster *cluster)
{
    const struct scenario_node *nodes = cluster->as->nodes.entries;
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct lab_node *node = &cluster->nodes[i];
        *node = (struct lab_node){.as = &nodes[i], .cluster = (size_t)(cluster - world->clusters), .index = i};
        node->up = nodes[i].up;
        node->known_down = !node->up;
        node->paused = nodes[i].paused;
        service_die(&node->sso);
        service_die(&node->msmq);
        service_die(&node->msdtc);
        service_die(&node->cluster_service);
    }
}

static void build_hosts(struct lab_cluster *cluster)
{
    const struct scenario_host *hosts = cluster->as->hosts.entries;
    for (size_t i = 0; i < cluster->host_count; i++) {
        struct host *host = &cluster->hosts[i];
        *host = (struct host){.as = &hosts[i], .resource = NOWHERE};
        for (size_t node = 0; node < LAB_NODES; node++) {
            host->instances[node] = NOWHERE;
            if (node >= cluster->node_count || (hosts[i].nodes.count && !lists(cluster, &hosts[i].nodes, node)))
                continue;
            struct instance *instance = &cluster->instances[cluster->instance_count];
            *instance = (struct instance){.host = i, .node = node, .configuration = lists(cluster, &hosts[i].broken, node) ? 2 : 1};
            instance->disabled = lists(cluster, &hosts[i].disabled, node);
            service_die(&instance->service);
            host->instances[node] = (int)cluster->instance_count++;
        }
    }
}

/* As Windows calls them: a Network Name by the name that it holds, an IP Address with its address. */
static const char *resource_name(const struct world *world, const struct scenario_resource *as)
{
    if (as->called[0] || !as->value[0])
        return name_of(as->called, &as->entry);
    if (as->kind == KIND_IP_ADDRESS)
        return arena_print(world->scenario->arena, "IP Address %s", as->value);
    return as->kind == KIND_NETWORK_NAME ? as->value : as->entry.name;
}

static const char *type_of(const struct scenario_resource *resource)
{
    static const char *const types[] = {
        "Network Name",    "IP Address",      "Physical Disk", "MSMQ", "Distributed Transaction Coordinator",
        "Generic Service", "Generic Service", "Generic Script"};
    return resource->type[0] ? resource->type : types[resource->kind];
}

static void build_resource(const struct world *world, struct lab_cluster *cluster, size_t group, const struct scenario_resource *as,
                           size_t first)
{
    size_t position = cluster->resource_count++;
    struct resource *resource = &cluster->resources[position];
    *resource = (struct resource){.as = as, .group = group, .name = resource_name(world, as), .type = type_of(as)};
    resource->state = STATE_OFFLINE;
    resource->due = FOREVER;
    resource->wanted = as->starts != STARTS_OFFLINE && cluster->groups[group].persistent;
    service_die(&resource->service);
    for (size_t node = 0; node < cluster->node_count; node++)
        if (!as->owners.count || lists(cluster, &as->owners, node))
            resource->owners |= 1u << node;
    for (size_t i = 0; i < as->depends.count; i++)
        for (size_t other = first; other < position; other++)
            if (strcasecmp(cluster->resources[other].as->entry.name, as->depends.items[i]) == 0)
                resource->depends[resource->depend_count++] = other;
    if (as->kind == KIND_HOST) {
        resource->host = (size_t)host_called(cluster, as->host);
        cluster->hosts[resource->host].resource = (int)position;
    }
    if (as->kind == KIND_SSO)
        cluster->sso_resource = (int)position;
}

static void build_groups(const struct world *world, struct lab_cluster *cluster)
{
    const struct scenario_group *groups = cluster->as->groups.entries;
    for (size_t i = 0; i < cluster->group_count; i++) {
        const struct scenario_group *as = &groups[i];
        struct group *group = &cluster->groups[i];
        *group = (struct group){.as = as, .name = name_of(as->called, &as->entry), .target = NOWHERE, .persistent = as->persistent};
        group->owner = as->owner[0] ? cluster_node_called(cluster, as->owner) : 0;
        group->preferred = as->preferred[0] ? cluster_node_called(cluster, as->preferred) : NOWHERE;
        group->orphan = !cluster->nodes[group->owner].up;
        const struct scenario_resource *resources = as->resources.entries;
        size_t first = cluster->resource_count;
        for (size_t j = 0; j < as->resources.count; j++)
            build_resource(world, cluster, i, &resources[j], first);
    }
}

static int resource_called(const struct lab_cluster *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->resource_count; i++)
        if (strcasecmp(cluster->resources[i].as->entry.name, name) == 0)
            return (int)i;
    return NOWHERE;
}

static void build_messaging(struct lab_cluster *cluster)
{
    const struct scenario_location *locations = cluster->as->locations.entries;
    const struct scenario_queue *queues = cluster->as->queues.entries;
    for (size_t i = 0; i < cluster->location_count; i++)
        cluster->locations[i] = (struct location){.as = &locations[i],
                                                  .name = name_of(locations[i].called, &locations[i].entry),
                                                  .host = (size_t)host_called(cluster, locations[i].host),
                                                  .enabled = locations[i].enabled};
    for (size_t i = 0; i < cluster->queue_count; i++)
        cluster->queues[i] = (struct queue){.as = &queues[i],
                                            .name = name_of(queues[i].called, &queues[i].entry),
                                            .host = host_called(cluster, queues[i].host),
                                            .resource = resource_called(cluster, queues[i].resource),
                                            .node = cluster_node_called(cluster, queues[i].node),
                                            .messages = (double)queues[i].messages,
                                            .in_per_minute = (double)queues[i].in_per_minute,
                                            .out_per_minute = (double)queues[i].out_per_minute};
}

/* A world begins as if it had run for long: what is to run runs, even where it could not start now (ENTSSO is elsewhere). */
static bool could_run(const struct lab_cluster *cluster, const struct instance *instance)
{
    return cluster->nodes[instance->node].up && instance->configuration == 1 && !instance->disabled;
}

static void begin_resource(struct world *world, struct lab_cluster *cluster, struct resource *resource)
{
    struct service *service = resource_service(cluster, resource);
    if (resource->as->starts == STARTS_FAILED) {
        resource->state = STATE_FAILED;
    } else if (resource->as->starts == STARTS_PENDING) {
        resource->state = STATE_ONLINE_PENDING;
    } else if (resource->wanted && !cluster->groups[resource->group].orphan) {
        struct instance *instance =
            resource->as->kind == KIND_HOST ? instance_of(cluster, resource->host, cluster->groups[resource->group].owner) : NULL;
        if (resource->as->kind == KIND_HOST && !(instance && could_run(cluster, instance)))
            return; /* it will try, and fail, in the world's time */
        resource->state = STATE_ONLINE;
        if (service)
            service_run(world, service);
    }
}

static void begin_cluster(struct world *world, struct lab_cluster *cluster)
{
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct lab_node *node = &cluster->nodes[i];
        if (node->up && node->as->sso && cluster->sso_resource == NOWHERE)
            service_run(world, &node->sso);
        if (node->up && node->as->msmq)
            service_run(world, &node->msmq);
        if (node->up && node->as->msdtc)
            service_run(world, &node->msdtc);
        if (node->up)
            service_run(world, &node->cluster_service);
    }
    for (int hosts = 0; hosts <= 1; hosts++) /* last: they need ENTSSO to start */
        for (size_t i = 0; i < cluster->resource_count; i++)
            if ((cluster->resources[i].as->kind == KIND_HOST) == hosts)
                begin_resource(world, cluster, &cluster->resources[i]);
    for (size_t i = 0; i < cluster->instance_count; i++) {
        struct instance *instance = &cluster->instances[i];
        const struct host *host = &cluster->hosts[instance->host];
        instance->outside = host->resource != NOWHERE && lists(cluster, &host->as->outside, instance->node);
        bool runs = host->resource == NOWHERE ? !lists(cluster, &host->as->stopped, instance->node) : instance->outside;
        if (runs && could_run(cluster, instance))
            service_run(world, &instance->service);
    }
}

void world_build(struct world *world)
{
    const struct scenario_cluster *clusters = world->scenario->clusters.entries;
    world->cluster_count = world->scenario->clusters.count;
    world->clusters = many(world->cluster_count, sizeof *world->clusters);
    for (size_t i = 0; i < world->cluster_count; i++)
        world->node_count += clusters[i].nodes.count;
    world->nodes = many(world->node_count, sizeof *world->nodes);
    world->next_process = 1000;
    size_t first = 0;
    for (size_t i = 0; i < world->cluster_count; i++) {
        const struct scenario_cluster *as = &clusters[i];
        const struct scenario_group *groups = as->groups.entries;
        struct lab_cluster *cluster = &world->clusters[i];
        *cluster = (struct lab_cluster){.as = as, .first_node = first, .nodes = world->nodes + first, .sso_resource = NOWHERE};
        first += cluster->node_count = as->nodes.count;
        size_t resources = 0;
        for (size_t j = 0; j < as->groups.count; j++)
            resources += groups[j].resources.count;
        cluster->groups = many((cluster->group_count = as->groups.count) + 1, sizeof *cluster->groups);
        cluster->resources = many(resources, sizeof *cluster->resources);
        cluster->hosts = many(cluster->host_count = as->hosts.count, sizeof *cluster->hosts);
        cluster->instances = many(cluster->host_count * LAB_NODES, sizeof *cluster->instances);
        cluster->locations = many(cluster->location_count = as->locations.count, sizeof *cluster->locations);
        cluster->queues = many(cluster->queue_count = as->queues.count, sizeof *cluster->queues);
        build_nodes(world, cluster);
        build_hosts(cluster);
        build_groups(world, cluster);
        build_messaging(cluster);
        begin_cluster(world, cluster);
    }
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < world->cluster_count; i++) {
        struct lab_cluster *cluster = &world->clusters[i];
        free(cluster->groups);
        free(cluster->resources);
        free(cluster->hosts);
        free(cluster->instances);
        free(cluster->locations);
        free(cluster->queues);
    }
    free(world->clusters);
    free(world->nodes);
}
