/* The journal's handle: packs rows into the bounded queue, and hands answers back on the loop thread.
 * Owns the queue and its counters; knows nothing of SQL beyond which statement a row belongs to. */
#include "journal_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utlist.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct value integer(int64_t number)
{
    return (struct value){.type = VALUE_INTEGER, .integer = number};
}

static struct value text(const char *string)
{
    return (struct value){.type = VALUE_TEXT, .data = string ? string : "", .size = string ? strnlen(string, TEXT_BYTES_MAX) : 0};
}

static struct value block(const void *data, size_t size)
{
    return (struct value){.type = VALUE_BLOCK, .data = data, .size = size};
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

uint64_t journal_clock_ms(void)
{
    return uv_hrtime() / 1000000;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

size_t entry_size(const struct value *values, size_t count)
{
    size_t size = sizeof(struct entry);
    for (size_t i = 0; i < count; i++)
        size += sizeof(uint32_t) * 2 + (values[i].type == VALUE_INTEGER ? sizeof(int64_t) : values[i].size);
    return size;
}

static void put_bytes(struct bytes *bytes, const void *data, size_t size)
{
    if (size)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void entry_append(struct bytes *bytes, enum statement statement, const struct value *values, size_t count)
{
    size_t size = entry_size(values, count);
    if (bytes->size + size > bytes->capacity) {
        size_t capacity = bytes->capacity ? bytes->capacity : 4096;
        while (capacity < bytes->size + size)
            capacity *= 2;
        bytes->data = must(realloc(bytes->data, capacity));
        bytes->capacity = capacity;
    }
    struct entry entry = {.size = (uint32_t)size, .statement = (uint16_t)statement, .values = (uint16_t)count};
    put_bytes(bytes, &entry, sizeof entry);
    for (size_t i = 0; i < count; i++) {
        const struct value *value = &values[i];
        bool number = value->type == VALUE_INTEGER;
        uint32_t head[2] = {(uint32_t)value->type, (uint32_t)(number ? sizeof value->integer : value->size)};
        put_bytes(bytes, head, sizeof head);
        put_bytes(bytes, number ? (const void *)&value->integer : value->data, head[1]);
    }
}

/* Call with the lock held. */
static void note_waiting(struct journal *journal)
{
    if (!journal->waiting_since)
        journal->waiting_since = journal_clock_ms();
}

static bool append(struct journal *journal, enum statement statement, const struct value *values, size_t count)
{
    size_t size = entry_size(values, count);
    size_t room = QUEUE_BYTES + (statement == WRITE_HISTORY || statement == WRITE_BLOCK ? QUEUE_RESERVE : 0);
    uv_mutex_lock(&journal->lock);
    bool fits = !journal->stop && journal->filling.size + size <= room;
    if (fits) {
        bool first = journal->filling.size == 0, half = journal->filling.size >= QUEUE_BYTES / 2;
        entry_append(&journal->filling, statement, values, count);
        journal->queued++;
        note_waiting(journal);
        if (first || (!half && journal->filling.size >= QUEUE_BYTES / 2))
            uv_cond_signal(&journal->wake);
    } else {
        journal->dropped++;
    }
    uv_mutex_unlock(&journal->lock);
    return fits;
}

bool journal_history(struct journal *journal, const struct journal_history *row)
{
    const struct value values[] = {
        integer((int64_t)row->sequence),
        integer(row->at),
        integer(row->kind),
        integer(row->happening),
        integer(row->alarm_class),
        integer(row->severity),
        integer(row->state),
        integer(row->subject_index),
        text(row->key),
        text(row->cluster),
        text(row->group),
        text(row->host),
        text(row->node),
        text(row->word),
        text(row->text),
        integer((int64_t)row->plan),
        integer(row->rule),
    };
    return append(journal, WRITE_HISTORY, values, COUNT(values));
}

bool journal_raw(struct journal *journal, const struct journal_raw *row)
{
    const struct value values[] = {integer(row->at), integer(row->kind), text(row->subject), text(row->source), text(row->text)};
    return append(journal, WRITE_RAW, values, COUNT(values));
}

bool journal_step(struct journal *journal, stamp_t at, const char *group, const void *data, size_t size)
{
    if (size > BLOCK_BYTES_MAX)
        return false;
    const struct value values[] = {integer(at), text(group), block(data, size)};
    return append(journal, WRITE_STEP, values, COUNT(values));
}

bool journal_put(struct journal *journal, const char *name, const void *data, size_t size)
{
    if (size > BLOCK_BYTES_MAX)
        return false;
    const struct value values[] = {text(name), block(data, size)};
    return append(journal, WRITE_BLOCK, values, COUNT(values));
}

/* Answers owed keep the loop alive, nothing else of the journal does. */
static void owe(struct journal *journal)
{
    if (journal->outstanding++ == 0)
        uv_ref((uv_handle_t *)&journal->async);
}

static void settle(struct journal *journal)
{
    if (--journal->outstanding == 0)
        uv_unref((uv_handle_t *)&journal->async);
}

static void urge(struct journal *journal, struct urgent *urgent)
{
    uv_mutex_lock(&journal->lock);
    LL_APPEND(journal->urgent, urgent);
    journal->queued++;
    note_waiting(journal);
    uv_cond_signal(&journal->wake);
    uv_mutex_unlock(&journal->lock);
}

bool journal_intent(struct journal *journal, uint64_t plan, const char *group, const void *data, size_t size, journal_done *done,
                    void *context)
{
    if (size > BLOCK_BYTES_MAX || !done)
        return false;
    const struct value values[] = {integer((int64_t)plan), text(group), integer(wall_ms()), block(data, size)};
    struct urgent *urgent = must(calloc(1, sizeof *urgent));
    entry_append(&urgent->entry, WRITE_INTENT, values, COUNT(values));
    urgent->done = done;
    urgent->context = context;
    owe(journal);
    urge(journal, urgent);
    return true;
}

void journal_intent_end(struct journal *journal, uint64_t plan, uint8_t verdict, const char *word)
{
    const struct value values[] = {integer(wall_ms()), integer(verdict), text(word), integer((int64_t)plan)};
    struct urgent *urgent = must(calloc(1, sizeof *urgent));
    entry_append(&urgent->entry, WRITE_INTENT_END, values, COUNT(values));
    urge(journal, urgent);
}

bool journal_ask(struct journal *journal, enum journal_question about, const char *filter, uint32_t limit, journal_answer *answer,
                 void *context)
{
    struct question *question = must(calloc(1, sizeof *question));
    *question = (struct question){.about = about,
                                  .filter = filter && *filter ? must(strdup(filter)) : NULL,
                                  .limit = limit < ANSWER_ROWS_MAX ? limit : ANSWER_ROWS_MAX,
                                  .answer = answer,
                                  .context = context};
    owe(journal);
    uv_mutex_lock(&journal->lock);
    LL_APPEND(journal->questions, question);
    note_waiting(journal);
    uv_cond_signal(&journal->wake);
    uv_mutex_unlock(&journal->lock);
    return true;
}

static void deliver(struct journal *journal)
{
    uv_mutex_lock(&journal->lock);
    struct urgent *urgent = journal->urgent_done;
    struct question *question = journal->questions_done;
    journal->urgent_done = NULL;
    journal->questions_done = NULL;
    uv_mutex_unlock(&journal->lock);
    for (struct urgent *next; urgent; urgent = next) {
        next = urgent->next;
        settle(journal);
        urgent->done(urgent->context, urgent->durable, urgent->durable ? NULL : urgent->error);
        free(urgent->entry.data);
        free(urgent);
    }
    for (struct question *next; question; question = next) {
        next = question->next;
        settle(journal);
        question->answer(question->context, question->json, question->json ? NULL : question->error);
        free(question->json);
        free(question->filter);
        free(question);
    }
}

static void on_async(uv_async_t *async)
{
    deliver(async->data);
}

void journal_health(const struct journal *journal, struct journal_health *health)
{
    struct journal *own = (struct journal *)journal; /* only its lock is written */
    uint64_t now = journal_clock_ms();
    uv_mutex_lock(&own->lock);
    uint64_t oldest = journal->taken_since ? journal->taken_since : journal->waiting_since;
    *health = (struct journal_health){.queued = journal->queued,
                                      .dropped = journal->dropped,
                                      .commits = journal->commits,
                                      .rows = journal->rows,
                                      .errors = journal->errors,
                                      .oldest_wait_ms = oldest && oldest < now ? (msec_t)(now - oldest) : 0};
    health->alive = journal->working && health->oldest_wait_ms < ANSWER_LATE_MS;
    snprintf(health->error, sizeof health->error, "%s", journal->error);
    uv_mutex_unlock(&own->lock);
}

uint64_t journal_last_sequence(const struct journal *journal)
{
    return journal->last_sequence;
}

static void free_queue(struct journal *journal)
{
    free(journal->filling.data);
    for (struct urgent *urgent = journal->urgent, *next; urgent; urgent = next) {
        next = urgent->next;
        free(urgent->entry.data);
        free(urgent);
    }
}

static void on_async_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    uv_mutex_lock(&journal->lock);
    journal->stop = true;
    uv_cond_signal(&journal->wake);
    uv_mutex_unlock(&journal->lock);
    uv_thread_join(&journal->thread);
    deliver(journal);
    free_queue(journal);
    database_free(&journal->database);
    uv_cond_destroy(&journal->wake);
    uv_mutex_destroy(&journal->lock);
    uv_mutex_destroy(&journal->database_lock);
    uv_close((uv_handle_t *)&journal->async, on_async_closed);
}

/* A corrupt file never keeps the agent from watching: it is set aside and told, in the error buffer and in the history. */
static int open_or_begin_anew(struct journal *journal, const char *path, char *aside, size_t aside_size, char *error, size_t error_size)
{
    database_name(&journal->database, path);
    int code = database_open(&journal->database, error, error_size);
    if (code == SQLITE_OK || !database_is_corrupt(code))
        return code;
    if (database_set_aside(path, aside, aside_size) != 0) {
        snprintf(error, error_size, "%s is corrupt and could not be set aside", path);
        return code;
    }
    return database_open(&journal->database, error, error_size);
}

static void tell_set_aside(struct journal *journal, const char *path, const char *aside, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s was corrupt: it was set aside as %s and a new one is begun", path, aside);
    struct journal_history row = {.sequence = ++journal->last_sequence,
                                  .at = wall_ms(),
                                  .kind = 4,
                                  .severity = 3,
                                  .key = "agent/journal",
                                  .word = "journal-corrupt",
                                  .text = error};
    journal_history(journal, &row);
}

struct journal *journal_open(uv_loop_t *loop, const char *path, const struct journal_limits *limits, char *error, size_t error_size)
{
    struct journal *journal = must(calloc(1, sizeof *journal));
    char aside[512] = "";
    error[0] = '\0';
    if (open_or_begin_anew(journal, path, aside, sizeof aside, error, error_size) != SQLITE_OK) {
        database_free(&journal->database);
        free(journal);
        return NULL;
    }
    journal->loop = loop;
    journal->limits = *limits;
    journal->working = true;
    journal->last_sequence = (uint64_t)database_number(journal->database.handle, "SELECT max(sequence) FROM history");
    uv_mutex_init(&journal->lock);
    uv_mutex_init(&journal->database_lock);
    uv_cond_init(&journal->wake);
    uv_async_init(loop, &journal->async, on_async);
    uv_unref((uv_handle_t *)&journal->async);
    journal->async.data = journal;
    if (aside[0])
        tell_set_aside(journal, path, aside, error, error_size);
    if (uv_thread_create(&journal->thread, journal_thread, journal) != 0)
        abort();
    return journal;
}
