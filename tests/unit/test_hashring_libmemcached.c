/*
 * The preset libmemcached-weighted against the installed libmemcached, key by key: 1 to 100 servers
 * (beyond, libmemcached 1.1 aborts by an assertion), the default port, other ports, random weights,
 * Unix sockets, other hash functions, keys of any bytes.
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
#define KEYS_PER_CLUSTER 10500
#define DEFAULT_PORT     11211

/* A list of servers in both worlds. */
struct cluster {
    size_t n;
    bool sockets;
    enum hashring_hash_kind hash;
    memcached_hash_t their_hash;
    char hosts[MAX_SERVERS][64];
    in_port_t ports[MAX_SERVERS];
    char names[MAX_SERVERS][96];
    struct hashring_shard shards[MAX_SERVERS];
};

static struct cluster cluster;
static uint64_t seed;
static uint64_t n_keys_compared;

static uint64_t next_random(void)
{
    uint64_t x = seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void start_cluster(size_t n)
{
    cluster.n = n;
    cluster.sockets = false;
    cluster.hash = HASHRING_MD5;
    cluster.their_hash = MEMCACHED_HASH_MD5;
}

static void set_server(size_t i, in_port_t port, uint32_t weight)
{
    bool is_address = next_random() % 2 == 0;
    char host[sizeof(cluster.hosts[i])];

    (void)snprintf(host, sizeof(host), "%s%zu.%u%s", is_address ? "10.0." : "cache-", i,
                   (unsigned)(next_random() % 256), is_address ? "" : ".example.net");
    memcpy(cluster.hosts[i], host, sizeof(host));
    (void)snprintf(cluster.names[i], sizeof(cluster.names[i]), "%s:%u", host, (unsigned)port);
    cluster.ports[i] = port;
    cluster.shards[i] = (struct hashring_shard){cluster.names[i], weight};
}

static struct hashring *our_ring(void)
{
    struct hashring_options options;
    struct hashring *ring;

    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_LIBMEMCACHED_WEIGHTED), 0);
    options.hash = cluster.hash;
    assert_int_equal(hashring_create(&ring, cluster.shards, cluster.n, &options), 0);
    return ring;
}

static void push_servers(memcached_st *memc)
{
    memcached_server_list_st list = NULL;
    memcached_return_t result = MEMCACHED_SUCCESS;

    for (size_t i = 0; i < cluster.n; i++) {
        list = memcached_server_list_append_with_weight(list, cluster.hosts[i], cluster.ports[i],
                                                        cluster.shards[i].weight, &result);
        assert_int_equal(result, MEMCACHED_SUCCESS);
    }
    assert_int_equal(memcached_server_push(memc, list), MEMCACHED_SUCCESS);
    memcached_server_list_free(list);
}

static memcached_st *their_ring(void)
{
    memcached_st *memc = memcached_create(NULL);

    assert_non_null(memc);
    assert_int_equal(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1),
                     MEMCACHED_SUCCESS);
    if (cluster.their_hash != MEMCACHED_HASH_MD5) {
        assert_int_equal(memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_HASH, cluster.their_hash),
                         MEMCACHED_SUCCESS);
    }
    if (!cluster.sockets) {
        push_servers(memc);
        return memc;
    }
    for (size_t i = 0; i < cluster.n; i++) {
        assert_int_equal(memcached_server_add_unix_socket_with_weight(memc, cluster.names[i],
                                                                      cluster.shards[i].weight),
                         MEMCACHED_SUCCESS);
    }
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

static void compare(size_t n_keys)
{
    struct hashring *ours = our_ring();
    memcached_st *theirs = their_ring();

    for (size_t k = 0; k < n_keys; k++) {
        unsigned char key[MAX_KEY_BYTES];
        size_t len = make_key(key);
        uint32_t home = hashring_home(ours, hashring_hash(ours, key, len));

        assert_int_equal(home, memcached_generate_hash(theirs, (const char *)key, len));
    }
    n_keys_compared += n_keys;
    memcached_free(theirs);
    hashring_destroy(&ours);
}

static void test_default_port(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MAX_SERVERS; n++) {
        start_cluster(n);
        for (size_t i = 0; i < n; i++) {
            set_server(i, DEFAULT_PORT, 1);
        }
        compare(KEYS_PER_CLUSTER);
    }
}

static void test_mixed_ports(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MAX_SERVERS; n++) {
        start_cluster(n);
        for (size_t i = 0; i < n; i++) {
            bool is_default = next_random() % 2 == 0;

            set_server(i, is_default ? DEFAULT_PORT : (in_port_t)(1 + next_random() % 65535), 1);
        }
        compare(KEYS_PER_CLUSTER);
    }
}

static void test_random_weights(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MAX_SERVERS; n++) {
        uint32_t heaviest = n % 3 == 0 ? 3 : n % 3 == 1 ? 100 : HASHRING_MAX_WEIGHT;

        start_cluster(n);
        for (size_t i = 0; i < n; i++) {
            set_server(i, (in_port_t)(11200 + next_random() % 20),
                       1 + (uint32_t)(next_random() % heaviest));
        }
        compare(KEYS_PER_CLUSTER);
    }
}

static void test_other_hashes(void **state)
{
    static const struct {
        enum hashring_hash_kind ours;
        memcached_hash_t theirs;
    } pairs[] = {
        {HASHRING_ONE_AT_A_TIME, MEMCACHED_HASH_DEFAULT},
        {HASHRING_CRC32, MEMCACHED_HASH_CRC},
        {HASHRING_FNV1_64, MEMCACHED_HASH_FNV1_64},
        {HASHRING_FNV1A_64, MEMCACHED_HASH_FNV1A_64},
        {HASHRING_FNV1_32, MEMCACHED_HASH_FNV1_32},
        {HASHRING_FNV1A_32, MEMCACHED_HASH_FNV1A_32},
        {HASHRING_MURMUR, MEMCACHED_HASH_MURMUR},
        {HASHRING_JENKINS, MEMCACHED_HASH_JENKINS},
    };

    (void)state;
    for (size_t p = 0; p < sizeof(pairs) / sizeof(pairs[0]); p++) {
        start_cluster(5 + p);
        cluster.hash = pairs[p].ours;
        cluster.their_hash = pairs[p].theirs;
        for (size_t i = 0; i < cluster.n; i++) {
            set_server(i, (in_port_t)(11209 + i), 1 + (uint32_t)(next_random() % 5));
        }
        compare(KEYS_PER_CLUSTER);
    }
}

static void test_unix_sockets(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 9; n++) {
        start_cluster(n);
        cluster.sockets = true;
        for (size_t i = 0; i < n; i++) {
            set_server(i, 0, 1 + (uint32_t)(next_random() % 3));
            (void)snprintf(cluster.names[i], sizeof(cluster.names[i]), "/run/cache/%zu.sock", i);
        }
        compare(KEYS_PER_CLUSTER);
    }
}

/*
 * At equal weights a server has 160 points, but 156 where the float formula falls short of a whole
 * number: eight sizes up to 100, which are compared above, and 107 next.
 */
static void test_sizes_with_156_points(void **state)
{
    static const size_t sizes[] = {25, 47, 50, 55, 61, 71, 94, 100, 107};
    static char names[107][16];
    static struct hashring_shard shards[107];
    struct hashring_options options;
    size_t n_found = 0;

    (void)state;
    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_LIBMEMCACHED_WEIGHTED), 0);
    for (size_t n = 1; n <= 107; n++) {
        struct hashring *ring;

        (void)snprintf(names[n - 1], sizeof(names[n - 1]), "10.0.0.%zu", n);
        shards[n - 1] = (struct hashring_shard){names[n - 1], 1};
        assert_int_equal(hashring_create(&ring, shards, n, &options), 0);
        if (hashring_n_points(ring) != n * 160) {
            assert_int_equal(hashring_n_points(ring), n * 156);
            assert_true(n_found < sizeof(sizes) / sizeof(sizes[0]));
            assert_int_equal(n, sizes[n_found++]);
        }
        hashring_destroy(&ring);
    }
    assert_int_equal(n_found, sizeof(sizes) / sizeof(sizes[0]));
}

/* The smallest server gets no point at all in libmemcached: it is never picked, here neither. */
static void test_weight_too_small_for_a_point(void **state)
{
    struct hashring *ring;
    uint32_t picked[3];

    (void)state;
    start_cluster(3);
    set_server(0, DEFAULT_PORT, 500000);
    set_server(1, DEFAULT_PORT, 1);
    set_server(2, DEFAULT_PORT, 500000);
    compare(KEYS_PER_CLUSTER);
    ring = our_ring();
    assert_true(hashring_share(ring, 1) <= 0.0);
    assert_int_equal(hashring_pick(ring, 12345, picked, 3), 2);
    assert_int_not_equal(picked[0], 1);
    assert_int_not_equal(picked[1], 1);
    hashring_destroy(&ring);
}

/* From libmemcached's own tests: key, home, and the value of the point that the key falls to. */
static void test_published_placements(void **state)
{
    static const struct hashring_shard shards[] = {
        {"10.0.1.1:11211", 600}, {"10.0.1.2:11211", 300},  {"10.0.1.3:11211", 200},
        {"10.0.1.4:11211", 350}, {"10.0.1.5:11211", 1000}, {"10.0.1.6:11211", 800},
        {"10.0.1.7:11211", 950}, {"10.0.1.8:11211", 100},
    };
    static const struct {
        const char *key;
        uint32_t hash;
        uint32_t point;
        uint32_t home;
    } cases[] = {
        {"SVa_]_V41)", 443691461u, 445379617u, 6},   {"*/Z;?V(.\\8", 1422915503u, 1428303028u, 0},
        {"30C1*Z*S/_", 1473165754u, 1480075959u, 1}, {"1I=cTMNTKF", 2882686667u, 2885206587u, 4},
        {"P1[Ma3=K1/", 1989324036u, 1994028240u, 7}, {"D[HE+cFXDK", 2117036136u, 2117124014u, 2},
        {"EM75N0+[X1", 1558531507u, 1559308507u, 3}, {"6,cEI`F_P>", 3972869246u, 3974773167u, 5},
    };
    struct hashring_options options;
    struct hashring *ring;

    (void)state;
    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_LIBMEMCACHED_WEIGHTED), 0);
    assert_int_equal(hashring_create(&ring, shards, 8, &options), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t hash = hashring_hash(ring, cases[i].key, strlen(cases[i].key));

        assert_int_equal(hash, cases[i].hash);
        assert_int_equal(hashring_home(ring, hash), cases[i].home);
        assert_int_equal(hashring_home(ring, cases[i].point), cases[i].home);
    }
    assert_int_equal(hashring_hash(ring, "VDEAAAAA", 8), 0xfffcd1b5);
    assert_int_equal(hashring_home(ring, 0xfffcd1b5), hashring_home(ring, 0));
    hashring_destroy(&ring);
}

static int print_count(void **state)
{
    (void)state;
    print_message("%llu keys compared with libmemcached, 0 mismatches\n",
                  (unsigned long long)n_keys_compared);
    assert_true(n_keys_compared >= 3000000);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_port),
        cmocka_unit_test(test_mixed_ports),
        cmocka_unit_test(test_random_weights),
        cmocka_unit_test(test_other_hashes),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_sizes_with_156_points),
        cmocka_unit_test(test_weight_too_small_for_a_point),
        cmocka_unit_test(test_published_placements),
    };

    return cmocka_run_group_tests(tests, NULL, print_count);
}
