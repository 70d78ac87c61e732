/* The model's memory: one block carved into tables, and the last observation of every source, chained by subject.
 * Owns slots, freshness and rise/fall; knows nothing of what readings mean together (control.c, logs.c, verdict.c). */
#include <stdalign.h>
#include <string.h>

#include "parts.h"
#include "queues.h"

enum { LOOK_MS = 1000, SLOTS_MAX = 1 << 20 };

/* ---- memory ---- */

struct carving {
    unsigned char *base;
    size_t used;
};

static void *carve(struct carving *carving, size_t size)
{
    size_t at = (carving->used + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    carving->used = at + size;
    return carving->base ? carving->base + at : NULL;
}

/* How many readings of different things a source can have: by what it is asked about. */
static size_t slots_of(const struct policy *policy, const struct policy_source *source)
{
    if (subject_kind(source->target) == SUBJECT_SERVER || source->cluster >= policy->cluster_count)
        return 2;
    size_t nodes = policy->clusters[source->cluster].node_count, groups = 0, handlers = 0;
    for (uint16_t i = 0; i < policy->group_count; i++)
        groups += policy->groups[i].cluster == source->cluster;
    if (source->estate) /* quorate, nodes; of each group the owner, pending, intended, a time-out, copies */
        return 1 + nodes + groups * (4 + nodes);
    if (subject_kind(source->target) == SUBJECT_GROUP)
        return source->node < NODES_MAX ? 6 : 6 + 2 * nodes;
    if (subject_kind(source->target) == SUBJECT_NODE)
        return 4 + nodes + 6 * groups;
    for (uint16_t i = 0; i < policy->handler_count; i++)
        handlers += policy->groups[policy->handlers[i].group].cluster == source->cluster;
    return 4 + nodes + groups * (6 + 2 * nodes) + handlers;
}

static uint32_t slots_needed(const struct policy *policy)
{
    size_t count = 1; /* position 0 ends a chain */
    for (uint16_t i = 0; i < policy->source_count; i++)
        count += slots_of(policy, &policy->sources[i]);
    return count < SLOTS_MAX ? (uint32_t)count : SLOTS_MAX;
}

static uint32_t index_needed(uint32_t slots)
{
    uint32_t size = 4;
    while (size < 2 * slots)
        size *= 2;
    return size;
}

static size_t subjects_of(const struct policy *policy, unsigned kind)
{
    switch (kind) {
    case SUBJECT_CLUSTER:
        return policy->cluster_count;
    case SUBJECT_NODE:
        return policy->node_count;
    case SUBJECT_GROUP:
        return policy->group_count;
    case SUBJECT_SERVER:
        return policy->server_count;
    case SUBJECT_HANDLER:
        return policy->handler_count;
    default:
        return 0;
    }
}

static size_t accounts_needed(const struct policy *policy)
{
    size_t size = 2;
    while (size < 2 * (size_t)policy->handler_count)
        size *= 2;
    return size;
}

/* Without a base it only counts, and the tables of `model` are NULL. Gives the size of what must be zero; the slots come after that. */
static size_t carve_tables(struct carving *carving, const struct policy *policy, struct model *model)
{
    uint32_t slots = slots_needed(policy);
    for (unsigned kind = 0; kind < SUBJECT_KINDS; kind++)
        model->first_slot[kind] = carve(carving, subjects_of(policy, kind) * sizeof **model->first_slot);
    model->slot_index = carve(carving, index_needed(slots) * sizeof *model->slot_index);
    model->slot_mask = index_needed(slots) - 1;
    model->slot_capacity = slots;
    model->logs = carve(carving, policy->server_count * sizeof *model->logs);
    model->handlers = carve(carving, policy->handler_count * sizeof *model->handlers);
    model->control = carve(carving, policy->group_count * sizeof *model->control);
    model->queues = carve(carving, policy_queue_seats(policy) * sizeof *model->queues);
    model->heard = carve(carving, policy->source_count * sizeof *model->heard);
    model->by_account = carve(carving, accounts_needed(policy) * sizeof *model->by_account);
    model->same_account = carve(carving, policy->handler_count * sizeof *model->same_account);
    model->first_on_server = carve(carving, policy->server_count * sizeof *model->first_on_server);
    model->next_on_server = carve(carving, policy->handler_count * sizeof *model->next_on_server);
    model->touched_server = carve(carving, policy->server_count * sizeof *model->touched_server);
    model->touched_group = carve(carving, policy->group_count * sizeof *model->touched_group);
    model->touched_cluster = carve(carving, policy->cluster_count * sizeof *model->touched_cluster);
    size_t zero = carving->used;
    model->slots = carve(carving, slots * sizeof *model->slots);
    return zero;
}

size_t model_size(const struct policy *policy)
{
    struct carving carving = {.base = NULL};
    struct model model;
    carve(&carving, sizeof model);
    carve_tables(&carving, policy, &model);
    return carving.used;
}

struct model *model_open(void *memory, const struct policy *policy, msec_t now)
{
    struct carving carving = {.base = memory};
    struct model *model = carve(&carving, sizeof *model), tables = {.policy = policy, .started = now, .slot_count = 1};
    memset(memory, 0, carve_tables(&carving, policy, &tables));
    *model = tables;
    model->account_mask = (uint32_t)accounts_needed(policy) - 1;
    for (uint16_t i = 0; i < policy->group_count; i++)
        model->control[i].owner = model->control[i].last_owner = NODE_NONE;
    for (uint16_t i = 0; i < policy->handler_count; i++) {
        struct handler_state_row *handler = &model->handlers[i];
        evidence_reset(&handler->evidence);
        handler->state = handler->was = HANDLER_UNKNOWN;
        handler->strength = STRENGTH_NONE;
        handler->node = handler->elsewhere = NODE_NONE;
        handler->since = handler->changed_at = now;
        handler->reason = REASON_NOT_SEEN;
    }
    for (uint16_t i = 0; i < policy->server_count; i++) {
        model->logs[i].reason = policy->servers[i].has_log ? REASON_NOT_SEEN : REASON_NO_SOURCE;
        model->logs[i].since = now;
    }
    logs_link(model);
    return model;
}

/* ---- slots ---- */

static uint32_t *chain_of(const struct model *model, subject_t subject)
{
    enum subject_kind kind = subject_kind(subject);
    return subject_index(subject) < subjects_of(model->policy, kind) ? &model->first_slot[kind][subject_index(subject)] : NULL;
}

uint32_t model_first(const struct model *model, subject_t subject)
{
    const uint32_t *first = chain_of(model, subject);
    return first ? *first : 0;
}

/* Its place in the index: that of the slot, or the free one where it belongs. */
static uint32_t *slot_place(const struct model *model, uint16_t source, subject_t subject, uint8_t node, uint8_t aspect)
{
    uint64_t key = (uint64_t)subject << 32 | (uint64_t)source << 16 | (uint64_t)(aspect == ASPECT_OWNER ? 0 : node) << 8 | aspect;
    uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15U) >> 32) & model->slot_mask;
    for (; model->slot_index[at]; at = (at + 1) & model->slot_mask) {
        const struct observation *last = &model->slots[model->slot_index[at]].last;
        if (last->source == source && last->subject == subject && last->aspect == aspect && (last->node == node || aspect == ASPECT_OWNER))
            break;
    }
    return &model->slot_index[at];
}

/* Unknown neither counts nor breaks a run. A first good answer is believed at once; a bad one must fall first. */
static void rise_and_fall(struct slot *slot, const struct policy_source *source, const struct observation *seen, uint8_t known)
{
    uint8_t level = slot->level;
    if (seen->verdict == UNKNOWN)
        return;
    slot->run = seen->verdict != known ? 1 : slot->run < UINT16_MAX ? (uint16_t)(slot->run + 1) : slot->run;
    if (seen->verdict == YES && (level == UNKNOWN || slot->run >= source->rise))
        slot->level = YES;
    if (seen->verdict == NO && slot->run >= source->fall)
        slot->level = NO;
    if (slot->level != level)
        slot->since = seen->at;
}

void model_observe(struct model *model, const struct observation *seen)
{
    const struct policy *policy = model->policy;
    uint32_t *first = chain_of(model, seen->subject);
    model->observations++;
    if (!first || seen->source >= policy->source_count || seen->aspect == ASPECT_NONE || seen->aspect >= ASPECTS || seen->verdict > YES) {
        model->dropped++;
        return;
    }
    model->heard[seen->source] = true;
    model_touch(model, seen->subject);
    uint32_t *place = slot_place(model, seen->source, seen->subject, seen->node, seen->aspect);
    if (!*place) {
        if (model->slot_count >= model->slot_capacity) {
            model->dropped++;
            return;
        }
        *place = model->slot_count++;
        model->slots[*place] = (struct slot){.since = seen->at, .next = *first};
        *first = *place;
    }
    struct slot *slot = &model->slots[*place];
    if (seen->aspect == ASPECT_ENDPOINT) {
        /* between two known results there may be unknown ones: the run goes by the last known */
        uint8_t known = slot->known;
        rise_and_fall(slot, &policy->sources[seen->source], seen, known);
        if (seen->verdict != UNKNOWN)
            slot->known = seen->verdict;
    } else if (seen->verdict != slot->last.verdict || seen->node != slot->last.node) {
        slot->since = seen->at;
    }
    slot->last = *seen;
}

const struct slot *model_slot(const struct model *model, uint16_t source, subject_t subject, uint8_t node, uint8_t aspect)
{
    uint32_t at =
        subject_index(subject) < subjects_of(model->policy, subject_kind(subject)) ? *slot_place(model, source, subject, node, aspect) : 0;
    return at ? &model->slots[at] : NULL;
}

bool model_fresh(const struct model *model, const struct slot *slot, msec_t now)
{
    const struct policy_source *source = &model->policy->sources[slot->last.source];
    return slot->last.at >= model->stale_before && now - slot->last.at <= 2 * source->interval + source->timeout;
}

/* Several probes of one server: one that reaches it is enough; down only when none does and one says so. */
enum verdict model_endpoint(const struct model *model, uint16_t server, msec_t now, uint16_t *reason, msec_t *since)
{
    enum verdict verdict = UNKNOWN;
    uint16_t why = REASON_NO_SOURCE;
    msec_t from = 0;
    for (uint32_t i = model_first(model, subject_of(SUBJECT_SERVER, server)); i; i = model->slots[i].next) {
        const struct slot *slot = &model->slots[i];
        if (slot->last.aspect != ASPECT_ENDPOINT)
            continue;
        bool fresh = model_fresh(model, slot, now);
        uint8_t level = fresh && slot->last.verdict != UNKNOWN ? slot->level : UNKNOWN;
        if (level > verdict || why == REASON_NO_SOURCE) {
            verdict = level;
            from = slot->since;
            why = !fresh ? REASON_STALE : level == YES ? REASON_OK : slot->last.reason;
        }
    }
    if (why == REASON_NO_SOURCE && server < model->policy->server_count && model->policy->servers[server].has_probe)
        why = REASON_NOT_SEEN;
    if (reason)
        *reason = why;
    if (since)
        *since = from;
    return verdict;
}

bool model_never_locks(const struct model *model, uint16_t server, msec_t now)
{
    for (uint32_t i = model_first(model, subject_of(SUBJECT_SERVER, server)); i; i = model->slots[i].next)
        if (model->slots[i].last.aspect == ASPECT_LOCKS && model->slots[i].last.verdict == NO && model_fresh(model, &model->slots[i], now))
            return true;
    return false;
}

/* ---- the fold ---- */

msec_t policy_settle(const struct policy *policy, uint16_t group)
{
    const struct policy_cluster *cluster = &policy->clusters[policy->groups[group].cluster];
    msec_t settle = 2 * cluster->control_interval + cluster->control_timeout;
    if (settle < 30000)
        settle = 30000;
    return policy->groups[group].settle > settle ? policy->groups[group].settle : settle;
}

/* One handler that is idle in a group that otherwise works is its own trouble, not the group's. */
static void flag_partial(struct model *model, uint16_t group)
{
    const struct policy_group *policy = &model->policy->groups[group];
    const uint16_t *handlers = model->policy->group_handlers + policy->first_handler;
    bool any_single = false;
    for (uint16_t i = 0; i < policy->handler_count; i++)
        any_single |= model->handlers[handlers[i]].state == HANDLER_SINGLE && !handler_is_excused(model, handlers[i]);
    for (uint16_t i = 0; i < policy->handler_count; i++)
        if (any_single && model->handlers[handlers[i]].state == HANDLER_IDLE)
            model->handlers[handlers[i]].flags |= FLAG_PARTIAL;
}

static void fold_group(struct model *model, uint16_t group, msec_t now)
{
    const struct policy_group *policy = &model->policy->groups[group];
    control_fold(model, group, now);
    for (uint16_t i = 0; i < policy->handler_count; i++)
        verdict_fold(model, model->policy->group_handlers[policy->first_handler + i], now);
    flag_partial(model, group);
}

void model_fold(struct model *model, msec_t now, int64_t wall_offset)
{
    /* our wall clock was set: logs keep their own time, so only the difference to it changed */
    if (model->wall_offset && wall_offset != model->wall_offset)
        for (uint16_t i = 0; i < model->policy->server_count; i++)
            model->logs[i].skew -= wall_offset - model->wall_offset;
    model->wall_offset = wall_offset;
    model->folded_at = now;
    for (uint16_t i = 0; i < model->policy->server_count; i++)
        if (model->policy->servers[i].has_log)
            log_fold(model, i, now);
    for (uint16_t i = 0; i < model->policy->group_count; i++)
        fold_group(model, i, now);
}

/* ---- what changed since the last look ---- */

void model_touch(struct model *model, subject_t subject)
{
    uint32_t index = subject_index(subject);
    if (subject_kind(subject) == SUBJECT_GROUP && index < model->policy->group_count) {
        model->touched_group[index] = true;
    } else if (subject_kind(subject) == SUBJECT_HANDLER && index < model->policy->handler_count) {
        model->touched_group[model->policy->handlers[index].group] = true;
    } else if (subject_kind(subject) == SUBJECT_CLUSTER && index < model->policy->cluster_count) {
        model->touched_cluster[index] = true;
    } else if (subject_kind(subject) != SUBJECT_SERVER || index >= model->policy->server_count) {
        model->touched_all = true;
    } else if (!model->touched_server[index]) {
        model->touched_server[index] = true;
        for (uint16_t i = model->first_on_server[index]; i; i = model->next_on_server[i - 1])
            model->touched_group[model->policy->handlers[i - 1].group] = true;
    }
}

void model_fold_touched(struct model *model, msec_t now, int64_t wall_offset)
{
    if (model->touched_all || wall_offset != model->wall_offset || !model->folded_at || now - model->folded_at >= LOOK_MS) {
        model->touched_all = true;
        model_fold(model, now, wall_offset);
        return;
    }
    for (uint16_t i = 0; i < model->policy->server_count; i++)
        if (model->touched_server[i] && model->policy->servers[i].has_log)
            log_fold(model, i, now);
    for (uint16_t i = 0; i < model->policy->group_count; i++) {
        model->touched_group[i] |= model->touched_cluster[model->policy->groups[i].cluster];
        if (model->touched_group[i])
            fold_group(model, i, now);
    }
}

void model_settle(struct model *model)
{
    memset(model->touched_server, 0, model->policy->server_count * sizeof *model->touched_server);
    memset(model->touched_group, 0, model->policy->group_count * sizeof *model->touched_group);
    memset(model->touched_cluster, 0, model->policy->cluster_count * sizeof *model->touched_cluster);
    model->touched_all = false;
}
