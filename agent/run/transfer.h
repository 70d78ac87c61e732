/* The second (data) connection of a transfer, to the very address of the first: an address inside a reply is never followed.
 * Owns its wire and its bound; knows nothing of the first connection's replies. */
#ifndef SOLOWARDEN_RUN_TRANSFER_H
#define SOLOWARDEN_RUN_TRANSFER_H

#include "wire.h"

enum { TRANSFER_LIMIT_PRESET = 1048576 };

struct transfer_hooks {
    void (*connected)(void *context);                            /* time to send the command on the first connection */
    void (*piece)(void *context, const char *data, size_t size); /* CR LF made '\n'; borrowed */
    void (*ended)(void *context, uint16_t reason);               /* OK: the peer closed in order. Nothing comes after it */
    void *context;
};

/* peer: NULL = no TLS. first, peer and hooks must live until transfer_close. */
struct transfer *transfer_open(const struct wire *first, uint16_t port, const struct tls_peer *peer, size_t limit,
                               const struct transfer_hooks *hooks);
uint16_t transfer_expired(struct transfer *transfer); /* REASON_NONE: it has ended, the fault is not here */
void transfer_close(struct transfer *transfer);

#endif
