/*
 * Placements that are not the library's, to compare it with. Each is a row of references.def.
 */
#ifndef RINGWAY_BENCH_PLACEMENT_REFERENCE_H
#define RINGWAY_BENCH_PLACEMENT_REFERENCE_H

#include "placement.h"

struct placement_reference {
    const char *name;
    /** Build for [set]. Returns NULL, or why not, as a constant text. */
    const char *(*create)(void **state, const struct shard_set *set);
    void (*destroy)(void *state);
    /** The home of a hash; NULL: only whole keys can be asked. */
    uint32_t (*home)(const void *state, uint64_t hash);
    /** The home of a key; NULL: hash it as the library does and ask home. */
    uint32_t (*key_home)(const void *state, struct slice key);
    size_t (*memory_bytes)(const void *state);
};

extern const struct placement_reference reference_jump, reference_maglev;
#ifdef RINGWAY_BENCH_LIBMEMCACHED
extern const struct placement_reference reference_libmemcached;
#endif

/** True if all weights are alike: the published constructions know no other. */
bool reference_equal_weights(const struct shard_set *set);

#endif
