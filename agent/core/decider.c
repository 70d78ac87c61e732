/* The whole machine: inputs are in the model, effects come out. Owns the order of a tick and the memory of its parts. */
#include "decider.h"

#include <stdalign.h>
#include <string.h>

#include "parts.h"

enum { QUIET_MOST_MS = 300000, LOOK_MS = 1000, ORPHAN_MOST_MS = 3 * 3600000 };

/* ---- memory ---- */

struct parts {
    size_t decider, model, groups, facts, plans, wake_at, alarms, index, in_flight, all;
};

static size_t part(size_t *used, size_t size)
{
    size_t at = (*used + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    *used = at + size;
    return at;
}

static uint32_t alarm_capacity(const struct policy *policy)
{
    uint32_t queues = 2U * (uint32_t)policy_queue_seats(policy);
    return 32U + queues + policy->cluster_count + 9U * policy->group_count + 3U * policy->server_count + 7U * policy->handler_count;
}

static struct parts parts_of(const struct policy *policy)
{
    struct parts parts = {0};
    size_t used = 0;
    uint32_t alarms = alarm_capacity(policy);
    parts.decider = part(&used, sizeof(struct decider));
    parts.model = part(&used, model_size(policy));
    parts.groups = part(&used, policy->group_count * sizeof(struct group_state));
    parts.facts = part(&used, policy->group_count * sizeof(struct facts));
    parts.plans = part(&used, policy->group_count * sizeof(struct plan));
    parts.wake_at = part(&used, policy->group_count * sizeof(msec_t));
    parts.alarms = part(&used, alarms * sizeof(struct alarm));
    parts.index = part(&used, alarm_index_size(alarms) * sizeof(uint32_t));
    parts.in_flight = part(&used, policy->cluster_count + (size_t)1);
    parts.all = used;
    return parts;
}

size_t decider_size(const struct policy *policy)
{
    return parts_of(policy).all;
}

struct decider *decider_open(void *memory, const struct policy *policy, msec_t now)
{
    const struct parts parts = parts_of(policy);
    unsigned char *base = memory;
    memset(memory, 0, parts.all);
    struct decider *decider = (void *)(base + parts.decider);
    uint32_t alarms = alarm_capacity(policy);
    *decider = (struct decider){
        .model = model_open(base + parts.model, policy, now),
        .policy = policy,
        .groups = (void *)(base + parts.groups),
        .facts = (void *)(base + parts.facts),
        .plans = (void *)(base + parts.plans),
        .wake_at = (void *)(base + parts.wake_at),
        .alarms = {.rows = (void *)(base + parts.alarms),
                   .capacity = alarms,
                   .index = (void *)(base + parts.index),
                   .index_mask = alarm_index_size(alarms) - 1},
        .fleet = {.in_flight = base + parts.in_flight},
        .quiet_until = now + 1,
    };
    for (uint16_t i = 0; i < policy->group_count; i++) {
        decider->groups[i] = (struct group_state){.phase = PHASE_UNKNOWN, .from = NODE_NONE, .target = NODE_NONE, .since = now};
        decider->facts[i].owner = decider->facts[i].target = NODE_NONE;
        decider->plans[i].from = decider->plans[i].target = NODE_NONE;
    }
    return decider;
}

/* ---- effects ---- */

struct outlet {
    struct decider *decider;
    effect_sink *sink;
    void *context;
    msec_t now;
};

static void emit(const struct outlet *out, struct effect effect)
{
    effect.now = out->now;
    if (out->sink)
        out->sink(out->context, &effect);
}

static void emit_alarm(void *context, const struct alarm *alarm, bool raised)
{
    const struct outlet *out = context;
    emit(out, (struct effect){.kind = EFFECT_ALARM, .group = UINT16_MAX, .alarm = alarm, .raised = raised});
}

static bool is_news(const struct group_state *was, const struct group_state *is)
{
    return was->phase != is->phase || was->rule != is->rule || was->reason != is->reason || was->plan != is->plan ||
           was->approved_plan != is->approved_plan || was->verify_stage != is->verify_stage || was->latched != is->latched;
}

static bool is_in_flight(uint8_t phase)
{
    return phase == PHASE_ACTING || phase == PHASE_VERIFYING;
}

/* The new state counts from here on: a sink may come back with the action's result before it returns. */
static void commit(const struct outlet *out, uint16_t group, const struct group_state *is, const struct plan *plan,
                   const struct command *command, bool facts_changed)
{
    struct decider *decider = out->decider;
    bool changed = facts_changed || command || is_news(&decider->groups[group], is);
    decider->freed |= is_in_flight(decider->groups[group].phase) && !is_in_flight(is->phase);
    decider->groups[group] = *is;
    decider->plans[group] = *plan;
    const struct effect about = {
        .group = group, .plan = plan, .facts = &decider->facts[group], .state = is, .command = command, .happening = plan->told};
    struct effect effect = about;
    effect.kind = EFFECT_STEP;
    if (changed)
        emit(out, effect);
    effect.kind = EFFECT_HAPPENING;
    if (plan->told)
        emit(out, effect);
    effect.kind = EFFECT_ACTION;
    if (plan->dispatch)
        emit(out, effect);
}

/* ---- a tick ---- */

/* The wall clock was set: budgets are measured by our own clock, so their stamps move along. */
static void follow_wall(struct decider *decider, int64_t wall_offset)
{
    int64_t by = wall_offset - decider->world.wall_offset;
    if (decider->world.wall_offset && by)
        for (uint16_t i = 0; i < decider->policy->group_count; i++)
            group_state_rebase(&decider->groups[i], by);
    decider->world.wall_offset = wall_offset;
}

static bool facts_differ(const struct facts *a, const struct facts *b)
{
    return a->bits != b->bits || a->open != b->open || a->act != b->act || a->owner != b->owner || a->target != b->target ||
           a->surplus != b->surplus;
}

static void fold_facts(struct decider *decider, uint16_t group, const struct group_state *state, msec_t now, struct facts *facts)
{
    facts_fold(decider->model, decider->policy, group, state, &decider->world, now, facts);
    fleet_gates(decider->policy, group, state, &decider->fleet, now, facts);
}

static bool is_due(const struct decider *decider, uint16_t group)
{
    return decider->model->touched_all || decider->model->touched_group[group];
}

/* First pass: facts, then the step. A group that would act waits for the second pass. */
static void step_group(const struct outlet *out, uint16_t group)
{
    struct decider *decider = out->decider;
    struct facts facts;
    struct group_state is;
    struct plan plan;
    fold_facts(decider, group, &decider->groups[group], out->now, &facts);
    bool differ = facts_differ(&facts, &decider->facts[group]);
    decider->facts[group] = facts;
    engine_step(decider->policy, group, &decider->groups[group], &decider->facts[group], &decider->fleet, NULL, &decider->world, out->now,
                &is, &plan);
    decider->wake_at[group] = plan.wake_at;
    if (plan.dispatch)
        decider->plans[group].dispatch = true;
    else
        commit(out, group, &is, &plan, NULL, differ);
}

/* Second pass: each grant is seen by the next. */
static void grant(const struct outlet *out, uint16_t group)
{
    struct decider *decider = out->decider;
    struct group_state is;
    struct plan plan;
    fleet_gates(decider->policy, group, &decider->groups[group], &decider->fleet, out->now, &decider->facts[group]);
    engine_step(decider->policy, group, &decider->groups[group], &decider->facts[group], &decider->fleet, NULL, &decider->world, out->now,
                &is, &plan);
    if (plan.dispatch)
        decider->fleet.in_flight[decider->policy->groups[group].cluster]++;
    decider->wake_at[group] = plan.wake_at;
    commit(out, group, &is, &plan, NULL, true);
    decider->plans[group].dispatch = false; /* told once */
}

static void step_groups(const struct outlet *out)
{
    struct decider *decider = out->decider;
    for (uint16_t i = 0; i < decider->policy->group_count; i++)
        if (is_due(decider, i))
            step_group(out, i);
    for (uint16_t i = 0; i < decider->policy->group_count; i++)
        if (decider->plans[i].dispatch)
            grant(out, i);
}

/* Quiet until every source was heard once or had two intervals to be heard. */
static bool is_quiet(struct decider *decider, msec_t now)
{
    const struct model *model = decider->model;
    if (now >= decider->quiet_until && decider->quiet_until > model->started + 1)
        return false;
    msec_t until = model->started;
    for (uint16_t i = 0; i < decider->policy->source_count; i++) {
        const struct policy_source *source = &decider->policy->sources[i];
        msec_t patience = model->started + 2 * source->interval + source->timeout;
        if (!model->heard[i] && patience > until)
            until = patience;
    }
    until = until < model->started + QUIET_MOST_MS ? until : model->started + QUIET_MOST_MS;
    if (now < until)
        return true;
    decider->quiet_until = now > model->started + 1 ? now : model->started + 2;
    return false;
}

/* Whose time has come is looked at like what was touched. */
static void wake_groups(struct decider *decider, msec_t now)
{
    for (uint16_t i = 0; i < decider->policy->group_count; i++)
        if (decider->wake_at[i] && now >= decider->wake_at[i])
            decider->model->touched_group[i] = true;
}

/* An action is over: whoever waits for a turn is looked at without delay. */
static void call_next(struct decider *decider, msec_t now)
{
    for (uint16_t i = 0; decider->freed && i < decider->policy->group_count; i++)
        if (decider->groups[i].phase == PHASE_WAITING)
            decider->wake_at[i] = now + 1;
    decider->freed = false;
}

static msec_t next_wake(const struct decider *decider, msec_t now)
{
    msec_t at = decider->model->folded_at + LOOK_MS; /* readings age: look at everything once a second */
    for (uint16_t i = 0; i < decider->policy->group_count; i++)
        if (decider->wake_at[i] > now && decider->wake_at[i] < at)
            at = decider->wake_at[i];
    return at > now ? at : now + 1;
}

msec_t decider_tick(struct decider *decider, msec_t now, int64_t wall_offset, effect_sink *sink, void *context)
{
    const struct outlet out = {.decider = decider, .sink = sink, .context = context, .now = now};
    follow_wall(decider, wall_offset);
    wake_groups(decider, now);
    model_fold_touched(decider->model, now, wall_offset);
    fleet_fold(decider->model, decider->groups, &decider->world, now, &decider->fleet);
    step_groups(&out);
    call_next(decider, now);
    alarms_fold(decider, is_quiet(decider, now), now, emit_alarm, (void *)&out);
    model_settle(decider->model);
    decider->ticked_at = now;
    return next_wake(decider, now);
}

/* ---- commands ---- */

/* An order that cannot be carried out now is refused now: nothing is left standing that would act by surprise. */
static uint16_t why_closed(struct decider *decider, uint16_t group, const struct group_state *state, msec_t now)
{
    struct facts facts;
    fold_facts(decider, group, state, now, &facts);
    gates_t closed = gates_of[ACT_MOVE] & ~facts.open;
    return closed ? facts.gate_why[gate_lowest(closed)] : REASON_OK;
}

static void acknowledge_alarms(struct decider *decider, uint16_t group)
{
    for (uint32_t i = 0; i < decider->alarms.count; i++) {
        subject_t subject = decider->alarms.rows[i].subject;
        uint32_t index = subject_index(subject);
        bool is_group = subject == subject_of(SUBJECT_GROUP, group);
        bool is_handler = subject_kind(subject) == SUBJECT_HANDLER && index < decider->policy->handler_count &&
                          decider->policy->handlers[index].group == group;
        if (is_group || is_handler)
            decider->alarms.rows[i].acked = true;
    }
}

uint16_t decider_command(struct decider *decider, uint16_t group, const struct command *command, msec_t now, int64_t wall_offset,
                         effect_sink *sink, void *context)
{
    const struct outlet out = {.decider = decider, .sink = sink, .context = context, .now = now};
    struct group_state is;
    struct plan plan;
    if (group >= decider->policy->group_count)
        return REASON_NO_PLAN;
    follow_wall(decider, wall_offset);
    if (command->verb == VERB_FAILOVER) {
        model_fold(decider->model, now, wall_offset);
        fleet_fold(decider->model, decider->groups, &decider->world, now, &decider->fleet);
    }
    engine_step(decider->policy, group, &decider->groups[group], &decider->facts[group], &decider->fleet, command, &decider->world, now,
                &is, &plan);
    if (plan.reason == REASON_OK && command->verb == VERB_FAILOVER)
        plan.reason = why_closed(decider, group, &is, now);
    if (plan.reason != REASON_OK)
        return plan.reason;
    if (command->verb == VERB_ACK)
        acknowledge_alarms(decider, group);
    decider->wake_at[group] = now;
    commit(&out, group, &is, &plan, command, false);
    return REASON_OK;
}

/* ---- restart ---- */

/* The order may still be carried out by a program that outlived us: nothing else before its deadline has passed and settled. */
static void adopt_orphan(const struct model *model, uint16_t group, struct group_state *state, msec_t now)
{
    const struct policy *policy = model->policy;
    const struct policy_cluster *cluster = &policy->clusters[policy->groups[group].cluster];
    msec_t settle = policy_settle(policy, group);
    msec_t most = 2 * group_pending_timeout(model, group) + 2 * cluster->control_interval + settle;
    msec_t given = state->deadline - state->acted_at; /* longer where the cluster's resources asked for more */
    most = given > most && given <= ORPHAN_MOST_MS ? given : most;
    msec_t until = state->acted_at + most;
    state->orphan_until = until < now + settle ? now + settle : until > now + most ? now + most : until;
    state->deadline = state->orphan_until;
    state->reason = REASON_ORPHANED;
}

void decider_restore(struct decider *decider, uint16_t group, const struct group_state *state, msec_t now)
{
    struct group_state *is = &decider->groups[group];
    *is = *state;
    is->wrong = 0;
    is->wrong_since = is->well_since = is->double_since = is->unready_since = 0;
    if (is->phase == PHASE_ACTING || is->phase == PHASE_VERIFYING) {
        adopt_orphan(decider->model, group, is, now);
    } else if (is->phase != PHASE_BLOCKED) { /* whatever was planned is looked at afresh */
        is->phase = PHASE_UNKNOWN;
        is->since = now;
        is->plan = is->approved_plan = 0;
        is->ordered = 0;
        is->act = ACT_NOTHING;
        is->from = is->target = NODE_NONE;
    }
}
