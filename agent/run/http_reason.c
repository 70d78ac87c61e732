/* What libcurl says, as reasons. Knows nothing else. */
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#include "connect_reason.h"
#include "http_endpoint.h"

static uint16_t of_certificate(CURL *easy)
{
    long verified = X509_V_OK;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
    switch (verified) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED: /* as libcurl leaves it when the chain was good, and its own comparison of the name failed */
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return REASON_TLS_NAME;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return REASON_TLS_EXPIRED;
    default:
        return REASON_TLS_UNTRUSTED;
    }
}

static uint16_t of_connect(CURL *easy, int open_errno)
{
    long error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    return connect_reason(open_errno != 0 ? open_errno : (int)error);
}

static uint16_t of_timeout(CURL *easy)
{
    curl_off_t connected_us = 0;
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    return connected_us > 0 ? REASON_REPLY_TIMEOUT : REASON_CONNECT_TIMEOUT;
}

uint16_t http_reason(CURL *easy, CURLcode result, int open_errno, const char *said, char why[160])
{
    snprintf(why, 160, "%s", result == CURLE_OK ? "" : said && *said ? said : curl_easy_strerror(result));
    switch (result) {
    case CURLE_OK:
        return REASON_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
        return REASON_RESOLVE_FAILED;
    case CURLE_COULDNT_CONNECT:
        return of_connect(easy, open_errno);
    case CURLE_OPERATION_TIMEDOUT:
        return of_timeout(easy);
    case CURLE_PEER_FAILED_VERIFICATION:
        return of_certificate(easy);
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return REASON_TLS_UNTRUSTED;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
        return REASON_TLS_FAILED;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return REASON_CLOSED_EARLY;
    case CURLE_FILESIZE_EXCEEDED:
        return REASON_REPLY_TOO_LARGE;
    case CURLE_OUT_OF_MEMORY:
        return REASON_NO_RESOURCES;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
        return REASON_BAD_REPLY;
    default:
        return REASON_NETWORK_ERROR;
    }
}
