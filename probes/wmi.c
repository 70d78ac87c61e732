/* The conversation of several WMI queries. See wmi.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conversation.h"
#include "wmi_value.h"

enum phase { PHASE_BEGIN, PHASE_ENUMERATE, PHASE_PULL, PHASE_RELEASE, PHASE_INVOKE };

enum { OPERATION_MIN_MS = 500, OPERATION_MAX_MS = 60000 /* what a service permits by default */ };

/* One call of the step. */
struct turn {
    struct wmi_talk *talk;
    const struct wmi_query *queries;
    size_t count;
    struct request *out;
    struct seen *seen;
};

_Static_assert(sizeof(struct found_location) <= WMI_ROW_MAX && sizeof(struct found_queue) <= WMI_ROW_MAX, "the largest rows fit");

/* ---- rows ---- */

static void tell(struct wmi_talk *talk, enum found_step step, uint16_t reason, const void *row)
{
    struct found found = {.step = step, .kind = talk->query->kind, .reason = reason, .row = row};
    found.of = talk->query->method ? talk->of : NULL;
    if (talk->probe->found)
        talk->probe->found(talk->probe->found_context, &found);
}

static void list_open(struct wmi_talk *talk)
{
    if (!talk->list_open)
        tell(talk, FOUND_BEGIN, REASON_NONE, NULL);
    talk->list_open = true;
}

void wmi_row(struct wmi_talk *talk, const void *row)
{
    list_open(talk);
    tell(talk, FOUND_ROW, REASON_NONE, row);
}

/* One more item; false: more than this list may have. */
static bool counted(struct wmi_talk *talk)
{
    uint32_t most = talk->query->items_max ? talk->query->items_max : WMI_ITEMS_MAX;
    if (talk->items == most)
        talk->cut = true;
    else
        talk->items++;
    return !talk->cut;
}

static void on_item_begin(void *context, const char *class_name)
{
    struct wmi_talk *talk = context;
    (void)class_name; /* a projection has none; whose class it is, our query said */
    if (talk->query->method || !counted(talk))
        return;
    memset(talk->row, 0, sizeof talk->row);
    for (const struct wmi_property *property = talk->query->properties; property && property->name; property++)
        wmi_absent(property, talk->row);
}

static void on_property(void *context, const char *path, const char *value, size_t size, bool nil)
{
    struct wmi_talk *talk = context;
    if (nil || talk->cut)
        return;
    if (talk->query->method) {
        if (strcmp(path, "ReturnValue") != 0 && counted(talk) && talk->query->output)
            talk->query->output(talk, talk->of, path, value);
        return;
    }
    for (const struct wmi_property *property = talk->query->properties; property && property->name; property++)
        if (!strcasecmp(property->name, path))
            wmi_value(property, talk->row, value, size);
}

static void on_item_end(void *context)
{
    struct wmi_talk *talk = context;
    if (talk->query->method || talk->cut)
        return;
    if (!wmi_named(talk->query->properties, talk->row))
        talk->nameless++;
    else if (!talk->query->finish || talk->query->finish(talk, talk->row))
        wmi_row(talk, talk->row);
}

static const struct wsman_hooks hooks = {on_item_begin, on_property, on_item_end};

/* ---- what went wrong ---- */

/* What was asked, for people: the class, or the method of it. */
static void name_of(const struct wmi_query *query, char out[80])
{
    const char *class_name = query->class_name ? query->class_name : "", *from = query->wql ? strcasestr(query->wql, " from ") : NULL;
    if (from)
        class_name = from + strlen(" from ");
    snprintf(out, 80, "%.*s%s%s", (int)strcspn(class_name, " "), class_name, query->method ? "." : "", query->method ? query->method : "");
}

static bool futile(uint16_t reason)
{
    return reason == REASON_ACCESS_DENIED || reason == REASON_LOGIN_REFUSED || reason == REASON_CERTIFICATE_MAPPING ||
           reason == REASON_QUOTA || reason == REASON_SERVICE_BUSY || reason == REASON_REDIRECTED;
}

/* The current list fails. The first fault is told, but that which ends the conversation goes before all. */
static void fault(struct wmi_talk *talk, uint16_t reason, const struct wsman_reply *reply, bool ends_all)
{
    talk->reason = reason;
    if ((talk->query->optional && reason == REASON_CLASS_MISSING) || (talk->query->method && reason == REASON_OBJECT_MISSING)) {
        talk->any_good = true; /* the machine answered, and it is no fault of it */
        return;
    }
    bool over = talk->over == REASON_NONE && (ends_all || futile(reason));
    if (over)
        talk->over = reason;
    if (talk->worst != REASON_NONE && !over)
        return;
    talk->worst = reason;
    char name[80], text[256];
    name_of(talk->query, name);
    snprintf(text, sizeof text, "%s: %s", name, reply && *reply->text ? reply->text : reason_text(reason));
    text_for_people(talk->text, sizeof talk->text, text, strlen(text), NULL);
}

/* ---- requests ---- */

static void message(struct wmi_talk *talk, struct wsman_header *header)
{
    msec_t left = (talk->probe->timeout - talk->elapsed) / 4 * 3; /* so that the machine gives up before we do, and says so */
    left = left < OPERATION_MIN_MS ? OPERATION_MIN_MS : left > OPERATION_MAX_MS ? OPERATION_MAX_MS : left;
    wsman_message_id(talk->probe->nonce, ++talk->messages, talk->message_id);
    *header = (struct wsman_header){.to = talk->probe->url ? talk->probe->url : "",
                                    .wmi_namespace = talk->query->wmi_namespace,
                                    .class_name = talk->query->method ? talk->query->class_name : NULL,
                                    .message_id = talk->message_id,
                                    .operation_timeout_ms = (uint32_t)left};
}

/* The part of the URL that the request line carries. */
static const char *path_of(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL, *path = host ? strchr(host + 3, '/') : NULL;
    return path ? path : "/wsman";
}

/* False: what was to be asked cannot be written. */
static bool post(struct turn *turn, enum phase phase)
{
    struct wmi_talk *talk = turn->talk;
    const struct wmi_query *query = talk->query;
    struct wsman_header header;
    struct wsman_pair selector = {"Name", talk->of};
    size_t size = 0;
    message(talk, &header);
    if (phase == PHASE_ENUMERATE)
        size = wsman_enumerate(talk->body, sizeof talk->body, &header, talk->older ? query->older : query->wql, WMI_BATCH);
    else if (phase == PHASE_PULL)
        size = wsman_pull(talk->body, sizeof talk->body, &header, talk->context, WMI_BATCH);
    else if (phase == PHASE_RELEASE)
        size = wsman_release(talk->body, sizeof talk->body, &header, talk->context);
    else
        size = wsman_invoke(talk->body, sizeof talk->body, &header, query->method, &selector, 1, NULL, 0);
    if (size == 0)
        return false;
    talk->phase = (uint16_t)phase;
    request_begin(turn->out, REQUEST_POST, EXPECT_NOTHING);
    turn->out->path = path_of(talk->probe->url);
    turn->out->content_type = "application/soap+xml;charset=UTF-8";
    turn->out->body = talk->body;
    turn->out->body_size = size;
    turn->out->limit = WSMAN_REPLY_MAX;
    return true;
}

/* ---- the order of things ---- */

/* Ends the current list, and looks to the next one. */
static void list_close(struct wmi_talk *talk, uint16_t reason)
{
    const struct wmi_query *query = talk->query;
    talk->reason = reason;
    if (query->end && (reason == REASON_OK || talk->cut))
        query->end(talk);
    if (talk->reason != reason) { /* answered, but not as it was needed */
        talk->any_good = true;
        fault(talk, talk->reason, NULL, false);
        reason = talk->reason;
    }
    if (talk->cut && query->sample && reason == REASON_TOO_MANY_ROWS)
        reason = REASON_OK;
    list_open(talk);
    tell(talk, FOUND_END, reason, NULL);
    if (reason == REASON_OK || reason == REASON_TOO_MANY_ROWS)
        talk->any_good = true;
    if (talk->nameless && !*talk->text) {
        char name[80];
        name_of(query, name);
        snprintf(talk->text, sizeof talk->text, "%s: %u rows without a usable name were left out", name, talk->nameless);
    }
    talk->list_open = talk->cut = talk->older = false;
    talk->items = talk->pages = talk->nameless = 0;
    *talk->context = '\0';
    if (!query->method)
        talk->position++;
}

/* Seldom asked queries are spread: each node has its own turn. What nobody knows yet is asked at once. */
static bool due(const struct wmi_talk *talk)
{
    const char *node = talk->probe->node ? talk->probe->node : talk->probe->host ? talk->probe->host : "";
    uint16_t every = talk->query->every;
    return every <= 1 || talk->probe->round == 0 || (talk->probe->round + hash_text(node, strlen(node)) % every) % every == 0;
}

static bool method_wanted(struct wmi_talk *talk)
{
    if (talk->over != REASON_NONE || talk->calls >= talk->query->calls_max || !talk->probe->wanted)
        return false;
    memset(talk->of, 0, sizeof talk->of);
    talk->calls++;
    return talk->probe->wanted(talk->probe->found_context, talk->query->kind, talk->of) && *talk->of;
}

static enum step finish(struct turn *turn)
{
    struct wmi_talk *talk = turn->talk;
    uint16_t reason = talk->worst != REASON_NONE ? talk->worst : talk->any_good ? REASON_OK : REASON_NOT_SEEN;
    bool ours = reason == REASON_NO_RESOURCES || reason == REASON_NOT_SENDABLE || reason == REASON_NOT_SEEN ||
                reason == REASON_TOKEN_SLOW || reason == REASON_TOKEN_FAILED || reason == REASON_SECRET_UNREADABLE ||
                reason == REASON_BACKED_OFF;
    uint8_t verdict = talk->any_good && talk->over == REASON_NONE ? YES : ours ? UNKNOWN : NO;
    memset(turn->seen, 0, sizeof *turn->seen);
    seen_item(turn->seen, ASPECT_ENDPOINT, verdict, reason, talk->elapsed);
    turn->seen->credential_refused = talk->over == REASON_LOGIN_REFUSED;
    memcpy(turn->seen->text, talk->text, sizeof turn->seen->text);
    return STEP_DONE;
}

/* The next query's first request, or the end. */
static enum step next(struct turn *turn)
{
    struct wmi_talk *talk = turn->talk;
    while (talk->position < turn->count) {
        const struct wmi_query *query = talk->query = &turn->queries[talk->position];
        if (!due(talk) || (query->method && !method_wanted(talk))) {
            talk->position++;
            talk->calls = 0;
        } else if (talk->over != REASON_NONE) {
            list_close(talk, talk->over);
        } else if (post(turn, query->method ? PHASE_INVOKE : PHASE_ENUMERATE)) {
            return STEP_MORE;
        } else {
            fault(talk, REASON_NOT_SENDABLE, NULL, false);
            list_close(talk, REASON_NOT_SENDABLE);
        }
    }
    return finish(turn);
}

/* ---- replies ---- */

/* The list ends; a context that the machine still keeps for it goes first. */
static enum step leave(struct turn *turn, uint16_t reason, bool reachable)
{
    struct wmi_talk *talk = turn->talk;
    talk->reason = reason;
    if (*talk->context && reachable && reason != REASON_LOGIN_REFUSED && reason != REASON_OBJECT_MISSING && post(turn, PHASE_RELEASE))
        return STEP_MORE;
    list_close(talk, reason);
    return next(turn);
}

static enum step on_page(struct turn *turn, const struct wsman_reply *reply, uint16_t reason, bool reachable)
{
    struct wmi_talk *talk = turn->talk;
    if (reply->ended || *reply->context || reason == REASON_OK)
        memcpy(talk->context, reply->ended ? "" : reply->context, reply->ended ? 1 : sizeof talk->context);
    if (talk->phase == PHASE_PULL && reason == REASON_CLASS_MISSING && talk->items)
        reason = REASON_OBJECT_MISSING; /* the class was there a page ago; its context is gone */
    bool refused = reason == REASON_QUERY_REFUSED || reason == REASON_CLASS_MISSING;
    if (refused && talk->query->older && !talk->older && !talk->list_open && talk->phase == PHASE_ENUMERATE) {
        talk->older = true;
        talk->items = 0;
        if (post(turn, PHASE_ENUMERATE))
            return STEP_MORE;
    }
    talk->cut = talk->cut || (*talk->context && ++talk->pages == WMI_PAGES_MAX);
    if (reason == REASON_OK && talk->cut)
        reason = REASON_TOO_MANY_ROWS;
    if (reason == REASON_OK && *talk->context && post(turn, PHASE_PULL))
        return STEP_MORE;
    if (reason == REASON_OK && *talk->context)
        reason = REASON_BAD_REPLY; /* a context that no request can carry */
    if (reason != REASON_OK && !(reason == REASON_TOO_MANY_ROWS && talk->query->sample))
        fault(talk, reason, reply, !reachable);
    return leave(turn, reason, reachable);
}

static enum step on_output(struct turn *turn, const struct wsman_reply *reply, uint16_t reason, bool reachable)
{
    struct wmi_talk *talk = turn->talk;
    if (reason == REASON_OK && reply->has_return && reply->returned != 0)
        reason = REASON_PROVIDER_FAILED;
    if (reason == REASON_OK && talk->cut)
        reason = REASON_TOO_MANY_ROWS;
    if (reason != REASON_OK)
        fault(talk, reason, reply, !reachable);
    return leave(turn, reason, reachable);
}

static void read_piece(struct wmi_talk *talk, const struct reply *in)
{
    if (!talk->reader && !talk->starved)
        talk->reader = wsman_reader_open(talk->probe->memory, &hooks, talk, talk->message_id);
    talk->starved = !talk->reader;
    if (talk->reader && in->size)
        wsman_reader_feed(talk->reader, in->data, in->size);
}

/* The whole reply: its reason, and whether the machine can still be asked. */
static uint16_t read_end(struct wmi_talk *talk, const struct reply *in, struct wsman_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    if (in->reason == REASON_OK)
        read_piece(talk, in);
    uint16_t reason = in->reason == REASON_OK ? REASON_NO_RESOURCES : in->reason;
    if (talk->reader && in->reason == REASON_OK) {
        wsman_reader_end(talk->reader, in->http_status, reply);
        reason = reply->reason;
    }
    wsman_reader_close(talk->reader);
    talk->reader = NULL;
    talk->starved = false;
    static const uint8_t kinds[] = {
        [PHASE_ENUMERATE] = WSMAN_ENUMERATED, [PHASE_PULL] = WSMAN_PULLED, [PHASE_RELEASE] = WSMAN_RELEASED, [PHASE_INVOKE] = WSMAN_OUTPUT};
    if (reason == REASON_OK && reply->kind != kinds[talk->phase] && !(talk->phase == PHASE_INVOKE && reply->kind == WSMAN_GOT))
        reason = REASON_BAD_REPLY;
    return reason;
}

static enum step on_reply(struct turn *turn, const struct reply *in)
{
    struct wmi_talk *talk = turn->talk;
    if (in->more && in->reason == REASON_OK) {
        read_piece(talk, in);
        request_begin(turn->out, REQUEST_NONE, EXPECT_NOTHING);
        return STEP_MORE;
    }
    struct wsman_reply reply;
    uint16_t reason = read_end(talk, in, &reply);
    bool reachable = in->reason == REASON_OK || in->reason == REASON_REPLY_TOO_LARGE;
    talk->elapsed = in->elapsed_ms;
    if (talk->phase == PHASE_INVOKE)
        return on_output(turn, &reply, reason, reachable);
    if (talk->phase != PHASE_RELEASE)
        return on_page(turn, &reply, reason, reachable);
    uint16_t list = talk->reason; /* how a release went changes nothing about the list */
    if (!reachable || futile(reason))
        fault(talk, reason, &reply, true);
    list_close(talk, list);
    return next(turn);
}

enum step wmi_step(struct wmi_talk *talk, const struct wmi_query *queries, size_t count, const struct probe_context *context,
                   const struct reply *in, struct request *out, struct seen *seen)
{
    struct turn turn = {.talk = talk, .queries = queries, .count = count, .out = out, .seen = seen};
    talk->probe = context;
    talk->query = talk->position < count ? &queries[talk->position] : NULL;
    assert(!in || talk->query);
    enum step step = in ? on_reply(&turn, in) : next(&turn);
    talk->query = NULL;
    talk->probe = NULL;
    return step;
}
