/* What the files of the estate share among themselves; nobody else includes this. */
#ifndef SOLOWARDEN_CORE_ESTATE_PARTS_H
#define SOLOWARDEN_CORE_ESTATE_PARTS_H

#include <stdalign.h>

#include "estate.h"

/* ---- estate_kinds.c: what makes a row the same row, and what makes it another state ---- */

struct identity {
    const char *first, *second; /* names; "" where the kind has none */
    const void *raw;            /* further bytes */
    size_t raw_size;
    uint32_t hash; /* never 0 */
};
struct identity identity_of(enum found_kind kind, const void *row);
struct identity identity_named(enum found_kind kind, const char *first, const char *second);
bool identity_is(enum found_kind kind, const void *row, const struct identity *identity);
bool state_is_same(enum found_kind kind, const void *row, const void *other);
bool kind_is_slow(enum found_kind kind);                                  /* not read in every round */
bool kind_is_per_resource(enum found_kind kind);                          /* listed resource by resource */
bool names_begin_equal(const char *left, const char *right, size_t size); /* both are that long */
uint32_t name_hash(uint32_t hash, const char *name);
#define NAME_HASH 2166136261U

/* ---- estate_store.c: memory, and contents that several observers tell alike, kept once ---- */

struct content {
    struct content *next;
    uint32_t hash, users;                       /* hash 0: not shared */
    alignas(max_align_t) unsigned char bytes[]; /* struct found_* */
};
struct store {
    const struct bounded_memory *memory;
    size_t bytes;
    struct content **buckets[FOUND_KINDS];
    uint32_t bucket_count[FOUND_KINDS], content_count[FOUND_KINDS];
};
void *store_take(struct store *store, size_t size); /* zeroed; NULL = full */
void store_give(struct store *store, void *block, size_t size);
bool store_grow(struct store *store, void **block, size_t *capacity, size_t needed, size_t size, size_t limit); /* by doubling */
struct content *store_keep(struct store *store, enum found_kind kind, const void *row);
void store_drop(struct store *store, enum found_kind kind, struct content *content);
void store_close(struct store *store);

/* ---- estate.c ---- */

struct kept_row {
    struct content *content;
    msec_t first_at, seen_at, since, absent_at;
    uint32_t hash; /* of its identity */
    uint32_t pass; /* of its list, when seen last */
};

static inline const void *found_in(const struct kept_row *row)
{
    return row->content->bytes;
}

/* What an estate remembers beside a row: of a resource, when its own lists were asked for and complete; of a queue, its memory. */
enum { ASK_KINDS = 3 };
union kept_extra {
    struct {
        msec_t asked[ASK_KINDS], complete[ASK_KINDS];
    } resource;
    struct {
        int64_t messages;
        msec_t read_at, rising_since; /* rising_since: never fewer since then, every reading good; 0 = none waits */
    } queue;
};
int ask_place(enum found_kind kind); /* in asked[] */

struct kept_list {
    struct kept_row *rows;
    union kept_extra *extras; /* resources, queues: parallel to rows */
    uint32_t *index;          /* by identity: row + 1 */
    size_t count, capacity, index_size;
    size_t first; /* position of its first row among all of the kind */
    size_t cursor;
    uint32_t pass;
    bool open, lossy, blind;
    uint16_t reason;
    msec_t complete_at, tried_at;
};

struct kept_source {
    uint16_t source;
    uint16_t failed; /* reason of the newest conversation that told nothing; OK after one that told something */
    msec_t failed_at;
    struct kept_list *lists[FOUND_KINDS];
};

struct kept_host {
    const char *name;
    struct content *content;         /* that the name is in; NULL = in the policy */
    uint16_t group;                  /* place in estate.groups */
    bool needs_msmq, waits_for_msmq; /* of the moment, in estate_preflight */
};

struct estate {
    const struct policy *policy;
    uint16_t cluster;
    struct store store;
    struct kept_source *sources;
    size_t source_count;
    size_t rows[FOUND_KINDS];
    uint64_t dropped;
    nodes_t doubted;  /* observers whose own node is not up, by its own word */
    uint16_t *groups; /* positions in policy.groups, of this cluster */
    uint16_t *group_index;
    size_t group_count, group_index_size;
    uint16_t *handlers; /* positions in policy.handlers, of this cluster */
    size_t handler_count;
    struct kept_host *hosts; /* which group a host belongs to */
    uint32_t *host_index;
    size_t host_count, host_capacity, host_index_size;
    struct group_scratch *scratch; /* one per group, of estate_speak and estate_preflight */
};

struct kept_list *estate_kept(const struct estate *estate, uint16_t source, enum found_kind kind); /* NULL = never listed */
struct kept_row *estate_kept_row(const struct kept_list *list, enum found_kind kind, const char *first, const char *second);
/* Complete at the newest attempt, and not too old. */
bool list_is_fresh(const struct estate *estate, uint16_t source, enum found_kind kind, const struct kept_list *list, msec_t now);
const struct kept_source *estate_kept_source(const struct estate *estate, uint16_t source);

/* ---- estate_roles.c ---- */

bool scratch_open(struct estate *estate); /* of estate_speak.c; false = no memory */
void scratch_close(struct estate *estate);
bool roles_open(struct estate *estate); /* false = no memory */
void roles_close(struct estate *estate);
void roles_learn(struct estate *estate);                          /* the list of hosts has changed */
size_t role_place(const struct estate *estate, const char *role); /* in estate.groups; SIZE_MAX = not configured */
size_t host_place(const struct estate *estate, const char *host); /* of its group; SIZE_MAX = of none */
const char *host_of_service(const char *service);                 /* "BTSSvc$Ftp" → "Ftp"; NULL = not a host's service */
struct kept_host *host_named(const struct estate *estate, const char *host);
bool resource_is_sso(const struct estate *estate, uint16_t source, const struct found_resource *resource); /* Enterprise Single Sign-On */
bool resource_is_asked(const struct found_resource *resource); /* its possible owners and dependencies are asked for */
bool resource_is_guarded(const struct estate *estate, uint16_t source, size_t place, const struct found_resource *resource,
                         const char **host); /* it runs a host of that group */

/* ---- estate_queues.c ---- */
void queue_remember(struct estate *estate, uint16_t source, struct kept_list *list, size_t position, msec_t now);
bool queue_counters_blind(const struct estate *estate, uint8_t node, msec_t now);

#endif
