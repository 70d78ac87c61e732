/* See http_scene.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/resolve.h"
#include "http_scene.h"
#include "server.h"

/* What a server may answer. */
void http_scene_answer(void *context, const struct http_asked *asked, struct http_given *given)
{
    struct scene *scene = context;
    char text[400];
    int status = 0;
    scene->last = *asked;
    scene->bodies_without_credential += asked->body_size > 0 && asked->authorization[0] == '\0';
    if (sscanf(asked->path, "/status/%d", &status) == 1) {
        http_give(given, status, status / 100 == 3 ? "Location: /elsewhere\r\n" : "", "a text");
    } else if (strcmp(asked->path, "/big") == 0) {
        char *body = calloc(1, BIG + 1);
        memset(body, 'x', BIG);
        http_give(given, 200, "", body);
        free(body);
    } else if (strcmp(asked->path, "/chunks") == 0) {
        given->bytes = strdup("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n5\r\n five\r\n0\r\n\r\n");
    } else if (strcmp(asked->path, "/hold") == 0) {
        given->hold = true;
    } else if (strcmp(asked->path, "/slow") == 0) {
        given->bytes = strdup("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfour");
        given->hold = true;
    } else if (strcmp(asked->path, "/half") == 0) {
        given->bytes = strdup("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        given->close = true;
    } else if (strcmp(asked->path, "/nothing") == 0) {
        given->close = true;
    } else if (strcmp(asked->path, "/garbage") == 0) {
        given->bytes = strdup("220 I am no web server\r\n");
        given->close = true;
    } else if (strcmp(asked->path, "/headers") == 0) {
        char *headers = calloc(1, 200001);
        for (size_t at = 0; at + 20 <= 200000; at += 20)
            memcpy(headers + at, "X-Something: words\r\n", 20);
        http_give(given, 200, headers, "");
        free(headers);
    } else if (strcmp(asked->path, "/boast") == 0) {
        given->bytes = strdup("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx");
        given->hold = true;
    } else if (strcmp(asked->path, "/once") == 0) {
        http_give(given, 200, "Connection: close\r\n", "once");
        given->close = true;
    } else if (strcmp(asked->path, "/tired") == 0) {
        http_give(given, 200, "", "tired");
        given->close = true;
    } else if (strcmp(asked->path, "/login") == 0) {
        bool right = strcmp(asked->authorization, "Basic Y2FuYXJ5OnN3b3JkZmlzaA==") == 0; /* canary:swordfish */
        http_give(given, right ? 200 : 401, right ? "" : "WWW-Authenticate: Basic realm=\"x\"\r\n", right ? "in" : "out");
    } else if (strcmp(asked->path, "/negotiate") == 0) {
        http_give(given, 401, "WWW-Authenticate: Negotiate\r\n", "no");
    } else {
        snprintf(text, sizeof text, "%s %s %zu", asked->method, asked->path, asked->body_size);
        http_give(given, 200, "", text);
    }
    if (given->bytes && given->size == 0)
        given->size = strlen(given->bytes);
}

static int open_scene(void **state, bool plain)
{
    struct scene *scene = calloc(1, sizeof *scene);
    uv_loop_init(&scene->loop);
    scene->pool = http_pool_open(&scene->loop);
    scene->tls = plain ? NULL : server_context("bts01.example", false, 0, 90 * DAY + 60, false);
    scene->server = http_server_open(scene->tls, http_scene_answer, scene);
    scene->target = (struct http_target){.host = "bts01.example",
                                         .address = "127.0.0.1",
                                         .port = http_server_port(scene->server),
                                         .plain = plain,
                                         .ca_file = authority_file()};
    http_asker_open(&scene->asker, &scene->loop, scene->pool, &scene->target);
    *state = scene;
    return 0;
}

int set_up(void **state)
{
    return open_scene(state, false);
}

int set_up_plain(void **state)
{
    return open_scene(state, true);
}

int tear_down(void **state)
{
    struct scene *scene = *state;
    http_asker_close(&scene->asker);
    http_pool_close(scene->pool);
    http_server_close(scene->server);
    SSL_CTX_free(scene->tls);
    while (uv_run(&scene->loop, UV_RUN_DEFAULT) != 0) /* a reply may have stopped it */
        ;
    int left = uv_loop_close(&scene->loop);
    resolve_forget();
    free(scene);
    return left;
}

uint16_t fetch(struct http_asker *asker, const char *path, size_t limit)
{
    const struct request request = {.kind = REQUEST_FETCH, .path = path, .limit = limit};
    unsigned replies = asker->replies + 1;
    http_asker_ask(asker, &request, 20000);
    return http_asker_wait(asker, replies);
}

void expect(struct scene *scene, const char *path, uint16_t reason)
{
    assert_string_equal(reason_name(http_asker_post(&scene->asker, path, "<xml/>")), reason_name(reason));
}
