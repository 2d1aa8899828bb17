/*
 * What a change of the configuration should do to the keys of a run: those whose shard has another
 * name afterwards have moved.
 */
#ifndef RINGWAY_BENCH_CMD_LIVE_REMAP_RINGS_H
#define RINGWAY_BENCH_CMD_LIVE_REMAP_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd_load_items.h"
#include "config/config.h"

struct rings_options {
    const char *command; /* for messages */
    const char *from, *to;
    const char *pool; /* NULL: the first of [protocol] that a listener leads to */
    enum config_protocol protocol;
    const struct load_items *items;
    const char *path; /* precedes a key in what is hashed: of HTTP; "" of memcached */
};

/**
 * Count the keys whose shard differs between the two configurations.
 *
 * Returns COMMAND_OK, or another exit code after a message. Cost: two lookups a key.
 */
int rings_count_moved(const struct rings_options *options, uint64_t *n_moved);

#endif
