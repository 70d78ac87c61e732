/* What the two files of the wsfc driver share: what a node said in this very conversation. Nobody else includes this. */
#ifndef SOLOWARDEN_ACT_DRIVER_WSFC_H
#define SOLOWARDEN_ACT_DRIVER_WSFC_H

#include "agent/core/engine.h"
#include "driver.h"
#include "probes/wmi.h"

enum { WSFC_HOSTS_MAX = 32, WSFC_RESOURCES_MAX = 64 };

struct wsfc_host {
    char name[FOUND_HOST_NAME];
    nodes_t installed, startable; /* by its instances: there is one; it is installed and not disabled */
    bool running;                 /* its service runs on the asked node */
};

/* Everything that one reading of one node told. Zero = nothing. */
struct wsfc_word {
    bool group_known, pending; /* pending: the group, or any of its resources */
    uint8_t owner;             /* NODE_NONE = a name that is no node's */
    int64_t state;             /* enum role_state */
    nodes_t up, members;       /* up: and not draining; members: everybody who is part of the cluster now */
    bool nodes_known, resources_known, owners_known, hosts_known, instances_known, services_known;
    nodes_t refused; /* nodes that are no possible owner of some resource of the group */
};

enum wsfc_scope { WSFC_GROUP_ONLY, WSFC_FOR_MOVE, WSFC_FOR_STOP };

struct wsfc_reading {
    struct wmi_talk talk;
    struct seen seen;
    const struct order *order;
    const struct compiled *compiled;
    struct wsfc_word word;
    nodes_t possible; /* owners of the resource that is being read */
    struct wsfc_host hosts[WSFC_HOSTS_MAX];
    unsigned host_count, resource_count, resources_asked;
    char resources[WSFC_RESOURCES_MAX][FOUND_NAME];
    char group_query[320], resource_query[320];
    bool overflowed; /* more than fits: then nothing is done */
};

/* Begins a reading; hosts stay, they belong to the group. */
void wsfc_read_begin(struct wsfc_reading *reading, const struct order *order, const struct driver_context *context);
/* One step of it. STEP_DONE: reading->word holds what came, reading->seen how it went. */
enum step wsfc_read(struct wsfc_reading *reading, enum wsfc_scope scope, const struct driver_context *context, uint8_t node,
                    const struct reply *in, struct request *out);

const char *wsfc_computer(const struct order *order, const struct compiled *compiled, uint8_t node);

#endif
