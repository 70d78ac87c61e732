/* Gates: how many may be inside at once, and who waits in which order. One per target host, one per credential, one for all.
 * Knows neither what passes nor why. */
#ifndef SOLOWARDEN_RUN_GATE_H
#define SOLOWARDEN_RUN_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct waiter {                   /* part of what waits: at one gate at a time */
    struct waiter *next, *before; /* next NULL = waits nowhere */
};

struct gate {
    struct waiter queue; /* head of a ring */
    uint32_t inside, limit;
};

static inline void gate_open(struct gate *gate, uint32_t limit)
{
    gate->queue.next = gate->queue.before = &gate->queue;
    gate->inside = 0;
    gate->limit = limit;
}

static inline bool gate_full(const struct gate *gate)
{
    return gate->inside >= gate->limit;
}

static inline void gate_wait(struct gate *gate, struct waiter *waiter)
{
    waiter->next = &gate->queue;
    waiter->before = gate->queue.before;
    waiter->before->next = waiter;
    gate->queue.before = waiter;
}

static inline void gate_leave_queue(struct waiter *waiter)
{
    waiter->next->before = waiter->before;
    waiter->before->next = waiter->next;
    waiter->next = waiter->before = NULL;
}

/* The first in the queue, taken out of it, if there is room; else NULL. */
static inline struct waiter *gate_next(struct gate *gate)
{
    struct waiter *first = gate->queue.next;
    if (gate_full(gate) || first == &gate->queue)
        return NULL;
    gate_leave_queue(first);
    return first;
}

#endif
