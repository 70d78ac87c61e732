/* One snapshot with rows in every table, the same each time. For the tests of this folder. */
#ifndef SOLOWARDEN_TESTS_SHOW_FIXTURE_H
#define SOLOWARDEN_TESTS_SHOW_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/show/snapshot.h"

enum { FIXTURE_NOW = 1795378915, FIXTURE_ROWS = 3 };

/* scattered, so that sorting has something to do */
static inline uint32_t fixture_index(uint32_t number)
{
    return (number * 2654435761U & 0x7fffffff) | 1;
}

static inline void fixture_head(struct row_head *head, const char *kind, uint32_t number)
{
    head->index = fixture_index(number + 1);
    head->state = (uint8_t)(1 + number % 3);
    head->reason = number % 2 ? REASON_OK : REASON_NOT_SEEN;
    head->since = number ? FIXTURE_NOW - 100 * number : 0;
    head->read_at = number ? FIXTURE_NOW - 7 * number : 0;
    snprintf(head->name, sizeof head->name, "pollers/%s%u", kind, number);
    snprintf(head->text, sizeof head->text, "%s", reason_text(head->reason));
}

static inline void fixture_rows(struct snapshot_writer *writer, uint32_t number)
{
    struct row_probe *probe = snapshot_add(writer, TABLE_PROBE);
    fixture_head(&probe->head, "probe", number);
    probe->runs = 5000000000U + number;
    struct row_server *server = snapshot_add(writer, TABLE_SERVER);
    fixture_head(&server->head, "server", number);
    server->log_state = 2;
    server->log_skew_ms = -1500;
    server->certificate_days = UINT32_MAX;
    struct row_node *node = snapshot_add(writer, TABLE_NODE);
    fixture_head(&node->head, "node", number);
    node->paused = 2;
    struct row_group *group = snapshot_add(writer, TABLE_GROUP);
    fixture_head(&group->head, "group", number);
    group->mode = 4;
    group->wrong = 2;
    group->ready = 1;
    group->planned_act = 2;
    group->plan = 7353871400000000001U;
    snprintf(group->owner, sizeof group->owner, "p1");
    struct row_candidate *candidate = snapshot_add(writer, TABLE_CANDIDATE);
    fixture_head(&candidate->head, "candidate", 0);
    candidate->head.index2 = fixture_index(number);
    struct row_handler *handler = snapshot_add(writer, TABLE_HANDLER);
    fixture_head(&handler->head, "handler", number);
    handler->strength = 4;
    handler->control = 3;
    handler->data = 5;
    struct row_handler_node *pair = snapshot_add(writer, TABLE_HANDLER_NODE);
    fixture_head(&pair->head, "pair", number);
    pair->head.index2 = 5 - number;
    pair->first_hand = 1;
    struct row_alarm *alarm = snapshot_add(writer, TABLE_ALARM);
    fixture_head(&alarm->head, "alarm", number);
    alarm->class = 3;
    alarm->severity = 5;
    alarm->acked = 2;
    struct row_cluster *cluster = snapshot_add(writer, TABLE_CLUSTER);
    fixture_head(&cluster->head, "cluster", number);
    cluster->sso_state = 2;
    struct row_resource *resource = snapshot_add(writer, TABLE_RESOURCE);
    fixture_head(&resource->head, "resource", number);
    resource->failovers_left = UINT32_MAX;
    struct row_instance *instance = snapshot_add(writer, TABLE_INSTANCE);
    fixture_head(&instance->head, "host", 0);
    instance->head.index2 = fixture_index(number);
    instance->service = 2;
    struct row_queue *queue = snapshot_add(writer, TABLE_QUEUE);
    fixture_head(&queue->head, "queue", number);
    queue->bytes = 5000000000U;
    struct row_audit *audit = snapshot_add(writer, TABLE_AUDIT);
    fixture_head(&audit->head, "audit", number);
    audit->rule = 9;
    audit->severity = 4;
    struct row_history *history = snapshot_add(writer, TABLE_HISTORY);
    history->sequence = 4294967296U + number;
    history->index = 100 - number;
    history->at = (stamp_t)FIXTURE_NOW * 1000 + 400;
    history->kind = 2;
    history->severity = 4;
    snprintf(history->word, sizeof history->word, "none");
}

/* With `rows` rows in each table; 0 = no rows at all, not even the scalars. */
static inline int fixture_descriptor(uint32_t rows)
{
    uint32_t capacity[TABLES];
    for (size_t i = 0; i < TABLES; i++)
        capacity[i] = i == TABLE_AGENT ? 1 : rows;
    struct snapshot_writer *writer = snapshot_begin(capacity, 1, FIXTURE_NOW);
    assert_non_null(writer);
    if (rows) {
        struct row_agent *agent = snapshot_add(writer, TABLE_AGENT);
        snprintf(agent->version, sizeof agent->version, "0.1.0");
        snprintf(agent->name, sizeof agent->name, "mon1");
        snprintf(agent->role, sizeof agent->role, "observing");
        agent->last_alarm_sequence = 42;
    }
    for (uint32_t i = 0; i < rows; i++)
        fixture_rows(writer, i);
    return snapshot_finish(writer);
}

static inline const struct snapshot *fixture_snapshot(uint32_t rows)
{
    int descriptor = fixture_descriptor(rows);
    assert_true(descriptor >= 0);
    const struct snapshot *snapshot = snapshot_map(descriptor);
    assert_non_null(snapshot);
    close(descriptor);
    return snapshot;
}

#endif
