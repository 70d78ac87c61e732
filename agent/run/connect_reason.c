/* See connect_reason.h. */
#include "connect_reason.h"

#include <errno.h>

uint16_t connect_reason(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return REASON_CONNECT_REFUSED;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EACCES:
    case EPERM:
    case EAFNOSUPPORT:
        return REASON_UNREACHABLE;
    case ETIMEDOUT:
        return REASON_CONNECT_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
        return REASON_NO_RESOURCES;
    default:
        return REASON_NETWORK_ERROR;
    }
}
