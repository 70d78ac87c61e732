/* Lines per second through parser, account look-up and evidence, with one handler up to many: the figure must stay flat. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core/evidence.h"
#include "probes/formats.h"

enum { LINES = 400000, ROUNDS = 5, SLOTS = 65536 };

struct handler {
    uint64_t account;
    struct evidence evidence;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One poll in three finds a file; every hundredth comes from the other node. */
static char *log_write(size_t handlers, size_t *size)
{
    char *log = NULL;
    FILE *out = open_memstream(&log, size);
    for (size_t i = 0, line = 0; out && line < LINES; i++) {
        size_t handler = i % handlers, node = i % 100 == 99;
        unsigned second = (unsigned)(i / handlers) % 86400;
        char stamp[40];
        snprintf(stamp, sizeof stamp, "Sun Nov 22 %02u:%02u:%02u 2026", second / 3600, second / 60 % 60, second % 60);
        fprintf(out, "%s [pid %zu] CONNECT: Client \"::ffff:10.0.0.%zu\"\n", stamp, i, node + 1);
        fprintf(out, "%s [pid %zu] [user%zu] OK LOGIN: Client \"::ffff:10.0.0.%zu\"\n", stamp, i, handler, node + 1);
        line += 2;
        if (i % 3)
            continue;
        fprintf(out,
                "%s [pid %zu] [user%zu] OK DOWNLOAD: Client \"::ffff:10.0.0.%zu\", \"/in/order-%zu.xml\", 2602 bytes, 544.81Kbyte/sec\n",
                stamp, i + 1, handler, node + 1, i);
        fprintf(out, "%s [pid %zu] [user%zu] OK DELETE: Client \"::ffff:10.0.0.%zu\", \"/in/order-%zu.xml\"\n", stamp, i + 1, handler,
                node + 1, i);
        line += 2;
    }
    if (out)
        fclose(out);
    return log;
}

static struct handler *handler_of(struct handler **slots, struct text account)
{
    uint64_t hash = hash_text(account.data, account.size);
    size_t slot = hash % SLOTS;
    while (slots[slot] && slots[slot]->account != hash)
        slot = (slot + 1) % SLOTS;
    if (!slots[slot]) {
        slots[slot] = calloc(1, sizeof **slots);
        if (!slots[slot])
            abort();
        slots[slot]->account = hash;
        evidence_reset(&slots[slot]->evidence);
    }
    return slots[slot];
}

static double run(const struct format *format, const char *log, size_t size, struct handler **slots, uint64_t *lines)
{
    static struct format_state state;
    const struct evidence_policy policy = {.window = 180000, .resolution = 1000};
    memset(&state, 0, sizeof state);
    double begin = seconds();
    *lines = 0;
    for (const char *at = log, *end = log + size; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct sighting sighting;
        struct finding finding;
        (*lines)++;
        if (format->parse(NULL, &state, at, (size_t)(newline - at), &sighting) == PARSED_SIGHTING) {
            struct event event = {.node = (uint8_t)(sighting.address.bytes[15] - 1),
                                  .grade = sighting.grade,
                                  .complete = sighting.complete,
                                  .removed = sighting.removed,
                                  .object = sighting.object.size ? hash_text(sighting.object.data, sighting.object.size) : 0,
                                  .session = sighting.session,
                                  .line = *lines,
                                  .bytes = sighting.bytes,
                                  .begin = sighting.begin,
                                  .end = sighting.end};
            evidence_event(&policy, &handler_of(slots, sighting.account)->evidence, &event, &finding);
        }
        at = newline + 1;
    }
    return seconds() - begin;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

int main(void)
{
    static const size_t handlers[] = {1, 10, 100, 1000, 10000};
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        size_t size;
        uint64_t lines = 0;
        double times[ROUNDS];
        char *log = log_write(handlers[i], &size);
        if (!log)
            return 1;
        for (size_t round = 0; round < ROUNDS; round++) {
            struct handler **slots = calloc(SLOTS, sizeof *slots);
            if (!slots)
                return 1;
            times[round] = run(format_by_name("vsftpd"), log, size, slots, &lines);
            for (size_t slot = 0; slot < SLOTS; slot++)
                free(slots[slot]);
            free(slots);
        }
        qsort(times, ROUNDS, sizeof times[0], by_size);
        printf("evidence: %6zu handlers  %9.0f lines/s  %6.0f ns a line\n", handlers[i], (double)lines / times[ROUNDS / 2],
               times[ROUNDS / 2] / (double)lines * 1e9);
        free(log);
    }
    printf("evidence: %zu bytes a handler, %zu bytes a log\n", sizeof(struct evidence), sizeof(struct format_state));
    return 0;
}
