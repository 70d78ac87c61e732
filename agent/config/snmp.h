/* What is configured of SNMP: users, receivers, how we answer. Included by config.h. */
#ifndef SOLOWARDEN_CONFIG_SNMP_H
#define SOLOWARDEN_CONFIG_SNMP_H

#include "field.h"

struct conf_snmp_user {
    struct map_entry entry;
    int64_t level;      /* 0 noAuthNoPriv, 1 authNoPriv, 2 authPriv */
    int64_t auth, priv; /* choices: SHA, SHA-224, SHA-256, SHA-384, SHA-512 · AES, AES-256 */
    const char *auth_file, *priv_file;
};

struct conf_receiver {
    struct map_entry entry;
    const char *to, *user, *source, *community_file;
    bool inform;
    int64_t retry; /* ms between attempts */
};

struct conf_snmp {
    const char *agentx, *listen, *community_file; /* agentx or listen */
    bool allow_v2c;
    struct map users, receivers; /* conf_snmp_user, conf_receiver (key `notify`) */
};

#endif
