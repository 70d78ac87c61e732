/* The order in which nodes begin things: runs, late beginnings, returns. A return is what tells two copies from a hand-over. Pure. */
#include "evidence_parts.h"

#include <string.h>

struct evidence_run *run_newest(struct evidence *evidence)
{
    return evidence->run_count ? &evidence->runs[evidence->run_count - 1] : NULL;
}

/* Opens a place for a run before position `at`; the oldest falls out when all are used. */
static struct evidence_run *run_open(struct evidence *evidence, size_t at)
{
    if (evidence->run_count == EVIDENCE_RUNS) {
        memmove(evidence->runs, evidence->runs + 1, sizeof evidence->runs - sizeof evidence->runs[0]);
        evidence->run_count--;
        at -= at > 0;
    }
    memmove(evidence->runs + at + 1, evidence->runs + at, (evidence->run_count - at) * sizeof evidence->runs[0]);
    evidence->run_count++;
    return evidence->runs + at;
}

/* A beginning earlier than all that are remembered, as long as nothing was forgotten yet. */
static bool run_before_all(struct evidence *evidence, uint8_t node, stamp_t begin, uint64_t line, bool took)
{
    if (evidence->runs[0].node == node) {
        evidence->runs[0].first = begin;
        evidence->runs[0].first_line = line;
        return false;
    }
    if (evidence->run_count == EVIDENCE_RUNS)
        return false;
    *run_open(evidence, 0) =
        (struct evidence_run){.node = node, .took = took, .first = begin, .last = begin, .first_line = line, .last_line = line};
    return true;
}

/* A beginning told late (at its end) belongs where it began. Only what lies clearly inside another node's run changes the order. */
static bool run_late(const struct evidence_policy *policy, struct evidence *evidence, uint8_t node, stamp_t begin, uint64_t line, bool took)
{
    size_t i = evidence->run_count;
    while (i && evidence->runs[i - 1].first > begin)
        i--;
    if (!i)
        return run_before_all(evidence, node, begin, line, took);
    struct evidence_run *run = &evidence->runs[i - 1];
    if (run->node == node) {
        run->last = later(run->last, begin);
        run->took |= took;
        return false;
    }
    bool oldest = i == 1 && evidence->run_count + 2 > EVIDENCE_RUNS;
    if (oldest || !inside(begin, run->first, run->last, policy->resolution))
        return false;
    struct evidence_run rest = *run;
    run->last = run->first;
    run->last_line = run->first_line;
    rest.first = rest.last;
    rest.first_line = rest.last_line;
    *run_open(evidence, i) = rest;
    /* after a full ring moved down, the two halves are found at the same distance from the newest */
    size_t place = evidence->run_count - 1;
    while (place && evidence->runs[place].first > begin)
        place--;
    *run_open(evidence, place + 1) =
        (struct evidence_run){.node = node, .took = took, .first = begin, .last = begin, .first_line = line, .last_line = line};
    return true;
}

bool run_add(const struct evidence_policy *policy, struct evidence *evidence, uint8_t node, stamp_t begin, uint64_t line, bool took)
{
    struct evidence_run *newest = run_newest(evidence);
    if (newest && begin < newest->last)
        return run_late(policy, evidence, node, begin, line, took);
    evidence->last_begin = begin;
    if (newest && newest->node == node) {
        newest->last = begin;
        newest->last_line = line;
        newest->took |= took;
        return false;
    }
    evidence->last_node = node;
    *run_open(evidence, evidence->run_count) =
        (struct evidence_run){.node = node, .took = took, .first = begin, .last = begin, .first_line = line, .last_line = line};
    return true;
}

/* A B A inside W when ownership changes are told to us, A B A B inside 2 W when not: only a second return tells two copies from a
 * hand-over and back. */
bool return_check(const struct evidence_policy *policy, struct evidence *evidence, struct finding *finding)
{
    const struct evidence_run *newest = run_newest(evidence);
    if (policy->server_may_lock || evidence->run_count < (policy->has_control ? 3 : 4))
        return false;
    stamp_t at = newest->first, since = at - (policy->has_control ? policy->window : 2 * policy->window), owned = last_handover(evidence);
    nodes_t seen = 0, returned = 0;
    size_t i = evidence->run_count;
    while (i > 0) {
        const struct evidence_run *run = &evidence->runs[i - 1];
        /* what an earlier one began as close to the hand-over as stamps resolve may well have been before it */
        stamp_t doubt = run == newest || !policy->resolution ? 0 : policy->resolution - 1;
        if (run->last < since || (owned && run->last <= owned + doubt))
            return false;
        i--;
        returned |= seen & node_bit(run->node);
        seen |= node_bit(run->node);
        if (policy->has_control ? returned != 0 : (returned & (returned - 1)) != 0)
            break;
        if (i == 0)
            return false;
    }
    bool standing = evidence->many_since != 0 && !(seen & ~evidence->many.nodes) && evidence->many.at > owned;
    struct finding proof = {.reason = REASON_RETURNED, .nodes = seen, .at = at, .lines = {evidence->runs[i].last_line}};
    for (size_t k = 1; k < EVIDENCE_PROOF && i + k < evidence->run_count; k++)
        proof.lines[k] = evidence->runs[i + k].first_line;
    many_proven(evidence, &proof);
    if (!policy->has_control) {
        bool news;
        struct evidence_object *object = waiting_confirm(evidence, seen, since, at + 1, false, &news);
        if (object) {
            double_found(evidence, object, at, newest->first_line, finding);
            return news;
        }
    }
    *finding = proof;
    return !standing;
}

bool return_of_first(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, struct finding *finding)
{
    bool news;
    struct evidence_object *object =
        waiting_confirm(evidence, node_bit(event->node), event->begin - 2 * policy->window, event->begin, true, &news);
    if (!object)
        return false;
    struct finding found;
    double_found(evidence, object, event->begin, event->line, &found);
    if (news)
        *finding = found;
    return news;
}

/* A login that turns out to have been for an upload was no poll: as if it had not been. */
void run_withdraw(const struct evidence_policy *policy, struct evidence *evidence, uint8_t node, stamp_t at)
{
    size_t i = evidence->run_count;
    while (i && evidence->runs[i - 1].node != node)
        i--;
    if (!i)
        return;
    struct evidence_run run = evidence->runs[--i];
    if (run.took || run.first != run.last || at - run.first > policy->window)
        return;
    if (evidence->many_since >= run.first && evidence->many_since) {
        evidence->many_since = 0;
        evidence->many.reason = REASON_NONE;
    }
    bool joins = i && i + 1U < evidence->run_count && evidence->runs[i - 1].node == evidence->runs[i + 1].node;
    if (joins) {
        evidence->runs[i - 1].last = evidence->runs[i + 1].last;
        evidence->runs[i - 1].last_line = evidence->runs[i + 1].last_line;
        evidence->runs[i - 1].took |= evidence->runs[i + 1].took;
    }
    size_t gone = joins ? 2 : 1;
    memmove(evidence->runs + i, evidence->runs + i + gone, (evidence->run_count - i - gone) * sizeof run);
    evidence->run_count = (uint8_t)(evidence->run_count - gone);
    const struct evidence_run *newest = run_newest(evidence);
    evidence->last_node = newest ? newest->node : NODE_NONE;
    evidence->last_begin = newest ? newest->last : 0;
    evidence->last_poll[node] = evidence->poll_before[node];
    evidence->polls -= evidence->polls > 0;
}
