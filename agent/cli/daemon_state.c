/* What must survive a restart: group states with budgets and latches, pauses, alarms, evidence and log offsets, engine boots, indices.
 * Stored as named blocks in the journal; a block of another layout or version is refused whole, never half read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

/* Every block begins with this. Monotonic times inside are shifted by the difference of the two offsets, so they stay true over a reboot.
 */
struct block_head {
    uint32_t layout; /* size of the whole block: any change of a struct makes old blocks unreadable on purpose */
    uint32_t kind;
    int64_t wall_offset;
};

enum { CLEARED_KEPT_MS = 24 * 3600 * 1000 };
enum { BLOCK_GROUP = 0x47525031, BLOCK_PAUSE = 0x50415531, BLOCK_ALARM = 0x414c4d31, BLOCK_LOG = 0x4c4f4731, BLOCK_EVIDENCE = 0x45564931 };

struct group_block {
    struct block_head head;
    struct group_state state;
};
struct pause_block {
    struct block_head head;
    char scope[NAME_BYTES];
    uint32_t kind;
    struct pause pause;
};
struct alarm_block {
    struct block_head head;
    char subject[NAME_BYTES];
    uint32_t kind;
    struct alarm alarm;
};
struct log_block {
    struct block_head head;
    struct file_resume resume;
};
struct evidence_block {
    struct block_head head;
    uint64_t line; /* the log's line number that this evidence is of: both or neither */
    struct evidence evidence;
};

static struct block_head head_of(const struct daemon *daemon, uint32_t kind, size_t size)
{
    return (struct block_head){.layout = (uint32_t)size, .kind = kind, .wall_offset = daemon_wall_offset(daemon)};
}

static bool fits(const struct block_head *head, int got, size_t size, uint32_t kind)
{
    return got == (int)size && head->layout == size && head->kind == kind;
}

static void keep(struct daemon *daemon, const char *name, const void *block, size_t size)
{
    daemon->lost += !journal_put(daemon->journal, name, block, size);
}

static void name_block(char out[128], const char *kind, const char *name)
{
    snprintf(out, 128, "%s/%s", kind, name);
}

/* ---- groups ---- */

void daemon_keep_group(struct daemon *daemon, uint16_t group)
{
    struct group_block block;
    char full[NAME_BYTES], name[128];
    memset(&block, 0, sizeof block);
    block.head = head_of(daemon, BLOCK_GROUP, sizeof block);
    block.state = daemon->decider->groups[group];
    name_block(name, "group", subject_full_name(daemon->policy, subject_of(SUBJECT_GROUP, group), full));
    keep(daemon, name, &block, sizeof block);
}

static void shift(msec_t *at, int64_t by)
{
    if (*at)
        *at = *at + by == 0 ? 1 : *at + by;
}

static void restore_group(struct daemon *daemon, uint16_t group)
{
    struct group_block block;
    char full[NAME_BYTES], name[128];
    name_block(name, "group", subject_full_name(daemon->policy, subject_of(SUBJECT_GROUP, group), full));
    int got = journal_get(daemon->journal, name, &block, sizeof block);
    if (got < 0)
        return;
    if (!fits(&block.head, got, sizeof block, BLOCK_GROUP)) {
        daemon_say(daemon, "%s: its stored state is of another version and is not used: budgets begin anew", full);
        return;
    }
    int64_t by = block.head.wall_offset - daemon_wall_offset(daemon);
    group_state_shift(&block.state, by);
    decider_restore(daemon->decider, group, &block.state, daemon_now(daemon));
}

/* ---- pauses ---- */

static uint16_t find_subject(const struct daemon *daemon, enum subject_kind kind, const char *full)
{
    const uint16_t counts[SUBJECT_KINDS] = {
        [SUBJECT_AGENT] = PARTS,
        [SUBJECT_CLUSTER] = daemon->policy->cluster_count,
        [SUBJECT_NODE] = daemon->policy->node_count,
        [SUBJECT_GROUP] = daemon->policy->group_count,
        [SUBJECT_SERVER] = daemon->policy->server_count,
        [SUBJECT_HANDLER] = daemon->policy->handler_count,
        [SUBJECT_PROBE] = daemon->policy->source_count,
    };
    char name[NAME_BYTES];
    for (uint16_t i = 0; kind < SUBJECT_KINDS && i < counts[kind]; i++)
        if (strcmp(subject_full_name(daemon->policy, subject_of(kind, i), name), full) == 0)
            return i;
    return UINT16_MAX;
}

void daemon_keep_pauses(struct daemon *daemon)
{
    for (size_t i = 0; i < PAUSES_MAX; i++) {
        struct pause_block block;
        char name[128];
        snprintf(name, sizeof name, "pause/%zu", i);
        memset(&block, 0, sizeof block);
        block.head = head_of(daemon, BLOCK_PAUSE, sizeof block);
        if (i < daemon->decider->world.pause_count) {
            block.pause = daemon->pauses[i];
            block.kind = subject_kind(block.pause.scope);
            subject_full_name(daemon->policy, block.pause.scope, block.scope);
            keep(daemon, name, &block, sizeof block);
        } else {
            keep(daemon, name, NULL, 0);
        }
    }
}

static void restore_pauses(struct daemon *daemon)
{
    for (size_t i = 0; i < PAUSES_MAX; i++) {
        struct pause_block block;
        char name[128];
        snprintf(name, sizeof name, "pause/%zu", i);
        int got = journal_get(daemon->journal, name, &block, sizeof block);
        if (got < 0 || !fits(&block.head, got, sizeof block, BLOCK_PAUSE))
            continue;
        block.scope[NAME_BYTES - 1] = '\0';
        uint16_t index = find_subject(daemon, (enum subject_kind)block.kind, block.scope);
        if (index == UINT16_MAX || block.pause.until <= daemon_now(daemon) + daemon_wall_offset(daemon))
            continue;
        block.pause.scope = subject_of((enum subject_kind)block.kind, index);
        daemon->pauses[daemon->decider->world.pause_count++] = block.pause;
    }
}

/* ---- alarms ---- */

void daemon_keep_alarm(struct daemon *daemon, const struct alarm *alarm)
{
    struct alarm_block block;
    char key[KEY_BYTES], name[128];
    memset(&block, 0, sizeof block);
    block.head = head_of(daemon, BLOCK_ALARM, sizeof block);
    block.alarm = *alarm;
    block.kind = subject_kind(alarm->subject);
    subject_full_name(daemon->policy, alarm->subject, block.subject);
    name_block(name, "alarm", alarm_key(daemon->policy, alarm->class, alarm->subject, key));
    keep(daemon, name, &block, sizeof block);
}

static void restore_alarm(void *context, const char *name, const void *data, size_t size)
{
    struct daemon *daemon = context;
    struct alarm_block block;
    (void)name;
    if (size != sizeof block)
        return;
    memcpy(&block, data, sizeof block);
    block.subject[NAME_BYTES - 1] = '\0';
    uint16_t index = find_subject(daemon, (enum subject_kind)block.kind, block.subject);
    struct alarm_table *table = &daemon->decider->alarms;
    if (!fits(&block.head, (int)size, sizeof block, BLOCK_ALARM) || index == UINT16_MAX || table->count >= table->capacity)
        return;
    struct alarm *alarm = &table->rows[table->count];
    int64_t by = block.head.wall_offset - daemon_wall_offset(daemon);
    *alarm = block.alarm;
    alarm->subject = subject_of((enum subject_kind)block.kind, index);
    alarm->suppressed_by = 0;
    shift(&alarm->since, by);
    shift(&alarm->changed_at, by);
    shift(&alarm->seen_at, by);
    if (alarm->state == ALARM_CLEARED && daemon_now(daemon) - alarm->changed_at > CLEARED_KEPT_MS)
        return;
    table->count++;
    table->active += alarm->state != ALARM_CLEARED;
    if (alarm->sequence > table->sequence)
        table->sequence = alarm->sequence;
}

/* ---- logs and their evidence ---- */

void daemon_keep_logs(struct daemon *daemon)
{
    for (uint16_t i = 0; i < daemon->policy->server_count; i++) {
        struct log_note *note = daemon->logs[i];
        if (!note || memcmp(&note->resume, &note->saved, sizeof note->resume) == 0)
            continue;
        struct log_block block;
        char name[128];
        memset(&block, 0, sizeof block);
        block.head = head_of(daemon, BLOCK_LOG, sizeof block);
        block.resume = note->resume;
        name_block(name, "log", daemon->policy->servers[i].name);
        keep(daemon, name, &block, sizeof block);
        note->saved = note->resume;
        for (uint16_t h = 0; h < daemon->policy->handler_count; h++) {
            if (daemon->policy->handlers[h].server != i)
                continue;
            struct evidence_block evidence;
            memset(&evidence, 0, sizeof evidence);
            evidence.head = head_of(daemon, BLOCK_EVIDENCE, sizeof evidence);
            evidence.line = note->resume.number;
            evidence.evidence = daemon->decider->model->handlers[h].evidence;
            name_block(name, "evidence", daemon->policy->handlers[h].name);
            keep(daemon, name, &evidence, sizeof evidence);
        }
    }
}

static void restore_logs(struct daemon *daemon)
{
    for (uint16_t i = 0; i < daemon->policy->server_count; i++) {
        struct log_block block;
        char name[128];
        name_block(name, "log", daemon->policy->servers[i].name);
        int got = journal_get(daemon->journal, name, &block, sizeof block);
        if (!daemon->logs[i] || got < 0 || !fits(&block.head, got, sizeof block, BLOCK_LOG))
            continue;
        daemon->logs[i]->resume = daemon->logs[i]->saved = block.resume;
    }
    for (uint16_t h = 0; h < daemon->policy->handler_count; h++) {
        struct evidence_block block;
        char name[128];
        name_block(name, "evidence", daemon->policy->handlers[h].name);
        int got = journal_get(daemon->journal, name, &block, sizeof block);
        if (got < 0 || !fits(&block.head, got, sizeof block, BLOCK_EVIDENCE))
            continue;
        const struct log_note *note = daemon->logs[daemon->policy->handlers[h].server];
        if (note && block.line == note->resume.number)
            daemon->decider->model->handlers[h].evidence = block.evidence;
    }
}

/* ---- the rest ---- */

static void restore_index(void *context, const char *name, const void *block, size_t size)
{
    struct daemon *daemon = context;
    uint32_t index = 0;
    if (size == sizeof index && strlen(name) > 6) {
        memcpy(&index, block, sizeof index);
        index_set(daemon->publisher.indices, name + 6, index);
    }
}

uint32_t daemon_engine_boots(struct daemon *daemon)
{
    uint32_t boots = 0;
    if (journal_get(daemon->journal, "engine-boots", &boots, sizeof boots) != (int)sizeof boots)
        boots = 0;
    boots++;
    keep(daemon, "engine-boots", &boots, sizeof boots);
    return boots;
}

void daemon_keep_sequence(struct daemon *daemon, const char *receiver, uint64_t sequence)
{
    char name[128];
    name_block(name, "receiver", receiver);
    keep(daemon, name, &sequence, sizeof sequence);
}

static void restore_orphan(void *context, uint64_t plan, const char *group, const void *block, size_t size)
{
    struct daemon *daemon = context;
    (void)block;
    (void)size;
    daemon_say(daemon, "%s: an action (plan %llx) was under way when the agent ended; nothing is done there before it must have ended",
               group, (unsigned long long)plan);
}

void daemon_restore(struct daemon *daemon)
{
    journal_scan(daemon->journal, "index/", restore_index, daemon);
    for (uint16_t i = 0; i < daemon->policy->group_count; i++)
        restore_group(daemon, i);
    restore_pauses(daemon);
    journal_scan(daemon->journal, "alarm/", restore_alarm, daemon);
    restore_logs(daemon);
    journal_orphans(daemon->journal, restore_orphan, daemon);
    daemon->sequence = journal_last_sequence(daemon->journal);
}
