/* See keytab.h. */
#include <krb5.h>
#include <stdio.h>
#include <string.h>

#include "keytab.h"

struct look {
    krb5_context library;
    krb5_principal principal;
    krb5_keytab keytab;
};

/* "… it holds HTTP/bts01@CORP.EXAMPLE": the first that it does hold, as a hint. */
static void say_other(struct look *look, const char *principal, char why[KEYTAB_WHY])
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    char *name = NULL;
    snprintf(why, KEYTAB_WHY, "it has no key of %.60s", principal);
    if (krb5_kt_start_seq_get(look->library, look->keytab, &cursor) != 0)
        return;
    if (krb5_kt_next_entry(look->library, look->keytab, &entry, &cursor) == 0) {
        if (krb5_unparse_name(look->library, entry.principal, &name) == 0)
            snprintf(why, KEYTAB_WHY, "it has no key of %.60s, but of %.60s", principal, name);
        krb5_free_unparsed_name(look->library, name);
        krb5_free_keytab_entry_contents(look->library, &entry);
    }
    krb5_kt_end_seq_get(look->library, look->keytab, &cursor);
}

static krb5_error_code open_keytab(struct look *look, const char *file, const char *principal)
{
    char name[4096];
    if (snprintf(name, sizeof name, "FILE:%s", file) >= (int)sizeof name)
        return KRB5_KT_NAME_TOOLONG;
    krb5_error_code code = krb5_parse_name(look->library, principal, &look->principal);
    return code ? code : krb5_kt_resolve(look->library, name, &look->keytab);
}

uint16_t keytab_look(const char *file, const char *principal, char why[KEYTAB_WHY])
{
    struct look look = {0};
    uint16_t reason = REASON_OK;
    why[0] = '\0';
    if (krb5_init_context(&look.library) != 0) {
        snprintf(why, KEYTAB_WHY, "the configuration of Kerberos (krb5.conf) cannot be read");
        return REASON_TOKEN_FAILED;
    }
    krb5_keytab_entry entry;
    krb5_error_code code = open_keytab(&look, file, principal);
    if (code == 0)
        code = krb5_kt_get_entry(look.library, look.keytab, look.principal, 0, 0, &entry);
    if (code == 0) {
        krb5_free_keytab_entry_contents(look.library, &entry);
    } else if (code == KRB5_KT_NOTFOUND) {
        reason = REASON_TOKEN_FAILED;
        say_other(&look, principal, why);
    } else {
        const char *text = krb5_get_error_message(look.library, code);
        reason = REASON_SECRET_UNREADABLE;
        snprintf(why, KEYTAB_WHY, "%s", text);
        krb5_free_error_message(look.library, text);
    }
    if (look.keytab)
        krb5_kt_close(look.library, look.keytab);
    krb5_free_principal(look.library, look.principal);
    krb5_free_context(look.library);
    return reason;
}
