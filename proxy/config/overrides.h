/*
 * RINGWAY_<PATH>: environment variables that take the place of options of the file.
 *
 * The path is in upper case with "_" between its levels. Pools and shards stand in it by their
 * name, with "_" for every character that is no letter or digit; listeners and routes by their
 * position, from 0: RINGWAY_POOLS_SESSIONS_TIMEOUTS_REQUEST, RINGWAY_LISTENERS_0_BIND.
 */
#ifndef RINGWAY_CONFIG_OVERRIDES_H
#define RINGWAY_CONFIG_OVERRIDES_H

#include "config/problems.h"
#include "config/tree.h"

/**
 * Put the values of all RINGWAY_ variables of [environment] (may be NULL) into [tree].
 *
 * A variable that is no option is a problem, except those that Kubernetes sets for a Service whose
 * name begins with "ringway" and those of Ringway's own test runner.
 */
void overrides_apply(struct tree *tree, char *const *environment, struct problem_list *problems);

/**
 * Set the option at [key] below [map] ("admin.bind") to [value], with the maps on the way.
 *
 * [origin] What messages call it; lives as long as the tree.
 */
void overrides_set(struct tree *tree, struct tree_node *map, const char *key, const char *value,
                   const char *origin);

#endif
