/* `solowarden resume SCOPE`: ends a pause, and lets refused credentials be tried again. */
#include "cli.h"
#include "client.h"

int cli_resume(int argc, char **argv)
{
    struct client_options options;
    int status = client_options(&options, argc, argv, "agent|CLUSTER|GROUP|NODE", 1, 1);
    if (status >= 0)
        return status;
    return client_order(&options, json_pack("{s:s,s:s}", "verb", "resume", "scope", options.arguments[0]));
}
