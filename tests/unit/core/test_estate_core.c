/* What the core makes of the words of an estate: polls that are not expected, the secret server, pending time-outs, one node's several
 * probes; and that no word which turns unknown makes it act. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/scene.h"

static struct scene scene;
static unsigned actions;

static void on_effect(void *context, const struct effect *effect)
{
    (void)context;
    actions += effect->kind == EFFECT_ACTION;
}

static void pass(long seconds)
{
    for (; seconds > 0; seconds--, scene.now += 1000)
        scene_second(&scene, on_effect, NULL);
}

static void begin(uint8_t triggers, uint8_t mode)
{
    const struct scene_options options = {.type = "wsfc",
                                          .groups = 2,
                                          .mode = mode,
                                          .triggers = triggers,
                                          .singleton = SINGLETON_YES,
                                          .estate = true,
                                          .poll = 60000,
                                          .lag_max = 60000,
                                          .trusted_after = 60000,
                                          .cool_down = 300000,
                                          .common_window = 60000};
    if (scene.memory)
        scene_close(&scene);
    scene_open(&scene, &options, 0);
    actions = 0;
    pass(400);
}

static void say(subject_t subject, uint8_t aspect, uint8_t verdict, uint16_t reason, int64_t value)
{
    const struct observation word = {.subject = subject,
                                     .source = scene.cluster.preflight,
                                     .node = NODE_NONE,
                                     .aspect = aspect,
                                     .verdict = verdict,
                                     .reason = reason,
                                     .value = value,
                                     .at = scene.now};
    model_observe(scene.decider->model, &word);
}

static void tick(void)
{
    decider_tick(scene.decider, ++scene.now, scene.wall_offset, on_effect, NULL);
}

static void expect_gate(enum gate gate, bool open, uint16_t reason)
{
    const struct facts *facts = &scene.decider->facts[0];
    assert_int_equal((facts->open >> gate) & 1, open);
    if (facts->gate_why[gate] != reason)
        fail_msg("%s: %s", gate_name(gate), reason_name(facts->gate_why[gate]));
}

/* ---- the secret server ---- */

static void test_secret_server(void **state)
{
    subject_t cluster = subject_of(SUBJECT_CLUSTER, 0);
    (void)state;
    begin(TRIGGER_NONE, MODE_ADVISE);
    expect_gate(GATE_CAUSES, true, REASON_OK); /* it is elsewhere, and that is known */
    scene.estate = (estate_close(scene.estate), NULL);
    for (uint16_t i = 0; i < scene.policy.source_count; i++)
        scene.sources[i].interval = 1000000; /* words stand while we look */
    say(cluster, ASPECT_SECRET_SERVER, NO, REASON_SECRET_SERVER_DOWN, 0);
    tick();
    expect_gate(GATE_CAUSES, false, REASON_SECRET_SERVER_DOWN);
    say(cluster, ASPECT_SECRET_SERVER, UNKNOWN, REASON_STALE, 0);
    tick();
    expect_gate(GATE_CAUSES, false, REASON_CAUSE_UNKNOWN);
    say(cluster, ASPECT_SECRET_SERVER, YES, REASON_OK, 0);
    tick();
    expect_gate(GATE_CAUSES, false, REASON_CAUSE_SETTLING);
    scene.now += 60000;
    tick();
    expect_gate(GATE_CAUSES, true, REASON_OK);
    scene.now += 3000000; /* a word that is too old is none */
    tick();
    expect_gate(GATE_CAUSES, false, REASON_CAUSE_UNKNOWN);
}

static void test_pending_timeout(void **state)
{
    (void)state;
    begin(TRIGGER_NONE, MODE_ADVISE);
    msec_t before = scene.decider->facts[0].moved_deadline;
    assert_int_equal(before, 2 * 180000 + 2 * 10000);
    say(subject_of(SUBJECT_GROUP, 0), ASPECT_PENDING_TIMEOUT, YES, REASON_OK, 600000);
    tick();
    assert_int_equal(scene.decider->facts[0].moved_deadline, 2 * 600000 + 2 * 10000);
    assert_int_equal(scene.decider->facts[1].moved_deadline, before);
    say(subject_of(SUBJECT_GROUP, 0), ASPECT_PENDING_TIMEOUT, YES, REASON_OK, INT64_MAX); /* hostile */
    tick();
    assert_int_equal(scene.decider->facts[0].moved_deadline, 2 * 3600000 + 2 * 10000);
}

/* ---- expected polls ---- */

static void test_silence_that_is_meant(void **state)
{
    (void)state;
    begin(TRIGGER_IDLE, MODE_CONFIRM);
    scene.location_disabled[0] = true;
    scene.hangs[0][0] = true;
    pass(600);
    const struct handler_state_row *row = &scene.decider->model->handlers[0];
    assert_int_equal(row->state, HANDLER_SINGLE);
    assert_int_equal(row->reason, REASON_LOCATION_DISABLED);
    assert_false(scene.decider->facts[0].bits & FACT_IDLE);
    for (uint8_t n = 0; n < 2; n++)
        scene.reachable[n] = false; /* nobody can read the locations any more: that does not open them */
    pass(1000);
    assert_int_equal(row->expected, NO);
    assert_false(row->expected_known);
    assert_int_equal(row->state, HANDLER_UNKNOWN); /* by data alone it would be idle */
    assert_int_equal(scene.decider->groups[0].plan, 0);
}

/* A handler that rests does not hide that the others of its group are idle, and does not make them look like a part of the group. */
static void test_who_rests_hides_nobody(void **state)
{
    (void)state;
    begin(TRIGGER_IDLE, MODE_CONFIRM);
    scene.handlers[1].group = 0; /* both handlers are of the first group */
    scene.groups[0].handler_count = 2;
    scene.groups[1].handler_count = 0;
    scene.location_disabled[1] = true;
    scene.hangs[0][0] = scene.hangs[1][0] = true;
    pass(600);
    assert_int_equal(scene.decider->model->handlers[0].state, HANDLER_IDLE);
    assert_false(scene.decider->model->handlers[0].flags & FLAG_PARTIAL);
    assert_int_equal(scene.decider->model->handlers[1].state, HANDLER_SINGLE);
    assert_true(scene.decider->facts[0].bits & FACT_IDLE);
}

static void test_idle_needs_to_be_expected(void **state)
{
    (void)state;
    begin(TRIGGER_IDLE, MODE_CONFIRM);
    scene.hangs[0][0] = true;
    pass(400);
    assert_true(scene.decider->facts[0].bits & FACT_IDLE);
    expect_gate(GATE_INTENDED, true, REASON_OK);
    say(subject_of(SUBJECT_HANDLER, 0), ASPECT_EXPECTED, UNKNOWN, REASON_ACCESS_DENIED, 0);
    tick();
    assert_true(scene.decider->facts[0].bits & FACT_IDLE); /* it is told */
    expect_gate(GATE_INTENDED, false, REASON_ACCESS_DENIED);
}

/* ---- one node, two probes ---- */

static void test_two_readings_of_one_manager_are_one_poll(void **state)
{
    (void)state;
    begin(TRIGGER_NONE, MODE_ADVISE);
    while ((scene.now - SCENE_ZERO) % 30000 != 20000) /* services are read in 10 s, BizTalk in 10 and 11 s */
        pass(1);
    scene.runs[0][1] = true;
    pass(12);
    assert_int_equal(scene.decider->model->control[0].plane, CONTROL_MANY);
    assert_int_equal(scene.decider->model->control[0].double_rounds, 1); /* both probes of both nodes have spoken: once */
    pass(26);
    assert_int_equal(scene.decider->model->control[0].double_rounds, 1); /* BizTalk again, the services not yet */
    pass(4);
    assert_int_equal(scene.decider->model->control[0].double_rounds, 2);
}

/* Of one node's own words the later one counts, whichever of its probes it is from. */
static void test_the_later_own_word_counts(void **state)
{
    const struct control_row *row;
    (void)state;
    begin(TRIGGER_NONE, MODE_ADVISE);
    while ((scene.now - SCENE_ZERO) % 30000 != 12000)
        pass(1);
    row = &scene.decider->model->control[0];
    scene.runs[0][1] = true;
    pass(6); /* BizTalk on B says so at 16 */
    assert_int_equal(row->first_hand & 2, 2);
    assert_int_equal(row->first_hand_no & 2, 0); /* its services said NO at 0 */
    scene.runs[0][1] = false;
    pass(13); /* its services say NO at 30, BizTalk not yet */
    assert_int_equal(row->first_hand & 2, 0);
    assert_int_equal(row->first_hand_no & 2, 2);
    assert_int_equal(row->plane, CONTROL_ONE);
}

/* ---- unknown never speaks for acting ---- */

static unsigned actions_from_here(void)
{
    actions = 0;
    for (msec_t later = 0; later < 4; later++)
        decider_tick(scene.decider, scene.now + later, scene.wall_offset, on_effect, NULL);
    return actions;
}

/* Every single word in turn. */
static unsigned compare_with_unknown(void)
{
    size_t size = decider_size(&scene.policy);
    void *kept = malloc(size);
    memcpy(kept, scene.memory, size);
    unsigned base = actions_from_here();
    memcpy(scene.memory, kept, size);
    uint32_t count = scene.decider->model->slot_count;
    for (uint32_t i = 1; i < count; i++) {
        struct slot *slot = &scene.decider->model->slots[i];
        slot->last.verdict = UNKNOWN;
        slot->last.reason = REASON_REPLY_TIMEOUT;
        assert_true(actions_from_here() <= base);
        memcpy(scene.memory, kept, size);
        slot->last.at = 1; /* the same by age */
        assert_true(actions_from_here() <= base);
        memcpy(scene.memory, kept, size);
    }
    free(kept);
    actions = 0;
    return base;
}

static void test_unknown_never_acts(void **state)
{
    (void)state;
    for (unsigned scenario = 0; scenario < 4; scenario++) {
        unsigned could = 0;
        begin(TRIGGER_NONE, MODE_AUTO);
        scene.groups[0].trusted_after = scene.groups[1].trusted_after = 0;
        scene.decider->world.journal = UNKNOWN; /* keeps everything back while we look */
        scene.runs[0][0] = scenario == 1;
        scene.runs[0][1] = scenario == 1;
        scene.owner[0] = scenario == 1 ? 0 : NODE_NONE;
        scene.reachable[0] = scenario != 2;
        scene.location_disabled[0] = scenario == 3;
        for (int i = 0; i < 150; i++, pass(1)) {
            if (i % 10 != 5)
                continue;
            scene.decider->world.journal = YES;
            could += compare_with_unknown();
            scene.decider->world.journal = UNKNOWN;
        }
        assert_true(could > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret_server),
        cmocka_unit_test(test_pending_timeout),
        cmocka_unit_test(test_silence_that_is_meant),
        cmocka_unit_test(test_who_rests_hides_nobody),
        cmocka_unit_test(test_idle_needs_to_be_expected),
        cmocka_unit_test(test_two_readings_of_one_manager_are_one_poll),
        cmocka_unit_test(test_the_later_own_word_counts),
        cmocka_unit_test(test_unknown_never_acts),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scene_close(&scene);
    return failed;
}
