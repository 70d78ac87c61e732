/* A file's text → a tree of nodes with places. Owns our limits on YAML: size, depth, number of nodes, no anchors, aliases or tags,
 * one document, no key twice. Knows nothing of what the keys mean. */
#ifndef SOLOWARDEN_CONFIG_TREE_H
#define SOLOWARDEN_CONFIG_TREE_H

#include "reading.h"

enum { TREE_FILE_BYTES = 8 * 1024 * 1024, TREE_SCALAR_BYTES = 4096, TREE_DEPTH = 16, TREE_NODES = 500000 };

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAPPING };

struct node {
    enum node_kind kind;
    bool plain;      /* scalar without quotes: may be a number, true, false or null */
    bool complained; /* one message a node is enough */
    bool repeated;   /* its key stood there before */
    uint32_t width;  /* columns to underline */
    struct place place;
    const char *text; /* scalar */
    size_t size;
    struct node *key; /* of a value in a mapping */
    struct node **items;
    size_t count;
    struct node **by_key; /* the items of a mapping, sorted */
};

/* NULL when it was refused: all errors were printed. The source joins reading->sources. */
struct node *tree_read(struct reading *reading, struct source *source);

/* The value of a key, or NULL. */
struct node *node_get(const struct node *mapping, const char *key);
/* Index the items of a mapping anew after they changed; complains about keys that stand there twice, and drops the later ones. */
void node_index(struct reading *reading, struct node *mapping);
/* A list or scalar that the tables write as a default, placed at `place`. */
struct node *tree_preset(struct reading *reading, const char *text, struct place place);

/* Complain about a node, once. */
void complain_node(struct reading *reading, struct node *node, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
