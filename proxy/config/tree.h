/*
 * A tree of scalars, lists and maps: what the file, the environment and the command line say,
 * before anybody has judged it. Every node knows where it came from.
 *
 * Not here: reading YAML (yaml_tree.h), what the keys mean (params.h).
 */
#ifndef RINGWAY_CONFIG_TREE_H
#define RINGWAY_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* Bounds on what a file may hold; aliases count as often as they are used. */
#define TREE_MAX_NODES 1000000u
#define TREE_MAX_DEPTH 32u

enum tree_kind { TREE_NULL, TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_node {
    enum tree_kind kind;
    bool quoted;        /* SCALAR: stood in quotation marks */
    bool is_reported;   /* a problem of it is known: nobody needs to look at it again */
    int line, column;   /* in the file, from 1; 0 when not from a file */
    const char *origin; /* NULL: the file; else what to name instead of file, line and path */
    const char *key;    /* in a map: the key it stands under */
    const char *text;   /* SCALAR: the value */
    size_t index;       /* in a list or map: position, from 0 */
    struct tree_node *parent, *next, *first, *last;
    size_t n_children;
};

/* Large enough for what tree_describe() and tree_quote() write. */
#define TREE_TEXT_BYTES 320u

struct tree_chunk;

/* Owns its nodes and their texts. */
struct tree {
    struct tree_chunk *chunks;
    size_t n_nodes;
    struct tree_node *root; /* NULL: nothing was read */
};

void tree_init(struct tree *tree);
void tree_deinit(struct tree *tree);

/** [len] bytes of [text] and a NUL, owned by [tree]. */
const char *tree_copy(struct tree *tree, const char *text, size_t len);

/** A node without parent. Lines and origin are those of [like], which may be NULL. */
struct tree_node *tree_new(struct tree *tree, enum tree_kind kind, const struct tree_node *like);
struct tree_node *tree_new_scalar(struct tree *tree, const char *text,
                                  const struct tree_node *like);

/** Put [child] at the end of the list or map [parent]; [key] is borrowed, NULL in a list. */
void tree_append(struct tree_node *parent, struct tree_node *child, const char *key);

/** Turn [node] into an empty list or map, a null or a scalar in its place. */
void tree_become(struct tree_node *node, enum tree_kind kind);

/**
 * Copy [node] and everything below it.
 *
 * [depth] How deep the copy will stand, counted from the root.
 *
 * Returns NULL when the tree would become larger or deeper than its bounds.
 */
struct tree_node *tree_clone(struct tree *tree, const struct tree_node *node, size_t depth);

/** The child of the map [map] under [key], or NULL; also NULL when [map] is no map. */
struct tree_node *tree_get(const struct tree_node *map, const char *key);

/** The text of the scalar under [key], or NULL. */
const char *tree_get_text(const struct tree_node *map, const char *key);

/** Write the path of [node] and, unless NULL, of its [child] key: "pools[sessions].name". */
void tree_path(const struct tree_node *node, const char *child, char *out, size_t size);

/** "a list", "a map", "nothing", or the value in quotation marks, made printable and short. */
void tree_describe(const struct tree_node *node, char *out, size_t size);

/** [text] in quotation marks, made printable and short. */
void tree_quote(const char *text, char *out, size_t size);

#endif
