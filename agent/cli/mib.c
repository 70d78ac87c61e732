/* `solowarden mib`: where the MIB is and how to make the usual tools find it. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/show/snmp_tree.h"
#include "cli.h"

static const char *const folders[] = {"/usr/local/share/snmp/mibs", "/usr/share/snmp/mibs", "mibs"};

int cli_mib(int argc, char **argv)
{
    if (argc > 1) {
        bool help = strcmp(argv[1], "--help") == 0;
        fputs("usage: solowarden mib\n\nTells where SOLOWARDEN-MIB is installed, its root, and how to walk it.\n", help ? stdout : stderr);
        return help ? 0 : EX_USAGE;
    }
    const char *found = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !found; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/SOLOWARDEN-MIB.txt", folders[i]);
        if (access(path, R_OK) == 0)
            found = folders[i];
    }
    printf("root      .%s\n", TREE_ROOT_TEXT);
    if (found)
        printf("file      %s/SOLOWARDEN-MIB.txt\n", found);
    else
        puts("file      not found in the usual folders: ./dev install puts it under /usr/local/share/snmp/mibs");
    printf("walk it   snmpwalk -M +%s -m SOLOWARDEN-MIB … HOST solowardenMIB\n", found ? found : "/usr/local/share/snmp/mibs");
    puts("imports   SNMPv2-SMI, SNMPv2-TC, SNMPv2-CONF, SNMP-FRAMEWORK-MIB (plain Debian lacks them: solowarden doctor)");
    return found ? 0 : EX_NOINPUT;
}
