/* Inside of the reader of WS-Management's replies: where in an envelope it stands. Internal to probes/wsman*.c. */
#ifndef SOLOWARDEN_PROBES_WSMAN_READER_H
#define SOLOWARDEN_PROBES_WSMAN_READER_H

#include "wsman.h"

/* What an element is, by where it stands. */
enum wsman_place {
    PLACE_ALIEN, /* of no interest, with all that is inside */
    PLACE_TOP,
    PLACE_ENVELOPE,
    PLACE_HEADER,
    PLACE_RELATES_TO,
    PLACE_ACTION,
    PLACE_BODY,
    PLACE_IDENTITY,
    PLACE_VENDOR,
    PLACE_VERSION,
    PLACE_ENUMERATION, /* EnumerateResponse, PullResponse */
    PLACE_CONTEXT,
    PLACE_END,
    PLACE_ITEMS,
    PLACE_ITEM,
    PLACE_PROPERTY,
    PLACE_WRAPPER, /* inside a property, and no part of its path */
    PLACE_FAULT,
    PLACE_FAULT_CODE,
    PLACE_SUBCODE,
    PLACE_SUBCODE_VALUE,
    PLACE_FAULT_REASON,
    PLACE_FAULT_TEXT,
    PLACE_DETAIL, /* of a fault, at any depth */
    PLACE_DETAIL_CODE,
    PLACE_DETAIL_STATUS,
    PLACE_DETAIL_CIM,
    PLACE_DETAIL_TEXT
};

/* The place of an element inside another; `space` is its namespace, "" for none. */
enum wsman_place place_of(enum wsman_place parent, const char *space, size_t space_size, const char *local);

#define XSI_NIL "http://www.w3.org/2001/XMLSchema-instance\nnil"

#endif
