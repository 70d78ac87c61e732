/* What `audit` and `discover` answer: from an estate to JSON, and from there to a configuration that the configuration's own reader takes
 * without a complaint, whatever strange names were found. */
#include "tests/unit/core/audit_world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli/daemon_audit.h"
#include "agent/cli/discover.h"

#define FOLDER SOURCE_DIR "/tests/golden/audit/"

static char folder[] = "/tmp/solowarden-discover-XXXXXX";

static const char written[] = "version: 1\n"
                              "credentials: {observe: {user: 'CORP\\svc', password_file: pw, auth: ntlm}}\n"
                              "clusters:\n"
                              "  biztalk:\n"
                              "    type: wsfc\n"
                              "    observe: observe\n"
                              "    nodes:\n"
                              "      BTS01: {name: bts01.corp.example, addresses: [10.1.1.11]}\n"
                              "      BTS02: {name: bts02.corp.example, addresses: [10.1.1.12, 10.2.0.0/16]}\n"
                              "    groups: {BizTalkFTP: {}}\n"
                              "  branch:\n"
                              "    type: wsfc\n"
                              "    observe: observe\n"
                              "    nodes: {OTH01: {name: oth01.corp.example, addresses: [10.3.1.11]}}\n"
                              "    groups: {BranchFTP: {}}\n";

static struct config *read_config(const char *name, const char *text)
{
    char path[200], complaint[2000] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    close(descriptor);
    FILE *out = fmemopen(complaint, sizeof complaint - 1, "w");
    struct config *config = config_read(path, &(struct diagnostics){.out = out, .limit = 20});
    fclose(out);
    if (!config)
        fail_msg("%s\nin\n%s", complaint, text);
    unlink(path);
    return config;
}

static int make_folder(void **state)
{
    char path[200];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pw", folder);
    int descriptor = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(descriptor, "secret\n", 7), 7);
    return close(descriptor);
}

static int remove_folder(void **state)
{
    char path[200];
    (void)state;
    snprintf(path, sizeof path, "%s/pw", folder);
    unlink(path);
    return rmdir(folder);
}

static const struct conf_handler *handler_of(const struct config *config, const char *location)
{
    for (size_t i = 0; i < config->handlers.count; i++) {
        const struct conf_handler *handler = (const struct conf_handler *)config->handlers.entries + i;
        if (handler->location && strcmp(handler->location, location) == 0)
            return handler;
    }
    return NULL;
}

/* From the world to a configuration that was read again. */
static struct config *discovered(struct world *world, char **document)
{
    struct config *config = read_config("given.yaml", written);
    const struct audit_input input = world_input(world);
    json_t *arguments = json_object(), *answer = daemon_discover(&input, config, arguments);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    *document = discover_document(answer);
    assert_non_null(*document);
    json_decref(answer);
    json_decref(arguments);
    config_close(config);
    return read_config("found.yaml", *document);
}

static void test_discover(void **state)
{
    (void)state;
    char *document;
    struct world *world = world_open();
    world_file(world, FOLDER "good.estate");
    world_tell(world);
    struct config *config = discovered(world, &document);
    const struct conf_handler *orders = handler_of(config, "Orders"), *mail = handler_of(config, "Mail"),
                              *queue = handler_of(config, "Queue");
    assert_non_null(orders);
    assert_string_equal(orders->group, "BizTalkFTP");
    assert_string_equal(orders->server, "ftp.partner.example");
    assert_string_equal(orders->account, "CHANGE-ME");
    assert_string_equal(orders->path, "/in");
    assert_non_null(mail);
    assert_string_equal(mail->account, "orders");
    assert_non_null(queue);
    assert_string_equal(queue->group, "BizTalkMSMQ");
    assert_non_null(handler_of(config, "Returns"));
    assert_null(handler_of(config, "Files"));
    assert_int_equal(config->handlers.count, 4);
    assert_non_null(strstr(document, "account: CHANGE-ME  # "));
    assert_non_null(strstr(document, "    auth: ntlm\n"));
    assert_non_null(strstr(document, "# receive location Branch: its host Branch is not clustered"));
    free(document);
    config_close(config);
    world_close(world);
}

static void test_hostile_names(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "BTS01 host 'yes' group 'true' type 1",
        "BTS01 host '# not a comment' group 'a: b' type 1",
        "BTS01 host '{x: [y' group '& *anchor' type 1",
        "BTS01 host 1234 group 42 type 1",
        "BTS01 host \"\"\" group BIZTALKFTP type 1",
        "BTS01 location 'yes' port p adapter FTP host 'yes' url ftp://no/a disabled no",
        "BTS01 location '- !!python/object' port p adapter FTP host '# not a comment' url ftp://h/\"%TAG disabled no",
        "BTS01 location '    account: CHANGE-ME' port p adapter POP3 host '{x: [y' url POP3://h#null disabled no",
        "BTS01 location Evil port p adapter FTP host 1234 url ftp://ho\x1b[2Jst/x disabled no",
        "BTS01 location Long port p adapter FTP host 1234 url "
        "ftp://h/\xc3\xa4/01234567890123456789012345678901234567890123456789012345678\xc3\xa4x disabled no",
        "BTS01 location Bad port p adapter FTP host 1234 url ftp://h/\xff\xfe disabled no",
    };
    char *document;
    struct world *world = world_open();
    world_file(world, FOLDER "good.estate");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        world_line(world, lines[i]);
    struct world_row *row = world_row(world, 0, FOUND_HOST, "Newline", "");
    struct found_host *host = (struct found_host *)(void *)row->row.bytes;
    snprintf(host->cluster_group, sizeof host->cluster_group, "x\n  evil: {mode: auto}\n");
    host->type = 1;
    world_tell(world);
    struct config *config = discovered(world, &document);
    assert_non_null(handler_of(config, "yes"));
    assert_non_null(handler_of(config, "- !!python/object"));
    assert_non_null(handler_of(config, "    account: CHANGE-ME"));
    assert_string_equal(handler_of(config, "    account: CHANGE-ME")->host, "{x: [y");
    assert_null(handler_of(config, "Evil"));
    assert_null(strstr(document, "\n  evil:"));
    for (const char *at = document; *at; at++)
        assert_true(*at == '\n' || (unsigned char)*at >= ' ');
    free(document);
    config_close(config);
    world_close(world);
}

static void test_nothing_found(void **state)
{
    (void)state;
    char *document;
    struct world *world = world_open();
    struct config *given = read_config("given.yaml", written);
    const struct audit_input input = world_input(world);
    json_t *none = json_object(), *answer = daemon_discover(&input, given, none);
    document = discover_document(answer);
    assert_non_null(strstr(document, "# cluster biztalk: its hosts are not known: never read yet"));
    free(document);
    json_decref(answer);
    json_object_set_new(none, "cluster", json_string("elsewhere"));
    answer = daemon_discover(&input, given, none);
    assert_true(json_is_false(json_object_get(answer, "ok")));
    json_decref(answer);
    json_decref(none);
    config_close(given);
    world_close(world);
}

/* ---- audit ---- */

static json_int_t figure(const json_t *answer, const char *key)
{
    return json_integer_value(json_object_get(json_array_get(json_object_get(answer, "clusters"), 0), key));
}

static json_t *audited(struct world *world, json_t *arguments)
{
    const struct audit_input input = world_input(world);
    json_t *answer = daemon_audit(&input, arguments);
    json_decref(arguments);
    return answer;
}

static void test_audit_answer(void **state)
{
    (void)state;
    struct world *world = world_open();
    world_file(world, FOLDER "good.estate");
    world_line(world, "BTS01 instance FtpReceive BTS02 disabled yes");
    world_line(world, "BTS01 location Evil\x1b[2J port p adapter FTP host FtpReceive url ftp://a/\xff disabled yes");
    world_tell(world);
    json_t *answer = audited(world, json_pack("{s:s,s:b}", "cluster", "biztalk", "all", 0));
    assert_int_equal(figure(answer, "violated"), 2);
    assert_true(figure(answer, "fulfilled") > 20);
    const json_t *first = json_array_get(json_object_get(answer, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "verdict")), "violated");
    assert_int_equal(json_integer_value(json_object_get(first, "rule")), 9);
    assert_string_equal(json_string_value(json_object_get(first, "node")), "BTS02");
    const json_t *second = json_array_get(json_object_get(answer, "findings"), 1);
    assert_string_equal(json_string_value(json_object_get(second, "subject")), "Evil?[2J");
    json_decref(answer);
    answer = audited(world, json_pack("{s:s,s:i,s:b}", "cluster", "biztalk", "rule", 9, "all", 1));
    assert_int_equal(figure(answer, "violated"), 1);
    assert_int_equal(json_array_size(json_object_get(answer, "rules")), 1);
    assert_int_equal(json_array_size(json_object_get(answer, "findings")), 6);
    json_decref(answer);
    answer = audited(world, json_pack("{s:s}", "cluster", "elsewhere"));
    assert_true(json_is_false(json_object_get(answer, "ok")));
    json_decref(answer);
    answer = audited(world, json_object());
    assert_int_equal(json_array_size(json_object_get(answer, "clusters")), 2);
    json_decref(answer);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_discover), cmocka_unit_test(test_hostile_names),
                                       cmocka_unit_test(test_nothing_found), cmocka_unit_test(test_audit_answer)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
