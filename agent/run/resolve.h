/* Names to addresses. Literals at once; names through the resolver, off the loop thread, remembered and served stale while they are asked
 * for again: a dead resolver must not make every server look dead. One memory for the process, used from the loop thread only. */
#ifndef SOLOWARDEN_RUN_RESOLVE_H
#define SOLOWARDEN_RUN_RESOLVE_H

#include <netinet/in.h>
#include <uv.h>

#include "agent/core/types.h"

enum { ADDRESSES_MAX = 8, NAME_FRESH_MS = 60000, NAME_RETRY_MS = 10000 };

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* shared; `preferred` is the one that worked last, and moves on when one does not answer */
struct addresses {
    uint32_t references;
    uint8_t count, preferred;
    union socket_address items[];
};

void addresses_release(struct addresses *addresses);

/* One address, known already. */
struct addresses *addresses_single(const union socket_address *address);

/* Returns the addresses at once when they are known (the caller releases them). Else NULL: `done` is called later, with NULL if there are
 * none, unless the wait is cancelled before. */
typedef void resolve_done(void *context, struct addresses *addresses);
struct resolve_wait;
struct addresses *resolve(uv_loop_t *loop, const char *host, resolve_done *done, void *context, struct resolve_wait **wait);
void resolve_cancel(struct resolve_wait *wait);

/* Forget all names; those still being asked for are dropped when their answer comes. */
void resolve_forget(void);

#endif
