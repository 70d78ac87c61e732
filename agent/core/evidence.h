/* The data plane of one handler: who polls and takes, by the server's log, and is that one?
 * Fed with events in line order; everything is in the log's own stamps. Owns hand-overs, returns, overlaps, double takes
 * and their classes; knows nothing of files, of our clock, of clusters beyond "ownership changed". Fixed size, allocates nothing.
 * The same code serves the daemon and `solowarden scan`. */
#ifndef SOLOWARDEN_CORE_EVIDENCE_H
#define SOLOWARDEN_CORE_EVIDENCE_H

#include "types.h"

enum {
    EVIDENCE_RUNS = 16,
    EVIDENCE_OBJECTS = 96, /* in sets of EVIDENCE_WAYS, found by hash */
    EVIDENCE_WAYS = 4,
    EVIDENCE_SESSIONS = 16,
    EVIDENCE_HANDOVERS = 8,
    EVIDENCE_PROOF = 6
};

enum data_plane { DATA_UNKNOWN, DATA_NONE, DATA_SILENT, DATA_ONE, DATA_MANY };

/* Why an object was taken twice. Only two handlers are a duplicate. */
enum take_class { TAKE_ONCE, TAKE_TWO_HANDLERS, TAKE_AFTER_HANDOVER, TAKE_UNFINISHED_UPLOAD, TAKE_RETAINED, TAKE_CLASSES };
const char *take_class_name(uint8_t take_class); /* "two-handlers", "re-read-after-hand-over", … */

struct evidence_policy {
    stamp_t window;       /* W, milliseconds of log time */
    bool has_control;     /* ownership changes are told to us: A B A suffices; without, A B A B inside 2 W */
    bool server_may_lock; /* singleton no/auto on POP3: several pollers are correct, only two takers count */
    uint32_t resolution;  /* of stamps, ms: intervals closer than this do not prove an overlap */
};

/* Consecutive beginnings by one node. */
struct evidence_run {
    uint8_t node;
    bool took; /* something was retrieved or removed in it */
    stamp_t first, last;
    uint64_t first_line, last_line;
};

struct evidence_object {
    uint64_t object; /* 0 = unused */
    int64_t bytes;
    stamp_t begin, end, gone; /* gone: removed or written anew at; 0 = still there as far as we know */
    uint64_t line;
    uint8_t node, take_class;
    /* the second take, waiting for the first node to begin something again; NODE_NONE = none */
    uint8_t second_node;
    stamp_t second_begin;
    uint64_t second_line;
};

struct evidence_session {
    uint64_t session;               /* 0 = unused */
    stamp_t begin, last_begin, end; /* end: newest stamp seen of it */
    uint64_t line, last_line;
    uint32_t takes;
    uint8_t node;
    bool open;   /* a login whose end has not come yet */
    bool proven; /* a poll: something was taken, or it ended un-refused */
    bool whole;  /* ended in order: begin and end are its own */
    bool ghost;  /* its node lost ownership: closed for judging */
};

struct finding {
    uint16_t reason;    /* REASON_RETURNED, REASON_OVERLAPPED, REASON_TAKEN_TWICE, REASON_INTRUDER, REASON_ADDRESS_UNMAPPED, or 0 */
    uint8_t take_class; /* with REASON_TAKEN_TWICE, also for the harmless classes */
    bool confirmed;     /* a double take by two handlers */
    nodes_t nodes;
    uint64_t object;
    stamp_t at;
    uint64_t lines[EVIDENCE_PROOF]; /* numbers of the lines that prove it, in order; 0 ends */
    struct address address;
};

struct evidence {
    struct evidence_run runs[EVIDENCE_RUNS]; /* in order of time, newest at run_count - 1 */
    struct evidence_object objects[EVIDENCE_OBJECTS];
    struct evidence_session sessions[EVIDENCE_SESSIONS];
    stamp_t handovers[EVIDENCE_HANDOVERS]; /* ownership changes told */
    uint8_t run_count, session_next, handover_next;
    uint8_t last_node;                                  /* who last began something; NODE_NONE = nobody yet */
    uint8_t waiting;                                    /* objects whose second take waits for the first node's return */
    stamp_t last_begin, watermark;                      /* watermark here: newest stamp fed to this handler */
    stamp_t last_shared, last_foreign;                  /* newest poll from a shared address; from a foreign one */
    stamp_t last_poll[NODES_MAX], last_take[NODES_MAX]; /* per node, begin stamps */
    uint64_t last_line[NODES_MAX];
    stamp_t poll_before[NODES_MAX]; /* last_poll before the newest: a login that only uploaded is taken back */
    uint64_t polls, takes, refused, failed, backwards;
    uint64_t dropped;                          /* objects pushed out while still there */
    struct finding many, double_take, foreign; /* the newest of each kind, double_take by two handlers only; reason 0 = never */
    stamp_t many_since;                        /* 0 = not many now */
    stamp_t single_since;                      /* since when the runs show one node only, clear of many; 0 = they do not */
    stamp_t watched_since;                     /* first watermark at which silence was proven */
};

void evidence_reset(struct evidence *evidence);

/* What a sighting says, whoever did it: the caller sets node, handler, source and `at`. */
struct event event_of(const struct sighting *sighting, uint64_t line);

/* Fold one event, in line order. Returns true and fills *finding when this line proved something new; while `many` stands, further
 * returns only renew evidence->many. */
bool evidence_event(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, struct finding *finding);

/* Ownership changed, or `nodes` were found down, at this stamp (the log's clock): their open sessions are ghosts from here on. */
void evidence_handover(struct evidence *evidence, nodes_t nodes, stamp_t at);

/* The plane as of `watermark`, the newest stamp of the whole log. Clears `many` after 2 W of one node only. */
struct evidence_view {
    uint8_t plane; /* enum data_plane; SILENT and NONE only if silence_proven */
    uint8_t node;  /* with ONE and SILENT: who last; NODE_SHARED if only a shared address was seen */
    uint16_t reason;
    nodes_t many;
    bool confirmed; /* a double take by two handlers inside the last 2 W (or since the last hand-over) */
    bool receding;  /* many only until 2 W have passed; no new proof since the last hand-over */
};
void evidence_fold(const struct evidence_policy *policy, struct evidence *evidence, stamp_t watermark, bool silence_proven,
                   stamp_t silent_after, struct evidence_view *view);

#endif
