/* `solowarden audit`: Microsoft's rules against what the running agent found, as people read it. Renders what the daemon answered. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "agent/core/audit.h"
#include "agent/show/text.h"
#include "cli.h"
#include "client.h"

enum { STATUS_GOOD = 0, STATUS_VIOLATED = 1, STATUS_UNCHECKED = 3, WORD_BYTES = 600 };
#define LEARN "https://learn.microsoft.com/"

/* The agent's answer is not trusted with the terminal either. */
static const char *word(const json_t *object, const char *key)
{
    static char clean[4][WORD_BYTES];
    static unsigned next;
    const char *text = json_string_value(json_object_get(object, key));
    char *out = clean[next++ % 4];
    text_clean(out, sizeof clean[0], text ? text : "", text ? strlen(text) : 0);
    return out;
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool is(const json_t *object, const char *key, const char *text)
{
    return strcmp(word(object, key), text) == 0;
}

static const json_t *rule_of(const json_t *answer, json_int_t id)
{
    const json_t *rules = json_object_get(answer, "rules"), *rule;
    size_t i;
    json_array_foreach(rules, i, rule) if (number(rule, "rule") == id) return rule;
    return NULL;
}

static void show_subject(const json_t *finding, bool many_clusters)
{
    printf("    %s%s%s %s", many_clusters ? word(finding, "cluster") : "", many_clusters ? ": " : "", word(finding, "kind"),
           word(finding, "subject"));
    if (*word(finding, "node") && !is(finding, "node", word(finding, "subject")))
        printf(" on %s", word(finding, "node"));
    printf(": %s\n", word(finding, "evidence"));
}

/* All findings of one rule with this verdict and severity ("" = any), under one head. false = there are none. */
static bool show_rule(const json_t *answer, json_int_t id, const char *verdict, const char *severity)
{
    const json_t *findings = json_object_get(answer, "findings"), *finding, *rule = rule_of(answer, id);
    bool many = json_array_size(json_object_get(answer, "clusters")) > 1, any = false;
    size_t i;
    json_array_foreach(findings, i, finding)
    {
        if (number(finding, "rule") != id || !is(finding, "verdict", verdict) || (*severity && !is(finding, "severity", severity)))
            continue;
        if (!any)
            printf("  rule %lld %s: %s\n", (long long)id, word(rule, "name"), word(rule, "text"));
        any = true;
        show_subject(finding, many);
    }
    return any;
}

static void show_advice(const json_t *rule)
{
    printf("      why   %s\n", word(rule, "why"));
    if (*word(rule, "page"))
        printf("      page  " LEARN "%s\n", word(rule, "page"));
    printf("      do    %s\n", word(rule, "cure"));
}

static void show_violations(const json_t *answer, const char *title, const char *severity)
{
    const json_t *findings = json_object_get(answer, "findings"), *finding;
    bool any = false;
    size_t i;
    json_array_foreach(findings, i, finding) any |= is(finding, "verdict", "violated") && is(finding, "severity", severity);
    if (any)
        printf("\n%s\n", title);
    for (const struct audit_rule *rule = audit_rules; any && rule->id; rule++)
        if (show_rule(answer, rule->id, "violated", severity))
            show_advice(rule_of(answer, rule->id));
}

static void show_rest(const json_t *answer, const char *title, const char *verdict)
{
    const json_t *findings = json_object_get(answer, "findings"), *finding;
    bool any = false;
    size_t i;
    json_array_foreach(findings, i, finding) any |= is(finding, "verdict", verdict);
    if (any)
        printf("\n%s\n", title);
    for (const struct audit_rule *rule = audit_rules; any && rule->id; rule++)
        show_rule(answer, rule->id, verdict, "");
}

static void show(const json_t *answer)
{
    const json_t *clusters = json_object_get(answer, "clusters"), *cluster;
    size_t i;
    if (!json_array_size(clusters))
        puts("no cluster of type wsfc is configured: there is nothing to audit");
    json_array_foreach(clusters, i, cluster)
        printf("%s: %lld rule(s) violated in %lld place(s), %lld to look at, %lld could not be checked, %lld fulfilled\n",
               word(cluster, "cluster"), (long long)number(cluster, "rules"), (long long)number(cluster, "violated"),
               (long long)number(cluster, "hints"), (long long)number(cluster, "unchecked"), (long long)number(cluster, "fulfilled"));
    show_violations(answer, "violated, critical:", "critical");
    show_violations(answer, "violated, major:", "major");
    show_violations(answer, "violated, warning:", "warning");
    show_violations(answer, "to look at: no harm, or it rests on what is not proven:", "info");
    show_rest(answer, "could not be checked:", "unknown");
    show_rest(answer, "fulfilled:", "fulfilled");
    if (number(answer, "dropped"))
        printf("\n%lld more were left out: ask for one cluster or one rule\n", (long long)number(answer, "dropped"));
}

/* 3 only where nothing at all could be said about a cluster. */
static int status_of(const json_t *answer)
{
    const json_t *clusters = json_object_get(answer, "clusters"), *cluster;
    int status = json_array_size(clusters) ? STATUS_GOOD : STATUS_UNCHECKED;
    size_t i;
    json_array_foreach(clusters, i, cluster)
    {
        if (number(cluster, "violated"))
            return STATUS_VIOLATED;
        if (!number(cluster, "fulfilled") && number(cluster, "unchecked"))
            status = STATUS_UNCHECKED;
    }
    return status;
}

int cli_audit(int argc, char **argv)
{
    const char *cluster = NULL, *rule = NULL, *all = NULL;
    const struct client_option own[] = {{"cluster", "NAME", "one cluster only", &cluster},
                                        {"rule", "N", "one rule only, by its number", &rule},
                                        {"all", NULL, "what is fulfilled, too", &all},
                                        {NULL, NULL, NULL, NULL}};
    struct client_options options;
    int status = client_options_with(&options, argc, argv, "", 0, 0, own);
    if (status >= 0)
        return status;
    unsigned long id = rule ? strtoul(rule, NULL, 10) : 0;
    if (rule && (id > UINT16_MAX || !audit_rule((uint16_t)id))) {
        fprintf(stderr, "solowarden audit: there is no rule `%s`; they are numbered from 1 to 33\n", rule);
        return EX_USAGE;
    }
    json_t *request = json_pack("{s:s,s:I,s:b}", "verb", "audit", "rule", (json_int_t)id, "all", all != NULL);
    if (cluster)
        json_object_set_new(request, "cluster", json_string(cluster));
    json_t *answer = client_ask(&options, request, NULL, &status);
    if (!answer)
        return status == EXIT_FAILURE ? EX_USAGE : status;
    if (options.json) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        puts("");
    } else {
        show(answer);
    }
    status = status_of(answer);
    json_decref(answer);
    return status;
}
