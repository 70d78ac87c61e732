/* Field tables → JSON Schema (2020-12), for editors and for checks elsewhere. Must not know any particular key.
 * It is a little wider than the parser: what only crosscheck.c knows is not in it. */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"

static const char name_pattern[] = "^[A-Za-z0-9._-]{1,64}$";

/* One set of keys that may stand together in a mapping. */
struct shape {
    json_t *properties, *required;
};

static json_t *table_schema(const struct field *fields);

static json_t *built_words(const struct field *row)
{
    json_t *words = json_array();
    const char *word;
    bool built;
    for (size_t i = 0; (word = field_choice(row, i, &built)); i++)
        if (built)
            json_array_append_new(words, json_string(word));
    return words;
}

static json_t *list_schema(json_t *item)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", item);
}

static json_t *text_schema(const char *pattern)
{
    return pattern ? json_pack("{s:s, s:s}", "type", "string", "pattern", pattern) : json_pack("{s:s}", "type", "string");
}

static json_t *value_schema(const struct field *row)
{
    json_t *schema;
    switch (row->type) {
    case FIELD_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case FIELD_INTEGER:
        return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)row->min, "maximum", (json_int_t)row->max);
    case FIELD_DURATION:
        return text_schema("^[0-9]+(ms|s|m|h|d)$");
    case FIELD_NAME:
    case FIELD_REFERENCE:
        return text_schema(name_pattern);
    case FIELD_CHOICE:
    case FIELD_FORMAT:
        return json_pack("{s:o}", "enum", built_words(row));
    case FIELD_CHOICES:
        schema = list_schema(json_pack("{s:o}", "enum", built_words(row)));
        json_object_set_new(schema, "minItems", json_integer(1));
        json_object_set_new(schema, "uniqueItems", json_true());
        return schema;
    case FIELD_REFERENCES:
        return list_schema(text_schema(name_pattern));
    case FIELD_TEXTS:
        return list_schema(text_schema(NULL));
    case FIELD_ADDRESSES:
        return list_schema(text_schema("^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"));
    case FIELD_ARGUMENTS:
        return json_pack("{s:s, s:i, s:[o], s:o}", "type", "array", "minItems", 1, "prefixItems", text_schema("^/"), "items",
                         text_schema(NULL));
    case FIELD_MAP:
        return json_pack("{s:s, s:{s:s}, s:o}", "type", "object", "propertyNames", "pattern", name_pattern, "additionalProperties",
                         table_schema(row->sub));
    case FIELD_TABLE:
    case FIELD_OPTIONAL:
    case FIELD_BESIDE:
        return table_schema(row->sub);
    default:
        schema = text_schema(NULL);
        if (row->min > 0)
            json_object_set_new(schema, "minLength", json_integer(row->min));
        if (row->max > 0)
            json_object_set_new(schema, "maxLength", json_integer(row->max));
        return schema;
    }
}

static json_t *preset_json(const struct field *row)
{
    if (row->type == FIELD_BOOL)
        return json_boolean(strcmp(row->preset, "true") == 0);
    if (row->type == FIELD_INTEGER)
        return json_integer(strtoll(row->preset, NULL, 10));
    if (row->preset[0] != '[')
        return json_string(row->preset);
    json_t *list = json_array();
    for (const char *at = row->preset + 1; *at && *at != ']';) {
        size_t size = strcspn(at, ", ]");
        if (size)
            json_array_append_new(list, json_stringn(at, size));
        at += size + (at[size] != ']' && at[size] != '\0');
    }
    return list;
}

static void add_row(struct shape *shape, const struct field *row, json_t *schema, bool required)
{
    if (row->help)
        json_object_set_new(schema, "description", json_string(row->help));
    if (row->preset)
        json_object_set_new(schema, "default", preset_json(row));
    json_object_set_new(shape->properties, row->key, schema);
    if (required)
        json_array_append_new(shape->required, json_string(row->key));
}

/* chosen: of the table's CASES or VARIANT row; nested: keys of a BESIDE row stand under its own key */
static void add_rows(struct shape *shape, const struct field *fields, const struct variant_case *chosen, bool nested)
{
    for (const struct field *row = fields; row->key; row++) {
        if (row->flags & FIELD_NOT_BUILT)
            continue;
        if (row->type == FIELD_PROBE) {
            add_rows(shape, ((const struct probe_type *)row->sub)->fields, NULL, false);
        } else if (row->type == FIELD_CASES || row->type == FIELD_VARIANT) {
            assert(chosen);
            add_row(shape, row, json_pack("{s:s}", "const", chosen->type), !row->preset);
            add_rows(shape, case_fields(chosen), NULL, nested);
        } else if (row->type == FIELD_BESIDE && !nested) {
            add_rows(shape, row->sub, NULL, false);
        } else {
            add_row(shape, row, value_schema(row), row->flags & FIELD_REQUIRED || row->type == FIELD_BESIDE);
        }
    }
}

static const struct field *row_of_type(const struct field *fields, enum field_type type)
{
    for (const struct field *row = fields; row->key; row++)
        if (row->type == type)
            return row;
    return NULL;
}

static json_t *shape_schema(const struct field *fields, const struct variant_case *chosen, bool nested)
{
    struct shape shape = {json_object(), json_array()};
    add_rows(&shape, fields, chosen, nested);
    json_t *schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", shape.properties, "additionalProperties", 0);
    if (json_array_size(shape.required))
        json_object_set(schema, "required", shape.required);
    json_decref(shape.required);
    return schema;
}

static json_t *table_schema(const struct field *fields)
{
    const struct field *row = row_of_type(fields, FIELD_CASES);
    row = row ? row : row_of_type(fields, FIELD_VARIANT);
    if (!row)
        return shape_schema(fields, NULL, false);
    json_t *shapes = json_array();
    const struct variant_case *cases = row->sub;
    for (const struct variant_case *chosen = cases; chosen->type; chosen++) {
        if (!case_fields(chosen))
            continue;
        json_array_append_new(shapes, shape_schema(fields, chosen, false));
        if (row_of_type(case_fields(chosen), FIELD_BESIDE))
            json_array_append_new(shapes, shape_schema(fields, chosen, true));
    }
    return json_pack("{s:s, s:o}", "type", "object", "anyOf", shapes);
}

void config_schema(FILE *out)
{
    json_t *schema = json_pack("{s:s, s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema", "title",
                               "solowarden configuration", "description", "Generated by: solowarden schema");
    json_t *root = table_schema(config_fields);
    json_object_update(schema, root);
    json_decref(root);
    json_dumpf(schema, out, JSON_INDENT(1));
    putc('\n', out);
    json_decref(schema);
}
