/* The file channel: follows logs on a thread of its own and hands whole lines to the loop in order.
 * Follows through rename and create, absence and return, and across our own down time into the rotated file by inode; detects
 * truncation (copytruncate) and counts the gap. Owns offsets; knows nothing of formats. */
#ifndef SOLOWARDEN_RUN_CHANNEL_FILE_H
#define SOLOWARDEN_RUN_CHANNEL_FILE_H

#include <uv.h>

#include "agent/core/types.h"

struct file_channel;

struct file_line {
    const char *data; /* without newline; borrowed until return */
    uint32_t size;
    uint64_t number; /* of the line, counted over rotations */
    bool cut;        /* it was longer than LINE_MAX_BYTES */
};

struct file_batch {
    uint16_t file;   /* as numbered by the caller */
    uint16_t reason; /* REASON_OK: read to the end; CATCHING_UP: more follows; LOG_MISSING, LOG_UNREADABLE; LOG_GAP once per gap */
    const struct file_line *lines;
    size_t count;
    uint64_t inode, offset; /* after this batch: what to store for resuming */
    uint8_t head[32];       /* SHA-256 of the first up to 256 bytes: tells a re-used inode from the same file */
};
typedef void file_sink(void *context, const struct file_batch *batch); /* on the loop thread */

/* from the state folder; inode 0 = begin at the end of the file less 1 MiB of history */
struct file_resume {
    uint64_t inode, offset, number;
    uint8_t head[32];
};

struct file_channel *file_open(uv_loop_t *loop, file_sink *sink, void *context);
int file_follow(struct file_channel *channel, uint16_t file, const char *path, const struct file_resume *resume); /* before file_start */
int file_start(struct file_channel *channel);
void file_close(struct file_channel *channel); /* joins the thread, unless it hangs in a dead mount: then it is left alone */

#endif
