/* The loop's clocks and its health: monotonic now, wall clock, how late timers fire, and whether we were stopped or the clock was set.
 * The only place that reads clocks for the decider. Knows nothing of what is scheduled. */
#ifndef SOLOWARDEN_RUN_LOOP_H
#define SOLOWARDEN_RUN_LOOP_H

#include <uv.h>

#include "agent/core/types.h"

enum { LOOP_TICK_MS = 500, LOOP_STALL_MS = 5000, LOOP_STEP_MS = 60000 };

msec_t loop_now(void);          /* CLOCK_MONOTONIC: stands still while the machine is suspended */
int64_t loop_wall_offset(void); /* wall clock - loop_now() */
stamp_t loop_wall(void);

/* One reading of all clocks, and what two of them say. Pure, so that tests need not sleep. */
struct loop_clocks {
    msec_t monotonic, boot; /* boot goes on during suspend */
    stamp_t wall;
};
struct loop_finding {
    msec_t stalled_ms;  /* > 0: nothing ran for so long (asleep time included) */
    bool suspended;     /* the machine slept, we were not merely stopped or starved */
    int64_t stepped_ms; /* ≠ 0: the wall clock was set by so much */
};
struct loop_clocks loop_clocks_read(void);
struct loop_finding loop_judge(const struct loop_clocks *was, const struct loop_clocks *is);

struct loop_hooks { /* each may be NULL */
    void (*stalled)(void *context, msec_t gap_ms, bool suspended);
    void (*stepped)(void *context, int64_t step_ms);
    void *context;
};

struct loop_lag {
    uint64_t last_us, max_us; /* how late the watch's own timer fired */
    uint64_t stalls, steps;
};

/* Watches the loop until closed. */
struct loop_watch;
struct loop_watch *loop_watch_open(uv_loop_t *loop, const struct loop_hooks *hooks);
const struct loop_lag *loop_watch_lag(const struct loop_watch *watch);
void loop_watch_close(struct loop_watch *watch); /* frees itself when the loop let go */

/* Call once, soon, from the loop: for answers that are known at once but must not come from inside the call that asked.
 * The returned handle may be cancelled until it has run. */
struct loop_deferred;
typedef void loop_callback(void *context);
struct loop_deferred *loop_defer(uv_loop_t *loop, loop_callback *callback, void *context);
void loop_defer_cancel(struct loop_deferred *deferred);

#endif
