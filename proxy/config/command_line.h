/*
 * The tree that the command line describes: --listen, --shard and --admin.
 */
#ifndef RINGWAY_CONFIG_COMMAND_LINE_H
#define RINGWAY_CONFIG_COMMAND_LINE_H

#include "config/config.h"
#include "config/problems.h"
#include "config/tree.h"

/** The name of the one pool that --shard options make. */
#define COMMAND_LINE_POOL "default"

/** Build [tree], which is empty: a listener for each --listen, one pool of all --shard. */
void command_line_build(struct tree *tree, const struct config_source *source,
                        struct problem_list *problems);

/** Let --admin, if it was given, take the place of admin.bind. */
void command_line_set_admin(struct tree *tree, const struct config_source *source);

#endif
