/* What the parts of `solowarden doctor` share: one line per check, and what was found so far. */
#ifndef SOLOWARDEN_CLI_DOCTOR_H
#define SOLOWARDEN_CLI_DOCTOR_H

#include <stdbool.h>

#include "agent/config/config.h"

struct visit {
    const struct config *config;
    const struct compiled *compiled;
    unsigned faults;
    bool color;
    bool daemon; /* it answers on its control socket */
};

/* One line each: what was looked at, and how it is. A fault stops the agent or blinds it and counts; advice does not. */
void doctor_fine(struct visit *visit, const char *what, const char *format, ...) __attribute__((format(printf, 3, 4)));
void doctor_fault(struct visit *visit, const char *what, const char *cure, const char *format, ...) __attribute__((format(printf, 4, 5)));
void doctor_advice(struct visit *visit, const char *what, const char *cure, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* doctor_snmp.c: search path of MIB modules, AgentX, snmpd's views, the port that we listen on */
void doctor_snmp(struct visit *visit);
/* doctor_windows.c: a login to every node of every Windows cluster, and what may be read there; a keytab and whose keys it has */
void doctor_windows(struct visit *visit);
void doctor_keytab(struct visit *visit, const char *owner, const char *principal, const char *file);

#endif
