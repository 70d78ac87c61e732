/* The program's entry: find the verb, hand over. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "agent/cli/cli.h"

static void usage(FILE *out)
{
    fputs("usage: solowarden VERB [option …]\n\n", out);
    for (const struct verb_type *verb = verbs; verb->name; verb++)
        if (!verb->internal)
            fprintf(out, "  %-12s %s\n", verb->name, verb->help);
    fputs("\nsolowarden VERB --help tells more.\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EX_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("solowarden " SOLOWARDEN_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    for (const struct verb_type *verb = verbs; verb->name; verb++)
        if (strcmp(argv[1], verb->name) == 0)
            return verb->main(argc - 1, argv + 1);
    fprintf(stderr, "solowarden: there is no verb `%s`\n\n", argv[1]);
    usage(stderr);
    return EX_USAGE;
}
