/* What is known of one credential: whether it ever let us in, and how long it rests after a refusal. Pure.
 * The account must not be locked by us: after a refusal one conversation at a time may try it. Where several machines are asked with it,
 * others are tried before the one that refused: one machine that refuses everybody must not keep a good credential from all others. */
#ifndef SOLOWARDEN_RUN_BACKOFF_H
#define SOLOWARDEN_RUN_BACKOFF_H

#include "agent/core/types.h"

enum { BACKOFF_FIRST_MS = 60000, BACKOFF_MAX_MS = 3600000, MACHINE_NONE = UINT16_MAX };

struct backoff {
    msec_t until, delay, refused_at; /* delay 0 = not backed off */
    uint16_t refused_by;             /* the machine that refused last, or MACHINE_NONE */
    bool shared;                     /* it goes to other machines too; stays */
    bool proven;                     /* it let somebody in, and nobody was refused since */
};

void backoff_open(struct backoff *backoff);                          /* of zeroed memory, or again */
msec_t backoff_due(const struct backoff *backoff, uint16_t machine); /* from when on it may be tried there; 0 = at any time */
bool backoff_permits(const struct backoff *backoff, uint16_t machine, msec_t now);
void backoff_refused(struct backoff *backoff, uint16_t machine, msec_t started, msec_t now);
void backoff_accepted(struct backoff *backoff);
void backoff_undecided(struct backoff *backoff, uint16_t machine); /* it ended before the password was judged */

#endif
