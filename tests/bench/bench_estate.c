/* An estate of 4 nodes × 50 hosts, each host in a role of its own: CPU of a conversation (rows in, words out), of a preflight, of the model
 * that hears it all; bytes per host. Prints what 50 such clusters at 15 s cost. usage: bench_estate [ROUNDS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core/decider.h"
#include "tests/sim/rows.h"

enum { NODES = 4, HOSTS = 50, PROBES = 4, SOURCES = NODES * PROBES + 1, CLUSTERS = 50 };

static char names[HOSTS][24], computers[NODES][16];
static const char *hosts[HOSTS][2];
static struct policy_group groups[HOSTS];
static struct policy_node nodes[NODES];
static struct policy_source sources[SOURCES];
static const char *const nothing[] = {NULL};
static const struct policy_windows windows = {.ftp_adapters = nothing,
                                              .sftp_adapters = nothing,
                                              .pop3_adapters = nothing,
                                              .msmq_adapters = nothing,
                                              .disabled_locations = nothing,
                                              .sso_server = ""};
static struct policy_cluster cluster = {.name = "c",
                                        .type = CLUSTER_WSFC,
                                        .node_count = NODES,
                                        .max_in_flight = 1,
                                        .heals_itself = true,
                                        .windows = &windows,
                                        .control_interval = 15000,
                                        .control_timeout = 10000};
static struct policy policy = {.clusters = &cluster,
                               .nodes = nodes,
                               .groups = groups,
                               .sources = sources,
                               .cluster_count = 1,
                               .node_count = NODES,
                               .group_count = HOSTS,
                               .source_count = SOURCES};
static struct estate *estate;
static struct model *model;
static uint64_t words;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void build(void)
{
    for (unsigned n = 0; n < NODES; n++) {
        snprintf(computers[n], sizeof computers[n], "BTS%02u", n + 1);
        nodes[n] = (struct policy_node){.name = computers[n], .index = (uint8_t)n, .computer = computers[n]};
    }
    for (unsigned h = 0; h < HOSTS; h++) {
        snprintf(names[h], sizeof names[h], "ReceiveHost%02u", h);
        hosts[h][0] = names[h];
        groups[h] = (struct policy_group){.name = names[h], .hosts = hosts[h]};
    }
    for (unsigned i = 0; i < SOURCES; i++)
        sources[i] = (struct policy_source){.name = "s",
                                            .target = subject_of(SUBJECT_CLUSTER, 0),
                                            .node = i < SOURCES - 1 ? (uint8_t)(i / PROBES) : NODE_NONE,
                                            .control = true,
                                            .estate = i < SOURCES - 1,
                                            .interval = 15000,
                                            .timeout = 10000,
                                            .rise = 1,
                                            .fall = 1};
    cluster.preflight = SOURCES - 1;
}

static void hear(void *context, const struct observation *observation)
{
    (void)context;
    words++;
    model_observe(model, observation);
}

static void feed_wsfc(uint16_t source, msec_t now)
{
    static struct found_node seen[NODES];
    static struct found_group roles[HOSTS];
    static struct found_resource resources[3 * HOSTS];
    static struct found_service_name services[HOSTS];
    static const char *const types[] = {"Generic Service", "Network Name", "IP Address"};
    char name[FOUND_NAME];
    for (unsigned n = 0; n < NODES; n++)
        memcpy(seen[n].name, computers[n], sizeof computers[n]);
    for (unsigned h = 0; h < HOSTS; h++) {
        memcpy(roles[h].name, names[h], sizeof names[h]);
        memcpy(roles[h].owner, computers[h % NODES], sizeof computers[0]);
        roles[h].persistent = YES;
        for (unsigned i = 0; i < 3; i++) {
            struct found_resource *row = &resources[3 * h + i];
            row->state = RESOURCE_ONLINE;
            row->pending_timeout_ms = 180000;
            row->persistent = YES;
            snprintf(row->name, sizeof row->name, "%s %.20s", types[i], names[h]);
            memcpy(row->type, types[i], strlen(types[i]) + 1);
            memcpy(row->group, names[h], sizeof names[h]);
            memcpy(row->owner, computers[h % NODES], sizeof computers[0]);
        }
        memcpy(services[h].resource, resources[3 * h].name, sizeof services[h].resource);
        snprintf(services[h].service, sizeof services[h].service, "BTSSvc$%.20s", names[h]);
    }
    rows_feed(estate, source, FOUND_NODE, NULL, seen, NODES, REASON_OK, now);
    rows_feed(estate, source, FOUND_GROUP, NULL, roles, HOSTS, REASON_OK, now);
    rows_feed(estate, source, FOUND_RESOURCE, NULL, resources, (size_t)3 * HOSTS, REASON_OK, now);
    rows_feed(estate, source, FOUND_SERVICE_NAME, NULL, services, HOSTS, REASON_OK, now);
    while (estate_wanted(estate, source, FOUND_POSSIBLE_OWNER, name, now)) {
        struct found_possible_owner owners[NODES] = {0};
        for (unsigned n = 0; n < NODES; n++) {
            memcpy(owners[n].resource, name, sizeof name);
            memcpy(owners[n].node, computers[n], sizeof computers[n]);
        }
        rows_feed(estate, source, FOUND_POSSIBLE_OWNER, name, owners, NODES, REASON_OK, now);
    }
}

static void feed_biztalk(uint16_t source, msec_t now)
{
    static struct found_instance rows[HOSTS * NODES];
    static struct found_host found[HOSTS];
    static struct found_location locations[HOSTS];
    for (unsigned h = 0; h < HOSTS; h++) {
        memcpy(found[h].name, names[h], sizeof names[h]);
        memcpy(found[h].cluster_group, names[h], sizeof names[h]);
        memcpy(locations[h].name, names[h], sizeof names[h]);
        memcpy(locations[h].host, names[h], sizeof names[h]);
        for (unsigned n = 0; n < NODES; n++) {
            struct found_instance *row = &rows[h * NODES + n];
            memcpy(row->host, names[h], sizeof names[h]);
            memcpy(row->node, computers[n], sizeof computers[n]);
            row->type = row->configuration = row->cluster = 1;
            row->disabled = NO;
            row->state = n == h % NODES ? INSTANCE_RUNNING : INSTANCE_STOPPED;
        }
    }
    rows_feed(estate, source, FOUND_INSTANCE, NULL, rows, (size_t)HOSTS * NODES, REASON_OK, now);
    rows_feed(estate, source, FOUND_HOST, NULL, found, HOSTS, REASON_OK, now);
    rows_feed(estate, source, FOUND_LOCATION, NULL, locations, HOSTS, REASON_OK, now);
}

static void feed_services(uint16_t source, unsigned node, msec_t now)
{
    static struct found_service rows[HOSTS + 2];
    for (unsigned h = 0; h < HOSTS; h++) {
        snprintf(rows[h].name, sizeof rows[h].name, "BTSSvc$%.20s", names[h]);
        rows[h].state = h % NODES == node ? SERVICE_RUNNING : SERVICE_STOPPED;
        rows[h].process = node * 1000 + h;
    }
    memcpy(rows[HOSTS].name, "ENTSSO", 7);
    memcpy(rows[HOSTS + 1].name, "MSMQ", 5);
    rows[HOSTS].state = rows[HOSTS + 1].state = SERVICE_RUNNING;
    rows_feed(estate, source, FOUND_SERVICE, NULL, rows, HOSTS + 2, REASON_OK, now);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 2000;
    double rows = 0, spoken = 0, preflights = 0, folds = 0, begun;
    msec_t now = 1000000;
    build();
    void *memory = malloc(model_size(&policy));
    estate = estate_open(&policy, 0, &rows_memory);
    if (!memory || !estate)
        return 1;
    model = model_open(memory, &policy, now);
    for (unsigned round = 0; round < rounds; round++, now += 15000) {
        for (uint16_t source = 0; source < SOURCES - 1; source++) {
            begun = seconds();
            if (source % PROBES == 0)
                feed_wsfc(source, now);
            else if (source % PROBES == 1)
                feed_biztalk(source, now);
            else if (source % PROBES == 2)
                feed_services(source, source / PROBES, now);
            rows += seconds() - begun;
            begun = seconds();
            estate_speak(estate, source, now, hear, NULL);
            spoken += seconds() - begun;
        }
        begun = seconds();
        estate_preflight(estate, SOURCES - 1, now, 1700000000000, 0, hear, NULL);
        preflights += seconds() - begun;
        begun = seconds();
        model_fold(model, now, 0);
        folds += seconds() - begun;
    }
    double calls = rounds * (double)(SOURCES - 1 - NODES); /* the fourth probe has nothing to tell here */
    double second = CLUSTERS * ((rows + spoken) / rounds / 15 + preflights / rounds * (1 + calls / rounds / 15) + folds / rounds);
    printf("4 nodes x 50 hosts: rows in %.1f us, words out %.1f us a conversation; preflight %.1f us; fold %.1f us\n", rows / calls * 1e6,
           spoken / calls * 1e6, preflights / rounds * 1e6, folds / rounds * 1e6);
    printf("50 such clusters, every 15 s, preflight after each conversation and once a second: %.1f %% of a core\n", second * 100);
    printf("estate %zu bytes, %zu a host (its 4 instances and all that 4 observers say of it); %u slots, %zu bytes a host\n",
           estate_bytes(estate), estate_bytes(estate) / HOSTS, model->slot_count, model->slot_count * sizeof(struct slot) / HOSTS);
    printf("dropped %lu rows, %lu words of %lu\n", (unsigned long)estate_dropped(estate), (unsigned long)model->dropped,
           (unsigned long)words);
    estate_close(estate);
    free(memory);
    return 0;
}
