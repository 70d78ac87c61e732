/* Owns the blocks of one configuration. Must not know what lies in them. */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024 };

struct block {
    struct block *next;
    size_t size, used;
    max_align_t bytes[];
};

struct arena {
    struct block *newest;
};

struct arena *arena_open(void)
{
    struct arena *arena = calloc(1, sizeof(*arena));
    if (!arena)
        abort();
    return arena;
}

void *arena_take(struct arena *arena, size_t size)
{
    const size_t align = sizeof(max_align_t);
    if (size > SIZE_MAX / 2)
        abort();
    size = (size + align - 1) / align * align;
    struct block *block = arena->newest;
    if (!block || block->size - block->used < size) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = calloc(1, sizeof(*block) + room);
        if (!block)
            abort();
        block->size = room;
        block->next = arena->newest;
        arena->newest = block;
    }
    void *taken = (char *)block->bytes + block->used;
    block->used += size;
    return taken;
}

char *arena_text(struct arena *arena, const char *data, size_t size)
{
    char *copy = arena_take(arena, size + 1);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

char *arena_print(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = arena_take(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void arena_close(struct arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->newest, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}
