/* How the audit reads the estate: by the best source of each kind, about a node by that node's own word. Owns no rule. */
#include <stdio.h>
#include <string.h>

#include "audit_parts.h"
#include "parts.h"

const void *audit_next_of(const struct audit_view *view, uint16_t source, enum found_kind kind, size_t *position, struct estate_row *row)
{
    if (source == UINT16_MAX)
        return NULL;
    struct estate_span span = estate_span(view->estate, source, kind);
    while (*position < span.count) {
        const struct estate_row next = estate_row(view->estate, kind, span.first + (*position)++);
        if (next.absent_at)
            continue;
        if (row)
            *row = next;
        return next.found;
    }
    return NULL;
}

const void *audit_next(const struct audit_view *view, enum found_kind kind, size_t *position, struct estate_row *row)
{
    return audit_next_of(view, view->best[kind], kind, position, row);
}

uint16_t audit_reader(const struct audit_view *view, enum found_kind kind, const char *resource)
{
    const struct policy *policy = view->input->policy;
    uint16_t reader = UINT16_MAX;
    msec_t newest = 0;
    for (uint16_t i = 0; i < policy->source_count; i++) {
        if (!policy->sources[i].estate || policy->sources[i].cluster != view->cluster)
            continue;
        msec_t read = estate_asked(view->estate, i, kind, resource);
        if (read <= newest || view->now - read >= ESTATE_SLOW_MS || estate_span(view->estate, i, kind).count > AUDIT_ROWS)
            continue;
        newest = read;
        reader = i;
    }
    return reader;
}

bool audit_same_node(const struct audit_view *view, const char *left, const char *right)
{
    uint8_t node = estate_node(view->estate, left);
    return names_equal(left, right) || (node != NODE_NONE && node == estate_node(view->estate, right));
}

enum adapter audit_adapter(const struct policy_windows *windows, const char *name)
{
    const char *const *const lists[ADAPTERS] = {windows->ftp_adapters, windows->sftp_adapters, windows->pop3_adapters,
                                                windows->msmq_adapters};
    for (unsigned i = 0; i < ADAPTERS; i++)
        if (name_listed(lists[i], name))
            return (enum adapter)i;
    return ADAPTERS;
}

const struct found_group *audit_group(const struct audit_view *view, const char *name, struct estate_row *row)
{
    if (view->best[FOUND_GROUP] == UINT16_MAX || !estate_find(view->estate, view->best[FOUND_GROUP], FOUND_GROUP, name, "", row) ||
        row->absent_at)
        return NULL;
    return row->found;
}

bool audit_moving(const struct audit_view *view, const struct estate_row *row)
{
    const struct policy_cluster *cluster = &view->input->policy->clusters[view->cluster];
    msec_t settle = 2 * cluster->control_interval + cluster->control_timeout;
    if (settle < 30000)
        settle = 30000;
    return row->since > row->first_at && view->now - row->since < settle;
}

const char *audit_cluster_name(const struct audit_view *view)
{
    return view->input->policy->clusters[view->cluster].name;
}

const char *audit_node_name(const struct audit_view *view, uint8_t node)
{
    const struct policy *policy = view->input->policy;
    if (node >= policy->clusters[view->cluster].node_count)
        return "";
    const struct policy_node *row = &policy->nodes[policy->clusters[view->cluster].first_node + node];
    return row->computer && *row->computer ? row->computer : row->name;
}

/* ---- services ---- */

const char *audit_service_state(uint8_t state)
{
    static const char *const names[] = {"in an unknown state", "stopped", "starting", "stopping", "running",
                                        "about to resume",     "pausing", "paused"};
    return state < sizeof names / sizeof *names ? names[state] : names[0];
}

void audit_host_service(char name[FOUND_NAME], const char *host)
{
    snprintf(name, FOUND_NAME, "BTSSvc$%s", host);
}

struct audit_service audit_service(const struct audit_view *view, uint8_t node, const char *name)
{
    struct audit_service service = {.verdict = UNKNOWN, .reason = REASON_NO_SOURCE};
    if (node == NODE_NONE)
        return service;
    uint16_t best = estate_best_of_node(view->estate, FOUND_SERVICE, node, view->now);
    if (best == UINT16_MAX) {
        uint16_t why = estate_why_none(view->estate, FOUND_SERVICE, node, view->now);
        service.reason = why == REASON_PREFLIGHT_UNKNOWN ? REASON_NOT_SEEN : why;
        return service;
    }
    if (!estate_find(view->estate, best, FOUND_SERVICE, name, "", &service.row) || service.row.absent_at) {
        service.verdict = NO;
        service.missing = true;
        return service;
    }
    service.state = ((const struct found_service *)service.row.found)->state;
    service.reason = service.state == SERVICE_STATE_UNKNOWN ? REASON_NOT_SEEN : REASON_IN_TRANSITION;
    if (service.state == SERVICE_RUNNING)
        service.verdict = YES;
    else if (service.state == SERVICE_STOPPED || service.state == SERVICE_PAUSED)
        service.verdict = NO;
    return service;
}

/* ---- does a copy of a host run there ---- */

static enum verdict instance_word(int64_t state, uint16_t *reason)
{
    *reason = state == ABSENT || state == INSTANCE_UNKNOWN ? REASON_NOT_SEEN : REASON_IN_TRANSITION;
    if (state == INSTANCE_RUNNING)
        return YES;
    return state == INSTANCE_STOPPED || state == INSTANCE_PAUSED ? NO : UNKNOWN;
}

enum verdict audit_runs(const struct audit_view *view, const struct found_instance *instance, uint16_t *reason, bool *assumed)
{
    char name[FOUND_NAME];
    uint8_t node = estate_node(view->estate, instance->node);
    audit_host_service(name, instance->host);
    struct audit_service service = audit_service(view, node, name);
    *assumed = false;
    if (service.verdict == YES || (service.verdict == NO && !service.missing))
        return service.verdict;
    if (service.row.found && service.reason == REASON_IN_TRANSITION) {
        *reason = REASON_IN_TRANSITION;
        return UNKNOWN;
    }
    uint16_t own = node == NODE_NONE ? UINT16_MAX : estate_best_of_node(view->estate, FOUND_INSTANCE, node, view->now);
    struct estate_row row;
    *assumed = instance->cluster == INSTANCE_CLUSTERED;
    if (own != UINT16_MAX && estate_find(view->estate, own, FOUND_INSTANCE, instance->host, instance->node, &row) && !row.absent_at) {
        const struct found_instance *said = row.found; /* another row of these names may be the virtual one */
        enum verdict word = said->cluster == instance->cluster ? instance_word(said->state, reason) : UNKNOWN;
        if (word != UNKNOWN)
            return word;
    }
    return instance_word(instance->state, reason);
}

bool audit_may_be_virtual(const struct audit_view *view, const struct found_instance *instance)
{
    return instance->cluster == ABSENT && estate_node(view->estate, instance->node) == NODE_NONE;
}
