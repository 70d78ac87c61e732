/* A stage for conversations of WMI queries: scripted replies in, a log of what was asked, found and seen out. */
#ifndef SOLOWARDEN_TESTS_WMI_STAGE_H
#define SOLOWARDEN_TESTS_WMI_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "probes/wmi.h"
#include "wsman_reading.h"

/* ---- a probe of two lists ---- */

static const struct wmi_property node_properties[] = {{"Name", WMI_NAME, WMI_FIELD(found_node, name), NULL},
                                                      {"State", WMI_INTEGER, WMI_FIELD(found_node, state), NULL},
                                                      {0}},
                                 group_properties[] = {{"Name", WMI_NAME, WMI_FIELD(found_group, name), NULL},
                                                       {"OwnerNode", WMI_LINK, WMI_FIELD(found_group, owner), NULL},
                                                       {"State", WMI_INTEGER, WMI_FIELD(found_group, state), NULL},
                                                       {0}};

static inline void owner(struct wmi_talk *talk, const char *of, const char *name, const char *value)
{
    struct found_possible_owner row = {0};
    if (strcmp(name, "NodeNames") != 0)
        return;
    snprintf(row.resource, sizeof row.resource, "%s", of);
    snprintf(row.node, sizeof row.node, "%s", value);
    wmi_row(talk, &row);
}

#define NODES                                                                                                                              \
    {                                                                                                                                      \
        .wmi_namespace = WSMAN_CLUSTER, .wql = "SELECT Name,State FROM MSCluster_Node", .kind = FOUND_NODE, .properties = node_properties  \
    }
#define GROUPS                                                                                                                             \
    {                                                                                                                                      \
        .wmi_namespace = WSMAN_CLUSTER, .wql = "SELECT * FROM MSCluster_ResourceGroup", .kind = FOUND_GROUP,                               \
        .properties = group_properties                                                                                                     \
    }
#define OWNERS                                                                                                                             \
    {                                                                                                                                      \
        .wmi_namespace = WSMAN_CLUSTER, .class_name = "MSCluster_Resource", .method = "GetPossibleOwners", .kind = FOUND_POSSIBLE_OWNER,   \
        .output = owner, .calls_max = 2                                                                                                    \
    }

/* ---- the stage ---- */

static struct stage {
    struct wmi_query queries[3];
    size_t count;
    struct wmi_talk talk;
    struct probe_context context;
    struct counted_memory memory;
    struct request out;
    struct seen seen;
    bool done;
    size_t piece;
    msec_t elapsed;
    const char *const *wanted;
    char id[48], ids[4096][48], last_context[WSMAN_CONTEXT_MAX], log[64 * 1024];
    size_t logged, requests;
} stage;

__attribute__((format(printf, 1, 2))) static inline void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(stage.log + stage.logged, sizeof stage.log - stage.logged, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < sizeof stage.log - stage.logged);
    stage.logged += (size_t)size;
}

static inline void on_found(void *context, const struct found *found)
{
    assert_ptr_equal(context, &stage);
    const char *kind = found_kind_name((uint8_t)found->kind), *of = found->of ? found->of : "";
    if (found->step == FOUND_BEGIN) {
        note("begin %s%s%s\n", kind, *of ? " of " : "", of);
    } else if (found->step == FOUND_END) {
        note("end %s %s\n", kind, reason_name(found->reason));
    } else if (found->kind == FOUND_NODE) {
        const struct found_node *node = found->row;
        note("  %s %lld\n", node->name, node->state == ABSENT ? -99 : (long long)node->state);
    } else if (found->kind == FOUND_GROUP) {
        const struct found_group *group = found->row;
        note("  %s on %s %lld\n", group->name, group->owner, (long long)group->state);
    } else {
        const struct found_possible_owner *possible = found->row;
        note("  %s on %s\n", possible->resource, possible->node);
    }
}

static inline bool on_wanted(void *context, enum found_kind kind, char name[FOUND_NAME])
{
    assert_ptr_equal(context, &stage);
    assert_int_equal(kind, FOUND_POSSIBLE_OWNER);
    if (!stage.wanted || !*stage.wanted)
        return false;
    snprintf(name, FOUND_NAME, "%s", *stage.wanted++);
    return true;
}

/* The text between two marks of the request. */
static inline const char *asked(const char *begin, const char *end, char *out, size_t size)
{
    const char *at = strstr(stage.out.body, begin), *stop = at ? strstr(at + strlen(begin), end) : NULL;
    snprintf(out, size, "%.*s", stop ? (int)(stop - at - (int)strlen(begin)) : 0, stop ? at + strlen(begin) : "");
    return out;
}

static inline void look_at_request(void)
{
    char action[200];
    if (stage.out.kind == REQUEST_NONE)
        return;
    assert_int_equal(stage.out.kind, REQUEST_POST);
    assert_string_equal(stage.out.path, "/wsman");
    assert_string_equal(stage.out.content_type, "application/soap+xml;charset=UTF-8");
    assert_int_equal(strlen(stage.out.body), stage.out.body_size);
    asked("<a:MessageID>", "<", stage.id, sizeof stage.id);
    for (size_t i = 0; i < stage.requests; i++)
        assert_string_not_equal(stage.ids[i], stage.id);
    snprintf(stage.ids[stage.requests++], sizeof stage.ids[0], "%s", stage.id);
    asked("a:Action s:mustUnderstand=\"true\">", "<", action, sizeof action);
    asked("<n:EnumerationContext>", "<", stage.last_context, sizeof stage.last_context);
    note("> %s%s%s\n", strrchr(action, '/') + 1, *stage.last_context ? " " : "", stage.last_context);
}

static inline void one_step(const struct reply *reply)
{
    assert_false(stage.done);
    memset(&stage.out, 'x', sizeof stage.out);
    memset(&stage.seen, 'x', sizeof stage.seen);
    stage.done = wmi_step(&stage.talk, stage.queries, stage.count, &stage.context, reply, &stage.out, &stage.seen) == STEP_DONE;
    if (!stage.done) {
        look_at_request();
        return;
    }
    static const char *const verdicts[] = {"unknown", "no", "yes"};
    assert_int_equal(stage.seen.count, 1);
    assert_int_equal(stage.seen.items[0].aspect, ASPECT_ENDPOINT);
    assert_int_equal(stage.seen.items[0].value, stage.elapsed);
    note("= %s %s%s%s\n", verdicts[stage.seen.items[0].verdict], reason_name(stage.seen.items[0].reason), *stage.seen.text ? ": " : "",
         stage.seen.text);
    assert_int_equal(stage.memory.blocks, 0);
}

static inline void prepare(size_t count, const struct wmi_query *queries)
{
    memset(&stage, 0, sizeof stage);
    counted_memory(&stage.memory, 1 << 20);
    memcpy(stage.queries, queries, count * sizeof *queries);
    stage.count = count;
    stage.piece = 100;
    stage.context = (struct probe_context){.host = "bts01",
                                           .node = "BTS01",
                                           .found = on_found,
                                           .wanted = on_wanted,
                                           .found_context = &stage,
                                           .memory = &stage.memory.memory,
                                           .url = "https://bts01.corp.example:5986/wsman",
                                           .nonce = {1, 2, 3},
                                           .timeout = 20000};
}

static inline void begin(size_t count, const struct wmi_query *queries)
{
    prepare(count, queries);
    one_step(NULL);
}

/* The machine answers with this inside its Body. */
static inline void answer_related(int status, const char *relates_to, const char *body)
{
    static char text[256 * 1024];
    snprintf(text, sizeof text,
             "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
             "xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" "
             "xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\"><s:Header><a:RelatesTo>%s</a:RelatesTo></s:Header>"
             "<s:Body>%s</s:Body></s:Envelope>",
             relates_to, body);
    for (size_t at = 0, size = strlen(text); at < size; at += stage.piece) {
        struct reply piece = {.data = text + at, .size = size - at < stage.piece ? size - at : stage.piece, .more = true};
        piece.reason = REASON_OK;
        one_step(&piece);
        assert_int_equal(stage.out.kind, REQUEST_NONE);
    }
    stage.elapsed += 7;
    one_step(&(struct reply){.reason = REASON_OK, .data = "", .http_status = status, .elapsed_ms = stage.elapsed});
}

static inline void answer(const char *body)
{
    char relates_to[64];
    snprintf(relates_to, sizeof relates_to, "%s", stage.id);
    answer_related(200, relates_to, body);
}

static inline void refuse_with(const char *code, const char *text)
{
    char body[1024], relates_to[64];
    snprintf(relates_to, sizeof relates_to, "%s", stage.id);
    snprintf(body, sizeof body,
             "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>general</s:Text></s:Reason><s:Detail><f:WSManFault "
             "Code=\"%s\"><f:Message>%s</f:Message></f:WSManFault></s:Detail></s:Fault>",
             code, text);
    answer_related(500, relates_to, body);
}

static inline void no_answer(uint16_t reason)
{
    stage.elapsed += 7;
    one_step(&(struct reply){.reason = reason, .data = "", .elapsed_ms = stage.elapsed});
}

static inline void told(const char *expected)
{
    assert_true(stage.done);
    assert_string_equal(stage.log, expected);
}

#define FRAGMENT(inside) "<w:XmlFragment>" inside "</w:XmlFragment>"
#define NODE(name, state) FRAGMENT("<Name>" name "</Name><State>" state "</State>")
#define ONE_SHOT(items) "<n:EnumerateResponse><n:EnumerationContext/><w:Items>" items "</w:Items><w:EndOfSequence/></n:EnumerateResponse>"
#define FIRST_PAGE(context, items)                                                                                                         \
    "<n:EnumerateResponse><n:EnumerationContext>" context "</n:EnumerationContext><w:Items>" items "</w:Items></n:EnumerateResponse>"
#define NEXT_PAGE(context, items)                                                                                                          \
    "<n:PullResponse><n:EnumerationContext>" context "</n:EnumerationContext><n:Items>" items "</n:Items></n:PullResponse>"
#define LAST_PAGE(items) "<n:PullResponse><n:Items>" items "</n:Items><n:EndOfSequence/></n:PullResponse>"

#endif
