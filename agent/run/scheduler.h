/* Slots of 10 ms: a wheel on which anything may lie until its slot comes. Lying, leaving and finding the next one cost the same for ten
 * entries and ten thousand. Knows nothing of probes. */
#ifndef SOLOWARDEN_RUN_SCHEDULER_H
#define SOLOWARDEN_RUN_SCHEDULER_H

#include "agent/core/types.h"

enum { SLOT_MS = 10, WHEEL_SLOTS = 1024 };

struct wheel_entry {
    struct wheel_entry *next, *before; /* next NULL = lies nowhere */
    msec_t due;
};

struct wheel {
    struct wheel_entry slots[WHEEL_SLOTS]; /* heads of rings */
    uint64_t used[WHEEL_SLOTS / 64];       /* slots that hold anything */
    int64_t slot;                          /* the first slot not taken from yet */
    size_t count;
};

void wheel_open(struct wheel *wheel, msec_t now);
void wheel_put(struct wheel *wheel, struct wheel_entry *entry, msec_t due); /* an entry that lies elsewhere is moved */
void wheel_remove(struct wheel *wheel, struct wheel_entry *entry);
/* The next entry that is due, taken off; NULL = none is. Never later than SLOT_MS after its time if called often enough, never early. */
struct wheel_entry *wheel_take(struct wheel *wheel, msec_t now);
/* How long nothing can be due; -1 = the wheel is empty. May be too short (an entry of a later turn), never too long. */
msec_t wheel_idle(const struct wheel *wheel, msec_t now);

#endif
