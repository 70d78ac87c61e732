/* How replies look: the envelope, one instance, one fault. Decides nothing. */
#include "soap_reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "wql.h"

void soap_new_id(char id[SOAP_ID_MAX])
{
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        abort();
    size_t length = (size_t)snprintf(id, SOAP_ID_MAX, "uuid:");
    for (size_t i = 0; i < sizeof random; i++)
        length +=
            (size_t)snprintf(id + length, SOAP_ID_MAX - length, "%s%02X", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", random[i]);
}

void soap_begin(struct text *reply, const char *action, const char *relates_to)
{
    char id[SOAP_ID_MAX];
    soap_new_id(id);
    text_format(reply,
                "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"%s\" xmlns:a=\"%s\" xmlns:x=\"%s\" xmlns:n=\"%s\" xmlns:w=\"%s\" xmlns:p=\"%s\">"
                "<s:Header><a:Action>",
                SOAP_ENVELOPE_URI, SOAP_ADDRESSING_URI, SOAP_TRANSFER_URI, SOAP_ENUMERATION_URI, SOAP_WSMAN_URI, SOAP_MICROSOFT_URI);
    text_add_escaped(reply, action);
    text_format(reply, "</a:Action><a:MessageID>%s</a:MessageID><a:To>%s</a:To>", id, SOAP_ANONYMOUS_URI);
    if (relates_to[0]) {
        text_add(reply, "<a:RelatesTo>");
        text_add_escaped(reply, relates_to);
        text_add(reply, "</a:RelatesTo>");
    }
    text_add(reply, "</s:Header><s:Body>");
}

void soap_end(struct text *reply)
{
    text_add(reply, "</s:Body></s:Envelope>");
}

static void one_value(const char *prefix, const char *name, const struct value *value, const char *text, struct text *reply)
{
    text_format(reply, "<%s%s>", prefix, name);
    switch (value->type) {
    case VALUE_NUMBER:
        text_format(reply, "%" PRIu64, value->number);
        break;
    case VALUE_BOOLEAN:
        text_add(reply, value->number ? "true" : "false");
        break;
    case VALUE_DATETIME:
        text_add(reply, "<cim:Datetime xmlns:cim=\"" SOAP_CIM_URI "\">");
        text_add_escaped(reply, text);
        text_add(reply, "</cim:Datetime>");
        break;
    default:
        text_add_escaped(reply, text);
    }
    text_format(reply, "</%s%s>", prefix, name);
}

void soap_value(const char *prefix, const char *name, const struct value *value, struct text *reply)
{
    if (value->type == VALUE_NULL || (value->type == VALUE_ARRAY && value->count == 0))
        text_format(reply, "<%s%s xsi:nil=\"true\"/>", prefix, name);
    else if (value->type == VALUE_ARRAY)
        for (size_t i = 0; i < value->count; i++)
            one_value(prefix, name, value, value->texts[i], reply);
    else
        one_value(prefix, name, value, value->text, reply);
}

/* "Outer/Inner" is a property of an embedded object. */
static void property(const struct soap_caller *caller, const struct class *class, size_t position, size_t index, const char *prefix,
                     struct text *reply)
{
    const char *name = class->properties[index].name, *inner = strchr(name, '/');
    struct value value = {0};
    class->value(caller->world, caller->node, position, index, &value);
    if (!inner) {
        soap_value(prefix, name, &value, reply);
        return;
    }
    int outer = (int)(inner - name);
    if (value.type == VALUE_NULL) {
        text_format(reply, "<%s%.*s xsi:nil=\"true\"/>", prefix, outer, name);
        return;
    }
    text_format(reply, "<%s%.*s>", prefix, outer, name);
    soap_value(prefix, inner + 1, &value, reply);
    text_format(reply, "</%s%.*s>", prefix, outer, name);
}

void soap_instance(const struct soap_caller *caller, const struct class *class, size_t position, struct text *reply)
{
    text_format(reply, "<p:%s xmlns:xsi=\"%s\" xmlns:p=\"%s%s/%s\" xmlns:cim=\"%s\" xsi:type=\"p:%s_Type\">", class->name, SOAP_XSI_URI,
                SOAP_WMI_URI, class->wmi_namespace, class->name, SOAP_CIM_URI, class->name);
    for (size_t i = 0; i < class->property_count; i++)
        property(caller, class, position, i, "p:", reply);
    text_format(reply, "</p:%s>", class->name);
}

void soap_fragment(const struct soap_caller *caller, const struct class *class, size_t position, const struct wql *wql, struct text *reply)
{
    text_add(reply, "<w:XmlFragment xmlns:xsi=\"" SOAP_XSI_URI "\">");
    for (size_t i = 0; i < wql->column_count; i++)
        for (size_t k = 0; k < class->property_count; k++)
            if (wql_names(class, k, wql->columns[i]))
                property(caller, class, position, k, "", reply);
    text_add(reply, "</w:XmlFragment>");
}

#define WSMAN_FAULT "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
#define ADDRESSING_FAULT SOAP_ADDRESSING_URI "/fault"
#define ENUMERATION_FAULT SOAP_ENUMERATION_URI "/fault"

static const struct {
    uint32_t code;
    const char *who, *subcode, *action, *text;
} faults[SOAP_FAULT_COUNT] = {
    [SOAP_ACCESS_DENIED] = {5, "s:Sender", "w:AccessDenied", WSMAN_FAULT, "Access is denied."},
    [SOAP_ACTION_NOT_SUPPORTED] = {2150858771, "s:Sender", "a:ActionNotSupported", ADDRESSING_FAULT, "The action is not supported here."},
    [SOAP_BAD_BODY] = {2150858817, "s:Sender", "w:SchemaValidationError", WSMAN_FAULT, "The request's body does not follow the schema."},
    [SOAP_BAD_CONTEXT] = {2150858779, "s:Receiver", "n:InvalidEnumerationContext", ENUMERATION_FAULT, "There is no such enumeration."},
    [SOAP_BAD_FILTER] = {2150858778, "s:Sender", "n:CannotProcessFilter", ENUMERATION_FAULT, "The filter cannot be processed."},
    [SOAP_BAD_PARAMETER] = {2150858810, "s:Sender", "w:InvalidParameter", WSMAN_FAULT, "A parameter of the method is not valid."},
    [SOAP_BAD_RESOURCE] = {2150858811, "s:Sender", "a:DestinationUnreachable", ADDRESSING_FAULT,
                           "The resource URI is missing or names nothing."},
    [SOAP_BAD_SELECTORS] = {2150858813, "s:Sender", "w:InvalidSelectors", WSMAN_FAULT, "The selectors do not name an instance."},
    [SOAP_BAD_XML] = {2150858819, "s:Sender", "w:SchemaValidationError", WSMAN_FAULT, "The request is not well-formed."},
    [SOAP_DIALECT] = {2150858777, "s:Sender", "n:FilterDialectRequestedUnavailable", ENUMERATION_FAULT,
                      "Filters are understood in WQL only."},
    [SOAP_ENVELOPE_TOO_SMALL] = {2150858878, "s:Sender", "w:EncodingLimit", WSMAN_FAULT, "MaxEnvelopeSize is at least 8192 bytes."},
    [SOAP_HEADER_MISSING] = {2150858769, "s:Sender", "a:MessageInformationHeaderRequired", ADDRESSING_FAULT, "A header is missing."},
    [SOAP_ITEM_TOO_LARGE] = {2150858805, "s:Sender", "w:EncodingLimit", WSMAN_FAULT, "One item is larger than MaxEnvelopeSize."},
    [SOAP_MODE] = {2150858886, "s:Sender", "w:UnsupportedFeature", WSMAN_FAULT, "This enumeration mode is not supported."},
    [SOAP_NOT_UNDERSTOOD] = {2150858768, "s:MustUnderstand", NULL, ADDRESSING_FAULT, "A header that must be understood is not."},
    [SOAP_OPERATIONS_QUOTA] = {2150859174, "s:Receiver", "w:QuotaLimit", WSMAN_FAULT,
                               "This user has reached the maximum of concurrent operations: close some, or wait."},
    [SOAP_PROVIDER_REFUSED] = {0x80041001, "s:Receiver", "w:InternalError", WSMAN_FAULT, "The provider has failed."},
    [SOAP_VERSION] = {2150858765, "s:VersionMismatch", NULL, ADDRESSING_FAULT, "Only SOAP 1.2 is spoken here."},
};

/* the form in which failures of providers come: the error is an instance itself */
static void wmi_error(uint32_t code, const char *text, struct text *reply)
{
    text_format(
        reply,
        "<p:MSFT_WmiError b:IsCIM_Error=\"true\" xmlns:xsi=\"%s\" xmlns:b=\"http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd\" "
        "xmlns:p=\"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError\" xmlns:cim=\"%s\" xsi:type=\"p:MSFT_WmiError_Type\">"
        "<p:CIMStatusCode xsi:type=\"cim:cimUnsignedInt\">1</p:CIMStatusCode><p:Message xsi:type=\"cim:cimString\">",
        SOAP_XSI_URI, SOAP_CIM_URI);
    text_add_escaped(reply, text);
    text_format(reply,
                "</p:Message><p:MessageID xsi:type=\"cim:cimString\">HRESULT 0x%08" PRIx32 "</p:MessageID>"
                "<p:error_Category xsi:type=\"cim:cimUnsignedInt\">0</p:error_Category>"
                "<p:error_Code xsi:type=\"cim:cimUnsignedInt\">%" PRIu32 "</p:error_Code>"
                "<p:error_Type xsi:type=\"cim:cimString\">HRESULT</p:error_Type></p:MSFT_WmiError>",
                code, code);
}

static void wsman_fault(uint32_t code, const char *machine, const char *text, bool by_provider, struct text *reply)
{
    text_format(reply, "<f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"%" PRIu32 "\" Machine=\"",
                code);
    text_add_escaped(reply, machine);
    text_add(reply, "\"><f:Message>");
    if (by_provider) {
        text_add(reply, "<f:ProviderFault provider=\"WMI Provider\" path=\"%systemroot%\\system32\\WsmWmiPl.dll\">");
        wsman_fault(code, machine, text, false, reply);
        text_add(reply, "</f:ProviderFault>");
    } else {
        text_add_escaped(reply, text);
    }
    text_add(reply, "</f:Message></f:WSManFault>");
}

unsigned soap_fault(const struct soap_caller *caller, const struct soap_request *request, enum soap_fault fault, const char *text,
                    struct text *reply)
{
    char said[400];
    if (text && text[0])
        snprintf(said, sizeof said, "%s (%s)", faults[fault].text, text);
    else
        snprintf(said, sizeof said, "%s", faults[fault].text);
    text_free(reply);
    soap_begin(reply, faults[fault].action, request->message_id);
    text_format(reply, "<s:Fault><s:Code><s:Value>%s</s:Value>", faults[fault].who);
    if (faults[fault].subcode)
        text_format(reply, "<s:Subcode><s:Value>%s</s:Value></s:Subcode>", faults[fault].subcode);
    text_add(reply, "</s:Code><s:Reason><s:Text xml:lang=\"en-US\">");
    text_add_escaped(reply, said);
    text_add(reply, "</s:Text></s:Reason><s:Detail>");
    if (fault == SOAP_PROVIDER_REFUSED)
        wmi_error(faults[fault].code, said, reply);
    else
        wsman_fault(faults[fault].code, caller->node_name, said, fault == SOAP_BAD_FILTER, reply);
    text_add(reply, "</s:Detail></s:Fault>");
    soap_end(reply);
    return 500;
}
