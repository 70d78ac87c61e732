/* The control socket on the loop, and the little client. Owns connections and lines; the language is control_words.c's. */
#include "control.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { CLIENTS_MAX = 32, LINE_BYTES = 1024 };

struct client {
    uv_pipe_t pipe;
    struct control *control;
    bool used;
    size_t length;
    char line[LINE_BYTES];
};

struct control {
    struct world *world;
    uv_pipe_t listener;
    size_t open;  /* handles */
    bool waiting; /* a connection, until another one ends */
    struct client clients[CLIENTS_MAX];
};

static void one_closed(struct control *control)
{
    if (--control->open == 0)
        free(control);
}

static void on_listener_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static void on_connection(uv_stream_t *listener, int status);

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct control *control = client->control;
    client->used = false;
    if (control->waiting && !uv_is_closing((uv_handle_t *)&control->listener)) {
        control->waiting = false;
        on_connection((uv_stream_t *)&control->listener, 0);
    }
    one_closed(control);
}

static void drop(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->pipe))
        uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write->data);
    free(write);
}

static void answer(struct client *client)
{
    char *text = world_command(client->control->world, client->line);
    size_t size = strlen(text);
    char *with_end = realloc(text, size + 2);
    uv_write_t *write = calloc(1, sizeof *write);
    if (!with_end || !write)
        abort();
    memcpy(with_end + size, "\n", 2);
    write->data = with_end;
    uv_buf_t buffer = uv_buf_init(with_end, (unsigned)size + 1);
    if (uv_write(write, (uv_stream_t *)&client->pipe, &buffer, 1, on_written) != 0)
        on_written(write, 0);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct client *client = handle->data;
    *buffer = uv_buf_init(client->line + client->length, (unsigned)(LINE_BYTES - 1 - client->length));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    (void)buffer;
    struct client *client = stream->data;
    if (size < 0) {
        drop(client);
        return;
    }
    client->length += (size_t)size;
    for (char *end; (end = memchr(client->line, '\n', client->length));) {
        size_t line = (size_t)(end - client->line) + 1;
        *end = '\0';
        answer(client);
        client->length -= line;
        memmove(client->line, client->line + line, client->length);
    }
    if (client->length == LINE_BYTES - 1)
        drop(client);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *control = listener->data;
    struct client *client = NULL;
    for (size_t i = 0; i < CLIENTS_MAX && !client; i++)
        if (!control->clients[i].used)
            client = &control->clients[i];
    control->waiting = status == 0 && !client;
    if (status < 0 || !client)
        return;
    *client = (struct client){.control = control, .used = true};
    uv_pipe_init(listener->loop, &client->pipe, 0);
    client->pipe.data = client;
    control->open++;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 || uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read) != 0)
        drop(client);
}

struct control *control_open(struct world *world, uv_loop_t *loop, const char *path, FILE *complaints)
{
    struct control *control = calloc(1, sizeof *control);
    if (!control)
        abort();
    control->world = world;
    control->open = 1;
    control->listener.data = control;
    uv_pipe_init(loop, &control->listener, 0);
    unlink(path); /* of a winlab that was killed */
    int code = uv_pipe_bind(&control->listener, path);
    if (code == 0)
        code = uv_listen((uv_stream_t *)&control->listener, CLIENTS_MAX, on_connection);
    if (code == 0)
        return control;
    fprintf(complaints, "winlab: control socket %s: %s\n", path, uv_strerror(code));
    control_close(control);
    return NULL;
}

void control_close(struct control *control)
{
    if (!control)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (control->clients[i].used)
            drop(&control->clients[i]);
    uv_close((uv_handle_t *)&control->listener, on_listener_closed);
}

/* ---- the client ---- */

static bool send_command(FILE *connection, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        fprintf(connection, strpbrk(argv[i], " \t") ? "%s\"%s\"" : "%s%s", i ? " " : "", argv[i]);
    return fputc('\n', connection) != EOF && fflush(connection) == 0;
}

static FILE *connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >= sizeof address.sun_path)
        return NULL;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        if (descriptor >= 0)
            close(descriptor);
        return NULL;
    }
    return fdopen(descriptor, "r+");
}

static void show(char *answer, bool is_list)
{
    for (char *end; is_list && (end = strstr(answer, "; ")); answer = end + 2)
        printf("%.*s\n", (int)(end - answer), answer);
    if (*answer)
        puts(answer);
}

int control_client_main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: winlab control SOCKET COMMAND…\n", stderr);
        return EX_USAGE;
    }
    FILE *connection = connect_to(argv[0]);
    if (!connection || !send_command(connection, argc - 1, argv + 1)) {
        fprintf(stderr, "winlab: nobody answers on %s\n", argv[0]);
        if (connection)
            fclose(connection);
        return EX_UNAVAILABLE;
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t size = getline(&line, &room, connection);
    fclose(connection);
    if (size > 0)
        line[strcspn(line, "\n")] = '\0';
    bool good = size > 1 && strncmp(line, "ok", 2) == 0;
    if (good)
        show(line + 2 + (line[2] == ' '), strcmp(argv[1], "help") == 0);
    else
        fprintf(stderr, "winlab: %s\n", size > 0 ? line : "no answer");
    free(line);
    return good ? EX_OK : 1;
}
