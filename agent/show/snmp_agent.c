/* The agent child: one thread, one loop over net-snmp's descriptors and the decider's channel. Everything that it has to say goes
 * through the channel; it ends when the channel does. In AgentX mode a hung snmpd blocks this process for a while, and nobody else. */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include <net-snmp/agent/agent_callbacks.h>
#include <net-snmp/library/large_fd_set.h>

#include "snmp_agent.h"
#include "snmp_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

enum { STATUS_EVERY_MS = 1000, ALIVE_EVERY_MS = 5000, LISTEN_RETRY_MS = 5000, PINGED_SECONDS = 30, RECONNECT_SECONDS = 2 };

struct agent {
    const struct agent_start *start;
    int channel;
    const struct snapshot *snapshot;
    struct pollfd *polled;
    size_t polled_capacity;
    netsnmp_large_fd_set ready;
    bool listening;
    int64_t listen_at, status_at, alive_at;
    struct wire_status status;                                               /* as sent last */
    char access_error[ENGINE_ERROR_BYTES], listen_error[ENGINE_ERROR_BYTES]; /* "" = none */
};

/* AgentX: told by the library's callbacks */
static bool agentx_up;

static int agentx_changed(int major, int minor, void *serverarg, void *clientarg)
{
    (void)major, (void)serverarg, (void)clientarg;
    agentx_up = minor == SNMPD_CALLBACK_INDEX_START;
    /* the ping timer is armed right after this call: rare while connected; the loop sets the reconnect interval again */
    if (agentx_up)
        netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, PINGED_SECONDS);
    return 0;
}

static void agent_open(struct agent *agent)
{
    engine_quiet(agent->start->state_dir);
    agent_access_begin(agent->start, agent->access_error);
    if (agent->start->conf->agentx) {
        snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START, agentx_changed, NULL);
        snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP, agentx_changed, NULL);
    }
    if (!agent_rows_register())
        snprintf(agent->access_error, sizeof agent->access_error, "the subtree cannot be registered");
    init_snmp("solowarden");
    agent_access_users(agent->start, agent->access_error);
    netsnmp_large_fd_set_init(&agent->ready, FD_SETSIZE);
}

static void agent_listen(struct agent *agent, int64_t now)
{
    if (agent->start->conf->agentx || agent->listening || now < agent->listen_at)
        return;
    agent->listening = agent_access_listen(agent->start->conf->listen, agent->listen_error);
    agent->listen_at = now + LISTEN_RETRY_MS;
}

static void agent_report(struct agent *agent, int64_t now)
{
    struct wire_message message = {.kind = WIRE_STATUS};
    struct wire_status *status = &message.as.status;
    bool agentx = agent->start->conf->agentx != NULL;
    status->up = agentx ? agentx_up : agent->listening;
    status->requests = agent_counts.requests;
    status->variables = agent_counts.variables;
    if (agentx && !agentx_up)
        snprintf(status->text, sizeof status->text, "%s: %.90s", reason_text(REASON_AGENTX_DOWN), agent->start->conf->agentx);
    else if (!status->up)
        snprintf(status->text, sizeof status->text, "%s", agent->listen_error);
    else if (agent->access_error[0])
        snprintf(status->text, sizeof status->text, "%s", agent->access_error);
    else if (agentx && strstr(engine_complaint(), "registering pdu failed"))
        snprintf(status->text, sizeof status->text, "another agent has registered our part of the MIB at snmpd");
    bool urgent = status->up != agent->status.up || strcmp(status->text, agent->status.text) != 0;
    bool counted = memcmp(status, &agent->status, sizeof *status) != 0 && now >= agent->status_at;
    if (!urgent && !counted && now < agent->alive_at)
        return;
    if (wire_post(agent->channel, &message, -1) != WIRE_OK)
        return;
    agent->status = *status;
    agent->status_at = now + STATUS_EVERY_MS;
    agent->alive_at = now + ALIVE_EVERY_MS;
}

/* False: the decider is gone. */
static bool agent_receive(struct agent *agent)
{
    struct wire_message message;
    int descriptor;
    for (;;) {
        enum wire_result result = wire_receive(agent->channel, &message, &descriptor);
        if (result != WIRE_OK)
            return result == WIRE_LATER;
        if (message.kind == WIRE_SNAPSHOT && descriptor >= 0) {
            const struct snapshot *newer = snapshot_map(descriptor);
            if (newer) {
                agent_rows_show(newer);
                snapshot_unmap(agent->snapshot);
                agent->snapshot = newer;
            }
            message.kind = WIRE_TAKEN;
            wire_post(agent->channel, &message, -1);
        }
        if (descriptor >= 0)
            close(descriptor);
    }
}

static void agent_want(struct agent *agent, size_t count, int descriptor)
{
    if (count == agent->polled_capacity) {
        agent->polled_capacity = agent->polled_capacity ? 2 * agent->polled_capacity : 16;
        agent->polled = realloc(agent->polled, agent->polled_capacity * sizeof *agent->polled);
        if (!agent->polled)
            abort();
    }
    agent->polled[count] = (struct pollfd){descriptor, POLLIN, 0};
}

/* One turn: wait for any descriptor or timer, then let the library work. False: the decider is gone. */
static bool agent_turn(struct agent *agent)
{
    int descriptors = 0, block = 1;
    struct timeval wait = {3600, 0};
    size_t count = 0;
    NETSNMP_LARGE_FD_ZERO(&agent->ready);
    snmp_select_info2(&descriptors, &agent->ready, &wait, &block);
    agent_want(agent, count++, agent->channel);
    for (int i = 0; i < descriptors; i++)
        if (NETSNMP_LARGE_FD_ISSET(i, &agent->ready))
            agent_want(agent, count++, i);
    int64_t until = block ? STATUS_EVERY_MS : (int64_t)wait.tv_sec * 1000 + (wait.tv_usec + 999) / 1000;
    int got = poll(agent->polled, count, (int)(until < STATUS_EVERY_MS ? until : STATUS_EVERY_MS));
    if (got < 0 && errno != EINTR)
        return false;
    NETSNMP_LARGE_FD_ZERO(&agent->ready);
    bool any = false;
    for (size_t i = 1; got > 0 && i < count; i++)
        if (agent->polled[i].revents) {
            NETSNMP_LARGE_FD_SET(agent->polled[i].fd, &agent->ready);
            any = true;
        }
    bool alive = got <= 0 || !agent->polled[0].revents || agent_receive(agent);
    if (any)
        snmp_read2(&agent->ready);
    snmp_timeout();
    run_alarms();
    netsnmp_check_outstanding_agent_requests();
    return alive;
}

int agent_serve(const struct agent_start *start, int channel)
{
    struct agent agent = {.start = start, .channel = channel};
    agent_open(&agent);
    do {
        int64_t now = engine_now();
        netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, RECONNECT_SECONDS);
        agent_listen(&agent, now);
        agent_report(&agent, now);
    } while (agent_turn(&agent));
    snmp_shutdown("solowarden");
    shutdown_agent();
    netsnmp_large_fd_set_cleanup(&agent.ready);
    agent_rows_show(NULL);
    snapshot_unmap(agent.snapshot);
    free(agent.polled);
    return EX_OK;
}

int snmp_agent_main(int argc, char **argv)
{
    uint32_t boots;
    int status;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a call into a hung snmpd cannot see the channel close */
    struct config *config = snmp_child_begin(argc, argv, &boots, &status);
    if (!config)
        return status;
    struct agent_start start = {config->snmp, config->agent.name, config->agent.state_dir, boots, NULL};
    status = agent_serve(&start, WIRE_DESCRIPTOR);
    config_close(config);
    return status;
}
