/*
 * Scores of shards for a key or a slot, in whole numbers: what every machine computes alike, which
 * the C library's logarithms do not.
 *
 * The shard of the lowest cost wins. With costs -ln(u) / weight, u evenly spread, each shard wins
 * in proportion to its weight, and whatever the other shards are the order of two never changes.
 * Source: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998; weights
 * as in CRUSH's straw2 buckets.
 */
#ifndef RING_SCORE_H
#define RING_SCORE_H

#include <stdint.h>

/*
 * 64 evenly spread bits of a shard's [seed] and a key: SplitMix64, started at the seed, at position
 * [key]. The last step of its mixing is left out: it does not change the topmost bits.
 */
static inline uint64_t ring_score(uint64_t seed, uint64_t key)
{
    uint64_t x = seed + key * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
}

/* Binary places of ring_neg_ln(). */
#define RING_LN_BITS 58u

/*
 * -ln(score / 2^64) with RING_LN_BITS binary places, right to 1e-8 of it. Never rises with [score];
 * UINT64_MAX for 0.
 */
uint64_t ring_neg_ln(uint64_t score);

#endif
