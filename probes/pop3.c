/* Probe `pop3`: does the server greet, encrypt and open our canary's mailbox? RFC 1939, 2449, 2595, 3206.
 * Reads no message and deletes none. How long a locked mailbox may keep us waiting is the schedule's timeout, not ours. */
#include <string.h>

#include "conversation.h"

enum { PORT_PLAIN = 110, PORT_TLS = 995 };

enum stage { BEGIN, CONNECT, GREETING, CAPA, STLS, TLS, USER, PASS, STAT, QUIT, STAGES };

struct pop3_state {
    uint8_t stage, verdict;
    uint16_t reason;
    bool logged_in, credential_refused, locks, counted;
    int64_t certificate_days;
    msec_t elapsed_ms;
    double messages, octets;
    char text[160];
};

/* one call of step(), for the stage functions */
struct talk {
    const struct pop3_conf *conf;
    struct pop3_state *state;
    const struct probe_context *context;
    const struct reply *in;
    struct request *out;
    struct seen *seen;
    bool ok; /* the reply begins with +OK */
};

static bool begins(const struct reply *in, const char *word)
{
    size_t length = strlen(word);
    return in->size >= length && !memcmp(in->data, word, length) &&
           (in->size == length || in->data[length] == ' ' || in->data[length] == '\n');
}

static const char *secret_of(const struct talk *talk)
{
    return talk->context->credential ? talk->context->credential->password : NULL;
}

static enum step done(struct talk *talk)
{
    struct pop3_state *state = talk->state;
    struct seen *seen = talk->seen;
    memset(seen, 0, sizeof *seen);
    uint16_t certificate = seen_certificate(seen, state->certificate_days, talk->conf->certificate_warn);
    if (state->verdict == YES && state->reason == REASON_OK)
        state->reason = certificate;
    seen_item(seen, ASPECT_ENDPOINT, state->verdict, state->reason, state->elapsed_ms);
    if (state->locks)
        seen_item(seen, ASPECT_LOCKS, YES, REASON_MAILBOX_IN_USE, 0);
    if (state->counted) {
        seen_perf(seen, "messages", "", state->messages);
        seen_perf(seen, "octets", "B", state->octets);
    }
    seen->logged_in = state->logged_in;
    seen->credential_refused = state->credential_refused;
    memcpy(seen->text, state->text, sizeof seen->text);
    return STEP_DONE;
}

static void judge(struct talk *talk, uint8_t verdict, uint16_t reason)
{
    talk->state->verdict = verdict;
    talk->state->reason = reason;
    talk->state->elapsed_ms = talk->in ? talk->in->elapsed_ms : 0;
}

static void say(struct talk *talk)
{
    text_for_people(talk->state->text, sizeof talk->state->text, talk->in->data, talk->in->size, secret_of(talk));
}

static enum step command(struct talk *talk, enum stage stage, enum expect expect, const char *verb, const char *argument)
{
    request_command(talk->out, expect, verb, argument);
    talk->state->stage = (uint8_t)stage;
    return STEP_MORE;
}

/* The verdict stands: take leave without waiting for the answer, so that the server unlocks the mailbox. */
static enum step leave(struct talk *talk, uint8_t verdict, uint16_t reason)
{
    judge(talk, verdict, reason);
    return command(talk, QUIT, EXPECT_NOTHING, "QUIT", NULL);
}

/* [IN-USE] is said after the password was found right (RFC 2449): the server works, and it locks. Only the limit of
 * connections says the same word without meaning a lock. */
static enum step in_use(struct talk *talk)
{
    talk->state->locks = !mentions(talk->in->data, talk->in->size, "connection");
    return leave(talk, YES, REASON_MAILBOX_IN_USE);
}

static bool says_locked(const struct reply *in)
{
    bool box = mentions(in->data, in->size, "maildrop") || mentions(in->data, in->size, "mailbox");
    return box && (mentions(in->data, in->size, "lock") || mentions(in->data, in->size, "in use") || mentions(in->data, in->size, "busy"));
}

/* A reply that is not +OK: its response code tells more than the place where it came; `reason` is for one without a code. */
static enum step refuse(struct talk *talk, uint16_t reason)
{
    const struct reply *in = talk->in;
    say(talk);
    if (!begins(in, "-ERR")) {
        judge(talk, NO, REASON_BAD_REPLY);
        return done(talk);
    }
    bool judged = talk->state->stage == PASS; /* the server has looked at the password */
    if (mentions(in->data, in->size, "[IN-USE]"))
        return judged ? in_use(talk) : leave(talk, NO, REASON_SERVICE_BUSY);
    if (mentions(in->data, in->size, "[LOGIN-DELAY")) /* asked too soon: says nothing about the server */
        return leave(talk, UNKNOWN, REASON_LOGIN_DELAY);
    if (mentions(in->data, in->size, "[SYS/TEMP]"))
        return leave(talk, NO, REASON_TEMPORARY_TROUBLE);
    if (mentions(in->data, in->size, "[SYS/PERM]"))
        return leave(talk, NO, REASON_PERMANENT_TROUBLE);
    if (mentions(in->data, in->size, "[AUTH]")) {
        talk->state->credential_refused = judged;
        return leave(talk, NO, REASON_AUTH_TROUBLE);
    }
    if (judged && says_locked(in))
        return in_use(talk);
    talk->state->credential_refused = judged;
    return leave(talk, NO, reason);
}

static enum step begin(struct talk *talk)
{
    const struct credential *credential = talk->context->credential;
    const struct pop3_conf *conf = talk->conf;
    talk->state->certificate_days = INT64_MIN;
    if (credential && (!sendable(credential->user) || !sendable(credential->password))) {
        judge(talk, UNKNOWN, REASON_NOT_SENDABLE);
        return done(talk);
    }
    bool implicit = conf->tls == PROBE_TLS_IMPLICIT;
    uint16_t port = talk->context->port ? talk->context->port : implicit ? PORT_TLS : PORT_PLAIN;
    request_begin(talk->out, REQUEST_CONNECT, EXPECT_NOTHING);
    request_peer(talk->out, talk->context, port, conf->server_name, conf->ca_file, conf->verify);
    talk->out->tls = implicit;
    talk->state->stage = CONNECT;
    return STEP_MORE;
}

static enum step on_connect(struct talk *talk)
{
    talk->state->certificate_days = talk->in->certificate_days;
    request_begin(talk->out, REQUEST_EXCHANGE, EXPECT_LINE);
    talk->state->stage = GREETING;
    return STEP_MORE;
}

static enum step login(struct talk *talk)
{
    if (!talk->context->credential)
        return leave(talk, YES, REASON_OK);
    return command(talk, USER, EXPECT_LINE, "USER", talk->context->credential->user);
}

/* CAPA costs a round trip: asked only where its answer matters, or where nothing else is left to ask. */
static enum step on_greeting(struct talk *talk)
{
    if (!talk->ok)
        return refuse(talk, REASON_SERVICE_BUSY);
    say(talk);
    if (talk->conf->tls == PROBE_TLS_EXPLICIT || !talk->context->credential)
        return command(talk, CAPA, EXPECT_DOT, "CAPA", NULL);
    return login(talk);
}

/* Is `word` a line of the capability list? */
static bool capable(const struct reply *in, const char *word)
{
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= in->size; at++)
        if ((at == 0 || in->data[at - 1] == '\n') && mentions(in->data + at, length, word) &&
            (at + length == in->size || in->data[at + length] == '\n' || in->data[at + length] == ' '))
            return true;
    return false;
}

/* An old server knows no CAPA; it may know STLS all the same. */
static enum step on_capa(struct talk *talk)
{
    if (!talk->ok && !begins(talk->in, "-ERR"))
        return refuse(talk, REASON_BAD_REPLY);
    if (talk->conf->tls != PROBE_TLS_EXPLICIT)
        return login(talk);
    if (talk->ok && !capable(talk->in, "STLS"))
        return leave(talk, NO, REASON_TLS_NOT_OFFERED);
    return command(talk, STLS, EXPECT_LINE, "STLS", NULL);
}

static enum step on_stls(struct talk *talk)
{
    if (!talk->ok)
        return refuse(talk, REASON_TLS_NOT_OFFERED);
    request_begin(talk->out, REQUEST_TLS, EXPECT_NOTHING);
    request_peer(talk->out, talk->context, 0, talk->conf->server_name, talk->conf->ca_file, talk->conf->verify);
    talk->state->stage = TLS;
    return STEP_MORE;
}

static enum step on_tls(struct talk *talk)
{
    talk->state->certificate_days = talk->in->certificate_days;
    return login(talk);
}

static enum step on_user(struct talk *talk)
{
    if (!talk->ok) /* no password was judged: the credential may be good elsewhere */
        return refuse(talk, REASON_LOGIN_REFUSED);
    (void)command(talk, PASS, EXPECT_LINE, "PASS", secret_of(talk));
    talk->out->secret = true;
    return STEP_MORE;
}

static enum step on_pass(struct talk *talk)
{
    if (!talk->ok)
        return refuse(talk, REASON_LOGIN_REFUSED);
    talk->state->logged_in = true;
    return command(talk, STAT, EXPECT_LINE, "STAT", NULL);
}

/* A number of at most 15 digits, so that a double holds it exactly. */
static bool number(const struct reply *in, size_t *at, double *out)
{
    while (*at < in->size && in->data[*at] == ' ')
        (*at)++;
    size_t digits = 0;
    *out = 0;
    for (; *at < in->size && in->data[*at] >= '0' && in->data[*at] <= '9'; (*at)++, digits++)
        *out = *out * 10 + (in->data[*at] - '0');
    return digits > 0 && digits <= 15;
}

static enum step on_stat(struct talk *talk)
{
    size_t at = strlen("+OK");
    if (!talk->ok)
        return refuse(talk, REASON_LIST_FAILED);
    talk->state->counted = number(talk->in, &at, &talk->state->messages) && number(talk->in, &at, &talk->state->octets);
    if (!talk->state->counted) {
        say(talk);
        return leave(talk, NO, REASON_BAD_REPLY);
    }
    return leave(talk, YES, REASON_OK);
}

static enum step on_quit(struct talk *talk)
{
    return done(talk);
}

static enum step (*const stages[STAGES])(struct talk *) = {
    [BEGIN] = begin, [CONNECT] = on_connect, [GREETING] = on_greeting, [CAPA] = on_capa, [STLS] = on_stls,
    [TLS] = on_tls,  [USER] = on_user,       [PASS] = on_pass,         [STAT] = on_stat, [QUIT] = on_quit};

static enum step pop3_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                           struct seen *seen)
{
    struct talk talk = {.conf = conf, .state = state, .context = context, .in = in, .out = out, .seen = seen};
    if (!in)
        return begin(&talk);
    if (in->reason != REASON_OK) {
        if (talk.state->stage != QUIT) /* else the verdict stands already */
            judge(&talk, verdict_without_reply(in->reason), in->reason);
        return done(&talk);
    }
    talk.ok = begins(in, "+OK");
    return stages[talk.state->stage](&talk);
}

static const char *const tls_words[] = {"off", "explicit", "implicit", NULL};

static const struct field fields[] = {
    {"tls", FIELD_CHOICE, FIELD(struct pop3_conf, tls), 0, 0, 0, "explicit", tls_words,
     "Encryption: explicit (STLS), implicit (port 995), or off; without it the password crosses the network in plain text."},
    {"verify", FIELD_BOOL, FIELD(struct pop3_conf, verify), 0, 0, 0, "true", NULL,
     "Check the server's certificate against the trusted authorities and its name."},
    {"ca_file", FIELD_PATH, FIELD(struct pop3_conf, ca_file), 0, 1, 4095, NULL, NULL,
     "Certificates (PEM) of the authorities to trust instead of the system's."},
    {"server_name", FIELD_TEXT, FIELD(struct pop3_conf, server_name), 0, 1, 253, NULL, NULL,
     "Name that the certificate must carry, if it is not the server's address."},
    {"certificate_warn", FIELD_DURATION, FIELD(struct pop3_conf, certificate_warn), 0, 0, INT64_C(31536000000), "336h", NULL,
     "Say tls-expires-soon when the certificate has less than this to live; the server still counts as good."},
    {0}};

const struct probe_type probe_pop3 = {
    .name = "pop3",
    .help = "POP3 server: greeting, encryption, the canary's login, the number of messages; notices a locked mailbox.",
    .fields = fields,
    .conf_size = sizeof(struct pop3_conf),
    .state_size = sizeof(struct pop3_state),
    .default_port = PORT_PLAIN,
    .step = pop3_step,
};
