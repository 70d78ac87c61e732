/* Plays the decider for the SNMP side: opens the two children as the daemon does, publishes snapshots of any size and sends
 * notifications, as told on stdin, a command a line: rows N | raise N | event N | lag | status | quit. Prints what comes back.
 * usage: snmpfeed CONFIG [BOOTS [FIRST_SEQUENCE]]. As `snmp-agent` and `snmp-notify` it is the children themselves;
 * SNMP_LINES in the environment gives the agent more lines of snmpd.conf, for views that the configuration cannot express. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/show/snmp_agent.h"

enum { TICK_MS = 10, LINES_MAX = 16 };

static struct feed {
    uv_loop_t loop;
    uv_pipe_t commands;
    uv_timer_t tick;
    struct snmp *snmp;
    uint64_t sequence, generation, ticked_at, lag_max_ms;
    char line[256];
    size_t used;
} feed;

static void print_status(const char *word, const struct snmp_status *status)
{
    printf("%s agent=%d notify=%d requests=%" PRIu64 " variables=%" PRIu64 " sent=%" PRIu64 " acked=%" PRIu64 " waiting=%" PRIu64
           " dropped=%" PRIu64 " [%s] [%s]\n",
           word, status->agent_up, status->notify_up, status->requests, status->variables, status->sent, status->acked, status->waiting,
           status->dropped, status->agent_text, status->notify_text);
}

static void changed(void *context, const struct snmp_status *status)
{
    (void)context;
    print_status("changed", status);
}

static void acked(void *context, const char *receiver, uint64_t sequence)
{
    (void)context;
    printf("acked %s %" PRIu64 "\n", receiver, sequence);
}

static void fill_head(struct row_head *head, const char *kind, uint32_t number)
{
    uint32_t now = (uint32_t)time(NULL);
    head->index = number * 7 + 1;
    head->state = (uint8_t)(1 + number % 3);
    head->reason = REASON_OK;
    head->since = now - number % 1000;
    head->read_at = now;
    snprintf(head->name, sizeof head->name, "pollers/%s%u", kind, number);
    snprintf(head->text, sizeof head->text, "as it should be");
}

static void publish(uint32_t rows)
{
    uint32_t capacity[TABLES] = {
        [TABLE_AGENT] = 1, [TABLE_PROBE] = rows, [TABLE_NODE] = rows, [TABLE_GROUP] = rows, [TABLE_HANDLER_NODE] = rows};
    struct snapshot_writer *writer = snapshot_begin(capacity, ++feed.generation, (uint32_t)time(NULL));
    struct row_agent *agent = snapshot_add(writer, TABLE_AGENT);
    snprintf(agent->name, sizeof agent->name, "feed");
    snprintf(agent->version, sizeof agent->version, SOLOWARDEN_VERSION);
    agent->active_alarms = (uint32_t)feed.generation;
    for (uint32_t i = 0; i < rows; i++) {
        struct row_probe *probe = snapshot_add(writer, TABLE_PROBE);
        fill_head(&probe->head, "probe", i);
        probe->runs = 1000000 + i;
        struct row_node *node = snapshot_add(writer, TABLE_NODE);
        fill_head(&node->head, "node", i);
        node->paused = 2;
        struct row_group *group = snapshot_add(writer, TABLE_GROUP);
        fill_head(&group->head, "group", i);
        group->mode = 4;
        struct row_handler_node *pair = snapshot_add(writer, TABLE_HANDLER_NODE);
        fill_head(&pair->head, "pair", i);
        pair->head.index2 = i + 1;
    }
    int descriptor = snapshot_finish(writer);
    snmp_publish(feed.snmp, descriptor);
    close(descriptor);
}

static void notify(uint8_t kind)
{
    struct notification notification = {.sequence = feed.sequence++, .kind = kind, .class = 3, .severity = 4, .state = 2};
    notification.since = (uint32_t)time(NULL);
    notification.at = (stamp_t)notification.since * 1000;
    snprintf(notification.key, sizeof notification.key, "none:pollers/orders%" PRIu64, notification.sequence);
    snprintf(notification.cluster, sizeof notification.cluster, "pollers");
    snprintf(notification.group, sizeof notification.group, "orders");
    snprintf(notification.reason, sizeof notification.reason, "active-nowhere");
    snprintf(notification.text, sizeof notification.text, "number %" PRIu64, notification.sequence);
    snprintf(notification.agent, sizeof notification.agent, "feed");
    snmp_notify(feed.snmp, &notification);
}

static void quit(void)
{
    snmp_children_close(feed.snmp);
    uv_close((uv_handle_t *)&feed.commands, NULL);
    uv_close((uv_handle_t *)&feed.tick, NULL);
}

static void obey(const char *line)
{
    char word[16] = "";
    unsigned count = 0;
    sscanf(line, "%15s %u", word, &count);
    if (strcmp(word, "rows") == 0)
        publish(count);
    else if (strcmp(word, "raise") == 0 || strcmp(word, "event") == 0)
        for (unsigned i = 0; i < count; i++)
            notify(word[0] == 'r' ? 1 : 3);
    else if (strcmp(word, "status") == 0)
        print_status("status", snmp_status(feed.snmp));
    else if (strcmp(word, "lag") == 0)
        printf("lag %" PRIu64 "\n", feed.lag_max_ms);
    else if (strcmp(word, "quit") == 0)
        quit();
}

static void allocate(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
    (void)handle, (void)size;
    *buffer = uv_buf_init(feed.line + feed.used, (unsigned)(sizeof feed.line - feed.used - 1));
}

static void commands_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    char *end;
    (void)buffer;
    if (got < 0) {
        if (!uv_is_closing((uv_handle_t *)stream))
            quit();
        return;
    }
    feed.used += (size_t)got;
    feed.line[feed.used] = '\0';
    while ((end = memchr(feed.line, '\n', feed.used))) {
        *end = '\0';
        obey(feed.line);
        feed.used -= (size_t)(end + 1 - feed.line);
        memmove(feed.line, end + 1, feed.used + 1);
    }
}

static void ticked(uv_timer_t *timer)
{
    uint64_t now = uv_hrtime() / 1000000, late = feed.ticked_at ? now - feed.ticked_at : 0;
    (void)timer;
    if (late > TICK_MS && late - TICK_MS > feed.lag_max_ms)
        feed.lag_max_ms = late - TICK_MS;
    feed.ticked_at = now;
}

/* as snmp_agent_main, with more lines */
static int agent_with_lines(int argc, char **argv, char *text)
{
    struct diagnostics diagnostics = {.out = stderr, .limit = 10};
    const char *lines[LINES_MAX + 1] = {0}, *path = NULL, *boots = "1";
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line && count < LINES_MAX; line = strtok(NULL, "\n"))
        lines[count++] = line;
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--config") == 0)
            path = argv[i + 1];
        else if (strcmp(argv[i], "--boots") == 0)
            boots = argv[i + 1];
    }
    struct config *config = config_read(path, &diagnostics);
    if (!config)
        return 78;
    struct agent_start start = {config->snmp, config->agent.name, config->agent.state_dir, (uint32_t)strtoul(boots, NULL, 10), lines};
    int status = agent_serve(&start, WIRE_DESCRIPTOR);
    config_close(config);
    return status;
}

int main(int argc, char **argv)
{
    struct diagnostics diagnostics = {.out = stderr, .limit = 10};
    char program[4096] = "", *lines = getenv("SNMP_LINES");
    size_t size = sizeof program;
    if (argc > 1 && strcmp(argv[1], "snmp-agent") == 0)
        return lines ? agent_with_lines(argc - 1, argv + 1, lines) : snmp_agent_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "snmp-notify") == 0)
        return snmp_notify_main(argc - 1, argv + 1);
    if (argc < 2 || uv_exepath(program, &size) != 0)
        return 64;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct config *config = config_read(argv[1], &diagnostics);
    if (!config || !config->snmp)
        return 78;
    feed.sequence = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    uv_loop_init(&feed.loop);
    feed.snmp =
        snmp_children_open(&feed.loop, program, config, argv[1], argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1, changed, acked, NULL);
    uv_pipe_init(&feed.loop, &feed.commands, 0);
    uv_pipe_open(&feed.commands, STDIN_FILENO);
    uv_read_start((uv_stream_t *)&feed.commands, allocate, commands_read);
    uv_timer_init(&feed.loop, &feed.tick);
    uv_timer_start(&feed.tick, ticked, TICK_MS, TICK_MS);
    uv_run(&feed.loop, UV_RUN_DEFAULT);
    uv_loop_close(&feed.loop);
    config_close(config);
    return 0;
}
