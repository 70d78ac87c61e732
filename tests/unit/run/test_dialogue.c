/* Where a reply ends, in one piece and byte by byte; limits; line ends; dots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/dialogue.h"

#define BYTES(text) text, sizeof text - 1

static uint16_t feed(struct dialogue *dialogue, const char *data, size_t size, size_t piece, size_t *used)
{
    uint16_t reason = REASON_NONE;
    *used = 0;
    while (reason == REASON_NONE && *used < size) {
        size_t taken, length = size - *used < piece ? size - *used : piece;
        reason = dialogue_feed(dialogue, data + *used, length, &taken);
        *used += taken;
        if (reason == REASON_NONE)
            assert_int_equal(taken, length);
    }
    return reason;
}

static void test_replies(void **state)
{
    (void)state;
    static const struct {
        enum expect expect;
        const char *in;
        size_t in_size;
        const char *out;
        size_t out_size, rest; /* rest: bytes that belong to the next reply */
        uint16_t reason;
    } cases[] = {
        {EXPECT_LINE, BYTES("+OK ready\r\n"), BYTES("+OK ready\n"), 0, REASON_OK},
        {EXPECT_LINE, BYTES("+OK\nmore\n"), BYTES("+OK\n"), 5, REASON_OK},
        {EXPECT_LINE, BYTES("a\rb\r\r\n"), BYTES("a\rb\r\n"), 0, REASON_OK},
        {EXPECT_LINE, BYTES("a\0b\xff\r\n"), BYTES("a\0b\xff\n"), 0, REASON_OK},
        {EXPECT_LINE, BYTES("\r\n"), BYTES("\n"), 0, REASON_OK},
        {EXPECT_LINE, BYTES("no end"), NULL, 0, 0, REASON_NONE},
        {EXPECT_FTP, BYTES("220 hello\r\n331 x\r\n"), BYTES("220 hello\n"), 7, REASON_OK},
        {EXPECT_FTP, BYTES("220\r\n"), BYTES("220\n"), 0, REASON_OK},
        {EXPECT_FTP, BYTES("220-one\r\n221 not yet\r\n 220 nor this\r\n220x\r\n220 end\r\n"),
         BYTES("220-one\n221 not yet\n 220 nor this\n220x\n220 end\n"), 0, REASON_OK},
        {EXPECT_FTP, BYTES("220-\r\n220\r\n"), BYTES("220-\n220\n"), 0, REASON_OK},
        {EXPECT_FTP, BYTES("SSH-2.0-OpenSSH\r\n220 x\r\n"), BYTES("SSH-2.0-OpenSSH\n"), 7, REASON_OK},
        {EXPECT_FTP, BYTES("220-open\r\n"), NULL, 0, 0, REASON_NONE},
        {EXPECT_DOT, BYTES("+OK\r\nTOP\r\n.\r\nrest"), BYTES("+OK\nTOP\n"), 4, REASON_OK},
        {EXPECT_DOT, BYTES("-ERR no\r\n.\r\n"), BYTES("-ERR no\n"), 3, REASON_OK},
        {EXPECT_DOT, BYTES("+OK\r\n..\r\n.x\r\n...\r\n.\r\n"), BYTES("+OK\n.\nx\n..\n"), 0, REASON_OK},
        {EXPECT_DOT, BYTES("+OK\n.\n"), BYTES("+OK\n"), 0, REASON_OK},
        {EXPECT_DOT, BYTES("+OK\r\n.\r"), NULL, 0, 0, REASON_NONE},
        {EXPECT_DOT, BYTES("+OK\r\n\r\n.\r\n"), BYTES("+OK\n\n"), 0, REASON_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t piece = 1; piece <= cases[i].in_size; piece++) {
            struct dialogue dialogue = {0};
            size_t used;
            dialogue_begin(&dialogue, cases[i].expect, 0);
            uint16_t reason = feed(&dialogue, cases[i].in, cases[i].in_size, piece, &used);
            assert_int_equal(reason, cases[i].reason);
            if (reason == REASON_OK) {
                assert_int_equal(dialogue.size, cases[i].out_size);
                assert_memory_equal(dialogue.text, cases[i].out, dialogue.size);
                assert_int_equal(cases[i].in_size - used, cases[i].rest);
            }
            dialogue_end(&dialogue);
        }
    }
}

static void test_nothing_and_anything(void **state)
{
    (void)state;
    struct dialogue dialogue = {0};
    size_t used;
    dialogue_begin(&dialogue, EXPECT_NOTHING, 0);
    assert_int_equal(dialogue_feed(&dialogue, BYTES("x"), &used), REASON_OK);
    assert_int_equal(used, 0);
    dialogue_begin(&dialogue, EXPECT_ANY, 4);
    assert_int_equal(dialogue_feed(&dialogue, "", 0, &used), REASON_NONE);
    assert_int_equal(dialogue_feed(&dialogue, BYTES("a\r\nbcd"), &used), REASON_OK);
    assert_int_equal(used, 4);
    assert_int_equal(dialogue.size, 4);
    assert_memory_equal(dialogue.text, "a\r\nb", 4);
    dialogue_end(&dialogue);
}

static void test_limits(void **state)
{
    (void)state;
    struct dialogue dialogue = {0};
    size_t used;
    char *long_line = malloc(1 << 20);
    memset(long_line, 'x', 1 << 20);
    dialogue_begin(&dialogue, EXPECT_LINE, 0);
    assert_int_equal(feed(&dialogue, long_line, 1 << 20, 1460, &used), REASON_LINE_TOO_LONG);
    assert_true(used <= REPLY_LINE_MAX && dialogue.capacity <= 2 * REPLY_LINE_MAX);
    dialogue_begin(&dialogue, EXPECT_LINE, 0);
    long_line[REPLY_LINE_MAX] = '\n';
    assert_int_equal(feed(&dialogue, long_line, REPLY_LINE_MAX + 1, 1460, &used), REASON_OK);
    assert_int_equal(dialogue.size, REPLY_LINE_MAX + 1);
    free(long_line);

    /* an endless banner */
    dialogue_begin(&dialogue, EXPECT_FTP, 0);
    uint16_t reason = REASON_NONE;
    size_t sent = 0;
    for (; reason == REASON_NONE && sent < 1 << 20; sent += 10)
        reason = feed(&dialogue, BYTES("220-hello\n"), 3, &used);
    assert_int_equal(reason, REASON_REPLY_TOO_LARGE);
    assert_true(sent <= REPLY_LIMIT_PRESET + 10 && dialogue.capacity <= REPLY_LIMIT_PRESET);
    dialogue_begin(&dialogue, EXPECT_LINE, 5);
    assert_int_equal(feed(&dialogue, BYTES("12345\n"), 6, &used), REASON_REPLY_TOO_LARGE);
    dialogue_end(&dialogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_nothing_and_anything),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
