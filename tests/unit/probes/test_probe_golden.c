/* Every .case file in tests/golden/probes/<probe>/: recorded replies go in, requests and findings must come out as the file says.
 * BLESS=1 rewrites the files; look at the difference before you commit it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>

#include "case_file.h"
#include "case_rules.h"

enum { OUTPUT_MAX = 256 * 1024 };

static struct case_file file;
static char input[CASE_TEXT_MAX], output[OUTPUT_MAX];
static size_t output_size;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(output + output_size, OUTPUT_MAX - output_size, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < OUTPUT_MAX - output_size);
    output_size += (size_t)size;
}

static void put_bytes(const char *data, size_t size)
{
    put(" \"");
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\r' || data[i] == '\n')
            put("\\%c", data[i] == '\r' ? 'r' : 'n');
        else if (data[i] < ' ' || data[i] > '~')
            put("\\x%02x", (unsigned)(unsigned char)data[i]);
        else
            put("%s%c", data[i] == '\\' || data[i] == '"' ? "\\" : "", data[i]);
    }
    put("\"");
}

static void put_peer(const struct request *request)
{
    if (request->server_name)
        put(" name %s", request->server_name);
    if (request->ca_file)
        put(" ca %s", request->ca_file);
    put("%s", request->insecure ? " unverified" : "");
}

/* "<a:Action …>…/Enumerate</a:Action>" → "Enumerate": what stands behind `mark` up to `end`, its last segment if `short_form`. */
static void put_part(const char *body, const char *mark, const char *end, bool short_form)
{
    const char *begin = strstr(body, mark);
    begin = begin && *mark == '<' ? strchr(begin + strlen(mark), '>') : begin;
    const char *stop = begin ? strstr(begin, end) : NULL;
    if (!stop)
        return;
    begin += *mark == '<' ? 1 : (ptrdiff_t)strlen(mark);
    for (const char *at = begin; short_form && at < stop; at++)
        if (*at == '/')
            begin = at + 1;
    put(" %.*s", (int)(stop - begin), begin);
}

/* Of an envelope what a reader wants to see; the whole of it is in tests/golden/wsman. */
static void put_post(const struct request *request)
{
    static char body[CASE_STATE_MAX];
    assert_true(request->body_size < sizeof body);
    memcpy(body, request->body, request->body_size);
    body[request->body_size] = '\0';
    put("> post %s", request->path);
    put_part(body, "<a:Action", "</a:Action>", true);
    put_part(body, "schemas.microsoft.com/wbem/wsman/1/wmi/", "</w:ResourceURI>", false);
    put_part(body, "<w:SelectorSet", "</w:SelectorSet>", false);
    put_part(body, "<s:Body", "</s:Body>", false);
}

static void put_request(const struct request *request)
{
    static const char *const expects[] = {"nothing", "line", "ftp", "dot", "any"};
    switch (request->kind) {
    case REQUEST_NONE:
        put("> wait\n");
        return;
    case REQUEST_CONNECT:
        put("> connect %s:%u%s", request->host, request->port, request->tls ? " tls" : "");
        put_peer(request);
        break;
    case REQUEST_TLS:
        put("> tls");
        put_peer(request);
        break;
    case REQUEST_EXCHANGE:
        put("> expect %s%s", expects[request->expect], request->secret ? " secret" : "");
        put_bytes(request->bytes, request->size);
        break;
    case REQUEST_TRANSFER:
        put("> transfer %s:%u%s limit %zu", request->host, request->port, request->tls ? " tls" : "", request->limit);
        put_bytes(request->bytes, request->size);
        break;
    case REQUEST_RUN:
        put("> run");
        for (const char *const *argument = request->arguments; *argument; argument++)
            put_bytes(*argument, strlen(*argument));
        break;
    case REQUEST_POST:
        put_post(request);
        break;
    case REQUEST_FETCH:
        put("> fetch %s limit %zu", request->path, request->limit);
        break;
    case REQUEST_WALK:
        put("> walk");
        put_bytes(request->bytes, request->size);
        break;
    }
    put("\n");
}

static void put_seen(const struct seen *seen)
{
    static const char *const aspects[ASPECTS] = {[ASPECT_ENDPOINT] = "endpoint", [ASPECT_LOCKS] = "locks"};
    static const char *const verdicts[] = {"unknown", "no", "yes"};
    for (uint8_t i = 0; i < seen->count; i++)
        put("= %s %s %s value %lld\n", aspects[seen->items[i].aspect], verdicts[seen->items[i].verdict], reason_name(seen->items[i].reason),
            (long long)seen->items[i].value);
    put("%s%s", seen->logged_in ? "= logged in\n" : "", seen->credential_refused ? "= credential refused\n" : "");
    if (*seen->text)
        put("= text %s\n", seen->text);
    for (uint8_t i = 0; i < seen->perf_count; i++)
        put("= perf %s %.15g%s\n", seen->perf[i].label, seen->perf[i].value, seen->perf[i].unit);
}

static void put_found(void *context, const struct found *found)
{
    static const char *const steps[] = {"begin", "row", "end"};
    static char row[4096];
    case_found(context, found);
    if (file.estate.broken)
        fail_msg("%s", file.estate.broken);
    put("= %s %s", steps[found->step], found_kind_name(found->kind));
    if (found->of)
        put_bytes(found->of, strlen(found->of));
    if (found->step == FOUND_ROW)
        case_row_text(row, sizeof row, found->kind, found->row);
    put("%s%s\n", found->step == FOUND_END ? " " : "",
        found->step == FOUND_ROW   ? row
        : found->step == FOUND_END ? reason_name(found->reason)
                                   : "");
}

static enum step one_step(const struct reply *reply)
{
    static struct request request;
    static struct seen seen;
    memset(&request, 'x', sizeof request); /* a probe may rely on nothing that it did not write */
    memset(&seen, 'x', sizeof seen);
    enum step step = file.type->step(file.conf.bytes, file.state, &file.context, reply, &request, &seen);
    const char *broken = step == STEP_DONE ? rule_broken_by_seen(&file, &seen) : rule_broken_by_request(&file, &request);
    if (broken)
        fail_msg("%s", broken);
    if (step == STEP_DONE)
        put_seen(&seen);
    else
        put_request(&request);
    if (step == STEP_MORE)
        case_asked(&file, &request);
    return step;
}

/* The file as it should be: its own lines but for those that the probe makes. */
static void replay(const char *path, size_t size)
{
    assert_true(case_open(&file, input, size));
    assert_true(file.type->state_size <= CASE_STATE_MAX && file.type->conf_size <= CASE_CONF_MAX);
    file.context.found = put_found;
    const char *script = strstr(input, "\n\n");
    output_size = 0;
    put("%.*s", script ? (int)(script + 2 - input) : (int)size, input);
    if (!script)
        put("\n");
    bool done = one_step(NULL) == STEP_DONE;
    for (char *line = strsep(&file.rest, "\n"); line; line = strsep(&file.rest, "\n")) {
        struct reply reply;
        if (*line == '\0' || *line == '>' || *line == '=')
            continue;
        if (done)
            fail_msg("%s: nobody asked for the reply %s\n%s", path, line, output);
        put("%s\n", line);
        if (case_reply(&file, line, &reply))
            done = one_step(&reply) == STEP_DONE;
    }
    if (!done) {
        put("= unfinished\n");
        if (file.type->estate) /* whoever is cut off gives back what it holds */
            assert_int_equal(one_step(&(struct reply){.reason = REASON_CLOSED_EARLY, .data = ""}), STEP_DONE);
    }
}

static void check(const char *path)
{
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    size_t size = fread(input, 1, sizeof input - 1, stream);
    fclose(stream);
    input[size] = '\0';
    replay(path, size);
    if (!strcmp(input, output))
        return;
    if (getenv("BLESS")) {
        stream = fopen(path, "w");
        assert_non_null(stream);
        assert_int_equal(fwrite(output, 1, output_size, stream), output_size);
        assert_int_equal(fclose(stream), 0);
        return;
    }
    fail_msg("%s differs; the probe says:\n%s", path, output);
}

static int is_case(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');
    return end && !strcmp(end, ".case");
}

static void check_folder(const char *probe)
{
    char folder[512], path[1024];
    struct dirent **entries;
    snprintf(folder, sizeof folder, "%s/tests/golden/probes/%s", SOURCE_DIR, probe);
    int count = scandir(folder, &entries, is_case, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
        check(path);
    }
    free(entries);
}

/* A probe without recorded conversations is a probe that nobody has seen working. */
static void every_probe_has_cases_and_they_hold(void **state)
{
    (void)state;
    for (const struct probe_type *const *type = probe_types; *type; type++)
        check_folder((*type)->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_probe_has_cases_and_they_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
