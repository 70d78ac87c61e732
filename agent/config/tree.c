/* Reads YAML by events, so that our limits hold before anything is built. Must not know any table. */
#include "tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct parse {
    struct reading *reading;
    struct source *source;
    yaml_parser_t parser;
    bool failed;
};

static struct place place_of(const struct parse *parse, yaml_mark_t mark)
{
    return (struct place){parse->source->name, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static void refuse(struct parse *parse, yaml_mark_t mark, const char *text)
{
    if (!parse->failed)
        complain(parse->reading, place_of(parse, mark), 1, "%s", text);
    parse->failed = true;
}

/* Errors of the reader (bytes that are no text) come with an offset only. */
static void syntax_error(struct parse *parse)
{
    const yaml_parser_t *parser = &parse->parser;
    const char *problem = parser->problem ? parser->problem : "cannot be parsed";
    if (parser->error != YAML_READER_ERROR) {
        struct place place = place_of(parse, parser->problem_mark);
        if (parser->context)
            complain(parse->reading, place, 1, "not valid YAML: %s (%s that began on line %zu)", problem, parser->context,
                     parser->context_mark.line + 1);
        else
            complain(parse->reading, place, 1, "not valid YAML: %s", problem);
        parse->failed = true;
        return;
    }
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < parser->problem_offset && i < parse->source->size; i++) {
        char byte = parse->source->text[i];
        mark.column = byte == '\n' ? 0 : mark.column + (((unsigned char)byte & 0xc0) != 0x80);
        mark.line += byte == '\n';
    }
    complain(parse->reading, place_of(parse, mark), 1, "not a text file: %s (byte %zu)", problem, parser->problem_offset);
    parse->failed = true;
}

static bool next_event(struct parse *parse, yaml_event_t *event)
{
    if (parse->failed)
        return false;
    if (yaml_parser_parse(&parse->parser, event))
        return true;
    syntax_error(parse);
    return false;
}

static struct node *node_make(struct parse *parse, enum node_kind kind, const yaml_event_t *event)
{
    struct node *node = arena_take(parse->reading->arena, sizeof(*node));
    node->kind = kind;
    node->place = place_of(parse, event->start_mark);
    node->width = 1;
    if (kind == NODE_SCALAR && event->end_mark.line == event->start_mark.line && event->end_mark.column > event->start_mark.column)
        node->width = (uint32_t)(event->end_mark.column - event->start_mark.column);
    if (++parse->reading->nodes > TREE_NODES)
        refuse(parse, event->start_mark, "too many values: more than 500000 in all files together");
    return node;
}

static struct node *parse_node(struct parse *parse, const yaml_event_t *event, unsigned depth);

static struct node *parse_scalar(struct parse *parse, const yaml_event_t *event)
{
    struct node *node = node_make(parse, NODE_SCALAR, event);
    size_t size = event->data.scalar.length;
    const char *text = (const char *)event->data.scalar.value;
    if (size > TREE_SCALAR_BYTES)
        refuse(parse, event->start_mark, "this value is longer than 4096 bytes");
    else if (memchr(text, '\0', size))
        refuse(parse, event->start_mark, "this value holds a zero byte");
    if (parse->failed)
        return NULL;
    node->text = arena_text(parse->reading->arena, text, size);
    node->size = size;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return node;
}

/* Items wait here until their number is known. */
struct pile {
    struct node **items;
    size_t count, room;
};

static void pile_push(struct pile *pile, struct node *node)
{
    if (pile->count == pile->room) {
        pile->room = pile->room ? pile->room * 2 : 16;
        pile->items = realloc(pile->items, pile->room * sizeof(struct node *));
        if (!pile->items)
            abort();
    }
    pile->items[pile->count++] = node;
}

static void pile_move(struct reading *reading, struct pile *pile, struct node *node)
{
    node->count = pile->count;
    node->items = arena_take(reading->arena, pile->count * sizeof(struct node *));
    if (pile->count)
        memcpy(node->items, pile->items, pile->count * sizeof(struct node *));
    free(pile->items);
}

static struct node *parse_collection(struct parse *parse, const yaml_event_t *begin, unsigned depth)
{
    bool mapping = begin->type == YAML_MAPPING_START_EVENT;
    struct node *node = node_make(parse, mapping ? NODE_MAPPING : NODE_LIST, begin), *key = NULL;
    if (depth >= TREE_DEPTH)
        refuse(parse, begin->start_mark, "nested too deeply: more than 16 levels");
    struct pile pile = {0};
    yaml_event_t event;
    while (next_event(parse, &event)) {
        bool ends = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        struct node *item = ends ? NULL : parse_node(parse, &event, depth + 1);
        if (item && mapping && !key && item->kind != NODE_SCALAR)
            refuse(parse, event.start_mark, "a key must be a plain word");
        yaml_event_delete(&event);
        if (ends || !item)
            break;
        if (mapping && !key) {
            key = item;
            continue;
        }
        item->key = key;
        key = NULL;
        pile_push(&pile, item);
    }
    pile_move(parse->reading, &pile, node);
    if (parse->failed)
        return NULL;
    if (mapping)
        node_index(parse->reading, node);
    return node;
}

static struct node *parse_node(struct parse *parse, const yaml_event_t *event, unsigned depth)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        anchor = (const yaml_char_t *)"";
        break;
    }
    if (anchor)
        refuse(parse, event->start_mark, "anchors and aliases are not allowed here; what is common belongs under `defaults:`");
    else if (tag)
        refuse(parse, event->start_mark, "tags are not allowed here");
    if (parse->failed)
        return NULL;
    return event->type == YAML_SCALAR_EVENT ? parse_scalar(parse, event) : parse_collection(parse, event, depth);
}

/* stream start, document start, the node, document end, stream end */
static struct node *parse_stream(struct parse *parse)
{
    struct node *root = NULL;
    yaml_event_t event;
    bool more = true;
    while (more && next_event(parse, &event)) {
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            more = false;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (root)
                refuse(parse, event.start_mark, "a second document begins here; one file holds one");
            break;
        default:
            root = parse_node(parse, &event, 0);
            break;
        }
        yaml_event_delete(&event);
    }
    return parse->failed ? NULL : root;
}

struct node *tree_read(struct reading *reading, struct source *source)
{
    source->next = reading->sources;
    reading->sources = source;
    struct parse parse = {.reading = reading, .source = source};
    if (!yaml_parser_initialize(&parse.parser))
        abort();
    yaml_parser_set_encoding(&parse.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parse.parser, (const unsigned char *)source->text, source->size);
    struct node *root = parse_stream(&parse);
    yaml_parser_delete(&parse.parser);
    if (!root && !parse.failed)
        complain(reading, (struct place){source->name, 0, 0}, 0, "the file is empty; it needs at least `version: 1`");
    return root;
}

void complain_node(struct reading *reading, struct node *node, const char *format, ...)
{
    if (node->complained)
        return;
    node->complained = true;
    va_list arguments;
    va_start(arguments, format);
    complain_list(reading, node->place, node->width, format, arguments);
    va_end(arguments);
}

static int compare_keys(const void *left, const void *right)
{
    const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
    int order = strcmp(a->key->text, b->key->text);
    if (order)
        return order;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    return (a->place.column > b->place.column) - (a->place.column < b->place.column);
}

/* Two entries of one name could not be told apart later: the first stays, the others were complained about. */
static void drop_repeated(struct node *mapping)
{
    size_t kept = 0;
    for (size_t i = 0; i < mapping->count; i++)
        if (!mapping->items[i]->repeated)
            mapping->items[kept++] = mapping->items[i];
    mapping->count = kept;
}

void node_index(struct reading *reading, struct node *mapping)
{
    mapping->by_key = arena_take(reading->arena, mapping->count * sizeof(struct node *));
    if (mapping->count)
        memcpy(mapping->by_key, mapping->items, mapping->count * sizeof(struct node *));
    qsort(mapping->by_key, mapping->count, sizeof(struct node *), compare_keys);
    size_t kept = 0;
    for (size_t i = 0; i < mapping->count; i++) {
        const struct node *first = kept ? mapping->by_key[kept - 1] : NULL;
        struct node *next = mapping->by_key[i];
        next->repeated = first && strcmp(first->key->text, next->key->text) == 0;
        if (next->repeated)
            complain_node(reading, next->key, "`%s` stands here twice; first at %s:%u:%u", next->key->text, first->key->place.file,
                          first->key->place.line, first->key->place.column);
        else
            mapping->by_key[kept++] = next;
    }
    if (kept < mapping->count)
        drop_repeated(mapping);
}

struct node *node_get(const struct node *mapping, const char *key)
{
    size_t low = 0, high = mapping && mapping->kind == NODE_MAPPING ? mapping->count : 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(mapping->by_key[middle]->key->text, key);
        if (order == 0)
            return mapping->by_key[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* "[a, b]" or a scalar: all that defaults need */
struct node *tree_preset(struct reading *reading, const char *text, struct place place)
{
    struct node *node = arena_take(reading->arena, sizeof(*node));
    node->place = place;
    node->width = 1;
    size_t size = strlen(text);
    if (text[0] != '[') {
        node->kind = NODE_SCALAR;
        node->plain = size > 0; /* the empty text is meant as text, not as nothing */
        node->text = text;
        node->size = size;
        return node;
    }
    node->kind = NODE_LIST;
    struct pile pile = {0};
    for (const char *at = text + 1; *at && *at != ']';) {
        size_t length = strcspn(at, ",]");
        if (length)
            pile_push(&pile, tree_preset(reading, arena_text(reading->arena, at, length), place));
        at += length + (at[length] == ',');
        at += strspn(at, " ");
    }
    pile_move(reading, &pile, node);
    return node;
}
