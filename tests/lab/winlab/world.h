/* The simulated world as main.c and the tests know it: clusters whose nodes run BizTalk, from one scenario file. It has no clock of its
 * own (world_tick brings the time) and no sockets; what touches the outside (receivers, control socket) is world_run. Nodes of all
 * clusters are numbered through. A simulation: it behaves as Microsoft's documentation says, and was never compared with Windows. */
#ifndef SOLOWARDEN_WINLAB_WORLD_H
#define SOLOWARDEN_WINLAB_WORLD_H

#include <stdio.h>
#include <uv.h>

#include "class.h"

/* NULL: every error of the scenario was written to `complaints` as file:line:col. */
struct world *world_open(const char *scenario_path, FILE *complaints);
struct world *world_parse(const char *name, const char *text, size_t size, FILE *complaints);
void world_close(struct world *world);

/* What happens until `now_ms` (monotonic) happens. wall_ms: the machines' clocks, milliseconds since 1970. */
void world_tick(struct world *world, uint64_t now_ms, int64_t wall_ms);

size_t world_node_count(const struct world *world);
const char *world_node_name(const struct world *world, size_t node);
const char *world_node_address(const struct world *world, size_t node);
const char *world_node_cluster(const struct world *world, size_t node);

/* How many enumeration contexts the wire holds open there now; shown by `counts`. */
void world_contexts(struct world *world, size_t node, uint64_t open);

/* What windows_exporter says on this node (mscluster, msmq, service). The caller frees it. */
char *exporter_text(const struct world *world, size_t node, size_t *size);

/* One line of the control language → one line of answer, "ok …" or "error …"; the caller frees it. */
char *world_command(struct world *world, const char *line);

/* The world on a loop: its timer, its receivers, its control socket. */
struct world_options {
    const char *control_socket; /* NULL: none */
    const char *receiver;       /* path of the program lab_receiver; NULL: no receivers are started */
    const char *state_dir;      /* receivers' logs and what they retrieved; NULL: kept nowhere */
};
struct world_run;
struct world_run *world_run_open(struct world *world, uv_loop_t *loop, const struct world_options *options,
                                 FILE *complaints); /* NULL: said why */
void world_run_close(struct world_run *run);        /* ends receivers; closes its handles: the loop must run until they are closed */

/* winlab control SOCKET COMMAND…: argv[0] is SOCKET. Exit status: 0 ok, 1 error, EX_UNAVAILABLE nobody answers. */
int control_client_main(int argc, char **argv);

#endif
