/* Helpers that the log formats share: a cursor over one line, numbers, stamps. Internal to probes/format*.c. Pure. */
#ifndef SOLOWARDEN_PROBES_LINE_H
#define SOLOWARDEN_PROBES_LINE_H

#include <string.h>

#include "formats.h"

/* What is left of a line. */
struct cursor {
    const char *at, *end;
};

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Steps over `word` if it comes next. */
static inline bool cursor_skip(struct cursor *cursor, const char *word)
{
    size_t size = strlen(word);
    if (cursor_left(cursor) < size || memcmp(cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

/* The text up to `mark`, which is stepped over. False, and nothing moved, when the mark does not come. */
static inline bool cursor_until(struct cursor *cursor, const char *mark, struct text *out)
{
    size_t size = strlen(mark);
    const char *found = memmem(cursor->at, cursor_left(cursor), mark, size);
    if (!found)
        return false;
    *out = (struct text){cursor->at, (size_t)(found - cursor->at)};
    cursor->at = found + size;
    return true;
}

static inline bool text_has(struct text text, const char *word)
{
    return text.size && memmem(text.data, text.size, word, strlen(word));
}

static inline bool text_is(struct text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* Digits and nothing else, at most 18 of them. */
bool text_number(struct text text, int64_t *out);

/* One or more digits at the cursor, at most `most`. */
bool cursor_number(struct cursor *cursor, unsigned most, int64_t *out);

/* `begin` and `end` of a line that happened at `stamp` and had lasted `duration` ms. */
static inline void sighting_span(struct sighting *out, stamp_t stamp, int64_t duration_ms)
{
    out->end = stamp;
    out->begin = stamp - duration_ms;
}

/* Stamps: each reads one style at the cursor and steps over it. False: not of this style, cursor undefined. */
bool stamp_asctime(struct format_state *state, struct cursor *cursor, stamp_t *out); /* Sun Nov 22 20:20:03 2026 */
bool stamp_syslog(struct format_state *state, struct cursor *cursor, stamp_t *out);  /* Nov 22 20:35:08 */
bool stamp_iso(struct format_state *state, struct cursor *cursor, stamp_t *out);     /* 2026-11-22 20:24:31.790347, also T, +02:00 and Z */
bool stamp_any(struct format_state *state, struct cursor *cursor, stamp_t *out);     /* whichever of these, after an optional <priority> */

/* A date by a template: %Y %m %d %H %M %S %f %b %s %z and literals. */
bool stamp_template(struct format_state *state, const char *pattern, struct text text, stamp_t *out);
/* NULL when the template can be read and tells a whole date; else what is wrong with it. */
const char *stamp_template_fault(const char *pattern);

/* Sessions by the hash of their name. */
void format_session_keep(struct format_state *state, const struct format_session *session);
struct format_session *format_session_find(struct format_state *state, uint64_t session);
/* The account's open session when its address is beyond doubt, else NULL. A doubtful oldest one is forgotten. */
struct format_session *format_session_of_account(struct format_state *state, uint64_t account);

enum parsed vsftpd_parse(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                         struct sighting *out);
enum parsed xferlog_parse(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                          struct sighting *out);
enum parsed dovecot_parse(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                          struct sighting *out);
enum parsed custom_parse(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                         struct sighting *out);

#endif
