/* Object identifiers against a snapshot: GET and GETNEXT by binary search in the column tables and the sorted rows, so the cost of a
 * variable does not depend on the number of rows. Pure; an identifier is an array of unsigned long, as net-snmp has it. */
#ifndef SOLOWARDEN_SHOW_SNMP_TREE_H
#define SOLOWARDEN_SHOW_SNMP_TREE_H

#include "views.h"

/* 1.3.6.1.4.1.8072.9999.9999.5757: below netSnmpPlaypen until there is an enterprise number */
enum { TREE_ROOT_LENGTH = 10, TREE_NAME_MAX = TREE_ROOT_LENGTH + 6 };
extern const unsigned long tree_root[TREE_ROOT_LENGTH];
#define TREE_ROOT_TEXT "1.3.6.1.4.1.8072.9999.9999.5757"

struct tree_place {
    const struct table *table;
    const struct column *column;
    uint32_t row;
};

enum tree_found { TREE_NO_OBJECT, TREE_NO_INSTANCE, TREE_FOUND };
enum tree_found tree_find(const struct snapshot *snapshot, const unsigned long *name, size_t length, struct tree_place *place);

/* The first variable after this identifier, which may be anything. False: there is none. */
bool tree_next(const struct snapshot *snapshot, const unsigned long *name, size_t length, struct tree_place *place);
/* The one after `place`, without a search. */
bool tree_advance(const struct snapshot *snapshot, struct tree_place *place);

/* Writes the full identifier, returns its length. */
size_t tree_name(const struct snapshot *snapshot, const struct tree_place *place, unsigned long name[TREE_NAME_MAX]);
/* The same for a column and given index words, for notifications. */
size_t tree_instance(const struct table *table, const struct column *column, const uint32_t *index, unsigned long name[TREE_NAME_MAX]);

/* SMIv2 DateAndTime in UTC: 11 octets. */
enum { DATE_OCTETS = 11 };
void date_octets(int64_t milliseconds, uint8_t out[DATE_OCTETS]);

#endif
