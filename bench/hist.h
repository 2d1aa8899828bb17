/*
 * A log-linear histogram of latencies in nanoseconds: 128 linear steps for every power of two, so
 * a percentile is off by at most 0.4 % whatever its size. Fixed size, nothing allocated.
 */
#ifndef RINGWAY_BENCH_HIST_H
#define RINGWAY_BENCH_HIST_H

#include <stdint.h>

enum {
    HIST_STEP_BITS = 7,
    HIST_STEPS = 1 << HIST_STEP_BITS,
    /* 2^40 ns is 18 minutes, longer than anything that is waited for here. */
    HIST_MAX_BITS = 40,
    HIST_SLOTS = (HIST_MAX_BITS - HIST_STEP_BITS + 1) * HIST_STEPS,
};

struct hist {
    uint64_t n;
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t slot[HIST_SLOTS];
};

/** Forget everything. */
void hist_reset(struct hist *hist);

/** Count one latency; values beyond 2^40 ns count in the last slot. */
void hist_add(struct hist *hist, uint64_t ns);

/** Add all of [from] to [hist]. */
void hist_merge(struct hist *hist, const struct hist *from);

/** The latency that [fraction] (0..1) of all are at or below, in ns; 0 if nothing was counted. */
uint64_t hist_quantile(const struct hist *hist, double fraction);

#endif
