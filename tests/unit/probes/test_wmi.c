/* A conversation of WMI queries from scripted replies: what is asked in which order, what is found, and how faults end it. */
#include "wmi_stage.h"

/* ---- in order ---- */

static void queries_follow_each_other(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    answer(ONE_SHOT(NODE("BTS01", "0") NODE("BTS02", "1")));
    answer(ONE_SHOT("<p:MSCluster_ResourceGroup xmlns:p=\"urn:p\"><p:Name>FTP</p:Name><p:ownernode>BTS02</p:ownernode><p:State>0</p:State>"
                    "</p:MSCluster_ResourceGroup>"));
    told(
        "> Enumerate\nbegin node\n  BTS01 0\n  BTS02 1\nend node ok\n> Enumerate\nbegin group\n  FTP on BTS02 0\nend group ok\n= yes ok\n");
}

static void pages_are_pulled_to_the_end_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 2000; piece = piece * 3 + 1) {
        prepare(1, (struct wmi_query[]){NODES});
        stage.piece = piece;
        one_step(NULL);
        answer(FIRST_PAGE("c1", NODE("A", "0")));
        answer(NEXT_PAGE("c2 &amp; more", NODE("B", "1")));
        answer(NEXT_PAGE("c3", ""));
        answer(LAST_PAGE(NODE("C", "2")));
        told("> Enumerate\nbegin node\n  A 0\n> Pull c1\n  B 1\n> Pull c2 &amp; more\n> Pull c3\n  C 2\nend node ok\n= yes ok\n");
    }
}

static void a_context_after_the_end_is_no_context(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer("<n:EnumerateResponse><n:EnumerationContext>c1</n:EnumerationContext><w:Items>" NODE(
        "A", "0") "</w:Items><w:EndOfSequence/></n:EnumerateResponse>");
    told("> Enumerate\nbegin node\n  A 0\nend node ok\n= yes ok\n");
}

static void an_empty_list_is_a_list(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer(ONE_SHOT(""));
    told("> Enumerate\nbegin node\nend node ok\n= yes ok\n");
}

static void what_did_not_come_is_absent(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    answer(ONE_SHOT(FRAGMENT("<Name>A</Name>") FRAGMENT("<Name>B</Name><State xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\" "
                                                        "x:nil=\"true\"/>") FRAGMENT("<Name>C</Name><State>running</State>")));
    told("> Enumerate\nbegin node\n  A -99\n  B -99\n  C -99\nend node ok\n= yes ok\n");
}

static void rows_without_a_name_are_left_out_and_told(void **state)
{
    (void)state;
    char body[1024], name[100] = "";
    memset(name, 'n', FOUND_NODE_NAME);
    snprintf(body, sizeof body, ONE_SHOT(NODE("%s", "0") NODE("", "1") FRAGMENT("<State>2</State>") NODE("B", "3")), name);
    begin(1, (struct wmi_query[]){NODES});
    answer(body);
    told("> Enumerate\nbegin node\n  B 3\nend node ok\n= yes ok: MSCluster_Node: 3 rows without a usable name were left out\n");
}

/* ---- faults ---- */

static void one_failing_query_does_not_end_the_others(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    refuse_with("2150858778", "The class is not there.");
    answer(ONE_SHOT(""));
    told("> Enumerate\nbegin node\nend node class-missing\n> Enumerate\nbegin group\nend group ok\n"
         "= yes class-missing: MSCluster_Node: The class is not there.\n");
}

static void a_missing_class_that_is_optional_is_no_fault(void **state)
{
    (void)state;
    struct wmi_query optional = NODES;
    optional.optional = true;
    begin(1, &optional);
    refuse_with("2150858778", "The class is not there.");
    told("> Enumerate\nbegin node\nend node class-missing\n= yes ok\n");
}

static void no_answer_to_anything_is_no(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    refuse_with("2150858793", "too slow");
    refuse_with("0x80041004", "the provider");
    told("> Enumerate\nbegin node\nend node operation-timeout\n> Enumerate\nbegin group\nend group provider-failed\n"
         "= no operation-timeout: MSCluster_Node: too slow\n");
}

static void access_denied_ends_all(void **state)
{
    (void)state;
    begin(3, (struct wmi_query[]){NODES, GROUPS, OWNERS});
    stage.wanted = (const char *const[]){"R", NULL};
    refuse_with("5", "Access is denied.");
    told("> Enumerate\nbegin node\nend node access-denied\nbegin group\nend group access-denied\n"
         "= no access-denied: MSCluster_Node: Access is denied.\n");
    assert_false(stage.seen.credential_refused);
}

static void what_ends_all_is_told_before_what_was_met_first(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    refuse_with("2150858778", "no class");
    refuse_with("2150859174", "too many operations");
    told("> Enumerate\nbegin node\nend node class-missing\n> Enumerate\nbegin group\nend group quota\n"
         "= no quota: MSCluster_ResourceGroup: too many operations\n");
}

static void a_refused_login_backs_the_credential_off(void **state)
{
    (void)state;
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    no_answer(REASON_LOGIN_REFUSED);
    told("> Enumerate\nbegin node\nend node login-refused\nbegin group\nend group login-refused\n"
         "= no login-refused: MSCluster_Node: the server refused the user or password\n");
    assert_true(stage.seen.credential_refused);
    begin(2, (struct wmi_query[]){NODES, GROUPS});
    answer_related(401, "uuid:whatever", "");
    assert_true(stage.done && stage.seen.credential_refused);
}

static void without_a_connection_all_lists_end(void **state)
{
    (void)state;
    static const struct {
        uint16_t reason;
        uint8_t verdict;
    } cases[] = {{REASON_CONNECT_REFUSED, NO},   {REASON_REPLY_TIMEOUT, NO},   {REASON_TLS_UNTRUSTED, NO},
                 {REASON_NOT_MUTUAL, NO},        {REASON_TOKEN_SLOW, UNKNOWN}, {REASON_NO_RESOURCES, UNKNOWN},
                 {REASON_TOKEN_FAILED, UNKNOWN}, {REASON_BACKED_OFF, UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[512];
        begin(2, (struct wmi_query[]){NODES, GROUPS});
        answer(FIRST_PAGE("c1", NODE("A", "0")));
        no_answer(cases[i].reason); /* with a context open: nobody is there to release it */
        snprintf(expected, sizeof expected, "> Enumerate\nbegin node\n  A 0\n> Pull c1\nend node %s\nbegin group\nend group %s\n",
                 reason_name(cases[i].reason), reason_name(cases[i].reason));
        assert_true(stage.done);
        assert_int_equal(strncmp(stage.log, expected, strlen(expected)), 0);
        assert_int_equal(stage.seen.items[0].verdict, cases[i].verdict);
        assert_false(stage.seen.credential_refused);
    }
}

static void a_reply_cut_off_in_the_middle_gives_its_memory_back(void **state)
{
    (void)state;
    static const char piece[] = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header>";
    begin(1, (struct wmi_query[]){NODES});
    one_step(&(struct reply){.reason = REASON_OK, .data = piece, .size = sizeof piece - 1, .more = true});
    assert_true(stage.memory.blocks > 0);
    no_answer(REASON_CLOSED_EARLY);
    told("> Enumerate\nbegin node\nend node closed-early\n"
         "= no closed-early: MSCluster_Node: the server closed the connection in mid-conversation\n");
}

static void without_memory_nothing_is_said_of_the_machine(void **state)
{
    (void)state;
    begin(1, (struct wmi_query[]){NODES});
    stage.memory.limit = 1000;
    answer(ONE_SHOT(NODE("A", "0")));
    assert_true(stage.done);
    assert_int_equal(stage.seen.items[0].verdict, UNKNOWN);
    assert_int_equal(stage.seen.items[0].reason, REASON_NO_RESOURCES);
}

static void an_answer_of_another_kind_is_no_answer(void **state)
{
    (void)state;
    static const char *const bodies[] = {LAST_PAGE(NODE("A", "0")), "",
                                         "<p:X_OUTPUT xmlns:p=\"urn:p\"><p:NodeNames>A</p:NodeNames></p:X_OUTPUT>", "<IdentifyResponse/>"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        begin(1, (struct wmi_query[]){NODES});
        answer(bodies[i]);
        assert_true(stage.done);
        assert_int_equal(stage.seen.items[0].reason, REASON_BAD_REPLY);
    }
    begin(1, (struct wmi_query[]){OWNERS}); /* nobody wanted: asks nothing, knows nothing */
    told("= unknown not-seen\n");
}

static void what_cannot_be_written_is_not_asked(void **state)
{
    (void)state;
    struct wmi_query broken = NODES;
    broken.wql = "SELECT \x01 FROM X";
    begin(2, (struct wmi_query[]){broken, GROUPS});
    answer(ONE_SHOT(""));
    assert_true(stage.done);
    assert_non_null(strstr(stage.log, "begin node\nend node not-sendable\n> Enumerate\nbegin group\nend group ok\n= yes not-sendable"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_follow_each_other),
        cmocka_unit_test(pages_are_pulled_to_the_end_in_pieces_of_any_size),
        cmocka_unit_test(a_context_after_the_end_is_no_context),
        cmocka_unit_test(an_empty_list_is_a_list),
        cmocka_unit_test(what_did_not_come_is_absent),
        cmocka_unit_test(rows_without_a_name_are_left_out_and_told),
        cmocka_unit_test(one_failing_query_does_not_end_the_others),
        cmocka_unit_test(a_missing_class_that_is_optional_is_no_fault),
        cmocka_unit_test(no_answer_to_anything_is_no),
        cmocka_unit_test(access_denied_ends_all),
        cmocka_unit_test(what_ends_all_is_told_before_what_was_met_first),
        cmocka_unit_test(a_refused_login_backs_the_credential_off),
        cmocka_unit_test(without_a_connection_all_lists_end),
        cmocka_unit_test(a_reply_cut_off_in_the_middle_gives_its_memory_back),
        cmocka_unit_test(without_memory_nothing_is_said_of_the_machine),
        cmocka_unit_test(an_answer_of_another_kind_is_no_answer),
        cmocka_unit_test(what_cannot_be_written_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
