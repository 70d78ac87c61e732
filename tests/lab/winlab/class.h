/* What the simulated machines answer, as WMI sees it: classes, their instances and methods. The one thing that the wire (soap.c,
 * wql.c, server.c) knows of the world, and the other way round. */
#ifndef SOLOWARDEN_WINLAB_CLASS_H
#define SOLOWARDEN_WINLAB_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;

enum { VALUE_TEXT_MAX = 512, VALUES_MAX = 16 };

enum value_type { VALUE_NULL, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOLEAN, VALUE_DATETIME, VALUE_ARRAY /* of texts */ };
struct value {
    enum value_type type;
    uint64_t number;
    char text[VALUE_TEXT_MAX];
    size_t count; /* ARRAY */
    char texts[VALUES_MAX][128];
};

struct class_property {
    const char *name;
    bool is_key;
};

enum invoke_outcome { INVOKE_DONE, INVOKE_NO_SUCH_METHOD, INVOKE_NO_SUCH_OBJECT, INVOKE_BAD_PARAMETER, INVOKE_REFUSED };
struct parameter {
    const char *name, *value;
};
struct invoke_result {
    bool is_void; /* no ReturnValue element */
    uint64_t returned;
    size_t count; /* out parameters */
    struct {
        const char *name;
        struct value value;
    } out[4];
    char text[160];    /* for a fault's message */
    uint32_t takes_ms; /* how long the method waits before it answers: what it began is seen at once */
};

struct class
{
    const char *wmi_namespace, *name; /* "root/MSCluster", "MSCluster_Resource" */
    const struct class_property *properties;
    size_t property_count;
    size_t (*count)(const struct world *world, size_t node);
    void (*value)(const struct world *world, size_t node, size_t position, size_t property, struct value *out);
    /* `position`: the instance that the selectors chose. NULL: the class has no methods. */
    enum invoke_outcome (*invoke)(struct world *world, size_t node, size_t position, const char *method, const struct parameter *parameters,
                                  size_t parameter_count, struct invoke_result *result);
};
extern const struct class *const classes[]; /* NULL ends */

/* Faults of the asked machine, set by control commands: what the wire must do to a request of that node right now. */
struct wire_fault {
    uint32_t slow_ms;          /* before each reply */
    bool denied, quota;        /* answer with this fault */
    const char *missing_class; /* NULL = none: this class does not exist there */
    bool wrong_certificate;
};
void world_wire_fault(const struct world *world, size_t node, struct wire_fault *fault);
bool world_listens(const struct world *world, size_t node); /* false: the node is down, or its WinRM is cut off */
bool world_drops(const struct world *world, size_t node);   /* true: connections are accepted and never answered (cut off), not refused */

/* What the wire counts, for tests: requests by kind and method, e.g. "Invoke/MoveToNewNode". */
void world_count(struct world *world, size_t node, const char *what);

#endif
