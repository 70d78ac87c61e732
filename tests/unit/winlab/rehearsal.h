/* A world with a clock of the test's own: time passes when the test says so, in the world's own steps. */
#ifndef SOLOWARDEN_TESTS_REHEARSAL_H
#define SOLOWARDEN_TESTS_REHEARSAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/winlab/answers.h"

struct rehearsal {
    struct world *world;
    struct lab_cluster *cluster; /* the first */
    uint64_t now;
};

void rehearsal_open(struct rehearsal *rehearsal, const char *scenario); /* a name in scenarios/, or the text of one */
void rehearsal_close(struct rehearsal *rehearsal);
void pass(struct rehearsal *rehearsal, uint64_t ms);           /* in steps of 100 ms; what must always hold is looked at after each */
void obey(struct rehearsal *rehearsal, const char *command);   /* must be done */
void refuse(struct rehearsal *rehearsal, const char *command); /* must be refused */

struct group *group_called(const struct rehearsal *rehearsal, const char *name);
struct resource *resource_called(const struct rehearsal *rehearsal, const char *name);
struct instance *instance_on(const struct rehearsal *rehearsal, const char *host, int node);
bool runs(const struct rehearsal *rehearsal, const char *host, int node);

/* A method called as the wire calls it: the instance whose property has this text; its ReturnValue, or UINT64_MAX when it was refused. */
uint64_t invoke(const struct rehearsal *rehearsal, size_t node, const struct class *class, const char *name, const char *method,
                const char *parameter, const char *value);
/* The property of the instance of that Name, as text or number. */
void value_of(const struct rehearsal *rehearsal, size_t node, const struct class *class, const char *name, const char *property,
              struct value *out);

#endif
