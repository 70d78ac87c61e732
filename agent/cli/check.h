/* `check --deep`: what the configuration needs from this host and network. Shared by check.c and check_deep.c only. */
#ifndef SOLOWARDEN_CLI_CHECK_H
#define SOLOWARDEN_CLI_CHECK_H

#include "agent/config/config.h"

/* Prints a sentence for everything that is not as needed; returns how many there were. Changes nothing. */
unsigned check_deep(const struct config *config, const struct compiled *compiled);

#endif
