/* See msmq_port.h. Says nothing to whoever connects: that the port is open is all that a probe can know of MSMQ. Must not decide
 * anything: it follows the world. */
#include "msmq_port.h"

#include <stdlib.h>

#include "behaviour.h"

enum { PORTS_MAX = 64 };

struct port {
    uv_tcp_t listener;
    struct msmq_ports *ports;
    const struct resource *msmq, *address;
    bool open;
};

struct msmq_ports {
    struct world *world;
    uv_loop_t *loop;
    bool closing;
    size_t handles;
    struct port all[PORTS_MAX];
};

static void one_closed(struct msmq_ports *ports)
{
    ports->handles--;
    if (ports->closing && ports->handles == 0)
        free(ports);
}

static void on_port_closed(uv_handle_t *handle)
{
    struct port *port = handle->data;
    port->open = false;
    one_closed(port->ports);
}

static void on_visitor_closed(uv_handle_t *handle)
{
    struct msmq_ports *ports = handle->data;
    free(handle);
    one_closed(ports);
}

static void on_visitor(uv_stream_t *listener, int status)
{
    struct port *port = listener->data;
    uv_tcp_t *visitor = status == 0 ? calloc(1, sizeof *visitor) : NULL;
    if (!visitor)
        return;
    uv_tcp_init(listener->loop, visitor);
    visitor->data = port->ports;
    port->ports->handles++;
    (void)uv_accept(listener, (uv_stream_t *)visitor);
    uv_close((uv_handle_t *)visitor, on_visitor_closed);
}

static void close_port(struct port *port)
{
    if (port->open && !uv_is_closing((uv_handle_t *)&port->listener))
        uv_close((uv_handle_t *)&port->listener, on_port_closed);
}

static void open_port(struct msmq_ports *ports, struct port *port, int number)
{
    struct sockaddr_in address;
    uv_tcp_init(ports->loop, &port->listener);
    port->listener.data = port;
    port->ports = ports;
    port->open = true;
    ports->handles++;
    if (uv_ip4_addr(port->address->as->value, number, &address) != 0 || uv_tcp_bind(&port->listener, (struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&port->listener, 16, on_visitor) != 0)
        close_port(port); /* tried again at the next tick */
}

static bool is_wanted(const struct lab_cluster *cluster, const struct port *port)
{
    return port->msmq->state == STATE_ONLINE && port->address->state == STATE_ONLINE &&
           cluster->nodes[cluster->groups[port->msmq->group].owner].up;
}

void msmq_ports_follow(struct msmq_ports *ports)
{
    for (size_t i = 0; ports && i < PORTS_MAX && ports->all[i].msmq; i++) {
        struct port *port = &ports->all[i];
        const struct lab_cluster *cluster = ports->world->clusters;
        while (port->msmq < cluster->resources || port->msmq >= cluster->resources + cluster->resource_count)
            cluster++;
        if (!is_wanted(cluster, port))
            close_port(port);
        else if (!port->open)
            open_port(ports, port, (int)cluster->as->msmq_port);
    }
}

static const struct resource *address_of(const struct lab_cluster *cluster, const struct resource *msmq)
{
    for (size_t i = 0; i < cluster->resource_count; i++)
        if (cluster->resources[i].as->kind == KIND_IP_ADDRESS && cluster->resources[i].group == msmq->group)
            return &cluster->resources[i];
    return NULL;
}

struct msmq_ports *msmq_ports_open(struct world *world, uv_loop_t *loop)
{
    struct msmq_ports *ports = calloc(1, sizeof *ports);
    if (!ports)
        abort();
    ports->world = world;
    ports->loop = loop;
    size_t count = 0;
    for (size_t i = 0; i < world->cluster_count; i++) {
        const struct lab_cluster *cluster = &world->clusters[i];
        for (size_t j = 0; cluster->as->msmq_port && j < cluster->resource_count && count < PORTS_MAX; j++) {
            const struct resource *msmq = &cluster->resources[j], *address = address_of(cluster, msmq);
            if (msmq->as->kind == KIND_MSMQ && address)
                ports->all[count++] = (struct port){.msmq = msmq, .address = address};
        }
    }
    return ports;
}

void msmq_ports_close(struct msmq_ports *ports)
{
    ports->closing = true;
    for (size_t i = 0; i < PORTS_MAX; i++)
        close_port(&ports->all[i]);
    if (ports->handles == 0)
        free(ports);
}
