/* The two messages between decider and actuator, one packet each on a SOCK_SEQPACKET pair. Both ends are this very binary. */
#ifndef SOLOWARDEN_ACT_WIRE_H
#define SOLOWARDEN_ACT_WIRE_H

#include "driver.h"

enum { ACT_DESCRIPTOR = 3 }; /* the child's end */

enum act_kind { ACT_READY = 1, ACT_ORDER, ACT_RESULT };

struct act_message {
    uint32_t kind;
    struct order order;         /* ACT_ORDER */
    struct order_result result; /* ACT_RESULT */
};

#endif
