/* Performance data. See perfdata.h. */
#include <string.h>

#include "conversation.h"
#include "perfdata.h"

struct cursor {
    const char *at, *end;
};

static bool blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool digit(const struct cursor *cursor)
{
    return cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
}

static void skip_word(struct cursor *cursor)
{
    while (cursor->at < cursor->end && !blank(*cursor->at))
        cursor->at++;
}

/* label or 'label with spaces and ''quotes'''; leaves the cursor behind '='. Metrics and MIB take it as it is: printable only. */
static bool label(struct cursor *cursor, char *out, size_t out_size)
{
    bool quoted = cursor->at < cursor->end && *cursor->at == '\'';
    size_t used = 0;
    cursor->at += quoted;
    for (; cursor->at < cursor->end; cursor->at++) {
        char byte = *cursor->at;
        if (quoted && byte == '\'') {
            if (cursor->end - cursor->at < 2 || cursor->at[1] != '\'') {
                cursor->at++;
                break;
            }
            cursor->at++;
        } else if (byte == '\n' || (!quoted && (byte == '=' || blank(byte)))) {
            break;
        }
        if (used < out_size - 1)
            out[used++] = byte > ' ' && byte < 0x7f ? byte : '_';
    }
    out[used] = '\0';
    if (!used || cursor->at >= cursor->end || *cursor->at != '=')
        return false;
    cursor->at++;
    return true;
}

/* Decimal number without the locale's say; exponents beyond any sensible figure are refused. */
static bool decimal(struct cursor *cursor, double *out)
{
    bool negative = cursor->at < cursor->end && *cursor->at == '-';
    double value = 0, scale = 1;
    unsigned digits = 0, exponent = 0;
    if (cursor->at < cursor->end && (*cursor->at == '-' || *cursor->at == '+'))
        cursor->at++;
    for (; digit(cursor); cursor->at++, digits++)
        value = value * 10 + (*cursor->at - '0');
    if (cursor->at < cursor->end && *cursor->at == '.')
        for (cursor->at++; digit(cursor); cursor->at++, digits++) {
            value = value * 10 + (*cursor->at - '0');
            scale *= 10;
        }
    if (!digits || digits > 40)
        return false;
    struct cursor power = *cursor;
    if (power.at < power.end && (*power.at == 'e' || *power.at == 'E')) {
        power.at++;
        bool down = power.at < power.end && *power.at == '-';
        if (power.at < power.end && (*power.at == '-' || *power.at == '+'))
            power.at++;
        bool any = digit(&power);
        for (; digit(&power) && exponent <= 99; power.at++)
            exponent = exponent * 10 + (unsigned)(*power.at - '0');
        if (exponent > 99)
            return false;
        for (unsigned i = 0; any && i < exponent; i++)
            *(down ? &scale : &value) *= 10;
        if (any)
            *cursor = power;
    }
    *out = (negative ? -value : value) / scale;
    return true;
}

static bool unit(struct cursor *cursor, char *out, size_t out_size)
{
    size_t used = 0;
    for (; cursor->at < cursor->end && *cursor->at != ';' && !blank(*cursor->at); cursor->at++) {
        char byte = *cursor->at;
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '%' || byte == '/';
        if (!letter || used == out_size - 1)
            return false;
        out[used++] = byte;
    }
    out[used] = '\0';
    return true;
}

void perfdata_parse(const char *data, size_t size, struct seen *seen)
{
    struct cursor cursor = {data, data + size};
    while (seen->perf_count < PERF_MAX) {
        while (cursor.at < cursor.end && blank(*cursor.at))
            cursor.at++;
        if (cursor.at == cursor.end)
            return;
        struct perf perf;
        /* the value "U" means that the plugin could not tell: it fails here like any other word */
        if (label(&cursor, perf.label, sizeof perf.label) && decimal(&cursor, &perf.value) && unit(&cursor, perf.unit, sizeof perf.unit))
            seen_perf(seen, perf.label, perf.unit, perf.value);
        skip_word(&cursor);
    }
}
