/* The snmp_host probe. */
#include "probe.h"

static const struct field fields[] = {{.key = NULL}};

static enum step snmp_host_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                          struct seen *seen)
{
    (void)conf, (void)state, (void)context, (void)in, (void)out, (void)seen;
    return STEP_DONE;
}

const struct probe_type probe_snmp_host = {.name = "snmp_host", .fields = fields, .conf_size = sizeof(struct snmp_host_conf), .state_size = 1, .estate = true, .step = snmp_host_step};
