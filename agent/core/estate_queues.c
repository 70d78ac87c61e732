/* What the counters of Message Queuing mean. Owns their quality (blind, stale, good), the memory of the last decrease, and the verdict;
 * must not know of failovers: a queue never triggers one. */
#include <string.h>

#include "estate_words.h"

enum { STUCK_DEFAULT_MS = 900000, WINDOWS_MOST = 256 };

const char *queue_state_name(uint8_t state)
{
    static const char *const names[] = {
        [QUEUE_STATE_UNKNOWN] = "unknown",   [QUEUE_STATE_OK] = "ok",       [QUEUE_STATE_HIGH] = "high",
        [QUEUE_STATE_CRITICAL] = "critical", [QUEUE_STATE_STUCK] = "stuck",
    };
    return state < sizeof names / sizeof *names && names[state] ? names[state] : "?";
}

/* ---- quality ---- */

static enum verdict local_service_runs(const struct estate *estate, uint8_t node, msec_t now)
{
    uint16_t source = estate_best_of_node(estate, FOUND_SERVICE, node, now);
    const struct kept_row *row =
        source == UINT16_MAX ? NULL : estate_kept_row(estate_kept(estate, source, FOUND_SERVICE), FOUND_SERVICE, "MSMQ", NULL);
    uint8_t state = row && !row->absent_at ? ((const struct found_service *)found_in(row))->state : 0;
    return state == SERVICE_STOPPED ? NO : state == SERVICE_RUNNING ? YES : UNKNOWN;
}

struct managers { /* of one node */
    enum verdict blind, run;
};

static enum verdict both(enum verdict left, enum verdict right)
{
    return left == NO || right == NO ? NO : left == YES && right == YES ? YES : UNKNOWN;
}

/* The clustered instance and the machine's own on one node: the counters of neither say anything. Where counters are blind, whether the
 * instances run at all is still known by their states. */
static struct managers managers_of(const struct estate *estate, uint8_t node, msec_t now)
{
    uint16_t source = estate_best(estate, FOUND_RESOURCE, now);
    const struct kept_list *list = source == UINT16_MAX ? NULL : estate_kept(estate, source, FOUND_RESOURCE);
    enum verdict local = local_service_runs(estate, node, now);
    struct managers is = {.blind = UNKNOWN, .run = local};
    unsigned here = 0;
    if (!list)
        return is;
    for (size_t i = 0; i < list->count; i++) {
        const struct found_resource *row = found_in(&list->rows[i]);
        if (list->rows[i].absent_at || !resource_is_msmq(row) || estate_node(estate, row->owner) != node)
            continue;
        bool down = row->state == RESOURCE_OFFLINE || row->state == RESOURCE_FAILED;
        here += !down;
        is.run = both(is.run, down ? NO : row->state == RESOURCE_ONLINE ? YES : UNKNOWN);
    }
    is.blind = here > 1 || (here == 1 && local != NO) ? YES : NO;
    return is;
}

bool queue_counters_blind(const struct estate *estate, uint8_t node, msec_t now)
{
    return managers_of(estate, node, now).blind != NO;
}

/* The site may have named the one whose counters are published (NetNameForPerfCounters); whether that always works is not known, so it is
 * the site's word that counts. */
static bool is_counted(const struct estate *estate, const char *queue)
{
    const struct policy_windows *windows = estate->policy->clusters[estate->cluster].windows;
    char machine[FOUND_NODE_NAME];
    size_t size = strcspn(queue, "\\");
    if (!windows || !queue[size] || size >= sizeof machine)
        return false;
    memcpy(machine, queue, size);
    machine[size] = '\0';
    return name_listed(windows->counters_of, machine);
}

/* ---- memory ---- */

/* Called for every row that comes in. A reading that is not good, or one that is missing in between, ends what is remembered. */
void queue_remember(struct estate *estate, uint16_t source, struct kept_list *list, size_t position, msec_t now)
{
    const struct found_queue *row = found_in(&list->rows[position]);
    const struct policy_source *of = &estate->policy->sources[source];
    union kept_extra *extra = &list->extras[position];
    bool good = (!list->blind || is_counted(estate, row->name)) && row->messages != ABSENT && row->messages >= 0;
    bool unbroken = extra->queue.read_at && now - extra->queue.read_at <= 2 * of->interval + of->timeout && list->reason == REASON_OK;
    if (!good || row->messages == 0)
        extra->queue.rising_since = 0;
    else if (!unbroken || !extra->queue.rising_since || row->messages < extra->queue.messages)
        extra->queue.rising_since = now;
    extra->queue.messages = row->messages;
    extra->queue.read_at = good ? now : 0;
}

/* ---- verdicts ---- */

struct looking {
    const struct estate *estate;
    msec_t now;
    stamp_t wall;
    int32_t zone_seconds;
    struct managers managers[NODES_MAX];
    unsigned *windows_asked; /* each costs a walk over the locations */
};

/* Reads of this queue stop where its receive locations are closed: then waiting is what messages are meant to do. */
static bool is_window_closed(const struct looking *looking, const char *queue)
{
    const struct estate *estate = looking->estate;
    const struct policy_windows *windows = estate->policy->clusters[estate->cluster].windows;
    uint16_t source = estate_best(estate, FOUND_LOCATION, looking->now), reason;
    const struct kept_list *list = source == UINT16_MAX ? NULL : estate_kept(estate, source, FOUND_LOCATION);
    const char *path = strrchr(queue, '\\');
    unsigned closed = 0;
    for (size_t i = 0; list && windows && path && path[1] && i < list->count; i++) {
        const struct found_location *row = found_in(&list->rows[i]);
        const char *end = strrchr(row->url, '\\');
        if (list->rows[i].absent_at || !end || !names_equal(end, path) || !name_listed(windows->msmq_adapters, row->adapter))
            continue;
        if (row->disabled != NO || location_open(estate, row, looking->wall, looking->zone_seconds, &reason) != NO)
            return false; /* a disabled location is no window: what waits there waits for somebody */
        closed++;
    }
    return closed > 0;
}

static void judge_depth(const struct looking *looking, const union kept_extra *extra, struct queue_verdict *verdict)
{
    const struct policy_windows *windows = looking->estate->policy->clusters[looking->estate->cluster].windows;
    msec_t patience = windows && windows->queue_stuck_after ? windows->queue_stuck_after : STUCK_DEFAULT_MS;
    int64_t high = windows ? windows->queue_high : 0, critical = windows ? windows->queue_critical : 0;
    bool waits = verdict->queue->class != QUEUE_COMPUTER && extra->queue.rising_since; /* dead letters are not meant to go */
    verdict->good = true;
    verdict->messages = verdict->queue->messages;
    verdict->state = QUEUE_STATE_OK;
    verdict->reason = REASON_OK;
    if (waits && verdict->read_at - extra->queue.rising_since >= patience &&
        ((*looking->windows_asked)++ >= WINDOWS_MOST || !is_window_closed(looking, verdict->queue->name))) {
        verdict->state = QUEUE_STATE_STUCK;
        verdict->reason = REASON_QUEUE_STUCK;
        verdict->since = extra->queue.rising_since;
    } else if (critical > 0 && verdict->messages >= critical) {
        verdict->state = QUEUE_STATE_CRITICAL;
        verdict->reason = REASON_QUEUE_HIGH;
    } else if (high > 0 && verdict->messages >= high) {
        verdict->state = QUEUE_STATE_HIGH;
        verdict->reason = REASON_QUEUE_HIGH;
    }
}

static struct queue_verdict judge(const struct looking *looking, const struct kept_source *source, size_t position)
{
    const struct estate *estate = looking->estate;
    const struct kept_list *list = source->lists[FOUND_QUEUE];
    const struct kept_row *row = &list->rows[position];
    struct queue_verdict verdict = {.queue = found_in(row),
                                    .source = source->source,
                                    .node = estate->policy->sources[source->source].node,
                                    .state = QUEUE_STATE_UNKNOWN,
                                    .messages = ABSENT,
                                    .since = row->since,
                                    .read_at = row->seen_at};
    enum verdict blind = verdict.node < NODES_MAX ? looking->managers[verdict.node].blind : UNKNOWN;
    verdict.manager = verdict.node < NODES_MAX ? (uint8_t)looking->managers[verdict.node].run : UNKNOWN;
    if (!list_is_fresh(estate, source->source, FOUND_QUEUE, list, looking->now))
        verdict.reason = list->reason == REASON_OK ? REASON_STALE : list->reason;
    else if (row->absent_at)
        verdict.reason = REASON_OBJECT_MISSING; /* only open queues and those with messages are counted: absent is not empty */
    else if (blind != NO && !is_counted(estate, verdict.queue->name))
        verdict.reason = blind == YES ? REASON_COUNTERS_BLIND : estate_why_none(estate, FOUND_RESOURCE, NODE_NONE, looking->now);
    else if (verdict.queue->messages == ABSENT || verdict.queue->messages < 0)
        verdict.reason = REASON_PREFLIGHT_UNKNOWN;
    else
        judge_depth(looking, &list->extras[position], &verdict);
    return verdict;
}

/* Of the same queue by another source of the same machine: a good reading counts before a bad one, WMI before its copies. */
static bool is_told_better(const struct looking *looking, const struct queue_verdict *verdict)
{
    const struct estate *estate = looking->estate;
    for (size_t i = 0; i < estate->source_count; i++) {
        const struct kept_source *other = &estate->sources[i];
        if (other->source == verdict->source || estate->policy->sources[other->source].node != verdict->node)
            continue;
        const struct kept_row *row = estate_kept_row(other->lists[FOUND_QUEUE], FOUND_QUEUE, verdict->queue->name, NULL);
        if (!row)
            continue;
        struct queue_verdict told = judge(looking, other, (size_t)(row - other->lists[FOUND_QUEUE]->rows));
        bool sooner =
            told.queue->source < verdict->queue->source || (told.queue->source == verdict->queue->source && told.source < verdict->source);
        if (told.good != verdict->good ? told.good : sooner)
            return true;
    }
    return false;
}

void estate_queues(const struct estate *estate, msec_t now, stamp_t wall, int32_t zone_seconds, queue_sink *sink, void *context)
{
    unsigned windows_asked = 0;
    struct looking looking = {.windows_asked = &windows_asked, .estate = estate, .now = now, .wall = wall, .zone_seconds = zone_seconds};
    uint8_t nodes = estate->policy->clusters[estate->cluster].node_count;
    for (uint8_t node = 0; node < nodes && node < NODES_MAX; node++)
        looking.managers[node] = managers_of(estate, node, now);
    for (size_t i = 0; i < estate->source_count; i++) {
        const struct kept_list *list = estate->sources[i].lists[FOUND_QUEUE];
        for (size_t position = 0; list && position < list->count; position++) {
            const struct queue_verdict verdict = judge(&looking, &estate->sources[i], position);
            if (!is_told_better(&looking, &verdict))
                sink(context, &verdict);
        }
    }
}
