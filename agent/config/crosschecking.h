/* What the files of the cross checks share among themselves; nobody else includes this. */
#ifndef SOLOWARDEN_CONFIG_CROSSCHECKING_H
#define SOLOWARDEN_CONFIG_CROSSCHECKING_H

#include "crosscheck.h"

struct check {
    struct reading *reading;
    const struct node *root;
    const struct config *config;
};

/* The node at this path of keys (NULL ends), or the key of the deepest part of it that exists. */
struct node *check_at(const struct check *check, const char *const *path);
#define AT(check, ...) check_at(check, (const char *const[]){__VA_ARGS__, NULL})

/* An entry complains at its own name. */
struct node *check_name(struct node *node);
void check_schedule(const struct check *check, const struct conf_schedule *schedule, const struct node *probe);

/* crosscheck_windows.c */
void check_credentials(const struct check *check);
void check_windows(const struct check *check, const struct conf_cluster *cluster);
void check_snmp_host(const struct check *check, const struct conf_snmp_host *host, struct node *node);

#endif
