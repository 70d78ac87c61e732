/* `solowarden status`: the daemon's snapshot as tables or JSON. Maps the very bytes that the SNMP agent serves. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "agent/show/text.h"
#include "cli.h"
#include "client.h"
#include "status.h"

const struct snapshot *status_snapshot(const struct client_options *options, int *status)
{
    int descriptor = -1;
    json_t *answer = client_ask(options, json_pack("{s:s}", "verb", "status"), &descriptor, status);
    if (!answer)
        return NULL;
    json_decref(answer);
    const struct snapshot *snapshot = descriptor >= 0 ? snapshot_map(descriptor) : NULL;
    if (descriptor >= 0)
        close(descriptor);
    if (!snapshot) {
        fputs("solowarden: the agent has no snapshot yet, or it is of another version than this command\n", stderr);
        *status = EX_TEMPFAIL;
    }
    return snapshot;
}

static const struct table *table_named(const char *name)
{
    for (size_t i = 0; i < TABLES; i++) {
        size_t length = strlen(tables[i].name);
        if (strncmp(tables[i].name, name, length) == 0 && (name[length] == '\0' || strcmp(name + length, "s") == 0))
            return &tables[i];
    }
    return NULL;
}

static void heading(const struct snapshot *snapshot)
{
    const struct row_agent *agent = snapshot_row(snapshot, TABLE_AGENT, 0);
    if (!agent)
        return;
    long age = (long)time(NULL) - (long)snapshot->made_at;
    printf("solowarden %s on %s, %s, %u active alarm%s, read %ld s ago\n", agent->version, agent->name, agent->role, agent->active_alarms,
           agent->active_alarms == 1 ? "" : "s", age < 0 ? 0 : age);
    printf("journal %s, snmp %s, actuator %s\n\n", agent->journal_state, agent->snmp_state, agent->actuator_state);
}

enum { CURES_SHOWN = 10, LOG_STATE_UNKNOWN = 1, CANDIDATE_NOT_READY = 3 };

static uint16_t reason_by_name(const char *name)
{
    for (unsigned reason = 0; reason < REASONS; reason++)
        if (strcmp(reason_name((uint16_t)reason), name) == 0)
            return (uint16_t)reason;
    return REASON_NONE;
}

struct cures { /* one line for each reason, however many suffer from it */
    unsigned count, dropped;
    struct {
        uint16_t reason;
        unsigned others;
        char name[2 * NAME_BYTES + 8];
    } rows[CURES_SHOWN];
};

static void cure(struct cures *cures, const char *name, uint16_t reason)
{
    unsigned i = 0;
    if (!*reason_cure(reason))
        return;
    while (i < cures->count && cures->rows[i].reason != reason)
        i++;
    if (i < cures->count) {
        cures->rows[i].others++;
    } else if (cures->count == CURES_SHOWN) {
        cures->dropped++;
    } else {
        cures->rows[i].reason = reason;
        snprintf(cures->rows[i].name, sizeof cures->rows[i].name, "%s", name);
        cures->count++;
    }
}

static void show_cures(const struct cures *cures)
{
    for (unsigned i = 0; i < cures->count; i++) {
        char others[32] = "";
        if (cures->rows[i].others)
            snprintf(others, sizeof others, " and %u more", cures->rows[i].others);
        printf("%s%s%s: %s -> %s\n", i == 0 ? "to do\n  " : "  ", cures->rows[i].name, others, reason_text(cures->rows[i].reason),
               reason_cure(cures->rows[i].reason));
    }
    if (cures->dropped)
        printf("  and %u more: solowarden status probes servers candidates\n", cures->dropped);
}

/* Who looks at the tables wants to know what to do about them. What works, but not in all, has something to say as well. */
static void cures(const struct snapshot *snapshot)
{
    struct cures all = {0};
    for (uint32_t i = 0; i < snapshot_count(snapshot, TABLE_PROBE); i++) {
        const struct row_probe *row = snapshot_row(snapshot, TABLE_PROBE, i);
        cure(&all, row->head.name, row->head.reason);
    }
    for (uint32_t i = 0; i < snapshot_count(snapshot, TABLE_SERVER); i++) {
        const struct row_server *row = snapshot_row(snapshot, TABLE_SERVER, i);
        if (row->log_state == LOG_STATE_UNKNOWN)
            cure(&all, row->log_file, reason_by_name(row->log_reason));
    }
    for (uint32_t i = 0; i < snapshot_count(snapshot, TABLE_CANDIDATE); i++) {
        const struct row_candidate *row = snapshot_row(snapshot, TABLE_CANDIDATE, i);
        char name[2 * NAME_BYTES + 8];
        snprintf(name, sizeof name, "%s on %s", row->head.name, row->node);
        if (row->head.state == CANDIDATE_NOT_READY)
            cure(&all, name, row->head.reason);
    }
    show_cures(&all);
}

/* Clusters have something to say of their own only where somebody asks them. */
static bool has_windows(const struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot_count(snapshot, TABLE_CLUSTER); i++)
        if (strcmp(((const struct row_cluster *)snapshot_row(snapshot, TABLE_CLUSTER, i))->type, "wsfc") == 0)
            return true;
    return false;
}

static void show_text(const struct client_options *options, const struct snapshot *snapshot)
{
    static const enum table_id usual[] = {TABLE_HANDLER, TABLE_GROUP, TABLE_CLUSTER, TABLE_SERVER, TABLE_ALARM};
    if (options->argument_count) {
        for (int i = 0; i < options->argument_count; i++)
            text_table(stdout, snapshot, table_named(options->arguments[i]), options->wide);
        return;
    }
    heading(snapshot);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (!snapshot_count(snapshot, usual[i]) || (usual[i] == TABLE_CLUSTER && !has_windows(snapshot)))
            continue;
        text_table(stdout, snapshot, &tables[usual[i]], options->wide);
        puts("");
    }
    cures(snapshot);
}

static void show_json(const struct client_options *options, const struct snapshot *snapshot)
{
    json_t *root = json_object();
    json_object_set_new(root, "at", json_integer(snapshot->made_at));
    for (size_t i = 0; i < TABLES; i++) {
        bool wanted = options->argument_count == 0;
        for (int a = 0; a < options->argument_count; a++)
            wanted |= table_named(options->arguments[a]) == &tables[i];
        if (wanted)
            json_object_set_new(root, tables[i].name, json_table(snapshot, &tables[i]));
    }
    json_dumpf(root, stdout, JSON_INDENT(2));
    puts("");
    json_decref(root);
}

int cli_status(int argc, char **argv)
{
    struct client_options options;
    int status = client_options(&options, argc, argv, "[TABLE…]", 0, TABLES);
    if (status >= 0)
        return status;
    for (int i = 0; i < options.argument_count; i++) {
        if (table_named(options.arguments[i]))
            continue;
        fprintf(stderr, "solowarden status: there is no table `%s`; there are:", options.arguments[i]);
        for (size_t t = 0; t < TABLES; t++)
            fprintf(stderr, " %s", tables[t].name);
        fputs("\n", stderr);
        return EX_USAGE;
    }
    const struct snapshot *snapshot = status_snapshot(&options, &status);
    if (!snapshot)
        return status;
    if (options.json)
        show_json(&options, snapshot);
    else
        show_text(&options, snapshot);
    snapshot_unmap(snapshot);
    return 0;
}
