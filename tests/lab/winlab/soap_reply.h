/* Pieces of a reply: envelope, faults, instances, and the enumerations that wait to be pulled. Inside of soap_*.c only. */
#ifndef SOLOWARDEN_WINLAB_SOAP_REPLY_H
#define SOLOWARDEN_WINLAB_SOAP_REPLY_H

#include "soap.h"

struct wql;
enum { SOAP_ID_MAX = 48, SOAP_CONTEXTS_MAX = 100, SOAP_CONTEXT_IDLE_MS = 60000 };

void soap_new_id(char id[SOAP_ID_MAX]);
void soap_begin(struct text *reply, const char *action, const char *relates_to);
void soap_end(struct text *reply);
/* A whole reply. `text`: what went wrong here, NULL: the fault's own words. */
unsigned soap_fault(const struct soap_caller *caller, const struct soap_request *request, enum soap_fault fault, const char *text,
                    struct text *reply);

/* <p:Class> with every property, as Get and SELECT * answer */
void soap_instance(const struct soap_caller *caller, const struct class *class, size_t position, struct text *reply);
/* <w:XmlFragment> with the properties that were asked for */
void soap_fragment(const struct soap_caller *caller, const struct class *class, size_t position, const struct wql *wql, struct text *reply);
void soap_value(const char *prefix, const char *name, const struct value *value, struct text *reply);

struct soap_context {
    char id[SOAP_ID_MAX], user[64], resource[SOAP_URI_MAX];
    uint64_t used_ms;
    struct text items;
    size_t *ends; /* item i ends there in `items` */
    size_t count, next;
    struct soap_context *following;
};
struct soap_context *soap_context_new(const char *user, const char *resource);
void soap_context_free(struct soap_context *context);
void soap_context_add(struct soap_context *context); /* what was written to `items` since the last time is one item more */
bool soap_context_keep(struct soap_contexts *contexts, struct soap_context *context, uint64_t now_ms); /* false: too many are open */
/* NULL: there is none, or it is another user's */
struct soap_context *soap_context_find(const struct soap_contexts *contexts, const char *id, const char *user, const char *resource);
void soap_context_end(struct soap_contexts *contexts, struct soap_context *context);

#endif
