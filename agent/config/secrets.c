/* Reads one secret from its file. Must not know what it is for, and never puts any of it into a message. */
#include "secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 255 };

/* Opened once and judged by its descriptor, so that the file judged is the file read. */
static int open_secret(const char *path, char *error, size_t error_size)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        snprintf(error, error_size, "%s: cannot be read: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        snprintf(error, error_size, "%s: is not a regular file", path);
    } else if (status.st_mode & (S_IROTH | S_IWOTH)) {
        snprintf(error, error_size, "%s: everybody may read or write it; chmod o= %s", path, path);
    } else {
        return descriptor;
    }
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

int secret_read(const char *path, char *buffer, size_t size, char *error, size_t error_size)
{
    int descriptor = open_secret(path, error, error_size);
    if (descriptor < 0)
        return -1;
    char content[SECRET_MAX + 2]; /* one more than a secret and its newline: longer files are noticed */
    size_t filled = 0;
    ssize_t got = 1;
    while (filled < sizeof(content) && (got = read(descriptor, content + filled, sizeof(content) - filled)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        filled += (size_t)got;
    }
    int failed = got < 0 ? errno : 0;
    close(descriptor);

    const char *newline = memchr(content, '\n', filled);
    size_t length = newline ? (size_t)(newline - content) : filled;
    if (newline && length > 0 && content[length - 1] == '\r')
        length--;
    int result = -1;
    if (failed)
        snprintf(error, error_size, "%s: cannot be read: %s", path, strerror(failed));
    else if (length == 0)
        snprintf(error, error_size, "%s: its first line is empty", path);
    else if (length > SECRET_MAX || length + 1 > size)
        snprintf(error, error_size, "%s: its first line is longer than %zu bytes", path,
                 size <= SECRET_MAX ? size - 1 : (size_t)SECRET_MAX);
    else if (memchr(content, '\0', length))
        snprintf(error, error_size, "%s: its first line holds a zero byte", path);
    else {
        memcpy(buffer, content, length);
        buffer[length] = '\0';
        result = (int)length;
    }
    secret_wipe(content, sizeof(content));
    return result;
}

bool secret_private(const char *path, char *error, size_t error_size)
{
    int descriptor = open_secret(path, error, error_size);
    if (descriptor >= 0)
        close(descriptor);
    return descriptor >= 0;
}

void secret_wipe(void *buffer, size_t size)
{
    explicit_bzero(buffer, size);
}

void secret_guard(void)
{
    const struct rlimit none = {0, 0};
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
}
