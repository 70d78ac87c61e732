/* vsftpd's own log (xferlog_std_format=NO), also through syslog. It has logins but no logouts; the process that transfers is not
 * the one that logs in, so only transfers carry a session. User and file names are chosen by strangers: a line that could be read
 * in two ways says nothing. Pure. */
#include "line.h"

enum { KBYTE = 1024, DURATION_MAX_MS = 7 * 86400000 };

static const char client_mark[] = ": Client \"";

/* What vsftpd calls it, and what it means when it went well or failed. */
static const struct operation {
    const char *name;
    uint8_t done, failed;
    bool transfer, removed;
} operations[] = {
    {"LOGIN", GRADE_POLL, GRADE_REFUSED, false, false}, {"DOWNLOAD", GRADE_TAKE, GRADE_FAILED, true, false},
    {"UPLOAD", GRADE_STORE, GRADE_STORE, true, false},  {"DELETE", GRADE_TAKE, GRADE_FAILED, false, true},
    {"RENAME", GRADE_STORE, GRADE_NONE, false, false},  {"MKDIR", GRADE_NONE, GRADE_NONE, false, false},
    {"RMDIR", GRADE_NONE, GRADE_NONE, false, false},    {"CHMOD", GRADE_NONE, GRADE_NONE, false, false},
};

/* "[pid 123] ", or syslog's "host vsftpd[123]: " */
static bool process_read(struct cursor *cursor, struct text *process)
{
    if (cursor_skip(cursor, "[pid "))
        return cursor_until(cursor, "] ", process);
    struct text before;
    struct cursor at = *cursor;
    if (!cursor_until(&at, "vsftpd", &before) || before.size > 256 || (before.size && before.data[before.size - 1] != ' '))
        return false;
    *process = (struct text){0};
    if (cursor_skip(&at, "[") && !cursor_until(&at, "]", process))
        return false;
    if (!cursor_skip(&at, ": "))
        return false;
    *cursor = at;
    return true;
}

/* "544.81" → 54481 */
static bool hundredths_read(struct text text, int64_t *out)
{
    struct cursor cursor = {text.data, text.data + text.size};
    int64_t whole, part;
    if (!cursor_number(&cursor, 15, &whole) || !cursor_skip(&cursor, ".") || cursor_left(&cursor) != 2 || !cursor_number(&cursor, 2, &part))
        return false;
    *out = whole * 100 + part;
    return true;
}

/* The text behind the last `mark`; `text` keeps what stands before it. */
static bool text_split_last(struct text *text, const char *mark, struct text *behind)
{
    size_t size = strlen(mark);
    for (size_t i = text->size; i >= size; i--)
        if (memcmp(text->data + i - size, mark, size) == 0) {
            *behind = (struct text){text->data + i, text->size - i};
            text->size = i - size;
            return true;
        }
    return false;
}

/* `/in/a "b", 5 bytes.txt", 2602 bytes, 544.81Kbyte/sec`: from the right, for the name may hold anything. The size is omitted when 0. */
static bool transfer_read(struct text rest, struct sighting *out, int64_t *duration_ms)
{
    static const char unit[] = "Kbyte/sec", bytes_unit[] = " bytes";
    struct text rate, bytes;
    int64_t hundredths;
    if (rest.size < sizeof unit || memcmp(rest.data + rest.size - (sizeof unit - 1), unit, sizeof unit - 1) != 0)
        return false;
    rest.size -= sizeof unit - 1;
    if (!text_split_last(&rest, ", ", &rate) || !hundredths_read(rate, &hundredths) || !rest.size)
        return false;
    out->bytes = 0;
    if (rest.data[rest.size - 1] != '"') {
        if (!text_split_last(&rest, "\", ", &bytes) || bytes.size < sizeof bytes_unit)
            return false;
        bytes.size -= sizeof bytes_unit - 1;
        if (memcmp(bytes.data + bytes.size, bytes_unit, sizeof bytes_unit - 1) != 0 || !text_number(bytes, &out->bytes))
            return false;
    } else {
        rest.size--;
    }
    out->object = rest;
    /* a rate of 0.00 tells no duration; then the line is as if it began when it ended */
    double ms = hundredths ? (double)out->bytes / KBYTE / ((double)hundredths / 100) * 1000 : 0;
    *duration_ms = ms < DURATION_MAX_MS ? (int64_t)ms : 0;
    return true;
}

/* The rest of a line without figures ends with the closing quote; and only one reading of it may exist. */
static bool name_read(struct text rest, struct text *name)
{
    if (!rest.size || rest.data[rest.size - 1] != '"' || text_has(rest, client_mark))
        return false;
    *name = (struct text){rest.data, rest.size - 1};
    return true;
}

/* `/old name /new name` → the new one: where it is splits in just one way */
static bool renamed_to(struct text names, struct text *name)
{
    const char *found = memmem(names.data, names.size, " /", 2);
    if (!found)
        return false;
    size_t start = (size_t)(found - names.data) + 1;
    *name = (struct text){names.data + start, names.size - start};
    return !text_has(*name, " /");
}

static bool operation_finish(const struct operation *operation, bool done, struct text rest, struct sighting *out, stamp_t stamp)
{
    int64_t duration_ms = 0;
    out->grade = done ? operation->done : operation->failed;
    out->complete = done;
    out->removed = done && operation->removed;
    if (out->grade == GRADE_NONE)
        return false;
    if (operation->transfer) {
        if (!transfer_read(rest, out, &duration_ms))
            return false;
    } else if (operation->done == GRADE_POLL) {
        static const char password[] = ", anon password \"";
        if (rest.size &&
            (rest.size < sizeof password || memcmp(rest.data, password, sizeof password - 1) != 0 || text_has(rest, client_mark)))
            return false;
    } else {
        struct text name;
        if (rest.size < 3 || memcmp(rest.data, ", \"", 3) != 0 || !name_read((struct text){rest.data + 3, rest.size - 3}, &name))
            return false;
        if (operation->done == GRADE_STORE && !renamed_to(name, &name))
            return false;
        out->object = name;
    }
    sighting_span(out, stamp, duration_ms);
    return true;
}

/* `FTP command: Client "10.0.0.1", "QUIT"` ends a session in order */
static bool command_read(struct cursor *cursor, struct sighting *out, stamp_t stamp)
{
    struct text client;
    if (!cursor_skip(cursor, "FTP command: Client \"") || !cursor_until(cursor, "\", \"", &client) || !cursor_skip(cursor, "QUIT\"") ||
        cursor->at != cursor->end)
        return false;
    out->grade = GRADE_CLOSE;
    out->complete = true;
    out->client = client;
    sighting_span(out, stamp, 0);
    return address_parse(client.data, client.size, &out->address);
}

static bool event_read(struct cursor *cursor, struct sighting *out, stamp_t stamp)
{
    if (cursor_left(cursor) > 4 && memcmp(cursor->at, "FTP ", 4) == 0)
        return command_read(cursor, out, stamp);
    bool done = cursor_skip(cursor, "OK ");
    if (!done && !cursor_skip(cursor, "FAIL "))
        return false;
    struct text name, client;
    if (!cursor_until(cursor, client_mark, &name) || !cursor_until(cursor, "\"", &client))
        return false;
    out->client = client;
    if (!address_parse(client.data, client.size, &out->address))
        return false;
    struct text rest = {cursor->at, cursor_left(cursor)};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (text_is(name, operations[i].name)) {
            if (operations[i].transfer) {
                if (rest.size < 3 || memcmp(rest.data, ", \"", 3) != 0)
                    return false;
                rest = (struct text){rest.data + 3, rest.size - 3};
            }
            return operation_finish(&operations[i], done, rest, out, stamp);
        }
    return false;
}

enum parsed vsftpd_parse(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                         struct sighting *out)
{
    (void)custom;
    struct cursor cursor = {line, line + size};
    struct text process, account = {0};
    stamp_t stamp;
    if (size < 24 || !stamp_any(state, &cursor, &stamp) || !cursor_skip(&cursor, " ") || !process_read(&cursor, &process))
        return PARSED_ALIEN;
    *out = (struct sighting){.bytes = -1, .begin = stamp, .end = stamp};
    if (cursor_skip(&cursor, "[") && !cursor_until(&cursor, "] ", &account))
        return PARSED_STAMP;
    out->account = account;
    if (!account.size || !event_read(&cursor, out, stamp)) {
        *out = (struct sighting){.bytes = -1, .begin = stamp, .end = stamp};
        return PARSED_STAMP;
    }
    /* process numbers are used again: the client's address keeps neighbours apart */
    if (process.size && out->grade != GRADE_POLL && out->grade != GRADE_REFUSED)
        out->session = hash_text(process.data, process.size) ^ hash_text((const char *)out->address.bytes, sizeof out->address.bytes);
    return PARSED_SIGHTING;
}
