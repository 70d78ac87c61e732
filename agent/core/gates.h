/* Gates stand in front of every action: each is a positive fact that must be YES. A mask beside the rule table.
 * Unknown is closed. */
#ifndef SOLOWARDEN_CORE_GATES_H
#define SOLOWARDEN_CORE_GATES_H

#include "rules.h"

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

uint16_t gate_lowest(gates_t closed); /* position of the lowest bit; GATES when none */

#endif
