/* See windows_names.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "windows_names.h"

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

/* ---- services ---- */

bool service_matters(const char *name)
{
    return begins(name, "BTSSvc$") || begins(name, "MSMQ") || !strcasecmp(name, "ENTSSO") || !strcasecmp(name, "MSDTC") ||
           !strcasecmp(name, "ClusSvc");
}

bool service_short_name(const char *told, size_t size, char name[FOUND_NAME])
{
    static const char biztalk[] = "BizTalk Service ", before_host[] = " : ";
    static const struct {
        const char *display, *name;
    } known[] = {{"Enterprise Single Sign-On Service", "ENTSSO"},
                 {"Message Queuing", "MSMQ"},
                 {"Distributed Transaction Coordinator", "MSDTC"},
                 {"Cluster Service", "ClusSvc"}};
    if (size == 0 || size >= FOUND_NAME || memchr(told, '\0', size))
        return false;
    memset(name, 0, FOUND_NAME);
    memcpy(name, told, size);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcasecmp(name, known[i].display))
            snprintf(name, FOUND_NAME, "%s", known[i].name);
    if (!begins(name, biztalk))
        return true;
    const char *host = NULL; /* behind the last mark: a group's name may hold one */
    for (const char *at = strstr(name, before_host); at; at = strstr(at + 1, before_host))
        host = at + sizeof before_host - 1;
    char plain[FOUND_NAME];
    if (!host || !*host)
        return true;
    memcpy(plain, host, strlen(host) + 1);
    memset(name, 0, FOUND_NAME);
    return snprintf(name, FOUND_NAME, "BTSSvc$%s", plain) < FOUND_NAME;
}

/* ---- queues ---- */

/* `name` stands up to the first separator; a node's full name stands for its short one as well. */
static bool machine_is(const char *name, const char *machine)
{
    size_t size = strcspn(name, "\\/"), plain = machine ? strcspn(machine, ".") : 0;
    if (!machine || size == 0)
        return false;
    return (size == strlen(machine) || size == plain) && strncasecmp(name, machine, size) == 0;
}

static bool own_machine(const char *name, const struct probe_context *context, const struct texts *machines)
{
    if (begins(name, ".\\") || machine_is(name, context->node) || machine_is(name, context->host) || machine_is(name, context->address))
        return true;
    for (size_t i = 0; i < machines->count; i++)
        if (machine_is(name, machines->items[i]))
            return true;
    return false;
}

/* A name without a machine ("PUBLIC=guid") tells no place: counters show a machine's own queues. */
uint8_t queue_class_of(const char *name, const struct probe_context *context, const struct texts *machines)
{
    static const char direct[] = "DIRECT=";
    if (strcasecmp(name, "Computer Queues") == 0)
        return QUEUE_COMPUTER;
    if (begins(name, direct)) {
        const char *colon = strchr(name, ':');
        const char *machine = colon ? colon + 1 : name + sizeof direct - 1;
        machine += strspn(machine, "/");
        return own_machine(machine, context, machines) ? QUEUE_LOCAL : QUEUE_OUTGOING;
    }
    return strchr(name, '\\') && !own_machine(name, context, machines) ? QUEUE_OUTGOING : QUEUE_LOCAL;
}
