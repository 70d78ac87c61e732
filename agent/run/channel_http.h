/* The http channel: libcurl multi on the loop. One pool of connections per identity, because a shared pool hands one principal's
 * authenticated connection to another; one pinned, kept-alive handle per target. Exactly one way to authenticate per identity, chosen by
 * the configuration: Kerberos by our own SPNEGO in worker threads (spnego.h), NTLM and Basic by libcurl. Owns connections, tokens and
 * limits; knows nothing of what is posted. Never a body without a token, never a redirect, never a compressed body, never plain http
 * unless the target says so. */
#ifndef SOLOWARDEN_RUN_CHANNEL_HTTP_H
#define SOLOWARDEN_RUN_CHANNEL_HTTP_H

#include "agent/config/target.h"
#include "channel.h"

struct http_pool; /* one per loop: identities, their connections and the token workers */
struct http_pool *http_pool_open(uv_loop_t *loop);
void http_pool_close(struct http_pool *pool); /* after its channels, and from no reply of theirs; a token job that hangs is left alone */

struct http_counters {
    uint64_t requests, unauthorised, connections, tokens, token_timeouts, renewals, bytes_in, bytes_out;
};
const struct http_counters *http_pool_counters(struct http_pool *pool);

/* A conversation's use of the target's pinned handle; several conversations of one target wait for each other. */
struct http_channel;
struct http_channel *http_open(struct http_pool *pool, const struct http_target *target, channel_reply *reply, void *context);
void http_request(struct http_channel *channel,
                  const struct request *request); /* POST or FETCH; replies later, never from inside this call */
/* The same, empty and without a credential: whether anybody speaks HTTP there before a password is risked. Any status is an answer. */
void http_greet(struct http_channel *channel, const struct request *request);
bool http_expire(struct http_channel *channel); /* as line_expire */
void http_close(struct http_channel *channel);

/* Text for people about the last reply's reason, "" = none. Reasons beside those of connections and TLS: LOGIN_REFUSED (a 401 that a fresh
 * token or the password did not cure, or the KDC refused our key), TOKEN_SLOW (the KDC does not answer), TOKEN_FAILED (no ticket, and why),
 * NOT_MUTUAL, REDIRECTED, REPLY_TOO_LARGE, SECRET_UNREADABLE, NOT_SENDABLE. */
const char *http_channel_why(const struct http_channel *channel);

#endif
