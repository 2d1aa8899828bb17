/*
 * Every key hash function against published vectors, and libhashkit's dialects against the
 * installed libmemcached on random bytes.
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

#define FOX "The quick brown fox jumps over the lazy dog"

struct vector {
    enum hashring_hash_kind kind;
    const char *key;
    uint64_t hash;
};

static const struct vector vectors[] = {
    {HASHRING_XXH3, "", UINT64_C(0x2d06800538d394c2)},
    {HASHRING_XXH3, "a", UINT64_C(0xe6c632b61e964e1f)},
    {HASHRING_XXH3, "abc", UINT64_C(0x78af5f94892f3950)},
    /* the same as Envoy's own tests have */
    {HASHRING_XXH64, "", UINT64_C(17241709254077376921)},
    {HASHRING_XXH64, "foo", UINT64_C(3728699739546630719)},
    {HASHRING_XXH64, "bar", UINT64_C(5234164152756840025)},
    {HASHRING_XXH64, "foo\nbar", UINT64_C(8917841378505826757)},
    {HASHRING_XXH64, "lyft", UINT64_C(4400747396090729504)},
    {HASHRING_XXH64, "abc", UINT64_C(0x44bc2cf5ad770999)},
    /* RFC 1321, the first four bytes read little-endian */
    {HASHRING_MD5, "", 0xd98c1dd4},
    {HASHRING_MD5, "a", 0xb975c10c},
    {HASHRING_MD5, "abc", 0x98500190},
    {HASHRING_MD5, "message digest", 0x7d696bf9},
    {HASHRING_MD5, FOX, 0x9d7d109e},
    /* draft-eastlake-fnv */
    {HASHRING_FNV1A_64, "", UINT64_C(0xcbf29ce484222325)},
    {HASHRING_FNV1A_64, "a", UINT64_C(0xaf63dc4c8601ec8c)},
    {HASHRING_FNV1A_64, "foobar", UINT64_C(0x85944171f73967e8)},
    {HASHRING_FNV1_64, "", UINT64_C(0xcbf29ce484222325)},
    {HASHRING_FNV1_64, "a", UINT64_C(0xaf63bd4c8601b7be)},
    {HASHRING_FNV1_64, "foobar", UINT64_C(0x340d8765a4dda9c2)},
    {HASHRING_FNV1A_32, "", 0x811c9dc5},
    {HASHRING_FNV1A_32, "a", 0xe40c292c},
    {HASHRING_FNV1A_32, "foobar", 0xbf9cf968},
    {HASHRING_FNV1_32, "", 0x811c9dc5},
    {HASHRING_FNV1_32, "a", 0x050c5d7e},
    {HASHRING_FNV1_32, "foobar", 0x31f0b262},
    /* the check values of the CRC catalogue, and the empty message */
    {HASHRING_CRC32, "123456789", 0xcbf43926},
    {HASHRING_CRC32, "", 0},
    {HASHRING_CRC32A, "123456789", 0xcbf43926},
    {HASHRING_CRC16, "", 0},
    {HASHRING_CRC16, "1", 0x2672},
    {HASHRING_ONE_AT_A_TIME, "", 0},
    {HASHRING_ONE_AT_A_TIME, "a", 0xca2e9442},
    {HASHRING_ONE_AT_A_TIME, FOX, 0x519e91f5},
    /* what libhashkit prints for these words */
    {HASHRING_MURMUR, "apple", 4142305122u},
    {HASHRING_MURMUR, "beat", 734504955u},
    {HASHRING_MURMUR, "up", 926327338u},
    {HASHRING_MURMUR, "carrot", 3802834688u},
    {HASHRING_MURMUR, "volumne", 442757446u},
    {HASHRING_MURMUR, FOX, 818385189u},
    {HASHRING_JENKINS, "apple", 1442444624u},
    {HASHRING_JENKINS, "zip", 2629893356u},
    {HASHRING_JENKINS, FOX, 314054204u},
    {HASHRING_HSIEH, "", 0},
    {HASHRING_HSIEH, "apple", 3738850110u},
    {HASHRING_HSIEH, "beat", 3636226060u},
    {HASHRING_HSIEH, "carrot", 3821074029u},
    {HASHRING_HSIEH, "volumne", 2057831732u},
    {HASHRING_HSIEH, FOX, 471461527u},
    {HASHRING_HASHKIT_ONE_AT_A_TIME, "apple", 2297466611u},
    {HASHRING_HASHKIT_CRC32, "apple", 10542},
    {HASHRING_HASHKIT_FNV1_64, "apple", 473199127u},
    {HASHRING_HASHKIT_FNV1A_64, "apple", 1488911807u},
    {HASHRING_HASHKIT_FNV1_32, "apple", 67176023u},
    {HASHRING_HASHKIT_FNV1A_32, "apple", 280767167u},
};

static struct hashring *ring_with(enum hashring_preset preset, enum hashring_hash_kind kind)
{
    static const struct hashring_shard shards[] = {{"a", 1}, {"b", 1}};
    struct hashring_options options;
    struct hashring *ring;

    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, preset), 0);
    options.hash = kind;
    assert_int_equal(hashring_create(&ring, shards, 2, &options), 0);
    return ring;
}

static uint64_t hash_of(enum hashring_hash_kind kind, const void *key, size_t len)
{
    struct hashring *ring = ring_with(HASHRING_PRESET_NONE, kind);
    uint64_t hash = hashring_hash(ring, key, len);

    hashring_destroy(&ring);
    return hash;
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *vector = &vectors[i];
        uint64_t hash = hash_of(vector->kind, vector->key, strlen(vector->key));

        if (hash != vector->hash) {
            print_error("%s of \"%s\"\n", hashring_hash_kind_name(vector->kind), vector->key);
        }
        assert_int_equal(hash, vector->hash);
    }
}

static void test_every_function_has_a_vector(void **state)
{
    (void)state;
    for (unsigned kind = 0; hashring_hash_kind_name(kind) != NULL; kind++) {
        bool found = false;

        for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
            found = found || vectors[i].kind == kind;
        }
        assert_true(found);
    }
}

/* The length field and the padding move into a second block at 56 bytes, the data at 64. */
static void test_md5_around_block_boundaries(void **state)
{
    static const struct {
        size_t len;
        uint32_t hash;
    } cases[] = {
        {55, 0xb67217ef}, {56, 0xc78a0c3b},  {63, 0xf32165b0},  {64, 0xd4424801},
        {65, 0x5ea443c7}, {119, 0x73d07b8a}, {120, 0xccc0615f}, {200, 0xb4307f88},
    };
    char text[200];

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(hash_of(HASHRING_MD5, text, cases[i].len), cases[i].hash);
    }
}

static void test_null_key_of_no_length(void **state)
{
    (void)state;
    for (unsigned kind = 0; hashring_hash_kind_name(kind) != NULL; kind++) {
        assert_int_equal(hash_of(kind, NULL, 0), hash_of(kind, "", 0));
    }
}

/* The low half is CRC-16/XMODEM, whose check value this is; the upper half is twemproxy's own. */
static void test_crc16_low_half(void **state)
{
    (void)state;
    assert_int_equal(hash_of(HASHRING_CRC16, "123456789", 9) & 0xffff, 0x31c3);
}

/* A high byte is negative in the dialects and nowhere else. */
static void test_sign_extension(void **state)
{
    (void)state;
    assert_int_not_equal(hash_of(HASHRING_FNV1A_32, "\xff", 1),
                         hash_of(HASHRING_HASHKIT_FNV1A_32, "\xff", 1));
    assert_int_not_equal(hash_of(HASHRING_FNV1_32, "\xff", 1),
                         hash_of(HASHRING_HASHKIT_FNV1_32, "\xff", 1));
    assert_int_not_equal(hash_of(HASHRING_ONE_AT_A_TIME, "\xff", 1),
                         hash_of(HASHRING_HASHKIT_ONE_AT_A_TIME, "\xff", 1));
    assert_int_equal(hash_of(HASHRING_FNV1_32, "\x7f", 1),
                     hash_of(HASHRING_HASHKIT_FNV1_32, "\x7f", 1));
}

static void test_hash_bits(void **state)
{
    struct hashring *ring = ring_with(HASHRING_PRESET_NONE, HASHRING_XXH3);

    (void)state;
    assert_int_equal(hashring_hash_bits(ring), 64);
    hashring_destroy(&ring);
    ring = ring_with(HASHRING_PRESET_TWEMPROXY, HASHRING_FNV1A_64);
    assert_int_equal(hashring_hash_bits(ring), 32);
    assert_int_equal(hashring_hash(ring, "apple", 5), 1488911807u);
    hashring_destroy(&ring);
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void test_dialects_against_libmemcached(void **state)
{
    static const struct {
        enum hashring_hash_kind ours;
        memcached_hash_t theirs;
    } pairs[] = {
        {HASHRING_ONE_AT_A_TIME, MEMCACHED_HASH_DEFAULT},
        {HASHRING_MD5, MEMCACHED_HASH_MD5},
        {HASHRING_CRC32, MEMCACHED_HASH_CRC},
        {HASHRING_FNV1_64, MEMCACHED_HASH_FNV1_64},
        {HASHRING_FNV1A_64, MEMCACHED_HASH_FNV1A_64},
        {HASHRING_FNV1_32, MEMCACHED_HASH_FNV1_32},
        {HASHRING_FNV1A_32, MEMCACHED_HASH_FNV1A_32},
        {HASHRING_MURMUR, MEMCACHED_HASH_MURMUR},
        {HASHRING_JENKINS, MEMCACHED_HASH_JENKINS},
    };
    const size_t n_keys = 20000;
    uint64_t seed = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct hashring *ring = ring_with(HASHRING_PRESET_TWEMPROXY, pairs[i].ours);

        for (size_t k = 0; k < n_keys; k++) {
            unsigned char key[80];
            size_t len = 1 + next_random(&seed) % sizeof(key);

            for (size_t j = 0; j < len; j++) {
                key[j] = (unsigned char)next_random(&seed);
            }
            assert_int_equal(
                hashring_hash(ring, key, len),
                memcached_generate_hash_value((const char *)key, len, pairs[i].theirs));
        }
        hashring_destroy(&ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_function_has_a_vector),
        cmocka_unit_test(test_md5_around_block_boundaries),
        cmocka_unit_test(test_null_key_of_no_length),
        cmocka_unit_test(test_crc16_low_half),
        cmocka_unit_test(test_sign_extension),
        cmocka_unit_test(test_hash_bits),
        cmocka_unit_test(test_dialects_against_libmemcached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
