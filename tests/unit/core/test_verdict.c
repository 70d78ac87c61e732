/* The verdict table: every pair of planes, row by row, and the ways a log's word is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/core/parts.h"
#include "tests/sim/scene.h"

static struct scene scene;
static const stamp_t second = 1000;

static const struct scene_options options = {
    .type = "wsfc", .groups = 1, .poll = 60000, .lag_max = 60000, .common_window = 60000, .singleton = SINGLETON_YES};

/* ---- the planes, set by hand ---- */

enum control {
    C_FRESHLY_UNKNOWN,
    C_UNKNOWN,
    C_PENDING,
    C_CHANGED,
    C_MANY,
    C_MANY_TWICE,
    C_ONE,
    C_OFFLINE,
    C_NONE,
    C_NONE_UNINTENDED_UNKNOWN,
    CONTROLS
};
enum data { D_UNKNOWN, D_SILENT, D_OWNER, D_OTHER, D_OTHER_TWICE, D_SHARED, D_MANY, D_TWO_HANDLERS, DATAS };

static void set_control(enum control control)
{
    struct control_row *row = &scene.decider->model->control[0];
    msec_t now = scene.now;
    *row = (struct control_row){.has_control = true,
                                .plane = CONTROL_ONE,
                                .owner = 0,
                                .last_owner = 0,
                                .active = 1,
                                .intended = true,
                                .intended_known = true,
                                .plane_since = now - 1000000,
                                .reason = REASON_STALE};
    switch (control) {
    case C_FRESHLY_UNKNOWN:
    case C_UNKNOWN:
        row->plane = CONTROL_UNKNOWN;
        row->owner = NODE_NONE;
        row->plane_since = control == C_UNKNOWN ? now - 31000 : now - 20000;
        break;
    case C_PENDING:
        row->pending = true;
        break;
    case C_CHANGED:
        row->owner_since = now - 29000;
        break;
    case C_MANY:
    case C_MANY_TWICE:
        row->plane = CONTROL_MANY;
        row->active = 3;
        row->double_rounds = control == C_MANY ? 1 : 2;
        break;
    case C_NONE:
    case C_OFFLINE:
    case C_NONE_UNINTENDED_UNKNOWN:
        row->plane = CONTROL_NONE;
        row->owner = NODE_NONE;
        row->active = 0;
        row->intended = control == C_NONE;
        row->intended_known = control != C_NONE_UNINTENDED_UNKNOWN;
        break;
    default:
        break;
    }
}

static void see(uint8_t node, uint8_t grade, stamp_t ago, uint64_t session, uint64_t object)
{
    struct model *model = scene.decider->model;
    stamp_t at = log_stamp(model, 0, scene.now) - ago * second;
    struct event event = {.node = node, .grade = grade, .begin = at, .end = at, .session = session, .object = object, .complete = true};
    struct finding finding;
    struct evidence_policy how = handler_evidence_policy(model, 0);
    event.line = (uint64_t)(10000 - ago);
    evidence_event(&how, &model->handlers[0].evidence, &event, &finding);
}

static void set_data(enum data data)
{
    struct model *model = scene.decider->model;
    struct handler_state_row *row = &model->handlers[0];
    struct log_state *log = &model->logs[0];
    evidence_reset(&row->evidence);
    row->elsewhere_polls = 0;
    row->elsewhere = NODE_NONE;
    *log = (struct log_state){.reason = data == D_UNKNOWN ? REASON_LOG_STALLED : REASON_OK, .caught_up = true, .canary_seen = 1};
    log->watermark = log_stamp(model, 0, scene.now);
    log->watched_since = log->watermark - 1000 * second;
    uint8_t last = data == D_OTHER || data == D_OTHER_TWICE ? 1 : data == D_SHARED ? NODE_SHARED : 0;
    if (data == D_MANY || data == D_TWO_HANDLERS) {
        see(0, GRADE_TAKE, 14, 1, data == D_MANY ? 0 : 7);
        see(1, GRADE_TAKE, 12, 2, data == D_MANY ? 0 : 7);
        see(0, GRADE_POLL, 10, 3, 0);
        see(1, GRADE_POLL, 8, 4, 0);
        see(0, GRADE_POLL, 6, 5, 0);
        see(1, GRADE_POLL, 4, 6, 0);
    } else if (data != D_UNKNOWN) {
        see(last, GRADE_POLL, data == D_SILENT ? 400 : 5, 1, 0);
    }
    if (data == D_OTHER_TWICE) {
        row->elsewhere = 1;
        row->elsewhere_polls = 2;
    }
}

static int setup(void **state)
{
    (void)state;
    scene_open(&scene, &options, 0);
    model_fold(scene.decider->model, scene.now, scene.wall_offset);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scene_close(&scene);
    return 0;
}

/* ---- the table of the design, written a second time ---- */

#define U HANDLER_UNKNOWN
#define S HANDLER_SINGLE
#define I HANDLER_IDLE
#define N HANDLER_NONE
#define DS HANDLER_DUPLICATE_SUSPECTED
#define DC HANDLER_DUPLICATE_CONFIRMED
#define MP HANDLER_MISPLACED
#define MV HANDLER_MOVING
#define OF HANDLER_OFFLINE

static const uint8_t expected[CONTROLS][DATAS][2] = {
    /*                    unknown   silent    owner     other     other×2   shared    many      two handlers */
    [C_FRESHLY_UNKNOWN] = {{U, 5}, {U, 5}, {U, 5}, {U, 5}, {U, 5}, {U, 5}, {U, 5}, {DC, 1}},
    [C_UNKNOWN] = {{U, 5}, {I, 4}, {S, 3}, {S, 3}, {S, 3}, {U, 5}, {DS, 2}, {DC, 1}},
    [C_PENDING] = {{MV, 6}, {MV, 6}, {MV, 6}, {MV, 6}, {MV, 6}, {MV, 6}, {MV, 6}, {DC, 1}},
    [C_CHANGED] = {{MV, 6}, {MV, 6}, {MV, 6}, {MV, 6}, {MV, 6}, {MV, 6}, {MV, 6}, {DC, 1}},
    [C_MANY] = {{DS, 9}, {DS, 9}, {DS, 9}, {DS, 9}, {DS, 9}, {DS, 9}, {DC, 8}, {DC, 1}},
    [C_MANY_TWICE] = {{DC, 7}, {DC, 7}, {DC, 7}, {DC, 7}, {DC, 7}, {DC, 7}, {DC, 7}, {DC, 1}},
    [C_ONE] = {{S, 13}, {I, 12}, {S, 13}, {S, 13}, {MP, 11}, {S, 13}, {DS, 10}, {DS, 10}},
    [C_OFFLINE] = {{OF, 14}, {OF, 14}, {OF, 14}, {OF, 14}, {OF, 14}, {OF, 14}, {OF, 14}, {DC, 1}},
    [C_NONE] = {{N, 16}, {N, 16}, {U, 15}, {U, 15}, {U, 15}, {U, 15}, {U, 15}, {DC, 1}},
    [C_NONE_UNINTENDED_UNKNOWN] = {{U, 17}, {U, 17}, {U, 17}, {U, 17}, {U, 17}, {U, 17}, {U, 17}, {DC, 1}},
};

static void test_every_pair(void **state)
{
    bool seen[18] = {false};
    (void)state;
    for (unsigned c = 0; c < CONTROLS; c++)
        for (unsigned d = 0; d < DATAS; d++) {
            const struct handler_state_row *row = &scene.decider->model->handlers[0];
            set_control((enum control)c);
            set_data((enum data)d);
            verdict_fold(scene.decider->model, 0, scene.now);
            if (row->state != expected[c][d][0] || row->row != expected[c][d][1])
                fail_msg("control %u, data %u: %s by row %u, not %s by row %u", c, d, handler_state_name(row->state), row->row,
                         handler_state_name(expected[c][d][0]), expected[c][d][1]);
            seen[row->row] = true;
            assert_true(row->reason != REASON_NONE);
        }
    for (unsigned i = 1; i <= 17; i++)
        assert_true(seen[i]); /* no dead row */
}

static const struct handler_state_row *verdict(enum control control, enum data data)
{
    set_control(control);
    set_data(data);
    verdict_fold(scene.decider->model, 0, scene.now);
    return &scene.decider->model->handlers[0];
}

static void test_who_is_named(void **state)
{
    (void)state;
    assert_int_equal(verdict(C_ONE, D_OWNER)->node, 0);
    assert_int_equal(verdict(C_ONE, D_OTHER_TWICE)->node, 1);
    assert_int_equal(verdict(C_UNKNOWN, D_OTHER)->node, 1);
    assert_int_equal(verdict(C_NONE, D_UNKNOWN)->node, NODE_NONE);
    assert_int_equal(verdict(C_MANY, D_UNKNOWN)->many, 3);
    assert_int_equal(verdict(C_ONE, D_OWNER)->many, 0);
}

static void test_strength(void **state)
{
    (void)state;
    assert_int_equal(verdict(C_ONE, D_OWNER)->strength, STRENGTH_BOTH);
    assert_int_equal(verdict(C_ONE, D_UNKNOWN)->strength, STRENGTH_CONTROL);
    assert_int_equal(verdict(C_UNKNOWN, D_OWNER)->strength, STRENGTH_DATA);
    assert_int_equal(verdict(C_UNKNOWN, D_UNKNOWN)->strength, STRENGTH_NONE);
    assert_int_equal(verdict(C_MANY, D_MANY)->strength, STRENGTH_BOTH);
}

/* What the log says counts only while its word is good. */
static void test_old_lines_are_history(void **state)
{
    (void)state;
    struct control_row *control = &scene.decider->model->control[0];
    struct handler_state_row *row = &scene.decider->model->handlers[0];
    set_control(C_ONE);
    set_data(D_OTHER_TWICE);
    control->owner_since = scene.now - 2000; /* the owner changed after that poll */
    verdict_fold(scene.decider->model, 0, scene.now + 40000);
    assert_int_equal(row->state, HANDLER_SINGLE);
    assert_int_equal(row->data, DATA_UNKNOWN);
    set_control(C_NONE);
    set_data(D_OWNER);
    control->plane_since = scene.now - 2000; /* it polled, and fell afterwards */
    verdict_fold(scene.decider->model, 0, scene.now);
    assert_int_equal(row->state, HANDLER_NONE);
}

static void test_silence_needs_proof(void **state)
{
    (void)state;
    struct log_state *log = &scene.decider->model->logs[0];
    const struct handler_state_row *row = &scene.decider->model->handlers[0];
    set_control(C_ONE);
    set_data(D_SILENT);
    log->canary_seen = 0; /* no canary ever came */
    verdict_fold(scene.decider->model, 0, scene.now);
    assert_int_equal(row->state, HANDLER_SINGLE);
    set_data(D_SILENT);
    log->watched_since = log->watermark - 100 * second; /* lines may have been lost before */
    verdict_fold(scene.decider->model, 0, scene.now);
    assert_int_equal(row->state, HANDLER_SINGLE);
    set_data(D_SILENT);
    scene.servers[0].log_has_logins = false;
    verdict_fold(scene.decider->model, 0, scene.now);
    assert_int_equal(row->state, HANDLER_SINGLE);
    scene.servers[0].log_has_logins = true;
    set_data(D_SILENT);
    scene.decider->model->control[0].owner_since = scene.now - 60000; /* this owner has not been given its time */
    verdict_fold(scene.decider->model, 0, scene.now);
    assert_int_equal(row->state, HANDLER_SINGLE);
}

static void test_where_many_are_right(void **state)
{
    (void)state;
    scene.handlers[0].singleton = SINGLETON_NO;
    scene.servers[0].type = SERVER_POP3;
    assert_int_equal(verdict(C_MANY_TWICE, D_UNKNOWN)->state, HANDLER_SINGLE);
    assert_int_equal(verdict(C_MANY, D_OWNER)->state, HANDLER_SINGLE);
    assert_int_equal(verdict(C_ONE, D_OTHER_TWICE)->state, HANDLER_SINGLE);
    assert_int_equal(verdict(C_ONE, D_SILENT)->state, HANDLER_IDLE);
    assert_int_equal(verdict(C_NONE, D_UNKNOWN)->state, HANDLER_NONE);
}

static void test_trust(void **state)
{
    (void)state;
    struct handler_state_row *row = &scene.decider->model->handlers[0];
    verdict(C_ONE, D_OWNER);
    msec_t began = scene.now;
    assert_int_equal(row->single_since, began);
    scene.now += 100000;
    verdict(C_UNKNOWN, D_UNKNOWN); /* nothing known is nothing against it */
    scene.now += 100000;
    verdict(C_MANY, D_UNKNOWN);
    assert_int_equal(row->single_for, 200000);
    scene.now += 50000;
    verdict(C_MANY_TWICE, D_UNKNOWN);
    assert_int_equal(row->single_for, 200000); /* being double earns no trust */
    verdict(C_ONE, D_OWNER);
    assert_int_equal(row->single_for, 0);
    verdict(C_NONE, D_UNKNOWN);
    assert_int_equal(row->single_since, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_pair, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strength, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_lines_are_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silence_needs_proof, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_many_are_right, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trust, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
