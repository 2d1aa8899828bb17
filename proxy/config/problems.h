/*
 * Collects everything that is wrong with a configuration and gives it back in the order of the
 * file; what came from the environment and the command line follows.
 */
#ifndef RINGWAY_CONFIG_PROBLEMS_H
#define RINGWAY_CONFIG_PROBLEMS_H

#include <stddef.h>

#include "config/config.h"
#include "config/tree.h"

#define PROBLEMS_MAX 1000u /* the rest is only counted */

struct problem;

struct problem_list {
    const char *file; /* borrowed */
    struct problem *items;
    size_t n_items, n_more;
};

void problems_init(struct problem_list *list, const char *file);

/**
 * Add "FILE:LINE: PATH: found WHAT; accepted: [accepted]".
 *
 * [node]  Where; for a node that is not from the file, its origin stands for FILE:LINE: PATH.
 * [child] NULL, or the key below [node] that the problem is about.
 */
void problems_add(struct problem_list *list, const struct tree_node *node, const char *child,
                  const char *accepted, const char *found, ...)
    __attribute__((format(printf, 5, 6)));

/** The same at [line] of the file, before there is a tree. */
void problems_add_at(struct problem_list *list, int line, const char *path, const char *accepted,
                     const char *found, ...) __attribute__((format(printf, 5, 6)));

/** The same for something that has no line: [origin] stands for FILE:LINE: PATH. */
void problems_add_origin(struct problem_list *list, const char *origin, const char *accepted,
                         const char *found, ...) __attribute__((format(printf, 4, 5)));

/** Move the sorted lines to [out] and empty the list. */
void problems_finish(struct problem_list *list, struct config_problems *out);

#endif
