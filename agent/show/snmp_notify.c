/* The notification child: one thread, one loop over the senders' sessions and the decider's channel. When the channel closes it
 * delivers what it can for a moment longer; what it cannot, the next start sends again from the journal. */
#include "snmp_notify.h"
#include "snmp_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <net-snmp/library/large_fd_set.h>

enum { TURN_MS = 1000, STATUS_EVERY_MS = 1000, ALIVE_EVERY_MS = 5000, LINGER_MS = 2000, READS_A_TURN = 32 };

struct notifier {
    int channel; /* -1: the decider is gone */
    struct sender **senders;
    uint64_t *acked; /* as reported */
    size_t count;
    struct pollfd *polled; /* the channel, then one per sender */
    netsnmp_large_fd_set ready;
    int64_t status_at, alive_at, linger_until;
    struct wire_status status;
};

static void report_acked(struct notifier *notifier)
{
    for (size_t i = 0; i < notifier->count; i++) {
        struct wire_message message = {.kind = WIRE_ACKED};
        uint64_t acked = sender_acked(notifier->senders[i]);
        if (acked <= notifier->acked[i])
            continue;
        message.as.acked.sequence = acked;
        strncpy(message.as.acked.receiver, sender_name(notifier->senders[i]), NAME_BYTES - 1);
        if (wire_post(notifier->channel, &message, -1) == WIRE_OK)
            notifier->acked[i] = acked;
    }
}

static void report_status(struct notifier *notifier, int64_t now)
{
    struct wire_message message = {.kind = WIRE_STATUS};
    struct wire_status *status = &message.as.status;
    char text[TEXT_BYTES];
    status->up = 1;
    for (size_t i = 0; i < notifier->count; i++) {
        const struct sender_counts *counts = sender_counts(notifier->senders[i]);
        status->sent += counts->sent;
        status->acked += counts->acked;
        status->dropped += counts->dropped;
        status->waiting += sender_waiting(notifier->senders[i]);
        if (!sender_trouble(notifier->senders[i], now, text)[0])
            continue;
        if (status->up)
            memcpy(status->text, text, sizeof status->text);
        status->up = 0;
    }
    bool urgent = status->up != notifier->status.up || strcmp(status->text, notifier->status.text) != 0;
    bool counted = memcmp(status, &notifier->status, sizeof *status) != 0 && now >= notifier->status_at;
    if ((!urgent && !counted && now < notifier->alive_at) || wire_post(notifier->channel, &message, -1) != WIRE_OK)
        return;
    notifier->status = *status;
    notifier->status_at = now + STATUS_EVERY_MS;
    notifier->alive_at = now + ALIVE_EVERY_MS;
}

static void take(struct notifier *notifier, const struct wire_notify *notify)
{
    struct item *item = item_new(&notify->notification);
    for (size_t i = 0; i < notifier->count; i++)
        if (!notify->receiver[0] || strncmp(notify->receiver, sender_name(notifier->senders[i]), NAME_BYTES) == 0)
            sender_queue(notifier->senders[i], item);
    item_release(item);
}

static void receive(struct notifier *notifier)
{
    struct wire_message message;
    int descriptor;
    enum wire_result result = WIRE_OK;
    for (int i = 0; i < READS_A_TURN && result == WIRE_OK; i++) {
        result = wire_receive(notifier->channel, &message, &descriptor);
        if (descriptor >= 0)
            close(descriptor);
        if (result == WIRE_OK && message.kind == WIRE_NOTIFY)
            take(notifier, &message.as.notify);
    }
    if (result == WIRE_BROKEN) {
        close(notifier->channel);
        notifier->channel = -1;
        notifier->linger_until = engine_now() + LINGER_MS;
    }
}

/* A session has one socket; the library names it, and when it wants to be called for a timeout. */
static int session_descriptor(struct notifier *notifier, void *session, int64_t *until, int64_t now)
{
    int descriptors = 0, block = 1;
    struct timeval wait = {3600, 0};
    NETSNMP_LARGE_FD_ZERO(&notifier->ready);
    snmp_sess_select_info2_flags(session, &descriptors, &notifier->ready, &wait, &block, NETSNMP_SELECT_NOALARMS);
    if (!block) {
        int64_t due = now + (int64_t)wait.tv_sec * 1000 + (wait.tv_usec + 999) / 1000;
        *until = due < *until ? due : *until;
    }
    for (int i = descriptors - 1; i >= 0; i--)
        if (NETSNMP_LARGE_FD_ISSET(i, &notifier->ready))
            return i;
    return -1;
}

static void turn(struct notifier *notifier)
{
    int64_t now = engine_now(), until = now + TURN_MS;
    for (size_t i = 0; i < notifier->count; i++) {
        int64_t due = sender_work(notifier->senders[i], now);
        until = due < until ? due : until;
    }
    notifier->polled[0] = (struct pollfd){notifier->channel, POLLIN, 0};
    for (size_t i = 0; i < notifier->count; i++) {
        void *session = sender_session(notifier->senders[i]);
        int descriptor = session ? session_descriptor(notifier, session, &until, now) : -1;
        notifier->polled[i + 1] = (struct pollfd){descriptor, POLLIN, 0};
    }
    if (poll(notifier->polled, notifier->count + 1, until > now ? (int)(until - now) : 0) < 0 && errno != EINTR)
        abort();
    if (notifier->channel >= 0 && notifier->polled[0].revents)
        receive(notifier);
    for (size_t i = 0; i < notifier->count; i++) {
        void *session = sender_session(notifier->senders[i]);
        struct pollfd *polled = &notifier->polled[i + 1];
        for (int reads = 0; session && polled->fd >= 0 && polled->revents && reads < READS_A_TURN; reads++) {
            NETSNMP_LARGE_FD_ZERO(&notifier->ready);
            NETSNMP_LARGE_FD_SET(polled->fd, &notifier->ready);
            snmp_sess_read2(session, &notifier->ready);
            polled->revents = 0;
            if (poll(polled, 1, 0) <= 0)
                break;
        }
        if (session)
            snmp_sess_timeout(session);
    }
}

static size_t waiting(const struct notifier *notifier)
{
    size_t count = 0;
    for (size_t i = 0; i < notifier->count; i++)
        count += sender_waiting(notifier->senders[i]);
    return count;
}

/* Discovery asks as a user without name or keys; the library does not make one when it is told not to probe. */
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

static void notifier_open(struct notifier *notifier, const struct conf_snmp *conf, const char *agent_name)
{
    const struct conf_receiver *receivers = conf->receivers.entries;
    notifier->count = conf->receivers.count;
    notifier->senders = calloc(notifier->count + 1, sizeof(struct sender *));
    notifier->acked = calloc(notifier->count + 1, sizeof *notifier->acked);
    notifier->polled = calloc(notifier->count + 1, sizeof *notifier->polled);
    if (!notifier->senders || !notifier->acked || !notifier->polled)
        abort();
    for (size_t i = 0; i < notifier->count; i++)
        notifier->senders[i] = sender_open(conf, &receivers[i], agent_name);
    netsnmp_large_fd_set_init(&notifier->ready, FD_SETSIZE);
}

int notify_serve(const struct conf_snmp *conf, const char *agent_name, const char *state_dir, uint32_t boots, int channel)
{
    struct notifier notifier = {.channel = channel};
    engine_quiet(state_dir);
    engine_identity(agent_name, boots);
    init_snmp("solowarden");
    add_nobody();
    notifier_open(&notifier, conf, agent_name);
    while (notifier.channel >= 0 || (waiting(&notifier) && engine_now() < notifier.linger_until)) {
        turn(&notifier);
        if (notifier.channel < 0)
            continue;
        report_acked(&notifier);
        report_status(&notifier, engine_now());
    }
    for (size_t i = 0; i < notifier.count; i++)
        sender_close(notifier.senders[i]);
    netsnmp_large_fd_set_cleanup(&notifier.ready);
    free(notifier.senders);
    free(notifier.acked);
    free(notifier.polled);
    snmp_shutdown("solowarden");
    return EX_OK;
}

int snmp_notify_main(int argc, char **argv)
{
    uint32_t boots;
    int status;
    struct config *config = snmp_child_begin(argc, argv, &boots, &status);
    if (!config)
        return status;
    status = notify_serve(config->snmp, config->agent.name, config->agent.state_dir, boots, WIRE_DESCRIPTOR);
    config_close(config);
    return status;
}
