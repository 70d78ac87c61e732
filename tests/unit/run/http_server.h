/* For tests: an HTTP server on 127.0.0.1, a thread per connection, whose answers the test gives. Counts what it sees. */
#ifndef SOLOWARDEN_TEST_HTTP_SERVER_H
#define SOLOWARDEN_TEST_HTTP_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct http_asked {
    char method[16], path[256], authorization[512], content_type[128], host[128];
    bool expects, accepts_encoding; /* it sent these headers */
    size_t body_size;
    unsigned connection, number; /* of the connection; of the request on it, from 1 */
};
struct http_given {
    char *bytes; /* to be sent as it stands; freed by the server */
    size_t size;
    bool hold, close; /* say nothing more until the peer leaves; close after it */
};
/* Called on the connection's thread, by one thread at a time. */
typedef void http_handler(void *context, const struct http_asked *asked, struct http_given *given);

struct http_server;
struct http_server *http_server_open(SSL_CTX *tls, http_handler *handler, void *context);
uint16_t http_server_port(const struct http_server *server);
unsigned http_server_connections(struct http_server *server);
unsigned http_server_requests(struct http_server *server);
unsigned http_server_left(struct http_server *server);    /* connections that it closed */
unsigned http_server_at_once(struct http_server *server); /* requests being answered at the same time, at most */
void http_server_close(struct http_server *server);

void http_give(struct http_given *given, int status, const char *headers, const char *body); /* headers: whole lines, or "" */

#endif
