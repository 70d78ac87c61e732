/* How a scene's truth looks in rows: what WMI would tell of it, node by node, and the estate in between. Included by scene.h alone. */
#ifndef SOLOWARDEN_TESTS_SIM_SCENE_ESTATE_H
#define SOLOWARDEN_TESTS_SIM_SCENE_ESTATE_H

#include "rows.h"

static const char *const scene_computers[] = {"BTS01", "BTS02", "BTS03"};

static inline void scene_text(char *out, size_t size, const char *format, const char *text)
{
    snprintf(out, size, format, text);
}
#define SCENE_TEXT(member, format, text) scene_text((member), sizeof(member), (format), (text))

static inline void scene_build_estate(struct scene *scene, const struct scene_options *options)
{
    static const char *const nothing[] = {NULL}, *const ftp[] = {"FTP", NULL};
    static const struct policy_windows windows = {.ftp_adapters = ftp,
                                                  .sftp_adapters = nothing,
                                                  .pop3_adapters = nothing,
                                                  .msmq_adapters = nothing,
                                                  .disabled_locations = nothing,
                                                  .sso_server = "",
                                                  .zone_given = true};
    subject_t cluster = subject_of(SUBJECT_CLUSTER, 0);
    scene->cluster.windows = &windows;
    for (uint8_t n = 0; n < scene->cluster.node_count; n++) {
        scene->nodes[n].computer = scene_computers[n];
        scene_source(scene, "wsfc", cluster, n, true, 10000, 5000, options->wsfc_offset + 1000 * n);
        scene_source(scene, "biztalk", cluster, n, true, 15000, 5000, options->biztalk_offset + 1000 * n);
        scene_source(scene, "service", cluster, n, true, 30000, 10000, options->service_offset);
    }
    for (uint16_t i = 0; i < scene->policy.source_count; i++)
        scene->sources[i].estate = true;
    scene->cluster.preflight = scene->policy.source_count;
    scene_source(scene, "preflight", cluster, NODE_NONE, true, 10000, 5000, 0);
    for (uint16_t g = 0; g < options->groups; g++)
        snprintf(scene->hosts[g], sizeof scene->hosts[g], "Host%u", g + 1U);
}

static inline void scene_observed(void *context, const struct observation *seen)
{
    struct scene *scene = context;
    model_observe(scene->decider->model, seen);
}

/* ---- rows ---- */

static inline uint8_t scene_owner_shown(struct scene *scene, unsigned g)
{
    if (scene->owner[g] != NODE_NONE)
        scene->owner_shown[g] = scene->owner[g];
    return scene->owner_shown[g];
}

static inline void scene_rows_of_role(struct scene *scene, unsigned g, struct found_group *role, struct found_resource resources[3])
{
    const char *owner = scene_computers[scene_owner_shown(scene, g)];
    bool nowhere = scene->owner[g] == NODE_NONE, pending = scene->pending[g], intended = scene->intended[g];
    *role = (struct found_group){.state = pending    ? GROUP_PENDING
                                          : !nowhere ? GROUP_ONLINE
                                          : intended ? GROUP_FAILED
                                                     : GROUP_OFFLINE,
                                 .persistent = intended ? YES : NO,
                                 .core = NO};
    SCENE_TEXT(role->name, "%s", scene->names[g]);
    SCENE_TEXT(role->owner, "%s", owner);
    static const char *const types[] = {"Generic Service", "Network Name", "IP Address"};
    for (unsigned i = 0; i < 3; i++) {
        resources[i] = (struct found_resource){.state = RESOURCE_ONLINE, .pending_timeout_ms = 180000, .persistent = intended ? YES : NO};
        snprintf(resources[i].name, sizeof resources[i].name, "%s %s", types[i], scene->names[g]);
        SCENE_TEXT(resources[i].type, "%s", types[i]);
        SCENE_TEXT(resources[i].group, "%s", scene->names[g]);
        SCENE_TEXT(resources[i].owner, "%s", owner);
    }
    resources[0].state = pending ? RESOURCE_ONLINE_PENDING : !nowhere ? RESOURCE_ONLINE : intended ? RESOURCE_FAILED : RESOURCE_OFFLINE;
}

static inline void scene_feed_owners(struct scene *scene, uint16_t source)
{
    char resource[FOUND_NAME];
    while (estate_wanted(scene->estate, source, FOUND_POSSIBLE_OWNER, resource, scene->now)) {
        struct found_possible_owner owners[SCENE_NODES] = {0};
        for (unsigned n = 0; n < scene->cluster.node_count; n++) {
            SCENE_TEXT(owners[n].resource, "%s", resource);
            SCENE_TEXT(owners[n].node, "%s", scene_computers[n]);
        }
        rows_feed(scene->estate, source, FOUND_POSSIBLE_OWNER, resource, owners, scene->cluster.node_count, REASON_OK, scene->now);
    }
}

static inline void scene_feed_cluster(struct scene *scene, uint16_t source, unsigned asked)
{
    struct found_node nodes[SCENE_NODES] = {0};
    struct found_group roles[SCENE_GROUPS];
    struct found_resource resources[3 * SCENE_GROUPS];
    struct found_service_name services[SCENE_GROUPS] = {0};
    for (unsigned n = 0; n < scene->cluster.node_count; n++) {
        SCENE_TEXT(nodes[n].name, "%s", scene_computers[n]);
        nodes[n].state = !scene->up[n] ? NODE_STATE_DOWN : scene->paused[n] ? NODE_STATE_PAUSED : NODE_STATE_UP;
        if (n == asked && !scene->quorate[n])
            nodes[n].state = NODE_STATE_JOINING;
    }
    for (unsigned g = 0; g < scene->policy.group_count; g++) {
        scene_rows_of_role(scene, g, &roles[g], &resources[3 * g]);
        SCENE_TEXT(services[g].resource, "%s", resources[3 * g].name);
        SCENE_TEXT(services[g].service, "BTSSvc$%s", scene->hosts[g]);
    }
    unsigned groups = scene->policy.group_count;
    rows_feed(scene->estate, source, FOUND_NODE, NULL, nodes, scene->cluster.node_count, REASON_OK, scene->now);
    rows_feed(scene->estate, source, FOUND_GROUP, NULL, roles, groups, REASON_OK, scene->now);
    rows_feed(scene->estate, source, FOUND_RESOURCE, NULL, resources, (size_t)3 * groups, REASON_OK, scene->now);
    rows_feed(scene->estate, source, FOUND_SERVICE_NAME, NULL, services, groups, REASON_OK, scene->now);
    scene_feed_owners(scene, source);
}

static inline void scene_feed_biztalk(struct scene *scene, uint16_t source)
{
    struct found_instance instances[SCENE_GROUPS * SCENE_NODES] = {0};
    struct found_host hosts[SCENE_GROUPS] = {0};
    struct found_location locations[SCENE_GROUPS] = {0};
    struct found_setting setting = {.name = "BizTalk Group", .sso_server = "BTSSQL"};
    size_t count = 0;
    for (unsigned g = 0; g < scene->policy.group_count; g++) {
        SCENE_TEXT(hosts[g].name, "%s", scene->hosts[g]);
        SCENE_TEXT(hosts[g].cluster_group, "%s", scene->names[g]);
        SCENE_TEXT(locations[g].name, "%s", scene->handlers[g].name);
        SCENE_TEXT(locations[g].port, "%s", "port");
        SCENE_TEXT(locations[g].host, "%s", scene->hosts[g]);
        SCENE_TEXT(locations[g].adapter, "%s", "FTP");
        locations[g].disabled = scene->location_disabled[g] ? YES : NO;
        locations[g].windowed = locations[g].starts = locations[g].stops = NO;
        for (unsigned n = 0; n < scene->cluster.node_count; n++) {
            struct found_instance *row = &instances[count++];
            *row = (struct found_instance){.type = 1, .configuration = 1, .cluster = INSTANCE_CLUSTERED};
            SCENE_TEXT(row->host, "%s", scene->hosts[g]);
            SCENE_TEXT(row->node, "%s", scene_computers[n]);
            row->disabled = scene->disabled[g][n] ? YES : NO;
            row->state = !scene_answers(scene, n) ? INSTANCE_UNKNOWN : scene->runs[g][n] ? INSTANCE_RUNNING : INSTANCE_STOPPED;
        }
    }
    unsigned groups = scene->policy.group_count;
    rows_feed(scene->estate, source, FOUND_INSTANCE, NULL, instances, count, REASON_OK, scene->now);
    rows_feed(scene->estate, source, FOUND_HOST, NULL, hosts, groups, REASON_OK, scene->now);
    rows_feed(scene->estate, source, FOUND_LOCATION, NULL, locations, groups, REASON_OK, scene->now);
    rows_feed(scene->estate, source, FOUND_SETTING, NULL, &setting, 1, REASON_OK, scene->now);
}

static inline void scene_feed_services(struct scene *scene, uint16_t source, unsigned asked)
{
    struct found_service services[SCENE_GROUPS + 1] = {0};
    unsigned groups = scene->policy.group_count;
    for (unsigned g = 0; g < groups; g++) {
        SCENE_TEXT(services[g].name, "btssvc$%s", scene->hosts[g]);
        services[g].state = scene->runs[g][asked] ? SERVICE_RUNNING : SERVICE_STOPPED;
    }
    SCENE_TEXT(services[groups].name, "%s", "ENTSSO");
    services[groups].state = scene->sso_stopped[asked] ? SERVICE_STOPPED : SERVICE_RUNNING;
    rows_feed(scene->estate, source, FOUND_SERVICE, NULL, services, groups + 1, REASON_OK, scene->now);
}

/* One conversation with a node, and what is said after it. */
static inline void scene_read_estate(struct scene *scene, uint16_t source)
{
    const struct policy_source *of = &scene->sources[source];
    if (!scene_answers(scene, of->node))
        estate_failed(scene->estate, source, REASON_CONNECT_TIMEOUT, scene->now);
    else if (strcmp(of->name, "wsfc") == 0)
        scene_feed_cluster(scene, source, of->node);
    else if (strcmp(of->name, "biztalk") == 0)
        scene_feed_biztalk(scene, source);
    else
        scene_feed_services(scene, source, of->node);
    estate_speak(scene->estate, source, scene->now, scene_observed, scene);
}

static inline void scene_preflight(struct scene *scene)
{
    if (scene->estate)
        estate_preflight(scene->estate, scene->cluster.preflight, scene->now, scene->now + scene->wall_offset, 0, scene_observed, scene);
}

#endif
