/* For tests: a server on 127.0.0.1 that answers by a script, one thread per server, one connection after the other.
 * Script lines: "> text" send text and CR LF · ">> text" send it as it stands · "< word" read a line, which must begin with it ·
 * "close" · "tls" shake hands · "flood N" send N bytes without line end · "lines N" send N lines · "hold" until the peer closes ·
 * "drip text" a byte at a time · "reset" · "data" listen for a data connection and send its "229" · "accept" it, "datatls" under TLS ·
 * "list N" send N entries on it and close it. */
#ifndef SOLOWARDEN_TEST_SERVER_H
#define SOLOWARDEN_TEST_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct server;
/* context: for TLS, or NULL. The script is played for each connection. */
struct server *server_open(const char *script, SSL_CTX *context);
uint16_t server_port(const struct server *server);
unsigned server_connections(struct server *server);
unsigned server_resumed(struct server *server); /* handshakes that resumed a session */
void server_close(struct server *server);

/* A certificate of this name (and address 127.0.0.1 when `address`), valid from now + `from` to now + `until` seconds, signed by an
 * authority made at the first call and written to the file that authority_file() names. */
SSL_CTX *server_context(const char *name, bool address, long from, long until, bool self_signed);
const char *authority_file(void);

#endif
