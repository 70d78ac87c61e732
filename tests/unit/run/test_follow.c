/* Rotations, scripted: nothing is lost, nothing comes twice, and what cannot be known is told as a gap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run/follow.h"
#include "agent/run/siblings.h"

struct scene {
    char folder[64], path[96];
    struct follow *follow;
    struct follow_batch *batch;
    struct file_resume resume; /* as a caller would store it */
    char lines[262144];        /* what was read: each line and a newline */
    unsigned gaps, caught_up, catching_up, cuts;
    uint16_t last;
    msec_t now;
};

static const char *in_folder(struct scene *scene, const char *name)
{
    static char path[2][192];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", scene->folder, name);
    return path[turn];
}

static void append(struct scene *scene, const char *name, const char *text)
{
    FILE *file = fopen(in_folder(scene, name), "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void move(struct scene *scene, const char *from, const char *to)
{
    assert_int_equal(rename(in_folder(scene, from), in_folder(scene, to)), 0);
}

static void copy(struct scene *scene, const char *from, const char *to)
{
    char command[512];
    snprintf(command, sizeof command, "cp '%s' '%s'", in_folder(scene, from), in_folder(scene, to));
    assert_int_equal(system(command), 0);
}

/* file times decide which rotated file is older; the script says so instead of waiting */
static void aged(struct scene *scene, const char *name, long seconds)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    assert_int_equal(utimensat(AT_FDCWD, in_folder(scene, name), times, 0), 0);
}

static void open_follow(struct scene *scene)
{
    scene->follow = follow_open(scene->path, &scene->resume);
}

static void reopen(struct scene *scene)
{
    follow_close(scene->follow);
    open_follow(scene);
}

static void read_all(struct scene *scene)
{
    bool more = true;
    for (int turns = 0; more && turns < 10000; turns++) {
        scene->now += 250;
        if (!follow_read(scene->follow, scene->batch, scene->now, &more))
            continue;
        const struct file_batch *told = &scene->batch->told;
        scene->last = told->reason;
        scene->gaps += told->reason == REASON_LOG_GAP;
        scene->catching_up += told->reason == REASON_CATCHING_UP;
        scene->resume.inode = told->inode;
        scene->resume.offset = told->offset;
        memcpy(scene->resume.head, told->head, sizeof told->head);
        for (size_t i = 0; i < told->count; i++) {
            assert_int_equal(told->lines[i].number, scene->resume.number + 1);
            scene->resume.number = told->lines[i].number;
            scene->cuts += told->lines[i].cut;
            size_t used = strlen(scene->lines);
            snprintf(scene->lines + used, sizeof scene->lines - used, "%.*s\n", (int)told->lines[i].size, told->lines[i].data);
        }
    }
    assert_false(more);
}

static void expect_lines(struct scene *scene, const char *lines)
{
    read_all(scene);
    assert_string_equal(scene->lines, lines);
    scene->lines[0] = '\0';
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->batch = calloc(1, sizeof *scene->batch);
    snprintf(scene->folder, sizeof scene->folder, "/tmp/follow.XXXXXX");
    if (!mkdtemp(scene->folder))
        return -1;
    snprintf(scene->path, sizeof scene->path, "%s/log", scene->folder);
    scene->now = 1000;
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", scene->folder);
    int failed = system(command);
    if (scene->follow)
        follow_close(scene->follow);
    free(scene->batch);
    free(scene);
    return failed;
}

static void test_grows(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\r\ntwo\nthr");
    open_follow(scene);
    expect_lines(scene, "one\ntwo\n");
    assert_int_equal(scene->last, REASON_OK);
    append(scene, "log", "ee\n\n");
    expect_lines(scene, "three\n\n");
    expect_lines(scene, "");
    assert_int_equal(scene->gaps, 0);
}

static void test_renamed_and_created(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\n");
    open_follow(scene);
    expect_lines(scene, "one\n");
    append(scene, "log", "two\n");
    move(scene, "log", "log.1");
    append(scene, "log.1", "three\n");
    append(scene, "log", "four\n");
    expect_lines(scene, "two\nthree\nfour\n");
    append(scene, "log.1", "late\n"); /* a session still holds the old file */
    append(scene, "log", "five\n");
    expect_lines(scene, "late\nfive\n");
    reopen(scene);
    expect_lines(scene, "");
    assert_int_equal(scene->gaps, 0);
}

static void test_last_line_of_a_rotated_file_without_newline(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\n");
    open_follow(scene);
    expect_lines(scene, "one\n");
    append(scene, "log", "unfinished");
    move(scene, "log", "log.1");
    append(scene, "log", "next\n");
    expect_lines(scene, "next\n");
    scene->now += LINGER_MS;
    expect_lines(scene, "unfinished\n");
    append(scene, "log", "after\n");
    expect_lines(scene, "after\n");
}

static void test_absence_and_return(void **state)
{
    struct scene *scene = *state;
    open_follow(scene);
    expect_lines(scene, "");
    assert_int_equal(scene->last, REASON_LOG_MISSING);
    append(scene, "log", "one\n");
    expect_lines(scene, "one\n");
    assert_int_equal(scene->last, REASON_OK);
    move(scene, "log", "log.1");
    append(scene, "log.1", "two\n");
    expect_lines(scene, "two\n");
    scene->now += 2 * MISSING_AFTER_MS;
    expect_lines(scene, "");
    expect_lines(scene, "");
    assert_int_equal(scene->last, REASON_LOG_MISSING);
    append(scene, "log", "three\n");
    expect_lines(scene, "three\n");
    assert_int_equal(scene->last, REASON_OK);
    assert_int_equal(scene->gaps, 0);
}

static void test_resumes_in_the_same_file(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\ntwo\n");
    open_follow(scene);
    expect_lines(scene, "one\ntwo\n");
    append(scene, "log", "three\n");
    reopen(scene);
    expect_lines(scene, "three\n");
    assert_int_equal(scene->resume.number, 3);
    assert_int_equal(scene->gaps, 0);
}

static void test_resumes_into_rotated_files(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\n");
    open_follow(scene);
    expect_lines(scene, "one\n");
    follow_close(scene->follow);
    append(scene, "log", "two\n");
    move(scene, "log", "log.2");
    aged(scene, "log.2", 300);
    append(scene, "log.1", "three\n");
    aged(scene, "log.1", 200);
    append(scene, "log-20200101", "zero\n"); /* older than where we stopped: known, or never ours */
    aged(scene, "log-20200101", 90000);
    append(scene, "log.bak", "one\nno rotation\n");
    append(scene, "log", "four\n");
    open_follow(scene);
    expect_lines(scene, "two\nthree\nfour\n");
    assert_int_equal(scene->gaps, 0);
    reopen(scene);
    expect_lines(scene, "");
}

static void test_rotated_file_is_gone(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\n");
    open_follow(scene);
    expect_lines(scene, "one\n");
    follow_close(scene->follow);
    move(scene, "log", "log.1");
    append(scene, "log", "three\n");
    append(scene, "log.1.gz", "not text\n");
    assert_int_equal(unlink(in_folder(scene, "log.1")), 0);
    open_follow(scene);
    expect_lines(scene, "three\n");
    assert_int_equal(scene->gaps, 1);
    append(scene, "log", "four\n");
    expect_lines(scene, "four\n");
    assert_int_equal(scene->gaps, 1);
}

static void test_a_compressed_one_between_is_a_gap(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\n");
    open_follow(scene);
    expect_lines(scene, "one\n");
    follow_close(scene->follow);
    append(scene, "log", "two\n");
    move(scene, "log", "log.2");
    aged(scene, "log.2", 300);
    append(scene, "log.1.gz", "not text\n");
    aged(scene, "log.1.gz", 200);
    append(scene, "log", "four\n");
    open_follow(scene);
    expect_lines(scene, "two\nfour\n");
    assert_int_equal(scene->gaps, 1);
}

static void test_copied_and_truncated(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\ntwo\n");
    open_follow(scene);
    expect_lines(scene, "one\ntwo\n");
    copy(scene, "log", "log.1");
    assert_int_equal(truncate(scene->path, 0), 0);
    expect_lines(scene, "");
    append(scene, "log", "three\n");
    expect_lines(scene, "three\n");
    assert_int_equal(scene->gaps, 1);
}

static void test_truncated_and_grown_beyond(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\n");
    open_follow(scene);
    expect_lines(scene, "one\n");
    assert_int_equal(truncate(scene->path, 0), 0);
    append(scene, "log", "another text, longer than the first\n");
    expect_lines(scene, "another text, longer than the first\n");
    assert_int_equal(scene->gaps, 1);
}

/* shorter, but with the same beginning */
static void test_truncated_in_the_middle(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 100; i++)
        append(scene, "log", "a line like all others\n");
    open_follow(scene);
    read_all(scene);
    assert_int_equal(truncate(scene->path, 23 * 50), 0);
    scene->lines[0] = '\0';
    read_all(scene);
    assert_int_equal(scene->gaps, 1);
    scene->lines[0] = '\0';
    append(scene, "log", "next\n");
    expect_lines(scene, "next\n");
}

static void test_truncated_while_we_were_away(void **state)
{
    struct scene *scene = *state;
    char first[128];
    snprintf(first, sizeof first, "%-100s\n", "a first line that is long enough to be told from any other");
    append(scene, "log", first);
    open_follow(scene);
    expect_lines(scene, first);
    follow_close(scene->follow);
    append(scene, "log", "two\n");
    copy(scene, "log", "log.1");
    assert_int_equal(truncate(scene->path, 0), 0);
    append(scene, "log", "three\n");
    open_follow(scene);
    expect_lines(scene, "two\nthree\n"); /* the copy holds the rest; what came between copy and truncation nobody knows */
    assert_int_equal(scene->gaps, 1);
}

static void test_inode_used_again_by_another_text(void **state)
{
    struct scene *scene = *state;
    append(scene, "log", "one\n");
    open_follow(scene);
    expect_lines(scene, "one\n");
    assert_int_equal(truncate(scene->path, 0), 0);
    append(scene, "log", "other\nlines\n");
    reopen(scene);
    expect_lines(scene, "other\nlines\n");
    assert_int_equal(scene->gaps, 1);
}

static void test_first_start_reads_the_last_mebibyte(void **state)
{
    struct scene *scene = *state;
    FILE *file = fopen(scene->path, "w");
    for (int i = 0; i < 30000; i++)
        fprintf(file, "line %05d %.84s\n", i,
                "-----------------------------------------------------------------------------------------------");
    fclose(file);
    open_follow(scene);
    bool more = true;
    uint64_t count = 0;
    uint16_t reason = 0;
    while (more) {
        assert_true(follow_read(scene->follow, scene->batch, scene->now, &more));
        reason = scene->batch->told.reason;
        assert_int_equal(reason, more ? REASON_CATCHING_UP : REASON_OK);
        if (count == 0) {
            int number = -1;
            assert_int_equal(sscanf(scene->batch->lines[0].data, "line %d", &number), 1);
            assert_int_equal(number, 30000 - HISTORY_BYTES / 96);
        }
        count += scene->batch->told.count;
    }
    assert_int_equal(count, HISTORY_BYTES / 96);
}

static void test_long_lines_are_cut(void **state)
{
    struct scene *scene = *state;
    FILE *file = fopen(scene->path, "w");
    fprintf(file, "short\n");
    for (int i = 0; i < 200000; i++)
        fputc('x', file);
    fprintf(file, "\n%04096d\nend\n", 7);
    fclose(file);
    open_follow(scene);
    read_all(scene);
    assert_int_equal(scene->cuts, 1);
    assert_int_equal(scene->resume.number, 4);
    assert_non_null(strstr(scene->lines, "7\nend\n"));
    /* stopped inside a line that was cut: the rest of it is no line */
    scene->lines[0] = '\0';
    append(scene, "log", "y");
    for (int i = 0; i < 10; i++)
        append(scene, "log",
               "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
               "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
               "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
               "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    read_all(scene);
    assert_int_equal(scene->cuts, 2);
    append(scene, "log", "tail\nwhole\n");
    scene->lines[0] = '\0';
    reopen(scene);
    expect_lines(scene, "whole\n");
}

static void test_unreadable(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(mkdir(scene->path, 0700), 0);
    open_follow(scene);
    expect_lines(scene, "");
    assert_int_equal(scene->last, REASON_LOG_UNREADABLE);
    assert_int_equal(rmdir(scene->path), 0);
    append(scene, "log", "one\n");
    expect_lines(scene, "one\n");
    assert_int_equal(scene->last, REASON_OK);
    if (geteuid() == 0)
        return; /* root reads everything */
    move(scene, "log", "log.1");
    append(scene, "log", "two\n");
    assert_int_equal(chmod(scene->path, 0), 0);
    expect_lines(scene, "");
    assert_int_equal(scene->last, REASON_LOG_UNREADABLE);
    assert_int_equal(chmod(scene->path, 0600), 0);
    expect_lines(scene, "two\n");
}

static void test_heartbeat(void **state)
{
    struct scene *scene = *state;
    bool more;
    append(scene, "log", "one\n");
    open_follow(scene);
    expect_lines(scene, "one\n");
    assert_false(follow_read(scene->follow, scene->batch, scene->now + 1, &more));
    assert_true(follow_read(scene->follow, scene->batch, scene->now + HEARTBEAT_MS + 1, &more));
    assert_int_equal(scene->batch->told.reason, REASON_OK);
    assert_int_equal(scene->batch->told.count, 0);
}

/* Random growth, rotation and restarts: every line exactly once, in order. */
static void test_nothing_lost_nothing_doubled(void **state)
{
    struct scene *scene = *state;
    unsigned seed = 20260101;
    int written = 0, seen = 0;
    append(scene, "log", "line 0\n");
    written = 1;
    open_follow(scene);
    for (int round = 0; round < 1500; round++) {
        char text[64];
        int choice = rand_r(&seed) % 10;
        if (choice < 5) {
            snprintf(text, sizeof text, "line %d\n", written++);
            append(scene, "log", text);
        } else if (choice == 5) {
            rename(in_folder(scene, "log.2"), in_folder(scene, "log.3"));
            rename(in_folder(scene, "log.1"), in_folder(scene, "log.2"));
            rename(in_folder(scene, "log"), in_folder(scene, "log.1"));
            snprintf(text, sizeof text, "line %d\n", written++);
            append(scene, "log", text);
            read_all(scene);
        } else if (choice == 6) {
            read_all(scene);
            reopen(scene);
        } else if (choice == 7) {
            scene->now += LINGER_MS;
        } else {
            read_all(scene);
        }
    }
    read_all(scene);
    for (const char *line = scene->lines; *line; line = strchr(line, '\n') + 1, seen++) {
        char expected[32];
        int size = snprintf(expected, sizeof expected, "line %d\n", seen);
        assert_memory_equal(line, expected, (size_t)size);
    }
    assert_int_equal(seen, written);
    assert_int_equal(scene->gaps, 0);
}

static void test_sibling_names(void **state)
{
    (void)state;
    static const struct {
        const char *base, *name;
        bool is, compressed;
    } cases[] = {{"log", "log.1", true, false},
                 {"log", "log-20260101", true, false},
                 {"log", "log.2026-01-01", true, false},
                 {"log", "log.2.gz", true, true},
                 {"log", "log-20260101.zst", true, true},
                 {"vsftpd.log", "vsftpd.log.1", true, false},
                 {"vsftpd.log", "vsftpd-20260101.log", true, false},
                 {"vsftpd.log", "vsftpd-20260101.log.gz", true, true},
                 {"log", "log", false, false},
                 {"log", "log.bak", false, false},
                 {"log", "log.gz", false, true},
                 {"log", "log.", false, false},
                 {"log", "logs1", false, false},
                 {"log", "log2", false, false},
                 {"vsftpd.log", "vsftpd.log2", false, false},
                 {"vsftpd.log", "vsftpd2-x.log", false, false},
                 {"vsftpd.log", "other-20260101.log", false, false},
                 {".log", "-1.log", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool compressed;
        if (sibling_name(cases[i].base, cases[i].name, &compressed) != cases[i].is || compressed != cases[i].compressed)
            fail_msg("%s of %s", cases[i].name, cases[i].base);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(grows),
        TEST(renamed_and_created),
        TEST(last_line_of_a_rotated_file_without_newline),
        TEST(absence_and_return),
        TEST(resumes_in_the_same_file),
        TEST(resumes_into_rotated_files),
        TEST(rotated_file_is_gone),
        TEST(a_compressed_one_between_is_a_gap),
        TEST(copied_and_truncated),
        TEST(truncated_and_grown_beyond),
        TEST(truncated_in_the_middle),
        TEST(truncated_while_we_were_away),
        TEST(inode_used_again_by_another_text),
        TEST(first_start_reads_the_last_mebibyte),
        TEST(long_lines_are_cut),
        TEST(unreadable),
        TEST(heartbeat),
        TEST(nothing_lost_nothing_doubled),
        cmocka_unit_test(test_sibling_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
