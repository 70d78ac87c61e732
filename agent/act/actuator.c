/* The decider's handle on the actuator: starts it, keeps it running, sends orders and hands every result on exactly once, also those of
 * actuators that died or outlived their decider: they are found in the folder of the actions. Never waits. */
#include "actuator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actions.h"
#include "wire.h"

enum { RESTART_MS = 1000, RESTART_MAX_MS = 30000, LOOK_MS = 1000, FLIGHTS_MAX = 64 };

struct flight {
    struct order order;
    bool used;
    bool lost; /* the process that had it ended; what became of it stands in the folder */
};

struct actuator {
    uv_loop_t *loop;
    char *program, *config_path, *state_dir;
    actuator_result *result;
    actuator_state *state;
    void *context;
    uv_process_t process;
    uv_poll_t poll;
    uv_timer_t restart, look;
    uint64_t restart_ms;
    int channel;   /* our end; -1 = not running */
    int folder;    /* of the actions */
    unsigned open; /* handles that libuv still holds */
    bool ready, alive /* the process */, closing;
    struct flight flights[FLIGHTS_MAX];
};

static void start_child(uv_timer_t *timer);

static void handle_closed(uv_handle_t *handle)
{
    struct actuator *actuator = handle->data;
    if (--actuator->open > 0 || !actuator->closing)
        return;
    close(actuator->folder);
    free(actuator->program);
    free(actuator->config_path);
    free(actuator->state_dir);
    free(actuator);
}

static void hang_up(struct actuator *actuator)
{
    if (actuator->channel < 0)
        return;
    uv_close((uv_handle_t *)&actuator->poll, handle_closed);
    close(actuator->channel);
    actuator->channel = -1;
    actuator->ready = false;
}

static struct flight *flight_of(struct actuator *actuator, uint64_t plan)
{
    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        if (actuator->flights[i].used && actuator->flights[i].order.plan == plan)
            return &actuator->flights[i];
    return NULL;
}

static void found_result(void *context, const struct order_result *result)
{
    struct actuator *actuator = context;
    struct flight *flight = flight_of(actuator, result->plan);
    if (flight && !flight->lost)
        return; /* the living process is about to tell it */
    if (flight)
        flight->used = false;
    actions_taken(actuator->folder, result->plan);
    actuator->result(actuator->context, result);
}

struct waiting {
    int folder;
    bool any;
};

static void found_running(void *context, const struct running *running)
{
    struct waiting *waiting = context;
    struct order_result known;
    waiting->any |= !actions_result(waiting->folder, running->plan, &known);
}

/* An order is noted in the folder before its program starts: one without a trace was never begun. */
static bool settle_lost(struct actuator *actuator)
{
    bool any = false;
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *flight = &actuator->flights[i];
        if (!flight->used || !flight->lost)
            continue;
        if (actions_is_running(actuator->folder, flight->order.plan)) {
            any = true;
            continue;
        }
        struct order_result result = {.plan = flight->order.plan, .group = flight->order.group, .verdict = NO};
        result.reason = REASON_NOTHING_DONE;
        snprintf(result.text, sizeof result.text, "the actuator ended before it began");
        flight->used = false;
        actuator->result(actuator->context, &result);
    }
    return any;
}

/* Goes on looking while somebody's program may still run without a result. */
static void look(uv_timer_t *timer)
{
    struct actuator *actuator = timer->data;
    struct waiting waiting = {.folder = actuator->folder};
    actions_list_results(actuator->folder, found_result, actuator);
    actions_list_running(actuator->folder, found_running, &waiting);
    if (settle_lost(actuator) || waiting.any)
        uv_timer_start(timer, look, LOOK_MS, 0);
}

static void try_again(struct actuator *actuator, const char *text)
{
    uv_timer_start(&actuator->restart, start_child, actuator->restart_ms, 0);
    actuator->restart_ms = actuator->restart_ms * 2 < RESTART_MAX_MS ? actuator->restart_ms * 2 : RESTART_MAX_MS;
    actuator->state(actuator->context, false, text);
}

static void child_ended(uv_process_t *process, int64_t status, int signal)
{
    struct actuator *actuator = process->data;
    char text[80];
    actuator->alive = false;
    hang_up(actuator);
    uv_close((uv_handle_t *)process, handle_closed);
    if (actuator->closing)
        return;
    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        actuator->flights[i].lost = actuator->flights[i].used;
    uv_timer_start(&actuator->look, look, 0, 0);
    if (signal)
        snprintf(text, sizeof text, "it ended (signal %d) and is being restarted", signal);
    else
        snprintf(text, sizeof text, "it ended (exit %d) and is being restarted", (int)status);
    try_again(actuator, text);
}

static void take_message(struct actuator *actuator, struct act_message *message)
{
    if (message->kind == ACT_READY) {
        actuator->ready = true;
        actuator->restart_ms = RESTART_MS;
        actuator->state(actuator->context, true, "");
    } else if (message->kind == ACT_RESULT) {
        struct flight *flight = flight_of(actuator, message->result.plan);
        if (!flight)
            return; /* told already */
        flight->used = false;
        message->result.text[sizeof message->result.text - 1] = '\0';
        actions_taken(actuator->folder, message->result.plan);
        actuator->result(actuator->context, &message->result);
    }
}

static void packet_came(uv_poll_t *poll, int status, int events)
{
    struct actuator *actuator = poll->data;
    struct act_message message;
    (void)events;
    ssize_t size = status < 0 ? 0 : recv(actuator->channel, &message, sizeof message, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size == (ssize_t)sizeof message)
        take_message(actuator, &message);
    else if (size <= 0)
        uv_poll_stop(poll); /* its end is told by child_ended */
}

static void failed(struct actuator *actuator, const char *what, int error)
{
    char text[160];
    snprintf(text, sizeof text, "%.100s: %s", what, strerror(error));
    try_again(actuator, text);
}

static int spawn(struct actuator *actuator, int end)
{
    static char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    char *arguments[] = {actuator->program, "actuator", "--config", actuator->config_path, "--state", actuator->state_dir, NULL};
    uv_stdio_container_t descriptors[ACT_DESCRIPTOR + 1] = {{.flags = UV_IGNORE},
                                                            {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
                                                            {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
                                                            {.flags = UV_INHERIT_FD, .data.fd = end}};
    const uv_process_options_t options = {.file = actuator->program,
                                          .args = arguments,
                                          .env = environment,
                                          .flags = UV_PROCESS_DETACHED, /* a terminal's Ctrl-C is not for it */
                                          .exit_cb = child_ended,
                                          .stdio = descriptors,
                                          .stdio_count = ACT_DESCRIPTOR + 1};
    actuator->open++; /* libuv holds the handle even when the start fails */
    int error = uv_spawn(actuator->loop, &actuator->process, &options);
    if (error)
        uv_close((uv_handle_t *)&actuator->process, handle_closed);
    return error;
}

static void start_child(uv_timer_t *timer)
{
    struct actuator *actuator = timer->data;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        failed(actuator, "no socket", errno);
        return;
    }
    int error = spawn(actuator, pair[1]);
    close(pair[1]);
    if (error) {
        close(pair[0]);
        failed(actuator, actuator->program, -error);
        return;
    }
    actuator->alive = true;
    actuator->channel = pair[0];
    uv_poll_init(actuator->loop, &actuator->poll, pair[0]);
    actuator->open++;
    uv_poll_start(&actuator->poll, UV_READABLE, packet_came);
}

static char *copy(const char *text)
{
    char *copied = strdup(text);
    if (!copied)
        abort();
    return copied;
}

struct actuator *actuator_open(uv_loop_t *loop, const char *program, const char *config_path, const char *state_dir,
                               actuator_result *result, actuator_state *state, void *context)
{
    int folder = actions_open(state_dir);
    if (folder < 0)
        return NULL;
    struct actuator *actuator = calloc(1, sizeof *actuator);
    if (!actuator)
        abort();
    *actuator = (struct actuator){.loop = loop,
                                  .program = copy(program),
                                  .config_path = copy(config_path),
                                  .state_dir = copy(state_dir),
                                  .result = result,
                                  .state = state,
                                  .context = context,
                                  .restart_ms = RESTART_MS,
                                  .channel = -1,
                                  .folder = folder,
                                  .open = 2};
    actuator->process.data = actuator->poll.data = actuator->restart.data = actuator->look.data = actuator;
    uv_timer_init(loop, &actuator->restart);
    uv_timer_init(loop, &actuator->look);
    uv_timer_start(&actuator->restart, start_child, 0, 0);
    uv_timer_start(&actuator->look, look, LOOK_MS, 0);
    return actuator;
}

bool actuator_order(struct actuator *actuator, const struct order *order)
{
    struct flight *flight = NULL;
    struct act_message message;
    for (size_t i = 0; i < FLIGHTS_MAX && !flight; i++)
        if (!actuator->flights[i].used)
            flight = &actuator->flights[i];
    memset(&message, 0, sizeof message);
    message.kind = ACT_ORDER;
    message.order = *order;
    if (!actuator->ready || !flight ||
        send(actuator->channel, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof message)
        return false;
    *flight = (struct flight){.order = *order, .used = true};
    return true;
}

/* The child sees the end of the socket, lets running programs finish and goes by itself. */
void actuator_close(struct actuator *actuator)
{
    if (!actuator)
        return;
    actuator->closing = true;
    hang_up(actuator);
    uv_close((uv_handle_t *)&actuator->restart, handle_closed);
    uv_close((uv_handle_t *)&actuator->look, handle_closed);
    if (actuator->alive)
        uv_close((uv_handle_t *)&actuator->process, handle_closed);
}

struct orphans {
    actuator_result *result;
    void *context;
    int folder;
};

static void orphan_result(void *context, const struct order_result *result)
{
    const struct orphans *orphans = context;
    actions_taken(orphans->folder, result->plan);
    orphans->result(orphans->context, result);
}

void actuator_orphan_results(const char *state_dir, actuator_result *result, void *context)
{
    struct orphans orphans = {result, context, actions_open(state_dir)};
    if (orphans.folder < 0)
        return;
    actions_list_results(orphans.folder, orphan_result, &orphans);
    close(orphans.folder);
}
