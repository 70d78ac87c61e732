/* The whole decision as one pure machine: inputs in, effects out, `now` an argument. The daemon, the golden timelines and
 * `replay` drive this same interface. Owns model, group states and alarms; performs nothing itself. Allocates nothing. */
#ifndef SOLOWARDEN_CORE_DECIDER_H
#define SOLOWARDEN_CORE_DECIDER_H

#include "facts.h"

enum effect_kind {
    EFFECT_ACTION,    /* dispatch this plan: journal the intent durably first, then the actuator */
    EFFECT_HAPPENING, /* tell and keep: a plan, a start, a result, an approval, a pause */
    EFFECT_ALARM,     /* raised or cleared */
    EFFECT_STEP       /* a group's facts or phase changed: an input of the engine worth keeping for replay */
};

struct effect {
    uint8_t kind;
    uint16_t group; /* UINT16_MAX when it concerns none */
    uint8_t happening;
    const struct plan *plan;   /* ACTION, HAPPENING, STEP */
    const struct alarm *alarm; /* ALARM */
    bool raised;
    const struct facts *facts; /* STEP */
    const struct group_state *state;
    const struct command *command;
    msec_t now;
};
typedef void effect_sink(void *context, const struct effect *effect);

struct decider {
    struct model *model;
    const struct policy *policy;
    struct group_state *groups; /* per group */
    struct facts *facts;        /* per group, of the last tick */
    struct plan *plans;         /* per group, of the last tick */
    msec_t *wake_at;            /* per group: when time alone changes something; 0 = never */
    struct alarm_table alarms;
    struct fleet fleet;
    struct world world; /* the shell keeps journal, actuator, stall and pauses up to date */
    msec_t quiet_until; /* after a start nothing is notified before each input arrived once or two intervals passed */
    msec_t ticked_at;
    bool freed; /* an action ended in this tick */
};

/* alarm_fold.c: how every condition of the catalogue stands by now. While it is quiet nothing is raised. */
void alarms_fold(struct decider *decider, bool quiet, msec_t now, alarm_sink *sink, void *context);

size_t decider_size(const struct policy *policy);
struct decider *decider_open(void *memory, const struct policy *policy, msec_t now);

/* One tick: fold the model, compute facts of every group, the fleet, step the groups, then grant actions in a second pass.
 * Returns when it wants to be called again at the latest (0 = only on input). */
msec_t decider_tick(struct decider *decider, msec_t now, int64_t wall_offset, effect_sink *sink, void *context);

/* A command or a result for one group, handled at once with the facts as of `now`. Returns the reason why it was refused, REASON_OK if
 * taken. */
uint16_t decider_command(struct decider *decider, uint16_t group, const struct command *command, msec_t now, int64_t wall_offset,
                         effect_sink *sink, void *context);

/* State of a group from before a restart. An action then under way becomes an orphan: nothing before deadline + settle. */
void decider_restore(struct decider *decider, uint16_t group, const struct group_state *state, msec_t now);

#endif
