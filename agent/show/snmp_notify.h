/* The notification child's own parts: one sender per receiver with its queue, window and session, and notifications as PDUs.
 * Only the snmp_notify files and their tests include this; it needs net-snmp. */
#ifndef SOLOWARDEN_SHOW_SNMP_NOTIFY_H
#define SOLOWARDEN_SHOW_SNMP_NOTIFY_H

#include "snmp_engine.h"
#include "snmp_wire.h"

/* pdu: the complete varbind list, made from the MIB's columns */
netsnmp_pdu *notification_pdu(const struct notification *notification, int command, uint32_t uptime_centiseconds);

/* one notification, shared by the senders that still have to deliver it */
struct item {
    unsigned references;
    struct notification notification;
};
struct item *item_new(const struct notification *notification);
void item_release(struct item *item);

struct sender;
struct sender_counts {
    uint64_t sent, acked, dropped;
};

/* NULL is never returned: a receiver that cannot be served says so in sender_trouble. */
struct sender *sender_open(const struct conf_snmp *conf, const struct conf_receiver *receiver, const char *agent_name);
void sender_close(struct sender *sender);
const char *sender_name(const struct sender *sender);

/* Queued in order of sequence; one that is already under way is not taken twice. */
void sender_queue(struct sender *sender, struct item *item);
/* Sends and resends what is due. Returns when it wants to be called again at the latest. */
int64_t sender_work(struct sender *sender, int64_t now);
/* The library's descriptors and timers for this sender; NULL while there is no session. */
void *sender_session(const struct sender *sender);

/* Everything up to here was acknowledged (traps: sent); 0 = nothing yet. */
uint64_t sender_acked(const struct sender *sender);
size_t sender_waiting(const struct sender *sender);
const struct sender_counts *sender_counts(const struct sender *sender);
/* Why it cannot deliver, for people; "" = it can. */
const char *sender_trouble(const struct sender *sender, int64_t now, char text[TEXT_BYTES]);

/* Serves until the channel closes, then delivers what it can for a moment longer. */
int notify_serve(const struct conf_snmp *conf, const char *agent_name, const char *state_dir, uint32_t boots, int channel);

#endif
