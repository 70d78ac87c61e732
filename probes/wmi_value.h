/* A property's text into a row, and what a row looks like before. Internal to probes/wmi*.c; wmi_value() itself is wmi.h's. */
#ifndef SOLOWARDEN_PROBES_WMI_VALUE_H
#define SOLOWARDEN_PROBES_WMI_VALUE_H

#include "wmi.h"

void wmi_absent(const struct wmi_property *property, void *row);
bool wmi_named(const struct wmi_property *properties, const void *row); /* every WMI_NAME of it came, and fitted */

#endif
