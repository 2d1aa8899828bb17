/*
 * Random numbers that a seed decides: the same on every machine. SplitMix64 (Steele, Lea, Flood,
 * OOPSLA 2014), whose output for the counter n needs no state but the seed. Not for secrets.
 */
#ifndef RINGWAY_BENCH_RANDOM_H
#define RINGWAY_BENCH_RANDOM_H

#include <stdint.h>

__extension__ typedef unsigned __int128 random_wide;

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void random_init(struct random *random, uint64_t seed)
{
    random->state = seed;
}

/** The next 64 bits. */
static inline uint64_t random_next(struct random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return random_mix(random->state);
}

/** The next number of 0 <= x < 1, with 53 bits. */
static inline double random_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

/** The next number below [n], 1 or more; even to 2^-32 for n up to 2^32 (Lemire, 2019). */
static inline uint64_t random_below(struct random *random, uint64_t n)
{
    return (uint64_t)(((random_wide)random_next(random) * n) >> 64);
}

/** The seed without --seed: the same run twice gives the same figures. */
#define RANDOM_DEFAULT_SEED 1

#endif
