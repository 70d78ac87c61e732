/* Reads a WQL query into a struct of fixed size. Knows no classes. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wql.h"

enum token { TOKEN_END, TOKEN_NAME, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_SIGN, TOKEN_BAD };

struct parser {
    struct wql *wql;
    const char *rest;
    enum token token;
    char text[VALUE_TEXT_MAX];
    unsigned depth;
};

static bool complain(struct parser *parser, const char *what)
{
    if (!parser->wql->error[0])
        snprintf(parser->wql->error, sizeof parser->wql->error, "%s near \"%.40s\"", what, parser->text);
    return false;
}

static void take(struct parser *parser, size_t length)
{
    snprintf(parser->text, sizeof parser->text, "%.*s", (int)length, parser->rest);
    parser->rest += length;
}

static void next_text(struct parser *parser)
{
    const char quote = *parser->rest++;
    size_t length = 0;
    while (*parser->rest && *parser->rest != quote) {
        if (*parser->rest == '\\' && parser->rest[1])
            parser->rest++;
        if (length + 1 >= sizeof parser->text)
            break;
        parser->text[length++] = *parser->rest++;
    }
    parser->text[length] = '\0';
    parser->token = *parser->rest == quote ? TOKEN_TEXT : TOKEN_BAD;
    if (parser->token == TOKEN_TEXT)
        parser->rest++;
}

static void next(struct parser *parser)
{
    parser->rest += strspn(parser->rest, " \t\r\n");
    parser->text[0] = '\0';
    const char *rest = parser->rest;
    size_t length = 0;
    if (!*rest) {
        parser->token = TOKEN_END;
    } else if (isalpha((unsigned char)*rest) || *rest == '_') {
        while (isalnum((unsigned char)rest[length]) || rest[length] == '_')
            length++;
        parser->token = length < WQL_NAME_MAX ? TOKEN_NAME : TOKEN_BAD;
        take(parser, length < WQL_NAME_MAX ? length : WQL_NAME_MAX);
    } else if (isdigit((unsigned char)*rest) || (*rest == '-' && isdigit((unsigned char)rest[1]))) {
        for (length = 1; isdigit((unsigned char)rest[length]);)
            length++;
        parser->token = length < 20 ? TOKEN_NUMBER : TOKEN_BAD;
        take(parser, length);
    } else if (*rest == '\'' || *rest == '"') {
        next_text(parser);
    } else {
        static const char *const signs[] = {"<>", "<=", ">=", "!=", "<", ">", "=", "(", ")", ",", "*"};
        parser->token = TOKEN_BAD;
        for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
            if (!strncmp(rest, signs[i], strlen(signs[i]))) {
                parser->token = TOKEN_SIGN;
                length = strlen(signs[i]);
                break;
            }
        take(parser, length ? length : 1);
    }
}

static bool is(const struct parser *parser, const char *word)
{
    return (parser->token == TOKEN_NAME || parser->token == TOKEN_SIGN) && !strcasecmp(parser->text, word);
}

static bool accept(struct parser *parser, const char *word)
{
    if (!is(parser, word))
        return false;
    next(parser);
    return true;
}

static bool name(struct parser *parser, char *out)
{
    if (parser->token != TOKEN_NAME)
        return complain(parser, "a name is missing");
    snprintf(out, WQL_NAME_MAX, "%.*s", WQL_NAME_MAX - 1, parser->text);
    next(parser);
    return true;
}

static struct wql_node *new_node(struct parser *parser, enum wql_operator kind, uint8_t *index)
{
    if (parser->wql->node_count == WQL_NODES_MAX) {
        complain(parser, "too many conditions");
        return NULL;
    }
    *index = (uint8_t)parser->wql->node_count;
    struct wql_node *node = &parser->wql->nodes[parser->wql->node_count++];
    node->kind = kind;
    return node;
}

static bool operand(struct parser *parser, struct wql_node *node)
{
    snprintf(node->text, sizeof node->text, "%s", parser->text);
    node->is_number = parser->token == TOKEN_NUMBER;
    node->is_boolean = is(parser, "true") || is(parser, "false");
    if (node->is_number) {
        errno = 0;
        node->number = strtoll(parser->text, NULL, 10);
        if (errno)
            return complain(parser, "a number is too large");
    } else if (!node->is_boolean && parser->token != TOKEN_TEXT) {
        return complain(parser, "a value is missing");
    }
    next(parser);
    return true;
}

static bool comparison(struct parser *parser, uint8_t *index)
{
    static const struct {
        const char *sign;
        enum wql_operator kind;
    } signs[] = {{"=", WQL_EQUAL},       {"<>", WQL_UNEQUAL}, {"!=", WQL_UNEQUAL},    {"<", WQL_LESS},
                 {"<=", WQL_LESS_EQUAL}, {">", WQL_MORE},     {">=", WQL_MORE_EQUAL}, {"like", WQL_LIKE}};
    struct wql_node *node = new_node(parser, WQL_EQUAL, index);
    if (!node || !name(parser, node->property))
        return false;
    if (accept(parser, "is")) {
        bool negated = accept(parser, "not");
        node->kind = WQL_IS_NULL;
        uint8_t inner = *index;
        if (negated) {
            struct wql_node *outer = new_node(parser, WQL_NOT, index);
            if (!outer)
                return false;
            outer->left = inner;
        }
        return accept(parser, "null") || complain(parser, "NULL is missing");
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (accept(parser, signs[i].sign)) {
            node->kind = signs[i].kind;
            return operand(parser, node);
        }
    return complain(parser, "an operator is missing");
}

static bool alternatives(struct parser *parser, uint8_t *index);

static bool term(struct parser *parser, uint8_t *index)
{
    if (++parser->depth > WQL_DEPTH_MAX)
        return complain(parser, "nested too deeply");
    bool good;
    if (accept(parser, "not")) {
        uint8_t inner = 0;
        good = term(parser, &inner);
        struct wql_node *node = good ? new_node(parser, WQL_NOT, index) : NULL;
        if (node)
            node->left = inner;
        good = node != NULL;
    } else if (accept(parser, "(")) {
        good = alternatives(parser, index) && (accept(parser, ")") || complain(parser, ") is missing"));
    } else {
        good = comparison(parser, index);
    }
    parser->depth--;
    return good;
}

/* one more term after AND or OR, joined to what `index` names */
static bool join(struct parser *parser, enum wql_operator kind, uint8_t *index, bool (*more)(struct parser *, uint8_t *))
{
    uint8_t left = *index, right = 0;
    if (!more(parser, &right))
        return false;
    struct wql_node *node = new_node(parser, kind, index);
    if (!node)
        return false;
    node->left = left;
    node->right = right;
    return true;
}

static bool conditions(struct parser *parser, uint8_t *index)
{
    bool good = term(parser, index);
    while (good && accept(parser, "and"))
        good = join(parser, WQL_AND, index, term);
    return good;
}

static bool alternatives(struct parser *parser, uint8_t *index)
{
    bool good = conditions(parser, index);
    while (good && accept(parser, "or"))
        good = join(parser, WQL_OR, index, conditions);
    return good;
}

static bool columns(struct parser *parser)
{
    struct wql *wql = parser->wql;
    if (accept(parser, "*"))
        return wql->all = true;
    do {
        if (wql->column_count == WQL_COLUMNS_MAX)
            return complain(parser, "too many properties");
        if (!name(parser, wql->columns[wql->column_count++]))
            return false;
    } while (accept(parser, ","));
    return true;
}

bool wql_parse(const char *text, struct wql *wql)
{
    *wql = (struct wql){0};
    struct parser parser = {.wql = wql, .rest = text};
    next(&parser);
    if (!accept(&parser, "select"))
        return complain(&parser, "SELECT is missing");
    if (!columns(&parser))
        return false;
    if (!accept(&parser, "from"))
        return complain(&parser, "FROM is missing");
    if (!name(&parser, wql->class_name))
        return false;
    if (accept(&parser, "where")) {
        wql->has_where = true;
        if (!alternatives(&parser, &wql->root))
            return false;
    }
    return parser.token == TOKEN_END || complain(&parser, "nothing more was expected");
}
