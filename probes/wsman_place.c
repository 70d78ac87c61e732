/* Which element of a reply is what. Namespaces decide where SOAP and properties do; inside a response servers differ, so there the local
 * name does: WinRM itself has Items and EndOfSequence in two namespaces. See wsman_reader.h. */
#include <string.h>

#include "wsman_reader.h"

static const char soap[] = "http://www.w3.org/2003/05/soap-envelope", common[] = "http://schemas.dmtf.org/wbem/wscim/1/common",
                  wsman[] = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
                  addressing_2004[] = "http://schemas.xmlsoap.org/ws/2004/08/addressing",
                  addressing_2005[] = "http://www.w3.org/2005/08/addressing";

static const struct {
    enum wsman_place parent;
    const char *space; /* NULL: any */
    const char *local; /* NULL: any */
    enum wsman_place place;
} places[] = {
    {PLACE_TOP, soap, "Envelope", PLACE_ENVELOPE},
    {PLACE_ENVELOPE, soap, "Header", PLACE_HEADER},
    {PLACE_ENVELOPE, soap, "Body", PLACE_BODY},
    {PLACE_HEADER, NULL, "RelatesTo", PLACE_RELATES_TO},
    {PLACE_HEADER, NULL, "Action", PLACE_ACTION},
    {PLACE_BODY, soap, "Fault", PLACE_FAULT},
    {PLACE_BODY, NULL, "IdentifyResponse", PLACE_IDENTITY},
    {PLACE_BODY, NULL, "EnumerateResponse", PLACE_ENUMERATION},
    {PLACE_BODY, NULL, "PullResponse", PLACE_ENUMERATION},
    {PLACE_BODY, NULL, NULL, PLACE_ITEM}, /* of a Get, or what a method gave */
    {PLACE_IDENTITY, NULL, "ProductVendor", PLACE_VENDOR},
    {PLACE_IDENTITY, NULL, "ProductVersion", PLACE_VERSION},
    {PLACE_ENUMERATION, NULL, "EnumerationContext", PLACE_CONTEXT},
    {PLACE_ENUMERATION, NULL, "EndOfSequence", PLACE_END},
    {PLACE_ENUMERATION, NULL, "Items", PLACE_ITEMS},
    {PLACE_ITEMS, NULL, NULL, PLACE_ITEM},
    {PLACE_ITEM, NULL, NULL, PLACE_PROPERTY},
    {PLACE_PROPERTY, common, NULL, PLACE_WRAPPER}, /* cim:Datetime */
    {PLACE_PROPERTY, wsman, "ResourceURI", PLACE_ALIEN},
    {PLACE_PROPERTY, wsman, "SelectorSet", PLACE_WRAPPER},
    {PLACE_PROPERTY, addressing_2004, "Address", PLACE_ALIEN},
    {PLACE_PROPERTY, addressing_2005, "Address", PLACE_ALIEN},
    {PLACE_PROPERTY, addressing_2004, NULL, PLACE_WRAPPER}, /* EndpointReference, ReferenceParameters */
    {PLACE_PROPERTY, addressing_2005, NULL, PLACE_WRAPPER},
    {PLACE_PROPERTY, NULL, NULL, PLACE_PROPERTY}, /* of an embedded object; or a selector, by its name */
    {PLACE_FAULT, NULL, "Code", PLACE_FAULT_CODE},
    {PLACE_FAULT, NULL, "Reason", PLACE_FAULT_REASON},
    {PLACE_FAULT, NULL, "Detail", PLACE_DETAIL},
    {PLACE_FAULT_CODE, NULL, "Subcode", PLACE_SUBCODE},
    {PLACE_SUBCODE, NULL, "Value", PLACE_SUBCODE_VALUE},
    {PLACE_SUBCODE, NULL, "Subcode", PLACE_SUBCODE},
    {PLACE_FAULT_REASON, NULL, "Text", PLACE_FAULT_TEXT},
    {PLACE_DETAIL, NULL, "error_Code", PLACE_DETAIL_CODE},
    {PLACE_DETAIL, NULL, "StatusCode", PLACE_DETAIL_STATUS},
    {PLACE_DETAIL, NULL, "CIMStatusCode", PLACE_DETAIL_CIM},
    {PLACE_DETAIL, NULL, "Message", PLACE_DETAIL_TEXT},
    {PLACE_DETAIL, NULL, NULL, PLACE_DETAIL},
};

enum wsman_place place_of(enum wsman_place parent, const char *space, size_t space_size, const char *local)
{
    if (parent == PLACE_WRAPPER)
        parent = PLACE_PROPERTY;
    if (parent == PLACE_DETAIL_TEXT) /* WSManFault lies inside the Message of the one around it */
        parent = PLACE_DETAIL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i].parent != parent || (places[i].local && strcmp(places[i].local, local) != 0))
            continue;
        if (!places[i].space || (strlen(places[i].space) == space_size && !memcmp(places[i].space, space, space_size)))
            return places[i].place;
    }
    return PLACE_ALIEN;
}
