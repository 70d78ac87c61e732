/* The verbs. One file each; every function gets its own argv (argv[0] is the verb) and returns an exit status (sysexits). */
#ifndef SOLOWARDEN_CLI_CLI_H
#define SOLOWARDEN_CLI_CLI_H

#include <stdbool.h>

struct verb_type {
    const char *name, *arguments, *help;
    int (*main)(int argc, char **argv);
    bool internal; /* a child of `run`: not in --help */
};
extern const struct verb_type verbs[]; /* name NULL ends: verbs.c */

int cli_scan(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_schema(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_history(int argc, char **argv);
int cli_pause(int argc, char **argv);
int cli_resume(int argc, char **argv);
int cli_ack(int argc, char **argv);
int cli_approve(int argc, char **argv);
int cli_failover(int argc, char **argv);
int cli_preflight(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_discover(int argc, char **argv);
int cli_check_state(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_mib(int argc, char **argv);

#endif
