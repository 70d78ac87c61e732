/* The operators' verbs, as they come over the control socket. Each becomes an input of the decider, or reads what is known. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "daemon_audit.h"

static json_t *refuse(const char *error, const char *cure)
{
    return json_pack("{s:b,s:s,s:s}", "ok", 0, "error", error, "cure", cure ? cure : "");
}

static json_t *accept_text(const char *text)
{
    return json_pack("{s:b,s:s}", "ok", 1, "text", text);
}

static const char *argument(const json_t *arguments, const char *key)
{
    const char *text = json_string_value(json_object_get(arguments, key));
    return text ? text : "";
}

static bool names(const struct daemon *daemon, subject_t subject, const char *name)
{
    char full[NAME_BYTES];
    return strcmp(policy_name(daemon->policy, subject), name) == 0 || strcmp(subject_full_name(daemon->policy, subject, full), name) == 0;
}

static uint16_t find(const struct daemon *daemon, enum subject_kind kind, uint16_t count, const char *name)
{
    uint16_t found = UINT16_MAX;
    for (uint16_t i = 0; i < count; i++) {
        if (!names(daemon, subject_of(kind, i), name))
            continue;
        if (found != UINT16_MAX)
            return UINT16_MAX; /* the short name fits two: the full one is needed */
        found = i;
    }
    return found;
}

uint16_t daemon_find_group(const struct daemon *daemon, const char *name)
{
    return find(daemon, SUBJECT_GROUP, daemon->policy->group_count, name);
}

uint16_t daemon_find_handler(const struct daemon *daemon, const char *name)
{
    return find(daemon, SUBJECT_HANDLER, daemon->policy->handler_count, name);
}

/* A pause's scope: "agent", a cluster, a group or a node. Groups win over clusters and nodes of the same short name. */
static subject_t find_scope(const struct daemon *daemon, const char *name)
{
    if (strcmp(name, "agent") == 0)
        return subject_of(SUBJECT_AGENT, 0);
    const struct {
        enum subject_kind kind;
        uint16_t count;
    } kinds[] = {{SUBJECT_GROUP, daemon->policy->group_count},
                 {SUBJECT_CLUSTER, daemon->policy->cluster_count},
                 {SUBJECT_NODE, daemon->policy->node_count}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint16_t index = find(daemon, kinds[i].kind, kinds[i].count, name);
        if (index != UINT16_MAX)
            return subject_of(kinds[i].kind, index);
    }
    return 0;
}

static void tell_operator(struct daemon *daemon, uint8_t happening, subject_t subject, const char *who, const char *why)
{
    char text[TEXT_BYTES], key[KEY_BYTES], name[NAME_BYTES];
    struct whereabouts where;
    subject_whereabouts(daemon->policy, subject, NODE_NONE, &where);
    subject_full_name(daemon->policy, subject, name);
    snprintf(text, sizeof text, "%.48s: by %.31s: %.60s", name, who, why);
    snprintf(key, sizeof key, "event:%s", name);
    struct journal_history row = {
        .happening = happening,
        .severity = SEVERITY_INFO,
        .key = key,
        .cluster = where.cluster,
        .group = where.group,
        .host = where.host,
        .node = where.node,
        .word = happening_name(happening),
        .text = text,
    };
    daemon_tell(daemon, 1, &row, 3);
}

enum { PAUSE_MAX_SECONDS = 30 * 24 * 3600 };

static json_t *verb_pause(struct daemon *daemon, const json_t *arguments, const char *who)
{
    subject_t scope = find_scope(daemon, argument(arguments, "scope"));
    json_int_t seconds = json_integer_value(json_object_get(arguments, "seconds"));
    if (!scope)
        return refuse("there is no such cluster, group or node, or the name is ambiguous", "name it in full: cluster/group");
    if (seconds < 1 || seconds > PAUSE_MAX_SECONDS)
        return refuse("a pause must end: between 1 second and 30 days", "--for 2h");
    stamp_t wall = daemon_now(daemon) + daemon_wall_offset(daemon);
    size_t slot = 0;
    while (slot < daemon->decider->world.pause_count && daemon->pauses[slot].scope != scope)
        slot++;
    if (slot == PAUSES_MAX)
        return refuse("too many pauses at once", "solowarden resume");
    struct pause *pause = &daemon->pauses[slot];
    *pause = (struct pause){.scope = scope, .since = wall, .until = wall + seconds * 1000};
    snprintf(pause->who, sizeof pause->who, "%s", who);
    snprintf(pause->why, sizeof pause->why, "%s", argument(arguments, "why"));
    if (slot == daemon->decider->world.pause_count)
        daemon->decider->world.pause_count++;
    daemon_keep_pauses(daemon);
    tell_operator(daemon, HAPPENED_PAUSED, scope, who, pause->why);
    return accept_text("paused; detection goes on");
}

static json_t *verb_resume(struct daemon *daemon, const json_t *arguments, const char *who)
{
    subject_t scope = find_scope(daemon, argument(arguments, "scope"));
    size_t *count = &daemon->decider->world.pause_count, kept = 0;
    runner_forgive(daemon->runner); /* an operator who says "go on" has corrected the credentials too */
    for (size_t i = 0; i < *count; i++)
        if (daemon->pauses[i].scope != scope)
            daemon->pauses[kept++] = daemon->pauses[i];
    if (kept == *count)
        return scope == subject_of(SUBJECT_AGENT, 0) ? accept_text("nothing was paused; refused credentials are tried again")
                                                     : refuse("that is not paused", "solowarden status shows what is");
    *count = kept;
    daemon_keep_pauses(daemon);
    tell_operator(daemon, HAPPENED_RESUMED, scope, who, "");
    return accept_text("resumed");
}

static json_t *command_group(struct daemon *daemon, const char *name, struct command *command, const char *text)
{
    uint16_t group = daemon_find_group(daemon, name);
    if (group == UINT16_MAX)
        return refuse("there is no such group, or the name is ambiguous", "name it in full: cluster/group");
    if (command->verb == VERB_APPROVE && !command->plan)
        command->plan = daemon->decider->groups[group].plan;
    if (command->verb == VERB_APPROVE && !command->plan)
        return refuse("no plan stands for this group", "solowarden explain");
    uint16_t reason =
        decider_command(daemon->decider, group, command, daemon_now(daemon), daemon_wall_offset(daemon), daemon_effect, daemon);
    return reason == REASON_OK ? accept_text(text) : refuse(reason_text(reason), reason_cure(reason));
}

static json_t *verb_failover(struct daemon *daemon, const json_t *arguments, struct command *command)
{
    const char *to = argument(arguments, "to");
    uint16_t group = daemon_find_group(daemon, argument(arguments, "group"));
    command->verb = VERB_FAILOVER;
    command->target = NODE_NONE;
    command->force = json_is_true(json_object_get(arguments, "force"));
    snprintf(command->why, sizeof command->why, "%s", argument(arguments, "reason"));
    if (!command->why[0])
        return refuse("a failover needs a reason", "--reason TEXT");
    if (*to && group != UINT16_MAX) {
        const struct policy_cluster *cluster = &daemon->policy->clusters[daemon->policy->groups[group].cluster];
        for (uint8_t i = 0; i < cluster->node_count; i++)
            if (names(daemon, subject_of(SUBJECT_NODE, (size_t)cluster->first_node + i), to))
                command->target = i;
        if (command->target == NODE_NONE)
            return refuse("the cluster has no such node", "solowarden status nodes");
    }
    return command_group(daemon, argument(arguments, "group"), command, "ordered; follow it with: solowarden explain");
}

/* A group, or the key of an alarm. */
static json_t *verb_ack(struct daemon *daemon, const char *name, struct command *command)
{
    command->verb = VERB_ACK;
    for (uint32_t i = 0; i < daemon->decider->alarms.count; i++) {
        struct alarm *alarm = &daemon->decider->alarms.rows[i];
        char key[KEY_BYTES];
        if (alarm->class < ALARM_NONE || strcmp(alarm_key(daemon->policy, alarm->class, alarm->subject, key), name) != 0)
            continue;
        alarm->acked = true;
        if (alarm->class == ALARM_COMMON_CAUSE)
            daemon->decider->world.common_acked_at = daemon_now(daemon);
        daemon_keep_alarm(daemon, alarm);
        tell_operator(daemon, HAPPENED_ACKED, alarm->subject, command->who, name);
        return accept_text("acknowledged");
    }
    return command_group(daemon, name, command, "acknowledged");
}

static void answer_history(void *context, const char *json, const char *error)
{
    struct control_request *request = context;
    json_t *rows = json ? json_loads(json, 0, NULL) : NULL;
    control_reply(request, rows ? json_pack("{s:b,s:o}", "ok", 1, "rows", rows) : refuse(error ? error : "the journal gave no answer", ""),
                  -1);
}

static void verb_history(struct daemon *daemon, const json_t *arguments, struct control_request *request)
{
    const char *filter = argument(arguments, "filter");
    json_int_t limit = json_integer_value(json_object_get(arguments, "limit"));
    bool raw = json_is_true(json_object_get(arguments, "raw"));
    if (limit < 1 || limit > 1000)
        limit = 50;
    if (!journal_ask(daemon->journal, raw ? JOURNAL_RAW : JOURNAL_HISTORY, *filter ? filter : NULL, (uint32_t)limit, answer_history,
                     request))
        control_reply(request, refuse("the journal does not answer", reason_cure(REASON_JOURNAL_SILENT)), -1);
}

struct explaining { /* the explanation waits for its log lines */
    struct control_request *request;
    json_t *answer;
};

static void answer_explain(void *context, const char *json, const char *error)
{
    struct explaining *explaining = context;
    json_t *rows = json ? json_loads(json, 0, NULL) : NULL;
    (void)error; /* without a journal the rest is still worth reading */
    if (rows)
        json_object_set_new(explaining->answer, "lines", rows);
    control_reply(explaining->request, explaining->answer, -1);
    free(explaining);
}

static void verb_explain(struct daemon *daemon, const json_t *arguments, struct control_request *request)
{
    const char *name = argument(arguments, "name");
    char full[NAME_BYTES];
    uint16_t handler = daemon_find_handler(daemon, name), group = daemon_find_group(daemon, name);
    if (handler == UINT16_MAX && group == UINT16_MAX) {
        control_reply(request, refuse("there is no such group or handler, or the name is ambiguous", "solowarden status lists them"), -1);
        return;
    }
    struct explaining *explaining = calloc(1, sizeof *explaining);
    if (!explaining)
        abort();
    explaining->request = request;
    explaining->answer = json_pack("{s:b}", "ok", 1);
    subject_t subject = 0;
    if (handler != UINT16_MAX) {
        subject = subject_of(SUBJECT_HANDLER, handler);
        json_object_set_new(explaining->answer, "handler", daemon_explain_handler(daemon, handler));
        group = daemon->policy->handlers[handler].group;
    } else {
        const struct policy_group *policy = &daemon->policy->groups[group];
        subject = policy->handler_count ? subject_of(SUBJECT_HANDLER, daemon->policy->group_handlers[policy->first_handler])
                                        : subject_of(SUBJECT_CLUSTER, policy->cluster);
    }
    json_object_set_new(explaining->answer, "group", daemon_explain_group(daemon, group));
    subject_full_name(daemon->policy, subject, full);
    if (!journal_ask(daemon->journal, JOURNAL_RAW, full, 12, answer_explain, explaining))
        answer_explain(explaining, NULL, NULL);
}

/* What was found in Windows clusters, judged or as a configuration. */
static json_t *verb_windows(const struct daemon *daemon, const char *verb, const json_t *arguments)
{
    const struct audit_input input = daemon_audit_input(daemon);
    return strcmp(verb, "audit") == 0 ? daemon_audit(&input, arguments) : daemon_discover(&input, daemon->config, arguments);
}

void daemon_verb(void *context, struct control_request *request, const char *verb, const json_t *arguments, const char *who)
{
    struct daemon *daemon = context;
    struct command command = {.target = NODE_NONE};
    json_t *answer = NULL;
    snprintf(command.who, sizeof command.who, "%s", who);
    snprintf(command.why, sizeof command.why, "%s", argument(arguments, "why"));
    if (strcmp(verb, "status") == 0) {
        control_reply(request, json_pack("{s:b}", "ok", 1), daemon->snapshot);
        return;
    }
    if (strcmp(verb, "history") == 0) {
        verb_history(daemon, arguments, request);
        return;
    }
    if (strcmp(verb, "explain") == 0) {
        verb_explain(daemon, arguments, request);
        return;
    }
    if (strcmp(verb, "audit") == 0 || strcmp(verb, "discover") == 0) {
        control_reply(request, verb_windows(daemon, verb, arguments), -1);
        return;
    }
    if (strcmp(verb, "pause") == 0) {
        answer = verb_pause(daemon, arguments, who);
    } else if (strcmp(verb, "resume") == 0) {
        answer = verb_resume(daemon, arguments, who);
    } else if (strcmp(verb, "ack") == 0) {
        answer = verb_ack(daemon, argument(arguments, "name"), &command);
    } else if (strcmp(verb, "approve") == 0) {
        command.verb = VERB_APPROVE;
        command.plan = strtoull(argument(arguments, "plan"), NULL, 16);
        answer = command_group(daemon, argument(arguments, "group"), &command, "approved; every gate is evaluated again");
    } else if (strcmp(verb, "failover") == 0) {
        answer = verb_failover(daemon, arguments, &command);
    } else {
        answer = refuse("this agent does not know that verb", "is the command of the same version as the agent?");
    }
    daemon_touch(daemon);
    control_reply(request, answer, -1);
}
