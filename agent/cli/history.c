/* `solowarden history [NAME]`: what happened, newest last. With --raw the last 48 hours of readings and log lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "agent/show/text.h"
#include "cli.h"
#include "client.h"

/* the journal's kinds; the words are those of the notifications */
static const char *const kinds[] = {"?", "event", "alarmRaised", "alarmCleared", "agent"};
static const char *const raw_kinds[] = {"?", "reading", "line", "finding"};

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

/* "2026-11-22T21:30:18.250Z" → local time */
static void local_time(const char *text, char out[24])
{
    struct tm parts = {0}, local;
    snprintf(out, 24, "%.19s", text);
    if (!strptime(text, "%Y-%m-%dT%H:%M:%S", &parts))
        return;
    time_t at = timegm(&parts);
    if (localtime_r(&at, &local))
        strftime(out, 24, "%Y-%m-%d %H:%M:%S", &local);
}

static void print_row(const json_t *row, bool raw)
{
    char when[24], clean[512];
    const char *text = text_of(row, "text");
    local_time(text_of(row, "at"), when);
    text_clean(clean, sizeof clean, text, strlen(text));
    const char *kind = text_of(row, "kind");
    printf("%s  %-13s %-32s %s\n", when, kind, text_of(row, raw ? "source" : strncmp(kind, "alarm", 5) == 0 ? "key" : "word"), clean);
}

static void name_kinds(json_t *rows, bool raw)
{
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        json_int_t kind = json_integer_value(json_object_get(row, "kind"));
        size_t count = raw ? sizeof raw_kinds / sizeof *raw_kinds : sizeof kinds / sizeof *kinds;
        const char *word = kind > 0 && (size_t)kind < count ? (raw ? raw_kinds : kinds)[kind] : "?";
        json_object_set_new(row, "kind", json_string(word));
    }
}

int cli_history(int argc, char **argv)
{
    const char *limit = "50", *raw = NULL;
    const struct client_option own[] = {{"limit", "N", "so many rows (default 50, at most 1000)", &limit},
                                        {"raw", NULL, "readings and log lines of the last 48 hours instead", &raw},
                                        {0}};
    struct client_options options;
    int status = client_options_with(&options, argc, argv, "[GROUP|HANDLER|KEY]", 0, 1, own);
    if (status >= 0)
        return status;
    json_t *answer = client_ask(&options,
                                json_pack("{s:s,s:s,s:i,s:b}", "verb", "history", "filter",
                                          options.argument_count ? options.arguments[0] : "", "limit", atoi(limit), "raw", raw != NULL),
                                NULL, &status);
    if (!answer)
        return status;
    json_t *rows = json_object_get(answer, "rows"), *row;
    size_t i;
    name_kinds(rows, raw != NULL);
    if (options.json) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        puts("");
    } else {
        json_array_foreach(rows, i, row) print_row(row, raw != NULL);
    }
    json_decref(answer);
    return 0;
}
