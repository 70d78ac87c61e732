/* The SNMP side under load, over real sockets on loopback: a walk by GETBULK of the embedded agent with 1,000, 10,000 and 100,000 rows,
 * and informs to a receiver that only acknowledges. CPU is the agent's own, as the kernel counts it. */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agent/show/snmp_agent.h"
#include "agent/show/snmp_notify.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, BULK = 90, WALKED_MAX = 400000, INFORMS = 4096 };
#define AGENT_PORT "udp:127.0.0.1:17201"
#define TRAP_PORT "udp:127.0.0.1:17202"

static char folder[] = "/tmp/solowarden-bench.XXXXXX", community_path[64];

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* CPU seconds of a running process, to the nanosecond where the kernel tells */
static double cpu_seconds(pid_t process)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static struct conf_snmp bench_conf(struct conf_receiver *receiver)
{
    return (struct conf_snmp){.listen = AGENT_PORT,
                              .community_file = community_path,
                              .allow_v2c = true,
                              .receivers = {.count = receiver ? 1 : 0, .entries = receiver}};
}

static pid_t start_agent(int ends[2])
{
    struct conf_snmp conf = bench_conf(NULL);
    struct agent_start start = {&conf, "bench", folder, 1, NULL};
    if (!wire_pair(ends))
        abort();
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(agent_serve(&start, ends[1]));
    }
    close(ends[1]);
    return child;
}

static void publish(int channel, uint32_t rows)
{
    uint32_t capacity[TABLES] = {[TABLE_PROBE] = rows};
    const struct wire_message message = {.kind = WIRE_SNAPSHOT};
    struct snapshot_writer *writer = snapshot_begin(capacity, 1, (uint32_t)time(NULL));
    for (uint32_t i = 0; i < rows; i++) {
        struct row_probe *row = snapshot_add(writer, TABLE_PROBE);
        row->head.index = i * 17 + 1;
        row->head.state = 2;
        row->head.reason = REASON_OK;
        row->runs = i;
        snprintf(row->head.name, sizeof row->head.name, "pollers/probe%u", i);
    }
    int descriptor = snapshot_finish(writer);
    wire_post(channel, &message, descriptor);
    close(descriptor);
}

static netsnmp_session *manager(void)
{
    netsnmp_session session;
    snmp_sess_init(&session);
    session.version = SNMP_VERSION_2c;
    session.peername = (char *)(uintptr_t)AGENT_PORT;
    session.community = (u_char *)(uintptr_t) "public";
    session.community_len = 6;
    session.timeout = 2000000;
    return snmp_open(&session);
}

/* Variables told from the root on, up to WALKED_MAX. */
static size_t walk(netsnmp_session *session)
{
    oid name[MAX_OID_LEN];
    size_t length = TREE_ROOT_LENGTH, count = 0;
    memcpy(name, tree_root, sizeof tree_root);
    while (count < WALKED_MAX) {
        netsnmp_pdu *answer = NULL, *request = snmp_pdu_create(SNMP_MSG_GETBULK);
        request->non_repeaters = 0;
        request->max_repetitions = BULK;
        snmp_add_null_var(request, name, length);
        if (snmp_synch_response(session, request, &answer) != STAT_SUCCESS)
            break;
        const netsnmp_variable_list *variable = answer->variables;
        for (; variable && variable->type != SNMP_ENDOFMIBVIEW; variable = variable->next_variable) {
            count++;
            length = variable->name_length;
            memcpy(name, variable->name, length * sizeof *name);
        }
        bool end = variable != NULL;
        snmp_free_pdu(answer);
        if (end)
            break;
    }
    return count;
}

static double measure_walks(pid_t agent, uint32_t rows)
{
    double rates[ROUNDS], costs[ROUNDS];
    size_t count = 0;
    engine_quiet(folder);
    init_snmp("manager");
    netsnmp_session *session = manager();
    for (int tries = 0; tries < 100 && walk(session) == 0; tries++)
        usleep(50000);
    for (int round = 0; round < ROUNDS; round++) {
        double began = now_seconds(), used = cpu_seconds(agent);
        count = walk(session);
        rates[round] = (double)count / (now_seconds() - began);
        costs[round] = (cpu_seconds(agent) - used) * 1e6 / (double)count;
    }
    double cost = median(costs, ROUNDS);
    printf("walk, %6u rows  %8.0f variables/s   %.2f us CPU each   (%zu variables)\n", rows, median(rates, ROUNDS), cost, count);
    return cost;
}

/* Agent and manager are processes of their own: the library serves one of them in a process. */
static double bench_walk(uint32_t rows)
{
    int ends[2], result[2];
    double cost = 0;
    pid_t agent = start_agent(ends);
    publish(ends[0], rows);
    if (pipe(result) != 0)
        abort();
    pid_t walker = fork();
    if (walker == 0) {
        close(ends[0]);
        cost = measure_walks(agent, rows);
        _exit(write(result[1], &cost, sizeof cost) == sizeof cost ? 0 : 1);
    }
    close(result[1]);
    if (read(result[0], &cost, sizeof cost) != sizeof cost)
        puts("walk: no result");
    close(result[0]);
    close(ends[0]);
    waitpid(walker, NULL, 0);
    waitpid(agent, NULL, 0);
    return cost;
}

/* ---- informs ---- */

static size_t received;

static int acknowledge(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
    (void)request, (void)magic;
    if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE || pdu->command != SNMP_MSG_INFORM)
        return 1;
    netsnmp_pdu *answer = snmp_clone_pdu(pdu);
    answer->command = SNMP_MSG_RESPONSE;
    answer->errstat = 0;
    answer->errindex = 0;
    if (!snmp_send(session, answer))
        snmp_free_pdu(answer);
    received++;
    return 1;
}

static pid_t start_receiver(void)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    engine_quiet(folder);
    init_snmp("receiver");
    netsnmp_session session;
    netsnmp_transport *transport = netsnmp_transport_open_server("snmptrap", TRAP_PORT);
    snmp_sess_init(&session);
    session.version = SNMP_VERSION_2c;
    session.callback = acknowledge;
    session.isAuthoritative = SNMP_SESS_UNKNOWNAUTH;
    if (!transport || !snmp_add(&session, transport, NULL, NULL))
        _exit(1);
    for (;;) {
        int descriptors = 0, block = 1;
        fd_set ready;
        struct timeval wait = {1, 0};
        FD_ZERO(&ready);
        snmp_select_info(&descriptors, &ready, &wait, &block);
        if (select(descriptors, &ready, NULL, NULL, NULL) > 0)
            snmp_read(&ready);
    }
}

static void bench_informs(void)
{
    int ends[2], descriptor;
    struct wire_message message = {.kind = WIRE_NOTIFY};
    struct conf_receiver receiver = {
        .entry = {.name = "bench"}, .to = TRAP_PORT, .community_file = community_path, .inform = true, .retry = 1000};
    struct conf_snmp conf = bench_conf(&receiver);
    pid_t trapd = start_receiver();
    if (!wire_pair(ends))
        abort();
    pid_t notifier = fork();
    if (notifier == 0) {
        close(ends[0]);
        _exit(notify_serve(&conf, "bench", folder, 1, ends[1]));
    }
    close(ends[1]);
    usleep(300000);
    message.as.notify.notification = (struct notification){.kind = 1, .class = 3, .severity = 4, .state = 2};
    snprintf(message.as.notify.notification.text, TEXT_BYTES, "no node runs it, though somebody should");
    double began = now_seconds(), used = cpu_seconds(notifier);
    uint64_t acked = 0;
    for (uint64_t sent = 0; acked < INFORMS && now_seconds() - began < 30;) {
        struct wire_message answer;
        while (sent < INFORMS) {
            message.as.notify.notification.sequence = sent + 1;
            if (wire_post(ends[0], &message, -1) != WIRE_OK)
                break;
            sent++;
        }
        if (wire_receive(ends[0], &answer, &descriptor) != WIRE_OK)
            usleep(100);
        else if (answer.kind == WIRE_ACKED)
            acked = answer.as.acked.sequence;
    }
    double took = now_seconds() - began;
    printf("informs, v2c       %8.0f a second        %.1f us CPU each   (%llu acknowledged)\n", (double)acked / took,
           (cpu_seconds(notifier) - used) * 1e6 / (double)(acked ? acked : 1), (unsigned long long)acked);
    close(ends[0]);
    waitpid(notifier, NULL, 0);
    kill(trapd, SIGKILL);
    waitpid(trapd, NULL, 0);
}

int main(void)
{
    static const uint32_t sizes[] = {1000, 10000, 100000};
    double costs[3];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!mkdtemp(folder))
        return 1;
    snprintf(community_path, sizeof community_path, "%s/community", folder);
    FILE *file = fopen(community_path, "w");
    fputs("public\n", file);
    fchmod(fileno(file), 0600);
    fclose(file);
    bench_informs();
    for (size_t i = 0; i < 3; i++)
        costs[i] = bench_walk(sizes[i]);
    printf("growth exponent of a whole walk, 1,000 to 100,000 rows: %.3f\n", 1 + log10(costs[2] / costs[0]) / 2);
    unlink(community_path);
    rmdir(folder);
    return 0;
}
