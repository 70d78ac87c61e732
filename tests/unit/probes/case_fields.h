/* Fills a probe's configuration from the "key value" lines of a .case file, by the probe's own field table. */
#ifndef SOLOWARDEN_TESTS_CASE_FIELDS_H
#define SOLOWARDEN_TESTS_CASE_FIELDS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/probe.h"

enum { CASE_CONF_MAX = 2048, CASE_WORDS_MAX = 64 };

struct case_conf {
    _Alignas(max_align_t) char bytes[CASE_CONF_MAX];
    const char *words[CASE_WORDS_MAX]; /* of FIELD_ARGUMENTS, FIELD_TEXTS */
    size_t word_count;
};

static inline void case_set_field(struct case_conf *conf, const struct field *fields, const char *key, char *value)
{
    const struct field *field = fields;
    while (field->key && strcmp(field->key, key))
        field++;
    if (!field->key)
        return;
    char *at = conf->bytes + field->offset;
    int64_t number = strtoll(value, NULL, 10);
    switch (field->type) {
    case FIELD_BOOL:
        *(bool *)at = !strcmp(value, "true");
        break;
    case FIELD_DURATION: /* the cases write hours, as the presets do */
        number *= 3600000;
        *(int64_t *)at = number < field->min ? field->min : number > field->max ? field->max : number;
        break;
    case FIELD_INTEGER:
        *(int64_t *)at = number < field->min ? field->min : number > field->max ? field->max : number;
        break;
    case FIELD_CHOICE:
        for (const char *const *word = field->sub; *word; word++)
            if (!strcmp(*word, value))
                *(int64_t *)at = word - (const char *const *)field->sub;
        break;
    case FIELD_ARGUMENTS:
    case FIELD_TEXTS:
        conf->word_count = 0; /* one such key a probe */
        for (char *word = strtok(value, " "); word && conf->word_count < CASE_WORDS_MAX; word = strtok(NULL, " "))
            conf->words[conf->word_count++] = word;
        *(struct texts *)at = (struct texts){conf->word_count, conf->words};
        break;
    default:
        if ((int64_t)strlen(value) <= field->max && *value)
            *(const char **)at = value;
    }
}

/* \n \r \t \\ and \xHH, in place; returns the size. */
static inline size_t case_unescape(char *text)
{
    char *out = text;
    for (char *in = text; *in; in++) {
        unsigned byte;
        if (in[0] == '\\' && in[1] == 'x' && sscanf(in + 2, "%2x", &byte) == 1) {
            *out++ = (char)byte;
            in += in[3] ? 3 : 2;
        } else if (in[0] == '\\' && in[1]) {
            in++;
            *out++ = *in == 'n' ? '\n' : *in == 'r' ? '\r' : *in == 't' ? '\t' : *in;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

#endif
