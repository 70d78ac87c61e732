/* Microsoft's rules for clustered BizTalk hosts, checked against what was found. Owns the rules and how their findings are told; knows
 * nothing of probes, of the MIB or of printing. Judges the estate, never acts on it: a finding is no trigger. What is missing is unknown,
 * with the reason: neither violated nor fulfilled. Pure; works in one block of the caller's. */
#ifndef SOLOWARDEN_CORE_AUDIT_H
#define SOLOWARDEN_CORE_AUDIT_H

#include "estate.h"
#include "model.h"

enum audit_severity { AUDIT_INFO, AUDIT_WARNING, AUDIT_MAJOR, AUDIT_CRITICAL };
const char *audit_severity_name(uint8_t severity);

enum audit_kind { AUDIT_CLUSTER, AUDIT_NODE, AUDIT_GROUP, AUDIT_RESOURCE, AUDIT_HOST, AUDIT_LOCATION, AUDIT_HANDLER };
const char *audit_kind_name(uint8_t kind); /* what a finding is about: "host" */

struct audit_view;
struct audit_rule {
    uint16_t id;
    uint8_t severity; /* of a violation */
    const char *name; /* stable word: "ftp-single" */
    const char *rule; /* what must hold */
    const char *why;  /* Microsoft's reason, or ours where Microsoft gives none */
    const char *page; /* path under learn.microsoft.com; "" = no page says it in so many words */
    const char *cure; /* what to do about a violation */
    uint32_t needs;   /* lists without which nothing can be said: 1 << enum found_kind */
    void (*check)(struct audit_view *view);
};
extern const struct audit_rule audit_rules[];     /* by id; id 0 ends */
const struct audit_rule *audit_rule(uint16_t id); /* NULL = there is none */

enum { AUDIT_EVIDENCE = 400 };
struct audit_finding {
    const struct audit_rule *rule;
    uint16_t cluster;              /* position in the policy */
    uint8_t verdict;               /* YES fulfilled, NO violated, UNKNOWN */
    uint8_t severity;              /* the rule's; AUDIT_INFO where this finding rests on something that is not proven */
    uint8_t kind;                  /* enum audit_kind */
    uint16_t reason;               /* UNKNOWN: why */
    const char *subject;           /* borrowed until the sink returns; bytes of the asked machine, so not to be trusted */
    const char *node;              /* "" where none is meant */
    char evidence[AUDIT_EVIDENCE]; /* with the figures */
};
typedef void audit_sink(void *context, const struct audit_finding *finding);

struct audit_input {
    const struct policy *policy;
    const struct model *model;     /* NULL = logs and concurrency probes are not known */
    struct estate *const *estates; /* per cluster; NULL = not a Windows cluster */
    msec_t now;
};

/* All rules over one cluster, in their order; rule 6 also against the other clusters. A rule that has nothing to look at (no such host) is
 * silent. memory: audit_size() bytes, any content, max_align. */
size_t audit_size(void);
void audit_cluster(void *memory, const struct audit_input *input, uint16_t cluster, audit_sink *sink, void *context);

/* The same for several clusters, whose addresses are gathered once. Good until an estate changes. */
struct audit_view *audit_open(void *memory, const struct audit_input *input);
void audit_next_cluster(struct audit_view *view, uint16_t cluster, audit_sink *sink, void *context);

/* Do the POP3 servers that this host's handlers poll let several sessions into one mailbox? By the configuration, else by the concurrency
 * probe of a server that a configured handler of the host polls. YES: needs clustering, NO: does not. */
enum verdict audit_pop3_permits(const struct audit_input *input, uint16_t cluster, const char *host, uint16_t *reason);

/* ---- addresses of receive locations (audit_url.c) ---- */

enum { LOCATION_PART = 260 };
struct location_url { /* texts are terminated; "" = not given */
    char scheme[16], host[LOCATION_PART], user[LOCATION_PART], path[LOCATION_PART];
    uint16_t port; /* the scheme's own unless given; 0 = not known */
};
/* scheme://[user@]host[:port][/path][#user]; scheme and host in lower case, path without trailing slashes. false = not of that shape. */
bool location_url_parse(const char *text, struct location_url *url);
/* Machine of a queue: DIRECT=OS:machine\…, DIRECT=TCP:address\…, machine\… false = not understood. */
bool location_queue_machine(const char *text, char machine[LOCATION_PART]);

#endif
