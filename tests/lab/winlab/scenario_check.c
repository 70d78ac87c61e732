/* What a table cannot say about a scenario: names that must exist, and limits of the world. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "scenario.h"

struct check {
    struct reading *reading;
    const struct scenario_cluster *cluster;
};

static bool in_map(const struct map *map, size_t entry_size, const char *name)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct map_entry *entry = (const void *)((const char *)map->entries + i * entry_size);
        if (strcasecmp(entry->name, name) == 0)
            return true;
    }
    return false;
}

static void check_node(const struct check *check, struct place place, const char *name)
{
    if (name && *name && !in_map(&check->cluster->nodes, sizeof(struct scenario_node), name))
        complain(check->reading, place, 1, "`%s` is none of the cluster's nodes", name);
}

static void check_nodes(const struct check *check, struct place place, const struct texts *names)
{
    for (size_t i = 0; i < names->count; i++)
        check_node(check, place, names->items[i]);
}

static void check_host(const struct check *check, struct place place, const char *name)
{
    if (name && *name && !in_map(&check->cluster->hosts, sizeof(struct scenario_host), name))
        complain(check->reading, place, 1, "`%s` is none of the cluster's hosts", name);
}

static void check_resource(const struct check *check, const struct scenario_group *group, const struct scenario_resource *resource)
{
    struct place place = resource->entry.place;
    if ((resource->kind == KIND_HOST) != (resource->host[0] != '\0'))
        complain(check->reading, place, 1, "resources of kind host, and no other, have a `host`");
    check_host(check, place, resource->host);
    check_nodes(check, place, &resource->owners);
    for (size_t i = 0; i < resource->depends.count; i++) {
        const char *name = resource->depends.items[i];
        struct map above = {.count = (size_t)(resource - (const struct scenario_resource *)group->resources.entries),
                            .entries = group->resources.entries};
        if (!in_map(&above, sizeof *resource, name)) /* so there are no circles */
            complain(check->reading, place, 1, "`%s`, on which it depends, is no resource above it in this group", name);
    }
}

static void check_group(const struct check *check, const struct scenario_group *group)
{
    check_node(check, group->entry.place, group->owner);
    check_node(check, group->entry.place, group->preferred);
    const struct scenario_resource *resources = group->resources.entries;
    for (size_t i = 0; i < group->resources.count; i++)
        check_resource(check, group, &resources[i]);
}

static bool has_resource(const struct scenario_cluster *cluster, const char *name)
{
    const struct scenario_group *groups = cluster->groups.entries;
    for (size_t i = 0; i < cluster->groups.count; i++)
        if (in_map(&groups[i].resources, sizeof(struct scenario_resource), name))
            return true;
    return false;
}

static void check_queue(const struct check *check, const struct scenario_queue *queue)
{
    struct place place = queue->entry.place;
    check_host(check, place, queue->host);
    check_node(check, place, queue->node);
    if ((queue->node[0] != '\0') == (queue->resource[0] != '\0'))
        complain(check->reading, place, 1, "a queue is held by either a `node` or a clustered MSMQ, its `resource`");
    else if (queue->resource[0] && !has_resource(check->cluster, queue->resource))
        complain(check->reading, place, 1, "`%s` is none of the cluster's resources", queue->resource);
}

static void check_node_itself(const struct check *check, const struct scenario_node *node)
{
    struct in_addr address;
    if (inet_pton(AF_INET, node->address, &address) != 1 || (ntohl(address.s_addr) >> 24) != 127)
        complain(check->reading, node->entry.place, 1, "`%s` is no address 127.x.y.z", node->address);
}

static void check_cluster(struct reading *reading, const struct scenario_cluster *cluster)
{
    struct check check = {reading, cluster};
    const struct scenario_node *nodes = cluster->nodes.entries;
    const struct scenario_group *groups = cluster->groups.entries;
    const struct scenario_host *hosts = cluster->hosts.entries;
    const struct scenario_location *locations = cluster->locations.entries;
    const struct scenario_queue *queues = cluster->queues.entries;
    if (cluster->nodes.count < 1 || cluster->nodes.count > 8)
        complain(reading, cluster->entry.place, 1, "a cluster has 1 to 8 nodes");
    for (size_t i = 0; i < cluster->nodes.count; i++)
        check_node_itself(&check, &nodes[i]);
    for (size_t i = 0; i < cluster->groups.count; i++)
        check_group(&check, &groups[i]);
    for (size_t i = 0; i < cluster->hosts.count; i++) {
        check_nodes(&check, hosts[i].entry.place, &hosts[i].nodes);
        check_nodes(&check, hosts[i].entry.place, &hosts[i].disabled);
        check_nodes(&check, hosts[i].entry.place, &hosts[i].broken);
        check_nodes(&check, hosts[i].entry.place, &hosts[i].outside);
        check_nodes(&check, hosts[i].entry.place, &hosts[i].stopped);
    }
    for (size_t i = 0; i < cluster->locations.count; i++)
        check_host(&check, locations[i].entry.place, locations[i].host);
    for (size_t i = 0; i < cluster->queues.count; i++)
        check_queue(&check, &queues[i]);
}

void scenario_check(const struct scenario *scenario, struct reading *reading)
{
    const struct scenario_cluster *clusters = scenario->clusters.entries;
    for (size_t i = 0; i < scenario->clusters.count; i++)
        check_cluster(reading, &clusters[i]);
    if (scenario->clusters.count == 0 && reading->complaint_count == 0)
        complain(reading, (struct place){"scenario", 0, 0}, 0, "no clusters");
}
