/* The rows of what is found: one fixed-size struct per kind (found.h). Numbers are the provider's own (root/MSCluster,
 * root/MicrosoftBizTalkServer, Win32_Service), so that nothing is lost on the way. A property that did not come is ABSENT, "" or UNKNOWN,
 * never 0 or false. Owns shapes only. */
#ifndef SOLOWARDEN_CORE_FOUND_ROWS_H
#define SOLOWARDEN_CORE_FOUND_ROWS_H

#include "types.h"

#define ABSENT INT64_MIN

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
    /* failover_threshold 4294967295: one less than there are nodes, as is the default */
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

#endif
