/* The keys of a Windows failover cluster. Data only. */
#include "tables.h"

#define CLUSTER_FIELD(member) FIELD(struct conf_cluster, member)
#define WINDOWS_FIELD(member) FIELD(struct conf_cluster, windows.member)

static const struct field wsfc_group_fields[] = {
    GROUP_HABIT_ROWS,
    {"role", FIELD_TEXT, FIELD(struct conf_group, role), 0, 1, 127, NULL, NULL,
     "The cluster's own name of this role, where it is not the name it has here (with spaces, for example)."},
    {"hosts", FIELD_TEXTS, FIELD(struct conf_group, hosts), 0, 0, 0, NULL, NULL,
     "BizTalk hosts that run in it. Default: those of which BizTalk itself says so."},
    {"needs", FIELD_REFERENCES, FIELD(struct conf_group, needs), 0, 0, 0, NULL, "servers", "Servers without which a move would not help."},
    {"candidates", FIELD_TEXTS, FIELD(struct conf_group, candidates), 0, 0, 0, NULL, NULL,
     "Nodes that may run the group. Default: all nodes of the cluster."},
    END,
};

static const struct field wsfc_node_fields[] = {
    {"addresses", FIELD_ADDRESSES, FIELD(struct conf_node, addresses), FIELD_REQUIRED, 0, 0, NULL, NULL,
     "Where this node's polls come from: addresses or prefixes. Its probes go to the first one."},
    {"name", FIELD_HOST, FIELD(struct conf_node, dns_name), FIELD_REQUIRED, 0, 0, NULL, NULL,
     "Full host name: certificate and Kerberos are for this name."},
    {"computer", FIELD_TEXT, FIELD(struct conf_node, computer), 0, 1, 63, NULL, NULL,
     "The computer's short name as the cluster writes it, where it is not the name it has here."},
    END,
};

static const struct field winrm_fields[] = {
    {"port", FIELD_INTEGER, FIELD(struct conf_winrm, port), 0, 1, 65535, NULL, NULL, "Default: 5986, with `plain_http` 5985."},
    {"ca_file", FIELD_PATH, FIELD(struct conf_winrm, ca_file), 0, 0, 0, NULL, NULL,
     "Authorities that the nodes' certificates are signed by. Default: those of this system."},
    {"pin", FIELD_TEXT, FIELD(struct conf_winrm, pin), 0, 10, 255, NULL, NULL,
     "Public keys that are accepted, beside everything else: sha256//BASE64, several separated by ';'."},
    {"verify", FIELD_BOOL, FIELD(struct conf_winrm, verify), 0, 0, 0, "true", NULL,
     "false: any certificate is accepted, so anybody on the way may answer."},
    {"plain_http", FIELD_BOOL, FIELD(struct conf_winrm, plain_http), 0, 0, 0, "false", NULL,
     "true: without TLS. Everybody on the way reads along; a Windows as it comes refuses it."},
    END,
};

#define PROBE_ROWS(often, type)                                                                                                            \
    SCHEDULE_ROWS_EVERY(struct conf_windows_probe, schedule., often),                                                                      \
    {                                                                                                                                      \
        "", FIELD_PROBE, FIELD(struct conf_windows_probe, conf), 0, 0, 0, NULL, &type, NULL                                                \
    }
static const struct field wsfc_probe_fields[] = {PROBE_ROWS("10s", probe_wsfc), END};
static const struct field biztalk_probe_fields[] = {PROBE_ROWS("15s", probe_biztalk), END};
static const struct field service_probe_fields[] = {PROBE_ROWS("30s", probe_service), END};
static const struct field msmq_probe_fields[] = {PROBE_ROWS("60s", probe_msmq), END};

static const struct field exporter_fields[] = {
    SCHEDULE_ROWS_EVERY(struct conf_exporter, probe.schedule., "30s"),
    {"", FIELD_PROBE, FIELD(struct conf_exporter, probe.conf), 0, 0, 0, NULL, &probe_exporter, NULL},
    {"port", FIELD_INTEGER, FIELD(struct conf_exporter, port), 0, 1, 65535, "9182", NULL, "Where windows_exporter listens on each node."},
    {"tls", FIELD_BOOL, FIELD(struct conf_exporter, tls), 0, 0, 0, "false", NULL, "Whether it speaks https."},
    {"verify", FIELD_BOOL, FIELD(struct conf_exporter, verify), 0, 0, 0, "true", NULL, "With tls: whether its certificate is verified."},
    {"ca_file", FIELD_PATH, FIELD(struct conf_exporter, ca_file), 0, 0, 0, NULL, NULL, "With tls: authorities to verify it by."},
    END,
};

#define SNMP_HOST_ROWS                                                                                                                     \
    SCHEDULE_ROWS_EVERY(struct conf_snmp_host, probe.schedule., "60s"),                                                                    \
        {"", FIELD_PROBE, FIELD(struct conf_snmp_host, probe.conf), 0, 0, 0, NULL, &probe_snmp_host, NULL},                                \
        {"port", FIELD_INTEGER, FIELD(struct conf_snmp_host, port), 0, 1, 65535, "161", NULL, "Its UDP port."},                            \
        {"user", FIELD_REFERENCE, FIELD(struct conf_snmp_host, user), 0, 0, 0, NULL, "snmp.users", "SNMPv3 user."},                        \
    {                                                                                                                                      \
        "community_file", FIELD_SECRET_FILE, FIELD(struct conf_snmp_host, community_file), 0, 0, 0, NULL, NULL,                            \
            "v2c instead: file with the community."                                                                                        \
    }
const struct field server_snmp_fields[] = {SNMP_HOST_ROWS, END};

#define ADAPTER_ROW(word, member, names, what)                                                                                             \
    {                                                                                                                                      \
        word, FIELD_TEXTS, WINDOWS_FIELD(member), 0, 0, 0, names, NULL, "Names of the adapters that speak " what "."                       \
    }
static const struct field adapter_fields[] = {
    ADAPTER_ROW("ftp", ftp_adapters, "[FTP]", "FTP"),
    ADAPTER_ROW("sftp", sftp_adapters, "[SFTP]", "SFTP"),
    ADAPTER_ROW("pop3", pop3_adapters, "[POP3]", "POP3"),
    ADAPTER_ROW("msmq", msmq_adapters, "[MSMQ]", "MSMQ"),
    END,
};

static const struct field queue_fields[] = {
    {"stuck_after", FIELD_DURATION, WINDOWS_FIELD(queue_stuck_after), 0, MINUTE, 7 * DAY, "10m", NULL,
     "Messages wait, and their number has not gone down for so long: stuck."},
    {"high", FIELD_INTEGER, WINDOWS_FIELD(queue_high), 0, 1, 1000000000, NULL, NULL, "From so many messages on a warning. Default: none."},
    {"critical", FIELD_INTEGER, WINDOWS_FIELD(queue_critical), 0, 1, 1000000000, NULL, NULL, "From so many on critical. Default: none."},
    {"counters_of", FIELD_TEXTS, WINDOWS_FIELD(counters_of), 0, 0, 0, NULL, NULL,
     "Network names that the nodes' NetNameForPerfCounters is set to: their queues are counted although a node runs two Message "
     "Queuing services. Default: none; then the counters of such a node say nothing."},
    END,
};

static const char *const three_states[] = {"unknown", "no", "yes", NULL};
static const struct field audit_fields[] = {
    {"restart_threshold", FIELD_INTEGER, WINDOWS_FIELD(restart_threshold), 0, 1, 1000, NULL, NULL,
     "The restart threshold that your resources should have. Default: any."},
    {"disabled_locations", FIELD_TEXTS, WINDOWS_FIELD(disabled_locations), 0, 0, 0, NULL, NULL,
     "Receive locations that are meant to be disabled."},
    {"pop3_concurrent", FIELD_CHOICE, WINDOWS_FIELD(pop3_concurrent), 0, 0, 0, "unknown", three_states,
     "Whether the POP3 servers let several sessions into one mailbox. unknown: by the concurrency probe."},
    END,
};

const struct field wsfc_cluster_fields[] = {
    {"observe", FIELD_REFERENCE, WINDOWS_FIELD(observe), FIELD_REQUIRED, 0, 0, NULL, "credentials", "The account that reads."},
    {"act", FIELD_REFERENCE, WINDOWS_FIELD(act), 0, 0, 0, NULL, "credentials",
     "The account that moves and stops; only the actuator opens it. Default: none, so nothing is ever done."},
    {"nodes", FIELD_MAP, CLUSTER_FIELD(nodes), FIELD_REQUIRED, 0, sizeof(struct conf_node), NULL, wsfc_node_fields,
     "The machines, at most 64."},
    {"groups", FIELD_MAP, CLUSTER_FIELD(groups), FIELD_REQUIRED, 0, sizeof(struct conf_group), NULL, wsfc_group_fields,
     "The roles to guard, by the cluster's names."},
    {"shared_addresses", FIELD_ADDRESSES, CLUSTER_FIELD(shared_addresses), 0, 0, 0, NULL, NULL,
     "NAT, proxy or cluster addresses: polls from there prove one of the nodes, never which."},
    {"ignore_addresses", FIELD_ADDRESSES, CLUSTER_FIELD(ignore_addresses), 0, 0, 0, NULL, NULL,
     "Backup jobs, administrators, and this agent: neither a node nor an intruder."},
    {"max_in_flight", FIELD_INTEGER, CLUSTER_FIELD(max_in_flight), 0, 1, 16, "1", NULL,
     "Actions that may be under way in this cluster at a time."},
    {"winrm", FIELD_TABLE, WINDOWS_FIELD(winrm), 0, 0, 0, NULL, winrm_fields, "How the nodes are reached."},
    {"wsfc", FIELD_TABLE, WINDOWS_FIELD(wsfc), 0, 0, 0, NULL, wsfc_probe_fields, "Asks each node about the cluster."},
    {"biztalk", FIELD_TABLE, WINDOWS_FIELD(biztalk), 0, 0, 0, NULL, biztalk_probe_fields, "Asks each node about host instances."},
    {"service", FIELD_TABLE, WINDOWS_FIELD(service), 0, 0, 0, NULL, service_probe_fields, "Asks each node about its own services."},
    {"msmq", FIELD_TABLE, WINDOWS_FIELD(msmq), 0, 0, 0, NULL, msmq_probe_fields, "Asks each node about its queues."},
    {"exporter", FIELD_OPTIONAL, WINDOWS_FIELD(exporter), 0, 0, sizeof(struct conf_exporter), NULL, exporter_fields,
     "The same subjects from windows_exporter, where it runs."},
    {"snmp_host", FIELD_OPTIONAL, WINDOWS_FIELD(snmp_host), 0, 0, sizeof(struct conf_snmp_host), NULL, server_snmp_fields,
     "Services from the nodes' own SNMP agents, where they run."},
    {"adapters", FIELD_TABLE, 0, 0, 0, 0, NULL, adapter_fields, "Adapter names are the site's; these are the usual ones."},
    {"queues", FIELD_TABLE, 0, 0, 0, 0, NULL, queue_fields, "When a queue is worth an alarm. A queue never moves anything."},
    {"audit", FIELD_TABLE, 0, 0, 0, 0, NULL, audit_fields, "What the audit should expect."},
    {"sso_server", FIELD_TEXT, WINDOWS_FIELD(sso_server), 0, 1, 80, NULL, NULL,
     "Master secret server of Enterprise SSO. Default: the one that the BizTalk group names."},
    {"zone", FIELD_TEXT, WINDOWS_FIELD(zone), 0, 1, 8, "local", NULL,
     "Time zone of the nodes, for service windows: local (this host's), UTC or an offset such as '+02:00'."},
    {"pending_timeout", FIELD_DURATION, WINDOWS_FIELD(pending_timeout), 0, SECOND, HOUR, "3m", NULL,
     "How long a resource may be pending, until the cluster's own figure is known."},
    {"restart_delay", FIELD_DURATION, WINDOWS_FIELD(restart_delay), 0, 0, HOUR, "500ms", NULL,
     "How long the cluster waits before it restarts a resource."},
    END,
};
