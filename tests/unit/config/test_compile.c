/* config → policy: positions, defaults, sources, addresses; and what defaults and conf.d do to them. */
#include "messages.h"

static void test_minimal(void **state)
{
    (void)state;
    struct config *config = read_good(SOURCE_DIR "/conf/minimal.yaml");
    struct compiled *compiled = config_compile(config);
    const struct policy *policy = &compiled->policy;

    assert_int_equal(policy->cluster_count, 1);
    assert_string_equal(policy->clusters[0].name, "pollers");
    assert_int_equal(policy->clusters[0].type, CLUSTER_STATIC);
    assert_false(policy->clusters[0].heals_itself);
    assert_int_equal(policy->clusters[0].node_count, 2);
    assert_int_equal(policy->clusters[0].max_in_flight, 1);
    assert_int_equal(policy->clusters[0].control_interval, 0);
    assert_string_equal(policy->nodes[1].name, "p2");
    assert_int_equal(policy->nodes[1].index, 1);
    assert_int_equal(policy->address_count, 2);

    const struct policy_group *group = &policy->groups[0];
    assert_string_equal(group->name, "orders");
    assert_int_equal(group->mode, MODE_CONFIRM);
    assert_int_equal(group->triggers, TRIGGER_IDLE);
    assert_true(group->fenced && group->can_move && group->can_stop);
    assert_int_equal(group->candidates, 3);
    assert_int_equal(group->handler_count, 1);
    assert_int_equal(group->confirm, 0);
    assert_int_equal(group->settle, 0);
    assert_int_equal(group->cool_down, 600000);
    assert_int_equal(group->trusted_after, 3600000);
    assert_int_equal(group->blind_after, 120000);
    assert_int_equal(group->max_moves.count, 2);
    assert_int_equal(group->max_moves.per, 6 * 3600000);
    assert_string_equal(compiled->groups[0].move[0], "/etc/solowarden/move");
    assert_null(compiled->groups[0].move[1]);
    assert_int_equal(compiled->groups[0].action_timeout, 120000);

    const struct policy_handler *handler = &policy->handlers[0];
    assert_int_equal(handler->poll, 30000);
    assert_int_equal(handler->window, 90000);
    assert_int_equal(handler->silent_after, 3);
    assert_int_equal(handler->singleton, SINGLETON_YES);
    assert_string_equal(handler->path, "/in");

    const struct policy_server *server = &policy->servers[0];
    assert_true(server->has_probe && server->has_log && server->has_canary && server->log_has_logins);
    assert_string_equal(server->canary_account, "canary");
    assert_int_equal(server->canary_every, 30000);
    assert_int_equal(server->lag_max, 90000);
    assert_string_equal(compiled->logs[0].file, "/var/log/vsftpd.log");
    assert_string_equal(compiled->logs[0].format->name, "vsftpd");
    assert_true(compiled->logs[0].zone_local);

    assert_int_equal(policy->source_count, 1);
    assert_int_equal(policy->sources[0].target, subject_of(SUBJECT_SERVER, 0));
    assert_true(policy->sources[0].canary);
    assert_false(policy->sources[0].control);
    assert_int_equal(policy->sources[0].cluster, UINT16_MAX);
    assert_int_equal(policy->sources[0].node, NODE_NONE);
    assert_ptr_equal(compiled->sources[0].type, &probe_ftp);
    assert_string_equal(compiled->sources[0].host, "10.0.0.9");
    assert_int_equal(compiled->sources[0].port, 21);
    assert_string_equal(compiled->sources[0].user, "canary");
    assert_string_equal(compiled->sources[0].password_file, SOURCE_DIR "/conf/canary.pw");
    assert_int_equal(compiled->sources[0].timeout, 10000);
    assert_int_equal(policy->common_window, 60000);
    config_compiled_close(compiled);
    config_close(config);
}

static size_t source_named(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->source_count; i++)
        if (strcmp(policy->sources[i].name, name) == 0)
            return i;
    fail_msg("no source %s", name);
    return 0;
}

/* every-kind.yaml: a probe per node for control, ports by type, needs, candidates, several clusters */
static void test_every_kind(void **state)
{
    (void)state;
    struct config *config = read_good(SOURCE_DIR "/tests/golden/config/good/every-kind.yaml");
    struct compiled *compiled = config_compile(config);
    const struct policy *policy = &compiled->policy;
    assert_int_equal(policy->cluster_count, 2);
    assert_int_equal(policy->node_count, 4);
    assert_int_equal(policy->clusters[1].first_node, 3);
    assert_int_equal(policy->nodes[3].cluster, 1);
    assert_int_equal(policy->nodes[3].index, 0);
    assert_int_equal(policy->source_count, 6 + 2 * 3); /* servers with a probe, control probes × nodes */

    size_t at = source_named(policy, "pollers/orders/alive@p3");
    assert_int_equal(policy->sources[at].target, subject_of(SUBJECT_GROUP, 0));
    assert_int_equal(policy->sources[at].node, 2);
    assert_int_equal(policy->sources[at].interval, 10000);
    assert_int_equal(policy->sources[at].rise, 1);
    assert_int_equal(policy->sources[at].fall, 5);
    assert_true(policy->sources[at].control);
    assert_int_equal(compiled->sources[at].aspect, ASPECT_INSTANCE);
    assert_string_equal(compiled->sources[at].node, "p3");
    assert_string_equal(compiled->sources[at].node_address, "10.0.0.3");
    at = source_named(policy, "pollers/orders/room@p1");
    assert_int_equal(compiled->sources[at].aspect, ASPECT_READY);
    assert_string_equal(compiled->sources[at].host, "p1.example");
    assert_int_equal(compiled->sources[at].port, 2121);
    assert_int_equal(policy->sources[at].interval, 20000);
    assert_int_equal(policy->clusters[0].control_interval, 20000);
    assert_int_equal(policy->clusters[0].control_timeout, 10000);

    assert_int_equal(compiled->sources[source_named(policy, "shop")].port, 2121);
    assert_int_equal(compiled->sources[source_named(policy, "implicit")].port, 990);
    assert_int_equal(compiled->sources[source_named(policy, "post")].port, 110);
    at = source_named(policy, "redis");
    assert_string_equal(((const struct tcp_conf *)compiled->sources[at].conf)->send, "PING\r\n");
    at = source_named(policy, "plugin");
    assert_string_equal(((const struct exec_conf *)compiled->sources[at].conf)->command.items[1], "0");
    assert_null(((const struct exec_conf *)compiled->sources[at].conf)->command.items[2]);
    assert_int_equal(compiled->sources[at].timeout, 3000);

    const struct policy_group *orders = &policy->groups[0], *mail = &policy->groups[1];
    assert_int_equal(orders->candidates, 5);
    assert_int_equal(orders->triggers, TRIGGER_NONE);
    assert_int_equal(orders->need_count, 2);
    assert_string_equal(policy->servers[policy->needs[orders->first_need + 1]].name, "plugin");
    assert_int_equal(orders->max_stops.count, 1);
    assert_int_equal(orders->handler_count, 2);
    assert_string_equal(policy->handlers[policy->group_handlers[orders->first_handler + 1]].name, "returns");
    assert_int_equal(mail->mode, MODE_CONFIRM);
    assert_int_equal(mail->triggers, TRIGGER_NONE | TRIGGER_IDLE);
    assert_int_equal(mail->candidates, 7);
    assert_int_equal(policy->groups[2].cluster, 1);
    assert_int_equal(policy->groups[2].mode, MODE_OBSERVE);
    assert_int_equal(policy->handlers[3].group, 2);
    assert_int_equal(policy->handlers[1].singleton, SINGLETON_NO);
    assert_int_equal(policy->handlers[1].window, 240000);
    config_compiled_close(compiled);
    config_close(config);
}

static void test_addresses(void **state)
{
    (void)state;
    struct config *config = read_good(SOURCE_DIR "/tests/golden/config/good/every-kind.yaml");
    struct compiled *compiled = config_compile(config);
    const struct policy *policy = &compiled->policy;
    assert_int_equal(policy->address_count, 9);
    /* cluster by cluster, the longest prefix first: a node's own address before the network that it is in */
    uint8_t last = 128;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(policy->addresses[i].cluster, 0);
        assert_true(policy->addresses[i].prefix <= last);
        last = policy->addresses[i].prefix;
    }
    assert_int_equal(policy->addresses[7].prefix, 96 + 8);
    assert_int_equal(policy->addresses[7].node, NODE_SHARED);
    assert_int_equal(policy->addresses[8].cluster, 1);
    size_t ignored = 0;
    for (size_t i = 0; i < policy->address_count; i++)
        ignored += policy->addresses[i].node == NODE_IGNORED;
    assert_int_equal(ignored, 1);
    config_compiled_close(compiled);
    config_close(config);
}

static void test_logs(void **state)
{
    (void)state;
    struct config *config = read_good(SOURCE_DIR "/tests/golden/config/good/every-kind.yaml");
    struct compiled *compiled = config_compile(config);
    const struct policy *policy = &compiled->policy;
    assert_string_equal(policy->servers[2].name, "post");
    assert_int_equal(compiled->logs[2].zone_seconds, 7200);
    assert_false(compiled->logs[2].zone_local);
    assert_false(compiled->logs[0].zone_local);
    assert_int_equal(policy->servers[0].lag_max, 120000);
    assert_string_equal(policy->servers[3].name, "odd");
    assert_non_null(compiled->logs[3].patterns.poll);
    assert_non_null(compiled->logs[3].patterns.stamp);
    assert_null(compiled->logs[3].patterns.take);
    assert_false(policy->servers[3].has_canary);
    assert_false(policy->servers[3].has_probe);
    assert_true(policy->servers[1].has_probe && policy->servers[1].has_log && !policy->servers[1].has_canary);
    assert_false(policy->servers[1].log_has_logins);
    assert_null(compiled->logs[4].file);
    assert_false(policy->servers[4].has_log);
    config_compiled_close(compiled);
    config_close(config);
}

/* A map of conf.d joins the main one; relative paths are meant from the file that names them; defaults reach everywhere. */
static void test_split(void **state)
{
    (void)state;
    struct config *config = read_good(SOURCE_DIR "/tests/golden/config/split/solowarden.yaml");
    struct compiled *compiled = config_compile(config);
    const struct policy *policy = &compiled->policy;
    assert_int_equal(policy->server_count, 2);
    assert_string_equal(policy->servers[0].name, "shop");
    assert_string_equal(policy->servers[1].name, "post");
    assert_int_equal(policy->handler_count, 2);
    assert_int_equal(policy->groups[0].mode, MODE_OBSERVE);
    assert_int_equal(policy->groups[0].cool_down, 60000);
    assert_string_equal(compiled->logs[0].file, SOURCE_DIR "/tests/golden/config/split/conf.d/../shop.log");
    config_compiled_close(compiled);
    config_close(config);
}

static void test_defaults(void **state)
{
    (void)state;
    struct config *config =
        parse_good("version: 1\n"
                   "defaults: {group: {mode: observe, max_moves: {count: 1}}, probe: {every: 7s}}\n"
                   "clusters: {c: {type: static, nodes: {n: {addresses: [10.0.0.1]}}, groups: {\n"
                   "  a: {}, b: {mode: confirm, max_moves: {per: 1h}}}}}\n"
                   "servers: {x: {type: tcp, address: x, port: 1}, y: {type: tcp, address: y, port: 1, every: 9s},\n"
                   "  z: {type: tcp, address: z, port: 1, probe: {timeout: 1s}}, w: {type: ftp, address: w, probe: {}},\n"
                   "  v: {type: ftp, address: v}}\n");
    const struct conf_group *groups = ((const struct conf_cluster *)config->clusters.entries)->groups.entries;
    assert_int_equal(groups[0].mode, MODE_OBSERVE);
    assert_int_equal(groups[0].max_moves_count, 1);
    assert_int_equal(groups[0].max_moves_per, 6 * 3600000);
    assert_int_equal(groups[1].mode, MODE_CONFIRM);
    assert_int_equal(groups[1].max_moves_count, 2);
    const struct conf_server *servers = config->servers.entries;
    assert_int_equal(servers[0].probe->schedule.every, 7000);
    assert_int_equal(servers[0].probe->schedule.timeout, 3500);
    assert_int_equal(servers[1].probe->schedule.every, 9000);
    assert_int_equal(servers[2].probe->schedule.every, 7000);
    assert_int_equal(servers[2].probe->schedule.timeout, 1000);
    assert_int_equal(servers[3].probe->schedule.every, 7000);
    assert_null(servers[4].probe);
    config_close(config);
}

/* The digest is of all that was read: a change in any file changes it, the same files do not. */
static void test_digest(void **state)
{
    (void)state;
    struct config *a = parse_good("version: 1\n"), *b = parse_good("version: 1\n"), *c = parse_good("version: 1 \n");
    assert_memory_equal(a->digest, b->digest, 32);
    assert_memory_not_equal(a->digest, c->digest, 32);
    config_close(a);
    config_close(b);
    config_close(c);
}

/* Positions are found by name without trouble when there are many. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    fputs("version: 1\nclusters:\n  c:\n    type: static\n    nodes: {n: {addresses: [10.0.0.1]}}\n    groups:\n", out);
    for (int i = 0; i < MANY; i++)
        fprintf(out, "      g%d: {needs: [s%d]}\n", i, MANY - 1 - i);
    fputs("servers:\n", out);
    for (int i = 0; i < MANY; i++)
        fprintf(out, "  s%d: {type: ftp, address: s%d}\n", i, i);
    fputs("handlers:\n", out);
    for (int i = 0; i < MANY; i++)
        fprintf(out, "  h%d: {cluster: c, group: g%d, server: s%d, account: a, poll: 1m}\n", i, MANY - 1 - i, i);
    fclose(out);
    struct config *config = parse_good(text);
    struct compiled *compiled = config_compile(config);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(compiled->policy.handlers[i].group, MANY - 1 - i);
        assert_int_equal(compiled->policy.handlers[i].server, i);
        assert_int_equal(compiled->policy.needs[compiled->policy.groups[i].first_need], MANY - 1 - i);
        assert_int_equal(compiled->policy.group_handlers[compiled->policy.groups[i].first_handler], MANY - 1 - i);
    }
    config_compiled_close(compiled);
    config_close(config);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal), cmocka_unit_test(test_every_kind), cmocka_unit_test(test_addresses), cmocka_unit_test(test_logs),
        cmocka_unit_test(test_split),   cmocka_unit_test(test_defaults),   cmocka_unit_test(test_digest),    cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests_name("config: compile", tests, NULL, NULL);
}
