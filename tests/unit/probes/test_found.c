/* What probes of a Windows cluster find: kinds of rows, which lists come in which rounds, and that a machine which answers only this or
 * that, or with too little memory on our side, costs no other list. Conversations word by word: tests/golden/probes/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "case_file.h"
#include "case_rules.h"

static struct case_file file;
static unsigned begun[FOUND_KINDS], complete[FOUND_KINDS], missing[FOUND_KINDS];
static bool asked_method;
static const char *refused_class; /* queries of it are answered with a fault */
static bool refuse;

static void count_found(void *context, const struct found *found)
{
    case_found(context, found);
    assert_null(file.estate.broken);
    begun[found->kind] += found->step == FOUND_BEGIN;
    complete[found->kind] += found->step == FOUND_END && found->reason == REASON_OK;
    missing[found->kind] += found->step == FOUND_END && found->reason == REASON_CLASS_MISSING;
}

/* Answers every query with one row of everything, every method with one node or an empty expression. */
static const char *answer(void)
{
    if (refuse)
        return "<e <s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>no</s:Text></s:Reason><s:Detail><f:WSManFault "
               "Code=\"2150858778\"/></s:Detail></s:Fault>";
    if (asked_method)
        return "<e <p:X_OUTPUT xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/MSCluster/MSCluster_Resource\">"
               "<p:NodeNames>BTS01</p:NodeNames><p:Expression></p:Expression></p:X_OUTPUT>";
    return "<e <n:EnumerateResponse><w:Items><w:XmlFragment><Name>n</Name><HostName>h</HostName><AdapterName>a</AdapterName>"
           "<ReceivePortName>p</ReceivePortName><ServiceStatus>4</ServiceStatus></w:XmlFragment></w:Items><w:EndOfSequence/>"
           "</n:EnumerateResponse>";
}

static enum step step(const struct reply *reply, struct seen *seen)
{
    struct request request = {0};
    enum step result = file.type->step(file.conf.bytes, file.state, &file.context, reply, &request, seen);
    assert_null(result == STEP_DONE ? rule_broken_by_seen(&file, seen) : rule_broken_by_request(&file, &request));
    if (result == STEP_DONE)
        return result;
    case_asked(&file, &request);
    if (request.kind == REQUEST_POST) {
        asked_method = memmem(request.body, request.body_size, "_INPUT", 6) != NULL;
        refuse = refused_class && memmem(request.body, request.body_size, refused_class, strlen(refused_class)) != NULL;
    }
    return result;
}

/* One conversation in which everything is answered. */
static struct seen converse(const char *head, uint32_t round)
{
    struct seen seen = {0};
    assert_true(case_open(&file, head, strlen(head)));
    file.context.found = count_found;
    file.context.round = round;
    enum step now = step(NULL, &seen);
    while (now == STEP_MORE) {
        struct reply reply;
        file.next.http_status = refuse ? 500 : 200;
        assert_true(case_reply(&file, answer(), &reply));
        assert_int_equal(step(&reply, &seen), STEP_MORE);
        assert_true(case_reply(&file, "<", &reply));
        now = step(&reply, &seen);
    }
    return seen;
}

static void begin_counting(void)
{
    memset(begun, 0, sizeof begun);
    memset(complete, 0, sizeof complete);
    memset(missing, 0, sizeof missing);
    refused_class = NULL;
}

static void every_kind_has_name_size_and_members(void **state)
{
    (void)state;
    for (uint8_t kind = 0; kind < FOUND_KINDS; kind++) {
        assert_true(*found_kind_name(kind));
        assert_true(found_size(kind) > 0);
        for (uint8_t other = 0; other < kind; other++)
            assert_string_not_equal(found_kind_name(kind), found_kind_name(other));
        size_t covered = 0;
        for (const struct case_column *column = case_columns(kind); column->name; column++) {
            assert_true(column->offset + column->size <= found_size(kind));
            covered += column->size;
        }
        assert_true(covered + 16 > found_size(kind)); /* no member is missing but for padding */
    }
    assert_string_equal(found_kind_name(FOUND_KINDS), "");
    assert_int_equal(found_size(FOUND_KINDS), 0);
}

enum { ROUNDS = 120 };

static void slow_lists_come_seldom_and_at_first(void **state)
{
    (void)state;
    begin_counting();
    converse("probe biztalk\nnode BTS01 10.1.1.11\nslow_every 20\n\n", 0);
    for (uint8_t kind = FOUND_HOST; kind <= FOUND_SUSPENDED; kind++)
        assert_int_equal(complete[kind], 1);
    begin_counting();
    for (uint32_t round = 1; round <= ROUNDS; round++)
        converse("probe biztalk\nnode BTS01 10.1.1.11\nslow_every 20\n\n", round);
    assert_int_equal(complete[FOUND_INSTANCE], ROUNDS);
    assert_int_equal(complete[FOUND_LOCATION], ROUNDS / 5);
    assert_int_equal(complete[FOUND_HOST], ROUNDS / 20);
    assert_int_equal(complete[FOUND_HANDLER], ROUNDS / 20);
    assert_int_equal(complete[FOUND_SETTING], ROUNDS / 20);
    assert_int_equal(complete[FOUND_SUSPENDED], ROUNDS / 20);
}

static void the_cluster_is_read_in_every_round(void **state)
{
    (void)state;
    begin_counting();
    for (uint32_t round = 1; round <= ROUNDS; round++)
        converse("probe wsfc\nnode BTS01 10.1.1.11\n\n", round);
    assert_int_equal(complete[FOUND_NODE], ROUNDS);
    assert_int_equal(complete[FOUND_GROUP], ROUNDS);
    assert_int_equal(complete[FOUND_RESOURCE], ROUNDS);
    assert_int_equal(complete[FOUND_SERVICE_NAME], ROUNDS / 30);
    assert_int_equal(begun[FOUND_POSSIBLE_OWNER], 0);
}

static void methods_are_called_for_what_is_wanted(void **state)
{
    (void)state;
    static const char head[] = "probe wsfc\nnode BTS01 10.1.1.11\nowners_every 2\nwanted possible-owner a\nwanted possible-owner b\n"
                               "wanted possible-owner c\nwanted dependency a\n\n";
    begin_counting();
    converse(head, 1);
    assert_int_equal(complete[FOUND_POSSIBLE_OWNER], 2);
    assert_int_equal(complete[FOUND_DEPENDENCY], 1);
}

/* Whichever class a machine lacks: the other lists are complete all the same. */
static void one_missing_class_costs_no_other(void **state)
{
    (void)state;
    static const struct {
        const char *head, *class_name;
        uint8_t kind, lists;
    } machines[] = {
        {"probe biztalk\n\n", "MSBTS_HostInstance", FOUND_INSTANCE, 6},
        {"probe biztalk\n\n", "MSBTS_HostSetting", FOUND_HOST, 6},
        {"probe biztalk\n\n", "MSBTS_ReceiveHandler", FOUND_HANDLER, 6},
        {"probe biztalk\n\n", "MSBTS_ReceiveLocation", FOUND_LOCATION, 6},
        {"probe biztalk\n\n", "MSBTS_GroupSetting", FOUND_SETTING, 6},
        {"probe biztalk\n\n", "MSBTS_ServiceInstance", FOUND_SUSPENDED, 6},
        {"probe wsfc\n\n", "MSCluster_Node", FOUND_NODE, 4},
        {"probe wsfc\n\n", "MSCluster_ResourceGroup", FOUND_GROUP, 4},
        {"probe wsfc\n\n", "PrivateProperties", FOUND_SERVICE_NAME, 4},
        {"probe service\n\n", "Win32_Service", FOUND_SERVICE, 1},
        {"probe msmq\n\n", "MSMQQueue", FOUND_QUEUE, 1},
    };
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        begin_counting();
        refused_class = machines[i].class_name;
        converse(machines[i].head, 0);
        unsigned lists = 0, good = 0;
        for (size_t kind = 0; kind < FOUND_KINDS; kind++) {
            lists += begun[kind];
            good += complete[kind];
        }
        assert_int_equal(lists, machines[i].lists);
        assert_int_equal(good, machines[i].lists - 1);
        assert_int_equal(missing[machines[i].kind], 1);
    }
}

/* However little memory there is: the conversation ends, nothing is complete that was not read, and nothing is left allocated. */
static void too_little_memory_is_unknown(void **state)
{
    (void)state;
    unsigned good = 0, bad = 0;
    for (size_t limit = 0; limit < 64 * 1024; limit += limit < 4096 ? 64 : 1024) {
        char head[64];
        snprintf(head, sizeof head, "probe service\nmemory %zu\n\n", limit);
        begin_counting();
        struct seen seen = converse(head, 0);
        assert_int_equal(begun[FOUND_SERVICE], 1);
        if (complete[FOUND_SERVICE]) {
            assert_int_equal(seen.items[0].verdict, YES);
            good++;
        } else {
            assert_int_not_equal(seen.items[0].verdict, YES);
            bad++;
        }
    }
    assert_true(good > 0 && bad > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_name_size_and_members), cmocka_unit_test(slow_lists_come_seldom_and_at_first),
        cmocka_unit_test(the_cluster_is_read_in_every_round),   cmocka_unit_test(methods_are_called_for_what_is_wanted),
        cmocka_unit_test(one_missing_class_costs_no_other),     cmocka_unit_test(too_little_memory_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
