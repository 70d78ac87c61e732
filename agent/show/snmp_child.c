/* The beginning that both SNMP children share. They end with their channel, not with a signal to the whole service. */
#include "snmp_child.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>

struct config *snmp_child_begin(int argc, char **argv, uint32_t *boots, int *status)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"boots", required_argument, NULL, 'b'}, {0}};
    struct diagnostics diagnostics = {.out = stderr, .limit = 10};
    const char *path = NULL;
    *boots = 1;
    *status = EX_USAGE;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c')
            path = optarg;
        else if (option == 'b')
            *boots = (uint32_t)strtoul(optarg, NULL, 10);
        else
            return NULL;
    }
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    secret_guard();
    *status = EX_CONFIG;
    struct config *config = path ? config_read(path, &diagnostics) : NULL;
    if (config && config->snmp)
        return config;
    if (config)
        config_close(config);
    return NULL;
}
