/* A text that grows. Knows nothing of what is written. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_reserve(struct text *text, size_t more)
{
    if (text->too_long || more > TEXT_MAX - text->length - 1) {
        text->too_long = true;
        return false;
    }
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 4096;
    while (capacity < needed)
        capacity *= 2;
    char *bytes = realloc(text->bytes, capacity);
    if (!bytes)
        abort();
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    if (!text_reserve(text, length))
        return;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *more)
{
    text_add_bytes(text, more, strlen(more));
}

void text_format(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && text_reserve(text, (size_t)length)) {
        vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

static const char *escape(char character)
{
    switch (character) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#13;";
    default:
        return (unsigned char)character < ' ' && character != '\t' && character != '\n' ? "?" : NULL;
    }
}

void text_add_escaped(struct text *text, const char *more)
{
    const char *plain = more;
    for (; *more; more++) {
        const char *escaped = escape(*more);
        if (!escaped)
            continue;
        text_add_bytes(text, plain, (size_t)(more - plain));
        text_add(text, escaped);
        plain = more + 1;
    }
    text_add_bytes(text, plain, (size_t)(more - plain));
}

void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}
