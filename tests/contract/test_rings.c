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

/* What differs from algorithm to algorithm. */
struct promise {
    bool weights;      /* shards may weigh differently */
    bool strict;       /* what moves, moves to or from the shard that comes, goes or changes */
    double takes_over; /* how many keys go to their second choice when the home goes */
    double needless; /* moves between other shards, to the moves that must be, 99 shards and one */
    double spread;   /* of a share around the fair one; 0: as the number of points lets expect */
};

static const struct promise promises[] = {
    [HASHRING_XXRING] = {true, true, 1.0, 0.0, 0.0},
    [HASHRING_KETAMA] = {true, true, 1.0, 0.0, 0.0},
    [HASHRING_CRCRING] = {true, true, 1.0, 0.0, 0.0},
    [HASHRING_XX64RING] = {true, true, 1.0, 0.0, 0.0},
    [HASHRING_SLOTS] = {true, false, 0.9, 0.05, 0.15},
    [HASHRING_MAGLEV] = {true, false, 0.9, 0.65, 0.01},
    [HASHRING_JUMP] = {false, true, 0.0, 0.0, 1e-9},
    [HASHRING_RENDEZVOUS] = {true, true, 1.0, 0.0, 1e-9},
    [HASHRING_MODULO] = {false, false, 0.0, 120.0, 1e-9},
};

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
        (void)snprintf(names[i], sizeof(names[i]), "shard-%03zu", i);
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
    for (size_t i = 0; i < MAX_SHARDS && promises[algorithm].weights; i++) {
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

/* Of the difference between a share and the fair one, relative to this. */
static double allowed_square(enum hashring_algorithm algorithm, double n_points)
{
    double spread = promises[algorithm].spread;

    return spread > 0.0 ? square(spread) : square(4.5) / n_points;
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
        shards[i].weight = promises[algorithm].weights ? 1 + (uint32_t)(i % 4) : 1;
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

        assert_true(square(share / fair - 1.0) < allowed_square(algorithm, points));
        assert_true(square((double)counts[i] - share * N_KEYS) < square(6.0) * share * N_KEYS);
        sum += share;
    }
    assert_true(square(sum - 1.0) < square(1e-9));
    assert_true(hashring_share(ring, MAX_SHARDS) <= 0.0);
    hashring_destroy(&ring);
}

/* What the keys did between two rings, the second with one shard more, the last. */
struct movement {
    size_t n_to_new;
    size_t n_from_second; /* of these, from what is now their second choice */
    size_t n_needless;    /* between the others */
};

static struct movement compare(const struct hashring *before, const struct hashring *after)
{
    struct movement movement = {0};
    size_t added = hashring_n_shards(before);

    for (size_t k = 0; k < N_KEYS; k++) {
        uint64_t hash = hash_of_key(after, k);
        uint32_t old_home = hashring_home(before, hash);
        uint32_t picked[2];

        assert_int_equal(hashring_pick(after, hash, picked, 2), 2);
        if (picked[0] == added) {
            movement.n_to_new++;
            movement.n_from_second += picked[1] == old_home;
        } else {
            movement.n_needless += picked[0] != old_home;
        }
    }
    return movement;
}

/*
 * From n to n + 1 shards: what moves, moves to the new shard, and it is the new shard's share. The
 * same read backwards is a removal; then a key goes to what was its second choice.
 */
static struct movement check_movement(enum hashring_algorithm algorithm, size_t n)
{
    const struct promise *promise = &promises[algorithm];
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring *before;
    struct hashring *after;
    struct movement movement;
    double expected;

    name_shards(shards, n + 1);
    before = build(algorithm, shards, n);
    after = build(algorithm, shards, n + 1);
    expected = hashring_share(after, (uint32_t)n) * N_KEYS;
    movement = compare(before, after);
    assert_true(square((double)movement.n_to_new - expected) < square(6.0) * expected);
    assert_true((double)movement.n_from_second >= promise->takes_over * (double)movement.n_to_new);
    if (promise->strict) {
        assert_int_equal(movement.n_needless, 0);
    }
    hashring_destroy(&before);
    hashring_destroy(&after);
    return movement;
}

static void check_movements(enum hashring_algorithm algorithm)
{
    static const size_t sizes[] = {1, 2, 10, 24, 46};
    struct movement last;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_movement(algorithm, sizes[i]);
    }
    last = check_movement(algorithm, 99);
    assert_true((double)last.n_needless <= promises[algorithm].needless * (double)last.n_to_new);
}

/* A shard that gets heavier takes keys, and nothing moves between the others. */
static void check_weight_change(enum hashring_algorithm algorithm)
{
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring *before;
    struct hashring *after;
    size_t n_moved = 0;
    size_t n_needless = 0;

    name_shards(shards, 20);
    if (!promises[algorithm].weights) {
        return;
    }
    before = build(algorithm, shards, 20);
    shards[3].weight = 3;
    after = build(algorithm, shards, 20);
    for (size_t k = 0; k < N_KEYS; k++) {
        uint64_t hash = hash_of_key(before, k);
        uint32_t home = hashring_home(after, hash);
        bool moved = home != hashring_home(before, hash);

        n_moved += moved;
        n_needless += moved && home != 3;
    }
    assert_true(n_moved > n_needless);
    assert_true(promises[algorithm].strict ? n_needless == 0 : n_needless * 20 < n_moved);
    hashring_destroy(&before);
    hashring_destroy(&after);
}

/* Unequal weights are taken, or refused by an error of their own. */
static void check_unequal_weights(enum hashring_algorithm algorithm)
{
    static const struct hashring_shard shards[] = {{"a", 1}, {"b", 2}, {"c", 5}};
    struct hashring_options options;
    struct hashring *ring;
    int error;

    hashring_options_init(&options);
    options.algorithm = algorithm;
    error = hashring_create(&ring, shards, 3, &options);
    assert_int_equal(error, promises[algorithm].weights ? 0 : HASHRING_ERR_UNEQUAL_WEIGHTS);
    if (error == 0) {
        assert_true(hashring_share(ring, 2) > hashring_share(ring, 1));
        assert_true(hashring_share(ring, 1) > hashring_share(ring, 0));
    } else {
        assert_null(ring);
    }
    hashring_destroy(&ring);
}

/* Both rings have the same shards in the same order: they must not differ in anything. */
static void assert_same_ring(const struct hashring *left, const struct hashring *right)
{
    size_t n = hashring_n_shards(left);
    uint64_t seed = 11;

    assert_int_equal(n, hashring_n_shards(right));
    for (uint32_t i = 0; i < n; i++) {
        double difference = hashring_share(left, i) - hashring_share(right, i);

        assert_true(difference <= 0.0 && difference >= 0.0);
    }
    for (size_t k = 0; k < 20000; k++) {
        uint64_t hash = next_random(&seed) >> (64 - hashring_hash_bits(left));
        size_t max = k % 100 == 0 ? n : 3;
        uint32_t picked[2][MAX_SHARDS];

        assert_int_equal(hashring_pick(left, hash, picked[0], max),
                         hashring_pick(right, hash, picked[1], max));
        assert_memory_equal(picked[0], picked[1], (max < n ? max : n) * sizeof(picked[0][0]));
    }
}

/* With the help of *[ring] and afresh: the same. *[ring] becomes the ring of [shards]. */
static void check_step(enum hashring_algorithm algorithm, struct hashring **ring,
                       const struct hashring_shard *shards, size_t n)
{
    struct hashring_options options;
    struct hashring *helped;
    struct hashring *afresh = build(algorithm, shards, n);

    hashring_options_init(&options);
    options.algorithm = algorithm;
    assert_int_equal(hashring_create_from(&helped, *ring, shards, n, &options), 0);
    assert_same_ring(helped, afresh);
    hashring_destroy(ring);
    hashring_destroy(&afresh);
    *ring = helped;
}

/* Shards come at the end, at the beginning and in the middle, one by one and together, and go. */
static void check_create_from(enum hashring_algorithm algorithm)
{
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring *ring = NULL;

    name_shards(shards, 60);
    check_step(algorithm, &ring, shards + 10, 2);
    check_step(algorithm, &ring, shards + 10, 3);
    check_step(algorithm, &ring, shards + 10, 20);
    check_step(algorithm, &ring, shards + 9, 21);
    check_step(algorithm, &ring, shards + 5, 27);
    check_step(algorithm, &ring, shards, 60);
    shards[20].name = "shard-030-and-a-half";
    check_step(algorithm, &ring, shards, 60);
    check_step(algorithm, &ring, shards + 1, 40);
    for (size_t i = 0; i < 60 && promises[algorithm].weights; i++) {
        shards[i].weight = 1 + (uint32_t)(i % 7);
    }
    check_step(algorithm, &ring, shards + 1, 40);
    check_step(algorithm, &ring, shards, 41);
    check_step(algorithm, &ring, shards, 42);
    shards[8].weight = promises[algorithm].weights ? 40 : 1;
    check_step(algorithm, &ring, shards, 43);
    hashring_destroy(&ring);
    ring = build(HASHRING_SLOTS, shards, 43);
    check_step(algorithm, &ring, shards, 44);
    hashring_destroy(&ring);
}

static void for_each_algorithm(void (*check)(enum hashring_algorithm))
{
    size_t n_checked = 0;

    for (unsigned i = 0; hashring_algorithm_name(i) != NULL; i++) {
        print_message("    %s\n", hashring_algorithm_name(i));
        check(i);
        n_checked++;
    }
    assert_int_equal(n_checked, sizeof(promises) / sizeof(promises[0]));
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

static void test_needless_moves(void **state)
{
    (void)state;
    for_each_algorithm(check_movements);
}

static void test_heavier_shard_only_takes(void **state)
{
    (void)state;
    for_each_algorithm(check_weight_change);
}

static void test_unequal_weights(void **state)
{
    (void)state;
    for_each_algorithm(check_unequal_weights);
}

static void test_help_of_another_ring_changes_nothing(void **state)
{
    (void)state;
    for_each_algorithm(check_create_from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_input_same_ring),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_picks_are_distinct_and_nested),
        cmocka_unit_test(test_balance_follows_weights),
        cmocka_unit_test(test_needless_moves),
        cmocka_unit_test(test_heavier_shard_only_takes),
        cmocka_unit_test(test_unequal_weights),
        cmocka_unit_test(test_help_of_another_ring_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
