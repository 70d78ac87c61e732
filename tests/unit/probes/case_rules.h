/* What no probe may ever do, whatever a server answers. The golden test and the fuzzer hold every step against it. */
#ifndef SOLOWARDEN_TESTS_CASE_RULES_H
#define SOLOWARDEN_TESTS_CASE_RULES_H

#include <expat.h>

#include "case_file.h"
#include "case_found.h"

/* What is sent as XML is XML, whatever names it carries. */
static inline bool case_well_formed(const char *body, size_t size)
{
    XML_Parser parser = XML_ParserCreateNS(NULL, '|');
    bool good = parser && XML_Parse(parser, body, (int)size, 1) == XML_STATUS_OK;
    XML_ParserFree(parser);
    return good;
}

/* A query names what it wants, and that is never where passwords lie. */
static inline bool case_projects(const char *body, size_t size)
{
    static const char mark[] = "/WQL\">", select[] = "SELECT ", from[] = " FROM ";
    const char *filter = memmem(body, size, mark, sizeof mark - 1);
    if (!filter)
        return true;
    filter += sizeof mark - 1;
    size -= (size_t)(filter - body);
    const char *end = memmem(filter, size, from, sizeof from - 1);
    if (!end || strncmp(filter, select, sizeof select - 1) != 0)
        return false;
    size = (size_t)(end - filter);
    return !memchr(filter, '*', size) && !memmem(filter, size, "CustomCfg", 9);
}

static inline const char *rule_broken_by_http(const struct request *request)
{
    if (!request->path || *request->path != '/' || strpbrk(request->path, "\r\n "))
        return "a path that is none";
    if (request->limit == 0 || request->limit > 8 << 20)
        return "a reply without limit";
    if (request->kind == REQUEST_FETCH)
        return request->body_size ? "a body in a request that has none" : NULL;
    if (!request->body || !request->body_size || !request->content_type || strpbrk(request->content_type, "\r\n"))
        return "a post without body or type";
    if (!case_well_formed(request->body, request->body_size))
        return "a body that is not well-formed";
    if (!case_projects(request->body, request->body_size))
        return "a query that asks for too much";
    return NULL;
}

/* Lists begin, have rows, end; each row's names are whole and its verdicts are verdicts. */
static inline const char *rule_broken_by_row(const struct found *found)
{
    const struct case_column *column = case_columns(found->kind);
    if (!found->row)
        return "a row without content";
    for (bool first = true; column->name; column++, first = false) {
        const char *at = (const char *)found->row + column->offset;
        if (column->member == CASE_TEXT && (!memchr(at, '\0', column->size) || (first && !*at)))
            return "a row without name, or a text without end";
        if (column->member == CASE_VERDICT && (unsigned char)*at > YES)
            return "a row with a verdict that is none";
    }
    return NULL;
}

static inline const char *rule_broken_by_found(struct case_file *file, const struct found *found)
{
    if (!file->type->estate || (unsigned)found->kind >= FOUND_KINDS)
        return "a find that nobody expects";
    bool *open = &file->estate.open[found->kind];
    if (*open != (found->step != FOUND_BEGIN))
        return "a list that begins twice, or a row outside of it";
    if (found->of && !*found->of)
        return "a list of nothing";
    if (found->step == FOUND_ROW)
        return rule_broken_by_row(found);
    *open = found->step == FOUND_BEGIN;
    return found->step == FOUND_END && (found->reason == REASON_NONE || found->reason >= REASONS) ? "a list that ends without reason"
                                                                                                  : NULL;
}

/* The sink for whoever only wants the rules. */
static inline void case_found(void *context, const struct found *found)
{
    struct case_file *file = context;
    const char *broken = rule_broken_by_found(file, found);
    if (broken)
        file->estate.broken = broken;
}

/* When a conversation is over, nothing of it is left. */
static inline const char *rule_broken_at_end(const struct case_file *file)
{
    for (size_t kind = 0; kind < FOUND_KINDS; kind++)
        if (file->estate.open[kind])
            return "a list without end";
    return file->estate.memory_used ? "memory that was not given back" : NULL;
}

/* NULL = in order, else the rule that is broken. */
static inline const char *rule_broken_by_request(const struct case_file *file, const struct request *request)
{
    const char *send = file->type == &probe_tcp ? ((const struct tcp_conf *)(const void *)file->conf.bytes)->send : NULL;
    bool talks = request->kind == REQUEST_EXCHANGE || request->kind == REQUEST_TRANSFER;
    if (file->estate.broken)
        return file->estate.broken;
    if (request->size > sizeof request->bytes)
        return "a request longer than its buffer";
    if (request->kind == REQUEST_POST || request->kind == REQUEST_FETCH)
        return rule_broken_by_http(request);
    if (request->kind == REQUEST_WALK)
        return request->size && !memchr(request->bytes, '\0', request->size) ? NULL : "a walk of nothing";
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
    if (file->estate.broken || rule_broken_at_end(file))
        return file->estate.broken ? file->estate.broken : rule_broken_at_end(file);
    if (file->type->estate && (seen->count != 1 || seen->items[0].aspect != ASPECT_ENDPOINT))
        return "a verdict about more than the asked machine";
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
