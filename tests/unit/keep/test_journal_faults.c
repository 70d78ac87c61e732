/* The journal in bad days: killed in mid-stream, a full disk, a file that is removed, replaced, corrupt or not writable. Whatever
 * happens, the agent goes on, health says so, and what was promised as durable is there afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support.h"

/* What the child promised before it was killed. */
struct promise {
    uint64_t plan; /* intents up to this one were answered as durable */
    uint64_t rows; /* so many rows were reported as committed */
};

static void on_promised(void *context, bool durable, const char *error)
{
    (void)error;
    *(bool *)context = durable;
}

static void write_until_killed(struct fixture *fixture, int out)
{
    uv_loop_init(&fixture->loop);
    open_again(fixture);
    struct promise promise = {0};
    for (uint64_t plan = 1; fixture->journal; plan++) {
        for (unsigned i = 0; i < 500; i++)
            add_history(fixture, (plan - 1) * 500 + i + 1, "k", "g", "t");
        bool durable = false;
        journal_intent(fixture->journal, plan, "orders", "b", 1, on_promised, &durable);
        uv_run(&fixture->loop, UV_RUN_DEFAULT);
        struct journal_health health;
        journal_health(fixture->journal, &health);
        promise = (struct promise){durable ? plan : promise.plan, health.rows - plan};
        if (write(out, &promise, sizeof promise) != sizeof promise)
            break;
    }
    _exit(1);
}

static void on_orphan(void *context, uint64_t plan, const char *group, const void *block, size_t size)
{
    (void)group;
    (void)block;
    (void)size;
    uint64_t *last = context;
    assert_int_equal(plan, *last + 1);
    *last = plan;
}

static void killed_in_mid_stream(void **state)
{
    struct fixture *fixture = *state;
    shut(fixture);
    for (unsigned promises = 1; promises <= 64; promises *= 4) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            write_until_killed(fixture, ends[1]);
        }
        close(ends[1]);
        struct promise promise = {0}, next;
        for (unsigned i = 0; i < promises; i++)
            assert_int_equal(read(ends[0], &promise, sizeof promise), sizeof promise);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_int_equal(WTERMSIG(status), SIGKILL);
        while (read(ends[0], &next, sizeof next) == sizeof next)
            promise = next;
        close(ends[0]);
        open_again(fixture);
        assert_non_null(fixture->journal);
        assert_string_equal(fixture->error, "");
        uint64_t plans = 0;
        journal_orphans(fixture->journal, on_orphan, &plans);
        assert_true(plans >= promise.plan);
        assert_true(promise.plan >= promises);
        assert_true((uint64_t)count_rows(fixture, "history") >= promise.rows);
        assert_int_equal(count_rows(fixture, "history"), journal_last_sequence(fixture->journal)); /* no holes */
        shut(fixture);
        unlink(fixture->path);
    }
    open_again(fixture);
}

/* In a process of its own, for its limit on file sizes: to the journal that is a disk without room. */
static int outlive_a_full_disk(struct fixture *fixture)
{
    signal(SIGXFSZ, SIG_IGN);
    uv_loop_init(&fixture->loop);
    open_again(fixture);
    if (!fixture->journal || !intend(fixture, 1))
        return 10;
    struct rlimit was, tight = {.rlim_cur = 4096};
    getrlimit(RLIMIT_FSIZE, &was);
    tight.rlim_max = was.rlim_max;
    setrlimit(RLIMIT_FSIZE, &tight);
    for (unsigned i = 1; i <= 20000; i++)
        add_history(fixture, i, "k", "g", "a text that takes some room");
    wait_alive(fixture, false);
    struct journal_health health;
    journal_health(fixture->journal, &health);
    if (!strstr(health.error, fixture->path) || !strstr(health.error, "cannot write"))
        return 11;
    if (intend(fixture, 2) || !fixture->error[0])
        return 12; /* an intent must never seem durable */
    journal_intent_end(fixture->journal, 1, YES, "done");
    json_t *rows = ask(fixture, JOURNAL_HISTORY, NULL, 5); /* reading goes on */
    json_decref(rows);
    setrlimit(RLIMIT_FSIZE, &was);
    wait_alive(fixture, true);
    wait_for_rows(fixture, 20000 + 2);
    if (!intend(fixture, 3) || count_rows(fixture, "history") != 20000)
        return 13;
    if (sql_number_on_file(fixture, "SELECT sum(plan) FROM intent") != 1 + 3)
        return 14;
    if (sql_number_on_file(fixture, "SELECT sum(plan) FROM intent WHERE ended IS NOT NULL") != 1)
        return 15; /* the end was not lost */
    shut(fixture);
    return 0;
}

static void full_disk(void **state)
{
    struct fixture *fixture = *state;
    shut(fixture);
    pid_t child = fork();
    if (child == 0)
        _exit(outlive_a_full_disk(fixture));
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void truly_full_disk(void **state)
{
    struct fixture *fixture = *state;
    char folder[80], fill[128];
    shut(fixture);
    snprintf(folder, sizeof folder, "%s/disk", fixture->folder);
    mkdir(folder, 0700);
    if (mount("none", folder, "tmpfs", 0, "size=1m") != 0) {
        print_message("no right to mount: skipped\n");
        skip();
    }
    snprintf(fixture->path, sizeof fixture->path, "%s/j.db", folder);
    snprintf(fill, sizeof fill, "%s/fill", folder);
    open_again(fixture);
    assert_non_null(fixture->journal);
    int other = open(fill, O_CREAT | O_WRONLY, 0600);
    char bytes[4096] = "";
    while (write(other, bytes, sizeof bytes) > 0)
        ;
    for (unsigned i = 1; i <= 2000; i++)
        add_history(fixture, i, "k", "g", "t");
    wait_alive(fixture, false);
    struct journal_health health;
    journal_health(fixture->journal, &health);
    assert_non_null(strstr(health.error, "disk is full"));
    assert_false(intend(fixture, 1));
    assert_int_equal(ftruncate(other, 0), 0);
    close(other);
    wait_alive(fixture, true);
    flush(fixture);
    assert_int_equal(count_rows(fixture, "history"), 2000);
    shut(fixture);
    assert_int_equal(umount(folder), 0);
}

static void removed_file_is_written_anew(void **state)
{
    struct fixture *fixture = *state;
    static const char *const removals[] = {"rm '%1$s'", "rm '%1$s-wal'", "rm '%1$s' '%1$s-wal' '%1$s-shm'", "rm -r '%2$s'; mkdir '%2$s'"};
    journal_put(fixture->journal, "pause/1", "kept", 4);
    for (unsigned i = 0; i < sizeof removals / sizeof *removals; i++) {
        char command[512];
        add_history(fixture, i + 1, "k", "g", "t");
        flush(fixture);
        snprintf(command, sizeof command, removals[i], fixture->path, fixture->folder);
        assert_int_equal(system(command), 0);
        assert_true(intend(fixture, i + 1));
        assert_int_equal(sql_number_on_file(fixture, "SELECT max(plan) FROM intent"), i + 1);
        assert_int_equal(count_rows(fixture, "history"), i + 1);
    }
    reopen(fixture);
    char block[8];
    assert_int_equal(journal_get(fixture->journal, "pause/1", block, sizeof block), 4);
}

static void lost_folder_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    char aside[128];
    add_history(fixture, 1, "k", "g", "t");
    flush(fixture);
    snprintf(aside, sizeof aside, "%s.aside", fixture->folder);
    assert_int_equal(rename(fixture->folder, aside), 0);
    assert_false(intend(fixture, 1));
    struct journal_health health;
    journal_health(fixture->journal, &health);
    assert_false(health.alive);
    assert_non_null(strstr(health.error, "after it was removed"));
    assert_int_equal(rename(aside, fixture->folder), 0);
    wait_alive(fixture, true);
    assert_true(intend(fixture, 2));
}

static void replaced_file_is_not_touched(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    int other = open(fixture->path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(other, "theirs", 6), 6);
    assert_false(intend(fixture, 1));
    assert_non_null(strstr(fixture->error, "replaced by another file"));
    char theirs[8] = "";
    close(other);
    other = open(fixture->path, O_RDONLY);
    assert_int_equal(read(other, theirs, sizeof theirs), 6);
    assert_string_equal(theirs, "theirs");
    close(other);
}

static void expect_set_aside(struct fixture *fixture, unsigned number)
{
    char aside[160];
    open_again(fixture);
    assert_non_null(fixture->journal);
    snprintf(aside, sizeof aside, "%s.corrupt-%u", fixture->path, number);
    assert_non_null(strstr(fixture->error, "was corrupt"));
    assert_non_null(strstr(fixture->error, aside));
    assert_int_equal(access(aside, F_OK), 0);
    assert_int_equal(journal_last_sequence(fixture->journal), 1);
    json_t *rows = ask(fixture, JOURNAL_HISTORY, "agent/journal", 10);
    assert_int_equal(json_array_size(rows), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "word")), "journal-corrupt");
    json_decref(rows);
    assert_true(intend(fixture, number));
    shut(fixture);
}

static void overwrite(const char *path, off_t from, off_t size)
{
    int file = open(path, O_RDWR | O_CREAT, 0600);
    for (off_t at = from; at < from + size; at++)
        assert_int_equal(pwrite(file, "#", 1, at), 1);
    close(file);
}

static void corrupt_file_is_set_aside(void **state)
{
    struct fixture *fixture = *state;
    shut(fixture);
    overwrite(fixture->path, 0, 4096); /* not a database at all */
    expect_set_aside(fixture, 1);
    open_again(fixture);
    uint8_t block[20000] = {0};
    for (unsigned i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "group/%u", i);
        journal_put(fixture->journal, name, block, sizeof block);
    }
    shut(fixture);
    overwrite(fixture->path, 4096 * 40, 4); /* everything opens, but one block is torn in the middle */
    expect_set_aside(fixture, 2);
    open_again(fixture);
    assert_string_equal(fixture->error, "");
    shut(fixture);
    assert_int_equal(truncate(fixture->path, 5000), 0);
    expect_set_aside(fixture, 3);
}

static void unusable_at_open(void **state)
{
    struct fixture *fixture = *state;
    struct journal_limits limits = {0};
    char path[128], error[256];
    snprintf(path, sizeof path, "%s/none/journal.db", fixture->folder);
    assert_null(journal_open(&fixture->loop, path, &limits, error, sizeof error));
    assert_non_null(strstr(error, "No such file"));
    assert_null(journal_open(&fixture->loop, fixture->folder, &limits, error, sizeof error));
    assert_non_null(strstr(error, "cannot open it for writing"));
}

static void a_locked_file_is_not_alive(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *other = lock_file(fixture);
    assert_false(intend(fixture, 1));
    struct journal_health health;
    journal_health(fixture->journal, &health);
    assert_false(health.alive);
    assert_non_null(strstr(health.error, "locked"));
    unlock_file(other);
    wait_alive(fixture, true);
    assert_true(intend(fixture, 2));
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(killed_in_mid_stream),
        test(full_disk),
        test(truly_full_disk),
        test(removed_file_is_written_anew),
        test(lost_folder_is_waited_for),
        test(replaced_file_is_not_touched),
        test(corrupt_file_is_set_aside),
        test(unusable_at_open),
        test(a_locked_file_is_not_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
