/* What the machine raises and clears, and when: quiet after a start, blindness, races, flapping, and the alarms of a handler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/machine.h"

/* ---- quiet, blind, and the rest of the catalogue ---- */

static void test_quiet_after_start(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof heard);
    struct scene_options with = options();
    if (scene.memory)
        scene_close(&scene);
    scene_open(&scene, &with, 0);
    fall(0);
    scene.due[scene.policy.source_count - 1] = scene.now + 1000000; /* one probe never speaks */
    pass(30);
    assert_int_equal(heard.raised[ALARM_NONE], 0);
    pass(30);
    assert_int_equal(heard.raised[ALARM_NONE], 1);
    assert_int_equal(heard.told[HAPPENED_DONE], 0);
}

static void test_would_race(void **state)
{
    (void)state;
    begin(options());
    assert_int_equal(heard.raised[ALARM_WOULD_RACE], 0);
    scene.groups[0].confirm = 6000; /* shorter than two rounds of the control probes */
    pass(2);
    assert_int_equal(heard.raised[ALARM_WOULD_RACE], 1);
    assert_int_equal(scene.decider->facts[0].confirm, 25000); /* the configuration never shortens it */
    scene.groups[0].confirm = 90000;
    pass(2);
    assert_int_equal(scene.decider->facts[0].confirm, 90000);
    assert_int_equal(heard.cleared[ALARM_WOULD_RACE], 1);
}

static void test_blind(void **state)
{
    (void)state;
    begin(options());
    scene.reachable[0] = scene.reachable[1] = false;
    pass(100);
    assert_int_equal(heard.raised[ALARM_BLIND], 0);
    pass(60);
    assert_int_equal(heard.raised[ALARM_BLIND], 1);
    assert_int_equal(heard.actions + heard.told[HAPPENED_PLANNED], 0);
    scene.reachable[0] = scene.reachable[1] = true;
    pass(20);
    assert_int_equal(heard.cleared[ALARM_BLIND], 1);
}

static void alarms_with(uint8_t handler_state, uint8_t data)
{
    scene.decider->model->handlers[0].state = handler_state;
    scene.decider->model->handlers[0].data = data;
    scene.decider->model->touched_all = true;
    alarms_fold(scene.decider, false, scene.now, NULL, NULL);
}

static bool stands(uint8_t class)
{
    const struct alarm *alarm = alarm_find(&scene.decider->alarms, class, subject_of(SUBJECT_HANDLER, 0));
    return alarm && alarm->state == ALARM_ACTIVE;
}

static void test_alarms_of_a_handler(void **state)
{
    (void)state;
    begin(options());
    alarms_with(HANDLER_DUPLICATE_SUSPECTED, DATA_MANY);
    assert_true(stands(ALARM_DUPLICATE_SUSPECTED) && !stands(ALARM_DUPLICATE_CONFIRMED));
    alarms_with(HANDLER_DUPLICATE_CONFIRMED, DATA_MANY);
    assert_true(!stands(ALARM_DUPLICATE_SUSPECTED) && stands(ALARM_DUPLICATE_CONFIRMED));
    alarms_with(HANDLER_DUPLICATE_SUSPECTED, DATA_MANY); /* receding: what was confirmed stays */
    assert_true(!stands(ALARM_DUPLICATE_SUSPECTED) && stands(ALARM_DUPLICATE_CONFIRMED));
    alarms_with(HANDLER_MOVING, DATA_UNKNOWN);
    assert_true(stands(ALARM_DUPLICATE_CONFIRMED));
    alarms_with(HANDLER_SINGLE, DATA_ONE);
    assert_false(stands(ALARM_DUPLICATE_CONFIRMED));
    alarms_with(HANDLER_IDLE, DATA_SILENT);
    assert_true(stands(ALARM_IDLE));
    alarms_with(HANDLER_SINGLE, DATA_UNKNOWN); /* nobody saw it poll */
    assert_true(stands(ALARM_IDLE));
    alarms_with(HANDLER_SINGLE, DATA_ONE);
    assert_false(stands(ALARM_IDLE));
    alarms_with(HANDLER_MISPLACED, DATA_ONE);
    assert_true(stands(ALARM_MISPLACED));
    alarms_with(HANDLER_UNKNOWN, DATA_ONE);
    assert_true(stands(ALARM_MISPLACED));
    alarms_with(HANDLER_SINGLE, DATA_ONE);
    assert_false(stands(ALARM_MISPLACED));
}

static void test_flapping(void **state)
{
    (void)state;
    struct scene_options with = options();
    with.mode = MODE_CONFIRM;
    begin(with);
    for (int i = 0; i < 4; i++) {
        fall(0);
        pass(40);
        scene.runs[0][0] = true;
        pass(60);
    }
    assert_int_equal(heard.raised[ALARM_FLAPPING], 1);
    fall(0);
    pass(60);
    assert_int_equal(command(VERB_APPROVE, (struct command){.plan = group(0)->plan}, 0), REASON_OK);
    pass(10);
    assert_int_equal(heard.actions, 0);
    assert_int_equal(group(0)->reason, REASON_FLAPPING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_after_start),   cmocka_unit_test(test_would_race), cmocka_unit_test(test_blind),
        cmocka_unit_test(test_alarms_of_a_handler), cmocka_unit_test(test_flapping),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scene_close(&scene);
    return failed;
}
