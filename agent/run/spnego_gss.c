/* See spnego_gss.h. Tickets are fetched by libkrb5, which says exactly why when it cannot; GSSAPI then finds them in the cache and only
 * computes. */
#include <errno.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <krb5.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/config/secrets.h"
#include "memory.h"
#include "spnego_gss.h"

enum { CHALLENGE_MAX = 65536 };

static gss_OID_desc spnego_mechanism = {6, "\x2b\x06\x01\x05\x05\x02"}, krb5_mechanism = {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};

struct spnego_tickets {
    atomic_uint references;
    krb5_context library;
    krb5_principal principal;
    krb5_ccache cache;
    gss_cred_id_t credential;
    int64_t began, ends;
    char *services[SPNEGO_SERVICES_MAX]; /* whose tickets are in the cache */
    size_t service_count;
};

struct spnego_context {
    struct spnego_tickets *tickets;
    gss_ctx_id_t context;
    gss_name_t service;
    struct spnego_binding binding;
};

/* ---- tickets ---- */

static uint16_t reason_of(krb5_error_code code)
{
    switch (code) {
    case 0:
        return REASON_OK;
    case KRB5_KDC_UNREACH:
    case KRB5_REALM_CANT_RESOLVE:
        return REASON_TOKEN_SLOW;
    case KRB5KDC_ERR_PREAUTH_FAILED:
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
    case KRB5KDC_ERR_CLIENT_REVOKED:
    case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
    case KRB5KDC_ERR_KEY_EXP:
    case KRB5KDC_ERR_NAME_EXP:
        return REASON_LOGIN_REFUSED;
    case ENOENT:
    case EACCES:
    case EISDIR:
    case KRB5_KEYTAB_BADVNO:
        return REASON_SECRET_UNREADABLE;
    default:
        return REASON_TOKEN_FAILED;
    }
}

static uint16_t explain(krb5_context library, krb5_error_code code, char why[SPNEGO_WHY])
{
    const char *text = krb5_get_error_message(library, code);
    snprintf(why, SPNEGO_WHY, "%s", text);
    krb5_free_error_message(library, text);
    return reason_of(code);
}

static krb5_error_code from_keytab(struct spnego_tickets *tickets, const char *file, krb5_creds *creds, krb5_get_init_creds_opt *options)
{
    char name[4096];
    krb5_keytab keytab;
    if (snprintf(name, sizeof name, "FILE:%s", file) >= (int)sizeof name)
        return ENAMETOOLONG;
    if (access(file, R_OK) != 0)
        return errno;
    krb5_error_code code = krb5_kt_resolve(tickets->library, name, &keytab);
    if (code != 0)
        return code;
    code = krb5_get_init_creds_keytab(tickets->library, creds, tickets->principal, keytab, 0, NULL, options);
    krb5_kt_close(tickets->library, keytab);
    return code;
}

static krb5_error_code from_password(struct spnego_tickets *tickets, const char *file, krb5_creds *creds, krb5_get_init_creds_opt *options,
                                     char why[SPNEGO_WHY])
{
    char password[256];
    if (secret_read(file, password, sizeof password, why, SPNEGO_WHY) < 0)
        return EACCES;
    krb5_error_code code =
        krb5_get_init_creds_password(tickets->library, creds, tickets->principal, password, NULL, NULL, 0, NULL, options);
    secret_wipe(password, sizeof password);
    return code;
}

/* The ticket that gets tickets, straight into a cache of its own. */
static krb5_error_code log_in(struct spnego_tickets *tickets, const struct spnego_account *account, char why[SPNEGO_WHY])
{
    krb5_get_init_creds_opt *options = NULL;
    krb5_creds creds = {0};
    krb5_error_code code = krb5_parse_name(tickets->library, account->principal, &tickets->principal);
    if (code == 0)
        code = krb5_cc_new_unique(tickets->library, "MEMORY", NULL, &tickets->cache);
    if (code == 0)
        code = krb5_get_init_creds_opt_alloc(tickets->library, &options);
    if (code == 0)
        code = krb5_get_init_creds_opt_set_out_ccache(tickets->library, options, tickets->cache);
    if (code == 0)
        code = account->keytab_file ? from_keytab(tickets, account->keytab_file, &creds, options)
                                    : from_password(tickets, account->password_file, &creds, options, why);
    if (code == 0) {
        tickets->began = time(NULL);
        krb5_timestamp now;
        if (krb5_timeofday(tickets->library, &now) != 0) /* the KDC's clock, as far as it is known */
            now = (krb5_timestamp)tickets->began;
        tickets->ends = tickets->began + (int64_t)((uint32_t)creds.times.endtime - (uint32_t)now);
    }
    krb5_free_cred_contents(tickets->library, &creds);
    krb5_get_init_creds_opt_free(tickets->library, options);
    return code;
}

/* The same tickets for GSSAPI. Kerberos only: no other mechanism of this host is ever negotiated. */
static bool open_credential(struct spnego_tickets *tickets)
{
    OM_uint32 minor;
    char *name = NULL;
    if (krb5_cc_get_full_name(tickets->library, tickets->cache, &name) != 0)
        return false;
    gss_key_value_element_desc where = {"ccache", name};
    gss_key_value_set_desc store = {1, &where};
    gss_OID_set_desc mechanisms = {1, &spnego_mechanism}, negotiated = {1, &krb5_mechanism};
    OM_uint32 major =
        gss_acquire_cred_from(&minor, GSS_C_NO_NAME, 0, &mechanisms, GSS_C_INITIATE, &store, &tickets->credential, NULL, NULL);
    krb5_free_string(tickets->library, name);
    return !GSS_ERROR(major) && !GSS_ERROR(gss_set_neg_mechs(&minor, tickets->credential, &negotiated));
}

struct spnego_tickets *spnego_tickets_acquire(const struct spnego_account *account, uint16_t *reason, char why[SPNEGO_WHY])
{
    struct spnego_tickets *tickets = memory_zeroed(1, sizeof *tickets);
    tickets->references = 1;
    tickets->credential = GSS_C_NO_CREDENTIAL;
    why[0] = '\0';
    krb5_error_code code = krb5_init_context(&tickets->library);
    if (code == 0)
        code = log_in(tickets, account, why);
    if (code == 0 && open_credential(tickets)) {
        *reason = REASON_OK;
        return tickets;
    }
    if (why[0] != '\0')
        *reason = reason_of(code);
    else if (code != 0)
        *reason = explain(tickets->library, code, why);
    else
        *reason = REASON_TOKEN_FAILED;
    spnego_tickets_release(tickets);
    return NULL;
}

struct spnego_tickets *spnego_tickets_share(struct spnego_tickets *tickets)
{
    atomic_fetch_add(&tickets->references, 1);
    return tickets;
}

void spnego_tickets_release(struct spnego_tickets *tickets)
{
    OM_uint32 minor;
    if (!tickets || atomic_fetch_sub(&tickets->references, 1) > 1)
        return;
    gss_release_cred(&minor, &tickets->credential);
    for (size_t i = 0; i < tickets->service_count; i++)
        free(tickets->services[i]);
    if (tickets->library) {
        if (tickets->cache)
            krb5_cc_destroy(tickets->library, tickets->cache);
        krb5_free_principal(tickets->library, tickets->principal);
        krb5_free_context(tickets->library);
    }
    free(tickets);
}

int64_t spnego_tickets_left(const struct spnego_tickets *tickets)
{
    return tickets->ends - (int64_t)time(NULL);
}

int64_t spnego_tickets_lifetime(const struct spnego_tickets *tickets)
{
    return tickets->ends - tickets->began;
}

static bool has_service(const struct spnego_tickets *tickets, const char *host)
{
    for (size_t i = 0; i < tickets->service_count; i++)
        if (strcmp(tickets->services[i], host) == 0)
            return true;
    return false;
}

uint16_t spnego_tickets_service(struct spnego_tickets *tickets, const char *host, char why[SPNEGO_WHY])
{
    if (has_service(tickets, host))
        return REASON_OK;
    krb5_creds wanted = {.client = tickets->principal}, *got = NULL;
    krb5_error_code code = krb5_sname_to_principal(tickets->library, host, "HTTP", KRB5_NT_SRV_HST, &wanted.server);
    if (code == 0)
        code = krb5_get_credentials(tickets->library, 0, tickets->cache, &wanted, &got);
    if (code == 0 && tickets->service_count < SPNEGO_SERVICES_MAX)
        tickets->services[tickets->service_count++] = strdup(host);
    krb5_free_creds(tickets->library, got);
    krb5_free_principal(tickets->library, wanted.server);
    return code == 0 ? REASON_OK : explain(tickets->library, code, why);
}

/* ---- tokens ---- */

static void explain_gss(OM_uint32 major, OM_uint32 minor, char why[SPNEGO_WHY])
{
    OM_uint32 ignored, more = 0;
    gss_buffer_desc one = GSS_C_EMPTY_BUFFER, other = GSS_C_EMPTY_BUFFER;
    gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &one);
    more = 0;
    gss_display_status(&ignored, minor, GSS_C_MECH_CODE, &spnego_mechanism, &more, &other);
    snprintf(why, SPNEGO_WHY, "%.*s: %.*s", (int)one.length, (const char *)one.value, (int)other.length, (const char *)other.value);
    gss_release_buffer(&ignored, &one);
    gss_release_buffer(&ignored, &other);
}

static OM_uint32 step(struct spnego_context *context, gss_buffer_t in, gss_buffer_t out, OM_uint32 *flags, char why[SPNEGO_WHY])
{
    struct gss_channel_bindings_struct binding = {.application_data = {context->binding.size, context->binding.bytes}};
    OM_uint32 minor;
    OM_uint32 major = gss_init_sec_context(&minor, context->tickets->credential, &context->context, context->service, &spnego_mechanism,
                                           GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG, 0,
                                           context->binding.size ? &binding : GSS_C_NO_CHANNEL_BINDINGS, in, NULL, out, flags, NULL);
    if (GSS_ERROR(major))
        explain_gss(major, minor, why);
    return major;
}

static char *in_base64(gss_buffer_t bytes)
{
    char *text = memory_zeroed(1, bytes->length * 4 / 3 + 8);
    EVP_EncodeBlock((unsigned char *)text, bytes->value, (int)bytes->length);
    return text;
}

struct spnego_context *spnego_context_begin(struct spnego_tickets *tickets, const char *host, const struct spnego_binding *binding,
                                            char **token, uint16_t *reason, char why[SPNEGO_WHY])
{
    char name[300];
    OM_uint32 minor, flags = 0;
    gss_buffer_desc text = {(size_t)snprintf(name, sizeof name, "HTTP@%s", host), name}, out = GSS_C_EMPTY_BUFFER;
    struct spnego_context *context = memory_zeroed(1, sizeof *context);
    context->tickets = spnego_tickets_share(tickets);
    context->binding = *binding;
    *reason = text.length < sizeof name ? spnego_tickets_service(tickets, host, why) : REASON_TOKEN_FAILED;
    if (*reason == REASON_OK) {
        bool named = !GSS_ERROR(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &context->service));
        if (named && !GSS_ERROR(step(context, GSS_C_NO_BUFFER, &out, &flags, why)) && out.length > 0)
            *token = in_base64(&out);
        else
            *reason = REASON_TOKEN_FAILED;
    }
    if (out.length > 0)
        secret_wipe(out.value, out.length);
    gss_release_buffer(&minor, &out);
    if (*reason == REASON_OK)
        return context;
    spnego_context_free(context);
    return NULL;
}

/* Length of the bytes, or -1: not base64. */
static int from_base64(const char *text, unsigned char *bytes)
{
    size_t size = strlen(text);
    int length = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)size);
    for (size_t i = size; length > 0 && i > 0 && i > size - 2 && text[i - 1] == '='; i--)
        length--;
    return length;
}

uint16_t spnego_context_prove(struct spnego_context *context, const char *challenge, char why[SPNEGO_WHY])
{
    size_t size = strlen(challenge);
    OM_uint32 minor, major = GSS_S_DEFECTIVE_TOKEN, flags = 0;
    if (size > CHALLENGE_MAX)
        return REASON_NOT_MUTUAL;
    unsigned char *bytes = memory_zeroed(1, size + 1);
    int length = from_base64(challenge, bytes);
    gss_buffer_desc in = {length > 0 ? (size_t)length : 0, bytes}, out = GSS_C_EMPTY_BUFFER;
    if (length > 0)
        major = step(context, &in, &out, &flags, why);
    else
        snprintf(why, SPNEGO_WHY, "its token is not one");
    gss_release_buffer(&minor, &out);
    free(bytes);
    return major == GSS_S_COMPLETE && (flags & GSS_C_MUTUAL_FLAG) ? REASON_OK : REASON_NOT_MUTUAL;
}

void spnego_context_free(struct spnego_context *context)
{
    OM_uint32 minor;
    if (!context)
        return;
    if (context->context != GSS_C_NO_CONTEXT)
        gss_delete_sec_context(&minor, &context->context, GSS_C_NO_BUFFER);
    if (context->service != GSS_C_NO_NAME)
        gss_release_name(&minor, &context->service);
    spnego_tickets_release(context->tickets);
    free(context);
}
