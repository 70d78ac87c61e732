/* Reading an estate: rows, lists, whose list is the best one, and what is to be asked next. See estate.h. Changes nothing but the marks of
 * what was asked. */
#include <string.h>

#include "estate_parts.h"

size_t estate_count(const struct estate *estate, enum found_kind kind)
{
    return kind < FOUND_KINDS ? estate->rows[kind] : 0;
}

static struct estate_row row_at(const struct kept_source *source, enum found_kind kind, size_t place)
{
    const struct kept_row *row = &source->lists[kind]->rows[place];
    return (struct estate_row){.source = source->source,
                               .kind = (uint8_t)kind,
                               .first_at = row->first_at,
                               .seen_at = row->seen_at,
                               .since = row->since,
                               .absent_at = row->absent_at,
                               .found = found_in(row)};
}

struct estate_row estate_row(const struct estate *estate, enum found_kind kind, size_t position)
{
    for (size_t i = 0; i < estate->source_count; i++) {
        const struct kept_list *list = estate->sources[i].lists[kind];
        if (list && position >= list->first && position < list->first + list->count)
            return row_at(&estate->sources[i], kind, position - list->first);
    }
    return (struct estate_row){.source = UINT16_MAX};
}

struct estate_span estate_span(const struct estate *estate, uint16_t source, enum found_kind kind)
{
    const struct kept_list *list = estate_kept(estate, source, kind);
    return list ? (struct estate_span){list->first, list->count} : (struct estate_span){0, 0};
}

struct estate_list estate_list(const struct estate *estate, uint16_t source, enum found_kind kind)
{
    const struct kept_source *kept = estate_kept_source(estate, source);
    const struct kept_list *list = kept && kind < FOUND_KINDS ? kept->lists[kind] : NULL;
    if (!list)
        return (struct estate_list){.reason = kept ? kept->failed == REASON_OK ? REASON_NOT_SEEN : kept->failed : REASON_NO_SOURCE,
                                    .tried_at = kept ? kept->failed_at : 0};
    return (struct estate_list){list->reason, list->complete_at, list->tried_at, (uint32_t)list->count};
}

bool estate_find(const struct estate *estate, uint16_t source, enum found_kind kind, const char *first, const char *second,
                 struct estate_row *row)
{
    const struct kept_source *kept = estate_kept_source(estate, source);
    const struct kept_list *list = kept && kind < FOUND_KINDS ? kept->lists[kind] : NULL;
    const struct kept_row *found = estate_kept_row(list, kind, first, second);
    if (!list || !found)
        return false;
    if (row)
        *row = row_at(kept, kind, (size_t)(found - list->rows));
    return true;
}

/* ---- whose list to believe ---- */

static msec_t freshness(const struct estate *estate, uint16_t source, enum found_kind kind)
{
    const struct policy_source *of = &estate->policy->sources[source];
    msec_t limit = 2 * of->interval + of->timeout;
    return kind_is_slow(kind) && limit < ESTATE_SLOW_MS ? ESTATE_SLOW_MS : limit;
}

static bool is_young(const struct estate *estate, uint16_t source, enum found_kind kind, const struct kept_list *list, msec_t now)
{
    return list && list->complete_at && now - list->complete_at <= freshness(estate, source, kind);
}

bool list_is_fresh(const struct estate *estate, uint16_t source, enum found_kind kind, const struct kept_list *list, msec_t now)
{
    return is_young(estate, source, kind, list, now) && list->reason == REASON_OK;
}

static bool is_of_node(const struct estate *estate, uint16_t source, uint8_t node)
{
    return node == NODE_NONE || estate->policy->sources[source].node == node;
}

static bool is_doubted(const struct estate *estate, uint16_t source)
{
    return (estate->doubted & node_bit(estate->policy->sources[source].node)) != 0;
}

uint16_t estate_best_of_node(const struct estate *estate, enum found_kind kind, uint8_t node, msec_t now)
{
    uint16_t best = UINT16_MAX;
    msec_t newest = 0;
    for (size_t i = 0; kind < FOUND_KINDS && i < estate->source_count; i++) {
        const struct kept_source *source = &estate->sources[i];
        const struct kept_list *list = source->lists[kind];
        if (!is_young(estate, source->source, kind, list, now) || !is_of_node(estate, source->source, node) || list->complete_at <= newest)
            continue;
        if (node == NODE_NONE && is_doubted(estate, source->source))
            continue; /* what a node says of itself counts whether it is quorate or not */
        best = source->source;
        newest = list->complete_at;
    }
    return best;
}

uint16_t estate_best(const struct estate *estate, enum found_kind kind, msec_t now)
{
    return estate_best_of_node(estate, kind, NODE_NONE, now);
}

uint16_t estate_why_none(const struct estate *estate, enum found_kind kind, uint8_t node, msec_t now)
{
    uint16_t why = REASON_PREFLIGHT_UNKNOWN;
    msec_t newest = 0;
    for (size_t i = 0; kind < FOUND_KINDS && i < estate->source_count; i++) {
        const struct kept_list *list = estate->sources[i].lists[kind];
        if (!list || !is_of_node(estate, estate->sources[i].source, node) || list->tried_at <= newest)
            continue;
        newest = list->tried_at;
        bool old = list->reason == REASON_OK && !is_young(estate, estate->sources[i].source, kind, list, now);
        why = old ? REASON_STALE : list->reason == REASON_OK ? REASON_PREFLIGHT_UNKNOWN : list->reason;
    }
    return why;
}

uint64_t estate_dropped(const struct estate *estate)
{
    return estate->dropped;
}

size_t estate_bytes(const struct estate *estate)
{
    return estate->store.bytes;
}

/* ---- what to ask ---- */

bool estate_wanted(struct estate *estate, uint16_t source, enum found_kind kind, char name[FOUND_NAME], msec_t now)
{
    struct kept_list *list = estate_kept(estate, source, FOUND_RESOURCE);
    union kept_extra *due = NULL;
    int place = ask_place(kind);
    for (size_t i = 0; list && i < list->count; i++) {
        const struct found_resource *resource = found_in(&list->rows[i]);
        msec_t asked = list->extras[i].resource.asked[place];
        if (list->rows[i].absent_at || (asked && now - asked < ESTATE_ASK_MS) || !resource_is_asked(resource))
            continue;
        if (due && due->resource.asked[place] <= asked)
            continue;
        due = &list->extras[i];
        memcpy(name, resource->name, FOUND_NAME);
    }
    if (due)
        due->resource.asked[place] = now;
    return due != NULL;
}

msec_t estate_asked(const struct estate *estate, uint16_t source, enum found_kind kind, const char *resource)
{
    const struct kept_list *list = estate_kept(estate, source, FOUND_RESOURCE);
    const struct kept_row *row = estate_kept_row(list, FOUND_RESOURCE, resource, NULL);
    return row ? list->extras[row - list->rows].resource.complete[ask_place(kind)] : 0;
}
