/* What one source found, in the core's words: who owns a role, whether it is pending, whether it is meant to run, which copies run.
 * Owns the meaning of cluster and service states; must not merge sources: a node's service list and the same node's word of BizTalk are two
 * readings of one service manager, and both are said as that node's own. */
#include "estate_words.h"

/* ---- memory ---- */

bool scratch_open(struct estate *estate)
{
    estate->scratch = store_take(&estate->store, estate->group_count * sizeof *estate->scratch);
    return estate->scratch != NULL;
}

void scratch_close(struct estate *estate)
{
    store_give(&estate->store, estate->scratch, estate->group_count * sizeof *estate->scratch);
}

void scratch_clear(const struct estate *estate)
{
    for (size_t place = 0; place < estate->group_count; place++)
        estate->scratch[place] = (struct group_scratch){.has_hosts = false};
    for (size_t i = 0; i < estate->host_count; i++) {
        estate->scratch[estate->hosts[i].group].has_hosts = true;
        estate->scratch[estate->hosts[i].group].hosts++;
    }
}

/* ---- saying ---- */

void speak_word(const struct speaking *speaking, subject_t subject, struct word word)
{
    const struct observation said = {.subject = subject,
                                     .source = speaking->source,
                                     .reason = word.reason,
                                     .node = word.node,
                                     .aspect = word.aspect,
                                     .verdict = word.verdict,
                                     .value = word.value,
                                     .at = word.at ? word.at : speaking->now};
    speaking->sink(speaking->context, &said);
}

static subject_t group_subject(const struct speaking *speaking, size_t place)
{
    return subject_of(SUBJECT_GROUP, speaking->estate->groups[place]);
}

static const struct policy_cluster *cluster_of(const struct speaking *speaking)
{
    return &speaking->estate->policy->clusters[speaking->estate->cluster];
}

/* Why a list says nothing now; OK = it does. */
static uint16_t why_not(const struct speaking *speaking, enum found_kind kind, const struct kept_list *list)
{
    if (list_is_fresh(speaking->estate, speaking->source, kind, list, speaking->now))
        return REASON_OK;
    return list->reason == REASON_OK ? REASON_STALE : list->reason;
}

/* ---- nodes ---- */

static int64_t state_of_node(const struct kept_row *row)
{
    return ((const struct found_node *)found_in(row))->state;
}

static struct word node_word(const struct kept_list *list, const struct kept_row *row)
{
    struct word word = {.aspect = ASPECT_NODE_UP, .at = list->complete_at, .reason = REASON_OBJECT_MISSING};
    if (!row)
        return word;
    switch (state_of_node(row)) {
    case NODE_STATE_UP:
    case NODE_STATE_PAUSED: /* still a member, and still runs what it runs */
        word.verdict = YES;
        word.reason = REASON_OK;
        break;
    case NODE_STATE_DOWN:
        word.verdict = NO;
        word.reason = REASON_NODE_DOWN;
        break;
    default:
        word.reason = REASON_NODE_UNKNOWN;
    }
    return word;
}

static void speak_nodes(const struct speaking *speaking, const struct kept_list *list)
{
    const struct estate *estate = speaking->estate;
    const struct kept_row *rows[NODES_MAX] = {NULL};
    uint8_t asked = estate->policy->sources[speaking->source].node;
    uint16_t why = why_not(speaking, FOUND_NODE, list);
    subject_t cluster = subject_of(SUBJECT_CLUSTER, estate->cluster);
    for (size_t i = 0; i < list->count; i++) {
        uint8_t node = estate_node(estate, ((const struct found_node *)found_in(&list->rows[i]))->name);
        if (node < NODES_MAX && !list->rows[i].absent_at)
            rows[node] = &list->rows[i];
    }
    for (uint8_t node = 0; node < cluster_of(speaking)->node_count && node < NODES_MAX; node++) {
        struct word word = why == REASON_OK ? node_word(list, rows[node]) : (struct word){.aspect = ASPECT_NODE_UP, .reason = why};
        word.node = node;
        speak_word(speaking, cluster, word);
        if (node != asked)
            continue;
        word.aspect = ASPECT_QUORATE;
        word.node = NODE_NONE;
        if (why == REASON_OK && rows[node] && state_of_node(rows[node]) == NODE_STATE_JOINING)
            word.verdict = NO;
        speak_word(speaking, cluster, word);
    }
}

/* ---- roles ---- */

static bool is_pending(int64_t state)
{
    return state == RESOURCE_INITIALIZING || (state >= RESOURCE_PENDING && state <= RESOURCE_OFFLINE_PENDING);
}

static void add_resource(const struct speaking *speaking, const struct kept_row *row)
{
    const struct found_resource *resource = found_in(row);
    size_t place = role_place(speaking->estate, resource->group);
    const char *host = NULL;
    if (place == SIZE_MAX)
        return;
    struct group_scratch *group = &speaking->estate->scratch[place];
    if (resource->pending_timeout_ms > group->pending_timeout_ms)
        group->pending_timeout_ms = resource->pending_timeout_ms;
    if (!resource_is_guarded(speaking->estate, speaking->source, place, resource, &host))
        return;
    group->guarded++;
    group->persistent += resource->persistent == YES;
    group->not_persistent += resource->persistent == NO;
    group->down += resource->state == RESOURCE_OFFLINE || resource->state == RESOURCE_FAILED;
    if (resource->state == RESOURCE_ONLINE) {
        group->online++;
        group->owner = resource->owner;
    } else if (is_pending(resource->state)) {
        group->pending++;
        if (!group->pending_since || row->since < group->pending_since)
            group->pending_since = row->since;
    }
}

static struct word owned_by(const struct speaking *speaking, const char *computer)
{
    uint8_t node = estate_node(speaking->estate, computer);
    if (node == NODE_NONE)
        return (struct word){.node = NODE_NONE, .reason = REASON_NODE_UNKNOWN};
    return (struct word){.node = node, .verdict = YES, .reason = REASON_OK};
}

static const struct word nowhere = {.node = NODE_NONE, .verdict = NO, .reason = REASON_ACTIVE_NOWHERE};

/* While anything is pending the owner is who the cluster names: it is neither offline nor failed. */
static struct word owner_word(const struct speaking *speaking, const struct group_scratch *group, bool resources_known)
{
    const struct word vague = {.node = NODE_NONE, .reason = REASON_NODE_UNKNOWN};
    int64_t state = group->role->state;
    if (group->online)
        return owned_by(speaking, group->owner);
    if (group->pending || state == GROUP_PENDING)
        return owned_by(speaking, group->role->owner);
    if (group->guarded)
        return group->down == group->guarded ? nowhere : vague;
    if (state == GROUP_ONLINE)
        return owned_by(speaking, group->role->owner);
    if (state == GROUP_OFFLINE || (state == GROUP_FAILED && resources_known))
        return nowhere;
    return vague; /* partly online: of what is guarded we know nothing */
}

static struct word intended_word(const struct group_scratch *group)
{
    struct word word = {.aspect = ASPECT_INTENDED, .node = NODE_NONE, .reason = REASON_INTENT_UNKNOWN};
    if (group->role->persistent == NO || (group->guarded && group->not_persistent == group->guarded)) {
        word.verdict = NO;
        word.reason = REASON_NOT_INTENDED;
    } else if (group->role->persistent == YES && (!group->guarded || group->persistent)) {
        word.verdict = YES;
        word.reason = REASON_OK;
    }
    return word;
}

static void speak_role(const struct speaking *speaking, size_t place, bool resources_known, msec_t at)
{
    const struct group_scratch *group = &speaking->estate->scratch[place];
    subject_t subject = group_subject(speaking, place);
    bool pending = group->pending || group->role->state == GROUP_PENDING;
    struct word words[] = {owner_word(speaking, group, resources_known), {.verdict = pending ? YES : NO}, intended_word(group)};
    words[0].aspect = ASPECT_OWNER;
    words[1].aspect = ASPECT_PENDING;
    words[1].node = NODE_NONE;
    words[1].reason = pending ? REASON_IN_TRANSITION : REASON_OK;
    words[1].value = pending && group->pending_since ? speaking->now - group->pending_since : 0;
    if (!pending && (group->role->state < GROUP_ONLINE || group->role->state > GROUP_PENDING)) /* -1, ABSENT */
        words[1] = (struct word){.aspect = ASPECT_PENDING, .node = NODE_NONE, .reason = REASON_NODE_UNKNOWN};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        words[i].at = at;
        speak_word(speaking, subject, words[i]);
    }
    if (group->pending_timeout_ms > 0)
        speak_word(speaking, subject,
                   (struct word){.aspect = ASPECT_PENDING_TIMEOUT,
                                 .node = NODE_NONE,
                                 .verdict = YES,
                                 .reason = REASON_OK,
                                 .value = group->pending_timeout_ms,
                                 .at = at});
}

static void speak_unknown_role(const struct speaking *speaking, size_t place, uint16_t reason)
{
    static const uint8_t aspects[] = {ASPECT_OWNER, ASPECT_PENDING, ASPECT_INTENDED};
    for (size_t i = 0; i < sizeof aspects; i++)
        speak_word(speaking, group_subject(speaking, place), (struct word){.aspect = aspects[i], .node = NODE_NONE, .reason = reason});
}

static void speak_roles(const struct speaking *speaking, const struct kept_list *groups, const struct kept_list *resources)
{
    const struct estate *estate = speaking->estate;
    uint16_t why = why_not(speaking, FOUND_GROUP, groups);
    bool known = resources && why_not(speaking, FOUND_RESOURCE, resources) == REASON_OK;
    msec_t at = known && resources->complete_at < groups->complete_at ? resources->complete_at : groups->complete_at;
    for (size_t i = 0; i < groups->count && why == REASON_OK; i++) {
        const struct found_group *role = found_in(&groups->rows[i]);
        size_t place = groups->rows[i].absent_at ? SIZE_MAX : role_place(estate, role->name);
        if (place == SIZE_MAX)
            continue;
        estate->scratch[place].role = role;
        estate->scratch[place].pending_since = role->state == GROUP_PENDING ? groups->rows[i].since : 0;
    }
    for (size_t i = 0; known && i < resources->count; i++)
        if (!resources->rows[i].absent_at)
            add_resource(speaking, &resources->rows[i]);
    for (size_t place = 0; place < estate->group_count; place++) {
        if (estate->scratch[place].role)
            speak_role(speaking, place, known, at);
        else
            speak_unknown_role(speaking, place, why == REASON_OK ? REASON_OBJECT_MISSING : why);
    }
}

/* ---- copies ---- */

enum copy { COPY_VAGUE, COPY_STOPPED, COPY_RUNNING };

static void add_copy(const struct estate *estate, const char *host, uint8_t node, enum copy copy, uint16_t reason)
{
    size_t place = host_place(estate, host);
    if (place == SIZE_MAX)
        return;
    struct group_scratch *group = &estate->scratch[place];
    group->running |= copy == COPY_RUNNING ? node_bit(node) : 0;
    group->stopped |= copy == COPY_STOPPED ? node_bit(node) : 0;
    group->vague |= copy == COPY_VAGUE ? node_bit(node) : 0;
    if (copy == COPY_VAGUE)
        group->vague_reason = reason;
}

/* Any host of the group running is a copy; all of them stopped is none. */
static void speak_copies(const struct speaking *speaking, uint8_t first, uint8_t end, uint16_t why, msec_t at)
{
    const struct estate *estate = speaking->estate;
    for (size_t place = 0; place < estate->group_count; place++) {
        const struct group_scratch *group = &estate->scratch[place];
        for (uint8_t node = first; group->has_hosts && node < end; node++) {
            nodes_t bit = node_bit(node);
            struct word word = {.aspect = ASPECT_INSTANCE, .node = node, .reason = why};
            if (why == REASON_OK) {
                word.verdict = group->running & bit ? YES : group->vague & bit ? UNKNOWN : NO;
                word.reason = group->running & bit   ? REASON_OK
                              : group->vague & bit   ? group->vague_reason
                              : group->stopped & bit ? REASON_ACTIVE_NOWHERE
                                                     : REASON_NO_INSTANCE;
                word.at = at;
            }
            speak_word(speaking, group_subject(speaking, place), word);
        }
    }
}

static void speak_instances(const struct speaking *speaking, const struct kept_list *list)
{
    const struct estate *estate = speaking->estate;
    for (size_t i = 0; i < list->count; i++) {
        const struct found_instance *row = found_in(&list->rows[i]);
        enum { ISOLATED = 2, NOT_INSTALLED = 5 };
        uint8_t node = estate_node(estate, row->node);
        if (list->rows[i].absent_at || node == NODE_NONE || row->cluster == INSTANCE_VIRTUAL || row->type == ISOLATED)
            continue;
        bool pending = row->state != INSTANCE_RUNNING && row->state > INSTANCE_STOPPED && row->state < INSTANCE_UNKNOWN;
        enum copy copy = row->state == INSTANCE_RUNNING                                          ? COPY_RUNNING
                         : row->state == INSTANCE_STOPPED || row->configuration == NOT_INSTALLED ? COPY_STOPPED
                                                                                                 : COPY_VAGUE;
        add_copy(estate, row->host, node, copy, pending ? REASON_IN_TRANSITION : REASON_NODE_UNKNOWN);
    }
    uint8_t end = cluster_of(speaking)->node_count < NODES_MAX ? cluster_of(speaking)->node_count : NODES_MAX;
    speak_copies(speaking, 0, end, why_not(speaking, FOUND_INSTANCE, list), list->complete_at);
}

static void speak_services(const struct speaking *speaking, const struct kept_list *list)
{
    uint8_t node = speaking->estate->policy->sources[speaking->source].node;
    if (node >= NODES_MAX)
        return;
    for (size_t i = 0; i < list->count; i++) {
        const struct found_service *row = found_in(&list->rows[i]);
        const char *host = host_of_service(row->name);
        enum copy copy = row->state == SERVICE_RUNNING ? COPY_RUNNING : row->state == SERVICE_STOPPED ? COPY_STOPPED : COPY_VAGUE;
        if (host && !list->rows[i].absent_at)
            add_copy(speaking->estate, host, node, copy, row->state ? REASON_IN_TRANSITION : REASON_NODE_UNKNOWN);
    }
    speak_copies(speaking, node, (uint8_t)(node + 1), why_not(speaking, FOUND_SERVICE, list), list->complete_at);
}

/* ---- one source ---- */

void estate_speak(const struct estate *estate, uint16_t source, msec_t now, observation_sink *sink, void *context)
{
    const struct speaking speaking = {.estate = estate, .source = source, .now = now, .sink = sink, .context = context};
    const struct kept_source *kept = estate_kept_source(estate, source);
    bool any = false;
    for (unsigned kind = 0; kept && kind < FOUND_KINDS; kind++)
        any |= kept->lists[kind] != NULL;
    if (!kept || (!any && kept->failed == REASON_NOT_SEEN))
        return;
    scratch_clear(estate);
    if (kept->lists[FOUND_NODE])
        speak_nodes(&speaking, kept->lists[FOUND_NODE]);
    if (kept->lists[FOUND_GROUP])
        speak_roles(&speaking, kept->lists[FOUND_GROUP], kept->lists[FOUND_RESOURCE]);
    /* one that never told anything would have been heard about the owner, perhaps: so that blindness has its reason */
    for (size_t place = 0; !any && place < estate->group_count; place++)
        speak_word(&speaking, group_subject(&speaking, place),
                   (struct word){.aspect = ASPECT_OWNER, .node = NODE_NONE, .reason = kept->failed});
    if (kept->lists[FOUND_INSTANCE])
        speak_instances(&speaking, kept->lists[FOUND_INSTANCE]);
    scratch_clear(estate);
    if (kept->lists[FOUND_SERVICE])
        speak_services(&speaking, kept->lists[FOUND_SERVICE]);
}
