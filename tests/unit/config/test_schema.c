/* What is generated from the field tables is what is committed; the tables themselves are sound. */
#include "messages.h"

#include <jansson.h>

#include "agent/config/fill.h"

static char *printed_by(void (*print)(FILE *))
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(out);
    fclose(out);
    return text;
}

static char *file_text(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    return text;
}

static void test_schema_is_committed(void **state)
{
    (void)state;
    char *now = printed_by(config_schema), *committed = file_text(SOURCE_DIR "/conf/solowarden.schema.json");
    if (strcmp(now, committed) != 0)
        fail_msg("conf/solowarden.schema.json is old: solowarden schema >conf/solowarden.schema.json");
    json_t *schema = json_loads(now, 0, NULL);
    assert_non_null(schema);
    json_decref(schema);
    free(now);
    free(committed);
}

/* The annotated sample ends with the key reference, exactly. */
static void test_sample_has_reference(void **state)
{
    (void)state;
    char *now = printed_by(config_reference), *sample = file_text(SOURCE_DIR "/conf/solowarden.yaml");
    size_t size = strlen(now), whole = strlen(sample);
    if (whole < size || strcmp(sample + whole - size, now) != 0)
        fail_msg("the end of conf/solowarden.yaml is old: replace it by the output of solowarden schema --keys");
    free(now);
    free(sample);
}

static void check_table(const struct field *fields, unsigned depth);

static void check_cases(const struct field *row, unsigned depth)
{
    for (const struct variant_case *one = row->sub; one->type; one++)
        if (case_fields(one))
            check_table(case_fields(one), depth + 1);
}

static void check_row(const struct field *row, unsigned depth)
{
    bool nested = row->type == FIELD_TABLE || row->type == FIELD_OPTIONAL || row->type == FIELD_BESIDE || row->type == FIELD_MAP;
    if (row->type != FIELD_PROBE && (!row->help || !*row->help))
        fail_msg("`%s` has no help", row->key);
    if (row->help && row->help[strlen(row->help) - 1] != '.')
        fail_msg("the help of `%s` is no sentence", row->key);
    if (row->preset && row->flags & FIELD_REQUIRED)
        fail_msg("`%s` is required and has a default", row->key);
    if (row->flags & FIELD_NOT_BUILT)
        return;
    if (row->type == FIELD_MAP || row->type == FIELD_OPTIONAL || row->type == FIELD_BESIDE)
        assert_true(row->max > 0);
    if (row->type == FIELD_INTEGER || row->type == FIELD_DURATION)
        assert_true(row->min <= row->max && row->max > 0);
    if (nested)
        check_table(row->sub, depth + 1);
    if (row->type == FIELD_CASES || row->type == FIELD_VARIANT)
        check_cases(row, depth);
    if (row->type == FIELD_PROBE)
        check_table(((const struct probe_type *)row->sub)->fields, depth + 1);
}

static void check_table(const struct field *fields, unsigned depth)
{
    assert_true(depth < 12);
    for (const struct field *row = fields; row->key; row++) {
        check_row(row, depth);
        for (const struct field *other = fields; other != row; other++)
            assert_string_not_equal(other->key, row->key);
    }
}

static void test_tables(void **state)
{
    (void)state;
    check_table(config_fields, 0);
}

/* Every default is a value that the parser itself takes: all of them are in force in the smallest entries. */
static void test_presets(void **state)
{
    (void)state;
    config_close(
        parse_good("version: 1\n"
                   "agent: {}\n"
                   "snmp: {listen: udp:127.0.0.1:1161, users: {u: {auth_file: a, priv_file: p}}, notify: {n: {to: udp:h:162, user: u}}}\n"
                   "clusters: {c: {type: static, nodes: {n: {addresses: [10.0.0.1]}}, groups: {g: {control: {\n"
                   "  a: {type: exec, command: [/bin/true]}, b: {type: tcp, port: 1}}}}}}\n"
                   "servers: {f: {type: ftp, address: f, probe: {}, log: {file: /f, format: vsftpd}}, p: {type: pop3, address: p,\n"
                   "  probe: {}, log: {file: /p, format: dovecot-pop3}}, t: {type: tcp, address: t, port: 1},\n"
                   "  e: {type: exec, command: [/bin/true]}}\n"
                   "handlers: {h: {cluster: c, group: g, server: f, account: a, poll: 1s}}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_is_committed),
        cmocka_unit_test(test_sample_has_reference),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_presets),
    };
    return cmocka_run_group_tests_name("config: schema", tests, NULL, NULL);
}
