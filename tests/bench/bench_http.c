/* What a POST over the http channel costs: 2 KB out, 4 KB back, over TLS connections that are kept, against libcurl's own multi loop doing
 * the same in the same run. The server is a process of its own, so only the client's CPU counts. Reach: at most 1.3 × libcurl. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/run/channel_http.h"

enum { RUNS = 5, POSTS = 8000, TOGETHER = 8, OUT = 2048, BACK = 4096 };

static const char content_type[] = "Content-Type: application/soap+xml;charset=UTF-8";
static char body[OUT], authority[] = "/tmp/bench-http.XXXXXX";
static uint16_t port;

/* ---- the server ---- */

static SSL_CTX *server_tls(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:bench.example");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    FILE *file = fdopen(mkstemp(authority), "w");
    if (!file || PEM_write_X509(file, certificate) != 1 || fclose(file) != 0)
        abort();
    SSL_CTX_use_certificate(tls, certificate);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}

static void *serve_one(void *context)
{
    SSL *tls = context;
    char in[OUT + 1024], out[BACK + 128];
    size_t used = 0, head = (size_t)snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BACK);
    memset(out + head, 'y', BACK);
    bool going = SSL_accept(tls) == 1;
    while (going) {
        int got = SSL_read(tls, in + used, (int)(sizeof in - 1 - used));
        used += got > 0 ? (size_t)got : 0;
        in[used] = '\0';
        char *end = strstr(in, "\r\n\r\n");
        going = got > 0;
        if (end && used - (size_t)(end + 4 - in) == OUT) {
            going = SSL_write(tls, out, (int)(head + BACK)) > 0;
            used = 0;
        }
    }
    close(SSL_get_fd(tls));
    SSL_free(tls);
    return NULL;
}

static void serve(int listener, SSL_CTX *context)
{
    for (;;) {
        pthread_t thread;
        SSL *tls = SSL_new(context);
        SSL_set_fd(tls, accept(listener, NULL, NULL));
        if (pthread_create(&thread, NULL, serve_one, tls) != 0)
            abort();
        pthread_detach(thread);
    }
}

static pid_t server_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    SSL_CTX *tls = server_tls();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    port = ntohs(address.sin_port);
    pid_t server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        serve(listener, tls);
    }
    close(listener);
    SSL_CTX_free(tls);
    return server;
}

static double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* ---- libcurl's own loop ---- */

static size_t received;

static size_t swallow(char *data, size_t one, size_t size, void *context)
{
    (void)data, (void)one, (void)context;
    received += size;
    return size;
}

static CURL *bare_handle(struct curl_slist *headers, struct curl_slist *addresses)
{
    char url[64];
    CURL *easy = curl_easy_init();
    snprintf(url, sizeof url, "https://bench.example:%u/wsman", port);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CAINFO, authority);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, addresses);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)OUT);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

static unsigned bare_turn(CURLM *multi, unsigned *begun, unsigned posts)
{
    int running, left;
    unsigned done = 0;
    CURLMsg *message;
    curl_multi_perform(multi, &running);
    while ((message = curl_multi_info_read(multi, &left))) {
        CURL *easy = message->easy_handle;
        if (message->data.result != CURLE_OK) {
            fprintf(stderr, "libcurl: %s\n", curl_easy_strerror(message->data.result));
            exit(1);
        }
        done++;
        curl_multi_remove_handle(multi, easy);
        if (*begun < posts && ++*begun)
            curl_multi_add_handle(multi, easy);
    }
    return done;
}

/* CPU µs per POST, connecting not counted. */
static double bare_posts(void)
{
    char address[64];
    CURL *handles[TOGETHER];
    unsigned begun = TOGETHER, done = 0, rehearsed = TOGETHER;
    snprintf(address, sizeof address, "bench.example:%u:127.0.0.1", port);
    struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, content_type), "Expect:");
    struct curl_slist *addresses = curl_slist_append(NULL, address);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 2L * TOGETHER);
    for (int i = 0; i < TOGETHER; i++)
        curl_multi_add_handle(multi, handles[i] = bare_handle(headers, addresses));
    while (done < TOGETHER) {
        done += bare_turn(multi, &rehearsed, TOGETHER);
        curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    double before = cpu_us();
    for (int i = 0; i < TOGETHER; i++)
        curl_multi_add_handle(multi, handles[i]);
    for (done = 0; done < POSTS;) {
        done += bare_turn(multi, &begun, POSTS);
        if (done < POSTS)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    double took = cpu_us() - before;
    for (int i = 0; i < TOGETHER; i++)
        curl_easy_cleanup(handles[i]);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    curl_slist_free_all(addresses);
    return took / POSTS;
}

/* ---- the channel ---- */

struct poster {
    struct bench *bench;
    struct http_channel *channel;
    struct http_target target;
};
struct bench {
    uv_loop_t loop;
    struct http_pool *pool;
    struct poster posters[TOGETHER];
    unsigned begun, done, posts;
};

static void post(struct poster *poster)
{
    const struct request request = {
        .kind = REQUEST_POST, .path = "/wsman", .content_type = content_type + 14, .body = body, .body_size = sizeof body};
    http_request(poster->channel, &request);
}

static void replied(void *context, const struct reply *reply)
{
    struct poster *poster = context;
    struct bench *bench = poster->bench;
    received += reply->size;
    if (reply->more)
        return;
    if (reply->reason != REASON_OK) {
        fprintf(stderr, "channel: %s %s\n", reason_name(reply->reason), http_channel_why(poster->channel));
        exit(1);
    }
    if (bench->begun < bench->posts && ++bench->begun)
        post(poster);
    if (++bench->done == bench->posts)
        uv_stop(&bench->loop);
}

static void run_posts(struct bench *bench, unsigned posts)
{
    bench->begun = TOGETHER;
    bench->done = 0;
    bench->posts = posts;
    for (int i = 0; i < TOGETHER; i++)
        post(&bench->posters[i]);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
}

static double channel_posts(void)
{
    static struct bench bench;
    uv_loop_init(&bench.loop);
    bench.pool = http_pool_open(&bench.loop);
    for (int i = 0; i < TOGETHER; i++) {
        struct poster *poster = &bench.posters[i];
        poster->bench = &bench;
        poster->target = (struct http_target){.host = "bench.example", .address = "127.0.0.1", .port = port, .ca_file = authority};
        poster->channel = http_open(bench.pool, &poster->target, replied, poster);
    }
    run_posts(&bench, TOGETHER);
    double before = cpu_us();
    run_posts(&bench, POSTS);
    double took = cpu_us() - before;
    for (int i = 0; i < TOGETHER; i++)
        http_close(bench.posters[i].channel);
    http_pool_close(bench.pool);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    uv_loop_close(&bench.loop);
    return took / POSTS;
}

/* Each in a process of its own: libcurl's memory is set up once per process, and the channel has it wiped. */
static double in_its_own_process(double (*measure)(void))
{
    int ends[2], status = 0;
    double result = 0;
    if (pipe(ends) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        result = measure();
        bool whole = received == (size_t)(POSTS + TOGETHER) * BACK;
        _exit(whole && write(ends[1], &result, sizeof result) == (ssize_t)sizeof result ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &result, sizeof result) != (ssize_t)sizeof result)
        result = 0;
    close(ends[0]);
    if (waitpid(child, &status, 0) != child || status != 0)
        exit(1);
    return result;
}

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

int main(void)
{
    double bare[RUNS], ours[RUNS], ratio[RUNS];
    memset(body, 'x', sizeof body);
    pid_t server = server_start();
    for (int i = 0; i < RUNS; i++) {
        bare[i] = in_its_own_process(bare_posts);
        ours[i] = in_its_own_process(channel_posts);
        ratio[i] = ours[i] / bare[i];
    }
    qsort(bare, RUNS, sizeof *bare, by_size);
    qsort(ours, RUNS, sizeof *ours, by_size);
    qsort(ratio, RUNS, sizeof *ratio, by_size);
    printf("POST %d -> %d bytes, kept alive, %d at once: %.1f us of CPU, libcurl's multi alone %.1f us; ratio %.2f (reach 1.30)\n", OUT,
           BACK, TOGETHER, ours[RUNS / 2], bare[RUNS / 2], ratio[RUNS / 2]);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(authority);
    return 0;
}
