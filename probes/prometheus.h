/* The Prometheus text format, read as it arrives, in pieces of any cut: one sample after the other. Owns the current line and its
 * bounds; comments (HELP, TYPE) and time stamps are stepped over. Must not know any metric. Pure. */
#ifndef SOLOWARDEN_PROBES_PROMETHEUS_H
#define SOLOWARDEN_PROBES_PROMETHEUS_H

#include "agent/core/types.h"

enum { PROMETHEUS_LINE_MAX = 8192, PROMETHEUS_LABELS_MAX = 32 };

struct prometheus_label {
    const char *name, *value; /* value: well-formed UTF-8 */
};

/* Borrowed until the sink returns. */
struct prometheus_sample {
    uint16_t reason;  /* OK; LINE_TOO_LONG or BAD_REPLY: the line holds no sample, and only its name is known, as far as it came */
    const char *name; /* "" where a broken line does not begin with one */
    double value;     /* may be NaN or infinite */
    uint8_t label_count;
    struct prometheus_label labels[PROMETHEUS_LABELS_MAX];
};
typedef void prometheus_sink(void *context, const struct prometheus_sample *sample);

struct prometheus { /* zero = begin */
    size_t size;
    bool too_long;
    char line[PROMETHEUS_LINE_MAX + 1];
};

void prometheus_feed(struct prometheus *reader, const char *data, size_t size, prometheus_sink *sink, void *context);

/* After the last piece: a line without its end may have lost part of its value, so it is told as a broken one. */
void prometheus_end(struct prometheus *reader, prometheus_sink *sink, void *context);

/* The label's value; "" where there is none, which is the same to Prometheus. */
const char *prometheus_label(const struct prometheus_sample *sample, const char *name);

#endif
