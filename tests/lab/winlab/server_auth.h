/* Who asks: names, passwords and roles from a file, or the word of a proxy in front. */
#ifndef SOLOWARDEN_WINLAB_SERVER_AUTH_H
#define SOLOWARDEN_WINLAB_SERVER_AUTH_H

#include <microhttpd.h>
#include <stdio.h>

#include "soap.h"

enum { USERS_MAX = 64 };
enum auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_TRUSTED_HEADER };
struct user {
    char name[64], password[128];
    enum soap_role role;
};
struct auth {
    enum auth_kind kind;
    bool has_users;
    size_t user_count;
    struct user users[USERS_MAX];
};

/* "none", "basic:FILE", "trusted-header" or "trusted-header:FILE". A line of FILE is user:password[:observe|act|none], observe unless it
 * says so; the users of a trusted header have no password there: user::act. false: said why. */
bool auth_read(const char *text, struct auth *auth, FILE *complaints);
/* false: answer 401 */
bool auth_check(const struct auth *auth, struct MHD_Connection *connection, char user[64], enum soap_role *role);

#endif
