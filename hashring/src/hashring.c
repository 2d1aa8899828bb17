/*
 * The ring: options and shards are checked, an algorithm places the points, the points are sorted
 * and packed, and from then on nothing changes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "algorithm.h"
#include "hash.h"
#include "hashring/hashring.h"
#include "members.h"
#include "packed_ring.h"

#define VALUE_BITS    32u
#define BITS_PER_BYTE 8u

/* What a look-up reads stands first. */
struct hashring {
    struct packed_ring packed;
    unsigned value_shift; /* from a hash to its topmost 32 bits */
    unsigned hash_bits;
    ring_hash_fn *hash_fn;
    bool has_hash_tag;
    unsigned char hash_tag[2];
    uint32_t n_shards;
    uint64_t *owned; /* how many of the 2^32 values are each shard's */
};

/* Options after all checks. */
struct settings {
    const struct ring_algorithm *algorithm;
    const struct ring_hash *hash;
    enum hashring_preset preset;
    uint32_t points;
};

struct algorithm_row {
    const struct ring_algorithm *algorithm;
    uint32_t default_points;
};

#define HASHRING_ALGORITHM(id, name, points) [HASHRING_##id] = {&ring_algorithm_##name, points},
static const struct algorithm_row algorithms[] = {
#include "algos.def"
};
#undef HASHRING_ALGORITHM

/* What a preset sets. */
struct preset_row {
    enum hashring_algorithm algorithm;
    enum hashring_hash_kind hash;
    uint32_t points;
    bool any_hashkit; /* the hash may be any that libmemcached and twemproxy have */
};

static const struct preset_row presets[] = {
    [HASHRING_PRESET_NONE] = {HASHRING_XXRING, HASHRING_XXH3, 0, false},
    [HASHRING_PRESET_LIBMEMCACHED_WEIGHTED] = {HASHRING_KETAMA, HASHRING_MD5, 160, true},
    [HASHRING_PRESET_TWEMPROXY] = {HASHRING_KETAMA, HASHRING_FNV1A_64, 160, true},
    [HASHRING_PRESET_NGINX] = {HASHRING_CRCRING, HASHRING_CRC32, 160, false},
    [HASHRING_PRESET_ENVOY] = {HASHRING_XX64RING, HASHRING_XXH64, 1024, false},
};

void hashring_options_init(struct hashring_options *options)
{
    *options = (struct hashring_options){
        .preset = HASHRING_PRESET_NONE,
        .algorithm = HASHRING_XXRING,
        .hash = HASHRING_XXH3,
    };
}

int hashring_options_preset(struct hashring_options *options, enum hashring_preset preset)
{
    if ((size_t)preset >= sizeof(presets) / sizeof(presets[0])) {
        return HASHRING_ERR_INVALID;
    }
    options->preset = preset;
    options->algorithm = presets[preset].algorithm;
    options->hash = presets[preset].hash;
    options->points = presets[preset].points;
    return 0;
}

static int settle_preset(struct settings *settings, const struct hashring_options *options)
{
    const struct preset_row *preset = &presets[options->preset];

    if (options->algorithm != preset->algorithm) {
        return HASHRING_ERR_BAD_ALGORITHM;
    }
    if (settings->points != preset->points) {
        return HASHRING_ERR_BAD_POINTS;
    }
    if (!preset->any_hashkit) {
        return options->hash == preset->hash ? 0 : HASHRING_ERR_BAD_HASH;
    }
    if (settings->hash->preset_kind < 0) {
        return HASHRING_ERR_BAD_HASH;
    }
    settings->hash = ring_hash_row((enum hashring_hash_kind)settings->hash->preset_kind);
    return 0;
}

static int settle(struct settings *settings, const struct hashring_options *options)
{
    uint32_t default_points;

    if ((size_t)options->algorithm >= sizeof(algorithms) / sizeof(algorithms[0]) ||
        ring_hash_row(options->hash) == NULL || hashring_preset_name(options->preset) == NULL) {
        return HASHRING_ERR_INVALID;
    }
    if (options->points > HASHRING_MAX_POINTS) {
        return HASHRING_ERR_BAD_POINTS;
    }
    default_points = options->preset == HASHRING_PRESET_NONE
                         ? algorithms[options->algorithm].default_points
                         : presets[options->preset].points;
    *settings = (struct settings){
        .algorithm = algorithms[options->algorithm].algorithm,
        .hash = ring_hash_row(options->hash),
        .preset = options->preset,
        .points = options->points > 0 ? options->points : default_points,
    };
    return options->preset == HASHRING_PRESET_NONE ? 0 : settle_preset(settings, options);
}

/* Returns 0 and the number of all points, or an error. */
static int count_points(const struct ring_algorithm *algorithm, const struct ring_plan *plan,
                        struct ring_member *members, size_t *n_points)
{
    uint64_t sum = 0;

    algorithm->count(plan, members);
    for (uint32_t i = 0; i < plan->n_members; i++) {
        sum += members[i].n_points;
        if (sum > HASHRING_MAX_TOTAL_POINTS) {
            return HASHRING_ERR_TOO_MANY_POINTS;
        }
    }
    *n_points = (size_t)sum;
    return 0;
}

static int place_points(struct hashring *ring, const struct ring_algorithm *algorithm,
                        const struct ring_plan *plan, struct ring_member *members)
{
    struct ring_point *points;
    size_t n_points;
    size_t n_placed = 0;
    int error = count_points(algorithm, plan, members, &n_points);

    if (error < 0) {
        return error;
    }
    assert(n_points > 0); /* a shard of at least mean weight always has some */
    points = malloc(2 * n_points * sizeof(*points)); /* the second half is for the sort */
    if (points == NULL) {
        return HASHRING_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < plan->n_members; i++) {
        algorithm->place(&members[i], points + n_placed);
        n_placed += members[i].n_points;
    }
    ring_points_sort(points, points + n_points, n_points, algorithm->wide);
    if (plan->preset == HASHRING_PRESET_NGINX) {
        n_points = ring_points_unique(points, n_points);
    }
    error = packed_ring_init(&ring->packed, points, n_points, algorithm->wide);
    free(points);
    if (error == 0) {
        packed_ring_count_owned(&ring->packed, ring->owned);
    }
    return error;
}

static int build(struct hashring *ring, const struct settings *settings,
                 const struct hashring_shard *shards)
{
    struct ring_plan plan = {
        .preset = settings->preset, .points = settings->points, .n_members = ring->n_shards};
    struct ring_member *members = malloc(ring->n_shards * sizeof(*members));
    int error;

    if (members == NULL) {
        return HASHRING_ERR_NO_MEMORY;
    }
    error = ring_members_collect(members, shards, &plan);
    if (error == 0) {
        error = place_points(ring, settings->algorithm, &plan, members);
    }
    free(members);
    return error;
}

static struct hashring *allocate(const struct settings *settings,
                                 const struct hashring_options *options, uint32_t n_shards)
{
    struct hashring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL) {
        return NULL;
    }
    ring->owned = calloc(n_shards, sizeof(*ring->owned));
    if (ring->owned == NULL) {
        free(ring);
        return NULL;
    }
    ring->n_shards = n_shards;
    ring->hash_fn = settings->hash->fn;
    ring->hash_bits = settings->hash->bits;
    ring->value_shift = settings->hash->bits - VALUE_BITS;
    ring->has_hash_tag = options->has_hash_tag;
    memcpy(ring->hash_tag, options->hash_tag, sizeof(ring->hash_tag));
    return ring;
}

int hashring_create(struct hashring **out, const struct hashring_shard *shards, size_t n_shards,
                    const struct hashring_options *options)
{
    struct hashring_options defaults;
    struct settings settings;
    int error;

    if (out == NULL || (shards == NULL && n_shards > 0)) {
        return HASHRING_ERR_INVALID;
    }
    *out = NULL;
    if (n_shards == 0) {
        return HASHRING_ERR_NO_SHARDS;
    }
    if (n_shards > HASHRING_MAX_SHARDS) {
        return HASHRING_ERR_TOO_MANY_SHARDS;
    }
    hashring_options_init(&defaults);
    options = options != NULL ? options : &defaults;
    error = settle(&settings, options);
    if (error < 0) {
        return error;
    }
    *out = allocate(&settings, options, (uint32_t)n_shards);
    if (*out == NULL) {
        return HASHRING_ERR_NO_MEMORY;
    }
    error = build(*out, &settings, shards);
    if (error < 0) {
        hashring_destroy(out);
    }
    return error;
}

void hashring_destroy(struct hashring **ring)
{
    if (*ring == NULL) {
        return;
    }
    packed_ring_deinit(&(*ring)->packed);
    free((*ring)->owned);
    free(*ring);
    *ring = NULL;
}

const void *hashring_key_part(const struct hashring *ring, const void *key, size_t key_len,
                              size_t *part_len)
{
    const unsigned char *open;
    const unsigned char *close;

    *part_len = key_len;
    if (!ring->has_hash_tag || key_len == 0) {
        return key;
    }
    open = memchr(key, ring->hash_tag[0], key_len);
    if (open == NULL) {
        return key;
    }
    open++;
    close = memchr(open, ring->hash_tag[1], key_len - (size_t)(open - (const unsigned char *)key));
    if (close == NULL || close == open) {
        return key;
    }
    *part_len = (size_t)(close - open);
    return open;
}

uint64_t hashring_hash(const struct hashring *ring, const void *key, size_t key_len)
{
    size_t len = key_len;
    const void *part = ring->has_hash_tag ? hashring_key_part(ring, key, key_len, &len) : key;

    return ring->hash_fn(part, len);
}

static uint32_t value_of(const struct hashring *ring, uint64_t hash)
{
    return (uint32_t)(hash >> ring->value_shift);
}

/* The 32 bits below the value; none are left of a hash of 32 bits. */
static uint32_t low_of(const struct hashring *ring, uint64_t hash)
{
    return (uint32_t)(hash << (VALUE_BITS - ring->value_shift));
}

uint32_t hashring_home(const struct hashring *ring, uint64_t hash)
{
    return packed_ring_owner(&ring->packed, value_of(ring, hash), low_of(ring, hash));
}

/* Walk over the points from that of [hash] on and write the owners that were not met before. */
static size_t walk(const struct hashring *ring, uint64_t hash, uint32_t *out, size_t max)
{
    unsigned char met[HASHRING_MAX_SHARDS / BITS_PER_BYTE + 1];
    const struct packed_ring *packed = &ring->packed;
    uint32_t position = packed_ring_find(packed, value_of(ring, hash), low_of(ring, hash));
    size_t n_found = 0;

    memset(met, 0, ring->n_shards / BITS_PER_BYTE + 1);
    for (uint32_t step = 0; step < packed->n_points && n_found < max; step++) {
        uint32_t owner = packed->owners[position];
        unsigned bit = 1u << (owner % BITS_PER_BYTE);

        if ((met[owner / BITS_PER_BYTE] & bit) == 0) {
            met[owner / BITS_PER_BYTE] |= (unsigned char)bit;
            out[n_found++] = owner;
        }
        position = position + 1 < packed->n_points ? position + 1 : 0;
    }
    return n_found;
}

size_t hashring_pick(const struct hashring *ring, uint64_t hash, uint32_t *out, size_t max)
{
    if (max == 1) {
        out[0] = hashring_home(ring, hash);
        return 1;
    }
    if (max > ring->n_shards) {
        max = ring->n_shards;
    }
    return walk(ring, hash, out, max);
}

size_t hashring_n_shards(const struct hashring *ring)
{
    return ring->n_shards;
}

size_t hashring_n_points(const struct hashring *ring)
{
    return ring->packed.n_points;
}

unsigned hashring_hash_bits(const struct hashring *ring)
{
    return ring->hash_bits;
}

double hashring_share(const struct hashring *ring, uint32_t shard)
{
    const double n_values = 4294967296.0; /* 2^VALUE_BITS */

    return shard < ring->n_shards ? (double)ring->owned[shard] / n_values : 0.0;
}

size_t hashring_memory_bytes(const struct hashring *ring)
{
    return sizeof(*ring) + ring->n_shards * sizeof(*ring->owned) +
           packed_ring_memory_bytes(&ring->packed);
}
