/* Evidence, event by event: hand-overs, returns, overlaps, double takes and their harmless classes; the data-plane halves of the
 * timelines. Stamps are seconds from an arbitrary start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/evidence.h"

enum { A, B, C, START = 1000000, POLL = 60, W = 3 * POLL };

static struct evidence evidence;
static struct evidence_policy policy;
static struct finding finding;
static uint64_t line;

static stamp_t at(double second)
{
    return (stamp_t)((START + second) * 1000);
}

static int fresh(void **state)
{
    (void)state;
    evidence_reset(&evidence);
    policy = (struct evidence_policy){.window = W * 1000, .has_control = true, .resolution = 1000};
    finding = (struct finding){0};
    line = 0;
    return 0;
}

static int fresh_without_control(void **state)
{
    fresh(state);
    policy.has_control = false;
    return 0;
}

static bool feed(struct event event)
{
    event.line = ++line;
    return evidence_event(&policy, &evidence, &event, &finding);
}

static bool poll_at(uint8_t node, double second)
{
    return feed((struct event){.node = node, .grade = GRADE_POLL, .complete = true, .bytes = -1, .begin = at(second), .end = at(second)});
}

static bool take_sized(uint8_t node, double begin, double end, uint64_t object, int64_t bytes)
{
    return feed((struct event){
        .node = node, .grade = GRADE_TAKE, .complete = true, .object = object, .bytes = bytes, .begin = at(begin), .end = at(end)});
}

static bool take(uint8_t node, double begin, double end, uint64_t object)
{
    return take_sized(node, begin, end, object, 100);
}

static void other(uint8_t node, uint8_t grade, double begin, double end, uint64_t object)
{
    feed((struct event){
        .node = node, .grade = grade, .complete = grade == GRADE_STORE, .object = object, .bytes = -1, .begin = at(begin), .end = at(end)});
}

static void removal(uint8_t node, double second, uint64_t object)
{
    feed((struct event){.node = node,
                        .grade = GRADE_TAKE,
                        .complete = true,
                        .removed = true,
                        .object = object,
                        .bytes = -1,
                        .begin = at(second),
                        .end = at(second)});
}

static bool session(uint8_t node, double begin, double end, uint64_t name, uint32_t takes, bool in_order)
{
    return feed((struct event){.node = node,
                               .grade = GRADE_CLOSE,
                               .complete = in_order,
                               .whole_session = true,
                               .takes = takes,
                               .session = name,
                               .bytes = -1,
                               .begin = at(begin),
                               .end = at(end)});
}

static struct evidence_view view_at(double second)
{
    struct evidence_view view;
    evidence_fold(&policy, &evidence, at(second), true, 3 * POLL * 1000, &view);
    return view;
}

static void expect_one(double second, uint8_t node)
{
    struct evidence_view view = view_at(second);
    assert_int_equal(view.plane, DATA_ONE);
    assert_int_equal(view.node, node);
    assert_false(view.confirmed);
}

/* ---- returns ---- */

static void return_without_handover_is_many(void **state)
{
    (void)state;
    poll_at(A, 0);
    assert_false(poll_at(B, 30));
    assert_true(poll_at(A, 60));
    assert_int_equal(finding.reason, REASON_RETURNED);
    assert_int_equal(finding.nodes, node_bit(A) | node_bit(B));
    assert_int_equal(finding.lines[0], 1);
    assert_int_equal(finding.lines[1], 2);
    assert_int_equal(finding.lines[2], 3);
    assert_false(poll_at(B, 90)); /* known */
    struct evidence_view view = view_at(91);
    assert_int_equal(view.plane, DATA_MANY);
    assert_false(view.confirmed);
    assert_false(view.receding);
}

static void return_outside_the_window_is_none(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(B, 30);
    assert_false(poll_at(A, W + 1));
    expect_one(W + 2, A);
}

static void handover_between_explains_a_return(void **state)
{
    (void)state;
    poll_at(A, 0);
    evidence_handover(&evidence, node_bit(A), at(20));
    poll_at(B, 30);
    evidence_handover(&evidence, node_bit(B), at(50));
    assert_false(poll_at(A, 60));
    expect_one(61, A);
}

static void without_control_one_return_is_not_enough(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(B, 30);
    assert_false(poll_at(A, 60));
    expect_one(61, A);
    assert_true(poll_at(B, 90));
    assert_int_equal(view_at(91).plane, DATA_MANY);
}

static void without_control_slow_turns_are_handovers(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(B, 150);
    poll_at(A, 300);
    assert_false(poll_at(B, 450));
}

/* A tries B, comes back, tries C, comes back: the same node returned twice, no other did. */
static void without_control_failed_starts_elsewhere(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(B, 60);
    poll_at(A, 120);
    poll_at(C, 180);
    assert_false(poll_at(A, 240));
}

static void three_in_turn_are_many(void **state)
{
    (void)state;
    const uint8_t order[] = {A, B, C, A};
    for (int i = 0; i < 4; i++)
        assert_false(poll_at(order[i], i * 20));
    assert_true(poll_at(B, 80));
    assert_int_equal(finding.nodes, node_bit(A) | node_bit(B) | node_bit(C));
}

static void many_clears_after_two_windows_of_one(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(B, 30);
    poll_at(A, 60);
    for (int t = 120; t <= 60 + 2 * W; t += POLL) {
        poll_at(A, t);
        assert_int_equal(view_at(t).plane, DATA_MANY);
    }
    poll_at(A, 60 + 2 * W + 1);
    expect_one(60 + 2 * W + 2, A);
    assert_true(evidence.single_since > 0);
}

static void many_recedes_at_a_handover(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(B, 30);
    poll_at(A, 60);
    evidence_handover(&evidence, node_bit(A), at(70));
    assert_true(view_at(71).receding);
}

/* ---- late lines ---- */

static void late_line_belongs_where_it_began(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(B, 100);
    assert_false(take(A, 20, 150, 1)); /* began before B did */
    assert_int_equal(evidence.run_count, 2);
    expect_one(160, B);
}

static void late_line_inside_anothers_run_is_a_return(void **state)
{
    (void)state;
    poll_at(B, 0);
    poll_at(B, 60);
    assert_true(take(A, 20, 70, 1));
    assert_int_equal(finding.reason, REASON_RETURNED);
}

static void late_line_at_the_edge_of_a_run_proves_nothing(void **state)
{
    (void)state;
    poll_at(B, 0);
    poll_at(B, 60);
    assert_false(take(A, 59.5, 70, 1));
    assert_false(take(A, 0.5, 71, 2));
}

static void failed_lines_are_no_activity(void **state)
{
    (void)state;
    poll_at(A, 0);
    poll_at(B, 60);
    other(A, GRADE_FAILED, 61, 90, 7);
    other(A, GRADE_REFUSED, 95, 95, 0);
    poll_at(B, 120);
    expect_one(121, B);
    assert_int_equal(evidence.failed, 1);
    assert_int_equal(evidence.refused, 1);
}

static void clock_back_is_no_return(void **state)
{
    (void)state;
    poll_at(A, 3000);
    poll_at(A, 3600);
    poll_at(B, 10);
    poll_at(B, 70);
    assert_int_equal(evidence.backwards, 1);
    expect_one(71, B);
}

/* ---- double takes ---- */

static void overlapping_transfers_are_two_handlers(void **state)
{
    (void)state;
    take(A, 0, 20, 7);
    assert_true(take(B, 10, 25, 7));
    assert_int_equal(finding.take_class, TAKE_TWO_HANDLERS);
    assert_true(finding.confirmed);
    assert_true(view_at(26).confirmed);
}

static void touching_transfers_prove_nothing(void **state)
{
    (void)state;
    take(A, 0, 10, 7);
    take(B, 9.5, 20, 7);
    assert_false(finding.confirmed);
    assert_int_equal(evidence.double_take.reason, 0);
}

static void first_node_begins_again(void **state)
{
    (void)state;
    take(A, 0, 1, 7);
    assert_true(take(B, 30, 31, 7));
    assert_int_equal(finding.take_class, TAKE_AFTER_HANDOVER);
    assert_false(finding.confirmed);
    assert_true(poll_at(A, 60));
    assert_int_equal(finding.take_class, TAKE_TWO_HANDLERS);
    assert_int_equal(finding.object, 7);
    assert_int_equal(finding.lines[0], 1);
    assert_int_equal(finding.lines[1], 2);
    assert_int_equal(finding.lines[2], 3);
    assert_true(view_at(61).confirmed);
}

static void first_node_begins_again_without_control(void **state)
{
    (void)state;
    take(A, 0, 1, 7);
    take(B, 30, 31, 7);
    assert_false(poll_at(A, 60));
    assert_true(poll_at(B, 90));
    assert_true(finding.confirmed);
}

static void reread_after_handover_is_harmless(void **state)
{
    (void)state;
    take(A, 0, 1, 7);
    evidence_handover(&evidence, node_bit(A), at(20));
    assert_true(take(B, 30, 31, 7));
    assert_int_equal(finding.take_class, TAKE_AFTER_HANDOVER);
    evidence_handover(&evidence, node_bit(B), at(50));
    poll_at(A, 60);
    assert_int_equal(evidence.double_take.reason, 0);
    expect_one(61, A);
}

/* The old copy ends its transfer while the new one begins: a hand-over lies between their beginnings. */
static void overlap_across_a_handover_is_harmless(void **state)
{
    (void)state;
    take(A, 0, 20, 7);
    evidence_handover(&evidence, node_bit(A), at(5));
    assert_true(take(B, 10, 25, 7));
    assert_int_equal(finding.take_class, TAKE_AFTER_HANDOVER);
    assert_int_equal(evidence.double_take.reason, 0);
}

/* Told late: the first node may begin again, for it is the owner again. */
static void handover_before_the_first_begins_again(void **state)
{
    (void)state;
    take(A, 0, 1, 7);
    take(B, 30, 31, 7);
    evidence_handover(&evidence, node_bit(B), at(50));
    assert_false(poll_at(A, 60));
    assert_int_equal(evidence.double_take.reason, 0);
}

static void object_that_is_gone_is_another(void **state)
{
    (void)state;
    take(A, 0, 1, 7);
    removal(A, 2, 7);
    assert_false(take(B, 30, 31, 7));
    poll_at(A, 60);
    assert_int_equal(evidence.double_take.reason, 0);
}

static void object_taken_before_it_was_removed_is_the_same(void **state)
{
    (void)state;
    take(A, 0, 20, 7);
    removal(A, 21, 7);
    take(B, 10, 25, 7); /* its line comes after the removal, its beginning does not */
    assert_true(finding.confirmed);
}

static void upload_makes_it_new(void **state)
{
    (void)state;
    take(A, 0, 1, 7);
    other(NODE_FOREIGN, GRADE_STORE, 10, 11, 7);
    assert_false(take(B, 30, 31, 7));
    poll_at(A, 60);
    assert_int_equal(evidence.double_take.reason, 0);
}

static void other_size_is_another_object(void **state)
{
    (void)state;
    take_sized(A, 0, 1, 7, 100);
    assert_false(take_sized(B, 30, 31, 7, 200));
    poll_at(A, 60);
    assert_int_equal(evidence.double_take.reason, 0);
}

static void unfinished_upload_and_retained(void **state)
{
    (void)state;
    take_sized(A, 0, 1, 7, 100);
    assert_true(take_sized(A, 60, 61, 7, 200));
    assert_int_equal(finding.take_class, TAKE_UNFINISHED_UPLOAD);
    assert_true(take_sized(A, 120, 121, 7, 200));
    assert_int_equal(finding.take_class, TAKE_RETAINED);
    assert_false(take_sized(A, 180, 181, 7, 200)); /* known */
    expect_one(182, A);
}

static void confirmed_ends_with_a_handover(void **state)
{
    (void)state;
    take(A, 0, 20, 7);
    take(B, 10, 25, 7);
    evidence_handover(&evidence, node_bit(A), at(40));
    assert_false(view_at(41).confirmed);
}

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

int main(void)
{
#define WITH(test) cmocka_unit_test_setup(test, fresh)
#define WITHOUT(test) cmocka_unit_test_setup(test, fresh_without_control)
    const struct CMUnitTest tests[] = {
        WITH(return_without_handover_is_many),
        WITH(return_outside_the_window_is_none),
        WITH(handover_between_explains_a_return),
        WITHOUT(without_control_one_return_is_not_enough),
        WITHOUT(without_control_slow_turns_are_handovers),
        WITHOUT(without_control_failed_starts_elsewhere),
        WITHOUT(three_in_turn_are_many),
        WITH(many_clears_after_two_windows_of_one),
        WITH(many_recedes_at_a_handover),
        WITH(late_line_belongs_where_it_began),
        WITH(late_line_inside_anothers_run_is_a_return),
        WITH(late_line_at_the_edge_of_a_run_proves_nothing),
        WITH(failed_lines_are_no_activity),
        WITH(clock_back_is_no_return),
        WITH(overlapping_transfers_are_two_handlers),
        WITH(touching_transfers_prove_nothing),
        WITH(first_node_begins_again),
        WITHOUT(first_node_begins_again_without_control),
        WITH(reread_after_handover_is_harmless),
        WITH(overlap_across_a_handover_is_harmless),
        WITH(handover_before_the_first_begins_again),
        WITH(object_that_is_gone_is_another),
        WITH(object_taken_before_it_was_removed_is_the_same),
        WITH(upload_makes_it_new),
        WITH(other_size_is_another_object),
        WITH(unfinished_upload_and_retained),
        WITH(confirmed_ends_with_a_handover),
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
        WITH(planned_move_killed_in_mid_transfer),
        WITH(unclustered_twin),
        WITH(one_node_is_never_many),
        WITH(told_handovers_are_never_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
