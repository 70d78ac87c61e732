/* The reader of WS-Management's replies: expat in fixed blocks, so that it does not matter how the network cut them, and a stack of places.
 * See wsman.h and wsman_reader.h. */
#include <assert.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conversation.h"
#include "wsman_reader.h"

enum { BLOCK = 8192, PATH_MAX_BYTES = 256 };

struct wsman_reader {
    const struct bounded_memory *memory;
    const struct wsman_hooks *hooks;
    void *context;
    XML_Parser parser;
    struct wsman_reply reply;
    char expected[80];
    char *block; /* where the next bytes go; NULL: to be asked for */
    size_t filled, total;
    uint32_t elements;
    uint16_t broken;  /* why nothing more is read; REASON_NONE */
    const char *flaw; /* the same for people; NULL = the reason says it all */
    bool is_no_xml;   /* that flaw is the parser's word */
    bool seen_body, answered, get;
    bool leaf, nil; /* of the element that is open: no element inside so far; no value */
    uint32_t wmi_status, cim_status;
    uint16_t depth, path_size;
    uint8_t places[WSMAN_DEPTH_MAX + 1];
    uint16_t path_sizes[WSMAN_DEPTH_MAX + 1]; /* of the path before this element */
    char path[PATH_MAX_BYTES];
    uint16_t path_cut; /* depth from which on the path does not fit; 0 = it fits */
    size_t text_size;
    bool text_cut;
    char text[WSMAN_TEXT_MAX + 1];
};

/* ---- expat's memory: its functions get no context, so each call into expat lends it ours ---- */

static _Thread_local const struct bounded_memory *lent;

union block_head {
    size_t size;
    max_align_t align;
};

static void *lent_allocate(size_t size)
{
    if (size > SIZE_MAX - sizeof(union block_head))
        return NULL;
    union block_head *head = lent->allocate(sizeof *head + size, lent->context);
    if (!head)
        return NULL;
    head->size = size;
    return head + 1;
}

static void lent_release(void *block)
{
    if (block)
        lent->release((union block_head *)block - 1, lent->context);
}

static void *lent_resize(void *block, size_t size)
{
    void *larger = lent_allocate(size);
    if (!larger || !block)
        return larger;
    size_t had = ((union block_head *)block - 1)->size;
    memcpy(larger, block, had < size ? had : size);
    lent_release(block);
    return larger;
}

/* ---- elements ---- */

static const char unusable_context[] = "its enumeration context cannot be given back";

static void flawed(struct wsman_reader *reader, uint16_t reason, const char *flaw)
{
    if (reader->broken != REASON_NONE)
        return;
    reader->broken = reason;
    reader->flaw = flaw;
}

static void stop(struct wsman_reader *reader, uint16_t reason, const char *flaw)
{
    flawed(reader, reason, flaw);
    XML_StopParser(reader->parser, XML_FALSE);
}

static enum wsman_place place_at(const struct wsman_reader *reader, unsigned above)
{
    return reader->depth > above ? (enum wsman_place)reader->places[reader->depth - above] : PLACE_TOP;
}

static const char *attribute(const char **attributes, const char *name)
{
    for (; attributes && attributes[0]; attributes += 2)
        if (!strcmp(attributes[0], name))
            return attributes[1];
    return NULL;
}

static uint32_t number_of(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 0); /* decimal; some write hexadecimal; HRESULTs may come negative */
    return end == text ? 0 : (uint32_t)number;
}

/* The answer is to what we asked: decided at the body's first element, as a fault may come from somebody who could not read our header. */
static bool related(struct wsman_reader *reader, bool fault)
{
    const char *relates_to = reader->reply.relates_to;
    if (!*reader->expected || (fault && !*relates_to) || !strcasecmp(reader->expected, relates_to))
        return true;
    stop(reader, REASON_WRONG_RELATION, NULL);
    return false;
}

static void begin_answer(struct wsman_reader *reader, enum wsman_place place, const char *local)
{
    if (!related(reader, place == PLACE_FAULT))
        return;
    if (reader->answered) {
        stop(reader, REASON_BAD_REPLY, "there is more than one answer in it");
        return;
    }
    reader->answered = true;
    size_t size = strlen(local);
    bool output = size > 7 && !strcmp(local + size - 7, "_OUTPUT");
    switch (place) {
    case PLACE_FAULT:
        reader->reply.kind = WSMAN_FAULT;
        break;
    case PLACE_IDENTITY:
        reader->reply.kind = WSMAN_IDENTIFIED;
        break;
    case PLACE_ENUMERATION:
        reader->reply.kind = *local == 'E' ? WSMAN_ENUMERATED : WSMAN_PULLED;
        break;
    default:
        reader->reply.kind = output || !reader->get ? WSMAN_OUTPUT : WSMAN_GOT;
    }
}

/* Extends the path; what does not fit is not told, as a cut path would be another one. */
static void enter_property(struct wsman_reader *reader, const char *name)
{
    size_t size = strlen(name), slash = reader->path_size ? 1 : 0;
    if (reader->path_cut || reader->path_size + slash + size >= sizeof reader->path) {
        reader->path_cut = reader->path_cut ? reader->path_cut : reader->depth;
        return;
    }
    if (slash)
        reader->path[reader->path_size++] = '/';
    memcpy(reader->path + reader->path_size, name, size + 1);
    reader->path_size = (uint16_t)(reader->path_size + size);
}

static void enter(struct wsman_reader *reader, enum wsman_place place, const char *local, const char **attributes)
{
    if (place_at(reader, 1) == PLACE_BODY)
        begin_answer(reader, place, local);
    if (reader->broken != REASON_NONE)
        return;
    switch (place) {
    case PLACE_HEADER:
    case PLACE_BODY:
        if (reader->seen_body)
            stop(reader, REASON_BAD_REPLY, "its header or body comes twice");
        reader->seen_body = place == PLACE_BODY;
        break;
    case PLACE_ITEM:
        reader->reply.items++;
        reader->path_size = 0;
        reader->path_cut = 0;
        reader->hooks->item_begin(reader->context, strcmp(local, "XmlFragment") != 0 ? local : "");
        break;
    case PLACE_PROPERTY: {
        const char *selector = !strcmp(local, "Selector") ? attribute(attributes, "Name") : NULL;
        enter_property(reader, selector ? selector : local);
        break;
    }
    case PLACE_DETAIL:
        if (!strcmp(local, "WSManFault") && attribute(attributes, "Code"))
            reader->reply.fault_code = number_of(attribute(attributes, "Code"));
        break;
    default:
        break;
    }
}

static void on_start(void *data, const char *name, const char **attributes)
{
    struct wsman_reader *reader = data;
    if (reader->broken != REASON_NONE)
        return;
    bool deep = reader->depth == WSMAN_DEPTH_MAX;
    if (deep || ++reader->elements > WSMAN_ELEMENTS_MAX) {
        stop(reader, REASON_REPLY_TOO_LARGE, deep ? "its elements are nested too deeply" : "it has too many elements");
        return;
    }
    const char *mark = strrchr(name, '\n'), *local = mark ? mark + 1 : name;
    enum wsman_place place = place_of(place_at(reader, 0), name, mark ? (size_t)(mark - name) : 0, local);
    /* a context that is no text could not be given back, and without one the list would look complete */
    if ((reader->depth == 0 && place != PLACE_ENVELOPE) || place_at(reader, 0) == PLACE_CONTEXT) {
        stop(reader, REASON_BAD_REPLY, reader->depth == 0 ? "it is no SOAP 1.2 envelope" : unusable_context);
        return;
    }
    const char *nil = attribute(attributes, XSI_NIL);
    reader->nil = nil && (!strcmp(nil, "true") || !strcmp(nil, "1"));
    reader->leaf = true;
    reader->text_size = 0;
    reader->text_cut = false;
    reader->depth++;
    reader->places[reader->depth] = (uint8_t)place;
    reader->path_sizes[reader->depth] = reader->path_size;
    enter(reader, place, local, attributes);
}

static void on_text(void *data, const char *text, int size)
{
    struct wsman_reader *reader = data;
    if (reader->broken != REASON_NONE || !reader->leaf || place_at(reader, 0) == PLACE_ALIEN)
        return;
    size_t room = reader->text_cut ? 0 : WSMAN_TEXT_MAX - reader->text_size, taken = (size_t)size < room ? (size_t)size : room;
    reader->text_cut = taken < (size_t)size;
    while (reader->text_cut && taken && ((uint8_t)text[taken] & 0xc0) == 0x80) /* never inside a character */
        taken--;
    memcpy(reader->text + reader->text_size, text, taken);
    reader->text_size += taken;
}

/* ---- texts ---- */

/* The text without the blanks around it. */
static struct text trimmed(const struct wsman_reader *reader)
{
    struct text text = {reader->text, reader->text_size};
    while (text.size && strchr(" \t\r\n", *text.data))
        text.data++, text.size--;
    while (text.size && strchr(" \t\r\n", text.data[text.size - 1]))
        text.size--;
    return text;
}

static bool keep(struct wsman_reader *reader, char *out, size_t out_size)
{
    struct text text = trimmed(reader);
    bool fits = !reader->text_cut && text.size < out_size;
    memcpy(out, text.data, fits ? text.size : 0);
    out[fits ? text.size : 0] = '\0';
    return fits;
}

static void keep_for_people(struct wsman_reader *reader, char *out, size_t out_size)
{
    struct text text = trimmed(reader);
    if (text.size)
        text_for_people(out, out_size, text.data, text.size, NULL);
}

/* What a fault says, without the sentence that begins nearly all of WinRM's: there is little room. */
static void keep_fault_text(struct wsman_reader *reader)
{
    static const char opening[] = "The WS-Management service cannot process the request. ";
    struct text text = trimmed(reader);
    size_t size = sizeof opening - 1;
    if (text.size > size && !memcmp(text.data, opening, size))
        text = (struct text){text.data + size, text.size - size};
    if (text.size)
        text_for_people(reader->reply.text, sizeof reader->reply.text, text.data, text.size, NULL);
}

static uint32_t kept_number(struct wsman_reader *reader)
{
    char number[24];
    return keep(reader, number, sizeof number) ? number_of(number) : 0;
}

static void give_property(struct wsman_reader *reader)
{
    reader->reply.cut += reader->text_cut || reader->path_cut;
    if (reader->path_cut)
        return;
    reader->text[reader->text_size] = '\0';
    if (!strcmp(reader->path, "ReturnValue") && !reader->nil) {
        char number[24];
        reader->reply.has_return = keep(reader, number, sizeof number) && *number;
        reader->reply.returned = reader->reply.has_return ? strtoull(number, NULL, 10) : 0;
    }
    reader->hooks->property(reader->context, reader->path, reader->nil ? "" : reader->text, reader->nil ? 0 : reader->text_size,
                            reader->nil);
}

static void leave_leaf(struct wsman_reader *reader, enum wsman_place place)
{
    struct wsman_reply *reply = &reader->reply;
    char action[160];
    switch (place) {
    case PLACE_RELATES_TO:
        keep(reader, reply->relates_to, sizeof reply->relates_to);
        break;
    case PLACE_ACTION:
        reader->get = keep(reader, action, sizeof action) && strstr(action, "/transfer/GetResponse");
        break;
    case PLACE_VENDOR:
        keep_for_people(reader, reply->vendor, sizeof reply->vendor);
        break;
    case PLACE_VERSION:
        keep_for_people(reader, reply->version, sizeof reply->version);
        break;
    case PLACE_CONTEXT:
        if (!keep(reader, reply->context, sizeof reply->context))
            stop(reader, REASON_BAD_REPLY, unusable_context);
        break;
    case PLACE_END:
        reply->ended = true;
        break;
    case PLACE_SUBCODE_VALUE:
        keep_for_people(reader, reply->subcode, sizeof reply->subcode);
        break;
    case PLACE_FAULT_TEXT:
    case PLACE_DETAIL_TEXT:
        keep_fault_text(reader);
        break;
    case PLACE_DETAIL_CODE:
        reply->fault_code = kept_number(reader);
        break;
    case PLACE_DETAIL_STATUS:
        reader->wmi_status = kept_number(reader);
        break;
    case PLACE_DETAIL_CIM:
        reader->cim_status = kept_number(reader);
        break;
    case PLACE_PROPERTY:
    case PLACE_WRAPPER:
        give_property(reader);
        break;
    default:
        break;
    }
}

static void on_end(void *data, const char *name)
{
    (void)name;
    struct wsman_reader *reader = data;
    if (reader->broken != REASON_NONE)
        return;
    assert(reader->depth > 0);
    enum wsman_place place = place_at(reader, 0);
    if (reader->leaf)
        leave_leaf(reader, place);
    if (place == PLACE_ITEM)
        reader->hooks->item_end(reader->context);
    if (place == PLACE_BODY && !reader->answered && related(reader, false))
        reader->reply.kind = WSMAN_RELEASED;
    reader->leaf = false;
    reader->path_size = reader->path_sizes[reader->depth];
    reader->path[reader->path_size] = '\0';
    if (reader->path_cut == reader->depth)
        reader->path_cut = 0;
    reader->depth--;
}

static void on_doctype(void *data, const char *name, const char *system, const char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(data, REASON_BAD_REPLY, "it has a document type, which SOAP forbids");
}

/* ---- bytes ---- */

struct wsman_reader *wsman_reader_open(const struct bounded_memory *memory, const struct wsman_hooks *hooks, void *context,
                                       const char *expected_id)
{
    static const XML_Memory_Handling_Suite suite = {lent_allocate, lent_resize, lent_release};
    struct wsman_reader *reader = memory->allocate(sizeof *reader, memory->context);
    if (!reader)
        return NULL;
    *reader = (struct wsman_reader){.memory = memory, .hooks = hooks, .context = context};
    size_t size = strnlen(expected_id, sizeof reader->expected - 1);
    memcpy(reader->expected, expected_id, size);
    lent = memory;
    reader->parser = XML_ParserCreate_MM(NULL, &suite, "\n");
    if (!reader->parser) {
        memory->release(reader, memory->context);
        return NULL;
    }
    if (size) /* unpredictable for the server when it chose its names, as the id was drawn for this request */
        XML_SetHashSalt(reader->parser, (unsigned long)hash_text(expected_id, size));
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    return reader;
}

static void parse_block(struct wsman_reader *reader, bool last)
{
    lent = reader->memory;
    if (!reader->block)
        reader->block = XML_GetBuffer(reader->parser, BLOCK);
    enum XML_Status status = reader->block ? XML_ParseBuffer(reader->parser, (int)reader->filled, last) : XML_STATUS_ERROR;
    reader->block = NULL;
    reader->filled = 0;
    if (status != XML_STATUS_ERROR)
        return;
    enum XML_Error error = XML_GetErrorCode(reader->parser);
    reader->is_no_xml = reader->broken == REASON_NONE;
    flawed(reader, error == XML_ERROR_NO_MEMORY ? REASON_REPLY_TOO_LARGE : REASON_BAD_REPLY, XML_ErrorString(error));
}

bool wsman_reader_feed(struct wsman_reader *reader, const char *data, size_t size)
{
    if (size > WSMAN_REPLY_MAX - reader->total)
        flawed(reader, REASON_REPLY_TOO_LARGE, NULL);
    while (size && reader->broken == REASON_NONE) {
        lent = reader->memory;
        if (!reader->block && !(reader->block = XML_GetBuffer(reader->parser, BLOCK))) {
            flawed(reader, REASON_REPLY_TOO_LARGE, NULL);
            break;
        }
        size_t room = BLOCK - reader->filled, taken = size < room ? size : room;
        memcpy(reader->block + reader->filled, data, taken);
        reader->filled += taken;
        reader->total += taken;
        data += taken;
        size -= taken;
        if (reader->filled == BLOCK)
            parse_block(reader, false);
    }
    return reader->broken == REASON_NONE;
}

/* Status codes of CIM (DSP0200, DSP0230), where there is no better one. */
static uint16_t cim_reason(uint32_t status)
{
    switch (status) {
    case 2:
        return REASON_ACCESS_DENIED;
    case 3:
    case 5:
        return REASON_CLASS_MISSING;
    case 6:
        return REASON_OBJECT_MISSING;
    case 4:
    case 7:
    case 14:
    case 15:
        return REASON_QUERY_REFUSED;
    default:
        return REASON_NONE;
    }
}

/* The provider's own status is the innermost word; then the fault's code; what both leave general CIM's status may tell. */
static uint16_t fault_reason(const struct wsman_reader *reader)
{
    const struct wsman_reply *reply = &reader->reply;
    uint16_t reason = reader->wmi_status ? wsman_fault_reason(reader->wmi_status, "") : REASON_PROVIDER_FAILED;
    if (reason == REASON_PROVIDER_FAILED && cim_reason(reader->cim_status) != REASON_NONE && !reply->fault_code)
        reason = cim_reason(reader->cim_status);
    if (reason == REASON_PROVIDER_FAILED)
        reason = wsman_fault_reason(reply->fault_code, reply->subcode);
    return reason == REASON_PROVIDER_FAILED && cim_reason(reader->cim_status) != REASON_NONE ? cim_reason(reader->cim_status) : reason;
}

void wsman_reader_end(struct wsman_reader *reader, int http_status, struct wsman_reply *reply)
{
    if (reader->broken == REASON_NONE && reader->total)
        parse_block(reader, true);
    uint16_t status = wsman_status_reason(http_status), reason = reader->broken;
    if (reason == REASON_NONE && (reader->total == 0 || reader->reply.kind == WSMAN_NOTHING)) {
        reason = REASON_BAD_REPLY;
        reader->flaw = reader->total == 0 ? "it is empty" : "there is no answer in it";
    }
    if (status == REASON_LOGIN_REFUSED)
        reason = status;
    else if (reason == REASON_NONE && reader->reply.kind == WSMAN_FAULT)
        reason = fault_reason(reader);
    else if (status != REASON_OK && (reason == REASON_NONE || reason == REASON_BAD_REPLY))
        reason = status; /* an error page is no answer, whatever it says */
    reader->reply.reason = reason == REASON_NONE ? REASON_OK : reason;
    if (reason == status && reason == REASON_HTTP_STATUS)
        snprintf(reader->reply.text, sizeof reader->reply.text, "HTTP status %d without a SOAP fault", http_status);
    else if (reader->flaw && (reason == REASON_BAD_REPLY || reason == REASON_REPLY_TOO_LARGE))
        snprintf(reader->reply.text, sizeof reader->reply.text, "%s%s", reader->is_no_xml ? "XML: " : "", reader->flaw);
    *reply = reader->reply;
}

void wsman_reader_close(struct wsman_reader *reader)
{
    if (!reader)
        return;
    const struct bounded_memory *memory = reader->memory;
    lent = memory;
    XML_ParserFree(reader->parser);
    memory->release(reader, memory->context);
}
