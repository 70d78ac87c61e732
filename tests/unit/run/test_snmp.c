/* The snmp channel and its manager, against an agent that answers as each test wants it to. The manager is this very program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run/channel_snmp.h"
#include "agent/run/snmp_manager.h"
#include "agent/run/talk.h"

/* ---- an agent: BER by hand, one byte per sub-identifier ---- */

enum manner { GOOD, STANDING, ENDLESS, SILENT, GARBAGE, TOO_BIG, NO_ACCESS, NO_VALUES, OTHER_TABLE, LONG_VALUE, NOTHING_BELOW };
enum { ROWS = 100, SUBTREE_SIZE = 11 };
static const uint8_t subtree[SUBTREE_SIZE] = {0x2b, 6, 1, 4, 1, 77, 1, 2, 3, 1, 3}; /* 1.3 is one byte */
#define SUBTREE "1.3.6.1.4.1.77.1.2.3.1.3"

static struct {
    uv_udp_t socket;
    uint16_t port;
    enum manner manner;
    unsigned requests, most; /* most: repetitions that fit, for TOO_BIG */
    char community[64];
} agent;

struct writer { /* writes from the end towards the front */
    uint8_t bytes[60000];
    size_t at;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
    assert_true(writer->at >= size);
    writer->at -= size;
    memcpy(writer->bytes + writer->at, bytes, size);
}

static void put_head(struct writer *writer, uint8_t tag, size_t end)
{
    size_t size = end - writer->at;
    put(writer, (uint8_t[]){tag, 0x82, (uint8_t)(size >> 8), (uint8_t)size}, 4);
}

static void put_integer(struct writer *writer, uint32_t value)
{
    put(writer, (uint8_t[]){2, 5, 0, (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value}, 7);
}

static void put_row(struct writer *writer, uint8_t column, unsigned row)
{
    static uint8_t long_value[9000];
    size_t end = writer->at, from;
    if (agent.manner == LONG_VALUE)
        put(writer, long_value, sizeof long_value);
    else if (row % 2)
        put(writer, "name|\"", 6);
    else
        put(writer, "\x07\xff", 2);
    put_head(writer, 4, end);
    from = writer->at;
    put(writer, (uint8_t[]){(uint8_t)(row % 128)}, 1);
    if (row >= 128)
        put(writer, (uint8_t[]){(uint8_t)(0x80 | row / 128 % 128)}, 1);
    if (row >= 128 * 128)
        put(writer, (uint8_t[]){(uint8_t)(0x80 | row / 16384)}, 1);
    put(writer, (uint8_t[]){column}, 1);
    put(writer, subtree, SUBTREE_SIZE - 1);
    put_head(writer, 6, from);
    put_head(writer, 0x30, end);
}

struct asked {
    uint32_t id, repetitions, row;
    bool inside;
};

static const uint8_t *item(const uint8_t *at, uint8_t tag, size_t *size)
{
    assert_int_equal(at[0], tag);
    *size = at[1] < 0x80 ? at[1] : at[1] == 0x81 ? at[2] : (size_t)at[2] << 8 | at[3];
    return at + (at[1] < 0x80 ? 2 : at[1] == 0x81 ? 3 : 4);
}

static uint32_t integer(const uint8_t **at)
{
    size_t size;
    uint32_t value = 0;
    const uint8_t *bytes = item(*at, 2, &size);
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    *at = bytes + size;
    return value;
}

static struct asked read_request(const uint8_t *at)
{
    struct asked asked = {0};
    size_t size;
    at = item(at, 0x30, &size);
    assert_int_equal(integer(&at), 1); /* v2c */
    at = item(at, 4, &size);
    snprintf(agent.community, sizeof agent.community, "%.*s", (int)size, (const char *)at);
    at = item(at + size, 0xa5, &size);
    asked.id = integer(&at);
    assert_int_equal(integer(&at), 0);
    asked.repetitions = integer(&at);
    at = item(item(item(at, 0x30, &size), 0x30, &size), 6, &size);
    assert_memory_equal(at, subtree, SUBTREE_SIZE);
    for (size_t i = SUBTREE_SIZE; i < size; i++)
        asked.row = asked.row << 7 | (at[i] & 0x7fU);
    asked.inside = size > SUBTREE_SIZE;
    return asked;
}

static void put_rows(struct writer *writer, const struct asked *asked)
{
    unsigned first = asked->inside ? asked->row + 1 : 1, last = first + asked->repetitions - 1;
    if (agent.manner == STANDING && first > 30)
        first = last = 5;
    if (agent.manner == LONG_VALUE)
        last = first;
    if (agent.manner == NO_VALUES)
        return;
    for (unsigned row = last; row >= first; row--) /* from the end */
        if (agent.manner == ENDLESS || agent.manner == STANDING || (row <= ROWS && agent.manner != NOTHING_BELOW))
            put_row(writer, agent.manner == OTHER_TABLE ? 2 : 3, row);
        else
            put_row(writer, 4, row);
}

static void answer(const struct asked *asked, const struct sockaddr *to)
{
    static struct writer writer;
    writer.at = sizeof writer.bytes;
    uint32_t status = agent.manner == NO_ACCESS ? 6 : agent.manner == TOO_BIG && asked->repetitions > agent.most ? 1 : 0;
    if (!status)
        put_rows(&writer, asked);
    put_head(&writer, 0x30, sizeof writer.bytes);
    put_integer(&writer, 0);
    put_integer(&writer, status);
    put_integer(&writer, asked->id);
    put_head(&writer, 0xa2, sizeof writer.bytes);
    put(&writer, agent.community, strlen(agent.community));
    put(&writer, (uint8_t[]){4, (uint8_t)strlen(agent.community)}, 2);
    put(&writer, (uint8_t[]){2, 1, 1}, 3);
    put_head(&writer, 0x30, sizeof writer.bytes);
    uv_buf_t bytes = uv_buf_init((char *)writer.bytes + writer.at, (unsigned)(sizeof writer.bytes - writer.at));
    if (agent.manner == GARBAGE)
        bytes.len /= 2;
    uv_udp_try_send(&agent.socket, &bytes, 1, to);
}

static void buffer(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    static char bytes[65536];
    (void)handle, (void)size;
    *out = uv_buf_init(bytes, sizeof bytes);
}

static void asked_for(uv_udp_t *socket, ssize_t size, const uv_buf_t *bytes, const struct sockaddr *from, unsigned flags)
{
    (void)socket, (void)flags;
    if (size <= 0 || !from)
        return;
    agent.requests++;
    struct asked asked = read_request((const uint8_t *)bytes->base);
    if (agent.manner != SILENT)
        answer(&asked, from);
}

/* ---- what came ---- */

static struct {
    char text[200000];
    size_t size;
    uint16_t reason;
    unsigned ends;
} came;

static uv_loop_t loop;
static struct snmp_pool *pool;
static char folder[] = "/tmp/test_snmp.XXXXXX", secret[64];
static struct snmp_target target;

static void replied(void *context, const struct reply *reply)
{
    (void)context;
    assert_int_equal(came.ends, 0);
    if (reply->more) {
        assert_int_equal(reply->reason, REASON_OK);
        assert_true(reply->size > 0 && reply->data[reply->size - 1] == '\n'); /* whole lines */
        assert_true(reply->size < sizeof came.text - came.size);
        memcpy(came.text + came.size, reply->data, reply->size);
        came.size += reply->size;
        return;
    }
    came.reason = reply->reason;
    came.ends++;
}

static struct request walk_of(size_t limit)
{
    struct request request = {.kind = REQUEST_WALK, .limit = limit, .size = strlen(SUBTREE)};
    memcpy(request.bytes, SUBTREE, request.size);
    return request;
}

static struct snmp_channel *begin(enum manner manner, size_t limit)
{
    struct request request = walk_of(limit);
    struct snmp_channel *channel = snmp_channel_open(pool, &target, replied, NULL);
    memset(&came, 0, sizeof came);
    agent.manner = manner;
    agent.requests = 0;
    snmp_channel_request(channel, &request);
    assert_int_equal(came.ends, 0); /* never from inside the call */
    return channel;
}

static void until_over(void)
{
    while (!came.ends)
        uv_run(&loop, UV_RUN_ONCE);
}

static uint16_t walk(enum manner manner, size_t limit)
{
    struct snmp_channel *channel = begin(manner, limit);
    until_over();
    snmp_channel_close(channel);
    came.text[came.size] = '\0';
    return came.reason;
}

static unsigned lines(void)
{
    unsigned count = 0;
    for (size_t i = 0; i < came.size; i++)
        count += came.text[i] == '\n';
    return count;
}

/* ---- tests ---- */

static void a_table_comes_whole_and_in_order(void **state)
{
    (void)state;
    char *at = came.text;
    assert_int_equal(walk(GOOD, 0), REASON_OK);
    for (unsigned row = 1; row <= ROWS; row++) {
        char line[128];
        snprintf(line, sizeof line, SUBTREE ".%u|%s\n", row, row % 2 ? "4|name|\"" : "4x|07ff");
        assert_memory_equal(at, line, strlen(line));
        at += strlen(line);
    }
    assert_int_equal(at - came.text, came.size);
    assert_string_equal(agent.community, "lab-community");
    assert_in_range(agent.requests, 2, 10); /* many rows a request */
}

static void nothing_below_is_an_empty_table(void **state)
{
    (void)state;
    assert_int_equal(walk(NOTHING_BELOW, 0), REASON_OK);
    assert_int_equal(came.size, 0);
    assert_int_equal(walk(OTHER_TABLE, 0), REASON_OK);
    assert_int_equal(came.size, 0);
}

static void walks_that_would_never_end_do(void **state)
{
    (void)state;
    assert_int_equal(walk(STANDING, 0), REASON_BAD_REPLY);
    assert_in_range(lines(), 24, 48);
    assert_int_equal(walk(ENDLESS, 100000), REASON_REPLY_TOO_LARGE);
    assert_in_range(came.size, 50000, 100000 + 40);
    assert_int_equal(walk(LONG_VALUE, 0), REASON_REPLY_TOO_LARGE);
    assert_int_equal(walk(NO_VALUES, 0), REASON_BAD_REPLY);
}

static void error_statuses_have_their_reasons(void **state)
{
    (void)state;
    assert_int_equal(walk(NO_ACCESS, 0), REASON_SNMP_REFUSED);
    agent.most = 5;
    assert_int_equal(walk(TOO_BIG, 0), REASON_OK); /* asks for less */
    assert_int_equal(lines(), ROWS);
    agent.most = 0;
    assert_int_equal(walk(TOO_BIG, 0), REASON_PROVIDER_FAILED);
}

static void who_does_not_answer_is_asked_three_times(void **state)
{
    (void)state;
    assert_int_equal(walk(SILENT, 0), REASON_SNMP_TIMEOUT);
    assert_int_equal(agent.requests, 3);
    assert_int_equal(walk(GARBAGE, 0), REASON_SNMP_TIMEOUT);
    assert_int_equal(agent.requests, 3);
    assert_int_equal(walk(GOOD, 0), REASON_OK);
}

static void the_deadline_replies_at_once_and_nothing_comes_after(void **state)
{
    (void)state;
    struct snmp_channel *channel = begin(SILENT, 0);
    while (!agent.requests)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(snmp_channel_expire(channel));
    assert_int_equal(came.ends, 1);
    assert_int_equal(came.reason, REASON_SNMP_TIMEOUT);
    assert_false(snmp_channel_expire(channel));
    snmp_channel_close(channel);
    assert_int_equal(walk(GOOD, 0), REASON_OK); /* replied() would fail on a second end */
    assert_int_equal(lines(), ROWS);
}

static void a_dead_manager_is_said_and_replaced(void **state)
{
    (void)state;
    struct snmp_channel *channel = begin(SILENT, 0);
    while (!agent.requests)
        uv_run(&loop, UV_RUN_ONCE);
    int before = snmp_pool_process(pool);
    assert_int_not_equal(before, 0);
    assert_int_equal(kill(before, SIGKILL), 0);
    until_over();
    assert_int_equal(came.reason, REASON_CHILD_ENDED);
    assert_non_null(strstr(snmp_channel_why(channel), "signal 9"));
    snmp_channel_close(channel);
    assert_int_equal(walk(GOOD, 0), REASON_OK);
    assert_int_not_equal(snmp_pool_process(pool), before);
}

static void a_manager_that_hangs_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(walk(GOOD, 0), REASON_OK);
    int before = snmp_pool_process(pool);
    snmp_pool_patience(pool, 0);
    struct snmp_channel *channel = begin(SILENT, 0);
    while (!agent.requests)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(kill(before, SIGSTOP), 0);
    assert_true(snmp_channel_expire(channel));
    snmp_channel_close(channel);
    while (snmp_pool_process(pool) == before)
        uv_run(&loop, UV_RUN_ONCE);
    snmp_pool_patience(pool, 15000);
    assert_int_equal(walk(GOOD, 0), REASON_OK);
    assert_int_not_equal(snmp_pool_process(pool), before);
}

static void many_walks_at_once_do_not_mix(void **state)
{
    enum { MANY = 200 };
    static struct snmp_channel *channels[MANY];
    (void)state;
    struct request request = walk_of(0);
    memset(&came, 0, sizeof came);
    agent.manner = ENDLESS;
    for (size_t i = 0; i < MANY; i++) {
        channels[i] = snmp_channel_open(pool, &target, replied, NULL);
        snmp_channel_request(channels[i], &request);
    }
    for (size_t i = 1; i < MANY; i++) /* all but the first are not wanted any more */
        snmp_channel_close(channels[i]);
    agent.manner = GOOD;
    until_over();
    assert_int_equal(came.reason, REASON_OK);
    assert_int_equal(lines(), ROWS);
    snmp_channel_close(channels[0]);
}

struct outcome {
    size_t bytes;
    uint16_t reason;
};

static void take_outcome(void *context, const struct reply *reply)
{
    struct outcome *outcome = context;
    outcome->bytes += reply->size;
    if (!reply->more)
        outcome->reason = reply->reason;
}

static void everybody_gets_what_was_asked_for(void **state)
{
    enum { PAIRS = 8 };
    struct outcome outcomes[2 * PAIRS] = {0};
    struct snmp_channel *channels[2 * PAIRS];
    bool over = false;
    (void)state;
    assert_int_equal(walk(GOOD, 0), REASON_OK);
    const size_t whole = came.size;
    for (size_t i = 0; i < 2 * PAIRS; i++) { /* every second one may have little */
        struct request request = walk_of(i % 2 ? 100 : 0);
        channels[i] = snmp_channel_open(pool, &target, take_outcome, &outcomes[i]);
        snmp_channel_request(channels[i], &request);
    }
    while (!over) {
        uv_run(&loop, UV_RUN_ONCE);
        over = true;
        for (size_t i = 0; i < 2 * PAIRS; i++)
            over = over && outcomes[i].reason != REASON_NONE;
    }
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        assert_int_equal(outcomes[i].reason, i % 2 ? REASON_REPLY_TOO_LARGE : REASON_OK);
        assert_true(i % 2 ? outcomes[i].bytes < whole / 2 : outcomes[i].bytes == whole);
        snmp_channel_close(channels[i]);
    }
}

static void secrets_stay_in_their_files(void **state)
{
    (void)state;
    const struct snmp_target good = target;
    char path[64], command[64] = "";
    snprintf(path, sizeof path, "/proc/%d/cmdline", snmp_pool_process(pool));
    int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0 && read(file, command, sizeof command - 1) > 0);
    close(file);
    assert_string_equal(command + strlen(command) + 1, "snmp-manager");

    target.community_file = "/nonexistent";
    assert_int_equal(walk(GOOD, 0), REASON_SECRET_UNREADABLE);
    target = good;
    assert_int_equal(chmod(secret, 0644), 0);
    target.port = (uint16_t)(good.port + 1); /* a session that knows it already would not read it again */
    assert_int_equal(walk(GOOD, 0), REASON_SECRET_UNREADABLE);
    assert_int_equal(chmod(secret, 0600), 0);
    target = good;
}

static void a_name_without_address_is_said(void **state)
{
    (void)state;
    const struct snmp_target good = target;
    target.host = "no-such-name.invalid";
    assert_int_equal(walk(GOOD, 0), REASON_RESOLVE_FAILED);
    target = good;
}

/* ---- a whole conversation of the probe ---- */

static struct {
    unsigned begins, rows, ends;
    uint16_t reason;
    struct seen seen;
    bool over;
} conversation;

static void take_found(void *context, const struct found *found)
{
    (void)context;
    assert_int_equal(found->kind, FOUND_SERVICE);
    conversation.begins += found->step == FOUND_BEGIN;
    conversation.rows += found->step == FOUND_ROW;
    conversation.ends += found->step == FOUND_END;
    if (found->step == FOUND_END)
        conversation.reason = found->reason;
}

static void take_end(void *context, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms)
{
    (void)context, (void)reason, (void)started, (void)elapsed_ms;
    conversation.seen = *seen;
    conversation.over = true;
}

static struct talk *talk_begin(enum manner manner)
{
    static const struct talk_hooks hooks = {.ended = take_end, .found = take_found};
    static const struct snmp_host_conf conf = {.services = true};
    static struct source_conf source;
    source = (struct source_conf){
        .type = &probe_snmp_host, .conf = &conf, .host = "127.0.0.1", .aspect = ASPECT_ENDPOINT, .timeout = 10000, .snmp = &target};
    memset(&conversation, 0, sizeof conversation);
    agent.manner = manner;
    agent.requests = 0;
    struct talk *talk = talk_open(&loop, &(struct talk_pools){.snmp = pool}, &source, 0, &hooks, NULL);
    talk_start(talk);
    return talk;
}

static void a_conversation_walks(void **state)
{
    (void)state;
    talk_begin(GOOD);
    while (!conversation.over)
        uv_run(&loop, UV_RUN_ONCE);
    /* the rows of this agent are no services: their index does not spell a name */
    assert_int_equal(conversation.begins, 1);
    assert_int_equal(conversation.rows, 0);
    assert_int_equal(conversation.ends, 1);
    assert_int_equal(conversation.reason, REASON_BAD_REPLY);
    assert_int_equal(conversation.seen.items[0].verdict, YES);
}

static void a_conversation_ends_at_its_deadline(void **state)
{
    (void)state;
    struct talk *talk = talk_begin(SILENT);
    while (!agent.requests)
        uv_run(&loop, UV_RUN_ONCE);
    assert_false(conversation.over);
    talk_expire(talk);
    assert_true(conversation.over);
    assert_int_equal(conversation.reason, REASON_SNMP_TIMEOUT);
    assert_int_equal(conversation.seen.items[0].verdict, NO);
    assert_int_equal(conversation.seen.items[0].reason, REASON_SNMP_TIMEOUT);
}

static void a_conversation_may_be_dropped(void **state)
{
    (void)state;
    struct talk *talk = talk_begin(SILENT);
    while (!agent.requests)
        uv_run(&loop, UV_RUN_ONCE);
    talk_drop(talk);
    assert_false(conversation.over);
    assert_int_equal(walk(GOOD, 0), REASON_OK);
}

/* ---- around all ---- */

static int open_all(void **state)
{
    struct sockaddr_in any;
    struct sockaddr_storage own;
    int size = sizeof own;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(secret, sizeof secret, "%s/community", folder);
    int file = open(secret, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(file, "lab-community\n", 14), 14);
    close(file);
    uv_loop_init(&loop);
    uv_ip4_addr("127.0.0.1", 0, &any);
    uv_udp_init(&loop, &agent.socket);
    assert_int_equal(uv_udp_bind(&agent.socket, (const struct sockaddr *)&any, 0), 0);
    uv_udp_getsockname(&agent.socket, (struct sockaddr *)&own, &size);
    agent.port = (uint16_t)(((uint8_t *)&own)[2] << 8 | ((uint8_t *)&own)[3]);
    uv_udp_recv_start(&agent.socket, buffer, asked_for);
    target = (struct snmp_target){.host = "127.0.0.1", .port = agent.port, .community_file = secret};
    pool = snmp_pool_open(&loop, NULL);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    snmp_pool_close(pool);
    uv_close((uv_handle_t *)&agent.socket, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    unlink(secret);
    rmdir(folder);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_comes_whole_and_in_order),
        cmocka_unit_test(nothing_below_is_an_empty_table),
        cmocka_unit_test(walks_that_would_never_end_do),
        cmocka_unit_test(error_statuses_have_their_reasons),
        cmocka_unit_test(who_does_not_answer_is_asked_three_times),
        cmocka_unit_test(the_deadline_replies_at_once_and_nothing_comes_after),
        cmocka_unit_test(a_dead_manager_is_said_and_replaced),
        cmocka_unit_test(a_manager_that_hangs_is_replaced),
        cmocka_unit_test(many_walks_at_once_do_not_mix),
        cmocka_unit_test(everybody_gets_what_was_asked_for),
        cmocka_unit_test(secrets_stay_in_their_files),
        cmocka_unit_test(a_name_without_address_is_said),
        cmocka_unit_test(a_conversation_walks),
        cmocka_unit_test(a_conversation_ends_at_its_deadline),
        cmocka_unit_test(a_conversation_may_be_dropped),
    };
    if (argc == 2 && !strcmp(argv[1], "snmp-manager"))
        return snmp_manager_main(argc - 1, argv + 1);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
