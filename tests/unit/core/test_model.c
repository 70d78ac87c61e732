/* The model: readings and their age, observers and their agreement, logs and whose lines they hold. And that the core is pure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "agent/core/parts.h"
#include "tests/sim/scene.h"

static struct scene scene;
static struct model *model;

static int open_scene(const char *type, bool shared)
{
    const struct scene_options options = {.type = type,
                                          .groups = 2,
                                          .mode = MODE_OBSERVE,
                                          .singleton = SINGLETON_YES,
                                          .poll = 60000,
                                          .lag_max = 60000,
                                          .common_window = 60000,
                                          .shared = shared};
    scene_open(&scene, &options, 0);
    model = scene.decider->model;
    model_fold(model, scene.now, scene.wall_offset);
    return 0;
}

static int setup_static(void **state)
{
    (void)state;
    return open_scene("static", true);
}

static int setup_wsfc(void **state)
{
    (void)state;
    return open_scene("wsfc", false);
}

static int teardown(void **state)
{
    (void)state;
    scene_close(&scene);
    return 0;
}

static void later(long seconds)
{
    scene.now += seconds * 1000;
    model_fold(model, scene.now, scene.wall_offset);
}

static uint16_t source_named(const char *name, uint8_t node)
{
    for (uint16_t i = 0; i < scene.policy.source_count; i++)
        if (strcmp(scene.sources[i].name, name) == 0 && scene.sources[i].node == node)
            return i;
    fail_msg("no source %s", name);
    return 0;
}

static void observe(uint16_t source, subject_t subject, uint8_t node, uint8_t aspect, uint8_t verdict)
{
    const struct observation seen = {.subject = subject,
                                     .source = source,
                                     .node = node,
                                     .aspect = aspect,
                                     .verdict = verdict,
                                     .reason = REASON_CONNECT_TIMEOUT,
                                     .at = scene.now};
    model_observe(model, &seen);
    model_fold(model, scene.now, scene.wall_offset);
}

/* ---- readings ---- */

static enum verdict endpoint(uint16_t *reason)
{
    return model_endpoint(model, SERVER_PARTNER, scene.now, reason, NULL);
}

static void test_rise_and_fall(void **state)
{
    const uint16_t source = source_named("partner", NODE_NONE);
    const subject_t server = subject_of(SUBJECT_SERVER, SERVER_PARTNER);
    uint16_t reason;
    (void)state;
    assert_int_equal(endpoint(&reason), UNKNOWN);
    assert_int_equal(reason, REASON_NOT_SEEN);
    observe(source, server, NODE_NONE, ASPECT_ENDPOINT, YES); /* the first good answer is believed */
    assert_int_equal(endpoint(&reason), YES);
    for (int i = 0; i < 2; i++) {
        observe(source, server, NODE_NONE, ASPECT_ENDPOINT, NO);
        assert_int_equal(endpoint(NULL), YES);
    }
    observe(source, server, NODE_NONE, ASPECT_ENDPOINT, UNKNOWN);
    assert_int_equal(endpoint(NULL), UNKNOWN);
    observe(source, server, NODE_NONE, ASPECT_ENDPOINT, NO); /* unknown did not break the run: this is the third */
    assert_int_equal(endpoint(&reason), NO);
    assert_int_equal(reason, REASON_CONNECT_TIMEOUT);
    observe(source, server, NODE_NONE, ASPECT_ENDPOINT, YES);
    assert_int_equal(endpoint(NULL), NO);
    observe(source, server, NODE_NONE, ASPECT_ENDPOINT, YES);
    assert_int_equal(endpoint(NULL), YES);
    later(66); /* 2 × 30 s + 5 s */
    assert_int_equal(endpoint(&reason), UNKNOWN);
    assert_int_equal(reason, REASON_STALE);
}

static void test_readings_from_before_a_stall(void **state)
{
    const uint16_t source = source_named("alive", 0);
    const struct slot *slot;
    (void)state;
    observe(source, subject_of(SUBJECT_GROUP, 0), 0, ASPECT_INSTANCE, YES);
    slot = model_slot(model, source, subject_of(SUBJECT_GROUP, 0), 0, ASPECT_INSTANCE);
    assert_non_null(slot);
    assert_true(model_fresh(model, slot, scene.now));
    model->stale_before = scene.now + 1;
    assert_false(model_fresh(model, slot, scene.now));
    model_fold(model, scene.now, scene.wall_offset);
    assert_int_equal(model->control[0].plane, CONTROL_UNKNOWN);
    assert_null(model_slot(model, source, subject_of(SUBJECT_GROUP, 1), 0, ASPECT_INSTANCE));
}

static void test_hostile_readings(void **state)
{
    (void)state;
    const struct observation bad[] = {
        {.subject = subject_of(SUBJECT_GROUP, 900), .aspect = ASPECT_INSTANCE, .verdict = YES},
        {.subject = 0xffffffffU, .aspect = ASPECT_INSTANCE, .verdict = YES},
        {.subject = subject_of(SUBJECT_GROUP, 0), .aspect = ASPECTS, .verdict = YES},
        {.subject = subject_of(SUBJECT_GROUP, 0), .aspect = ASPECT_INSTANCE, .verdict = 9},
        {.subject = subject_of(SUBJECT_GROUP, 0), .aspect = ASPECT_INSTANCE, .verdict = YES, .source = 900},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        model_observe(model, &bad[i]);
    assert_int_equal(model->dropped, sizeof bad / sizeof *bad);
    uint64_t dropped = model->dropped;
    for (unsigned node = 0; node < 200; node++) /* more different things than a source can have */
        observe(0, subject_of(SUBJECT_GROUP, 0), (uint8_t)node, ASPECT_INSTANCE, YES);
    for (unsigned node = 0; node < 200; node++)
        observe(1, subject_of(SUBJECT_GROUP, 1), (uint8_t)node, ASPECT_READY, NO);
    assert_true(model->dropped > dropped);
    assert_true(model->slot_count <= model->slot_capacity);
}

/* ---- who is active ---- */

static void words(uint8_t a, uint8_t b)
{
    observe(source_named("alive", 0), subject_of(SUBJECT_GROUP, 0), 0, ASPECT_INSTANCE, a);
    observe(source_named("alive", 1), subject_of(SUBJECT_GROUP, 0), 1, ASPECT_INSTANCE, b);
}

static void test_each_node_for_itself(void **state)
{
    static const struct {
        uint8_t a, b, plane, owner;
        bool agreed;
    } cases[] = {
        {YES, NO, CONTROL_ONE, 0, true},
        {YES, UNKNOWN, CONTROL_ONE, 0, false},
        {NO, NO, CONTROL_NONE, NODE_NONE, true},
        {NO, UNKNOWN, CONTROL_UNKNOWN, NODE_NONE, false},
        {UNKNOWN, UNKNOWN, CONTROL_UNKNOWN, NODE_NONE, false},
        {NO, YES, CONTROL_ONE, 1, true},
        {YES, YES, CONTROL_MANY, 1, true}, /* the incumbent stays the owner */
    };
    (void)state;
    const struct control_row *row = &model->control[0];
    assert_int_equal(row->plane, CONTROL_UNKNOWN);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        words(cases[i].a, cases[i].b);
        words(cases[i].a, cases[i].b);
        assert_int_equal(row->plane, cases[i].plane);
        assert_int_equal(row->owner, cases[i].owner);
        assert_int_equal(row->agreed, cases[i].agreed);
        assert_true(row->intended && row->intended_known);
        later(1);
    }
}

/* The copy goes from A to B between two readings: A's last word is old news, not a second copy. */
static void test_two_words_are_not_two_copies(void **state)
{
    const struct control_row *row = &model->control[0];
    (void)state;
    words(YES, NO);
    later(8);
    observe(source_named("alive", 1), subject_of(SUBJECT_GROUP, 0), 1, ASPECT_INSTANCE, YES);
    assert_int_equal(row->plane, CONTROL_ONE);
    assert_int_equal(row->owner, 0);
    later(2);
    observe(source_named("alive", 0), subject_of(SUBJECT_GROUP, 0), 0, ASPECT_INSTANCE, YES); /* A still says so: two */
    assert_int_equal(row->plane, CONTROL_MANY);
    assert_true(row->first_hand_many);
    assert_int_equal(row->double_rounds, 1);
    later(5);
    observe(source_named("alive", 0), subject_of(SUBJECT_GROUP, 0), 0, ASPECT_INSTANCE, YES);
    assert_int_equal(row->double_rounds, 1); /* a round is a new word of each */
    observe(source_named("alive", 1), subject_of(SUBJECT_GROUP, 0), 1, ASPECT_INSTANCE, YES);
    assert_int_equal(row->double_rounds, 2);
}

static void owner(uint8_t observer, uint8_t node, uint8_t verdict)
{
    observe(source_named("wsfc", observer), subject_of(SUBJECT_GROUP, 0), node, ASPECT_OWNER, verdict);
}

static void test_observers(void **state)
{
    const struct control_row *row = &model->control[0];
    (void)state;
    owner(0, 0, YES);
    assert_int_equal(row->plane, CONTROL_ONE);
    assert_false(row->agreed); /* only the accused spoke */
    owner(1, 0, YES);
    assert_true(row->agreed);
    owner(1, 1, YES); /* the same observer, another owner: its newest word counts, not both */
    assert_int_equal(row->reason, REASON_OWNER_DISPUTED);
    assert_int_equal(row->plane, CONTROL_UNKNOWN);
    owner(0, 1, YES);
    assert_true(row->plane == CONTROL_ONE && row->owner == 1 && row->agreed && row->owner_since == scene.now);
    observe(source_named("wsfc", 0), subject_of(SUBJECT_CLUSTER, 0), NODE_NONE, ASPECT_QUORATE, NO);
    owner(0, 0, YES); /* a minority's word does not count */
    assert_true(row->plane == CONTROL_ONE && row->owner == 1 && !row->agreed);
    observe(source_named("wsfc", 1), subject_of(SUBJECT_CLUSTER, 0), NODE_NONE, ASPECT_QUORATE, UNKNOWN);
    assert_int_equal(row->plane, CONTROL_UNKNOWN);
    assert_int_equal(row->last_owner, 1);
}

static void test_a_node_knows_itself_best(void **state)
{
    const struct control_row *row = &model->control[0];
    const subject_t group = subject_of(SUBJECT_GROUP, 0);
    (void)state;
    owner(0, 0, YES);
    owner(1, 0, YES);
    observe(source_named("service", 1), group, 1, ASPECT_INSTANCE, NO);
    later(1);
    observe(source_named("biztalk", NODE_NONE), group, 1, ASPECT_INSTANCE, YES);
    owner(0, 0, YES);
    assert_int_equal(row->plane, CONTROL_MANY); /* news from another */
    assert_false(row->first_hand_many);
    later(1);
    observe(source_named("service", 1), group, 1, ASPECT_INSTANCE, NO);
    assert_int_equal(row->plane, CONTROL_ONE); /* its own later word */
}

static void test_pending_and_intended(void **state)
{
    const struct control_row *row = &model->control[0];
    const uint16_t source = source_named("wsfc", 1);
    const subject_t group = subject_of(SUBJECT_GROUP, 0);
    (void)state;
    owner(1, 0, YES);
    assert_true(row->intended_known && row->intended); /* nobody can say otherwise */
    observe(source, group, NODE_NONE, ASPECT_INTENDED, UNKNOWN);
    assert_false(row->intended_known);
    observe(source, group, NODE_NONE, ASPECT_INTENDED, NO);
    assert_true(row->intended_known && !row->intended);
    observe(source, group, NODE_NONE, ASPECT_PENDING, YES);
    assert_true(row->pending && control_moving(model, 0, scene.now));
    later(1);
    observe(source, group, NODE_NONE, ASPECT_PENDING, NO);
    assert_true(!row->pending && control_moving(model, 0, scene.now));
    assert_false(control_moving(model, 0, scene.now + 30000));
}

/* ---- logs ---- */

static unsigned events;
static struct event last_event;
static uint32_t handlers_seen;

static void on_event(void *context, const struct event *event, const struct finding *finding)
{
    (void)context;
    (void)finding;
    events++;
    handlers_seen |= 1U << subject_index(event->handler);
    last_event = *event;
}

static void line(const char *account, unsigned address, uint8_t grade, const char *object, long ago)
{
    struct sighting sighting = {.grade = grade,
                                .complete = true,
                                .account = {account, strlen(account)},
                                .object = {object, strlen(object)},
                                .address = scene_address(address),
                                .session = ++scene.session,
                                .end = scene_stamp(&scene) - ago * 1000};
    sighting.begin = sighting.end;
    events = 0;
    handlers_seen = 0;
    model_sight(model, SERVER_PARTNER, &sighting, scene.session, scene.now, on_event, NULL);
}

static void report(uint16_t reason)
{
    const struct log_report said = {.reason = reason, .lines = 3, .unparsed = 1};
    model_log(model, SERVER_PARTNER, &said, scene.now);
    model_fold(model, scene.now, scene.wall_offset);
}

static const struct log_state *state_of_log(void)
{
    return &model->logs[SERVER_PARTNER];
}

static void test_whose_line(void **state)
{
    (void)state;
    /* both handlers share an account; the second one's path lies inside the first one's */
    scene_close(&scene);
    const struct scene_options options = {.type = "static", .groups = 2, .poll = 60000, .lag_max = 60000, .shared = true};
    scene_open(&scene, &options, 0);
    scene.handlers[1].account = "orders";
    scene.handlers[1].path = "/in/urgent/";
    scene_open_core(&scene);
    model = scene.decider->model;
    model_fold(model, scene.now, scene.wall_offset);
    line("orders", 11, GRADE_POLL, "", 0);
    assert_int_equal(handlers_seen, 3);
    assert_int_equal(last_event.node, 0);
    line("orders", 12, GRADE_TAKE, "/in/one", 0);
    assert_int_equal(handlers_seen, 1);
    assert_int_equal(last_event.node, 1);
    line("orders", 12, GRADE_TAKE, "/in/urgent/one", 0);
    assert_int_equal(handlers_seen, 2);
    line("orders", 12, GRADE_TAKE, "/inbox/one", 0); /* not below /in */
    assert_int_equal(events, 0);
    line("order", 12, GRADE_POLL, "", 0);
    assert_int_equal(events, 0);
    line("orders", 20, GRADE_POLL, "", 0);
    assert_int_equal(last_event.node, NODE_SHARED);
    line("orders", 77, GRADE_POLL, "", 0);
    assert_int_equal(last_event.node, NODE_FOREIGN);
    line("canary", 99, GRADE_POLL, "", 0);
    assert_int_equal(events, 0);
}

static void test_longest_prefix(void **state)
{
    struct policy_address addresses[] = {{scene_address(0), 96 + 24, 0, 0},
                                         {scene_address(12), 128, 1, 0},
                                         {scene_address(13), 128, NODE_IGNORED, 0},
                                         {scene_address(14), 128, 1, 1}};
    const struct policy policy = {.addresses = addresses, .address_count = 4};
    const struct address other = {{[15] = 1}};
    struct address address = scene_address(12);
    (void)state;
    assert_int_equal(policy_node_of_address(&policy, 0, &address), 1);
    address = scene_address(200);
    assert_int_equal(policy_node_of_address(&policy, 0, &address), 0);
    address = scene_address(13);
    assert_int_equal(policy_node_of_address(&policy, 0, &address), NODE_IGNORED);
    address = scene_address(14); /* another cluster's address is nobody's here */
    assert_int_equal(policy_node_of_address(&policy, 0, &address), 0);
    assert_int_equal(policy_node_of_address(&policy, 0, &other), NODE_FOREIGN);
    addresses[0].prefix = 96 + 23;
    address = (struct address){{[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1, [14] = 0, [15] = 7}};
    assert_int_equal(policy_node_of_address(&policy, 0, &address), 0);
}

static void test_canary(void **state)
{
    const struct log_state *log = state_of_log();
    (void)state;
    report(REASON_OK);
    assert_int_equal(log->reason, REASON_CATCHING_UP);
    model_canary(model, SERVER_PARTNER, scene.now);
    assert_true(log->canary_pending);
    later(2);
    line("canary", 99, GRADE_POLL, "", 2);
    report(REASON_OK);
    assert_int_equal(log->reason, REASON_OK);
    assert_true(log->skew_known && log->skew > -1000 && log->skew < 1000);
    assert_int_equal(log->canary_lag, 2000);
    later(10);
    model_canary(model, SERVER_PARTNER, scene.now); /* this one's line never comes */
    later(59);
    report(REASON_OK);
    assert_int_equal(log->reason, REASON_OK);
    later(2);
    assert_int_equal(log->reason, REASON_LOG_STALLED);
    assert_true(model->handlers[0].flags & FLAG_LOG_STALLED);
}

static void test_canary_whose_line_comes_first(void **state)
{
    const struct log_state *log = state_of_log();
    (void)state;
    report(REASON_OK);
    line("canary", 99, GRADE_POLL, "", 0);
    later(1);
    model_canary(model, SERVER_PARTNER, scene.now - 1000); /* the conversation ended after its line was read */
    assert_false(log->canary_pending);
    report(REASON_OK);
    assert_int_equal(log->reason, REASON_OK);
}

static void test_a_log_with_another_clock(void **state)
{
    const struct log_state *log = state_of_log();
    (void)state;
    report(REASON_OK);
    for (int i = 0; i < 5; i++) { /* the server is seven minutes behind */
        model_canary(model, SERVER_PARTNER, scene.now);
        line("canary", 99, GRADE_POLL, "", 420);
        later(30);
    }
    report(REASON_OK);
    assert_int_equal(log->reason, REASON_OK);
    assert_in_range(-log->skew, 419000, 421000);
    line("orders", 11, GRADE_POLL, "", 420);
    later(0);
    assert_int_equal(model->handlers[0].data, DATA_ONE);
    /* now it is set right: the offset is learnt anew, and meanwhile nothing is concluded */
    for (int i = 0; i < 12; i++) {
        model_canary(model, SERVER_PARTNER, scene.now);
        line("canary", 99, GRADE_POLL, "", 0);
        later(30);
        report(REASON_OK);
    }
    assert_in_range(log->skew + 1000, 0, 2000);
    assert_int_equal(log->reason, REASON_OK);
}

static void test_reports(void **state)
{
    const struct log_state *log = state_of_log();
    (void)state;
    report(REASON_LOG_MISSING);
    assert_int_equal(log->reason, REASON_LOG_MISSING);
    report(REASON_CATCHING_UP);
    assert_true(log->has_backlog && log->reason == REASON_CATCHING_UP);
    report(REASON_OK);
    model_canary(model, SERVER_PARTNER, scene.now);
    line("canary", 99, GRADE_POLL, "", 0);
    later(0);
    assert_int_equal(log->reason, REASON_OK);
    assert_true(log->lines == 9 && log->unparsed == 3);
    report(REASON_LOG_GAP);
    assert_true(log->gap && log->gaps == 1 && log->reason == REASON_OK);
    assert_int_equal(log->watched_since, log_stamp(model, SERVER_PARTNER, scene.now)); /* silence counts from here */
}

static void test_old_lines_raise_no_flags(void **state)
{
    (void)state;
    report(REASON_OK);
    line("orders", 11, GRADE_POLL, "", 7200);
    line("orders", 77, GRADE_TAKE, "/in/one", 7190);
    later(0);
    assert_int_equal(model->handlers[0].flags & FLAG_INTRUDER, 0);
    line("orders", 11, GRADE_POLL, "", 1);
    line("orders", 77, GRADE_TAKE, "/in/two", 0);
    later(0);
    assert_int_not_equal(model->handlers[0].flags & FLAG_INTRUDER, 0);
    later(3601);
    assert_int_equal(model->handlers[0].flags & FLAG_INTRUDER, 0);
}

static void test_clock_back(void **state)
{
    const struct log_state *log = state_of_log();
    (void)state;
    report(REASON_OK);
    line("orders", 11, GRADE_POLL, "", 0);
    assert_true(log->caught_up);
    line("orders", 11, GRADE_POLL, "", 50); /* a little out of order is nothing */
    assert_int_equal(log->backwards, 0);
    line("orders", 11, GRADE_POLL, "", 3600);
    assert_int_equal(log->backwards, 1);
    later(0);
    assert_int_equal(log->reason, REASON_CATCHING_UP);
    assert_int_equal(model->handlers[0].data, DATA_UNKNOWN);
}

static void test_our_wall_clock_is_set(void **state)
{
    const struct log_state *log = state_of_log();
    (void)state;
    report(REASON_OK);
    model_canary(model, SERVER_PARTNER, scene.now);
    line("canary", 99, GRADE_POLL, "", 0);
    later(1);
    stamp_t before = log_stamp(model, SERVER_PARTNER, scene.now);
    scene.wall_offset += 7 * 3600000;
    later(0);
    assert_int_equal(log_stamp(model, SERVER_PARTNER, scene.now), before); /* the log's clock did not move */
    assert_int_equal(log->reason, REASON_OK);
}

/* ---- pure ---- */

static void test_the_core_is_pure(void **state)
{
    static const char *const allowed[] = {"memset", "memcpy",  "memmove", "memcmp",     "strlen",      "strncmp",
                                          "strcmp", "strchr",  "strrchr", "strcspn",    "snprintf",    "vsnprintf",
                                          "memchr", "strnlen", "strstr",  "strcasecmp", "strncasecmp", "_GLOBAL_OFFSET_TABLE_"};
    char command[400], symbol[200];
    (void)state;
    snprintf(command, sizeof command,
             "d=$(mktemp -d) && for f in %s/agent/core/*.c; do cc -std=c17 -O1 -D_GNU_SOURCE -I%s -c $f -o $d/$(basename $f).o || exit 9; "
             "done && ld -r -o $d/all.o $d/*.c.o && nm -u $d/all.o; rm -r $d",
             SOURCE_DIR, SOURCE_DIR);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    unsigned seen = 0;
    while (fscanf(pipe, " U %199s", symbol) == 1) {
        bool fine = strncmp(symbol, "__", 2) == 0 && strstr(symbol, "popcount");
        for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
            fine |= strcmp(symbol, allowed[i]) == 0;
        if (!fine)
            fail_msg("the core calls %s", symbol);
        seen++;
    }
    pclose(pipe);
    assert_true(seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rise_and_fall, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_readings_from_before_a_stall, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_readings, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_each_node_for_itself, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_two_words_are_not_two_copies, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_observers, setup_wsfc, teardown),
        cmocka_unit_test_setup_teardown(test_pending_and_intended, setup_wsfc, teardown),
        cmocka_unit_test_setup_teardown(test_whose_line, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_longest_prefix, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_canary, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_canary_whose_line_comes_first, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_a_log_with_another_clock, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_reports, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_a_node_knows_itself_best, setup_wsfc, teardown),
        cmocka_unit_test_setup_teardown(test_old_lines_raise_no_flags, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_clock_back, setup_static, teardown),
        cmocka_unit_test_setup_teardown(test_our_wall_clock_is_set, setup_static, teardown),
        cmocka_unit_test(test_the_core_is_pure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
