/* The tree in three walks (order, GET of each, GETNEXT from each gives the next) against a golden list and a naive oracle. */
#include "fixture.h"

#include <inttypes.h>
#include <stdlib.h>

#include "agent/show/snmp_tree.h"

enum { NAMES_MAX = 4096, SUFFIX_MAX = 8 };

struct named {
    unsigned long name[TREE_NAME_MAX];
    size_t length;
    struct tree_place place;
};

static int compare(const unsigned long *a, size_t a_length, const unsigned long *b, size_t b_length)
{
    for (size_t i = 0; i < a_length && i < b_length; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return (a_length > b_length) - (a_length < b_length);
}

/* Every variable, made without the tree's own code. */
static size_t every_variable(const struct snapshot *snapshot, struct named *out)
{
    size_t count = 0;
    for (size_t t = 0; t < TABLES; t++)
        for (size_t c = 0; c < tables[t].column_count; c++)
            for (uint32_t r = 0; r < snapshot_count(snapshot, tables[t].id); r++) {
                const uint32_t *key = snapshot_row(snapshot, tables[t].id, r);
                struct named *named = &out[count++];
                assert_true(count < NAMES_MAX);
                unsigned long name[] = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 5757, 1, tables[t].sub};
                memcpy(named->name, name, sizeof name);
                named->length = sizeof name / sizeof *name;
                if (tables[t].indices)
                    named->name[named->length++] = 1;
                named->name[named->length++] = tables[t].columns[c].sub;
                if (!tables[t].indices)
                    named->name[named->length++] = 0;
                for (size_t i = 0; i < tables[t].indices; i++)
                    named->name[named->length++] = key[i];
                named->place = (struct tree_place){&tables[t], &tables[t].columns[c], r};
            }
    return count;
}

static const struct named *naive_next(const struct named *all, size_t count, const unsigned long *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (compare(all[i].name, all[i].length, name, length) > 0)
            return &all[i];
    return NULL;
}

static bool same_place(const struct tree_place *a, const struct tree_place *b)
{
    return a->table == b->table && a->column == b->column && a->row == b->row;
}

struct fixture {
    const struct snapshot *snapshot;
    struct named *all;
    size_t count;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->snapshot = fixture_snapshot(FIXTURE_ROWS);
    fixture->all = calloc(NAMES_MAX, sizeof *fixture->all);
    fixture->count = every_variable(fixture->snapshot, fixture->all);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    snapshot_unmap(fixture->snapshot);
    free(fixture->all);
    free(fixture);
    return 0;
}

static void print_variable(FILE *out, const struct fixture *fixture, const struct named *named)
{
    struct cell cell;
    named->place.column->get(snapshot_row(fixture->snapshot, named->place.table->id, named->place.row), FIXTURE_NOW, &cell);
    for (size_t i = TREE_ROOT_LENGTH; i < named->length; i++)
        fprintf(out, ".%lu", named->name[i]);
    fprintf(out, " %02x ", named->place.column->asn);
    if (cell.type == CELL_TEXT)
        fprintf(out, "\"%.*s\"\n", (int)cell.size, cell.text);
    else if (cell.type == CELL_ENUM || cell.type == CELL_TRUTH)
        fprintf(out, "%.*s(%" PRId64 ")\n", (int)cell.size, cell.text, cell.number);
    else
        fprintf(out, "%" PRId64 "\n", cell.number);
}

/* BLESS=1 in the environment writes the golden list anew. */
static void the_golden_list(void **state)
{
    const char *path = SOURCE_DIR "/tests/golden/show/tree.txt";
    char *made = NULL, *kept = calloc(1, 1 << 20);
    size_t size = 0;
    FILE *memory = open_memstream(&made, &size);
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < fixture->count; i++)
        print_variable(memory, fixture, &fixture->all[i]);
    fclose(memory);
    FILE *file = fopen(path, getenv("BLESS") ? "w+" : "r");
    assert_non_null(file);
    if (getenv("BLESS"))
        fwrite(made, 1, size, file);
    rewind(file);
    assert_true(fread(kept, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    assert_string_equal(made, kept);
    free(made);
    free(kept);
}

static void in_order(void **state)
{
    const struct fixture *fixture = *state;
    for (size_t i = 1; i < fixture->count; i++)
        assert_true(compare(fixture->all[i - 1].name, fixture->all[i - 1].length, fixture->all[i].name, fixture->all[i].length) < 0);
}

static void get_each(void **state)
{
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < fixture->count; i++) {
        const struct named *named = &fixture->all[i];
        struct tree_place place;
        unsigned long name[TREE_NAME_MAX];
        assert_int_equal(tree_find(fixture->snapshot, named->name, named->length, &place), TREE_FOUND);
        assert_true(same_place(&place, &named->place));
        assert_int_equal(tree_name(fixture->snapshot, &place, name), named->length);
        assert_int_equal(compare(name, named->length, named->name, named->length), 0);
        assert_int_not_equal(tree_find(fixture->snapshot, named->name, named->length - 1, &place), TREE_FOUND);
    }
}

static void next_of_each(void **state)
{
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < fixture->count; i++) {
        struct tree_place place;
        bool more = tree_next(fixture->snapshot, fixture->all[i].name, fixture->all[i].length, &place);
        assert_int_equal(more, i + 1 < fixture->count);
        if (more)
            assert_true(same_place(&place, &fixture->all[i + 1].place));
    }
}

/* what GETBULK does: one search, then steps */
static void bulk_from_each(void **state)
{
    const struct fixture *fixture = *state;
    for (size_t i = 0; i + 1 < fixture->count; i++) {
        struct tree_place place;
        assert_true(tree_next(fixture->snapshot, fixture->all[i].name, fixture->all[i].length, &place));
        for (size_t step = i + 1; step < fixture->count && step < i + 50; step++) {
            assert_true(same_place(&place, &fixture->all[step].place));
            assert_int_equal(tree_advance(fixture->snapshot, &place), step + 1 < fixture->count);
        }
    }
}

static void names_cut_short(void **state)
{
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < fixture->count; i++)
        for (size_t length = 0; length < fixture->all[i].length; length++) {
            struct tree_place place;
            const struct named *want = naive_next(fixture->all, fixture->count, fixture->all[i].name, length);
            assert_true(tree_next(fixture->snapshot, fixture->all[i].name, length, &place));
            assert_true(same_place(&place, &want->place));
        }
}

static unsigned long odd_number(unsigned long from)
{
    static const unsigned long odd[] = {0, 1, 2, 5, 11, 100, 0x7fffffff, 0xfffffffe, 0xffffffff};
    switch (rand() % 4) {
    case 0:
        return from + 1;
    case 1:
        return from ? from - 1 : 0;
    case 2:
        return (unsigned long)rand() & 0xffffffff;
    default:
        return odd[(size_t)rand() % (sizeof odd / sizeof *odd)];
    }
}

static void odd_names_against_the_oracle(void **state)
{
    const struct fixture *fixture = *state;
    srand(1);
    for (int round = 0; round < 200000; round++) {
        const struct named *base = &fixture->all[(size_t)rand() % fixture->count];
        unsigned long name[TREE_NAME_MAX + SUFFIX_MAX];
        size_t length = base->length;
        memcpy(name, base->name, length * sizeof *name);
        if (rand() % 3 == 0)
            length = (size_t)rand() % (length + 1);
        if (rand() % 3 == 0)
            for (int more = rand() % SUFFIX_MAX; more > 0; more--)
                name[length++] = odd_number(0);
        if (length && rand() % 2) {
            size_t at = (size_t)rand() % length;
            name[at] = odd_number(name[at]);
        }
        struct tree_place place;
        const struct named *want = naive_next(fixture->all, fixture->count, name, length);
        assert_int_equal(tree_next(fixture->snapshot, name, length, &place), want != NULL);
        if (want)
            assert_true(same_place(&place, &want->place));
        bool exists = false;
        for (size_t i = 0; i < fixture->count && !exists; i++)
            exists = compare(name, length, fixture->all[i].name, fixture->all[i].length) == 0;
        assert_int_equal(tree_find(fixture->snapshot, name, length, &place) == TREE_FOUND, exists);
    }
}

static void empty_tables(void **state)
{
    const struct fixture *fixture = *state;
    const struct snapshot *empty = fixture_snapshot(0);
    struct tree_place place;
    assert_false(tree_next(empty, tree_root, TREE_ROOT_LENGTH, &place));
    for (size_t i = 0; i < fixture->count; i++) {
        assert_false(tree_next(empty, fixture->all[i].name, fixture->all[i].length, &place));
        assert_int_equal(tree_find(empty, fixture->all[i].name, fixture->all[i].length, &place), TREE_NO_INSTANCE);
    }
    snapshot_unmap(empty);
}

static void what_is_missing(void **state)
{
    const struct fixture *fixture = *state;
    const unsigned long object[] = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 5757, 1, 1, 99, 0};
    const unsigned long instance[] = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 5757, 1, 2, 1, 2, 0};
    const unsigned long index_column[] = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 5757, 1, 2, 1, 1, fixture_index(1)};
    struct tree_place place;
    assert_int_equal(tree_find(fixture->snapshot, object, 14, &place), TREE_NO_OBJECT);
    assert_int_equal(tree_find(fixture->snapshot, instance, 15, &place), TREE_NO_INSTANCE);
    assert_int_equal(tree_find(fixture->snapshot, index_column, 15, &place), TREE_NO_OBJECT);
    assert_int_equal(tree_find(fixture->snapshot, tree_root, TREE_ROOT_LENGTH, &place), TREE_NO_OBJECT);
    assert_int_equal(tree_find(fixture->snapshot, tree_root, 0, &place), TREE_NO_OBJECT);
}

static void dates(void **state)
{
    uint8_t octets[DATE_OCTETS];
    (void)state;
    date_octets(1795378915432, octets);
    const uint8_t want[] = {2026 >> 8, 2026 & 255, 11, 22, 20, 21, 55, 4, '+', 0, 0};
    assert_memory_equal(octets, want, sizeof want);
    date_octets(-1, octets);
    assert_int_equal(octets[1], 1970 & 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_list), cmocka_unit_test(in_order),
        cmocka_unit_test(get_each),        cmocka_unit_test(next_of_each),
        cmocka_unit_test(bulk_from_each),  cmocka_unit_test(names_cut_short),
        cmocka_unit_test(empty_tables),    cmocka_unit_test(odd_names_against_the_oracle),
        cmocka_unit_test(what_is_missing), cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
