/* `solowarden scan FILE…`: what a server's log says of the past, by the same formats and evidence as the daemon. Needs no configuration. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"
#include "scan.h"

static void usage(FILE *out)
{
    fputs("usage: solowarden scan [option …] FILE…\n\n"
          "Reads the logs of FTP and POP3 servers (.gz too) and tells per account who polls and takes, how often,\n"
          "hand-overs, duplicates and intruders. Rotated files of one log may be given in any order.\n\n"
          "  --format FORMAT       instead of recognising it:\n",
          out);
    for (const struct format *format = formats; format->name; format++)
        if (strcmp(format->name, "custom") != 0)
            fprintf(out, "                          %-13s %s\n", format->name, format->help);
    fputs("  --account NAME        only this account\n"
          "  --node NAME=ADDRESS   an address (or prefix, or host name as logged) of a cluster node; repeat for each.\n"
          "                        Whoever else takes is an intruder. Without it every taker may be a node.\n"
          "  --poll DURATION       the handlers' poll interval (30s, 5m) instead of measuring it\n"
          "  --output text|json\n\n"
          "Exit status: 0 nothing found, 1 a duplicate or an intruder found, 64 usage, 65 format not recognised,\n"
          "66 a file cannot be read to its end.\n",
          out);
}

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "solowarden scan: %s%s%s\n", what, value ? ": " : "", value ? value : "");
    fputs("solowarden scan --help tells more.\n", stderr);
    return EX_USAGE;
}

static bool duration_read(const char *text, stamp_t *out)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    long long unit = strcmp(end, "ms") == 0  ? 1
                     : strcmp(end, "s") == 0 ? 1000
                     : strcmp(end, "m") == 0 ? 60000
                     : strcmp(end, "h") == 0 ? 3600000
                                             : 0;
    if (errno || number <= 0 || !unit || number > 604800000 / unit)
        return false;
    *out = number * unit;
    return true;
}

static bool node_read(struct scan_options *options, char *text)
{
    char *equals = strchr(text, '='), *slash;
    if (!equals || equals == text || !equals[1] || options->node_count == SCAN_NODES)
        return false;
    *equals = '\0';
    struct scan_node *node = &options->nodes[options->node_count];
    *node = (struct scan_node){.name = text, .client = equals + 1, .prefix = 128, .index = (uint8_t)options->node_count};
    slash = strchr(equals + 1, '/');
    size_t size = slash ? (size_t)(slash - equals - 1) : strlen(equals + 1);
    node->literal = address_parse(equals + 1, size, &node->address);
    if (slash) {
        char *end;
        bool four = !memchr(equals + 1, ':', size);
        long bits = strtol(slash + 1, &end, 10);
        if (!node->literal || *end || end == slash + 1 || bits < 0 || bits > (four ? 32 : 128))
            return false;
        node->prefix = (uint8_t)(bits + (four ? 96 : 0));
    }
    for (size_t i = 0; i < options->node_count; i++)
        if (strcmp(options->nodes[i].name, text) == 0)
            node->index = options->nodes[i].index;
    options->node_count++;
    return true;
}

/* -1: go on; else the exit status */
static int options_read(int argc, char **argv, struct scan_options *options)
{
    static const struct option known[] = {{"format", required_argument, NULL, 'f'},
                                          {"account", required_argument, NULL, 'a'},
                                          {"node", required_argument, NULL, 'n'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"poll", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (option) {
        case 'f':
            options->format = format_by_name(optarg);
            if (!options->format)
                return usage_error("there is no such format", optarg);
            if (strcmp(optarg, "custom") == 0)
                return usage_error("custom patterns belong into a configuration; scan knows only the built-in formats", NULL);
            break;
        case 'a':
            options->account = optarg;
            break;
        case 'n':
            if (!node_read(options, optarg))
                return usage_error("--node wants NAME=ADDRESS, at most 64 of them", NULL);
            break;
        case 'o':
            options->json = strcmp(optarg, "json") == 0;
            if (!options->json && strcmp(optarg, "text") != 0)
                return usage_error("--output is text or json, not", optarg);
            break;
        case 'p':
            if (!duration_read(optarg, &options->poll))
                return usage_error("--poll wants a duration such as 30s or 5m, not", optarg);
            break;
        case 'h':
            usage(stdout);
            return EX_OK;
        default:
            return usage_error("unknown option", NULL);
        }
    }
    return optind < argc ? -1 : usage_error("which file?", NULL);
}

/* Files that are one log, rotated, are one server. */
static struct scan_server *server_of(struct scan_server *servers, size_t *count, const char *path)
{
    char name[sizeof servers->name];
    scan_base_name(path, name, sizeof name);
    for (size_t i = 0; i < *count; i++)
        if (strcmp(servers[i].name, name) == 0)
            return &servers[i];
    struct scan_server *server = &servers[(*count)++];
    memcpy(server->name, name, sizeof name);
    return server;
}

static int by_first(const void *a, const void *b)
{
    const struct scan_file *left = a, *right = b;
    /* what holds no stamp is empty or alien: at the end */
    if (!left->first || !right->first)
        return !left->first - !right->first;
    return left->first < right->first ? -1 : left->first > right->first;
}

static int server_prepare(struct scan_server *server, const struct scan_options *options)
{
    server->format = options->format;
    for (size_t round = 0; round < 2; round++) /* the first file may be empty: its stamp needs the format that another one tells */
        for (size_t i = 0; i < server->file_count; i++) {
            const char *wrong = scan_file_prepare(&server->files[i], &server->format);
            if (wrong) {
                fprintf(stderr, "solowarden scan: %s: %s\n", server->files[i].path, wrong);
                return EX_NOINPUT;
            }
        }
    if (!server->format) {
        fprintf(stderr, "solowarden scan: %s: these lines are of no format that I know; --format says which, --help lists them\n",
                server->name);
        return EX_DATAERR;
    }
    qsort(server->files, server->file_count, sizeof server->files[0], by_first);
    return EX_OK;
}

static int servers_scan(struct scan_server *servers, size_t count, const struct scan_options *options)
{
    bool found = false, damaged = false;
    int status = EX_OK;
    json_t *all = json_array();
    for (size_t i = 0; i < count && status == EX_OK; i++)
        status = server_prepare(&servers[i], options);
    for (size_t i = 0; i < count && status == EX_OK; i++) {
        struct scan_server *server = &servers[i];
        scan_count(server, options);
        scan_judge(server, options);
        for (size_t k = 0; k < SCAN_ACCOUNTS; k++)
            found |= server->accounts[k] && scan_found(server->accounts[k]);
        for (size_t k = 0; k < server->file_count; k++)
            damaged |= server->files[k].damaged;
        if (options->json)
            json_array_append_new(all, scan_json(server, options));
        else {
            if (i)
                fputc('\n', stdout);
            scan_show_text(stdout, server, options);
        }
    }
    if (options->json && status == EX_OK) {
        json_t *root = json_pack("{s:b, s:O}", "found", found, "servers", all);
        json_dumpf(root, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(root);
    }
    json_decref(all);
    return status != EX_OK ? status : damaged ? EX_NOINPUT : found ? 1 : EX_OK;
}

int cli_scan(int argc, char **argv)
{
    const char *no_color = getenv("NO_COLOR");
    struct scan_options options = {.color = isatty(STDOUT_FILENO) && !(no_color && *no_color)};
    int status = options_read(argc, argv, &options);
    if (status >= 0)
        return status;
    size_t paths = (size_t)(argc - optind), count = 0;
    if (paths > SCAN_FILES)
        return usage_error("too many files at once", NULL);
    struct scan_server *servers = calloc(paths, sizeof *servers);
    if (!servers)
        abort();
    for (size_t i = 0; i < paths; i++) {
        struct scan_server *server = server_of(servers, &count, argv[(size_t)optind + i]);
        struct scan_file *files = realloc(server->files, (server->file_count + 1) * sizeof *files);
        if (!files)
            abort();
        server->files = files;
        server->files[server->file_count++] = (struct scan_file){.path = argv[(size_t)optind + i]};
    }
    status = servers_scan(servers, count, &options);
    for (size_t i = 0; i < count; i++)
        scan_server_free(&servers[i]);
    free(servers);
    return fflush(stdout) == 0 ? status : EX_IOERR;
}
