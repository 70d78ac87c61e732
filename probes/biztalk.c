/* The biztalk probe. */
#include "probe.h"

static const struct field fields[] = {{.key = NULL}};

static enum step biztalk_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                          struct seen *seen)
{
    (void)conf, (void)state, (void)context, (void)in, (void)out, (void)seen;
    return STEP_DONE;
}

const struct probe_type probe_biztalk = {.name = "biztalk", .fields = fields, .conf_size = sizeof(struct biztalk_conf), .state_size = 1, .estate = true, .step = biztalk_step};
