/* The control plane of one group: what cluster managers and nodes say about who is active.
 * Owns observers, their agreement, owner and hand-overs; knows nothing of logs beyond telling them that ownership changed. */
#include <string.h>

#include "parts.h"

/* What the fresh words of this moment add up to; the row of the model is what is left of it. */
struct words {
    nodes_t said_active, said_inactive; /* INSTANCE, by anybody */
    nodes_t own_active, own_inactive;   /* INSTANCE, by the node itself */
    nodes_t owners;                     /* OWNER yes */
    nodes_t observers;                  /* nodes that gave an OWNER word */
    nodes_t ready, unready, vague, ready_asked, up, down;
    uint16_t ready_reason[NODES_MAX], ready_vague[NODES_MAX];
    unsigned owner_words, owner_none, foreign_words; /* foreign: by an observer that is no node of the cluster */
    enum verdict pending, intended;
    bool intended_asked, any_known, any_slot;
    uint16_t reason; /* of a word that is unknown */
    msec_t oldest;   /* of the words used */
    msec_t pending_began, pending_timeout;
    nodes_t not_quorate; /* observers whose words do not count */
    struct spoken {      /* of one node: when YES was said first and last; when the node itself said NO last; its oldest own YES */
        msec_t began, read, own_began, own_read, own_no, own_oldest;
    } of[NODES_MAX];
};

static nodes_t all_nodes(const struct model *model, uint16_t group)
{
    const struct policy_group *policy = &model->policy->groups[group];
    uint8_t count = model->policy->clusters[policy->cluster].node_count;
    nodes_t all = count >= NODES_MAX ? ~(nodes_t)0 : node_bit(count) - 1;
    return policy->candidates & all ? policy->candidates & all : all;
}

static unsigned count_nodes(nodes_t nodes)
{
    return (unsigned)__builtin_popcountll(nodes);
}

static uint8_t lowest(nodes_t nodes)
{
    return nodes ? (uint8_t)__builtin_ctzll(nodes) : NODE_NONE;
}

/* An observer whose part of the cluster may not decide does not count, whichever of its probes says so; one that was never asked counts. */
static nodes_t find_not_quorate(const struct model *model, uint16_t cluster, msec_t now)
{
    nodes_t not_quorate = 0;
    for (uint32_t i = model_first(model, subject_of(SUBJECT_CLUSTER, cluster)); i; i = model->slots[i].next) {
        const struct slot *slot = &model->slots[i];
        if (slot->last.aspect == ASPECT_QUORATE && !(slot->last.verdict == YES && model_fresh(model, slot, now)))
            not_quorate |= node_bit(model->policy->sources[slot->last.source].node);
    }
    return not_quorate;
}

static bool is_quorate(const struct model *model, const struct words *words, uint16_t source, msec_t now)
{
    const struct policy_source *observer = &model->policy->sources[source];
    if (observer->node < NODES_MAX)
        return !(words->not_quorate & node_bit(observer->node));
    const struct slot *slot = model_slot(model, source, subject_of(SUBJECT_CLUSTER, observer->cluster), NODE_NONE, ASPECT_QUORATE);
    return !slot || (slot->last.verdict == YES && model_fresh(model, slot, now));
}

static void earlier(msec_t *at, msec_t than)
{
    if (!*at || than < *at)
        *at = than;
}

static void later(msec_t *at, msec_t than)
{
    if (than > *at)
        *at = than;
}

static void hear_yes(struct words *words, const struct slot *slot, bool first_hand)
{
    struct spoken *spoken = &words->of[slot->last.node];
    earlier(&spoken->began, slot->since);
    later(&spoken->read, slot->last.at);
    if (first_hand) {
        earlier(&spoken->own_began, slot->since);
        later(&spoken->own_read, slot->last.at);
        earlier(&spoken->own_oldest, slot->last.at);
    }
}

static void hear_instance(struct words *words, const struct slot *slot, bool first_hand)
{
    nodes_t node = node_bit(slot->last.node);
    if (slot->last.verdict == YES) {
        words->said_active |= node;
        words->own_active |= first_hand ? node : 0;
        hear_yes(words, slot, first_hand);
    } else {
        words->said_inactive |= node;
        words->own_inactive |= first_hand ? node : 0;
        if (first_hand)
            later(&words->of[slot->last.node].own_no, slot->last.at);
    }
}

/* Its own later NO overrules what others said of a node before. Of a node's own words (its services, and what BizTalk says there: two
 * readings of one service manager) the later one counts. */
static void settle_words(struct words *words)
{
    for (nodes_t left = (words->said_active | words->own_active) & words->own_inactive; left; left &= left - 1) {
        unsigned node = (unsigned)__builtin_ctzll(left);
        nodes_t bit = (nodes_t)1 << node;
        const struct spoken *spoken = &words->of[node];
        if (spoken->own_no > spoken->read)
            words->said_active &= ~bit;
        if (!(words->own_active & bit))
            continue;
        if (spoken->own_no >= spoken->own_read)
            words->own_active &= ~bit;
        if (spoken->own_read >= spoken->own_no)
            words->own_inactive &= ~bit;
    }
}

static void hear(struct words *words, const struct slot *slot, const struct policy_source *source)
{
    const struct observation *said = &slot->last;
    bool yes = said->verdict == YES;
    switch (said->aspect) {
    case ASPECT_INSTANCE:
        if (said->node >= NODES_MAX)
            return;
        hear_instance(words, slot, source->node < NODES_MAX && source->node == said->node);
        break;
    case ASPECT_OWNER:
        words->owner_words++;
        words->owners |= yes ? node_bit(said->node) : 0;
        if (yes && said->node < NODES_MAX)
            hear_yes(words, slot, false);
        words->owner_none += !yes;
        words->observers |= node_bit(source->node);
        words->foreign_words += source->node >= NODES_MAX;
        break;
    case ASPECT_PENDING:
        words->pending = yes || words->pending == YES ? YES : NO;
        if (yes)
            earlier(&words->pending_began, slot->since);
        return; /* says nothing about who is active */
    case ASPECT_INTENDED:
        words->intended = !yes || words->intended == NO ? NO : YES;
        return;
    case ASPECT_PENDING_TIMEOUT:
        later(&words->pending_timeout, said->value);
        return;
    case ASPECT_READY:
        *(yes ? &words->ready : &words->unready) |= node_bit(said->node);
        if (!yes && said->node < NODES_MAX)
            words->ready_reason[said->node] = said->reason;
        return;
    default:
        return;
    }
    words->any_known = true;
    earlier(&words->oldest, said->at);
}

/* A node that somebody is asked about must be said to be ready. */
static void hear_nothing_of_ready(struct words *words, const struct slot *slot, bool fresh)
{
    uint8_t node = slot->last.node;
    if (node >= NODES_MAX)
        return;
    words->ready_asked |= node_bit(node);
    words->ready_vague[node] = fresh && slot->last.verdict == UNKNOWN && slot->last.reason ? slot->last.reason : REASON_NODE_UNKNOWN;
}

static void listen_nodes(const struct model *model, uint16_t cluster, msec_t now, struct words *words)
{
    for (uint32_t i = model_first(model, subject_of(SUBJECT_CLUSTER, cluster)); i; i = model->slots[i].next) {
        const struct slot *slot = &model->slots[i];
        if (slot->last.aspect != ASPECT_NODE_UP || !model_fresh(model, slot, now))
            continue;
        if (slot->last.verdict == YES)
            words->up |= node_bit(slot->last.node);
        else if (slot->last.verdict == NO)
            words->down |= node_bit(slot->last.node);
    }
    words->up &= ~words->down;
}

static void listen(const struct model *model, uint16_t group, msec_t now, struct words *words)
{
    uint16_t cluster = model->policy->groups[group].cluster;
    words->not_quorate = find_not_quorate(model, cluster, now);
    for (uint32_t i = model_first(model, subject_of(SUBJECT_GROUP, group)); i; i = model->slots[i].next) {
        const struct slot *slot = &model->slots[i];
        bool speaks = slot->last.aspect == ASPECT_INSTANCE || slot->last.aspect == ASPECT_OWNER;
        words->any_slot |= speaks;
        words->intended_asked |= slot->last.aspect == ASPECT_INTENDED;
        bool fresh = model_fresh(model, slot, now);
        if (!fresh || slot->last.verdict == UNKNOWN || !is_quorate(model, words, slot->last.source, now)) {
            if (speaks)
                words->reason = fresh && slot->last.verdict == UNKNOWN ? slot->last.reason : REASON_STALE;
            if (slot->last.aspect == ASPECT_READY)
                hear_nothing_of_ready(words, slot, fresh);
            continue;
        }
        hear(words, slot, &model->policy->sources[slot->last.source]);
    }
    settle_words(words);
    words->vague = words->ready_asked & ~(words->ready | words->unready);
    for (nodes_t left = words->vague; left; left &= left - 1) {
        words->unready |= left & -left;
        words->ready_reason[__builtin_ctzll(left)] = words->ready_vague[__builtin_ctzll(left)];
    }
    listen_nodes(model, cluster, now, words);
}

/* Several copies only if all were seen running at one time: a YES read before another one began is yesterday's news. */
static bool overlap(const struct words *words, nodes_t nodes, bool first_hand)
{
    msec_t began = 0, read = INT64_MAX;
    for (; nodes; nodes &= nodes - 1) {
        const struct spoken *spoken = &words->of[__builtin_ctzll(nodes)];
        msec_t one_began = first_hand ? spoken->own_began : spoken->began, one_read = first_hand ? spoken->own_read : spoken->read;
        began = one_began > began ? one_began : began;
        read = one_read < read ? one_read : read;
    }
    return began <= read;
}

/* Of a node's several own words the oldest: a poll is over when each of its probes has spoken anew. */
static msec_t oldest_own_read(const struct words *words)
{
    msec_t oldest = INT64_MAX;
    for (nodes_t left = words->own_active; left; left &= left - 1) {
        msec_t read = words->of[__builtin_ctzll(left)].own_oldest;
        oldest = read < oldest ? read : oldest;
    }
    return oldest;
}

struct folded {
    uint8_t plane;
    nodes_t active;
    uint16_t reason;
};

/* A cluster manager names the owner; nodes and BizTalk may say more. */
static struct folded fold_with_owner(const struct words *words)
{
    unsigned owners = count_nodes(words->owners);
    nodes_t others = words->said_active & ~words->owners;
    if (owners > 1 || (owners == 1 && words->owner_none))
        return (struct folded){CONTROL_UNKNOWN, 0, REASON_OWNER_DISPUTED};
    if (owners == 0 && words->said_active)
        return (struct folded){CONTROL_UNKNOWN, 0, REASON_CONTRADICTORY};
    if (owners == 0)
        return (struct folded){CONTROL_NONE, 0, REASON_ACTIVE_NOWHERE};
    if (!others || !overlap(words, words->owners | others, false))
        return (struct folded){CONTROL_ONE, words->owners, REASON_SEEN_ACTIVE};
    if (words->own_inactive & words->owners)
        return (struct folded){CONTROL_UNKNOWN, 0, REASON_CONTRADICTORY};
    return (struct folded){CONTROL_MANY, words->owners | others, REASON_SEEN_TWICE_FIRST_HAND};
}

/* Nobody names an owner: each node speaks for itself. */
static struct folded fold_instances(const struct words *words, nodes_t all, uint8_t last_owner)
{
    unsigned count = count_nodes(words->said_active);
    if (count > 1 && overlap(words, words->said_active, false))
        return (struct folded){CONTROL_MANY, words->said_active, REASON_SEEN_TWICE_FIRST_HAND};
    if (count > 1 && words->said_active & node_bit(last_owner))
        return (struct folded){CONTROL_ONE, node_bit(last_owner), REASON_SEEN_ACTIVE};
    if (count == 1)
        return (struct folded){CONTROL_ONE, words->said_active, REASON_SEEN_ACTIVE};
    if (count == 0 && (words->said_inactive & all) == all)
        return (struct folded){CONTROL_NONE, 0, REASON_ACTIVE_NOWHERE};
    return (struct folded){CONTROL_UNKNOWN, 0, words->reason ? words->reason : words->any_slot ? REASON_CONTRADICTORY : REASON_NO_SOURCE};
}

/* All who answered agree, and at least one of them is not the accused. Where nodes speak for themselves, all must have spoken. */
static bool agree(const struct words *words, const struct folded *now, uint8_t accused, nodes_t all)
{
    if (now->plane == CONTROL_UNKNOWN)
        return false;
    if (words->owner_words)
        return (words->observers & ~node_bit(accused)) != 0 || words->foreign_words;
    return ((words->own_active | words->own_inactive) & all) == all;
}

static void count_rounds(struct control_row *row, const struct words *words, msec_t now)
{
    row->first_hand_many = row->plane == CONTROL_MANY && count_nodes(words->own_active) > 1 && overlap(words, words->own_active, true);
    if (!row->first_hand_many && row->plane != CONTROL_UNKNOWN) {
        row->double_rounds = 0;
    } else if (row->first_hand_many && (row->double_rounds == 0 || oldest_own_read(words) > row->counted_at)) {
        if (row->double_rounds < UINT8_MAX)
            row->double_rounds++;
        row->counted_at = now;
    }
}

/* Sessions of nodes that are active no more are ghosts from here on: in each log's own clock. */
static void hand_over(struct model *model, uint16_t group, nodes_t nodes, msec_t at)
{
    const struct policy_group *policy = &model->policy->groups[group];
    for (uint16_t i = 0; i < policy->handler_count; i++) {
        uint16_t handler = model->policy->group_handlers[policy->first_handler + i];
        evidence_handover(&model->handlers[handler].evidence, nodes, log_stamp(model, model->policy->handlers[handler].server, at));
    }
}

static void follow_owner(struct model *model, uint16_t group, const struct folded *is, msec_t now)
{
    struct control_row *row = &model->control[group];
    if (is->plane == CONTROL_UNKNOWN)
        return;
    uint8_t owner = is->plane == CONTROL_ONE ? lowest(is->active) : NODE_NONE;
    if (is->plane == CONTROL_MANY) /* the incumbent */
        owner = is->active & node_bit(row->last_owner) ? row->last_owner : NODE_NONE;
    if (owner != NODE_NONE && row->last_owner != NODE_NONE && (owner != row->last_owner || (row->owner == NODE_NONE && !row->held)))
        row->owner_since = now;
    nodes_t lost = row->held & ~is->active;
    if (lost)
        hand_over(model, group, lost, now);
    row->held = is->active;
    row->owner = owner;
    if (owner != NODE_NONE)
        row->last_owner = owner;
}

static void follow_pending(struct control_row *row, const struct words *words, msec_t now)
{
    bool pending = words->pending == YES;
    if (pending && !row->pending)
        row->pending_since = words->pending_began;
    if (!pending && row->pending)
        row->pending_ended = now;
    row->pending = pending;
    bool known = !words->intended_asked || words->intended != UNKNOWN;
    bool intended = !words->intended_asked || words->intended == YES; /* where nobody can say otherwise, it is meant to run */
    if (known && (!row->intended_known || intended != row->intended))
        row->intended_since = now;
    row->intended_known = known;
    row->intended = known && intended;
}

void control_fold(struct model *model, uint16_t group, msec_t now)
{
    struct control_row *row = &model->control[group];
    struct words words = {.pending = UNKNOWN};
    nodes_t all = all_nodes(model, group);
    listen(model, group, now, &words);
    struct folded is = words.owner_words ? fold_with_owner(&words) : fold_instances(&words, all, row->last_owner);
    follow_owner(model, group, &is, now);
    follow_pending(row, &words, now);
    if (is.plane != row->plane || !row->plane_since) {
        row->plane = is.plane;
        row->plane_since = now;
    }
    if (is.plane == CONTROL_UNKNOWN)
        row->owner = NODE_NONE;
    row->agreed = agree(&words, &is, row->owner != NODE_NONE ? row->owner : row->last_owner, all);
    row->observers = words.owner_words ? words.observers : words.own_active | words.own_inactive;
    row->reason = is.reason;
    row->active = words.said_active | (words.owner_words && is.plane != CONTROL_UNKNOWN ? words.owners : 0);
    row->inactive = words.said_inactive & ~row->active;
    row->unknown = all & ~(row->active | row->inactive);
    row->first_hand = words.own_active;
    row->first_hand_no = words.own_inactive;
    row->up = words.up;
    row->down = words.down;
    row->unready = words.unready;
    row->vague = words.vague;
    row->ready = words.ready & ~words.unready;
    memcpy(row->ready_reason, words.ready_reason, sizeof row->ready_reason);
    row->has_control |= words.any_slot;
    row->resource_down = is.plane == CONTROL_NONE && row->intended && !row->pending;
    row->oldest = words.oldest;
    if (words.pending_timeout)
        row->pending_timeout = words.pending_timeout;
    count_rounds(row, &words, now);
}

bool control_moving(const struct model *model, uint16_t group, msec_t now)
{
    const struct control_row *row = &model->control[group];
    msec_t settle = policy_settle(model->policy, group);
    return row->pending || (row->owner_since && now - row->owner_since < settle) ||
           (row->pending_ended && now - row->pending_ended < settle);
}
