/* Allocation for this folder: zeroed, and out of memory is the end. A half-built connection is no state to think about. */
#ifndef SOLOWARDEN_RUN_MEMORY_H
#define SOLOWARDEN_RUN_MEMORY_H

#include <stdlib.h>

static inline void *memory_zeroed(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size ? size : 1);
    if (!block)
        abort();
    return block;
}

static inline void *memory_resized(void *block, size_t size)
{
    block = realloc(block, size ? size : 1);
    if (!block)
        abort();
    return block;
}

#endif
