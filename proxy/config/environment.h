/*
 * ${VAR} and ${VAR:-default} in the values of a tree.
 */
#ifndef RINGWAY_CONFIG_ENVIRONMENT_H
#define RINGWAY_CONFIG_ENVIRONMENT_H

#include "config/problems.h"
#include "config/tree.h"

/** The value of [name], [len] bytes long, in [environment] (may be NULL), or NULL. */
const char *environment_get(char *const *environment, const char *name, size_t len);

/**
 * Replace the variables in every scalar of [tree].
 *
 * A variable that is not set is a problem, and so is what begins like one and is none. Only "${"
 * is special: a lone "$" stays.
 */
void environment_expand(struct tree *tree, char *const *environment, struct problem_list *problems);

#endif
