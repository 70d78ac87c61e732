/* A scene: what is really true (nodes, copies, servers, logs), and the probes and log lines by which the core sees it.
 * Owns the truth and the schedule of readings; decides nothing. Header and body in one: included by one test program each. */
#ifndef SOLOWARDEN_TESTS_SIM_SCENE_H
#define SOLOWARDEN_TESTS_SIM_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/decider.h"
#include "agent/core/estate.h"

enum { SCENE_GROUPS = 3, SCENE_NODES = 3, SCENE_LINES = 20000, SCENE_SOURCES = 24 };
enum { SERVER_PARTNER, SERVER_SQL, SCENE_SERVERS };

struct scene_line { /* written, and perhaps not delivered yet */
    struct sighting sighting;
    char account[16], object[48];
    msec_t written;
};

struct scene {
    /* the policy, and what it is made of */
    struct policy policy;
    struct policy_cluster cluster;
    struct policy_node nodes[SCENE_NODES];
    struct policy_address addresses[SCENE_NODES + 2];
    struct policy_group groups[SCENE_GROUPS];
    struct policy_server servers[SCENE_SERVERS];
    struct policy_handler handlers[SCENE_GROUPS];
    struct policy_source sources[SCENE_SOURCES];
    uint16_t group_handlers[SCENE_GROUPS], needs[1];
    char names[SCENE_GROUPS][16], hosts[SCENE_GROUPS][16];
    /* the truth */
    uint8_t owner[SCENE_GROUPS];
    bool pending[SCENE_GROUPS], intended[SCENE_GROUPS], runs[SCENE_GROUPS][SCENE_NODES], hangs[SCENE_GROUPS][SCENE_NODES];
    bool up[SCENE_NODES], reachable[SCENE_NODES], quorate[SCENE_NODES], server_up[SCENE_SERVERS], nat, silent_biztalk;
    bool paused[SCENE_NODES], sso_stopped[SCENE_NODES], disabled[SCENE_GROUPS][SCENE_NODES], location_disabled[SCENE_GROUPS];
    uint8_t owner_shown[SCENE_GROUPS]; /* a role that is offline still has its last owner */
    msec_t poll_at[SCENE_GROUPS][SCENE_NODES];
    /* readings and lines */
    msec_t due[SCENE_SOURCES];
    struct scene_line *lines;
    size_t written, delivered;
    msec_t delay, batch; /* lines arrive so much later; or every so often */
    bool log_stopped;
    uint64_t session;
    /* the core */
    struct decider *decider;
    struct estate *estate; /* NULL: probes speak to the core directly */
    bool has_estate;
    void *memory;
    struct pause pauses[4];
    msec_t now;
    int64_t wall_offset;
};

static const int64_t SCENE_WALL = 1700000000000;
static const msec_t SCENE_ZERO = 10000000; /* the monotonic clock at second 0 */

static inline struct address scene_address(unsigned last)
{
    return (struct address){{[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1, [14] = 1, [15] = (uint8_t)last}};
}

static inline void scene_source(struct scene *scene, const char *name, subject_t target, uint8_t node, bool control, msec_t interval,
                                msec_t timeout, msec_t offset)
{
    uint16_t at = scene->policy.source_count++;
    scene->sources[at] = (struct policy_source){
        .name = name,
        .target = target,
        .cluster = subject_kind(target) == SUBJECT_SERVER ? UINT16_MAX : 0,
        .node = node,
        .control = control,
        .canary = target == subject_of(SUBJECT_SERVER, SERVER_PARTNER),
        .interval = interval,
        .timeout = timeout,
        .rise = 2,
        .fall = 3,
    };
    scene->due[at] = offset;
}

struct scene_options {
    const char *type; /* "wsfc", "static" */
    unsigned groups;
    uint8_t mode, triggers, singleton;
    bool shared, unmapped, pop3, needs_sql, fenced, no_control, estate;
    msec_t poll, lag_max, trusted_after, cool_down, offline_long, common_window;
    msec_t wsfc_offset, biztalk_offset, service_offset, poll_offset;
};

static inline bool scene_answers(const struct scene *scene, unsigned node)
{
    return scene->up[node] && scene->reachable[node];
}

#include "scene_estate.h"

static inline void scene_build_sources(struct scene *scene, const struct scene_options *options, bool wsfc)
{
    subject_t cluster = subject_of(SUBJECT_CLUSTER, 0);
    if (options->estate) {
        scene_build_estate(scene, options);
    } else if (wsfc) {
        scene_source(scene, "wsfc", cluster, 0, true, 10000, 5000, options->wsfc_offset);
        scene_source(scene, "wsfc", cluster, 1, true, 10000, 5000, options->wsfc_offset + 1000);
        scene_source(scene, "biztalk", cluster, NODE_NONE, true, 15000, 5000, options->biztalk_offset);
        scene_source(scene, "service", subject_of(SUBJECT_NODE, 0), 0, true, 30000, 10000, options->service_offset);
        scene_source(scene, "service", subject_of(SUBJECT_NODE, 1), 1, true, 30000, 10000, options->service_offset);
    } else if (!options->no_control) {
        for (uint16_t g = 0; g < options->groups; g++)
            for (uint8_t n = 0; n < scene->cluster.node_count; n++)
                scene_source(scene, "alive", subject_of(SUBJECT_GROUP, g), n, true, 10000, 5000, options->wsfc_offset + 1000 * n);
    }
    scene_source(scene, "partner", subject_of(SUBJECT_SERVER, SERVER_PARTNER), NODE_NONE, false, 30000, 5000, 10000);
    scene_source(scene, "sql", subject_of(SUBJECT_SERVER, SERVER_SQL), NODE_NONE, false, 15000, 5000, 5000);
}

static inline void scene_build_policy(struct scene *scene, const struct scene_options *options, uint32_t addresses)
{
    scene->policy.clusters = &scene->cluster;
    scene->policy.nodes = scene->nodes;
    scene->policy.addresses = scene->addresses;
    scene->policy.groups = scene->groups;
    scene->policy.servers = scene->servers;
    scene->policy.handlers = scene->handlers;
    scene->policy.sources = scene->sources;
    scene->policy.group_handlers = scene->group_handlers;
    scene->policy.needs = scene->needs;
    scene->policy.cluster_count = 1;
    scene->policy.node_count = 2;
    scene->policy.group_count = scene->policy.handler_count = (uint16_t)options->groups;
    scene->policy.server_count = SCENE_SERVERS;
    scene->policy.address_count = addresses;
    scene->policy.common_window = options->common_window;
    scene->policy.common_count = 2;
    scene->policy.agent_name = "mon1";
}

static inline void scene_build(struct scene *scene, const struct scene_options *options)
{
    static const char *const node_names[] = {"A", "B", "C"}, *const accounts[] = {"orders", "ftp2", "ftp3"};
    bool wsfc = strcmp(options->type, "wsfc") == 0;
    scene->cluster = (struct policy_cluster){.name = "biztalk",
                                             .type = wsfc ? CLUSTER_WSFC : CLUSTER_STATIC,
                                             .node_count = 2,
                                             .max_in_flight = 1,
                                             .heals_itself = wsfc,
                                             .control_interval = 10000,
                                             .control_timeout = 5000,
                                             .pending_timeout = wsfc ? 180000 : 30000};
    uint32_t addresses = 0;
    for (uint8_t n = 0; n < 2; n++) {
        scene->nodes[n] = (struct policy_node){.name = node_names[n], .index = n};
        if (!options->unmapped)
            scene->addresses[addresses++] = (struct policy_address){scene_address(11U + n), 128, n, 0};
    }
    if (options->shared)
        scene->addresses[addresses++] = (struct policy_address){scene_address(20), 128, NODE_SHARED, 0};
    for (uint16_t g = 0; g < options->groups; g++) {
        snprintf(scene->names[g], sizeof scene->names[g], "ftp%u", g + 1U);
        scene->groups[g] = (struct policy_group){.name = scene->names[g],
                                                 .mode = options->mode,
                                                 .triggers = options->triggers,
                                                 .fenced = options->fenced,
                                                 .can_move = true,
                                                 .can_stop = true,
                                                 .first_handler = g,
                                                 .handler_count = 1,
                                                 .need_count = options->needs_sql,
                                                 .cool_down = options->cool_down,
                                                 .trusted_after = options->trusted_after,
                                                 .blind_after = 120000,
                                                 .offline_long = options->offline_long,
                                                 .max_moves = {2, 6 * 3600000},
                                                 .max_stops = {2, 6 * 3600000}};
        scene->handlers[g] = (struct policy_handler){.name = accounts[g],
                                                     .group = g,
                                                     .server = SERVER_PARTNER,
                                                     .singleton = options->singleton,
                                                     .account = accounts[g],
                                                     .path = options->pop3 ? "" : "/in",
                                                     .poll = options->poll,
                                                     .window = 3 * options->poll,
                                                     .silent_after = 3};
        if (options->estate) {
            scene->handlers[g].host = scene->hosts[g];
            scene->handlers[g].location = accounts[g];
        }
        scene->group_handlers[g] = g;
    }
    scene->servers[SERVER_PARTNER] = (struct policy_server){.name = "partner",
                                                            .type = options->pop3 ? SERVER_POP3 : SERVER_FTP,
                                                            .has_probe = true,
                                                            .has_log = true,
                                                            .log_has_logins = true,
                                                            .has_canary = true,
                                                            .canary_account = "canary",
                                                            .canary_every = 30000,
                                                            .lag_max = options->lag_max,
                                                            .stamp_resolution = 1000};
    scene->servers[SERVER_SQL] = (struct policy_server){.name = "sql", .type = SERVER_TCP, .has_probe = true};
    scene->needs[0] = SERVER_SQL;
    scene_build_policy(scene, options, addresses);
    scene_build_sources(scene, options, wsfc);
}

static inline void scene_open_core(struct scene *scene)
{
    scene->memory = realloc(scene->memory, decider_size(&scene->policy));
    scene->decider = decider_open(scene->memory, &scene->policy, scene->now);
    scene->decider->world.wall_offset = scene->wall_offset;
    scene->decider->world.journal = scene->decider->world.actuator = YES;
    scene->decider->world.pauses = scene->pauses;
    estate_close(scene->estate);
    scene->estate = scene->has_estate ? estate_open(&scene->policy, 0, &rows_memory) : NULL;
}

/* The next time that is `offset` into its interval, counted from second 0. */
static inline msec_t scene_next(msec_t now, msec_t offset, msec_t interval)
{
    msec_t behind = (now - SCENE_ZERO - offset) % interval;
    return behind == 0 ? now : now - behind + (behind > 0 ? interval : 0);
}

static inline void scene_open(struct scene *scene, const struct scene_options *options, msec_t from)
{
    memset(scene, 0, sizeof *scene);
    scene_build(scene, options);
    scene->has_estate = options->estate;
    scene->now = SCENE_ZERO + from;
    scene->wall_offset = SCENE_WALL - SCENE_ZERO;
    scene->lines = calloc(SCENE_LINES, sizeof *scene->lines);
    for (unsigned g = 0; g < options->groups; g++) {
        scene->intended[g] = scene->runs[g][0] = true;
        for (unsigned n = 0; n < SCENE_NODES; n++)
            scene->poll_at[g][n] = scene_next(scene->now, options->poll_offset + 1000 * (msec_t)g, options->poll);
    }
    for (unsigned n = 0; n < SCENE_NODES; n++)
        scene->up[n] = scene->reachable[n] = scene->quorate[n] = true;
    for (unsigned s = 0; s < SCENE_SERVERS; s++)
        scene->server_up[s] = true;
    for (unsigned s = 0; s < scene->policy.source_count; s++)
        scene->due[s] = scene_next(scene->now, scene->due[s], scene->sources[s].interval);
    scene_open_core(scene);
}

static inline void scene_close(struct scene *scene)
{
    estate_close(scene->estate);
    free(scene->memory);
    free(scene->lines);
}

/* ---- readings ---- */

static inline void scene_observe(struct scene *scene, uint16_t source, subject_t subject, uint8_t node, uint8_t aspect, bool known,
                                 bool yes)
{
    const struct observation seen = {.subject = subject,
                                     .source = source,
                                     .node = node,
                                     .aspect = aspect,
                                     .verdict = !known ? UNKNOWN
                                                : yes  ? YES
                                                       : NO,
                                     .reason = !known ? REASON_CONNECT_TIMEOUT
                                               : yes  ? REASON_OK
                                                      : REASON_ACTIVE_NOWHERE,
                                     .at = scene->now};
    model_observe(scene->decider->model, &seen);
}

static inline void scene_read_cluster(struct scene *scene, uint16_t source, unsigned asked)
{
    bool known = scene_answers(scene, asked);
    scene_observe(scene, source, subject_of(SUBJECT_CLUSTER, 0), NODE_NONE, ASPECT_QUORATE, known, scene->quorate[asked]);
    for (uint8_t n = 0; n < scene->cluster.node_count; n++)
        scene_observe(scene, source, subject_of(SUBJECT_CLUSTER, 0), n, ASPECT_NODE_UP, known, scene->up[n]);
    for (uint16_t g = 0; g < scene->policy.group_count; g++) {
        subject_t group = subject_of(SUBJECT_GROUP, g);
        scene_observe(scene, source, group, scene->owner[g], ASPECT_OWNER, known, scene->owner[g] != NODE_NONE);
        scene_observe(scene, source, group, NODE_NONE, ASPECT_PENDING, known, scene->pending[g]);
        scene_observe(scene, source, group, NODE_NONE, ASPECT_INTENDED, known, scene->intended[g]);
        for (uint8_t n = 0; n < scene->cluster.node_count; n++)
            scene_observe(scene, source, group, n, ASPECT_READY, known, scene->up[n]);
    }
}

static inline void scene_read_biztalk(struct scene *scene, uint16_t source)
{
    bool known = (scene_answers(scene, 0) || scene_answers(scene, 1)) && !scene->silent_biztalk;
    for (uint16_t g = 0; g < scene->policy.group_count; g++)
        for (uint8_t n = 0; n < scene->cluster.node_count; n++)
            scene_observe(scene, source, subject_of(SUBJECT_GROUP, g), n, ASPECT_INSTANCE, known && scene_answers(scene, n),
                          scene->runs[g][n]);
}

/* The server's own clock, in whole seconds. */
static inline stamp_t scene_stamp(const struct scene *scene)
{
    return (scene->now + SCENE_WALL - SCENE_ZERO) / 1000 * 1000;
}

static inline void scene_write(struct scene *scene, const struct scene_line *line);

static inline void scene_read_server(struct scene *scene, uint16_t source, uint16_t server)
{
    bool up = scene->server_up[server];
    const struct observation seen = {.subject = subject_of(SUBJECT_SERVER, server),
                                     .source = source,
                                     .node = NODE_NONE,
                                     .aspect = ASPECT_ENDPOINT,
                                     .verdict = up ? YES : NO,
                                     .reason = up ? REASON_OK : REASON_CONNECT_REFUSED,
                                     .at = scene->now};
    model_observe(scene->decider->model, &seen);
    if (server != SERVER_PARTNER || !up)
        return;
    struct scene_line line = {.account = "canary", .sighting = {.grade = GRADE_POLL, .address = scene_address(99)}};
    scene_write(scene, &line);
    model_canary(scene->decider->model, server, scene->now);
}

static inline void scene_read(struct scene *scene, uint16_t source)
{
    const struct policy_source *of = &scene->sources[source];
    if (subject_kind(of->target) == SUBJECT_SERVER)
        scene_read_server(scene, source, (uint16_t)subject_index(of->target));
    else if (scene->estate && of->estate)
        scene_read_estate(scene, source);
    else if (scene->estate)
        scene_preflight(scene);
    else if (strcmp(of->name, "wsfc") == 0)
        scene_read_cluster(scene, source, of->node);
    else if (strcmp(of->name, "biztalk") == 0)
        scene_read_biztalk(scene, source);
    else
        for (uint16_t g = 0; g < scene->policy.group_count; g++)
            if (subject_kind(of->target) == SUBJECT_NODE || subject_index(of->target) == g)
                scene_observe(scene, source, subject_of(SUBJECT_GROUP, g), of->node, ASPECT_INSTANCE, scene_answers(scene, of->node),
                              scene->runs[g][of->node]);
}

/* ---- the log ---- */

static inline void scene_write(struct scene *scene, const struct scene_line *line)
{
    if (scene->written == SCENE_LINES) { /* delivered ones have served */
        memmove(scene->lines, scene->lines + scene->delivered, (scene->written - scene->delivered) * sizeof *scene->lines);
        scene->written -= scene->delivered;
        scene->delivered = 0;
    }
    if (scene->written == SCENE_LINES || scene->log_stopped)
        return;
    struct scene_line *kept = &scene->lines[scene->written++];
    *kept = *line;
    kept->written = scene->now;
    stamp_t stamp = scene_stamp(scene);
    if (!kept->sighting.end)
        kept->sighting.end = stamp;
    if (!kept->sighting.begin)
        kept->sighting.begin = kept->sighting.end;
}

static inline struct address scene_address_of(const struct scene *scene, unsigned node)
{
    return scene_address(scene->nat ? 20 : 11U + node);
}

static inline void scene_poll(struct scene *scene, unsigned group, struct address address)
{
    struct scene_line line = {.sighting = {.grade = GRADE_POLL, .address = address, .session = ++scene->session}};
    snprintf(line.account, sizeof line.account, "%s", scene->handlers[group].account);
    if (scene->servers[SERVER_PARTNER].type == SERVER_POP3)
        line.sighting = (struct sighting){.grade = GRADE_CLOSE,
                                          .complete = true,
                                          .whole_session = true,
                                          .address = address,
                                          .session = ++scene->session,
                                          .begin = scene_stamp(scene) - 1000};
    scene_write(scene, &line);
}

/* A line about an object, written now: it took `took` milliseconds. */
static inline void scene_transfer(struct scene *scene, unsigned group, struct address address, uint8_t grade, const char *object,
                                  msec_t took, bool complete)
{
    struct scene_line line = {
        .sighting = {.grade = grade, .complete = complete, .address = address, .session = ++scene->session, .bytes = 100}};
    snprintf(line.account, sizeof line.account, "%s", scene->handlers[group].account);
    snprintf(line.object, sizeof line.object, "%s", object);
    line.sighting.end = scene_stamp(scene);
    line.sighting.begin = line.sighting.end - took;
    scene_write(scene, &line);
}

static inline void scene_deliver(struct scene *scene)
{
    struct log_report report = {.reason = REASON_OK};
    bool batch_due = !scene->batch || (scene->now - SCENE_ZERO) % scene->batch == 0;
    while (batch_due && scene->delivered < scene->written && scene->now - scene->lines[scene->delivered].written >= scene->delay) {
        struct scene_line *line = &scene->lines[scene->delivered++];
        line->sighting.account = (struct text){line->account, strlen(line->account)};
        line->sighting.object = (struct text){line->object, strlen(line->object)};
        report.lines++;
        model_sight(scene->decider->model, SERVER_PARTNER, &line->sighting, scene->delivered, scene->now, NULL, NULL);
    }
    model_log(scene->decider->model, SERVER_PARTNER, &report, scene->now);
}

/* ---- a second passes ---- */

static inline void scene_second(struct scene *scene, effect_sink *sink, void *context)
{
    for (unsigned g = 0; g < scene->policy.group_count; g++)
        for (unsigned n = 0; n < scene->cluster.node_count; n++) {
            if (scene->now < scene->poll_at[g][n])
                continue;
            scene->poll_at[g][n] += scene->handlers[g].poll;
            if (scene->runs[g][n] && scene->up[n] && !scene->hangs[g][n] && scene->server_up[SERVER_PARTNER])
                scene_poll(scene, g, scene_address_of(scene, n));
        }
    for (uint16_t s = 0; s < scene->policy.source_count; s++)
        if (scene->now >= scene->due[s]) {
            scene->due[s] += scene->sources[s].interval;
            scene_read(scene, s);
        }
    scene_preflight(scene);
    scene_deliver(scene);
    msec_t wake = decider_tick(scene->decider, scene->now, scene->wall_offset, sink, context);
    for (int again = 0; wake - scene->now < 5 && again < 5; again++) /* rules that follow at once */
        wake = decider_tick(scene->decider, wake, scene->wall_offset, sink, context);
}

#endif
