/* What a hostile or broken file may cost: nothing but a message. */
#include "messages.h"

#include <stdio.h>

enum { MEBIBYTE = 1024 * 1024 };

static char *repeated(const char *begin, const char *unit, size_t count, const char *end, size_t *size)
{
    char *text;
    FILE *out = open_memstream(&text, size);
    assert_non_null(out);
    fputs(begin, out);
    for (size_t i = 0; i < count; i++)
        fputs(unit, out);
    fputs(end, out);
    fclose(out);
    return text;
}

static void assert_repeated_refused(const char *begin, const char *unit, size_t count, const char *end, const char *message)
{
    size_t size;
    char *text = repeated(begin, unit, count, end, &size);
    assert_refused(text, size, message);
    free(text);
}

static void test_alias_bomb(void **state)
{
    (void)state;
    static const char bomb[] = "a: &a [x, x, x, x, x, x, x, x, x]\n"
                               "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
                               "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
                               "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n";
    assert_refused(bomb, sizeof(bomb) - 1, "anchors and aliases are not allowed");
    static const char loop[] = "version: 1\nagent: &a {x: *a}\n";
    assert_refused(loop, sizeof(loop) - 1, "anchors and aliases are not allowed");
    static const char merge[] = "version: 1\nagent: {<<: {name: x}}\n";
    assert_refused(merge, sizeof(merge) - 1, "unknown key `<<`");
    static const char only_alias[] = "version: *v\n";
    assert_refused(only_alias, sizeof(only_alias) - 1, "anchors and aliases are not allowed");
}

static void test_nesting(void **state)
{
    (void)state;
    assert_repeated_refused("version: ", "[", 17, "", "nested too deeply");
    assert_repeated_refused("version: ", "[", 100000, "", "nested too deeply");
    assert_repeated_refused("", "{a: ", 100000, "", "nested too deeply");
    assert_repeated_refused("", "- ", 100000, "", "nested too deeply");
    assert_repeated_refused("version: 1\nagent: {name: ", "[", 14, "]]]]]]]]]]]]]]}\n", "expected one value, found a list");
}

static void test_scalars(void **state)
{
    (void)state;
    assert_repeated_refused("version: 1\nagent: {name: \"", "x", MEBIBYTE, "\"}\n", "longer than 4096 bytes");
    assert_repeated_refused("version: 1\nagent: {name: ", "x", 4097, "}\n", "longer than 4096 bytes");
    assert_repeated_refused("version: 1\nagent: {name: ", "x", 4096, "}\n", "cannot be a name");
    assert_repeated_refused("version: 1\nagent:\n  name: |\n", "    x\n", MEBIBYTE / 6, "", "longer than 4096 bytes");
    assert_repeated_refused("", "x", MEBIBYTE, ": 1\n", "");
}

static void test_numbers_of_things(void **state)
{
    (void)state;
    assert_repeated_refused("version: 1\nagent: {name: [", "x,", 600000, "]}\n", "too many values");
    assert_repeated_refused("version: 1\n", "# a comment\n", MEBIBYTE, "", "larger than 8 MiB");
    assert_repeated_refused("version: 1\nclusters: {c: {type: static, nodes: {", "n", 0, "}, groups: {}}}\n", "1 to 64 nodes");

    char *nodes;
    size_t size;
    FILE *out = open_memstream(&nodes, &size);
    assert_non_null(out);
    fputs("version: 1\nclusters: {c: {type: static, groups: {}, nodes: {\n", out);
    for (int i = 0; i < 65; i++)
        fprintf(out, "  n%d: {addresses: [10.0.0.%d]},\n", i, i);
    fputs("}}}\n", out);
    fclose(out);
    assert_refused(nodes, size, "a cluster has 1 to 64 nodes, this one has 65");
    free(nodes);
}

/* A thousand mistakes are counted, a hundred are shown. */
static void test_many_errors(void **state)
{
    (void)state;
    size_t size;
    char *text = repeated("version: 1\nservers:\n", "  x: 1\n", 1000, "", &size), *printed;
    unsigned errors;
    assert_null(read_printed("t.yaml", text, size, &printed, &errors));
    assert_true(errors >= 1000);
    size_t lines = 0;
    for (const char *at = printed; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 301);
    assert_non_null(strstr(printed, "further errors are not shown"));
    free(printed);
    free(text);
}

static void test_broken(void **state)
{
    (void)state;
    assert_refused("", 0, "the file is empty");
    assert_refused("\n\n", 2, "the file is empty");
    assert_refused("---\n...\n", 8, "expected keys");
    assert_refused("version: 1\0agent: {}\n", 21, "control characters are not allowed");
    assert_refused("\xff\xfev\0e\0r\0", 8, "not a text file");
    assert_refused("version: \xed\xa0\x80\n", 13, "not a text file");
    assert_refused("version: 1\nagent: {name: \"mon", 29, "not valid YAML");
    assert_refused("version: 1\nversion", 18, "not valid YAML");
    assert_refused("%YAML 2.0\n---\nversion: 1\n", 25, "incompatible YAML document");
    assert_refused("%TAG ! tag:x,2000:\n---\nversion: !x 1\n", 37, "tags are not allowed");
    assert_refused("? version\n? {a: b}\n: 1\n", 23, "a key must be a plain word");
}

/* Every prefix of a good file is refused or taken, never anything else. */
static void test_truncated(void **state)
{
    (void)state;
    FILE *file = fopen(SOURCE_DIR "/tests/golden/config/good/every-kind.yaml", "r");
    assert_non_null(file);
    char text[16384];
    size_t size = fread(text, 1, sizeof(text), file);
    fclose(file);
    assert_true(size > 1000 && size < sizeof(text));
    for (size_t length = 0; length < size; length += 1 + length % 3) {
        char *copy = malloc(length + 1), *printed; /* of the exact size, so that a step too far is noticed */
        assert_non_null(copy);
        memcpy(copy, text, length);
        unsigned errors;
        config_close(read_printed("t.yaml", copy, length, &printed, &errors));
        free(printed);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alias_bomb),        cmocka_unit_test(test_nesting),     cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_numbers_of_things), cmocka_unit_test(test_many_errors), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests_name("config: limits", tests, NULL, NULL);
}
