/* The exec channel: one program, no shell, in a process group of its own. See channel.h.
 * The program gets a clean environment, no descriptor but its three, and the request's bytes on stdin. It ends by itself, or by the
 * deadline: TERM to its group, KILL two seconds later. Its end is awaited by a descriptor of the process, so none becomes a zombie. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "loop.h"
#include "memory.h"

enum { OUTPUT_LIMIT_PRESET = 16384, ERRORS_MAX = 1024, KILL_AFTER_MS = 2000, GIVE_UP_AFTER_MS = 2000, READ_MAX = 4096, DRAIN_READS = 64 };
enum watched { WATCH_OUTPUT, WATCH_ERRORS, WATCH_PROCESS, WATCHES };

struct watch {
    uv_poll_t poll;
    int descriptor;
};

struct exec_channel {
    uv_loop_t *loop;
    channel_reply *reply;
    void *context;
    struct watch *watches[WATCHES]; /* NULL = not open */
    uv_timer_t *timer;              /* runs from the deadline on */
    struct loop_deferred *deferred;
    char *output, *errors;
    size_t output_size, output_limit, errors_size;
    uint64_t began_ns;
    pid_t process; /* 0 = none, or reaped */
    int exit_status;
    uint16_t reason;
    uint8_t inside; /* a reply is being given, so nothing may be freed yet */
    bool busy, expired, killed, too_large, closed;
};

struct exec_channel *exec_open(uv_loop_t *loop, channel_reply *reply, void *context)
{
    struct exec_channel *channel = memory_zeroed(1, sizeof *channel);
    channel->loop = loop;
    channel->reply = reply;
    channel->context = context;
    channel->began_ns = uv_hrtime();
    return channel;
}

/* A closed channel goes once its program has been reaped. */
static void free_when_idle(struct exec_channel *channel)
{
    if (!channel->closed || channel->inside > 0 || channel->process > 0)
        return;
    free(channel->output);
    free(channel->errors);
    free(channel);
}

static void handle_closed(uv_handle_t *handle)
{
    free(handle);
}

static void watch_close(struct exec_channel *channel, enum watched which)
{
    struct watch *watch = channel->watches[which];
    channel->watches[which] = NULL;
    if (!watch)
        return;
    uv_close((uv_handle_t *)&watch->poll, handle_closed); /* poll stands first: the handle is the watch */
    close(watch->descriptor);
}

/* Takes the descriptor over, whatever comes of it. */
static int watch_open(struct exec_channel *channel, enum watched which, int descriptor, uv_poll_cb callback)
{
    struct watch *watch = memory_zeroed(1, sizeof *watch);
    int error = uv_poll_init(channel->loop, &watch->poll, descriptor);
    if (error) {
        close(descriptor);
        free(watch);
        return -error;
    }
    watch->poll.data = channel;
    watch->descriptor = descriptor;
    channel->watches[which] = watch;
    return -uv_poll_start(&watch->poll, UV_READABLE, callback);
}

static void timer_close(struct exec_channel *channel)
{
    if (channel->timer)
        uv_close((uv_handle_t *)channel->timer, handle_closed);
    channel->timer = NULL;
}

static void append_errors(struct exec_channel *channel)
{
    if (channel->errors_size == 0)
        return;
    channel->output = memory_resized(channel->output, channel->output_size + channel->errors_size);
    memcpy(channel->output + channel->output_size, channel->errors, channel->errors_size);
    channel->output_size += channel->errors_size;
    channel->errors_size = 0;
}

static void finish(struct exec_channel *channel, uint16_t reason)
{
    if (!channel->busy) {
        free_when_idle(channel);
        return;
    }
    channel->busy = false;
    watch_close(channel, WATCH_OUTPUT);
    watch_close(channel, WATCH_ERRORS);
    append_errors(channel);
    struct reply reply = {.reason = reason,
                          .data = channel->output_size ? channel->output : "",
                          .size = channel->output_size,
                          .exit_status = channel->exit_status,
                          .elapsed_ms = (msec_t)((uv_hrtime() - channel->began_ns) / 1000000),
                          .certificate_days = INT64_MIN,
                          .wall = loop_wall()};
    channel->inside++;
    if (!channel->closed)
        channel->reply(channel->context, &reply);
    channel->inside--;
    free_when_idle(channel);
}

/* The first bytes of stdout up to the limit are kept; what follows is read, so that the program can end, and dropped. */
static void keep_output(struct exec_channel *channel, const char *data, size_t size)
{
    size_t room = channel->output_limit - channel->output_size;
    if (size > room) {
        channel->too_large = true;
        size = room;
    }
    if (size == 0)
        return;
    channel->output = memory_resized(channel->output, channel->output_size + size);
    memcpy(channel->output + channel->output_size, data, size);
    channel->output_size += size;
}

/* The last bytes of stderr are kept: there a program says why it failed. */
static void keep_errors(struct exec_channel *channel, const char *data, size_t size)
{
    if (size > ERRORS_MAX) {
        data += size - ERRORS_MAX;
        size = ERRORS_MAX;
    }
    size_t kept = channel->errors_size + size > ERRORS_MAX ? ERRORS_MAX - size : channel->errors_size;
    memmove(channel->errors, channel->errors + channel->errors_size - kept, kept);
    memcpy(channel->errors + kept, data, size);
    channel->errors_size = kept + size;
}

/* One read. False: nothing more now, or ever. */
static bool watch_read(struct exec_channel *channel, enum watched which)
{
    struct watch *watch = channel->watches[which];
    char data[READ_MAX];
    if (!watch)
        return false;
    ssize_t size = read(watch->descriptor, data, sizeof data);
    if (size > 0 && which == WATCH_OUTPUT)
        keep_output(channel, data, (size_t)size);
    else if (size > 0)
        keep_errors(channel, data, (size_t)size);
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        watch_close(channel, which);
    return size > 0;
}

static void output_came(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    watch_read(poll->data, WATCH_OUTPUT);
}

static void errors_came(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    watch_read(poll->data, WATCH_ERRORS);
}

static void drain(struct exec_channel *channel, enum watched which)
{
    for (int i = 0; i < DRAIN_READS && watch_read(channel, which); i++)
        ;
}

static uint16_t reason_of_end(const struct exec_channel *channel, int status)
{
    if (channel->expired)
        return REASON_PROGRAM_TIMEOUT;
    if (WIFSIGNALED(status))
        return REASON_PROGRAM_KILLED;
    return channel->too_large ? REASON_OUTPUT_TOO_LARGE : REASON_OK;
}

/* What it left running in the background stays, as a start script means it to; only after the deadline everything goes. */
static void process_ended(uv_poll_t *poll, int poll_status, int events)
{
    struct exec_channel *channel = poll->data;
    (void)poll_status;
    (void)events;
    if (channel->expired || channel->closed)
        kill(-channel->process, SIGKILL); /* before reaping: until then the group's number is ours */
    int status = 0;
    pid_t reaped = waitpid(channel->process, &status, WNOHANG);
    if (reaped == 0)
        return;
    if (reaped < 0) /* somebody else reaped it: its result is lost, which is not a success */
        status = SIGKILL;
    channel->process = 0;
    channel->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    drain(channel, WATCH_OUTPUT);
    drain(channel, WATCH_ERRORS);
    watch_close(channel, WATCH_PROCESS);
    timer_close(channel);
    finish(channel, reason_of_end(channel, status));
}

static void failed_soon(void *context)
{
    struct exec_channel *channel = context;
    channel->deferred = NULL;
    finish(channel, channel->reason);
}

/* The descriptors that only the program needs; -1 = none. */
struct ends {
    int input, output, errors, feed;
};

static void ends_close(const struct ends *ends)
{
    const int all[] = {ends->input, ends->output, ends->errors, ends->feed};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i] >= 0)
            close(all[i]);
}

/* Our reading end is watched at once; the program's end is returned in *end. */
static int pipe_from(struct exec_channel *channel, enum watched which, uv_poll_cb callback, int *end)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return errno;
    *end = pair[1];
    return watch_open(channel, which, pair[0], callback);
}

/* A request is smaller than any pipe's buffer, so it is written before the program exists. */
static int pipe_to(const struct request *request, struct ends *ends)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return errno;
    ends->input = pair[0];
    ends->feed = pair[1];
    return write(pair[1], request->bytes, request->size) == (ssize_t)request->size ? 0 : EIO;
}

static int spawn(struct exec_channel *channel, const char *const *arguments, const struct ends *ends)
{
    static char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    if (ends->input >= 0)
        posix_spawn_file_actions_adddup2(&actions, ends->input, STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends->output, STDOUT_FILENO);
    if (ends->errors >= 0)
        posix_spawn_file_actions_adddup2(&actions, ends->errors, STDERR_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    int error = posix_spawn(&channel->process, arguments[0], &actions, &attributes, (char *const *)(uintptr_t)arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error)
        channel->process = 0;
    return error;
}

static int process_watch(struct exec_channel *channel)
{
    int descriptor = pidfd_open(channel->process, 0);
    int error = descriptor < 0 ? errno : watch_open(channel, WATCH_PROCESS, descriptor, process_ended);
    if (!error)
        return 0;
    kill(-channel->process, SIGKILL); /* what cannot be watched must not run */
    waitpid(channel->process, NULL, 0);
    channel->process = 0;
    return error;
}

static int begin(struct exec_channel *channel, const struct request *request, struct ends *ends)
{
    int error = pipe_from(channel, WATCH_OUTPUT, output_came, &ends->output);
    if (!error && request->size > 0) { /* an action: it gets an order, and its complaints are heard */
        channel->errors = memory_zeroed(1, ERRORS_MAX);
        error = pipe_from(channel, WATCH_ERRORS, errors_came, &ends->errors);
    }
    if (!error && request->size > 0)
        error = pipe_to(request, ends);
    if (!error)
        error = spawn(channel, request->arguments, ends);
    return error ? error : process_watch(channel);
}

void exec_request(struct exec_channel *channel, const struct request *request)
{
    struct ends ends = {-1, -1, -1, -1};
    free(channel->output);
    free(channel->errors);
    channel->output = channel->errors = NULL;
    channel->output_size = channel->errors_size = 0;
    channel->output_limit = request->limit ? request->limit : OUTPUT_LIMIT_PRESET;
    channel->expired = channel->killed = channel->too_large = false;
    channel->exit_status = -1;
    channel->busy = true;
    int error = request->kind == REQUEST_RUN && request->arguments && request->arguments[0] ? begin(channel, request, &ends) : EINVAL;
    ends_close(&ends);
    if (!error)
        return;
    bool scarce = error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM;
    channel->reason = scarce ? REASON_NO_RESOURCES : REASON_START_FAILED;
    channel->deferred = loop_defer(channel->loop, failed_soon, channel);
}

/* A program that even KILL does not end (it hangs in the kernel) is not waited for, but reaped if it ever ends. */
static void patience_ended(uv_timer_t *timer)
{
    struct exec_channel *channel = timer->data;
    if (!channel->killed) {
        channel->killed = true;
        kill(-channel->process, SIGKILL);
        uv_timer_start(timer, patience_ended, GIVE_UP_AFTER_MS, 0);
        return;
    }
    timer_close(channel);
    uv_unref((uv_handle_t *)&channel->watches[WATCH_PROCESS]->poll);
    finish(channel, REASON_PROGRAM_TIMEOUT);
}

void exec_expire(struct exec_channel *channel)
{
    if (channel->process == 0 || channel->expired)
        return;
    channel->expired = true;
    kill(-channel->process, SIGTERM);
    channel->timer = memory_zeroed(1, sizeof *channel->timer);
    uv_timer_init(channel->loop, channel->timer);
    channel->timer->data = channel;
    uv_timer_start(channel->timer, patience_ended, KILL_AFTER_MS, 0);
}

void exec_close(struct exec_channel *channel)
{
    channel->closed = true;
    if (channel->deferred)
        loop_defer_cancel(channel->deferred);
    timer_close(channel);
    watch_close(channel, WATCH_OUTPUT);
    watch_close(channel, WATCH_ERRORS);
    if (channel->process > 0)
        kill(-channel->process, SIGKILL);
    free_when_idle(channel);
}
