/* What the faults of WS-Management and its HTTP statuses mean: one reason each. See wsman.h. */
#include <string.h>

#include "wsman.h"

/* WSManFault codes (wsmerror.h), HRESULTs, and the status codes of WMI (MS-WMI 2.2.11, wbemcli.h) that lie inside them. */
static const struct {
    uint32_t code;
    uint16_t reason;
} codes[] = {
    {5, REASON_ACCESS_DENIED},
    {0x80070005, REASON_ACCESS_DENIED},     /* E_ACCESSDENIED */
    {0x8033801A, REASON_CLASS_MISSING},     /* CANNOT_PROCESS_FILTER: so WinRM says that a class is missing */
    {0x80338029, REASON_OPERATION_TIMEOUT}, /* OPERATION_TIMEDOUT */
    {0x8033803B, REASON_CLASS_MISSING},     /* INVALID_RESOURCE_URI: the namespace, as our addresses are constants */
    {0x8033803D, REASON_OBJECT_MISSING},    /* INVALID_SELECTORS */
    {0x8033805B, REASON_OBJECT_MISSING},    /* UNEXPECTED_SELECTORS */
    {0x8033803F, REASON_QUOTA},             /* QUOTA_LIMIT */
    {0x803381A5, REASON_QUOTA},             /* QUOTA_MAX_SHELLS */
    {0x803381A6, REASON_QUOTA},             /* QUOTA_MAX_OPERATIONS */
    {0x803381A7, REASON_QUOTA},             /* QUOTA_USER */
    {0x803381A8, REASON_QUOTA},             /* QUOTA_SYSTEM */
    {0x803381AB, REASON_QUOTA},             /* QUOTA_MAX_SHELLUSERS */
    {0x803381E4, REASON_QUOTA},             /* QUOTA_MAX_SHELLS_PPQ */
    {0x803381E6, REASON_QUOTA},             /* QUOTA_MAX_PLUGINSHELLS_PPQ */
    {0x803381E7, REASON_QUOTA},             /* QUOTA_MAX_PLUGINOPERATIONS_PPQ */
    {0x803381E8, REASON_QUOTA},             /* QUOTA_MAX_OPERATIONS_USER_PPQ */
    {0x803381FE, REASON_CERTIFICATE_MAPPING} /* CERTMAPPING_CREDENTIAL_MANAGEMENT_FAILIED */,
    {0x80041001, REASON_PROVIDER_FAILED},
    {0x80041002, REASON_OBJECT_MISSING},
    {0x80041003, REASON_ACCESS_DENIED},
    {0x80041004, REASON_PROVIDER_FAILED},
    {0x8004100E, REASON_CLASS_MISSING}, /* invalid namespace */
    {0x80041010, REASON_CLASS_MISSING},
    {0x80041011, REASON_PROVIDER_FAILED},
    {0x80041013, REASON_PROVIDER_FAILED},
    {0x80041014, REASON_PROVIDER_FAILED},
    {0x80041017, REASON_QUERY_REFUSED},
    {0x80041018, REASON_QUERY_REFUSED},
};

/* Subcodes of WS-Management, WS-Enumeration and WS-Addressing, without their prefix, which is anybody's. */
static const struct {
    const char *subcode;
    uint16_t reason;
} subcodes[] = {
    {"AccessDenied", REASON_ACCESS_DENIED},
    {"TimedOut", REASON_OPERATION_TIMEOUT},
    {"QuotaLimit", REASON_QUOTA},
    {"Concurrency", REASON_SERVICE_BUSY},
    {"EndpointUnavailable", REASON_SERVICE_BUSY},
    {"InvalidSelectors", REASON_OBJECT_MISSING},
    {"InvalidEnumerationContext", REASON_OBJECT_MISSING},
    {"DestinationUnreachable", REASON_CLASS_MISSING},
    {"CannotProcessFilter", REASON_CLASS_MISSING},
    {"EncodingLimit", REASON_REPLY_TOO_LARGE},
    {"InternalError", REASON_PROVIDER_FAILED},
    {"FilteringNotSupported", REASON_QUERY_REFUSED},
    {"FilterDialectRequestedUnavailable", REASON_QUERY_REFUSED},
    {"ActionNotSupported", REASON_QUERY_REFUSED},
    {"InvalidParameter", REASON_QUERY_REFUSED},
    {"UnsupportedFeature", REASON_QUERY_REFUSED},
    {"SchemaValidationError", REASON_QUERY_REFUSED},
};

uint16_t wsman_fault_reason(uint32_t code, const char *subcode)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code)
            return codes[i].reason;
    const char *prefix = strrchr(subcode, ':');
    for (size_t i = 0; i < sizeof subcodes / sizeof subcodes[0]; i++)
        if (!strcmp(subcodes[i].subcode, prefix ? prefix + 1 : subcode))
            return subcodes[i].reason;
    return REASON_PROVIDER_FAILED;
}

uint16_t wsman_status_reason(int http_status)
{
    switch (http_status) {
    case 200:
        return REASON_OK;
    case 401:
        return REASON_LOGIN_REFUSED;
    case 403:
        return REASON_ACCESS_DENIED;
    case 429:
    case 503:
        return REASON_SERVICE_BUSY;
    default:
        return http_status >= 300 && http_status < 400 ? REASON_REDIRECTED : REASON_HTTP_STATUS;
    }
}
