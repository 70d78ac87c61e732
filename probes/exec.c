/* Probe `exec`: runs a program that speaks the Nagios plugin interface: exit 0 OK, 1 WARNING, 2 CRITICAL, else UNKNOWN;
 * the first line is for people, behind '|' stand figures. No shell: {node} and {address} are replaced inside single arguments. */
#include <string.h>

#include "conversation.h"
#include "perfdata.h"

enum { REPLACED_MAX = 512 };

struct exec_state {
    const char *arguments[EXEC_ARGUMENTS_MAX + 1]; /* into the configuration, or into `replaced` */
    char replaced[REPLACED_MAX];
    size_t used;
};

static bool append(struct exec_state *state, const char *data, size_t size)
{
    if (size > sizeof state->replaced - state->used)
        return false;
    memcpy(state->replaced + state->used, data, size);
    state->used += size;
    return true;
}

/* A placeholder without a value here (a server has no node) stays as it is written. */
static const char *placeholder(const struct probe_context *context, const char *at, size_t *size)
{
    static const char node[] = "{node}", address[] = "{address}";
    if (context->node && !strncmp(at, node, sizeof node - 1)) {
        *size = sizeof node - 1;
        return context->node;
    }
    if (!strncmp(at, address, sizeof address - 1)) {
        *size = sizeof address - 1;
        return context->address ? context->address : context->host;
    }
    return NULL;
}

/* NULL: no room */
static const char *replace(struct exec_state *state, const struct probe_context *context, const char *argument)
{
    if (!strchr(argument, '{'))
        return argument;
    const char *result = state->replaced + state->used;
    for (const char *at = argument; *at;) {
        size_t size = 1;
        const char *value = placeholder(context, at, &size);
        if (!append(state, value ? value : at, value ? strlen(value) : 1))
            return NULL;
        at += size;
    }
    return append(state, "", 1) ? result : NULL;
}

static void say(struct seen *seen, const char *text, size_t size)
{
    text_for_people(seen->text, sizeof seen->text, text, size, NULL);
}

static enum step too_long(struct seen *seen)
{
    static const char text[] = "the arguments are too many or too long";
    seen_item(seen, ASPECT_ENDPOINT, UNKNOWN, REASON_START_FAILED, 0);
    say(seen, text, sizeof text - 1);
    return STEP_DONE;
}

static enum step begin(const struct exec_conf *conf, struct exec_state *state, const struct probe_context *context, struct request *out,
                       struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    if (conf->command.count > EXEC_ARGUMENTS_MAX)
        return too_long(seen);
    for (size_t i = 0; i < conf->command.count; i++) {
        state->arguments[i] = replace(state, context, conf->command.items[i]);
        if (!state->arguments[i])
            return too_long(seen);
    }
    state->arguments[conf->command.count] = NULL;
    request_begin(out, REQUEST_RUN, EXPECT_NOTHING);
    out->arguments = state->arguments;
    return STEP_MORE;
}

static void judge(struct seen *seen, const struct reply *in)
{
    static const struct {
        uint8_t verdict;
        uint16_t reason;
    } verdicts[] = {{YES, REASON_OK}, {YES, REASON_PLUGIN_WARNING}, {NO, REASON_PLUGIN_CRITICAL}, {UNKNOWN, REASON_PLUGIN_UNKNOWN}};
    size_t exit = in->exit_status >= 0 && in->exit_status <= 2 ? (size_t)in->exit_status : 3;
    if (in->reason == REASON_OK || in->reason == REASON_OUTPUT_TOO_LARGE) /* it ended by itself, so its word counts */
        seen_item(seen, ASPECT_ENDPOINT, verdicts[exit].verdict, verdicts[exit].reason, in->elapsed_ms);
    else
        seen_item(seen, ASPECT_ENDPOINT, UNKNOWN, in->reason, in->elapsed_ms);
}

/* First line: "text|figures". Further lines: long text, and behind a second '|' more figures up to the end. */
static void read_output(struct seen *seen, const char *data, size_t size)
{
    const char *end = data + size;
    const char *line_end = memchr(data, '\n', size);
    if (!line_end)
        line_end = end;
    const char *bar = memchr(data, '|', (size_t)(line_end - data));
    say(seen, data, (size_t)((bar ? bar : line_end) - data));
    if (bar)
        perfdata_parse(bar + 1, (size_t)(line_end - bar - 1), seen);
    bar = memchr(line_end, '|', (size_t)(end - line_end));
    if (bar)
        perfdata_parse(bar + 1, (size_t)(end - bar - 1), seen);
}

static enum step exec_step(const void *conf, void *state, const struct probe_context *context, const struct reply *in, struct request *out,
                           struct seen *seen)
{
    if (!in)
        return begin(conf, state, context, out, seen);
    memset(seen, 0, sizeof *seen);
    judge(seen, in);
    if (in->size)
        read_output(seen, in->data, in->size);
    return STEP_DONE;
}

static const struct field fields[] = {{"command", FIELD_ARGUMENTS, FIELD(struct exec_conf, command), FIELD_REQUIRED, 1, EXEC_ARGUMENTS_MAX,
                                       NULL, NULL,
                                       "Program (absolute path) and its arguments; {node} and {address} are replaced. No shell."},
                                      {0}};

const struct probe_type probe_exec = {
    .name = "exec",
    .help = "A program that speaks the Nagios plugin interface.",
    .fields = fields,
    .conf_size = sizeof(struct exec_conf),
    .state_size = sizeof(struct exec_state),
    .default_port = 0,
    .step = exec_step,
};
