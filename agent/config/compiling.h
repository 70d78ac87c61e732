/* What the files of the compiler share among themselves; nobody else includes this. */
#ifndef SOLOWARDEN_CONFIG_COMPILING_H
#define SOLOWARDEN_CONFIG_COMPILING_H

#include "arena.h"
#include "compile.h"

struct compile {
    struct arena *arena;
    const struct config *config;
    struct compiled *compiled;
    /* the policy's tables while they are written */
    struct policy_cluster *clusters;
    struct policy_node *nodes;
    struct policy_address *addresses;
    struct policy_group *groups;
    struct policy_server *servers;
    struct policy_handler *handlers;
    struct policy_source *sources;
    uint16_t *group_handlers, *needs;
    size_t node_count, address_count, group_count, source_count, group_handler_count, need_count;
};

#define ENTRY(map, type, position) ((const struct type *)(map).entries + (position))

/* compile_windows.c: a cluster's own probes, once per node, and the source that speaks for all of them together. */
size_t windows_source_count(const struct conf_cluster *cluster);
void compile_windows(struct compile *compile, size_t cluster_position);
const struct http_target *const *compile_act_targets(struct compile *compile, const struct conf_cluster *cluster);
/* An SNMP agent on a server's machine. */
void compile_server_snmp(struct compile *compile, size_t server_position);

#endif
