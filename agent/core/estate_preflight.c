/* Would a failover to this node work right now? Microsoft's conditions for a clustered host, in their order, from the best list of each
 * kind. Owns the conditions; must not know what is done about them. A missing list is unknown, never ready. */
#include <string.h>

#include "estate_words.h"

enum { REMOTE_MOST = 256 }; /* locations of remote queues that are looked into: each costs a walk over the resources */

struct service_list {
    uint16_t source, why; /* why: OK, or why there is none */
};

struct survey {
    const struct speaking *speaking;
    const struct found_node *nodes[NODES_MAX];
    struct service_list services[NODES_MAX];
    uint16_t node_why, resource_why, owner_why, dependency_why, instance_why, location_why;
    uint16_t resources, owners; /* the sources whose lists of these are believed */
    bool sso_is_clustered;
    unsigned remote_asked;
    size_t sso_place;
};

static const struct estate *estate_in(const struct survey *survey)
{
    return survey->speaking->estate;
}

/* The rows of a kind that are believed; NULL list: `why` says why none. */
static const struct kept_list *best_list(const struct survey *survey, enum found_kind kind, uint16_t *why)
{
    const struct estate *estate = estate_in(survey);
    uint16_t source = estate_best(estate, kind, survey->speaking->now);
    *why = source == UINT16_MAX ? estate_why_none(estate, kind, NODE_NONE, survey->speaking->now) : REASON_OK;
    return source == UINT16_MAX ? NULL : estate_kept(estate, source, kind);
}

static const void *row_in(const struct kept_list *list, size_t position)
{
    return list->rows[position].absent_at ? NULL : found_in(&list->rows[position]);
}

/* ---- going through the rows, once ---- */

static void survey_nodes(struct survey *survey)
{
    const struct estate *estate = estate_in(survey);
    const struct kept_list *list = best_list(survey, FOUND_NODE, &survey->node_why);
    for (size_t i = 0; list && i < list->count; i++) {
        const struct found_node *row = row_in(list, i);
        uint8_t node = row ? estate_node(estate, row->name) : NODE_NONE;
        if (node < NODES_MAX)
            survey->nodes[node] = row;
    }
    for (uint8_t node = 0; node < estate->policy->clusters[estate->cluster].node_count && node < NODES_MAX; node++) {
        uint16_t source = estate_best_of_node(estate, FOUND_SERVICE, node, survey->speaking->now);
        uint16_t why = source == UINT16_MAX ? estate_why_none(estate, FOUND_SERVICE, node, survey->speaking->now) : REASON_OK;
        survey->services[node] = (struct service_list){source, why};
    }
}

/* Whose queue is "FORMATNAME:DIRECT=OS:machine\private$\q"? The shapes are not all documented: only what clearly is another machine's is
 * taken for one; a clustered MSMQ answers under a Network Name. */
static bool is_remote_queue(struct survey *survey, const char *url)
{
    static const char *const prefixes[] = {"msmq://", "net.msmq://", "FORMATNAME:", "DIRECT=OS:", "DIRECT=TCP:"};
    char machine[FOUND_NODE_NAME];
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (names_begin_equal(url, prefixes[i], strlen(prefixes[i])))
            url += strlen(prefixes[i]);
    size_t size = strcspn(url, "\\/");
    if (!size || size >= sizeof machine || !url[size])
        return false;
    memcpy(machine, url, size);
    machine[size] = '\0';
    if (names_equal(machine, ".") || names_equal(machine, "localhost") || estate_node(estate_in(survey), machine) != NODE_NONE)
        return false;
    if (survey->resources == UINT16_MAX || survey->remote_asked++ >= REMOTE_MOST)
        return false;
    const struct kept_list *list = estate_kept(estate_in(survey), survey->resources, FOUND_RESOURCE);
    for (size_t i = 0; i < list->count; i++) {
        const struct found_resource *row = row_in(list, i);
        if (row && names_equal(row->type, "Network Name") && name_contains(row->name, machine))
            return false;
    }
    return true;
}

/* Which hosts read queues of this cluster: then Message Queuing must be there before them. */
static void survey_locations(struct survey *survey)
{
    const struct estate *estate = estate_in(survey);
    const struct policy_windows *windows = estate->policy->clusters[estate->cluster].windows;
    const struct kept_list *list = best_list(survey, FOUND_LOCATION, &survey->location_why);
    for (size_t i = 0; i < estate->host_count; i++)
        estate->hosts[i].needs_msmq = estate->hosts[i].waits_for_msmq = false;
    for (size_t i = 0; list && windows && i < list->count; i++) {
        const struct found_location *row = row_in(list, i);
        struct kept_host *host = row && name_listed(windows->msmq_adapters, row->adapter) ? host_named(estate, row->host) : NULL;
        if (!host || host->needs_msmq || name_listed(windows->disabled_locations, row->name) || is_remote_queue(survey, row->url))
            continue;
        host->needs_msmq = estate->scratch[host->group].needs_msmq = true;
    }
}

static void add_asked(const struct survey *survey, struct group_scratch *group, const struct found_resource *resource)
{
    msec_t read_at =
        survey->owners == UINT16_MAX ? 0 : estate_asked(estate_in(survey), survey->owners, FOUND_POSSIBLE_OWNER, resource->name);
    group->owned++;
    if (!read_at || survey->speaking->now - read_at > ESTATE_SLOW_MS)
        group->owned_unknown++;
}

static void survey_resources(struct survey *survey)
{
    const struct estate *estate = estate_in(survey);
    const struct kept_list *list = best_list(survey, FOUND_RESOURCE, &survey->resource_why);
    survey->sso_place = SIZE_MAX;
    survey->resources = estate_best(estate, FOUND_RESOURCE, survey->speaking->now);
    survey->owners = estate_best(estate, FOUND_POSSIBLE_OWNER, survey->speaking->now);
    for (size_t i = 0; list && i < list->count; i++) {
        const struct found_resource *row = row_in(list, i);
        size_t place = row ? role_place(estate, row->group) : SIZE_MAX;
        if (row && resource_is_sso(estate, survey->resources, row)) {
            survey->sso_is_clustered = true;
            survey->sso_place = place;
        }
        if (place == SIZE_MAX)
            continue;
        struct group_scratch *group = &estate->scratch[place];
        group->has_msmq |= resource_is_msmq(row);
        group->has_name |= names_equal(row->type, "Network Name");
        group->has_address |= names_equal(row->type, "IP Address") || names_equal(row->type, "IPv6 Address");
        if (resource_is_asked(row))
            add_asked(survey, group, row);
    }
}

static const struct found_resource *resource_named(const struct survey *survey, const char *name)
{
    const struct kept_list *list =
        survey->resources == UINT16_MAX ? NULL : estate_kept(estate_in(survey), survey->resources, FOUND_RESOURCE);
    const struct kept_row *row = estate_kept_row(list, FOUND_RESOURCE, name, NULL);
    return row && !row->absent_at ? found_in(row) : NULL;
}

static void survey_owners(struct survey *survey)
{
    const struct estate *estate = estate_in(survey);
    const struct kept_list *list = best_list(survey, FOUND_POSSIBLE_OWNER, &survey->owner_why);
    for (size_t i = 0; list && i < list->count; i++) {
        const struct found_possible_owner *row = row_in(list, i);
        uint8_t node = row ? estate_node(estate, row->node) : NODE_NONE;
        const struct found_resource *resource = node < NODES_MAX ? resource_named(survey, row->resource) : NULL;
        size_t place = resource && resource_is_asked(resource) ? role_place(estate, resource->group) : SIZE_MAX;
        if (place != SIZE_MAX)
            estate->scratch[place].owners[node]++;
    }
}

/* The host that this resource runs, of a group that reads queues; NULL = none. */
static struct kept_host *host_run_by(const struct survey *survey, const struct found_resource *row)
{
    const struct estate *estate = estate_in(survey);
    size_t place = row ? role_place(estate, row->group) : SIZE_MAX;
    const char *runs = NULL;
    if (place == SIZE_MAX || !estate->scratch[place].needs_msmq || !resource_is_guarded(estate, survey->resources, place, row, &runs))
        return NULL;
    struct kept_host *host = host_named(estate, runs);
    return host && host->group == place ? host : NULL;
}

/* Of each resource that runs a host which reads queues: does it wait for a Message Queuing resource? */
static void survey_dependencies(struct survey *survey)
{
    const struct estate *estate = estate_in(survey);
    const struct kept_list *list = best_list(survey, FOUND_DEPENDENCY, &survey->dependency_why), *resources;
    uint16_t source = estate_best(estate, FOUND_DEPENDENCY, survey->speaking->now);
    resources = survey->resources == UINT16_MAX ? NULL : estate_kept(estate, survey->resources, FOUND_RESOURCE);
    for (size_t i = 0; list && i < list->count; i++) {
        const struct found_dependency *row = row_in(list, i);
        const struct found_resource *on = row ? resource_named(survey, row->on) : NULL;
        struct kept_host *host = on && resource_is_msmq(on) ? host_run_by(survey, resource_named(survey, row->resource)) : NULL;
        if (host)
            host->waits_for_msmq = true;
    }
    for (size_t i = 0; resources && i < resources->count; i++) {
        const struct found_resource *row = row_in(resources, i);
        const struct kept_host *host = row ? host_run_by(survey, row) : NULL;
        if (!host || !host->needs_msmq)
            continue;
        struct group_scratch *group = &estate->scratch[host->group];
        msec_t read_at = source == UINT16_MAX ? 0 : estate_asked(estate, source, FOUND_DEPENDENCY, row->name);
        group->msmq_hosts++;
        if (host->waits_for_msmq)
            group->msmq_dependent++;
        if (!read_at || survey->speaking->now - read_at > ESTATE_SLOW_MS)
            group->msmq_unknown++;
    }
}

static void survey_instances(struct survey *survey)
{
    enum { ISOLATED = 2, INSTALLED = 1, NOT_INSTALLED = 5 };
    const struct estate *estate = estate_in(survey);
    const struct kept_list *list = best_list(survey, FOUND_INSTANCE, &survey->instance_why);
    for (size_t i = 0; list && i < list->count; i++) {
        const struct found_instance *row = row_in(list, i);
        uint8_t node = row ? estate_node(estate, row->node) : NODE_NONE;
        size_t place = node < NODES_MAX ? host_place(estate, row->host) : SIZE_MAX;
        if (place == SIZE_MAX || row->cluster == INSTANCE_VIRTUAL || row->type == ISOLATED || row->configuration == NOT_INSTALLED)
            continue;
        struct group_scratch *group = &estate->scratch[place];
        group->instances[node]++;
        group->disabled |= row->disabled == YES ? node_bit(node) : 0;
        group->broken |= row->configuration > INSTALLED ? node_bit(node) : 0;
        group->unclear |= row->disabled == UNKNOWN || row->configuration < INSTALLED ? node_bit(node) : 0;
    }
}

/* ---- the conditions ---- */

struct answer {
    uint8_t verdict;
    uint16_t reason;
};

static struct answer yes(void)
{
    return (struct answer){YES, REASON_OK};
}
static struct answer no(uint16_t reason)
{
    return (struct answer){NO, reason};
}
static struct answer unknown(uint16_t reason)
{
    return (struct answer){UNKNOWN, reason};
}

typedef struct answer condition(const struct survey *survey, size_t place, uint8_t node);

static struct answer is_up(const struct survey *survey, size_t place, uint8_t node)
{
    (void)place;
    if (survey->node_why != REASON_OK)
        return unknown(survey->node_why);
    const struct found_node *row = survey->nodes[node];
    if (row && row->state == NODE_STATE_DOWN)
        return no(REASON_NODE_DOWN);
    return row && (row->state == NODE_STATE_UP || row->state == NODE_STATE_PAUSED) ? yes() : unknown(REASON_NODE_UNKNOWN);
}

static struct answer takes_roles(const struct survey *survey, size_t place, uint8_t node)
{
    enum { DRAINING = 1, DRAINED = 2 };
    (void)place;
    const struct found_node *row = survey->nodes[node];
    if (!row)
        return unknown(survey->node_why == REASON_OK ? REASON_NODE_UNKNOWN : survey->node_why);
    /* without the status of a drain (older Windows) the node's state tells */
    return row->state == NODE_STATE_PAUSED || row->drain == DRAINING || row->drain == DRAINED ? no(REASON_NODE_DRAINING) : yes();
}

static struct answer is_possible_owner(const struct survey *survey, size_t place, uint8_t node)
{
    const struct group_scratch *group = &estate_in(survey)->scratch[place];
    if (survey->resource_why != REASON_OK || survey->owner_why != REASON_OK)
        return unknown(survey->resource_why != REASON_OK ? survey->resource_why : survey->owner_why);
    if (group->owned_unknown || !group->owned)
        return unknown(REASON_PREFLIGHT_UNKNOWN);
    return group->owners[node] >= group->owned ? yes() : no(REASON_NOT_POSSIBLE_OWNER);
}

static struct answer has_instances(const struct survey *survey, size_t place, uint8_t node)
{
    const struct group_scratch *group = &estate_in(survey)->scratch[place];
    nodes_t bit = node_bit(node);
    if (!group->hosts)
        return yes();
    if (survey->instance_why != REASON_OK)
        return unknown(survey->instance_why);
    if (group->instances[node] < group->hosts)
        return no(REASON_NO_INSTANCE);
    if (group->disabled & bit)
        return no(REASON_INSTANCE_DISABLED);
    if (group->broken & bit)
        return no(REASON_INSTANCE_BROKEN);
    return group->unclear & bit ? unknown(REASON_PREFLIGHT_UNKNOWN) : yes();
}

static struct answer service_runs(const struct survey *survey, uint8_t node, const char *service, uint16_t reason)
{
    const struct service_list *of = &survey->services[node];
    if (of->why != REASON_OK)
        return unknown(of->why);
    const struct kept_row *row = estate_kept_row(estate_kept(estate_in(survey), of->source, FOUND_SERVICE), FOUND_SERVICE, service, NULL);
    const struct found_service *found = row && !row->absent_at ? found_in(row) : NULL;
    if (!found || found->state == SERVICE_STOPPED)
        return no(reason);
    return found->state == SERVICE_RUNNING ? yes() : unknown(REASON_PREFLIGHT_UNKNOWN);
}

static struct answer has_local_msmq(const struct survey *survey, size_t place, uint8_t node)
{
    const struct group_scratch *group = &estate_in(survey)->scratch[place];
    if (group->hosts && survey->location_why != REASON_OK)
        return unknown(survey->location_why);
    return group->needs_msmq ? service_runs(survey, node, "MSMQ", REASON_MSMQ_STOPPED) : yes();
}

static struct answer waits_for_msmq(const struct survey *survey, size_t place, uint8_t node)
{
    const struct group_scratch *group = &estate_in(survey)->scratch[place];
    (void)node;
    if (!group->needs_msmq)
        return yes();
    if (survey->resource_why != REASON_OK)
        return unknown(survey->resource_why);
    if (!group->has_msmq)
        return no(REASON_NO_MSMQ_DEPENDENCY);
    if (group->msmq_unknown || !group->msmq_hosts)
        return unknown(survey->dependency_why != REASON_OK ? survey->dependency_why : REASON_PREFLIGHT_UNKNOWN);
    return group->msmq_dependent == group->msmq_hosts ? yes() : no(REASON_NO_MSMQ_DEPENDENCY);
}

/* A clustered Enterprise SSO comes along if it is in the same group; it does not run on a passive node before. */
static struct answer has_sso(const struct survey *survey, size_t place, uint8_t node)
{
    if (!estate_in(survey)->scratch[place].hosts)
        return yes();
    if (survey->resource_why != REASON_OK)
        return unknown(survey->resource_why);
    if (survey->sso_is_clustered)
        return survey->sso_place == place ? yes() : no(REASON_SSO_ELSEWHERE);
    return service_runs(survey, node, "ENTSSO", REASON_SSO_STOPPED);
}

static struct answer has_access_point(const struct survey *survey, size_t place, uint8_t node)
{
    const struct group_scratch *group = &estate_in(survey)->scratch[place];
    (void)node;
    if (!group->hosts)
        return yes();
    if (survey->resource_why != REASON_OK)
        return unknown(survey->resource_why);
    return group->has_name && group->has_address ? yes() : no(REASON_NO_NETWORK_NAME);
}

static condition *const conditions[] = {is_up,          takes_roles,    is_possible_owner, has_instances,
                                        has_local_msmq, waits_for_msmq, has_sso,           has_access_point};

/* What is known to be wrong counts before what is not known. */
static struct answer is_ready(const struct survey *survey, size_t place, uint8_t node)
{
    struct answer ready = {YES, REASON_READY};
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        struct answer answer = conditions[i](survey, place, node);
        if (answer.verdict == NO)
            return answer;
        if (answer.verdict == UNKNOWN && ready.verdict == YES)
            ready = answer;
    }
    return ready;
}

static void speak_ready(const struct survey *survey)
{
    const struct estate *estate = estate_in(survey);
    uint8_t nodes = estate->policy->clusters[estate->cluster].node_count;
    for (size_t place = 0; place < estate->group_count; place++) {
        nodes_t candidates = estate->policy->groups[estate->groups[place]].candidates;
        for (uint8_t node = 0; node < nodes && node < NODES_MAX; node++) {
            if (candidates && !(candidates & node_bit(node)))
                continue;
            struct answer answer = is_ready(survey, place, node);
            speak_word(survey->speaking, subject_of(SUBJECT_GROUP, estate->groups[place]),
                       (struct word){.aspect = ASPECT_READY, .node = node, .verdict = answer.verdict, .reason = answer.reason});
        }
    }
}

void estate_preflight(const struct estate *estate, uint16_t source, msec_t now, stamp_t wall, int32_t zone_seconds, observation_sink *sink,
                      void *context)
{
    const struct speaking speaking = {.estate = estate, .source = source, .now = now, .sink = sink, .context = context};
    struct survey survey = {.speaking = &speaking};
    scratch_clear(estate);
    survey_nodes(&survey);
    survey_resources(&survey);
    survey_locations(&survey);
    survey_owners(&survey);
    survey_dependencies(&survey);
    survey_instances(&survey);
    speak_ready(&survey);
    speak_expected(&speaking, wall, zone_seconds);
    speak_secret_server(&speaking);
}
