/* For tests: one http channel and what came back on it; the loop runs until the reply is there. */
#ifndef SOLOWARDEN_TEST_HTTP_ASKER_H
#define SOLOWARDEN_TEST_HTTP_ASKER_H

#include "agent/run/channel_http.h"
#include "http_server.h"

struct http_asker {
    uv_loop_t *loop;
    uv_timer_t *patience;
    struct http_channel *channel;
    struct reply reply; /* the last one */
    char *body;         /* of all pieces, terminated */
    size_t size;
    unsigned pieces, replies;
    bool expired, close_in_piece, close_in_reply;
    unsigned again; /* asks so many times more, from inside the reply */
    struct request request;
};

void http_asker_open(struct http_asker *asker, uv_loop_t *loop, struct http_pool *pool, const struct http_target *target);
void http_asker_ask(struct http_asker *asker, const struct request *request, unsigned patience_ms); /* returns at once */
uint16_t http_asker_wait(struct http_asker *asker, unsigned replies);                               /* until so many in all */
uint16_t http_asker_post(struct http_asker *asker, const char *path, const char *body);
void http_asker_close(struct http_asker *asker);

#endif
