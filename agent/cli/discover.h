/* What the agent found, as a configuration. */
#ifndef SOLOWARDEN_CLI_DISCOVER_H
#define SOLOWARDEN_CLI_DISCOVER_H

#include <jansson.h>

/* The YAML document for the daemon's answer, with comments; NULL: out of memory. The caller frees it. */
char *discover_document(const json_t *answer);

#endif
