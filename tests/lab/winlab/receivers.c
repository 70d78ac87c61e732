/* Real receivers: for every host instance that runs, one process per enabled location that names a server, polling from the node's own
 * address. A hung instance's receivers are stopped in mid-air, a killed one's are killed. Must not decide anything: it follows the world.
 */
#include "receivers.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "behaviour.h"

enum { RECEIVERS_MAX = 256, ARGUMENTS_MAX = 20 };

struct receiver {
    uv_process_t process;
    const struct location *location;
    const struct instance *instance;
    uint32_t of; /* the service's process number: a new one is a new receiver */
    bool used, alive, frozen, ending;
};

struct receivers {
    struct world *world;
    uv_loop_t *loop;
    const char *program, *folder;
    bool closing;
    struct receiver all[RECEIVERS_MAX];
};

static void on_closed(uv_handle_t *handle)
{
    struct receiver *receiver = handle->data;
    receiver->used = false;
}

static void on_end(uv_process_t *process, int64_t status, int number)
{
    (void)status, (void)number;
    struct receiver *receiver = process->data;
    receiver->alive = false;
    uv_close((uv_handle_t *)process, on_closed);
}

static void end(struct receiver *receiver, int number)
{
    if (!receiver->alive)
        return;
    uv_process_kill(&receiver->process, receiver->frozen ? SIGKILL : number); /* who is frozen would not hear anything else */
    receiver->ending = true;
}

static bool wanted(const struct receiver *receiver)
{
    const struct instance *instance = receiver->instance;
    return instance->service.state == SERVICE_RUNS && instance->service.process == receiver->of && receiver->location->enabled;
}

static size_t arguments_of(const struct receivers *receivers, const struct lab_cluster *cluster, const struct receiver *receiver,
                           char poll[24], char out[300], char **arguments)
{
    const struct scenario_receiver *as = receiver->location->as->receiver;
    snprintf(poll, 24, "%.3f", (double)as->poll / 1000);
    const char *texts[] = {receivers->program,
                           "--die-with-parent",
                           "--url",
                           as->url,
                           "--user",
                           as->user,
                           "--password-file",
                           as->password_file,
                           "--source",
                           cluster->nodes[receiver->instance->node].as->address,
                           "--poll",
                           poll};
    size_t count = 0;
    for (; count < sizeof texts / sizeof texts[0]; count++)
        arguments[count] = (char *)(uintptr_t)texts[count];
    if (as->ca_file) {
        arguments[count++] = (char *)(uintptr_t) "--ca-file";
        arguments[count++] = (char *)(uintptr_t)as->ca_file;
    }
    if (receivers->folder &&
        snprintf(out, 300, "%s/received-%s", receivers->folder, cluster->nodes[receiver->instance->node].as->entry.name) < 300) {
        mkdir(out, 0755); /* where it is there already, good */
        arguments[count++] = (char *)(uintptr_t) "--out";
        arguments[count++] = out;
    }
    arguments[count] = NULL;
    return count;
}

static int log_of(const struct receivers *receivers, const struct lab_cluster *cluster, const struct receiver *receiver)
{
    char path[400];
    if (!receivers->folder)
        return -1;
    snprintf(path, sizeof path, "%s/%s-%s.log", receivers->folder, cluster->nodes[receiver->instance->node].as->entry.name,
             receiver->location->as->entry.name);
    FILE *file = fopen(path, "ae");
    int descriptor = file ? dup(fileno(file)) : -1;
    if (file)
        fclose(file);
    return descriptor;
}

static void begin(struct receivers *receivers, const struct lab_cluster *cluster, struct receiver *receiver)
{
    char poll[24], out[300], *arguments[ARGUMENTS_MAX];
    arguments_of(receivers, cluster, receiver, poll, out, arguments);
    int log = log_of(receivers, cluster, receiver);
    uv_stdio_container_t streams[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    for (size_t i = 1; log >= 0 && i < 3; i++) {
        streams[i].flags = UV_INHERIT_FD;
        streams[i].data.fd = log;
    }
    uv_process_options_t options = {.file = receivers->program, .args = arguments, .exit_cb = on_end, .stdio = streams, .stdio_count = 3};
    receiver->process.data = receiver;
    receiver->used = true;
    receiver->alive = uv_spawn(receivers->loop, &receiver->process, &options) == 0;
    if (!receiver->alive) /* tried again at the next tick */
        uv_close((uv_handle_t *)&receiver->process, on_closed);
    if (log >= 0)
        close(log);
}

static struct receiver *find(struct receivers *receivers, const struct instance *instance, const struct location *location)
{
    struct receiver *unused = NULL;
    for (size_t i = 0; i < RECEIVERS_MAX; i++) {
        struct receiver *receiver = &receivers->all[i];
        if (receiver->used && receiver->instance == instance && receiver->location == location && receiver->of == instance->service.process)
            return receiver;
        if (!receiver->used && !unused)
            unused = receiver;
    }
    return unused;
}

static void follow_instance(struct receivers *receivers, const struct lab_cluster *cluster, const struct instance *instance)
{
    for (size_t i = 0; i < cluster->location_count; i++) {
        const struct location *location = &cluster->locations[i];
        if (location->host != instance->host || !location->enabled || !location->as->receiver)
            continue;
        struct receiver *receiver = find(receivers, instance, location);
        if (!receiver || receiver->used)
            continue;
        *receiver = (struct receiver){.location = location, .instance = instance, .of = instance->service.process};
        begin(receivers, cluster, receiver);
    }
}

void receivers_follow(struct receivers *receivers)
{
    if (!receivers || receivers->closing)
        return;
    for (size_t i = 0; i < RECEIVERS_MAX; i++) {
        struct receiver *receiver = &receivers->all[i];
        if (!receiver->alive)
            continue;
        bool hung = receiver->instance->service.hung;
        if (!wanted(receiver)) {
            bool died = receiver->instance->service.state != SERVICE_STOPPING && receiver->location->enabled;
            if (died || !receiver->ending) /* one that is stopped ends its session; the time for it is the service's own */
                end(receiver, died ? SIGKILL : SIGTERM);
        } else if (hung != receiver->frozen) {
            uv_process_kill(&receiver->process, hung ? SIGSTOP : SIGCONT);
            receiver->frozen = hung;
        }
    }
    for (size_t i = 0; i < receivers->world->cluster_count; i++) {
        const struct lab_cluster *cluster = &receivers->world->clusters[i];
        for (size_t j = 0; j < cluster->instance_count; j++)
            if (cluster->instances[j].service.state == SERVICE_RUNS)
                follow_instance(receivers, cluster, &cluster->instances[j]);
    }
}

struct receivers *receivers_open(struct world *world, uv_loop_t *loop, const char *program, const char *folder)
{
    struct receivers *receivers = calloc(1, sizeof *receivers);
    if (!receivers)
        abort();
    receivers->world = world;
    receivers->loop = loop;
    receivers->program = program;
    receivers->folder = folder;
    return receivers;
}

/* The loop runs on until all have ended, so that none is left behind. */
void receivers_close(struct receivers *receivers)
{
    if (!receivers)
        return;
    receivers->closing = true;
    for (size_t i = 0; i < RECEIVERS_MAX; i++)
        end(&receivers->all[i], SIGTERM);
}

bool receivers_ended(const struct receivers *receivers)
{
    for (size_t i = 0; receivers && i < RECEIVERS_MAX; i++)
        if (receivers->all[i].used)
            return false;
    return true;
}
