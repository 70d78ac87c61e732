/* What the probes are made of: texts for people, commands, figures, folder listings, field tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "probes/conversation.h"
#include "probes/listing.h"
#include "probes/perfdata.h"

static const char *shown(const char *data, size_t size, const char *secret)
{
    static char out[32];
    memset(out, 'x', sizeof out);
    text_for_people(out, sizeof out, data, size, secret);
    return out;
}
#define SHOWN(text) shown(text, sizeof text - 1, NULL)

static void texts_are_printable(void **state)
{
    (void)state;
    assert_string_equal(SHOWN(""), "");
    assert_string_equal(SHOWN("plain  "), "plain");
    assert_string_equal(SHOWN("one\r\ntwo"), "one");
    assert_string_equal(SHOWN("a\x1b[1m\tb\x7f\0c"), "a?[1m?b??c");
    assert_string_equal(SHOWN("Pr\xc3\xbc"
                              "fung \xe2\x82\xac \xf0\x9f\x98\x80"),
                        "Pr\xc3\xbc"
                        "fung \xe2\x82\xac \xf0\x9f\x98\x80");
    /* broken, overlong, surrogate, beyond Unicode, C1 control, right-to-left override, byte order mark */
    assert_string_equal(SHOWN("\xc3"), "?");
    assert_string_equal(SHOWN("\xc0\xaf"), "??");
    assert_string_equal(SHOWN("\xe0\x80\xaf"), "???");
    assert_string_equal(SHOWN("\xed\xa0\x80"), "???");
    assert_string_equal(SHOWN("\xf5\x80\x80\x80"), "????");
    assert_string_equal(SHOWN("\xc2\x9b"), "??");
    assert_string_equal(SHOWN("\xe2\x80\xae"), "???");
    assert_string_equal(SHOWN("\xef\xbb\xbf"), "???");
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    assert_string_equal(SHOWN("0123456789012345678901234567890123456789"), "0123456789012345678901234567890");
    assert_string_equal(SHOWN("012345678901234567890123456789\xc3\xbc"), "012345678901234567890123456789");
}

static void texts_hide_the_secret(void **state)
{
    (void)state;
    assert_string_equal(shown("hunter2 is not hunter", 21, "hunter2"), "*** is not hunter");
    assert_string_equal(shown("aaaa", 4, "aa"), "******");
    assert_string_equal(shown("plain", 5, ""), "plain");
    assert_string_equal(shown("0123456789012345678901234567hunter2", 35, "hunter2"), "0123456789012345678901234567***");
    assert_string_equal(shown("01234567890123456789012345678hunter2", 36, "hunter2"), "01234567890123456789012345678");
}

static void only_sendable_arguments_are_sent(void **state)
{
    (void)state;
    char longest[402];
    memset(longest, 'x', sizeof longest);
    longest[401] = '\0';
    assert_false(sendable(longest));
    longest[400] = '\0';
    assert_true(sendable(longest));
    assert_true(sendable("canary with spaces"));
    assert_false(sendable(NULL));
    assert_false(sendable(""));
    assert_false(sendable("a\rb"));
    assert_false(sendable("a\nb"));

    struct request request;
    request_command(&request, EXPECT_LINE, "USER", longest);
    assert_int_equal(request.size, 400 + 7);
    assert_memory_equal(request.bytes, "USER xxx", 8);
    assert_memory_equal(request.bytes + 405, "\r\n", 3);
}

static void too_many_findings_are_dropped(void **state)
{
    (void)state;
    struct seen seen = {0};
    for (int i = 0; i < 20; i++) {
        seen_item(&seen, ASPECT_ENDPOINT, YES, REASON_OK, i);
        seen_perf(&seen, "a label that is far longer than the column for it", "unit too long", i);
    }
    assert_int_equal(seen.count, SEEN_MAX);
    assert_int_equal(seen.perf_count, PERF_MAX);
    assert_string_equal(seen.perf[0].label, "a label that is far lon");
    assert_string_equal(seen.perf[0].unit, "unit to");
}

static void only_an_answer_speaks_for_a_node(void **state)
{
    (void)state;
    static const struct {
        uint8_t verdict, for_node;
        uint16_t reason;
    } cases[] = {{YES, YES, REASON_OK},
                 {YES, YES, REASON_PLUGIN_WARNING},
                 {NO, NO, REASON_UNEXPECTED_TEXT},
                 {NO, NO, REASON_PLUGIN_CRITICAL},
                 {NO, UNKNOWN, REASON_CONNECT_REFUSED},
                 {NO, UNKNOWN, REASON_REPLY_TIMEOUT},
                 {NO, UNKNOWN, REASON_TLS_EXPIRED},
                 {UNKNOWN, UNKNOWN, REASON_PLUGIN_UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen = {0};
        seen_item(&seen, ASPECT_ENDPOINT, cases[i].verdict, cases[i].reason, 0);
        seen_item(&seen, ASPECT_LOCKS, YES, REASON_OK, 0);
        seen_for_node(&seen, ASPECT_INSTANCE);
        assert_int_equal(seen.items[0].aspect, ASPECT_INSTANCE);
        assert_int_equal(seen.items[0].verdict, cases[i].for_node);
        assert_int_equal(seen.items[0].reason, cases[i].reason);
        assert_int_equal(seen.items[1].aspect, ASPECT_LOCKS);
    }
}

enum { HOUR = 3600000, DAY = 86400000 };
static const stamp_t now = 1795387624000; /* 2026-11-22 22:47:04 UTC */

/* entries, alien lines and the oldest stamp of a listing that arrives in pieces of every size */
static void assert_listing(bool machine, const char *text, uint32_t entries, uint32_t alien, stamp_t oldest)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        struct listing listing = {.machine = machine};
        for (size_t at = 0; at < strlen(text); at += piece)
            listing_feed(&listing, text + at, strlen(text) - at < piece ? strlen(text) - at : piece, now);
        listing_end(&listing, now);
        assert_int_equal(listing.entries, entries);
        assert_int_equal(listing.alien, alien);
        assert_int_equal(listing.oldest, oldest);
    }
}

static void listings_are_counted(void **state)
{
    (void)state;
    stamp_t day = now - now % DAY;
    assert_listing(false, "", 0, 0, 0);
    assert_listing(false, "total 0\n\n \r\n", 0, 0, 0);
    assert_listing(false, "-rw-r--r-- 1 u g 5 Nov 22 22:00 a b\r\nlrwxrwxrwx 1 u g 5 Nov 22 21:00 l -> a\ndrwxr-xr-x 2 u g 5 Nov 1 2020 d",
                   2, 0, day + 21 * HOUR);
    assert_listing(false, "-rw-r--r--+ 1 u g 5 Feb 29  2024 leap\n", 1, 0, 1709164800000);
    assert_listing(false, "-rw-r--r-- 1 u g 5 Dec 31 23:59 of last year\n", 1, 0, 1767225540000);
    assert_listing(false, "-rw-r--r-- 1 u g 5 Nov 23 08:00 a zone ahead\n", 1, 0, day + DAY + 8 * HOUR);
    assert_listing(false, "-rw-r--r-- 1 u g 5 Nov 99 08:00 x\n-rw-r--r-- 1 u g 5 Foo 22 22:00 y\n", 2, 0, 0);
    assert_listing(false, "11-22-26  12:05AM  5 a\n11-22-2026  12:05PM  5 b\n11-22-26  01:00PM <DIR> c\n11-22-26  14:00 5 d\n", 3, 0,
                   day + 5 * 60000);
    assert_listing(false, "hello\n-rw\n11/22/26 x y z\n99999999999999999999-9-9 1 2 3\n", 0, 4, 0);
    assert_listing(
        true, "Type=file;Modify=20261122220000; a\ntype=OS.unix=slink:/x;modify=20261122210000; l\ntype=dir;modify=20200101000000; d\n", 2,
        0, day + 21 * HOUR);
    assert_listing(true, "size=5; no type\ntype=file;modify=2026; no date\ntype=file;modify=20261322000000; no month\n", 3, 0, 0);
    assert_listing(true, "-rw-r--r-- 1 u g 5 Nov 22 22:00 a\n", 0, 1, 0);
}

static void long_listing_lines_are_cut(void **state)
{
    (void)state;
    char line[1000];
    struct listing listing = {0};
    memset(line, 'n', sizeof line);
    memcpy(line, "-rw-r--r-- 1 u g 5 Nov 22 22:00 ", 32);
    line[999] = '\n';
    listing_feed(&listing, line, sizeof line, now);
    listing_feed(&listing, line, sizeof line, now);
    assert_int_equal(listing.entries, 2);
}

/* Without a wall clock the year that LIST leaves out cannot be known. */
static void listing_without_clock(void **state)
{
    (void)state;
    struct listing listing = {0};
    static const char line[] = "-rw-r--r-- 1 u g 5 Nov 22 22:00 a\n";
    listing_feed(&listing, line, sizeof line - 1, 0);
    listing_feed(&listing, line, sizeof line - 1, INT64_MAX);
    assert_int_equal(listing.entries, 2);
    assert_int_equal(listing.oldest, 0);
}

static void assert_figure(const char *text, const char *label, double value, const char *unit)
{
    struct seen seen = {0};
    perfdata_parse(text, strlen(text), &seen);
    assert_int_equal(seen.perf_count, label ? 1 : 0);
    if (!label)
        return;
    assert_string_equal(seen.perf[0].label, label);
    assert_string_equal(seen.perf[0].unit, unit);
    assert_true(seen.perf[0].value == value);
}

static void figures_are_read(void **state)
{
    (void)state;
    assert_figure("load=0.5", "load", 0.5, "");
    assert_figure("time=1.25s;;;0;10", "time", 1.25, "s");
    assert_figure("'a b'=-3%", "a_b", -3, "%");
    assert_figure("'it''s'=3", "it's", 3, "");
    assert_figure("a=1.5E+2KB;@10:20", "a", 150, "KB");
    assert_figure("a=25e-1", "a", 2.5, "");
    assert_figure("a=.5", "a", 0.5, "");
    assert_figure("a=5.", "a", 5, "");
}

static void what_is_no_figure_is_skipped(void **state)
{
    (void)state;
    static const char *const none[] = {"",      "   ",    "a",       "a=",          "=1",   "''=1",       "a=U",        "a=U;1;2",
                                       "a=nan", "a=0x10", "a=1,5",   "a=-",         "a=e5", "a=1e100",    "a=1e-99999", "a=--1",
                                       "'a=1",  "'a'b=1", "a=1\x1b", "a=1toolongu", "a=;",  "\xff\xfe=x", NULL};
    for (const char *const *text = none; *text; text++)
        assert_figure(*text, NULL, 0, NULL);
    assert_figure("junk a=1 =2 b", "a", 1, "");
    assert_figure("x=U good=1", "good", 1, "");
    assert_figure("a=12345678901234567890123456789012345678901", NULL, 0, NULL);
}

static void probes_are_found_by_name(void **state)
{
    (void)state;
    for (const struct probe_type *const *type = probe_types; *type; type++)
        assert_ptr_equal(probe_type_by_name((*type)->name), *type);
    assert_ptr_equal(probe_type_by_name("ftp"), &probe_ftp);
    assert_ptr_equal(probe_type_by_name("pop3"), &probe_pop3);
    assert_ptr_equal(probe_type_by_name("tcp"), &probe_tcp);
    assert_ptr_equal(probe_type_by_name("exec"), &probe_exec);
    assert_null(probe_type_by_name("ft"));
}

/* The runner gives each conversation in flight its state: that is memory times ten thousand; of clusters there are some hundred. */
static void probes_are_small_and_described(void **state)
{
    (void)state;
    for (const struct probe_type *const *type = probe_types; *type; type++) {
        assert_true((*type)->state_size <= ((*type)->estate ? 20480 : 1024));
        assert_true(strlen((*type)->help) > 10);
        for (const struct field *field = (*type)->fields; field->key; field++) {
            assert_true(field->offset < (*type)->conf_size);
            assert_true(strlen(field->help) > 10);
            assert_true(field->min <= field->max);
            for (const struct field *other = (*type)->fields; other != field; other++)
                assert_true(strcmp(other->key, field->key) != 0 && other->offset != field->offset);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_printable),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(texts_hide_the_secret),
        cmocka_unit_test(only_sendable_arguments_are_sent),
        cmocka_unit_test(too_many_findings_are_dropped),
        cmocka_unit_test(only_an_answer_speaks_for_a_node),
        cmocka_unit_test(listings_are_counted),
        cmocka_unit_test(long_listing_lines_are_cut),
        cmocka_unit_test(listing_without_clock),
        cmocka_unit_test(figures_are_read),
        cmocka_unit_test(what_is_no_figure_is_skipped),
        cmocka_unit_test(probes_are_found_by_name),
        cmocka_unit_test(probes_are_small_and_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
