/* The failover cluster's resources: what comes online after what, what a death leads to. One rule moves everything: a resource is meant to
 * be online while it is wanted, its group stays where it is, and all that it depends on is online and meant to be. */
#include <string.h>

#include "behaviour.h"

bool resource_pending(const struct resource *resource)
{
    return resource->state >= STATE_PENDING;
}

struct service *resource_service(const struct lab_cluster *cluster, struct resource *resource)
{
    int owner = cluster->groups[resource->group].owner;
    struct instance *instance;
    switch (resource->as->kind) {
    case KIND_HOST:
        instance = instance_of(cluster, resource->host, owner);
        return instance ? &instance->service : NULL;
    case KIND_SSO:
        return owner == NOWHERE ? NULL : &cluster->nodes[owner].sso;
    case KIND_MSMQ:
        return &resource->service;
    default:
        return NULL;
    }
}

static bool is_service(const struct resource *resource)
{
    return resource->as->kind == KIND_HOST || resource->as->kind == KIND_SSO || resource->as->kind == KIND_MSMQ;
}

uint64_t resource_takes(const struct resource *resource, int64_t time)
{
    return (uint64_t)(is_service(resource) ? time : time / 4);
}

static void enter(const struct world *world, struct resource *resource, uint8_t state, uint64_t due)
{
    resource->state = state;
    resource->due = due;
    resource->state_since = world->now;
    resource->gone_since = 0;
}

static bool depends_on(const struct resource *resource, size_t other)
{
    for (size_t i = 0; i < resource->depend_count; i++)
        if (resource->depends[i] == other)
            return true;
    return false;
}

bool depends_within(const struct lab_cluster *cluster, const struct resource *resource, size_t position)
{
    return cluster->resources[resource->depends[position]].group == resource->group;
}

static bool is_meant(const struct lab_cluster *cluster, const struct resource *resource)
{
    if (!resource->wanted || cluster->groups[resource->group].target != NOWHERE)
        return false;
    for (size_t i = 0; i < resource->depend_count; i++) {
        const struct resource *provider = &cluster->resources[resource->depends[i]];
        if (depends_within(cluster, resource, i) && !(provider->state == STATE_ONLINE && is_meant(cluster, provider)))
            return false;
    }
    return true;
}

static bool has_active_dependents(const struct lab_cluster *cluster, const struct resource *resource)
{
    size_t position = (size_t)(resource - cluster->resources);
    for (size_t i = 0; i < cluster->resource_count; i++) {
        const struct resource *other = &cluster->resources[i];
        if (other->group == resource->group && depends_on(other, position) && other->state != STATE_OFFLINE && other->state != STATE_FAILED)
            return true;
    }
    return false;
}

static size_t failures_within(const uint64_t *times, size_t count, uint64_t now, uint64_t period)
{
    size_t within = 0;
    for (size_t i = 0; i < count; i++)
        within += now - times[i] <= period;
    return within;
}

static void remember(uint64_t *times, size_t *count, uint64_t now)
{
    memmove(times + 1, times, (FAILURES_KEPT - 1) * sizeof *times);
    times[0] = now;
    if (*count < FAILURES_KEPT)
        (*count)++;
}

static void give_up(const struct world *world, struct resource *resource)
{
    uint64_t retry = (uint64_t)resource->as->restart.retry;
    enter(world, resource, STATE_FAILED, retry ? world->now + retry : FOREVER);
}

/* Restart here while the threshold lasts; then the whole group goes elsewhere while its own threshold lasts; then failed. */
static void resource_failed(struct world *world, struct lab_cluster *cluster, struct resource *resource)
{
    const struct scenario_restart *restart = &resource->as->restart;
    struct service *service = resource_service(cluster, resource);
    if (service && service->state != SERVICE_STOPPED_NOW)
        service_die(service);
    size_t before = failures_within(resource->failures, resource->failure_count, world->now, (uint64_t)restart->period);
    remember(resource->failures, &resource->failure_count, world->now);
    if (restart->action != 0 && before < (size_t)restart->threshold) {
        enter(world, resource, STATE_PENDING, world->now + (uint64_t)restart->delay);
        return;
    }
    give_up(world, resource);
    if (restart->action == 2)
        group_fail_over(world, cluster, resource);
}

void group_fail_over(struct world *world, struct lab_cluster *cluster, struct resource *failed)
{
    struct group *group = &cluster->groups[failed->group];
    uint64_t period = (uint64_t)group->as->failover_period_hours * 3600000;
    size_t allowed = group->as->failover_threshold == UINT32_MAX ? cluster->node_count - 1 : (size_t)group->as->failover_threshold;
    int target = group_target(cluster, group);
    if (group->target != NOWHERE || target == NOWHERE ||
        failures_within(group->failovers, group->failover_count, world->now, period) >= allowed)
        return;
    remember(group->failovers, &group->failover_count, world->now);
    group->target = target;
}

static void begin_online(struct world *world, struct lab_cluster *cluster, struct resource *resource)
{
    uint64_t due = world->now + resource_takes(resource, cluster->as->timing.online);
    struct service *service = resource_service(cluster, resource);
    enter(world, resource, STATE_ONLINE_PENDING, due);
    if (!service || service->state == SERVICE_RUNS) /* a copy that somebody started is taken over */
        return;
    if (resource->as->kind == KIND_HOST)
        instance_start(world, cluster, instance_of(cluster, resource->host, cluster->groups[resource->group].owner));
    else
        service_start(world, service, (int64_t)(due - world->now));
}

static void begin_offline(const struct world *world, const struct lab_cluster *cluster, struct resource *resource)
{
    const struct scenario_timing *timing = &cluster->as->timing;
    struct service *service = resource_service(cluster, resource);
    uint64_t needs = resource_takes(resource, service && service->hung ? timing->hung_stop : timing->offline);
    enter(world, resource, STATE_OFFLINE_PENDING, world->now + needs);
    if (service && service->state != SERVICE_STOPPED_NOW)
        service_stop(world, service, (int64_t)needs);
}

static void finish_online(struct world *world, struct lab_cluster *cluster, struct resource *resource)
{
    struct service *service = resource_service(cluster, resource);
    if (is_service(resource) && !(service && service->state == SERVICE_RUNS)) {
        resource_failed(world, cluster, resource);
        return;
    }
    enter(world, resource, STATE_ONLINE, FOREVER);
    if (resource->as->kind == KIND_HOST)
        instance_of(cluster, resource->host, cluster->groups[resource->group].owner)->outside = false;
}

/* The cluster asks a service whether it is alive, not whether it works: one that hangs stays online. */
static void watch(struct world *world, struct lab_cluster *cluster, struct resource *resource)
{
    struct service *service = resource_service(cluster, resource);
    if (!is_service(resource) || (service && service->state == SERVICE_RUNS)) {
        resource->gone_since = 0;
        return;
    }
    if (!resource->gone_since)
        resource->gone_since = world->now;
    if (world->now - resource->gone_since >= (uint64_t)cluster->as->timing.is_alive)
        resource_failed(world, cluster, resource);
}

static void resource_step(struct world *world, struct lab_cluster *cluster, struct resource *resource)
{
    const struct group *group = &cluster->groups[resource->group];
    bool due = world->now >= resource->due;
    if (resource->as->kind == KIND_MSMQ)
        service_step(world, &resource->service);
    if (group->owner == NOWHERE || !cluster->nodes[group->owner].up)
        return; /* nobody acts until the heartbeat says so */
    bool meant = is_meant(cluster, resource);
    switch (resource->state) {
    case STATE_ONLINE_PENDING:
        if (due)
            finish_online(world, cluster, resource);
        break;
    case STATE_OFFLINE_PENDING:
        if (due)
            enter(world, resource, STATE_OFFLINE, FOREVER);
        break;
    case STATE_PENDING: /* waits for its restart */
        if (due && meant)
            begin_online(world, cluster, resource);
        else if (due)
            enter(world, resource, STATE_OFFLINE, FOREVER);
        break;
    case STATE_OFFLINE:
        if (meant)
            begin_online(world, cluster, resource);
        break;
    case STATE_FAILED:
        if (due && meant)
            begin_online(world, cluster, resource);
        break;
    default:
        if (meant)
            watch(world, cluster, resource);
        else if (!has_active_dependents(cluster, resource))
            begin_offline(world, cluster, resource);
    }
}

void resource_bring_online(const struct world *world, struct lab_cluster *cluster, struct resource *resource)
{
    resource->wanted = true;
    if (resource->state == STATE_FAILED)
        enter(world, resource, STATE_OFFLINE, FOREVER);
    resource->failure_count = 0;
    for (size_t i = 0; i < resource->depend_count; i++) { /* what it needs comes with it; dependencies have no circles: see world_build */
        struct resource *provider = &cluster->resources[resource->depends[i]];
        if (depends_within(cluster, resource, i) && provider->state != STATE_ONLINE)
            resource_bring_online(world, cluster, provider);
    }
}

void resource_take_offline(struct resource *resource)
{
    resource->wanted = false;
    if (resource->state == STATE_FAILED)
        resource->state = STATE_OFFLINE;
}

void cluster_step(struct world *world, struct lab_cluster *cluster)
{
    for (size_t i = 0; i < cluster->resource_count; i++)
        resource_step(world, cluster, &cluster->resources[i]);
    groups_step(world, cluster);
}
