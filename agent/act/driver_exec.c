/* The exec driver: a program of the site's moves or stops. The order goes in as JSON on stdin, the exit status says what became of it.
 * Pure: builds the request and judges the reply; knows nothing of processes. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "agent/core/engine.h"
#include "driver.h"

enum { SCHEMA = 1, EXIT_NOTHING_DONE = 75, EXIT_UNFENCED = 77 };

const char *order_verb(uint8_t verb)
{
    return verb == ACT_MOVE ? "move" : verb == ACT_STOP ? "stop" : NULL;
}

static json_t *node_name(const struct policy *policy, const struct policy_cluster *cluster, uint8_t node)
{
    return node < cluster->node_count ? json_string(policy->nodes[cluster->first_node + node].name) : NULL;
}

/* Returns the size, 0 when it does not fit. A stop names only the node whose copy is to end, as `from`. */
static size_t write_order(const struct order *order, const struct policy *policy, char *bytes, size_t size)
{
    const struct policy_group *group = &policy->groups[order->group];
    const struct policy_cluster *cluster = &policy->clusters[group->cluster];
    char plan[20], deadline[40];
    time_t seconds = (time_t)(order->deadline / 1000);
    struct tm parts;
    snprintf(plan, sizeof plan, "%llx", (unsigned long long)order->plan);
    if (!gmtime_r(&seconds, &parts) || strftime(deadline, sizeof deadline, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return 0;
    json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o*, s:o*, s:s}", "schema", SCHEMA, "plan", plan, "verb", order_verb(order->verb),
                             "cluster", cluster->name, "group", group->name, "from", node_name(policy, cluster, order->from), "to",
                             order->verb == ACT_MOVE ? node_name(policy, cluster, order->to) : NULL, "deadline", deadline);
    size_t written = json ? json_dumpb(json, bytes, size - 1, JSON_COMPACT) : 0;
    json_decref(json);
    if (written == 0 || written > size - 1)
        return 0;
    bytes[written] = '\n';
    return written + 1;
}

static void conclude(struct order_result *result, uint8_t verdict, uint16_t reason)
{
    result->verdict = verdict;
    result->reason = reason;
}

/* The program's last words: stderr comes behind stdout in the reply. */
static void keep_last_line(const struct reply *in, struct order_result *result)
{
    size_t end = in->size;
    while (end > 0 && (in->data[end - 1] == '\n' || in->data[end - 1] == '\r' || in->data[end - 1] == ' '))
        end--;
    size_t begin = end;
    while (begin > 0 && in->data[begin - 1] != '\n')
        begin--;
    size_t size = end - begin < sizeof result->text - 1 ? end - begin : sizeof result->text - 1;
    for (size_t i = 0; i < size; i++) {
        char byte = in->data[begin + i];
        result->text[i] = byte >= ' ' && byte <= '~' ? byte : '?';
    }
    result->text[size] = '\0';
}

static void judge(const struct reply *in, struct order_result *result)
{
    result->exit_status = in->exit_status;
    keep_last_line(in, result);
    if (in->reason == REASON_START_FAILED || in->reason == REASON_NO_RESOURCES)
        conclude(result, NO, in->reason);
    else if (in->reason == REASON_PROGRAM_TIMEOUT)
        conclude(result, UNKNOWN, REASON_PROGRAM_TIMEOUT);
    else if (in->reason != REASON_OK && in->reason != REASON_OUTPUT_TOO_LARGE)
        conclude(result, UNKNOWN, REASON_RESULT_UNKNOWN);
    else if (in->exit_status == 0)
        conclude(result, YES, REASON_DONE);
    else if (in->exit_status == EXIT_NOTHING_DONE)
        conclude(result, NO, REASON_NOTHING_DONE);
    else if (in->exit_status == EXIT_UNFENCED)
        conclude(result, NO, REASON_UNFENCED);
    else
        conclude(result, UNKNOWN, REASON_RESULT_UNKNOWN);
}

static enum step exec_step(const struct order *order, const struct driver_context *context, void *state, const struct reply *in,
                           struct driver_request *driver_request, struct order_result *result)
{
    (void)state;
    if (in) {
        judge(in, result);
        return STEP_DONE;
    }
    const struct group_conf *conf = &context->compiled->groups[order->group];
    struct request *out = &driver_request->request;
    *out = (struct request){.kind = REQUEST_RUN, .arguments = order->verb == ACT_MOVE ? conf->move : conf->stop};
    *result = (struct order_result){.plan = order->plan, .group = order->group};
    if (!out->arguments || !out->arguments[0]) {
        conclude(result, NO, REASON_NO_PROGRAM);
        return STEP_DONE;
    }
    out->size = write_order(order, &context->compiled->policy, out->bytes, sizeof out->bytes);
    if (out->size > 0)
        return STEP_MORE;
    conclude(result, NO, REASON_START_FAILED);
    snprintf(result->text, sizeof result->text, "the order's names are too long to be handed over");
    return STEP_DONE;
}

const struct driver_type driver_exec = {.name = "exec", .step = exec_step};
