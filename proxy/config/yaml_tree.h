/*
 * YAML text to a tree of nodes with line numbers, by libyaml.
 *
 * Anchors and aliases are followed within the bounds of tree.h. Tags other than the plain ones,
 * merge keys and several documents are not taken.
 */
#ifndef RINGWAY_CONFIG_YAML_TREE_H
#define RINGWAY_CONFIG_YAML_TREE_H

#include "config/problems.h"
#include "config/tree.h"

/** Largest file that is read. */
#define YAML_TREE_MAX_BYTES ((size_t)8 * 1024 * 1024)

/**
 * Read [len] bytes of [text] into [tree], which is empty.
 *
 * Returns 0 with tree->root set, or -1 when the text cannot be understood at all; either way
 * [problems] receives what is wrong (duplicate keys leave the tree usable).
 */
int yaml_tree_read(struct tree *tree, const char *text, size_t len, struct problem_list *problems);

#endif
