/* See finder.h: open addressing over twice as many slots as rows. */
#include "finder.h"

#include <stdint.h>
#include <stdlib.h>

#include "agent/core/estate.h"

struct finder {
    size_t mask, used;
    struct {
        const char *name, *second;
        void *row;
    } slots[];
};

static uint64_t fold(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        hash = (hash ^ (byte >= 'A' && byte <= 'Z' ? byte + 32U : byte)) * 1099511628211U;
    }
    return hash;
}

static size_t slot_of(const struct finder *finder, const char *name, const char *second)
{
    size_t at = (size_t)fold(fold(14695981039346656037U, name) * 31, second) & finder->mask;
    while (finder->slots[at].row && !(names_equal(finder->slots[at].name, name) && names_equal(finder->slots[at].second, second)))
        at = (at + 1) & finder->mask;
    return at;
}

struct finder *finder_open(size_t rows)
{
    size_t size = 16;
    while (size < 2 * rows)
        size *= 2;
    struct finder *finder = calloc(1, sizeof *finder + size * sizeof finder->slots[0]);
    if (finder)
        finder->mask = size - 1;
    return finder;
}

void finder_put(struct finder *finder, const char *name, const char *second, void *row)
{
    if (!finder || finder->used >= finder->mask)
        return;
    size_t at = slot_of(finder, name, second);
    finder->used += !finder->slots[at].row;
    finder->slots[at].name = name;
    finder->slots[at].second = second;
    finder->slots[at].row = row;
}

void *finder_get(const struct finder *finder, const char *name, const char *second)
{
    return finder ? finder->slots[slot_of(finder, name, second)].row : NULL;
}

void finder_close(struct finder *finder)
{
    free(finder);
}
