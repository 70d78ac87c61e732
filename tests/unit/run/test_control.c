/* The control socket against friendly and hostile clients. The daemon's loop and the client share one thread: a client's call is
 * followed by turns of the loop until its answer is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/run/control.h"

struct fixture {
    char folder[64], path[96], error[256];
    uv_loop_t loop;
    struct control *control;
    struct control_request *kept; /* verb "later" */
    unsigned called;
    char who[CONTROL_WHO_BYTES];
};

static void on_request(void *context, struct control_request *request, const char *verb, const json_t *args, const char *who)
{
    struct fixture *fixture = context;
    fixture->called++;
    snprintf(fixture->who, sizeof fixture->who, "%s", who);
    if (strcmp(verb, "later") == 0) {
        fixture->kept = request;
    } else if (strcmp(verb, "snapshot") == 0) {
        int memory = memfd_create("rows", MFD_CLOEXEC);
        assert_int_equal(write(memory, "rows", 4), 4);
        control_reply(request, json_pack("{s:b}", "ok", 1), memory);
        close(memory);
    } else if (strcmp(verb, "large") == 0) {
        char *text = calloc(1, (4 << 20) + 1);
        memset(text, 'x', 4 << 20);
        control_reply(request, json_pack("{s:b, s:s}", "ok", 1, "text", text), -1);
        free(text);
    } else if (strcmp(verb, "stop") == 0) {
        control_close(fixture->control);
        fixture->control = NULL;
        control_refuse(request, "never seen", NULL);
    } else if (strcmp(verb, "echo") == 0) {
        control_reply(request, json_pack("{s:b, s:O}", "ok", 1, "args", args), -1);
    } else {
        control_refuse(request, "no such verb", "see --help");
    }
}

static struct control *open_control(struct fixture *fixture)
{
    return control_open(&fixture->loop, fixture->path, NULL, on_request, fixture, fixture->error, sizeof fixture->error);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/sw-control-XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/control.sock", fixture->folder);
    uv_loop_init(&fixture->loop);
    fixture->control = open_control(fixture);
    *state = fixture;
    return fixture->control ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    control_close(fixture->control);
    if (fixture->kept)
        control_refuse(fixture->kept, "too late", NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&fixture->loop);
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->folder);
    int failed = system(command);
    free(fixture);
    return busy || failed ? -1 : 0;
}

static int dial(const struct fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->path);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

static void put(int client, const char *text)
{
    assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* One line, or "" when the daemon hung up. The loop turns in between. */
static const char *hear(struct fixture *fixture, int client)
{
    static char line[5 << 20];
    size_t size = 0;
    for (;;) {
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
        ssize_t got = recv(client, line + size, 1, MSG_PEEK);
        if (got < 0 && errno == EAGAIN)
            continue;
        if (got <= 0)
            return "";
        got = recv(client, line + size, sizeof line - size - 1, 0);
        size += (size_t)got;
        line[size] = '\0';
        if (line[size - 1] == '\n')
            return line;
    }
}

static void answers_and_names_the_user(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    put(client, "{\"verb\":\"echo\",\"scope\":\"pollers\\u00fc\"}\n");
    assert_string_equal(hear(fixture, client), "{\"ok\":true,\"args\":{\"verb\":\"echo\",\"scope\":\"pollers\\u00FC\"}}\n");
    const struct passwd *self = getpwuid(getuid());
    assert_string_equal(fixture->who, self ? self->pw_name : "?");
    put(client, "{\"verb\":\"nonsense\"}\n");
    assert_string_equal(hear(fixture, client), "{\"ok\":false,\"error\":\"no such verb\",\"cure\":\"see --help\"}\n");
    close(client);
}

static void socket_is_for_owner_and_group(void **state)
{
    const struct fixture *fixture = *state;
    struct stat status;
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
}

static void passes_a_descriptor(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    put(client, "{\"verb\":\"snapshot\"}\n");
    char text[64], bytes[CMSG_SPACE(sizeof(int))], rows[8] = "";
    struct iovec piece = {text, sizeof text};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = bytes, .msg_controllen = sizeof bytes};
    ssize_t got;
    do
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    while ((got = recvmsg(client, &message, 0)) < 0 && errno == EAGAIN);
    assert_true(got > 0);
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    assert_non_null(head);
    int memory;
    memcpy(&memory, CMSG_DATA(head), sizeof memory);
    assert_int_equal(pread(memory, rows, sizeof rows, 0), 4);
    assert_string_equal(rows, "rows");
    close(memory);
    close(client);
}

static void nonsense_is_answered_and_hung_up(void **state)
{
    struct fixture *fixture = *state;
    static const char *const lines[] = {"hello\n",
                                        "\n",
                                        "[]\n",
                                        "{}\n",
                                        "{\"verb\":7}\n",
                                        "{\"verb\":\"echo\",\"verb\":\"stop\"}\n",
                                        "{\"verb\":",
                                        "\"\xff\xfe\"\n",
                                        "GET / HTTP/1.1\r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int client = dial(fixture);
        put(client, lines[i]);
        if (strchr(lines[i], '\n'))
            assert_non_null(strstr(hear(fixture, client), "\"ok\":false"));
        else
            shutdown(client, SHUT_WR);
        assert_string_equal(hear(fixture, client), "");
        close(client);
    }
    char deep[4000];
    memset(deep, '[', sizeof deep - 2);
    memcpy(deep + sizeof deep - 2, "\n", 2);
    int client = dial(fixture);
    put(client, deep);
    assert_non_null(strstr(hear(fixture, client), "not JSON"));
    close(client);
    assert_int_equal(fixture->called, 0);
}

static void too_long_a_line(void **state)
{
    struct fixture *fixture = *state;
    char line[CONTROL_REQUEST_BYTES + 1];
    memset(line, ' ', sizeof line);
    line[sizeof line - 1] = '\0';
    int client = dial(fixture);
    put(client, line);
    assert_non_null(strstr(hear(fixture, client), "longer than 4096"));
    assert_string_equal(hear(fixture, client), "");
    close(client);
}

static void many_requests_in_one_write(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    char all[4000] = "";
    for (unsigned i = 0; i < 100; i++)
        strcat(all, "{\"verb\":\"echo\"}\n");
    put(client, all);
    shutdown(client, SHUT_WR);
    while (*hear(fixture, client))
        ;
    assert_int_equal(fixture->called, 100);
    close(client);
}

static void answered_later(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    put(client, "{\"verb\":\"later\"}\n{\"verb\":\"echo\"}\n");
    while (!fixture->kept)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    assert_int_equal(fixture->called, 1); /* one at a time */
    control_reply(fixture->kept, json_pack("{s:b}", "ok", 1), -1);
    fixture->kept = NULL;
    assert_non_null(strstr(hear(fixture, client), "{\"ok\":true}\n"));
    while (fixture->called < 2)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    close(client);
}

static void answered_when_the_client_is_gone(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    put(client, "{\"verb\":\"later\"}\n");
    while (!fixture->kept)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    close(client);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    control_reply(fixture->kept, json_pack("{s:b}", "ok", 1), -1);
    fixture->kept = NULL;
    client = dial(fixture);
    put(client, "{\"verb\":\"echo\"}\n");
    assert_non_null(strstr(hear(fixture, client), "\"ok\":true"));
    close(client);
}

static void large_answers_arrive_whole(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    put(client, "{\"verb\":\"large\"}\n");
    assert_int_equal(strlen(hear(fixture, client)), (4 << 20) + strlen("{\"ok\":true,\"text\":\"\"}\n"));
    close(client);
}

static void too_many_clients(void **state)
{
    struct fixture *fixture = *state;
    int clients[CONTROL_CLIENTS];
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        clients[i] = dial(fixture);
        put(clients[i], "{\"verb\":\"echo\"}\n");
        assert_non_null(strstr(hear(fixture, clients[i]), "\"ok\":true"));
    }
    int extra = dial(fixture);
    assert_non_null(strstr(hear(fixture, extra), "too many clients"));
    assert_string_equal(hear(fixture, extra), "");
    close(extra);
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        close(clients[i]);
    do /* until the daemon has seen them leave */
        extra = dial(fixture);
    while (put(extra, "{\"verb\":\"echo\"}\n"), !strstr(hear(fixture, extra), "\"ok\":true") && close(extra) == 0);
    close(extra);
}

/* Neither silence nor bytes that trickle in keep a place. The loop's own timer says how long; the test only waits for it. */
static void slow_clients_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    int silent = dial(fixture), trickling = dial(fixture);
    put(silent, "{\"verb\":");
    while (send(trickling, " ", 1, MSG_NOSIGNAL) == 1) {
        usleep(5000); /* slow enough not to be cut off for the length of its line */
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    assert_string_equal(hear(fixture, trickling), "");
    assert_string_equal(hear(fixture, silent), "");
    close(silent);
    close(trickling);
}

static void out_of_descriptors(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture), probe = dup(client);
    struct rlimit was, none;
    getrlimit(RLIMIT_NOFILE, &was);
    none = (struct rlimit){.rlim_cur = (rlim_t)probe, .rlim_max = was.rlim_max};
    close(probe);
    setrlimit(RLIMIT_NOFILE, &none);
    const char *answer = hear(fixture, client);
    setrlimit(RLIMIT_NOFILE, &was);
    assert_non_null(strstr(answer, "too many clients"));
    close(client);
    client = dial(fixture);
    put(client, "{\"verb\":\"echo\"}\n");
    assert_non_null(strstr(hear(fixture, client), "\"ok\":true"));
    close(client);
}

static void closed_from_within(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    put(client, "{\"verb\":\"stop\"}\n{\"verb\":\"echo\"}\n");
    assert_string_equal(hear(fixture, client), "");
    assert_int_equal(fixture->called, 1);
    assert_int_equal(access(fixture->path, F_OK), -1);
    close(client);
}

static void a_second_daemon_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_null(open_control(fixture));
    assert_non_null(strstr(fixture->error, "already running"));
    /* also when somebody removed the lock */
    char lock[128];
    snprintf(lock, sizeof lock, "%s.lock", fixture->path);
    unlink(lock);
    assert_null(open_control(fixture));
    assert_non_null(strstr(fixture->error, "already running"));
    int client = dial(fixture);
    close(client);
}

static void the_lock_alone_is_enough(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    assert_null(open_control(fixture));
    assert_non_null(strstr(fixture->error, "already running"));
}

static void answered_when_the_socket_is_closed(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    put(client, "{\"verb\":\"later\"}\n");
    while (!fixture->kept)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    control_close(fixture->control);
    fixture->control = NULL;
    uv_run(&fixture->loop, UV_RUN_DEFAULT); /* the client's memory is gone now */
    control_refuse(fixture->kept, "too late", NULL);
    fixture->kept = NULL;
    assert_string_equal(hear(fixture, client), "");
    close(client);
}

static void a_dead_daemons_socket_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    control_close(fixture->control);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    pid_t child = fork();
    if (child == 0) {
        uv_loop_t loop;
        uv_loop_init(&loop);
        struct control *control = control_open(&loop, fixture->path, NULL, on_request, fixture, fixture->error, sizeof fixture->error);
        raise(control ? SIGKILL : SIGTERM);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_int_equal(access(fixture->path, F_OK), 0);
    fixture->control = open_control(fixture);
    assert_non_null(fixture->control);
}

static void unusable_paths(void **state)
{
    struct fixture *fixture = *state;
    char error[256], path[200];
    snprintf(path, sizeof path, "%s/file", fixture->folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_null(control_open(&fixture->loop, path, NULL, on_request, fixture, error, sizeof error));
    assert_non_null(strstr(error, "not a socket"));
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/none/control.sock", fixture->folder);
    assert_null(control_open(&fixture->loop, path, NULL, on_request, fixture, error, sizeof error));
    assert_non_null(strstr(error, "No such file"));
    snprintf(path, sizeof path, "%s/%0120d", fixture->folder, 0);
    assert_null(control_open(&fixture->loop, path, NULL, on_request, fixture, error, sizeof error));
    assert_non_null(strstr(error, "longer than"));
    snprintf(path, sizeof path, "%s/other.sock", fixture->folder);
    assert_null(control_open(&fixture->loop, path, "no-such-group", on_request, fixture, error, sizeof error));
    assert_non_null(strstr(error, "there is no group"));
    assert_int_equal(access(path, F_OK), -1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(answers_and_names_the_user),
        test(socket_is_for_owner_and_group),
        test(passes_a_descriptor),
        test(nonsense_is_answered_and_hung_up),
        test(too_long_a_line),
        test(many_requests_in_one_write),
        test(answered_later),
        test(answered_when_the_client_is_gone),
        test(large_answers_arrive_whole),
        test(too_many_clients),
        test(slow_clients_are_dropped),
        test(out_of_descriptors),
        test(closed_from_within),
        test(a_second_daemon_is_refused),
        test(the_lock_alone_is_enough),
        test(answered_when_the_socket_is_closed),
        test(a_dead_daemons_socket_is_replaced),
        test(unusable_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
