/* Reading back: blocks and orphans before the loop runs, and rows as JSON for questions. Owns every SELECT that others see. */
#include "journal_inside.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sqlite3_stmt *prepare(const struct journal *journal, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (journal->database.handle)
        sqlite3_prepare_v2(journal->database.handle, sql, -1, &statement, NULL);
    return statement;
}

int journal_get(struct journal *journal, const char *name, void *block, size_t capacity)
{
    int size = -1;
    uv_mutex_lock(&journal->database_lock);
    sqlite3_stmt *statement = prepare(journal, "SELECT value FROM block WHERE name=?");
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        size = sqlite3_column_bytes(statement, 0);
        if ((size_t)size <= capacity && size > 0)
            memcpy(block, sqlite3_column_blob(statement, 0), (size_t)size);
    }
    sqlite3_finalize(statement);
    uv_mutex_unlock(&journal->database_lock);
    return size;
}

void journal_scan(struct journal *journal, const char *prefix, journal_each *each, void *context)
{
    uv_mutex_lock(&journal->database_lock);
    sqlite3_stmt *statement = prepare(journal, "SELECT name, value FROM block WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name");
    sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const void *block = sqlite3_column_blob(statement, 1);
        each(context, (const char *)sqlite3_column_text(statement, 0), block ? block : "", (size_t)sqlite3_column_bytes(statement, 1));
    }
    sqlite3_finalize(statement);
    uv_mutex_unlock(&journal->database_lock);
}

void journal_orphans(struct journal *journal, void (*each)(void *context, uint64_t plan, const char *group, const void *block, size_t size),
                     void *context)
{
    uv_mutex_lock(&journal->database_lock);
    sqlite3_stmt *statement = prepare(journal, "SELECT plan, grp, value FROM intent WHERE ended IS NULL ORDER BY begun");
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const void *block = sqlite3_column_blob(statement, 2);
        each(context, (uint64_t)sqlite3_column_int64(statement, 0), (const char *)sqlite3_column_text(statement, 1), block ? block : "",
             (size_t)sqlite3_column_bytes(statement, 2));
    }
    sqlite3_finalize(statement);
    uv_mutex_unlock(&journal->database_lock);
}

/* how a column appears in the answer; columns that hold nothing are left out */
enum shape { SHAPE_NUMBER, SHAPE_STAMP, SHAPE_TEXT, SHAPE_PLAN };
struct shown {
    const char *name;
    enum shape shape;
};

static const struct shown history_shown[] = {
    {"sequence", SHAPE_NUMBER}, {"at", SHAPE_STAMP},     {"kind", SHAPE_NUMBER},    {"happening", SHAPE_NUMBER}, {"class", SHAPE_NUMBER},
    {"severity", SHAPE_NUMBER}, {"state", SHAPE_NUMBER}, {"subject", SHAPE_NUMBER}, {"key", SHAPE_TEXT},         {"cluster", SHAPE_TEXT},
    {"group", SHAPE_TEXT},      {"host", SHAPE_TEXT},    {"node", SHAPE_TEXT},      {"word", SHAPE_TEXT},        {"text", SHAPE_TEXT},
    {"plan", SHAPE_PLAN},       {"rule", SHAPE_NUMBER},  {NULL, SHAPE_NUMBER}};
static const struct shown raw_shown[] = {{"id", SHAPE_NUMBER},   {"at", SHAPE_STAMP},  {"kind", SHAPE_NUMBER}, {"subject", SHAPE_TEXT},
                                         {"source", SHAPE_TEXT}, {"text", SHAPE_TEXT}, {NULL, SHAPE_NUMBER}};

/* A filter names a whole value or the part behind its last slash: "orders" finds "pollers/orders" and "idle/pollers/orders".
 * Newest rows are chosen, oldest is shown first. */
#define NAMED(column) "(" column "=?1 OR substr(" column ",-length(?1)-1)='/'||?1)"
static const struct {
    const char *sql;
    const struct shown *shown;
} questions[] = {
    [JOURNAL_HISTORY] = {"SELECT * FROM history WHERE ?1 IS NULL OR " NAMED("key") " OR " NAMED("grp") " OR " NAMED(
                             "host") " OR cluster=?1 OR node=?1 OR cluster||'/'||grp=?1 ORDER BY sequence DESC LIMIT ?2",
                         history_shown},
    [JOURNAL_RAW] = {"SELECT * FROM raw WHERE ?1 IS NULL OR " NAMED("subject") " OR " NAMED("source") " ORDER BY id DESC LIMIT ?2",
                     raw_shown},
};

static json_t *stamp(int64_t at)
{
    time_t seconds = (time_t)(at / 1000);
    struct tm parts;
    char text[40], whole[64];
    if (!gmtime_r(&seconds, &parts) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return json_integer(at);
    snprintf(whole, sizeof whole, "%s.%03dZ", text, (int)(at % 1000));
    return json_string(whole);
}

/* Logs hold bytes of any encoding; JSON holds UTF-8. What is none is shown as '?'. */
static json_t *text(const char *string, size_t size)
{
    json_t *json = json_stringn(string, size);
    if (json)
        return json;
    char *plain = malloc(size + 1);
    if (!plain)
        abort();
    for (size_t i = 0; i < size; i++)
        plain[i] = (unsigned char)string[i] < 0x80 ? string[i] : '?';
    json = json_stringn(plain, size);
    free(plain);
    return json;
}

static json_t *cell(sqlite3_stmt *statement, int column, enum shape shape)
{
    int64_t number = sqlite3_column_int64(statement, column);
    char plan[20];
    switch (shape) {
    case SHAPE_NUMBER:
        return number ? json_integer(number) : NULL;
    case SHAPE_STAMP:
        return stamp(number);
    case SHAPE_PLAN:
        snprintf(plan, sizeof plan, "%" PRIx64, (uint64_t)number);
        return number ? json_string(plan) : NULL;
    case SHAPE_TEXT:
        break;
    }
    int size = sqlite3_column_bytes(statement, column);
    return size ? text((const char *)sqlite3_column_text(statement, column), (size_t)size) : NULL;
}

static int give_way(void *context)
{
    struct journal *journal = context;
    uv_mutex_lock(&journal->lock);
    bool urgent = journal->urgent != NULL;
    uv_mutex_unlock(&journal->lock);
    return urgent;
}

static int read_rows(sqlite3_stmt *statement, const struct shown *shown, json_t *rows)
{
    size_t bytes = 0;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && bytes < ANSWER_BYTES_MAX) {
        json_t *row = json_object();
        for (int i = 0; shown[i].name; i++) {
            json_t *value = cell(statement, i, shown[i].shape);
            if (value)
                json_object_set_new(row, shown[i].name, value);
            bytes += 24 + (size_t)sqlite3_column_bytes(statement, i);
        }
        json_array_append_new(rows, row);
    }
    return code == SQLITE_ROW ? SQLITE_DONE : code;
}

static char *oldest_first(const json_t *rows)
{
    json_t *turned = json_array();
    for (size_t i = json_array_size(rows); i > 0; i--)
        json_array_append(turned, json_array_get(rows, i - 1));
    char *dumped = json_dumps(turned, JSON_COMPACT);
    json_decref(turned);
    return dumped;
}

bool journal_answer_question(struct journal *journal, struct question *question)
{
    uv_mutex_lock(&journal->database_lock);
    sqlite3 *handle = journal->database.handle;
    sqlite3_stmt *statement = prepare(journal, questions[question->about].sql);
    json_t *rows = json_array();
    int code = SQLITE_ERROR;
    if (statement) {
        sqlite3_progress_handler(handle, 10000, give_way, journal);
        sqlite3_bind_text(statement, 1, question->filter, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, question->limit);
        code = read_rows(statement, questions[question->about].shown, rows);
        sqlite3_progress_handler(handle, 0, NULL, NULL);
    }
    if (code == SQLITE_DONE)
        question->json = oldest_first(rows);
    else if (handle)
        database_explain(&journal->database, "read", question->error, sizeof question->error);
    else
        snprintf(question->error, sizeof question->error, "%s is not open", journal->database.path);
    sqlite3_finalize(statement);
    json_decref(rows);
    uv_mutex_unlock(&journal->database_lock);
    return code != SQLITE_INTERRUPT;
}
