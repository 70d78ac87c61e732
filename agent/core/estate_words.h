/* What those who speak for an estate share: how a word is said, and what is known of a group while rows are gone through. */
#ifndef SOLOWARDEN_CORE_ESTATE_WORDS_H
#define SOLOWARDEN_CORE_ESTATE_WORDS_H

#include "estate_parts.h"

/* Of one group, for the moment. */
struct group_scratch {
    bool has_hosts;
    /* estate_speak: one source's words */
    const struct found_group *role;
    unsigned guarded, online, pending, down, persistent, not_persistent;
    const char *owner; /* of a guarded resource that is online */
    int64_t pending_timeout_ms;
    msec_t pending_since;
    nodes_t running, stopped, vague; /* instances */
    uint16_t vague_reason;
    /* estate_preflight: all sources together */
    uint16_t hosts, instances[NODES_MAX], owners[NODES_MAX]; /* per node: instances of its hosts; its resources that permit the node */
    uint16_t owned, owned_unknown;                           /* resources whose owners are asked for; of which they are not known */
    nodes_t disabled, broken, unclear;                       /* an instance of its hosts there */
    uint16_t msmq_hosts, msmq_dependent, msmq_unknown;       /* its resources that run a host which needs MSMQ; that depend on it */
    bool needs_msmq, has_msmq, has_name, has_address;
};
void scratch_clear(const struct estate *estate); /* and says which groups have hosts */

/* What is said is said so. */
struct speaking {
    const struct estate *estate;
    uint16_t source;
    msec_t now;
    observation_sink *sink;
    void *context;
};
struct word {
    uint8_t aspect, node, verdict;
    uint16_t reason;
    int64_t value;
    msec_t at; /* 0 = now */
};
void speak_word(const struct speaking *speaking, subject_t subject, struct word word);

/* estate_expected.c, estate_secret.c */
uint8_t location_open(const struct estate *estate, const struct found_location *row, stamp_t wall, int32_t zone_seconds, uint16_t *reason);
void speak_expected(const struct speaking *speaking, stamp_t wall, int32_t zone_seconds);
void speak_secret_server(const struct speaking *speaking);

#endif
