/* Log formats: recorded lines → sightings (tests/golden/formats/FORMAT-NAME.log → .expect; `--bless` writes them anew), stamps,
 * addresses, recognition, patterns of the site's own. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probes/line.h"

static const char golden[] = SOURCE_DIR "/tests/golden/formats";
static bool bless;

/* ---- recorded lines ---- */

static void span_put(FILE *out, stamp_t begin, stamp_t end)
{
    if (begin == end)
        fprintf(out, "%" PRId64 ".%03d", end / 1000, (int)(end % 1000));
    else
        fprintf(out, "%" PRId64 ".%03d+%" PRId64 "ms", begin / 1000, (int)(begin % 1000), end - begin);
}

static void sighting_put(FILE *out, enum parsed parsed, const struct sighting *sighting)
{
    static const char *const grades[GRADES] = {"none", "open", "poll", "take", "store", "refused", "failed", "close"};
    static const char *const words[] = {"nothing", "sighting", "stamp", "alien"};
    char address[46];
    if (parsed != PARSED_SIGHTING) {
        fprintf(out, "%s", words[parsed]);
        if (parsed == PARSED_STAMP)
            fprintf(out, " %" PRId64, sighting->end / 1000);
        fputc('\n', out);
        return;
    }
    fprintf(out, "%s%s%s%s account=%.*s client=%s", grades[sighting->grade], sighting->complete ? " complete" : "",
            sighting->removed ? " removed" : "", sighting->whole_session ? " whole" : "", (int)sighting->account.size,
            sighting->account.data, address_text(&sighting->address, address));
    if (sighting->object.size)
        fprintf(out, " object=%.*s", (int)sighting->object.size, sighting->object.data);
    if (sighting->bytes >= 0)
        fprintf(out, " bytes=%" PRId64, sighting->bytes);
    if (sighting->takes)
        fprintf(out, " takes=%" PRIu32, sighting->takes);
    if (sighting->session)
        fprintf(out, " session=%04x", (unsigned)(sighting->session & 0xffff));
    fputc(' ', out);
    span_put(out, sighting->begin, sighting->end);
    fputc('\n', out);
}

static const struct format *format_of_file(const char *name)
{
    for (const struct format *format = formats; format->name; format++)
        if (strncmp(name, format->name, strlen(format->name)) == 0)
            return format;
    return NULL;
}

static void golden_file(const char *name)
{
    char path[512], line[LINE_MAX_BYTES], *said = NULL, *expected = NULL;
    size_t said_size = 0, capacity = 0;
    static struct format_state state;
    const struct format *format = format_of_file(name);
    assert_non_null(format);
    state = (struct format_state){.year = 2026, .month = 12, .zone_set = true};
    snprintf(path, sizeof path, "%s/%s", golden, name);
    FILE *in = fopen(path, "rb"), *out = open_memstream(&said, &said_size);
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        struct sighting sighting = {0};
        enum parsed parsed = format->parse(NULL, &state, line, strcspn(line, "\n"), &sighting);
        sighting_put(out, parsed, &sighting);
    }
    fclose(in);
    fclose(out);
    snprintf(path + strlen(path) - 4, 16, ".expect");
    if (bless) {
        out = fopen(path, "wb");
        assert_non_null(out);
        fwrite(said, 1, said_size, out);
        fclose(out);
    }
    in = fopen(path, "rb");
    assert_non_null(in);
    if (getdelim(&expected, &capacity, '\0', in) < 0)
        fail_msg("%s is empty", path);
    fclose(in);
    assert_string_equal(said, expected);
    free(said);
    free(expected);
}

static void golden_lines(void **unused)
{
    (void)unused;
    unsigned files = 0;
    DIR *folder = opendir(golden);
    assert_non_null(folder);
    for (struct dirent *file; (file = readdir(folder));) {
        size_t length = strlen(file->d_name);
        if (length < 5 || strcmp(file->d_name + length - 4, ".log") != 0)
            continue;
        golden_file(file->d_name);
        files++;
    }
    closedir(folder);
    assert_true(files >= 6);
}

/* ---- stamps ---- */

static stamp_t stamp_of(const char *text, int16_t year, int16_t month, int32_t zone)
{
    struct format_state state = {.year = year, .month = month, .zone_seconds = zone, .zone_set = true};
    struct cursor cursor = {text, text + strlen(text)};
    stamp_t stamp;
    return stamp_any(&state, &cursor, &stamp) ? stamp : -1;
}

static void stamps(void **unused)
{
    (void)unused;
    assert_int_equal(stamp_of("Sun Nov 22 20:20:03 2026", 0, 0, 0), 1795378803000);
    assert_int_equal(stamp_of("Sun Nov 22 20:20:03 2026", 0, 0, 3600), 1795375203000);
    assert_int_equal(stamp_of("2026-11-22 20:20:03.123456 x", 0, 0, 0), 1795378803123);
    assert_int_equal(stamp_of("2026-11-22T20:20:03Z", 0, 0, 3600), 1795378803000);
    assert_int_equal(stamp_of("2026-11-22T20:20:03+02:00", 0, 0, 0), 1795371603000);
    assert_int_equal(stamp_of("2026/11/22 20:20:03", 0, 0, 0), 1795378803000);
    assert_int_equal(stamp_of("<38>Nov 22 20:20:03 host", 2026, 11, 0), 1795378803000);
    assert_int_equal(stamp_of("Feb 29 00:00:00 host", 2028, 3, 0), 1835395200000);
    assert_int_equal(stamp_of("Feb 29 00:00:00 host", 2026, 3, 0), -1);
    /* nearest year: December read in January, January read in December */
    assert_int_equal(stamp_of("Dec 31 23:59:59 host", 2027, 1, 0), 1798761599000);
    assert_int_equal(stamp_of("Jan  1 00:00:00 host", 2026, 12, 0), 1798761600000);
    static const char *const none[] = {"",
                                       "Sun Nov 22",
                                       "Sun Nov 22 24:00:00 2026",
                                       "Sun Nov 22 20:60:03 2026",
                                       "Sun Nov 31 20:20:03 2026",
                                       "Sun Nox 22 20:20:03 2026",
                                       "2026-13-22 20:20:03",
                                       "2026-11-22 20:20",
                                       "1969-11-22 20:20:03",
                                       "<9999>Nov 22 20:20:03",
                                       "Nov 2x 20:20:03 h"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(stamp_of(none[i], 2026, 11, 0), -1);
}

/* A year ends while the log is read. */
static void year_passes(void **unused)
{
    (void)unused;
    struct format_state state = {.year = 2026, .month = 12};
    static const struct {
        const char *text;
        stamp_t stamp;
    } lines[] = {{"Dec 31 23:59:59 h", 1798761599000}, {"Jan  1 00:00:01 h", 1798761601000}, {"Jul  1 00:00:00 h", 1814400000000}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct cursor cursor = {lines[i].text, lines[i].text + strlen(lines[i].text)};
        stamp_t stamp;
        assert_true(stamp_any(&state, &cursor, &stamp));
        assert_int_equal(stamp, lines[i].stamp);
    }
}

/* The remembered day must not leak into a line of another day. */
static void day_cache(void **unused)
{
    (void)unused;
    struct format_state state = {.year = 2026, .month = 11};
    static const char *const lines[] = {"Sun Nov 22 20:20:03 2026", "Mon Nov 23 20:20:03 2026", "Sun Nov 22 20:20:03 2026",
                                        "2026-11-23 20:20:03",      "Nov 22 20:20:03",          "2027-11-22 20:20:03"};
    static const stamp_t expected[] = {1795378803000, 1795465203000, 1795378803000, 1795465203000, 1795378803000, 1826914803000};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct cursor cursor = {lines[i], lines[i] + strlen(lines[i])};
        stamp_t stamp;
        assert_true(stamp_any(&state, &cursor, &stamp));
        assert_int_equal(stamp, expected[i]);
    }
}

/* ---- addresses ---- */

static void addresses(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *canonical; /* NULL = none */
    } cases[] = {
        {"10.0.0.1", "10.0.0.1"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"[::1]", "::1"},
        {"::", "::"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:db8::", "2001:db8::"},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"fe80::1:2", "fe80::1:2"},
        {"", NULL},
        {"10.0.0", NULL},
        {"10.0.0.256", NULL},
        {"10.0.0.1.2", NULL},
        {"10.0.0.1 ", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"1::2::3", NULL},
        {"12345::", NULL},
        {":::", NULL},
        {"1:", NULL},
        {"host", NULL},
        {"::ffff:10.0.0.300", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address address;
        char text[46];
        bool good = address_parse(cases[i].text, strlen(cases[i].text), &address);
        if (good != (cases[i].canonical != NULL))
            fail_msg("%s: %s", cases[i].text, good ? "taken for an address" : "not understood");
        if (good)
            assert_string_equal(address_text(&address, text), cases[i].canonical);
    }
}

/* ---- recognition ---- */

static const struct format *recognise(const char *a, const char *b)
{
    struct text lines[] = {{a, strlen(a)}, {b, strlen(b)}};
    return format_recognise(lines, 2);
}

static void recognition(void **unused)
{
    (void)unused;
    const char *vsftpd = "Sun Nov 22 20:20:03 2026 [pid 20729] CONNECT: Client \"127.0.0.1\"";
    const char *xferlog = "Sun Nov 22 20:21:43 2026 1 127.0.0.3 8000000 /big.bin b _ o r shop ftp 0 * c";
    const char *dovecot = "Nov 22 22:38:23 master: Info: Dovecot v2.3.19.1 starting up for pop3";
    assert_ptr_equal(recognise(vsftpd, "junk"), format_by_name("vsftpd"));
    assert_ptr_equal(recognise("junk", xferlog), format_by_name("xferlog"));
    assert_ptr_equal(recognise("", dovecot), format_by_name("dovecot-pop3"));
    assert_null(recognise("junk", "Nov 22 22:38:23 host sshd[1]: hello"));
    assert_null(format_by_name("nonsense"));
}

/* ---- custom ---- */

static size_t allocated, limit;

static void *bounded_allocate(size_t size, void *context)
{
    (void)context;
    if (allocated + size > limit)
        return NULL;
    size_t *block = malloc(size + 16);
    if (block) {
        block[0] = size;
        allocated += size;
    }
    return block ? (char *)block + 16 : NULL;
}

static void bounded_release(void *block, void *context)
{
    (void)context;
    if (!block)
        return;
    size_t *start = (size_t *)(void *)((char *)block - 16);
    allocated -= start[0];
    free(start);
}

static const struct bounded_memory memory = {bounded_allocate, bounded_release, NULL};

static const struct custom_patterns patterns = {
    .poll = "^(?<stamp>\\S+ \\S+) (?<address>\\S+) (?<account>\\S+) in$",
    .take = "^(?<stamp>\\S+ \\S+) (?<address>\\S+) (?<account>\\S+) got (?<object>\\S+) (?<bytes>\\d+) (?<seconds>[\\d.]+)$",
    .refused = "^(?<stamp>\\S+ \\S+) (?<address>\\S+) (?<account>\\S+) in refused$",
    .stamp = "%Y-%m-%d %H:%M:%S.%f",
};

static enum parsed custom_line(const struct custom_format *custom, const char *line, struct sighting *sighting)
{
    static struct format_state state;
    return format_by_name("custom")->parse(custom, &state, line, strlen(line), sighting);
}

static void custom_patterns_work(void **unused)
{
    (void)unused;
    char error[128] = "";
    struct sighting sighting;
    limit = 1 << 20;
    struct custom_format *custom = custom_format_open(&patterns, &memory, error, sizeof error);
    if (!custom)
        fail_msg("%s", error);
    assert_int_equal(custom_line(custom, "2026-11-22 20:20:03.500 10.0.0.1 shop in", &sighting), PARSED_SIGHTING);
    assert_int_equal(sighting.grade, GRADE_POLL);
    assert_int_equal(sighting.end, 1795378803500);
    assert_int_equal(custom_line(custom, "2026-11-22 20:20:03.500 10.0.0.1 shop got /a.csv 77 12.9", &sighting), PARSED_SIGHTING);
    assert_int_equal(sighting.grade, GRADE_TAKE);
    assert_int_equal(sighting.bytes, 77);
    assert_int_equal(sighting.end - sighting.begin, 12000);
    assert_memory_equal(sighting.object.data, "/a.csv", sighting.object.size);
    assert_int_equal(custom_line(custom, "2026-11-22 20:20:03.500 10.0.0.1 shop in refused", &sighting), PARSED_SIGHTING);
    assert_int_equal(sighting.grade, GRADE_REFUSED);
    assert_int_equal(custom_line(custom, "2026-11-22 20:20:03.500 nowhere shop in", &sighting), PARSED_STAMP);
    assert_int_equal(custom_line(custom, "2026-99-22 20:20:03.500 10.0.0.1 shop in", &sighting), PARSED_ALIEN);
    assert_int_equal(custom_line(custom, "something else", &sighting), PARSED_ALIEN);
    assert_int_equal(custom_line(NULL, "something else", &sighting), PARSED_ALIEN);
    custom_format_close(custom);
    assert_int_equal(allocated, 0);
}

static void custom_fault(struct custom_patterns bad, const char *word)
{
    char error[128] = "";
    assert_null(custom_format_open(&bad, &memory, error, sizeof error));
    if (!strstr(error, word))
        fail_msg("\"%s\" does not say \"%s\"", error, word);
    assert_int_equal(allocated, 0);
}

static void custom_faults_are_told(void **unused)
{
    (void)unused;
    limit = 1 << 20;
    struct custom_patterns bad = patterns;
    bad.stamp = "%Y";
    custom_fault(bad, "whole date");
    bad.stamp = "%Q";
    custom_fault(bad, "known");
    bad.stamp = NULL;
    custom_fault(bad, "stamp");
    bad = patterns;
    bad.poll = "(";
    custom_fault(bad, "poll");
    bad.poll = "no groups";
    custom_fault(bad, "named groups");
    bad = patterns;
    bad.take = patterns.poll;
    custom_fault(bad, "object");
    bad = (struct custom_patterns){.stamp = "%s"};
    custom_fault(bad, "poll or take");
    limit = 0;
    custom_fault(patterns, "memory");
    limit = 2000;
    custom_fault(patterns, "memory");
}

/* A pattern that backtracks without end, on a line made for it: limited, not endless. */
static void custom_hostile_line(void **unused)
{
    (void)unused;
    char error[128], line[LINE_MAX_BYTES];
    struct sighting sighting;
    limit = 1 << 20;
    struct custom_patterns slow = {.poll = "^(?<stamp>\\d+) (?<address>\\S+) (?<account>(a+)+)$", .stamp = "%s"};
    struct custom_format *custom = custom_format_open(&slow, &memory, error, sizeof error);
    assert_non_null(custom);
    memset(line, 'a', sizeof line);
    memcpy(line, "1795378803 10.0.0.1 ", 20);
    line[sizeof line - 1] = '!';
    struct format_state state = {0};
    for (int i = 0; i < 100; i++)
        assert_int_equal(format_by_name("custom")->parse(custom, &state, line, sizeof line, &sighting), PARSED_ALIEN);
    custom_format_close(custom);
    assert_int_equal(allocated, 0);
}

/* ---- sessions ---- */

/* More open sessions than are remembered: the oldest of a set are forgotten, none is mistaken for another. */
static void sessions_are_bounded(void **unused)
{
    (void)unused;
    static struct format_state state;
    for (uint64_t i = 1; i <= 100000; i++) {
        struct address address = {.bytes = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16)}};
        format_session_keep(&state, &(struct format_session){i, i, address, (stamp_t)i});
    }
    unsigned kept = 0;
    for (uint64_t i = 1; i <= 100000; i++) {
        const struct format_session *session = format_session_find(&state, i);
        kept += session != NULL;
        if (session)
            assert_int_equal(session->begin, i);
    }
    assert_int_equal(kept, FORMAT_SESSIONS);
    assert_non_null(format_session_find(&state, 100000));
}

int main(int argc, char **argv)
{
    bless = argc > 1 && strcmp(argv[1], "--bless") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_lines),
        cmocka_unit_test(stamps),
        cmocka_unit_test(year_passes),
        cmocka_unit_test(day_cache),
        cmocka_unit_test(addresses),
        cmocka_unit_test(recognition),
        cmocka_unit_test(custom_patterns_work),
        cmocka_unit_test(custom_faults_are_told),
        cmocka_unit_test(custom_hostile_line),
        cmocka_unit_test(sessions_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
