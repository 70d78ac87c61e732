/* The control language: words → what happens in the world. A row per command; what its words stand for is said by letters, so that names
 * are looked up, and refused, in one place. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "behaviour.h"
#include "control.h"

enum { WORDS_MAX = 6, COMMAND_BYTES = 1024 };

struct ask { /* what the words stand for */
    struct world *world;
    struct lab_cluster *cluster;
    struct lab_node *node;
    size_t host;
    struct instance *instance;
    struct group *group;
    struct queue *queue;
    struct location *location;
    double numbers[2];
    size_t number_count;
    const char *text;
    FILE *out;
};

typedef const char *command_run(struct ask *ask); /* NULL: done; else why not */

static const char *kill_instance(struct ask *ask)
{
    if (ask->instance->service.state == SERVICE_STOPPED_NOW)
        return "it does not run";
    service_die(&ask->instance->service);
    const struct lab_cluster *cluster = ask->cluster;
    if (cluster->hosts[ask->instance->host].resource == NOWHERE)
        ask->instance->recover_at = ask->world->now + (uint64_t)cluster->as->timing.recovery;
    return NULL;
}

static const char *hang(struct ask *ask)
{
    if (ask->instance->service.state != SERVICE_RUNS)
        return "it does not run";
    ask->instance->service.hung = true;
    return NULL;
}

static const char *resume(struct ask *ask)
{
    ask->instance->service.hung = false;
    return NULL;
}

static const char *twin(struct ask *ask)
{
    unsigned code = instance_start(ask->world, ask->cluster, ask->instance);
    if (code == SERVICE_DONE)
        ask->instance->outside = true;
    return code == SERVICE_DONE         ? NULL
           : code == SERVICE_IS_RUNNING ? "it runs already"
                                        : "it cannot start: node down, disabled, not installed, or no ENTSSO";
}

static const char *untwin(struct ask *ask)
{
    if (!ask->instance->outside)
        return "no copy outside the cluster runs there";
    return instance_stop(ask->world, ask->cluster, ask->instance) == SERVICE_DONE ? NULL : "it starts or stops just now";
}

static const char *down(struct ask *ask)
{
    if (!ask->node->up)
        return "it is down already";
    node_go_down(ask->world, ask->cluster, ask->node);
    return NULL;
}

static const char *up(struct ask *ask)
{
    if (ask->node->up)
        return "it is up already";
    node_come_up(ask->world, ask->cluster, ask->node);
    return NULL;
}

static const char *pause_it(struct ask *ask)
{
    node_pause(ask->cluster, ask->node, false);
    return NULL;
}

static const char *drain(struct ask *ask)
{
    node_pause(ask->cluster, ask->node, true);
    return NULL;
}

static const char *resume_node(struct ask *ask)
{
    node_resume(ask->node);
    return NULL;
}

static const char *cut(struct ask *ask)
{
    ask->node->cut = true;
    return NULL;
}

static const char *heal(struct ask *ask)
{
    struct lab_node *node = ask->node;
    node->cut = node->denied = node->quota = node->wrong_certificate = false;
    node->slow_ms = 0;
    node->missing_class[0] = '\0';
    return NULL;
}

static const char *slow(struct ask *ask)
{
    ask->node->slow_ms = (uint32_t)ask->numbers[0];
    return NULL;
}

static const char *wrong_certificate(struct ask *ask)
{
    ask->node->wrong_certificate = true;
    return NULL;
}

static const char *quota(struct ask *ask)
{
    ask->node->quota = true;
    return NULL;
}

static const char *deny(struct ask *ask)
{
    ask->node->denied = true;
    return NULL;
}

static const char *missing_class(struct ask *ask)
{
    for (const struct class *const *each = classes; *each; each++)
        if (strcasecmp((*each)->name, ask->text) == 0) {
            snprintf(ask->node->missing_class, sizeof ask->node->missing_class, "%s", (*each)->name);
            return NULL;
        }
    return "no such class";
}

static const char *disable(struct ask *ask)
{
    ask->instance->disabled = true;
    return NULL;
}

static const char *enable(struct ask *ask)
{
    ask->instance->disabled = false;
    return NULL;
}

static const char *sql(struct ask *ask, bool is_down)
{
    for (size_t i = 0; i < ask->world->cluster_count; i++)
        if (!ask->cluster || ask->cluster == &ask->world->clusters[i])
            ask->world->clusters[i].sql_down = is_down;
    return NULL;
}

static const char *sql_down(struct ask *ask)
{
    return sql(ask, true);
}

static const char *sql_up(struct ask *ask)
{
    return sql(ask, false);
}

static struct lab_cluster *given_cluster(const struct ask *ask)
{
    return ask->cluster ? ask->cluster : &ask->world->clusters[0];
}

static const char *split(struct ask *ask)
{
    return sso_split(given_cluster(ask)) ? NULL : "Enterprise SSO is not clustered here, has nowhere to go, or is split already";
}

static const char *join(struct ask *ask)
{
    return sso_join(given_cluster(ask)) ? NULL : "Enterprise SSO is not split";
}

static const char *sso_stop(struct ask *ask)
{
    if (ask->node->sso.state == SERVICE_STOPPED_NOW)
        return "it does not run";
    service_die(&ask->node->sso);
    return NULL;
}

static const char *start_service(struct ask *ask, struct service *service)
{
    if (!ask->node->up || service->state != SERVICE_STOPPED_NOW)
        return "it runs, or its node is down";
    service_run(ask->world, service);
    return NULL;
}

static const char *sso_start(struct ask *ask)
{
    return start_service(ask, &ask->node->sso);
}

static const char *msmq_stop(struct ask *ask)
{
    if (ask->node->msmq.state == SERVICE_STOPPED_NOW)
        return "it does not run";
    service_die(&ask->node->msmq);
    return NULL;
}

static const char *msmq_start(struct ask *ask)
{
    return start_service(ask, &ask->node->msmq);
}

static const char *queue_count(struct ask *ask)
{
    ask->queue->messages = ask->numbers[0];
    return NULL;
}

static const char *queue_rate(struct ask *ask)
{
    ask->queue->in_per_minute = ask->numbers[0];
    ask->queue->out_per_minute = ask->numbers[1];
    return NULL;
}

static const char *location_disable(struct ask *ask)
{
    ask->location->enabled = false;
    return NULL;
}

static const char *location_enable(struct ask *ask)
{
    ask->location->enabled = true;
    return NULL;
}

static const char *offline(struct ask *ask)
{
    group_take_offline(ask->cluster, ask->group);
    return NULL;
}

static const char *online(struct ask *ask)
{
    group_bring_online(ask->world, ask->cluster, ask->group);
    return NULL;
}

static const char *move(struct ask *ask)
{
    return group_move(ask->cluster, ask->group, (int)ask->node->index) ? NULL : "it is moving, or that node cannot have it";
}

static const char *status(struct ask *ask)
{
    fputc(' ', ask->out);
    control_status(ask->world, ask->cluster, ask->out);
    return NULL;
}

static const char *counts(struct ask *ask)
{
    fputc(' ', ask->out);
    control_counts(ask->world, ask->out);
    return NULL;
}

static const char *reset_counts(struct ask *ask)
{
    for (size_t i = 0; i < ask->world->node_count; i++)
        ask->world->nodes[i].counter_count = 0;
    return NULL;
}

static command_run help;

/* H host and node after it · N node · C a cluster, may be left out · G group · Q queue · L location · # number · . a text */
static const struct command {
    const char *name, *takes, *words, *help;
    command_run *run;
} commands[] = {{"kill", "H", "HOST NODE", "the instance crashes", kill_instance},
                {"hang", "H", "HOST NODE", "it runs and does nothing", hang},
                {"resume", "H", "HOST NODE", "it works again", resume},
                {"twin", "H", "HOST NODE", "start a copy outside the cluster", twin},
                {"untwin", "H", "HOST NODE", "stop it", untwin},
                {"disable", "H", "HOST NODE", "the instance may not be started", disable},
                {"enable", "H", "HOST NODE", "it may", enable},
                {"node-down", "N", "NODE", "the machine is off", down},
                {"node-up", "N", "NODE", "it is on", up},
                {"pause-node", "N", "NODE", "takes no groups", pause_it},
                {"drain-node", "N", "NODE", "gives all its groups away", drain},
                {"resume-node", "N", "NODE", "takes groups again", resume_node},
                {"cut", "N", "NODE", "its WinRM is accepted and never answered", cut},
                {"slow", "N#", "NODE MS", "before each of its replies", slow},
                {"wrong-certificate", "N", "NODE", "its certificate has another name", wrong_certificate},
                {"quota", "N", "NODE", "it answers that its quota is reached", quota},
                {"deny", "N", "NODE", "it answers that access is denied", deny},
                {"missing-class", "N.", "NODE CLASS", "it does not know that class", missing_class},
                {"heal", "N", "NODE", "ends cut, slow, wrong-certificate, quota, deny, missing-class", heal},
                {"sql-down", "C", "[CLUSTER]", "all host instances die and come back to die", sql_down},
                {"sql-up", "C", "[CLUSTER]", "the database is back", sql_up},
                {"sso-split", "C", "[CLUSTER]", "clustered Enterprise SSO goes to another node than its hosts", split},
                {"sso-join", "C", "[CLUSTER]", "and back", join},
                {"sso-stop", "N", "NODE", "ENTSSO stops there", sso_stop},
                {"sso-start", "N", "NODE", "and starts", sso_start},
                {"msmq-stop", "N", "NODE", "the machine's own MSMQ stops", msmq_stop},
                {"msmq-start", "N", "NODE", "and starts", msmq_start},
                {"queue", "Q#", "NAME COUNT", "messages in it now", queue_count},
                {"queue-rate", "Q##", "NAME IN OUT", "messages a minute", queue_rate},
                {"location-disable", "L", "NAME", "the receive location", location_disable},
                {"location-enable", "L", "NAME", "the receive location", location_enable},
                {"offline", "G", "GROUP", "take it offline, as an administrator does", offline},
                {"online", "G", "GROUP", "bring it online", online},
                {"move", "GM", "GROUP NODE", "move it", move},
                {"status", "C", "[CLUSTER]", "all of the world as JSON", status},
                {"counts", "", "", "requests by kind and method per node as JSON", counts},
                {"reset-counts", "", "", "count from zero", reset_counts},
                {"help", "", "", "this", help}};

static const char *help(struct ask *ask)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(ask->out, "%s%s%s%s: %s", i ? "; " : " ", commands[i].name, commands[i].words[0] ? " " : "", commands[i].words,
                commands[i].help);
    return NULL;
}

/* CLUSTER/NAME names one of several clusters; NAME alone the first that has it. */
static const char *narrow(struct ask *ask, const char *word)
{
    const char *slash = strchr(word, '/');
    for (size_t i = 0; slash && i < ask->world->cluster_count; i++) {
        const char *name = ask->world->clusters[i].as->entry.name;
        if (strncasecmp(name, word, (size_t)(slash - word)) == 0 && strlen(name) == (size_t)(slash - word)) {
            ask->cluster = &ask->world->clusters[i];
            return slash + 1;
        }
    }
    return word;
}

#define NAMED(list, count, what)                                                                                                           \
    for (size_t i = 0; i < cluster->count; i++)                                                                                            \
        if (strcasecmp(cluster->list[i].name, name) == 0 || strcasecmp(cluster->list[i].as->entry.name, name) == 0)                        \
    return ask->what = &cluster->list[i], true

static bool find_in(struct ask *ask, struct lab_cluster *cluster, char letter, const char *name)
{
    int node;
    switch (letter) {
    case 'N':
    case 'M':
        node = cluster_node_called(cluster, name);
        if (node != NOWHERE)
            ask->node = &cluster->nodes[node];
        return node != NOWHERE;
    case 'C':
        return strcasecmp(cluster->as->entry.name, name) == 0;
    case 'G':
        NAMED(groups, group_count, group);
        return false;
    case 'Q':
        NAMED(queues, queue_count, queue);
        return false;
    default:
        NAMED(locations, location_count, location);
        return false;
    }
}

static bool find(struct ask *ask, char letter, const char *word)
{
    const char *name = narrow(ask, word);
    if (ask->cluster)
        return find_in(ask, ask->cluster, letter, name);
    for (size_t i = 0; i < ask->world->cluster_count; i++)
        if (find_in(ask, &ask->world->clusters[i], letter, name)) {
            ask->cluster = &ask->world->clusters[i];
            return true;
        }
    return false;
}

static const char *find_instance(struct ask *ask, const char *host, const char *node)
{
    if (!find(ask, 'N', node))
        return "no such node";
    for (size_t i = 0; i < ask->cluster->host_count; i++) {
        if (strcasecmp(ask->cluster->hosts[i].as->entry.name, host) != 0)
            continue;
        ask->instance = instance_of(ask->cluster, i, (int)ask->node->index);
        return ask->instance ? NULL : "that host has no instance there";
    }
    return "no such host";
}

static const char *read_number(struct ask *ask, const char *word)
{
    char *end;
    double number = strtod(word, &end);
    if (end == word || *end || !isfinite(number) || number < 0 || number > 1e9)
        return "that is no number from 0 to 1000000000";
    ask->numbers[ask->number_count++] = number;
    return NULL;
}

static const char *read_words(struct ask *ask, const struct command *command, char **words, size_t count)
{
    const char *problem = NULL;
    size_t used = 1;
    for (const char *letter = command->takes; *letter && !problem; letter++) {
        if (used == count && *letter == 'C')
            continue;
        if (used + (*letter == 'H') >= count)
            return "too few words";
        const char *word = words[used++];
        if (*letter == 'H')
            problem = find_instance(ask, word, words[used++]);
        else if (*letter == '#')
            problem = read_number(ask, word);
        else if (*letter == '.')
            ask->text = word;
        else if (!find(ask, *letter, word))
            problem = "no such thing of that name";
    }
    return !problem && used < count ? "too many words" : problem;
}

/* Words are divided by blanks; "…" holds a name with blanks together. SIZE_MAX: too many, or a quote without end. */
static size_t split_words(char *line, char **words)
{
    size_t count = 0;
    for (char *at = line;;) {
        at += strspn(at, " \t\r\n");
        if (!*at)
            return count;
        if (count == WORDS_MAX)
            return SIZE_MAX;
        bool quoted = *at == '"';
        words[count++] = at += quoted;
        at += strcspn(at, quoted ? "\"" : " \t\r\n");
        if (!*at)
            return quoted ? SIZE_MAX : count;
        *at++ = '\0';
    }
}

static const char *obey(struct ask *ask, char *line)
{
    char *words[WORDS_MAX];
    size_t count = split_words(line, words);
    if (count == 0 || count == SIZE_MAX)
        return "no command; try help";
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, words[0]) != 0)
            continue;
        const char *problem = read_words(ask, &commands[i], words, count);
        return problem ? problem : commands[i].run(ask);
    }
    return "no such command; try help";
}

char *world_command(struct world *world, const char *line)
{
    char *text = NULL, *answer;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    struct ask ask = {.world = world, .out = out};
    char copy[COMMAND_BYTES];
    bool fits = (size_t)snprintf(copy, sizeof copy, "%s", line) < sizeof copy;
    const char *problem = fits ? obey(&ask, copy) : "that line is too long";
    if (fclose(out) != 0 || (problem ? asprintf(&answer, "error %s", problem) : asprintf(&answer, "ok%s", text)) < 0)
        abort();
    free(text);
    return answer;
}
