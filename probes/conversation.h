/* What the probes share: building requests that nothing can be injected into, and filling what was seen.
 * Knows no protocol. */
#ifndef SOLOWARDEN_PROBES_CONVERSATION_H
#define SOLOWARDEN_PROBES_CONVERSATION_H

#include "probe.h"

/* Every request begins empty: a stale byte of the one before must never be sent. */
void request_begin(struct request *out, enum request_kind kind, enum expect expect);

/* Where to connect, and whom to trust there. `server_name` NULL: the host itself. */
void request_peer(struct request *out, const struct probe_context *context, uint16_t port, const char *server_name, const char *ca_file,
                  bool verify);

/* Exchange "VERB argument\r\n" (argument NULL: none). The caller has checked the argument with sendable(). */
void request_command(struct request *out, enum expect expect, const char *verb, const char *argument);

/* May this be an argument of a command? Not NULL, not empty, no line break, short enough. */
bool sendable(const char *argument);

/* Text for people: printable ASCII and ordinary UTF-8; anything else becomes '?'. Stops at the first line break; `secret` (may be
 * NULL) is written as "***" wherever the server echoes it. Always terminated, never cut inside a character. */
void text_for_people(char *out, size_t out_size, const char *data, size_t size, const char *secret);

void seen_item(struct seen *seen, uint8_t aspect, uint8_t verdict, uint16_t reason, int64_t value);
void seen_perf(struct seen *seen, const char *label, const char *unit, double value);

/* Certificate: adds the figure, and returns the reason that a good endpoint must say: OK, TLS_EXPIRES_SOON or TLS_EXPIRED. */
uint16_t seen_certificate(struct seen *seen, int64_t days, int64_t warn_ms);

/* Verdict about our own target when no reply came: NO, unless it was this host that could not ask. */
uint8_t verdict_without_reply(uint16_t reason);

/* Is `word` somewhere in the text? ASCII case does not matter. */
bool mentions(const char *data, size_t size, const char *word);

#endif
