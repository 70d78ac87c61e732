/* Why a connection could not be made, by the system's error: the same words for every channel. */
#ifndef SOLOWARDEN_RUN_CONNECT_REASON_H
#define SOLOWARDEN_RUN_CONNECT_REASON_H

#include "agent/core/types.h"

uint16_t connect_reason(int error); /* an errno of connect() or of the socket; NETWORK_ERROR for what has no word of its own */

#endif
