/* Messages arrive whole, with their descriptors; a full socket says so; rubbish ends the conversation. */
#include "fixture.h"

#include <sys/socket.h>

#include "agent/show/snmp_wire.h"

static void messages_arrive_whole(void **state)
{
    int ends[2], descriptor;
    struct wire_message out = {.kind = WIRE_NOTIFY}, in;
    (void)state;
    assert_true(wire_pair(ends));
    assert_int_equal(wire_receive(ends[1], &in, &descriptor), WIRE_LATER);
    out.as.notify.notification.sequence = 77;
    assert_int_equal(wire_post(ends[0], &out, -1), WIRE_OK);
    out.kind = WIRE_TAKEN;
    assert_int_equal(wire_post(ends[0], &out, -1), WIRE_OK);
    assert_int_equal(wire_receive(ends[1], &in, &descriptor), WIRE_OK);
    assert_int_equal(in.kind, WIRE_NOTIFY);
    assert_int_equal(in.as.notify.notification.sequence, 77);
    assert_int_equal(descriptor, -1);
    assert_int_equal(wire_receive(ends[1], &in, &descriptor), WIRE_OK);
    assert_int_equal(in.kind, WIRE_TAKEN);
    close(ends[0]);
    assert_int_equal(wire_receive(ends[1], &in, &descriptor), WIRE_BROKEN);
    close(ends[1]);
}

static void a_snapshot_travels(void **state)
{
    int ends[2], descriptor, sent = fixture_descriptor(FIXTURE_ROWS);
    struct wire_message message = {.kind = WIRE_SNAPSHOT};
    (void)state;
    assert_true(wire_pair(ends));
    assert_int_equal(wire_post(ends[0], &message, sent), WIRE_OK);
    close(sent);
    assert_int_equal(wire_receive(ends[1], &message, &descriptor), WIRE_OK);
    const struct snapshot *snapshot = snapshot_map(descriptor);
    assert_non_null(snapshot);
    assert_int_equal(snapshot_count(snapshot, TABLE_ALARM), FIXTURE_ROWS);
    snapshot_unmap(snapshot);
    close(descriptor);
    close(ends[0]);
    close(ends[1]);
}

static void a_full_socket_says_so(void **state)
{
    int ends[2], sent = 0, got = 0, descriptor;
    struct wire_message message = {.kind = WIRE_NOTIFY};
    (void)state;
    assert_true(wire_pair(ends));
    while (wire_post(ends[0], &message, -1) == WIRE_OK)
        sent++;
    assert_true(sent > 10);
    assert_int_equal(wire_post(ends[0], &message, -1), WIRE_LATER);
    while (wire_receive(ends[1], &message, &descriptor) == WIRE_OK)
        got++;
    assert_int_equal(got, sent);
    close(ends[0]);
    close(ends[1]);
}

static void rubbish_is_refused(void **state)
{
    static const uint32_t rubbish[][3] = {{99}, {WIRE_STATUS}, {WIRE_TAKEN}};
    int ends[2], descriptor;
    struct wire_message message;
    (void)state;
    assert_true(wire_pair(ends));
    for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
        assert_int_equal(send(ends[0], rubbish[i], i == 0 ? 3 : 12, 0), i == 0 ? 3 : 12);
        assert_int_equal(wire_receive(ends[1], &message, &descriptor), WIRE_BROKEN);
    }
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_whole),
        cmocka_unit_test(a_snapshot_travels),
        cmocka_unit_test(a_full_socket_says_so),
        cmocka_unit_test(rubbish_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
