/* WS-Management as WinRM speaks it (DSP0226, MS-WSMV): requests are built, replies are parsed. Pure: bytes out, bytes in; a reply is fed
 * in pieces as they come. Namespace-aware; matches by local name where servers differ; no DTD, and limits of its own on size, depth,
 * elements and texts. Owns the wire format; knows no class and no table. */
#ifndef SOLOWARDEN_PROBES_WSMAN_H
#define SOLOWARDEN_PROBES_WSMAN_H

#include "agent/core/types.h"

enum {
    WSMAN_REQUEST_MAX = 4096,
    WSMAN_REPLY_MAX = 1 << 20, /* bytes of one envelope */
    WSMAN_ENVELOPE_KB = 500,   /* what we permit the server (MaxEnvelopeSize) */
    WSMAN_CONTEXT_MAX = 512,   /* bytes of an enumeration context */
    WSMAN_TEXT_MAX = 4096,     /* of one property; longer is cut and said so */
    WSMAN_DEPTH_MAX = 32,
    WSMAN_ELEMENTS_MAX = 200000 /* in one envelope */
};

#define WSMAN_BIZTALK "root/MicrosoftBizTalkServer"
#define WSMAN_CLUSTER "root/MSCluster"
#define WSMAN_CIMV2 "root/cimv2"

struct wsman_header {
    const char *to;            /* https://host:5986/wsman */
    const char *wmi_namespace; /* "root/MSCluster" */
    const char *class_name;    /* NULL: "*", for WQL */
    const char *message_id;    /* "uuid:…" */
    uint32_t operation_timeout_ms;
};
struct wsman_pair {
    const char *name, *value;
};

/* Each writes one envelope and returns its size; 0 = it does not fit, or a text holds bytes that XML cannot carry. */
size_t wsman_identify(char *out, size_t size);
size_t wsman_enumerate(char *out, size_t size, const struct wsman_header *header, const char *wql /* NULL: the class */,
                       uint32_t max_elements);
size_t wsman_pull(char *out, size_t size, const struct wsman_header *header, const char *context, uint32_t max_elements);
size_t wsman_release(char *out, size_t size, const struct wsman_header *header, const char *context);
size_t wsman_get(char *out, size_t size, const struct wsman_header *header, const struct wsman_pair *selectors, size_t count);
size_t wsman_invoke(char *out, size_t size, const struct wsman_header *header, const char *method, const struct wsman_pair *selectors,
                    size_t selector_count, const struct wsman_pair *parameters, size_t parameter_count);

/* "uuid:XXXXXXXX-…", version 4 form, from 16 bytes that the caller drew and a number that counts the conversation's messages. */
void wsman_message_id(const uint8_t nonce[16], uint32_t number, char out[48]);

/* Reading one reply. Items are the instances of an enumeration, the object of a Get, or the output of a method. */
struct wsman_hooks {
    void (*item_begin)(void *context, const char *class_name /* "" in an XmlFragment */);
    /* One property; arrays repeat it. nil: it is there and has no value. `path` for nested objects: "PrivateProperties/ServiceName".
     * A reference (EPR) comes as its selectors: "Antecedent/Name". Datetimes come as their text. */
    void (*property)(void *context, const char *path, const char *value, size_t size, bool nil);
    void (*item_end)(void *context);
};
enum wsman_kind { WSMAN_NOTHING, WSMAN_IDENTIFIED, WSMAN_ENUMERATED, WSMAN_PULLED, WSMAN_RELEASED, WSMAN_GOT, WSMAN_OUTPUT, WSMAN_FAULT };

struct wsman_reply {
    uint8_t kind;                    /* enum wsman_kind */
    uint16_t reason;                 /* OK; BAD_REPLY, REPLY_TOO_LARGE; a fault's: ACCESS_DENIED, CLASS_MISSING, QUOTA … */
    bool ended;                      /* EndOfSequence came, in either namespace */
    char context[WSMAN_CONTEXT_MAX]; /* "" = none: nothing to pull or to release */
    char relates_to[80];
    char vendor[64], version[64]; /* IDENTIFIED */
    uint32_t fault_code;          /* of the innermost WSManFault or MSFT_WmiError; 0 = none */
    char subcode[64], text[160];  /* of the fault: for people, printable */
    uint32_t items, cut;          /* cut: properties longer than WSMAN_TEXT_MAX */
    uint64_t returned;            /* OUTPUT: ReturnValue */
    bool has_return;
};

struct wsman_reader;
/* `expected_id`: the MessageID that the reply must relate to ("" = Identify: any). NULL: out of memory. Copies nothing of the hooks'
 * context. */
struct wsman_reader *wsman_reader_open(const struct bounded_memory *memory, const struct wsman_hooks *hooks, void *context,
                                       const char *expected_id);
/* Feeds a piece; false = it is broken or too large, the rest need not be fed. */
bool wsman_reader_feed(struct wsman_reader *reader, const char *data, size_t size);
/* After the last piece. http_status decides what an empty or alien body means. Fills *reply in every case. */
void wsman_reader_end(struct wsman_reader *reader, int http_status, struct wsman_reply *reply);
void wsman_reader_close(struct wsman_reader *reader);

/* One reason per fault code and per HTTP status without a SOAP fault. */
uint16_t wsman_fault_reason(uint32_t code, const char *subcode);
uint16_t wsman_status_reason(int http_status);

#endif
