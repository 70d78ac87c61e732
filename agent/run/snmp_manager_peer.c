/* Peers of the SNMP manager: sessions of net-snmp that never block. The library would ask for an SNMPv3 engine in a blocking way, so
 * that is done here by hand. Reads secrets from their files when a session begins, and wipes them. */
#include "snmp_manager_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/secrets.h"
#include "memory.h"

enum { PEERS_MAX = MANAGER_WALKS_MAX, IDLE_MS = 300000, LEVELS = 3, AUTHS = 5, PRIVS = 2 };

static struct peer *peers;
static unsigned peer_count, engines_asked;

struct peer *peers_first(void)
{
    return peers;
}

unsigned peers_engines(void)
{
    return engines_asked;
}

bool walk_texts(struct manager_walk *walk, char *texts[MANAGER_TEXTS])
{
    char *at = walk->texts, *end = walk->texts + sizeof walk->texts;
    for (enum manager_text i = 0; i < MANAGER_TEXTS; i++) {
        char *stop = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        if (!stop)
            return false;
        texts[i] = at;
        at = stop + 1;
    }
    return true;
}

/* ---- the library ---- */

/* Asking for an engine is done as a user without name or keys; the library does not make one when it is told not to probe. */
static void add_nobody(void)
{
    struct usmUser *nobody = usm_create_user();
    if (!nobody)
        abort();
    nobody->name = strdup("");
    nobody->secName = strdup("");
    free(nobody->authProtocol);
    free(nobody->privProtocol);
    nobody->authProtocol = snmp_duplicate_objid(usmNoAuthProtocol, OID_LENGTH(usmNoAuthProtocol));
    nobody->authProtocolLen = OID_LENGTH(usmNoAuthProtocol);
    nobody->privProtocol = snmp_duplicate_objid(usmNoPrivProtocol, OID_LENGTH(usmNoPrivProtocol));
    nobody->privProtocolLen = OID_LENGTH(usmNoPrivProtocol);
    nobody->userStatus = RS_ACTIVE;
    nobody->userStorageType = ST_READONLY;
    usm_add_user(nobody);
}

/* Without anybody to tell, the library would print. What is worth knowing is in the reasons. */
static int say_nothing(int major, int minor, void *message, void *context)
{
    (void)major, (void)minor, (void)message, (void)context;
    return 0;
}

void peers_begin(void)
{
    netsnmp_set_mib_directory("");
    setenv("MIBS", "", 1);
    setenv("SNMP_PERSISTENT_DIR", "/dev/null", 1);
    snmp_disable_log();
    snmp_enable_calllog();
    snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, say_nothing, NULL);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    init_snmp("solowarden");
    add_nobody();
}

/* ---- keys ---- */

static bool fail(struct peer *peer, uint16_t reason, const char *why)
{
    peer->failed = reason;
    snprintf(peer->why, sizeof peer->why, "%s", why);
    return false;
}

/* The key that the passphrase in this file makes. */
static bool key_read(struct peer *peer, const char *file, const netsnmp_session *session, u_char *key, size_t *size)
{
    char passphrase[256], error[160];
    int length = secret_read(file, passphrase, sizeof passphrase, error, sizeof error);
    if (length < 0)
        return fail(peer, REASON_SECRET_UNREADABLE, error);
    bool good = length >= USM_LENGTH_P_MIN && generate_Ku(session->securityAuthProto, (u_int)session->securityAuthProtoLen,
                                                          (const u_char *)passphrase, (size_t)length, key, size) == SNMPERR_SUCCESS;
    secret_wipe(passphrase, sizeof passphrase);
    return good || fail(peer, REASON_SECRET_UNREADABLE, "no key can be made of the passphrase: it has at least 8 characters");
}

/* Levels, algorithms as in the configuration. The protocols point into the library's own tables. */
static bool keys_read(struct peer *peer, netsnmp_session *session)
{
    static const int levels[LEVELS] = {SNMP_SEC_LEVEL_NOAUTH, SNMP_SEC_LEVEL_AUTHNOPRIV, SNMP_SEC_LEVEL_AUTHPRIV};
    static const char *const auths[AUTHS] = {"SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"};
    static const char *const privs[PRIVS] = {"AES", "AES-256"};
    if (peer->level >= LEVELS || peer->auth >= AUTHS || peer->priv >= PRIVS)
        return fail(peer, REASON_NOT_SENDABLE, "no such level or algorithm");
    session->securityModel = SNMP_SEC_MODEL_USM;
    session->securityLevel = levels[peer->level];
    session->securityName = (char *)(uintptr_t)peer->texts[MANAGER_USER];
    session->securityNameLen = strlen(session->securityName);
    if (session->securityLevel == SNMP_SEC_LEVEL_NOAUTH)
        return true;
    session->securityAuthProto = sc_get_auth_oid(usm_lookup_auth_type(auths[peer->auth]), &session->securityAuthProtoLen);
    session->securityAuthKeyLen = sizeof session->securityAuthKey;
    if (!key_read(peer, peer->texts[MANAGER_SECRET_FILE], session, session->securityAuthKey, &session->securityAuthKeyLen))
        return false;
    if (session->securityLevel == SNMP_SEC_LEVEL_AUTHNOPRIV)
        return true;
    session->securityPrivProto = sc_get_priv_oid(usm_lookup_priv_type(privs[peer->priv]), &session->securityPrivProtoLen);
    session->securityPrivKeyLen = sizeof session->securityPrivKey;
    return key_read(peer, peer->texts[MANAGER_PRIVACY_FILE], session, session->securityPrivKey, &session->securityPrivKeyLen);
}

static void keys_wipe(netsnmp_session *session)
{
    secret_wipe(session->securityAuthKey, sizeof session->securityAuthKey);
    secret_wipe(session->securityPrivKey, sizeof session->securityPrivKey);
}

/* ---- users of engines ---- */

static bool same_user(const struct peer *left, const struct peer *right)
{
    return left->engine_size == right->engine_size && !memcmp(left->engine, right->engine, left->engine_size) &&
           !strcmp(left->texts[MANAGER_USER], right->texts[MANAGER_USER]);
}

static void user_remove(const struct peer *peer)
{
    struct usmUser *user = peer->engine_size ? usm_get_user(peer->engine, peer->engine_size, peer->texts[MANAGER_USER]) : NULL;
    if (!user)
        return;
    usm_remove_user(user);
    usm_free_user(user);
}

/* The session knows its engine now: its keys are made for it, and the keys for any engine are wiped. */
static void user_add(struct peer *peer)
{
    netsnmp_session *session = snmp_sess_session(peer->session);
    if (session->securityEngineIDLen > sizeof peer->engine) {
        fail(peer, REASON_BAD_REPLY, "the engine's name is too long");
        return;
    }
    memcpy(peer->engine, session->securityEngineID, session->securityEngineIDLen);
    peer->engine_size = session->securityEngineIDLen;
    user_remove(peer); /* the library would go on with its old keys */
    if (usm_create_user_from_session(session) == SNMPERR_SUCCESS)
        peer->known = true;
    else
        fail(peer, REASON_SNMP_REFUSED, "no key can be made for this engine");
    keys_wipe(session);
}

/* ---- sessions ---- */

static bool community_read(struct peer *peer, netsnmp_session *session, char community[256])
{
    char error[160];
    int size = secret_read(peer->texts[MANAGER_SECRET_FILE], community, 256, error, sizeof error);
    if (size <= 0)
        return fail(peer, REASON_SECRET_UNREADABLE, size < 0 ? error : "the community's file is empty");
    session->community = (u_char *)community;
    session->community_len = (size_t)size;
    return true;
}

static void session_open(struct peer *peer)
{
    netsnmp_session session;
    char name[128], community[256] = "";
    const char *address = peer->texts[MANAGER_ADDRESS];
    snmp_sess_init(&session);
    snprintf(name, sizeof name, strchr(address, ':') ? "udp6:[%s]:%u" : "udp:%s:%u", address, (unsigned)peer->port);
    session.peername = name;
    session.retries = 0;
    session.timeout = (long)TRY_MS * 1000;
    session.version = peer->v3 ? SNMP_VERSION_3 : SNMP_VERSION_2c;
    if (peer->v3 ? keys_read(peer, &session) : community_read(peer, &session, community)) {
        peer->session = snmp_sess_open(&session);
        if (peer->session)
            snmp_sess_session(peer->session)->flags |= SNMP_FLAGS_DONT_PROBE; /* or the first request would wait for the engine */
        else
            fail(peer, REASON_NO_RESOURCES, "no socket can be opened to that address");
    }
    peer->known = peer->session && !peer->v3;
    keys_wipe(&session);
    secret_wipe(community, sizeof community);
}

/* ---- asking for the engine ---- */

/* Its name comes in a report, and the library keeps it in the session. */
static int engine_told(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
    struct peer *peer = magic;
    (void)session, (void)request, (void)pdu;
    if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE || operation == NETSNMP_CALLBACK_OP_TIMED_OUT ||
        operation == NETSNMP_CALLBACK_OP_DISCONNECT || operation == NETSNMP_CALLBACK_OP_SEND_FAILED)
        peer->asking = false;
    return 1;
}

static void ask_engine(struct peer *peer, int64_t now)
{
    netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);
    if (!pdu)
        abort();
    pdu->version = SNMP_VERSION_3;
    pdu->securityName = strdup("");
    pdu->securityNameLen = 0;
    pdu->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
    pdu->securityModel = SNMP_SEC_MODEL_USM;
    peer->asking = true;
    peer->due = now + TRY_MS;
    peer->tries++;
    engines_asked++;
    if (snmp_sess_async_send(peer->session, pdu, engine_told, peer) != 0)
        return;
    snmp_free_pdu(pdu);
    peer->asking = false;
}

void peer_work(struct peer *peer, int64_t now)
{
    if (peer->known || peer->failed || peer->asking)
        return;
    if (!peer->session)
        session_open(peer);
    if (peer->known || peer->failed)
        return;
    if (snmp_sess_session(peer->session)->securityEngineIDLen)
        user_add(peer);
    else if (peer->tries < TRIES)
        ask_engine(peer, now);
    else
        fail(peer, REASON_SNMP_TIMEOUT, "no SNMPv3 engine answers");
}

const char *report_text(netsnmp_pdu *report, uint16_t *reason)
{
    *reason = REASON_SNMP_REFUSED;
    switch (snmpv3_get_report_type(report)) {
    case SNMPERR_UNKNOWN_USER_NAME:
        return "it does not know our user";
    case SNMPERR_AUTHENTICATION_FAILURE:
        return "wrong passphrase";
    case SNMPERR_DECRYPTION_ERR:
        return "wrong privacy passphrase";
    case SNMPERR_UNSUPPORTED_SEC_LEVEL:
        return "it wants another security level";
    default:
        *reason = REASON_BAD_REPLY;
        return "it reports an error that we do not know";
    }
}

/* ---- the list of peers ---- */

static bool same_peer(const struct peer *peer, const struct manager_walk *walk, char *const texts[MANAGER_TEXTS])
{
    if (peer->doomed || peer->failed || peer->port != walk->port || peer->level != walk->level || peer->auth != walk->auth ||
        peer->priv != walk->priv)
        return false;
    for (enum manager_text i = 0; i < MANAGER_TEXTS; i++)
        if (i != MANAGER_SUBTREE && strcmp(peer->texts[i], texts[i]) != 0)
            return false;
    return true;
}

static void peer_close(struct peer *peer)
{
    bool shared = false;
    for (struct peer **link = &peers; *link;) {
        if (*link == peer) {
            *link = peer->next;
            continue;
        }
        shared = shared || same_user(*link, peer);
        link = &(*link)->next;
    }
    if (peer->session)
        snmp_sess_close(peer->session);
    if (!shared)
        user_remove(peer);
    peer_count--;
    free(peer);
}

static void peer_close_oldest(void)
{
    struct peer *oldest = NULL;
    for (struct peer *peer = peers; peer; peer = peer->next)
        if (!peer->walks && (!oldest || peer->idle_at < oldest->idle_at))
            oldest = peer;
    if (oldest)
        peer_close(oldest);
}

static struct peer *peer_new(const struct manager_walk *walk, char *const texts[MANAGER_TEXTS])
{
    size_t size = 0;
    for (enum manager_text i = 0; i < MANAGER_TEXTS; i++)
        size += strlen(texts[i]) + 1;
    struct peer *peer = memory_zeroed(1, sizeof *peer + size);
    char *at = peer->bytes;
    for (enum manager_text i = 0; i < MANAGER_TEXTS; i++) {
        peer->texts[i] = at;
        at = stpcpy(at, i == MANAGER_SUBTREE ? "" : texts[i]) + 1;
    }
    peer->port = walk->port;
    peer->level = walk->level;
    peer->auth = walk->auth;
    peer->priv = walk->priv;
    peer->v3 = *peer->texts[MANAGER_USER] != '\0';
    peer->next = peers;
    peers = peer;
    peer_count++;
    return peer;
}

struct peer *peer_take(const struct manager_walk *walk, char *const texts[MANAGER_TEXTS])
{
    struct peer *peer = peers;
    while (peer && !same_peer(peer, walk, texts))
        peer = peer->next;
    if (!peer && peer_count >= PEERS_MAX)
        peer_close_oldest();
    if (!peer && peer_count < PEERS_MAX)
        peer = peer_new(walk, texts);
    if (peer)
        peer->walks++;
    return peer;
}

void peer_leave(struct peer *peer, int64_t now)
{
    peer->walks--;
    peer->idle_at = now;
}

void peer_doom(struct peer *peer)
{
    peer->doomed = true;
}

void peers_close_idle(int64_t now)
{
    for (struct peer *peer = peers, *next; peer; peer = next) {
        next = peer->next;
        if (!peer->walks && !peer->asking && (peer->doomed || peer->failed || now - peer->idle_at > IDLE_MS))
            peer_close(peer);
    }
}
