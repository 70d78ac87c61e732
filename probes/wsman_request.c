/* Requests of WS-Management, as WinRM takes them. See wsman.h. Every text from outside is escaped, every name is checked: nothing can be
 * injected into an envelope. */
#include <stdio.h>
#include <string.h>

#include "wsman.h"

#define NS_SOAP "http://www.w3.org/2003/05/soap-envelope"
#define NS_ADDRESSING "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define NS_ENUMERATION "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
#define NS_TRANSFER "http://schemas.xmlsoap.org/ws/2004/09/transfer"
#define NS_WSMAN "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define NS_IDENTITY "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
#define WMI_URI "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
#define WQL_DIALECT "http://schemas.microsoft.com/wbem/wsman/1/WQL"

/* An envelope under construction. Broken stays broken: whoever writes need not look until the end. */
struct writer {
    char *out;
    size_t size, used;
    bool broken;
};

static void put_bytes(struct writer *writer, const char *data, size_t size)
{
    if (writer->broken || size >= writer->size - writer->used) {
        writer->broken = true;
        return;
    }
    memcpy(writer->out + writer->used, data, size);
    writer->used += size;
}

static void put(struct writer *writer, const char *text)
{
    put_bytes(writer, text, strlen(text));
}

/* Size of the character at `at` that XML may carry, 0 if there is none (bad UTF-8, controls, surrogates, U+FFFE, U+FFFF). */
static size_t character_size(const char *at)
{
    const uint8_t *byte = (const uint8_t *)at;
    if (byte[0] < 0x80)
        return byte[0] >= 0x20 && byte[0] != 0x7f;
    size_t size = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
    if (byte[0] < 0xc2 || byte[0] > 0xf4)
        return 0;
    uint32_t point = byte[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) { /* the terminating zero is no continuation, so this stays inside the text */
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (byte[i] & 0x3fU);
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    bool carried = point >= smallest[size] && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff) && (point & 0xfffe) != 0xfffe;
    return carried ? size : 0;
}

/* Into an element or a quoted attribute. */
static void put_escaped(struct writer *writer, const char *text)
{
    static const struct {
        char character;
        const char *reference;
    } escapes[] = {{'<', "&lt;"},  {'>', "&gt;"},   {'&', "&amp;"},  {'"', "&quot;"},
                   {'\t', "&#9;"}, {'\n', "&#10;"}, {'\r', "&#13;"}, {'\0', NULL}};
    if (!text)
        writer->broken = true;
    for (size_t at = 0; !writer->broken && text[at];) {
        size_t escape = 0;
        while (escapes[escape].reference && escapes[escape].character != text[at])
            escape++;
        if (escapes[escape].reference) {
            put(writer, escapes[escape].reference);
            at++;
            continue;
        }
        size_t size = character_size(text + at);
        if (size == 0)
            writer->broken = true;
        put_bytes(writer, text + at, size);
        at += size;
    }
}

static bool in_name(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') || (character >= '0' && character <= '9') ||
           character == '_';
}

/* An identifier of WMI (class, method, parameter), or of its namespaces with `separator` '/': it becomes part of names and addresses. */
static void put_name(struct writer *writer, const char *name, char separator)
{
    bool good = name && *name && !(*name >= '0' && *name <= '9');
    for (const char *at = name; good && *at; at++)
        good = in_name(*at) || (separator && *at == separator);
    if (!good)
        writer->broken = true;
    else
        put(writer, name);
}

static void put_uri(struct writer *writer, const struct wsman_header *header)
{
    put(writer, WMI_URI);
    put_name(writer, header->wmi_namespace, '/');
    put(writer, "/");
    if (header->class_name)
        put_name(writer, header->class_name, '\0');
    else
        put(writer, "*");
}

/* The envelope up to the action, which the caller writes. */
static struct writer open_header(char *out, size_t size, const struct wsman_header *header)
{
    struct writer writer = {.out = out, .size = size};
    put(&writer, "<s:Envelope xmlns:s=\"" NS_SOAP "\" xmlns:a=\"" NS_ADDRESSING "\" xmlns:n=\"" NS_ENUMERATION "\" xmlns:w=\"" NS_WSMAN
                 "\"><s:Header><a:To>");
    put_escaped(&writer, header->to);
    put(&writer, "</a:To><w:ResourceURI s:mustUnderstand=\"true\">");
    put_uri(&writer, header);
    put(&writer, "</w:ResourceURI><a:ReplyTo><a:Address s:mustUnderstand=\"true\">" NS_ADDRESSING
                 "/role/anonymous</a:Address></a:ReplyTo><a:Action s:mustUnderstand=\"true\">");
    return writer;
}

/* What follows the action, up to the body's content. */
static void close_header(struct writer *writer, const struct wsman_header *header, const struct wsman_pair *selectors, size_t count)
{
    char numbers[128];
    snprintf(numbers, sizeof numbers, "</a:Action><w:MaxEnvelopeSize s:mustUnderstand=\"true\">%d</w:MaxEnvelopeSize><a:MessageID>",
             WSMAN_ENVELOPE_KB * 1024);
    put(writer, numbers);
    put_escaped(writer, header->message_id);
    snprintf(numbers, sizeof numbers, "<w:OperationTimeout>PT%u.%03uS</w:OperationTimeout>", header->operation_timeout_ms / 1000,
             header->operation_timeout_ms % 1000);
    put(writer, "</a:MessageID><w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>");
    put(writer, numbers);
    if (count) { /* an empty set is refused by some servers */
        put(writer, "<w:SelectorSet>");
        for (size_t i = 0; i < count; i++) {
            put(writer, "<w:Selector Name=\"");
            put_escaped(writer, selectors[i].name);
            put(writer, "\">");
            put_escaped(writer, selectors[i].value);
            put(writer, "</w:Selector>");
        }
        put(writer, "</w:SelectorSet>");
    }
    put(writer, "</s:Header><s:Body>");
}

static size_t close_envelope(struct writer *writer)
{
    put(writer, "</s:Body></s:Envelope>");
    if (writer->broken)
        return 0;
    writer->out[writer->used] = '\0';
    return writer->used;
}

size_t wsman_identify(char *out, size_t size)
{
    struct writer writer = {.out = out, .size = size};
    put(&writer, "<s:Envelope xmlns:s=\"" NS_SOAP "\" xmlns:wsmid=\"" NS_IDENTITY "\"><s:Header/><s:Body><wsmid:Identify/>");
    return close_envelope(&writer);
}

size_t wsman_enumerate(char *out, size_t size, const struct wsman_header *header, const char *wql, uint32_t max_elements)
{
    char number[64];
    struct writer writer = open_header(out, size, header);
    put(&writer, NS_ENUMERATION "/Enumerate");
    close_header(&writer, header, NULL, 0);
    snprintf(number, sizeof number, "<w:MaxElements>%u</w:MaxElements>", max_elements);
    put(&writer, "<n:Enumerate><w:OptimizeEnumeration/>");
    put(&writer, number);
    if (wql) {
        put(&writer, "<w:Filter Dialect=\"" WQL_DIALECT "\">");
        put_escaped(&writer, wql);
        put(&writer, "</w:Filter>");
    }
    put(&writer, "</n:Enumerate>");
    return close_envelope(&writer);
}

size_t wsman_pull(char *out, size_t size, const struct wsman_header *header, const char *context, uint32_t max_elements)
{
    char number[64];
    struct writer writer = open_header(out, size, header);
    put(&writer, NS_ENUMERATION "/Pull");
    close_header(&writer, header, NULL, 0);
    put(&writer, "<n:Pull><n:EnumerationContext>");
    put_escaped(&writer, context);
    snprintf(number, sizeof number, "<n:MaxElements>%u</n:MaxElements>", max_elements);
    put(&writer, "</n:EnumerationContext>");
    put(&writer, number);
    put(&writer, "</n:Pull>");
    return close_envelope(&writer);
}

size_t wsman_release(char *out, size_t size, const struct wsman_header *header, const char *context)
{
    struct writer writer = open_header(out, size, header);
    put(&writer, NS_ENUMERATION "/Release");
    close_header(&writer, header, NULL, 0);
    put(&writer, "<n:Release><n:EnumerationContext>");
    put_escaped(&writer, context);
    put(&writer, "</n:EnumerationContext></n:Release>");
    return close_envelope(&writer);
}

size_t wsman_get(char *out, size_t size, const struct wsman_header *header, const struct wsman_pair *selectors, size_t count)
{
    struct writer writer = open_header(out, size, header);
    put(&writer, NS_TRANSFER "/Get");
    close_header(&writer, header, selectors, count);
    return close_envelope(&writer);
}

size_t wsman_invoke(char *out, size_t size, const struct wsman_header *header, const char *method, const struct wsman_pair *selectors,
                    size_t selector_count, const struct wsman_pair *parameters, size_t parameter_count)
{
    struct writer writer = open_header(out, size, header);
    put_uri(&writer, header);
    put(&writer, "/");
    put_name(&writer, method, '\0');
    close_header(&writer, header, selectors, selector_count);
    put(&writer, "<p:");
    put_name(&writer, method, '\0');
    put(&writer, "_INPUT xmlns:p=\"");
    put_uri(&writer, header);
    put(&writer, parameter_count ? "\">" : "\"/>");
    for (size_t i = 0; i < parameter_count; i++) {
        put(&writer, "<p:");
        put_name(&writer, parameters[i].name, '\0');
        put(&writer, ">");
        put_escaped(&writer, parameters[i].value);
        put(&writer, "</p:");
        put_name(&writer, parameters[i].name, '\0');
        put(&writer, ">");
    }
    if (parameter_count) {
        put(&writer, "</p:");
        put_name(&writer, method, '\0');
        put(&writer, "_INPUT>");
    }
    return close_envelope(&writer);
}

void wsman_message_id(const uint8_t nonce[16], uint32_t number, char out[48])
{
    uint8_t id[16];
    memcpy(id, nonce, sizeof id);
    for (int i = 0; i < 4; i++)
        id[12 + i] ^= (uint8_t)(number >> (24 - 8 * i));
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    snprintf(out, 48, "uuid:%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", id[0], id[1], id[2], id[3], id[4], id[5],
             id[6], id[7], id[8], id[9], id[10], id[11], id[12], id[13], id[14], id[15]);
}
