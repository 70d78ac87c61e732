/* Probe `snmp_host`: what the SNMP agent of a machine tells about it: services that run (LanMgr svSvcTable), BizTalk processes
 * (hrSWRunTable) and TCP connections (TCP-MIB). Owns the walks and how their indices are read: the state columns alone are walked, since
 * the index tells the rest. A table that is not served gives no list: unknown, never empty. Must not know whose addresses these are. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conversation.h"
#include "windows_names.h"

enum {
    WALK_MAX = 8 << 20,
    PROCESSES_MAX = 64,     /* BizTalk's, that are told apart */
    CONNECTIONS_MAX = 4096, /* that matter */
    INDEX_MAX = 128,
    PORTS_MAX = 16
};

enum walk { WALK_PROCESSES, WALK_PARAMETERS, WALK_SERVICES, WALK_CONNECTIONS, WALK_IPV4_CONNECTIONS, WALKS };

static const struct {
    const char *subtree, *name;
} walks[WALKS] = {
    {"1.3.6.1.2.1.25.4.2.1.2", "hrSWRunName"},
    {"1.3.6.1.2.1.25.4.2.1.5", "hrSWRunParameters"},
    {"1.3.6.1.4.1.77.1.2.3.1.3", "svSvcOperatingState"},
    {"1.3.6.1.2.1.6.19.1.7", "tcpConnectionState"},
    {"1.3.6.1.2.1.6.13.1.1", "tcpConnState"}, /* older, IPv4 alone */
};

/* One line "OID|TAG|VALUE", its identifier below the subtree that is walked. */
struct line {
    uint32_t index[INDEX_MAX];
    size_t index_size;
    bool hexadecimal;
    long tag;
    const char *value;
    size_t value_size;
};

struct process {
    uint32_t id;
    bool told; /* its service had its row */
    char host[FOUND_HOST_NAME];
};

struct snmp_host_state {
    struct process processes[PROCESSES_MAX];
    uint32_t process_count, running; /* running: BizTalk services by the list of services */
    uint32_t rows, left_out;         /* of this walk: lines understood; lines that were not, or are too many */
    uint32_t list_rows, connections; /* of this list, which may take two walks */
    uint16_t left_out_why, list_reason, worst, over;
    uint8_t walk;
    bool open, any_good, seen_ipv4, processes_listed;
    char text[160];
};

struct turn {
    const struct snmp_host_conf *conf;
    struct snmp_host_state *state;
    const struct probe_context *context;
    const struct reply *in;
    struct request *out;
    struct seen *seen;
};

/* ---- lines ---- */

/* Digits at *at, stepped over; false: none, or beyond 32 bits. */
static bool number(const char **at, const char *end, uint32_t *out)
{
    uint64_t value = 0;
    const char *begin = *at;
    while (*at < end && **at >= '0' && **at <= '9' && value <= UINT32_MAX)
        value = value * 10 + (uint64_t)(*(*at)++ - '0');
    *out = (uint32_t)value;
    return *at > begin && value <= UINT32_MAX;
}

static bool line_read(const char *at, const char *end, const char *subtree, struct line *line)
{
    size_t prefix = strlen(subtree);
    uint32_t tag;
    line->index_size = 0;
    if ((size_t)(end - at) < prefix || memcmp(at, subtree, prefix) != 0)
        return false;
    for (at += prefix; at < end && *at == '.' && line->index_size < INDEX_MAX;) {
        at++;
        if (!number(&at, end, &line->index[line->index_size++]))
            return false;
    }
    if (line->index_size == 0 || at == end || *at++ != '|' || !number(&at, end, &tag))
        return false;
    line->tag = (long)tag;
    line->hexadecimal = at < end && *at == 'x';
    at += line->hexadecimal;
    if (at == end || *at != '|')
        return false;
    line->value = at + 1;
    line->value_size = (size_t)(end - line->value);
    return true;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* An octet string as text. False: another type, too long, not for people. */
static bool line_text(const struct line *line, char *out, size_t room)
{
    size_t size = line->hexadecimal ? line->value_size / 2 : line->value_size;
    if (line->tag != 4 || size >= room || (line->hexadecimal && line->value_size % 2))
        return false;
    for (size_t i = 0; i < size && line->hexadecimal; i++) {
        int high = digit(line->value[2 * i]), low = digit(line->value[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (char)(high << 4 | low);
    }
    if (!line->hexadecimal)
        memcpy(out, line->value, size);
    while (size && out[size - 1] == '\0') /* some agents count the end of a string in */
        size--;
    out[size] = '\0';
    return strlen(out) == size;
}

static bool line_integer(const struct line *line, uint32_t *out)
{
    const char *at = line->value, *end = at + line->value_size;
    return line->tag == 2 && !line->hexadecimal && number(&at, end, out) && at == end;
}

/* ---- what is told ---- */

static uint8_t kind_of(const struct snmp_host_state *state)
{
    return state->walk >= WALK_CONNECTIONS ? FOUND_CONNECTION : FOUND_SERVICE;
}

static void tell(struct turn *turn, enum found_step step, uint16_t reason, const void *row)
{
    const struct found found = {.step = step, .kind = kind_of(turn->state), .reason = reason, .row = row};
    turn->context->found(turn->context->found_context, &found);
}

static void tell_row(struct turn *turn, const void *row)
{
    if (!turn->state->open)
        tell(turn, FOUND_BEGIN, REASON_NONE, NULL);
    turn->state->open = true;
    tell(turn, FOUND_ROW, REASON_NONE, row);
}

static bool left_out(struct snmp_host_state *state, uint16_t reason)
{
    if (state->left_out++ == 0)
        state->left_out_why = reason;
    return false;
}

/* ---- processes ---- */

static struct process *process_by_id(struct snmp_host_state *state, uint32_t id)
{
    for (uint32_t i = 0; i < state->process_count; i++)
        if (state->processes[i].id == id)
            return &state->processes[i];
    return NULL;
}

static bool take_process(struct turn *turn, const struct line *line)
{
    struct snmp_host_state *state = turn->state;
    char name[FOUND_NAME];
    if (line->index_size != 1 || !line_text(line, name, sizeof name))
        return true; /* not one of ours */
    if (strcasecmp(name, "BTSNTSvc.exe") != 0 && strcasecmp(name, "BTSNTSvc64.exe") != 0)
        return true;
    if (state->process_count == PROCESSES_MAX)
        return left_out(state, REASON_TOO_MANY_ROWS);
    state->processes[state->process_count++] = (struct process){.id = line->index[0]};
    return true;
}

/* -group "BizTalk Group" -name "Orders" …: agents cut this text, so a name counts only with what ends it. */
static void host_of_parameters(const char *text, char host[FOUND_HOST_NAME])
{
    static const char mark[] = "-name ";
    const char *at = strstr(text, mark);
    if (!at)
        return;
    at += sizeof mark - 1;
    at += strspn(at, " ");
    char end = *at == '"' ? '"' : ' ';
    at += *at == '"';
    const char *stop = strchr(at, end);
    size_t size = stop ? (size_t)(stop - at) : 0;
    char name[FOUND_HOST_NAME], shown[FOUND_HOST_NAME];
    if (size == 0 || size >= FOUND_HOST_NAME)
        return;
    memcpy(name, at, size);
    name[size] = '\0';
    text_for_people(shown, sizeof shown, name, size, NULL);
    if (!strcmp(name, shown))
        memcpy(host, name, size + 1);
}

static bool take_parameters(struct turn *turn, const struct line *line)
{
    char text[512];
    struct process *process = line->index_size == 1 ? process_by_id(turn->state, line->index[0]) : NULL;
    if (process && line_text(line, text, sizeof text))
        host_of_parameters(text, process->host);
    return true;
}

/* ---- services ---- */

static struct process *process_of_service(struct snmp_host_state *state, const char *service)
{
    if (strncasecmp(service, "BTSSvc$", 7) != 0)
        return NULL;
    for (uint32_t i = 0; i < state->process_count; i++)
        if (*state->processes[i].host && !strcasecmp(state->processes[i].host, service + 7))
            return &state->processes[i];
    return NULL;
}

/* The index is the service's name: its length, then its characters. */
static bool service_name(const struct line *line, char name[FOUND_NAME])
{
    char told[INDEX_MAX], shown[FOUND_NAME];
    size_t size = line->index_size - 1;
    if (line->index[0] != size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (line->index[i + 1] > UINT8_MAX)
            return false;
        told[i] = (char)line->index[i + 1];
    }
    if (!service_short_name(told, size, name))
        return false;
    text_for_people(shown, sizeof shown, name, strlen(name), NULL);
    return !service_matters(name) || !strcmp(name, shown);
}

/* Only services that run are listed; the states are LanMgr's: 1 active, 2 continue-pending, 3 pause-pending, 4 paused. */
static bool take_service(struct turn *turn, const struct line *line)
{
    static const uint8_t states[] = {SERVICE_STATE_UNKNOWN, SERVICE_RUNNING, SERVICE_CONTINUE_PENDING, SERVICE_PAUSE_PENDING,
                                     SERVICE_PAUSED};
    struct snmp_host_state *state = turn->state;
    struct found_service row = {.process = ABSENT};
    uint32_t told;
    if (!service_name(line, row.name) || !line_integer(line, &told))
        return left_out(state, REASON_BAD_REPLY);
    if (!service_matters(row.name))
        return true;
    struct process *process = process_of_service(state, row.name);
    row.state = told < sizeof states ? states[told] : SERVICE_STATE_UNKNOWN;
    if (process) {
        process->told = true;
        row.process = process->id;
    }
    state->running += strncasecmp(row.name, "BTSSvc$", 7) == 0;
    tell_row(turn, &row);
    return true;
}

/* Processes of hosts that the list of services does not know. */
static void tell_processes(struct turn *turn)
{
    for (uint32_t i = 0; i < turn->state->process_count; i++) {
        struct process *process = &turn->state->processes[i];
        struct found_service row = {.state = SERVICE_RUNNING, .process = process->id};
        if (!*process->host || process->told)
            continue;
        snprintf(row.name, sizeof row.name, "BTSSvc$%s", process->host);
        tell_row(turn, &row);
    }
}

/* ---- connections ---- */

/* Type, length and bytes of an InetAddress at *at; IPv6 with a zone is taken without it. */
static bool address_read(const struct line *line, size_t *at, struct address *address)
{
    static const uint8_t sizes[] = {0, 4, 16, 8, 20};
    uint8_t bytes[20];
    if (*at + 2 > line->index_size)
        return false;
    uint32_t type = line->index[*at], size = line->index[*at + 1];
    if (type == 0 || type >= sizeof sizes || size != sizes[type] || *at + 2 + size > line->index_size)
        return false;
    for (uint32_t i = 0; i < size; i++) {
        if (line->index[*at + 2 + i] > UINT8_MAX)
            return false;
        bytes[i] = (uint8_t)line->index[*at + 2 + i];
    }
    *at += 2 + size;
    *address = (struct address){.bytes = {[10] = 0xff, [11] = 0xff}};
    if (size == 4 || size == 8)
        memcpy(address->bytes + 12, bytes, 4);
    else
        memcpy(address->bytes, bytes, 16);
    return true;
}

static bool port_read(const struct line *line, size_t *at, uint16_t *port)
{
    if (*at >= line->index_size || line->index[*at] > UINT16_MAX)
        return false;
    *port = (uint16_t)line->index[(*at)++];
    return true;
}

static bool connection_read(const struct line *line, struct found_connection *row)
{
    size_t at = 0;
    return address_read(line, &at, &row->local) && port_read(line, &at, &row->local_port) && address_read(line, &at, &row->remote) &&
           port_read(line, &at, &row->remote_port) && at == line->index_size;
}

/* Four bytes, a port, four bytes, a port: read as if it were written in the newer form. */
static bool ipv4_connection_read(const struct line *line, struct found_connection *row)
{
    struct line newer = {.index_size = 14};
    if (line->index_size != 10)
        return false;
    for (size_t side = 0; side < 2; side++) {
        newer.index[7 * side] = 1;
        newer.index[7 * side + 1] = 4;
        memcpy(&newer.index[7 * side + 2], &line->index[5 * side], 5 * sizeof *line->index);
    }
    return connection_read(&newer, row);
}

static bool port_matters(const struct turn *turn, uint16_t port)
{
    static const uint16_t ports[] = {21, 22, 110, 990, 995};
    if (!turn->context->node && port && port == turn->context->port)
        return true;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        if (port == ports[i])
            return true;
    for (size_t i = 0; i < turn->conf->ports.count && i < PORTS_MAX; i++) {
        const char *text = turn->conf->ports.items[i];
        uint32_t value;
        if (number(&text, text + strlen(text), &value) && value == port)
            return true;
    }
    return false;
}

/* Of a server those count that came to it, of a node those that it opened. */
static bool take_connection(struct turn *turn, const struct line *line)
{
    enum { LISTEN = 2, STATE_LAST = 12 };
    struct snmp_host_state *state = turn->state;
    struct found_connection row = {0};
    uint32_t told;
    bool good = state->walk == WALK_CONNECTIONS ? connection_read(line, &row) : ipv4_connection_read(line, &row);
    if (!good || !line_integer(line, &told) || told == 0 || told > STATE_LAST)
        return left_out(state, REASON_BAD_REPLY);
    state->seen_ipv4 = state->seen_ipv4 || (row.local.bytes[10] == 0xff && row.local.bytes[11] == 0xff);
    if (told == LISTEN || !port_matters(turn, turn->context->node ? row.remote_port : row.local_port))
        return true;
    if (state->connections == CONNECTIONS_MAX)
        return left_out(state, REASON_TOO_MANY_ROWS);
    state->connections++;
    row.state = (uint8_t)told;
    tell_row(turn, &row);
    return true;
}

/* ---- the order of things ---- */

static void take_lines(struct turn *turn)
{
    static bool (*const take[WALKS])(struct turn *, const struct line *) = {take_process, take_parameters, take_service, take_connection,
                                                                            take_connection};
    struct snmp_host_state *state = turn->state;
    struct line line;
    const char *at = turn->in->data, *end = at + turn->in->size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (!line_read(at, stop, walks[state->walk].subtree, &line))
            left_out(state, REASON_BAD_REPLY);
        else if (take[state->walk](turn, &line))
            state->rows++;
        at = stop + 1;
    }
}

static void note(struct snmp_host_state *state, uint16_t reason)
{
    if (state->worst != REASON_NONE)
        return;
    state->worst = reason;
    snprintf(state->text, sizeof state->text, "%s: %s", walks[state->walk].name, reason_text(reason));
}

/* What makes the other walks futile. */
static bool ends_all(uint16_t reason)
{
    return reason != REASON_OK && reason != REASON_REPLY_TOO_LARGE && reason != REASON_BAD_REPLY && reason != REASON_PROVIDER_FAILED;
}

static bool wanted(const struct turn *turn)
{
    const struct snmp_host_state *state = turn->state;
    switch ((enum walk)state->walk) {
    case WALK_PROCESSES:
        return turn->conf->processes;
    case WALK_PARAMETERS:
        return state->process_count > 0;
    case WALK_SERVICES:
        return turn->conf->services;
    case WALK_CONNECTIONS:
        return turn->conf->connections;
    default:
        return turn->conf->connections && !state->seen_ipv4;
    }
}

/* More BizTalk processes than BizTalk services: we do not understand how this machine names its services. */
static uint16_t judge_services(struct turn *turn)
{
    struct snmp_host_state *state = turn->state;
    tell_processes(turn);
    if (state->list_reason != REASON_OK || (!state->open && !state->list_rows))
        return state->list_reason;
    if (!state->list_rows) /* known by their processes alone */
        return REASON_SERVICES_FILTERED;
    return state->process_count > state->running ? REASON_CONTRADICTORY : REASON_OK;
}

/* A list that has begun, that failed, or whose table is there ends; a table that is not served gives none. */
static void list_close(struct turn *turn)
{
    struct snmp_host_state *state = turn->state;
    uint16_t reason = state->walk == WALK_SERVICES ? judge_services(turn) : state->list_reason;
    bool served = state->open || state->list_rows || reason != REASON_OK;
    if (served && !state->open)
        tell(turn, FOUND_BEGIN, REASON_NONE, NULL);
    if (served)
        tell(turn, FOUND_END, reason, NULL);
    if (reason != REASON_OK)
        note(state, reason);
    state->open = false;
    state->list_rows = 0;
    state->list_reason = REASON_OK;
}

static void walk_close(struct turn *turn, uint16_t reason)
{
    struct snmp_host_state *state = turn->state;
    bool list_wanted = state->walk == WALK_SERVICES ? turn->conf->services || turn->conf->processes : turn->conf->connections;
    if (reason == REASON_OK && state->left_out)
        reason = state->left_out_why;
    if (reason != REASON_OK)
        note(state, reason);
    if (state->walk >= WALK_SERVICES) {
        state->list_reason = state->list_reason == REASON_OK ? reason : state->list_reason;
        state->list_rows += state->rows;
    }
    if (list_wanted && (state->walk == WALK_SERVICES || state->walk == WALK_IPV4_CONNECTIONS))
        list_close(turn);
    state->rows = state->left_out = 0;
    state->walk++;
}

static enum step finish(struct turn *turn)
{
    struct snmp_host_state *state = turn->state;
    struct seen *seen = turn->seen;
    uint16_t reason = state->worst != REASON_NONE ? state->worst : REASON_OK;
    bool ours = state->over == REASON_NO_RESOURCES || state->over == REASON_CHILD_ENDED || state->over == REASON_SECRET_UNREADABLE ||
                state->over == REASON_NOT_SENDABLE;
    uint8_t verdict = state->any_good && state->over == REASON_NONE ? YES : ours || state->over == REASON_NONE ? UNKNOWN : NO;
    memset(seen, 0, sizeof *seen);
    seen_item(seen, ASPECT_ENDPOINT, verdict, reason, turn->in ? turn->in->elapsed_ms : 0);
    memcpy(seen->text, state->text, sizeof seen->text);
    if (state->processes_listed)
        seen_perf(seen, "biztalk_processes", "", state->process_count);
    return STEP_DONE;
}

/* The next walk, or the end. */
static enum step next(struct turn *turn)
{
    struct snmp_host_state *state = turn->state;
    while (state->walk < WALKS) {
        if (state->over == REASON_NONE && wanted(turn)) {
            request_begin(turn->out, REQUEST_WALK, EXPECT_NOTHING);
            turn->out->limit = WALK_MAX;
            turn->out->size = strlen(walks[state->walk].subtree);
            memcpy(turn->out->bytes, walks[state->walk].subtree, turn->out->size + 1);
            return STEP_MORE;
        }
        walk_close(turn, state->over != REASON_NONE ? state->over : REASON_OK);
    }
    return finish(turn);
}

static enum step begin(struct turn *turn)
{
    turn->state->list_reason = REASON_OK;
    if (!turn->conf->services && !turn->conf->processes && !turn->conf->connections) {
        turn->state->over = turn->state->worst = REASON_NOT_SENDABLE;
        snprintf(turn->state->text, sizeof turn->state->text, "services, processes and connections are all switched off");
        return finish(turn);
    }
    return next(turn);
}

static enum step snmp_host_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in,
                                struct request *out, struct seen *seen)
{
    struct turn turn = {.conf = conf, .state = state, .context = context, .in = in, .out = out, .seen = seen};
    if (!in)
        return begin(&turn);
    if (in->reason == REASON_OK)
        take_lines(&turn);
    if (in->reason == REASON_OK && in->more) {
        request_begin(out, REQUEST_NONE, EXPECT_NOTHING);
        return STEP_MORE;
    }
    turn.state->any_good = turn.state->any_good || in->reason == REASON_OK || turn.state->rows;
    turn.state->processes_listed = turn.state->processes_listed || (turn.state->walk == WALK_PROCESSES && turn.state->rows);
    if (ends_all(in->reason))
        turn.state->over = in->reason;
    walk_close(&turn, in->reason);
    return next(&turn);
}

static const struct field fields[] = {
    {"services", FIELD_BOOL, FIELD(struct snmp_host_conf, services), 0, 0, 0, "true", NULL, "Read which services run (LanMgr svSvcTable)."},
    {"processes", FIELD_BOOL, FIELD(struct snmp_host_conf, processes), 0, 0, 0, "true", NULL,
     "Count BizTalk processes (hrSWRunTable); they also prove that the services are understood."},
    {"connections", FIELD_BOOL, FIELD(struct snmp_host_conf, connections), 0, 0, 0, "true", NULL,
     "Read who is connected (TCP-MIB): of a server to its ports, of a node from it."},
    {"ports", FIELD_TEXTS, FIELD(struct snmp_host_conf, ports), 0, 0, 0, NULL, NULL,
     "Ports of servers beside 21, 22, 110, 990 and 995 whose connections count; at most 16."},
    {0}};

const struct probe_type probe_snmp_host = {
    .name = "snmp_host",
    .help = "SNMP agent of a node or server: services, BizTalk processes, TCP connections.",
    .fields = fields,
    .conf_size = sizeof(struct snmp_host_conf),
    .state_size = sizeof(struct snmp_host_state),
    .default_port = 161,
    .estate = true,
    .step = snmp_host_step,
};
