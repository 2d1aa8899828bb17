#include <stdlib.h>

#include "packed_ring.h"

/* One start for so many buckets, as a power of two: about four points. */
#define STARTS_COARSER_BITS 3u

_Static_assert(HASHRING_MAX_SHARDS <= PACKED_RING_CROWDED, "the mark is no index");

/* Buckets are the powers of two from 2 up: a shift by all 32 bits would be undefined. */
static unsigned table_bits(size_t n_points)
{
    unsigned bits = 1;

    while (((size_t)1 << bits) < 2 * n_points) {
        bits++;
    }
    return bits;
}

static uint64_t pack(uint32_t split, uint32_t left, uint32_t right)
{
    return (uint64_t)split | (uint64_t)left << PACKED_ENTRY_LEFT_SHIFT |
           (uint64_t)right << PACKED_ENTRY_RIGHT_SHIFT;
}

/*
 * The entry of a bucket whose points are [begin]..[end] - 1. An empty bucket needs no case: the
 * next point is beyond its end, or wraps and stands on both sides.
 */
static uint64_t pack_bucket(const struct packed_ring *ring, uint32_t begin, uint32_t end)
{
    uint32_t first = begin < ring->n_points ? begin : 0;
    uint32_t after = end < ring->n_points ? end : 0;

    if (end - begin > (ring->lows == NULL ? 1 : 0)) {
        return pack(begin, PACKED_RING_CROWDED, PACKED_RING_CROWDED);
    }
    return pack(ring->values[first], ring->owners[first], ring->owners[after]);
}

/* Is there a point at [position] that is not beyond [last]? */
static bool has_point(const struct packed_ring *ring, uint32_t position, uint32_t last)
{
    return position < ring->n_points && ring->values[position] <= last;
}

/* The first step is added, not looped: whether a bucket has a point is a toss-up. */
static void fill_table(struct packed_ring *ring)
{
    size_t n_buckets = (size_t)1 << (PACKED_RING_VALUE_BITS - ring->table_shift);
    size_t n_a_slice = (size_t)1 << (ring->starts_shift - ring->table_shift);
    uint32_t width = (uint32_t)(((uint64_t)1 << ring->table_shift) - 1);
    uint32_t begin = 0;

    for (size_t bucket = 0; bucket < n_buckets; bucket++) {
        uint32_t last = (uint32_t)(bucket << ring->table_shift) | width;
        uint32_t end = begin + (uint32_t)has_point(ring, begin, last);

        while (has_point(ring, end, last)) {
            end++;
        }
        if (bucket % n_a_slice == 0) {
            ring->starts[bucket / n_a_slice] = begin;
        }
        ring->table[bucket] = pack_bucket(ring, begin, end);
        begin = end;
    }
}

int packed_ring_init(struct packed_ring *ring, const struct ring_point *points, size_t n, bool wide)
{
    unsigned bits = table_bits(n);
    unsigned starts_bits = bits > STARTS_COARSER_BITS ? bits - STARTS_COARSER_BITS : 1;

    *ring = (struct packed_ring){
        .table = malloc(sizeof(*ring->table) << bits),
        .values = malloc(n * sizeof(*ring->values)),
        .lows = wide ? malloc(n * sizeof(*ring->lows)) : NULL,
        .owners = malloc(n * sizeof(*ring->owners)),
        .starts = malloc(sizeof(*ring->starts) << starts_bits),
        .table_shift = PACKED_RING_VALUE_BITS - bits,
        .starts_shift = PACKED_RING_VALUE_BITS - starts_bits,
        .n_points = (uint32_t)n,
    };
    if (ring->table == NULL || ring->values == NULL || (wide && ring->lows == NULL) ||
        ring->owners == NULL || ring->starts == NULL) {
        return HASHRING_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        ring->values[i] = points[i].value;
        ring->owners[i] = (uint16_t)points[i].shard;
        if (wide) {
            ring->lows[i] = points[i].low;
        }
    }
    fill_table(ring);
    return 0;
}

void packed_ring_deinit(struct packed_ring *ring)
{
    free(ring->table);
    free(ring->values);
    free(ring->lows);
    free(ring->owners);
    free(ring->starts);
    *ring = (struct packed_ring){0};
}

uint32_t packed_ring_scan(const struct packed_ring *ring, uint32_t value, uint32_t low,
                          uint32_t position)
{
    while (position < ring->n_points && ring->values[position] < value) {
        position++;
    }
    if (ring->lows != NULL) {
        while (position < ring->n_points && ring->values[position] == value &&
               ring->lows[position] < low) {
            position++;
        }
    }
    return position < ring->n_points ? position : 0;
}

uint32_t packed_ring_scan_owner(const struct packed_ring *ring, uint32_t value, uint32_t low,
                                uint32_t position)
{
    return ring->owners[packed_ring_scan(ring, value, low, position)];
}

void packed_ring_count_owned(const struct packed_ring *ring, uint64_t *owned)
{
    uint64_t before = ring->values[ring->n_points - 1];

    owned[ring->owners[0]] += (UINT64_C(1) << PACKED_RING_VALUE_BITS) - before + ring->values[0];
    for (uint32_t i = 1; i < ring->n_points; i++) {
        owned[ring->owners[i]] += ring->values[i] - ring->values[i - 1];
    }
}

size_t packed_ring_memory_bytes(const struct packed_ring *ring)
{
    return (sizeof(*ring->table) << (PACKED_RING_VALUE_BITS - ring->table_shift)) +
           (sizeof(*ring->starts) << (PACKED_RING_VALUE_BITS - ring->starts_shift)) +
           ring->n_points * (sizeof(*ring->values) + sizeof(*ring->owners) +
                             (ring->lows != NULL ? sizeof(*ring->lows) : 0));
}
