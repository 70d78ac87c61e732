/* See rehearsal.h. */
#include "rehearsal.h"

#include <stdio.h>

#define WALL 1795387624000

static void always_true(const struct rehearsal *rehearsal)
{
    for (size_t i = 0; i < rehearsal->cluster->host_count; i++) {
        const struct host *host = &rehearsal->cluster->hosts[i];
        size_t alive = 0;
        for (int node = 0; host->resource != NOWHERE && node < (int)rehearsal->cluster->node_count; node++) {
            const struct instance *instance = instance_of(rehearsal->cluster, i, node);
            alive += instance && !instance->outside && instance->service.state != SERVICE_STOPPED_NOW;
        }
        assert_true(alive <= 1); /* the cluster itself never runs a host twice */
    }
}

void rehearsal_open(struct rehearsal *rehearsal, const char *scenario)
{
    char path[300];
    snprintf(path, sizeof path, "%s/tests/lab/winlab/scenarios/%s.yaml", SOURCE_DIR, scenario);
    rehearsal->world = strchr(scenario, '\n') ? world_parse("test.yaml", scenario, strlen(scenario), stderr) : world_open(path, stderr);
    assert_non_null(rehearsal->world);
    rehearsal->cluster = &rehearsal->world->clusters[0];
    rehearsal->now = 1000;
    world_tick(rehearsal->world, rehearsal->now, WALL);
    pass(rehearsal, 100);
}

void rehearsal_close(struct rehearsal *rehearsal)
{
    world_close(rehearsal->world);
}

void pass(struct rehearsal *rehearsal, uint64_t ms)
{
    for (uint64_t end = rehearsal->now + ms; rehearsal->now < end;) {
        rehearsal->now += end - rehearsal->now < 100 ? end - rehearsal->now : 100;
        world_tick(rehearsal->world, rehearsal->now, WALL + (int64_t)rehearsal->now);
        always_true(rehearsal);
    }
}

static bool accepted(struct rehearsal *rehearsal, const char *command)
{
    char *answer = world_command(rehearsal->world, command);
    bool good = strncmp(answer, "ok", 2) == 0;
    if (!good)
        assert_true(strncmp(answer, "error ", 6) == 0 && answer[6]);
    free(answer);
    return good;
}

void obey(struct rehearsal *rehearsal, const char *command)
{
    if (!accepted(rehearsal, command))
        fail_msg("refused: %s", command);
}

void refuse(struct rehearsal *rehearsal, const char *command)
{
    if (accepted(rehearsal, command))
        fail_msg("not refused: %s", command);
}

struct group *group_called(const struct rehearsal *rehearsal, const char *name)
{
    for (size_t i = 0; i < rehearsal->cluster->group_count; i++)
        if (strcmp(rehearsal->cluster->groups[i].name, name) == 0)
            return &rehearsal->cluster->groups[i];
    fail_msg("no group %s", name);
    return NULL;
}

struct resource *resource_called(const struct rehearsal *rehearsal, const char *name)
{
    for (size_t i = 0; i < rehearsal->cluster->resource_count; i++)
        if (strcmp(rehearsal->cluster->resources[i].as->entry.name, name) == 0)
            return &rehearsal->cluster->resources[i];
    fail_msg("no resource %s", name);
    return NULL;
}

struct instance *instance_on(const struct rehearsal *rehearsal, const char *host, int node)
{
    for (size_t i = 0; i < rehearsal->cluster->host_count; i++)
        if (strcmp(rehearsal->cluster->hosts[i].as->entry.name, host) == 0)
            return instance_of(rehearsal->cluster, i, node);
    fail_msg("no host %s", host);
    return NULL;
}

bool runs(const struct rehearsal *rehearsal, const char *host, int node)
{
    return instance_on(rehearsal, host, node)->service.state == SERVICE_RUNS;
}

static size_t property_called(const struct class *class, const char *name)
{
    for (size_t i = 0; i < class->property_count; i++)
        if (strcmp(class->properties[i].name, name) == 0)
            return i;
    fail_msg("%s has no %s", class->name, name);
    return 0;
}

static size_t position_of(const struct rehearsal *rehearsal, size_t node, const struct class *class, const char *name)
{
    struct value value;
    size_t property = property_called(class, "Name");
    for (size_t i = 0; i < class->count(rehearsal->world, node); i++) {
        class->value(rehearsal->world, node, i, property, &value);
        if (strcmp(value.text, name) == 0)
            return i;
    }
    fail_msg("%s has no instance %s", class->name, name);
    return 0;
}

void value_of(const struct rehearsal *rehearsal, size_t node, const struct class *class, const char *name, const char *property,
              struct value *out)
{
    class->value(rehearsal->world, node, position_of(rehearsal, node, class, name), property_called(class, property), out);
}

uint64_t invoke(const struct rehearsal *rehearsal, size_t node, const struct class *class, const char *name, const char *method,
                const char *parameter, const char *value)
{
    struct parameter parameters[] = {{parameter, value}};
    struct invoke_result result = {0};
    enum invoke_outcome outcome =
        class->invoke(rehearsal->world, node, position_of(rehearsal, node, class, name), method, parameters, parameter ? 1 : 0, &result);
    return outcome == INVOKE_DONE ? result.returned : UINT64_MAX;
}
