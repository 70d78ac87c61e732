/* Names on a Windows machine that several probes must read alike: services and queues. Pure; knows no conversation. */
#ifndef SOLOWARDEN_PROBES_WINDOWS_NAMES_H
#define SOLOWARDEN_PROBES_WINDOWS_NAMES_H

#include "probe.h"

/* The services that guarding rests on: BTSSvc$…, ENTSSO, MSMQ…, MSDTC, ClusSvc. Short names. */
bool service_matters(const char *name);

/* SNMP agents tell services by their short names or by their display names: "BizTalk Service BizTalk Group : Orders" is BTSSvc$Orders.
 * Any other name stays what it is. False: too long. */
bool service_short_name(const char *told, size_t size, char name[FOUND_NAME]);

/* enum queue_class by a queue's path or format name: "Computer Queues", "machine\private$\q", "DIRECT=OS:machine\q",
 * "DIRECT=HTTP://host/msmq/q". Of the machine's own are those under its node's names and under `machines`. */
uint8_t queue_class_of(const char *name, const struct probe_context *context, const struct texts *machines);

#endif
