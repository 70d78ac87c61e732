/* The rules, one screen: ordered, first match wins. Hundreds group them by what they are about; gaps are for inserts.
 * A row that acts does so only when every gate of its act is open (gates.c); otherwise the group waits. */
#include "rules.h"

#define IN(phase) (uint16_t)(1U << PHASE_##phase)
#define CALM (IN(UNKNOWN) | IN(OK) | IN(SUSPECT))
#define ORDINARY (CALM | IN(WAITING))
#define F(fact) FACT_##fact

/* clang-format off */
const struct rule rules[] = {
    /* an order is out */
    {101, IN(ACTING), F(DONE) | F(FAILED), 0, PHASE_SUSPECT, ACT_NOTHING, HAPPENED_WITHDRAWN, "nothing was done; it may be tried again after the cool-down"},
    {102, IN(ACTING), F(FAILED), 0, PHASE_BLOCKED, ACT_NOTHING, HAPPENED_BLOCKED, "the action failed, or nobody knows what it did"},
    {103, IN(ACTING), F(DONE), 0, PHASE_VERIFYING, ACT_NOTHING, HAPPENED_NOTHING, "done by its own word; fresh evidence must say so"},
    {104, IN(ACTING), F(LATE), 0, PHASE_VERIFYING, ACT_NOTHING, HAPPENED_NOTHING, "no result came in time; only evidence can tell"},
    {105, IN(ACTING), 0, 0, PHASE_ACTING, ACT_NOTHING, HAPPENED_NOTHING, "waiting for the result"},
    /* what the evidence says of it */
    {201, IN(VERIFYING), F(DONE) | F(INNER_DONE), 0, PHASE_OK, ACT_NOTHING, HAPPENED_DONE, "the evidence agrees, and it receives"},
    {202, IN(VERIFYING), F(DONE) | F(LATE), 0, PHASE_OK, ACT_NOTHING, HAPPENED_DONE, "the evidence agrees, but it was not seen receiving"},
    {203, IN(VERIFYING), F(DONE), 0, PHASE_VERIFYING, ACT_NOTHING, HAPPENED_MOVED, "the evidence agrees; it must still be seen receiving"},
    {204, IN(VERIFYING), F(LATE), 0, PHASE_BLOCKED, ACT_NOTHING, HAPPENED_BLOCKED, "the evidence does not show what was ordered"},
    {205, IN(VERIFYING), 0, 0, PHASE_VERIFYING, ACT_NOTHING, HAPPENED_NOTHING, "waiting for evidence"},
    /* an operator must look */
    {301, IN(BLOCKED), F(DONE), F(HELD), PHASE_OK, ACT_NOTHING, HAPPENED_NOTHING, "well again, by evidence"},
    {302, IN(BLOCKED), 0, 0, PHASE_BLOCKED, ACT_NOTHING, HAPPENED_NOTHING, "waiting for an operator, or for evidence that it is well"},
    {303, CALM | IN(WAITING) | IN(HELD), F(MANY) | F(FAILED), 0, PHASE_BLOCKED, ACT_NOTHING, HAPPENED_BLOCKED, "a copy that was stopped came back: something fights us"},
    /* paused */
    {401, ORDINARY | IN(HELD), F(HELD), 0, PHASE_HELD, ACT_NOTHING, HAPPENED_NOTHING, "paused: watched, not touched"},
    {402, IN(HELD), 0, F(HELD), PHASE_UNKNOWN, ACT_NOTHING, HAPPENED_NOTHING, "no longer paused: looked at afresh"},
    /* an operator's order */
    {501, CALM, F(ORDERED), 0, PHASE_WAITING, ACT_MOVE, HAPPENED_PLANNED, "an operator ordered a move"},
    {502, IN(WAITING), F(ORDERED), 0, PHASE_ACTING, ACT_MOVE, HAPPENED_STARTED, "an operator ordered a move"},
    /* a plan stands */
    {601, IN(WAITING), F(NONE) | F(INNER_DONE) | F(APPROVED), F(MOVING) | F(BLIND) | F(MANY), PHASE_ACTING, ACT_MOVE, HAPPENED_STARTED, "active nowhere, and the cluster leaves it so"},
    {602, IN(WAITING), F(IDLE) | F(INNER_DONE) | F(APPROVED), F(MOVING) | F(BLIND) | F(MANY) | F(NONE), PHASE_ACTING, ACT_MOVE, HAPPENED_STARTED, "online, and polls no more"},
    {603, IN(WAITING), F(MANY) | F(CONFIRMED) | F(INNER_DONE) | F(APPROVED), F(MOVING) | F(BLIND) | F(NONE), PHASE_ACTING, ACT_STOP, HAPPENED_STARTED, "a surplus copy runs, by its own node's word"},
    {604, IN(WAITING), F(INNER_DONE), F(MOVING) | F(BLIND), PHASE_WAITING, ACT_NOTHING, HAPPENED_NOTHING, "the plan stands, and waits"},
    /* what is the matter */
    {701, ORDINARY, F(BLIND), 0, PHASE_UNKNOWN, ACT_NOTHING, HAPPENED_NOTHING, "nothing is known"},
    {702, ORDINARY, F(MOVING), 0, PHASE_UNKNOWN, ACT_NOTHING, HAPPENED_NOTHING, "in transition: not judged"},
    {703, CALM, F(NONE) | F(INNER_DONE), F(MANY), PHASE_WAITING, ACT_MOVE, HAPPENED_PLANNED, "active nowhere for the confirm window"},
    {704, CALM, F(IDLE) | F(INNER_DONE), F(MANY), PHASE_WAITING, ACT_MOVE, HAPPENED_PLANNED, "online, and does not poll for the confirm window"},
    {705, CALM, F(MANY) | F(CONFIRMED) | F(INNER_DONE), 0, PHASE_WAITING, ACT_STOP, HAPPENED_PLANNED, "two copies, confirmed, for the settle window"},
    {706, ORDINARY, F(NONE), 0, PHASE_SUSPECT, ACT_NOTHING, HAPPENED_NOTHING, "active nowhere"},
    {707, ORDINARY, F(MANY), 0, PHASE_SUSPECT, ACT_NOTHING, HAPPENED_NOTHING, "more than one copy"},
    {708, ORDINARY, F(IDLE), 0, PHASE_SUSPECT, ACT_NOTHING, HAPPENED_NOTHING, "does not poll"},
    {709, ORDINARY, F(ONE), 0, PHASE_OK, ACT_NOTHING, HAPPENED_NOTHING, "active exactly once"},
    {710, ORDINARY, 0, 0, PHASE_UNKNOWN, ACT_NOTHING, HAPPENED_NOTHING, "no judgement possible"},
};
/* clang-format on */
const size_t rule_count = sizeof rules / sizeof *rules;

const struct rule *rule_by_id(uint16_t id)
{
    for (size_t i = 0; i < rule_count; i++)
        if (rules[i].id == id)
            return &rules[i];
    return NULL;
}

uint8_t wrong_of(uint32_t bits)
{
    static const uint32_t order[] = {FACT_CONFIRMED, FACT_MANY, FACT_NONE, FACT_IDLE};
    if (bits & (FACT_MOVING | FACT_BLIND))
        return 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (bits & order[i])
            return (uint8_t)(__builtin_ctz(order[i]) + 1);
    return 0;
}

const char *phase_name(uint8_t phase)
{
    static const char *const names[PHASES] = {
        [PHASE_UNKNOWN] = "unknown", [PHASE_OK] = "ok",           [PHASE_SUSPECT] = "suspect",     [PHASE_WAITING] = "waiting",
        [PHASE_ACTING] = "acting",   [PHASE_BLOCKED] = "blocked", [PHASE_VERIFYING] = "verifying", [PHASE_HELD] = "held",
    };
    return phase < PHASES && names[phase] ? names[phase] : "?";
}

const char *fact_name(unsigned bit)
{
    static const char *const names[FACTS] = {"none", "one",        "many", "idle",   "confirmed", "moving",   "blind",
                                             "held", "inner-done", "done", "failed", "late",      "approved", "ordered"};
    return bit < FACTS ? names[bit] : "?";
}

const char *happening_name(uint8_t happening)
{
    static const char *const names[HAPPENINGS] = {"nothing",  "planned", "started",   "moved",  "done",    "blocked", "stopped",
                                                  "approved", "lapsed",  "withdrawn", "paused", "resumed", "acked"};
    return happening < HAPPENINGS ? names[happening] : "?";
}
