/* SNMP indices: the same name gets the same number, collisions step aside and survive a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/keep/index.h"

static void same_name_same_index(void **state)
{
    (void)state;
    struct index_table *one = index_open(), *other = index_open();
    const char *names[] = {"pollers/orders", "pollers/p1", "biztalk/BizTalkFTP", "", "ü"};
    for (size_t i = 0; i < 5; i++)
        index_of(one, names[i]);
    for (size_t i = 5; i > 0; i--) {
        uint32_t index = index_of(other, names[i - 1]);
        assert_int_equal(index, index_of(one, names[i - 1]));
        assert_int_equal(index, index_hash(names[i - 1]));
        assert_in_range(index, 1, 0x7fffffff);
    }
    index_close(one);
    index_close(other);
}

struct moved {
    size_t count;
    char name[64];
    uint32_t index;
};

static void on_moved(void *context, const char *name, uint32_t index)
{
    struct moved *moved = context;
    moved->count++;
    moved->index = index;
    snprintf(moved->name, sizeof moved->name, "%s", name);
}

/* two names that want the same place */
static const char first[] = "n78454", second[] = "n124310";

static void collision_steps_aside_and_is_persisted(void **state)
{
    (void)state;
    uint32_t wanted = index_hash(first);
    assert_int_equal(index_hash(second), wanted);
    struct index_table *table = index_open();
    assert_int_equal(index_of(table, first), wanted);
    assert_int_equal(index_of(table, second), wanted + 1);
    assert_int_equal(index_of(table, first), wanted);
    struct moved moved = {0};
    index_moved(table, on_moved, &moved);
    assert_int_equal(moved.count, 1);
    assert_string_equal(moved.name, second);
    assert_int_equal(moved.index, wanted + 1);
    index_close(table);

    /* after a restart they come in the other order, and keep their numbers */
    struct index_table *again = index_open();
    index_set(again, moved.name, moved.index);
    assert_int_equal(index_of(again, second), wanted + 1);
    assert_int_equal(index_of(again, first), wanted);
    index_close(again);
}

static void persisted_nonsense_is_ignored(void **state)
{
    (void)state;
    struct index_table *table = index_open();
    index_set(table, "a", 0);
    index_set(table, "a", 0x80000000U);
    assert_int_equal(index_of(table, "a"), index_hash("a"));
    index_set(table, "a", 7);
    assert_int_equal(index_of(table, "a"), index_hash("a"));
    index_set(table, "b", index_hash("a"));
    assert_int_equal(index_of(table, "b"), index_hash("b"));
    index_close(table);
}

static void probing_wraps_at_the_end(void **state)
{
    (void)state;
    static const char edge[] = "e793521"; /* wants a place close to the end */
    struct index_table *table = index_open();
    for (uint32_t index = index_hash(edge); index <= 0x7fffffff; index++) {
        char name[32];
        snprintf(name, sizeof name, "filler-%u", index);
        index_set(table, name, index);
    }
    assert_int_equal(index_of(table, edge), 1);
    index_close(table);
}

static void many_names_are_all_different(void **state)
{
    (void)state;
    enum { NAMES = 100000 };
    struct index_table *table = index_open();
    uint8_t *seen = calloc(1, (size_t)1 << 28); /* one bit per index */
    assert_non_null(seen);
    for (unsigned i = 0; i < NAMES; i++) {
        char name[40];
        snprintf(name, sizeof name, "cluster-%u/group-%u", i % 50, i);
        uint32_t index = index_of(table, name);
        assert_false(seen[index >> 3] & (1 << (index & 7)));
        seen[index >> 3] = (uint8_t)(seen[index >> 3] | 1 << (index & 7));
    }
    free(seen);
    index_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_name_same_index),          cmocka_unit_test(collision_steps_aside_and_is_persisted),
        cmocka_unit_test(persisted_nonsense_is_ignored), cmocka_unit_test(probing_wraps_at_the_end),
        cmocka_unit_test(many_names_are_all_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
