/* The snmp channel: walks of SNMP agents, v2c and v3, carried out by a process of its own (snmp_manager.h), which is started with the
 * first walk and again when it ends. Owns names, that process and who waits for it; knows nothing of tables, and never opens a secret. */
#ifndef SOLOWARDEN_RUN_CHANNEL_SNMP_H
#define SOLOWARDEN_RUN_CHANNEL_SNMP_H

#include "agent/config/target.h"
#include "channel.h"

struct snmp_pool;                                                       /* one per loop */
struct snmp_pool *snmp_pool_open(uv_loop_t *loop, const char *program); /* whose verb snmp-manager is run; NULL = our own program */
void snmp_pool_close(struct snmp_pool *pool);                           /* frees itself when the loop let go */

/* A process that owes us a word for so long when a walk expires is killed and replaced. Preset: 15 s. */
void snmp_pool_patience(struct snmp_pool *pool, msec_t patience);

struct snmp_counters {
    uint64_t walks, bytes, timeouts, restarts;
};
const struct snmp_counters *snmp_pool_counters(const struct snmp_pool *pool);
int snmp_pool_process(const struct snmp_pool *pool); /* its number; 0 = none runs */

/* The target is borrowed. A channel outlives neither its pool nor its target. */
struct snmp_channel;
struct snmp_channel *snmp_channel_open(struct snmp_pool *pool, const struct snmp_target *target, channel_reply *reply, void *context);
void snmp_channel_request(struct snmp_channel *channel,
                          const struct request *request); /* WALK; replies later, never from inside this call */
bool snmp_channel_expire(struct snmp_channel *channel);   /* as line_expire */
void snmp_channel_close(struct snmp_channel *channel);

/* Reasons: SNMP_TIMEOUT, SNMP_REFUSED, SECRET_UNREADABLE, RESOLVE_FAILED, REPLY_TOO_LARGE, BAD_REPLY (its identifiers do not grow),
 * PROVIDER_FAILED (an error status), NO_RESOURCES, CHILD_ENDED (the process ended; it is being restarted), START_FAILED. */
const char *snmp_channel_why(const struct snmp_channel *channel); /* text for people about the last reply's reason, "" = none */

#endif
