/* The daemon behind `solowarden run`: the one place where the parts of the street meet. Everything here runs on the loop thread.
 * Inputs (daemon_inputs.c) → decider → effects (daemon_effects.c); operators' verbs (daemon_verbs.c, daemon_explain.c) enter as inputs;
 * what must survive a restart is kept and restored by daemon_state.c. Decides nothing itself. */
#ifndef SOLOWARDEN_CLI_DAEMON_H
#define SOLOWARDEN_CLI_DAEMON_H

#include <jansson.h>
#include <uv.h>

#include "agent/act/actuator.h"
#include "agent/config/config.h"
#include "agent/core/audit.h"
#include "agent/core/decider.h"
#include "agent/keep/journal.h"
#include "agent/run/channel_file.h"
#include "agent/run/control.h"
#include "agent/run/loop.h"
#include "agent/run/runner.h"
#include "agent/show/publish.h"
#include "agent/show/snmp.h"
#include "agent/show/text.h"

enum { PAUSES_MAX = 64, ORDERS_MAX = 64, RESULTS_MAX = 16 };

enum agent_part { PART_AGENT, PART_JOURNAL, PART_SNMP_AGENT, PART_SNMP_NOTIFY, PART_ACTUATOR, PART_LOOP, PARTS };

struct log_note { /* per server: where its log is read, and how */
    struct format_state state;
    struct custom_format *custom;
    struct file_resume resume, saved;
    uint64_t alien_in_a_row;
    bool caught_up;
};

struct pending_order { /* an intent on its way to the disk, then to the actuator */
    struct daemon *daemon;
    struct order order;
    bool used;
};

struct daemon {
    uv_loop_t loop;
    uv_timer_t tick_timer, wake_timer, second_timer;
    uv_signal_t terminate, interrupt, hangup;
    struct config *config;
    struct compiled *compiled;
    const struct policy *policy;
    struct decider *decider;
    struct runner *runner;
    struct file_channel *files;
    struct journal *journal;
    struct actuator *actuator;
    struct snmp *snmp;
    struct control *control;
    struct loop_watch *watch;
    struct publisher publisher;
    struct history_ring history;
    struct probe_note *notes;
    struct log_note **logs; /* per server; NULL = it has no log */
    struct pause pauses[PAUSES_MAX];
    struct pending_order orders[ORDERS_MAX];
    uint64_t sequence; /* of history rows and notifications */
    int snapshot;      /* the newest sealed snapshot, -1 = none yet */
    uint64_t seconds;
    bool dirty, tick_pending, stopping, observe_only;
    bool journal_volatile; /* the state folder cannot be used: history lives in memory and nothing is done */
    void *decider_memory;
    struct estate **estates; /* per cluster; NULL = not a Windows cluster */
    struct bounded_memory estate_memory;
    size_t estate_bytes;
    struct audit_note **audits; /* per cluster; NULL = not a Windows cluster */
    void *audit_memory;
    struct session_note *sessions; /* per server and node: who is connected, by the server machine's SNMP agent */
    const char *config_path, *program;
    uint64_t lost;                    /* appends that the journal refused */
    char degraded[PARTS][TEXT_BYTES]; /* why a part does not work; "" = works */
    uint16_t degraded_reason[PARTS];
    char actuator_text[TEXT_BYTES];
    struct told_result { /* how the last actions ended, in words: history tells it with what follows from it */
        uint64_t plan;
        char text[TEXT_BYTES];
    } results[RESULTS_MAX];
    unsigned next_result;
};

msec_t daemon_now(const struct daemon *daemon);
int64_t daemon_wall_offset(const struct daemon *daemon);
/* Something changed: tick once this loop turn is over. */
void daemon_touch(struct daemon *daemon);
/* One line for people on stderr (the service manager stamps it). Never a secret. */
void daemon_say(const struct daemon *daemon, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* daemon_inputs.c */
runner_seen daemon_probe_seen;
file_sink daemon_log_read;
int daemon_logs_open(struct daemon *daemon);
void daemon_logs_close(struct daemon *daemon);

/* daemon_estate.c */
void daemon_estates_open(struct daemon *daemon);
void daemon_estates_close(struct daemon *daemon);
void daemon_estates_each_second(struct daemon *daemon);
void daemon_found(void *context, uint16_t source, const struct found *found);
bool daemon_wanted(void *context, uint16_t source, enum found_kind kind, char name[FOUND_NAME]);
void daemon_estate_said(struct daemon *daemon, uint16_t source, uint8_t verdict, uint16_t reason, msec_t now);

/* daemon_findings.c */
struct audit_input daemon_audit_input(const struct daemon *daemon);
void daemon_findings_open(struct daemon *daemon);
void daemon_findings_each_second(struct daemon *daemon);
void daemon_findings_close(struct daemon *daemon);

/* daemon_effects.c */
effect_sink daemon_effect;
void daemon_tell(struct daemon *daemon, uint8_t kind, struct journal_history *row, uint8_t notification_kind);
void daemon_result(void *context, const struct order_result *result);
/* How a part of the agent itself stands: raises or clears agent-degraded. reason REASON_OK = works. */
void daemon_degraded(struct daemon *daemon, enum agent_part part, uint16_t reason, const char *text);
void daemon_notify_row(struct daemon *daemon, const char *receiver, const json_t *row);

/* daemon_verbs.c */
control_callback daemon_verb;
uint16_t daemon_find_group(const struct daemon *daemon,
                           const char *name); /* "orders" or "pollers/orders"; UINT16_MAX = none, or ambiguous */
uint16_t daemon_find_handler(const struct daemon *daemon, const char *name);

/* daemon_explain.c: everything that is known and decided about one group or handler, as JSON. */
json_t *daemon_explain_group(struct daemon *daemon, uint16_t group);
json_t *daemon_explain_handler(struct daemon *daemon, uint16_t handler);

/* daemon_state.c */
void daemon_restore(struct daemon *daemon);
void daemon_keep_group(struct daemon *daemon, uint16_t group);
void daemon_keep_pauses(struct daemon *daemon);
void daemon_keep_alarm(struct daemon *daemon, const struct alarm *alarm);
void daemon_keep_logs(struct daemon *daemon);
void daemon_keep_sequence(struct daemon *daemon, const char *receiver, uint64_t sequence);
uint32_t daemon_engine_boots(struct daemon *daemon); /* counts one up and stores it */

#endif
