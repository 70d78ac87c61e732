/* Users of the lab and the two ways in which they say who they are. */
#include "server_auth.h"

#include <stdlib.h>
#include <string.h>

static enum soap_role take_role(char *line)
{
    static const struct {
        const char *text;
        enum soap_role role;
    } roles[] = {{":observe", ROLE_OBSERVE}, {":act", ROLE_ACT}, {":none", ROLE_NONE}};
    char *last = strrchr(line, ':');
    for (size_t i = 0; last && i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(last, roles[i].text) && strchr(line, ':') != last) {
            *last = '\0';
            return roles[i].role;
        }
    return ROLE_OBSERVE;
}

static bool read_user(char *line, struct user *user)
{
    user->role = take_role(line);
    char *colon = strchr(line, ':');
    if (!colon || colon == line)
        return false;
    *colon = '\0';
    return (size_t)snprintf(user->name, sizeof user->name, "%s", line) < sizeof user->name &&
           (size_t)snprintf(user->password, sizeof user->password, "%s", colon + 1) < sizeof user->password;
}

static bool read_users(const char *path, struct auth *auth, FILE *complaints)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(complaints, "winlab: %s: cannot be read\n", path);
        return false;
    }
    char line[512];
    bool good = true;
    for (unsigned number = 1; good && fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!line[0] || line[0] == '#')
            continue;
        good = auth->user_count < USERS_MAX && read_user(line, &auth->users[auth->user_count]);
        if (good)
            auth->user_count++;
        else
            fprintf(complaints, "winlab: %s:%u: not user:password[:observe|act|none], or one user too many\n", path, number);
    }
    fclose(file);
    return good;
}

bool auth_read(const char *text, struct auth *auth, FILE *complaints)
{
    static const char basic[] = "basic:", header[] = "trusted-header";
    *auth = (struct auth){0};
    if (!strcmp(text, "none"))
        return true;
    if (!strncmp(text, basic, sizeof basic - 1)) {
        auth->kind = AUTH_BASIC;
        auth->has_users = true;
        return read_users(text + sizeof basic - 1, auth, complaints);
    }
    if (!strncmp(text, header, sizeof header - 1)) {
        const char *rest = text + sizeof header - 1;
        auth->kind = AUTH_TRUSTED_HEADER;
        auth->has_users = *rest == ':';
        if (!*rest)
            return true;
        if (auth->has_users)
            return read_users(rest + 1, auth, complaints);
    }
    fprintf(complaints, "winlab: --auth %s is none of none, basic:FILE, trusted-header[:FILE]\n", text);
    return false;
}

static const struct user *find_user(const struct auth *auth, const char *name)
{
    for (size_t i = 0; i < auth->user_count; i++)
        if (!strcasecmp(auth->users[i].name, name)) /* Windows does not tell svc from SVC */
            return &auth->users[i];
    return NULL;
}

static bool check_basic(const struct auth *auth, struct MHD_Connection *connection, char user[64], enum soap_role *role)
{
    char *password = NULL;
    char *name = MHD_basic_auth_get_username_password(connection, &password);
    const struct user *found = name && password ? find_user(auth, name) : NULL;
    bool good = found && !strcmp(found->password, password);
    if (good) {
        snprintf(user, 64, "%s", found->name);
        *role = found->role;
    }
    MHD_free(name);
    MHD_free(password);
    return good;
}

static bool check_header(const struct auth *auth, struct MHD_Connection *connection, char user[64], enum soap_role *role)
{
    const char *name = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Remote-User");
    if (!name || !*name)
        return false;
    const struct user *found = find_user(auth, name);
    snprintf(user, 64, "%s", name);
    *role = found ? found->role : auth->has_users ? ROLE_NONE : ROLE_ACT;
    return true;
}

bool auth_check(const struct auth *auth, struct MHD_Connection *connection, char user[64], enum soap_role *role)
{
    switch (auth->kind) {
    case AUTH_BASIC:
        return check_basic(auth, connection, user, role);
    case AUTH_TRUSTED_HEADER:
        return check_header(auth, connection, user, role);
    default:
        snprintf(user, 64, "anonymous");
        *role = ROLE_ACT;
        return true;
    }
}
