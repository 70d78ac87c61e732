/* Keys and certificates by OpenSSL. Knows nothing of servers. */
#include "certificate.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct authority {
    X509 *certificate;
    EVP_PKEY *key, *node_key;
    char *node_key_pem;
};

static FILE *open_in(const char *folder, const char *name, bool for_writing)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return NULL;
    if (!for_writing)
        return fopen(path, "r");
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, strstr(name, ".key") ? 0600 : 0644);
    return descriptor < 0 ? NULL : fdopen(descriptor, "w");
}

static EVP_PKEY *key_of(const char *folder, const char *name)
{
    FILE *file = open_in(folder, name, false);
    if (file) {
        EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        fclose(file);
        return key;
    }
    EVP_PKEY *key = EVP_EC_gen("P-256");
    file = key ? open_in(folder, name, true) : NULL;
    bool written = file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (file && fclose(file) != 0)
        written = false;
    if (written)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool extend(X509 *certificate, const X509V3_CTX *context, int id, const char *value)
{
    X509V3_CTX own = *context;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &own, id, value);
    bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool set_names(X509 *certificate, const char *name, const X509 *issuer)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"winlab simulation", -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate)) == 1;
}

/* `names` "": an authority's own certificate, signed by itself */
static X509 *make(const char *name, const char *names, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    enum { A_DAY = 86400, SERIAL_BYTES = 8 };
    unsigned char random[SERIAL_BYTES];
    X509 *certificate = X509_new();
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer ? issuer : certificate, certificate, NULL, NULL, 0);
    BIGNUM *serial = RAND_bytes(random, sizeof random) == 1 ? BN_bin2bn(random, sizeof random, NULL) : NULL;
    bool good = certificate && serial && X509_set_version(certificate, X509_VERSION_3) == 1 &&
                BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) && set_names(certificate, name, issuer) &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), -A_DAY) &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), 3650L * A_DAY) && X509_set_pubkey(certificate, key) == 1 &&
                extend(certificate, &context, NID_subject_key_identifier, "hash");
    if (good && !issuer)
        good = extend(certificate, &context, NID_basic_constraints, "critical,CA:TRUE") &&
               extend(certificate, &context, NID_key_usage, "critical,keyCertSign,cRLSign");
    else if (good)
        good = extend(certificate, &context, NID_authority_key_identifier, "keyid") &&
               extend(certificate, &context, NID_basic_constraints, "critical,CA:FALSE") &&
               extend(certificate, &context, NID_ext_key_usage, "serverAuth") && extend(certificate, &context, NID_subject_alt_name, names);
    good = good && X509_sign(certificate, issuer_key, EVP_sha256()) != 0;
    BN_free(serial);
    if (good)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static X509 *certificate_of(const char *folder, EVP_PKEY *key)
{
    FILE *file = open_in(folder, "ca.pem", false);
    if (file) {
        X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
        fclose(file);
        return certificate;
    }
    X509 *certificate = make("winlab simulation CA", "", key, NULL, key);
    file = certificate ? open_in(folder, "ca.pem", true) : NULL;
    bool written = file && PEM_write_X509(file, certificate) == 1;
    if (file && fclose(file) != 0)
        written = false;
    if (written)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static char *taken_from(BIO *memory)
{
    char *bytes;
    long length = BIO_get_mem_data(memory, &bytes);
    char *text = length > 0 ? strndup(bytes, (size_t)length) : NULL;
    BIO_free(memory);
    return text;
}

struct authority *authority_open(const char *folder, FILE *complaints)
{
    struct authority *authority = calloc(1, sizeof *authority);
    if (!authority)
        abort();
    BIO *memory = BIO_new(BIO_s_mem());
    authority->key = key_of(folder, "ca.key");
    authority->node_key = key_of(folder, "node.key");
    authority->certificate = authority->key ? certificate_of(folder, authority->key) : NULL;
    bool good = memory && authority->node_key && PEM_write_bio_PrivateKey(memory, authority->node_key, NULL, NULL, 0, NULL, NULL) == 1;
    authority->node_key_pem = good ? taken_from(memory) : NULL;
    if (!good)
        BIO_free(memory);
    if (good && authority->certificate && X509_check_private_key(authority->certificate, authority->key) == 1)
        return authority;
    fprintf(complaints, "winlab: %s: ca.pem, ca.key or node.key can neither be read nor made\n", folder);
    authority_close(authority);
    return NULL;
}

void authority_close(struct authority *authority)
{
    if (!authority)
        return;
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    EVP_PKEY_free(authority->node_key);
    free(authority->node_key_pem);
    free(authority);
}

const char *authority_key(const struct authority *authority)
{
    return authority->node_key_pem;
}

char *authority_certify(const struct authority *authority, const char *name, const char *address)
{
    char names[512];
    snprintf(names, sizeof names, "DNS:%s%s%s", name, address ? ",IP:" : "", address ? address : "");
    X509 *certificate = make(name, names, authority->node_key, authority->certificate, authority->key);
    BIO *memory = certificate ? BIO_new(BIO_s_mem()) : NULL;
    bool good = memory && PEM_write_bio_X509(memory, certificate) == 1;
    X509_free(certificate);
    if (good)
        return taken_from(memory);
    BIO_free(memory);
    return NULL;
}
