/* What all rules ask of a host, gathered once: its receive locations, its instances and where they run, whether it is clustered, the
 * resource that runs it. Owns no rule. */
#include <string.h>

#include "audit_parts.h"

struct audit_host *audit_host(struct audit_view *view, const char *name)
{
    for (uint16_t i = 0; i < view->host_count; i++)
        if (names_equal(view->hosts[i].name, name))
            return &view->hosts[i];
    return NULL;
}

static struct audit_host *host_made(struct audit_view *view, const char *name)
{
    struct audit_host *host = audit_host(view, name);
    if (host || !*name)
        return host;
    if (view->host_count == AUDIT_HOSTS) {
        view->hosts_dropped = true;
        return NULL;
    }
    host = &view->hosts[view->host_count++];
    *host = (struct audit_host){.name = name};
    return host;
}

const char *audit_host_group(const struct audit_host *host)
{
    if (host->setting && *host->setting->cluster_group)
        return host->setting->cluster_group;
    return host->has_resource ? ((const struct found_resource *)host->resource.found)->group : "";
}

/* ---- receive locations ---- */

/* Is this queue's machine one of the nodes, or a Network Name of this cluster? */
static bool queue_is_here(struct audit_view *view, const char *url)
{
    char machine[LOCATION_PART];
    if (!location_queue_machine(url, machine))
        return false;
    if (strcmp(machine, ".") == 0 || names_equal(machine, "localhost"))
        return true;
    machine[strcspn(machine, ".")] = '\0';
    if (estate_node(view->estate, machine) != NODE_NONE)
        return true;
    const struct found_resource *resource;
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, NULL));)
        if (names_equal(resource->type, "Network Name") && names_equal(resource->name, machine))
            return true;
    return false;
}

static void gather_location(struct audit_view *view, const struct found_location *location)
{
    enum adapter adapter = audit_adapter(view->windows, location->adapter);
    struct audit_host *host = adapter == ADAPTERS ? NULL : host_made(view, location->host);
    if (!host)
        return;
    if (location->disabled == UNKNOWN)
        host->maybe[adapter]++;
    if (location->disabled != NO)
        return;
    host->enabled[adapter]++;
    if (adapter == ADAPTER_MSMQ && queue_is_here(view, location->url))
        host->local_queues++;
    else if (adapter == ADAPTER_MSMQ)
        host->other_queues++;
}

/* ---- instances ---- */

static void gather_instance(struct audit_view *view, const struct found_instance *instance)
{
    uint16_t reason = REASON_NONE;
    bool assumed;
    struct audit_host *host = host_made(view, instance->host);
    if (!host)
        return;
    host->instances++;
    if (instance->cluster == INSTANCE_CLUSTERED || instance->cluster == INSTANCE_VIRTUAL)
        host->clustered_instances++;
    else if (instance->cluster == INSTANCE_UNCLUSTERED)
        host->unclustered_instances++;
    if (instance->cluster == INSTANCE_VIRTUAL || instance->type == 2)
        return;
    enum verdict runs = audit_runs(view, instance, &reason, &assumed);
    if (runs == YES && audit_may_be_virtual(view, instance)) {
        runs = UNKNOWN;
        reason = REASON_NOT_SEEN;
    }
    switch (runs) {
    case YES:
        host->running++;
        host->running_assumed |= assumed;
        audit_name_add(host->where, instance->node);
        break;
    case UNKNOWN:
        host->unclear++;
        host->unclear_reason = reason;
        audit_name_add(host->unclear_where, instance->node);
        break;
    default:
        break;
    }
}

bool audit_in_process(struct audit_view *view, const struct found_instance *instance)
{
    const struct audit_host *host = audit_host(view, instance->host);
    return instance->type == 1 || (host && host->setting && host->setting->type == 1);
}

/* A property that did not come looks like an empty one, so only the instances can say that a host is not clustered. */
static enum verdict clustered(const struct audit_host *host)
{
    if ((host->setting && *host->setting->cluster_group) || host->clustered_instances)
        return YES;
    return host->instances && host->unclustered_instances == host->instances ? NO : UNKNOWN;
}

static void find_resource(struct audit_view *view, struct audit_host *host)
{
    char service[FOUND_NAME];
    uint16_t best = view->best[FOUND_RESOURCE];
    if (best == UINT16_MAX || host->clustered != YES || !estate_resource_of_host(view->estate, best, host->name, &host->resource) ||
        host->resource.absent_at)
        return;
    const struct found_resource *resource = host->resource.found;
    uint16_t namer = view->best[FOUND_SERVICE_NAME];
    audit_host_service(service, host->name);
    host->has_resource = true;
    host->by_name = namer == UINT16_MAX || !names_equal(estate_service_of(view->estate, namer, resource->name), service);
}

bool audit_resource(struct audit_view *view, const struct audit_host *host)
{
    if (host->has_resource)
        return true;
    audit_unknown(view, &(struct audit_about){AUDIT_HOST, host->name, "", false}, REASON_OBJECT_MISSING,
                  "no resource of the cluster was identified as the one that runs it (service BTSSvc$%s)", host->name);
    return false;
}

/* ---- all of it ---- */

static void choose_sources(struct audit_view *view)
{
    for (unsigned kind = 0; kind < FOUND_KINDS; kind++) {
        uint16_t best = estate_best(view->estate, (enum found_kind)kind, view->now);
        view->reason[kind] = REASON_OK;
        if (best == UINT16_MAX) {
            uint16_t why = estate_why_none(view->estate, (enum found_kind)kind, NODE_NONE, view->now);
            view->reason[kind] = why == REASON_PREFLIGHT_UNKNOWN ? REASON_NOT_SEEN : why;
        } else if (estate_span(view->estate, best, (enum found_kind)kind).count > AUDIT_ROWS) {
            view->reason[kind] = REASON_TOO_MANY_ROWS;
            best = UINT16_MAX;
        }
        view->best[kind] = best;
    }
}

void audit_gather(struct audit_view *view)
{
    const void *found;
    view->host_count = 0;
    view->hosts_dropped = false;
    choose_sources(view);
    for (size_t at = 0; (found = audit_next(view, FOUND_HOST, &at, NULL));) {
        struct audit_host *host = host_made(view, ((const struct found_host *)found)->name);
        if (host)
            host->setting = found;
    }
    for (size_t at = 0; (found = audit_next(view, FOUND_INSTANCE, &at, NULL));)
        gather_instance(view, found);
    for (size_t at = 0; (found = audit_next(view, FOUND_LOCATION, &at, NULL));)
        gather_location(view, found);
    for (size_t at = 0; (found = audit_next(view, FOUND_HANDLER, &at, NULL));) {
        const struct found_handler *handler = found;
        enum adapter adapter = audit_adapter(view->windows, handler->adapter);
        struct audit_host *host = adapter == ADAPTERS ? NULL : host_made(view, handler->host);
        if (host)
            host->handlers[adapter]++;
    }
    for (uint16_t i = 0; i < view->host_count; i++) {
        view->hosts[i].clustered = (uint8_t)clustered(&view->hosts[i]);
        find_resource(view, &view->hosts[i]);
    }
    if (!view->hosts_dropped)
        return;
    view->best[FOUND_HOST] = view->best[FOUND_INSTANCE] = UINT16_MAX; /* no rule speaks about half of the hosts */
    view->reason[FOUND_HOST] = view->reason[FOUND_INSTANCE] = REASON_TOO_MANY_ROWS;
}
