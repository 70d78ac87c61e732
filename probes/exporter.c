/* The exporter probe. */
#include "probe.h"

static const struct field fields[] = {{.key = NULL}};

static enum step exporter_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                          struct seen *seen)
{
    (void)conf, (void)state, (void)context, (void)in, (void)out, (void)seen;
    return STEP_DONE;
}

const struct probe_type probe_exporter = {.name = "exporter", .fields = fields, .conf_size = sizeof(struct exporter_conf), .state_size = 1, .estate = true, .step = exporter_step};
