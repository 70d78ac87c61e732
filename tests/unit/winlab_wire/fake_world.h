/* A world of one class with three instances, for tests of the wire. Included by one file of a program only: it defines what the real
 * world defines. */
#include <stdio.h>
#include <string.h>

#include "tests/lab/winlab/class.h"

struct world {
    struct wire_fault fault;
    size_t invoked;
    char counted[64], invoked_on[32], node_name[32];
};

static const struct class_property fake_properties[] = {{"Name", true},    {"State", false},   {"Enabled", false},        {"Since", false},
                                                        {"Owners", false}, {"Comment", false}, {"Private/Service", false}};
static const char *const fake_names[] = {"BizTalkGroup", "Cluster Group", "a<b>&\"c\""};

static size_t fake_count(const struct world *world, size_t node)
{
    (void)world, (void)node;
    return 3;
}

static void fake_value(const struct world *world, size_t node, size_t position, size_t property, struct value *out)
{
    (void)world, (void)node;
    switch (property) {
    case 0:
        out->type = VALUE_TEXT;
        snprintf(out->text, sizeof out->text, "%s", fake_names[position]);
        break;
    case 1:
        out->type = VALUE_NUMBER;
        out->number = position == 2 ? UINT32_MAX : position;
        break;
    case 2:
        out->type = VALUE_BOOLEAN;
        out->number = position == 0;
        break;
    case 3:
        out->type = VALUE_DATETIME;
        snprintf(out->text, sizeof out->text, "2026-01-01T00:00:00Z");
        break;
    case 4:
        out->type = VALUE_ARRAY;
        out->count = position;
        for (size_t i = 0; i < position; i++)
            snprintf(out->texts[i], sizeof out->texts[i], "NODE%zu", i + 1);
        break;
    case 6:
        out->type = position == 0 ? VALUE_TEXT : VALUE_NULL;
        snprintf(out->text, sizeof out->text, "BTSSvc$Host");
        break;
    default:
        out->type = VALUE_NULL;
    }
}

static enum invoke_outcome fake_invoke(struct world *world, size_t node, size_t position, const char *method,
                                       const struct parameter *parameters, size_t parameter_count, struct invoke_result *result)
{
    (void)node;
    if (!strcmp(method, "MoveToNewNode")) {
        if (parameter_count != 2 || strcmp(parameters[0].name, "NodeName") != 0 || !parameters[0].value)
            return INVOKE_BAD_PARAMETER;
        world->invoked++;
        snprintf(world->invoked_on, sizeof world->invoked_on, "%s", fake_names[position]);
        snprintf(world->node_name, sizeof world->node_name, "%s", parameters[0].value);
        result->is_void = true;
        result->takes_ms = 1234;
        return INVOKE_DONE;
    }
    if (!strcmp(method, "GetState")) {
        result->returned = 7;
        result->count = 1;
        result->out[0].name = "State";
        result->out[0].value = (struct value){.type = VALUE_NUMBER, .number = 4};
        return INVOKE_DONE;
    }
    if (!strcmp(method, "BringOnline")) {
        snprintf(result->text, sizeof result->text, "no quorum");
        return INVOKE_REFUSED;
    }
    return INVOKE_NO_SUCH_METHOD;
}

static const struct class fake_class = {.wmi_namespace = "root/MSCluster",
                                        .name = "MSCluster_ResourceGroup",
                                        .properties = fake_properties,
                                        .property_count = sizeof fake_properties / sizeof *fake_properties,
                                        .count = fake_count,
                                        .value = fake_value,
                                        .invoke = fake_invoke};
static const struct class fake_perf = {.wmi_namespace = "root/cimv2",
                                       .name = "Win32_PerfRawData_MSMQ_MSMQQueue",
                                       .properties = fake_properties,
                                       .property_count = 2,
                                       .count = fake_count,
                                       .value = fake_value};
const struct class *const classes[] = {&fake_class, &fake_perf, NULL};

void world_wire_fault(const struct world *world, size_t node, struct wire_fault *fault)
{
    (void)node;
    *fault = world->fault;
}

void world_count(struct world *world, size_t node, const char *what)
{
    (void)node;
    snprintf(world->counted, sizeof world->counted, "%s", what);
}
