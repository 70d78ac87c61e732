/* See answering.h. */
#include "answering.h"

#include <stdlib.h>

#include "tests/lab/winlab/soap.h"

struct answering {
    struct world *world;
    size_t node;
    struct soap_contexts *contexts;
};

struct answering *answering_open(struct world *world, size_t node)
{
    struct answering *answering = calloc(1, sizeof *answering);
    if (!answering)
        abort();
    *answering = (struct answering){.world = world, .node = node, .contexts = soap_contexts_open()};
    return answering;
}

void answering_close(struct answering *answering)
{
    soap_contexts_close(answering->contexts);
    free(answering);
}

char *answering_post(struct answering *answering, const char *body, size_t size, uint64_t now_ms, size_t *answer_size, unsigned *status)
{
    struct soap_caller caller = {.world = answering->world,
                                 .node = answering->node,
                                 .node_name = world_node_name(answering->world, answering->node),
                                 .user = "svc-observe",
                                 .role = ROLE_OBSERVE,
                                 .contexts = answering->contexts,
                                 .now_ms = now_ms};
    struct text text = {0};
    *status = soap_answer(&caller, body, size, &text);
    *answer_size = text.length;
    return text.bytes;
}

size_t answering_contexts(const struct answering *answering)
{
    return soap_contexts_count(answering->contexts);
}
