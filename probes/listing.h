/* Counts the files of an FTP folder listing that arrives in pieces, and finds the oldest. MLSD (RFC 3659), and LIST as Unix and
 * Windows servers write it. Owns a line's beginning, never the listing. LIST has no zone: its dates are taken as UTC. */
#ifndef SOLOWARDEN_PROBES_LISTING_H
#define SOLOWARDEN_PROBES_LISTING_H

#include "agent/core/types.h"

struct listing {
    bool machine;       /* MLSD: facts with a UTC stamp */
    uint32_t entries;   /* files, and links to them; folders are nothing to fetch */
    uint32_t alien;     /* lines that are no entry of any kind known */
    stamp_t oldest;     /* 0 = no date seen */
    uint16_t line_size; /* longer lines are cut: what counts stands in front of the name */
    char line[192];
};

/* `now`: wall clock, for the year that LIST leaves out; 0 = unknown, then such dates are ignored. */
void listing_feed(struct listing *listing, const char *data, size_t size, stamp_t now);
void listing_end(struct listing *listing, stamp_t now); /* the last line may lack its end */

#endif
