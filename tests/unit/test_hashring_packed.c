/*
 * The packed table against a binary search over the same points: whole rings through the public
 * interface, and the table alone with points that sit on the worst places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../hashring/src/packed_ring.h"

#define MAX_POINTS 600000

static struct ring_point points[MAX_POINTS];
static struct ring_point scratch[MAX_POINTS];

static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static bool is_below(const struct ring_point *point, uint32_t value, uint32_t low)
{
    return point->value < value || (point->value == value && point->low < low);
}

/*
 * First point that is not below [value] and [low], or the first of all. Points of 32 bits have the
 * largest low half: what falls on their value is never above them.
 */
static size_t search(size_t n, uint32_t value, uint32_t low)
{
    size_t left = 0;
    size_t right = n;

    while (left < right) {
        size_t middle = left + (right - left) / 2;

        if (is_below(&points[middle], value, low)) {
            left = middle + 1;
        } else {
            right = middle;
        }
    }
    return left < n ? left : 0;
}

static struct ring_point narrow_point(uint32_t value, uint32_t shard)
{
    return (struct ring_point){.low = UINT32_MAX, .value = value, .shard = shard};
}

/* Ties go to the name that sorts first, here the one with the lower index. */
static int compare_points(const void *a, const void *b)
{
    const struct ring_point *left = a;
    const struct ring_point *right = b;

    if (left->value != right->value) {
        return left->value < right->value ? -1 : 1;
    }
    return (left->shard > right->shard) - (left->shard < right->shard);
}

static void check_ring(size_t n_shards, size_t n_hashes)
{
    static char names[1000][16];
    static struct hashring_shard shards[1000];
    struct hashring *ring;
    size_t n_points = 0;
    uint64_t seed = n_shards;

    for (size_t i = 0; i < n_shards; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "s%03zu", i);
        shards[i] = (struct hashring_shard){names[i], 1};
    }
    assert_int_equal(hashring_create(&ring, shards, n_shards, NULL), 0);
    for (size_t i = 0; i < n_shards; i++) {
        for (size_t p = 0; p < 512; p++) {
            char name[32];
            int len = snprintf(name, sizeof(name), "%s-%zu", names[i], p);

            points[n_points++] =
                narrow_point((uint32_t)(hashring_hash(ring, name, (size_t)len) >> 32), (uint32_t)i);
        }
    }
    assert_int_equal(hashring_n_points(ring), n_points);
    qsort(points, n_points, sizeof(points[0]), compare_points);
    for (size_t i = 0; i < n_hashes; i++) {
        uint64_t hash = next_random(&seed);

        assert_int_equal(hashring_home(ring, hash),
                         points[search(n_points, (uint32_t)(hash >> 32), (uint32_t)hash)].shard);
    }
    for (size_t i = 0; i < n_points; i++) {
        uint64_t hash = (uint64_t)points[i].value << 32;

        assert_int_equal(hashring_home(ring, hash),
                         points[search(n_points, points[i].value, 0)].shard);
    }
    hashring_destroy(&ring);
}

static void test_rings_equal_binary_search(void **state)
{
    (void)state;
    check_ring(1, 10000);
    check_ring(2, 100000);
    check_ring(10, 1000000);
    check_ring(100, 1000000);
    check_ring(1000, 1000000);
}

static void check_place(const struct packed_ring *ring, size_t n, uint32_t value, uint32_t low)
{
    size_t expected = search(n, value, low);

    assert_int_equal(packed_ring_find(ring, value, low), expected);
    assert_int_equal(packed_ring_owner(ring, value, low), points[expected].shard);
}

static void check_value(const struct packed_ring *ring, size_t n, uint32_t value)
{
    check_place(ring, n, value, 0);
    check_place(ring, n, value, 0x80000000);
    check_place(ring, n, value, UINT32_MAX);
}

/* Around every point. */
static void check_points(const struct packed_ring *ring, size_t n, bool wide)
{
    for (size_t i = 0; i < n; i++) {
        const struct ring_point *point = &points[i];

        assert_true(i == 0 || !is_below(point, points[i - 1].value, points[i - 1].low));
        check_value(ring, n, point->value - 1);
        check_value(ring, n, point->value);
        check_value(ring, n, point->value + 1);
        if (wide) {
            check_place(ring, n, point->value, point->low - 1);
            check_place(ring, n, point->value, point->low);
            check_place(ring, n, point->value, point->low + 1);
        }
    }
}

/* Around every point, around every bucket's edge (at most 2^12 of them), and at random. */
static void check_table(size_t n, bool wide)
{
    struct packed_ring ring;
    uint64_t owned[HASHRING_MAX_SHARDS] = {0};
    uint64_t sum = 0;
    uint64_t seed = n;

    ring_points_sort(points, scratch, n, wide);
    assert_int_equal(packed_ring_init(&ring, points, n, wide), 0);
    check_points(&ring, n, wide);
    for (uint32_t edge = 0; edge < 4096; edge++) {
        check_value(&ring, n, (edge << 20) - 1);
        check_value(&ring, n, edge << 20);
    }
    for (size_t i = 0; i < 10000; i++) {
        uint64_t place = next_random(&seed);

        check_place(&ring, n, (uint32_t)(place >> 32), (uint32_t)place);
    }
    packed_ring_count_owned(&ring, owned);
    for (size_t i = 0; i < HASHRING_MAX_SHARDS; i++) {
        sum += owned[i];
    }
    assert_int_equal(sum, UINT64_C(1) << 32);
    packed_ring_deinit(&ring);
    assert_null(ring.table);
}

static void test_one_point(void **state)
{
    static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        points[0] = narrow_point(values[i], HASHRING_MAX_SHARDS - 1);
        check_table(1, false);
    }
}

static void test_ends_of_the_circle(void **state)
{
    (void)state;
    points[0] = narrow_point(UINT32_MAX, 3);
    points[1] = narrow_point(0, 2);
    check_table(2, false);
    points[0] = narrow_point(UINT32_MAX, 3);
    points[1] = narrow_point(UINT32_MAX, 2);
    points[2] = narrow_point(0, 1);
    points[3] = narrow_point(0, 5);
    check_table(4, false);
}

static void test_all_points_equal(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        points[i] = narrow_point(0xdeadbeef, 49 - i);
    }
    check_table(50, false);
    assert_int_equal(points[0].shard, 49); /* the sort is stable */
}

static void test_all_points_in_one_bucket(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 500; i++) {
        points[i] = narrow_point(0x12345600 + i / 2, i);
    }
    check_table(500, false);
}

static void test_points_on_bucket_edges(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1024; i++) {
        points[i] = narrow_point((i << 22) - (i % 2), i);
    }
    check_table(1024, false);
}

static void test_random_tables_with_ties(void **state)
{
    uint64_t seed = 11;

    (void)state;
    for (size_t round = 0; round < 60; round++) {
        size_t n = 1 + next_random(&seed) % 700;
        unsigned shift = (unsigned)(next_random(&seed) % 30); /* coarse values: many ties */

        for (size_t i = 0; i < n; i++) {
            points[i] = narrow_point((uint32_t)next_random(&seed) >> shift << shift,
                                     (uint32_t)(next_random(&seed) % 30));
        }
        check_table(n, false);
    }
}

/* Few values, so that most points are told apart by their lower halves; some by nothing. */
static void test_points_of_64_bits(void **state)
{
    uint64_t seed = 12;

    (void)state;
    for (size_t round = 0; round < 60; round++) {
        size_t n = 1 + next_random(&seed) % 700;
        unsigned value_shift = (unsigned)(next_random(&seed) % 32);
        unsigned low_shift = (unsigned)(next_random(&seed) % 32);

        for (size_t i = 0; i < n; i++) {
            uint64_t random = next_random(&seed);

            points[i] = (struct ring_point){
                .low = (uint32_t)random >> low_shift << low_shift,
                .value = (uint32_t)(random >> 32) >> value_shift << value_shift,
                .shard = (uint32_t)(next_random(&seed) % 30),
            };
        }
        check_table(n, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings_equal_binary_search),
        cmocka_unit_test(test_one_point),
        cmocka_unit_test(test_ends_of_the_circle),
        cmocka_unit_test(test_all_points_equal),
        cmocka_unit_test(test_all_points_in_one_bucket),
        cmocka_unit_test(test_points_on_bucket_edges),
        cmocka_unit_test(test_random_tables_with_ties),
        cmocka_unit_test(test_points_of_64_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
