/* The configuration compiled for the parts that run: policy tables for the core, and beside them what the core must not know
 * (how to run a probe, which program moves a group, where a log lies). Included by config.h. */
#ifndef SOLOWARDEN_CONFIG_COMPILE_H
#define SOLOWARDEN_CONFIG_COMPILE_H

#include "config.h"
#include "target.h"

/* Positions follow the configuration's order. Texts are borrowed from the config, which must outlive it. */
struct compiled {
    struct policy policy;
    struct source_conf { /* parallel to policy.sources: how to run each probe instance */
        const struct probe_type *type;
        const void *conf;
        const char *host, *node, *node_address; /* host: literal or name to connect to */
        uint16_t port;
        const char *credential; /* name, or NULL */
        const char *password_file, *user;
        subject_t subject;          /* of its observations */
        uint8_t node_index, aspect; /* aspect of a plugin's single verdict */
        msec_t every, timeout;
        const struct http_target *http; /* NULL unless its probe posts or fetches */
        const struct snmp_target *snmp; /* NULL unless its probe walks */
    } * sources;
    struct group_conf {                        /* parallel to policy.groups: for the actuator */
        const char *const *move, *const *stop; /* NULL-terminated, NULL = none */
        msec_t action_timeout;
        const struct http_target *const *act; /* wsfc: per node of the cluster, as the account that may act; NULL = none configured */
    } * groups;
    struct log_conf { /* parallel to policy.servers; file NULL = none */
        const char *file;
        const struct format *format;
        struct custom_patterns patterns;
        int32_t zone_seconds;
        bool zone_local; /* the offset of this host's zone at each stamp */
    } * logs;
    struct arena *arena;
};

struct compiled *config_compile(const struct config *config);
void config_compiled_close(struct compiled *compiled);

#endif
