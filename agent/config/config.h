/* The configuration as the operator wrote it: plain structs filled by the field tables, in one immutable arena.
 * Owns files, names, defaults and cross checks; knows nothing of sockets or time. Secrets are paths here, never their content. */
#ifndef SOLOWARDEN_CONFIG_CONFIG_H
#define SOLOWARDEN_CONFIG_CONFIG_H

#include <stdio.h>

#include "agent/core/policy.h"
#include "field.h"
#include "probes/formats.h"
#include "probes/probe.h"
#include "snmp.h"
#include "windows.h"

struct conf_credential {
    struct map_entry entry;
    const char *user, *password_file, *keytab_file;
    int64_t auth; /* choice: default, kerberos, ntlm, basic */
};

struct conf_agent {
    const char *name, *state_dir, *control_socket, *control_group;
    int64_t history_keep, ring_keep, common_window; /* rows; ms; ms */
};

struct conf_node {
    struct map_entry entry;
    const char *dns_name, *computer;
    struct texts addresses;
};

/* clusters.*.groups.*.control.NAME: one instance per node */
struct conf_group_probe {
    struct map_entry entry;
    struct conf_schedule schedule;
    struct variant probe; /* exec | tcp: positions in group_probe_cases */
    int64_t port;         /* tcp */
    int64_t aspect;       /* choice: instance, ready */
};

struct conf_group {
    struct map_entry entry;
    int64_t mode, on;
    bool fenced;
    struct texts move, stop, needs;
    int64_t confirm, settle, cool_down, trusted_after, blind_after, offline_long;
    int64_t action_timeout;
    int64_t max_moves_count, max_moves_per, max_stops_count, max_stops_per;
    struct map control; /* conf_group_probe */
    struct texts candidates, hosts;
    const char *role;
};

struct conf_cluster {
    struct map_entry entry;
    int64_t type; /* enum cluster_type; pacemaker answers "not built" */
    struct map nodes, groups;
    struct texts shared_addresses, ignore_addresses;
    int64_t max_in_flight;
    struct conf_windows windows; /* type wsfc */
};

struct conf_server_probe {
    const char *credential;
    struct conf_schedule schedule;
    const void *conf; /* of the server's type: struct ftp_conf, pop3_conf, tcp_conf, exec_conf */
};

struct conf_log {
    const char *file;
    int64_t format;   /* position in formats[] */
    const char *zone; /* "local", "UTC", "+02:00" */
    int64_t lag_max;
    const char *poll, *take, *store, *refused, *close, *stamp; /* format custom */
};

struct conf_server {
    struct map_entry entry;
    int64_t type; /* enum server_type */
    const char *address;
    int64_t port;                     /* 0 = the type's own */
    struct conf_server_probe *probe;  /* NULL = none; tcp and exec servers always have one */
    struct conf_log *log;             /* NULL = none */
    struct conf_snmp_host *snmp_host; /* NULL = none */
};

struct conf_handler {
    struct map_entry entry;
    const char *cluster, *group, *server, *account, *path, *host, *location;
    int64_t poll, window, silent_after, singleton;
};

/* keys that groups and probes inherit when they do not say otherwise; already applied to the entries */
struct conf_defaults {
    struct conf_group group;
    struct conf_schedule probe;
};

struct config {
    int64_t version;
    struct conf_agent agent;
    struct conf_defaults defaults;
    struct conf_snmp *snmp; /* NULL = no SNMP */
    struct map credentials, clusters, servers, handlers;
    uint8_t digest[32]; /* SHA-256 over all files read */
    struct arena *arena;
};

extern const struct field config_fields[];            /* the root table */
extern const struct variant_case group_probe_cases[]; /* of conf_group_probe.probe: exec, tcp */

/* all errors of one run, printed in the order of the files' lines, at most `limit` (100) */
struct diagnostics {
    FILE *out;
    unsigned errors, limit;
    bool color;
};

/* Read `path` and path's conf.d/ beside it (files *.yaml in order). NULL when there are errors (all were printed). */
struct config *config_read(const char *path, struct diagnostics *diagnostics);
/* The same from memory, without conf.d: `name` stands for the file in messages and resolves relative paths. */
struct config *config_parse(const char *name, const char *text, size_t size, struct diagnostics *diagnostics);
void config_close(struct config *config);

void config_schema(FILE *out);    /* JSON Schema (2020-12) from the field tables */
void config_reference(FILE *out); /* every key with its default and meaning, as YAML comments */

#include "compile.h"
#include "secrets.h"

#endif
