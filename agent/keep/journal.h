/* The journal: everything worth keeping, in SQLite (WAL), written by a thread of its own in groups.
 * Owns the schema, its version and retention; knows nothing of what the rows mean. The loop thread never waits for a disk.
 * Appends are copied into a bounded queue; when it is full the append is refused and counted (`dropped`). */
#ifndef SOLOWARDEN_KEEP_JOURNAL_H
#define SOLOWARDEN_KEEP_JOURNAL_H

#include <uv.h>

#include "agent/core/types.h"

struct journal;

struct journal_limits {
    uint64_t history_rows; /* kept for the MIB and `history` (default 100,000; the MIB shows the last 1,000) */
    msec_t ring_keep;      /* raw observations and events (48 h) */
    uint64_t ring_rows;    /* and at most so many (2,000,000) */
};

/* one row of what happened; texts are copied */
struct journal_history {
    uint64_t sequence;
    stamp_t at;
    uint8_t kind; /* 1 happening, 2 alarm raised, 3 alarm cleared, 4 agent (start, stop, degraded) */
    uint8_t happening, alarm_class, severity, state;
    uint32_t subject_index;                                        /* SNMP index of the subject */
    const char *key, *cluster, *group, *host, *node, *word, *text; /* word: reason's stable word, or the happening's */
    uint64_t plan;
    uint16_t rule;
};

/* the 48 h ring: an observation or a log event with its line */
struct journal_raw {
    stamp_t at;
    const char *subject, *source, *text; /* text: the log line, or "aspect verdict reason" */
    uint8_t kind;                        /* 1 observation change, 2 log event, 3 finding */
};

/* path: file in the state folder. Opens, migrates and checks synchronously (before the loop starts). NULL with a message for people.
 * ":memory:" keeps nothing, for an agent without a usable state folder: the caller must not call that alive.
 * A handle together with a message: the file was corrupt, was set aside, and a new one is begun (the history says so too). */
struct journal *journal_open(uv_loop_t *loop, const char *path, const struct journal_limits *limits, char *error, size_t error_size);

bool journal_history(struct journal *journal, const struct journal_history *row); /* false: queue full, counted */
bool journal_raw(struct journal *journal, const struct journal_raw *row);

/* An engine input, for replay: facts, fleet, command, now as one opaque block per step. */
bool journal_step(struct journal *journal, stamp_t at, const char *group, const void *block, size_t size);

/* Named blocks: group states, pauses, log offsets, engine boots, SNMP indices, receivers' last acknowledged sequence. */
bool journal_put(struct journal *journal, const char *name, const void *block, size_t size);
/* Synchronous, only before the loop runs: what was there at open. Returns the size, or -1 when there is none; copies only what fits whole.
 */
int journal_get(struct journal *journal, const char *name, void *block, size_t capacity);
/* `each` may append, but must not get or scan. */
typedef void journal_each(void *context, const char *name, const void *block, size_t size);
void journal_scan(struct journal *journal, const char *prefix, journal_each *each, void *context);

/* An intent must be durable before dispatch: FULL sync; `done` is called on the loop thread with the result, also on failure. */
typedef void journal_done(void *context, bool durable, const char *error);
/* False only for a programmer's mistake (no `done`, an oversized block); it is never refused because the queue is full. */
bool journal_intent(struct journal *journal, uint64_t plan, const char *group, const void *block, size_t size, journal_done *done,
                    void *context);
void journal_intent_end(struct journal *journal, uint64_t plan, uint8_t verdict, const char *word);
/* Intents that were begun and never ended, at start. */
void journal_orphans(struct journal *journal, void (*each)(void *context, uint64_t plan, const char *group, const void *block, size_t size),
                     void *context);

/* Rows as a JSON array, oldest first, answered on the loop thread; everything appended before the question is in it. `filter` is a
 * key, cluster, group, handler or node (also the part behind the last slash), or NULL. `json` is borrowed. Zero numbers and empty
 * texts are left out; `at` is RFC 3339 in UTC, `plan` is hexadecimal. */
enum journal_question { JOURNAL_HISTORY, JOURNAL_RAW };
typedef void journal_answer(void *context, const char *json, const char *error);
bool journal_ask(struct journal *journal, enum journal_question question, const char *filter, uint32_t limit, journal_answer *answer,
                 void *context);

struct journal_health {
    bool alive;      /* the last commit worked, and it was asked less than 5 s ago or answered since */
    uint64_t queued; /* waiting now */
    uint64_t dropped, commits, rows, errors;
    msec_t oldest_wait_ms;
    char error[160]; /* the last one, for people */
};
void journal_health(const struct journal *journal, struct journal_health *health); /* any thread */
uint64_t journal_last_sequence(const struct journal *journal);                     /* at open: continue from here */
/* Writes what is queued, gives all answers still owed, joins the thread. Run the loop once more before uv_loop_close. */
void journal_close(struct journal *journal);

#endif
