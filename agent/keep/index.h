/* SNMP indices: the same name has the same 31-bit index on every agent and after loss of state.
 * index = FNV-1a of the full name folded to 1..2^31-1; collisions are resolved by probing upward, and the winners are persisted. */
#ifndef SOLOWARDEN_KEEP_INDEX_H
#define SOLOWARDEN_KEEP_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct index_table;
struct index_table *index_open(void);
void index_close(struct index_table *table);
/* The index of this name; remembers it. Names that collided (and only those) are reported by index_moved for persisting. */
uint32_t index_of(struct index_table *table, const char *name);
/* A persisted choice, told before the first index_of. */
void index_set(struct index_table *table, const char *name, uint32_t index);
void index_moved(const struct index_table *table, void (*each)(void *context, const char *name, uint32_t index), void *context);
uint32_t index_hash(const char *name); /* the first choice */

#endif
