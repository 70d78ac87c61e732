/* One node → one member that is no table: types, limits, references. Owns the messages about single values. */
#ifndef SOLOWARDEN_CONFIG_FILL_VALUE_H
#define SOLOWARDEN_CONFIG_FILL_VALUE_H

#include "fill.h"
#include "values.h"

bool expect_kind(struct fill *fill, struct node *node, enum node_kind kind);
bool fill_choice(struct fill *fill, struct node *node, const struct field *row, int64_t *out);
void fill_value(struct fill *fill, struct node *node, const struct field *row, void *member);

#endif
