/* Seats of queues that have, or had, an alarm. See queues.h. */
#include "queues.h"

#include <stdio.h>
#include <string.h>

#include "parts.h"

static bool is_bad(uint8_t state)
{
    return state == QUEUE_STATE_HIGH || state == QUEUE_STATE_CRITICAL || state == QUEUE_STATE_STUCK;
}

/* The seats of one cluster begin after those of the Windows clusters before it. */
static struct queue_seat *seats_of(const struct model *model, uint16_t cluster)
{
    size_t first = 0;
    if (cluster >= model->policy->cluster_count || !model->policy->clusters[cluster].windows)
        return NULL;
    for (uint16_t i = 0; i < cluster; i++)
        first += model->policy->clusters[i].windows ? QUEUE_SEATS : 0;
    return &model->queues[first];
}

static struct queue_seat *take_seat(struct model *model, struct queue_seat *seats, msec_t now)
{
    for (size_t i = 0; i < QUEUE_SEATS; i++)
        if (!*seats[i].name || (!is_bad(seats[i].state) && now - seats[i].bad_at > ESTATE_FORGET_MS))
            return &seats[i];
    model->dropped++;
    return NULL;
}

/* Of a name that is too long its end tells more, behind a hash of the whole. */
static void name_seat(const struct model *model, const struct queue_seat *seat)
{
    enum { HASH_CHARACTERS = 5 };
    const struct policy *policy = model->policy;
    const struct policy_cluster *cluster = &policy->clusters[seat->cluster];
    const char *node = seat->node < cluster->node_count ? policy->nodes[cluster->first_node + seat->node].name : "?", *end = seat->name;
    if (!policy->queue_names)
        return;
    char *name = policy->queue_names[seat - model->queues];
    int used = snprintf(name, QUEUE_NAME_BYTES, "%.20s/%.20s/", cluster->name, node);
    size_t room = QUEUE_NAME_BYTES - 1 - (size_t)used, size = strlen(seat->name);
    bool cut = size > room;
    for (end += cut ? size - room + HASH_CHARACTERS : 0; cut && ((unsigned char)*end & 0xc0U) == 0x80U;)
        end++; /* not in mid-character */
    if (cut)
        snprintf(name + used, room + 1, "%04x~%s", (unsigned)(hash_text(seat->name, size) & 0xffffU), end);
    else
        memcpy(name + used, end, size + 1);
}

void model_queue(struct model *model, uint16_t cluster, const struct queue_verdict *verdict, msec_t now)
{
    struct queue_seat *seats = seats_of(model, cluster), *seat = NULL;
    for (size_t i = 0; seats && i < QUEUE_SEATS && !seat; i++)
        if (seats[i].node == verdict->node && *seats[i].name && names_equal(seats[i].name, verdict->queue->name))
            seat = &seats[i];
    if (!seat && seats && is_bad(verdict->state)) {
        seat = take_seat(model, seats, now);
        if (seat) {
            *seat = (struct queue_seat){.cluster = cluster, .node = verdict->node, .class = verdict->queue->class};
            memcpy(seat->name, verdict->queue->name, sizeof seat->name);
            seat->name[sizeof seat->name - 1] = '\0';
            name_seat(model, seat);
        }
    }
    if (!seat)
        return;
    if (seat->state != verdict->state)
        seat->since = verdict->state == QUEUE_STATE_STUCK ? verdict->since : now;
    seat->state = verdict->state;
    seat->reason = verdict->reason;
    seat->messages = verdict->messages;
    seat->heard_at = now;
    seat->bad_at = is_bad(verdict->state) ? now : seat->bad_at;
}

const struct queue_seat *model_queue_seat(const struct model *model, subject_t subject)
{
    bool is_one = subject_kind(subject) == SUBJECT_QUEUE && subject_index(subject) < policy_queue_seats(model->policy);
    const struct queue_seat *seat = is_one ? &model->queues[subject_index(subject)] : NULL;
    return seat && *seat->name ? seat : NULL;
}
