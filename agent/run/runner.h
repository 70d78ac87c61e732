/* The runner: schedules probe conversations, carries their requests through channels, and hands out what they saw.
 * Owns slots, deadlines, concurrency per target, back-off per credential. Knows nothing of verdicts or of the model. One loop thread.
 * Where a source stands for a copy on a node, what its probe says of the endpoint is turned into that aspect (seen_for_node). */
#ifndef SOLOWARDEN_RUN_RUNNER_H
#define SOLOWARDEN_RUN_RUNNER_H

#include <uv.h>

#include "agent/config/config.h"

struct runner;

/* at once: programs, and conversations with one host. A password that has not proven itself is tried by one conversation at a time. */
enum { RUNNER_PROGRAMS_MAX = 64, RUNNER_PER_HOST_MAX = 4 };

struct runner_counters {
    uint64_t started, finished, unknown, backed_off, in_flight;
    uint64_t late, queue_delay_max_us; /* begun more than 100 ms after its time; the worst so far */
};

/* Called once per finished conversation, on the loop thread. `seen` is borrowed. reason: of the conversation as a whole. */
typedef void runner_seen(void *context, uint16_t source, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms,
                         msec_t now);

/* What conversations with an estate find while they last, borrowed; and the next resource whose list they should ask for. */
typedef void runner_found(void *context, uint16_t source, const struct found *found);
typedef bool runner_wanted(void *context, uint16_t source, enum found_kind kind, char name[FOUND_NAME]);

/* found, wanted: may be NULL. Sources without a probe type are left alone: they speak through others. */
struct runner *runner_open(uv_loop_t *loop, const struct compiled *compiled, runner_seen *seen, runner_found *found, runner_wanted *wanted,
                           void *context);
/* At most so many conversations at once. Preset: what the limit of descriptors allows. */
void runner_limit(struct runner *runner, uint32_t in_flight);
void runner_start(
    struct runner *runner); /* first conversations are spread over their interval by a hash of the name, the first round within 2 s */
void runner_now(struct runner *runner, uint16_t position); /* run this one as soon as possible (after an action) */
void runner_forgive(struct runner *runner);                /* end credential back-off (operator said so, or the secret changed) */
const struct runner_counters *runner_counters(const struct runner *runner);
struct http_counters;
const struct http_counters *runner_http_counters(const struct runner *runner); /* NULL: nothing speaks http */
void runner_close(
    struct runner *runner); /* from none of its callbacks; ends conversations; call before uv_loop_close, then run the loop until idle */

#endif
