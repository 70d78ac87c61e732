/* See http_server.h. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_server.h"

enum { REQUEST_MAX = 4 << 20, VISITS_MAX = 256 };

struct visit {
    struct http_server *server;
    pthread_t thread;
    int socket;
    unsigned number;
    SSL *tls;
    char *bytes;
    size_t size;
};

struct http_server {
    pthread_t thread;
    pthread_mutex_t answering;
    SSL_CTX *tls;
    http_handler *handler;
    void *context;
    int listener;
    uint16_t port;
    atomic_bool stop;
    atomic_uint connections, requests, now, most, left;
    struct visit visits[VISITS_MAX];
};

static bool readable(struct http_server *server, int descriptor)
{
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    while (!server->stop)
        if (poll(&wait, 1, 20) > 0)
            return true;
    return false;
}

static bool more(struct visit *visit)
{
    if (visit->size + 16384 >= REQUEST_MAX || (!(visit->tls && SSL_pending(visit->tls)) && !readable(visit->server, visit->socket)))
        return false;
    char *to = visit->bytes + visit->size;
    ssize_t got = visit->tls ? SSL_read(visit->tls, to, 16384) : recv(visit->socket, to, 16384, 0);
    if (got <= 0)
        return false;
    visit->size += (size_t)got;
    visit->bytes[visit->size] = '\0';
    return true;
}

static void put(struct visit *visit, const char *bytes, size_t size)
{
    while (size > 0 && !visit->server->stop) {
        struct pollfd wait = {.fd = visit->socket, .events = POLLOUT};
        if (poll(&wait, 1, 20) <= 0)
            continue;
        int part = size > 16384 ? 16384 : (int)size;
        ssize_t sent = visit->tls ? SSL_write(visit->tls, bytes, part) : send(visit->socket, bytes, (size_t)part, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

static bool header(const char *head, const char *name, char *value, size_t size)
{
    const char *line = strcasestr(head, name);
    if (!line)
        return false;
    line += strlen(name);
    line += strspn(line, " ");
    snprintf(value, size, "%.*s", (int)strcspn(line, "\r\n"), line);
    return true;
}

/* One request is read whole; false: the peer left. */
static bool ask(struct visit *visit, struct http_asked *asked)
{
    char *end, text[32] = "0";
    while (!(end = strstr(visit->bytes, "\r\n\r\n")))
        if (!more(visit) || visit->bytes[0] < ' ') /* TLS to a server that speaks none */
            return false;
    end[2] = '\0';
    unsigned connection = asked->connection, number = asked->number;
    *asked = (struct http_asked){.connection = connection, .number = number + 1};
    sscanf(visit->bytes, "%15s %255s", asked->method, asked->path);
    header(visit->bytes, "\nAuthorization:", asked->authorization, sizeof asked->authorization);
    header(visit->bytes, "\nContent-Type:", asked->content_type, sizeof asked->content_type);
    header(visit->bytes, "\nHost:", asked->host, sizeof asked->host);
    asked->expects = header(visit->bytes, "\nExpect:", text, sizeof text);
    asked->accepts_encoding = header(visit->bytes, "\nAccept-Encoding:", text, sizeof text);
    asked->body_size = header(visit->bytes, "\nContent-Length:", text, sizeof text) ? strtoul(text, NULL, 10) : 0;
    size_t whole = (size_t)(end - visit->bytes) + 4 + asked->body_size;
    while (visit->size < whole)
        if (!more(visit))
            return false;
    memmove(visit->bytes, visit->bytes + whole, visit->size - whole + 1);
    visit->size -= whole;
    return true;
}

static void answer(struct visit *visit, const struct http_asked *asked, struct http_given *given)
{
    struct http_server *server = visit->server;
    unsigned now = ++server->now;
    if (now > server->most)
        server->most = now;
    server->requests++;
    pthread_mutex_lock(&server->answering);
    server->handler(server->context, asked, given);
    pthread_mutex_unlock(&server->answering);
    put(visit, given->bytes, given->size);
    while (given->hold && more(visit))
        ;
    server->now--;
    free(given->bytes);
}

static void *play(void *context)
{
    struct visit *visit = context;
    struct http_asked asked = {.connection = visit->number};
    bool going = true;
    visit->bytes = calloc(1, REQUEST_MAX + 1);
    if (visit->server->tls) {
        visit->tls = SSL_new(visit->server->tls);
        SSL_set_fd(visit->tls, visit->socket);
        going = readable(visit->server, visit->socket) && SSL_accept(visit->tls) == 1;
    }
    while (going && ask(visit, &asked)) {
        struct http_given given = {0};
        answer(visit, &asked, &given);
        going = !given.close && !given.hold;
    }
    if (visit->tls && SSL_is_init_finished(visit->tls))
        SSL_shutdown(visit->tls);
    SSL_free(visit->tls);
    shutdown(visit->socket, SHUT_RDWR);
    close(visit->socket);
    visit->server->left++;
    free(visit->bytes);
    return NULL;
}

static void *serve(void *context)
{
    struct http_server *server = context;
    unsigned count = 0;
    while (!server->stop) {
        struct pollfd wait = {.fd = server->listener, .events = POLLIN};
        if (poll(&wait, 1, 20) <= 0)
            continue;
        if (count == VISITS_MAX)
            abort();
        struct visit *visit = &server->visits[count++];
        *visit = (struct visit){.server = server, .socket = accept(server->listener, NULL, NULL), .number = count};
        server->connections = count;
        if (pthread_create(&visit->thread, NULL, play, visit) != 0)
            abort();
    }
    while (count > 0)
        pthread_join(server->visits[--count].thread, NULL);
    return NULL;
}

struct http_server *http_server_open(SSL_CTX *tls, http_handler *handler, void *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct http_server *server = calloc(1, sizeof *server);
    signal(SIGPIPE, SIG_IGN);
    server->tls = tls;
    server->handler = handler;
    server->context = context;
    pthread_mutex_init(&server->answering, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->listener, (struct sockaddr *)&address, size) != 0 || listen(server->listener, 64) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) != 0 || pthread_create(&server->thread, NULL, serve, server) != 0)
        abort();
    server->port = ntohs(address.sin_port);
    return server;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

unsigned http_server_connections(struct http_server *server)
{
    return server->connections;
}

unsigned http_server_requests(struct http_server *server)
{
    return server->requests;
}

unsigned http_server_left(struct http_server *server)
{
    return server->left;
}

unsigned http_server_at_once(struct http_server *server)
{
    return server->most;
}

void http_server_close(struct http_server *server)
{
    server->stop = true;
    pthread_join(server->thread, NULL);
    pthread_mutex_destroy(&server->answering);
    close(server->listener);
    free(server);
}

void http_give(struct http_given *given, int status, const char *headers, const char *body)
{
    int size = asprintf(&given->bytes, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), headers, body);
    if (size < 0)
        abort();
    given->size = (size_t)size;
}
