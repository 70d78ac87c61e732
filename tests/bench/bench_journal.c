/* What the journal carries: rows a second through the queue, the thread and the disk, once the ring's (synced by checkpoints) and once
 * history (every group synced); what an append costs the loop; how long an intent takes while the stream runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/keep/journal.h"

enum { ROWS = 400000, ROUNDS = 5, INTENTS = 200 };

static struct journal *journal;
static uv_loop_t loop;

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool add(bool history, unsigned number)
{
    static const char line[] =
        "Sat Nov 21 10:15:02 2026 [pid 4711] [orders] OK DOWNLOAD: Client \"10.0.0.1\", \"/in/order-0001.xml\", 4096 bytes";
    struct journal_raw raw = {.at = 1795255302000 + number, .kind = 2, .subject = "pollers/orders", .source = "shop.log", .text = line};
    struct journal_history row = {.sequence = number + 1,
                                  .at = raw.at,
                                  .kind = 2,
                                  .severity = 4,
                                  .key = "idle/pollers/orders",
                                  .cluster = "pollers",
                                  .group = "orders",
                                  .node = "p1",
                                  .word = "silent",
                                  .text = "the log is alive and shows no poll of this handler"};
    return history ? journal_history(journal, &row) : journal_raw(journal, &raw);
}

static void on_flushed(void *context, const char *json, const char *error)
{
    (void)context;
    (void)json;
    if (error)
        fprintf(stderr, "%s\n", error);
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void stream(bool history)
{
    double rates[ROUNDS], appends[ROUNDS];
    struct journal_health before, after;
    journal_health(journal, &before);
    for (unsigned round = 0; round < ROUNDS; round++) {
        double began = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID), slept = 0;
        for (unsigned i = 0; i < ROWS;) {
            if (add(history, round * ROWS + i)) {
                i++;
                continue;
            }
            double from = seconds(CLOCK_THREAD_CPUTIME_ID);
            usleep(2000);
            slept += seconds(CLOCK_THREAD_CPUTIME_ID) - from;
        }
        appends[round] = (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu - slept) / ROWS * 1e9;
        journal_ask(journal, JOURNAL_HISTORY, "none", 1, on_flushed, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        rates[round] = ROWS / (seconds(CLOCK_MONOTONIC) - began);
    }
    journal_health(journal, &after);
    qsort(rates, ROUNDS, sizeof *rates, by_size);
    qsort(appends, ROUNDS, sizeof *appends, by_size);
    printf("journal %-28s %9.0f rows/s, %4.0f ns of the loop a row, %.0f rows a commit\n", history ? "history, synced by group" : "ring",
           rates[ROUNDS / 2], appends[ROUNDS / 2], (double)(after.rows - before.rows) / (double)(after.commits - before.commits));
}

static void on_durable(void *context, bool durable, const char *error)
{
    if (!durable)
        fprintf(stderr, "%s\n", error);
    *(double *)context = seconds(CLOCK_MONOTONIC);
}

static void intents(bool busy)
{
    static double took[INTENTS];
    static uint64_t plan;
    for (unsigned i = 0; i < INTENTS; i++) {
        for (unsigned n = 0; busy && n < 2000; n++)
            add(true, n);
        double began = seconds(CLOCK_MONOTONIC), done = 0;
        journal_intent(journal, ++plan, "orders", "b", 1, on_durable, &done);
        while (done == 0)
            uv_run(&loop, UV_RUN_ONCE);
        took[i] = (done - began) * 1e3;
    }
    qsort(took, INTENTS, sizeof *took, by_size);
    printf("journal %-28s %9.2f ms median, %.2f ms p99\n", busy ? "intent, stream running" : "intent, alone", took[INTENTS / 2],
           took[INTENTS * 99 / 100]);
}

int main(int argc, char **argv)
{
    char folder[256], path[300], command[300], error[512];
    snprintf(folder, sizeof folder, "%s/sw-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/journal.db", folder);
    uv_loop_init(&loop);
    struct journal_limits limits = {.history_rows = 100000, .ring_keep = 0, .ring_rows = 1000000};
    journal = journal_open(&loop, path, &limits, error, sizeof error);
    if (!journal) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    intents(false);
    stream(false);
    stream(true);
    intents(true);
    journal_close(journal);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}
