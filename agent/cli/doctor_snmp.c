/* The SNMP part of `solowarden doctor`: do the tools find our MIB, does snmpd let us in and show us, is our port free?
 * Reads what net-snmp's own documentation says that it reads; does not use net-snmp. */
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "doctor.h"

#define ROOT ".1.3.6.1.4.1.8072.9999.9999"
#define SNMPD_CONF "/etc/snmp/snmpd.conf"
#define USUAL_FOLDERS "/usr/share/snmp/mibs:/usr/share/snmp/mibs/iana:/usr/share/snmp/mibs/ietf:/usr/local/share/snmp/mibs"

enum { VIEWS_MAX = 32, WORD_MAX = 128 };

/* Is there a file for this module (NAME, NAME.txt, NAME.mib, …) in one of the folders of a colon-separated list? */
static bool find_module(const char *folders, const char *module, char *where, size_t size)
{
    char list[2048];
    snprintf(list, sizeof list, "%s", folders);
    size_t length = strlen(module);
    for (char *rest = list, *folder; (folder = strsep(&rest, ":"));) {
        DIR *directory = *folder ? opendir(folder) : NULL;
        for (struct dirent *entry; directory && (entry = readdir(directory));) {
            if (strncmp(entry->d_name, module, length) == 0 && (entry->d_name[length] == '\0' || entry->d_name[length] == '.')) {
                snprintf(where, size, "%s/%s", folder, entry->d_name);
                closedir(directory);
                return true;
            }
        }
        if (directory)
            closedir(directory);
    }
    return false;
}

/* `mibdirs` of snmp.conf; false when it has none. A leading + or - adds to the usual folders. */
static bool configured_folders(const char *path, char folders[1024])
{
    FILE *file = fopen(path, "re");
    bool found = false;
    char line[1024];
    while (file && fgets(line, sizeof line, file))
        found |= sscanf(line, " mibdirs %1023s", folders) == 1;
    if (file)
        fclose(file);
    return found;
}

static void check_modules(struct visit *visit)
{
    char configured[1024], folders[3072], where[512], missing[256] = "";
    const char *home = getenv("HOME"), *chosen = getenv("MIBDIRS");
    if (!chosen && configured_folders("/etc/snmp/snmp.conf", configured))
        chosen = configured;
    if (chosen && *chosen != '+' && *chosen != '-')
        snprintf(folders, sizeof folders, "%s", chosen);
    else
        snprintf(folders, sizeof folders, "%s:%s/.snmp/mibs:" USUAL_FOLDERS, chosen ? chosen + 1 : "", home ? home : "");

    if (find_module(folders, "SOLOWARDEN-MIB", where, sizeof where))
        doctor_fine(visit, "MIB", "SOLOWARDEN-MIB is at %s", where);
    else
        doctor_advice(visit, "MIB", "copy mibs/SOLOWARDEN-MIB.txt to /usr/share/snmp/mibs, or set MIBDIRS",
                      "SOLOWARDEN-MIB is not on the search path of the SNMP tools here; numbers work, names do not");
    static const char *const imports[] = {"SNMPv2-SMI", "SNMPv2-TC", "SNMPv2-CONF", "SNMP-FRAMEWORK-MIB"};
    for (size_t i = 0; i < sizeof imports / sizeof *imports; i++)
        if (!find_module(folders, imports[i], where, sizeof where))
            snprintf(missing + strlen(missing), sizeof missing - strlen(missing), " %s", imports[i]);
    if (*missing)
        doctor_advice(visit, "MIB",
                      "they are in the Debian packages erlang-snmp (…/snmp-*/mibs: copy them, or add that folder to MIBDIRS) and "
                      "snmp-mibs-downloader (non-free)",
                      "the IETF modules that ours imports are not there:%s", missing);
    else
        doctor_fine(visit, "MIB", "the IETF modules that ours imports are there");
}

static void check_agentx(struct visit *visit, const char *agentx)
{
    const char *path = strncmp(agentx, "unix:", 5) == 0 ? agentx + 5 : agentx;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (*path != '/') {
        doctor_advice(visit, "AgentX", "", "%s is not a socket of this machine; not looked at", agentx);
        return;
    }
    if (strlen(path) >= sizeof address.sun_path) {
        doctor_fault(visit, "AgentX", "shorten `snmp.agentx`", "%s: longer than a socket's name may be", path);
        return;
    }
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(descriptor);
    const char *cure = "";
    if (error == EACCES)
        cure = "`agentXPerms 0660 0755 root GROUP` in snmpd.conf, and the agent's user in that group";
    else if (error == ENOENT)
        cure = "`master agentx` and `agentXSocket` in snmpd.conf; does snmpd run?";
    else if (error == ECONNREFUSED)
        cure = "snmpd does not run: start it";
    if (error)
        doctor_fault(visit, "AgentX", cure, "%s: %s", path, strerror(error));
    else
        doctor_fine(visit, "AgentX", "snmpd answers on %s", path);
}

/* Does one dotted number stand at or below the other? */
static bool related(const char *one, const char *other)
{
    one += *one == '.';
    other += *other == '.';
    size_t shorter = strlen(one) < strlen(other) ? strlen(one) : strlen(other);
    return strncmp(one, other, shorter) == 0 && strchr(".", one[shorter]) && strchr(".", other[shorter]);
}

struct views {
    char shown[VIEWS_MAX][WORD_MAX], used[VIEWS_MAX][WORD_MAX]; /* views that show our subtree; views that communities and users get */
    unsigned shown_count, used_count;
    bool unlimited, master;
};

static void read_view_line(struct views *views, char *line)
{
    char *words[12], *rest = line;
    size_t count = 0;
    line[strcspn(line, "#\n")] = '\0';
    for (char *word; count < 12 && (word = strsep(&rest, " \t"));)
        if (*word)
            words[count++] = word;
    if (count < 2)
        return;
    bool access = strcmp(words[0], "rocommunity") == 0 || strcmp(words[0], "rocommunity6") == 0 || strcmp(words[0], "rouser") == 0;
    if (strcmp(words[0], "master") == 0)
        views->master |= strcmp(words[1], "agentx") == 0 || strcmp(words[1], "yes") == 0;
    else if (strcmp(words[0], "view") == 0 && count >= 4 && strcmp(words[2], "included") == 0) {
        if (related(words[3], ROOT) && views->shown_count < VIEWS_MAX)
            snprintf(views->shown[views->shown_count++], WORD_MAX, "%s", words[1]);
    } else if (access) {
        const char *view = NULL;
        for (size_t i = 2; i + 1 < count; i++)
            if (strcmp(words[i], "-V") == 0)
                view = words[i + 1];
        if (view && views->used_count < VIEWS_MAX)
            snprintf(views->used[views->used_count++], WORD_MAX, "%s", view);
        views->unlimited |= !view;
    }
}

static void check_snmpd(struct visit *visit)
{
    static struct views views;
    FILE *file = fopen(SNMPD_CONF, "re");
    if (!file) {
        doctor_advice(visit, "snmpd", "look by hand for `master agentx` and for a view that shows " ROOT, SNMPD_CONF ": %s",
                      strerror(errno));
        return;
    }
    char line[1024];
    while (fgets(line, sizeof line, file))
        read_view_line(&views, line);
    fclose(file);
    if (!views.master)
        doctor_fault(visit, "snmpd", "add the line `master agentx` and restart snmpd", SNMPD_CONF " does not allow subagents");
    bool shown = views.unlimited;
    for (unsigned i = 0; i < views.used_count; i++)
        for (unsigned k = 0; k < views.shown_count; k++)
            shown |= strcmp(views.used[i], views.shown[k]) == 0;
    if (shown)
        doctor_fine(visit, "snmpd", SNMPD_CONF " shows our subtree to somebody");
    else if (views.used_count)
        doctor_fault(visit, "snmpd", "add `view NAME included " ROOT "` for the view below and restart snmpd",
                     SNMPD_CONF " limits everybody to views without our subtree (%s)", views.used[0]);
    else
        doctor_advice(visit, "snmpd", "", "nobody is given access in " SNMPD_CONF "; perhaps in a file that it includes");
}

/* Can the embedded agent have "udp:127.0.0.1:1161"? */
static void check_listen(struct visit *visit, const char *listen)
{
    char text[256];
    snprintf(text, sizeof text, "%s", listen);
    char *host = strncmp(text, "udp6:", 5) == 0 ? text + 5 : strncmp(text, "udp:", 4) == 0 ? text + 4 : text;
    char *colon = strrchr(host, ':');
    if (!colon) {
        doctor_fault(visit, "listen", "write it as udp:ADDRESS:PORT", "%s has no port", listen);
        return;
    }
    *colon = '\0';
    if (*host == '[') {
        host++;
        host[strcspn(host, "]")] = '\0';
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int trouble = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found);
    if (trouble) {
        doctor_fault(visit, "listen", "write it as udp:ADDRESS:PORT", "%s: %s", listen, gai_strerror(trouble));
        return;
    }
    int descriptor = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = bind(descriptor, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
    close(descriptor);
    freeaddrinfo(found);
    if (!error)
        doctor_fine(visit, "listen", "%s is free", listen);
    else if (error == EADDRINUSE && visit->daemon)
        doctor_fine(visit, "listen", "%s is taken, and our daemon runs", listen);
    else if (error == EADDRINUSE)
        doctor_fault(visit, "listen", "see who has it: ss -ulpn", "%s is taken", listen);
    else if (error == EACCES)
        doctor_fault(visit, "listen", "a port from 1024 on, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit",
                     "%s: not for this user", listen);
    else
        doctor_fault(visit, "listen", "an address that this machine has", "%s: %s", listen, strerror(error));
}

void doctor_snmp(struct visit *visit)
{
    const struct conf_snmp *snmp = visit->config->snmp;
    check_modules(visit);
    if (snmp->agentx) {
        check_agentx(visit, snmp->agentx);
        check_snmpd(visit);
    }
    if (snmp->listen)
        check_listen(visit, snmp->listen);
}
