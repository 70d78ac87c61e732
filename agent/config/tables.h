/* What the field tables share among themselves: rows that several tables have. Nobody else includes this. */
#ifndef SOLOWARDEN_CONFIG_TABLES_H
#define SOLOWARDEN_CONFIG_TABLES_H

#include "config.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * (int64_t)HOUR)

#define END                                                                                                                                \
    {                                                                                                                                      \
        .key = NULL                                                                                                                        \
    }

/* when and how often a probe runs; `prefix` leads to its struct conf_schedule */
#define SCHEDULE_ROWS_EVERY(structure, prefix, often)                                                                                      \
    {"every", FIELD_DURATION, FIELD(structure, prefix every), 0, 1 * SECOND, HOUR, often, NULL, "How often to ask."},                      \
        {"timeout",                                                                                                                        \
         FIELD_DURATION,                                                                                                                   \
         FIELD(structure, prefix timeout),                                                                                                 \
         0,                                                                                                                                \
         100,                                                                                                                              \
         10 * MINUTE,                                                                                                                      \
         NULL,                                                                                                                             \
         NULL,                                                                                                                             \
         "How long an answer may take; shorter than `every`. Default: 10s, or half of `every` where that is shorter."},                    \
        {"rise", FIELD_INTEGER, FIELD(structure, prefix rise), 0, 1, 100, "2", NULL, "Good answers in a row that make it good."},          \
    {                                                                                                                                      \
        "fall", FIELD_INTEGER, FIELD(structure, prefix fall), 0, 1, 100, "3", NULL,                                                        \
            "Bad answers in a row that make it bad. No answer at all is unknown and does not count."                                       \
    }
#define SCHEDULE_ROWS(structure, prefix) SCHEDULE_ROWS_EVERY(structure, prefix, "30s")

extern const struct field budget_moves_fields[], budget_stops_fields[];
extern const char *const modes[], *const triggers[];
enum { TRIGGERS_BUILT = 2 };

/* what a group may inherit from defaults.group */
#define GROUP_HABIT_ROWS                                                                                                                     \
    {"mode",                                                                                                                                 \
     FIELD_CHOICE,                                                                                                                           \
     FIELD(struct conf_group, mode),                                                                                                         \
     0,                                                                                                                                      \
     0,                                                                                                                                      \
     0,                                                                                                                                      \
     "advise",                                                                                                                               \
     modes,                                                                                                                                  \
     "observe: only watch; advise: write the plan; confirm: act after an approval; auto: act."},                                             \
        {"on",                                                                                                                               \
         FIELD_CHOICES,                                                                                                                      \
         FIELD(struct conf_group, on),                                                                                                       \
         0,                                                                                                                                  \
         0,                                                                                                                                  \
         TRIGGERS_BUILT,                                                                                                                     \
         "[none]",                                                                                                                           \
         triggers,                                                                                                                           \
         "What makes the group fail. none: active nowhere; idle: active, but no handler polls."},                                            \
        {"confirm", FIELD_DURATION, FIELD(struct conf_group, confirm),                                                                       \
         0,         SECOND,         DAY,                                                                                                     \
         NULL,      NULL,           "How long the failure must stand unbroken. Lengthens the computed floor, never shortens it."},           \
        {"settle", FIELD_DURATION, FIELD(struct conf_group, settle),                                                                         \
         0,        SECOND,         DAY,                                                                                                      \
         NULL,     NULL,           "How long to wait after a change of owner. Default: two control intervals and a timeout, at least 30s."}, \
        {"cool_down", FIELD_DURATION, FIELD(struct conf_group, cool_down),     0, SECOND, 7 * DAY,                                           \
         "10m",       NULL,           "The shortest time between two actions."},                                                             \
        {"max_moves", FIELD_TABLE, 0, 0, 0, 0, NULL, budget_moves_fields, "The budget for moves: {count: 2, per: 6h}."},                     \
        {"max_stops", FIELD_TABLE, 0, 0, 0, 0, NULL, budget_stops_fields, "The budget for stops: {count: 2, per: 6h}."},                     \
        {"trusted_after",                                                                                                                    \
         FIELD_DURATION,                                                                                                                     \
         FIELD(struct conf_group, trusted_after),                                                                                            \
         0,                                                                                                                                  \
         MINUTE,                                                                                                                             \
         7 * DAY,                                                                                                                            \
         "1h",                                                                                                                               \
         NULL,                                                                                                                               \
         "How long a handler must have been seen single before a surplus copy of it may be stopped."},                                       \
        {"blind_after",                                                                                                                      \
         FIELD_DURATION,                                                                                                                     \
         FIELD(struct conf_group, blind_after),                                                                                              \
         0,                                                                                                                                  \
         SECOND,                                                                                                                             \
         DAY,                                                                                                                                \
         "2m",                                                                                                                               \
         NULL,                                                                                                                               \
         "After how long without knowledge to raise the alarm `blind`."},                                                                    \
        {"offline_long",                                                                                                                     \
         FIELD_DURATION,                                                                                                                     \
         FIELD(struct conf_group, offline_long),                                                                                             \
         0,                                                                                                                                  \
         MINUTE,                                                                                                                             \
         365 * DAY,                                                                                                                          \
         "24h",                                                                                                                              \
         NULL,                                                                                                                               \
         "After how long deliberately offline to mention it."},                                                                              \
    {                                                                                                                                        \
        "action_timeout", FIELD_DURATION, FIELD(struct conf_group, action_timeout), 0, SECOND, HOUR, "2m", NULL,                             \
            "How long a `move` or `stop` program may run."                                                                                   \
    }

/* tables_windows.c */
extern const struct field wsfc_cluster_fields[];
extern const struct field server_snmp_fields[];

#endif
