/* Users and their roles from a file; certificates that a stranger accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/lab/winlab/certificate.h"
#include "tests/lab/winlab/server_auth.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/winlab-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"users", "ca.pem", "ca.key", "node.key"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static bool read_users(const char *kind, const char *text, struct auth *auth)
{
    char path[128], option[160], said[256] = "";
    snprintf(path, sizeof path, "%s/users", folder);
    snprintf(option, sizeof option, "%s:%s", kind, path);
    FILE *file = fopen(path, "w");
    FILE *complaints = fmemopen(said, sizeof said, "w");
    assert_true(file && complaints);
    fputs(text, file);
    fclose(file);
    bool good = auth_read(option, auth, complaints);
    fclose(complaints);
    assert_int_equal(said[0] == '\0', good);
    return good;
}

static void users(void **state)
{
    (void)state;
    static struct auth auth;
    assert_true(read_users("basic", "# who\n\na:one\nb:two:act\nc:t:h:r:none\nCORP\\d:act\ne:x:observe\n", &auth));
    static const struct user expected[] = {{"a", "one", ROLE_OBSERVE},
                                           {"b", "two", ROLE_ACT},
                                           {"c", "t:h:r", ROLE_NONE},
                                           {"CORP\\d", "act", ROLE_OBSERVE}, /* a password that reads like a role */
                                           {"e", "x", ROLE_OBSERVE}};
    assert_int_equal(auth.user_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(auth.users[i].name, expected[i].name);
        assert_string_equal(auth.users[i].password, expected[i].password);
        assert_int_equal(auth.users[i].role, expected[i].role);
    }
    assert_true(read_users("trusted-header", "x@REALM::act\n", &auth));
    assert_int_equal(auth.kind, AUTH_TRUSTED_HEADER);
    assert_int_equal(auth.users[0].role, ROLE_ACT);
    assert_string_equal(auth.users[0].name, "x@REALM");
    assert_false(read_users("basic", "a\n", &auth));
    assert_false(read_users("basic", ":x\n", &auth));
    assert_false(read_users("digest", "a:b\n", &auth));
}

static X509 *parse(const char *pem)
{
    BIO *memory = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL);
    BIO_free(memory);
    assert_non_null(certificate);
    return certificate;
}

static bool is_trusted(X509 *certificate)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ca.pem", folder);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_load_file(store, path), 1);
    assert_int_equal(X509_STORE_CTX_init(context, store, certificate, NULL), 1);
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
    bool good = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return good;
}

static void certificates(void **state)
{
    (void)state;
    struct authority *authority = authority_open(folder, stderr);
    assert_non_null(authority);
    char *key = strdup(authority_key(authority)), *pem = authority_certify(authority, "BTS01", "127.0.0.11");
    X509 *node = parse(pem);
    assert_true(is_trusted(node));
    assert_int_equal(X509_check_host(node, "bts01", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(node, "127.0.0.11", 0), 1);
    assert_int_equal(X509_check_ip_asc(node, "127.0.0.12", 0), 0);
    authority_close(authority);
    authority = authority_open(folder, stderr); /* again: the same authority, the same key */
    assert_non_null(authority);
    assert_string_equal(authority_key(authority), key);
    assert_true(is_trusted(node));
    authority_close(authority);
    X509_free(node);
    free(pem);
    free(key);

    char said[256] = "";
    FILE *complaints = fmemopen(said, sizeof said, "w");
    assert_null(authority_open("/nowhere/at/all", complaints));
    fclose(complaints);
    assert_non_null(strstr(said, "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(users, make_folder, remove_folder),
                                       cmocka_unit_test_setup_teardown(certificates, make_folder, remove_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
