/* The world and what was asked of it, as one line of JSON each: for tests and for people with jq. */
#include <jansson.h>
#include <stdlib.h>

#include "answers.h"
#include "control.h"

static const char *service_text(const struct service *service)
{
    static const char *const texts[] = {"?", "stopped", "start-pending", "stop-pending", "running"};
    return service->hung ? "hung" : texts[service->state];
}

static const char *node_name(const struct lab_cluster *cluster, int node)
{
    return node == NOWHERE ? NULL : cluster->nodes[node].as->entry.name;
}

static json_t *nodes(const struct lab_cluster *cluster)
{
    json_t *all = json_object();
    for (size_t i = 0; i < cluster->node_count; i++) {
        const struct lab_node *node = &cluster->nodes[i];
        json_object_set_new(all, node->as->entry.name,
                            json_pack("{ss sb sb si si ss ss ss sb sb sb sb si ss}", "address", node->as->address, "up", node->up, "paused",
                                      node->paused, "state", (int)node_state_of(node), "drain", (int)node->drain, "sso",
                                      service_text(&node->sso), "msmq", service_text(&node->msmq), "msdtc", service_text(&node->msdtc),
                                      "cut", node->cut, "denied", node->denied, "quota", node->quota, "wrong_certificate",
                                      node->wrong_certificate, "slow_ms", (int)node->slow_ms, "missing_class", node->missing_class));
    }
    return all;
}

static json_t *groups(const struct lab_cluster *cluster)
{
    static const char *const states[] = {"online", "offline", "failed", "partial", "pending"};
    json_t *all = json_object();
    for (size_t i = 0; i < cluster->group_count; i++) {
        const struct group *group = &cluster->groups[i];
        json_object_set_new(all, group->name,
                            json_pack("{ss ss ss* sb si si}", "state", states[group_state(cluster, group)], "owner",
                                      node_name(cluster, group->owner), "target", node_name(cluster, group->target), "persistent",
                                      group->persistent, "moves", (int)group->moves, "failovers", (int)group->failover_count));
    }
    return all;
}

static const char *resource_text(const struct resource *resource)
{
    switch (resource->state) {
    case STATE_ONLINE:
        return "online";
    case STATE_OFFLINE:
        return "offline";
    case STATE_FAILED:
        return "failed";
    case STATE_ONLINE_PENDING:
        return "online-pending";
    case STATE_OFFLINE_PENDING:
        return "offline-pending";
    default:
        return "pending";
    }
}

static json_t *resources(const struct lab_cluster *cluster)
{
    json_t *all = json_object();
    for (size_t i = 0; i < cluster->resource_count; i++) {
        const struct resource *resource = &cluster->resources[i];
        json_object_set_new(all, resource->name,
                            json_pack("{ss ss ss sb si}", "state", resource_text(resource), "type", resource->type, "group",
                                      cluster->groups[resource->group].name, "wanted", resource->wanted, "failures",
                                      (int)resource->failure_count));
    }
    return all;
}

static json_t *instances(const struct lab_cluster *cluster)
{
    json_t *all = json_array();
    for (size_t i = 0; i < cluster->instance_count; i++) {
        const struct instance *instance = &cluster->instances[i];
        json_array_append_new(all, json_pack("{ss ss ss sb sb sb}", "host", cluster->hosts[instance->host].as->entry.name, "node",
                                             node_name(cluster, (int)instance->node), "state", service_text(&instance->service), "disabled",
                                             instance->disabled, "outside", instance->outside, "installed", instance->configuration == 1));
    }
    return all;
}

static json_t *messaging(const struct lab_cluster *cluster)
{
    json_t *queues = json_object(), *locations = json_object();
    for (size_t i = 0; i < cluster->queue_count; i++)
        json_object_set_new(queues, cluster->queues[i].name,
                            json_pack("{sI sf sf}", "messages", (json_int_t)cluster->queues[i].messages, "in_per_minute",
                                      cluster->queues[i].in_per_minute, "out_per_minute", cluster->queues[i].out_per_minute));
    for (size_t i = 0; i < cluster->location_count; i++)
        json_object_set_new(locations, cluster->locations[i].name,
                            json_pack("{sb ss}", "enabled", cluster->locations[i].enabled, "host", cluster->locations[i].as->host));
    return json_pack("{so so}", "queues", queues, "locations", locations);
}

static void print(json_t *json, FILE *out)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (!text)
        abort();
    fputs(text, out);
    free(text);
    json_decref(json);
}

void control_status(const struct world *world, const struct lab_cluster *cluster, FILE *out)
{
    json_t *all = json_object();
    for (size_t i = 0; i < world->cluster_count; i++) {
        const struct lab_cluster *each = &world->clusters[i];
        if (cluster && cluster != each)
            continue;
        json_t *one = json_pack("{sb so so so so}", "sql_down", each->sql_down, "nodes", nodes(each), "groups", groups(each), "resources",
                                resources(each), "instances", instances(each));
        json_t *queues_and_locations = messaging(each);
        json_object_update(one, queues_and_locations);
        json_decref(queues_and_locations);
        json_object_set_new(all, each->as->entry.name, one);
    }
    print(all, out);
}

void control_counts(const struct world *world, FILE *out)
{
    json_t *all = json_object();
    for (size_t i = 0; i < world->node_count; i++) {
        const struct lab_node *node = &world->nodes[i];
        json_t *one = json_object();
        for (size_t j = 0; j < node->counter_count; j++)
            json_object_set_new(one, node->counters[j].what, json_integer((json_int_t)node->counters[j].count));
        json_object_set_new(one, "open-contexts", json_integer((json_int_t)node->contexts));
        json_object_set_new(all, node->as->entry.name, one);
    }
    print(all, out);
}
