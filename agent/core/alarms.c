/* The table of alarms: raised once, cleared once, kept while nobody knows. */
#include "alarms.h"

static const struct {
    const char *name;
    uint8_t severity;
} catalogue[ALARM_CLASSES] = {
    [ALARM_NOTHING] = {"nothing", SEVERITY_INFO},
    [ALARM_NONE] = {"none", SEVERITY_CRITICAL},
    [ALARM_DUPLICATE_CONFIRMED] = {"duplicate-confirmed", SEVERITY_CRITICAL},
    [ALARM_DUPLICATE_SUSPECTED] = {"duplicate-suspected", SEVERITY_WARNING},
    [ALARM_MISPLACED] = {"misplaced", SEVERITY_CRITICAL},
    [ALARM_IDLE] = {"idle", SEVERITY_MAJOR},
    [ALARM_PARTIAL] = {"partial", SEVERITY_MAJOR},
    [ALARM_INTRUDER] = {"intruder", SEVERITY_MAJOR},
    [ALARM_BLIND] = {"blind", SEVERITY_CRITICAL},
    [ALARM_STUCK_PENDING] = {"stuck-pending", SEVERITY_MAJOR},
    [ALARM_FAILOVER_BLOCKED] = {"failover-blocked", SEVERITY_CRITICAL},
    [ALARM_FAILOVER_NOT_READY] = {"failover-not-ready", SEVERITY_MAJOR},
    [ALARM_WOULD_RACE] = {"would-race", SEVERITY_WARNING},
    [ALARM_FIGHTS_BACK] = {"fights-back", SEVERITY_CRITICAL},
    [ALARM_COMMON_CAUSE] = {"common-cause", SEVERITY_CRITICAL},
    [ALARM_FLAPPING] = {"flapping", SEVERITY_WARNING},
    [ALARM_ENDPOINT] = {"endpoint", SEVERITY_MAJOR},
    [ALARM_LOG_STALLED] = {"log-stalled", SEVERITY_WARNING},
    [ALARM_LOG_GAP] = {"log-gap", SEVERITY_WARNING},
    [ALARM_ADDRESSES_UNMAPPED] = {"addresses-unmapped", SEVERITY_WARNING},
    [ALARM_OFFLINE_LONG] = {"offline-long", SEVERITY_INFO},
    [ALARM_PAUSED_LONG] = {"paused-long", SEVERITY_INFO},
    [ALARM_AGENT_DEGRADED] = {"agent-degraded", SEVERITY_MAJOR},
    [ALARM_QUEUE_HIGH] = {"queue-high", SEVERITY_WARNING},
    [ALARM_QUEUE_STUCK] = {"queue-stuck", SEVERITY_CRITICAL},
    [ALARM_AUDIT] = {"audit", SEVERITY_WARNING},
};

const char *alarm_class_name(uint8_t alarm_class)
{
    return alarm_class < ALARM_CLASSES && catalogue[alarm_class].name ? catalogue[alarm_class].name : "?";
}

uint8_t alarm_class_severity(uint8_t alarm_class)
{
    return alarm_class < ALARM_CLASSES && catalogue[alarm_class].severity ? catalogue[alarm_class].severity : SEVERITY_INFO;
}

const char *severity_name(uint8_t severity)
{
    static const char *const names[] = {"?", "info", "warning", "major", "critical"};
    return severity < sizeof names / sizeof *names ? names[severity] : "?";
}

/* ---- finding ---- */

static uint32_t place_of(const struct alarm_table *table, uint8_t alarm_class, subject_t subject)
{
    uint64_t hash = ((uint64_t)alarm_class << 32 | subject) * 0x9e3779b97f4a7c15U;
    uint32_t at = (uint32_t)(hash >> 32) & table->index_mask;
    while (table->index[at]) {
        const struct alarm *row = &table->rows[table->index[at] - 1];
        if (row->class == alarm_class && row->subject == subject)
            break;
        at = (at + 1) & table->index_mask;
    }
    return at;
}

static void take_in(struct alarm_table *table)
{
    for (; table->index && table->indexed < table->count; table->indexed++) {
        const struct alarm *row = &table->rows[table->indexed];
        table->index[place_of(table, row->class, row->subject)] = table->indexed + 1;
    }
}

struct alarm *alarm_find(const struct alarm_table *table, uint8_t alarm_class, subject_t subject)
{
    uint32_t first = 0;
    if (table->index) {
        uint32_t found = table->index[place_of(table, alarm_class, subject)];
        if (found)
            return &table->rows[found - 1];
        first = table->indexed;
    }
    for (uint32_t i = first; i < table->count; i++)
        if (table->rows[i].class == alarm_class && table->rows[i].subject == subject)
            return &table->rows[i];
    return NULL;
}

static struct alarm *drop_oldest(struct alarm_table *table)
{
    struct alarm *oldest = NULL;
    for (uint32_t i = 0; table->rows && i < table->count; i++)
        if (table->rows[i].state == ALARM_CLEARED && (!oldest || table->rows[i].changed_at < oldest->changed_at))
            oldest = &table->rows[i];
    return oldest;
}

static struct alarm *new_row(struct alarm_table *table, uint8_t alarm_class, subject_t subject)
{
    bool reused = table->count >= table->capacity;
    struct alarm *row = reused ? drop_oldest(table) : &table->rows[table->count];
    if (!row) {
        table->dropped++;
        return NULL;
    }
    *row = (struct alarm){
        .class = alarm_class, .subject = subject, .severity = alarm_class_severity(alarm_class), .state = ALARM_CLEARED, .node = NODE_NONE};
    table->count += !reused;
    if (reused && table->index) { /* an index without holes: made anew */
        for (uint32_t i = 0; i <= table->index_mask; i++)
            table->index[i] = 0;
        table->indexed = 0;
    }
    take_in(table);
    return row;
}

/* ---- raising and clearing ---- */

static void change(struct alarm_table *table, struct alarm *row, uint8_t state, msec_t now)
{
    if (row->state == ALARM_CLEARED)
        table->active++;
    if (state == ALARM_CLEARED)
        table->active--;
    row->state = state;
    row->changed_at = now;
    row->sequence = ++table->sequence;
}

static void clear(struct alarm_table *table, struct alarm *row, uint16_t reason, msec_t now, alarm_sink *sink, void *context)
{
    bool told = row->told;
    row->reason = reason;
    row->suppressed_by = 0;
    row->told = false;
    change(table, row, ALARM_CLEARED, now);
    if (told && sink)
        sink(context, row, false);
}

static void raise(struct alarm_table *table, struct alarm *row, const struct alarm *parent, uint8_t node, uint16_t reason, msec_t now,
                  alarm_sink *sink, void *context)
{
    uint8_t state = parent && parent->state != ALARM_CLEARED ? ALARM_SUPPRESSED : ALARM_ACTIVE;
    if (row->state == ALARM_CLEARED) {
        row->since = now;
        row->raise_count++;
        row->acked = false;
    }
    row->reason = reason;
    row->node = node;
    row->suppressed_by = state == ALARM_SUPPRESSED ? (uint16_t)(parent - table->rows + 1) : 0;
    if (row->state != state)
        change(table, row, state, now);
    if (state == ALARM_ACTIVE && !row->told) {
        row->told = true;
        if (sink)
            sink(context, row, true);
    }
}

void alarm_set_under(struct alarm_table *table, const struct alarm *parent, uint8_t alarm_class, subject_t subject, uint8_t node,
                     enum verdict bad, uint16_t reason, msec_t now, alarm_sink *sink, void *context)
{
    take_in(table);
    struct alarm *row = alarm_find(table, alarm_class, subject);
    if (bad == UNKNOWN || (bad == NO && !row))
        return;
    if (!row)
        row = new_row(table, alarm_class, subject);
    if (!row)
        return;
    row->seen_at = now;
    if (bad == YES)
        raise(table, row, parent, node, reason, now, sink, context);
    else if (row->state != ALARM_CLEARED)
        clear(table, row, reason, now, sink, context);
}

void alarm_grade(struct alarm_table *table, uint8_t alarm_class, subject_t subject, uint8_t severity, msec_t now, alarm_sink *sink,
                 void *context)
{
    take_in(table);
    struct alarm *row = alarm_find(table, alarm_class, subject);
    if (!row)
        row = new_row(table, alarm_class, subject);
    if (!row || row->severity == severity || (row->state != ALARM_CLEARED && severity < row->severity))
        return;
    if (row->state != ALARM_CLEARED)
        clear(table, row, row->reason, now, sink, context);
    row->severity = severity;
}

void alarm_set(struct alarm_table *table, uint8_t alarm_class, subject_t subject, uint8_t node, enum verdict bad, uint16_t reason,
               msec_t now, alarm_sink *sink, void *context)
{
    alarm_set_under(table, NULL, alarm_class, subject, node, bad, reason, now, sink, context);
}

void alarm_withdraw(struct alarm_table *table, subject_t subject, msec_t now, alarm_sink *sink, void *context)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (table->rows[i].subject == subject && table->rows[i].state != ALARM_CLEARED)
            clear(table, &table->rows[i], REASON_WITHDRAWN, now, sink, context);
}
