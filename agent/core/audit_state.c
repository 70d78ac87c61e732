/* Rules about what the cluster does with its resources: 21 to 27. */
#include <inttypes.h>
#include <string.h>

#include "audit_parts.h"

static const char *state_text(int64_t state)
{
    static const char *const names[] = {"inherited", "initializing", "online", "offline", "failed"};
    if (state >= 0 && state <= RESOURCE_FAILED)
        return names[state];
    return state == RESOURCE_PENDING           ? "pending"
           : state == RESOURCE_ONLINE_PENDING  ? "online pending"
           : state == RESOURCE_OFFLINE_PENDING ? "offline pending"
                                               : "in an unknown state";
}

static bool is_pending(int64_t state)
{
    return state == RESOURCE_PENDING || state == RESOURCE_ONLINE_PENDING || state == RESOURCE_OFFLINE_PENDING;
}

/* ---- 21 ---- */

void audit_msdtc(struct audit_view *view)
{
    const struct found_resource *resource;
    bool any = false, clustered = false;
    for (uint16_t i = 0; i < view->host_count; i++)
        clustered |= view->hosts[i].clustered == YES;
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, NULL));) {
        const struct audit_about about = {AUDIT_RESOURCE, resource->name, "", false};
        if (!names_equal(resource->type, "Distributed Transaction Coordinator"))
            continue;
        any = true;
        if (resource->state == RESOURCE_ONLINE)
            audit_yes(view, &about, "online on %s", resource->owner);
        else if (resource->state == RESOURCE_OFFLINE || resource->state == RESOURCE_FAILED)
            audit_no(view, &about, "%s, group %s", state_text(resource->state), resource->group);
        else
            audit_unknown(view, &about, is_pending(resource->state) ? REASON_IN_TRANSITION : REASON_NOT_SEEN, "%s",
                          state_text(resource->state));
    }
    if (clustered && !any)
        audit_no(view, &(struct audit_about){AUDIT_CLUSTER, audit_cluster_name(view), "", false},
                 "hosts are clustered, and there is no resource of type Distributed Transaction Coordinator");
}

/* ---- 22 and 23 ---- */

void audit_not_failed(struct audit_view *view)
{
    const struct found_resource *resource;
    const struct found_group *group;
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, NULL));) {
        const struct audit_about about = {AUDIT_RESOURCE, resource->name, "", false};
        if (resource->state == RESOURCE_FAILED)
            audit_no(view, &about, "failed on %s; type %s, group %s", resource->owner, resource->type, resource->group);
        else if (resource->state == ABSENT || resource->state < 0)
            audit_unknown(view, &about, REASON_NOT_SEEN, "its state did not come; group %s", resource->group);
        else
            audit_yes(view, &about, "%s", state_text(resource->state));
    }
    for (size_t at = 0; (group = audit_next(view, FOUND_GROUP, &at, NULL));) {
        const struct audit_about about = {AUDIT_GROUP, group->name, "", false};
        if (group->state == GROUP_FAILED)
            audit_no(view, &about, "failed on %s", group->owner);
        else if (group->state == ABSENT || group->state < 0)
            audit_unknown(view, &about, REASON_NOT_SEEN, "its state did not come");
        else
            audit_yes(view, &about, "not failed");
    }
}

void audit_not_stuck(struct audit_view *view)
{
    const struct found_resource *resource;
    struct estate_row row;
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, &row));) {
        const struct audit_about about = {AUDIT_RESOURCE, resource->name, "", false};
        bool own = resource->pending_timeout_ms != ABSENT && resource->pending_timeout_ms > 0;
        msec_t limit = own ? resource->pending_timeout_ms : view->input->policy->clusters[view->cluster].pending_timeout;
        msec_t age = view->now - row.since;
        if (resource->state == ABSENT || resource->state < 0)
            audit_unknown(view, &about, REASON_NOT_SEEN, "its state did not come; group %s", resource->group);
        else if (!is_pending(resource->state))
            audit_yes(view, &about, "not pending: %s", state_text(resource->state));
        else if (age > limit)
            audit_no(view, &about, "%s on %s for %" PRId64 " s at least; its pending timeout is %" PRId64 " s%s",
                     state_text(resource->state), resource->owner, age / 1000, limit / 1000, own ? "" : " by the configuration");
        else
            audit_yes(view, &about, "%s for %" PRId64 " s, of %" PRId64 " s", state_text(resource->state), age / 1000, limit / 1000);
    }
}

/* ---- 24 ---- */

/* A copy runs on a node that the cluster does not name. Both readings must be of the same, settled state. */
static void judge_view(struct audit_view *view, const struct audit_host *host, const struct found_instance *instance,
                       const struct estate_row *row)
{
    const struct found_resource *resource = host->resource.found;
    uint16_t reason = REASON_NONE;
    bool assumed;
    enum verdict runs = audit_runs(view, instance, &reason, &assumed);
    const struct audit_about about = {AUDIT_HOST, host->name, instance->node, host->by_name || assumed};
    bool owner = audit_same_node(view, resource->owner, instance->node);
    if (runs == UNKNOWN)
        audit_unknown(view, &about, reason, "whether it runs there is not known: %s", reason_text(reason));
    else if (owner || runs == NO)
        audit_yes(view, &about, "%s, and the cluster says %s", runs == YES ? "runs there" : "does not run there", resource->owner);
    else if (audit_moving(view, &host->resource) || audit_moving(view, row))
        audit_unknown(view, &about, REASON_IN_TRANSITION, "runs there, the cluster says %s; one of the two has just changed",
                      resource->owner);
    else
        audit_no(view, &about, "runs there, while resource %s is online on %s%s", resource->name, resource->owner,
                 assumed ? " (by BizTalk's word alone)" : "");
}

void audit_one_view(struct audit_view *view)
{
    const struct found_instance *instance;
    struct estate_row row;
    for (uint16_t i = 0; i < view->host_count; i++)
        if (view->hosts[i].clustered == YES)
            audit_resource(view, &view->hosts[i]);
    for (size_t at = 0; (instance = audit_next(view, FOUND_INSTANCE, &at, &row));) {
        const struct audit_host *host = audit_host(view, instance->host);
        if (!host || !host->has_resource || instance->cluster == INSTANCE_VIRTUAL)
            continue;
        const struct found_resource *resource = host->resource.found;
        if (audit_may_be_virtual(view, instance))
            audit_unknown(view, &(struct audit_about){AUDIT_HOST, host->name, instance->node, false}, REASON_NOT_SEEN,
                          "whether this is an instance or the cluster's own row of the host did not come");
        else if (resource->state == RESOURCE_ONLINE && *resource->owner)
            judge_view(view, host, instance, &row);
        else
            audit_unknown(view, &(struct audit_about){AUDIT_HOST, host->name, instance->node, false}, REASON_GROUP_UNSTEADY,
                          "resource %s is %s", resource->name, state_text(resource->state));
    }
}

/* ---- 25 ---- */

static void judge_outside(struct audit_view *view, const struct audit_host *host, uint8_t node)
{
    char name[FOUND_NAME];
    const struct found_resource *resource = host->resource.found;
    audit_host_service(name, host->name);
    const struct audit_service service = audit_service(view, node, name);
    const struct audit_about about = {AUDIT_HOST, host->name, audit_node_name(view, node), host->by_name};
    if (service.verdict == UNKNOWN)
        audit_unknown(view, &about, service.reason, "whether its service runs there is not known: %s", reason_text(service.reason));
    else if (service.verdict == NO)
        audit_yes(view, &about, "its service does not run there");
    else if (audit_moving(view, &host->resource) || audit_moving(view, &service.row))
        audit_unknown(view, &about, REASON_IN_TRANSITION, "its service runs there, and it has just been moved");
    else if (resource->state != RESOURCE_ONLINE && resource->state != RESOURCE_OFFLINE && resource->state != RESOURCE_FAILED)
        audit_unknown(view, &about, REASON_GROUP_UNSTEADY, "its service runs there; resource %s is %s", resource->name,
                      state_text(resource->state));
    else
        audit_no(view, &about, "service %s runs there; resource %s is %s on %s", name, resource->name, state_text(resource->state),
                 resource->owner);
}

void audit_not_outside(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++) {
        const struct audit_host *host = &view->hosts[i];
        if (host->clustered != YES || !audit_resource(view, host))
            continue;
        const struct found_resource *resource = host->resource.found;
        uint8_t owner = resource->state == RESOURCE_ONLINE ? estate_node(view->estate, resource->owner) : NODE_NONE;
        for (uint8_t node = 0; node < view->input->policy->clusters[view->cluster].node_count; node++)
            if (node != owner)
                judge_outside(view, host, node);
    }
}

/* ---- 26 ---- */

static void judge_policy(struct audit_view *view, const struct audit_host *host)
{
    enum { RESTART_NOTIFY = 2 };
    static const char *const actions[] = {"is not restarted", "is restarted, but never failed over", "is restarted, then failed over"};
    const struct found_resource *resource = host->resource.found;
    const struct policy_windows *expected = view->windows;
    const struct audit_about about = {AUDIT_RESOURCE, resource->name, "", host->by_name};
    int64_t action = resource->restart_action, wanted = expected->restart_action == ABSENT ? RESTART_NOTIFY : expected->restart_action;
    if (action < 0 || action > RESTART_NOTIFY)
        audit_unknown(view, &about, REASON_NOT_SEEN, "its restart action did not come");
    else if (action != wanted)
        audit_no(view, &about, "%s (RestartAction %d, expected %d)", actions[action], (int)action, (int)wanted);
    else if (expected->restart_threshold != ABSENT && resource->restart_threshold == ABSENT)
        audit_unknown(view, &about, REASON_NOT_SEEN, "its restart threshold did not come");
    else if (expected->restart_threshold != ABSENT && resource->restart_threshold != expected->restart_threshold)
        audit_no(view, &about, "%" PRId64 " restart(s) within the period, expected %" PRId64, resource->restart_threshold,
                 expected->restart_threshold);
    else
        audit_yes(view, &about, "%s", actions[action]);
}

void audit_restart_policy(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++)
        if (view->hosts[i].clustered == YES && audit_resource(view, &view->hosts[i]))
            judge_policy(view, &view->hosts[i]);
}

/* ---- 27 ---- */

static bool holds_host(const struct audit_view *view, const char *group)
{
    for (uint16_t i = 0; i < view->host_count; i++)
        if (view->hosts[i].clustered == YES && names_equal(audit_host_group(&view->hosts[i]), group))
            return true;
    return false;
}

void audit_failback(struct audit_view *view)
{
    const struct found_group *group;
    for (size_t at = 0; (group = audit_next(view, FOUND_GROUP, &at, NULL));) {
        const struct audit_about about = {AUDIT_GROUP, group->name, "", false};
        if (!holds_host(view, group->name))
            continue;
        if (group->auto_failback == 0)
            audit_yes(view, &about, "does not fail back by itself");
        else if (group->auto_failback != 1)
            audit_unknown(view, &about, REASON_NOT_SEEN, "whether it fails back did not come");
        else if (group->failback_start == ABSENT || group->failback_end == ABSENT)
            audit_unknown(view, &about, REASON_NOT_SEEN, "it fails back by itself; its window did not come");
        else if (group->failback_start < 0 || group->failback_end < 0)
            audit_no(view, &about, "it fails back by itself, at any time of the day");
        else
            audit_yes(view, &about, "it fails back between %d and %d h only", (int)group->failback_start, (int)group->failback_end);
    }
}
