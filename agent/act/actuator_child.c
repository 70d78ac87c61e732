/* `solowarden actuator`: takes orders from descriptor 3, checks each against its own copy of the configuration, its closed list of
 * verbs and its own budget, runs the driver, and answers. When the decider goes away, running programs may finish: their results stay in
 * the state folder, and only then does this process end. Decides nothing, retries nothing. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "actions.h"
#include "actuator.h"
#include "agent/core/engine.h"
#include "agent/run/channel.h"
#include "agent/run/channel_http.h"
#include "agent/run/loop.h"
#include "budget.h"
#include "wire.h"

enum { AT_ONCE = 64, DEADLINE_MAX_MS = 24 * 3600 * 1000, KEEP_DONE_MS = 7 * 24 * 3600 * 1000, PARSER_BYTES_MAX = 1 << 20 };

struct action {
    struct child *child;
    struct order order;
    const struct driver_type *driver; /* NULL = free */
    struct driver_context context;
    void *state; /* the driver's */
    struct exec_channel *program;
    struct http_channel *node; /* the node that is asked now */
    uint8_t node_asked;
    bool late;
    uv_timer_t timer;    /* the whole action */
    uv_timer_t patience; /* one request of it */
    int lock;            /* of its .running file */
};

struct child {
    uv_loop_t loop;
    uv_poll_t poll;
    uv_signal_t terminate;
    const char *config_path;
    struct config *config;
    struct compiled *compiled;
    struct http_pool *http; /* opened with the first order that needs it */
    int folder;             /* of the actions */
    struct action actions[AT_ONCE];
    unsigned running;
    bool leaving; /* the decider is gone, or somebody told us to end */
};

/* Unheard, it is found in the state folder. */
static void answer(const struct order_result *result)
{
    struct act_message message;
    memset(&message, 0, sizeof message);
    message.kind = ACT_RESULT;
    message.result = *result;
    if (send(ACT_DESCRIPTOR, &message, sizeof message, MSG_NOSIGNAL) < 0)
        errno = 0;
}

static void refuse(const struct order *order, uint16_t reason, const char *text)
{
    struct order_result result = {.plan = order->plan, .group = order->group, .verdict = NO, .reason = reason};
    snprintf(result.text, sizeof result.text, "%s", text);
    answer(&result);
}

static void end_if_idle(struct child *child)
{
    if (child->leaving && child->running == 0)
        uv_stop(&child->loop);
}

static void finish(struct action *action, struct order_result *result)
{
    struct child *child = action->child;
    if (actions_end(child->folder, result, action->lock) < 0)
        fprintf(stderr, "solowarden actuator: the result of plan %llx could not be kept: %s\n", (unsigned long long)result->plan,
                strerror(errno));
    uv_timer_stop(&action->timer);
    uv_timer_stop(&action->patience);
    if (action->program)
        exec_close(action->program);
    if (action->node)
        http_close(action->node);
    action->program = NULL;
    action->node = NULL;
    action->driver = NULL;
    free(action->state);
    action->state = NULL;
    child->running--;
    answer(result);
    end_if_idle(child);
}

static void replied(void *context, const struct reply *reply);

static void ask_node(struct action *action, const struct driver_request *request)
{
    struct child *child = action->child;
    if (!child->http)
        child->http = http_pool_open(&child->loop);
    if (action->node && action->node_asked != request->node) {
        http_close(action->node);
        action->node = NULL;
    }
    if (!action->node)
        action->node = http_open(child->http, child->compiled->groups[action->order.group].act[request->node], replied, action);
    action->node_asked = request->node;
    http_request(action->node, &request->request);
}

static void patience_ended(uv_timer_t *timer)
{
    const struct action *action = timer->data;
    if (action->node)
        http_expire(action->node);
}

static void carry_out(struct action *action, const struct driver_request *request)
{
    if (request->request.kind == REQUEST_NONE)
        return; /* more of the same reply is to come */
    if (request->request.kind == REQUEST_RUN) {
        action->program = exec_open(&action->child->loop, replied, action);
        exec_request(action->program, &request->request);
        return;
    }
    ask_node(action, request);
    if (request->patience > 0)
        uv_timer_start(&action->patience, patience_ended, (uint64_t)request->patience, 0);
}

static void out_of_time(struct action *action, struct order_result *result)
{
    result->verdict = UNKNOWN;
    result->reason = REASON_RESULT_UNKNOWN;
    snprintf(result->text, sizeof result->text, "the deadline came before the nodes had answered");
    finish(action, result);
}

/* Large, needed for the length of one call only. */
static struct driver_request next_request;

static void replied(void *context, const struct reply *reply)
{
    struct action *action = context;
    struct order_result result = {.plan = action->order.plan, .group = action->order.group};
    memset(&next_request, 0, sizeof next_request);
    if (!reply->more)
        uv_timer_stop(&action->patience);
    if (action->driver->step(&action->order, &action->context, action->state, reply, &next_request, &result) == STEP_DONE)
        finish(action, &result);
    else if (action->late && next_request.request.kind != REQUEST_NONE)
        out_of_time(action, &result);
    else
        carry_out(action, &next_request);
}

/* The whole action has taken too long: whoever is asked now is not waited for, and nobody is asked after that. */
static void deadline_came(uv_timer_t *timer)
{
    struct action *action = timer->data;
    action->late = true;
    if (action->program)
        exec_expire(action->program);
    if (action->node)
        http_expire(action->node);
}

static void *parser_allocate(size_t size, void *context)
{
    (void)context;
    return size <= PARSER_BYTES_MAX ? malloc(size) : NULL;
}

static void parser_release(void *block, void *context)
{
    (void)context;
    free(block);
}

static bool read_config(struct child *child)
{
    struct diagnostics diagnostics = {.out = stderr, .limit = 20};
    struct config *config = config_read(child->config_path, &diagnostics);
    if (!config)
        return false;
    if (child->http) /* its connections are known by where the configuration lies */
        http_pool_close(child->http);
    child->http = NULL;
    if (child->compiled)
        config_compiled_close(child->compiled);
    if (child->config)
        config_close(child->config);
    child->config = config;
    child->compiled = config_compile(config);
    return true;
}

/* The decider may have read a newer configuration. Ours is read again only while nothing runs that points into it. */
static bool same_config(struct child *child, const struct order *order)
{
    if (memcmp(order->digest, child->config->digest, sizeof order->digest) == 0)
        return true;
    return child->running == 0 && read_config(child) && memcmp(order->digest, child->config->digest, sizeof order->digest) == 0;
}

/* NULL = in order; otherwise why not, and *reason. */
static const char *objection(const struct child *child, const struct order *order, stamp_t now, uint16_t *reason)
{
    const struct policy *policy = &child->compiled->policy;
    *reason = REASON_NOTHING_DONE;
    if (!order_verb(order->verb))
        return "an unknown verb";
    if (order->group >= policy->group_count)
        return "there is no such group";
    const struct policy_group *group = &policy->groups[order->group];
    const struct policy_cluster *cluster = &policy->clusters[group->cluster];
    if ((order->from != NODE_NONE && order->from >= cluster->node_count) || (order->to != NODE_NONE && order->to >= cluster->node_count))
        return "there is no such node";
    if (order->verb == ACT_STOP && order->from == NODE_NONE)
        return "the order does not say which copy is to be stopped";
    if (order->verb == ACT_MOVE && (order->to == NODE_NONE || order->to == order->from || !(group->candidates & node_bit(order->to))))
        return "the order names no node that may run the group";
    if (order->deadline <= now || order->deadline > now + DEADLINE_MAX_MS)
        return "its deadline has passed, or is too far away";
    *reason = REASON_NOT_FENCED;
    if (order->verb == ACT_MOVE && cluster->type == CLUSTER_STATIC && !group->fenced)
        return "the configuration does not say `fenced: true`";
    return NULL;
}

static void full_name(const struct policy *policy, uint16_t group, char *name, size_t size)
{
    snprintf(name, size, "%s/%s", policy->clusters[policy->groups[group].cluster].name, policy->groups[group].name);
}

struct seeking {
    const char *group_name;
    int folder;
    stamp_t now;
    bool found;
};

/* An abandoned program may still run, so its group stays closed until its deadline. */
static void compare_running(void *context, const struct running *running)
{
    struct seeking *seeking = context;
    struct order_result known;
    if (strcmp(running->group_name, seeking->group_name) != 0)
        return;
    bool ended = actions_result(seeking->folder, running->plan, &known);
    seeking->found |= !ended || running->deadline > seeking->now;
}

/* Also what an earlier actuator left running. */
static bool is_busy(const struct child *child, const char *group_name, stamp_t now)
{
    struct seeking seeking = {.group_name = group_name, .folder = child->folder, .now = now};
    actions_list_running(child->folder, compare_running, &seeking);
    return seeking.found;
}

static bool afford(const struct child *child, const struct order *order, stamp_t now)
{
    const struct policy_group *group = &child->compiled->policy.groups[order->group];
    return budget_take(child->folder, child->compiled->policy.clusters[group->cluster].name, group->name, order->verb,
                       order->verb == ACT_MOVE ? &group->max_moves : &group->max_stops, now);
}

static struct action *free_action(struct child *child)
{
    for (size_t i = 0; i < AT_ONCE; i++)
        if (!child->actions[i].driver)
            return &child->actions[i];
    return NULL;
}

static const struct driver_type *driver_for(const struct child *child, const struct order *order)
{
    const struct policy *policy = &child->compiled->policy;
    return policy->clusters[policy->groups[order->group].cluster].type == CLUSTER_WSFC ? &driver_wsfc : &driver_exec;
}

/* The driver's first step, which touches nothing outside. False: it ended there, and the order is answered. */
static bool begin(struct action *action, struct driver_request *request)
{
    static const struct bounded_memory memory = {parser_allocate, parser_release, NULL};
    struct order_result result;
    action->context = (struct driver_context){.compiled = action->child->compiled, .memory = &memory};
    if (getrandom(action->context.nonce, sizeof action->context.nonce, 0) != (ssize_t)sizeof action->context.nonce)
        abort();
    memset(request, 0, sizeof *request);
    if (action->driver->step(&action->order, &action->context, action->state, NULL, request, &result) == STEP_MORE)
        return true;
    answer(&result);
    return false;
}

static void drop(struct action *action)
{
    free(action->state);
    action->state = NULL;
    action->driver = NULL;
}

static void start(struct child *child, const struct order *order, const struct running *running, stamp_t now)
{
    struct action *action = free_action(child);
    if (!action) {
        refuse(order, REASON_IN_FLIGHT, "too many actions at once");
        return;
    }
    action->order = *order;
    action->late = false;
    action->driver = driver_for(child, order);
    action->state = calloc(1, action->driver->state_size + 1);
    if (!action->state)
        abort();
    if (!begin(action, &next_request)) {
        drop(action);
        return;
    }
    if (!afford(child, order, now)) {
        refuse(order, errno ? REASON_DISK_FULL : REASON_BUDGET_SPENT, errno ? strerror(errno) : "the actuator's own budget is used up");
        drop(action);
        return;
    }
    action->lock = actions_begin(child->folder, running);
    if (action->lock < 0) {
        refuse(order, REASON_DISK_FULL, strerror(errno));
        drop(action);
        return;
    }
    child->running++;
    msec_t allowed = child->compiled->groups[order->group].action_timeout, left = order->deadline - now;
    uv_timer_start(&action->timer, deadline_came, (uint64_t)(allowed > 0 && allowed < left ? allowed : left), 0);
    carry_out(action, &next_request);
}

static void take_order(struct child *child, const struct order *order)
{
    struct order_result known;
    struct running running = {.plan = order->plan, .group = order->group, .deadline = order->deadline};
    stamp_t now = loop_wall();
    uint16_t reason;
    if (actions_result(child->folder, order->plan, &known)) { /* asked twice: done once */
        answer(&known);
        return;
    }
    if (actions_is_running(child->folder, order->plan))
        return; /* its own end will answer */
    if (!same_config(child, order)) {
        refuse(order, REASON_NOTHING_DONE, "the configuration was changed since the agent read it");
        return;
    }
    const char *why = objection(child, order, now, &reason);
    if (why) {
        refuse(order, reason, why);
        return;
    }
    full_name(&child->compiled->policy, order->group, running.group_name, sizeof running.group_name);
    if (is_busy(child, running.group_name, now))
        refuse(order, REASON_IN_FLIGHT, "an action on this group may still be running");
    else
        start(child, order, &running, now);
}

static void leave(struct child *child)
{
    uv_poll_stop(&child->poll);
    child->leaving = true;
    end_if_idle(child);
}

static void packet_came(uv_poll_t *poll, int status, int events)
{
    struct child *child = poll->data;
    struct act_message message;
    (void)events;
    ssize_t size = status < 0 ? 0 : recv(ACT_DESCRIPTOR, &message, sizeof message, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0)
        leave(child);
    else if (size == (ssize_t)sizeof message && message.kind == ACT_ORDER)
        take_order(child, &message.order);
}

static void terminate_came(uv_signal_t *signal, int number)
{
    (void)number;
    leave(signal->data);
}

/* Left by an actuator that died: nobody will ever know how it ended. The result says so at once; the .running file stays until the
 * deadline, in case the program still runs. */
static void conclude_abandoned(void *context, const struct running *running)
{
    const struct child *child = context;
    struct order_result result;
    if (!actions_is_abandoned(child->folder, running->plan))
        return;
    if (actions_result(child->folder, running->plan, &result)) {
        if (running->deadline <= loop_wall())
            actions_clear(child->folder, running->plan);
        return;
    }
    result = (struct order_result){
        .plan = running->plan, .group = running->group, .verdict = UNKNOWN, .reason = REASON_RESULT_UNKNOWN, .exit_status = -1};
    snprintf(result.text, sizeof result.text, "the actuator ended while the program was running");
    if (actions_conclude(child->folder, &result) < 0)
        fprintf(stderr, "solowarden actuator: plan %llx: %s\n", (unsigned long long)running->plan, strerror(errno));
}

static int prepare(struct child *child, const char *state_dir)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(ACT_DESCRIPTOR, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
        fputs("solowarden actuator: is started by solowarden run, not by hand\n", stderr);
        return EX_USAGE;
    }
    if (!read_config(child))
        return EX_CONFIG;
    child->folder = actions_open(state_dir);
    if (child->folder < 0) {
        fprintf(stderr, "solowarden actuator: %s/actions: %s\n", state_dir, strerror(errno));
        return EX_CANTCREAT;
    }
    actions_list_running(child->folder, conclude_abandoned, child);
    actions_forget_old(child->folder, loop_wall() - KEEP_DONE_MS);
    uv_loop_init(&child->loop);
    for (size_t i = 0; i < AT_ONCE; i++) {
        child->actions[i].child = child;
        uv_timer_init(&child->loop, &child->actions[i].timer);
        uv_timer_init(&child->loop, &child->actions[i].patience);
        child->actions[i].timer.data = child->actions[i].patience.data = &child->actions[i];
    }
    uv_poll_init(&child->loop, &child->poll, ACT_DESCRIPTOR);
    uv_signal_init(&child->loop, &child->terminate);
    child->poll.data = child->terminate.data = child;
    uv_poll_start(&child->poll, UV_READABLE, packet_came);
    uv_signal_start(&child->terminate, terminate_came, SIGTERM);
    return 0;
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static int serve(struct child *child)
{
    struct act_message ready;
    memset(&ready, 0, sizeof ready);
    ready.kind = ACT_READY;
    if (send(ACT_DESCRIPTOR, &ready, sizeof ready, MSG_NOSIGNAL) < 0)
        child->leaving = true;
    else
        uv_run(&child->loop, UV_RUN_DEFAULT);
    if (child->http)
        http_pool_close(child->http);
    uv_walk(&child->loop, close_handle, NULL);
    uv_run(&child->loop, UV_RUN_DEFAULT);
    uv_loop_close(&child->loop);
    close(child->folder);
    config_compiled_close(child->compiled);
    config_close(child->config);
    return 0;
}

int actuator_main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"state", required_argument, NULL, 's'}, {0}};
    static struct child child;
    const char *state_dir = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c')
            child.config_path = optarg;
        else if (option == 's')
            state_dir = optarg;
        else
            return EX_USAGE;
    }
    if (!child.config_path || !state_dir)
        return EX_USAGE;
    close_range(ACT_DESCRIPTOR + 1, ~0U, 0);
    secret_guard();
    umask(027);
    int status = prepare(&child, state_dir);
    return status ? status : serve(&child);
}
