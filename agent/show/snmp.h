/* The two SNMP children of `run`, exec'd over a socketpair on descriptor 3, each single-threaded: net-snmp never runs in the decider.
 * This header is the decider's handle and the messages; it does not include net-snmp. */
#ifndef SOLOWARDEN_SHOW_SNMP_H
#define SOLOWARDEN_SHOW_SNMP_H

#include <uv.h>

#include "agent/config/config.h"
#include "snapshot.h"

/* fixed size; complete varbind list, empty rather than omitted. 0 = unknown in class, severity and state. */
struct notification {
    uint64_t sequence;
    uint32_t index;                 /* of the alarm's row; 0 = the first choice for its key */
    uint8_t kind;                   /* 1 alarmRaised, 2 alarmCleared, 3 event */
    uint8_t class, severity, state; /* enum alarm_class, severity, alarm_state (of an event: group_phase) */
    char key[NAME_BYTES + 32], cluster[NAME_BYTES], group[NAME_BYTES], host[NAME_BYTES], node[NAME_BYTES], reason[28], text[TEXT_BYTES];
    uint32_t since;
    stamp_t at;
    char agent[NAME_BYTES];
};

/* what the children report back */
struct snmp_status {
    bool agent_up, notify_up;
    char agent_text[TEXT_BYTES], notify_text[TEXT_BYTES]; /* why not, for people */
    uint64_t requests, variables, sent, acked, waiting, dropped;
};

struct snmp;
typedef void snmp_changed(void *context, const struct snmp_status *status);
/* A receiver acknowledged (or, for traps, was sent) everything up to `sequence`: keep it in the journal. */
typedef void snmp_acked(void *context, const char *receiver, uint64_t sequence);

/* program: this binary. engine_boots: last stored + 1 is used and must have been stored before this call. */
struct snmp *snmp_children_open(uv_loop_t *loop, const char *program, const struct config *config, const char *config_path,
                                uint32_t engine_boots, snmp_changed *changed, snmp_acked *acked, void *context);
void snmp_publish(struct snmp *snmp, int descriptor); /* a sealed snapshot; not taken over, duplicated by the kernel */
void snmp_notify(struct snmp *snmp, const struct notification *notification);
/* Before any snmp_notify, in order: everything after a receiver's last acknowledged sequence is sent again. */
void snmp_notify_to(struct snmp *snmp, const char *receiver, const struct notification *notification);
const struct snmp_status *snmp_status(const struct snmp *snmp);
void snmp_children_close(struct snmp *snmp); /* ends the children; frees itself when the loop let go */

int snmp_agent_main(int argc, char **argv);  /* solowarden snmp-agent */
int snmp_notify_main(int argc, char **argv); /* solowarden snmp-notify */

#endif
