/* Programs: what they get, what comes of them, and that none outlives its deadline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/run/channel.h"

struct run {
    uv_loop_t loop;
    uv_timer_t patience;
    struct exec_channel *exec;
    struct reply reply;
    char *text;
    bool replied;
};

static void replied(void *context, const struct reply *reply)
{
    struct run *run = context;
    assert_false(run->replied);
    run->reply = *reply;
    free(run->text);
    run->text = calloc(1, reply->size + 1);
    memcpy(run->text, reply->data, reply->size);
    run->replied = true;
    uv_stop(&run->loop);
}

static void patience_ended(uv_timer_t *timer)
{
    struct run *run = timer->data;
    exec_expire(run->exec);
}

static void run_open(struct run *run)
{
    memset(run, 0, sizeof *run);
    uv_loop_init(&run->loop);
    uv_timer_init(&run->loop, &run->patience);
    run->patience.data = run;
    run->exec = exec_open(&run->loop, replied, run);
}

static uint16_t run_ask(struct run *run, const struct request *request, unsigned patience_ms)
{
    run->replied = false;
    uv_update_time(&run->loop);
    uv_timer_start(&run->patience, patience_ended, patience_ms, 0);
    exec_request(run->exec, request);
    assert_false(run->replied);
    while (!run->replied)
        uv_run(&run->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&run->patience);
    return run->reply.reason;
}

static uint16_t run_shell(struct run *run, const char *script, size_t limit, unsigned patience_ms)
{
    const char *const arguments[] = {"/bin/sh", "-c", script, NULL};
    const struct request request = {.kind = REQUEST_RUN, .arguments = arguments, .limit = limit};
    return run_ask(run, &request, patience_ms);
}

static void run_close(struct run *run)
{
    exec_close(run->exec);
    uv_close((uv_handle_t *)&run->patience, NULL);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&run->loop), 0);
    free(run->text);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, dead or alive */
    assert_int_equal(errno, ECHILD);
}

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        size_t limit;
        uint16_t reason;
        int exit_status;
        const char *text;
    } cases[] = {
        {"echo OK; exit 0", 0, REASON_OK, 0, "OK\n"},
        {"echo 'CRITICAL | x=1'; exit 2", 0, REASON_OK, 2, "CRITICAL | x=1\n"},
        {"exit 75", 0, REASON_OK, 75, ""},
        {"echo out; echo err >&2", 0, REASON_OK, 0, "out\n"},
        {"kill -9 $$", 0, REASON_PROGRAM_KILLED, 128 + 9, ""},
        {"kill -PIPE $$; echo deaf", 0, REASON_PROGRAM_KILLED, 128 + 13, ""}, /* what we ignore it need not */
        {"printf 1234567890; exit 3", 4, REASON_OUTPUT_TOO_LARGE, 3, "1234"},
        {"cat; echo end", 0, REASON_OK, 0, "end\n"}, /* stdin is empty */
        {"echo $0 $#; pwd", 0, REASON_OK, 0, "/bin/sh 0\n/\n"},
    };
    struct run run;
    run_open(&run);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(reason_name(run_shell(&run, cases[i].script, cases[i].limit, 20000)), reason_name(cases[i].reason));
        assert_int_equal(run.reply.exit_status, cases[i].exit_status);
        assert_string_equal(run.text, cases[i].text);
    }
    run_close(&run);
}

static void test_a_flood_of_output_is_bounded(void **state)
{
    (void)state;
    struct run run;
    run_open(&run);
    assert_int_equal(run_shell(&run, "head -c 5000000 /dev/zero", 0, 60000), REASON_OUTPUT_TOO_LARGE);
    assert_int_equal(run.reply.size, 16384);
    assert_int_equal(run.reply.exit_status, 0);
    run_close(&run);
}

static void test_clean_surroundings(void **state)
{
    (void)state;
    struct run run;
    int leak = open("/dev/null", O_RDONLY); /* without close-on-exec */
    setenv("SECRET", "x", 1);
    run_open(&run);
    assert_int_equal(
        /* asked one by one: a pipeline or a glob would find the shell's own descriptor */
        run_shell(&run,
                  "env | sort | cut -d= -f1 | tr '\\n' ' '; for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
                  "[ ! -e /proc/$$/fd/$n ] || printf \"$n \"; done; readlink /proc/$$/fd/0",
                  0, 20000),
        REASON_OK);
    assert_string_equal(run.text, "HOME LC_ALL PATH PWD 0 1 2 /dev/null\n");
    run_close(&run);
    unsetenv("SECRET");
    close(leak);
}

static void test_an_order_on_stdin_and_complaints(void **state)
{
    (void)state;
    struct run run;
    const char *const arguments[] = {
        "/bin/sh", "-c", "read line; echo \"got $line\"; for i in $(seq 500); do echo noise >&2; done; echo why it failed >&2; exit 77",
        NULL};
    const struct request request = {.kind = REQUEST_RUN, .arguments = arguments, .bytes = "{\"verb\": \"move\"}\n", .size = 17};
    run_open(&run);
    assert_int_equal(run_ask(&run, &request, 20000), REASON_OK);
    assert_int_equal(run.reply.exit_status, 77);
    assert_memory_equal(run.text, "got {\"verb\": \"move\"}\n", 21);
    assert_int_equal(run.reply.size, 21 + 1024);
    assert_non_null(strstr(run.text, "noise\nwhy it failed\n"));
    /* a program that does not read its order */
    const char *const deaf[] = {"/bin/true", NULL};
    const struct request unread = {.kind = REQUEST_RUN, .arguments = deaf, .bytes = "x", .size = 1};
    assert_int_equal(run_ask(&run, &unread, 20000), REASON_OK);
    run_close(&run);
}

static void test_cannot_start(void **state)
{
    (void)state;
    struct run run;
    const char *const missing[] = {"/nonexistent", NULL}, *const folder[] = {"/tmp", NULL}, *const none[] = {NULL};
    const char *const *const all[] = {missing, folder, none};
    run_open(&run);
    for (size_t i = 0; i < 3; i++) {
        const struct request request = {.kind = REQUEST_RUN, .arguments = all[i]};
        assert_int_equal(run_ask(&run, &request, 20000), REASON_START_FAILED);
    }
    run_close(&run);
}

static void test_deadline(void **state)
{
    (void)state;
    struct run run;
    run_open(&run);
    assert_int_equal(run_shell(&run, "echo begun; exec sleep 1000", 0, 200), REASON_PROGRAM_TIMEOUT);
    assert_int_equal(run.reply.exit_status, 128 + SIGTERM);
    assert_string_equal(run.text, "begun\n");
    assert_int_equal(run_shell(&run, "trap 'echo cleaned; exit 4' TERM; while :; do sleep 0.05; done", 0, 200), REASON_PROGRAM_TIMEOUT);
    assert_int_equal(run.reply.exit_status, 4);
    assert_int_equal(run_shell(&run, "trap '' TERM; while :; do sleep 0.05; done", 0, 200), REASON_PROGRAM_TIMEOUT);
    assert_int_equal(run.reply.exit_status, 128 + SIGKILL);
    run_close(&run);
}

/* After the deadline the whole group goes, deaf grandchildren too; after an ordinary end what was started stays. */
static void test_grandchildren(void **state)
{
    (void)state;
    struct run run;
    char path[] = "/tmp/exec.XXXXXX", script[512];
    int descriptor = mkstemp(path), grandchild = 0;
    FILE *file;
    run_open(&run);
    snprintf(script, sizeof script, "(trap '' TERM; echo $$ >&2; exec sleep 1000) & echo $! > %s; exec sleep 1000", path);
    assert_int_equal(run_shell(&run, script, 0, 300), REASON_PROGRAM_TIMEOUT);
    file = fopen(path, "r");
    assert_int_equal(fscanf(file, "%d", &grandchild), 1);
    fclose(file);
    for (int i = 0; i < 500 && kill(grandchild, 0) == 0; i++) { /* until init has reaped it */
        char state_path[64], line[256] = "";
        snprintf(state_path, sizeof state_path, "/proc/%d/stat", grandchild);
        FILE *status = fopen(state_path, "r");
        if (status && fgets(line, sizeof line, status) && strstr(line, ") Z"))
            i = 500; /* dead; nobody reaps in a bare container */
        if (status)
            fclose(status);
        usleep(10000);
        assert_int_not_equal(i, 499);
    }

    snprintf(script, sizeof script, "sleep 1000 & echo $! > %s", path);
    assert_int_equal(run_shell(&run, script, 0, 20000), REASON_OK); /* although it holds our pipe */
    file = fopen(path, "r");
    assert_int_equal(fscanf(file, "%d", &grandchild), 1);
    fclose(file);
    assert_int_equal(kill(grandchild, SIGKILL), 0);
    run_close(&run);
    close(descriptor);
    unlink(path);
}

static void test_closed_while_running(void **state)
{
    (void)state;
    struct run run;
    run_open(&run);
    const char *const arguments[] = {"/bin/sleep", "1000", NULL};
    const struct request request = {.kind = REQUEST_RUN, .arguments = arguments};
    exec_request(run.exec, &request);
    run_close(&run);
    assert_false(run.replied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_a_flood_of_output_is_bounded),
        cmocka_unit_test(test_clean_surroundings),
        cmocka_unit_test(test_an_order_on_stdin_and_complaints),
        cmocka_unit_test(test_cannot_start),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_grandchildren),
        cmocka_unit_test(test_closed_while_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
