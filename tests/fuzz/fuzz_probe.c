/* A .case file of any content: whatever a configuration and a server say, no probe breaks a rule (case_rules.h).
 * Seeds are the golden cases themselves: tests/fuzz/corpus/probe points at them. */
#include "tests/unit/probes/case_file.h"
#include "tests/unit/probes/case_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct case_file file;

static bool done(const struct reply *reply)
{
    struct request request;
    struct seen seen;
    memset(&request, 'x', sizeof request); /* a probe may rely on nothing that it did not write */
    memset(&seen, 'x', sizeof seen);
    enum step step = file.type->step(file.conf.bytes, file.state, &file.context, reply, &request, &seen);
    const char *broken = step == STEP_DONE ? rule_broken_by_seen(&file, &seen) : rule_broken_by_request(&file, &request);
    if (broken) {
        fprintf(stderr, "%s\n", broken);
        abort();
    }
    if (step == STEP_MORE)
        case_asked(&file, &request);
    return step == STEP_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!case_open(&file, (const char *)data, size))
        return -1;
    file.context.found = case_found;
    bool over = done(NULL);
    for (char *line = strsep(&file.rest, "\n"); line && !over; line = strsep(&file.rest, "\n")) {
        struct reply reply;
        if (!case_reply(&file, line, &reply))
            continue;
        /* the exact size, so that a read beyond it is seen */
        char *exact = malloc(reply.size ? reply.size : 1);
        if (!exact)
            return -1;
        memcpy(exact, reply.data, reply.size);
        reply.data = exact;
        over = done(&reply);
        free(exact);
    }
    /* whoever is cut off gives back what it holds */
    if (!over && file.type->estate && !done(&(struct reply){.reason = REASON_CLOSED_EARLY, .data = ""}))
        abort();
    return 0;
}
