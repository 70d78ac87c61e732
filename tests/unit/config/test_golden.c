/* Wrong configurations and their exact messages: tests/golden/config/wrong/X.yaml → X.txt. `--bless` writes the X.txt anew.
 * Good ones must be taken without a word. */
#include "messages.h"

#include <dirent.h>
#include <unistd.h>

static bool bless;

static int wants_yaml(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');
    return end && strcmp(end, ".yaml") == 0;
}

static char *file_text(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

static bool same_as_golden(const char *path, const char *printed)
{
    if (bless) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(printed, file);
        fclose(file);
        return true;
    }
    char *golden = file_text(path);
    bool same = golden && strcmp(golden, printed) == 0;
    if (!same)
        print_error("--- %s\n%s--- now\n%s", path, golden ? golden : "(missing)\n", printed);
    free(golden);
    return same;
}

static bool wrong_is_golden(const char *path)
{
    char *printed, golden[300];
    unsigned errors;
    struct config *config = read_printed(path, NULL, 0, &printed, &errors);
    snprintf(golden, sizeof(golden), "%.*s.txt", (int)(strrchr(path, '.') - path), path);
    bool same = same_as_golden(golden, printed) && !config;
    if (config)
        print_error("%s was taken\n", path);
    config_close(config);
    assert_null(strstr(printed, "hunter2"));
    free(printed);
    return same;
}

static void test_wrong(void **state)
{
    (void)state;
    struct dirent **entries;
    int count = scandir("wrong", &entries, wants_yaml, alphasort), failed = 0;
    assert_true(count >= 35);
    for (int i = 0; i < count; i++) {
        char path[300];
        snprintf(path, sizeof(path), "wrong/%s", entries[i]->d_name);
        failed += !wrong_is_golden(path);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(failed, 0);
}

static void test_good(void **state)
{
    (void)state;
    struct dirent **entries;
    int count = scandir("good", &entries, wants_yaml, alphasort);
    assert_true(count >= 2);
    for (int i = 0; i < count; i++) {
        char path[300];
        snprintf(path, sizeof(path), "good/%s", entries[i]->d_name);
        config_close(read_good(path));
        free(entries[i]);
    }
    free(entries);
    config_close(read_good(SOURCE_DIR "/conf/minimal.yaml"));
    config_close(read_good(SOURCE_DIR "/conf/solowarden.yaml"));
}

static void test_split_wrong(void **state)
{
    (void)state;
    assert_true(wrong_is_golden("split-wrong/solowarden.yaml"));
}

static void test_missing(void **state)
{
    (void)state;
    char *printed;
    unsigned errors;
    assert_null(read_printed("nowhere/solowarden.yaml", NULL, 0, &printed, &errors));
    assert_string_equal(printed, "nowhere/solowarden.yaml: cannot be read: No such file or directory\n");
    free(printed);
    assert_null(read_printed("wrong", NULL, 0, &printed, &errors));
    assert_string_equal(printed, "wrong: cannot be read: Is a directory\n");
    free(printed);
}

int main(int argc, char **argv)
{
    bless = argc > 1 && strcmp(argv[1], "--bless") == 0;
    if (chdir(SOURCE_DIR "/tests/golden/config") != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_split_wrong),
        cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests_name("config: golden files", tests, NULL, NULL);
}
