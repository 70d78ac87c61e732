/* The world on a loop: brings it the time ten times a second, and takes its receivers, its MSMQ ports and its control
 * socket along. */
#include <stdlib.h>
#include <time.h>

#include "control.h"
#include "msmq_port.h"
#include "receivers.h"

enum { TICK_MS = 100 };

struct world_run {
    struct world *world;
    uv_timer_t timer;
    struct control *control;
    struct receivers *receivers;
    struct msmq_ports *ports;
    bool closing;
};

static void on_timer_closed(uv_handle_t *handle)
{
    struct world_run *run = handle->data;
    free(run->receivers);
    free(run);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_tick(uv_timer_t *timer)
{
    struct world_run *run = timer->data;
    if (run->closing && receivers_ended(run->receivers)) {
        uv_close((uv_handle_t *)timer, on_timer_closed);
        return;
    }
    if (run->closing)
        return;
    world_tick(run->world, uv_now(timer->loop), wall_ms());
    receivers_follow(run->receivers);
    msmq_ports_follow(run->ports);
}

struct world_run *world_run_open(struct world *world, uv_loop_t *loop, const struct world_options *options, FILE *complaints)
{
    struct control *control = NULL;
    if (options->control_socket && !(control = control_open(world, loop, options->control_socket, complaints)))
        return NULL;
    struct world_run *run = calloc(1, sizeof *run);
    if (!run)
        abort();
    run->world = world;
    run->control = control;
    if (options->receiver)
        run->receivers = receivers_open(world, loop, options->receiver, options->state_dir);
    run->ports = msmq_ports_open(world, loop);
    uv_timer_init(loop, &run->timer);
    run->timer.data = run;
    uv_timer_start(&run->timer, on_tick, 0, TICK_MS);
    uv_update_time(loop);
    world_tick(world, uv_now(loop), wall_ms()); /* it has a time before the first request */
    return run;
}

void world_run_close(struct world_run *run)
{
    run->closing = true;
    control_close(run->control);
    receivers_close(run->receivers);
    msmq_ports_close(run->ports);
}
