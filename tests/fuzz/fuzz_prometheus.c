/* Text of any content, cut anywhere: samples keep their bounds, and the cut changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "probes/prometheus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
    uint64_t hash, samples;
};

static void add(struct digest *digest, const void *bytes, size_t size)
{
    digest->hash = digest->hash * 31 + hash_text(bytes, size);
}

static void take(void *context, const struct prometheus_sample *sample)
{
    struct digest *digest = context;
    if (strlen(sample->name) > PROMETHEUS_LINE_MAX || sample->label_count > PROMETHEUS_LABELS_MAX)
        abort();
    digest->samples++;
    add(digest, sample->name, strlen(sample->name));
    add(digest, &sample->reason, sizeof sample->reason);
    if (sample->reason != REASON_OK)
        return;
    if (!*sample->name)
        abort();
    add(digest, &sample->value, sizeof sample->value);
    for (uint8_t i = 0; i < sample->label_count; i++) {
        if (!*sample->labels[i].name)
            abort();
        add(digest, sample->labels[i].name, strlen(sample->labels[i].name));
        add(digest, sample->labels[i].value, strlen(sample->labels[i].value));
    }
}

static struct digest read_cut(const uint8_t *data, size_t size, size_t piece)
{
    static struct prometheus reader;
    struct digest digest = {0};
    memset(&reader, 0, sizeof reader);
    for (size_t at = 0; at < size; at += piece)
        prometheus_feed(&reader, (const char *)data + at, size - at < piece ? size - at : piece, take, &digest);
    prometheus_end(&reader, take, &digest);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct digest whole = read_cut(data + 1, size - 1, SIZE_MAX / 2), cut = read_cut(data + 1, size - 1, (size_t)data[0] + 1);
    if (whole.hash != cut.hash || whole.samples != cut.samples)
        abort();
    return 0;
}
