/* One snapshot in the making: what the files that fill it share. Nobody else includes this. */
#ifndef SOLOWARDEN_SHOW_PUBLISH_ROUND_H
#define SOLOWARDEN_SHOW_PUBLISH_ROUND_H

#include <string.h>

#include "publish.h"

struct round {
    struct publisher *publisher;
    const struct policy *policy;
    const struct model *model;
    struct snapshot_writer *writer;
    msec_t now;
    int64_t wall_offset;
};

static inline uint32_t seconds(const struct round *round, msec_t at)
{
    return at ? (uint32_t)((at + round->wall_offset) / 1000) : 0;
}

static inline uint8_t truth(bool value)
{
    return value ? 1 : 2;
}

/* There may be tens of thousands of rows each second: no formatting where a copy will do. */
static inline void copy(char *out, size_t size, const char *text)
{
    size_t length = text ? strnlen(text, size - 1) : 0;
    memcpy(out, text ? text : "", length);
    out[length] = '\0';
}

#define COPY(member, text) copy((member), sizeof(member), (text))

static inline uint8_t level(uint8_t verdict)
{
    return verdict == YES ? LEVEL_UP : verdict == NO ? LEVEL_DOWN : LEVEL_UNKNOWN;
}

/* publish_estate.c: what was found in Windows clusters */
void publish_estate_capacity(const struct publisher *publisher, uint32_t capacity[TABLES]);
void publish_clusters(const struct round *round);
void publish_estates(const struct round *round);

#endif
