/* What one scalar means: numbers, durations, addresses, zones. Text in, value out; knows nothing of tables, files or messages. */
#ifndef SOLOWARDEN_CONFIG_VALUES_H
#define SOLOWARDEN_CONFIG_VALUES_H

#include "agent/core/types.h"

enum scalar_kind { SCALAR_TEXT, SCALAR_NULL, SCALAR_BOOL, SCALAR_NUMBER };

/* How YAML 1.2 reads an unquoted scalar. */
enum scalar_kind scalar_kind(const char *text);
bool integer_parse(const char *text, int64_t *out);                          /* decimal digits and a sign */
bool duration_parse(const char *text, int64_t *out);                         /* one number and one of ms s m h d */
bool prefix_parse(const char *text, struct address *address, uint8_t *bits); /* address or CIDR; bits counted from 0 to 128 */
bool prefix_has_host_bits(const struct address *address, uint8_t bits);
bool name_valid(const char *text); /* [A-Za-z0-9._-]+, 1..64 */
bool host_valid(const char *text);
bool zone_parse(const char *text, bool *local, int32_t *seconds); /* "local", "UTC", "+02:00" */

enum { DURATION_TEXT_BYTES = 24 };
const char *duration_text(int64_t milliseconds, char buffer[DURATION_TEXT_BYTES]); /* as the operator would write it */

#endif
