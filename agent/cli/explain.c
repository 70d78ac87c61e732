/* `solowarden explain GROUP|HANDLER`: why it is judged so, as people read it. Renders what the daemon answered; judges nothing. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "agent/show/text.h"
#include "cli.h"
#include "client.h"

static const char *word(const json_t *object, const char *key)
{
    static char clean[4][256];
    static unsigned next;
    const char *text = json_string_value(json_object_get(object, key));
    char *out = clean[next++ % 4];
    text_clean(out, sizeof clean[0], text ? text : "", text ? strlen(text) : 0);
    return out;
}

/* "12 s ago", "3 min ago", "2026-11-22 21:30:18"; "never" for null. Milliseconds since 1970. */
static const char *when(const json_t *object, const char *key)
{
    static char buffer[4][40];
    static unsigned next;
    char *out = buffer[next++ % 4];
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return "never";
    json_int_t at = json_integer_value(value) / 1000, now = (json_int_t)time(NULL), age = now - at;
    if (age < 0 && age > -3600)
        snprintf(out, sizeof buffer[0], "in %lld s", (long long)-age);
    else if (age >= 0 && age < 120)
        snprintf(out, sizeof buffer[0], "%lld s ago", (long long)age);
    else if (age >= 0 && age < 7200)
        snprintf(out, sizeof buffer[0], "%lld min ago", (long long)age / 60);
    else {
        time_t seconds = (time_t)at;
        struct tm local;
        if (!localtime_r(&seconds, &local) || !strftime(out, sizeof buffer[0], "%Y-%m-%d %H:%M:%S", &local))
            return "?";
    }
    return out;
}

static void show_finding(const json_t *finding, const char *title)
{
    if (!json_is_object(finding))
        return;
    printf("  %-10s %s (%s), %s%s%s\n", title, word(finding, "text"), word(finding, "nodes"), when(finding, "at"),
           *word(finding, "class") ? ", class " : "", word(finding, "class"));
    const json_t *lines = json_object_get(finding, "lines"), *line;
    size_t i;
    if (!json_array_size(lines))
        return;
    printf("             proven by lines");
    json_array_foreach(lines, i, line) printf(" %lld", (long long)json_integer_value(line));
    puts(" of the log");
}

static void show_handler(const json_t *handler)
{
    const json_t *log = json_object_get(handler, "log"), *nodes = json_object_get(handler, "nodes"), *node;
    size_t i;
    printf("handler %s: %s, since %s\n", word(handler, "name"), word(handler, "verdict"), when(handler, "since"));
    printf("  %-10s %s\n", "because", word(handler, "text"));
    printf("  %-10s row %lld of the table: control %s, data %s\n", "verdict",
           (long long)json_integer_value(json_object_get(handler, "row")), word(handler, "control"), word(handler, "data"));
    printf("  %-10s account %s on %s, every %lld s; two nodes inside %lld s are two copies\n", "polls", word(handler, "account"),
           word(handler, "server"), (long long)json_integer_value(json_object_get(handler, "poll_ms")) / 1000,
           (long long)json_integer_value(json_object_get(handler, "window_ms")) / 1000);
    json_array_foreach(nodes, i, node)
    {
        printf("  %-10s %-12s by control %-9s last poll %-14s last take %-14s\n", i ? "" : "nodes", word(node, "node"),
               word(node, "control"), when(node, "last_poll"), when(node, "last_take"));
    }
    show_finding(json_object_get(handler, "many"), "many");
    show_finding(json_object_get(handler, "double_take"), "twice");
    if (json_is_string(json_object_get(log, "file")))
        printf("  %-10s %s: %s; newest line %s; canary's line %s\n", "log", word(log, "file"), word(log, "text"), when(log, "watermark"),
               when(log, "canary_seen"));
}

static void show_gates(const json_t *gates)
{
    const json_t *gate;
    size_t i, open = 0;
    char names[512] = "";
    json_array_foreach(gates, i, gate)
    {
        if (!json_is_true(json_object_get(gate, "open")))
            continue;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, " %s", word(gate, "gate"));
        open++;
    }
    printf("  %-10s %zu of %zu open:%s\n", "gates", open, json_array_size(gates), names);
    json_array_foreach(gates, i, gate)
    {
        if (json_is_true(json_object_get(gate, "open")))
            continue;
        printf("  %-10s closed: %-16s %s", "", word(gate, "gate"), word(gate, "text"));
        if (json_is_integer(json_object_get(gate, "until")))
            printf("; opens %s", when(gate, "until"));
        puts("");
    }
}

static void show_group(const json_t *group)
{
    const json_t *rows = json_object_get(group, "observations"), *row;
    size_t i;
    printf("group %s: %s, since %s; mode %s\n", word(group, "name"), word(group, "phase"), when(group, "since"), word(group, "mode"));
    printf("  %-10s %s; owner %s\n", "control", word(group, "control_text"), *word(group, "owner") ? word(group, "owner") : "unknown");
    json_array_foreach(rows, i, row)
        printf("  %-10s %-7s %s, %s: %s\n", "", word(row, "verdict"), word(row, "source"), when(row, "at"), word(row, "text"));
    rows = json_object_get(group, "facts");
    json_array_foreach(rows, i, row) printf("  %-10s %-12s %s\n", i ? "" : "facts", word(row, "fact"), word(row, "text"));
    printf("  %-10s rule %lld: %s\n", "decision", (long long)json_integer_value(json_object_get(group, "rule")), word(group, "rule_text"));
    if (*word(group, "plan"))
        printf("  %-10s %s from %s to %s (plan %s)\n", "plan", word(group, "act"), word(group, "from"), word(group, "target"),
               word(group, "plan"));
    if (json_is_string(json_object_get(group, "result")))
        printf("  %-10s %s\n", "result", word(group, "result"));
    show_gates(json_object_get(group, "gates"));
    rows = json_object_get(group, "candidates");
    json_array_foreach(rows, i, row) printf("  %-10s %-12s %s: %s\n", i ? "" : "failover", word(row, "node"),
                                            json_is_true(json_object_get(row, "ready")) ? "ready" : "not ready", word(row, "text"));
    rows = json_object_get(group, "pauses");
    json_array_foreach(rows, i, row)
        printf("  %-10s by %s, ends %s: %s\n", "paused", word(row, "who"), when(row, "until"), word(row, "why"));
    if (*word(group, "outlook"))
        printf("  %-10s %s\n", "would change it", word(group, "outlook"));
}

static void show_lines(const json_t *rows)
{
    const json_t *row;
    size_t i;
    if (!json_array_size(rows))
        return;
    puts("newest evidence");
    json_array_foreach(rows, i, row)
        printf("  %-20.19s %s%s%s\n", word(row, "at"), word(row, "source"), *word(row, "source") ? ": " : "", word(row, "text"));
}

int cli_explain(int argc, char **argv)
{
    struct client_options options;
    int status = client_options(&options, argc, argv, "GROUP|HANDLER", 1, 1);
    if (status >= 0)
        return status;
    json_t *answer = client_ask(&options, json_pack("{s:s,s:s}", "verb", "explain", "name", options.arguments[0]), NULL, &status);
    if (!answer)
        return status;
    if (options.json) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        puts("");
    } else {
        if (json_is_object(json_object_get(answer, "handler")))
            show_handler(json_object_get(answer, "handler"));
        show_group(json_object_get(answer, "group"));
        show_lines(json_object_get(answer, "lines"));
    }
    json_decref(answer);
    return 0;
}
