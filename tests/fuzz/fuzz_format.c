/* Every log format over hostile lines, with one memory of sessions and days across the lines of an input, as in a log; what they
 * understand goes on into evidence. The first byte chooses who polls; lines are separated by newlines. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/evidence.h"
#include "probes/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text_inside(struct text text, const char *line, size_t size)
{
    if (text.size && (text.data < line || text.data + text.size > line + size))
        abort();
}

static void feed(struct evidence *evidence, const struct sighting *sighting, uint8_t node, uint64_t line)
{
    static const struct evidence_policy policy = {.window = 180000, .resolution = 1000};
    struct event event = event_of(sighting, line);
    event.node = node;
    struct finding finding;
    struct evidence_view view;
    evidence_event(&policy, evidence, &event, &finding);
    evidence_fold(&policy, evidence, event.end, true, policy.window, &view);
    if (evidence->run_count > EVIDENCE_RUNS || view.plane > DATA_MANY)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct format_state state;
    static struct evidence evidence;
    uint8_t seed = size ? data[0] : 0;
    for (const struct format *format = formats; format->name; format++) {
        memset(&state, 0, sizeof state);
        evidence_reset(&evidence);
        const char *at = (const char *)data + (size > 0), *end = (const char *)data + size;
        for (uint64_t number = 1; at < end; number++) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            size_t length = (size_t)((newline ? newline : end) - at);
            length = length > LINE_MAX_BYTES ? LINE_MAX_BYTES : length;
            /* a copy of exactly this size, so that reading past its end is seen */
            char *line = malloc(length ? length : 1);
            if (!line)
                return 0;
            memcpy(line, at, length);
            struct sighting sighting = {0};
            if (format->parse(NULL, &state, line, length, &sighting) == PARSED_SIGHTING) {
                text_inside(sighting.account, line, length);
                text_inside(sighting.object, line, length);
                text_inside(sighting.client, line, length);
                if (sighting.grade >= GRADES || sighting.begin > sighting.end)
                    abort();
                feed(&evidence, &sighting, (uint8_t)((sighting.address.bytes[15] + seed) % 4), number);
            }
            free(line);
            at = newline ? newline + 1 : end;
        }
    }
    return 0;
}
