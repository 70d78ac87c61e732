/* How the questions to a node ended → what the doctor says is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/cli/doctor_rights.h"
#include "agent/config/target.h"
#include "agent/core/types.h"

static const enum found_kind cluster_lists[] = {FOUND_NODE, FOUND_GROUP, FOUND_RESOURCE, FOUND_SERVICE_NAME};
static const enum found_kind biztalk_lists[] = {FOUND_INSTANCE, FOUND_HOST, FOUND_HANDLER, FOUND_LOCATION, FOUND_SETTING, FOUND_SUSPENDED};
static const enum found_kind machine_lists[] = {FOUND_SERVICE};
static const struct {
    const enum found_kind *lists;
    size_t count;
} kinds_of[RIGHTS_SPACES] = {{cluster_lists, 4}, {biztalk_lists, 6}, {machine_lists, 1}};

static struct rights_asked asked;
static struct rights_line line;

static void all(enum rights_space space, uint16_t reason)
{
    for (size_t i = 0; i < kinds_of[space].count; i++)
        asked.lists[kinds_of[space].lists[i]] = reason;
}

static int all_well(void **state)
{
    (void)state;
    asked = (struct rights_asked){
        .account = "CORP\\svc-observe", .host = "bts01.corp.example", .why = "", .login = REASON_OK, .auth = HTTP_AUTH_NTLM, .port = 5986};
    for (unsigned kind = 0; kind < FOUND_KINDS; kind++)
        asked.lists[kind] = REASON_NOT_SEEN;
    for (enum rights_space space = 0; space < RIGHTS_SPACES; space++)
        all(space, REASON_OK);
    return 0;
}

static void says(enum rights_mark mark, const char *text, const char *cure)
{
    if (line.mark != mark || !strstr(line.text, text) || !strstr(line.cure, cure))
        fail_msg("mark %d: %s -> %s\nlacks: %s -> %s", (int)line.mark, line.text, line.cure, text, cure);
}

static void space_says(enum rights_space space, enum rights_mark mark, const char *text, const char *cure)
{
    assert_true(rights_space(&asked, space, &line));
    says(mark, text, cure);
}

static void a_good_node(void **state)
{
    (void)state;
    rights_login(&asked, &line);
    says(RIGHTS_FINE, "NTLM lets CORP\\svc-observe in", "");
    for (enum rights_space space = 0; space < RIGHTS_SPACES; space++) {
        space_says(space, RIGHTS_FINE, rights_space_name(space), "");
        assert_string_equal(line.cure, "");
    }
}

static void what_was_not_asked_is_not_judged(void **state)
{
    (void)state;
    all(RIGHTS_BIZTALK, REASON_NOT_SEEN);
    assert_false(rights_space(&asked, RIGHTS_BIZTALK, &line));
    space_says(RIGHTS_CLUSTER, RIGHTS_FINE, "may be read", "");
}

/* Each namespace has rights of its own; only what is missing is named. */
static void one_namespace_is_closed(void **state)
{
    static const struct {
        const char *text, *cure, *beside;
    } expected[RIGHTS_SPACES] = {
        {"root/MSCluster may not be read", "root\\MSCluster: Enable Account", "Grant-ClusterAccess -User CORP\\svc-observe -ReadOnly"},
        {"root/MicrosoftBizTalkServer may not be read", "root\\MicrosoftBizTalkServer: Enable",
         "CORP\\svc-observe in the BizTalk Server Op"},
        {"root/cimv2 may not be read", "root\\cimv2: Enable Account and Remote", "right of CORP\\svc-observe to list services"},
    };
    for (enum rights_space space = 0; space < RIGHTS_SPACES; space++) {
        all_well(state);
        all(space, REASON_ACCESS_DENIED);
        space_says(space, RIGHTS_FAULT, expected[space].text, expected[space].cure);
        assert_non_null(strstr(line.cure, expected[space].beside));
        assert_null(strstr(line.cure, "configSDDL"));
        for (enum rights_space other = 0; other < RIGHTS_SPACES; other++)
            if (other != space)
                space_says(other, RIGHTS_FINE, "may be read", "");
    }
}

static void nothing_may_be_read(void **state)
{
    (void)state;
    for (enum rights_space space = 0; space < RIGHTS_SPACES; space++)
        all(space, REASON_ACCESS_DENIED);
    space_says(RIGHTS_CLUSTER, RIGHTS_FAULT, "no WMI namespace", "winrm configSDDL default, Read and Execute for CORP\\svc-observe");
    assert_false(rights_space(&asked, RIGHTS_BIZTALK, &line)); /* it is said once */
    assert_false(rights_space(&asked, RIGHTS_MACHINE, &line));

    all(RIGHTS_CLUSTER, REASON_NOT_SEEN);
    space_says(RIGHTS_BIZTALK, RIGHTS_FAULT, "no WMI namespace", "configSDDL"); /* by the first that was asked */
}

/* With one namespace alone it cannot be told apart; then the smaller right is named. */
static void one_answer_is_not_everything(void **state)
{
    (void)state;
    all(RIGHTS_CLUSTER, REASON_ACCESS_DENIED);
    all(RIGHTS_BIZTALK, REASON_NOT_SEEN);
    all(RIGHTS_MACHINE, REASON_NOT_SEEN);
    space_says(RIGHTS_CLUSTER, RIGHTS_FAULT, "root/MSCluster may not be read", "wmimgmt.msc");
}

static void a_list_of_a_namespace_is_closed(void **state)
{
    (void)state;
    asked.lists[FOUND_SUSPENDED] = REASON_ACCESS_DENIED;
    space_says(RIGHTS_BIZTALK, RIGHTS_FAULT, "in part, not its list \"suspended\"", "BizTalk Server Operators");
    assert_null(strstr(line.cure, "wmimgmt"));
}

static void nothing_is_shown(void **state)
{
    (void)state;
    asked.lists[FOUND_NODE] = REASON_NOTHING_CAME;
    asked.lists[FOUND_INSTANCE] = REASON_NOTHING_CAME;
    asked.lists[FOUND_SERVICE] = REASON_NOTHING_CAME;
    space_says(RIGHTS_CLUSTER, RIGHTS_FAULT, "shows nothing (node)", "usually: Grant-ClusterAccess -User CORP\\svc-observe -ReadOnly");
    space_says(RIGHTS_BIZTALK, RIGHTS_FAULT, "shows nothing (instance)",
               "usually: make CORP\\svc-observe a member of the BizTalk Server Op");
    space_says(RIGHTS_MACHINE, RIGHTS_FAULT, "shows nothing (service)", "sc.exe sdset scmanager");
}

static void a_role_is_not_installed(void **state)
{
    (void)state;
    all(RIGHTS_BIZTALK, REASON_CLASS_MISSING);
    all(RIGHTS_CLUSTER, REASON_CLASS_MISSING);
    space_says(RIGHTS_BIZTALK, RIGHTS_ADVICE, "does not exist there", "not installed");
    space_says(RIGHTS_CLUSTER, RIGHTS_FAULT, "does not exist there", "Failover Clustering");
    all_well(state);
    asked.lists[FOUND_SETTING] = REASON_CLASS_MISSING;
    space_says(RIGHTS_BIZTALK, RIGHTS_ADVICE, "has no list \"setting\"", "stays unknown");
}

static void a_quota_is_told_once(void **state)
{
    (void)state;
    for (enum rights_space space = 0; space < RIGHTS_SPACES; space++)
        all(space, REASON_QUOTA);
    space_says(RIGHTS_CLUSTER, RIGHTS_FAULT, "quota", "MaxConcurrentOperationsPerUser");
    assert_false(rights_space(&asked, RIGHTS_MACHINE, &line));
}

static void many_rows_are_no_trouble(void **state)
{
    (void)state;
    asked.lists[FOUND_SUSPENDED] = REASON_TOO_MANY_ROWS;
    space_says(RIGHTS_BIZTALK, RIGHTS_FINE, "may be read", "");
}

static void login(uint16_t reason, uint8_t auth, const char *why)
{
    asked.login = reason;
    asked.auth = auth;
    asked.why = why;
    rights_login(&asked, &line);
}

static void logins_are_refused(void **state)
{
    (void)state;
    login(REASON_LOGIN_REFUSED, HTTP_AUTH_BASIC, "");
    says(RIGHTS_FAULT, "Basic refused for CORP\\svc-observe", "winrm get winrm/config/service/auth");
    login(REASON_LOGIN_REFUSED, HTTP_AUTH_KERBEROS, "Decrypt integrity check failed");
    says(RIGHTS_FAULT, "Kerberos refused for CORP\\svc-observe: Decrypt integrity", "keytab anew");
    login(REASON_LOGIN_REFUSED, HTTP_AUTH_NTLM, "the server refused the user or password");
    says(RIGHTS_FAULT, "NTLM refused", "password file");
    assert_null(strchr(line.text, ':')); /* what says nothing new is not said */
    login(REASON_BACKED_OFF, HTTP_AUTH_NTLM, "");
    says(RIGHTS_ADVICE, "not tried here", "refused login first");
}

static void a_node_cannot_be_reached(void **state)
{
    (void)state;
    login(REASON_CONNECT_REFUSED, HTTP_AUTH_NTLM, "");
    says(RIGHTS_FAULT, "refused (bts01.corp.example port 5986)", "winrm quickconfig -transport:https");
    asked.port = 5985;
    login(REASON_CONNECT_TIMEOUT, HTTP_AUTH_NTLM, "");
    says(RIGHTS_FAULT, "not accepted in time", "port 5985");
    assert_null(strstr(line.cure, "transport:https"));
}

static void certificates_and_tickets(void **state)
{
    (void)state;
    login(REASON_TLS_NAME, HTTP_AUTH_NTLM, "no alternative certificate subject name matches");
    says(RIGHTS_FAULT, "not for bts01.corp.example: no alternative", "node's `name`");
    login(REASON_TLS_UNTRUSTED, HTTP_AUTH_NTLM, "");
    says(RIGHTS_FAULT, "trusted authority", "winrm.ca_file");
    login(REASON_TOKEN_FAILED, HTTP_AUTH_KERBEROS, "Server not found in Kerberos database");
    says(RIGHTS_FAULT, "no Kerberos ticket: Server not found", "clocks");
    login(REASON_TOKEN_SLOW, HTTP_AUTH_KERBEROS, "");
    says(RIGHTS_FAULT, "no Kerberos ticket in time", "KDC");
}

/* Whatever ends a list, something is said, and a fault has a text. */
static void no_reason_is_silent(void **state)
{
    for (uint16_t reason = 0; reason < REASONS; reason++)
        for (enum rights_space space = 0; space < RIGHTS_SPACES; space++) {
            all_well(state);
            all(space, reason);
            bool said = rights_space(&asked, space, &line);
            assert_int_equal(said, reason != REASON_NOT_SEEN && reason != REASON_NONE);
            assert_true(!said || *line.text);
            login(reason, HTTP_AUTH_NTLM, "");
            assert_true(*line.text);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, all_well)
    const struct CMUnitTest tests[] = {
        TEST(a_good_node),
        TEST(what_was_not_asked_is_not_judged),
        TEST(one_namespace_is_closed),
        TEST(nothing_may_be_read),
        TEST(one_answer_is_not_everything),
        TEST(a_list_of_a_namespace_is_closed),
        TEST(nothing_is_shown),
        TEST(a_role_is_not_installed),
        TEST(a_quota_is_told_once),
        TEST(many_rows_are_no_trouble),
        TEST(logins_are_refused),
        TEST(a_node_cannot_be_reached),
        TEST(certificates_and_tickets),
        TEST(no_reason_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
