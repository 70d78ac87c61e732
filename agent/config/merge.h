/* Trees into one: conf.d files beside the main one, defaults beneath entries. Knows tables only as maps and tables. */
#ifndef SOLOWARDEN_CONFIG_MERGE_H
#define SOLOWARDEN_CONFIG_MERGE_H

#include "tree.h"

/* Add `more` to `root`. Maps and tables merge by key; what stands in both is an error that names both places. */
void merge_file(struct reading *reading, struct node *root, struct node *more, const struct field *fields);

/* defaults.group beneath every group, defaults.probe beneath every probe: whole keys, where the entry does not say otherwise. */
void merge_defaults(struct reading *reading, struct node *root);

#endif
