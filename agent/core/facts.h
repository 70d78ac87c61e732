/* The facts that rules and gates read, computed once per tick and group, each with its reason. Pure. */
#ifndef SOLOWARDEN_CORE_FACTS_H
#define SOLOWARDEN_CORE_FACTS_H

#include "engine.h"
#include "model.h"

void facts_fold(const struct model *model, const struct policy *policy, uint16_t group, const struct group_state *was,
                const struct world *world, msec_t now, struct facts *facts);
void fleet_fold(const struct model *model, const struct group_state *groups, const struct world *world, msec_t now, struct fleet *fleet);

#endif
