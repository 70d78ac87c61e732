/* One walk of the SNMP manager: GETBULK after GETBULK below one subtree, its values as lines. Owns every bound: identifiers must grow,
 * each answer must bring something, bytes and time are limited. */
#include "snmp_manager_parts.h"

#include <stdio.h>
#include <string.h>

enum { REPETITIONS = 24, LINE_MAX_BYTES = 8 * 1024, WALK_MS_MAX = 300000 };

/* ---- lines: "OID|TAG|VALUE" as snmprec writes them ---- */

struct writer {
    char *at, *end; /* at NULL: it did not fit */
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    if (!writer->at)
        return;
    va_start(arguments, format);
    int size = vsnprintf(writer->at, (size_t)(writer->end - writer->at), format, arguments);
    va_end(arguments);
    writer->at = size >= 0 && size < writer->end - writer->at ? writer->at + size : NULL;
}

static void put_identifier(struct writer *writer, const oid *name, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put(writer, i ? ".%lu" : "%lu", name[i] & UINT32_MAX);
}

static bool printable(const u_char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < ' ' || bytes[i] > '~')
            return false;
    return true;
}

static void put_octets(struct writer *writer, unsigned tag, const u_char *bytes, size_t size)
{
    if (tag == ASN_OCTET_STR && printable(bytes, size)) {
        put(writer, "%u|%.*s", tag, (int)size, (const char *)bytes);
        return;
    }
    put(writer, "%ux|", tag);
    for (size_t i = 0; i < size && writer->at; i++)
        put(writer, "%02x", bytes[i]);
}

static void put_value(struct writer *writer, const netsnmp_variable_list *variable)
{
    const struct counter64 *wide = variable->val.counter64;
    unsigned tag = variable->type;
    switch (variable->type) {
    case ASN_INTEGER:
        put(writer, "%u|%ld", tag, *variable->val.integer);
        break;
    case ASN_COUNTER:
    case ASN_GAUGE:
    case ASN_TIMETICKS:
        put(writer, "%u|%lu", tag, (u_long)*variable->val.integer & UINT32_MAX);
        break;
    case ASN_COUNTER64:
        put(writer, "%u|%llu", tag, (unsigned long long)wide->high << 32 | (wide->low & UINT32_MAX));
        break;
    case ASN_OBJECT_ID:
        put(writer, "%u|", tag);
        put_identifier(writer, variable->val.objid, variable->val_len / sizeof(oid));
        break;
    case ASN_NULL:
        put(writer, "%u|", tag);
        break;
    default:
        put_octets(writer, tag, variable->val.string, variable->val_len);
        break;
    }
}

bool walk_line(struct walk *walk, const netsnmp_variable_list *variable)
{
    char *begin = walk->piece.as.piece + walk->filled;
    size_t room = sizeof walk->piece.as.piece - walk->filled;
    struct writer writer = {begin, begin + (room < LINE_MAX_BYTES ? room : LINE_MAX_BYTES)};
    put_identifier(&writer, variable->name, variable->name_length);
    put(&writer, "|");
    put_value(&writer, variable);
    put(&writer, "\n");
    if (!writer.at)
        return false;
    walk->filled += (size_t)(writer.at - begin);
    walk->bytes += (size_t)(writer.at - begin);
    return true;
}

/* ---- answers ---- */

void walk_over(struct walk *walk, uint16_t reason, const char *why)
{
    walk->state = WALK_OVER;
    walk->end.reason = reason;
    snprintf(walk->end.text, sizeof walk->end.text, "%s", why ? why : "");
}

static bool below(const struct walk *walk, const netsnmp_variable_list *variable)
{
    return variable->name_length > walk->root_size &&
           snmp_oidtree_compare(walk->root, walk->root_size, variable->name, walk->root_size) == 0;
}

/* False: the walk is over. */
static bool take_variable(struct walk *walk, const netsnmp_variable_list *variable)
{
    if (variable->type == SNMP_ENDOFMIBVIEW || variable->type == SNMP_NOSUCHOBJECT || variable->type == SNMP_NOSUCHINSTANCE ||
        !below(walk, variable))
        walk_over(walk, REASON_OK, NULL);
    else if (snmp_oid_compare(variable->name, variable->name_length, walk->at, walk->at_size) <= 0)
        walk_over(walk, REASON_BAD_REPLY, "the identifiers of its table do not grow");
    else if (!walk_line(walk, variable))
        walk_over(walk, REASON_REPLY_TOO_LARGE, "a value is too long");
    else if (walk->bytes > walk->bytes_max)
        walk_over(walk, REASON_REPLY_TOO_LARGE, NULL);
    if (walk->state == WALK_OVER)
        return false;
    memcpy(walk->at, variable->name, variable->name_length * sizeof *walk->at);
    walk->at_size = variable->name_length;
    return true;
}

static void take_error(struct walk *walk, long status)
{
    if (status == SNMP_ERR_TOOBIG && walk->repetitions > 1)
        walk->repetitions /= 2;
    else if (status == SNMP_ERR_NOACCESS || status == SNMP_ERR_AUTHORIZATIONERROR)
        walk_over(walk, REASON_SNMP_REFUSED, snmp_errstring((int)status));
    else
        walk_over(walk, REASON_PROVIDER_FAILED, snmp_errstring((int)status));
}

static void take_answer(struct walk *walk, netsnmp_pdu *pdu)
{
    uint16_t reason;
    walk->tries = 0;
    if (pdu->command == SNMP_MSG_REPORT) {
        const char *why = report_text(pdu, &reason);
        peer_doom(walk->peer);
        walk_over(walk, reason, why);
    } else if (pdu->command != SNMP_MSG_RESPONSE || (pdu->errstat == SNMP_ERR_NOERROR && !pdu->variables)) {
        walk_over(walk, REASON_BAD_REPLY, "an answer without values");
    } else if (pdu->errstat != SNMP_ERR_NOERROR) {
        take_error(walk, pdu->errstat);
    } else {
        for (const netsnmp_variable_list *variable = pdu->variables; variable && take_variable(walk, variable);)
            variable = variable->next_variable;
    }
}

static int answered(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
    struct walk *walk = magic;
    (void)session, (void)request;
    bool received = operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && pdu;
    if (!received && operation != NETSNMP_CALLBACK_OP_TIMED_OUT && operation != NETSNMP_CALLBACK_OP_DISCONNECT &&
        operation != NETSNMP_CALLBACK_OP_SEND_FAILED)
        return 1; /* a word in between: the library goes on, and one of these follows */
    walk->state = WALK_DUE;
    if (received) {
        take_answer(walk, pdu);
    } else if (walk->tries >= TRIES) {
        peer_doom(walk->peer);
        walk_over(walk, REASON_SNMP_TIMEOUT, NULL);
    }
    return 1;
}

/* ---- requests ---- */

void walk_send(struct walk *walk, int64_t now)
{
    if (now - walk->began > WALK_MS_MAX) {
        walk_over(walk, REASON_REPLY_TOO_LARGE, "the walk takes too long");
        return;
    }
    netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GETBULK);
    if (!pdu || !snmp_add_null_var(pdu, walk->at, walk->at_size))
        abort();
    pdu->non_repeaters = 0;
    pdu->max_repetitions = walk->repetitions;
    walk->tries++;
    walk->due = now + TRY_MS;
    walk->state = WALK_OUT;
    if (snmp_sess_async_send(walk->peer->session, pdu, answered, walk) != 0)
        return;
    snmp_free_pdu(pdu);
    walk_over(walk, REASON_UNREACHABLE, "the request cannot be sent");
    peer_doom(walk->peer);
}

/* Digits and dots, as we write them ourselves. */
static bool identifier_read(const char *text, oid *out, size_t *size)
{
    for (*size = 0; *size < MAX_OID_LEN; text++) {
        uint64_t number = 0;
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 10)
            return false;
        for (size_t i = 0; i < digits; i++)
            number = number * 10 + (uint64_t)(*text++ - '0');
        out[(*size)++] = number & UINT32_MAX;
        if (*text == '\0')
            return *size >= 2 && number <= UINT32_MAX;
        if (*text != '.')
            return false;
    }
    return false;
}

bool walk_begin(struct walk *walk, const char *subtree, uint32_t bytes_max)
{
    if (!identifier_read(subtree, walk->root, &walk->root_size))
        return false;
    memcpy(walk->at, walk->root, sizeof walk->root);
    walk->at_size = walk->root_size;
    walk->repetitions = REPETITIONS;
    walk->bytes_max = bytes_max;
    return true;
}
