/* A snapshot of anybody's making: mapped only if every offset fits, and then every cell of every row can be read. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/show/views.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct snapshot *snapshot)
{
    for (size_t t = 0; t < TABLES; t++)
        for (uint32_t i = 0; i < snapshot_count(snapshot, tables[t].id); i++)
            for (size_t c = 0; c < tables[t].column_count; c++) {
                struct cell cell = {0};
                tables[t].columns[c].get(snapshot_row(snapshot, tables[t].id, i), snapshot->made_at, &cell);
                volatile char last = cell.text && cell.size ? cell.text[cell.size - 1] : '\0';
                (void)last;
            }
}

/* A good snapshot first, so that what follows is a change of something that would be mapped. */
static size_t good_one(uint8_t *out, size_t capacity)
{
    uint32_t rows[TABLES];
    for (size_t t = 0; t < TABLES; t++)
        rows[t] = 1;
    struct snapshot_writer *writer = snapshot_begin(rows, 1, 1000);
    for (size_t t = 0; writer && t < TABLES; t++)
        if (!snapshot_add(writer, (enum table_id)t))
            abort();
    int descriptor = writer ? snapshot_finish(writer) : -1;
    ssize_t size = descriptor < 0 ? -1 : pread(descriptor, out, capacity, 0);
    if (descriptor >= 0)
        close(descriptor);
    return size > 0 ? (size_t)size : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[1 << 16];
    size_t length = good_one(bytes, sizeof bytes);
    for (size_t i = 0; i + 3 <= size; i += 3) /* place, place, value */
        bytes[((size_t)data[i] | (size_t)data[i + 1] << 8) % (length ? length : 1)] = data[i + 2];
    int descriptor = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    if (descriptor < 0)
        return 0;
    if (write(descriptor, bytes, length) == (ssize_t)length &&
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0) {
        const struct snapshot *snapshot = snapshot_map(descriptor);
        if (snapshot) {
            read_all(snapshot);
            snapshot_unmap(snapshot);
        }
    }
    close(descriptor);
    return 0;
}
