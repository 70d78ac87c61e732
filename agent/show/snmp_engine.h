/* What both SNMP children need of net-snmp: a library that reads and writes no files of its own, our engine's identity, keys from
 * passphrase files, and the library's words caught instead of printed. One thread per process uses all this. */
#ifndef SOLOWARDEN_SHOW_SNMP_ENGINE_H
#define SOLOWARDEN_SHOW_SNMP_ENGINE_H

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include "agent/config/config.h"
#include "rows.h"

enum { ENGINE_ID_MAX = 32, KEY_MAX = 64, ENGINE_ERROR_BYTES = 160 };

/* Stable over restarts and moves of the agent: 80001f88 04 and the agent's name, or for names over 27 bytes 05 and a hash of it.
 * Two agents that share a manager must have different names. Returns the length. */
size_t engine_id(const char *agent_name, uint8_t id[ENGINE_ID_MAX]);

/* Before init_agent or init_snmp: no configuration files, no MIB files, no persistent state, no output. */
void engine_quiet(const char *state_dir);
/* Also before: our engine ID and how often the engine was started, this start included. */
void engine_identity(const char *agent_name, uint32_t boots);
/* The library's last complaint, one line; "" = none. */
const char *engine_complaint(void);
void engine_forget_complaint(void);

/* A user's keys, not yet bound to an engine. Lengths 0 below the level that needs them. */
struct user_keys {
    oid *auth, *priv;
    size_t auth_length, priv_length;
    int priv_type;
    int level; /* SNMP_SEC_LEVEL_… */
    uint8_t auth_key[KEY_MAX], priv_key[KEY_MAX];
    size_t auth_key_length, priv_key_length;
};
/* Reads the passphrase files. False with a message for people; that never holds any of a passphrase. */
bool user_keys(const struct conf_snmp_user *user, struct user_keys *keys, char error[ENGINE_ERROR_BYTES]);
/* Makes the user known under an engine; replaces one of that name. */
bool user_add(const char *name, const struct user_keys *keys, const uint8_t *engine, size_t engine_length);

const struct conf_snmp_user *user_by_name(const struct conf_snmp *conf, const char *name);

/* A community from its file. False with a message when it is missing or holds what a community cannot. */
bool community_read(const char *path, char community[KEY_MAX], char error[ENGINE_ERROR_BYTES]);

int64_t engine_now(void); /* monotonic milliseconds */

#endif
