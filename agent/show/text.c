/* Tables of rows as aligned text and as JSON. */
#include "text.h"

#include <string.h>
#include <time.h>

enum { CELL_BYTES = 256 };

/* Marks that reorder or hide text, or break a line, on whatever shows it. */
static bool is_disguise(uint32_t code)
{
    return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff || code == 0xad || code == 0x61c;
}

/* Length of the UTF-8 sequence that begins here, 0 if there is none; overlong forms, surrogates, C1 controls and disguises count as none.
 */
static size_t sequence_length(const unsigned char *text, size_t length)
{
    static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000};
    size_t size = text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7f;
    if (!size || size > length)
        return 0;
    uint32_t code = text[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    return code < smallest[size] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff || is_disguise(code) ? 0 : size;
}

size_t text_clean(char *out, size_t size, const char *text, size_t length)
{
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        size_t step = sequence_length((const unsigned char *)text + i, length - i), bytes = step ? step : 1;
        if (used + bytes >= size)
            break;
        if (step)
            memcpy(out + used, text + i, step);
        else
            out[used] = '?';
        used += bytes;
        i += bytes;
    }
    out[used] = '\0';
    return used;
}

static void time_text(char out[CELL_BYTES], int64_t seconds)
{
    struct tm parts;
    time_t when = (time_t)seconds;
    if (seconds <= 0 || !gmtime_r(&when, &parts))
        strcpy(out, "-");
    else
        strftime(out, CELL_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void cell_to_text(const struct cell *cell, char out[CELL_BYTES])
{
    switch (cell->type) {
    case CELL_TEXT:
    case CELL_ENUM:
        text_clean(out, CELL_BYTES, cell->size ? cell->text : "-", cell->size ? cell->size : 1);
        break;
    case CELL_TRUTH:
        strcpy(out, cell->number == 1 ? "yes" : "no");
        break;
    case CELL_DATE:
        time_text(out, cell->number / 1000);
        break;
    case CELL_TIME:
        time_text(out, cell->number);
        break;
    case CELL_AGE:
        if (cell->number == UINT32_MAX)
            strcpy(out, "never");
        else
            snprintf(out, CELL_BYTES, "%llds", (long long)cell->number);
        break;
    case CELL_COUNTER64:
        snprintf(out, CELL_BYTES, "%llu", (unsigned long long)cell->number);
        break;
    case CELL_GAUGE:
        if (cell->number == UINT32_MAX)
            strcpy(out, "-");
        else
            snprintf(out, CELL_BYTES, "%lld", (long long)cell->number);
        break;
    case CELL_INTEGER:
    case CELL_UNSIGNED:
        snprintf(out, CELL_BYTES, "%lld", (long long)cell->number);
        break;
    }
}

static void column_text(const struct column *column, const void *row, uint32_t now, char out[CELL_BYTES])
{
    struct cell cell;
    column->get(row, now, &cell);
    cell_to_text(&cell, out);
}

/* characters, not bytes */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

static void put(FILE *out, const char *text, size_t width, bool last)
{
    fputs(text, out);
    if (last)
        fputc('\n', out);
    else
        fprintf(out, "%*s", (int)(width - text_width(text) + 2), "");
}

static void text_scalars(FILE *out, const struct snapshot *snapshot, const struct table *table, const void *row, bool wide)
{
    char text[CELL_BYTES];
    for (size_t i = 0; i < table->column_count; i++) {
        if (!wide && !table->columns[i].width)
            continue;
        column_text(&table->columns[i], row, snapshot->made_at, text);
        fprintf(out, "%-20s %s\n", table->columns[i].name, text);
    }
}

void text_table(FILE *out, const struct snapshot *snapshot, const struct table *table, bool wide)
{
    size_t widths[64] = {0}, shown[64], columns = 0;
    uint32_t rows = snapshot_count(snapshot, table->id);
    char text[CELL_BYTES];
    if (table->indices == 0) {
        if (rows)
            text_scalars(out, snapshot, table, snapshot_row(snapshot, table->id, 0), wide);
        return;
    }
    for (size_t i = 0; i < table->column_count && columns < sizeof shown / sizeof *shown; i++)
        if (wide || table->columns[i].width)
            shown[columns++] = i;
    for (size_t i = 0; i < columns; i++) {
        const struct column *column = &table->columns[shown[i]];
        widths[i] = column->width > strlen(column->name) ? column->width : strlen(column->name);
        for (uint32_t row = 0; row < rows; row++) {
            column_text(column, snapshot_row(snapshot, table->id, row), snapshot->made_at, text);
            if (text_width(text) > widths[i])
                widths[i] = text_width(text);
        }
    }
    for (size_t i = 0; i < columns; i++)
        put(out, table->columns[shown[i]].name, widths[i], i + 1 == columns);
    for (uint32_t row = 0; row < rows; row++)
        for (size_t i = 0; i < columns; i++) {
            column_text(&table->columns[shown[i]], snapshot_row(snapshot, table->id, row), snapshot->made_at, text);
            put(out, text, widths[i], i + 1 == columns);
        }
}

static json_t *json_cell(const struct cell *cell)
{
    char text[CELL_BYTES];
    switch (cell->type) {
    case CELL_TEXT:
    case CELL_ENUM:
        return json_stringn(text, text_clean(text, sizeof text, cell->text, cell->size));
    case CELL_TRUTH:
        return json_boolean(cell->number == 1);
    case CELL_AGE:
    case CELL_GAUGE:
        return cell->number == UINT32_MAX ? json_null() : json_integer(cell->number);
    case CELL_DATE:
    case CELL_TIME:
        return cell->number ? json_integer(cell->number) : json_null();
    case CELL_INTEGER:
    case CELL_UNSIGNED:
    case CELL_COUNTER64:
        break;
    }
    return json_integer(cell->number);
}

json_t *json_row(const struct table *table, const void *row, uint32_t now)
{
    json_t *object = json_object();
    const uint32_t *index = row;
    if (table->indices >= 1)
        json_object_set_new(object, "index", json_integer(index[0]));
    if (table->indices == 2)
        json_object_set_new(object, "index2", json_integer(index[1]));
    for (size_t i = 0; i < table->column_count; i++) {
        struct cell cell;
        table->columns[i].get(row, now, &cell);
        json_object_set_new(object, table->columns[i].name, json_cell(&cell));
    }
    return object;
}

json_t *json_table(const struct snapshot *snapshot, const struct table *table)
{
    uint32_t rows = snapshot_count(snapshot, table->id);
    if (table->indices == 0)
        return rows ? json_row(table, snapshot_row(snapshot, table->id, 0), snapshot->made_at) : json_object();
    json_t *array = json_array();
    for (uint32_t row = 0; row < rows; row++)
        json_array_append_new(array, json_row(table, snapshot_row(snapshot, table->id, row), snapshot->made_at));
    return array;
}
