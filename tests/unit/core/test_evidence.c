/* Evidence, event by event: hand-overs, returns, late lines, double takes and their harmless classes. */
#include "evidence_feed.h"

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

/* A log that writes whole seconds: the last poll of a copy that is stopped may bear a stamp after its end. */
static void poll_in_the_second_of_the_handover_proves_nothing(void **state)
{
    (void)state;
    poll_at(A, 0);
    evidence_handover(&evidence, node_bit(B), at(30));
    poll_at(B, 30.9);
    assert_false(poll_at(A, 60));
    expect_one(61, A);
    poll_at(B, 90);
    assert_true(poll_at(A, 120)); /* that one did not stop */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(return_without_handover_is_many),
        WITH(return_outside_the_window_is_none),
        WITH(handover_between_explains_a_return),
        WITH(poll_in_the_second_of_the_handover_proves_nothing),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
