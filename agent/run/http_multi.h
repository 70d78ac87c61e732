/* libcurl's multi interface on the loop: its sockets behind the shared poller, its timer, and who is done. One pool of connections.
 * Owns descriptors and turns; knows nothing of requests. Its hooks are never called from inside libcurl, so they may ask and remove. */
#ifndef SOLOWARDEN_RUN_HTTP_MULTI_H
#define SOLOWARDEN_RUN_HTTP_MULTI_H

#include <curl/curl.h>
#include <uv.h>

struct http_multi;
struct http_multi_hooks {
    void (*turned)(void *context); /* libcurl has returned: what its callbacks collected can be told */
    /* It is out of the multi already. `private`: its CURLOPT_PRIVATE. */
    void (*done)(void *context, void *private, CURLcode result);
    void *context;
};

/* Brings libcurl up once per process: what it frees is wiped, because passwords and tokens are among it. */
struct http_multi *http_multi_open(uv_loop_t *loop, const struct http_multi_hooks *hooks);
void http_multi_handle(struct http_multi *multi, CURL *easy);     /* once per handle: its sockets are opened and closed here */
void http_multi_keep(struct http_multi *multi, long connections); /* idle connections worth keeping */
void http_multi_add(struct http_multi *multi, CURL *easy);
void http_multi_remove(struct http_multi *multi, CURL *easy);
int http_multi_errno(const struct http_multi *multi); /* why the last socket could not be opened; 0 = it could */
void http_multi_close(struct http_multi *multi);      /* after its handles were cleaned up */

#endif
