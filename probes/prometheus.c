/* Reads one line in place: names and values are terminated where they stand. See prometheus.h. */
#include "prometheus.h"

#include <stdlib.h>
#include <string.h>

static bool name_begins(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

static bool name_goes_on(char c)
{
    return name_begins(c) || (c >= '0' && c <= '9');
}

/* Where the name that begins here ends; `at` itself = there is none. */
static char *name_end(char *at)
{
    if (!name_begins(*at))
        return at;
    while (name_goes_on(*at))
        at++;
    return at;
}

static char *skip_blanks(char *at)
{
    return at + strspn(at, " \t");
}

/* Size of the well-formed character at `at`; 0 = it is none. */
static size_t character_size(const unsigned char *at)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (*at < 0x80)
        return 1;
    size_t size = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    uint32_t point = *at & (0xffU >> (size + 1));
    if (*at < 0xc2 || *at > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3fU);
    }
    return point < smallest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? 0 : size;
}

/* The quoted value that begins behind its first quote, unescaped in place. Returns what follows the last quote, NULL = broken. */
static char *value_read(char *at)
{
    char *out = at;
    while (*at && *at != '"') {
        size_t size = character_size((const unsigned char *)at);
        if (*at == '\\' && at[1]) { /* an escape that is none stays as it stands */
            if (!strchr("\\\"n", at[1]))
                *out++ = '\\';
            *out++ = at[1] == 'n' ? '\n' : at[1];
            at += 2;
            continue;
        }
        if (size == 0)
            return NULL;
        memmove(out, at, size);
        out += size;
        at += size;
    }
    if (*at != '"')
        return NULL;
    *out = '\0';
    return at + 1;
}

/* "{a="1", b="2",}": returns what follows, NULL = broken. `at` stands behind the bracket. */
static char *labels_read(char *at, struct prometheus_sample *sample)
{
    for (at = skip_blanks(at); *at != '}'; at = skip_blanks(at)) {
        struct prometheus_label label = {.name = at};
        char *end = name_end(at);
        at = skip_blanks(end);
        if (end == label.name || *at != '=' || sample->label_count == PROMETHEUS_LABELS_MAX)
            return NULL;
        at = skip_blanks(at + 1);
        if (*at != '"')
            return NULL;
        *end = '\0';
        label.value = ++at;
        at = value_read(at);
        if (!at)
            return NULL;
        sample->labels[sample->label_count++] = label;
        at = skip_blanks(at);
        if (*at == ',')
            at++;
        else if (*at != '}')
            return NULL;
    }
    return at + 1;
}

/* Digits with sign, point and exponent, or a word for what is no number; nothing else that strtod() would take. */
static char *number_read(char *at, double *value)
{
    char *end;
    size_t size = strspn(at, "+-.0123456789eE");
    size_t word = strcspn(at, " \t");
    bool named = word <= 9 && strspn(at, "+-aAfFiInNtTyY") == word;
    if (word == 0 || (size != word && !named))
        return NULL;
    *value = strtod(at, &end);
    return end == at + word ? end : NULL;
}

/* Behind the value: nothing, a time stamp, an exemplar. */
static bool tail_good(char *at)
{
    double stamp;
    at = skip_blanks(at);
    if (*at && *at != '#') {
        at = number_read(at, &stamp);
        at = at ? skip_blanks(at) : NULL;
    }
    return at && (!*at || *at == '#');
}

static bool sample_read(char *line, struct prometheus_sample *sample)
{
    char *end = name_end(line), *at = skip_blanks(end);
    bool labelled = *at == '{';
    if (end == line || (!labelled && at == end))
        return false;
    *end = '\0';
    sample->name = line;
    if (labelled)
        at = labels_read(at + 1, sample);
    at = at ? number_read(skip_blanks(at), &sample->value) : NULL;
    return at && tail_good(at);
}

/* Of a broken line no more than its name is told. */
static void broken(char *line, uint16_t reason, prometheus_sink *sink, void *context)
{
    struct prometheus_sample sample = {.reason = reason, .name = line};
    *name_end(line) = '\0';
    sink(context, &sample);
}

static void line_read(struct prometheus *reader, prometheus_sink *sink, void *context)
{
    struct prometheus_sample sample = {.reason = REASON_OK};
    char *line = reader->line;
    bool torn = memchr(line, '\0', reader->size) != NULL;
    if (reader->size && line[reader->size - 1] == '\r')
        reader->size--;
    line[reader->size] = '\0';
    line = skip_blanks(line);
    if (*line == '#' || (!*line && !torn && !reader->too_long))
        return;
    if (reader->too_long)
        broken(line, REASON_LINE_TOO_LONG, sink, context);
    else if (torn || !sample_read(line, &sample))
        broken(line, REASON_BAD_REPLY, sink, context);
    else
        sink(context, &sample);
}

static void line_begin(struct prometheus *reader)
{
    reader->size = 0;
    reader->too_long = false;
}

void prometheus_feed(struct prometheus *reader, const char *data, size_t size, prometheus_sink *sink, void *context)
{
    while (size) {
        const char *end = memchr(data, '\n', size);
        size_t piece = end ? (size_t)(end - data) : size, room = PROMETHEUS_LINE_MAX - reader->size;
        reader->too_long = reader->too_long || piece > room;
        memcpy(reader->line + reader->size, data, piece < room ? piece : room);
        reader->size += piece < room ? piece : room;
        data += piece;
        size -= piece;
        if (!end)
            return;
        line_read(reader, sink, context);
        line_begin(reader);
        data++;
        size--;
    }
}

void prometheus_end(struct prometheus *reader, prometheus_sink *sink, void *context)
{
    if (reader->size && *reader->line != '#') {
        reader->line[reader->size] = '\0';
        broken(reader->line, REASON_BAD_REPLY, sink, context);
    }
    line_begin(reader);
}

const char *prometheus_label(const struct prometheus_sample *sample, const char *name)
{
    for (uint8_t i = 0; i < sample->label_count; i++)
        if (!strcmp(sample->labels[i].name, name))
            return sample->labels[i].value;
    return "";
}
