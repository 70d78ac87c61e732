/* Merging of trees. Owns who wins: nobody between files, the entry over the defaults. Must not know what values mean. */
#include "merge.h"

#include <string.h>

static void append(struct reading *reading, struct node *mapping, struct node **items, size_t count)
{
    struct node **all = arena_take(reading->arena, (mapping->count + count) * sizeof(struct node *));
    if (mapping->count)
        memcpy(all, mapping->items, mapping->count * sizeof(struct node *));
    memcpy(all + mapping->count, items, count * sizeof(struct node *));
    mapping->items = all;
    mapping->count += count;
    node_index(reading, mapping);
}

static const struct field *row_of(const struct field *fields, const char *key)
{
    for (const struct field *row = fields; row && row->key; row++)
        if (strcmp(row->key, key) == 0)
            return row;
    return NULL;
}

static void merge_mapping(struct reading *reading, struct node *mapping, struct node *more, const struct field *fields);

static void merge_twice(struct reading *reading, struct node *here, struct node *there, const struct field *row)
{
    bool both = here->kind == NODE_MAPPING && there->kind == NODE_MAPPING;
    if (both && row && row->type == FIELD_MAP)
        merge_mapping(reading, here, there, NULL);
    else if (both && row && (row->type == FIELD_TABLE || row->type == FIELD_OPTIONAL))
        merge_mapping(reading, here, there, row->sub);
    else if (strcmp(there->key->text, "version") == 0 && row && there->kind == NODE_SCALAR && here->kind == NODE_SCALAR &&
             strcmp(here->text, there->text) == 0)
        return; /* every file may name its layout */
    else
        complain_node(reading, there->key, "`%s` is defined twice; first at %s:%u:%u", there->key->text, here->key->place.file,
                      here->key->place.line, here->key->place.column);
}

/* fields NULL: the entries of a map */
static void merge_mapping(struct reading *reading, struct node *mapping, struct node *more, const struct field *fields)
{
    struct node **fresh = arena_take(reading->arena, more->count * sizeof(struct node *));
    size_t count = 0;
    for (size_t i = 0; i < more->count; i++) {
        struct node *there = more->items[i], *here = node_get(mapping, there->key->text);
        if (here)
            merge_twice(reading, here, there, row_of(fields, there->key->text));
        else
            fresh[count++] = there;
    }
    if (count)
        append(reading, mapping, fresh, count);
}

void merge_file(struct reading *reading, struct node *root, struct node *more, const struct field *fields)
{
    merge_mapping(reading, root, more, fields);
}

static void beneath(struct reading *reading, struct node *entry, const struct node *defaults)
{
    if (!entry || entry->kind != NODE_MAPPING || !defaults || defaults->kind != NODE_MAPPING || defaults->count == 0)
        return;
    struct node **inherited = arena_take(reading->arena, defaults->count * sizeof(struct node *));
    size_t count = 0;
    for (size_t i = 0; i < defaults->count; i++)
        if (!node_get(entry, defaults->items[i]->key->text))
            inherited[count++] = defaults->items[i];
    if (count)
        append(reading, entry, inherited, count);
}

static size_t entries_of(const struct node *map, struct node ***items)
{
    bool usable = map && map->kind == NODE_MAPPING;
    *items = usable ? map->items : NULL;
    return usable ? map->count : 0;
}

static void group_defaults(struct reading *reading, struct node *group, const struct node *of_group, const struct node *of_probe)
{
    struct node **probes;
    size_t count = entries_of(node_get(group, "control"), &probes);
    for (size_t i = 0; i < count; i++)
        beneath(reading, probes[i], of_probe);
    beneath(reading, group, of_group);
}

/* A tcp or exec server may hold its probe's keys itself. */
static struct node *probe_of(struct node *server)
{
    struct node *probe = node_get(server, "probe"), *type = node_get(server, "type");
    if (probe || !type || type->kind != NODE_SCALAR)
        return probe;
    return strcmp(type->text, "tcp") == 0 || strcmp(type->text, "exec") == 0 ? server : NULL;
}

void merge_defaults(struct reading *reading, struct node *root)
{
    const struct node *defaults = node_get(root, "defaults");
    const struct node *of_group = node_get(defaults, "group"), *of_probe = node_get(defaults, "probe");
    struct node **clusters, **groups, **servers;
    size_t cluster_count = entries_of(node_get(root, "clusters"), &clusters);
    for (size_t i = 0; i < cluster_count; i++) {
        size_t group_count = entries_of(node_get(clusters[i], "groups"), &groups);
        for (size_t j = 0; j < group_count; j++)
            group_defaults(reading, groups[j], of_group, of_probe);
    }
    size_t server_count = entries_of(node_get(root, "servers"), &servers);
    for (size_t i = 0; i < server_count; i++)
        beneath(reading, probe_of(servers[i]), of_probe);
}
