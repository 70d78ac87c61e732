/* `solowarden pause SCOPE --for TIME --why TEXT`: no action in that scope until then; detection goes on. */
#include <stdio.h>
#include <sysexits.h>

#include "cli.h"
#include "client.h"

int cli_pause(int argc, char **argv)
{
    const char *length = NULL, *why = NULL;
    const struct client_option own[] = {
        {"for", "TIME", "how long: 30m, 2h, 1d. Every pause ends", &length}, {"why", "TEXT", "for those who find it", &why}, {0}};
    struct client_options options;
    int status = client_options_with(&options, argc, argv, "agent|CLUSTER|GROUP|NODE", 1, 1, own);
    if (status >= 0)
        return status;
    long seconds = length ? client_seconds(length) : -1;
    if (seconds < 0 || !why || !*why) {
        fputs("solowarden pause: --for TIME (30m, 2h, 1d) and --why TEXT are needed\n", stderr);
        return EX_USAGE;
    }
    return client_order(&options, json_pack("{s:s,s:s,s:I,s:s}", "verb", "pause", "scope", options.arguments[0], "seconds",
                                            (json_int_t)seconds, "why", why));
}
