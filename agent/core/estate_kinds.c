/* Of each kind of found row: which of its fields name it, and which are its state. Owns nothing. */
#include <string.h>

#include "estate_parts.h"

enum { NO_FIELD = UINT16_MAX };

struct field_of {
    uint16_t at, size;
};

static const struct {
    uint16_t first, second; /* names */
    struct field_of raw;    /* part of the identity, too */
    struct field_of state[4];
    bool slow, per_resource;
} kinds[FOUND_KINDS] = {
#define AT(type, member) offsetof(struct type, member)
#define OF(type, member)                                                                                                                   \
    {                                                                                                                                      \
        offsetof(struct type, member), sizeof(((struct type *)0)->member)                                                                  \
    }
    [FOUND_NODE] = {AT(found_node, name), NO_FIELD, {0}, {OF(found_node, state), OF(found_node, drain)}, 0, 0},
    [FOUND_GROUP] = {AT(found_group, name), NO_FIELD, {0}, {OF(found_group, state), OF(found_group, owner)}, 0, 0},
    [FOUND_RESOURCE] = {AT(found_resource, name), NO_FIELD, {0}, {OF(found_resource, state), OF(found_resource, owner)}, 0, 0},
    [FOUND_POSSIBLE_OWNER] = {AT(found_possible_owner, resource), AT(found_possible_owner, node), {0}, {{0}}, 1, 1},
    [FOUND_DEPENDENCY] = {AT(found_dependency, resource), AT(found_dependency, on), {0}, {{0}}, 1, 1},
    [FOUND_SERVICE_NAME] = {AT(found_service_name, resource), NO_FIELD, {0}, {OF(found_service_name, service)}, 1, 0},
    [FOUND_HOST] = {AT(found_host, name), NO_FIELD, {0}, {OF(found_host, cluster_group)}, 1, 0},
    [FOUND_INSTANCE] = {AT(found_instance, host),
                        AT(found_instance, node),
                        OF(found_instance, cluster),
                        {OF(found_instance, state), OF(found_instance, configuration), OF(found_instance, disabled)},
                        0,
                        0},
    [FOUND_HANDLER] = {AT(found_handler, adapter), AT(found_handler, host), {0}, {{0}}, 1, 0},
    [FOUND_LOCATION] = {AT(found_location, port),
                        AT(found_location, name),
                        {0},
                        {OF(found_location, disabled), OF(found_location, host), OF(found_location, url)},
                        1,
                        0},
    [FOUND_SETTING] = {AT(found_setting, name), NO_FIELD, {0}, {OF(found_setting, sso_server)}, 1, 0},
    [FOUND_SUSPENDED] = {AT(found_suspended, host), NO_FIELD, {0}, {{0}}, 1, 0},
    [FOUND_SERVICE] = {AT(found_service, name), NO_FIELD, {0}, {OF(found_service, state), OF(found_service, start_mode)}, 0, 0},
    [FOUND_QUEUE] = {AT(found_queue, name), NO_FIELD, {0}, {OF(found_queue, class)}, 0, 0},
    [FOUND_CONNECTION] = {NO_FIELD,
                          NO_FIELD,
                          {offsetof(struct found_connection, local_port), offsetof(struct found_connection, state)},
                          {OF(found_connection, state)},
                          0,
                          0},
#undef OF
#undef AT
};

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool names_equal(const char *left, const char *right)
{
    while (*left && lower(*left) == lower(*right)) {
        left++;
        right++;
    }
    return lower(*left) == lower(*right);
}

bool names_begin_equal(const char *left, const char *right, size_t size)
{
    size_t i = 0;
    while (i < size && left[i] && lower(left[i]) == lower(right[i]))
        i++;
    return i == size;
}

bool name_contains(const char *text, const char *part)
{
    for (; *text; text++) {
        if (names_begin_equal(part, text, strlen(part)))
            return true;
    }
    return !*part;
}

uint32_t name_hash(uint32_t hash, const char *name)
{
    for (; *name; name++)
        hash = (hash ^ lower(*name)) * 16777619U;
    return hash;
}

static struct identity hashed(struct identity identity)
{
    identity.hash = name_hash(name_hash(NAME_HASH, identity.first) * 31, identity.second);
    for (size_t i = 0; !*identity.first && i < identity.raw_size; i++)
        identity.hash = (identity.hash ^ ((const unsigned char *)identity.raw)[i]) * 16777619U;
    identity.hash += !identity.hash;
    return identity;
}

struct identity identity_of(enum found_kind kind, const void *row)
{
    const char *base = row;
    return hashed((struct identity){.first = kinds[kind].first == NO_FIELD ? "" : base + kinds[kind].first,
                                    .second = kinds[kind].second == NO_FIELD ? "" : base + kinds[kind].second,
                                    .raw = base + kinds[kind].raw.at,
                                    .raw_size = kinds[kind].raw.size});
}

/* Names alone find every row of these names: what else tells rows apart is left out of their hash. */
struct identity identity_named(enum found_kind kind, const char *first, const char *second)
{
    return hashed((struct identity){.first = first ? first : "", .second = second && kinds[kind].second != NO_FIELD ? second : ""});
}

bool identity_is(enum found_kind kind, const void *row, const struct identity *identity)
{
    const char *base = row;
    if (kinds[kind].first != NO_FIELD && !names_equal(base + kinds[kind].first, identity->first))
        return false;
    if (kinds[kind].second != NO_FIELD && !names_equal(base + kinds[kind].second, identity->second))
        return false;
    return !identity->raw_size || memcmp(base + kinds[kind].raw.at, identity->raw, identity->raw_size) == 0;
}

bool state_is_same(enum found_kind kind, const void *row, const void *other)
{
    for (size_t i = 0; i < sizeof kinds[kind].state / sizeof *kinds[kind].state; i++) {
        const struct field_of *field = &kinds[kind].state[i];
        if (field->size && memcmp((const char *)row + field->at, (const char *)other + field->at, field->size) != 0)
            return false;
    }
    return true;
}

bool kind_is_slow(enum found_kind kind)
{
    return kinds[kind].slow;
}

bool kind_is_per_resource(enum found_kind kind)
{
    return kinds[kind].per_resource;
}
