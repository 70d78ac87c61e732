/* Should a handler be polling now? Its receive location is enabled, inside its service window and between its dates; of a host, any of its
 * locations. Owns the arithmetic of windows; must not know what silence means. */
#include <string.h>

#include "estate_words.h"

enum { DAY_SECONDS = 86400, SECOND = 1000 };

static uint8_t inside_window(const struct found_location *row, stamp_t wall, int32_t zone_seconds)
{
    if (row->windowed != YES)
        return row->windowed == NO ? YES : UNKNOWN;
    if (row->window_start_s < 0 || row->window_stop_s < 0)
        return UNKNOWN;
    int64_t second = ((wall / SECOND + zone_seconds) % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;
    int64_t start = row->window_start_s, stop = row->window_stop_s;
    bool open = start == stop || (start < stop ? second >= start && second < stop : second >= start || second < stop);
    return open ? YES : NO;
}

static uint8_t between_dates(const struct found_location *row, stamp_t wall)
{
    bool unknown =
        row->starts == UNKNOWN || row->stops == UNKNOWN || (row->starts == YES && !row->start) || (row->stops == YES && !row->stop);
    if ((row->starts == YES && row->start && wall < row->start) || (row->stops == YES && row->stop && wall >= row->stop))
        return NO;
    return unknown ? UNKNOWN : YES;
}

struct expected {
    uint8_t verdict;
    uint16_t reason;
};

/* Polls at this moment? One NO is enough, and is told before what is not known. */
static struct expected is_location_open(const struct found_location *row, stamp_t wall, int32_t zone_seconds)
{
    uint8_t enabled = row->disabled == YES ? NO : row->disabled == NO ? YES : UNKNOWN;
    uint8_t window = inside_window(row, wall, zone_seconds), dates = between_dates(row, wall);
    if (enabled == NO)
        return (struct expected){NO, REASON_LOCATION_DISABLED};
    if (window == NO || dates == NO)
        return (struct expected){NO, REASON_SERVER_CLOSED};
    bool known = enabled == YES && window == YES && dates == YES;
    return (struct expected){known ? YES : UNKNOWN, known ? REASON_OK : REASON_PREFLIGHT_UNKNOWN};
}

uint8_t location_open(const struct estate *estate, const struct found_location *row, stamp_t wall, int32_t zone_seconds, uint16_t *reason)
{
    const struct policy_windows *windows = estate->policy->clusters[estate->cluster].windows;
    struct expected is = is_location_open(row, wall, windows && windows->zone_given ? windows->zone_seconds : zone_seconds);
    *reason = is.reason;
    return is.verdict;
}

static bool is_of_type(const struct policy_windows *windows, uint8_t type, const char *adapter)
{
    if (!windows)
        return true;
    if (type == SERVER_FTP)
        return name_listed(windows->ftp_adapters, adapter) || name_listed(windows->sftp_adapters, adapter);
    return type != SERVER_POP3 || name_listed(windows->pop3_adapters, adapter);
}

static bool is_location_of(const struct estate *estate, const struct policy_handler *handler, const struct found_location *row)
{
    const struct policy *policy = estate->policy;
    if (handler->location && *handler->location)
        return names_equal(handler->location, row->name);
    return names_equal(handler->host, row->host) &&
           is_of_type(policy->clusters[estate->cluster].windows, policy->servers[handler->server].type, row->adapter);
}

static struct expected is_expected(const struct speaking *speaking, const struct policy_handler *handler, const struct kept_list *list,
                                   stamp_t wall, int32_t zone_seconds)
{
    struct expected all = {UNKNOWN, REASON_OBJECT_MISSING};
    for (size_t i = 0; i < list->count && all.verdict != YES; i++) {
        const struct found_location *row = found_in(&list->rows[i]);
        if (list->rows[i].absent_at || !is_location_of(speaking->estate, handler, row))
            continue;
        struct expected one;
        one.verdict = location_open(speaking->estate, row, wall, zone_seconds, &one.reason);
        bool first = all.reason == REASON_OBJECT_MISSING;
        if (first || one.verdict == YES || (one.verdict == UNKNOWN && all.verdict == NO))
            all = one;
    }
    return all;
}

void speak_expected(const struct speaking *speaking, stamp_t wall, int32_t zone_seconds)
{
    const struct estate *estate = speaking->estate;
    uint16_t source = estate_best(estate, FOUND_LOCATION, speaking->now);
    const struct kept_list *list = source == UINT16_MAX ? NULL : estate_kept(estate, source, FOUND_LOCATION);
    for (size_t i = 0; i < estate->handler_count; i++) {
        const struct policy_handler *handler = &estate->policy->handlers[estate->handlers[i]];
        if ((!handler->location || !*handler->location) && (!handler->host || !*handler->host))
            continue;
        struct expected said = {UNKNOWN, REASON_NONE};
        if (list)
            said = is_expected(speaking, handler, list, wall, zone_seconds);
        else
            said.reason = estate_why_none(estate, FOUND_LOCATION, NODE_NONE, speaking->now);
        speak_word(speaking, subject_of(SUBJECT_HANDLER, estate->handlers[i]),
                   (struct word){.aspect = ASPECT_EXPECTED, .node = NODE_NONE, .verdict = said.verdict, .reason = said.reason});
    }
}
