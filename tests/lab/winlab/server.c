/* All nodes of all clusters on one loop, and what HTTP asks of them. Knows WS-Management only as soap_answer(). */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#include "server_listener.h"
#include "world.h"

struct machine {
    struct listener wsman, exporter;
    struct soap_contexts *contexts;
};

struct server {
    struct world *world;
    uv_loop_t *loop;
    const struct server_options *options;
    uv_prepare_t before; /* the world may have changed before the loop waits, */
    uv_check_t after;    /* or by what came while it waited */
    uv_timer_t every_second;
    size_t count;
    struct machine *machines;
};

uv_loop_t *server_loop(const struct server *server)
{
    return server->loop;
}

struct world *server_world(const struct server *server)
{
    return server->world;
}

bool server_is_plain(const struct server *server)
{
    return !server->options->authority;
}

const char *server_key(const struct server *server)
{
    return server->options->authority ? authority_key(server->options->authority) : NULL;
}

char *server_certificate(const struct server *server, size_t node, bool wrong)
{
    const struct authority *authority = server->options->authority;
    if (wrong)
        return authority_certify(authority, "somebody-else.winlab.invalid", NULL);
    return authority_certify(authority, world_node_name(server->world, node), world_node_address(server->world, node));
}

static enum MHD_Result send_text(struct http_request *request, unsigned status, const char *type, struct text *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(text->length, text->bytes, MHD_RESPMEM_MUST_COPY);
    if (text->length)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_SERVER, "solowarden-winlab (simulation)");
    if (status == MHD_HTTP_UNAUTHORIZED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Negotiate");
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"WSMAN\"");
    }
    enum MHD_Result result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    text_free(text);
    return result;
}

static enum MHD_Result send_nothing(struct http_request *request, unsigned status)
{
    struct text nothing = {0};
    return send_text(request, status, "", &nothing);
}

static enum MHD_Result answer_metrics(struct http_request *request, const char *url, const char *method)
{
    if (strcmp(url, "/metrics") != 0 || strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return send_nothing(request, MHD_HTTP_NOT_FOUND);
    size_t size = 0;
    char *metrics = exporter_text(request->listener->server->world, request->listener->node, &size);
    struct text text = {.bytes = metrics, .length = metrics ? size : 0};
    return send_text(request, metrics ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain; version=0.0.4; charset=utf-8", &text);
}

static bool is_soap(struct MHD_Connection *connection)
{
    static const char soap[] = "application/soap+xml";
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    return type && !strncasecmp(type, soap, sizeof soap - 1) && (!type[sizeof soap - 1] || strchr("; ", type[sizeof soap - 1]));
}

static bool may_identify_unknown(struct MHD_Connection *connection)
{
    const char *word = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "WSMANIDENTIFY");
    return word && !strcmp(word, "unauthenticated");
}

static enum MHD_Result send_soap(struct http_request *request, unsigned status, struct text *reply)
{
    return send_text(request, status, "application/soap+xml;charset=UTF-8", reply);
}

/* The world moves in steps, and each resource may be a step late: who waits for it waits a little longer. */
enum { WORLD_LATE_MS = 500 };

static enum MHD_Result answer_wsman(struct http_request *request, const char *url, const char *method, uint32_t *wait_ms)
{
    const struct listener *listener = request->listener;
    const struct server *server = listener->server;
    char user[64] = "";
    struct soap_caller caller = {.world = server->world,
                                 .node = listener->node,
                                 .node_name = world_node_name(server->world, listener->node),
                                 .user = user,
                                 .contexts = server->machines[listener->node].contexts,
                                 .now_ms = uv_now(server->loop),
                                 .takes_ms = wait_ms};
    if (strcasecmp(url, "/wsman") != 0)
        return send_nothing(request, MHD_HTTP_NOT_FOUND);
    if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
        return send_nothing(request, MHD_HTTP_METHOD_NOT_ALLOWED);
    if (!auth_check(&server->options->auth, request->connection, user, &caller.role) && !may_identify_unknown(request->connection)) {
        bool tried = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION) != NULL;
        world_count(server->world, listener->node, tried ? "Refused" : "Unauthorized");
        return send_nothing(request, MHD_HTTP_UNAUTHORIZED);
    }
    if (request->too_long)
        return send_nothing(request, MHD_HTTP_CONTENT_TOO_LARGE);
    if (!is_soap(request->connection))
        return send_nothing(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE);
    struct text reply = {0};
    unsigned status = soap_answer(&caller, request->body.bytes ? request->body.bytes : "", request->body.length, &reply);
    world_contexts(server->world, listener->node, soap_contexts_count(caller.contexts));
    if (*wait_ms == 0)
        return send_soap(request, status, &reply);
    *wait_ms += WORLD_LATE_MS;
    request->status = status;
    request->reply = reply;
    return MHD_YES;
}

enum MHD_Result server_answer(struct http_request *request, const char *url, const char *method, uint32_t *wait_ms)
{
    if (request->status)
        return send_soap(request, request->status, &request->reply);
    return request->listener->is_exporter ? answer_metrics(request, url, method) : answer_wsman(request, url, method, wait_ms);
}

static bool follow(struct server *server, FILE *complaints)
{
    bool good = true;
    for (size_t i = 0; i < server->count && good; i++) {
        struct machine *machine = &server->machines[i];
        good = listener_follow(&machine->wsman, complaints) &&
               (!server->options->exporter_port || listener_follow(&machine->exporter, complaints));
        if (!machine->wsman.daemon) /* who is off forgets what was open */
            soap_contexts_expire(machine->contexts, UINT64_MAX);
    }
    return good;
}

static void on_before(uv_prepare_t *before)
{
    follow(before->data, stderr);
}

static void on_after(uv_check_t *after)
{
    follow(after->data, stderr);
}

static void on_second(uv_timer_t *timer)
{
    struct server *server = timer->data;
    for (size_t i = 0; i < server->count; i++) {
        struct soap_contexts *contexts = server->machines[i].contexts;
        soap_contexts_expire(contexts, uv_now(server->loop));
        world_contexts(server->world, i, soap_contexts_count(contexts));
    }
}

static void open_machines(struct server *server)
{
    for (size_t i = 0; i < server->count; i++) {
        struct machine *machine = &server->machines[i];
        machine->contexts = soap_contexts_open();
        machine->wsman = (struct listener){.server = server, .node = i, .port = server->options->port};
        machine->exporter = (struct listener){.server = server, .node = i, .port = server->options->exporter_port, .is_exporter = true};
        listener_open(&machine->wsman);
        listener_open(&machine->exporter);
    }
}

struct server *server_open(struct world *world, uv_loop_t *loop, const struct server_options *options, FILE *complaints)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        abort();
    *server = (struct server){.world = world, .loop = loop, .options = options, .count = world_node_count(world)};
    server->machines = calloc(server->count + 1, sizeof *server->machines);
    if (!server->machines)
        abort();
    uv_prepare_init(loop, &server->before);
    uv_check_init(loop, &server->after);
    uv_timer_init(loop, &server->every_second);
    server->before.data = server->after.data = server->every_second.data = server;
    open_machines(server);
    uv_prepare_start(&server->before, on_before);
    uv_check_start(&server->after, on_after);
    uv_timer_start(&server->every_second, on_second, 1000, 1000);
    if (follow(server, complaints))
        return server;
    server_close(server);
    uv_run(loop, UV_RUN_NOWAIT);
    server_free(server);
    return NULL;
}

void server_close(struct server *server)
{
    uv_close((uv_handle_t *)&server->before, NULL);
    uv_close((uv_handle_t *)&server->after, NULL);
    uv_close((uv_handle_t *)&server->every_second, NULL);
    for (size_t i = 0; i < server->count; i++) {
        listener_close(&server->machines[i].wsman);
        listener_close(&server->machines[i].exporter);
    }
}

void server_free(struct server *server)
{
    for (size_t i = 0; i < server->count; i++)
        soap_contexts_close(server->machines[i].contexts);
    free(server->machines);
    free(server);
}
