/* SNMP indices by name. Owns the choice and who already holds a number; knows nothing of tables or of how a choice is stored. */
#include "index.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "agent/core/types.h"

enum { INDEX_MAX = 0x7fffffff };

struct entry {
    uint32_t index;
    UT_hash_handle by_name, by_index;
    char name[];
};

struct index_table {
    struct entry *names, *indices; /* the same entries, twice hashed */
};

struct index_table *index_open(void)
{
    struct index_table *table = calloc(1, sizeof *table);
    if (!table)
        abort();
    return table;
}

void index_close(struct index_table *table)
{
    if (!table)
        return;
    struct entry *entry, *next;
    HASH_CLEAR(by_index, table->indices);
    HASH_ITER(by_name, table->names, entry, next)
    {
        HASH_DELETE(by_name, table->names, entry);
        free(entry);
    }
    free(table);
}

uint32_t index_hash(const char *name)
{
    uint64_t hash = hash_text(name, strlen(name));
    uint32_t index = (uint32_t)((hash ^ (hash >> 31) ^ (hash >> 62)) & INDEX_MAX);
    return index ? index : 1;
}

static struct entry *by_name(const struct index_table *table, const char *name)
{
    struct entry *entry = NULL;
    HASH_FIND(by_name, table->names, name, strlen(name), entry);
    return entry;
}

static bool taken(const struct index_table *table, uint32_t index)
{
    struct entry *entry = NULL;
    HASH_FIND(by_index, table->indices, &index, sizeof index, entry);
    return entry != NULL;
}

static void hold(struct index_table *table, const char *name, uint32_t index)
{
    size_t length = strlen(name);
    struct entry *entry = calloc(1, sizeof *entry + length + 1);
    if (!entry)
        abort();
    entry->index = index;
    memcpy(entry->name, name, length + 1);
    HASH_ADD_KEYPTR(by_name, table->names, entry->name, length, entry);
    HASH_ADD(by_index, table->indices, index, sizeof index, entry);
}

uint32_t index_of(struct index_table *table, const char *name)
{
    const struct entry *known = by_name(table, name);
    if (known)
        return known->index;
    uint32_t index = index_hash(name);
    while (taken(table, index))
        index = index == INDEX_MAX ? 1 : index + 1;
    hold(table, name, index);
    return index;
}

void index_set(struct index_table *table, const char *name, uint32_t index)
{
    if (index == 0 || index > INDEX_MAX || by_name(table, name) || taken(table, index))
        return;
    hold(table, name, index);
}

void index_moved(const struct index_table *table, void (*each)(void *context, const char *name, uint32_t index), void *context)
{
    const struct entry *entry, *next;
    HASH_ITER(by_name, table->names, entry, next)
    {
        if (entry->index != index_hash(entry->name))
            each(context, entry->name, entry->index);
    }
}
