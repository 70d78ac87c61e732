/* Fact bits, windows and candidates of one group: what rules read. Each with its reason. */
#include "facts.h"

#include <string.h>

#include "parts.h"

enum { HEALING_FLOOR_MS = 60000, STATIC_FLOOR_MS = 5000, PENDING_DEFAULT_MS = 60000, FIGHT_MS = 3600000, PENDING_MOST_MS = 3600000 };

void facts_wake(struct facts *facts, msec_t now, msec_t at)
{
    if (at > now && (!facts->wake_at || at < facts->wake_at))
        facts->wake_at = at;
}

const struct pause *pause_of(const struct world *world, subject_t scope, msec_t now)
{
    for (size_t i = 0; i < world->pause_count; i++)
        if (world->pauses[i].scope == scope && (now + world->wall_offset < world->pauses[i].until || now < world->clock_stepped_until))
            return &world->pauses[i];
    return NULL;
}

static const struct policy_group *group_of(const struct fold *fold)
{
    return &fold->policy->groups[fold->group];
}

static const struct policy_cluster *cluster_of(const struct fold *fold)
{
    return &fold->policy->clusters[group_of(fold)->cluster];
}

static uint16_t handler_at(const struct fold *fold, unsigned position)
{
    return fold->policy->group_handlers[group_of(fold)->first_handler + position];
}

/* ---- windows ---- */

static msec_t longest_poll(const struct fold *fold)
{
    msec_t longest = 0;
    for (unsigned i = 0; i < group_of(fold)->handler_count; i++) {
        msec_t poll = fold->policy->handlers[handler_at(fold, i)].poll;
        longest = poll > longest ? poll : longest;
    }
    return longest;
}

static msec_t longer(msec_t a, msec_t b)
{
    return a > b ? a : b;
}

/* The least time a state must stand; the configuration may only lengthen it. */
msec_t policy_confirm_floor(const struct policy *policy, uint16_t group)
{
    const struct policy_cluster *cluster = &policy->clusters[policy->groups[group].cluster];
    msec_t floor = cluster->heals_itself ? HEALING_FLOOR_MS : STATIC_FLOOR_MS;
    floor = longer(floor, 2 * cluster->control_interval + cluster->control_timeout);
    return longer(floor, cluster->restart_delay + cluster->control_interval);
}

msec_t group_pending_timeout(const struct model *model, uint16_t group)
{
    const struct policy_cluster *cluster = &model->policy->clusters[model->policy->groups[group].cluster];
    msec_t configured = cluster->pending_timeout ? cluster->pending_timeout : PENDING_DEFAULT_MS,
           told = model->control[group].pending_timeout;
    return longer(configured, told < PENDING_MOST_MS ? told : PENDING_MOST_MS);
}

static void fold_windows(const struct fold *fold, struct facts *facts)
{
    const struct policy_cluster *cluster = cluster_of(fold);
    facts->confirm = longer(policy_confirm_floor(fold->policy, fold->group), group_of(fold)->confirm);
    facts->settle = policy_settle(fold->policy, fold->group);
    facts->moved_deadline = 2 * group_pending_timeout(fold->model, fold->group) + 2 * cluster->control_interval;
    facts->receiving_deadline = 3 * longest_poll(fold);
}

msec_t facts_window(const struct fold *fold, const struct facts *facts, uint8_t wrong)
{
    switch (wrong ? 1U << (wrong - 1) : 0) {
    case FACT_IDLE:
        return longer(facts->confirm, 3 * longest_poll(fold));
    case FACT_MANY:
    case FACT_CONFIRMED:
        return facts->settle;
    default:
        return facts->confirm;
    }
}

/* ---- what the matter is ---- */

struct census {
    unsigned all, of[HANDLER_STATES];
    unsigned excused; /* not meant to poll now, and does not: says neither that the group works nor that it is idle */
    uint16_t reason;  /* of the first handler that is not single */
};

static struct census count_handlers(const struct fold *fold)
{
    struct census census = {.all = group_of(fold)->handler_count};
    for (unsigned i = 0; i < census.all; i++) {
        const struct handler_state_row *row = &fold->model->handlers[handler_at(fold, i)];
        census.of[row->state]++;
        census.excused += handler_is_excused(fold->model, handler_at(fold, i));
        if (row->state != HANDLER_SINGLE && !census.reason)
            census.reason = row->reason;
    }
    return census;
}

/* A declared trigger probe that is not content counts like an idle group: online, and something is wrong with it. */
static bool is_triggered(const struct fold *fold, uint16_t *reason)
{
    for (uint32_t i = model_first(fold->model, subject_of(SUBJECT_GROUP, fold->group)); i; i = fold->model->slots[i].next) {
        const struct slot *slot = &fold->model->slots[i];
        if (slot->last.aspect == ASPECT_TRIGGER && slot->last.verdict == NO && model_fresh(fold->model, slot, fold->now)) {
            *reason = slot->last.reason;
            return true;
        }
    }
    return false;
}

static void set_bit(struct facts *facts, uint32_t bit, bool is_set, uint16_t why)
{
    if (is_set)
        facts->bits |= bit;
    facts->why[__builtin_ctz(bit)] = why;
}

static void fold_matter(const struct fold *fold, struct facts *facts)
{
    const struct control_row *control = &fold->model->control[fold->group];
    const struct census census = count_handlers(fold);
    unsigned doubles = census.of[HANDLER_DUPLICATE_CONFIRMED] + census.of[HANDLER_DUPLICATE_SUSPECTED];
    bool moving = control->pending || census.of[HANDLER_MOVING] ||
                  (control->plane != CONTROL_UNKNOWN && control_moving(fold->model, fold->group, fold->now));
    bool none = !moving && control->plane == CONTROL_NONE && control->intended && census.of[HANDLER_NONE] == census.all;
    bool many = census.all ? doubles > 0 : control->plane == CONTROL_MANY;
    bool confirmed = census.all ? census.of[HANDLER_DUPLICATE_CONFIRMED] > 0 : many && control->double_rounds >= 2;
    bool idle = census.of[HANDLER_IDLE] && census.of[HANDLER_IDLE] + census.excused == census.all && !moving;
    uint16_t idle_reason = REASON_SILENT;
    if (!moving && !idle && control->plane == CONTROL_ONE && is_triggered(fold, &idle_reason))
        idle = (group_of(fold)->triggers & TRIGGER_PROBE) != 0;
    bool exactly_one = !moving && !idle && !many && census.of[HANDLER_SINGLE] + census.of[HANDLER_IDLE] == census.all &&
                       (census.all ? census.of[HANDLER_SINGLE] > 0 : control->plane == CONTROL_ONE);
    bool blind = control->plane == CONTROL_UNKNOWN && !control->pending && census.of[HANDLER_UNKNOWN] == census.all;
    uint16_t why = census.reason ? census.reason : control->reason;
    set_bit(facts, FACT_NONE, none, REASON_ACTIVE_NOWHERE);
    set_bit(facts, FACT_ONE, exactly_one, exactly_one ? REASON_SEEN_ACTIVE : why);
    set_bit(facts, FACT_MANY, many, why);
    set_bit(facts, FACT_IDLE, idle, idle_reason);
    set_bit(facts, FACT_CONFIRMED, confirmed, why);
    set_bit(facts, FACT_MOVING, moving, REASON_IN_TRANSITION);
    set_bit(facts, FACT_BLIND, blind, why);
}

static void fold_held(const struct fold *fold, struct facts *facts)
{
    const subject_t scopes[] = {subject_of(SUBJECT_AGENT, 0), subject_of(SUBJECT_CLUSTER, group_of(fold)->cluster),
                                subject_of(SUBJECT_GROUP, fold->group)};
    bool held = false;
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        const struct pause *pause = pause_of(fold->world, scopes[i], fold->now);
        held |= pause != NULL;
        if (pause)
            facts_wake(facts, fold->now, pause->until - fold->world->wall_offset);
    }
    set_bit(facts, FACT_HELD, held, REASON_PAUSED);
}

/* ---- who, and where to ---- */

/* Would a failover to this node work right now? */
static uint16_t preflight(const struct fold *fold, uint8_t node)
{
    const struct control_row *control = &fold->model->control[fold->group];
    nodes_t bit = node_bit(node);
    if (node == (control->owner != NODE_NONE ? control->owner : control->last_owner))
        return REASON_IS_OWNER;
    if (pause_of(fold->world, subject_of(SUBJECT_NODE, cluster_of(fold)->first_node + (size_t)node), fold->now))
        return REASON_NODE_PAUSED;
    if (control->down & bit)
        return REASON_NODE_DOWN;
    if (control->unready & bit)
        return control->ready_reason[node];
    if (control->active & bit)
        return REASON_SEEN_ACTIVE;
    if (control->ready & bit)
        return REASON_READY;
    /* a static cluster has no manager to ask: a node whose own probes answer can run it */
    bool answers = ((control->first_hand | control->first_hand_no) & bit) != 0;
    return cluster_of(fold)->type == CLUSTER_STATIC && answers ? REASON_READY : REASON_NODE_UNKNOWN;
}

static void fold_candidates(const struct fold *fold, struct facts *facts)
{
    const struct control_row *control = &fold->model->control[fold->group];
    nodes_t candidates = group_of(fold)->candidates;
    for (uint8_t node = 0; node < cluster_of(fold)->node_count && node < NODES_MAX; node++) {
        if (candidates && !(candidates & node_bit(node)))
            continue;
        uint16_t why = preflight(fold, node);
        facts->candidate_why[node] = why;
        if (why == REASON_READY)
            facts->ready |= node_bit(node);
        if (why == REASON_NODE_UNKNOWN || (control->vague & node_bit(node) && why == control->ready_reason[node]))
            facts->unsure |= node_bit(node);
    }
}

static uint8_t lowest(nodes_t nodes)
{
    return nodes ? (uint8_t)__builtin_ctzll(nodes) : NODE_NONE;
}

/* A plan keeps its target while that is ready: an approval names it. */
static void fold_target(const struct fold *fold, struct facts *facts)
{
    const struct group_state *was = fold->was;
    if (facts->act == ACT_STOP) {
        facts->target = facts->surplus & node_bit(was->target) && was->act == ACT_STOP ? was->target : lowest(facts->surplus);
        return;
    }
    bool is_kept = was->target < NODES_MAX && (was->ordered || (was->plan && was->act == ACT_MOVE));
    bool is_forced = was->ordered == ORDERED_BY_FORCE && was->target < cluster_of(fold)->node_count;
    if (is_kept && (facts->ready & node_bit(was->target) || is_forced))
        facts->target = was->target;
    else
        facts->target = was->ordered && was->target < NODES_MAX ? NODE_NONE : lowest(facts->ready);
}

/* ---- what the state asks for ---- */

static uint8_t wanted(const struct fold *fold, const struct facts *facts, uint16_t *why)
{
    const struct control_row *control = &fold->model->control[fold->group];
    uint8_t triggers = group_of(fold)->triggers;
    uint32_t wrong = 0;
    uint8_t number = wrong_of(facts->bits);
    *why = REASON_OK;
    if (facts->bits & FACT_ORDERED)
        return ACT_MOVE;
    if (!number)
        return ACT_NOTHING;
    wrong = 1U << (number - 1);
    *why = REASON_MODE_OBSERVE;
    if (group_of(fold)->mode == MODE_OBSERVE)
        return ACT_NOTHING;
    *why = REASON_NOT_A_TRIGGER;
    if (wrong == FACT_NONE)
        return triggers & TRIGGER_NONE ? ACT_MOVE : ACT_NOTHING;
    *why = wrong == FACT_IDLE && (triggers & (TRIGGER_IDLE | TRIGGER_PROBE)) ? REASON_GROUP_UNSTEADY : REASON_NOT_A_TRIGGER;
    if (wrong == FACT_IDLE && control->has_control && control->plane != CONTROL_ONE)
        return ACT_NOTHING;
    if (wrong == FACT_IDLE)
        return triggers & (TRIGGER_IDLE | TRIGGER_PROBE) ? ACT_MOVE : ACT_NOTHING;
    *why = wrong == FACT_CONFIRMED ? REASON_SURPLUS_UNPROVEN : facts->why[__builtin_ctz(FACT_MANY)];
    return wrong == FACT_CONFIRMED && facts->surplus ? ACT_STOP : ACT_NOTHING;
}

static void fold_wish(const struct fold *fold, struct facts *facts)
{
    const struct group_state *was = fold->was;
    const struct control_row *control = &fold->model->control[fold->group];
    facts->owner = control->owner != NODE_NONE ? control->owner : control->last_owner;
    if (control->plane == CONTROL_MANY && control->owner != NODE_NONE)
        facts->surplus = control->active & ~node_bit(control->owner);
    bool ordered = was->ordered && fold->now < was->approved_until;
    set_bit(facts, FACT_ORDERED, ordered, REASON_OPERATOR);
    uint16_t why = REASON_OK;
    facts->act = wanted(fold, facts, &why);
    uint8_t wrong = wrong_of(facts->bits);
    msec_t stands = was->wrong == wrong && wrong ? was->wrong_since + facts_window(fold, facts, wrong) : INT64_MAX;
    bool is_done = facts->act != ACT_NOTHING && wrong && fold->now >= stands;
    set_bit(facts, FACT_INNER_DONE, is_done, is_done ? REASON_OK : facts->act != ACT_NOTHING ? REASON_INNER_WINDOW : why);
    if (stands != INT64_MAX)
        facts_wake(facts, fold->now, stands);
}

/* ---- the action under way ---- */

static bool has_moved(const struct fold *fold)
{
    const struct control_row *control = &fold->model->control[fold->group];
    const struct group_state *was = fold->was;
    if (control->pending || control->plane != CONTROL_ONE || !control->agreed || control->oldest <= was->acted_at)
        return false;
    if (was->act == ACT_STOP)
        return (control->first_hand_no & node_bit(was->target)) != 0;
    return control->owner == was->target;
}

/* Every handler whose log can be read has polled from there since. */
static bool is_receiving(const struct fold *fold)
{
    const struct group_state *was = fold->was;
    unsigned readable = 0, handlers = group_of(fold)->handler_count;
    if (was->act == ACT_STOP)
        return true;
    for (unsigned i = 0; i < handlers; i++) {
        uint16_t handler = handler_at(fold, i), server = fold->policy->handlers[handler].server;
        if (fold->model->logs[server].reason != REASON_OK || was->target >= NODES_MAX)
            continue;
        readable++;
        if (fold->model->handlers[handler].expected == NO)
            continue; /* outside its service window it cannot show it */
        if (fold->model->handlers[handler].evidence.last_poll[was->target] <= log_stamp(fold->model, server, was->acted_at))
            return false;
    }
    return readable > 0 || handlers == 0;
}

static void fold_progress(const struct fold *fold, struct facts *facts)
{
    const struct group_state *was = fold->was;
    const struct control_row *control = &fold->model->control[fold->group];
    bool is_late = was->deadline && fold->now >= was->deadline;
    if (was->phase == PHASE_ACTING) {
        bool ended = was->result_at && (was->result == YES || (was->result == NO && was->result_reason != REASON_UNFENCED));
        bool failed = was->result_at && was->result != YES;
        set_bit(facts, FACT_DONE, ended, was->result_reason);
        set_bit(facts, FACT_FAILED, failed, was->result_reason);
        set_bit(facts, FACT_LATE, is_late, REASON_RESULT_UNKNOWN);
    } else if (was->phase == PHASE_VERIFYING) {
        bool receives = is_receiving(fold);
        /* where nothing was heard of who is active, only polls can show it; where nobody polls either, nothing can */
        bool moved = control->has_control ? has_moved(fold) : receives && group_of(fold)->handler_count;
        facts->bits &= ~(uint32_t)FACT_INNER_DONE;
        set_bit(facts, FACT_DONE, moved, moved ? REASON_DONE : REASON_NOT_MOVED);
        set_bit(facts, FACT_INNER_DONE, moved && receives, receives ? REASON_DONE : REASON_NOT_RECEIVING);
        set_bit(facts, FACT_LATE, is_late, moved ? REASON_NOT_RECEIVING : REASON_NOT_MOVED);
    } else if (was->phase == PHASE_BLOCKED) {
        bool well = was->well_since && fold->now - was->well_since >= facts->settle && !was->latched;
        set_bit(facts, FACT_DONE, well, REASON_OK);
        facts_wake(facts, fold->now, was->well_since ? was->well_since + facts->settle : 0);
    } else {
        stamp_t ago = fold->now + fold->world->wall_offset - was->stopped_at;
        bool is_back = was->stopped_at && ago < FIGHT_MS && (facts->surplus & was->stopped) != 0;
        set_bit(facts, FACT_FAILED, is_back, REASON_FIGHTS_BACK);
    }
    if (was->phase == PHASE_ACTING || was->phase == PHASE_VERIFYING)
        facts_wake(facts, fold->now, was->deadline);
    facts_wake(facts, fold->now, was->approved_until);
}

void facts_fold(const struct model *model, const struct policy *policy, uint16_t group, const struct group_state *was,
                const struct world *world, msec_t now, struct facts *facts)
{
    const struct fold fold = {.model = model, .policy = policy, .was = was, .world = world, .group = group, .now = now};
    memset(facts, 0, sizeof *facts);
    facts->target = NODE_NONE;
    fold_windows(&fold, facts);
    fold_matter(&fold, facts);
    fold_held(&fold, facts);
    fold_candidates(&fold, facts);
    fold_wish(&fold, facts);
    fold_target(&fold, facts);
    gates_fold(&fold, facts);
    set_bit(facts, FACT_APPROVED, (facts->open & (gates_t)1 << GATE_MODE) != 0, facts->gate_why[GATE_MODE]);
    fold_progress(&fold, facts);
}
