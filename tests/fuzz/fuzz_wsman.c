/* A reply of any bytes: the reader keeps its limits, gives its memory back, and how the reply was cut does not change what it says. Then a
 * conversation whose every answer is that reply, related to what was asked: it ends, each list with a reason, each context released or
 * refused. Seeds are the recorded replies: tests/fuzz/corpus/wsman points at them. */
#include <stdint.h>

#include "probes/wmi.h"
#include "tests/unit/probes/wsman_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

/* ---- the reader ---- */

static void read_both_ways(const char *data, size_t size, size_t piece, int status)
{
    static struct reading whole, cut;
    struct counted_memory memory;
    struct wsman_reply reply;
    if (!whole.text)
        must((whole.text = malloc(READING_MAX)) && (cut.text = malloc(READING_MAX)));
    counted_memory(&memory, 4 << 20);
    reading_of(&whole, &memory, data, size, size ? size : 1, status, "", &reply);
    reading_of(&cut, &memory, data, size, piece, status, "", &reply);
    must(whole.size == cut.size && !memcmp(whole.text, cut.text, whole.size));
    must(memory.used == 0 && memory.blocks == 0);
    must(reply.reason != REASON_NONE && reply.reason < REASONS);
    counted_memory(&memory, 20000 + piece * 97); /* not enough for everybody */
    reading_of(&cut, &memory, data, size, piece, status, "uuid:other", &reply);
    must(memory.used == 0 && memory.blocks == 0);
}

/* ---- the conversation ---- */

enum { TURNS_MAX = 4 * (WMI_PAGES_MAX + 2) };

static struct stage {
    bool open[FOUND_KINDS], ended[FOUND_KINDS];
    unsigned wanted;
} stage;

static void on_found(void *context, const struct found *found)
{
    must(context == &stage && (unsigned)found->kind < FOUND_KINDS);
    bool *open = &stage.open[found->kind];
    must(*open == (found->step != FOUND_BEGIN));
    if (found->step == FOUND_ROW)
        must(found->row && memchr(found->row, '\0', FOUND_NAME) && *(const char *)found->row);
    if (found->step != FOUND_ROW)
        *open = found->step == FOUND_BEGIN;
    if (found->step == FOUND_END) {
        must(found->reason != REASON_NONE && found->reason < REASONS);
        stage.ended[found->kind] = true;
    }
}

static bool on_wanted(void *context, enum found_kind kind, char name[FOUND_NAME])
{
    (void)context, (void)kind;
    memcpy(name, "resource", sizeof "resource");
    return stage.wanted++ < 4;
}

static void owner(struct wmi_talk *talk, const char *of, const char *name, const char *value)
{
    struct found_possible_owner row = {0};
    must(*of && *name);
    memcpy(row.resource, of, strlen(of) + 1);
    memcpy(row.node, value, strnlen(value, sizeof row.node - 1));
    wmi_row(talk, &row);
}

static const char *const words[] = {"Running", "Stopped", NULL};
static const struct wmi_property service_properties[] = {{"Name", WMI_NAME, WMI_FIELD(found_service, name), NULL},
                                                         {"State", WMI_WORD, WMI_FIELD(found_service, state), words},
                                                         {"ProcessId", WMI_INTEGER, WMI_FIELD(found_service, process), NULL},
                                                         {0}},
                                 location_properties[] = {
                                     {"Name", WMI_NAME, WMI_FIELD(found_location, name), NULL},
                                     {"OwnerNode", WMI_TEXT, WMI_FIELD(found_location, port), NULL},
                                     {"State", WMI_LINK, WMI_FIELD(found_location, host), NULL},
                                     {"AcceptStop", WMI_BOOLEAN, WMI_FIELD(found_location, disabled), NULL},
                                     {"InstallDate", WMI_STAMP, WMI_FIELD(found_location, start), NULL},
                                     {"InstallDate", WMI_SECOND_OF_DAY, WMI_FIELD(found_location, window_start_s), NULL},
                                     {0}};
static const struct wmi_query queries[] = {
    {.wmi_namespace = WSMAN_CIMV2,
     .wql = "SELECT * FROM Win32_Service",
     .older = "SELECT Name FROM Win32_Service",
     .kind = FOUND_SERVICE,
     .properties = service_properties,
     .items_max = 3},
    {.wmi_namespace = WSMAN_BIZTALK, .wql = "SELECT * FROM X", .kind = FOUND_LOCATION, .properties = location_properties, .optional = true},
    {.wmi_namespace = WSMAN_CLUSTER,
     .class_name = "MSCluster_Resource",
     .method = "GetPossibleOwners",
     .kind = FOUND_POSSIBLE_OWNER,
     .output = owner,
     .calls_max = 3},
};

/* The reply with the MessageID of the request in its RelatesTo, as far as it has one. */
static size_t relate(const char *data, size_t size, const struct request *request, char *out, size_t room)
{
    static const char mark[] = "RelatesTo>", asked[] = "MessageID>";
    const char *id = memmem(request->body, request->body_size, asked, sizeof asked - 1), *at = memmem(data, size, mark, sizeof mark - 1);
    const char *end = at ? memchr(at, '<', size - (size_t)(at - data)) : NULL;
    if (!id || !end) {
        memcpy(out, data, size);
        return size;
    }
    size_t begin = (size_t)(at - data) + sizeof mark - 1, rest = size - (size_t)(end - data), id_size = strcspn(id + sizeof asked - 1, "<");
    must(begin + id_size + rest < room);
    memcpy(out, data, begin);
    memcpy(out + begin, id + sizeof asked - 1, id_size);
    memcpy(out + begin + id_size, end, rest);
    return begin + id_size + rest;
}

static bool step(struct wmi_talk *talk, const struct probe_context *context, const struct reply *reply, struct request *out,
                 struct seen *seen)
{
    memset(out, 'x', sizeof *out);
    memset(seen, 'x', sizeof *seen);
    bool done = wmi_step(talk, queries, sizeof queries / sizeof queries[0], context, reply, out, seen) == STEP_DONE;
    if (!done && out->kind != REQUEST_NONE)
        must(out->kind == REQUEST_POST && out->body_size > 0 && out->body_size < WSMAN_REQUEST_MAX && *out->path == '/');
    if (done)
        must(seen->count == 1 && seen->items[0].verdict <= YES && seen->items[0].reason < REASONS &&
             memchr(seen->text, 0, sizeof seen->text));
    return done;
}

static void converse(const char *data, size_t size, int status)
{
    static struct wmi_talk talk;
    static char related[WSMAN_REPLY_MAX + 4096];
    struct counted_memory memory;
    struct request request;
    struct seen seen;
    counted_memory(&memory, 1 << 20);
    memset(&talk, 0, sizeof talk);
    memset(&stage, 0, sizeof stage);
    struct probe_context context = {.host = "h",
                                    .node = "N",
                                    .found = on_found,
                                    .wanted = on_wanted,
                                    .found_context = &stage,
                                    .memory = &memory.memory,
                                    .url = "https://h:5986/wsman",
                                    .timeout = 10000};
    bool done = step(&talk, &context, NULL, &request, &seen);
    size_t turns = 0;
    /* a server without end is cut off, as the runner would; the pages of one list end by themselves */
    for (size_t most = size < 2000 ? TURNS_MAX : 40; !done && turns < most; turns++) {
        size_t length = relate(data, size, &request, related, sizeof related);
        done = step(&talk, &context, &(struct reply){.reason = REASON_OK, .data = related, .size = length, .more = true}, &request, &seen);
        must(!done && request.kind == REQUEST_NONE);
        done = step(&talk, &context, &(struct reply){.reason = REASON_OK, .data = "", .http_status = status}, &request, &seen);
    }
    must(done || turns < TURNS_MAX);
    if (!done)
        must(step(&talk, &context, &(struct reply){.reason = REASON_CLOSED_EARLY, .data = ""}, &request, &seen));
    must(memory.blocks == 0);
    must(stage.ended[FOUND_SERVICE] && stage.ended[FOUND_LOCATION]);
    for (size_t kind = 0; kind < FOUND_KINDS; kind++)
        must(!stage.open[kind]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > WSMAN_REPLY_MAX)
        return -1;
    uint64_t hash = hash_text((const char *)data, size);
    int status = hash % 4 ? 200 : hash % 8 ? 500 : 401;
    read_both_ways((const char *)data, size, (size_t)(hash >> 8) % 90 + 1, status);
    converse((const char *)data, size, status);
    return 0;
}
