/* The probes there are. Adding one: a file of its own and one line here (README.md). */
#include <string.h>

#include "probe.h"

const struct probe_type *const probe_types[] = {&probe_ftp,     &probe_pop3, &probe_tcp,      &probe_exec,      &probe_wsfc, &probe_biztalk,
                                                &probe_service, &probe_msmq, &probe_exporter, &probe_snmp_host, NULL};

const struct probe_type *probe_type_by_name(const char *name)
{
    for (size_t i = 0; probe_types[i]; i++)
        if (!strcmp(probe_types[i]->name, name))
            return probe_types[i];
    return NULL;
}
