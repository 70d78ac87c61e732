/* The files that a log was rotated into: same folder, same name but for a number or date. Knows names and times, reads no lines. */
#ifndef SOLOWARDEN_RUN_SIBLINGS_H
#define SOLOWARDEN_RUN_SIBLINGS_H

#include <sys/stat.h>

#include "agent/core/types.h"

struct sibling {
    char *path;
    struct stat status;
    bool compressed; /* cannot be followed */
};

/* All of them, oldest first. Returns how many; *siblings by siblings_free. `path` itself is not among them. */
size_t siblings_of(const char *path, struct sibling **siblings);
void siblings_free(struct sibling *siblings, size_t count);

/* "log" → "log.1", "log-20260101", "log.2026-01-01.gz"; "a.log" also → "a-20260101.log". */
bool sibling_name(const char *base, const char *name, bool *compressed);

#endif
