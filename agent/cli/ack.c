/* `solowarden ack GROUP|ALARM`: an operator has looked. Ends a block or a latch of a group; marks an alarm as seen. */
#include "cli.h"
#include "client.h"

int cli_ack(int argc, char **argv)
{
    struct client_options options;
    int status = client_options(&options, argc, argv, "GROUP|ALARM", 1, 1);
    if (status >= 0)
        return status;
    return client_order(&options, json_pack("{s:s,s:s}", "verb", "ack", "name", options.arguments[0]));
}
