/* A world that a seed breaks at random, against the agent: what must never happen, checked at every action; and in the end, when nothing
 * breaks any more, every group must be well, or blocked with a reason. SEEDS=n runs more of them, SEED=n one and tells its story. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/scene.h"

enum { BREAKING_SECONDS = 5400, HEALING_SECONDS = 3600 };

struct simulation {
    struct scene scene;
    uint64_t random;
    unsigned seed;
    bool talks, healing;
    long second;
    struct {
        uint64_t plan;
        uint8_t act, from, target, outcome; /* 0 = nothing under way */
        long due, happens;
        long double_at, fallen_at, hung_at, well_since; /* by the truth: last second of each; well without a break since */
        long moves[16], stops[16];
        unsigned move_count, stop_count;
    } group[SCENE_GROUPS];
    long mended[SCENE_GROUPS], blind_since, seen_since, pending_since[SCENE_GROUPS];
    unsigned actions;
};
static unsigned all_actions, all_stops;

static uint64_t draw(struct simulation *sim)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return sim->random;
}

static bool chance(struct simulation *sim, unsigned in)
{
    return draw(sim) % in == 0;
}

#define say(sim, ...)                                                                                                                      \
    do {                                                                                                                                   \
        if ((sim)->talks) {                                                                                                                \
            printf("%ld: ", (sim)->second);                                                                                                \
            printf(__VA_ARGS__);                                                                                                           \
            puts("");                                                                                                                      \
        }                                                                                                                                  \
    } while (0)

#define never(sim, condition)                                                                                                              \
    do {                                                                                                                                   \
        if (condition)                                                                                                                     \
            fail_msg("seed %u, second %ld: %s", (sim)->seed, (sim)->second, #condition);                                                   \
    } while (0)

/* ---- what must never happen ---- */

static void check_action(struct simulation *sim, const struct effect *effect)
{
    struct scene *scene = &sim->scene;
    const struct plan *plan = effect->plan;
    unsigned g = effect->group, recent = 0;
    const struct world *world = &scene->decider->world;
    never(sim, sim->group[g].outcome != 0);
    for (unsigned other = 0; other < scene->policy.group_count; other++)
        never(sim, other != g && sim->group[other].outcome && scene->decider->groups[other].phase == PHASE_ACTING);
    for (size_t i = 0; i < world->pause_count; i++)
        never(sim, (world->pauses[i].scope == subject_of(SUBJECT_GROUP, g) || world->pauses[i].scope == subject_of(SUBJECT_AGENT, 0)) &&
                       scene->now + scene->wall_offset < world->pauses[i].until);
    never(sim, world->journal != YES || world->actuator != YES);
    never(sim, plan->closed != 0);
    never(sim, plan->target == plan->from && plan->act == ACT_MOVE);
    never(sim, plan->target >= scene->cluster.node_count);
    never(sim, scene->now < world->clock_stepped_until);
    never(sim, sim->seen_since && sim->second - sim->seen_since > 26 && scene->pending[g] && sim->second - sim->pending_since[g] > 26);
    never(sim, sim->blind_since && sim->second - sim->blind_since > 40);
    never(sim, scene->groups[g].mode < MODE_CONFIRM);
    long *stamps = plan->act == ACT_STOP ? sim->group[g].stops : sim->group[g].moves;
    unsigned *count = plan->act == ACT_STOP ? &sim->group[g].stop_count : &sim->group[g].move_count;
    for (unsigned i = 0; i < *count && i < 16; i++)
        recent += sim->second - stamps[i] < 6 * 3600;
    never(sim, recent >= 2);
    stamps[(*count)++ % 16] = sim->second;
    if (plan->act == ACT_STOP) {
        never(sim, sim->second - sim->group[g].double_at > 75); /* never the only copy */
        never(sim, plan->target == scene->decider->model->control[g].owner);
        all_stops++;
    } else if (scene->decider->groups[g].idle_move) {
        never(sim, sim->second - sim->group[g].hung_at > 150);
    } else {
        never(sim, sim->group[g].well_since && sim->second - sim->group[g].well_since > 45);
        never(sim, sim->second - sim->group[g].fallen_at > 45);
    }
}

static void on_effect(void *context, const struct effect *effect)
{
    struct simulation *sim = context;
    if (effect->kind == EFFECT_HAPPENING)
        say(sim, "told %s group %u rule %u closed %x", happening_name(effect->happening), effect->group, effect->plan->rule,
            effect->plan->closed);
    if (effect->kind == EFFECT_ALARM)
        say(sim, "%s %s", effect->raised ? "raised" : "cleared", alarm_class_name(effect->alarm->class));
    if (effect->kind != EFFECT_ACTION)
        return;
    unsigned g = effect->group;
    check_action(sim, effect);
    say(sim, "ACTION %u group %u %u>%u", effect->plan->act, g, effect->plan->from, effect->plan->target);
    sim->actions++;
    all_actions++;
    sim->group[g].plan = effect->plan->id;
    sim->group[g].act = effect->plan->act;
    sim->group[g].target = effect->plan->target;
    sim->group[g].outcome = (uint8_t)(1 + draw(sim) % 6); /* 1-2 works, 3 nothing done, 4 unknown and half done, 5 unfenced, 6 no answer */
    sim->group[g].happens = sim->second + 1 + (long)(draw(sim) % 10);
    sim->group[g].due = sim->group[g].happens + (long)(draw(sim) % 20);
}

/* ---- the world's part ---- */

static void settle_owner(struct scene *scene, unsigned g)
{
    uint8_t owner = scene->owner[g];
    if (owner < SCENE_NODES && scene->runs[g][owner])
        return;
    scene->owner[g] = NODE_NONE;
    for (uint8_t n = 0; n < scene->cluster.node_count; n++)
        if (scene->runs[g][n])
            scene->owner[g] = n;
}

static void carry_out(struct simulation *sim, unsigned g)
{
    struct scene *scene = &sim->scene;
    uint8_t target = sim->group[g].target;
    if (sim->group[g].outcome && sim->second == sim->group[g].happens && sim->group[g].outcome != 3 && sim->group[g].outcome != 5) {
        for (unsigned n = 0; n < scene->cluster.node_count; n++)
            if (sim->group[g].act == ACT_MOVE)
                scene->runs[g][n] = n == target && scene->up[n] && sim->group[g].outcome != 4;
        if (sim->group[g].act == ACT_STOP)
            scene->runs[g][target] = false;
        scene->hangs[g][target] = false;
        settle_owner(scene, g);
    }
    if (sim->group[g].outcome && sim->second == sim->group[g].due && sim->group[g].outcome != 6) {
        static const struct {
            uint8_t verdict;
            uint16_t reason;
        } results[] = {{0, 0},
                       {YES, REASON_DONE},
                       {YES, REASON_DONE},
                       {NO, REASON_NOTHING_DONE},
                       {UNKNOWN, REASON_RESULT_UNKNOWN},
                       {NO, REASON_UNFENCED}};
        const struct command command = {.verb = VERB_RESULT,
                                        .plan = sim->group[g].plan,
                                        .verdict = results[sim->group[g].outcome].verdict,
                                        .reason = results[sim->group[g].outcome].reason};
        decider_command(scene->decider, (uint16_t)g, &command, scene->now, scene->wall_offset, on_effect, sim);
    }
    uint8_t phase = scene->decider->groups[g].phase;
    if (phase != PHASE_ACTING && phase != PHASE_VERIFYING && sim->second >= sim->group[g].due)
        sim->group[g].outcome = 0;
}

static void restart_agent(struct simulation *sim)
{
    struct scene *scene = &sim->scene;
    struct group_state kept[SCENE_GROUPS];
    size_t pauses = scene->decider->world.pause_count;
    memcpy(kept, scene->decider->groups, scene->policy.group_count * sizeof *kept);
    scene_open_core(scene);
    scene->decider->world.pause_count = pauses;
    for (uint16_t g = 0; g < scene->policy.group_count; g++)
        decider_restore(scene->decider, g, &kept[g], scene->now);
    say(sim, "agent restarted");
}

/* Breaks now and then, and is mended sooner. */
static bool flips(struct simulation *sim, bool works, unsigned breaks_in)
{
    return chance(sim, works ? breaks_in : 90);
}

static void break_group(struct simulation *sim, unsigned g)
{
    struct scene *scene = &sim->scene;
    unsigned node = (unsigned)(draw(sim) % scene->cluster.node_count);
    if (chance(sim, 1200)) {
        say(sim, "group %u falls", g);
        memset(scene->runs[g], 0, sizeof scene->runs[g]);
        settle_owner(scene, g);
        if (chance(sim, 2)) /* the cluster helps itself */
            sim->mended[g] = sim->second + 5 + (long)(draw(sim) % 90);
    }
    if (chance(sim, 1800)) {
        say(sim, "group %u: a twin on %u", g, node);
        scene->runs[g][node] = scene->up[node];
        scene->hangs[g][node] = false;
    }
    if (chance(sim, 2500)) {
        say(sim, "group %u hangs on %u", g, node);
        scene->hangs[g][node] = true;
    }
    if (flips(sim, scene->intended[g], 2500))
        scene->intended[g] = !scene->intended[g];
    if (flips(sim, !scene->pending[g], 1500)) {
        scene->pending[g] = !scene->pending[g];
        sim->pending_since[g] = sim->second;
    }
    if (chance(sim, 5000) && scene->decider->world.pause_count < 4)
        scene->pauses[scene->decider->world.pause_count++] = (struct pause){
            .scope = subject_of(SUBJECT_GROUP, g), .until = scene->now + scene->wall_offset + 1000 * (int64_t)(draw(sim) % 1200)};
    if (scene->decider->groups[g].phase == PHASE_WAITING && chance(sim, 60)) {
        const struct command command = {.verb = VERB_APPROVE, .plan = scene->decider->groups[g].plan};
        decider_command(scene->decider, (uint16_t)g, &command, scene->now, scene->wall_offset, on_effect, sim);
    }
}

static void break_world(struct simulation *sim)
{
    struct scene *scene = &sim->scene;
    unsigned node = (unsigned)(draw(sim) % scene->cluster.node_count);
    struct world *world = &scene->decider->world;
    for (unsigned g = 0; g < scene->policy.group_count; g++)
        break_group(sim, g);
    if (flips(sim, scene->up[node], 1500)) {
        scene->up[node] = !scene->up[node];
        say(sim, "node %u %s", node, scene->up[node] ? "up" : "down");
        for (unsigned g = 0; g < scene->policy.group_count && !scene->up[node]; g++) {
            scene->runs[g][node] = false;
            settle_owner(scene, g);
        }
    }
    if (flips(sim, scene->reachable[node], 900))
        scene->reachable[node] = !scene->reachable[node];
    if (flips(sim, scene->quorate[node], 1500))
        scene->quorate[node] = !scene->quorate[node];
    unsigned server = (unsigned)(draw(sim) % SCENE_SERVERS);
    if (flips(sim, scene->server_up[server], 1800))
        scene->server_up[server] = !scene->server_up[server];
    if (flips(sim, !scene->delay, 1500))
        scene->delay = (msec_t)(draw(sim) % 200) * 1000 * (chance(sim, 2) ? 1 : 0);
    if (flips(sim, !scene->log_stopped, 2000))
        scene->log_stopped = !scene->log_stopped;
    if (flips(sim, world->journal == YES, 2500))
        world->journal = (enum verdict)(draw(sim) % 3);
    if (flips(sim, world->actuator == YES, 2500))
        world->actuator = (enum verdict)(draw(sim) % 3);
    if (chance(sim, 1500))
        restart_agent(sim);
    if (chance(sim, 8000)) {
        int64_t by = ((int64_t)(draw(sim) % 14) - 7) * 3600000;
        scene->wall_offset += by;
        world->clock_stepped_until = scene->now + 600000;
        scene->decider->model->stale_before = scene->now;
        for (size_t i = 0; i < world->pause_count; i++)
            scene->pauses[i].until += by;
        say(sim, "the clock jumps by %lld s", (long long)by / 1000);
    }
}

static void mend(struct simulation *sim, unsigned g)
{
    struct scene *scene = &sim->scene;
    if (sim->mended[g] != sim->second)
        return;
    for (unsigned n = 0; n < scene->cluster.node_count; n++)
        if (scene->up[n]) {
            scene->runs[g][n] = true;
            break;
        }
    settle_owner(scene, g);
    say(sim, "group %u mended by its cluster", g);
}

/* Nothing breaks any more: everything answers, and every group runs once. */
static void heal(struct simulation *sim)
{
    struct scene *scene = &sim->scene;
    sim->healing = true;
    for (unsigned n = 0; n < SCENE_NODES; n++)
        scene->up[n] = scene->reachable[n] = scene->quorate[n] = true;
    scene->server_up[0] = scene->server_up[1] = true;
    scene->delay = 0;
    scene->log_stopped = false;
    scene->decider->world.journal = scene->decider->world.actuator = YES;
    for (unsigned g = 0; g < scene->policy.group_count; g++) {
        sim->mended[g] = 0;
        sim->group[g].happens = -1; /* what was still to come of an order breaks nothing any more */
        scene->pending[g] = false;
        scene->intended[g] = true;
        memset(scene->hangs[g], 0, sizeof scene->hangs[g]);
        memset(scene->runs[g], 0, sizeof scene->runs[g]);
        scene->runs[g][0] = true;
        scene->owner[g] = 0;
    }
}

static void note_truth(struct simulation *sim)
{
    const struct scene *scene = &sim->scene;
    bool any = false, all = scene->cluster.type == CLUSTER_WSFC;
    for (unsigned n = 0; n < scene->cluster.node_count; n++) {
        any |= scene->up[n] && scene->reachable[n];
        all = all && scene->up[n] && scene->reachable[n] && scene->quorate[n];
    }
    sim->seen_since = !all ? 0 : sim->seen_since ? sim->seen_since : sim->second; /* everything answers, the cluster manager included */
    sim->blind_since = any ? 0 : sim->blind_since ? sim->blind_since : sim->second;
    for (unsigned g = 0; g < scene->policy.group_count; g++) {
        unsigned copies = 0, hung = 0, unseen = 0;
        for (unsigned n = 0; n < scene->cluster.node_count; n++) {
            copies += scene->runs[g][n];
            hung += scene->runs[g][n] && scene->hangs[g][n];
            unseen += scene->runs[g][n] && !scene->reachable[n]; /* a copy outside the cluster, on a node that does not answer */
        }
        if (copies > 1)
            sim->group[g].double_at = sim->second;
        if (copies == 0 || unseen)
            sim->group[g].fallen_at = sim->second;
        if (hung || !scene->server_up[0] || copies == 0)
            sim->group[g].hung_at = sim->second;
        sim->group[g].well_since = copies != 1 || unseen ? 0 : sim->group[g].well_since ? sim->group[g].well_since : sim->second;
    }
}

static void run(unsigned seed, bool talks)
{
    struct simulation *sim = calloc(1, sizeof *sim);
    sim->seed = seed;
    sim->talks = talks;
    sim->random = (seed + 1) * 0x9e3779b97f4a7c15U;
    const struct scene_options options = {.type = chance(sim, 2) ? "static" : "wsfc",
                                          .groups = 1 + (unsigned)(draw(sim) % 3),
                                          .mode = chance(sim, 4) ? MODE_CONFIRM : MODE_AUTO,
                                          .triggers = TRIGGER_NONE | TRIGGER_IDLE,
                                          .singleton = SINGLETON_YES,
                                          .fenced = true,
                                          .needs_sql = chance(sim, 2),
                                          .poll = 60000,
                                          .lag_max = 60000,
                                          .trusted_after = 120000,
                                          .cool_down = 60000,
                                          .offline_long = 3600000,
                                          .common_window = 60000};
    scene_open(&sim->scene, &options, 0);
    for (; sim->second < BREAKING_SECONDS + HEALING_SECONDS; sim->second++, sim->scene.now += 1000) {
        if (sim->second == BREAKING_SECONDS)
            heal(sim);
        if (sim->second > 120 && !sim->healing)
            break_world(sim);
        note_truth(sim);
        scene_second(&sim->scene, on_effect, sim);
        for (unsigned g = 0; g < options.groups; g++) {
            mend(sim, g);
            carry_out(sim, g);
        }
    }
    for (unsigned g = 0; g < options.groups; g++) {
        const struct group_state *state = &sim->scene.decider->groups[g];
        const struct handler_state_row *handler = &sim->scene.decider->model->handlers[g];
        say(sim, "group %u ends %s (%s), %s by row %u, log %s, control %s", g, phase_name(state->phase), reason_name(state->reason),
            handler_state_name(handler->state), handler->row, reason_name(sim->scene.decider->model->logs[0].reason),
            reason_name(sim->scene.decider->model->control[g].reason));
        never(sim, state->phase != PHASE_OK && state->phase != PHASE_BLOCKED);
        never(sim, state->phase == PHASE_BLOCKED && state->reason == REASON_NONE);
        never(sim, state->phase == PHASE_BLOCKED && !state->latched);
        never(sim, sim->scene.decider->model->handlers[g].state != HANDLER_SINGLE);
    }
    scene_close(&sim->scene);
    free(sim);
}

static void test_seeds(void **state)
{
    (void)state;
    const char *one = getenv("SEED"), *many = getenv("SEEDS");
    if (one) {
        run((unsigned)atoi(one), true);
        return;
    }
    unsigned seeds = many ? (unsigned)atoi(many) : 60;
    for (unsigned seed = 1; seed <= seeds; seed++)
        run(seed, false);
    printf("%u seeds, %u actions, %u of them stops\n", seeds, all_actions, all_stops);
    assert_true(all_actions > seeds / 2); /* a world in which nobody acts proves nothing */
    assert_true(seeds < 50 || all_stops > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
