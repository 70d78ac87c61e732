/* What probes of a Windows cluster find: one fixed-size row per thing, as the asked machine tells it. Numbers are the provider's own
 * (root/MSCluster, root/MicrosoftBizTalkServer, Win32_Service), so that nothing is lost on the way; what they mean is estate*.c's.
 * A property that did not come is ABSENT, "" or UNKNOWN, never 0 or false. Owns shapes only. */
#ifndef SOLOWARDEN_CORE_FOUND_H
#define SOLOWARDEN_CORE_FOUND_H

#include "types.h"

#define ABSENT INT64_MIN

enum found_kind {
    FOUND_NODE,
    FOUND_GROUP,
    FOUND_RESOURCE,
    FOUND_POSSIBLE_OWNER, /* of one resource: a row per node */
    FOUND_DEPENDENCY,     /* of one resource: a row per resource that it depends on */
    FOUND_SERVICE_NAME,   /* which service a Generic Service resource runs: a list of its own, as not every Windows gives it */
    FOUND_HOST,
    FOUND_INSTANCE,
    FOUND_HANDLER,
    FOUND_LOCATION,
    FOUND_SETTING, /* of the BizTalk group */
    FOUND_SUSPENDED,
    FOUND_SERVICE, /* of the asked node */
    FOUND_QUEUE,
    FOUND_CONNECTION,
    FOUND_KINDS
};
const char *found_kind_name(uint8_t kind); /* "possible-owner"; "" beyond the kinds */
size_t found_size(uint8_t kind);           /* of its row; 0 beyond the kinds */

enum { FOUND_NAME = 128, FOUND_NODE_NAME = 64, FOUND_HOST_NAME = 84, FOUND_URL = 260 };

enum node_state { NODE_STATE_UP, NODE_STATE_DOWN, NODE_STATE_PAUSED, NODE_STATE_JOINING }; /* -1 unknown */
struct found_node {                                                                        /* MSCluster_Node */
    char name[FOUND_NODE_NAME];
    int64_t state, drain; /* drain: NodeDrainStatus 0 not initiated, 1 in progress, 2 completed, 3 failed */
};

enum role_state {
    GROUP_ONLINE,
    GROUP_OFFLINE,
    GROUP_FAILED,
    GROUP_PARTIAL,
    GROUP_PENDING
};                   /* -1 unknown; 206.. of clusapi.h already mapped */
struct found_group { /* MSCluster_ResourceGroup */
    char name[FOUND_NAME], owner[FOUND_NODE_NAME];
    int64_t state, failover_threshold, failover_period_hours, auto_failback, failback_start, failback_end;
    uint8_t persistent, core; /* enum verdict: meant to be online; holds the cluster's own resources */
};

enum resource_state {
    RESOURCE_INHERITED,
    RESOURCE_INITIALIZING,
    RESOURCE_ONLINE,
    RESOURCE_OFFLINE,
    RESOURCE_FAILED,
    RESOURCE_PENDING = 128,
    RESOURCE_ONLINE_PENDING,
    RESOURCE_OFFLINE_PENDING
};                      /* -1 unknown */
struct found_resource { /* MSCluster_Resource */
    char name[FOUND_NAME], type[FOUND_NODE_NAME], group[FOUND_NAME], owner[FOUND_NODE_NAME];
    int64_t state, restart_action, restart_threshold, restart_period_ms, restart_delay_ms, pending_timeout_ms, retry_period_ms;
    uint8_t persistent;
};

struct found_possible_owner {
    char resource[FOUND_NAME], node[FOUND_NODE_NAME];
};

struct found_dependency {
    char resource[FOUND_NAME], on[FOUND_NAME];
};

struct found_service_name { /* PrivateProperties.ServiceName; estate_resource_of_host joins it with found_resource by name */
    char resource[FOUND_NAME], service[FOUND_NAME];
};

struct found_host { /* MSBTS_HostSetting */
    char name[FOUND_HOST_NAME], cluster_group[FOUND_NAME];
    int64_t type; /* 1 in-process, 2 isolated */
    uint8_t only_32_bit;
};

enum instance_state {
    INSTANCE_STOPPED = 1,
    INSTANCE_START_PENDING,
    INSTANCE_STOP_PENDING,
    INSTANCE_RUNNING,
    INSTANCE_CONTINUE_PENDING,
    INSTANCE_PAUSE_PENDING,
    INSTANCE_PAUSED,
    INSTANCE_UNKNOWN
};
enum instance_cluster { INSTANCE_UNCLUSTERED, INSTANCE_CLUSTERED, INSTANCE_VIRTUAL }; /* virtual: never a second consumer */
struct found_instance {                                                               /* MSBTS_HostInstance */
    char host[FOUND_HOST_NAME], node[FOUND_NODE_NAME];
    int64_t type, state, configuration, cluster; /* configuration: 1 installed … 5 not installed */
    uint8_t disabled;
};

struct found_handler { /* MSBTS_ReceiveHandler */
    char adapter[FOUND_NAME], host[FOUND_HOST_NAME];
};

struct found_location { /* MSBTS_ReceiveLocation; CustomCfg is never asked for: it holds passwords */
    char name[FOUND_NAME + 4], port[FOUND_URL], adapter[FOUND_NAME], host[FOUND_HOST_NAME], url[FOUND_URL];
    uint8_t disabled, windowed, starts, stops; /* OperatingWindowEnabled, StartDateEnabled, StopDateEnabled */
    int32_t window_start_s, window_stop_s;     /* SrvWinStartDT, SrvWinStopDT: seconds of the server's local day; -1 absent */
    stamp_t start, stop;                       /* ActiveStartDT, ActiveStopDT; 0 absent */
};

struct found_setting { /* MSBTS_GroupSetting */
    char name[FOUND_NAME], sso_server[FOUND_HOST_NAME];
};

struct found_suspended { /* MSBTS_ServiceInstance, counted per host */
    char host[FOUND_HOST_NAME];
    int64_t resumable, not_resumable;
    bool capped; /* there are more */
};

enum service_state {
    SERVICE_STATE_UNKNOWN,
    SERVICE_STOPPED,
    SERVICE_START_PENDING,
    SERVICE_STOP_PENDING,
    SERVICE_RUNNING,
    SERVICE_CONTINUE_PENDING,
    SERVICE_PAUSE_PENDING,
    SERVICE_PAUSED
};
enum start_mode { START_MODE_UNKNOWN, START_MODE_BOOT, START_MODE_SYSTEM, START_MODE_AUTO, START_MODE_MANUAL, START_MODE_DISABLED };
struct found_service { /* Win32_Service of the asked node, or the same from its exporter or SNMP agent */
    char name[FOUND_NAME];
    uint8_t state, start_mode;
    int64_t process;
};

enum queue_class { QUEUE_LOCAL, QUEUE_COMPUTER /* dead-letter and machine journal */, QUEUE_OUTGOING };
enum queue_source { QUEUE_FROM_WMI = 1, QUEUE_FROM_EXPORTER };
struct found_queue { /* counters; ABSENT where they did not come */
    char name[FOUND_URL];
    uint8_t class, source;
    int64_t messages, bytes, journal_messages, journal_bytes;
};

struct found_connection { /* TCP-MIB of the asked machine */
    uint16_t local_port, remote_port;
    struct address local, remote;
    uint8_t state; /* TCP-MIB: 5 established, 11 timeWait */
};

/* A list begins, its rows come, it ends: with REASON_OK it was complete, and what did not come is not there (any more). `of` narrows a
 * list to one resource (possible owners, dependencies); NULL = all of the kind. */
enum found_step { FOUND_BEGIN, FOUND_ROW, FOUND_END };
struct found {
    enum found_step step;
    enum found_kind kind;
    uint16_t reason; /* FOUND_END */
    const char *of;
    const void *row; /* FOUND_ROW: of found_size(kind) bytes; borrowed */
};
typedef void found_sink(void *context, const struct found *found);

#endif
