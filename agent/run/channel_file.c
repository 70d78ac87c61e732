/* The file channel: one thread reads all logs, the loop gets batches in order. See channel_file.h, follow.h.
 * Two batches go round: the thread waits when the loop is slow, and a disk that hangs stops nobody but this thread. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "follow.h"
#include "loop.h"
#include "memory.h"

enum { POLL_MS = 250, BATCHES = 2, JOIN_SECONDS = 2 };

struct followed {
    struct follow *follow;
    uint16_t file;
};

struct file_channel {
    uv_async_t async;
    file_sink *sink;
    void *context;
    struct followed *files; /* the thread's own once it runs */
    size_t count;
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    bool stop, ended;     /* ended: the thread touches nothing any more */
    size_t filled, given; /* batches filled by the thread, and given to the sink, ever */
    struct follow_batch *batches[BATCHES];
};

static void batch_arrived(uv_async_t *async);

struct file_channel *file_open(uv_loop_t *loop, file_sink *sink, void *context)
{
    struct file_channel *channel = memory_zeroed(1, sizeof *channel);
    channel->sink = sink;
    channel->context = context;
    channel->async.data = channel;
    if (uv_async_init(loop, &channel->async, batch_arrived) != 0) {
        free(channel);
        return NULL;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&channel->mutex, NULL);
    pthread_cond_init(&channel->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    for (size_t i = 0; i < BATCHES; i++)
        channel->batches[i] = memory_zeroed(1, sizeof *channel->batches[i]);
    return channel;
}

int file_follow(struct file_channel *channel, uint16_t file, const char *path, const struct file_resume *resume)
{
    if (channel->running)
        return -1;
    channel->files = memory_resized(channel->files, (channel->count + 1) * sizeof *channel->files);
    channel->files[channel->count++] = (struct followed){follow_open(path, resume), file};
    return 0;
}

/* The batch to fill next, once the loop has given it back; NULL: stop. */
static struct follow_batch *batch_free(struct file_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    while (!channel->stop && channel->filled - channel->given == BATCHES)
        pthread_cond_wait(&channel->changed, &channel->mutex);
    struct follow_batch *batch = channel->stop ? NULL : channel->batches[channel->filled % BATCHES];
    pthread_mutex_unlock(&channel->mutex);
    return batch;
}

/* The async handle is touched under the mutex only: after `stop` it may be gone. */
static void batch_hand_over(struct file_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    if (!channel->stop) {
        channel->filled++;
        uv_async_send(&channel->async);
    }
    pthread_mutex_unlock(&channel->mutex);
}

static bool rest(struct file_channel *channel)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&channel->mutex);
    int waited = 0;
    while (!channel->stop && waited == 0)
        waited = pthread_cond_timedwait(&channel->changed, &channel->mutex, &until);
    bool stop = channel->stop;
    pthread_mutex_unlock(&channel->mutex);
    return !stop;
}

/* One batch of each file a round, so that a long one does not keep the others waiting. */
static void *follow_all(void *context)
{
    struct file_channel *channel = context;
    bool going = true;
    while (going) {
        bool any_more = false;
        for (size_t i = 0; going && i < channel->count; i++) {
            struct follow_batch *batch = batch_free(channel);
            bool more = false;
            going = batch != NULL;
            if (!batch || !follow_read(channel->files[i].follow, batch, loop_now(), &more))
                continue;
            batch->told.file = channel->files[i].file;
            batch_hand_over(channel);
            any_more = any_more || more;
        }
        if (going && !any_more)
            going = rest(channel);
    }
    pthread_mutex_lock(&channel->mutex);
    channel->ended = true;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->mutex);
    return NULL;
}

static void batch_arrived(uv_async_t *async)
{
    struct file_channel *channel = async->data;
    pthread_mutex_lock(&channel->mutex);
    bool any = channel->filled > channel->given;
    struct follow_batch *batch = channel->batches[channel->given % BATCHES];
    pthread_mutex_unlock(&channel->mutex);
    if (!any)
        return;
    channel->sink(channel->context, &batch->told);
    pthread_mutex_lock(&channel->mutex);
    channel->given++;
    if (channel->filled > channel->given)
        uv_async_send(async); /* one batch a turn: sockets wait too */
    pthread_cond_signal(&channel->changed);
    pthread_mutex_unlock(&channel->mutex);
}

int file_start(struct file_channel *channel)
{
    if (channel->running || pthread_create(&channel->thread, NULL, follow_all, channel) != 0)
        return -1;
    channel->running = true;
    return 0;
}

static void free_all(uv_handle_t *handle)
{
    struct file_channel *channel = handle->data;
    for (size_t i = 0; i < channel->count; i++)
        follow_close(channel->files[i].follow);
    for (size_t i = 0; i < BATCHES; i++)
        free(channel->batches[i]);
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->mutex);
    free(channel->files);
    free(channel);
}

static void free_nothing(uv_handle_t *handle)
{
    (void)handle;
}

void file_close(struct file_channel *channel)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += JOIN_SECONDS;
    pthread_mutex_lock(&channel->mutex);
    channel->stop = true;
    pthread_cond_broadcast(&channel->changed);
    int waited = 0;
    while (channel->running && !channel->ended && waited == 0)
        waited = pthread_cond_timedwait(&channel->changed, &channel->mutex, &until);
    bool ended = channel->ended || !channel->running;
    pthread_mutex_unlock(&channel->mutex);
    /* A thread that hangs in a dead mount cannot be waited for; it and what it uses stay until the process ends. */
    if (channel->running && ended)
        pthread_join(channel->thread, NULL);
    else if (channel->running)
        pthread_detach(channel->thread);
    uv_close((uv_handle_t *)&channel->async, ended ? free_all : free_nothing);
}
