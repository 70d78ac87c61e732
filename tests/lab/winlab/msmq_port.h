/* The TCP port of clustered MSMQ: it can be connected to while the service is online, on the address of its role. */
#ifndef SOLOWARDEN_WINLAB_MSMQ_PORT_H
#define SOLOWARDEN_WINLAB_MSMQ_PORT_H

#include "world.h"

struct msmq_ports;
struct msmq_ports *msmq_ports_open(struct world *world, uv_loop_t *loop);
void msmq_ports_follow(struct msmq_ports *ports); /* open and close what the world says */
void msmq_ports_close(struct msmq_ports *ports);  /* its memory goes with the last handle that the loop closes */

#endif
