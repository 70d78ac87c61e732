/* The actuator: `solowarden actuator`, the only process that may act. exec'd over a socketpair on descriptor 3.
 * Reads its own part of the configuration itself, knows a closed list of verbs, keeps its own budget. This side is the decider's handle. */
#ifndef SOLOWARDEN_ACT_ACTUATOR_H
#define SOLOWARDEN_ACT_ACTUATOR_H

#include <uv.h>

#include "driver.h"

struct actuator;
typedef void actuator_result(void *context, const struct order_result *result);
typedef void actuator_state(void *context, bool alive, const char *text);

/* program: this binary's own path. Restarts the child when it ends, at most once a second. Every order gets exactly one result, also when
 * a process dies; results that a program of an earlier run leaves later are handed on too. NULL with errno: no usable state folder. */
struct actuator *actuator_open(uv_loop_t *loop, const char *program, const char *config_path, const char *state_dir,
                               actuator_result *result, actuator_state *state, void *context);
bool actuator_order(struct actuator *actuator, const struct order *order); /* false: not alive, nothing was sent */
void actuator_close(struct actuator *actuator); /* frees itself when the loop let go; running programs may finish */

/* Results that a program left in the state folder while nobody listened (agent restarted). Each is told once. */
void actuator_orphan_results(const char *state_dir, actuator_result *result, void *context);

int actuator_main(int argc, char **argv); /* the child */

#endif
