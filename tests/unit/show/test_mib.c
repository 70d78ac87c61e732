/* The MIB's text and the column tables say the same: every column is in the MIB with its number, type and labels, and the other way. */
#include "mib.h"

#include "agent/show/views.h"

static char *mib;

static int set_up(void **state)
{
    (void)state;
    mib = mib_text();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(mib);
    return 0;
}

static const char *asn_syntax(const struct column *column, enum cell_type type)
{
    switch (type) {
    case CELL_INTEGER:
        return "Integer32";
    case CELL_UNSIGNED:
    case CELL_TIME:
        return "Unsigned32";
    case CELL_GAUGE:
    case CELL_AGE:
        return "Gauge32";
    case CELL_COUNTER64:
        return "Counter64";
    case CELL_TRUTH:
        return "TruthValue";
    case CELL_ENUM:
        return "INTEGER";
    case CELL_DATE:
        return "DateAndTime";
    case CELL_TEXT:
        break;
    }
    assert_int_equal(column->asn, 4);
    return "SnmpAdminString";
}

static void every_column_is_in_the_mib(void **state)
{
    const struct snapshot *snapshot = fixture_snapshot(1);
    char name[64], definition[4096], syntax[64], place[128];
    (void)state;
    for (size_t t = 0; t < TABLES; t++)
        for (size_t c = 0; c < tables[t].column_count; c++) {
            const struct column *column = &tables[t].columns[c];
            struct cell cell;
            column->get(snapshot_row(snapshot, tables[t].id, 0), FIXTURE_NOW, &cell);
            mib_descriptor(tables[t].prefix, column->name, name, sizeof name);
            assert_true(strlen(name) <= 32);
            if (!mib_definition(mib, name, "OBJECT-TYPE", definition, sizeof definition))
                fail_msg("%s is not in the MIB", name);
            snprintf(place, sizeof place, "::= { %s%s %u }", tables[t].prefix, tables[t].indices ? "Entry" : "", column->sub);
            if (!strstr(definition, place))
                fail_msg("%s is not %s", name, place);
            assert_non_null(strstr(definition, "MAX-ACCESS read-only"));
            mib_resolve(mib, definition, syntax, sizeof syntax);
            if (strcmp(syntax, asn_syntax(column, cell.type)) != 0)
                fail_msg("%s is %s in the MIB, %s in the table", name, syntax, asn_syntax(column, cell.type));
            assert_string_not_equal(column->help, "");
        }
    snapshot_unmap(snapshot);
}

static void every_readable_object_is_a_column(void **state)
{
    size_t objects = 0, columns = 0;
    (void)state;
    for (size_t t = 0; t < TABLES; t++)
        columns += tables[t].column_count;
    for (const char *at = mib; (at = strstr(at, "MAX-ACCESS read-only")); at++)
        objects++;
    assert_int_equal(objects, columns);
}

static void tables_are_where_the_mib_says(void **state)
{
    char name[64], definition[4096], place[64];
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        snprintf(place, sizeof place, "::= { solowardenObjects %u }", tables[t].sub);
        snprintf(name, sizeof name, "%s%s", tables[t].prefix, tables[t].indices ? "Table" : "");
        assert_non_null(mib_definition(mib, name, tables[t].indices ? "OBJECT-TYPE" : "OBJECT IDENTIFIER", definition, sizeof definition));
        assert_non_null(strstr(definition, place));
        assert_int_equal(tables[t].id, t);
        for (size_t c = 1; c < tables[t].column_count; c++)
            assert_true(tables[t].columns[c - 1].sub < tables[t].columns[c].sub);
    }
    assert_non_null(strstr(mib, "solowardenMIB 1 }"));
    assert_non_null(strstr(mib, "::= { solowardenPlaypen 5757 }"));
}

/* The labels are the words of the enumerations; a number beyond the last label reads as the first word. */
static void labels_are_the_words(void **state)
{
    const struct snapshot *snapshot = fixture_snapshot(1);
    char name[64], definition[4096], syntax[64], label[64], first[64], word[64], row[2048];
    size_t enumerations = 0;
    (void)state;
    for (size_t t = 0; t < TABLES; t++)
        for (size_t c = 0; c < tables[t].column_count; c++) {
            const struct column *column = &tables[t].columns[c];
            struct cell cell;
            column->get(snapshot_row(snapshot, tables[t].id, 0), FIXTURE_NOW, &cell);
            if (cell.type != CELL_ENUM)
                continue;
            enumerations++;
            mib_descriptor(tables[t].prefix, column->name, name, sizeof name);
            mib_definition(mib, name, "OBJECT-TYPE", definition, sizeof definition);
            const char *labels = mib_resolve(mib, definition, syntax, sizeof syntax);
            mib_label(labels, 1, first, sizeof first);
            for (int value = 0; value < 64; value++) {
                memset(row, value, sizeof row); /* whatever byte the column reads, it is this one */
                column->get(row, FIXTURE_NOW, &cell);
                mib_label(labels, (long)cell.number, label, sizeof label);
                mib_case(cell.text, cell.size, word);
                if (strcmp(label[0] ? label : first, word) != 0)
                    fail_msg("%s: %ld is %s in the MIB, %s in the table", name, (long)cell.number, label, word);
            }
        }
    assert_int_equal(enumerations, 33);
    snapshot_unmap(snapshot);
}

static void columns_by_name(void **state)
{
    (void)state;
    assert_int_equal(column_by_name(&tables[TABLE_GROUP], "state")->sub, 3);
    assert_null(column_by_name(&tables[TABLE_GROUP], "nonsense"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_is_in_the_mib),
        cmocka_unit_test(every_readable_object_is_a_column),
        cmocka_unit_test(tables_are_where_the_mib_says),
        cmocka_unit_test(labels_are_the_words),
        cmocka_unit_test(columns_by_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
