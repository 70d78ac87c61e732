/* The decider's side: starts the two children, keeps them running, and passes on what they need. Never blocks: the newest snapshot
 * replaces one that could not be sent yet, and notifications wait in a bounded queue until every receiver has them, so that a child
 * that ends takes nothing with it. */
#include "snmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snmp_wire.h"

enum { RESTART_MS = 1000, WATCH_MS = 1000, SILENT_MS = 15000, QUEUE_MAX = 4096, RECEIVERS_MAX = 64, BOOTS_PER_START = 4096 };

struct child {
    struct snmp *owner;
    const char *verb;
    uv_process_t process;
    uv_poll_t poll;
    uv_timer_t timer;
    int channel;
    unsigned open; /* process and poll handles that libuv still holds */
    bool wanted, alive, up, writing, ended_by_us;
    uint64_t heard_at;
    char text[TEXT_BYTES];
    struct wire_status now, before; /* counts of this run, and of the runs before it */
};

struct waiting {
    uint64_t receivers; /* bits: who has not got it yet */
    struct notification notification;
};

struct snmp {
    uv_loop_t *loop;
    char *program, *config_path;
    uint32_t boots, restarts;
    bool embedded, closing;
    unsigned timers; /* timer handles that libuv still holds */
    struct child agent, notify;
    uv_timer_t watch;
    int snapshot; /* the newest, -1 = none yet */
    bool snapshot_new, snapshot_out;
    char (*receivers)[NAME_BYTES];
    uint64_t *acked;
    size_t receiver_count;
    struct waiting *queue; /* ring */
    size_t queue_capacity, queue_first, queue_count, queue_sent;
    uint64_t dropped;
    struct snmp_status status;
    snmp_changed *changed;
    snmp_acked *on_acked;
    void *context;
};

static void pump_agent(struct snmp *snmp);
static void pump_notify(struct snmp *snmp);

static struct waiting *queue_at(struct snmp *snmp, size_t position)
{
    return &snmp->queue[(snmp->queue_first + position) % snmp->queue_capacity];
}

/* ---- status ---- */

static void judge(struct child *child, bool *up, char text[TEXT_BYTES], const char *name)
{
    uint64_t silent_ms = uv_now(child->owner->loop) - child->heard_at;
    *up = !child->wanted || (child->alive && child->now.up);
    snprintf(text, TEXT_BYTES, "%s", child->wanted ? (child->alive ? child->now.text : child->text) : "");
    if (child->wanted && child->alive && silent_ms > SILENT_MS) {
        *up = false;
        snprintf(text, TEXT_BYTES, "the %s process hangs, for %llu s now", name, (unsigned long long)silent_ms / 1000);
    }
}

static void report(struct snmp *snmp)
{
    struct snmp_status was = snmp->status, *is = &snmp->status;
    const struct wire_status *agent = &snmp->agent.now, *notify = &snmp->notify.now;
    judge(&snmp->agent, &is->agent_up, is->agent_text, "SNMP agent");
    judge(&snmp->notify, &is->notify_up, is->notify_text, "SNMP notification");
    is->requests = snmp->agent.before.requests + agent->requests;
    is->variables = snmp->agent.before.variables + agent->variables;
    is->sent = snmp->notify.before.sent + notify->sent;
    is->acked = snmp->notify.before.acked + notify->acked;
    is->dropped = snmp->notify.before.dropped + notify->dropped + snmp->dropped;
    is->waiting = snmp->queue_count;
    bool changed = was.agent_up != is->agent_up || was.notify_up != is->notify_up || strcmp(was.agent_text, is->agent_text) != 0 ||
                   strcmp(was.notify_text, is->notify_text) != 0;
    if (changed && snmp->changed && !snmp->closing)
        snmp->changed(snmp->context, is);
}

static void watch_children(uv_timer_t *timer)
{
    report(timer->data);
}

/* ---- children ---- */

static void release(struct snmp *snmp)
{
    if (!snmp->closing || snmp->agent.open || snmp->notify.open || snmp->timers)
        return;
    if (snmp->snapshot >= 0)
        close(snmp->snapshot);
    free(snmp->queue);
    free(snmp->receivers);
    free(snmp->acked);
    free(snmp->program);
    free(snmp->config_path);
    free(snmp);
}

static void child_start(uv_timer_t *timer);

static void handle_closed(uv_handle_t *handle)
{
    struct child *child = handle->data;
    if (--child->open == 0 && !child->owner->closing)
        uv_timer_start(&child->timer, child_start, RESTART_MS, 0);
    release(child->owner);
}

static void child_hang_up(struct child *child)
{
    if (child->channel < 0)
        return;
    uv_close((uv_handle_t *)&child->poll, handle_closed);
    close(child->channel);
    child->channel = -1;
}

/* Both children speak for one SNMP engine. When one of them begins anew, so must the other: with the next number of boots, or managers
 * would take the one with the lower number for an impostor. */
static void end_the_other(struct snmp *snmp, struct child *ended)
{
    struct child *other = ended == &snmp->agent ? &snmp->notify : &snmp->agent;
    if (snmp->restarts + 1 < BOOTS_PER_START)
        snmp->restarts++;
    if (!snmp->embedded || !other->alive)
        return;
    other->ended_by_us = true;
    uv_process_kill(&other->process, SIGKILL);
}

static void child_ended(uv_process_t *process, int64_t status, int signal)
{
    struct child *child = process->data;
    child->alive = false;
    if (signal)
        snprintf(child->text, sizeof child->text, "the %s process ended (signal %d) and is being restarted", child->verb, signal);
    else
        snprintf(child->text, sizeof child->text, "the %s process ended (exit %d) and is being restarted", child->verb, (int)status);
    child->before.requests += child->now.requests;
    child->before.variables += child->now.variables;
    child->before.sent += child->now.sent;
    child->before.acked += child->now.acked;
    child->before.dropped += child->now.dropped;
    memset(&child->now, 0, sizeof child->now);
    if (!child->owner->closing && !child->ended_by_us)
        end_the_other(child->owner, child);
    child_hang_up(child);
    uv_close((uv_handle_t *)process, handle_closed);
    report(child->owner);
}

static void forget_delivered(struct snmp *snmp)
{
    while (snmp->queue_count && queue_at(snmp, 0)->receivers == 0) {
        snmp->queue_first = (snmp->queue_first + 1) % snmp->queue_capacity;
        snmp->queue_count--;
        snmp->queue_sent -= snmp->queue_sent > 0;
    }
    snmp->status.waiting = snmp->queue_count;
}

static void receiver_acked(struct snmp *snmp, const struct wire_acked *acked)
{
    for (size_t i = 0; i < snmp->receiver_count; i++) {
        if (strncmp(snmp->receivers[i], acked->receiver, NAME_BYTES) != 0 || acked->sequence <= snmp->acked[i])
            continue;
        snmp->acked[i] = acked->sequence;
        for (size_t at = 0; at < snmp->queue_sent; at++)
            if (queue_at(snmp, at)->notification.sequence <= acked->sequence)
                queue_at(snmp, at)->receivers &= ~((uint64_t)1 << i);
        if (snmp->on_acked)
            snmp->on_acked(snmp->context, snmp->receivers[i], acked->sequence);
    }
    forget_delivered(snmp);
}

static void child_heard(struct child *child, const struct wire_message *message)
{
    struct snmp *snmp = child->owner;
    child->heard_at = uv_now(snmp->loop);
    switch (message->kind) {
    case WIRE_TAKEN:
        snmp->snapshot_out = false;
        pump_agent(snmp);
        break;
    case WIRE_ACKED:
        receiver_acked(snmp, &message->as.acked);
        break;
    case WIRE_STATUS:
        child->now = message->as.status;
        child->now.text[sizeof child->now.text - 1] = '\0';
        report(snmp);
        break;
    default:
        break;
    }
}

static void child_ready(uv_poll_t *poll, int status, int events)
{
    struct child *child = poll->data;
    struct wire_message message;
    int descriptor;
    enum wire_result result = WIRE_OK;
    while (status == 0 && (events & UV_READABLE) && child->channel >= 0) {
        result = wire_receive(child->channel, &message, &descriptor);
        if (descriptor >= 0)
            close(descriptor);
        if (result != WIRE_OK)
            break;
        child_heard(child, &message);
    }
    if (status != 0 || result == WIRE_BROKEN) {
        uv_poll_stop(poll); /* its end is reported by the process handle */
        return;
    }
    if (events & UV_WRITABLE) {
        pump_agent(child->owner);
        pump_notify(child->owner);
    }
}

static void child_listen(struct child *child, bool write)
{
    child->writing = write;
    uv_poll_start(&child->poll, UV_READABLE | (write ? UV_WRITABLE : 0), child_ready);
}

static void child_start(uv_timer_t *timer)
{
    struct child *child = timer->data;
    struct snmp *snmp = child->owner;
    int ends[2];
    char boots[16];
    uint64_t number = (uint64_t)snmp->boots * BOOTS_PER_START + snmp->restarts;
    snprintf(boots, sizeof boots, "%u", number < INT32_MAX ? (unsigned)number : (unsigned)INT32_MAX);
    char *arguments[] = {snmp->program, (char *)(uintptr_t)child->verb, "--config", snmp->config_path, "--boots", boots, NULL};
    if (!wire_pair(ends)) {
        uv_timer_start(timer, child_start, RESTART_MS, 0);
        return;
    }
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = 2}, {.flags = UV_INHERIT_FD, .data.fd = ends[1]}};
    uv_process_options_t options = {
        .file = snmp->program, .args = arguments, .exit_cb = child_ended, .stdio = stdio, .stdio_count = sizeof stdio / sizeof *stdio};
    child->process.data = child;
    child->poll.data = child;
    child->open = 1;
    int error = uv_spawn(snmp->loop, &child->process, &options);
    close(ends[1]);
    if (error) {
        snprintf(child->text, sizeof child->text, "the %s process cannot be started: %s", child->verb, uv_strerror(error));
        close(ends[0]);
        uv_close((uv_handle_t *)&child->process, handle_closed);
        report(snmp);
        return;
    }
    child->open = 2;
    child->channel = ends[0];
    child->alive = true;
    child->ended_by_us = false;
    child->heard_at = uv_now(snmp->loop);
    uv_poll_init(snmp->loop, &child->poll, child->channel);
    child_listen(child, false);
    if (child == &snmp->agent) {
        snmp->snapshot_out = false;
        snmp->snapshot_new = snmp->snapshot >= 0;
    } else {
        snmp->queue_sent = 0;
    }
    pump_agent(snmp);
    pump_notify(snmp);
}

/* ---- what the children are sent ---- */

static void pump_agent(struct snmp *snmp)
{
    const struct wire_message message = {.kind = WIRE_SNAPSHOT};
    struct child *child = &snmp->agent;
    bool later = false;
    if (!child->alive || child->channel < 0)
        return;
    if (snmp->snapshot_new && !snmp->snapshot_out) {
        enum wire_result result = wire_post(child->channel, &message, snmp->snapshot);
        later = result == WIRE_LATER;
        if (result == WIRE_OK) {
            snmp->snapshot_new = false;
            snmp->snapshot_out = true;
        }
    }
    if (later != child->writing)
        child_listen(child, later);
}

static uint64_t everybody(const struct snmp *snmp)
{
    return snmp->receiver_count == 64 ? UINT64_MAX : ((uint64_t)1 << snmp->receiver_count) - 1;
}

/* One message to all, or after a restart one to each that has not acknowledged it. */
static enum wire_result send_waiting(struct snmp *snmp, const struct waiting *waiting)
{
    struct wire_message message = {.kind = WIRE_NOTIFY};
    message.as.notify.notification = waiting->notification;
    if (waiting->receivers == everybody(snmp))
        return wire_post(snmp->notify.channel, &message, -1);
    for (size_t i = 0; i < snmp->receiver_count; i++) {
        if (!(waiting->receivers & ((uint64_t)1 << i)))
            continue;
        memcpy(message.as.notify.receiver, snmp->receivers[i], NAME_BYTES);
        enum wire_result result = wire_post(snmp->notify.channel, &message, -1);
        if (result != WIRE_OK)
            return result;
    }
    return WIRE_OK;
}

static void pump_notify(struct snmp *snmp)
{
    struct child *child = &snmp->notify;
    enum wire_result result = WIRE_OK;
    if (!child->alive || child->channel < 0)
        return;
    while (snmp->queue_sent < snmp->queue_count) {
        result = send_waiting(snmp, queue_at(snmp, snmp->queue_sent));
        if (result != WIRE_OK)
            break;
        snmp->queue_sent++;
    }
    if ((result == WIRE_LATER) != child->writing)
        child_listen(child, result == WIRE_LATER);
}

static bool queue_grow(struct snmp *snmp)
{
    size_t capacity = snmp->queue_capacity ? 2 * snmp->queue_capacity : 64;
    struct waiting *larger = capacity <= QUEUE_MAX ? malloc(capacity * sizeof *larger) : NULL;
    if (!larger)
        return false;
    for (size_t i = 0; i < snmp->queue_count; i++)
        larger[i] = *queue_at(snmp, i);
    free(snmp->queue);
    snmp->queue = larger;
    snmp->queue_capacity = capacity;
    snmp->queue_first = 0;
    return true;
}

static void enqueue(struct snmp *snmp, uint64_t receivers, const struct notification *notification)
{
    if (!receivers)
        return;
    if (snmp->queue_count == snmp->queue_capacity && !queue_grow(snmp)) {
        if (!snmp->queue_capacity) {
            snmp->dropped++;
            return;
        }
        queue_at(snmp, 0)->receivers = 0; /* the oldest; receivers learn it from the alarm table */
        snmp->dropped++;
        forget_delivered(snmp);
    }
    *queue_at(snmp, snmp->queue_count++) = (struct waiting){receivers, *notification};
    pump_notify(snmp);
}

/* ---- the decider's handle ---- */

static void child_init(struct snmp *snmp, struct child *child, const char *verb, bool wanted)
{
    *child = (struct child){.owner = snmp, .verb = verb, .wanted = wanted, .channel = -1};
    snprintf(child->text, sizeof child->text, "the %s process is starting", verb);
    uv_timer_init(snmp->loop, &child->timer);
    child->timer.data = child;
    if (wanted)
        uv_timer_start(&child->timer, child_start, 0, 0);
}

struct snmp *snmp_children_open(uv_loop_t *loop, const char *program, const struct config *config, const char *config_path,
                                uint32_t engine_boots, snmp_changed *changed, snmp_acked *acked, void *context)
{
    struct snmp *snmp = calloc(1, sizeof *snmp);
    const struct conf_receiver *receivers = config->snmp->receivers.entries;
    size_t count = config->snmp->receivers.count < RECEIVERS_MAX ? config->snmp->receivers.count : RECEIVERS_MAX;
    if (!snmp)
        return NULL;
    snmp->loop = loop;
    snmp->snapshot = -1;
    snmp->boots = engine_boots;
    snmp->changed = changed;
    snmp->on_acked = acked;
    snmp->context = context;
    snmp->program = strdup(program);
    snmp->config_path = strdup(config_path);
    snmp->receiver_count = count;
    snmp->receivers = calloc(count + 1, sizeof *snmp->receivers);
    snmp->acked = calloc(count + 1, sizeof *snmp->acked);
    if (!snmp->program || !snmp->config_path || !snmp->receivers || !snmp->acked)
        abort();
    for (size_t i = 0; i < count; i++)
        snprintf(snmp->receivers[i], NAME_BYTES, "%s", receivers[i].entry.name);
    snmp->embedded = config->snmp->agentx == NULL;
    uv_timer_init(loop, &snmp->watch);
    snmp->watch.data = snmp;
    uv_timer_start(&snmp->watch, watch_children, WATCH_MS, WATCH_MS);
    child_init(snmp, &snmp->agent, "snmp-agent", config->snmp->agentx || config->snmp->listen);
    child_init(snmp, &snmp->notify, "snmp-notify", count > 0);
    snmp->timers = 3;
    return snmp;
}

void snmp_publish(struct snmp *snmp, int descriptor)
{
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return;
    if (snmp->snapshot >= 0)
        close(snmp->snapshot);
    snmp->snapshot = copy;
    snmp->snapshot_new = true;
    pump_agent(snmp);
}

void snmp_notify(struct snmp *snmp, const struct notification *notification)
{
    enqueue(snmp, everybody(snmp), notification);
}

void snmp_notify_to(struct snmp *snmp, const char *receiver, const struct notification *notification)
{
    for (size_t i = 0; i < snmp->receiver_count; i++)
        if (strcmp(snmp->receivers[i], receiver) == 0)
            enqueue(snmp, (uint64_t)1 << i, notification);
}

const struct snmp_status *snmp_status(const struct snmp *snmp)
{
    return &snmp->status;
}

static void timer_closed(uv_handle_t *handle)
{
    struct snmp *snmp = handle->data;
    snmp->timers--;
    release(snmp);
}

void snmp_children_close(struct snmp *snmp)
{
    struct child *children[] = {&snmp->agent, &snmp->notify};
    uv_timer_t *timers[] = {&snmp->watch, &snmp->agent.timer, &snmp->notify.timer};
    if (!snmp)
        return;
    snmp->closing = true;
    for (size_t i = 0; i < 2; i++)
        child_hang_up(children[i]); /* they end when their channel does; the notifier delivers what it has for a moment longer */
    for (size_t i = 0; i < 2; i++)
        if (children[i]->alive) {
            uv_close((uv_handle_t *)&children[i]->process, handle_closed);
            children[i]->alive = false;
        }
    for (size_t i = 0; i < 3; i++) {
        timers[i]->data = snmp;
        uv_close((uv_handle_t *)timers[i], timer_closed);
    }
}
