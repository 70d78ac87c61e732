/* Everything that is known and decided about one group or handler, as JSON: verdict and its row, evidence with its age, facts,
 * open and closed gates with their reasons, the rule, since when, and what would change it. Reads only. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"

static json_t *text(const char *value)
{
    json_t *string = json_string(value);
    return string ? string : json_string("?"); /* not UTF-8: never trusted onto a terminal */
}

static json_t *wall(const struct daemon *daemon, msec_t at)
{
    return at ? json_integer(at + daemon_wall_offset(daemon)) : json_null();
}

static json_t *stamp(stamp_t at)
{
    return at ? json_integer(at) : json_null();
}

static const char *node_name(const struct daemon *daemon, uint16_t cluster, uint8_t node)
{
    const struct policy_cluster *row = &daemon->policy->clusters[cluster];
    return node < row->node_count ? daemon->policy->nodes[row->first_node + node].name : "";
}

static const char *const control_words[] = {"unknown", "none", "one", "many"};
static const char *const data_words[] = {"unknown", "none", "silent", "one", "many"};

/* What each source says of this group's nodes, oldest reading and all. */
static json_t *observations(const struct daemon *daemon, uint16_t group)
{
    static const char *const verdicts[] = {"unknown", "no", "yes"};
    json_t *rows = json_array();
    msec_t now = daemon_now(daemon);
    for (uint16_t i = 0; i < daemon->policy->source_count; i++) {
        const struct policy_source *source = &daemon->policy->sources[i];
        if (!source->control || daemon->compiled->sources[i].subject != subject_of(SUBJECT_GROUP, group))
            continue;
        const struct slot *slot =
            model_slot(daemon->decider->model, i, subject_of(SUBJECT_GROUP, group), source->node, daemon->compiled->sources[i].aspect);
        uint8_t verdict = slot && model_fresh(daemon->decider->model, slot, now) ? slot->last.verdict : UNKNOWN;
        json_array_append_new(rows, json_pack("{s:o,s:o,s:s,s:o,s:o}", "source", text(source->name), "node",
                                              text(node_name(daemon, source->cluster, source->node)), "verdict", verdicts[verdict], "text",
                                              text(daemon->notes[i].text), "at", wall(daemon, slot ? slot->last.at : 0)));
    }
    return rows;
}

static const char *why_closed(uint16_t why)
{
    return why == REASON_OK ? "nothing stands that would call for an action" : reason_text(why);
}

static json_t *gate_list(const struct daemon *daemon, uint16_t group, uint8_t act)
{
    const struct facts *facts = &daemon->decider->facts[group];
    json_t *rows = json_array();
    for (unsigned gate = 0; gate < GATES; gate++) {
        if (!(gates_of[act] & (1U << gate)))
            continue;
        bool open = (facts->open & (1U << gate)) != 0;
        uint16_t why = facts->gate_why[gate];
        json_array_append_new(rows, json_pack("{s:s,s:b,s:s,s:s,s:s,s:o}", "gate", gate_name(gate), "open", open, "reason",
                                              reason_name(why), "text", open ? "" : why_closed(why), "cure", open ? "" : reason_cure(why),
                                              "until", wall(daemon, facts->until[gate])));
    }
    return rows;
}

static json_t *fact_list(const struct facts *facts)
{
    json_t *rows = json_array();
    for (unsigned bit = 0; bit < FACTS; bit++)
        if (facts->bits & (1U << bit))
            json_array_append_new(rows, json_pack("{s:s,s:s}", "fact", fact_name(bit), "text", reason_text(facts->why[bit])));
    return rows;
}

static json_t *candidates(const struct daemon *daemon, uint16_t group)
{
    const struct facts *facts = &daemon->decider->facts[group];
    uint16_t cluster = daemon->policy->groups[group].cluster;
    json_t *rows = json_array();
    for (uint8_t node = 0; node < daemon->policy->clusters[cluster].node_count; node++)
        if (daemon->policy->groups[group].candidates & node_bit(node))
            json_array_append_new(rows, json_pack("{s:o,s:b,s:s}", "node", text(node_name(daemon, cluster, node)), "ready",
                                                  (facts->ready & node_bit(node)) != 0, "text", reason_text(facts->candidate_why[node])));
    return rows;
}

static json_t *pauses_on(const struct daemon *daemon, uint16_t group)
{
    json_t *rows = json_array();
    const struct world *world = &daemon->decider->world;
    for (size_t i = 0; i < world->pause_count; i++) {
        const struct pause *pause = &world->pauses[i];
        uint16_t cluster = daemon->policy->groups[group].cluster;
        if (subject_kind(pause->scope) != SUBJECT_AGENT && pause->scope != subject_of(SUBJECT_CLUSTER, cluster) &&
            pause->scope != subject_of(SUBJECT_GROUP, group))
            continue;
        json_array_append_new(rows,
                              json_pack("{s:o,s:o,s:o}", "who", text(pause->who), "why", text(pause->why), "until", stamp(pause->until)));
    }
    return rows;
}

/* What would change it: the first closed gate's cure, or the evidence that would end the state. */
static const char *outlook(const struct group_state *state, const struct facts *facts, gates_t closed)
{
    if (state->phase == PHASE_BLOCKED)
        return "an operator: look at both nodes, then solowarden ack";
    if (facts->act != ACT_NOTHING)
        for (unsigned gate = 0; gate < GATES; gate++)
            if (closed & (1U << gate))
                return *reason_cure(facts->gate_why[gate]) ? reason_cure(facts->gate_why[gate]) : reason_text(facts->gate_why[gate]);
    switch (state->phase) {
    case PHASE_OK:
        return "active nowhere, idle, or a second copy, standing for the confirm window";
    case PHASE_UNKNOWN:
        return "a fresh answer of every probe of the group";
    case PHASE_SUSPECT:
        return "the state standing, unbroken, for the confirm window; or it ends by itself";
    case PHASE_ACTING:
        return "the result of the action, or its deadline";
    case PHASE_VERIFYING:
        return "fresh evidence that the group runs, and that its handlers poll";
    default:
        return "";
    }
}

json_t *daemon_explain_group(struct daemon *daemon, uint16_t group)
{
    static const char *const modes[] = {"observe", "advise", "confirm", "auto"};
    static const char *const acts[] = {"nothing", "move", "stop"};
    const struct group_state *state = &daemon->decider->groups[group];
    const struct facts *facts = &daemon->decider->facts[group];
    const struct control_row *control = &daemon->decider->model->control[group];
    uint16_t cluster = daemon->policy->groups[group].cluster;
    const struct rule *rule = rule_by_id(state->rule);
    char name[NAME_BYTES], plan[24] = "";
    uint8_t act = state->plan ? state->act : facts->act;
    if (state->plan)
        snprintf(plan, sizeof plan, "%" PRIx64, state->plan);
    json_t *row =
        json_pack("{s:o,s:s,s:o,s:s,s:s,s:o,s:o}", "name", text(subject_full_name(daemon->policy, subject_of(SUBJECT_GROUP, group), name)),
                  "phase", phase_name(state->phase), "since", wall(daemon, state->since), "mode", modes[daemon->policy->groups[group].mode],
                  "control", control_words[control->plane], "control_text", text(reason_text(control->reason)), "owner",
                  text(node_name(daemon, cluster, facts->owner)));
    json_object_set_new(row, "act", json_string(acts[act]));
    json_object_set_new(row, "plan", json_string(plan));
    json_object_set_new(row, "from", text(state->plan ? node_name(daemon, cluster, state->from) : ""));
    json_object_set_new(row, "target", text(node_name(daemon, cluster, state->plan ? state->target : facts->target)));
    json_object_set_new(row, "rule", json_integer(state->rule));
    json_object_set_new(row, "rule_text", json_string(rule ? rule->why : ""));
    json_object_set_new(row, "reason", json_string(reason_text(state->reason)));
    json_object_set_new(row, "result", state->result_at ? json_string(reason_text(state->result_reason)) : json_null());
    json_object_set_new(row, "confirm_ms", json_integer(facts->confirm));
    json_object_set_new(row, "wrong_since", wall(daemon, state->wrong_since));
    json_object_set_new(row, "facts", fact_list(facts));
    json_object_set_new(row, "gates", gate_list(daemon, group, act == ACT_NOTHING ? ACT_MOVE : act));
    json_object_set_new(row, "candidates", candidates(daemon, group));
    json_object_set_new(row, "observations", observations(daemon, group));
    json_object_set_new(row, "pauses", pauses_on(daemon, group));
    json_object_set_new(row, "outlook", json_string(outlook(state, facts, gates_of[act] & ~facts->open)));
    return row;
}

static json_t *node_rows(const struct daemon *daemon, uint16_t handler)
{
    const struct policy_handler *policy = &daemon->policy->handlers[handler];
    const struct control_row *control = &daemon->decider->model->control[policy->group];
    const struct evidence *evidence = &daemon->decider->model->handlers[handler].evidence;
    uint16_t cluster = daemon->policy->groups[policy->group].cluster;
    json_t *rows = json_array();
    for (uint8_t node = 0; node < daemon->policy->clusters[cluster].node_count; node++)
        json_array_append_new(rows, json_pack("{s:o,s:s,s:o,s:o,s:I}", "node", text(node_name(daemon, cluster, node)), "control",
                                              control->active & node_bit(node)     ? "active"
                                              : control->inactive & node_bit(node) ? "inactive"
                                                                                   : "unknown",
                                              "last_poll", stamp(evidence->last_poll[node]), "last_take", stamp(evidence->last_take[node]),
                                              "line", (json_int_t)evidence->last_line[node]));
    return rows;
}

static json_t *finding_row(const struct daemon *daemon, uint16_t cluster, const struct finding *finding)
{
    if (!finding->reason)
        return json_null();
    char nodes[96];
    json_t *lines = json_array();
    for (size_t i = 0; i < EVIDENCE_PROOF && finding->lines[i]; i++)
        json_array_append_new(lines, json_integer((json_int_t)finding->lines[i]));
    return json_pack("{s:s,s:s,s:b,s:o,s:o,s:o}", "text", reason_text(finding->reason), "class",
                     finding->take_class ? take_class_name(finding->take_class) : "", "confirmed", finding->confirmed, "nodes",
                     text(nodes_text(daemon->policy, cluster, finding->nodes, nodes, sizeof nodes)), "at", stamp(finding->at), "lines",
                     lines);
}

json_t *daemon_explain_handler(struct daemon *daemon, uint16_t handler)
{
    const struct policy_handler *policy = &daemon->policy->handlers[handler];
    const struct handler_state_row *state = &daemon->decider->model->handlers[handler];
    const struct log_state *log = &daemon->decider->model->logs[policy->server];
    const char *file = daemon->compiled->logs[policy->server].file;
    uint16_t cluster = daemon->policy->groups[policy->group].cluster;
    char sentence[TEXT_BYTES];
    json_t *row = json_pack("{s:o,s:o,s:o,s:s,s:o,s:i,s:s,s:o}", "name", text(policy->name), "server",
                            text(daemon->policy->servers[policy->server].name), "account", text(policy->account), "verdict",
                            handler_state_name(state->state), "since", wall(daemon, state->since), "row", (int)state->row, "reason",
                            reason_name(state->reason), "text", text(handler_sentence(daemon->decider, handler, sentence)));
    json_object_set_new(row, "control", json_string(control_words[state->control]));
    json_object_set_new(row, "data", json_string(data_words[state->data]));
    json_object_set_new(row, "poll_ms", json_integer(policy->poll));
    json_object_set_new(row, "window_ms", json_integer(policy->window));
    json_object_set_new(row, "nodes", node_rows(daemon, handler));
    json_object_set_new(row, "many", finding_row(daemon, cluster, &state->evidence.many));
    json_object_set_new(row, "double_take", finding_row(daemon, cluster, &state->evidence.double_take));
    json_object_set_new(row, "log",
                        json_pack("{s:o,s:s,s:s,s:o,s:o,s:b,s:I}", "file", file ? text(file) : json_null(), "reason",
                                  reason_name(log->reason), "text", reason_text(log->reason), "watermark", stamp(log->watermark),
                                  "canary_seen", wall(daemon, log->canary_seen), "skew_known", log->skew_known, "skew_ms",
                                  (json_int_t)log->skew));
    return row;
}
