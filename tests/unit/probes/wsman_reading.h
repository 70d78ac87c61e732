/* What the reader of WS-Management says of a reply, written down: for its tests and its fuzzer. Memory is counted and bounded. */
#ifndef SOLOWARDEN_TESTS_WSMAN_READING_H
#define SOLOWARDEN_TESTS_WSMAN_READING_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/wsman.h"

enum { READING_MAX = 4 << 20 };

struct counted_memory {
    struct bounded_memory memory;
    size_t used, limit, most;
    unsigned blocks;
};

static inline void *counted_allocate(size_t size, void *context)
{
    struct counted_memory *counted = context;
    if (size > counted->limit - counted->used)
        return NULL;
    max_align_t *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    counted->used += size;
    counted->most = counted->used > counted->most ? counted->used : counted->most;
    counted->blocks++;
    return block + 1;
}

static inline void counted_release(void *block, void *context)
{
    struct counted_memory *counted = context;
    max_align_t *begin = block;
    size_t size;
    if (!block)
        return;
    begin--;
    memcpy(&size, begin, sizeof size);
    counted->used -= size;
    counted->blocks--;
    free(begin);
}

static inline void counted_memory(struct counted_memory *counted, size_t limit)
{
    *counted = (struct counted_memory){.memory = {counted_allocate, counted_release, counted}, .limit = limit};
}

struct reading {
    char *text;
    size_t size;
    bool inside; /* an item has begun */
};

__attribute__((format(printf, 2, 3))) static inline void reading_put(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(reading->text + reading->size, READING_MAX - reading->size, format, arguments);
    va_end(arguments);
    if (size > 0)
        reading->size += (size_t)size < READING_MAX - reading->size ? (size_t)size : READING_MAX - reading->size - 1;
}

static inline void reading_item(void *context, const char *class_name)
{
    struct reading *reading = context;
    if (reading->inside)
        abort();
    reading->inside = true;
    reading_put(reading, "item %s\n", class_name);
}

static inline void reading_property(void *context, const char *path, const char *value, size_t size, bool nil)
{
    struct reading *reading = context;
    if (!reading->inside || strlen(value) != size || size > WSMAN_TEXT_MAX)
        abort();
    reading_put(reading, "  %s%s%s\n", path, nil ? " nil" : " = ", value);
}

static inline void reading_item_end(void *context)
{
    struct reading *reading = context;
    if (!reading->inside)
        abort();
    reading->inside = false;
    reading_put(reading, "end\n");
}

/* Reads a reply in pieces of `piece` bytes and writes all that was said of it; the memory must come back. */
static inline void reading_of(struct reading *reading, struct counted_memory *counted, const char *data, size_t size, size_t piece,
                              int http_status, const char *expected, struct wsman_reply *reply)
{
    static const struct wsman_hooks hooks = {reading_item, reading_property, reading_item_end};
    static const char *const kinds[] = {"nothing", "identified", "enumerated", "pulled", "released", "got", "output", "fault"};
    reading->size = 0;
    reading->inside = false;
    memset(reply, 0, sizeof *reply);
    struct wsman_reader *reader = wsman_reader_open(&counted->memory, &hooks, reading, expected);
    if (!reader) {
        reply->reason = REASON_NO_RESOURCES;
        return;
    }
    bool good = true;
    for (size_t at = 0; at < size && good; at += piece) {
        /* the exact size, so that a read beyond it is seen */
        size_t length = size - at < piece ? size - at : piece;
        char *exact = malloc(length);
        if (!exact)
            abort();
        memcpy(exact, data + at, length);
        good = wsman_reader_feed(reader, exact, length);
        free(exact);
    }
    wsman_reader_end(reader, http_status, reply);
    wsman_reader_close(reader);
    reading_put(reading, "%s %s%s\n", kinds[reply->kind], reason_name(reply->reason), reply->ended ? " ended" : "");
    reading_put(reading, "items %u cut %u\n", reply->items, reply->cut);
    if (*reply->context)
        reading_put(reading, "context %s\n", reply->context);
    if (*reply->relates_to)
        reading_put(reading, "relates to %s\n", reply->relates_to);
    if (*reply->vendor)
        reading_put(reading, "product %s, %s\n", reply->vendor, reply->version);
    if (reply->fault_code || *reply->subcode || *reply->text)
        reading_put(reading, "fault %u %s: %s\n", reply->fault_code, reply->subcode, reply->text);
    if (reply->has_return)
        reading_put(reading, "returned %llu\n", (unsigned long long)reply->returned);
}

#endif
