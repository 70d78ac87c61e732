/* One listening port of one node: a libmicrohttpd daemon driven by libuv. Inside of server*.c only. */
#ifndef SOLOWARDEN_WINLAB_SERVER_LISTENER_H
#define SOLOWARDEN_WINLAB_SERVER_LISTENER_H

#include "server.h"

struct http_request {
    struct text body;
    bool too_long;
    struct listener *listener;
    struct MHD_Connection *connection;
    uv_timer_t *delay; /* while the reply waits */
    bool delayed;      /* it has waited */
    unsigned status;   /* of a reply that is ready and waits for its method's end; 0 = none */
    struct text reply;
    struct http_request *next_waiting, **link_waiting;
};

struct listener {
    struct server *server;
    size_t node;
    bool is_exporter;
    uint16_t port;
    struct MHD_Daemon *daemon; /* NULL: the port is closed */
    uv_poll_t *poll;
    uv_timer_t timer;
    bool deaf, wrong_certificate; /* deaf: accepts and never answers */
    bool blocked;                 /* the port could not be opened; it was said once */
    struct http_request *waiting;
};

void listener_open(struct listener *listener);  /* its timer; the port stays closed */
void listener_close(struct listener *listener); /* the loop has to run for the timer */
/* The port as the world wants it now. false: it cannot be opened, said why. */
bool listener_follow(struct listener *listener, FILE *complaints);

/* from server.c */
uv_loop_t *server_loop(const struct server *server);
struct world *server_world(const struct server *server);
bool server_is_plain(const struct server *server);
char *server_certificate(const struct server *server, size_t node, bool wrong); /* the caller frees it */
const char *server_key(const struct server *server);
/* May say in *wait_ms that the reply is to wait: asked again after that, it sends it. */
enum MHD_Result server_answer(struct http_request *request, const char *url, const char *method, uint32_t *wait_ms);

#endif
