/* How every condition of the catalogue stands, from verdicts, facts and phases. Unknown keeps what was; parents come before children. */
#include "decider.h"
#include "parts.h"
#include "queues.h"

enum { PAUSED_LONG_MS = 8 * 3600000, BLIND_DEFAULT_MS = 120000 };

struct telling {
    struct decider *decider;
    bool quiet;
    msec_t now;
    alarm_sink *sink;
    void *context;
};

static void say(const struct telling *to, const struct alarm *parent, uint8_t class, subject_t subject, uint8_t node, enum verdict bad,
                uint16_t reason)
{
    if (bad == YES && to->quiet)
        return;
    alarm_set_under(&to->decider->alarms, parent, class, subject, node, bad, reason, to->now, to->sink, to->context);
}

static enum verdict yes_if(bool bad)
{
    return bad ? YES : NO;
}

/* ---- servers ---- */

static enum verdict log_is_bad(uint16_t reason)
{
    switch (reason) {
    case REASON_LOG_STALLED:
    case REASON_LOG_MISSING:
    case REASON_LOG_UNREADABLE:
    case REASON_LOG_FORMAT:
        return YES;
    case REASON_OK:
        return NO;
    default:
        return UNKNOWN;
    }
}

static void say_server(const struct telling *to, uint16_t server)
{
    const struct model *model = to->decider->model;
    subject_t subject = subject_of(SUBJECT_SERVER, server);
    uint16_t reason;
    if (model->policy->servers[server].has_probe) {
        enum verdict answers = model_endpoint(model, server, to->now, &reason, NULL);
        say(to, NULL, ALARM_ENDPOINT, subject, NODE_NONE, answers == NO ? YES : answers == YES ? NO : UNKNOWN, reason);
    }
    if (!model->policy->servers[server].has_log)
        return;
    const struct log_state *log = &model->logs[server];
    say(to, alarm_find(&to->decider->alarms, ALARM_ENDPOINT, subject), ALARM_LOG_STALLED, subject, NODE_NONE, log_is_bad(log->reason),
        log->reason);
    say(to, NULL, ALARM_LOG_GAP, subject, NODE_NONE, yes_if(log->gap), log->gap ? REASON_LOG_GAP : REASON_OK);
}

/* ---- queues ---- */

static void say_queue(const struct telling *to, uint32_t seat)
{
    enum { HEARD_MS = 300000 };
    subject_t subject = subject_of(SUBJECT_QUEUE, seat);
    const struct queue_seat *queue = model_queue_seat(to->decider->model, subject);
    if (!queue)
        return;
    uint8_t state = to->now - queue->heard_at <= HEARD_MS ? queue->state : QUEUE_STATE_UNKNOWN;
    enum verdict high = UNKNOWN, stuck = UNKNOWN;
    if (state == QUEUE_STATE_STUCK) {
        stuck = YES;
    } else if (state != QUEUE_STATE_UNKNOWN) {
        stuck = NO;
        high = yes_if(state != QUEUE_STATE_OK);
    }
    if (high == YES && !to->quiet)
        alarm_grade(&to->decider->alarms, ALARM_QUEUE_HIGH, subject, state == QUEUE_STATE_CRITICAL ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                    to->now, to->sink, to->context);
    say(to, NULL, ALARM_QUEUE_HIGH, subject, queue->node, high, queue->reason);
    say(to, NULL, ALARM_QUEUE_STUCK, subject, queue->node, stuck, queue->reason);
}

static void say_queues(const struct telling *to)
{
    size_t seats = policy_queue_seats(to->decider->policy);
    for (uint32_t i = 0; i < seats; i++)
        say_queue(to, i);
}

/* ---- clusters ---- */

static enum verdict is_blind(const struct telling *to, uint16_t group)
{
    const struct model *model = to->decider->model;
    const struct policy_group *policy = &model->policy->groups[group];
    const struct control_row *control = &model->control[group];
    msec_t patience = policy->blind_after ? policy->blind_after : BLIND_DEFAULT_MS, since = control->plane_since;
    if (control->plane != CONTROL_UNKNOWN || control->pending)
        return NO;
    if (!control->has_control) { /* by data alone */
        for (unsigned i = 0; i < policy->handler_count; i++) {
            uint16_t handler = model->policy->group_handlers[policy->first_handler + i];
            if (model->handlers[handler].state != HANDLER_UNKNOWN)
                return NO;
            if (model_endpoint(model, model->policy->handlers[handler].server, to->now, NULL, NULL) == NO)
                return UNKNOWN; /* the server is down: that is told, and it is not our eyes */
            since = model->handlers[handler].since > since ? model->handlers[handler].since : since;
        }
    }
    return to->now - since >= patience ? YES : UNKNOWN;
}

static void say_clusters(const struct telling *to)
{
    const struct policy *policy = to->decider->policy;
    for (uint16_t cluster = 0; cluster < policy->cluster_count; cluster++) {
        enum verdict blind = NO;
        uint16_t reason = REASON_OK;
        for (uint16_t i = 0; i < policy->group_count && blind != YES; i++) {
            enum verdict one = policy->groups[i].cluster == cluster ? is_blind(to, i) : NO;
            if (one == NO)
                continue;
            blind = one;
            reason = to->decider->model->control[i].reason;
        }
        say(to, NULL, ALARM_BLIND, subject_of(SUBJECT_CLUSTER, cluster), NODE_NONE, blind, reason);
    }
}

/* ---- groups ---- */

static enum verdict is_none(const struct telling *to, uint16_t group)
{
    const struct facts *facts = &to->decider->facts[group];
    const struct group_state *state = &to->decider->groups[group];
    const struct control_row *control = &to->decider->model->control[group];
    if (facts->bits & FACT_NONE)
        return state->wrong_since && to->now - state->wrong_since >= facts->settle ? YES : UNKNOWN;
    bool meant = control->plane == CONTROL_NONE && control->intended_known && !control->intended;
    return (facts->bits & (FACT_ONE | FACT_IDLE | FACT_MANY)) || meant ? NO : UNKNOWN;
}

static void say_none(const struct telling *to, uint16_t group)
{
    const struct alarm *common = alarm_find(&to->decider->alarms, ALARM_COMMON_CAUSE, subject_of(SUBJECT_AGENT, 0));
    const struct facts *facts = &to->decider->facts[group];
    enum verdict none = is_none(to, group);
    say(to, common, ALARM_NONE, subject_of(SUBJECT_GROUP, group), facts->owner, none, none == YES ? REASON_ACTIVE_NOWHERE : REASON_OK);
}

static enum verdict is_offline_long(const struct telling *to, uint16_t group)
{
    const struct control_row *control = &to->decider->model->control[group];
    msec_t patience = to->decider->policy->groups[group].offline_long;
    if (control->plane == CONTROL_UNKNOWN || !control->intended_known)
        return UNKNOWN;
    if (control->plane != CONTROL_NONE || control->intended)
        return NO;
    msec_t since = control->plane_since > control->intended_since ? control->plane_since : control->intended_since;
    return patience && to->now - since >= patience ? YES : UNKNOWN;
}

static enum verdict is_stuck(const struct telling *to, uint16_t group)
{
    const struct control_row *control = &to->decider->model->control[group];
    if (control->pending)
        return to->now - control->pending_since > 2 * group_pending_timeout(to->decider->model, group) ? YES : UNKNOWN;
    return control->plane == CONTROL_UNKNOWN ? UNKNOWN : NO;
}

static enum verdict is_not_ready(const struct telling *to, uint16_t group)
{
    const struct facts *facts = &to->decider->facts[group];
    const struct group_state *state = &to->decider->groups[group];
    unsigned candidates = 0;
    for (unsigned node = 0; node < NODES_MAX; node++)
        candidates += facts->candidate_why[node] != REASON_NONE;
    if (facts->ready || candidates < 2)
        return NO;
    return state->unready_since && to->now - state->unready_since >= facts->settle ? YES : UNKNOWN;
}

/* With one other node its own reason says more. */
static uint16_t why_not_ready(const struct telling *to, uint16_t group)
{
    const struct facts *facts = &to->decider->facts[group];
    uint16_t why = REASON_OK;
    for (unsigned node = 0; node < NODES_MAX; node++)
        if (facts->candidate_why[node] != REASON_NONE && facts->candidate_why[node] != REASON_IS_OWNER)
            why = why == REASON_OK ? facts->candidate_why[node] : REASON_NO_TARGET;
    return why;
}

static void say_group(const struct telling *to, uint16_t group)
{
    const struct group_state *state = &to->decider->groups[group];
    const struct facts *facts = &to->decider->facts[group];
    const struct policy_group *policy = &to->decider->policy->groups[group];
    subject_t subject = subject_of(SUBJECT_GROUP, group);
    bool blocked = state->phase == PHASE_BLOCKED, fights = state->latched == LATCH_FIGHTS_BACK;
    bool races = policy->confirm && policy->confirm < policy_confirm_floor(to->decider->policy, group);
    bool flaps = facts->gate_why[GATE_NOT_FLAPPING] == REASON_FLAPPING;
    bool held = (facts->bits & FACT_HELD) != 0, long_held = state->phase == PHASE_HELD && to->now - state->since >= PAUSED_LONG_MS;
    enum verdict not_ready = is_not_ready(to, group);
    say_none(to, group);
    say(to, NULL, ALARM_STUCK_PENDING, subject, facts->owner, is_stuck(to, group), REASON_IN_TRANSITION);
    say(to, NULL, ALARM_FAILOVER_BLOCKED, subject, state->target, yes_if(blocked), blocked ? state->reason : REASON_OK);
    say(to, NULL, ALARM_FAILOVER_NOT_READY, subject, NODE_NONE, not_ready, not_ready == YES ? why_not_ready(to, group) : REASON_OK);
    say(to, NULL, ALARM_WOULD_RACE, subject, NODE_NONE, yes_if(races), REASON_INNER_WINDOW);
    say(to, NULL, ALARM_FIGHTS_BACK, subject, state->target, yes_if(fights), fights ? REASON_FIGHTS_BACK : REASON_OK);
    say(to, NULL, ALARM_FLAPPING, subject, NODE_NONE, yes_if(flaps), flaps ? REASON_FLAPPING : REASON_OK);
    say(to, NULL, ALARM_OFFLINE_LONG, subject, NODE_NONE, is_offline_long(to, group), REASON_NOT_INTENDED);
    say(to, NULL, ALARM_PAUSED_LONG, subject, NODE_NONE, long_held ? YES : held ? UNKNOWN : NO, held ? REASON_PAUSED : REASON_OK);
}

/* ---- handlers ---- */

static bool is_judged(uint8_t state)
{
    return state != HANDLER_UNKNOWN && state != HANDLER_MOVING;
}

static enum verdict is_state(const struct handler_state_row *row, uint8_t state)
{
    return row->state == state ? YES : is_judged(row->state) ? NO : UNKNOWN;
}

/* One alarm for a duplicate: what was suspected is replaced when it is confirmed, and a confirmed one that recedes stays until it is over.
 */
static void say_duplicate(const struct telling *to, subject_t subject, const struct handler_state_row *row)
{
    nodes_t others = row->many & ~node_bit(row->node);
    uint8_t node = others ? (uint8_t)__builtin_ctzll(others) : row->node;
    enum verdict confirmed = is_state(row, HANDLER_DUPLICATE_CONFIRMED), suspected = is_state(row, HANDLER_DUPLICATE_SUSPECTED);
    const struct alarm *standing = alarm_find(&to->decider->alarms, ALARM_DUPLICATE_CONFIRMED, subject);
    bool stands = standing && standing->state != ALARM_CLEARED;
    if (row->state == HANDLER_DUPLICATE_SUSPECTED && stands)
        confirmed = suspected = UNKNOWN;
    say(to, NULL, ALARM_DUPLICATE_CONFIRMED, subject, node, confirmed, row->reason);
    say(to, NULL, ALARM_DUPLICATE_SUSPECTED, subject, node, suspected, row->reason);
}

/* Silence is told of the handler; it is over only when it is seen polling, or is something else altogether. */
static void say_idle(const struct telling *to, uint16_t handler, const struct handler_state_row *row)
{
    const struct policy_handler *policy = &to->decider->policy->handlers[handler];
    const struct alarm_table *alarms = &to->decider->alarms;
    const struct group_state *group = &to->decider->groups[policy->group];
    const struct alarm *parent = alarm_find(alarms, ALARM_ENDPOINT, subject_of(SUBJECT_SERVER, policy->server));
    if ((!parent || parent->state == ALARM_CLEARED) && group->wrong)
        parent = alarm_find(alarms, ALARM_COMMON_CAUSE, subject_of(SUBJECT_AGENT, 0));
    subject_t subject = subject_of(SUBJECT_HANDLER, handler);
    bool partial = (row->flags & FLAG_PARTIAL) != 0;
    enum verdict idle = is_state(row, HANDLER_IDLE);
    if (row->state == HANDLER_SINGLE && row->data != DATA_ONE)
        idle = UNKNOWN;
    say(to, parent, ALARM_IDLE, subject, row->node, partial && idle == YES ? NO : idle, row->reason);
    say(to, parent, ALARM_PARTIAL, subject, row->node, !partial && idle == YES ? NO : idle, row->reason);
}

static void say_handler(const struct telling *to, uint16_t handler)
{
    const struct handler_state_row *row = &to->decider->model->handlers[handler];
    subject_t subject = subject_of(SUBJECT_HANDLER, handler);
    say_duplicate(to, subject, row);
    say_idle(to, handler, row);
    say(to, NULL, ALARM_MISPLACED, subject, row->node, is_state(row, HANDLER_MISPLACED), row->reason);
    bool intruder = (row->flags & FLAG_INTRUDER) != 0, unmapped = (row->flags & FLAG_ADDRESSES_UNMAPPED) != 0;
    say(to, NULL, ALARM_INTRUDER, subject, NODE_NONE, yes_if(intruder), intruder ? REASON_INTRUDER : REASON_OK);
    say(to, NULL, ALARM_ADDRESSES_UNMAPPED, subject, NODE_NONE, yes_if(unmapped), unmapped ? REASON_ADDRESS_UNMAPPED : REASON_OK);
}

static void say_group_and_handlers(const struct telling *to, uint16_t group)
{
    const struct policy_group *policy = &to->decider->policy->groups[group];
    say_group(to, group);
    for (uint16_t i = 0; i < policy->handler_count; i++)
        say_handler(to, to->decider->policy->group_handlers[policy->first_handler + i]);
}

void alarms_fold(struct decider *decider, bool quiet, msec_t now, alarm_sink *sink, void *context)
{
    const struct telling to = {.decider = decider, .quiet = quiet, .now = now, .sink = sink, .context = context};
    bool common = decider->fleet.common;
    say(&to, NULL, ALARM_COMMON_CAUSE, subject_of(SUBJECT_AGENT, 0), NODE_NONE, yes_if(common), common ? REASON_COMMON_CAUSE : REASON_OK);
    const struct model *model = decider->model;
    for (uint16_t i = 0; i < decider->policy->server_count; i++)
        if (model->touched_all || model->touched_server[i])
            say_server(&to, i);
    if (model->touched_all) {
        say_clusters(&to);
        say_queues(&to);
    }
    for (uint16_t i = 0; i < decider->policy->group_count; i++)
        if (model->touched_all || model->touched_group[i])
            say_group_and_handlers(&to, i);
}
