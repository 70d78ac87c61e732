/* Nodes + field tables → structs. Owns types, defaults, required and unknown keys; knows nothing of any particular table. */
#ifndef SOLOWARDEN_CONFIG_FILL_H
#define SOLOWARDEN_CONFIG_FILL_H

#include "tree.h"

struct fill {
    struct reading *reading;
    const struct node *root; /* where references are looked up */
};

void fill_table(struct fill *fill, struct node *node, const struct field *fields, void *base);

/* The words of a CHOICE, CHOICES, FORMAT, CASES or VARIANT row; NULL after the last. *built: this version has it. */
const char *field_choice(const struct field *field, size_t position, bool *built);
/* The table of a case: NULL when it is not built. */
const struct field *case_fields(const struct variant_case *chosen);
size_t case_size(const struct variant_case *chosen);

/* Every row whose key may stand in this mapping, those of BESIDE, PROBE and the chosen case included. False: the case is not known. */
typedef void row_visit(void *context, const struct field *row);
bool rows_visit(const struct field *fields, const struct node *node, row_visit *visit, void *context);

/* Key paths such as "snmp.users" */
struct node *node_path(const struct node *root, const char *path);

#endif
