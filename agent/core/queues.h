/* Queues with an alarm: seats in a bounded table of the model, because alarms hang on subjects and queues are nowhere configured. A queue
 * takes a seat when it is high or stuck for the first time, and keeps it until a day after. Owns the seats; knows nothing of counters. */
#ifndef SOLOWARDEN_CORE_QUEUES_H
#define SOLOWARDEN_CORE_QUEUES_H

#include "estate.h"
#include "model.h"

struct queue_seat {
    char name[FOUND_URL]; /* "" = free */
    uint16_t cluster;
    uint8_t node, class, state; /* enum queue_class, enum queue_state */
    uint16_t reason;
    int64_t messages; /* or ABSENT */
    msec_t since, heard_at;
    msec_t bad_at; /* when it was high or stuck last */
};

/* What estate_queues() says of a queue; call for each. */
void model_queue(struct model *model, uint16_t cluster, const struct queue_verdict *verdict, msec_t now);
/* The seat of a SUBJECT_QUEUE; NULL = free, or none. policy_name() of it: "cluster/node/queue", of a long queue name its end. */
const struct queue_seat *model_queue_seat(const struct model *model, subject_t subject);

#endif
