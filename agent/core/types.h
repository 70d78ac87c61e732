/* The words that every part of solowarden shares: verdicts, times, subjects, observations, sightings, events.
 * Owns no behaviour beyond trivial inline helpers; knows nothing of clocks, sockets or configuration files. */
#ifndef SOLOWARDEN_CORE_TYPES_H
#define SOLOWARDEN_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t msec_t;  /* milliseconds on this agent's monotonic clock; 0 = never */
typedef int64_t stamp_t; /* milliseconds since 1970 as a log (or this host's wall clock) tells; 0 = never */

/* Unknown is zero and never means down. */
enum verdict { UNKNOWN = 0, NO = 1, YES = 2 };

enum subject_kind {
    SUBJECT_NONE,
    SUBJECT_AGENT,
    SUBJECT_CLUSTER,
    SUBJECT_NODE,
    SUBJECT_GROUP,
    SUBJECT_SERVER,
    SUBJECT_HANDLER,
    SUBJECT_PROBE,
    SUBJECT_QUEUE, /* a seat in the model: queues.h */
    SUBJECT_KINDS
};

/* A subject is interned: its kind in the top byte, below it the position in the policy's table of that kind. */
typedef uint32_t subject_t;

static inline subject_t subject_of(enum subject_kind kind, size_t index)
{
    return ((subject_t)kind << 24) | (subject_t)(index & 0xffffffU);
}
static inline enum subject_kind subject_kind(subject_t subject)
{
    return (enum subject_kind)(subject >> 24);
}
static inline uint32_t subject_index(subject_t subject)
{
    return subject & 0xffffffU;
}

/* A node is its position in its cluster (a WSFC cluster has at most 64); the values above say what else an address may be. */
enum { NODES_MAX = 64, NODE_IGNORED = 252, NODE_SHARED = 253, NODE_FOREIGN = 254, NODE_NONE = 255 };
typedef uint64_t nodes_t; /* a set of nodes, one bit each */

static inline nodes_t node_bit(uint8_t node)
{
    return node < NODES_MAX ? (nodes_t)1 << node : 0;
}

/* An IPv6 address in network order; IPv4 is mapped (::ffff:a.b.c.d). All zero = unknown. */
struct address {
    uint8_t bytes[16];
};

enum reason {
#define REASON(id, name, text, cure) REASON_##id,
#include "reasons.def"
#undef REASON
    REASONS
};
const char *reason_name(uint16_t reason); /* stable word for JSON, metrics and tests: "connect-refused" */
const char *reason_text(uint16_t reason); /* a sentence for people */
const char *reason_cure(uint16_t reason); /* what to do about it; "" where nothing is to be done */

/* What an observation speaks about. */
enum aspect {
    ASPECT_NONE,
    ASPECT_ENDPOINT,        /* server: it answers us, as a user of it would expect */
    ASPECT_INSTANCE,        /* group × node: a copy is active on that node */
    ASPECT_OWNER,           /* group: YES online on node `node`; NO: not online anywhere (offline or failed) */
    ASPECT_PENDING,         /* group: YES while the cluster manager moves, starts or stops it */
    ASPECT_INTENDED,        /* group: YES it should be online; NO somebody took it offline or its window is closed */
    ASPECT_NODE_UP,         /* cluster × node: the node is a working member */
    ASPECT_READY,           /* group × node: the group could run there now */
    ASPECT_QUORATE,         /* cluster: the observer itself belongs to the quorate part */
    ASPECT_LOCKS,           /* server: one session a mailbox (POP3 concurrency) */
    ASPECT_TRIGGER,         /* group: a declared trigger probe is content (YES) or not (NO) */
    ASPECT_EXPECTED,        /* handler: YES it should be polling now; NO its location is disabled or its service window is closed */
    ASPECT_PENDING_TIMEOUT, /* group: YES, value = the longest pending time-out of its resources, ms */
    ASPECT_SECRET_SERVER,   /* cluster: the Enterprise SSO master secret server is there; hosts cannot start without it */
    ASPECTS
};

/* A state as one source sees it. The last one of each (source, subject, node, aspect) counts. */
struct observation {
    subject_t subject;
    uint16_t source, reason; /* source: position in policy.sources */
    uint8_t node;            /* or NODE_NONE */
    uint8_t aspect, verdict, reserved;
    int64_t value; /* aspect's own figure: milliseconds, entries, days; 0 if none */
    msec_t at;
};

/* What a log line says somebody did. Opening is a login that a lock may still refuse; a poll is one that it did not. */
enum grade { GRADE_NONE, GRADE_OPEN, GRADE_POLL, GRADE_TAKE, GRADE_STORE, GRADE_REFUSED, GRADE_FAILED, GRADE_CLOSE, GRADES };

/* One log line, understood. Texts are borrowed from the line and not terminated. */
struct text {
    const char *data;
    size_t size;
};
struct sighting {
    uint8_t grade;
    bool complete;                       /* TAKE, STORE: to the end; CLOSE: the session ended in order */
    bool removed;                        /* TAKE: the object was deleted or expunged */
    bool whole_session;                  /* the line tells of a whole session: begin..end and `takes` are the session's */
    struct text account, object, client; /* client: the address as written */
    struct address address;
    uint64_t session; /* 0: the format has none */
    int64_t bytes;    /* of the object; -1 unknown */
    uint32_t takes;   /* CLOSE: objects retrieved in the session */
    stamp_t begin, end;
};

/* Something that happened, attributed to a handler. begin and end are the log's own stamps. */
struct event {
    subject_t handler;
    uint16_t source;
    uint8_t node; /* or NODE_FOREIGN, NODE_SHARED */
    uint8_t grade;
    bool complete, removed, whole_session;
    uint32_t takes;
    uint64_t object, session, line; /* hashes; line = the number of the line in its log */
    int64_t bytes;
    struct address address;
    stamp_t begin, end;
    msec_t at; /* when we read it */
};

/* Memory for those who may not allocate themselves; the owner bounds it. NULL from allocate: full. */
struct bounded_memory {
    void *(*allocate)(size_t size, void *context);
    void (*release)(void *block, void *context);
    void *context;
};

/* FNV-1a: object and session names are compared by hash, their text stays in the journal. Never 0. */
static inline uint64_t hash_text(const char *data, size_t size)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)data[i]) * 1099511628211U;
    return hash ? hash : 1;
}

#endif
