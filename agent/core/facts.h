/* The facts that rules and gates read, computed once per tick and group, each with its reason. Pure. */
#ifndef SOLOWARDEN_CORE_FACTS_H
#define SOLOWARDEN_CORE_FACTS_H

#include "engine.h"
#include "model.h"

void facts_fold(const struct model *model, const struct policy *policy, uint16_t group, const struct group_state *was,
                const struct world *world, msec_t now, struct facts *facts);
/* The second half of facts_fold: which gates are open. In a file of its own (gates_fold.c), next to nothing else. */
struct fold {
    const struct model *model;
    const struct policy *policy;
    const struct group_state *was;
    const struct world *world;
    uint16_t group;
    msec_t now;
};
void gates_fold(const struct fold *fold, struct facts *facts);
msec_t facts_window(const struct fold *fold, const struct facts *facts, uint8_t wrong); /* how long this wrong must stand */
const struct pause *pause_of(const struct world *world, subject_t scope, msec_t now);   /* the pause in force, or NULL */
void facts_wake(struct facts *facts, msec_t now, msec_t at);                            /* time alone changes something at `at` */

/* The least time that a fallen state must stand; the configuration may only lengthen it. */
msec_t policy_confirm_floor(const struct policy *policy, uint16_t group);

/* Sees all groups at once. `fleet` is also what it was: a common cause lasts until it ends. */
void fleet_fold(const struct model *model, const struct group_state *groups, const struct world *world, msec_t now, struct fleet *fleet);

/* What only the fleet can say about one group's gates: nothing in common, nothing in flight, not many at once. */
void fleet_gates(const struct policy *policy, uint16_t group, const struct group_state *was, const struct fleet *fleet, msec_t now,
                 struct facts *facts);

#endif
