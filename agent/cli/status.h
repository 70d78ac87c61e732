/* The snapshot of a running daemon, for every verb that shows it. */
#ifndef SOLOWARDEN_CLI_STATUS_H
#define SOLOWARDEN_CLI_STATUS_H

#include "agent/show/snapshot.h"
#include "client.h"

/* NULL when the daemon does not run or answers nothing usable: the reason was printed and *status is the exit status. */
const struct snapshot *status_snapshot(const struct client_options *options, int *status);

#endif
