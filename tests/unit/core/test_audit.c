/* Golden cases of the audit: tests/golden/audit/NN-name.audit → NN-name.expected, all on top of good.estate. A case has sections; the word
 * that a section begins with is a demand, whatever the expected file says: violated, fulfilled, unknown (by the rule of the file's
 * number), good (no rule is violated), bad (the rules of its `must` line are). BLESS=1 rewrites the expected files. */
#include "audit_world.h"

#include <dirent.h>

#define FOLDER SOURCE_DIR "/tests/golden/audit/"

enum { OUT_BYTES = 1 << 16, RULES_MAX = 64, CASES_MAX = 80 };

struct report {
    char out[OUT_BYTES];
    size_t used;
    uint16_t only; /* rule; 0 = all that is violated */
    unsigned counts[RULES_MAX][3];
    unsigned hard[RULES_MAX]; /* violations that are more than a hint */
};

static void put(struct report *report, const char *text)
{
    size_t size = strlen(text);
    assert_true(report->used + size < sizeof report->out);
    memcpy(report->out + report->used, text, size + 1);
    report->used += size;
}

static void on_finding(void *context, const struct audit_finding *finding)
{
    static const char *const verdicts[] = {"unknown", "violated", "fulfilled"};
    struct report *report = context;
    char line[1200], number[16] = "";
    assert_in_range(finding->rule->id, 1, RULES_MAX - 1);
    assert_in_range(finding->verdict, UNKNOWN, YES);
    assert_true(*finding->evidence != '\0' && *finding->subject != '\0');
    assert_true(finding->verdict != UNKNOWN || (finding->reason != REASON_OK && finding->reason != REASON_NONE));
    report->counts[finding->rule->id][finding->verdict]++;
    report->hard[finding->rule->id] += finding->verdict == NO && finding->severity > AUDIT_INFO;
    if (report->only ? finding->rule->id != report->only : finding->verdict != NO)
        return;
    if (!report->only)
        snprintf(number, sizeof number, "%u ", finding->rule->id);
    snprintf(line, sizeof line, "  %s%s%s%s %s %s%s%s: %s%s%s%s\n", number, verdicts[finding->verdict], finding->verdict == NO ? " " : "",
             finding->verdict == NO ? audit_severity_name(finding->severity) : "", audit_kind_name(finding->kind), finding->subject,
             *finding->node ? " on " : "", finding->node, finding->evidence, finding->verdict == UNKNOWN ? " [" : "",
             finding->verdict == UNKNOWN ? reason_name(finding->reason) : "", finding->verdict == UNKNOWN ? "]" : "");
    put(report, line);
}

static void run_audit(struct world *world, struct report *report)
{
    const struct audit_input input = world_input(world);
    audit_cluster(world->audit, &input, 0, on_finding, report);
}

/* ---- one section ---- */

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

static void check_demand(const struct report *report, const char *title, const char *file)
{
    const unsigned *counts = report->counts[report->only];
    if (begins(title, "violated") && !counts[NO])
        fail_msg("%s: not violated: %s", file, title);
    if (begins(title, "fulfilled") && (counts[NO] || counts[UNKNOWN]))
        fail_msg("%s: not fulfilled: %s\n%s", file, title, report->out);
    if (begins(title, "unknown") && (counts[NO] || !counts[UNKNOWN]))
        fail_msg("%s: not unknown: %s\n%s", file, title, report->out);
    for (unsigned rule = 1; begins(title, "good") && rule < RULES_MAX; rule++)
        if (report->counts[rule][NO])
            fail_msg("%s: rule %u is violated: %s\n%s", file, rule, title, report->out);
}

static void must(const struct report *report, char *words, const char *file)
{
    for (char *at = words; *at;) {
        unsigned long rule = strtoul(at, &at, 10);
        if (rule && rule < RULES_MAX && !report->hard[rule])
            fail_msg("%s: rule %lu is violated, and nothing was found", file, rule);
        at += strspn(at, " \n");
    }
}

struct section {
    struct world *world;
    struct report *report;
    char title[200], must[300];
};

static void section_end(struct section *section, const char *file)
{
    if (!section->world)
        return;
    size_t begin = section->report->used;
    world_tell(section->world);
    memset(section->report->counts, 0, sizeof section->report->counts);
    memset(section->report->hard, 0, sizeof section->report->hard);
    run_audit(section->world, section->report);
    if (section->report->used == begin)
        put(section->report, "  nothing\n");
    check_demand(section->report, section->title, file);
    must(section->report, section->must, file);
    world_close(section->world);
    section->world = NULL;
}

static void section_line(struct section *section, char *line, const char *file)
{
    if (begins(line, "== ")) {
        section_end(section, file);
        snprintf(section->title, sizeof section->title, "%.190s", line + 3);
        section->must[0] = '\0';
        put(section->report, line);
        section->world = world_open();
        world_file(section->world, FOLDER "good.estate");
    } else if (begins(line, "use sso")) {
        world_file(section->world, FOLDER "sso.estate");
    } else if (begins(line, "must ")) {
        snprintf(section->must, sizeof section->must, "%.290s", line + 5);
    } else if (section->world) {
        world_line(section->world, line);
    }
}

static void run_case(const char *name, struct report *report)
{
    char path[400], line[1000];
    struct section section = {.report = report};
    snprintf(path, sizeof path, FOLDER "%s.audit", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    report->used = 0;
    report->only = (uint16_t)strtoul(name, NULL, 10);
    if (report->only == 99)
        report->only = 0;
    while (fgets(line, sizeof line, file))
        section_line(&section, line, name);
    section_end(&section, name);
    fclose(file);
}

/* ---- all cases ---- */

static void compare(const char *name, const struct report *report)
{
    static char expected[OUT_BYTES];
    char path[400];
    snprintf(path, sizeof path, FOLDER "%s.expected", name);
    if (getenv("BLESS")) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(report->out, file);
        fclose(file);
        return;
    }
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("no %s: BLESS=1 writes it", path);
    size_t size = file ? fread(expected, 1, sizeof expected - 1, file) : 0;
    expected[size] = '\0';
    if (file)
        fclose(file);
    assert_string_equal(report->out, expected);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(left, right);
}

static void test_cases(void **state)
{
    (void)state;
    static char names[CASES_MAX][100];
    static struct report report;
    unsigned count = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".audit") != 0)
            continue;
        assert_true(count < CASES_MAX);
        snprintf(names[count++], sizeof names[0], "%.*s", (int)(dot - entry->d_name), entry->d_name);
    }
    closedir(folder);
    qsort(names, count, sizeof names[0], by_name);
    assert_true(count >= 30);
    for (unsigned i = 0; i < count; i++) {
        run_case(names[i], &report);
        compare(names[i], &report);
    }
}

/* Each rule has a case, with all three of its forms, but for the one of which nobody may know. */
static void test_every_rule_has_its_forms(void **state)
{
    (void)state;
    for (const struct audit_rule *rule = audit_rules; rule->id; rule++) {
        static char text[OUT_BYTES];
        char path[400];
        snprintf(path, sizeof path, FOLDER "%02u-%s.audit", rule->id, rule->name);
        FILE *file = fopen(path, "r");
        if (!file) {
            fail_msg("rule %u has no case %s", rule->id, path);
            continue;
        }
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        if (!strstr(text, "== fulfilled") || !strstr(text, "== unknown") || (!strstr(text, "== violated") && rule->id != 5))
            fail_msg("rule %u lacks a form", rule->id);
    }
}

static void test_table(void **state)
{
    (void)state;
    uint16_t last = 0;
    for (const struct audit_rule *rule = audit_rules; rule->id; last = rule->id, rule++) {
        assert_true(rule->id > last);
        assert_ptr_equal(audit_rule(rule->id), rule);
        assert_true(*rule->name && *rule->rule && *rule->why && *rule->cure);
        assert_null(strstr(rule->page, "http"));
    }
    assert_int_equal(last, 33);
    assert_null(audit_rule(34));
}

/* A list that nobody can give makes its rules unknown, on the worst of estates: never violated, never fulfilled. */
static void bad_world(struct world *world)
{
    char line[1000];
    world_file(world, FOLDER "good.estate");
    FILE *file = fopen(FOLDER "99-bad.audit", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (!begins(line, "== ") && !begins(line, "must ") && !begins(line, "tell") && !begins(line, "after"))
            world_line(world, line);
    fclose(file);
}

static void test_missing_lists(void **state)
{
    (void)state;
    static struct report report;
    for (uint8_t kind = 0; kind < FOUND_KINDS; kind++) {
        struct world *world = world_open();
        bad_world(world);
        for (uint8_t node = 0; node < WORLD_NODES; node++)
            world->failed[node][kind] = REASON_ACCESS_DENIED;
        world_tell(world);
        memset(&report, 0, sizeof report);
        run_audit(world, &report);
        for (const struct audit_rule *rule = audit_rules; rule->id; rule++) {
            if (!(rule->needs & 1U << kind))
                continue;
            if (report.counts[rule->id][NO] || report.counts[rule->id][YES] || report.counts[rule->id][UNKNOWN] != 1)
                fail_msg("rule %u speaks without the list of %s", rule->id, found_kind_name(kind));
        }
        world_close(world);
    }
}

/* Nothing known at all: every rule that needs a list is unknown; old lists are as good as none. */
static void test_nothing_known(void **state)
{
    (void)state;
    static struct report report;
    for (int old = 0; old < 2; old++) {
        struct world *world = world_open();
        if (old) {
            bad_world(world);
            world_tell(world);
            world->now += 3600000;
        }
        memset(&report, 0, sizeof report);
        run_audit(world, &report);
        for (const struct audit_rule *rule = audit_rules; rule->id; rule++)
            if (rule->needs) {
                assert_int_equal(report.counts[rule->id][NO], 0);
                assert_int_equal(report.counts[rule->id][YES], 0);
                assert_int_equal(report.counts[rule->id][UNKNOWN], 1);
            }
        world_close(world);
    }
}

/* Whatever property did not come, nothing is violated that was not violated with it, on a good estate. */
static void test_absent_properties(void **state)
{
    (void)state;
    static struct report report;
    for (int which = 0; which < 2; which++)
        for (size_t f = 0; f < sizeof row_fields / sizeof *row_fields; f++) {
            if (row_fields[f].type == IS_TEXT)
                continue;
            struct world *world = world_open();
            world_file(world, FOLDER "good.estate");
            if (which)
                world_file(world, FOLDER "sso.estate");
            for (unsigned i = 0; i < world->row_count; i++)
                if (world->rows[i].kind == row_fields[f].kind)
                    field_set(&row_fields[f], world->rows[i].row.bytes, "absent");
            world_tell(world);
            memset(&report, 0, sizeof report);
            run_audit(world, &report);
            if (report.used)
                fail_msg("without %s of %s:\n%s", row_fields[f].name, found_kind_name(row_fields[f].kind), report.out);
            world_close(world);
        }
}

/* ---- addresses ---- */

static void check_url(const char *text, const char *expected)
{
    struct location_url url;
    char out[900] = "none";
    if (location_url_parse(text, &url))
        snprintf(out, sizeof out, "%s|%s|%u|%s|%s", url.scheme, url.host, url.port, url.path, url.user);
    assert_string_equal(out, expected);
}

static void test_urls(void **state)
{
    (void)state;
    check_url("ftp://localhost:21/in/*.xml", "ftp|localhost|21|/in/*.xml|");
    check_url("FTP://User@Host.Example/In/", "ftp|host.example|21|/In|User");
    check_url("POP3://test.microsoft.com#testuser", "pop3|test.microsoft.com|110||testuser");
    check_url("POP3://h:1995#a@b", "pop3|h|1995||a@b");
    check_url("sftp://[2001:DB8::9]:2222/x", "sftp|2001:db8::9|2222|/x|");
    check_url("ftp://h/a#b", "ftp|h|21|/a#b|");
    check_url("ftp:///in", "none");
    check_url("ftp://h:99999/", "none");
    check_url("ftp://h:2x/", "none");
    check_url("ftp://[::1/", "none");
    check_url("://h/", "none");
    check_url("averyveryverylongscheme://h/", "none");
    check_url("", "none");
}

static void test_queues(void **state)
{
    (void)state;
    char machine[LOCATION_PART];
    assert_true(location_queue_machine("FORMATNAME:DIRECT=OS:.\\private$\\q", machine));
    assert_string_equal(machine, ".");
    assert_true(location_queue_machine("formatname:direct=tcp:10.1.2.3\\q", machine));
    assert_string_equal(machine, "10.1.2.3");
    assert_true(location_queue_machine("msmq://BTS01/private$/q", machine));
    assert_string_equal(machine, "BTS01");
    assert_true(location_queue_machine("BTS01\\q", machine));
    assert_false(location_queue_machine("PRIVATE=guid\\1", machine));
    assert_false(location_queue_machine("queue", machine));
    assert_false(location_queue_machine("", machine));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_cases),         cmocka_unit_test(test_every_rule_has_its_forms),
        cmocka_unit_test(test_missing_lists), cmocka_unit_test(test_nothing_known), cmocka_unit_test(test_absent_properties),
        cmocka_unit_test(test_urls),          cmocka_unit_test(test_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
