/* A text that grows, up to a limit. Once anything did not fit it stays `too_long`, and its bytes are of no use. */
#ifndef SOLOWARDEN_WINLAB_TEXT_H
#define SOLOWARDEN_WINLAB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_MAX = 16 * 1024 * 1024 };

struct text {
    char *bytes; /* ends in a NUL that `length` does not count; NULL while empty */
    size_t length, capacity;
    bool too_long;
};

void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add(struct text *text, const char *more);
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);
/* As character data or attribute value of XML; what XML cannot say at all becomes a question mark. */
void text_add_escaped(struct text *text, const char *more);
void text_free(struct text *text);

#endif
