/* What the files of the model share among themselves; nobody else includes this. */
#ifndef SOLOWARDEN_CORE_PARTS_H
#define SOLOWARDEN_CORE_PARTS_H

#include "model.h"

/* The window during which a change counts as "just now": 2 × interval + timeout of the control probes, at least 30 s. */
msec_t policy_settle(const struct policy *policy, uint16_t group);

/* facts.c */
msec_t group_pending_timeout(const struct model *model, uint16_t group); /* configured or told, whichever is longer */
/* It does not poll now and is not meant to: its silence, or a lone word of it, says nothing of its group. */
bool handler_is_excused(const struct model *model, uint16_t handler);

/* control.c */
void control_fold(struct model *model, uint16_t group, msec_t now);
bool control_moving(const struct model *model, uint16_t group, msec_t now);

/* logs.c */
void log_fold(struct model *model, uint16_t server, msec_t now);
void logs_link(struct model *model); /* the accounts' index, once */
struct evidence_policy handler_evidence_policy(const struct model *model, uint16_t handler);
stamp_t log_stamp(const struct model *model, uint16_t server, msec_t at); /* our time on that log's clock */

/* verdict.c */
void verdict_fold(struct model *model, uint16_t handler, msec_t now);

/* model.c: a concurrency probe said that this server lets two sessions into one mailbox */
bool model_never_locks(const struct model *model, uint16_t server, msec_t now);

/* each slot of a subject in turn: for (i = model_first(…); i; i = model->slots[i].next) */
uint32_t model_first(const struct model *model, subject_t subject);

#endif
