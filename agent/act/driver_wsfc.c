/* The wsfc driver: `move` asks the cluster to move the role to the node that we chose, `stop` asks a node's own service manager to stop the
 * surplus copy there. Both read again, in the same conversation, what the decision rests on, from two nodes; whatever is not as it should
 * be means that nothing is done. Never a method of BizTalk or of a resource, never a start. Pure: requests out, replies in. Not yet run
 * against Windows: the bodies of the two methods are golden files, written by MS-WSMV 4.1.4. */
#include <stdio.h>
#include <string.h>

#include "driver_wsfc.h"
#include "probes/conversation.h"

enum {
    READ_PATIENCE_MS = 15000,
    INVOKE_PATIENCE_MS = 55000,
    OPERATION_TIMEOUT_MS = 50000,
    MOVE_TIMEOUT_S = 40 /* below the operation's, which is below the service's preset of 60 s */
};
enum phase { PHASE_FIRST, PHASE_SECOND, PHASE_INVOKE };

struct wsfc_state {
    struct wsfc_reading reading;
    struct wsfc_word first, second;
    enum phase phase;
    uint8_t node;         /* that is asked now */
    nodes_t asked;        /* for a second word, those who could not give one included */
    unsigned host, stops; /* stop: whose service is next; stops that were accepted */
    uint32_t messages;
    struct wsman_reader *reader;
    char message_id[48], body[WSMAN_REQUEST_MAX];
};

static enum step conclude(struct order_result *result, uint8_t verdict, uint16_t reason, const char *text)
{
    result->verdict = verdict;
    result->reason = reason;
    snprintf(result->text, sizeof result->text, "%s", text);
    return STEP_DONE;
}

/* ---- preflight ---- */

/* NULL: two nodes agree, and nothing speaks against it. Else the sentence, and why. */
static const char *objection_to_words(const struct order *order, const struct wsfc_state *state, uint16_t *reason)
{
    const struct wsfc_word *first = &state->first, *second = &state->second;
    bool alone = !second->group_known;
    *reason = REASON_OWNER_DISPUTED;
    if (!first->group_known)
        return "the cluster does not know the role";
    if (alone && (order->verb == ACT_STOP || !first->nodes_known || (first->members & ~node_bit(order->to))))
        return "no second node could be asked who the owner is";
    if (!alone && (first->owner != second->owner || first->state != second->state))
        return "two nodes do not agree who the owner is";
    if (first->owner == NODE_NONE)
        return "the owner is no node of the configuration";
    *reason = REASON_IN_TRANSITION;
    if (first->pending || second->pending)
        return "the role, or one of its resources, is pending now";
    *reason = REASON_PREFLIGHT_UNKNOWN;
    if (state->reading.overflowed)
        return "the role has more hosts or resources than this driver can look through";
    if (!first->resources_known)
        return "the role's resources could not be read";
    return NULL;
}

static const char *objection_to_move(const struct order *order, const struct wsfc_state *state, uint16_t *reason)
{
    const struct wsfc_word *word = &state->first;
    nodes_t target = node_bit(order->to);
    *reason = REASON_IS_OWNER;
    if (word->owner == order->to)
        return "the role is on that node already";
    *reason = REASON_NODE_DRAINING;
    if (word->nodes_known && !(word->up & target))
        return "the target is not up, or is being drained";
    *reason = REASON_PREFLIGHT_UNKNOWN;
    if (!word->nodes_known || !word->owners_known)
        return "the nodes or the possible owners could not be read";
    *reason = REASON_NOT_POSSIBLE_OWNER;
    if (word->refused & target)
        return "the target is no possible owner of every resource of the role";
    for (unsigned i = 0; i < state->reading.host_count; i++) {
        const struct wsfc_host *host = &state->reading.hosts[i];
        *reason = REASON_PREFLIGHT_UNKNOWN;
        if (!word->instances_known)
            return "the host instances could not be read";
        *reason = REASON_NO_INSTANCE;
        if (!(host->installed & target))
            return "a host of the role has no instance on the target";
        *reason = REASON_INSTANCE_DISABLED;
        if (!(host->startable & target))
            return "a host of the role is disabled or not properly installed on the target";
    }
    return NULL;
}

static const char *objection_to_stop(const struct order *order, const struct wsfc_state *state, uint16_t *reason)
{
    const struct wsfc_word *word = &state->first;
    *reason = REASON_IS_OWNER;
    if (word->owner == order->from)
        return "that node is the owner now: its copy is not a surplus one";
    *reason = REASON_OWNER_NOT_POLLING;
    if (word->state != GROUP_ONLINE && word->state != GROUP_PARTIAL)
        return "the role is not online on its owner";
    *reason = REASON_PREFLIGHT_UNKNOWN;
    if (!word->hosts_known && state->reading.host_count == 0)
        return "it is not known which hosts belong to the role";
    if (!word->services_known)
        return "the services of that node could not be read";
    return NULL;
}

/* ---- acting ---- */

static void post(struct wsfc_state *state, size_t size, struct driver_request *out)
{
    request_begin(&out->request, REQUEST_POST, EXPECT_NOTHING);
    out->request.path = "/wsman";
    out->request.content_type = "application/soap+xml;charset=UTF-8";
    out->request.body = state->body;
    out->request.body_size = size;
    out->request.limit = WSMAN_REPLY_MAX;
    out->node = state->node;
    out->patience = INVOKE_PATIENCE_MS;
}

static struct wsman_header header_for(const struct order *order, struct wsfc_state *state, const struct driver_context *context,
                                      const char *wmi_namespace, const char *class_name)
{
    wsman_message_id(context->nonce, 0x80000000U + ++state->messages, state->message_id);
    return (struct wsman_header){.to = context->compiled->groups[order->group].act[state->node]->url,
                                 .wmi_namespace = wmi_namespace,
                                 .class_name = class_name,
                                 .message_id = state->message_id,
                                 .operation_timeout_ms = OPERATION_TIMEOUT_MS};
}

static size_t write_move(const struct order *order, struct wsfc_state *state, const struct driver_context *context)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", MOVE_TIMEOUT_S);
    const struct wsman_header header = header_for(order, state, context, WSMAN_CLUSTER, "MSCluster_ResourceGroup");
    const struct wsman_pair role = {"Name", context->compiled->policy.groups[order->group].role};
    const struct wsman_pair parameters[] = {{"NodeName", wsfc_computer(order, context->compiled, order->to)}, {"TimeOut", seconds}};
    return wsman_invoke(state->body, sizeof state->body, &header, "MoveToNewNode", &role, 1, parameters, 2);
}

static size_t write_stop(const struct order *order, struct wsfc_state *state, const struct driver_context *context)
{
    char service[FOUND_NAME];
    snprintf(service, sizeof service, "BTSSvc$%s", state->reading.hosts[state->host].name);
    const struct wsman_header header = header_for(order, state, context, WSMAN_CIMV2, "Win32_Service");
    const struct wsman_pair name = {"Name", service};
    return wsman_invoke(state->body, sizeof state->body, &header, "StopService", &name, 1, NULL, 0);
}

static void ignore_item(void *context, const char *class_name)
{
    (void)context;
    (void)class_name;
}

static void ignore_property(void *context, const char *path, const char *value, size_t size, bool nil)
{
    (void)context;
    (void)path;
    (void)value;
    (void)size;
    (void)nil;
}

static void ignore_end(void *context)
{
    (void)context;
}

static enum step dispatch(const struct driver_context *context, struct wsfc_state *state, size_t size, struct driver_request *out,
                          struct order_result *result)
{
    static const struct wsman_hooks nothing = {ignore_item, ignore_property, ignore_end};
    state->reader = size ? wsman_reader_open(context->memory, &nothing, NULL, state->message_id) : NULL;
    if (!state->reader)
        return conclude(result, state->stops ? UNKNOWN : NO, REASON_NO_RESOURCES, "the request could not be built");
    post(state, size, out);
    return STEP_MORE;
}

/* The next copy of the group that runs on that node, one after the other. */
static enum step stop_next(const struct order *order, struct wsfc_state *state, const struct driver_context *context,
                           struct driver_request *out, struct order_result *result)
{
    while (state->host < state->reading.host_count && !state->reading.hosts[state->host].running)
        state->host++;
    if (state->host < state->reading.host_count)
        return dispatch(context, state, write_stop(order, state, context), out, result);
    return state->stops ? conclude(result, YES, REASON_DONE, "StopService was accepted")
                        : conclude(result, NO, REASON_NOTHING_DONE, "no copy of the role runs on that node any more");
}

static enum step act(const struct order *order, struct wsfc_state *state, const struct driver_context *context, struct driver_request *out,
                     struct order_result *result)
{
    uint16_t reason;
    const char *why = objection_to_words(order, state, &reason);
    if (!why)
        why = order->verb == ACT_MOVE ? objection_to_move(order, state, &reason) : objection_to_stop(order, state, &reason);
    if (why)
        return conclude(result, NO, reason, why);
    state->phase = PHASE_INVOKE;
    state->node = order->verb == ACT_MOVE ? order->to : order->from;
    if (order->verb == ACT_STOP)
        return stop_next(order, state, context, out, result);
    return dispatch(context, state, write_move(order, state, context), out, result);
}

/* A fault that came before anything was begun. Of all others nobody knows how far it went. */
static bool nothing_happened(uint16_t reason)
{
    static const uint16_t before[] = {REASON_ACCESS_DENIED,    REASON_CLASS_MISSING,       REASON_OBJECT_MISSING,  REASON_QUOTA,
                                      REASON_LOGIN_REFUSED,    REASON_CERTIFICATE_MAPPING, REASON_CONNECT_REFUSED, REASON_UNREACHABLE,
                                      REASON_CONNECT_TIMEOUT,  REASON_RESOLVE_FAILED,      REASON_TLS_FAILED,      REASON_TLS_UNTRUSTED,
                                      REASON_TLS_NAME,         REASON_TLS_EXPIRED,         REASON_TOKEN_SLOW,      REASON_TOKEN_FAILED,
                                      REASON_SECRET_UNREADABLE};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (before[i] == reason)
            return true;
    return false;
}

static enum step failed(const struct wsfc_state *state, uint16_t reason, const char *text, struct order_result *result)
{
    bool nothing = nothing_happened(reason) && state->stops == 0;
    return conclude(result, nothing ? NO : UNKNOWN, nothing ? reason : REASON_RESULT_UNKNOWN, text[0] ? text : reason_text(reason));
}

static enum step judge_output(const struct order *order, struct wsfc_state *state, const struct driver_context *context,
                              const struct wsman_reply *reply, struct driver_request *out, struct order_result *result)
{
    char text[160];
    if (reply->kind != WSMAN_OUTPUT || reply->reason != REASON_OK)
        return failed(state, reply->reason == REASON_OK ? REASON_BAD_REPLY : reply->reason, reply->text, result);
    if (order->verb == ACT_MOVE) /* void: only fresh evidence will show it */
        return conclude(result, YES, REASON_DONE, "MoveToNewNode was accepted");
    if (reply->has_return && reply->returned == 0) {
        state->stops++;
        state->host++;
        return stop_next(order, state, context, out, result);
    }
    snprintf(text, sizeof text, "StopService of BTSSvc$%.80s returned %llu", state->reading.hosts[state->host].name,
             (unsigned long long)reply->returned);
    return conclude(result, reply->has_return && !state->stops ? NO : UNKNOWN,
                    reply->has_return && !state->stops ? REASON_NOTHING_DONE : REASON_RESULT_UNKNOWN, text);
}

static enum step take_output(const struct order *order, struct wsfc_state *state, const struct driver_context *context,
                             const struct reply *in, struct driver_request *out, struct order_result *result)
{
    struct wsman_reply reply;
    if (in->reason == REASON_OK && in->more) {
        wsman_reader_feed(state->reader, in->data, in->size);
        return STEP_MORE;
    }
    wsman_reader_end(state->reader, in->http_status, &reply);
    wsman_reader_close(state->reader);
    state->reader = NULL;
    if (in->reason != REASON_OK)
        return failed(state, in->reason, "", result);
    return judge_output(order, state, context, &reply, out, result);
}

/* ---- reading ---- */

/* Whoever has not been asked yet; the owner by the first word before the others. */
static uint8_t next_witness(const struct order *order, const struct wsfc_state *state, const struct compiled *compiled)
{
    const struct policy *policy = &compiled->policy;
    uint8_t count = policy->clusters[policy->groups[order->group].cluster].node_count;
    if (state->first.owner < count && !(state->asked & node_bit(state->first.owner)))
        return state->first.owner;
    for (uint8_t i = 0; i < count; i++)
        if (!(state->asked & node_bit(i)))
            return i;
    return NODE_NONE;
}

static enum step read_on(const struct order *order, struct wsfc_state *state, const struct driver_context *context, const struct reply *in,
                         struct driver_request *out)
{
    enum wsfc_scope scope = state->phase == PHASE_SECOND ? WSFC_GROUP_ONLY : order->verb == ACT_MOVE ? WSFC_FOR_MOVE : WSFC_FOR_STOP;
    out->node = state->node;
    out->patience = READ_PATIENCE_MS;
    return wsfc_read(&state->reading, scope, context, state->node, in, &out->request);
}

static enum step ask_witness(const struct order *order, struct wsfc_state *state, const struct driver_context *context,
                             struct driver_request *out, struct order_result *result)
{
    state->node = next_witness(order, state, context->compiled);
    if (state->node == NODE_NONE)
        return act(order, state, context, out, result);
    state->phase = PHASE_SECOND;
    state->asked |= node_bit(state->node);
    wsfc_read_begin(&state->reading, order, context);
    return read_on(order, state, context, NULL, out);
}

static enum step take_reading(const struct order *order, struct wsfc_state *state, const struct driver_context *context,
                              const struct reply *in, struct driver_request *out, struct order_result *result)
{
    if (read_on(order, state, context, in, out) == STEP_MORE)
        return STEP_MORE;
    const struct wsfc_word *word = &state->reading.word;
    if (state->phase == PHASE_FIRST) {
        state->first = *word;
        uint16_t reason = state->reading.seen.count ? state->reading.seen.items[0].reason : REASON_BAD_REPLY;
        if (!word->group_known)
            return conclude(result, NO, reason == REASON_OK ? REASON_OBJECT_MISSING : reason,
                            state->reading.seen.text[0] ? state->reading.seen.text : "the node could not tell about the role");
        return ask_witness(order, state, context, out, result);
    }
    if (!word->group_known) /* it could not tell: somebody else may */
        return ask_witness(order, state, context, out, result);
    state->second = *word;
    return act(order, state, context, out, result);
}

static enum step wsfc_step(const struct order *order, const struct driver_context *context, void *memory, const struct reply *in,
                           struct driver_request *out, struct order_result *result)
{
    struct wsfc_state *state = memory;
    if (in && state->phase == PHASE_INVOKE)
        return take_output(order, state, context, in, out, result);
    if (in)
        return take_reading(order, state, context, in, out, result);
    *result = (struct order_result){.plan = order->plan, .group = order->group};
    if (!context->compiled->groups[order->group].act)
        return conclude(result, NO, REASON_NO_PROGRAM, "the cluster has no account that may act: `act:`");
    state->node = order->verb == ACT_MOVE ? order->to : order->from;
    state->asked = node_bit(state->node);
    wsfc_read_begin(&state->reading, order, context);
    return read_on(order, state, context, NULL, out);
}

const struct driver_type driver_wsfc = {.name = "wsfc", .step = wsfc_step, .state_size = sizeof(struct wsfc_state)};
