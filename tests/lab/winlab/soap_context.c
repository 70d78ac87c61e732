/* Enumerations between Enumerate and their last Pull: what they will still deliver was rendered when they began. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soap_reply.h"

struct soap_contexts {
    struct soap_context *first;
    size_t count;
};

struct soap_contexts *soap_contexts_open(void)
{
    struct soap_contexts *contexts = calloc(1, sizeof *contexts);
    if (!contexts)
        abort();
    return contexts;
}

size_t soap_contexts_count(const struct soap_contexts *contexts)
{
    return contexts->count;
}

struct soap_context *soap_context_new(const char *user, const char *resource)
{
    struct soap_context *context = calloc(1, sizeof *context);
    if (!context)
        abort();
    soap_new_id(context->id);
    snprintf(context->user, sizeof context->user, "%s", user);
    snprintf(context->resource, sizeof context->resource, "%s", resource);
    return context;
}

void soap_context_free(struct soap_context *context)
{
    if (!context)
        return;
    text_free(&context->items);
    free(context->ends);
    free(context);
}

void soap_context_add(struct soap_context *context)
{
    if ((context->count & (context->count + 1)) == 0) { /* full at every 2^n - 1 */
        size_t *ends = realloc(context->ends, (context->count + 1) * 2 * sizeof *ends);
        if (!ends)
            abort();
        context->ends = ends;
    }
    context->ends[context->count++] = context->items.length;
}

bool soap_context_keep(struct soap_contexts *contexts, struct soap_context *context, uint64_t now_ms)
{
    if (contexts->count == SOAP_CONTEXTS_MAX)
        return false;
    context->used_ms = now_ms;
    context->following = contexts->first;
    contexts->first = context;
    contexts->count++;
    return true;
}

struct soap_context *soap_context_find(const struct soap_contexts *contexts, const char *id, const char *user, const char *resource)
{
    for (struct soap_context *context = contexts->first; context; context = context->following)
        if (!strcmp(context->id, id))
            return strcmp(context->user, user) == 0 && strcasecmp(context->resource, resource) == 0 ? context : NULL;
    return NULL;
}

void soap_context_end(struct soap_contexts *contexts, struct soap_context *context)
{
    struct soap_context **link = &contexts->first;
    while (*link != context)
        link = &(*link)->following;
    *link = context->following;
    contexts->count--;
    soap_context_free(context);
}

void soap_contexts_expire(struct soap_contexts *contexts, uint64_t now_ms)
{
    for (struct soap_context *context = contexts->first, *following; context; context = following) {
        following = context->following;
        if (now_ms - context->used_ms >= SOAP_CONTEXT_IDLE_MS)
            soap_context_end(contexts, context);
    }
}

void soap_contexts_close(struct soap_contexts *contexts)
{
    while (contexts->first)
        soap_context_end(contexts, contexts->first);
    free(contexts);
}
