/* The estates of Windows clusters: what probes find goes in, the words that follow from it go to the model. Judges nothing. */
#include <stdlib.h>

#include "agent/core/queues.h"
#include "daemon.h"

enum { JUDGE_EVERY_S = 5, ESTATE_BYTES_MAX = 256 << 20, BLOCK_MAX = 64 << 20 };

/* What was found may grow, but not without end. The size stands before each block, so that what is released is known. */
static void *estate_allocate(size_t size, void *context)
{
    struct daemon *daemon = context;
    if (size > BLOCK_MAX || daemon->estate_bytes + size > ESTATE_BYTES_MAX)
        return NULL;
    max_align_t *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    *(size_t *)(void *)block = size;
    daemon->estate_bytes += size;
    return block + 1;
}

static void estate_release(void *block, void *context)
{
    struct daemon *daemon = context;
    if (!block)
        return;
    max_align_t *begin = (max_align_t *)block - 1;
    daemon->estate_bytes -= *(size_t *)(void *)begin;
    free(begin);
}

void daemon_estates_open(struct daemon *daemon)
{
    const struct policy *policy = daemon->policy;
    daemon->estate_memory = (struct bounded_memory){estate_allocate, estate_release, daemon};
    daemon->estates = calloc((size_t)policy->cluster_count + 1, sizeof *daemon->estates);
    daemon->sessions = calloc((size_t)policy->node_count * ((size_t)policy->server_count + 1) + 1, sizeof *daemon->sessions);
    if (!daemon->estates || !daemon->sessions)
        abort();
    for (uint16_t i = 0; i < policy->cluster_count; i++)
        if (policy->clusters[i].windows && !(daemon->estates[i] = estate_open(policy, i, &daemon->estate_memory)))
            abort();
    daemon->publisher.estates = daemon->estates;
    daemon->publisher.sessions = daemon->sessions;
}

void daemon_estates_close(struct daemon *daemon)
{
    for (uint16_t i = 0; daemon->estates && i < daemon->policy->cluster_count; i++)
        if (daemon->estates[i])
            estate_close(daemon->estates[i]);
    free(daemon->estates);
    free(daemon->sessions);
    daemon->estates = NULL;
}

static struct estate *estate_of_source(const struct daemon *daemon, uint16_t source)
{
    uint16_t cluster = daemon->policy->sources[source].cluster;
    return cluster < daemon->policy->cluster_count ? daemon->estates[cluster] : NULL;
}

/* ---- who is connected to a server, by the SNMP agent of its machine ---- */

enum { MIB_ESTABLISHED = 5, MIB_TIME_WAIT = 11 };

static void count_session(struct daemon *daemon, uint16_t server, const struct found_connection *connection)
{
    const struct policy *policy = daemon->policy;
    if (connection->state != MIB_ESTABLISHED && connection->state != MIB_TIME_WAIT)
        return;
    for (uint16_t i = 0; i < policy->cluster_count; i++) {
        uint8_t node = policy_node_of_address(policy, i, &connection->remote);
        if (node < NODES_MAX)
            daemon->sessions[(size_t)server * policy->node_count + policy->clusters[i].first_node + node].counting++;
    }
}

static void take_sessions(struct daemon *daemon, uint16_t server, const struct found *found)
{
    struct session_note *notes = &daemon->sessions[(size_t)server * daemon->policy->node_count];
    if (found->kind != FOUND_CONNECTION)
        return;
    if (found->step == FOUND_ROW)
        count_session(daemon, server, found->row);
    for (uint16_t i = 0; found->step != FOUND_ROW && i < daemon->policy->node_count; i++) {
        if (found->step == FOUND_END && found->reason == REASON_OK) {
            notes[i].connected = notes[i].counting;
            notes[i].read_at = daemon_now(daemon);
            if (notes[i].counting)
                notes[i].seen_at = notes[i].read_at;
        }
        notes[i].counting = 0;
    }
}

/* ---- what was found ---- */

void daemon_found(void *context, uint16_t source, const struct found *found)
{
    struct daemon *daemon = context;
    struct estate *estate = estate_of_source(daemon, source);
    subject_t target = daemon->policy->sources[source].target;
    if (estate)
        estate_found(estate, source, found, daemon_now(daemon));
    else if (subject_kind(target) == SUBJECT_SERVER)
        take_sessions(daemon, (uint16_t)subject_index(target), found);
}

bool daemon_wanted(void *context, uint16_t source, enum found_kind kind, char name[FOUND_NAME])
{
    struct daemon *daemon = context;
    struct estate *estate = estate_of_source(daemon, source);
    return estate && estate_wanted(estate, source, kind, name, daemon_now(daemon));
}

static void observe(void *context, const struct observation *observation)
{
    struct daemon *daemon = context;
    model_observe(daemon->decider->model, observation);
}

static int32_t zone_of(const struct policy_windows *windows, stamp_t wall)
{
    time_t at = (time_t)(wall / 1000);
    struct tm local;
    return !windows->zone_given && localtime_r(&at, &local) ? (int32_t)local.tm_gmtoff : windows->zone_seconds;
}

/* What only all sources together show. */
static void preflight(struct daemon *daemon, uint16_t cluster, msec_t now)
{
    const struct policy_cluster *policy = &daemon->policy->clusters[cluster];
    stamp_t wall = now + daemon_wall_offset(daemon);
    estate_preflight(daemon->estates[cluster], policy->preflight, now, wall, zone_of(policy->windows, wall), observe, daemon);
}

struct queue_round {
    struct daemon *daemon;
    uint16_t cluster;
    msec_t now;
};

static void judge_queue(void *context, const struct queue_verdict *verdict)
{
    const struct queue_round *round = context;
    model_queue(round->daemon->decider->model, round->cluster, verdict, round->now);
}

static void judge_queues(struct daemon *daemon, uint16_t cluster, msec_t now)
{
    stamp_t wall = now + daemon_wall_offset(daemon);
    struct queue_round round = {.daemon = daemon, .cluster = cluster, .now = now};
    estate_queues(daemon->estates[cluster], now, wall, zone_of(daemon->policy->clusters[cluster].windows, wall), judge_queue, &round);
}

/* A conversation is over: the source says what it knows now, also if that is nothing. */
void daemon_estate_said(struct daemon *daemon, uint16_t source, uint8_t verdict, uint16_t reason, msec_t now)
{
    struct estate *estate = estate_of_source(daemon, source);
    daemon->decider->model->heard[source] = true; /* also where no word for the core follows from it */
    if (!estate)
        return;
    if (verdict != YES)
        estate_failed(estate, source, reason, now);
    estate_speak(estate, source, now, observe, daemon);
    preflight(daemon, daemon->policy->sources[source].cluster, now);
}

/* Readings age, service windows open and close without anybody telling. */
void daemon_estates_each_second(struct daemon *daemon)
{
    msec_t now = daemon_now(daemon);
    for (uint16_t i = 0; i < daemon->policy->cluster_count; i++) {
        if (!daemon->estates[i] || (daemon->seconds + i) % JUDGE_EVERY_S)
            continue;
        preflight(daemon, i, now);
        judge_queues(daemon, i, now);
        estate_forget(daemon->estates[i], now);
        daemon_touch(daemon);
    }
}
