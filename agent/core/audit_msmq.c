/* Rules about Message Queuing beside the hosts that read its queues: 13 to 15. */
#include "audit_parts.h"

enum { AFTER_HANDOVER_MS = 10 * 60000 };

static bool reads_queues(const struct audit_host *host)
{
    return host->enabled[ADAPTER_MSMQ] > 0;
}

bool audit_has_msmq(const struct audit_view *view)
{
    const struct found_resource *resource;
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, NULL));)
        if (resource_is_msmq(resource))
            return true;
    return false;
}

/* ---- 13: what Windows calls the type of a clustered Message Queuing has not been verified; that one of that type is there proves it ----
 */

static void judge_group(struct audit_view *view, const struct audit_host *host)
{
    const struct found_resource *resource, *own = host->resource.found;
    const char *elsewhere = "";
    bool here = false;
    struct audit_about about = {AUDIT_HOST, host->name, "", host->by_name || !host->local_queues};
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, NULL));) {
        if (!resource_is_msmq(resource))
            continue;
        if (names_equal(resource->group, own->group))
            here = true;
        else
            elsewhere = resource->group;
    }
    enum verdict depends = audit_depends(view, own->name, resource_is_msmq, true);
    about.assumed |= !here && !*elsewhere;
    if (!here)
        audit_no(view, &about, "%u MSMQ receive location(s); group %s holds no resource of type MSMQ%s%s", host->enabled[ADAPTER_MSMQ],
                 own->group, *elsewhere ? "; one is in group " : " that is recognised", elsewhere);
    else if (depends == UNKNOWN)
        audit_unknown(view, &about, REASON_NOT_SEEN, "the dependencies of resource %s have not been read", own->name);
    else if (depends == NO)
        audit_no(view, &about, "Message Queuing is in group %s, but resource %s does not depend on it", own->group, own->name);
    else
        audit_yes(view, &about, "Message Queuing is in group %s, and resource %s depends on it", own->group, own->name);
}

void audit_msmq_in_group(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++) {
        const struct audit_host *host = &view->hosts[i];
        if (!reads_queues(host) || host->clustered != YES)
            continue;
        if (!host->local_queues && !audit_has_msmq(view))
            audit_unknown(view, &(struct audit_about){AUDIT_HOST, host->name, "", false}, REASON_NOT_SEEN,
                          "it is not known whether the queues of its %u MSMQ receive location(s) are on this cluster", host->other_queues);
        else if (audit_resource(view, host))
            judge_group(view, host);
    }
}

/* ---- 14 ---- */

static bool seen_anywhere(const struct audit_view *view, const char *service)
{
    for (uint8_t node = 0; node < view->input->policy->clusters[view->cluster].node_count; node++) {
        const struct audit_service word = audit_service(view, node, service);
        if (word.row.found && !word.missing)
            return true;
    }
    return false;
}

void audit_msmq_local(struct audit_view *view)
{
    bool wanted = false, proven = seen_anywhere(view, "MSMQ");
    for (uint16_t i = 0; i < view->host_count; i++)
        wanted |= reads_queues(&view->hosts[i]);
    for (uint8_t node = 0; wanted && node < view->input->policy->clusters[view->cluster].node_count; node++) {
        const struct audit_service service = audit_service(view, node, "MSMQ");
        const char *name = audit_node_name(view, node);
        const struct audit_about about = {AUDIT_NODE, name, name, service.missing && !proven};
        if (service.verdict == YES)
            audit_yes(view, &about, "the local Message Queuing service runs");
        else if (service.missing)
            audit_no(view, &about, "its services show no MSMQ");
        else if (service.verdict == NO)
            audit_no(view, &about, "the local Message Queuing service is %s", audit_service_state(service.state));
        else
            audit_unknown(view, &about, service.reason, "whether Message Queuing runs is not known: %s", reason_text(service.reason));
    }
}

/* ---- 15 ---- */

static void judge_order(struct audit_view *view, const struct found_location *location, const struct estate_row *row)
{
    const struct audit_host *host = audit_host(view, location->host);
    const struct audit_about about = {AUDIT_LOCATION, location->name, "", false};
    struct estate_row group_row;
    if (!host || host->clustered != YES)
        return;
    const struct found_group *group = audit_group(view, audit_host_group(host), &group_row);
    if (location->disabled == UNKNOWN || !group) {
        audit_unknown(view, &about, REASON_NOT_SEEN, "%s", group ? "whether it is enabled did not come" : "its group is not known");
        return;
    }
    msec_t after = row->since - group_row.since;
    bool moved = group_row.since > group_row.first_at, turned = row->since > row->first_at;
    if (location->disabled == NO)
        audit_yes(view, &about, "enabled");
    else if (moved && turned && after >= 0 && after <= AFTER_HANDOVER_MS)
        audit_no(view, &about, "disabled %d s after group %s came to %s", (int)(after / 1000), group->name, group->owner);
    else if (!turned)
        audit_unknown(view, &about, REASON_NOT_SEEN, "it was disabled before this agent watched it");
    else
        audit_yes(view, &about, "disabled, not by a failover");
}

void audit_msmq_order(struct audit_view *view)
{
    const struct found_location *location;
    struct estate_row row;
    for (size_t at = 0; (location = audit_next(view, FOUND_LOCATION, &at, &row));)
        if (audit_adapter(view->windows, location->adapter) == ADAPTER_MSMQ)
            judge_order(view, location, &row);
}
