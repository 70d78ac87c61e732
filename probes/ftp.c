/* Probe `ftp`: does the server greet, encrypt, let our canary in, and show the folder? RFC 959, 2228, 2428, 3659, 4217.
 * Passive only, and always to the control connection's own host: an address inside a reply is never followed. */
#include <string.h>

#include "conversation.h"
#include "listing.h"

enum { PORT_PLAIN = 21, PORT_TLS = 990, CODE_TEXT = 4, ENTRY_BYTES = 200, LISTING_FLOOR = 64 * 1024 };

enum stage { BEGIN, CONNECT, BANNER, AUTH, TLS, USER, PASS, PBSZ, PROT, CWD, FEAT, EPSV, PASV, LIST, QUIT, STAGES };

struct ftp_state {
    uint8_t stage, verdict;
    uint16_t reason;
    bool logged_in, credential_refused, encrypted, listed;
    int64_t certificate_days;
    msec_t elapsed_ms;
    stamp_t wall;
    struct listing listing;
    char text[160];
};

/* one call of step(), for the stage functions */
struct talk {
    const struct ftp_conf *conf;
    struct ftp_state *state;
    const struct probe_context *context;
    const struct reply *in;
    struct request *out;
    struct seen *seen;
    int code; /* of the reply, 0 = it is not FTP */
};

static const char *secret_of(const struct talk *talk)
{
    return talk->context->credential ? talk->context->credential->password : NULL;
}

static int reply_code(const struct reply *in)
{
    if (in->size < 3)
        return 0;
    int code = 0;
    for (int i = 0; i < 3; i++) {
        if (in->data[i] < '0' || in->data[i] > '9')
            return 0;
        code = code * 10 + (in->data[i] - '0');
    }
    bool ends = in->size == 3 || in->data[3] == ' ' || in->data[3] == '-' || in->data[3] == '\n';
    return ends && code >= 100 && code < 600 ? code : 0;
}

static enum step done(struct talk *talk)
{
    struct ftp_state *state = talk->state;
    struct seen *seen = talk->seen;
    memset(seen, 0, sizeof *seen);
    uint16_t certificate = seen_certificate(seen, state->certificate_days, talk->conf->certificate_warn);
    if (state->verdict == YES && state->reason == REASON_OK)
        state->reason = certificate;
    seen_item(seen, ASPECT_ENDPOINT, state->verdict, state->reason, state->elapsed_ms);
    if (state->listed)
        seen_perf(seen, "entries", "", state->listing.entries);
    if (state->listed && state->listing.oldest && state->wall)
        seen_perf(seen, "oldest_age", "s", state->wall > state->listing.oldest ? (double)(state->wall - state->listing.oldest) / 1000 : 0);
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
    talk->state->wall = talk->in ? talk->in->wall : 0;
}

static void say(struct talk *talk)
{
    text_for_people(talk->state->text, sizeof talk->state->text, talk->in->data, talk->in->size, secret_of(talk));
}

/* Send "VERB argument" and go on at `stage` with its reply. */
static enum step command(struct talk *talk, enum stage stage, const char *verb, const char *argument)
{
    request_command(talk->out, EXPECT_FTP, verb, argument);
    talk->state->stage = (uint8_t)stage;
    return STEP_MORE;
}

/* The verdict stands: take leave without waiting for the answer, so that the server closes the session in order. */
static enum step leave(struct talk *talk, uint8_t verdict, uint16_t reason)
{
    judge(talk, verdict, reason);
    request_command(talk->out, EXPECT_NOTHING, "QUIT", NULL);
    talk->state->stage = QUIT;
    return STEP_MORE;
}

/* A reply that is not the hoped-for one. 421 may come at any time; no FTP at all is not worth a QUIT. */
static enum step refuse(struct talk *talk, uint16_t reason)
{
    say(talk);
    if (talk->code == 0 || talk->code == 421) {
        judge(talk, NO, talk->code ? REASON_SERVICE_BUSY : REASON_BAD_REPLY);
        return done(talk);
    }
    return leave(talk, NO, reason);
}

static enum step begin(struct talk *talk)
{
    const struct credential *credential = talk->context->credential;
    const struct ftp_conf *conf = talk->conf;
    talk->state->certificate_days = INT64_MIN;
    if ((credential && (!sendable(credential->user) || !sendable(credential->password))) || (conf->path && !sendable(conf->path))) {
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
    talk->state->encrypted = talk->conf->tls == PROBE_TLS_IMPLICIT;
    talk->state->certificate_days = talk->in->certificate_days;
    request_begin(talk->out, REQUEST_EXCHANGE, EXPECT_FTP);
    talk->state->stage = BANNER;
    return STEP_MORE;
}

static enum step login(struct talk *talk)
{
    if (!talk->context->credential)
        return leave(talk, YES, REASON_OK);
    return command(talk, USER, "USER", talk->context->credential->user);
}

static enum step on_banner(struct talk *talk)
{
    if (talk->code != 220)
        return refuse(talk, REASON_SERVICE_BUSY);
    say(talk);
    if (talk->conf->tls == PROBE_TLS_EXPLICIT)
        return command(talk, AUTH, "AUTH", "TLS");
    return login(talk);
}

static enum step on_auth(struct talk *talk)
{
    if (talk->code != 234)
        return refuse(talk, REASON_TLS_NOT_OFFERED);
    request_begin(talk->out, REQUEST_TLS, EXPECT_NOTHING);
    request_peer(talk->out, talk->context, 0, talk->conf->server_name, talk->conf->ca_file, talk->conf->verify);
    talk->state->stage = TLS;
    return STEP_MORE;
}

static enum step on_tls(struct talk *talk)
{
    talk->state->encrypted = true;
    talk->state->certificate_days = talk->in->certificate_days;
    return login(talk);
}

static enum step list_begin(struct talk *talk)
{
    return talk->conf->list ? command(talk, FEAT, "FEAT", NULL) : leave(talk, YES, REASON_OK);
}

static enum step enter(struct talk *talk)
{
    return talk->conf->path ? command(talk, CWD, "CWD", talk->conf->path) : list_begin(talk);
}

static enum step logged_in(struct talk *talk)
{
    talk->state->logged_in = true;
    if (talk->state->encrypted && talk->conf->list)
        return command(talk, PBSZ, "PBSZ", "0");
    return enter(talk);
}

static enum step on_user(struct talk *talk)
{
    if (talk->code == 230)
        return logged_in(talk);
    if (talk->code != 331) /* no password was judged: the credential may be good elsewhere */
        return refuse(talk, REASON_LOGIN_REFUSED);
    (void)command(talk, PASS, "PASS", secret_of(talk));
    talk->out->secret = true;
    return STEP_MORE;
}

static enum step on_pass(struct talk *talk)
{
    if (talk->code == 230 || talk->code == 202)
        return logged_in(talk);
    if (talk->code == 530 || talk->code == 430) {
        talk->state->credential_refused = true;
        return refuse(talk, REASON_LOGIN_REFUSED);
    }
    if (talk->code == 332) /* wants an account as well */
        return refuse(talk, REASON_LOGIN_REFUSED);
    /* "500 OOPS: cannot change directory": the password was right, the server is not */
    return refuse(talk, talk->code >= 500 ? REASON_PERMANENT_TROUBLE : REASON_TEMPORARY_TROUBLE);
}

static enum step on_pbsz(struct talk *talk)
{
    return talk->code == 200 ? command(talk, PROT, "PROT", "P") : refuse(talk, REASON_LIST_FAILED);
}

static enum step on_prot(struct talk *talk)
{
    return talk->code == 200 ? enter(talk) : refuse(talk, REASON_LIST_FAILED);
}

static enum step on_cwd(struct talk *talk)
{
    return talk->code == 250 || talk->code == 200 ? list_begin(talk) : refuse(talk, REASON_NO_SUCH_FOLDER);
}

/* A server that names no features, or knows no FEAT, still has LIST. */
static enum step on_feat(struct talk *talk)
{
    if (talk->code == 0 || talk->code == 421)
        return refuse(talk, REASON_BAD_REPLY);
    talk->state->listing.machine =
        talk->code == 211 && (mentions(talk->in->data, talk->in->size, "MLST") || mentions(talk->in->data, talk->in->size, "MLSD"));
    return command(talk, EPSV, "EPSV", NULL);
}

/* "(|||6446|)" (RFC 2428): any delimiter, three of it, the port, one more. 0 = not so. */
static uint16_t extended_port(const char *data, size_t size)
{
    const char *open = memchr(data, '(', size);
    const char *end = data + size;
    if (!open || end - open < 7 || open[2] != open[1] || open[3] != open[1])
        return 0;
    uint32_t port = 0;
    const char *at = open + 4;
    for (; at < end && *at >= '0' && *at <= '9' && port <= UINT16_MAX; at++)
        port = port * 10 + (uint32_t)(*at - '0');
    return at < end && *at == open[1] && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* "227 … h1,h2,h3,h4,p1,p2": six numbers; the first four are ignored on purpose. 0 = not so. */
static uint16_t passive_port(const char *data, size_t size)
{
    for (size_t start = CODE_TEXT; start < size; start++) {
        uint32_t number[6] = {0};
        size_t at = start, count = 0;
        while (count < 6) {
            size_t digits = 0;
            for (; at < size && data[at] >= '0' && data[at] <= '9' && digits < 3; at++, digits++)
                number[count] = number[count] * 10 + (uint32_t)(data[at] - '0');
            if (!digits || number[count] > 255)
                break;
            count++;
            if (count < 6 && (at == size || data[at++] != ','))
                break;
        }
        if (count == 6)
            return (uint16_t)(number[4] << 8 | number[5]);
    }
    return 0;
}

static enum step list_from(struct talk *talk, uint16_t port)
{
    if (!port) {
        say(talk);
        return leave(talk, NO, REASON_BAD_REPLY);
    }
    request_command(talk->out, EXPECT_FTP, talk->state->listing.machine ? "MLSD" : "LIST", NULL);
    talk->out->kind = REQUEST_TRANSFER;
    request_peer(talk->out, talk->context, port, talk->conf->server_name, talk->conf->ca_file, talk->conf->verify);
    talk->out->tls = talk->state->encrypted;
    talk->out->limit = (size_t)talk->conf->max_entries * ENTRY_BYTES + LISTING_FLOOR;
    talk->state->stage = LIST;
    return STEP_MORE;
}

static enum step on_epsv(struct talk *talk)
{
    if (talk->code == 229)
        return list_from(talk, extended_port(talk->in->data, talk->in->size));
    if (talk->code == 0 || talk->code == 421)
        return refuse(talk, REASON_BAD_REPLY);
    return command(talk, PASV, "PASV", NULL);
}

static enum step on_pasv(struct talk *talk)
{
    if (talk->code != 227)
        return refuse(talk, REASON_LIST_FAILED);
    return list_from(talk, passive_port(talk->in->data, talk->in->size));
}

static enum step list_end(struct talk *talk)
{
    struct listing *listing = &talk->state->listing;
    listing_end(listing, talk->in->wall);
    /* lines that we cannot read are not zero entries: then the figure stays unknown */
    talk->state->listed = listing->entries > 0 || listing->alien == 0;
    return leave(talk, YES, listing->entries > talk->conf->max_entries ? REASON_TOO_MANY_ENTRIES : REASON_OK);
}

static enum step on_list(struct talk *talk)
{
    if (talk->in->from_data) {
        listing_feed(&talk->state->listing, talk->in->data, talk->in->size, talk->in->wall);
        request_begin(talk->out, REQUEST_NONE, EXPECT_NOTHING);
        return STEP_MORE;
    }
    if (talk->in->more || (talk->code >= 100 && talk->code < 200)) { /* "150 Here comes the listing" */
        request_begin(talk->out, REQUEST_NONE, EXPECT_NOTHING);
        return STEP_MORE;
    }
    if (talk->code == 226 || talk->code == 250)
        return list_end(talk);
    /* how some servers say that a folder is empty */
    if ((talk->code == 450 || talk->code == 550) && mentions(talk->in->data, talk->in->size, "no files"))
        return list_end(talk);
    return refuse(talk, REASON_LIST_FAILED);
}

static enum step on_quit(struct talk *talk)
{
    return done(talk);
}

/* The channel could not bring a reply. A refusal or a timeout of our own target is a NO with its reason. */
static enum step no_reply(struct talk *talk)
{
    struct ftp_state *state = talk->state;
    if (state->stage == QUIT) /* the verdict stands already */
        return done(talk);
    uint16_t reason = talk->in->reason;
    uint8_t verdict = verdict_without_reply(reason);
    if (state->stage == LIST && reason == REASON_REPLY_TOO_LARGE) {
        state->listed = true;
        judge(talk, YES, REASON_TOO_MANY_ENTRIES);
        return done(talk);
    }
    if (state->stage == LIST && verdict == NO) { /* it was the data connection, in all likelihood: say what it suffered */
        static const char what[] = "data connection: ";
        const char *why = reason_text(reason);
        memcpy(state->text, what, sizeof what);
        text_for_people(state->text + sizeof what - 1, sizeof state->text - sizeof what + 1, why, strlen(why), NULL);
        reason = REASON_LIST_FAILED;
    }
    judge(talk, verdict, reason);
    return done(talk);
}

static enum step (*const stages[STAGES])(struct talk *) = {
    [BEGIN] = begin,  [CONNECT] = on_connect, [BANNER] = on_banner, [AUTH] = on_auth, [TLS] = on_tls,
    [USER] = on_user, [PASS] = on_pass,       [PBSZ] = on_pbsz,     [PROT] = on_prot, [CWD] = on_cwd,
    [FEAT] = on_feat, [EPSV] = on_epsv,       [PASV] = on_pasv,     [LIST] = on_list, [QUIT] = on_quit};

static enum step ftp_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                          struct seen *seen)
{
    struct talk talk = {.conf = conf, .state = state, .context = context, .in = in, .out = out, .seen = seen};
    if (!in)
        return begin(&talk);
    if (in->reason != REASON_OK)
        return no_reply(&talk);
    if (!in->from_data)
        talk.code = reply_code(in);
    return stages[talk.state->stage](&talk);
}

static const char *const tls_words[] = {"off", "explicit", "implicit", NULL};

static const struct field fields[] = {
    {"tls", FIELD_CHOICE, FIELD(struct ftp_conf, tls), 0, 0, 0, "explicit", tls_words,
     "Encryption: explicit (AUTH TLS), implicit (port 990), or off; without it the password crosses the network in plain text."},
    {"verify", FIELD_BOOL, FIELD(struct ftp_conf, verify), 0, 0, 0, "true", NULL,
     "Check the server's certificate against the trusted authorities and its name."},
    {"ca_file", FIELD_PATH, FIELD(struct ftp_conf, ca_file), 0, 1, 4095, NULL, NULL,
     "Certificates (PEM) of the authorities to trust instead of the system's."},
    {"server_name", FIELD_TEXT, FIELD(struct ftp_conf, server_name), 0, 1, 253, NULL, NULL,
     "Name that the certificate must carry, if it is not the server's address."},
    {"certificate_warn", FIELD_DURATION, FIELD(struct ftp_conf, certificate_warn), 0, 0, INT64_C(31536000000), "336h", NULL,
     "Say tls-expires-soon when the certificate has less than this to live; the server still counts as good."},
    {"path", FIELD_TEXT, FIELD(struct ftp_conf, path), 0, 1, 255, NULL, NULL,
     "Folder that must exist and be enterable; needs a credential."},
    {"list", FIELD_BOOL, FIELD(struct ftp_conf, list), 0, 0, 0, "false", NULL,
     "List the folder: counts its files and finds the oldest; needs a credential."},
    {"max_entries", FIELD_INTEGER, FIELD(struct ftp_conf, max_entries), 0, 1, 100000, "10000", NULL,
     "Files beyond which the probe says too-many-entries; bounds what a listing may cost."},
    {0}};

const struct probe_type probe_ftp = {
    .name = "ftp",
    .help = "FTP server: greeting, encryption, the canary's login, a folder and its files.",
    .fields = fields,
    .conf_size = sizeof(struct ftp_conf),
    .state_size = sizeof(struct ftp_state),
    .default_port = PORT_PLAIN,
    .step = ftp_step,
};
