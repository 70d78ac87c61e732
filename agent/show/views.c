/* The column tables, made from columns.def: one getter per column, one array per table. Owns the words of those enumerations that
 * belong to rows alone; the words of the core's states come from the core. */
#include "views.h"

#include <stdio.h>
#include <string.h>

#include "agent/core/engine.h"
#include "agent/core/model.h"

/* as net-snmp names them; this file does not include it */
enum { ASN_IS_INTEGER = 0x02, ASN_IS_TEXT = 0x04, ASN_IS_GAUGE = 0x42, ASN_IS_COUNTER64 = 0x46 };

#define WORD(words, number) ((number) < sizeof(words) / sizeof *(words) ? (words)[number] : (words)[1])

static const char *level_name(uint8_t level)
{
    static const char *const words[] = {"unknown", "unknown", "up", "down"};
    return WORD(words, level);
}

static const char *log_state_name(uint8_t state)
{
    static const char *const words[] = {"unknown", "unknown", "live", "not-configured"};
    return WORD(words, state);
}

static const char *mode_name(uint8_t mode)
{
    static const char *const words[] = {"unknown", "unknown", "observe", "advise", "confirm", "auto"};
    return WORD(words, mode);
}

static const char *wrong_name(uint8_t wrong)
{
    static const char *const words[] = {"unknown", "unknown", "nothing", "none", "idle", "duplicate"};
    return WORD(words, wrong);
}

static const char *ready_name(uint8_t ready)
{
    static const char *const words[] = {"unknown", "unknown", "yes", "no"};
    return WORD(words, ready);
}

static const char *act_name(uint8_t act)
{
    static const char *const words[] = {"nothing", "nothing", "move", "stop"};
    return WORD(words, act);
}

static const char *candidate_state_name(uint8_t state)
{
    static const char *const words[] = {"unknown", "unknown", "ready", "not-ready"};
    return WORD(words, state);
}

static const char *handler_node_state_name(uint8_t state)
{
    static const char *const words[] = {"unknown", "unknown", "active", "inactive"};
    return WORD(words, state);
}

static const char *strength_name(uint8_t strength)
{
    static const char *const words[] = {"none", "none", "data", "control", "both"};
    return WORD(words, strength);
}

static const char *control_name(uint8_t plane)
{
    static const char *const words[] = {"unknown", "unknown", "none", "one", "many"};
    return WORD(words, plane);
}

static const char *data_name(uint8_t plane)
{
    static const char *const words[] = {"unknown", "unknown", "none", "silent", "one", "many"};
    return WORD(words, plane);
}

static const char *alarm_state_name(uint8_t state)
{
    static const char *const words[] = {"cleared", "cleared", "active", "suppressed"};
    return WORD(words, state);
}

static const char *history_kind_name(uint8_t kind)
{
    static const char *const words[] = {"happening", "happening", "alarm-raised", "alarm-cleared", "agent"};
    return WORD(words, kind);
}

static const char *resource_state_name(uint8_t state)
{
    static const char *const words[] = {"unknown", "unknown", "online", "offline", "failed", "pending"};
    return WORD(words, state);
}

static const char *restart_action_name(uint8_t action)
{
    static const char *const words[] = {"unknown", "unknown", "none", "restart", "restart-and-fail-over"};
    return WORD(words, action);
}

static const char *instance_state_name(uint8_t state)
{
    static const char *const words[] = {"unknown", "unknown", "running", "stopped", "pending", "paused", "disputed"};
    return WORD(words, state);
}

static const char *clustered_name(uint8_t clustered)
{
    static const char *const words[] = {"unknown", "unknown", "unclustered", "clustered"};
    return WORD(words, clustered);
}

static const char *queue_state_name(uint8_t state)
{
    static const char *const words[] = {"unknown", "unknown", "ok", "high", "critical", "stuck"};
    return WORD(words, state);
}

static const char *audit_state_name(uint8_t state)
{
    static const char *const words[] = {"unknown", "unknown", "fulfilled", "violated"};
    return WORD(words, state);
}

static const char *group_state_name(uint8_t phase)
{
    return phase > PHASE_UNKNOWN && phase < PHASES ? phase_name(phase) : "unknown";
}

static const char *handler_word(uint8_t state)
{
    return state > HANDLER_UNKNOWN && state < HANDLER_STATES ? handler_state_name(state) : "unknown";
}

static const char *class_name(uint8_t class)
{
    return class > ALARM_NOTHING && class < ALARM_CLASSES ? alarm_class_name(class) : "unknown";
}

/* rows hold the severity plus one, so that 1 is unknown */
static const char *severity_word(uint8_t severity)
{
    return severity > 1 && severity <= SEVERITY_CRITICAL + 1 ? severity_name((uint8_t)(severity - 1)) : "unknown";
}

static void cell_text(struct cell *cell, const char *text, size_t limit)
{
    cell->type = CELL_TEXT;
    cell->text = text;
    cell->size = strnlen(text, limit);
}

static void cell_number(struct cell *cell, enum cell_type type, int64_t number)
{
    cell->type = type;
    cell->number = number;
    cell->text = NULL;
    cell->size = 0;
}

static void cell_word(struct cell *cell, enum cell_type type, uint8_t number, const char *word)
{
    cell->type = type;
    cell->number = number;
    cell->text = word;
    cell->size = strlen(word);
}

static int64_t clamp_gauge(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (int64_t)value;
}

static void cell_plan(struct cell *cell, uint64_t plan)
{
    int size = plan ? snprintf(cell->buffer, sizeof cell->buffer, "%llu", (unsigned long long)plan) : 0;
    cell->type = CELL_TEXT;
    cell->text = cell->buffer;
    cell->size = (size_t)size;
}

static int64_t data_age(uint32_t read_at, uint32_t now)
{
    if (!read_at)
        return UINT32_MAX;
    return now > read_at ? now - read_at : 0;
}

/* how a kind of column reads its member, and its ASN type */
#define GET_TEXT(value) cell_text(cell, value, sizeof(value))
#define GET_TIME(value) cell_number(cell, CELL_TIME, value)
#define GET_GAUGE(value) cell_number(cell, CELL_GAUGE, clamp_gauge(value))
#define GET_UNSIGNED(value) cell_number(cell, CELL_UNSIGNED, value)
#define GET_INTEGER(value) cell_number(cell, CELL_INTEGER, value)
#define GET_COUNTER(value) cell_number(cell, CELL_COUNTER64, (int64_t)(value))
#define GET_DATE(value) cell_number(cell, CELL_DATE, value)
#define GET_TRUTH(value) cell_word(cell, CELL_TRUTH, (value) == 1 ? 1 : 2, (value) == 1 ? "true" : "false")
#define GET_PLAN(value) cell_plan(cell, value)
#define GET_REASON(value) cell_text(cell, reason_name(value), NAME_BYTES)
#define GET_AGE(value) cell_number(cell, CELL_AGE, data_age(value, now))

#define ASN_TEXT ASN_IS_TEXT
#define ASN_TIME ASN_IS_GAUGE
#define ASN_GAUGE ASN_IS_GAUGE
#define ASN_UNSIGNED ASN_IS_GAUGE
#define ASN_INTEGER ASN_IS_INTEGER
#define ASN_COUNTER ASN_IS_COUNTER64
#define ASN_DATE ASN_IS_TEXT
#define ASN_TRUTH ASN_IS_INTEGER
#define ASN_PLAN ASN_IS_TEXT
#define ASN_REASON ASN_IS_TEXT
#define ASN_AGE ASN_IS_GAUGE

#define HEAD(table, words)                                                                                                                 \
    COLUMN(table, 2, "name", TEXT, head.name, 24, "Full name.")                                                                            \
    ENUMERATED(table, 3, "state", words, head.state, 10, "The state.")                                                                     \
    COLUMN(table, 4, "reason", REASON, head.reason, 18, "Why it is in this state, as a stable word.")                                      \
    COLUMN(table, 5, "text", TEXT, head.text, 0, "Why it is in this state, for people.")                                                   \
    COLUMN(table, 6, "since", TIME, head.since, 20, "Since when it has been in this state.")                                               \
    COLUMN(table, 7, "age", AGE, head.read_at, 6, "Seconds since the newest reading behind the state.")

#define BEGIN(table)
#define END(table)
#define COLUMN(table, sub, name, kind, member, width, help)                                                                                \
    static void get_##table##_##sub(const void *row, uint32_t now, struct cell *cell)                                                      \
    {                                                                                                                                      \
        (void)now;                                                                                                                         \
        GET_##kind(((const struct row_##table *)row)->member);                                                                             \
    }
#define ENUMERATED(table, sub, name, words, member, width, help)                                                                           \
    static void get_##table##_##sub(const void *row, uint32_t now, struct cell *cell)                                                      \
    {                                                                                                                                      \
        uint8_t number = (uint8_t)(((const struct row_##table *)row)->member);                                                             \
        (void)now;                                                                                                                         \
        cell_word(cell, CELL_ENUM, number ? number : 1, words(number));                                                                    \
    }
#include "columns.def"
#undef BEGIN
#undef END
#undef COLUMN
#undef ENUMERATED

#define BEGIN(table) static const struct column table##_columns[] = {
#define END(table)                                                                                                                         \
    }                                                                                                                                      \
    ;
#define COLUMN(table, sub, name, kind, member, width, help) {sub, ASN_##kind, name, get_##table##_##sub, width, help},
#define ENUMERATED(table, sub, name, words, member, width, help) {sub, ASN_IS_INTEGER, name, get_##table##_##sub, width, help},
#include "columns.def"

#define TABLE(id, name, prefix, sub, indices, columns) [id] = {id, name, prefix, sub, indices, columns, sizeof(columns) / sizeof *(columns)}

const struct table tables[TABLES] = {
    TABLE(TABLE_AGENT, "agent", "solowardenAgent", 1, 0, agent_columns),
    TABLE(TABLE_PROBE, "probe", "solowardenProbe", 2, 1, probe_columns),
    TABLE(TABLE_SERVER, "server", "solowardenServer", 3, 1, server_columns),
    TABLE(TABLE_NODE, "node", "solowardenNode", 4, 1, node_columns),
    TABLE(TABLE_GROUP, "group", "solowardenGroup", 5, 1, group_columns),
    TABLE(TABLE_CANDIDATE, "candidate", "solowardenCandidate", 6, 2, candidate_columns),
    TABLE(TABLE_HANDLER, "handler", "solowardenHandler", 7, 1, handler_columns),
    TABLE(TABLE_HANDLER_NODE, "handlerNode", "solowardenHandlerNode", 8, 2, handler_node_columns),
    TABLE(TABLE_ALARM, "alarm", "solowardenAlarm", 9, 1, alarm_columns),
    TABLE(TABLE_HISTORY, "history", "solowardenHistory", 10, 1, history_columns),
    TABLE(TABLE_CLUSTER, "cluster", "solowardenCluster", 12, 1, cluster_columns),
    TABLE(TABLE_RESOURCE, "resource", "solowardenResource", 13, 1, resource_columns),
    TABLE(TABLE_INSTANCE, "instance", "solowardenInstance", 14, 2, instance_columns),
    TABLE(TABLE_QUEUE, "queue", "solowardenQueue", 15, 1, queue_columns),
    TABLE(TABLE_AUDIT, "audit", "solowardenAudit", 16, 1, audit_columns),
};

const struct column *column_by_name(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    return NULL;
}
