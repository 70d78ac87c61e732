/* Looks whether names resolve, files can be read and programs run: as this user, now. Must not connect to anything or write. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

struct deep {
    unsigned lacking;
};

static void lack(struct deep *deep, const char *what, const char *path, const char *why)
{
    printf("not as needed: %s %s: %s\n", what, path, why);
    deep->lacking++;
}

static void check_name(struct deep *deep, const char *what, const char *host)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = host && *host ? getaddrinfo(host, NULL, &hints, &found) : 0;
    if (error)
        lack(deep, what, host, gai_strerror(error));
    if (found)
        freeaddrinfo(found);
}

static void check_program(struct deep *deep, const char *what, const char *path)
{
    struct stat status;
    if (access(path, X_OK) != 0)
        lack(deep, what, path, strerror(errno));
    else if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        lack(deep, what, path, "is not a file");
}

static void check_secret(struct deep *deep, const char *what, const char *path)
{
    char secret[256], error[512];
    if (!path)
        return;
    int size = secret_read(path, secret, sizeof(secret), error, sizeof(error));
    secret_wipe(secret, sizeof(secret));
    if (size < 0) {
        printf("not as needed: secret of %s: %s\n", what, error);
        deep->lacking++;
    }
}

static void check_keytab(struct deep *deep, const char *what, const char *path)
{
    char error[512];
    if (path && !secret_private(path, error, sizeof(error))) {
        printf("not as needed: keytab of %s: %s\n", what, error);
        deep->lacking++;
    }
}

static void check_passphrase(struct deep *deep, const char *what, const char *path)
{
    char secret[256], error[512];
    if (!path)
        return;
    int size = secret_read(path, secret, sizeof(secret), error, sizeof(error));
    secret_wipe(secret, sizeof(secret));
    if (size >= 0 && size < 8)
        lack(deep, "passphrase of SNMP user", what, "shorter than 8 characters, which SNMPv3 refuses");
    else if (size < 0)
        lack(deep, "passphrase of SNMP user", what, error);
}

static void check_log_file(struct deep *deep, const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (descriptor < 0)
        lack(deep, "log", path,
             errno == EACCES ? "may not be read; give the agent's user read access (group adm, or an ACL)" : strerror(errno));
    else if (fstat(descriptor, &status) == 0 && !S_ISREG(status.st_mode))
        lack(deep, "log", path, "is not a regular file");
    if (descriptor >= 0)
        close(descriptor);
}

static void check_state(struct deep *deep, const struct conf_agent *agent)
{
    struct stat status;
    if (stat(agent->state_dir, &status) != 0)
        lack(deep, "state_dir", agent->state_dir, strerror(errno));
    else if (!S_ISDIR(status.st_mode))
        lack(deep, "state_dir", agent->state_dir, "is not a folder");
    else if (access(agent->state_dir, W_OK | X_OK) != 0)
        lack(deep, "state_dir", agent->state_dir, strerror(errno));
}

/* "udp:127.0.0.1:1161", "udp6:[::1]:1161" */
static void check_listen(struct deep *deep, const char *transport)
{
    char host[256];
    const char *begin = strchr(transport, ':') + 1, *colon = strrchr(transport, ':');
    if (strncmp(transport, "unix", 4) == 0)
        return;
    bool bare = colon < begin;
    snprintf(host, sizeof(host), "%.*s", bare ? 0 : (int)(colon - begin), begin);
    char *address = host;
    size_t size = strlen(host);
    if (size > 1 && host[0] == '[' && host[size - 1] == ']') {
        host[size - 1] = '\0';
        address++;
    }
    bool stream = strncmp(transport, "tcp", 3) == 0;
    const struct addrinfo hints = {.ai_socktype = stream ? SOCK_STREAM : SOCK_DGRAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(*address ? address : NULL, bare ? begin : colon + 1, &hints, &found);
    if (error) {
        lack(deep, "snmp.listen", transport, gai_strerror(error));
        return;
    }
    int descriptor = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
    if (descriptor < 0 || bind(descriptor, found->ai_addr, found->ai_addrlen) != 0)
        lack(deep, "snmp.listen", transport,
             errno == EADDRINUSE ? "is in use; does solowarden or snmpd already run here?"
             : errno == EACCES   ? "may not be bound by this user; ports below 1024 need CAP_NET_BIND_SERVICE"
                                 : strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
    freeaddrinfo(found);
}

static void check_snmp(struct deep *deep, const struct conf_snmp *snmp)
{
    if (snmp->listen)
        check_listen(deep, snmp->listen);
    if (snmp->agentx && snmp->agentx[0] == '/' && access(snmp->agentx, R_OK | W_OK) != 0)
        lack(deep, "snmp.agentx", snmp->agentx,
             errno == ENOENT ? "does not exist; does snmpd run, with `master agentx` in its configuration?" : strerror(errno));
    check_secret(deep, "snmp", snmp->community_file);
    for (size_t i = 0; i < snmp->users.count; i++) {
        const struct conf_snmp_user *user = (const struct conf_snmp_user *)snmp->users.entries + i;
        check_passphrase(deep, user->entry.name, user->auth_file);
        check_passphrase(deep, user->entry.name, user->priv_file);
    }
    for (size_t i = 0; i < snmp->receivers.count; i++) {
        const struct conf_receiver *receiver = (const struct conf_receiver *)snmp->receivers.entries + i;
        check_secret(deep, receiver->entry.name, receiver->community_file);
    }
}

static void check_sources(struct deep *deep, const struct compiled *compiled)
{
    for (size_t i = 0; i < compiled->policy.source_count; i++) {
        const struct source_conf *source = &compiled->sources[i];
        if (source->type == &probe_exec)
            check_program(deep, "program", ((const struct exec_conf *)source->conf)->command.items[0]);
        else
            check_name(deep, "address", source->host);
    }
}

unsigned check_deep(const struct config *config, const struct compiled *compiled)
{
    struct deep deep = {0};
    const struct policy *policy = &compiled->policy;
    check_state(&deep, &config->agent);
    if (config->snmp)
        check_snmp(&deep, config->snmp);
    for (size_t i = 0; i < config->credentials.count; i++) {
        const struct conf_credential *credential = (const struct conf_credential *)config->credentials.entries + i;
        check_secret(&deep, credential->entry.name, credential->password_file);
        check_keytab(&deep, credential->entry.name, credential->keytab_file);
    }
    check_sources(&deep, compiled);
    for (size_t i = 0; i < policy->server_count; i++)
        if (compiled->logs[i].file)
            check_log_file(&deep, compiled->logs[i].file);
    for (size_t i = 0; i < policy->group_count; i++) {
        if (compiled->groups[i].move)
            check_program(&deep, "move program", compiled->groups[i].move[0]);
        if (compiled->groups[i].stop)
            check_program(&deep, "stop program", compiled->groups[i].stop[0]);
    }
    return deep.lacking;
}
