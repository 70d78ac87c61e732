/* Stamps of past actions, one line each: "wall-ms boot-ms boot-id verb cluster/group". Within one boot the clock that cannot be set
 * counts; across boots the wall clock does. A stamp from the future counts as now: a clock set back never refills a budget. */
#include "budget.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STAMPS_KEPT = 4096, BOOT_BYTES = 40, GROUP_BYTES = 160, LINE_BYTES = 300 };

struct stamp {
    int64_t wall, boot;
    unsigned verb;
    char boot_id[BOOT_BYTES], group[GROUP_BYTES];
};

struct book {
    struct stamp *stamps;
    size_t count;
};

static int64_t since_boot(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void read_boot_id(char id[BOOT_BYTES])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file || fscanf(file, "%39s", id) != 1)
        strcpy(id, "-");
    if (file)
        fclose(file);
}

static void remember(struct book *book, const struct stamp *stamp)
{
    if (book->count == STAMPS_KEPT)
        memmove(book->stamps, book->stamps + 1, --book->count * sizeof *stamp);
    book->stamps = realloc(book->stamps, (book->count + 1) * sizeof *stamp);
    if (!book->stamps)
        abort();
    book->stamps[book->count++] = *stamp;
}

/* A file that cannot be understood is no empty one. */
static bool load(int folder, struct book *book)
{
    int descriptor = openat(folder, "budget", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0)
        return errno == ENOENT;
    FILE *file = fdopen(descriptor, "r");
    if (!file)
        abort();
    char line[LINE_BYTES];
    bool understood = true;
    while (understood && fgets(line, sizeof line, file)) {
        struct stamp stamp;
        understood = strchr(line, '\n') && sscanf(line, "%" SCNd64 " %" SCNd64 " %39s %u %159s", &stamp.wall, &stamp.boot, stamp.boot_id,
                                                  &stamp.verb, stamp.group) == 5;
        if (understood)
            remember(book, &stamp);
    }
    bool failed = ferror(file) != 0;
    fclose(file);
    errno = failed ? EIO : EBADMSG;
    return understood && !failed;
}

static bool store(int folder, const struct book *book)
{
    int descriptor = openat(folder, "budget.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (descriptor < 0)
        return false;
    FILE *file = fdopen(descriptor, "w");
    if (!file)
        abort();
    for (size_t i = 0; i < book->count; i++) {
        const struct stamp *stamp = &book->stamps[i];
        fprintf(file, "%" PRId64 " %" PRId64 " %s %u %s\n", stamp->wall, stamp->boot, stamp->boot_id, stamp->verb, stamp->group);
    }
    bool stored = fflush(file) == 0 && fsync(descriptor) == 0;
    stored = fclose(file) == 0 && stored;
    return stored && renameat(folder, "budget.new", folder, "budget") == 0 && fsync(folder) == 0;
}

static int64_t age(const struct stamp *stamp, const struct stamp *now)
{
    bool same_boot = strcmp(stamp->boot_id, now->boot_id) == 0 && strcmp(now->boot_id, "-") != 0;
    int64_t age = same_boot ? now->boot - stamp->boot : now->wall - stamp->wall;
    return age > 0 ? age : 0;
}

static uint32_t spent(const struct book *book, const struct stamp *now, msec_t per)
{
    uint32_t count = 0;
    for (size_t i = 0; i < book->count; i++) {
        const struct stamp *stamp = &book->stamps[i];
        count += strcmp(stamp->group, now->group) == 0 && stamp->verb == now->verb && age(stamp, now) < per;
    }
    return count;
}

bool budget_take(int folder, const char *cluster, const char *group, uint8_t verb, const struct budget *budget, stamp_t now)
{
    struct book book = {0};
    struct stamp stamp = {.wall = now, .boot = since_boot(), .verb = verb};
    read_boot_id(stamp.boot_id);
    snprintf(stamp.group, sizeof stamp.group, "%s/%s", cluster, group);
    bool granted = load(folder, &book);
    if (granted && spent(&book, &stamp, budget->per) >= budget->count) {
        granted = false;
        errno = 0;
    } else if (granted) {
        remember(&book, &stamp);
        granted = store(folder, &book);
    }
    int error = errno;
    free(book.stamps);
    errno = error;
    return granted;
}
