/* Single values by type. Must not know any particular key; touches the file system only to look at a secret file's rights. */
#include "fill_value.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static const char *describe(const struct node *node, char buffer[96])
{
    if (node->kind != NODE_SCALAR)
        return node->kind == NODE_LIST ? "a list" : "a mapping";
    enum scalar_kind kind = node->plain ? scalar_kind(node->text) : SCALAR_TEXT;
    if (kind == SCALAR_NULL)
        return "nothing";
    snprintf(buffer, 96, "%s`%.60s`",
             kind == SCALAR_NUMBER                 ? "the number "
             : kind == SCALAR_TEXT && !node->plain ? "the text "
                                                   : "",
             node->text);
    return buffer;
}

bool expect_kind(struct fill *fill, struct node *node, enum node_kind kind)
{
    static const char *const wanted[] = {"one value", "a list: [a, b]", "a mapping: {key: value}"};
    char found[96];
    if (node->kind == kind)
        return true;
    complain_node(fill->reading, node, "expected %s, found %s", wanted[kind], describe(node, found));
    return false;
}

/* A scalar that YAML itself reads as text. */
static bool expect_text(struct fill *fill, struct node *node)
{
    char found[96];
    if (!expect_kind(fill, node, NODE_SCALAR))
        return false;
    enum scalar_kind kind = node->plain ? scalar_kind(node->text) : SCALAR_TEXT;
    if (kind == SCALAR_TEXT)
        return true;
    if (kind == SCALAR_NULL)
        complain_node(fill->reading, node, "expected text, found nothing");
    else
        complain_node(fill->reading, node, "expected text, found %s; put it into quotes: '%s'", describe(node, found), node->text);
    return false;
}

static void fill_bool(struct fill *fill, struct node *node, bool *out)
{
    static const char *const words[] = {"yes", "on", "y", "True", "TRUE", "no", "off", "n", "False", "FALSE"};
    char found[96];
    if (!expect_kind(fill, node, NODE_SCALAR))
        return;
    *out = strcmp(node->text, "true") == 0;
    if (node->plain && (*out || strcmp(node->text, "false") == 0))
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(node->text, words[i]) == 0 || *out) {
            complain_node(fill->reading, node, "expected true or false, found %s; write %s", describe(node, found),
                          i < 5 || *out ? "true" : "false");
            return;
        }
    complain_node(fill->reading, node, "expected true or false, found %s", describe(node, found));
}

static void fill_integer(struct fill *fill, struct node *node, const struct field *row, int64_t *out)
{
    char found[96];
    if (!expect_kind(fill, node, NODE_SCALAR))
        return;
    int64_t value;
    if (!node->plain || !integer_parse(node->text, &value))
        complain_node(fill->reading, node, "expected a whole number, found %s", describe(node, found));
    else if (value != row->min && row->min == row->max)
        complain_node(fill->reading, node, "`%s` must be %" PRId64, row->key, row->min);
    else if (value < row->min || value > row->max)
        complain_node(fill->reading, node, "`%s` must be between %" PRId64 " and %" PRId64, row->key, row->min, row->max);
    else
        *out = value;
}

static void fill_duration(struct fill *fill, struct node *node, const struct field *row, int64_t *out)
{
    char found[96], least[DURATION_TEXT_BYTES], most[DURATION_TEXT_BYTES];
    if (!expect_kind(fill, node, NODE_SCALAR))
        return;
    int64_t value;
    if (integer_parse(node->text, &value))
        complain_node(fill->reading, node, "a duration needs a unit: %ss, %sm or %sh", node->text, node->text, node->text);
    else if (!duration_parse(node->text, &value))
        complain_node(fill->reading, node, "expected a duration such as 500ms, 10s, 5m or 1h, found %s", describe(node, found));
    else if (value < row->min || value > row->max)
        complain_node(fill->reading, node, "`%s` must be between %s and %s", row->key, duration_text(row->min, least),
                      duration_text(row->max, most));
    else
        *out = value;
}

bool fill_choice(struct fill *fill, struct node *node, const struct field *row, int64_t *out)
{
    if (!expect_kind(fill, node, NODE_SCALAR))
        return false;
    struct suggestion suggestion = {.word = node->text};
    char all[200] = "", nearest[160];
    const char *word;
    bool built;
    for (size_t i = 0; (word = field_choice(row, i, &built)); i++) {
        if (strcmp(word, node->text) == 0 && !built)
            complain_node(fill->reading, node, "`%s: %s` is not built into this version", row->key, word);
        if (strcmp(word, node->text) == 0) {
            *out = (int64_t)i;
            return built;
        }
        if (!built)
            continue;
        suggestion_offer(&suggestion, word);
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", word);
    }
    complain_node(fill->reading, node, "`%s` must be one of %s%s", row->key, all, suggestion_text(&suggestion, nearest));
    return false;
}

static void fill_choices(struct fill *fill, struct node *node, const struct field *row, int64_t *out)
{
    if (!expect_kind(fill, node, NODE_LIST))
        return;
    for (size_t i = 0; i < node->count; i++) {
        int64_t position;
        if (!fill_choice(fill, node->items[i], row, &position))
            continue;
        if (*out & ((int64_t)1 << position))
            complain_node(fill->reading, node->items[i], "`%s` stands here twice", node->items[i]->text);
        *out |= (int64_t)1 << position;
    }
}

/* Relative paths are meant from the folder of the file that names them. */
static const char *resolve(struct fill *fill, const struct node *node)
{
    const char *slash = strrchr(node->place.file ? node->place.file : "", '/');
    if (node->text[0] == '/' || !slash)
        return node->text;
    return arena_print(fill->reading->arena, "%.*s/%s", (int)(slash - node->place.file), node->place.file, node->text);
}

static void fill_secret_file(struct fill *fill, struct node *node, const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && status.st_mode & (S_IROTH | S_IWOTH))
        complain_node(fill->reading, node, "everybody may read or write this secret file; chmod o= %s", path);
}

static void fill_text(struct fill *fill, struct node *node, const struct field *row, const char **out)
{
    char found[96];
    if (!expect_text(fill, node))
        return;
    int64_t size = (int64_t)node->size;
    bool path = row->type == FIELD_PATH || row->type == FIELD_SECRET_FILE;
    if (row->type == FIELD_NAME && !name_valid(node->text))
        complain_node(fill->reading, node, "%s cannot be a name: use 1 to 64 of A-Z a-z 0-9 . _ -", describe(node, found));
    else if (row->type == FIELD_HOST && !host_valid(node->text))
        complain_node(fill->reading, node, "%s is neither a host name nor an address%s", describe(node, found),
                      strchr(node->text, ':') ? "; a port has a key of its own: `port`" : "");
    else if (path && size == 0)
        complain_node(fill->reading, node, "expected a path, found nothing");
    else if (row->type == FIELD_TEXT && (size < row->min || (row->max && size > row->max)))
        complain_node(fill->reading, node, "`%s` must have %" PRId64 " to %" PRId64 " bytes", row->key, row->min, row->max);
    else
        *out = path ? resolve(fill, node) : node->text;
    if (row->type == FIELD_SECRET_FILE && *out)
        fill_secret_file(fill, node, *out);
}

static bool fill_reference(struct fill *fill, struct node *node, const struct field *row)
{
    if (!expect_text(fill, node))
        return false;
    const char *path = row->sub;
    const struct node *target = node_path(fill->root, path);
    if (node_get(target, node->text))
        return true;
    struct suggestion suggestion = {.word = node->text};
    for (size_t i = 0; target && target->kind == NODE_MAPPING && i < target->count; i++)
        suggestion_offer(&suggestion, target->items[i]->key->text);
    char nearest[160];
    complain_node(fill->reading, node, "`%s` is not defined under `%s:`%s", node->text, path, suggestion_text(&suggestion, nearest));
    return false;
}

static bool check_address(struct fill *fill, struct node *node)
{
    struct address address;
    uint8_t bits;
    if (!prefix_parse(node->text, &address, &bits))
        complain_node(fill->reading, node, "`%s` is neither an IP address nor a prefix such as 10.0.0.0/24", node->text);
    else if (prefix_has_host_bits(&address, bits))
        complain_node(fill->reading, node, "`%s` has bits set behind its prefix; write the network, or the address alone", node->text);
    else
        return true;
    return false;
}

static void fill_texts(struct fill *fill, struct node *node, const struct field *row, struct texts *out)
{
    if (!expect_kind(fill, node, NODE_LIST))
        return;
    if (row->type == FIELD_ARGUMENTS && node->count == 0)
        complain_node(fill->reading, node, "expected a program and its arguments, found an empty list");
    if (row->max && node->count > (size_t)row->max)
        complain_node(fill->reading, node, "at most %" PRId64 " items, found %zu", row->max, node->count);
    const char **items = arena_take(fill->reading->arena, (node->count + 1) * sizeof(char *));
    for (size_t i = 0; i < node->count; i++) {
        struct node *item = node->items[i];
        bool good = row->type == FIELD_REFERENCES ? fill_reference(fill, item, row) : expect_text(fill, item);
        if (good && row->type == FIELD_ADDRESSES)
            good = check_address(fill, item);
        if (good && row->type == FIELD_ARGUMENTS && i == 0 && item->text[0] != '/')
            complain_node(fill->reading, item, "the program must be an absolute path; there is no shell and no PATH here");
        items[i] = item->text ? item->text : "";
    }
    out->count = node->count;
    out->items = items;
}

void fill_value(struct fill *fill, struct node *node, const struct field *row, void *member)
{
    if (node->complained)
        return;
    switch (row->type) {
    case FIELD_BOOL:
        fill_bool(fill, node, member);
        break;
    case FIELD_INTEGER:
        fill_integer(fill, node, row, member);
        break;
    case FIELD_DURATION:
        fill_duration(fill, node, row, member);
        break;
    case FIELD_CHOICE:
    case FIELD_FORMAT:
        fill_choice(fill, node, row, member);
        break;
    case FIELD_CHOICES:
        fill_choices(fill, node, row, member);
        break;
    case FIELD_REFERENCE:
        if (fill_reference(fill, node, row))
            *(const char **)member = node->text;
        break;
    case FIELD_REFERENCES:
    case FIELD_TEXTS:
    case FIELD_ARGUMENTS:
    case FIELD_ADDRESSES:
        fill_texts(fill, node, row, member);
        break;
    default:
        fill_text(fill, node, row, member);
        break;
    }
}
