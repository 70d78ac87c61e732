/* Who begins what, in which order, and whether that is one or several. Every rule here keeps one false alarm away:
 * only what begins counts, at its begin stamp; what is closer than the stamps' resolution proves no order and no overlap;
 * a hand-over between two takings explains them. Knows nothing of files, of our clock, or of alarms. */
#include "evidence_parts.h"

#include <string.h>

/* A log whose clock steps back further than this has lost its order; less is the disorder of several writers. */
enum { BACKWARDS_MS = 10000, SECOND_MS = 1000, OPEN_TRUSTED_MS = 3600000 };

const char *take_class_name(uint8_t take_class)
{
    static const char *const names[TAKE_CLASSES] = {"once", "two-handlers", "re-read-after-hand-over", "unfinished-upload", "retained"};
    return take_class < TAKE_CLASSES ? names[take_class] : "?";
}

void evidence_reset(struct evidence *evidence)
{
    memset(evidence, 0, sizeof *evidence);
    evidence->last_node = NODE_NONE;
}

bool spans_overlap(const struct evidence_policy *policy, stamp_t begin, stamp_t end, stamp_t other_begin, stamp_t other_end)
{
    stamp_t resolution = policy->resolution;
    return begin + resolution <= other_end && other_begin + resolution <= end;
}

stamp_t last_handover(const struct evidence *evidence)
{
    stamp_t last = 0;
    for (size_t i = 0; i < EVIDENCE_HANDOVERS; i++)
        last = later(last, evidence->handovers[i]);
    return last;
}

bool handover_between(const struct evidence *evidence, stamp_t after, stamp_t until)
{
    for (size_t i = 0; i < EVIDENCE_HANDOVERS; i++)
        if (evidence->handovers[i] > after && evidence->handovers[i] <= until)
            return true;
    return false;
}

void many_proven(struct evidence *evidence, const struct finding *finding)
{
    evidence->many = *finding;
    if (!evidence->many_since)
        evidence->many_since = finding->at;
    evidence->single_since = 0;
}

/* A node of ours begins something. */
static bool begin_fold(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, uint64_t line, bool took,
                       struct finding *finding)
{
    uint8_t node = event->node;
    evidence->poll_before[node] = evidence->last_poll[node];
    evidence->last_poll[node] = later(evidence->last_poll[node], event->begin);
    if (took)
        evidence->last_take[node] = later(evidence->last_take[node], event->begin);
    evidence->last_line[node] = line;
    if (!run_add(policy, evidence, node, event->begin, line, took))
        return false;
    bool proven = return_check(policy, evidence, finding);
    return (policy->has_control && evidence->waiting && return_of_first(policy, evidence, event, finding)) || proven;
}

static bool take_fold(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, struct finding *finding)
{
    if (!event->complete) {
        evidence->failed++;
        return false;
    }
    struct finding found;
    bool proven = begin_fold(policy, evidence, event, event->line, true, finding);
    struct evidence_session *session = session_find(evidence, event->session, event->node);
    if (event->session && !session)
        session = session_open(evidence, event);
    if (session) {
        session->proven = true;
        session->takes += !event->removed;
        session->last_begin = later(session->last_begin, event->begin);
        session->end = later(session->end, event->end);
        session->last_line = event->line;
    }
    evidence->takes += !event->removed;
    if (event->object && event->removed)
        object_end(evidence, event);
    else if (event->object && object_take(policy, evidence, event, &found) && (!proven || found.confirmed)) {
        *finding = found;
        proven = true;
    }
    if (session && evidence->run_count > 1 && session_check(policy, evidence, session, &found) && !proven) {
        *finding = found;
        proven = true;
    }
    return proven;
}

static bool close_fold(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, struct finding *finding)
{
    struct evidence_session *session = session_find(evidence, event->session, event->node);
    if (!session && !event->whole_session)
        return false; /* opened before the log began, or never seen to do anything */
    if (!session) {
        session = session_open(evidence, event);
        session->session = event->session ? event->session : event->line;
    }
    bool fresh = !session->proven, proven = false;
    session->open = false;
    session->proven = true;
    session->end = later(session->end, event->end);
    session->last_line = event->line;
    session->whole = event->whole_session && event->complete && event->takes > 0;
    if (event->takes) {
        session->takes = event->takes;
        evidence->takes += event->takes;
    }
    struct event opening = *event;
    opening.begin = session->begin;
    evidence->polls += fresh || event->whole_session;
    if (fresh || event->takes)
        proven = begin_fold(policy, evidence, &opening, session->line, event->takes > 0, finding);
    struct finding found;
    if (session->whole && session->takes && evidence->run_count > 1 && session_check(policy, evidence, session, &found) &&
        (!proven || found.confirmed)) {
        *finding = found;
        proven = true;
    }
    return proven;
}

/* A login that turns out to be an upload was no poll. */
static void store_fold(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event)
{
    if (event->object)
        object_end(evidence, event);
    run_withdraw(policy, evidence, event->node, event->begin);
}

static bool foreign_fold(struct evidence *evidence, const struct event *event, struct finding *finding)
{
    bool taken = event->grade == GRADE_TAKE ? event->complete : event->grade == GRADE_CLOSE && event->takes > 0;
    if (event->object && event->complete && (event->grade == GRADE_STORE || (event->grade == GRADE_TAKE && event->removed)))
        object_end(evidence, event);
    if (!taken && event->grade != GRADE_POLL && !(event->grade == GRADE_CLOSE && event->whole_session))
        return false;
    bool ours_seen = evidence->last_node != NODE_NONE || evidence->last_shared;
    evidence->last_foreign = later(evidence->last_foreign, event->begin);
    /* partners log in too: without taking anything, a stranger is news only while none of ours was ever seen */
    if (!taken && ours_seen)
        return false;
    *finding = (struct finding){.reason = ours_seen ? REASON_INTRUDER : REASON_ADDRESS_UNMAPPED,
                                .object = event->object,
                                .at = event->begin,
                                .lines = {event->line},
                                .address = event->address};
    evidence->foreign = *finding;
    return true;
}

static bool shared_fold(struct evidence *evidence, const struct event *event)
{
    bool taken = (event->grade == GRADE_TAKE && event->complete) || (event->grade == GRADE_CLOSE && event->takes > 0);
    if (event->object && (event->grade == GRADE_STORE || (event->grade == GRADE_TAKE && event->removed)))
        object_end(evidence, event);
    evidence->polls += event->grade == GRADE_POLL || (event->grade == GRADE_CLOSE && event->whole_session);
    evidence->takes += taken;
    if (taken || event->grade == GRADE_POLL || (event->grade == GRADE_CLOSE && event->whole_session))
        evidence->last_shared = later(evidence->last_shared, event->begin);
    return false;
}

/* Many ends after 2 W in which only one node began anything. */
static void expire(const struct evidence_policy *policy, struct evidence *evidence, stamp_t watermark)
{
    const struct evidence_run *newest = run_newest(evidence);
    if (evidence->many_since) {
        stamp_t other = evidence->run_count > 1 ? evidence->runs[evidence->run_count - 2].last : 0;
        other = later(other, evidence->many.at);
        if (watermark - other <= 2 * policy->window)
            return;
        evidence->many_since = 0;
    }
    evidence->single_since = newest ? newest->first : 0;
}

/* The log's clock went back: what was read before is no longer before. */
static void clock_check(struct evidence *evidence, stamp_t end)
{
    if (evidence->watermark && end + BACKWARDS_MS < evidence->watermark) {
        evidence->backwards++;
        evidence->run_count = 0;
        evidence->waiting = 0;
        memset(evidence->sessions, 0, sizeof evidence->sessions);
        memset(evidence->objects, 0, sizeof evidence->objects);
        memset(evidence->handovers, 0, sizeof evidence->handovers);
        memset(evidence->last_poll, 0, sizeof evidence->last_poll);
        memset(evidence->last_take, 0, sizeof evidence->last_take);
        evidence->last_begin = evidence->last_shared = evidence->last_foreign = evidence->watched_since = 0;
        if (evidence->many_since)
            evidence->many_since = evidence->many.at = end;
        evidence->watermark = end;
    }
    evidence->watermark = later(evidence->watermark, end);
}

struct event event_of(const struct sighting *sighting, uint64_t line)
{
    stamp_t stamp = sighting->end ? sighting->end : sighting->begin;
    return (struct event){
        .grade = sighting->grade,
        .complete = sighting->complete,
        .removed = sighting->removed,
        .whole_session = sighting->whole_session,
        .takes = sighting->takes,
        .object = sighting->object.size ? hash_text(sighting->object.data, sighting->object.size) : 0,
        .session = sighting->session,
        .line = line,
        .bytes = sighting->bytes,
        .address = sighting->address,
        .begin = sighting->begin ? sighting->begin : stamp,
        .end = stamp,
    };
}

bool evidence_event(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, struct finding *finding)
{
    *finding = (struct finding){0};
    if (event->node == NODE_IGNORED || event->node == NODE_NONE)
        return false;
    clock_check(evidence, event->end);
    expire(policy, evidence, evidence->watermark);
    evidence->refused += event->grade == GRADE_REFUSED;
    evidence->failed += event->grade == GRADE_FAILED;
    if (event->node == NODE_SHARED)
        return shared_fold(evidence, event);
    if (event->node >= NODES_MAX)
        return foreign_fold(evidence, event, finding);
    struct evidence_session *session;
    switch (event->grade) {
    case GRADE_OPEN:
        if (event->session && !session_find(evidence, event->session, event->node))
            session_open(evidence, event)->open = true;
        return false;
    case GRADE_POLL:
        evidence->polls++;
        if (event->session && !session_find(evidence, event->session, event->node))
            session_open(evidence, event)->proven = true;
        return begin_fold(policy, evidence, event, event->line, false, finding);
    case GRADE_TAKE:
        return take_fold(policy, evidence, event, finding);
    case GRADE_STORE:
        store_fold(policy, evidence, event);
        return false;
    case GRADE_CLOSE:
        return close_fold(policy, evidence, event, finding);
    case GRADE_REFUSED:
        session = session_find(evidence, event->session, event->node);
        if (session)
            session->session = 0;
        return false;
    case GRADE_FAILED:
        session = session_find(evidence, event->session, event->node);
        if (session) {
            session->open = false;
            session->end = later(session->end, event->begin);
        }
        return false;
    default:
        return false;
    }
}

void evidence_handover(struct evidence *evidence, nodes_t nodes, stamp_t at)
{
    evidence->handovers[evidence->handover_next] = at;
    evidence->handover_next = (uint8_t)((evidence->handover_next + 1) % EVIDENCE_HANDOVERS);
    for (size_t i = 0; i < EVIDENCE_SESSIONS; i++)
        if (node_bit(evidence->sessions[i].node) & nodes && evidence->sessions[i].begin <= at)
            evidence->sessions[i].ghost = true;
}

/* Whoever is inside a session, or waits for the mailbox's lock, is not silent; but not for ever: its end may have been lost. */
static bool is_busy(const struct evidence *evidence, stamp_t watermark)
{
    for (size_t i = 0; i < EVIDENCE_SESSIONS; i++) {
        const struct evidence_session *session = &evidence->sessions[i];
        if (session->session && session->open && !session->ghost && watermark - session->begin <= OPEN_TRUSTED_MS)
            return true;
    }
    return false;
}

void evidence_fold(const struct evidence_policy *policy, struct evidence *evidence, stamp_t watermark, bool silence_proven,
                   stamp_t silent_after, struct evidence_view *view)
{
    *view = (struct evidence_view){.plane = DATA_UNKNOWN, .node = NODE_NONE, .reason = REASON_NOT_SEEN};
    expire(policy, evidence, watermark);
    if (!silence_proven)
        evidence->watched_since = 0;
    else if (!evidence->watched_since)
        evidence->watched_since = watermark;
    stamp_t owned = last_handover(evidence);
    if (evidence->many_since) {
        const struct finding *twice = &evidence->double_take;
        view->plane = DATA_MANY;
        view->node = evidence->last_node;
        view->confirmed = twice->reason && twice->at > owned && watermark - twice->at <= 2 * policy->window;
        view->many = evidence->many.nodes | (view->confirmed ? twice->nodes : 0);
        view->receding = evidence->many.at <= owned;
        view->reason = view->confirmed ? twice->reason : evidence->many.reason;
        return;
    }
    bool shared = evidence->last_shared > evidence->last_begin;
    stamp_t last = later(evidence->last_begin, evidence->last_shared);
    uint8_t node = shared ? NODE_SHARED : evidence->last_node;
    bool quiet = silent_after > 0 && watermark - last > silent_after && !is_busy(evidence, watermark);
    if (last && !quiet) {
        *view = (struct evidence_view){.plane = DATA_ONE, .node = node, .reason = shared ? REASON_ADDRESS_SHARED : REASON_SEEN_POLLING};
    } else if (!last && evidence->last_foreign && watermark - evidence->last_foreign <= silent_after) {
        /* somebody polls: perhaps ours, behind an address that nobody told us of */
        view->reason = REASON_ADDRESS_UNMAPPED;
    } else if (last) {
        view->plane = silence_proven ? DATA_SILENT : DATA_UNKNOWN;
        view->node = node;
        view->reason = silence_proven ? REASON_SILENT : REASON_LOG_NO_CANARY;
    } else if (silence_proven && watermark - evidence->watched_since > silent_after) {
        view->plane = DATA_NONE;
        view->reason = REASON_NOBODY;
    }
}
