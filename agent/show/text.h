/* Rows as people and programs read them: aligned tables on a terminal, and JSON. Both from the column tables.
 * Texts in rows may come from a hostile log: control characters and broken UTF-8 never reach the terminal or the JSON. */
#ifndef SOLOWARDEN_SHOW_TEXT_H
#define SOLOWARDEN_SHOW_TEXT_H

#include <jansson.h>
#include <stdio.h>

#include "views.h"

/* Columns with a width, or with `wide` all of them. The scalars are shown as lines "name  value". Ages count from the snapshot's time. */
void text_table(FILE *out, const struct snapshot *snapshot, const struct table *table, bool wide);

/* An array of objects, one per row, with every column and the index; for the scalars one object. The caller owns it. */
json_t *json_table(const struct snapshot *snapshot, const struct table *table);
/* One row. */
json_t *json_row(const struct table *table, const void *row, uint32_t now);

/* Printable UTF-8 of at most size - 1 bytes; everything else becomes '?'. Returns the length. */
size_t text_clean(char *out, size_t size, const char *text, size_t length);

#endif
