/* Log formats of the site's own: one PCRE2 pattern per grade, with named groups. Patterns are the operator's, lines are strangers':
 * match, depth and heap limits make a hostile line cost little. All memory comes from the allocator handed in. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "line.h"

#include <pcre2.h>

enum { MATCH_LIMIT = 20000, DEPTH_LIMIT = 250, HEAP_LIMIT_KIB = 64, GROUPS = 7 };

static const char *const group_names[GROUPS] = {"stamp", "account", "address", "object", "bytes", "seconds", "session"};
enum group { GROUP_STAMP, GROUP_ACCOUNT, GROUP_ADDRESS, GROUP_OBJECT, GROUP_BYTES, GROUP_SECONDS, GROUP_SESSION };

struct pattern {
    uint8_t grade;
    pcre2_code *code;
    int groups[GROUPS]; /* number of each named group; 0 = the pattern has none */
};

struct custom_format {
    struct bounded_memory memory;
    pcre2_general_context *general;
    pcre2_match_context *match;
    pcre2_match_data *data;
    struct pattern patterns[5]; /* in the order in which they are tried */
    size_t count;
    char stamp[64];
};

/* A message without snprintf's locale and errno: `what`: `why`. */
static void message(char *error, size_t size, const char *what, const char *why)
{
    const char *parts[] = {what, ": ", why};
    size_t used = 0;
    for (size_t i = 0; i < 3; i++)
        for (const char *c = parts[i]; *c && used + 1 < size; c++)
            error[used++] = *c;
    if (size)
        error[used] = '\0';
}

static bool pattern_open(struct custom_format *custom, const char *name, uint8_t grade, const char *source, char *error, size_t error_size)
{
    int code_error;
    size_t at;
    uint32_t captures = 0;
    struct pattern *pattern = custom->patterns + custom->count;
    pcre2_compile_context *context = pcre2_compile_context_create(custom->general);
    *pattern = (struct pattern){.grade = grade};
    if (context) {
        pattern->code = pcre2_compile((PCRE2_SPTR)source, PCRE2_ZERO_TERMINATED, PCRE2_NEVER_BACKSLASH_C, &code_error, &at, context);
        pcre2_compile_context_free(context);
    }
    if (!pattern->code) {
        char text[128] = "no memory";
        if (context)
            pcre2_get_error_message(code_error, (PCRE2_UCHAR *)text, sizeof text);
        message(error, error_size, name, text);
        return false;
    }
    custom->count++;
    pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &captures);
    for (int i = 0; i < GROUPS; i++) {
        int number = pcre2_substring_number_from_name(pattern->code, (PCRE2_SPTR)group_names[i]);
        pattern->groups[i] = number > 0 ? number : 0;
    }
    for (int i = GROUP_STAMP; i <= GROUP_ADDRESS; i++)
        if (!pattern->groups[i]) {
            message(error, error_size, name, "the named groups stamp, account and address are needed");
            return false;
        }
    if (grade == GRADE_TAKE && !pattern->groups[GROUP_OBJECT]) {
        message(error, error_size, name, "the named group object is needed");
        return false;
    }
    pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE); /* where the sandbox allows it; else the interpreter matches */
    return true;
}

static bool contexts_open(struct custom_format *custom)
{
    custom->match = pcre2_match_context_create(custom->general);
    custom->data = pcre2_match_data_create(64, custom->general);
    if (!custom->match || !custom->data)
        return false;
    pcre2_set_match_limit(custom->match, MATCH_LIMIT);
    pcre2_set_depth_limit(custom->match, DEPTH_LIMIT);
    pcre2_set_heap_limit(custom->match, HEAP_LIMIT_KIB);
    return true;
}

struct custom_format *custom_format_open(const struct custom_patterns *patterns, const struct bounded_memory *memory, char *error,
                                         size_t error_size)
{
    /* a refused line is no poll, even where a careless pattern for polls would match it too */
    const struct {
        const char *name, *source;
        uint8_t grade;
    } rows[] = {{"refused", patterns->refused, GRADE_REFUSED},
                {"take", patterns->take, GRADE_TAKE},
                {"store", patterns->store, GRADE_STORE},
                {"poll", patterns->poll, GRADE_POLL},
                {"close", patterns->close, GRADE_CLOSE}};
    const char *fault = patterns->stamp ? stamp_template_fault(patterns->stamp) : "it is needed";
    if (!fault && strlen(patterns->stamp) >= sizeof((struct custom_format *)0)->stamp)
        fault = "it is too long";
    if (!fault && !patterns->poll && !patterns->take)
        fault = "a pattern for poll or take is needed beside it";
    if (fault) {
        message(error, error_size, "stamp", fault);
        return NULL;
    }
    struct custom_format *custom = memory->allocate(sizeof *custom, memory->context);
    if (!custom) {
        message(error, error_size, "custom", "no memory");
        return NULL;
    }
    *custom = (struct custom_format){.memory = *memory};
    memcpy(custom->stamp, patterns->stamp, strlen(patterns->stamp) + 1);
    custom->general = pcre2_general_context_create(memory->allocate, memory->release, memory->context);
    bool fine = custom->general && contexts_open(custom);
    if (!fine)
        message(error, error_size, "custom", "no memory");
    for (size_t i = 0; fine && i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].source)
            fine = pattern_open(custom, rows[i].name, rows[i].grade, rows[i].source, error, error_size);
    if (fine)
        return custom;
    custom_format_close(custom);
    return NULL;
}

void custom_format_close(struct custom_format *custom)
{
    if (!custom)
        return;
    for (size_t i = 0; i < custom->count; i++)
        pcre2_code_free(custom->patterns[i].code);
    pcre2_match_data_free(custom->data);
    pcre2_match_context_free(custom->match);
    pcre2_general_context_free(custom->general);
    custom->memory.release(custom, custom->memory.context);
}

static struct text group_text(const struct custom_format *custom, const struct pattern *pattern, enum group group, const char *line)
{
    const size_t *ends = pcre2_get_ovector_pointer(custom->data);
    uint32_t count = pcre2_get_ovector_count(custom->data);
    int number = pattern->groups[group];
    if (!number || (uint32_t)number >= count || ends[2 * number] == PCRE2_UNSET || ends[2 * number + 1] < ends[2 * number])
        return (struct text){0};
    return (struct text){line + ends[2 * number], ends[2 * number + 1] - ends[2 * number]};
}

static enum parsed sighting_fill(const struct custom_format *custom, const struct pattern *pattern, struct format_state *state,
                                 const char *line, struct sighting *out)
{
    int64_t seconds = 0;
    stamp_t stamp;
    *out = (struct sighting){.grade = pattern->grade, .bytes = -1, .complete = true};
    if (!stamp_template(state, custom->stamp, group_text(custom, pattern, GROUP_STAMP, line), &stamp))
        return PARSED_ALIEN;
    sighting_span(out, stamp, 0);
    out->account = group_text(custom, pattern, GROUP_ACCOUNT, line);
    out->client = group_text(custom, pattern, GROUP_ADDRESS, line);
    out->object = group_text(custom, pattern, GROUP_OBJECT, line);
    struct text bytes = group_text(custom, pattern, GROUP_BYTES, line), duration = group_text(custom, pattern, GROUP_SECONDS, line);
    struct text session = group_text(custom, pattern, GROUP_SESSION, line);
    if (bytes.size && !text_number(bytes, &out->bytes))
        out->bytes = -1;
    /* "1.250" and "1" both count; the fraction is not worth more than the stamp's second */
    struct cursor whole = {duration.data, duration.data + duration.size};
    if (duration.size && cursor_number(&whole, 6, &seconds))
        sighting_span(out, stamp, seconds * 1000);
    if (session.size)
        out->session = hash_text(session.data, session.size);
    if (!address_parse(out->client.data, out->client.size, &out->address) || !out->account.size) {
        *out = (struct sighting){.bytes = -1, .begin = stamp, .end = stamp};
        return PARSED_STAMP;
    }
    return PARSED_SIGHTING;
}

enum parsed custom_parse(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                         struct sighting *out)
{
    for (size_t i = 0; custom && i < custom->count; i++) {
        const struct pattern *pattern = custom->patterns + i;
        if (pcre2_match(pattern->code, (PCRE2_SPTR)line, size, 0, 0, custom->data, custom->match) > 0)
            return sighting_fill(custom, pattern, state, line, out);
    }
    return PARSED_ALIEN;
}
