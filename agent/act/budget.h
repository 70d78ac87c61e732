/* The actuator's own budget: how many actions of each kind a group may have in a time. A second guard, kept apart from the decider's.
 * Owns the stamps and their file, `budget` in the folder of the actions; knows nothing of orders. */
#ifndef SOLOWARDEN_ACT_BUDGET_H
#define SOLOWARDEN_ACT_BUDGET_H

#include "agent/core/policy.h"

/* Counts one action and stores it durably. False: it must not be done, because the budget is spent (errno 0), or because the file
 * cannot be read, understood (EBADMSG) or written. */
bool budget_take(int folder, const char *cluster, const char *group, uint8_t verb, const struct budget *budget, stamp_t now);

#endif
