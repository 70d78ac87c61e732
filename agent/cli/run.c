/* `solowarden run`: the daemon's life. Start-up order is the street's order; shutdown is its mirror. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"
#include "daemon.h"

enum {
    TICK_DELAY_MS = 5,       /* inputs that arrive together are folded together */
    KEEP_EVERY_SECONDS = 10, /* log offsets and their evidence */
    STALL_GATE_MS = 60000,
    STEP_GATE_MS = 600000,
    RESEND_ROWS = 1000,
    STOP_PATIENCE_MS = 5000
};

msec_t daemon_now(const struct daemon *daemon)
{
    (void)daemon;
    return loop_now();
}

int64_t daemon_wall_offset(const struct daemon *daemon)
{
    (void)daemon;
    return loop_wall_offset();
}

void daemon_say(const struct daemon *daemon, const char *format, ...)
{
    va_list arguments;
    char line[512];
    (void)daemon;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (char *at = line; *at; at++) /* texts from outside reach this line: no control characters on a terminal */
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    fprintf(stderr, "solowarden: %s\n", line);
}

/* ---- ticking ---- */

static void tick(uv_timer_t *timer);

static void wake(uv_timer_t *timer)
{
    tick(timer);
}

static void tick(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    daemon->tick_pending = false;
    msec_t now = daemon_now(daemon);
    msec_t wake_at = decider_tick(daemon->decider, now, daemon_wall_offset(daemon), daemon_effect, daemon);
    daemon->dirty = true;
    if (wake_at)
        uv_timer_start(&daemon->wake_timer, wake, (uint64_t)(wake_at > now ? wake_at - now : 1), 0);
    else
        uv_timer_stop(&daemon->wake_timer);
}

void daemon_touch(struct daemon *daemon)
{
    if (daemon->tick_pending || daemon->stopping)
        return;
    daemon->tick_pending = true;
    uv_update_time(&daemon->loop);
    uv_timer_start(&daemon->tick_timer, tick, TICK_DELAY_MS, 0);
}

/* ---- the agent's own health ---- */

static void part_state(const struct daemon *daemon, enum agent_part part, const char *good, char *out, size_t size)
{
    snprintf(out, size, "%s", daemon->degraded[part][0] ? reason_name(daemon->degraded_reason[part]) : good);
}

static void fill_agent_row(struct daemon *daemon)
{
    struct row_agent *row = &daemon->publisher.agent;
    const struct loop_lag *lag = loop_watch_lag(daemon->watch);
    const struct runner_counters *counters = runner_counters(daemon->runner);
    struct journal_health health;
    journal_health(daemon->journal, &health);
    row->loop_lag_ms = (uint32_t)(lag->last_us / 1000);
    row->loop_lag_max_ms = (uint32_t)(lag->max_us / 1000);
    row->active_alarms = daemon->decider->alarms.active;
    row->probes = daemon->policy->source_count;
    row->probes_in_flight = (uint32_t)counters->in_flight;
    row->last_alarm_sequence = daemon->sequence;
    row->log_lines = 0;
    for (uint16_t i = 0; i < daemon->policy->server_count; i++)
        row->log_lines += daemon->decider->model->logs[i].lines;
    row->dropped = daemon->lost + health.dropped + daemon->decider->model->dropped + daemon->decider->alarms.dropped;
    row->journal_rows = health.rows;
    part_state(daemon, PART_JOURNAL, "ok", row->journal_state, sizeof row->journal_state);
    part_state(daemon, PART_SNMP_AGENT, daemon->snmp ? "ok" : "off", row->snmp_state, sizeof row->snmp_state);
    part_state(daemon, PART_ACTUATOR, daemon->actuator ? "ok" : "off", row->actuator_state, sizeof row->actuator_state);
    if (daemon->snmp) {
        const struct snmp_status *status = snmp_status(daemon->snmp);
        row->notifications_sent = status->sent;
        row->notifications_acked = status->acked;
        row->notifications_waiting = status->waiting;
    }
}

static void publish_now(struct daemon *daemon)
{
    fill_agent_row(daemon);
    int descriptor = publish(&daemon->publisher, daemon_now(daemon), daemon_wall_offset(daemon));
    if (descriptor < 0) {
        daemon_degraded(daemon, PART_AGENT, REASON_QUEUE_DROPPED, "no snapshot could be made");
        return;
    }
    if (daemon->snapshot >= 0)
        close(daemon->snapshot);
    daemon->snapshot = descriptor;
    daemon->dirty = false;
    if (daemon->snmp)
        snmp_publish(daemon->snmp, descriptor);
}

static void check_journal(struct daemon *daemon)
{
    struct journal_health health;
    journal_health(daemon->journal, &health);
    bool works = health.alive && !daemon->journal_volatile;
    if (works != (daemon->decider->world.journal == YES) || daemon->decider->world.journal == UNKNOWN) {
        daemon->decider->world.journal = works ? YES : NO;
        daemon_touch(daemon);
    }
    if (!daemon->journal_volatile)
        daemon_degraded(daemon, PART_JOURNAL, works ? REASON_OK : REASON_DISK_FULL, health.error);
}

static void snmp_state(void *context, const struct snmp_status *status);

static void each_second(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    daemon->seconds++;
    check_journal(daemon);
    if (daemon->snmp)
        snmp_state(daemon, snmp_status(daemon->snmp));
    if (daemon->actuator && daemon->decider->world.actuator != YES)
        daemon_degraded(daemon, PART_ACTUATOR, REASON_ACTUATOR_SILENT, daemon->actuator_text);
    daemon_estates_each_second(daemon);
    daemon_findings_each_second(daemon);
    if (daemon->seconds % KEEP_EVERY_SECONDS == 0)
        daemon_keep_logs(daemon);
    if (daemon->dirty)
        publish_now(daemon);
}

static void was_stalled(void *context, msec_t gap_ms, bool suspended)
{
    struct daemon *daemon = context;
    daemon_say(daemon, "%s for %" PRId64 " s: nothing is done before everything was seen again",
               suspended ? "the machine slept" : "stopped", gap_ms / 1000);
    daemon->decider->world.stalled_until = daemon_now(daemon) + STALL_GATE_MS;
    daemon->decider->model->stale_before = daemon_now(daemon);
    daemon_touch(daemon);
}

static void was_stepped(void *context, int64_t step_ms)
{
    struct daemon *daemon = context;
    daemon_say(daemon, "the wall clock jumped by %" PRId64 " s: nothing is done for 10 minutes", step_ms / 1000);
    for (size_t i = 0; i < daemon->decider->world.pause_count; i++) { /* a clock step ends no pause, nor makes one longer */
        daemon->pauses[i].since += step_ms;
        daemon->pauses[i].until += step_ms;
    }
    daemon_keep_pauses(daemon);
    daemon->decider->world.clock_stepped_until = daemon_now(daemon) + STEP_GATE_MS;
    daemon->decider->model->stale_before = daemon_now(daemon);
    daemon_touch(daemon);
}

static void snmp_state(void *context, const struct snmp_status *status)
{
    struct daemon *daemon = context;
    daemon_degraded(daemon, PART_SNMP_AGENT,
                    status->agent_up ? REASON_OK : (daemon->config->snmp->agentx ? REASON_AGENTX_DOWN : REASON_PORT_TAKEN),
                    status->agent_text);
    daemon_degraded(daemon, PART_SNMP_NOTIFY, status->notify_up ? REASON_OK : REASON_RECEIVER_SILENT, status->notify_text);
    daemon->dirty = true;
}

static void receiver_acked(void *context, const char *receiver, uint64_t sequence)
{
    daemon_keep_sequence(context, receiver, sequence);
}

static void actuator_alive(void *context, bool alive, const char *text)
{
    struct daemon *daemon = context;
    daemon->decider->world.actuator = alive ? YES : NO;
    snprintf(daemon->actuator_text, sizeof daemon->actuator_text, "%s", text);
    daemon_degraded(daemon, PART_ACTUATOR, alive ? REASON_OK : REASON_ACTUATOR_SILENT, text);
    daemon_touch(daemon);
}

/* ---- what a receiver missed while we were down ---- */

struct resending {
    struct daemon *daemon;
    char receiver[NAME_BYTES];
    uint64_t after;
};

static void resend_rows(void *context, const char *json, const char *error)
{
    struct resending *resending = context;
    json_t *rows = json ? json_loads(json, 0, NULL) : NULL;
    const json_t *row;
    size_t i;
    if (!rows)
        daemon_say(resending->daemon, "receiver %s: what it missed cannot be sent again: %s", resending->receiver,
                   error ? error : "no answer");
    json_array_foreach(rows, i, row) if ((uint64_t)json_integer_value(json_object_get(row, "sequence")) > resending->after)
        daemon_notify_row(resending->daemon, resending->receiver, row);
    json_decref(rows);
    free(resending);
}

static void resend_missed(struct daemon *daemon)
{
    const struct map *receivers = &daemon->config->snmp->receivers;
    for (size_t i = 0; i < receivers->count; i++) {
        const struct conf_receiver *receiver = (const struct conf_receiver *)receivers->entries + i;
        uint64_t acked = 0;
        char name[128];
        snprintf(name, sizeof name, "receiver/%s", receiver->entry.name);
        if (journal_get(daemon->journal, name, &acked, sizeof acked) != (int)sizeof acked || acked >= daemon->sequence)
            continue; /* a new receiver is not told of the past */
        struct resending *resending = calloc(1, sizeof *resending);
        if (!resending)
            abort();
        resending->daemon = daemon;
        resending->after = acked;
        snprintf(resending->receiver, sizeof resending->receiver, "%s", receiver->entry.name);
        if (!journal_ask(daemon->journal, JOURNAL_HISTORY, NULL, RESEND_ROWS, resend_rows, resending))
            resend_rows(resending, NULL, "the journal is busy");
    }
}

/* ---- start ---- */

static void stop_loop(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    daemon_say(daemon, "stopping (%s)", number == SIGTERM ? "SIGTERM" : "SIGINT");
    daemon->stopping = true;
    uv_stop(&daemon->loop);
}

static void hang_up(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    (void)number;
    struct diagnostics diagnostics = {.out = stderr, .limit = 100};
    struct config *config = config_read(daemon->config_path, &diagnostics);
    daemon_say(daemon, config ? "SIGHUP: the configuration is valid; restart the agent to apply it"
                              : "SIGHUP: the configuration has errors; the running one stays in force");
    if (config)
        config_close(config);
}

static int open_journal(struct daemon *daemon)
{
    char path[512], error[200];
    const struct conf_agent *agent = &daemon->config->agent;
    const struct journal_limits limits = {
        .history_rows = (uint64_t)agent->history_keep, .ring_keep = agent->ring_keep, .ring_rows = 2000000};
    if (mkdir(agent->state_dir, 0750) < 0 && errno != EEXIST)
        daemon_say(daemon, "the state folder %s cannot be made: %s", agent->state_dir, strerror(errno));
    snprintf(path, sizeof path, "%s/journal.sqlite", agent->state_dir);
    daemon->journal = journal_open(&daemon->loop, path, &limits, error, sizeof error);
    if (daemon->journal)
        return 0;
    daemon_say(daemon, "%s", error);
    daemon_say(daemon, "watching goes on with a journal in memory: nothing will be done, and history ends with this process");
    daemon->journal_volatile = true;
    daemon->journal = journal_open(&daemon->loop, ":memory:", &limits, error, sizeof error);
    return daemon->journal ? 0 : -1;
}

static void degraded_at_start(struct daemon *daemon)
{
    if (daemon->journal_volatile)
        daemon_degraded(daemon, PART_JOURNAL, REASON_DISK_FULL, daemon->config->agent.state_dir);
}

static bool open_control(struct daemon *daemon)
{
    char path[512], error[200];
    const struct conf_agent *agent = &daemon->config->agent;
    if (agent->control_socket)
        snprintf(path, sizeof path, "%s", agent->control_socket);
    else
        snprintf(path, sizeof path, "%s/control.sock", agent->state_dir);
    daemon->control = control_open(&daemon->loop, path, agent->control_group, daemon_verb, daemon, error, sizeof error);
    if (daemon->control)
        return true;
    daemon_say(daemon, "%s", error);
    return false;
}

static bool may_act(const struct daemon *daemon)
{
    for (uint16_t i = 0; i < daemon->policy->group_count; i++)
        if (daemon->policy->groups[i].can_move || daemon->policy->groups[i].can_stop)
            return !daemon->observe_only;
    return false;
}

static void open_outside(struct daemon *daemon)
{
    if (daemon->config->snmp) {
        uint32_t boots = daemon_engine_boots(daemon);
        daemon->snmp = snmp_children_open(&daemon->loop, daemon->program, daemon->config, daemon->config_path, boots, snmp_state,
                                          receiver_acked, daemon);
        if (daemon->snmp)
            resend_missed(daemon);
        else
            daemon_degraded(daemon, PART_SNMP_AGENT, REASON_START_FAILED, "the SNMP processes could not be started");
    }
    if (may_act(daemon)) {
        daemon->actuator = actuator_open(&daemon->loop, daemon->program, daemon->config_path, daemon->config->agent.state_dir,
                                         daemon_result, actuator_alive, daemon);
        if (!daemon->actuator)
            daemon_degraded(daemon, PART_ACTUATOR, REASON_START_FAILED, "the actuator could not be started");
    }
    actuator_orphan_results(daemon->config->agent.state_dir, daemon_result, daemon);
}

static void open_core(struct daemon *daemon)
{
    daemon->decider_memory = calloc(1, decider_size(daemon->policy));
    daemon->notes = calloc((size_t)daemon->policy->source_count + 1, sizeof *daemon->notes);
    daemon->logs = calloc((size_t)daemon->policy->server_count + 1, sizeof *daemon->logs);
    if (!daemon->decider_memory || !daemon->notes || !daemon->logs)
        abort();
    for (uint16_t i = 0; i < daemon->policy->server_count; i++)
        if (daemon->compiled->logs[i].file && !(daemon->logs[i] = calloc(1, sizeof **daemon->logs)))
            abort();
    daemon->decider = decider_open(daemon->decider_memory, daemon->policy, daemon_now(daemon));
    daemon->decider->world.pauses = daemon->pauses;
    daemon->decider->world.wall_offset = daemon_wall_offset(daemon);
    daemon_estates_open(daemon);
    daemon_findings_open(daemon);
    publisher_open(&daemon->publisher, daemon->policy);
    daemon->publisher.decider = daemon->decider;
    daemon->publisher.compiled = daemon->compiled;
    daemon->publisher.indices = index_open();
    daemon->publisher.notes = daemon->notes;
    daemon->publisher.history = &daemon->history;
    struct row_agent *row = &daemon->publisher.agent;
    snprintf(row->version, sizeof row->version, "%s", SOLOWARDEN_VERSION);
    snprintf(row->name, sizeof row->name, "%s", daemon->policy->agent_name);
    snprintf(row->role, sizeof row->role, "%s", daemon->observe_only ? "observing" : "active");
    for (size_t i = 0; i < 8; i++)
        snprintf(row->config_digest + 2 * i, 3, "%02x", daemon->config->digest[i]);
    row->started = (uint32_t)(loop_wall() / 1000);
}

static void start_timers(struct daemon *daemon)
{
    const struct loop_hooks hooks = {was_stalled, was_stepped, daemon};
    daemon->watch = loop_watch_open(&daemon->loop, &hooks);
    uv_timer_init(&daemon->loop, &daemon->tick_timer);
    uv_timer_init(&daemon->loop, &daemon->wake_timer);
    uv_timer_init(&daemon->loop, &daemon->second_timer);
    uv_signal_init(&daemon->loop, &daemon->terminate);
    uv_signal_init(&daemon->loop, &daemon->interrupt);
    uv_signal_init(&daemon->loop, &daemon->hangup);
    daemon->tick_timer.data = daemon->wake_timer.data = daemon->second_timer.data = daemon;
    daemon->terminate.data = daemon->interrupt.data = daemon->hangup.data = daemon;
    uv_timer_start(&daemon->second_timer, each_second, 200, 1000);
    uv_signal_start(&daemon->terminate, stop_loop, SIGTERM);
    uv_signal_start(&daemon->interrupt, stop_loop, SIGINT);
    uv_signal_start(&daemon->hangup, hang_up, SIGHUP);
}

/* Tell the service manager that we are up (sd_notify's protocol: one datagram). */
static void tell_ready(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    (void)sendto(descriptor, "READY=1", 7, MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(descriptor);
}

static void tell_agent(struct daemon *daemon, const char *word, const char *text)
{
    struct journal_history row = {
        .severity = SEVERITY_INFO, .key = "event:agent", .cluster = "", .group = "", .host = "", .node = "", .word = word, .text = text};
    daemon_tell(daemon, 4, &row, 0);
}

static int start(struct daemon *daemon)
{
    if (open_journal(daemon) < 0)
        return EX_CANTCREAT;
    if (!open_control(daemon)) {
        journal_close(daemon->journal);
        return EX_UNAVAILABLE;
    }
    open_core(daemon);
    daemon_restore(daemon);
    start_timers(daemon);
    daemon->runner = runner_open(&daemon->loop, daemon->compiled, daemon_probe_seen, daemon_found, daemon_wanted, daemon);
    if (daemon_logs_open(daemon) < 0)
        return EX_CONFIG;
    degraded_at_start(daemon);
    open_outside(daemon);
    check_journal(daemon);
    runner_start(daemon->runner);
    publish_now(daemon);
    tell_agent(daemon, "started", daemon->observe_only ? "the agent was started, observing only" : "the agent was started");
    tell_ready();
    return 0;
}

/* ---- stop ---- */

static void patience_ended(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* What was closed goes by itself: programs are reaped, threads answer. Whatever does not in time ends with the process. */
static void let_go(uv_loop_t *loop)
{
    uv_timer_t patience;
    uv_timer_init(loop, &patience);
    uv_timer_start(&patience, patience_ended, STOP_PATIENCE_MS, 0);
    uv_unref((uv_handle_t *)&patience);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    uv_loop_close(loop);
}

static void stop(struct daemon *daemon)
{
    if (daemon->actuator)
        actuator_close(daemon->actuator);
    runner_close(daemon->runner);
    daemon_logs_close(daemon);
    daemon_keep_logs(daemon);
    tell_agent(daemon, "stopped", "the agent was stopped");
    if (daemon->snmp)
        snmp_children_close(daemon->snmp);
    control_close(daemon->control);
    loop_watch_close(daemon->watch);
    journal_close(daemon->journal);
    uv_handle_t *const own[] = {(uv_handle_t *)&daemon->tick_timer,   (uv_handle_t *)&daemon->wake_timer,
                                (uv_handle_t *)&daemon->second_timer, (uv_handle_t *)&daemon->terminate,
                                (uv_handle_t *)&daemon->interrupt,    (uv_handle_t *)&daemon->hangup};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        uv_close(own[i], NULL);
    let_go(&daemon->loop);
    if (daemon->snapshot >= 0)
        close(daemon->snapshot);
    publisher_close(&daemon->publisher);
    index_close(daemon->publisher.indices);
    daemon_findings_close(daemon);
    daemon_estates_close(daemon);
    free(daemon->decider_memory);
    free(daemon->notes);
    for (uint16_t i = 0; i < daemon->policy->server_count; i++)
        free(daemon->logs[i]);
    free(daemon->logs);
    config_compiled_close(daemon->compiled);
    config_close(daemon->config);
}

static const char *own_program(char *buffer, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", buffer, size - 1);
    if (length <= 0)
        return NULL;
    buffer[length] = '\0';
    return buffer;
}

static void harden(void)
{
    struct rlimit files;
    secret_guard();
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* ten thousand probes hold ten thousand sockets */
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    umask(027);
    signal(SIGPIPE, SIG_IGN);
}

static void usage(FILE *out)
{
    fputs("usage: solowarden run [--config FILE] [--observe-only]\n\n"
          "  --config FILE    the configuration (default /etc/solowarden/solowarden.yaml)\n"
          "  --observe-only   watch and tell; the process that may act is not even started\n",
          out);
}

int cli_run(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"observe-only", no_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {0}};
    static struct daemon daemon;
    static char program[512];
    daemon.config_path = "/etc/solowarden/solowarden.yaml";
    daemon.snapshot = -1;
    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        if (option == 'c')
            daemon.config_path = optarg;
        else if (option == 'o')
            daemon.observe_only = true;
        else
            return usage(option == 'h' ? stdout : stderr), option == 'h' ? 0 : EX_USAGE;
    }
    if (optind != argc)
        return usage(stderr), EX_USAGE;
    harden();
    struct diagnostics diagnostics = {.out = stderr, .limit = 100};
    daemon.config = config_read(daemon.config_path, &diagnostics);
    if (!daemon.config)
        return EX_CONFIG;
    daemon.compiled = config_compile(daemon.config);
    daemon.compiled->policy.observe_only = daemon.observe_only;
    daemon.policy = &daemon.compiled->policy;
    daemon.program = own_program(program, sizeof program);
    uv_loop_init(&daemon.loop);
    int status = start(&daemon);
    if (status)
        return status;
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    stop(&daemon);
    return 0;
}
