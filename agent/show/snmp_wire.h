/* Messages between the decider and its two SNMP children, one per packet of a socketpair. Owns framing and descriptor passing;
 * both ends are the same program, so structs travel as they are. Never blocks. */
#ifndef SOLOWARDEN_SHOW_SNMP_WIRE_H
#define SOLOWARDEN_SHOW_SNMP_WIRE_H

#include "snmp.h"

enum { WIRE_DESCRIPTOR = 3 }; /* where a child finds its end */

enum wire_kind {
    WIRE_SNAPSHOT = 1, /* to the agent, with a descriptor */
    WIRE_TAKEN,        /* from the agent: send the next one */
    WIRE_NOTIFY,       /* to the notifier */
    WIRE_ACKED,        /* from the notifier */
    WIRE_STATUS        /* from both: on change, and as a sign of life */
};

struct wire_notify {
    char receiver[NAME_BYTES]; /* "" = all */
    struct notification notification;
};
struct wire_acked {
    char receiver[NAME_BYTES];
    uint64_t sequence;
};
struct wire_status {
    uint8_t up;
    char text[TEXT_BYTES];
    uint64_t requests, variables, sent, acked, waiting, dropped;
};
struct wire_message {
    uint32_t kind;
    union {
        struct wire_notify notify;
        struct wire_acked acked;
        struct wire_status status;
    } as;
};

enum wire_result { WIRE_BROKEN = -1, WIRE_LATER, WIRE_OK };

bool wire_pair(int ends[2]); /* non-blocking, closed on exec */
enum wire_result wire_post(int channel, const struct wire_message *message, int descriptor /* or -1 */);
/* BROKEN: the other end is gone, or what came is not a message. *descriptor is -1 when none came. */
enum wire_result wire_receive(int channel, struct wire_message *message, int *descriptor);

#endif
