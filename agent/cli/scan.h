/* What the parts of `solowarden scan` share: files of a server, who uses each account, what was found. Internal to agent/cli/scan*.c.
 * Everything has a bound: a hostile log costs time, never memory. */
#ifndef SOLOWARDEN_CLI_SCAN_H
#define SOLOWARDEN_CLI_SCAN_H

#include <stdio.h>

#include "agent/core/evidence.h"
#include "probes/formats.h"

enum {
    SCAN_FILES = 1024,
    SCAN_ACCOUNTS = 512,
    SCAN_PARTIES = 48,
    SCAN_EPISODES = 16,
    SCAN_HANDOVERS = 32,
    SCAN_PROOF_TEXT = 400,
    SCAN_NODES = 64,
    GAP_BUCKETS = 104,
    GAPS_ENOUGH = 3
};

struct scan_node { /* --node NAME=ADDRESS */
    const char *name, *client;
    struct address address;
    uint8_t prefix; /* bits */
    bool literal;   /* an address; else a host name as the log writes it */
    uint8_t index;  /* several addresses may be one node's */
};

struct scan_options {
    const struct format *format; /* NULL = recognise */
    const char *account;
    bool json, color;
    stamp_t poll; /* 0 = measure */
    struct scan_node nodes[SCAN_NODES];
    size_t node_count;
};

struct scan_file {
    const char *path;
    stamp_t first, changed;
    uint64_t first_line; /* lines of the files before it */
    bool damaged;
};

/* one line that proves something */
struct scan_proof {
    uint64_t line; /* counted over the server's files */
    const char *path;
    uint64_t number;
    char text[SCAN_PROOF_TEXT];
};

/* a client of an account: one address */
struct scan_party {
    char client[64];
    uint64_t key;
    struct address address;
    uint8_t node; /* NODE_FOREIGN: none of ours */
    bool intruder;
    uint64_t polls, takes, removals, stores, refused, failed, visits, visit_runs;
    stamp_t first, last, last_poll;
    uint64_t gaps;
    uint32_t gap_counts[GAP_BUCKETS];
    uint64_t gap_sums[GAP_BUCKETS];
    struct scan_proof proof[3];
};

struct scan_episode {
    stamp_t first, last;
    uint16_t reason;
    uint8_t take_class;
    bool confirmed, has_object;
    nodes_t nodes;
    uint64_t proofs;
    struct scan_proof proof[EVIDENCE_PROOF];
};

struct scan_handover {
    stamp_t at, gap;
    uint8_t from, to;
};

struct scan_account {
    char name[128];
    uint64_t key;
    struct scan_party *parties;
    size_t party_count;
    uint64_t more_parties, locked; /* locked: logins that the server's mailbox lock refused */
    stamp_t poll;
    uint64_t gaps; /* that `poll` was measured from; 0 = assumed or given */
    struct evidence_policy policy;
    struct evidence evidence;
    struct scan_episode episodes[SCAN_EPISODES];
    size_t episode_count;
    stamp_t episode_since; /* evidence.many_since of the open episode; 0 = none open */
    uint64_t more_episodes, handover_count, classes[TAKE_CLASSES];
    struct scan_handover handovers[SCAN_HANDOVERS]; /* the newest ones, oldest first */
    size_t handovers_kept;
    bool ours_seen;
};

struct scan_server {
    char name[4096];
    struct scan_file *files;
    size_t file_count;
    const struct format *format;
    struct format_state *state;
    uint64_t lines, understood, alien, cut, backwards, more_accounts;
    stamp_t first, last;
    struct scan_account *accounts[SCAN_ACCOUNTS]; /* by hash, open addressing */
    size_t account_count;
};

/* scan_read.c. One line; false stops the reading. */
typedef bool scan_line(void *context, const char *line, size_t size, bool cut, uint64_t number);
int scan_each_line(const char *path, scan_line *each, void *context); /* 0, or -1: unreadable or damaged (errno, 0 = damaged) */
void scan_base_name(const char *path, char *out, size_t size);        /* "/var/log/x.log.2.gz" → "/var/log/x.log" */
const char *scan_file_prepare(struct scan_file *file, const struct format **format); /* first stamp, format; NULL, or what is wrong */

/* scan_judge.c */
void scan_count(struct scan_server *server, const struct scan_options *options); /* first pass: who, how often */
void scan_judge(struct scan_server *server, const struct scan_options *options); /* second pass: evidence; then the proving lines */
bool scan_found(const struct scan_account *account);
void scan_server_free(struct scan_server *server);

/* scan_handovers.c: episodes and hand-overs of one account, after each event. */
struct scan_step {
    uint8_t last_node;
    stamp_t last_begin;
};
void scan_follow(struct scan_account *account, const struct event *event, const struct scan_step *before, const struct finding *finding);
void scan_visits(struct scan_account *account, const struct event *event);

/* scan_show.c */
const char *scan_node_name(const struct scan_options *options, const struct scan_account *account, uint8_t node);
void scan_show_text(FILE *out, const struct scan_server *server, const struct scan_options *options);

/* scan_json.c */
struct json_t;
struct json_t *scan_json(const struct scan_server *server, const struct scan_options *options);

#endif
