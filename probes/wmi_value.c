/* Values of WMI as WS-Management writes them: integers, booleans, dates in three styles. See wmi.h. */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "wmi_value.h"

static bool is_text(const struct wmi_property *property)
{
    return property->type == WMI_TEXT || property->type == WMI_NAME || property->type == WMI_LINK;
}

static void store(const struct wmi_property *property, void *row, int64_t value)
{
    unsigned char *at = (unsigned char *)row + property->offset;
    switch (property->size) {
    case 1:
        *at = (unsigned char)value;
        break;
    case 2:
        memcpy(at, &(uint16_t){(uint16_t)value}, 2);
        break;
    case 4:
        memcpy(at, &(uint32_t){(uint32_t)value}, 4);
        break;
    default:
        assert(property->size == sizeof value);
        memcpy(at, &value, sizeof value);
    }
}

void wmi_absent(const struct wmi_property *property, void *row)
{
    if (is_text(property))
        memset((char *)row + property->offset, 0, property->size);
    else if (property->type == WMI_SECOND_OF_DAY || (property->type == WMI_INTEGER && property->size == 4))
        store(property, row, -1);
    else
        store(property, row, property->type == WMI_INTEGER && property->size == 8 ? ABSENT : 0);
}

bool wmi_named(const struct wmi_property *properties, const void *row)
{
    for (; properties && properties->name; properties++)
        if (properties->type == WMI_NAME && !*((const char *)row + properties->offset))
            return false;
    return true;
}

static struct text trimmed(const char *value, size_t size)
{
    while (size && strchr(" \t\r\n", *value))
        value++, size--;
    while (size && strchr(" \t\r\n", value[size - 1]))
        size--;
    return (struct text){value, size};
}

/* An integer with an optional sign; false: none, or beyond 64 bits. */
static bool integer(struct text text, int64_t *out)
{
    bool negative = text.size && *text.data == '-';
    size_t at = text.size && (*text.data == '-' || *text.data == '+') ? 1 : 0;
    uint64_t value = 0;
    if (at == text.size || text.size - at > 19)
        return false;
    for (; at < text.size; at++) {
        if (text.data[at] < '0' || text.data[at] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[at] - '0');
    }
    if (value > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Can the field hold it? A field of four bytes is signed or not: what fits into either is kept, but -1 stays what means absent. */
static bool fits(uint16_t size, int64_t value)
{
    return size == 8   ? value != ABSENT
           : size == 4 ? value >= INT32_MIN && value <= INT32_MAX
                       : value >= 0 && value <= (size == 2 ? UINT16_MAX : UINT8_MAX);
}

/* Exactly `count` digits at `at`. */
static bool digits(struct text text, size_t at, size_t count, int *out)
{
    *out = 0;
    if (at + count > text.size)
        return false;
    for (size_t i = at; i < at + count; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (text.data[i] - '0');
    }
    return true;
}

struct date {
    int year, month, day, hour, minute, second, millisecond, zone_minutes;
    bool dated;
};

static bool clock_read(struct text text, size_t at, size_t colon, struct date *date)
{
    return digits(text, at, 2, &date->hour) && digits(text, at + 2 + colon, 2, &date->minute) &&
           digits(text, at + 4 + 2 * colon, 2, &date->second) && (!colon || (text.data[at + 2] == ':' && text.data[at + 5] == ':')) &&
           date->hour < 24 && date->minute < 60 && date->second < 61;
}

/* Z, +hh:mm (xs:dateTime) or +mmm (CIM); false: something else. */
static bool zone_read(struct text text, size_t at, struct date *date)
{
    int hours, minutes = 0;
    if (at == text.size || (text.data[at] == 'Z' && at + 1 == text.size))
        return true;
    if (text.data[at] != '+' && text.data[at] != '-')
        return false;
    bool unset = text.size == at + 4 && !memcmp(text.data + at + 1, "***", 3);
    if (digits(text, at + 1, 2, &hours) && text.size == at + 6 && text.data[at + 3] == ':' && digits(text, at + 4, 2, &minutes))
        minutes += 60 * hours;
    else if (!unset && !(text.size == at + 4 && digits(text, at + 1, 3, &minutes)))
        return false;
    date->zone_minutes = text.data[at] == '-' ? -minutes : minutes;
    return true;
}

/* 2026-11-22T08:00:00.5+01:00, 08:00:00, and CIM's 20261122080000.000000+060 with asterisks for what is not set. */
static bool date_read(struct text text, struct date *date)
{
    memset(date, 0, sizeof *date);
    bool iso = text.size > 10 && text.data[10] == 'T', plain = text.size > 2 && text.data[2] == ':';
    size_t at = iso ? 11 : plain ? 0 : 8, end = at + (iso || plain ? 8 : 6);
    if (!clock_read(text, at, iso || plain, date))
        return false;
    if (iso)
        date->dated = digits(text, 0, 4, &date->year) && text.data[4] == '-' && digits(text, 5, 2, &date->month) && text.data[7] == '-' &&
                      digits(text, 8, 2, &date->day);
    else if (!plain)
        date->dated = digits(text, 0, 4, &date->year) && digits(text, 4, 2, &date->month) && digits(text, 6, 2, &date->day);
    if (end < text.size && text.data[end] == '.') {
        int scale = 100;
        for (end++; end < text.size && ((text.data[end] >= '0' && text.data[end] <= '9') || text.data[end] == '*'); end++, scale /= 10)
            date->millisecond += text.data[end] == '*' ? 0 : scale * (text.data[end] - '0');
    }
    return zone_read(text, end, date);
}

/* Days since 1970 of a day of the Gregorian calendar; years begin in March, so that leap days come last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t shifted = month <= 2 ? year - 1 : year, era = (shifted >= 0 ? shifted : shifted - 399) / 400, of_era = shifted - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t stamp_of(const struct date *date)
{
    if (!date->dated || date->year < 1970 || date->month < 1 || date->month > 12 || date->day < 1 || date->day > 31)
        return 0; /* what is not set comes as a year long ago */
    int64_t seconds = days_of(date->year, date->month, date->day) * 86400 + date->hour * 3600 + date->minute * 60 + date->second;
    return (seconds - date->zone_minutes * 60) * 1000 + date->millisecond;
}

static void text_store(const struct wmi_property *property, char *out, const char *value, size_t size)
{
    size_t most = property->size - 1U;
    if (*out)
        return;
    if (size > most && property->type != WMI_TEXT)
        return;
    if (size > most)
        for (size = most; size && ((uint8_t)value[size] & 0xc0) == 0x80;)
            size--;
    memcpy(out, value, size);
    out[size] = '\0';
}

void wmi_value(const struct wmi_property *property, void *row, const char *value, size_t size)
{
    struct text text = trimmed(value, size);
    struct date date;
    int64_t number;
    switch (property->type) {
    case WMI_TEXT:
    case WMI_NAME:
    case WMI_LINK:
        text_store(property, (char *)row + property->offset, value, size);
        break;
    case WMI_INTEGER:
        if (integer(text, &number) && fits(property->size, number))
            store(property, row, number);
        break;
    case WMI_BOOLEAN:
        if ((text.size == 4 && !strncasecmp(text.data, "true", 4)) || (text.size == 1 && *text.data == '1'))
            store(property, row, YES);
        else if ((text.size == 5 && !strncasecmp(text.data, "false", 5)) || (text.size == 1 && *text.data == '0'))
            store(property, row, NO);
        break;
    case WMI_WORD:
        for (int64_t i = 0; property->words && property->words[i]; i++)
            if (strlen(property->words[i]) == text.size && !strncasecmp(property->words[i], text.data, text.size))
                store(property, row, i + 1);
        break;
    case WMI_SECOND_OF_DAY:
        if (date_read(text, &date))
            store(property, row, date.hour * 3600 + date.minute * 60 + date.second);
        break;
    case WMI_STAMP:
        if (date_read(text, &date))
            store(property, row, stamp_of(&date));
        break;
    }
}
