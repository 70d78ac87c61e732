/* The manager's parts to each other: peers (who is asked, and as whom) and walks. One thread. Internal to snmp_manager*.c. */
#ifndef SOLOWARDEN_RUN_SNMP_MANAGER_PARTS_H
#define SOLOWARDEN_RUN_SNMP_MANAGER_PARTS_H

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include "agent/core/types.h"
#include "snmp_manager.h"

enum { TRY_MS = 1000, TRIES = 3, ENGINE_BYTES = 64 };

/* ---- peers: an address asked as one user, and its session, kept between walks ---- */

struct peer {
    struct peer *next;
    void *session;
    uint16_t port;
    uint8_t level, auth, priv;
    unsigned walks;                 /* that use it */
    bool v3, known, asking, doomed; /* known: requests can be sent; asking: for its engine; doomed: closed once nobody uses it */
    uint8_t tries;
    int64_t due;     /* asking: when the library is to be called for a time-out */
    int64_t idle_at; /* since when nobody uses it */
    uint16_t failed; /* reason why no request can be sent; NONE = so far, so good */
    char why[sizeof((struct manager_end *)NULL)->text];
    uint8_t engine[ENGINE_BYTES];
    size_t engine_size;
    const char *texts[MANAGER_TEXTS]; /* into the bytes behind; no subtree */
    char bytes[];
};

/* Before anything else: the library reads and writes no files of its own, and prints nothing. */
void peers_begin(void);
/* The peer that this walk asks, with one more user; NULL = no memory or too many. */
struct peer *peer_take(const struct manager_walk *walk, char *const texts[MANAGER_TEXTS]);
void peer_leave(struct peer *peer, int64_t now);
/* Brings it closer to `known` or `failed`; call once a turn while a walk waits for it. */
void peer_work(struct peer *peer, int64_t now);
void peer_doom(struct peer *peer); /* what is known of it does not hold (any more) */
struct peer *peers_first(void);
void peers_close_idle(int64_t now);
unsigned peers_engines(void); /* asked for so far: the library keeps a little of each */

/* The walk's texts, in their order. False: it is not whole. */
bool walk_texts(struct manager_walk *walk, char *texts[MANAGER_TEXTS]);
/* A report instead of an answer, in words; sets the reason. */
const char *report_text(netsnmp_pdu *report, uint16_t *reason);

/* ---- walks ---- */

enum walk_state {
    WALK_WAITS, /* for its peer */
    WALK_DUE,   /* its next request */
    WALK_OUT,   /* a request is out */
    WALK_OVER
};
struct walk {
    struct walk *next;
    struct peer *peer;
    uint32_t id;
    enum walk_state state;
    bool cancelled, blocked; /* blocked: the piece did not fit into the channel */
    oid root[MAX_OID_LEN], at[MAX_OID_LEN];
    size_t root_size, at_size;
    uint8_t tries;
    long repetitions;
    int64_t due, began;
    size_t bytes_max, bytes, filled; /* filled: of the piece that is being made */
    struct manager_end end;
    struct manager_packet piece;
};

/* Appends one line to the piece. False: it does not fit, or no value may be that long. */
bool walk_line(struct walk *walk, const netsnmp_variable_list *variable);
/* False: the subtree is no identifier. */
bool walk_begin(struct walk *walk, const char *subtree, uint32_t bytes_max);
void walk_send(struct walk *walk, int64_t now);
void walk_over(struct walk *walk, uint16_t reason, const char *why);

#endif
