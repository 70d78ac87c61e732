/* Which gates are open for what this group's state asks for. Every gate needs a positive fact that is fresh; unknown is closed. */
#include "facts.h"
#include "parts.h"

enum { FLAPS = 4, FLAP_WINDOW_MS = 1800000 };

static void set_gate(const struct fold *fold, struct facts *facts, enum gate gate, bool open, uint16_t why, msec_t until)
{
    if (open)
        facts->open |= (gates_t)1 << gate;
    facts->gate_why[gate] = open ? REASON_OK : why;
    facts->until[gate] = open || until <= fold->now ? 0 : until;
    facts_wake(facts, fold->now, facts->until[gate]);
}

static const struct policy_group *group_of(const struct fold *fold)
{
    return &fold->policy->groups[fold->group];
}

static const struct control_row *control_of(const struct fold *fold)
{
    return &fold->model->control[fold->group];
}

static bool is_ordered(const struct facts *facts)
{
    return (facts->bits & FACT_ORDERED) != 0;
}

/* ---- what is known ---- */

/* Silence speaks for a move only where it is known that every silent handler should poll now. */
static bool is_expected(const struct fold *fold, uint16_t *why)
{
    for (unsigned i = 0; i < group_of(fold)->handler_count; i++) {
        uint16_t handler = fold->policy->group_handlers[group_of(fold)->first_handler + i];
        const struct handler_state_row *row = &fold->model->handlers[handler];
        if (row->state == HANDLER_IDLE && (!row->expected_known || row->expected == NO)) {
            *why = row->expected_reason;
            return false;
        }
    }
    return true;
}

static void fold_evidence(const struct fold *fold, struct facts *facts)
{
    const struct control_row *control = control_of(fold);
    bool fresh = control->plane != CONTROL_UNKNOWN;
    uint16_t stale = control->reason;
    if (facts->act == ACT_MOVE && (facts->bits & FACT_IDLE) && !is_ordered(facts))
        for (unsigned i = 0; i < group_of(fold)->handler_count; i++) {
            uint16_t handler = fold->policy->group_handlers[group_of(fold)->first_handler + i];
            const struct log_state *log = &fold->model->logs[fold->policy->handlers[handler].server];
            if (log->reason != REASON_OK) {
                fresh = false;
                stale = log->reason;
            }
        }
    set_gate(fold, facts, GATE_FRESH, fresh, stale ? stale : REASON_INPUTS_STALE, 0);
    /* a stop needs the word of two: one observer could be the one that is mistaken */
    bool agreed = control->agreed && (facts->act != ACT_STOP || __builtin_popcountll(control->observers) >= 2);
    set_gate(fold, facts, GATE_OWNER_AGREED, agreed, REASON_OWNER_DISPUTED, 0);
    bool steady = !(facts->bits & FACT_MOVING);
    if (facts->act == ACT_MOVE && (facts->bits & FACT_IDLE) && !(facts->bits & FACT_NONE))
        steady = steady && control->plane == CONTROL_ONE;
    set_gate(fold, facts, GATE_STEADY, steady && fresh, REASON_GROUP_UNSTEADY, 0);
    uint16_t unmeant = control->intended_known ? REASON_NOT_INTENDED : REASON_INTENT_UNKNOWN;
    bool meant = control->intended_known && control->intended;
    if (facts->act == ACT_MOVE && (facts->bits & FACT_IDLE) && !is_ordered(facts) && !is_expected(fold, &unmeant))
        meant = false;
    set_gate(fold, facts, GATE_INTENDED, meant, unmeant, 0);
}

static void fold_confirmed(const struct fold *fold, struct facts *facts)
{
    uint8_t wrong = wrong_of(facts->bits);
    bool done = (facts->bits & FACT_INNER_DONE) && (facts->act != ACT_STOP || (facts->bits & FACT_CONFIRMED));
    msec_t until = fold->was->wrong == wrong && wrong ? fold->was->wrong_since + facts_window(fold, facts, wrong) : 0;
    set_gate(fold, facts, GATE_CONFIRMED, done || is_ordered(facts), facts->why[__builtin_ctz(FACT_INNER_DONE)], until);
}

/* ---- what it depends on, as seen from here ---- */

struct causes {
    uint16_t why;
    msec_t until;
};

static void add_cause(const struct fold *fold, const struct facts *facts, uint16_t server, struct causes *causes)
{
    uint16_t reason;
    msec_t since;
    enum verdict verdict = model_endpoint(fold->model, server, fold->now, &reason, &since);
    if (verdict == NO)
        causes->why = REASON_CAUSE_DOWN;
    else if (verdict == UNKNOWN && causes->why != REASON_CAUSE_DOWN)
        causes->why = reason == REASON_NO_SOURCE ? REASON_NO_SOURCE : REASON_CAUSE_UNKNOWN;
    else if (verdict == YES && fold->now - since < facts->settle && since + facts->settle > causes->until)
        causes->until = since + facts->settle;
}

/* Hosts that start anew need the secret: where anybody is asked about its server, it must be there. */
static void add_secret_server(const struct fold *fold, const struct facts *facts, struct causes *causes)
{
    for (uint32_t i = model_first(fold->model, subject_of(SUBJECT_CLUSTER, group_of(fold)->cluster)); i; i = fold->model->slots[i].next) {
        const struct slot *slot = &fold->model->slots[i];
        if (slot->last.aspect != ASPECT_SECRET_SERVER)
            continue;
        bool fresh = model_fresh(fold->model, slot, fold->now);
        if (fresh && slot->last.verdict == UNKNOWN && slot->last.reason == REASON_SECRET_SERVER_ELSEWHERE)
            continue; /* not ours to watch, and that is known */
        if (fresh && slot->last.verdict == NO)
            causes->why = REASON_SECRET_SERVER_DOWN;
        else if ((!fresh || slot->last.verdict == UNKNOWN) && !causes->why)
            causes->why = REASON_CAUSE_UNKNOWN;
        else if (fresh && slot->last.verdict == YES && fold->now - slot->since < facts->settle &&
                 slot->since + facts->settle > causes->until)
            causes->until = slot->since + facts->settle;
    }
}

static void fold_causes(const struct fold *fold, struct facts *facts)
{
    const struct policy_group *group = group_of(fold);
    struct causes causes = {0};
    for (unsigned i = 0; i < group->need_count; i++)
        add_cause(fold, facts, fold->policy->needs[group->first_need + i], &causes);
    for (unsigned i = 0; i < group->handler_count; i++)
        add_cause(fold, facts, fold->policy->handlers[fold->policy->group_handlers[group->first_handler + i]].server, &causes);
    add_secret_server(fold, facts, &causes);
    bool open = !causes.why && !causes.until;
    set_gate(fold, facts, GATE_CAUSES, open, causes.why ? causes.why : REASON_CAUSE_SETTLING, causes.why ? 0 : causes.until);
}

/* ---- what was done before ---- */

/* When the budget has room again: when the oldest of the last `count` leaves the window. 0 = it has room. */
static stamp_t budget_until(const struct budget *budget, const stamp_t stamps[STAMPS_MAX], stamp_t wall)
{
    unsigned used = 0;
    stamp_t first = INT64_MAX;
    for (unsigned i = 0; i < STAMPS_MAX; i++) {
        stamp_t ago = wall > stamps[i] ? wall - stamps[i] : stamps[i] - wall;
        if (!stamps[i] || ago >= budget->per)
            continue;
        used++;
        first = stamps[i] < first ? stamps[i] : first;
    }
    return used < budget->count ? 0 : used ? first + budget->per : INT64_MAX;
}

static void fold_history(const struct fold *fold, struct facts *facts)
{
    const struct group_state *was = fold->was;
    const struct policy_group *group = group_of(fold);
    stamp_t wall = fold->now + fold->world->wall_offset;
    msec_t cool = was->acted_at ? was->acted_at + group->cool_down : 0;
    set_gate(fold, facts, GATE_COOL_DOWN, fold->now >= cool, REASON_COOL_DOWN, cool);
    bool stop = facts->act == ACT_STOP;
    stamp_t spent = budget_until(stop ? &group->max_stops : &group->max_moves, stop ? was->stops : was->moves, wall);
    set_gate(fold, facts, GATE_BUDGET, !spent, REASON_BUDGET_SPENT, spent == INT64_MAX ? 0 : spent - fold->world->wall_offset);
    unsigned flaps = 0;
    msec_t oldest = INT64_MAX;
    for (unsigned i = 0; i < STAMPS_MAX; i++)
        if (was->changes[i] && fold->now - was->changes[i] < FLAP_WINDOW_MS) {
            flaps++;
            oldest = was->changes[i] < oldest ? was->changes[i] : oldest;
        }
    set_gate(fold, facts, GATE_NOT_FLAPPING, flaps < FLAPS, REASON_FLAPPING, flaps ? oldest + FLAP_WINDOW_MS : 0);
}

/* ---- a stop's own ---- */

static bool is_duplicate(uint8_t state)
{
    return state == HANDLER_DUPLICATE_SUSPECTED || state == HANDLER_DUPLICATE_CONFIRMED;
}

/* The copy that stays must be seen online and polling; otherwise a stop could leave none. */
static bool is_owner_polling(const struct fold *fold)
{
    const struct control_row *control = control_of(fold);
    unsigned polling = 0;
    if (control->owner == NODE_NONE || !(control->active & node_bit(control->owner)))
        return false;
    for (unsigned i = 0; i < group_of(fold)->handler_count; i++) {
        uint16_t handler = fold->policy->group_handlers[group_of(fold)->first_handler + i];
        const struct policy_handler *policy = &fold->policy->handlers[handler];
        stamp_t last = fold->model->handlers[handler].evidence.last_poll[control->owner];
        if (fold->model->logs[policy->server].reason != REASON_OK || !last)
            return false;
        if (log_stamp(fold->model, policy->server, fold->now) - last > policy->silent_after * policy->poll)
            return false;
        polling++;
    }
    return polling > 0;
}

/* Evidence that never could tell one from two does not prove two. */
static bool is_trusted(const struct fold *fold)
{
    unsigned doubles = 0;
    for (unsigned i = 0; i < group_of(fold)->handler_count; i++) {
        uint16_t handler = fold->policy->group_handlers[group_of(fold)->first_handler + i];
        const struct policy_handler *policy = &fold->policy->handlers[handler];
        const struct handler_state_row *row = &fold->model->handlers[handler];
        if (!is_duplicate(row->state))
            continue;
        bool may_lock = policy->singleton == SINGLETON_AUTO && fold->policy->servers[policy->server].type == SERVER_POP3 &&
                        !model_never_locks(fold->model, policy->server, fold->now);
        if (may_lock || row->single_for < group_of(fold)->trusted_after)
            return false;
        doubles++;
    }
    return doubles > 0;
}

static void fold_stop(const struct fold *fold, struct facts *facts)
{
    set_gate(fold, facts, GATE_OWNER_POLLING, is_owner_polling(fold), REASON_OWNER_NOT_POLLING, 0);
    set_gate(fold, facts, GATE_TRUSTED, is_trusted(fold), REASON_NOT_TRUSTED_YET, 0);
}

/* ---- the means ---- */

static void fold_target(const struct fold *fold, struct facts *facts)
{
    const struct control_row *control = control_of(fold);
    bool open = facts->target != NODE_NONE;
    if (facts->act == ACT_STOP)
        open = open && (control->first_hand & node_bit(facts->target)) && facts->target != control->owner && control->owner != NODE_NONE;
    set_gate(fold, facts, GATE_TARGET, open, facts->act == ACT_STOP ? REASON_SURPLUS_UNPROVEN : REASON_NO_TARGET, 0);
}

static void fold_means(const struct fold *fold, struct facts *facts)
{
    const struct policy_group *group = group_of(fold);
    const struct world *world = fold->world;
    set_gate(fold, facts, GATE_NOT_HELD, !(facts->bits & FACT_HELD), REASON_PAUSED, 0);
    msec_t stepped = world->clock_stepped_until, stalled = world->stalled_until;
    bool is_stepped = fold->now < stepped, is_stalled = fold->now < stalled;
    set_gate(fold, facts, GATE_CLOCK, !is_stepped && !is_stalled, is_stepped ? REASON_CLOCK_STEPPED : REASON_STALLED,
             stepped > stalled ? stepped : stalled);
    set_gate(fold, facts, GATE_JOURNAL, world->journal == YES, REASON_JOURNAL_SILENT, 0);
    set_gate(fold, facts, GATE_ACTUATOR, world->actuator == YES && !fold->policy->observe_only,
             fold->policy->observe_only ? REASON_OBSERVE_ONLY : REASON_ACTUATOR_SILENT, 0);
    bool is_static = fold->policy->clusters[group->cluster].type == CLUSTER_STATIC;
    bool has_program = facts->act == ACT_STOP ? group->can_stop : group->can_move;
    bool fenced = !is_static || (has_program && (facts->act == ACT_STOP || group->fenced));
    set_gate(fold, facts, GATE_FENCED, fenced, has_program ? REASON_NOT_FENCED : REASON_NO_PROGRAM, 0);
}

/* Silence alone never moves anything by itself, not even in mode auto. */
static void fold_mode(const struct fold *fold, struct facts *facts)
{
    const struct group_state *was = fold->was;
    uint8_t mode = group_of(fold)->mode;
    bool silence_only = facts->act == ACT_MOVE && (facts->bits & FACT_IDLE) && !(facts->bits & FACT_NONE);
    bool approved = was->plan && was->approved_plan == was->plan && fold->now < was->approved_until && mode >= MODE_CONFIRM;
    bool open = (mode == MODE_AUTO && !silence_only) || approved || (is_ordered(facts) && mode != MODE_OBSERVE);
    uint16_t why = mode == MODE_OBSERVE ? REASON_MODE_OBSERVE : mode == MODE_ADVISE ? REASON_MODE_ADVISE : REASON_AWAITING_APPROVAL;
    set_gate(fold, facts, GATE_MODE, open, why, 0);
}

void gates_fold(const struct fold *fold, struct facts *facts)
{
    fold_means(fold, facts);
    fold_evidence(fold, facts);
    fold_confirmed(fold, facts);
    fold_causes(fold, facts);
    fold_history(fold, facts);
    fold_target(fold, facts);
    fold_stop(fold, facts);
    fold_mode(fold, facts);
    if (fold->was->ordered == ORDERED_BY_FORCE && is_ordered(facts))
        for (unsigned gate = 0; gate < GATES; gate++)
            if (gates_overridable & (gates_t)1 << gate)
                set_gate(fold, facts, (enum gate)gate, true, REASON_OPERATOR, 0);
}
