/* `solowarden mib`: where the MIB is and how to make the usual tools find it. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/show/snmp_tree.h"
#include "cli.h"

static const char *const folders[] = {"/usr/local/share/snmp/mibs", "/usr/share/snmp/mibs", "mibs"};

static int print_file(const char *folder)
{
    char path[128], line[512];
    snprintf(path, sizeof path, "%s/SOLOWARDEN-MIB.txt", folder ? folder : folders[0]);
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return EX_NOINPUT;
    }
    while (fgets(line, sizeof line, file))
        fputs(line, stdout);
    fclose(file);
    return 0;
}

int cli_mib(int argc, char **argv)
{
    bool print = argc == 2 && strcmp(argv[1], "--print") == 0;
    if (argc > 1 && !print) {
        bool help = strcmp(argv[1], "--help") == 0;
        fputs("usage: solowarden mib [--print]\n\n"
              "Tells where SOLOWARDEN-MIB is installed, its root, and how to walk it; --print prints the MIB itself.\n",
              help ? stdout : stderr);
        return help ? 0 : EX_USAGE;
    }
    const char *found = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !found; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/SOLOWARDEN-MIB.txt", folders[i]);
        if (access(path, R_OK) == 0)
            found = folders[i];
    }
    if (print)
        return print_file(found);
    printf("root      .%s\n", TREE_ROOT_TEXT);
    if (found)
        printf("file      %s/SOLOWARDEN-MIB.txt\n", found);
    else
        puts("file      not found in the usual folders: ./dev install puts it under /usr/local/share/snmp/mibs");
    printf("walk it   snmpwalk -M +%s -m SOLOWARDEN-MIB … HOST solowardenMIB\n", found ? found : "/usr/local/share/snmp/mibs");
    puts("imports   SNMPv2-SMI, SNMPv2-TC, SNMPv2-CONF, SNMP-FRAMEWORK-MIB (plain Debian lacks them: solowarden doctor)");
    return found ? 0 : EX_NOINPUT;
}
