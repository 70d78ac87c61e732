/* When probes run, and what a cluster of type wsfc is configured with beside what every cluster has. Included by config.h. */
#ifndef SOLOWARDEN_CONFIG_WINDOWS_H
#define SOLOWARDEN_CONFIG_WINDOWS_H

#include "field.h"

/* shared by all probes */
struct conf_schedule {
    int64_t every, timeout, rise, fall;
};

struct conf_winrm {
    int64_t port; /* 0 = 5986, or 5985 with plain_http */
    const char *ca_file, *pin;
    bool verify, plain_http;
};

/* one of the cluster's own probes, once per node */
struct conf_windows_probe {
    struct conf_schedule schedule;
    const void *conf; /* of its probe type */
};
struct conf_exporter {
    struct conf_windows_probe probe;
    int64_t port;
    bool tls, verify;
    const char *ca_file;
};
struct conf_snmp_host { /* of a node, or of a server */
    struct conf_windows_probe probe;
    int64_t port;
    const char *user, *community_file; /* user: of snmp.users */
};

struct conf_windows {
    const char *observe, *act; /* credentials */
    struct conf_winrm winrm;
    struct conf_windows_probe wsfc, biztalk, service, msmq;
    struct conf_exporter *exporter;   /* NULL = none */
    struct conf_snmp_host *snmp_host; /* NULL = none */
    struct texts ftp_adapters, sftp_adapters, pop3_adapters, msmq_adapters, disabled_locations, counters_of;
    const char *sso_server, *zone;
    int64_t pop3_concurrent; /* enum verdict */
    int64_t pending_timeout, restart_delay, restart_threshold;
    int64_t queue_stuck_after, queue_high, queue_critical;
};

#endif
