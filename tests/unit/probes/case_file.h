/* Reads a .case file: a probe's configuration and the replies of a recorded conversation (format: probes/README.md).
 * Serves the golden test, the fuzzer and the recorder; the text may be hostile. Fixed memory, nothing to free. */
#ifndef SOLOWARDEN_TESTS_CASE_FILE_H
#define SOLOWARDEN_TESTS_CASE_FILE_H

#include "case_fields.h"

enum { CASE_TEXT_MAX = 64 * 1024, CASE_STATE_MAX = 32 * 1024, CASE_MEMORY_MAX = 4 << 20, CASE_WANTED_MAX = 8 };

/* What a probe of an estate may know and use beside its configuration. */
struct case_estate {
    struct bounded_memory memory;
    size_t memory_limit, memory_used;
    struct {
        uint8_t kind;
        const char *name;
    } wanted[CASE_WANTED_MAX];
    size_t wanted_count, wanted_at;
    bool open[FOUND_KINDS]; /* lists that have begun and not ended: case_rules.h */
    const char *broken;     /* the rule that a list broke */
};

struct case_file {
    const struct probe_type *type;
    struct probe_context context;
    struct credential credential;
    struct reply next; /* what the next reply carries beside its data */
    struct case_conf conf;
    struct case_estate estate;
    _Alignas(max_align_t) char state[CASE_STATE_MAX];
    char text[CASE_TEXT_MAX], data[CASE_TEXT_MAX];
    char asked_id[64];       /* MessageID of the last request, for \@ in replies */
    enum request_kind asked; /* the last request */
    char *rest;              /* the script: what follows the first empty line */
};

static inline void *case_allocate(size_t size, void *context)
{
    struct case_estate *estate = context;
    if (size > estate->memory_limit - estate->memory_used)
        return NULL;
    size_t *block = malloc(size + sizeof(max_align_t));
    if (!block)
        return NULL;
    *block = size;
    estate->memory_used += size;
    return (char *)block + sizeof(max_align_t);
}

static inline void case_release(void *block, void *context)
{
    struct case_estate *estate = context;
    if (!block)
        return;
    size_t *begin = (void *)((char *)block - sizeof(max_align_t));
    estate->memory_used -= *begin;
    free(begin);
}

static inline bool case_wanted(void *context, enum found_kind kind, char name[FOUND_NAME])
{
    struct case_estate *estate = &((struct case_file *)context)->estate;
    while (estate->wanted_at < estate->wanted_count && estate->wanted[estate->wanted_at].kind != kind)
        estate->wanted_at++;
    if (estate->wanted_at == estate->wanted_count) {
        estate->wanted_at = 0; /* the next kind begins anew */
        return false;
    }
    snprintf(name, FOUND_NAME, "%s", estate->wanted[estate->wanted_at++].name);
    return true;
}

/* Lines of the head that only probes of an estate have: url, round, memory, wanted. */
static inline bool case_estate_line(struct case_file *file, const char *key, char *value)
{
    struct case_estate *estate = &file->estate;
    if (!strcmp(key, "url")) {
        if (!strchr(value, ' ') && strlen(value) < 200)
            file->context.url = value;
    } else if (!strcmp(key, "round")) {
        file->context.round = (uint32_t)strtoul(value, NULL, 10);
    } else if (!strcmp(key, "memory")) {
        size_t limit = strtoul(value, NULL, 10);
        estate->memory_limit = limit < CASE_MEMORY_MAX ? limit : CASE_MEMORY_MAX;
    } else if (!strcmp(key, "wanted")) {
        char *name = strchr(value, ' ');
        if (!name || estate->wanted_count == CASE_WANTED_MAX)
            return true;
        *name++ = '\0';
        case_unescape(name);
        for (uint8_t kind = 0; kind < FOUND_KINDS; kind++)
            if (!strcmp(found_kind_name(kind), value)) {
                estate->wanted[estate->wanted_count].kind = kind;
                estate->wanted[estate->wanted_count++].name = name;
            }
    } else {
        return false;
    }
    return true;
}

/* One "key value" line of the head. */
static inline void case_head_line(struct case_file *file, char *line)
{
    char *value = strchr(line, ' ');
    if (*line == '#' || !value)
        return;
    *value++ = '\0';
    if (!strcmp(line, "probe") && !file->type) {
        file->type = probe_type_by_name(value);
        for (const struct field *field = file->type ? file->type->fields : NULL; field && field->key; field++) {
            char preset[32];
            snprintf(preset, sizeof preset, "%s", field->preset ? field->preset : "");
            if (field->preset) /* a text stays where it is */
                case_set_field(&file->conf, file->type->fields, field->key,
                               field->type == FIELD_TEXT ? (char *)(uintptr_t)field->preset : preset);
        }
    } else if (!strcmp(line, "target") || !strcmp(line, "node") || !strcmp(line, "credential")) {
        char *second = strchr(value, ' ');
        if (second)
            *second++ = '\0';
        case_unescape(value);
        if (second)
            case_unescape(second);
        if (*line == 't') {
            file->context.host = value;
            file->context.port = (uint16_t)strtoul(second ? second : "0", NULL, 10);
        } else if (*line == 'n') {
            file->context.node = value;
            file->context.address = second;
        } else {
            file->credential = (struct credential){value, second};
            file->context.credential = &file->credential;
        }
    } else if (file->type && !case_estate_line(file, line, value)) {
        case_unescape(value);
        case_set_field(&file->conf, file->type->fields, line, value);
    }
}

/* False: names no probe. */
static inline bool case_open(struct case_file *file, const char *text, size_t size)
{
    memset(file, 0, sizeof *file);
    memcpy(file->text, text, size < CASE_TEXT_MAX ? size : CASE_TEXT_MAX - 1);
    file->context.host = "127.0.0.1";
    file->context.url = "https://node.example:5986/wsman";
    file->context.timeout = 20000;
    file->context.found_context = file;
    file->context.wanted = case_wanted;
    file->context.memory = &file->estate.memory;
    file->estate.memory = (struct bounded_memory){case_allocate, case_release, &file->estate};
    file->estate.memory_limit = CASE_MEMORY_MAX;
    file->next.certificate_days = INT64_MIN;
    file->next.http_status = 200;
    file->rest = file->text;
    for (char *line = strsep(&file->rest, "\n"); line && *line; line = strsep(&file->rest, "\n"))
        case_head_line(file, line);
    return file->type != NULL;
}

/* What a probe asked colours the replies: they may have to say which request they belong to. */
static inline void case_asked(struct case_file *file, const struct request *request)
{
    static const char tag[] = "MessageID>";
    if (request->kind == REQUEST_NONE) /* waits for more of the same */
        return;
    file->asked = request->kind;
    *file->asked_id = '\0';
    if (request->kind != REQUEST_POST)
        return;
    const char *id = memmem(request->body, request->body_size, tag, sizeof tag - 1);
    if (!id)
        return;
    id += sizeof tag - 1;
    size_t size = 0, most = request->body_size - (size_t)(id - request->body);
    while (size < most && size < sizeof file->asked_id - 1 && id[size] != '<')
        size++;
    memcpy(file->asked_id, id, size);
    file->asked_id[size] = '\0';
}

/* The text of a reply into file->data: \@ becomes the MessageID that was asked with, `enveloped` puts SOAP around it. */
static inline void case_reply_text(struct case_file *file, const char *text, bool enveloped)
{
    static const char head[] = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
                               "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
                               "xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" "
                               "xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" "
                               "xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" "
                               "xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" "
                               "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header><a:RelatesTo>";
    size_t size = 0, room = sizeof file->data;
    if (enveloped)
        size = (size_t)snprintf(file->data, room, "%s%s</a:RelatesTo></s:Header><s:Body>", head, file->asked_id);
    for (; *text && size + sizeof file->asked_id + 64 < room; text++) {
        if (text[0] == '\\' && text[1] == '@') {
            size += (size_t)snprintf(file->data + size, room - size, "%s", file->asked_id);
            text++;
            continue;
        }
        file->data[size++] = *text;
        if (text[0] == '\\' && text[1])
            file->data[size++] = *++text;
    }
    snprintf(file->data + size, room - size, "%s", enveloped ? "</s:Body></s:Envelope>" : "");
}

/* "@ key value" lines colour the replies that follow. */
static inline void case_colour(struct case_file *file, const char *line)
{
    long long value = 0;
    char key[16] = "";
    sscanf(line, "@ %15s %lld", key, &value);
    if (!strcmp(key, "elapsed"))
        file->next.elapsed_ms = value;
    else if (!strcmp(key, "certificate"))
        file->next.certificate_days = value;
    else if (!strcmp(key, "wall"))
        file->next.wall = value;
    else if (!strcmp(key, "exit"))
        file->next.exit_status = (int)value;
    else if (!strcmp(key, "status"))
        file->next.http_status = (int)value;
}

/* A script line that is a reply fills *reply and returns true. */
static inline bool case_reply(struct case_file *file, const char *line, struct reply *reply)
{
    if (line[0] == '@')
        case_colour(file, line);
    if (line[0] != '<' && line[0] != '!')
        return false;
    *reply = file->next;
    reply->reason = REASON_OK;
    const char *text = line + 1;
    bool enveloped = line[0] == '<' && line[1] == 'e';
    if (line[0] == '!') {
        char word[40] = "";
        sscanf(line, "! %39s", word);
        for (uint16_t reason = 0; reason < REASONS; reason++)
            if (!strcmp(word, reason_name(reason)))
                reply->reason = reason;
        text = strchr(line + (line[1] == ' ' ? 2 : 1), ' ');
    } else if (line[1] == '+' || enveloped) {
        reply->more = true;
        reply->from_data = file->asked == REQUEST_TRANSFER;
        text++;
    }
    case_reply_text(file, text && *text ? text + 1 : "", enveloped);
    reply->data = file->data;
    reply->size = case_unescape(file->data);
    return true;
}

#endif
