/* The control socket: one line in, one line out. */
#ifndef SOLOWARDEN_WINLAB_CONTROL_H
#define SOLOWARDEN_WINLAB_CONTROL_H

#include "state.h"

struct control;
struct control *control_open(struct world *world, uv_loop_t *loop, const char *path, FILE *complaints); /* NULL: said why */
void control_close(struct control *control); /* its memory goes with the last handle that the loop closes */

/* control_state.c: one line of JSON. cluster NULL: all */
void control_status(const struct world *world, const struct lab_cluster *cluster, FILE *out);
void control_counts(const struct world *world, FILE *out);

#endif
