/* What happens in the world by itself, and what one can do to it. world_step.c calls the steps; classes and control call the rest. */
#ifndef SOLOWARDEN_WINLAB_BEHAVIOUR_H
#define SOLOWARDEN_WINLAB_BEHAVIOUR_H

#include "state.h"

/* ---- services and host instances of one machine (machine.c) ---- */

/* Return values of Win32_Service.StartService and StopService. */
enum { SERVICE_DONE = 0, SERVICE_NOT_ACCEPTED = 5, SERVICE_CANNOT_START = 7, SERVICE_IS_RUNNING = 10, SERVICE_IS_DISABLED = 14 };

void service_start(struct world *world, struct service *service, int64_t takes);
void service_run(struct world *world, struct service *service); /* at once */
void service_stop(const struct world *world, struct service *service, int64_t takes);
void service_die(struct service *service);
void service_step(struct world *world, struct service *service);
bool service_pending(const struct service *service);

struct instance *instance_of(const struct lab_cluster *cluster, size_t host, int node); /* NULL: none there */
bool instance_may_start(const struct lab_cluster *cluster, const struct instance *instance);
unsigned instance_start(struct world *world, struct lab_cluster *cluster, struct instance *instance);
unsigned instance_stop(const struct world *world, const struct lab_cluster *cluster, struct instance *instance);
bool instance_works(const struct instance *instance);                                    /* runs and does not hang */
bool host_receives(const struct lab_cluster *cluster, size_t host, const char *adapter); /* has an enabled location of it */
void machines_step(struct world *world, struct lab_cluster *cluster);
void node_go_down(struct world *world, struct lab_cluster *cluster, struct lab_node *node);
void node_come_up(struct world *world, struct lab_cluster *cluster, struct lab_node *node);

/* ---- queues (queues.c) ---- */

void queues_step(const struct world *world, struct lab_cluster *cluster, uint64_t elapsed);
bool counters_blind(const struct lab_cluster *cluster, int node);
size_t queues_counted(const struct lab_cluster *cluster, int node); /* how many instances the counters of this node have */
const struct queue *queue_counted(const struct lab_cluster *cluster, int node, size_t position);

/* ---- the failover cluster (cluster.c) ---- */

struct service *resource_service(const struct lab_cluster *cluster, struct resource *resource);           /* on the owner; NULL: none */
bool depends_within(const struct lab_cluster *cluster, const struct resource *resource, size_t position); /* not split from it */
bool resource_pending(const struct resource *resource);
void resource_bring_online(const struct world *world, struct lab_cluster *cluster, struct resource *resource);
void resource_take_offline(struct resource *resource);
uint64_t resource_takes(const struct resource *resource, int64_t time);                           /* time: of the scenario's timing */
uint64_t group_takes(const struct lab_cluster *cluster, const struct group *group, int64_t time); /* one after the other */
int group_state(const struct lab_cluster *cluster, const struct group *group);
void group_bring_online(const struct world *world, struct lab_cluster *cluster, struct group *group);
void group_take_offline(struct lab_cluster *cluster, struct group *group);
bool group_may_move(const struct lab_cluster *cluster, const struct group *group, int target);
bool group_move(struct lab_cluster *cluster, struct group *group, int target);
bool sso_split(struct lab_cluster *cluster); /* ENTSSO into a group of its own, on another node; false: not clustered, nowhere to go */
bool sso_join(struct lab_cluster *cluster);
void node_pause(struct lab_cluster *cluster, struct lab_node *node, bool drain);
void node_resume(struct lab_node *node);
void cluster_node_gone(struct lab_cluster *cluster, struct lab_node *node); /* the heartbeat says so */
void cluster_step(struct world *world, struct lab_cluster *cluster);
void groups_step(struct world *world, struct lab_cluster *cluster); /* cluster_groups.c */
void group_fail_over(struct world *world, struct lab_cluster *cluster, struct resource *failed);
int group_target(const struct lab_cluster *cluster, const struct group *group);

#endif
