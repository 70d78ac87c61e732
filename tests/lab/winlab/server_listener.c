/* libmicrohttpd on libuv: its epoll descriptor is polled, its time-out is a timer. Opens and closes ports as the world says; knows
 * nothing of what is answered. */
#include "server_listener.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum { IDLE_SECONDS = 180 };

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void on_timer(uv_timer_t *timer);

static void run(struct listener *listener)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (!listener->daemon || listener->deaf)
        return;
    MHD_run(listener->daemon);
    if (MHD_get_timeout(listener->daemon, &wait_ms) == MHD_YES)
        uv_timer_start(&listener->timer, on_timer, wait_ms, 0);
    else
        uv_timer_stop(&listener->timer);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    run(poll->data);
}

static void end_delay(struct http_request *request)
{
    uv_close((uv_handle_t *)request->delay, free_handle);
    request->delay = NULL;
    request->delayed = true;
    *request->link_waiting = request->next_waiting;
    if (request->next_waiting)
        request->next_waiting->link_waiting = request->link_waiting;
    MHD_resume_connection(request->connection);
}

static void on_delay(uv_timer_t *timer)
{
    struct http_request *request = timer->data;
    struct listener *listener = request->listener;
    end_delay(request);
    run(listener);
}

static void begin_delay(struct http_request *request, uint32_t wait_ms)
{
    struct listener *listener = request->listener;
    request->delay = malloc(sizeof *request->delay);
    if (!request->delay)
        abort();
    uv_timer_init(server_loop(listener->server), request->delay);
    request->delay->data = request;
    request->next_waiting = listener->waiting;
    request->link_waiting = &listener->waiting;
    if (listener->waiting)
        listener->waiting->link_waiting = &request->next_waiting;
    listener->waiting = request;
    MHD_suspend_connection(request->connection);
    uv_timer_start(request->delay, on_delay, wait_ms, 0);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **own)
{
    (void)version;
    struct listener *listener = data;
    struct http_request *request = *own;
    if (!request) {
        *own = request = calloc(1, sizeof *request);
        if (!request)
            abort();
        request->listener = listener;
        request->connection = connection;
        return MHD_YES;
    }
    if (*upload_size) {
        request->too_long |= request->body.length + *upload_size > SOAP_REQUEST_MAX;
        if (!request->too_long)
            text_add_bytes(&request->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    struct wire_fault fault = {0};
    world_wire_fault(server_world(listener->server), listener->node, &fault);
    if (fault.slow_ms && !request->delayed) {
        begin_delay(request, fault.slow_ms);
        return MHD_YES;
    }
    uint32_t wait_ms = 0;
    enum MHD_Result result = server_answer(request, url, method, &wait_ms);
    if (wait_ms)
        begin_delay(request, wait_ms);
    return result;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **own, enum MHD_RequestTerminationCode why)
{
    (void)data, (void)connection, (void)why;
    struct http_request *request = *own;
    if (!request)
        return;
    text_free(&request->body);
    text_free(&request->reply);
    free(request);
    *own = NULL;
}

__attribute__((format(printf, 2, 0))) static void keep_silent(void *data, const char *format, va_list arguments)
{
    (void)data, (void)format, (void)arguments;
}

static struct MHD_Daemon *start(struct listener *listener, const struct addrinfo *address)
{
    const struct server *server = listener->server;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    bool plain = listener->is_exporter || server_is_plain(server);
    char *certificate = plain ? NULL : server_certificate(server, listener->node, listener->wrong_certificate);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)server_key(server)},
                                   {MHD_OPTION_HTTPS_MEM_CERT, 0, certificate},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_Daemon *daemon = NULL;
    if (plain || certificate)
        daemon = MHD_start_daemon(flags | (plain ? 0 : MHD_USE_TLS), listener->port, NULL, NULL, on_request, listener,
                                  MHD_OPTION_EXTERNAL_LOGGER, keep_silent, NULL, MHD_OPTION_SOCK_ADDR, address->ai_addr,
                                  MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
                                  MHD_OPTION_ARRAY, plain ? tls + 2 : tls, MHD_OPTION_END);
    free(certificate);
    return daemon;
}

static bool open_port(struct listener *listener, FILE *complaints)
{
    const char *name = world_node_address(server_world(listener->server), listener->node);
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)listener->port);
    if (getaddrinfo(name, port, &hints, &address) == 0)
        listener->daemon = start(listener, address);
    if (address)
        freeaddrinfo(address);
    if (!listener->daemon) {
        if (!listener->blocked)
            fprintf(complaints, "winlab: %s:%s: cannot be listened to\n", name, port);
        listener->blocked = true;
        return false;
    }
    listener->blocked = false;
    listener->poll = malloc(sizeof *listener->poll);
    if (!listener->poll)
        abort();
    int descriptor = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    uv_poll_init(server_loop(listener->server), listener->poll, descriptor);
    listener->poll->data = listener;
    return true;
}

static void close_port(struct listener *listener)
{
    if (!listener->daemon)
        return;
    uv_timer_stop(&listener->timer);
    uv_poll_stop(listener->poll);
    uv_close((uv_handle_t *)listener->poll, free_handle);
    while (listener->waiting) /* libmicrohttpd does not stop with suspended connections */
        end_delay(listener->waiting);
    MHD_stop_daemon(listener->daemon);
    listener->daemon = NULL;
}

void listener_open(struct listener *listener)
{
    uv_timer_init(server_loop(listener->server), &listener->timer);
    listener->timer.data = listener;
}

void listener_close(struct listener *listener)
{
    close_port(listener);
    uv_close((uv_handle_t *)&listener->timer, NULL);
}

bool listener_follow(struct listener *listener, FILE *complaints)
{
    const struct world *world = server_world(listener->server);
    bool drops = world_drops(world, listener->node), deaf = drops && !listener->is_exporter; /* only WinRM is ever cut off */
    bool wanted = drops || world_listens(world, listener->node);
    struct wire_fault fault = {0};
    world_wire_fault(world, listener->node, &fault);
    bool wrong = fault.wrong_certificate && !listener->is_exporter;
    /* whoever connected to a node while it was deaf is not heard afterwards: his order would come late */
    if (!wanted || wrong != listener->wrong_certificate || (listener->deaf && !deaf))
        close_port(listener);
    listener->wrong_certificate = wrong;
    bool opened = !listener->daemon && wanted;
    if (opened && !open_port(listener, complaints))
        return false;
    if (listener->daemon && deaf && (opened || !listener->deaf)) {
        uv_poll_stop(listener->poll);
        uv_timer_stop(&listener->timer);
    } else if (opened) {
        uv_poll_start(listener->poll, UV_READABLE, on_readable);
    }
    listener->deaf = deaf;
    return true;
}
