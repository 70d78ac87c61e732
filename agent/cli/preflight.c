/* `solowarden preflight GROUP`: would a failover work right now, to which node, and if not, why. Reads the snapshot, asks nobody. */
#include <stdio.h>
#include <string.h>

#include "agent/show/text.h"
#include "cli.h"
#include "status.h"

enum { CANDIDATE_READY = 2, STATUS_NOT_READY = 1, STATUS_NO_SUCH = 64 };

static bool is_of(const struct row_candidate *row, const char *group)
{
    return strcmp(row->group, group) == 0 || strcmp(row->head.name, group) == 0;
}

static void print_text(const struct row_candidate *row)
{
    static const char *const words[] = {"unknown", "unknown", "ready", "not ready"};
    const char *cure = reason_cure(row->head.reason);
    printf("%-24s %-12s %-10s %s%s%s\n", row->head.name, row->node, words[row->head.state < 4 ? row->head.state : 1], row->head.text,
           *cure ? " -> " : "", cure);
}

static json_t *to_json(const struct row_candidate *row)
{
    static const char *const words[] = {"unknown", "unknown", "ready", "not-ready"};
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "group", row->head.name, "node", row->node, "state",
                     words[row->head.state < 4 ? row->head.state : 1], "reason", reason_name(row->head.reason), "text", row->head.text);
}

int cli_preflight(int argc, char **argv)
{
    struct client_options options;
    int status = client_options(&options, argc, argv, "GROUP", 1, 1);
    if (status >= 0)
        return status;
    const struct snapshot *snapshot = status_snapshot(&options, &status);
    if (!snapshot)
        return status;
    unsigned nodes = 0, ready = 0;
    json_t *rows = json_array();
    for (uint32_t i = 0; i < snapshot_count(snapshot, TABLE_CANDIDATE); i++) {
        const struct row_candidate *row = snapshot_row(snapshot, TABLE_CANDIDATE, i);
        if (!is_of(row, options.arguments[0]))
            continue;
        nodes++;
        ready += row->head.state == CANDIDATE_READY;
        if (options.json)
            json_array_append_new(rows, to_json(row));
        else
            print_text(row);
    }
    if (options.json) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        puts("");
    } else if (!nodes) {
        fprintf(stderr, "solowarden preflight: there is no group `%s`; solowarden status groups lists them\n", options.arguments[0]);
    } else {
        printf("a failover would %s right now\n", ready ? "work" : "not work");
    }
    json_decref(rows);
    snapshot_unmap(snapshot);
    return !nodes ? STATUS_NO_SUCH : ready ? 0 : STATUS_NOT_READY;
}
