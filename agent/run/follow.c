/* See follow.h. A log is a row of parts: files that were rotated away and may still grow, and last the one under the path. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"
#include "memory.h"
#include "siblings.h"

enum { HEAD_TELLS = 64 }; /* so many equal first bytes tell a copy from a stranger */

struct part {
    int descriptor;
    uint64_t inode, device, offset, size; /* size: when last looked at */
    struct timespec changed;
    msec_t grown_at; /* or when it was rotated away */
    bool skipping;   /* inside a line that was cut: drop the rest of it */
    size_t head_size;
    char head[HEAD_BYTES];
};

struct follow {
    char *path;
    struct file_resume resume;
    struct part parts[PARTS_MAX];
    size_t count;
    uint64_t number;
    uint16_t state, told; /* state of the path: OK, LOG_MISSING, LOG_UNREADABLE; told: the last reason given */
    msec_t told_at, missing_since;
    bool gap, begun;
};

struct follow *follow_open(const char *path, const struct file_resume *resume)
{
    struct follow *follow = memory_zeroed(1, sizeof *follow);
    follow->path = memory_zeroed(1, strlen(path) + 1);
    memcpy(follow->path, path, strlen(path));
    if (resume)
        follow->resume = *resume;
    follow->number = follow->resume.number;
    follow->state = REASON_OK;
    return follow;
}

void follow_close(struct follow *follow)
{
    for (size_t i = 0; i < follow->count; i++)
        close(follow->parts[i].descriptor);
    free(follow->path);
    free(follow);
}

/* ---- parts ---- */

static void head_hash(const char *head, size_t size, uint8_t hash[32])
{
    SHA256((const unsigned char *)head, size, hash);
}

static bool head_matches(int descriptor, const struct file_resume *resume)
{
    char head[HEAD_BYTES];
    uint8_t hash[32];
    size_t size = resume->offset < HEAD_BYTES ? (size_t)resume->offset : HEAD_BYTES;
    if (pread(descriptor, head, size, 0) != (ssize_t)size)
        return false;
    head_hash(head, size, hash);
    return !memcmp(hash, resume->head, sizeof hash);
}

/* The first bytes, as far as we have read, are remembered: they tell when another text stands in the same file. */
static void head_remember(struct part *part)
{
    size_t wanted = part->offset < HEAD_BYTES ? (size_t)part->offset : HEAD_BYTES;
    if (part->head_size == wanted)
        return;
    ssize_t size = pread(part->descriptor, part->head, wanted, 0);
    part->head_size = size > 0 ? (size_t)size : 0;
}

static void part_drop(struct follow *follow, size_t at)
{
    close(follow->parts[at].descriptor);
    follow->count--;
    memmove(&follow->parts[at], &follow->parts[at + 1], (follow->count - at) * sizeof follow->parts[0]);
}

/* Appends a part. When there are too many the oldest goes, unread. */
static struct part *part_add(struct follow *follow, int descriptor, const struct stat *status, uint64_t offset, msec_t now)
{
    if (follow->count == PARTS_MAX) {
        part_drop(follow, 0);
        follow->gap = true;
    }
    struct part *part = &follow->parts[follow->count++];
    memset(part, 0, sizeof *part);
    part->descriptor = descriptor;
    part->inode = status->st_ino;
    part->device = status->st_dev;
    part->offset = offset;
    part->grown_at = now;
    return part;
}

/* An offset that is not at the beginning of a line lies in one that was cut. */
static void part_align(struct part *part)
{
    char before = '\n';
    if (part->offset > 0 && pread(part->descriptor, &before, 1, (off_t)part->offset - 1) == 1)
        part->skipping = before != '\n';
    head_remember(part);
}

static int open_regular(const char *path, struct stat *status)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, status) == 0 && S_ISREG(status->st_mode))
        return descriptor;
    close(descriptor);
    errno = EACCES; /* a folder or a pipe is no log */
    return -1;
}

/* ---- across our own down time, and across copytruncate ---- */

/* Where did the text that ended at resume->offset go? By inode when it was renamed, by its first bytes when it was copied. */
static size_t rest_find(const struct sibling *siblings, size_t count, const struct file_resume *resume, bool copies)
{
    for (size_t i = count; i-- > 0;) {
        struct stat status;
        bool candidate = copies ? resume->offset >= HEAD_TELLS : siblings[i].status.st_ino == resume->inode;
        if (!candidate || siblings[i].compressed || (uint64_t)siblings[i].status.st_size < resume->offset)
            continue;
        int descriptor = open_regular(siblings[i].path, &status);
        bool same = descriptor >= 0 && head_matches(descriptor, resume);
        if (descriptor >= 0)
            close(descriptor);
        if (same)
            return i;
    }
    return count;
}

/* Adds the rest and what was rotated away after it, in order. False: it is nowhere, so lines were lost. */
static bool rest_add(struct follow *follow, const struct file_resume *resume, msec_t now)
{
    struct sibling *siblings;
    size_t count = siblings_of(follow->path, &siblings);
    size_t first = rest_find(siblings, count, resume, false);
    if (first == count)
        first = rest_find(siblings, count, resume, true);
    for (size_t i = first; i < count; i++) {
        struct stat status;
        int descriptor = siblings[i].compressed ? -1 : open_regular(siblings[i].path, &status);
        if (descriptor < 0) {
            follow->gap = true;
            continue;
        }
        part_align(part_add(follow, descriptor, &status, i == first ? resume->offset : 0, now));
    }
    bool found = first < count;
    siblings_free(siblings, count);
    return found;
}

/* The first look: where to begin in the file under the path. */
static void begin(struct follow *follow, int descriptor, const struct stat *status, msec_t now)
{
    const struct file_resume *resume = &follow->resume;
    uint64_t size = (uint64_t)status->st_size;
    follow->begun = true;
    if (resume->inode == 0) {
        uint64_t offset = size > HISTORY_BYTES ? size - HISTORY_BYTES - 1 : 0;
        struct part *part = part_add(follow, descriptor, status, offset, now);
        part->skipping = offset > 0; /* one byte early: if that is a line's end, the line after it is whole */
        head_remember(part);
        return;
    }
    bool same_inode = status->st_ino == resume->inode;
    if (same_inode && size >= resume->offset && head_matches(descriptor, resume)) {
        part_align(part_add(follow, descriptor, status, resume->offset, now));
        return;
    }
    bool found = rest_add(follow, resume, now);
    if (!found || same_inode) /* copied and truncated: what came between the two is lost even if the copy is there */
        follow->gap = true;
    part_add(follow, descriptor, status, 0, now);
}

/* ---- the path ---- */

static void truncated(struct follow *follow, struct part *part, msec_t now)
{
    struct part current = *part;
    struct file_resume resume = {.inode = part->inode, .offset = part->offset};
    head_hash(part->head, part->head_size, resume.head);
    follow->gap = true;
    follow->count--;
    if (current.offset >= HEAD_TELLS && current.head_size > 0)
        rest_add(follow, &resume, now);
    struct stat status = {.st_ino = current.inode, .st_dev = current.device};
    part_add(follow, current.descriptor, &status, 0, now);
}

/* Is what we read still there? */
static bool same_text(const struct part *part, int descriptor, const struct stat *status)
{
    char head[HEAD_BYTES];
    return status->st_ino == part->inode && (uint64_t)status->st_size >= part->offset &&
           pread(descriptor, head, part->head_size, 0) == (ssize_t)part->head_size && !memcmp(head, part->head, part->head_size);
}

/* Shorter than what we read, or another text at its beginning. */
static void truncation_check(struct follow *follow, struct part *part, msec_t now)
{
    struct stat status;
    if (fstat(part->descriptor, &status) != 0)
        return;
    bool same = (uint64_t)status.st_size == part->size && !memcmp(&status.st_mtim, &part->changed, sizeof part->changed);
    part->size = (uint64_t)status.st_size;
    part->changed = status.st_mtim;
    if (same)
        return;
    if (!same_text(part, part->descriptor, &status))
        truncated(follow, part, now);
}

static void path_absent(struct follow *follow, int error, msec_t now)
{
    if (error != ENOENT && error != ENOTDIR) {
        follow->state = REASON_LOG_UNREADABLE;
        return;
    }
    if (!follow->missing_since)
        follow->missing_since = now;
    if (!follow->begun || now - follow->missing_since >= MISSING_AFTER_MS) /* a rotation leaves it absent for a moment */
        follow->state = REASON_LOG_MISSING;
}

static void look(struct follow *follow, msec_t now)
{
    struct stat status;
    struct part *last = follow->count ? &follow->parts[follow->count - 1] : NULL;
    bool there = stat(follow->path, &status) == 0;
    if (there && last && status.st_ino == last->inode && status.st_dev == last->device) {
        follow->state = REASON_OK;
        follow->missing_since = 0;
        truncation_check(follow, last, now);
        return;
    }
    int descriptor = there ? open_regular(follow->path, &status) : -1;
    if (descriptor < 0) {
        path_absent(follow, errno, now);
        return;
    }
    follow->state = REASON_OK;
    follow->missing_since = 0;
    if (!follow->begun) {
        begin(follow, descriptor, &status, now);
        return;
    }
    if (last && same_text(last, descriptor, &status)) { /* a mount that came back numbers its device anew */
        close(last->descriptor);
        last->descriptor = descriptor;
        last->device = status.st_dev;
        return;
    }
    if (last)
        last->grown_at = now;
    part_add(follow, descriptor, &status, 0, now);
}

/* ---- lines ---- */

static void line_add(struct follow *follow, struct follow_batch *batch, const char *data, size_t size)
{
    if (size > 0 && data[size - 1] == '\r')
        size--;
    bool cut = size > LINE_MAX_BYTES;
    batch->lines[batch->told.count++] =
        (struct file_line){.data = data, .size = (uint32_t)(cut ? LINE_MAX_BYTES : size), .number = ++follow->number, .cut = cut};
}

/* Whole lines out of the batch's first `size` bytes. Returns how many bytes are done with. */
static size_t lines_take(struct follow *follow, struct part *part, struct follow_batch *batch, size_t size)
{
    size_t done = 0;
    while (done < size && batch->told.count < BATCH_LINES) {
        const char *line = batch->bytes + done;
        const char *end = memchr(line, '\n', size - done);
        if (!end && !part->skipping && size - done <= LINE_MAX_BYTES + 1)
            break; /* not whole yet; one byte more than allowed may be the CR */
        size_t length = end ? (size_t)(end - line) : size - done;
        if (!part->skipping)
            line_add(follow, batch, line, length);
        part->skipping = !end;
        done += length + (end ? 1 : 0);
    }
    return done;
}

/* A file that was rotated away and rests: its last line will never be finished. */
static void part_finish(struct follow *follow, struct follow_batch *batch, size_t at, size_t rest)
{
    if (rest > 0 && !follow->parts[at].skipping)
        line_add(follow, batch, batch->bytes, rest);
    part_drop(follow, at);
}

/* Reads on in one part. True: it has more. */
static bool part_read(struct follow *follow, struct follow_batch *batch, size_t at, msec_t now)
{
    struct part *part = &follow->parts[at];
    bool last = at + 1 == follow->count;
    ssize_t size = pread(part->descriptor, batch->bytes, BATCH_BYTES, (off_t)part->offset);
    if (size < 0) { /* EIO, ESTALE: look at the path anew */
        follow->state = REASON_LOG_UNREADABLE;
        part->device = UINT64_MAX;
        return false;
    }
    size_t done = lines_take(follow, part, batch, (size_t)size);
    part->offset += done;
    head_remember(part);
    if (done > 0)
        part->grown_at = now;
    else if (!last && now - part->grown_at >= LINGER_MS)
        part_finish(follow, batch, at, (size_t)size);
    return done > 0 && (size == BATCH_BYTES || batch->told.count == BATCH_LINES);
}

/* What to store for resuming: the furthest file that we have begun. */
static void resume_point(const struct follow *follow, struct file_batch *told)
{
    if (follow->count == 0) {
        told->inode = follow->resume.inode;
        told->offset = follow->resume.offset;
        memcpy(told->head, follow->resume.head, sizeof told->head);
        return;
    }
    size_t at = follow->count - 1;
    while (at > 0 && follow->parts[at].offset == 0)
        at--;
    told->inode = follow->parts[at].inode;
    told->offset = follow->parts[at].offset;
    head_hash(follow->parts[at].head, follow->parts[at].head_size, told->head);
}

static bool later_unread(const struct follow *follow, size_t from)
{
    for (size_t i = from; i < follow->count; i++) {
        struct stat status;
        if (fstat(follow->parts[i].descriptor, &status) == 0 && (uint64_t)status.st_size > follow->parts[i].offset)
            return true;
    }
    return false;
}

static bool tell(struct follow *follow, struct follow_batch *batch, uint16_t reason, msec_t now)
{
    batch->told.reason = reason;
    batch->told.lines = batch->lines;
    resume_point(follow, &batch->told);
    if (batch->told.count == 0 && reason == follow->told && reason != REASON_LOG_GAP && now - follow->told_at < HEARTBEAT_MS)
        return false;
    follow->told = reason;
    follow->told_at = now;
    return true;
}

bool follow_read(struct follow *follow, struct follow_batch *batch, msec_t now, bool *more)
{
    memset(&batch->told, 0, sizeof batch->told);
    *more = false;
    look(follow, now);
    if (follow->gap) {
        follow->gap = false;
        *more = true;
        return tell(follow, batch, REASON_LOG_GAP, now);
    }
    size_t at = 0;
    while (at < follow->count && batch->told.count == 0 && !*more) {
        size_t before = follow->count;
        *more = part_read(follow, batch, at, now);
        at += follow->count == before; /* a finished part made room for the next */
    }
    *more = *more || (batch->told.count > 0 && later_unread(follow, at));
    if (*more)
        return tell(follow, batch, REASON_CATCHING_UP, now);
    return tell(follow, batch, batch->told.count > 0 ? REASON_OK : follow->state, now);
}
