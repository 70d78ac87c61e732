/* The whole machine on a small static cluster: plans, approvals, results, budgets, pauses, restarts, and what is told when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/machine.h"

/* ---- a plain failover ---- */

static void test_moves_by_itself(void **state)
{
    (void)state;
    begin(options());
    fall(0);
    pass(20);
    assert_int_equal(heard.actions, 0); /* the confirm window of a static cluster: 2 × interval + timeout */
    pass(40);
    assert_int_equal(heard.actions, 1);
    assert_int_equal(heard.told[HAPPENED_PLANNED], 1);
    assert_int_equal(heard.told[HAPPENED_STARTED], 1);
    assert_true(heard.last.act == ACT_MOVE && heard.last.from == 0 && heard.last.target == 1);
    assert_int_equal(result(YES, REASON_DONE), REASON_OK);
    come_up_on_b(0);
    pass(150);
    assert_int_equal(group(0)->phase, PHASE_OK);
    assert_int_equal(heard.told[HAPPENED_DONE], 1);
    assert_int_equal(heard.actions, 1);
    assert_int_equal(scene.decider->model->handlers[0].node, 1);
    assert_int_equal(heard.raised[ALARM_NONE], heard.cleared[ALARM_NONE]);
}

static void test_modes(void **state)
{
    static const struct {
        uint8_t mode;
        unsigned plans, actions;
    } modes[] = {{MODE_OBSERVE, 0, 0}, {MODE_ADVISE, 1, 0}, {MODE_CONFIRM, 1, 0}, {MODE_AUTO, 1, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct scene_options with = options();
        with.mode = modes[i].mode;
        begin(with);
        fall(0);
        pass(100);
        assert_int_equal(heard.told[HAPPENED_PLANNED], modes[i].plans);
        assert_int_equal(heard.actions, modes[i].actions);
        assert_int_equal(heard.raised[ALARM_NONE], 1);
    }
}

static void test_approval(void **state)
{
    (void)state;
    struct scene_options with = options();
    with.mode = MODE_CONFIRM;
    begin(with);
    assert_int_equal(command(VERB_APPROVE, (struct command){.plan = 1}, 0), REASON_NO_PLAN);
    fall(0);
    pass(70);
    uint64_t plan = group(0)->plan;
    assert_int_not_equal(plan, 0);
    assert_int_equal(command(VERB_APPROVE, (struct command){.plan = plan + 1}, 0), REASON_NO_PLAN);
    assert_int_equal(heard.actions, 0);
    scene.server_up[SERVER_PARTNER] = false; /* while the cause is down, an approval waits for its gates, and lapses */
    pass(120);
    assert_int_equal(command(VERB_APPROVE, (struct command){.plan = plan}, 0), REASON_OK);
    pass(605);
    assert_int_equal(heard.actions, 0);
    assert_int_equal(heard.told[HAPPENED_APPROVED], 1);
    assert_int_equal(heard.told[HAPPENED_LAPSED], 1);
    scene.server_up[SERVER_PARTNER] = true;
    pass(150);
    assert_int_equal(heard.actions, 0);
    assert_int_equal(command(VERB_APPROVE, (struct command){.plan = group(0)->plan}, 0), REASON_OK);
    pass(2);
    assert_int_equal(heard.actions, 1);
}

static void test_a_changed_target_is_another_plan(void **state)
{
    (void)state;
    struct scene_options with = options();
    with.mode = MODE_CONFIRM;
    begin(with);
    scene.cluster.node_count = 2;
    fall(0);
    pass(70);
    uint64_t plan = group(0)->plan;
    /* B stops answering: the plan stands, its target gate closes */
    scene.reachable[1] = false;
    pass(10);
    assert_true(group(0)->plan == plan || group(0)->phase != PHASE_WAITING);
    assert_int_equal(command(VERB_APPROVE, (struct command){.plan = plan}, 0), group(0)->plan == plan ? REASON_OK : REASON_NO_PLAN);
    pass(30);
    assert_int_equal(heard.actions, 0);
}

/* ---- results ---- */

static void test_nothing_done_is_tried_again(void **state)
{
    (void)state;
    begin(options());
    fall(0);
    pass(60);
    assert_int_equal(result(NO, REASON_NOTHING_DONE), REASON_OK);
    pass(5);
    assert_int_equal(group(0)->phase, PHASE_WAITING);
    assert_int_equal(group(0)->reason, REASON_COOL_DOWN);
    pass(200);
    assert_int_equal(heard.actions, 1);
    pass(120);
    assert_int_equal(heard.actions, 2);
    assert_int_equal(result(NO, REASON_NOTHING_DONE), REASON_OK);
    pass(700);
    assert_int_equal(heard.actions, 2); /* the budget: two in six hours */
    assert_int_equal(group(0)->reason, REASON_BUDGET_SPENT);
    assert_int_equal(command(VERB_ACK, (struct command){0}, 0), REASON_OK);
    pass(5);
    assert_int_equal(heard.actions, 3);
}

static void test_unproven_results_latch(void **state)
{
    static const struct {
        uint8_t verdict;
        uint16_t reason;
    } results[] = {{NO, REASON_UNFENCED}, {UNKNOWN, REASON_RESULT_UNKNOWN}, {UNKNOWN, REASON_PROGRAM_TIMEOUT}};
    (void)state;
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        begin(options());
        fall(0);
        pass(60);
        assert_int_equal(result(results[i].verdict, results[i].reason), REASON_OK);
        pass(5);
        assert_int_equal(group(0)->phase, PHASE_BLOCKED);
        assert_int_equal(group(0)->reason, results[i].reason);
        assert_int_equal(heard.raised[ALARM_FAILOVER_BLOCKED], 1);
        scene.runs[0][0] = true; /* well again, and still latched: nobody knows what that program did */
        pass(1000);
        assert_int_equal(group(0)->phase, PHASE_BLOCKED);
        assert_int_equal(command(VERB_FAILOVER, (struct command){.target = NODE_NONE}, 0), results[i].reason);
        assert_int_equal(command(VERB_ACK, (struct command){0}, 0), REASON_OK);
        assert_int_equal(group(0)->latched, LATCH_NONE);
        pass(5);
        assert_int_equal(group(0)->phase, PHASE_OK);
        assert_int_equal(heard.actions, 1);
        assert_int_equal(heard.cleared[ALARM_FAILOVER_BLOCKED], 1);
    }
}

static void test_not_moved_blocks_until_well(void **state)
{
    (void)state;
    begin(options());
    fall(0);
    pass(60);
    assert_int_equal(result(YES, REASON_DONE), REASON_OK);
    pass(150);
    assert_int_equal(group(0)->phase, PHASE_BLOCKED);
    assert_int_equal(group(0)->reason, REASON_NOT_MOVED);
    scene.runs[0][1] = true;
    pass(120);
    assert_int_equal(group(0)->phase, PHASE_OK); /* by evidence that it is well for the settle window */
}

static void test_up_on_the_wrong_node(void **state)
{
    (void)state;
    begin(options());
    fall(0);
    pass(60);
    assert_int_equal(result(YES, REASON_DONE), REASON_OK);
    scene.runs[0][0] = true; /* the result says done, and it runs, but where it was before */
    pass(100);
    assert_int_equal(heard.told[HAPPENED_DONE] + heard.told[HAPPENED_MOVED], 0);
    assert_int_equal(heard.told[HAPPENED_BLOCKED] + (group(0)->phase == PHASE_VERIFYING), 1);
}

static void test_results_of_others_are_refused(void **state)
{
    (void)state;
    begin(options());
    assert_int_equal(command(VERB_RESULT, (struct command){.plan = 5, .verdict = YES}, 0), REASON_NO_PLAN);
    fall(0);
    pass(60);
    assert_int_equal(command(VERB_RESULT, (struct command){.plan = heard.plan + 1, .verdict = YES}, 0), REASON_NO_PLAN);
    assert_int_equal(group(0)->phase, PHASE_ACTING);
    assert_int_equal(decider_command(scene.decider, 9, &(struct command){.verb = VERB_ACK}, scene.now, scene.wall_offset, NULL, NULL),
                     REASON_NO_PLAN);
}

static void test_a_result_from_inside_the_sink(void **state)
{
    (void)state;
    begin(options());
    heard.answer = 1;
    fall(0);
    pass(60);
    assert_int_equal(heard.actions, 1);
    assert_int_not_equal(group(0)->phase, PHASE_ACTING);
    assert_int_equal(group(0)->latched, LATCH_NONE);
}

/* ---- orders ---- */

static void test_orders(void **state)
{
    (void)state;
    begin(options());
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = 0}, 0), REASON_IS_OWNER);
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = 7}, 0), REASON_NO_TARGET);
    scene.decider->world.journal = UNKNOWN;
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = 1, .force = 1}, 0), REASON_JOURNAL_SILENT);
    scene.decider->world.journal = YES;
    scene.groups[0].fenced = false;
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = 1, .force = 1}, 0), REASON_NOT_FENCED);
    scene.groups[0].fenced = true;
    scene.server_up[SERVER_PARTNER] = false;
    pass(120);
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = 1}, 0), REASON_CAUSE_DOWN);
    assert_int_equal(group(0)->ordered, 0); /* what was refused leaves nothing behind */
    assert_int_equal(heard.actions, 0);
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = 1, .force = 1}, 0), REASON_OK);
    pass(1);
    assert_int_equal(heard.actions, 1);
    assert_true(heard.last.act == ACT_MOVE && heard.last.target == 1);
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = 1}, 0), REASON_IN_FLIGHT);
}

static void test_orders_by_mode(void **state)
{
    (void)state;
    struct scene_options with = options();
    with.mode = MODE_ADVISE;
    begin(with);
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = NODE_NONE}, 0), REASON_OK);
    pass(1);
    assert_int_equal(heard.actions, 1);
    with.mode = MODE_OBSERVE;
    begin(with);
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = NODE_NONE}, 0), REASON_MODE_OBSERVE);
    with.mode = MODE_AUTO;
    begin(with);
    scene.policy.observe_only = true;
    assert_int_equal(command(VERB_FAILOVER, (struct command){.target = NODE_NONE, .force = 1}, 0), REASON_OBSERVE_ONLY);
}

/* ---- pauses ---- */

static void pause_for(subject_t scope, long seconds)
{
    scene.pauses[scene.decider->world.pause_count++] =
        (struct pause){.scope = scope, .until = scene.now + scene.wall_offset + seconds * 1000};
}

static void test_pauses(void **state)
{
    const subject_t scopes[] = {subject_of(SUBJECT_AGENT, 0), subject_of(SUBJECT_CLUSTER, 0), subject_of(SUBJECT_GROUP, 0)};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        begin(options());
        pause_for(scopes[i], 300);
        pass(1);
        assert_int_equal(command(VERB_FAILOVER, (struct command){.target = 1, .force = 1}, 0), REASON_PAUSED);
        fall(0);
        pass(200);
        assert_int_equal(group(0)->phase, PHASE_HELD);
        assert_int_equal(heard.actions, 0);
        assert_int_equal(heard.raised[ALARM_NONE], 1); /* detection goes on */
        pass(110);
        assert_int_equal(heard.actions, 1); /* it expired */
    }
}

static void test_a_paused_node_is_no_target(void **state)
{
    (void)state;
    begin(options());
    pause_for(subject_of(SUBJECT_NODE, 1), 200);
    fall(0);
    pass(150);
    assert_int_equal(heard.actions, 0);
    assert_int_equal(group(0)->reason, REASON_NO_TARGET);
    assert_int_equal(scene.decider->facts[0].candidate_why[1], REASON_NODE_PAUSED);
    assert_int_equal(heard.raised[ALARM_FAILOVER_NOT_READY], 1);
    pass(60);
    assert_int_equal(heard.actions, 1);
}

/* ---- several groups ---- */

static void test_one_after_the_other(void **state)
{
    (void)state;
    struct scene_options with = options();
    with.groups = 3;
    begin(with);
    fall(0);
    fall(1);
    fall(2);
    pass(150);
    assert_int_equal(heard.raised[ALARM_COMMON_CAUSE], 1);
    assert_int_equal(heard.actions, 1);
    unsigned in_flight = 0;
    for (unsigned g = 0; g < 3; g++)
        in_flight += group(g)->phase == PHASE_ACTING || group(g)->phase == PHASE_VERIFYING;
    assert_int_equal(in_flight, 1);
    assert_int_equal(scene.decider->facts[1].gate_why[GATE_NOT_IN_FLIGHT], REASON_IN_FLIGHT);
    pass(100);
    assert_int_equal(heard.actions, 2); /* the first one is over, however it went */
}

/* ---- restarts and clocks ---- */

static void restart(void)
{
    struct group_state kept = *group(0);
    scene_open_core(&scene);
    decider_restore(scene.decider, 0, &kept, scene.now);
}

static void test_an_orphan_is_left_alone(void **state)
{
    (void)state;
    begin(options());
    fall(0);
    pass(60);
    assert_int_equal(heard.actions, 1);
    restart();
    pass(60);
    assert_int_equal(heard.actions, 1);
    assert_int_equal(group(0)->phase, PHASE_ACTING);
    assert_int_equal(result(YES, REASON_DONE), REASON_OK);
    come_up_on_b(0);
    pass(120);
    assert_int_equal(group(0)->phase, PHASE_OK);
    assert_int_equal(heard.actions, 1);
}

static void test_an_orphan_without_a_result(void **state)
{
    (void)state;
    begin(options());
    fall(0);
    pass(60);
    restart();
    pass(200);
    assert_int_equal(heard.actions, 1);
    assert_int_equal(group(0)->phase, PHASE_BLOCKED);
    assert_int_equal(group(0)->latched, LATCH_RESULT);
}

/* Its program says that it is done, and nobody polls: that nothing contradicts it yet is no proof. */
static void test_an_orphan_is_not_believed_unseen(void **state)
{
    (void)state;
    begin(options());
    scene.groups[0].handler_count = 0;
    fall(0);
    pass(60);
    assert_int_equal(heard.actions, 1);
    restart();
    assert_int_equal(result(YES, REASON_DONE), REASON_OK);
    for (int i = 0; i < 3; i++) /* before any probe has answered */
        decider_tick(scene.decider, ++scene.now, scene.wall_offset, on_effect, NULL);
    assert_int_equal(group(0)->phase, PHASE_VERIFYING);
    assert_int_equal(heard.told[HAPPENED_DONE], 0);
}

static void test_latches_and_budgets_survive(void **state)
{
    (void)state;
    begin(options());
    fall(0);
    pass(60);
    result(UNKNOWN, REASON_RESULT_UNKNOWN);
    pass(5);
    restart();
    pass(100);
    assert_int_equal(group(0)->phase, PHASE_BLOCKED);
    assert_int_equal(group(0)->latched, LATCH_RESULT);
    assert_int_not_equal(group(0)->moves[0] | group(0)->moves[1], 0);
}

static void test_a_clock_step_refills_nothing(void **state)
{
    (void)state;
    struct scene_options with = options();
    with.cool_down = 1000;
    begin(with);
    fall(0);
    pass(60);
    result(NO, REASON_NOTHING_DONE);
    pass(30);
    result(NO, REASON_NOTHING_DONE);
    assert_int_equal(heard.actions, 2);
    scene.wall_offset += 7 * 3600000;
    pass(100);
    assert_int_equal(heard.actions, 2);
    assert_int_equal(group(0)->reason, REASON_BUDGET_SPENT);
    scene.wall_offset -= 13 * 3600000;
    pass(100);
    assert_int_equal(heard.actions, 2);
}

static void test_shifted_times(void **state)
{
    (void)state;
    struct group_state was = {.since = 1000, .acted_at = 2000, .deadline = 0, .orphan_until = 5000, .changes = {7000}, .moves = {9}};
    group_state_shift(&was, 500);
    assert_true(was.since == 1500 && was.acted_at == 2500 && was.deadline == 0 && was.orphan_until == 5500 && was.changes[0] == 7500);
    assert_int_equal(was.moves[0], 9);
    group_state_rebase(&was, 100);
    assert_int_equal(was.moves[0], 109);
    assert_int_equal(was.moves[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves_by_itself),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_approval),
        cmocka_unit_test(test_a_changed_target_is_another_plan),
        cmocka_unit_test(test_nothing_done_is_tried_again),
        cmocka_unit_test(test_unproven_results_latch),
        cmocka_unit_test(test_not_moved_blocks_until_well),
        cmocka_unit_test(test_results_of_others_are_refused),
        cmocka_unit_test(test_a_result_from_inside_the_sink),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_orders_by_mode),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_a_paused_node_is_no_target),
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_an_orphan_is_left_alone),
        cmocka_unit_test(test_an_orphan_without_a_result),
        cmocka_unit_test(test_an_orphan_is_not_believed_unseen),
        cmocka_unit_test(test_latches_and_budgets_survive),
        cmocka_unit_test(test_a_clock_step_refills_nothing),
        cmocka_unit_test(test_shifted_times),
        cmocka_unit_test(test_up_on_the_wrong_node),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scene_close(&scene);
    return failed;
}
