/* Where an http or SNMP conversation goes, and as whom. Compiled from the configuration, borrowed by the channels for as long as it lives.
 */
#ifndef SOLOWARDEN_CONFIG_TARGET_H
#define SOLOWARDEN_CONFIG_TARGET_H

#include <stdbool.h>
#include <stdint.h>

enum http_auth { HTTP_AUTH_NONE, HTTP_AUTH_KERBEROS, HTTP_AUTH_NTLM, HTTP_AUTH_BASIC };
struct http_target {
    const char *host, *address; /* name for TLS and Kerberos; literal address to connect to instead of resolving it, or NULL */
    uint16_t port;
    bool plain;                                     /* http:// : the configuration says so in so many words; refused with HTTP_AUTH_BASIC */
    bool insecure;                                  /* certificate not verified */
    const char *ca_file, *server_name, *pin;        /* pin: "sha256//…" of the public key, or NULL */
    uint8_t auth;                                   /* enum http_auth */
    const char *credential;                         /* name of the identity; NULL with HTTP_AUTH_NONE */
    const char *user, *password_file, *keytab_file; /* user for Kerberos: principal, name@REALM */
    const char *url;                                /* of WinRM, for WS-Addressing: "https://bts01.corp.example:5986/wsman" */
};

/* v2c: community_file; v3: user and the files of its level. The files are read by the process that asks, not by the decider. */
struct snmp_target {
    const char *host; /* name or literal address */
    uint16_t port;
    const char *community_file; /* NULL = v3 */
    const char *user;
    int64_t level, auth, priv; /* as in struct conf_snmp_user */
    const char *auth_file, *priv_file;
};

#endif
