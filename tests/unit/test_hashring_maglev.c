/*
 * maglev: the tables that Envoy's tests print, the rule of the publication on tables of any size,
 * weights, and the order of the walk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../hashring/src/hash.h"
#include "../../hashring/src/maglev.h"
#include "hashring/hashring.h"

#define N_SLOTS    65537u
#define MAX_SHARDS 1024

static char names[MAX_SHARDS][24];
static struct hashring_shard shards[MAX_SHARDS];

/* In the order of the names. */
static void name_shards(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "10.0.0.1:%04zu", i);
        shards[i] = (struct hashring_shard){names[i], 1};
    }
}

static struct hashring *build(size_t n)
{
    struct hashring_options options;
    struct hashring *ring;

    hashring_options_init(&options);
    options.algorithm = HASHRING_MAGLEV;
    options.hash = HASHRING_XXH64;
    assert_int_equal(hashring_create(&ring, shards, n, &options), 0);
    return ring;
}

static void check_table(const char *const *hosts, const uint32_t *weights, uint32_t n,
                        const uint16_t *expected, uint32_t n_slots)
{
    struct maglev_turn turns[8];
    uint16_t owners[32];

    for (uint32_t i = 0; i < n; i++) {
        turns[i] = maglev_turn_of(hosts[i], strlen(hosts[i]), n_slots);
        turns[i].weight = weights[i];
    }
    maglev_fill(turns, n, owners, n_slots);
    assert_memory_equal(owners, expected, n_slots * sizeof(*expected));
}

/* From test/extensions/load_balancing_policies/maglev/maglev_lb_test.cc of Envoy. */
static void test_tables_that_envoy_prints(void **state)
{
    static const char *const hosts[] = {"127.0.0.1:90", "127.0.0.1:91", "127.0.0.1:92",
                                        "127.0.0.1:93", "127.0.0.1:94", "127.0.0.1:95"};
    static const char *const numbers[] = {"90", "91", "92", "93", "94", "95"};
    static const uint32_t equal[] = {1, 1, 1, 1, 1, 1};
    static const uint32_t weighted[] = {1, 2};
    static const uint32_t four_to_one[] = {4, 1};
    static const uint16_t basic[] = {2, 4, 0, 1, 5, 0, 3};
    static const uint16_t by_hostname[] = {2, 5, 0, 3, 4, 1, 0};
    static const uint16_t of_two[] = {1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1};
    static const uint16_t of_equals[] = {1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1};
    static const uint16_t of_localities[] = {1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0};

    (void)state;
    check_table(hosts, equal, 6, basic, 7);
    check_table(numbers, equal, 6, by_hostname, 7);
    check_table(hosts, weighted, 2, of_two, 17);
    check_table(hosts, equal, 2, of_equals, 17);
    check_table(hosts, four_to_one, 2, of_localities, 17);
}

/* From the same file: 1023 light shards have one slot each, one heavy shard all the others. */
static void test_lopsided_weights(void **state)
{
    struct hashring *ring;

    (void)state;
    name_shards(MAX_SHARDS);
    shards[0].weight = 127 * 1023;
    ring = build(MAX_SHARDS);
    for (uint32_t i = 1; i < MAX_SHARDS; i++) {
        assert_true(hashring_share(ring, i) * N_SLOTS < 1.001);
        assert_true(hashring_share(ring, i) * N_SLOTS > 0.999);
    }
    assert_true(hashring_share(ring, 0) > (N_SLOTS - 1023.001) / N_SLOTS);
    hashring_destroy(&ring);
}

/* The ring's table is that of the rule, and a hash falls on it modulo its size. */
static void test_ring_is_the_table(void **state)
{
    static struct maglev_turn turns[50];
    static uint16_t owners[N_SLOTS];
    struct hashring *ring;

    (void)state;
    name_shards(50);
    for (uint32_t i = 0; i < 50; i++) {
        shards[i].weight = 1 + i % 5;
        turns[i] = maglev_turn_of(names[i], strlen(names[i]), N_SLOTS);
        turns[i].weight = shards[i].weight;
    }
    maglev_fill(turns, 50, owners, N_SLOTS);
    ring = build(50);
    for (uint64_t slot = 0; slot < N_SLOTS; slot++) {
        assert_int_equal(hashring_home(ring, slot), owners[slot]);
        assert_int_equal(hashring_home(ring, slot + N_SLOTS * UINT64_C(281470681800000)),
                         owners[slot]);
    }
    hashring_destroy(&ring);
}

/* Equal shards have the same number of slots but for one. */
static void test_equal_shards(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 10, 100, 1000};

    (void)state;
    name_shards(1000);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        double fair = (double)N_SLOTS / (double)sizes[s];
        struct hashring *ring = build(sizes[s]);

        for (uint32_t i = 0; i < sizes[s]; i++) {
            double n_owned = hashring_share(ring, i) * N_SLOTS;

            assert_true(n_owned > fair - 1.001 && n_owned < fair + 1.001);
        }
        hashring_destroy(&ring);
    }
}

/* How many slots a shard tries before this one. */
static uint32_t position_of(size_t i, uint32_t slot)
{
    struct maglev_turn turn = maglev_turn_of(names[i], strlen(names[i]), N_SLOTS);
    uint32_t position = 0;

    while ((turn.offset + (uint64_t)turn.skip * position) % N_SLOTS != slot) {
        position++;
    }
    return position;
}

/* Behind the home stand the others in the order in which they would have come to the slot. */
static void test_walk(void **state)
{
    struct hashring *ring;

    (void)state;
    name_shards(12);
    ring = build(12);
    for (uint32_t slot = 0; slot < N_SLOTS; slot += 6007) {
        uint32_t picked[12];

        assert_int_equal(hashring_pick(ring, slot, picked, 12), 12);
        for (size_t i = 2; i < 12; i++) {
            assert_true(position_of(picked[i - 1], slot) <= position_of(picked[i], slot));
        }
    }
    hashring_destroy(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_that_envoy_prints),
        cmocka_unit_test(test_lopsided_weights),
        cmocka_unit_test(test_ring_is_the_table),
        cmocka_unit_test(test_equal_shards),
        cmocka_unit_test(test_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
