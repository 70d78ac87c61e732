/* `solowarden check-state [NAME…]`: the state as a Nagios plugin tells it: one line, perfdata, exit 0/1/2/3. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/core/alarms.h"
#include "cli.h"
#include "status.h"

enum plugin { PLUGIN_OK, PLUGIN_WARNING, PLUGIN_CRITICAL, PLUGIN_UNKNOWN };
static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
enum { STALE_SECONDS = 30, HANDLER_STATE_UNKNOWN = 1 };

struct summary {
    unsigned handlers, unknown, alarms[5];
    char worst[TEXT_BYTES];
    uint8_t severity; /* of the worst alarm, 0 = none */
};

static bool wanted(const struct client_options *options, const char *name, const char *group, const char *host)
{
    if (!options->argument_count)
        return true;
    for (int i = 0; i < options->argument_count; i++) {
        const char *ask = options->arguments[i];
        if (strcmp(ask, name) == 0 || strcmp(ask, group) == 0 || strcmp(ask, host) == 0)
            return true;
    }
    return false;
}

static void read_alarms(const struct client_options *options, const struct snapshot *snapshot, struct summary *summary)
{
    for (uint32_t i = 0; i < snapshot_count(snapshot, TABLE_ALARM); i++) {
        const struct row_alarm *row = snapshot_row(snapshot, TABLE_ALARM, i);
        uint8_t severity = (uint8_t)(row->severity - 1);
        if (row->head.state != ALARM_ACTIVE || severity > SEVERITY_CRITICAL || !wanted(options, row->subject, row->group, row->host))
            continue;
        summary->alarms[severity]++;
        if (severity > summary->severity) {
            summary->severity = severity;
            snprintf(summary->worst, sizeof summary->worst, "%.28s %.120s", row->class_name, row->head.text);
        }
    }
}

static void read_handlers(const struct client_options *options, const struct snapshot *snapshot, struct summary *summary)
{
    for (uint32_t i = 0; i < snapshot_count(snapshot, TABLE_HANDLER); i++) {
        const struct row_handler *row = snapshot_row(snapshot, TABLE_HANDLER, i);
        if (!wanted(options, row->head.name, row->group, row->head.name))
            continue;
        summary->handlers++;
        summary->unknown += row->head.state == HANDLER_STATE_UNKNOWN;
    }
}

int cli_check_state(int argc, char **argv)
{
    struct client_options options;
    struct summary summary = {0};
    int status = client_options(&options, argc, argv, "[GROUP|HANDLER…]", 0, 16);
    if (status >= 0)
        return status ? PLUGIN_UNKNOWN : 0;
    const struct snapshot *snapshot = status_snapshot(&options, &status);
    if (!snapshot) {
        puts("SOLOWARDEN UNKNOWN - the agent does not answer");
        return PLUGIN_UNKNOWN;
    }
    read_alarms(&options, snapshot, &summary);
    read_handlers(&options, snapshot, &summary);
    enum plugin state = PLUGIN_OK;
    if (summary.severity >= SEVERITY_MAJOR)
        state = PLUGIN_CRITICAL;
    else if (summary.severity == SEVERITY_WARNING)
        state = PLUGIN_WARNING;
    else if (!summary.handlers || summary.unknown)
        state = PLUGIN_UNKNOWN;
    long age = (long)time(NULL) - (long)snapshot->made_at;
    if (age > STALE_SECONDS)
        state = state == PLUGIN_OK ? PLUGIN_UNKNOWN : state;
    char text[TEXT_BYTES * 2];
    if (summary.worst[0])
        snprintf(text, sizeof text, "%s", summary.worst);
    else if (!summary.handlers)
        snprintf(text, sizeof text, "no such handler or group");
    else if (summary.unknown)
        snprintf(text, sizeof text, "%u of %u handlers unknown", summary.unknown, summary.handlers);
    else
        snprintf(text, sizeof text, "%u handler%s single", summary.handlers, summary.handlers == 1 ? "" : "s");
    for (char *at = text; *at; at++)
        if (*at == '|' || *at == '\n')
            *at = ' ';
    printf("SOLOWARDEN %s - %s | handlers=%u unknown=%u critical=%u major=%u warning=%u age=%lds\n", words[state], text, summary.handlers,
           summary.unknown, summary.alarms[SEVERITY_CRITICAL], summary.alarms[SEVERITY_MAJOR], summary.alarms[SEVERITY_WARNING],
           age < 0 ? 0 : age);
    snapshot_unmap(snapshot);
    return (int)state;
}
