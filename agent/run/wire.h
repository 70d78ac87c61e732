/* One TCP connection: addresses tried in turn, TLS on it when asked, bytes out and in. Everything happens later, on the loop thread.
 * Owns descriptor, address, output not yet sent; knows nothing of replies, requests or deadlines. */
#ifndef SOLOWARDEN_RUN_WIRE_H
#define SOLOWARDEN_RUN_WIRE_H

#include <uv.h>

#include "resolve.h"
#include "tls.h"

enum wire_event_kind {
    WIRE_OPENED,  /* connected; or not, and why */
    WIRE_SECURED, /* TLS agreed; or not, and why */
    WIRE_BYTES,   /* bytes came; borrowed until return */
    WIRE_ENDED    /* REASON_CLOSED_EARLY: the peer closed in order; else NETWORK_ERROR. Nothing comes after it */
};
struct wire_event {
    enum wire_event_kind kind;
    uint16_t reason;
    const char *data;
    size_t size;
};
struct wire;
typedef void wire_callback(void *context, struct wire *wire, const struct wire_event *event);

struct wire *wire_open(uv_loop_t *loop, const char *host, uint16_t port, wire_callback *callback, void *context);
/* To another port of the very address that `beside` is connected to. */
struct wire *wire_open_beside(const struct wire *beside, uint16_t port, wire_callback *callback, void *context);

void wire_secure(struct wire *wire, const struct tls_peer *peer, const struct wire *resume);
/* Sends as the peer takes it. Bytes that had to be kept are wiped once sent. What goes wrong shows as WIRE_ENDED. */
void wire_send(struct wire *wire, const char *data, size_t size);
/* An EXCHANGE is over and nobody asked for more: leave what comes to the kernel, which is bounded. */
void wire_listen(struct wire *wire, bool wanted);

msec_t wire_connect_ms(const struct wire *wire); /* from the SYN of the address that answered */
bool wire_is_open(const struct wire *wire);
int64_t wire_certificate_days(const struct wire *wire);

/* The deadline came: the reason of the phase it is in, and the next conversation begins with another address. */
uint16_t wire_expired(struct wire *wire);
void wire_close(struct wire *wire); /* no further events; the wire is gone */

#endif
