/* See conversation.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "conversation.h"

static void replied(void *context, const struct reply *reply)
{
    struct conversation *conversation = context;
    if (reply->from_data) {
        conversation->data = realloc(conversation->data, conversation->data_size + reply->size + 1);
        memcpy(conversation->data + conversation->data_size, reply->data, reply->size);
        conversation->data_size += reply->size;
        conversation->data[conversation->data_size] = '\0';
        return;
    }
    conversation->reply = *reply;
    free(conversation->text);
    conversation->text = calloc(1, reply->size + 1);
    memcpy(conversation->text, reply->data, reply->size);
    conversation->replied = true;
    uv_stop(&conversation->loop);
}

static void patience_ended(uv_timer_t *timer)
{
    struct conversation *conversation = timer->data;
    conversation->expired = true;
    line_expire(conversation->line);
}

void conversation_open(struct conversation *conversation)
{
    memset(conversation, 0, sizeof *conversation);
    uv_loop_init(&conversation->loop);
    uv_timer_init(&conversation->loop, &conversation->patience);
    conversation->patience.data = conversation;
    conversation->line = line_open(&conversation->loop, replied, conversation);
}

uint16_t conversation_ask(struct conversation *conversation, const struct request *request, unsigned patience_ms)
{
    conversation->replied = conversation->expired = false;
    uv_update_time(&conversation->loop);
    uv_timer_start(&conversation->patience, patience_ended, patience_ms, 0);
    line_request(conversation->line, request);
    assert_false(conversation->replied); /* never from inside the call */
    while (!conversation->replied)
        uv_run(&conversation->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&conversation->patience);
    return conversation->reply.reason;
}

uint16_t conversation_connect(struct conversation *conversation, const char *host, uint16_t port)
{
    const struct request request = {.kind = REQUEST_CONNECT, .host = host, .port = port};
    return conversation_ask(conversation, &request, 20000);
}

uint16_t conversation_exchange(struct conversation *conversation, const char *command, enum expect expect)
{
    struct request request = {.kind = REQUEST_EXCHANGE, .expect = expect, .size = strlen(command)};
    memcpy(request.bytes, command, request.size);
    return conversation_ask(conversation, &request, 20000);
}

void conversation_close(struct conversation *conversation)
{
    if (conversation->line)
        line_close(conversation->line);
    uv_close((uv_handle_t *)&conversation->patience, NULL);
    uv_run(&conversation->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&conversation->loop), 0);
    free(conversation->text);
    free(conversation->data);
}
