/* Effects: what the decider wants done or told. Intents go to the disk before the actuator; happenings and alarms go to the
 * journal and to the notification receivers. Decides nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon.h"

enum { START_GRACE_MS = 5000 };
enum { KIND_HAPPENING = 1, KIND_RAISED, KIND_CLEARED, KIND_AGENT };
enum { NOTIFY_RAISED = 1, NOTIFY_CLEARED, NOTIFY_EVENT };

static const char *node_of(const struct daemon *daemon, uint16_t group, uint8_t node)
{
    const struct policy_cluster *cluster = &daemon->policy->clusters[daemon->policy->groups[group].cluster];
    return node < cluster->node_count ? daemon->policy->nodes[cluster->first_node + node].name : "nobody";
}

static void ring_add(struct daemon *daemon, const struct journal_history *from)
{
    struct history_ring *ring = &daemon->history;
    struct row_history *row = &ring->rows[ring->next];
    memset(row, 0, sizeof *row);
    row->sequence = from->sequence;
    row->index = (uint32_t)(from->sequence & INT32_MAX);
    row->at = from->at;
    row->kind = from->kind;
    row->severity = from->severity;
    row->rule = from->rule;
    row->plan = from->plan;
    snprintf(row->word, sizeof row->word, "%s", from->word);
    snprintf(row->key, sizeof row->key, "%s", from->key);
    snprintf(row->cluster, sizeof row->cluster, "%s", from->cluster);
    snprintf(row->group, sizeof row->group, "%s", from->group);
    snprintf(row->host, sizeof row->host, "%s", from->host);
    snprintf(row->node, sizeof row->node, "%s", from->node);
    snprintf(row->text, sizeof row->text, "%s", from->text);
    ring->next = (ring->next + 1) % HISTORY_SHOWN;
    if (ring->count < HISTORY_SHOWN)
        ring->count++;
}

static void notification_fill(struct notification *out, const struct journal_history *row, uint8_t kind, const char *agent)
{
    memset(out, 0, sizeof *out);
    out->sequence = row->sequence;
    out->kind = kind;
    out->class = row->alarm_class;
    out->severity = row->severity;
    out->state = row->state;
    out->since = (uint32_t)(row->at / 1000);
    out->at = row->at;
    snprintf(out->key, sizeof out->key, "%s", row->key);
    snprintf(out->cluster, sizeof out->cluster, "%s", row->cluster);
    snprintf(out->group, sizeof out->group, "%s", row->group);
    snprintf(out->host, sizeof out->host, "%s", row->host);
    snprintf(out->node, sizeof out->node, "%s", row->node);
    snprintf(out->reason, sizeof out->reason, "%s", row->word);
    snprintf(out->text, sizeof out->text, "%s", row->text);
    snprintf(out->agent, sizeof out->agent, "%s", agent);
}

void daemon_tell(struct daemon *daemon, uint8_t kind, struct journal_history *row, uint8_t notification_kind)
{
    row->kind = kind;
    row->sequence = ++daemon->sequence;
    row->at = daemon_now(daemon) + daemon_wall_offset(daemon);
    daemon->lost += !journal_history(daemon->journal, row);
    ring_add(daemon, row);
    static const char *const words[] = {"", "", "raised ", "cleared ", ""};
    daemon_say(daemon, "%s%s%s%s: %s", words[kind <= KIND_AGENT ? kind : 0], kind == KIND_HAPPENING || kind == KIND_AGENT ? "" : row->key,
               kind == KIND_HAPPENING || kind == KIND_AGENT ? "" : ", ", row->word, row->text);
    if (notification_kind && daemon->snmp) {
        struct notification notification;
        notification_fill(&notification, row, notification_kind, daemon->policy->agent_name);
        snmp_notify(daemon->snmp, &notification);
    }
    daemon->dirty = true;
}

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

/* "2026-11-22T21:30:18.250Z", as the journal writes it. */
static stamp_t read_stamp(const char *text)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest)
        return 0;
    return (stamp_t)timegm(&parts) * 1000 + (*rest == '.' ? strtol(rest + 1, NULL, 10) : 0);
}

/* A row of the journal, sent again to a receiver that had not acknowledged it before we were restarted. */
void daemon_notify_row(struct daemon *daemon, const char *receiver, const json_t *row)
{
    struct journal_history history = {
        .sequence = (uint64_t)json_integer_value(json_object_get(row, "sequence")),
        .at = read_stamp(text_of(row, "at")),
        .kind = (uint8_t)json_integer_value(json_object_get(row, "kind")),
        .alarm_class = (uint8_t)json_integer_value(json_object_get(row, "class")),
        .severity = (uint8_t)json_integer_value(json_object_get(row, "severity")),
        .state = (uint8_t)json_integer_value(json_object_get(row, "state")),
        .key = text_of(row, "key"),
        .cluster = text_of(row, "cluster"),
        .group = text_of(row, "group"),
        .host = text_of(row, "host"),
        .node = text_of(row, "node"),
        .word = text_of(row, "word"),
        .text = text_of(row, "text"),
    };
    static const uint8_t kinds[] = {[KIND_HAPPENING] = NOTIFY_EVENT, [KIND_RAISED] = NOTIFY_RAISED, [KIND_CLEARED] = NOTIFY_CLEARED};
    if (history.kind < KIND_HAPPENING || history.kind > KIND_CLEARED)
        return;
    struct notification notification;
    notification_fill(&notification, &history, kinds[history.kind], daemon->policy->agent_name);
    snmp_notify_to(daemon->snmp, receiver, &notification);
}

static void tell_alarm(struct daemon *daemon, const struct effect *effect)
{
    const struct alarm *alarm = effect->alarm;
    char key[KEY_BYTES], text[TEXT_BYTES], name[NAME_BYTES];
    struct whereabouts where;
    subject_whereabouts(daemon->policy, alarm->subject, alarm->node, &where);
    alarm_sentence(daemon->decider, alarm, text);
    if (alarm->class == ALARM_AGENT_DEGRADED && effect->raised && subject_index(alarm->subject) < PARTS)
        snprintf(text, sizeof text, "%.40s: %.110s", subject_full_name(daemon->policy, alarm->subject, name),
                 daemon->degraded[subject_index(alarm->subject)]);
    struct journal_history row = {
        .alarm_class = alarm->class,
        .severity = alarm->severity,
        .state = alarm->state,
        .subject_index = index_of(daemon->publisher.indices, subject_full_name(daemon->policy, alarm->subject, name)),
        .key = alarm_key(daemon->policy, alarm->class, alarm->subject, key),
        .cluster = where.cluster,
        .group = where.group,
        .host = where.host,
        .node = where.node,
        .word = reason_name(alarm->reason),
        .text = text,
    };
    daemon_keep_alarm(daemon, alarm);
    daemon_tell(daemon, effect->raised ? KIND_RAISED : KIND_CLEARED, &row, effect->raised ? NOTIFY_RAISED : NOTIFY_CLEARED);
}

/* Why an action came to nothing, as who carried it out says; "" = it did not, or nobody said. */
static const char *result_text(const struct daemon *daemon, uint64_t plan)
{
    for (unsigned i = 0; plan && i < RESULTS_MAX; i++)
        if (daemon->results[i].plan == plan)
            return daemon->results[i].text;
    return "";
}

static void keep_result(struct daemon *daemon, const struct order_result *result)
{
    struct told_result *kept = &daemon->results[daemon->next_result++ % RESULTS_MAX];
    *kept = (struct told_result){.plan = result->plan};
    if (result->verdict != YES)
        snprintf(kept->text, sizeof kept->text, "%s", result->text[0] ? result->text : reason_text(result->reason));
}

static void happening_text(const struct daemon *daemon, const struct effect *effect, char out[TEXT_BYTES])
{
    char name[NAME_BYTES], closed[TEXT_BYTES + 4] = "", whole[512];
    const struct plan *plan = effect->plan;
    const struct rule *rule = plan ? rule_by_id(plan->rule) : NULL;
    const char *why = rule ? rule->why : "";
    if (plan && effect->happening == HAPPENED_WITHDRAWN && *result_text(daemon, plan->id))
        why = "nothing was done";
    subject_full_name(daemon->policy, subject_of(SUBJECT_GROUP, effect->group), name);
    if (plan && plan->closed && effect->happening == HAPPENED_PLANNED)
        snprintf(closed, sizeof closed, "; suppressed: %s", reason_name(plan->reason));
    else if (plan && (effect->happening == HAPPENED_WITHDRAWN || effect->happening == HAPPENED_BLOCKED) && *result_text(daemon, plan->id))
        snprintf(closed, sizeof closed, ": %s", result_text(daemon, plan->id));
    if (effect->command && effect->command->who[0])
        snprintf(whole, sizeof whole, "%s: by %s%s%s", name, effect->command->who, effect->command->why[0] ? ": " : "",
                 effect->command->why);
    else if (plan && plan->act == ACT_MOVE)
        snprintf(whole, sizeof whole, "%s: move %s to %s: %s%s", name, node_of(daemon, effect->group, plan->from),
                 node_of(daemon, effect->group, plan->target), why, closed);
    else if (plan && plan->act == ACT_STOP)
        snprintf(whole, sizeof whole, "%s: stop the surplus copy on %s: %s%s", name, node_of(daemon, effect->group, plan->target), why,
                 closed);
    else
        snprintf(whole, sizeof whole, "%s: %s", name, why);
    snprintf(out, TEXT_BYTES, "%.*s", TEXT_BYTES - 1, whole);
}

static void tell_happening(struct daemon *daemon, const struct effect *effect)
{
    char text[TEXT_BYTES], key[KEY_BYTES], name[NAME_BYTES];
    struct whereabouts where;
    subject_t subject = subject_of(SUBJECT_GROUP, effect->group);
    subject_whereabouts(daemon->policy, subject, effect->plan ? effect->plan->target : NODE_NONE, &where);
    happening_text(daemon, effect, text);
    snprintf(key, sizeof key, "event:%s", subject_full_name(daemon->policy, subject, name));
    struct journal_history row = {
        .happening = effect->happening,
        .severity = effect->happening == HAPPENED_BLOCKED ? SEVERITY_CRITICAL : SEVERITY_INFO,
        .subject_index = index_of(daemon->publisher.indices, name),
        .key = key,
        .cluster = where.cluster,
        .group = where.group,
        .host = "",
        .node = where.node,
        .word = happening_name(effect->happening),
        .text = text,
        .plan = effect->plan ? effect->plan->id : 0,
        .rule = effect->plan ? effect->plan->rule : 0,
    };
    daemon_tell(daemon, KIND_HAPPENING, &row, NOTIFY_EVENT);
}

/* ---- actions ---- */

void daemon_result(void *context, const struct order_result *result)
{
    struct daemon *daemon = context;
    if (result->group >= daemon->policy->group_count)
        return;
    struct command command = {.verb = VERB_RESULT, .plan = result->plan, .verdict = result->verdict, .reason = result->reason};
    snprintf(command.why, sizeof command.why, "%.90s", result->text);
    keep_result(daemon, result);
    journal_intent_end(daemon->journal, result->plan, result->verdict, reason_name(result->reason));
    daemon_say(daemon, "%s: the action ended: %s%s%s", daemon->policy->groups[result->group].name, reason_text(result->reason),
               result->text[0] ? ": " : "", result->text);
    decider_command(daemon->decider, result->group, &command, daemon_now(daemon), daemon_wall_offset(daemon), daemon_effect, daemon);
    for (uint16_t i = 0; i < daemon->policy->source_count; i++) /* look at once instead of waiting for the interval */
        if (daemon->policy->sources[i].control && subject_index(daemon->compiled->sources[i].subject) == result->group)
            runner_now(daemon->runner, i);
    daemon_touch(daemon);
}

static void fail_order(struct daemon *daemon, const struct order *order, uint16_t reason, const char *text)
{
    struct order_result result = {.plan = order->plan, .group = order->group, .verdict = NO, .reason = reason};
    snprintf(result.text, sizeof result.text, "%s", text ? text : "");
    daemon_result(daemon, &result);
}

static void intent_durable(void *context, bool durable, const char *error)
{
    struct pending_order *pending = context;
    struct daemon *daemon = pending->daemon;
    struct order order = pending->order;
    pending->used = false;
    if (!durable)
        fail_order(daemon, &order, REASON_JOURNAL_SILENT, error);
    else if (!daemon->actuator || !actuator_order(daemon->actuator, &order))
        fail_order(daemon, &order, REASON_ACTUATOR_SILENT, NULL);
}

static struct pending_order *free_order(struct daemon *daemon)
{
    for (size_t i = 0; i < ORDERS_MAX; i++)
        if (!daemon->orders[i].used)
            return &daemon->orders[i];
    return NULL;
}

static void dispatch(struct daemon *daemon, const struct effect *effect)
{
    const struct plan *plan = effect->plan;
    char name[NAME_BYTES];
    struct order order = {
        .plan = plan->id,
        .verb = plan->act,
        .group = effect->group,
        .from = plan->from,
        .to = plan->target,
        .deadline = plan->deadline + daemon_wall_offset(daemon),
    };
    memcpy(order.digest, daemon->config->digest, sizeof order.digest);
    struct pending_order *pending = free_order(daemon);
    if (!pending) {
        fail_order(daemon, &order, REASON_QUEUE_DROPPED, NULL);
        return;
    }
    *pending = (struct pending_order){.daemon = daemon, .order = order, .used = true};
    subject_full_name(daemon->policy, subject_of(SUBJECT_GROUP, effect->group), name);
    if (!journal_intent(daemon->journal, plan->id, name, &order, sizeof order, intent_durable, pending)) {
        pending->used = false;
        fail_order(daemon, &order, REASON_JOURNAL_SILENT, "its queue is full");
    }
}

static void keep_step(struct daemon *daemon, const struct effect *effect)
{
    struct {
        struct facts facts;
        struct group_state state;
        struct command command;
        msec_t now;
        int64_t wall_offset;
    } block;
    char name[NAME_BYTES];
    memset(&block, 0, sizeof block);
    block.facts = *effect->facts;
    block.state = *effect->state;
    if (effect->command)
        block.command = *effect->command;
    block.now = effect->now;
    block.wall_offset = daemon_wall_offset(daemon);
    subject_full_name(daemon->policy, subject_of(SUBJECT_GROUP, effect->group), name);
    daemon->lost += !journal_step(daemon->journal, effect->now + block.wall_offset, name, &block, sizeof block);
    daemon_keep_group(daemon, effect->group);
}

void daemon_effect(void *context, const struct effect *effect)
{
    struct daemon *daemon = context;
    switch (effect->kind) {
    case EFFECT_ACTION:
        dispatch(daemon, effect);
        break;
    case EFFECT_HAPPENING:
        tell_happening(daemon, effect);
        break;
    case EFFECT_ALARM:
        tell_alarm(daemon, effect);
        break;
    default:
        keep_step(daemon, effect);
    }
    daemon->dirty = true;
}

static void degraded_alarm(void *context, const struct alarm *alarm, bool raised)
{
    struct daemon *daemon = context;
    const struct effect effect = {.kind = EFFECT_ALARM, .group = UINT16_MAX, .alarm = alarm, .raised = raised, .now = daemon_now(daemon)};
    daemon_effect(daemon, &effect);
}

void daemon_degraded(struct daemon *daemon, enum agent_part part, uint16_t reason, const char *text)
{
    bool bad = reason != REASON_OK;
    if (bad && part != PART_JOURNAL && daemon_now(daemon) - daemon->decider->model->started < START_GRACE_MS)
        return; /* it is being started; each second asks again */
    if (!bad)
        daemon->degraded[part][0] = '\0';
    else
        snprintf(daemon->degraded[part], TEXT_BYTES, "%s", text && *text ? text : reason_text(reason));
    daemon->degraded_reason[part] = reason;
    alarm_set(&daemon->decider->alarms, ALARM_AGENT_DEGRADED, subject_of(SUBJECT_AGENT, part), NODE_NONE, bad ? YES : NO,
              bad ? reason : REASON_OK, daemon_now(daemon), degraded_alarm, daemon);
}
