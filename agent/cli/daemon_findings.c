/* The audit as it runs all the time: each cluster once a minute, its violations kept for the MIB and for one alarm per cluster.
 * Judges nothing: the rules do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/audit.h"
#include "daemon.h"

enum { AUDIT_EVERY_S = 60, FIRST_AFTER_S = 20 };

struct auditing {
    const struct daemon *daemon;
    const struct audit_note *was;
    struct audit_note is;
    uint32_t room;
};

static msec_t since_of(const struct auditing *auditing, const struct finding_note *note)
{
    for (uint32_t i = 0; i < auditing->was->count; i++) {
        const struct finding_note *before = &auditing->was->findings[i];
        if (before->rule == note->rule && before->verdict == note->verdict && before->kind == note->kind &&
            strcmp(before->subject, note->subject) == 0 && strcmp(before->node, note->node) == 0)
            return before->since;
    }
    return daemon_now(auditing->daemon);
}

static struct finding_note *new_note(struct auditing *auditing)
{
    struct audit_note *is = &auditing->is;
    if (is->count == FINDINGS_MAX) {
        is->dropped++;
        return NULL;
    }
    if (is->count == auditing->room) {
        auditing->room = auditing->room ? 2 * auditing->room : 16;
        is->findings = realloc(is->findings, auditing->room * sizeof *is->findings);
        if (!is->findings)
            abort();
    }
    return &is->findings[is->count++];
}

static void keep(void *context, const struct audit_finding *finding)
{
    struct auditing *auditing = context;
    struct audit_note *is = &auditing->is;
    if (finding->verdict == YES)
        return;
    if (finding->verdict == NO && finding->severity > AUDIT_INFO) { /* what rests on something unproven is a hint, no violation */
        is->violations++;
        is->worst = finding->severity > is->worst ? finding->severity : is->worst;
    }
    is->unchecked += finding->verdict == UNKNOWN;
    struct finding_note *note = new_note(auditing);
    if (!note)
        return;
    memset(note, 0, sizeof *note);
    note->rule = finding->rule->id;
    note->reason = finding->verdict == NO ? REASON_RULES_VIOLATED : finding->reason;
    note->verdict = finding->verdict;
    note->kind = finding->kind;
    note->severity = finding->severity;
    text_clean(note->subject, sizeof note->subject, finding->subject, strlen(finding->subject));
    text_clean(note->node, sizeof note->node, finding->node, strlen(finding->node));
    text_clean(note->evidence, sizeof note->evidence, finding->evidence, strlen(finding->evidence));
    note->since = since_of(auditing, note);
}

struct audit_input daemon_audit_input(const struct daemon *daemon)
{
    return (struct audit_input){
        .policy = daemon->policy, .model = daemon->decider->model, .estates = daemon->estates, .now = daemon_now(daemon)};
}

static void changed(void *context, const struct alarm *alarm, bool raised)
{
    struct daemon *daemon = context;
    const struct effect effect = {.kind = EFFECT_ALARM, .group = UINT16_MAX, .alarm = alarm, .raised = raised, .now = daemon_now(daemon)};
    daemon_effect(daemon, &effect);
}

/* One alarm per cluster, as bad as the worst violation; it goes when the last one goes. A cluster of which nothing is known says nothing.
 */
static void tell(struct daemon *daemon, uint16_t cluster, const struct audit_note *note)
{
    subject_t subject = subject_of(SUBJECT_CLUSTER, cluster);
    struct alarm_table *alarms = &daemon->decider->alarms;
    bool known = estate_best(daemon->estates[cluster], FOUND_GROUP, note->at) != UINT16_MAX;
    enum verdict bad = !known ? UNKNOWN : note->violations ? YES : NO;
    if (bad == YES)
        alarm_grade(alarms, ALARM_AUDIT, subject, (uint8_t)(note->worst + SEVERITY_INFO), note->at, changed, daemon);
    alarm_set(alarms, ALARM_AUDIT, subject, NODE_NONE, bad, bad == YES ? REASON_RULES_VIOLATED : REASON_OK, note->at, changed, daemon);
}

static void audit(struct daemon *daemon, uint16_t cluster)
{
    struct audit_note *note = daemon->audits[cluster];
    struct auditing auditing = {.daemon = daemon, .was = note, .is = {.at = daemon_now(daemon)}};
    const struct audit_input input = daemon_audit_input(daemon);
    audit_cluster(daemon->audit_memory, &input, cluster, keep, &auditing);
    free(note->findings);
    *note = auditing.is;
    daemon->dirty = true;
    tell(daemon, cluster, note);
}

void daemon_findings_open(struct daemon *daemon)
{
    daemon->audits = calloc((size_t)daemon->policy->cluster_count + 1, sizeof *daemon->audits);
    daemon->audit_memory = malloc(audit_size());
    if (!daemon->audits || !daemon->audit_memory)
        abort();
    for (uint16_t i = 0; i < daemon->policy->cluster_count; i++)
        if (daemon->estates[i] && !(daemon->audits[i] = calloc(1, sizeof **daemon->audits)))
            abort();
    daemon->publisher.audits = daemon->audits;
}

/* One cluster at a time, so that many do not fall upon one second. */
void daemon_findings_each_second(struct daemon *daemon)
{
    for (uint16_t i = 0; i < daemon->policy->cluster_count; i++)
        if (daemon->audits[i] && (daemon->seconds + i) % AUDIT_EVERY_S == FIRST_AFTER_S)
            audit(daemon, i);
}

void daemon_findings_close(struct daemon *daemon)
{
    for (uint16_t i = 0; daemon->audits && i < daemon->policy->cluster_count; i++) {
        if (daemon->audits[i])
            free(daemon->audits[i]->findings);
        free(daemon->audits[i]);
    }
    free(daemon->audits);
    free(daemon->audit_memory);
    daemon->audits = NULL;
}
