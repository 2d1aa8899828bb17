/*
 * What every algorithm without points is built on: the shards as rows, and a table of slots or none.
 *
 * Rows keep what is computed from a name, not the name. A table gives each slot an owner, so that a
 * look-up is one load; without a table the owner is computed from the rows for each key.
 */
#ifndef RING_RING_TABLE_H
#define RING_RING_TABLE_H

#include "members.h"

/* How many shards are known by heart for each slot, best first. */
#define RING_TABLE_N_LIKED 3u

/* The table of a size that is prime, for Maglev. */
#define RING_TABLE_PRIME 65537u

struct ring_row {
    uint32_t weight;
    uint32_t shard; /* the caller's index */
    uint32_t rank;  /* position in the order of the members */
    uint32_t part;  /* of all slots; without a table, of all weight */
};

struct ring_table {
    uint32_t n_rows;
    bool even; /* all weights are equal */
    uint32_t max_weight;
    uint64_t total_weight;
    uint64_t *seeds; /* of the rows: what the algorithm makes of a name */
    struct ring_row *rows;

    uint32_t n_slots; /* 0 without a table */
    unsigned shift;   /* of 2^16 slots: from a hash to its slot */
    uint16_t *owners; /* of the slots: the caller's index */
    /* Of the slots, by an algorithm that ranks: the best rows, and the top of the lowest score
     * with which another could come among them. Otherwise NULL. */
    uint16_t (*liked)[RING_TABLE_N_LIKED];
    uint16_t *floors;
};

/*
 * Fill the rows from [plan->n_members] members in their order, with seeds from [seed].
 *
 * Returns 0 or HASHRING_ERR_NO_MEMORY. In both cases [table] can be given to ring_table_deinit().
 */
int ring_table_init(struct ring_table *table, const struct ring_member *members,
                    const struct ring_plan *plan, uint64_t (*seed)(const struct ring_member *));

/* Free what ring_table_init() and the algorithm allocated. */
void ring_table_deinit(struct ring_table *table);

/*
 * Bring the rows into the order of [old], with those that are new behind: what is known of the old
 * rows then holds here too. Only ranks are as before.
 *
 * Returns 1; 0 if a row of [old] is not here, and nothing is changed; or HASHRING_ERR_NO_MEMORY.
 */
int ring_table_follow(struct ring_table *table, const struct ring_table *old);

/*
 * The best rows for [key] from [from] places on, as the caller's indexes: lowest cost first, then
 * lowest rank.
 *
 * [cost] Of a row for [key].
 * [out]  [max] places. The shards in the first [from] are not written again; 0 or 1.
 *
 * Returns how many places are written in all, the first [from] included. Allocates nothing. Cost:
 * O(rows log max).
 */
typedef uint64_t ring_cost_fn(const struct ring_table *table, uint32_t row, uint64_t key);
size_t ring_table_rank(const struct ring_table *table, ring_cost_fn *cost, uint64_t key,
                       uint32_t *out, size_t from, size_t max);

/* Set [owned] of each shard to its part. Returns the sum. */
uint64_t ring_table_count_owned(const struct ring_table *table, uint64_t *owned);

/* Heap bytes. */
size_t ring_table_memory_bytes(const struct ring_table *table);

#endif
