/* Layout, sorting, sealing and checking of snapshots. */
#include "snapshot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL, ROW_ALIGNMENT = 64 };

/* index words at the front of each row; rows are sorted by them, each key occurs once */
static const struct {
    uint32_t row_size, indices;
} shapes[TABLES] = {
    [TABLE_AGENT] = {sizeof(struct row_agent), 0},       [TABLE_PROBE] = {sizeof(struct row_probe), 1},
    [TABLE_SERVER] = {sizeof(struct row_server), 1},     [TABLE_NODE] = {sizeof(struct row_node), 1},
    [TABLE_GROUP] = {sizeof(struct row_group), 1},       [TABLE_CANDIDATE] = {sizeof(struct row_candidate), 2},
    [TABLE_HANDLER] = {sizeof(struct row_handler), 1},   [TABLE_HANDLER_NODE] = {sizeof(struct row_handler_node), 2},
    [TABLE_ALARM] = {sizeof(struct row_alarm), 1},       [TABLE_HISTORY] = {sizeof(struct row_history), 1},
    [TABLE_CLUSTER] = {sizeof(struct row_cluster), 1},   [TABLE_RESOURCE] = {sizeof(struct row_resource), 1},
    [TABLE_INSTANCE] = {sizeof(struct row_instance), 2}, [TABLE_QUEUE] = {sizeof(struct row_queue), 1},
    [TABLE_AUDIT] = {sizeof(struct row_audit), 1},
};

struct snapshot_writer {
    int descriptor;
    size_t size;
    struct snapshot *snapshot;
};

static uint32_t layout(void)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < TABLES; i++)
        hash = (hash ^ shapes[i].row_size) * 16777619U;
    return hash;
}

static uint64_t aligned(uint64_t offset)
{
    return (offset + ROW_ALIGNMENT - 1) & ~(uint64_t)(ROW_ALIGNMENT - 1);
}

struct snapshot_writer *snapshot_begin(const uint32_t capacity[TABLES], uint64_t generation, uint32_t now)
{
    struct snapshot_writer *writer = calloc(1, sizeof *writer);
    struct snapshot head = {.magic = SNAPSHOT_MAGIC, .layout = layout(), .generation = generation, .made_at = now};
    uint64_t end = sizeof head;
    if (!writer)
        return NULL;
    for (size_t i = 0; i < TABLES; i++) {
        end = aligned(end);
        if (end > UINT32_MAX)
            goto fail_early;
        head.tables[i] = (struct snapshot_table){(uint32_t)end, 0, shapes[i].row_size, capacity[i]};
        end += (uint64_t)capacity[i] * shapes[i].row_size;
    }
    head.size = end;
    writer->size = (size_t)end;
    writer->descriptor = memfd_create("solowarden-snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (writer->descriptor < 0)
        goto fail_early;
    if (ftruncate(writer->descriptor, (off_t)end) != 0)
        goto fail;
    writer->snapshot = mmap(NULL, writer->size, PROT_READ | PROT_WRITE, MAP_SHARED, writer->descriptor, 0);
    if (writer->snapshot == MAP_FAILED)
        goto fail;
    *writer->snapshot = head;
    return writer;
fail:
    close(writer->descriptor);
fail_early:
    free(writer);
    return NULL;
}

void *snapshot_add(struct snapshot_writer *writer, enum table_id table)
{
    struct snapshot_table *rows = &writer->snapshot->tables[table];
    if (rows->count >= rows->capacity)
        return NULL;
    return (char *)writer->snapshot + rows->offset + (size_t)rows->count++ * rows->row_size;
}

static int compare_one(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return (a[0] > b[0]) - (a[0] < b[0]);
}

static int compare_two(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    int first = compare_one(a, b);
    return first ? first : (a[1] > b[1]) - (a[1] < b[1]);
}

static int compare(enum table_id table, const void *left, const void *right)
{
    return shapes[table].indices == 2 ? compare_two(left, right) : compare_one(left, right);
}

/* Of rows with the same key only the first stays: the protocol could not name the others. */
static void drop_doubles(struct snapshot *snapshot, enum table_id table)
{
    struct snapshot_table *rows = &snapshot->tables[table];
    char *base = (char *)snapshot + rows->offset;
    uint32_t kept = rows->count ? 1 : 0;
    for (uint32_t i = 1; i < rows->count; i++) {
        char *last = base + (size_t)(kept - 1) * rows->row_size, *row = base + (size_t)i * rows->row_size;
        if (compare(table, last, row) == 0)
            continue;
        if (kept != i)
            memcpy(base + (size_t)kept * rows->row_size, row, rows->row_size);
        kept++;
    }
    rows->count = kept;
}

static bool sorted(const struct snapshot *snapshot, enum table_id table)
{
    for (uint32_t i = 1; i < snapshot->tables[table].count; i++)
        if (compare(table, snapshot_row(snapshot, table, i - 1), snapshot_row(snapshot, table, i)) >= 0)
            return false;
    return true;
}

int snapshot_finish(struct snapshot_writer *writer)
{
    struct snapshot *snapshot = writer->snapshot;
    int descriptor = writer->descriptor;
    for (enum table_id table = 0; table < TABLES; table++) {
        struct snapshot_table *rows = &snapshot->tables[table];
        if (!shapes[table].indices || sorted(snapshot, table))
            continue;
        qsort((char *)snapshot + rows->offset, rows->count, rows->row_size, shapes[table].indices == 2 ? compare_two : compare_one);
        drop_doubles(snapshot, table);
    }
    munmap(snapshot, writer->size);
    free(writer);
    if (fcntl(descriptor, F_ADD_SEALS, SEALS) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static bool trustworthy(const struct snapshot *snapshot, size_t size)
{
    if (snapshot->magic != SNAPSHOT_MAGIC || snapshot->layout != layout() || snapshot->size != size)
        return false;
    for (enum table_id table = 0; table < TABLES; table++) {
        const struct snapshot_table *rows = &snapshot->tables[table];
        if (rows->row_size != shapes[table].row_size || rows->count > rows->capacity || rows->offset % ROW_ALIGNMENT ||
            rows->offset < sizeof *snapshot || rows->offset + (uint64_t)rows->capacity * rows->row_size > size)
            return false;
        if (shapes[table].indices ? !sorted(snapshot, table) : rows->count > 1)
            return false;
    }
    return true;
}

const struct snapshot *snapshot_map(int descriptor)
{
    struct stat status;
    int seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(descriptor, &status) != 0 || status.st_size < (off_t)sizeof(struct snapshot))
        return NULL;
    size_t size = (size_t)status.st_size;
    const struct snapshot *snapshot = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (snapshot == MAP_FAILED)
        return NULL;
    if (trustworthy(snapshot, size))
        return snapshot;
    munmap((void *)(uintptr_t)snapshot, size);
    return NULL;
}

void snapshot_unmap(const struct snapshot *snapshot)
{
    if (snapshot)
        munmap((void *)(uintptr_t)snapshot, (size_t)snapshot->size);
}

const void *snapshot_row(const struct snapshot *snapshot, enum table_id table, uint32_t position)
{
    const struct snapshot_table *rows = &snapshot->tables[table];
    return position < rows->count ? (const char *)snapshot + rows->offset + (size_t)position * rows->row_size : NULL;
}

uint32_t snapshot_count(const struct snapshot *snapshot, enum table_id table)
{
    return snapshot->tables[table].count;
}
