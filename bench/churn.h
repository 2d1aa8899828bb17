/*
 * What moves between two placements of the same keys, counted key by key. Its memory depends on the
 * number of shards only.
 */
#ifndef RINGWAY_BENCH_CHURN_H
#define RINGWAY_BENCH_CHURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shard_set.h"

enum { CHURN_MAX_REPLICAS = 16 };

struct churn {
    const struct shard_set *before, *after; /* borrowed */
    uint32_t *to_after;                     /* a shard before as an index into after, or none */
    bool *stayed, *grew; /* of shards after: was there before; has a larger part */
    bool *shrank;        /* of shards before: has a smaller part, or is gone */
    uint64_t *loads;     /* keys of each shard after */
    uint64_t *loads_before;
    uint64_t *taken; /* keys that moved to each shard after */
    uint64_t n_keys;
    uint64_t n_moved;
    uint64_t n_needless; /* between shards that stayed, though not from a shrunk to a grown one */
    uint64_t n_sets;     /* keys whose set of replicas changed */
};

/** Begin to count; borrows both sets. */
void churn_init(struct churn *churn, const struct shard_set *before, const struct shard_set *after);
void churn_deinit(struct churn *churn);

/** Count [n] keys by their homes before and after. */
void churn_count(struct churn *churn, const uint32_t *before, const uint32_t *after, size_t n);

/**
 * Count [n] keys by their first [n_replicas] (up to CHURN_MAX_REPLICAS) shards before and after, as
 * sets: in which order they come does not matter. SHARD_SET_NONE fills what a list lacks.
 */
void churn_count_sets(struct churn *churn, const uint32_t *before, const uint32_t *after, size_t n,
                      size_t n_replicas);

/** The least part of the keys that must move, from the weights alone: 0..1. */
double churn_optimum(const struct churn *churn);

/** The part of the moved keys that one shard which stayed takes, at worst: 0..1. */
double churn_unluckiest(const struct churn *churn);

#endif
