/* See tls.h. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "loop.h"
#include "memory.h"
#include "tls.h"

/* One context per set of authorities. Rebuilt when the file changes: a renewed authority needs no restart. */
struct authority {
    struct authority *next;
    SSL_CTX *context;
    char *file; /* NULL = the system's */
    struct timespec changed;
    ino_t inode;
};
static struct authority *authorities;

static struct {
    uint64_t key;
    SSL_SESSION *session;
    msec_t verified; /* when the server last proved itself in full */
} sessions[TLS_SESSIONS];

static void session_drop(size_t place)
{
    SSL_SESSION_free(sessions[place].session);
    sessions[place].session = NULL;
    sessions[place].key = 0;
}

/* A resumed handshake proves nothing new about the certificate, so its tickets inherit the age of the proof. */
static int session_came(SSL *tls, SSL_SESSION *session)
{
    const uint64_t *key = SSL_get_app_data(tls);
    if (!key || *key == 0)
        return 0;
    size_t place = *key % TLS_SESSIONS;
    bool reused = SSL_session_reused(tls);
    if (reused && sessions[place].key != *key)
        return 0;
    msec_t verified = reused ? sessions[place].verified : loop_now();
    session_drop(place);
    sessions[place].key = *key;
    sessions[place].session = session;
    sessions[place].verified = verified;
    return 1;
}

static SSL_SESSION *session_remembered(uint64_t key)
{
    size_t place = key % TLS_SESSIONS;
    if (key == 0 || sessions[place].key != key)
        return NULL;
    if (loop_now() - sessions[place].verified > TLS_SESSION_AGE_MS || !SSL_SESSION_is_resumable(sessions[place].session)) {
        session_drop(place);
        return NULL;
    }
    return sessions[place].session;
}

static SSL_CTX *context_new(const char *ca_file)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        abort();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* Many servers close without a close_notify; the protocols above tell whether a reply is whole. */
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, session_came);
    int loaded = ca_file ? SSL_CTX_load_verify_file(context, ca_file) : SSL_CTX_set_default_verify_paths(context);
    if (loaded == 1)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

static bool same_file(const char *one, const char *other)
{
    return one == other || (one && other && !strcmp(one, other));
}

static SSL_CTX *context_for(const char *ca_file)
{
    struct stat now = {0};
    if (ca_file && stat(ca_file, &now) != 0)
        return NULL;
    struct authority *authority = authorities;
    while (authority && !same_file(authority->file, ca_file))
        authority = authority->next;
    if (!authority) {
        authority = memory_zeroed(1, sizeof *authority);
        if (ca_file) {
            authority->file = memory_zeroed(1, strlen(ca_file) + 1);
            memcpy(authority->file, ca_file, strlen(ca_file));
        }
        authority->next = authorities;
        authorities = authority;
    }
    bool same = authority->inode == now.st_ino && !memcmp(&authority->changed, &now.st_mtim, sizeof now.st_mtim);
    if (!authority->context || !same) {
        SSL_CTX_free(authority->context);
        authority->context = context_new(ca_file);
        authority->inode = now.st_ino;
        authority->changed = now.st_mtim;
    }
    return authority->context;
}

static uint64_t mix(uint64_t hash, const char *text)
{
    return (hash ^ (text ? hash_text(text, strlen(text)) : 1)) * 1099511628211U;
}

uint64_t tls_session_key(const struct tls_peer *peer, const char *host, uint16_t port)
{
    uint64_t key = mix(mix(mix(port, host), peer->server_name), peer->ca_file) ^ peer->insecure;
    return key ? key : 1;
}

static bool is_address(const char *name)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static void verify_for(SSL *tls, const struct tls_peer *peer)
{
    bool address = is_address(peer->server_name);
    if (!address)
        SSL_set_tlsext_host_name(tls, peer->server_name);
    if (peer->insecure) {
        SSL_set_verify(tls, SSL_VERIFY_NONE, NULL);
        return;
    }
    SSL_set_verify(tls, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM *rules = SSL_get0_param(tls);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (address)
        X509_VERIFY_PARAM_set1_ip_asc(rules, peer->server_name);
    else
        X509_VERIFY_PARAM_set1_host(rules, peer->server_name, 0);
}

SSL *tls_open(int descriptor, const struct tls_peer *peer, SSL *resume, const uint64_t *session, uint16_t *reason)
{
    ERR_clear_error();
    SSL_CTX *context = context_for(peer->ca_file);
    SSL *tls = context ? SSL_new(context) : NULL;
    if (!tls || SSL_set_fd(tls, descriptor) != 1) {
        SSL_free(tls);
        *reason = REASON_TLS_UNTRUSTED;
        return NULL;
    }
    SSL_set_app_data(tls, (void *)(uintptr_t)session);
    SSL_set_connect_state(tls);
    verify_for(tls, peer);
    SSL_SESSION *taken = resume ? SSL_get1_session(resume) : NULL;
    SSL_SESSION *known = taken ? taken : session_remembered(peer->session);
    if (known)
        SSL_set_session(tls, known);
    SSL_SESSION_free(taken);
    return tls;
}

static uint16_t reason_of_verify(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return REASON_TLS_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return REASON_TLS_NAME;
    case X509_V_OK:
        return REASON_TLS_FAILED;
    default:
        return REASON_TLS_UNTRUSTED;
    }
}

uint16_t tls_handshake(SSL *tls, bool *wants_write)
{
    ERR_clear_error();
    int done = SSL_do_handshake(tls);
    *wants_write = false;
    if (done == 1) {
        /* A resumed session was not verified again, and its certificate may have run out since. */
        bool checked = SSL_get_verify_mode(tls) == SSL_VERIFY_PEER;
        return checked && tls_certificate_days(tls) < 0 ? REASON_TLS_EXPIRED : REASON_OK;
    }
    int error = SSL_get_error(tls, done);
    *wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return REASON_NONE;
    ERR_clear_error();
    return SSL_get_verify_mode(tls) == SSL_VERIFY_PEER ? reason_of_verify(SSL_get_verify_result(tls)) : REASON_TLS_FAILED;
}

int64_t tls_certificate_days(const SSL *tls)
{
    X509 *certificate = SSL_get0_peer_certificate(tls);
    int days = 0, seconds = 0;
    if (!certificate || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
        return INT64_MIN;
    return seconds < 0 ? days - 1 : days; /* rounded down: an hour past is -1, not 0 */
}

void tls_close(SSL *tls)
{
    if (!tls)
        return;
    ERR_clear_error();
    /* Without this OpenSSL holds the session for broken and never resumes it. */
    if (SSL_is_init_finished(tls))
        SSL_shutdown(tls);
    SSL_free(tls);
    ERR_clear_error();
}

void tls_forget(void)
{
    for (size_t place = 0; place < TLS_SESSIONS; place++)
        session_drop(place);
    while (authorities) {
        struct authority *next = authorities->next;
        SSL_CTX_free(authorities->context);
        free(authorities->file);
        free(authorities);
        authorities = next;
    }
}
