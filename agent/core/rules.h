/* What a group's state machine consists of: phases, fact bits, acts, and the ordered rules over them.
 * A row holds bits and values only, never a function. */
#ifndef SOLOWARDEN_CORE_RULES_H
#define SOLOWARDEN_CORE_RULES_H

#include "types.h"

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
    FACT_INNER_DONE = 1 << 8, /* what is wrong has stood, unbroken, for its window, and the policy wants something done about it;
                                 when VERIFYING: the group has been seen receiving */
    FACT_DONE = 1 << 9,       /* ACTING: the action ended; VERIFYING: the evidence agrees; BLOCKED: well for long enough, nothing latched */
    FACT_FAILED = 1 << 10,    /* ACTING: it did not do it (with DONE: nothing was done, it may be asked again; alone: nobody knows);
                                 otherwise: a copy that was stopped is back */
    FACT_LATE = 1 << 11,      /* the deadline of this phase has passed */
    FACT_APPROVED = 1 << 12,  /* mode auto, or an approval that names this plan */
    FACT_ORDERED = 1 << 13,   /* an operator ordered a failover */
    FACTS = 14
};
const char *fact_name(unsigned bit); /* bit number → "inner-done" */

/* What is wrong, as the number of its fact bit + 1; 0 = nothing that could be counted: well, moving, or not known. */
uint8_t wrong_of(uint32_t bits);

enum act { ACT_NOTHING, ACT_MOVE, ACT_STOP };

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

#endif
