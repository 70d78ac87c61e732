/* What a request gets for an answer: the operations of WS-Management on the world's classes. */
#include <stdio.h>
#include <string.h>

#include "soap_reply.h"
#include "wql.h"

struct exchange {
    const struct soap_caller *caller;
    const struct soap_request *request;
    struct wire_fault wire;
    struct text *reply;
};

static unsigned fault(const struct exchange *exchange, enum soap_fault kind, const char *text)
{
    return soap_fault(exchange->caller, exchange->request, kind, text, exchange->reply);
}

/* The namespace and the class after SOAP_WMI_URI. */
static bool split_resource(const char *resource, char *wmi_namespace, size_t size, const char **class_name)
{
    size_t prefix = strlen(SOAP_WMI_URI);
    const char *slash = strrchr(resource, '/');
    if (strncasecmp(resource, SOAP_WMI_URI, prefix) != 0 || slash < resource + prefix)
        return false;
    *class_name = slash + 1;
    return (size_t)snprintf(wmi_namespace, size, "%.*s", (int)(slash - resource - (ptrdiff_t)prefix), resource + prefix) < size;
}

/* NULL: a fault was written */
static const struct class *find_class(const struct exchange *exchange, const char *asked, unsigned *status)
{
    char wmi_namespace[128], said[200];
    const char *name;
    bool known = false;
    if (!split_resource(exchange->request->resource, wmi_namespace, sizeof wmi_namespace, &name)) {
        *status = fault(exchange, SOAP_BAD_RESOURCE, NULL);
        return NULL;
    }
    if (asked && strcmp(name, "*") != 0 && strcasecmp(name, asked) != 0) {
        *status = fault(exchange, SOAP_BAD_FILTER, "the query asks for another class than the resource URI");
        return NULL;
    }
    name = asked ? asked : name;
    const char *missing = exchange->wire.missing_class;
    for (size_t i = 0; classes[i]; i++) {
        if (strcasecmp(classes[i]->wmi_namespace, wmi_namespace) != 0)
            continue;
        known = true;
        if (!strcasecmp(classes[i]->name, name) && (!missing || strcasecmp(missing, name) != 0))
            return classes[i];
    }
    snprintf(said, sizeof said, "the class %.60s does not exist in the %.60s namespace", name, wmi_namespace);
    *status = fault(exchange, known ? SOAP_BAD_FILTER : SOAP_BAD_RESOURCE, said);
    return NULL;
}

static bool is_value(const struct value *value, const char *text)
{
    char number[24];
    switch (value->type) {
    case VALUE_NULL:
        return text[0] == '\0';
    case VALUE_NUMBER:
        snprintf(number, sizeof number, "%llu", (unsigned long long)value->number);
        return !strcmp(number, text);
    case VALUE_BOOLEAN:
        return !strcasecmp(text, value->number ? "true" : "false");
    default:
        return !strcasecmp(value->text, text);
    }
}

static const struct soap_selector *selector_of(const struct soap_request *request, const char *name)
{
    for (size_t i = 0; i < request->selector_count; i++)
        if (!strcasecmp(request->selectors[i].name, name))
            return &request->selectors[i];
    return NULL;
}

static bool is_selected(const struct exchange *exchange, const struct class *class, size_t position)
{
    for (size_t i = 0; i < class->property_count; i++) {
        struct value value = {0};
        if (!class->properties[i].is_key)
            continue;
        class->value(exchange->caller->world, exchange->caller->node, position, i, &value);
        if (!is_value(&value, selector_of(exchange->request, class->properties[i].name)->value))
            return false;
    }
    return true;
}

/* The one instance that the selectors name; they must be exactly the keys. */
static bool find_instance(const struct exchange *exchange, const struct class *class, size_t *position)
{
    size_t keys = 0;
    for (size_t i = 0; i < class->property_count; i++)
        if (class->properties[i].is_key) {
            if (!selector_of(exchange->request, class->properties[i].name))
                return false;
            keys++;
        }
    if (keys != exchange->request->selector_count)
        return false;
    size_t count = class->count(exchange->caller->world, exchange->caller->node);
    for (*position = 0; *position < count; ++*position)
        if (is_selected(exchange, class, *position))
            return true;
    return false;
}

static unsigned identify(const struct exchange *exchange)
{
    text_format(exchange->reply,
                "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"%s\"><s:Header/><s:Body><wsmid:IdentifyResponse xmlns:wsmid=\"%s\">"
                "<wsmid:ProtocolVersion>%s</wsmid:ProtocolVersion>"
                "<wsmid:ProductVendor>solowarden winlab, a simulation of Windows</wsmid:ProductVendor>"
                "<wsmid:ProductVersion>OS: %s SP: 0.0 Stack: 3.0</wsmid:ProductVersion></wsmid:IdentifyResponse>",
                SOAP_ENVELOPE_URI, SOAP_IDENTITY_URI, SOAP_WSMAN_URI, exchange->caller->user[0] ? "10.0.17763" : "0.0.0");
    soap_end(exchange->reply);
    return 200;
}

/* CustomCfg holds passwords: tests want to know whether anybody ever asks for it. */
static void count_secret(const struct exchange *exchange, const struct class *class, const struct wql *wql)
{
    static const char secret[] = "CustomCfg";
    bool asked = false;
    for (size_t i = 0; i < class->property_count; i++) {
        if (strcmp(class->properties[i].name, secret) != 0)
            continue;
        asked |= wql->all;
        for (size_t column = 0; column < wql->column_count; column++)
            asked |= wql_names(class, i, wql->columns[column]);
    }
    if (asked)
        world_count(exchange->caller->world, exchange->caller->node, secret);
}

static unsigned get(const struct exchange *exchange)
{
    unsigned status;
    size_t position;
    const struct class *class = find_class(exchange, NULL, &status);
    if (!class)
        return status;
    if (!find_instance(exchange, class, &position))
        return fault(exchange, SOAP_BAD_SELECTORS, NULL);
    count_secret(exchange, class, &(struct wql){.all = true});
    soap_begin(exchange->reply, SOAP_TRANSFER_URI "/GetResponse", exchange->request->message_id);
    soap_instance(exchange->caller, class, position, exchange->reply);
    soap_end(exchange->reply);
    return 200;
}

/* Moves what fits from the context into the reply, which is within <Items> now; false: not even one item fits. */
static bool deliver(const struct exchange *exchange, struct soap_context *context, size_t elements)
{
    enum { CLOSING_TAGS = 256 };
    struct text *reply = exchange->reply;
    size_t envelope = exchange->request->max_envelope ? exchange->request->max_envelope : SOAP_ENVELOPE_DEFAULT;
    size_t first = context->next;
    while (context->next < context->count && context->next - first < elements) {
        size_t begin = context->next ? context->ends[context->next - 1] : 0, length = context->ends[context->next] - begin;
        if (reply->length + length + CLOSING_TAGS > envelope)
            return context->next > first;
        text_add_bytes(reply, context->items.bytes + begin, length);
        context->next++;
    }
    return true;
}

/* All instances that the request means, rendered. NULL: a fault was written. */
static struct soap_context *collect(const struct exchange *exchange, bool *one_first, unsigned *status)
{
    const struct soap_caller *caller = exchange->caller;
    const struct soap_request *request = exchange->request;
    struct wql wql = {.all = true};
    if (request->has_filter && strcmp(request->dialect, SOAP_WQL_URI) != 0)
        return *status = fault(exchange, SOAP_DIALECT, NULL), NULL;
    if (request->has_filter && !wql_parse(request->filter, &wql))
        return *status = fault(exchange, SOAP_BAD_FILTER, wql.error), NULL;
    const struct class *class = find_class(exchange, request->has_filter ? wql.class_name : NULL, status);
    const char *unknown = class ? wql_unknown_name(&wql, class) : NULL;
    if (unknown)
        *status = fault(exchange, SOAP_BAD_FILTER, unknown);
    if (!class || unknown)
        return NULL;

    count_secret(exchange, class, &wql);
    struct soap_context *context = soap_context_new(caller->user, request->resource);
    size_t count = class->count(caller->world, caller->node);
    for (size_t i = 0; i < count; i++) {
        if (!wql_matches(&wql, class, caller->world, caller->node, i))
            continue;
        if (wql.all)
            soap_instance(caller, class, i, &context->items);
        else
            soap_fragment(caller, class, i, &wql, &context->items);
        soap_context_add(context);
    }
    *one_first = !strncasecmp(class->name, "Win32_Perf", strlen("Win32_Perf"));
    return context;
}

static size_t elements_of(const struct soap_request *request)
{
    return request->max_elements == 0 ? 1 : request->max_elements > SOAP_ELEMENTS_MAX ? SOAP_ELEMENTS_MAX : request->max_elements;
}

static void open_response(const struct exchange *exchange, const char *response, const char *context_id)
{
    text_format(exchange->reply, "<n:%s><n:EnumerationContext>%s</n:EnumerationContext>", response, context_id);
}

static unsigned enumerate(const struct exchange *exchange)
{
    const struct soap_caller *caller = exchange->caller;
    const struct soap_request *request = exchange->request;
    struct text *reply = exchange->reply;
    unsigned status = 500;
    bool one_first = false;
    if (request->mode[0] && strcmp(request->mode, "EnumerateObject") != 0)
        return fault(exchange, SOAP_MODE, NULL);
    struct soap_context *context = collect(exchange, &one_first, &status);
    if (!context)
        return status;
    enum soap_fault failed = context->items.too_long ? SOAP_OPERATIONS_QUOTA : SOAP_GOOD;
    /* recorded Windows gives some classes' first item alone, however many it was asked for */
    size_t elements = one_first ? 1 : elements_of(request);
    bool at_once = request->optimised && context->count <= elements;
    soap_begin(reply, SOAP_ENUMERATION_URI "/EnumerateResponse", request->message_id);
    for (;;) { /* a second time when all was to come at once and does not fit */
        size_t body = reply->length;
        open_response(exchange, "EnumerateResponse", at_once ? "" : context->id);
        if (!failed && request->optimised) {
            text_add(reply, "<w:Items>");
            if (!deliver(exchange, context, elements))
                failed = SOAP_ITEM_TOO_LARGE;
            text_add(reply, "</w:Items>");
        }
        if (!at_once || failed || context->next == context->count)
            break;
        at_once = false;
        context->next = 0;
        reply->length = body;
    }
    text_add(reply, at_once ? "<w:EndOfSequence/></n:EnumerateResponse>" : "</n:EnumerateResponse>");
    soap_end(reply);
    if (!failed && !at_once && !soap_context_keep(caller->contexts, context, caller->now_ms))
        failed = SOAP_OPERATIONS_QUOTA;
    if (failed || at_once)
        soap_context_free(context);
    return failed ? fault(exchange, failed, NULL) : 200;
}

static unsigned pull(const struct exchange *exchange)
{
    const struct soap_caller *caller = exchange->caller;
    const struct soap_request *request = exchange->request;
    struct text *reply = exchange->reply;
    struct soap_context *context = soap_context_find(caller->contexts, request->context, caller->user, request->resource);
    if (!context)
        return fault(exchange, SOAP_BAD_CONTEXT, NULL);
    context->used_ms = caller->now_ms;
    soap_begin(reply, SOAP_ENUMERATION_URI "/PullResponse", request->message_id);
    open_response(exchange, "PullResponse", context->id);
    text_add(reply, "<n:Items>");
    if (!deliver(exchange, context, elements_of(request))) {
        soap_context_end(caller->contexts, context);
        return fault(exchange, SOAP_ITEM_TOO_LARGE, NULL);
    }
    text_add(reply, "</n:Items>");
    if (context->next == context->count) {
        text_add(reply, "<n:EndOfSequence/>");
        soap_context_end(caller->contexts, context);
    }
    text_add(reply, "</n:PullResponse>");
    soap_end(reply);
    return 200;
}

static unsigned release(const struct exchange *exchange)
{
    const struct soap_caller *caller = exchange->caller;
    const struct soap_request *request = exchange->request;
    struct soap_context *context = soap_context_find(caller->contexts, request->context, caller->user, request->resource);
    if (!context)
        return fault(exchange, SOAP_BAD_CONTEXT, NULL);
    soap_context_end(caller->contexts, context);
    soap_begin(exchange->reply, SOAP_ENUMERATION_URI "/ReleaseResponse", request->message_id);
    soap_end(exchange->reply);
    return 200;
}

static void write_output(const struct exchange *exchange, const struct class *class, const char *method, const struct invoke_result *result)
{
    struct text *reply = exchange->reply;
    char action[2 * SOAP_URI_MAX];
    snprintf(action, sizeof action, "%sResponse", exchange->request->action);
    soap_begin(reply, action, exchange->request->message_id);
    text_format(reply, "<p:%s_OUTPUT xmlns:xsi=\"%s\" xmlns:p=\"%s%s/%s\" xmlns:cim=\"%s\" xsi:type=\"p:%s_OUTPUT_Type\">", method,
                SOAP_XSI_URI, SOAP_WMI_URI, class->wmi_namespace, class->name, SOAP_CIM_URI, method);
    for (size_t i = 0; i < result->count; i++)
        soap_value("p:", result->out[i].name, &result->out[i].value, reply);
    if (!result->is_void)
        text_format(reply, "<p:ReturnValue>%llu</p:ReturnValue>", (unsigned long long)result->returned);
    text_format(reply, "</p:%s_OUTPUT>", method);
    soap_end(reply);
}

/* What only reads may be called by everybody who may read. */
static bool only_reads(const char *method)
{
    static const char *const readers[] = {"Get", "Check", "Will", "Interrogate"};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (!strncmp(method, readers[i], strlen(readers[i])))
            return true;
    return false;
}

static unsigned invoke_outcome(const struct exchange *exchange, const struct class *class, const char *method, size_t position)
{
    const struct soap_request *request = exchange->request;
    struct parameter parameters[SOAP_PARAMETERS_MAX];
    struct invoke_result result = {0};
    for (size_t i = 0; i < request->parameter_count; i++)
        parameters[i] =
            (struct parameter){request->parameters[i].name, request->parameter_is_null[i] ? NULL : request->parameters[i].value};
    switch (
        class->invoke(exchange->caller->world, exchange->caller->node, position, method, parameters, request->parameter_count, &result)) {
    case INVOKE_DONE:
        write_output(exchange, class, method, &result);
        if (exchange->caller->takes_ms)
            *exchange->caller->takes_ms = result.takes_ms;
        return 200;
    case INVOKE_NO_SUCH_METHOD:
        return fault(exchange, SOAP_ACTION_NOT_SUPPORTED, method);
    case INVOKE_NO_SUCH_OBJECT:
        return fault(exchange, SOAP_BAD_SELECTORS, result.text);
    case INVOKE_BAD_PARAMETER:
        return fault(exchange, SOAP_BAD_PARAMETER, result.text);
    default:
        return fault(exchange, SOAP_PROVIDER_REFUSED, result.text);
    }
}

static unsigned invoke(const struct exchange *exchange, const char *method)
{
    const struct soap_request *request = exchange->request;
    unsigned status;
    size_t position;
    char input[SOAP_URI_MAX];
    const struct class *class = find_class(exchange, NULL, &status);
    if (!class)
        return status;
    if (exchange->caller->role != ROLE_ACT && !only_reads(method))
        return fault(exchange, SOAP_ACCESS_DENIED, NULL);
    if (!class->invoke)
        return fault(exchange, SOAP_ACTION_NOT_SUPPORTED, method);
    snprintf(input, sizeof input, "%s_INPUT", method);
    if (strcmp(request->body, input) != 0 || strcasecmp(request->body_namespace, request->resource) != 0)
        return fault(exchange, SOAP_BAD_BODY, "the body is not the method's _INPUT in the class's namespace");
    if (!find_instance(exchange, class, &position))
        return fault(exchange, SOAP_BAD_SELECTORS, NULL);
    return invoke_outcome(exchange, class, method, position);
}

/* the method's name when the action is one of the resource's own; else NULL */
static const char *method_of(const struct soap_request *request)
{
    size_t length = strlen(request->resource);
    bool own = length && !strncasecmp(request->action, request->resource, length) && request->action[length] == '/';
    const char *method = request->action + length + 1;
    return own && *method && !strchr(method, '/') ? method : NULL;
}

static const struct {
    const char *action, *body, *counted;
    unsigned (*answer)(const struct exchange *exchange);
} operations[] = {{SOAP_ENUMERATION_URI "/Enumerate", "Enumerate", "Enumerate", enumerate},
                  {SOAP_ENUMERATION_URI "/Pull", "Pull", "Pull", pull},
                  {SOAP_ENUMERATION_URI "/Release", "Release", "Release", release},
                  {SOAP_TRANSFER_URI "/Get", "", "Get", get}};
enum { OPERATIONS = sizeof operations / sizeof *operations };

static unsigned operate(const struct exchange *exchange)
{
    const struct soap_request *request = exchange->request;
    const char *method = method_of(request);
    for (size_t i = 0; i < OPERATIONS; i++)
        if (!strcmp(request->action, operations[i].action)) {
            bool foreign = operations[i].body[0] && strcmp(request->body_namespace, SOAP_ENUMERATION_URI) != 0;
            if (strcmp(request->body, operations[i].body) != 0 || foreign)
                return fault(exchange, SOAP_BAD_BODY, "the body is not the action's");
            return operations[i].answer(exchange);
        }
    return method ? invoke(exchange, method) : fault(exchange, SOAP_ACTION_NOT_SUPPORTED, request->action);
}

static void count(const struct soap_caller *caller, const struct soap_request *request)
{
    const char *method = method_of(request);
    char what[64 + 8] = "Other";
    if (request->identify)
        snprintf(what, sizeof what, "Identify");
    else if (method)
        snprintf(what, sizeof what, "Invoke/%.63s", method);
    for (size_t i = 0; i < OPERATIONS; i++)
        if (!strcmp(request->action, operations[i].action))
            snprintf(what, sizeof what, "%s", operations[i].counted);
    world_count(caller->world, caller->node, what);
}

unsigned soap_answer(const struct soap_caller *caller, const char *bytes, size_t length, struct text *reply)
{
    struct soap_request request;
    soap_parse(bytes, length, &request);
    struct exchange exchange = {.caller = caller, .request = &request, .reply = reply};
    world_wire_fault(caller->world, caller->node, &exchange.wire);
    soap_contexts_expire(caller->contexts, caller->now_ms);
    count(caller, &request);
    if (request.fault)
        return fault(&exchange, request.fault, request.flaw);
    if (request.identify)
        return identify(&exchange);
    if (!caller->user[0] || caller->role == ROLE_NONE || exchange.wire.denied)
        return fault(&exchange, SOAP_ACCESS_DENIED, NULL);
    if (exchange.wire.quota)
        return fault(&exchange, SOAP_OPERATIONS_QUOTA, NULL);
    return operate(&exchange);
}
