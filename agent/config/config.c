/* Reads the configuration: files → trees → one tree → structs → checks. Owns the order of these steps and the digest. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crosscheck.h"
#include "fill.h"
#include "merge.h"

enum { FILES_MAX = 1000, TIMEOUT_MS = 10000 };

static void cannot_read(struct reading *reading, const char *path)
{
    complain(reading, (struct place){path, 0, 0}, 0, "cannot be read: %s", strerror(errno));
}

/* NULL when it cannot be read; said why. */
static struct source *load(struct reading *reading, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        cannot_read(reading, path);
        return NULL;
    }
    size_t size = 0, room = 64 * 1024;
    char *text = NULL;
    for (;;) {
        text = realloc(text, room);
        if (!text)
            abort();
        size += fread(text + size, 1, room - size, file);
        if (size < room || room > TREE_FILE_BYTES)
            break;
        room *= 2;
    }
    bool failed = ferror(file) != 0;
    if (failed)
        cannot_read(reading, path);
    else if (size > TREE_FILE_BYTES)
        complain(reading, (struct place){path, 0, 0}, 0, "the file is larger than 8 MiB");
    fclose(file);
    struct source *source = NULL;
    if (!failed && size <= TREE_FILE_BYTES) {
        source = arena_take(reading->arena, sizeof(*source));
        *source = (struct source){
            .name = arena_text(reading->arena, path, strlen(path)), .text = arena_text(reading->arena, text, size), .size = size};
    }
    free(text);
    return source;
}

static struct node *read_tree(struct reading *reading, struct source *source, EVP_MD_CTX *digest)
{
    EVP_DigestUpdate(digest, source->text, source->size);
    struct node *root = tree_read(reading, source);
    if (!root || root->kind == NODE_MAPPING)
        return root;
    complain_node(reading, root, "expected keys such as `version: 1` and `clusters:`");
    return NULL;
}

static int wants_yaml(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

/* In the C locale's order everywhere, so that the digest does not depend on the environment. */
static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static void read_beside(struct reading *reading, const char *path, struct node *root, EVP_MD_CTX *digest)
{
    const char *slash = strrchr(path, '/');
    const char *folder = arena_print(reading->arena, "%.*sconf.d", slash ? (int)(slash - path + 1) : 0, path);
    struct dirent **entries;
    int count = scandir(folder, &entries, wants_yaml, by_name);
    if (count < 0) {
        if (errno != ENOENT)
            cannot_read(reading, folder);
        return;
    }
    for (int i = 0; i < count; i++) {
        struct source *source = i < FILES_MAX ? load(reading, arena_print(reading->arena, "%s/%s", folder, entries[i]->d_name)) : NULL;
        struct node *more = source ? read_tree(reading, source, digest) : NULL;
        if (more && root)
            merge_file(reading, root, more, config_fields);
        free(entries[i]);
    }
    free(entries);
    if (count > FILES_MAX)
        complain(reading, (struct place){folder, 0, 0}, 0, "more than %d files", FILES_MAX);
}

static void derive_schedule(struct conf_schedule *schedule)
{
    if (!schedule->timeout)
        schedule->timeout = schedule->every / 2 < TIMEOUT_MS ? schedule->every / 2 : TIMEOUT_MS;
}

static void derive_windows(struct conf_windows *windows)
{
    derive_schedule(&windows->wsfc.schedule);
    derive_schedule(&windows->biztalk.schedule);
    derive_schedule(&windows->service.schedule);
    derive_schedule(&windows->msmq.schedule);
    if (windows->exporter)
        derive_schedule(&windows->exporter->probe.schedule);
    if (windows->snmp_host)
        derive_schedule(&windows->snmp_host->probe.schedule);
}

static bool has_host(const struct conf_group *group, const char *host)
{
    for (size_t i = 0; host && i < group->hosts.count; i++)
        if (strcmp(group->hosts.items[i], host) == 0)
            return true;
    return false;
}

/* The group of a handler that names none: the one whose hosts hold its host, or the only one. */
static const char *group_of_handler(const struct config *config, const struct conf_handler *handler)
{
    for (size_t i = 0; handler->cluster && i < config->clusters.count; i++) {
        const struct conf_cluster *cluster = (const struct conf_cluster *)config->clusters.entries + i;
        const struct conf_group *groups = cluster->groups.entries;
        if (strcmp(cluster->entry.name, handler->cluster) != 0)
            continue;
        for (size_t j = 0; j < cluster->groups.count; j++)
            if (has_host(&groups[j], handler->host))
                return groups[j].entry.name;
        return cluster->groups.count == 1 ? groups[0].entry.name : NULL;
    }
    return NULL;
}

/* Defaults that depend on other values. */
static void derive(struct config *config)
{
    if (!config->agent.name) {
        char host[65] = "";
        gethostname(host, sizeof(host) - 1);
        config->agent.name = arena_text(config->arena, host, strlen(host));
    }
    for (size_t i = 0; i < config->servers.count; i++) {
        struct conf_server *server = (struct conf_server *)config->servers.entries + i;
        if (server->probe)
            derive_schedule(&server->probe->schedule);
        if (server->snmp_host)
            derive_schedule(&server->snmp_host->probe.schedule);
    }
    for (size_t i = 0; i < config->clusters.count; i++) {
        struct conf_cluster *cluster = (struct conf_cluster *)config->clusters.entries + i;
        if (cluster->type == CLUSTER_WSFC)
            derive_windows(&cluster->windows);
        for (size_t j = 0; j < cluster->groups.count; j++) {
            struct conf_group *group = (struct conf_group *)cluster->groups.entries + j;
            for (size_t k = 0; k < group->control.count; k++)
                derive_schedule(&((struct conf_group_probe *)group->control.entries + k)->schedule);
        }
    }
    for (size_t i = 0; i < config->handlers.count; i++) {
        struct conf_handler *handler = (struct conf_handler *)config->handlers.entries + i;
        if (!handler->window)
            handler->window = 3 * handler->poll;
        if (!handler->group)
            handler->group = group_of_handler(config, handler);
    }
}

/* path NULL: only what is in `source` */
static struct config *read_all(struct reading *reading, struct source *source, const char *path)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (!digest || !EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
        abort();
    struct node *root = source ? read_tree(reading, source, digest) : NULL;
    if (path)
        read_beside(reading, path, root, digest);
    struct config *config = arena_take(reading->arena, sizeof(*config));
    config->arena = reading->arena;
    EVP_DigestFinal_ex(digest, config->digest, NULL);
    EVP_MD_CTX_free(digest);
    if (root) {
        merge_defaults(reading, root);
        struct fill fill = {reading, root};
        fill_table(&fill, root, config_fields, config);
        derive(config);
        crosscheck(reading, root, config);
    }
    bool good = reading->complaint_count == 0;
    complaints_print(reading);
    if (good)
        return config;
    arena_close(reading->arena);
    return NULL;
}

struct config *config_read(const char *path, struct diagnostics *diagnostics)
{
    struct reading reading = {.arena = arena_open(), .diagnostics = diagnostics};
    return read_all(&reading, load(&reading, path), path);
}

struct config *config_parse(const char *name, const char *text, size_t size, struct diagnostics *diagnostics)
{
    struct reading reading = {.arena = arena_open(), .diagnostics = diagnostics};
    struct source *source = arena_take(reading.arena, sizeof(*source));
    *source =
        (struct source){.name = arena_text(reading.arena, name, strlen(name)), .text = arena_text(reading.arena, text, size), .size = size};
    if (size > TREE_FILE_BYTES) {
        complain(&reading, (struct place){name, 0, 0}, 0, "the file is larger than 8 MiB");
        source = NULL;
    }
    return read_all(&reading, source, NULL);
}

void config_close(struct config *config)
{
    if (config)
        arena_close(config->arena);
}
