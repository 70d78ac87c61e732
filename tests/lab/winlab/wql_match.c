/* Which instances a WQL query means. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wql.h"

bool wql_names(const struct class *class, size_t property, const char *name)
{
    const char *known = class->properties[property].name;
    size_t length = strcspn(known, "/");
    return strlen(name) == length && !strncasecmp(known, name, length);
}

static bool find_property(const struct class *class, const char *name, size_t *property)
{
    for (*property = 0; *property < class->property_count; ++*property)
        if (wql_names(class, *property, name))
            return true;
    return false;
}

const char *wql_unknown_name(const struct wql *wql, const struct class *class)
{
    size_t property;
    for (size_t i = 0; i < wql->column_count; i++)
        if (!find_property(class, wql->columns[i], &property))
            return wql->columns[i];
    for (size_t i = 0; i < wql->node_count; i++)
        if (wql->nodes[i].kind > WQL_NOT && !find_property(class, wql->nodes[i].property, &property))
            return wql->nodes[i].property;
    return NULL;
}

static bool in_set(const char *set, size_t length, char character)
{
    bool negated = length && *set == '^', found = false;
    for (size_t i = negated; i < length; i++) {
        bool range = i + 2 < length && set[i + 1] == '-';
        char low = (char)tolower((unsigned char)set[i]), high = range ? (char)tolower((unsigned char)set[i + 2]) : low;
        found |= character >= low && character <= high;
        i += range ? 2 : 0;
    }
    return found != negated;
}

/* `length` of one element of the pattern, and whether it takes the character */
static bool takes(const char *pattern, char character, size_t *length)
{
    *length = 1;
    const char *end = *pattern == '[' ? strchr(pattern, ']') : NULL;
    if (end) {
        *length = (size_t)(end - pattern) + 1;
        return in_set(pattern + 1, (size_t)(end - pattern) - 1, (char)tolower((unsigned char)character));
    }
    return *pattern == '_' || tolower((unsigned char)*pattern) == tolower((unsigned char)character);
}

/* Goes back to the last % only: linear in text × pattern. */
static bool like(const char *text, const char *pattern)
{
    const char *after_percent = NULL, *retry = NULL;
    while (*text) {
        size_t length;
        if (*pattern == '%') {
            after_percent = ++pattern;
            retry = text;
        } else if (*pattern && takes(pattern, *text, &length)) {
            pattern += length;
            text++;
        } else if (after_percent) {
            pattern = after_percent;
            text = ++retry;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "%")] == '\0';
}

/* <0, 0, >0; numbers below zero are unsigned on this wire, as WMI prints them */
static int compare(const struct value *value, const struct wql_node *node)
{
    uint64_t wanted = node->is_number ? (uint64_t)node->number : strtoull(node->text, NULL, 10);
    switch (value->type) {
    case VALUE_NUMBER:
        if (node->is_number && node->number < 0)
            wanted = (uint32_t)node->number;
        return value->number < wanted ? -1 : value->number > wanted;
    case VALUE_BOOLEAN:
        if (!node->is_number)
            wanted = !strcasecmp(node->text, "true");
        return value->number < wanted ? -1 : value->number > wanted;
    default:
        return strcasecmp(value->text, node->text);
    }
}

static bool holds(const struct wql_node *node, const struct value *value)
{
    char number[24];
    if (node->kind == WQL_IS_NULL)
        return value->type == VALUE_NULL;
    if (value->type == VALUE_NULL || value->type == VALUE_ARRAY)
        return false;
    if (node->kind == WQL_LIKE) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)value->number);
        return like(value->type == VALUE_NUMBER ? number : value->text, node->text);
    }
    int order = compare(value, node);
    switch (node->kind) {
    case WQL_EQUAL:
        return order == 0;
    case WQL_UNEQUAL:
        return order != 0;
    case WQL_LESS:
        return order < 0;
    case WQL_LESS_EQUAL:
        return order <= 0;
    case WQL_MORE:
        return order > 0;
    default:
        return order >= 0;
    }
}

struct row {
    const struct class *class;
    const struct world *world;
    size_t node, position;
};

/* Recursion is bounded by the number of nodes: a child is made before its parent. */
static bool evaluate(const struct wql *wql, uint8_t index, const struct row *row)
{
    const struct wql_node *node = &wql->nodes[index];
    switch (node->kind) {
    case WQL_AND:
        return evaluate(wql, node->left, row) && evaluate(wql, node->right, row);
    case WQL_OR:
        return evaluate(wql, node->left, row) || evaluate(wql, node->right, row);
    case WQL_NOT:
        return !evaluate(wql, node->left, row);
    default:
        break;
    }
    size_t property;
    struct value value = {0};
    if (!find_property(row->class, node->property, &property))
        return false;
    row->class->value(row->world, row->node, row->position, property, &value);
    return holds(node, &value);
}

bool wql_matches(const struct wql *wql, const struct class *class, const struct world *world, size_t node, size_t position)
{
    const struct row row = {class, world, node, position};
    return !wql->has_where || evaluate(wql, wql->root, &row);
}
