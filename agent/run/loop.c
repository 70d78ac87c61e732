/* See loop.h. */
#include <time.h>

#include "loop.h"
#include "memory.h"

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

msec_t loop_now(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

stamp_t loop_wall(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t loop_wall_offset(void)
{
    return loop_wall() - loop_now();
}

struct loop_clocks loop_clocks_read(void)
{
    return (struct loop_clocks){.monotonic = loop_now(), .boot = clock_ms(CLOCK_BOOTTIME), .wall = loop_wall()};
}

/* Boot time is the reference for both: it runs while we are stopped and while the machine sleeps, and nobody can set it. */
struct loop_finding loop_judge(const struct loop_clocks *was, const struct loop_clocks *is)
{
    struct loop_finding finding = {0};
    msec_t gap = is->boot - was->boot;
    if (gap - LOOP_TICK_MS > LOOP_STALL_MS) {
        finding.stalled_ms = gap;
        finding.suspended = gap - (is->monotonic - was->monotonic) > LOOP_TICK_MS;
    }
    int64_t step = (is->wall - was->wall) - gap;
    if (step > LOOP_STEP_MS || step < -LOOP_STEP_MS)
        finding.stepped_ms = step;
    return finding;
}

struct loop_watch {
    uv_timer_t timer;
    struct loop_hooks hooks;
    struct loop_lag lag;
    struct loop_clocks was;
    uint64_t due_ns;
};

static void watch_fired(uv_timer_t *timer)
{
    struct loop_watch *watch = timer->data;
    uint64_t now_ns = uv_hrtime();
    watch->lag.last_us = now_ns > watch->due_ns ? (now_ns - watch->due_ns) / 1000 : 0;
    if (watch->lag.last_us > watch->lag.max_us)
        watch->lag.max_us = watch->lag.last_us;
    struct loop_clocks is = loop_clocks_read();
    struct loop_finding finding = loop_judge(&watch->was, &is);
    /* A slow drift is the time service at work; only what happens between two ticks is a step. */
    watch->was = is;
    if (finding.stalled_ms) {
        watch->lag.stalls++;
        if (watch->hooks.stalled)
            watch->hooks.stalled(watch->hooks.context, finding.stalled_ms, finding.suspended);
    }
    if (finding.stepped_ms) {
        watch->lag.steps++;
        if (watch->hooks.stepped)
            watch->hooks.stepped(watch->hooks.context, finding.stepped_ms);
    }
    uv_update_time(timer->loop);
    watch->due_ns = uv_hrtime() + LOOP_TICK_MS * UINT64_C(1000000);
    uv_timer_start(timer, watch_fired, LOOP_TICK_MS, 0);
}

struct loop_watch *loop_watch_open(uv_loop_t *loop, const struct loop_hooks *hooks)
{
    struct loop_watch *watch = memory_zeroed(1, sizeof *watch);
    watch->hooks = *hooks;
    watch->timer.data = watch;
    watch->was = loop_clocks_read();
    uv_timer_init(loop, &watch->timer);
    uv_update_time(loop);
    watch->due_ns = uv_hrtime() + LOOP_TICK_MS * UINT64_C(1000000);
    uv_timer_start(&watch->timer, watch_fired, LOOP_TICK_MS, 0);
    uv_unref((uv_handle_t *)&watch->timer);
    return watch;
}

const struct loop_lag *loop_watch_lag(const struct loop_watch *watch)
{
    return &watch->lag;
}

static void free_data(uv_handle_t *handle)
{
    free(handle->data);
}

void loop_watch_close(struct loop_watch *watch)
{
    uv_close((uv_handle_t *)&watch->timer, free_data);
}

struct loop_deferred {
    uv_timer_t timer;
    loop_callback *callback;
    void *context;
};

static void deferred_fired(uv_timer_t *timer)
{
    struct loop_deferred *deferred = timer->data;
    uv_close((uv_handle_t *)timer, free_data);
    deferred->callback(deferred->context);
}

struct loop_deferred *loop_defer(uv_loop_t *loop, loop_callback *callback, void *context)
{
    struct loop_deferred *deferred = memory_zeroed(1, sizeof *deferred);
    deferred->callback = callback;
    deferred->context = context;
    deferred->timer.data = deferred;
    uv_timer_init(loop, &deferred->timer);
    uv_timer_start(&deferred->timer, deferred_fired, 0, 0);
    return deferred;
}

void loop_defer_cancel(struct loop_deferred *deferred)
{
    uv_close((uv_handle_t *)&deferred->timer, free_data);
}
