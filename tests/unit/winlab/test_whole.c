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
    fprintf(out, "    audit: {pop3_concurrent: yes}\n    wsfc: {owners_every: 64}\n    biztalk: {slow_every: 1}\n    nodes:\n");
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

/* What the http channel would bring: the body in pieces, then its end. */
static enum step post(struct whole *whole, const struct source_conf *source, size_t node, void *state, const struct probe_context *context,
                      struct request *request, struct seen *seen)
{
    assert_int_equal(request->kind, REQUEST_POST);
    assert_null(strstr(request->body, "CustomCfg"));
    unsigned status;
    size_t size;
    char *answer = answering_post(whole->nodes[node], request->body, request->body_size, whole->rehearsal.now, &size, &status);
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
        step = post(whole, source, source->node_index, state, &context, &request, &seen);
    }
    assert_int_equal(seen.items[0].verdict, YES);
    free(state);
}

static void ask_all(struct whole *whole)
{
    for (uint16_t i = 0; i < whole->compiled->policy.source_count; i++) {
        const struct probe_type *type = whole->compiled->sources[i].type;
        if (type == &probe_wsfc || type == &probe_biztalk || type == &probe_service)
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_is_good), cmocka_unit_test(bad_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
