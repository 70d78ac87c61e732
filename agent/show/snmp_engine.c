/* net-snmp's library, kept to itself. */
#include "snmp_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char complaint[TEXT_BYTES];

size_t engine_id(const char *agent_name, uint8_t id[ENGINE_ID_MAX])
{
    const uint8_t vendor[] = {0x80, 0x00, 0x1f, 0x88};
    size_t length = strlen(agent_name);
    memcpy(id, vendor, sizeof vendor);
    if (length > 0 && length <= 27) {
        id[4] = 4;
        memcpy(id + 5, agent_name, length);
        return 5 + length;
    }
    uint64_t hash = hash_text(agent_name, length);
    id[4] = 5;
    for (int i = 0; i < 8; i++)
        id[5 + i] = (uint8_t)(hash >> (56 - 8 * i));
    return 5 + 8;
}

static int keep_complaint(int major, int minor, void *serverarg, void *clientarg)
{
    const struct snmp_log_message *message = serverarg;
    (void)major, (void)minor, (void)clientarg;
    if (message->priority <= LOG_WARNING) {
        snprintf(complaint, sizeof complaint, "%s", message->msg);
        complaint[strcspn(complaint, "\n")] = '\0';
    }
    return 0;
}

const char *engine_complaint(void)
{
    return complaint;
}

void engine_forget_complaint(void)
{
    complaint[0] = '\0';
}

void engine_quiet(const char *state_dir)
{
    netsnmp_set_mib_directory("");
    setenv("MIBS", "", 1);
    setenv("SNMP_PERSISTENT_DIR", state_dir ? state_dir : "/nonexistent", 1);
    snmp_disable_log();
    snmp_enable_calllog();
    snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, keep_complaint, NULL);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
}

void engine_identity(const char *agent_name, uint32_t boots)
{
    uint8_t id[ENGINE_ID_MAX];
    char hex[2 * ENGINE_ID_MAX + 1], line[2 * ENGINE_ID_MAX + 32];
    size_t length = engine_id(agent_name, id);
    for (size_t i = 0; i < length; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    snprintf(line, sizeof line, "exactEngineID 0x%s", hex);
    netsnmp_config_remember(line);
    /* the library adds one to the boots it is told, and only if it takes the old engine for the same */
    snprintf(line, sizeof line, "oldEngineID 0x%s", hex);
    netsnmp_config_remember(line);
    snprintf(line, sizeof line, "engineBoots %u", boots > 1 ? boots - 1 : 0);
    netsnmp_config_remember(line);
}

static bool derive(const char *file, const oid *auth, size_t auth_length, uint8_t *key, size_t *length, char error[ENGINE_ERROR_BYTES])
{
    char passphrase[256];
    int size = secret_read(file, passphrase, sizeof passphrase, error, ENGINE_ERROR_BYTES);
    if (size < 0)
        return false;
    bool good = size >= USM_LENGTH_P_MIN;
    *length = KEY_MAX;
    if (!good)
        snprintf(error, ENGINE_ERROR_BYTES, "%s: an SNMPv3 passphrase has at least %d characters", file, USM_LENGTH_P_MIN);
    else if (generate_Ku(auth, (u_int)auth_length, (const u_char *)passphrase, (size_t)size, key, length) != SNMPERR_SUCCESS) {
        snprintf(error, ENGINE_ERROR_BYTES, "%s: no key can be made of this passphrase", file);
        good = false;
    }
    secret_wipe(passphrase, sizeof passphrase);
    return good;
}

bool user_keys(const struct conf_snmp_user *user, struct user_keys *keys, char error[ENGINE_ERROR_BYTES])
{
    static const char *const auths[] = {"SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"};
    static const char *const privs[] = {"AES", "AES-256"};
    static const int levels[] = {SNMP_SEC_LEVEL_NOAUTH, SNMP_SEC_LEVEL_AUTHNOPRIV, SNMP_SEC_LEVEL_AUTHPRIV};
    *keys = (struct user_keys){.level = levels[user->level]};
    keys->auth = sc_get_auth_oid(NETSNMP_USMAUTH_NOAUTH, &keys->auth_length);
    keys->priv = sc_get_priv_oid(USM_CREATE_USER_PRIV_NONE, &keys->priv_length);
    if (keys->level == SNMP_SEC_LEVEL_NOAUTH)
        return true;
    keys->auth = sc_get_auth_oid(usm_lookup_auth_type(auths[user->auth]), &keys->auth_length);
    if (!keys->auth || !user->auth_file) {
        snprintf(error, ENGINE_ERROR_BYTES, "snmp user %s: needs auth_file", user->entry.name);
        return false;
    }
    if (!derive(user->auth_file, keys->auth, keys->auth_length, keys->auth_key, &keys->auth_key_length, error))
        return false;
    if (keys->level == SNMP_SEC_LEVEL_AUTHNOPRIV)
        return true;
    keys->priv_type = usm_lookup_priv_type(privs[user->priv]);
    keys->priv = sc_get_priv_oid(keys->priv_type, &keys->priv_length);
    if (!keys->priv || !user->priv_file) {
        snprintf(error, ENGINE_ERROR_BYTES, "snmp user %s: needs priv_file", user->entry.name);
        return false;
    }
    return derive(user->priv_file, keys->auth, keys->auth_length, keys->priv_key, &keys->priv_key_length, error);
}

/* Localises a key for an engine, lengthened where the cipher wants more than the hash gives. */
static bool localise(const struct user_keys *keys, const uint8_t *key, size_t key_length, const uint8_t *engine, size_t engine_length,
                     int wanted, u_char **out, size_t *out_length)
{
    *out_length = KEY_MAX;
    *out = calloc(1, KEY_MAX);
    if (!*out || generate_kul(keys->auth, (u_int)keys->auth_length, engine, engine_length, key, key_length, *out, out_length) != 0)
        return false;
    if (!wanted)
        return true;
    if (netsnmp_extend_kul((u_int)wanted, keys->auth, (u_int)keys->auth_length, keys->priv_type, (u_char *)(uintptr_t)engine,
                           (u_int)engine_length, out, out_length, KEY_MAX) != SNMPERR_SUCCESS)
        return false;
    if (*out_length > (size_t)wanted)
        *out_length = (size_t)wanted;
    return *out_length == (size_t)wanted;
}

static oid *copy_oid(const oid *from, size_t length)
{
    oid *copy = malloc(length * sizeof *copy);
    if (copy)
        memcpy(copy, from, length * sizeof *copy);
    return copy;
}

bool user_add(const char *name, const struct user_keys *keys, const uint8_t *engine, size_t engine_length)
{
    struct usmUser *known = usm_get_user(engine, engine_length, name);
    if (known) {
        usm_remove_user(known);
        usm_free_user(known);
    }
    struct usmUser *user = usm_create_user();
    if (!user)
        return false;
    free(user->authProtocol);
    free(user->privProtocol);
    user->engineID = malloc(engine_length);
    if (user->engineID)
        memcpy(user->engineID, engine, engine_length);
    user->engineIDLen = engine_length;
    user->name = strdup(name);
    user->secName = strdup(name);
    user->authProtocol = copy_oid(keys->auth, keys->auth_length);
    user->authProtocolLen = keys->auth_length;
    user->privProtocol = copy_oid(keys->priv, keys->priv_length);
    user->privProtocolLen = keys->priv_length;
    user->userStatus = RS_ACTIVE;
    user->userStorageType = ST_READONLY;
    bool good = user->engineID && user->name && user->secName && user->authProtocol && user->privProtocol;
    if (good && keys->auth_key_length)
        good = localise(keys, keys->auth_key, keys->auth_key_length, engine, engine_length, 0, &user->authKey, &user->authKeyLen);
    if (good && keys->priv_key_length) {
        int wanted = sc_get_proper_priv_length_bytype(keys->priv_type);
        good = localise(keys, keys->priv_key, keys->priv_key_length, engine, engine_length, wanted, &user->privKey, &user->privKeyLen);
    }
    if (good)
        usm_add_user(user);
    else
        usm_free_user(user);
    return good;
}

const struct conf_snmp_user *user_by_name(const struct conf_snmp *conf, const char *name)
{
    const struct conf_snmp_user *users = conf->users.entries;
    for (size_t i = 0; name && i < conf->users.count; i++)
        if (strcmp(users[i].entry.name, name) == 0)
            return &users[i];
    return NULL;
}

bool community_read(const char *path, char community[KEY_MAX], char error[ENGINE_ERROR_BYTES])
{
    if (!path) {
        snprintf(error, ENGINE_ERROR_BYTES, "SNMPv2c needs community_file");
        return false;
    }
    int size = secret_read(path, community, KEY_MAX, error, ENGINE_ERROR_BYTES);
    if (size < 0)
        return false;
    bool good = size > 0;
    for (int i = 0; i < size; i++)
        good = good && community[i] > ' ' && community[i] < 0x7f && !strchr("\"'\\#", community[i]);
    if (!good)
        snprintf(error, ENGINE_ERROR_BYTES, "%s: a community is printable, without blanks, quotes, backslash and #", path);
    return good;
}

int64_t engine_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
