/*
 * score.h: the logarithm in whole numbers against that of the C library, its order, and how evenly
 * scores are spread; then what is built on it, weighted rendezvous, against floating point.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../hashring/src/score.h"
#include "hashring/hashring.h"

#define N_SHARDS 9

static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* 1 - score / 2^64 is exact in long double, and log1p keeps all of its digits. */
static void check_neg_ln(uint64_t score)
{
    long double below = ldexpl((long double)(UINT64_MAX - score) + 1.0L, -64);
    long double expected = -log1pl(-below);
    long double found = ldexpl((long double)ring_neg_ln(score), -(int)RING_LN_BITS);
    long double allowed = 1e-8L * expected + ldexpl(1.0L, -(int)RING_LN_BITS);

    assert_true(fabsl(found - expected) <= allowed);
}

static void test_neg_ln_is_the_logarithm(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (unsigned shift = 0; shift < 64; shift++) {
        check_neg_ln(UINT64_C(1) << shift);
        check_neg_ln((UINT64_C(1) << shift) + (shift > 0));
        check_neg_ln(UINT64_MAX >> shift);
        check_neg_ln(UINT64_MAX - ((UINT64_C(1) << shift) - 1));
        for (unsigned i = 0; i < 2000; i++) {
            check_neg_ln(next_random(&seed) >> shift | 1);
            check_neg_ln(UINT64_MAX - (next_random(&seed) >> shift));
        }
    }
    assert_int_equal(ring_neg_ln(0), UINT64_MAX);
    assert_int_equal(ring_neg_ln(UINT64_MAX), 0);
}

/* Around the ends of all bins and octaves, where tables and rounding meet, and anywhere. */
static void test_neg_ln_never_rises(void **state)
{
    uint64_t seed = 2;

    (void)state;
    for (unsigned shift = 0; shift < 58; shift++) {
        for (uint64_t bin = 32; bin < 64; bin++) {
            uint64_t end = bin << 58 >> shift;

            for (uint64_t score = end - 40; score < end + 40; score++) {
                assert_true(ring_neg_ln(score) >= ring_neg_ln(score + 1));
            }
        }
    }
    for (unsigned i = 0; i < 1000000; i++) {
        uint64_t score = next_random(&seed);
        uint64_t step = next_random(&seed) >> (i % 64);

        step = step < UINT64_MAX - score ? step : UINT64_MAX - score;
        assert_true(ring_neg_ln(score) >= ring_neg_ln(score + step));
    }
}

/* Of the published SplitMix64 with seed 1234567, without the last step that ring_score() leaves. */
static void test_score_is_splitmix64(void **state)
{
    static const uint64_t published[] = {
        UINT64_C(6457827717110365317),  UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),  UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821),
    };

    (void)state;
    for (uint64_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
        uint64_t score = ring_score(1234567, i + 1);

        assert_int_equal(score ^ (score >> 31), published[i]);
    }
}

/* Keys of weighted shards, as many as the weights say: chi-squared with 8 degrees of freedom. */
static void test_weighted_rendezvous_is_fair(void **state)
{
    static char names[N_SHARDS][8];
    struct hashring_shard shards[N_SHARDS];
    struct hashring_options options;
    struct hashring *ring;
    double counts[N_SHARDS] = {0};
    double chi_squared = 0.0;
    const unsigned n_keys = 400000;
    uint64_t seed = 3;

    (void)state;
    hashring_options_init(&options);
    options.algorithm = HASHRING_RENDEZVOUS;
    for (uint32_t i = 0; i < N_SHARDS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "s%u", i);
        shards[i] = (struct hashring_shard){names[i], 1u << i};
    }
    assert_int_equal(hashring_create(&ring, shards, N_SHARDS, &options), 0);
    for (unsigned k = 0; k < n_keys; k++) {
        counts[hashring_home(ring, next_random(&seed))] += 1.0;
    }
    for (uint32_t i = 0; i < N_SHARDS; i++) {
        double expected = hashring_share(ring, i) * n_keys;

        chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    assert_true(chi_squared < 26.1); /* one in a thousand */
    hashring_destroy(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neg_ln_is_the_logarithm),
        cmocka_unit_test(test_neg_ln_never_rises),
        cmocka_unit_test(test_score_is_splitmix64),
        cmocka_unit_test(test_weighted_rendezvous_is_fair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
