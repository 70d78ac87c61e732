/* The journal in good days: rows come back, blocks and intents are kept, retention and the bounded queue, versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <sqlite3.h>

#include "agent/keep/journal.h"
#include "support.h"

static void rows_come_back_as_json(void **state)
{
    struct fixture *fixture = *state;
    assert_true(add_history(fixture, 1, "none/pollers/orders", "orders", "first"));
    struct journal_history row = {.sequence = 2,
                                  .at = 1700000000123,
                                  .kind = 2,
                                  .severity = 4,
                                  .key = "idle/pollers/orders",
                                  .cluster = "pollers",
                                  .group = "orders",
                                  .node = "p1",
                                  .word = "silent",
                                  .text = "nobody polls",
                                  .plan = UINT64_MAX - 1,
                                  .rule = 203};
    assert_true(journal_history(fixture->journal, &row));
    json_t *rows = ask(fixture, JOURNAL_HISTORY, NULL, 100);
    assert_int_equal(json_array_size(rows), 2);
    json_t *second = json_array_get(rows, 1);
    assert_string_equal(json_string_value(json_object_get(second, "at")), "2023-11-14T22:13:20.123Z");
    assert_string_equal(json_string_value(json_object_get(second, "plan")), "fffffffffffffffe");
    assert_string_equal(json_string_value(json_object_get(second, "text")), "nobody polls");
    assert_int_equal(json_integer_value(json_object_get(second, "rule")), 203);
    assert_null(json_object_get(second, "host"));
    json_decref(rows);
}

static void filters_and_limits(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 1; i <= 50; i++)
        add_history(fixture, i, i % 2 ? "none/pollers/orders" : "none/pollers/other", i % 2 ? "orders" : "other", "x");
    const struct {
        const char *filter;
        uint32_t limit;
        size_t rows;
    } cases[] = {{NULL, 100, 50},   {"", 100, 50},        {"orders", 100, 25},         {"none/pollers/other", 100, 25},
                 {"order", 100, 0}, {"pollers", 100, 50}, {"pollers/orders", 100, 25}, {NULL, 7, 7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *rows = ask(fixture, JOURNAL_HISTORY, cases[i].filter, cases[i].limit);
        assert_int_equal(json_array_size(rows), cases[i].rows);
        if (cases[i].limit == 7) /* the newest, oldest first */
            assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 6), "sequence")), 50);
        json_decref(rows);
    }
}

static void raw_rows_of_any_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct journal_raw row = {.at = now_ms(), .kind = 2, .subject = "orders", .source = "shop.log", .text = "caf\xe9 \x01 ok"};
    assert_true(journal_raw(fixture->journal, &row));
    json_t *rows = ask(fixture, JOURNAL_RAW, "orders", 10);
    assert_int_equal(json_array_size(rows), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "text")), "caf? \x01 ok");
    json_decref(rows);
}

static void count_block(void *context, const char *name, const void *block, size_t size)
{
    (void)name;
    (void)block;
    *(size_t *)context += size;
}

static void blocks_survive(void **state)
{
    struct fixture *fixture = *state;
    uint8_t large[5000];
    memset(large, 7, sizeof large);
    assert_int_equal(journal_get(fixture->journal, "group/orders", large, sizeof large), -1);
    assert_true(journal_put(fixture->journal, "group/orders", "old", 3));
    assert_true(journal_put(fixture->journal, "group/orders", "state", 5));
    assert_true(journal_put(fixture->journal, "group/other", large, sizeof large));
    assert_true(journal_put(fixture->journal, "group/empty", "", 0));
    assert_true(journal_put(fixture->journal, "pause/1", "p", 1));
    assert_false(journal_put(fixture->journal, "huge", large, (size_t)64 << 20));
    reopen(fixture);
    char small[8] = "";
    assert_int_equal(journal_get(fixture->journal, "group/orders", small, sizeof small), 5);
    assert_memory_equal(small, "state", 5);
    small[0] = '#';
    assert_int_equal(journal_get(fixture->journal, "group/other", small, sizeof small), sizeof large);
    assert_int_equal(small[0], '#');
    assert_int_equal(journal_get(fixture->journal, "group/empty", small, sizeof small), 0);
    size_t bytes = 0;
    journal_scan(fixture->journal, "group/", count_block, &bytes);
    assert_int_equal(bytes, 5 + sizeof large);
}

static void sequence_continues(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(journal_last_sequence(fixture->journal), 0);
    for (unsigned i = 1; i <= 9; i++)
        add_history(fixture, i, "k", "g", "t");
    reopen(fixture);
    assert_int_equal(journal_last_sequence(fixture->journal), 9);
}

struct orphans {
    size_t count;
    uint64_t plan;
    char group[32], block[32];
};

static void on_orphan(void *context, uint64_t plan, const char *group, const void *block, size_t size)
{
    struct orphans *orphans = context;
    orphans->count++;
    orphans->plan = plan;
    snprintf(orphans->group, sizeof orphans->group, "%s", group);
    snprintf(orphans->block, sizeof orphans->block, "%.*s", (int)size, (const char *)block);
}

static void intents_without_end_are_orphans(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, 11));
    assert_true(intend(fixture, 1ULL << 63));
    journal_intent_end(fixture->journal, 11, YES, "done");
    assert_false(intend(fixture, 11)); /* a plan is carried out once */
    reopen(fixture);
    struct orphans orphans = {0};
    journal_orphans(fixture->journal, on_orphan, &orphans);
    assert_int_equal(orphans.count, 1);
    assert_true(orphans.plan == 1ULL << 63);
    assert_string_equal(orphans.group, "orders");
    assert_string_equal(orphans.block, "intent");
    journal_intent_end(fixture->journal, 1ULL << 63, UNKNOWN, "orphaned");
    reopen(fixture);
    orphans = (struct orphans){0};
    journal_orphans(fixture->journal, on_orphan, &orphans);
    assert_int_equal(orphans.count, 0);
}

static void retention_by_rows(void **state)
{
    struct fixture *fixture = *state;
    fixture->limits = (struct journal_limits){.history_rows = 100, .ring_rows = 1000};
    reopen(fixture);
    for (unsigned i = 1; i <= 5000; i++) {
        add_history(fixture, i, "k", "g", "t");
        add_raw(fixture, now_ms());
        journal_step(fixture->journal, now_ms(), "orders", "facts", 5);
    }
    flush(fixture);
    reopen(fixture);
    add_raw(fixture, now_ms()); /* what a last group left over goes with the next one */
    flush(fixture);
    assert_int_equal(count_rows(fixture, "history"), 100);
    assert_int_equal(count_rows(fixture, "raw"), 1000);
    assert_int_equal(count_rows(fixture, "step"), 100);
    json_t *rows = ask(fixture, JOURNAL_HISTORY, NULL, 1000);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "sequence")), 4901);
    json_decref(rows);
}

static void ended_intents_are_forgotten_in_the_end(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, 1)); /* never ended: kept */
    for (uint64_t plan = 2; plan <= 1201; plan++) {
        struct answers answers = {0};
        journal_intent(fixture->journal, plan, "orders", "b", 1, on_durable, &answers);
        journal_intent_end(fixture->journal, plan, YES, "done");
        uv_run(&fixture->loop, UV_RUN_DEFAULT);
        assert_int_equal(answers.durable, 1);
    }
    flush(fixture);
    assert_true(intend(fixture, 2000));
    assert_int_equal(count_rows(fixture, "intent"), 1000 + 2);
    assert_int_equal(sql_number_on_file(fixture, "SELECT min(plan) FROM intent"), 1);
}

static void retention_by_time(void **state)
{
    struct fixture *fixture = *state;
    fixture->limits.ring_keep = 3600 * 1000;
    reopen(fixture);
    for (unsigned i = 0; i < 100; i++)
        add_raw(fixture, now_ms() - 2 * 3600 * 1000);
    for (unsigned i = 0; i < 10; i++)
        add_raw(fixture, now_ms());
    flush(fixture);
    add_raw(fixture, now_ms());
    flush(fixture);
    assert_int_equal(count_rows(fixture, "raw"), 11);
}

static void full_queue_is_counted_and_keeps_room_for_history(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *other = lock_file(fixture); /* the thread waits for this one, as for a slow disk */
    uint64_t accepted = 0, refused = 0;
    while (refused < 1000) {
        if (add_raw(fixture, now_ms()))
            accepted++;
        else
            refused++;
        assert_true(accepted < 10000000);
    }
    assert_true(add_history(fixture, 1, "k", "g", "t"));
    assert_true(journal_put(fixture->journal, "group/orders", "state", 5));
    struct journal_health health;
    journal_health(fixture->journal, &health);
    assert_int_equal(health.dropped, 1000);
    assert_in_range(health.queued, accepted, accepted + 3);
    unlock_file(other);
    wait_for_rows(fixture, accepted + 2);
    flush(fixture);
    assert_int_equal(count_rows(fixture, "raw"), accepted);
    assert_int_equal(count_rows(fixture, "history"), 1);
    journal_health(fixture->journal, &health);
    assert_int_equal(health.queued, 0);
    assert_true(health.alive);
}

static void nothing_becomes_of_a_begun_migration(void **state)
{
    struct fixture *fixture = *state;
    shut(fixture);
    /* version 1 knew blocks and intents only */
    sql_on_file(fixture, "DROP TABLE history; DROP TABLE raw; DROP TABLE step; PRAGMA user_version=1;"
                         "INSERT INTO block VALUES('pause/1', x'70')");
    open_again(fixture);
    assert_non_null(fixture->journal);
    char block[4];
    assert_int_equal(journal_get(fixture->journal, "pause/1", block, sizeof block), 1);
    assert_true(add_history(fixture, 1, "k", "g", "t"));
    flush(fixture);
    assert_int_equal(count_rows(fixture, "history"), 1);
    shut(fixture);
    /* a step that cannot be finished leaves the file as it was */
    sql_on_file(fixture, "DROP TABLE raw; DROP TABLE step; PRAGMA user_version=1");
    open_again(fixture);
    assert_null(fixture->journal);
    assert_non_null(strstr(fixture->error, "history already exists"));
    assert_int_equal(sql_number_on_file(fixture, "PRAGMA user_version"), 1);
    assert_int_equal(sql_number_on_file(fixture, "SELECT count(*) FROM block WHERE name='pause/1'"), 1);
    assert_int_equal(sql_number_on_file(fixture, "SELECT count(*) FROM sqlite_master WHERE name='step'"), 0);
}

static void newer_version_is_refused(void **state)
{
    struct fixture *fixture = *state;
    shut(fixture);
    sql_on_file(fixture, "PRAGMA user_version=99");
    open_again(fixture);
    assert_null(fixture->journal);
    assert_non_null(strstr(fixture->error, "newer solowarden"));
    assert_int_equal(sql_number_on_file(fixture, "PRAGMA user_version"), 99);
}

static void in_memory(void **state)
{
    struct fixture *fixture = *state;
    shut(fixture);
    snprintf(fixture->path, sizeof fixture->path, ":memory:");
    open_again(fixture);
    assert_non_null(fixture->journal);
    assert_string_equal(fixture->error, "");
    add_history(fixture, 1, "k", "g", "t");
    assert_true(intend(fixture, 1));
    json_t *rows = ask(fixture, JOURNAL_HISTORY, NULL, 10);
    assert_int_equal(json_array_size(rows), 1);
    json_decref(rows);
    assert_int_equal(access(":memory:", F_OK), -1);
}

static void owed_answers_come_at_close(void **state)
{
    struct fixture *fixture = *state;
    struct answers answers = {0};
    for (unsigned i = 0; i < 20; i++) {
        journal_intent(fixture->journal, 100 + i, "orders", "b", 1, on_durable, &answers);
        journal_ask(fixture->journal, JOURNAL_HISTORY, NULL, 10, on_answer, &answers);
    }
    shut(fixture);
    assert_int_equal(answers.durable, 20);
    assert_int_equal(answers.answered, 20);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(rows_come_back_as_json),
        test(filters_and_limits),
        test(raw_rows_of_any_bytes),
        test(blocks_survive),
        test(sequence_continues),
        test(intents_without_end_are_orphans),
        test(retention_by_rows),
        test(ended_intents_are_forgotten_in_the_end),
        test(retention_by_time),
        test(full_queue_is_counted_and_keeps_room_for_history),
        test(nothing_becomes_of_a_begun_migration),
        test(newer_version_is_refused),
        test(in_memory),
        test(owed_answers_come_at_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
