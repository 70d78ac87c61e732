/* Log formats as data: how a server's log line is understood. One table row each in formats.c.
 * Pure: a line in, a sighting out. PCRE2 (format `custom`) works through the bounded allocator handed in by the caller. */
#ifndef SOLOWARDEN_PROBES_FORMATS_H
#define SOLOWARDEN_PROBES_FORMATS_H

#include "agent/core/types.h"

enum { LINE_MAX_BYTES = 4096 }; /* longer lines are cut and counted by the channel */

enum parsed {
    PARSED_NOTHING, /* a line of this format that says nothing about polls or takes */
    PARSED_SIGHTING,
    PARSED_STAMP, /* nothing to see, but its stamp (sighting.end) moves the watermark */
    PARSED_ALIEN  /* not a line of this format */
};

/* A session whose login was read: later lines of it name no address. */
struct format_session {
    uint64_t session, account; /* hashes; session 0 = unused */
    struct address address;
    stamp_t begin;
};
enum { FORMAT_SESSIONS = 256 };

struct format_state { /* what a format remembers between lines: stamp cache, year, open sessions. Zero = start */
    char day[24];
    stamp_t day_stamp;
    int16_t year, month;  /* of the newest stamp; the caller sets today's first: stamps without a year take the nearest (0 = 2000) */
    int32_t zone_seconds; /* the log's zone, east of UTC; set by the caller from the configuration or the system's zone */
    bool zone_set;
    uint16_t session_age; /* next victim within a full set */
    struct format_session sessions[FORMAT_SESSIONS];
};

struct custom_format; /* compiled from the configuration: PCRE2 patterns with named groups, limits set */

struct format {
    const char *name, *help;
    bool has_logins; /* can prove silence */
    bool has_takes;
    uint32_t resolution_ms;
    enum parsed (*parse)(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                         struct sighting *out);
};

extern const struct format formats[]; /* name NULL ends: vsftpd, xferlog, dovecot-pop3, custom */
const struct format *format_by_name(const char *name);
/* The format that understands most of these lines, NULL if none understands any. */
const struct format *format_recognise(const struct text *lines, size_t count);

/* custom: named groups stamp, account, address, object, bytes, seconds (duration), session; one pattern per grade. */
struct custom_patterns {
    const char *poll, *take, *store, *refused, *close; /* NULL = the format has no such line */
    const char *stamp; /* strptime-like: %Y %m %d %H %M %S %f %b %s %z and literals; checked at compile time */
};
struct custom_format *custom_format_open(const struct custom_patterns *patterns, const struct bounded_memory *memory, char *error,
                                         size_t error_size);
void custom_format_close(struct custom_format *custom);

/* "10.0.0.1", "::1", "::ffff:10.0.0.1" → address (IPv4 mapped). False if it is none. Written without inet_pton: probes stay pure. */
bool address_parse(const char *data, size_t size, struct address *out);
/* address → text; buffer of at least 46 bytes; mapped IPv4 is written as IPv4. */
const char *address_text(const struct address *address, char *buffer);

#endif
