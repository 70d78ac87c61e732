/* The decision: one group's state, its facts and the fleet's in; the next state and a plan out. A total, pure function.
 * Owns the rule table (rules.c), the gates (gates.c) and the group's fixed-size state; knows nothing of how an action is carried out. */
#ifndef SOLOWARDEN_CORE_ENGINE_H
#define SOLOWARDEN_CORE_ENGINE_H

#include "alarms.h"
#include "policy.h"

/* the MIB's order, 1 = unknown */
enum group_phase {
    PHASE_UNKNOWN = 1,
    PHASE_OK,
    PHASE_SUSPECT,   /* something is wrong and has not stood for its window yet */
    PHASE_WAITING,   /* a plan stands: for its gates, its approval, or (advise) for the operator */
    PHASE_ACTING,    /* the actuator has the order */
    PHASE_VERIFYING, /* done by its own word; fresh evidence must say so */
    PHASE_BLOCKED,   /* it did not work, or nobody knows: an operator must look */
    PHASE_HELD,      /* paused */
    PHASES
};
const char *phase_name(uint8_t phase);

/* what rules match */
enum fact {
    FACT_NONE = 1 << 0,
    FACT_ONE = 1 << 1,
    FACT_MANY = 1 << 2,
    FACT_IDLE = 1 << 3,
    FACT_CONFIRMED = 1 << 4,
    FACT_MOVING = 1 << 5,
    FACT_BLIND = 1 << 6,
    FACT_HELD = 1 << 7,
    FACT_INNER_DONE = 1 << 8, /* the state has stood, unbroken, for the confirm window */
    FACT_DONE = 1 << 9,       /* the action's result: done; when VERIFYING: the evidence agrees */
    FACT_FAILED = 1 << 10,    /* the action's result: not done or unknown */
    FACT_LATE = 1 << 11,      /* the deadline of this phase has passed */
    FACT_APPROVED = 1 << 12,  /* mode auto, or an approval that names this plan */
    FACT_ORDERED = 1 << 13,   /* an operator ordered a failover */
    FACTS = 14
};
const char *fact_name(unsigned bit); /* bit number → "inner-done" */

enum act { ACT_NOTHING, ACT_MOVE, ACT_STOP };

/* each a positive fact that must be YES; the MIB's order */
enum gate {
    GATE_NOT_HELD,
    GATE_FRESH,
    GATE_OWNER_AGREED,
    GATE_CONFIRMED, /* INNER_DONE (move), or duplicate confirmed and settled (stop) */
    GATE_STEADY,    /* nothing pending; for idle: the group online and steady */
    GATE_INTENDED,
    GATE_CAUSES,
    GATE_NOT_COMMON,
    GATE_NOT_IN_FLIGHT,
    GATE_COOL_DOWN,
    GATE_BUDGET,
    GATE_TARGET, /* move: a target that passes the preflight now; stop: a surplus on its own node's word */
    GATE_NOT_FLAPPING,
    GATE_CLOCK, /* no stall, no clock step */
    GATE_JOURNAL,
    GATE_ACTUATOR,
    GATE_FENCED,           /* static clusters: the site says so, and a program is configured */
    GATE_OWNER_POLLING,    /* stop only */
    GATE_TRUSTED,          /* stop only */
    GATE_NOT_MANY_AT_ONCE, /* stop only */
    GATE_MODE,             /* the mode allows it, and confirm was approved */
    GATES
};
typedef uint32_t gates_t;
const char *gate_name(unsigned gate);
extern const gates_t gates_of[3]; /* by enum act: all that must be open */
/* What an operator's own order (`failover`) may pass, with --force: never FENCED, JOURNAL, ACTUATOR, and never a stop of the owner. */
extern const gates_t gates_overridable;

struct facts {
    uint32_t bits;            /* enum fact */
    uint16_t why[FACTS];      /* reason per fact bit, also when it is not set */
    gates_t open;             /* gates that are YES and fresh; every other one is closed */
    uint16_t gate_why[GATES]; /* why it is closed; REASON_OK when open */
    msec_t until[GATES];      /* when a closed gate opens by time alone; 0 = it does not */
    uint8_t owner, target;    /* or NODE_NONE */
    nodes_t surplus, ready;
    uint16_t candidate_why[NODES_MAX];                          /* REASON_READY, or why not */
    uint8_t act;                                                /* what the state asks for: MOVE for none/idle, STOP for a surplus */
    msec_t confirm, settle, moved_deadline, receiving_deadline; /* the windows in force, computed from the policy */
    msec_t wake_at;                                             /* when time alone changes a fact; 0 = never */
};

struct fleet {
    uint8_t *in_flight;       /* per cluster: actions under way (caller's array) */
    uint16_t onsets, doubles; /* groups that fell, handlers that turned duplicate, inside common_window */
    bool common;
    msec_t common_since;
};

/* What the shell knows about itself. Everything here is UNKNOWN until told. */
struct world {
    int64_t wall_offset; /* wall clock - monotonic */
    enum verdict journal, actuator;
    msec_t stalled_until, clock_stepped_until; /* 0 = no */
    msec_t common_acked_at;
    const struct pause *pauses;
    size_t pause_count;
};

/* scope: SUBJECT_AGENT, a cluster, a group, or a node as target. Mandatory expiry by wall clock; survives restart */
struct pause {
    subject_t scope;
    stamp_t until, since;
    char who[32], why[96];
};

enum { STAMPS_MAX = 8 }; /* actions remembered for budgets; budgets of more than 8 are refused by the configuration */

/* Everything the engine remembers of a group. Fixed size; stored and restored as a whole. Wall-clock stamps survive a reboot. */
struct group_state {
    uint8_t phase, act, from, target; /* of the standing plan */
    uint8_t idle_move;                /* the plan is for idle, not for none */
    uint8_t ordered;                  /* an operator's order, with force = 2 */
    uint16_t rule, reason;            /* the rule that fired last, and why */
    msec_t since;                     /* in this phase */
    msec_t wrong_since;               /* since when the present state (none, idle, duplicate) has stood unbroken */
    msec_t deadline, acted_at;
    uint64_t plan; /* id of the standing plan; 0 = none. Unique: wall milliseconds << 12 | counter */
    uint64_t approved_plan;
    msec_t approved_until;
    stamp_t moves[STAMPS_MAX], stops[STAMPS_MAX]; /* ring of wall stamps, 0 = unused */
    stamp_t stopped_at;                           /* last stop done; for fights-back */
    nodes_t stopped;
    uint8_t latched;            /* fights-back or unknown result: until acknowledged */
    msec_t changes[STAMPS_MAX]; /* onsets, for flapping */
    uint8_t result;             /* enum verdict of the last result: YES done, NO not done, UNKNOWN */
    uint16_t result_reason;
    msec_t result_at, moved_at;
    uint8_t verify_stage; /* 0 moved?, 1 receiving? */
    uint8_t wrong;        /* which wrong: enum fact bit number + 1 */
    msec_t orphan_until;  /* after a restart: nothing before this */
};

enum verb { VERB_NONE, VERB_APPROVE, VERB_FAILOVER, VERB_ACK, VERB_RESULT, VERB_RESTORE };
/* one input to one group; a result enters the same way */
struct command {
    uint8_t verb, target, force;
    uint64_t plan;
    uint8_t verdict; /* VERB_RESULT */
    uint16_t reason; /* VERB_RESULT */
    char who[32], why[96];
};

struct plan {
    uint8_t act, from, target;
    bool dispatch; /* all gates open: ask the second pass to grant it */
    uint64_t id;
    gates_t closed;
    uint16_t rule, reason; /* reason: of the lowest closed gate, or why the rule fired */
    msec_t deadline, wake_at;
    uint8_t told; /* enum happening for the notification `event`; 0 = nothing to tell */
};

/* notification "event" and history */
enum happening {
    HAPPENED_NOTHING,
    HAPPENED_PLANNED,
    HAPPENED_STARTED,
    HAPPENED_MOVED,
    HAPPENED_DONE,
    HAPPENED_BLOCKED,
    HAPPENED_STOPPED,
    HAPPENED_APPROVED,
    HAPPENED_LAPSED,
    HAPPENED_WITHDRAWN,
    HAPPENED_PAUSED,
    HAPPENED_RESUMED,
    HAPPENED_ACKED,
    HAPPENINGS
};
const char *happening_name(uint8_t happening);

/* first match wins: from is in `from`, all bits of `all` set, none of `none` */
struct rule {
    uint16_t id;
    uint16_t from; /* bits: 1 << phase */
    uint32_t all, none;
    uint8_t to, act;
    uint8_t told;
    const char *why;
};
extern const struct rule rules[];
extern const size_t rule_count;
const struct rule *rule_by_id(uint16_t id);

void engine_step(const struct policy *policy, uint16_t group, const struct group_state *was, const struct facts *facts,
                 const struct fleet *fleet, const struct command *command /* or NULL */, const struct world *world, msec_t now,
                 struct group_state *is, struct plan *plan);

#endif
