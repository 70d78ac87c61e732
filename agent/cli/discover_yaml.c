/* A YAML document by libyaml's emitter. See discover_yaml.h. */
#include "discover_yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct yaml_writer {
    yaml_emitter_t emitter;
    char *data;
    size_t used, capacity;
    bool failed;
};

static int keep(void *context, unsigned char *bytes, size_t size)
{
    struct yaml_writer *writer = context;
    if (writer->used + size + 1 > writer->capacity) {
        size_t capacity = 2 * (writer->used + size + 1);
        char *larger = realloc(writer->data, capacity);
        if (!larger)
            return 0;
        writer->data = larger;
        writer->capacity = capacity;
    }
    memcpy(writer->data + writer->used, bytes, size);
    writer->used += size;
    writer->data[writer->used] = '\0';
    return 1;
}

/* Takes over the event. */
static void emit(struct yaml_writer *writer, int made, yaml_event_t *event)
{
    if (writer->failed && made)
        yaml_event_delete(event);
    else if (!made || !yaml_emitter_emit(&writer->emitter, event))
        writer->failed = true;
}

struct yaml_writer *yaml_writer_open(void)
{
    struct yaml_writer *writer = calloc(1, sizeof *writer);
    yaml_event_t event;
    if (!writer || !yaml_emitter_initialize(&writer->emitter)) {
        free(writer);
        return NULL;
    }
    yaml_emitter_set_output(&writer->emitter, keep, writer);
    yaml_emitter_set_unicode(&writer->emitter, 1);
    yaml_emitter_set_width(&writer->emitter, -1);
    emit(writer, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event);
    emit(writer, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event);
    return writer;
}

static void scalar(struct yaml_writer *writer, const char *text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    emit(writer, yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strnlen(text, INT16_MAX), 1, 1, style),
         &event);
}

/* Letters first, then letters, digits, dot, dash, underscore: and none of the words that YAML 1.1 reads as something else. */
static bool reads_as_text(const char *text)
{
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", others[] = "0123456789._-";
    if (!*text || !strchr(letters, *text))
        return false;
    for (const char *at = text; *at; at++)
        if (!strchr(letters, *at) && !strchr(others, *at))
            return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i], text) == 0)
            return false;
    return true;
}

void yaml_text(struct yaml_writer *writer, const char *text)
{
    scalar(writer, text, reads_as_text(text) ? YAML_PLAIN_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE);
}

void yaml_key(struct yaml_writer *writer, const char *key)
{
    yaml_text(writer, key);
}

void yaml_plain(struct yaml_writer *writer, const char *text)
{
    scalar(writer, text, YAML_PLAIN_SCALAR_STYLE);
}

void yaml_map(struct yaml_writer *writer)
{
    yaml_event_t event;
    emit(writer, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE), &event);
}

void yaml_map_end(struct yaml_writer *writer)
{
    yaml_event_t event;
    emit(writer, yaml_mapping_end_event_initialize(&event), &event);
}

void yaml_list(struct yaml_writer *writer)
{
    yaml_event_t event;
    emit(writer, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE), &event);
}

void yaml_list_end(struct yaml_writer *writer)
{
    yaml_event_t event;
    emit(writer, yaml_sequence_end_event_initialize(&event), &event);
}

char *yaml_writer_close(struct yaml_writer *writer)
{
    yaml_event_t event;
    emit(writer, yaml_document_end_event_initialize(&event, 1), &event);
    emit(writer, yaml_stream_end_event_initialize(&event), &event);
    if (!writer->failed && !yaml_emitter_flush(&writer->emitter))
        writer->failed = true;
    yaml_emitter_delete(&writer->emitter);
    char *data = writer->data;
    if (writer->failed) {
        free(data);
        data = NULL;
    }
    free(writer);
    return data;
}
