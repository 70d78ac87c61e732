/* A conversation of WMI queries from scripted replies: what is asked in which order, what is found, and how it ends. */
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

static void owner(struct wmi_talk *talk, const char *of, const char *name, const char *value)
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

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(stage.log + stage.logged, sizeof stage.log - stage.logged, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < sizeof stage.log - stage.logged);
    stage.logged += (size_t)size;
}

static void on_found(void *context, const struct found *found)
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

static bool on_wanted(void *context, enum found_kind kind, char name[FOUND_NAME])
{
    assert_ptr_equal(context, &stage);
    assert_int_equal(kind, FOUND_POSSIBLE_OWNER);
    if (!stage.wanted || !*stage.wanted)
        return false;
    snprintf(name, FOUND_NAME, "%s", *stage.wanted++);
    return true;
}

/* The text between two marks of the request. */
static const char *asked(const char *begin, const char *end, char *out, size_t size)
{
    const char *at = strstr(stage.out.body, begin), *stop = at ? strstr(at + strlen(begin), end) : NULL;
    snprintf(out, size, "%.*s", stop ? (int)(stop - at - (int)strlen(begin)) : 0, stop ? at + strlen(begin) : "");
    return out;
}

static void look_at_request(void)
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

static void one_step(const struct reply *reply)
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

static void prepare(size_t count, const struct wmi_query *queries)
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

static void begin(size_t count, const struct wmi_query *queries)
{
    prepare(count, queries);
    one_step(NULL);
}

/* The machine answers with this inside its Body. */
static void answer_related(int status, const char *relates_to, const char *body)
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

static void answer(const char *body)
{
    char relates_to[64];
    snprintf(relates_to, sizeof relates_to, "%s", stage.id);
    answer_related(200, relates_to, body);
}

static void refuse_with(const char *code, const char *text)
{
    char body[1024], relates_to[64];
    snprintf(relates_to, sizeof relates_to, "%s", stage.id);
    snprintf(body, sizeof body,
             "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>general</s:Text></s:Reason><s:Detail><f:WSManFault "
             "Code=\"%s\"><f:Message>%s</f:Message></f:WSManFault></s:Detail></s:Fault>",
             code, text);
    answer_related(500, relates_to, body);
}

static void no_answer(uint16_t reason)
{
    stage.elapsed += 7;
    one_step(&(struct reply){.reason = reason, .data = "", .elapsed_ms = stage.elapsed});
}

static void told(const char *expected)
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

/* ---- in order ---- */

static void queries_follow_each_other(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    answer(ONE_SHOT(NODE("BTS01", "0") NODE("BTS02", "1")));
    answer(ONE_SHOT("<p:MSCluster_ResourceGroup xmlns:p=\"urn:p\"><p:Name>FTP</p:Name><p:ownernode>BTS02</p:ownernode><p:State>0</p:State>"
                    "</p:MSCluster_ResourceGroup>"));
    told(
        "> Enumerate\nbegin node\n  BTS01 0\n  BTS02 1\nend node ok\n> Enumerate\nbegin group\n  FTP on BTS02 0\nend group ok\n= yes ok\n");
}

static void pages_are_pulled_to_the_end_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 2000; piece = piece * 3 + 1) {
        prepare(1, (struct wmi_query[]){NODES});
        stage.piece = piece;
        one_step(NULL);
        answer(FIRST_PAGE("c1", NODE("A", "0")));
        answer(NEXT_PAGE("c2 &amp; more", NODE("B", "1")));
        answer(NEXT_PAGE("c3", ""));
        answer(LAST_PAGE(NODE("C", "2")));
        told("> Enumerate\nbegin node\n  A 0\n> Pull c1\n  B 1\n> Pull c2 &amp; more\n> Pull c3\n  C 2\nend node ok\n= yes ok\n");
    }
}

static void a_context_after_the_end_is_no_context(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer("<n:EnumerateResponse><n:EnumerationContext>c1</n:EnumerationContext><w:Items>" NODE(
        "A", "0") "</w:Items><w:EndOfSequence/></n:EnumerateResponse>");
    told("> Enumerate\nbegin node\n  A 0\nend node ok\n= yes ok\n");
}

static void an_empty_list_is_a_list(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer(ONE_SHOT(""));
    told("> Enumerate\nbegin node\nend node ok\n= yes ok\n");
}

static void what_did_not_come_is_absent(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer(ONE_SHOT(FRAGMENT("<Name>A</Name>") FRAGMENT("<Name>B</Name><State xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\" "
                                                        "x:nil=\"true\"/>") FRAGMENT("<Name>C</Name><State>running</State>")));
    told("> Enumerate\nbegin node\n  A -99\n  B -99\n  C -99\nend node ok\n= yes ok\n");
}

static void rows_without_a_name_are_left_out_and_told(void **state)
{
    (void)state;
    char body[1024], name[100] = "";
    memset(name, 'n', FOUND_NODE_NAME);
    snprintf(body, sizeof body, ONE_SHOT(NODE("%s", "0") NODE("", "1") FRAGMENT("<State>2</State>") NODE("B", "3")), name);
    begin(1, (struct wmi_query[]){NODES});
    answer(body);
    told("> Enumerate\nbegin node\n  B 3\nend node ok\n= yes ok: MSCluster_Node: 3 rows without a usable name were left out\n");
}

/* ---- faults ---- */

static void one_failing_query_does_not_end_the_others(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    refuse_with("2150858778", "The class is not there.");
    answer(ONE_SHOT(""));
    told("> Enumerate\nbegin node\nend node class-missing\n> Enumerate\nbegin group\nend group ok\n"
         "= yes class-missing: MSCluster_Node: The class is not there.\n");
}

static void a_missing_class_that_is_optional_is_no_fault(void **state)
{
    (void)state;
    struct wmi_query optional = NODES;
    optional.optional = true;
    begin(1, &optional);
    refuse_with("2150858778", "The class is not there.");
    told("> Enumerate\nbegin node\nend node class-missing\n= yes ok\n");
}

static void no_answer_to_anything_is_no(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    refuse_with("2150858793", "too slow");
    refuse_with("0x80041004", "the provider");
    told("> Enumerate\nbegin node\nend node operation-timeout\n> Enumerate\nbegin group\nend group provider-failed\n"
         "= no operation-timeout: MSCluster_Node: too slow\n");
}

static void access_denied_ends_all(void **state)
{
    (void)state;
    begin(3, (struct wmi_query[]){NODES, GROUPS, OWNERS});
    stage.wanted = (const char *const[]){"R", NULL};
    refuse_with("5", "Access is denied.");
    told("> Enumerate\nbegin node\nend node access-denied\nbegin group\nend group access-denied\n"
         "= no access-denied: MSCluster_Node: Access is denied.\n");
    assert_false(stage.seen.credential_refused);
}

static void what_ends_all_is_told_before_what_was_met_first(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    refuse_with("2150858778", "no class");
    refuse_with("2150859174", "too many operations");
    told("> Enumerate\nbegin node\nend node class-missing\n> Enumerate\nbegin group\nend group quota\n"
         "= no quota: MSCluster_ResourceGroup: too many operations\n");
}

static void a_refused_login_backs_the_credential_off(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    no_answer(REASON_LOGIN_REFUSED);
    told("> Enumerate\nbegin node\nend node login-refused\nbegin group\nend group login-refused\n"
         "= no login-refused: MSCluster_Node: the server refused the user or password\n");
    assert_true(stage.seen.credential_refused);
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    answer_related(401, "uuid:whatever", "");
    assert_true(stage.done && stage.seen.credential_refused);
}

static void without_a_connection_all_lists_end(void **state)
{
    (void)state;
    static const struct {
        uint16_t reason;
        uint8_t verdict;
    } cases[] = {{REASON_CONNECT_REFUSED, NO},   {REASON_REPLY_TIMEOUT, NO},   {REASON_TLS_UNTRUSTED, NO},
                 {REASON_NOT_MUTUAL, NO},        {REASON_TOKEN_SLOW, UNKNOWN}, {REASON_NO_RESOURCES, UNKNOWN},
                 {REASON_TOKEN_FAILED, UNKNOWN}, {REASON_BACKED_OFF, UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[512];
        begin(2, (struct wmi_query[]){NODES, GROUPS});
        answer(FIRST_PAGE("c1", NODE("A", "0")));
        no_answer(cases[i].reason); /* with a context open: nobody is there to release it */
        snprintf(expected, sizeof expected, "> Enumerate\nbegin node\n  A 0\n> Pull c1\nend node %s\nbegin group\nend group %s\n",
                 reason_name(cases[i].reason), reason_name(cases[i].reason));
        assert_true(stage.done);
        assert_int_equal(strncmp(stage.log, expected, strlen(expected)), 0);
        assert_int_equal(stage.seen.items[0].verdict, cases[i].verdict);
        assert_false(stage.seen.credential_refused);
    }
}

static void a_reply_cut_off_in_the_middle_gives_its_memory_back(void **state)
{
    (void)state;
    static const char piece[] = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header>";
    begin(1, (struct wmi_query[]){NODES});
    one_step(&(struct reply){.reason = REASON_OK, .data = piece, .size = sizeof piece - 1, .more = true});
    assert_true(stage.memory.blocks > 0);
    no_answer(REASON_CLOSED_EARLY);
    told("> Enumerate\nbegin node\nend node closed-early\n"
         "= no closed-early: MSCluster_Node: the server closed the connection in mid-conversation\n");
}

static void without_memory_nothing_is_said_of_the_machine(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    stage.memory.limit = 1000;
    answer(ONE_SHOT(NODE("A", "0")));
    assert_true(stage.done);
    assert_int_equal(stage.seen.items[0].verdict, UNKNOWN);
    assert_int_equal(stage.seen.items[0].reason, REASON_NO_RESOURCES);
}

static void an_answer_of_another_kind_is_no_answer(void **state)
{
    (void)state;
    static const char *const bodies[] = {LAST_PAGE(NODE("A", "0")), "",
                                         "<p:X_OUTPUT xmlns:p=\"urn:p\"><p:NodeNames>A</p:NodeNames></p:X_OUTPUT>", "<IdentifyResponse/>"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        begin(1, (struct wmi_query[]){NODES});
        answer(bodies[i]);
        assert_true(stage.done);
        assert_int_equal(stage.seen.items[0].reason, REASON_BAD_REPLY);
    }
    begin(1, (struct wmi_query[]){OWNERS}); /* nobody wanted: asks nothing, knows nothing */
    told("= unknown not-seen\n");
}

static void what_cannot_be_written_is_not_asked(void **state)
{
    (void)state;
    struct wmi_query broken = NODES;
    broken.wql = "SELECT \x01 FROM X";
    begin(2, (struct wmi_query[]){broken, GROUPS});
    answer(ONE_SHOT(""));
    assert_true(stage.done);
    assert_non_null(strstr(stage.log, "begin node\nend node not-sendable\n> Enumerate\nbegin group\nend group ok\n= yes not-sendable"));
}

/* ---- contexts ---- */

static void a_limit_releases_the_context(void **state)
{
    (void)state;
    struct wmi_query few = NODES;
    few.items_max = 2;
    begin(2, (struct wmi_query[]){few, GROUPS});
    answer(FIRST_PAGE("c1", NODE("A", "0") NODE("B", "0") NODE("C", "0")));
    answer("");
    answer(ONE_SHOT(""));
    told("> Enumerate\nbegin node\n  A 0\n  B 0\n> Release c1\nend node too-many-rows\n> Enumerate\nbegin group\nend group ok\n"
         "= yes too-many-rows: MSCluster_Node: more came than is kept; the rest was dropped and counted\n");
    begin(1, &few); /* exactly as many as may be */
    answer(ONE_SHOT(NODE("A", "0") NODE("B", "0")));
    told("> Enumerate\nbegin node\n  A 0\n  B 0\nend node ok\n= yes ok\n");
}

static void counted_last(struct wmi_talk *talk)
{
    struct found_node row = {.name = "sum", .state = talk->cut ? -(int64_t)talk->items : talk->items};
    wmi_row(talk, &row);
}

static bool no_row(struct wmi_talk *talk, void *row)
{
    (void)talk, (void)row;
    return false;
}

static void a_sample_is_complete_when_it_is_full(void **state)
{
    (void)state;
    struct wmi_query sample = NODES;
    sample.items_max = 2;
    sample.sample = true;
    sample.finish = no_row;
    sample.end = counted_last;
    begin(1, &sample);
    answer(FIRST_PAGE("c1", NODE("A", "0") NODE("B", "0") NODE("C", "0")));
    refuse_with("2150858793", "a release that fails changes nothing");
    told("> Enumerate\n> Release c1\nbegin node\n  sum -2\nend node ok\n= yes ok\n");
}

static void endless_pulls_end(void **state)
{
    (void)state;
    static const char *const pages[] = {NEXT_PAGE("more", ""), NEXT_PAGE("more", "<w:XmlFragment/>")};
    for (int i = 0; i < 2; i++) {
        begin(1, (struct wmi_query[]){NODES});
        answer(FIRST_PAGE("more", ""));
        while (!stage.done && strstr(stage.out.body, "/Pull</a:Action>")) {
            stage.logged = 0;
            answer(pages[i]);
        }
        assert_false(stage.done);
        assert_non_null(strstr(stage.out.body, "/Release</a:Action>"));
        assert_int_equal(stage.requests, WMI_PAGES_MAX + 1); /* the first one is a page too; and the release */
        answer("");
        assert_true(stage.done);
        assert_int_equal(stage.seen.items[0].reason, REASON_TOO_MANY_ROWS);
    }
}

static void a_fault_between_pages_releases_the_context(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    answer(FIRST_PAGE("c1", NODE("A", "0")));
    refuse_with("2150858793", "too slow");
    answer("");
    answer(ONE_SHOT(""));
    told("> Enumerate\nbegin node\n  A 0\n> Pull c1\n> Release c1\nend node operation-timeout\n> Enumerate\nbegin group\nend group ok\n"
         "= yes operation-timeout: MSCluster_Node: too slow\n");
    begin(1, (struct wmi_query[]){NODES}); /* the context itself is gone */
    answer(FIRST_PAGE("c1", NODE("A", "0")));
    refuse_with("2150858843", "lost");
    told("> Enumerate\nbegin node\n  A 0\n> Pull c1\nend node object-missing\n= no object-missing: MSCluster_Node: lost\n");
}

static void an_answer_to_somebody_else_gives_nothing(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer_related(200, "uuid:somebody", FIRST_PAGE("theirs", NODE("A", "0")));
    assert_true(stage.done); /* their context is not ours to release */
    assert_non_null(strstr(stage.log, "> Enumerate\nbegin node\nend node wrong-relation\n= no wrong-relation"));
    begin(1, (struct wmi_query[]){NODES});
    answer(FIRST_PAGE("ours", NODE("A", "0")));
    answer_related(200, "uuid:somebody", LAST_PAGE(NODE("B", "0")));
    answer("");
    assert_true(stage.done);
    assert_non_null(strstr(stage.log, "  A 0\n> Pull ours\n> Release ours\nend node wrong-relation\n"));
}

static void a_login_that_is_refused_in_a_release_ends_all(void **state)
{
    (void)state;
    struct wmi_query few = NODES;
    few.items_max = 1;
    begin(2, (struct wmi_query[]){few, GROUPS});
    answer(FIRST_PAGE("c1", NODE("A", "0") NODE("B", "0")));
    no_answer(REASON_LOGIN_REFUSED);
    assert_true(stage.done && stage.seen.credential_refused);
    assert_non_null(strstr(stage.log, "> Release c1\nend node too-many-rows\nbegin group\nend group login-refused\n= no login-refused"));
}

/* ---- methods ---- */

static void methods_are_asked_of_what_is_wanted(void **state)
{
    (void)state;
    prepare(1, (struct wmi_query[]){OWNERS});
    stage.wanted = (const char *const[]){"FTP <1>", "SQL", "never", NULL};
    one_step(NULL);
    assert_non_null(strstr(stage.out.body, "<w:Selector Name=\"Name\">FTP &lt;1&gt;</w:Selector>"));
    assert_non_null(strstr(stage.out.body, "<p:GetPossibleOwners_INPUT xmlns:p="));
    answer("<p:GetPossibleOwners_OUTPUT xmlns:p=\"urn:p\"><p:NodeNames>A</p:NodeNames><p:NodeNames>B</p:NodeNames>"
           "<p:ReturnValue>0</p:ReturnValue></p:GetPossibleOwners_OUTPUT>");
    answer("<p:GetPossibleOwners_OUTPUT xmlns:p=\"urn:p\"/>");
    told("> GetPossibleOwners\nbegin possible-owner of FTP <1>\n  FTP <1> on A\n  FTP <1> on B\nend possible-owner ok\n"
         "> GetPossibleOwners\nbegin possible-owner of SQL\nend possible-owner ok\n= yes ok\n");
}

static void a_method_that_fails_says_so(void **state)
{
    (void)state;
    prepare(1, (struct wmi_query[]){OWNERS});
    stage.wanted = (const char *const[]){"A", "B", NULL};
    one_step(NULL);
    answer("<p:GetPossibleOwners_OUTPUT xmlns:p=\"urn:p\"><p:ReturnValue>5</p:ReturnValue></p:GetPossibleOwners_OUTPUT>");
    refuse_with("2150858813", "gone since"); /* which is no fault of the machine */
    assert_true(stage.done);
    assert_non_null(strstr(stage.log, "begin possible-owner of A\nend possible-owner provider-failed\n> GetPossibleOwners\n"
                                      "begin possible-owner of B\nend possible-owner object-missing\n= yes provider-failed: "
                                      "MSCluster_Resource.GetPossibleOwners: "));
}

/* ---- when, and how long ---- */

static void seldom_asked_queries_have_their_turn(void **state)
{
    (void)state;
    unsigned turns[2] = {0};
    struct wmi_query seldom = GROUPS;
    seldom.every = 5;
    for (uint32_t round = 0; round <= 50; round++)
        for (int node = 0; node < 2; node++) {
            prepare(2, (struct wmi_query[]){NODES, seldom});
            stage.context.round = round;
            stage.context.node = node ? "BTS02" : "BTS01";
            one_step(NULL);
            answer(ONE_SHOT(""));
            bool asked_now = !stage.done;
            assert_true(asked_now || round > 0); /* what nobody knows yet is asked at once */
            turns[node] += round > 0 && asked_now;
        }
    assert_int_equal(turns[0], 10);
    assert_int_equal(turns[1], 10);
}

static void older_machines_are_asked_again_without_what_they_do_not_know(void **state)
{
    (void)state;
    struct wmi_query nodes = NODES;
    nodes.older = "SELECT Name FROM MSCluster_Node";
    begin(1, &nodes);
    refuse_with("2150858778", "no such property");
    assert_non_null(strstr(stage.out.body, ">SELECT Name FROM MSCluster_Node<"));
    answer(ONE_SHOT(FRAGMENT("<Name>A</Name>")));
    told("> Enumerate\n> Enumerate\nbegin node\n  A -99\nend node ok\n= yes ok\n");
    begin(1, &nodes); /* and once only */
    refuse_with("2150858778", "no such class");
    refuse_with("2150858778", "no such class");
    told("> Enumerate\n> Enumerate\nbegin node\nend node class-missing\n= no class-missing: MSCluster_Node: no such class\n");
}

static double operation_seconds(void)
{
    char seconds[16];
    return strtod(asked("<w:OperationTimeout>PT", "S<", seconds, sizeof seconds), NULL);
}

static void the_machine_gives_up_before_we_do(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    assert_true(operation_seconds() > 1 && operation_seconds() < 20);
    double first = operation_seconds();
    stage.elapsed = 15000;
    answer(ONE_SHOT(""));
    assert_true(operation_seconds() < first && operation_seconds() < 5);
    prepare(1, (struct wmi_query[]){NODES});
    stage.context.timeout = 600000;
    one_step(NULL);
    assert_true(operation_seconds() <= 60);
    prepare(1, (struct wmi_query[]){NODES});
    stage.context.timeout = 0;
    one_step(NULL);
    assert_true(operation_seconds() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_follow_each_other),
        cmocka_unit_test(pages_are_pulled_to_the_end_in_pieces_of_any_size),
        cmocka_unit_test(a_context_after_the_end_is_no_context),
        cmocka_unit_test(an_empty_list_is_a_list),
        cmocka_unit_test(what_did_not_come_is_absent),
        cmocka_unit_test(rows_without_a_name_are_left_out_and_told),
        cmocka_unit_test(one_failing_query_does_not_end_the_others),
        cmocka_unit_test(a_missing_class_that_is_optional_is_no_fault),
        cmocka_unit_test(no_answer_to_anything_is_no),
        cmocka_unit_test(access_denied_ends_all),
        cmocka_unit_test(what_ends_all_is_told_before_what_was_met_first),
        cmocka_unit_test(a_refused_login_backs_the_credential_off),
        cmocka_unit_test(without_a_connection_all_lists_end),
        cmocka_unit_test(a_reply_cut_off_in_the_middle_gives_its_memory_back),
        cmocka_unit_test(without_memory_nothing_is_said_of_the_machine),
        cmocka_unit_test(an_answer_of_another_kind_is_no_answer),
        cmocka_unit_test(what_cannot_be_written_is_not_asked),
        cmocka_unit_test(a_limit_releases_the_context),
        cmocka_unit_test(a_sample_is_complete_when_it_is_full),
        cmocka_unit_test(endless_pulls_end),
        cmocka_unit_test(a_fault_between_pages_releases_the_context),
        cmocka_unit_test(an_answer_to_somebody_else_gives_nothing),
        cmocka_unit_test(a_login_that_is_refused_in_a_release_ends_all),
        cmocka_unit_test(methods_are_asked_of_what_is_wanted),
        cmocka_unit_test(a_method_that_fails_says_so),
        cmocka_unit_test(seldom_asked_queries_have_their_turn),
        cmocka_unit_test(older_machines_are_asked_again_without_what_they_do_not_know),
        cmocka_unit_test(the_machine_gives_up_before_we_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
