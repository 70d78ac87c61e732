/* The file channel's thread: lines arrive in order on the loop, a slow loop makes it wait, closing never hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/channel_file.h"

enum { FILES = 3, LINES = 20000 };

struct reader {
    uv_loop_t loop;
    struct file_channel *channel;
    char folder[64], path[FILES][96];
    uint64_t next[FILES], wanted;
    bool caught_up[FILES];
    unsigned slow_us;
};

static void lines_came(void *context, const struct file_batch *batch)
{
    struct reader *reader = context;
    if (reader->slow_us)
        usleep(reader->slow_us);
    reader->caught_up[batch->file] = batch->reason == REASON_OK;
    assert_int_not_equal(batch->reason, REASON_LOG_GAP);
    for (size_t i = 0; i < batch->count; i++) {
        char expected[64];
        int size = snprintf(expected, sizeof expected, "file %u line %lu", batch->file, (unsigned long)reader->next[batch->file]++);
        assert_int_equal(batch->lines[i].size, size);
        assert_memory_equal(batch->lines[i].data, expected, (size_t)size);
    }
    bool all = true;
    for (size_t i = 0; i < FILES; i++)
        all = all && reader->next[i] >= reader->wanted && reader->caught_up[i];
    if (all)
        uv_stop(&reader->loop);
}

static void append(struct reader *reader, size_t file, uint64_t from, uint64_t to)
{
    FILE *out = fopen(reader->path[file], "a");
    assert_non_null(out);
    for (uint64_t i = from; i < to; i++)
        fprintf(out, "file %zu line %lu\n", file, (unsigned long)i);
    fclose(out);
}

static int set_up(void **state)
{
    struct reader *reader = calloc(1, sizeof *reader);
    snprintf(reader->folder, sizeof reader->folder, "/tmp/reader.XXXXXX");
    if (!mkdtemp(reader->folder))
        return -1;
    uv_loop_init(&reader->loop);
    reader->channel = file_open(&reader->loop, lines_came, reader);
    for (uint16_t i = 0; i < FILES; i++) {
        snprintf(reader->path[i], sizeof reader->path[i], "%s/log%c", reader->folder, 'a' + i);
        file_follow(reader->channel, i, reader->path[i], NULL);
    }
    *state = reader;
    return 0;
}

static int tear_down(void **state)
{
    struct reader *reader = *state;
    char command[128];
    file_close(reader->channel);
    uv_run(&reader->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&reader->loop);
    snprintf(command, sizeof command, "rm -rf '%s'", reader->folder);
    left |= system(command);
    free(reader);
    return left;
}

static void test_several_files_in_order(void **state)
{
    struct reader *reader = *state;
    for (size_t i = 0; i < FILES; i++)
        append(reader, i, 0, LINES);
    reader->wanted = LINES;
    assert_int_equal(file_start(reader->channel), 0);
    uv_run(&reader->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < FILES; i++) { /* growing and rotated while it is read */
        char rotated[100];
        snprintf(rotated, sizeof rotated, "%s.1", reader->path[i]);
        append(reader, i, LINES, LINES + 10);
        assert_int_equal(rename(reader->path[i], rotated), 0);
        append(reader, i, LINES + 10, LINES + 20);
    }
    reader->wanted = LINES + 20;
    uv_run(&reader->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < FILES; i++)
        assert_int_equal(reader->next[i], LINES + 20);
}

static void test_the_thread_waits_for_a_slow_loop(void **state)
{
    struct reader *reader = *state;
    reader->slow_us = 3000;
    for (size_t i = 0; i < FILES; i++)
        append(reader, i, 0, LINES);
    reader->wanted = LINES;
    assert_int_equal(file_start(reader->channel), 0);
    usleep(50000); /* the loop does not turn at all */
    uv_run(&reader->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < FILES; i++)
        assert_int_equal(reader->next[i], LINES);
}

static void test_closed_in_the_middle(void **state)
{
    struct reader *reader = *state;
    for (size_t i = 0; i < FILES; i++)
        append(reader, i, 0, LINES);
    reader->wanted = LINES;
    assert_int_equal(file_start(reader->channel), 0);
    assert_int_equal(file_start(reader->channel), -1);
    assert_int_equal(file_follow(reader->channel, 9, "/nowhere", NULL), -1);
    uv_run(&reader->loop, UV_RUN_ONCE);
}

static void test_closed_unstarted(void **state)
{
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_several_files_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_thread_waits_for_a_slow_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closed_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closed_unstarted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
