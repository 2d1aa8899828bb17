#include "config/tree.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define CHUNK_BYTES  ((size_t)64 * 1024)
#define QUOTED_BYTES 60u /* of a value that is shown in a message */

struct tree_chunk {
    struct tree_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

void tree_init(struct tree *tree)
{
    *tree = (struct tree){0};
}

void tree_deinit(struct tree *tree)
{
    while (tree->chunks != NULL) {
        struct tree_chunk *chunk = tree->chunks;
        tree->chunks = chunk->next;
        free(chunk);
    }
    *tree = (struct tree){0};
}

static void *tree_alloc(struct tree *tree, size_t size)
{
    size_t rounded = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct tree_chunk *chunk = tree->chunks;

    if (chunk == NULL || chunk->size - chunk->used < rounded) {
        size_t capacity = rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES;
        chunk = xcalloc(1, sizeof(*chunk) + capacity);
        chunk->size = capacity;
        chunk->next = tree->chunks;
        tree->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += rounded;
    return memory;
}

const char *tree_copy(struct tree *tree, const char *text, size_t len)
{
    char *copy = tree_alloc(tree, len + 1);
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

struct tree_node *tree_new(struct tree *tree, enum tree_kind kind, const struct tree_node *like)
{
    struct tree_node *node = tree_alloc(tree, sizeof(*node));
    *node = (struct tree_node){.kind = kind};
    if (like != NULL) {
        node->line = like->line;
        node->column = like->column;
        node->origin = like->origin;
    }
    tree->n_nodes++;
    return node;
}

struct tree_node *tree_new_scalar(struct tree *tree, const char *text, const struct tree_node *like)
{
    struct tree_node *node = tree_new(tree, TREE_SCALAR, like);
    node->text = tree_copy(tree, text, strlen(text));
    return node;
}

void tree_append(struct tree_node *parent, struct tree_node *child, const char *key)
{
    child->parent = parent;
    child->key = key;
    child->index = parent->n_children++;
    child->next = NULL;
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
}

void tree_become(struct tree_node *node, enum tree_kind kind)
{
    node->kind = kind;
    node->text = NULL;
    node->quoted = false;
    node->first = node->last = NULL;
    node->n_children = 0;
}

struct tree_node *tree_clone(struct tree *tree, const struct tree_node *node, size_t depth)
{
    if (tree->n_nodes >= TREE_MAX_NODES || depth > TREE_MAX_DEPTH) {
        return NULL;
    }
    struct tree_node *copy = tree_new(tree, node->kind, node);
    copy->text = node->text;
    copy->quoted = node->quoted;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        struct tree_node *child_copy = tree_clone(tree, child, depth + 1);
        if (child_copy == NULL) {
            return NULL;
        }
        tree_append(copy, child_copy, child->key);
    }
    return copy;
}

struct tree_node *tree_get(const struct tree_node *map, const char *key)
{
    if (map == NULL || map->kind != TREE_MAP) {
        return NULL;
    }
    struct tree_node *child = map->first;
    while (child != NULL && strcmp(child->key, key) != 0) {
        child = child->next;
    }
    return child;
}

const char *tree_get_text(const struct tree_node *map, const char *key)
{
    const struct tree_node *node = tree_get(map, key);
    return node != NULL && node->kind == TREE_SCALAR ? node->text : NULL;
}

/* Where the first [max] bytes of [text] end, without cutting a UTF-8 character in two. */
static size_t text_prefix(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len <= max) {
        return len;
    }
    len = max;
    while (len > 0 && ((unsigned char)text[len] & 0xc0u) == 0x80u) {
        len--;
    }
    return len;
}

/* Writes through a bounded memory stream: what does not fit is cut off, always terminated. */
struct writer {
    char *at;
    size_t left; /* without the closing NUL */
};

static void put_bytes(struct writer *writer, const char *bytes, size_t len)
{
    if (len > writer->left) {
        writer->left = 0;
        return;
    }
    memcpy(writer->at, bytes, len);
    writer->at += len;
    writer->left -= len;
    *writer->at = '\0';
}

static void put_text(struct writer *writer, const char *text)
{
    put_bytes(writer, text, strlen(text));
}

static void put_printable(struct writer *writer, const char *text)
{
    size_t len = text_prefix(text, QUOTED_BYTES);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        char escaped[8];
        if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\') {
            snprintf(escaped, sizeof(escaped), "\\x%02x", byte);
            put_text(writer, byte == '"' ? "\\\"" : byte == '\\' ? "\\\\" : escaped);
        } else {
            put_bytes(writer, text + i, 1);
        }
    }
    if (text[len] != '\0') {
        put_text(writer, "...");
    }
}

static struct writer writer_on(char *out, size_t size)
{
    out[0] = '\0';
    return (struct writer){out, size - 1};
}

static void put_element(struct writer *writer, const struct tree_node *node)
{
    char index[24];
    const char *name = tree_get_text(node, "name");

    put_text(writer, "[");
    if (name != NULL && name[0] != '\0') {
        put_printable(writer, name);
    } else {
        snprintf(index, sizeof(index), "%zu", node->index);
        put_text(writer, index);
    }
    put_text(writer, "]");
}

static void put_key(struct writer *writer, const char *key)
{
    if (key[0] == '\0') {
        put_text(writer, "\"\"");
    }
    put_printable(writer, key);
}

static void put_path(struct writer *writer, const struct tree_node *node)
{
    if (node->parent == NULL) {
        return;
    }
    put_path(writer, node->parent);
    if (node->parent->kind == TREE_LIST) {
        put_element(writer, node);
        return;
    }
    if (node->parent->parent != NULL) {
        put_text(writer, ".");
    }
    put_key(writer, node->key);
}

void tree_path(const struct tree_node *node, const char *child, char *out, size_t size)
{
    struct writer writer = writer_on(out, size);
    put_path(&writer, node);
    if (child != NULL) {
        put_text(&writer, node->parent != NULL ? "." : "");
        put_key(&writer, child);
    }
    if (out[0] == '\0') {
        put_text(&writer, "document");
    }
}

void tree_quote(const char *text, char *out, size_t size)
{
    struct writer writer = writer_on(out, size);
    put_text(&writer, "\"");
    put_printable(&writer, text);
    put_text(&writer, "\"");
}

void tree_describe(const struct tree_node *node, char *out, size_t size)
{
    switch (node->kind) {
    case TREE_NULL:
        snprintf(out, size, "nothing");
        break;
    case TREE_SCALAR:
        tree_quote(node->text, out, size);
        break;
    case TREE_LIST:
        snprintf(out, size, "a list");
        break;
    case TREE_MAP:
        snprintf(out, size, "a map");
        break;
    }
}
