/* Reading logs for `scan`: plain or gzip, line by line, in bounded memory. Knows nothing of what lines mean beyond their stamps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "scan.h"

enum { CHUNK = 65536, SAMPLE_LINES = 256, SAMPLE_BYTES = 512 };

struct reading {
    char line[LINE_MAX_BYTES];
    size_t used;
    bool cut;
    uint64_t number;
};

static bool line_end(struct reading *reading, scan_line *each, void *context)
{
    size_t size = reading->used;
    if (size && reading->line[size - 1] == '\r')
        size--;
    bool more = each(context, reading->line, size, reading->cut, ++reading->number);
    reading->used = 0;
    reading->cut = false;
    return more;
}

/* Returns false when the reader wants no more. */
static bool chunk_feed(struct reading *reading, const char *chunk, size_t size, scan_line *each, void *context)
{
    const char *at = chunk, *end = chunk + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t piece = (size_t)((newline ? newline : end) - at), room = sizeof reading->line - reading->used;
        size_t kept = piece < room ? piece : room;
        memcpy(reading->line + reading->used, at, kept);
        reading->used += kept;
        reading->cut |= kept < piece;
        if (!newline)
            return true;
        if (!line_end(reading, each, context))
            return false;
        at = newline + 1;
    }
    return true;
}

int scan_each_line(const char *path, scan_line *each, void *context)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return -1;
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    gzFile file = gzopen(path, "rb");
    struct reading *reading = calloc(1, sizeof *reading);
    char *chunk = malloc(CHUNK);
    if (!file || !reading || !chunk) {
        free(chunk);
        free(reading);
        if (file)
            gzclose(file);
        return -1;
    }
    int got = 0;
    bool more = true;
    while (more && (got = gzread(file, chunk, CHUNK)) > 0)
        more = chunk_feed(reading, chunk, (size_t)got, each, context);
    if (more && (reading->used || reading->cut))
        line_end(reading, each, context);
    int damaged = got < 0, fault = Z_OK;
    if (!damaged && more)
        gzerror(file, &fault);
    gzclose(file);
    free(chunk);
    free(reading);
    if (damaged || fault == Z_BUF_ERROR || fault == Z_DATA_ERROR) {
        errno = 0;
        return -1;
    }
    return 0;
}

static bool all_digits(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

void scan_base_name(const char *path, char *out, size_t size)
{
    snprintf(out, size, "%s", path);
    size_t length = strlen(out);
    if (length > 3 && strcmp(out + length - 3, ".gz") == 0)
        out[length - 3] = '\0';
    char *dot = strrchr(out, '.'), *dash = strrchr(out, '-'), *slash = strrchr(out, '/');
    if (dot && dot > (slash ? slash + 1 : out) && strlen(dot + 1) <= 3 && all_digits(dot + 1))
        *dot = '\0';
    else if (dash && dash > (slash ? slash + 1 : out) && strlen(dash + 1) == 8 && all_digits(dash + 1))
        *dash = '\0';
}

/* The first lines of a file, kept to recognise its format by. */
struct sample {
    struct text lines[SAMPLE_LINES];
    char bytes[SAMPLE_LINES][SAMPLE_BYTES];
    size_t count;
};

static bool sample_line(void *context, const char *line, size_t size, bool cut, uint64_t number)
{
    struct sample *sample = context;
    (void)number;
    if (size && size <= SAMPLE_BYTES && !cut) {
        memcpy(sample->bytes[sample->count], line, size);
        sample->lines[sample->count] = (struct text){sample->bytes[sample->count], size};
        sample->count++;
    }
    return sample->count < SAMPLE_LINES;
}

static stamp_t first_stamp(const struct sample *sample, const struct format *format, stamp_t changed)
{
    struct format_state *state = calloc(1, sizeof *state);
    stamp_t first = 0;
    time_t seconds = (time_t)(changed / 1000);
    struct tm tm;
    if (!state)
        return 0;
    if (gmtime_r(&seconds, &tm)) {
        state->year = (int16_t)(tm.tm_year + 1900);
        state->month = (int16_t)(tm.tm_mon + 1);
    }
    for (size_t i = 0; i < sample->count && !first; i++) {
        struct sighting sighting;
        enum parsed parsed = format->parse(NULL, state, sample->lines[i].data, sample->lines[i].size, &sighting);
        if (parsed == PARSED_SIGHTING || parsed == PARSED_STAMP)
            first = sighting.end;
    }
    free(state);
    return first;
}

const char *scan_file_prepare(struct scan_file *file, const struct format **format)
{
    struct sample *sample = calloc(1, sizeof *sample);
    const char *wrong = NULL;
    struct stat status;
    if (!sample)
        return "no memory";
    if (scan_each_line(file->path, sample_line, sample) != 0) {
        wrong = errno ? strerror(errno) : NULL;
        file->damaged = errno == 0;
        if (file->damaged && !sample->count)
            wrong = "damaged, nothing could be read";
    }
    if (stat(file->path, &status) == 0)
        file->changed = (stamp_t)status.st_mtim.tv_sec * 1000;
    if (!wrong) {
        const struct format *known = *format ? *format : format_recognise(sample->lines, sample->count);
        if (!*format)
            *format = known;
        file->first = known ? first_stamp(sample, known, file->changed) : 0;
    }
    free(sample);
    return wrong;
}
