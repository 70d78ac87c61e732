/* TLS as solowarden speaks it: 1.2 or newer, verified unless told otherwise, with precise reasons, and sessions resumed.
 * Owns contexts, authorities and remembered sessions, one memory for the process. Knows no loop and no protocol. */
#ifndef SOLOWARDEN_RUN_TLS_H
#define SOLOWARDEN_RUN_TLS_H

#include <openssl/ssl.h>

#include "agent/core/types.h"

enum { TLS_SESSIONS = 1024, TLS_SESSION_AGE_MS = 600000 };

/* whom we talk to, and whom we trust */
struct tls_peer {
    const char *server_name; /* host name or literal address: what the certificate must be for */
    const char *ca_file;     /* NULL = the system's authorities */
    bool insecure;
    uint64_t session; /* key under which its session is remembered; 0 = not at all */
};
uint64_t tls_session_key(const struct tls_peer *peer, const char *host, uint16_t port);

/* A client on a connected, non-blocking descriptor. `resume`: a connection whose session to take, or NULL for the remembered one.
 * NULL with a reason when the authorities cannot be read. *session must live as long as the result. */
SSL *tls_open(int descriptor, const struct tls_peer *peer, SSL *resume, const uint64_t *session, uint16_t *reason);

/* One step of the handshake: REASON_OK = agreed; REASON_NONE = wait (*wants_write: for room to write); else why it failed. */
uint16_t tls_handshake(SSL *tls, bool *wants_write);

/* Days until the peer's certificate expires (negative: since); INT64_MIN if there is none. */
int64_t tls_certificate_days(const SSL *tls);

/* Says goodbye if it can without waiting, and frees. */
void tls_close(SSL *tls);

void tls_forget(void); /* all contexts and sessions */

#endif
