/* What a keytab holds: reads the file alone, asks no KDC. Knows no ticket and no conversation. */
#ifndef SOLOWARDEN_RUN_KEYTAB_H
#define SOLOWARDEN_RUN_KEYTAB_H

#include "agent/core/types.h"

enum { KEYTAB_WHY = 160 };

/* OK: it has a key of this principal (without a realm: of the default one). SECRET_UNREADABLE, TOKEN_FAILED: `why` says why not. */
uint16_t keytab_look(const char *file, const char *principal, char why[KEYTAB_WHY]);

#endif
