/* One handler's evidence, fed event by event: the words in which its tests are written. Stamps are seconds from an arbitrary start.
 * Header and body in one: included by one test program each. */
#ifndef SOLOWARDEN_TESTS_EVIDENCE_FEED_H
#define SOLOWARDEN_TESTS_EVIDENCE_FEED_H

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

static inline stamp_t at(double second)
{
    return (stamp_t)((START + second) * 1000);
}

static inline int fresh(void **state)
{
    (void)state;
    evidence_reset(&evidence);
    policy = (struct evidence_policy){.window = W * 1000, .has_control = true, .resolution = 1000};
    finding = (struct finding){0};
    line = 0;
    return 0;
}

static inline int fresh_without_control(void **state)
{
    fresh(state);
    policy.has_control = false;
    return 0;
}

static inline bool feed(struct event event)
{
    event.line = ++line;
    return evidence_event(&policy, &evidence, &event, &finding);
}

static inline bool poll_at(uint8_t node, double second)
{
    return feed((struct event){.node = node, .grade = GRADE_POLL, .complete = true, .bytes = -1, .begin = at(second), .end = at(second)});
}

static inline bool take_sized(uint8_t node, double begin, double end, uint64_t object, int64_t bytes)
{
    return feed((struct event){
        .node = node, .grade = GRADE_TAKE, .complete = true, .object = object, .bytes = bytes, .begin = at(begin), .end = at(end)});
}

static inline bool take(uint8_t node, double begin, double end, uint64_t object)
{
    return take_sized(node, begin, end, object, 100);
}

static inline void other(uint8_t node, uint8_t grade, double begin, double end, uint64_t object)
{
    feed((struct event){
        .node = node, .grade = grade, .complete = grade == GRADE_STORE, .object = object, .bytes = -1, .begin = at(begin), .end = at(end)});
}

static inline void removal(uint8_t node, double second, uint64_t object)
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

static inline bool session(uint8_t node, double begin, double end, uint64_t name, uint32_t takes, bool in_order)
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

static inline struct evidence_view view_at(double second)
{
    struct evidence_view view;
    evidence_fold(&policy, &evidence, at(second), true, 3 * POLL * 1000, &view);
    return view;
}

static inline void expect_one(double second, uint8_t node)
{
    struct evidence_view view = view_at(second);
    assert_int_equal(view.plane, DATA_ONE);
    assert_int_equal(view.node, node);
    assert_false(view.confirmed);
}

#define WITH(test) cmocka_unit_test_setup(test, fresh)
#define WITHOUT(test) cmocka_unit_test_setup(test, fresh_without_control)

#endif
