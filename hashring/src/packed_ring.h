/*
 * The packed bucket ring: the kernel under every algorithm that has points.
 *
 * The circle of 2^32 values is cut into 2^b buckets, at least two for each of the P points. Most
 * buckets have one point or none and are told by an entry of 8 bytes, {split, left, right}: values
 * up to split belong to left, those above to right. A bucket with more points is crowded: its entry
 * leads to the sorted points. The answer is exactly that of a search for the first point that is not
 * below the hash, or past the last point the first one, ties included.
 *
 * What is looked up is a place of 64 bits, of which the topmost 32 are the value. The others count
 * only where the points have 64 bits, too, and then only if the value is that of a point.
 *
 * Twice P, not more: a larger table falls out of the second-level cache. The owner is selected by a
 * shift, not by a branch that would be mispredicted every second time.
 */
#ifndef RING_PACKED_RING_H
#define RING_PACKED_RING_H

#include "points.h"

/* Both owners in the entry of a crowded bucket, whose split is the position of its first point. */
#define PACKED_RING_CROWDED 0xffffu

#define PACKED_RING_VALUE_BITS 32u

#define PACKED_ENTRY_LEFT_SHIFT  32u
#define PACKED_ENTRY_RIGHT_SHIFT 48u

struct packed_ring {
    uint64_t *table;  /* 2^(32 - table_shift) entries: split, left, right from bit 0 up */
    uint32_t *values; /* of the points, ascending */
    uint32_t *lows;   /* of the points: the lower halves, or NULL if points have 32 bits */
    uint16_t *owners; /* of the points: the caller's index */
    uint32_t *starts; /* 2^(32 - starts_shift): first point at or after each slice */
    unsigned table_shift;
    unsigned starts_shift;
    uint32_t n_points;
};

/*
 * Build from [n] sorted points, 1..HASHRING_MAX_TOTAL_POINTS, of shards below HASHRING_MAX_SHARDS.
 * [wide] says that they have 64 bits.
 *
 * Returns 0 or HASHRING_ERR_NO_MEMORY. In both cases [ring] can be given to packed_ring_deinit().
 */
int packed_ring_init(struct packed_ring *ring, const struct ring_point *points, size_t n,
                     bool wide);

/* Free what packed_ring_init() allocated. */
void packed_ring_deinit(struct packed_ring *ring);

/*
 * The first point from [position] on that is not below [value] and [low]; past the last, the first.
 * Not inline: the few look-ups that scan would cost the others registers.
 */
uint32_t packed_ring_scan(const struct packed_ring *ring, uint32_t value, uint32_t low,
                          uint32_t position);

/* The owner of what packed_ring_scan() finds. */
uint32_t packed_ring_scan_owner(const struct packed_ring *ring, uint32_t value, uint32_t low,
                                uint32_t position);

/* Position of the point that [value] and [low] belong to, 0..n_points - 1. */
static inline uint32_t packed_ring_find(const struct packed_ring *ring, uint32_t value,
                                        uint32_t low)
{
    return packed_ring_scan(ring, value, low, ring->starts[value >> ring->starts_shift]);
}

/* The owner of [value] and [low]. */
static inline uint32_t packed_ring_owner(const struct packed_ring *ring, uint32_t value,
                                         uint32_t low)
{
    uint64_t entry = ring->table[value >> ring->table_shift];
    uint32_t split = (uint32_t)entry;
    unsigned step = PACKED_ENTRY_RIGHT_SHIFT - PACKED_ENTRY_LEFT_SHIFT;
    uint32_t owner = (entry >> (PACKED_ENTRY_LEFT_SHIFT + step * (value > split))) & 0xffffu;

    return owner != PACKED_RING_CROWDED ? owner : packed_ring_scan_owner(ring, value, low, split);
}

/*
 * Add the number of values that each shard owns to [owned], which has a slot for every shard. The
 * sum over all shards is 2^32.
 */
void packed_ring_count_owned(const struct packed_ring *ring, uint64_t *owned);

/* Heap bytes. */
size_t packed_ring_memory_bytes(const struct packed_ring *ring);

#endif
