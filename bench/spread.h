/*
 * How evenly a load is spread, from the load of each shard and its weight; and how sure that is
 * when only a sample was counted.
 */
#ifndef RINGWAY_BENCH_SPREAD_H
#define RINGWAY_BENCH_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#include "shard_set.h"

struct spread {
    double total;
    double max_by_mean; /* the largest of load / (its weight's part of the total) */
    double min_by_mean;
    double sd;      /* standard deviation of that ratio from 1 */
    size_t busiest; /* the shard of max_by_mean */
};

/** Of [n] loads; [weights] the shards with as many. All zero without any load. */
void spread_measure(struct spread *spread, const uint64_t *loads, const struct shard_set *set);

/* An estimate and the ends of its interval, which holds the true value in 95 of 100 cases. */
struct estimate {
    double value, low, high;
};

/** The quantile of the normal distribution: P(Z < result) = p, 0 < p < 1; error below 1e-8. */
double estimate_normal(double p);

/**
 * The part of a whole of which [hits] of [n] drawn are: Wilson's interval, good for 0 and n too.
 */
struct estimate estimate_part(uint64_t hits, uint64_t n);

/**
 * max / mean from a sample. The ends come from intervals that hold for all shards at once
 * (Bonferroni), because which shard is the busiest is not known before.
 */
struct estimate estimate_max_by_mean(const uint64_t *loads, const struct shard_set *set);

/** The standard deviation without what the sampling adds to it; 0 at least. */
double estimate_sd(const uint64_t *loads, const struct shard_set *set);

#endif
