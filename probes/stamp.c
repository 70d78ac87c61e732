/* Time stamps of logs, read without strptime or mktime: probes stay pure, and a day is worked out only once.
 * Knows nothing of zones beyond the offset that the caller set, and nothing of today. */
#include "line.h"

enum { SECOND_MS = 1000, DAY_MS = 86400000, YEAR_UNKNOWN = 2000 };

/* Days since 1970 of a civil date: years begin in March, so that the leap day comes last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int64_t days_in(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* "Jan".."Dec" → 1..12, 0 for anything else */
static int month_of(const char *name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 0; month < 12; month++)
        if (memcmp(names + (size_t)month * 3, name, 3) == 0)
            return month + 1;
    return 0;
}

bool cursor_number(struct cursor *cursor, unsigned most, int64_t *out)
{
    int64_t number = 0;
    unsigned digits = 0;
    for (; digits < most && cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; digits++, cursor->at++)
        number = number * 10 + (*cursor->at - '0');
    *out = number;
    return digits > 0;
}

bool text_number(struct text text, int64_t *out)
{
    struct cursor cursor = {text.data, text.data + text.size};
    return cursor_number(&cursor, 18, out) && cursor.at == cursor.end;
}

/* A stamp without a year is of the year that brings it nearest to the newest one. */
static int64_t nearest_year(const struct format_state *state, int month)
{
    int64_t year = state->year ? state->year : YEAR_UNKNOWN;
    int apart = state->month ? month - state->month : 0;
    return apart > 6 ? year - 1 : apart < -6 ? year + 1 : year;
}

static bool day_stamp(struct format_state *state, int64_t year, int64_t month, int64_t day, stamp_t *out)
{
    if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    state->year = (int16_t)year;
    state->month = (int16_t)month;
    *out = days_of(year, month, day) * DAY_MS;
    return true;
}

/* "20:24:31" with an optional fraction */
static bool clock_read(struct cursor *cursor, int64_t *out)
{
    const char *c = cursor->at;
    if (cursor_left(cursor) < 8 || c[2] != ':' || c[5] != ':')
        return false;
    int64_t parts[3];
    for (int i = 0; i < 3; i++, c += 3) {
        unsigned tens = (unsigned)c[0] - '0', ones = (unsigned)c[1] - '0';
        if (tens > 5 || ones > 9)
            return false;
        parts[i] = tens * 10 + ones;
    }
    if (parts[0] > 23)
        return false;
    cursor->at += 8;
    *out = ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * SECOND_MS;
    if (cursor_left(cursor) > 1 && (*cursor->at == '.' || *cursor->at == ',') && cursor->at[1] >= '0' && cursor->at[1] <= '9') {
        cursor->at++;
        for (int64_t weight = 100; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++, weight /= 10)
            *out += weight * (*cursor->at - '0');
    }
    return true;
}

/* "22 " or " 2 " */
static bool day_read(struct cursor *cursor, int64_t *day)
{
    while (cursor_skip(cursor, " "))
        ;
    return cursor_number(cursor, 2, day) && cursor_skip(cursor, " ");
}

/* The last day read is remembered by its text. */
static bool day_known(const struct format_state *state, const char *key, size_t size)
{
    return (size_t)state->day[0] == size && memcmp(state->day + 1, key, size) == 0;
}

static void day_remember(struct format_state *state, const char *key, size_t size, stamp_t day)
{
    state->day[0] = (char)size;
    memcpy(state->day + 1, key, size);
    state->day_stamp = day;
}

static stamp_t zoned(const struct format_state *state, stamp_t day, int64_t clock)
{
    return day + clock - (stamp_t)state->zone_seconds * SECOND_MS;
}

bool stamp_asctime(struct format_state *state, struct cursor *cursor, stamp_t *out)
{
    /* Sun Nov 22 20:20:03 2026 */
    const char *c = cursor->at;
    if (cursor_left(cursor) < 24 || c[3] != ' ' || c[7] != ' ' || c[10] != ' ' || c[19] != ' ')
        return false;
    char key[15];
    memcpy(key, c, 11);
    memcpy(key + 11, c + 20, 4);
    int64_t clock;
    cursor->at += 11;
    if (!clock_read(cursor, &clock) || cursor->at != c + 19)
        return false;
    if (!day_known(state, key, sizeof key)) {
        struct cursor day_at = {c + 8, c + 11}, year_at = {c + 20, c + 24};
        int64_t day, year;
        stamp_t stamp;
        if (!day_read(&day_at, &day) || !cursor_number(&year_at, 4, &year) || year_at.at != year_at.end ||
            !day_stamp(state, year, month_of(c + 4), day, &stamp))
            return false;
        day_remember(state, key, sizeof key, stamp);
    }
    cursor->at = c + 24;
    *out = zoned(state, state->day_stamp, clock);
    return true;
}

bool stamp_syslog(struct format_state *state, struct cursor *cursor, stamp_t *out)
{
    const char *c = cursor->at;
    if (cursor_left(cursor) < 15 || c[3] != ' ' || c[6] != ' ')
        return false;
    int64_t clock;
    cursor->at += 7;
    if (!clock_read(cursor, &clock))
        return false;
    if (!day_known(state, c, 6)) {
        struct cursor day_at = {c + 4, c + 7};
        int64_t day;
        stamp_t stamp;
        int month = month_of(c);
        if (!month || !day_read(&day_at, &day))
            return false;
        if (!day_stamp(state, nearest_year(state, month), month, day, &stamp))
            return false;
        day_remember(state, c, 6, stamp);
    }
    *out = zoned(state, state->day_stamp, clock);
    return true;
}

/* "Z", "+02:00", "+0200", " +0200": seconds east. False when there is none; a stamp's own zone beats the configured one. */
static bool zone_read(struct cursor *cursor, int64_t *seconds)
{
    if (cursor_skip(cursor, "Z")) {
        *seconds = 0;
        return true;
    }
    struct cursor at = *cursor;
    int64_t hours, minutes;
    if (at.at == at.end || (*at.at != '+' && *at.at != '-'))
        return false;
    int64_t sign = *at.at++ == '-' ? -1 : 1;
    if (!cursor_number(&at, 2, &hours) || (cursor_skip(&at, ":"), !cursor_number(&at, 2, &minutes)) || hours > 14 || minutes > 59)
        return false;
    *seconds = sign * (hours * 60 + minutes) * 60;
    *cursor = at;
    return true;
}

bool stamp_iso(struct format_state *state, struct cursor *cursor, stamp_t *out)
{
    const char *c = cursor->at;
    if (cursor_left(cursor) < 19 || (c[4] != '-' && c[4] != '/') || c[7] != c[4] || (c[10] != ' ' && c[10] != 'T'))
        return false;
    if (!day_known(state, c, 10)) {
        int64_t year, month, day;
        struct cursor at = {c, c + 4}, month_at = {c + 5, c + 7}, day_at = {c + 8, c + 10};
        stamp_t stamp;
        if (!cursor_number(&at, 4, &year) || at.at != at.end || !cursor_number(&month_at, 2, &month) || !cursor_number(&day_at, 2, &day) ||
            !day_stamp(state, year, month, day, &stamp))
            return false;
        day_remember(state, c, 10, stamp);
    }
    int64_t clock, zone;
    cursor->at += 11;
    if (!clock_read(cursor, &clock))
        return false;
    *out = zone_read(cursor, &zone) ? state->day_stamp + clock - zone * SECOND_MS : zoned(state, state->day_stamp, clock);
    return true;
}

bool stamp_any(struct format_state *state, struct cursor *cursor, stamp_t *out)
{
    int64_t priority;
    struct cursor start = *cursor;
    if (cursor_skip(&start, "<") && (!cursor_number(&start, 3, &priority) || !cursor_skip(&start, ">")))
        return false;
    *cursor = start;
    if (stamp_iso(state, cursor, out))
        return true;
    *cursor = start;
    if (stamp_syslog(state, cursor, out))
        return true;
    *cursor = start;
    return stamp_asctime(state, cursor, out);
}

/* What a template has read so far. */
struct parts {
    int64_t year, month, day, hour, minute, second, fraction_ms, epoch, zone;
    bool has_year, has_epoch, has_zone;
};

static bool part_read(struct parts *parts, char directive, struct cursor *cursor)
{
    switch (directive) {
    case 'Y':
        return parts->has_year = cursor_number(cursor, 4, &parts->year);
    case 'm':
        return cursor_number(cursor, 2, &parts->month);
    case 'd':
        while (cursor_skip(cursor, " "))
            ;
        return cursor_number(cursor, 2, &parts->day);
    case 'H':
        return cursor_number(cursor, 2, &parts->hour) && parts->hour < 24;
    case 'M':
        return cursor_number(cursor, 2, &parts->minute) && parts->minute < 60;
    case 'S':
        return cursor_number(cursor, 2, &parts->second) && parts->second < 61;
    case 'f':
        for (int64_t weight = 100; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++, weight /= 10)
            parts->fraction_ms += weight * (*cursor->at - '0');
        return true;
    case 'b':
        if (cursor_left(cursor) < 3)
            return false;
        parts->month = month_of(cursor->at);
        cursor->at += 3;
        return parts->month > 0;
    case 's':
        return parts->has_epoch = cursor_number(cursor, 11, &parts->epoch);
    case 'z':
        return parts->has_zone = zone_read(cursor, &parts->zone);
    default:
        return false;
    }
}

bool stamp_template(struct format_state *state, const char *pattern, struct text text, stamp_t *out)
{
    struct cursor cursor = {text.data, text.data + text.size};
    struct parts parts = {0};
    for (const char *p = pattern; *p; p++) {
        if (*p == '%' && p[1] && p[1] != '%') {
            if (!part_read(&parts, *++p, &cursor))
                return false;
            continue;
        }
        p += *p == '%';
        if (cursor.at == cursor.end || *cursor.at != *p)
            return false;
        cursor.at++;
    }
    if (parts.has_epoch) {
        *out = parts.epoch * SECOND_MS + parts.fraction_ms;
        return true;
    }
    stamp_t day;
    if (!parts.has_year)
        parts.year = nearest_year(state, (int)parts.month);
    if (!day_stamp(state, parts.year, parts.month, parts.day, &day))
        return false;
    int64_t clock = ((parts.hour * 60 + parts.minute) * 60 + parts.second) * SECOND_MS + parts.fraction_ms;
    *out = parts.has_zone ? day + clock - parts.zone * SECOND_MS : zoned(state, day, clock);
    return true;
}

const char *stamp_template_fault(const char *pattern)
{
    bool month = false, day = false, hour = false, minute = false, epoch = false;
    for (const char *p = pattern; *p; p++) {
        if (*p != '%')
            continue;
        p++;
        if (!*p || !strchr("YmdHMSfbsz%", *p))
            return "only %Y %m %d %H %M %S %f %b %s %z are known";
        month |= *p == 'm' || *p == 'b';
        day |= *p == 'd';
        hour |= *p == 'H';
        minute |= *p == 'M';
        epoch |= *p == 's';
    }
    return epoch || (month && day && hour && minute) ? NULL : "it tells no whole date: month, day, hour and minute, or %s, are needed";
}
