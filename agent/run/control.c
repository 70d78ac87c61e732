/* The control socket's daemon side: accepts, reads one line at a time, replies in order, drops whoever is slow or talks nonsense. */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
    struct control *control;
    struct client *next;
    int socket;
    uv_poll_t poll;
    uv_timer_t idle;
    unsigned closing; /* handles still to be closed */
    bool ended;       /* the peer will send no more */
    bool last;        /* close when the output is written */
    bool asking;      /* inside the callback: its answer is sent afterwards */
    struct control_request *pending;
    char input[CONTROL_REQUEST_BYTES];
    size_t input_size;
    char *output;
    size_t output_size, output_sent;
    int descriptor; /* goes with the first byte of the output; -1 = none */
    char who[CONTROL_WHO_BYTES];
};

struct control_request {
    struct client *client; /* NULL: gone */
};

struct control {
    uv_loop_t *loop;
    uv_poll_t poll;
    int socket, lock;
    int spare; /* given up for a moment when descriptors run out, or the loop would spin on a connection that it cannot accept */
    struct sockaddr_un address;
    control_callback *callback;
    void *context;
    struct client *clients;
    unsigned client_count;
};

static void update(struct client *client);

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    if (--client->closing > 0)
        return;
    free(client->output);
    free(client);
}

static void drop(struct client *client)
{
    struct client **link = &client->control->clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    client->control->client_count--;
    if (client->pending)
        client->pending->client = NULL;
    client->closing = 2;
    uv_close((uv_handle_t *)&client->poll, on_client_closed);
    uv_close((uv_handle_t *)&client->idle, on_client_closed);
    close(client->socket);
    if (client->descriptor >= 0)
        close(client->descriptor);
    client->descriptor = -1;
}

static json_t *refusal(const char *error, const char *cure)
{
    json_t *answer = json_pack("{s:b, s:s}", "ok", 0, "error", error);
    if (answer && cure && *cure)
        json_object_set_new(answer, "cure", json_string(cure));
    return answer;
}

static void say(struct client *client, json_t *answer, int descriptor)
{
    char *text = answer ? json_dumps(answer, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(answer);
    if (!text)
        text = must(strdup("{\"ok\":false,\"error\":\"the answer cannot be written as JSON\"}"));
    size_t size = strlen(text);
    text = must(realloc(text, size + 2));
    memcpy(text + size, "\n", 2);
    client->output = text;
    client->output_size = size + 1;
    client->output_sent = 0;
    client->descriptor = descriptor >= 0 ? fcntl(descriptor, F_DUPFD_CLOEXEC, 3) : -1;
}

void control_reply(struct control_request *request, json_t *answer, int descriptor)
{
    struct client *client = request->client;
    free(request);
    if (!client) {
        json_decref(answer);
        return;
    }
    client->pending = NULL;
    say(client, answer, descriptor);
    if (!client->asking)
        update(client);
}

void control_refuse(struct control_request *request, const char *error, const char *cure)
{
    control_reply(request, refusal(error, cure), -1);
}

/* A line that cannot be understood ends the conversation: what follows it cannot be trusted to begin where it seems to. */
static void reject(struct client *client, const char *error)
{
    client->last = true;
    say(client, refusal(error, NULL), -1);
}

static void handle_line(struct client *client, const char *line, size_t size)
{
    json_error_t error;
    json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    const char *verb = json_string_value(json_object_get(request, "verb"));
    if (!request)
        reject(client, "the request is not JSON");
    else if (!json_is_object(request) || !verb)
        reject(client, "the request is not a JSON object with a `verb`");
    else {
        client->pending = must(calloc(1, sizeof *client->pending));
        client->pending->client = client;
        client->asking = true;
        client->control->callback(client->control->context, client->pending, verb, request, client->who);
        client->asking = false;
    }
    json_decref(request);
}

/* One line, unless an answer is still owed. Returns whether there is more to do. */
static bool next_line(struct client *client)
{
    if (client->last || client->pending || client->output)
        return false;
    char *end = memchr(client->input, '\n', client->input_size);
    if (!end) {
        if (client->input_size < sizeof client->input)
            return false;
        reject(client, "the request is longer than 4096 bytes");
        return true;
    }
    uv_timer_stop(&client->idle);
    char line[CONTROL_REQUEST_BYTES];
    size_t size = (size_t)(end - client->input);
    memcpy(line, client->input, size);
    client->input_size -= size + 1;
    memmove(client->input, end + 1, client->input_size);
    handle_line(client, line, size);
    return !client->closing;
}

/* Returns false when the client is gone. */
static bool send_output(struct client *client)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } ancillary = {0};
    while (client->output) {
        struct iovec piece = {client->output + client->output_sent, client->output_size - client->output_sent};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
        if (client->descriptor >= 0) {
            message.msg_control = ancillary.bytes;
            message.msg_controllen = sizeof ancillary.bytes;
            struct cmsghdr *head = CMSG_FIRSTHDR(&message);
            head->cmsg_level = SOL_SOCKET;
            head->cmsg_type = SCM_RIGHTS;
            head->cmsg_len = CMSG_LEN(sizeof(int));
            memcpy(CMSG_DATA(head), &client->descriptor, sizeof(int));
        }
        ssize_t sent = sendmsg(client->socket, &message, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        if (client->descriptor >= 0)
            close(client->descriptor);
        client->descriptor = -1;
        client->output_sent += (size_t)sent;
        if (client->output_sent == client->output_size) {
            free(client->output);
            client->output = NULL;
            uv_timer_stop(&client->idle);
        }
    }
    return true;
}

/* Returns false when the client is gone. */
static bool receive(struct client *client)
{
    ssize_t got = recv(client->socket, client->input + client->input_size, sizeof client->input - client->input_size, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        client->ended = true;
    client->input_size += (size_t)got;
    return true;
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    struct client *client = poll->data;
    if (status < 0 || ((events & UV_READABLE) && !receive(client)))
        drop(client);
    else
        update(client);
}

static void on_idle(uv_timer_t *timer)
{
    drop(timer->data);
}

/* Does all that can be done now, then waits for what is missing: room to write, or more to read. While an answer is owed by the
 * daemon nothing is read, so a client cannot pile up work. */
static void update(struct client *client)
{
    do {
        if (!send_output(client)) {
            drop(client);
            return;
        }
    } while (next_line(client));
    if (client->closing)
        return; /* the callback closed the control socket */
    if (!client->pending && !client->output && (client->last || client->ended)) {
        drop(client);
        return;
    }
    if (client->pending)
        uv_poll_stop(&client->poll);
    else
        uv_poll_start(&client->poll, client->output ? UV_WRITABLE : UV_READABLE, on_client);
    /* one whole request, then one whole answer, each in its time: bytes that trickle in buy none */
    if (!client->pending && !uv_is_active((uv_handle_t *)&client->idle))
        uv_timer_start(&client->idle, on_idle, CONTROL_IDLE_MS, 0);
}

/* From /etc/passwd alone: a directory service that does not answer must not stop the loop. */
static void name_user(int socket, char *who, size_t size)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof peer;
    getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    snprintf(who, size, "uid %ld", peer.uid == (uid_t)-1 ? -1L : (long)peer.uid);
    FILE *users = fopen("/etc/passwd", "re");
    for (struct passwd *user; users && (user = fgetpwent(users)) != NULL;)
        if (user->pw_uid == peer.uid) {
            snprintf(who, size, "%s", user->pw_name);
            break;
        }
    if (users)
        fclose(users);
}

static void turn_away(int socket)
{
    static const char answer[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
    if (send(socket, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
        errno = 0; /* nobody to tell */
    close(socket);
}

static void welcome(struct control *control, int socket)
{
    struct client *client = must(calloc(1, sizeof *client));
    client->control = control;
    client->socket = socket;
    client->descriptor = -1;
    client->poll.data = client->idle.data = client;
    name_user(socket, client->who, sizeof client->who);
    uv_poll_init(control->loop, &client->poll, socket);
    uv_timer_init(control->loop, &client->idle);
    client->next = control->clients;
    control->clients = client;
    control->client_count++;
    update(client);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct control *control = poll->data;
    (void)events;
    int socket = status < 0 ? -1 : accept4(control->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    bool short_of_descriptors = socket < 0 && (errno == EMFILE || errno == ENFILE);
    if (short_of_descriptors) {
        if (control->spare >= 0)
            close(control->spare);
        socket = accept4(control->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    if (socket >= 0 && (short_of_descriptors || control->client_count >= CONTROL_CLIENTS)) {
        turn_away(socket);
        socket = -1;
    }
    if (short_of_descriptors)
        control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (socket >= 0)
        welcome(control, socket);
}

/* The lock, not the socket, says who runs: it is released by the kernel when its holder dies, however it dies. */
static int hold_lock(const char *path, char *error, size_t error_size)
{
    char name[sizeof((struct sockaddr_un *)0)->sun_path + 8];
    snprintf(name, sizeof name, "%s.lock", path);
    int lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        snprintf(error, error_size, "%s: %s", name, strerror(errno));
        return -1;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        snprintf(error, error_size, "already running: another solowarden holds %s", path);
        close(lock);
        return -1;
    }
    return lock;
}

static bool clear_stale(const struct sockaddr_un *address, char *error, size_t error_size)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0)
        return true;
    if (!S_ISSOCK(status.st_mode)) {
        snprintf(error, error_size, "%s exists and is not a socket: remove it, or set agent.control_socket", address->sun_path);
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool live = connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
    close(probe);
    if (live)
        snprintf(error, error_size, "already running: somebody answers on %s", address->sun_path);
    else if (unlink(address->sun_path) == 0)
        return true;
    else
        snprintf(error, error_size, "%s: cannot remove the stale socket: %s", address->sun_path, strerror(errno));
    return false;
}

static bool give_to_group(const char *path, const char *name, char *error, size_t error_size)
{
    const struct group *group = name ? getgrnam(name) : NULL;
    if (name && !group)
        snprintf(error, error_size, "there is no group `%s`: correct agent.control_group", name);
    else if ((group && chown(path, (uid_t)-1, group->gr_gid) != 0) || chmod(path, 0660) != 0)
        snprintf(error, error_size, "%s: cannot give it to group `%s`: %s", path, name ? name : "", strerror(errno));
    else
        return true;
    return false;
}

static int listen_on(const struct sockaddr_un *address, const char *group, char *error, size_t error_size)
{
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* the mode before bind is the file's from its first moment; chmod afterwards only undoes the umask */
    if (listener < 0 || fchmod(listener, 0660) != 0 || bind(listener, (const struct sockaddr *)address, sizeof *address) != 0) {
        snprintf(error, error_size, "%s: %s", address->sun_path, strerror(errno));
    } else if (!give_to_group(address->sun_path, group, error, error_size)) {
        unlink(address->sun_path);
    } else if (listen(listener, CONTROL_CLIENTS) != 0) {
        snprintf(error, error_size, "%s: %s", address->sun_path, strerror(errno));
    } else {
        return listener;
    }
    if (listener >= 0)
        close(listener);
    return -1;
}

struct control *control_open(uv_loop_t *loop, const char *path, const char *group, control_callback *callback, void *context, char *error,
                             size_t error_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(error, error_size, "%s: longer than the %zu bytes that a socket's path may have", path, sizeof address.sun_path - 1);
        return NULL;
    }
    strcpy(address.sun_path, path);
    int lock = hold_lock(path, error, error_size);
    int listener = -1;
    if (lock >= 0 && clear_stale(&address, error, error_size))
        listener = listen_on(&address, group, error, error_size);
    if (listener < 0) {
        if (lock >= 0)
            close(lock);
        return NULL;
    }
    struct control *control = must(calloc(1, sizeof *control));
    *control = (struct control){.loop = loop,
                                .socket = listener,
                                .lock = lock,
                                .spare = open("/dev/null", O_RDONLY | O_CLOEXEC),
                                .address = address,
                                .callback = callback,
                                .context = context};
    uv_poll_init(loop, &control->poll, listener);
    control->poll.data = control;
    uv_poll_start(&control->poll, UV_READABLE, on_connection);
    return control;
}

static void on_control_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void control_close(struct control *control)
{
    if (!control)
        return;
    while (control->clients)
        drop(control->clients);
    uv_close((uv_handle_t *)&control->poll, on_control_closed);
    unlink(control->address.sun_path);
    close(control->socket);
    close(control->lock);
    if (control->spare >= 0)
        close(control->spare);
}
