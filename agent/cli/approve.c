/* `solowarden approve GROUP [--plan ID]`: approves the standing plan; every gate is evaluated again, and it lapses after 10 minutes. */
#include "cli.h"
#include "client.h"

int cli_approve(int argc, char **argv)
{
    const char *plan = "";
    const struct client_option own[] = {{"plan", "ID", "only this plan, as explain shows it", &plan}, {0}};
    struct client_options options;
    int status = client_options_with(&options, argc, argv, "GROUP", 1, 1, own);
    if (status >= 0)
        return status;
    return client_order(&options, json_pack("{s:s,s:s,s:s}", "verb", "approve", "group", options.arguments[0], "plan", plan));
}
