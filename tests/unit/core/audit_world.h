/* Estates written as text, for the tests of the audit. One row a line:
 *     NODE KIND NAME [NAME] [FIELD VALUE]…     as that node tells it; a row of the same names is changed, not doubled
 *     - NODE KIND NAME [NAME]                  it does not tell it
 *     fail NODE KIND REASON                    it gives no such list; what it told before stands
 *     never NODE KIND                          it never gave one
 *     config KEY VALUE                         restart_threshold, restart_action, pop3_permits, disabled
 *     locks yes|no, data WORD [NODE…]          what the POP3 server's probe, and the FTP server's log, say
 *     tell, after SECONDS                      all lists are told now; time passes
 * Words with spaces stand in 'quotes'. */
#ifndef SOLOWARDEN_TESTS_AUDIT_WORLD_H
#define SOLOWARDEN_TESTS_AUDIT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/audit.h"

enum { WORLD_ROWS = 400, WORLD_NODES = 3, WORLD_SOURCES = WORLD_NODES * 3 + 2, WORLD_WORDS = 40, ROW_BYTES = 1400 };
enum { POP3_SOURCE = WORLD_NODES * 3, FTP_SOURCE };

struct world_row {
    uint8_t kind, node;
    bool gone;
    union {
        max_align_t aligned;
        char bytes[ROW_BYTES];
    } row;
};

struct world {
    struct policy policy;
    struct policy_cluster clusters[2];
    struct policy_node nodes[WORLD_NODES];
    struct policy_source sources[WORLD_SOURCES];
    struct policy_group groups[2];
    struct policy_server servers[2];
    struct policy_handler handlers[2];
    uint16_t group_handlers[2];
    struct policy_windows windows[2];
    char disabled_text[4][80];
    const char *disabled[5];
    struct estate *estates[2];
    struct model *model;
    struct bounded_memory bounded;
    void *memory, *audit;
    size_t blocks;
    struct world_row rows[WORLD_ROWS];
    unsigned row_count;
    uint16_t failed[WORLD_NODES][FOUND_KINDS]; /* reason; UINT16_MAX = never told */
    msec_t now;
};

/* ---- rows ---- */

enum field_kind { IS_TEXT, IS_NUMBER, IS_VERDICT, IS_BYTE, IS_FLAG };
struct row_field {
    uint8_t kind, type;
    const char *name;
    size_t at, size;
};
#define F(found, type, what, member, word)                                                                                                 \
    {                                                                                                                                      \
        found, what, word, offsetof(struct type, member), sizeof(((struct type *)0)->member)                                               \
    }
static const struct row_field row_fields[] = {
    F(FOUND_NODE, found_node, IS_TEXT, name, "1"),
    F(FOUND_NODE, found_node, IS_NUMBER, state, "state"),
    F(FOUND_NODE, found_node, IS_NUMBER, drain, "drain"),
    F(FOUND_GROUP, found_group, IS_TEXT, name, "1"),
    F(FOUND_GROUP, found_group, IS_TEXT, owner, "owner"),
    F(FOUND_GROUP, found_group, IS_NUMBER, state, "state"),
    F(FOUND_GROUP, found_group, IS_NUMBER, auto_failback, "failback"),
    F(FOUND_GROUP, found_group, IS_NUMBER, failback_start, "start"),
    F(FOUND_GROUP, found_group, IS_NUMBER, failback_end, "end"),
    F(FOUND_GROUP, found_group, IS_VERDICT, persistent, "persistent"),
    F(FOUND_GROUP, found_group, IS_VERDICT, core, "core"),
    F(FOUND_RESOURCE, found_resource, IS_TEXT, name, "1"),
    F(FOUND_RESOURCE, found_resource, IS_TEXT, type, "type"),
    F(FOUND_RESOURCE, found_resource, IS_TEXT, group, "group"),
    F(FOUND_RESOURCE, found_resource, IS_TEXT, owner, "owner"),
    F(FOUND_RESOURCE, found_resource, IS_NUMBER, state, "state"),
    F(FOUND_RESOURCE, found_resource, IS_NUMBER, restart_action, "action"),
    F(FOUND_RESOURCE, found_resource, IS_NUMBER, restart_threshold, "threshold"),
    F(FOUND_RESOURCE, found_resource, IS_NUMBER, pending_timeout_ms, "pending"),
    F(FOUND_POSSIBLE_OWNER, found_possible_owner, IS_TEXT, resource, "1"),
    F(FOUND_POSSIBLE_OWNER, found_possible_owner, IS_TEXT, node, "2"),
    F(FOUND_DEPENDENCY, found_dependency, IS_TEXT, resource, "1"),
    F(FOUND_DEPENDENCY, found_dependency, IS_TEXT, on, "2"),
    F(FOUND_SERVICE_NAME, found_service_name, IS_TEXT, resource, "1"),
    F(FOUND_SERVICE_NAME, found_service_name, IS_TEXT, service, "service"),
    F(FOUND_HOST, found_host, IS_TEXT, name, "1"),
    F(FOUND_HOST, found_host, IS_TEXT, cluster_group, "group"),
    F(FOUND_HOST, found_host, IS_NUMBER, type, "type"),
    F(FOUND_HOST, found_host, IS_VERDICT, only_32_bit, "only32"),
    F(FOUND_INSTANCE, found_instance, IS_TEXT, host, "1"),
    F(FOUND_INSTANCE, found_instance, IS_TEXT, node, "2"),
    F(FOUND_INSTANCE, found_instance, IS_NUMBER, type, "type"),
    F(FOUND_INSTANCE, found_instance, IS_NUMBER, state, "state"),
    F(FOUND_INSTANCE, found_instance, IS_NUMBER, configuration, "configuration"),
    F(FOUND_INSTANCE, found_instance, IS_NUMBER, cluster, "cluster"),
    F(FOUND_INSTANCE, found_instance, IS_VERDICT, disabled, "disabled"),
    F(FOUND_HANDLER, found_handler, IS_TEXT, adapter, "1"),
    F(FOUND_HANDLER, found_handler, IS_TEXT, host, "2"),
    F(FOUND_LOCATION, found_location, IS_TEXT, name, "1"),
    F(FOUND_LOCATION, found_location, IS_TEXT, port, "port"),
    F(FOUND_LOCATION, found_location, IS_TEXT, adapter, "adapter"),
    F(FOUND_LOCATION, found_location, IS_TEXT, host, "host"),
    F(FOUND_LOCATION, found_location, IS_TEXT, url, "url"),
    F(FOUND_LOCATION, found_location, IS_VERDICT, disabled, "disabled"),
    F(FOUND_SETTING, found_setting, IS_TEXT, name, "1"),
    F(FOUND_SETTING, found_setting, IS_TEXT, sso_server, "sso"),
    F(FOUND_SUSPENDED, found_suspended, IS_TEXT, host, "1"),
    F(FOUND_SUSPENDED, found_suspended, IS_NUMBER, resumable, "resumable"),
    F(FOUND_SUSPENDED, found_suspended, IS_NUMBER, not_resumable, "lost"),
    F(FOUND_SUSPENDED, found_suspended, IS_FLAG, capped, "capped"),
    F(FOUND_SERVICE, found_service, IS_TEXT, name, "1"),
    F(FOUND_SERVICE, found_service, IS_BYTE, state, "state"),
};
#undef F

static const struct row_field *field_named(uint8_t kind, const char *name)
{
    for (size_t i = 0; i < sizeof row_fields / sizeof *row_fields; i++)
        if (row_fields[i].kind == kind && strcmp(row_fields[i].name, name) == 0)
            return &row_fields[i];
    return NULL;
}

static void field_set(const struct row_field *field, char *row, const char *value)
{
    int64_t number = strcmp(value, "absent") == 0 ? ABSENT : strtoll(value, NULL, 10);
    uint8_t byte = (uint8_t)(strcmp(value, "yes") == 0 ? YES : strcmp(value, "no") == 0 ? NO : (number == ABSENT ? 0 : number));
    bool flag = byte == YES;
    switch (field->type) {
    case IS_TEXT:
        memset(row + field->at, 0, field->size);
        memcpy(row + field->at, value, strnlen(value, field->size - 1));
        break;
    case IS_NUMBER:
        memcpy(row + field->at, &number, sizeof number);
        break;
    case IS_FLAG:
        memcpy(row + field->at, &flag, sizeof flag);
        break;
    default:
        row[field->at] = (char)byte;
    }
}

/* What does not come is absent. */
static void row_blank(struct world_row *row)
{
    memset(&row->row, 0, sizeof row->row);
    for (size_t i = 0; i < sizeof row_fields / sizeof *row_fields; i++)
        if (row_fields[i].kind == row->kind && row_fields[i].type == IS_NUMBER)
            field_set(&row_fields[i], row->row.bytes, "absent");
    if (row->kind == FOUND_LOCATION) {
        struct found_location *location = (struct found_location *)(void *)row->row.bytes;
        location->window_start_s = location->window_stop_s = -1;
    }
}

static struct world_row *world_row(struct world *world, uint8_t node, uint8_t kind, const char *first, const char *second)
{
    const struct row_field *one = field_named(kind, "1"), *two = field_named(kind, "2");
    for (unsigned i = 0; i < world->row_count; i++) {
        struct world_row *row = &world->rows[i];
        if (row->kind == kind && row->node == node && strcmp(row->row.bytes + one->at, first) == 0 &&
            (!two || strcmp(row->row.bytes + two->at, second) == 0))
            return row;
    }
    assert_true(world->row_count < WORLD_ROWS);
    struct world_row *row = &world->rows[world->row_count++];
    *row = (struct world_row){.kind = kind, .node = node};
    row_blank(row);
    field_set(one, row->row.bytes, first);
    if (two)
        field_set(two, row->row.bytes, second);
    return row;
}

/* ---- the world ---- */

static void *world_allocate(size_t size, void *context)
{
    ((struct world *)context)->blocks++;
    return calloc(1, size);
}

static void world_release(void *block, void *context)
{
    ((struct world *)context)->blocks -= block != NULL;
    free(block);
}

static void world_policy(struct world *world)
{
    static const char *const ftp[] = {"FTP", NULL}, *const sftp[] = {"SFTP", NULL}, *const pop3[] = {"POP3", NULL},
                             *const msmq[] = {"MSMQ", NULL}, *const no_hosts[] = {NULL};
    static const char *const node_names[WORLD_NODES] = {"BTS01", "BTS02", "OTH01"};
    static const char *const probes[] = {"wsfc", "biztalk", "service"};
    static char names[WORLD_SOURCES][40];
    for (unsigned i = 0; i < 2; i++) {
        world->windows[i] = (struct policy_windows){.ftp_adapters = ftp,
                                                    .sftp_adapters = sftp,
                                                    .pop3_adapters = pop3,
                                                    .msmq_adapters = msmq,
                                                    .disabled_locations = world->disabled,
                                                    .sso_server = "",
                                                    .restart_action = ABSENT,
                                                    .restart_threshold = ABSENT};
        world->clusters[i] = (struct policy_cluster){.name = i ? "branch" : "biztalk",
                                                     .type = CLUSTER_WSFC,
                                                     .node_count = i ? 1 : 2,
                                                     .max_in_flight = 1,
                                                     .heals_itself = true,
                                                     .first_node = i ? 2 : 0,
                                                     .control_interval = 15000,
                                                     .control_timeout = 5000,
                                                     .pending_timeout = 180000,
                                                     .windows = &world->windows[i],
                                                     .preflight = UINT16_MAX};
        world->groups[i] =
            (struct policy_group){.name = i ? "BranchFTP" : "BizTalkFTP", .cluster = (uint16_t)i, .hosts = no_hosts, .role = ""};
    }
    for (unsigned i = 0; i < WORLD_NODES; i++) {
        uint16_t cluster = i == 2;
        world->nodes[i] =
            (struct policy_node){.name = node_names[i], .cluster = cluster, .index = i == 2 ? 0 : (uint8_t)i, .computer = node_names[i]};
        for (unsigned p = 0; p < 3; p++) {
            snprintf(names[i * 3 + p], sizeof names[0], "%s/%s@%s", cluster ? "branch" : "biztalk", probes[p], node_names[i]);
            world->sources[i * 3 + p] = (struct policy_source){.name = names[i * 3 + p],
                                                               .target = subject_of(SUBJECT_CLUSTER, cluster),
                                                               .cluster = cluster,
                                                               .node = world->nodes[i].index,
                                                               .control = true,
                                                               .estate = true,
                                                               .interval = 15000,
                                                               .timeout = 5000,
                                                               .rise = 1,
                                                               .fall = 1};
        }
    }
    world->sources[POP3_SOURCE] = (struct policy_source){.name = "post",
                                                         .target = subject_of(SUBJECT_SERVER, 1),
                                                         .cluster = UINT16_MAX,
                                                         .node = NODE_NONE,
                                                         .interval = 30000,
                                                         .timeout = 5000,
                                                         .rise = 1,
                                                         .fall = 1};
    world->sources[FTP_SOURCE] = (struct policy_source){.name = "partner",
                                                        .target = subject_of(SUBJECT_SERVER, 0),
                                                        .cluster = UINT16_MAX,
                                                        .node = NODE_NONE,
                                                        .interval = 30000,
                                                        .timeout = 5000,
                                                        .rise = 1,
                                                        .fall = 1};
    world->servers[0] = (struct policy_server){.name = "partner", .type = SERVER_FTP};
    world->servers[1] = (struct policy_server){.name = "post", .type = SERVER_POP3};
    world->handlers[0] = (struct policy_handler){.name = "orders",
                                                 .account = "orders",
                                                 .path = "/in",
                                                 .poll = 60000,
                                                 .window = 180000,
                                                 .silent_after = 3,
                                                 .host = "FtpReceive",
                                                 .location = ""};
    world->handlers[1] = (struct policy_handler){.name = "mail",
                                                 .server = 1,
                                                 .account = "mail",
                                                 .path = "",
                                                 .poll = 300000,
                                                 .window = 900000,
                                                 .silent_after = 3,
                                                 .host = "MailReceive",
                                                 .location = ""};
    world->group_handlers[1] = 1;
    world->groups[0].handler_count = 2;
    world->policy = (struct policy){.clusters = world->clusters,
                                    .nodes = world->nodes,
                                    .groups = world->groups,
                                    .servers = world->servers,
                                    .handlers = world->handlers,
                                    .sources = world->sources,
                                    .group_handlers = world->group_handlers,
                                    .cluster_count = 2,
                                    .node_count = WORLD_NODES,
                                    .group_count = 2,
                                    .server_count = 2,
                                    .handler_count = 2,
                                    .source_count = WORLD_SOURCES,
                                    .common_window = 60000,
                                    .common_count = 2,
                                    .agent_name = "test"};
}

static struct world *world_open(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->now = 1000000;
    world_policy(world);
    world->bounded = (struct bounded_memory){world_allocate, world_release, world};
    for (uint16_t i = 0; i < 2; i++)
        assert_non_null(world->estates[i] = estate_open(&world->policy, i, &world->bounded));
    world->memory = calloc(1, model_size(&world->policy));
    world->audit = calloc(1, audit_size());
    assert_non_null(world->memory);
    assert_non_null(world->audit);
    world->model = model_open(world->memory, &world->policy, world->now);
    world->model->handlers[0].data = world->model->handlers[1].data = DATA_ONE;
    return world;
}

static void world_close(struct world *world)
{
    for (unsigned i = 0; i < 2; i++)
        estate_close(world->estates[i]);
    assert_int_equal(world->blocks, 0);
    free(world->memory);
    free(world->audit);
    free(world);
}

static uint16_t source_of(uint8_t node, uint8_t kind)
{
    unsigned probe = kind <= FOUND_SERVICE_NAME ? 0 : kind <= FOUND_SUSPENDED ? 1 : 2;
    return (uint16_t)(node * 3U + probe);
}

static bool per_resource(uint8_t kind)
{
    return kind == FOUND_POSSIBLE_OWNER || kind == FOUND_DEPENDENCY;
}

static void world_list(struct world *world, uint8_t node, uint8_t kind, const char *of)
{
    struct estate *estate = world->estates[world->nodes[node].cluster];
    uint16_t source = source_of(node, kind), reason = world->failed[node][kind];
    estate_found(estate, source, &(struct found){.step = FOUND_BEGIN, .kind = kind, .of = of}, world->now);
    for (unsigned i = 0; i < world->row_count && !reason; i++) {
        const struct world_row *row = &world->rows[i];
        if (row->kind == kind && row->node == node && !row->gone && (!of || strcmp(of, row->row.bytes) == 0))
            estate_found(estate, source, &(struct found){.step = FOUND_ROW, .kind = kind, .of = of, .row = row->row.bytes}, world->now);
    }
    estate_found(estate, source, &(struct found){.step = FOUND_END, .kind = kind, .of = of, .reason = reason ? reason : REASON_OK},
                 world->now);
}

/* Every node gives every list of which it has rows. */
static void world_tell(struct world *world)
{
    for (uint8_t node = 0; node < WORLD_NODES; node++)
        for (uint8_t kind = 0; kind < FOUND_KINDS; kind++) {
            bool any = kind == FOUND_SUSPENDED && node == 0;
            for (unsigned i = 0; i < world->row_count; i++)
                any |= world->rows[i].kind == kind && world->rows[i].node == node;
            if (per_resource(kind))
                for (unsigned i = 0; i < world->row_count; i++)
                    any |= world->rows[i].kind == FOUND_RESOURCE && world->rows[i].node == node;
            if (!any || world->failed[node][kind] == UINT16_MAX)
                continue;
            if (!per_resource(kind))
                world_list(world, node, kind, NULL);
            for (unsigned i = 0; per_resource(kind) && i < world->row_count; i++)
                if (world->rows[i].kind == FOUND_RESOURCE && world->rows[i].node == node && !world->rows[i].gone)
                    world_list(world, node, kind, world->rows[i].row.bytes);
        }
}

/* ---- lines ---- */

static unsigned world_split(char *line, char *words[WORLD_WORDS])
{
    unsigned count = 0;
    for (char *at = line; *at && count < WORLD_WORDS;) {
        at += strspn(at, " \t");
        if (!*at)
            break;
        char stop = *at == '\'' ? '\'' : ' ';
        words[count++] = stop == '\'' ? ++at : at;
        at = strchr(at, stop);
        if (!at)
            break;
        *at++ = '\0';
    }
    return count;
}

static uint8_t world_node(const struct world *world, const char *name)
{
    for (uint8_t i = 0; i < WORLD_NODES; i++)
        if (strcmp(world->nodes[i].name, name) == 0)
            return i;
    fail_msg("no node %s", name);
    return 0;
}

static uint8_t world_kind(const char *name)
{
    for (uint8_t kind = 0; kind < FOUND_KINDS; kind++)
        if (strcmp(found_kind_name(kind), name) == 0)
            return kind;
    fail_msg("no kind %s", name);
    return 0;
}

static uint16_t world_reason(const char *name)
{
    for (uint16_t reason = 0; reason < REASONS; reason++)
        if (strcmp(reason_name(reason), name) == 0)
            return reason;
    fail_msg("no reason %s", name);
    return 0;
}

static void world_config(struct world *world, const char *key, const char *value)
{
    struct policy_windows *windows = &world->windows[0];
    unsigned used = 0;
    while (world->disabled[used])
        used++;
    if (strcmp(key, "restart_threshold") == 0) {
        windows->restart_threshold = strtoll(value, NULL, 10);
    } else if (strcmp(key, "restart_action") == 0) {
        windows->restart_action = strtoll(value, NULL, 10);
    } else if (strcmp(key, "pop3_permits") == 0) {
        windows->pop3_permits = strcmp(value, "yes") == 0 ? YES : NO;
    } else if (strcmp(key, "disabled") == 0) {
        assert_true(used < 4);
        snprintf(world->disabled_text[used], sizeof world->disabled_text[0], "%s", value);
        world->disabled[used] = world->disabled_text[used];
    } else {
        fail_msg("no key %s", key);
    }
}

static void world_data(struct world *world, char *const *words, unsigned count)
{
    static const char *const planes[] = {"unknown", "none", "silent", "one", "many"};
    struct handler_state_row *row = &world->model->handlers[0];
    for (uint8_t i = 0; i < 5; i++)
        if (strcmp(planes[i], words[0]) == 0)
            row->data = i;
    row->data_reason = row->data == DATA_UNKNOWN ? REASON_LOG_STALLED : REASON_SEEN_POLLING;
    row->many = 0;
    for (unsigned i = 1; i < count; i++)
        row->many |= node_bit(world_node(world, words[i]));
}

static void world_locks(struct world *world, const char *word)
{
    const struct observation seen = {.subject = subject_of(SUBJECT_SERVER, 1),
                                     .source = POP3_SOURCE,
                                     .node = NODE_NONE,
                                     .aspect = ASPECT_LOCKS,
                                     .verdict = strcmp(word, "yes") == 0 ? YES : NO,
                                     .reason = REASON_OK,
                                     .at = world->now};
    model_observe(world->model, &seen);
}

static void world_fields(struct world *world, char *const *words, unsigned count)
{
    bool gone = strcmp(words[0], "-") == 0;
    words += gone;
    count -= gone;
    assert_true(count >= 3);
    uint8_t node = world_node(world, words[0]), kind = world_kind(words[1]);
    bool two = field_named(kind, "2") != NULL;
    struct world_row *row = world_row(world, node, kind, words[2], two ? words[3] : "");
    row->gone = gone;
    for (unsigned i = two ? 4 : 3; i + 1 < count; i += 2) {
        const struct row_field *field = field_named(kind, words[i]);
        if (!field)
            fail_msg("%s has no %s", words[1], words[i]);
        else
            field_set(field, row->row.bytes, words[i + 1]);
    }
}

static void world_line(struct world *world, const char *text)
{
    char line[1000], *words[WORLD_WORDS];
    snprintf(line, sizeof line, "%s", text);
    line[strcspn(line, "\r\n")] = '\0';
    unsigned count = line[0] == '#' ? 0 : world_split(line, words);
    if (!count)
        return;
    if (strcmp(words[0], "fail") == 0)
        world->failed[world_node(world, words[1])][world_kind(words[2])] = world_reason(words[3]);
    else if (strcmp(words[0], "never") == 0)
        world->failed[world_node(world, words[1])][world_kind(words[2])] = UINT16_MAX;
    else if (strcmp(words[0], "config") == 0)
        world_config(world, words[1], words[2]);
    else if (strcmp(words[0], "locks") == 0)
        world_locks(world, words[1]);
    else if (strcmp(words[0], "data") == 0)
        world_data(world, words + 1, count - 1);
    else if (strcmp(words[0], "after") == 0)
        world->now += strtoll(words[1], NULL, 10) * 1000;
    else if (strcmp(words[0], "tell") == 0)
        world_tell(world);
    else
        world_fields(world, words, count);
}

static void world_file(struct world *world, const char *path)
{
    char line[1000];
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot read %s", path);
    while (file && fgets(line, sizeof line, file))
        world_line(world, line);
    if (file)
        fclose(file);
}

static struct audit_input world_input(const struct world *world)
{
    return (struct audit_input){&world->policy, world->model, world->estates, world->now};
}

#endif
