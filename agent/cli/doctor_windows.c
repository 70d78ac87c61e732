/* The Windows part of `solowarden doctor`: logs in to every node once, as the account that observes, and asks what the agent's own probes
 * ask: all nodes at once, each for some seconds at most. One password is tried at one node first, so that a wrong one costs one attempt.
 * What the answers mean is doctor_rights.c's. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/keytab.h"
#include "agent/run/runner.h"
#include "doctor.h"
#include "doctor_rights.h"

enum { NODE_BOUND_MS = 10000, NEVER_AGAIN_MS = 24 * 3600 * 1000 };

struct asked_node {
    const struct source_conf *conf; /* any of its sources; NULL: it is not asked */
    struct rights_asked asked;
    char why[160];
    bool let_in;
};

struct examination {
    const struct compiled *compiled;
    struct compiled mine; /* the same, but for other probes */
    struct asked_node *nodes;
    uv_loop_t loop;
    unsigned waiting;
};

static bool is_asked(const struct source_conf *conf)
{
    return conf->type == &probe_wsfc || conf->type == &probe_biztalk || conf->type == &probe_service;
}

static struct asked_node *node_of(struct examination *examination, uint16_t source)
{
    const struct policy_source *place = &examination->compiled->policy.sources[source];
    return &examination->nodes[place->cluster * NODES_MAX + place->node];
}

static void list_ended(void *context, uint16_t source, const struct found *found)
{
    if (found->step == FOUND_END)
        node_of(context, source)->asked.lists[found->kind] = found->reason;
}

/* Why nobody got in is told by the conversation that got furthest. */
static void conversation_ended(void *context, uint16_t source, const struct seen *seen, uint16_t reason, msec_t started, msec_t elapsed,
                               msec_t now)
{
    struct examination *examination = context;
    struct asked_node *node = node_of(examination, source);
    (void)started, (void)elapsed, (void)now;
    node->let_in |= seen->logged_in;
    if (node->asked.login == REASON_NOT_SEEN || node->asked.login == REASON_BACKED_OFF) {
        node->asked.login = reason;
        memcpy(node->why, seen->text, sizeof node->why);
    }
    if (--examination->waiting == 0)
        uv_stop(&examination->loop);
}

static void prepare(struct examination *examination)
{
    const struct compiled *compiled = examination->compiled;
    uint16_t count = compiled->policy.source_count;
    examination->mine = *compiled;
    examination->mine.sources = calloc(count ? count : 1, sizeof *examination->mine.sources);
    examination->nodes = calloc((size_t)compiled->policy.cluster_count * NODES_MAX + 1, sizeof *examination->nodes);
    if (!examination->mine.sources || !examination->nodes)
        abort();
    for (uint16_t i = 0; i < count; i++) {
        struct source_conf *source = &examination->mine.sources[i];
        *source = compiled->sources[i];
        if (!is_asked(source)) {
            source->type = NULL;
            continue;
        }
        source->every = NEVER_AGAIN_MS;
        source->timeout = NODE_BOUND_MS;
        struct asked_node *node = node_of(examination, i);
        node->conf = source;
        node->asked = (struct rights_asked){.account = source->http->user ? source->http->user : "nobody",
                                            .host = source->http->host,
                                            .why = node->why,
                                            .login = REASON_NOT_SEEN,
                                            .auth = source->http->auth,
                                            .port = source->http->port};
        for (unsigned kind = 0; kind < FOUND_KINDS; kind++)
            node->asked.lists[kind] = REASON_NOT_SEEN;
        examination->waiting++;
    }
}

static void ask(struct examination *examination)
{
    if (uv_loop_init(&examination->loop) != 0)
        abort();
    struct runner *runner = runner_open(&examination->loop, &examination->mine, conversation_ended, list_ended, NULL, examination);
    for (uint16_t i = 0; i < examination->mine.policy.source_count; i++)
        runner_now(runner, i);
    uv_run(&examination->loop, UV_RUN_DEFAULT);
    runner_close(runner);
    uv_run(&examination->loop, UV_RUN_DEFAULT);
    uv_loop_close(&examination->loop);
}

static void say(struct visit *visit, const char *name, const struct rights_line *line)
{
    static void (*const marks[])(struct visit *, const char *, const char *, const char *,
                                 ...) = {[RIGHTS_ADVICE] = doctor_advice, [RIGHTS_FAULT] = doctor_fault};
    if (line->mark == RIGHTS_FINE)
        doctor_fine(visit, "node", "%s: %s", name, line->text);
    else
        marks[line->mark](visit, "node", line->cure, "%s: %s", name, line->text);
}

static void say_way(struct visit *visit, const char *name, const struct http_target *target)
{
    if (target->plain)
        doctor_advice(visit, "node", "use https: leave out `plain_http`", "%s: %s answers, without TLS: everybody on the way reads along",
                      name, target->url);
    else if (target->insecure)
        doctor_advice(visit, "node", "set `winrm.ca_file` instead of `verify: false`",
                      "%s: %s answers; whose certificate it is was not verified", name, target->url);
    else
        doctor_fine(visit, "node", "%s: %s answers, with a good certificate", name, target->url);
}

/* TLS stood where the password or the ticket was judged. */
static bool reached(uint16_t login)
{
    return login == REASON_OK || login == REASON_LOGIN_REFUSED || login == REASON_BACKED_OFF;
}

static void report(struct visit *visit, struct asked_node *node, const char *cluster)
{
    char name[160];
    struct rights_line line;
    snprintf(name, sizeof name, "%s/%s", cluster, node->conf->node);
    if (node->let_in)
        node->asked.login = REASON_OK;
    if (reached(node->asked.login))
        say_way(visit, name, node->conf->http);
    rights_login(&node->asked, &line);
    say(visit, name, &line);
    for (enum rights_space space = 0; node->let_in && space < RIGHTS_SPACES; space++)
        if (rights_space(&node->asked, space, &line))
            say(visit, name, &line);
}

void doctor_keytab(struct visit *visit, const char *owner, const char *principal, const char *file)
{
    char why[256];
    if (!secret_private(file, why, sizeof why)) {
        doctor_fault(visit, "keytab", "a file of the agent's user, mode 0400", "%s: %s", owner, why);
        return;
    }
    uint16_t reason = keytab_look(file, principal, why);
    if (reason == REASON_OK)
        doctor_fine(visit, "keytab", "%s: %s has a key of %s", owner, file, principal);
    else
        doctor_fault(visit, "keytab",
                     reason == REASON_TOKEN_FAILED ? "correct `user`, name@REALM, or make the keytab for it" : "make it anew", "%s: %s: %s",
                     owner, file, why);
}

void doctor_windows(struct visit *visit)
{
    struct examination examination = {.compiled = visit->compiled};
    prepare(&examination);
    if (examination.waiting > 0) {
        secret_guard();
        signal(SIGPIPE, SIG_IGN);
        ask(&examination);
    }
    const struct conf_cluster *clusters = visit->config->clusters.entries;
    for (size_t i = 0; i < (size_t)visit->compiled->policy.cluster_count * NODES_MAX; i++)
        if (examination.nodes[i].conf)
            report(visit, &examination.nodes[i], clusters[i / NODES_MAX].entry.name);
    free(examination.mine.sources);
    free(examination.nodes);
}
