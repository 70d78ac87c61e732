/* What the journal's tests share: a folder of their own, an open journal, and waiting for it without clocks. */
#ifndef TESTS_UNIT_KEEP_SUPPORT_H
#define TESTS_UNIT_KEEP_SUPPORT_H

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <sqlite3.h>

#include "agent/keep/journal.h"

struct fixture {
    char folder[64], path[128], error[512];
    uv_loop_t loop;
    struct journal_limits limits;
    struct journal *journal;
};

struct answers {
    size_t durable, refused, answered;
    char *json, error[200];
};

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void open_again(struct fixture *fixture)
{
    fixture->journal = journal_open(&fixture->loop, fixture->path, &fixture->limits, fixture->error, sizeof fixture->error);
}

static inline void shut(struct fixture *fixture)
{
    journal_close(fixture->journal);
    fixture->journal = NULL;
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
}

static inline void reopen(struct fixture *fixture)
{
    shut(fixture);
    open_again(fixture);
    if (!fixture->journal)
        fail_msg("%s", fixture->error);
}

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/sw-keep-XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/journal.db", fixture->folder);
    fixture->limits = (struct journal_limits){.history_rows = 100000, .ring_keep = 48LL * 3600 * 1000, .ring_rows = 2000000};
    uv_loop_init(&fixture->loop);
    open_again(fixture);
    *state = fixture;
    return fixture->journal ? 0 : -1;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    shut(fixture);
    int busy = uv_loop_close(&fixture->loop);
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->folder);
    int failed = system(command);
    free(fixture);
    return busy || failed ? -1 : 0;
}

static inline void on_durable(void *context, bool durable, const char *error)
{
    struct answers *answers = context;
    if (durable)
        answers->durable++;
    else
        answers->refused++;
    snprintf(answers->error, sizeof answers->error, "%s", error ? error : "");
}

static inline void on_answer(void *context, const char *json, const char *error)
{
    struct answers *answers = context;
    answers->answered++;
    free(answers->json);
    answers->json = json ? strdup(json) : NULL;
    snprintf(answers->error, sizeof answers->error, "%s", error ? error : "");
    if (answers->answered > 1 && answers->json) { /* counted only */
        free(answers->json);
        answers->json = NULL;
    }
}

static inline json_t *ask(struct fixture *fixture, enum journal_question question, const char *filter, uint32_t limit)
{
    struct answers answers = {0};
    journal_ask(fixture->journal, question, filter, limit, on_answer, &answers);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    if (!answers.json)
        fail_msg("%s", answers.error);
    json_t *json = json_loads(answers.json, JSON_ALLOW_NUL, NULL);
    free(answers.json);
    return json;
}

/* A question is answered only when everything before it was written. */
static inline void flush(struct fixture *fixture)
{
    json_decref(ask(fixture, JOURNAL_HISTORY, "no such row", 1));
}

static inline bool intend(struct fixture *fixture, uint64_t plan)
{
    struct answers answers = {0};
    journal_intent(fixture->journal, plan, "orders", "intent", 6, on_durable, &answers);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    snprintf(fixture->error, sizeof fixture->error, "%s", answers.error);
    return answers.durable == 1;
}

static inline bool add_history(struct fixture *fixture, uint64_t sequence, const char *key, const char *group, const char *text)
{
    struct journal_history row = {
        .sequence = sequence, .at = now_ms(), .kind = 1, .key = key, .cluster = "pollers", .group = group, .text = text};
    return journal_history(fixture->journal, &row);
}

static inline bool add_raw(struct fixture *fixture, int64_t at)
{
    struct journal_raw row = {.at = at, .kind = 2, .subject = "pollers/orders", .source = "shop.log", .text = "Mon: OK LOGIN: Client"};
    return journal_raw(fixture->journal, &row);
}

static inline void sql_on_file(const struct fixture *fixture, const char *sql)
{
    sqlite3 *file = NULL;
    char *error = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &file), SQLITE_OK);
    sqlite3_busy_timeout(file, 10000);
    if (sqlite3_exec(file, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s", error);
    sqlite3_close(file);
}

static inline int64_t sql_number_on_file(const struct fixture *fixture, const char *sql)
{
    sqlite3 *file = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &file), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(file, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(file);
    return number;
}

static inline int64_t count_rows(const struct fixture *fixture, const char *table)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return sql_number_on_file(fixture, sql);
}

static inline sqlite3 *lock_file(const struct fixture *fixture)
{
    sqlite3 *file = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &file), SQLITE_OK);
    sqlite3_busy_timeout(file, 10000);
    assert_int_equal(sqlite3_exec(file, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return file;
}

static inline void unlock_file(sqlite3 *file)
{
    sqlite3_exec(file, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(file);
}

/* until so many rows were committed; the test's own time limit ends a journal that never does */
static inline void wait_for_rows(const struct fixture *fixture, uint64_t rows)
{
    for (struct journal_health health = {0}; health.rows < rows;) {
        usleep(1000);
        journal_health(fixture->journal, &health);
    }
}

static inline void wait_alive(const struct fixture *fixture, bool alive)
{
    for (struct journal_health health = {.alive = !alive}; health.alive != alive;) {
        usleep(1000);
        journal_health(fixture->journal, &health);
    }
}

#endif
