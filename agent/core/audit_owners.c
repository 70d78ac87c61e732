/* Rules about where a clustered host may run: 8 to 12. */
#include <string.h>

#include "audit_parts.h"

static const char *resource_name(const struct audit_host *host)
{
    return ((const struct found_resource *)host->resource.found)->name;
}

static const char *doubt(const struct audit_host *host)
{
    return host->by_name ? " (its resource is known by name only)" : "";
}

/* Who read the possible owners of this clustered host. Says UNKNOWN where nobody did. */
static uint16_t owners_reader(struct audit_view *view, const struct audit_host *host)
{
    if (!audit_resource(view, host))
        return UINT16_MAX;
    uint16_t reader = audit_reader(view, FOUND_POSSIBLE_OWNER, resource_name(host));
    if (reader == UINT16_MAX)
        audit_unknown(view, &(struct audit_about){AUDIT_HOST, host->name, "", false}, REASON_NOT_SEEN,
                      "the possible owners of resource %s have not been read", resource_name(host));
    return reader;
}

static const char *next_owner(const struct audit_view *view, const struct audit_host *host, uint16_t reader, size_t *at)
{
    const struct found_possible_owner *owner;
    while ((owner = audit_next_of(view, reader, FOUND_POSSIBLE_OWNER, at, NULL)))
        if (names_equal(owner->resource, resource_name(host)))
            return owner->node;
    return NULL;
}

static bool has_instance(const struct audit_view *view, const char *host, const char *node)
{
    const struct found_instance *instance;
    for (size_t at = 0; (instance = audit_next(view, FOUND_INSTANCE, &at, NULL));)
        if (instance->cluster != INSTANCE_VIRTUAL && names_equal(instance->host, host) && audit_same_node(view, instance->node, node))
            return true;
    return false;
}

static void each_clustered_host(struct audit_view *view,
                                void (*judge)(struct audit_view *view, const struct audit_host *host, uint16_t reader))
{
    for (uint16_t i = 0; i < view->host_count; i++) {
        uint16_t reader = view->hosts[i].clustered == YES ? owners_reader(view, &view->hosts[i]) : UINT16_MAX;
        if (reader != UINT16_MAX)
            judge(view, &view->hosts[i], reader);
    }
}

/* ---- 8 ---- */

static void judge_owner_instances(struct audit_view *view, const struct audit_host *host, uint16_t reader)
{
    const char *owner;
    char names[AUDIT_NAMES] = "";
    unsigned missing = 0;
    for (size_t at = 0; (owner = next_owner(view, host, reader, &at));) {
        audit_name_add(names, owner);
        if (has_instance(view, host->name, owner))
            continue;
        missing++;
        audit_no(view, &(struct audit_about){AUDIT_HOST, host->name, owner, host->by_name},
                 "%s is a possible owner of resource %s and has no instance of the host%s", owner, resource_name(host), doubt(host));
    }
    if (!missing)
        audit_yes(view, &(struct audit_about){AUDIT_HOST, host->name, "", false}, "possible owners: %s; each has an instance", names);
}

void audit_owner_instance(struct audit_view *view)
{
    each_clustered_host(view, judge_owner_instances);
}

/* ---- 9 and 10 ---- */

static const char *configuration_text(int64_t configuration)
{
    static const char *const names[] = {"", "installed", "installation failed", "uninstallation failed", "update failed", "not installed"};
    return configuration > 0 && configuration < 6 ? names[configuration] : "in an unknown state";
}

static void judge_enabled(struct audit_view *view, const struct audit_about *about, const struct found_instance *instance)
{
    if (instance->disabled == UNKNOWN)
        audit_unknown(view, about, REASON_NOT_SEEN, "whether this instance is disabled did not come");
    else if (instance->disabled == YES)
        audit_no(view, about, "the instance is disabled from starting");
    else
        audit_yes(view, about, "the instance is enabled");
}

static void judge_installed(struct audit_view *view, const struct audit_about *about, const struct found_instance *instance)
{
    if (instance->configuration < 1 || instance->configuration > 5)
        audit_unknown(view, about, REASON_NOT_SEEN, "its configuration state did not come");
    else if (instance->configuration != 1)
        audit_no(view, about, "the instance is: %s (%d)", configuration_text(instance->configuration), (int)instance->configuration);
    else
        audit_yes(view, about, "the instance is installed");
}

static void each_clustered_instance(struct audit_view *view, void (*judge)(struct audit_view *view, const struct audit_about *about,
                                                                           const struct found_instance *instance))
{
    const struct found_instance *instance;
    for (size_t at = 0; (instance = audit_next(view, FOUND_INSTANCE, &at, NULL));) {
        const struct audit_host *host = audit_host(view, instance->host);
        if (!host || host->clustered != YES || instance->cluster == INSTANCE_VIRTUAL)
            continue;
        judge(view, &(struct audit_about){AUDIT_HOST, instance->host, instance->node, false}, instance);
    }
}

void audit_instance_enabled(struct audit_view *view)
{
    each_clustered_instance(view, judge_enabled);
}

void audit_instance_installed(struct audit_view *view)
{
    each_clustered_instance(view, judge_installed);
}

/* ---- 11 ---- */

static int64_t node_state(const struct audit_view *view, const char *name)
{
    const struct found_node *node;
    for (size_t at = 0; (node = audit_next(view, FOUND_NODE, &at, NULL));)
        if (audit_same_node(view, node->name, name))
            return node->state == NODE_STATE_UP && node->drain == 1 ? NODE_STATE_PAUSED : node->state; /* 1: being drained */
    return ABSENT;
}

static void judge_two_owners(struct audit_view *view, const struct audit_host *host, uint16_t reader)
{
    const struct audit_about about = {AUDIT_HOST, host->name, "", host->by_name};
    const char *owner;
    char up_names[AUDIT_NAMES] = "", other_names[AUDIT_NAMES] = "", unknown_names[AUDIT_NAMES] = "";
    unsigned up = 0, unknown = 0, owners = 0;
    for (size_t at = 0; (owner = next_owner(view, host, reader, &at)); owners++) {
        int64_t state = node_state(view, owner);
        up += state == NODE_STATE_UP;
        unknown += state < 0; /* ABSENT, too */
        audit_name_add(state == NODE_STATE_UP ? up_names : state < 0 ? unknown_names : other_names, owner);
    }
    if (up >= 2)
        audit_yes(view, &about, "%u possible owners, up: %s", owners, up_names);
    else if (up + unknown >= 2)
        audit_unknown(view, &about, REASON_NODE_UNKNOWN, "%u possible owners, up: %s; not known about %s", owners, up ? up_names : "none",
                      unknown_names);
    else
        audit_no(view, &about, "%u possible owner(s), up: %s%s%s%s%s%s", owners, up ? up_names : "none", *other_names ? "; not up: " : "",
                 other_names, *unknown_names ? "; not known about " : "", unknown_names, doubt(host));
}

void audit_two_owners(struct audit_view *view)
{
    each_clustered_host(view, judge_two_owners);
}

/* ---- 12, and dependencies as such ---- */

enum { CHAIN_MAX = 24 }; /* resources that are looked at behind one */

struct chain {
    const char *names[CHAIN_MAX];
    unsigned count;
};

static void chain_add(struct chain *chain, const char *name)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (names_equal(chain->names[i], name))
            return;
    if (chain->count < CHAIN_MAX)
        chain->names[chain->count++] = name;
}

static const struct found_resource *resource_named(const struct audit_view *view, const char *name)
{
    struct estate_row row;
    return estate_find(view->estate, view->best[FOUND_RESOURCE], FOUND_RESOURCE, name, "", &row) && !row.absent_at ? row.found : NULL;
}

enum verdict audit_depends(const struct audit_view *view, const char *resource, audit_resource_test *test, bool direct)
{
    struct chain chain = {.names = {resource}, .count = 1};
    enum verdict verdict = NO;
    for (unsigned i = 0; i < chain.count && !(direct && i); i++) {
        uint16_t reader = audit_reader(view, FOUND_DEPENDENCY, chain.names[i]);
        const struct found_dependency *dependency;
        if (reader == UINT16_MAX && i == 0)
            verdict = UNKNOWN;
        for (size_t at = 0; (dependency = audit_next_of(view, reader, FOUND_DEPENDENCY, &at, NULL));) {
            if (!names_equal(dependency->resource, chain.names[i]))
                continue;
            const struct found_resource *on = resource_named(view, dependency->on);
            if (on && test(on))
                return YES;
            chain_add(&chain, dependency->on);
        }
    }
    return verdict;
}

static bool is_network_name(const struct found_resource *resource)
{
    return names_equal(resource->type, "Network Name");
}

enum verdict audit_depends_on_name(const struct audit_view *view, const char *resource)
{
    return audit_depends(view, resource, is_network_name, false);
}

static void judge_network_name(struct audit_view *view, const struct audit_host *host)
{
    const char *group = ((const struct found_resource *)host->resource.found)->group;
    const struct audit_about about = {AUDIT_HOST, host->name, "", host->by_name};
    const struct found_resource *resource;
    bool name = false, address = false;
    for (size_t at = 0; (resource = audit_next(view, FOUND_RESOURCE, &at, NULL));) {
        if (!names_equal(resource->group, group))
            continue;
        name |= is_network_name(resource);
        address |= names_equal(resource->type, "IP Address") || names_equal(resource->type, "IPv6 Address");
    }
    enum verdict depends = audit_depends_on_name(view, resource_name(host));
    if (!name || !address)
        audit_no(view, &about, "group %s holds no %s%s%s%s", group, name ? "" : "Network Name", !name && !address ? " and no " : "",
                 address ? "" : "IP Address", doubt(host));
    else if (depends == UNKNOWN)
        audit_unknown(view, &about, REASON_NOT_SEEN, "the dependencies of resource %s have not been read", resource_name(host));
    else if (depends == NO)
        audit_no(view, &about, "resource %s does not depend on a Network Name%s", resource_name(host), doubt(host));
    else
        audit_yes(view, &about, "group %s holds Network Name and IP Address; resource %s depends on the name", group, resource_name(host));
}

void audit_network_name(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++)
        if (view->hosts[i].clustered == YES && audit_resource(view, &view->hosts[i]))
            judge_network_name(view, &view->hosts[i]);
}
