/* See http_multi.h. A socket stays in the poller while its connection idles: most are asked again before anything happens on them. */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/config/secrets.h"
#include "http_multi.h"
#include "memory.h"
#include "poller.h"

enum { WIPED_MAX = 4096, FAREWELLS_MAX = 64 };

struct watched { /* one socket */
    struct polled polled;
    struct http_multi *multi;
    int descriptor;
    uint32_t wanted, armed; /* what libcurl wants to hear of; what the poller was told. 0 = not in the poller */
    bool ours, idle;        /* idle: of a connection that is kept and not in use */
};

struct http_multi {
    CURLM *multi;
    uv_loop_t *loop;
    uv_timer_t *timer;
    struct poller *poller;
    struct http_multi_hooks hooks;
    struct watched **sockets; /* by descriptor */
    size_t socket_count;
    int open_errno;
    bool closing;
};

/* ---- libcurl's memory: larger blocks are buffers of replies, smaller ones may hold a password, a header or a token ---- */

static void wiping_free(void *block)
{
    size_t size = block ? malloc_usable_size(block) : 0;
    if (size > 0 && size <= WIPED_MAX)
        secret_wipe(block, size);
    free(block);
}

static void *wiping_realloc(void *block, size_t size)
{
    size_t before = block ? malloc_usable_size(block) : 0;
    if (before == 0 || before > WIPED_MAX || size <= before)
        return realloc(block, size);
    void *grown = malloc(size);
    if (!grown)
        return NULL;
    memcpy(grown, block, before);
    wiping_free(block);
    return grown;
}

static void library_open(void)
{
    static bool opened;
    if (!opened && curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc) != CURLE_OK)
        abort();
    opened = true;
}

/* ---- turns ---- */

static void settle(struct http_multi *multi)
{
    CURLMsg *message;
    int left;
    multi->hooks.turned(multi->hooks.context);
    while ((message = curl_multi_info_read(multi->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        CURL *easy = message->easy_handle;
        char *private = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        curl_multi_remove_handle(multi->multi, easy);
        multi->hooks.done(multi->hooks.context, private, result);
    }
}

static void act(struct http_multi *multi, curl_socket_t socket, int what)
{
    int running;
    curl_multi_socket_action(multi->multi, socket, what, &running);
    settle(multi);
}

static void timer_fired(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int timer_wanted(CURLM *library, long timeout_ms, void *context)
{
    struct http_multi *multi = context;
    (void)library;
    if (timeout_ms < 0 || multi->closing)
        uv_timer_stop(multi->timer);
    else
        uv_timer_start(multi->timer, timer_fired, (uint64_t)timeout_ms, 0);
    return 0;
}

/* ---- sockets ---- */

static void arm(struct watched *watched, uint32_t events)
{
    struct poller *poller = watched->multi->poller;
    if (events == watched->armed)
        return;
    if (events == 0)
        poller_remove(poller, &watched->polled, watched->descriptor);
    else if (watched->armed != 0)
        poller_change(poller, &watched->polled, watched->descriptor, events);
    else if (poller_add(poller, &watched->polled, watched->descriptor, events) != 0)
        return;
    watched->armed = events;
}

/* The peer leaves, or speaks unasked: libcurl would take a TLS farewell for a sign of life, send the next request into the void, and send
 * it again elsewhere. With both ends shut it sees that the connection is dead before it takes it. */
static void retire(struct watched *watched)
{
    char farewell[1024];
    for (int i = 0; i < FAREWELLS_MAX && recv(watched->descriptor, farewell, sizeof farewell, MSG_DONTWAIT) > 0; i++)
        ;
    shutdown(watched->descriptor, SHUT_RDWR);
    arm(watched, 0);
}

static void event_came(struct polled *polled, uint32_t events)
{
    struct watched *watched = (struct watched *)(void *)polled;
    int what = 0;
    if (watched->idle) {
        retire(watched);
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        what |= CURL_CSELECT_ERR;
    act(watched->multi, watched->descriptor, what);
}

static struct watched *watched_at(struct http_multi *multi, int descriptor)
{
    size_t place = (size_t)descriptor;
    if (place >= multi->socket_count) {
        size_t count = (place + 64) / 64 * 64 + 64;
        multi->sockets = memory_resized(multi->sockets, count * sizeof(struct watched *));
        memset(multi->sockets + multi->socket_count, 0, (count - multi->socket_count) * sizeof(struct watched *));
        multi->socket_count = count;
    }
    if (!multi->sockets[place]) {
        struct watched *watched = memory_zeroed(1, sizeof *watched);
        watched->polled.event = event_came;
        watched->multi = multi;
        watched->descriptor = descriptor;
        multi->sockets[place] = watched;
    }
    return multi->sockets[place];
}

static void forget(struct http_multi *multi, int descriptor)
{
    struct watched *watched = (size_t)descriptor < multi->socket_count ? multi->sockets[descriptor] : NULL;
    if (!watched)
        return;
    arm(watched, 0);
    multi->sockets[descriptor] = NULL;
    free(watched);
}

static int socket_wanted(CURL *easy, curl_socket_t descriptor, int what, void *context, void *unused)
{
    struct http_multi *multi = context;
    struct watched *watched = watched_at(multi, descriptor);
    (void)easy, (void)unused;
    if (what == CURL_POLL_REMOVE && !watched->ours) {
        forget(multi, descriptor);
        return 0;
    }
    watched->idle = what == CURL_POLL_REMOVE;
    watched->wanted = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        watched->wanted |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        watched->wanted |= EPOLLOUT;
    arm(watched, watched->idle && watched->armed != 0 ? EPOLLIN : watched->wanted);
    return 0;
}

static curl_socket_t socket_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_multi *multi = context;
    (void)purpose;
    int descriptor = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    multi->open_errno = descriptor < 0 ? errno : 0;
    if (descriptor < 0)
        return CURL_SOCKET_BAD;
    watched_at(multi, descriptor)->ours = true;
    return descriptor;
}

static int socket_close(void *context, curl_socket_t descriptor)
{
    forget(context, descriptor);
    return close(descriptor);
}

/* ---- the multi ---- */

struct http_multi *http_multi_open(uv_loop_t *loop, const struct http_multi_hooks *hooks)
{
    library_open();
    struct http_multi *multi = memory_zeroed(1, sizeof *multi);
    multi->loop = loop;
    multi->hooks = *hooks;
    multi->multi = curl_multi_init();
    multi->poller = poller_hold(loop);
    if (!multi->multi || !multi->poller) {
        curl_multi_cleanup(multi->multi);
        poller_release(multi->poller);
        free(multi);
        return NULL;
    }
    multi->timer = memory_zeroed(1, sizeof *multi->timer);
    uv_timer_init(loop, multi->timer);
    multi->timer->data = multi;
    curl_multi_setopt(multi->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(multi->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(multi->multi, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(multi->multi, CURLMOPT_TIMERDATA, multi);
    return multi;
}

void http_multi_handle(struct http_multi *multi, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, multi);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi);
}

/* Left to itself libcurl keeps four per handle that is busy at the moment, and closes the rest. */
void http_multi_keep(struct http_multi *multi, long connections)
{
    curl_multi_setopt(multi->multi, CURLMOPT_MAXCONNECTS, connections);
}

void http_multi_add(struct http_multi *multi, CURL *easy)
{
    multi->open_errno = 0;
    if (curl_multi_add_handle(multi->multi, easy) != CURLM_OK)
        abort();
}

void http_multi_remove(struct http_multi *multi, CURL *easy)
{
    curl_multi_remove_handle(multi->multi, easy);
}

int http_multi_errno(const struct http_multi *multi)
{
    return multi->open_errno;
}

static void handle_closed(uv_handle_t *handle)
{
    free(handle);
}

void http_multi_close(struct http_multi *multi)
{
    multi->closing = true;
    curl_multi_cleanup(multi->multi);
    for (size_t i = 0; i < multi->socket_count; i++)
        if (multi->sockets[i])
            forget(multi, (int)i);
    free(multi->sockets);
    uv_close((uv_handle_t *)multi->timer, handle_closed);
    poller_release(multi->poller);
    free(multi);
}
