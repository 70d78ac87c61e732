/* The decision: one group's state, its facts and the fleet's in; the next state and a plan out. A total, pure function.
 * Owns the rule table (rules.c), the gates (gates.c) and the group's fixed-size state; knows nothing of how an action is carried out. */
#ifndef SOLOWARDEN_CORE_ENGINE_H
#define SOLOWARDEN_CORE_ENGINE_H

#include "alarms.h"
#include "gates.h"
#include "policy.h"
#include "rules.h"

struct facts {
    uint32_t bits;            /* enum fact */
    uint16_t why[FACTS];      /* reason per fact bit, also when it is not set */
    gates_t open;             /* gates that are YES and fresh; every other one is closed */
    uint16_t gate_why[GATES]; /* why it is closed; REASON_OK when open */
    msec_t until[GATES];      /* when a closed gate opens by time alone; 0 = it does not */
    uint8_t owner, target;    /* or NODE_NONE */
    nodes_t surplus, ready;
    nodes_t unsure;                                             /* candidates of which it is not known whether they are ready */
    uint16_t candidate_why[NODES_MAX];                          /* REASON_READY, or why not */
    uint8_t act;                                                /* what the state asks for: MOVE for none/idle, STOP for a surplus */
    msec_t confirm, settle, moved_deadline, receiving_deadline; /* the windows in force, computed from the policy */
    msec_t wake_at;                                             /* when time alone changes a fact; 0 = never */
};

struct group_state;
/* Budget stamps are wall clock, so that they survive a reboot; when the wall clock is set they move along with it. */
void group_state_rebase(struct group_state *state, int64_t by);
/* Move the monotonic times: they come from before a restart, when our clock had another origin. */
void group_state_shift(struct group_state *state, int64_t by);

struct fleet {
    uint8_t *in_flight;       /* per cluster: actions under way (caller's array) */
    uint16_t onsets, doubles; /* groups that fell inside common_window; groups that turned duplicate together and still are */
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

/* scope: SUBJECT_AGENT, a cluster, a group, or a node as target. Mandatory expiry by wall clock; survives restart.
 * When the wall clock is set, the shell moves `until` and `since` along: a clock step ends no pause. */
struct pause {
    subject_t scope;
    stamp_t until, since;
    char who[32], why[96];
};

enum { ORDERED = 1, ORDERED_BY_FORCE = 2, APPROVAL_MS = 600000 };

enum latch { LATCH_NONE, LATCH_RESULT, LATCH_FIGHTS_BACK };

enum { STAMPS_MAX = 8 }; /* actions remembered for budgets; budgets of more than 8 are refused by the configuration */

/* Everything the engine remembers of a group. Fixed size; stored and restored as a whole. Wall-clock stamps survive a reboot. */
struct group_state {
    uint8_t phase, act, from, target; /* of the standing plan */
    uint8_t idle_move;                /* the plan is for idle, not for none */
    uint8_t ordered;                  /* an operator's order; with force: ORDERED_BY_FORCE. It stands until approved_until */
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
    uint8_t latched;            /* enum latch: until acknowledged */
    msec_t changes[STAMPS_MAX]; /* onsets, for flapping */
    uint8_t result;             /* enum verdict of the last result: YES done, NO not done, UNKNOWN */
    uint16_t result_reason;
    msec_t result_at, moved_at;
    uint8_t verify_stage; /* 0 moved?, 1 receiving? */
    uint8_t wrong;        /* which wrong: enum fact bit number + 1 */
    uint8_t was_well;     /* seen well since the last onset: only then the next fall is a new one */
    msec_t well_since;    /* seen well, unbroken, since; 0 = not well now */
    msec_t double_since;  /* more than one copy since; 0 = not now */
    msec_t unready_since; /* no candidate passes the preflight since; 0 = one does, or it is not known */
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

/* One rule fires (plan->rule), or, when a command is given, the command is taken and no rule fires: plan->reason is REASON_OK, or why it
 * was refused. */
void engine_step(const struct policy *policy, uint16_t group, const struct group_state *was, const struct facts *facts,
                 const struct fleet *fleet, const struct command *command /* or NULL */, const struct world *world, msec_t now,
                 struct group_state *is, struct plan *plan);

#endif
