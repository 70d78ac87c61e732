/* The nodes on the network: WS-Management and windows_exporter on each node's own address, on one libuv loop and without threads. */
#ifndef SOLOWARDEN_WINLAB_SERVER_H
#define SOLOWARDEN_WINLAB_SERVER_H

#include <uv.h>

#include "certificate.h"
#include "server_auth.h"

struct server_options {
    uint16_t port, exporter_port;      /* exporter_port 0: no exporter */
    const struct authority *authority; /* NULL: plain http */
    struct auth auth;
};

struct server;
/* NULL: said why; the loop has to run for the handles to close. Options, world and loop outlive the server. */
struct server *server_open(struct world *world, uv_loop_t *loop, const struct server_options *options, FILE *complaints);
void server_close(struct server *server); /* then run the loop until nothing is left, */
void server_free(struct server *server);  /* then this */

#endif
