/* The reader of WS-Management's replies. Every reply in tests/golden/wsman (NAME.xml, NAME.STATUS.xml where HTTP said other than 200) must
 * give what NAME.txt says, however it is cut; BLESS=1 rewrites those. The limits are tried with replies that are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>

#include "wsman_reading.h"

#define HEAD                                                                                                                               \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "        \
    "xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\"><s:Header><a:RelatesTo>uuid:A</a:RelatesTo></s:Header><s:Body>"
#define PAGE HEAD "<n:PullResponse><n:Items>"
#define PAGE_END "</n:Items><n:EndOfSequence/></n:PullResponse></s:Body></s:Envelope>"

enum { MEMORY = 4 << 20 };

static struct reading whole, cut;
static struct counted_memory memory;

static int set_up(void **state)
{
    (void)state;
    counted_memory(&memory, MEMORY);
    whole.text = malloc(READING_MAX);
    cut.text = malloc(READING_MAX);
    return !whole.text || !cut.text;
}

static int tear_down(void **state)
{
    (void)state;
    free(whole.text);
    free(cut.text);
    return memory.used != 0 || memory.blocks != 0;
}

static struct wsman_reply read_text(const char *data, size_t size, const char *expected)
{
    struct wsman_reply reply;
    reading_of(&whole, &memory, data, size, size ? size : 1, 200, expected, &reply);
    assert_int_equal(memory.blocks, 0);
    return reply;
}

static uint16_t reason_of(const char *data)
{
    return read_text(data, strlen(data), "uuid:A").reason;
}

/* ---- golden replies ---- */

static char *load(const char *path, size_t *size)
{
    FILE *stream = fopen(path, "rb");
    *size = 0;
    if (!stream)
        return NULL;
    char *data = malloc(READING_MAX);
    assert_non_null(data);
    *size = fread(data, 1, READING_MAX - 1, stream);
    data[*size] = '\0';
    fclose(stream);
    return data;
}

static void compare(const char *path)
{
    size_t size;
    char *expected = load(path, &size);
    bool same = expected && size == whole.size && !memcmp(expected, whole.text, size);
    free(expected);
    if (same)
        return;
    if (!getenv("BLESS"))
        fail_msg("%s differs; the reader says:\n%.*s", path, (int)whole.size, whole.text);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(whole.text, 1, whole.size, stream), whole.size);
    assert_int_equal(fclose(stream), 0);
}

static void check(const char *folder, const char *name)
{
    char path[1024];
    size_t size, stem = strlen(name) - strlen(".xml");
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *data = load(path, &size);
    assert_non_null(data);
    const char *dot = memchr(name, '.', stem);
    int status = dot ? atoi(dot + 1) : 200;
    struct wsman_reply reply;
    reading_of(&whole, &memory, data, size, size ? size : 1, status, "", &reply);
    static const size_t pieces[] = {1, 2, 3, 7, 61, 1024, 8191, 8192, 8193};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        reading_of(&cut, &memory, data, size, pieces[i], status, "", &reply);
        if (cut.size != whole.size || memcmp(cut.text, whole.text, whole.size) != 0)
            fail_msg("%s in pieces of %zu gives:\n%.*s", name, pieces[i], (int)cut.size, cut.text);
    }
    free(data);
    snprintf(path, sizeof path, "%s/%.*s.txt", folder, (int)stem, name);
    compare(path);
}

static int is_reply(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');
    return end && !strcmp(end, ".xml");
}

static void replies_are_read_as_they_were_blessed_however_cut(void **state)
{
    (void)state;
    struct dirent **entries;
    int count = scandir(SOURCE_DIR "/tests/golden/wsman", &entries, is_reply, alphasort);
    assert_true(count > 30);
    for (int i = 0; i < count; i++) {
        check(SOURCE_DIR "/tests/golden/wsman", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(memory.blocks, 0);
}

/* ---- whose answer it is ---- */

static void an_answer_to_another_request_is_none(void **state)
{
    (void)state;
    static const char page[] = PAGE "<w:XmlFragment xmlns:w=\"urn:w\"><Name>x</Name></w:XmlFragment>" PAGE_END;
    assert_int_equal(read_text(page, strlen(page), "uuid:A").reason, REASON_OK);
    assert_int_equal(read_text(page, strlen(page), "UUID:a").reason, REASON_OK);
    struct wsman_reply reply = read_text(page, strlen(page), "uuid:B");
    assert_int_equal(reply.reason, REASON_WRONG_RELATION);
    assert_int_equal(reply.items, 0); /* nothing of it was told */
    assert_null(strstr(whole.text, "item \n"));
}

static void an_answer_without_relation_is_none_unless_it_is_a_fault(void **state)
{
    (void)state;
    static const char soap[] = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">";
    char text[1024];
    snprintf(text, sizeof text, "%s<s:Body/></s:Envelope>", soap);
    assert_int_equal(reason_of(text), REASON_WRONG_RELATION);
    snprintf(text, sizeof text, "%s<s:Body><PullResponse/></s:Body></s:Envelope>", soap);
    assert_int_equal(reason_of(text), REASON_WRONG_RELATION);
    snprintf(text, sizeof text,
             "%s<s:Body><s:Fault><s:Code><s:Subcode><s:Value>w:AccessDenied</s:Value></s:Subcode></s:Code></s:Fault></s:Body></s:Envelope>",
             soap);
    assert_int_equal(reason_of(text), REASON_ACCESS_DENIED);
}

static void a_header_after_the_body_is_no_header(void **state)
{
    (void)state;
    assert_int_equal(
        reason_of("<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/><s:Body/><s:Header/></s:Envelope>"),
        REASON_WRONG_RELATION);
    assert_int_equal(reason_of(HEAD "</s:Body><s:Header/></s:Envelope>"), REASON_BAD_REPLY);
    assert_int_equal(reason_of(HEAD "</s:Body><s:Body/></s:Envelope>"), REASON_BAD_REPLY);
}

/* ---- limits ---- */

/* A page with one item whose content is `count` times `piece`, closed by as many `closing`. */
static struct wsman_reply read_repeated(const char *begin, const char *piece, size_t count, const char *middle, const char *closing,
                                        const char *end)
{
    size_t room = strlen(begin) + strlen(end) + strlen(middle) + count * (strlen(piece) + strlen(closing)) + 1;
    char *data = malloc(room), *at = data;
    assert_non_null(data);
    at = stpcpy(at, begin);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, piece);
    at = stpcpy(at, middle);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, closing);
    at = stpcpy(at, end);
    struct wsman_reply reply = read_text(data, (size_t)(at - data), "uuid:A");
    free(data);
    return reply;
}

#define ITEM PAGE "<w:XmlFragment xmlns:w=\"urn:w\">"
#define ITEM_END "</w:XmlFragment>" PAGE_END

static void depth_is_limited(void **state)
{
    (void)state;
    /* Envelope, Body, PullResponse, Items and the item are five deep */
    assert_int_equal(read_repeated(ITEM, "<d>", WSMAN_DEPTH_MAX - 5, "x", "</d>", ITEM_END).reason, REASON_OK);
    assert_int_equal(read_repeated(ITEM, "<d>", WSMAN_DEPTH_MAX - 4, "x", "</d>", ITEM_END).reason, REASON_REPLY_TOO_LARGE);
    assert_int_equal(read_repeated(ITEM, "<d>", 100000, "x", "</d>", ITEM_END).reason, REASON_REPLY_TOO_LARGE);
}

static void elements_are_limited(void **state)
{
    (void)state;
    assert_int_equal(read_repeated(ITEM, "<d/>", WSMAN_ELEMENTS_MAX - 10, "", "", ITEM_END).reason, REASON_OK);
    assert_int_equal(read_repeated(ITEM, "<d/>", WSMAN_ELEMENTS_MAX, "", "", ITEM_END).reason, REASON_REPLY_TOO_LARGE);
}

static void bytes_are_limited(void **state)
{
    (void)state;
    size_t frame = strlen(ITEM "<d></d>" ITEM_END);
    struct wsman_reply reply = read_repeated(ITEM "<d>", "x", WSMAN_REPLY_MAX - frame, "</d>", "", ITEM_END);
    assert_int_equal(reply.reason, REASON_OK);
    assert_int_equal(reply.cut, 1);
    assert_int_equal(read_repeated(ITEM "<d>", "x", WSMAN_REPLY_MAX - frame + 1, "</d>", "", ITEM_END).reason, REASON_REPLY_TOO_LARGE);
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    struct wsman_reply reply = read_repeated(ITEM "<d>", "x", WSMAN_TEXT_MAX, "</d>", "", ITEM_END);
    assert_int_equal(reply.cut, 0);
    reply = read_repeated(ITEM "<d>x", "é", WSMAN_TEXT_MAX / 2, "</d>", "", ITEM_END); /* the last one would be halved */
    assert_int_equal(reply.cut, 1);
    char expected[WSMAN_TEXT_MAX + 1] = "x", *at = expected + 1;
    for (int i = 0; i < WSMAN_TEXT_MAX / 2 - 1; i++)
        at = stpcpy(at, "é");
    const char *told = strstr(whole.text, "d = ");
    assert_non_null(told);
    assert_int_equal(strcspn(told + 4, "\n"), strlen(expected));
    assert_memory_equal(told + 4, expected, strlen(expected));
}

static void a_path_too_long_is_not_told(void **state)
{
    (void)state;
    char begin[1024], name[300] = "";
    memset(name, 'n', 280);
    snprintf(begin, sizeof begin, "%s<%s>1</%s><after>2</after>%s", ITEM, name, name, ITEM_END);
    struct wsman_reply reply = read_text(begin, strlen(begin), "uuid:A");
    assert_int_equal(reply.reason, REASON_OK);
    assert_int_equal(reply.cut, 1);
    assert_non_null(strstr(whole.text, "item \n  after = 2\nend\n"));
}

/* Without its context a list would look complete. */
static void a_context_that_cannot_be_kept_is_a_bad_reply(void **state)
{
    (void)state;
    assert_int_equal(
        reason_of(HEAD "<n:PullResponse><n:EnumerationContext><id>7</id></n:EnumerationContext></n:PullResponse></s:Body></s:Envelope>"),
        REASON_BAD_REPLY);
    static const char begin[] = HEAD "<n:PullResponse><n:EnumerationContext>", end[] = "</n:PullResponse></s:Body></s:Envelope>";
    struct wsman_reply reply = read_repeated(begin, "c", WSMAN_CONTEXT_MAX - 1, "</n:EnumerationContext>", "", end);
    assert_int_equal(reply.reason, REASON_OK);
    assert_int_equal(strlen(reply.context), WSMAN_CONTEXT_MAX - 1);
    reply = read_repeated(begin, "c", WSMAN_CONTEXT_MAX, "</n:EnumerationContext>", "", end);
    assert_int_equal(reply.reason, REASON_BAD_REPLY);
    assert_string_equal(reply.context, "");
}

static void document_types_are_refused_before_anything_in_them(void **state)
{
    (void)state;
    assert_int_equal(reason_of("<!DOCTYPE a SYSTEM \"http://evil.example/a.dtd\">" HEAD "</s:Body></s:Envelope>"), REASON_BAD_REPLY);
    struct wsman_reply reply =
        read_repeated("<!DOCTYPE a [", "<!ENTITY e \"eeeeeeeeeeeeeeee\">", 30000, "]>" HEAD "</s:Body></s:Envelope>", "", "");
    assert_int_equal(reply.reason, REASON_BAD_REPLY);
    assert_int_equal(reason_of(ITEM "<d>&nbsp;</d>" ITEM_END), REASON_BAD_REPLY);
}

/* Whatever is cut off, it is never a whole reply, and a truncated list has no end. */
static void truncated_replies_are_bad(void **state)
{
    (void)state;
    static const char page[] = ITEM "<d>x</d>" ITEM_END;
    for (size_t size = 0; size < strlen(page); size++) {
        struct wsman_reply reply = read_text(page, size, "uuid:A");
        assert_int_equal(reply.reason, REASON_BAD_REPLY);
    }
    assert_int_equal(reason_of(page), REASON_OK);
    assert_int_equal(reason_of(ITEM "<d>x</d>" ITEM_END "<more/>"), REASON_BAD_REPLY);
}

/* With too little memory: an honest reason, nothing left behind. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    static const char page[] = ITEM "<d a=\"b\">x</d>" ITEM_END;
    memory.most = 0;
    assert_int_equal(reason_of(page), REASON_OK);
    size_t enough = memory.most;
    assert_in_range(enough, 1, 96 * 1024);
    for (size_t limit = 0; limit < enough; limit += limit < 12000 ? 997 : 61) {
        counted_memory(&memory, limit);
        struct wsman_reply reply;
        reading_of(&whole, &memory, page, strlen(page), 100, 200, "uuid:A", &reply);
        if (reply.reason != REASON_NO_RESOURCES && reply.reason != REASON_REPLY_TOO_LARGE)
            fail_msg("%s with %zu of %zu bytes", reason_name(reply.reason), limit, enough);
        assert_int_equal(memory.blocks, 0);
    }
    counted_memory(&memory, MEMORY);
}

/* One token of a megabyte, in the smallest pieces: must not be scanned again with each of them. */
static void a_huge_tag_in_small_pieces_is_read_once_a_block(void **state)
{
    (void)state;
    size_t size = WSMAN_REPLY_MAX;
    char *data = malloc(size);
    assert_non_null(data);
    memset(data, 'a', size);
    memcpy(data, "<a b=\"", 6);
    struct wsman_reply reply;
    reading_of(&whole, &memory, data, size, 16, 200, "", &reply);
    free(data);
    assert_true(reply.reason == REASON_BAD_REPLY || reply.reason == REASON_REPLY_TOO_LARGE);
}

/* ---- what HTTP says ---- */

static void the_status_speaks_where_no_fault_does(void **state)
{
    (void)state;
    static const char page[] = ITEM "<d>x</d>" ITEM_END;
    static const struct {
        int status;
        uint16_t empty, answer;
    } cases[] = {{200, REASON_BAD_REPLY, REASON_OK},
                 {401, REASON_LOGIN_REFUSED, REASON_LOGIN_REFUSED},
                 {403, REASON_ACCESS_DENIED, REASON_ACCESS_DENIED},
                 {302, REASON_REDIRECTED, REASON_REDIRECTED},
                 {404, REASON_HTTP_STATUS, REASON_HTTP_STATUS},
                 {429, REASON_SERVICE_BUSY, REASON_SERVICE_BUSY},
                 {500, REASON_HTTP_STATUS, REASON_HTTP_STATUS},
                 {503, REASON_SERVICE_BUSY, REASON_SERVICE_BUSY},
                 {0, REASON_HTTP_STATUS, REASON_HTTP_STATUS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wsman_reply reply;
        reading_of(&whole, &memory, "", 0, 1, cases[i].status, "uuid:A", &reply);
        assert_int_equal(reply.reason, cases[i].empty);
        reading_of(&whole, &memory, page, strlen(page), strlen(page), cases[i].status, "uuid:A", &reply);
        assert_int_equal(reply.reason, cases[i].answer);
    }
}

static void every_fault_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        const char *subcode;
        uint16_t reason;
    } faults[] = {
        {2150858778, "", REASON_CLASS_MISSING},
        {2150858793, "", REASON_OPERATION_TIMEOUT},
        {2150858811, "", REASON_CLASS_MISSING},
        {2150858813, "", REASON_OBJECT_MISSING},
        {2150858843, "", REASON_OBJECT_MISSING},
        {2150858815, "", REASON_QUOTA},
        {2150859173, "", REASON_QUOTA},
        {2150859174, "", REASON_QUOTA},
        {2150859240, "", REASON_QUOTA},
        {2150859239, "", REASON_QUOTA},
        {2150859238, "", REASON_QUOTA},
        {2150859262, "w:InternalError", REASON_CERTIFICATE_MAPPING},
        {5, "", REASON_ACCESS_DENIED},
        {0x80041003, "", REASON_ACCESS_DENIED},
        {0x80041010, "", REASON_CLASS_MISSING},
        {0x80041017, "", REASON_QUERY_REFUSED},
        {0, "w:AccessDenied", REASON_ACCESS_DENIED},
        {0, "anything:TimedOut", REASON_OPERATION_TIMEOUT},
        {0, "QuotaLimit", REASON_QUOTA},
        {0, "wsa:DestinationUnreachable", REASON_CLASS_MISSING},
        {0, "wsa:EndpointUnavailable", REASON_SERVICE_BUSY},
        {0, "", REASON_PROVIDER_FAILED},
        {1717, "w:NoSuchSubcode", REASON_PROVIDER_FAILED},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        assert_string_equal(reason_name(wsman_fault_reason(faults[i].code, faults[i].subcode)), reason_name(faults[i].reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read_as_they_were_blessed_however_cut),
        cmocka_unit_test(an_answer_to_another_request_is_none),
        cmocka_unit_test(an_answer_without_relation_is_none_unless_it_is_a_fault),
        cmocka_unit_test(a_header_after_the_body_is_no_header),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(elements_are_limited),
        cmocka_unit_test(bytes_are_limited),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(a_path_too_long_is_not_told),
        cmocka_unit_test(a_context_that_cannot_be_kept_is_a_bad_reply),
        cmocka_unit_test(document_types_are_refused_before_anything_in_them),
        cmocka_unit_test(truncated_replies_are_bad),
        cmocka_unit_test(memory_may_end_anywhere),
        cmocka_unit_test(a_huge_tag_in_small_pieces_is_read_once_a_block),
        cmocka_unit_test(the_status_speaks_where_no_fault_does),
        cmocka_unit_test(every_fault_has_its_reason),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
