/* Which classes there are, and how their values are put. */
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "answers.h"

const struct class *const classes[] = {&class_cluster,
                                       &class_node,
                                       &class_group,
                                       &class_resource,
                                       &class_host_instance,
                                       &class_host_setting,
                                       &class_receive_handler,
                                       &class_receive_location,
                                       &class_service_instance,
                                       &class_group_setting,
                                       &class_server_host,
                                       &class_service,
                                       &class_msmq_queue,
                                       &class_operating_system,
                                       NULL};

void put_null(struct value *out)
{
    out->type = VALUE_NULL;
    out->count = 0;
    out->text[0] = '\0';
}

void put_text(struct value *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    out->type = VALUE_TEXT;
    vsnprintf(out->text, sizeof out->text, format, arguments);
    va_end(arguments);
}

void put_number(struct value *out, uint64_t number)
{
    out->type = VALUE_NUMBER;
    out->number = number;
}

void put_boolean(struct value *out, bool truth)
{
    out->type = VALUE_BOOLEAN;
    out->number = truth;
}

void put_time(struct value *out, int64_t wall_ms)
{
    struct tm broken;
    time_t seconds = (time_t)(wall_ms / 1000);
    out->type = VALUE_DATETIME;
    strftime(out->text, sizeof out->text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &broken));
}

void put_member(struct value *out, const char *text)
{
    if (out->type != VALUE_ARRAY)
        out->count = 0;
    out->type = VALUE_ARRAY;
    if (out->count < VALUES_MAX)
        snprintf(out->texts[out->count++], sizeof out->texts[0], "%s", text);
}

struct lab_cluster *cluster_of(const struct world *world, size_t node)
{
    return &world->clusters[world->nodes[node].cluster];
}

size_t place_of_node(const struct world *world, size_t node)
{
    return world->nodes[node].index;
}

const char *parameter_called(const struct parameter *parameters, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(parameters[i].name, name) == 0)
            return parameters[i].value;
    return NULL;
}
