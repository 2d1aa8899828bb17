/*
 * slots: the limit of every shard, whoever the others are; every slot's owner against a plain
 * version of the rule; and the best of each slot, as they are and after shards were added.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../hashring/src/hash.h"
#include "../../hashring/src/score.h"
#include "hashring/hashring.h"

#define N_SLOTS    65536u
#define MAX_SHARDS 1000

static char names[MAX_SHARDS][16];
static struct hashring_shard shards[MAX_SHARDS];

/* [weight] of each shard follows from its position. Names stand in their order. */
static void make_shards(size_t n, uint32_t (*weight)(size_t i))
{
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "slot-%04zu", i);
        shards[i] = (struct hashring_shard){names[i], weight(i)};
    }
}

static uint32_t equal_weight(size_t i)
{
    (void)i;
    return 7;
}

static uint32_t mixed_weight(size_t i)
{
    return 1 + (uint32_t)(i * i % 13);
}

static uint32_t extreme_weight(size_t i)
{
    return i % 10 == 0 ? HASHRING_MAX_WEIGHT : 1 + (uint32_t)i;
}

static struct hashring *build(size_t n)
{
    struct hashring_options options;
    struct hashring *ring;

    hashring_options_init(&options);
    options.algorithm = HASHRING_SLOTS;
    assert_int_equal(hashring_create(&ring, shards, n, &options), 0);
    return ring;
}

static uint32_t owner_of(const struct hashring *ring, uint32_t slot)
{
    return hashring_home(ring, (uint64_t)slot << 48 | (slot * UINT64_C(0x12345) & 0xffffffff));
}

static uint64_t total_weight(size_t n)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++) {
        total += shards[i].weight;
    }
    return total;
}

/* 1.05 times the fair part, rounded down, or the fair part rounded up. */
static uint64_t limit_of(size_t i, uint64_t total)
{
    uint64_t limit = N_SLOTS * UINT64_C(105) * shards[i].weight / (100 * total);
    uint64_t fair = (N_SLOTS * (uint64_t)shards[i].weight + total - 1) / total;

    return limit > fair ? limit : fair;
}

static void check_limits(size_t n, uint32_t (*weight)(size_t i))
{
    static uint64_t n_owned[MAX_SHARDS];
    struct hashring *ring;
    uint64_t total;

    make_shards(n, weight);
    ring = build(n);
    total = total_weight(n);
    memset(n_owned, 0, sizeof(n_owned));
    for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
        n_owned[owner_of(ring, slot)]++;
    }
    for (uint32_t i = 0; i < n; i++) {
        double share = hashring_share(ring, i) * N_SLOTS;

        assert_true(n_owned[i] <= limit_of(i, total));
        assert_true(share >= (double)n_owned[i] && share <= (double)n_owned[i]);
    }
    hashring_destroy(&ring);
}

static void test_nobody_has_more_than_the_limit(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 10, 100, 999};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_limits(sizes[i], equal_weight);
        check_limits(sizes[i], mixed_weight);
        check_limits(sizes[i], extreme_weight);
    }
}

/* The rule once more: scores of 32 bits, two slots to one of 64, and 48 bits of the cost. */
static uint64_t cost_of(size_t i, uint32_t slot, bool even)
{
    const unsigned char *name = (const unsigned char *)shards[i].name;
    uint64_t bits = ring_score(ring_hash_xxh3(name, strlen(shards[i].name)), slot / 2);
    uint32_t score;

    bits ^= bits >> 31;
    score = (uint32_t)(slot % 2 == 0 ? bits >> 32 : bits);
    if (even) {
        return UINT32_MAX - score;
    }
    return ring_neg_ln((uint64_t)score << 32 | 0x80000000u) / shards[i].weight >> 16;
}

/* The best with room; without [room] the best but for [but]. Names stand in their order. */
static uint32_t best_of(size_t n, uint32_t slot, bool even, const uint64_t *room, uint32_t but)
{
    uint32_t best = UINT32_MAX;

    for (uint32_t i = 0; i < n; i++) {
        if ((room == NULL ? i != but : room[i] > 0) &&
            (best == UINT32_MAX || cost_of(i, slot, even) < cost_of(best, slot, even))) {
            best = i;
        }
    }
    return best;
}

static void check_rule(size_t n, uint32_t (*weight)(size_t i), bool even)
{
    static uint64_t room[MAX_SHARDS];
    struct hashring *ring;
    uint64_t total;

    make_shards(n, weight);
    ring = build(n);
    total = total_weight(n);
    for (size_t i = 0; i < n; i++) {
        room[i] = limit_of(i, total);
    }
    for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
        uint32_t expected = best_of(n, slot, even, room, 0);
        uint32_t picked[2];

        room[expected]--;
        assert_int_equal(hashring_pick(ring, (uint64_t)slot << 48, picked, 2), 2);
        assert_int_equal(picked[0], expected);
        assert_int_equal(picked[1], best_of(n, slot, even, NULL, expected));
    }
    hashring_destroy(&ring);
}

static void test_owners_follow_the_rule(void **state)
{
    (void)state;
    check_rule(2, equal_weight, true);
    check_rule(37, equal_weight, true);
    check_rule(5, mixed_weight, false);
    check_rule(37, mixed_weight, false);
    check_rule(37, extreme_weight, false);
}

/* A 32-bit hash uses its own topmost bits. */
static void test_slot_of_a_short_hash(void **state)
{
    struct hashring_options options;
    struct hashring *wide;
    struct hashring *narrow;

    (void)state;
    make_shards(10, equal_weight);
    hashring_options_init(&options);
    options.algorithm = HASHRING_SLOTS;
    options.hash = HASHRING_CRC32;
    assert_int_equal(hashring_create(&narrow, shards, 10, &options), 0);
    wide = build(10);
    for (uint64_t slot = 0; slot < N_SLOTS; slot++) {
        assert_int_equal(hashring_home(narrow, slot << 16 | 0xffff),
                         hashring_home(wide, slot << 48 | 1));
    }
    hashring_destroy(&narrow);
    hashring_destroy(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_has_more_than_the_limit),
        cmocka_unit_test(test_owners_follow_the_rule),
        cmocka_unit_test(test_slot_of_a_short_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
