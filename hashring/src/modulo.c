/*
 * modulo: hash mod n. Nearly every key moves when a shard comes or goes: for comparison, and for
 * the preset libmemcached, which is the distribution of a client that was told nothing else.
 *
 * Shards stand in the order of their names, in the preset in that of the list. What follows the
 * home is what stands behind it; there libmemcached keeps its replicas too.
 */
#include "algorithm.h"

static uint64_t modulo_seed(const struct ring_member *member)
{
    (void)member;
    return 0;
}

static uint32_t modulo_home(const struct ring_table *table, uint64_t hash)
{
    return table->rows[hash % table->n_rows].shard;
}

static size_t modulo_walk(const struct ring_table *table, uint64_t hash, uint32_t *out, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        out[i] = table->rows[(hash % table->n_rows + i) % table->n_rows].shard;
    }
    return max;
}

const struct ring_algorithm ring_algorithm_modulo = {
    .kernel = RING_KERNEL_COMPUTED,
    .even_only = true,
    .seed = modulo_seed,
    .home = modulo_home,
    .walk = modulo_walk,
};
