/* Meanings of single values. Must not know where they stand. */
#include "values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "probes/formats.h"

static bool one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static bool is_number(const char *text)
{
    static const char *const specials[] = {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", NULL};
    const char *at = text + (*text == '-' || *text == '+');
    if (one_of(at, specials))
        return true;
    if (strncmp(at, "0x", 2) == 0 && at[2])
        return strspn(at + 2, "0123456789abcdefABCDEF") == strlen(at + 2);
    if (strncmp(at, "0o", 2) == 0 && at[2])
        return strspn(at + 2, "01234567") == strlen(at + 2);
    size_t whole = strspn(at, "0123456789"), fraction = 0;
    at += whole;
    if (*at == '.') {
        fraction = strspn(++at, "0123456789");
        at += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '-' || *at == '+';
        size_t exponent = strspn(at, "0123456789");
        if (!exponent)
            return false;
        at += exponent;
    }
    return *at == '\0';
}

enum scalar_kind scalar_kind(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    if (one_of(text, nulls))
        return SCALAR_NULL;
    if (one_of(text, bools))
        return SCALAR_BOOL;
    return is_number(text) ? SCALAR_NUMBER : SCALAR_TEXT;
}

static bool digits_parse(const char *text, size_t size, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = 0; i < size; i++)
        if (!isdigit((unsigned char)text[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text[i] - '0', &value))
            return false;
    *out = value;
    return size > 0;
}

bool integer_parse(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    text += negative || *text == '+';
    if (!digits_parse(text, strlen(text), out))
        return false;
    *out = negative ? -*out : *out;
    return true;
}

static const struct {
    const char *unit;
    int64_t milliseconds;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

bool duration_parse(const char *text, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(text + digits, units[i].unit) == 0)
            return digits_parse(text, digits, out) && !__builtin_mul_overflow(*out, units[i].milliseconds, out);
    return false;
}

const char *duration_text(int64_t milliseconds, char buffer[DURATION_TEXT_BYTES])
{
    size_t unit = 0;
    while (milliseconds % units[unit].milliseconds || (milliseconds == 0 && unit < 3))
        unit++;
    snprintf(buffer, DURATION_TEXT_BYTES, "%" PRId64 "%s", milliseconds / units[unit].milliseconds, units[unit].unit);
    return buffer;
}

bool prefix_parse(const char *text, struct address *address, uint8_t *bits)
{
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    if (text[0] == '[' || !address_parse(text, size, address)) /* brackets belong to logs and URLs */
        return false;
    bool four = !memchr(text, ':', size);
    int64_t given = four ? 32 : 128;
    if (slash && (!digits_parse(slash + 1, strlen(slash + 1), &given) || given > (four ? 32 : 128)))
        return false;
    *bits = (uint8_t)(given + (four ? 96 : 0));
    return true;
}

bool prefix_has_host_bits(const struct address *address, uint8_t bits)
{
    for (unsigned bit = bits; bit < 128; bit++)
        if (address->bytes[bit / 8] & (0x80U >> bit % 8))
            return true;
    return false;
}

static bool made_of(const char *text, const char *others, size_t most)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++)
        if (!(isascii((unsigned char)text[i]) && isalnum((unsigned char)text[i])) && !strchr(others, text[i]))
            return false;
    return size >= 1 && size <= most;
}

bool name_valid(const char *text)
{
    return made_of(text, "._-", 64);
}

bool host_valid(const char *text)
{
    struct address address;
    if (strchr(text, ':'))
        return text[0] != '[' && address_parse(text, strlen(text), &address);
    return made_of(text, ".-_", 253) && text[0] != '-' && text[0] != '.';
}

bool zone_parse(const char *text, bool *local, int32_t *seconds)
{
    *local = strcmp(text, "local") == 0;
    *seconds = 0;
    if (*local || strcmp(text, "UTC") == 0 || strcmp(text, "Z") == 0)
        return true;
    int64_t hours, minutes;
    if (strlen(text) != 6 || !strchr("+-", text[0]) || text[3] != ':' || !digits_parse(text + 1, 2, &hours) ||
        !digits_parse(text + 4, 2, &minutes) || hours > 14 || minutes > 59)
        return false;
    *seconds = (int32_t)(hours * 3600 + minutes * 60) * (text[0] == '-' ? -1 : 1);
    return true;
}
