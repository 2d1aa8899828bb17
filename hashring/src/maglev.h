/*
 * Maglev's table of any prime size, for maglev.c and its tests.
 */
#ifndef RING_MAGLEV_H
#define RING_MAGLEV_H

#include "hashring/hashring.h"

/* A shard's order of the slots: offset, offset + skip, offset + 2 * skip… modulo the size. */
struct maglev_turn {
    uint32_t offset;
    uint32_t skip;   /* 1..size - 1 */
    uint32_t weight; /* 1..HASHRING_MAX_WEIGHT */
    uint32_t next;   /* position of the next slot to try; 0 to begin with */
    uint64_t target; /* how much weight was spent; 0 to begin with */
};

/* The order of the shard [name] in a table of [n_slots], a prime. */
struct maglev_turn maglev_turn_of(const char *name, size_t name_len, uint32_t n_slots);

/*
 * Give each of [n_slots] slots, a prime, to one of [n] shards, which take turns in their order:
 * [owners] receives their positions, 0..n - 1. The heaviest takes a slot in each turn, the others
 * as often as their weight says.
 */
void maglev_fill(struct maglev_turn *turns, uint32_t n, uint16_t *owners, uint32_t n_slots);

#endif
