/* winlab: a simulated failover cluster that runs BizTalk. Options, start-up order, and what it says of itself. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "server.h"
#include "world.h"

static const char usage[] =
    "usage: winlab SCENARIO.yaml [option …]\n"
    "       winlab control SOCKET COMMAND…      (`help` lists the commands)\n"
    "\n"
    "winlab is a SIMULATION of Windows failover clusters with BizTalk Server, to rehearse and to test solowarden on.\n"
    "It was written from Microsoft's documentation and never compared with Windows: what works here proves nothing there.\n"
    "Each node answers WS-Management over HTTPS on its own address, and windows_exporter's metrics.\n"
    "\n"
    "  --dir STATE            CA, keys, control socket, receivers' files (default: a new folder in /tmp)\n"
    "  --port N               WS-Management (5986)\n"
    "  --exporter-port N      windows_exporter (9182); 0: none\n"
    "  --plain-http N         plain http on port N instead of HTTPS, for a proxy in front\n"
    "  --auth none | basic:FILE | trusted-header[:FILE]\n"
    "                         default none: everybody may do everything. FILE: user:password[:observe|act|none], without a role\n"
    "                         observe. trusted-header believes X-Remote-User, hence wants --plain-http and loopback addresses\n"
    "  --receiver PROGRAM     runs the receive handlers of running host instances with it\n"
    "  --control SOCKET       default STATE/control\n";

struct settings {
    const char *scenario, *auth, *receiver;
    char dir[PATH_MAX], control[PATH_MAX];
    bool plain;
    struct server_options server;
};

struct winlab {
    uv_loop_t loop;
    struct world *world;
    struct world_run *run;
    struct server *server;
    uv_signal_t signals[2];
};

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    *port = (uint16_t)number;
    return !errno && end != text && !*end && number >= 0 && number <= UINT16_MAX;
}

static bool set(struct settings *settings, int option, const char *value)
{
    switch (option) {
    case 'd':
        return (size_t)snprintf(settings->dir, sizeof settings->dir, "%s", value) < sizeof settings->dir;
    case 'c':
        return (size_t)snprintf(settings->control, sizeof settings->control, "%s", value) < sizeof settings->control;
    case 'a':
        settings->auth = value;
        return true;
    case 'r':
        settings->receiver = value;
        return true;
    case 'e':
        return read_port(value, &settings->server.exporter_port);
    case 'h':
        settings->plain = true;
        return read_port(value, &settings->server.port) && settings->server.port;
    case 'p':
        return read_port(value, &settings->server.port) && settings->server.port;
    default:
        return false;
    }
}

static bool read_options(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},           {"port", required_argument, NULL, 'p'},
                                            {"exporter-port", required_argument, NULL, 'e'}, {"plain-http", required_argument, NULL, 'h'},
                                            {"auth", required_argument, NULL, 'a'},          {"receiver", required_argument, NULL, 'r'},
                                            {"control", required_argument, NULL, 'c'},       {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!set(settings, option, optarg))
            return false;
    settings->scenario = argv[optind];
    return optind == argc - 1;
}

static bool make_folder(struct settings *settings)
{
    if (!settings->dir[0]) {
        snprintf(settings->dir, sizeof settings->dir, "/tmp/winlab-XXXXXX");
        if (!mkdtemp(settings->dir))
            return false;
    } else if (mkdir(settings->dir, 0755) != 0 && errno != EEXIST) {
        return false;
    }
    if (settings->control[0])
        return true;
    return (size_t)snprintf(settings->control, sizeof settings->control, "%s/control", settings->dir) < sizeof settings->control;
}

static bool all_on_loopback(const struct world *world)
{
    for (size_t i = 0; i < world_node_count(world); i++)
        if (strncmp(world_node_address(world, i), "127.", 4) != 0 && strcmp(world_node_address(world, i), "::1") != 0)
            return false;
    return true;
}

/* EX_OK, or why it cannot be */
static int check_auth(struct settings *settings, const struct world *world)
{
    struct auth *auth = &settings->server.auth;
    if (!auth_read(settings->auth, auth, stderr))
        return EX_USAGE;
    if (auth->kind != AUTH_TRUSTED_HEADER || (settings->plain && all_on_loopback(world)))
        return EX_OK;
    fprintf(stderr, "winlab: --auth trusted-header believes whoever connects: it wants --plain-http and nodes on 127.x or ::1 only\n");
    return EX_USAGE;
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void catch_signals(struct winlab *winlab)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&winlab->loop, &winlab->signals[i]);
        uv_signal_start(&winlab->signals[i], on_signal, numbers[i]);
    }
}

/* A node is three descriptors and two ports; a rehearsal may have hundreds. */
static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void tell(const struct settings *settings, const struct world *world)
{
    for (size_t i = 0; i < world_node_count(world); i++)
        printf("%s://%s:%u/wsman  %s of %s\n", settings->plain ? "http" : "https", world_node_address(world, i),
               (unsigned)settings->server.port, world_node_name(world, i), world_node_cluster(world, i));
    if (settings->server.exporter_port)
        printf("windows_exporter: port %u of every node\n", (unsigned)settings->server.exporter_port);
    if (!settings->plain)
        printf("ca: %s/ca.pem\n", settings->dir);
    printf("control: %s\nready\n", settings->control);
    fflush(stdout);
}

static bool open_all(struct winlab *winlab, const struct settings *settings)
{
    const struct world_options world = {.control_socket = settings->control, .receiver = settings->receiver, .state_dir = settings->dir};
    winlab->server = server_open(winlab->world, &winlab->loop, &settings->server, stderr);
    winlab->run = winlab->server ? world_run_open(winlab->world, &winlab->loop, &world, stderr) : NULL;
    return winlab->run != NULL;
}

static void close_all(struct winlab *winlab)
{
    if (winlab->run)
        world_run_close(winlab->run);
    if (winlab->server)
        server_close(winlab->server);
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&winlab->signals[i], NULL);
    uv_run(&winlab->loop, UV_RUN_DEFAULT);
    if (winlab->server)
        server_free(winlab->server);
    uv_loop_close(&winlab->loop);
}

static int run(struct settings *settings, struct world *world)
{
    struct authority *authority = NULL;
    struct winlab winlab = {.world = world};
    int status = check_auth(settings, world);
    if (status)
        return status;
    if (!make_folder(settings)) {
        fprintf(stderr, "winlab: the folder %s cannot be made\n", settings->dir);
        return EX_CANTCREAT;
    }
    if (!settings->plain && !(settings->server.authority = authority = authority_open(settings->dir, stderr)))
        return EX_CANTCREAT;
    uv_loop_init(&winlab.loop);
    catch_signals(&winlab);
    bool opened = open_all(&winlab, settings);
    if (opened) {
        tell(settings, world);
        uv_run(&winlab.loop, UV_RUN_DEFAULT);
    }
    close_all(&winlab);
    authority_close(authority);
    return opened ? EX_OK : EX_UNAVAILABLE;
}

int main(int argc, char **argv)
{
    static struct settings settings = {.auth = "none", .server = {.port = 5986, .exporter_port = 9182}};
    if (argc > 1 && !strcmp(argv[1], "control"))
        return control_client_main(argc - 2, argv + 2);
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
        fputs(usage, stdout);
        return EX_OK;
    }
    if (!read_options(argc, argv, &settings)) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("winlab: this is a SIMULATION of Windows failover clusters, not Windows");
    allow_many_files();
    signal(SIGPIPE, SIG_IGN);
    struct world *world = world_open(settings.scenario, stderr);
    if (!world)
        return EX_CONFIG;
    int status = run(&settings, world);
    world_close(world);
    return status;
}
