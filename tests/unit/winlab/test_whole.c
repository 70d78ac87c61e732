/* The agent's own probes on the simulated world, without a socket in between: probe → winlab's SOAP → world → rows → estate → audit.
 * Two independent readings of Windows' documentation meet here. */
#include "rehearsal.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "agent/core/audit.h"
#include "answering.h"

enum { RULES = 64, REQUESTS_MAX = 2000 };

struct whole {
    struct rehearsal rehearsal;
    struct config *config;
    struct compiled *compiled;
    struct bounded_memory memory;
    struct estate *estate;
    struct answering *nodes[LAB_NODES];
    uint16_t source; /* that talks just now */
    msec_t now;
    unsigned violations[RULES], unknown[RULES];
    char said[32 * 1024];
};

static void *take(size_t size, void *context)
{
    (void)context;
    return calloc(1, size);
}

static void release(void *block, void *context)
{
    (void)context;
    free(block);
}

static void configure(struct whole *whole)
{
    char *text = NULL, secret[] = "/tmp/winlab-whole-XXXXXX";
    size_t size;
    close(mkstemp(secret));
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    fprintf(out,
            "version: 1\ncredentials: {observe: {user: x, password_file: %s}}\nclusters:\n  lab:\n    type: wsfc\n    observe: observe\n",
            secret);
    fprintf(
        out,
        "    audit: {pop3_concurrent: yes}\n    wsfc: {owners_every: 64}\n    biztalk: {slow_every: 1}\n    exporter: {}\n    nodes:\n");
    for (size_t i = 0; i < world_node_count(whole->rehearsal.world); i++)
        fprintf(out, "      %s: {name: %s.corp.example, addresses: [%s]}\n", world_node_name(whole->rehearsal.world, i),
                world_node_name(whole->rehearsal.world, i), world_node_address(whole->rehearsal.world, i));
    fprintf(out, "    groups:\n");
    for (size_t i = 0; i < whole->rehearsal.cluster->group_count; i++)
        fprintf(out, "      %s: {}\n", whole->rehearsal.cluster->groups[i].name);
    fclose(out);
    struct diagnostics diagnostics = {.out = stderr, .limit = 20};
    whole->config = config_parse("test.yaml", text, size, &diagnostics);
    assert_non_null(whole->config);
    whole->compiled = config_compile(whole->config);
    unlink(secret);
    free(text);
}

static void whole_open(struct whole *whole, const char *scenario)
{
    *whole = (struct whole){.memory = {take, release, NULL}, .now = 1000000};
    rehearsal_open(&whole->rehearsal, scenario);
    configure(whole);
    whole->estate = estate_open(&whole->compiled->policy, 0, &whole->memory);
    for (size_t i = 0; i < world_node_count(whole->rehearsal.world); i++)
        whole->nodes[i] = answering_open(whole->rehearsal.world, i);
}

static void whole_close(struct whole *whole)
{
    for (size_t i = 0; i < world_node_count(whole->rehearsal.world); i++) {
        assert_int_equal(answering_contexts(whole->nodes[i]), 0); /* every enumeration was pulled to its end or released */
        answering_close(whole->nodes[i]);
    }
    estate_close(whole->estate);
    config_compiled_close(whole->compiled);
    config_close(whole->config);
    rehearsal_close(&whole->rehearsal);
}

static void on_found(void *context, const struct found *found)
{
    struct whole *whole = context;
    if (found->step == FOUND_END && found->reason != REASON_OK)
        print_message("%s of %s: %s\n", found_kind_name(found->kind), whole->compiled->policy.sources[whole->source].name,
                      reason_name(found->reason));
    estate_found(whole->estate, whole->source, found, whole->now);
}

static bool on_wanted(void *context, enum found_kind kind, char name[FOUND_NAME])
{
    struct whole *whole = context;
    return estate_wanted(whole->estate, whole->source, kind, name, whole->now);
}

static char *answer_of(struct whole *whole, size_t node, const struct request *request, size_t *size, unsigned *status)
{
    *status = 200;
    if (request->kind == REQUEST_FETCH)
        return exporter_text(whole->rehearsal.world, node, size);
    assert_int_equal(request->kind, REQUEST_POST);
    assert_null(strstr(request->body, "CustomCfg"));
    return answering_post(whole->nodes[node], request->body, request->body_size, whole->rehearsal.now, size, status);
}

/* What the http channel would bring: the body in pieces, then its end. */
static enum step exchange(struct whole *whole, const struct source_conf *source, size_t node, void *state,
                          const struct probe_context *context, struct request *request, struct seen *seen)
{
    unsigned status;
    size_t size;
    char *answer = answer_of(whole, node, request, &size, &status);
    for (size_t at = 0; at < size; at += 1000) {
        struct reply part = {.reason = REASON_OK, .data = answer + at, .size = size - at < 1000 ? size - at : 1000, .more = true};
        assert_int_equal(source->type->step(source->conf, state, context, &part, request, seen), STEP_MORE);
    }
    struct reply last = {.reason = REASON_OK, .data = "", .http_status = (int)status};
    enum step step = source->type->step(source->conf, state, context, &last, request, seen);
    free(answer);
    return step;
}

static void converse(struct whole *whole, uint16_t position)
{
    const struct source_conf *source = &whole->compiled->sources[position];
    struct probe_context context = {.host = source->host,
                                    .found = on_found,
                                    .wanted = on_wanted,
                                    .found_context = whole,
                                    .memory = &whole->memory,
                                    .url = source->http->url,
                                    .nonce = {(uint8_t)position, 7},
                                    .timeout = 10000};
    struct request request = {0};
    struct seen seen = {0};
    void *state = calloc(1, source->type->state_size);
    assert_non_null(state);
    whole->source = position;
    enum step step = source->type->step(source->conf, state, &context, NULL, &request, &seen);
    for (size_t i = 0; step == STEP_MORE; i++) {
        assert_true(i < REQUESTS_MAX);
        step = exchange(whole, source, source->node_index, state, &context, &request, &seen);
    }
    assert_int_equal(seen.items[0].verdict, YES);
    free(state);
}

static void ask_all(struct whole *whole)
{
    for (uint16_t i = 0; i < whole->compiled->policy.source_count; i++) {
        const struct probe_type *type = whole->compiled->sources[i].type;
        if (type == &probe_wsfc || type == &probe_biztalk || type == &probe_service || type == &probe_msmq || type == &probe_exporter)
            converse(whole, i);
    }
}

static void on_finding(void *context, const struct audit_finding *finding)
{
    struct whole *whole = context;
    whole->violations[finding->rule->id] += finding->verdict == NO;
    whole->unknown[finding->rule->id] += finding->verdict == UNKNOWN;
    size_t used = strlen(whole->said);
    if (finding->verdict != YES)
        snprintf(whole->said + used, sizeof whole->said - used, "%u %s %s: %s [%s]\n", finding->rule->id,
                 finding->verdict == NO ? "violated" : "unknown", finding->subject, finding->evidence, reason_name(finding->reason));
}

static void audit(struct whole *whole)
{
    void *memory = calloc(1, audit_size());
    assert_non_null(memory);
    struct audit_input input = {.policy = &whole->compiled->policy, .estates = &whole->estate, .now = whole->now};
    audit_cluster(memory, &input, 0, on_finding, whole);
    free(memory);
}

static void nothing_wrong(const char *scenario)
{
    struct whole whole;
    whole_open(&whole, scenario);
    ask_all(&whole);
    audit(&whole);
    for (unsigned rule = 1; rule < RULES; rule++)
        if (whole.violations[rule] || (whole.unknown[rule] && rule != 33)) /* no server's log is configured here */
            fail_msg("rule %u on %s:\n%s", rule, scenario, whole.said);
    whole_close(&whole);
}

static void good_is_good(void **state)
{
    (void)state;
    nothing_wrong("good");
    nothing_wrong("four");
    nothing_wrong("demo");
}

static void bad_is_found(void **state)
{
    (void)state;
    static const unsigned seeded[] = {1,  2,  3,  4,  6,  7,  8,  9,  10, 11, 12, 13, 14, 16, 17,
                                      18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
    struct whole whole;
    whole_open(&whole, "bad");
    ask_all(&whole);
    whole.now += 15000; /* long enough for what pends for longer than 5 s */
    pass(&whole.rehearsal, 15000);
    ask_all(&whole);
    audit(&whole);
    for (size_t i = 0; i < sizeof seeded / sizeof seeded[0]; i++)
        if (!whole.violations[seeded[i]])
            fail_msg("rule %u is not found to be violated:\n%s", seeded[i], whole.said);
    for (unsigned rule = 1; rule < RULES; rule++) {
        bool expected = false;
        for (size_t i = 0; i < sizeof seeded / sizeof seeded[0]; i++)
            expected |= seeded[i] == rule;
        if (whole.violations[rule] && !expected)
            fail_msg("rule %u is found to be violated:\n%s", rule, whole.said);
    }
    whole_close(&whole);
}

static uint16_t source_of(const struct whole *whole, const struct probe_type *type, uint8_t node)
{
    for (uint16_t i = 0; i < whole->compiled->policy.source_count; i++)
        if (whole->compiled->sources[i].type == type && whole->compiled->sources[i].node_index == node)
            return i;
    fail_msg("no %s", type->name);
    return 0;
}

/* Rows of a kind begin with their name. */
static const void *found_by(const struct whole *whole, uint16_t source, enum found_kind kind, const char *name)
{
    for (size_t i = 0; i < estate_count(whole->estate, kind); i++) {
        struct estate_row row = estate_row(whole->estate, kind, i);
        if (row.source == source && strcmp(row.found, name) == 0)
            return row.found;
    }
    fail_msg("%s does not tell of %s %s", whole->compiled->policy.sources[source].name, found_kind_name(kind), name);
    return NULL;
}

static void same(enum found_kind kind, const void *left, const void *right)
{
    const struct found_group *group = left, *other_group = right;
    const struct found_resource *resource = left, *other_resource = right;
    const struct found_service *service = left, *other_service = right;
    if (kind == FOUND_GROUP) {
        assert_int_equal(group->state, other_group->state);
        assert_string_equal(group->owner, other_group->owner);
        assert_int_equal(group->failover_threshold, other_group->failover_threshold);
        assert_int_equal(group->auto_failback, other_group->auto_failback);
        assert_int_equal(group->failback_start, other_group->failback_start);
    } else if (kind == FOUND_RESOURCE) {
        assert_int_equal(resource->state, other_resource->state);
        assert_string_equal(resource->owner, other_resource->owner);
        assert_string_equal(resource->type, other_resource->type);
        assert_int_equal(resource->restart_period_ms, other_resource->restart_period_ms);
    } else {
        assert_int_equal(service->state, other_service->state);
        assert_int_equal(service->start_mode, other_service->start_mode);
        assert_int_equal(service->process ? service->process : ABSENT, other_service->process); /* none where it is stopped */
    }
}

static size_t compare(const struct whole *whole, enum found_kind kind, uint16_t source, uint16_t with)
{
    size_t compared = 0;
    for (size_t i = 0; i < estate_count(whole->estate, kind); i++) {
        struct estate_row row = estate_row(whole->estate, kind, i);
        if (row.source != source)
            continue;
        same(kind, row.found, found_by(whole, with, kind, row.found));
        compared++;
    }
    return compared;
}

static void exporter_tells_the_same(void **state)
{
    (void)state;
    struct whole whole;
    whole_open(&whole, "bad");
    obey(&whole.rehearsal, "kill FtpNarrow BTS01");
    pass(&whole.rehearsal, 5300);
    ask_all(&whole);
    for (uint8_t node = 0; node < 3; node++) {
        uint16_t exporter = source_of(&whole, &probe_exporter, node), wsfc = source_of(&whole, &probe_wsfc, node);
        assert_int_equal(compare(&whole, FOUND_GROUP, wsfc, exporter), whole.rehearsal.cluster->group_count);
        assert_int_equal(compare(&whole, FOUND_RESOURCE, wsfc, exporter), whole.rehearsal.cluster->resource_count);
        assert_int_equal(compare(&whole, FOUND_SERVICE, source_of(&whole, &probe_service, node), exporter),
                         services_listed(whole.rehearsal.cluster, node));
    }
    whole_close(&whole);
}

static int64_t messages(const struct whole *whole, uint16_t source)
{
    return ((const struct found_queue *)found_by(whole, source, FOUND_QUEUE, "btsmsmq\\private$\\payments"))->messages;
}

static void queues_are_counted(void **state)
{
    (void)state;
    struct whole whole;
    whole_open(&whole, "good");
    obey(&whole.rehearsal, "hang MsmqReceive BTS02");
    obey(&whole.rehearsal, "queue payments 1234");
    ask_all(&whole);
    assert_int_equal(messages(&whole, source_of(&whole, &probe_msmq, 1)), 1234);
    assert_int_equal(messages(&whole, source_of(&whole, &probe_exporter, 1)), 1234);
    whole_close(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_is_good), cmocka_unit_test(bad_is_found),
                                       cmocka_unit_test(exporter_tells_the_same), cmocka_unit_test(queues_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
