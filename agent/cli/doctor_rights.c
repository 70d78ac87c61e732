/* See doctor_rights.h. */
#include <stdio.h>
#include <string.h>

#include "agent/config/target.h"
#include "agent/core/types.h"
#include "doctor_rights.h"

static const struct space {
    const char *name, *console;    /* as WMI and as the console write it */
    const char *nothing, *denied;  /* usually, when all is empty; what else is needed beside the namespace */
    const char *missing;           /* when there is no such class or namespace */
    enum rights_mark missing_mark; /* a node of the cluster need not be a BizTalk server */
} spaces[RIGHTS_SPACES] = {
    [RIGHTS_CLUSTER] = {"root/MSCluster", "root\\MSCluster", "Grant-ClusterAccess -User %s -ReadOnly, once for the cluster",
                        "Grant-ClusterAccess -User %s -ReadOnly", "is the Failover Clustering feature installed there?", RIGHTS_FAULT},
    [RIGHTS_BIZTALK] = {"root/MicrosoftBizTalkServer", "root\\MicrosoftBizTalkServer",
                        "make %s a member of the BizTalk Server Operators group", "membership of %s in the BizTalk Server Operators group",
                        "where BizTalk Server is not installed, this is as it should be", RIGHTS_ADVICE},
    [RIGHTS_MACHINE] = {"root/cimv2", "root\\cimv2",
                        "let %s list services: sc.exe sdshow scmanager, then sc.exe sdset scmanager with (A;;CCLCRPRC;;;SID) of it added",
                        "the right of %s to list services (sc.exe sdshow scmanager)", "is WMI on that machine well?", RIGHTS_FAULT},
};

static enum rights_space space_of(enum found_kind kind)
{
    switch (kind) {
    case FOUND_NODE:
    case FOUND_GROUP:
    case FOUND_RESOURCE:
    case FOUND_POSSIBLE_OWNER:
    case FOUND_DEPENDENCY:
    case FOUND_SERVICE_NAME:
        return RIGHTS_CLUSTER;
    case FOUND_HOST:
    case FOUND_INSTANCE:
    case FOUND_HANDLER:
    case FOUND_LOCATION:
    case FOUND_SETTING:
    case FOUND_SUSPENDED:
        return RIGHTS_BIZTALK;
    case FOUND_SERVICE:
        return RIGHTS_MACHINE;
    default:
        return RIGHTS_SPACES;
    }
}

const char *rights_space_name(enum rights_space space)
{
    return spaces[space].name;
}

static void cure_with_account(struct rights_line *line, const char *before, const char *pattern, const char *account)
{
    const char *place = strstr(pattern, "%s");
    snprintf(line->cure, sizeof line->cure, "%s%.*s%s%s", before, (int)(place - pattern), pattern, account, place + 2);
}

/* ---- logging in ---- */

static const char *auth_name(uint8_t auth)
{
    static const char *const names[] = {"no login", "Kerberos", "NTLM", "Basic"};
    return names[auth];
}

static void refused(const struct rights_asked *asked, struct rights_line *line)
{
    static const char *const cures[] = {
        [HTTP_AUTH_NONE] = "give the cluster a credential: `observe`",
        [HTTP_AUTH_KERBEROS] = "make the keytab anew after each change of the password; is the account locked or disabled?",
        [HTTP_AUTH_NTLM] = "correct the password file; is the account locked or disabled, and is NTLM permitted?",
        [HTTP_AUTH_BASIC] = "correct the password file; Windows as it comes permits no Basic: winrm get winrm/config/service/auth"};
    snprintf(line->text, sizeof line->text, "%s refused for %s", auth_name(asked->auth), asked->account);
    snprintf(line->cure, sizeof line->cure, "%s", cures[asked->auth]);
}

static void not_there(const struct rights_asked *asked, struct rights_line *line)
{
    const char *listener = asked->port == 5985 ? "winrm quickconfig" : "winrm quickconfig -transport:https";
    snprintf(line->text, sizeof line->text, "%s (%s port %u)", reason_text(asked->login), asked->host, asked->port);
    snprintf(line->cure, sizeof line->cure, "is the node up? on it: %s; its firewall must let port %u in", listener, asked->port);
}

void rights_login(const struct rights_asked *asked, struct rights_line *line)
{
    *line = (struct rights_line){.mark = RIGHTS_FAULT};
    switch (asked->login) {
    case REASON_OK:
        line->mark = RIGHTS_FINE;
        snprintf(line->text, sizeof line->text, "%s lets %s in", auth_name(asked->auth), asked->account);
        return;
    case REASON_BACKED_OFF:
        line->mark = RIGHTS_ADVICE;
        snprintf(line->text, sizeof line->text, "answers; %s was not tried here, so as not to lock the account", asked->account);
        snprintf(line->cure, sizeof line->cure, "mend the refused login first");
        return;
    case REASON_LOGIN_REFUSED:
        refused(asked, line);
        break;
    case REASON_CONNECT_REFUSED:
    case REASON_CONNECT_TIMEOUT:
    case REASON_UNREACHABLE:
        not_there(asked, line);
        break;
    case REASON_TLS_FAILED:
        snprintf(line->text, sizeof line->text, "%s: %s", reason_text(asked->login), asked->why);
        snprintf(line->cure, sizeof line->cure, "does WinRM speak https on that port, and does that machine do anything at all?");
        break;
    case REASON_TLS_NAME:
        snprintf(line->text, sizeof line->text, "its certificate is not for %s", asked->host);
        snprintf(line->cure, sizeof line->cure, "correct the node's `name`, or give WinRM there a certificate for %s", asked->host);
        break;
    case REASON_TLS_UNTRUSTED:
        snprintf(line->text, sizeof line->text, "%s", reason_text(asked->login));
        snprintf(line->cure, sizeof line->cure, "set `winrm.ca_file` to the authority's certificate");
        break;
    default:
        snprintf(line->text, sizeof line->text, "%s", reason_text(asked->login));
        snprintf(line->cure, sizeof line->cure, "%s", reason_cure(asked->login));
    }
    if (*asked->why && !strstr(asked->why, reason_text(asked->login))) {
        size_t used = strlen(line->text);
        snprintf(line->text + used, sizeof line->text - used, ": %s", asked->why);
    }
}

/* ---- what may be read ---- */

struct tally {
    unsigned asked, good;
    uint16_t worst; /* the first reason that is none of OK */
    enum found_kind first;
};

static struct tally count(const struct rights_asked *asked, enum rights_space space)
{
    struct tally tally = {.worst = REASON_OK};
    for (enum found_kind kind = 0; kind < FOUND_KINDS; kind++) {
        uint16_t reason = asked->lists[kind];
        if (space_of(kind) != space || reason == REASON_NOT_SEEN || reason == REASON_NONE)
            continue;
        tally.asked++;
        if (reason == REASON_OK || reason == REASON_TOO_MANY_ROWS) {
            tally.good++;
        } else if (tally.worst == REASON_OK) {
            tally.worst = reason;
            tally.first = kind;
        }
    }
    return tally;
}

/* One trouble of the whole node, which one line tells: nothing at all may be read, and always for the same reason. */
static bool same_everywhere(const struct rights_asked *asked, enum rights_space *first)
{
    unsigned spaces_asked = 0;
    uint16_t reason = REASON_NONE;
    for (enum rights_space space = 0; space < RIGHTS_SPACES; space++) {
        struct tally tally = count(asked, space);
        if (tally.asked == 0)
            continue;
        if (tally.good || tally.worst == REASON_OK || (spaces_asked > 0 && tally.worst != reason))
            return false;
        if (spaces_asked++ == 0)
            *first = space;
        reason = tally.worst;
    }
    return spaces_asked > 1 && reason != REASON_NOTHING_CAME && reason != REASON_CLASS_MISSING;
}

static void nothing_at_all(const struct rights_asked *asked, uint16_t reason, struct rights_line *line)
{
    if (reason == REASON_ACCESS_DENIED) {
        snprintf(line->text, sizeof line->text, "no WMI namespace may be read");
        snprintf(
            line->cure, sizeof line->cure,
            "usually the right to use WinRM is missing: winrm configSDDL default, Read and Execute for %s; no need of an administrator",
            asked->account);
    } else {
        snprintf(line->text, sizeof line->text, "nothing could be read: %s", reason_text(reason));
        snprintf(line->cure, sizeof line->cure, "%s", reason_cure(reason));
    }
}

static void denied(const struct rights_asked *asked, enum rights_space space, const struct tally *tally, struct rights_line *line)
{
    char before[200];
    if (tally->good)
        snprintf(line->text, sizeof line->text, "%s may be read in part, not its list \"%s\"", spaces[space].name,
                 found_kind_name((uint8_t)tally->first));
    else
        snprintf(line->text, sizeof line->text, "%s may not be read", spaces[space].name);
    snprintf(before, sizeof before,
             "wmimgmt.msc, WMI Control, Security, %s: Enable Account and Remote Enable for the account; usually also ",
             spaces[space].console);
    cure_with_account(line, tally->good ? "usually lacking: " : before, spaces[space].denied, asked->account);
}

bool rights_space(const struct rights_asked *asked, enum rights_space space, struct rights_line *line)
{
    struct tally tally = count(asked, space);
    *line = (struct rights_line){.mark = RIGHTS_FAULT};
    if (tally.asked == 0)
        return false;
    enum rights_space first = space;
    if (same_everywhere(asked, &first)) {
        nothing_at_all(asked, tally.worst, line);
        return space == first;
    }
    switch (tally.worst) {
    case REASON_OK:
        line->mark = RIGHTS_FINE;
        snprintf(line->text, sizeof line->text, "%s may be read", spaces[space].name);
        break;
    case REASON_ACCESS_DENIED:
        denied(asked, space, &tally, line);
        break;
    case REASON_NOTHING_CAME:
        snprintf(line->text, sizeof line->text, "%s answers, but shows nothing (%s)", spaces[space].name,
                 found_kind_name((uint8_t)tally.first));
        cure_with_account(line, "usually: ", spaces[space].nothing, asked->account);
        break;
    case REASON_CLASS_MISSING:
        line->mark = tally.good ? RIGHTS_ADVICE : spaces[space].missing_mark;
        if (tally.good)
            snprintf(line->text, sizeof line->text, "%s may be read, but has no list \"%s\"", spaces[space].name,
                     found_kind_name((uint8_t)tally.first));
        else
            snprintf(line->text, sizeof line->text, "%s does not exist there, or is hidden from the account", spaces[space].name);
        snprintf(line->cure, sizeof line->cure, "%s", tally.good ? "what depends on it stays unknown" : spaces[space].missing);
        break;
    default:
        snprintf(line->text, sizeof line->text, "%s: %s (%s)", spaces[space].name, reason_text(tally.worst),
                 found_kind_name((uint8_t)tally.first));
        snprintf(line->cure, sizeof line->cure, "%s", reason_cure(tally.worst));
    }
    return true;
}
