/* A request's XML → struct soap_request. Strict where WS-Management is: what must be understood and is not, what is missing, what is in
 * a foreign namespace is a fault. Knows neither classes nor who asks. */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soap.h"

enum { DEPTH_MAX = 16, ELEMENTS_MAX = 1000, SEPARATOR = '\n' };

struct reader {
    XML_Parser parser;
    struct soap_request *request;
    unsigned depth, elements;
    bool in_header, in_body, identity;
    char *text; /* where character data goes now; NULL: nowhere */
    size_t text_size;
    char number[16];
    uint32_t *into; /* the number that `number` becomes */
    bool *null;     /* of the parameter being read */
};

static void flaw(struct reader *reader, enum soap_fault fault, const char *what)
{
    struct soap_request *request = reader->request;
    if (request->fault)
        return;
    request->fault = fault;
    snprintf(request->flaw, sizeof request->flaw, "%s", what);
}

/* "namespace\nlocal": does it mean this element? */
static bool means(const char *name, const char *uri, const char *local)
{
    size_t length = strlen(uri);
    return !strncmp(name, uri, length) && name[length] == SEPARATOR && !strcmp(name + length + 1, local);
}

static const char *local_name(const char *name)
{
    const char *separator = strchr(name, SEPARATOR);
    return separator ? separator + 1 : name;
}

static const char *attribute(const char **attributes, const char *name)
{
    for (; *attributes; attributes += 2)
        if (!strcmp(*attributes, name))
            return attributes[1];
    return NULL;
}

static bool yes(const char *text)
{
    return text && (!strcmp(text, "true") || !strcmp(text, "1"));
}

static void read_text(struct reader *reader, char *text, size_t size)
{
    text[0] = '\0';
    reader->text = text;
    reader->text_size = size;
}

static void read_number(struct reader *reader, uint32_t *into)
{
    read_text(reader, reader->number, sizeof reader->number);
    reader->into = into;
}

static void envelope(struct reader *reader, const char *name)
{
    if (strcmp(local_name(name), "Envelope") != 0)
        flaw(reader, SOAP_BAD_XML, "the outermost element is no Envelope");
    else if (!means(name, SOAP_ENVELOPE_URI, "Envelope"))
        flaw(reader, SOAP_VERSION, "the envelope is not of SOAP 1.2");
}

static void part(struct reader *reader, const char *name)
{
    if (means(name, SOAP_ENVELOPE_URI, "Header"))
        reader->in_header = true;
    else if (means(name, SOAP_ENVELOPE_URI, "Body"))
        reader->in_body = true;
    else
        flaw(reader, SOAP_BAD_XML, "an envelope has a header and a body");
}

static void header(struct reader *reader, const char *name, const char **attributes)
{
    static const struct {
        const char *uri, *local;
    } silently[] = {{SOAP_WSMAN_URI, "OperationTimeout"}, {SOAP_WSMAN_URI, "Locale"},         {SOAP_WSMAN_URI, "SelectorSet"},
                    {SOAP_WSMAN_URI, "OptionSet"},        {SOAP_MICROSOFT_URI, "DataLocale"}, {SOAP_MICROSOFT_URI, "SessionId"},
                    {SOAP_MICROSOFT_URI, "OperationID"},  {SOAP_MICROSOFT_URI, "SequenceId"}, {SOAP_MICROSOFT_URI, "ActivityId"}};
    struct soap_request *request = reader->request;
    if (means(name, SOAP_ADDRESSING_URI, "Action")) {
        read_text(reader, request->action, sizeof request->action);
    } else if (means(name, SOAP_WSMAN_URI, "ResourceURI")) {
        read_text(reader, request->resource, sizeof request->resource);
    } else if (means(name, SOAP_ADDRESSING_URI, "MessageID")) {
        read_text(reader, request->message_id, sizeof request->message_id);
    } else if (means(name, SOAP_WSMAN_URI, "MaxEnvelopeSize")) {
        read_number(reader, &request->max_envelope);
    } else if (means(name, SOAP_ADDRESSING_URI, "To")) {
        request->has_to = true;
    } else if (means(name, SOAP_ADDRESSING_URI, "ReplyTo")) {
        request->has_reply_to = true;
    } else {
        for (size_t i = 0; i < sizeof silently / sizeof *silently; i++)
            if (means(name, silently[i].uri, silently[i].local))
                return;
        if (yes(attribute(attributes, SOAP_ENVELOPE_URI "\nmustUnderstand")))
            flaw(reader, SOAP_NOT_UNDERSTOOD, local_name(name));
    }
}

static void selector(struct reader *reader, const char *name, const char **attributes)
{
    struct soap_request *request = reader->request;
    const char *key = attribute(attributes, "Name");
    if (!means(name, SOAP_WSMAN_URI, "Selector") || !key || !*key || request->selector_count == SOAP_SELECTORS_MAX) {
        flaw(reader, SOAP_BAD_SELECTORS, "a selector without a name, or too many of them");
        return;
    }
    struct soap_selector *one = &request->selectors[request->selector_count++];
    snprintf(one->name, sizeof one->name, "%s", key);
    read_text(reader, one->value, sizeof one->value);
}

static void in_header_part(struct reader *reader, const char *name, const char **attributes)
{
    /* only SelectorSet and ReplyTo have children that matter, and what is in ReplyTo is not looked at closely */
    if (means(name, SOAP_WSMAN_URI, "Selector") || strcmp(local_name(name), "Selector") == 0)
        selector(reader, name, attributes);
}

static void body(struct reader *reader, const char *name)
{
    struct soap_request *request = reader->request;
    if (request->body[0]) {
        flaw(reader, SOAP_BAD_BODY, "more than one element in the body");
        return;
    }
    const char *local = local_name(name);
    snprintf(request->body, sizeof request->body, "%s", local);
    if (local != name)
        snprintf(request->body_namespace, sizeof request->body_namespace, "%.*s", (int)(local - name - 1), name);
    request->identify = means(name, SOAP_IDENTITY_URI, "Identify");
    request->parameter_count = 0;
}

static void parameter(struct reader *reader, const char *name, const char **attributes)
{
    struct soap_request *request = reader->request;
    const char *local = local_name(name);
    if (!means(name, request->body_namespace, local)) {
        flaw(reader, SOAP_BAD_BODY, "a parameter in a namespace that is not its method's");
    } else if (request->parameter_count == SOAP_PARAMETERS_MAX) {
        flaw(reader, SOAP_BAD_PARAMETER, "too many parameters");
    } else {
        struct soap_selector *one = &request->parameters[request->parameter_count];
        snprintf(one->name, sizeof one->name, "%s", local);
        request->parameter_is_null[request->parameter_count++] = yes(attribute(attributes, SOAP_XSI_URI "\nnil"));
        read_text(reader, one->value, sizeof one->value);
    }
}

static void in_enumerate(struct reader *reader, const char *name, const char **attributes)
{
    struct soap_request *request = reader->request;
    if (means(name, SOAP_WSMAN_URI, "OptimizeEnumeration")) {
        request->optimised = true;
    } else if (means(name, SOAP_WSMAN_URI, "MaxElements")) {
        read_number(reader, &request->max_elements);
    } else if (means(name, SOAP_WSMAN_URI, "Filter")) {
        const char *dialect = attribute(attributes, "Dialect");
        snprintf(request->dialect, sizeof request->dialect, "%s", dialect ? dialect : "");
        request->has_filter = true;
        read_text(reader, request->filter, sizeof request->filter);
    } else if (means(name, SOAP_WSMAN_URI, "EnumerationMode")) {
        read_text(reader, request->mode, sizeof request->mode);
    } else if (!means(name, SOAP_ENUMERATION_URI, "Expires")) {
        flaw(reader, SOAP_BAD_BODY, local_name(name));
    }
}

static void in_pull(struct reader *reader, const char *name)
{
    struct soap_request *request = reader->request;
    if (means(name, SOAP_ENUMERATION_URI, "EnumerationContext"))
        read_text(reader, request->context, sizeof request->context);
    else if (means(name, SOAP_ENUMERATION_URI, "MaxElements"))
        read_number(reader, &request->max_elements);
    else if (!means(name, SOAP_ENUMERATION_URI, "MaxTime") && !means(name, SOAP_ENUMERATION_URI, "MaxCharacters"))
        flaw(reader, SOAP_BAD_BODY, local_name(name));
}

static void in_body_part(struct reader *reader, const char *name, const char **attributes)
{
    const struct soap_request *request = reader->request;
    bool enumeration = !strcmp(request->body_namespace, SOAP_ENUMERATION_URI);
    if (enumeration && !strcmp(request->body, "Enumerate"))
        in_enumerate(reader, name, attributes);
    else if (enumeration)
        in_pull(reader, name);
    else if (!request->identify)
        parameter(reader, name, attributes);
}

static void XMLCALL started(void *data, const char *name, const char **attributes)
{
    struct reader *reader = data;
    reader->text = NULL;
    if (++reader->depth > DEPTH_MAX || ++reader->elements > ELEMENTS_MAX) {
        flaw(reader, SOAP_BAD_XML, "nested too deeply, or too many elements");
        XML_StopParser(reader->parser, XML_FALSE);
        return;
    }
    if (reader->depth == 1)
        envelope(reader, name);
    else if (reader->depth == 2)
        part(reader, name);
    else if (reader->depth == 3)
        reader->in_header ? header(reader, name, attributes) : body(reader, name);
    else if (reader->depth == 4)
        reader->in_header ? in_header_part(reader, name, attributes) : in_body_part(reader, name, attributes);
}

static void XMLCALL ended(void *data, const char *name)
{
    (void)name;
    struct reader *reader = data;
    if (reader->into) {
        char *end;
        unsigned long number = strtoul(reader->number, &end, 10);
        if (end == reader->number || *end || number == 0 || number > UINT32_MAX)
            flaw(reader, SOAP_BAD_BODY, "a number is missing or out of range");
        *reader->into = (uint32_t)number;
    }
    reader->into = NULL;
    reader->text = NULL;
    if (--reader->depth == 1)
        reader->in_header = reader->in_body = false;
}

static void XMLCALL characters(void *data, const char *bytes, int length)
{
    struct reader *reader = data;
    if (!reader->text)
        return;
    size_t used = strlen(reader->text);
    if ((size_t)length >= reader->text_size - used) {
        flaw(reader, SOAP_BAD_XML, "a value is too long");
        return;
    }
    memcpy(reader->text + used, bytes, (size_t)length);
    reader->text[used + (size_t)length] = '\0';
}

static void XMLCALL doctype(void *data, const char *name, const char *system, const char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    struct reader *reader = data;
    flaw(reader, SOAP_BAD_XML, "a document type is not accepted");
    XML_StopParser(reader->parser, XML_FALSE);
}

/* what every message but Identify must say about itself */
static void check_headers(struct soap_request *request)
{
    const char *missing = !request->action[0]       ? "Action"
                          : !request->message_id[0] ? "MessageID"
                          : !request->has_to        ? "To"
                          : !request->has_reply_to  ? "ReplyTo"
                                                    : NULL;
    if (request->fault || request->identify)
        return;
    if (missing) {
        request->fault = SOAP_HEADER_MISSING;
        snprintf(request->flaw, sizeof request->flaw, "%s", missing);
    } else if (!request->resource[0]) {
        request->fault = SOAP_BAD_RESOURCE;
        snprintf(request->flaw, sizeof request->flaw, "there is no ResourceURI");
    } else if (request->max_envelope && request->max_envelope < SOAP_ENVELOPE_MIN) {
        request->fault = SOAP_ENVELOPE_TOO_SMALL;
    }
}

void soap_parse(const char *bytes, size_t length, struct soap_request *request)
{
    *request = (struct soap_request){0};
    struct reader reader = {.parser = XML_ParserCreateNS(NULL, SEPARATOR), .request = request};
    if (!reader.parser)
        abort();
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, started, ended);
    XML_SetCharacterDataHandler(reader.parser, characters);
    XML_SetStartDoctypeDeclHandler(reader.parser, doctype);
    if (length > SOAP_REQUEST_MAX)
        flaw(&reader, SOAP_BAD_XML, "the request is too long");
    else if (XML_Parse(reader.parser, bytes, (int)length, XML_TRUE) != XML_STATUS_OK)
        flaw(&reader, SOAP_BAD_XML, XML_ErrorString(XML_GetErrorCode(reader.parser)));
    XML_ParserFree(reader.parser);
    check_headers(request);
}
