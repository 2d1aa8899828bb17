/*
 * One way to place keys on shards, built for one list of shards: an algorithm or preset of the
 * library, or something independent to compare it with. All are asked in batches in the same way.
 */
#ifndef RINGWAY_BENCH_PLACEMENT_H
#define RINGWAY_BENCH_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashring/hashring.h"
#include "key_source.h"
#include "shard_set.h"

#define PLACEMENT_NONE UINT32_MAX

enum {
    PLACEMENT_MAX_TYPES = 48,
    PLACEMENT_ERROR_BYTES = 128,
};

struct placement_reference;

/* What can be built: the library with options, or a reference. */
struct placement_type {
    const char *name;
    struct hashring_options options;             /* a reference takes the hash of keys from it */
    const struct placement_reference *reference; /* NULL: the library */
};

/* What --algorithms, --compare, --hash and --points choose. */
struct placement_choice {
    const char *algorithms; /* "all", or names of algorithms and presets; NULL: all */
    const char *compare;    /* "all", or names of references; NULL: none */
    const char *hash;       /* of keys; NULL: the library's default */
    uint64_t points;        /* 0: each algorithm's default */
};

/* For the table of options; [c_] is a struct placement_choice *. */
#define PLACEMENT_OPTIONS(c_)                                                                      \
    OPTIONS_TEXT("algorithms", "LIST", "all (default), or names of algorithms and presets",        \
                 &(c_)->algorithms),                                                               \
        OPTIONS_TEXT("compare", "LIST", placement_compare_help(), &(c_)->compare),                 \
        OPTIONS_TEXT("hash", "NAME", "how keys are hashed (xxh3); not for presets", &(c_)->hash),  \
        OPTIONS_COUNT("points", "N", "points per unit of weight, where there are points",          \
                      &(c_)->points, 1, HASHRING_MAX_POINTS)

/** The help of --compare: names the references that this program has. */
const char *placement_compare_help(void);

/**
 * What [choice] means, in the order of the library's table.
 *
 * [types] PLACEMENT_MAX_TYPES slots.
 *
 * Returns the number of types, or -1 when a name is unknown; then it has been said on standard
 * error with the name of the [command].
 */
int placement_types(struct placement_type *types, const struct placement_choice *choice,
                    const char *command);

struct placement;

/**
 * Build one.
 *
 * [error] PLACEMENT_ERROR_BYTES; receives why it cannot be built.
 *
 * Returns 0, or -1: the type does not take these shards (too many, unequal weights).
 */
int placement_create(struct placement **out, const struct placement_type *type,
                     const struct shard_set *set, char *error);
void placement_destroy(struct placement **placement);

/* Keys and their hashes; hashed once for all placements that hash alike. */
struct placement_batch {
    size_t n;
    const struct slice *keys;
    uint64_t hashes[KEY_SOURCE_BATCH];
    const struct hashring_options *hashed_as; /* NULL: not hashed */
};

/** Take new keys, which are borrowed. */
void placement_batch_set(struct placement_batch *batch, const struct slice *keys, size_t n);

/** The home of each key: [batch]->n indexes into the list of shards. */
void placement_homes(const struct placement *placement, struct placement_batch *batch,
                     uint32_t *out);

/** The homes of [n] hashes of placement_hash(), without anything else. For timing. */
void placement_homes_of_hashes(const struct placement *placement, const uint64_t *hashes, size_t n,
                               uint32_t *out);

/** Hash and look up [n] keys, one by one. For timing. */
void placement_homes_of_keys(const struct placement *placement, const struct slice *keys, size_t n,
                             uint32_t *out);

/** True if placement_picks() can be used: it has an order of shards for a key, not just a home. */
bool placement_has_picks(const struct placement *placement);

/**
 * The first [max] shards of each key: [batch]->n times [max] indexes, PLACEMENT_NONE where there
 * are fewer.
 */
void placement_picks(const struct placement *placement, struct placement_batch *batch, size_t max,
                     uint32_t *out);

/** Hash all keys of the batch as this placement does, again if need be. False: it has no hash. */
bool placement_hash(const struct placement *placement, struct placement_batch *batch);

/**
 * The homes of [n] hashes, each lookup after the one before has its result. For timing.
 *
 * Returns a number that depends on all of them.
 */
uint32_t placement_chain(const struct placement *placement, const uint64_t *hashes, size_t n);

/** The same with keys: hashing and lookup. */
uint32_t placement_key_chain(const struct placement *placement, const struct slice *keys, size_t n);

/** Heap memory in bytes; 0 when not known. */
size_t placement_memory_bytes(const struct placement *placement);

#endif
