/* A probe is a pure conversation: a request out, a reply in, observations out. No sockets, no clock, no allocation, no log.
 * The runner owns configuration, state and time; channels carry requests out. A timeout or a refused connection is a reply with
 * a reason, so every probe is tested and fuzzed from files. How to add one: probes/README.md. */
#ifndef SOLOWARDEN_PROBES_PROBE_H
#define SOLOWARDEN_PROBES_PROBE_H

#include "agent/core/found.h"
#include "agent/core/types.h"
#include "probe_conf.h"

enum request_kind {
    REQUEST_NONE,
    REQUEST_CONNECT,  /* line channel: to `host`:`port`; tls: implicit TLS at once. Reply: OK when connected */
    REQUEST_EXCHANGE, /* line channel: send `bytes` (may be empty), then collect one reply as `expect` says */
    REQUEST_TLS,      /* line channel: upgrade this connection now */
    REQUEST_TRANSFER, /* line channel: connect to host:port as a second (data) connection (tls: with TLS, resuming the first one's
                         session, as servers may demand), send `bytes` on the first, collect the
                         data until it closes (at most `limit` bytes, delivered in pieces with more = true), then the final reply of the
                         first */
    REQUEST_RUN,      /* exec channel: run `arguments` (NULL-terminated), collect stdout up to `limit` */
    REQUEST_POST,  /* http channel: POST `body` to `path`, with the source's identity. The answer's body comes in pieces (more = true), at
                      most `limit` bytes; the last reply has no data, more = false and http_status */
    REQUEST_FETCH, /* http channel: the same with GET and no body */
    REQUEST_WALK   /* snmp channel: everything below the object identifier in `bytes`, in pieces (more = true) of whole lines
                      "OID|TAG|VALUE" as snmprec writes them (snmpsim's format: tag 4x and 64x = hexadecimal); then the last reply as above */
};

enum expect {
    EXPECT_NOTHING,
    EXPECT_LINE, /* one line */
    EXPECT_FTP,  /* RFC 959: "123 text", or "123-…" up to "123 …" */
    EXPECT_DOT,  /* RFC 1939: one line; if it begins with +OK, further lines up to "." alone */
    EXPECT_ANY   /* whatever arrives first, up to `limit` bytes (tcp expect) */
};

struct request {
    enum request_kind kind;
    enum expect expect;
    const char *host;
    uint16_t port;
    bool tls;
    const char *server_name; /* for verification; NULL = host */
    const char *ca_file;     /* NULL = the system's authorities */
    bool insecure;           /* certificate not verified: only where the configuration says `verify: false` */
    char bytes[512];         /* what to send, CRLF included */
    size_t size;
    bool secret;  /* `bytes` holds a password: never shown, wiped after sending */
    size_t limit; /* bytes of reply accepted; 0 = the channel's default (16 KiB) */
    const char *const *arguments;
    const char *path, *content_type; /* http; borrowed until the reply */
    const char *body;                /* http; borrowed until the next step, so it lies in the probe's state */
    size_t body_size;
};

struct reply {
    uint16_t reason;  /* REASON_OK, or why there is none */
    const char *data; /* the reply, CRLF normalised to '\n', without the terminating "."; borrowed until return */
    size_t size;
    bool more;                     /* TRANSFER, POST, FETCH, WALK: data follows; step() is called again without a new request */
    bool from_data;                /* REQUEST_TRANSFER: these bytes came over the data connection */
    int exit_status;               /* REQUEST_RUN */
    int http_status;               /* POST, FETCH: of the last reply; a status other than 200 is an answer, not a failure of the channel */
    msec_t connect_ms, elapsed_ms; /* of the connection; since the conversation began */
    int64_t certificate_days;      /* after TLS: days until the certificate expires; INT64_MIN = no TLS */
    stamp_t wall;                  /* wall clock at the reply, for ages */
};

enum { SEEN_MAX = 8, PERF_MAX = 8 };

/* a figure with its name: entries, oldest_age, certificate_days, a plugin's perfdata */
struct perf {
    char label[24], unit[8];
    double value;
};

/* what the conversation found; the runner turns it into observations */
struct seen {
    struct seen_item {
        uint8_t aspect; /* ENDPOINT for a server's probe; INSTANCE, READY, LOCKS, TRIGGER for a plugin's */
        uint8_t verdict;
        uint16_t reason;
        int64_t value;
    } items[SEEN_MAX];
    uint8_t count;
    bool logged_in;          /* our canary's login succeeded: its line must appear in the server's log */
    bool credential_refused; /* back off this credential */
    char text[160];          /* a short printable text of the server's or plugin's for people; never a secret */
    struct perf perf[PERF_MAX];
    uint8_t perf_count;
};

/* Probes judge their own target: ENDPOINT, where a refusal or a timeout is NO. Where the same probe stands for a copy on a node
 * (INSTANCE, READY, TRIGGER), only an answer counts: this rewrites the aspect and turns every NO that is no answer into UNKNOWN. */
void seen_for_node(struct seen *seen, uint8_t aspect);

enum step { STEP_MORE, STEP_DONE };

/* resolved by the runner just before the conversation, wiped after it */
struct credential {
    const char *user, *password;
};

/* what a conversation may know beside its own configuration */
struct probe_context {
    const char *host;
    uint16_t port;                       /* 0 = the type's own, which with implicit TLS is another one */
    const struct credential *credential; /* NULL = none configured */
    const char *node, *address;          /* per-node probes: for {node} and {address} in arguments */

    /* probes of an estate (agent/core/found.h) */
    found_sink *found;
    bool (*wanted)(void *context, enum found_kind kind, char name[FOUND_NAME]); /* the next resource whose list is due; false = none */
    void *found_context;
    const struct bounded_memory *memory; /* for parsers */
    const char *url;                     /* where requests go, for WS-Addressing: "https://bts01.corp.example:5986/wsman" */
    uint8_t nonce[16];                   /* drawn for this conversation */
    uint32_t round;                      /* how many conversations this source had before */
    msec_t timeout;                      /* of the conversation */
};

struct probe_type {
    const char *name, *help;
    const struct field *fields; /* of its conf struct */
    size_t conf_size, state_size;
    uint16_t default_port;
    bool estate; /* finds rows of an estate; what it says in `seen` is about the asked machine alone */
    /* in = NULL: begin. Fills *out and returns STEP_MORE, or fills *seen and returns STEP_DONE. `state` is zeroed before begin. */
    enum step (*step)(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                      struct seen *seen);
};

extern const struct probe_type *const probe_types[]; /* NULL-terminated: registry.c */
const struct probe_type *probe_type_by_name(const char *name);

extern const struct probe_type probe_ftp, probe_pop3, probe_tcp, probe_exec;
extern const struct probe_type probe_wsfc, probe_biztalk, probe_service, probe_msmq, probe_exporter, probe_snmp_host;

#endif
