/* Kerberos tokens for HTTP (SPNEGO, Kerberos only), made by worker threads, because a silent KDC holds its caller for a minute.
 * Per identity: tickets in memory from a keytab (or password file), at most one token at a time, a deadline of our own, renewal beside
 * the running business. Owns threads, tickets and deadlines; knows no HTTP. Everything is called and answered on the loop thread. */
#ifndef SOLOWARDEN_RUN_SPNEGO_H
#define SOLOWARDEN_RUN_SPNEGO_H

#include <uv.h>

#include "spnego_gss.h"

enum { TOKEN_DEADLINE_MS = 5000, TOKEN_WORKERS_MAX = 16 };

struct spnego_counters {
    uint64_t tokens, timeouts, renewals, renewals_failed;
};

struct spnego;
struct spnego *spnego_open(uv_loop_t *loop);
const struct spnego_counters *spnego_counters(const struct spnego *spnego);
void spnego_close(struct spnego *spnego); /* after its identities; a job that hangs is left to its thread */

struct spnego_identity;
struct spnego_identity *spnego_identity_open(struct spnego *spnego, const struct spnego_account *account); /* texts are copied */
void spnego_identity_close(struct spnego_identity *identity);

struct spnego_answer {
    uint16_t reason; /* OK; TOKEN_SLOW, TOKEN_FAILED, LOGIN_REFUSED (the KDC refused our key), SECRET_UNREADABLE; of a proof: NOT_MUTUAL */
    char *token;     /* base64; the receiver's, who wipes it; NULL = none */
    struct spnego_context *context; /* of the token: the receiver's */
    const char *why;                /* text for people; borrowed until return */
};
typedef void spnego_done(void *context, struct spnego_answer *answer);

struct spnego_job;
/* Each answers once, later, unless it is cancelled. */
struct spnego_job *spnego_token(struct spnego_identity *identity, const char *host, const struct spnego_binding *binding, spnego_done *done,
                                void *done_context);
struct spnego_job *spnego_proof(struct spnego_identity *identity, struct spnego_context *context /* taken */, const char *challenge,
                                spnego_done *done, void *done_context);
void spnego_cancel(struct spnego_job *job);

#endif
