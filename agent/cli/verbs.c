/* The table of verbs: the command line, --help and the man page list them in this order. */
#include <stdbool.h>
#include <stddef.h>

#include "agent/act/actuator.h"
#include "agent/run/snmp_manager.h"
#include "agent/show/snmp.h"
#include "cli.h"

const struct verb_type verbs[] = {
    {"scan", "FILE…", "read a server's log: duplicates, hand-overs, intruders (no configuration, no daemon)", cli_scan, false},
    {"run", "[--config FILE]", "the daemon: watch, tell, and where allowed, act", cli_run, false},
    {"check", "[--config FILE] [--deep]", "check the configuration", cli_check, false},
    {"status", "[TABLE…]", "what the running agent knows", cli_status, false},
    {"explain", "GROUP|HANDLER", "why it is judged so, and what would change it", cli_explain, false},
    {"history", "[NAME]", "what happened", cli_history, false},
    {"pause", "SCOPE --for TIME --why TEXT", "hold all actions; detection goes on", cli_pause, false},
    {"resume", "SCOPE", "end a pause", cli_resume, false},
    {"ack", "GROUP|ALARM", "acknowledge: an operator has looked", cli_ack, false},
    {"approve", "GROUP", "approve the standing plan (mode confirm)", cli_approve, false},
    {"failover", "GROUP --reason TEXT", "order a failover", cli_failover, false},
    {"preflight", "GROUP", "would a failover work right now, and to which node", cli_preflight, false},
    {"audit", "[--cluster NAME] [--rule N] [--all]", "Microsoft's rules for clustered hosts against what was found", cli_audit, false},
    {"discover", "[--cluster NAME]", "print the configuration for what was found", cli_discover, false},
    {"check-state", "[NAME]", "the state as a Nagios plugin tells it", cli_check_state, false},
    {"doctor", "[--config FILE]", "find the usual faults of a set-up and their cures", cli_doctor, false},
    {"schema", "", "the configuration's JSON Schema", cli_schema, false},
    {"mib", "", "where the MIB is, and its root", cli_mib, false},
    {"actuator", "", "", actuator_main, true},
    {"snmp-agent", "", "", snmp_agent_main, true},
    {"snmp-notify", "", "", snmp_notify_main, true},
    {"snmp-manager", "", "", snmp_manager_main, true},
    {NULL, NULL, NULL, NULL, false},
};
