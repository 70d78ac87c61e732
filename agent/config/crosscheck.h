/* What no single value can tell: values that contradict each other. Complains, changes nothing. */
#ifndef SOLOWARDEN_CONFIG_CROSSCHECK_H
#define SOLOWARDEN_CONFIG_CROSSCHECK_H

#include "tree.h"

/* `root`: the tree that `config` was filled from, for places. Parts that were refused already are zero in `config`. */
void crosscheck(struct reading *reading, const struct node *root, const struct config *config);

#endif
