/* Found rows as text, for golden cases and for rules: which members each kind has. What did not come is not shown. */
#ifndef SOLOWARDEN_TESTS_CASE_FOUND_H
#define SOLOWARDEN_TESTS_CASE_FOUND_H

#include <stdio.h>
#include <string.h>

#include "agent/core/found.h"

enum case_member { CASE_TEXT, CASE_NUMBER, CASE_VERDICT, CASE_BYTE, CASE_SECONDS, CASE_STAMP, CASE_PORT, CASE_ADDRESS, CASE_FLAG };
struct case_column {
    const char *name;
    enum case_member member;
    size_t offset, size;
};

#define CASE_COLUMN(kind, member, type)                                                                                                    \
    {                                                                                                                                      \
#member, type, offsetof(struct found_##kind, member), sizeof(((struct found_##kind *)NULL)->member)                                \
    }

static inline const struct case_column *case_columns(enum found_kind kind)
{
    static const struct case_column node[] = {
        CASE_COLUMN(node, name, CASE_TEXT), CASE_COLUMN(node, state, CASE_NUMBER), CASE_COLUMN(node, drain, CASE_NUMBER), {0}};
    static const struct case_column group[] = {CASE_COLUMN(group, name, CASE_TEXT),
                                               CASE_COLUMN(group, owner, CASE_TEXT),
                                               CASE_COLUMN(group, state, CASE_NUMBER),
                                               CASE_COLUMN(group, failover_threshold, CASE_NUMBER),
                                               CASE_COLUMN(group, failover_period_hours, CASE_NUMBER),
                                               CASE_COLUMN(group, auto_failback, CASE_NUMBER),
                                               CASE_COLUMN(group, failback_start, CASE_NUMBER),
                                               CASE_COLUMN(group, failback_end, CASE_NUMBER),
                                               CASE_COLUMN(group, persistent, CASE_VERDICT),
                                               CASE_COLUMN(group, core, CASE_VERDICT),
                                               {0}};
    static const struct case_column resource[] = {CASE_COLUMN(resource, name, CASE_TEXT),
                                                  CASE_COLUMN(resource, type, CASE_TEXT),
                                                  CASE_COLUMN(resource, group, CASE_TEXT),
                                                  CASE_COLUMN(resource, owner, CASE_TEXT),
                                                  CASE_COLUMN(resource, state, CASE_NUMBER),
                                                  CASE_COLUMN(resource, restart_action, CASE_NUMBER),
                                                  CASE_COLUMN(resource, restart_threshold, CASE_NUMBER),
                                                  CASE_COLUMN(resource, restart_period_ms, CASE_NUMBER),
                                                  CASE_COLUMN(resource, restart_delay_ms, CASE_NUMBER),
                                                  CASE_COLUMN(resource, pending_timeout_ms, CASE_NUMBER),
                                                  CASE_COLUMN(resource, retry_period_ms, CASE_NUMBER),
                                                  CASE_COLUMN(resource, persistent, CASE_VERDICT),
                                                  {0}};
    static const struct case_column possible_owner[] = {
        CASE_COLUMN(possible_owner, resource, CASE_TEXT), CASE_COLUMN(possible_owner, node, CASE_TEXT), {0}};
    static const struct case_column dependency[] = {
        CASE_COLUMN(dependency, resource, CASE_TEXT), CASE_COLUMN(dependency, on, CASE_TEXT), {0}};
    static const struct case_column service_name[] = {
        CASE_COLUMN(service_name, resource, CASE_TEXT), CASE_COLUMN(service_name, service, CASE_TEXT), {0}};
    static const struct case_column host[] = {CASE_COLUMN(host, name, CASE_TEXT),
                                              CASE_COLUMN(host, cluster_group, CASE_TEXT),
                                              CASE_COLUMN(host, type, CASE_NUMBER),
                                              CASE_COLUMN(host, only_32_bit, CASE_VERDICT),
                                              {0}};
    static const struct case_column instance[] = {CASE_COLUMN(instance, host, CASE_TEXT),
                                                  CASE_COLUMN(instance, node, CASE_TEXT),
                                                  CASE_COLUMN(instance, type, CASE_NUMBER),
                                                  CASE_COLUMN(instance, state, CASE_NUMBER),
                                                  CASE_COLUMN(instance, configuration, CASE_NUMBER),
                                                  CASE_COLUMN(instance, cluster, CASE_NUMBER),
                                                  CASE_COLUMN(instance, disabled, CASE_VERDICT),
                                                  {0}};
    static const struct case_column handler[] = {CASE_COLUMN(handler, adapter, CASE_TEXT), CASE_COLUMN(handler, host, CASE_TEXT), {0}};
    static const struct case_column location[] = {CASE_COLUMN(location, name, CASE_TEXT),
                                                  CASE_COLUMN(location, port, CASE_TEXT),
                                                  CASE_COLUMN(location, adapter, CASE_TEXT),
                                                  CASE_COLUMN(location, host, CASE_TEXT),
                                                  CASE_COLUMN(location, url, CASE_TEXT),
                                                  CASE_COLUMN(location, disabled, CASE_VERDICT),
                                                  CASE_COLUMN(location, windowed, CASE_VERDICT),
                                                  CASE_COLUMN(location, starts, CASE_VERDICT),
                                                  CASE_COLUMN(location, stops, CASE_VERDICT),
                                                  CASE_COLUMN(location, window_start_s, CASE_SECONDS),
                                                  CASE_COLUMN(location, window_stop_s, CASE_SECONDS),
                                                  CASE_COLUMN(location, start, CASE_STAMP),
                                                  CASE_COLUMN(location, stop, CASE_STAMP),
                                                  {0}};
    static const struct case_column setting[] = {CASE_COLUMN(setting, name, CASE_TEXT), CASE_COLUMN(setting, sso_server, CASE_TEXT), {0}};
    static const struct case_column suspended[] = {CASE_COLUMN(suspended, host, CASE_TEXT),
                                                   CASE_COLUMN(suspended, resumable, CASE_NUMBER),
                                                   CASE_COLUMN(suspended, not_resumable, CASE_NUMBER),
                                                   CASE_COLUMN(suspended, capped, CASE_FLAG),
                                                   {0}};
    static const struct case_column service[] = {CASE_COLUMN(service, name, CASE_TEXT),
                                                 CASE_COLUMN(service, state, CASE_BYTE),
                                                 CASE_COLUMN(service, start_mode, CASE_BYTE),
                                                 CASE_COLUMN(service, process, CASE_NUMBER),
                                                 {0}};
    static const struct case_column queue[] = {CASE_COLUMN(queue, name, CASE_TEXT),
                                               CASE_COLUMN(queue, class, CASE_BYTE),
                                               CASE_COLUMN(queue, source, CASE_BYTE),
                                               CASE_COLUMN(queue, messages, CASE_NUMBER),
                                               CASE_COLUMN(queue, bytes, CASE_NUMBER),
                                               CASE_COLUMN(queue, journal_messages, CASE_NUMBER),
                                               CASE_COLUMN(queue, journal_bytes, CASE_NUMBER),
                                               {0}};
    static const struct case_column connection[] = {
        CASE_COLUMN(connection, local_port, CASE_PORT), CASE_COLUMN(connection, remote_port, CASE_PORT),
        CASE_COLUMN(connection, local, CASE_ADDRESS),   CASE_COLUMN(connection, remote, CASE_ADDRESS),
        CASE_COLUMN(connection, state, CASE_BYTE),      {0}};
    static const struct case_column *const tables[FOUND_KINDS] = {
        [FOUND_NODE] = node,
        [FOUND_GROUP] = group,
        [FOUND_RESOURCE] = resource,
        [FOUND_POSSIBLE_OWNER] = possible_owner,
        [FOUND_DEPENDENCY] = dependency,
        [FOUND_SERVICE_NAME] = service_name,
        [FOUND_HOST] = host,
        [FOUND_INSTANCE] = instance,
        [FOUND_HANDLER] = handler,
        [FOUND_LOCATION] = location,
        [FOUND_SETTING] = setting,
        [FOUND_SUSPENDED] = suspended,
        [FOUND_SERVICE] = service,
        [FOUND_QUEUE] = queue,
        [FOUND_CONNECTION] = connection,
    };
    return tables[kind];
}

/* Printable: what is no ASCII or would end the text is escaped. Returns the size without the terminator. */
static inline size_t case_quote(char *out, size_t room, const char *text, size_t size)
{
    size_t used = (size_t)snprintf(out, room, "\"");
    for (size_t i = 0; i < size && used + 8 < room; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < ' ' || byte > '~')
            used += (size_t)snprintf(out + used, room - used, "\\x%02x", byte);
        else
            used += (size_t)snprintf(out + used, room - used, "%s%c", byte == '"' || byte == '\\' ? "\\" : "", byte);
    }
    return used + (size_t)snprintf(out + used, room - used, "\"");
}

static inline size_t case_address(char *out, size_t room, const struct address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *bytes = address->bytes;
    if (!memcmp(bytes, mapped, sizeof mapped))
        return (size_t)snprintf(out, room, "%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
    size_t used = 0;
    for (size_t i = 0; i < sizeof address->bytes; i += 2)
        used += (size_t)snprintf(out + used, room - used, "%s%x", i ? ":" : "", (unsigned)(bytes[i] << 8 | bytes[i + 1]));
    return used;
}

/* The value behind `at`; 0 = it did not come. */
static inline size_t case_value(char *out, size_t room, enum case_member member, const char *at)
{
    static const char *const verdicts[] = {"", "no", "yes"};
    int64_t number;
    int32_t seconds;
    uint16_t port;
    switch (member) {
    case CASE_TEXT:
        return *at ? case_quote(out, room, at, strlen(at)) : 0;
    case CASE_NUMBER:
        memcpy(&number, at, sizeof number);
        return number == ABSENT ? 0 : (size_t)snprintf(out, room, "%lld", (long long)number);
    case CASE_STAMP:
        memcpy(&number, at, sizeof number);
        return number ? (size_t)snprintf(out, room, "%lld", (long long)number) : 0;
    case CASE_SECONDS:
        memcpy(&seconds, at, sizeof seconds);
        return seconds == -1 ? 0 : (size_t)snprintf(out, room, "%d", seconds);
    case CASE_VERDICT:
        return (size_t)snprintf(out, room, "%s", (unsigned char)*at <= YES ? verdicts[(unsigned char)*at] : "broken");
    case CASE_FLAG:
        return *at ? (size_t)snprintf(out, room, "yes") : 0;
    case CASE_BYTE:
        return (size_t)snprintf(out, room, "%u", (unsigned)(unsigned char)*at);
    case CASE_PORT:
        memcpy(&port, at, sizeof port);
        return (size_t)snprintf(out, room, "%u", port);
    case CASE_ADDRESS:
        return case_address(out, room, (const struct address *)(const void *)at);
    }
    return 0;
}

/* " name \"BTS01\" state 0 …" */
static inline void case_row_text(char *out, size_t room, enum found_kind kind, const void *row)
{
    size_t used = 0;
    *out = '\0';
    for (const struct case_column *column = case_columns(kind); column->name; column++) {
        char value[2048];
        if (case_value(value, sizeof value, column->member, (const char *)row + column->offset) && used + strlen(value) + 32 < room)
            used += (size_t)snprintf(out + used, room - used, " %s %s", column->name, value);
    }
}

#endif
