/* See backoff.h. */
#include "backoff.h"

void backoff_open(struct backoff *backoff)
{
    *backoff = (struct backoff){.refused_by = MACHINE_NONE, .shared = backoff->shared};
}

msec_t backoff_due(const struct backoff *backoff, uint16_t machine)
{
    if (backoff->delay == 0)
        return 0;
    return backoff->until + (backoff->shared && backoff->refused_by == machine ? backoff->delay / 2 : 0);
}

bool backoff_permits(const struct backoff *backoff, uint16_t machine, msec_t now)
{
    return now >= backoff_due(backoff, machine);
}

/* Conversations that were under way together are refused together: that is one refusal, not a reason to double again. */
void backoff_refused(struct backoff *backoff, uint16_t machine, msec_t started, msec_t now)
{
    backoff->proven = false;
    if (backoff->delay > 0 && started < backoff->refused_at)
        return;
    backoff->delay = backoff->delay == 0 ? BACKOFF_FIRST_MS : backoff->delay * 2;
    if (backoff->delay > BACKOFF_MAX_MS)
        backoff->delay = BACKOFF_MAX_MS;
    backoff->until = now + backoff->delay;
    backoff->refused_at = now;
    backoff->refused_by = machine;
}

void backoff_accepted(struct backoff *backoff)
{
    backoff_open(backoff);
    backoff->proven = true;
}

void backoff_undecided(struct backoff *backoff, uint16_t machine)
{
    if (backoff->refused_by == machine)
        backoff->refused_by = MACHINE_NONE;
}
