/* Reads a scenario file: text → tree → structs → checks. Uses the very machinery of the agent's configuration, so a scenario is as strict
 * and its errors are as plain. Must not know what happens in the world later. */
#include "scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config.h"
#include "agent/config/fill.h"

static bool fill_scenario(struct reading *reading, struct scenario *scenario, const char *name, const char *text, size_t size)
{
    struct source *source = arena_take(reading->arena, sizeof *source);
    *source = (struct source){.name = name, .text = text, .size = size};
    struct node *root = tree_read(reading, source);
    if (!root)
        return false;
    struct fill fill = {.reading = reading, .root = root};
    fill_table(&fill, root, scenario_fields, scenario);
    return reading->complaint_count == 0;
}

static void fill_load(struct reading *reading, struct scenario *scenario)
{
    size_t size;
    const char *text = scenario_of_load(scenario->load, reading->arena, &size);
    struct scenario generated = {0};
    if (fill_scenario(reading, &generated, "generated", text, size))
        scenario->clusters = generated.clusters;
}

struct scenario *scenario_parse(const char *name, const char *text, size_t size, FILE *complaints)
{
    struct arena *arena = arena_open();
    struct diagnostics diagnostics = {.out = complaints, .limit = 100};
    struct reading reading = {.arena = arena, .diagnostics = &diagnostics};
    struct scenario *scenario = arena_take(arena, sizeof *scenario);
    scenario->arena = arena;
    const char *own = arena_text(arena, name, strlen(name));
    if (fill_scenario(&reading, scenario, own, arena_text(arena, text, size), size)) {
        if (scenario->load && scenario->clusters.count)
            complain(&reading, (struct place){own, 0, 0}, 0, "`load` makes all clusters: no `clusters` beside it");
        else if (scenario->load)
            fill_load(&reading, scenario);
        scenario_check(scenario, &reading);
    }
    complaints_print(&reading);
    if (diagnostics.errors == 0)
        return scenario;
    arena_close(arena);
    return NULL;
}

struct scenario *scenario_read(const char *path, FILE *complaints)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(complaints, "%s: %s\n", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(TREE_FILE_BYTES + 1);
    if (!text)
        abort();
    size_t size = fread(text, 1, TREE_FILE_BYTES + 1, file);
    bool good = !ferror(file) && size <= TREE_FILE_BYTES;
    fclose(file);
    if (!good)
        fprintf(complaints, "%s: cannot be read, or is larger than 8 MiB\n", path);
    struct scenario *scenario = good ? scenario_parse(path, text, size, complaints) : NULL;
    free(text);
    return scenario;
}

void scenario_close(struct scenario *scenario)
{
    arena_close(scenario->arena);
}

static void print_cluster(FILE *out, const struct scenario_load *load, int64_t cluster)
{
    fprintf(out, "  load%" PRId64 ":\n    service_names: true\n    biztalk: {sso_server: LOADSSO}\n    nodes:\n", cluster);
    for (int64_t node = 1; node <= load->nodes; node++)
        fprintf(out, "      L%" PRId64 "N%" PRId64 ": {address: 127.%" PRId64 ".%" PRId64 ".%" PRId64 "}\n", cluster, node,
                load->second_byte, cluster, node);
    fputs("    groups:\n", out);
    for (int64_t node = 1; node <= load->nodes; node++) { /* the hosts are spread over as many roles as there are nodes */
        fprintf(out, "      Role%" PRId64 ":\n        owner: L%" PRId64 "N%" PRId64 "\n        resources:\n", node, cluster, node);
        fprintf(out, "          Address%" PRId64 ": {kind: ip-address, value: 127.%" PRId64 ".%" PRId64 ".%" PRId64 "}\n", node,
                load->second_byte, cluster, (100 + node));
        fprintf(out, "          Name%" PRId64 ": {kind: network-name, value: L%" PRId64 "R%" PRId64 ", depends: [Address%" PRId64 "]}\n",
                node, cluster, node, node);
        for (int64_t host = node; host <= load->hosts; host += load->nodes)
            fprintf(out, "          BizTalk-Host%" PRId64 ": {kind: host, host: Host%" PRId64 ", depends: [Name%" PRId64 "]}\n", host, host,
                    node);
    }
    fputs("    hosts:\n", out);
    for (int64_t host = 1; host <= load->hosts; host++)
        fprintf(out, "      Host%" PRId64 ": {}\n", host);
    fputs("    locations:\n", out);
    for (int64_t host = 1; host <= load->hosts; host++)
        fprintf(out,
                "      Location%" PRId64 ": {adapter: FTP, host: Host%" PRId64 ", url: 'ftp://load%" PRId64 ".example:21/in%" PRId64
                "/*.xml'}\n",
                host, host, cluster, host);
}

char *scenario_of_load(const struct scenario_load *load, struct arena *arena, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out)
        abort();
    fputs("version: 1\nclusters:\n", out);
    for (int64_t cluster = 1; cluster <= load->clusters; cluster++)
        print_cluster(out, load, cluster);
    if (fclose(out) != 0)
        abort();
    char *own = arena_text(arena, text, *size);
    free(text);
    return own;
}
