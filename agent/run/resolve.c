/* See resolve.h. */
#include <arpa/inet.h>
#include <string.h>
#include <uthash.h>

#include "loop.h"
#include "memory.h"
#include "resolve.h"

struct resolve_wait {
    struct resolve_wait *next, **link;
    resolve_done *done;
    void *context;
};

struct name {
    UT_hash_handle hh;
    struct addresses *addresses; /* NULL = never had any */
    msec_t ask_again;
    uv_getaddrinfo_t *asking;
    struct resolve_wait *waits;
    bool forgotten;
    char text[];
};

static struct name *names;

void addresses_release(struct addresses *addresses)
{
    if (addresses && --addresses->references == 0)
        free(addresses);
}

static struct addresses *addresses_new(size_t count)
{
    struct addresses *addresses = memory_zeroed(1, sizeof *addresses + count * sizeof addresses->items[0]);
    addresses->references = 1;
    return addresses;
}

struct addresses *addresses_single(const union socket_address *address)
{
    struct addresses *addresses = addresses_new(1);
    addresses->items[0] = *address;
    addresses->count = 1;
    return addresses;
}

/* "10.0.0.1", "::1", "fe80::1%eth0" */
static struct addresses *literal(const char *host)
{
    union socket_address address = {0};
    if (uv_ip4_addr(host, 0, &address.v4) == 0 || (strchr(host, ':') && uv_ip6_addr(host, 0, &address.v6) == 0))
        return addresses_single(&address);
    return NULL;
}

static struct addresses *addresses_of(const struct addrinfo *answer)
{
    struct addresses *addresses = addresses_new(ADDRESSES_MAX);
    for (; answer && addresses->count < ADDRESSES_MAX; answer = answer->ai_next)
        if ((answer->ai_family == AF_INET || answer->ai_family == AF_INET6) && answer->ai_addrlen <= sizeof addresses->items[0])
            memcpy(&addresses->items[addresses->count++], answer->ai_addr, answer->ai_addrlen);
    if (addresses->count > 0)
        return addresses;
    free(addresses);
    return NULL;
}

static void name_free(struct name *name)
{
    addresses_release(name->addresses);
    free(name);
}

static void answered(uv_getaddrinfo_t *asking, int status, struct addrinfo *answer)
{
    struct name *name = asking->data;
    struct addresses *addresses = status == 0 ? addresses_of(answer) : NULL;
    if (answer)
        uv_freeaddrinfo(answer);
    free(asking);
    name->asking = NULL;
    name->ask_again = loop_now() + (addresses ? NAME_FRESH_MS : NAME_RETRY_MS);
    if (addresses) {
        addresses_release(name->addresses);
        name->addresses = addresses;
    }
    struct resolve_wait *wait;
    while ((wait = name->waits)) {
        resolve_done *done = wait->done;
        void *context = wait->context;
        resolve_cancel(wait);
        if (name->addresses)
            name->addresses->references++;
        done(context, name->addresses);
    }
    if (name->forgotten)
        name_free(name);
}

static bool ask(uv_loop_t *loop, struct name *name)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    name->asking = memory_zeroed(1, sizeof *name->asking);
    name->asking->data = name;
    if (uv_getaddrinfo(loop, name->asking, answered, name->text, NULL, &hints) == 0)
        return true;
    free(name->asking);
    name->asking = NULL;
    return false;
}

static void wait_add(struct name *name, struct resolve_wait *wait)
{
    wait->link = &name->waits;
    wait->next = name->waits;
    if (wait->next)
        wait->next->link = &wait->next;
    name->waits = wait;
}

void resolve_cancel(struct resolve_wait *wait)
{
    *wait->link = wait->next;
    if (wait->next)
        wait->next->link = wait->link;
    free(wait);
}

struct addresses *resolve(uv_loop_t *loop, const char *host, resolve_done *done, void *context, struct resolve_wait **wait)
{
    struct addresses *addresses = literal(host);
    if (addresses)
        return addresses;
    struct name *name;
    HASH_FIND_STR(names, host, name);
    if (!name) {
        size_t size = strlen(host) + 1;
        name = memory_zeroed(1, sizeof *name + size);
        memcpy(name->text, host, size);
        HASH_ADD_STR(names, text, name);
    }
    bool asking = name->asking || (loop_now() >= name->ask_again && ask(loop, name)) || (!name->addresses && ask(loop, name));
    if (name->addresses) {
        name->addresses->references++;
        return name->addresses;
    }
    *wait = NULL;
    if (asking) {
        *wait = memory_zeroed(1, sizeof **wait);
        (*wait)->done = done;
        (*wait)->context = context;
        wait_add(name, *wait);
    }
    return NULL;
}

void resolve_forget(void)
{
    struct name *name, *next;
    HASH_ITER(hh, names, name, next)
    {
        HASH_DEL(names, name);
        if (name->asking)
            name->forgotten = true;
        else
            name_free(name);
    }
}
