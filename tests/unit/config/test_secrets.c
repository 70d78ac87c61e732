/* Secret files: what is read, what is refused, and that messages never hold any of it. */
#include "messages.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/solowarden-secrets-XXXXXX";

static const char *put(const char *name, const char *content, size_t size, mode_t mode)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void assert_reads(const char *content, const char *secret)
{
    char buffer[256], error[256] = "";
    int size = secret_read(put("good", content, strlen(content), 0640), buffer, sizeof(buffer), error, sizeof(error));
    assert_string_equal(error, "");
    assert_int_equal(size, strlen(secret));
    assert_string_equal(buffer, secret);
}

static void assert_refuses(const char *content, size_t size, mode_t mode, const char *message)
{
    char buffer[256] = "", error[256] = "";
    assert_int_equal(secret_read(put("bad", content, size, mode), buffer, sizeof(buffer), error, sizeof(error)), -1);
    assert_non_null(strstr(error, message));
    assert_non_null(strstr(error, "/bad"));
    assert_null(strstr(error, "hunter2"));
    assert_string_equal(buffer, "");
}

static void test_reading(void **state)
{
    (void)state;
    assert_reads("hunter2\n", "hunter2");
    assert_reads("hunter2", "hunter2");
    assert_reads("hunter2\r\nsecond line\n", "hunter2");
    assert_reads(" with blanks \n", " with blanks ");
    char longest[257];
    memset(longest, 'x', 255);
    longest[255] = '\n';
    longest[256] = '\0';
    char expected[256];
    memset(expected, 'x', 255);
    expected[255] = '\0';
    assert_reads(longest, expected);
}

static void test_refusing(void **state)
{
    (void)state;
    assert_refuses("hunter2\n", 8, 0644, "everybody may read or write it");
    assert_refuses("hunter2\n", 8, 0602, "everybody may read or write it");
    assert_refuses("", 0, 0600, "its first line is empty");
    assert_refuses("\nhunter2\n", 9, 0600, "its first line is empty");
    assert_refuses("hunter2\0x\n", 10, 0600, "zero byte");
    char long_line[300], large[1024], error[256];
    memset(long_line, 'x', sizeof(long_line));
    assert_int_equal(secret_read(put("bad", long_line, 256, 0600), large, sizeof(large), error, sizeof(error)), -1);
    assert_refuses(long_line, 256, 0600, "longer than 255 bytes");
    assert_refuses(long_line, 300, 0600, "longer than 255 bytes");
}

static void test_other_things(void **state)
{
    (void)state;
    char buffer[256], error[256], path[256];
    assert_int_equal(secret_read("/nowhere/at.all", buffer, sizeof(buffer), error, sizeof(error)), -1);
    assert_non_null(strstr(error, "No such file"));
    assert_int_equal(secret_read(folder, buffer, sizeof(buffer), error, sizeof(error)), -1);
    assert_non_null(strstr(error, "is not a regular file"));
    snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(secret_read(path, buffer, sizeof(buffer), error, sizeof(error)), -1);
    assert_non_null(strstr(error, "is not a regular file"));
    unlink(path);
    /* a small buffer is never overrun */
    char small[8];
    assert_int_equal(secret_read(put("good", "hunter2\n", 8, 0600), small, sizeof(small), error, sizeof(error)), 7);
    assert_int_equal(secret_read(put("good", "hunter22\n", 9, 0600), small, sizeof(small), error, sizeof(error)), -1);
}

static void test_wipe(void **state)
{
    (void)state;
    char secret[16] = "hunter2";
    secret_wipe(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        assert_int_equal(secret[i], 0);
}

/* The configuration refuses such files before anybody opens them. */
static void test_in_config(void **state)
{
    (void)state;
    char text[512];
    int size =
        snprintf(text, sizeof(text), "version: 1\ncredentials: {c: {user: c, password_file: %s}}\n", put("c.pw", "hunter2\n", 8, 0644));
    assert_refused(text, (size_t)size, "everybody may read or write this secret file");
    put("c.pw", "hunter2\n", 8, 0640);
    config_close(parse_good(text));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"good", "bad", "c.pw"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading), cmocka_unit_test(test_refusing),  cmocka_unit_test(test_other_things),
        cmocka_unit_test(test_wipe),    cmocka_unit_test(test_in_config),
    };
    return cmocka_run_group_tests_name("config: secrets", tests, make_folder, remove_folder);
}
