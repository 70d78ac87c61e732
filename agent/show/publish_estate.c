/* Rows of what was found in Windows clusters: each list is shown as its best observer tells it; where observers differ, the row says so. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "agent/core/audit.h"
#include "finder.h"
#include "publish_round.h"

#define NONE_KNOWN UINT32_MAX

static uint32_t gauge(int64_t value, int64_t divisor)
{
    return value < 0 || value == ABSENT ? NONE_KNOWN : value / divisor >= NONE_KNOWN ? NONE_KNOWN - 1 : (uint32_t)(value / divisor);
}

static uint8_t yes_no(uint8_t verdict)
{
    return verdict == YES ? 2 : verdict == NO ? 3 : 1;
}

static uint8_t no_yes(uint8_t verdict) /* of the opposite */
{
    return verdict == NO ? 2 : verdict == YES ? 3 : 1;
}

void publish_estate_capacity(const struct publisher *publisher, uint32_t capacity[TABLES])
{
    const struct policy *policy = publisher->decider->policy;
    capacity[TABLE_CLUSTER] = policy->cluster_count;
    for (uint16_t i = 0; publisher->estates && i < policy->cluster_count; i++) {
        const struct estate *estate = publisher->estates[i];
        if (!estate)
            continue;
        capacity[TABLE_RESOURCE] += (uint32_t)estate_count(estate, FOUND_RESOURCE);
        capacity[TABLE_INSTANCE] += (uint32_t)estate_count(estate, FOUND_INSTANCE);
        capacity[TABLE_QUEUE] += (uint32_t)estate_count(estate, FOUND_QUEUE);
        capacity[TABLE_AUDIT] += publisher->audits && publisher->audits[i] ? publisher->audits[i]->count : 0;
    }
}

/* ---- clusters ---- */

static uint8_t sso_state(const struct round *round, uint16_t cluster)
{
    uint16_t preflight = round->policy->clusters[cluster].preflight;
    const struct slot *slot = preflight == UINT16_MAX ? NULL
                                                      : model_slot(round->model, preflight, subject_of(SUBJECT_CLUSTER, cluster), NODE_NONE,
                                                                   ASPECT_SECRET_SERVER);
    return slot && model_fresh(round->model, slot, round->now) ? level(slot->last.verdict) : LEVEL_UNKNOWN;
}

static bool is_fresh(const struct round *round, uint16_t source, enum found_kind kind)
{
    const struct policy_source *of = &round->policy->sources[source];
    struct estate_list list = estate_list(round->publisher->estates[of->cluster], source, kind);
    return list.reason == REASON_OK && round->now - list.complete_at <= 2 * of->interval + of->timeout;
}

static void windows_cluster(const struct round *round, uint16_t cluster, struct row_cluster *row)
{
    const struct policy_cluster *policy = &round->policy->clusters[cluster];
    const struct estate *estate = round->publisher->estates[cluster];
    nodes_t answering = 0;
    msec_t newest = 0;
    for (uint16_t i = 0; i < round->policy->source_count; i++) {
        const struct policy_source *source = &round->policy->sources[i];
        if (source->cluster != cluster || !source->estate || source->node >= NODES_MAX)
            continue;
        struct estate_list list = estate_list(estate, i, FOUND_GROUP);
        newest = list.complete_at > newest ? list.complete_at : newest;
        if (is_fresh(round, i, FOUND_GROUP))
            answering |= node_bit(source->node);
    }
    row->observers = (uint32_t)__builtin_popcountll(answering);
    row->head.read_at = seconds(round, newest);
    row->head.state = answering ? LEVEL_UP : LEVEL_UNKNOWN;
    row->head.reason = answering ? REASON_OK : newest ? REASON_STALE : REASON_NOT_SEEN;
    uint16_t best = estate_best(estate, FOUND_SETTING, round->now);
    for (size_t i = 0; i < estate_count(estate, FOUND_SETTING); i++) {
        struct estate_row found = estate_row(estate, FOUND_SETTING, i);
        if (found.source == best && !found.absent_at)
            COPY(row->sso_server, ((const struct found_setting *)found.found)->sso_server);
    }
    if (policy->windows->sso_server[0])
        COPY(row->sso_server, policy->windows->sso_server);
    row->sso_state = sso_state(round, cluster);
    for (unsigned kind = 0; kind < FOUND_KINDS; kind++)
        row->found += (uint32_t)estate_count(estate, (enum found_kind)kind);
    row->dropped = (uint32_t)estate_dropped(estate);
    const struct audit_note *audit = round->publisher->audits ? round->publisher->audits[cluster] : NULL;
    row->violations = audit ? audit->violations : 0;
    row->unchecked = audit ? audit->unchecked : 0;
}

void publish_clusters(const struct round *round)
{
    static const char *const types[] = {"static", "wsfc", "pacemaker"};
    for (uint16_t i = 0; i < round->policy->cluster_count; i++) {
        struct row_cluster *row = snapshot_add(round->writer, TABLE_CLUSTER);
        if (!row)
            return;
        const struct policy_cluster *policy = &round->policy->clusters[i];
        COPY(row->head.name, policy->name);
        row->head.index = index_of(round->publisher->indices, policy->name);
        row->head.state = LEVEL_UNKNOWN;
        row->head.reason = REASON_NO_SOURCE;
        row->sso_state = LEVEL_UNKNOWN;
        COPY(row->type, types[policy->type]);
        row->nodes = policy->node_count;
        nodes_t up = 0;
        for (uint16_t g = 0; g < round->policy->group_count; g++) {
            if (round->policy->groups[g].cluster != i)
                continue;
            row->groups++;
            up |= round->model->control[g].up;
        }
        row->nodes_up = (uint32_t)__builtin_popcountll(up);
        if (policy->windows && round->publisher->estates[i])
            windows_cluster(round, i, row);
        COPY(row->head.text, reason_text(row->head.reason));
    }
}

/* ---- resources ---- */

/* Names found may be longer than a row's name: then the row's is cut, its index is still that of the whole. */
static void found_head(const struct round *round, uint16_t cluster, const char *name, const struct estate_row *found, struct row_head *out)
{
    char full[NAME_BYTES + LONG_NAME_BYTES];
    snprintf(full, sizeof full, "%s/%s", round->policy->clusters[cluster].name, name);
    COPY(out->name, full);
    out->index = index_of(round->publisher->indices, full);
    out->since = seconds(round, found->since);
    out->read_at = seconds(round, found->seen_at);
    out->reason = found->absent_at ? REASON_OBJECT_MISSING : REASON_OK;
}

static void append(char *out, size_t size, const char *word)
{
    size_t used = strlen(out);
    if (used + 2 + strlen(word) + 1 <= size)
        snprintf(out + used, size - used, "%s%s", used ? ", " : "", word);
}

/* Possible owners and dependencies are asked of one node or another. */
static void add_relations(const struct estate *estate, const struct finder *rows)
{
    for (size_t i = 0; i < estate_count(estate, FOUND_POSSIBLE_OWNER); i++) {
        struct estate_row found = estate_row(estate, FOUND_POSSIBLE_OWNER, i);
        const struct found_possible_owner *owner = found.found;
        struct row_resource *row = found.absent_at ? NULL : finder_get(rows, owner->resource, "");
        if (row && !strstr(row->possible_owners, owner->node))
            append(row->possible_owners, sizeof row->possible_owners, owner->node);
    }
    for (size_t i = 0; i < estate_count(estate, FOUND_DEPENDENCY); i++) {
        struct estate_row found = estate_row(estate, FOUND_DEPENDENCY, i);
        const struct found_dependency *dependency = found.found;
        struct row_resource *row = found.absent_at ? NULL : finder_get(rows, dependency->resource, "");
        if (row && !strstr(row->depends_on, dependency->on))
            append(row->depends_on, sizeof row->depends_on, dependency->on);
    }
}

/* Which host a resource runs is told by the resource, or found by the service that carries the host's name. */
static void add_hosts(const struct estate *estate, uint16_t source, const struct finder *rows)
{
    for (size_t i = 0; i < estate_count(estate, FOUND_HOST); i++) {
        struct estate_row host = estate_row(estate, FOUND_HOST, i), resource;
        const char *name = ((const struct found_host *)host.found)->name;
        if (host.absent_at || !estate_resource_of_host(estate, source, name, &resource))
            continue;
        struct row_resource *row = finder_get(rows, ((const struct found_resource *)resource.found)->name, "");
        if (row)
            COPY(row->host, name);
    }
}

static uint8_t resource_row_state(int64_t state)
{
    switch (state) {
    case RESOURCE_ONLINE:
        return 2;
    case RESOURCE_OFFLINE:
        return 3;
    case RESOURCE_FAILED:
        return 4;
    case RESOURCE_INITIALIZING:
    case RESOURCE_PENDING:
    case RESOURCE_ONLINE_PENDING:
    case RESOURCE_OFFLINE_PENDING:
        return 5;
    default:
        return 1;
    }
}

static const struct found_group *group_of(const struct estate *estate, uint16_t source, const char *name)
{
    for (size_t i = 0; i < estate_count(estate, FOUND_GROUP); i++) {
        struct estate_row found = estate_row(estate, FOUND_GROUP, i);
        const struct found_group *group = found.found;
        if (found.source == source && !found.absent_at && strcmp(group->name, name) == 0)
            return group;
    }
    return NULL;
}

/* What the cluster still permits cannot be read, only what it permits in all: an estimate, and it says so. */
static void estimate_failovers(const struct round *round, uint16_t cluster, const struct found_group *group, struct row_resource *row)
{
    row->failovers_left = NONE_KNOWN;
    COPY(row->failovers_quality, "the group's failover threshold is not known");
    if (!group || group->failover_threshold == ABSENT)
        return;
    bool preset = group->failover_threshold < 0 || group->failover_threshold == UINT32_MAX;
    int64_t permitted = preset ? round->policy->clusters[cluster].node_count - 1 : group->failover_threshold;
    row->failovers_left = gauge(permitted, 1);
    COPY(row->failovers_quality, "upper bound: past failovers are not known");
}

static void resource_row(const struct round *round, uint16_t cluster, const struct estate_row *found, struct row_resource *row)
{
    const struct estate *estate = round->publisher->estates[cluster];
    const struct found_resource *resource = found->found;
    found_head(round, cluster, resource->name, found, &row->head);
    row->head.state = found->absent_at ? 1 : resource_row_state(resource->state);
    COPY(row->cluster, round->policy->clusters[cluster].name);
    COPY(row->group, resource->group);
    COPY(row->resource, resource->name);
    COPY(row->type, resource->type);
    COPY(row->owner, resource->owner);
    row->persistent = yes_no(resource->persistent);
    row->restart_action = resource->restart_action >= 0 && resource->restart_action <= 2 ? (uint8_t)(resource->restart_action + 2) : 1;
    row->restart_threshold = gauge(resource->restart_threshold, 1);
    row->restart_period_s = gauge(resource->restart_period_ms, 1000);
    row->restart_delay_ms = gauge(resource->restart_delay_ms, 1);
    row->pending_timeout_s = gauge(resource->pending_timeout_ms, 1000);
    estimate_failovers(round, cluster, group_of(estate, found->source, resource->group), row);
    snprintf(row->head.text, sizeof row->head.text, "%.60s of %.60s on %.30s", resource->type, resource->group,
             resource->owner[0] ? resource->owner : "no node");
}

static void resources(const struct round *round, uint16_t cluster)
{
    const struct estate *estate = round->publisher->estates[cluster];
    uint16_t best = estate_best(estate, FOUND_RESOURCE, round->now);
    struct finder *rows = finder_open(estate_count(estate, FOUND_RESOURCE));
    for (size_t i = 0; best != UINT16_MAX && i < estate_count(estate, FOUND_RESOURCE); i++) {
        struct estate_row found = estate_row(estate, FOUND_RESOURCE, i);
        struct row_resource *row = found.source == best ? snapshot_add(round->writer, TABLE_RESOURCE) : NULL;
        if (!row)
            continue;
        resource_row(round, cluster, &found, row);
        finder_put(rows, row->resource, "", row);
    }
    if (best != UINT16_MAX) {
        add_relations(estate, rows);
        add_hosts(estate, best, rows);
    }
    finder_close(rows);
}

/* ---- host instances ---- */

static uint8_t instance_row_state(int64_t state)
{
    switch (state) {
    case INSTANCE_RUNNING:
        return 2;
    case INSTANCE_STOPPED:
        return 3;
    case INSTANCE_START_PENDING:
    case INSTANCE_STOP_PENDING:
    case INSTANCE_CONTINUE_PENDING:
    case INSTANCE_PAUSE_PENDING:
        return 4;
    case INSTANCE_PAUSED:
        return 5;
    default:
        return 1;
    }
}

static uint8_t service_row_state(uint8_t state)
{
    return state == SERVICE_RUNNING         ? 2
           : state == SERVICE_STOPPED       ? 3
           : state == SERVICE_PAUSED        ? 5
           : state == SERVICE_STATE_UNKNOWN ? 1
                                            : 4;
}

/* What each observer says of the same instance; the last word of one that is gone is none. */
static void count_words(const struct round *round, uint16_t cluster, const struct finder *rows)
{
    const struct estate *estate = round->publisher->estates[cluster];
    for (size_t i = 0; i < estate_count(estate, FOUND_INSTANCE); i++) {
        struct estate_row found = estate_row(estate, FOUND_INSTANCE, i);
        const struct found_instance *instance = found.found;
        struct row_instance *row =
            found.absent_at || instance->cluster == INSTANCE_VIRTUAL ? NULL : finder_get(rows, instance->host, instance->node);
        if (!row || !is_fresh(round, found.source, FOUND_INSTANCE))
            continue;
        uint8_t state = instance_row_state(instance->state);
        row->say_running += state == 2;
        row->say_stopped += state == 3;
        row->say_other += state != 2 && state != 3;
    }
}

static void add_services(const struct round *round, uint16_t cluster, const struct finder *rows)
{
    static const char prefix[] = "BTSSvc$";
    const struct estate *estate = round->publisher->estates[cluster];
    for (size_t i = 0; i < estate_count(estate, FOUND_SERVICE); i++) {
        struct estate_row found = estate_row(estate, FOUND_SERVICE, i);
        const struct found_service *service = found.found;
        uint8_t node = round->policy->sources[found.source].node;
        if (found.absent_at || node >= NODES_MAX || strncasecmp(service->name, prefix, sizeof prefix - 1) != 0)
            continue;
        const char *computer = round->policy->nodes[round->policy->clusters[cluster].first_node + node].computer;
        struct row_instance *row = finder_get(rows, service->name + sizeof prefix - 1, computer);
        if (row && is_fresh(round, found.source, FOUND_SERVICE))
            row->service = service_row_state(service->state);
    }
}

static void add_suspended(const struct round *round, uint16_t cluster, uint16_t source, const struct finder *rows)
{
    const struct estate *estate = round->publisher->estates[cluster];
    const struct policy_cluster *policy = &round->policy->clusters[cluster];
    for (size_t i = 0; i < estate_count(estate, FOUND_SUSPENDED); i++) {
        struct estate_row found = estate_row(estate, FOUND_SUSPENDED, i);
        const struct found_suspended *suspended = found.found;
        for (uint8_t node = 0; found.source == source && !found.absent_at && node < policy->node_count; node++) {
            struct row_instance *row = finder_get(rows, suspended->host, round->policy->nodes[policy->first_node + node].computer);
            if (row)
                row->suspended = gauge(suspended->resumable + suspended->not_resumable, 1);
        }
    }
}

/* The guarded group of a host; found once per host, since hosts come many times. */
static void add_groups(const struct round *round, uint16_t cluster, const struct finder *rows)
{
    const struct estate *estate = round->publisher->estates[cluster];
    const struct policy_cluster *policy = &round->policy->clusters[cluster];
    for (size_t i = 0; i < estate_count(estate, FOUND_HOST); i++) {
        const struct found_host *host = estate_row(estate, FOUND_HOST, i).found;
        for (uint16_t g = 0; g < round->policy->group_count; g++) {
            if (round->policy->groups[g].cluster != cluster || !estate_host_in_group(estate, host->name, g))
                continue;
            for (uint8_t node = 0; node < policy->node_count; node++) {
                struct row_instance *row = finder_get(rows, host->name, round->policy->nodes[policy->first_node + node].computer);
                if (row)
                    COPY(row->group, round->policy->groups[g].name);
            }
        }
    }
}

static void instance_row(const struct round *round, uint16_t cluster, const struct estate_row *found, struct row_instance *row)
{
    const struct estate *estate = round->publisher->estates[cluster];
    const struct found_instance *instance = found->found;
    found_head(round, cluster, instance->host, found, &row->head);
    char node[NAME_BYTES];
    uint8_t position = estate_node(estate, instance->node);
    const char *name =
        position == NODE_NONE ? instance->node : round->policy->nodes[round->policy->clusters[cluster].first_node + position].name;
    snprintf(node, sizeof node, "%.40s/%.30s", round->policy->clusters[cluster].name, name);
    row->head.index2 = index_of(round->publisher->indices, node);
    row->head.state = found->absent_at ? 1 : instance_row_state(instance->state);
    COPY(row->cluster, round->policy->clusters[cluster].name);
    COPY(row->host, instance->host);
    COPY(row->node, name);
    row->clustered = instance->cluster == INSTANCE_CLUSTERED ? 3 : instance->cluster == INSTANCE_UNCLUSTERED ? 2 : 1;
    row->disabled = yes_no(instance->disabled);
    row->installed = instance->configuration == ABSENT ? 1 : no_yes(instance->configuration == 1 ? NO : YES);
    row->service = 1;
    row->suspended = estate_list(estate, found->source, FOUND_SUSPENDED).reason == REASON_OK ? 0 : NONE_KNOWN;
}

static void tell_words(struct row_instance *row)
{
    if (row->say_running && row->say_stopped) {
        row->head.state = 6;
        row->head.reason = REASON_CONTRADICTORY;
    }
    snprintf(row->head.text, sizeof row->head.text, "%u say running, %u stopped, %u neither", row->say_running, row->say_stopped,
             row->say_other);
}

static void instances(const struct round *round, uint16_t cluster)
{
    const struct estate *estate = round->publisher->estates[cluster];
    uint16_t best = estate_best(estate, FOUND_INSTANCE, round->now);
    size_t count = estate_count(estate, FOUND_INSTANCE), made = 0;
    struct finder *rows = finder_open(count);
    struct row_instance **all = calloc(count + 1, sizeof(struct row_instance *));
    for (size_t i = 0; all && best != UINT16_MAX && i < count; i++) {
        struct estate_row found = estate_row(estate, FOUND_INSTANCE, i);
        const struct found_instance *instance = found.found;
        bool shown = found.source == best && instance->cluster != INSTANCE_VIRTUAL;
        struct row_instance *row = shown ? snapshot_add(round->writer, TABLE_INSTANCE) : NULL;
        if (!row)
            continue;
        instance_row(round, cluster, &found, row);
        finder_put(rows, instance->host, instance->node, row);
        all[made++] = row;
    }
    count_words(round, cluster, rows);
    add_services(round, cluster, rows);
    add_suspended(round, cluster, best, rows);
    add_groups(round, cluster, rows);
    for (size_t i = 0; i < made; i++)
        tell_words(all[i]);
    free(all);
    finder_close(rows);
}

/* ---- queues ---- */

struct queue_round {
    const struct round *round;
    uint16_t cluster;
};

static const char *queue_class_word(const struct found_queue *queue)
{
    static const char *const words[] = {"local", "computer", "outgoing"};
    return queue->class < sizeof words / sizeof *words ? words[queue->class] : "";
}

static void queue_row(void *context, const struct queue_verdict *verdict)
{
    const struct queue_round *queues = context;
    const struct round *round = queues->round;
    const struct policy_cluster *policy = &round->policy->clusters[queues->cluster];
    struct row_queue *row = snapshot_add(round->writer, TABLE_QUEUE);
    if (!row)
        return;
    const char *node = verdict->node < policy->node_count ? round->policy->nodes[policy->first_node + verdict->node].name : "";
    char full[NAME_BYTES + FOUND_URL + 64];
    snprintf(full, sizeof full, "%s/%s/%s", policy->name, node, verdict->queue->name);
    COPY(row->head.name, full);
    row->head.index = index_of(round->publisher->indices, full);
    row->head.state = verdict->state;
    row->head.reason = verdict->reason;
    row->head.since = seconds(round, verdict->since);
    row->head.read_at = seconds(round, verdict->read_at);
    COPY(row->cluster, policy->name);
    COPY(row->node, node);
    COPY(row->queue, verdict->queue->name);
    COPY(row->class, queue_class_word(verdict->queue));
    COPY(row->source, verdict->queue->source == QUEUE_FROM_EXPORTER ? "exporter" : "wmi");
    COPY(row->quality, verdict->good ? "good" : reason_name(verdict->reason));
    row->messages = gauge(verdict->messages, 1);
    row->journal_messages = verdict->good ? gauge(verdict->queue->journal_messages, 1) : NONE_KNOWN;
    row->bytes = verdict->good && verdict->queue->bytes > 0 ? (uint64_t)verdict->queue->bytes : 0;
    row->journal_bytes = verdict->good && verdict->queue->journal_bytes > 0 ? (uint64_t)verdict->queue->journal_bytes : 0;
    row->decreased_at = verdict->state == QUEUE_STATE_STUCK ? row->head.since : 0;
    COPY(row->head.text, reason_text(verdict->reason));
}

/* ---- audit ---- */

static void audit_row(const struct round *round, uint16_t cluster, const struct finding_note *finding)
{
    struct row_audit *row = snapshot_add(round->writer, TABLE_AUDIT);
    const struct audit_rule *rule = audit_rule(finding->rule);
    if (!row || !rule)
        return;
    char full[NAME_BYTES + 2 * LONG_NAME_BYTES];
    const char *name = round->policy->clusters[cluster].name;
    snprintf(full, sizeof full, "%s/%u/%s/%s/%s", name, finding->rule, audit_kind_name(finding->kind), finding->subject,
             finding->node); /* a group and its resource often have one name */
    COPY(row->head.name, full);
    row->head.index = index_of(round->publisher->indices, full);
    row->head.state = finding->verdict == NO ? 3 : finding->verdict == YES ? 2 : 1;
    row->head.reason = finding->reason;
    row->head.since = seconds(round, finding->since);
    row->head.read_at = seconds(round, round->publisher->audits[cluster]->at);
    COPY(row->head.text, finding->evidence);
    COPY(row->cluster, name);
    COPY(row->rule_name, rule->name);
    COPY(row->subject, finding->subject);
    COPY(row->node, finding->node);
    COPY(row->page, rule->page);
    row->rule = finding->rule;
    row->severity = (uint8_t)(finding->severity + SEVERITY_INFO + 1);
}

static void findings(const struct round *round, uint16_t cluster)
{
    const struct audit_note *audit = round->publisher->audits ? round->publisher->audits[cluster] : NULL;
    for (uint32_t i = 0; audit && i < audit->count; i++)
        audit_row(round, cluster, &audit->findings[i]);
}

static int32_t zone_of(const struct round *round, uint16_t cluster)
{
    const struct policy_windows *windows = round->policy->clusters[cluster].windows;
    time_t at = (time_t)((round->now + round->wall_offset) / 1000);
    struct tm local;
    return windows->zone_given || !localtime_r(&at, &local) ? windows->zone_seconds : (int32_t)local.tm_gmtoff;
}

void publish_estates(const struct round *round)
{
    for (uint16_t i = 0; round->publisher->estates && i < round->policy->cluster_count; i++)
        if (round->publisher->estates[i]) {
            struct queue_round queues = {round, i};
            resources(round, i);
            instances(round, i);
            estate_queues(round->publisher->estates[i], round->now, round->now + round->wall_offset, zone_of(round, i), queue_row, &queues);
            findings(round, i);
        }
}
