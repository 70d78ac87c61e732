/* What solowarden shows: flat rows without pointers, one struct per MIB table, sorted by index. MIB, CLI, JSON, metrics and
 * notification varbinds all read these through the column tables (views.h). Knows nothing of how rows are made or sent. */
#ifndef SOLOWARDEN_SHOW_ROWS_H
#define SOLOWARDEN_SHOW_ROWS_H

#include "agent/core/types.h"

enum { NAME_BYTES = 72, TEXT_BYTES = 160, HISTORY_SHOWN = 1000 };

/* Common head of every stateful row. index2 is 0 in tables with one index. Times are Unix seconds, 0 = never. */
struct row_head {
    uint32_t index, index2;
    char name[NAME_BYTES]; /* full name: cluster/group/…, at most 64 bytes */
    uint8_t state;         /* the table's enum, 1 = unknown */
    uint16_t reason;       /* enum reason */
    uint32_t since;
    uint32_t read_at;      /* newest reading behind it; data age is now - read_at, "never" when 0 */
    char text[TEXT_BYTES]; /* reason for people, with names and figures */
};

enum row_level { LEVEL_UNKNOWN = 1, LEVEL_UP, LEVEL_DOWN }; /* probe, server, node */

struct row_probe {
    struct row_head head; /* row_level */
    char target[NAME_BYTES], type[12];
    uint32_t interval_seconds, connect_ms, elapsed_ms;
    uint64_t runs, unknowns, failures;
};
struct row_server {
    struct row_head head; /* row_level */
    char type[12], address[64], log_file[128], log_format[20], log_reason[24];
    uint8_t log_state; /* 1 unknown (see log_reason), 2 live, 3 no log configured */
    uint32_t log_lag_seconds, certificate_days /* 0xffffffff = no TLS */;
    uint32_t canary_seen; /* when our canary's line last came */
    int32_t log_skew_ms;
    uint64_t log_lines, log_unparsed, log_cut, log_gaps;
};
struct row_node {
    struct row_head head; /* row_level */
    char cluster[NAME_BYTES], addresses[128];
    uint8_t paused; /* 1 yes 2 no (TruthValue) */
};
struct row_group {
    struct row_head head; /* enum group_phase */
    char cluster[NAME_BYTES], owner[NAME_BYTES], target[NAME_BYTES];
    uint8_t mode;        /* 1 + enum mode + 1: 1 unknown, 2 observe, 3 advise, 4 confirm, 5 auto */
    uint8_t wrong;       /* 1 unknown, 2 nothing, 3 none, 4 idle, 5 duplicate */
    uint8_t ready;       /* 1 unknown 2 yes 3 no: a failover would work now */
    uint8_t planned_act; /* 1 nothing 2 move 3 stop */
    uint16_t rule;
    uint32_t closed_gates;         /* bits, enum gate */
    char closed_names[TEXT_BYTES]; /* "fresh owner-agreed" */
    char suppressed[24];           /* reason word of the lowest closed gate; "" = none */
    uint64_t plan;
    uint32_t facts, moves_left, stops_left, confirm_seconds;
    uint32_t acted_at;
};
struct row_candidate {    /* group × node */
    struct row_head head; /* 1 unknown 2 ready 3 not ready */
    char group[NAME_BYTES], node[NAME_BYTES];
};
struct row_handler {
    struct row_head head; /* enum handler_state */
    char group[NAME_BYTES], cluster[NAME_BYTES], server[NAME_BYTES], account[64], path[64], active_node[NAME_BYTES];
    uint8_t strength;      /* enum strength */
    uint8_t control, data; /* 1 + enum control_plane / data_plane */
    uint16_t flags, verdict_row;
    char flag_names[64], intruder[48];
    uint32_t poll_seconds, window_seconds, last_poll, last_take, last_double;
    char last_double_class[32];
    uint64_t polls, takes, refused;
};
/* handler × node */
struct row_handler_node {
    struct row_head head; /* 1 unknown 2 active 3 inactive: what the control plane says of that node */
    char handler[NAME_BYTES], node[NAME_BYTES];
    uint32_t last_poll, last_take;
    uint8_t first_hand;              /* TruthValue */
    uint32_t sessions, session_seen; /* connections to the server now, by the SNMP agent of its machine; 4294967295 = not known */
};
struct row_alarm {
    struct row_head head; /* enum alarm_state; read_at = condition last known */
    char class_name[28], subject[NAME_BYTES], cluster[NAME_BYTES], group[NAME_BYTES], host[NAME_BYTES], node[NAME_BYTES];
    uint8_t class, severity; /* enum alarm_class, enum severity + 1 (1 unknown) */
    uint8_t acked;           /* TruthValue */
    uint32_t suppressed_by;  /* index of the parent alarm, 0 = none */
    uint32_t raise_count, changed_at;
    uint64_t sequence;
};
struct row_history {
    uint32_t index; /* sequence, wraps at 2^31-1 */
    uint64_t sequence;
    stamp_t at;
    uint8_t kind, severity; /* enum severity, 0 = unknown */
    char word[28], key[NAME_BYTES + 32], cluster[NAME_BYTES], group[NAME_BYTES], host[NAME_BYTES], node[NAME_BYTES], text[TEXT_BYTES];
    uint16_t rule;
    uint64_t plan;
};
struct row_agent {                                                   /* scalars */
    char version[16], name[NAME_BYTES], config_digest[20], role[12]; /* role: active, observing */
    uint32_t started, loop_lag_ms, loop_lag_max_ms, active_alarms, probes, probes_in_flight;
    uint64_t last_alarm_sequence, log_lines, dropped, journal_rows, notifications_sent, notifications_acked, notifications_waiting;
    char journal_state[24], snmp_state[24], actuator_state[24];
};

#include "rows_windows.h"

enum table_id {
    TABLE_AGENT,
    TABLE_PROBE,
    TABLE_SERVER,
    TABLE_NODE,
    TABLE_GROUP,
    TABLE_CANDIDATE,
    TABLE_HANDLER,
    TABLE_HANDLER_NODE,
    TABLE_ALARM,
    TABLE_HISTORY,
    TABLE_CLUSTER,
    TABLE_RESOURCE,
    TABLE_INSTANCE,
    TABLE_QUEUE,
    TABLE_AUDIT,
    TABLES
};

#endif
