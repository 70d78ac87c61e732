/* See channel_snmp.h. */
#include "channel_snmp.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "memory.h"
#include "resolve.h"
#include "snmp_manager.h"

enum { RESTART_MS = 1000, HANG_MS = 15000, RECEIVED_A_TURN = 16, BYTES_PRESET = 1 << 20 };

enum stage {
    STAGE_IDLE,
    STAGE_RESOLVING,
    STAGE_WAITING, /* for the manager to take it */
    STAGE_WALKING
};

struct snmp_channel {
    struct snmp_channel *next; /* of the pool's channels */
    struct snmp_pool *pool;
    const struct snmp_target *target;
    channel_reply *reply;
    void *context;
    enum stage stage;
    uint32_t id;
    msec_t begun;
    size_t limit;
    struct resolve_wait *wait;
    struct addresses *addresses;
    char subtree[256];
    char why[sizeof((struct manager_end *)NULL)->text];
};

struct snmp_pool {
    uv_loop_t *loop;
    char *program;
    struct snmp_channel *channels;
    uv_process_t process;
    uv_poll_t poll;
    uv_timer_t timer;
    int descriptor; /* -1: no manager */
    unsigned open;  /* handles that libuv still holds, the timer included */
    bool running, writing, closing;
    uint32_t last_id;
    msec_t patience, unheard_since; /* since when it owes us a word; 0 = it does not */
    struct snmp_counters counters;
    struct manager_packet packet;
};

static void manager_start(struct snmp_pool *pool);

/* ---- replies ---- */

static void let_go(struct snmp_channel *channel)
{
    if (channel->wait)
        resolve_cancel(channel->wait);
    channel->wait = NULL;
    addresses_release(channel->addresses);
    channel->addresses = NULL;
    channel->stage = STAGE_IDLE;
}

/* The channel may be gone afterwards. */
static void finish(struct snmp_channel *channel, uint16_t reason, const char *why)
{
    if (reason == REASON_SNMP_TIMEOUT) {
        channel->pool->counters.timeouts++;
        if (channel->addresses && channel->addresses->count > 1)
            channel->addresses->preferred = (uint8_t)((channel->addresses->preferred + 1) % channel->addresses->count);
    }
    let_go(channel);
    snprintf(channel->why, sizeof channel->why, "%s", why);
    const struct reply reply = {
        .reason = reason, .data = "", .elapsed_ms = loop_now() - channel->begun, .certificate_days = INT64_MIN, .wall = loop_wall()};
    channel->reply(channel->context, &reply);
}

/* Replies to everybody in this stage; whoever asks again in the meantime is in another one. */
static void finish_all(struct snmp_pool *pool, enum stage stage, uint16_t reason, const char *why)
{
    uint32_t newest = pool->last_id;
    for (struct snmp_channel *channel = pool->channels; channel;) {
        if (channel->stage != stage || (int32_t)(channel->id - newest) > 0) {
            channel = channel->next;
            continue;
        }
        finish(channel, reason, why);
        channel = pool->channels; /* the list may be another one now */
    }
}

static struct snmp_channel *channel_by_id(const struct snmp_pool *pool, uint32_t id)
{
    struct snmp_channel *channel = pool->channels;
    while (channel && (channel->stage != STAGE_WALKING || channel->id != id))
        channel = channel->next;
    return channel;
}

static void take_packet(struct snmp_pool *pool, size_t size)
{
    struct manager_packet *packet = &pool->packet;
    struct snmp_channel *channel = channel_by_id(pool, packet->id);
    pool->unheard_since = 0;
    if (!channel)
        return; /* nobody waits for it any more */
    if (packet->kind == MANAGER_PIECE) {
        size -= MANAGER_PACKET_SIZE(piece, 0);
        pool->counters.bytes += size;
        channel->reply(channel->context, &(struct reply){.reason = REASON_OK,
                                                         .data = packet->as.piece,
                                                         .size = size,
                                                         .more = true,
                                                         .elapsed_ms = loop_now() - channel->begun,
                                                         .certificate_days = INT64_MIN,
                                                         .wall = loop_wall()});
    } else if (packet->kind == MANAGER_END) {
        packet->as.end.text[sizeof packet->as.end.text - 1] = '\0';
        finish(channel, packet->as.end.reason < REASONS ? packet->as.end.reason : REASON_BAD_REPLY, packet->as.end.text);
    }
}

/* ---- what the manager is asked ---- */

static void put_text(struct manager_walk *walk, size_t *used, const char *text)
{
    size_t size = text ? strlen(text) : 0;
    if (*used < sizeof walk->texts && size < sizeof walk->texts - *used) {
        if (size)
            memcpy(walk->texts + *used, text, size);
        walk->texts[*used + size] = '\0';
        *used += size + 1;
    } else {
        *used = sizeof walk->texts + 1;
    }
}

static void put_walk(const struct snmp_channel *channel, struct manager_walk *walk, size_t *used)
{
    const struct snmp_target *target = channel->target;
    const union socket_address *address = &channel->addresses->items[channel->addresses->preferred];
    char text[INET6_ADDRSTRLEN] = "";
    uv_ip_name(&address->any, text, sizeof text);
    walk->bytes_max = (uint32_t)channel->limit;
    walk->port = target->port;
    walk->level = (uint8_t)target->level;
    walk->auth = (uint8_t)target->auth;
    walk->priv = (uint8_t)target->priv;
    *used = 0;
    put_text(walk, used, text);
    put_text(walk, used, channel->subtree);
    put_text(walk, used, target->community_file ? "" : target->user);
    put_text(walk, used, target->community_file ? target->community_file : target->auth_file);
    put_text(walk, used, target->community_file ? "" : target->priv_file);
}

/* False: the socket takes nothing more now. */
static bool send_walk(struct snmp_pool *pool, struct snmp_channel *channel)
{
    static struct manager_packet packet; /* not the one that is being read */
    size_t used;
    packet.kind = MANAGER_WALK;
    packet.id = channel->id;
    put_walk(channel, &packet.as.walk, &used);
    if (used > sizeof packet.as.walk.texts) { /* longer than any file's name */
        finish(channel, REASON_NOT_SENDABLE, "");
        return true;
    }
    enum manager_result result = manager_send(pool->descriptor, &packet, MANAGER_PACKET_SIZE(walk.texts, used));
    if (result == MANAGER_OK) {
        channel->stage = STAGE_WALKING;
        pool->counters.walks++;
        if (!pool->unheard_since)
            pool->unheard_since = loop_now();
    }
    return result == MANAGER_OK; /* when it is broken, the end of the process is told */
}

static void ready(uv_poll_t *poll, int status, int events);

static void watch(struct snmp_pool *pool, bool write)
{
    pool->writing = write;
    uv_poll_start(&pool->poll, UV_READABLE | (write ? UV_WRITABLE : 0), ready);
}

static void pump(struct snmp_pool *pool)
{
    bool all = true;
    if (pool->descriptor < 0)
        return;
    for (struct snmp_channel *channel = pool->channels; channel && all;) {
        if (channel->stage != STAGE_WAITING) {
            channel = channel->next;
            continue;
        }
        all = send_walk(pool, channel);
        channel = pool->channels;
    }
    if (all == pool->writing)
        watch(pool, !all);
}

static void ready(uv_poll_t *poll, int status, int events)
{
    struct snmp_pool *pool = poll->data;
    enum manager_result result = status == 0 ? MANAGER_OK : MANAGER_BROKEN;
    for (int i = 0; i < RECEIVED_A_TURN && result == MANAGER_OK && (events & UV_READABLE) && pool->descriptor >= 0; i++) {
        size_t size;
        result = manager_receive(pool->descriptor, &pool->packet, &size);
        if (result == MANAGER_OK)
            take_packet(pool, size);
    }
    if (result == MANAGER_BROKEN && pool->descriptor >= 0)
        uv_poll_stop(poll); /* its end is told by the process handle */
    else if (events & UV_WRITABLE)
        pump(pool);
}

/* ---- the process ---- */

static void release(struct snmp_pool *pool)
{
    if (!pool->closing || pool->open)
        return;
    free(pool->program);
    free(pool);
}

static void handle_closed(uv_handle_t *handle)
{
    struct snmp_pool *pool = handle->data;
    pool->open--;
    release(pool);
}

static void hang_up(struct snmp_pool *pool)
{
    if (pool->descriptor < 0)
        return;
    uv_close((uv_handle_t *)&pool->poll, handle_closed);
    close(pool->descriptor);
    pool->descriptor = -1;
}

static bool anybody_waits(const struct snmp_pool *pool)
{
    for (const struct snmp_channel *channel = pool->channels; channel; channel = channel->next)
        if (channel->stage == STAGE_WAITING)
            return true;
    return false;
}

/* Passes on what waits, to a new manager if there is none. */
static void take_up(uv_timer_t *timer)
{
    struct snmp_pool *pool = timer->data;
    if (pool->running)
        pump(pool);
    else if (anybody_waits(pool) && pool->open > 1) /* the handles of the one before are still being closed */
        uv_timer_start(timer, take_up, 1, 0);
    else if (anybody_waits(pool))
        manager_start(pool);
}

static void manager_ended(uv_process_t *process, int64_t status, int signal)
{
    struct snmp_pool *pool = process->data;
    char why[64];
    (void)status;
    pool->running = false;
    pool->counters.restarts++;
    snprintf(why, sizeof why, signal ? "the SNMP manager was ended by signal %d" : "the SNMP manager ended", signal);
    hang_up(pool);
    uv_close((uv_handle_t *)process, handle_closed);
    uv_timer_start(&pool->timer, take_up, RESTART_MS, 0);
    finish_all(pool, STAGE_WALKING, REASON_CHILD_ENDED, why);
}

static bool make_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0;
}

static int spawn(struct snmp_pool *pool, int theirs)
{
    static char name[] = "solowarden", verb[] = "snmp-manager";
    char *arguments[] = {name, verb, NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = 2}, {.flags = UV_INHERIT_FD, .data.fd = theirs}};
    uv_process_options_t options = {
        .file = pool->program, .args = arguments, .exit_cb = manager_ended, .stdio = stdio, .stdio_count = sizeof stdio / sizeof *stdio};
    pool->process.data = pool;
    pool->open++;
    int error = uv_spawn(pool->loop, &pool->process, &options);
    if (error)
        uv_close((uv_handle_t *)&pool->process, handle_closed);
    return error;
}

static void manager_start(struct snmp_pool *pool)
{
    int ends[2], error = UV_EMFILE;
    if (make_pair(ends)) {
        error = spawn(pool, ends[1]);
        close(ends[1]);
        if (error)
            close(ends[0]);
    }
    if (error) {
        uv_timer_start(&pool->timer, take_up, RESTART_MS, 0);
        finish_all(pool, STAGE_WAITING, error == UV_ENOENT || error == UV_EACCES ? REASON_START_FAILED : REASON_NO_RESOURCES,
                   uv_strerror(error));
        return;
    }
    pool->descriptor = ends[0];
    pool->running = true;
    pool->unheard_since = 0;
    pool->poll.data = pool;
    pool->open++;
    uv_poll_init(pool->loop, &pool->poll, pool->descriptor);
    watch(pool, false);
    pump(pool);
}

/* ---- the pool ---- */

struct snmp_pool *snmp_pool_open(uv_loop_t *loop, const char *program)
{
    struct snmp_pool *pool = memory_zeroed(1, sizeof *pool);
    pool->loop = loop;
    pool->descriptor = -1;
    pool->patience = HANG_MS;
    pool->program = strdup(program ? program : "/proc/self/exe");
    if (!pool->program)
        abort();
    uv_timer_init(loop, &pool->timer);
    pool->timer.data = pool;
    pool->open = 1;
    return pool;
}

void snmp_pool_close(struct snmp_pool *pool)
{
    pool->closing = true;
    hang_up(pool); /* it ends when its channel does */
    if (pool->running)
        uv_close((uv_handle_t *)&pool->process, handle_closed);
    uv_close((uv_handle_t *)&pool->timer, handle_closed);
}

void snmp_pool_patience(struct snmp_pool *pool, msec_t patience)
{
    pool->patience = patience;
}

const struct snmp_counters *snmp_pool_counters(const struct snmp_pool *pool)
{
    return &pool->counters;
}

int snmp_pool_process(const struct snmp_pool *pool)
{
    return pool->running ? uv_process_get_pid(&pool->process) : 0;
}

/* ---- channels ---- */

struct snmp_channel *snmp_channel_open(struct snmp_pool *pool, const struct snmp_target *target, channel_reply *reply, void *context)
{
    struct snmp_channel *channel = memory_zeroed(1, sizeof *channel);
    *channel = (struct snmp_channel){.next = pool->channels, .pool = pool, .target = target, .reply = reply, .context = context};
    pool->channels = channel;
    return channel;
}

static void enqueue(struct snmp_channel *channel, struct addresses *addresses)
{
    struct snmp_pool *pool = channel->pool;
    channel->addresses = addresses;
    channel->stage = STAGE_WAITING;
    if (pool->running || !uv_is_active((uv_handle_t *)&pool->timer))
        uv_timer_start(&pool->timer, take_up, 0, 0); /* a moment later, as replies may come of it */
}

static void resolved(void *context, struct addresses *addresses)
{
    struct snmp_channel *channel = context;
    channel->wait = NULL;
    if (addresses)
        enqueue(channel, addresses);
    else
        finish(channel, REASON_RESOLVE_FAILED, "");
}

void snmp_channel_request(struct snmp_channel *channel, const struct request *request)
{
    size_t size = request->size < sizeof channel->subtree ? request->size : sizeof channel->subtree - 1;
    memcpy(channel->subtree, request->bytes, size);
    channel->subtree[size] = '\0';
    channel->limit = request->limit && request->limit <= UINT32_MAX ? request->limit : BYTES_PRESET;
    channel->id = ++channel->pool->last_id;
    channel->begun = loop_now();
    channel->why[0] = '\0';
    channel->stage = STAGE_RESOLVING;
    struct addresses *addresses = resolve(channel->pool->loop, channel->target->host, resolved, channel, &channel->wait);
    if (addresses)
        enqueue(channel, addresses);
}

/* Whatever agents do, the manager soon has a word about each of its walks, also about cancelled ones; else it hangs. */
static void end_if_hanging(struct snmp_pool *pool)
{
    if (pool->running && pool->unheard_since && loop_now() - pool->unheard_since >= pool->patience)
        uv_process_kill(&pool->process, SIGKILL);
}

static void cancel(struct snmp_channel *channel)
{
    static struct manager_packet packet;
    packet.kind = MANAGER_CANCEL;
    packet.id = channel->id;
    /* if it cannot be sent, the manager finishes for nobody */
    if (channel->pool->descriptor >= 0)
        manager_send(channel->pool->descriptor, &packet, MANAGER_PACKET_SIZE(piece, 0));
}

bool snmp_channel_expire(struct snmp_channel *channel)
{
    enum stage stage = channel->stage;
    if (stage == STAGE_IDLE)
        return false;
    if (stage == STAGE_WALKING) {
        cancel(channel);
        end_if_hanging(channel->pool);
    }
    finish(channel,
           stage == STAGE_RESOLVING ? REASON_RESOLVE_FAILED
           : stage == STAGE_WAITING ? REASON_CHILD_ENDED
                                    : REASON_SNMP_TIMEOUT,
           stage == STAGE_WAITING ? "the SNMP manager takes no walk" : "");
    return true;
}

void snmp_channel_close(struct snmp_channel *channel)
{
    struct snmp_pool *pool = channel->pool;
    if (channel->stage == STAGE_WALKING)
        cancel(channel);
    let_go(channel);
    for (struct snmp_channel **link = &pool->channels; *link; link = &(*link)->next)
        if (*link == channel) {
            *link = channel->next;
            break;
        }
    free(channel);
}

const char *snmp_channel_why(const struct snmp_channel *channel)
{
    return channel->why;
}
