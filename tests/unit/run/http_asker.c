/* See http_asker.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "http_asker.h"

static void give_up_channel(struct http_asker *asker)
{
    http_close(asker->channel);
    asker->channel = NULL;
}

static void replied(void *context, const struct reply *reply)
{
    struct http_asker *asker = context;
    asker->reply = *reply;
    if (reply->more) {
        asker->pieces++;
        asker->body = realloc(asker->body, asker->size + reply->size + 1);
        memcpy(asker->body + asker->size, reply->data, reply->size);
        asker->size += reply->size;
        asker->body[asker->size] = '\0';
        if (asker->close_in_piece) {
            give_up_channel(asker);
            asker->replies++;
            uv_stop(asker->loop);
        }
        return;
    }
    asker->replies++;
    uv_timer_stop(asker->patience);
    if (asker->close_in_reply)
        give_up_channel(asker);
    else if (asker->again > 0 && asker->again--)
        http_request(asker->channel, &asker->request);
    uv_stop(asker->loop);
}

static void patience_ended(uv_timer_t *timer)
{
    struct http_asker *asker = timer->data;
    asker->expired = http_expire(asker->channel);
}

void http_asker_open(struct http_asker *asker, uv_loop_t *loop, struct http_pool *pool, const struct http_target *target)
{
    *asker = (struct http_asker){.loop = loop};
    asker->patience = calloc(1, sizeof *asker->patience);
    uv_timer_init(loop, asker->patience);
    asker->patience->data = asker;
    asker->channel = http_open(pool, target, replied, asker);
}

void http_asker_ask(struct http_asker *asker, const struct request *request, unsigned patience_ms)
{
    unsigned replies = asker->replies, pieces = asker->pieces;
    asker->size = 0;
    asker->request = *request;
    uv_update_time(asker->loop);
    uv_timer_start(asker->patience, patience_ended, patience_ms, 0);
    http_request(asker->channel, request);
    assert_int_equal(asker->replies, replies); /* never from inside the call */
    assert_int_equal(asker->pieces, pieces);
}

uint16_t http_asker_wait(struct http_asker *asker, unsigned replies)
{
    while (asker->replies < replies)
        uv_run(asker->loop, UV_RUN_DEFAULT);
    return asker->reply.reason;
}

uint16_t http_asker_post(struct http_asker *asker, const char *path, const char *body)
{
    const struct request request = {
        .kind = REQUEST_POST, .path = path, .content_type = "application/soap+xml", .body = body, .body_size = strlen(body)};
    unsigned replies = asker->replies + 1;
    http_asker_ask(asker, &request, 20000);
    return http_asker_wait(asker, replies);
}

static void timer_closed(uv_handle_t *timer)
{
    free(timer);
}

void http_asker_close(struct http_asker *asker)
{
    if (asker->channel)
        http_close(asker->channel);
    uv_close((uv_handle_t *)asker->patience, timer_closed);
    free(asker->body);
}
