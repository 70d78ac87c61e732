/* What golden cases of snmp_host cannot say: bounds, configured ports, and the names that it shares with the exporter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/windows_names.h"

enum { STATE_MAX = 32 * 1024 };

static _Alignas(max_align_t) char state[STATE_MAX];
static struct snmp_host_conf conf;
static struct probe_context context;
static struct request request;
static struct seen seen;
static unsigned rows, ends;
static uint16_t end_reason;
static struct found_connection last;

static void take(void *unused, const struct found *found)
{
    (void)unused;
    rows += found->step == FOUND_ROW;
    ends += found->step == FOUND_END;
    if (found->step == FOUND_END)
        end_reason = found->reason;
    if (found->step == FOUND_ROW && found->kind == FOUND_CONNECTION)
        memcpy(&last, found->row, sizeof last);
}

static enum step step(const struct reply *in)
{
    return probe_snmp_host.step(&conf, state, &context, in, &request, &seen);
}

static void begin(bool services, bool processes, bool connections)
{
    assert_true(probe_snmp_host.state_size <= STATE_MAX);
    memset(state, 0, sizeof state);
    context = (struct probe_context){.host = "127.0.0.1", .found = take};
    conf.services = services;
    conf.processes = processes;
    conf.connections = connections;
    rows = ends = 0;
    end_reason = REASON_NONE;
    assert_int_equal(step(NULL), STEP_MORE);
    assert_int_equal(request.kind, REQUEST_WALK);
    assert_true(request.limit > 0);
}

static enum step lines(const char *text)
{
    size_t size = strlen(text);
    char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    enum step next = step(&(struct reply){.reason = REASON_OK, .data = exact, .size = size, .more = true});
    free(exact);
    return next;
}

static enum step over(void)
{
    return step(&(struct reply){.reason = REASON_OK, .data = ""});
}

static void ports_of_the_site_count_too(void **unused)
{
    static const char *const ports[] = {"2121", "nonsense", "99999999999", "", "70000"};
    (void)unused;
    conf.ports = (struct texts){5, ports};
    begin(false, false, true);
    assert_int_equal(lines("1.3.6.1.2.1.6.19.1.7.1.4.10.0.0.1.2121.1.4.10.0.0.2.50000|2|5\n"
                           "1.3.6.1.2.1.6.19.1.7.1.4.10.0.0.1.2122.1.4.10.0.0.2.50001|2|5\n"
                           "1.3.6.1.2.1.6.19.1.7.1.4.10.0.0.1.0.1.4.10.0.0.2.50001|2|5\n"
                           "1.3.6.1.2.1.6.19.1.7.1.4.10.0.0.1.4464.1.4.10.0.0.2.50001|2|5\n"),
                     STEP_MORE);
    assert_int_equal(over(), STEP_DONE);
    conf.ports = (struct texts){0, NULL};
    assert_int_equal(rows, 1);
    assert_int_equal(last.local_port, 2121);
    assert_int_equal(last.remote_port, 50000);
    assert_int_equal(last.local.bytes[12], 10);
    assert_int_equal(last.remote.bytes[15], 2);
    assert_int_equal(end_reason, REASON_OK);
}

static void the_port_of_the_server_counts_and_that_of_a_node_does_not(void **unused)
{
    static const char line[] = "1.3.6.1.2.1.6.19.1.7.1.4.10.0.0.1.2121.1.4.10.0.0.2.2121|2|5\n";
    (void)unused;
    begin(false, false, true);
    context.port = 2121;
    lines(line);
    assert_int_equal(rows, 1);
    over();
    begin(false, false, true);
    context.port = 2121;
    context.node = "BTS01";
    lines(line);
    assert_int_equal(rows, 0);
    over();
}

static void a_zone_is_no_part_of_the_address(void **unused)
{
    (void)unused;
    begin(false, false, true);
    lines("1.3.6.1.2.1.6.19.1.7.4.20.254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.2.22.4.20.254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.2."
          "50000|2|5\n"
          "1.3.6.1.2.1.6.19.1.7.3.8.10.0.0.1.0.0.0.1.21.3.8.10.0.0.7.0.0.0.1.50000|2|5\n");
    assert_int_equal(rows, 2);
    assert_int_equal(last.remote.bytes[15], 7);
    assert_int_equal(last.remote.bytes[11], 0xff);
    assert_int_equal(over(), STEP_DONE); /* IPv4 was among them */
}

static void connections_are_bounded(void **unused)
{
    (void)unused;
    begin(false, false, true);
    for (unsigned i = 0; i < 10000; i++) {
        char line[128];
        snprintf(line, sizeof line, "1.3.6.1.2.1.6.19.1.7.1.4.10.0.0.1.21.1.4.10.0.%u.%u.50000|2|5\n", i / 256, i % 256);
        assert_int_equal(lines(line), STEP_MORE);
    }
    assert_int_equal(over(), STEP_DONE);
    assert_int_equal(rows, 4096);
    assert_int_equal(end_reason, REASON_TOO_MANY_ROWS);
    assert_int_equal(seen.items[0].verdict, YES);
    assert_int_equal(seen.items[0].reason, REASON_TOO_MANY_ROWS);
}

static void processes_are_bounded(void **unused)
{
    (void)unused;
    begin(true, true, false);
    for (unsigned i = 1; i <= 100; i++) {
        char line[128];
        snprintf(line, sizeof line, "1.3.6.1.2.1.25.4.2.1.2.%u|4|BTSNTSvc.exe\n", i);
        lines(line);
    }
    over();
    lines("1.3.6.1.2.1.25.4.2.1.5.64|4|-name \"Last\" \n1.3.6.1.2.1.25.4.2.1.5.65|4|-name \"Beyond\" \n");
    over();
    assert_int_equal(over(), STEP_DONE); /* no services are served */
    assert_int_equal(rows, 1);
    assert_int_equal(ends, 1);
    assert_int_equal(end_reason, REASON_SERVICES_FILTERED);
    assert_true(seen.perf_count == 1 && seen.perf[0].value == 64);
}

static void a_length_that_lies_spells_no_service(void **unused)
{
    (void)unused;
    begin(true, false, false);
    lines("1.3.6.1.4.1.77.1.2.3.1.3.5.69.78.84.83.83.79|2|1\n");
    assert_int_equal(over(), STEP_DONE);
    assert_int_equal(rows, 0);
    assert_int_equal(end_reason, REASON_BAD_REPLY);
}

static void services_have_short_names(void **unused)
{
    static const char *const pairs[][2] = {{"BTSSvc$Orders", "BTSSvc$Orders"},
                                           {"BizTalk Service BizTalk Group : Orders", "BTSSvc$Orders"},
                                           {"biztalk service A : B : Orders", "BTSSvc$Orders"},
                                           {"BizTalk Service BizTalk Group : ", "BizTalk Service BizTalk Group : "},
                                           {"BizTalk Service Bus", "BizTalk Service Bus"},
                                           {"Message Queuing", "MSMQ"},
                                           {"Message Queuing Triggers", "Message Queuing Triggers"},
                                           {"ENTERPRISE single sign-on service", "ENTSSO"}};
    char name[FOUND_NAME], longest[FOUND_NAME + 1];
    (void)unused;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_true(service_short_name(pairs[i][0], strlen(pairs[i][0]), name));
        assert_string_equal(name, pairs[i][1]);
    }
    memset(longest, 'x', sizeof longest);
    assert_true(service_short_name(longest, FOUND_NAME - 1, name));
    assert_false(service_short_name(longest, FOUND_NAME, name));
    assert_false(service_short_name("", 0, name));
    assert_false(service_short_name("a\0b", 3, name));
}

static void only_some_services_matter(void **unused)
{
    (void)unused;
    assert_true(service_matters("BTSSvc$Orders") && service_matters("btssvc$orders") && service_matters("MSMQ") &&
                service_matters("MSMQ$cluster") && service_matters("ENTSSO") && service_matters("MSDTC") && service_matters("ClusSvc"));
    assert_false(service_matters("Spooler") || service_matters("BTSSvc") || service_matters("ENTSSO2") || service_matters(""));
}

static void queues_belong_to_a_machine_by_their_names(void **unused)
{
    static const char *const names[] = {"btsmsmq"};
    const struct texts machines = {1, names};
    const struct probe_context node = {.node = "BTS01", .host = "bts01.corp.example", .address = "10.1.1.11"};
    (void)unused;
    assert_int_equal(queue_class_of("bts01\\private$\\orders", &node, &machines), QUEUE_LOCAL);
    assert_int_equal(queue_class_of("BTSMSMQ\\private$\\orders", &node, &machines), QUEUE_LOCAL);
    assert_int_equal(queue_class_of("other\\private$\\orders", &node, &machines), QUEUE_OUTGOING);
    assert_int_equal(queue_class_of("DIRECT=OS:bts01.corp.example\\q", &node, &machines), QUEUE_LOCAL);
    assert_int_equal(queue_class_of("DIRECT=TCP:10.1.1.12\\q", &node, &machines), QUEUE_OUTGOING);
    assert_int_equal(queue_class_of("DIRECT=HTTP://other/msmq/q", &node, &machines), QUEUE_OUTGOING);
    assert_int_equal(queue_class_of("computer queues", &node, &machines), QUEUE_COMPUTER);
    assert_int_equal(queue_class_of("PUBLIC=1234", &node, &machines), QUEUE_LOCAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_of_the_site_count_too),
        cmocka_unit_test(the_port_of_the_server_counts_and_that_of_a_node_does_not),
        cmocka_unit_test(a_zone_is_no_part_of_the_address),
        cmocka_unit_test(connections_are_bounded),
        cmocka_unit_test(processes_are_bounded),
        cmocka_unit_test(a_length_that_lies_spells_no_service),
        cmocka_unit_test(services_have_short_names),
        cmocka_unit_test(only_some_services_matter),
        cmocka_unit_test(queues_belong_to_a_machine_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
