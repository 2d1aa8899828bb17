/*
 * Jump and Maglev written down from their papers, as plainly as they stand there. They share no
 * code with the library, so that a mistake there does not hide here.
 */
#include "placement_reference.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

bool reference_equal_weights(const struct shard_set *set)
{
    for (size_t i = 1; i < set->n; i++) {
        if (set->shards[i].weight != set->shards[0].weight) {
            return false;
        }
    }
    return true;
}

static const char *unequal_weights = "takes equal weights only";

/* Lamping, Veach: A Fast, Minimal Memory, Consistent Hash Algorithm, 2014, figure 1. */
static uint32_t jump_home(const void *state, uint64_t key)
{
    const int64_t n_buckets = *(const int64_t *)state;
    int64_t b = -1, j = 0;

    while (j < n_buckets) {
        b = j;
        key = key * UINT64_C(2862933555777941757) + 1;
        j = (int64_t)((double)(b + 1) * ((double)(INT64_C(1) << 31) / (double)((key >> 33) + 1)));
    }
    return (uint32_t)b;
}

static const char *jump_create(void **state, const struct shard_set *set)
{
    int64_t *n_buckets;

    if (!reference_equal_weights(set)) {
        return unequal_weights;
    }
    n_buckets = util_alloc(1, sizeof(*n_buckets));
    *n_buckets = (int64_t)set->n;
    *state = n_buckets;
    return NULL;
}

static size_t jump_memory_bytes(const void *state)
{
    return sizeof(*(const int64_t *)state);
}

const struct placement_reference reference_jump = {
    .name = "jump-paper",
    .create = jump_create,
    .destroy = free,
    .home = jump_home,
    .memory_bytes = jump_memory_bytes,
};

/* Eisenbud et al.: Maglev, NSDI 2016, 3.4: a prime above 100 times the number of backends. */
static const uint32_t maglev_sizes[] = {65537, 655373, 6553577};

struct maglev {
    uint32_t n_slots;
    uint32_t *owners;
};

/* Any two independent hashes of a name. */
static uint64_t name_hash(const char *name, uint64_t seed)
{
    uint64_t hash = random_mix(seed);

    for (; *name != '\0'; name++) {
        hash = random_mix(hash + (unsigned char)*name + UINT64_C(0x9e3779b97f4a7c15));
    }
    return hash;
}

static uint32_t maglev_size(size_t n_shards)
{
    for (size_t i = 0; i < sizeof(maglev_sizes) / sizeof(maglev_sizes[0]); i++) {
        if (maglev_sizes[i] >= 100 * n_shards) {
            return maglev_sizes[i];
        }
    }
    return maglev_sizes[2];
}

/* Pseudocode 1 of the paper; next[i] is where backend i stands in its own permutation. */
static void maglev_populate(struct maglev *maglev, const struct shard_set *set)
{
    const uint64_t m = maglev->n_slots;
    uint64_t *offsets = util_alloc(set->n, sizeof(*offsets));
    uint64_t *skips = util_alloc(set->n, sizeof(*skips));
    uint64_t *next = util_alloc(set->n, sizeof(*next));
    uint64_t n_filled = 0;

    for (size_t i = 0; i < set->n; i++) {
        offsets[i] = name_hash(set->shards[i].name, 1) % m;
        skips[i] = name_hash(set->shards[i].name, 2) % (m - 1) + 1;
    }
    memset(maglev->owners, 0xff, m * sizeof(*maglev->owners));
    while (n_filled < m) {
        for (size_t i = 0; i < set->n && n_filled < m; i++) {
            uint64_t slot = (offsets[i] + next[i] * skips[i]) % m;

            while (maglev->owners[slot] != UINT32_MAX) {
                next[i]++;
                slot = (offsets[i] + next[i] * skips[i]) % m;
            }
            maglev->owners[slot] = (uint32_t)i;
            next[i]++;
            n_filled++;
        }
    }
    free(offsets);
    free(skips);
    free(next);
}

static const char *maglev_create(void **state, const struct shard_set *set)
{
    struct maglev *maglev;

    if (!reference_equal_weights(set)) {
        return unequal_weights;
    }
    maglev = util_alloc(1, sizeof(*maglev));
    maglev->n_slots = maglev_size(set->n);
    maglev->owners = util_alloc(maglev->n_slots, sizeof(*maglev->owners));
    maglev_populate(maglev, set);
    *state = maglev;
    return NULL;
}

static void maglev_destroy(void *state)
{
    struct maglev *maglev = state;

    free(maglev->owners);
    free(maglev);
}

static uint32_t maglev_home(const void *state, uint64_t hash)
{
    const struct maglev *maglev = state;

    return maglev->owners[hash % maglev->n_slots];
}

static size_t maglev_memory_bytes(const void *state)
{
    const struct maglev *maglev = state;

    return sizeof(*maglev) + maglev->n_slots * sizeof(*maglev->owners);
}

const struct placement_reference reference_maglev = {
    .name = "maglev-paper",
    .create = maglev_create,
    .destroy = maglev_destroy,
    .home = maglev_home,
    .memory_bytes = maglev_memory_bytes,
};
