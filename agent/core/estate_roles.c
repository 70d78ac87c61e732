/* Who belongs to whom: roles and groups, hosts and groups, computers and nodes, resources and hosts. Owns the two name tables of an estate.
 * Must not know states. */
#include <string.h>

#include "estate_parts.h"

enum { HOSTS_MAX = 1024 };

static const char host_service[] = "BTSSvc$"; /* + the host's name */

/* ---- nodes ---- */

/* "BTS01" and "bts01.corp.example" are one computer; "bts01.one.example" and "bts01.two.example" are two. */
static bool is_computer(const char *left, const char *right)
{
    size_t size = strcspn(left, ".");
    if (names_equal(left, right))
        return true;
    return size && size == strcspn(right, ".") && !(left[size] && right[size]) && names_begin_equal(left, right, size);
}

uint8_t estate_node(const struct estate *estate, const char *computer)
{
    const struct policy_cluster *cluster = &estate->policy->clusters[estate->cluster];
    for (uint8_t i = 0; *computer && i < cluster->node_count && i < NODES_MAX; i++) {
        const struct policy_node *node = &estate->policy->nodes[cluster->first_node + i];
        if (is_computer(node->computer ? node->computer : node->name, computer))
            return i;
    }
    return NODE_NONE;
}

/* ---- groups ---- */

static const struct policy_group *group_at(const struct estate *estate, size_t place)
{
    return &estate->policy->groups[estate->groups[place]];
}

static const char *role_of(const struct policy_group *group)
{
    return group->role && *group->role ? group->role : group->name;
}

size_t role_place(const struct estate *estate, const char *role)
{
    size_t mask = estate->group_index_size - 1;
    for (size_t at = name_hash(NAME_HASH, role) & mask; estate->group_index[at]; at = (at + 1) & mask)
        if (names_equal(role_of(group_at(estate, estate->group_index[at] - 1U)), role))
            return estate->group_index[at] - 1U;
    return SIZE_MAX;
}

uint16_t estate_group(const struct estate *estate, const char *role)
{
    size_t place = role_place(estate, role);
    return place == SIZE_MAX ? UINT16_MAX : estate->groups[place];
}

static bool index_groups(struct estate *estate)
{
    estate->group_index_size = 4;
    while (estate->group_index_size < 2 * estate->group_count)
        estate->group_index_size *= 2;
    estate->group_index = store_take(&estate->store, estate->group_index_size * sizeof *estate->group_index);
    if (!estate->group_index)
        return false;
    size_t mask = estate->group_index_size - 1;
    for (size_t place = 0; place < estate->group_count; place++) {
        size_t at = name_hash(NAME_HASH, role_of(group_at(estate, place))) & mask;
        while (estate->group_index[at])
            at = (at + 1) & mask;
        estate->group_index[at] = (uint16_t)(place + 1);
    }
    return true;
}

/* ---- hosts ---- */

static size_t host_slot(const struct estate *estate, const char *host)
{
    size_t mask = estate->host_index_size - 1, at = name_hash(NAME_HASH, host) & mask;
    while (estate->host_index[at] && !names_equal(estate->hosts[estate->host_index[at] - 1].name, host))
        at = (at + 1) & mask;
    return at;
}

struct kept_host *host_named(const struct estate *estate, const char *host)
{
    uint32_t found = estate->host_index && *host ? estate->host_index[host_slot(estate, host)] : 0;
    return found ? &estate->hosts[found - 1] : NULL;
}

size_t host_place(const struct estate *estate, const char *host)
{
    const struct kept_host *found = host_named(estate, host);
    return found ? found->group : SIZE_MAX;
}

static bool make_host_index(struct estate *estate)
{
    size_t size = 8;
    while (size < 2 * estate->host_capacity)
        size *= 2;
    uint32_t *index = store_take(&estate->store, size * sizeof *index);
    if (!index)
        return false;
    store_give(&estate->store, estate->host_index, estate->host_index_size * sizeof *index);
    estate->host_index = index;
    estate->host_index_size = size;
    for (size_t i = 0; i < estate->host_count; i++)
        index[host_slot(estate, estate->hosts[i].name)] = (uint32_t)i + 1;
    return true;
}

/* The first word about a host counts: the operator's come first. */
static void add_host(struct estate *estate, const char *name, size_t place, struct content *content)
{
    if (!*name || host_named(estate, name))
        return;
    bool has_room = store_grow(&estate->store, (void **)&estate->hosts, &estate->host_capacity, estate->host_count + 1,
                               sizeof *estate->hosts, HOSTS_MAX) &&
                    (estate->host_index_size >= 2 * estate->host_capacity || make_host_index(estate));
    if (!has_room || !estate->host_index) {
        estate->dropped++;
        return;
    }
    estate->hosts[estate->host_count++] = (struct kept_host){.name = name, .content = content, .group = (uint16_t)place};
    if (content)
        content->users++; /* the name is in there */
    estate->host_index[host_slot(estate, name)] = (uint32_t)estate->host_count;
}

static void add_configured(struct estate *estate)
{
    for (size_t place = 0; place < estate->group_count; place++) {
        const char *const *hosts = group_at(estate, place)->hosts;
        for (; hosts && *hosts; hosts++)
            add_host(estate, *hosts, place, NULL);
    }
    for (size_t i = 0; i < estate->handler_count; i++) {
        const struct policy_handler *handler = &estate->policy->handlers[estate->handlers[i]];
        for (size_t place = 0; handler->host && place < estate->group_count; place++)
            if (estate->groups[place] == handler->group)
                add_host(estate, handler->host, place, NULL);
    }
}

static void drop_hosts(struct estate *estate)
{
    for (size_t i = 0; i < estate->host_count; i++)
        store_drop(&estate->store, FOUND_HOST, estate->hosts[i].content);
    estate->host_count = 0;
}

void roles_learn(struct estate *estate)
{
    drop_hosts(estate);
    if (estate->host_index)
        memset(estate->host_index, 0, estate->host_index_size * sizeof *estate->host_index);
    add_configured(estate);
    for (size_t i = 0; i < estate->source_count; i++) {
        const struct kept_list *list = estate->sources[i].lists[FOUND_HOST];
        for (size_t row = 0; list && row < list->count; row++) {
            const struct found_host *host = found_in(&list->rows[row]);
            size_t place = list->rows[row].absent_at || !*host->cluster_group ? SIZE_MAX : role_place(estate, host->cluster_group);
            if (place != SIZE_MAX)
                add_host(estate, host->name, place, list->rows[row].content);
        }
    }
}

bool estate_host_in_group(const struct estate *estate, const char *host, uint16_t group)
{
    size_t place = host_place(estate, host);
    return place != SIZE_MAX && estate->groups[place] == group;
}

/* ---- resources ---- */

const char *host_of_service(const char *service)
{
    const size_t size = sizeof host_service - 1;
    return names_begin_equal(service, host_service, size) && service[size] ? service + size : NULL;
}

bool resource_is_msmq(const struct found_resource *resource)
{
    return (name_contains(resource->type, "MSMQ") || name_contains(resource->type, "Message Queuing")) &&
           !name_contains(resource->type, "Trigger");
}

bool resource_is_service(const struct found_resource *resource)
{
    return names_equal(resource->type, "Generic Service");
}

bool resource_is_asked(const struct found_resource *resource)
{
    return resource_is_service(resource) || resource_is_msmq(resource) || names_equal(resource->type, "Network Name");
}

bool resource_is_sso(const struct estate *estate, uint16_t source, const struct found_resource *resource)
{
    if (!resource_is_service(resource))
        return false;
    const char *service = estate_service_of(estate, source, resource->name);
    return *service ? names_equal(service, "ENTSSO")
                    : name_contains(resource->name, "ENTSSO") || name_contains(resource->name, "Single Sign-On");
}

bool name_listed(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (names_equal(*list, name))
            return true;
    return false;
}

const char *estate_service_of(const struct estate *estate, uint16_t source, const char *resource)
{
    const struct kept_row *row = estate_kept_row(estate_kept(estate, source, FOUND_SERVICE_NAME), FOUND_SERVICE_NAME, resource, NULL);
    return row && !row->absent_at ? ((const struct found_service_name *)found_in(row))->service : "";
}

/* By its service where that is known; else the longest name of a host of that group in the resource's own name. */
bool resource_is_guarded(const struct estate *estate, uint16_t source, size_t place, const struct found_resource *resource,
                         const char **host)
{
    if (!resource_is_service(resource))
        return false;
    const char *service = estate_service_of(estate, source, resource->name);
    *host = *service ? host_of_service(service) : NULL;
    if (*service)
        return *host != NULL;
    size_t longest = 0;
    for (size_t i = 0; i < estate->host_count; i++) {
        size_t size = strlen(estate->hosts[i].name);
        if (estate->hosts[i].group != place || size <= longest || !name_contains(resource->name, estate->hosts[i].name))
            continue;
        longest = size;
        *host = estate->hosts[i].name;
    }
    return longest > 0;
}

bool estate_resource_of_host(const struct estate *estate, uint16_t source, const char *host, struct estate_row *row)
{
    const struct kept_list *list = estate_kept(estate, source, FOUND_RESOURCE);
    const struct kept_row *found = NULL;
    for (size_t i = 0; list && i < list->count; i++) {
        const struct found_resource *resource = found_in(&list->rows[i]);
        const char *runs = NULL;
        if (list->rows[i].absent_at || !resource_is_guarded(estate, source, role_place(estate, resource->group), resource, &runs))
            continue;
        if (names_equal(runs, host) && (!found || *estate_service_of(estate, source, resource->name)))
            found = &list->rows[i];
    }
    if (found && row)
        *row = (struct estate_row){.source = source,
                                   .kind = FOUND_RESOURCE,
                                   .first_at = found->first_at,
                                   .seen_at = found->seen_at,
                                   .since = found->since,
                                   .absent_at = found->absent_at,
                                   .found = found_in(found)};
    return found != NULL;
}

/* ---- opening ---- */

static bool take_handlers(struct estate *estate)
{
    const struct policy *policy = estate->policy;
    for (uint16_t i = 0; i < policy->handler_count; i++)
        estate->handler_count += policy->groups[policy->handlers[i].group].cluster == estate->cluster;
    estate->handlers = store_take(&estate->store, estate->handler_count * sizeof *estate->handlers);
    size_t at = 0;
    for (uint16_t i = 0; estate->handlers && i < policy->handler_count; i++)
        if (policy->groups[policy->handlers[i].group].cluster == estate->cluster)
            estate->handlers[at++] = i;
    return estate->handlers != NULL;
}

bool roles_open(struct estate *estate)
{
    const struct policy *policy = estate->policy;
    for (uint16_t i = 0; i < policy->group_count; i++)
        estate->group_count += policy->groups[i].cluster == estate->cluster;
    estate->groups = store_take(&estate->store, estate->group_count * sizeof *estate->groups);
    size_t at = 0;
    for (uint16_t i = 0; estate->groups && i < policy->group_count; i++)
        if (policy->groups[i].cluster == estate->cluster)
            estate->groups[at++] = i;
    if (!estate->groups || !index_groups(estate) || !take_handlers(estate))
        return false;
    roles_learn(estate);
    return scratch_open(estate);
}

void roles_close(struct estate *estate)
{
    struct store *store = &estate->store;
    scratch_close(estate);
    drop_hosts(estate);
    store_give(store, estate->groups, estate->group_count * sizeof *estate->groups);
    store_give(store, estate->group_index, estate->group_index_size * sizeof *estate->group_index);
    store_give(store, estate->handlers, estate->handler_count * sizeof *estate->handlers);
    store_give(store, estate->hosts, estate->host_capacity * sizeof *estate->hosts);
    store_give(store, estate->host_index, estate->host_index_size * sizeof *estate->host_index);
}
