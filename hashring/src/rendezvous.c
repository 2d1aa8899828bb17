/*
 * rendezvous: each shard has a score for the key, and the best has the key. Nothing is stored but a
 * seed a shard, and the time of a look-up grows with their number.
 *
 * When a shard goes, each of its keys goes to the second best, and nothing else moves. A key prefers
 * the shards in an order that has nothing to do with the order of other keys.
 */
#include "algorithm.h"
#include "hash.h"
#include "score.h"

static uint64_t rendezvous_seed(const struct ring_member *member)
{
    return ring_hash_xxh3((const unsigned char *)member->name, member->name_len);
}

/* With equal weights the order of the scores is that of their logarithms. */
static uint64_t rendezvous_cost(const struct ring_table *table, uint32_t row, uint64_t hash)
{
    uint64_t score = ring_score(table->seeds[row], hash);

    return table->even ? ~score : ring_neg_ln(score) / table->rows[row].weight;
}

/* Rows stand in the order of their ranks, so of equal ones the first wins. */
static uint32_t rendezvous_home(const struct ring_table *table, uint64_t hash)
{
    uint32_t best = 0;
    uint64_t best_cost = rendezvous_cost(table, 0, hash);

    for (uint32_t row = 1; row < table->n_rows; row++) {
        uint64_t cost = rendezvous_cost(table, row, hash);
        bool better = cost < best_cost;

        best = better ? row : best;
        best_cost = better ? cost : best_cost;
    }
    return table->rows[best].shard;
}

static size_t rendezvous_walk(const struct ring_table *table, uint64_t hash, uint32_t *out,
                              size_t max)
{
    return ring_table_rank(table, rendezvous_cost, hash, out, 0, max);
}

const struct ring_algorithm ring_algorithm_rendezvous = {
    .kernel = RING_KERNEL_COMPUTED,
    .seed = rendezvous_seed,
    .home = rendezvous_home,
    .walk = rendezvous_walk,
};
