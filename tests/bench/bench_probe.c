/* What a probe costs: the FTP dialogue (banner, USER, PASS, QUIT) by the runner with the real probe, against the same bytes by bare epoll
 * in the same run; paced probes; and ten thousand stalled targets. The server is a process of its own, so only the client's CPU counts. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/run/loop.h"
#include "agent/run/runner.h"
#include "agent/run/scheduler.h"

enum { RUNS = 5, SESSIONS = 10000, TOGETHER = 64, SOURCES = 2000, STALLED = 9000, PACED = 1000, PACED_SECONDS = 5, EVENTS = 256 };

static uint16_t port, stalled_port;

static int listen_on(uint16_t *bound)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    *bound = ntohs(address.sin_port);
    return listener;
}

static void watch(int poll, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
}

/* Answers each command by its first letter; QUIT ends. On the second listener nothing is ever said. */
static void serve(int listener, int stalled)
{
    int poll = epoll_create1(0);
    watch(poll, listener);
    watch(poll, stalled);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int descriptor = events[i].data.fd;
            char line[512];
            if (descriptor == listener || descriptor == stalled) {
                int client = accept4(descriptor, NULL, NULL, SOCK_NONBLOCK);
                if (client < 0)
                    continue;
                if (descriptor == listener)
                    send(client, "220 hello\r\n", 11, MSG_NOSIGNAL);
                watch(poll, client);
                continue;
            }
            ssize_t size = recv(descriptor, line, sizeof line, 0);
            if (size <= 0 || line[0] == 'Q')
                close(descriptor);
            else if (line[0] == 'U')
                send(descriptor, "331 password\r\n", 14, MSG_NOSIGNAL);
            else
                send(descriptor, "230 in\r\n", 8, MSG_NOSIGNAL);
        }
    }
}

static double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static long resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        abort();
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* ---- bare epoll ---- */

struct bare {
    int descriptor, stage;
};

static void bare_connect(int poll, struct bare *bare, unsigned number)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(0x7f010000U + (number % SOURCES) / 250 * 256 + number % SOURCES % 250 + 1)};
    bare->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bare->stage = 0;
    if (connect(bare->descriptor, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        abort();
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = bare};
    epoll_ctl(poll, EPOLL_CTL_ADD, bare->descriptor, &event);
}

/* True when the session is over. */
static bool bare_event(int poll, struct bare *bare)
{
    static const char *const commands[] = {"USER canary\r\n", "PASS canary-pass\r\n", "QUIT\r\n"};
    char reply[16384];
    if (bare->stage++ == 0) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(bare->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = bare};
        epoll_ctl(poll, EPOLL_CTL_MOD, bare->descriptor, &event);
        return error != 0;
    }
    if (recv(bare->descriptor, reply, sizeof reply, 0) <= 0)
        abort();
    const char *command = commands[bare->stage - 2];
    send(bare->descriptor, command, strlen(command), MSG_NOSIGNAL);
    if (bare->stage < 4)
        return false;
    close(bare->descriptor);
    return true;
}

static double bare_sessions(void)
{
    static struct bare all[TOGETHER];
    unsigned begun = 0, done = 0;
    double before = cpu_us();
    int poll = epoll_create1(EPOLL_CLOEXEC);
    while (begun < TOGETHER) {
        bare_connect(poll, &all[begun], begun);
        begun++;
    }
    while (done < SESSIONS) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (!bare_event(poll, events[i].data.ptr))
                continue;
            if (begun < SESSIONS)
                bare_connect(poll, events[i].data.ptr, begun++);
            done++;
        }
    }
    close(poll);
    return (cpu_us() - before) / SESSIONS;
}

/* ---- the runner ---- */

struct bench {
    uv_loop_t loop;
    struct runner *runner;
    struct compiled compiled;
    struct policy_source *policy;
    struct source_conf *sources;
    char (*texts)[2][32];
    unsigned done, stop_at, queued[SLOT_MS]; /* begun so many milliseconds into their slot */
    bool again;
};
static const struct ftp_conf conf = {.tls = PROBE_TLS_OFF};

static void came(void *context, uint16_t source, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms, msec_t now)
{
    struct bench *bench = context;
    (void)seen, (void)elapsed_ms, (void)now;
    bench->queued[started % SLOT_MS]++;
    if (bench->again && reason != REASON_OK) {
        fprintf(stderr, "source %u: %s\n", source, reason_name(reason));
        exit(1);
    }
    if (bench->again)
        runner_now(bench->runner, source);
    if (++bench->done == bench->stop_at)
        uv_stop(&bench->loop);
}

static void bench_open(struct bench *bench, uint16_t count, msec_t every, uint16_t to, const char *password_file)
{
    memset(bench, 0, sizeof *bench);
    uv_loop_init(&bench->loop);
    bench->policy = calloc(count, sizeof *bench->policy);
    bench->sources = calloc(count, sizeof *bench->sources);
    bench->texts = calloc(count, sizeof *bench->texts);
    for (uint16_t i = 0; i < count; i++) {
        snprintf(bench->texts[i][0], 32, "server-%u", i);
        snprintf(bench->texts[i][1], 32, "127.1.%u.%u", i / 250, i % 250 + 1);
        bench->policy[i].name = bench->texts[i][0];
        bench->sources[i] = (struct source_conf){.type = &probe_ftp,
                                                 .conf = &conf,
                                                 .host = bench->texts[i][1],
                                                 .port = to,
                                                 .credential = password_file ? "canary" : NULL,
                                                 .user = "canary",
                                                 .password_file = password_file,
                                                 .every = every,
                                                 .timeout = every / 2,
                                                 .aspect = ASPECT_ENDPOINT};
    }
    bench->compiled.policy.sources = bench->policy;
    bench->compiled.policy.source_count = count;
    bench->compiled.sources = bench->sources;
}

static void bench_run(struct bench *bench)
{
    bench->runner = runner_open(&bench->loop, &bench->compiled, came, NULL, NULL, bench);
    runner_start(bench->runner);
}

static void bench_close(struct bench *bench)
{
    runner_close(bench->runner);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    uv_loop_close(&bench->loop);
    free(bench->policy);
    free(bench->sources);
    free(bench->texts);
}

static double runner_sessions(const char *password_file)
{
    struct bench bench;
    bench_open(&bench, SOURCES, 60000, port, password_file);
    bench.again = true;
    bench.stop_at = 2 * SOURCES; /* from then on more wait than may run: the slots cost no pauses */
    bench_run(&bench);
    runner_limit(bench.runner, TOGETHER);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    bench.stop_at += SESSIONS;
    double before = cpu_us();
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    double each = (cpu_us() - before) / SESSIONS;
    bench.again = false;
    bench_close(&bench);
    return each;
}

static void paced(const char *password_file)
{
    struct bench bench;
    bench_open(&bench, PACED, 1000, port, password_file);
    bench.stop_at = 3 * PACED;
    bench_run(&bench);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    bench.stop_at += PACED * PACED_SECONDS;
    double before = cpu_us();
    uint64_t began = uv_hrtime();
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    double wall_us = (double)(uv_hrtime() - began) / 1e3, used = cpu_us() - before;
    unsigned at_once = bench.queued[0] + bench.queued[1];
    printf("paced %4.0f/s            %5.1f %% of a core   %.2f %% begun within 2 ms of their slot, worst %.1f ms\n",
           PACED * PACED_SECONDS * 1e6 / wall_us, 100 * used / wall_us, 100.0 * at_once / bench.done,
           (double)runner_counters(bench.runner)->queue_delay_max_us / 1e3);
    bench_close(&bench);
}

struct turns { /* how much CPU one turn of the loop takes at most, from the end of a poll to the next: others share the cores */
    uv_check_t check;
    uv_prepare_t prepare;
    uint64_t began_ns, longest_ns;
};

static uint64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void turn_begins(uv_check_t *check)
{
    ((struct turns *)check->data)->began_ns = thread_ns();
}

static void turn_ends(uv_prepare_t *prepare)
{
    struct turns *turns = prepare->data;
    uint64_t now = thread_ns();
    if (turns->began_ns && now - turns->began_ns > turns->longest_ns)
        turns->longest_ns = now - turns->began_ns;
    turns->began_ns = now; /* timers run next */
}

static void stalled(void)
{
    struct bench bench;
    struct turns turns = {0};
    bench_open(&bench, STALLED, 16000, stalled_port, NULL);
    long configured = resident_bytes();
    bench.runner = runner_open(&bench.loop, &bench.compiled, came, NULL, NULL, &bench);
    long idle = resident_bytes();
    uv_check_init(&bench.loop, &turns.check);
    uv_prepare_init(&bench.loop, &turns.prepare);
    turns.check.data = turns.prepare.data = &turns;
    uv_check_start(&turns.check, turn_begins);
    uv_prepare_start(&turns.prepare, turn_ends);
    runner_start(bench.runner);
    while (runner_counters(bench.runner)->in_flight < STALLED)
        uv_run(&bench.loop, UV_RUN_ONCE);
    long flying = resident_bytes();
    bench.stop_at = STALLED;
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    printf("%d stalled           idle %ld B, in flight %ld B each   longest turn %.2f ms\n", STALLED, (idle - configured) / STALLED,
           (flying - idle) / STALLED, (double)turns.longest_ns / 1e6);
    uv_close((uv_handle_t *)&turns.check, NULL);
    uv_close((uv_handle_t *)&turns.prepare, NULL);
    bench_close(&bench);
}

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return a < b ? -1 : a > b;
}

int main(void)
{
    char secret[] = "/tmp/bench.XXXXXX";
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int listener = listen_on(&port), silent = listen_on(&stalled_port);
    pid_t server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener, silent);
    }
    close(listener);
    close(silent);
    int descriptor = mkstemp(secret);
    if (descriptor < 0 || write(descriptor, "canary-pass\n", 12) != 12)
        abort();
    stalled();
    double bare[RUNS], ours[RUNS], ratio[RUNS];
    for (int i = 0; i < RUNS; i++) {
        bare[i] = bare_sessions();
        ours[i] = runner_sessions(secret);
        ratio[i] = ours[i] / bare[i];
    }
    qsort(bare, RUNS, sizeof bare[0], by_value);
    qsort(ours, RUNS, sizeof ours[0], by_value);
    qsort(ratio, RUNS, sizeof ratio[0], by_value);
    printf("FTP session            %5.1f us CPU   bare epoll %5.1f us   ratio %.2f\n", ours[RUNS / 2], bare[RUNS / 2], ratio[RUNS / 2]);
    paced(secret);
    unlink(secret);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return 0;
}
