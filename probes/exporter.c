/* Probe `exporter`: what windows_exporter tells of the cluster, its queues and the machine's services, as rows like those of WMI. Owns the
 * families and how their series make one row. A family that is missing gives no list: unknown, never empty. Must not know which of several
 * exporters is asked: each node is an observer of its own. Rows wait in bounded memory, as a row's series come in any order. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conversation.h"
#include "prometheus.h"
#include "windows_names.h"

enum { BODY_MAX = 8 << 20, ROWS_MAX = 8192, BUCKETS = 1024, COLLECTORS = 3 };

/* How a series speaks of its row. */
enum meaning {
    STATE,  /* the value; what is not unsigned in the enum comes as 2^32 - 1 */
    NUMBER, /* the value */
    OWNER,  /* the label node_name of the series that is 1 */
    WORD,   /* uint8_t: 1 + position of the label in the words, of the series that is 1 */
    PROCESS /* the label process_id */
};

enum collector { MSCLUSTER, MSMQ, SERVICE };
static const char *const collectors[COLLECTORS] = {"mscluster", "msmq", "service"};

static const char *const service_states[] = {"stopped",          "start pending", "stop pending", "running",
                                             "continue pending", "pause pending", "paused",       NULL};
static const char *const start_modes[] = {"boot", "system", "auto", "manual", "disabled", NULL};

static const struct family {
    const char *name; /* without "windows_"; the documentation spells some with capitals, so case does not matter */
    uint8_t collector, kind, meaning, defines; /* defines: without this family there is no list */
    size_t offset;
    const char *label;
    const char *const *words;
} families[] = {
#define AT(row, member) offsetof(struct found_##row, member), NULL, NULL
    {"mscluster_node_state", MSCLUSTER, FOUND_NODE, STATE, true, AT(node, state)},
    {"mscluster_node_node_drain_status", MSCLUSTER, FOUND_NODE, NUMBER, false, AT(node, drain)},
    {"mscluster_node_drain_status", MSCLUSTER, FOUND_NODE, NUMBER, false, AT(node, drain)},
    {"mscluster_resourcegroup_state", MSCLUSTER, FOUND_GROUP, STATE, true, AT(group, state)},
    {"mscluster_resourcegroup_owner_node", MSCLUSTER, FOUND_GROUP, OWNER, false, AT(group, owner)},
    {"mscluster_resourcegroup_failover_threshold", MSCLUSTER, FOUND_GROUP, NUMBER, false, AT(group, failover_threshold)},
    {"mscluster_resourcegroup_failover_period", MSCLUSTER, FOUND_GROUP, NUMBER, false, AT(group, failover_period_hours)},
    {"mscluster_resourcegroup_auto_failback_type", MSCLUSTER, FOUND_GROUP, NUMBER, false, AT(group, auto_failback)},
    {"mscluster_resourcegroup_failback_window_start", MSCLUSTER, FOUND_GROUP, STATE, false, AT(group, failback_start)},
    {"mscluster_resourcegroup_failback_window_end", MSCLUSTER, FOUND_GROUP, STATE, false, AT(group, failback_end)},
    {"mscluster_resource_state", MSCLUSTER, FOUND_RESOURCE, STATE, true, AT(resource, state)},
    {"mscluster_resource_owner_node", MSCLUSTER, FOUND_RESOURCE, OWNER, false, AT(resource, owner)},
    {"mscluster_resource_restart_action", MSCLUSTER, FOUND_RESOURCE, NUMBER, false, AT(resource, restart_action)},
    {"mscluster_resource_restart_threshold", MSCLUSTER, FOUND_RESOURCE, NUMBER, false, AT(resource, restart_threshold)},
    {"mscluster_resource_restart_period", MSCLUSTER, FOUND_RESOURCE, NUMBER, false, AT(resource, restart_period_ms)},
    {"mscluster_resource_restart_delay", MSCLUSTER, FOUND_RESOURCE, NUMBER, false, AT(resource, restart_delay_ms)},
    {"mscluster_resource_pending_timeout", MSCLUSTER, FOUND_RESOURCE, NUMBER, false, AT(resource, pending_timeout_ms)},
    {"mscluster_resource_retry_period_on_failure", MSCLUSTER, FOUND_RESOURCE, NUMBER, false, AT(resource, retry_period_ms)},
    {"msmq_messages_in_queue", MSMQ, FOUND_QUEUE, NUMBER, true, AT(queue, messages)},
    {"msmq_bytes_in_queue", MSMQ, FOUND_QUEUE, NUMBER, false, AT(queue, bytes)},
    {"msmq_messages_in_journal_queue", MSMQ, FOUND_QUEUE, NUMBER, false, AT(queue, journal_messages)},
    {"msmq_bytes_in_journal_queue", MSMQ, FOUND_QUEUE, NUMBER, false, AT(queue, journal_bytes)},
    {"service_state", SERVICE, FOUND_SERVICE, WORD, true, offsetof(struct found_service, state), "state", service_states},
    {"service_start_mode", SERVICE, FOUND_SERVICE, WORD, false, offsetof(struct found_service, start_mode), "start_mode", start_modes},
    {"service_process", SERVICE, FOUND_SERVICE, PROCESS, false, AT(service, process)},
#undef AT
};
enum { FAMILIES = sizeof families / sizeof *families };

union found_any {
    struct found_node node;
    struct found_group group;
    struct found_resource resource;
    struct found_queue queue;
    struct found_service service;
};

/* Every row begins with its name. */
struct waiting_row {
    struct waiting_row *bucket, *next;
    uint8_t kind;
    bool disputed; /* two series are 1 of which only one can be */
    union found_any row;
};

struct list {
    struct waiting_row *first, *last;
    uint32_t count;
    uint16_t reason; /* NONE = so far, so good */
    bool defined;
};

struct exporter_state {
    struct prometheus reader;
    struct waiting_row *buckets[BUCKETS];
    struct list lists[FOUND_KINDS];
    const struct exporter_conf *conf;
    const struct probe_context *context; /* these two during a step only */
    uint32_t samples, broken;
    bool asked, all_services;
};

/* ---- rows ---- */

static uint32_t bucket_of(const struct exporter_state *state, uint8_t kind, const char *name)
{
    uint32_t hash = kind; /* keyed, so that nobody can choose names that all meet in one bucket */
    for (size_t i = 0; i < sizeof state->context->nonce; i++)
        hash = (hash ^ state->context->nonce[i]) * 16777619U;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619U;
    return (hash ^ hash >> 16) % BUCKETS;
}

static void begin_row(union found_any *row, uint8_t kind, const char *name, const struct exporter_state *state)
{
    memset(row, 0, sizeof *row);
    for (size_t i = 0; i < FAMILIES; i++)
        if (families[i].kind == kind && families[i].meaning != OWNER && families[i].meaning != WORD)
            memcpy((char *)row + families[i].offset, &(int64_t){ABSENT}, sizeof(int64_t));
    memcpy(row, name, strlen(name));
    if (kind == FOUND_QUEUE) {
        row->queue.class = queue_class_of(name, state->context, &state->conf->machines);
        row->queue.source = QUEUE_FROM_EXPORTER;
    }
}

static size_t name_size(uint8_t kind)
{
    return kind == FOUND_NODE ? FOUND_NODE_NAME : kind == FOUND_QUEUE ? FOUND_URL : FOUND_NAME;
}

/* A name that is cut or made printable would be another one's. */
static bool name_good(uint8_t kind, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return size > 0 && size < name_size(kind);
}

static void spoil(struct list *list, uint16_t reason)
{
    if (list->reason == REASON_NONE)
        list->reason = reason;
}

static struct waiting_row *row_of(struct exporter_state *state, uint8_t kind, const char *name)
{
    struct list *list = &state->lists[kind];
    const struct bounded_memory *memory = state->context->memory;
    struct waiting_row **bucket = &state->buckets[bucket_of(state, kind, name)];
    for (struct waiting_row *row = *bucket; row; row = row->bucket)
        if (row->kind == kind && !strcmp((const char *)&row->row, name))
            return row;
    struct waiting_row *row = list->count < ROWS_MAX ? memory->allocate(sizeof *row, memory->context) : NULL;
    if (!row) {
        spoil(list, REASON_TOO_MANY_ROWS);
        return NULL;
    }
    *row = (struct waiting_row){.bucket = *bucket, .kind = kind};
    begin_row(&row->row, kind, name, state);
    *bucket = row;
    *(list->last ? &list->last->next : &list->first) = row;
    list->last = row;
    list->count++;
    return row;
}

static void release(struct exporter_state *state)
{
    const struct bounded_memory *memory = state->context->memory;
    for (size_t kind = 0; kind < FOUND_KINDS; kind++)
        for (struct waiting_row *row = state->lists[kind].first, *next; row; row = next) {
            next = row->next;
            memory->release(row, memory->context);
        }
    memset(state->lists, 0, sizeof state->lists);
    memset(state->buckets, 0, sizeof state->buckets);
}

/* ---- samples ---- */

static int64_t whole(double value)
{
    return value >= -9e18 && value <= 9e18 ? (int64_t)value : ABSENT; /* NaN is neither */
}

static int64_t state_value(uint8_t kind, double value)
{
    enum { OTHER_ONLINE = 206 }; /* one page of the documentation counts group states from here */
    int64_t number = whole(value);
    if (number == UINT32_MAX)
        return -1;
    return kind == FOUND_GROUP && number >= OTHER_ONLINE && number <= OTHER_ONLINE + GROUP_PENDING ? number - OTHER_ONLINE : number;
}

static void take_owner(struct waiting_row *row, char *owner, const char *node)
{
    size_t size = strlen(node);
    row->disputed = row->disputed || size >= FOUND_NODE_NAME || (*owner && strcmp(owner, node) != 0);
    memset(owner, 0, FOUND_NODE_NAME);
    if (!row->disputed)
        memcpy(owner, node, size);
}

static void take_word(struct waiting_row *row, uint8_t *member, const struct family *family, const char *word)
{
    uint8_t told = 0;
    for (uint8_t i = 0; family->words[i]; i++)
        if (!strcasecmp(family->words[i], word))
            told = (uint8_t)(i + 1);
    row->disputed = row->disputed || (*member && *member != told);
    *member = row->disputed ? 0 : told;
}

static int64_t process_number(const char *text)
{
    int64_t number = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || text[digits])
        return ABSENT;
    for (; *text; text++)
        number = number * 10 + (*text - '0');
    return number;
}

static void take(struct waiting_row *row, const struct family *family, const struct prometheus_sample *sample)
{
    char *member = (char *)&row->row + family->offset;
    int64_t number = ABSENT;
    switch ((enum meaning)family->meaning) {
    case OWNER:
        if (sample->value == 1)
            take_owner(row, member, prometheus_label(sample, "node_name"));
        return;
    case WORD:
        if (sample->value == 1)
            take_word(row, (uint8_t *)member, family, prometheus_label(sample, family->label));
        return;
    case STATE:
        number = state_value(family->kind, sample->value);
        break;
    case NUMBER:
        number = sample->value >= 0 ? whole(sample->value) : ABSENT;
        break;
    case PROCESS:
        number = process_number(prometheus_label(sample, "process_id"));
        break;
    }
    memcpy(member, &number, sizeof number);
}

/* The labels that a resource carries beside its name. */
static void take_labels(struct waiting_row *row, const struct prometheus_sample *sample)
{
    const char *type = prometheus_label(sample, "type"), *group = prometheus_label(sample, "owner_group");
    if (row->kind != FOUND_RESOURCE)
        return;
    if (strlen(type) < sizeof row->row.resource.type)
        memcpy(row->row.resource.type, type, strlen(type) + 1);
    if (strlen(group) < sizeof row->row.resource.group)
        memcpy(row->row.resource.group, group, strlen(group) + 1);
}

/* What is not of the kind, or not worth a row; it still shows that the exporter leaves nothing out. */
static bool left_out(struct exporter_state *state, uint8_t kind, const char *name)
{
    if (kind == FOUND_QUEUE)
        return !strcasecmp(name, "_Total");
    if (kind != FOUND_SERVICE)
        return false;
    if (!strcasecmp(name, "EventLog") || !strcasecmp(name, "RpcSs") || !strncasecmp(name, "BTSSvc$", 7))
        state->all_services = true;
    return !service_matters(name);
}

/* "windows_exporter_collector_success{collector="msmq"} 0": what it tells may be incomplete. */
static void collector_failed(struct exporter_state *state, const char *name)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (!strcmp(collectors[families[i].collector], name))
            spoil(&state->lists[families[i].kind], REASON_PROVIDER_FAILED);
}

static void take_collector(struct exporter_state *state, const char *family, const struct prometheus_sample *sample)
{
    bool success = !strcmp(family, "exporter_collector_success"), timeout = !strcmp(family, "exporter_collector_timeout");
    if (sample->reason == REASON_OK && ((success && sample->value == 0) || (timeout && sample->value == 1)))
        collector_failed(state, prometheus_label(sample, "collector"));
}

static void take_sample(void *context, const struct prometheus_sample *sample)
{
    struct exporter_state *state = context;
    const char *name = sample->name, *label = prometheus_label(sample, "name");
    *(sample->reason == REASON_OK ? &state->samples : &state->broken) += 1;
    name += strncmp(name, "windows_", 8) == 0 ? 8 : 0;
    take_collector(state, name, sample);
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *family = &families[i];
        if (strcasecmp(name, family->name) != 0)
            continue;
        struct list *list = &state->lists[family->kind];
        list->defined = list->defined || family->defines;
        if (sample->reason != REASON_OK || !name_good(family->kind, label)) {
            spoil(list, sample->reason == REASON_OK ? REASON_BAD_REPLY : sample->reason);
            return;
        }
        struct waiting_row *row = left_out(state, family->kind, label) ? NULL : row_of(state, family->kind, label);
        if (row) {
            take(row, family, sample);
            take_labels(row, sample);
        }
        return;
    }
}

/* ---- the conversation ---- */

static uint16_t list_reason(const struct exporter_state *state, uint8_t kind)
{
    if (state->lists[kind].reason != REASON_NONE)
        return state->lists[kind].reason;
    return kind == FOUND_SERVICE && !state->all_services ? REASON_SERVICES_FILTERED : REASON_OK;
}

static void tell(const struct exporter_state *state, uint8_t kind, uint16_t reason)
{
    const struct probe_context *context = state->context;
    context->found(context->found_context, &(struct found){.step = FOUND_BEGIN, .kind = kind});
    for (const struct waiting_row *row = state->lists[kind].first; row; row = row->next)
        context->found(context->found_context, &(struct found){.step = FOUND_ROW, .kind = kind, .row = &row->row});
    context->found(context->found_context, &(struct found){.step = FOUND_END, .kind = kind, .reason = reason});
}

static enum step done(struct exporter_state *state, uint8_t verdict, uint16_t reason, const struct reply *in, const char *text,
                      struct seen *seen)
{
    release(state);
    memset(seen, 0, sizeof *seen);
    seen_item(seen, ASPECT_ENDPOINT, verdict, reason, in->elapsed_ms);
    text_for_people(seen->text, sizeof seen->text, text, strlen(text), NULL);
    return STEP_DONE;
}

static enum step on_end(struct exporter_state *state, const struct reply *in, struct seen *seen)
{
    char text[160] = "";
    uint16_t worst = REASON_OK;
    bool any = false;
    prometheus_end(&state->reader, take_sample, state);
    if (in->http_status != 200) {
        snprintf(text, sizeof text, "HTTP status %d", in->http_status);
        return done(state, NO, REASON_HTTP_STATUS, in, text, seen);
    }
    if (state->samples == 0)
        return done(state, NO, REASON_BAD_REPLY, in, "no metrics in the answer", seen);
    for (size_t i = 0; i < FOUND_KINDS; i++) {
        uint8_t kind = (uint8_t)i;
        uint16_t reason = list_reason(state, kind);
        if (!state->lists[kind].defined)
            continue;
        tell(state, kind, reason);
        any = true;
        if (reason != REASON_OK && worst == REASON_OK) {
            worst = reason;
            snprintf(text, sizeof text, "%s list: %s", found_kind_name(kind), reason_text(worst));
        }
    }
    if (!any)
        snprintf(text, sizeof text, "none of the collectors mscluster, msmq, service is enabled there");
    else if (state->broken && !*text)
        snprintf(text, sizeof text, "%u lines of other metrics were not understood", (unsigned)state->broken);
    return done(state, YES, worst, in, text, seen);
}

static bool path_good(const char *path)
{
    for (const char *at = path; path && *at; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    return path && *path == '/';
}

static enum step exporter_step(const void *conf, void *memory, const struct probe_context *context, const struct reply *in,
                               struct request *out, struct seen *seen)
{
    struct exporter_state *state = memory;
    state->conf = conf;
    state->context = context;
    if (!in && !path_good(state->conf->path))
        return done(state, UNKNOWN, REASON_NOT_SENDABLE, &(struct reply){0}, "the path does not begin with / or holds blanks", seen);
    if (!in) {
        request_begin(out, REQUEST_FETCH, EXPECT_NOTHING);
        out->path = state->conf->path;
        out->limit = BODY_MAX;
        return STEP_MORE;
    }
    if (in->reason != REASON_OK)
        return done(state, verdict_without_reply(in->reason), in->reason, in, "", seen);
    prometheus_feed(&state->reader, in->data, in->size, take_sample, state);
    if (!in->more)
        return on_end(state, in, seen);
    request_begin(out, REQUEST_NONE, EXPECT_NOTHING);
    return STEP_MORE;
}

static const struct field fields[] = {
    {"path", FIELD_TEXT, FIELD(struct exporter_conf, path), 0, 1, 255, "/metrics", NULL, "Where the metrics are."},
    {"machines", FIELD_TEXTS, FIELD(struct exporter_conf, machines), 0, 0, 0, NULL, NULL,
     "Network names of the clustered Message Queuing: queues under them are the cluster's own, not outgoing ones."},
    {0}};

const struct probe_type probe_exporter = {
    .name = "exporter",
    .help = "windows_exporter: cluster, queues and services of one machine.",
    .fields = fields,
    .conf_size = sizeof(struct exporter_conf),
    .state_size = sizeof(struct exporter_state),
    .estate = true,
    .step = exporter_step,
};
