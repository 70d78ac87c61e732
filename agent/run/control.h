/* The control socket: a unix stream socket that serves the command line. One JSON object a line in, one JSON line out, and with it
 * optionally one descriptor. Owns clients, their limits and the socket file; knows no verb. Every client is hostile until parsed. */
#ifndef SOLOWARDEN_RUN_CONTROL_H
#define SOLOWARDEN_RUN_CONTROL_H

#include <stdbool.h>

#include <jansson.h>
#include <uv.h>

enum { CONTROL_REQUEST_BYTES = 4096, CONTROL_CLIENTS = 32, CONTROL_IDLE_MS = 10000, CONTROL_WHO_BYTES = 32 };

struct control;
struct control_request; /* one question that wants exactly one control_reply, now or later */

/* args: the whole request object, borrowed until return. who: the client's user name as the kernel and /etc/passwd tell, borrowed. */
typedef void control_callback(void *context, struct control_request *request, const char *verb, const json_t *args, const char *who);

/* The socket is made 0660; group: its group by name, NULL = leave it. A dead daemon's socket is replaced; NULL with a message for people
 * when another one runs or the path cannot be used. */
struct control *control_open(uv_loop_t *loop, const char *path, const char *group, control_callback *callback, void *context, char *error,
                             size_t error_size);

/* answer: a reference that this takes over. descriptor: sent with the answer, -1 = none; stays the caller's. The client may be gone. */
void control_reply(struct control_request *request, json_t *answer, int descriptor);
/* {"ok":false,"error":…,"cure":…}; cure may be NULL */
void control_refuse(struct control_request *request, const char *error, const char *cure);

/* Removes the socket. Requests not yet answered stay valid and must still be answered. Run the loop once more before uv_loop_close. */
void control_close(struct control *control);

#endif
