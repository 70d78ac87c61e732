/* The world from inside: what its own files share. The truth of the simulation; nothing outside the world's files may include it. */
#ifndef SOLOWARDEN_WINLAB_STATE_H
#define SOLOWARDEN_WINLAB_STATE_H

#include "scenario.h"
#include "world.h"

enum { LAB_NODES = 8, FAILURES_KEPT = 17, COUNTERS_MAX = 64, NOWHERE = -1 };
#define FOREVER UINT64_MAX

/* A Windows service, in the numbers of MSBTS_HostInstance.ServiceState. */
enum { SERVICE_STOPPED_NOW = 1, SERVICE_STARTING = 2, SERVICE_STOPPING = 3, SERVICE_RUNS = 4, SERVICE_NOT_KNOWN = 8 };
struct service {
    uint8_t state;
    bool hung;
    uint64_t due; /* when a pending state ends */
    uint32_t process;
    int64_t started_wall;
};

enum {
    STATE_ONLINE = 2,
    STATE_OFFLINE = 3,
    STATE_FAILED = 4,
    STATE_PENDING = 128,
    STATE_ONLINE_PENDING = 129,
    STATE_OFFLINE_PENDING = 130
};
enum { GROUP_IS_ONLINE, GROUP_IS_OFFLINE, GROUP_IS_FAILED, GROUP_IS_PARTIAL, GROUP_IS_PENDING };

struct counter {
    char what[64];
    uint64_t count;
};

struct lab_node {
    const struct scenario_node *as;
    size_t cluster, index; /* index: within its cluster */
    bool up, known_down, paused;
    uint8_t drain;                                    /* NodeDrainStatus */
    uint64_t gone_since, joined_at;                   /* joined_at: 0 = has joined */
    struct service sso, msmq, msdtc, cluster_service; /* its own; ENTSSO also when clustered */
    /* what the wire does to its requests */
    bool cut, denied, quota, wrong_certificate;
    uint32_t slow_ms;
    char missing_class[64];
    uint64_t contexts;
    struct counter counters[COUNTERS_MAX];
    size_t counter_count;
};

struct resource {
    const struct scenario_resource *as;
    size_t group;
    const char *name, *type;
    uint8_t state;
    bool wanted;                           /* PersistentState */
    uint64_t due, gone_since, state_since; /* gone_since: its service died, the cluster does not know yet */
    uint32_t owners;                       /* bit per node of the cluster */
    size_t depends[8], depend_count;       /* positions in the cluster's resources */
    size_t host;                           /* KIND_HOST */
    struct service service;                /* KIND_MSMQ: of the clustered MSMQ */
    uint64_t failures[FAILURES_KEPT];      /* newest first */
    size_t failure_count;
};

struct group {
    const struct scenario_group *as;
    const char *name;
    int owner, target, preferred; /* node of the cluster, or NOWHERE; target: it is on its way there */
    bool orphan;                  /* its owner is gone and nobody else could take it yet */
    bool persistent;
    uint64_t failovers[FAILURES_KEPT];
    size_t failover_count;
    uint32_t moves;
};

struct host {
    const struct scenario_host *as;
    int resource;             /* of the cluster, NOWHERE = not clustered */
    int instances[LAB_NODES]; /* per node, NOWHERE = none */
};

struct instance {
    size_t host, node;
    struct service service;
    bool disabled, outside; /* outside: started past the cluster */
    uint8_t configuration;
    uint8_t recoveries;
    uint64_t recover_at, dies_at;
};

struct location {
    const struct scenario_location *as;
    const char *name;
    size_t host;
    bool enabled;
};

struct queue {
    const struct scenario_queue *as;
    const char *name;
    int host, resource, node; /* NOWHERE = none */
    double messages, in_per_minute, out_per_minute;
};

struct lab_cluster {
    const struct scenario_cluster *as;
    size_t first_node; /* of the world */
    size_t node_count, group_count, resource_count, host_count, instance_count, location_count, queue_count;
    struct lab_node *nodes;
    struct group *groups; /* room for one more: a split SSO */
    struct resource *resources;
    struct host *hosts;
    struct instance *instances;
    struct location *locations;
    struct queue *queues;
    bool sql_down;
    int sso_resource; /* NOWHERE: not clustered */
    int sso_home;     /* its group before it was split off */
};

struct world {
    struct scenario *scenario;
    size_t cluster_count, node_count;
    struct lab_cluster *clusters;
    struct lab_node *nodes; /* of all clusters */
    uint64_t now;
    int64_t wall;
    uint32_t next_process;
    bool begun;
};

/* world_build.c */
void world_build(struct world *world);
void world_free(struct world *world);
int cluster_node_called(const struct lab_cluster *cluster, const char *name);

#endif
