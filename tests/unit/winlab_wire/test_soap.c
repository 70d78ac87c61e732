/* What a request to a node of winlab gets for an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lab/winlab/soap.h"
#include "tests/unit/winlab_wire/fake_world.h"

#define GROUP SOAP_WMI_URI "root/MSCluster/MSCluster_ResourceGroup"
#define CLUSTER_ALL SOAP_WMI_URI "root/MSCluster/*"
#define SELECT_GROUP "<w:SelectorSet><w:Selector Name=\"Name\">BizTalkGroup</w:Selector></w:SelectorSet>"
#define MOVE "<p:MoveToNewNode_INPUT xmlns:p=\"" GROUP "\"><p:NodeName>NODE2</p:NodeName><p:TimeOut>30</p:TimeOut></p:MoveToNewNode_INPUT>"
#define ENUMERATE SOAP_ENUMERATION_URI "/Enumerate"
#define PULL SOAP_ENUMERATION_URI "/Pull"

struct lab {
    struct world world;
    struct soap_caller caller;
    struct text reply;
    unsigned status;
};

static int open_lab(void **state)
{
    struct lab *lab = calloc(1, sizeof *lab);
    lab->caller = (struct soap_caller){
        .world = &lab->world, .node_name = "NODE1", .user = "somebody", .role = ROLE_ACT, .contexts = soap_contexts_open()};
    *state = lab;
    return 0;
}

static int close_lab(void **state)
{
    struct lab *lab = *state;
    soap_contexts_close(lab->caller.contexts);
    text_free(&lab->reply);
    free(lab);
    return 0;
}

static const char *post(struct lab *lab, const char *bytes)
{
    text_free(&lab->reply);
    lab->status = soap_answer(&lab->caller, bytes, strlen(bytes), &lab->reply);
    return lab->reply.bytes;
}

static const char *ask(struct lab *lab, const char *action, const char *resource, const char *more_header, const char *body)
{
    static char request[16384];
    int length =
        snprintf(request, sizeof request,
                 "<s:Envelope xmlns:s=\"" SOAP_ENVELOPE_URI "\" xmlns:a=\"" SOAP_ADDRESSING_URI "\" xmlns:n=\"" SOAP_ENUMERATION_URI
                 "\" xmlns:w=\"" SOAP_WSMAN_URI "\"><s:Header><a:To>https://node1/wsman</a:To>"
                 "<w:ResourceURI s:mustUnderstand=\"true\">%s</w:ResourceURI><a:ReplyTo><a:Address s:mustUnderstand=\"true\">%s"
                 "</a:Address></a:ReplyTo><a:Action s:mustUnderstand=\"true\">%s</a:Action><a:MessageID>uuid:ask</a:MessageID>%s"
                 "</s:Header><s:Body>%s</s:Body></s:Envelope>",
                 resource, SOAP_ANONYMOUS_URI, action, more_header, body);
    assert_in_range(length, 1, sizeof request - 1);
    return post(lab, request);
}

static const char *query(struct lab *lab, const char *options, const char *wql)
{
    char body[2048];
    snprintf(body, sizeof body, "<n:Enumerate>%s<w:Filter Dialect=\"" SOAP_WQL_URI "\">%s</w:Filter></n:Enumerate>", options, wql);
    return ask(lab, ENUMERATE, CLUSTER_ALL, "", body);
}

static void says(const struct lab *lab, unsigned status, const char *text)
{
    if (lab->status != status || !strstr(lab->reply.bytes, text))
        fail_msg("expected %u with %s, but: %u %s", status, text, lab->status, lab->reply.bytes);
}

static size_t times(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

static void one_shot(void **state)
{
    struct lab *lab = *state;
    const char *all = query(lab, "<w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements>", "SELECT * FROM MSCluster_ResourceGroup");
    says(lab, 200, "<a:RelatesTo>uuid:ask</a:RelatesTo>");
    says(lab, 200, "<n:EnumerationContext></n:EnumerationContext><w:Items><p:MSCluster_ResourceGroup ");
    says(lab, 200, "</w:Items><w:EndOfSequence/></n:EnumerateResponse>");
    says(lab, 200, "<p:Name>a&lt;b&gt;&amp;&quot;c&quot;</p:Name><p:State>4294967295</p:State><p:Enabled>false</p:Enabled>");
    says(lab, 200, "<cim:Datetime xmlns:cim=\"" SOAP_CIM_URI "\">2026-01-01T00:00:00Z</cim:Datetime>");
    says(lab, 200, "<p:Owners xsi:nil=\"true\"/><p:Comment xsi:nil=\"true\"/>");
    says(lab, 200, "<p:Owners>NODE1</p:Owners><p:Owners>NODE2</p:Owners>");
    says(lab, 200, "<p:Private><p:Service>BTSSvc$Host</p:Service></p:Private></p:MSCluster_ResourceGroup>");
    says(lab, 200, "<p:Private xsi:nil=\"true\"/></p:MSCluster_ResourceGroup>");
    assert_int_equal(times(all, "<p:MSCluster_ResourceGroup "), 3);
    assert_int_equal(soap_contexts_count(lab->caller.contexts), 0);
    assert_string_equal(lab->world.counted, "Enumerate");

    query(lab, "<w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements>",
          "SELECT State,Name FROM MSCluster_ResourceGroup WHERE Name LIKE 'Biz%'");
    says(lab, 200,
         "<w:Items><w:XmlFragment xmlns:xsi=\"" SOAP_XSI_URI
         "\"><State>0</State><Name>BizTalkGroup</Name></w:XmlFragment></w:Items><w:EndOfSequence/>");
    query(lab, "<w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements>", "SELECT Private FROM MSCluster_ResourceGroup WHERE State = 0");
    says(lab, 200, "<Private><Service>BTSSvc$Host</Service></Private></w:XmlFragment></w:Items><w:EndOfSequence/>");
    query(lab, "<w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements>", "SELECT Name FROM MSCluster_ResourceGroup WHERE State = 77");
    says(lab, 200, "<w:Items></w:Items><w:EndOfSequence/>");
}

/* The context of the last reply. */
static void context_of(const struct lab *lab, char id[64])
{
    const char *begin = strstr(lab->reply.bytes, "<n:EnumerationContext>");
    assert_non_null(begin);
    assert_int_equal(sscanf(begin, "<n:EnumerationContext>%47[^<]<", id), 1);
}

static void pull(struct lab *lab, const char *operation, const char *id, const char *options)
{
    char body[512], action[256];
    snprintf(body, sizeof body, "<n:%s><n:EnumerationContext>%s</n:EnumerationContext>%s</n:%s>", operation, id, options, operation);
    snprintf(action, sizeof action, SOAP_ENUMERATION_URI "/%s", operation);
    ask(lab, action, CLUSTER_ALL, "", body);
}

static void paged(void **state)
{
    struct lab *lab = *state;
    char id[64];
    const char *first = query(lab, "<w:OptimizeEnumeration/>", "SELECT * FROM MSCluster_ResourceGroup");
    assert_int_equal(times(first, "<p:MSCluster_ResourceGroup "), 1); /* one, unless more are asked for */
    assert_null(strstr(first, "EndOfSequence"));
    context_of(lab, id);
    pull(lab, "Pull", id, "<n:MaxElements>1</n:MaxElements>");
    says(lab, 200, "<n:Items><p:MSCluster_ResourceGroup ");
    assert_null(strstr(lab->reply.bytes, "EndOfSequence"));
    assert_int_equal(soap_contexts_count(lab->caller.contexts), 1);
    pull(lab, "Pull", id, "<n:MaxElements>32000</n:MaxElements>");
    says(lab, 200, "</n:Items><n:EndOfSequence/></n:PullResponse>");
    assert_int_equal(soap_contexts_count(lab->caller.contexts), 0);
    pull(lab, "Pull", id, "");
    says(lab, 500, "Code=\"2150858779\"");

    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup"); /* not optimised: no items yet */
    says(lab, 200, "</n:EnumerationContext></n:EnumerateResponse>");
    context_of(lab, id);
    lab->caller.user = "another";
    pull(lab, "Pull", id, "");
    says(lab, 500, "Code=\"2150858779\"");
    lab->caller.user = "somebody";
    pull(lab, "Release", id, "");
    says(lab, 200, SOAP_ENUMERATION_URI "/ReleaseResponse");
    assert_int_equal(soap_contexts_count(lab->caller.contexts), 0);
    pull(lab, "Release", id, "");
    says(lab, 500, "n:InvalidEnumerationContext");

    ask(lab, ENUMERATE, SOAP_WMI_URI "root/cimv2/Win32_PerfRawData_MSMQ_MSMQQueue", "",
        "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements></n:Enumerate>");
    assert_int_equal(times(lab->reply.bytes, "<p:Win32_PerfRawData_MSMQ_MSMQQueue "), 1);
}

static void contexts_end(void **state)
{
    struct lab *lab = *state;
    for (size_t i = 0; i < 100; i++) {
        query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
        assert_int_equal(lab->status, 200);
    }
    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
    says(lab, 500, "Code=\"2150859174\"");
    assert_int_equal(soap_contexts_count(lab->caller.contexts), 100);
    lab->caller.now_ms = 59999;
    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
    says(lab, 500, "Code=\"2150859174\"");
    lab->caller.now_ms = 60000;
    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
    assert_int_equal(lab->status, 200);
    assert_int_equal(soap_contexts_count(lab->caller.contexts), 1);
}

/* An envelope holds what fits, never more: the rest is pulled; what does not even fit alone is a fault. */
static void envelope_sizes(void **state)
{
    struct lab *lab = *state;
    static const char small[] = "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">8191</w:MaxEnvelopeSize>";
    static const char least[] = "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">8192</w:MaxEnvelopeSize>";
    char body[4096], list[1024] = "Since";
    ask(lab, ENUMERATE, GROUP, small, "<n:Enumerate/>");
    says(lab, 500, "Code=\"2150858878\"");
    for (size_t columns = 1; columns < 64; columns++) {
        strcat(list, ",Since");
        if (columns != 39 && columns != 63)
            continue;
        snprintf(body, sizeof body,
                 "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements><w:Filter Dialect=\"" SOAP_WQL_URI
                 "\">SELECT %s FROM MSCluster_ResourceGroup</w:Filter></n:Enumerate>",
                 list);
        ask(lab, ENUMERATE, CLUSTER_ALL, least, body);
        if (columns == 63) {
            says(lab, 500, "Code=\"2150858805\"");
            continue;
        }
        assert_int_equal(lab->status, 200);
        assert_int_equal(times(lab->reply.bytes, "<w:XmlFragment"), 1);
        assert_true(lab->reply.length <= 8192);
        assert_null(strstr(lab->reply.bytes, "EndOfSequence"));
    }
    assert_int_equal(soap_contexts_count(lab->caller.contexts), 1);
}

static void methods(void **state)
{
    struct lab *lab = *state;
    uint32_t takes_ms = 0;
    lab->caller.takes_ms = &takes_ms;
    ask(lab, GROUP "/MoveToNewNode", GROUP, SELECT_GROUP, MOVE);
    assert_int_equal(takes_ms, 1234);
    says(lab, 200, "<a:Action>" GROUP "/MoveToNewNodeResponse</a:Action>");
    says(lab, 200, "<p:MoveToNewNode_OUTPUT ");
    assert_null(strstr(lab->reply.bytes, "ReturnValue"));
    assert_int_equal(lab->world.invoked, 1);
    assert_string_equal(lab->world.invoked_on, "BizTalkGroup");
    assert_string_equal(lab->world.node_name, "NODE2");
    assert_string_equal(lab->world.counted, "Invoke/MoveToNewNode");
    ask(lab, GROUP "/GetState", GROUP, SELECT_GROUP, "<p:GetState_INPUT xmlns:p=\"" GROUP "\"/>");
    says(lab, 200, "<p:State>4</p:State><p:ReturnValue>7</p:ReturnValue></p:GetState_OUTPUT>");
    ask(lab, GROUP "/BringOnline", GROUP, SELECT_GROUP, "<p:BringOnline_INPUT xmlns:p=\"" GROUP "\"/>");
    says(lab, 500, "<p:error_Code xsi:type=\"cim:cimUnsignedInt\">2147749889</p:error_Code>");
    says(lab, 500, "no quorum");

    lab->caller.role = ROLE_OBSERVE;
    ask(lab, GROUP "/MoveToNewNode", GROUP, SELECT_GROUP, MOVE);
    says(lab, 500, "Code=\"5\" Machine=\"NODE1\"");
    assert_int_equal(lab->world.invoked, 1);
    assert_string_equal(lab->world.counted, "Invoke/MoveToNewNode");
    ask(lab, GROUP "/GetState", GROUP, SELECT_GROUP, "<p:GetState_INPUT xmlns:p=\"" GROUP "\"/>");
    assert_int_equal(lab->status, 200);
}

/* What is almost a move is none. */
static void not_quite_methods(void **state)
{
    struct lab *lab = *state;
    static const struct {
        const char *action, *header, *body, *expected;
    } cases[] = {
        {GROUP "/Nothing", SELECT_GROUP, "<p:Nothing_INPUT xmlns:p=\"" GROUP "\"/>", "Code=\"2150858771\""},
        {GROUP "/MoveToNewNode/x", SELECT_GROUP, MOVE, "Code=\"2150858771\""},
        {"http://example.com/MoveToNewNode", SELECT_GROUP, MOVE, "Code=\"2150858771\""},
        {GROUP "/MoveToNewNode", SELECT_GROUP, "", "Code=\"2150858817\""},
        {GROUP "/MoveToNewNode", SELECT_GROUP, "<p:MoveToNewNode_INPUT xmlns:p=\"http://example.com/\"/>", "Code=\"2150858817\""},
        {GROUP "/MoveToNewNode", SELECT_GROUP, "<p:Start_INPUT xmlns:p=\"" GROUP "\"/>", "Code=\"2150858817\""},
        {GROUP "/MoveToNewNode", SELECT_GROUP,
         "<p:MoveToNewNode_INPUT xmlns:p=\"" GROUP "\"><NodeName>NODE2</NodeName></p:MoveToNewNode_INPUT>", "Code=\"2150858817\""},
        {GROUP "/MoveToNewNode", SELECT_GROUP, MOVE MOVE, "Code=\"2150858817\""},
        {GROUP "/MoveToNewNode", SELECT_GROUP,
         "<p:MoveToNewNode_INPUT xmlns:p=\"" GROUP "\" xmlns:xsi=\"" SOAP_XSI_URI
         "\"><p:NodeName xsi:nil=\"true\"/><p:TimeOut>1</p:TimeOut></p:MoveToNewNode_INPUT>",
         "Code=\"2150858810\""},
        {GROUP "/MoveToNewNode", "", MOVE, "Code=\"2150858813\""},
        {GROUP "/MoveToNewNode", "<w:SelectorSet><w:Selector Name=\"Name\">Gone</w:Selector></w:SelectorSet>", MOVE, "Code=\"2150858813\""},
        {GROUP "/MoveToNewNode",
         "<w:SelectorSet><w:Selector Name=\"Name\">BizTalkGroup</w:Selector><w:Selector Name=\"More\">x</w:Selector></w:SelectorSet>", MOVE,
         "Code=\"2150858813\""},
        {GROUP "/MoveToNewNode", "<w:SelectorSet><w:Selector>BizTalkGroup</w:Selector></w:SelectorSet>", MOVE, "Code=\"2150858813\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(lab, cases[i].action, GROUP, cases[i].header, cases[i].body);
        says(lab, 500, cases[i].expected);
    }
    assert_int_equal(lab->world.invoked, 0);
}

static void get(void **state)
{
    struct lab *lab = *state;
    ask(lab, SOAP_TRANSFER_URI "/Get", GROUP, SELECT_GROUP, "");
    says(lab, 200, "<s:Body><p:MSCluster_ResourceGroup xmlns:xsi=\"" SOAP_XSI_URI "\" xmlns:p=\"" GROUP "\"");
    ask(lab, SOAP_TRANSFER_URI "/Get", GROUP, "", "");
    says(lab, 500, "w:InvalidSelectors");
}

static void faults(void **state)
{
    struct lab *lab = *state;
    query(lab, "", "SELECT * FROM MSCluster_Gone");
    says(lab, 500, "Code=\"2150858778\"");
    says(lab, 500, "<f:ProviderFault provider=");
    query(lab, "", "SELECT Gone FROM MSCluster_ResourceGroup");
    says(lab, 500, "Code=\"2150858778\"");
    query(lab, "", "SELECT");
    says(lab, 500, "n:CannotProcessFilter");
    ask(lab, ENUMERATE, CLUSTER_ALL, "", "<n:Enumerate><w:Filter Dialect=\"http://example.com/XPath\">x</w:Filter></n:Enumerate>");
    says(lab, 500, "Code=\"2150858777\"");
    ask(lab, ENUMERATE, SOAP_WMI_URI "root/Nowhere/X", "", "<n:Enumerate/>");
    says(lab, 500, "Code=\"2150858811\"");
    ask(lab, ENUMERATE, "http://example.com/X", "", "<n:Enumerate/>");
    says(lab, 500, "Code=\"2150858811\"");
    ask(lab, ENUMERATE, GROUP, "", "<n:Enumerate><n:OptimizeEnumeration/></n:Enumerate>");
    says(lab, 500, "Code=\"2150858817\"");
    ask(lab, ENUMERATE, GROUP, "", "<w:Enumerate/>");
    says(lab, 500, "Code=\"2150858817\"");
    ask(lab, ENUMERATE, GROUP, "", "<n:Enumerate><w:EnumerationMode>EnumerateEPR</w:EnumerationMode></n:Enumerate>");
    says(lab, 500, "Code=\"2150858886\"");
    ask(lab, ENUMERATE, GROUP, "<w:Strange s:mustUnderstand=\"true\"/>", "<n:Enumerate/>");
    says(lab, 500, "s:MustUnderstand");
    ask(lab, ENUMERATE, GROUP, "<w:Strange mustUnderstand=\"true\"/>", "<n:Enumerate/>"); /* in no namespace: everybody's clients send it */
    says(lab, 200, "EnumerateResponse");
    ask(lab, "", GROUP, "", "<n:Enumerate/>");
    says(lab, 500, "Code=\"2150858769\"");
    ask(lab, ENUMERATE, GROUP, "<w:MaxEnvelopeSize>many</w:MaxEnvelopeSize>", "<n:Enumerate/>");
    assert_int_equal(lab->status, 500);

    lab->world.fault.missing_class = "mscluster_resourcegroup";
    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
    says(lab, 500, "Code=\"2150858778\"");
    lab->world.fault = (struct wire_fault){.quota = true};
    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
    says(lab, 500, "Code=\"2150859174\"");
    lab->world.fault = (struct wire_fault){.denied = true};
    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
    says(lab, 500, "Code=\"5\"");
    lab->world.fault = (struct wire_fault){0};
    lab->caller.role = ROLE_NONE;
    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
    says(lab, 500, "Code=\"5\"");
}

static void bad_xml(void **state)
{
    struct lab *lab = *state;
    static char deep[20000];
    strcpy(deep, "<s:Envelope xmlns:s=\"" SOAP_ENVELOPE_URI "\"><s:Header>");
    for (size_t i = 0; i < 1000; i++)
        strcat(deep, "<x>");
    const char *const requests[] = {"",
                                    "x",
                                    "<s:Envelope",
                                    "<a/>",
                                    "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>"
                                    "<s:Envelope xmlns:s=\"" SOAP_ENVELOPE_URI "\"><s:Body>&b;</s:Body></s:Envelope>",
                                    "<s:Envelope xmlns:s=\"" SOAP_ENVELOPE_URI "\"><s:Tail/></s:Envelope>",
                                    "<?xml version=\"1.0\" encoding=\"klingon\"?><a/>",
                                    deep};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        post(lab, requests[i]);
        says(lab, 500, "Code=\"2150858819\"");
    }
    post(lab, "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body/></s:Envelope>");
    says(lab, 500, "s:VersionMismatch");
}

static void identify(void **state)
{
    struct lab *lab = *state;
    const char *request = "<s:Envelope xmlns:s=\"" SOAP_ENVELOPE_URI "\" xmlns:i=\"" SOAP_IDENTITY_URI
                          "\"><s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>";
    post(lab, request);
    says(lab, 200, "a simulation of Windows</wsmid:ProductVendor>");
    assert_string_equal(lab->world.counted, "Identify");
    lab->caller.user = "";
    post(lab, request);
    says(lab, 200, "OS: 0.0.0 ");
    query(lab, "", "SELECT * FROM MSCluster_ResourceGroup");
    says(lab, 500, "Code=\"5\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lab, close_lab)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(one_shot),          TEST(paged), TEST(contexts_end), TEST(envelope_sizes), TEST(methods),
                                       TEST(not_quite_methods), TEST(get),   TEST(faults),       TEST(bad_xml),        TEST(identify)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
