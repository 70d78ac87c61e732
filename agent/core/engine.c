/* The step of one group: a command, or one rule. What follows from entering a phase is here; when to enter it is in rules.c. */
#include "engine.h"

#include <string.h>

static void remember(stamp_t *ring, stamp_t stamp)
{
    size_t oldest = 0;
    for (size_t i = 1; i < STAMPS_MAX; i++)
        if (ring[i] < ring[oldest])
            oldest = i;
    ring[oldest] = stamp;
}

static void move_along(int64_t *at, int64_t by)
{
    if (*at)
        *at = *at + by == 0 ? 1 : *at + by;
}

void group_state_rebase(struct group_state *state, int64_t by)
{
    for (size_t i = 0; i < STAMPS_MAX; i++) {
        move_along(&state->moves[i], by);
        move_along(&state->stops[i], by);
    }
    move_along(&state->stopped_at, by);
}

void group_state_shift(struct group_state *state, int64_t by)
{
    msec_t *const times[] = {&state->since,          &state->wrong_since,   &state->deadline,    &state->acted_at,
                             &state->approved_until, &state->result_at,     &state->moved_at,    &state->well_since,
                             &state->double_since,   &state->unready_since, &state->orphan_until};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        move_along(times[i], by);
    for (size_t i = 0; i < STAMPS_MAX; i++)
        move_along(&state->changes[i], by);
}

/* ---- commands ---- */

static bool is_calm(uint8_t phase)
{
    return phase == PHASE_UNKNOWN || phase == PHASE_OK || phase == PHASE_SUSPECT;
}

static void drop_plan(struct group_state *state)
{
    state->plan = state->approved_plan = 0;
    state->approved_until = 0;
    state->ordered = 0;
    state->act = ACT_NOTHING;
    state->idle_move = 0;
    state->target = state->from = NODE_NONE;
}

static uint16_t approve(const struct policy_group *policy, struct group_state *state, const struct command *command, msec_t now)
{
    if (policy->mode == MODE_OBSERVE)
        return REASON_MODE_OBSERVE;
    if (policy->mode == MODE_ADVISE)
        return REASON_MODE_ADVISE;
    if (state->phase != PHASE_WAITING || !state->plan || command->plan != state->plan)
        return REASON_NO_PLAN;
    state->approved_plan = command->plan;
    state->approved_until = now + APPROVAL_MS;
    return REASON_OK;
}

static uint16_t order(const struct policy *policy, uint16_t group, struct group_state *state, const struct facts *facts,
                      const struct command *command, msec_t now)
{
    const struct policy_group *of = &policy->groups[group];
    if (policy->observe_only)
        return REASON_OBSERVE_ONLY;
    if (of->mode == MODE_OBSERVE)
        return REASON_MODE_OBSERVE;
    if (state->phase == PHASE_HELD)
        return REASON_PAUSED;
    if (state->phase == PHASE_BLOCKED)
        return state->reason;
    if (!is_calm(state->phase) && state->phase != PHASE_WAITING)
        return REASON_IN_FLIGHT;
    if (command->target != NODE_NONE && command->target == facts->owner)
        return REASON_IS_OWNER;
    if (command->target != NODE_NONE && command->target >= policy->clusters[of->cluster].node_count)
        return REASON_NO_TARGET;
    drop_plan(state);
    state->phase = state->phase == PHASE_WAITING ? PHASE_SUSPECT : state->phase;
    state->ordered = command->force ? ORDERED_BY_FORCE : ORDERED;
    state->target = command->target;
    state->approved_until = now + APPROVAL_MS;
    return REASON_OK;
}

static uint16_t acknowledge(struct group_state *state, msec_t now)
{
    state->latched = LATCH_NONE;
    state->stopped = 0;
    state->stopped_at = 0;
    memset(state->moves, 0, sizeof state->moves);
    memset(state->stops, 0, sizeof state->stops);
    memset(state->changes, 0, sizeof state->changes);
    if (state->phase == PHASE_BLOCKED) {
        drop_plan(state);
        state->phase = PHASE_UNKNOWN;
        state->since = now;
    }
    return REASON_OK;
}

static uint16_t take_result(struct group_state *state, const struct command *command, msec_t now)
{
    if (!state->plan || command->plan != state->plan || (state->phase != PHASE_ACTING && state->phase != PHASE_VERIFYING))
        return REASON_NO_PLAN;
    state->result = command->verdict;
    state->result_reason = command->reason;
    state->result_at = now;
    if (state->phase == PHASE_VERIFYING && command->verdict != YES) /* it came late, and it matters */
        state->phase = PHASE_ACTING;
    return REASON_OK;
}

static uint16_t take_command(const struct policy *policy, uint16_t group, struct group_state *state, const struct facts *facts,
                             const struct command *command, msec_t now, uint8_t *told)
{
    uint16_t reason = REASON_OK;
    uint8_t happened = HAPPENED_NOTHING;
    switch (command->verb) {
    case VERB_APPROVE:
        reason = approve(&policy->groups[group], state, command, now);
        happened = HAPPENED_APPROVED;
        break;
    case VERB_FAILOVER:
        reason = order(policy, group, state, facts, command, now);
        break;
    case VERB_ACK:
        reason = acknowledge(state, now);
        happened = HAPPENED_ACKED;
        break;
    case VERB_RESULT:
        reason = take_result(state, command, now);
        break;
    default:
        break;
    }
    *told = reason == REASON_OK ? happened : HAPPENED_NOTHING;
    return reason;
}

/* ---- what the state remembers of the facts ---- */

static void follow_ready(struct group_state *is, const struct facts *facts, msec_t now)
{
    bool unready = facts->ready == 0 && facts->unsure == 0;
    for (unsigned node = 0; node < NODES_MAX; node++)
        unready = unready && facts->candidate_why[node] != REASON_SEEN_ACTIVE;
    is->unready_since = !unready ? 0 : is->unready_since ? is->unready_since : now;
}

static void follow(struct group_state *is, uint32_t bits, msec_t now)
{
    uint8_t wrong = wrong_of(bits);
    if (wrong != is->wrong) {
        is->wrong = wrong;
        is->wrong_since = wrong ? now : 0;
        if (wrong && is->was_well) {
            remember(is->changes, now);
            is->was_well = false;
        }
    }
    bool well = (bits & FACT_ONE) && !wrong && !(bits & (FACT_MOVING | FACT_BLIND));
    is->was_well |= well;
    is->well_since = !well ? 0 : is->well_since ? is->well_since : now;
    if (!(bits & FACT_MANY))
        is->double_since = 0;
    else if (!is->double_since)
        is->double_since = now;
}

/* ---- entering a phase ---- */

static uint64_t plan_id(uint16_t group, const struct world *world, msec_t now)
{
    return ((uint64_t)(now + world->wall_offset) << 12) | (group & 0xfffU);
}

static void make_plan(struct group_state *is, uint16_t group, uint8_t act, const struct facts *facts, const struct world *world, msec_t now)
{
    is->plan = plan_id(group, world, now);
    is->approved_plan = 0;
    is->act = act;
    is->target = facts->target;
    is->from = act == ACT_STOP ? facts->target : facts->owner;
    is->idle_move = act == ACT_MOVE && (facts->bits & FACT_IDLE) && !(facts->bits & FACT_NONE);
}

static void dispatch(struct group_state *is, const struct facts *facts, const struct world *world, msec_t now, struct plan *plan)
{
    is->acted_at = now;
    is->approved_plan = 0;
    is->approved_until = 0;
    is->moved_at = is->result_at = 0;
    is->result = UNKNOWN;
    is->result_reason = REASON_NONE;
    is->deadline = now + facts->moved_deadline + facts->settle; /* a program that was stopped at the deadline must still be heard */
    remember(is->act == ACT_STOP ? is->stops : is->moves, now + world->wall_offset);
    plan->dispatch = true;
    plan->deadline = now + facts->moved_deadline;
}

static void block(struct group_state *is, const struct facts *facts, uint8_t from)
{
    if (from == PHASE_ACTING) {
        is->latched = LATCH_RESULT;
        is->reason = is->result_reason ? is->result_reason : REASON_RESULT_UNKNOWN;
    } else if (from == PHASE_VERIFYING) { /* without any result the program may still be at it */
        is->latched = is->result_at ? LATCH_NONE : LATCH_RESULT;
        is->reason = is->result_at ? REASON_NOT_MOVED : REASON_RESULT_UNKNOWN;
    } else {
        is->latched = LATCH_FIGHTS_BACK;
        is->reason = REASON_FIGHTS_BACK;
        drop_plan(is);
        is->target = facts->surplus & is->stopped ? (uint8_t)__builtin_ctzll(facts->surplus & is->stopped) : NODE_NONE;
    }
}

static void verified(struct group_state *is, const struct world *world, msec_t now)
{
    if (is->act != ACT_STOP)
        return;
    is->stopped |= node_bit(is->target);
    is->stopped_at = now + world->wall_offset;
}

/* Everything that entering (or renewing) `to` means. Returns what to tell. */
static uint8_t enter(struct group_state *is, uint16_t group, const struct rule *rule, uint8_t to, const struct facts *facts,
                     const struct world *world, msec_t now, struct plan *plan)
{
    uint8_t from = is->phase;
    bool anew = from != to;
    uint8_t told = anew ? rule->told : HAPPENED_NOTHING;
    switch (to) {
    case PHASE_WAITING:
        if (anew || (!is->ordered && facts->target != NODE_NONE && facts->target != is->target)) {
            make_plan(is, group, anew ? rule->act : is->act, facts, world, now);
            told = HAPPENED_PLANNED;
        }
        break;
    case PHASE_ACTING:
        if (anew)
            dispatch(is, facts, world, now, plan);
        break;
    case PHASE_VERIFYING:
        if (anew) {
            is->verify_stage = 0;
            is->deadline = is->acted_at + facts->moved_deadline;
            is->deadline = is->deadline > now + facts->settle ? is->deadline : now + facts->settle;
        } else if (rule->told && is->verify_stage == 0) {
            is->verify_stage = 1;
            is->moved_at = now;
            is->deadline = now + facts->receiving_deadline;
            told = rule->told;
        }
        break;
    case PHASE_BLOCKED:
        if (anew)
            block(is, facts, from);
        break;
    default:
        if (from == PHASE_VERIFYING)
            verified(is, world, now);
        if (told == HAPPENED_DONE && is->act == ACT_STOP)
            told = HAPPENED_STOPPED;
        if (anew && from == PHASE_WAITING)
            told = HAPPENED_WITHDRAWN;
        break;
    }
    return told;
}

static const struct rule *first_match(uint8_t phase, uint32_t bits)
{
    const struct rule *rule = rules;
    while (!(rule->from & (1U << phase)) || (bits & rule->all) != rule->all || (bits & rule->none))
        rule++;
    return rule;
}

static gates_t closed_gates(uint8_t act, const struct policy_cluster *cluster, const struct fleet *fleet, uint16_t position,
                            const struct facts *facts)
{
    gates_t open = facts->open;
    uint8_t most = cluster->max_in_flight ? cluster->max_in_flight : 1;
    if (fleet->in_flight[position] >= most)
        open &= ~((gates_t)1 << GATE_NOT_IN_FLIGHT);
    return gates_of[act] & ~open;
}

static bool keeps_plan(uint8_t phase)
{
    return phase == PHASE_WAITING || phase == PHASE_ACTING || phase == PHASE_VERIFYING || phase == PHASE_BLOCKED;
}

static void lapse(struct group_state *is, msec_t now, uint8_t *told)
{
    if (!is->approved_until || now < is->approved_until || is->phase == PHASE_ACTING || is->phase == PHASE_VERIFYING)
        return;
    is->approved_until = 0;
    is->approved_plan = 0;
    is->ordered = 0;
    *told = HAPPENED_LAPSED;
}

void engine_step(const struct policy *policy, uint16_t group, const struct group_state *was, const struct facts *facts,
                 const struct fleet *fleet, const struct command *command, const struct world *world, msec_t now, struct group_state *is,
                 struct plan *plan)
{
    uint16_t cluster = policy->groups[group].cluster;
    uint8_t told = HAPPENED_NOTHING;
    *is = *was;
    *plan = (struct plan){.from = NODE_NONE, .target = NODE_NONE, .wake_at = now + 1};
    if (command) {
        plan->reason = take_command(policy, group, is, facts, command, now, &plan->told);
        plan->id = is->plan;
        plan->act = is->act;
        plan->from = is->from;
        plan->target = is->target;
        return;
    }
    lapse(is, now, &told);
    follow(is, facts->bits, now);
    follow_ready(is, facts, now);
    const struct rule *rule = first_match(was->phase < PHASES ? was->phase : PHASE_UNKNOWN, facts->bits);
    uint8_t to = rule->to;
    if (to == PHASE_ACTING && was->phase == PHASE_WAITING &&
        (is->act != rule->act || is->target == NODE_NONE || facts->target != is->target ||
         closed_gates(rule->act, &policy->clusters[cluster], fleet, cluster, facts)))
        to = PHASE_WAITING;
    is->rule = rule->id;
    is->reason =
        was->phase == PHASE_BLOCKED && to == PHASE_BLOCKED ? was->reason : facts->why[__builtin_ctz(rule->all ? rule->all : FACT_ONE)];
    uint8_t happened = enter(is, group, rule, to, facts, world, now, plan);
    plan->told = happened ? happened : told;
    plan->id = is->plan;
    plan->act = is->plan ? is->act : facts->act;
    plan->from = is->plan ? is->from : facts->owner;
    plan->target = is->plan ? is->target : facts->target;
    plan->closed = closed_gates(plan->act, &policy->clusters[cluster], fleet, cluster, facts);
    plan->rule = rule->id;
    if (to == PHASE_WAITING && plan->closed)
        is->reason = facts->gate_why[gate_lowest(plan->closed)];
    plan->reason = is->reason;
    plan->wake_at = to != was->phase || is->verify_stage != was->verify_stage ? now + 1 : facts->wake_at;
    if (to != was->phase)
        is->since = now;
    is->phase = to;
    if (!keeps_plan(to))
        drop_plan(is);
    if (to == PHASE_ACTING && plan->dispatch)
        is->ordered = 0;
}
