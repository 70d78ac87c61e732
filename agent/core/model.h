/* What is known now: the last observation of each source, the evidence of each handler, and the verdicts folded from them.
 * Owns the verdict table and the state of every log; knows nothing of plans. Carved from one block of the caller's; allocates nothing. */
#ifndef SOLOWARDEN_CORE_MODEL_H
#define SOLOWARDEN_CORE_MODEL_H

#include "evidence.h"
#include "logs.h"
#include "policy.h"

/* A handler's verdict (design: the ordered table); the order here is the MIB's, 1 = unknown. */
enum handler_state {
    HANDLER_UNKNOWN = 1,
    HANDLER_SINGLE,
    HANDLER_IDLE,
    HANDLER_NONE,
    HANDLER_DUPLICATE_SUSPECTED,
    HANDLER_DUPLICATE_CONFIRMED,
    HANDLER_MISPLACED,
    HANDLER_MOVING,
    HANDLER_OFFLINE,
    HANDLER_STATES
};
const char *handler_state_name(uint8_t state);

enum strength { STRENGTH_NONE = 1, STRENGTH_DATA, STRENGTH_CONTROL, STRENGTH_BOTH };

enum control_plane { CONTROL_UNKNOWN, CONTROL_NONE, CONTROL_ONE, CONTROL_MANY };

/* beside the verdict, never instead */
enum handler_flag {
    FLAG_INTRUDER = 1,
    FLAG_LOG_STALLED = 2,
    FLAG_LOG_GAP = 4,
    FLAG_NAT = 8,
    FLAG_ADDRESSES_UNMAPPED = 16,
    FLAG_PARTIAL = 32
};

/* one observation kept, chained by subject. OWNER is kept once per source: its node is what it says, not what it is asked about */
struct slot {
    struct observation last;
    msec_t since;  /* since when this verdict (ENDPOINT: this level; OWNER: this node) */
    uint32_t next; /* chain; 0 = end */
    uint16_t run;  /* equal results in a row, saturating; unknown neither counts nor breaks */
    uint8_t level; /* ENDPOINT after rise/fall: enum verdict */
    uint8_t known; /* the last result that was not unknown */
};

struct handler_state_row {
    struct evidence evidence;
    uint8_t state, was, strength, control, data, node; /* node: who is active by the verdict, or NODE_NONE */
    uint16_t reason, flags, row;                       /* row: number of the verdict table's line that matched, 1.. */
    nodes_t many;
    msec_t since, changed_at;
    msec_t single_since;  /* 0 = not single now */
    msec_t single_for;    /* how long it had been single when it turned duplicate: trusted_after is measured against it */
    uint16_t data_reason; /* why the data plane is what it is */
    uint8_t elsewhere;    /* node that polls while the control plane names another */
    struct address intruder;
    msec_t intruder_at, unmapped_at, nat_at;
    bool addresses_proven; /* a node's own address has been seen on this log */
    uint8_t double_polls;  /* consecutive control rounds that saw many, first-hand */
    uint8_t elsewhere_polls;
    uint8_t expected;         /* should it poll now? the last known word; UNKNOWN where nobody ever said */
    bool expected_known;      /* and it is fresh, or nobody is asked */
    uint16_t expected_reason; /* why not, or why it is not known */
    msec_t expected_since;    /* when it was to poll again; 0 = always was */
};

struct control_row {      /* the control plane of one group */
    uint8_t plane, owner; /* owner: agreed owner, or NODE_NONE */
    bool agreed, pending, intended_known, intended, first_hand_many, resource_down;
    uint16_t reason;
    nodes_t active, inactive, unknown; /* by INSTANCE observations */
    nodes_t first_hand;                /* active by that node's own word */
    nodes_t first_hand_no;             /* not active by that node's own word */
    nodes_t up, down;                  /* NODE_UP */
    nodes_t ready, unready, vague;     /* READY by observation; vague: of the unready, those of which it is not known */
    uint16_t ready_reason[NODES_MAX];
    msec_t owner_since, pending_since, pending_ended, plane_since, intended_since, oldest; /* oldest: of the readings used */
    uint8_t last_owner;                                                                    /* the last agreed owner, kept over `none` */
    uint8_t double_rounds;  /* rounds of readings in a row that saw two copies, each by its node's own word; saturates */
    bool has_control;       /* some source speaks about it at all */
    nodes_t observers;      /* nodes that gave the owner's name; for static clusters: nodes that spoke for themselves */
    nodes_t held;           /* last known to be active; leaving it is a hand-over */
    msec_t counted_at;      /* when double_rounds was counted last */
    msec_t pending_timeout; /* the longest of its resources', as last told; 0 = nobody said */
};

struct model {
    const struct policy *policy;
    struct slot *slots; /* last in the block: what is never used is never touched */
    uint32_t slot_count, slot_capacity;
    uint32_t *slot_index, slot_mask;     /* hash of source, subject, node and aspect → slot */
    uint32_t *first_slot[SUBJECT_KINDS]; /* per subject: head of its chain */
    struct log_state *logs;              /* per server */
    struct handler_state_row *handlers;
    struct control_row *control; /* per group */
    struct queue_seat *queues;   /* queues.h */
    bool *heard;                 /* per source: it spoke at least once */
    uint16_t *by_account;        /* hash of server and account → first handler + 1 */
    uint16_t *same_account;      /* per handler: the next one with the same server and account + 1 */
    uint32_t account_mask;
    uint16_t *first_on_server, *next_on_server;                          /* per server, per handler: chains of handlers + 1 */
    bool *touched_server, *touched_group, *touched_cluster, touched_all; /* since model_settle */
    msec_t folded_at;                                                    /* everything, last */
    uint64_t observations, events, dropped;
    int64_t wall_offset;          /* wall clock minus monotonic clock, as last told; 0 = not told yet */
    msec_t started, stale_before; /* readings before stale_before do not count (stall, resume, clock step) */
};

size_t model_size(const struct policy *policy);
struct model *model_open(void *memory, const struct policy *policy, msec_t now); /* memory: model_size() bytes, any content, max_align */

void model_observe(struct model *model, const struct observation *seen);

/* A line of `server`'s log. Attributes it to handlers and nodes, folds it in, and calls `each` for every event it became (for the journal).
 */
typedef void event_sink(void *context, const struct event *event, const struct finding *finding /* or NULL */);
void model_sight(struct model *model, uint16_t server, const struct sighting *sighting, uint64_t line, msec_t now, event_sink *each,
                 void *context);

void model_log(struct model *model, uint16_t server, const struct log_report *report, msec_t now);

/* Our own canary logged in to the server just now: its line must come. */
void model_canary(struct model *model, uint16_t server, msec_t now);

/* Fold everything that may have changed by `now`: control planes, logs, verdicts. wall_offset = wall clock - monotonic. */
void model_fold(struct model *model, msec_t now, int64_t wall_offset);
/* The same for what was touched only; for everything once a second, because readings age (then touched_all is set). */
void model_fold_touched(struct model *model, msec_t now, int64_t wall_offset);
void model_touch(struct model *model, subject_t subject); /* and what hangs on it; agent, node, probe: everything */
void model_settle(struct model *model);                   /* whatever was touched has been looked at */

/* Lookups. NULL or UNKNOWN when there is none, or it is older than two intervals and its timeout. */
const struct slot *model_slot(const struct model *model, uint16_t source, subject_t subject, uint8_t node, uint8_t aspect);
bool model_fresh(const struct model *model, const struct slot *slot, msec_t now);
enum verdict model_endpoint(const struct model *model, uint16_t server, msec_t now, uint16_t *reason, msec_t *since);

#endif
