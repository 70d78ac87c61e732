/* The real receivers of a world on a loop. */
#ifndef SOLOWARDEN_WINLAB_RECEIVERS_H
#define SOLOWARDEN_WINLAB_RECEIVERS_H

#include "world.h"

struct receivers;
struct receivers *receivers_open(struct world *world, uv_loop_t *loop, const char *program, const char *folder);
void receivers_follow(struct receivers *receivers); /* start, freeze, end what the world says */
void receivers_close(struct receivers *receivers);  /* asks all to end; free() it when the loop has ended them */
bool receivers_ended(const struct receivers *receivers);

#endif
