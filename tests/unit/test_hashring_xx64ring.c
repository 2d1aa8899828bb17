/*
 * The preset envoy against a plain version of Envoy's ring: a list of (hash, host) pairs, sorted,
 * with a binary search. The plain version itself is held to the rings that Envoy's own tests
 * (ring_hash_lb_test.cc) list, which have other sizes than the preset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hashring/hashring.h"

#define MAX_HOSTS   1200
#define MAX_ENTRIES 2100000

struct entry {
    uint64_t hash;
    uint32_t host;
};

static struct entry ring[MAX_ENTRIES];
static size_t n_entries;
static size_t counts[MAX_HOSTS];

static char names[MAX_HOSTS][64];
static struct hashring_shard hosts[MAX_HOSTS];
static size_t n_hosts;

static size_t n_compared;

static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void add_host(const char *name, uint32_t weight)
{
    (void)snprintf(names[n_hosts], sizeof(names[n_hosts]), "%s", name);
    hosts[n_hosts] = (struct hashring_shard){names[n_hosts], weight};
    n_hosts++;
}

/* "127.0.0.1:90" and so on. */
static void add_ports(unsigned first, size_t n)
{
    n_hosts = 0;
    for (size_t i = 0; i < n; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "127.0.0.1:%u", first + (unsigned)i);
        add_host(name, 1);
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;

    return (left->hash > right->hash) - (left->hash < right->hash);
}

static double share_of(size_t host)
{
    double sum = 0.0;

    for (size_t i = 0; i < n_hosts; i++) {
        sum += hosts[i].weight;
    }
    return hosts[host].weight / sum;
}

static void add_entry(size_t host, size_t number)
{
    char name[96];
    int len = snprintf(name, sizeof(name), "%s_%zu", hosts[host].name, number);

    assert_true(n_entries < MAX_ENTRIES);
    ring[n_entries].hash = XXH64(name, (size_t)len, 0);
    ring[n_entries++].host = (uint32_t)host;
}

/* Sets [counts]; returns their sum. */
static size_t count_plainly(double min_size, double max_size)
{
    double smallest = 1.0;
    double whole = 0.0;
    double scale;
    double current = 0.0;
    double target = 0.0;

    for (size_t i = 0; i < n_hosts; i++) {
        smallest = share_of(i) < smallest ? share_of(i) : smallest;
    }
    while (whole < smallest * min_size) {
        whole++;
    }
    scale = whole / smallest < max_size ? whole / smallest : max_size;
    for (size_t i = 0; i < n_hosts; i++) {
        target += scale * share_of(i);
        for (counts[i] = 0; current < target; current++) {
            counts[i]++;
        }
    }
    return (size_t)current;
}

static void build_plainly(double min_size, double max_size)
{
    (void)count_plainly(min_size, max_size);
    n_entries = 0;
    for (size_t i = 0; i < n_hosts; i++) {
        for (size_t k = 0; k < counts[i]; k++) {
            add_entry(i, k);
        }
    }
    qsort(ring, n_entries, sizeof(ring[0]), compare_entries);
}

static size_t search(uint64_t hash)
{
    size_t left = 0;
    size_t right = n_entries;

    while (left < right) {
        size_t middle = left + (right - left) / 2;

        if (ring[middle].hash < hash) {
            left = middle + 1;
        } else {
            right = middle;
        }
    }
    return left < n_entries ? left : 0;
}

static void check_listed(const struct entry *listed, size_t n)
{
    assert_int_equal(n_entries, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ring[i].hash, listed[i].hash);
        assert_int_equal(ring[i].host, listed[i].host);
    }
}

static void test_listed_ring(void **state)
{
    static const struct entry listed[] = {
        {UINT64_C(833437586790550860), 4},   {UINT64_C(928266305478181108), 2},
        {UINT64_C(1033482794131418490), 0},  {UINT64_C(3551244743356806947), 5},
        {UINT64_C(3851675632748031481), 3},  {UINT64_C(5583722120771150861), 1},
        {UINT64_C(6311230543546372928), 1},  {UINT64_C(7700377290971790572), 3},
        {UINT64_C(13144177310400110813), 5}, {UINT64_C(13444792449719432967), 2},
        {UINT64_C(15516499411664133160), 4}, {UINT64_C(16117243373044804889), 0},
    };

    (void)state;
    add_ports(90, 6);
    build_plainly(12, 8388608);
    check_listed(listed, 12);
    assert_int_equal(ring[search(0)].host, 4);
    assert_int_equal(ring[search(UINT64_MAX)].host, 4);
    assert_int_equal(ring[search(UINT64_C(3551244743356806947))].host, 5);
    assert_int_equal(ring[search(UINT64_C(3551244743356806948))].host, 3);
}

static void test_listed_ring_of_rounded_size(void **state)
{
    static const struct entry listed[] = {
        {UINT64_C(5454692015285649509), 0},
        {UINT64_C(7859399908942313493), 1},
        {UINT64_C(13838424394637650569), 0},
        {UINT64_C(16064866803292627174), 1},
    };

    (void)state;
    add_ports(80, 2);
    build_plainly(3, 8388608);
    check_listed(listed, 4);
}

static void test_listed_weighted_rings(void **state)
{
    static const struct entry listed[] = {
        {UINT64_C(928266305478181108), 2},   {UINT64_C(4443673547860492590), 2},
        {UINT64_C(5583722120771150861), 1},  {UINT64_C(6311230543546372928), 1},
        {UINT64_C(13444792449719432967), 2}, {UINT64_C(16117243373044804889), 0},
    };
    size_t hits[3] = {0};

    (void)state;
    add_ports(90, 3);
    hosts[1].weight = 2;
    hosts[2].weight = 3;
    build_plainly(6, 6);
    check_listed(listed, 6);
    build_plainly(6144, 8388608);
    assert_int_equal(counts[0], 1024);
    assert_int_equal(counts[2], 3072);
    for (uint32_t i = 0; i < 6000; i++) {
        hits[ring[search(i * (UINT64_MAX / 6000))].host]++;
    }
    assert_int_equal(hits[0], 987);
    assert_int_equal(hits[1], 1932);
    assert_int_equal(hits[2], 3081);
}

/* Just before, on and just behind every point, and [n_keys] keys. */
static void compare_homes(const struct hashring *ours, size_t n_keys)
{
    for (size_t i = 0; i < n_entries; i++) {
        for (uint64_t step = 0; step < 3; step++) {
            uint64_t hash = ring[i].hash - 1 + step;

            assert_int_equal(hashring_home(ours, hash), ring[search(hash)].host);
        }
    }
    for (size_t i = 0; i < n_keys; i++) {
        char key[48];
        int len = snprintf(key, sizeof(key), "/users/%zu?session=%zu", i, i * i);
        uint64_t hash = hashring_hash(ours, key, (size_t)len);

        assert_int_equal(hash, XXH64(key, (size_t)len, 0));
        assert_int_equal(hashring_home(ours, hash), ring[search(hash)].host);
    }
    n_compared += 3 * n_entries + n_keys;
}

static void compare(size_t n_keys)
{
    struct hashring_options options;
    struct hashring *ours;

    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_ENVOY), 0);
    assert_int_equal(hashring_create(&ours, hosts, n_hosts, &options), 0);
    build_plainly(1024, 8388608);
    assert_int_equal(hashring_n_points(ours), n_entries);
    compare_homes(ours, n_keys);
    hashring_destroy(&ours);
}

static void test_equal_weights(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 200; n++) {
        add_ports(8000, n);
        compare(2000);
    }
}

/* More hosts than the least size of the ring: one point each. */
static void test_many_hosts(void **state)
{
    (void)state;
    for (size_t n = 1020; n <= 1030; n++) {
        add_ports(8000, n);
        compare(1000);
    }
}

static void test_random_weights(void **state)
{
    uint64_t seed = 5;

    (void)state;
    for (size_t round = 0; round < 150; round++) {
        size_t n = 1 + next_random(&seed) % 60;
        uint32_t heaviest = round % 3 == 0 ? 5 : round % 3 == 1 ? 128 : 3000;

        add_ports(1 + (unsigned)(next_random(&seed) % 60000), n);
        for (size_t i = 0; i < n; i++) {
            hosts[i].weight = 1 + (uint32_t)(next_random(&seed) % heaviest);
        }
        compare(1000);
    }
}

/* The host of weight 3 has 256.5 points to get: 257 if that comes up before the others, or 256. */
static void test_order_decides_on_rounding(void **state)
{
    (void)state;
    add_ports(90, 3);
    hosts[0].weight = 2;
    hosts[1].weight = 3;
    hosts[2].weight = 7;
    compare(1000);
    assert_int_equal(counts[1], 257);
    hosts[0].weight = 7;
    hosts[2].weight = 2;
    compare(1000);
    assert_int_equal(counts[1], 256);
}

static void test_names(void **state)
{
    char long_name[61];

    (void)state;
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    n_hosts = 0;
    add_host("[::1]:8080", 1);
    add_host("/run/backend.sock", 2);
    add_host("10.0.0.1:11211", 1);
    add_host("10.0.0.1", 1);
    add_host("@abstract", 1);
    add_host(long_name, 1);
    compare(10000);
}

/* A million points: some of different hosts share the 32 bits that a table compares first. */
static void test_points_that_differ_in_the_lower_half(void **state)
{
    size_t n_tied = 0;

    (void)state;
    add_ports(8000, 3);
    hosts[0].weight = 1000000;
    hosts[1].weight = 1000000;
    compare(100000);
    assert_true(n_entries > 2000000);
    for (size_t i = 1; i < n_entries; i++) {
        n_tied += ring[i].hash >> 32 == ring[i - 1].hash >> 32 && ring[i].host != ring[i - 1].host;
    }
    assert_true(n_tied > 10);
}

/* Weights so far apart that the greatest size of the ring holds. */
static void test_largest_ring(void **state)
{
    struct hashring_options options;
    struct hashring *ours;

    (void)state;
    add_ports(1, 21);
    for (size_t i = 1; i < n_hosts; i++) {
        hosts[i].weight = HASHRING_MAX_WEIGHT;
    }
    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_ENVOY), 0);
    assert_int_equal(hashring_create(&ours, hosts, n_hosts, &options), 0);
    assert_int_equal(hashring_n_points(ours), count_plainly(1024, 8388608));
    assert_int_equal(counts[0], 1);
    assert_true(hashring_n_points(ours) >= 8388608);
    hashring_destroy(&ours);
}

static int print_count(void **state)
{
    (void)state;
    print_message("%zu homes compared, 0 mismatches\n", n_compared);
    assert_true(n_compared > 1000000);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listed_ring),
        cmocka_unit_test(test_listed_ring_of_rounded_size),
        cmocka_unit_test(test_listed_weighted_rings),
        cmocka_unit_test(test_equal_weights),
        cmocka_unit_test(test_many_hosts),
        cmocka_unit_test(test_random_weights),
        cmocka_unit_test(test_order_decides_on_rounding),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_points_that_differ_in_the_lower_half),
        cmocka_unit_test(test_largest_ring),
    };

    return cmocka_run_group_tests(tests, NULL, print_count);
}
