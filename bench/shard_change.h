/*
 * A change of a list of shards: some come, some go, some get another weight.
 */
#ifndef RINGWAY_BENCH_SHARD_CHANGE_H
#define RINGWAY_BENCH_SHARD_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "shard_set.h"

enum { SHARD_CHANGE_MAX_REWEIGHTS = 64 };

struct shard_change {
    uint64_t n_add;
    uint64_t add_weight;
    const char *remove; /* how many, drawn by the seed, or names with commas between; NULL: none */
    const char *reweights[SHARD_CHANGE_MAX_REWEIGHTS]; /* "NAME=WEIGHT" */
    size_t n_reweights;
};

#define SHARD_CHANGE_INIT                                                                          \
    {                                                                                              \
        .add_weight = 1                                                                            \
    }

/* For the table of options; [c_] is a struct shard_change *. */
#define SHARD_CHANGE_OPTIONS(c_)                                                                   \
    OPTIONS_COUNT("add", "K", "K shards come", &(c_)->n_add, 1, HASHRING_MAX_SHARDS),              \
        OPTIONS_COUNT("add-weight", "W", "their weight (1)", &(c_)->add_weight, 1,                 \
                      HASHRING_MAX_WEIGHT),                                                        \
        OPTIONS_TEXT("remove", "K|NAME,...", "shards go: K drawn by the seed, or these",           \
                     &(c_)->remove),                                                               \
        OPTIONS_CUSTOM("reweight", "NAME=W", "a shard gets another weight; may be repeated", (c_), \
                       shard_change_set_reweight)

/** For OPTIONS_CUSTOM: adds one to a struct shard_change. */
const char *shard_change_set_reweight(void *out, const char *text);

/** True if it changes anything. */
bool shard_change_is_any(const struct shard_change *change);

/**
 * Make [after] from [before]: new weights, then what goes, then what comes.
 *
 * Returns 0, or -1 when a name is unknown or no shard is left, which has been said on standard
 * error with the name of the [command]; then [after] is empty.
 */
int shard_change_apply(const struct shard_change *change, const struct shard_set *before,
                       struct shard_set *after, uint64_t seed, const char *command);

#endif
