/* Messages about configuration files. Owns their form; must not know what is being read. */
#include "reading.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_COLUMNS = 120, WORD_MAX = 64, COMPLAINTS_MAX = 10000 };

bool looks_secret(const char *key, size_t size)
{
    static const char *const endings[] = {"password", "passwd", "passphrase", "pass", "secret", "community", "token", "_key", "pw", NULL};
    for (const char *const *ending = endings; *ending; ending++) {
        size_t length = strlen(*ending);
        if (size >= length && strncasecmp(key + size - length, *ending, length) == 0)
            return true;
    }
    return false;
}

/* How much of a line may be shown: up to the first value whose key looks like a secret. */
static size_t presentable(const char *line, size_t size)
{
    for (size_t colon = 0; colon < size; colon++) {
        if (line[colon] != ':')
            continue;
        size_t end = colon;
        while (end > 0 && strchr("\"' \t", line[end - 1]))
            end--;
        size_t begin = end;
        while (begin > 0 && (isalnum((unsigned char)line[begin - 1]) || line[begin - 1] == '_' || line[begin - 1] == '-'))
            begin--;
        if (end > begin && looks_secret(line + begin, end - begin))
            return colon + 1;
    }
    return size;
}

static void source_line(const struct source *source, uint32_t number, const char **line, size_t *size)
{
    const char *at = source->text, *end = source->text + source->size;
    for (uint32_t i = 1; i < number && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    *line = at;
    *size = (size_t)((newline ? newline : end) - at);
    if (*size && at[*size - 1] == '\r')
        --*size;
}

/* One column each: a tab becomes a blank, and nothing that could steer a terminal comes through. True: it was all. */
static bool put_columns(FILE *out, const char *line, size_t size, uint32_t first, uint32_t last)
{
    uint32_t column = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];
        bool continues = (byte & 0xc0) == 0x80;
        if (!continues)
            column++;
        if (column < first || column > last)
            continue;
        if (byte == '\t')
            putc(' ', out);
        else if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && i + 1 < size && (unsigned char)line[i + 1] < 0xa0))
            putc('?', out);
        else if (!(continues && i > 0 && (unsigned char)line[i - 1] == 0xc2 && byte < 0xa0))
            putc(byte, out);
    }
    return column <= last;
}

static void show_line(struct reading *reading, struct place place, uint32_t width)
{
    const struct source *source = reading->sources;
    while (source && source->name != place.file)
        source = source->next;
    if (!source || place.line == 0)
        return;
    FILE *out = reading->diagnostics->out;
    const char *line;
    size_t size;
    source_line(source, place.line, &line, &size);
    size_t shown = presentable(line, size);
    uint32_t first = place.column > SHOWN_COLUMNS - 20 ? place.column - SHOWN_COLUMNS / 2 : 1;
    fprintf(out, "%5u | %s", place.line, first > 1 ? "…" : "");
    bool all = put_columns(out, line, shown, first, first + SHOWN_COLUMNS);
    fputs(shown < size || !all ? " …\n" : "\n", out);
    uint32_t blanks = place.column - first + (first > 1 ? 1 : 0);
    fprintf(out, "      | %*s%s", (int)blanks, "", reading->diagnostics->color ? "\033[1;31m" : "");
    putc('^', out);
    for (uint32_t i = 1; i < width && i < SHOWN_COLUMNS / 2; i++)
        putc('~', out);
    fputs(reading->diagnostics->color ? "\033[0m\n" : "\n", out);
}

void complain_list(struct reading *reading, struct place place, uint32_t width, const char *format, va_list arguments)
{
    if (reading->complaint_count == COMPLAINTS_MAX)
        return;
    if (reading->complaint_count == reading->complaint_room) {
        reading->complaint_room = reading->complaint_room ? reading->complaint_room * 2 : 16;
        reading->complaints = realloc(reading->complaints, reading->complaint_room * sizeof(struct complaint));
        if (!reading->complaints)
            abort();
    }
    char text[512];
    vsnprintf(text, sizeof(text), format, arguments);
    for (char *at = text; *at; at++)
        if (iscntrl((unsigned char)*at))
            *at = '?';
    reading->complaints[reading->complaint_count] = (struct complaint){.place = place,
                                                                       .width = width,
                                                                       .order = (unsigned)reading->complaint_count,
                                                                       .text = arena_text(reading->arena, text, strlen(text))};
    reading->complaint_count++;
    reading->diagnostics->errors++;
}

void complain(struct reading *reading, struct place place, uint32_t width, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain_list(reading, place, width, format, arguments);
    va_end(arguments);
}

static void print_complaint(struct reading *reading, const struct complaint *complaint)
{
    FILE *out = reading->diagnostics->out;
    const char *bold = reading->diagnostics->color ? "\033[1m" : "", *normal = reading->diagnostics->color ? "\033[0m" : "";
    const struct place *place = &complaint->place;
    if (place->line)
        fprintf(out, "%s:%u:%u: %s%s%s\n", place->file, place->line, place->column, bold, complaint->text, normal);
    else
        fprintf(out, "%s: %s%s%s\n", place->file, bold, complaint->text, normal);
    show_line(reading, *place, complaint->width);
}

static int by_place(const void *left, const void *right)
{
    const struct complaint *a = left, *b = right;
    int order = strcmp(a->place.file, b->place.file);
    if (order)
        return order;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    if (a->place.column != b->place.column)
        return a->place.column < b->place.column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void complaints_print(struct reading *reading)
{
    size_t limit = reading->diagnostics->limit ? reading->diagnostics->limit : 100, count = reading->complaint_count;
    if (count)
        qsort(reading->complaints, count, sizeof(struct complaint), by_place);
    for (size_t i = 0; i < count && i < limit; i++)
        print_complaint(reading, &reading->complaints[i]);
    if (count > limit)
        fprintf(reading->diagnostics->out, "%zu further errors are not shown\n", count - limit);
    free(reading->complaints);
    reading->complaints = NULL;
    reading->complaint_count = reading->complaint_room = 0;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Letters to insert, remove, replace or swap. */
static unsigned edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][WORD_MAX + 1];
    for (unsigned j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned *now = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            now[j] = least(least(above[j], now[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
    size_t size = strlen(suggestion->word), other = strlen(candidate);
    if (!size || !other || size > WORD_MAX || other > WORD_MAX)
        return;
    unsigned distance = edit_distance(suggestion->word, size, candidate, other);
    unsigned longer = (unsigned)(size > other ? size : other);
    if (distance > (longer + 2) / 4 || (suggestion->best && distance >= suggestion->distance))
        return;
    suggestion->best = candidate;
    suggestion->distance = distance;
}

const char *suggestion_text(const struct suggestion *suggestion, char buffer[160])
{
    buffer[0] = '\0';
    if (suggestion->best)
        snprintf(buffer, 160, "; did you mean `%s`?", suggestion->best);
    return buffer;
}
