/* One machine: its services, its host instances, its end. Knows the cluster only by asking which node ENTSSO is on. */
#include <string.h>
#include <strings.h>

#include "behaviour.h"

enum { RECOVERIES = 3 };

void service_run(struct world *world, struct service *service)
{
    *service = (struct service){.state = SERVICE_RUNS, .due = FOREVER, .process = world->next_process, .started_wall = world->wall};
    world->next_process += 4;
}

void service_start(struct world *world, struct service *service, int64_t takes)
{
    service_run(world, service);
    service->state = SERVICE_STARTING;
    service->due = world->now + (uint64_t)takes;
}

void service_stop(const struct world *world, struct service *service, int64_t takes)
{
    service->state = SERVICE_STOPPING;
    service->due = world->now + (uint64_t)takes;
}

void service_die(struct service *service)
{
    *service = (struct service){.state = SERVICE_STOPPED_NOW, .due = FOREVER};
}

bool service_pending(const struct service *service)
{
    return service->state == SERVICE_STARTING || service->state == SERVICE_STOPPING;
}

void service_step(struct world *world, struct service *service)
{
    if (!service_pending(service) || world->now < service->due)
        return;
    if (service->state == SERVICE_STOPPING) {
        service_die(service);
    } else {
        service->state = SERVICE_RUNS;
        service->due = FOREVER;
    }
}

struct instance *instance_of(const struct lab_cluster *cluster, size_t host, int node)
{
    int position = node == NOWHERE ? NOWHERE : cluster->hosts[host].instances[node];
    return position == NOWHERE ? NULL : &cluster->instances[position];
}

bool instance_works(const struct instance *instance)
{
    return instance->service.state == SERVICE_RUNS && !instance->service.hung;
}

/* A host needs the ENTSSO of its own machine when it starts; later it lives on what it has read. */
bool instance_may_start(const struct lab_cluster *cluster, const struct instance *instance)
{
    const struct lab_node *node = &cluster->nodes[instance->node];
    return node->up && instance->configuration == 1 && !instance->disabled && node->sso.state == SERVICE_RUNS;
}

unsigned instance_start(struct world *world, struct lab_cluster *cluster, struct instance *instance)
{
    if (instance->service.state != SERVICE_STOPPED_NOW)
        return SERVICE_IS_RUNNING;
    if (instance->disabled)
        return SERVICE_IS_DISABLED;
    if (!instance_may_start(cluster, instance))
        return SERVICE_CANNOT_START;
    service_start(world, &instance->service, cluster->as->timing.online);
    instance->dies_at = 0;
    return SERVICE_DONE;
}

unsigned instance_stop(const struct world *world, const struct lab_cluster *cluster, struct instance *instance)
{
    const struct scenario_timing *timing = &cluster->as->timing;
    if (instance->service.state != SERVICE_RUNS)
        return SERVICE_NOT_ACCEPTED;
    service_stop(world, &instance->service, instance->service.hung ? timing->hung_stop : timing->offline);
    instance->recover_at = 0;
    return SERVICE_DONE;
}

bool host_receives(const struct lab_cluster *cluster, size_t host, const char *adapter)
{
    for (size_t i = 0; i < cluster->location_count; i++) {
        const struct location *location = &cluster->locations[i];
        if (location->host == host && location->enabled && strcasecmp(location->as->adapter, adapter) == 0)
            return true;
    }
    return false;
}

/* Without its database an instance lives a little, and comes back only to die again. */
static void instance_without_sql(const struct world *world, const struct lab_cluster *cluster, struct instance *instance)
{
    if (!cluster->sql_down || instance->service.state != SERVICE_RUNS) {
        instance->dies_at = 0;
        return;
    }
    if (!instance->dies_at) /* not all at once */
        instance->dies_at = world->now + (uint64_t)cluster->as->timing.sql_dies + (uint64_t)(instance - cluster->instances) % 7 * 300;
    if (world->now >= instance->dies_at)
        service_die(&instance->service);
}

/* The service manager's own recovery, which is not for clustered hosts: those the cluster restarts. */
static void instance_recover(struct world *world, struct lab_cluster *cluster, struct instance *instance)
{
    if (instance->recover_at && world->now >= instance->recover_at) {
        instance->recover_at = 0;
        instance->recoveries++;
        instance_start(world, cluster, instance);
    }
}

static void instance_step(struct world *world, struct lab_cluster *cluster, struct instance *instance)
{
    bool ran = instance->service.state == SERVICE_RUNS;
    service_step(world, &instance->service);
    instance_without_sql(world, cluster, instance);
    bool died = ran && instance->service.state == SERVICE_STOPPED_NOW;
    if (died && cluster->hosts[instance->host].resource == NOWHERE && instance->recoveries < RECOVERIES)
        instance->recover_at = world->now + (uint64_t)cluster->as->timing.recovery;
    instance_recover(world, cluster, instance);
    if (instance->service.state == SERVICE_STOPPED_NOW)
        instance->outside = false;
}

static bool sso_belongs_here(const struct lab_cluster *cluster, const struct lab_node *node)
{
    return cluster->sso_resource == NOWHERE && node->as->sso;
}

void node_go_down(struct world *world, struct lab_cluster *cluster, struct lab_node *node)
{
    node->up = false;
    node->gone_since = world->now;
    node->drain = 0;
    service_die(&node->sso);
    service_die(&node->msmq);
    service_die(&node->msdtc);
    service_die(&node->cluster_service);
    for (size_t i = 0; i < cluster->instance_count; i++) {
        if (cluster->instances[i].node != node->index)
            continue;
        service_die(&cluster->instances[i].service);
        cluster->instances[i].recover_at = 0;
    }
    for (size_t i = 0; i < cluster->resource_count; i++)
        if (cluster->groups[cluster->resources[i].group].owner == (int)node->index)
            service_die(&cluster->resources[i].service);
}

void node_come_up(struct world *world, struct lab_cluster *cluster, struct lab_node *node)
{
    if (!node->known_down) /* so fast that nobody noticed: what ran there is gone nevertheless */
        cluster_node_gone(cluster, node);
    node->up = true;
    node->known_down = false;
    node->gone_since = 0;
    node->joined_at = world->now + (uint64_t)cluster->as->timing.join;
    if (sso_belongs_here(cluster, node))
        service_run(world, &node->sso);
    if (node->as->msmq)
        service_run(world, &node->msmq);
    if (node->as->msdtc)
        service_run(world, &node->msdtc);
    service_run(world, &node->cluster_service);
    for (size_t i = 0; i < cluster->instance_count; i++) {
        struct instance *instance = &cluster->instances[i];
        if (instance->node == node->index && cluster->hosts[instance->host].resource == NOWHERE)
            instance_start(world, cluster, instance);
    }
}

void machines_step(struct world *world, struct lab_cluster *cluster)
{
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct lab_node *node = &cluster->nodes[i];
        service_step(world, &node->sso);
        service_step(world, &node->msmq);
        service_step(world, &node->msdtc);
        service_step(world, &node->cluster_service);
        if (!node->up && !node->known_down && world->now >= node->gone_since + (uint64_t)cluster->as->timing.heartbeat)
            cluster_node_gone(cluster, node);
        if (node->up && node->joined_at && world->now >= node->joined_at)
            node->joined_at = 0;
    }
    for (size_t i = 0; i < cluster->instance_count; i++)
        instance_step(world, cluster, &cluster->instances[i]);
}
