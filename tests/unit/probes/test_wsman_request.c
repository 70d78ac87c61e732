/* Requests of WS-Management: one golden file per shape in tests/golden/wsman/requests (BLESS=1 rewrites them), each read back by an XML
 * parser; and nothing that is put into one breaks out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/wsman.h"

static char out[WSMAN_REQUEST_MAX];

static const struct wsman_header cluster = {.to = "https://bts01.corp.example:5986/wsman",
                                            .wmi_namespace = WSMAN_CLUSTER,
                                            .class_name = NULL,
                                            .message_id = "uuid:6F1D2C3B-0000-4000-8000-000000000001",
                                            .operation_timeout_ms = 20000},
                                 group = {.to = "https://bts01.corp.example:5986/wsman",
                                          .wmi_namespace = WSMAN_CLUSTER,
                                          .class_name = "MSCluster_ResourceGroup",
                                          .message_id = "uuid:6F1D2C3B-0000-4000-8000-000000000001",
                                          .operation_timeout_ms = 37500};

/* ---- reading back ---- */

struct read_back {
    char text[WSMAN_REQUEST_MAX]; /* all attributes and texts, one a line */
    size_t size, elements;
};

static void keep(struct read_back *back, const char *data, size_t size)
{
    assert_true(back->size + size < sizeof back->text);
    memcpy(back->text + back->size, data, size);
    back->size += size;
    back->text[back->size] = '\0';
}

static void on_start(void *data, const char *name, const char **attributes)
{
    struct read_back *back = data;
    (void)name;
    back->elements++;
    for (; *attributes; attributes += 2) {
        keep(back, attributes[1], strlen(attributes[1]));
        keep(back, "\n", 1);
    }
}

static void on_end(void *data, const char *name)
{
    (void)name;
    keep(data, "\n", 1);
}

static void on_text(void *data, const char *text, int size)
{
    keep(data, text, (size_t)size);
}

static struct read_back *read_back(size_t size)
{
    static struct read_back back;
    memset(&back, 0, sizeof back);
    assert_int_equal(strlen(out), size);
    XML_Parser parser = XML_ParserCreateNS(NULL, '\n');
    assert_non_null(parser);
    XML_SetUserData(parser, &back);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    assert_int_equal(XML_Parse(parser, out, (int)size, 1), XML_STATUS_OK);
    XML_ParserFree(parser);
    return &back;
}

/* ---- golden ---- */

static void golden(const char *name, size_t size)
{
    char path[1024], expected[WSMAN_REQUEST_MAX] = "";
    assert_true(size > 0);
    read_back(size);
    snprintf(path, sizeof path, "%s/tests/golden/wsman/requests/%s.xml", SOURCE_DIR, name);
    FILE *stream = fopen(path, "rb");
    size_t had = stream ? fread(expected, 1, sizeof expected - 1, stream) : 0;
    if (stream)
        fclose(stream);
    if (had == size && !memcmp(out, expected, size))
        return;
    if (!getenv("BLESS"))
        fail_msg("%s differs:\n%s", path, out);
    stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(out, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

static void every_shape_is_as_blessed(void **state)
{
    (void)state;
    static const struct wsman_pair by_name = {"Name", "BizTalkGroup"};
    static const struct wsman_pair move[] = {{"NodeName", "BTS02"}, {"TimeOut", "30"}};
    static const struct wsman_pair keys[] = {
        {"Name", "Microsoft BizTalk Server FtpReceive BTS01"}, {"MgmtDbNameOverride", ""}, {"MgmtDbServerOverride", ""}};
    struct wsman_header instance = group, service = group;
    instance.wmi_namespace = WSMAN_BIZTALK;
    instance.class_name = "MSBTS_HostInstance";
    service.wmi_namespace = WSMAN_CIMV2;
    service.class_name = "Win32_Service";
    static const struct wsman_pair of_host = {"Name", "BTSSvc$FtpReceive"};
    golden("identify", wsman_identify(out, sizeof out));
    golden("enumerate-wql", wsman_enumerate(out, sizeof out, &cluster, "SELECT Name,State FROM MSCluster_Node", 1000));
    golden("enumerate-class", wsman_enumerate(out, sizeof out, &group, NULL, 100));
    golden("pull", wsman_pull(out, sizeof out, &cluster, "uuid:C9262A4B-1111-4222-8333-444455556666", 1000));
    golden("release", wsman_release(out, sizeof out, &cluster, "uuid:C9262A4B-1111-4222-8333-444455556666"));
    golden("get", wsman_get(out, sizeof out, &group, &by_name, 1));
    golden("get-compound-key", wsman_get(out, sizeof out, &instance, keys, 3));
    golden("invoke", wsman_invoke(out, sizeof out, &group, "MoveToNewNode", &by_name, 1, move, 2));
    golden("invoke-without-parameters", wsman_invoke(out, sizeof out, &service, "StopService", &of_host, 1, NULL, 0));
}

/* ---- shapes that an independent server took ---- */

struct shape {
    char text[8192];
    size_t size;
};

static void shape_put(struct shape *shape, const char *text)
{
    size_t size = strlen(text);
    assert_true(shape->size + size < sizeof shape->text);
    memcpy(shape->text + shape->size, text, size + 1);
    shape->size += size;
}

/* Selectors apart: that server wants its namespace among them. The namespace of a method's input is its class's address. */
static void shape_start(void *data, const char *name, const char **attributes)
{
    const char *local = strrchr(name, '\n');
    if (strstr(name, "Selector"))
        return;
    shape_put(data, strstr(name, "/cim-schema/") || strstr(name, "/wmi/") ? local : name);
    for (; *attributes; attributes += 2) {
        shape_put(data, " ");
        shape_put(data, attributes[0]);
    }
    shape_put(data, " {\n");
}

static void shape_end(void *data, const char *name)
{
    if (!strstr(name, "Selector"))
        shape_put(data, "}\n");
}

static struct shape shape_of(const char *data, size_t size)
{
    struct shape shape = {.size = 0};
    XML_Parser parser = XML_ParserCreateNS(NULL, '\n');
    assert_non_null(parser);
    XML_SetUserData(parser, &shape);
    XML_SetElementHandler(parser, shape_start, shape_end);
    assert_int_equal(XML_Parse(parser, data, (int)size, 1), XML_STATUS_OK);
    XML_ParserFree(parser);
    return shape;
}

static void like_accepted(const char *name, size_t size)
{
    char path[1024], accepted[WSMAN_REQUEST_MAX];
    snprintf(path, sizeof path, "%s/tests/golden/wsman/accepted/%s.xml", SOURCE_DIR, name);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    size_t had = fread(accepted, 1, sizeof accepted, stream);
    fclose(stream);
    assert_true(size > 0);
    assert_string_equal(shape_of(out, size).text, shape_of(accepted, had).text);
}

static void requests_have_the_shape_that_an_independent_server_took(void **state)
{
    (void)state;
    static const struct wsman_pair by_name = {"Name", "FTPGRP"};
    static const struct wsman_pair move[] = {{"NodeName", "NODE2"}, {"TimeOut", "30"}};
    like_accepted("identify", wsman_identify(out, sizeof out));
    like_accepted("enumerate", wsman_enumerate(out, sizeof out, &cluster, "select Name,State from MSCluster_Resource where State=4", 20));
    like_accepted("pull", wsman_pull(out, sizeof out, &cluster, "1215496192", 1));
    like_accepted("get", wsman_get(out, sizeof out, &group, &by_name, 1));
    like_accepted("invoke", wsman_invoke(out, sizeof out, &group, "MoveToNewNode", &by_name, 1, move, 2));
}

/* ---- injection ---- */

static void texts_come_back_as_they_went_in(void **state)
{
    (void)state;
    static const char *const texts[] = {"a' OR '1'='1",  "</w:Filter><s:evil/>", "]]>",         "\"><x a=\"",
                                        "&amp;&#0;<!--", "tab\tline\nreturn\r",  "Größe ü € 𝄞", "<!DOCTYPE a [<!ENTITY b \"c\">]>",
                                        " blank "};
    size_t plain = read_back(wsman_enumerate(out, sizeof out, &cluster, "x", 1))->elements;
    size_t plain_pull = read_back(wsman_pull(out, sizeof out, &cluster, "x", 1))->elements;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wsman_pair pair = {"Name", texts[i]}, named = {texts[i], "value"};
        struct read_back *back = read_back(wsman_enumerate(out, sizeof out, &cluster, texts[i], 1));
        assert_non_null(strstr(back->text, texts[i]));
        assert_int_equal(back->elements, plain);
        back = read_back(wsman_pull(out, sizeof out, &cluster, texts[i], 1));
        assert_non_null(strstr(back->text, texts[i]));
        assert_int_equal(back->elements, plain_pull);
        assert_non_null(strstr(read_back(wsman_release(out, sizeof out, &cluster, texts[i]))->text, texts[i]));
        assert_non_null(strstr(read_back(wsman_get(out, sizeof out, &group, &pair, 1))->text, texts[i]));
        assert_non_null(strstr(read_back(wsman_get(out, sizeof out, &group, &named, 1))->text, texts[i]));
        assert_non_null(strstr(read_back(wsman_invoke(out, sizeof out, &group, "Move", NULL, 0, &pair, 1))->text, texts[i]));
    }
}

static void what_xml_cannot_carry_is_not_written(void **state)
{
    (void)state;
    static const char *const texts[] = {"\x01",     "a\x1b[31m",    "\x7f",         "\x80", "\xc0\xaf",         "\xed\xa0\x80",
                                        "\xe2\x82", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xff", "\xf4\x90\x80\x80", "x\xf0\x9f\x98"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wsman_pair pair = {"Name", texts[i]};
        struct wsman_header header = cluster;
        header.to = texts[i];
        assert_int_equal(wsman_enumerate(out, sizeof out, &cluster, texts[i], 1), 0);
        assert_int_equal(wsman_pull(out, sizeof out, &cluster, texts[i], 1), 0);
        assert_int_equal(wsman_release(out, sizeof out, &cluster, texts[i]), 0);
        assert_int_equal(wsman_get(out, sizeof out, &group, &pair, 1), 0);
        assert_int_equal(wsman_invoke(out, sizeof out, &group, "Move", NULL, 0, &pair, 1), 0);
        assert_int_equal(wsman_enumerate(out, sizeof out, &header, "x", 1), 0);
    }
    struct wsman_pair nothing = {"Name", NULL};
    assert_int_equal(wsman_get(out, sizeof out, &group, &nothing, 1), 0);
}

/* They become parts of names and addresses, where escaping does not help. */
static void names_are_names(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a b", "a/b", "1a", "a:b", "a<b", "Ä", "a\"", "*"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct wsman_pair pair = {names[i], "value"};
        struct wsman_header header = group;
        header.class_name = names[i];
        assert_int_equal(wsman_get(out, sizeof out, &header, NULL, 0), 0);
        assert_int_equal(wsman_invoke(out, sizeof out, &group, names[i], NULL, 0, NULL, 0), 0);
        assert_int_equal(wsman_invoke(out, sizeof out, &group, "Move", NULL, 0, &pair, 1), 0);
        header = group;
        header.wmi_namespace = names[i];
        if (strcmp(names[i], "a/b") != 0)
            assert_int_equal(wsman_get(out, sizeof out, &header, NULL, 0), 0);
    }
}

/* A request is whole or it is none. */
static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    size_t whole = wsman_enumerate(out, sizeof out, &cluster, "SELECT * FROM MSCluster_Node", 1000);
    for (size_t size = 0; size <= whole; size++) {
        char *exact = malloc(size ? size : 1);
        assert_non_null(exact);
        assert_int_equal(wsman_enumerate(exact, size, &cluster, "SELECT * FROM MSCluster_Node", 1000), 0);
        free(exact);
    }
    assert_int_equal(wsman_enumerate(out, whole + 1, &cluster, "SELECT * FROM MSCluster_Node", 1000), whole);
}

static void message_ids_differ_and_are_of_version_four(void **state)
{
    (void)state;
    static const uint8_t nonce[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    char first[48], second[48];
    wsman_message_id(nonce, 1, first);
    wsman_message_id(nonce, 2, second);
    assert_string_equal(first, "uuid:FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFE");
    assert_string_equal(second, "uuid:FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_is_as_blessed),
        cmocka_unit_test(requests_have_the_shape_that_an_independent_server_took),
        cmocka_unit_test(texts_come_back_as_they_went_in),
        cmocka_unit_test(what_xml_cannot_carry_is_not_written),
        cmocka_unit_test(names_are_names),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(message_ids_differ_and_are_of_version_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
