/* For tests: a pool, a channel and a server that answers by path. The server's name is bts01.example. */
#ifndef SOLOWARDEN_TEST_HTTP_SCENE_H
#define SOLOWARDEN_TEST_HTTP_SCENE_H

#include "http_asker.h"

enum { DAY = 86400, BIG = 300000 /* bytes of /big */ };

struct scene {
    uv_loop_t loop;
    struct http_pool *pool;
    struct http_server *server;
    SSL_CTX *tls;
    struct http_target target;
    struct http_asker asker;
    struct http_asked last;
    unsigned bodies_without_credential;
};

http_handler http_scene_answer; /* context: the scene */

int set_up(void **state);
int set_up_plain(void **state); /* without TLS */
int tear_down(void **state);    /* fails when anything is left in the loop */

uint16_t fetch(struct http_asker *asker, const char *path, size_t limit);
void expect(struct scene *scene, const char *path, uint16_t reason); /* this reason of a POST to this path */

#endif
