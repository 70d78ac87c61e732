/* Lists of found rows, source by source: coming in, going absent, being forgotten, being read. See estate.h.
 * Must not know what a row means (estate_speak.c, estate_preflight.c, estate_queues.c). */
#include "estate.h"

#include <string.h>

#include "estate_parts.h"

enum { PROBES_MAX = 64 }; /* steps in an index; names that need more were chosen for it */

/* ---- opening ---- */

static bool take_sources(struct estate *estate)
{
    const struct policy *policy = estate->policy;
    for (uint16_t i = 0; i < policy->source_count; i++)
        estate->source_count += policy->sources[i].estate && policy->sources[i].cluster == estate->cluster;
    estate->sources = store_take(&estate->store, estate->source_count * sizeof *estate->sources);
    size_t at = 0;
    for (uint16_t i = 0; estate->sources && i < policy->source_count; i++)
        if (policy->sources[i].estate && policy->sources[i].cluster == estate->cluster)
            estate->sources[at++] = (struct kept_source){.source = i, .failed = REASON_NOT_SEEN};
    return estate->sources != NULL;
}

struct estate *estate_open(const struct policy *policy, uint16_t cluster, const struct bounded_memory *memory)
{
    struct store store = {.memory = memory};
    struct estate *estate = store_take(&store, sizeof *estate);
    if (!estate)
        return NULL;
    estate->store = store;
    estate->policy = policy;
    estate->cluster = cluster;
    if (!take_sources(estate) || !roles_open(estate)) {
        estate_close(estate);
        return NULL;
    }
    return estate;
}

static void give_list(struct estate *estate, enum found_kind kind, struct kept_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        store_drop(&estate->store, kind, list->rows[i].content);
    store_give(&estate->store, list->rows, list->capacity * sizeof *list->rows);
    store_give(&estate->store, list->extras, list->extras ? list->capacity * sizeof *list->extras : 0);
    store_give(&estate->store, list->index, list->index_size * sizeof *list->index);
    store_give(&estate->store, list, sizeof *list);
}

void estate_close(struct estate *estate)
{
    if (!estate)
        return;
    for (size_t i = 0; estate->sources && i < estate->source_count; i++)
        for (unsigned kind = 0; kind < FOUND_KINDS; kind++)
            if (estate->sources[i].lists[kind])
                give_list(estate, (enum found_kind)kind, estate->sources[i].lists[kind]);
    store_give(&estate->store, estate->sources, estate->source_count * sizeof *estate->sources);
    roles_close(estate);
    store_close(&estate->store);
    struct store store = estate->store;
    store_give(&store, estate, sizeof *estate);
}

uint16_t estate_cluster(const struct estate *estate)
{
    return estate->cluster;
}

const struct kept_source *estate_kept_source(const struct estate *estate, uint16_t source)
{
    size_t low = 0, high = estate->source_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (estate->sources[middle].source < source)
            low = middle + 1;
        else
            high = middle;
    }
    return low < estate->source_count && estate->sources[low].source == source ? &estate->sources[low] : NULL;
}

struct kept_list *estate_kept(const struct estate *estate, uint16_t source, enum found_kind kind)
{
    const struct kept_source *kept = estate_kept_source(estate, source);
    return kept && kind < FOUND_KINDS ? kept->lists[kind] : NULL;
}

/* Where each source's rows begin among all of their kind. */
static void count_on(struct estate *estate, enum found_kind kind)
{
    size_t first = 0;
    for (size_t i = 0; i < estate->source_count; i++) {
        struct kept_list *list = estate->sources[i].lists[kind];
        if (!list)
            continue;
        list->first = first;
        first += list->count;
    }
    estate->rows[kind] = first;
}

static struct kept_list *list_of(struct estate *estate, struct kept_source *source, enum found_kind kind)
{
    if (!source->lists[kind]) {
        source->lists[kind] = store_take(&estate->store, sizeof(struct kept_list));
        if (source->lists[kind])
            source->lists[kind]->reason = REASON_NOT_SEEN;
        count_on(estate, kind);
    }
    return source->lists[kind];
}

/* ---- finding a row by its identity ---- */

static void put_index(struct kept_list *list, size_t position)
{
    size_t at = list->rows[position].hash & (list->index_size - 1);
    while (list->index[at])
        at = (at + 1) & (list->index_size - 1);
    list->index[at] = (uint32_t)position + 1;
}

static void make_index(struct kept_list *list)
{
    memset(list->index, 0, list->index_size * sizeof *list->index);
    for (size_t i = 0; i < list->count; i++)
        put_index(list, i);
}

enum { NOT_FOUND = -1, TOO_FAR = -2 };

static int64_t find(const struct kept_list *list, enum found_kind kind, const struct identity *identity)
{
    int64_t absent = NOT_FOUND;
    for (size_t step = 0; list->index_size && step < PROBES_MAX; step++) {
        uint32_t found = list->index[(identity->hash + step) & (list->index_size - 1)];
        if (!found)
            return absent;
        const struct kept_row *row = &list->rows[found - 1];
        if (row->hash != identity->hash || !identity_is(kind, found_in(row), identity))
            continue;
        if (!row->absent_at)
            return found - 1;
        absent = found - 1;
    }
    return absent != NOT_FOUND || !list->index_size ? absent : TOO_FAR;
}

struct kept_row *estate_kept_row(const struct kept_list *list, enum found_kind kind, const char *first, const char *second)
{
    struct identity identity = identity_named(kind, first, second);
    int64_t at = list ? find(list, kind, &identity) : NOT_FOUND;
    return at >= 0 ? &list->rows[at] : NULL;
}

/* ---- coming in ---- */

int ask_place(enum found_kind kind)
{
    return kind == FOUND_POSSIBLE_OWNER ? 0 : kind == FOUND_DEPENDENCY ? 1 : 2;
}

static bool has_extras(enum found_kind kind)
{
    return kind == FOUND_RESOURCE || kind == FOUND_QUEUE;
}

static bool make_room(struct estate *estate, struct kept_list *list, enum found_kind kind)
{
    if (list->count < list->capacity || estate->rows[kind] >= ESTATE_ROWS_MAX)
        return estate->rows[kind] < ESTATE_ROWS_MAX;
    size_t capacity = list->capacity ? 2 * list->capacity : 4, index_size = 2 * capacity;
    struct kept_list larger = *list;
    larger.capacity = capacity;
    larger.index_size = index_size;
    larger.rows = store_take(&estate->store, capacity * sizeof *list->rows);
    larger.extras = has_extras(kind) ? store_take(&estate->store, capacity * sizeof *list->extras) : NULL;
    larger.index = store_take(&estate->store, index_size * sizeof *list->index);
    bool has_room = larger.rows && larger.index && (larger.extras || !has_extras(kind));
    struct kept_list spare = has_room ? *list : larger;
    if (has_room && list->count) {
        memcpy(larger.rows, list->rows, list->count * sizeof *list->rows);
        if (larger.extras)
            memcpy(larger.extras, list->extras, list->count * sizeof *list->extras);
    }
    if (has_room) {
        *list = larger;
        make_index(list);
    }
    store_give(&estate->store, spare.rows, spare.capacity * sizeof *list->rows);
    store_give(&estate->store, spare.extras, spare.capacity * sizeof *list->extras);
    store_give(&estate->store, spare.index, spare.index_size * sizeof *list->index);
    return has_room;
}

static bool add_row(struct estate *estate, struct kept_list *list, enum found_kind kind, const void *found, uint32_t hash, msec_t now)
{
    struct content *content = make_room(estate, list, kind) ? store_keep(&estate->store, kind, found) : NULL;
    if (!content)
        return false;
    list->rows[list->count] = (struct kept_row){.content = content, .first_at = now, .since = now, .hash = hash};
    if (list->extras)
        memset(&list->extras[list->count], 0, sizeof *list->extras);
    put_index(list, list->count++);
    count_on(estate, kind);
    return true;
}

static bool renew_row(struct estate *estate, struct kept_row *row, enum found_kind kind, const void *found, msec_t now)
{
    bool is_back = row->absent_at != 0;
    if (memcmp(found_in(row), found, found_size((uint8_t)kind)) != 0) {
        struct content *content = store_keep(&estate->store, kind, found);
        if (!content)
            return false;
        is_back |= !state_is_same(kind, found_in(row), found);
        store_drop(&estate->store, kind, row->content);
        row->content = content;
    }
    row->since = is_back ? now : row->since;
    row->absent_at = 0;
    return true;
}

/* Rows come in the order of the last time, mostly: the one after the last is looked at first. */
static void row_in(struct estate *estate, uint16_t source, struct kept_list *list, enum found_kind kind, const void *found, msec_t now)
{
    struct identity identity = identity_of(kind, found);
    int64_t at = list->cursor < list->count && list->rows[list->cursor].hash == identity.hash &&
                         identity_is(kind, found_in(&list->rows[list->cursor]), &identity)
                     ? (int64_t)list->cursor
                     : find(list, kind, &identity);
    bool kept = at >= 0 ? renew_row(estate, &list->rows[at], kind, found, now)
                        : at == NOT_FOUND && add_row(estate, list, kind, found, identity.hash, now);
    if (!kept) {
        estate->dropped++;
        list->lossy = true;
        return;
    }
    size_t position = at >= 0 ? (size_t)at : list->count - 1;
    list->rows[position].seen_at = now;
    list->rows[position].pass = list->pass;
    list->cursor = position + 1;
    if (kind == FOUND_QUEUE)
        queue_remember(estate, source, list, position, now);
}

/* A complete list says what is not there any more. */
static void mark_absent(struct kept_list *list, enum found_kind kind, const char *of, msec_t now)
{
    for (size_t i = 0; i < list->count; i++) {
        struct kept_row *row = &list->rows[i];
        if (row->pass == list->pass || row->absent_at)
            continue;
        if (!kind_is_per_resource(kind) || !of || names_equal((const char *)found_in(row), of)) /* its first field */
            row->absent_at = row->since = now;
    }
}

/* Does this observer's own word of its node let it speak for the cluster? */
static void judge_observer(struct estate *estate, uint16_t source, const struct kept_list *list)
{
    uint8_t node = estate->policy->sources[source].node;
    for (size_t i = 0; i < list->count; i++) {
        const struct found_node *row = found_in(&list->rows[i]);
        if (list->rows[i].absent_at || node >= NODES_MAX || estate_node(estate, row->name) != node)
            continue;
        bool up = row->state == NODE_STATE_UP || row->state == NODE_STATE_PAUSED;
        estate->doubted = up ? estate->doubted & ~node_bit(node) : estate->doubted | node_bit(node);
    }
}

static void end_list(struct estate *estate, struct kept_source *source, struct kept_list *list, const struct found *found, msec_t now)
{
    list->reason = found->reason == REASON_OK && list->lossy ? REASON_TOO_MANY_ROWS : found->reason;
    list->tried_at = now;
    list->open = false;
    if (list->reason != REASON_OK)
        return;
    list->complete_at = now;
    mark_absent(list, found->kind, found->of, now);
    struct kept_list *resources = source->lists[FOUND_RESOURCE];
    struct kept_row *of = found->of && resources ? estate_kept_row(resources, FOUND_RESOURCE, found->of, NULL) : NULL;
    if (of && resources->extras)
        resources->extras[of - resources->rows].resource.complete[ask_place(found->kind)] = now;
    if (found->kind == FOUND_NODE)
        judge_observer(estate, source->source, list);
    if (found->kind == FOUND_HOST)
        roles_learn(estate);
}

void estate_found(struct estate *estate, uint16_t source, const struct found *found, msec_t now)
{
    struct kept_source *kept = (struct kept_source *)estate_kept_source(estate, source);
    struct kept_list *list = kept && found->kind < FOUND_KINDS ? list_of(estate, kept, found->kind) : NULL;
    if (!list) {
        estate->dropped++;
        return;
    }
    kept->failed = REASON_OK;
    if (found->step == FOUND_BEGIN) {
        list->pass++;
        list->open = true;
        list->lossy = false;
        list->cursor = kind_is_per_resource(found->kind) ? list->cursor : 0;
        list->blind = found->kind == FOUND_QUEUE && queue_counters_blind(estate, estate->policy->sources[source].node, now);
    } else if (found->step == FOUND_ROW && list->open && found->row) {
        row_in(estate, source, list, found->kind, found->row, now);
    } else if (found->step == FOUND_END) {
        end_list(estate, kept, list, found, now);
    }
}

void estate_failed(struct estate *estate, uint16_t source, uint16_t reason, msec_t now)
{
    struct kept_source *kept = (struct kept_source *)estate_kept_source(estate, source);
    if (!kept)
        return;
    kept->failed = reason;
    kept->failed_at = now;
    for (unsigned kind = 0; kind < FOUND_KINDS; kind++)
        if (kept->lists[kind]) {
            kept->lists[kind]->reason = reason;
            kept->lists[kind]->tried_at = now;
            kept->lists[kind]->open = false;
        }
}

/* ---- forgetting ---- */

static void forget_in(struct estate *estate, enum found_kind kind, struct kept_list *list, msec_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->rows[i].absent_at && now - list->rows[i].absent_at >= ESTATE_FORGET_MS) {
            store_drop(&estate->store, kind, list->rows[i].content);
            continue;
        }
        if (list->extras)
            list->extras[kept] = list->extras[i];
        list->rows[kept++] = list->rows[i];
    }
    if (kept == list->count)
        return;
    list->count = kept;
    list->cursor = 0;
    make_index(list);
}

void estate_forget(struct estate *estate, msec_t now)
{
    for (unsigned kind = 0; kind < FOUND_KINDS; kind++) {
        for (size_t i = 0; i < estate->source_count; i++)
            if (estate->sources[i].lists[kind])
                forget_in(estate, (enum found_kind)kind, estate->sources[i].lists[kind], now);
        count_on(estate, (enum found_kind)kind);
    }
    roles_learn(estate);
}
