/* The rows of what was found in Windows clusters. Included by rows.h. */
#ifndef SOLOWARDEN_SHOW_ROWS_WINDOWS_H
#define SOLOWARDEN_SHOW_ROWS_WINDOWS_H

enum { LONG_NAME_BYTES = 132 };

struct row_cluster {
    struct row_head head; /* row_level: a quorate node answers */
    char type[12];
    uint32_t nodes, nodes_up, groups, observers; /* observers: nodes that answer about the cluster now */
    char sso_server[NAME_BYTES];                 /* master secret server */
    uint8_t sso_state;                           /* row_level */
    uint32_t violations, unchecked;              /* of the audit */
    uint32_t found, dropped;                     /* rows kept; rows that did not fit */
};
struct row_resource {
    struct row_head head; /* 1 unknown, 2 online, 3 offline, 4 failed, 5 pending */
    char cluster[NAME_BYTES], group[LONG_NAME_BYTES], resource[LONG_NAME_BYTES], type[64], owner[64], host[84];
    uint8_t persistent;     /* 1 unknown, 2 yes, 3 no: meant to be online */
    uint8_t restart_action; /* 1 unknown, 2 none, 3 restart, 4 restart and fail over */
    uint32_t restart_threshold, restart_period_s, restart_delay_ms, pending_timeout_s;
    char possible_owners[TEXT_BYTES], depends_on[TEXT_BYTES];
    uint32_t failovers_left; /* estimate; 4294967295 = unknown */
    char failovers_quality[48];
};
struct row_instance {     /* a host on a node */
    struct row_head head; /* 1 unknown, 2 running, 3 stopped, 4 pending, 5 paused, 6 disputed */
    char cluster[NAME_BYTES], host[84], node[64], group[NAME_BYTES];
    uint8_t clustered;                            /* 1 unknown, 2 unclustered, 3 clustered */
    uint8_t disabled;                             /* 1 unknown, 2 yes, 3 no */
    uint8_t installed;                            /* 1 unknown, 2 yes, 3 no */
    uint8_t service;                              /* 1 unknown, 2 running, 3 stopped, 4 pending: by the node's own service manager */
    uint32_t say_running, say_stopped, say_other; /* observers */
    uint32_t suspended;                           /* instances of the host that are suspended; 4294967295 = unknown */
};
struct row_queue {
    struct row_head head; /* 1 unknown, 2 ok, 3 high, 4 critical, 5 stuck */
    char cluster[NAME_BYTES], node[64], queue[200], class[12], source[12], quality[24];
    uint32_t messages, journal_messages; /* 4294967295 = unknown */
    uint64_t bytes, journal_bytes;
    uint32_t decreased_at;
};
struct row_audit {
    struct row_head head; /* 1 unknown, 2 fulfilled, 3 violated */
    char cluster[NAME_BYTES], rule_name[32], subject[LONG_NAME_BYTES], node[64], page[128];
    uint32_t rule;
    uint8_t severity; /* enum severity + 1 */
};

#endif
