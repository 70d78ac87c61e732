/* What the files of the audit share among themselves; nobody else includes this. */
#ifndef SOLOWARDEN_CORE_AUDIT_PARTS_H
#define SOLOWARDEN_CORE_AUDIT_PARTS_H

#include "audit.h"

enum {
    AUDIT_HOSTS = 512,
    AUDIT_ROWS = 8192, /* of one kind, by one source: beyond that the kind is unknown */
    AUDIT_URLS = 32768,
    AUDIT_NAMES = 160 /* bytes of a list of names in evidence */
};

enum adapter { ADAPTER_FTP, ADAPTER_SFTP, ADAPTER_POP3, ADAPTER_MSMQ, ADAPTERS /* = any other */ };

/* One BizTalk host: what all rules ask of it, gathered once. */
struct audit_host {
    const char *name;                                                /* borrowed from a row */
    const struct found_host *setting;                                /* NULL = not listed */
    uint16_t enabled[ADAPTERS], maybe[ADAPTERS], handlers[ADAPTERS]; /* receive locations; not known whether enabled; receive handlers */
    uint16_t local_queues, other_queues;                             /* enabled MSMQ locations: on this cluster; not known where */
    uint16_t running, unclear;                                       /* instances, on distinct nodes; never the virtual ones */
    uint16_t unclear_reason;
    bool running_assumed; /* a clustered instance is counted by BizTalk's word alone */
    char where[AUDIT_NAMES], unclear_where[AUDIT_NAMES];
    uint16_t instances, clustered_instances, unclustered_instances;
    uint8_t clustered;          /* enum verdict */
    bool has_resource, by_name; /* by_name: nothing but its name says that this resource runs the host */
    struct estate_row resource;
};

struct audit_url { /* rule 6: an enabled FTP location of any cluster */
    uint64_t hash;
    uint32_t row, next; /* next: in its bucket, + 1 */
    uint16_t cluster;
};

struct audit_view {
    const struct audit_input *input;
    const struct estate *estate;
    const struct policy_windows *windows;
    uint16_t cluster;
    msec_t now;
    uint16_t best[FOUND_KINDS], reason[FOUND_KINDS]; /* the source to go by; UINT16_MAX = none, and why */
    const struct audit_rule *rule;                   /* the one under way */
    audit_sink *sink;
    void *context;
    uint16_t host_count, url_count;
    bool hosts_dropped, urls_dropped, urls_gathered;
    struct audit_host hosts[AUDIT_HOSTS];
    struct audit_url urls[AUDIT_URLS];
    uint32_t buckets[AUDIT_URLS];
};

/* ---- findings ---- */

struct audit_about {
    uint8_t kind;
    const char *subject, *node; /* node NULL = none */
    bool assumed;               /* a violation of this is a hint only */
};
void audit_yes(struct audit_view *view, const struct audit_about *about, const char *format, ...) __attribute__((format(printf, 3, 4)));
void audit_no(struct audit_view *view, const struct audit_about *about, const char *format, ...) __attribute__((format(printf, 3, 4)));
void audit_unknown(struct audit_view *view, const struct audit_about *about, uint16_t reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "BTS01, BTS02, …" */
void audit_name_add(char names[AUDIT_NAMES], const char *name);

/* ---- reading (audit_view.c) ---- */

/* The next row of the best source of this kind, or of a given one, that is there; *position begins at 0. NULL = no more. */
const void *audit_next(const struct audit_view *view, enum found_kind kind, size_t *position, struct estate_row *row);
const void *audit_next_of(const struct audit_view *view, uint16_t source, enum found_kind kind, size_t *position, struct estate_row *row);
/* Who read the rows of this resource (possible owners, dependencies) last, and not long ago; UINT16_MAX = nobody. */
uint16_t audit_reader(const struct audit_view *view, enum found_kind kind, const char *resource);
bool audit_same_node(const struct audit_view *view, const char *left, const char *right);
enum adapter audit_adapter(const struct policy_windows *windows, const char *name);
const struct found_group *audit_group(const struct audit_view *view, const char *name, struct estate_row *row);
/* Changed less than a settling time ago: two readings may be of different moments. */
bool audit_moving(const struct audit_view *view, const struct estate_row *row);
const char *audit_cluster_name(const struct audit_view *view);
const char *audit_node_name(const struct audit_view *view, uint8_t node); /* as the cluster writes it */

/* What a node's service manager says of a service. UNKNOWN: see reason; NO with missing: no such service is listed. */
struct audit_service {
    uint8_t verdict, state;
    uint16_t reason;
    bool missing;
    struct estate_row row;
};
struct audit_service audit_service(const struct audit_view *view, uint8_t node, const char *name);
const char *audit_service_state(uint8_t state);                   /* "running" */
void audit_host_service(char name[FOUND_NAME], const char *host); /* BTSSvc$host */

/* Does a copy of the host run there? Its node's own word counts most. assumed: clustered, and BizTalk's word alone. */
enum verdict audit_runs(const struct audit_view *view, const struct found_instance *instance, uint16_t *reason, bool *assumed);

/* Its kind did not come, and it is on none of the nodes: perhaps the cluster's own row of the host. */
bool audit_may_be_virtual(const struct audit_view *view, const struct found_instance *instance);

/* ---- hosts (audit_hosts.c) ---- */

void audit_gather(struct audit_view *view);
struct audit_host *audit_host(struct audit_view *view, const char *name);              /* NULL = not known */
bool audit_in_process(struct audit_view *view, const struct found_instance *instance); /* for certain */
const char *audit_host_group(const struct audit_host *host); /* the cluster's group that holds it; "" = not known */
/* Says UNKNOWN and returns false unless the resource that runs this clustered host is identified. */
bool audit_resource(struct audit_view *view, const struct audit_host *host);

/* ---- dependencies (audit_owners.c) ---- */

/* Does the resource depend on one that passes the test, directly or (unless direct) through others? UNKNOWN: that has not been read. */
typedef bool audit_resource_test(const struct found_resource *resource);
enum verdict audit_depends(const struct audit_view *view, const char *resource, audit_resource_test *test, bool direct);
enum verdict audit_depends_on_name(const struct audit_view *view, const char *resource); /* on a Network Name */

/* ---- single sign-on (audit_sso.c) ---- */

/* The cluster's resource that runs ENTSSO. YES: *row is it, *by_name: nothing but its name says so. */
enum verdict audit_sso(const struct audit_view *view, struct estate_row *row, bool *by_name);

/* Has this cluster a resource of type MSMQ? (audit_msmq.c) */
bool audit_has_msmq(const struct audit_view *view);

/* ---- the checks ---- */

typedef void audit_check(struct audit_view *view);
#define RULE(id, name, severity, needs, check, ...) audit_check check;
#include "audit_rules.def"
#undef RULE

#endif
