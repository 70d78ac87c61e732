/* The snapshot: one block of flat tables in a sealed memfd, passed by descriptor; every reader maps the same bytes.
 * Owns layout and sealing; knows nothing of what the rows mean. Readers treat it as hostile until snapshot_map checked it. */
#ifndef SOLOWARDEN_SHOW_SNAPSHOT_H
#define SOLOWARDEN_SHOW_SNAPSHOT_H

#include "rows.h"

enum { SNAPSHOT_MAGIC = 0x53575331 };

struct snapshot_table {
    uint32_t offset, count, row_size, capacity;
};
struct snapshot {
    uint32_t magic, layout; /* layout: changes with any row struct (a hash of their sizes) */
    uint64_t generation, size;
    uint32_t made_at; /* Unix seconds */
    uint32_t reserved;
    struct snapshot_table tables[TABLES];
};

/* Writing: begin with capacities, fill rows in any order, finish sorts each table by (index, index2) and seals. */
struct snapshot_writer;
struct snapshot_writer *snapshot_begin(const uint32_t capacity[TABLES], uint64_t generation, uint32_t now);
void *snapshot_add(struct snapshot_writer *writer, enum table_id table); /* zeroed row; NULL when full */
int snapshot_finish(struct snapshot_writer *writer); /* returns a sealed descriptor (caller closes), -1 on error; frees the writer */

/* Reading. NULL if it is not one of ours, of another layout, not sealed, or its offsets do not fit. */
const struct snapshot *snapshot_map(int descriptor);
void snapshot_unmap(const struct snapshot *snapshot);
const void *snapshot_row(const struct snapshot *snapshot, enum table_id table, uint32_t position);
uint32_t snapshot_count(const struct snapshot *snapshot, enum table_id table);

#endif
