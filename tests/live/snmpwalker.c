/* Asks an SNMP agent with the snmp_host probe, or walks one subtree of it, as the daemon would; prints rows, findings, lines.
 * usage: snmpwalker PROGRAM KEY=VALUE… with host, port, community (file), user, level, auth, priv, auth_file, priv_file, node, ports,
 * subtree, times (how often, one after the other), at_once (so many walks together). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/channel_snmp.h"
#include "agent/run/loop.h"
#include "tests/unit/probes/case_found.h"

static struct {
    struct snmp_target target;
    struct snmp_host_conf conf;
    struct probe_context context;
    const char *ports[8], *subtree;
    long times, at_once;
} asked = {.target = {.host = "127.0.0.1", .port = 161}, .conf = {true, true, true, {0}}, .times = 1, .at_once = 1};

static struct snmp_channel *channels[256];
static long under_way;
static size_t lines;
static union {
    max_align_t aligned;
    char bytes[32768];
} state;

static void option(const char *key, char *value)
{
    struct snmp_target *target = &asked.target;
    const struct {
        const char *key;
        const char **text;
        int64_t *number;
    } options[] = {{"host", &target->host, NULL},           {"community", &target->community_file, NULL},
                   {"user", &target->user, NULL},           {"level", NULL, &target->level},
                   {"auth", NULL, &target->auth},           {"priv", NULL, &target->priv},
                   {"auth_file", &target->auth_file, NULL}, {"priv_file", &target->priv_file, NULL},
                   {"node", &asked.context.node, NULL},     {"subtree", &asked.subtree, NULL},
                   {"times", NULL, &asked.times},           {"at_once", NULL, &asked.at_once}};
    if (!strcmp(key, "port"))
        target->port = (uint16_t)strtoul(value, NULL, 10);
    if (!strcmp(key, "ports"))
        for (char *port = strtok(value, ","); port && asked.conf.ports.count < 8; port = strtok(NULL, ","))
            asked.ports[asked.conf.ports.count++] = port;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strcmp(options[i].key, key) != 0)
            continue;
        if (options[i].text)
            *options[i].text = value;
        else
            *options[i].number = strtoll(value, NULL, 10);
    }
}

static void print_found(void *context, const struct found *found)
{
    char row[4096];
    (void)context;
    if (found->step == FOUND_ROW)
        case_row_text(row, sizeof row, found->kind, found->row);
    if (found->step == FOUND_ROW)
        printf("row %s%s\n", found_kind_name(found->kind), row);
    else
        printf("%s %s %s\n", found->step == FOUND_BEGIN ? "begin" : "end", found_kind_name(found->kind),
               found->step == FOUND_END ? reason_name(found->reason) : "");
}

static void step(const struct reply *reply)
{
    static struct request request;
    static struct seen seen;
    if (probe_snmp_host.step(&asked.conf, &state, &asked.context, reply, &request, &seen) == STEP_MORE) {
        if (request.kind == REQUEST_WALK)
            snmp_channel_request(channels[0], &request);
        return;
    }
    printf("seen %d %s %s\n", seen.items[0].verdict, reason_name(seen.items[0].reason), seen.text);
    under_way--;
}

static void probe_replied(void *context, const struct reply *reply)
{
    (void)context;
    if (reply->reason != REASON_OK)
        printf("why %s\n", snmp_channel_why(channels[0]));
    step(reply);
}

static void walk_replied(void *context, const struct reply *reply)
{
    struct snmp_channel **channel = context;
    for (size_t i = 0; i < reply->size; i++)
        lines += reply->data[i] == '\n';
    if (asked.times == 1 && asked.at_once == 1)
        fwrite(reply->data, 1, reply->size, stdout);
    if (reply->more)
        return;
    if (reply->reason != REASON_OK)
        printf("end %s %s\n", reason_name(reply->reason), snmp_channel_why(*channel));
    under_way--;
}

static void begin_walks(void)
{
    struct request request = {.kind = REQUEST_WALK, .limit = 8 << 20};
    request.size = (size_t)snprintf(request.bytes, sizeof request.bytes, "%s", asked.subtree);
    for (long i = 0; i < asked.at_once; i++)
        snmp_channel_request(channels[i], &request);
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            return 64;
        *value = '\0';
        option(argv[i], value + 1);
    }
    if (argc < 3 || asked.at_once < 1 || asked.at_once > (long)(sizeof channels / sizeof *channels))
        return 64;
    asked.conf.ports.items = asked.ports;
    asked.context.found = print_found;
    uv_loop_init(&loop);
    struct snmp_pool *pool = snmp_pool_open(&loop, argv[1]);
    for (long i = 0; i < asked.at_once; i++)
        channels[i] = snmp_channel_open(pool, &asked.target, asked.subtree ? walk_replied : probe_replied, &channels[i]);
    msec_t began = loop_now();
    for (long i = 0; i < asked.times; i++) {
        memset(&state, 0, sizeof state);
        under_way = asked.subtree ? asked.at_once : 1;
        if (asked.subtree)
            begin_walks();
        else
            step(NULL);
        while (under_way > 0)
            uv_run(&loop, UV_RUN_ONCE);
        fflush(stdout);
    }
    if (asked.times * asked.at_once > 1)
        printf("%zu lines in %lld ms\n", lines, (long long)(loop_now() - began));
    for (long i = 0; i < asked.at_once; i++)
        snmp_channel_close(channels[i]);
    snmp_pool_close(pool);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
