/* Probe `service`: Win32_Service of the asked machine: the BizTalk hosts that it runs, Enterprise SSO, Message Queuing, MSDTC, the cluster
 * service, and what is configured beside them. First-hand: a node about itself. Must not know which service matters to whom. */
#include <stdio.h>
#include <string.h>

#include "conversation.h"
#include "wmi.h"

enum { NAMES_MAX = 16, NAME_MAX_SIZE = 80, WQL_MAX = 2048 };

static const char *const states[] = {"Stopped",          "Start Pending", "Stop Pending", "Running",
                                     "Continue Pending", "Pause Pending", "Paused",       NULL};
static const char *const start_modes[] = {"Boot", "System", "Auto", "Manual", "Disabled", NULL};

static const struct wmi_property properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_service, name), NULL},
    {"State", WMI_WORD, WMI_FIELD(found_service, state), states},
    {"StartMode", WMI_WORD, WMI_FIELD(found_service, start_mode), start_modes},
    {"ProcessId", WMI_INTEGER, WMI_FIELD(found_service, process), NULL},
    {0},
};

/* Becomes part of a WQL text: nothing that could end the literal there, and no other control over it. */
static bool name_good(const char *name)
{
    size_t size = strnlen(name, NAME_MAX_SIZE + 1);
    if (size == 0 || size > NAME_MAX_SIZE || strpbrk(name, "'\"\\"))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return true;
}

/* False: a configured name cannot be asked for. */
static bool write_wql(const struct texts *names, char wql[static WQL_MAX])
{
    static const char always[] =
        "SELECT Name, State, StartMode, ProcessId FROM Win32_Service WHERE Name LIKE 'BTSSvc$%' OR Name = 'ENTSSO' "
        "OR Name LIKE 'MSMQ%' OR Name = 'MSDTC' OR Name = 'ClusSvc'";
    size_t used = sizeof always - 1;
    memcpy(wql, always, sizeof always);
    if (names->count > NAMES_MAX)
        return false;
    for (size_t i = 0; i < names->count; i++) {
        if (!name_good(names->items[i]))
            return false;
        used += (size_t)snprintf(wql + used, WQL_MAX - used, " OR Name = '%s'", names->items[i]);
    }
    return true;
}
_Static_assert(512 + NAMES_MAX * (NAME_MAX_SIZE + 16) <= WQL_MAX, "all names fit");

/* MSDTC is on every Windows. What the account may not query is left out without a word, so an empty list says nothing about hosts. */
static void end(struct wmi_talk *talk)
{
    if (talk->items == 0)
        talk->reason = REASON_NOTHING_CAME;
}

static enum step refuse(struct seen *seen)
{
    static const char text[] = "`names`: too many, or one is empty, too long or holds quotes";
    memset(seen, 0, sizeof *seen);
    seen_item(seen, ASPECT_ENDPOINT, UNKNOWN, REASON_NOT_SENDABLE, 0);
    text_for_people(seen->text, sizeof seen->text, text, sizeof text - 1, NULL);
    return STEP_DONE;
}

static enum step service_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in,
                              struct request *out, struct seen *seen)
{
    char wql[WQL_MAX];
    if (!write_wql(&((const struct service_conf *)conf)->names, wql))
        return refuse(seen);
    const struct wmi_query query = {.wmi_namespace = WSMAN_CIMV2, .wql = wql, .kind = FOUND_SERVICE, .properties = properties, .end = end};
    return wmi_step(state, &query, 1, context, in, out, seen);
}

static const struct field fields[] = {{"names", FIELD_TEXTS, FIELD(struct service_conf, names), 0, 0, NAMES_MAX, NULL, NULL,
                                       "Services to read beside BTSSvc$*, ENTSSO, MSMQ*, MSDTC and ClusSvc: short names, at most 16."},
                                      {0}};

const struct probe_type probe_service = {
    .name = "service",
    .help = "Services of one Windows machine, over WinRM.",
    .fields = fields,
    .conf_size = sizeof(struct service_conf),
    .state_size = sizeof(struct wmi_talk),
    .estate = true,
    .step = service_step,
};
