/* What is known of one credential: whether it ever let us in, and how long it rests after a refusal. Pure.
 * The account must not be locked by us: after a refusal one conversation at a time may try it, the refused one first. */
#ifndef SOLOWARDEN_RUN_BACKOFF_H
#define SOLOWARDEN_RUN_BACKOFF_H

#include "agent/core/types.h"

enum { BACKOFF_FIRST_MS = 60000, BACKOFF_MAX_MS = 3600000, SOURCE_NOBODY = UINT16_MAX };

struct backoff {
    msec_t until, delay, refused_at; /* delay 0 = not backed off */
    uint16_t refused_by;             /* the source that tries first, or SOURCE_NOBODY: any may */
    bool proven;                     /* it let somebody in, and nobody was refused since */
};

void backoff_open(struct backoff *backoff);
bool backoff_permits(const struct backoff *backoff, uint16_t source, msec_t now);
void backoff_refused(struct backoff *backoff, uint16_t source, msec_t started, msec_t now);
void backoff_accepted(struct backoff *backoff);
void backoff_undecided(struct backoff *backoff, uint16_t source); /* it ended before the password was judged */

#endif
