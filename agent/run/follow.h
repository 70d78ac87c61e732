/* Follows one log file: which file comes after which, up to where it was read, what was lost. Blocks on the disk, so it lives on the file
 * channel's thread. Owns offsets; knows nothing of threads, of the loop or of formats. */
#ifndef SOLOWARDEN_RUN_FOLLOW_H
#define SOLOWARDEN_RUN_FOLLOW_H

#include "channel_file.h"
#include "probes/formats.h"

enum {
    BATCH_BYTES = 65536,
    BATCH_LINES = 1024,
    HISTORY_BYTES = 1048576, /* of a log that we never read before */
    HEAD_BYTES = 256,
    PARTS_MAX = 64,
    LINGER_MS = 60000, /* a rotated file may still be written to by sessions that hold it open */
    MISSING_AFTER_MS = 1000,
    HEARTBEAT_MS = 1000
};

struct follow_batch {
    struct file_batch told; /* lines point to `lines` */
    struct file_line lines[BATCH_LINES];
    char bytes[BATCH_BYTES];
};

struct follow;
struct follow *follow_open(const char *path, const struct file_resume *resume);
/* Reads on. Returns true when the batch is worth telling; *more: call again at once. now: monotonic. */
bool follow_read(struct follow *follow, struct follow_batch *batch, msec_t now, bool *more);
void follow_close(struct follow *follow);

#endif
