/* Walks a field table over a mapping. Must not know any particular key. */
#include "fill.h"

#include <inttypes.h>
#include <string.h>

#include "fill_value.h"

const char *field_choice(const struct field *field, size_t position, bool *built)
{
    *built = true;
    if (field->type == FIELD_FORMAT)
        return formats[position].name;
    if (field->type == FIELD_CASES || field->type == FIELD_VARIANT) {
        const struct variant_case *cases = field->sub;
        *built = cases[position].fields || cases[position].probe;
        return cases[position].type;
    }
    *built = !field->max || position < (size_t)field->max;
    return ((const char *const *)field->sub)[position];
}

const struct field *case_fields(const struct variant_case *chosen)
{
    return chosen->probe ? chosen->probe->fields : chosen->fields;
}

size_t case_size(const struct variant_case *chosen)
{
    return chosen->probe ? chosen->probe->conf_size : chosen->size;
}

struct node *node_path(const struct node *root, const char *path)
{
    char key[64];
    const struct node *node = root;
    while (node && *path) {
        size_t size = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)size, path);
        node = node_get(node, key);
        path += size + (path[size] == '.');
    }
    return (struct node *)(uintptr_t)node;
}

/* The case that the mapping's own type key chooses, without complaint. */
static const struct variant_case *case_of(const struct field *row, const struct node *node)
{
    const struct node *type = node_get(node, row->key);
    const char *word = type && type->kind == NODE_SCALAR ? type->text : row->preset;
    for (const struct variant_case *candidate = row->sub; word && candidate->type; candidate++)
        if (strcmp(candidate->type, word) == 0)
            return candidate;
    return NULL;
}

/* Do the keys of this BESIDE row stand under a key of their own here? */
static struct node *nested_beside(const struct field *row, const struct node *node)
{
    struct node *nested = node_get(node, row->key);
    return nested && nested->kind == NODE_MAPPING ? nested : NULL;
}

bool rows_visit(const struct field *fields, const struct node *node, row_visit *visit, void *context)
{
    bool known = true;
    for (const struct field *row = fields; row->key; row++) {
        if (row->type == FIELD_PROBE) {
            rows_visit(((const struct probe_type *)row->sub)->fields, node, visit, context);
            continue;
        }
        visit(context, row);
        if (row->type == FIELD_BESIDE && !nested_beside(row, node))
            known = rows_visit(row->sub, node, visit, context) && known;
        if (row->type != FIELD_CASES && row->type != FIELD_VARIANT)
            continue;
        const struct variant_case *chosen = case_of(row, node);
        const struct field *more = chosen ? case_fields(chosen) : NULL;
        known = more && rows_visit(more, node, visit, context) && known;
    }
    return known;
}

struct search {
    const char *key;
    const struct field *found;
    const char *secret_file; /* a key of this table that names a secret file */
    struct suggestion suggestion;
};

static void search_visit(void *context, const struct field *row)
{
    struct search *search = context;
    if (strcmp(row->key, search->key) == 0)
        search->found = row;
    bool akin = strncmp(row->key, search->key, strcspn(search->key, "_")) == 0; /* auth_password: auth_file */
    if (row->type == FIELD_SECRET_FILE && (akin || !search->secret_file))
        search->secret_file = row->key;
    if (!(row->flags & FIELD_NOT_BUILT))
        suggestion_offer(&search->suggestion, row->key);
}

static void check_keys(struct fill *fill, struct node *node, const struct field *fields)
{
    for (size_t i = 0; i < node->count; i++) {
        struct node *key = node->items[i]->key;
        struct search search = {.key = key->text, .suggestion = {.word = key->text}};
        bool all_known = rows_visit(fields, node, search_visit, &search);
        char text[160];
        if (search.found && search.found->flags & FIELD_NOT_BUILT)
            complain_node(fill->reading, key, "`%s` is not built into this version", key->text);
        else if (search.found)
            continue;
        else if (looks_secret(key->text, key->size))
            complain_node(fill->reading, key, "secrets are not written here; put it in a file%s%s", search.secret_file ? ": " : "",
                          search.secret_file ? search.secret_file : "");
        else if (all_known)
            complain_node(fill->reading, key, "unknown key `%s`%s", key->text, suggestion_text(&search.suggestion, text));
    }
}

static void fill_rows(struct fill *fill, struct node *node, const struct field *fields, void *base);

static void fill_map(struct fill *fill, struct node *node, const struct field *row, struct map *map)
{
    if (!expect_kind(fill, node, NODE_MAPPING))
        return;
    size_t size = (size_t)row->max;
    map->count = node->count;
    map->entries = arena_take(fill->reading->arena, node->count * size);
    for (size_t i = 0; i < node->count; i++) {
        struct node *key = node->items[i]->key;
        struct map_entry *entry = (void *)((char *)map->entries + i * size);
        entry->name = key->text;
        entry->place = key->place;
        if (!name_valid(key->text))
            complain_node(fill->reading, key, "`%s` cannot be a name: use 1 to 64 of A-Z a-z 0-9 . _ -", key->text);
        fill_table(fill, node->items[i], row->sub, entry);
    }
}

/* The chosen position; the case's own keys are filled by the caller. */
static const struct variant_case *fill_case(struct fill *fill, struct node *node, struct node *value, const struct field *row, int64_t *out)
{
    if (!value) {
        if (!node->complained)
            complain_node(fill->reading, node->key ? node->key : node, "`%s` is missing", row->key);
        return NULL;
    }
    if (!fill_choice(fill, value, row, out))
        return NULL;
    return (const struct variant_case *)row->sub + *out;
}

static void fill_row(struct fill *fill, struct node *node, struct node *value, const struct field *row, void *base)
{
    static struct node nothing = {.kind = NODE_MAPPING};
    void *member = (char *)base + row->offset;
    struct arena *arena = fill->reading->arena;
    const struct variant_case *chosen;
    int64_t position = 0;
    switch (row->type) {
    case FIELD_TABLE:
        if (value)
            fill_table(fill, value, row->sub, member);
        else
            fill_rows(fill, &nothing, row->sub, member);
        break;
    case FIELD_OPTIONAL:
        if (value && expect_kind(fill, value, NODE_MAPPING))
            fill_table(fill, value, row->sub, *(void **)member = arena_take(arena, (size_t)row->max));
        break;
    case FIELD_BESIDE:
        *(void **)member = arena_take(arena, (size_t)row->max);
        if (value && expect_kind(fill, value, NODE_MAPPING))
            fill_table(fill, value, row->sub, *(void **)member);
        else if (!value)
            fill_rows(fill, node, row->sub, *(void **)member);
        break;
    case FIELD_PROBE: {
        const struct probe_type *type = row->sub;
        void *conf = arena_take(arena, type->conf_size);
        *(const void **)member = conf;
        fill_rows(fill, node, type->fields, conf);
        break;
    }
    case FIELD_MAP:
        if (value)
            fill_map(fill, value, row, member);
        break;
    case FIELD_CASES:
        chosen = fill_case(fill, node, value, row, member);
        if (chosen)
            fill_rows(fill, node, chosen->fields, base);
        break;
    case FIELD_VARIANT: {
        struct variant *variant = member;
        chosen = fill_case(fill, node, value, row, &position);
        if (!chosen)
            break;
        variant->chosen = (size_t)position;
        variant->conf = arena_take(arena, case_size(chosen));
        fill_rows(fill, node, case_fields(chosen), variant->conf);
        break;
    }
    default:
        if (value)
            fill_value(fill, value, row, member);
        break;
    }
}

static void fill_rows(struct fill *fill, struct node *node, const struct field *fields, void *base)
{
    for (const struct field *row = fields; row->key; row++) {
        if (row->flags & FIELD_NOT_BUILT)
            continue;
        struct node *value = row->type == FIELD_PROBE ? NULL : node_get(node, row->key);
        if (!value && row->preset)
            value = tree_preset(fill->reading, row->preset, node->place);
        if (!value && row->flags & FIELD_REQUIRED && !node->complained) {
            struct node *where = node->key ? node->key : node;
            complain(fill->reading, where->place, where->width, "`%s` is missing%s%s", row->key, node->key ? " in " : "",
                     node->key ? node->key->text : "");
        }
        fill_row(fill, node, value, row, base);
    }
}

void fill_table(struct fill *fill, struct node *node, const struct field *fields, void *base)
{
    if (!expect_kind(fill, node, NODE_MAPPING))
        return;
    check_keys(fill, node, fields);
    fill_rows(fill, node, fields, base);
}
