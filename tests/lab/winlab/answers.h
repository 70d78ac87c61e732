/* What all classes share: how values are put, and where a node stands. */
#ifndef SOLOWARDEN_WINLAB_ANSWERS_H
#define SOLOWARDEN_WINLAB_ANSWERS_H

#include "behaviour.h"

void put_null(struct value *out);
void put_text(struct value *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void put_number(struct value *out, uint64_t number);
void put_boolean(struct value *out, bool truth);
void put_time(struct value *out, int64_t wall_ms);
void put_member(struct value *out, const char *text); /* of an array; the first makes it one */

struct lab_cluster *cluster_of(const struct world *world, size_t node); /* world's methods change it: the world itself is not const */
size_t place_of_node(const struct world *world, size_t node);           /* within its cluster */
const char *parameter_called(const struct parameter *parameters, size_t count, const char *name); /* NULL: not given */

unsigned node_state_of(const struct lab_node *node); /* MSCluster_Node.State, as the other nodes see it */

/* Services of one machine, as Win32_Service and windows_exporter list them. */
struct listed_service {
    char name[140], display[200];
    const struct service *service;
    struct instance *instance; /* NULL: not of a host */
    struct resource *resource; /* NULL: not clustered */
    bool disabled, manual;
};
size_t services_listed(const struct lab_cluster *cluster, size_t node);
bool service_listed(const struct lab_cluster *cluster, size_t node, size_t position, struct listed_service *out);

extern const struct class class_cluster, class_node, class_group, class_resource;
extern const struct class class_host_instance, class_host_setting, class_receive_handler, class_receive_location, class_service_instance,
    class_group_setting, class_server_host;
extern const struct class class_service, class_msmq_queue, class_operating_system;

#endif
