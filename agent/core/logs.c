/* The servers' logs: may a log be judged by, whose line is this, and what does it prove?
 * Owns watermark, lag, clock offset and canaries of every log, and the attribution of lines to handlers and nodes;
 * knows nothing of files and formats, nor of verdicts. */
#include <string.h>

#include "parts.h"

enum {
    CANARY_MATCH_MS = 5000,  /* a canary's stamp and our own clock may differ by so much once the offset is known */
    CANARY_EARLY_MS = 10000, /* the line may be read before the conversation that caused it has ended */
    STRANGE_CANARIES = 3,    /* lines in a row that fit no login of ours */
    GAP_SHOWN_MS = 3600000,  /* a gap is told for an hour */
    BACK_MS = 60000          /* lines may be out of order by so much before we call it a clock that was set back */
};

/* ---- accounts ---- */

static uint32_t account_hash(uint16_t server, const char *data, size_t size)
{
    uint64_t hash = hash_text(data, size) + server * 0x9e3779b97f4a7c15U;
    return (uint32_t)(hash ^ hash >> 32);
}

static bool account_is(const struct policy_handler *handler, uint16_t server, const char *data, size_t size)
{
    return handler->server == server && strncmp(handler->account, data, size) == 0 && handler->account[size] == '\0';
}

/* The place of this account in the index: its first handler + 1, or 0 where it would go. */
static uint16_t *account_place(const struct model *model, uint16_t server, const char *data, size_t size)
{
    uint32_t at = account_hash(server, data, size) & model->account_mask;
    while (model->by_account[at] && !account_is(&model->policy->handlers[model->by_account[at] - 1], server, data, size))
        at = (at + 1) & model->account_mask;
    return &model->by_account[at];
}

void logs_link(struct model *model)
{
    for (uint16_t i = model->policy->handler_count; i-- > 0;) {
        const struct policy_handler *handler = &model->policy->handlers[i];
        if (handler->server < model->policy->server_count) {
            model->next_on_server[i] = model->first_on_server[handler->server];
            model->first_on_server[handler->server] = (uint16_t)(i + 1);
        }
        if (!handler->account || !*handler->account || handler->server >= model->policy->server_count)
            continue;
        uint16_t *place = account_place(model, handler->server, handler->account, strlen(handler->account));
        model->same_account[i] = *place;
        *place = (uint16_t)(i + 1);
    }
}

/* ---- one log ---- */

stamp_t log_stamp(const struct model *model, uint16_t server, msec_t at)
{
    return at + model->wall_offset + (server < model->policy->server_count ? model->logs[server].skew : 0);
}

/* A format without logins shows no canary either. */
static bool has_canary(const struct policy_server *server)
{
    return server->has_canary && server->log_has_logins;
}

static void canary_answered(struct model *model, uint16_t server, unsigned position, stamp_t stamp, msec_t now)
{
    struct log_state *log = &model->logs[server];
    log->canary_seen = log->pending[position];
    log->canary_lag = now - log->canary_seen;
    if (log->canary_lag > model->policy->servers[server].lag_max)
        log->canary_late_at = now;
    if (stamp) {
        log->skew = stamp - (log->canary_seen + model->wall_offset);
        log->skew_known = true;
    }
    log->canaries++;
    /* those before it were logged before it: lines keep their order, so theirs will not come */
    log->pending_count = (uint8_t)(log->pending_count - position - 1);
    memmove(log->pending, log->pending + position + 1, log->pending_count * sizeof *log->pending);
    log->canary_pending = log->pending_count > 0;
}

static void canary_line(struct model *model, uint16_t server, stamp_t stamp, msec_t now)
{
    struct log_state *log = &model->logs[server];
    if (!model->wall_offset || stamp == log->canary_stamp) /* the end of the session whose login was read */
        return;
    log->canary_stamp = stamp;
    unsigned nearest = 0;
    int64_t distance = INT64_MAX;
    for (unsigned i = 0; i < log->pending_count; i++) {
        int64_t off = stamp - (log->pending[i] + model->wall_offset + log->skew);
        off = off < 0 ? -off : off;
        if (off < distance) {
            distance = off;
            nearest = i;
        }
    }
    if (log->pending_count && (distance <= CANARY_MATCH_MS || !log->skew_known)) {
        canary_answered(model, server, distance <= CANARY_MATCH_MS ? nearest : 0, stamp, now);
        log->strange = 0;
        return;
    }
    log->early_at = now;
    log->early_stamp = stamp;
    if (log->pending_count && ++log->strange >= STRANGE_CANARIES) { /* its clock was set: learn the offset anew, from the next login on */
        log->strange = log->pending_count = 0;
        log->skew_known = log->canary_pending = false;
        log->early_at = 0;
    }
}

void model_canary(struct model *model, uint16_t server, msec_t now)
{
    if (server >= model->policy->server_count || !has_canary(&model->policy->servers[server]) || !model->wall_offset)
        return;
    struct log_state *log = &model->logs[server];
    model_touch(model, subject_of(SUBJECT_SERVER, server));
    log->canary_sent = now;
    if (log->pending_count == CANARIES_PENDING) { /* hopeless for long: keep the oldest, it says how late we are */
        memmove(log->pending + 1, log->pending + 2, (CANARIES_PENDING - 2) * sizeof *log->pending);
        log->pending_count--;
    }
    log->pending[log->pending_count++] = now;
    log->canary_pending = true;
    if (log->early_at && now - log->early_at <= CANARY_EARLY_MS)
        canary_answered(model, server, log->pending_count - 1U, log->early_stamp, log->early_at > now ? log->early_at : now);
    log->early_at = 0;
}

void model_log(struct model *model, uint16_t server, const struct log_report *report, msec_t now)
{
    if (server >= model->policy->server_count)
        return;
    struct log_state *log = &model->logs[server];
    model_touch(model, subject_of(SUBJECT_SERVER, server));
    log->lines += report->lines;
    log->unparsed += report->unparsed;
    log->cut += report->cut;
    log->read_at = now;
    if (report->reason == REASON_LOG_GAP) {
        log->gaps++;
        log->gap = true;
        log->gap_at = now;
        log->watched_since = log->watched_since ? log_stamp(model, server, now) : 0;
        return;
    }
    log->report = report->reason;
    log->has_backlog = report->reason == REASON_CATCHING_UP;
}

static uint16_t judge_log(const struct model *model, const struct policy_server *server, const struct log_state *log, msec_t now)
{
    if (!log->report)
        return REASON_NOT_SEEN;
    if (log->report != REASON_OK)
        return log->report;
    if (log->read_at < model->stale_before)
        return REASON_CATCHING_UP;
    if (has_canary(server)) {
        msec_t newest = log->canary_seen > model->started ? log->canary_seen : model->started;
        msec_t patience = server->lag_max + server->canary_every;
        if (now - newest > patience || (log->canary_late_at && now - log->canary_late_at <= patience))
            return REASON_LOG_STALLED;
    }
    return log->caught_up ? REASON_OK : REASON_CATCHING_UP;
}

void log_fold(struct model *model, uint16_t server, msec_t now)
{
    const struct policy_server *policy = &model->policy->servers[server];
    struct log_state *log = &model->logs[server];
    if (log->pending_count && now - log->pending[0] > policy->lag_max)
        log->canary_late_at = now;
    if (log->gap && now - log->gap_at > GAP_SHOWN_MS)
        log->gap = false;
    uint16_t reason = judge_log(model, policy, log, now);
    if (reason != log->reason) {
        log->reason = reason;
        log->since = now;
    }
}

/* ---- lines ---- */

struct evidence_policy handler_evidence_policy(const struct model *model, uint16_t handler)
{
    const struct policy_handler *policy = &model->policy->handlers[handler];
    const struct policy_server *server = &model->policy->servers[policy->server];
    bool locks = policy->singleton == SINGLETON_NO;
    if (policy->singleton == SINGLETON_AUTO)
        for (uint32_t i = model_first(model, subject_of(SUBJECT_SERVER, policy->server)); i; i = model->slots[i].next)
            locks |= model->slots[i].last.aspect == ASPECT_LOCKS && model->slots[i].last.verdict == YES;
    return (struct evidence_policy){
        .window = policy->window ? policy->window : 3 * policy->poll,
        .has_control = model->control[policy->group].plane != CONTROL_UNKNOWN,
        .server_may_lock = server->type == SERVER_POP3 && locks,
        .resolution = server->stamp_resolution,
    };
}

/* The log's clock was set back: what was read before cannot be compared with what comes. */
static void clock_back(struct model *model, uint16_t server, stamp_t stamp)
{
    struct log_state *log = &model->logs[server];
    log->backwards++;
    log->watermark = stamp;
    log->watched_since = 0;
    log->skew = 0;
    log->skew_known = log->caught_up = false;
    for (uint16_t i = 0; i < model->policy->handler_count; i++)
        if (model->policy->handlers[i].server == server)
            evidence_reset(&model->handlers[i].evidence);
}

/* Every line moves the watermark. Returns false for a line that is older than lag_max: history, not evidence. */
static bool follow_stamp(struct model *model, uint16_t server, stamp_t stamp, msec_t now)
{
    struct log_state *log = &model->logs[server];
    msec_t lag_max = model->policy->servers[server].lag_max;
    if (log->watermark && stamp < log->watermark - (lag_max > BACK_MS ? lag_max : BACK_MS))
        clock_back(model, server, stamp);
    if (stamp > log->watermark)
        log->watermark = stamp;
    if (!model->wall_offset) /* before we know what time it is, everything is history */
        return false;
    if (!log->skew_known && stamp > log_stamp(model, server, now))
        log->skew = stamp - (now + model->wall_offset); /* a line cannot be written after it was read */
    log->caught_up = log_stamp(model, server, now) - stamp <= lag_max;
    if (log->caught_up && !log->watched_since)
        log->watched_since = stamp;
    return log->caught_up;
}

static bool path_holds(const char *path, const struct text *object)
{
    size_t size = strlen(path);
    while (size && path[size - 1] == '/')
        size--;
    return object->size == 0 ||
           (object->size >= size && memcmp(object->data, path, size) == 0 && (object->size == size || object->data[size] == '/'));
}

/* A take belongs to the longest path that holds it; a poll to every handler of the account. */
static size_t longest_path(const struct model *model, uint16_t first, const struct sighting *sighting)
{
    size_t longest = 0;
    for (uint16_t i = first; i; i = model->same_account[i - 1]) {
        const char *path = model->policy->handlers[i - 1].path;
        if (path && path_holds(path, &sighting->object) && strlen(path) > longest)
            longest = strlen(path);
    }
    return longest;
}

static bool speaks_of_object(const struct sighting *sighting)
{
    return (sighting->grade == GRADE_TAKE || sighting->grade == GRADE_STORE) && sighting->object.size > 0;
}

static void note_address(struct handler_state_row *handler, const struct event *event, uint16_t found)
{
    if (event->node < NODES_MAX)
        handler->addresses_proven = true;
    if (event->node == NODE_SHARED)
        handler->nat_at = event->at;
    if (found == REASON_INTRUDER) {
        handler->intruder = event->address;
        handler->intruder_at = event->at;
    }
    if (found == REASON_ADDRESS_UNMAPPED)
        handler->unmapped_at = event->at;
}

static void count_elsewhere(const struct model *model, struct handler_state_row *handler, const struct event *event, uint16_t group,
                            uint16_t server)
{
    const struct control_row *control = &model->control[group];
    bool polls = event->grade == GRADE_POLL || (event->whole_session && event->grade == GRADE_CLOSE);
    if (!polls || event->node >= NODES_MAX)
        return;
    if (control->plane != CONTROL_ONE || event->node == control->owner ||
        (control->owner_since && event->begin < log_stamp(model, server, control->owner_since))) {
        handler->elsewhere_polls = 0;
        return;
    }
    if (handler->elsewhere != event->node)
        handler->elsewhere_polls = 0;
    handler->elsewhere = event->node;
    if (handler->elsewhere_polls < UINT8_MAX)
        handler->elsewhere_polls++;
}

static void attribute(struct model *model, uint16_t handler, struct event event, bool is_live, event_sink *each, void *context)
{
    const struct policy_handler *policy = &model->policy->handlers[handler];
    struct handler_state_row *row = &model->handlers[handler];
    event.handler = subject_of(SUBJECT_HANDLER, handler);
    event.node = policy_node_of_address(model->policy, model->policy->groups[policy->group].cluster, &event.address);
    if (event.node == NODE_IGNORED)
        return;
    model->events++;
    if (is_live)
        count_elsewhere(model, row, &event, policy->group, policy->server);
    struct evidence_policy how = handler_evidence_policy(model, handler);
    struct finding finding;
    bool found = evidence_event(&how, &row->evidence, &event, &finding);
    if (is_live)
        note_address(row, &event, found ? finding.reason : REASON_NONE);
    if (each)
        each(context, &event, found ? &finding : NULL);
}

void model_sight(struct model *model, uint16_t server, const struct sighting *sighting, uint64_t line, msec_t now, event_sink *each,
                 void *context)
{
    static const struct address nobody;
    if (server >= model->policy->server_count)
        return;
    const struct policy_server *policy = &model->policy->servers[server];
    model_touch(model, subject_of(SUBJECT_SERVER, server));
    stamp_t stamp = sighting->end ? sighting->end : sighting->begin;
    bool is_live = stamp && follow_stamp(model, server, stamp, now);
    const struct text *account = &sighting->account;
    if (sighting->grade == GRADE_NONE || !account->size)
        return;
    if (policy->canary_account && strlen(policy->canary_account) == account->size &&
        memcmp(policy->canary_account, account->data, account->size) == 0) {
        if (sighting->grade == GRADE_OPEN || sighting->grade == GRADE_POLL || sighting->whole_session)
            canary_line(model, server, sighting->begin ? sighting->begin : stamp, now);
        return;
    }
    if (memcmp(&sighting->address, &nobody, sizeof nobody) == 0) {
        model->dropped++;
        return;
    }
    struct event event = event_of(sighting, line);
    event.source = server;
    event.at = now;
    uint16_t first = *account_place(model, server, account->data, account->size);
    size_t longest = speaks_of_object(sighting) ? longest_path(model, first, sighting) : 0;
    for (uint16_t i = first; i; i = model->same_account[i - 1]) {
        const char *path = model->policy->handlers[i - 1].path;
        const char *prefix = path ? path : "";
        if (!speaks_of_object(sighting) || (strlen(prefix) == longest && path_holds(prefix, &sighting->object)))
            attribute(model, (uint16_t)(i - 1), event, is_live, each, context);
    }
}
