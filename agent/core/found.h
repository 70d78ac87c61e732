/* What probes of a Windows cluster find: lists of rows, as the asked machine tells them; what they mean is estate*.c's. Owns kinds and
 * the order in which a list is told; the rows are in found_rows.h. */
#ifndef SOLOWARDEN_CORE_FOUND_H
#define SOLOWARDEN_CORE_FOUND_H

#include "found_rows.h"

enum found_kind {
    FOUND_NODE,
    FOUND_GROUP,
    FOUND_RESOURCE,
    FOUND_POSSIBLE_OWNER, /* of one resource: a row per node */
    FOUND_DEPENDENCY,     /* of one resource: a row per resource that it depends on */
    FOUND_SERVICE_NAME,   /* which service a Generic Service resource runs: a list of its own, as not every Windows gives it */
    FOUND_HOST,
    FOUND_INSTANCE,
    FOUND_HANDLER,
    FOUND_LOCATION,
    FOUND_SETTING, /* of the BizTalk group */
    FOUND_SUSPENDED,
    FOUND_SERVICE, /* of the asked node */
    FOUND_QUEUE,
    FOUND_CONNECTION,
    FOUND_KINDS
};
const char *found_kind_name(uint8_t kind); /* "possible-owner"; "" beyond the kinds */
size_t found_size(uint8_t kind);           /* of its row; 0 beyond the kinds */

/* A list begins, its rows come, it ends: with REASON_OK it was complete, and what did not come is not there (any more). `of` narrows a
 * list to one resource (possible owners, dependencies); NULL = all of the kind. */
enum found_step { FOUND_BEGIN, FOUND_ROW, FOUND_END };
struct found {
    enum found_step step;
    enum found_kind kind;
    uint16_t reason; /* FOUND_END */
    const char *of;
    const void *row; /* FOUND_ROW: of found_size(kind) bytes; borrowed */
};
typedef void found_sink(void *context, const struct found *found);

#endif
