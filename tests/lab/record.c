/* Records a golden case: lab_record HEAD.case > NEW.case runs the probe that the head describes against a real server and
 * writes head and replies; BLESS=1 of the golden test adds the rest. Blocking and plain, for developers only. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/probes/case_file.h"

struct line {
    int socket;
    SSL *tls;
};

static struct case_file file;
static struct line control = {.socket = -1};
static SSL_CTX *trust;
static char received[CASE_TEXT_MAX];
static size_t received_size;
static int64_t certificate_days = INT64_MIN;
static long http_status = 200;

/* The MessageID that was asked with is written as \@, so that the case outlives another numbering. */
static void put_reply(const char *mark, const char *data, size_t size)
{
    size_t id = strlen(file.asked_id);
    printf("%s%s", mark, size ? " " : "");
    for (size_t i = 0; i < size; i++) {
        if (id && size - i >= id && !memcmp(data + i, file.asked_id, id)) {
            printf("\\@");
            i += id - 1;
        } else if (data[i] == '\n')
            printf("\\n");
        else if (data[i] == '\\')
            printf("\\\\");
        else if (data[i] >= ' ' && data[i] <= '~')
            putchar(data[i]);
        else
            printf("\\x%02x", (unsigned)(unsigned char)data[i]);
    }
    putchar('\n');
}

static uint16_t line_connect(struct line *line, const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = 15};
    inet_pton(AF_INET, host, &address.sin_addr);
    line->tls = NULL;
    line->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(line->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return connect(line->socket, (struct sockaddr *)&address, sizeof address) ? REASON_CONNECT_REFUSED : REASON_OK;
}

static uint16_t line_secure(struct line *line, const struct request *request, SSL *resume)
{
    if (!trust) {
        trust = SSL_CTX_new(TLS_client_method());
        if (request->ca_file)
            SSL_CTX_load_verify_locations(trust, request->ca_file, NULL);
        SSL_CTX_set_verify(trust, request->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_options(trust, SSL_OP_IGNORE_UNEXPECTED_EOF);
    }
    line->tls = SSL_new(trust);
    SSL_set_fd(line->tls, line->socket);
    if (resume)
        SSL_set_session(line->tls, SSL_get1_session(resume));
    if (SSL_connect(line->tls) != 1) {
        long result = SSL_get_verify_result(line->tls);
        return result == X509_V_OK ? REASON_TLS_FAILED : result == X509_V_ERR_CERT_HAS_EXPIRED ? REASON_TLS_EXPIRED : REASON_TLS_UNTRUSTED;
    }
    int days = 0, seconds = 0;
    X509 *certificate = SSL_get1_peer_certificate(line->tls);
    if (!resume && certificate && ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
        certificate_days = seconds < 0 ? days - 1 : days;
    X509_free(certificate);
    return REASON_OK;
}

static ssize_t line_read(struct line *line, char *out, size_t size)
{
    return line->tls ? SSL_read(line->tls, out, (int)size) : read(line->socket, out, size);
}

static void line_send(struct line *line, const struct request *request)
{
    if (request->size && (line->tls ? SSL_write(line->tls, request->bytes, (int)request->size)
                                    : (int)write(line->socket, request->bytes, request->size)) <= 0)
        fputs("lab_record: the server does not listen any more\n", stderr);
}

/* Byte by byte: what follows belongs to the next reply. */
static uint16_t read_line(struct line *line, size_t *begin)
{
    *begin = received_size;
    while (received_size < sizeof received) {
        char byte;
        if (line_read(line, &byte, 1) != 1)
            return REASON_CLOSED_EARLY;
        if (byte == '\n' && received_size > *begin && received[received_size - 1] == '\r')
            received_size--;
        received[received_size++] = byte;
        if (byte == '\n')
            return REASON_OK;
    }
    return REASON_REPLY_TOO_LARGE;
}

static uint16_t collect(struct line *line, enum expect expect)
{
    size_t begin;
    received_size = 0;
    if (expect == EXPECT_NOTHING)
        return REASON_OK;
    if (expect == EXPECT_ANY) {
        ssize_t size = line_read(line, received, sizeof received);
        received_size = size > 0 ? (size_t)size : 0;
        return size > 0 ? REASON_OK : REASON_CLOSED_EARLY;
    }
    uint16_t reason = read_line(line, &begin);
    bool more = (expect == EXPECT_FTP && received_size > 3 && received[3] == '-') || (expect == EXPECT_DOT && received[0] == '+');
    while (reason == REASON_OK && more) {
        reason = read_line(line, &begin);
        if (expect == EXPECT_FTP)
            more = memcmp(received + begin, received, 3) != 0 || received[begin + 3] != ' ';
        else if (received_size - begin == 2 && received[begin] == '.') {
            more = false;
            received_size = begin;
        }
    }
    return reason;
}

/* One reply, or a piece of one. */
static bool give(struct request *request, struct seen *seen, uint16_t reason, bool more)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    struct reply reply = {
        .reason = reason, .data = received, .size = received_size, .more = more, .from_data = more && file.asked == REQUEST_TRANSFER};
    reply.http_status = (int)http_status;
    reply.certificate_days = certificate_days;
    reply.wall = (stamp_t)wall.tv_sec * 1000;
    if (reason != REASON_OK) {
        reply.size = 0;
        printf("! %s\n", reason_name(reason));
    } else {
        put_reply(more ? "<+" : "<", received, received_size);
    }
    bool done = file.type->step(file.conf.bytes, file.state, &file.context, &reply, request, seen) == STEP_DONE;
    if (!done)
        case_asked(&file, request);
    return done;
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    (void)one, (void)context;
    if (size > sizeof received - received_size)
        return 0;
    memcpy(received + received_size, data, size);
    received_size += size;
    return size;
}

/* POST and GET, on one connection that is kept. A rehearsal's certificate is nobody's: it is not verified. */
static bool http(struct request *request, struct seen *seen)
{
    static CURL *curl;
    char url[512], type[160] = "";
    const char *host = strstr(file.context.url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    int base = (int)(path ? path - file.context.url : (ptrdiff_t)strlen(file.context.url));
    long before = http_status;
    snprintf(url, sizeof url, "%.*s%s", base, file.context.url, request->path);
    if (request->content_type)
        snprintf(type, sizeof type, "Content-Type: %s", request->content_type);
    struct curl_slist *headers = *type ? curl_slist_append(NULL, type) : NULL;
    curl = curl ? curl : curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    if (file.context.credential && file.credential.password) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, file.credential.user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, file.credential.password);
    }
    if (request->kind == REQUEST_POST) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body_size);
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, request->body);
    }
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_slist_free_all(headers);
    if (result != CURLE_OK) {
        fprintf(stderr, "lab_record: %s\n", curl_easy_strerror(result));
        return give(request, seen, result == CURLE_COULDNT_CONNECT ? REASON_CONNECT_REFUSED : REASON_NETWORK_ERROR, false);
    }
    if (http_status != before)
        printf("@ status %ld\n", http_status);
    if (received_size && give(request, seen, REASON_OK, true))
        return true;
    received_size = 0;
    return give(request, seen, REASON_OK, false);
}

static bool transfer(struct request *request, struct seen *seen)
{
    struct line data;
    uint16_t reason = line_connect(&data, request->host, request->port);
    bool final = false;
    if (reason == REASON_OK) {
        line_send(&control, request);
        reason = collect(&control, EXPECT_FTP); /* 150, or a refusal */
        final = received[0] != '1';
    }
    if (reason == REASON_OK && !final && request->tls)
        reason = line_secure(&data, request, control.tls);
    if (reason != REASON_OK || final)
        return give(request, seen, reason, false);
    char bytes[4096];
    received_size = 0;
    for (ssize_t size = line_read(&data, bytes, sizeof bytes); size > 0; size = line_read(&data, bytes, sizeof bytes))
        for (ssize_t i = 0; i < size && received_size < sizeof received; i++)
            if (bytes[i] != '\r')
                received[received_size++] = bytes[i];
    if (data.tls)
        SSL_shutdown(data.tls);
    close(data.socket);
    if (received_size && give(request, seen, REASON_OK, true))
        return true;
    reason = collect(&control, EXPECT_FTP);
    return give(request, seen, reason, false);
}

static bool carry_out(struct request *request, struct seen *seen)
{
    uint16_t reason = REASON_OK;
    received_size = 0;
    if (request->kind == REQUEST_POST || request->kind == REQUEST_FETCH)
        return http(request, seen);
    if (request->kind == REQUEST_TRANSFER)
        return transfer(request, seen);
    if (request->kind == REQUEST_CONNECT)
        reason = line_connect(&control, request->host, request->port);
    if (reason == REASON_OK && (request->kind == REQUEST_TLS || (request->kind == REQUEST_CONNECT && request->tls)))
        reason = line_secure(&control, request, NULL);
    if (request->kind != REQUEST_EXCHANGE) {
        if (certificate_days != INT64_MIN)
            printf("@ certificate %lld\n", (long long)certificate_days);
        return give(request, seen, reason, false);
    }
    line_send(&control, request);
    reason = collect(&control, request->expect);
    return give(request, seen, reason, false);
}

/* What is found is written by the golden test. */
static void found(void *context, const struct found *row)
{
    (void)context, (void)row;
}

int main(int argc, char **argv)
{
    static char head[CASE_TEXT_MAX];
    FILE *stream = argc == 2 ? fopen(argv[1], "re") : NULL;
    if (!stream) {
        fputs("usage: lab_record HEAD.case > NEW.case\n", stderr);
        return EX_USAGE;
    }
    size_t size = fread(head, 1, sizeof head - 1, stream);
    fclose(stream);
    if (!case_open(&file, head, size) || file.type == &probe_exec) {
        fputs("lab_record: the head names no probe that talks to a server\n", stderr);
        return EX_DATAERR;
    }
    const char *script = strstr(head, "\n\n");
    printf("%.*s\n@ wall %lld000\n", script ? (int)(script + 1 - head) : (int)size, head, (long long)time(NULL));
    struct request request;
    struct seen seen;
    file.context.found = found;
    bool done = file.type->step(file.conf.bytes, file.state, &file.context, NULL, &request, &seen) == STEP_DONE;
    if (!done)
        case_asked(&file, &request);
    while (!done)
        done = carry_out(&request, &seen);
    return EX_OK;
}
