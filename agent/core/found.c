/* Names and sizes of what is found. See found.h. */
#include "found.h"

static const struct {
    const char *name;
    size_t size;
} kinds[FOUND_KINDS] = {
    [FOUND_NODE] = {"node", sizeof(struct found_node)},
    [FOUND_GROUP] = {"group", sizeof(struct found_group)},
    [FOUND_RESOURCE] = {"resource", sizeof(struct found_resource)},
    [FOUND_POSSIBLE_OWNER] = {"possible-owner", sizeof(struct found_possible_owner)},
    [FOUND_DEPENDENCY] = {"dependency", sizeof(struct found_dependency)},
    [FOUND_SERVICE_NAME] = {"service-name", sizeof(struct found_service_name)},
    [FOUND_HOST] = {"host", sizeof(struct found_host)},
    [FOUND_INSTANCE] = {"instance", sizeof(struct found_instance)},
    [FOUND_HANDLER] = {"handler", sizeof(struct found_handler)},
    [FOUND_LOCATION] = {"location", sizeof(struct found_location)},
    [FOUND_SETTING] = {"setting", sizeof(struct found_setting)},
    [FOUND_SUSPENDED] = {"suspended", sizeof(struct found_suspended)},
    [FOUND_SERVICE] = {"service", sizeof(struct found_service)},
    [FOUND_QUEUE] = {"queue", sizeof(struct found_queue)},
    [FOUND_CONNECTION] = {"connection", sizeof(struct found_connection)},
};

const char *found_kind_name(uint8_t kind)
{
    return kind < FOUND_KINDS ? kinds[kind].name : "";
}

size_t found_size(uint8_t kind)
{
    return kind < FOUND_KINDS ? kinds[kind].size : 0;
}
