/* TLS on the line channel: whom it trusts, what it says when it does not, and that sessions are resumed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/run/resolve.h"
#include "agent/run/tls.h"
#include "conversation.h"
#include "server.h"

enum { DAY = 86400 };

static uint16_t connect_tls(struct conversation *conversation, struct server *server, const char *server_name, const char *ca_file,
                            bool insecure)
{
    const struct request request = {.kind = REQUEST_CONNECT,
                                    .host = "127.0.0.1",
                                    .port = server_port(server),
                                    .tls = true,
                                    .server_name = server_name,
                                    .ca_file = ca_file,
                                    .insecure = insecure};
    return conversation_ask(conversation, &request, 20000);
}

static void test_trust(void **state)
{
    (void)state;
    static const struct {
        const char *name, *server_name;
        bool address, self_signed, system_authorities, insecure;
        long from, until;
        uint16_t reason;
        int days;
    } cases[] = {
        {"ftp.example", "ftp.example", .until = 90 * DAY + 60, .reason = REASON_OK, .days = 90},
        {"ftp.example", NULL, .address = true, .until = 90 * DAY + 60, .reason = REASON_OK, .days = 90},
        {"ftp.example", "other.example", .until = 90 * DAY + 60, .reason = REASON_TLS_NAME, .days = INT32_MAX},
        {"ftp.example", NULL, .until = 90 * DAY + 60, .reason = REASON_TLS_NAME, .days = INT32_MAX},
        {"ftp.example", "ftp.example", .from = -2 * DAY, .until = -60, .reason = REASON_TLS_EXPIRED, .days = INT32_MAX},
        {"ftp.example", "ftp.example", .self_signed = true, .until = DAY, .reason = REASON_TLS_UNTRUSTED, .days = INT32_MAX},
        {"ftp.example", "ftp.example", .system_authorities = true, .until = DAY, .reason = REASON_TLS_UNTRUSTED, .days = INT32_MAX},
        {"ftp.example", "ftp.example", .from = 2 * DAY, .until = 3 * DAY, .reason = REASON_TLS_UNTRUSTED, .days = INT32_MAX},
        {"ftp.example", "x", .self_signed = true, .insecure = true, .from = -2 * DAY, .until = -60, .reason = REASON_OK, .days = -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        SSL_CTX *context = server_context(cases[i].name, cases[i].address, cases[i].from, cases[i].until, cases[i].self_signed);
        struct server *server = server_open("tls\n> 220 hello\n< QUIT\nclose", context);
        struct conversation conversation;
        conversation_open(&conversation);
        uint16_t reason = connect_tls(&conversation, server, cases[i].server_name, cases[i].system_authorities ? NULL : authority_file(),
                                      cases[i].insecure);
        assert_string_equal(reason_name(reason), reason_name(cases[i].reason));
        if (cases[i].days != INT32_MAX)
            assert_int_equal(conversation.reply.certificate_days, cases[i].days);
        if (reason == REASON_OK) {
            assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
            assert_string_equal(conversation.text, "220 hello\n");
            assert_int_equal(conversation_exchange(&conversation, "QUIT\r\n", EXPECT_LINE), REASON_CLOSED_EARLY);
        }
        conversation_close(&conversation);
        server_close(server);
        SSL_CTX_free(context);
    }
    tls_forget();
}

static void test_no_tls_there(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        unsigned patience_ms;
        uint16_t reason;
    } cases[] = {{"> 220 plain text\nhold", 20000, REASON_TLS_FAILED},
                 {"close", 20000, REASON_TLS_FAILED},
                 {"flood 100000\nhold", 20000, REASON_TLS_FAILED},
                 {"hold", 300, REASON_REPLY_TIMEOUT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server *server = server_open(cases[i].script, NULL);
        struct conversation conversation;
        conversation_open(&conversation);
        const struct request request = {
            .kind = REQUEST_CONNECT, .host = "127.0.0.1", .port = server_port(server), .tls = true, .ca_file = authority_file()};
        assert_string_equal(reason_name(conversation_ask(&conversation, &request, cases[i].patience_ms)), reason_name(cases[i].reason));
        assert_int_equal(conversation_exchange(&conversation, "x", EXPECT_LINE), cases[i].reason);
        conversation_close(&conversation);
        server_close(server);
    }
    tls_forget();
}

static void test_upgrade(void **state)
{
    (void)state;
    SSL_CTX *context = server_context("ftp.example", true, 0, DAY + 60, false);
    struct server *server = server_open("> 220 hello\n< AUTH TLS\n> 234 go\ntls\n< USER\n> 331 password\nhold", context);
    struct conversation conversation;
    conversation_open(&conversation);
    assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
    assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
    assert_int_equal(conversation_exchange(&conversation, "AUTH TLS\r\n", EXPECT_FTP), REASON_OK);
    assert_int_equal(conversation.reply.certificate_days, INT64_MIN);
    const struct request request = {.kind = REQUEST_TLS, .ca_file = authority_file()};
    assert_int_equal(conversation_ask(&conversation, &request, 20000), REASON_OK);
    assert_int_equal(conversation.reply.certificate_days, 1);
    assert_int_equal(conversation_exchange(&conversation, "USER x\r\n", EXPECT_FTP), REASON_OK);
    assert_string_equal(conversation.text, "331 password\n");
    conversation_close(&conversation);
    server_close(server);
    SSL_CTX_free(context);
    tls_forget();
}

/* Plain text that was sent with the answer to AUTH TLS must not be read as if it came under TLS. */
static void test_injected_text(void **state)
{
    (void)state;
    SSL_CTX *context = server_context("ftp.example", true, 0, DAY + 60, false);
    struct server *server = server_open("< AUTH TLS\n> 234 go\n> 230 injected\ntls\nhold", context);
    struct conversation conversation;
    conversation_open(&conversation);
    assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
    assert_int_equal(conversation_exchange(&conversation, "AUTH TLS\r\n", EXPECT_FTP), REASON_OK);
    const struct request request = {.kind = REQUEST_TLS, .ca_file = authority_file()};
    assert_int_equal(conversation_ask(&conversation, &request, 20000), REASON_TLS_FAILED);
    conversation_close(&conversation);
    server_close(server);
    SSL_CTX_free(context);
    tls_forget();
}

static void sessions_are_resumed(int version)
{
    SSL_CTX *context = server_context("ftp.example", true, 0, DAY + 60, false);
    SSL_CTX_set_max_proto_version(context, version);
    struct server *server = server_open("tls\n> 220 hello\n< QUIT\nclose", context);
    for (unsigned i = 0; i < 3; i++) {
        struct conversation conversation;
        conversation_open(&conversation);
        assert_int_equal(connect_tls(&conversation, server, NULL, authority_file(), false), REASON_OK);
        assert_int_equal(conversation.reply.certificate_days, 1);
        assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
        assert_int_equal(conversation_exchange(&conversation, "QUIT\r\n", EXPECT_LINE), REASON_CLOSED_EARLY);
        conversation_close(&conversation);
        assert_int_equal(server_resumed(server), i);
    }
    /* another name to verify is another session */
    struct conversation conversation;
    conversation_open(&conversation);
    assert_int_equal(connect_tls(&conversation, server, "other.example", authority_file(), false), REASON_TLS_NAME);
    conversation_close(&conversation);
    assert_int_equal(server_resumed(server), 2);
    server_close(server);
    SSL_CTX_free(context);
    tls_forget();
}

static void test_sessions_are_resumed(void **state)
{
    (void)state;
    sessions_are_resumed(TLS1_2_VERSION);
    sessions_are_resumed(TLS1_3_VERSION);
}

static void test_old_versions_are_refused(void **state)
{
    (void)state;
    SSL_CTX *context = server_context("ftp.example", true, 0, DAY + 60, false);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    struct server *server = server_open("tls\nhold", context);
    struct conversation conversation;
    conversation_open(&conversation);
    assert_int_equal(connect_tls(&conversation, server, NULL, authority_file(), false), REASON_TLS_FAILED);
    conversation_close(&conversation);
    server_close(server);
    SSL_CTX_free(context);
    tls_forget();
}

static void transfer_takes_the_session(int version)
{
    SSL_CTX *context = server_context("ftp.example", true, 0, DAY + 60, false);
    SSL_CTX_set_max_proto_version(context, version);
    struct server *server =
        server_open("tls\n> 220 hello\n< EPSV\ndata\n< LIST\n> 150 here\naccept\ndatatls\nlist 500\n> 226 done\nhold", context);
    struct conversation conversation;
    conversation_open(&conversation);
    assert_int_equal(connect_tls(&conversation, server, NULL, authority_file(), false), REASON_OK);
    assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
    assert_int_equal(conversation_exchange(&conversation, "EPSV\r\n", EXPECT_FTP), REASON_OK);
    unsigned port = 0;
    assert_int_equal(sscanf(conversation.text, "229 Passive (|||%u|)", &port), 1);
    const struct request request = {
        .kind = REQUEST_TRANSFER, .port = (uint16_t)port, .tls = true, .ca_file = authority_file(), .bytes = "LIST\r\n", .size = 6};
    assert_int_equal(conversation_ask(&conversation, &request, 20000), REASON_OK);
    assert_string_equal(conversation.text, "226 done\n");
    assert_non_null(strstr(conversation.data, "entry 499\n"));
    assert_int_equal(server_resumed(server), 1);
    conversation_close(&conversation);
    server_close(server);
    SSL_CTX_free(context);
    tls_forget();
}

static void test_transfer_takes_the_session(void **state)
{
    (void)state;
    transfer_takes_the_session(TLS1_2_VERSION);
    transfer_takes_the_session(TLS1_3_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_no_tls_there),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_injected_text),
        cmocka_unit_test(test_sessions_are_resumed),
        cmocka_unit_test(test_old_versions_are_refused),
        cmocka_unit_test(test_transfer_takes_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
