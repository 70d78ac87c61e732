/* The wheel of slots, the judgement of clocks, and a credential's rest after a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "agent/run/backoff.h"
#include "agent/run/loop.h"
#include "agent/run/scheduler.h"

enum { ENTRIES = 500 };

static void test_never_early_never_a_slot_late(void **state)
{
    (void)state;
    static struct wheel wheel;
    static struct wheel_entry entries[ENTRIES];
    unsigned seed = 7;
    msec_t now = 123456;
    wheel_open(&wheel, now);
    for (size_t i = 0; i < ENTRIES; i++)
        wheel_put(&wheel, &entries[i], now + rand_r(&seed) % 60000);
    size_t taken = 0;
    for (msec_t end = now + 61000; now < end;) {
        struct wheel_entry *entry;
        while ((entry = wheel_take(&wheel, now))) {
            assert_true(entry->due <= now);
            assert_true(now - entry->due < SLOT_MS);
            assert_null(entry->next);
            taken++;
            if (rand_r(&seed) % 4 == 0) { /* comes again, as a probe does */
                wheel_put(&wheel, entry, now + rand_r(&seed) % 20000);
                taken--;
                end = now + 21000 > end ? now + 21000 : end;
            }
        }
        msec_t idle = wheel_idle(&wheel, now);
        if (idle < 0)
            break;
        now += idle > 0 ? idle : 1;
    }
    assert_int_equal(taken, ENTRIES);
    assert_int_equal(wheel.count, 0);
}

static void test_moved_removed_overslept(void **state)
{
    (void)state;
    static struct wheel wheel;
    struct wheel_entry one = {0}, two = {0}, three = {0};
    wheel_open(&wheel, 1000);
    assert_int_equal(wheel_idle(&wheel, 1000), -1);
    wheel_put(&wheel, &one, 1100);
    wheel_put(&wheel, &one, 5000000); /* moved, far beyond one turn */
    wheel_put(&wheel, &two, 1100);
    wheel_put(&wheel, &three, 900); /* in the past: at once */
    assert_int_equal(wheel.count, 3);
    wheel_remove(&wheel, &two);
    wheel_remove(&wheel, &two);
    assert_ptr_equal(wheel_take(&wheel, 1010), &three);
    assert_null(wheel_take(&wheel, 4999999));
    assert_ptr_equal(wheel_take(&wheel, 5000000), &one);
    wheel_put(&wheel, &one, 5000100);
    assert_ptr_equal(wheel_take(&wheel, 9000000), &one); /* we slept for hours */
    assert_null(wheel_take(&wheel, 9000000));
    assert_int_equal(wheel_idle(&wheel, 9000000), -1);
}

static void test_clocks(void **state)
{
    (void)state;
    const struct loop_clocks was = {.monotonic = 1000000, .boot = 1500000, .wall = 1700000000000};
    struct loop_clocks is = was;
    is.monotonic += LOOP_TICK_MS + 100;
    is.boot += LOOP_TICK_MS + 100;
    is.wall += LOOP_TICK_MS + 900; /* the time service slews */
    struct loop_finding finding = loop_judge(&was, &is);
    assert_int_equal(finding.stalled_ms, 0);
    assert_int_equal(finding.stepped_ms, 0);

    is = was; /* stopped by a signal for ten seconds */
    is.monotonic += 10000, is.boot += 10000, is.wall += 10000;
    finding = loop_judge(&was, &is);
    assert_int_equal(finding.stalled_ms, 10000);
    assert_false(finding.suspended);
    assert_int_equal(finding.stepped_ms, 0);

    is = was; /* the machine slept for an hour: no step of the clock */
    is.monotonic += 500, is.boot += 3600000, is.wall += 3600000;
    finding = loop_judge(&was, &is);
    assert_int_equal(finding.stalled_ms, 3600000);
    assert_true(finding.suspended);
    assert_int_equal(finding.stepped_ms, 0);

    is = was; /* the clock was set back by a day */
    is.monotonic += 500, is.boot += 500, is.wall += 500 - 86400000;
    finding = loop_judge(&was, &is);
    assert_int_equal(finding.stalled_ms, 0);
    assert_int_equal(finding.stepped_ms, -86400000);
}

static void test_one_refusal_counts_once(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    backoff_open(&backoff);
    assert_true(backoff_permits(&backoff, 1, 1000));
    assert_false(backoff.proven);
    backoff_accepted(&backoff);
    assert_true(backoff.proven);
    backoff_refused(&backoff, 1, 900, 1000);
    backoff_refused(&backoff, 2, 950, 1010); /* was under way already */
    assert_int_equal(backoff.delay, BACKOFF_FIRST_MS);
    assert_false(backoff.proven);
    assert_false(backoff_permits(&backoff, 1, 1000 + BACKOFF_FIRST_MS - 1));
    assert_true(backoff_permits(&backoff, 1, 1000 + BACKOFF_FIRST_MS));
    assert_true(backoff_permits(&backoff, 2, 1000 + BACKOFF_FIRST_MS));
    backoff.shared = true; /* then the refused one gives way to the others */
    assert_false(backoff_permits(&backoff, 1, 1000 + BACKOFF_FIRST_MS));
    assert_true(backoff_permits(&backoff, 2, 1000 + BACKOFF_FIRST_MS));
    assert_true(backoff_permits(&backoff, 1, 1000 + BACKOFF_FIRST_MS + BACKOFF_FIRST_MS / 2));
    backoff_open(&backoff);
    assert_true(backoff.shared);
}

static void test_rest_doubles_up_to_an_hour(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    backoff_open(&backoff);
    msec_t now = 1000;
    for (msec_t delay = BACKOFF_FIRST_MS; delay < BACKOFF_MAX_MS; delay *= 2) {
        backoff_refused(&backoff, 1, now, now);
        assert_int_equal(backoff.delay, delay);
        now = backoff.until;
    }
    for (int i = 0; i < 3; i++) {
        backoff_refused(&backoff, 1, now, now);
        assert_int_equal(backoff.delay, BACKOFF_MAX_MS);
        now = backoff.until;
    }
    backoff_undecided(&backoff, 1); /* its server is gone: then any may try */
    assert_true(backoff_permits(&backoff, 2, now));
    assert_false(backoff_permits(&backoff, 2, now - 1));
    backoff_accepted(&backoff);
    assert_true(backoff_permits(&backoff, 3, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_early_never_a_slot_late),
        cmocka_unit_test(test_moved_removed_overslept),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_one_refusal_counts_once),
        cmocka_unit_test(test_rest_doubles_up_to_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
