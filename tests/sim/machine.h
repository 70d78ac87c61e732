/* The whole machine on a scene, and what it was heard to say. Included by one test program each. */
#ifndef SOLOWARDEN_TESTS_SIM_MACHINE_H
#define SOLOWARDEN_TESTS_SIM_MACHINE_H

#include "scene.h"

static struct scene scene;
static struct {
    unsigned actions, told[HAPPENINGS], raised[ALARM_CLASSES], cleared[ALARM_CLASSES];
    uint64_t plan;
    struct plan last;
    uint8_t answer; /* answer the next action from inside the sink: 1 = nothing done */
} heard;

static inline struct scene_options options(void)
{
    return (struct scene_options){.type = "static",
                                  .groups = 1,
                                  .mode = MODE_AUTO,
                                  .triggers = TRIGGER_NONE,
                                  .singleton = SINGLETON_YES,
                                  .fenced = true,
                                  .poll = 60000,
                                  .lag_max = 60000,
                                  .trusted_after = 60000,
                                  .cool_down = 300000,
                                  .common_window = 60000};
}

static inline uint16_t command(uint8_t verb, struct command of, uint16_t group);

static inline void on_effect(void *context, const struct effect *effect)
{
    (void)context;
    if (effect->kind == EFFECT_ALARM) {
        (effect->raised ? heard.raised : heard.cleared)[effect->alarm->class]++;
    } else if (effect->kind == EFFECT_HAPPENING) {
        heard.told[effect->happening]++;
    } else if (effect->kind == EFFECT_ACTION) {
        heard.actions++;
        heard.last = *effect->plan;
        heard.plan = effect->plan->id;
        assert_int_equal(effect->plan->closed, 0);
        if (heard.answer)
            assert_int_equal(command(VERB_RESULT, (struct command){.verdict = NO, .reason = REASON_ACTUATOR_SILENT}, effect->group),
                             REASON_OK);
    }
}

static inline uint16_t command(uint8_t verb, struct command of, uint16_t group)
{
    of.verb = verb;
    if (verb == VERB_RESULT && !of.plan)
        of.plan = heard.plan;
    return decider_command(scene.decider, group, &of, scene.now, scene.wall_offset, on_effect, NULL);
}

static inline uint16_t result(uint8_t verdict, uint16_t reason)
{
    return command(VERB_RESULT, (struct command){.verdict = verdict, .reason = reason}, 0);
}

static inline void pass(long seconds)
{
    for (; seconds > 0; seconds--, scene.now += 1000)
        scene_second(&scene, on_effect, NULL);
}

static inline void begin(struct scene_options with)
{
    if (scene.memory)
        scene_close(&scene);
    memset(&heard, 0, sizeof heard);
    scene_open(&scene, &with, 0);
    pass(200);
    assert_int_equal(scene.decider->groups[0].phase, PHASE_OK);
    memset(&heard, 0, sizeof heard);
}

static inline const struct group_state *group(unsigned position)
{
    return &scene.decider->groups[position];
}

static inline void fall(unsigned position)
{
    scene.runs[position][0] = scene.runs[position][1] = false;
}

static inline void come_up_on_b(unsigned position)
{
    scene.runs[position][0] = false;
    scene.runs[position][1] = true;
}

#endif
