/*
 * Zipf's distribution: item k of n (from 0) with a probability of (k+1)^-alpha by their sum. Drawn
 * in constant time and space by rejection-inversion (Hörmann, Derflinger, 1996), for any n.
 */
#ifndef RINGWAY_BENCH_ZIPF_H
#define RINGWAY_BENCH_ZIPF_H

#include <stdint.h>

#include "random.h"

struct zipf {
    double alpha, n;
    double h_x1, h_n, s;
};

/** [n] 1 or more items, [alpha] above 0. */
void zipf_init(struct zipf *zipf, uint64_t n, double alpha);

/** The next item, 0..n-1; 0 is the most frequent. About 60 ns. */
uint64_t zipf_next(const struct zipf *zipf, struct random *random);

#endif
