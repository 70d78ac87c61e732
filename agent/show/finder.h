/* Finds a row by one or two names, without regard to ASCII case: one table per cluster and snapshot. Owns nothing but its own slots. */
#ifndef SOLOWARDEN_SHOW_FINDER_H
#define SOLOWARDEN_SHOW_FINDER_H

#include <stddef.h>

struct finder;
struct finder *finder_open(size_t rows); /* NULL: out of memory, then nothing is found */
/* The names are borrowed: they live as long as the row. */
void finder_put(struct finder *finder, const char *name, const char *second, void *row);
void *finder_get(const struct finder *finder, const char *name, const char *second);
void finder_close(struct finder *finder);

#endif
