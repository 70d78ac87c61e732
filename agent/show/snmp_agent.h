/* The agent child's own parts: the handler of our subtree, access and addresses, the loop. Only the snmp_agent files and their tests
 * include this; it needs net-snmp. */
#ifndef SOLOWARDEN_SHOW_SNMP_AGENT_H
#define SOLOWARDEN_SHOW_SNMP_AGENT_H

#include "snmp_engine.h"
#include "snmp_tree.h"
#include "snmp_wire.h"

struct agent_start {
    const struct conf_snmp *conf;
    const char *agent_name, *state_dir;
    uint32_t boots;
    const char *const *lines; /* more lines of snmpd.conf, NULL-terminated: tests of views; or NULL */
};

/* rows: serves the snapshot that agent_rows_show was given last (NULL = none yet: the subtree is empty) */
bool agent_rows_register(void);
void agent_rows_show(const struct snapshot *snapshot);
struct agent_counts {
    uint64_t requests, variables;
};
extern struct agent_counts agent_counts;

/* access: everything before and after init_snmp. Errors go to `error`, "" = none; they do not stop the agent. */
void agent_access_begin(const struct agent_start *start, char error[ENGINE_ERROR_BYTES]);
void agent_access_users(const struct agent_start *start, char error[ENGINE_ERROR_BYTES]);
/* Opens what is not open yet of the comma-separated addresses. True when all are. */
bool agent_access_listen(const char *addresses, char error[ENGINE_ERROR_BYTES]);

/* Serves until the channel closes. The exit status. */
int agent_serve(const struct agent_start *start, int channel);

#endif
