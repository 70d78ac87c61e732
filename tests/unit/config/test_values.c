/* Single values: scalars as YAML 1.2 reads them, durations, prefixes, zones, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/config/reading.h"
#include "agent/config/values.h"

static void test_scalar_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum scalar_kind kind;
    } rows[] = {{"", SCALAR_NULL},        {"~", SCALAR_NULL},      {"null", SCALAR_NULL},   {"nil", SCALAR_TEXT},
                {"true", SCALAR_BOOL},    {"False", SCALAR_BOOL},  {"yes", SCALAR_TEXT},    {"off", SCALAR_TEXT},
                {"1", SCALAR_NUMBER},     {"-1", SCALAR_NUMBER},   {"+007", SCALAR_NUMBER}, {"0x1F", SCALAR_NUMBER},
                {"0o17", SCALAR_NUMBER},  {"0x", SCALAR_TEXT},     {"1.5", SCALAR_NUMBER},  {".5", SCALAR_NUMBER},
                {"1.", SCALAR_NUMBER},    {"1e5", SCALAR_NUMBER},  {"1e", SCALAR_TEXT},     {".", SCALAR_TEXT},
                {"-.inf", SCALAR_NUMBER}, {".nan", SCALAR_NUMBER}, {"1.2.3", SCALAR_TEXT},  {"10.0.0.1", SCALAR_TEXT},
                {"10s", SCALAR_TEXT},     {"-", SCALAR_TEXT},      {"12:30", SCALAR_TEXT}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (scalar_kind(rows[i].text) != rows[i].kind)
            fail_msg("`%s` is read as kind %d", rows[i].text, scalar_kind(rows[i].text));
}

static void test_durations(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "s", "10", "10S", "10 s", "1.5s", "-1s", "+1s", "1h30m", "10sec", "10ss", "0x1s", "9223372036854775808ms", "106751991168d"};
    static const struct {
        const char *text;
        int64_t milliseconds;
    } good[] = {{"0s", 0},
                {"500ms", 500},
                {"10s", 10000},
                {"5m", 300000},
                {"1h", 3600000},
                {"2d", 172800000},
                {"106751991167d", 9223372036828800000}};
    int64_t out;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (duration_parse(bad[i], &out))
            fail_msg("`%s` is taken as a duration", bad[i]);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char text[DURATION_TEXT_BYTES];
        assert_true(duration_parse(good[i].text, &out));
        assert_int_equal(out, good[i].milliseconds);
        assert_string_equal(duration_text(out, text), good[i].text);
    }
}

static void test_integers(void **state)
{
    (void)state;
    int64_t out;
    assert_true(integer_parse("9223372036854775807", &out) && out == INT64_MAX);
    assert_false(integer_parse("9223372036854775808", &out));
    assert_true(integer_parse("-5", &out) && out == -5);
    assert_false(integer_parse("", &out) || integer_parse("-", &out) || integer_parse("1 ", &out) || integer_parse("0x1", &out));
}

static void test_prefixes(void **state)
{
    (void)state;
    struct address address;
    uint8_t bits;
    assert_true(prefix_parse("10.0.0.1", &address, &bits) && bits == 128);
    assert_true(prefix_parse("10.0.0.0/8", &address, &bits) && bits == 104);
    assert_false(prefix_has_host_bits(&address, bits));
    assert_true(prefix_parse("10.0.0.1/24", &address, &bits));
    assert_true(prefix_has_host_bits(&address, bits));
    assert_true(prefix_parse("0.0.0.0/0", &address, &bits) && bits == 96);
    assert_true(prefix_parse("fd00::/64", &address, &bits) && bits == 64);
    assert_true(prefix_parse("::1", &address, &bits) && bits == 128);
    static const char *const bad[] = {"",     "/",      "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "::/129", "10.0.0.1/8/8",
                                      "name", "10.0.0", "[::1]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(prefix_parse(bad[i], &address, &bits));
}

static void test_zones(void **state)
{
    (void)state;
    bool local;
    int32_t seconds;
    assert_true(zone_parse("local", &local, &seconds) && local);
    assert_true(zone_parse("UTC", &local, &seconds) && !local && seconds == 0);
    assert_true(zone_parse("+05:30", &local, &seconds) && seconds == 19800);
    assert_true(zone_parse("-08:00", &local, &seconds) && seconds == -28800);
    static const char *const bad[] = {"", "CET", "+5:30", "+0530", "+15:00", "+01:60", "0100", "+01:00x", " 01:00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(zone_parse(bad[i], &local, &seconds));
}

static void test_names_and_hosts(void **state)
{
    (void)state;
    assert_true(name_valid("a") && name_valid("A.b_c-9"));
    assert_false(name_valid("") || name_valid("a b") || name_valid("a/b") || name_valid("\xc3\xa4") || name_valid("a@b"));
    assert_true(host_valid("ftp.example") && host_valid("10.0.0.1") && host_valid("2001:db8::1") && host_valid("srv_1"));
    assert_false(host_valid("") || host_valid("-v") || host_valid("a:21") || host_valid("a b") || host_valid("[::1]") || host_valid("a/b"));
}

static void test_secret_words(void **state)
{
    (void)state;
    static const char *const secret[] = {"password", "PASSWORD", "auth_passphrase", "community", "api_key", "token", "client-secret", "pw"};
    static const char *const open[] = {"password_file", "community_file", "user", "key", "path", "priv"};
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        assert_true(looks_secret(secret[i], strlen(secret[i])));
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        assert_false(looks_secret(open[i], strlen(open[i])));
}

static const char *nearest(const char *word, const char *const *candidates)
{
    struct suggestion suggestion = {.word = word};
    for (; *candidates; candidates++)
        suggestion_offer(&suggestion, *candidates);
    return suggestion.best ? suggestion.best : "";
}

static void test_suggestions(void **state)
{
    (void)state;
    static const char *const keys[] = {"timeout", "every", "rise", "fall", "address", NULL};
    assert_string_equal(nearest("tiemout", keys), "timeout");
    assert_string_equal(nearest("adress", keys), "address");
    assert_string_equal(nearest("Timeout", keys), "timeout");
    assert_string_equal(nearest("evry", keys), "every");
    assert_string_equal(nearest("password", keys), "");
    assert_string_equal(nearest("", keys), "");
    assert_string_equal(nearest("xy", keys), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalar_kinds), cmocka_unit_test(test_durations),   cmocka_unit_test(test_integers),
        cmocka_unit_test(test_prefixes),     cmocka_unit_test(test_zones),       cmocka_unit_test(test_names_and_hosts),
        cmocka_unit_test(test_secret_words), cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests_name("config: values", tests, NULL, NULL);
}
