/* `solowarden scan` over recorded and made-up logs: tests/golden/scan/NAME.log (and NAME.args) → NAME.expect.
 * `--bless` writes what is said now as what is expected. Runs in a copy of the folder, for a file's date counts. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "agent/cli/cli.h"

enum { OUTPUT_MAX = 65536, NAMES_MAX = 128, ARGUMENTS_MAX = 24 };

static const char golden[] = SOURCE_DIR "/tests/golden/scan";
static char folder[] = "/tmp/solowarden-scan-XXXXXX";
static char names[NAMES_MAX][128];
static size_t name_count;
static bool bless;

static size_t file_read(const char *path, char *buffer, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(buffer, 1, size - 1, file) : 0;
    buffer[got] = '\0';
    if (file)
        fclose(file);
    return got;
}

/* Runs the verb in a child, for it writes to stdout. Returns its exit status. */
static int scan_run(char *words, char *output)
{
    char *arguments[ARGUMENTS_MAX] = {"scan"};
    int count = 1, status;
    for (char *word = strtok(words, " \n"); word && count < ARGUMENTS_MAX - 1; word = strtok(NULL, " \n"))
        arguments[count++] = word;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(folder) != 0 || !freopen("output", "wb", stdout) || !freopen("errors", "wb", stderr))
            _exit(99);
        status = cli_scan(count, arguments);
        fflush(stdout);
        _exit(status);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    char path[256];
    snprintf(path, sizeof path, "%s/output", folder);
    file_read(path, output, OUTPUT_MAX);
    return WEXITSTATUS(status);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Copies the folder, every file with the same date: stamps without a year take theirs from it. */
static int folder_make(void **state)
{
    (void)state;
    static const struct timespec dates[2] = {{.tv_sec = 1796083200}, {.tv_sec = 1796083200}}; /* 2026-12-01 */
    static char content[1 << 20];
    if (!mkdtemp(folder))
        return -1;
    DIR *files = opendir(golden);
    for (struct dirent *file; files && (file = readdir(files));) {
        char from[512], to[512];
        if (file->d_name[0] == '.' || strstr(file->d_name, ".expect"))
            continue;
        snprintf(from, sizeof from, "%s/%.200s", golden, file->d_name);
        snprintf(to, sizeof to, "%s/%.200s", folder, file->d_name);
        size_t size = file_read(from, content, sizeof content);
        FILE *copy = fopen(to, "wb");
        if (!copy || fwrite(content, 1, size, copy) != size || fclose(copy) != 0)
            return -1;
        utimensat(AT_FDCWD, to, dates, 0);
        size_t length = strlen(file->d_name);
        if (length > 4 && strcmp(file->d_name + length - 4, ".log") == 0 && name_count < NAMES_MAX)
            snprintf(names[name_count++], sizeof names[0], "%.*s", (int)length - 4, file->d_name);
    }
    if (files)
        closedir(files);
    qsort(names, name_count, sizeof names[0], by_name);
    return name_count ? 0 : -1;
}

static int folder_remove(void **state)
{
    (void)state;
    DIR *files = opendir(folder);
    for (struct dirent *file; files && (file = readdir(files));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%.200s", folder, file->d_name);
        unlink(path);
    }
    if (files)
        closedir(files);
    return rmdir(folder);
}

static void golden_logs(void **state)
{
    (void)state;
    static char said[OUTPUT_MAX + 32], expected[OUTPUT_MAX + 32];
    unsigned wrong = 0;
    for (size_t i = 0; i < name_count; i++) {
        char path[512], words[1024];
        snprintf(path, sizeof path, "%s/%s.args", golden, names[i]);
        file_read(path, words, sizeof words - 256);
        if (!strstr(words, ".log"))
            snprintf(words + strlen(words), 256, " %s.log", names[i]);
        int status = scan_run(words, said);
        snprintf(said + strlen(said), 32, "exit %d\n", status);
        snprintf(path, sizeof path, "%s/%s.expect", golden, names[i]);
        if (bless) {
            FILE *file = fopen(path, "wb");
            assert_non_null(file);
            fputs(said, file);
            fclose(file);
        }
        file_read(path, expected, sizeof expected);
        if (strcmp(said, expected) != 0) {
            wrong++;
            print_error("%s: expected\n%s\nbut it says\n%s\n", names[i], expected, said);
        }
    }
    assert_int_equal(wrong, 0);
}

static int scan_of(const char *words, char *output)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", words);
    return scan_run(copy, output);
}

static void exit_statuses(void **state)
{
    (void)state;
    static char output[OUTPUT_MAX];
    static const struct {
        const char *words;
        int status;
    } cases[] = {
        {"", EX_USAGE},
        {"--help", EX_OK},
        {"--format nonsense one-poller.log", EX_USAGE},
        {"--format custom one-poller.log", EX_USAGE},
        {"--node 10.0.0.1 one-poller.log", EX_USAGE},
        {"--node a=10.0.0.1/40 one-poller.log", EX_USAGE},
        {"--poll 5 one-poller.log", EX_USAGE},
        {"--output xml one-poller.log", EX_USAGE},
        {"--nonsense one-poller.log", EX_USAGE},
        {"no-such.log", EX_NOINPUT},
        {".", EX_NOINPUT},
        {"one-poller.log no-such.log", EX_NOINPUT},
        {"rotated.args", EX_DATAERR},
        {"one-poller.log", 0},
        {"twin-only-logs-in.log", 1},
        {"--account nobody twin-only-logs-in.log", 0},
        {"--node one=10.0.0.1 --node one=10.0.0.2 twin-only-logs-in.log", 0},
        {"--node one=10.0.0.0/30 twin-only-logs-in.log", 0},
        {"--node one=10.0.0.1 twin-takes-the-same.log", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = scan_of(cases[i].words, output);
        if (status != cases[i].status)
            fail_msg("scan %s: exit %d, expected %d", cases[i].words, status, cases[i].status);
    }
}

static void json_says_the_same(void **state)
{
    (void)state;
    static char output[OUTPUT_MAX];
    assert_int_equal(scan_of("--output json twin-takes-the-same.log", output), 1);
    json_t *root = json_loads(output, 0, NULL);
    assert_non_null(root);
    json_t *account = json_array_get(json_object_get(json_array_get(json_object_get(root, "servers"), 0), "accounts"), 0);
    json_t *duplicate = json_array_get(json_object_get(account, "duplicates"), 0);
    assert_true(json_is_true(json_object_get(root, "found")));
    assert_string_equal(json_string_value(json_object_get(account, "account")), "shop");
    assert_string_equal(json_string_value(json_object_get(duplicate, "state")), "confirmed");
    assert_string_equal(json_string_value(json_object_get(duplicate, "class")), "two-handlers");
    assert_int_equal(json_array_size(json_object_get(duplicate, "nodes")), 2);
    assert_true(json_array_size(json_object_get(duplicate, "proof")) >= 2);
    json_decref(root);
    assert_int_equal(scan_of("--output json hostile.log", output), 0);
    root = json_loads(output, 0, NULL);
    assert_non_null(root);
    json_decref(root);
}

/* A gzip file cut short must not pass for a whole one. */
static void damage_is_told(void **state)
{
    (void)state;
    static char output[OUTPUT_MAX], content[65536];
    char from[256], to[256];
    snprintf(from, sizeof from, "%s/rotated.log.2.gz", folder);
    snprintf(to, sizeof to, "%s/short.log.gz", folder);
    size_t size = file_read(from, content, sizeof content);
    FILE *copy = fopen(to, "wb");
    assert_non_null(copy);
    assert_int_equal(fwrite(content, 1, size / 2, copy), size / 2);
    fclose(copy);
    assert_int_equal(scan_of("short.log.gz", output), EX_NOINPUT);
    assert_non_null(strstr(output, "damaged"));
}

int main(int argc, char **argv)
{
    bless = argc > 1 && strcmp(argv[1], "--bless") == 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_logs), cmocka_unit_test(exit_statuses), cmocka_unit_test(json_says_the_same),
                                       cmocka_unit_test(damage_is_told)};
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
