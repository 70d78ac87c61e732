/* One target's pinned libcurl handle: what libcurl must and must not do for it, one exchange at a time, and what the connection behind it
 * is worth. The last look before anything is sent is here: without a token that fits this very connection, no body leaves.
 * Owns handle, collected bytes and connection bonds; knows no queue, no conversation and no Kerberos. */
#ifndef SOLOWARDEN_RUN_HTTP_ENDPOINT_H
#define SOLOWARDEN_RUN_HTTP_ENDPOINT_H

#include "agent/config/target.h"
#include "channel_http.h"
#include "http_multi.h"
#include "resolve.h"
#include "spnego_gss.h"

/* Of one TLS connection. */
struct http_bond {
    uint32_t references;
    bool proven; /* both sides proved themselves on it: requests on it need no token */
    int64_t certificate_days;
    struct spnego_binding binding;
};
void http_bond_release(struct http_bond *bond);

struct http_ask {     /* borrowed until it ends */
    bool post, empty; /* empty: no body and no credential */
    const char *path, *content_type, *body;
    size_t body_size, limit;
    const char *token;                  /* "Negotiate": base64; NULL = none */
    const struct spnego_binding *bound; /* what the token is bound to */
    bool guarded;                       /* only with such a token, or on a proven connection */
};

enum http_refusal { /* nothing was sent, because */
                    HTTP_SENT,
                    HTTP_UNPROVEN, /* there is no token, and the connection is not proven */
                    HTTP_REBOUND,  /* the token is bound to another connection */
                    HTTP_REPEATED  /* it was sent already, on a connection that was lost before anything came back */
};

struct http_outcome {
    uint16_t reason; /* OK: there is a status */
    int status;
    uint8_t refusal;       /* enum http_refusal */
    bool persistent;       /* the server says that the connection stays authenticated */
    const char *challenge; /* what it answered to the token, base64; NULL = nothing */
    char why[160];
};

struct http_endpoint {
    const struct http_target *target;
    struct http_multi *multi;
    struct http_counters *counters;
    void (*collected)(void *private); /* the first bytes of an answer came; from inside libcurl, so nothing may be asked */
    void *private;
    CURL *easy;
    struct curl_slist *headers, *addresses;
    char *url, *address_text;
    struct http_bond *bond; /* of the connection used last; NULL = none, or no TLS */
    const struct http_ask *ask;
    bool busy, reached, unanswered; /* reached: the connection stands, TLS included; unanswered: it was sent, and nothing came yet */
    msec_t connect_ms;
    /* of the answer */
    int status;
    uint8_t refusal;
    bool persistent, too_large;
    char *challenge, *bytes;
    size_t size, total, header_bytes;
    char error[CURL_ERROR_SIZE];
};

void http_endpoint_open(struct http_endpoint *endpoint, const struct http_target *target, struct http_multi *multi,
                        struct http_counters *counters, void (*collected)(void *private), void *private);
void http_endpoint_close(struct http_endpoint *endpoint);

void http_endpoint_addresses(struct http_endpoint *endpoint, const struct addresses *addresses); /* where its name leads */
/* NULL, or why it may not be sent at all. */
const char *http_endpoint_objection(const struct http_target *target, const struct http_ask *ask);
uint16_t http_endpoint_send(struct http_endpoint *endpoint, const struct http_ask *ask, char why[160]); /* OK: it is under way */
void http_endpoint_ended(struct http_endpoint *endpoint, CURLcode result, struct http_outcome *outcome);
uint16_t http_endpoint_expired(struct http_endpoint *endpoint); /* the reason of the phase it is in; it is off the wire */
void http_endpoint_abandon(struct http_endpoint *endpoint);
void http_endpoint_rinse(struct http_endpoint *endpoint); /* what was collected was told, or is not wanted */

/* libcurl's result as a reason, with libcurl's own words where they say more. */
uint16_t http_reason(CURL *easy, CURLcode result, int open_errno, const char *said, char why[160]);

#endif
