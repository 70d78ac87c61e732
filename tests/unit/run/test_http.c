/* The http channel against a server of the test's own: what goes out, what comes back, in which order, and what may not happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_scene.h"

static void test_what_goes_out_and_what_comes_back(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(http_asker_post(&scene->asker, "/wsman", "<xml/>"), REASON_OK);
    assert_string_equal(scene->asker.body, "POST /wsman 6");
    assert_int_equal(scene->asker.reply.http_status, 200);
    assert_int_equal(scene->asker.reply.certificate_days, 90);
    assert_string_equal(scene->last.content_type, "application/soap+xml");
    assert_string_equal(scene->last.authorization, "");
    assert_false(scene->last.expects);
    assert_false(scene->last.accepts_encoding);
    assert_int_equal(strncmp(scene->last.host, "bts01.example:", 14), 0);
    assert_int_equal(fetch(&scene->asker, "/metrics", 0), REASON_OK);
    assert_string_equal(scene->asker.body, "GET /metrics 0");
    assert_string_equal(scene->last.content_type, "");
}

/* libcurl would ask for a 100-continue by itself, and what came of it is a story of its own. */
static void test_a_large_body_goes_out_at_once(void **state)
{
    struct scene *scene = *state;
    char *body = malloc((2 << 20) + 1);
    memset(body, 'b', 2 << 20);
    body[2 << 20] = '\0';
    assert_int_equal(http_asker_post(&scene->asker, "/wsman", body), REASON_OK);
    assert_false(scene->last.expects);
    assert_int_equal(scene->last.body_size, 2 << 20);
    free(body);
}

static void test_connections_are_kept(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 10; i++)
        expect(scene, "/wsman", REASON_OK);
    assert_int_equal(http_server_connections(scene->server), 1);
    assert_int_equal(http_pool_counters(scene->pool)->connections, 1);
    assert_int_equal(http_pool_counters(scene->pool)->requests, 10);
}

static void test_a_closed_connection_is_replaced(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 3; i++) {
        expect(scene, "/once", REASON_OK);
        assert_string_equal(scene->asker.body, "once");
    }
    assert_int_equal(http_server_connections(scene->server), 3);
}

static void test_pieces(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(fetch(&scene->asker, "/big", 0), REASON_OK);
    assert_int_equal(scene->asker.size, BIG);
    assert_true(scene->asker.pieces > 0);
    assert_int_equal(scene->asker.reply.size, 0);
    assert_int_equal(fetch(&scene->asker, "/chunks", 0), REASON_OK);
    assert_string_equal(scene->asker.body, "four five");
}

/* What came is told while the rest is awaited. */
static void test_a_slow_reply(void **state)
{
    struct scene *scene = *state;
    const struct request request = {.kind = REQUEST_FETCH, .path = "/slow"};
    http_asker_ask(&scene->asker, &request, 20000);
    while (scene->asker.pieces < 1)
        uv_run(&scene->loop, UV_RUN_ONCE);
    assert_string_equal(scene->asker.body, "four");
    assert_int_equal(scene->asker.replies, 0);
    assert_true(http_expire(scene->asker.channel));
    assert_int_equal(scene->asker.reply.reason, REASON_REPLY_TIMEOUT);
}

static void test_limits(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(fetch(&scene->asker, "/big", BIG), REASON_OK);
    assert_int_equal(fetch(&scene->asker, "/big", BIG - 1), REASON_REPLY_TOO_LARGE);
    assert_true(scene->asker.size < BIG);
    expect(scene, "/boast", REASON_REPLY_TOO_LARGE);
    expect(scene, "/headers", REASON_REPLY_TOO_LARGE);
    assert_int_equal(fetch(&scene->asker, "/chunks", 8), REASON_REPLY_TOO_LARGE);
    expect(scene, "/wsman", REASON_OK);
}

static void test_statuses_are_answers(void **state)
{
    struct scene *scene = *state;
    static const int statuses[] = {200, 400, 403, 404, 500, 503};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char path[32];
        snprintf(path, sizeof path, "/status/%d", statuses[i]);
        expect(scene, path, REASON_OK);
        assert_int_equal(scene->asker.reply.http_status, statuses[i]);
        assert_string_equal(scene->asker.body, "a text");
    }
}

static void test_redirects_are_refused(void **state)
{
    struct scene *scene = *state;
    unsigned asked = 0;
    static const int statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char path[32];
        snprintf(path, sizeof path, "/status/%d", statuses[i]);
        expect(scene, path, REASON_REDIRECTED);
        assert_int_equal(scene->asker.size, 0);
        assert_int_equal(http_server_requests(scene->server), ++asked);
    }
}

static void test_broken_replies(void **state)
{
    struct scene *scene = *state;
    expect(scene, "/half", REASON_CLOSED_EARLY);
    expect(scene, "/nothing", REASON_CLOSED_EARLY);
    expect(scene, "/garbage", REASON_BAD_REPLY);
    expect(scene, "/wsman", REASON_OK);
}

/* libcurl would send it again on a new connection. Whoever orders a failover does not want it ordered twice. */
static void test_nothing_is_sent_twice(void **state)
{
    struct scene *scene = *state;
    expect(scene, "/wsman", REASON_OK);
    expect(scene, "/nothing", REASON_CLOSED_EARLY);
    assert_int_equal(http_server_requests(scene->server), 2);
    assert_int_equal(http_pool_counters(scene->pool)->requests, 2);
    assert_string_not_equal(http_channel_why(scene->asker.channel), "");
    assert_int_equal(fetch(&scene->asker, "/wsman", 0), REASON_OK);
}

/* A server that tires of an idle connection says goodbye; the next request must not be lost on it. */
static void test_a_farewell_is_heard(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(fetch(&scene->asker, "/tired", 0), REASON_OK);
        while (http_server_left(scene->server) < i)
            uv_run(&scene->loop, UV_RUN_NOWAIT);
        for (int turns = 0; turns < 10; turns++)
            uv_run(&scene->loop, UV_RUN_NOWAIT);
        expect(scene, "/wsman", REASON_OK);
        assert_int_equal(http_server_connections(scene->server), 1 + i);
    }
}

static void test_deadlines(void **state)
{
    struct scene *scene = *state;
    const struct request request = {.kind = REQUEST_FETCH, .path = "/hold"};
    http_asker_ask(&scene->asker, &request, 200);
    assert_int_equal(http_asker_wait(&scene->asker, 1), REASON_REPLY_TIMEOUT);
    assert_true(scene->asker.expired);
    expect(scene, "/wsman", REASON_OK);
    assert_false(http_expire(scene->asker.channel)); /* nothing was asked */
}

static void test_nothing_is_injected(void **state)
{
    struct scene *scene = *state;
    static const char *const paths[] = {"wsman", "", "/ws man", "/wsman\r\nX-Evil: 1", "/\t"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect(scene, paths[i], REASON_NOT_SENDABLE);
    struct request request = {.kind = REQUEST_POST, .path = "/wsman", .content_type = "a/b\r\nX-Evil: 1", .body = "x", .body_size = 1};
    unsigned replies = scene->asker.replies;
    http_asker_ask(&scene->asker, &request, 20000);
    assert_int_equal(http_asker_wait(&scene->asker, replies + 1), REASON_NOT_SENDABLE);
    request = (struct request){.kind = REQUEST_EXCHANGE, .path = "/wsman"};
    http_asker_ask(&scene->asker, &request, 20000);
    assert_int_equal(http_asker_wait(&scene->asker, replies + 2), REASON_NOT_SENDABLE);
    assert_int_equal(http_server_requests(scene->server), 0);
}

static void test_the_environment_changes_nothing(void **state)
{
    struct scene *scene = *state;
    setenv("https_proxy", "http://127.0.0.1:1/", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
    expect(scene, "/wsman", REASON_OK);
    unsetenv("https_proxy");
    unsetenv("ALL_PROXY");
}

static void test_nobody_there(void **state)
{
    struct scene *scene = *state;
    struct http_target target = scene->target, unresolved = scene->target, plain = scene->target;
    struct http_asker asker;
    target.address = "127.0.1.99";
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    assert_int_equal(http_asker_post(&asker, "/wsman", "x"), REASON_CONNECT_REFUSED);
    http_asker_close(&asker);
    unresolved.address = NULL;
    unresolved.host = "nowhere.invalid";
    http_asker_open(&asker, &scene->loop, scene->pool, &unresolved);
    assert_int_equal(http_asker_post(&asker, "/wsman", "x"), REASON_RESOLVE_FAILED);
    http_asker_close(&asker);
    plain.plain = true;
    http_asker_open(&asker, &scene->loop, scene->pool, &plain);
    assert_int_equal(http_asker_post(&asker, "/wsman", "x"), REASON_CLOSED_EARLY);
    http_asker_close(&asker);
}

static void test_names_are_resolved(void **state)
{
    struct scene *scene = *state;
    struct http_target target = scene->target;
    struct http_asker asker;
    target.address = NULL;
    target.host = "localhost";
    target.server_name = "bts01.example";
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_asker_post(&asker, "/wsman", "x"), REASON_OK);
    http_asker_close(&asker);
}

static void test_plain_where_tls_is_due(void **state)
{
    struct scene *scene = *state; /* the server speaks plain http */
    struct http_target target = scene->target;
    struct http_asker asker;
    expect(scene, "/wsman", REASON_OK);
    assert_int_equal(scene->asker.reply.certificate_days, INT64_MIN);
    target.plain = false;
    http_asker_open(&asker, &scene->loop, scene->pool, &target);
    assert_int_equal(http_asker_post(&asker, "/wsman", "x"), REASON_TLS_FAILED);
    http_asker_close(&asker);
}

static void test_one_after_the_other(void **state)
{
    struct scene *scene = *state;
    struct http_asker askers[5], elsewhere;
    struct http_target other = scene->target;
    const struct request request = {.kind = REQUEST_FETCH, .path = "/wsman"}, hold = {.kind = REQUEST_FETCH, .path = "/hold"};
    for (int i = 0; i < 5; i++) {
        http_asker_open(&askers[i], &scene->loop, scene->pool, &scene->target);
        http_asker_ask(&askers[i], &request, 20000);
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(http_asker_wait(&askers[i], 1), REASON_OK);
    assert_int_equal(http_server_at_once(scene->server), 1);
    assert_int_equal(http_server_connections(scene->server), 1);
    /* one that waits gives up; another target does not wait at all */
    http_asker_ask(&askers[0], &hold, 20000);
    http_asker_ask(&askers[1], &request, 100);
    assert_int_equal(http_asker_wait(&askers[1], 2), REASON_REPLY_TIMEOUT);
    http_asker_ask(&askers[2], &request, 20000);
    http_asker_open(&elsewhere, &scene->loop, scene->pool, &other);
    http_asker_ask(&elsewhere, &request, 20000);
    assert_int_equal(http_asker_wait(&elsewhere, 1), REASON_OK);
    http_asker_close(&elsewhere);
    http_asker_close(&askers[0]); /* in mid-request: the next one's turn */
    assert_int_equal(http_asker_wait(&askers[2], 2), REASON_OK);
    for (int i = 1; i < 5; i++)
        http_asker_close(&askers[i]);
}

static void test_from_inside_a_reply(void **state)
{
    struct scene *scene = *state;
    struct http_asker asker;
    scene->asker.again = 4;
    expect(scene, "/wsman", REASON_OK);
    assert_int_equal(http_asker_wait(&scene->asker, 5), REASON_OK);
    http_asker_open(&asker, &scene->loop, scene->pool, &scene->target);
    asker.close_in_piece = true;
    assert_int_equal(fetch(&asker, "/big", 0), REASON_OK);
    assert_int_equal(asker.pieces, 1);
    http_asker_close(&asker);
    http_asker_open(&asker, &scene->loop, scene->pool, &scene->target);
    asker.close_in_reply = true;
    assert_int_equal(fetch(&asker, "/wsman", 0), REASON_OK);
    http_asker_close(&asker);
    expect(scene, "/wsman", REASON_OK);
}

static void test_closed_in_flight(void **state)
{
    struct scene *scene = *state;
    const struct request request = {.kind = REQUEST_FETCH, .path = "/hold"};
    http_asker_ask(&scene->asker, &request, 20000);
    while (http_server_requests(scene->server) < 1)
        uv_run(&scene->loop, UV_RUN_ONCE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
#define PLAIN(name) cmocka_unit_test_setup_teardown(test_##name, set_up_plain, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_goes_out_and_what_comes_back),
        TEST(a_large_body_goes_out_at_once),
        TEST(connections_are_kept),
        TEST(a_closed_connection_is_replaced),
        TEST(pieces),
        TEST(a_slow_reply),
        TEST(limits),
        TEST(statuses_are_answers),
        TEST(redirects_are_refused),
        TEST(broken_replies),
        TEST(nothing_is_sent_twice),
        TEST(a_farewell_is_heard),
        TEST(deadlines),
        TEST(nothing_is_injected),
        TEST(the_environment_changes_nothing),
        TEST(nobody_there),
        TEST(names_are_resolved),
        PLAIN(plain_where_tls_is_due),
        TEST(one_after_the_other),
        TEST(from_inside_a_reply),
        TEST(closed_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
