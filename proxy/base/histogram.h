/*
 * A log-linear histogram of durations in microseconds: 8 buckets an octave (an error of at most
 * 12.5 %), 1 us to about 134 s, the last bucket open. One thread writes, any thread reads: the
 * counts are relaxed atomics, so a reader sees each count whole and the set nearly consistent.
 */
#ifndef RINGWAY_BASE_HISTOGRAM_H
#define RINGWAY_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_SUB_BITS 3u
#define HISTOGRAM_BUCKETS  200u

struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum_us;
};

/** The bucket that [us] falls into, 0..HISTOGRAM_BUCKETS-1. */
static inline uint32_t histogram_bucket(uint64_t us)
{
    uint32_t shift, index;

    if (us < (1u << HISTOGRAM_SUB_BITS)) {
        return (uint32_t)us;
    }
    shift = 63u - (uint32_t)__builtin_clzll(us) - HISTOGRAM_SUB_BITS;
    index = ((shift + 1u) << HISTOGRAM_SUB_BITS) +
            (uint32_t)((us >> shift) & ((1u << HISTOGRAM_SUB_BITS) - 1u));
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1u;
}

/** The smallest duration above every one in [bucket], in microseconds. */
static inline uint64_t histogram_bucket_end(uint32_t bucket)
{
    uint32_t octave = bucket >> HISTOGRAM_SUB_BITS;
    uint32_t sub = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1u);

    if (octave == 0) {
        return (uint64_t)bucket + 1u;
    }
    return ((uint64_t)(1u << HISTOGRAM_SUB_BITS) + sub + 1u) << (octave - 1u);
}

/** Add 1 to a counter that only this thread writes: no locked instruction. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/** Change a gauge that only this thread writes. */
static inline void gauge_add(_Atomic uint64_t *gauge, int64_t n)
{
    counter_add(gauge, (uint64_t)n);
}

static inline void gauge_set(_Atomic uint64_t *gauge, uint64_t value)
{
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/** Record one duration; only from the thread that owns [h]. About 2 ns. */
static inline void histogram_record(struct histogram *h, uint64_t us)
{
    counter_add(&h->counts[histogram_bucket(us)], 1);
    counter_add(&h->sum_us, us);
}

/* A plain copy that several histograms are added up in, for reading. */
struct histogram_sum {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum_us;
};

/** Add what [h] holds now to [sum]. */
void histogram_add_to(const struct histogram *h, struct histogram_sum *sum);

/** Upper bound of the [q] quantile (0 < q <= 1) in microseconds; 0 when empty. */
uint64_t histogram_quantile(const struct histogram_sum *sum, double q);

/** How many durations were at most [us]; exact where [us] ends a bucket. */
uint64_t histogram_count_below(const struct histogram_sum *sum, uint64_t us);

#endif
