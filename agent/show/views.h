/* Column tables: how each table's rows are seen. SNMP, JSON, metrics, CLI tables and notification varbinds read these and nothing else.
 * Pure data and getters. */
#ifndef SOLOWARDEN_SHOW_VIEWS_H
#define SOLOWARDEN_SHOW_VIEWS_H

#include "rows.h"
#include "snapshot.h"

enum cell_type {
    CELL_INTEGER,
    CELL_UNSIGNED,
    CELL_GAUGE, /* 4294967295 = not known */
    CELL_COUNTER64,
    CELL_TEXT,
    CELL_TRUTH,
    CELL_ENUM,
    CELL_DATE,
    CELL_TIME, /* Unsigned32: seconds since 1970, 0 = never */
    CELL_AGE   /* Gauge32: seconds, 4294967295 = never read */
};

struct cell {
    enum cell_type type;
    int64_t number;   /* ENUM: the number; DATE: milliseconds since 1970 */
    const char *text; /* TEXT; ENUM, TRUTH: the word. Not terminated; borrowed from the row or a constant */
    size_t size;
    char buffer[24]; /* for texts made on the fly */
};

struct column {
    uint8_t sub;      /* sub-identifier in the table's entry; scalars: in the scalar group */
    uint8_t asn;      /* ASN type as net-snmp names it: ASN_INTEGER, ASN_GAUGE, ASN_COUNTER64, ASN_OCTET_STR, ASN_UNSIGNED */
    const char *name; /* descriptor without the table's prefix: "state" → solowardenGroupState */
    void (*get)(const void *row, uint32_t now, struct cell *cell);
    uint8_t width; /* in CLI tables; 0 = only in JSON and `--wide` */
    const char *help;
};

struct table {
    enum table_id id;
    const char *name, *prefix; /* "group", "solowardenGroup" */
    uint8_t sub, indices;      /* sub-identifier under solowardenObjects; number of index sub-identifiers: 0 (scalars), 1 or 2 */
    const struct column *columns;
    size_t column_count;
};
extern const struct table tables[TABLES];
const struct column *column_by_name(const struct table *table, const char *name);

#endif
