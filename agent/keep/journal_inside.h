/* What the journal's own files share: the handle, the queue's entries and the writing side's database.
 * Not for others: they see journal.h. */
#ifndef SOLOWARDEN_KEEP_JOURNAL_INSIDE_H
#define SOLOWARDEN_KEEP_JOURNAL_INSIDE_H

#include <sqlite3.h>
#include <sys/types.h>

#include "journal.h"

enum {
    QUEUE_BYTES = 8 << 20,   /* stream rows waiting, at most; two such buffers exist */
    QUEUE_RESERVE = 1 << 20, /* beyond it, for what must not be crowded out by the ring: history and blocks */
    QUEUE_SMALL = 256 << 10, /* a drained buffer larger than this is given back */
    BLOCK_BYTES_MAX = 1 << 20,
    TEXT_BYTES_MAX = 4 << 10,
    GROUP_ROWS = 4096,     /* rows of one transaction: an intent never waits for more */
    GROUP_WINDOW_MS = 10,  /* how long a lone row waits for company */
    BEAT_MS = 5000,        /* an idle journal proves itself this often */
    RETRY_MS = 1000,       /* after a failure */
    ANSWER_LATE_MS = 5000, /* work unanswered for longer: not alive */
    ANSWER_BYTES_MAX = 4 << 20,
    ANSWER_ROWS_MAX = 10000
};

/* What the thread can write: one prepared statement each, parameters in the order of the packed values. */
enum statement {
    WRITE_HISTORY,
    WRITE_RAW,
    WRITE_STEP,
    WRITE_BLOCK,
    WRITE_INTENT,
    WRITE_INTENT_END,
    TRIM_HISTORY,
    TRIM_RAW,
    TRIM_RAW_AGED,
    TRIM_STEP,
    TRIM_INTENT,
    STATEMENTS
};

enum value_type { VALUE_INTEGER, VALUE_TEXT, VALUE_BLOCK };
struct value {
    enum value_type type;
    int64_t integer;
    const void *data;
    size_t size;
};

/* An entry as it lies in a buffer: this head, then per value its type and size, then its bytes. */
struct entry {
    uint32_t size; /* with this head */
    uint16_t statement, values;
};
struct bytes {
    uint8_t *data;
    size_t size, capacity;
};
void entry_append(struct bytes *bytes, enum statement statement, const struct value *values, size_t count);
size_t entry_size(const struct value *values, size_t count);

/* An intent or its end: small, few, never refused for want of room behind a stalled stream. */
struct urgent {
    struct urgent *next;
    struct bytes entry;
    journal_done *done; /* NULL: an end; it is kept until it is written */
    void *context;
    bool durable;
    char error[160];
};

struct question {
    struct question *next;
    enum journal_question about;
    char *filter; /* NULL = all */
    uint32_t limit;
    journal_answer *answer;
    void *context;
    char *json;
    char error[160];
};

/* which file a path named when it was opened: tells a removed or replaced one */
struct identity {
    dev_t device;
    ino_t inode;
};

/* The database as the writing thread sees it. After journal_open only that thread uses it, under `database_lock`. */
struct database {
    sqlite3 *handle; /* NULL: could not be opened again */
    sqlite3_stmt *statements[STATEMENTS];
    char *path, *log_path, *memory_path; /* and path-wal, path-shm */
    struct identity file, log;
    struct counts {
        uint64_t history;
        int64_t raw_first, raw_last, step_first, step_last; /* ids are dense: their distance is the count */
    } counts;
    bool full_sync;
};

struct journal {
    uv_loop_t *loop;
    uv_async_t async;
    uv_thread_t thread;
    size_t outstanding; /* answers still owed to the loop thread; it alone counts them */
    struct journal_limits limits;
    uint64_t last_sequence;

    uv_mutex_t database_lock;
    struct database database;

    uv_mutex_t lock; /* guards everything below */
    uv_cond_t wake;
    struct bytes filling;
    struct urgent *urgent, *urgent_done;
    struct question *questions, *questions_done;
    bool stop, working;
    uint64_t waiting_since, taken_since; /* ms on the monotonic clock of the oldest work, 0 = none */
    uint64_t queued /* now */, dropped, commits, rows, errors;
    char error[160];
};

/* journal_schema.c: opening, versions, the statements */
int database_open(struct database *database, char *error, size_t error_size);
void database_close(struct database *database); /* the path stays, for opening it again */
void database_name(struct database *database, const char *path);
void database_free(struct database *database);
/* A corrupt file is set aside under a new name, told in `name`. */
int database_set_aside(const char *path, char *name, size_t name_size);
/* The file was removed under us: write everything that the open handle still holds to a new one. */
int database_rescue(struct database *database, char *error, size_t error_size);
bool database_in_place(const struct database *database);
void database_explain(const struct database *database, const char *doing, char *error, size_t error_size);
bool database_is_corrupt(int code);
int64_t database_number(sqlite3 *handle, const char *sql); /* first column of the first row; 0 when there is none */

/* journal_thread.c */
void journal_thread(void *argument);
uint64_t journal_clock_ms(void);

/* journal_query.c: fills json or error; false when it gave way to urgent work and must be asked again */
bool journal_answer_question(struct journal *journal, struct question *question);

#endif
