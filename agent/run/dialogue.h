/* The reply collector: bytes of a server in, one whole reply out. Shared by all line protocols.
 * Owns the rules of where a reply ends, line ends, dot-stuffing and the limits. Knows no socket, no clock, no meaning of a reply. */
#ifndef SOLOWARDEN_RUN_DIALOGUE_H
#define SOLOWARDEN_RUN_DIALOGUE_H

#include "probes/probe.h"

enum { REPLY_LINE_MAX = 4096, REPLY_LIMIT_PRESET = 16384 };

struct dialogue {
    char *text; /* the reply so far: every line ends in '\n', CR LF is one line end, any other byte is kept */
    size_t size, capacity, limit;
    size_t line_begin;  /* of the line being collected */
    size_t line_length; /* as sent: what is dropped from the text counts too */
    uint8_t expect;
    bool carriage; /* a CR is held back until we know whether it belongs to a line end */
    bool many;     /* lines follow the first one */
    bool stuffed;  /* the line began with a dot that was dropped */
};

/* Begin a reply. limit 0 = preset. */
void dialogue_begin(struct dialogue *dialogue, enum expect expect, size_t limit);

/* Returns REASON_NONE while more is needed, REASON_OK when the reply is whole (text, size), LINE_TOO_LONG or REPLY_TOO_LARGE.
 * *used: bytes taken; the rest belongs to the next reply. */
uint16_t dialogue_feed(struct dialogue *dialogue, const char *data, size_t size, size_t *used);

/* Frees the text. The reply is gone. */
void dialogue_end(struct dialogue *dialogue);

#endif
