/* Field tables: one row per configuration key. Parser, defaults, checks, JSON Schema, key reference and annotated sample all read them.
 * Knows nothing of YAML or of any particular table. */
#ifndef SOLOWARDEN_CONFIG_FIELD_H
#define SOLOWARDEN_CONFIG_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* behind each: the C type at `offset` */
enum field_type {
    FIELD_BOOL,        /* bool */
    FIELD_INTEGER,     /* int64_t; min..max */
    FIELD_DURATION,    /* int64_t milliseconds: 10s 5m 1h 500ms; min..max */
    FIELD_TEXT,        /* const char *; min..max = length */
    FIELD_NAME,        /* const char *; [A-Za-z0-9._-]+, 1..64 */
    FIELD_HOST,        /* const char *; a host name or an address, without port */
    FIELD_CHOICE,      /* int64_t: position in `sub`, a NULL-terminated const char *const[]; max: how many of them are built, 0 = all */
    FIELD_CHOICES,     /* int64_t: bit set of positions in `sub`; a YAML list; max as above */
    FIELD_FORMAT,      /* int64_t: position in formats[] (probes/formats.h) */
    FIELD_PATH,        /* const char *; relative paths are resolved against the file's folder */
    FIELD_SECRET_FILE, /* const char *; a path; must not be world-readable when it exists */
    FIELD_REFERENCE,   /* const char *; name of an entry of the map whose key path `sub` names ("credentials"); dangling = error */
    FIELD_REFERENCES,  /* struct texts; list of such names */
    FIELD_TEXTS,       /* struct texts; list of strings */
    FIELD_ARGUMENTS,   /* struct texts; argument vector, at least one, first an absolute path; max = how many, 0 = any */
    FIELD_ADDRESSES,   /* struct texts; IPv4/IPv6 addresses or CIDR prefixes, checked */
    FIELD_TABLE,       /* nested struct by `sub` (const struct field *), in place */
    FIELD_OPTIONAL,    /* pointer to nested struct by `sub`, NULL when absent; size in `max` */
    FIELD_BESIDE,      /* as OPTIONAL, never NULL: its keys stand under `key`, or, without `key`, beside the other keys of this table */
    FIELD_MAP,         /* struct map of entries described by `sub`; entry size in `max` */
    FIELD_CASES,       /* int64_t: position in `sub`, a struct variant_case[]; the case's keys stand beside this one, in the same struct */
    FIELD_VARIANT,     /* struct variant: likewise, the case's keys fill a struct of their own */
    FIELD_PROBE        /* const void *: struct of the probe type in `sub` (const struct probe_type *); its keys stand beside, `key` is "" */
};

enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_NOT_BUILT = 2 /* the key is known, its part is not built into this version: the parser says so and refuses */
};

struct field {
    const char *key; /* NULL ends the table */
    enum field_type type;
    uint16_t offset, flags;
    int64_t min, max;
    const char *preset; /* default as the operator would write it; NULL = none (zero) */
    const void *sub;
    const char *help; /* one sentence, for the schema's description, the key reference and the annotated sample */
};

/* items[count] is NULL: an argument vector as it stands */
struct texts {
    size_t count;
    const char *const *items;
};

/* where something was written, for messages: file:line:col, both from 1; line 0 = the file as a whole */
struct place {
    const char *file;
    uint32_t line, column;
};

/* every entry struct of a map begins with this */
struct map_entry {
    const char *name;
    struct place place;
};

struct map {
    size_t count;
    void *entries; /* array of structs of size `field.max`, in the file's order */
};

struct probe_type;

/* Either `fields` and `size`, or the table of a probe type; neither = known, but not built into this version. */
struct variant_case {
    const char *type; /* NULL ends */
    const struct field *fields;
    size_t size;
    const struct probe_type *probe;
};

struct variant {
    size_t chosen; /* position in the case table */
    void *conf;    /* of the case's size */
};

#define FIELD(structure, member) ((uint16_t)offsetof(structure, member))

#endif
