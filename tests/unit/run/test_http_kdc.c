/* A KDC that takes connections and never says a word: the loop goes on, one job waits, nothing is posted, nothing is asked twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/resolve.h"
#include "agent/run/spnego.h"
#include "http_asker.h"
#include "server.h"

struct scene {
    uv_loop_t loop;
    uv_timer_t ticker;
    struct http_pool *pool;
    struct http_server *server;
    struct server *kdc;
    SSL_CTX *tls;
    struct http_target target, other;
    unsigned posted, ticks;
};
static char password_path[] = "/tmp/kdc-secret.XXXXXX", config_path[] = "/tmp/kdc-config.XXXXXX";

static void answer(void *context, const struct http_asked *asked, struct http_given *given)
{
    struct scene *scene = context;
    scene->posted += asked->body_size > 0;
    http_give(given, asked->path[1] == 'o' ? 200 : 401, "WWW-Authenticate: Negotiate\r\n", "no");
}

static void ticked(uv_timer_t *timer)
{
    struct scene *scene = timer->data;
    scene->ticks++;
}

static void write_configuration(uint16_t port)
{
    FILE *file = fopen(config_path, "w");
    fprintf(file,
            "[libdefaults]\n default_realm = SILENT.EXAMPLE\n dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n rdns = false\n"
            " udp_preference_limit = 1\n[realms]\n SILENT.EXAMPLE = {\n  kdc = 127.0.0.1:%u\n }\n",
            port);
    fclose(file);
    file = fopen(password_path, "w");
    fputs("swordfish\n", file);
    fclose(file);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    uv_loop_init(&scene->loop);
    scene->kdc = server_open("hold", NULL);
    write_configuration(server_port(scene->kdc));
    scene->pool = http_pool_open(&scene->loop);
    scene->tls = server_context("bts01.example", false, 0, 86400, false);
    scene->server = http_server_open(scene->tls, answer, scene);
    scene->target = (struct http_target){.host = "bts01.example",
                                         .address = "127.0.0.1",
                                         .port = http_server_port(scene->server),
                                         .ca_file = authority_file(),
                                         .auth = HTTP_AUTH_KERBEROS,
                                         .credential = "canary",
                                         .user = "canary@SILENT.EXAMPLE",
                                         .password_file = password_path};
    scene->other = scene->target;
    scene->other.auth = HTTP_AUTH_NONE;
    scene->other.credential = NULL;
    uv_timer_init(&scene->loop, &scene->ticker);
    scene->ticker.data = scene;
    uv_timer_start(&scene->ticker, ticked, 10, 10);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    http_pool_close(scene->pool); /* while a job hangs */
    uv_close((uv_handle_t *)&scene->ticker, NULL);
    while (uv_run(&scene->loop, UV_RUN_DEFAULT) != 0)
        ;
    int left = uv_loop_close(&scene->loop);
    server_close(scene->kdc);
    http_server_close(scene->server);
    SSL_CTX_free(scene->tls);
    resolve_forget();
    free(scene);
    return left;
}

static void test_a_silent_kdc(void **state)
{
    struct scene *scene = *state;
    struct http_asker one, two, open;
    const struct request request = {.kind = REQUEST_POST, .path = "/wsman", .body = "secret", .body_size = 6};
    http_asker_open(&one, &scene->loop, scene->pool, &scene->target);
    http_asker_open(&two, &scene->loop, scene->pool, &scene->target);
    http_asker_open(&open, &scene->loop, scene->pool, &scene->other);
    http_asker_ask(&one, &request, 60000);
    http_asker_ask(&two, &request, 60000);
    for (int i = 0; i < 20; i++)
        assert_int_equal(http_asker_post(&open, "/open", "x"), REASON_OK);
    assert_int_equal(one.replies, 0);
    assert_int_equal(http_asker_wait(&one, 1), REASON_TOKEN_SLOW);
    assert_true(scene->ticks > 10);
    assert_string_not_equal(http_channel_why(one.channel), "");
    /* the second one's turn: the stuck job is not joined by another, so the answer is there at once */
    assert_int_equal(http_asker_wait(&two, 1), REASON_TOKEN_SLOW);
    assert_int_equal(http_asker_post(&one, "/wsman", "secret"), REASON_TOKEN_SLOW);
    assert_int_equal(http_pool_counters(scene->pool)->token_timeouts, 3);
    assert_int_equal(http_pool_counters(scene->pool)->tokens, 0);
    assert_int_equal(server_connections(scene->kdc), 1);
    assert_int_equal(scene->posted, 20); /* all of them without login */
    http_asker_close(&one);
    http_asker_close(&two);
    http_asker_close(&open);
}

static void test_given_up_while_it_hangs(void **state)
{
    struct scene *scene = *state;
    struct http_asker asker;
    const struct request request = {.kind = REQUEST_POST, .path = "/wsman", .body = "secret", .body_size = 6};
    http_asker_open(&asker, &scene->loop, scene->pool, &scene->target);
    http_asker_ask(&asker, &request, 60000);
    while (server_connections(scene->kdc) < 1)
        uv_run(&scene->loop, UV_RUN_ONCE);
    assert_true(http_expire(asker.channel));
    assert_int_equal(asker.reply.reason, REASON_TOKEN_SLOW);
    http_asker_ask(&asker, &request, 60000);
    http_asker_close(&asker);
    assert_int_equal(scene->posted, 0);
}

static void test_nobody_at_the_kdc(void **state)
{
    struct scene *scene = *state;
    struct http_asker asker;
    write_configuration(1); /* refuses at once */
    http_asker_open(&asker, &scene->loop, scene->pool, &scene->target);
    assert_int_equal(http_asker_post(&asker, "/wsman", "secret"), REASON_TOKEN_SLOW);
    assert_int_equal(http_pool_counters(scene->pool)->token_timeouts, 0);
    unlink(password_path);
    assert_int_equal(http_asker_post(&asker, "/wsman", "secret"), REASON_SECRET_UNREADABLE);
    assert_int_equal(scene->posted, 0);
    http_asker_close(&asker);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(a_silent_kdc), TEST(given_up_while_it_hangs), TEST(nobody_at_the_kdc)};
    close(mkstemp(password_path));
    close(mkstemp(config_path));
    setenv("KRB5_CONFIG", config_path, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(password_path);
    unlink(config_path);
    return failed;
}
