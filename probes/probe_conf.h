/* What the YAML of each probe fills: one struct per probe type, by its own table of fields. Included by probe.h. Owns shapes only. */
#ifndef SOLOWARDEN_PROBES_PROBE_CONF_H
#define SOLOWARDEN_PROBES_PROBE_CONF_H

#include "agent/config/field.h"

/* shared by ftp and pop3 */
enum probe_tls { PROBE_TLS_OFF, PROBE_TLS_EXPLICIT, PROBE_TLS_IMPLICIT };
struct ftp_conf {
    int64_t tls;       /* enum probe_tls */
    bool verify, list; /* list: count entries and find the oldest */
    const char *ca_file, *server_name, *path;
    int64_t certificate_warn; /* milliseconds before expiry at which the endpoint is still YES but says so */
    int64_t max_entries;
};
struct pop3_conf {
    int64_t tls;
    bool verify;
    const char *ca_file, *server_name;
    int64_t certificate_warn;
};
struct tcp_conf {
    bool tls, verify;
    const char *ca_file, *server_name, *send, *expect; /* expect: literal text that must come */
};
struct exec_conf {
    struct texts command; /* {node} and {address} are replaced inside arguments */
};
enum { EXEC_ARGUMENTS_MAX = 32 };

/* Of a Windows cluster, one instance per node. */
struct wsfc_conf {
    int64_t owners_every; /* asks for at most this many possible owners, and as many dependencies, per round */
};
struct biztalk_conf {
    int64_t slow_every;    /* hosts, handlers and suspended instances in every n-th round, locations four times as often */
    int64_t suspended_max; /* suspended instances counted per host */
};
struct service_conf {
    struct texts names; /* beside BTSSvc$…, ENTSSO, MSMQ…, MSDTC */
};
struct msmq_conf {
    int64_t max_queues;
    struct texts machines; /* names under which queues are the asked machine's own, beside its node's: clustered network names */
};
struct exporter_conf {
    const char *path;      /* "/metrics" */
    struct texts machines; /* as in msmq_conf */
};
struct snmp_host_conf {
    bool services, processes, connections; /* svSvcTable, hrSWRunTable, TCP connection tables */
    struct texts ports;                    /* beside 21, 22, 110, 990 and 995 */
};

#endif
