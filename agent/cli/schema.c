/* `schema`: what may stand in the configuration, for machines and for people. Must not read any. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "agent/config/config.h"
#include "cli.h"

static void usage(FILE *out)
{
    fputs("usage: solowarden schema [--keys]\n\n"
          "Prints the JSON Schema (2020-12) of the configuration: editors complete and check with it.\n\n"
          "  --keys  print every key with its meaning and default instead\n",
          out);
}

int cli_schema(int argc, char **argv)
{
    bool keys = argc == 2 && strcmp(argv[1], "--keys") == 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return EX_OK;
    }
    if (argc > 1 && !keys) {
        fprintf(stderr, "solowarden schema: `%s` is not understood\n\n", argv[1]);
        usage(stderr);
        return EX_USAGE;
    }
    if (keys)
        config_reference(stdout);
    else
        config_schema(stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? EX_OK : EX_IOERR;
}
