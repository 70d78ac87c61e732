/* See dialogue.h. */
#include <string.h>

#include "dialogue.h"
#include "memory.h"

enum { TEXT_FIRST = 256 };

void dialogue_begin(struct dialogue *dialogue, enum expect expect, size_t limit)
{
    dialogue_end(dialogue);
    dialogue->expect = (uint8_t)expect;
    dialogue->limit = limit ? limit : REPLY_LIMIT_PRESET;
}

void dialogue_end(struct dialogue *dialogue)
{
    free(dialogue->text);
    memset(dialogue, 0, sizeof *dialogue);
}

static bool append(struct dialogue *dialogue, const char *data, size_t size)
{
    if (size > dialogue->limit - dialogue->size)
        return false;
    if (dialogue->size + size > dialogue->capacity) {
        size_t capacity = dialogue->capacity ? dialogue->capacity : TEXT_FIRST;
        while (capacity < dialogue->size + size)
            capacity *= 2;
        dialogue->text = memory_resized(dialogue->text, capacity);
        dialogue->capacity = capacity;
    }
    if (size > 0)
        memcpy(dialogue->text + dialogue->size, data, size);
    dialogue->size += size;
    return true;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* RFC 959: the last line of "123-…" is the one that begins with "123 ". A first line that is no reply ends it, for the probe to judge. */
static bool ftp_ends(struct dialogue *dialogue, const char *line, size_t length)
{
    if (!dialogue->many) {
        bool code = length >= 3 && is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2]);
        dialogue->many = code && length > 3 && line[3] == '-';
        return !dialogue->many;
    }
    return length >= 3 && !memcmp(line, dialogue->text, 3) && (length == 3 || line[3] == ' ');
}

/* RFC 1939. The terminating dot is no part of the reply. */
static bool dot_ends(struct dialogue *dialogue, const char *line, size_t length)
{
    if (!dialogue->many) {
        dialogue->many = length >= 3 && !memcmp(line, "+OK", 3);
        return !dialogue->many;
    }
    if (!dialogue->stuffed || length > 0)
        return false;
    dialogue->size = dialogue->line_begin;
    return true;
}

/* The line that begins at line_begin has come to its end. */
static bool line_ends_reply(struct dialogue *dialogue)
{
    const char *line = dialogue->text + dialogue->line_begin;
    size_t length = dialogue->size - dialogue->line_begin - 1;
    bool ends = true;
    if (dialogue->expect == EXPECT_FTP)
        ends = ftp_ends(dialogue, line, length);
    else if (dialogue->expect == EXPECT_DOT)
        ends = dot_ends(dialogue, line, length);
    dialogue->line_begin = dialogue->size;
    dialogue->line_length = 0;
    dialogue->stuffed = false;
    return ends;
}

/* Text up to, but without, the next line end. A CR is held back; it is text when no LF follows it. */
static uint16_t take_text(struct dialogue *dialogue, const char *data, size_t size)
{
    dialogue->line_length += size;
    if (dialogue->line_length > REPLY_LINE_MAX)
        return REASON_LINE_TOO_LONG;
    if (dialogue->carriage && !append(dialogue, "\r", 1))
        return REASON_REPLY_TOO_LARGE;
    dialogue->carriage = false;
    if (dialogue->expect == EXPECT_DOT && dialogue->many && dialogue->line_length == size && data[0] == '.') {
        dialogue->stuffed = true;
        data++;
        size--;
    }
    if (size > 0 && data[size - 1] == '\r') {
        dialogue->carriage = true;
        size--;
    }
    return append(dialogue, data, size) ? REASON_NONE : REASON_REPLY_TOO_LARGE;
}

static uint16_t feed_any(struct dialogue *dialogue, const char *data, size_t size, size_t *used)
{
    if (size == 0)
        return REASON_NONE;
    *used = size < dialogue->limit ? size : dialogue->limit;
    append(dialogue, data, *used);
    return REASON_OK;
}

uint16_t dialogue_feed(struct dialogue *dialogue, const char *data, size_t size, size_t *used)
{
    *used = 0;
    if (dialogue->expect == EXPECT_NOTHING)
        return REASON_OK;
    if (dialogue->expect == EXPECT_ANY)
        return feed_any(dialogue, data, size, used);
    while (*used < size) {
        const char *begin = data + *used;
        const char *end = memchr(begin, '\n', size - *used);
        size_t length = end ? (size_t)(end - begin) : size - *used;
        uint16_t reason = length > 0 ? take_text(dialogue, begin, length) : REASON_NONE;
        if (reason != REASON_NONE)
            return reason;
        *used += length;
        if (!end)
            break;
        *used += 1;
        dialogue->carriage = false;
        if (!append(dialogue, "\n", 1))
            return REASON_REPLY_TOO_LARGE;
        if (line_ends_reply(dialogue))
            return REASON_OK;
    }
    return REASON_NONE;
}
