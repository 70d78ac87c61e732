/* The table of rules, the order in which they are asked, and how a finding is told. Owns no check. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit_parts.h"

#define NEEDS(kind) (1U << FOUND_##kind)
#define RULE(id, name, severity, needs, check, rule, why, page, cure) {id, AUDIT_##severity, name, rule, why, page, cure, needs, check},
const struct audit_rule audit_rules[] = {
#include "audit_rules.def"
    {.id = 0},
};
#undef RULE
#undef NEEDS

const struct audit_rule *audit_rule(uint16_t id)
{
    for (const struct audit_rule *rule = audit_rules; rule->id; rule++)
        if (rule->id == id)
            return rule;
    return NULL;
}

const char *audit_severity_name(uint8_t severity)
{
    static const char *const names[] = {"info", "warning", "major", "critical"};
    return severity < sizeof names / sizeof *names ? names[severity] : "";
}

const char *audit_kind_name(uint8_t kind)
{
    static const char *const names[] = {"cluster", "node", "group", "resource", "host", "location", "handler"};
    return kind < sizeof names / sizeof *names ? names[kind] : "";
}

size_t audit_size(void)
{
    return sizeof(struct audit_view);
}

/* ---- findings ---- */

static void tell(struct audit_view *view, const struct audit_about *about, struct audit_finding *finding, const char *format,
                 va_list arguments)
{
    finding->rule = view->rule;
    finding->cluster = view->cluster;
    finding->severity = about->assumed ? AUDIT_INFO : view->rule->severity;
    finding->kind = about->kind;
    finding->subject = about->subject;
    finding->node = about->node ? about->node : "";
    vsnprintf(finding->evidence, sizeof finding->evidence, format, arguments);
    view->sink(view->context, finding);
}

void audit_yes(struct audit_view *view, const struct audit_about *about, const char *format, ...)
{
    struct audit_finding finding = {.verdict = YES, .reason = REASON_OK};
    va_list arguments;
    va_start(arguments, format);
    tell(view, about, &finding, format, arguments);
    va_end(arguments);
}

void audit_no(struct audit_view *view, const struct audit_about *about, const char *format, ...)
{
    struct audit_finding finding = {.verdict = NO, .reason = REASON_NONE};
    va_list arguments;
    va_start(arguments, format);
    tell(view, about, &finding, format, arguments);
    va_end(arguments);
}

void audit_unknown(struct audit_view *view, const struct audit_about *about, uint16_t reason, const char *format, ...)
{
    struct audit_finding finding = {.verdict = UNKNOWN, .reason = reason};
    va_list arguments;
    va_start(arguments, format);
    tell(view, about, &finding, format, arguments);
    va_end(arguments);
}

void audit_name_add(char names[AUDIT_NAMES], const char *name)
{
    size_t used = strlen(names), size = strlen(name);
    if (used >= 3 && strcmp(names + used - 3, "...") == 0)
        return;
    if (used + size + 2 + 5 >= AUDIT_NAMES)
        snprintf(names + used, AUDIT_NAMES - used, "%s...", used ? ", " : "");
    else
        snprintf(names + used, AUDIT_NAMES - used, "%s%s", used ? ", " : "", name);
}

/* ---- the run ---- */

/* Why the rule cannot be asked: the first of its lists that nobody has. */
static bool all_known(struct audit_view *view)
{
    for (unsigned kind = 0; kind < FOUND_KINDS; kind++) {
        if (!(view->rule->needs & (1U << kind)) || view->best[kind] != UINT16_MAX)
            continue;
        audit_unknown(view, &(struct audit_about){AUDIT_CLUSTER, audit_cluster_name(view), "", false}, view->reason[kind],
                      "no fresh list of kind %s: %s", found_kind_name((uint8_t)kind), reason_text(view->reason[kind]));
        return false;
    }
    return true;
}

struct audit_view *audit_open(void *memory, const struct audit_input *input)
{
    struct audit_view *view = memory;
    view->input = input;
    view->urls_gathered = false;
    return view;
}

void audit_next_cluster(struct audit_view *view, uint16_t cluster, audit_sink *sink, void *context)
{
    const struct audit_input *input = view->input;
    if (cluster >= input->policy->cluster_count || !input->estates[cluster] || !input->policy->clusters[cluster].windows)
        return;
    view->cluster = cluster;
    view->estate = input->estates[cluster];
    view->windows = input->policy->clusters[cluster].windows;
    view->now = input->now;
    view->sink = sink;
    view->context = context;
    audit_gather(view);
    for (view->rule = audit_rules; view->rule->id; view->rule++)
        if (all_known(view))
            view->rule->check(view);
}

void audit_cluster(void *memory, const struct audit_input *input, uint16_t cluster, audit_sink *sink, void *context)
{
    audit_next_cluster(audit_open(memory, input), cluster, sink, context);
}
