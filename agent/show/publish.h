/* Rows from the model: fills a snapshot from the decider's state. The only place that turns monotonic times into Unix seconds
 * and reasons into sentences. Reads, never writes, the decider; knows nothing of who reads the snapshot. */
#ifndef SOLOWARDEN_SHOW_PUBLISH_H
#define SOLOWARDEN_SHOW_PUBLISH_H

#include "agent/config/config.h"
#include "agent/core/decider.h"
#include "agent/core/estate.h"
#include "agent/keep/index.h"
#include "rows.h"
#include "snapshot.h"

/* What the shell keeps per probe beside the model. */
struct probe_note {
    uint64_t runs, unknowns, failures;
    uint32_t connect_ms, elapsed_ms;
    int32_t certificate_days; /* -1 = no TLS */
    uint16_t reason;
    uint8_t verdict;
    msec_t at, since;
    char text[TEXT_BYTES];
};

/* Who is connected to a server now, counted per node, as the SNMP agent of the server's machine tells. */
struct session_note {
    uint32_t connected, counting;
    msec_t read_at, seen_at; /* newest complete reading; newest reading with a connection */
};

/* What the audit of one cluster found last: violations and what could not be checked. */
enum { FINDINGS_MAX = 512 };
struct finding_note {
    uint16_t rule, reason;
    uint8_t verdict, severity, kind; /* enum verdict, audit_severity, audit_kind */
    char subject[LONG_NAME_BYTES], node[64], evidence[TEXT_BYTES];
    msec_t since;
};
struct audit_note {
    msec_t at; /* of the newest run; 0 = none yet */
    uint32_t count, violations, unchecked, dropped;
    uint8_t worst; /* enum audit_severity of the worst violation */
    struct finding_note *findings;
};

struct history_ring { /* the newest HISTORY_SHOWN rows, by sequence */
    struct row_history rows[HISTORY_SHOWN];
    uint32_t count, next;
};

struct publisher {
    const struct decider *decider;
    const struct compiled *compiled;
    struct index_table *indices;
    const struct probe_note *notes; /* per source */
    const struct history_ring *history;
    struct estate *const *estates;       /* per cluster; NULL = not a Windows cluster */
    const struct session_note *sessions; /* per server and node */
    struct audit_note *const *audits;    /* per cluster; NULL = not a Windows cluster */
    struct row_agent agent;              /* filled by the shell */
    uint64_t generation;
    uint16_t *server_source, *node_source; /* found once per snapshot: who asked a server, who spoke last for a node */
    uint32_t *source_index;                /* SNMP index of each source's name, 0 = not looked up yet */
};

/* The scratch tables; everything else is the caller's to fill in. */
void publisher_open(struct publisher *publisher, const struct policy *policy);
void publisher_close(struct publisher *publisher);

/* "pollers/orders", "pollers/p1", "shop", "agent/journal": at most NAME_BYTES - 1 bytes, always terminated. */
const char *subject_full_name(const struct policy *policy, subject_t subject, char buffer[NAME_BYTES]);

/* The stable key of an alarm: "none:pollers/orders". */
enum { KEY_BYTES = NAME_BYTES + 32 };
const char *alarm_key(const struct policy *policy, uint8_t alarm_class, subject_t subject, char buffer[KEY_BYTES]);

/* The cluster, group, handler ("host") and node names that an alarm or event about `subject` carries; "" where none applies. */
struct whereabouts {
    char cluster[NAME_BYTES], group[NAME_BYTES], host[NAME_BYTES], node[NAME_BYTES];
};
void subject_whereabouts(const struct policy *policy, subject_t subject, uint8_t node, struct whereabouts *out);

/* A sentence about the alarm for people: what, where, why. */
const char *alarm_sentence(const struct decider *decider, const struct alarm *alarm, char buffer[TEXT_BYTES]);
/* A sentence about a handler's verdict. */
const char *handler_sentence(const struct decider *decider, uint16_t handler, char buffer[TEXT_BYTES]);

/* "p1, p3" for a set of nodes of a cluster. */
const char *nodes_text(const struct policy *policy, uint16_t cluster, nodes_t nodes, char *buffer, size_t size);

/* A sealed descriptor (the caller closes it), or -1. */
int publish(struct publisher *publisher, msec_t now, int64_t wall_offset);

#endif
