/* The daemon's answer → a configuration: roles with their hosts, the servers that receive locations poll, a handler for each location.
 * Whatever was found is a text of the asked machine: it becomes names only after every strange character is gone, and is quoted else. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/config/values.h"
#include "agent/core/audit.h"
#include "discover.h"
#include "discover_yaml.h"

enum { NAME_BYTES_MAX = 52 /* and a number */, PATH_MAX_BYTES = 63, ACCOUNT_MAX_BYTES = 63, MSMQ_PORT = 1801 };
static const char change[] = "CHANGE-ME";

struct discovering {
    struct yaml_writer *yaml;
    json_t *groups; /* role in lower case → name */
    json_t *names;  /* that are taken: "servers/NAME", "handlers/NAME", "CLUSTER/NAME" → true */
    const char *cluster;
    json_t *servers;  /* array of {name,type,address,port} */
    json_t *handlers; /* array, with what is to be written */
    json_t *remarks;  /* array of texts */
};

static const char *word(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool is(const json_t *object, const char *key, const char *text)
{
    return strcmp(word(object, key), text) == 0;
}

/* A name that the configuration accepts, unused so far within `scope`. Lives as long as `all`. */
static const char *make_name(struct discovering *all, const char *scope, const char *from)
{
    char name[NAME_BYTES_MAX + 1], key[3 * NAME_BYTES_MAX];
    size_t size = 0;
    for (; *from && size < NAME_BYTES_MAX; from++) {
        const char one[2] = {*from, '\0'};
        if (name_valid(one))
            name[size++] = *from;
        else if (size && name[size - 1] != '-')
            name[size++] = '-';
    }
    while (size && name[size - 1] == '-')
        size--;
    name[size] = '\0';
    int scope_size = snprintf(key, sizeof key, "%.64s/", scope);
    snprintf(key + scope_size, sizeof key - (size_t)scope_size, "%s", size ? name : "unnamed");
    for (unsigned n = 2; json_object_get(all->names, key); n++)
        snprintf(key + scope_size, sizeof key - (size_t)scope_size, "%s-%u", size ? name : "unnamed", n);
    json_object_set_new(all->names, key, json_true());
    return json_object_iter_key(json_object_iter_at(all->names, key)) + scope_size;
}

__attribute__((format(printf, 2, 3))) static void remark(struct discovering *all, const char *format, ...)
{
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text[strcspn(text, "\r\n")] = '\0';
    json_t *string = json_string(text);
    json_array_append_new(all->remarks, string ? string : json_string("?"));
}

/* ---- groups ---- */

static const char *lower(char out[FOUND_NAME], const char *text)
{
    size_t i = 0;
    for (; text[i] && i + 1 < FOUND_NAME; i++)
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    out[i] = '\0';
    return out;
}

static const char *group_known(const struct discovering *all, const char *role)
{
    char key[FOUND_NAME];
    return json_string_value(json_object_get(all->groups, lower(key, role)));
}

static const char *group_made(struct discovering *all, const char *role, const char *configured)
{
    char key[FOUND_NAME];
    json_object_set_new(all->groups, lower(key, role), json_string(make_name(all, all->cluster, *configured ? configured : role)));
    return group_known(all, role);
}

static void write_groups(struct discovering *all, const json_t *cluster)
{
    const json_t *hosts = json_object_get(cluster, "hosts"), *host, *other;
    size_t i, j;
    json_object_clear(all->groups);
    yaml_key(all->yaml, "groups");
    yaml_map(all->yaml);
    json_array_foreach(hosts, i, host)
    {
        if (group_known(all, word(host, "role")))
            continue;
        const char *group = group_made(all, word(host, "role"), word(host, "group"));
        yaml_key(all->yaml, group);
        yaml_map(all->yaml);
        if (!is(host, "role", group)) {
            yaml_key(all->yaml, "role");
            yaml_text(all->yaml, word(host, "role"));
        }
        yaml_key(all->yaml, "hosts");
        yaml_list(all->yaml);
        json_array_foreach(hosts, j, other) if (strcasecmp(word(other, "role"), word(host, "role")) == 0)
            yaml_text(all->yaml, word(other, "host"));
        yaml_list_end(all->yaml);
        yaml_map_end(all->yaml);
    }
    yaml_map_end(all->yaml);
}

/* ---- clusters ---- */

static void write_given(struct yaml_writer *yaml, const char *key, const char *text)
{
    if (!*text)
        return;
    yaml_key(yaml, key);
    yaml_text(yaml, text);
}

/* Without these the nodes are not even reached: port, authority, pin. */
static void write_winrm(struct yaml_writer *yaml, const json_t *winrm)
{
    if (json_object_size(winrm) == 0)
        return;
    yaml_key(yaml, "winrm");
    yaml_map(yaml);
    write_given(yaml, "ca_file", word(winrm, "ca_file"));
    write_given(yaml, "pin", word(winrm, "pin"));
    if (json_is_integer(json_object_get(winrm, "port"))) {
        char port[24];
        snprintf(port, sizeof port, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(winrm, "port")));
        yaml_key(yaml, "port");
        yaml_plain(yaml, port);
    }
    if (json_is_false(json_object_get(winrm, "verify"))) {
        yaml_key(yaml, "verify");
        yaml_plain(yaml, "false");
    }
    if (json_is_true(json_object_get(winrm, "plain_http"))) {
        yaml_key(yaml, "plain_http");
        yaml_plain(yaml, "true");
    }
    yaml_map_end(yaml);
}

static void write_nodes(struct discovering *all, const json_t *cluster)
{
    const json_t *nodes = json_object_get(cluster, "nodes"), *node, *address;
    size_t i, j;
    yaml_key(all->yaml, "nodes");
    yaml_map(all->yaml);
    json_array_foreach(nodes, i, node)
    {
        const json_t *addresses = json_object_get(node, "addresses");
        yaml_key(all->yaml, word(node, "name"));
        yaml_map(all->yaml);
        write_given(all->yaml, "name", word(node, "dns"));
        write_given(all->yaml, "computer", word(node, "computer"));
        yaml_key(all->yaml, "addresses");
        yaml_list(all->yaml);
        json_array_foreach(addresses, j, address) yaml_text(all->yaml, json_string_value(address) ? json_string_value(address) : "");
        yaml_list_end(all->yaml);
        yaml_map_end(all->yaml);
    }
    yaml_map_end(all->yaml);
}

static void write_credentials(struct discovering *all, const json_t *clusters)
{
    const json_t *cluster;
    json_t *told = json_object();
    size_t i;
    yaml_key(all->yaml, "credentials");
    yaml_map(all->yaml);
    json_array_foreach(clusters, i, cluster)
    {
        const json_t *observe = json_object_get(cluster, "observe");
        if (!json_is_object(observe) || json_object_get(told, word(observe, "name")))
            continue;
        json_object_set_new(told, word(observe, "name"), json_true());
        yaml_key(all->yaml, word(observe, "name"));
        yaml_map(all->yaml);
        write_given(all->yaml, "user", word(observe, "user"));
        write_given(all->yaml, "auth", word(observe, "auth"));
        write_given(all->yaml, "password_file", word(observe, "password_file"));
        write_given(all->yaml, "keytab_file", word(observe, "keytab_file"));
        yaml_map_end(all->yaml);
    }
    yaml_map_end(all->yaml);
    json_decref(told);
}

/* ---- servers and handlers ---- */

/* The server of this kind, address and port, made when it is new. */
static const char *server_of(struct discovering *all, const char *type, const char *address, uint16_t port)
{
    json_t *server;
    size_t i;
    json_array_foreach(all->servers, i, server) if (is(server, "type", type) && is(server, "address", address) &&
                                                    json_integer_value(json_object_get(server, "port")) == port) return word(server,
                                                                                                                             "name");
    server =
        json_pack("{s:s,s:s,s:s,s:i}", "name", make_name(all, "servers", address), "type", type, "address", address, "port", (int)port);
    json_array_append_new(all->servers, server);
    return word(server, "name");
}

/* The folder before the file mask: the path is where objects begin. At most what the configuration takes, cut between characters. */
static void path_prefix(char *out, size_t size, const char *path)
{
    size_t length = strlen(path), wild = strcspn(path, "*?");
    if (wild < length)
        for (length = wild; length && path[length - 1] != '/'; length--)
            ;
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length >= size)
        for (length = size - 1; length && ((unsigned char)path[length] & 0xc0U) == 0x80; length--)
            ;
    memcpy(out, path, length);
    out[length] = '\0';
}

struct polled { /* what a location polls */
    const char *type, *account, *poll;
    char host[LOCATION_PART], path[PATH_MAX_BYTES + 1], user[ACCOUNT_MAX_BYTES + 1];
    uint16_t port;
};

static bool polled_queue(const char *url, struct polled *polled)
{
    const char *queue = strpbrk(url, "\\/");
    if (!location_queue_machine(url, polled->host))
        return false;
    const char *at = strstr(url, polled->host);
    queue = at ? at + strlen(polled->host) : queue;
    polled->type = "tcp";
    polled->port = MSMQ_PORT;
    polled->poll = "1m";
    path_prefix(polled->user, sizeof polled->user, queue + (*queue != '\0'));
    polled->account = *polled->user ? polled->user : change;
    return strcmp(polled->host, ".") != 0;
}

static bool polled_of(const json_t *location, struct polled *polled)
{
    struct location_url url;
    *polled = (struct polled){.type = word(location, "adapter"), .account = change, .poll = "1m"};
    if (is(location, "adapter", "msmq"))
        return polled_queue(word(location, "url"), polled);
    if (!location_url_parse(word(location, "url"), &url))
        return false;
    memcpy(polled->host, url.host, sizeof polled->host);
    polled->port = url.port;
    path_prefix(polled->path, sizeof polled->path, url.path);
    path_prefix(polled->user, sizeof polled->user, url.user);
    if (*polled->user && strlen(url.user) <= ACCOUNT_MAX_BYTES) {
        memcpy(polled->user, url.user, strlen(url.user) + 1);
        polled->account = polled->user;
    }
    if (is(location, "adapter", "pop3")) {
        polled->poll = "5m";
        polled->path[0] = '\0';
    } else if (is(location, "adapter", "sftp")) {
        polled->type = "tcp";
    }
    return true;
}

static void add_location(struct discovering *all, const char *cluster, const json_t *location)
{
    struct polled polled;
    const char *name = word(location, "name"), *role = word(location, "role");
    if (is(location, "disabled", "yes"))
        remark(all, "receive location %s is disabled: left out", name);
    else if (!*role)
        remark(all, "receive location %s: its host %s is not clustered, so no group of this cluster runs it", name, word(location, "host"));
    else if (!group_known(all, role))
        remark(all, "receive location %s: its host %s is not among the hosts", name, word(location, "host"));
    else if (!polled_of(location, &polled) || !host_valid(polled.host))
        remark(all, "receive location %s: no server is recognised in %s", name, word(location, "url"));
    else if (!polled.port)
        remark(all, "receive location %s: no port is known for %s", name, word(location, "url"));
    else
        json_array_append_new(all->handlers,
                              json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "name", make_name(all, "handlers", name), "cluster",
                                        cluster, "group", group_known(all, role), "host", word(location, "host"), "location", name,
                                        "server", server_of(all, polled.type, polled.host, polled.port), "account", polled.account, "path",
                                        polled.path, "poll", polled.poll, "singleton", is(location, "adapter", "pop3") ? "auto" : ""));
}

static void write_servers(struct discovering *all)
{
    const json_t *server;
    size_t i;
    yaml_key(all->yaml, "servers");
    yaml_map(all->yaml);
    json_array_foreach(all->servers, i, server)
    {
        char port[8];
        snprintf(port, sizeof port, "%d", (int)json_integer_value(json_object_get(server, "port")));
        yaml_key(all->yaml, word(server, "name"));
        yaml_map(all->yaml);
        write_given(all->yaml, "type", word(server, "type"));
        write_given(all->yaml, "address", word(server, "address"));
        yaml_key(all->yaml, "port");
        yaml_plain(all->yaml, port);
        yaml_map_end(all->yaml);
    }
    yaml_map_end(all->yaml);
}

static void write_handlers(struct discovering *all)
{
    static const char *const keys[] = {"cluster", "group", "host", "location", "server", "account", "path"};
    const json_t *handler;
    size_t i;
    yaml_key(all->yaml, "handlers");
    yaml_map(all->yaml);
    json_array_foreach(all->handlers, i, handler)
    {
        yaml_key(all->yaml, word(handler, "name"));
        yaml_map(all->yaml);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            write_given(all->yaml, keys[k], word(handler, keys[k]));
        yaml_key(all->yaml, "poll");
        yaml_plain(all->yaml, word(handler, "poll"));
        write_given(all->yaml, "singleton", word(handler, "singleton"));
        yaml_map_end(all->yaml);
    }
    yaml_map_end(all->yaml);
}

static void write_cluster(struct discovering *all, const json_t *cluster)
{
    const json_t *location;
    size_t i;
    all->cluster = word(cluster, "name");
    yaml_key(all->yaml, word(cluster, "name"));
    yaml_map(all->yaml);
    write_given(all->yaml, "type", "wsfc");
    write_given(all->yaml, "observe", word(json_object_get(cluster, "observe"), "name"));
    write_winrm(all->yaml, json_object_get(cluster, "winrm"));
    write_nodes(all, cluster);
    write_groups(all, cluster);
    yaml_map_end(all->yaml);
    json_array_foreach(json_object_get(cluster, "locations"), i, location) add_location(all, word(cluster, "name"), location);
    if (*word(cluster, "hosts_missing"))
        remark(all, "cluster %s: its hosts are not known: %s", word(cluster, "name"), word(cluster, "hosts_missing"));
    if (*word(cluster, "locations_missing"))
        remark(all, "cluster %s: its receive locations are not known: %s", word(cluster, "name"), word(cluster, "locations_missing"));
}

/* ---- the document ---- */

static void write_all(struct discovering *all, const json_t *clusters)
{
    const json_t *cluster;
    size_t i;
    yaml_map(all->yaml);
    yaml_key(all->yaml, "version");
    yaml_plain(all->yaml, "1");
    write_credentials(all, clusters);
    yaml_key(all->yaml, "clusters");
    yaml_map(all->yaml);
    json_array_foreach(clusters, i, cluster) write_cluster(all, cluster);
    yaml_map_end(all->yaml);
    write_servers(all);
    write_handlers(all);
    yaml_map_end(all->yaml);
}

/* The emitter knows no comments, so they are put behind lines that are ours to the last byte: a found text ends in a quote or is a word. */
static const char *comment_of(const char *line, size_t size)
{
    static const struct {
        const char *line, *comment;
    } comments[] = {
        {"    account: CHANGE-ME", "  # the URL does not show it: as the server's log writes it"},
        {"    type: ftp", "  # add `probe` and `log`: the log proves who polls"},
        {"    type: pop3", "  # add `probe` and `log`: the log proves who polls"},
        {"    poll: 1m", "  # not asked for, as it stands beside passwords: correct it"},
        {"    poll: 5m", "  # not asked for, as it stands beside passwords: correct it"},
    };
    for (size_t i = 0; i < sizeof comments / sizeof *comments; i++)
        if (strlen(comments[i].line) == size && memcmp(line, comments[i].line, size) == 0)
            return comments[i].comment;
    return "";
}

static void print_commented(FILE *out, const char *document, const json_t *remarks)
{
    const json_t *text;
    size_t i;
    fputs("# What was found. Compare it with your configuration and take over what is to be guarded.\n", out);
    json_array_foreach(remarks, i, text) fprintf(out, "# %s\n", json_string_value(text));
    for (const char *line = document; *line;) {
        size_t size = strcspn(line, "\n");
        fprintf(out, "%.*s%s\n", (int)size, line, comment_of(line, size));
        line += size + (line[size] == '\n');
    }
}

char *discover_document(const json_t *answer)
{
    struct discovering all = {.yaml = yaml_writer_open(),
                              .groups = json_object(),
                              .names = json_object(),
                              .servers = json_array(),
                              .handlers = json_array(),
                              .remarks = json_array()};
    char *document = NULL, *commented = NULL;
    size_t size = 0;
    if (all.yaml) {
        write_all(&all, json_object_get(answer, "clusters"));
        document = yaml_writer_close(all.yaml);
    }
    FILE *out = document ? open_memstream(&commented, &size) : NULL;
    if (out) {
        print_commented(out, document, all.remarks);
        if (fclose(out) != 0) {
            free(commented);
            commented = NULL;
        }
    }
    free(document);
    json_decref(all.groups);
    json_decref(all.names);
    json_decref(all.servers);
    json_decref(all.handlers);
    json_decref(all.remarks);
    return commented;
}
