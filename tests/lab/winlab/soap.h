/* WS-Management as Windows speaks it, from the server's side: a request's bytes → one reply. Knows the world only through class.h
 * and nothing of HTTP. Replies have the form of recorded Windows captures; what nobody recorded is the nearest thing to them. */
#ifndef SOLOWARDEN_WINLAB_SOAP_H
#define SOLOWARDEN_WINLAB_SOAP_H

#include "class.h"
#include "text.h"

enum {
    SOAP_REQUEST_MAX = 512 * 1024,
    SOAP_ENVELOPE_DEFAULT = 512000,
    SOAP_ENVELOPE_MIN = 8192,
    SOAP_ELEMENTS_MAX = 32000,
    SOAP_SELECTORS_MAX = 16,
    SOAP_PARAMETERS_MAX = 16,
    SOAP_URI_MAX = 512,
    SOAP_FILTER_MAX = 4096
};

#define SOAP_ENVELOPE_URI "http://www.w3.org/2003/05/soap-envelope"
#define SOAP_ADDRESSING_URI "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define SOAP_ENUMERATION_URI "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
#define SOAP_TRANSFER_URI "http://schemas.xmlsoap.org/ws/2004/09/transfer"
#define SOAP_WSMAN_URI "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define SOAP_MICROSOFT_URI "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
#define SOAP_IDENTITY_URI "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
#define SOAP_XSI_URI "http://www.w3.org/2001/XMLSchema-instance"
#define SOAP_CIM_URI "http://schemas.dmtf.org/wbem/wscim/1/common"
#define SOAP_WMI_URI "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
#define SOAP_WQL_URI "http://schemas.microsoft.com/wbem/wsman/1/WQL"
#define SOAP_ANONYMOUS_URI SOAP_ADDRESSING_URI "/role/anonymous"

enum soap_fault {
    SOAP_GOOD,
    SOAP_ACCESS_DENIED,
    SOAP_ACTION_NOT_SUPPORTED,
    SOAP_BAD_BODY,
    SOAP_BAD_CONTEXT,
    SOAP_BAD_FILTER,
    SOAP_BAD_PARAMETER,
    SOAP_BAD_RESOURCE,
    SOAP_BAD_SELECTORS,
    SOAP_BAD_XML,
    SOAP_DIALECT,
    SOAP_ENVELOPE_TOO_SMALL,
    SOAP_HEADER_MISSING,
    SOAP_ITEM_TOO_LARGE,
    SOAP_MODE,
    SOAP_NOT_UNDERSTOOD,
    SOAP_OPERATIONS_QUOTA,
    SOAP_PROVIDER_REFUSED,
    SOAP_VERSION,
    SOAP_FAULT_COUNT
};

struct soap_selector {
    char name[64], value[VALUE_TEXT_MAX];
};

struct soap_request {
    enum soap_fault fault; /* not GOOD: the request is flawed, `flaw` says where */
    char flaw[160];
    bool identify, has_to, has_reply_to, has_filter, optimised;
    char action[SOAP_URI_MAX], resource[SOAP_URI_MAX], message_id[128];
    uint32_t max_envelope, max_elements; /* 0: not said */
    size_t selector_count, parameter_count;
    struct soap_selector selectors[SOAP_SELECTORS_MAX], parameters[SOAP_PARAMETERS_MAX];
    bool parameter_is_null[SOAP_PARAMETERS_MAX];
    char filter[SOAP_FILTER_MAX], dialect[SOAP_URI_MAX], mode[64];
    char context[64];
    char body[128], body_namespace[SOAP_URI_MAX]; /* the body's one element; "" = none */
};

void soap_parse(const char *bytes, size_t length, struct soap_request *request);

enum soap_role { ROLE_NONE, ROLE_OBSERVE, ROLE_ACT };
struct soap_contexts; /* the enumerations that are open on one node */
struct soap_contexts *soap_contexts_open(void);
void soap_contexts_close(struct soap_contexts *contexts);
size_t soap_contexts_count(const struct soap_contexts *contexts);
void soap_contexts_expire(struct soap_contexts *contexts, uint64_t now_ms);

struct soap_caller {
    struct world *world;
    size_t node;
    const char *node_name, *user; /* user "": nobody proved who he is; only Identify is answered */
    enum soap_role role;
    struct soap_contexts *contexts;
    uint64_t now_ms;
    uint32_t *takes_ms; /* may be NULL: for how long an invoked method waits before its reply goes out */
};
/* Adds the reply to `reply`; returns the HTTP status. */
unsigned soap_answer(const struct soap_caller *caller, const char *bytes, size_t length, struct text *reply);

#endif
