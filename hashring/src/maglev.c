/*
 * maglev: the table of 65537 slots of Google's load balancer, as Envoy builds it: XXH64 of the name
 * with seeds 0 and 1 for offset and skip, shards in the order of their names, slot = hash mod 65537.
 *
 * The most even of all tables, for which some keys move between shards that stay. Neither the
 * publication nor Envoy has a second choice that takes over from the first; here the others follow
 * in the order in which they would have come to the slot, and mostly the next takes over.
 *
 * Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
 * section 3.4; weights as in Envoy. Its tests print the tables that ours are compared with.
 */
#include <stdlib.h>
#include <string.h>

#include "algorithm.h"
#include "hash.h"
#include "maglev.h"

#define HALF_BITS 32u
#define NO_OWNER  UINT16_MAX

_Static_assert(HASHRING_MAX_TABLE_SHARDS <= NO_OWNER, "the mark is no position");

struct maglev_turn maglev_turn_of(const char *name, size_t name_len, uint32_t n_slots)
{
    const unsigned char *bytes = (const unsigned char *)name;

    return (struct maglev_turn){
        .offset = (uint32_t)(ring_xxh64(bytes, name_len, 0) % n_slots),
        .skip = (uint32_t)(ring_xxh64(bytes, name_len, 1) % (n_slots - 1)) + 1,
        .weight = 1,
    };
}

/* The next slot in the shard's order that is still free. */
static uint32_t take(struct maglev_turn *turn, const uint16_t *owners, uint32_t n_slots)
{
    uint32_t slot;

    do {
        slot = (uint32_t)((turn->offset + (uint64_t)turn->skip * turn->next) % n_slots);
        turn->next++;
    } while (owners[slot] != NO_OWNER);
    return slot;
}

static uint32_t heaviest_of(const struct maglev_turn *turns, uint32_t n)
{
    uint32_t heaviest = 0;

    for (uint32_t i = 0; i < n; i++) {
        heaviest = turns[i].weight > heaviest ? turns[i].weight : heaviest;
    }
    return heaviest;
}

void maglev_fill(struct maglev_turn *turns, uint32_t n, uint16_t *owners, uint32_t n_slots)
{
    uint32_t heaviest = heaviest_of(turns, n);
    uint32_t n_taken = 0;

    memset(owners, 0xff, n_slots * sizeof(*owners)); /* NO_OWNER in each */
    for (uint64_t round = 1; n_taken < n_slots; round++) {
        for (uint32_t i = 0; i < n && n_taken < n_slots; i++) {
            if (round * turns[i].weight < turns[i].target) {
                continue;
            }
            turns[i].target += heaviest;
            owners[take(&turns[i], owners, n_slots)] = (uint16_t)i;
            n_taken++;
        }
    }
}

/* Offset in the lower half, skip in the upper. */
static uint64_t maglev_seed(const struct ring_member *member)
{
    struct maglev_turn turn = maglev_turn_of(member->name, member->name_len, RING_TABLE_PRIME);

    return turn.offset | (uint64_t)turn.skip << HALF_BITS;
}

/* 1 / [x] modulo the prime, by Fermat: x^(prime - 2). */
static uint64_t inverse(uint64_t x)
{
    uint64_t result = 1;

    for (uint32_t power = RING_TABLE_PRIME - 2; power > 0; power /= 2) {
        result = power % 2 == 1 ? result * x % RING_TABLE_PRIME : result;
        x = x * x % RING_TABLE_PRIME;
    }
    return result;
}

/* From the position of a slot in the shard's order, where a light shard is slower. */
static uint64_t maglev_cost(const struct ring_table *table, uint32_t row, uint64_t slot)
{
    uint64_t offset = (uint32_t)table->seeds[row];
    uint64_t way = slot + RING_TABLE_PRIME - offset;
    uint64_t position = way * (table->seeds[row] >> HALF_BITS) % RING_TABLE_PRIME;

    return table->even ? position : (position << HALF_BITS) / table->rows[row].weight;
}

static void fill_owners(struct ring_table *table, struct maglev_turn *turns)
{
    for (uint32_t row = 0; row < table->n_rows; row++) {
        uint64_t skip = table->seeds[row] >> HALF_BITS;

        turns[row] = (struct maglev_turn){
            .offset = (uint32_t)table->seeds[row],
            .skip = (uint32_t)skip,
            .weight = table->rows[row].weight,
        };
        table->seeds[row] = (uint32_t)table->seeds[row] | inverse(skip) << HALF_BITS;
        table->rows[row].part = 0;
    }
    maglev_fill(turns, table->n_rows, table->owners, table->n_slots);
    for (uint32_t slot = 0; slot < table->n_slots; slot++) {
        struct ring_row *owner = &table->rows[table->owners[slot]];

        table->owners[slot] = (uint16_t)owner->shard;
        owner->part++;
    }
}

static int maglev_build(struct ring_table *table, const struct ring_table *old)
{
    struct maglev_turn *turns = malloc(table->n_rows * sizeof(*turns));

    (void)old; /* every slot may change */
    table->n_slots = RING_TABLE_PRIME;
    table->owners = malloc(table->n_slots * sizeof(*table->owners));
    if (turns == NULL || table->owners == NULL) {
        free(turns);
        return HASHRING_ERR_NO_MEMORY;
    }
    fill_owners(table, turns);
    free(turns);
    return 0;
}

static size_t maglev_walk(const struct ring_table *table, uint64_t hash, uint32_t *out, size_t max)
{
    uint64_t slot = hash % RING_TABLE_PRIME;

    if (max == 0) {
        return 0;
    }
    out[0] = table->owners[slot];
    return ring_table_rank(table, maglev_cost, slot, out, 1, max);
}

const struct ring_algorithm ring_algorithm_maglev = {
    .kernel = RING_KERNEL_PRIME,
    .max_shards = HASHRING_MAX_TABLE_SHARDS,
    .seed = maglev_seed,
    .fill = maglev_build,
    .walk = maglev_walk,
};
