/* A reader of mibs/SOLOWARDEN-MIB.txt, just good enough to compare it with the column tables. For the tests of this folder. */
#ifndef SOLOWARDEN_TESTS_SHOW_MIB_H
#define SOLOWARDEN_TESTS_SHOW_MIB_H

#include <ctype.h>
#include <stdlib.h>

#include "fixture.h"

static inline char *mib_text(void)
{
    FILE *file = fopen(SOURCE_DIR "/mibs/SOLOWARDEN-MIB.txt", "r");
    char *text = calloc(1, 1 << 20);
    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

/* The definition "NAME MACRO …" up to and with its "::= { parent number }"; NULL when there is none. */
static inline const char *mib_definition(const char *mib, const char *name, const char *macro, char *out, size_t size)
{
    char head[128];
    snprintf(head, sizeof head, "\n%s %s", name, macro);
    const char *begin = strstr(mib, head), *end = begin ? strstr(begin, "::=") : NULL;
    end = end ? strchr(end, '\n') : NULL;
    if (!end || (size_t)(end - begin) >= size)
        return NULL;
    memcpy(out, begin + 1, (size_t)(end - begin - 1));
    out[end - begin - 1] = '\0';
    return out;
}

/* "SYNTAX Gauge32\n" → "Gauge32"; enumerations as "INTEGER" */
static inline void mib_syntax(const char *definition, char *out, size_t size)
{
    const char *at = strstr(definition, "SYNTAX ");
    assert_non_null(at);
    size_t length = strcspn(at + 7, " \n(");
    assert_true(length < size);
    memcpy(out, at + 7, length);
    out[length] = '\0';
}

/* The type that a textual convention stands for, with its labels; or the definition itself. */
static inline const char *mib_resolve(const char *mib, const char *definition, char *syntax, size_t size)
{
    char head[128];
    mib_syntax(definition, syntax, size);
    snprintf(head, sizeof head, "\n%s ::= TEXTUAL-CONVENTION", syntax);
    const char *convention = strstr(mib, head);
    if (!convention)
        return definition;
    mib_syntax(convention, syntax, size);
    return convention;
}

/* The label of a number in the first enumeration of `definition`: "duplicateConfirmed(6)"; "" when there is none. */
static inline void mib_label(const char *definition, long number, char *out, size_t size)
{
    char mark[24];
    const char *begin = strstr(definition, "INTEGER {"), *end = begin ? strchr(begin, '}') : NULL;
    out[0] = '\0';
    snprintf(mark, sizeof mark, "(%ld)", number);
    const char *at = begin ? strstr(begin, mark) : NULL;
    if (!at || at > end)
        return;
    const char *word = at;
    while (isalnum((unsigned char)word[-1]))
        word--;
    assert_true((size_t)(at - word) < size);
    memcpy(out, word, (size_t)(at - word));
    out[at - word] = '\0';
}

/* "duplicate-confirmed" → "duplicateConfirmed" */
static inline void mib_case(const char *word, size_t length, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++)
        if (word[i] == '-' && i + 1 < length)
            out[used++] = (char)toupper((unsigned char)word[++i]);
        else
            out[used++] = word[i];
    out[used] = '\0';
}

static inline void mib_descriptor(const char *prefix, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s%c%s", prefix, toupper((unsigned char)name[0]), name + 1);
}

#endif
