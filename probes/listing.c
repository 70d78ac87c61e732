/* Folder listings. See listing.h. */
#include <string.h>

#include "conversation.h"
#include "listing.h"

enum { TOKENS_MAX = 9 };
#define YEAR_9999 INT64_C(253402300799000)

struct date {
    int32_t year, month, day, hour, minute, second;
};

/* Days since 1970 of a Gregorian date. */
static int64_t days_of(int32_t year, int32_t month, int32_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, year_of_era = y % 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* 0 = no such date */
static stamp_t stamp_of(const struct date *date)
{
    if (date->year < 1970 || date->month < 1 || date->month > 12 || date->day < 1 || date->day > 31 || date->hour > 23 ||
        date->minute > 59 || date->second > 60)
        return 0;
    int64_t seconds = days_of(date->year, date->month, date->day) * 86400 + date->hour * 3600 + date->minute * 60 + date->second;
    return seconds * 1000;
}

/* Exactly `digits` digits; -1 = they are not there. */
static int32_t number(const char *data, size_t size, size_t at, size_t digits)
{
    int32_t value = 0;
    if (at + digits > size)
        return -1;
    for (size_t i = at; i < at + digits; i++) {
        if (data[i] < '0' || data[i] > '9')
            return -1;
        value = value * 10 + (data[i] - '0');
    }
    return value;
}

static void count(struct listing *listing, stamp_t modified)
{
    listing->entries++;
    if (modified && (!listing->oldest || modified < listing->oldest))
        listing->oldest = modified;
}

static bool fact_is(const char *fact, size_t size, const char *name)
{
    size_t length = strlen(name);
    return size >= length && mentions(fact, length, name);
}

/* "Type=file;Size=25;Modify=20261122202034; orders.csv" */
static bool machine_line(struct listing *listing, const char *line, size_t size)
{
    const char *space = memchr(line, ' ', size);
    const char *end = space ? space : line + size; /* facts alone fill the buffer: the name was cut off */
    bool file = true, facts = false;
    stamp_t modified = 0;
    for (const char *fact = line; fact < end;) {
        const char *stop = memchr(fact, ';', (size_t)(end - fact));
        size_t length = (size_t)((stop ? stop : end) - fact);
        facts |= memchr(fact, '=', length) != NULL;
        if (fact_is(fact, length, "type="))
            file = fact_is(fact, length, "type=file") || fact_is(fact, length, "type=os.unix=s");
        if (fact_is(fact, length, "modify=")) {
            struct date date = {number(fact, length, 7, 4),  number(fact, length, 11, 2), number(fact, length, 13, 2),
                                number(fact, length, 15, 2), number(fact, length, 17, 2), number(fact, length, 19, 2)};
            modified = date.hour < 0 || date.minute < 0 || date.second < 0 ? 0 : stamp_of(&date);
        }
        fact = stop ? stop + 1 : end;
    }
    if (facts && file)
        count(listing, modified);
    return facts;
}

static size_t split(const char *line, size_t size, struct text tokens[TOKENS_MAX])
{
    size_t found = 0;
    for (size_t at = 0; at < size && found < TOKENS_MAX;) {
        while (at < size && line[at] == ' ')
            at++;
        size_t start = at;
        while (at < size && line[at] != ' ')
            at++;
        if (at > start)
            tokens[found++] = (struct text){line + start, at - start};
    }
    return found;
}

static int32_t month_of(const struct text *token)
{
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (token->size == 3)
        for (int32_t month = 0; month < 12; month++)
            if (mentions(token->data, 3, (const char[]){months[3 * month], months[3 * month + 1], months[3 * month + 2], '\0'}))
                return month + 1;
    return 0;
}

/* "Nov 22 20:20" of the last twelve months, or "Nov 22 2025" */
static stamp_t unix_date(const struct text *token, stamp_t now)
{
    if (token[1].size > 2)
        return 0;
    struct date date = {.month = month_of(&token[0]), .day = number(token[1].data, token[1].size, 0, token[1].size)};
    date.year = number(token[2].data, token[2].size, 0, 4);
    if (token[2].size == 4)
        return stamp_of(&date);
    if (token[2].size != 5 || token[2].data[2] != ':' || now <= 0 || now > YEAR_9999)
        return 0;
    date.hour = number(token[2].data, token[2].size, 0, 2);
    date.minute = number(token[2].data, token[2].size, 3, 2);
    if (date.hour < 0 || date.minute < 0)
        return 0;
    date.year = 1970 + (int32_t)(now / 86400000 / 365);
    while (date.year > 1970 && stamp_of(&date) > now + 86400000) /* a day for zones and clocks */
        date.year--;
    return stamp_of(&date);
}

/* "-rw-r--r--   1 1000  1000   108894 Nov 22 20:20 orders.csv" */
static bool unix_line(struct listing *listing, const char *line, size_t size, stamp_t now)
{
    struct text tokens[TOKENS_MAX];
    size_t found = split(line, size, tokens);
    if (found < 5 || tokens[0].size < 10 || !memchr("-dlbcps", line[0], 7) || !memchr("r-", line[1], 2))
        return false;
    if (line[0] != '-' && line[0] != 'l')
        return true;
    stamp_t modified = 0;
    for (size_t i = 2; i + 2 < found && !modified; i++)
        if (month_of(&tokens[i]))
            modified = unix_date(&tokens[i], now);
    count(listing, modified);
    return true;
}

/* "11-22-26  08:20PM       108894 orders.csv", the year also in four digits, "<DIR>" in place of the size */
static bool windows_line(struct listing *listing, const char *line, size_t size)
{
    struct text tokens[TOKENS_MAX];
    if (split(line, size, tokens) < 4 || tokens[0].size < 8 || tokens[0].size > 10 || tokens[0].data[2] != '-' ||
        tokens[0].data[5] != '-' || tokens[1].size < 5 || tokens[1].data[2] != ':')
        return false;
    const char *day = tokens[0].data, *time = tokens[1].data;
    struct date date = {.month = number(day, tokens[0].size, 0, 2),
                        .day = number(day, tokens[0].size, 3, 2),
                        .year = number(day, tokens[0].size, 6, tokens[0].size - 6),
                        .hour = number(time, tokens[1].size, 0, 2),
                        .minute = number(time, tokens[1].size, 3, 2)};
    if (date.month < 0 || date.day < 0 || date.year < 0 || date.hour < 0 || date.minute < 0)
        return false;
    if (tokens[0].size == 8)
        date.year += date.year < 70 ? 2000 : 1900;
    if (tokens[1].size == 7)
        date.hour = date.hour % 12 + (mentions(time + 5, 2, "pm") ? 12 : 0);
    if (!(tokens[2].size == 5 && mentions(tokens[2].data, 5, "<dir>")))
        count(listing, stamp_of(&date));
    return true;
}

static void take_line(struct listing *listing, stamp_t now)
{
    const char *line = listing->line;
    size_t size = listing->line_size;
    listing->line_size = 0;
    while (size && (line[size - 1] == '\r' || line[size - 1] == ' '))
        size--;
    if (!size)
        return;
    bool known = listing->machine
                     ? machine_line(listing, line, size)
                     : unix_line(listing, line, size, now) || windows_line(listing, line, size) || (size > 6 && !memcmp(line, "total ", 6));
    listing->alien += !known;
}

void listing_feed(struct listing *listing, const char *data, size_t size, stamp_t now)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n')
            take_line(listing, now);
        else if (listing->line_size < sizeof listing->line)
            listing->line[listing->line_size++] = data[i];
    }
}

void listing_end(struct listing *listing, stamp_t now)
{
    take_line(listing, now);
}
