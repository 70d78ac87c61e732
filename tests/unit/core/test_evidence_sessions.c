/* Evidence, event by event: overlapping sessions, who counts, silence, the data-plane halves of the timelines, and what never happens. */
#include "evidence_feed.h"

/* ---- sessions ---- */

static void pop3_sessions_that_overlap_and_retrieve(void **state)
{
    (void)state;
    session(B, 5, 6.5, 11, 1, true);
    assert_true(session(A, 0, 10, 10, 2, true));
    assert_true(finding.confirmed);
    assert_int_equal(finding.take_class, TAKE_TWO_HANDLERS);
}

static void pop3_sessions_that_touch(void **state)
{
    (void)state;
    session(A, 0, 10, 10, 2, true);
    assert_false(session(B, 10, 12, 11, 2, true));
    assert_false(session(B, 60, 62, 12, 2, true));
    expect_one(63, B);
}

static void pop3_session_without_retrieval(void **state)
{
    (void)state;
    session(B, 5, 7, 11, 0, true);
    assert_false(session(A, 0, 10, 10, 2, true));
}

static void pop3_ghost(void **state)
{
    (void)state;
    session(A, -60, -58, 9, 1, true);
    feed((struct event){.node = A, .grade = GRADE_OPEN, .session = 10, .begin = at(0), .end = at(0)});
    evidence_handover(&evidence, node_bit(A), at(10));
    session(B, 65, 66, 11, 2, true);
    assert_false(session(A, 0, 300, 10, 2, false)); /* the server gave up on the dead client */
    session(B, 305, 306, 12, 2, true);
    expect_one(307, B);
    assert_int_equal(evidence.double_take.reason, 0);
}

static void pop3_refused_by_a_lock(void **state)
{
    (void)state;
    policy.server_may_lock = true;
    for (int i = 0; i < 4; i++) {
        feed((struct event){.node = B, .grade = GRADE_OPEN, .session = 100 + (uint64_t)i, .begin = at(i * 60 + 1), .end = at(i * 60 + 1)});
        session(A, i * 60, i * 60 + 5, (uint64_t)i + 1, 1, true);
        feed((struct event){
            .node = B, .grade = GRADE_REFUSED, .session = 100 + (uint64_t)i, .begin = at(i * 60 + 1), .end = at(i * 60 + 11)});
    }
    expect_one(200, A);
    assert_int_equal(evidence.polls, 4);
}

static void pop3_lock_makes_turns_correct(void **state)
{
    (void)state;
    policy.server_may_lock = true;
    for (int i = 0; i < 8; i++)
        assert_false(session((uint8_t)(i % 2), i * 30, i * 30 + 5, (uint64_t)i + 1, 1, true));
}

/* FTP: both began something inside the other's session, told by the process that transfers. */
static void ftp_sessions_that_interleave(void **state)
{
    (void)state;
    struct event first = {
        .node = A, .grade = GRADE_TAKE, .complete = true, .session = 1, .object = 1, .bytes = 1, .begin = at(0), .end = at(1)};
    struct event second = {
        .node = B, .grade = GRADE_TAKE, .complete = true, .session = 2, .object = 2, .bytes = 1, .begin = at(5), .end = at(90)};
    struct event third = {
        .node = A, .grade = GRADE_TAKE, .complete = true, .session = 1, .object = 3, .bytes = 1, .begin = at(50), .end = at(51)};
    feed(first);
    feed(third);
    assert_true(feed(second));
    assert_int_equal(finding.reason, REASON_OVERLAPPED);
    assert_false(finding.confirmed);
}

/* ---- who counts ---- */

static void uploading_is_no_poll(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        poll_at(A, i * 60);
        poll_at(B, i * 60 + 30);
        other(B, GRADE_STORE, i * 60 + 31, i * 60 + 32, (uint64_t)i + 1);
    }
    expect_one(340, A);
    assert_int_equal(evidence.polls, 6);
    assert_int_equal(evidence.last_poll[B], 0);
}

static void foreign_takers(void **state)
{
    (void)state;
    assert_true(poll_at(NODE_FOREIGN, 0));
    assert_int_equal(finding.reason, REASON_ADDRESS_UNMAPPED);
    struct evidence_view view = view_at(1);
    assert_int_equal(view.plane, DATA_UNKNOWN);
    assert_int_equal(view.reason, REASON_ADDRESS_UNMAPPED);
    poll_at(A, 10);
    assert_false(poll_at(NODE_FOREIGN, 20)); /* a partner may log in */
    assert_true(take(NODE_FOREIGN, 21, 22, 9));
    assert_int_equal(finding.reason, REASON_INTRUDER);
    expect_one(23, A);
}

static void shared_and_ignored(void **state)
{
    (void)state;
    poll_at(NODE_IGNORED, 0);
    assert_int_equal(view_at(0).plane, DATA_UNKNOWN);
    poll_at(NODE_SHARED, 5);
    expect_one(6, NODE_SHARED);
    assert_int_equal(view_at(6).reason, REASON_ADDRESS_SHARED);
    poll_at(A, 10);
    expect_one(11, A);
}

static void silence(void **state)
{
    (void)state;
    struct evidence_view view;
    assert_int_equal(view_at(0).plane, DATA_UNKNOWN);
    assert_int_equal(view_at(3 * POLL + 1).plane, DATA_NONE);
    poll_at(A, 200);
    expect_one(200 + 3 * POLL, A);
    view = view_at(200 + 3 * POLL + 1);
    assert_int_equal(view.plane, DATA_SILENT);
    assert_int_equal(view.node, A);
    evidence_fold(&policy, &evidence, at(1000), false, 3 * POLL * 1000, &view);
    assert_int_equal(view.plane, DATA_UNKNOWN);
}

/* ---- timelines ---- */

static void planned_move_killed_in_mid_transfer(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(A, 60);
    take(A, 120, 125, 5);
    evidence_handover(&evidence, node_bit(A), at(185));
    take(B, 195, 200, 6);
    for (int t = 255; t < 480; t += 60)
        poll_at(B, t);
    other(A, GRADE_FAILED, 178, 480, 6);
    poll_at(B, 495);
    expect_one(496, B);
    assert_int_equal(evidence.many.reason, 0);
    assert_int_equal(evidence.double_take.reason, 0);
}

static void unclustered_twin(void **state)
{
    (void)state;
    poll_at(A, 0);
    assert_false(poll_at(B, 30));
    assert_true(poll_at(A, 61));
    assert_int_equal(view_at(62).plane, DATA_MANY);
}

/* ---- bounds ---- */

/* Whatever comes, the fixed rings hold and never prove anything with one node only. */
static void one_node_is_never_many(void **state)
{
    (void)state;
    srandom(1);
    for (int i = 0; i < 200000; i++) {
        double begin = (double)(random() % 100000) / 10, end = begin + (double)(random() % 100);
        struct event event = {.node = A,
                              .grade = (uint8_t)(random() % (GRADES + 1)),
                              .complete = random() % 4,
                              .removed = random() % 3 == 0,
                              .whole_session = random() % 2,
                              .takes = (uint32_t)(random() % 3),
                              .object = (uint64_t)(random() % 300),
                              .session = (uint64_t)(random() % 40),
                              .bytes = random() % 3,
                              .begin = at(begin),
                              .end = at(end)};
        feed(event);
        assert_int_equal(evidence.many_since, 0);
        assert_false(finding.confirmed);
    }
}

/* With two nodes and a hand-over told before every change of node, nothing is ever many. */
static void told_handovers_are_never_many(void **state)
{
    (void)state;
    srandom(2);
    uint8_t node = A;
    for (int i = 1; i < 100000; i++) {
        if (random() % 5 == 0) {
            evidence_handover(&evidence, node_bit(node), at(i * 10 - 5));
            node = (uint8_t)(random() % 3);
        }
        if (random() % 2)
            poll_at(node, i * 10);
        else
            take(node, i * 10, i * 10 + 2, (uint64_t)(random() % 20) + 1);
        assert_int_equal(evidence.many_since, 0);
    }
}

/* A large mailbox, or the wait for its lock: whoever is inside is not silent. Its end, or an hour without one, ends that. */
static void inside_a_session_is_not_silent(void **state)
{
    (void)state;
    poll_at(A, 0);
    feed((struct event){.node = A, .grade = GRADE_OPEN, .session = 7, .bytes = -1, .begin = at(60), .end = at(60)});
    assert_int_equal(view_at(60 + 10 * POLL).plane, DATA_ONE);
    assert_int_equal(view_at(60 + 3601).plane, DATA_SILENT);
    feed((struct event){.node = A, .grade = GRADE_REFUSED, .session = 7, .bytes = -1, .begin = at(700), .end = at(700)});
    assert_int_equal(view_at(701).plane, DATA_SILENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(pop3_sessions_that_overlap_and_retrieve),
        WITH(pop3_sessions_that_touch),
        WITH(pop3_session_without_retrieval),
        WITH(pop3_ghost),
        WITH(pop3_refused_by_a_lock),
        WITH(pop3_lock_makes_turns_correct),
        WITHOUT(ftp_sessions_that_interleave),
        WITH(uploading_is_no_poll),
        WITH(foreign_takers),
        WITH(shared_and_ignored),
        WITH(silence),
        WITH(inside_a_session_is_not_silent),
        WITH(planned_move_killed_in_mid_transfer),
        WITH(unclustered_twin),
        WITH(one_node_is_never_many),
        WITH(told_handovers_are_never_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
