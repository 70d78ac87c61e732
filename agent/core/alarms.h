/* Alarms: conditions with a stable key (class + subject), raised and cleared exactly once each.
 * Owns the catalogue and the table of alarms; knows nothing of notifications or their receivers. */
#ifndef SOLOWARDEN_CORE_ALARMS_H
#define SOLOWARDEN_CORE_ALARMS_H

#include "types.h"

enum severity { SEVERITY_INFO = 1, SEVERITY_WARNING, SEVERITY_MAJOR, SEVERITY_CRITICAL };
const char *severity_name(uint8_t severity);

/* the MIB's order, 1 = unknown */
enum alarm_class {
    ALARM_NOTHING = 1,
    ALARM_NONE,
    ALARM_DUPLICATE_CONFIRMED,
    ALARM_DUPLICATE_SUSPECTED,
    ALARM_MISPLACED,
    ALARM_IDLE,
    ALARM_PARTIAL,
    ALARM_INTRUDER,
    ALARM_BLIND,
    ALARM_STUCK_PENDING,
    ALARM_FAILOVER_BLOCKED,
    ALARM_FAILOVER_NOT_READY,
    ALARM_WOULD_RACE,
    ALARM_FIGHTS_BACK,
    ALARM_COMMON_CAUSE,
    ALARM_FLAPPING,
    ALARM_ENDPOINT,
    ALARM_LOG_STALLED,
    ALARM_LOG_GAP,
    ALARM_ADDRESSES_UNMAPPED,
    ALARM_OFFLINE_LONG,
    ALARM_PAUSED_LONG,
    ALARM_AGENT_DEGRADED,
    ALARM_QUEUE_HIGH,
    ALARM_QUEUE_STUCK,
    ALARM_AUDIT,
    ALARM_CLASSES
};
const char *alarm_class_name(uint8_t alarm_class);
uint8_t alarm_class_severity(uint8_t alarm_class);

enum alarm_state { ALARM_CLEARED = 1, ALARM_ACTIVE, ALARM_SUPPRESSED };

struct alarm {
    subject_t subject;
    uint8_t class, severity, state, node; /* node it concerns, or NODE_NONE */
    uint16_t reason, suppressed_by;       /* suppressed_by: position + 1 of the parent alarm; 0 = none */
    uint32_t raise_count;
    uint64_t sequence;                 /* of its last change; the order of notifications */
    msec_t since, changed_at, seen_at; /* seen_at: when its condition was last known (unknown keeps it raised, its age shows) */
    bool acked;
    bool told; /* its raising was given to the sink, so its clearing must be too */
};

enum { ALARM_UNKNOWN_KEEP = UNKNOWN, ALARM_GOOD = NO, ALARM_BAD = YES };

/* memory is the caller's; never grows. A full table drops the oldest cleared row, else counts `dropped` */
struct alarm_table {
    struct alarm *rows;
    uint32_t count, capacity, active;
    uint32_t dropped;
    uint64_t sequence;
    uint32_t *index, index_mask, indexed; /* by class and subject; rows added by hand are taken in later. NULL = none, slower */
};
/* `index` must hold this many for `capacity` rows: a power of two. */
static inline uint32_t alarm_index_size(uint32_t capacity)
{
    uint32_t size = 4;
    while (size < 2 * capacity)
        size *= 2;
    return size;
}

typedef void alarm_sink(void *context, const struct alarm *alarm, bool raised);

/* Say how a condition stands: YES raises it (once), NO clears it (once), UNKNOWN keeps it as it is. Calls `sink` on a change only. */
void alarm_set(struct alarm_table *table, uint8_t alarm_class, subject_t subject, uint8_t node, enum verdict bad, uint16_t reason,
               msec_t now, alarm_sink *sink, void *context);
/* The same for a child: while `parent` (or NULL) stands, it is kept but not told, and says whose child it is. */
void alarm_set_under(struct alarm_table *table, const struct alarm *parent, uint8_t alarm_class, subject_t subject, uint8_t node,
                     enum verdict bad, uint16_t reason, msec_t now, alarm_sink *sink, void *context);
/* Of a class with two severities: the one that holds now. A standing alarm that gets worse is cleared, to be raised anew as what it is; one
 * that gets better keeps its severity until it is over. Call before alarm_set. */
void alarm_grade(struct alarm_table *table, uint8_t alarm_class, subject_t subject, uint8_t severity, msec_t now, alarm_sink *sink,
                 void *context);
struct alarm *alarm_find(const struct alarm_table *table, uint8_t alarm_class, subject_t subject);
void alarm_withdraw(struct alarm_table *table, subject_t subject, msec_t now, alarm_sink *sink, void *context);

#endif
