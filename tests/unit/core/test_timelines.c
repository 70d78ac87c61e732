/* Golden incidents: tests/golden/timelines/NAME.timeline → NAME.expected. BLESS=1 rewrites the expected files; what an incident demands
 * (`must`, `never`) stands in the timeline itself and is checked in any case. The language is explained in timelines/README.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "tests/sim/scene.h"

enum { INPUTS_MAX = 200, DEMANDS_MAX = 30, TRACE_BYTES = 1 << 16 };

struct timeline {
    struct scene scene;
    struct scene_options options;
    long warm, end;
    struct {
        long at;
        char text[120];
        bool done;
    } inputs[INPUTS_MAX];
    unsigned input_count;
    struct {
        bool must;
        long from, to;
        char text[100];
    } demands[DEMANDS_MAX];
    unsigned demand_count;
    char trace[TRACE_BYTES];
    size_t used;
    uint8_t shown_state[SCENE_GROUPS], shown_node[SCENE_GROUPS], shown_phase[SCENE_GROUPS], shown_alarm[256];
    uint16_t shown_flags[SCENE_GROUPS];
    uint64_t ordered_plan[SCENE_GROUPS];
};

/* ---- the trace ---- */

static long second_of(const struct timeline *line)
{
    return (long)((line->scene.now - SCENE_ZERO) / 1000);
}

__attribute__((format(printf, 2, 3))) static void trace(struct timeline *line, const char *format, ...)
{
    va_list arguments;
    if (second_of(line) < 0)
        return;
    line->used += (size_t)snprintf(line->trace + line->used, sizeof line->trace - line->used, "%ld ", second_of(line));
    va_start(arguments, format);
    line->used += (size_t)vsnprintf(line->trace + line->used, sizeof line->trace - line->used, format, arguments);
    va_end(arguments);
    line->used += (size_t)snprintf(line->trace + line->used, sizeof line->trace - line->used, "\n");
    assert_true(line->used < sizeof line->trace);
}

static const char *node_text(const struct timeline *line, uint8_t node)
{
    return node < line->scene.cluster.node_count ? line->scene.nodes[node].name : node == NODE_SHARED ? "shared" : "-";
}

static const char *closed_text(gates_t closed, char out[400])
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned gate = 0; gate < GATES; gate++)
        if (closed & (gates_t)1 << gate)
            used += (size_t)snprintf(out + used, 400 - used, "%s%s", used ? "," : " closed ", gate_name(gate));
    return out;
}

static void on_effect(void *context, const struct effect *effect)
{
    struct timeline *line = context;
    const struct plan *plan = effect->plan;
    char closed[400];
    if (effect->kind == EFFECT_ALARM) {
        trace(line, "%s %s %s", effect->raised ? "raised" : "cleared", alarm_class_name(effect->alarm->class),
              policy_name(&line->scene.policy, effect->alarm->subject));
    } else if (effect->kind == EFFECT_HAPPENING) {
        trace(line, "told %s %s %s %s>%s rule %u%s", happening_name(effect->happening), line->scene.names[effect->group],
              plan->act == ACT_MOVE   ? "move"
              : plan->act == ACT_STOP ? "stop"
                                      : "nothing",
              node_text(line, plan->from), node_text(line, plan->target), plan->rule, closed_text(plan->closed, closed));
    } else if (effect->kind == EFFECT_ACTION) {
        trace(line, "action %s %s %s>%s", line->scene.names[effect->group], plan->act == ACT_MOVE ? "move" : "stop",
              node_text(line, plan->from), node_text(line, plan->target));
        line->ordered_plan[effect->group] = plan->id;
    }
}

static void trace_changes(struct timeline *line)
{
    static const char *const flags[] = {"intruder", "log-stalled", "log-gap", "nat", "addresses-unmapped", "partial"};
    for (uint16_t i = 0; i < line->scene.policy.handler_count; i++) {
        const struct handler_state_row *row = &line->scene.decider->model->handlers[i];
        if (row->state == line->shown_state[i] && row->node == line->shown_node[i] && row->flags == line->shown_flags[i])
            continue;
        char text[100] = "";
        for (size_t flag = 0, used = 0; flag < sizeof flags / sizeof *flags; flag++)
            if (row->flags & 1U << flag)
                used += (size_t)snprintf(text + used, sizeof text - used, " +%s", flags[flag]);
        trace(line, "verdict %s %s %s row %u%s", line->scene.handlers[i].name, handler_state_name(row->state), node_text(line, row->node),
              row->row, text);
        line->shown_state[i] = row->state;
        line->shown_node[i] = row->node;
        line->shown_flags[i] = row->flags;
    }
    for (uint16_t i = 0; i < line->scene.policy.group_count; i++) {
        const struct group_state *state = &line->scene.decider->groups[i];
        if (state->phase != line->shown_phase[i])
            trace(line, "phase %s %s rule %u %s", line->scene.names[i], phase_name(state->phase), state->rule, reason_name(state->reason));
        line->shown_phase[i] = state->phase;
    }
    const struct alarm_table *alarms = &line->scene.decider->alarms;
    for (uint32_t i = 0; i < alarms->count && i < sizeof line->shown_alarm; i++) {
        const struct alarm *alarm = &alarms->rows[i];
        if (alarm->state == ALARM_SUPPRESSED && line->shown_alarm[i] != ALARM_SUPPRESSED)
            trace(line, "suppressed %s %s by %s", alarm_class_name(alarm->class), policy_name(&line->scene.policy, alarm->subject),
                  alarm_class_name(alarms->rows[alarm->suppressed_by - 1].class));
        line->shown_alarm[i] = alarm->state;
    }
}

/* ---- inputs ---- */

static unsigned node_named(const struct timeline *line, const char *word)
{
    for (unsigned n = 0; n < line->scene.cluster.node_count; n++)
        if (strcmp(line->scene.nodes[n].name, word) == 0)
            return n;
    return NODE_NONE;
}

static unsigned group_named(const struct timeline *line, const char *word)
{
    for (unsigned g = 0; g < line->scene.policy.group_count; g++)
        if (strcmp(line->scene.names[g], word) == 0)
            return g;
    fail_msg("no group %s", word);
    return 0;
}

static uint16_t give(struct timeline *line, unsigned group, const struct command *command)
{
    struct scene *scene = &line->scene;
    return decider_command(scene->decider, (uint16_t)group, command, scene->now, scene->wall_offset, on_effect, line);
}

static void restart(struct timeline *line)
{
    struct scene *scene = &line->scene;
    struct group_state kept[SCENE_GROUPS];
    memcpy(kept, scene->decider->groups, scene->policy.group_count * sizeof *kept);
    scene_open_core(scene);
    for (uint16_t g = 0; g < scene->policy.group_count; g++)
        decider_restore(scene->decider, g, &kept[g], scene->now);
    memset(line->shown_state, 0, sizeof line->shown_state);
}

static void answer(struct timeline *line, unsigned group, const char *how)
{
    static const struct {
        const char *word;
        uint8_t verdict;
        uint16_t reason;
    } results[] = {{"done", YES, REASON_DONE},
                   {"nothing-done", NO, REASON_NOTHING_DONE},
                   {"unfenced", NO, REASON_UNFENCED},
                   {"unknown", UNKNOWN, REASON_RESULT_UNKNOWN}};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (strcmp(results[i].word, how) == 0) {
            const struct command command = {
                .verb = VERB_RESULT, .plan = line->ordered_plan[group], .verdict = results[i].verdict, .reason = results[i].reason};
            trace(line, "result %s %s", how, reason_name(give(line, group, &command)));
        }
}

static void order(struct timeline *line, const char *word[])
{
    unsigned group = group_named(line, word[1]);
    struct command command = {.verb = strcmp(word[0], "failover") == 0  ? VERB_FAILOVER
                                      : strcmp(word[0], "approve") == 0 ? VERB_APPROVE
                                                                        : VERB_ACK,
                              .target = NODE_NONE,
                              .plan = line->scene.decider->groups[group].plan};
    if (command.verb == VERB_FAILOVER) {
        command.target = (uint8_t)node_named(line, word[2]);
        command.force = strcmp(word[3], "force") == 0;
    }
    trace(line, "%s %s %s", word[0], word[1], reason_name(give(line, group, &command)));
}

static void jump(struct timeline *line, long seconds)
{
    struct scene *scene = &line->scene;
    scene->wall_offset += seconds * 1000;
    scene->decider->world.clock_stepped_until = scene->now + 600000;
    scene->decider->model->stale_before = scene->now;
    for (size_t i = 0; i < scene->decider->world.pause_count; i++) /* the shell's part */
        scene->pauses[i].until += seconds * 1000;
}

static struct address written_address(struct timeline *line, const char *word)
{
    unsigned node = node_named(line, word);
    return node < SCENE_NODES ? scene_address_of(&line->scene, node) : scene_address((unsigned)atoi(word));
}

static bool apply_truth(struct timeline *line, const char *word[])
{
    struct scene *scene = &line->scene;
    bool yes = strcmp(word[2], "yes") == 0, yes3 = strcmp(word[3], "yes") == 0;
    unsigned node = node_named(line, word[1]), node2 = node_named(line, word[2]);
    const char *what = word[0];
    if (strcmp(what, "owner") == 0)
        scene->owner[group_named(line, word[1])] = (uint8_t)node2;
    else if (strcmp(what, "pending") == 0)
        scene->pending[group_named(line, word[1])] = yes;
    else if (strcmp(what, "intended") == 0)
        scene->intended[group_named(line, word[1])] = yes;
    else if (strcmp(what, "runs") == 0)
        scene->runs[group_named(line, word[1])][node2] = yes3;
    else if (strcmp(what, "hangs") == 0)
        scene->hangs[group_named(line, word[1])][node2] = yes3;
    else if (strcmp(what, "up") == 0)
        scene->up[node] = yes;
    else if (strcmp(what, "reachable") == 0)
        scene->reachable[node] = yes;
    else if (strcmp(what, "quorate") == 0)
        scene->quorate[node] = yes;
    else if (strcmp(what, "paused") == 0)
        scene->paused[node] = yes;
    else if (strcmp(what, "disabled") == 0)
        scene->disabled[group_named(line, word[1])][node2] = yes3;
    else if (strcmp(what, "location-disabled") == 0)
        scene->location_disabled[group_named(line, word[1])] = yes;
    else if (strcmp(what, "sso-stopped") == 0)
        scene->sso_stopped[node] = yes;
    else if (strcmp(what, "server") == 0)
        scene->server_up[strcmp(word[1], "sql") == 0 ? SERVER_SQL : SERVER_PARTNER] = yes;
    else if (strcmp(what, "polls") == 0) /* when this node polls next */
        scene->poll_at[group_named(line, word[1])][node2] = SCENE_ZERO + atol(word[3]) * 1000;
    else
        return false;
    return true;
}

static bool apply_log(struct timeline *line, const char *word[])
{
    struct scene *scene = &line->scene;
    const char *what = word[0];
    if (strcmp(what, "nat") == 0)
        scene->nat = strcmp(word[1], "yes") == 0;
    else if (strcmp(what, "log-batch") == 0)
        scene->batch = atol(word[1]) * 1000;
    else if (strcmp(what, "log-delay") == 0)
        scene->delay = atol(word[1]) * 1000;
    else if (strcmp(what, "log-stops") == 0)
        scene->log_stopped = strcmp(word[1], "yes") == 0;
    else if (strcmp(what, "log-lost") == 0) {
        const struct log_report gap = {.reason = REASON_LOG_GAP};
        scene->delivered = scene->written;
        model_log(scene->decider->model, SERVER_PARTNER, &gap, scene->now);
    } else if (strcmp(what, "poll") == 0)
        scene_poll(scene, group_named(line, word[1]), written_address(line, word[2]));
    else if (strcmp(what, "take") == 0)
        scene_transfer(scene, group_named(line, word[1]), written_address(line, word[2]), GRADE_TAKE, word[3], atol(word[4]) * 1000, true);
    else if (strcmp(what, "fail") == 0)
        scene_transfer(scene, group_named(line, word[1]), written_address(line, word[2]), GRADE_FAILED, word[3], atol(word[4]) * 1000,
                       false);
    else if (strcmp(what, "refused") == 0)
        scene_transfer(scene, group_named(line, word[1]), written_address(line, word[2]), GRADE_REFUSED, "", 0, false);
    else
        return false;
    return true;
}

static void apply(struct timeline *line, const char *text)
{
    char copy[120], *save = NULL;
    const char *word[8] = {"", "", "", "", "", "", "", ""};
    struct scene *scene = &line->scene;
    snprintf(copy, sizeof copy, "%s", text);
    unsigned count = 0;
    for (char *part = strtok_r(copy, " ", &save); part && count < 8; part = strtok_r(NULL, " ", &save))
        word[count++] = part;
    if (apply_truth(line, word) || apply_log(line, word))
        return;
    if (strcmp(word[0], "failover") == 0 || strcmp(word[0], "approve") == 0 || strcmp(word[0], "ack") == 0)
        order(line, word);
    else if (strcmp(word[0], "result") == 0)
        answer(line, group_named(line, word[1]), word[2]);
    else if (strcmp(word[0], "restart") == 0)
        restart(line);
    else if (strcmp(word[0], "clock") == 0)
        jump(line, atol(word[1]));
    else if (strcmp(word[0], "pause") == 0)
        scene->pauses[scene->decider->world.pause_count++] =
            (struct pause){.scope = strcmp(word[1], "node") == 0 ? subject_of(SUBJECT_NODE, node_named(line, word[2]))
                                                                 : subject_of(SUBJECT_GROUP, group_named(line, word[2])),
                           .until = scene->now + scene->wall_offset + atol(word[3]) * 1000};
    else if (strcmp(word[0], "mode") == 0)
        scene->groups[group_named(line, word[1])].mode = strcmp(word[2], "auto") == 0 ? MODE_AUTO : MODE_ADVISE;
    else
        fail_msg("what is: %s", text);
}

/* ---- reading and running ---- */

static long seconds_in(const char *value)
{
    char *end;
    long number = strtol(value, &end, 10);
    return *end == 'h' ? number * 3600 : *end == 'm' ? number * 60 : number;
}

static void set_option(struct timeline *line, const char *key, const char *value)
{
    struct scene_options *o = &line->options;
    const struct {
        const char *key;
        msec_t *at;
    } times[] = {{"poll", &o->poll},
                 {"lag_max", &o->lag_max},
                 {"trusted_after", &o->trusted_after},
                 {"cool_down", &o->cool_down},
                 {"offline_long", &o->offline_long},
                 {"wsfc_offset", &o->wsfc_offset},
                 {"biztalk_offset", &o->biztalk_offset},
                 {"service_offset", &o->service_offset},
                 {"poll_offset", &o->poll_offset}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strcmp(times[i].key, key) == 0)
            *times[i].at = seconds_in(value) * 1000;
    if (strcmp(key, "type") == 0)
        o->type = strcmp(value, "static") == 0 ? "static" : "wsfc";
    if (strcmp(key, "groups") == 0)
        o->groups = (unsigned)atoi(value);
    if (strcmp(key, "warm") == 0)
        line->warm = seconds_in(value);
    if (strcmp(key, "end") == 0)
        line->end = seconds_in(value);
    if (strcmp(key, "mode") == 0)
        o->mode = strcmp(value, "auto") == 0      ? MODE_AUTO
                  : strcmp(value, "confirm") == 0 ? MODE_CONFIRM
                  : strcmp(value, "observe") == 0 ? MODE_OBSERVE
                                                  : MODE_ADVISE;
    if (strcmp(key, "on") == 0)
        o->triggers = (uint8_t)((strstr(value, "none") ? TRIGGER_NONE : 0) | (strstr(value, "idle") ? TRIGGER_IDLE : 0));
    if (strcmp(key, "singleton") == 0)
        o->singleton = strcmp(value, "no") == 0 ? SINGLETON_NO : SINGLETON_YES;
    const struct {
        const char *key;
        bool *at;
    } flags[] = {{"shared", &o->shared}, {"unmapped", &o->unmapped},     {"pop3", &o->pop3},    {"needs_sql", &o->needs_sql},
                 {"fenced", &o->fenced}, {"no_control", &o->no_control}, {"estate", &o->estate}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(flags[i].key, key) == 0)
            *flags[i].at = strcmp(value, "yes") == 0;
}

static void read_line(struct timeline *line, char *text)
{
    char key[32], value[80];
    long from, to;
    int used = 0;
    text[strcspn(text, "#\n")] = '\0';
    for (size_t size = strlen(text); size && text[size - 1] == ' ';)
        text[--size] = '\0';
    if (!*text)
        return;
    if (sscanf(text, "set %31s %79[^\n]", key, value) == 2) {
        set_option(line, key, value);
    } else if (sscanf(text, "must %ld..%ld %n", &from, &to, &used) == 2 || sscanf(text, "never %ld..%ld %n", &from, &to, &used) == 2) {
        assert_true(line->demand_count < DEMANDS_MAX);
        line->demands[line->demand_count].must = *text == 'm';
        line->demands[line->demand_count].from = from;
        line->demands[line->demand_count].to = to;
        snprintf(line->demands[line->demand_count++].text, sizeof line->demands->text, "%s", text + used);
    } else if (strncmp(text, "never ", 6) == 0) {
        assert_true(line->demand_count < DEMANDS_MAX);
        line->demands[line->demand_count].to = 1000000;
        snprintf(line->demands[line->demand_count++].text, sizeof line->demands->text, "%s", text + 6);
    } else if (sscanf(text, "%ld: %n", &from, &used) == 1 && used) {
        assert_true(line->input_count < INPUTS_MAX);
        line->inputs[line->input_count].at = from;
        snprintf(line->inputs[line->input_count++].text, sizeof line->inputs->text, "%s", text + used);
    } else {
        fail_msg("cannot read: %s", text);
    }
}

static void run(struct timeline *line)
{
    struct scene *scene = &line->scene;
    scene_open(scene, &line->options, -line->warm * 1000);
    for (; second_of(line) <= line->end; scene->now += 1000) {
        for (unsigned i = 0; i < line->input_count; i++)
            if (line->inputs[i].at == second_of(line) && !line->inputs[i].done) {
                line->inputs[i].done = true;
                apply(line, line->inputs[i].text);
            }
        scene_second(scene, on_effect, line);
        if (second_of(line) == 0) { /* where it begins is told in full */
            memset(line->shown_state, 0, sizeof line->shown_state);
            memset(line->shown_phase, 0, sizeof line->shown_phase);
        }
        trace_changes(line);
    }
    scene_close(scene);
}

static unsigned check_demands(const struct timeline *line, const char *name)
{
    unsigned failures = 0;
    for (unsigned i = 0; i < line->demand_count; i++) {
        bool found = false;
        for (const char *at = line->trace; *at; at = strchr(at, '\n') + 1) {
            char *text;
            long second = strtol(at, &text, 10);
            if (second >= line->demands[i].from && second <= line->demands[i].to &&
                strncmp(text + 1, line->demands[i].text, strlen(line->demands[i].text)) == 0)
                found = true;
        }
        if (found != line->demands[i].must) {
            fprintf(stderr, "%s: %s %ld..%ld %s\n", name, line->demands[i].must ? "must" : "never", line->demands[i].from,
                    line->demands[i].to, line->demands[i].text);
            failures++;
        }
    }
    return failures;
}

static unsigned compare(const struct timeline *line, const char *path, const char *name)
{
    static char expected[TRACE_BYTES];
    const char *bless = getenv("BLESS");
    if (bless && *bless == '1') {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs(line->trace, out);
        fclose(out);
        return 0;
    }
    FILE *in = fopen(path, "r");
    size_t size = in ? fread(expected, 1, sizeof expected - 1, in) : 0;
    expected[size] = '\0';
    if (in)
        fclose(in);
    if (strcmp(expected, line->trace) == 0)
        return 0;
    fprintf(stderr, "%s is not as expected; it is:\n%s", name, line->trace);
    return 1;
}

static unsigned run_file(const char *folder, const char *name)
{
    char path[600], text[200];
    struct timeline *line = calloc(1, sizeof *line);
    line->options = (struct scene_options){.type = "wsfc",
                                           .groups = 1,
                                           .mode = MODE_AUTO,
                                           .triggers = TRIGGER_NONE,
                                           .singleton = SINGLETON_YES,
                                           .fenced = true,
                                           .poll = 60000,
                                           .lag_max = 60000,
                                           .trusted_after = 3600000,
                                           .cool_down = 600000,
                                           .offline_long = 8 * 3600000,
                                           .common_window = 60000};
    line->warm = 4000;
    line->end = 600;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(text, sizeof text, in))
        read_line(line, text);
    fclose(in);
    run(line);
    snprintf(path, sizeof path, "%s/%.*s.expected", folder, (int)(strlen(name) - strlen(".timeline")), name);
    unsigned failures = check_demands(line, name) + compare(line, path, name);
    free(line);
    return failures;
}

static void test_all(void **state)
{
    (void)state;
    const char *folder = SOURCE_DIR "/tests/golden/timelines", *only = getenv("ONLY");
    DIR *dir = opendir(folder);
    unsigned files = 0, failures = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strstr(entry->d_name, ".timeline") && (!only || strstr(entry->d_name, only))) {
            files++;
            failures += run_file(folder, entry->d_name);
        }
    closedir(dir);
    assert_true(files > 0);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
