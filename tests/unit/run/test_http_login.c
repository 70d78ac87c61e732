/* Whom the http channel trusts, and how it shows who we are: to the right one only, and never twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_scene.h"
#include "server.h"

static void test_trust(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *name, *server_name, *pin;
        bool self_signed, insecure;
        long from, until;
        uint16_t reason;
    } cases[] = {
        {"bts01.example", NULL, NULL, .until = DAY, .reason = REASON_OK},
        {"bts01.example", "bts02.example", NULL, .until = DAY, .reason = REASON_TLS_NAME},
        {"bts02.example", NULL, NULL, .until = DAY, .reason = REASON_TLS_NAME},
        {"bts02.example", "bts02.example", NULL, .until = DAY, .reason = REASON_OK},
        {"bts01.example", NULL, NULL, .from = -2 * DAY, .until = -60, .reason = REASON_TLS_EXPIRED},
        {"bts01.example", NULL, NULL, .self_signed = true, .until = DAY, .reason = REASON_TLS_UNTRUSTED},
        {"other", NULL, NULL, .self_signed = true, .insecure = true, .until = -60, .from = -DAY, .reason = REASON_OK},
        {"bts01.example", NULL, "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", .until = DAY, .reason = REASON_TLS_UNTRUSTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SSL_CTX *tls = server_context(cases[i].name, false, cases[i].from, cases[i].until, cases[i].self_signed);
        struct http_server *server = http_server_open(tls, http_scene_answer, scene);
        struct http_target target = scene->target;
        struct http_asker asker;
        target.port = http_server_port(server);
        target.server_name = cases[i].server_name;
        target.insecure = cases[i].insecure;
        target.pin = cases[i].pin;
        struct http_pool *pool = http_pool_open(&scene->loop);
        http_asker_open(&asker, &scene->loop, pool, &target);
        assert_string_equal(reason_name(http_asker_post(&asker, "/wsman", "x")), reason_name(cases[i].reason));
        assert_int_equal(http_server_requests(server), cases[i].reason == REASON_OK);
        http_asker_close(&asker);
        http_pool_close(pool);
        http_server_close(server);
        SSL_CTX_free(tls);
    }
}

static void test_an_authority_that_is_not_there(void **state)
{
    struct scene *scene = *state;
    struct http_target target = scene->target;
    struct http_asker asker;
    target.ca_file = "/nonexistent";
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    assert_int_equal(http_asker_post(&asker, "/wsman", "x"), REASON_TLS_UNTRUSTED);
    http_asker_close(&asker);
}

/* ---- logging in ---- */

static char secret_path[] = "/tmp/http-secret.XXXXXX";

static void write_secret(const char *text)
{
    FILE *file = fopen(secret_path, "w");
    fputs(text, file);
    fclose(file);
}

static struct http_target with_login(const struct scene *scene, uint8_t auth, const char *credential)
{
    struct http_target target = scene->target;
    target.auth = auth;
    target.credential = credential;
    target.user = "canary";
    target.password_file = secret_path;
    return target;
}

static void test_basic(void **state)
{
    struct scene *scene = *state;
    struct http_target target = with_login(scene, HTTP_AUTH_BASIC, "canary");
    struct http_asker asker;
    write_secret("swordfish\n");
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    assert_int_equal(http_asker_post(&asker, "/login", "x"), REASON_OK);
    write_secret("wrong\n");
    assert_int_equal(http_asker_post(&asker, "/login", "x"), REASON_LOGIN_REFUSED);
    assert_int_equal(asker.size, 0);
    assert_int_equal(http_server_requests(scene->server), 2); /* no second attempt */
    write_secret("swordfish\n");
    assert_int_equal(http_asker_post(&asker, "/login", "x"), REASON_OK);
    write_secret("\n");
    assert_int_equal(http_asker_post(&asker, "/login", "x"), REASON_SECRET_UNREADABLE);
    assert_string_not_equal(http_channel_why(asker.channel), "");
    assert_int_equal(http_server_requests(scene->server), 3);
    assert_int_equal(scene->bodies_without_credential, 0);
    http_asker_close(&asker);
}

static void test_a_greeting_carries_nothing(void **state)
{
    struct scene *scene = *state;
    struct http_target target = with_login(scene, HTTP_AUTH_BASIC, "canary");
    const struct request request = {.kind = REQUEST_POST, .path = "/login", .body = "body", .body_size = 4};
    struct http_asker asker;
    write_secret("swordfish\n");
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    http_greet(asker.channel, &request);
    assert_int_equal(http_asker_wait(&asker, 1), REASON_OK);
    assert_int_equal(asker.reply.http_status, 401);
    assert_int_equal(asker.pieces, 0);
    assert_string_equal(scene->last.authorization, "");
    assert_int_equal(scene->last.body_size, 0);
    assert_int_equal(http_asker_post(&asker, "/login", "x"), REASON_OK);
    http_asker_close(&asker);
}

static void test_basic_over_plain_http(void **state)
{
    struct scene *scene = *state;
    struct http_target target = with_login(scene, HTTP_AUTH_BASIC, "canary");
    struct http_asker asker;
    write_secret("swordfish\n");
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    assert_int_equal(http_asker_post(&asker, "/login", "x"), REASON_NOT_SENDABLE);
    assert_int_equal(http_server_connections(scene->server), 0);
    http_asker_close(&asker);
}

static void test_identities_share_nothing(void **state)
{
    struct scene *scene = *state;
    struct http_target one = with_login(scene, HTTP_AUTH_BASIC, "one"), two = with_login(scene, HTTP_AUTH_BASIC, "two");
    struct http_target same = with_login(scene, HTTP_AUTH_BASIC, "one");
    const struct http_target *const targets[] = {&one, &two, &scene->target, &same};
    struct http_asker asker;
    write_secret("swordfish\n");
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < 4; i++) {
            http_asker_open(&asker, &scene->loop, scene->pool, targets[i]);
            assert_int_equal(http_asker_post(&asker, "/wsman", "x"), REASON_OK);
            http_asker_close(&asker);
        }
    assert_int_equal(http_server_connections(scene->server), 3);
}

/* The empty request for the certificate goes out; without a token nothing else does. */
static void test_no_token_no_body(void **state)
{
    struct scene *scene = *state;
    struct http_target target = with_login(scene, HTTP_AUTH_KERBEROS, "canary");
    struct http_asker asker;
    target.user = "canary@NOWHERE.EXAMPLE";
    target.keytab_file = "/nonexistent";
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_asker_post(&asker, "/negotiate", "<secret/>"), REASON_SECRET_UNREADABLE);
    assert_int_equal(http_server_requests(scene->server), 1);
    assert_int_equal(scene->bodies_without_credential, 0);
    http_asker_close(&asker);
    target.keytab_file = target.password_file = NULL;
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    assert_int_equal(http_asker_post(&asker, "/negotiate", "<secret/>"), REASON_NOT_SENDABLE);
    http_asker_close(&asker);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
#define PLAIN(name) cmocka_unit_test_setup_teardown(test_##name, set_up_plain, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(trust),
        TEST(an_authority_that_is_not_there),
        TEST(basic),
        TEST(a_greeting_carries_nothing),
        PLAIN(basic_over_plain_http),
        TEST(identities_share_nothing),
        TEST(no_token_no_body),
    };
    close(mkstemp(secret_path));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(secret_path);
    return failed;
}
