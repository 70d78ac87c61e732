/* The estate of one cluster: what every source found there, kept list by list. Each node that is asked is an observer of its own; nothing
 * is merged when it comes in, so disagreement stays visible. Owns rows, their age and absence; knows nothing of probes, of verdicts or of
 * how rows are shown. Memory comes from the caller's allocator and is bounded: what does not fit is dropped and counted. */
#ifndef SOLOWARDEN_CORE_ESTATE_H
#define SOLOWARDEN_CORE_ESTATE_H

#include "found.h"
#include "policy.h"

struct estate;

enum {
    ESTATE_ROWS_MAX = 16384,        /* per kind and cluster */
    ESTATE_FORGET_MS = 24 * 3600000 /* an absent row is shown for so long */
};

struct estate_row {
    uint16_t source; /* who found it: position in policy.sources */
    uint8_t kind;
    msec_t first_at, seen_at; /* first and newest sighting */
    msec_t since;             /* since when its state is what it is */
    msec_t absent_at;         /* 0 = it is there */
    const void *found;        /* struct found_* of its kind */
};

/* How a source's list of one kind stands. Of kinds that are listed resource by resource, the newest of these lists. */
struct estate_list {
    uint16_t reason;    /* OK; NOT_SEEN before the first one; else why the newest attempt gave none */
    msec_t complete_at; /* newest complete list; 0 = never */
    msec_t tried_at;
    uint32_t rows;
};

struct estate *estate_open(const struct policy *policy, uint16_t cluster, const struct bounded_memory *memory); /* NULL: no memory */
void estate_close(struct estate *estate);
uint16_t estate_cluster(const struct estate *estate);

void estate_found(struct estate *estate, uint16_t source, const struct found *found, msec_t now);
void estate_failed(struct estate *estate, uint16_t source, uint16_t reason, msec_t now); /* a whole conversation told nothing */
void estate_forget(struct estate *estate, msec_t now); /* rows absent for ESTATE_FORGET_MS; call at leisure */

/* Reading. Rows of all sources in one array per kind, source by source; positions are good until the next estate_found or estate_forget. */
size_t estate_count(const struct estate *estate, enum found_kind kind);
struct estate_row estate_row(const struct estate *estate, enum found_kind kind, size_t position);
struct estate_list estate_list(const struct estate *estate, uint16_t source, enum found_kind kind);
/* The row of this identity as `source` found it, by its one or two names in the order of its struct (queue, service: its name; instance:
 * host, node; location: port, name); false = never found. It may be absent by now. */
bool estate_find(const struct estate *estate, uint16_t source, enum found_kind kind, const char *first, const char *second,
                 struct estate_row *row);
/* The positions of one source's rows. */
struct estate_span {
    size_t first, count;
};
struct estate_span estate_span(const struct estate *estate, uint16_t source, enum found_kind kind);

/* The source whose complete list of this kind is the newest and fresh (younger than two of its intervals and its timeout, for lists that
 * are read seldom: ESTATE_SLOW_MS); UINT16_MAX = none. Observers that are not quorate do not count. */
enum { ESTATE_SLOW_MS = 900000 };
uint16_t estate_best(const struct estate *estate, enum found_kind kind, msec_t now);
/* The same among the sources of one node: its own services, queues, connections. */
uint16_t estate_best_of_node(const struct estate *estate, enum found_kind kind, uint8_t node, msec_t now);
/* Why there is none: the reason of the newest attempt, or PREFLIGHT_UNKNOWN. */
uint16_t estate_why_none(const struct estate *estate, enum found_kind kind, uint8_t node, msec_t now); /* NODE_NONE: of any node */
uint64_t estate_dropped(const struct estate *estate);
size_t estate_bytes(const struct estate *estate);

/* The resource of this source's list whose possible owners, dependencies … were read longest ago, and more than ESTATE_ASK_MS; false = none
 * is due. Marks it as asked. Only resources that guarded things rest on: Generic Services, MSMQ and Network Names, in any group. */
enum { ESTATE_ASK_MS = 300000 };
bool estate_wanted(struct estate *estate, uint16_t source, enum found_kind kind, char name[FOUND_NAME], msec_t now);
/* When the possible owners or dependencies of this resource were read completely by this source; 0 = never. */
msec_t estate_asked(const struct estate *estate, uint16_t source, enum found_kind kind, const char *resource);

/* ---- who belongs to whom (estate_roles.c) ---- */

/* Names of nodes, hosts and services are compared without regard to ASCII case. */
bool names_equal(const char *left, const char *right);
bool name_contains(const char *text, const char *part);
uint8_t estate_node(const struct estate *estate, const char *computer); /* its index in the cluster; NODE_NONE = not configured */
uint16_t estate_group(const struct estate *estate, const char *role);   /* position in policy.groups; UINT16_MAX = not configured */
bool estate_host_in_group(const struct estate *estate, const char *host, uint16_t group); /* configured, or BizTalk says so */
/* The cluster resource that runs this host (by service BTSSvc$host, else by name), as `source` found it; false = not identified. */
bool estate_resource_of_host(const struct estate *estate, uint16_t source, const char *host, struct estate_row *row);
bool resource_is_msmq(const struct found_resource *resource);    /* by its type's name, which is not documented */
bool resource_is_service(const struct found_resource *resource); /* a Generic Service */
bool name_listed(const char *const *list, const char *name);     /* list: NULL ends it, or is it */
const char *estate_service_of(const struct estate *, uint16_t source, const char *resource); /* "" = not known */

/* ---- what it means (estate_speak.c, estate_preflight.c) ---- */

/* Says what `source` found, or that it found nothing, as observations: OWNER, PENDING, INTENDED, NODE_UP, QUORATE, INSTANCE,
 * PENDING_TIMEOUT. Call after each of its conversations. */
typedef void observation_sink(void *context, const struct observation *observation);
void estate_speak(const struct estate *estate, uint16_t source, msec_t now, observation_sink *sink, void *context);

/* The same for what only all sources together show, spoken by the cluster's preflight source: READY per candidate, EXPECTED per handler
 * (its location is enabled and inside its service window), SECRET_SERVER. wall: to judge service windows by; its zone offset in seconds
 * is the nodes', configured or this host's. Call when anything was found, and once a second. */
void estate_preflight(const struct estate *estate, uint16_t source, msec_t now, stamp_t wall, int32_t zone_seconds, observation_sink *sink,
                      void *context);

/* ---- queues (estate_queues.c) ---- */

enum queue_state { QUEUE_STATE_UNKNOWN = 1, QUEUE_STATE_OK, QUEUE_STATE_HIGH, QUEUE_STATE_CRITICAL, QUEUE_STATE_STUCK };
const char *queue_state_name(uint8_t state);

/* What one machine says of one of its queues. A queue never moves anything. */
struct queue_verdict {
    const struct found_queue *queue;
    uint16_t source;       /* position in policy.sources */
    uint8_t node;          /* whose queue it is */
    uint8_t state;         /* enum queue_state */
    uint16_t reason;       /* why unknown: COUNTERS_BLIND, STALE, the list's; else OK, QUEUE_HIGH, QUEUE_STUCK */
    bool good;             /* the figure may be believed */
    uint8_t manager;       /* enum verdict: Message Queuing itself runs there, by the cluster's resource and the node's own service */
    int64_t messages;      /* ABSENT unless good */
    msec_t since, read_at; /* since: stuck: since when never fewer; else since when the row is as it is */
};
/* Every queue of every machine once: where several sources read the same counter, the best of them speaks. wall, zone: as above, to know a
 * closed service window from a stuck queue. */
typedef void queue_sink(void *context, const struct queue_verdict *verdict);
void estate_queues(const struct estate *estate, msec_t now, stamp_t wall, int32_t zone_seconds, queue_sink *sink, void *context);

#endif
