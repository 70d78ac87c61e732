/* Which queries are understood, and what they select. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lab/winlab/wql.h"
#include "tests/unit/winlab_wire/fake_world.h"

/* Which of the three instances a condition selects, as bits. */
static unsigned selected(const char *condition)
{
    char query[512];
    struct wql wql;
    struct world world = {0};
    unsigned bits = 0;
    snprintf(query, sizeof query, "SELECT * FROM MSCluster_ResourceGroup WHERE %s", condition);
    if (!wql_parse(query, &wql))
        fail_msg("%s: %s", query, wql.error);
    assert_null(wql_unknown_name(&wql, &fake_class));
    for (size_t i = 0; i < 3; i++)
        bits |= (unsigned)wql_matches(&wql, &fake_class, &world, 0, i) << i;
    return bits;
}

static void conditions(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        unsigned bits;
    } cases[] = {
        {"Name = 'BizTalkGroup'", 1},
        {"name=\"biztalkgroup\"", 1},
        {"Name = 'a<b>&\\\"c\\\"'", 4},
        {"Name <> 'BizTalkGroup'", 6},
        {"Name != 'BizTalkGroup'", 6},
        {"Name LIKE 'BizTalk%'", 1},
        {"Name LIKE '%group'", 3},
        {"Name LIKE '%'", 7},
        {"Name LIKE ''", 0},
        {"Name LIKE '_lus%r%u_'", 2},
        {"Name LIKE 'Clus%er Group'", 2},
        {"Name LIKE '[a-b]%'", 5},
        {"Name LIKE '[^a-b]%'", 2},
        {"Name LIKE '%k%p%x'", 0},
        {"State = 0", 1},
        {"State > 0", 6},
        {"State >= 1", 6},
        {"State < 1", 1},
        {"State <= 1", 3},
        {"State = -1", 4},
        {"State = '1'", 2},
        {"Enabled = true", 1},
        {"Enabled = FALSE", 6},
        {"Comment IS NULL", 7},
        {"Comment IS NOT NULL", 0},
        {"Comment = ''", 0},
        {"NOT State = 0", 6},
        {"State = 0 OR State = 1 AND Enabled = true", 1},
        {"(State = 0 OR State = 1) AND Enabled = false", 2},
        {"State = 0 AND State = 1 OR Enabled = false", 6},
        {"NOT (State = 0 OR State = 1)", 4},
        {"Name = 'x' OR Name = 'y' OR Name = 'Cluster Group'", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (selected(cases[i].condition) != cases[i].bits)
            fail_msg("%s selects %u, not %u", cases[i].condition, selected(cases[i].condition), cases[i].bits);
}

static void lists(void **state)
{
    (void)state;
    struct wql wql;
    assert_true(wql_parse(" select Name ,State\tfrom\nMSCluster_ResourceGroup ", &wql));
    assert_false(wql.all);
    assert_int_equal(wql.column_count, 2);
    assert_string_equal(wql.columns[1], "State");
    assert_string_equal(wql.class_name, "MSCluster_ResourceGroup");
    assert_null(wql_unknown_name(&wql, &fake_class));
    assert_true(wql_parse("SELECT Name, Nowhere FROM X", &wql));
    assert_string_equal(wql_unknown_name(&wql, &fake_class), "Nowhere");
    assert_true(wql_parse("SELECT * FROM X WHERE Name = 'x' AND Gone = 1", &wql));
    assert_string_equal(wql_unknown_name(&wql, &fake_class), "Gone");
}

static void refusals(void **state)
{
    (void)state;
    static const char *const queries[] = {"",
                                          "SELECT",
                                          "SELECT FROM X",
                                          "SELECT * FROM",
                                          "SELECT *, Name FROM X",
                                          "SELECT Name, FROM X",
                                          "DELETE FROM X",
                                          "SELECT * FROM X Y",
                                          "SELECT * FROM X; SELECT * FROM Y",
                                          "SELECT * FROM X WHERE",
                                          "SELECT * FROM X WHERE Name",
                                          "SELECT * FROM X WHERE Name =",
                                          "SELECT * FROM X WHERE Name = x",
                                          "SELECT * FROM X WHERE Name = 'x",
                                          "SELECT * FROM X WHERE Name = 'x\\'",
                                          "SELECT * FROM X WHERE (Name = 'x'",
                                          "SELECT * FROM X WHERE Name = 'x')",
                                          "SELECT * FROM X WHERE Name = 'x' AND",
                                          "SELECT * FROM X WHERE Name IS 'x'",
                                          "SELECT * FROM X WHERE Name = 99999999999999999999",
                                          "SELECT * FROM X WHERE 'x' = Name",
                                          "SELECT * FROM X WHERE Name ~ 'x'",
                                          "SELECT * FROM X WHERE Name = 'x' 'y'"};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct wql wql;
        if (wql_parse(queries[i], &wql))
            fail_msg("understood: %s", queries[i]);
        assert_true(wql.error[0]);
    }
}

/* Neither depth nor length of a query is anybody else's choice. */
static void bounds(void **state)
{
    (void)state;
    static char query[20000];
    struct wql wql;
    strcpy(query, "SELECT * FROM X WHERE ");
    memset(query + strlen(query), '(', 10000);
    assert_false(wql_parse(query, &wql));
    assert_non_null(strstr(wql.error, "nested too deeply"));
    assert_true(wql_parse("SELECT * FROM X WHERE ((((((((((a = 1))))))))))", &wql));
    assert_false(wql_parse("SELECT * FROM X WHERE ((((((((((((((((((((a = 1))))))))))))))))))))", &wql));
    strcpy(query, "SELECT * FROM X WHERE a = 1");
    for (size_t i = 0; i < 100; i++)
        strcat(query, " OR a = 1");
    assert_false(wql_parse(query, &wql));
    strcpy(query, "SELECT a");
    for (size_t i = 0; i < 100; i++)
        strcat(query, ", a");
    strcat(query, " FROM X");
    assert_false(wql_parse(query, &wql));
    memset(query, 0, sizeof query);
    strcpy(query, "SELECT * FROM ");
    memset(query + strlen(query), 'x', 500);
    assert_false(wql_parse(query, &wql));
    strcpy(query, "SELECT * FROM X WHERE a = '");
    memset(query + strlen(query), 'x', 5000);
    strcat(query, "'");
    assert_false(wql_parse(query, &wql));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(conditions), cmocka_unit_test(lists), cmocka_unit_test(refusals),
                                       cmocka_unit_test(bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
