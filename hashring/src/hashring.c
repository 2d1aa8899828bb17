/*
 * The ring: options and shards are checked, an algorithm places points, which are sorted and packed,
 * or fills a table, and from then on nothing changes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hashring/hashring.h"
#include "options.h"
#include "packed_ring.h"

#define VALUE_BITS    32u
#define SLOT_BITS     16u
#define BITS_PER_BYTE 8u

/* What a look-up reads stands first. */
struct hashring {
    enum ring_kernel kernel;
    unsigned value_shift;      /* from a hash to its topmost 32 bits */
    struct packed_ring packed; /* with points */
    struct ring_table table;   /* without */
    const struct ring_algorithm *algorithm;
    unsigned hash_bits;
    ring_hash_fn *hash_fn;
    bool has_hash_tag;
    unsigned char hash_tag[2];
    uint32_t n_shards;
    uint64_t *owned; /* each shard's part of [n_owned] values, slots or units of weight */
    uint64_t n_owned;
};

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
        ring->n_owned = UINT64_C(1) << VALUE_BITS;
    }
    return error;
}

/* A table of [old], which may be NULL, helps if it is of the same kind. */
static int fill_table(struct hashring *ring, const struct ring_plan *plan,
                      const struct ring_member *members, const struct hashring *old)
{
    const struct ring_algorithm *algorithm = ring->algorithm;
    int error = ring_table_init(&ring->table, members, plan, algorithm->seed);

    if (error < 0) {
        return error;
    }
    if (algorithm->even_only && !ring->table.even) {
        return HASHRING_ERR_UNEQUAL_WEIGHTS;
    }
    ring->table.shift = ring->hash_bits - SLOT_BITS;
    if (algorithm->fill != NULL) {
        bool helps = old != NULL && old->algorithm == algorithm;

        error = algorithm->fill(&ring->table, helps ? &old->table : NULL);
    }
    if (error == 0) {
        ring->n_owned = ring_table_count_owned(&ring->table, ring->owned);
    }
    return error;
}

static int build(struct hashring *ring, const struct ring_settings *settings,
                 const struct hashring_shard *shards, const struct hashring *old)
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
        error = ring->kernel == RING_KERNEL_POINTS
                    ? place_points(ring, settings->algorithm, &plan, members)
                    : fill_table(ring, &plan, members, old);
    }
    free(members);
    return error;
}

static struct hashring *allocate(const struct ring_settings *settings,
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
    ring->kernel = settings->algorithm->kernel;
    ring->algorithm = settings->algorithm;
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
    return hashring_create_from(out, NULL, shards, n_shards, options);
}

/* The most shards that the options allow. */
static size_t max_shards(const struct ring_settings *settings)
{
    uint32_t max = settings->algorithm->max_shards;

    return max > 0 ? max : HASHRING_MAX_SHARDS;
}

int hashring_create_from(struct hashring **out, const struct hashring *old,
                         const struct hashring_shard *shards, size_t n_shards,
                         const struct hashring_options *options)
{
    struct hashring_options defaults;
    struct ring_settings settings;
    int error;

    if (out == NULL || (shards == NULL && n_shards > 0)) {
        return HASHRING_ERR_INVALID;
    }
    *out = NULL;
    if (n_shards == 0) {
        return HASHRING_ERR_NO_SHARDS;
    }
    hashring_options_init(&defaults);
    options = options != NULL ? options : &defaults;
    error = ring_options_settle(&settings, options);
    if (error < 0) {
        return error;
    }
    if (n_shards > max_shards(&settings)) {
        return HASHRING_ERR_TOO_MANY_SHARDS;
    }
    *out = allocate(&settings, options, (uint32_t)n_shards);
    if (*out == NULL) {
        return HASHRING_ERR_NO_MEMORY;
    }
    error = build(*out, &settings, shards, old);
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
    ring_table_deinit(&(*ring)->table);
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

/* Not on the packed ring. */
static uint32_t home_without_points(const struct hashring *ring, uint64_t hash)
{
    switch (ring->kernel) {
    case RING_KERNEL_POINTS:
        break;
    case RING_KERNEL_SLOTS:
        return ring->table.owners[hash >> ring->table.shift];
    case RING_KERNEL_PRIME:
        return ring->table.owners[hash % RING_TABLE_PRIME];
    case RING_KERNEL_COMPUTED:
        break;
    }
    return ring->algorithm->home(&ring->table, hash);
}

uint32_t hashring_home(const struct hashring *ring, uint64_t hash)
{
    if (ring->kernel != RING_KERNEL_POINTS) {
        return home_without_points(ring, hash);
    }
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
    return ring->kernel == RING_KERNEL_POINTS ? walk(ring, hash, out, max)
                                              : ring->algorithm->walk(&ring->table, hash, out, max);
}

size_t hashring_n_shards(const struct hashring *ring)
{
    return ring->n_shards;
}

size_t hashring_n_points(const struct hashring *ring)
{
    return ring->packed.n_points;
}

size_t hashring_n_slots(const struct hashring *ring)
{
    return ring->table.n_slots;
}

unsigned hashring_hash_bits(const struct hashring *ring)
{
    return ring->hash_bits;
}

double hashring_share(const struct hashring *ring, uint32_t shard)
{
    return shard < ring->n_shards ? (double)ring->owned[shard] / (double)ring->n_owned : 0.0;
}

size_t hashring_memory_bytes(const struct hashring *ring)
{
    return sizeof(*ring) + ring->n_shards * sizeof(*ring->owned) +
           (ring->kernel == RING_KERNEL_POINTS ? packed_ring_memory_bytes(&ring->packed)
                                               : ring_table_memory_bytes(&ring->table));
}
