/* One question, one answer, over the control socket. The socket's place comes from --socket or from the configuration. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/config/config.h"

enum { ANSWER_BYTES_MAX = 16 << 20, ANSWER_SECONDS = 15, OWN_OPTIONS_MAX = 8 };

/* ---- options ---- */

static void usage(FILE *out, const char *verb, const char *operands, const struct client_option *own)
{
    fprintf(out, "usage: solowarden %s %s%s[option …]\n\n", verb, operands, *operands ? " " : "");
    for (; own && own->name; own++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", own->name, own->operand ? own->operand : "");
        fprintf(out, "  %-22s %s\n", left, own->help);
    }
    fputs("  --config FILE          names the control socket (default /etc/solowarden/solowarden.yaml)\n"
          "  --socket PATH          the control socket itself\n"
          "  --output text|json     (default text)\n"
          "  --wide                 every column\n",
          out);
}

static int wrong(const char *verb, const char *operands, const struct client_option *own)
{
    usage(stderr, verb, operands, own);
    return EX_USAGE;
}

int client_options_with(struct client_options *options, int argc, char **argv, const char *operands, int least, int most,
                        const struct client_option *own)
{
    enum { OWN = 256 };
    struct option table[OWN_OPTIONS_MAX + 6] = {{"config", required_argument, NULL, 'c'},
                                                {"socket", required_argument, NULL, 's'},
                                                {"output", required_argument, NULL, 'o'},
                                                {"wide", no_argument, NULL, 'w'},
                                                {"help", no_argument, NULL, 'h'}};
    *options = (struct client_options){.verb = argv[0], .config = "/etc/solowarden/solowarden.yaml"};
    for (int i = 0; own && own[i].name && i < OWN_OPTIONS_MAX; i++)
        table[5 + i] = (struct option){own[i].name, own[i].operand ? required_argument : no_argument, NULL, OWN + i};
    for (int option; (option = getopt_long(argc, argv, "c:s:", table, NULL)) != -1;) {
        if (option >= OWN && own) {
            *own[option - OWN].value = optarg ? optarg : "";
            continue;
        }
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 's':
            options->socket = optarg;
            break;
        case 'w':
            options->wide = true;
            break;
        case 'o':
            options->json = strcmp(optarg, "json") == 0;
            if (!options->json && strcmp(optarg, "text") != 0)
                return wrong(argv[0], operands, own);
            break;
        case 'h':
            return usage(stdout, argv[0], operands, own), 0;
        default:
            return wrong(argv[0], operands, own);
        }
    }
    options->arguments = argv + optind;
    options->argument_count = argc - optind;
    if (options->argument_count < least || options->argument_count > most)
        return wrong(argv[0], operands, own);
    return -1;
}

int client_options(struct client_options *options, int argc, char **argv, const char *operands, int least, int most)
{
    return client_options_with(options, argc, argv, operands, least, most, NULL);
}

long client_seconds(const char *text)
{
    char *unit;
    errno = 0;
    long number = strtol(text, &unit, 10);
    static const struct {
        const char *unit;
        long seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!errno && number > 0 && number < 1000000 && strcmp(unit, units[i].unit) == 0)
            return number * units[i].seconds;
    return -1;
}

/* ---- the socket ---- */

static int socket_path(const struct client_options *options, char *path, size_t size)
{
    if (options->socket) {
        snprintf(path, size, "%s", options->socket);
        return 0;
    }
    struct diagnostics diagnostics = {.out = stderr, .limit = 20};
    struct config *config = config_read(options->config, &diagnostics);
    if (!config) {
        fputs("  --config FILE or --socket PATH says where the agent is\n", stderr);
        return EX_CONFIG;
    }
    if (config->agent.control_socket)
        snprintf(path, size, "%s", config->agent.control_socket);
    else
        snprintf(path, size, "%s/control.sock", config->agent.state_dir);
    config_close(config);
    return 0;
}

static int unreachable(const char *path, int error)
{
    fprintf(stderr, "solowarden: the agent cannot be reached on %s: %s\n", path, strerror(error));
    if (error == EACCES || error == EPERM)
        fputs("  become a member of the socket's group (agent.control_group), or use sudo\n", stderr);
    else
        fputs("  is it running? solowarden run, or systemctl status solowarden\n", stderr);
    return EX_UNAVAILABLE;
}

static int connect_to(const char *path, int *status)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {ANSWER_SECONDS, 0};
    if (strlen(path) >= sizeof address.sun_path) {
        *status = unreachable(path, ENAMETOOLONG);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || connect(descriptor, (const struct sockaddr *)&address, sizeof address) < 0) {
        *status = unreachable(path, errno);
        if (descriptor >= 0)
            close(descriptor);
        return -1;
    }
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return descriptor;
}

static bool send_all(int descriptor, const char *data, size_t size)
{
    while (size) {
        ssize_t sent = send(descriptor, data, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* One piece of the answer, and a descriptor if one came with it. */
static ssize_t receive(int descriptor, char *data, size_t size, int *passed)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec piece = {data, size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(descriptor, &message, MSG_CMSG_CLOEXEC);
    if (got <= 0)
        return got;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
            continue;
        if (*passed >= 0)
            close(*passed);
        memcpy(passed, CMSG_DATA(header), sizeof *passed);
    }
    return got;
}

static json_t *read_answer(int descriptor, int *passed)
{
    size_t used = 0, capacity = 1 << 16;
    char *data = malloc(capacity);
    while (data && used < ANSWER_BYTES_MAX) {
        ssize_t got = receive(descriptor, data + used, capacity - used, passed);
        if (got <= 0)
            break;
        used += (size_t)got;
        if (data[used - 1] == '\n')
            break;
        if (used == capacity) {
            char *larger = realloc(data, capacity *= 2);
            if (!larger)
                break;
            data = larger;
        }
    }
    json_t *answer = data ? json_loadb(data, used, 0, NULL) : NULL;
    free(data);
    return answer;
}

static int refused(const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error")), *cure = json_string_value(json_object_get(answer, "cure"));
    fprintf(stderr, "solowarden: %s\n", error ? error : "the agent refused");
    if (cure && *cure)
        fprintf(stderr, "  %s\n", cure);
    return EXIT_FAILURE;
}

json_t *client_ask(const struct client_options *options, json_t *request, int *descriptor, int *status)
{
    char path[512];
    int passed = -1;
    json_t *answer = NULL;
    char *line = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    *status = socket_path(options, path, sizeof path);
    int connected = *status ? -1 : connect_to(path, status);
    if (connected >= 0) {
        if (line && send_all(connected, line, strlen(line)) && send_all(connected, "\n", 1))
            answer = read_answer(connected, &passed);
        close(connected);
        if (!answer) {
            fprintf(stderr, "solowarden: the agent on %s gave no answer that can be read\n", path);
            *status = EX_UNAVAILABLE;
        }
    }
    free(line);
    if (answer && !json_is_true(json_object_get(answer, "ok"))) {
        *status = refused(answer);
        json_decref(answer);
        answer = NULL;
    }
    if (passed >= 0 && descriptor && answer)
        *descriptor = passed;
    else if (passed >= 0)
        close(passed);
    return answer;
}

int client_order(const struct client_options *options, json_t *request)
{
    int status = 0;
    json_t *answer = client_ask(options, request, NULL, &status);
    if (!answer)
        return status;
    const char *text = json_string_value(json_object_get(answer, "text"));
    if (options->json) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        puts("");
    } else {
        puts(text ? text : "done");
    }
    json_decref(answer);
    return 0;
}
