/* How both SNMP children begin: options, signals, guard, configuration. Internal to agent/show/snmp_*. */
#ifndef SOLOWARDEN_SHOW_SNMP_CHILD_H
#define SOLOWARDEN_SHOW_SNMP_CHILD_H

#include "agent/config/config.h"

/* The child's own copy of the configuration (config_close it), NULL with *status set when it cannot begin. */
struct config *snmp_child_begin(int argc, char **argv, uint32_t *boots, int *status);

#endif
