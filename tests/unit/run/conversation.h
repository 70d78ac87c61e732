/* For tests: one line channel, driven request by request; the loop runs until the reply is there. */
#ifndef SOLOWARDEN_TEST_CONVERSATION_H
#define SOLOWARDEN_TEST_CONVERSATION_H

#include "agent/run/channel.h"

struct conversation {
    uv_loop_t loop;
    uv_timer_t patience;
    struct line_channel *line;
    struct reply reply;
    char *text; /* of the last reply, terminated */
    char *data; /* all that came over data connections, terminated */
    size_t data_size;
    bool replied, expired;
};

void conversation_open(struct conversation *conversation);
/* Each returns the reply's reason. Expires the request after `patience_ms`. */
uint16_t conversation_ask(struct conversation *conversation, const struct request *request, unsigned patience_ms);
uint16_t conversation_connect(struct conversation *conversation, const char *host, uint16_t port);
uint16_t conversation_exchange(struct conversation *conversation, const char *command, enum expect expect);
void conversation_close(struct conversation *conversation); /* asserts that nothing is left in the loop */

#endif
