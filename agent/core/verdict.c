/* The verdict on every handler: the ordered table over both planes, first matching row wins.
 * Owns the table, its flags and strength; knows nothing of what anybody does about it. */
#include <string.h>

#include "parts.h"

enum {
    CONTROL_IS_UNKNOWN = 1,
    CONTROL_IS_MOVING = 2, /* known, but pending or changed less than settle ago */
    CONTROL_IS_NONE = 4,
    CONTROL_IS_ONE = 8,
    CONTROL_IS_MANY = 16,
    CONTROL_ANY = 31,
    CONTROL_NOT_ONE = CONTROL_ANY & ~CONTROL_IS_ONE, /* a control plane that knows of one copy only is not overruled by a log */

    DATA_IS_UNKNOWN = 1,
    DATA_IS_SILENT = 2,
    DATA_IS_ONE = 4,
    DATA_IS_MANY = 8,
    DATA_ANY = 15,

    TWO_HANDLERS = 1,     /* a double take of that class */
    FIRST_HAND_TWICE = 2, /* both copies by their own nodes' word, two rounds in a row */
    ELSEWHERE_TWICE = 4,  /* two polls from a node that is not the owner */
    INTENDED = 8,
    NOT_INTENDED = 16,
    WHICH_KNOWN = 32, /* the one that polls does so from an address of its own */
    EXPECTED = 128,   /* nobody says that it should not poll now */
    ALONE = 64,       /* the control plane has been unknown for the settle window, or there is none: not just observers in dispute */
};

enum { INTRUDER_SHOWN_MS = 3600000 }; /* an intruder is told for an hour after his last take */

enum active { NOBODY, BY_CONTROL, BY_DATA };

struct verdict_row {
    uint8_t control, data, need;
    uint8_t state, active;
    uint16_t reason; /* 0: that of the plane which decided */
};

/* clang-format off */
static const struct verdict_row table[] = {
    /*  1 */ {CONTROL_NOT_ONE,    DATA_ANY,       TWO_HANDLERS,     HANDLER_DUPLICATE_CONFIRMED, BY_CONTROL, REASON_TAKEN_TWICE},
    /*  2 */ {CONTROL_IS_UNKNOWN, DATA_IS_MANY,   ALONE,            HANDLER_DUPLICATE_SUSPECTED, NOBODY,     0},
    /*  3 */ {CONTROL_IS_UNKNOWN, DATA_IS_ONE,    ALONE | WHICH_KNOWN, HANDLER_SINGLE,              BY_DATA,    REASON_SINGLE_BY_DATA},
    /*  4 */ {CONTROL_IS_UNKNOWN, DATA_IS_SILENT, ALONE | EXPECTED, HANDLER_IDLE,                BY_DATA,    REASON_SILENT},
    /*  5 */ {CONTROL_IS_UNKNOWN, DATA_ANY,       0,                HANDLER_UNKNOWN,             NOBODY,     0},
    /*  6 */ {CONTROL_IS_MOVING,  DATA_ANY,       0,                HANDLER_MOVING,              BY_CONTROL, REASON_IN_TRANSITION},
    /*  7 */ {CONTROL_IS_MANY,    DATA_ANY,       FIRST_HAND_TWICE, HANDLER_DUPLICATE_CONFIRMED, BY_CONTROL, REASON_SEEN_TWICE_FIRST_HAND},
    /*  8 */ {CONTROL_IS_MANY,    DATA_IS_MANY,   0,                HANDLER_DUPLICATE_CONFIRMED, BY_CONTROL, 0},
    /*  9 */ {CONTROL_IS_MANY,    DATA_ANY,       0,                HANDLER_DUPLICATE_SUSPECTED, BY_CONTROL, REASON_SEEN_TWICE},
    /* 10 */ {CONTROL_IS_ONE,     DATA_IS_MANY,   0,                HANDLER_DUPLICATE_SUSPECTED, BY_CONTROL, 0},
    /* 11 */ {CONTROL_IS_ONE,     DATA_IS_ONE,    ELSEWHERE_TWICE,  HANDLER_MISPLACED,           BY_DATA,    REASON_ACTIVE_ELSEWHERE},
    /* 12 */ {CONTROL_IS_ONE,     DATA_IS_SILENT, INTENDED | EXPECTED, HANDLER_IDLE,                BY_CONTROL, REASON_SILENT},
    /* 13 */ {CONTROL_IS_ONE,     DATA_ANY,       0,                HANDLER_SINGLE,              BY_CONTROL, REASON_SEEN_ACTIVE},
    /* 14 */ {CONTROL_IS_NONE,    DATA_ANY,       NOT_INTENDED,     HANDLER_OFFLINE,             NOBODY,     REASON_NOT_INTENDED},
    /* 15 */ {CONTROL_IS_NONE,    DATA_IS_ONE | DATA_IS_MANY, INTENDED, HANDLER_UNKNOWN,         NOBODY,     REASON_CONTRADICTORY},
    /* 16 */ {CONTROL_IS_NONE,    DATA_ANY,       INTENDED,         HANDLER_NONE,                NOBODY,     REASON_ACTIVE_NOWHERE},
    /* 17 */ {CONTROL_ANY,        DATA_ANY,       0,                HANDLER_UNKNOWN,             NOBODY,     REASON_INTENT_UNKNOWN},
};
/* clang-format on */

const char *handler_state_name(uint8_t state)
{
    static const char *const names[HANDLER_STATES] = {
        [HANDLER_UNKNOWN] = "unknown",
        [HANDLER_SINGLE] = "single",
        [HANDLER_IDLE] = "idle",
        [HANDLER_NONE] = "none",
        [HANDLER_DUPLICATE_SUSPECTED] = "duplicate-suspected",
        [HANDLER_DUPLICATE_CONFIRMED] = "duplicate-confirmed",
        [HANDLER_MISPLACED] = "misplaced",
        [HANDLER_MOVING] = "moving",
        [HANDLER_OFFLINE] = "offline",
    };
    return state < HANDLER_STATES && names[state] ? names[state] : "?";
}

/* ---- the two planes as the table wants them ---- */

struct planes {
    uint8_t control, data, need; /* bits of the table */
    uint8_t control_node, data_node;
    nodes_t many;
    uint16_t control_reason, data_reason;
};

/* When the control plane changed last, on the log's clock: what began before is history. */
static stamp_t control_change(const struct model *model, uint16_t handler)
{
    const struct policy_handler *policy = &model->policy->handlers[handler];
    const struct control_row *control = &model->control[policy->group];
    msec_t at = control->owner_since;
    if (control->plane == CONTROL_NONE && control->plane_since > at)
        at = control->plane_since;
    return at ? log_stamp(model, policy->server, at) : 0;
}

/* Silence counts only while our own logins prove delivery, and from the time on that we read without a hole under this owner, of a handler
 * that was meant to poll. */
static bool is_silence_proven(const struct model *model, uint16_t handler)
{
    const struct policy_handler *policy = &model->policy->handlers[handler];
    const struct policy_server *server = &model->policy->servers[policy->server];
    const struct log_state *log = &model->logs[policy->server];
    msec_t expected_since = model->handlers[handler].expected_since;
    stamp_t from = control_change(model, handler), expected = expected_since ? log_stamp(model, policy->server, expected_since) : 0;
    if (log->watched_since > from)
        from = log->watched_since;
    if (expected > from)
        from = expected;
    return server->has_canary && server->log_has_logins && log->canary_seen && log->watched_since &&
           log->watermark - from > policy->silent_after * policy->poll;
}

static uint16_t why_no_silence(const struct policy_server *server)
{
    return !server->log_has_logins ? REASON_LOG_NO_LOGINS : !server->has_canary ? REASON_LOG_NO_CANARY : REASON_NOBODY;
}

/* Who polls, by the log, if the log may be judged by at all. What is older than the last change of owner, or too old to speak of now,
 * is history. */
static void fold_data(struct model *model, uint16_t handler, msec_t now, struct planes *planes)
{
    const struct policy_handler *policy = &model->policy->handlers[handler];
    const struct policy_server *server = &model->policy->servers[policy->server];
    struct handler_state_row *row = &model->handlers[handler];
    const struct log_state *log = &model->logs[policy->server];
    planes->data = DATA_IS_UNKNOWN;
    planes->data_node = NODE_NONE;
    planes->data_reason = log->reason;
    row->data = DATA_UNKNOWN;
    if (log->reason != REASON_OK)
        return;
    struct evidence_policy how = handler_evidence_policy(model, handler);
    stamp_t silent_after = policy->silent_after * policy->poll, memory = 2 * how.window;
    struct evidence_view view = {.node = NODE_NONE};
    evidence_fold(&how, &row->evidence, log->watermark, is_silence_proven(model, handler), silent_after, &view);
    stamp_t last = row->evidence.last_begin > row->evidence.last_shared ? row->evidence.last_begin : row->evidence.last_shared;
    bool is_old = last < control_change(model, handler) ||
                  log_stamp(model, policy->server, now) - last > (memory > silent_after ? memory : silent_after);
    if (view.plane == DATA_MANY && view.receding && !view.confirmed)
        view = (struct evidence_view){.plane = DATA_ONE, .node = row->evidence.last_node, .reason = REASON_SEEN_POLLING};
    planes->data_reason = view.reason;
    if (view.plane == DATA_NONE || view.plane == DATA_SILENT) {
        planes->data = DATA_IS_SILENT;
    } else if ((view.plane == DATA_ONE || view.plane == DATA_MANY) && is_old) {
        planes->data_reason = why_no_silence(server);
        view.plane = DATA_UNKNOWN;
    } else if (view.plane == DATA_ONE || view.plane == DATA_MANY) {
        planes->data = view.plane == DATA_ONE ? DATA_IS_ONE : DATA_IS_MANY;
        planes->need |= view.confirmed ? TWO_HANDLERS : 0;
    }
    planes->need |= view.plane == DATA_ONE && view.node < NODES_MAX ? WHICH_KNOWN : 0;
    planes->data_node = view.node;
    planes->many |= view.plane == DATA_MANY ? view.many : 0;
    row->data = planes->data == DATA_IS_UNKNOWN ? DATA_UNKNOWN : view.plane;
}

static void fold_control(const struct model *model, uint16_t handler, msec_t now, struct planes *planes)
{
    static const uint8_t bits[] = {
        [CONTROL_UNKNOWN] = CONTROL_IS_UNKNOWN,
        [CONTROL_NONE] = CONTROL_IS_NONE,
        [CONTROL_ONE] = CONTROL_IS_ONE,
        [CONTROL_MANY] = CONTROL_IS_MANY,
    };
    uint16_t group = model->policy->handlers[handler].group;
    const struct control_row *control = &model->control[group];
    planes->control = bits[control->plane];
    if (control->pending || (control->plane != CONTROL_UNKNOWN && control_moving(model, group, now)))
        planes->control = CONTROL_IS_MOVING;
    planes->control_node = control->owner;
    planes->control_reason = control->reason;
    if (control->plane == CONTROL_MANY)
        planes->many = control->active;
    if (!control->has_control || (control->plane == CONTROL_UNKNOWN && now - control->plane_since >= policy_settle(model->policy, group)))
        planes->need |= ALONE;
    if (control->double_rounds >= 2)
        planes->need |= FIRST_HAND_TWICE;
    if (control->intended_known)
        planes->need |= control->intended ? INTENDED : NOT_INTENDED;
    const struct handler_state_row *row = &model->handlers[handler];
    if (row->elsewhere_polls >= 2 && row->elsewhere != control->owner)
        planes->need |= ELSEWHERE_TWICE;
}

/* Where the server itself lets one session in at a time, several copies are correct: many is as good as one. */
static void forgive_many(struct planes *planes)
{
    planes->need &= (uint8_t) ~(FIRST_HAND_TWICE | ELSEWHERE_TWICE);
    if (planes->control == CONTROL_IS_MANY)
        planes->control = CONTROL_IS_ONE;
    if (planes->data == DATA_IS_MANY)
        planes->data = DATA_IS_ONE;
    planes->many = 0;
}

/* ---- should it poll now? ---- */

/* The last known word counts: that nobody can read a service window any more does not open it. */
static void fold_expected(struct model *model, uint16_t handler, msec_t now)
{
    struct handler_state_row *row = &model->handlers[handler];
    row->expected_known = true;
    row->expected_reason = REASON_OK;
    for (uint32_t i = model_first(model, subject_of(SUBJECT_HANDLER, handler)); i; i = model->slots[i].next) {
        const struct slot *slot = &model->slots[i];
        if (slot->last.aspect != ASPECT_EXPECTED)
            continue;
        bool fresh = model_fresh(model, slot, now);
        row->expected_known = fresh && slot->last.verdict != UNKNOWN;
        row->expected_reason = fresh ? slot->last.reason : REASON_STALE;
        if (row->expected_known && row->expected == NO && slot->last.verdict == YES)
            row->expected_since = slot->since;
        if (row->expected_known)
            row->expected = slot->last.verdict;
    }
}

bool handler_is_excused(const struct model *model, uint16_t handler)
{
    const struct handler_state_row *row = &model->handlers[handler];
    return row->expected == NO && row->state == HANDLER_SINGLE && row->data != DATA_ONE;
}

/* ---- the verdict ---- */

static const struct verdict_row *match(const struct planes *planes)
{
    const struct verdict_row *row = table;
    while (!(row->control & planes->control) || !(row->data & planes->data) || (row->need & ~planes->need))
        row++;
    return row;
}

static uint8_t strength_of(const struct planes *planes, const struct verdict_row *row)
{
    if (row->state == HANDLER_UNKNOWN)
        return STRENGTH_NONE;
    if (planes->control == CONTROL_IS_UNKNOWN)
        return STRENGTH_DATA;
    bool both = (planes->control == CONTROL_IS_ONE && planes->data == DATA_IS_ONE &&
                 (planes->data_node == planes->control_node || planes->data_node == NODE_SHARED)) ||
                (planes->control == CONTROL_IS_MANY && planes->data == DATA_IS_MANY) || (row->need & TWO_HANDLERS) ||
                (planes->control == CONTROL_IS_NONE && planes->data == DATA_IS_SILENT);
    return both ? STRENGTH_BOTH : STRENGTH_CONTROL;
}

static uint16_t flags_of(const struct model *model, uint16_t handler, msec_t now)
{
    const struct policy_handler *policy = &model->policy->handlers[handler];
    const struct handler_state_row *row = &model->handlers[handler];
    const struct log_state *log = &model->logs[policy->server];
    msec_t remember = 2 * (policy->window ? policy->window : 3 * policy->poll);
    unsigned flags = 0;
    if (row->intruder_at && now - row->intruder_at <= INTRUDER_SHOWN_MS)
        flags |= FLAG_INTRUDER;
    if (log->reason == REASON_LOG_STALLED)
        flags |= FLAG_LOG_STALLED;
    if (log->gap)
        flags |= FLAG_LOG_GAP;
    if (row->nat_at && now - row->nat_at <= remember)
        flags |= FLAG_NAT;
    if (row->unmapped_at && !row->addresses_proven && now - row->unmapped_at <= remember)
        flags |= FLAG_ADDRESSES_UNMAPPED;
    return (uint16_t)flags;
}

static bool is_duplicate(uint8_t state)
{
    return state == HANDLER_DUPLICATE_SUSPECTED || state == HANDLER_DUPLICATE_CONFIRMED;
}

static void follow_single(struct handler_state_row *row, msec_t now)
{
    if (row->state == HANDLER_SINGLE) {
        if (!row->single_since)
            row->single_since = now;
    } else if (is_duplicate(row->state)) {
        if (row->single_since)
            row->single_for = now - row->single_since;
        row->single_since = 0;
    } else if (row->state != HANDLER_UNKNOWN) {
        row->single_since = row->single_for = 0;
    }
    if (row->state == HANDLER_SINGLE && row->was != HANDLER_SINGLE)
        row->single_for = 0;
}

void verdict_fold(struct model *model, uint16_t handler, msec_t now)
{
    struct handler_state_row *row = &model->handlers[handler];
    struct evidence_policy how = handler_evidence_policy(model, handler);
    bool many_allowed = how.server_may_lock || model->policy->handlers[handler].singleton == SINGLETON_NO;
    struct planes planes = {0};
    fold_expected(model, handler, now);
    planes.need |= row->expected == NO ? 0 : EXPECTED;
    fold_control(model, handler, now, &planes);
    fold_data(model, handler, now, &planes);
    if (many_allowed)
        forgive_many(&planes);
    const struct verdict_row *is = match(&planes);
    uint8_t node = is->active == BY_CONTROL ? planes.control_node : is->active == BY_DATA ? planes.data_node : NODE_NONE;
    bool by_control =
        is->state == HANDLER_UNKNOWN ? model->control[model->policy->handlers[handler].group].has_control : planes.data == DATA_IS_UNKNOWN;
    uint16_t reason = is->reason ? is->reason : by_control ? planes.control_reason : planes.data_reason;
    if (planes.data == DATA_IS_SILENT && row->expected == NO && (is->state == HANDLER_SINGLE || is->state == HANDLER_UNKNOWN))
        reason = row->expected_reason; /* why its silence means nothing */
    if (is->state != row->state || node != row->node)
        row->since = now;
    if (is->state != row->state) {
        row->was = row->state;
        row->changed_at = now;
        row->state = is->state;
    }
    row->node = node;
    row->reason = reason;
    row->row = (uint16_t)(is - table + 1);
    row->strength = strength_of(&planes, is);
    row->control = model->control[model->policy->handlers[handler].group].plane;
    row->data_reason = planes.data_reason;
    row->many = is_duplicate(row->state) ? planes.many : 0;
    row->double_polls = model->control[model->policy->handlers[handler].group].double_rounds;
    row->flags = flags_of(model, handler, now);
    follow_single(row, now);
}
