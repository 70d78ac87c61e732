/* See http_endpoint.h. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/config/secrets.h"
#include "http_endpoint.h"
#include "memory.h"
#include "tls.h"

enum { LIMIT_PRESET = 1 << 20, HEADERS_MAX = 65536, CHALLENGE_MAX = 65536, LAST_RESORT_MS = 300000, CA_CACHE_S = 300 };

/* ---- bonds: they hang on the TLS connection and go with it ---- */

void http_bond_release(struct http_bond *bond)
{
    if (bond && --bond->references == 0)
        free(bond);
}

static void connection_freed(void *parent, void *bond, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    http_bond_release(bond);
}

static int bond_index(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, connection_freed);
    return index;
}

/* RFC 5929: the certificate's hash, by the hash of its own signature; by SHA-256 where that is too weak or there is none. */
static void bind_to(struct spnego_binding *binding, const SSL *tls)
{
    static const char prefix[] = "tls-server-end-point:";
    X509 *certificate = SSL_get0_peer_certificate(tls);
    int hash = NID_undef;
    unsigned size = 0;
    if (!certificate)
        return;
    X509_get_signature_info(certificate, &hash, NULL, NULL, NULL);
    const EVP_MD *digest = hash == NID_undef || hash == NID_md5 || hash == NID_sha1 ? NULL : EVP_get_digestbynid(hash);
    memcpy(binding->bytes, prefix, sizeof prefix - 1);
    if (X509_digest(certificate, digest ? digest : EVP_sha256(), binding->bytes + sizeof prefix - 1, &size))
        binding->size = (uint8_t)(sizeof prefix - 1 + size);
}

static struct http_bond *bond_of(CURL *easy)
{
    struct curl_tlssessioninfo *session = NULL;
    curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session);
    SSL *tls = session ? session->internals : NULL;
    if (!tls)
        return NULL;
    struct http_bond *bond = SSL_get_ex_data(tls, bond_index());
    if (!bond) {
        bond = memory_zeroed(1, sizeof *bond);
        bond->references = 1;
        bond->certificate_days = tls_certificate_days(tls);
        bind_to(&bond->binding, tls);
        SSL_set_ex_data(tls, bond_index(), bond);
    }
    bond->references++;
    return bond;
}

static bool same_binding(const struct spnego_binding *one, const struct spnego_binding *other)
{
    return one->size == other->size && memcmp(one->bytes, other->bytes, one->size) == 0;
}

/* ---- callbacks of libcurl ---- */

static uint8_t refusal_on(const struct http_endpoint *endpoint, const struct http_ask *ask, const struct http_bond *bond)
{
    static const struct spnego_binding unbound;
    if (endpoint->unanswered && ask->post && !ask->empty) /* libcurl tries again by itself; the server may have done what we asked */
        return HTTP_REPEATED;
    if (!ask->guarded || ask->empty)
        return HTTP_SENT;
    if (!ask->token)
        return bond && bond->proven ? HTTP_SENT : HTTP_UNPROVEN;
    return same_binding(ask->bound, bond ? &bond->binding : &unbound) ? HTTP_SENT : HTTP_REBOUND;
}

/* The connection is chosen and stands; nothing was sent yet. */
static int before_request(void *context, char *address, char *local_address, int port, int local_port)
{
    struct http_endpoint *endpoint = context;
    (void)address, (void)local_address, (void)port, (void)local_port;
    http_bond_release(endpoint->bond);
    endpoint->bond = bond_of(endpoint->easy);
    endpoint->reached = true;
    endpoint->refusal = refusal_on(endpoint, endpoint->ask, endpoint->bond);
    endpoint->unanswered = endpoint->refusal == HTTP_SENT;
    endpoint->counters->requests += endpoint->refusal == HTTP_SENT;
    return endpoint->refusal == HTTP_SENT ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static void status_came(struct http_endpoint *endpoint, const char *line, size_t size)
{
    const char *space = memchr(line, ' ', size);
    endpoint->status = 0;
    endpoint->unanswered = false;
    for (const char *digit = space ? space + 1 : line + size; digit < line + size && *digit >= '0' && *digit <= '9'; digit++)
        endpoint->status = endpoint->status < 1000 ? endpoint->status * 10 + (*digit - '0') : 1000;
    endpoint->counters->unauthorised += endpoint->status == 401;
    free(endpoint->challenge);
    endpoint->challenge = NULL;
    endpoint->persistent = false;
}

/* The value of the header, if it is this one; its spaces cut off. */
static const char *value_of(const char *line, size_t *size, const char *name)
{
    size_t length = strlen(name);
    if (*size < length || strncasecmp(line, name, length) != 0)
        return NULL;
    const char *value = line + length, *end = line + *size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    *size = (size_t)(end - value);
    return value;
}

static void challenge_came(struct http_endpoint *endpoint, const char *value, size_t size)
{
    static const char scheme[] = "Negotiate ";
    if (size < sizeof scheme || size > CHALLENGE_MAX || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return;
    free(endpoint->challenge);
    endpoint->challenge = strndup(value + sizeof scheme - 1, size - (sizeof scheme - 1));
}

static size_t header_came(char *line, size_t one, size_t size, void *context)
{
    struct http_endpoint *endpoint = context;
    const char *value;
    size_t length = size;
    (void)one;
    endpoint->header_bytes += size;
    endpoint->counters->bytes_in += size;
    if (endpoint->header_bytes > HEADERS_MAX) {
        endpoint->too_large = true;
        return 0;
    }
    if (size > 5 && memcmp(line, "HTTP/", 5) == 0)
        status_came(endpoint, line, size);
    else if ((value = value_of(line, &length, "WWW-Authenticate:")))
        challenge_came(endpoint, value, length);
    else if ((value = value_of(line, &length, "Persistent-Auth:")))
        endpoint->persistent = length == 4 && strncasecmp(value, "true", 4) == 0;
    return size;
}

static bool wanted(const struct http_endpoint *endpoint)
{
    return !endpoint->ask->empty && endpoint->status != 401 && endpoint->status / 100 != 3;
}

static size_t body_came(char *data, size_t one, size_t size, void *context)
{
    struct http_endpoint *endpoint = context;
    size_t limit = endpoint->ask->limit ? endpoint->ask->limit : LIMIT_PRESET;
    (void)one;
    endpoint->counters->bytes_in += size;
    endpoint->total += size;
    if (endpoint->total > limit) {
        endpoint->too_large = true;
        return 0;
    }
    if (wanted(endpoint)) {
        endpoint->bytes = memory_resized(endpoint->bytes, endpoint->size + size);
        memcpy(endpoint->bytes + endpoint->size, data, size);
        endpoint->size += size;
        if (endpoint->size == size)
            endpoint->collected(endpoint->private);
    }
    return size;
}

/* ---- options ---- */

static const char *name_of(const struct http_target *target)
{
    return target->server_name ? target->server_name : target->host;
}

static bool is_literal(const char *name)
{
    unsigned char bytes[16];
    return strchr(name, ':') || inet_pton(AF_INET, name, bytes) == 1;
}

static char *print(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *print(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0)
        abort();
    return text;
}

static void connect_to(struct http_endpoint *endpoint, const char *addresses)
{
    const struct http_target *target = endpoint->target;
    if (endpoint->address_text && strcmp(endpoint->address_text, addresses) == 0)
        return;
    free(endpoint->address_text);
    endpoint->address_text = strdup(addresses);
    curl_slist_free_all(endpoint->addresses);
    bool literal = is_literal(name_of(target));
    size_t first = strcspn(addresses, ",");
    char *entry =
        literal ? print("::%.*s:%u", (int)first, addresses, target->port) : print("%s:%u:%s", name_of(target), target->port, addresses);
    endpoint->addresses = curl_slist_append(NULL, entry);
    free(entry);
    curl_easy_setopt(endpoint->easy, literal ? CURLOPT_CONNECT_TO : CURLOPT_RESOLVE, endpoint->addresses);
}

void http_endpoint_addresses(struct http_endpoint *endpoint, const struct addresses *addresses)
{
    char text[ADDRESSES_MAX * (INET6_ADDRSTRLEN + 3) + 1] = "", one[INET6_ADDRSTRLEN];
    size_t used = 0;
    for (unsigned i = 0; i < addresses->count; i++) {
        const union socket_address *address = &addresses->items[(i + addresses->preferred) % addresses->count];
        bool six = address->any.sa_family == AF_INET6;
        inet_ntop(address->any.sa_family, six ? (const void *)&address->v6.sin6_addr : &address->v4.sin_addr, one, sizeof one);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s%s", i ? "," : "", six ? "[" : "", one, six ? "]" : "");
    }
    connect_to(endpoint, text);
}

static void set_tls(CURL *easy, const struct http_target *target)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, target->insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, target->insecure ? 0L : 2L);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S);
    if (target->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, target->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* else the system's authorities would still be trusted */
    }
    if (target->pin)
        curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, target->pin);
    /* A resumed session proves nothing about the certificate again; connections are kept, so there is little to win. */
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

static void set_limits(CURL *easy, const struct http_target *target)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, target->plain ? "http" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)LAST_RESORT_MS); /* whoever asks has a deadline of his own */
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH,
                     target->auth == HTTP_AUTH_NTLM    ? CURLAUTH_NTLM
                     : target->auth == HTTP_AUTH_BASIC ? CURLAUTH_BASIC
                                                       : CURLAUTH_NONE);
}

void http_endpoint_open(struct http_endpoint *endpoint, const struct http_target *target, struct http_multi *multi,
                        struct http_counters *counters, void (*collected)(void *private), void *private)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        abort();
    *endpoint = (struct http_endpoint){
        .target = target, .multi = multi, .counters = counters, .collected = collected, .private = private, .easy = easy};
    http_multi_handle(multi, easy);
    set_limits(easy, target);
    if (!target->plain)
        set_tls(easy, target);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, private);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, endpoint->error);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, endpoint);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_came);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, endpoint);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_came);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, endpoint);
    if (target->address && strcmp(target->address, name_of(target)) != 0) {
        char *address = print(strchr(target->address, ':') ? "[%s]" : "%s", target->address);
        connect_to(endpoint, address);
        free(address);
    }
}

void http_endpoint_close(struct http_endpoint *endpoint)
{
    http_endpoint_abandon(endpoint);
    curl_easy_cleanup(endpoint->easy);
    curl_slist_free_all(endpoint->headers);
    curl_slist_free_all(endpoint->addresses);
    http_bond_release(endpoint->bond);
    free(endpoint->address_text);
    free(endpoint->url);
}

/* ---- one exchange ---- */

static bool printable(const char *text)
{
    for (; text && *text; text++)
        if (*text <= ' ' && *text != ' ')
            return false;
    return true;
}

const char *http_endpoint_objection(const struct http_target *target, const struct http_ask *ask)
{
    if (target->plain && target->auth == HTTP_AUTH_BASIC)
        return "Basic over plain http would show the password to everybody on the way";
    if (target->auth == HTTP_AUTH_KERBEROS && (!target->user || (!target->keytab_file && !target->password_file)))
        return "the credential has no principal, or neither keytab nor password";
    if ((target->auth == HTTP_AUTH_NTLM || target->auth == HTTP_AUTH_BASIC) && (!target->user || !target->password_file))
        return "the credential has no user or no password file";
    if (!ask->path || ask->path[0] != '/' || strchr(ask->path, ' ') || !printable(ask->path))
        return "the path cannot be sent";
    if (!printable(ask->content_type))
        return "the content type cannot be sent";
    return NULL;
}

static void set_url(struct http_endpoint *endpoint, const char *path)
{
    const char *name = name_of(endpoint->target);
    bool six = strchr(name, ':');
    char *url = print("%s://%s%s%s:%u%s", endpoint->target->plain ? "http" : "https", six ? "[" : "", name, six ? "]" : "",
                      endpoint->target->port, path);
    if (endpoint->url && strcmp(endpoint->url, url) == 0) {
        free(url);
        return;
    }
    free(endpoint->url);
    endpoint->url = url;
    curl_easy_setopt(endpoint->easy, CURLOPT_URL, url);
}

static void header_add(struct http_endpoint *endpoint, const char *name, const char *value)
{
    char *header = print("%s%s", name, value);
    endpoint->headers = curl_slist_append(endpoint->headers, header);
    secret_wipe(header, strlen(header));
    free(header);
}

static void headers_drop(struct http_endpoint *endpoint)
{
    curl_easy_setopt(endpoint->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(endpoint->headers);
    endpoint->headers = NULL;
}

static void set_request(struct http_endpoint *endpoint, const struct http_ask *ask)
{
    CURL *easy = endpoint->easy;
    headers_drop(endpoint);
    header_add(endpoint, "Expect:", ""); /* libcurl's own would break NTLM */
    if (ask->token)
        header_add(endpoint, "Authorization: Negotiate ", ask->token);
    if (ask->post)
        header_add(endpoint, ask->content_type ? "Content-Type: " : "Content-Type:", ask->content_type ? ask->content_type : "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, endpoint->headers);
    if (ask->post) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, ask->empty ? "" : ask->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(ask->empty ? 0 : ask->body_size));
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)(ask->limit ? ask->limit : LIMIT_PRESET));
}

static bool set_password(struct http_endpoint *endpoint, char why[160])
{
    const struct http_target *target = endpoint->target;
    char password[256];
    if (endpoint->ask->empty || (target->auth != HTTP_AUTH_NTLM && target->auth != HTTP_AUTH_BASIC))
        return true;
    if (secret_read(target->password_file, password, sizeof password, why, 160) < 0)
        return false;
    curl_easy_setopt(endpoint->easy, CURLOPT_USERNAME, target->user);
    curl_easy_setopt(endpoint->easy, CURLOPT_PASSWORD, password);
    secret_wipe(password, sizeof password);
    return true;
}

uint16_t http_endpoint_send(struct http_endpoint *endpoint, const struct http_ask *ask, char why[160])
{
    http_endpoint_rinse(endpoint);
    free(endpoint->challenge);
    endpoint->challenge = NULL;
    endpoint->total = endpoint->header_bytes = 0;
    endpoint->status = 0;
    endpoint->refusal = HTTP_SENT;
    endpoint->reached = endpoint->unanswered = endpoint->too_large = endpoint->persistent = false;
    endpoint->error[0] = '\0';
    endpoint->ask = ask;
    if (!set_password(endpoint, why))
        return REASON_SECRET_UNREADABLE;
    set_url(endpoint, ask->path);
    set_request(endpoint, ask);
    endpoint->busy = true;
    http_multi_add(endpoint->multi, endpoint->easy);
    return REASON_OK;
}

/* What was given to libcurl for this exchange goes with it. */
static void let_go(struct http_endpoint *endpoint)
{
    endpoint->busy = false;
    headers_drop(endpoint);
    curl_easy_setopt(endpoint->easy, CURLOPT_USERNAME, NULL);
    curl_easy_setopt(endpoint->easy, CURLOPT_PASSWORD, NULL);
    curl_easy_setopt(endpoint->easy, CURLOPT_POSTFIELDS, NULL);
    endpoint->ask = NULL;
}

static void count(struct http_endpoint *endpoint)
{
    long connections = 0, request_bytes = 0;
    curl_off_t connect_us = 0, uploaded = 0;
    curl_easy_getinfo(endpoint->easy, CURLINFO_NUM_CONNECTS, &connections);
    curl_easy_getinfo(endpoint->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    curl_easy_getinfo(endpoint->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    curl_easy_getinfo(endpoint->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
    endpoint->counters->connections += (uint64_t)connections;
    endpoint->counters->bytes_out += (uint64_t)request_bytes + (uint64_t)uploaded;
    if (connections > 0)
        endpoint->connect_ms = (msec_t)(connect_us / 1000);
}

/* libcurl holds a header line of its own, up to a limit of its own, and then speaks of memory. */
static bool is_endless_header(const struct http_endpoint *endpoint, CURLcode result)
{
    return result == CURLE_OUT_OF_MEMORY && endpoint->reached && endpoint->total == 0;
}

static void say_too_large(const struct http_endpoint *endpoint, struct http_outcome *outcome)
{
    bool headers = endpoint->total == 0 && outcome->reason != REASON_REPLY_TOO_LARGE; /* else by what the server announced */
    outcome->reason = REASON_REPLY_TOO_LARGE;
    if (headers)
        snprintf(outcome->why, sizeof outcome->why, "its headers have no end");
    else
        snprintf(outcome->why, sizeof outcome->why, "more than %zu bytes", endpoint->ask->limit ? endpoint->ask->limit : LIMIT_PRESET);
}

void http_endpoint_ended(struct http_endpoint *endpoint, CURLcode result, struct http_outcome *outcome)
{
    *outcome = (struct http_outcome){
        .status = endpoint->status, .refusal = endpoint->refusal, .persistent = endpoint->persistent, .challenge = endpoint->challenge};
    outcome->reason = http_reason(endpoint->easy, result, http_multi_errno(endpoint->multi), endpoint->error, outcome->why);
    if (endpoint->refusal == HTTP_REPEATED) {
        outcome->refusal = HTTP_SENT;
        outcome->reason = REASON_CLOSED_EARLY;
        snprintf(outcome->why, sizeof outcome->why, "the connection was lost after the request was sent; it is not sent twice");
    } else if (endpoint->too_large || outcome->reason == REASON_REPLY_TOO_LARGE || is_endless_header(endpoint, result)) {
        say_too_large(endpoint, outcome);
    } else if (outcome->reason == REASON_OK && endpoint->status / 100 == 3) {
        outcome->reason = REASON_REDIRECTED;
    }
    count(endpoint);
    let_go(endpoint);
}

/* The connection is there, and TLS is not: somebody accepts and does not speak, or not in time. */
static bool is_silent_tls(const struct http_endpoint *endpoint)
{
    long port = 0;
    curl_easy_getinfo(endpoint->easy, CURLINFO_LOCAL_PORT, &port);
    return !endpoint->reached && !endpoint->target->plain && port > 0;
}

uint16_t http_endpoint_expired(struct http_endpoint *endpoint)
{
    char why[160];
    uint16_t reason = endpoint->reached         ? REASON_REPLY_TIMEOUT
                      : is_silent_tls(endpoint) ? REASON_TLS_FAILED
                                                : http_reason(endpoint->easy, CURLE_OPERATION_TIMEDOUT, 0, NULL, why);
    http_endpoint_abandon(endpoint);
    return reason;
}

void http_endpoint_rinse(struct http_endpoint *endpoint)
{
    free(endpoint->bytes);
    endpoint->bytes = NULL;
    endpoint->size = 0;
}

void http_endpoint_abandon(struct http_endpoint *endpoint)
{
    if (endpoint->busy) {
        http_multi_remove(endpoint->multi, endpoint->easy);
        let_go(endpoint);
    }
    http_endpoint_rinse(endpoint);
    free(endpoint->challenge);
    endpoint->challenge = NULL;
}
