/* The failover cluster's groups and nodes: where a group may go, goes, and what a lost, paused or drained node leads to. */
#include <string.h>

#include "behaviour.h"

static bool takes_groups(const struct lab_node *node)
{
    return node->up && !node->joined_at && !node->paused;
}

bool group_may_move(const struct lab_cluster *cluster, const struct group *group, int target)
{
    if (target == NOWHERE || !takes_groups(&cluster->nodes[target]))
        return false;
    for (size_t i = 0; i < cluster->resource_count; i++) {
        const struct resource *resource = &cluster->resources[i];
        if (&cluster->groups[resource->group] == group && !(resource->owners & 1u << target))
            return false;
    }
    return true;
}

int group_target(const struct lab_cluster *cluster, const struct group *group)
{
    if (group->preferred != group->owner && group_may_move(cluster, group, group->preferred))
        return group->preferred;
    for (size_t step = 1; step < cluster->node_count; step++) {
        int candidate = (int)(((size_t)group->owner + step) % cluster->node_count);
        if (group_may_move(cluster, group, candidate))
            return candidate;
    }
    return NOWHERE;
}

int group_state(const struct lab_cluster *cluster, const struct group *group)
{
    size_t online = 0, offline = 0, failed = 0, pending = 0;
    for (size_t i = 0; i < cluster->resource_count; i++) {
        const struct resource *resource = &cluster->resources[i];
        if (&cluster->groups[resource->group] != group)
            continue;
        pending += resource_pending(resource);
        online += resource->state == STATE_ONLINE;
        offline += resource->state == STATE_OFFLINE;
        failed += resource->state == STATE_FAILED;
    }
    if (pending || group->target != NOWHERE)
        return GROUP_IS_PENDING;
    if (failed)
        return GROUP_IS_FAILED;
    if (offline)
        return online ? GROUP_IS_PARTIAL : GROUP_IS_OFFLINE;
    return GROUP_IS_ONLINE;
}

void group_bring_online(const struct world *world, struct lab_cluster *cluster, struct group *group)
{
    group->persistent = true;
    for (size_t i = 0; i < cluster->resource_count; i++)
        if (&cluster->groups[cluster->resources[i].group] == group)
            resource_bring_online(world, cluster, &cluster->resources[i]);
}

void group_take_offline(struct lab_cluster *cluster, struct group *group)
{
    group->persistent = false;
    for (size_t i = 0; i < cluster->resource_count; i++)
        if (&cluster->groups[cluster->resources[i].group] == group)
            resource_take_offline(&cluster->resources[i]);
}

/* The longest way up, or down, through what depends on each other. */
static uint64_t chain(const struct lab_cluster *cluster, const struct resource *resource, int64_t time)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < resource->depend_count; i++) {
        uint64_t below = depends_within(cluster, resource, i) ? chain(cluster, &cluster->resources[resource->depends[i]], time) : 0;
        longest = below > longest ? below : longest;
    }
    return longest + resource_takes(resource, time);
}

uint64_t group_takes(const struct lab_cluster *cluster, const struct group *group, int64_t time)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < cluster->resource_count; i++) {
        uint64_t one = &cluster->groups[cluster->resources[i].group] == group ? chain(cluster, &cluster->resources[i], time) : 0;
        longest = one > longest ? one : longest;
    }
    return longest;
}

bool group_move(struct lab_cluster *cluster, struct group *group, int target)
{
    if (group->target != NOWHERE || !group_may_move(cluster, group, target))
        return false;
    if (target != group->owner)
        group->target = target;
    return true;
}

/* What failed elsewhere gets a new chance here. */
static void arrive(const struct world *world, struct lab_cluster *cluster, struct group *group, int node)
{
    group->owner = node;
    group->target = NOWHERE;
    group->orphan = false;
    group->moves++;
    for (size_t i = 0; i < cluster->resource_count; i++) {
        struct resource *resource = &cluster->resources[i];
        if (&cluster->groups[resource->group] != group)
            continue;
        resource->state = STATE_OFFLINE;
        resource->due = FOREVER;
        resource->state_since = world->now;
        resource->failure_count = 0;
    }
}

static bool all_down(const struct lab_cluster *cluster, const struct group *group)
{
    for (size_t i = 0; i < cluster->resource_count; i++) {
        const struct resource *resource = &cluster->resources[i];
        if (&cluster->groups[resource->group] == group && resource->state != STATE_OFFLINE && resource->state != STATE_FAILED)
            return false;
    }
    return true;
}

void cluster_node_gone(struct lab_cluster *cluster, struct lab_node *node)
{
    node->known_down = true;
    for (size_t i = 0; i < cluster->group_count; i++) {
        struct group *group = &cluster->groups[i];
        if (group->target == (int)node->index)
            group->target = NOWHERE;
        if (group->owner != (int)node->index)
            continue;
        group->orphan = true;
        for (size_t j = 0; j < cluster->resource_count; j++)
            if (cluster->resources[j].group == i && cluster->resources[j].state != STATE_FAILED)
                cluster->resources[j].state = STATE_OFFLINE;
    }
}

void node_pause(struct lab_cluster *cluster, struct lab_node *node, bool drain)
{
    node->paused = true;
    node->drain = drain ? 1 : 0;
    for (size_t i = 0; drain && i < cluster->group_count; i++) {
        struct group *group = &cluster->groups[i];
        if (group->owner == (int)node->index && group->target == NOWHERE)
            group->target = group_target(cluster, group);
    }
}

void node_resume(struct lab_node *node)
{
    node->paused = false;
    node->drain = 0;
}

bool sso_split(struct lab_cluster *cluster)
{
    if (cluster->sso_resource == NOWHERE || cluster->group_count > cluster->as->groups.count)
        return false;
    struct resource *sso = &cluster->resources[cluster->sso_resource];
    struct group *home = &cluster->groups[sso->group], *own = &cluster->groups[cluster->group_count];
    int target = group_target(cluster, home);
    if (target == NOWHERE)
        return false;
    *own = (struct group){.as = home->as, .name = "Enterprise SSO", .owner = home->owner, .target = target, .preferred = NOWHERE};
    own->persistent = true;
    cluster->sso_home = (int)sso->group;
    sso->group = cluster->group_count++;
    return true;
}

bool sso_join(struct lab_cluster *cluster)
{
    if (cluster->group_count == cluster->as->groups.count)
        return false;
    struct resource *sso = &cluster->resources[cluster->sso_resource];
    service_die(resource_service(cluster, sso));
    cluster->group_count--;
    sso->group = (size_t)cluster->sso_home;
    sso->state = STATE_OFFLINE; /* and comes online where its group is */
    sso->due = FOREVER;
    return true;
}

static void drain_step(const struct lab_cluster *cluster, struct lab_node *node)
{
    bool stuck = false, leaving = false;
    for (size_t i = 0; i < cluster->group_count; i++) {
        const struct group *group = &cluster->groups[i];
        bool here = group->owner == (int)node->index;
        leaving |= here && group->target != NOWHERE;
        stuck |= here && group->target == NOWHERE;
    }
    if (!leaving)
        node->drain = stuck ? 3 : 2;
}

/* Back to the preferred node when it is there again; with a window, in its hours only. */
static void fail_back(const struct world *world, struct lab_cluster *cluster, struct group *group)
{
    const struct scenario_group *as = group->as;
    int hour = (int)(world->wall / 3600000 % 24);
    bool windowed = as->failback_start >= 0 && as->failback_end >= 0;
    bool inside = as->failback_start <= as->failback_end ? hour >= as->failback_start && hour < as->failback_end
                                                         : hour >= as->failback_start || hour < as->failback_end;
    if (as->auto_failback && group->preferred != NOWHERE && group->owner != group->preferred && (!windowed || inside) &&
        group_state(cluster, group) == GROUP_IS_ONLINE)
        group_move(cluster, group, group->preferred);
}

static void group_step(const struct world *world, struct lab_cluster *cluster, struct group *group)
{
    if (group->orphan) {
        int target =
            cluster->nodes[group->owner].up && takes_groups(&cluster->nodes[group->owner]) ? group->owner : group_target(cluster, group);
        if (target != NOWHERE)
            arrive(world, cluster, group, target);
        return;
    }
    if (group->target != NOWHERE && all_down(cluster, group))
        arrive(world, cluster, group, group->target);
    if (group->target == NOWHERE)
        fail_back(world, cluster, group);
}

void groups_step(struct world *world, struct lab_cluster *cluster)
{
    for (size_t i = 0; i < cluster->group_count; i++)
        group_step(world, cluster, &cluster->groups[i]);
    for (size_t i = 0; i < cluster->node_count; i++)
        if (cluster->nodes[i].drain == 1)
            drain_step(cluster, &cluster->nodes[i]);
}
