/* One conversation of WMI queries over WS-Management, as steps of a probe: Enumerate → Pull … → Release, query by query, and methods that
 * only read, each item turned into a found row by a table of properties. Owns the order of messages, MessageIDs, the release of contexts
 * and every bound; knows no class: the tables are the probes' (wsfc.c, biztalk.c, service.c, msmq.c). */
#ifndef SOLOWARDEN_PROBES_WMI_H
#define SOLOWARDEN_PROBES_WMI_H

#include "probe.h"
#include "wsman.h"

enum wmi_type {
    WMI_TEXT,    /* of an array: its first value */
    WMI_NAME,    /* text that tells rows apart: a row in which one is missing, empty or too long is left out and counted in the text */
    WMI_LINK,    /* text that names another thing: too long counts as absent, as a cut name would be another one's */
    WMI_INTEGER, /* int64_t, ABSENT when it did not come; int32_t: -1; uint32_t, uint16_t, uint8_t: 0. Out of range counts as absent */
    WMI_BOOLEAN, /* uint8_t: enum verdict */
    WMI_WORD,    /* uint8_t: 1 + position in `words` without regard to case; 0 = absent or another word */
    WMI_SECOND_OF_DAY, /* int32_t, the hour as written, in whatever zone that is; -1 */
    WMI_STAMP          /* stamp_t; 0. Without a zone it is read as UTC */
};

struct wmi_property { /* name NULL ends the table */
    const char *name; /* without regard to case; "PrivateProperties/ServiceName", "Antecedent/Name" for what lies inside */
    enum wmi_type type;
    uint16_t offset, size;    /* in the row; size: of a text's buffer, of a number's type */
    const char *const *words; /* WMI_WORD: NULL-terminated */
};
#define WMI_FIELD(row, member) offsetof(struct row, member), sizeof(((struct row *)0)->member)

struct wmi_talk;

/* Either `wql`, or `method` of `class_name`: called once for each name that context->wanted(kind) gives, which selects the object by its
 * Name and is the `of` of its list. Everything must be as good as constant for the conversation; it may be built anew for each step. */
struct wmi_query {
    const char *wmi_namespace, *wql;
    const char *older; /* asked instead where `wql` was refused (QUERY_REFUSED, CLASS_MISSING): without the newer properties. May be NULL */
    const char *class_name, *method;
    enum found_kind kind; /* its list; at most one query of a conversation for each kind */
    const struct wmi_property *properties;
    /* After the properties are in: last corrections, or false to leave the row out. May be NULL. */
    bool (*finish)(struct wmi_talk *talk, void *row);
    /* The list is complete, or cut at items_max (talk->cut): rows that were only counted so far, by wmi_row(); a reason why it is not
     * complete after all, in talk->reason. May be NULL. */
    void (*end)(struct wmi_talk *talk);
    /* `method`: one call per out parameter (arrays: per value); gives rows by wmi_row(). */
    void (*output)(struct wmi_talk *talk, const char *of, const char *name, const char *value);
    uint32_t items_max; /* more end the list with TOO_MANY_ROWS; 0 = WMI_ITEMS_MAX */
    bool sample;        /* reaching items_max is as good as complete: the list ends with OK */
    uint16_t calls_max; /* `method`: at most this many in one conversation; 0 = none */
    uint16_t every;     /* asked in every n-th round of its source, and in the very first; 0 = 1 */
    bool optional;      /* a missing class or namespace is not a fault of the node */
};

enum {
    WMI_ITEMS_MAX = 20000, /* of one list */
    WMI_PAGES_MAX = 2000,  /* of one list: some servers give one item a page */
    WMI_BATCH = 1000,      /* asked for in one page */
    WMI_ROW_MAX = 1024
};

/* Lies in the probe's state; zero = begin. The probe sets `own` before each step if its callbacks need it. */
struct wmi_talk {
    void *own;
    bool cut; /* for `end` */

    /* the conversation's own */
    struct wsman_reader *reader;
    const struct wmi_query *query; /* these two during a step only */
    const struct probe_context *probe;
    uint16_t position, calls, phase;
    uint16_t worst, over; /* reasons: of the first fault; of what makes the rest futile */
    uint16_t reason;      /* of the current list, before it is released */
    bool list_open, any_good, older, starved;
    uint32_t messages, items, pages, nameless;
    msec_t elapsed;
    char message_id[48], context[WSMAN_CONTEXT_MAX], of[FOUND_NAME], text[160];
    _Alignas(8) unsigned char row[WMI_ROW_MAX];
    char body[WSMAN_REQUEST_MAX];
};

/* A row for the list that is being read. */
void wmi_row(struct wmi_talk *talk, const void *row);

/* The step of a probe that asks these queries, in their order. A query that fails ends its list with the reason and the others go on;
 * what makes all others futile (no connection, access denied, login refused, quota) ends them all. At the end *seen has one ENDPOINT item:
 * YES if anything was answered and nothing made the rest futile, with the worst reason met; value: milliseconds. */
enum step wmi_step(struct wmi_talk *talk, const struct wmi_query *queries, size_t count, const struct probe_context *context,
                   const struct reply *in, struct request *out, struct seen *seen);

/* One text of a property into a row; for `output`. A text is cut at a whole character. */
void wmi_value(const struct wmi_property *property, void *row, const char *value, size_t size);

#endif
