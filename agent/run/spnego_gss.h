/* The calls into Kerberos and GSSAPI, which may block for a minute: for worker threads only. Tickets of one account in a cache in memory,
 * a token for one service, the check of what the service answers. Knows no loop, no thread and no HTTP. */
#ifndef SOLOWARDEN_RUN_SPNEGO_GSS_H
#define SOLOWARDEN_RUN_SPNEGO_GSS_H

#include "agent/core/types.h"

enum { SPNEGO_WHY = 160, SPNEGO_SERVICES_MAX = 1024 };

struct spnego_account { /* exactly one of the files */
    const char *principal, *keytab_file, *password_file;
};

/* What binds a token to one TLS channel (RFC 5929, tls-server-end-point); size 0 = no TLS. */
struct spnego_binding {
    unsigned char bytes[85];
    uint8_t size;
};

/* Of one account. Shared by references; used by one thread at a time. */
struct spnego_tickets;
/* Asks the KDC. NULL: *reason and why say why. */
struct spnego_tickets *spnego_tickets_acquire(const struct spnego_account *account, uint16_t *reason, char why[SPNEGO_WHY]);
struct spnego_tickets *spnego_tickets_share(struct spnego_tickets *tickets);
void spnego_tickets_release(struct spnego_tickets *tickets); /* the last one wipes them */
/* Seconds of wall time: tickets carry the KDC's. */
int64_t spnego_tickets_left(const struct spnego_tickets *tickets);     /* until they expire */
int64_t spnego_tickets_lifetime(const struct spnego_tickets *tickets); /* as they were issued */

/* Fetches the ticket of HTTP/host, if it is not there yet. */
uint16_t spnego_tickets_service(struct spnego_tickets *tickets, const char *host, char why[SPNEGO_WHY]);

/* An authentication under way: between the token and the proof. Holds its tickets. */
struct spnego_context;
struct spnego_context *spnego_context_begin(struct spnego_tickets *tickets, const char *host, const struct spnego_binding *binding,
                                            char **token, uint16_t *reason, char why[SPNEGO_WHY]);
/* OK: the service proved that it is the one asked. */
uint16_t spnego_context_prove(struct spnego_context *context, const char *challenge, char why[SPNEGO_WHY]);
void spnego_context_free(struct spnego_context *context);

#endif
