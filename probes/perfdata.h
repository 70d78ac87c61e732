/* Performance data as Nagios plugins print it: 'label'=value[unit];warn;crit;min;max. Only label, value and unit are kept.
 * What is not of this form is skipped, never guessed. */
#ifndef SOLOWARDEN_PROBES_PERFDATA_H
#define SOLOWARDEN_PROBES_PERFDATA_H

#include "probe.h"

/* Adds what `data` holds to seen->perf, as far as there is room. */
void perfdata_parse(const char *data, size_t size, struct seen *seen);

#endif
