/* Addresses, read and written without inet_pton: probes stay pure. IPv4 is kept mapped (::ffff:a.b.c.d). */
#include "line.h"

static bool four_read(const char *data, size_t size, uint8_t *out)
{
    struct cursor cursor = {data, data + size};
    for (int i = 0; i < 4; i++) {
        int64_t number;
        if ((i && !cursor_skip(&cursor, ".")) || !cursor_number(&cursor, 3, &number) || number > 255)
            return false;
        out[i] = (uint8_t)number;
    }
    return cursor.at == cursor.end;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Groups before and after "::" are collected one after the other, then the gap is opened. */
static bool six_read(const char *data, size_t size, uint8_t *out)
{
    uint8_t bytes[16] = {0};
    size_t used = 0, gap = SIZE_MAX, i = 0;
    if (size >= 2 && data[0] == ':' && data[1] == ':') {
        gap = 0;
        i = 2;
    }
    while (i < size) {
        size_t start = i;
        unsigned value = 0;
        for (; i < size && i - start < 4 && hex_value(data[i]) >= 0; i++)
            value = value << 4 | (unsigned)hex_value(data[i]);
        if (i < size && data[i] == '.') {
            if (used > 12 || !four_read(data + start, size - start, bytes + used))
                return false;
            used += 4;
            break;
        }
        if (i == start || used > 14)
            return false;
        bytes[used++] = (uint8_t)(value >> 8);
        bytes[used++] = (uint8_t)(value & 255U);
        if (i == size)
            break;
        if (data[i++] != ':' || i == size)
            return false;
        if (data[i] == ':') {
            if (gap != SIZE_MAX)
                return false;
            gap = used;
            i++;
        }
    }
    if (gap == SIZE_MAX ? used != 16 : used > 14)
        return false;
    memset(out, 0, 16);
    if (gap == SIZE_MAX)
        gap = used;
    memcpy(out, bytes, gap);
    memcpy(out + 16 - (used - gap), bytes + gap, used - gap);
    return true;
}

bool address_parse(const char *data, size_t size, struct address *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (size >= 2 && data[0] == '[' && data[size - 1] == ']')
        return address_parse(data + 1, size - 2, out);
    if (size < 2 || size > 45)
        return false;
    if (memchr(data, ':', size))
        return six_read(data, size, out->bytes);
    uint8_t four[4];
    if (!four_read(data, size, four))
        return false;
    memcpy(out->bytes, mapped, sizeof mapped);
    memcpy(out->bytes + 12, four, sizeof four);
    return true;
}

static char *number_put(char *at, unsigned number)
{
    if (number >= 100)
        *at++ = (char)('0' + number / 100);
    if (number >= 10)
        *at++ = (char)('0' + number / 10 % 10);
    *at++ = (char)('0' + number % 10);
    return at;
}

static char *hex_put(char *at, unsigned group)
{
    bool begun = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = group >> shift & 15U;
        begun |= digit || shift == 0;
        if (begun)
            *at++ = "0123456789abcdef"[digit];
    }
    return at;
}

/* The longest run of at least two zero groups becomes "::", as RFC 5952 wants it. */
static void longest_zeros(const unsigned *groups, int *start, int *count)
{
    *start = -1;
    *count = 1;
    for (int i = 0; i < 8; i++) {
        int run = 0;
        while (i + run < 8 && !groups[i + run])
            run++;
        if (run > *count) {
            *start = i;
            *count = run;
        }
        i += run;
    }
}

const char *address_text(const struct address *address, char *buffer)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char *at = buffer;
    if (memcmp(address->bytes, mapped, sizeof mapped) == 0) {
        for (int i = 12; i < 16; i++) {
            if (i > 12)
                *at++ = '.';
            at = number_put(at, address->bytes[i]);
        }
        *at = '\0';
        return buffer;
    }
    unsigned groups[8];
    for (int i = 0; i < 8; i++)
        groups[i] = (unsigned)address->bytes[i * 2] << 8 | address->bytes[i * 2 + 1];
    int start, count;
    longest_zeros(groups, &start, &count);
    for (int i = 0; i < 8; i++) {
        if (i == start) {
            *at++ = ':';
            *at++ = ':';
            i += count - 1;
            continue;
        }
        if (i && i != start + count)
            *at++ = ':';
        at = hex_put(at, groups[i]);
    }
    *at = '\0';
    return buffer;
}
