/* `check`: what the configuration says, and what it will not be able to do. Must not decide anything: the daemon reads the same file
 * through the same code. */
#include "check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/config/values.h"
#include "agent/core/facts.h"
#include "cli.h"

static unsigned warnings;

static void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("warning: ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    warnings++;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_summary(const char *path, const struct policy *policy)
{
    size_t logs = 0;
    for (size_t i = 0; i < policy->server_count; i++)
        logs += policy->servers[i].has_log;
    printf("%s: %d cluster%s, %d node%s, %d group%s, %d server%s, %zu log%s, %d probe%s, %d handler%s\n", path, policy->cluster_count,
           plural(policy->cluster_count), policy->node_count, plural(policy->node_count), policy->group_count, plural(policy->group_count),
           policy->server_count, plural(policy->server_count), logs, plural(logs), policy->source_count, plural(policy->source_count),
           policy->handler_count, plural(policy->handler_count));
}

static bool has_control(const struct policy *policy, size_t group)
{
    for (size_t i = 0; i < policy->source_count; i++)
        if (policy->sources[i].control && policy->sources[i].target == subject_of(SUBJECT_GROUP, group))
            return true;
    return false;
}

/* Never shorter than this, whatever `confirm` says. */
static msec_t confirm_floor(const struct policy *policy, size_t position)
{
    const struct policy_group *group = &policy->groups[position];
    msec_t floor = policy_confirm_floor(policy, (uint16_t)position);
    for (size_t i = 0; group->triggers & TRIGGER_IDLE && i < group->handler_count; i++) {
        msec_t silence = 3 * policy->handlers[policy->group_handlers[group->first_handler + i]].poll;
        floor = silence > floor ? silence : floor;
    }
    return floor;
}

static void warn_group(const struct policy *policy, size_t position)
{
    const struct policy_group *group = &policy->groups[position];
    const char *cluster = policy->clusters[group->cluster].name;
    char confirm[DURATION_TEXT_BYTES], floor[DURATION_TEXT_BYTES];
    bool is_static = policy->clusters[group->cluster].type == CLUSTER_STATIC;
    bool control = !is_static || has_control(policy, position), acts = group->mode >= MODE_CONFIRM;
    if (!control)
        warn("group %s/%s has no control probe: who is active is known from the servers' logs alone", cluster, group->name);
    if (group->triggers & TRIGGER_NONE && !control)
        warn("group %s/%s: `on: [none]` cannot fire without a control probe", cluster, group->name);
    if (group->triggers & TRIGGER_IDLE && !group->handler_count)
        warn("group %s/%s: `on: [idle]` cannot fire, no handler names this group", cluster, group->name);
    if (acts && !group->can_move)
        warn("group %s/%s may act, but has no `move` program: it will only write plans", cluster, group->name);
    else if (acts && is_static && !group->fenced)
        warn("group %s/%s is not `fenced: true`: its plans wait for ever at that gate", cluster, group->name);
    if (group->mode == MODE_AUTO && group->triggers == TRIGGER_IDLE)
        warn("group %s/%s: silence alone never moves a group in `mode: auto`; with `on: [idle]` only, nothing will", cluster, group->name);
    msec_t least = confirm_floor(policy, position);
    if (group->confirm && group->confirm < least)
        warn("group %s/%s: `confirm: %s` is shorter than %s, the least that proves anything here; %s is used", cluster, group->name,
             duration_text(group->confirm, confirm), duration_text(least, floor), floor);
}

static void warn_handler(const struct policy *policy, size_t position)
{
    const struct policy_handler *handler = &policy->handlers[position];
    const struct policy_server *server = &policy->servers[handler->server];
    if (!server->has_log)
        warn("handler %s: server %s has no `log`, so nobody sees who polls", handler->name, server->name);
    else if (!server->log_has_logins)
        warn("handler %s: the log of %s shows no logins; it can prove activity, never silence", handler->name, server->name);
    else if (!server->has_canary)
        warn("handler %s: no probe logs in to %s, so the log's silence cannot be proven; give its `probe` a `credential`", handler->name,
             server->name);
}

static void warn_snmp(const struct config *config)
{
    const struct conf_snmp *snmp = config->snmp;
    if (!snmp) {
        warn("no `snmp`: alarms are seen by the command line and the agent's log only");
        return;
    }
    if (snmp->listen && !snmp->users.count && !snmp->community_file)
        warn("`snmp` has no users: nobody can read over SNMP");
    if (!snmp->receivers.count)
        warn("`snmp` has no `notify`: nobody is told of alarms");
    for (size_t i = 0; i < snmp->users.count; i++) {
        const struct conf_snmp_user *user = (const struct conf_snmp_user *)snmp->users.entries + i;
        if (user->level < 2)
            warn("SNMP user %s works without encryption", user->entry.name);
    }
}

static void warn_credentials(const struct config *config, const struct compiled *compiled)
{
    for (size_t i = 0; i < config->credentials.count; i++) {
        const char *name = ((const struct conf_credential *)config->credentials.entries + i)->entry.name;
        bool used = false;
        for (size_t j = 0; j < compiled->policy.source_count; j++)
            used = used || (compiled->sources[j].credential && strcmp(compiled->sources[j].credential, name) == 0);
        for (size_t j = 0; j < config->clusters.count; j++) {
            const struct conf_cluster *cluster = (const struct conf_cluster *)config->clusters.entries + j;
            used = used || (cluster->windows.act && strcmp(cluster->windows.act, name) == 0);
        }
        if (!used)
            warn("credential %s is used by no probe", name);
    }
    for (size_t i = 0; i < compiled->policy.source_count; i++) {
        const struct source_conf *source = &compiled->sources[i];
        int64_t tls = source->type == &probe_ftp    ? ((const struct ftp_conf *)source->conf)->tls
                      : source->type == &probe_pop3 ? ((const struct pop3_conf *)source->conf)->tls
                                                    : PROBE_TLS_IMPLICIT;
        if (source->credential && tls == PROBE_TLS_OFF)
            warn("probe %s sends its password in plain text (`tls: off`)", compiled->policy.sources[i].name);
    }
}

static void warn_all(const struct config *config, const struct compiled *compiled)
{
    for (size_t i = 0; i < compiled->policy.group_count; i++)
        warn_group(&compiled->policy, i);
    for (size_t i = 0; i < compiled->policy.handler_count; i++)
        warn_handler(&compiled->policy, i);
    warn_snmp(config);
    warn_credentials(config, compiled);
}

static int check_file(const char *path, bool deep)
{
    struct diagnostics diagnostics = {.out = stderr, .color = isatty(STDERR_FILENO) && !getenv("NO_COLOR")};
    struct config *config = config_read(path, &diagnostics);
    if (!config) {
        fprintf(stderr, "%u error%s\n", diagnostics.errors, plural(diagnostics.errors));
        return EX_CONFIG;
    }
    struct compiled *compiled = config_compile(config);
    warnings = 0;
    print_summary(path, &compiled->policy);
    warn_all(config, compiled);
    unsigned lacking = deep ? check_deep(config, compiled) : 0;
    if (lacking)
        printf("%u thing%s not as needed\n", lacking, lacking == 1 ? " is" : "s are");
    else if (warnings)
        printf("ok, with %u warning%s\n", warnings, plural(warnings));
    else
        puts("ok");
    config_compiled_close(compiled);
    config_close(config);
    return lacking ? EX_UNAVAILABLE : EX_OK;
}

static void usage(FILE *out)
{
    fputs("usage: solowarden check [--config FILE] [--deep]\n\n"
          "Reads the configuration and its conf.d/*.yaml as the daemon would, and says what it understood.\n\n"
          "  --config FILE  default: /etc/solowarden/solowarden.yaml\n"
          "  --deep         also resolve names, bind the SNMP address, read secret files and logs, look for programs\n\n"
          "Exit status: 0 good; 78 errors in the configuration; 69 good, but --deep found something missing.\n",
          out);
}

int cli_check(int argc, char **argv)
{
    const char *path = "/etc/solowarden/solowarden.yaml";
    bool deep = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            path = argv[++i];
        } else if (strncmp(argv[i], "--config=", 9) == 0) {
            path = argv[i] + 9;
        } else if (strcmp(argv[i], "--deep") == 0) {
            deep = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return EX_OK;
        } else {
            fprintf(stderr, "solowarden check: `%s` is not understood\n\n", argv[i]);
            usage(stderr);
            return EX_USAGE;
        }
    }
    return check_file(path, deep);
}
