/* The state of one server's log: may it be judged by, and how do its stamps stand to our clock?
 * Knows nothing of files; the file channel tells what it found in reports. */
#ifndef SOLOWARDEN_CORE_LOGS_H
#define SOLOWARDEN_CORE_LOGS_H

#include "types.h"

enum { CANARIES_PENDING = 16 };
/* How one log stands. Filled from the file channel's reports and from sightings. */
struct log_state {
    uint16_t reason; /* REASON_OK when it may be judged by; else why not (catching-up, log-stalled, …) */
    uint16_t report; /* the channel's last word about the file; 0 = none yet */
    msec_t since, read_at;
    stamp_t watermark;     /* newest stamp read */
    stamp_t watched_since; /* read without a hole since then (the log's clock); 0 = not caught up yet. Silence counts from here at most */
    int64_t skew;          /* log's clock minus our wall clock, milliseconds; from the canary, else the best line */
    bool skew_known, gap, caught_up;
    bool has_backlog, canary_pending; /* has_backlog: the channel has not reached the end of the file yet */
    uint8_t pending_count, strange;
    msec_t gap_at;
    msec_t pending[CANARIES_PENDING];  /* our logins whose line has not come, oldest first */
    msec_t canary_sent, canary_seen;   /* the newest login, and the newest of them whose line came */
    msec_t canary_lag, canary_late_at; /* late: last time that a line was overdue */
    msec_t early_at;                   /* a canary line that came before we knew of the login; */
    stamp_t early_stamp, canary_stamp; /* its stamp; that of the newest canary line */
    uint64_t lines, unparsed, cut, gaps, backwards, canaries;
};

/* What the file channel says about the file itself. */
struct log_report {
    uint16_t reason; /* REASON_OK: readable and read to its end; REASON_CATCHING_UP, LOG_MISSING, LOG_UNREADABLE, LOG_GAP, LOG_FORMAT */
    uint64_t lines, unparsed, cut; /* since the last report */
};
#endif
