/* winlab's SOAP without a network: what a node answers to a posted body. Apart from the agent's headers, which have a `struct text` too. */
#ifndef SOLOWARDEN_TESTS_ANSWERING_H
#define SOLOWARDEN_TESTS_ANSWERING_H

#include "tests/lab/winlab/world.h"

struct answering;
struct answering *answering_open(struct world *world, size_t node);
void answering_close(struct answering *answering);
/* As an account that may only look. The caller frees the answer. */
char *answering_post(struct answering *answering, const char *body, size_t size, uint64_t now_ms, size_t *answer_size, unsigned *status);
size_t answering_contexts(const struct answering *answering); /* enumerations that are open */

#endif
