/* The shape below the root: objects(1) . table . [entry(1)] . column . index …; scalars have the instance 0. */
#include "snmp_tree.h"

#include <string.h>
#include <time.h>

const unsigned long tree_root[TREE_ROOT_LENGTH] = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 5757};

enum { OBJECTS = 1, ENTRY = 1 };

/* First column whose sub-identifier is at least `sub`. */
static size_t column_from(const struct table *table, unsigned long sub)
{
    size_t low = 0, high = table->column_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table->columns[middle].sub < sub)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Order of a row's key and the words of a request; a key that begins with all the words, but is longer, comes after them. */
static int compare_key(const uint32_t *key, size_t key_length, const unsigned long *words, size_t length)
{
    for (size_t i = 0; i < key_length && i < length; i++)
        if (key[i] != words[i])
            return key[i] > words[i] ? 1 : -1;
    return key_length > length ? 1 : key_length < length ? -1 : 0;
}

/* First row whose key is after the words. */
static uint32_t row_after(const struct snapshot *snapshot, const struct table *table, const unsigned long *words, size_t length)
{
    static const uint32_t scalar[1] = {0};
    uint32_t low = 0, high = snapshot_count(snapshot, table->id);
    if (!table->indices)
        return compare_key(scalar, 1, words, length) > 0 ? 0 : high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_key(snapshot_row(snapshot, table->id, middle), table->indices, words, length) > 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The first variable at or after this row of this column, stepping over what is empty. */
static bool settle(const struct snapshot *snapshot, size_t table, size_t column, uint32_t row, struct tree_place *place)
{
    for (; table < TABLES; table++, column = 0, row = 0) {
        uint32_t count = snapshot_count(snapshot, tables[table].id);
        if (row >= count) {
            column++;
            row = 0;
        }
        if (!count || column >= tables[table].column_count)
            continue;
        *place = (struct tree_place){&tables[table], &tables[table].columns[column], row};
        return true;
    }
    return false;
}

/* -1: the name is before everything below objects(1); 1: after it; 0: inside, with `length` > the prefix */
static int against_objects(const unsigned long *name, size_t length)
{
    for (size_t i = 0; i < TREE_ROOT_LENGTH + 1; i++) {
        unsigned long want = i < TREE_ROOT_LENGTH ? tree_root[i] : OBJECTS;
        if (i >= length || name[i] < want)
            return -1;
        if (name[i] > want)
            return 1;
    }
    return length == TREE_ROOT_LENGTH + 1 ? -1 : 0;
}

bool tree_next(const struct snapshot *snapshot, const unsigned long *name, size_t length, struct tree_place *place)
{
    int side = against_objects(name, length);
    size_t number = 0;
    if (side)
        return side < 0 && settle(snapshot, 0, 0, 0, place);
    name += TREE_ROOT_LENGTH + 1;
    length -= TREE_ROOT_LENGTH + 1;
    while (number < TABLES && tables[number].sub < name[0])
        number++;
    if (number == TABLES || tables[number].sub > name[0])
        return settle(snapshot, number, 0, 0, place);
    const struct table *table = &tables[number];
    name++;
    length--;
    if (table->indices) {
        if (length == 0 || name[0] < ENTRY)
            return settle(snapshot, number, 0, 0, place);
        if (name[0] > ENTRY)
            return settle(snapshot, number + 1, 0, 0, place);
        name++;
        length--;
    }
    if (length == 0)
        return settle(snapshot, number, 0, 0, place);
    size_t column = column_from(table, name[0]);
    if (column == table->column_count || table->columns[column].sub > name[0])
        return settle(snapshot, number, column, 0, place);
    return settle(snapshot, number, column, row_after(snapshot, table, name + 1, length - 1), place);
}

bool tree_advance(const struct snapshot *snapshot, struct tree_place *place)
{
    if (place->row + 1 < snapshot_count(snapshot, place->table->id)) {
        place->row++;
        return true;
    }
    return settle(snapshot, (size_t)(place->table - tables), (size_t)(place->column - place->table->columns) + 1, 0, place);
}

enum tree_found tree_find(const struct snapshot *snapshot, const unsigned long *name, size_t length, struct tree_place *place)
{
    size_t number = 0;
    if (against_objects(name, length) != 0)
        return TREE_NO_OBJECT;
    name += TREE_ROOT_LENGTH + 1;
    length -= TREE_ROOT_LENGTH + 1;
    while (number < TABLES && tables[number].sub != name[0])
        number++;
    if (number == TABLES)
        return TREE_NO_OBJECT;
    const struct table *table = &tables[number];
    size_t column_at = table->indices ? 2 : 1;
    if (length <= column_at || (table->indices && name[1] != ENTRY))
        return TREE_NO_OBJECT;
    size_t column = column_from(table, name[column_at]);
    if (column == table->column_count || table->columns[column].sub != name[column_at])
        return TREE_NO_OBJECT;
    const unsigned long *words = name + column_at + 1;
    size_t count = length - column_at - 1, wanted = table->indices ? table->indices : 1;
    if (count != wanted)
        return TREE_NO_INSTANCE;
    if (!table->indices) {
        *place = (struct tree_place){table, &table->columns[column], 0};
        return words[0] == 0 && snapshot_count(snapshot, table->id) ? TREE_FOUND : TREE_NO_INSTANCE;
    }
    uint32_t after = row_after(snapshot, table, words, count);
    if (!after || compare_key(snapshot_row(snapshot, table->id, after - 1), wanted, words, count) != 0)
        return TREE_NO_INSTANCE;
    *place = (struct tree_place){table, &table->columns[column], after - 1};
    return TREE_FOUND;
}

size_t tree_instance(const struct table *table, const struct column *column, const uint32_t *index, unsigned long name[TREE_NAME_MAX])
{
    size_t length = TREE_ROOT_LENGTH;
    memcpy(name, tree_root, sizeof tree_root);
    name[length++] = OBJECTS;
    name[length++] = table->sub;
    if (table->indices)
        name[length++] = ENTRY;
    name[length++] = column->sub;
    if (!table->indices)
        name[length++] = 0;
    for (size_t i = 0; i < table->indices; i++)
        name[length++] = index[i];
    return length;
}

size_t tree_name(const struct snapshot *snapshot, const struct tree_place *place, unsigned long name[TREE_NAME_MAX])
{
    return tree_instance(place->table, place->column, snapshot_row(snapshot, place->table->id, place->row), name);
}

void date_octets(int64_t milliseconds, uint8_t out[DATE_OCTETS])
{
    struct tm parts;
    time_t seconds = (time_t)(milliseconds / 1000);
    if (milliseconds < 0 || !gmtime_r(&seconds, &parts))
        gmtime_r(&(time_t){0}, &parts);
    unsigned year = (unsigned)parts.tm_year + 1900;
    const uint8_t octets[DATE_OCTETS] = {(uint8_t)(year >> 8),
                                         (uint8_t)year,
                                         (uint8_t)(parts.tm_mon + 1),
                                         (uint8_t)parts.tm_mday,
                                         (uint8_t)parts.tm_hour,
                                         (uint8_t)parts.tm_min,
                                         (uint8_t)parts.tm_sec,
                                         (uint8_t)(milliseconds % 1000 / 100),
                                         '+',
                                         0,
                                         0};
    memcpy(out, octets, sizeof octets);
}
