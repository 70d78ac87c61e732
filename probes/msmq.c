/* Probe `msmq`: the performance counters of Message Queuing on the asked machine. One row per queue that Windows shows: those that are open
 * or hold messages. Must not judge depth, nor know that the counters are blind where two instances run: that is the estate's, who sees the
 * cluster. A class or property that is missing ends the list: unknown, never 0. */
#include <strings.h>

#include "windows_names.h"
#include "wmi.h"

static const struct wmi_property properties[] = {
    {"Name", WMI_NAME, WMI_FIELD(found_queue, name), NULL},
    {"MessagesinQueue", WMI_INTEGER, WMI_FIELD(found_queue, messages), NULL},
    {"BytesinQueue", WMI_INTEGER, WMI_FIELD(found_queue, bytes), NULL},
    {"MessagesinJournalQueue", WMI_INTEGER, WMI_FIELD(found_queue, journal_messages), NULL},
    {"BytesinJournalQueue", WMI_INTEGER, WMI_FIELD(found_queue, journal_bytes), NULL},
    {0},
};

struct msmq_state {
    struct wmi_talk talk;
    const struct msmq_conf *conf;
    const struct probe_context *context; /* these two during a step only */
};

static void count_or_absent(int64_t *counter)
{
    if (*counter < 0)
        *counter = ABSENT;
}

/* The sum over all queues is no queue. */
static bool finish(struct wmi_talk *talk, void *row)
{
    const struct msmq_state *state = talk->own;
    struct found_queue *queue = row;
    if (strcasecmp(queue->name, "_Total") == 0)
        return false;
    queue->class = queue_class_of(queue->name, state->context, &state->conf->machines);
    queue->source = QUEUE_FROM_WMI;
    count_or_absent(&queue->messages);
    count_or_absent(&queue->bytes);
    count_or_absent(&queue->journal_messages);
    count_or_absent(&queue->journal_bytes);
    return true;
}

static enum step msmq_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                           struct seen *seen)
{
    struct msmq_state *mine = state;
    mine->conf = conf;
    mine->context = context;
    mine->talk.own = mine;
    const struct wmi_query query = {
        .wmi_namespace = WSMAN_CIMV2,
        .wql = "SELECT Name, MessagesinQueue, BytesinQueue, MessagesinJournalQueue, BytesinJournalQueue "
               "FROM Win32_PerfRawData_MSMQ_MSMQQueue",
        .kind = FOUND_QUEUE,
        .properties = properties,
        .finish = finish,
        .items_max = (uint32_t)mine->conf->max_queues,
        .optional = true /* Message Queuing need not be installed */
    };
    return wmi_step(&mine->talk, &query, 1, context, in, out, seen);
}

static const struct field fields[] = {
    {"max_queues", FIELD_INTEGER, FIELD(struct msmq_conf, max_queues), 0, 1, 10000, "1000", NULL,
     "Queues that are read; more are counted."},
    {"machines", FIELD_TEXTS, FIELD(struct msmq_conf, machines), 0, 0, 0, NULL, NULL,
     "Network names of the clustered Message Queuing: queues under them are the cluster's own, not outgoing ones."},
    {0}};

const struct probe_type probe_msmq = {
    .name = "msmq",
    .help = "Queues of one machine by its performance counters, over WinRM.",
    .fields = fields,
    .conf_size = sizeof(struct msmq_conf),
    .state_size = sizeof(struct msmq_state),
    .estate = true,
    .step = msmq_step,
};
