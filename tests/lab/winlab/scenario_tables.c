/* The keys of a scenario file, with defaults. Owns nothing else. */
#include "scenario.h"

#define NODES_MAX 8
#define DURATION_MAX ((int64_t)24 * 3600 * 1000)

static const struct field timing_fields[] = {
    {"online", FIELD_DURATION, FIELD(struct scenario_timing, online), 0, 0, DURATION_MAX, "3s", NULL,
     "How long a service resource needs to come online; names, addresses and disks need a quarter of it."},
    {"offline", FIELD_DURATION, FIELD(struct scenario_timing, offline), 0, 0, DURATION_MAX, "2s", NULL, "How long it needs to go offline."},
    {"hung_stop", FIELD_DURATION, FIELD(struct scenario_timing, hung_stop), 0, 0, DURATION_MAX, "10s", NULL,
     "How long a hung service needs to stop."},
    {"is_alive", FIELD_DURATION, FIELD(struct scenario_timing, is_alive), 0, 0, DURATION_MAX, "5s", NULL,
     "After how long the cluster notices that a service is gone."},
    {"heartbeat", FIELD_DURATION, FIELD(struct scenario_timing, heartbeat), 0, 0, DURATION_MAX, "5s", NULL,
     "After how long the cluster notices that a node is gone."},
    {"join", FIELD_DURATION, FIELD(struct scenario_timing, join), 0, 0, DURATION_MAX, "3s", NULL, "How long a node joins."},
    {"recovery", FIELD_DURATION, FIELD(struct scenario_timing, recovery), 0, 0, DURATION_MAX, "1m", NULL,
     "After how long the service manager restarts a host instance that is not clustered; three times at most."},
    {"sql_dies", FIELD_DURATION, FIELD(struct scenario_timing, sql_dies), 0, 0, DURATION_MAX, "8s", NULL,
     "How long a host instance lives without its database."},
    {0}};

static const char *const passives[] = {"stopped", "unknown", NULL};
static const struct field biztalk_fields[] = {
    {"group", FIELD_TEXT, FIELD(struct scenario_biztalk, group), 0, 1, 100, "BizTalkMgmtDb", NULL, "Name of the BizTalk group."},
    {"sso_server", FIELD_TEXT, FIELD(struct scenario_biztalk, sso_server), 0, 0, 63, "", NULL,
     "MSBTS_GroupSetting.SSOServerName; the first node unless given."},
    {"virtual_rows", FIELD_BOOL, FIELD(struct scenario_biztalk, virtual_rows), 0, 0, 0, "false", NULL,
     "Clustered hosts have a row of ClusterInstanceType 2 as well."},
    {"passive_instances", FIELD_CHOICE, FIELD(struct scenario_biztalk, passive_instances), 0, 0, 0, "stopped", passives,
     "What BizTalk says of clustered instances on nodes that do not own them."},
    {0}};

static const struct field node_fields[] = {
    {"address", FIELD_TEXT, FIELD(struct scenario_node, address), FIELD_REQUIRED, 7, 15, NULL, NULL, "IPv4 address, 127.x.y.z."},
    {"os", FIELD_TEXT, FIELD(struct scenario_node, os), 0, 1, 100, "Microsoft Windows Server 2019 Standard", NULL,
     "Win32_OperatingSystem.Caption."},
    {"up", FIELD_BOOL, FIELD(struct scenario_node, up), 0, 0, 0, "true", NULL, "The machine runs."},
    {"paused", FIELD_BOOL, FIELD(struct scenario_node, paused), 0, 0, 0, "false", NULL, "Paused in the cluster."},
    {"msmq", FIELD_BOOL, FIELD(struct scenario_node, msmq), 0, 0, 0, "true", NULL, "The local MSMQ service runs."},
    {"sso", FIELD_BOOL, FIELD(struct scenario_node, sso), 0, 0, 0, "true", NULL,
     "ENTSSO runs; a clustered one runs where its resource is."},
    {"msdtc", FIELD_BOOL, FIELD(struct scenario_node, msdtc), 0, 0, 0, "true", NULL, "MSDTC runs."},
    {"counters_of", FIELD_TEXT, FIELD(struct scenario_node, counters_of), 0, 0, 63, "", NULL,
     "NetNameForPerfCounters: whose queues are counted when two MSMQ services run here."},
    {0}};

static const char *const kinds[] = {"network-name", "ip-address", "disk", "msmq", "msdtc", "sso", "host", "other", NULL};
static const char *const starts[] = {"online", "offline", "failed", "pending", NULL};
static const char *const actions[] = {"dont-restart", "restart", "restart-and-fail-over", NULL};
#define RESTART(member) FIELD(struct scenario_resource, restart.member)
static const struct field resource_fields[] = {
    {"called", FIELD_TEXT, FIELD(struct scenario_resource, called), 0, 0, 100, "", NULL, "Its name, where the key cannot be it."},
    {"kind", FIELD_CHOICE, FIELD(struct scenario_resource, kind), FIELD_REQUIRED, 0, 0, NULL, kinds, "What it is."},
    {"type", FIELD_TEXT, FIELD(struct scenario_resource, type), 0, 0, 63, "", NULL, "MSCluster_Resource.Type, unless the kind's own."},
    {"host", FIELD_TEXT, FIELD(struct scenario_resource, host), 0, 0, 80, "", NULL, "Of kind host: the BizTalk host."},
    {"value", FIELD_TEXT, FIELD(struct scenario_resource, value), 0, 0, 100, "", NULL,
     "Of kind network-name and ip-address: the name, the address."},
    {"starts", FIELD_CHOICE, FIELD(struct scenario_resource, starts), 0, 0, 0, "online", starts,
     "How it stands at the beginning; pending never ends."},
    {"possible_owners", FIELD_TEXTS, FIELD(struct scenario_resource, owners), 0, 0, NODES_MAX, NULL, NULL, "All nodes unless given."},
    {"depends", FIELD_TEXTS, FIELD(struct scenario_resource, depends), 0, 0, 8, NULL, NULL, "Resources of the same group."},
    {"restart_action", FIELD_CHOICE, RESTART(action), 0, 0, 0, "restart-and-fail-over", actions, "RestartAction."},
    {"restart_threshold", FIELD_INTEGER, RESTART(threshold), 0, 0, 16, "1", NULL, "RestartThreshold."},
    {"restart_period", FIELD_DURATION, RESTART(period), 0, 0, DURATION_MAX, "15m", NULL, "RestartPeriod."},
    {"restart_delay", FIELD_DURATION, RESTART(delay), 0, 0, DURATION_MAX, "500ms", NULL, "RestartDelay."},
    {"pending_timeout", FIELD_DURATION, RESTART(pending_timeout), 0, 0, DURATION_MAX, "3m", NULL, "PendingTimeout."},
    {"retry", FIELD_DURATION, RESTART(retry), 0, 0, DURATION_MAX, "1h", NULL, "RetryPeriodOnFailure; 0s = never."},
    {0}};

static const struct field group_fields[] = {
    {"called", FIELD_TEXT, FIELD(struct scenario_group, called), 0, 0, 100, "", NULL, "Its name, where the key cannot be it."},
    {"owner", FIELD_TEXT, FIELD(struct scenario_group, owner), 0, 0, 63, "", NULL, "The node that has it; the first one unless given."},
    {"preferred", FIELD_TEXT, FIELD(struct scenario_group, preferred), 0, 0, 63, "", NULL, "Preferred owner."},
    {"auto_failback", FIELD_BOOL, FIELD(struct scenario_group, auto_failback), 0, 0, 0, "false", NULL, "AutoFailbackType 1."},
    {"persistent", FIELD_BOOL, FIELD(struct scenario_group, persistent), 0, 0, 0, "true", NULL, "Meant to be online."},
    {"failback_start", FIELD_INTEGER, FIELD(struct scenario_group, failback_start), 0, -1, 23, "-1", NULL, "FailbackWindowStart."},
    {"failback_end", FIELD_INTEGER, FIELD(struct scenario_group, failback_end), 0, -1, 23, "-1", NULL, "FailbackWindowEnd."},
    {"failover_threshold", FIELD_INTEGER, FIELD(struct scenario_group, failover_threshold), 0, 0, 4294967295, "4294967295", NULL,
     "FailoverThreshold; 4294967295 = one less than there are nodes."},
    {"failover_period_hours", FIELD_INTEGER, FIELD(struct scenario_group, failover_period_hours), 0, 0, 1193, "6", NULL, "FailoverPeriod."},
    {"resources", FIELD_MAP, FIELD(struct scenario_group, resources), 0, 0, sizeof(struct scenario_resource), NULL, resource_fields,
     "What moves together."},
    {0}};

static const struct field host_fields[] = {
    {"only_32_bit", FIELD_BOOL, FIELD(struct scenario_host, only_32_bit), 0, 0, 0, "true", NULL, "IsHost32BitOnly."},
    {"isolated", FIELD_BOOL, FIELD(struct scenario_host, isolated), 0, 0, 0, "false", NULL, "HostType 2."},
    {"nodes", FIELD_TEXTS, FIELD(struct scenario_host, nodes), 0, 0, NODES_MAX, NULL, NULL,
     "Where it has instances; everywhere unless given."},
    {"disabled", FIELD_TEXTS, FIELD(struct scenario_host, disabled), 0, 0, NODES_MAX, NULL, NULL, "Instances that may not be started."},
    {"broken", FIELD_TEXTS, FIELD(struct scenario_host, broken), 0, 0, NODES_MAX, NULL, NULL, "Instances whose installation failed."},
    {"outside", FIELD_TEXTS, FIELD(struct scenario_host, outside), 0, 0, NODES_MAX, NULL, NULL,
     "Instances of a clustered host that run outside the cluster."},
    {"stopped", FIELD_TEXTS, FIELD(struct scenario_host, stopped), 0, 0, NODES_MAX, NULL, NULL,
     "Instances of a host that is not clustered that do not run."},
    {"suspended", FIELD_INTEGER, FIELD(struct scenario_host, suspended), 0, 0, 100000, "0", NULL, "Suspended service instances."},
    {"suspended_for_good", FIELD_INTEGER, FIELD(struct scenario_host, suspended_for_good), 0, 0, 100000, "0", NULL, "Not resumable ones."},
    {0}};

static const struct field receiver_fields[] = {
    {"url", FIELD_TEXT, FIELD(struct scenario_receiver, url), FIELD_REQUIRED, 8, 250, NULL, NULL,
     "ftp://HOST:PORT/FOLDER/ or pop3://HOST:PORT/."},
    {"user", FIELD_TEXT, FIELD(struct scenario_receiver, user), FIELD_REQUIRED, 1, 100, NULL, NULL, "Account."},
    {"password_file", FIELD_PATH, FIELD(struct scenario_receiver, password_file), FIELD_REQUIRED, 0, 0, NULL, NULL, "Its password."},
    {"ca_file", FIELD_PATH, FIELD(struct scenario_receiver, ca_file), 0, 0, 0, NULL, NULL, "Encrypt, and trust this authority."},
    {"poll", FIELD_DURATION, FIELD(struct scenario_receiver, poll), 0, 100, DURATION_MAX, "10s", NULL, "From poll to poll."},
    {0}};

static const struct field location_fields[] = {
    {"called", FIELD_TEXT, FIELD(struct scenario_location, called), 0, 0, 100, "", NULL, "Its name, where the key cannot be it."},
    {"port", FIELD_TEXT, FIELD(struct scenario_location, port), 0, 0, 100, "", NULL, "Receive port; its own name unless given."},
    {"adapter", FIELD_TEXT, FIELD(struct scenario_location, adapter), FIELD_REQUIRED, 1, 100, NULL, NULL, "FTP, SFTP, POP3, MSMQ …"},
    {"host", FIELD_TEXT, FIELD(struct scenario_location, host), FIELD_REQUIRED, 1, 80, NULL, NULL, "BizTalk host of its handler."},
    {"url", FIELD_TEXT, FIELD(struct scenario_location, url), FIELD_REQUIRED, 1, 250, NULL, NULL, "InboundTransportURL."},
    {"enabled", FIELD_BOOL, FIELD(struct scenario_location, enabled), 0, 0, 0, "true", NULL, "Not IsDisabled."},
    {"window_start", FIELD_INTEGER, FIELD(struct scenario_location, window_start), 0, -1, 1439, "-1", NULL,
     "Service window: minute of the day; -1 = always."},
    {"window_stop", FIELD_INTEGER, FIELD(struct scenario_location, window_stop), 0, -1, 1439, "-1", NULL, "Its end."},
    {"receiver", FIELD_OPTIONAL, FIELD(struct scenario_location, receiver), 0, 0, sizeof(struct scenario_receiver), NULL, receiver_fields,
     "A real receiver that polls a real server from the node's address."},
    {0}};

static const struct field queue_fields[] = {
    {"called", FIELD_TEXT, FIELD(struct scenario_queue, called), 0, 0, 120, "", NULL, "Instance name of its counters."},
    {"host", FIELD_TEXT, FIELD(struct scenario_queue, host), 0, 0, 80, "", NULL, "Who drains it; nobody unless given."},
    {"resource", FIELD_TEXT, FIELD(struct scenario_queue, resource), 0, 0, 100, "", NULL, "The clustered MSMQ that holds it."},
    {"node", FIELD_TEXT, FIELD(struct scenario_queue, node), 0, 0, 63, "", NULL, "The node whose own MSMQ holds it."},
    {"messages", FIELD_INTEGER, FIELD(struct scenario_queue, messages), 0, 0, 1000000000, "0", NULL, "At the beginning."},
    {"message_bytes", FIELD_INTEGER, FIELD(struct scenario_queue, message_bytes), 0, 0, 4000000, "2048", NULL, "Of each message."},
    {"in_per_minute", FIELD_INTEGER, FIELD(struct scenario_queue, in_per_minute), 0, 0, 1000000, "0", NULL, "How fast it fills."},
    {"out_per_minute", FIELD_INTEGER, FIELD(struct scenario_queue, out_per_minute), 0, 0, 1000000, "0", NULL, "How fast it drains."},
    {"journal", FIELD_INTEGER, FIELD(struct scenario_queue, journal), 0, 0, 1000000000, "0", NULL, "Messages in its journal."},
    {0}};

static const struct field cluster_fields[] = {
    {"service_names", FIELD_BOOL, FIELD(struct scenario_cluster, service_names), 0, 0, 0, "false", NULL,
     "Resources tell PrivateProperties/ServiceName."},
    {"msmq_port", FIELD_INTEGER, FIELD(struct scenario_cluster, msmq_port), 0, 0, 65535, "0", NULL,
     "Clustered MSMQ can be connected to on this port of its role's IP Address, 1801 on Windows; 0 = not."},
    {"timing", FIELD_TABLE, FIELD(struct scenario_cluster, timing), 0, 0, 0, NULL, timing_fields, "How long things take."},
    {"biztalk", FIELD_TABLE, FIELD(struct scenario_cluster, biztalk), 0, 0, 0, NULL, biztalk_fields, "What BizTalk says."},
    {"nodes", FIELD_MAP, FIELD(struct scenario_cluster, nodes), FIELD_REQUIRED, 0, sizeof(struct scenario_node), NULL, node_fields,
     "1 to 8 machines."},
    {"groups", FIELD_MAP, FIELD(struct scenario_cluster, groups), 0, 0, sizeof(struct scenario_group), NULL, group_fields, "Roles."},
    {"hosts", FIELD_MAP, FIELD(struct scenario_cluster, hosts), 0, 0, sizeof(struct scenario_host), NULL, host_fields, "BizTalk hosts."},
    {"locations", FIELD_MAP, FIELD(struct scenario_cluster, locations), 0, 0, sizeof(struct scenario_location), NULL, location_fields,
     "Receive locations."},
    {"queues", FIELD_MAP, FIELD(struct scenario_cluster, queues), 0, 0, sizeof(struct scenario_queue), NULL, queue_fields, "MSMQ queues."},
    {0}};

static const struct field load_fields[] = {
    {"clusters", FIELD_INTEGER, FIELD(struct scenario_load, clusters), FIELD_REQUIRED, 1, 250, NULL, NULL, "How many clusters."},
    {"nodes", FIELD_INTEGER, FIELD(struct scenario_load, nodes), 0, 2, 4, "4", NULL, "Nodes each."},
    {"hosts", FIELD_INTEGER, FIELD(struct scenario_load, hosts), 0, 1, 200, "50", NULL, "BizTalk hosts each, all clustered."},
    {"second_byte", FIELD_INTEGER, FIELD(struct scenario_load, second_byte), 0, 1, 254, "90", NULL,
     "Cluster C's node N has the address 127.second_byte.C.N."},
    {0}};

const struct field scenario_fields[] = {
    {"version", FIELD_INTEGER, FIELD(struct scenario, version), FIELD_REQUIRED, 1, 1, NULL, NULL, "1."},
    {"load", FIELD_OPTIONAL, FIELD(struct scenario, load), 0, 0, sizeof(struct scenario_load), NULL, load_fields,
     "Many equal clusters, instead of `clusters`."},
    {"clusters", FIELD_MAP, FIELD(struct scenario, clusters), 0, 0, sizeof(struct scenario_cluster), NULL, cluster_fields, "By name."},
    {0}};
