/* Field tables → every key with its meaning and default, as the commented end of the annotated sample.
 * Must not know any particular key. */
#include <assert.h>
#include <string.h>

#include "fill.h"

enum { INDENT = 2, LINE_COLUMNS = 132 };

static void print_rows(FILE *out, const struct field *fields, const struct variant_case *chosen, unsigned depth);

static void print_line(FILE *out, unsigned depth, const char *key, const char *value)
{
    fprintf(out, "# %*s%s:%s%s\n", (int)(depth * INDENT), "", key, value && *value ? " " : "", value ? value : "");
}

/* The help above its key, wrapped. */
static void print_help(FILE *out, unsigned depth, const char *help)
{
    while (help && *help) {
        size_t size = strlen(help), room = LINE_COLUMNS - depth * INDENT;
        if (size > room)
            for (size = room; size > 1 && help[size] != ' ';)
                size--;
        fprintf(out, "# %*s# %.*s\n", (int)(depth * INDENT), "", (int)size, help);
        help += size;
        help += *help == ' ';
    }
}

static void words_of(const struct field *row, char *buffer, size_t room)
{
    const char *word;
    bool built;
    buffer[0] = '\0';
    for (size_t i = 0; (word = field_choice(row, i, &built)); i++) {
        size_t used = strlen(buffer);
        if (built)
            snprintf(buffer + used, room - used, "%s%s", used ? " | " : "", word);
    }
}

/* The default, or what kind of value belongs here. */
static const char *value_of(const struct field *row, char buffer[200])
{
    static const char *const kinds[] = {[FIELD_BOOL] = "true | false",
                                        [FIELD_INTEGER] = "NUMBER",
                                        [FIELD_DURATION] = "DURATION",
                                        [FIELD_TEXT] = "TEXT",
                                        [FIELD_NAME] = "NAME",
                                        [FIELD_HOST] = "HOST",
                                        [FIELD_PATH] = "PATH",
                                        [FIELD_SECRET_FILE] = "PATH",
                                        [FIELD_REFERENCES] = "[NAME, …]",
                                        [FIELD_TEXTS] = "[TEXT, …]",
                                        [FIELD_ARGUMENTS] = "[/PROGRAM, ARGUMENT, …]",
                                        [FIELD_ADDRESSES] = "[ADDRESS, PREFIX, …]",
                                        [FIELD_PROBE] = NULL};
    if (row->preset)
        return *row->preset ? row->preset : "\"\"";
    if (row->type == FIELD_CHOICE || row->type == FIELD_CHOICES || row->type == FIELD_FORMAT)
        words_of(row, buffer, 200);
    else if (row->type == FIELD_REFERENCE)
        snprintf(buffer, 200, "NAME of %s", (const char *)row->sub);
    else
        return kinds[row->type] ? kinds[row->type] : "";
    return buffer;
}

static const struct field *case_row(const struct field *fields)
{
    const struct field *row = fields;
    while (row->key && row->type != FIELD_CASES && row->type != FIELD_VARIANT)
        row++;
    return row->key ? row : NULL;
}

/* The entries of a map: one, or one for each kind that can be chosen. */
static void print_entries(FILE *out, const struct field *fields, unsigned depth)
{
    const struct field *row = case_row(fields);
    if (!row) {
        print_line(out, depth, "NAME", NULL);
        print_rows(out, fields, NULL, depth + 1);
        return;
    }
    for (const struct variant_case *chosen = row->sub; chosen->type; chosen++) {
        if (!case_fields(chosen))
            continue;
        print_line(out, depth, "NAME", NULL);
        print_rows(out, fields, chosen, depth + 1);
    }
}

static void print_row(FILE *out, const struct field *row, unsigned depth)
{
    char value[200], help[400];
    snprintf(help, sizeof(help), "%s%s", row->flags & FIELD_REQUIRED ? "Required. " : "", row->help ? row->help : "");
    bool table = row->type == FIELD_TABLE || row->type == FIELD_OPTIONAL;
    print_help(out, depth, help);
    print_line(out, depth, row->key, table || row->type == FIELD_MAP ? NULL : value_of(row, value));
    if (table)
        print_rows(out, row->sub, NULL, depth + 1);
    else if (row->type == FIELD_MAP)
        print_entries(out, row->sub, depth + 1);
}

static void print_rows(FILE *out, const struct field *fields, const struct variant_case *chosen, unsigned depth)
{
    for (const struct field *row = fields; row->key; row++) {
        if (row->flags & FIELD_NOT_BUILT)
            continue;
        if (row->type == FIELD_PROBE) {
            print_rows(out, ((const struct probe_type *)row->sub)->fields, NULL, depth);
        } else if (row->type == FIELD_BESIDE) {
            print_rows(out, row->sub, NULL, depth);
        } else if (row->type == FIELD_CASES || row->type == FIELD_VARIANT) {
            assert(chosen);
            print_help(out, depth, row->help);
            print_line(out, depth, row->key, chosen->type);
            print_rows(out, case_fields(chosen), NULL, depth);
        } else {
            print_row(out, row, depth);
        }
    }
}

void config_reference(FILE *out)
{
    fputs("# Every key: what it means, and its default or what belongs there.\n#\n", out);
    print_rows(out, config_fields, NULL, 0);
}
