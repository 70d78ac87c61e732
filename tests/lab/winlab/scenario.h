/* A scenario file as it was written: plain structs filled by field tables. Owns keys, defaults and cross checks; knows nothing of what
 * happens later. */
#ifndef SOLOWARDEN_WINLAB_SCENARIO_H
#define SOLOWARDEN_WINLAB_SCENARIO_H

#include <stdio.h>

#include "agent/config/tree.h"

struct scenario_timing { /* ms */
    int64_t online, offline, hung_stop, is_alive, heartbeat, join, recovery, sql_dies;
};

struct scenario_biztalk {
    const char *group, *sso_server;
    bool virtual_rows;         /* a row of ClusterInstanceType 2 beside those of the nodes */
    int64_t passive_instances; /* enum passive: what BizTalk says of a clustered instance on a node that does not own it */
};
enum passive { PASSIVE_STOPPED, PASSIVE_UNKNOWN };

struct scenario_node {
    struct map_entry entry;
    const char *address, *os;
    bool up, paused, msmq, sso, msdtc;
    const char *counters_of; /* NetNameForPerfCounters; "" = not set */
};

enum resource_kind { KIND_NETWORK_NAME, KIND_IP_ADDRESS, KIND_DISK, KIND_MSMQ, KIND_MSDTC, KIND_SSO, KIND_HOST, KIND_OTHER };
struct scenario_restart { /* ms; the names of MSCluster_Resource */
    int64_t action, threshold, period, delay, pending_timeout, retry;
};
enum starts { STARTS_ONLINE, STARTS_OFFLINE, STARTS_FAILED, STARTS_PENDING };
struct scenario_resource {
    struct map_entry entry;
    const char *called, *type, *host, *value;
    int64_t kind, starts;
    struct texts owners, depends;
    struct scenario_restart restart;
};

struct scenario_group {
    struct map_entry entry;
    const char *called, *owner, *preferred;
    bool auto_failback, persistent;
    int64_t failback_start, failback_end, failover_threshold, failover_period_hours;
    struct map resources;
};

struct scenario_host {
    struct map_entry entry;
    bool only_32_bit, isolated;
    struct texts nodes, disabled, broken, outside, stopped;
    int64_t suspended, suspended_for_good;
};

struct scenario_receiver {
    const char *url, *user, *password_file, *ca_file;
    int64_t poll;
};
struct scenario_location {
    struct map_entry entry;
    const char *called, *port, *adapter, *host, *url;
    bool enabled;
    int64_t window_start, window_stop;  /* minutes of the day; -1 = always */
    struct scenario_receiver *receiver; /* NULL: nothing is polled */
};

struct scenario_queue {
    struct map_entry entry;
    const char *called, *host, *resource, *node;
    int64_t messages, message_bytes, in_per_minute, out_per_minute, journal;
};

struct scenario_cluster {
    struct map_entry entry;
    bool service_names;
    int64_t msmq_port; /* 0 = none */
    struct scenario_timing timing;
    struct scenario_biztalk biztalk;
    struct map nodes, groups, hosts, locations, queues;
};

struct scenario_load {
    int64_t clusters, nodes, hosts, second_byte;
};

struct scenario {
    int64_t version;
    struct scenario_load *load;
    struct map clusters;
    struct arena *arena;
};

extern const struct field scenario_fields[]; /* scenario_tables.c */

/* NULL: all errors were written, with lines. */
struct scenario *scenario_read(const char *path, FILE *complaints);
struct scenario *scenario_parse(const char *name, const char *text, size_t size, FILE *complaints);
void scenario_close(struct scenario *scenario);

void scenario_check(const struct scenario *scenario, struct reading *reading);               /* names that must exist */
char *scenario_of_load(const struct scenario_load *load, struct arena *arena, size_t *size); /* the YAML of a generated one */

#endif
