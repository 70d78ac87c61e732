/* Rows as text and as JSON: aligned, complete, and harmless whatever a row holds. */
#include "fixture.h"

#include <stdlib.h>

#include "agent/show/text.h"

static void clean_text(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f"},
        {"\x1b[2Jx", "?[2Jx"},
        {"\x9b", "?"},
        {"\xc2\x9b", "??"},
        {"\xed\xa0\x80", "???"},
        {"a\xe2\x80\xae"
         "b\xe2\x80\xa8"
         "c\xe2\x80\x94",
         "a???b???c\xe2\x80\x94"},
        {"\xc0\xaf", "??"},
        {"a\xe2\x82", "a??"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xf5\x80\x80\x80", "????"},
        {"a\nb", "a?b"},
    };
    char out[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_clean(out, sizeof out, cases[i].in, strlen(cases[i].in));
        assert_string_equal(out, cases[i].out);
    }
    assert_int_equal(text_clean(out, 3, "\xc3\xbc\xc3\xbc", 4), 2); /* never half a character */
}

static char *table_text(const struct snapshot *snapshot, enum table_id table, bool wide)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    text_table(out, snapshot, &tables[table], wide);
    fclose(out);
    return text;
}

static void aligned_tables(void **state)
{
    const struct snapshot *snapshot = fixture_snapshot(FIXTURE_ROWS);
    (void)state;
    char *text = table_text(snapshot, TABLE_GROUP, false);
    const char *second = strchr(text, '\n') + 1;
    assert_int_equal(strstr(text, "state") - text, strstr(second, "unknown") - second);
    assert_non_null(strstr(text, "confirm"));
    free(text);
    for (enum table_id table = 0; table < TABLES; table++) {
        text = table_text(snapshot, table, true);
        for (size_t i = 0; i < tables[table].column_count; i++)
            assert_non_null(strstr(text, tables[table].columns[i].name));
        free(text);
    }
    snapshot_unmap(snapshot);
}

static void json_has_every_column(void **state)
{
    const struct snapshot *snapshot = fixture_snapshot(FIXTURE_ROWS), *empty = fixture_snapshot(0);
    (void)state;
    for (enum table_id table = 0; table < TABLES; table++) {
        json_t *json = json_table(snapshot, &tables[table]), *none = json_table(empty, &tables[table]);
        json_t *row = tables[table].indices ? json_array_get(json, 0) : json;
        for (size_t i = 0; i < tables[table].column_count; i++)
            assert_non_null(json_object_get(row, tables[table].columns[i].name));
        if (tables[table].indices) {
            assert_int_equal(json_array_size(json), FIXTURE_ROWS);
            assert_int_equal(json_array_size(none), 0);
        }
        json_decref(json);
        json_decref(none);
    }
    json_t *probes = json_table(snapshot, &tables[TABLE_PROBE]), *never = json_array_get(probes, 0);
    assert_true(json_is_null(json_object_get(never, "age")));
    assert_true(json_is_null(json_object_get(never, "since")));
    assert_int_equal(json_integer_value(json_object_get(never, "runs")), 5000000000);
    json_decref(probes);
    json_t *resources = json_table(snapshot, &tables[TABLE_RESOURCE]), *resource = json_array_get(resources, 0);
    assert_true(json_is_null(json_object_get(resource, "failoversLeft"))); /* not known is no number */
    assert_int_equal(json_integer_value(json_object_get(resource, "restartLimit")), 0);
    json_decref(resources);
    snapshot_unmap(snapshot);
    snapshot_unmap(empty);
}

/* every byte of a row may be anything */
static void rubbish_is_shown_harmlessly(void **state)
{
    (void)state;
    for (enum table_id table = 0; table < TABLES; table++) {
        unsigned char row[2048];
        for (int round = 0; round < 300; round++) {
            for (size_t i = 0; i < sizeof row; i++)
                row[i] = round < 2 ? (unsigned char)-round : (unsigned char)rand();
            json_t *json = json_row(&tables[table], row, FIXTURE_NOW);
            for (size_t i = 0; i < tables[table].column_count; i++)
                assert_non_null(json_object_get(json, tables[table].columns[i].name));
            json_decref(json);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_text),
        cmocka_unit_test(aligned_tables),
        cmocka_unit_test(json_has_every_column),
        cmocka_unit_test(rubbish_is_shown_harmlessly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
