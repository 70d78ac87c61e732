/* A driver performs `move` or `stop` on one kind of cluster: the same conversation shape as a probe, with an action as its subject.
 * Only the actuator process runs drivers. */
#ifndef SOLOWARDEN_ACT_DRIVER_H
#define SOLOWARDEN_ACT_DRIVER_H

#include "agent/config/config.h"

/* fixed-size: travels over the socketpair as it is */
struct order {
    uint64_t plan;
    uint8_t verb;       /* enum act: ACT_MOVE, ACT_STOP */
    uint16_t group;     /* position in the actuator's own copy of the configuration, checked with the digest */
    uint8_t from, to;   /* node in its cluster, or NODE_NONE */
    stamp_t deadline;   /* wall clock */
    uint8_t digest[32]; /* of the configuration the decider runs on */
};

struct order_result {
    uint64_t plan;
    uint16_t group;
    uint8_t verdict; /* YES done; NO nothing done, retry allowed, or could not prove; UNKNOWN: nobody knows, latched */
    uint16_t reason; /* DONE, NOTHING_DONE, UNFENCED, RESULT_UNKNOWN, START_FAILED, PROGRAM_TIMEOUT, BUDGET_SPENT, … */
    int32_t exit_status;
    char text[160]; /* last line of the program's stderr, printable */
};

/* What a driver may use beside the order. */
struct driver_context {
    const struct compiled *compiled;
    const struct bounded_memory *memory; /* for parsers */
    uint8_t nonce[16];                   /* drawn for this action */
};

/* What a driver asks for: a request, and for those that speak to nodes, to whom and for how long. */
struct driver_request {
    struct request request;
    uint8_t node;    /* POST: the node of the group's cluster that is asked, as the account that may act */
    msec_t patience; /* of this request; 0 = the whole action's */
};

/* in = NULL: begin. Fills *out and returns STEP_MORE, or fills *result and returns STEP_DONE. `state` is zeroed before begin. */
struct driver_type {
    const char *name;
    enum step (*step)(const struct order *order, const struct driver_context *context, void *state, const struct reply *in,
                      struct driver_request *out, struct order_result *result);
    size_t state_size;
};
extern const struct driver_type driver_exec, driver_wsfc;

const char *order_verb(uint8_t verb); /* "move", "stop"; NULL: not one of the closed list */

#endif
