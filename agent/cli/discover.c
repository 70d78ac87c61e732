/* `solowarden discover`: the configuration for what the running agent found. Asks, prints; the document is discover_document.c's. */
#include "discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cli.h"
#include "client.h"

int cli_discover(int argc, char **argv)
{
    const char *cluster = NULL;
    const struct client_option own[] = {{"cluster", "NAME", "one cluster only", &cluster}, {NULL, NULL, NULL, NULL}};
    struct client_options options;
    int status = client_options_with(&options, argc, argv, "", 0, 0, own);
    if (status >= 0)
        return status;
    json_t *request = json_pack("{s:s}", "verb", "discover");
    if (cluster)
        json_object_set_new(request, "cluster", json_string(cluster));
    json_t *answer = client_ask(&options, request, NULL, &status);
    if (!answer)
        return status;
    char *document = options.json ? json_dumps(answer, JSON_INDENT(2)) : discover_document(answer);
    json_decref(answer);
    if (!document)
        return EX_OSERR;
    fputs(document, stdout);
    if (options.json)
        puts("");
    free(document);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}
