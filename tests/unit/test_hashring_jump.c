/*
 * jump: the values that Guava's tests list, the published function, and the end of the walk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hashring/hashring.h"

#define NAME_BYTES 16
#define MAX_SHARDS HASHRING_MAX_SHARDS

static char names[MAX_SHARDS][NAME_BYTES];
static struct hashring_shard shards[MAX_SHARDS];

/* Named in the order of their numbers. */
static struct hashring *build(uint32_t n)
{
    struct hashring_options options;
    struct hashring *ring;

    hashring_options_init(&options);
    options.algorithm = HASHRING_JUMP;
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(names[i], NAME_BYTES, "shard-%05u", i);
        shards[i] = (struct hashring_shard){names[i], 3};
    }
    assert_int_equal(hashring_create(&ring, shards, n, &options), 0);
    return ring;
}

/* Guava's HashingTest, which says that it agrees with the C++ version of the authors. */
static void test_published_values(void **state)
{
    static const uint32_t of_100[] = {0,  55, 62, 8,  45, 59, 86, 97, 82, 59,
                                      73, 37, 17, 56, 86, 21, 90, 37, 38, 83};
    struct hashring *ring = build(100);

    (void)state;
    for (uint64_t key = 0; key < sizeof(of_100) / sizeof(of_100[0]); key++) {
        assert_int_equal(hashring_home(ring, key), of_100[key]);
    }
    hashring_destroy(&ring);
    ring = build(11);
    assert_int_equal(hashring_home(ring, UINT64_C(10863919174838991)), 6);
    assert_int_equal(hashring_home(ring, UINT64_C(2016238256797177309)), 3);
    assert_int_equal(hashring_home(ring, UINT64_C(1673758223894951030)), 5);
    hashring_destroy(&ring);
}

/* The function as the publication has it. */
static int32_t published(uint64_t key, int32_t n)
{
    int64_t b = -1;
    int64_t j = 0;

    while (j < n) {
        b = j;
        key = key * UINT64_C(2862933555777941757) + 1;
        j = (int64_t)((double)(b + 1) * ((double)(1LL << 31) / (double)((key >> 33) + 1)));
    }
    return (int32_t)b;
}

static void test_published_function(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 10, 100, 1000, 65534};
    uint64_t key = 1;

    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct hashring *ring = build(sizes[s]);

        for (unsigned i = 0; i < 20000; i++) {
            key = key * UINT64_C(6364136223846793005) + 1442695040888963407u;
            assert_int_equal(hashring_home(ring, key), published(key, (int32_t)sizes[s]));
        }
        hashring_destroy(&ring);
    }
}

/* However many shards, and for the hashes with the worst bits, the walk meets all of them once. */
static void test_walk_ends(void **state)
{
    static const uint64_t hashes[] = {0, 1, UINT32_MAX, UINT64_MAX, UINT64_C(1) << 63};
    uint32_t *picked = malloc(MAX_SHARDS * sizeof(*picked));
    bool *met = malloc(MAX_SHARDS * sizeof(*met));
    struct hashring *ring = build(MAX_SHARDS);

    (void)state;
    assert_non_null(picked);
    assert_non_null(met);
    for (size_t h = 0; h < sizeof(hashes) / sizeof(hashes[0]); h++) {
        memset(met, 0, MAX_SHARDS * sizeof(*met));
        assert_int_equal(hashring_pick(ring, hashes[h], picked, MAX_SHARDS), MAX_SHARDS);
        for (uint32_t i = 0; i < MAX_SHARDS; i++) {
            assert_true(picked[i] < MAX_SHARDS && !met[picked[i]]);
            met[picked[i]] = true;
        }
    }
    hashring_destroy(&ring);
    free(picked);
    free(met);
}

/* The second choice is spread over the others as evenly as the first. */
static void test_second_choices_are_even(void **state)
{
    uint32_t n_second[10] = {0};
    struct hashring *ring = build(10);
    uint64_t key = 2;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t picked[2];

        key = key * UINT64_C(6364136223846793005) + 1442695040888963407u;
        assert_int_equal(hashring_pick(ring, key, picked, 2), 2);
        n_second[picked[1]]++;
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_in_range(n_second[i], 9400, 10600); /* six deviations */
    }
    hashring_destroy(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_published_function),
        cmocka_unit_test(test_walk_ends),
        cmocka_unit_test(test_second_choices_are_even),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
