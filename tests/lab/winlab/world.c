/* Opens and closes a world, brings time into it, and answers what the wire asks of each machine. */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "behaviour.h"

enum { STEP_MS = 100, DAY_MS = 24 * 3600 * 1000 };

static struct world *world_of(struct scenario *scenario)
{
    if (!scenario)
        return NULL;
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        abort();
    world->scenario = scenario;
    world_build(world);
    return world;
}

struct world *world_open(const char *scenario_path, FILE *complaints)
{
    return world_of(scenario_read(scenario_path, complaints));
}

struct world *world_parse(const char *name, const char *text, size_t size, FILE *complaints)
{
    return world_of(scenario_parse(name, text, size, complaints));
}

void world_close(struct world *world)
{
    if (!world)
        return;
    world_free(world);
    scenario_close(world->scenario);
    free(world);
}

static void since(struct service *service, int64_t wall)
{
    if (service->state == SERVICE_RUNS)
        service->started_wall = wall;
}

/* What runs when the world begins has run for a day. */
static void begin(struct world *world, int64_t wall)
{
    for (size_t i = 0; i < world->cluster_count; i++) {
        const struct lab_cluster *cluster = &world->clusters[i];
        for (size_t j = 0; j < cluster->instance_count; j++)
            since(&cluster->instances[j].service, wall - DAY_MS);
        for (size_t j = 0; j < cluster->resource_count; j++)
            since(&cluster->resources[j].service, wall - DAY_MS);
        for (size_t j = 0; j < cluster->node_count; j++) {
            since(&cluster->nodes[j].sso, wall - DAY_MS);
            since(&cluster->nodes[j].msmq, wall - DAY_MS);
            since(&cluster->nodes[j].msdtc, wall - DAY_MS);
            since(&cluster->nodes[j].cluster_service, wall - DAY_MS);
        }
    }
}

/* Time comes in small steps, so that what follows from each other follows in its order however late the caller is. */
void world_tick(struct world *world, uint64_t now_ms, int64_t wall_ms)
{
    if (!world->begun) {
        world->begun = true;
        begin(world, wall_ms);
        world->now = now_ms;
    }
    while (world->now < now_ms) {
        uint64_t step = now_ms - world->now < STEP_MS ? now_ms - world->now : STEP_MS;
        world->now += step;
        world->wall = wall_ms - (int64_t)(now_ms - world->now);
        for (size_t i = 0; i < world->cluster_count; i++) {
            machines_step(world, &world->clusters[i]);
            cluster_step(world, &world->clusters[i]);
            queues_step(world, &world->clusters[i], step);
        }
    }
    world->wall = wall_ms;
}

size_t world_node_count(const struct world *world)
{
    return world->node_count;
}

const char *world_node_name(const struct world *world, size_t node)
{
    return world->nodes[node].as->entry.name;
}

const char *world_node_address(const struct world *world, size_t node)
{
    return world->nodes[node].as->address;
}

const char *world_node_cluster(const struct world *world, size_t node)
{
    return world->clusters[world->nodes[node].cluster].as->entry.name;
}

void world_wire_fault(const struct world *world, size_t node, struct wire_fault *fault)
{
    const struct lab_node *machine = &world->nodes[node];
    *fault = (struct wire_fault){.slow_ms = machine->slow_ms,
                                 .denied = machine->denied,
                                 .quota = machine->quota,
                                 .missing_class = machine->missing_class[0] ? machine->missing_class : NULL,
                                 .wrong_certificate = machine->wrong_certificate};
}

bool world_listens(const struct world *world, size_t node)
{
    return world->nodes[node].up && !world->nodes[node].cut;
}

bool world_drops(const struct world *world, size_t node)
{
    return world->nodes[node].up && world->nodes[node].cut;
}

void world_contexts(struct world *world, size_t node, uint64_t open)
{
    world->nodes[node].contexts = open;
}

/* What does not fit is counted together: what is asked comes from outside. */
void world_count(struct world *world, size_t node, const char *what)
{
    struct lab_node *machine = &world->nodes[node];
    char short_enough[sizeof machine->counters[0].what];
    snprintf(short_enough, sizeof short_enough, "%s", what);
    size_t i = 0;
    while (i < machine->counter_count && strcmp(machine->counters[i].what, short_enough) != 0)
        i++;
    if (i == COUNTERS_MAX)
        i = COUNTERS_MAX - 1;
    if (i == machine->counter_count) {
        machine->counter_count++;
        machine->counters[i].count = 0; /* what it counted before a reset */
        snprintf(machine->counters[i].what, sizeof machine->counters[i].what, "%s", i == COUNTERS_MAX - 1 ? "other" : short_enough);
    }
    machine->counters[i].count++;
}
