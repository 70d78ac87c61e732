/* Reads a .case file: a probe's configuration and the replies of a recorded conversation (format: probes/README.md).
 * Serves the golden test, the fuzzer and the recorder; the text may be hostile. Fixed memory, nothing to free. */
#ifndef SOLOWARDEN_TESTS_CASE_FILE_H
#define SOLOWARDEN_TESTS_CASE_FILE_H

#include "case_fields.h"

enum { CASE_TEXT_MAX = 64 * 1024 };

struct case_file {
    const struct probe_type *type;
    struct probe_context context;
    struct credential credential;
    struct reply next; /* what the next reply carries beside its data */
    struct case_conf conf;
    _Alignas(max_align_t) char state[CASE_CONF_MAX];
    char text[CASE_TEXT_MAX], data[CASE_TEXT_MAX];
    char *rest; /* the script: what follows the first empty line */
};

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
            if (field->preset)
                case_set_field(&file->conf, file->type->fields, field->key, preset);
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
    } else if (file->type) {
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
    file->next.certificate_days = INT64_MIN;
    file->rest = file->text;
    for (char *line = strsep(&file->rest, "\n"); line && *line; line = strsep(&file->rest, "\n"))
        case_head_line(file, line);
    return file->type != NULL;
}

/* A script line that is a reply fills *reply and returns true. "@ key value" lines colour the replies that follow. */
static inline bool case_reply(struct case_file *file, const char *line, struct reply *reply)
{
    if (line[0] == '@') {
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
        return false;
    }
    if (line[0] != '<' && line[0] != '!')
        return false;
    *reply = file->next;
    reply->reason = REASON_OK;
    const char *text = line + 1;
    if (line[0] == '!') {
        char word[40] = "";
        sscanf(line, "! %39s", word);
        for (uint16_t reason = 0; reason < REASONS; reason++)
            if (!strcmp(word, reason_name(reason)))
                reply->reason = reason;
        text = strchr(line + (line[1] == ' ' ? 2 : 1), ' ');
    } else if (line[1] == '+') {
        reply->more = reply->from_data = true;
        text++;
    }
    snprintf(file->data, sizeof file->data, "%s", text && *text ? text + 1 : "");
    reply->data = file->data;
    reply->size = case_unescape(file->data);
    return true;
}

#endif
