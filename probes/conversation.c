/* What the probes share. See conversation.h. */
#include <assert.h>
#include <string.h>

#include "conversation.h"

void request_begin(struct request *out, enum request_kind kind, enum expect expect)
{
    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->expect = expect;
}

void request_peer(struct request *out, const struct probe_context *context, uint16_t port, const char *server_name, const char *ca_file,
                  bool verify)
{
    out->host = context->host;
    out->port = port;
    out->server_name = server_name;
    out->ca_file = ca_file;
    out->insecure = !verify;
}

enum { COMMAND_MAX = 400 }; /* leaves room for verb and line end in request.bytes */

bool sendable(const char *argument)
{
    size_t size = argument ? strnlen(argument, COMMAND_MAX + 1) : 0;
    return size > 0 && size <= COMMAND_MAX && !strpbrk(argument, "\r\n");
}

static void request_append(struct request *out, const char *text)
{
    size_t size = strlen(text);
    assert(size <= sizeof out->bytes - out->size);
    memcpy(out->bytes + out->size, text, size);
    out->size += size;
}

void request_command(struct request *out, enum expect expect, const char *verb, const char *argument)
{
    request_begin(out, REQUEST_EXCHANGE, expect);
    request_append(out, verb);
    if (argument) {
        assert(sendable(argument));
        request_append(out, " ");
        request_append(out, argument);
    }
    request_append(out, "\r\n");
}

/* Marks that reorder or hide text on a terminal are no text for people. */
static bool code_point_shown(uint32_t point)
{
    return point >= 0xa0 && !(point >= 0x200b && point <= 0x200f) && !(point >= 0x2028 && point <= 0x202e) &&
           !(point >= 0x2060 && point <= 0x206f) && !(point >= 0xd800 && point <= 0xf8ff) && !(point >= 0xfff0 && point <= 0xffff) &&
           point != 0xfeff && point != 0xad && point <= 0x2ffff;
}

/* Size of the ordinary character at `data`, 0 if there is none. */
static size_t character_size(const char *data, size_t size)
{
    uint8_t first = (uint8_t)data[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || size < length)
        return 0;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t point = first & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (((uint8_t)data[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | ((uint8_t)data[i] & 0x3fU);
    }
    return point >= smallest[length] && code_point_shown(point) ? length : 0;
}

void text_for_people(char *out, size_t out_size, const char *data, size_t size, const char *secret)
{
    size_t used = 0, at = 0, secret_size = secret ? strlen(secret) : 0;
    while (at < size && data[at] != '\n' && data[at] != '\r') {
        const char *piece = "?";
        size_t taken = 1, length = 1;
        if (secret_size && size - at >= secret_size && !memcmp(data + at, secret, secret_size)) {
            piece = "***";
            length = 3;
            taken = secret_size;
        } else if (character_size(data + at, size - at)) {
            piece = data + at;
            length = taken = character_size(data + at, size - at);
        }
        if (length >= out_size - used)
            break;
        memcpy(out + used, piece, length);
        used += length;
        at += taken;
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}

void seen_item(struct seen *seen, uint8_t aspect, uint8_t verdict, uint16_t reason, int64_t value)
{
    if (seen->count < SEEN_MAX)
        seen->items[seen->count++] = (struct seen_item){.aspect = aspect, .verdict = verdict, .reason = reason, .value = value};
}

void seen_perf(struct seen *seen, const char *label, const char *unit, double value)
{
    if (seen->perf_count == PERF_MAX)
        return;
    struct perf *perf = &seen->perf[seen->perf_count++];
    memset(perf, 0, sizeof *perf);
    memcpy(perf->label, label, strnlen(label, sizeof perf->label - 1));
    memcpy(perf->unit, unit, strnlen(unit, sizeof perf->unit - 1));
    perf->value = value;
}

uint16_t seen_certificate(struct seen *seen, int64_t days, int64_t warn_ms)
{
    if (days == INT64_MIN)
        return REASON_OK;
    seen_perf(seen, "certificate_days", "d", (double)days);
    if (days < 0)
        return REASON_TLS_EXPIRED;
    return days < warn_ms / 86400000 ? REASON_TLS_EXPIRES_SOON : REASON_OK;
}

uint8_t verdict_without_reply(uint16_t reason)
{
    return reason == REASON_NO_RESOURCES ? UNKNOWN : NO;
}

bool mentions(const char *data, size_t size, const char *word)
{
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= size; at++) {
        size_t same = 0;
        while (same < length && ((data[at + same] ^ word[same]) & ~0x20) == 0)
            same++;
        if (same == length)
            return true;
    }
    return false;
}

void seen_for_node(struct seen *seen, uint8_t aspect)
{
    for (uint8_t i = 0; i < seen->count; i++) {
        struct seen_item *item = &seen->items[i];
        if (item->aspect != ASPECT_ENDPOINT)
            continue;
        item->aspect = aspect;
        if (item->verdict == NO && item->reason != REASON_UNEXPECTED_TEXT && item->reason != REASON_PLUGIN_CRITICAL)
            item->verdict = UNKNOWN;
    }
}
