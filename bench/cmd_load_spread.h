/*
 * How requests spread over the shards, as the /metrics of the proxy's admin server tell.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_SPREAD_H
#define RINGWAY_BENCH_CMD_LOAD_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_SPREAD_MAX_ERROR = 200 };

struct load_spread_shard {
    char *pool, *shard; /* owned */
    double n_requests;
    double n_keys;     /* of retrievals; 0 in HTTP pools */
    double ring_share; /* 0..1 */
};

struct load_spread {
    struct load_spread_shard *shards; /* owned; in the order of the metrics */
    size_t n_shards, max_shards;
};

/**
 * Ask http://ADDRESS/metrics. Free with load_spread_deinit(), whatever it returns.
 *
 * [address] host:port, as --admin has it.
 *
 * Returns true, or false with a text in [error] of LOAD_SPREAD_MAX_ERROR bytes. Takes 10 s at most.
 */
bool load_spread_read(struct load_spread *spread, const char *address, char *error);

/** The same from the text of the metrics, terminated. */
void load_spread_parse(struct load_spread *spread, const char *text);

/** Take away what was counted in [before]. */
void load_spread_subtract(struct load_spread *spread, const struct load_spread *before);

void load_spread_deinit(struct load_spread *spread);

#endif
