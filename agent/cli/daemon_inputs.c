/* Inputs: what probes saw and what logs say, handed to the model as observations and sightings. Judges nothing. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon.h"

static void note_result(struct daemon *daemon, uint16_t source, const struct seen *seen, uint8_t verdict, uint16_t reason,
                        msec_t elapsed_ms, msec_t now)
{
    struct probe_note *note = &daemon->notes[source];
    bool changed = note->verdict != verdict || note->reason != reason || !note->at;
    if (note->verdict != verdict || !note->at)
        note->since = now;
    note->runs++;
    note->unknowns += verdict == UNKNOWN;
    note->failures += verdict == NO;
    note->verdict = verdict;
    note->reason = reason;
    note->at = now;
    note->elapsed_ms = (uint32_t)elapsed_ms;
    note->certificate_days = -1;
    for (uint8_t i = 0; i < seen->perf_count; i++) {
        if (strcmp(seen->perf[i].label, "certificate_days") == 0)
            note->certificate_days = (int32_t)seen->perf[i].value;
        if (strcmp(seen->perf[i].label, "connect_ms") == 0)
            note->connect_ms = (uint32_t)seen->perf[i].value;
    }
    bool speaks_for_itself = daemon->compiled->sources[source].type == &probe_exec && seen->text[0];
    if (speaks_for_itself)
        snprintf(note->text, sizeof note->text, "%s", seen->text);
    else
        snprintf(note->text, sizeof note->text, "%.80s%s%.*s", reason_text(reason), seen->text[0] ? ": " : "",
                 (int)(sizeof note->text - 3 - strnlen(reason_text(reason), 80)), seen->text); /* its end says which name, which port */
    if (!changed)
        return;
    char line[TEXT_BYTES + 32];
    static const char *const words[] = {"unknown", "no", "yes"};
    snprintf(line, sizeof line, "%s %s", words[verdict <= YES ? verdict : UNKNOWN], note->text);
    char subject[NAME_BYTES];
    const struct journal_raw row = {
        .at = now + daemon_wall_offset(daemon),
        .subject = subject_full_name(daemon->policy, daemon->policy->sources[source].target, subject),
        .source = daemon->policy->sources[source].name,
        .text = line,
        .kind = 1,
    };
    daemon->lost += !journal_raw(daemon->journal, &row);
}

void daemon_probe_seen(void *context, uint16_t source, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed_ms,
                       msec_t now)
{
    struct daemon *daemon = context;
    const struct policy_source *policy = &daemon->policy->sources[source];
    const struct source_conf *conf = &daemon->compiled->sources[source];
    if (policy->estate) {
        uint8_t said = seen->count ? seen->items[0].verdict : UNKNOWN;
        uint16_t why = seen->count ? seen->items[0].reason : reason;
        daemon_estate_said(daemon, source, said, why, now);
        note_result(daemon, source, seen, said, why, elapsed_ms, now);
        daemon_touch(daemon);
        return;
    }
    struct observation observation = {
        .subject = policy->control ? conf->subject : policy->target,
        .source = source,
        .reason = reason,
        .node = policy->control ? conf->node_index : NODE_NONE,
        .aspect = policy->control ? conf->aspect : ASPECT_ENDPOINT,
        .at = now,
    };
    uint8_t verdict = UNKNOWN;
    if (seen->count == 0)
        model_observe(daemon->decider->model, &observation);
    for (uint8_t i = 0; i < seen->count && i < SEEN_MAX; i++) {
        observation.aspect = seen->items[i].aspect;
        observation.verdict = seen->items[i].verdict;
        observation.reason = seen->items[i].reason;
        observation.value = seen->items[i].value;
        model_observe(daemon->decider->model, &observation);
    }
    if (seen->count) {
        verdict = seen->items[0].verdict;
        reason = seen->items[0].reason;
    }
    if (seen->logged_in && policy->canary)
        model_canary(daemon->decider->model, (uint16_t)subject_index(policy->target), started);
    note_result(daemon, source, seen, verdict, reason, elapsed_ms, now);
    daemon_touch(daemon);
}

/* ---- logs ---- */

struct reading { /* one line on its way into the model */
    struct daemon *daemon;
    const struct file_line *line;
    uint16_t server;
};

static void keep_event(void *context, const struct event *event, const struct finding *finding)
{
    const struct reading *reading = context;
    struct daemon *daemon = reading->daemon;
    char subject[NAME_BYTES], text[512];
    snprintf(text, sizeof text, "%.*s", (int)(reading->line->size < 500 ? reading->line->size : 500), reading->line->data);
    struct journal_raw row = {
        .at = event->begin,
        .subject = subject_full_name(daemon->policy, event->handler, subject),
        .source = daemon->policy->servers[reading->server].name,
        .text = text,
        .kind = 2,
    };
    daemon->lost += !journal_raw(daemon->journal, &row);
    if (!finding || !finding->reason)
        return;
    char told[TEXT_BYTES], nodes[64];
    uint16_t cluster = daemon->policy->groups[daemon->policy->handlers[subject_index(event->handler)].group].cluster;
    snprintf(told, sizeof told, "%s%s%s (%s)", reason_text(finding->reason), finding->take_class ? ", class " : "",
             finding->take_class ? take_class_name(finding->take_class) : "",
             nodes_text(daemon->policy, cluster, finding->nodes, nodes, sizeof nodes));
    row.kind = 3;
    row.text = told;
    daemon->lost += !journal_raw(daemon->journal, &row);
}

static void set_zone(struct format_state *state, const struct log_conf *conf, stamp_t wall)
{
    time_t at = (time_t)(wall / 1000);
    struct tm local;
    state->zone_set = true;
    state->zone_seconds = conf->zone_seconds;
    if (!localtime_r(&at, &local))
        return;
    if (conf->zone_local)
        state->zone_seconds = (int32_t)local.tm_gmtoff;
    if (!state->year) { /* stamps without a year take the nearest */
        state->year = (int16_t)(local.tm_year + 1900);
        state->month = (int16_t)(local.tm_mon + 1);
    }
}

enum { ALIEN_LINES = 20 }; /* so many lines that are not of the format, in a row, and the format is wrong */

static void read_line(struct reading *reading, msec_t now, struct log_report *report)
{
    struct daemon *daemon = reading->daemon;
    struct log_note *note = daemon->logs[reading->server];
    const struct format *format = daemon->compiled->logs[reading->server].format;
    struct sighting sighting;
    memset(&sighting, 0, sizeof sighting);
    report->lines++;
    report->cut += reading->line->cut;
    enum parsed parsed = format->parse(note->custom, &note->state, reading->line->data, reading->line->size, &sighting);
    if (parsed == PARSED_ALIEN) {
        report->unparsed++;
        note->alien_in_a_row++;
        return;
    }
    note->alien_in_a_row = 0;
    if (parsed == PARSED_STAMP)
        sighting.grade = GRADE_NONE;
    if (parsed != PARSED_NOTHING)
        model_sight(daemon->decider->model, reading->server, &sighting, reading->line->number, now, keep_event, reading);
}

void daemon_log_read(void *context, const struct file_batch *batch)
{
    struct daemon *daemon = context;
    struct log_note *note = daemon->logs[batch->file];
    msec_t now = daemon_now(daemon);
    struct log_report report = {.reason = batch->reason};
    struct reading reading = {daemon, NULL, batch->file};
    set_zone(&note->state, &daemon->compiled->logs[batch->file], now + daemon_wall_offset(daemon));
    for (size_t i = 0; i < batch->count; i++) {
        reading.line = &batch->lines[i];
        read_line(&reading, now, &report);
        note->resume.number = batch->lines[i].number;
    }
    note->resume.inode = batch->inode;
    note->resume.offset = batch->offset;
    memcpy(note->resume.head, batch->head, sizeof note->resume.head);
    if (note->alien_in_a_row >= ALIEN_LINES && (report.reason == REASON_OK || report.reason == REASON_CATCHING_UP))
        report.reason = REASON_LOG_FORMAT;
    model_log(daemon->decider->model, batch->file, &report, now);
    daemon_touch(daemon);
}

static void *plain_allocate(size_t size, void *context)
{
    (void)context;
    return size <= (1U << 20) ? malloc(size) : NULL;
}

static void plain_release(void *block, void *context)
{
    (void)context;
    free(block);
}

int daemon_logs_open(struct daemon *daemon)
{
    static const struct bounded_memory memory = {plain_allocate, plain_release, NULL};
    char error[160];
    daemon->files = file_open(&daemon->loop, daemon_log_read, daemon);
    for (uint16_t i = 0; i < daemon->policy->server_count; i++) {
        const struct log_conf *conf = &daemon->compiled->logs[i];
        if (!conf->file)
            continue;
        if (strcmp(conf->format->name, "custom") == 0) {
            daemon->logs[i]->custom = custom_format_open(&conf->patterns, &memory, error, sizeof error);
            if (!daemon->logs[i]->custom) {
                daemon_say(daemon, "server %s: its log patterns do not compile: %s", daemon->policy->servers[i].name, error);
                return -1;
            }
        }
        if (file_follow(daemon->files, i, conf->file, &daemon->logs[i]->resume) < 0) {
            daemon_say(daemon, "server %s: cannot follow %s", daemon->policy->servers[i].name, conf->file);
            return -1;
        }
    }
    return file_start(daemon->files);
}

void daemon_logs_close(struct daemon *daemon)
{
    if (daemon->files)
        file_close(daemon->files);
    daemon->files = NULL;
    for (uint16_t i = 0; i < daemon->policy->server_count; i++)
        if (daemon->logs[i] && daemon->logs[i]->custom)
            custom_format_close(daemon->logs[i]->custom);
}
