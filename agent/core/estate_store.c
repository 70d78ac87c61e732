/* An estate's memory: counted, bounded by its allocator, and contents that several observers tell alike kept once. Knows no meaning. */
#include <string.h>

#include "estate_parts.h"

enum { BUCKETS_FIRST = 64, CHAIN_MAX = 32 }; /* a longer chain is somebody's intention: what comes then is kept for itself */

void *store_take(struct store *store, size_t size)
{
    void *block = store->memory->allocate(size ? size : 1, store->memory->context);
    if (!block)
        return NULL;
    store->bytes += size;
    return memset(block, 0, size);
}

void store_give(struct store *store, void *block, size_t size)
{
    if (!block)
        return;
    store->bytes -= size;
    store->memory->release(block, store->memory->context);
}

bool store_grow(struct store *store, void **block, size_t *capacity, size_t needed, size_t size, size_t limit)
{
    if (needed <= *capacity)
        return true;
    size_t larger = *capacity ? *capacity : 4;
    while (larger < needed)
        larger *= 2;
    larger = larger < limit ? larger : limit;
    void *grown = larger >= needed ? store_take(store, larger * size) : NULL;
    if (!grown)
        return false;
    if (*block)
        memcpy(grown, *block, *capacity * size);
    store_give(store, *block, *capacity * size);
    *block = grown;
    *capacity = larger;
    return true;
}

/* ---- contents ---- */

static uint32_t content_hash(const void *row, size_t size)
{
    const unsigned char *bytes = row;
    uint64_t hash = 14695981039346656037U, word;
    for (; size >= sizeof word; size -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word) * 1099511628211U;
        hash ^= hash >> 29;
    }
    for (; size; size--, bytes++)
        hash = (hash ^ *bytes) * 1099511628211U;
    hash ^= hash >> 32;
    return (uint32_t)hash ? (uint32_t)hash : 1;
}

static void rehash(struct store *store, enum found_kind kind)
{
    uint32_t was = store->bucket_count[kind], count = was ? 2 * was : BUCKETS_FIRST;
    struct content **buckets = store_take(store, count * sizeof(struct content *));
    if (!buckets)
        return; /* longer chains, until there is room */
    for (uint32_t i = 0; i < was; i++)
        for (struct content *content = store->buckets[kind][i], *next; content; content = next) {
            next = content->next;
            content->next = buckets[content->hash & (count - 1)];
            buckets[content->hash & (count - 1)] = content;
        }
    store_give(store, (void *)store->buckets[kind], was * sizeof(struct content *));
    store->buckets[kind] = buckets;
    store->bucket_count[kind] = count;
}

struct content *store_keep(struct store *store, enum found_kind kind, const void *row)
{
    size_t size = found_size((uint8_t)kind);
    uint32_t hash = content_hash(row, size);
    if (store->content_count[kind] >= store->bucket_count[kind])
        rehash(store, kind);
    unsigned length = 0;
    struct content **bucket = store->bucket_count[kind] ? &store->buckets[kind][hash & (store->bucket_count[kind] - 1)] : NULL;
    for (struct content *content = bucket ? *bucket : NULL; content && length < CHAIN_MAX; content = content->next, length++)
        if (content->hash == hash && memcmp(content->bytes, row, size) == 0) {
            content->users++;
            return content;
        }
    struct content *content = store_take(store, sizeof *content + size);
    if (!content)
        return NULL;
    memcpy(content->bytes, row, size);
    content->users = 1;
    if (bucket && length < CHAIN_MAX) {
        content->hash = hash;
        content->next = *bucket;
        *bucket = content;
        store->content_count[kind]++;
    }
    return content;
}

void store_drop(struct store *store, enum found_kind kind, struct content *content)
{
    if (!content || --content->users)
        return;
    if (content->hash) {
        struct content **link = &store->buckets[kind][content->hash & (store->bucket_count[kind] - 1)];
        while (*link != content)
            link = &(*link)->next;
        *link = content->next;
        store->content_count[kind]--;
    }
    store_give(store, content, sizeof *content + found_size((uint8_t)kind));
}

void store_close(struct store *store)
{
    for (unsigned kind = 0; kind < FOUND_KINDS; kind++)
        store_give(store, (void *)store->buckets[kind], store->bucket_count[kind] * sizeof(struct content *));
}
