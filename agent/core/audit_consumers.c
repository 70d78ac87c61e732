/* What servers themselves show: whether a mailbox may be read twice at a time, and rule 33, who polls. */
#include <string.h>

#include "audit_parts.h"
#include "parts.h"

/* ---- POP3 ---- */

/* YES: the server lets two sessions into one mailbox. */
static enum verdict server_permits(const struct model *model, uint16_t server, msec_t now)
{
    enum verdict verdict = UNKNOWN;
    for (uint32_t i = model_first(model, subject_of(SUBJECT_SERVER, server)); i; i = model->slots[i].next) {
        const struct slot *slot = &model->slots[i];
        if (slot->last.aspect != ASPECT_LOCKS || !model_fresh(model, slot, now))
            continue;
        if (slot->last.verdict == NO)
            return YES;
        if (slot->last.verdict == YES)
            verdict = NO;
    }
    return verdict;
}

enum verdict audit_pop3_permits(const struct audit_input *input, uint16_t cluster, const char *host, uint16_t *reason)
{
    const struct policy *policy = input->policy;
    const struct policy_windows *windows = policy->clusters[cluster].windows;
    unsigned asked = 0, locks = 0;
    *reason = REASON_OK;
    if (windows && windows->pop3_permits != UNKNOWN)
        return windows->pop3_permits;
    for (uint16_t i = 0; input->model && i < policy->handler_count; i++) {
        const struct policy_handler *handler = &policy->handlers[i];
        if (policy->groups[handler->group].cluster != cluster || policy->servers[handler->server].type != SERVER_POP3 ||
            !names_equal(handler->host, host))
            continue;
        enum verdict permits = server_permits(input->model, handler->server, input->now);
        if (permits == YES)
            return YES;
        asked++;
        locks += permits == NO;
    }
    if (asked && locks == asked)
        return NO;
    *reason = asked ? REASON_NOT_SEEN : REASON_NO_SOURCE;
    return UNKNOWN;
}

/* ---- 33 ---- */

static void nodes_named(const struct audit_view *view, nodes_t nodes, char names[AUDIT_NAMES])
{
    names[0] = '\0';
    for (unsigned node = 0; node < NODES_MAX; node++)
        if (nodes & node_bit((uint8_t)node))
            audit_name_add(names, audit_node_name(view, (uint8_t)node));
}

static void judge_consumer(struct audit_view *view, uint16_t position)
{
    const struct policy_handler *handler = &view->input->policy->handlers[position];
    const struct handler_state_row *row = &view->input->model->handlers[position];
    const struct audit_about about = {AUDIT_HANDLER, handler->name, "", false};
    const char *server = view->input->policy->servers[handler->server].name;
    uint16_t why = row->data_reason == REASON_NONE || row->data_reason == REASON_OK ? REASON_NOT_SEEN : row->data_reason;
    char names[AUDIT_NAMES];
    nodes_named(view, row->many, names);
    if (handler->singleton == SINGLETON_NO)
        audit_yes(view, &about, "declared as one that may be polled by several");
    else if (row->state == HANDLER_DUPLICATE_CONFIRMED && row->data != DATA_UNKNOWN)
        audit_no(view, &about, "account %s on server %s is polled by %s: %s", handler->account, server, *names ? names : "several nodes",
                 reason_text(row->reason));
    else if (row->data == DATA_MANY)
        audit_no(view, &about, "account %s on server %s is polled by %s", handler->account, server, *names ? names : "several nodes");
    else if (row->data == DATA_UNKNOWN)
        audit_unknown(view, &about, why, "who polls %s on server %s is not known: %s", handler->account, server, reason_text(why));
    else
        audit_yes(view, &about, "account %s on server %s: %s", handler->account, server,
                  row->data == DATA_ONE ? "one node polls" : "nobody polls now");
}

static bool is_handled(const struct audit_view *view, const struct found_location *location)
{
    const struct policy *policy = view->input->policy;
    for (uint16_t i = 0; i < policy->handler_count; i++) {
        const struct policy_handler *handler = &policy->handlers[i];
        if (policy->groups[handler->group].cluster == view->cluster &&
            (*handler->location ? strcmp(handler->location, location->name) == 0 : names_equal(handler->host, location->host)))
            return true;
    }
    return false;
}

void audit_single_consumer(struct audit_view *view)
{
    const struct policy *policy = view->input->policy;
    const struct found_location *location;
    for (uint16_t i = 0; view->input->model && i < policy->handler_count; i++)
        if (policy->groups[policy->handlers[i].group].cluster == view->cluster)
            judge_consumer(view, i);
    for (size_t at = 0; (location = audit_next(view, FOUND_LOCATION, &at, NULL));) {
        enum adapter adapter = audit_adapter(view->windows, location->adapter);
        if (location->disabled != NO || adapter == ADAPTERS || adapter == ADAPTER_MSMQ || is_handled(view, location))
            continue;
        audit_unknown(view, &(struct audit_about){AUDIT_LOCATION, location->name, "", false}, REASON_NO_SOURCE,
                      "no handler is configured for it, so no server's log shows who polls: solowarden discover");
    }
}
