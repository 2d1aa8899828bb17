#include "config/yaml_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"

#define MAX_ANCHORS  256u
#define ROOT_PATH    "document"
#define ONE_DOCUMENT "one YAML document with the options of ringway.yaml(5)"

struct anchor {
    const char *name;
    struct tree_node *node;
};

/* One list or map that has begun and not ended. */
struct level {
    struct tree_node *node;
    const char *key; /* map: the key whose value comes next; NULL: a key comes next */
    int key_line, key_column;
};

struct loader {
    struct tree *tree;
    struct problem_list *problems;
    struct level levels[TREE_MAX_DEPTH];
    size_t depth;
    struct anchor anchors[MAX_ANCHORS];
    size_t n_anchors;
};

static int line_of(const yaml_mark_t *mark)
{
    return (int)mark->line + 1;
}

static int refuse(struct loader *loader, const yaml_event_t *event, const char *accepted,
                  const char *found)
{
    problems_add_at(loader->problems, line_of(&event->start_mark), ROOT_PATH, accepted, "%s",
                    found);
    return -1;
}

/* --- Text --- */

/* Length of the UTF-8 character at [text], or 0 when there is none. RFC 3629, section 4. */
static size_t utf8_length(const unsigned char *text, size_t len)
{
    unsigned char first = text[0];
    size_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (n == 0 || first > 0xf4 || n > len) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0u) != 0x80u) {
            return 0;
        }
    }
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
        (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f)) {
        return 0;
    }
    return n;
}

/* Every byte must be UTF-8 text; NUL and other control bytes are left to libyaml to refuse. */
static int check_encoding(const char *text, size_t len, struct problem_list *problems)
{
    const unsigned char *bytes = (const unsigned char *)text;
    int line = 1;

    for (size_t i = 0; i < len;) {
        size_t n = utf8_length(bytes + i, len - i);
        if (n == 0) {
            problems_add_at(problems, line, ROOT_PATH, "UTF-8 text", "the byte 0x%02x", bytes[i]);
            return -1;
        }
        line += bytes[i] == '\n';
        i += n;
    }
    return 0;
}

static int line_at_offset(const char *text, size_t len, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < len && i < offset; i++) {
        line += text[i] == '\n';
    }
    return line;
}

/* Does the indentation of line [number], from 1, hold a tab? */
static bool line_begins_with_tab(const char *text, size_t len, size_t number)
{
    size_t at = 0;
    for (size_t line = 1; line < number && at < len; at++) {
        line += text[at] == '\n';
    }
    while (at < len && text[at] == ' ') {
        at++;
    }
    return at < len && text[at] == '\t';
}

static void report_syntax(const yaml_parser_t *parser, const char *text, size_t len,
                          struct problem_list *problems)
{
    const char *problem = parser->problem != NULL ? parser->problem : "a syntax error";

    if (parser->error == YAML_READER_ERROR) {
        problems_add_at(problems, line_at_offset(text, len, parser->problem_offset), ROOT_PATH,
                        "printable UTF-8 text", "invalid YAML (%s)", problem);
        return;
    }
    size_t line = parser->problem_mark.line + 1;
    if (line_begins_with_tab(text, len, line)) {
        problems_add_at(problems, (int)line, ROOT_PATH, "spaces", "a tab in the indentation");
        return;
    }
    if (parser->context == NULL) {
        problems_add_at(problems, (int)line, ROOT_PATH, "YAML", "invalid YAML (%s)", problem);
        return;
    }
    problems_add_at(problems, (int)line, ROOT_PATH, "YAML", "invalid YAML (%s in line %zu, %s)",
                    parser->context, parser->context_mark.line + 1, problem);
}

/* --- Nodes --- */

static bool is_null(const yaml_event_t *event)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
        if (strcmp((const char *)event->data.scalar.value, nulls[i]) == 0) {
            return true;
        }
    }
    return false;
}

static struct tree_node *new_node(struct loader *loader, enum tree_kind kind,
                                  const yaml_event_t *event)
{
    struct tree_node *node = tree_new(loader->tree, kind, NULL);
    node->line = line_of(&event->start_mark);
    node->column = (int)event->start_mark.column + 1;
    return node;
}

static struct level *innermost(struct loader *loader)
{
    return loader->depth > 0 ? &loader->levels[loader->depth - 1] : NULL;
}

static bool wants_key(struct loader *loader)
{
    const struct level *level = innermost(loader);
    return level != NULL && level->node->kind == TREE_MAP && level->key == NULL;
}

/* Where an empty value or one in the next line is talked about: at its key. */
static void place_at_key(struct tree_node *node, const struct level *level)
{
    if (node->kind == TREE_NULL || node->kind == TREE_MAP || node->kind == TREE_LIST) {
        node->line = level->key_line;
        node->column = level->key_column;
    }
}

static void attach(struct loader *loader, struct tree_node *node)
{
    struct level *level = innermost(loader);

    if (level == NULL) {
        loader->tree->root = node;
    } else if (level->node->kind == TREE_LIST) {
        tree_append(level->node, node, NULL);
    } else {
        place_at_key(node, level);
        tree_append(level->node, node, level->key);
        level->key = NULL;
    }
}

static int remember_anchor(struct loader *loader, const yaml_char_t *name, struct tree_node *node,
                           const yaml_event_t *event)
{
    if (name == NULL) {
        return 0;
    }
    if (loader->n_anchors == MAX_ANCHORS) {
        return refuse(loader, event, "256 anchors or fewer", "too many anchors");
    }
    const char *text = (const char *)name;
    loader->anchors[loader->n_anchors++] =
        (struct anchor){tree_copy(loader->tree, text, strlen(text)), node};
    return 0;
}

static struct tree_node *find_anchor(const struct loader *loader, const char *name)
{
    for (size_t i = loader->n_anchors; i-- > 0;) {
        if (strcmp(loader->anchors[i].name, name) == 0) {
            return loader->anchors[i].node;
        }
    }
    return NULL;
}

static void take_key(struct loader *loader, const char *key, const yaml_event_t *event)
{
    struct level *level = &loader->levels[loader->depth - 1];
    level->key = tree_copy(loader->tree, key, strlen(key));
    level->key_line = line_of(&event->start_mark);
    level->key_column = (int)event->start_mark.column + 1;
}

static int check_tag(struct loader *loader, const yaml_event_t *event, const yaml_char_t *tag)
{
    if (tag != NULL && strcmp((const char *)tag, "!") != 0) {
        return refuse(loader, event, "values without tags", "a tag");
    }
    return 0;
}

static int on_scalar(struct loader *loader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    if (check_tag(loader, event, event->data.scalar.tag) != 0) {
        return -1;
    }
    if (strlen(text) != event->data.scalar.length) {
        return refuse(loader, event, "text without NUL bytes", "a NUL byte");
    }
    bool is_key = wants_key(loader);
    struct tree_node *node =
        new_node(loader, is_null(event) && !is_key ? TREE_NULL : TREE_SCALAR, event);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = tree_copy(loader->tree, text, event->data.scalar.length);
    if (remember_anchor(loader, event->data.scalar.anchor, node, event) != 0) {
        return -1;
    }
    if (is_key) {
        take_key(loader, text, event);
    } else {
        attach(loader, node);
    }
    return 0;
}

static bool is_open(const struct loader *loader, const struct tree_node *node)
{
    for (size_t i = 0; i < loader->depth; i++) {
        if (loader->levels[i].node == node) {
            return true;
        }
    }
    return false;
}

static int on_alias(struct loader *loader, const yaml_event_t *event)
{
    const struct tree_node *target = find_anchor(loader, (const char *)event->data.alias.anchor);

    if (target == NULL) {
        return refuse(loader, event, "an anchor that stands before it", "an unknown alias");
    }
    if (is_open(loader, target)) {
        return refuse(loader, event, "an alias of something complete",
                      "an alias inside its own anchor");
    }
    if (wants_key(loader)) {
        if (target->kind != TREE_SCALAR) {
            return refuse(loader, event, "text", "an alias of a list or map as a key");
        }
        take_key(loader, target->text, event);
        return 0;
    }
    struct tree_node *copy = tree_clone(loader->tree, target, loader->depth);
    if (copy == NULL) {
        return refuse(loader, event, "1000000 values, 32 levels deep",
                      "too much, counting aliases");
    }
    attach(loader, copy);
    return 0;
}

static int on_start(struct loader *loader, const yaml_event_t *event, enum tree_kind kind)
{
    const yaml_char_t *tag =
        kind == TREE_LIST ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    const yaml_char_t *anchor =
        kind == TREE_LIST ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;

    if (check_tag(loader, event, tag) != 0) {
        return -1;
    }
    if (wants_key(loader)) {
        return refuse(loader, event, "text", "a list or map as a key");
    }
    if (loader->depth == TREE_MAX_DEPTH) {
        return refuse(loader, event, "32 levels or fewer", "too many levels");
    }
    struct tree_node *node = new_node(loader, kind, event);
    attach(loader, node);
    loader->levels[loader->depth++] = (struct level){.node = node};
    return remember_anchor(loader, anchor, node, event);
}

static int compare_keys(const void *left, const void *right)
{
    const struct tree_node *a = *(const struct tree_node *const *)left;
    const struct tree_node *b = *(const struct tree_node *const *)right;
    int order = strcmp(a->key, b->key);

    return order != 0 ? order : a->index < b->index ? -1 : a->index > b->index;
}

static void report_duplicate_keys(struct loader *loader, const struct tree_node *map)
{
    const struct tree_node **children = xcalloc(map->n_children, sizeof(*children));
    size_t n = 0;

    for (const struct tree_node *child = map->first; child != NULL; child = child->next) {
        children[n++] = child;
    }
    qsort(children, n, sizeof(*children), compare_keys);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (strcmp(children[first]->key, children[i]->key) != 0) {
            first = i;
            continue;
        }
        problems_add(loader->problems, children[i], NULL, "each key once",
                     "the key a second time (first in line %d)", children[first]->line);
    }
    free(children);
}

static void on_end(struct loader *loader)
{
    const struct tree_node *node = loader->levels[--loader->depth].node;

    assert(node != NULL);
    if (node->kind == TREE_MAP) {
        report_duplicate_keys(loader, node);
    }
}

static int on_event(struct loader *loader, const yaml_event_t *event)
{
    if (loader->tree->n_nodes >= TREE_MAX_NODES) {
        return refuse(loader, event, "1000000 values or fewer", "too many values");
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(loader, event);
    case YAML_ALIAS_EVENT:
        return on_alias(loader, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(loader, event, TREE_LIST);
    case YAML_MAPPING_START_EVENT:
        return on_start(loader, event, TREE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(loader);
        return 0;
    case YAML_DOCUMENT_START_EVENT:
        if (loader->tree->root != NULL) {
            return refuse(loader, event, "one document", "a second document");
        }
        return 0;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return 0;
    }
    return 0;
}

static int read_events(struct loader *loader, yaml_parser_t *parser, const char *text, size_t len)
{
    for (bool is_done = false; !is_done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            report_syntax(parser, text, len, loader->problems);
            return -1;
        }
        int result = on_event(loader, &event);
        is_done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (result != 0) {
            return -1;
        }
    }
    return 0;
}

int yaml_tree_read(struct tree *tree, const char *text, size_t len, struct problem_list *problems)
{
    if (len > YAML_TREE_MAX_BYTES) {
        problems_add_at(problems, 1, ROOT_PATH, "8 MiB or less", "%zu bytes", len);
        return -1;
    }
    if (check_encoding(text, len, problems) != 0) {
        return -1;
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        abort();
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);

    struct loader *loader = xcalloc(1, sizeof(*loader));
    loader->tree = tree;
    loader->problems = problems;
    int result = read_events(loader, &parser, text, len);
    free(loader);
    yaml_parser_delete(&parser);

    if (result == 0 && (tree->root == NULL || tree->root->kind == TREE_NULL)) {
        problems_add_at(problems, 1, ROOT_PATH, ONE_DOCUMENT, "an empty file");
        return -1;
    }
    return result;
}
