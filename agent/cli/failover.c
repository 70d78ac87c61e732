/* `solowarden failover GROUP [--to NODE] --reason TEXT [--force]`: an operator's own order. What no override opens stays closed. */
#include <stdio.h>
#include <sysexits.h>

#include "cli.h"
#include "client.h"

int cli_failover(int argc, char **argv)
{
    const char *to = "", *reason = NULL, *force = NULL;
    const struct client_option own[] = {{"to", "NODE", "the target (default: the best candidate)", &to},
                                        {"reason", "TEXT", "for the history", &reason},
                                        {"force", NULL, "past gates that an operator may pass", &force},
                                        {0}};
    struct client_options options;
    int status = client_options_with(&options, argc, argv, "GROUP", 1, 1, own);
    if (status >= 0)
        return status;
    if (!reason || !*reason) {
        fputs("solowarden failover: --reason TEXT is needed\n", stderr);
        return EX_USAGE;
    }
    return client_order(&options, json_pack("{s:s,s:s,s:s,s:s,s:b}", "verb", "failover", "group", options.arguments[0], "to", to, "reason",
                                            reason, "force", force != NULL));
}
