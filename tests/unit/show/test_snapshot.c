/* A snapshot comes back as it was written, sorted; anything else than one of ours is refused. */
#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void rows_are_sorted_and_complete(void **state)
{
    (void)state;
    const struct snapshot *snapshot = fixture_snapshot(500);
    for (enum table_id table = TABLE_PROBE; table < TABLES; table++) {
        assert_int_equal(snapshot_count(snapshot, table), 500);
        for (uint32_t i = 1; i < 500; i++) {
            const uint32_t *before = snapshot_row(snapshot, table, i - 1), *row = snapshot_row(snapshot, table, i);
            assert_true(before[0] < row[0] || (before[0] == row[0] && before[1] < row[1]));
        }
    }
    assert_null(snapshot_row(snapshot, TABLE_PROBE, 500));
    assert_int_equal(snapshot->made_at, FIXTURE_NOW);
    snapshot_unmap(snapshot);
}

static void a_full_table_takes_no_more(void **state)
{
    (void)state;
    const uint32_t capacity[TABLES] = {[TABLE_NODE] = 1};
    struct snapshot_writer *writer = snapshot_begin(capacity, 1, 1);
    assert_non_null(snapshot_add(writer, TABLE_NODE));
    assert_null(snapshot_add(writer, TABLE_NODE));
    assert_null(snapshot_add(writer, TABLE_ALARM));
    close(snapshot_finish(writer));
}

static void equal_keys_stay_once(void **state)
{
    (void)state;
    const uint32_t capacity[TABLES] = {[TABLE_NODE] = 4};
    struct snapshot_writer *writer = snapshot_begin(capacity, 1, 1);
    for (uint32_t i = 0; i < 4; i++)
        ((struct row_node *)snapshot_add(writer, TABLE_NODE))->head.index = 9 - i / 2;
    int descriptor = snapshot_finish(writer);
    const struct snapshot *snapshot = snapshot_map(descriptor);
    assert_non_null(snapshot);
    assert_int_equal(snapshot_count(snapshot, TABLE_NODE), 2);
    snapshot_unmap(snapshot);
    close(descriptor);
}

static void it_cannot_be_changed_any_more(void **state)
{
    (void)state;
    int descriptor = fixture_descriptor(2);
    assert_int_equal(ftruncate(descriptor, 0), -1);
    assert_int_equal(write(descriptor, "x", 1), -1);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), MAP_FAILED);
    close(descriptor);
}

/* A copy of the fixture with `size` bytes changed at `offset`, sealed unless told otherwise. */
static int forged(size_t offset, const void *bytes, size_t size, bool sealed, size_t cut)
{
    int good = fixture_descriptor(FIXTURE_ROWS), bad = memfd_create("forged", MFD_ALLOW_SEALING);
    struct stat status;
    assert_int_equal(fstat(good, &status), 0);
    size_t length = (size_t)status.st_size - cut;
    char *copy = malloc((size_t)status.st_size);
    assert_int_equal(pread(good, copy, (size_t)status.st_size, 0), status.st_size);
    assert_true(offset + size <= (size_t)status.st_size);
    memcpy(copy + offset, bytes, size);
    assert_int_equal(write(bad, copy, length), (ssize_t)length);
    if (sealed)
        assert_int_equal(fcntl(bad, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
    free(copy);
    close(good);
    return bad;
}

static void assert_refused(int descriptor)
{
    assert_null(snapshot_map(descriptor));
    close(descriptor);
}

static void hostile_ones_are_refused(void **state)
{
    (void)state;
    const uint32_t zero = 0, huge = UINT32_MAX, one = 1;
    assert_refused(forged(0, &zero, sizeof zero, true, 0));                                 /* magic */
    assert_refused(forged(offsetof(struct snapshot, layout), &zero, sizeof zero, true, 0)); /* another version's rows */
    assert_refused(forged(0, &zero, 0, false, 0));                                          /* not sealed */
    assert_refused(forged(0, &zero, 0, true, 64));                                          /* cut short */
    assert_refused(forged(offsetof(struct snapshot, size), &one, sizeof one, true, 0));     /* lies about its size */
    for (size_t table = 0; table < TABLES; table++) {
        size_t at = offsetof(struct snapshot, tables) + table * sizeof(struct snapshot_table);
        assert_refused(forged(at + offsetof(struct snapshot_table, offset), &huge, sizeof huge, true, 0));
        assert_refused(forged(at + offsetof(struct snapshot_table, offset), &zero, sizeof zero, true, 0));
        assert_refused(forged(at + offsetof(struct snapshot_table, count), &huge, sizeof huge, true, 0));
        assert_refused(forged(at + offsetof(struct snapshot_table, capacity), &huge, sizeof huge, true, 0));
        assert_refused(forged(at + offsetof(struct snapshot_table, row_size), &one, sizeof one, true, 0));
    }
    const struct snapshot *good = fixture_snapshot(FIXTURE_ROWS);
    size_t first_probe = good->tables[TABLE_PROBE].offset;
    snapshot_unmap(good);
    assert_refused(forged(first_probe, &huge, sizeof huge, true, 0)); /* out of order */
    assert_refused(open("/dev/null", O_RDONLY));
    assert_refused(-1);
    int untouched = forged(0, &zero, 0, true, 0);
    const struct snapshot *accepted = snapshot_map(untouched);
    assert_non_null(accepted);
    snapshot_unmap(accepted);
    close(untouched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted_and_complete), cmocka_unit_test(a_full_table_takes_no_more),
        cmocka_unit_test(equal_keys_stay_once),         cmocka_unit_test(it_cannot_be_changed_any_more),
        cmocka_unit_test(hostile_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
