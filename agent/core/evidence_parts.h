/* What the parts of evidence share: the arithmetic of doubtful stamps, and who calls whom. Internal to agent/core/evidence*.c. */
#ifndef SOLOWARDEN_CORE_EVIDENCE_PARTS_H
#define SOLOWARDEN_CORE_EVIDENCE_PARTS_H

#include "evidence.h"

static inline stamp_t later(stamp_t a, stamp_t b)
{
    return a > b ? a : b;
}

static inline bool inside(stamp_t stamp, stamp_t begin, stamp_t end, stamp_t resolution)
{
    return begin + resolution <= stamp && stamp + resolution <= end;
}

/* Did these two spans overlap beyond doubt? */
bool spans_overlap(const struct evidence_policy *policy, stamp_t begin, stamp_t end, stamp_t other_begin, stamp_t other_end);

stamp_t last_handover(const struct evidence *evidence);
bool handover_between(const struct evidence *evidence, stamp_t after, stamp_t until);
void many_proven(struct evidence *evidence, const struct finding *finding);

/* evidence_order.c: runs of beginnings, and returns. */
struct evidence_run *run_newest(struct evidence *evidence);
/* Puts a beginning where it belongs. True when the order of nodes has changed. */
bool run_add(const struct evidence_policy *policy, struct evidence *evidence, uint8_t node, stamp_t begin, uint64_t line, bool took);
void run_withdraw(const struct evidence_policy *policy, struct evidence *evidence, uint8_t node, stamp_t at);
bool return_check(const struct evidence_policy *policy, struct evidence *evidence, struct finding *finding);
/* The first node of a double take begins something again: two handlers, unless a hand-over lies between. */
bool return_of_first(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, struct finding *finding);

/* evidence_takes.c: objects and sessions. */
struct evidence_session *session_find(struct evidence *evidence, uint64_t session, uint8_t node);
struct evidence_session *session_open(struct evidence *evidence, const struct event *event);
bool session_check(const struct evidence_policy *policy, struct evidence *evidence, const struct evidence_session *session,
                   struct finding *finding);
void object_end(struct evidence *evidence, const struct event *event);
bool object_take(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, struct finding *finding);
void double_found(struct evidence *evidence, struct evidence_object *object, stamp_t at, uint64_t line, struct finding *finding);
/* Objects that several of `nodes` took, with no hand-over since: marks them. The newest, NULL if there is none; *news: not known before. */
struct evidence_object *waiting_confirm(struct evidence *evidence, nodes_t nodes, stamp_t since, stamp_t now, bool by_first, bool *news);

#endif
