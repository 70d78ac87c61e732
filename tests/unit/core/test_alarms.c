/* Alarms are raised once, cleared once, kept while nobody knows; children keep quiet while a parent stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/core/alarms.h"

enum { ROWS = 8 };
static struct alarm rows[ROWS];
static uint32_t positions[32];
static struct alarm_table table;
static int raised, cleared;
static struct alarm last;

static void count(void *context, const struct alarm *alarm, bool up)
{
    (void)context;
    raised += up;
    cleared += !up;
    last = *alarm;
}

static int setup(void **state)
{
    (void)state;
    memset(rows, 0, sizeof rows);
    memset(positions, 0, sizeof positions);
    table = (struct alarm_table){.rows = rows, .capacity = ROWS, .index = positions, .index_mask = alarm_index_size(ROWS) - 1};
    raised = cleared = 0;
    return 0;
}

static const subject_t group1 = (subject_t)SUBJECT_GROUP << 24 | 1, group2 = (subject_t)SUBJECT_GROUP << 24 | 2;

static void set(uint8_t class, subject_t subject, enum verdict bad, msec_t now)
{
    alarm_set(&table, class, subject, 3, bad, REASON_SILENT, now, count, NULL);
}

static void test_once(void **state)
{
    (void)state;
    set(ALARM_IDLE, group1, NO, 1);
    assert_int_equal(table.count, 0);
    set(ALARM_IDLE, group1, YES, 2);
    set(ALARM_IDLE, group1, YES, 3);
    assert_int_equal(raised, 1);
    assert_int_equal(table.active, 1);
    const struct alarm *row = alarm_find(&table, ALARM_IDLE, group1);
    assert_true(row->since == 2 && row->seen_at == 3 && row->node == 3 && row->severity == SEVERITY_MAJOR);
    set(ALARM_IDLE, group1, NO, 4);
    set(ALARM_IDLE, group1, NO, 5);
    assert_int_equal(cleared, 1);
    assert_int_equal(table.active, 0);
    set(ALARM_IDLE, group1, YES, 6);
    assert_int_equal(raised, 2);
    assert_int_equal(row->raise_count, 2);
    assert_int_equal(row->sequence, 3);
}

static void test_unknown_keeps(void **state)
{
    (void)state;
    set(ALARM_NONE, group1, UNKNOWN, 1);
    assert_int_equal(table.count, 0);
    set(ALARM_NONE, group1, YES, 2);
    set(ALARM_NONE, group1, UNKNOWN, 100);
    const struct alarm *row = alarm_find(&table, ALARM_NONE, group1);
    assert_int_equal(row->state, ALARM_ACTIVE);
    assert_int_equal(row->seen_at, 2); /* its age shows */
    assert_int_equal(raised + cleared, 1);
}

static void test_keys_are_apart(void **state)
{
    (void)state;
    set(ALARM_NONE, group1, YES, 1);
    set(ALARM_NONE, group2, YES, 1);
    set(ALARM_IDLE, group1, YES, 1);
    assert_int_equal(raised, 3);
    set(ALARM_NONE, group2, NO, 2);
    assert_int_equal(cleared, 1);
    assert_true(last.subject == group2 && last.class == ALARM_NONE);
}

static void test_child_is_quiet(void **state)
{
    (void)state;
    set(ALARM_COMMON_CAUSE, group2, YES, 1);
    const struct alarm *parent = alarm_find(&table, ALARM_COMMON_CAUSE, group2);
    alarm_set_under(&table, parent, ALARM_NONE, group1, NODE_NONE, YES, REASON_ACTIVE_NOWHERE, 2, count, NULL);
    const struct alarm *child = alarm_find(&table, ALARM_NONE, group1);
    assert_int_equal(raised, 1);
    assert_int_equal(child->state, ALARM_SUPPRESSED);
    assert_ptr_equal(&rows[child->suppressed_by - 1], parent);
    /* cleared unheard: nothing is told */
    alarm_set_under(&table, parent, ALARM_NONE, group1, NODE_NONE, NO, REASON_OK, 3, count, NULL);
    assert_int_equal(cleared, 0);
    /* still bad when the parent is over: now it is told */
    alarm_set_under(&table, parent, ALARM_NONE, group1, NODE_NONE, YES, REASON_ACTIVE_NOWHERE, 4, count, NULL);
    set(ALARM_COMMON_CAUSE, group2, NO, 5);
    alarm_set_under(&table, parent, ALARM_NONE, group1, NODE_NONE, YES, REASON_ACTIVE_NOWHERE, 6, count, NULL);
    assert_int_equal(raised, 2);
    /* told before a parent came: its end is told, too */
    set(ALARM_COMMON_CAUSE, group2, YES, 7);
    alarm_set_under(&table, parent, ALARM_NONE, group1, NODE_NONE, YES, REASON_ACTIVE_NOWHERE, 8, count, NULL);
    assert_int_equal(child->state, ALARM_SUPPRESSED);
    cleared = 0;
    alarm_set_under(&table, parent, ALARM_NONE, group1, NODE_NONE, NO, REASON_OK, 9, count, NULL);
    assert_int_equal(cleared, 1);
}

static void test_withdrawn(void **state)
{
    (void)state;
    set(ALARM_NONE, group1, YES, 1);
    set(ALARM_IDLE, group1, YES, 1);
    set(ALARM_IDLE, group2, YES, 1);
    alarm_withdraw(&table, group1, 2, count, NULL);
    assert_int_equal(cleared, 2);
    assert_int_equal(last.reason, REASON_WITHDRAWN);
    assert_int_equal(table.active, 1);
}

static void test_full(void **state)
{
    (void)state;
    for (subject_t i = 0; i < ROWS; i++)
        set(ALARM_IDLE, subject_of(SUBJECT_HANDLER, i), YES, 1);
    set(ALARM_IDLE, subject_of(SUBJECT_HANDLER, 100), YES, 2);
    assert_int_equal(table.dropped, 1);
    set(ALARM_IDLE, subject_of(SUBJECT_HANDLER, 5), NO, 3);
    set(ALARM_IDLE, subject_of(SUBJECT_HANDLER, 3), NO, 4);
    set(ALARM_IDLE, subject_of(SUBJECT_HANDLER, 101), YES, 5); /* takes the place of the oldest cleared one */
    assert_null(alarm_find(&table, ALARM_IDLE, subject_of(SUBJECT_HANDLER, 5)));
    assert_non_null(alarm_find(&table, ALARM_IDLE, subject_of(SUBJECT_HANDLER, 3)));
    assert_int_equal(alarm_find(&table, ALARM_IDLE, subject_of(SUBJECT_HANDLER, 101))->state, ALARM_ACTIVE);
    for (subject_t i = 0; i < ROWS; i++)
        if (i != 5)
            assert_non_null(alarm_find(&table, ALARM_IDLE, subject_of(SUBJECT_HANDLER, i)));
    assert_int_equal(table.active, ROWS - 1);
}

static void test_rows_from_before_a_restart(void **state)
{
    (void)state;
    rows[table.count++] = (struct alarm){
        .class = ALARM_NONE, .subject = group1, .severity = SEVERITY_CRITICAL, .state = ALARM_ACTIVE, .raise_count = 4, .told = true};
    table.active++;
    set(ALARM_NONE, group1, UNKNOWN, 10); /* nothing is cleared before it is seen good */
    set(ALARM_NONE, group1, YES, 11);     /* and nothing told twice */
    assert_int_equal(raised + cleared, 0);
    set(ALARM_NONE, group1, NO, 12);
    assert_int_equal(cleared, 1);
    assert_int_equal(table.count, 1);
}

static void test_catalogue(void **state)
{
    (void)state;
    for (uint8_t class = ALARM_NOTHING; class < ALARM_CLASSES; class ++) {
        assert_string_not_equal(alarm_class_name(class), "?");
        assert_in_range(alarm_class_severity(class), SEVERITY_INFO, SEVERITY_CRITICAL);
        assert_string_not_equal(severity_name(alarm_class_severity(class)), "?");
    }
    assert_int_equal(alarm_class_severity(ALARM_BLIND), SEVERITY_CRITICAL);
    assert_int_equal(alarm_class_severity(ALARM_DUPLICATE_SUSPECTED), SEVERITY_WARNING);
    assert_string_equal(alarm_class_name(ALARM_CLASSES), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_once, setup),           cmocka_unit_test_setup(test_unknown_keeps, setup),
        cmocka_unit_test_setup(test_keys_are_apart, setup), cmocka_unit_test_setup(test_child_is_quiet, setup),
        cmocka_unit_test_setup(test_withdrawn, setup),      cmocka_unit_test_setup(test_full, setup),
        cmocka_unit_test_setup(test_catalogue, setup),      cmocka_unit_test_setup(test_rows_from_before_a_restart, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
