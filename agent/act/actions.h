/* The folder state_dir/actions: what is running and how it ended, one small file each, so that neither process's death loses it.
 *   PLAN.running  while its program may run; locked by the actuator that started it
 *   PLAN.result   how it ended, not yet taken in by the decider
 *   PLAN.done     the same, taken in; kept so that a plan is never carried out twice
 * Owns names, formats and durability; decides nothing. */
#ifndef SOLOWARDEN_ACT_ACTIONS_H
#define SOLOWARDEN_ACT_ACTIONS_H

#include "driver.h"

struct running { /* what a .running file says */
    uint64_t plan;
    uint16_t group;
    char group_name[160]; /* cluster/group: positions may change with the configuration, names do not */
    stamp_t deadline;
};

int actions_open(const char *state_dir); /* a descriptor of the folder, made if absent; -1 with errno */

/* Durable on return. The descriptor holds the lock: keep it until actions_end. -1 with errno: nothing may be started. */
int actions_begin(int folder, const struct running *running);
/* The result alone, durably: for an action whose program may still run. -1 with errno. */
int actions_conclude(int folder, const struct order_result *result);
/* Writes the result durably, then removes the .running file and closes its descriptor (-1 = none). -1 with errno. */
int actions_end(int folder, const struct order_result *result, int lock);

bool actions_result(int folder, uint64_t plan, struct order_result *result); /* from .result or .done */
bool actions_is_running(int folder, uint64_t plan);                          /* there is a .running file */
bool actions_is_abandoned(int folder, uint64_t plan);                        /* … and nobody holds its lock */
void actions_clear(int folder, uint64_t plan);                               /* removes .running */
void actions_taken(int folder, uint64_t plan);                               /* .result becomes .done */

typedef void actions_each_running(void *context, const struct running *running);
typedef void actions_each_result(void *context, const struct order_result *result);
void actions_list_running(int folder, actions_each_running *each, void *context);
void actions_list_results(int folder, actions_each_result *each, void *context); /* .result files only */
void actions_forget_old(int folder, stamp_t before);                             /* .done files */

#endif
