/* What windows_exporter says on a node, in the spelling of its source: collectors mscluster, msmq and service. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"

static void label(FILE *out, const char *before, const char *name, const char *value)
{
    fprintf(out, "%s%s=\"", before, name);
    for (; *value; value++)
        if (*value == '\n')
            fputs("\\n", out);
        else
            fprintf(out, "%s%c", *value == '\\' || *value == '"' ? "\\" : "", *value);
    fputc('"', out);
}

static void head(FILE *out, const char *metric)
{
    fprintf(out, "# HELP %s simulated by winlab\n# TYPE %s gauge\n", metric, metric);
}

/* ---- mscluster: the same from every node that is up ---- */

static void nodes(FILE *out, const struct lab_cluster *cluster)
{
    head(out, "windows_mscluster_node_state");
    for (size_t i = 0; i < cluster->node_count; i++) {
        label(out, "windows_mscluster_node_state{", "name", cluster->nodes[i].as->entry.name);
        fprintf(out, "} %u\n", node_state_of(&cluster->nodes[i]));
    }
    head(out, "windows_mscluster_node_node_drain_status");
    for (size_t i = 0; i < cluster->node_count; i++) {
        label(out, "windows_mscluster_node_node_drain_status{", "name", cluster->nodes[i].as->entry.name);
        fprintf(out, "} %u\n", cluster->nodes[i].drain);
    }
}

static void groups(FILE *out, const struct lab_cluster *cluster)
{
    head(out, "windows_mscluster_resourcegroup_state");
    for (size_t i = 0; i < cluster->group_count; i++) {
        label(out, "windows_mscluster_resourcegroup_state{", "name", cluster->groups[i].name);
        fprintf(out, "} %d\n", group_state(cluster, &cluster->groups[i]));
    }
    head(out, "windows_mscluster_resourcegroup_owner_node");
    for (size_t i = 0; i < cluster->group_count; i++)
        for (size_t node = 0; node < cluster->node_count; node++) {
            label(out, "windows_mscluster_resourcegroup_owner_node{", "node_name", cluster->nodes[node].as->entry.name);
            label(out, ",", "name", cluster->groups[i].name);
            fprintf(out, "} %d\n", cluster->groups[i].owner == (int)node);
        }
}

static void resource_labels(FILE *out, const char *metric, const struct lab_cluster *cluster, const struct resource *resource)
{
    fprintf(out, "%s{", metric);
    label(out, "", "type", resource->type);
    label(out, ",", "owner_group", cluster->groups[resource->group].name);
}

static void resources(FILE *out, const struct lab_cluster *cluster)
{
    static const char state[] = "windows_mscluster_resource_state", owner[] = "windows_mscluster_resource_owner_node";
    head(out, state);
    for (size_t i = 0; i < cluster->resource_count; i++) {
        resource_labels(out, state, cluster, &cluster->resources[i]);
        label(out, ",", "name", cluster->resources[i].name);
        fprintf(out, "} %u\n", cluster->resources[i].state);
    }
    head(out, owner);
    for (size_t i = 0; i < cluster->resource_count; i++)
        for (size_t node = 0; node < cluster->node_count; node++) {
            const struct resource *resource = &cluster->resources[i];
            resource_labels(out, owner, cluster, resource);
            label(out, ",", "node_name", cluster->nodes[node].as->entry.name);
            label(out, ",", "name", resource->name);
            fprintf(out, "} %d\n", cluster->groups[resource->group].owner == (int)node);
        }
}

static void group_figure(FILE *out, const struct lab_cluster *cluster, const char *metric, size_t offset)
{
    head(out, metric);
    for (size_t i = 0; i < cluster->group_count; i++) {
        int64_t value;
        memcpy(&value, (const char *)cluster->groups[i].as + offset, sizeof value);
        label(out, metric, "{name", cluster->groups[i].name);
        fprintf(out, value < 0 ? "} 4.294967295e+09\n" : "} %lld\n", (long long)value); /* it reads signed numbers as unsigned */
    }
}

static void group_figures(FILE *out, const struct lab_cluster *cluster)
{
    head(out, "windows_mscluster_resourcegroup_auto_failback_type");
    for (size_t i = 0; i < cluster->group_count; i++) {
        label(out, "windows_mscluster_resourcegroup_auto_failback_type{", "name", cluster->groups[i].name);
        fprintf(out, "} %d\n", cluster->groups[i].as->auto_failback);
    }
    group_figure(out, cluster, "windows_mscluster_resourcegroup_failback_window_start", offsetof(struct scenario_group, failback_start));
    group_figure(out, cluster, "windows_mscluster_resourcegroup_failback_window_end", offsetof(struct scenario_group, failback_end));
    group_figure(out, cluster, "windows_mscluster_resourcegroup_failover_period", offsetof(struct scenario_group, failover_period_hours));
    group_figure(out, cluster, "windows_mscluster_resourcegroup_failover_threshold", offsetof(struct scenario_group, failover_threshold));
}

struct policy_metric {
    const char *name;
    size_t offset; /* of an int64_t in struct scenario_restart */
};

static void policies(FILE *out, const struct lab_cluster *cluster)
{
    static const struct policy_metric metrics[] = {
        {"windows_mscluster_resource_pending_timeout", offsetof(struct scenario_restart, pending_timeout)},
        {"windows_mscluster_resource_restart_action", offsetof(struct scenario_restart, action)},
        {"windows_mscluster_resource_restart_delay", offsetof(struct scenario_restart, delay)},
        {"windows_mscluster_resource_restart_period", offsetof(struct scenario_restart, period)},
        {"windows_mscluster_resource_restart_threshold", offsetof(struct scenario_restart, threshold)},
        {"windows_mscluster_resource_retry_period_on_failure", offsetof(struct scenario_restart, retry)}};
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        head(out, metrics[i].name);
        for (size_t j = 0; j < cluster->resource_count; j++) {
            int64_t value;
            memcpy(&value, (const char *)&cluster->resources[j].as->restart + metrics[i].offset, sizeof value);
            resource_labels(out, metrics[i].name, cluster, &cluster->resources[j]);
            label(out, ",", "name", cluster->resources[j].name);
            fprintf(out, "} %lld\n", (long long)value);
        }
    }
}

/* ---- msmq and service: of this machine ---- */

static void queues(FILE *out, const struct lab_cluster *cluster, int node)
{
    static const char *const metrics[] = {"windows_msmq_bytes_in_journal_queue", "windows_msmq_bytes_in_queue",
                                          "windows_msmq_messages_in_journal_queue", "windows_msmq_messages_in_queue"};
    const struct queue *queue;
    for (size_t i = 0; queue_counted(cluster, node, 0) && i < 4; i++) {
        head(out, metrics[i]);
        for (size_t position = 0; (queue = queue_counted(cluster, node, position)); position++) {
            uint64_t count = i % 2 ? (uint64_t)queue->messages : (uint64_t)queue->as->journal;
            fputs(metrics[i], out);
            label(out, "{", "name", queue->name);
            fprintf(out, "} %llu\n", (unsigned long long)(i < 2 ? count * (uint64_t)queue->as->message_bytes : count));
        }
    }
}

static void service_states(FILE *out, const struct lab_cluster *cluster, size_t node)
{
    static const struct {
        const char *name;
        unsigned state;
    } states[] = {{"continue pending", 0},
                  {"pause pending", 0},
                  {"paused", 0},
                  {"running", SERVICE_RUNS},
                  {"start pending", SERVICE_STARTING},
                  {"stop pending", SERVICE_STOPPING},
                  {"stopped", SERVICE_STOPPED_NOW}};
    struct listed_service service;
    head(out, "windows_service_state");
    for (size_t i = 0; service_listed(cluster, node, i, &service); i++)
        for (size_t j = 0; j < sizeof states / sizeof states[0]; j++) {
            label(out, "windows_service_state{", "name", service.name);
            label(out, ",", "state", states[j].name);
            fprintf(out, "} %d\n", states[j].state == service.service->state);
        }
}

static void service_modes(FILE *out, const struct lab_cluster *cluster, size_t node)
{
    static const char *const modes[] = {"auto", "boot", "disabled", "manual", "system"};
    struct listed_service service;
    head(out, "windows_service_start_mode");
    for (size_t i = 0; service_listed(cluster, node, i, &service); i++)
        for (size_t j = 0; j < sizeof modes / sizeof modes[0]; j++) {
            const char *mode = service.disabled ? "disabled" : service.manual ? "manual" : "auto";
            label(out, "windows_service_start_mode{", "name", service.name);
            label(out, ",", "start_mode", modes[j]);
            fprintf(out, "} %d\n", !strcmp(mode, modes[j]));
        }
}

static void service_processes(FILE *out, const struct lab_cluster *cluster, size_t node)
{
    struct listed_service service;
    head(out, "windows_service_info");
    for (size_t i = 0; service_listed(cluster, node, i, &service); i++) {
        char path[300];
        snprintf(path, sizeof path, "\"C:\\Program Files (x86)\\Microsoft BizTalk Server\\BTSNTSvc.exe\" -name \"%s\"", service.name);
        label(out, "windows_service_info{", "name", service.name);
        label(out, ",", "display_name", service.display);
        label(out, ",", "run_as", service.instance ? "WINLAB\\svc-biztalk" : "NT AUTHORITY\\NetworkService");
        label(out, ",", "path_name", service.instance ? path : "C:\\Windows\\system32\\svc.exe");
        fputs("} 1\n", out);
    }
    head(out, "windows_service_process");
    for (size_t i = 0; service_listed(cluster, node, i, &service); i++) {
        char process[16];
        if (service.service->state == SERVICE_STOPPED_NOW)
            continue;
        snprintf(process, sizeof process, "%u", service.service->process);
        label(out, "windows_service_process{", "name", service.name);
        label(out, ",", "process_id", process);
        fprintf(out, "} %.9g\n", (double)service.service->started_wall / 1000);
    }
}

static void collectors(FILE *out)
{
    static const char *const names[] = {"mscluster", "msmq", "service"};
    head(out, "windows_exporter_collector_success");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        fprintf(out, "windows_exporter_collector_success{collector=\"%s\"} 1\n", names[i]);
}

char *exporter_text(const struct world *world, size_t node, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out)
        abort();
    const struct lab_cluster *cluster = cluster_of(world, node);
    size_t place = place_of_node(world, node);
    collectors(out);
    nodes(out, cluster);
    groups(out, cluster);
    group_figures(out, cluster);
    resources(out, cluster);
    policies(out, cluster);
    queues(out, cluster, (int)place);
    service_states(out, cluster, place);
    service_modes(out, cluster, place);
    service_processes(out, cluster, place);
    if (fclose(out) != 0)
        abort();
    return text;
}
