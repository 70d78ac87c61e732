/* Objects that were taken, sessions that were open: is a second taking another handler, or one of the harmless kinds? Pure. */
#include "evidence_parts.h"

struct evidence_session *session_find(struct evidence *evidence, uint64_t session, uint8_t node)
{
    for (size_t k = 1; session && k <= EVIDENCE_SESSIONS; k++) {
        struct evidence_session *found = &evidence->sessions[(evidence->session_next + EVIDENCE_SESSIONS - k) % EVIDENCE_SESSIONS];
        if (found->session == session && found->node == node)
            return found;
    }
    return NULL;
}

struct evidence_session *session_open(struct evidence *evidence, const struct event *event)
{
    struct evidence_session *session = &evidence->sessions[evidence->session_next];
    evidence->session_next = (uint8_t)((evidence->session_next + 1) % EVIDENCE_SESSIONS);
    *session = (struct evidence_session){.session = event->session,
                                         .begin = event->begin,
                                         .last_begin = event->begin,
                                         .end = event->end,
                                         .line = event->line,
                                         .last_line = event->line,
                                         .node = event->node};
    return session;
}

/* Both began something new inside the other's session, or (POP3, whose log names no message) both whole sessions retrieved. */
bool session_check(const struct evidence_policy *policy, struct evidence *evidence, const struct evidence_session *session,
                   struct finding *finding)
{
    for (size_t i = 0; i < EVIDENCE_SESSIONS; i++) {
        const struct evidence_session *other = &evidence->sessions[i];
        if (!other->session || other->node == session->node || other->ghost || session->ghost)
            continue;
        stamp_t earlier = session->begin < other->begin ? session->begin : other->begin;
        if (handover_between(evidence, earlier, later(session->begin, other->begin)))
            continue;
        stamp_t resolution = policy->resolution;
        bool retrieved = session->whole && other->whole && spans_overlap(policy, session->begin, session->end, other->begin, other->end);
        bool mutual = (inside(other->begin, session->begin, session->end, resolution) ||
                       inside(other->last_begin, session->begin, session->end, resolution)) &&
                      (inside(session->begin, other->begin, other->end, resolution) ||
                       inside(session->last_begin, other->begin, other->end, resolution));
        if (!retrieved && !mutual)
            continue;
        bool standing = evidence->many_since != 0 && evidence->many.at > last_handover(evidence);
        *finding = (struct finding){.reason = retrieved ? REASON_TAKEN_TWICE : REASON_OVERLAPPED,
                                    .take_class = retrieved ? TAKE_TWO_HANDLERS : TAKE_ONCE,
                                    .confirmed = retrieved,
                                    .nodes = node_bit(session->node) | node_bit(other->node),
                                    .at = later(session->last_begin, other->last_begin)};
        const struct evidence_session *first = session->begin < other->begin ? session : other,
                                      *second = first == session ? other : session;
        const uint64_t lines[] = {first->line, second->line, second->last_line, first->last_line};
        for (size_t k = 0, used = 0; k < 4; k++)
            if (!used || finding->lines[used - 1] != lines[k])
                finding->lines[used++] = lines[k];
        many_proven(evidence, finding);
        if (retrieved)
            evidence->double_take = *finding;
        return retrieved || !standing;
    }
    return false;
}

struct evidence_object *waiting_confirm(struct evidence *evidence, nodes_t nodes, stamp_t since, stamp_t now, bool by_first, bool *news)
{
    struct evidence_object *newest = NULL;
    *news = false;
    for (size_t i = 0; evidence->waiting && i < EVIDENCE_OBJECTS; i++) {
        struct evidence_object *object = &evidence->objects[i];
        if (!object->object || object->second_node == NODE_NONE || object->begin < since || object->second_begin >= now)
            continue;
        nodes_t both = node_bit(object->node) | node_bit(object->second_node);
        if (by_first ? node_bit(object->node) != nodes : (both & ~nodes) != 0)
            continue;
        if (handover_between(evidence, object->begin, now))
            continue;
        *news |= object->take_class != TAKE_TWO_HANDLERS;
        object->take_class = TAKE_TWO_HANDLERS;
        if (!newest || object->second_begin > newest->second_begin)
            newest = object;
    }
    return newest;
}

static void waiting_end(struct evidence *evidence, struct evidence_object *object)
{
    if (object->second_node != NODE_NONE && evidence->waiting)
        evidence->waiting--;
    object->second_node = NODE_NONE;
}

void double_found(struct evidence *evidence, struct evidence_object *object, stamp_t at, uint64_t line, struct finding *finding)
{
    *finding = (struct finding){.reason = REASON_TAKEN_TWICE,
                                .take_class = TAKE_TWO_HANDLERS,
                                .confirmed = true,
                                .nodes = node_bit(object->node) | node_bit(object->second_node),
                                .object = object->object,
                                .at = at,
                                .lines = {object->line, object->second_line, line == object->second_line ? 0 : line}};
    evidence->double_take = *finding;
    many_proven(evidence, finding);
    for (size_t i = 0; i < EVIDENCE_OBJECTS; i++)
        if (evidence->objects[i].take_class == TAKE_TWO_HANDLERS)
            waiting_end(evidence, &evidence->objects[i]);
}

static struct evidence_object *object_find(struct evidence *evidence, uint64_t object)
{
    struct evidence_object *set = evidence->objects + object % (EVIDENCE_OBJECTS / EVIDENCE_WAYS) * EVIDENCE_WAYS;
    for (size_t i = 0; object && i < EVIDENCE_WAYS; i++)
        if (set[i].object == object)
            return set + i;
    return NULL;
}

static void object_put(struct evidence *evidence, struct evidence_object *place, const struct event *event, uint8_t take_class)
{
    if (place->object)
        waiting_end(evidence, place);
    *place = (struct evidence_object){.object = event->object,
                                      .bytes = event->bytes,
                                      .begin = event->begin,
                                      .end = event->end,
                                      .line = event->line,
                                      .node = event->node,
                                      .take_class = take_class,
                                      .second_node = NODE_NONE};
}

static void object_keep(struct evidence *evidence, const struct event *event)
{
    struct evidence_object *set = evidence->objects + event->object % (EVIDENCE_OBJECTS / EVIDENCE_WAYS) * EVIDENCE_WAYS, *place = set;
    for (size_t i = 0; i < EVIDENCE_WAYS; i++) {
        if (!set[i].object || set[i].gone) {
            place = set + i;
            break;
        }
        if (set[i].begin < place->begin)
            place = set + i;
    }
    evidence->dropped += place->object && !place->gone;
    object_put(evidence, place, event, TAKE_ONCE);
}

/* Removed, or written anew: what comes later under this name is another object. */
void object_end(struct evidence *evidence, const struct event *event)
{
    struct evidence_object *object = object_find(evidence, event->object);
    if (!object || object->gone)
        return;
    object->gone = event->end;
    if (event->grade == GRADE_STORE && object->begin >= event->begin)
        object->take_class = TAKE_UNFINISHED_UPLOAD;
}

static bool harmless(const struct event *event, uint8_t take_class, const struct evidence_object *first, struct finding *finding)
{
    *finding = (struct finding){.reason = REASON_TAKEN_TWICE,
                                .take_class = take_class,
                                .nodes = node_bit(first->node) | node_bit(event->node),
                                .object = event->object,
                                .at = event->begin,
                                .lines = {first->line, event->line}};
    return true;
}

/* Taken by another node before, and neither gone nor of another size: which class is it? */
static bool taken_by_other(const struct evidence_policy *policy, struct evidence *evidence, struct evidence_object *object,
                           const struct event *event, struct finding *finding)
{
    struct evidence_object before = *object;
    if (handover_between(evidence, object->begin, event->begin)) {
        object_put(evidence, object, event, TAKE_AFTER_HANDOVER);
        return harmless(event, TAKE_AFTER_HANDOVER, &before, finding);
    }
    bool known = object->second_node == event->node || object->take_class == TAKE_TWO_HANDLERS;
    if (object->second_node == NODE_NONE)
        evidence->waiting++;
    object->second_node = event->node;
    object->second_begin = event->begin;
    object->second_line = event->line;
    if (spans_overlap(policy, object->begin, object->end, event->begin, event->end)) {
        bool news = object->take_class != TAKE_TWO_HANDLERS;
        object->take_class = TAKE_TWO_HANDLERS;
        double_found(evidence, object, event->begin, event->line, finding);
        return news;
    }
    if (known)
        return false;
    /* the order of nodes may yet show that both are at it; until then the change of node explains it */
    object->take_class = TAKE_AFTER_HANDOVER;
    return harmless(event, TAKE_AFTER_HANDOVER, &before, finding);
}

bool object_take(const struct evidence_policy *policy, struct evidence *evidence, const struct event *event, struct finding *finding)
{
    struct evidence_object *object = object_find(evidence, event->object);
    if (!object) {
        object_keep(evidence, event);
        return false;
    }
    struct evidence_object before = *object;
    stamp_t resolution = policy->resolution;
    if (object->gone && event->begin + resolution > object->gone) {
        bool unfinished = object->take_class == TAKE_UNFINISHED_UPLOAD && object->node == event->node;
        object_put(evidence, object, event, TAKE_ONCE);
        return unfinished && harmless(event, TAKE_UNFINISHED_UPLOAD, &before, finding);
    }
    bool other_size = object->bytes >= 0 && event->bytes >= 0 && object->bytes != event->bytes;
    if (object->node != event->node && !other_size)
        return taken_by_other(policy, evidence, object, event, finding);
    if (object->second_node != NODE_NONE && !other_size)
        return false;
    bool proven = before.take_class == TAKE_TWO_HANDLERS && !other_size;
    uint8_t take_class = proven ? TAKE_TWO_HANDLERS : other_size ? TAKE_UNFINISHED_UPLOAD : TAKE_RETAINED;
    object_put(evidence, object, event, take_class);
    return before.take_class != take_class && before.node == event->node && harmless(event, take_class, &before, finding);
}
