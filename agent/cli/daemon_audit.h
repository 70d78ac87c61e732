/* The daemon's side of `audit` and `discover`: answers as JSON, every text in them printable. Reads only. */
#ifndef SOLOWARDEN_CLI_DAEMON_AUDIT_H
#define SOLOWARDEN_CLI_DAEMON_AUDIT_H

#include <jansson.h>

#include "agent/config/config.h"
#include "agent/core/audit.h"

/* arguments: "cluster" (name), "rule" (number), "all" (true: what is fulfilled, too). Violations come first where there are too many. */
json_t *daemon_audit(const struct audit_input *input, const json_t *arguments);

/* arguments: "cluster". What there is, cluster by cluster, and how the agent reaches it; paths of secrets, never secrets. */
json_t *daemon_discover(const struct audit_input *input, const struct config *config, const json_t *arguments);

#endif
