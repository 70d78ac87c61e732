/* One target and the steps of one request to it: its addresses, the certificate of its connection, a token, the request, the proof.
 * Owns what was learned about the target; one request at a time. Knows no conversation and no queue. */
#ifndef SOLOWARDEN_RUN_HTTP_SITE_H
#define SOLOWARDEN_RUN_HTTP_SITE_H

#include "http_endpoint.h"
#include "spnego.h"

struct http_site;

/* Whose requests share connections and tickets, and nobody else's. */
struct http_identity {
    struct http_identity *next;
    uv_loop_t *loop;
    uint8_t auth;
    char *credential, *user;
    struct http_multi *multi;
    struct spnego_identity *spnego; /* Kerberos only */
    struct http_site *dirty;        /* whose bytes have not been told yet */
    long sites;
};

struct http_answer {
    uint16_t reason;
    int status;
    const char *why;
};
struct http_site_hooks { /* never from inside http_site_ask */
    void (*piece)(void *context, const char *data, size_t size);
    void (*ended)(void *context, const struct http_answer *answer);
};

enum http_step { SITE_IDLE, SITE_RESOLVE, SITE_GREET /* empty, for the certificate */, SITE_TOKEN, SITE_SEND, SITE_PROOF, SITE_DIAGNOSE };

struct http_site {
    const struct http_target *target;
    struct http_identity *identity;
    const struct http_site_hooks *hooks;
    void *context; /* of who asks now */
    struct http_endpoint endpoint;
    struct http_site *next_dirty;
    struct http_ask ask, greeting;
    struct resolve_wait *wait;
    struct spnego_job *job;
    struct spnego_context *authentication;
    struct spnego_binding binding;
    char *token;
    msec_t used_at;
    int status;
    uint8_t step, rounds, refused;
    bool bound, dirty, persistent, signalled; /* bound: the certificate is known. signalled: "Persistent-Auth: true" came */
};

void http_site_open(struct http_site *site, const struct http_target *target, struct http_identity *identity,
                    struct http_counters *counters, const struct http_site_hooks *hooks);
void http_site_close(struct http_site *site);

/* OK: under way, and `ended` will be called. Else why not. */
uint16_t http_site_ask(struct http_site *site, const struct http_ask *ask, void *context, char why[160]);
uint16_t http_site_expire(struct http_site *site); /* the reason of the step it is in; the request is over */
void http_site_abandon(struct http_site *site);

/* From the identity's multi. */
void http_site_done(struct http_site *site, CURLcode result);
void http_sites_tell(struct http_identity *identity);

#endif
