/* The journal's file: opening, its versions, its statements, setting a corrupt one aside, rescuing a removed one.
 * Owns every table and every INSERT; knows nothing of queues or threads. */
#include "journal_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Step n leads from version n to n + 1, in one transaction. First what must never be lost, then what is told. */
static const char *const versions[] = {
    "CREATE TABLE block(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE intent(plan INTEGER PRIMARY KEY, grp TEXT NOT NULL, begun INTEGER NOT NULL, value BLOB NOT NULL,"
    " ended INTEGER, verdict INTEGER, word TEXT);",

    "CREATE TABLE history(sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, happening INTEGER NOT NULL,"
    " class INTEGER NOT NULL, severity INTEGER NOT NULL, state INTEGER NOT NULL, subject INTEGER NOT NULL, key TEXT NOT NULL,"
    " cluster TEXT NOT NULL, grp TEXT NOT NULL, host TEXT NOT NULL, node TEXT NOT NULL, word TEXT NOT NULL, text TEXT NOT NULL,"
    " plan INTEGER NOT NULL, rule INTEGER NOT NULL);"
    "CREATE TABLE raw(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, subject TEXT NOT NULL, source TEXT NOT NULL,"
    " text TEXT NOT NULL);"
    "CREATE TABLE step(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, grp TEXT NOT NULL, value BLOB NOT NULL);",
};
enum { VERSION = sizeof versions / sizeof *versions };

/* The TRIM statements take the oldest rows only, at most `?1` of them: retention never pauses. */
static const char *const statements[STATEMENTS] = {
    [WRITE_HISTORY] = "INSERT OR REPLACE INTO history VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [WRITE_RAW] = "INSERT INTO raw(at,kind,subject,source,text) VALUES(?,?,?,?,?)",
    [WRITE_STEP] = "INSERT INTO step(at,grp,value) VALUES(?,?,?)",
    [WRITE_BLOCK] = "INSERT OR REPLACE INTO block VALUES(?,?)",
    [WRITE_INTENT] = "INSERT INTO intent(plan,grp,begun,value) VALUES(?,?,?,?)",
    [WRITE_INTENT_END] = "UPDATE intent SET ended=?,verdict=?,word=? WHERE plan=?",
    [TRIM_HISTORY] = "DELETE FROM history WHERE sequence IN (SELECT sequence FROM history ORDER BY sequence LIMIT ?1)",
    [TRIM_RAW] = "DELETE FROM raw WHERE id IN (SELECT id FROM raw ORDER BY id LIMIT ?1)",
    [TRIM_RAW_AGED] = "DELETE FROM raw WHERE id IN (SELECT id FROM raw ORDER BY id LIMIT ?1) AND at<?2",
    [TRIM_STEP] = "DELETE FROM step WHERE id IN (SELECT id FROM step ORDER BY id LIMIT ?1)",
    [TRIM_INTENT] = "DELETE FROM intent WHERE plan IN (SELECT plan FROM intent WHERE ended IS NOT NULL ORDER BY plan DESC"
                    " LIMIT ?1 OFFSET 1000)",
};

int64_t database_number(sqlite3 *handle, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

bool database_is_corrupt(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

void database_explain(const struct database *database, const char *doing, char *error, size_t error_size)
{
    int code = sqlite3_extended_errcode(database->handle), system = sqlite3_system_errno(database->handle);
    const char *why = (code & 0xff) == SQLITE_FULL ? "the disk is full" : sqlite3_errmsg(database->handle);
    bool world = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    snprintf(error, error_size, "%s: cannot %s: %s%s%s", database->path, doing, why, world && system ? ": " : "",
             world && system ? strerror(system) : "");
}

static bool identify(const char *path, struct identity *identity)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    *identity = (struct identity){status.st_dev, status.st_ino};
    return true;
}

static bool in_memory(const struct database *database)
{
    return strcmp(database->path, ":memory:") == 0;
}

bool database_in_place(const struct database *database)
{
    struct identity file, log;
    if (in_memory(database))
        return true;
    return identify(database->path, &file) && file.inode == database->file.inode && file.device == database->file.device &&
           identify(database->log_path, &log) && log.inode == database->log.inode && log.device == database->log.device;
}

static int migrate(struct database *database, char *error, size_t error_size)
{
    sqlite3 *handle = database->handle;
    int64_t version = database_number(handle, "PRAGMA user_version");
    if (version > VERSION) {
        snprintf(error, error_size, "%s was written by a newer solowarden (its version is %lld, this one knows %d): use that one",
                 database->path, (long long)version, (int)VERSION);
        return SQLITE_MISMATCH;
    }
    for (; version < VERSION; version++) {
        char end[64];
        snprintf(end, sizeof end, "PRAGMA user_version=%lld; COMMIT", (long long)version + 1);
        int code = sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(handle, versions[version], NULL, NULL, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(handle, end, NULL, NULL, NULL);
        if (code != SQLITE_OK) {
            database_explain(database, "bring it to this version", error, error_size);
            sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
            return code;
        }
    }
    return SQLITE_OK;
}

/* What a wrong byte must not reach unnoticed: the tables that decisions are restored from. They are small; the ring is not read. */
static int check(struct database *database, char *error, size_t error_size)
{
    static const char *const checks[] = {"PRAGMA quick_check('block')", "PRAGMA quick_check('intent')"};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(database->handle, checks[i], -1, &statement, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_step(statement);
        bool fine = code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
        if (!fine && code != SQLITE_ROW)
            database_explain(database, "check it", error, error_size);
        sqlite3_finalize(statement);
        if (!fine)
            return code == SQLITE_ROW ? SQLITE_CORRUPT : code;
    }
    return SQLITE_OK;
}

static int prepare(struct database *database, char *error, size_t error_size)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(database->handle, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &database->statements[i], NULL);
        if (code != SQLITE_OK) {
            database_explain(database, "use it", error, error_size);
            return code;
        }
    }
    return SQLITE_OK;
}

static void count(struct database *database)
{
    sqlite3 *handle = database->handle;
    database->counts = (struct counts){.history = (uint64_t)database_number(handle, "SELECT count(*) FROM history"),
                                       .raw_first = database_number(handle, "SELECT coalesce(min(id),1) FROM raw"),
                                       .raw_last = database_number(handle, "SELECT max(id) FROM raw"),
                                       .step_first = database_number(handle, "SELECT coalesce(min(id),1) FROM step"),
                                       .step_last = database_number(handle, "SELECT max(id) FROM step")};
}

/* The beat at the end proves that the file can be written, and makes the log file exist so that its removal can be noticed. */
static int set_up(struct database *database, char *error, size_t error_size)
{
    static const char pragmas[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF;"
                                  "PRAGMA journal_size_limit=16777216; PRAGMA temp_store=MEMORY";
    sqlite3_busy_timeout(database->handle, 2000);
    int code = sqlite3_exec(database->handle, pragmas, NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        database_explain(database, "use it", error, error_size);
        return code;
    }
    database->full_sync = true;
    if ((code = migrate(database, error, error_size)) != SQLITE_OK || (code = check(database, error, error_size)) != SQLITE_OK ||
        (code = prepare(database, error, error_size)) != SQLITE_OK)
        return code;
    code = sqlite3_exec(database->handle, "INSERT OR REPLACE INTO block VALUES('journal/opened', x'')", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        database_explain(database, "write to it", error, error_size);
        return code;
    }
    count(database);
    if (in_memory(database))
        return SQLITE_OK;
    if (!identify(database->path, &database->file) || !identify(database->log_path, &database->log)) {
        snprintf(error, error_size, "%s: it vanished while it was opened", database->path);
        return SQLITE_CANTOPEN;
    }
    return SQLITE_OK;
}

/* Made here so that nobody else may read it; SQLite gives its other files the same rights. */
static bool create(const struct database *database, char *error, size_t error_size)
{
    if (in_memory(database))
        return true;
    int descriptor = open(database->path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0) {
        snprintf(error, error_size, "%s: cannot open it for writing: %s", database->path, strerror(errno));
        return false;
    }
    close(descriptor);
    return true;
}

int database_open(struct database *database, char *error, size_t error_size)
{
    if (!create(database, error, error_size))
        return SQLITE_CANTOPEN;
    int code = sqlite3_open_v2(database->path, &database->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(database->handle, 1);
        code = set_up(database, error, error_size);
    } else {
        database_explain(database, "open it", error, error_size);
    }
    if (code != SQLITE_OK)
        database_close(database);
    return code;
}

void database_close(struct database *database)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(database->statements[i]);
        database->statements[i] = NULL;
    }
    sqlite3_close(database->handle);
    database->handle = NULL;
}

void database_name(struct database *database, const char *path)
{
    if (asprintf(&database->path, "%s", path) < 0 || asprintf(&database->log_path, "%s-wal", path) < 0 ||
        asprintf(&database->memory_path, "%s-shm", path) < 0)
        abort();
}

void database_free(struct database *database)
{
    database_close(database);
    free(database->path);
    free(database->log_path);
    free(database->memory_path);
    *database = (struct database){0};
}

int database_set_aside(const char *path, char *name, size_t name_size)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (unsigned number = 1; number < 1000; number++) {
        snprintf(name, name_size, "%s.corrupt-%u", path, number);
        if (access(name, F_OK) == 0)
            continue;
        if (rename(path, name) != 0)
            return -1;
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
            char from[PATH_MAX], to[PATH_MAX];
            snprintf(from, sizeof from, "%s%s", path, suffixes[i]);
            snprintf(to, sizeof to, "%s%s", name, suffixes[i]);
            if (rename(from, to) != 0 && errno != ENOENT)
                unlink(from); /* never let a new file meet an old log */
        }
        return 0;
    }
    return -1;
}

static int sync_file_and_folder(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        abort();
    const char *names[] = {path, dirname(copy)};
    int result = 0;
    for (size_t i = 0; i < 2; i++) {
        int descriptor = open(names[i], O_RDONLY | O_CLOEXEC);
        if (descriptor < 0 || fsync(descriptor) != 0)
            result = -1;
        if (descriptor >= 0)
            close(descriptor);
    }
    free(copy);
    return result;
}

static int copy_to(struct database *database, const char *path)
{
    sqlite3_stmt *copy = NULL;
    int code = sqlite3_prepare_v2(database->handle, "VACUUM INTO ?", -1, &copy, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(copy, 1, path, -1, SQLITE_STATIC);
        code = sqlite3_step(copy) == SQLITE_DONE ? SQLITE_OK : sqlite3_extended_errcode(database->handle);
    }
    sqlite3_finalize(copy);
    return code;
}

int database_rescue(struct database *database, char *error, size_t error_size)
{
    struct identity now;
    if (identify(database->path, &now) && (now.inode != database->file.inode || now.device != database->file.device)) {
        snprintf(error, error_size, "%s was replaced by another file while it was in use: restart the agent", database->path);
        return SQLITE_READONLY_DBMOVED;
    }
    char fresh[PATH_MAX];
    snprintf(fresh, sizeof fresh, "%s.new", database->path);
    unlink(fresh);
    int code = copy_to(database, fresh);
    if (code != SQLITE_OK) {
        database_explain(database, "write it anew after it was removed", error, error_size);
        unlink(fresh);
        return code;
    }
    if (rename(fresh, database->path) != 0 || sync_file_and_folder(database->path) != 0) {
        snprintf(error, error_size, "%s: cannot write it anew after it was removed: %s", database->path, strerror(errno));
        return SQLITE_IOERR;
    }
    /* Closed before the new one is opened, and its leftovers removed: a new file must never meet an old log. */
    database_close(database);
    unlink(database->log_path);
    unlink(database->memory_path);
    return database_open(database, error, error_size);
}
