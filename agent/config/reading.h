/* What all steps of one config_read share, and how they complain: file:line:col, the line, a caret, "did you mean".
 * Knows nothing of YAML or of tables. Never shows the value of a key that looks like a secret. */
#ifndef SOLOWARDEN_CONFIG_READING_H
#define SOLOWARDEN_CONFIG_READING_H

#include <stdarg.h>

#include "arena.h"
#include "config.h"

struct source { /* one file as it was read */
    const char *name, *text;
    size_t size;
    struct source *next;
};

struct complaint {
    struct place place;
    uint32_t width;
    unsigned order; /* as found */
    const char *text;
};

struct reading {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct source *sources; /* newest first */
    size_t nodes;           /* made so far, over all files */
    struct complaint *complaints;
    size_t complaint_count, complaint_room;
};

void complain(struct reading *reading, struct place place, uint32_t width, const char *format, ...) __attribute__((format(printf, 4, 5)));

void complain_list(struct reading *reading, struct place place, uint32_t width, const char *format, va_list arguments);

/* Print what was found, file by file from top to bottom, and forget it. */
void complaints_print(struct reading *reading);

/* The nearest of several words, by edit distance, if any is near enough. */
struct suggestion {
    const char *word, *best;
    unsigned distance;
};
void suggestion_offer(struct suggestion *suggestion, const char *candidate);
const char *suggestion_text(const struct suggestion *suggestion, char buffer[160]); /* "; did you mean `x`?", or "" */

/* password, community, auth_token, …: what must stand in a file of its own. Not `password_file`. */
bool looks_secret(const char *key, size_t size);

#endif
