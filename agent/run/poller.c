/* See poller.h. */
#include <errno.h>
#include <unistd.h>

#include "memory.h"
#include "poller.h"

enum { EVENTS_A_TURN = 64 };

struct poller {
    uv_poll_t handle; /* stands first: it is freed as what it stands in */
    struct poller *next;
    uv_loop_t *loop;
    int descriptor;
    uint32_t holders, watched;
    int fetched, at; /* of events, while they are told */
    struct epoll_event events[EVENTS_A_TURN];
};
static struct poller *pollers;

static void events_came(uv_poll_t *handle, int status, int readable)
{
    struct poller *poller = (struct poller *)(void *)handle;
    (void)status;
    (void)readable;
    poller->holders++; /* whoever is told may release the last hold */
    poller->fetched = epoll_wait(poller->descriptor, poller->events, EVENTS_A_TURN, 0);
    for (poller->at = 0; poller->at < poller->fetched; poller->at++) {
        struct polled *polled = poller->events[poller->at].data.ptr;
        if (polled)
            polled->event(polled, poller->events[poller->at].events);
    }
    poller->fetched = 0;
    poller_release(poller);
}

static struct poller *poller_new(uv_loop_t *loop)
{
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (descriptor < 0)
        return NULL;
    struct poller *poller = memory_zeroed(1, sizeof *poller);
    if (uv_poll_init(loop, &poller->handle, descriptor) != 0) {
        close(descriptor);
        free(poller);
        return NULL;
    }
    poller->loop = loop;
    poller->descriptor = descriptor;
    uv_poll_start(&poller->handle, UV_READABLE, events_came);
    uv_unref((uv_handle_t *)&poller->handle);
    poller->next = pollers;
    pollers = poller;
    return poller;
}

struct poller *poller_hold(uv_loop_t *loop)
{
    struct poller *poller = pollers;
    while (poller && poller->loop != loop)
        poller = poller->next;
    if (!poller)
        poller = poller_new(loop);
    if (poller)
        poller->holders++;
    return poller;
}

static void handle_closed(uv_handle_t *handle)
{
    free(handle);
}

void poller_release(struct poller *poller)
{
    if (!poller || --poller->holders > 0)
        return;
    struct poller **link = &pollers;
    while (*link != poller)
        link = &(*link)->next;
    *link = poller->next;
    uv_close((uv_handle_t *)&poller->handle, handle_closed);
    close(poller->descriptor);
}

int poller_add(struct poller *poller, struct polled *polled, int descriptor, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = polled};
    if (epoll_ctl(poller->descriptor, EPOLL_CTL_ADD, descriptor, &event) != 0)
        return errno;
    if (poller->watched++ == 0)
        uv_ref((uv_handle_t *)&poller->handle);
    return 0;
}

void poller_change(struct poller *poller, struct polled *polled, int descriptor, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = polled};
    epoll_ctl(poller->descriptor, EPOLL_CTL_MOD, descriptor, &event);
}

void poller_remove(struct poller *poller, struct polled *polled, int descriptor)
{
    /* Told to the set although closing would do: a process that is just being started may still hold the descriptor. */
    struct epoll_event event = {0};
    epoll_ctl(poller->descriptor, EPOLL_CTL_DEL, descriptor, &event);
    for (int i = poller->at + 1; i < poller->fetched; i++)
        if (poller->events[i].data.ptr == polled)
            poller->events[i].data.ptr = NULL;
    if (--poller->watched == 0)
        uv_unref((uv_handle_t *)&poller->handle);
}
