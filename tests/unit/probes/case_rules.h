/* What no probe may ever do, whatever a server answers. The golden test and the fuzzer hold every step against it. */
#ifndef SOLOWARDEN_TESTS_CASE_RULES_H
#define SOLOWARDEN_TESTS_CASE_RULES_H

#include "case_file.h"

/* NULL = in order, else the rule that is broken. */
static inline const char *rule_broken_by_request(const struct case_file *file, const struct request *request)
{
    const char *send = file->type == &probe_tcp ? ((const struct tcp_conf *)(const void *)file->conf.bytes)->send : NULL;
    bool talks = request->kind == REQUEST_EXCHANGE || request->kind == REQUEST_TRANSFER;
    if (request->size > sizeof request->bytes)
        return "a request longer than its buffer";
    if (!talks)
        return request->size || request->secret ? "bytes in a request that sends none" : NULL;
    if (request->size && !send) {
        const char *end = memchr(request->bytes, '\n', request->size);
        if (!end || end + 1 != request->bytes + request->size || end == request->bytes || end[-1] != '\r' ||
            memchr(request->bytes, '\r', request->size) != end - 1)
            return "a request that is not exactly one command line";
    }
    if (request->size > 5 && !memcmp(request->bytes, "PASS ", 5) && !request->secret && !send)
        return "a password in a request that is not marked secret";
    if (request->kind == REQUEST_TRANSFER && strcmp(request->host, file->context.host) != 0)
        return "a data connection to another host";
    return NULL;
}

static inline const char *rule_broken_by_seen(const struct case_file *file, const struct seen *seen)
{
    const char *password = file->context.credential ? file->context.credential->password : NULL;
    bool logs_in = file->type == &probe_ftp || file->type == &probe_pop3;
    if (seen->count < 1 || seen->count > SEEN_MAX || seen->perf_count > PERF_MAX)
        return "a finding without an item, or with too many";
    for (uint8_t i = 0; i < seen->count; i++)
        if (seen->items[i].verdict > YES || seen->items[i].reason == REASON_NONE || seen->items[i].reason >= REASONS)
            return "an item without verdict or reason";
    if (!memchr(seen->text, '\0', sizeof seen->text))
        return "a text without end";
    for (const char *at = seen->text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return "a text with control characters";
    /* what stands for hidden or hostile bytes may look like a password that is made of such signs */
    if (password && *password && logs_in && !strpbrk(password, "*?") && strstr(seen->text, password))
        return "a text that tells the password";
    for (uint8_t i = 0; i < seen->perf_count; i++)
        if (!memchr(seen->perf[i].label, '\0', sizeof seen->perf[i].label) || !*seen->perf[i].label ||
            !memchr(seen->perf[i].unit, '\0', sizeof seen->perf[i].unit) || !(seen->perf[i].value - seen->perf[i].value == 0))
            return "a figure without name or value";
    return NULL;
}

#endif
