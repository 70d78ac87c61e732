/* Shared by the configuration's tests: read something and keep what was printed. */
#ifndef TESTS_UNIT_CONFIG_MESSAGES_H
#define TESTS_UNIT_CONFIG_MESSAGES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/config/config.h"

/* text NULL: `name` is a path and is read with its conf.d. *printed is the caller's to free. */
static inline struct config *read_printed(const char *name, const char *text, size_t size, char **printed, unsigned *errors)
{
    size_t printed_size;
    FILE *out = open_memstream(printed, &printed_size);
    assert_non_null(out);
    struct diagnostics diagnostics = {.out = out};
    struct config *config = text ? config_parse(name, text, size, &diagnostics) : config_read(name, &diagnostics);
    fclose(out);
    *errors = diagnostics.errors;
    assert_int_equal(config != NULL, diagnostics.errors == 0);
    return config;
}

static inline struct config *read_good(const char *path)
{
    char *printed;
    unsigned errors;
    struct config *config = read_printed(path, NULL, 0, &printed, &errors);
    if (!config)
        print_error("%s", printed);
    free(printed);
    assert_non_null(config);
    return config;
}

static inline struct config *parse_good(const char *text)
{
    char *printed;
    unsigned errors;
    struct config *config = read_printed("t.yaml", text, strlen(text), &printed, &errors);
    if (!config)
        print_error("%s", printed);
    free(printed);
    assert_non_null(config);
    return config;
}

/* It must be refused, and this must be among what is said. */
static inline void assert_refused(const char *text, size_t size, const char *message)
{
    char *printed;
    unsigned errors;
    struct config *config = read_printed("t.yaml", text, size, &printed, &errors);
    assert_null(config);
    if (!strstr(printed, message))
        print_error("expected: %s\nprinted: %s", message, printed);
    assert_non_null(strstr(printed, message));
    free(printed);
}

#endif
