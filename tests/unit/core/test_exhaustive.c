/* Every phase × every combination of fact bits × every act × all gates open and each one closed: what must hold of the step, always. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/core/engine.h"

static const struct policy_cluster cluster = {.name = "c", .node_count = 3, .max_in_flight = 1};
static const struct policy_group group = {.name = "g", .mode = MODE_AUTO, .cool_down = 600000, .max_moves = {2, 3600000}};
static const struct policy policy = {.clusters = &cluster, .groups = &group, .cluster_count = 1, .group_count = 1};
static const struct world world = {.wall_offset = 1700000000000, .journal = YES, .actuator = YES};
static const msec_t now = 5000000;

static const gates_t all_gates = ((gates_t)1 << GATES) - 1;
static uint8_t flights[1];
static const struct fleet calm = {.in_flight = flights};

static struct group_state state_in(uint8_t phase, uint8_t act)
{
    const bool has_plan = phase == PHASE_WAITING || phase == PHASE_ACTING || phase == PHASE_VERIFYING || phase == PHASE_BLOCKED;
    return (struct group_state){.phase = phase,
                                .act = has_plan ? act : ACT_NOTHING,
                                .from = 0,
                                .target = has_plan ? 1 : NODE_NONE,
                                .plan = has_plan ? 77 : 0,
                                .since = 1000,
                                .acted_at = 1000,
                                .reason = REASON_OK};
}

static struct facts facts_with(uint32_t bits, uint8_t act, gates_t open)
{
    struct facts facts = {.bits = bits, .open = open, .owner = 0, .target = 1, .act = act, .settle = 30000, .confirm = 60000};
    for (unsigned gate = 0; gate < GATES; gate++)
        facts.gate_why[gate] = open & (gates_t)1 << gate ? REASON_OK : (uint16_t)(REASON_PAUSED + gate);
    return facts;
}

static void check_one(uint8_t phase, uint32_t bits, uint8_t act, gates_t open, bool *dispatched, uint16_t *rule, uint8_t *to)
{
    const struct group_state was = state_in(phase, act);
    const struct facts facts = facts_with(bits, act, open);
    struct group_state is;
    struct plan plan;
    engine_step(&policy, 0, &was, &facts, &calm, NULL, &world, now, &is, &plan);
    *dispatched = plan.dispatch;
    *rule = is.rule;
    *to = is.phase;
    /* total */
    assert_in_range(is.phase, PHASE_UNKNOWN, PHASES - 1);
    assert_non_null(rule_by_id(is.rule));
    assert_true(plan.wake_at == 0 || plan.wake_at > now || is.phase == phase);
    /* what acts */
    if (plan.dispatch) {
        assert_int_equal(phase, PHASE_WAITING);
        assert_int_equal(is.phase, PHASE_ACTING);
        assert_int_equal(plan.act, rule_by_id(is.rule)->act);
        assert_int_equal(gates_of[plan.act] & ~open, 0);
        assert_false(bits & FACT_HELD);
        assert_true((bits & FACT_ORDERED) || !(bits & (FACT_MOVING | FACT_BLIND)));
        assert_true((bits & FACT_ORDERED) || (bits & FACT_APPROVED));
        assert_true(plan.act != ACT_STOP || (bits & FACT_CONFIRMED));
        assert_true(plan.id != 0 && plan.deadline >= now && is.deadline >= plan.deadline);
    } else {
        assert_true(is.phase != PHASE_ACTING || phase == PHASE_ACTING);
    }
    /* where a phase may lead */
    if (phase == PHASE_BLOCKED)
        assert_true(is.phase == PHASE_BLOCKED || (is.phase == PHASE_OK && (bits & FACT_DONE)));
    if (phase == PHASE_ACTING)
        assert_true(is.phase != PHASE_OK && is.phase != PHASE_HELD && is.phase != PHASE_WAITING);
    if (phase == PHASE_VERIFYING)
        assert_true(is.phase == PHASE_VERIFYING || is.phase == PHASE_OK || is.phase == PHASE_BLOCKED);
    if ((bits & FACT_HELD) && phase != PHASE_ACTING && phase != PHASE_VERIFYING && phase != PHASE_BLOCKED)
        assert_true(is.phase == PHASE_HELD || is.phase == PHASE_BLOCKED);
    /* a plan stands exactly where it may */
    bool keeps = is.phase == PHASE_WAITING || is.phase == PHASE_ACTING || is.phase == PHASE_VERIFYING;
    assert_int_equal(is.plan != 0, keeps || (is.phase == PHASE_BLOCKED && is.plan));
    if (is.phase == PHASE_BLOCKED && phase == PHASE_ACTING)
        assert_int_equal(is.latched, LATCH_RESULT);
    /* told once: nothing is told where nothing changes */
    if (is.phase == phase && is.plan == was.plan && is.verify_stage == was.verify_stage)
        assert_int_equal(plan.told, HAPPENED_NOTHING);
}

static void test_every_combination(void **state)
{
    static bool fired[1000];
    bool entered[PHASES] = {false}, left[PHASES] = {false};
    (void)state;
    for (uint8_t phase = PHASE_UNKNOWN; phase < PHASES; phase++)
        for (uint32_t bits = 0; bits < 1U << FACTS; bits++)
            for (uint8_t act = ACT_NOTHING; act <= ACT_STOP; act++) {
                bool acts, acts_closed;
                uint16_t rule;
                uint8_t to;
                check_one(phase, bits, act, all_gates, &acts, &rule, &to);
                fired[rule] = true;
                entered[to] |= to != phase;
                left[phase] |= to != phase;
                for (unsigned gate = 0; gate < GATES; gate++) {
                    check_one(phase, bits, act, all_gates & ~((gates_t)1 << gate), &acts_closed, &rule, &to);
                    /* a gate that is not known to be open never turns "no act" into "act", and its own act waits for it */
                    assert_true(acts || !acts_closed);
                    if (gates_of[act] & (gates_t)1 << gate)
                        assert_false(acts_closed);
                }
            }
    for (uint8_t phase = PHASE_UNKNOWN; phase < PHASES; phase++) {
        assert_true(entered[phase]);
        assert_true(left[phase]);
    }
    for (size_t i = 0; i < rule_count; i++)
        if (!fired[rules[i].id])
            fail_msg("rule %u never fires", rules[i].id);
}

static void test_no_gates_no_act(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 1U << FACTS; bits++)
        for (uint8_t act = ACT_MOVE; act <= ACT_STOP; act++) {
            bool acts;
            uint16_t rule;
            uint8_t to;
            check_one(PHASE_WAITING, bits, act, 0, &acts, &rule, &to);
            assert_false(acts);
        }
}

static void test_a_full_cluster_grants_nothing(void **state)
{
    (void)state;
    uint8_t busy[1] = {1};
    const struct fleet full = {.in_flight = busy};
    for (uint32_t bits = 0; bits < 1U << FACTS; bits++) {
        const struct group_state was = state_in(PHASE_WAITING, ACT_MOVE);
        const struct facts facts = facts_with(bits, ACT_MOVE, all_gates);
        struct group_state is;
        struct plan plan;
        engine_step(&policy, 0, &was, &facts, &full, NULL, &world, now, &is, &plan);
        assert_false(plan.dispatch);
    }
}

/* A plan is dispatched to the node it names, or not at all. */
static void test_another_target_is_another_plan(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 1U << FACTS; bits++) {
        const struct group_state was = state_in(PHASE_WAITING, ACT_MOVE);
        struct facts facts = facts_with(bits, ACT_MOVE, all_gates);
        struct group_state is;
        struct plan plan;
        facts.target = 2;
        engine_step(&policy, 0, &was, &facts, &calm, NULL, &world, now, &is, &plan);
        assert_false(plan.dispatch);
        if (is.phase == PHASE_WAITING && !was.ordered)
            assert_true(is.plan != was.plan && is.target == 2 && is.approved_plan == 0 && plan.told == HAPPENED_PLANNED);
    }
}

static void test_same_in_same_out(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 1U << FACTS; bits += 7) {
        const struct group_state was = state_in((uint8_t)(1 + bits % (PHASES - 1)), ACT_MOVE);
        const struct facts facts = facts_with(bits, ACT_MOVE, all_gates);
        struct group_state first, second;
        struct plan plan, again;
        memset(&first, 0x55, sizeof first);
        memset(&second, 0xaa, sizeof second);
        engine_step(&policy, 0, &was, &facts, &calm, NULL, &world, now, &first, &plan);
        engine_step(&policy, 0, &was, &facts, &calm, NULL, &world, now, &second, &again);
        assert_true(first.phase == second.phase && first.plan == second.plan && first.rule == second.rule &&
                    first.deadline == second.deadline && plan.dispatch == again.dispatch && plan.closed == again.closed);
    }
}

static void test_the_table_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < rule_count; i++) {
        if (i)
            assert_true(rules[i].id > rules[i - 1].id);
        assert_int_equal(rules[i].all & rules[i].none, 0);
        assert_true(*rules[i].why != '\0');
        /* what acts does so from WAITING, needs its window and its approval, or an order, and never while it moves */
        if (rules[i].to == PHASE_ACTING && rules[i].act != ACT_NOTHING) {
            assert_int_equal(rules[i].from, 1 << PHASE_WAITING);
            if (!(rules[i].all & FACT_ORDERED)) {
                assert_int_equal(rules[i].all & (FACT_INNER_DONE | FACT_APPROVED), FACT_INNER_DONE | FACT_APPROVED);
                assert_int_equal(rules[i].none & (FACT_MOVING | FACT_BLIND), FACT_MOVING | FACT_BLIND);
            }
        }
    }
    for (unsigned gate = 0; gate < GATES; gate++) {
        assert_non_null(gate_name(gate));
        assert_true((gates_of[ACT_MOVE] | gates_of[ACT_STOP]) & (gates_t)1 << gate);
    }
    for (unsigned gate = GATE_JOURNAL; gate <= GATE_FENCED; gate++)
        assert_false(gates_overridable & (gates_t)1 << gate);
    assert_false(gates_overridable & ((gates_t)1 << GATE_NOT_HELD | (gates_t)1 << GATE_NOT_IN_FLIGHT | (gates_t)1 << GATE_TARGET));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_no_gates_no_act),
        cmocka_unit_test(test_a_full_cluster_grants_nothing),
        cmocka_unit_test(test_same_in_same_out),
        cmocka_unit_test(test_the_table_is_well_formed),
        cmocka_unit_test(test_another_target_is_another_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
