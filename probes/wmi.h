/* One conversation of WMI queries over WS-Management, as steps of a probe: Enumerate → Pull … → Release, query by query, each item turned
 * into a found row by a table of properties. Owns the order of messages, MessageIDs and the release of contexts; knows no class: the tables
 * are the probes' (wsfc.c, biztalk.c, service.c, msmq.c). */
#ifndef SOLOWARDEN_PROBES_WMI_H
#define SOLOWARDEN_PROBES_WMI_H

#include "probe.h"
#include "wsman.h"

enum wmi_type { WMI_TEXT, WMI_INTEGER, WMI_BOOLEAN /* → enum verdict */, WMI_SECOND_OF_DAY, WMI_STAMP };

struct wmi_property { /* name NULL ends the table */
    const char *name;
    enum wmi_type type;
    uint16_t offset, size; /* size: of a text's buffer; of a number's type */
};

struct wmi_query {
    const char *wmi_namespace, *wql;
    enum found_kind kind; /* its list */
    const struct wmi_property *properties;
    /* After the properties are in: last corrections, or false to leave the row out. May be NULL. */
    bool (*finish)(void *row);
    uint16_t every; /* asked in every n-th round of its source */
    bool optional;  /* a missing class or namespace is not a fault of the node */
};

#endif
