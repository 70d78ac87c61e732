/* One receiver: a bounded queue, a window of informs under way, and the session they travel on. Sending never waits: an unknown SNMPv3
 * engine is asked for in the background, an inform that is not acknowledged is sent again for ever, ever more rarely. */
#include "snmp_notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_MAX = 4096,
    WINDOW = 16,
    TRAPS_A_TURN = 16, /* a burst would overflow the receiver's socket, and nobody would tell us */
    TRAP_PAUSE_MS = 4,
    TIMEOUT_MS = 1500,
    PATIENCE = 3, /* unanswered in a row before a receiver counts as silent */
    BACK_OFF_MAX_MS = 60000,
    DISCOVERY_MS = 1000
};

enum slot_state { SLOT_FREE, SLOT_DUE, SLOT_OUT };
struct slot {
    struct sender *sender;
    struct item *item;
    enum slot_state state;
};

struct sender {
    const struct conf_receiver *conf;
    const char *agent_name;
    char peer[256], community[KEY_MAX], error[ENGINE_ERROR_BYTES]; /* error: it can never work like this */
    struct user_keys keys;
    bool v3, discovering, known, closing;
    void *session;
    struct item **queue; /* ring, sorted by sequence */
    size_t first, count;
    struct slot slots[WINDOW];
    unsigned out, unanswered; /* unanswered: in a row */
    int64_t retry_at, answered_at, back_off, next_trap_at;
    char refusal[48]; /* what the receiver said instead of an acknowledgement */
    uint64_t newest_done;
    struct sender_counts counts;
};

struct item *item_new(const struct notification *notification)
{
    struct item *item = malloc(sizeof *item);
    if (!item)
        abort();
    *item = (struct item){1, *notification};
    return item;
}

void item_release(struct item *item)
{
    if (--item->references == 0)
        free(item);
}

/* ---- the queue ---- */

static struct item **queue_at(struct sender *sender, size_t position)
{
    return &sender->queue[(sender->first + position) % QUEUE_MAX];
}

static struct item *queue_pop(struct sender *sender)
{
    struct item *item = *queue_at(sender, 0);
    sender->first = (sender->first + 1) % QUEUE_MAX;
    sender->count--;
    return item;
}

static bool under_way(const struct sender *sender, uint64_t sequence)
{
    for (size_t i = 0; i < WINDOW; i++)
        if (sender->slots[i].state != SLOT_FREE && sender->slots[i].item->notification.sequence == sequence)
            return true;
    return false;
}

void sender_queue(struct sender *sender, struct item *item)
{
    uint64_t sequence = item->notification.sequence;
    size_t place = sender->count;
    while (place > 0 && (*queue_at(sender, place - 1))->notification.sequence > sequence)
        place--;
    if (under_way(sender, sequence) || (place > 0 && (*queue_at(sender, place - 1))->notification.sequence == sequence))
        return;
    if (sender->count == QUEUE_MAX) {
        item_release(queue_pop(sender));
        sender->counts.dropped++;
        place -= place > 0;
    }
    for (size_t i = sender->count; i > place; i--)
        *queue_at(sender, i) = *queue_at(sender, i - 1);
    *queue_at(sender, place) = item;
    sender->count++;
    item->references++;
}

uint64_t sender_acked(const struct sender *sender)
{
    uint64_t lowest = sender->count ? sender->queue[sender->first]->notification.sequence : UINT64_MAX;
    for (size_t i = 0; i < WINDOW; i++)
        if (sender->slots[i].state != SLOT_FREE && sender->slots[i].item->notification.sequence < lowest)
            lowest = sender->slots[i].item->notification.sequence;
    return sender->newest_done < lowest ? sender->newest_done : lowest - 1;
}

size_t sender_waiting(const struct sender *sender)
{
    size_t waiting = sender->count;
    for (size_t i = 0; i < WINDOW; i++)
        waiting += sender->slots[i].state != SLOT_FREE;
    return waiting;
}

static void delivered(struct sender *sender, struct item *item)
{
    if (item->notification.sequence > sender->newest_done)
        sender->newest_done = item->notification.sequence;
    item_release(item);
}

/* ---- answers ---- */

static void answered(struct sender *sender)
{
    sender->unanswered = 0;
    sender->back_off = 0;
    sender->retry_at = 0;
    sender->refusal[0] = '\0';
    sender->answered_at = engine_now();
}

/* The first repetitions come at once; after that one attempt at a time, ever more rarely. */
static void not_answered(struct sender *sender)
{
    int64_t retry = sender->conf->retry > 0 ? sender->conf->retry : 5000;
    if (++sender->unanswered < PATIENCE)
        return;
    int64_t longest = retry > BACK_OFF_MAX_MS ? retry : BACK_OFF_MAX_MS;
    sender->back_off = sender->back_off ? 2 * sender->back_off : (retry < 1000 ? retry : 1000);
    if (sender->back_off > longest)
        sender->back_off = longest;
    sender->retry_at = engine_now() + (sender->back_off < retry ? sender->back_off : retry);
}

static bool silent(const struct sender *sender)
{
    return sender->unanswered >= PATIENCE;
}

static void refused(struct sender *sender, netsnmp_pdu *report)
{
    int type = report ? snmpv3_get_report_type(report) : 0;
    snprintf(sender->refusal, sizeof sender->refusal, "%s",
             type == SNMPERR_UNKNOWN_USER_NAME        ? "it does not know our user"
             : type == SNMPERR_AUTHENTICATION_FAILURE ? "wrong passphrase"
             : type == SNMPERR_UNSUPPORTED_SEC_LEVEL  ? "it wants another security level"
             : type == SNMPERR_DECRYPTION_ERR         ? "wrong privacy passphrase"
                                                      : "it answers with an error");
}

static int inform_answer(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
    struct slot *slot = magic;
    struct sender *sender = slot->sender;
    (void)session, (void)request;
    if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && operation != NETSNMP_CALLBACK_OP_TIMED_OUT)
        return 1; /* a word in between: the library goes on, and one of these two follows */
    slot->state = SLOT_DUE;
    sender->out--;
    if (sender->closing)
        return 1;
    if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && pdu && pdu->command == SNMP_MSG_RESPONSE) {
        answered(sender);
        sender->counts.acked++;
        slot->state = SLOT_FREE;
        delivered(sender, slot->item);
    } else {
        if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE)
            refused(sender, pdu);
        not_answered(sender);
    }
    return 1;
}

/* The report to an empty request tells the receiver's engine; the library keeps it in the session. */
static int engine_answer(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
    struct sender *sender = magic;
    (void)session, (void)request, (void)pdu;
    if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && operation != NETSNMP_CALLBACK_OP_TIMED_OUT)
        return 1;
    sender->discovering = false;
    if (!sender->closing && operation == NETSNMP_CALLBACK_OP_TIMED_OUT)
        not_answered(sender);
    return 1;
}

/* ---- the session ---- */

static void session_close(struct sender *sender)
{
    if (!sender->session)
        return;
    sender->closing = true; /* the library reports every request that is out as timed out */
    snmp_sess_close(sender->session);
    sender->closing = false;
    sender->session = NULL;
    sender->known = false;
    sender->discovering = false;
}

static bool session_open(struct sender *sender)
{
    netsnmp_session session;
    uint8_t engine[ENGINE_ID_MAX];
    snmp_sess_init(&session);
    session.peername = sender->peer;
    session.localname = (char *)(uintptr_t)sender->conf->source;
    session.retries = 0;
    session.timeout = (long)TIMEOUT_MS * 1000;
    session.version = sender->v3 ? SNMP_VERSION_3 : SNMP_VERSION_2c;
    if (sender->v3) {
        session.securityName = (char *)(uintptr_t)sender->conf->user;
        session.securityNameLen = strlen(sender->conf->user);
        session.securityLevel = sender->keys.level;
        session.securityModel = SNMP_SEC_MODEL_USM;
        if (!sender->conf->inform) { /* of a trap, we are the engine that it belongs to */
            session.securityEngineID = engine;
            session.securityEngineIDLen = engine_id(sender->agent_name, engine);
        }
    } else {
        session.community = (u_char *)sender->community;
        session.community_len = strlen(sender->community);
    }
    engine_forget_complaint();
    sender->session = snmp_sess_open(&session);
    if (!sender->session)
        return false;
    snmp_sess_session(sender->session)->flags |= SNMP_FLAGS_DONT_PROBE; /* or the first inform would wait for the receiver */
    if (sender->v3 && !sender->conf->inform)
        user_add(sender->conf->user, &sender->keys, engine, engine_id(sender->agent_name, engine));
    sender->known = !sender->v3 || !sender->conf->inform;
    return true;
}

static void session_discover(struct sender *sender)
{
    netsnmp_session *session = snmp_sess_session(sender->session);
    if (session->securityEngineIDLen) {
        sender->known = user_add(sender->conf->user, &sender->keys, session->securityEngineID, session->securityEngineIDLen);
        if (sender->known)
            answered(sender);
        else
            not_answered(sender);
        return;
    }
    netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);
    if (!pdu)
        abort();
    pdu->version = SNMP_VERSION_3;
    pdu->securityName = strdup("");
    pdu->securityNameLen = 0;
    pdu->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
    pdu->securityModel = SNMP_SEC_MODEL_USM;
    sender->discovering = true;
    if (snmp_sess_async_send(sender->session, pdu, engine_answer, sender) == 0) {
        snmp_free_pdu(pdu);
        sender->discovering = false;
        not_answered(sender);
    }
}

/* ---- sending ---- */

static uint32_t uptime(int64_t now)
{
    static int64_t started;
    if (!started)
        started = now;
    return (uint32_t)((now - started) / 10);
}

static void send_slot(struct sender *sender, struct slot *slot, int64_t now)
{
    netsnmp_pdu *pdu = notification_pdu(&slot->item->notification, SNMP_MSG_INFORM, uptime(now));
    slot->state = SLOT_OUT;
    sender->out++;
    sender->counts.sent++;
    if (snmp_sess_async_send(sender->session, pdu, inform_answer, slot) != 0)
        return;
    snmp_free_pdu(pdu);
    slot->state = SLOT_DUE;
    sender->out--;
    not_answered(sender);
}

static void send_informs(struct sender *sender, int64_t now)
{
    unsigned window = silent(sender) ? 1 : WINDOW;
    for (size_t i = 0; i < WINDOW && sender->out < window && now >= sender->retry_at; i++) {
        struct slot *slot = &sender->slots[i];
        if (slot->state == SLOT_FREE && sender->count) {
            slot->item = queue_pop(sender);
            slot->state = SLOT_DUE;
        }
        if (slot->state == SLOT_DUE)
            send_slot(sender, slot, now);
    }
}

static void send_traps(struct sender *sender, int64_t now)
{
    if (now < sender->next_trap_at)
        return;
    for (int i = 0; i < TRAPS_A_TURN && sender->count; i++) {
        struct item *item = queue_pop(sender);
        netsnmp_pdu *pdu = notification_pdu(&item->notification, SNMP_MSG_TRAP2, uptime(now));
        sender->counts.sent++;
        if (snmp_sess_send(sender->session, pdu) == 0) {
            snmp_free_pdu(pdu);
            sender->counts.dropped++;
        }
        delivered(sender, item);
    }
    sender->next_trap_at = now + TRAP_PAUSE_MS;
}

int64_t sender_work(struct sender *sender, int64_t now)
{
    if (sender->error[0] || sender->discovering)
        return now + DISCOVERY_MS;
    /* a receiver that came back as another engine answers nothing that we say to the old one */
    if (sender->session && sender->v3 && sender->conf->inform && sender->known && silent(sender) && !sender->out)
        session_close(sender);
    if (now < sender->retry_at)
        return sender->retry_at;
    if (!sender->session && !session_open(sender)) {
        not_answered(sender);
        return sender->retry_at > now ? sender->retry_at : now + DISCOVERY_MS;
    }
    if (!sender->known)
        session_discover(sender);
    if (!sender->known)
        return sender->retry_at > now ? sender->retry_at : now + DISCOVERY_MS;
    if (sender->conf->inform)
        send_informs(sender, now);
    else
        send_traps(sender, now);
    if (sender->retry_at > now)
        return sender->retry_at;
    return !sender->conf->inform && sender->count ? sender->next_trap_at : now + TIMEOUT_MS;
}

/* ---- opening ---- */

/* "udp:host" means port 162; net-snmp would take 161. */
static void peer_name(const char *to, char *peer, size_t size)
{
    const char *colon = strrchr(to, ':');
    bool has_port = colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
    snprintf(peer, size, "%s%s", to, has_port ? "" : ":162");
}

struct sender *sender_open(const struct conf_snmp *conf, const struct conf_receiver *receiver, const char *agent_name)
{
    struct sender *sender = calloc(1, sizeof *sender);
    if (!sender || !(sender->queue = calloc(QUEUE_MAX, sizeof(struct item *))))
        abort();
    sender->conf = receiver;
    sender->agent_name = agent_name;
    sender->v3 = receiver->user != NULL;
    for (size_t i = 0; i < WINDOW; i++)
        sender->slots[i].sender = sender;
    peer_name(receiver->to, sender->peer, sizeof sender->peer);
    const struct conf_snmp_user *user = user_by_name(conf, receiver->user);
    if (sender->v3 && !user)
        snprintf(sender->error, sizeof sender->error, "there is no snmp user %.60s", receiver->user);
    else if (sender->v3)
        user_keys(user, &sender->keys, sender->error);
    else if (!conf->allow_v2c)
        snprintf(sender->error, sizeof sender->error, "needs `user`, or `allow_v2c: true` and community_file");
    else
        community_read(receiver->community_file, sender->community, sender->error);
    return sender;
}

void sender_close(struct sender *sender)
{
    session_close(sender);
    while (sender->count)
        item_release(queue_pop(sender));
    for (size_t i = 0; i < WINDOW; i++)
        if (sender->slots[i].state != SLOT_FREE)
            item_release(sender->slots[i].item);
    secret_wipe(&sender->keys, sizeof sender->keys);
    secret_wipe(sender->community, sizeof sender->community);
    free(sender->queue);
    free(sender);
}

const char *sender_name(const struct sender *sender)
{
    return sender->conf->entry.name;
}

void *sender_session(const struct sender *sender)
{
    return sender->session;
}

const struct sender_counts *sender_counts(const struct sender *sender)
{
    return &sender->counts;
}

const char *sender_trouble(const struct sender *sender, int64_t now, char text[TEXT_BYTES])
{
    const char *name = sender->conf->entry.name;
    text[0] = '\0';
    if (sender->error[0])
        snprintf(text, TEXT_BYTES, "%.40s: %.110s", name, sender->error);
    else if (silent(sender) && sender->refusal[0])
        snprintf(text, TEXT_BYTES, "%.40s: %.40s refuses: %s", name, sender->peer, sender->refusal);
    else if (silent(sender) && !sender->session && engine_complaint()[0])
        snprintf(text, TEXT_BYTES, "%.40s: %.40s: %.60s", name, sender->peer, engine_complaint());
    else if (silent(sender) && sender->answered_at)
        snprintf(text, TEXT_BYTES, "%.40s: %.40s has not answered for %lld min", name, sender->peer,
                 (long long)((now - sender->answered_at) / 60000));
    else if (silent(sender))
        snprintf(text, TEXT_BYTES, "%.40s: %.40s has never answered", name, sender->peer);
    return text;
}
