/* What bounds a conversation of WMI queries: contexts that are released, limits, methods, turns and time. */
#include "wmi_stage.h"

/* ---- contexts ---- */

static void a_limit_releases_the_context(void **state)
{
    (void)state;
    struct wmi_query few = NODES;
    few.items_max = 2;
    begin(2, (struct wmi_query[]){few, GROUPS});
    answer(FIRST_PAGE("c1", NODE("A", "0") NODE("B", "0") NODE("C", "0")));
    answer("");
    answer(ONE_SHOT(""));
    told("> Enumerate\nbegin node\n  A 0\n  B 0\n> Release c1\nend node too-many-rows\n> Enumerate\nbegin group\nend group ok\n"
         "= yes too-many-rows: MSCluster_Node: more came than is kept; the rest was dropped and counted\n");
    begin(1, &few); /* exactly as many as may be */
    answer(ONE_SHOT(NODE("A", "0") NODE("B", "0")));
    told("> Enumerate\nbegin node\n  A 0\n  B 0\nend node ok\n= yes ok\n");
}

static void counted_last(struct wmi_talk *talk)
{
    struct found_node row = {.name = "sum", .state = talk->cut ? -(int64_t)talk->items : talk->items};
    wmi_row(talk, &row);
}

static bool no_row(struct wmi_talk *talk, void *row)
{
    (void)talk, (void)row;
    return false;
}

static void a_sample_is_complete_when_it_is_full(void **state)
{
    (void)state;
    struct wmi_query sample = NODES;
    sample.items_max = 2;
    sample.sample = true;
    sample.finish = no_row;
    sample.end = counted_last;
    begin(1, &sample);
    answer(FIRST_PAGE("c1", NODE("A", "0") NODE("B", "0") NODE("C", "0")));
    refuse_with("2150858793", "a release that fails changes nothing");
    told("> Enumerate\n> Release c1\nbegin node\n  sum -2\nend node ok\n= yes ok\n");
}

static void endless_pulls_end(void **state)
{
    (void)state;
    static const char *const pages[] = {NEXT_PAGE("more", ""), NEXT_PAGE("more", "<w:XmlFragment/>")};
    for (int i = 0; i < 2; i++) {
        begin(1, (struct wmi_query[]){NODES});
        answer(FIRST_PAGE("more", ""));
        while (!stage.done && strstr(stage.out.body, "/Pull</a:Action>")) {
            stage.logged = 0;
            answer(pages[i]);
        }
        assert_false(stage.done);
        assert_non_null(strstr(stage.out.body, "/Release</a:Action>"));
        assert_int_equal(stage.requests, WMI_PAGES_MAX + 1); /* the first one is a page too; and the release */
        answer("");
        assert_true(stage.done);
        assert_int_equal(stage.seen.items[0].reason, REASON_TOO_MANY_ROWS);
    }
}

static void a_fault_between_pages_releases_the_context(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    answer(FIRST_PAGE("c1", NODE("A", "0")));
    refuse_with("2150858793", "too slow");
    answer("");
    answer(ONE_SHOT(""));
    told("> Enumerate\nbegin node\n  A 0\n> Pull c1\n> Release c1\nend node operation-timeout\n> Enumerate\nbegin group\nend group ok\n"
         "= yes operation-timeout: MSCluster_Node: too slow\n");
    begin(1, (struct wmi_query[]){NODES}); /* the context itself is gone */
    answer(FIRST_PAGE("c1", NODE("A", "0")));
    refuse_with("2150858843", "lost");
    told("> Enumerate\nbegin node\n  A 0\n> Pull c1\nend node object-missing\n= no object-missing: MSCluster_Node: lost\n");
}

/* Some servers look for the class only when its items are pulled, and say the same of a context that is lost. */
static void a_class_is_missing_only_before_anything_of_it_came(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer(FIRST_PAGE("c1", ""));
    refuse_with("2150858778", "no such thing");
    answer("");
    told("> Enumerate\n> Pull c1\n> Release c1\nbegin node\nend node class-missing\n= no class-missing: MSCluster_Node: no such thing\n");
    begin(1, (struct wmi_query[]){NODES});
    answer(FIRST_PAGE("c1", NODE("A", "0")));
    refuse_with("2150858778", "no such thing");
    told("> Enumerate\nbegin node\n  A 0\n> Pull c1\nend node object-missing\n= no object-missing: MSCluster_Node: no such thing\n");
}

static void an_answer_to_somebody_else_gives_nothing(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer_related(200, "uuid:somebody", FIRST_PAGE("theirs", NODE("A", "0")));
    assert_true(stage.done); /* their context is not ours to release */
    assert_non_null(strstr(stage.log, "> Enumerate\nbegin node\nend node wrong-relation\n= no wrong-relation"));
    begin(1, (struct wmi_query[]){NODES});
    answer(FIRST_PAGE("ours", NODE("A", "0")));
    answer_related(200, "uuid:somebody", LAST_PAGE(NODE("B", "0")));
    answer("");
    assert_true(stage.done);
    assert_non_null(strstr(stage.log, "  A 0\n> Pull ours\n> Release ours\nend node wrong-relation\n"));
}

static void a_login_that_is_refused_in_a_release_ends_all(void **state)
{
    (void)state;
    struct wmi_query few = NODES;
    few.items_max = 1;
    begin(2, (struct wmi_query[]){few, GROUPS});
    answer(FIRST_PAGE("c1", NODE("A", "0") NODE("B", "0")));
    no_answer(REASON_LOGIN_REFUSED);
    assert_true(stage.done && stage.seen.credential_refused);
    assert_non_null(strstr(stage.log, "> Release c1\nend node too-many-rows\nbegin group\nend group login-refused\n= no login-refused"));
}

/* ---- methods ---- */

static void methods_are_asked_of_what_is_wanted(void **state)
{
    (void)state;
    prepare(1, (struct wmi_query[]){OWNERS});
    stage.wanted = (const char *const[]){"FTP <1>", "SQL", "never", NULL};
    one_step(NULL);
    assert_non_null(strstr(stage.out.body, "<w:Selector Name=\"Name\">FTP &lt;1&gt;</w:Selector>"));
    assert_non_null(strstr(stage.out.body, "<p:GetPossibleOwners_INPUT xmlns:p="));
    answer("<p:GetPossibleOwners_OUTPUT xmlns:p=\"urn:p\"><p:NodeNames>A</p:NodeNames><p:NodeNames>B</p:NodeNames>"
           "<p:NodeNames xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\" x:nil=\"true\"/>"
           "<p:ReturnValue>0</p:ReturnValue></p:GetPossibleOwners_OUTPUT>");
    answer("<p:GetPossibleOwners_OUTPUT xmlns:p=\"urn:p\"/>");
    told("> GetPossibleOwners\nbegin possible-owner of FTP <1>\n  FTP <1> on A\n  FTP <1> on B\nend possible-owner ok\n"
         "> GetPossibleOwners\nbegin possible-owner of SQL\nend possible-owner ok\n= yes ok\n");
}

static void a_method_that_fails_says_so(void **state)
{
    (void)state;
    prepare(1, (struct wmi_query[]){OWNERS});
    stage.wanted = (const char *const[]){"A", "B", NULL};
    one_step(NULL);
    answer("<p:GetPossibleOwners_OUTPUT xmlns:p=\"urn:p\"><p:ReturnValue>5</p:ReturnValue></p:GetPossibleOwners_OUTPUT>");
    refuse_with("2150858813", "gone since"); /* which is no fault of the machine */
    assert_true(stage.done);
    assert_non_null(strstr(stage.log, "begin possible-owner of A\nend possible-owner provider-failed\n> GetPossibleOwners\n"
                                      "begin possible-owner of B\nend possible-owner object-missing\n= yes provider-failed: "
                                      "MSCluster_Resource.GetPossibleOwners: "));
}

/* ---- when, and how long ---- */

static void seldom_asked_queries_have_their_turn(void **state)
{
    (void)state;
    unsigned turns[2] = {0};
    struct wmi_query seldom = GROUPS;
    seldom.every = 5;
    for (uint32_t round = 0; round <= 50; round++)
        for (int node = 0; node < 2; node++) {
            prepare(2, (struct wmi_query[]){NODES, seldom});
            stage.context.round = round;
            stage.context.node = node ? "BTS02" : "BTS01";
            one_step(NULL);
            answer(ONE_SHOT(""));
            bool asked_now = !stage.done;
            assert_true(asked_now || round > 0); /* what nobody knows yet is asked at once */
            turns[node] += round > 0 && asked_now;
        }
    assert_int_equal(turns[0], 10);
    assert_int_equal(turns[1], 10);
}

static void nodes_do_not_have_their_turns_together(void **state)
{
    (void)state;
    unsigned at_once[5] = {0};
    struct wmi_query seldom = GROUPS;
    seldom.every = 5;
    for (uint32_t round = 1; round <= 5; round++)
        for (int node = 0; node < 20; node++) {
            char name[16];
            snprintf(name, sizeof name, "BTS%02d", node);
            prepare(1, &seldom);
            stage.context.round = round;
            stage.context.node = name;
            one_step(NULL);
            at_once[round - 1] += !stage.done;
        }
    for (int i = 0; i < 5; i++)
        assert_in_range(at_once[i], 1, 10);
}

static void older_machines_are_asked_again_without_what_they_do_not_know(void **state)
{
    (void)state;
    struct wmi_query nodes = NODES;
    nodes.older = "SELECT Name FROM MSCluster_Node";
    begin(1, &nodes);
    refuse_with("2150858778", "no such property");
    assert_non_null(strstr(stage.out.body, ">SELECT Name FROM MSCluster_Node<"));
    answer(ONE_SHOT(FRAGMENT("<Name>A</Name>")));
    told("> Enumerate\n> Enumerate\nbegin node\n  A -99\nend node ok\n= yes ok\n");
    begin(1, &nodes); /* and once only */
    refuse_with("2150858778", "no such class");
    refuse_with("2150858778", "no such class");
    told("> Enumerate\n> Enumerate\nbegin node\nend node class-missing\n= no class-missing: MSCluster_Node: no such class\n");
}

static double operation_seconds(void)
{
    char seconds[16];
    return strtod(asked("<w:OperationTimeout>PT", "S<", seconds, sizeof seconds), NULL);
}

static void the_machine_gives_up_before_we_do(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    assert_true(operation_seconds() > 1 && operation_seconds() < 20);
    double first = operation_seconds();
    stage.elapsed = 15000;
    answer(ONE_SHOT(""));
    assert_true(operation_seconds() < first && operation_seconds() < 5);
    prepare(1, (struct wmi_query[]){NODES});
    stage.context.timeout = 600000;
    one_step(NULL);
    assert_true(operation_seconds() <= 60);
    prepare(1, (struct wmi_query[]){NODES});
    stage.context.timeout = 0;
    one_step(NULL);
    assert_true(operation_seconds() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_releases_the_context),
        cmocka_unit_test(a_sample_is_complete_when_it_is_full),
        cmocka_unit_test(endless_pulls_end),
        cmocka_unit_test(a_fault_between_pages_releases_the_context),
        cmocka_unit_test(a_class_is_missing_only_before_anything_of_it_came),
        cmocka_unit_test(an_answer_to_somebody_else_gives_nothing),
        cmocka_unit_test(a_login_that_is_refused_in_a_release_ends_all),
        cmocka_unit_test(methods_are_asked_of_what_is_wanted),
        cmocka_unit_test(a_method_that_fails_says_so),
        cmocka_unit_test(seldom_asked_queries_have_their_turn),
        cmocka_unit_test(nodes_do_not_have_their_turns_together),
        cmocka_unit_test(older_machines_are_asked_again_without_what_they_do_not_know),
        cmocka_unit_test(the_machine_gives_up_before_we_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
