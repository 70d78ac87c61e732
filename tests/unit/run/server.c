/* See server.h. */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

struct server {
    pthread_t thread;
    SSL_CTX *context;
    char *script;
    int listener;
    uint16_t port;
    atomic_bool stop;
    atomic_uint connections, resumed;
};

struct visit { /* one connection */
    struct server *server;
    int socket, data_listener, data;
    SSL *tls, *data_tls;
};

static int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    *port = ntohs(address.sin_port);
    return listener;
}

/* Waits until readable, at most until the server is to stop. */
static bool readable(struct visit *visit, int descriptor)
{
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    while (!visit->server->stop)
        if (poll(&wait, 1, 20) > 0)
            return true;
    return false;
}

static bool put(struct visit *visit, const char *data, size_t size)
{
    while (size > 0 && !visit->server->stop) {
        struct pollfd wait = {.fd = visit->socket, .events = POLLOUT};
        if (poll(&wait, 1, 20) <= 0)
            continue;
        ssize_t sent = visit->tls ? SSL_write(visit->tls, data, (int)size) : send(visit->socket, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && !visit->tls && errno == EAGAIN)
            continue;
        if (sent <= 0)
            return false;
        data += sent;
        size -= (size_t)sent;
    }
    return size == 0;
}

static bool get_line(struct visit *visit, char *line, size_t size)
{
    size_t used = 0;
    while (used < size - 1) {
        if (!(visit->tls && SSL_pending(visit->tls)) && !readable(visit, visit->socket))
            return false;
        ssize_t got = visit->tls ? SSL_read(visit->tls, line + used, 1) : recv(visit->socket, line + used, 1, 0);
        if (got <= 0)
            return false;
        if (line[used++] == '\n')
            break;
    }
    line[used] = '\0';
    return true;
}

static SSL *shake_hands(struct visit *visit, int descriptor)
{
    SSL *tls = SSL_new(visit->server->context);
    SSL_set_fd(tls, descriptor);
    if (readable(visit, descriptor) && SSL_accept(tls) == 1) {
        visit->server->resumed += SSL_session_reused(tls) == 1;
        return tls;
    }
    SSL_free(tls);
    return NULL;
}

static void data_end(struct visit *visit)
{
    if (visit->data_tls) {
        SSL_shutdown(visit->data_tls);
        SSL_free(visit->data_tls);
        visit->data_tls = NULL;
    }
    if (visit->data >= 0)
        close(visit->data);
    visit->data = -1;
}

static bool send_list(struct visit *visit, int count)
{
    for (int i = 0; i < count; i++) {
        char entry[64];
        int size = snprintf(entry, sizeof entry, "entry %d\r\n", i);
        ssize_t sent = visit->data_tls ? SSL_write(visit->data_tls, entry, size) : send(visit->data, entry, (size_t)size, MSG_NOSIGNAL);
        if (sent != size)
            break;
    }
    data_end(visit);
    return true;
}

static bool send_many(struct visit *visit, int count, const char *what)
{
    for (int i = 0; i < count; i++)
        if (!put(visit, what, strlen(what)))
            return false;
    return true;
}

static bool play_line(struct visit *visit, const char *line)
{
    char text[4096];
    int number = 0;
    if (strncmp(line, "> ", 2) == 0)
        return put(visit, line + 2, strlen(line + 2)) && put(visit, "\r\n", 2);
    if (strncmp(line, ">> ", 3) == 0)
        return put(visit, line + 3, strlen(line + 3));
    if (line[0] == '<')
        return get_line(visit, text, sizeof text) && strncmp(text, line + 2, strlen(line + 2)) == 0;
    if (sscanf(line, "flood %d", &number) == 1)
        return send_many(visit, number / 16, "xxxxxxxxxxxxxxxx");
    if (sscanf(line, "lines %d", &number) == 1)
        return send_many(visit, number, "220-another line\r\n");
    if (sscanf(line, "list %d", &number) == 1)
        return send_list(visit, number);
    if (sscanf(line, "drip %4095[^\n]", text) == 1) {
        for (const char *byte = text; *byte && put(visit, byte, 1); byte++)
            usleep(50000);
        return true;
    }
    if (strcmp(line, "tls") == 0)
        return (visit->tls = shake_hands(visit, visit->socket)) != NULL;
    if (strcmp(line, "accept") == 0)
        return readable(visit, visit->data_listener) && (visit->data = accept(visit->data_listener, NULL, NULL)) >= 0;
    if (strcmp(line, "datatls") == 0)
        return (visit->data_tls = shake_hands(visit, visit->data)) != NULL;
    if (strcmp(line, "data") == 0) {
        uint16_t port;
        visit->data_listener = listen_anywhere(&port);
        snprintf(text, sizeof text, "229 Passive (|||%u|)\r\n", port);
        return put(visit, text, strlen(text));
    }
    if (strcmp(line, "hold") == 0) {
        while (get_line(visit, text, sizeof text))
            ;
        return false;
    }
    if (strcmp(line, "reset") == 0) {
        struct linger linger = {.l_onoff = 1};
        setsockopt(visit->socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    return false; /* close */
}

static void play(struct visit *visit)
{
    const char *at = visit->server->script;
    bool going = true;
    while (going && *at) {
        char line[4200];
        size_t size = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)size, at);
        at += size + (at[size] == '\n');
        going = play_line(visit, line);
    }
    data_end(visit);
    if (visit->data_listener >= 0)
        close(visit->data_listener);
    if (visit->tls) {
        SSL_shutdown(visit->tls);
        SSL_free(visit->tls);
    }
    close(visit->socket);
}

static void *serve(void *context)
{
    struct server *server = context;
    while (!server->stop) {
        struct pollfd wait = {.fd = server->listener, .events = POLLIN};
        if (poll(&wait, 1, 20) <= 0)
            continue;
        struct visit visit = {.server = server, .socket = accept(server->listener, NULL, NULL), .data_listener = -1, .data = -1};
        server->connections++;
        play(&visit);
    }
    return NULL;
}

struct server *server_open(const char *script, SSL_CTX *context)
{
    struct server *server = calloc(1, sizeof *server);
    signal(SIGPIPE, SIG_IGN);
    server->script = strdup(script);
    server->context = context;
    server->listener = listen_anywhere(&server->port);
    if (pthread_create(&server->thread, NULL, serve, server) != 0)
        abort();
    return server;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

unsigned server_connections(struct server *server)
{
    return server->connections;
}

unsigned server_resumed(struct server *server)
{
    return server->resumed;
}

void server_close(struct server *server)
{
    server->stop = true;
    pthread_join(server->thread, NULL);
    close(server->listener);
    free(server->script);
    free(server);
}

static X509 *certificate_new(const char *name, bool address, long from, long until, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), until);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate));
    char names[256];
    snprintf(names, sizeof names, "DNS:%s%s", name, address ? ",IP:127.0.0.1" : "");
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer ? issuer : certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, &context, issuer ? NID_subject_alt_name : NID_basic_constraints, issuer ? names : "critical,CA:TRUE");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, issuer_key ? issuer_key : key, EVP_sha256());
    return certificate;
}

static EVP_PKEY *authority_key;
static X509 *authority;
static char authority_path[64];

static void authority_remove(void)
{
    unlink(authority_path);
    X509_free(authority);
    EVP_PKEY_free(authority_key);
}

const char *authority_file(void)
{
    if (authority)
        return authority_path;
    authority_key = EVP_EC_gen("P-256");
    authority = certificate_new("test authority", false, -86400, 365 * 86400L, authority_key, NULL, NULL);
    snprintf(authority_path, sizeof authority_path, "/tmp/authority.XXXXXX");
    int descriptor = mkstemp(authority_path);
    FILE *file = fdopen(descriptor, "w");
    PEM_write_X509(file, authority);
    fclose(file);
    atexit(authority_remove);
    return authority_path;
}

SSL_CTX *server_context(const char *name, bool address, long from, long until, bool self_signed)
{
    authority_file();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = self_signed ? certificate_new(name, address, from, until, key, NULL, NULL)
                                    : certificate_new(name, address, from, until, key, authority, authority_key);
    SSL_CTX_use_certificate(context, certificate);
    SSL_CTX_use_PrivateKey(context, key);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}
