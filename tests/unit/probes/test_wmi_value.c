/* Values of WMI into rows: what each type takes, and that everything else leaves the field as absent as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "probes/wmi_value.h"

struct found_trial {
    int64_t wide;
    int32_t narrow;
    uint16_t port;
    uint8_t small, verdict, word;
    int32_t second;
    stamp_t stamp;
    char text[8], name[8], link[8];
};

static const char *const words[] = {"Stopped", "Running", NULL};
static const struct wmi_property properties[] = {{"wide", WMI_INTEGER, WMI_FIELD(found_trial, wide), NULL},
                                                 {"narrow", WMI_INTEGER, WMI_FIELD(found_trial, narrow), NULL},
                                                 {"port", WMI_INTEGER, WMI_FIELD(found_trial, port), NULL},
                                                 {"small", WMI_INTEGER, WMI_FIELD(found_trial, small), NULL},
                                                 {"verdict", WMI_BOOLEAN, WMI_FIELD(found_trial, verdict), NULL},
                                                 {"word", WMI_WORD, WMI_FIELD(found_trial, word), words},
                                                 {"second", WMI_SECOND_OF_DAY, WMI_FIELD(found_trial, second), NULL},
                                                 {"stamp", WMI_STAMP, WMI_FIELD(found_trial, stamp), NULL},
                                                 {"text", WMI_TEXT, WMI_FIELD(found_trial, text), NULL},
                                                 {"name", WMI_NAME, WMI_FIELD(found_trial, name), NULL},
                                                 {"link", WMI_LINK, WMI_FIELD(found_trial, link), NULL},
                                                 {0}};

static struct found_trial row;

static void absent(void)
{
    memset(&row, 'x', sizeof row);
    for (const struct wmi_property *property = properties; property->name; property++)
        wmi_absent(property, &row);
}

static void set(const char *name, const char *value)
{
    const struct wmi_property *property = properties;
    while (strcmp(property->name, name) != 0)
        property++;
    /* the exact size, so that a read beyond it is seen */
    size_t size = strlen(value);
    char exact[256];
    memcpy(exact + sizeof exact - size, value, size);
    wmi_value(property, &row, exact + sizeof exact - size, size);
}

static void what_did_not_come_is_never_zero_or_false(void **state)
{
    (void)state;
    absent();
    assert_true(row.wide == ABSENT && row.narrow == -1 && row.second == -1 && row.verdict == UNKNOWN);
    assert_true(row.word == 0 && row.stamp == 0 && row.port == 0 && row.small == 0);
    assert_string_equal(row.text, "");
}

static void integers(void **state)
{
    (void)state;
    static const char *const none[] = {
        "", " ", "-", "+", "12a", "0x10", "1.5", "9223372036854775808", "9999999999999999999", "99999999999999999999", "true", "--1"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        absent();
        set("wide", none[i]);
        assert_true(row.wide == ABSENT);
    }
    set("wide", "9223372036854775807");
    assert_true(row.wide == INT64_MAX);
    set("wide", " -15\n");
    assert_true(row.wide == -15);
    set("wide", "4294967295");
    assert_true(row.wide == UINT32_MAX);
    absent();
    set("narrow", "4294967295");
    set("port", "65536");
    set("small", "256");
    assert_true(row.narrow == -1 && row.port == 0 && row.small == 0);
    set("narrow", "2147483647");
    set("port", "65535");
    set("small", "255");
    assert_true(row.narrow == INT32_MAX && row.port == 65535 && row.small == 255);
    set("small", "-1");
    assert_true(row.small == 255); /* another value that does not fit leaves what is there */
}

static void booleans_and_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t verdict;
    } cases[] = {{"true", YES}, {"TRUE", YES}, {"1", YES},       {"false", NO},  {"False", NO},
                 {"0", NO},     {"", UNKNOWN}, {"yes", UNKNOWN}, {"2", UNKNOWN}, {"truee", UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        absent();
        set("verdict", cases[i].text);
        assert_int_equal(row.verdict, cases[i].verdict);
    }
    absent();
    set("word", "Hibernating");
    assert_int_equal(row.word, 0);
    set("word", "running");
    assert_int_equal(row.word, 2);
    set("word", "Stopped");
    assert_int_equal(row.word, 1);
}

static void dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t stamp;
        int32_t second;
    } cases[] = {
        {"1970-01-02T00:00:00Z", 86400000, 0},
        {"2013-03-09T03:06:25Z", 1362798385000, 11185},
        {"2024-02-29T23:59:59.250+01:00", 1709247599250, 86399},
        {"2026-11-22T08:00:00-05:30", 1795354200000, 28800},
        {"20260101080000.000000+060", 1767250800000, 28800},
        {"20260101080000.500000-300", 1767272400500, 28800},
        {"20260101080000.000000+***", 1767254400000, 28800},
        {"2026-01-01T08:00:00", 1767254400000, 28800},
        {"20260101080000", 1767254400000, 28800},
        {"08:30:15", 0, 30615},
        {"********083015.000000+***", 0, 30615},
        {"16010101080000.000000+000", 0, 28800}, /* what is not set comes as a year long ago */
        {"1601-01-01T00:00:00Z", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        absent();
        set("stamp", cases[i].text);
        set("second", cases[i].text);
        if (row.stamp != cases[i].stamp || row.second != cases[i].second)
            fail_msg("%s is %lld, %d", cases[i].text, (long long)row.stamp, (int)row.second);
    }
}

static void what_is_no_date_is_absent(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       "x",
                                       "2026-11-22",
                                       "2026-11-22T",
                                       "2026-11-22T08",
                                       "2026-11-22T24:00:00Z",
                                       "2026-11-22T08:60:00Z",
                                       "2026-11-22T08-00-00Z",
                                       "2026-11-22T08:00:00+1",
                                       "2026-11-22T08:00:00+01:0",
                                       "2026-11-22T08:00:00ZZ",
                                       "8:00:00",
                                       "2026010108000",
                                       "20260101080000.000000+06",
                                       "20260101080000.000000?060",
                                       "00000000000100.000000:000 "};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        absent();
        set("stamp", none[i]);
        set("second", none[i]);
        if (row.stamp != 0 || row.second != -1)
            fail_msg("%s is %lld, %d", none[i], (long long)row.stamp, (int)row.second);
    }
}

static void texts_are_cut_names_and_links_are_not(void **state)
{
    (void)state;
    absent();
    set("text", "12345678");
    set("name", "12345678");
    set("link", "12345678");
    assert_string_equal(row.text, "1234567");
    assert_string_equal(row.name, "");
    assert_string_equal(row.link, "");
    assert_false(wmi_named(properties, &row));
    set("name", "1234567");
    set("text", "second of an array");
    assert_string_equal(row.text, "1234567");
    assert_string_equal(row.name, "1234567");
    assert_true(wmi_named(properties, &row));
    absent();
    set("text", "12345é8"); /* fits, and one more would not */
    assert_string_equal(row.text, "12345é");
    absent();
    set("text", "123456é8");
    assert_string_equal(row.text, "123456");
    absent();
    set("text", "𝄞𝄞");
    assert_string_equal(row.text, "𝄞");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_did_not_come_is_never_zero_or_false),
        cmocka_unit_test(integers),
        cmocka_unit_test(booleans_and_words),
        cmocka_unit_test(dates),
        cmocka_unit_test(what_is_no_date_is_absent),
        cmocka_unit_test(texts_are_cut_names_and_links_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
