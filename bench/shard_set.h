/*
 * A list of shards that can be changed: what a ring is built from before and after a change.
 */
#ifndef RINGWAY_BENCH_SHARD_SET_H
#define RINGWAY_BENCH_SHARD_SET_H

#include <stddef.h>
#include <stdint.h>

#include "hashring/hashring.h"

#define SHARD_SET_NONE UINT32_MAX

struct shard_set {
    struct hashring_shard *shards; /* owned, the names too */
    size_t n, max;
};

/* Weights in the order of the shards, begun again when they are fewer. */
struct shard_weights {
    uint32_t *weights; /* owned; NULL: all 1 */
    size_t n;
};

/** For OPTIONS_CUSTOM: "1,2,4" into a struct shard_weights, which is freed by the caller. */
const char *shard_weights_set(void *out, const char *text);

/** Append a shard; the name is copied. Dies when out of memory. */
void shard_set_add(struct shard_set *set, const char *name, uint32_t weight);

/**
 * Append [n] shards "shard-00000", "shard-00001", … numbered on from the shards that are there.
 * Their order is that of their names, whatever way an algorithm sorts them.
 */
void shard_set_fill(struct shard_set *set, size_t n, const struct shard_weights *weights);

void shard_set_remove(struct shard_set *set, size_t index);
void shard_set_copy(struct shard_set *to, const struct shard_set *from);
void shard_set_deinit(struct shard_set *set);

/** Index of the shard called [name], or SHARD_SET_NONE. Looks through all. */
uint32_t shard_set_find(const struct shard_set *set, const char *name);

/**
 * For each shard of [from] the index of the one with its name in [to], or SHARD_SET_NONE.
 *
 * [out] [from]->n slots. Cost: O(n log n).
 */
void shard_set_map(const struct shard_set *from, const struct shard_set *to, uint32_t *out);

double shard_set_total_weight(const struct shard_set *set);

#endif
