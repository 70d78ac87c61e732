/* One conversation: a probe's steps, carried out over the channels. Owns the probe's state, its memory and the password
 * while it lasts.
 * Knows nothing of schedules, gates or other conversations. */
#ifndef SOLOWARDEN_RUN_TALK_H
#define SOLOWARDEN_RUN_TALK_H

#include <uv.h>

#include "agent/config/config.h"

struct http_pool;
struct snmp_pool;
struct talk_pools { /* NULL where no source speaks it */
    struct http_pool *http;
    struct snmp_pool *snmp;
};
struct talk;
struct talk_hooks {
    /* The next request holds a password, or goes out as the credential. REASON_OK: send it; REASON_NONE: it is held back until talk_go_on
     * or talk_cancel; else it must not be sent, and why. */
    uint16_t (*secret)(void *context);
    bool (*proven)(void *context);   /* the credential has let somebody in, so nothing is risked with it */
    void (*admitted)(void *context); /* an http server took the credential; the conversation goes on */
    /* It is over and frees itself on return. reason: of the conversation as a whole. */
    void (*ended)(void *context, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms);
    found_sink *found;
    bool (*wanted)(void *context, enum found_kind kind, char name[FOUND_NAME]);
};

/* round: how many conversations the source had before. */
struct talk *talk_open(uv_loop_t *loop, const struct talk_pools *pools, const struct source_conf *conf, uint32_t round,
                       const struct talk_hooks *hooks, void *context);
void talk_start(struct talk *talk); /* may end it at once */
void talk_go_on(struct talk *talk);
void talk_expire(struct talk *talk);                  /* the deadline; a program ends a little later */
void talk_cancel(struct talk *talk, uint16_t reason); /* ends it as unknown */
void talk_drop(struct talk *talk);                    /* ends it without a word */

/* Unknown, and why: what a source says when no conversation could tell. */
void seen_unknown(struct seen *seen, const struct source_conf *conf, uint16_t reason);

#endif
