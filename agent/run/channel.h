/* Channels carry a conversation's requests: sockets (line) and programs (exec). One conversation at a time each.
 * Own descriptors and bytes; know nothing of protocols, verdicts or schedules. What a request points to (host, names, files, arguments)
 * must live until the conversation ends; its bytes are copied or gone on return. */
#ifndef SOLOWARDEN_RUN_CHANNEL_H
#define SOLOWARDEN_RUN_CHANNEL_H

#include <uv.h>

#include "probes/probe.h"

typedef void channel_reply(void *context, const struct reply *reply);

/* line: raw non-blocking TCP, IPv4/IPv6 with fallback, TLS by OpenSSL (implicit and upgrade), optional second data connection. */
struct line_channel;
struct line_channel *line_open(uv_loop_t *loop, channel_reply *reply, void *context);
void line_request(struct line_channel *channel, const struct request *request); /* replies later, never from inside this call */
/* The deadline: replies at once with the reason of the phase it was in. False: nothing was asked, so there is nothing to reply to. */
bool line_expire(struct line_channel *channel);
void line_close(struct line_channel *channel); /* no further replies; frees itself when the loop let go */

/* exec: posix_spawn, own process group, stdout to a bound, deadline then TERM then KILL. */
struct exec_channel;
struct exec_channel *exec_open(uv_loop_t *loop, channel_reply *reply, void *context);
void exec_request(struct exec_channel *channel, const struct request *request);
void exec_expire(struct exec_channel *channel); /* the deadline: replies when the program has ended, or does not even by KILL */
void exec_close(struct exec_channel *channel);

#endif
