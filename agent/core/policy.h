/* What the operator decided, compiled for the core: flat tables, positions instead of names.
 * Immutable once built (agent/config/compile.c builds it, tests build it by hand); borrowed by the core for its lifetime. */
#ifndef SOLOWARDEN_CORE_POLICY_H
#define SOLOWARDEN_CORE_POLICY_H

#include "types.h"

enum cluster_type { CLUSTER_STATIC, CLUSTER_WSFC, CLUSTER_PACEMAKER };
enum mode { MODE_OBSERVE, MODE_ADVISE, MODE_CONFIRM, MODE_AUTO };
enum trigger { TRIGGER_NONE = 1, TRIGGER_IDLE = 2, TRIGGER_PROBE = 4 }; /* bits of policy_group.triggers */
enum singleton { SINGLETON_YES, SINGLETON_NO, SINGLETON_AUTO };
enum server_type { SERVER_FTP, SERVER_POP3, SERVER_TCP, SERVER_EXEC };

struct budget {
    uint32_t count;
    msec_t per;
};

struct policy_cluster {
    const char *name;
    uint8_t type; /* enum cluster_type */
    uint8_t node_count, max_in_flight;
    bool heals_itself;   /* a cluster manager restarts and moves by itself: confirm windows have a floor of 60 s, not 5 s */
    uint16_t first_node; /* in policy.nodes */
    msec_t control_interval, control_timeout, pending_timeout, restart_delay;
    const struct policy_windows *windows; /* NULL unless a Windows failover cluster */
    uint16_t preflight;                   /* the source that speaks for all sources of the cluster together; UINT16_MAX = none */
};

/* What only a Windows cluster has. Names are compared without regard to case. */
struct policy_windows {
    const char *const *ftp_adapters, *const *sftp_adapters, *const *pop3_adapters, *const *msmq_adapters; /* names of adapters; NULL ends */
    const char *const *disabled_locations;     /* receive locations that are meant to be disabled; NULL ends */
    const char *sso_server;                    /* master secret server, where BizTalk is not to be believed; "" = as found */
    uint8_t pop3_permits;                      /* enum verdict: the POP3 servers permit several sessions of one mailbox */
    int64_t restart_action, restart_threshold; /* what the audit expects; ABSENT = anything that fails over */
    const char *const *counters_of;            /* machines whose queues are counted also beside another Message Queuing; NULL ends */
    msec_t queue_stuck_after;
    int64_t queue_high, queue_critical; /* messages; 0 = no limit */
    bool zone_given;
    int32_t zone_seconds; /* of the nodes, for service windows; unless given, this host's */
};

struct policy_node {
    const char *name;
    uint16_t cluster;
    uint8_t index;        /* its place in its cluster: the `node` of observations and events */
    const char *computer; /* its name as the cluster and BizTalk write it; the configured name unless given */
};

/* An address or prefix that belongs to one node, or to several (NODE_SHARED), or is to be ignored (NODE_IGNORED). */
struct policy_address {
    struct address address;
    uint8_t prefix; /* bits, 0..128; IPv4 counts from 96 */
    uint8_t node;
    uint16_t cluster;
};

struct policy_group {
    const char *name;
    uint16_t cluster;
    uint8_t mode, triggers;
    bool fenced, can_move, can_stop;       /* fenced: the site promises that `move` proves the old copy stopped */
    uint16_t first_handler, handler_count; /* in policy.group_handlers */
    uint16_t first_need, need_count;       /* in policy.needs */
    nodes_t candidates;                    /* nodes that may run it */
    msec_t confirm;                        /* as configured; 0 = the computed floor. Never shortens the floor */
    msec_t settle;                         /* 0 = computed */
    msec_t cool_down, trusted_after, blind_after, offline_long;
    struct budget max_moves, max_stops;
    const char *role;         /* the cluster manager's own name of it; the configured name unless given */
    const char *const *hosts; /* BizTalk hosts of it, beside those that BizTalk names itself; NULL ends, never NULL */
};

struct policy_server {
    const char *name;
    uint8_t type;            /* enum server_type */
    bool has_probe, has_log; /* has_probe: policy.sources holds a source whose target is this server */
    bool log_has_logins;     /* the log's format can prove silence */
    bool has_canary;         /* the probe logs in, so its line must appear in the log */
    const char *canary_account;
    msec_t canary_every, lag_max;
    uint32_t stamp_resolution; /* of the log's stamps, in milliseconds: 1000 for most */
};

struct policy_handler {
    const char *name;
    uint16_t group, server;
    uint8_t singleton;
    const char *account;         /* as in the server's log */
    const char *path;            /* prefix of the objects; "" = any. A poll (login) counts for every handler of the account */
    msec_t poll, window;         /* window: W = 3 × poll unless configured */
    uint32_t silent_after;       /* polls */
    const char *host, *location; /* BizTalk host and receive location; "" = not given */
};

/* Who observes: one row per probe instance. */
struct policy_source {
    const char *name; /* full name: "pollers/orders/alive@p1" */
    subject_t target; /* the server, group or node that it asks about */
    uint16_t cluster; /* of its observer; UINT16_MAX for a server's probe */
    uint8_t node;     /* the node that speaks (first-hand about itself), or NODE_NONE */
    bool control;     /* speaks about who is active */
    bool canary;      /* its login must appear in the target's log */
    bool estate;      /* finds rows of its cluster's estate, which speaks for it */
    msec_t interval, timeout;
    uint8_t rise, fall; /* good or bad results in a row before ASPECT_ENDPOINT changes */
};

enum { QUEUE_NAME_BYTES = 64, QUEUE_SEATS = 64 /* per Windows cluster: queues.h */ };

struct policy {
    const struct policy_cluster *clusters;
    const struct policy_node *nodes;
    const struct policy_address *addresses; /* of all clusters */
    const struct policy_group *groups;
    const struct policy_server *servers;
    const struct policy_handler *handlers;
    const struct policy_source *sources;
    const uint16_t *group_handlers; /* positions in handlers */
    const uint16_t *needs;          /* positions in servers */
    uint16_t cluster_count, node_count, group_count, server_count, handler_count, source_count;
    uint32_t address_count;
    msec_t common_window; /* 60 s */
    uint8_t common_count; /* groups falling inside common_window that make one common cause (2) */
    bool observe_only;
    const char *agent_name;
    char (*queue_names)[QUEUE_NAME_BYTES]; /* of SUBJECT_QUEUE: found, not configured; the model writes one when a queue takes its seat */
};

size_t policy_queue_seats(const struct policy *policy);

/* The policy's own name of a subject ("orders"); "" if it does not exist. */
const char *policy_name(const struct policy *policy, subject_t subject);

/* Whose address is this? A node of `cluster`, NODE_SHARED, NODE_IGNORED or NODE_FOREIGN. */
uint8_t policy_node_of_address(const struct policy *policy, uint16_t cluster, const struct address *address);

#endif
