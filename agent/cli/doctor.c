/* solowarden doctor: looks for the usual faults of a set-up, as the user who runs it, and says the cure of each.
 * Changes nothing. */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"

#define DEFAULT_CONFIG "/etc/solowarden/solowarden.yaml"

enum { LOG_SAMPLE = 64 * 1024, LOG_LINES = 200, STATE_SPACE_MB = 64 };

static void line(const struct visit *visit, const char *mark, const char *color, const char *what, const char *format, va_list arguments)
{
    if (visit->color)
        printf("\033[%sm%s\033[0m %-14s ", color, mark, what);
    else
        printf("%s %-14s ", mark, what);
    vprintf(format, arguments);
}

void doctor_fine(struct visit *visit, const char *what, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line(visit, "✓", "32", what, format, arguments);
    va_end(arguments);
    putchar('\n');
}

void doctor_fault(struct visit *visit, const char *what, const char *cure, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line(visit, "✗", "31", what, format, arguments);
    va_end(arguments);
    printf(*cure ? " → %s\n" : "%s\n", cure);
    visit->faults++;
}

void doctor_advice(struct visit *visit, const char *what, const char *cure, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line(visit, "!", "33", what, format, arguments);
    va_end(arguments);
    printf(*cure ? " → %s\n" : "%s\n", cure);
}

static void check_daemon(struct visit *visit)
{
    char path[512];
    const struct conf_agent *agent = &visit->config->agent;
    snprintf(path, sizeof path, "%s%s", agent->control_socket ? agent->control_socket : agent->state_dir,
             agent->control_socket ? "" : "/control.sock");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        doctor_fault(visit, "daemon", "shorten `control_socket`", "%s: longer than a socket's name may be", path);
        return;
    }
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    visit->daemon = connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
    int error = errno;
    close(descriptor);
    if (visit->daemon)
        doctor_fine(visit, "daemon", "answers on %s", path);
    else if (error == EACCES)
        doctor_fault(visit, "daemon", "join the group that `control_group` names, or run this as the agent's user", "%s: not for this user",
                     path);
    else
        doctor_advice(visit, "daemon", "solowarden run", "does not run (%s: %s)", path, strerror(error));
}

static void check_state(struct visit *visit)
{
    const char *path = visit->config->agent.state_dir;
    struct stat status;
    struct statvfs space;
    if (stat(path, &status) != 0)
        doctor_fault(visit, "state folder", "create it, owned by the agent's user, mode 0750", "%s: %s", path, strerror(errno));
    else if (!S_ISDIR(status.st_mode))
        doctor_fault(visit, "state folder", "correct `state_dir`", "%s is not a folder", path);
    else if (access(path, R_OK | W_OK | X_OK) != 0)
        doctor_fault(visit, "state folder", "give it to the agent's user", "%s: not writable for this user", path);
    else if (statvfs(path, &space) == 0 && space.f_bavail * space.f_frsize < STATE_SPACE_MB * 1024UL * 1024UL)
        doctor_fault(visit, "state folder", "free some space: without its journal the agent does not act", "%s: %lu MiB left", path,
                     space.f_bavail * space.f_frsize / (1024UL * 1024UL));
    else
        doctor_fine(visit, "state folder", "%s is writable", path);
}

static void check_secret(struct visit *visit, const char *owner, const char *path)
{
    if (!path)
        return;
    char secret[256], error[256];
    if (secret_read(path, secret, sizeof secret, error, sizeof error) < 0)
        doctor_fault(visit, "secret", "a file of the agent's user, mode 0400, with the secret on its first line", "%s: %s", owner, error);
    else
        doctor_fine(visit, "secret", "%s: %s is readable for this user and not for the world", owner, path);
    secret_wipe(secret, sizeof secret);
}

static void check_secrets(struct visit *visit)
{
    const struct config *config = visit->config;
    const struct conf_credential *credentials = config->credentials.entries;
    for (size_t i = 0; i < config->credentials.count; i++) {
        check_secret(visit, credentials[i].entry.name, credentials[i].password_file);
        if (credentials[i].keytab_file)
            doctor_keytab(visit, credentials[i].entry.name, credentials[i].user, credentials[i].keytab_file);
    }
    if (!config->snmp)
        return;
    const struct conf_snmp_user *users = config->snmp->users.entries;
    for (size_t i = 0; i < config->snmp->users.count; i++) {
        check_secret(visit, users[i].entry.name, users[i].auth_file);
        check_secret(visit, users[i].entry.name, users[i].priv_file);
    }
    const struct conf_receiver *receivers = config->snmp->receivers.entries;
    for (size_t i = 0; i < config->snmp->receivers.count; i++)
        check_secret(visit, receivers[i].entry.name, receivers[i].community_file);
    check_secret(visit, "snmp", config->snmp->community_file);
}

static void *allocate(size_t size, void *context)
{
    (void)context;
    return malloc(size);
}

static void release(void *block, void *context)
{
    (void)context;
    free(block);
}

struct sample {
    unsigned lines, understood;
    const struct format *looks_like;
};

/* The beginning of a log, read as the configured format would. */
static int sample_log(const struct log_conf *log, struct sample *sample)
{
    static char text[LOG_SAMPLE];
    int descriptor = open(log->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return -1;
    ssize_t size = read(descriptor, text, sizeof text);
    int error = errno;
    close(descriptor);
    if (size < 0) {
        errno = error;
        return -1;
    }
    struct text lines[LOG_LINES];
    size_t count = 0;
    for (char *from = text, *end; count < LOG_LINES && (end = memchr(from, '\n', (size_t)(text + size - from))); from = end + 1)
        lines[count++] = (struct text){from, (size_t)(end - from)};

    const struct bounded_memory memory = {allocate, release, NULL};
    char trouble[160];
    struct custom_format *custom = log->patterns.stamp ? custom_format_open(&log->patterns, &memory, trouble, sizeof trouble) : NULL;
    struct format_state state = {.zone_seconds = log->zone_seconds, .zone_set = true};
    *sample = (struct sample){.lines = (unsigned)count};
    for (size_t i = 0; i < count; i++) {
        struct sighting sighting = {0};
        sample->understood += log->format->parse(custom, &state, lines[i].data, lines[i].size, &sighting) != PARSED_ALIEN;
    }
    if (custom)
        custom_format_close(custom);
    sample->looks_like = format_recognise(lines, count);
    return 0;
}

static void check_log(struct visit *visit, const char *server, const struct log_conf *log)
{
    struct sample sample;
    const char *format = log->format->name;
    if (sample_log(log, &sample) != 0)
        doctor_fault(visit, "log", errno == EACCES ? "give the agent's user read access (group adm, or an ACL)" : "correct `log.file`",
                     "%s: %s: %s", server, log->file, strerror(errno));
    else if (sample.lines == 0)
        doctor_advice(visit, "log", "normal right after a rotation", "%s: %s is empty", server, log->file);
    else if (sample.understood * 2 >= sample.lines)
        doctor_fine(visit, "log", "%s: %s is readable and of format %s", server, log->file, format);
    else if (sample.looks_like && sample.looks_like != log->format)
        doctor_fault(visit, "log", "correct `log.format`", "%s: %s looks like %s, not like %s", server, log->file, sample.looks_like->name,
                     format);
    else
        doctor_fault(visit, "log", "try solowarden scan on it", "%s: %s: %u of %u lines are not of format %s", server, log->file,
                     sample.lines - sample.understood, sample.lines, format);
}

static void check_logs(struct visit *visit)
{
    const struct conf_server *servers = visit->config->servers.entries;
    for (uint16_t i = 0; i < visit->compiled->policy.server_count; i++)
        if (visit->compiled->logs[i].file)
            check_log(visit, servers[i].entry.name, &visit->compiled->logs[i]);
}

static void check_program(struct visit *visit, const char *owner, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        doctor_fault(visit, "program", "correct the path, or install it", "%s: %s: %s", owner, path, strerror(errno));
    else if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
        doctor_fault(visit, "program", "chmod 0755, and readable folders above it", "%s: %s: this user may not run it", owner, path);
    else if (status.st_mode & S_IWOTH)
        doctor_fault(visit, "program", "chmod o-w", "%s: %s: everybody may change it", owner, path);
    else
        doctor_fine(visit, "program", "%s: %s", owner, path);
}

static void check_programs(struct visit *visit)
{
    const struct compiled *compiled = visit->compiled;
    for (uint16_t i = 0; i < compiled->policy.group_count; i++) {
        const char *name = compiled->policy.groups[i].name;
        if (compiled->groups[i].move)
            check_program(visit, name, compiled->groups[i].move[0]);
        if (compiled->groups[i].stop)
            check_program(visit, name, compiled->groups[i].stop[0]);
    }
    const char *last = "";
    for (uint16_t i = 0; i < compiled->policy.source_count; i++) {
        if (compiled->sources[i].type != &probe_exec)
            continue;
        const struct exec_conf *conf = compiled->sources[i].conf;
        if (conf->command.count > 0 && strcmp(conf->command.items[0], last) != 0) /* one instance per node: say it once */
            check_program(visit, compiled->policy.sources[i].name, last = conf->command.items[0]);
    }
}

static void check_clock(struct visit *visit)
{
    struct timex clock = {0};
    int state = adjtimex(&clock);
    if (state < 0)
        doctor_advice(visit, "clock", "", "its state may not be read here (%s)", strerror(errno));
    else if (state == TIME_ERROR || (clock.status & STA_UNSYNC))
        doctor_advice(visit, "clock", "run a time service (chrony): logs of other machines are compared with it", "not synchronised");
    else
        doctor_fine(visit, "clock", "synchronised, within %ld ms", clock.maxerror / 1000);
}

static void usage(FILE *out)
{
    fputs("usage: solowarden doctor [--config FILE]\n\n"
          "Looks for the usual faults of a set-up and says the cure of each. Run it as the agent's user.\n"
          "Logs in to each node of a Windows cluster once, and says which right is missing.\n"
          "✓ fine   ! advice   ✗ fault: exit 1\n",
          out);
}

static void look(struct visit *visit)
{
    check_state(visit);
    check_daemon(visit);
    check_secrets(visit);
    check_logs(visit);
    check_programs(visit);
    doctor_windows(visit);
    if (visit->config->snmp)
        doctor_snmp(visit);
    else
        doctor_advice(visit, "snmp", "add `snmp: {listen: udp:127.0.0.1:1161}`", "not configured: nobody hears of alarms");
    check_clock(visit);
}

int cli_doctor(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *path = DEFAULT_CONFIG;
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        if (option == 'h') {
            usage(stdout);
            return 0;
        }
        if (option != 'c') {
            usage(stderr);
            return EX_USAGE;
        }
        path = optarg;
    }

    struct visit visit = {.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")};
    const struct passwd *user = getpwuid(geteuid());
    printf("as user %s:\n", user ? user->pw_name : "?");
    struct diagnostics diagnostics = {.out = stdout, .limit = 100, .color = visit.color};
    struct config *config = config_read(path, &diagnostics);
    if (!config) {
        doctor_fault(&visit, "configuration", "correct it first; the rest depends on it", "%s: %u errors, above", path, diagnostics.errors);
        return 1;
    }
    doctor_fine(&visit, "configuration", "%s is valid", path);
    struct compiled *compiled = config_compile(config);
    visit.config = config;
    visit.compiled = compiled;
    look(&visit);
    config_compiled_close(compiled);
    config_close(config);
    return visit.faults > 0;
}
