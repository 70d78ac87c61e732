/* The keys of the configuration, table by table. Data only: what a key means is in its help, how it is read in fill.c. */
#include "tables.h"

const struct field budget_moves_fields[] = {
    {"count", FIELD_INTEGER, FIELD(struct conf_group, max_moves_count), 0, 0, 8, "2", NULL, "How many moves, at most 8."},
    {"per", FIELD_DURATION, FIELD(struct conf_group, max_moves_per), 0, MINUTE, 7 * DAY, "6h", NULL, "In which time."},
    END,
};
const struct field budget_stops_fields[] = {
    {"count", FIELD_INTEGER, FIELD(struct conf_group, max_stops_count), 0, 0, 8, "2", NULL, "How many stops, at most 8."},
    {"per", FIELD_DURATION, FIELD(struct conf_group, max_stops_per), 0, MINUTE, 7 * DAY, "6h", NULL, "In which time."},
    END,
};

const char *const modes[] = {"observe", "advise", "confirm", "auto", NULL};
const char *const triggers[] = {"none", "idle", "probe", NULL};

static const struct field group_defaults_fields[] = {GROUP_HABIT_ROWS, END};
static const struct field probe_defaults_fields[] = {SCHEDULE_ROWS(struct conf_schedule, ), END};

static const struct field defaults_fields[] = {
    {"group", FIELD_TABLE, FIELD(struct conf_defaults, group), 0, 0, 0, NULL, group_defaults_fields, "Beneath every group."},
    {"probe", FIELD_TABLE, FIELD(struct conf_defaults, probe), 0, 0, 0, NULL, probe_defaults_fields, "Beneath every probe."},
    END,
};

const struct variant_case group_probe_cases[] = {
    {.type = "exec", .probe = &probe_exec},
    {.type = "tcp", .probe = &probe_tcp},
    {.type = "snmp_host"},
    {.type = NULL},
};
static const char *const aspects[] = {"instance", "ready", NULL};

static const struct field group_probe_fields[] = {
    {"type", FIELD_VARIANT, FIELD(struct conf_group_probe, probe), 0, 0, 0, NULL, group_probe_cases, "What kind of probe, once per node."},
    {"aspect", FIELD_CHOICE, FIELD(struct conf_group_probe, aspect), 0, 0, 0, "instance", aspects,
     "What a good answer proves. instance: a copy is active on that node; ready: the group could run there."},
    {"port", FIELD_INTEGER, FIELD(struct conf_group_probe, port), 0, 1, 65535, NULL, NULL, "type tcp: the port on the node's address."},
    SCHEDULE_ROWS(struct conf_group_probe, schedule.),
    END,
};

static const struct field group_fields[] = {
    GROUP_HABIT_ROWS,
    {"fenced", FIELD_BOOL, FIELD(struct conf_group, fenced), 0, 0, 0, "false", NULL,
     "You promise that `move` proves the old copy stopped before it starts the new one."},
    {"move", FIELD_ARGUMENTS, FIELD(struct conf_group, move), 0, 0, 0, NULL, NULL, "Program and arguments that move the group."},
    {"stop", FIELD_ARGUMENTS, FIELD(struct conf_group, stop), 0, 0, 0, NULL, NULL, "Program and arguments that stop a surplus copy."},
    {"needs", FIELD_REFERENCES, FIELD(struct conf_group, needs), 0, 0, 0, NULL, "servers", "Servers without which a move would not help."},
    {"candidates", FIELD_TEXTS, FIELD(struct conf_group, candidates), 0, 0, 0, NULL, NULL,
     "Nodes that may run the group. Default: all nodes of the cluster."},
    {"control", FIELD_MAP, FIELD(struct conf_group, control), 0, 0, sizeof(struct conf_group_probe), NULL, group_probe_fields,
     "Probes that tell on which node a copy is active. Without any, control is unknown."},
    END,
};

static const struct field node_fields[] = {
    {"addresses", FIELD_ADDRESSES, FIELD(struct conf_node, addresses), FIELD_REQUIRED, 0, 0, NULL, NULL,
     "Where this node's polls come from: addresses or prefixes. The first address is also where its probes go."},
    {"name", FIELD_HOST, FIELD(struct conf_node, dns_name), 0, 0, 0, NULL, NULL,
     "Host name for its probes. Default: the first of `addresses`."},
    END,
};

static const struct field static_cluster_fields[] = {
    {"nodes", FIELD_MAP, FIELD(struct conf_cluster, nodes), FIELD_REQUIRED, 0, sizeof(struct conf_node), NULL, node_fields,
     "The machines, at most 64."},
    {"groups", FIELD_MAP, FIELD(struct conf_cluster, groups), FIELD_REQUIRED, 0, sizeof(struct conf_group), NULL, group_fields,
     "The units that move."},
    {"shared_addresses", FIELD_ADDRESSES, FIELD(struct conf_cluster, shared_addresses), 0, 0, 0, NULL, NULL,
     "NAT, proxy or cluster addresses: polls from there prove one of the nodes, never which."},
    {"ignore_addresses", FIELD_ADDRESSES, FIELD(struct conf_cluster, ignore_addresses), 0, 0, 0, NULL, NULL,
     "Backup jobs, administrators, and this agent: neither a node nor an intruder."},
    {"max_in_flight", FIELD_INTEGER, FIELD(struct conf_cluster, max_in_flight), 0, 1, 16, "1", NULL,
     "Actions that may be under way in this cluster at a time."},
    END,
};

/* in the order of enum cluster_type */
static const struct variant_case cluster_cases[] = {
    {.type = "static", .fields = static_cluster_fields},
    {.type = "wsfc", .fields = wsfc_cluster_fields},
    {.type = "pacemaker"},
    {.type = NULL},
};
static const struct field cluster_fields[] = {
    {"type", FIELD_CASES, FIELD(struct conf_cluster, type), 0, 0, 0, NULL, cluster_cases,
     "static: named nodes, no cluster manager; wsfc: a Windows failover cluster."},
    END,
};

#define SERVER_PROBE_ROWS(type)                                                                                                            \
    SCHEDULE_ROWS(struct conf_server_probe, schedule.),                                                                                    \
    {                                                                                                                                      \
        "", FIELD_PROBE, FIELD(struct conf_server_probe, conf), 0, 0, 0, NULL, &type, NULL                                                 \
    }
#define CREDENTIAL_ROW                                                                                                                     \
    {                                                                                                                                      \
        "credential", FIELD_REFERENCE, FIELD(struct conf_server_probe, credential), 0, 0, 0, NULL, "credentials",                          \
            "Log in with this one, never with a handler's account: its line in the log is the canary that proves silence."                 \
    }
static const struct field ftp_probe_fields[] = {CREDENTIAL_ROW, SERVER_PROBE_ROWS(probe_ftp), END};
static const struct field pop3_probe_fields[] = {CREDENTIAL_ROW, SERVER_PROBE_ROWS(probe_pop3), END};
static const struct field tcp_probe_fields[] = {SERVER_PROBE_ROWS(probe_tcp), END};
static const struct field exec_probe_fields[] = {SERVER_PROBE_ROWS(probe_exec), END};

static const struct field log_fields[] = {
    {"file", FIELD_PATH, FIELD(struct conf_log, file), FIELD_REQUIRED, 0, 0, NULL, NULL, "The server's log, followed through rotation."},
    {"format", FIELD_FORMAT, FIELD(struct conf_log, format), FIELD_REQUIRED, 0, 0, NULL, NULL, "How its lines are understood."},
    {"zone", FIELD_TEXT, FIELD(struct conf_log, zone), 0, 1, 8, "local", NULL,
     "Time zone of stamps that name none: local, UTC or an offset such as +02:00."},
    {"lag_max", FIELD_DURATION, FIELD(struct conf_log, lag_max), 0, SECOND, DAY, "90s", NULL,
     "How late a line may arrive. A canary that takes longer makes the log stalled, and its silence unknown."},
    {"stamp", FIELD_TEXT, FIELD(struct conf_log, stamp), 0, 1, 64, NULL, NULL,
     "format custom: the stamp as %Y %m %d %H %M %S %b %s and literals."},
    {"poll", FIELD_TEXT, FIELD(struct conf_log, poll), 0, 1, 1024, NULL, NULL,
     "format custom: pattern of a login, with named groups stamp, account, address."},
    {"take", FIELD_TEXT, FIELD(struct conf_log, take), 0, 1, 1024, NULL, NULL,
     "format custom: pattern of a retrieval; also object, bytes."},
    {"store", FIELD_TEXT, FIELD(struct conf_log, store), 0, 1, 1024, NULL, NULL, "format custom: pattern of an upload."},
    {"refused", FIELD_TEXT, FIELD(struct conf_log, refused), 0, 1, 1024, NULL, NULL,
     "format custom: pattern of a login that a lock refused."},
    {"close", FIELD_TEXT, FIELD(struct conf_log, close), 0, 1, 1024, NULL, NULL, "format custom: pattern of a session's end."},
    END,
};

#define ADDRESS_ROW(flags)                                                                                                                 \
    {                                                                                                                                      \
        "address", FIELD_HOST, FIELD(struct conf_server, address), flags, 0, 0, NULL, NULL, "Host name or address of the server."          \
    }
#define PORT_ROW(flags)                                                                                                                    \
    {                                                                                                                                      \
        "port", FIELD_INTEGER, FIELD(struct conf_server, port), flags, 1, 65535, NULL, NULL, "Its port. Default: the one of its type."     \
    }
#define LOG_ROW                                                                                                                            \
    {                                                                                                                                      \
        "log", FIELD_OPTIONAL, FIELD(struct conf_server, log), 0, 0, sizeof(struct conf_log), NULL, log_fields,                            \
            "The server's own log: who polls, who takes."                                                                                  \
    }
#define SNMP_HOST_ROW                                                                                                                      \
    {                                                                                                                                      \
        "snmp_host", FIELD_OPTIONAL, FIELD(struct conf_server, snmp_host), 0, 0, sizeof(struct conf_snmp_host), NULL, server_snmp_fields,  \
            "The SNMP agent of the server's machine: who is connected to it now."                                                          \
    }
#define PROBE_ROW(type, fields)                                                                                                            \
    {                                                                                                                                      \
        "probe", type, FIELD(struct conf_server, probe), 0, 0, sizeof(struct conf_server_probe), NULL, fields, "Our own probe of it."      \
    }
static const struct field ftp_server_fields[] = {
    ADDRESS_ROW(FIELD_REQUIRED), PORT_ROW(0), PROBE_ROW(FIELD_OPTIONAL, ftp_probe_fields), LOG_ROW, SNMP_HOST_ROW, END};
static const struct field pop3_server_fields[] = {
    ADDRESS_ROW(FIELD_REQUIRED), PORT_ROW(0), PROBE_ROW(FIELD_OPTIONAL, pop3_probe_fields), LOG_ROW, SNMP_HOST_ROW, END};
static const struct field tcp_server_fields[] = {ADDRESS_ROW(FIELD_REQUIRED), PORT_ROW(FIELD_REQUIRED),
                                                 PROBE_ROW(FIELD_BESIDE, tcp_probe_fields), END};
static const struct field exec_server_fields[] = {ADDRESS_ROW(0), PROBE_ROW(FIELD_BESIDE, exec_probe_fields), END};

/* in the order of enum server_type */
static const struct variant_case server_cases[] = {
    {.type = "ftp", .fields = ftp_server_fields},
    {.type = "pop3", .fields = pop3_server_fields},
    {.type = "tcp", .fields = tcp_server_fields},
    {.type = "exec", .fields = exec_server_fields},
    {.type = "sftp"},
    {.type = "msmq"},
    {.type = NULL},
};
static const struct field server_fields[] = {
    {"type", FIELD_CASES, FIELD(struct conf_server, type), 0, 0, 0, NULL, server_cases, "What it speaks. exec: ask a plugin of yours."},
    END,
};

static const char *const singletons[] = {"yes", "no", "auto", NULL};
static const struct field handler_fields[] = {
    {"cluster", FIELD_REFERENCE, FIELD(struct conf_handler, cluster), FIELD_REQUIRED, 0, 0, NULL, "clusters", "Where it runs."},
    {"group", FIELD_NAME, FIELD(struct conf_handler, group), 0, 0, 0, NULL, NULL,
     "The group of that cluster that it moves with. Default: the one whose `hosts` hold its `host`, or the cluster's only group."},
    {"server", FIELD_REFERENCE, FIELD(struct conf_handler, server), FIELD_REQUIRED, 0, 0, NULL, "servers", "The server that it polls."},
    {"account", FIELD_TEXT, FIELD(struct conf_handler, account), FIELD_REQUIRED, 1, 63, NULL, NULL,
     "Its account, as the server's log writes it."},
    {"path", FIELD_TEXT, FIELD(struct conf_handler, path), 0, 0, 63, "", NULL, "Beginning of the paths that it takes. Default: any."},
    {"poll", FIELD_DURATION, FIELD(struct conf_handler, poll), FIELD_REQUIRED, SECOND, DAY, NULL, NULL, "How often it polls."},
    {"window", FIELD_DURATION, FIELD(struct conf_handler, window), 0, SECOND, 7 * DAY, NULL, NULL,
     "Two nodes that poll in turn inside this time are two copies. Default: three times `poll`."},
    {"silent_after", FIELD_INTEGER, FIELD(struct conf_handler, silent_after), 0, 2, 1000, "3", NULL,
     "After how many missing polls it is silent."},
    {"singleton", FIELD_CHOICE, FIELD(struct conf_handler, singleton), 0, 0, 0, "yes", singletons,
     "Whether two copies are wrong. auto: only where the server does not itself lock the mailbox; unknown = alert only."},
    {"host", FIELD_TEXT, FIELD(struct conf_handler, host), 0, 1, 80, NULL, NULL, "Cluster of type wsfc: the BizTalk host that runs it."},
    {"location", FIELD_TEXT, FIELD(struct conf_handler, location), 0, 1, 128, NULL, NULL,
     "Its receive location: while that is disabled, or outside its service window, no poll is expected. Default: all of the host's."},
    END,
};

static const char *const auth_ways[] = {"default", "kerberos", "ntlm", "basic", NULL};
static const struct field credential_fields[] = {
    {"user", FIELD_TEXT, FIELD(struct conf_credential, user), FIELD_REQUIRED, 1, 255, NULL, NULL, "The account."},
    {"password_file", FIELD_SECRET_FILE, FIELD(struct conf_credential, password_file), 0, 0, 0, NULL, NULL,
     "File whose first line is the password; not readable by everybody."},
    {"keytab_file", FIELD_SECRET_FILE, FIELD(struct conf_credential, keytab_file), 0, 0, 0, NULL, NULL,
     "Instead of a password, for Kerberos: the account's keytab; not readable by everybody."},
    {"auth", FIELD_CHOICE, FIELD(struct conf_credential, auth), 0, 0, 0, "default", auth_ways,
     "How WinRM is told who we are. default: kerberos with a keytab, ntlm with a password; basic only over TLS."},
    END,
};

static const char *const levels[] = {"noAuthNoPriv", "authNoPriv", "authPriv", NULL};
static const char *const auth_protocols[] = {"SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512", NULL};
static const char *const priv_protocols[] = {"AES", "AES-256", NULL};
static const struct field snmp_user_fields[] = {
    {"level", FIELD_CHOICE, FIELD(struct conf_snmp_user, level), 0, 0, 0, "authPriv", levels, "What SNMPv3 demands of this user."},
    {"auth", FIELD_CHOICE, FIELD(struct conf_snmp_user, auth), 0, 0, 0, "SHA-256", auth_protocols, "Authentication."},
    {"auth_file", FIELD_SECRET_FILE, FIELD(struct conf_snmp_user, auth_file), 0, 0, 0, NULL, NULL,
     "File with the authentication passphrase, at least 8 characters."},
    {"priv", FIELD_CHOICE, FIELD(struct conf_snmp_user, priv), 0, 0, 0, "AES", priv_protocols, "Encryption."},
    {"priv_file", FIELD_SECRET_FILE, FIELD(struct conf_snmp_user, priv_file), 0, 0, 0, NULL, NULL,
     "File with the encryption passphrase, at least 8 characters."},
    END,
};
static const struct field receiver_fields[] = {
    {"to", FIELD_TEXT, FIELD(struct conf_receiver, to), FIELD_REQUIRED, 3, 255, NULL, NULL, "Where to: udp:192.0.2.7:162."},
    {"user", FIELD_REFERENCE, FIELD(struct conf_receiver, user), 0, 0, 0, NULL, "snmp.users", "SNMPv3 user."},
    {"community_file", FIELD_SECRET_FILE, FIELD(struct conf_receiver, community_file), 0, 0, 0, NULL, NULL,
     "v2c instead: file with the community. Needs `allow_v2c: true`."},
    {"inform", FIELD_BOOL, FIELD(struct conf_receiver, inform), 0, 0, 0, "true", NULL,
     "true: informs, acknowledged and repeated; false: traps, sent once."},
    {"source", FIELD_HOST, FIELD(struct conf_receiver, source), 0, 0, 0, NULL, NULL, "Own address to send from."},
    {"retry", FIELD_DURATION, FIELD(struct conf_receiver, retry), 0, SECOND, HOUR, "30s", NULL, "How long between attempts."},
    END,
};
static const struct field snmp_fields[] = {
    {"agentx", FIELD_TEXT, FIELD(struct conf_snmp, agentx), 0, 1, 255, NULL, NULL, "Socket of snmpd, as its subagent: /var/agentx/master."},
    {"listen", FIELD_TEXT, FIELD(struct conf_snmp, listen), 0, 1, 255, NULL, NULL,
     "Or answer SNMP by itself, without snmpd: udp:127.0.0.1:1161."},
    {"users", FIELD_MAP, FIELD(struct conf_snmp, users), 0, 0, sizeof(struct conf_snmp_user), NULL, snmp_user_fields, "SNMPv3 users."},
    {"notify", FIELD_MAP, FIELD(struct conf_snmp, receivers), 0, 0, sizeof(struct conf_receiver), NULL, receiver_fields,
     "Who is notified of alarms and events."},
    {"allow_v2c", FIELD_BOOL, FIELD(struct conf_snmp, allow_v2c), 0, 0, 0, "false", NULL,
     "Permit SNMPv2c, whose community travels in plain text."},
    {"community_file", FIELD_SECRET_FILE, FIELD(struct conf_snmp, community_file), 0, 0, 0, NULL, NULL,
     "File with the community for reading. Needs `allow_v2c: true` and `listen`."},
    END,
};

static const struct field agent_fields[] = {
    {"name", FIELD_NAME, FIELD(struct conf_agent, name), 0, 0, 0, NULL, NULL, "What this agent calls itself. Default: the host's name."},
    {"state_dir", FIELD_PATH, FIELD(struct conf_agent, state_dir), 0, 0, 0, "/var/lib/solowarden", NULL,
     "Journal, budgets, pauses, results."},
    {"control_socket", FIELD_PATH, FIELD(struct conf_agent, control_socket), 0, 0, 0, NULL, NULL,
     "Where the command line asks and orders; mode 0660. Default: control.sock in the state folder."},
    {"control_group", FIELD_NAME, FIELD(struct conf_agent, control_group), 0, 0, 0, NULL, NULL,
     "Unix group that may use it. Default: the agent's own."},
    {"history_keep", FIELD_INTEGER, FIELD(struct conf_agent, history_keep), 0, 1000, 100000000, "100000", NULL,
     "Rows of history that the journal keeps."},
    {"ring_keep", FIELD_DURATION, FIELD(struct conf_agent, ring_keep), 0, HOUR, 90 * DAY, "48h", NULL,
     "How long raw observations and events are kept for replay."},
    {"common_window", FIELD_DURATION, FIELD(struct conf_agent, common_window), 0, SECOND, HOUR, "60s", NULL,
     "Groups that fall within this time have one cause: nothing is moved."},
    {"page", FIELD_TABLE, 0, FIELD_NOT_BUILT, 0, 0, NULL, NULL, "The status page."},
    {"metrics", FIELD_TABLE, 0, FIELD_NOT_BUILT, 0, 0, NULL, NULL, "Metrics over HTTP."},
    END,
};

const struct field config_fields[] = {
    {"version", FIELD_INTEGER, FIELD(struct config, version), FIELD_REQUIRED, 1, 1, NULL, NULL, "Layout of this file: 1."},
    {"agent", FIELD_TABLE, FIELD(struct config, agent), 0, 0, 0, NULL, agent_fields, "This agent."},
    {"defaults", FIELD_TABLE, FIELD(struct config, defaults), 0, 0, 0, NULL, defaults_fields,
     "Applied beneath what groups and probes say themselves."},
    {"snmp", FIELD_OPTIONAL, FIELD(struct config, snmp), 0, 0, sizeof(struct conf_snmp), NULL, snmp_fields,
     "SNMP: answers and notifications."},
    {"credentials", FIELD_MAP, FIELD(struct config, credentials), 0, 0, sizeof(struct conf_credential), NULL, credential_fields,
     "Accounts of our own probes."},
    {"clusters", FIELD_MAP, FIELD(struct config, clusters), 0, 0, sizeof(struct conf_cluster), NULL, cluster_fields,
     "Clusters, their nodes and groups."},
    {"servers", FIELD_MAP, FIELD(struct config, servers), 0, 0, sizeof(struct conf_server), NULL, server_fields,
     "Servers that handlers poll or groups need."},
    {"handlers", FIELD_MAP, FIELD(struct config, handlers), 0, 0, sizeof(struct conf_handler), NULL, handler_fields,
     "Receivers that must be active exactly once."},
    END,
};
