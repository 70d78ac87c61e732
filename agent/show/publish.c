/* Fills one snapshot: one function per table, each a plain walk over the policy's table of that kind. */
#include "publish_round.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_PROBE = UINT16_MAX, CLEARED_SHOWN_MS = 24 * 3600 * 1000 };

static uint32_t stamp_seconds(stamp_t stamp)
{
    return stamp > 0 ? (uint32_t)(stamp / 1000) : 0;
}

static uint32_t index_for(const struct round *round, subject_t subject, char name[NAME_BYTES])
{
    return index_of(round->publisher->indices, subject_full_name(round->policy, subject, name));
}

/* Names do not change while we run: their indices are looked up once. */
static uint32_t known_index(const struct publisher *publisher, uint32_t *known, const char *name)
{
    if (!*known)
        *known = index_of(publisher->indices, name);
    return *known;
}

static void head(const struct round *round, struct row_head *out, subject_t subject, uint8_t state, uint16_t reason, msec_t since,
                 msec_t read_at)
{
    out->index = index_for(round, subject, out->name);
    out->state = state;
    out->reason = reason;
    out->since = seconds(round, since);
    out->read_at = seconds(round, read_at);
    COPY(out->text, reason_text(reason));
}

static void probes(const struct round *round)
{
    for (uint16_t i = 0; i < round->policy->source_count; i++) {
        if (!round->publisher->compiled->sources[i].type)
            continue; /* speaks for others, asks nobody */
        struct row_probe *row = snapshot_add(round->writer, TABLE_PROBE);
        if (!row)
            return;
        const struct probe_note *note = &round->publisher->notes[i];
        const struct policy_source *source = &round->policy->sources[i];
        COPY(row->head.name, source->name);
        row->head.index = known_index(round->publisher, &round->publisher->source_index[i], source->name);
        row->head.state = level(note->verdict);
        row->head.reason = note->at ? note->reason : REASON_NOT_SEEN;
        row->head.since = seconds(round, note->since);
        row->head.read_at = seconds(round, note->at);
        COPY(row->head.text, note->text[0] ? note->text : reason_text(row->head.reason));
        subject_full_name(round->policy, source->target, row->target);
        COPY(row->type, round->publisher->compiled->sources[i].type->name);
        row->interval_seconds = (uint32_t)((source->interval + 999) / 1000);
        row->connect_ms = note->connect_ms;
        row->elapsed_ms = note->elapsed_ms;
        row->runs = note->runs;
        row->unknowns = note->unknowns;
        row->failures = note->failures;
    }
}

static const char *const server_types[] = {"ftp", "pop3", "tcp", "exec"};

static void server_log(const struct round *round, uint16_t server, struct row_server *row)
{
    const struct policy_server *policy = &round->policy->servers[server];
    const struct log_conf *conf = &round->publisher->compiled->logs[server];
    const struct log_state *log = &round->model->logs[server];
    row->log_state = 3;
    if (!policy->has_log)
        return;
    COPY(row->log_file, conf->file);
    COPY(row->log_format, conf->format->name);
    COPY(row->log_reason, reason_name(log->reason));
    row->log_state = log->reason == REASON_OK ? 2 : 1;
    row->log_lag_seconds = (uint32_t)(log->canary_lag / 1000);
    row->log_skew_ms = log->skew_known ? (int32_t)log->skew : 0;
    row->canary_seen = seconds(round, log->canary_seen);
    row->log_lines = log->lines;
    row->log_unparsed = log->unparsed;
    row->log_cut = log->cut;
    row->log_gaps = log->gaps;
}

static void servers(const struct round *round)
{
    for (uint16_t i = 0; i < round->policy->server_count; i++) {
        struct row_server *row = snapshot_add(round->writer, TABLE_SERVER);
        if (!row)
            return;
        uint16_t reason = REASON_NO_SOURCE;
        msec_t since = 0, read_at = 0;
        enum verdict up = model_endpoint(round->model, i, round->now, &reason, &since);
        row->certificate_days = UINT32_MAX;
        if (round->publisher->server_source[i] != NO_PROBE) {
            const struct probe_note *note = &round->publisher->notes[round->publisher->server_source[i]];
            read_at = note->at;
            if (note->certificate_days >= 0)
                row->certificate_days = (uint32_t)note->certificate_days;
        }
        head(round, &row->head, subject_of(SUBJECT_SERVER, i), level((uint8_t)up), reason, since, read_at);
        COPY(row->type, server_types[round->policy->servers[i].type]);
        server_log(round, i, row);
    }
}

static bool paused(const struct round *round, subject_t subject)
{
    const struct world *world = &round->publisher->decider->world;
    for (size_t i = 0; i < world->pause_count; i++)
        if (world->pauses[i].scope == subject && world->pauses[i].until > round->now + round->wall_offset)
            return true;
    return false;
}

static void node_addresses(const struct round *round, uint16_t cluster, uint8_t node, char *out, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < round->policy->address_count; i++) {
        const struct policy_address *address = &round->policy->addresses[i];
        char text[48];
        if (address->cluster != cluster || address->node != node)
            continue;
        int more = snprintf(out + used, size - used, "%s%s", used ? " " : "", address_text(&address->address, text));
        if (more < 0 || (size_t)more >= size - used)
            return;
        used += (size_t)more;
    }
}

/* A node is up when any probe that speaks for it answered with a fresh word of its own; down only if the cluster says so. */
static void nodes(const struct round *round)
{
    for (uint16_t i = 0; i < round->policy->node_count; i++) {
        struct row_node *row = snapshot_add(round->writer, TABLE_NODE);
        if (!row)
            return;
        const struct policy_node *node = &round->policy->nodes[i];
        uint8_t state = LEVEL_UNKNOWN;
        uint16_t reason = REASON_NO_SOURCE;
        msec_t read_at = 0, since = 0;
        if (round->publisher->node_source[i] != NO_PROBE) {
            const struct probe_note *note = &round->publisher->notes[round->publisher->node_source[i]];
            read_at = note->at;
            since = note->since;
            bool estate = round->policy->sources[round->publisher->node_source[i]].estate;
            bool answered = estate ? note->verdict == YES : note->verdict != UNKNOWN;
            state = answered ? LEVEL_UP : LEVEL_UNKNOWN;
            reason = answered ? REASON_OK : note->at ? note->reason : REASON_NOT_SEEN;
        }
        for (uint16_t g = 0; g < round->policy->group_count; g++) {
            if (round->policy->groups[g].cluster == node->cluster && (round->model->control[g].down & node_bit(node->index))) {
                state = LEVEL_DOWN;
                reason = REASON_NODE_DOWN;
            }
        }
        head(round, &row->head, subject_of(SUBJECT_NODE, i), state, reason, since, read_at);
        COPY(row->cluster, round->policy->clusters[node->cluster].name);
        node_addresses(round, node->cluster, node->index, row->addresses, sizeof row->addresses);
        row->paused = truth(paused(round, subject_of(SUBJECT_NODE, i)));
    }
}

static const char *node_name(const struct round *round, uint16_t cluster, uint8_t node)
{
    const struct policy_cluster *row = &round->policy->clusters[cluster];
    return node < row->node_count ? round->policy->nodes[row->first_node + node].name : "";
}

static uint8_t wrong(const struct facts *facts)
{
    if (facts->bits & FACT_NONE)
        return 3;
    if (facts->bits & FACT_IDLE)
        return 4;
    if (facts->bits & FACT_MANY)
        return 5;
    return facts->bits & FACT_ONE ? 2 : 1;
}

static uint32_t budget_left(const struct budget *budget, const stamp_t stamps[STAMPS_MAX], stamp_t wall)
{
    uint32_t used = 0;
    for (size_t i = 0; i < STAMPS_MAX; i++)
        used += stamps[i] && stamps[i] + budget->per > wall;
    return used < budget->count ? budget->count - used : 0;
}

static void closed_gates(struct row_group *row, const struct facts *facts, uint8_t act)
{
    uint8_t asked = act == ACT_NOTHING ? ACT_MOVE : act;
    gates_t closed = gates_of[asked] & ~facts->open;
    size_t used = 0;
    row->closed_gates = closed;
    for (unsigned gate = 0; gate < GATES; gate++) {
        if (!(closed & (1U << gate)))
            continue;
        if (!row->suppressed[0] && act != ACT_NOTHING)
            COPY(row->suppressed, reason_name(facts->gate_why[gate]));
        int more = snprintf(row->closed_names + used, sizeof row->closed_names - used, "%s%s", used ? " " : "", gate_name(gate));
        if (more > 0 && (size_t)more < sizeof row->closed_names - used)
            used += (size_t)more;
    }
}

static void groups(const struct round *round)
{
    const struct decider *decider = round->publisher->decider;
    for (uint16_t i = 0; i < round->policy->group_count; i++) {
        struct row_group *row = snapshot_add(round->writer, TABLE_GROUP);
        if (!row)
            return;
        const struct policy_group *group = &round->policy->groups[i];
        const struct group_state *state = &decider->groups[i];
        const struct facts *facts = &decider->facts[i];
        const struct rule *rule = rule_by_id(state->rule);
        stamp_t wall = round->now + round->wall_offset;
        head(round, &row->head, subject_of(SUBJECT_GROUP, i), state->phase, state->reason, state->since, round->model->control[i].oldest);
        if (rule)
            COPY(row->head.text, rule->why);
        COPY(row->cluster, round->policy->clusters[group->cluster].name);
        COPY(row->owner, node_name(round, group->cluster, facts->owner));
        COPY(row->target, node_name(round, group->cluster, state->plan ? state->target : facts->target));
        row->mode = (uint8_t)(group->mode + 2);
        row->wrong = wrong(facts);
        row->ready = facts->ready ? 2 : (round->model->control[i].plane == CONTROL_UNKNOWN ? 1 : 3);
        row->planned_act = (uint8_t)((state->plan ? state->act : ACT_NOTHING) + 1);
        row->rule = state->rule;
        closed_gates(row, facts, state->plan ? state->act : facts->act);
        row->plan = state->plan;
        row->facts = facts->bits;
        row->moves_left = budget_left(&group->max_moves, state->moves, wall);
        row->stops_left = budget_left(&group->max_stops, state->stops, wall);
        row->confirm_seconds = (uint32_t)((facts->confirm + 999) / 1000);
        row->acted_at = seconds(round, state->acted_at);
    }
}

static void candidates(const struct round *round)
{
    for (uint16_t i = 0; i < round->policy->group_count; i++) {
        const struct policy_group *group = &round->policy->groups[i];
        const struct policy_cluster *cluster = &round->policy->clusters[group->cluster];
        const struct facts *facts = &round->publisher->decider->facts[i];
        for (uint8_t node = 0; node < cluster->node_count; node++) {
            if (!(group->candidates & node_bit(node)))
                continue;
            struct row_candidate *row = snapshot_add(round->writer, TABLE_CANDIDATE);
            if (!row)
                return;
            char name[NAME_BYTES];
            uint16_t why = facts->candidate_why[node];
            bool is_ready = (facts->ready & node_bit(node)) != 0;
            uint8_t state = is_ready ? 2 : (facts->unsure & node_bit(node)) || why == REASON_NONE || why == REASON_NOT_SEEN ? 1 : 3;
            head(round, &row->head, subject_of(SUBJECT_GROUP, i), state, why, 0, round->model->control[i].oldest);
            row->head.index2 = index_for(round, subject_of(SUBJECT_NODE, (size_t)cluster->first_node + node), name);
            COPY(row->group, group->name);
            COPY(row->node, node_name(round, group->cluster, node));
        }
    }
}

static const struct {
    uint16_t bit;
    const char *name;
} flag_words[] = {{FLAG_INTRUDER, "intruder"},
                  {FLAG_LOG_STALLED, "log-stalled"},
                  {FLAG_LOG_GAP, "log-gap"},
                  {FLAG_NAT, "nat"},
                  {FLAG_ADDRESSES_UNMAPPED, "addresses-unmapped"},
                  {FLAG_PARTIAL, "partial"}};

static void flags_text(uint16_t flags, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof flag_words / sizeof *flag_words; i++) {
        if (!(flags & flag_words[i].bit))
            continue;
        int more = snprintf(out + used, size - used, "%s%s", used ? " " : "", flag_words[i].name);
        if (more > 0 && (size_t)more < size - used)
            used += (size_t)more;
    }
}

static stamp_t newest(const stamp_t stamps[NODES_MAX])
{
    stamp_t best = 0;
    for (size_t i = 0; i < NODES_MAX; i++)
        best = stamps[i] > best ? stamps[i] : best;
    return best;
}

static void handlers(const struct round *round)
{
    for (uint16_t i = 0; i < round->policy->handler_count; i++) {
        struct row_handler *row = snapshot_add(round->writer, TABLE_HANDLER);
        if (!row)
            return;
        const struct policy_handler *handler = &round->policy->handlers[i];
        const struct handler_state_row *state = &round->model->handlers[i];
        const struct policy_group *group = &round->policy->groups[handler->group];
        head(round, &row->head, subject_of(SUBJECT_HANDLER, i), state->state, state->reason, state->since,
             round->model->logs[handler->server].read_at > round->model->control[handler->group].oldest
                 ? round->model->logs[handler->server].read_at
                 : round->model->control[handler->group].oldest);
        handler_sentence(round->publisher->decider, i, row->head.text);
        COPY(row->group, group->name);
        COPY(row->cluster, round->policy->clusters[group->cluster].name);
        COPY(row->server, round->policy->servers[handler->server].name);
        COPY(row->account, handler->account);
        COPY(row->path, handler->path);
        COPY(row->active_node, node_name(round, group->cluster, state->node));
        row->strength = state->strength;
        row->control = (uint8_t)(state->control + 1);
        row->data = (uint8_t)(state->data + 1);
        row->flags = state->flags;
        row->verdict_row = state->row;
        flags_text(state->flags, row->flag_names, sizeof row->flag_names);
        if (state->flags & FLAG_INTRUDER)
            address_text(&state->intruder, row->intruder);
        row->poll_seconds = (uint32_t)(handler->poll / 1000);
        row->window_seconds = (uint32_t)(handler->window / 1000);
        row->last_poll = stamp_seconds(newest(state->evidence.last_poll));
        row->last_take = stamp_seconds(newest(state->evidence.last_take));
        if (state->evidence.double_take.reason) {
            row->last_double = stamp_seconds(state->evidence.double_take.at);
            COPY(row->last_double_class, take_class_name(state->evidence.double_take.take_class));
        }
        row->polls = state->evidence.polls;
        row->takes = state->evidence.takes;
        row->refused = state->evidence.refused;
    }
}

static void add_sessions(const struct round *round, uint16_t server, uint16_t node, struct row_handler_node *row)
{
    const struct session_note *sessions = round->publisher->sessions;
    row->sessions = UINT32_MAX;
    if (!sessions)
        return;
    const struct session_note *note = &sessions[(size_t)server * round->policy->node_count + node];
    if (note->read_at)
        row->sessions = note->connected;
    row->session_seen = seconds(round, note->seen_at);
}

static void handler_nodes(const struct round *round)
{
    for (uint16_t i = 0; i < round->policy->handler_count; i++) {
        const struct policy_handler *handler = &round->policy->handlers[i];
        const struct policy_group *group = &round->policy->groups[handler->group];
        const struct policy_cluster *cluster = &round->policy->clusters[group->cluster];
        const struct control_row *control = &round->model->control[handler->group];
        const struct evidence *evidence = &round->model->handlers[i].evidence;
        for (uint8_t node = 0; node < cluster->node_count; node++) {
            struct row_handler_node *row = snapshot_add(round->writer, TABLE_HANDLER_NODE);
            if (!row)
                return;
            char name[NAME_BYTES];
            bool active = (control->active & node_bit(node)) != 0, inactive = (control->inactive & node_bit(node)) != 0;
            head(round, &row->head, subject_of(SUBJECT_HANDLER, i),
                 active     ? 2
                 : inactive ? 3
                            : 1,
                 active     ? REASON_SEEN_ACTIVE
                 : inactive ? REASON_OK
                            : REASON_NODE_UNKNOWN,
                 0, control->oldest);
            COPY(row->head.text, active ? "a copy runs here" : inactive ? "no copy runs here" : "it is not known whether a copy runs here");
            row->head.index2 = index_for(round, subject_of(SUBJECT_NODE, (size_t)cluster->first_node + node), name);
            COPY(row->handler, handler->name);
            COPY(row->node, node_name(round, group->cluster, node));
            row->last_poll = stamp_seconds(evidence->last_poll[node]);
            row->last_take = stamp_seconds(evidence->last_take[node]);
            row->first_hand = truth((control->first_hand & node_bit(node)) != 0);
            add_sessions(round, handler->server, (uint16_t)(cluster->first_node + node), row);
        }
    }
}

static void alarms(const struct round *round)
{
    const struct decider *decider = round->publisher->decider;
    for (uint32_t i = 0; i < decider->alarms.count; i++) {
        const struct alarm *alarm = &decider->alarms.rows[i];
        if (alarm->class < ALARM_NONE || (alarm->state == ALARM_CLEARED && round->now - alarm->changed_at > CLEARED_SHOWN_MS))
            continue;
        struct row_alarm *row = snapshot_add(round->writer, TABLE_ALARM);
        if (!row)
            return;
        char key[KEY_BYTES], parent[KEY_BYTES];
        struct whereabouts where;
        subject_whereabouts(round->policy, alarm->subject, alarm->node, &where);
        alarm_key(round->policy, alarm->class, alarm->subject, key);
        COPY(row->head.name, key);
        row->head.index = index_of(round->publisher->indices, key);
        row->head.state = alarm->state;
        row->head.reason = alarm->reason;
        row->head.since = seconds(round, alarm->since);
        row->head.read_at = seconds(round, alarm->seen_at);
        alarm_sentence(decider, alarm, row->head.text);
        COPY(row->class_name, alarm_class_name(alarm->class));
        subject_full_name(round->policy, alarm->subject, row->subject);
        COPY(row->cluster, where.cluster);
        COPY(row->group, where.group);
        COPY(row->host, where.host);
        COPY(row->node, where.node);
        row->class = alarm->class;
        row->severity = (uint8_t)(alarm->severity + 1);
        row->acked = truth(alarm->acked);
        if (alarm->suppressed_by) {
            const struct alarm *by = &decider->alarms.rows[alarm->suppressed_by - 1];
            row->suppressed_by = index_of(round->publisher->indices, alarm_key(round->policy, by->class, by->subject, parent));
        }
        row->raise_count = alarm->raise_count;
        row->changed_at = seconds(round, alarm->changed_at);
        row->sequence = alarm->sequence;
    }
}

static void history(const struct round *round)
{
    const struct history_ring *ring = round->publisher->history;
    for (uint32_t i = 0; i < ring->count; i++) {
        struct row_history *row = snapshot_add(round->writer, TABLE_HISTORY);
        if (!row)
            return;
        *row = ring->rows[i];
    }
}

void publisher_open(struct publisher *publisher, const struct policy *policy)
{
    publisher->server_source = calloc((size_t)policy->server_count + 1, sizeof *publisher->server_source);
    publisher->node_source = calloc((size_t)policy->node_count + 1, sizeof *publisher->node_source);
    publisher->source_index = calloc((size_t)policy->source_count + 1, sizeof *publisher->source_index);
    if (!publisher->server_source || !publisher->node_source || !publisher->source_index)
        abort();
}

void publisher_close(struct publisher *publisher)
{
    free(publisher->server_source);
    free(publisher->node_source);
    free(publisher->source_index);
}

static void find_sources(const struct round *round)
{
    const struct policy *policy = round->policy;
    struct publisher *publisher = round->publisher;
    memset(publisher->server_source, 0xff, policy->server_count * sizeof *publisher->server_source);
    memset(publisher->node_source, 0xff, policy->node_count * sizeof *publisher->node_source);
    for (uint16_t i = 0; i < policy->source_count; i++) {
        const struct policy_source *source = &policy->sources[i];
        if (subject_kind(source->target) == SUBJECT_SERVER)
            publisher->server_source[subject_index(source->target)] = i;
        if (source->cluster < policy->cluster_count && source->node < NODES_MAX) {
            uint16_t *newest_source = &publisher->node_source[policy->clusters[source->cluster].first_node + source->node];
            if (*newest_source == NO_PROBE || publisher->notes[i].at > publisher->notes[*newest_source].at)
                *newest_source = i;
        }
    }
}

int publish(struct publisher *publisher, msec_t now, int64_t wall_offset)
{
    const struct policy *policy = publisher->decider->policy;
    uint32_t pairs = 0, handler_pairs = 0;
    for (uint16_t i = 0; i < policy->group_count; i++)
        pairs += policy->clusters[policy->groups[i].cluster].node_count;
    for (uint16_t i = 0; i < policy->handler_count; i++)
        handler_pairs += policy->clusters[policy->groups[policy->handlers[i].group].cluster].node_count;
    uint32_t capacity[TABLES] = {
        [TABLE_AGENT] = 1,
        [TABLE_PROBE] = policy->source_count,
        [TABLE_SERVER] = policy->server_count,
        [TABLE_NODE] = policy->node_count,
        [TABLE_GROUP] = policy->group_count,
        [TABLE_CANDIDATE] = pairs,
        [TABLE_HANDLER] = policy->handler_count,
        [TABLE_HANDLER_NODE] = handler_pairs,
        [TABLE_ALARM] = publisher->decider->alarms.count,
        [TABLE_HISTORY] = publisher->history->count,
    };
    publish_estate_capacity(publisher, capacity);
    struct round round = {publisher, policy, publisher->decider->model, NULL, now, wall_offset};
    round.writer = snapshot_begin(capacity, ++publisher->generation, seconds(&round, now));
    if (!round.writer)
        return -1;
    struct row_agent *agent = snapshot_add(round.writer, TABLE_AGENT);
    if (agent)
        *agent = publisher->agent;
    find_sources(&round);
    probes(&round);
    servers(&round);
    nodes(&round);
    groups(&round);
    candidates(&round);
    handlers(&round);
    handler_nodes(&round);
    alarms(&round);
    history(&round);
    publish_clusters(&round);
    publish_estates(&round);
    return snapshot_finish(round.writer);
}
