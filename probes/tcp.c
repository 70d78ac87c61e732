/* Probe `tcp`: connects, optionally encrypts, sends a text and waits for another.
 * Judges its own target (ENDPOINT). Where it stands for a copy on a node the caller applies seen_for_node(): then the expected
 * text, or the bare connection when none is expected, is YES; another text is NO; silence, refusal and timeout are UNKNOWN. */
#include <string.h>

#include "conversation.h"

enum { EXPECT_SIZE_MAX = 200, RECEIVED_MAX = 64 * 1024 };

enum stage { BEGIN, CONNECT, ANSWER };

struct tcp_state {
    uint8_t stage;
    int64_t certificate_days;
    size_t received, window_size;
    char window[EXPECT_SIZE_MAX]; /* the last bytes that came, as many as `expect` has */
    char text[160];               /* the first line that came */
};

static enum step done(struct tcp_state *state, const struct reply *in, uint8_t verdict, uint16_t reason, struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    uint16_t certificate = seen_certificate(seen, state->certificate_days, 0);
    seen_item(seen, ASPECT_ENDPOINT, verdict, verdict == YES ? certificate : reason, in->elapsed_ms);
    memcpy(seen->text, state->text, sizeof seen->text);
    return STEP_DONE;
}

static enum step begin(const struct tcp_conf *conf, struct tcp_state *state, const struct probe_context *context, struct request *out)
{
    state->certificate_days = INT64_MIN;
    state->stage = CONNECT;
    request_begin(out, REQUEST_CONNECT, EXPECT_NOTHING);
    request_peer(out, context, context->port, conf->server_name, conf->ca_file, conf->verify);
    out->tls = conf->tls;
    return STEP_MORE;
}

static enum step on_connect(const struct tcp_conf *conf, struct tcp_state *state, const struct reply *in, struct request *out,
                            struct seen *seen)
{
    state->certificate_days = in->certificate_days;
    if (!conf->send && !conf->expect)
        return done(state, in, YES, REASON_OK, seen);
    request_begin(out, REQUEST_EXCHANGE, conf->expect ? EXPECT_ANY : EXPECT_NOTHING);
    out->limit = RECEIVED_MAX;
    if (conf->send) {
        out->size = strnlen(conf->send, sizeof out->bytes);
        memcpy(out->bytes, conf->send, out->size);
    }
    state->stage = ANSWER;
    return STEP_MORE;
}

/* The text may arrive in pieces: compare the window after each byte. */
static bool came(struct tcp_state *state, const char *expect, const struct reply *in)
{
    size_t length = strnlen(expect, EXPECT_SIZE_MAX);
    for (size_t i = 0; i < in->size; i++) {
        if (state->window_size == length)
            memmove(state->window, state->window + 1, --state->window_size);
        state->window[state->window_size++] = in->data[i];
        if (state->window_size == length && in->data[i] == expect[length - 1] && !memcmp(state->window, expect, length))
            return true;
    }
    return false;
}

static enum step on_answer(const struct tcp_conf *conf, struct tcp_state *state, const struct reply *in, struct request *out,
                           struct seen *seen)
{
    if (!conf->expect)
        return done(state, in, YES, REASON_OK, seen);
    if (!state->received)
        text_for_people(state->text, sizeof state->text, in->data, in->size, NULL);
    if (came(state, conf->expect, in))
        return done(state, in, YES, REASON_OK, seen);
    state->received += in->size;
    if (!in->size || state->received >= RECEIVED_MAX)
        return done(state, in, NO, REASON_UNEXPECTED_TEXT, seen);
    request_begin(out, REQUEST_EXCHANGE, EXPECT_ANY);
    out->limit = RECEIVED_MAX;
    return STEP_MORE;
}

static enum step tcp_step(const void *conf, void *memory, const struct probe_context *context, const struct reply *in, struct request *out,
                          struct seen *seen)
{
    struct tcp_state *state = memory;
    if (!in)
        return begin(conf, state, context, out);
    if (in->reason != REASON_OK) /* after another text, its end or our patience's is that text's fault */
        return done(state, in, verdict_without_reply(in->reason), state->received ? REASON_UNEXPECTED_TEXT : in->reason, seen);
    return state->stage == CONNECT ? on_connect(conf, state, in, out, seen) : on_answer(conf, state, in, out, seen);
}

static const struct field fields[] = {
    {"tls", FIELD_BOOL, FIELD(struct tcp_conf, tls), 0, 0, 0, "false", NULL, "Speak TLS from the first byte."},
    {"verify", FIELD_BOOL, FIELD(struct tcp_conf, verify), 0, 0, 0, "true", NULL,
     "Check the server's certificate against the trusted authorities and its name."},
    {"ca_file", FIELD_PATH, FIELD(struct tcp_conf, ca_file), 0, 1, 4095, NULL, NULL,
     "Certificates (PEM) of the authorities to trust instead of the system's."},
    {"server_name", FIELD_TEXT, FIELD(struct tcp_conf, server_name), 0, 1, 253, NULL, NULL,
     "Name that the certificate must carry, if it is not the server's address."},
    {"send", FIELD_TEXT, FIELD(struct tcp_conf, send), 0, 1, 500, NULL, NULL,
     "Text to send once connected, line end included: \"PING\\r\\n\"."},
    {"expect", FIELD_TEXT, FIELD(struct tcp_conf, expect), 0, 1, EXPECT_SIZE_MAX, NULL, NULL,
     "Text that must come, anywhere in the first 64 KiB."},
    {0}};

const struct probe_type probe_tcp = {
    .name = "tcp",
    .help = "TCP service: connects, optionally with TLS, sends a text and expects another.",
    .fields = fields,
    .conf_size = sizeof(struct tcp_conf),
    .state_size = sizeof(struct tcp_state),
    .default_port = 0,
    .step = tcp_step,
};
