/*
 * hashring.h: names, options, what hashring_create() refuses, hash tags, ties, and sizes from 1
 * shard to the most.
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

#define NAME_BYTES 32

static const struct hashring_shard pair[] = {{"s0", 1}, {"s1", 1}};

static uint32_t home_of(const struct hashring *ring, const char *key)
{
    return hashring_home(ring, hashring_hash(ring, key, strlen(key)));
}

/* [n] shards "cache-0", "cache-1"…; free both with free_shards(). */
static struct hashring_shard *make_shards(size_t n)
{
    struct hashring_shard *shards = malloc(n * sizeof(*shards));
    char *names = malloc(n * NAME_BYTES);

    assert_non_null(shards);
    assert_non_null(names);
    for (size_t i = 0; i < n; i++) {
        char *name = names + i * NAME_BYTES;

        (void)snprintf(name, NAME_BYTES, "cache-%zu", i);
        shards[i] = (struct hashring_shard){name, 1};
    }
    return shards;
}

static void free_shards(struct hashring_shard *shards)
{
    char *names;

    memcpy(&names, &shards[0].name, sizeof(names));
    free(names);
    free(shards);
}

static void test_names(void **state)
{
    enum hashring_algorithm algorithm = HASHRING_XXRING;
    enum hashring_hash_kind kind = HASHRING_XXH3;
    enum hashring_preset preset = HASHRING_PRESET_NONE;

    (void)state;
    assert_int_equal(hashring_algorithm_parse("ketama", &algorithm), 0);
    assert_int_equal(algorithm, HASHRING_KETAMA);
    assert_int_equal(hashring_hash_kind_parse("fnv1a_64", &kind), 0);
    assert_int_equal(kind, HASHRING_FNV1A_64);
    assert_int_equal(hashring_preset_parse("libmemcached-weighted", &preset), 0);
    assert_int_equal(preset, HASHRING_PRESET_LIBMEMCACHED_WEIGHTED);

    assert_int_equal(hashring_algorithm_parse("Ketama", &algorithm), HASHRING_ERR_UNKNOWN_NAME);
    assert_int_equal(hashring_hash_kind_parse("", &kind), HASHRING_ERR_UNKNOWN_NAME);
    assert_int_equal(hashring_preset_parse("twemprox", &preset), HASHRING_ERR_UNKNOWN_NAME);
    assert_int_equal(algorithm, HASHRING_KETAMA);

    assert_string_equal(
        hashring_algorithm_names(),
        "xxring, ketama, crcring, xx64ring, slots, maglev, jump, rendezvous, modulo");
    assert_string_equal(hashring_preset_names(),
                        "none, libmemcached-weighted, twemproxy, nginx, envoy, libmemcached");
    assert_non_null(strstr(hashring_hash_kind_names(), "xxh3, md5, fnv1a_64, "));
    assert_null(hashring_algorithm_name((enum hashring_algorithm)1000));
    assert_null(hashring_hash_kind_name((enum hashring_hash_kind)1000));
    assert_null(hashring_preset_name((enum hashring_preset)1000));
}

static void test_every_name_parses_back(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; hashring_algorithm_name(i) != NULL; i++) {
        enum hashring_algorithm out;

        assert_int_equal(hashring_algorithm_parse(hashring_algorithm_name(i), &out), 0);
        assert_int_equal(out, i);
        assert_non_null(strstr(hashring_algorithm_names(), hashring_algorithm_name(i)));
    }
    assert_int_equal(i, HASHRING_MODULO + 1);
    for (i = 0; hashring_hash_kind_name(i) != NULL; i++) {
        enum hashring_hash_kind out;

        assert_int_equal(hashring_hash_kind_parse(hashring_hash_kind_name(i), &out), 0);
        assert_int_equal(out, i);
        assert_non_null(strstr(hashring_hash_kind_names(), hashring_hash_kind_name(i)));
    }
    assert_int_equal(i, HASHRING_XXH64 + 1);
    for (i = 0; hashring_preset_name(i) != NULL; i++) {
        enum hashring_preset out;

        assert_int_equal(hashring_preset_parse(hashring_preset_name(i), &out), 0);
        assert_int_equal(out, i);
        assert_non_null(strstr(hashring_preset_names(), hashring_preset_name(i)));
    }
    assert_int_equal(i, HASHRING_PRESET_LIBMEMCACHED + 1);
}

static void test_errors_have_texts(void **state)
{
    (void)state;
    for (int error = HASHRING_ERR_UNEQUAL_WEIGHTS; error < 0; error++) {
        assert_string_not_equal(hashring_strerror(error), "unknown error");
    }
    assert_string_equal(hashring_strerror(0), "success");
    assert_string_equal(hashring_strerror(HASHRING_ERR_NO_SHARDS), "no shards");
    assert_string_equal(hashring_strerror(HASHRING_ERR_UNEQUAL_WEIGHTS - 1), "unknown error");
    assert_string_equal(hashring_strerror(1), "unknown error");
}

static void test_options(void **state)
{
    struct hashring_options options;

    (void)state;
    hashring_options_init(&options);
    assert_int_equal(options.preset, HASHRING_PRESET_NONE);
    assert_int_equal(options.algorithm, HASHRING_XXRING);
    assert_int_equal(options.hash, HASHRING_XXH3);
    assert_int_equal(options.points, 0);
    assert_false(options.has_hash_tag);

    options.has_hash_tag = true;
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_TWEMPROXY), 0);
    assert_int_equal(options.preset, HASHRING_PRESET_TWEMPROXY);
    assert_int_equal(options.algorithm, HASHRING_KETAMA);
    assert_int_equal(options.hash, HASHRING_FNV1A_64);
    assert_int_equal(options.points, 160);
    assert_true(options.has_hash_tag);

    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_LIBMEMCACHED_WEIGHTED), 0);
    assert_int_equal(options.hash, HASHRING_MD5);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_NGINX), 0);
    assert_int_equal(options.algorithm, HASHRING_CRCRING);
    assert_int_equal(options.hash, HASHRING_CRC32);
    assert_int_equal(options.points, 160);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_ENVOY), 0);
    assert_int_equal(options.algorithm, HASHRING_XX64RING);
    assert_int_equal(options.hash, HASHRING_XXH64);
    assert_int_equal(options.points, 1024);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_LIBMEMCACHED), 0);
    assert_int_equal(options.algorithm, HASHRING_MODULO);
    assert_int_equal(options.hash, HASHRING_ONE_AT_A_TIME);
    assert_int_equal(options.points, 0);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_NONE), 0);
    assert_int_equal(options.algorithm, HASHRING_XXRING);
    assert_int_equal(options.points, 0);
    assert_int_equal(hashring_options_preset(&options, (enum hashring_preset)9),
                     HASHRING_ERR_INVALID);
}

static int create_error(const struct hashring_shard *shards, size_t n,
                        const struct hashring_options *options)
{
    struct hashring *ring = NULL;
    int error = hashring_create(&ring, shards, n, options);

    assert_true(error == 0 ? ring != NULL : ring == NULL);
    hashring_destroy(&ring);
    assert_null(ring);
    return error;
}

static void test_refused_shards(void **state)
{
    char long_name[HASHRING_MAX_NAME_BYTES + 2];
    struct hashring_shard shards[3] = {{"a", 1}, {"b", 1}, {"c", 1}};

    (void)state;
    assert_int_equal(hashring_create(NULL, shards, 3, NULL), HASHRING_ERR_INVALID);
    assert_int_equal(create_error(NULL, 3, NULL), HASHRING_ERR_INVALID);
    assert_int_equal(create_error(shards, 0, NULL), HASHRING_ERR_NO_SHARDS);
    assert_int_equal(create_error(NULL, 0, NULL), HASHRING_ERR_NO_SHARDS);
    assert_int_equal(create_error(shards, HASHRING_MAX_SHARDS + 1, NULL),
                     HASHRING_ERR_TOO_MANY_SHARDS);

    shards[2].name = "a";
    assert_int_equal(create_error(shards, 3, NULL), HASHRING_ERR_DUPLICATE_NAME);
    shards[2].name = "";
    assert_int_equal(create_error(shards, 3, NULL), HASHRING_ERR_BAD_NAME);
    shards[2].name = NULL;
    assert_int_equal(create_error(shards, 3, NULL), HASHRING_ERR_BAD_NAME);
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    shards[2].name = long_name;
    assert_int_equal(create_error(shards, 3, NULL), HASHRING_ERR_BAD_NAME);
    shards[2].name = long_name + 1;
    assert_int_equal(create_error(shards, 3, NULL), 0);

    shards[2].weight = 0;
    assert_int_equal(create_error(shards, 3, NULL), HASHRING_ERR_BAD_WEIGHT);
    shards[2].weight = HASHRING_MAX_WEIGHT + 1;
    assert_int_equal(create_error(shards, 3, NULL), HASHRING_ERR_BAD_WEIGHT);
    shards[2].weight = HASHRING_MAX_WEIGHT;
    assert_int_equal(create_error(shards, 3, NULL), HASHRING_ERR_TOO_MANY_POINTS);
}

static void test_refused_options(void **state)
{
    struct hashring_options options;

    (void)state;
    hashring_options_init(&options);
    options.points = HASHRING_MAX_POINTS + 1;
    assert_int_equal(create_error(pair, 2, &options), HASHRING_ERR_BAD_POINTS);
    options.points = HASHRING_MAX_POINTS;
    assert_int_equal(create_error(pair, 2, &options), 0);
    options.points = 0;
    options.algorithm = (enum hashring_algorithm)70;
    assert_int_equal(create_error(pair, 2, &options), HASHRING_ERR_INVALID);
    options.algorithm = HASHRING_XXRING;
    options.hash = (enum hashring_hash_kind)70;
    assert_int_equal(create_error(pair, 2, &options), HASHRING_ERR_INVALID);
    options.hash = HASHRING_XXH3;
    options.preset = (enum hashring_preset)70;
    assert_int_equal(create_error(pair, 2, &options), HASHRING_ERR_INVALID);

    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_TWEMPROXY), 0);
    assert_int_equal(create_error(pair, 2, &options), 0);
    options.points = 0;
    assert_int_equal(create_error(pair, 2, &options), 0);
    options.points = 161;
    assert_int_equal(create_error(pair, 2, &options), HASHRING_ERR_BAD_POINTS);
    options.points = 160;
    options.hash = HASHRING_XXH3;
    assert_int_equal(create_error(pair, 2, &options), HASHRING_ERR_BAD_HASH);
    options.hash = HASHRING_MD5;
    options.algorithm = HASHRING_XXRING;
    assert_int_equal(create_error(pair, 2, &options), HASHRING_ERR_BAD_ALGORITHM);
}

/* What has no points takes no number of them. */
static void test_refused_points(void **state)
{
    struct hashring_options options;

    (void)state;
    hashring_options_init(&options);
    for (unsigned i = 0; hashring_algorithm_name(i) != NULL; i++) {
        struct hashring *ring;
        bool has_points;

        options.algorithm = i;
        options.points = 0;
        assert_int_equal(hashring_create(&ring, pair, 2, &options), 0);
        has_points = hashring_n_points(ring) > 0;
        assert_int_equal(hashring_n_slots(ring), i == HASHRING_SLOTS    ? 65536
                                                 : i == HASHRING_MAGLEV ? 65537
                                                                        : 0);
        hashring_destroy(&ring);
        options.points = 4;
        assert_int_equal(create_error(pair, 2, &options), has_points ? 0 : HASHRING_ERR_BAD_POINTS);
    }
}

static void test_refused_sizes_of_tables(void **state)
{
    struct hashring_shard *shards = make_shards(HASHRING_MAX_TABLE_SHARDS + 1);
    struct hashring_options options;

    (void)state;
    hashring_options_init(&options);
    for (unsigned i = HASHRING_SLOTS; i <= HASHRING_MAGLEV; i++) {
        options.algorithm = i;
        assert_int_equal(create_error(shards, HASHRING_MAX_TABLE_SHARDS, &options), 0);
        assert_int_equal(create_error(shards, HASHRING_MAX_TABLE_SHARDS + 1, &options),
                         HASHRING_ERR_TOO_MANY_SHARDS);
    }
    free_shards(shards);
}

/* A preset with one hash takes that one, and its own number of points, and nothing else. */
static void check_strict_preset(enum hashring_preset preset)
{
    struct hashring_options wanted;
    struct hashring_options options;

    hashring_options_init(&wanted);
    assert_int_equal(hashring_options_preset(&wanted, preset), 0);
    for (unsigned i = 0; hashring_hash_kind_name(i) != NULL; i++) {
        options = wanted;
        options.hash = i;
        assert_int_equal(create_error(pair, 2, &options),
                         i == wanted.hash ? 0 : HASHRING_ERR_BAD_HASH);
    }
    for (unsigned i = 0; hashring_algorithm_name(i) != NULL; i++) {
        options = wanted;
        options.algorithm = i;
        assert_int_equal(create_error(pair, 2, &options),
                         i == wanted.algorithm ? 0 : HASHRING_ERR_BAD_ALGORITHM);
    }
    options = wanted;
    options.points = 0;
    assert_int_equal(create_error(pair, 2, &options), 0);
    options.points = wanted.points + 1;
    assert_int_equal(create_error(pair, 2, &options), HASHRING_ERR_BAD_POINTS);
}

static void test_presets_with_one_hash(void **state)
{
    (void)state;
    check_strict_preset(HASHRING_PRESET_NGINX);
    check_strict_preset(HASHRING_PRESET_ENVOY);
}

static void test_destroy_nothing(void **state)
{
    struct hashring *ring = NULL;

    (void)state;
    hashring_destroy(&ring);
    assert_null(ring);
}

static void test_one_shard(void **state)
{
    struct hashring_options options;

    (void)state;
    hashring_options_init(&options);
    for (unsigned preset = 0; hashring_preset_name(preset) != NULL; preset++) {
        struct hashring *ring;
        uint32_t picked[4] = {9, 9, 9, 9};

        assert_int_equal(hashring_options_preset(&options, preset), 0);
        assert_int_equal(hashring_create(&ring, pair, 1, &options), 0);
        assert_int_equal(hashring_n_shards(ring), 1);
        assert_int_equal(home_of(ring, "any"), 0);
        assert_int_equal(hashring_home(ring, 0), 0);
        assert_int_equal(hashring_home(ring, UINT64_MAX), 0);
        assert_int_not_equal(hashring_hash(ring, "any", 3), hashring_hash(ring, "other", 5));
        assert_int_equal(hashring_pick(ring, 5, picked, 4), 1);
        assert_int_equal(picked[0], 0);
        assert_int_equal(picked[1], 9);
        assert_int_equal(hashring_pick(ring, 5, picked, 0), 0);
        assert_true(hashring_share(ring, 0) >= 1.0 && hashring_share(ring, 0) <= 1.0);
        hashring_destroy(&ring);
    }
}

static void test_two_shards_and_one_point_each(void **state)
{
    struct hashring_options options;
    struct hashring *ring;
    uint32_t picked[2];

    (void)state;
    hashring_options_init(&options);
    options.points = 1;
    assert_int_equal(hashring_create(&ring, pair, 2, &options), 0);
    assert_int_equal(hashring_n_points(ring), 2);
    for (uint64_t hash = 0; hash < 1000; hash++) {
        assert_int_equal(hashring_pick(ring, hash << 54, picked, 2), 2);
        assert_int_equal(picked[0] + picked[1], 1);
    }
    hashring_destroy(&ring);
}

static void test_points(void **state)
{
    static const struct hashring_shard weighted[] = {{"a", 1}, {"b", 3}};
    struct hashring_options options;
    struct hashring *ring;

    (void)state;
    assert_int_equal(hashring_create(&ring, weighted, 2, NULL), 0);
    assert_int_equal(hashring_n_points(ring), 4 * 512);
    hashring_destroy(&ring);

    hashring_options_init(&options);
    options.algorithm = HASHRING_KETAMA;
    assert_int_equal(hashring_create(&ring, weighted, 2, &options), 0);
    assert_int_equal(hashring_n_points(ring), 4 * 160);
    hashring_destroy(&ring);

    options.points = 5; /* whole digests: 8 and 16 */
    assert_int_equal(hashring_create(&ring, weighted, 2, &options), 0);
    assert_int_equal(hashring_n_points(ring), 24);
    hashring_destroy(&ring);
}

static void test_as_many_shards_as_allowed(void **state)
{
    struct hashring_shard *shards = make_shards(HASHRING_MAX_SHARDS);
    uint32_t *picked = malloc(HASHRING_MAX_SHARDS * sizeof(*picked));
    struct hashring_options options;
    struct hashring *ring;
    double sum = 0.0;

    (void)state;
    assert_non_null(picked);
    hashring_options_init(&options);
    options.points = 257;
    assert_int_equal(create_error(shards, HASHRING_MAX_SHARDS, &options),
                     HASHRING_ERR_TOO_MANY_POINTS);
    options.points = 8;
    assert_int_equal(hashring_create(&ring, shards, HASHRING_MAX_SHARDS, &options), 0);
    assert_int_equal(hashring_n_points(ring), HASHRING_MAX_SHARDS * 8);
    assert_true(hashring_memory_bytes(ring) > HASHRING_MAX_SHARDS * 8 * 16);
    for (uint32_t i = 0; i < HASHRING_MAX_SHARDS; i++) {
        sum += hashring_share(ring, i);
    }
    assert_true(sum >= 1.0 && sum <= 1.0);
    assert_int_equal(hashring_pick(ring, 1, picked, HASHRING_MAX_SHARDS), HASHRING_MAX_SHARDS);
    assert_int_equal(picked[0], hashring_home(ring, 1));
    hashring_destroy(&ring);
    free(picked);
    free_shards(shards);
}

/* "node1" with 11 and "node11" with 1 are different points. */
static void test_names_and_numbers_stay_apart(void **state)
{
    static const struct hashring_shard shards[] = {{"node1", 1}, {"node11", 1}, {"node111", 1}};
    struct hashring *ring;

    (void)state;
    assert_int_equal(hashring_create(&ring, shards, 3, NULL), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(hashring_share(ring, i) > 0.28 && hashring_share(ring, i) < 0.39);
    }
    hashring_destroy(&ring);
}

static void check_part(const char *tag, const char *key, const char *expected)
{
    struct hashring_options options;
    struct hashring *tagged;
    struct hashring *plain;
    size_t len;
    const char *part;

    hashring_options_init(&options);
    assert_int_equal(hashring_create(&plain, pair, 2, &options), 0);
    options.has_hash_tag = true;
    memcpy(options.hash_tag, tag, 2);
    assert_int_equal(hashring_create(&tagged, pair, 2, &options), 0);

    part = hashring_key_part(tagged, key, strlen(key), &len);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(part, expected, len);
    assert_int_equal(hashring_hash(tagged, key, strlen(key)),
                     hashring_hash(plain, expected, strlen(expected)));
    assert_ptr_equal(hashring_key_part(plain, key, strlen(key), &len), key);
    assert_int_equal(len, strlen(key));
    hashring_destroy(&tagged);
    hashring_destroy(&plain);
}

static void test_hash_tag(void **state)
{
    (void)state;
    check_part("{}", "user:{42}:name", "42");
    check_part("{}", "{42}", "42");
    check_part("{}", "user:42", "user:42");
    check_part("{}", "{}key", "{}key");
    check_part("{}", "{}{42}", "{}{42}");
    check_part("{}", "user:{42", "user:{42");
    check_part("{}", "user:42}", "user:42}");
    check_part("{}", "}user:{42", "}user:{42");
    check_part("{}", "}{42}", "42");
    check_part("{}", "{a}{b}", "a");
    check_part("{}", "{{a}}", "{a");
    check_part("{}", "{", "{");
    check_part("{}", "", "");
    check_part("$$", "a$b$c", "b");
    check_part("$$", "$$c", "$$c");
    check_part("$$", "$", "$");
    check_part("$$", "a$b", "a$b");
    check_part("::", "user:42:name", "42");
}

static void test_hash_tag_of_nul_bytes(void **state)
{
    static const char key[] = {'a', '\0', 'b', '\0', 'c'};
    struct hashring_options options;
    struct hashring *ring;
    size_t len;

    (void)state;
    hashring_options_init(&options);
    options.has_hash_tag = true;
    assert_int_equal(hashring_create(&ring, pair, 2, &options), 0);
    assert_ptr_equal(hashring_key_part(ring, key, sizeof(key), &len), key + 2);
    assert_int_equal(len, 1);
    assert_null(hashring_key_part(ring, NULL, 0, &len));
    assert_int_equal(len, 0);
    hashring_destroy(&ring);
}

/* ":11211" is not part of the name in the presets that know memcached; elsewhere it is. */
static void test_default_port_in_presets(void **state)
{
    static const struct hashring_shard with[] = {{"a:11211", 1}, {"b:11212", 1}, {":11211", 1}};
    static const struct hashring_shard without[] = {{"a", 1}, {"b:11212", 1}, {":11211", 1}};

    (void)state;
    for (unsigned preset = 0; hashring_preset_name(preset) != NULL; preset++) {
        struct hashring_options options;
        struct hashring *rings[2];
        size_t n_different = 0;
        bool drops = preset == HASHRING_PRESET_LIBMEMCACHED_WEIGHTED ||
                     preset == HASHRING_PRESET_TWEMPROXY ||
                     preset == HASHRING_PRESET_LIBMEMCACHED; /* where names do not count */

        hashring_options_init(&options);
        assert_int_equal(hashring_options_preset(&options, preset), 0);
        assert_int_equal(hashring_create(&rings[0], with, 3, &options), 0);
        assert_int_equal(hashring_create(&rings[1], without, 3, &options), 0);
        for (uint64_t i = 0; i < 10000; i++) {
            uint64_t hash = i * 429496u << (hashring_hash_bits(rings[0]) - 32);

            n_different += hashring_home(rings[0], hash) != hashring_home(rings[1], hash);
        }
        assert_true(drops ? n_different == 0 : n_different > 1000);
        hashring_destroy(&rings[0]);
        hashring_destroy(&rings[1]);
    }
}

/* The owner of the point that "tie36" and "tie1312" share, with the shards in this order. */
static const char *tie_winner(enum hashring_preset preset, const char *first, const char *second)
{
    const struct hashring_shard shards[] = {{first, 1}, {second, 1}};
    struct hashring_options options;
    struct hashring *ring;
    uint32_t home;

    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, preset), 0);
    options.algorithm = HASHRING_KETAMA;
    options.hash = HASHRING_MD5;
    assert_int_equal(hashring_create(&ring, shards, 2, &options), 0);
    home = hashring_home(ring, 0x60b07320);
    hashring_destroy(&ring);
    return shards[home].name;
}

static void test_ties(void **state)
{
    static const char shorter[] = "tie36";
    static const char longer[] = "tie1312";

    (void)state;
    assert_ptr_equal(tie_winner(HASHRING_PRESET_NONE, shorter, longer), longer);
    assert_ptr_equal(tie_winner(HASHRING_PRESET_NONE, longer, shorter), longer);
    assert_ptr_equal(tie_winner(HASHRING_PRESET_TWEMPROXY, shorter, longer), shorter);
    assert_ptr_equal(tie_winner(HASHRING_PRESET_TWEMPROXY, longer, shorter), shorter);
    assert_ptr_equal(tie_winner(HASHRING_PRESET_LIBMEMCACHED_WEIGHTED, shorter, longer), shorter);
    assert_ptr_equal(tie_winner(HASHRING_PRESET_LIBMEMCACHED_WEIGHTED, longer, shorter), longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_every_name_parses_back),
        cmocka_unit_test(test_errors_have_texts),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refused_shards),
        cmocka_unit_test(test_refused_options),
        cmocka_unit_test(test_refused_points),
        cmocka_unit_test(test_refused_sizes_of_tables),
        cmocka_unit_test(test_presets_with_one_hash),
        cmocka_unit_test(test_destroy_nothing),
        cmocka_unit_test(test_one_shard),
        cmocka_unit_test(test_two_shards_and_one_point_each),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_as_many_shards_as_allowed),
        cmocka_unit_test(test_names_and_numbers_stay_apart),
        cmocka_unit_test(test_hash_tag),
        cmocka_unit_test(test_hash_tag_of_nul_bytes),
        cmocka_unit_test(test_default_port_in_presets),
        cmocka_unit_test(test_ties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
