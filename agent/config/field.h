/* Field tables: one row per configuration key. Parser, defaults, checks, JSON Schema, --help and the annotated sample all read them.
 * Knows nothing of YAML or of any particular table. */
#ifndef SOLOWARDEN_CONFIG_FIELD_H
#define SOLOWARDEN_CONFIG_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {                    /* C type at `offset` */
                  FIELD_BOOL,        /* bool */
                  FIELD_INTEGER,     /* int64_t; min..max */
                  FIELD_DURATION,    /* int64_t milliseconds: 10s 5m 1h 500ms; min..max */
                  FIELD_TEXT,        /* const char *; min..max = length */
                  FIELD_NAME,        /* const char *; [A-Za-z0-9._-]+, 1..64 */
                  FIELD_CHOICE,      /* int64_t: position in `sub`, a NULL-terminated const char *const[] */
                  FIELD_CHOICES,     /* int64_t: bit set of positions in `sub`; a YAML list */
                  FIELD_PATH,        /* const char *; relative paths are resolved against the file's folder */
                  FIELD_SECRET_FILE, /* const char *; a path; must not be world-readable when it exists */
                  FIELD_REFERENCE, /* const char *; name of an entry of the map whose key path `sub` names ("credentials"); dangling = error
                                    */
                  FIELD_REFERENCES, /* struct texts; list of such names */
                  FIELD_TEXTS,      /* struct texts; list of strings */
                  FIELD_ARGUMENTS,  /* struct texts; argument vector, at least one, first an absolute path */
                  FIELD_ADDRESSES,  /* struct texts; IPv4/IPv6 addresses or CIDR prefixes, checked */
                  FIELD_TABLE,      /* nested struct by `sub` (const struct field *), in place */
                  FIELD_OPTIONAL,   /* pointer to nested struct by `sub`, NULL when absent; size in `max` */
                  FIELD_MAP,        /* struct map of entries described by `sub`; entry size in `max` */
                  FIELD_VARIANT     /* struct variant: nested table chosen by key `type`; `sub` is a const struct variant_case[] */
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
    const char *help; /* one sentence, for --help, the schema's description and the annotated sample */
};

struct texts {
    size_t count;
    const char *const *items;
};

/* where something was written, for messages: file:line:col */
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

struct variant_case {
    const char *type; /* NULL ends */
    const struct field *fields;
    size_t size;
};

struct variant {
    size_t chosen; /* position in the case table */
    void *conf;    /* of the case's size */
};

#define FIELD(structure, member) ((uint16_t)offsetof(structure, member))

#endif
