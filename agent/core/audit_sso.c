/* Rules about Enterprise Single Sign-On: 16 to 20, 30. */
#include <string.h>

#include "audit_parts.h"

static const char *service_of(const struct audit_view *view, const char *resource)
{
    return view->best[FOUND_SERVICE_NAME] == UINT16_MAX ? "" : estate_service_of(view->estate, view->best[FOUND_SERVICE_NAME], resource);
}

enum verdict audit_sso(const struct audit_view *view, struct estate_row *row, bool *by_name)
{
    const struct found_resource *resource;
    struct estate_row candidate;
    enum verdict verdict = NO;
    *by_name = true;
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, &candidate));) {
        if (!resource_is_service(resource))
            continue;
        const char *service = service_of(view, resource->name);
        if (names_equal(service, "ENTSSO")) {
            *row = candidate;
            *by_name = false;
            return YES;
        }
        if (*service)
            continue;
        if (name_contains(resource->name, "Enterprise Single Sign-On") || name_contains(resource->name, "ENTSSO")) {
            *row = candidate;
            verdict = YES;
        } else if (verdict == NO && !name_contains(resource->name, "BTSSvc$")) {
            verdict = UNKNOWN; /* a service whose name did not come may be it */
        }
    }
    return verdict;
}

/* Most rules only hold where it is clustered. Tells what is known otherwise, and returns NULL. */
static const struct found_resource *sso_here(struct audit_view *view, bool *by_name)
{
    struct estate_row row;
    const struct audit_about about = {AUDIT_CLUSTER, audit_cluster_name(view), "", false};
    switch (audit_sso(view, &row, by_name)) {
    case YES:
        return row.found;
    case NO:
        audit_yes(view, &about, "Enterprise SSO is not clustered here");
        return NULL;
    default:
        audit_unknown(view, &about, REASON_NOT_SEEN, "which services the Generic Service resources run did not come for all of them");
        return NULL;
    }
}

static const char *doubt(bool by_name)
{
    return by_name ? " (known by its name only)" : "";
}

/* ---- 16 ---- */

void audit_sso_unclustered(struct audit_view *view)
{
    bool by_name, any = false;
    const struct found_resource *sso = sso_here(view, &by_name);
    const struct found_instance *instance;
    for (size_t at = 0; sso && (instance = audit_next(view, FOUND_INSTANCE, &at, NULL));) {
        const struct audit_about about = {AUDIT_HOST, instance->host, instance->node, by_name};
        uint16_t reason = REASON_NONE;
        bool assumed;
        if (estate_node(view->estate, instance->node) == NODE_NONE || instance->type == 2 || instance->cluster == INSTANCE_CLUSTERED ||
            instance->cluster == INSTANCE_VIRTUAL)
            continue;
        enum verdict runs = audit_runs(view, instance, &reason, &assumed);
        if (runs == NO)
            continue;
        any = true;
        if (runs == UNKNOWN)
            audit_unknown(view, &about, reason, "an unclustered instance, of which it is not known whether it runs");
        else if (instance->cluster != INSTANCE_UNCLUSTERED || !audit_in_process(view, instance))
            audit_unknown(view, &about, REASON_NOT_SEEN, "it runs, and whether it is a clustered or an isolated one did not come");
        else
            audit_no(view, &about, "an unclustered instance runs; Enterprise SSO is clustered in group %s%s", sso->group, doubt(by_name));
    }
    if (sso && !any)
        audit_yes(view, &(struct audit_about){AUDIT_GROUP, sso->group, "", false}, "no unclustered host runs on a node of the cluster");
}

/* ---- 17 ---- */

void audit_sso_group(struct audit_view *view)
{
    bool by_name;
    const struct found_resource *sso = sso_here(view, &by_name);
    for (uint16_t i = 0; sso && i < view->host_count; i++) {
        const struct audit_host *host = &view->hosts[i];
        const char *group = audit_host_group(host);
        const struct audit_about about = {AUDIT_HOST, host->name, "", by_name};
        if (host->clustered != YES)
            continue;
        if (!*group)
            audit_unknown(view, &about, REASON_NOT_SEEN, "the group of the host is not known");
        else if (names_equal(group, sso->group))
            audit_yes(view, &about, "host and Enterprise SSO are in group %s", group);
        else
            audit_no(view, &about, "the host is in group %s, Enterprise SSO in %s%s", group, sso->group, doubt(by_name));
    }
}

/* ---- 18: what kind of resource IIS is has not been verified, so this is a hint only ---- */

void audit_sso_iis(struct audit_view *view)
{
    bool by_name, isolated = false, iis = false;
    const struct found_resource *sso = sso_here(view, &by_name), *resource;
    for (uint16_t i = 0; i < view->host_count; i++)
        isolated |= view->hosts[i].setting && view->hosts[i].setting->type == 2;
    if (!sso)
        return;
    const struct audit_about about = {AUDIT_GROUP, sso->group, "", true};
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, NULL));)
        iis |= names_equal(resource->group, sso->group) &&
               (names_equal(service_of(view, resource->name), "W3SVC") || name_contains(resource->name, "IIS"));
    if (!isolated || iis)
        audit_yes(view, &about, "%s", isolated ? "IIS is in the group" : "there is no isolated host");
    else
        audit_no(view, &about, "there are isolated hosts, and no resource of group %s is recognised as IIS", sso->group);
}

/* ---- 19 ---- */

void audit_sso_network_name(struct audit_view *view)
{
    bool by_name;
    const struct found_resource *sso = sso_here(view, &by_name);
    if (!sso)
        return;
    const struct audit_about about = {AUDIT_RESOURCE, sso->name, "", by_name};
    enum verdict depends = audit_depends_on_name(view, sso->name);
    if (depends == YES)
        audit_yes(view, &about, "depends on the Network Name of group %s", sso->group);
    else if (depends == NO)
        audit_no(view, &about, "does not depend on a Network Name; group %s%s", sso->group, doubt(by_name));
    else
        audit_unknown(view, &about, REASON_NOT_SEEN, "its dependencies have not been read");
}

/* ---- 20 ---- */

void audit_sso_running(struct audit_view *view)
{
    nodes_t wanted = 0;
    const struct found_instance *instance;
    for (size_t at = 0; (instance = audit_next(view, FOUND_INSTANCE, &at, NULL));) {
        uint16_t reason;
        bool assumed;
        if (instance->cluster != INSTANCE_VIRTUAL && instance->type != 2 && audit_runs(view, instance, &reason, &assumed) == YES)
            wanted |= node_bit(estate_node(view->estate, instance->node));
    }
    for (uint8_t node = 0; node < view->input->policy->clusters[view->cluster].node_count; node++) {
        if (!(wanted & node_bit(node)))
            continue;
        const struct audit_service service = audit_service(view, node, "ENTSSO");
        const char *name = audit_node_name(view, node);
        const struct audit_about about = {AUDIT_NODE, name, name, service.missing};
        if (service.verdict == YES)
            audit_yes(view, &about, "hosts run there, and so does ENTSSO");
        else if (service.missing)
            audit_no(view, &about, "hosts run there, and its services show no ENTSSO");
        else if (service.verdict == NO)
            audit_no(view, &about, "hosts run there, and ENTSSO is %s", audit_service_state(service.state));
        else
            audit_unknown(view, &about, service.reason, "whether ENTSSO runs is not known: %s", reason_text(service.reason));
    }
}

/* ---- 30 ---- */

static bool is_nodes_name(const struct audit_view *view, const char *computer)
{
    char first[FOUND_HOST_NAME];
    memcpy(first, computer, sizeof first);
    first[strcspn(first, ".")] = '\0';
    return estate_node(view->estate, first) != NODE_NONE;
}

/* What a Network Name resource is called need not be the name that it holds, so only a node's own name is wrong for certain. */
static void judge_sso_server(struct audit_view *view, const struct found_setting *setting, const struct found_resource *sso, bool by_name)
{
    const struct audit_about about = {AUDIT_CLUSTER, audit_cluster_name(view), "", by_name};
    const struct found_resource *resource;
    if (!*setting->sso_server) {
        audit_unknown(view, &about, REASON_NOT_SEEN, "the BizTalk group's SSO server name did not come");
        return;
    }
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, NULL));)
        if (names_equal(resource->group, sso->group) && names_equal(resource->type, "Network Name") &&
            names_equal(resource->name, setting->sso_server)) {
            audit_yes(view, &about, "SSO server %s is the Network Name of group %s", setting->sso_server, sso->group);
            return;
        }
    if (is_nodes_name(view, setting->sso_server))
        audit_no(view, &about, "SSO server %s is a node; Enterprise SSO is clustered in group %s%s", setting->sso_server, sso->group,
                 doubt(by_name));
    else
        audit_unknown(view, &about, REASON_NO_SOURCE, "whether SSO server %s is the Network Name of group %s is not told by its resource",
                      setting->sso_server, sso->group);
}

void audit_sso_server(struct audit_view *view)
{
    bool by_name;
    const struct found_resource *sso = sso_here(view, &by_name);
    const struct found_setting *setting;
    for (size_t at = 0; sso && (setting = audit_next(view, FOUND_SETTING, &at, NULL));)
        judge_sso_server(view, setting, sso, by_name);
}
