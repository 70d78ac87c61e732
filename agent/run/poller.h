/* Many descriptors behind one handle of the loop: an epoll set of our own, watched by the loop as one descriptor.
 * A connection then costs three calls of the kernel and no handle, and one turn of the loop serves a bounded number of events. */
#ifndef SOLOWARDEN_RUN_POLLER_H
#define SOLOWARDEN_RUN_POLLER_H

#include <sys/epoll.h>
#include <uv.h>

struct polled { /* part of what is watched */
    void (*event)(struct polled *polled, uint32_t events);
};

/* One per loop, shared by all who hold it; it keeps the loop running only while something is watched. */
struct poller;
struct poller *poller_hold(uv_loop_t *loop); /* NULL: out of descriptors */
void poller_release(struct poller *poller);

int poller_add(struct poller *poller, struct polled *polled, int descriptor, uint32_t events); /* 0 or errno */
void poller_change(struct poller *poller, struct polled *polled, int descriptor, uint32_t events);
/* Before the descriptor is closed. No event of it comes any more, not even one that was fetched already. */
void poller_remove(struct poller *poller, struct polled *polled, int descriptor);

#endif
