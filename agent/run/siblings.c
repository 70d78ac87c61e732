/* See siblings.h. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "siblings.h"

enum { SIBLINGS_MAX = 4096 };

static bool is_stamp(const char *text, size_t size)
{
    bool digit = false;
    for (size_t i = 0; i < size; i++) {
        if (!strchr("0123456789.-_T", text[i]))
            return false;
        digit = digit || (text[i] >= '0' && text[i] <= '9');
    }
    return digit && strchr(".-_", text[0]);
}

static size_t ending(const char *name, size_t size, const char *end)
{
    size_t length = strlen(end);
    return size > length && !memcmp(name + size - length, end, length) ? length : 0;
}

bool sibling_name(const char *base, const char *name, bool *compressed)
{
    static const char *const packed[] = {".gz", ".bz2", ".xz", ".zst"};
    size_t size = strlen(name), base_size = strlen(base);
    *compressed = false;
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        size_t length = ending(name, size, packed[i]);
        size -= length;
        *compressed = *compressed || length > 0;
    }
    if (size > base_size && !memcmp(name, base, base_size))
        return is_stamp(name + base_size, size - base_size);
    const char *dot = strrchr(base, '.');
    size_t stem = dot ? (size_t)(dot - base) : base_size;
    if (!dot || stem == 0 || size <= base_size || memcmp(name, base, stem) != 0 || !ending(name, size, dot))
        return false;
    return is_stamp(name + stem, size - base_size);
}

static int by_age(const void *one, const void *other)
{
    const struct timespec *a = &((const struct sibling *)one)->status.st_mtim, *b = &((const struct sibling *)other)->status.st_mtim;
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

static char *joined(const char *folder, size_t folder_size, const char *name)
{
    size_t size = folder_size + strlen(name) + 2;
    char *path = memory_zeroed(1, size);
    snprintf(path, size, "%.*s/%s", (int)folder_size, folder, name);
    return path;
}

size_t siblings_of(const char *path, struct sibling **siblings)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *folder = slash ? path : ".";
    size_t folder_size = slash ? (size_t)(slash - path) : 1, count = 0;
    *siblings = NULL;
    char *name = joined(folder, folder_size, "");
    DIR *entries = opendir(name);
    free(name);
    if (!entries)
        return 0;
    struct dirent *entry;
    while (count < SIBLINGS_MAX && (entry = readdir(entries))) {
        struct sibling found = {0};
        if (!sibling_name(base, entry->d_name, &found.compressed))
            continue;
        found.path = joined(folder, folder_size, entry->d_name);
        if (stat(found.path, &found.status) != 0 || !S_ISREG(found.status.st_mode)) {
            free(found.path);
            continue;
        }
        *siblings = memory_resized(*siblings, (count + 1) * sizeof found);
        (*siblings)[count++] = found;
    }
    closedir(entries);
    if (count > 0)
        qsort(*siblings, count, sizeof **siblings, by_age);
    return count;
}

void siblings_free(struct sibling *siblings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(siblings[i].path);
    free(siblings);
}
