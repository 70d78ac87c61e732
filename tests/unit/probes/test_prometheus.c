/* The text parser: what counts as a sample, what is broken, and that cuts between pieces change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/prometheus.h"

static struct prometheus reader;
static char told[64 * 1024];
static size_t told_size;

static void take(void *context, const struct prometheus_sample *sample)
{
    char *at = told + told_size, *end = told + sizeof told;
    (void)context;
    if (sample->reason != REASON_OK)
        at += snprintf(at, (size_t)(end - at), "%s %.40s", reason_name(sample->reason), sample->name);
    else
        at += snprintf(at, (size_t)(end - at), "%s %.17g", sample->name, sample->value);
    for (uint8_t i = 0; i < sample->label_count && sample->reason == REASON_OK; i++)
        at += snprintf(at, (size_t)(end - at), " %s=[%s]", sample->labels[i].name, sample->labels[i].value);
    at += snprintf(at, (size_t)(end - at), "\n");
    assert_true(at < end);
    told_size = (size_t)(at - told);
}

static const char *read_cut(const char *text, size_t size, size_t piece)
{
    memset(&reader, 0, sizeof reader);
    told_size = 0;
    *told = '\0';
    for (size_t at = 0; at < size; at += piece) {
        size_t now = size - at < piece ? size - at : piece;
        char *exact = malloc(now); /* a read beyond it is seen */
        assert_non_null(exact);
        memcpy(exact, text + at, now);
        prometheus_feed(&reader, exact, now, take, NULL);
        free(exact);
    }
    prometheus_end(&reader, take, NULL);
    return told;
}

static const char *read_text(const char *text)
{
    return read_cut(text, strlen(text), SIZE_MAX);
}

static void samples(void **state)
{
    (void)state;
    assert_string_equal(read_text("up 1\n"), "up 1\n");
    assert_string_equal(read_text("  up\t 1  \n\n# HELP up text {\n# TYPE up gauge\n#up 2\n"), "up 1\n");
    assert_string_equal(read_text("a{} 1\na{b=\"c\"} 2 1790000000000\na{ b = \"c\" , d=\"\", } 3\n"), "a 1\na 2 b=[c]\na 3 b=[c] d=[]\n");
    assert_string_equal(read_text("a:b_1{x_=\"y\"}5\n"), "a:b_1 5 x_=[y]\n");
    assert_string_equal(read_text("a 1\r\nb 2 -5\r\n"), "a 1\nb 2\n");
    assert_string_equal(read_text("a_bucket 3 # {trace_id=\"x\"} 0.5\n"), "a_bucket 3\n");
}

static void numbers(void **state)
{
    (void)state;
    assert_string_equal(read_text("a 4.294967295e+09\na -1\na +2.5E-1\na .5\n"), "a 4294967295\na -1\na 0.25\na 0.5\n");
    assert_string_equal(read_text("a NaN\na +Inf\na -Inf\n"), "a nan\na inf\na -inf\n");
    assert_string_equal(read_text("a 0x10\na 1,5\na nan(7)\na 1e\na --1\na\na \na 1 2 3\na 1 x\na e\n"),
                        "bad-reply a\nbad-reply a\nbad-reply a\nbad-reply a\nbad-reply a\nbad-reply a\nbad-reply a\nbad-reply a\nbad-reply "
                        "a\nbad-reply a\n");
}

static void escapes(void **state)
{
    (void)state;
    assert_string_equal(read_text("a{p=\"C:\\\\x\\\"y\\\"\\nz\"} 1\n"), "a 1 p=[C:\\x\"y\"\nz]\n");
    assert_string_equal(read_text("a{p=\"\\t\\q\"} 1\n"), "a 1 p=[\\t\\q]\n");
    assert_string_equal(read_text("a{p=\"}\",q=\"a=b,{\"} 1\n"), "a 1 p=[}] q=[a=b,{]\n");
    assert_string_equal(read_text("a{p=\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"} 1\n"), "a 1 p=[\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80]\n");
}

static void broken_lines_tell_their_name_and_no_more(void **state)
{
    static const char *const broken[] = {"a{p=\"x} 1",
                                         "a{p=x} 1",
                                         "a{p=\"x\" q=\"y\"} 1",
                                         "a{=\"x\"} 1",
                                         "a{p=\"x\"",
                                         "a{p",
                                         "a{p=\"x\"} ",
                                         "a{p=\"\\",
                                         "a{1p=\"x\"} 1",
                                         "a{p=\"\xc3\"} 1",
                                         "a{p=\"\xed\xa0\x80\"} 1",
                                         "a{p=\"\xc0\x80\"} 1",
                                         "a{p=\"\xe0\x80\x80\"} 1",
                                         "a{p=\"\xf5\x80\x80\x80\"} 1"};
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s\nb 2\n", broken[i]);
        assert_string_equal(read_text(text), "bad-reply a\nb 2\n");
    }
    assert_string_equal(read_text("<html>\n1 2\n{\"quoted\"} 1\n"), "bad-reply \nbad-reply \nbad-reply \n");
    assert_string_equal(read_cut("a 1\0\nb 2\n", 9, SIZE_MAX), "bad-reply a\nb 2\n");
    assert_string_equal(read_cut("\0\nb 2\n", 6, SIZE_MAX), "bad-reply \nb 2\n");
}

static void a_last_line_without_end_may_have_lost_digits(void **state)
{
    (void)state;
    assert_string_equal(read_text("a 1\nb 12"), "a 1\nbad-reply b\n");
    assert_string_equal(read_text("a 1\n# EOF"), "a 1\n");
    assert_string_equal(read_text(""), "");
}

static void lines_and_labels_are_bounded(void **state)
{
    static char text[3 * PROMETHEUS_LINE_MAX];
    (void)state;
    /* the longest line that is read, and one byte more */
    for (size_t more = 0; more < 2; more++) {
        size_t filling = PROMETHEUS_LINE_MAX - strlen("long{x=\"\"} 1") + more;
        int used = snprintf(text, sizeof text, "long{x=\"%0*d\"} 1\nb 2\n", (int)filling, 0);
        assert_true(used > PROMETHEUS_LINE_MAX);
        for (size_t piece = 1; piece < 10000; piece = 3 * piece + 1) {
            const char *all = read_cut(text, strlen(text), piece);
            assert_int_equal(!strncmp(all, "line-too-long long\nb 2\n", 23), more);
            assert_int_equal(!strncmp(all, "long 1 x=[000", 13), !more);
        }
    }
    for (unsigned count = PROMETHEUS_LABELS_MAX; count <= PROMETHEUS_LABELS_MAX + 1; count++) {
        size_t used = (size_t)snprintf(text, sizeof text, "a{");
        for (unsigned i = 0; i < count; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "l%u=\"%u\",", i, i);
        snprintf(text + used, sizeof text - used, "} 1\n");
        assert_int_equal(!strcmp(read_text(text), "bad-reply a\n"), count > PROMETHEUS_LABELS_MAX);
    }
}

static void cuts_change_nothing(void **state)
{
    static const char text[] = "# HELP a b\na{p=\"x\\\\y\\\"\",q=\"\xc3\xa4\"} 1.5e+3 17\r\n\nbad{\nb 2\n  c{d=\"\\n\"} -Inf\nlast 9";
    char whole[1024];
    (void)state;
    snprintf(whole, sizeof whole, "%s", read_text(text));
    assert_string_equal(whole, "a 1500 p=[x\\y\"] q=[\xc3\xa4]\nbad-reply bad\nb 2\nc -inf d=[\n]\nbad-reply last\n");
    for (size_t piece = 1; piece < sizeof text; piece++)
        assert_string_equal(read_cut(text, sizeof text - 1, piece), whole);
}

static void labels_are_found_by_name(void **state)
{
    const struct prometheus_sample sample = {.label_count = 2, .labels = {{"a", "1"}, {"ab", "2"}}};
    (void)state;
    assert_string_equal(prometheus_label(&sample, "ab"), "2");
    assert_string_equal(prometheus_label(&sample, "b"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples),
        cmocka_unit_test(numbers),
        cmocka_unit_test(escapes),
        cmocka_unit_test(broken_lines_tell_their_name_and_no_more),
        cmocka_unit_test(a_last_line_without_end_may_have_lost_digits),
        cmocka_unit_test(lines_and_labels_are_bounded),
        cmocka_unit_test(cuts_change_nothing),
        cmocka_unit_test(labels_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
