/* root/cimv2: the services, counters and system of the asked machine itself. */
#include <stdlib.h>
#include <string.h>

#include "answers.h"

#define PROPERTIES(list) list, sizeof(list) / sizeof(list[0])

/* ---- Win32_Service ---- */

static void host_service(struct lab_cluster *cluster, struct instance *instance, struct listed_service *out)
{
    const struct host *host = &cluster->hosts[instance->host];
    snprintf(out->name, sizeof out->name, "BTSSvc$%s", host->as->entry.name);
    snprintf(out->display, sizeof out->display, "BizTalk Service BizTalk Group : %s", host->as->entry.name);
    out->service = &instance->service;
    out->instance = instance;
    out->resource = host->resource == NOWHERE ? NULL : &cluster->resources[host->resource];
    out->disabled = instance->disabled;
    out->manual = host->resource != NOWHERE;
}

static struct resource *clustered_msmq(struct lab_cluster *cluster, size_t node, size_t position)
{
    for (size_t i = 0; i < cluster->resource_count; i++) {
        struct resource *resource = &cluster->resources[i];
        if (resource->as->kind == KIND_MSMQ && cluster->groups[resource->group].owner == (int)node && position-- == 0)
            return resource;
    }
    return NULL;
}

enum { OWN_SERVICES = 4 };

/* ENTSSO, MSMQ, MSDTC, ClusSvc, then host instances installed here, then clustered MSMQ that this node owns. */
bool service_listed(const struct lab_cluster *constant, size_t node, size_t position, struct listed_service *out)
{
    static const char *const names[][2] = {{"ENTSSO", "Enterprise Single Sign-On Service"},
                                           {"MSMQ", "Message Queuing"},
                                           {"MSDTC", "Distributed Transaction Coordinator"},
                                           {"ClusSvc", "Cluster Service"}};
    struct lab_cluster *cluster = (struct lab_cluster *)(uintptr_t)constant;
    const struct lab_node *machine = &cluster->nodes[node];
    const struct service *own[] = {&machine->sso, &machine->msmq, &machine->msdtc, &machine->cluster_service};
    *out = (struct listed_service){0};
    if (position < OWN_SERVICES) {
        snprintf(out->name, sizeof out->name, "%s", names[position][0]);
        snprintf(out->display, sizeof out->display, "%s", names[position][1]);
        out->service = own[position];
        out->resource = position == 0 && cluster->sso_resource != NOWHERE ? &cluster->resources[cluster->sso_resource] : NULL;
        out->manual = out->resource != NULL;
        return true;
    }
    position -= OWN_SERVICES;
    for (size_t i = 0; i < cluster->instance_count; i++) {
        struct instance *instance = &cluster->instances[i];
        if (instance->node == node && instance->configuration == 1 && position-- == 0) {
            host_service(cluster, instance, out);
            return true;
        }
    }
    struct resource *msmq = clustered_msmq(cluster, node, position);
    if (!msmq)
        return false;
    snprintf(out->name, sizeof out->name, "MSMQ$%s", msmq->name);
    snprintf(out->display, sizeof out->display, "Message Queuing (%s)", msmq->name);
    out->service = &msmq->service;
    out->resource = msmq;
    out->manual = true;
    return true;
}

size_t services_listed(const struct lab_cluster *cluster, size_t node)
{
    struct listed_service service;
    size_t count = 0;
    while (service_listed(cluster, node, count, &service))
        count++;
    return count;
}

enum {
    SERVICE_NAME,
    SERVICE_DISPLAY,
    SERVICE_STATE,
    SERVICE_STARTED,
    SERVICE_START_MODE,
    SERVICE_PROCESS,
    SERVICE_ACCOUNT,
    SERVICE_SYSTEM
};
static const struct class_property service_properties[] = {
    [SERVICE_NAME] = {"Name", true},          [SERVICE_DISPLAY] = {"DisplayName", false},  [SERVICE_STATE] = {"State", false},
    [SERVICE_STARTED] = {"Started", false},   [SERVICE_START_MODE] = {"StartMode", false}, [SERVICE_PROCESS] = {"ProcessId", false},
    [SERVICE_ACCOUNT] = {"StartName", false}, [SERVICE_SYSTEM] = {"SystemName", false}};

static size_t service_count(const struct world *world, size_t node)
{
    return services_listed(cluster_of(world, node), place_of_node(world, node));
}

static void service_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    static const char *const states[] = {[SERVICE_STOPPED_NOW] = "Stopped",
                                         [SERVICE_STARTING] = "Start Pending",
                                         [SERVICE_STOPPING] = "Stop Pending",
                                         [SERVICE_RUNS] = "Running"};
    struct listed_service service;
    put_null(out);
    if (!service_listed(cluster_of(world, node), place_of_node(world, node), position, &service))
        return;
    switch (property) {
    case SERVICE_NAME:
        put_text(out, "%s", service.name);
        break;
    case SERVICE_DISPLAY:
        put_text(out, "%s", service.display);
        break;
    case SERVICE_STATE:
        put_text(out, "%s", states[service.service->state]);
        break;
    case SERVICE_STARTED:
        put_boolean(out, service.service->state != SERVICE_STOPPED_NOW);
        break;
    case SERVICE_START_MODE:
        put_text(out, "%s", service.disabled ? "Disabled" : service.manual ? "Manual" : "Auto");
        break;
    case SERVICE_PROCESS:
        put_number(out, service.service->process);
        break;
    case SERVICE_ACCOUNT:
        put_text(out, "%s", service.instance ? "WINLAB\\svc-biztalk" : "NT AUTHORITY\\NetworkService");
        break;
    default:
        put_text(out, "%s", world_node_name(world, node));
    }
}

static unsigned start(struct world *world, struct lab_cluster *cluster, const struct listed_service *listed)
{
    if (listed->instance) {
        unsigned code = instance_start(world, cluster, listed->instance);
        if (code == SERVICE_DONE && listed->resource)
            listed->instance->outside = true;
        return code;
    }
    if (listed->service->state != SERVICE_STOPPED_NOW)
        return SERVICE_IS_RUNNING;
    service_start(world, (struct service *)(uintptr_t)listed->service, cluster->as->timing.online);
    return SERVICE_DONE;
}

static unsigned stop(const struct world *world, struct lab_cluster *cluster, const struct listed_service *listed)
{
    if (listed->instance)
        return instance_stop(world, cluster, listed->instance);
    if (listed->service->state != SERVICE_RUNS)
        return SERVICE_NOT_ACCEPTED;
    service_stop(world, (struct service *)(uintptr_t)listed->service, cluster->as->timing.offline);
    return SERVICE_DONE;
}

static enum invoke_outcome service_invoke(struct world *world, size_t node, size_t position, const char *method,
                                          const struct parameter *parameters, size_t parameter_count, struct invoke_result *result)
{
    (void)parameters, (void)parameter_count;
    struct lab_cluster *cluster = cluster_of(world, node);
    struct listed_service listed;
    if (!service_listed(cluster, place_of_node(world, node), position, &listed))
        return INVOKE_NO_SUCH_OBJECT;
    if (strcmp(method, "StopService") == 0)
        result->returned = stop(world, cluster, &listed);
    else if (strcmp(method, "StartService") == 0)
        result->returned = start(world, cluster, &listed);
    else
        return INVOKE_NO_SUCH_METHOD;
    return INVOKE_DONE;
}

const struct class class_service = {"root/cimv2",  "Win32_Service", PROPERTIES(service_properties),
                                    service_count, service_value,   service_invoke};

/* ---- Win32_PerfRawData_MSMQ_MSMQQueue ---- */

enum { QUEUE_NAME, QUEUE_MESSAGES, QUEUE_BYTES, QUEUE_JOURNAL, QUEUE_JOURNAL_BYTES };
static const struct class_property queue_properties[] = {[QUEUE_NAME] = {"Name", true},
                                                         [QUEUE_MESSAGES] = {"MessagesinQueue", false},
                                                         [QUEUE_BYTES] = {"BytesinQueue", false},
                                                         [QUEUE_JOURNAL] = {"MessagesinJournalQueue", false},
                                                         [QUEUE_JOURNAL_BYTES] = {"BytesinJournalQueue", false}};

static size_t queue_count(const struct world *world, size_t node)
{
    return queues_counted(cluster_of(world, node), (int)place_of_node(world, node));
}

static void queue_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    const struct queue *queue = queue_counted(cluster_of(world, node), (int)place_of_node(world, node), position);
    put_null(out);
    if (!queue)
        return;
    uint64_t messages = (uint64_t)queue->messages, bytes = (uint64_t)queue->as->message_bytes, journal = (uint64_t)queue->as->journal;
    if (property == QUEUE_NAME)
        put_text(out, "%s", queue->name);
    else if (property == QUEUE_MESSAGES)
        put_number(out, messages);
    else if (property == QUEUE_BYTES)
        put_number(out, messages * bytes);
    else if (property == QUEUE_JOURNAL)
        put_number(out, journal);
    else
        put_number(out, journal * bytes);
}

const struct class class_msmq_queue = {
    "root/cimv2", "Win32_PerfRawData_MSMQ_MSMQQueue", PROPERTIES(queue_properties), queue_count, queue_value, NULL};

/* ---- Win32_OperatingSystem ---- */

enum { SYSTEM_CAPTION, SYSTEM_VERSION, SYSTEM_TIME, SYSTEM_COMPUTER };
static const struct class_property system_properties[] = {[SYSTEM_CAPTION] = {"Caption", false},
                                                          [SYSTEM_VERSION] = {"Version", false},
                                                          [SYSTEM_TIME] = {"LocalDateTime", false},
                                                          [SYSTEM_COMPUTER] = {"CSName", true}};

static size_t one(const struct world *world, size_t node)
{
    (void)world, (void)node;
    return 1;
}

static void system_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    (void)position;
    put_null(out);
    if (property == SYSTEM_CAPTION)
        put_text(out, "%s (winlab simulation)", world->nodes[node].as->os);
    else if (property == SYSTEM_VERSION)
        put_text(out, "10.0.17763");
    else if (property == SYSTEM_TIME)
        put_time(out, world->wall);
    else
        put_text(out, "%s", world_node_name(world, node));
}

const struct class class_operating_system = {"root/cimv2", "Win32_OperatingSystem", PROPERTIES(system_properties), one, system_value, NULL};
