/* How the questions to one Windows node ended → which right is missing, and how to grant it without making the account an administrator.
 * Pure: knows no connection. The rights are those of the table in README.md; what is not proven on a Windows is told as "usually". */
#ifndef SOLOWARDEN_CLI_DOCTOR_RIGHTS_H
#define SOLOWARDEN_CLI_DOCTOR_RIGHTS_H

#include "agent/core/found.h"

enum rights_space { RIGHTS_CLUSTER, RIGHTS_BIZTALK, RIGHTS_MACHINE, RIGHTS_SPACES };
enum rights_mark { RIGHTS_FINE, RIGHTS_ADVICE, RIGHTS_FAULT };

struct rights_asked {
    const char *account, *host, *why; /* why: what the node or the library said, "" = nothing */
    uint16_t login;                   /* OK: the account was let in; BACKED_OFF: not tried, another node refused it; else why not */
    uint8_t auth;                     /* enum http_auth */
    uint16_t port;
    uint16_t lists[FOUND_KINDS]; /* how each list ended; NOT_SEEN: it was not asked for */
};
struct rights_line {
    enum rights_mark mark;
    char text[320], cure[320];
};

const char *rights_space_name(enum rights_space space); /* "root/MSCluster" */
void rights_login(const struct rights_asked *asked, struct rights_line *line);
/* False: nothing is known of this namespace, and nothing to be said. */
bool rights_space(const struct rights_asked *asked, enum rights_space space, struct rights_line *line);

#endif
