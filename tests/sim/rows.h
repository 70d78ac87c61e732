/* Lists of found rows, fed as a probe would. Header and body in one: included by one test program each. */
#ifndef SOLOWARDEN_TESTS_SIM_ROWS_H
#define SOLOWARDEN_TESTS_SIM_ROWS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/estate.h"

static size_t rows_allocated, rows_limit; /* blocks; limit 0 = none */

static inline void *rows_allocate(size_t size, void *context)
{
    (void)context;
    if (rows_limit && rows_allocated >= rows_limit)
        return NULL;
    rows_allocated++;
    return malloc(size);
}

static inline void rows_release(void *block, void *context)
{
    (void)context;
    rows_allocated--;
    free(block);
}

static const struct bounded_memory rows_memory = {rows_allocate, rows_release, NULL};

static inline void rows_step(struct estate *estate, uint16_t source, enum found_step step, enum found_kind kind, const char *of,
                             const void *row, uint16_t reason, msec_t now)
{
    const struct found found = {.step = step, .kind = kind, .reason = reason, .of = of, .row = row};
    estate_found(estate, source, &found, now);
}

/* A whole list: `count` rows of this kind in an array. */
static inline void rows_feed(struct estate *estate, uint16_t source, enum found_kind kind, const char *of, const void *rows, size_t count,
                             uint16_t reason, msec_t now)
{
    const unsigned char *row = rows;
    rows_step(estate, source, FOUND_BEGIN, kind, of, NULL, REASON_OK, now);
    for (size_t i = 0; i < count; i++)
        rows_step(estate, source, FOUND_ROW, kind, of, row + i * found_size((uint8_t)kind), REASON_OK, now);
    rows_step(estate, source, FOUND_END, kind, of, NULL, reason, now);
}

#endif
