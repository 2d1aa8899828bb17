/*
 * What every placement algorithm promises, for each one in the table: determinism, no dependence on
 * the order of the shards, distinct picks, balance, and that keys move only when they must.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hashring/hashring.h"

#define MAX_SHARDS 120
#define N_KEYS     100000

static char names[MAX_SHARDS][32];

static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static double square(double x)
{
    return x * x;
}

static void name_shards(struct hashring_shard *shards, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "shard-%zu", i);
        shards[i] = (struct hashring_shard){names[i], 1};
    }
}

static struct hashring *build(enum hashring_algorithm algorithm,
                              const struct hashring_shard *shards, size_t n)
{
    struct hashring_options options;
    struct hashring *ring;

    hashring_options_init(&options);
    options.algorithm = algorithm;
    assert_int_equal(hashring_create(&ring, shards, n, &options), 0);
    return ring;
}

static uint64_t hash_of_key(const struct hashring *ring, size_t k)
{
    char key[32];
    int len = snprintf(key, sizeof(key), "user:%zu", k);

    return hashring_hash(ring, key, (size_t)len);
}

static void check_determinism(enum hashring_algorithm algorithm)
{
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring *first;
    struct hashring *second;

    name_shards(shards, MAX_SHARDS);
    first = build(algorithm, shards, MAX_SHARDS);
    second = build(algorithm, shards, MAX_SHARDS);
    for (size_t k = 0; k < N_KEYS; k++) {
        uint64_t hash = hash_of_key(first, k);

        assert_int_equal(hash, hash_of_key(second, k));
        assert_int_equal(hashring_home(first, hash), hashring_home(second, hash));
    }
    hashring_destroy(&first);
    hashring_destroy(&second);
}

static void check_order(enum hashring_algorithm algorithm)
{
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring_shard shuffled[MAX_SHARDS];
    struct hashring *ring;
    struct hashring *other;
    uint64_t seed = 7;

    name_shards(shards, MAX_SHARDS);
    for (size_t i = 0; i < MAX_SHARDS; i++) {
        shards[i].weight = 1 + (uint32_t)(i % 3);
    }
    memcpy(shuffled, shards, sizeof(shards));
    for (size_t i = MAX_SHARDS - 1; i > 0; i--) {
        size_t j = next_random(&seed) % (i + 1);
        struct hashring_shard swapped = shuffled[i];

        shuffled[i] = shuffled[j];
        shuffled[j] = swapped;
    }
    ring = build(algorithm, shards, MAX_SHARDS);
    other = build(algorithm, shuffled, MAX_SHARDS);
    for (size_t k = 0; k < N_KEYS; k++) {
        uint64_t hash = hash_of_key(ring, k);
        uint32_t picked[2][3];

        assert_int_equal(hashring_pick(ring, hash, picked[0], 3), 3);
        assert_int_equal(hashring_pick(other, hash, picked[1], 3), 3);
        for (size_t i = 0; i < 3; i++) {
            assert_ptr_equal(shards[picked[0][i]].name, shuffled[picked[1][i]].name);
        }
    }
    hashring_destroy(&ring);
    hashring_destroy(&other);
}

static void check_picks(enum hashring_algorithm algorithm)
{
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring *ring;

    name_shards(shards, MAX_SHARDS);
    for (size_t n = 1; n <= MAX_SHARDS; n += n < 5 ? 1 : 23) {
        ring = build(algorithm, shards, n);
        for (size_t k = 0; k < 500; k++) {
            uint64_t hash = hash_of_key(ring, k);
            uint32_t all[MAX_SHARDS + 5];
            uint32_t some[MAX_SHARDS];
            bool met[MAX_SHARDS] = {false};
            size_t max = 1 + k % n;

            assert_int_equal(hashring_pick(ring, hash, all, n + 5), n);
            assert_int_equal(all[0], hashring_home(ring, hash));
            for (size_t i = 0; i < n; i++) {
                assert_true(all[i] < n && !met[all[i]]);
                met[all[i]] = true;
            }
            assert_int_equal(hashring_pick(ring, hash, some, max), max);
            assert_memory_equal(some, all, max * sizeof(some[0]));
        }
        hashring_destroy(&ring);
    }
}

/*
 * The share of a shard with p points deviates by about 1/sqrt(p) of it; among a hundred shards the
 * worst is some 3 deviations off, and 4.5 leave room. [share] is exact; the keys are a sample.
 */
static void check_balance(enum hashring_algorithm algorithm)
{
    struct hashring_shard shards[MAX_SHARDS];
    size_t counts[MAX_SHARDS] = {0};
    uint32_t total_weight = 0;
    double sum = 0.0;
    struct hashring *ring;

    name_shards(shards, MAX_SHARDS);
    for (size_t i = 0; i < MAX_SHARDS; i++) {
        shards[i].weight = 1 + (uint32_t)(i % 4);
        total_weight += shards[i].weight;
    }
    ring = build(algorithm, shards, MAX_SHARDS);
    for (size_t k = 0; k < N_KEYS; k++) {
        counts[hashring_home(ring, hash_of_key(ring, k))]++;
    }
    for (uint32_t i = 0; i < MAX_SHARDS; i++) {
        double fair = (double)shards[i].weight / total_weight;
        double points = (double)hashring_n_points(ring) * fair;
        double share = hashring_share(ring, i);

        assert_true(square(share / fair - 1.0) < square(4.5) / points);
        assert_true(square((double)counts[i] - share * N_KEYS) < square(6.0) * share * N_KEYS);
        sum += share;
    }
    assert_true(sum >= 1.0 && sum <= 1.0);
    assert_true(hashring_share(ring, MAX_SHARDS) <= 0.0);
    hashring_destroy(&ring);
}

/*
 * From n to n + 1 shards: what moves, moves to the new shard, and it is the new shard's share. The
 * same read backwards is a removal; then a key goes to what was its second choice.
 */
static void check_movement(enum hashring_algorithm algorithm, size_t n)
{
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring *before;
    struct hashring *after;
    size_t n_moved = 0;
    double expected;

    name_shards(shards, n + 1);
    before = build(algorithm, shards, n);
    after = build(algorithm, shards, n + 1);
    expected = hashring_share(after, (uint32_t)n) * N_KEYS;
    for (size_t k = 0; k < N_KEYS; k++) {
        uint64_t hash = hash_of_key(after, k);
        uint32_t old_home = hashring_home(before, hash);
        uint32_t picked[2];

        assert_int_equal(hashring_pick(after, hash, picked, 2), 2);
        if (picked[0] == n) {
            assert_int_equal(picked[1], old_home);
            n_moved++;
        } else {
            assert_int_equal(picked[0], old_home);
        }
    }
    assert_true(square((double)n_moved - expected) < square(6.0) * expected);
    hashring_destroy(&before);
    hashring_destroy(&after);
}

/* A shard that gets heavier takes keys, and nothing moves between the others. */
static void check_weight_change(enum hashring_algorithm algorithm)
{
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring *before;
    struct hashring *after;
    size_t n_moved = 0;

    name_shards(shards, 20);
    before = build(algorithm, shards, 20);
    shards[3].weight = 3;
    after = build(algorithm, shards, 20);
    for (size_t k = 0; k < N_KEYS; k++) {
        uint64_t hash = hash_of_key(before, k);
        uint32_t home = hashring_home(after, hash);

        if (home != hashring_home(before, hash)) {
            assert_int_equal(home, 3);
            n_moved++;
        }
    }
    assert_true(n_moved > 0);
    hashring_destroy(&before);
    hashring_destroy(&after);
}

static void for_each_algorithm(void (*check)(enum hashring_algorithm))
{
    size_t n_checked = 0;

    for (unsigned i = 0; hashring_algorithm_name(i) != NULL; i++) {
        print_message("    %s\n", hashring_algorithm_name(i));
        check(i);
        n_checked++;
    }
    assert_true(n_checked >= 2);
}

static void check_movements(enum hashring_algorithm algorithm)
{
    static const size_t sizes[] = {1, 2, 10, 24, 46, 99};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_movement(algorithm, sizes[i]);
    }
}

static void test_same_input_same_ring(void **state)
{
    (void)state;
    for_each_algorithm(check_determinism);
}

static void test_order_does_not_matter(void **state)
{
    (void)state;
    for_each_algorithm(check_order);
}

static void test_picks_are_distinct_and_nested(void **state)
{
    (void)state;
    for_each_algorithm(check_picks);
}

static void test_balance_follows_weights(void **state)
{
    (void)state;
    for_each_algorithm(check_balance);
}

static void test_no_needless_move(void **state)
{
    (void)state;
    for_each_algorithm(check_movements);
}

static void test_heavier_shard_only_takes(void **state)
{
    (void)state;
    for_each_algorithm(check_weight_change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_input_same_ring),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_picks_are_distinct_and_nested),
        cmocka_unit_test(test_balance_follows_weights),
        cmocka_unit_test(test_no_needless_move),
        cmocka_unit_test(test_heavier_shard_only_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
