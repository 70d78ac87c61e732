/* The writing thread: takes what is queued, commits it in groups, trims what is too old, and keeps trying while it cannot.
 * Owns transactions and their durability; knows nothing of rows' meaning. History, blocks and intents are synced to the disk when
 * they are committed; groups that hold only the ring's rows are not, so a power cut may cost its last seconds. */
#include "journal_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utlist.h>

/* what the thread has taken and not yet committed */
struct taken {
    struct journal *journal;
    struct bytes bytes;
    size_t offset; /* committed so far */
    struct urgent *urgent;
    struct question *questions;
    bool stop;
    uint64_t tried_at;
};

static void set_sync(struct database *database, bool full)
{
    if (database->full_sync == full)
        return;
    if (sqlite3_exec(database->handle, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL, NULL, NULL) == SQLITE_OK)
        database->full_sync = full;
}

static void bind_values(sqlite3_stmt *statement, const struct entry *head, const uint8_t *at)
{
    for (int i = 1; i <= head->values; i++) {
        uint32_t type_and_size[2];
        memcpy(type_and_size, at, sizeof type_and_size);
        at += sizeof type_and_size;
        int size = (int)type_and_size[1];
        if (type_and_size[0] == VALUE_INTEGER) {
            int64_t integer;
            memcpy(&integer, at, sizeof integer);
            sqlite3_bind_int64(statement, i, integer);
        } else if (type_and_size[0] == VALUE_TEXT) {
            sqlite3_bind_text(statement, i, (const char *)at, size, SQLITE_STATIC);
        } else {
            sqlite3_bind_blob(statement, i, size ? (const void *)at : "", size, SQLITE_STATIC);
        }
        at += size;
    }
}

static int run(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int write_entry(struct database *database, const uint8_t *at, struct entry *head)
{
    memcpy(head, at, sizeof *head);
    sqlite3_stmt *statement = database->statements[head->statement];
    bind_values(statement, head, at + sizeof *head);
    int code = run(statement);
    if (code != SQLITE_OK)
        return code;
    if (head->statement == WRITE_HISTORY)
        database->counts.history++;
    else if (head->statement == WRITE_RAW)
        database->counts.raw_last = sqlite3_last_insert_rowid(database->handle);
    else if (head->statement == WRITE_STEP)
        database->counts.step_last = sqlite3_last_insert_rowid(database->handle);
    return SQLITE_OK;
}

static uint64_t over(uint64_t count, uint64_t limit, uint64_t quota)
{
    uint64_t surplus = limit && count > limit ? count - limit : 0;
    return surplus < quota ? surplus : quota;
}

static uint64_t trim(struct database *database, enum statement which, uint64_t rows, int64_t before, int *code)
{
    if (rows == 0 || *code != SQLITE_OK)
        return 0;
    sqlite3_stmt *statement = database->statements[which];
    sqlite3_bind_int64(statement, 1, (int64_t)rows);
    if (which == TRIM_RAW_AGED)
        sqlite3_bind_int64(statement, 2, before);
    *code = run(statement);
    return *code == SQLITE_OK ? (uint64_t)sqlite3_changes(database->handle) : 0;
}

/* At most `quota` rows of each kind, the oldest first; more than was written, so that it catches up without ever pausing. */
static int trim_all(struct journal *journal, uint64_t quota)
{
    struct database *database = &journal->database;
    const struct journal_limits *limits = &journal->limits;
    int code = SQLITE_OK;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct counts *counts = &database->counts;
    uint64_t raw_count = (uint64_t)(counts->raw_last - counts->raw_first + 1);
    uint64_t step_count = (uint64_t)(counts->step_last - counts->step_first + 1);
    counts->history -= trim(database, TRIM_HISTORY, over(counts->history, limits->history_rows, quota), 0, &code);
    counts->raw_first += (int64_t)trim(database, TRIM_RAW, over(raw_count, limits->ring_rows, quota), 0, &code);
    if (limits->ring_keep)
        counts->raw_first += (int64_t)trim(database, TRIM_RAW_AGED, quota, now.tv_sec * 1000 - limits->ring_keep, &code);
    counts->step_first += (int64_t)trim(database, TRIM_STEP, over(step_count, limits->history_rows, quota), 0, &code);
    return code;
}

static int begin(struct database *database, bool full)
{
    set_sync(database, full);
    return sqlite3_exec(database->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
}

/* Commits, or says why not and takes everything back. */
static bool end(struct database *database, int code, const struct counts *was, char *error, size_t error_size)
{
    if (code == SQLITE_OK)
        code = sqlite3_exec(database->handle, "COMMIT", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return true;
    database_explain(database, "write", error, error_size);
    sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    database->counts = *was;
    return false;
}

/* The file must be where it belongs, else a commit would reach a file that nobody will ever open again. */
static bool ready(struct journal *journal, char *error, size_t error_size)
{
    struct database *database = &journal->database;
    if (!database->handle)
        return database_open(database, error, error_size) == SQLITE_OK;
    return database_in_place(database) || database_rescue(database, error, error_size) == SQLITE_OK;
}

static void note(struct journal *journal, bool worked, uint64_t rows, uint64_t refused, const char *error)
{
    uv_mutex_lock(&journal->lock);
    journal->working = worked;
    journal->dropped += refused;
    journal->queued -= rows + refused;
    if (worked) {
        journal->commits++;
        journal->rows += rows;
    } else {
        journal->errors++;
        snprintf(journal->error, sizeof journal->error, "%s", error);
    }
    uv_mutex_unlock(&journal->lock);
}

/* A row that SQLite itself refuses would stop all that follow: it is counted and skipped. */
static bool is_refused(int code)
{
    int primary = code & 0xff;
    return primary == SQLITE_CONSTRAINT || primary == SQLITE_TOOBIG || primary == SQLITE_MISMATCH;
}

struct group {
    size_t offset; /* in the taken bytes, behind the last written entry */
    uint64_t rows, refused;
};

static bool deserves_sync(const struct taken *taken)
{
    size_t at = taken->offset;
    for (unsigned n = 0; at < taken->bytes.size && n < GROUP_ROWS; n++) {
        struct entry head;
        memcpy(&head, taken->bytes.data + at, sizeof head);
        if (head.statement == WRITE_HISTORY || head.statement == WRITE_BLOCK)
            return true;
        at += head.size;
    }
    return false;
}

static int write_rows(struct database *database, const struct taken *taken, struct group *group)
{
    int code = SQLITE_OK;
    while (code == SQLITE_OK && group->offset < taken->bytes.size && group->rows + group->refused < GROUP_ROWS) {
        struct entry head;
        code = write_entry(database, taken->bytes.data + group->offset, &head);
        if (is_refused(code)) {
            code = SQLITE_OK;
            group->refused++;
        } else {
            group->rows++;
        }
        group->offset += head.size;
    }
    return code;
}

/* One transaction: as many of the taken entries as one group holds. False: none of them, they stay taken. */
static bool write_group(struct taken *taken)
{
    struct journal *journal = taken->journal;
    struct database *database = &journal->database;
    struct group group = {.offset = taken->offset};
    char error[160] = "";
    uv_mutex_lock(&journal->database_lock);
    bool worked = ready(journal, error, sizeof error);
    if (worked) {
        struct counts was = database->counts;
        int code = begin(database, deserves_sync(taken));
        if (code == SQLITE_OK)
            code = write_rows(database, taken, &group);
        if (code == SQLITE_OK)
            code = trim_all(journal, 2 * group.rows + 500);
        worked = end(database, code, &was, error, sizeof error);
    }
    uv_mutex_unlock(&journal->database_lock);
    if (worked)
        taken->offset = group.offset;
    note(journal, worked, worked ? group.rows : 0, worked ? group.refused : 0, error);
    return worked;
}

static int write_urgent_rows(struct database *database, struct urgent *list, uint64_t *rows)
{
    int code = begin(database, true);
    struct urgent *urgent;
    LL_FOREACH(list, urgent)
    {
        if (code != SQLITE_OK)
            return code;
        struct entry head;
        code = write_entry(database, urgent->entry.data, &head);
        urgent->durable = code == SQLITE_OK;
        if (is_refused(code)) {
            snprintf(urgent->error, sizeof urgent->error, "the journal refused it: %s", sqlite3_errmsg(database->handle));
            code = SQLITE_OK;
        }
        (*rows)++;
    }
    return code;
}

/* Intents are answered either way. Ends are kept until they are written: an intent without an end looks like an orphan. */
static void answer_urgent(struct taken *taken, bool worked, const char *error)
{
    struct journal *journal = taken->journal;
    struct urgent *kept = NULL, *urgent, *next;
    uv_mutex_lock(&journal->lock);
    LL_FOREACH_SAFE(taken->urgent, urgent, next)
    {
        LL_DELETE(taken->urgent, urgent);
        if (urgent->done) {
            if (!worked) {
                journal->queued--;
                urgent->durable = false;
                snprintf(urgent->error, sizeof urgent->error, "%s", error);
            }
            LL_APPEND(journal->urgent_done, urgent);
        } else if (!worked && !taken->stop) {
            LL_APPEND(kept, urgent);
        } else {
            free(urgent->entry.data);
            free(urgent);
        }
    }
    uv_mutex_unlock(&journal->lock);
    taken->urgent = kept;
    uv_async_send(&journal->async);
}

static void write_urgent(struct taken *taken)
{
    struct journal *journal = taken->journal;
    struct database *database = &journal->database;
    char error[160] = "";
    uint64_t rows = 0;
    if (!taken->urgent)
        return;
    uv_mutex_lock(&journal->database_lock);
    bool worked = ready(journal, error, sizeof error);
    if (worked) {
        struct counts was = database->counts;
        int code = write_urgent_rows(database, taken->urgent, &rows);
        trim(database, TRIM_INTENT, 100, 0, &code);
        worked = end(database, code, &was, error, sizeof error);
    }
    uv_mutex_unlock(&journal->database_lock);
    note(journal, worked, worked ? rows : 0, 0, error);
    answer_urgent(taken, worked, error);
}

static void take_urgent(struct taken *taken)
{
    struct journal *journal = taken->journal;
    uv_mutex_lock(&journal->lock);
    LL_CONCAT(taken->urgent, journal->urgent);
    journal->urgent = NULL;
    uv_mutex_unlock(&journal->lock);
}

static void answer_questions(struct taken *taken)
{
    struct journal *journal = taken->journal;
    for (struct question *question; (question = taken->questions) != NULL;) {
        while (!journal_answer_question(journal, question)) {
            take_urgent(taken);
            write_urgent(taken);
        }
        LL_DELETE(taken->questions, question);
        uv_mutex_lock(&journal->lock);
        LL_APPEND(journal->questions_done, question);
        uv_mutex_unlock(&journal->lock);
        uv_async_send(&journal->async);
    }
}

/* An idle journal, and one that failed, write this: only a commit proves that the next one can work. */
static void beat(struct taken *taken)
{
    static const char name[] = "journal/beat";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct value values[] = {{.type = VALUE_TEXT, .data = name, .size = sizeof name - 1},
                                   {.type = VALUE_BLOCK, .data = &now.tv_sec, .size = sizeof now.tv_sec}};
    entry_append(&taken->bytes, WRITE_BLOCK, values, 2);
    uv_mutex_lock(&taken->journal->lock);
    taken->journal->queued++;
    uv_mutex_unlock(&taken->journal->lock);
}

static void work(struct taken *taken)
{
    bool idle = !taken->urgent && taken->offset == taken->bytes.size && !taken->questions;
    write_urgent(taken);
    if (idle)
        beat(taken);
    while (taken->offset < taken->bytes.size && write_group(taken)) {
        take_urgent(taken);
        write_urgent(taken);
    }
    if (taken->offset == taken->bytes.size) {
        taken->offset = taken->bytes.size = 0;
        if (taken->bytes.capacity > QUEUE_SMALL) {
            free(taken->bytes.data);
            taken->bytes = (struct bytes){0};
        }
    }
    answer_questions(taken);
    taken->tried_at = journal_clock_ms();
}

/* Call with the lock held. When there is something to do without being called. */
static uint64_t due(const struct taken *taken)
{
    const struct journal *journal = taken->journal;
    if (!journal->working)
        return taken->tried_at + RETRY_MS;
    if (journal->filling.size >= QUEUE_BYTES / 2)
        return 0;
    return journal->filling.size ? journal->waiting_since + GROUP_WINDOW_MS : taken->tried_at + BEAT_MS;
}

/* Waits for work and takes it. */
static void take(struct taken *taken)
{
    struct journal *journal = taken->journal;
    uv_mutex_lock(&journal->lock);
    if (journal->working)
        journal->taken_since = 0;
    while (!journal->stop && !journal->urgent && !journal->questions) {
        uint64_t now = journal_clock_ms(), at = due(taken);
        if (at <= now)
            break;
        uv_cond_timedwait(&journal->wake, &journal->lock, (at - now) * 1000000);
    }
    if (!journal->taken_since)
        journal->taken_since = journal->waiting_since ? journal->waiting_since : journal_clock_ms();
    if (taken->bytes.size == 0) {
        struct bytes empty = taken->bytes;
        taken->bytes = journal->filling;
        journal->filling = empty;
    }
    if (journal->filling.size == 0)
        journal->waiting_since = 0;
    LL_CONCAT(taken->urgent, journal->urgent);
    LL_CONCAT(taken->questions, journal->questions);
    journal->urgent = NULL;
    journal->questions = NULL;
    taken->stop = journal->stop;
    uv_mutex_unlock(&journal->lock);
}

void journal_thread(void *argument)
{
    struct taken taken = {.journal = argument, .tried_at = journal_clock_ms()};
    while (!taken.stop) {
        take(&taken);
        work(&taken);
    }
    free(taken.bytes.data);
    for (struct urgent *urgent = taken.urgent, *next; urgent; urgent = next) {
        next = urgent->next;
        free(urgent->entry.data);
        free(urgent);
    }
}
