/*
 * modulo and the preset libmemcached: against the installed libmemcached as memcached_create() makes
 * it, key by key, for 1 to 100 servers and each hash function; by position there, by name without
 * the preset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libmemcached/memcached.h>

#include "hashring/hashring.h"

#define MAX_SERVERS      100
#define MAX_KEY_BYTES    250
#define KEYS_PER_CLUSTER 11000
#define FIRST_PORT       11000

static char names[MAX_SERVERS][64];
static struct hashring_shard shards[MAX_SERVERS];
static uint64_t seed;
static uint64_t n_keys_compared;

static uint64_t next_random(void)
{
    uint64_t x = seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static struct hashring *our_ring(size_t n, enum hashring_hash_kind hash)
{
    struct hashring_options options;
    struct hashring *ring;

    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_LIBMEMCACHED), 0);
    options.hash = hash;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "cache-%zu:%zu", i * 7 % n, FIRST_PORT + i);
        shards[i] = (struct hashring_shard){names[i], 1};
    }
    assert_int_equal(hashring_create(&ring, shards, n, &options), 0);
    return ring;
}

/* [hash] is set only where it is not the default. Weights are there to be ignored. */
static memcached_st *their_client(size_t n, memcached_hash_t hash)
{
    memcached_st *memc = memcached_create(NULL);
    memcached_server_list_st list = NULL;
    memcached_return_t result = MEMCACHED_SUCCESS;

    assert_non_null(memc);
    assert_int_equal(memcached_behavior_get_distribution(memc), MEMCACHED_DISTRIBUTION_MODULA);
    if (hash != MEMCACHED_HASH_DEFAULT) {
        assert_int_equal(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH, hash),
                         MEMCACHED_SUCCESS);
    }
    for (size_t i = 0; i < n; i++) {
        char host[32];

        (void)snprintf(host, sizeof(host), "cache-%zu", i * 7 % n);
        list = memcached_server_list_append_with_weight(list, host, (in_port_t)(FIRST_PORT + i),
                                                        1 + (uint32_t)i % 3, &result);
        assert_int_equal(result, MEMCACHED_SUCCESS);
    }
    assert_int_equal(memcached_server_push(memc, list), MEMCACHED_SUCCESS);
    memcached_server_list_free(list);
    return memc;
}

/* Half of the keys are readable, half are any bytes; one in sixteen is long. */
static size_t make_key(unsigned char *key)
{
    uint64_t bits = next_random();
    size_t len = 1 + (size_t)(bits >> 8) % (bits % 16 == 0 ? MAX_KEY_BYTES : 40);

    for (size_t i = 0; i < len; i++) {
        uint64_t byte = next_random();

        key[i] = (unsigned char)(bits & 16 ? byte : '!' + byte % 94);
    }
    return len;
}

static void compare(size_t n, enum hashring_hash_kind hash, memcached_hash_t their_hash)
{
    struct hashring *ours = our_ring(n, hash);
    memcached_st *theirs = their_client(n, their_hash);

    for (size_t k = 0; k < KEYS_PER_CLUSTER; k++) {
        unsigned char key[MAX_KEY_BYTES];
        size_t len = make_key(key);
        uint32_t home = hashring_home(ours, hashring_hash(ours, key, len));

        assert_int_equal(home, memcached_generate_hash(theirs, (const char *)key, len));
        n_keys_compared++;
    }
    memcached_free(theirs);
    hashring_destroy(&ours);
}

static void test_default_hash(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MAX_SERVERS; n++) {
        compare(n, HASHRING_ONE_AT_A_TIME, MEMCACHED_HASH_DEFAULT);
    }
    print_message("%llu keys compared with libmemcached, 0 mismatches\n",
                  (unsigned long long)n_keys_compared);
    assert_true(n_keys_compared >= 1000000);
}

static void test_other_hashes(void **state)
{
    static const struct {
        enum hashring_hash_kind ours;
        memcached_hash_t theirs;
    } pairs[] = {
        {HASHRING_MD5, MEMCACHED_HASH_MD5},         {HASHRING_CRC32, MEMCACHED_HASH_CRC},
        {HASHRING_FNV1_64, MEMCACHED_HASH_FNV1_64}, {HASHRING_FNV1A_64, MEMCACHED_HASH_FNV1A_64},
        {HASHRING_FNV1_32, MEMCACHED_HASH_FNV1_32}, {HASHRING_FNV1A_32, MEMCACHED_HASH_FNV1A_32},
        {HASHRING_MURMUR, MEMCACHED_HASH_MURMUR},   {HASHRING_JENKINS, MEMCACHED_HASH_JENKINS},
    };

    (void)state;
    for (size_t p = 0; p < sizeof(pairs) / sizeof(pairs[0]); p++) {
        compare(5 + 11 * p, pairs[p].ours, pairs[p].theirs);
    }
}

/* A wide hash is taken whole, and what follows is what stands behind. */
static void test_order_of_names(void **state)
{
    static const struct hashring_shard unsorted[] = {{"c", 2}, {"a", 2}, {"b", 2}};
    static const uint32_t by_name[] = {1, 2, 0};
    struct hashring_options options;
    struct hashring *ring;

    (void)state;
    hashring_options_init(&options);
    options.algorithm = HASHRING_MODULO;
    assert_int_equal(hashring_create(&ring, unsorted, 3, &options), 0);
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t hash = next_random();
        uint32_t picked[3];

        assert_int_equal(hashring_pick(ring, hash, picked, 3), 3);
        for (uint64_t p = 0; p < 3; p++) {
            assert_int_equal(picked[p], by_name[(hash % 3 + p) % 3]);
        }
    }
    hashring_destroy(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_hash),
        cmocka_unit_test(test_other_hashes),
        cmocka_unit_test(test_order_of_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
