/* The line channel against servers that are slow, endless, silent, gone: each has its precise reason, and memory stays bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/run/resolve.h"
#include "conversation.h"
#include "server.h"

/* Plays the script, connects, and asks for one reply. */
static uint16_t one_reply(struct conversation *conversation, const char *script, enum expect expect, unsigned patience_ms)
{
    struct server *server = server_open(script, NULL);
    conversation_open(conversation);
    assert_int_equal(conversation_connect(conversation, "127.0.0.1", server_port(server)), REASON_OK);
    const struct request request = {.kind = REQUEST_EXCHANGE, .expect = expect, .bytes = "go\r\n", .size = script[0] == '<' ? 4 : 0};
    uint16_t reason = conversation_ask(conversation, &request, patience_ms);
    server_close(server);
    return reason;
}

static void test_whole_dialogue(void **state)
{
    (void)state;
    struct conversation conversation;
    struct server *server = server_open("> 220-hello\n> 220 there\n< USER canary\n> 331 password?\n< PASS\n> 230 in\n< QUIT\nclose", NULL);
    conversation_open(&conversation);
    assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
    assert_int_equal(conversation.reply.certificate_days, INT64_MIN);
    assert_true(conversation.reply.connect_ms >= 0 && conversation.reply.connect_ms <= conversation.reply.elapsed_ms);
    assert_true(conversation.reply.wall > 1700000000000);
    assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
    assert_string_equal(conversation.text, "220-hello\n220 there\n");
    assert_int_equal(conversation_exchange(&conversation, "USER canary\r\n", EXPECT_FTP), REASON_OK);
    assert_string_equal(conversation.text, "331 password?\n");
    assert_int_equal(conversation_exchange(&conversation, "PASS x\r\n", EXPECT_FTP), REASON_OK);
    assert_int_equal(conversation_exchange(&conversation, "QUIT\r\n", EXPECT_NOTHING), REASON_OK);
    assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_CLOSED_EARLY);
    assert_int_equal(conversation_exchange(&conversation, "NOOP\r\n", EXPECT_FTP), REASON_CLOSED_EARLY);
    conversation_close(&conversation);
    server_close(server);
}

static void test_replies_that_come_together(void **state)
{
    (void)state;
    struct conversation conversation;
    struct server *server = server_open("> 220 one\n> 331 two\n< USER\n> 230 three\nhold", NULL);
    conversation_open(&conversation);
    assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
    usleep(100000); /* both are there now, most likely; the order of replies does not depend on it */
    assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
    assert_string_equal(conversation.text, "220 one\n");
    assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
    assert_string_equal(conversation.text, "331 two\n");
    assert_int_equal(conversation_exchange(&conversation, "USER x\r\n", EXPECT_FTP), REASON_OK);
    assert_string_equal(conversation.text, "230 three\n");
    conversation_close(&conversation);
    server_close(server);
}

static void test_hostile_servers(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        enum expect expect;
        unsigned patience_ms;
        uint16_t reason;
    } cases[] = {
        {"flood 1048576\nhold", EXPECT_LINE, 20000, REASON_LINE_TOO_LONG},
        {"flood 1048576\nhold", EXPECT_FTP, 20000, REASON_LINE_TOO_LONG},
        {"lines 100000\nhold", EXPECT_FTP, 20000, REASON_REPLY_TOO_LARGE},
        {"> 220-half a reply\nclose", EXPECT_FTP, 20000, REASON_CLOSED_EARLY},
        {">> no line end\nclose", EXPECT_LINE, 20000, REASON_CLOSED_EARLY},
        {"close", EXPECT_LINE, 20000, REASON_CLOSED_EARLY},
        {"close", EXPECT_ANY, 20000, REASON_CLOSED_EARLY},
        {"< go\n>> x\nreset", EXPECT_LINE, 20000, REASON_NETWORK_ERROR},
        {"drip 220 a byte at a time, and no end of it, for longer than anybody waits for it\nhold", EXPECT_FTP, 300, REASON_REPLY_TIMEOUT},
        {"hold", EXPECT_LINE, 100, REASON_REPLY_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct conversation conversation;
        assert_string_equal(reason_name(one_reply(&conversation, cases[i].script, cases[i].expect, cases[i].patience_ms)),
                            reason_name(cases[i].reason));
        assert_int_equal(conversation.reply.size, 0);
        assert_int_equal(conversation.expired, cases[i].reason == REASON_REPLY_TIMEOUT);
        conversation_close(&conversation);
    }
}

static void test_a_flood_nobody_asked_for_stays_in_the_kernel(void **state)
{
    (void)state;
    struct conversation conversation;
    struct server *server = server_open("> 220 hello\nflood 20000000\nhold", NULL);
    conversation_open(&conversation);
    assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
    assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
    assert_string_equal(conversation.text, "220 hello\n");
    for (int i = 0; i < 50; i++) { /* the loop turns, the channel is asked nothing */
        usleep(2000);
        uv_run(&conversation.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(conversation_exchange(&conversation, "NOOP\r\n", EXPECT_FTP), REASON_LINE_TOO_LONG);
    conversation_close(&conversation);
    server_close(server);
}

static void test_binary_garbage(void **state)
{
    (void)state;
    struct conversation conversation;
    assert_int_equal(one_reply(&conversation, ">> \x16\x03\x01\x02\xff\xfe\n> \x01\nhold", EXPECT_FTP, 20000), REASON_OK);
    assert_memory_equal(conversation.text, "\x16\x03\x01\x02\xff\xfe\x01\n", 8);
    conversation_close(&conversation);
}

static void test_refused_and_unresolved(void **state)
{
    (void)state;
    struct conversation conversation;
    struct server *server = server_open("close", NULL);
    uint16_t port = server_port(server);
    server_close(server);
    conversation_open(&conversation);
    assert_int_equal(conversation_connect(&conversation, "127.0.0.1", port), REASON_CONNECT_REFUSED);
    assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_CONNECT_REFUSED);
    assert_int_equal(conversation_connect(&conversation, "::1", port), REASON_CONNECT_REFUSED);
    assert_int_equal(conversation_connect(&conversation, "no-such-host.invalid", 21), REASON_RESOLVE_FAILED);
    conversation_close(&conversation);
    resolve_forget();
}

/* Stands before libc's: a name with two addresses, of which the server listens on the second only. */
static atomic_uint asked;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **answer)
{
    typedef int function(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    function *libc = (function *)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(name, "two.example") != 0)
        return libc(name, service, hints, answer);
    asked++;
    struct addrinfo **end = answer;
    int failed = libc("::1", service, hints, answer);
    while (!failed && *end)
        end = &(*end)->ai_next;
    return failed ? failed : libc("127.0.0.1", service, hints, end);
}

static void test_names_and_the_next_address(void **state)
{
    (void)state;
    struct conversation conversation;
    struct server *server = server_open("> 220 hello\nhold", NULL);
    for (int i = 0; i < 2; i++) {
        conversation_open(&conversation);
        assert_int_equal(conversation_connect(&conversation, "two.example", server_port(server)), REASON_OK);
        assert_int_equal(asked, 1); /* the second time from memory */
        assert_int_equal(conversation_exchange(&conversation, "", EXPECT_FTP), REASON_OK);
        conversation_close(&conversation);
    }
    server_close(server);
    resolve_forget();
}

/* A full backlog: the kernel answers no SYN. */
static void test_connection_not_accepted(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), filler[8];
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < 8; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(filler[i], (struct sockaddr *)&address, size);
    }
    struct conversation conversation;
    conversation_open(&conversation);
    const struct request request = {.kind = REQUEST_CONNECT, .host = "127.0.0.1", .port = ntohs(address.sin_port)};
    assert_int_equal(conversation_ask(&conversation, &request, 300), REASON_CONNECT_TIMEOUT);
    conversation_close(&conversation);
    for (size_t i = 0; i < 8; i++)
        close(filler[i]);
    close(listener);
}

static void test_out_of_descriptors(void **state)
{
    (void)state;
    struct conversation conversation;
    struct server *server = server_open("> 220 hello\nhold", NULL);
    struct rlimit limit, low;
    conversation_open(&conversation);
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &low);
    uint16_t reason = conversation_connect(&conversation, "127.0.0.1", server_port(server));
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(reason, REASON_NO_RESOURCES);
    assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
    conversation_close(&conversation);
    server_close(server);
}

static void test_many_descriptors(void **state)
{
    (void)state;
    enum { MANY = 1500 };
    static int opened[MANY];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < MANY + 64)
        skip();
    for (size_t i = 0; i < MANY; i++)
        opened[i] = open("/dev/null", O_RDONLY);
    assert_true(opened[MANY - 1] >= MANY);
    test_whole_dialogue(NULL);
    for (size_t i = 0; i < MANY; i++)
        close(opened[i]);
}

static uint16_t transfer(struct conversation *conversation, size_t limit, unsigned patience_ms)
{
    assert_int_equal(conversation_exchange(conversation, "EPSV\r\n", EXPECT_FTP), REASON_OK);
    struct request request = {.kind = REQUEST_TRANSFER, .limit = limit, .bytes = "LIST\r\n", .size = 6};
    unsigned port = 0;
    assert_int_equal(sscanf(conversation->text, "229 Passive (|||%u|)", &port), 1);
    request.port = (uint16_t)port;
    return conversation_ask(conversation, &request, patience_ms);
}

static void test_transfers(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        size_t limit;
        unsigned patience_ms;
        uint16_t reason;
        const char *text;
        unsigned entries;
    } cases[] = {
        {"< EPSV\ndata\n< LIST\n> 150 here\naccept\nlist 3\n> 226 done\nhold", 0, 20000, REASON_OK, "226 done\n", 3},
        {"< EPSV\ndata\naccept\n< LIST\n> 150 here\n> 226 done\nlist 3\nhold", 0, 20000, REASON_OK, "226 done\n", 3},
        {"< EPSV\ndata\n< LIST\n> 150 here\naccept\nlist 10000\n> 226-so\n> 226 done\nhold", 0, 20000, REASON_OK, "226-so\n226 done\n",
         10000},
        {"< EPSV\ndata\n< LIST\n> 550 no\nhold", 0, 20000, REASON_OK, "550 no\n", 0},
        {"< EPSV\ndata\n< LIST\n> 150 here\naccept\nlist 10000\nhold", 1000, 20000, REASON_REPLY_TOO_LARGE, "", 0},
        {"< EPSV\ndata\n< LIST\n> 150 here\naccept\nhold", 0, 300, REASON_REPLY_TIMEOUT, "", 0},
        {"< EPSV\ndata\n< LIST\n> 150 here\naccept\nlist 2\nhold", 0, 300, REASON_REPLY_TIMEOUT, "", 2},
        {"< EPSV\ndata\n< LIST\n> 150 here\naccept\nlist 2\nclose", 0, 20000, REASON_CLOSED_EARLY, "", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server *server = server_open(cases[i].script, NULL);
        struct conversation conversation;
        conversation_open(&conversation);
        assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
        uint16_t reason = transfer(&conversation, cases[i].limit, cases[i].patience_ms);
        assert_string_equal(reason_name(reason), reason_name(cases[i].reason));
        assert_string_equal(conversation.text, cases[i].text);
        unsigned entries = 0;
        for (const char *at = conversation.data; at && *at; at = strchr(at, '\n') + 1)
            assert_int_equal(strtoul(at + strlen("entry "), NULL, 10), entries++);
        if (cases[i].reason != REASON_REPLY_TOO_LARGE)
            assert_int_equal(entries, cases[i].entries);
        else
            assert_true(conversation.data_size <= cases[i].limit);
        assert_true(!conversation.data || !strchr(conversation.data, '\r'));
        conversation_close(&conversation);
        server_close(server);
    }
}

static void test_data_connection_refused(void **state)
{
    (void)state;
    struct server *server = server_open("hold", NULL), *gone = server_open("close", NULL);
    struct conversation conversation;
    const struct request request = {.kind = REQUEST_TRANSFER, .port = server_port(gone), .bytes = "LIST\r\n", .size = 6};
    server_close(gone);
    conversation_open(&conversation);
    assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
    assert_int_equal(conversation_ask(&conversation, &request, 20000), REASON_CONNECT_REFUSED);
    conversation_close(&conversation);
    server_close(server);
}

/* Closing in any phase leaves nothing behind: conversation_close asserts that the loop is empty, the sanitizer that memory is. */
static void test_closed_in_every_phase(void **state)
{
    (void)state;
    struct server *server = server_open("< x\nhold", NULL);
    static const struct request requests[] = {
        {.kind = REQUEST_CONNECT, .host = "127.0.0.1"},
        {.kind = REQUEST_CONNECT, .host = "localhost"},
        {.kind = REQUEST_CONNECT, .host = "127.0.0.1", .tls = true},
        {.kind = REQUEST_CONNECT, .host = "127.0.0.1", .tls = true, .ca_file = "/nonexistent"},
        {.kind = REQUEST_EXCHANGE, .expect = EXPECT_LINE, .bytes = "a", .size = 1},
        {.kind = REQUEST_EXCHANGE, .expect = EXPECT_NOTHING},
        {.kind = REQUEST_TLS},
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        for (int turns = 0; turns < 4; turns++) {
            struct conversation conversation;
            struct request request = requests[i];
            request.port = server_port(server);
            conversation_open(&conversation);
            if (request.kind != REQUEST_CONNECT)
                assert_int_equal(conversation_connect(&conversation, "127.0.0.1", server_port(server)), REASON_OK);
            line_request(conversation.line, &request);
            for (int turn = 0; turn < turns; turn++)
                uv_run(&conversation.loop, UV_RUN_NOWAIT);
            conversation_close(&conversation);
        }
    }
    server_close(server);
    resolve_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_dialogue),
        cmocka_unit_test(test_replies_that_come_together),
        cmocka_unit_test(test_hostile_servers),
        cmocka_unit_test(test_a_flood_nobody_asked_for_stays_in_the_kernel),
        cmocka_unit_test(test_binary_garbage),
        cmocka_unit_test(test_refused_and_unresolved),
        cmocka_unit_test(test_names_and_the_next_address),
        cmocka_unit_test(test_connection_not_accepted),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_many_descriptors),
        cmocka_unit_test(test_transfers),
        cmocka_unit_test(test_data_connection_refused),
        cmocka_unit_test(test_closed_in_every_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
