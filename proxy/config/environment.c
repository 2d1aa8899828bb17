#include "config/environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/text.h"

/* Of all expanded values together: a small file must not become a large one. */
#define MAX_EXPANDED_BYTES ((size_t)8 * 1024 * 1024)

#define ACCEPTED "${VAR} or ${VAR:-default}"

struct expansion {
    struct tree *tree;
    char *const *environment;
    struct problem_list *problems;
    size_t total; /* bytes of all values so far */
};

struct buffer {
    char *bytes;
    size_t len, capacity;
};

const char *environment_get(char *const *environment, const char *name, size_t len)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=') {
            return *environment + len + 1;
        }
    }
    return NULL;
}

static void buffer_add(struct buffer *buffer, const char *bytes, size_t len)
{
    if (buffer->len + len > buffer->capacity) {
        buffer->capacity = (buffer->len + len) * 2;
        buffer->bytes = xrealloc(buffer->bytes, buffer->capacity);
    }
    if (len > 0) {
        memcpy(buffer->bytes + buffer->len, bytes, len);
    }
    buffer->len += len;
}

static size_t name_length(const char *text)
{
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    bool begins_with_digit = text[0] >= '0' && text[0] <= '9';

    return begins_with_digit ? 0 : strspn(text, characters);
}

/* [at] begins with "${". Returns what follows the closing brace, or NULL after a problem. */
static const char *expand_one(struct expansion *expansion, const struct tree_node *node,
                              const char *at, struct buffer *out)
{
    char found[TREE_TEXT_BYTES];
    const char *name = at + 2;
    size_t name_len = name_length(name);
    const char *rest = name + name_len;
    bool has_default = strncmp(rest, ":-", 2) == 0;
    const char *fallback = rest + (has_default ? 2 : 0);
    const char *end = has_default ? strchr(fallback, '}') : rest;

    if (name_len == 0 || end == NULL || *end != '}') {
        tree_quote(at, found, sizeof(found));
        problems_add(expansion->problems, node, NULL, ACCEPTED, "%s", found);
        return NULL;
    }
    const char *value = environment_get(expansion->environment, name, name_len);
    if (has_default && (value == NULL || value[0] == '\0')) {
        buffer_add(out, fallback, (size_t)(end - fallback));
    } else if (value != NULL) {
        buffer_add(out, value, strlen(value));
    } else {
        char *variable = text_copy(name, name_len);
        tree_quote(variable, found, sizeof(found));
        problems_add(expansion->problems, node, NULL, "a variable that is set, or ${VAR:-default}",
                     "the variable %s, which is not set", found);
        free(variable);
        return NULL;
    }
    return end + 1;
}

static void expand_scalar(struct expansion *expansion, struct tree_node *node)
{
    struct buffer out = {0};
    const char *at = node->text;
    const char *variable = strstr(at, "${");

    if (variable == NULL) {
        return;
    }
    while (variable != NULL && expansion->total + out.len <= MAX_EXPANDED_BYTES) {
        buffer_add(&out, at, (size_t)(variable - at));
        at = expand_one(expansion, node, variable, &out);
        if (at == NULL) {
            node->is_reported = true;
            free(out.bytes);
            return;
        }
        variable = strstr(at, "${");
    }
    buffer_add(&out, at, strlen(at));
    expansion->total += out.len;
    if (expansion->total > MAX_EXPANDED_BYTES) {
        problems_add(expansion->problems, node, NULL, "8 MiB or less",
                     "too much text in variables");
        node->is_reported = true;
    } else {
        node->text = tree_copy(expansion->tree, out.bytes, out.len);
    }
    free(out.bytes);
}

static void expand_node(struct expansion *expansion, struct tree_node *node)
{
    if (node->kind == TREE_SCALAR) {
        expand_scalar(expansion, node);
    }
    for (struct tree_node *child = node->first; child != NULL; child = child->next) {
        expand_node(expansion, child);
    }
}

void environment_expand(struct tree *tree, char *const *environment, struct problem_list *problems)
{
    struct expansion expansion = {tree, environment, problems, 0};
    expand_node(&expansion, tree->root);
}
