/* The folder of actions. See actions.h. A file is written beside its place, synced and renamed, so nobody reads half of one. */
#include "actions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

enum { NAME_BYTES = 40, FILE_BYTES = 2048 };

static void name_of(uint64_t plan, const char *ending, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "%016" PRIx64 ".%s", plan, ending);
}

int actions_open(const char *state_dir)
{
    char path[512];
    int length = snprintf(path, sizeof path, "%s/actions", state_dir);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Returns a descriptor of the file in its place. A lock is taken before anybody can see the name. */
static int write_file(int folder, uint64_t plan, const char *ending, json_t *json, bool lock)
{
    char name[NAME_BYTES], fresh[NAME_BYTES], text[FILE_BYTES];
    name_of(plan, ending, name);
    name_of(plan, "new", fresh);
    size_t size = json ? json_dumpb(json, text, sizeof text, JSON_COMPACT | JSON_ENSURE_ASCII) : 0;
    json_decref(json);
    if (size == 0 || size > sizeof text) {
        errno = EMSGSIZE;
        return -1;
    }
    int file = openat(folder, fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (file < 0)
        return -1;
    errno = ENOSPC; /* a short write sets none */
    if ((!lock || flock(file, LOCK_EX | LOCK_NB) == 0) && write(file, text, size) == (ssize_t)size && fsync(file) == 0 &&
        renameat(folder, fresh, folder, name) == 0 && fsync(folder) == 0)
        return file;
    int error = errno;
    close(file);
    unlinkat(folder, fresh, 0);
    unlinkat(folder, name, 0);
    errno = error;
    return -1;
}

int actions_begin(int folder, const struct running *running)
{
    json_t *json = json_pack("{s:I, s:s, s:I}", "group", (json_int_t)running->group, "group_name", running->group_name, "deadline",
                             (json_int_t)running->deadline);
    return write_file(folder, running->plan, "running", json, true);
}

int actions_conclude(int folder, const struct order_result *result)
{
    json_t *json = json_pack("{s:I, s:I, s:s, s:i, s:s}", "group", (json_int_t)result->group, "verdict", (json_int_t)result->verdict,
                             "reason", reason_name(result->reason), "exit_status", (int)result->exit_status, "text", result->text);
    int file = write_file(folder, result->plan, "result", json, false);
    if (file >= 0)
        close(file);
    return file >= 0 ? 0 : -1;
}

void actions_clear(int folder, uint64_t plan)
{
    char name[NAME_BYTES];
    name_of(plan, "running", name);
    unlinkat(folder, name, 0);
}

int actions_end(int folder, const struct order_result *result, int lock)
{
    int status = actions_conclude(folder, result), error = errno;
    if (status == 0)
        actions_clear(folder, result->plan);
    if (lock >= 0)
        close(lock);
    errno = error;
    return status;
}

static json_t *read_file(int folder, uint64_t plan, const char *ending)
{
    char name[NAME_BYTES], text[FILE_BYTES];
    name_of(plan, ending, name);
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return NULL;
    ssize_t size = read(file, text, sizeof text);
    close(file);
    return size > 0 ? json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

/* The words are stable, the numbers are not. A word of another version tells no more than that it ended somehow. */
static uint16_t reason_by_name(const char *name)
{
    for (uint16_t reason = 0; name && reason < REASONS; reason++)
        if (strcmp(reason_name(reason), name) == 0)
            return reason;
    return REASON_RESULT_UNKNOWN;
}

static bool read_result(int folder, uint64_t plan, const char *ending, struct order_result *result)
{
    json_t *json = read_file(folder, plan, ending);
    if (!json)
        return false;
    const char *text = json_string_value(json_object_get(json, "text"));
    json_int_t verdict = json_integer_value(json_object_get(json, "verdict"));
    *result = (struct order_result){.plan = plan,
                                    .group = (uint16_t)json_integer_value(json_object_get(json, "group")),
                                    .verdict = verdict == YES  ? YES
                                               : verdict == NO ? NO
                                                               : UNKNOWN,
                                    .reason = reason_by_name(json_string_value(json_object_get(json, "reason"))),
                                    .exit_status = (int32_t)json_integer_value(json_object_get(json, "exit_status"))};
    snprintf(result->text, sizeof result->text, "%s", text ? text : "");
    json_decref(json);
    return true;
}

bool actions_result(int folder, uint64_t plan, struct order_result *result)
{
    return read_result(folder, plan, "result", result) || read_result(folder, plan, "done", result);
}

bool actions_is_running(int folder, uint64_t plan)
{
    char name[NAME_BYTES];
    name_of(plan, "running", name);
    return faccessat(folder, name, F_OK, 0) == 0;
}

bool actions_is_abandoned(int folder, uint64_t plan)
{
    char name[NAME_BYTES];
    name_of(plan, "running", name);
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return false;
    bool held = flock(file, LOCK_EX | LOCK_NB) != 0;
    close(file);
    return !held;
}

void actions_taken(int folder, uint64_t plan)
{
    char from[NAME_BYTES], to[NAME_BYTES];
    name_of(plan, "result", from);
    name_of(plan, "done", to);
    renameat(folder, from, folder, to);
}

static DIR *list(int folder)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = again < 0 ? NULL : fdopendir(again);
    if (!entries && again >= 0)
        close(again);
    return entries;
}

/* The next file of this kind; at the end, false, and the list is closed. */
static bool next(DIR *entries, const char *ending, uint64_t *plan)
{
    const struct dirent *entry;
    while (entries && (entry = readdir(entries)) != NULL) {
        char *end;
        *plan = strtoull(entry->d_name, &end, 16);
        if (end == entry->d_name + 16 && *end == '.' && strcmp(end + 1, ending) == 0)
            return true;
    }
    if (entries)
        closedir(entries);
    return false;
}

void actions_list_running(int folder, actions_each_running *each, void *context)
{
    DIR *entries = list(folder);
    for (uint64_t plan; next(entries, "running", &plan);) {
        json_t *json = read_file(folder, plan, "running");
        const char *name = json_string_value(json_object_get(json, "group_name"));
        struct running running = {.plan = plan,
                                  .group = (uint16_t)json_integer_value(json_object_get(json, "group")),
                                  .deadline = json_integer_value(json_object_get(json, "deadline"))};
        snprintf(running.group_name, sizeof running.group_name, "%s", name ? name : "");
        json_decref(json);
        each(context, &running);
    }
}

void actions_list_results(int folder, actions_each_result *each, void *context)
{
    DIR *entries = list(folder);
    for (uint64_t plan; next(entries, "result", &plan);) {
        struct order_result result;
        if (read_result(folder, plan, "result", &result))
            each(context, &result);
    }
}

void actions_forget_old(int folder, stamp_t before)
{
    DIR *entries = list(folder);
    for (uint64_t plan; next(entries, "done", &plan);) {
        char name[NAME_BYTES];
        struct stat status;
        name_of(plan, "done", name);
        if (fstatat(folder, name, &status, 0) == 0 && status.st_mtime < before / 1000)
            unlinkat(folder, name, 0);
    }
}
