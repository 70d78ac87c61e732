/* WQL, as far as monitoring asks it: SELECT * | list FROM class [WHERE comparisons with AND, OR, NOT, parentheses, LIKE, IS NULL]. */
#ifndef SOLOWARDEN_WINLAB_WQL_H
#define SOLOWARDEN_WINLAB_WQL_H

#include <stdint.h>

#include "class.h"

enum { WQL_NAME_MAX = 64, WQL_COLUMNS_MAX = 64, WQL_NODES_MAX = 64, WQL_DEPTH_MAX = 16 };

enum wql_operator {
    WQL_AND,
    WQL_OR,
    WQL_NOT,
    WQL_EQUAL,
    WQL_UNEQUAL,
    WQL_LESS,
    WQL_LESS_EQUAL,
    WQL_MORE,
    WQL_MORE_EQUAL,
    WQL_LIKE,
    WQL_IS_NULL
};
struct wql_node {
    enum wql_operator kind;
    uint8_t left, right; /* of AND, OR; NOT has only left */
    char property[WQL_NAME_MAX];
    bool is_number, is_boolean; /* else a text */
    int64_t number;
    char text[VALUE_TEXT_MAX];
};

struct wql {
    bool all; /* SELECT * */
    size_t column_count;
    char columns[WQL_COLUMNS_MAX][WQL_NAME_MAX];
    char class_name[WQL_NAME_MAX];
    bool has_where;
    uint8_t root;
    size_t node_count;
    struct wql_node nodes[WQL_NODES_MAX];
    char error[160];
};

/* false: `error` says why */
bool wql_parse(const char *text, struct wql *wql);
/* The first name in the query that the class does not have; NULL: it has them all. */
const char *wql_unknown_name(const struct wql *wql, const struct class *class);
/* Is this the property's name? Of one within an embedded object ("Outer/Inner"): the object's. */
bool wql_names(const struct class *class, size_t property, const char *name);
bool wql_matches(const struct wql *wql, const struct class *class, const struct world *world, size_t node, size_t position);

#endif
