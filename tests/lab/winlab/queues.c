/* MSMQ queues: how they fill and drain, and what the performance counters of a machine show of them. */
#include <string.h>
#include <strings.h>

#include "behaviour.h"

static int holder(const struct lab_cluster *cluster, const struct queue *queue)
{
    return queue->resource == NOWHERE ? queue->node : cluster->groups[cluster->resources[queue->resource].group].owner;
}

static bool manager_runs(const struct lab_cluster *cluster, const struct queue *queue)
{
    if (queue->resource != NOWHERE)
        return cluster->resources[queue->resource].state == STATE_ONLINE;
    return cluster->nodes[queue->node].msmq.state == SERVICE_RUNS;
}

/* The receive handler of MSMQ reads on the machine that holds the queue, and needs that machine's own MSMQ as well. */
static bool is_read(const struct lab_cluster *cluster, const struct queue *queue)
{
    int node = holder(cluster, queue);
    if (queue->host == NOWHERE || node == NOWHERE || !manager_runs(cluster, queue))
        return false;
    const struct instance *instance = instance_of(cluster, (size_t)queue->host, node);
    return instance && instance_works(instance) && cluster->nodes[node].msmq.state == SERVICE_RUNS &&
           host_receives(cluster, (size_t)queue->host, "MSMQ");
}

void queues_step(const struct world *world, struct lab_cluster *cluster, uint64_t elapsed)
{
    (void)world;
    double minutes = (double)elapsed / 60000;
    for (size_t i = 0; i < cluster->queue_count; i++) {
        struct queue *queue = &cluster->queues[i];
        if (manager_runs(cluster, queue))
            queue->messages += queue->in_per_minute * minutes;
        if (is_read(cluster, queue))
            queue->messages -= queue->out_per_minute * minutes;
        if (queue->messages < 0)
            queue->messages = 0;
    }
}

static const struct resource *clustered_msmq(const struct lab_cluster *cluster, int node)
{
    for (size_t i = 0; i < cluster->resource_count; i++) {
        const struct resource *resource = &cluster->resources[i];
        if (resource->as->kind == KIND_MSMQ && resource->state == STATE_ONLINE && cluster->groups[resource->group].owner == node)
            return resource;
    }
    return NULL;
}

/* With two MSMQ services on one machine neither has counters, unless one is named for them. */
bool counters_blind(const struct lab_cluster *cluster, int node)
{
    const struct lab_node *machine = &cluster->nodes[node];
    return clustered_msmq(cluster, node) && machine->msmq.state == SERVICE_RUNS && !machine->as->counters_of[0];
}

static bool is_counted(const struct lab_cluster *cluster, int node, const struct queue *queue)
{
    if (holder(cluster, queue) != node || !manager_runs(cluster, queue))
        return false;
    if (queue->messages < 1 && !is_read(cluster, queue) && queue->host != NOWHERE)
        return false; /* nobody has it open and it holds nothing */
    /* a name for the counters silences the service that has another one */
    const char *named = cluster->nodes[node].as->counters_of;
    return !named[0] || (strcasecmp(named, cluster->nodes[node].as->entry.name) == 0) == (queue->resource == NOWHERE);
}

size_t queues_counted(const struct lab_cluster *cluster, int node)
{
    size_t count = 0;
    while (queue_counted(cluster, node, count))
        count++;
    return count;
}

const struct queue *queue_counted(const struct lab_cluster *cluster, int node, size_t position)
{
    if (counters_blind(cluster, node))
        return NULL;
    for (size_t i = 0; i < cluster->queue_count; i++)
        if (is_counted(cluster, node, &cluster->queues[i]) && position-- == 0)
            return &cluster->queues[i];
    return NULL;
}
