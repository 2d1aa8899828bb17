/*
 * Golden vectors: where keys go, for every algorithm and preset. One that has to change means that
 * users' keys move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hashring/hashring.h"

#define N_SHARDS 17

struct golden {
    const char *preset;
    const char *algorithm;
    const char *hash;
    uint64_t digest;   /* of the homes of evenly spread hashes, and of the walk from some */
    const char *homes; /* of "key-0", "key-1"… */
    bool even;         /* all weights are 1 */
};

/* The shards stand in an order that is not that of their names, weights from 1 to 3 if not equal. */
static uint64_t digest_ring(const struct golden *golden, char homes[21])
{
    char names[N_SHARDS][16];
    struct hashring_shard shards[N_SHARDS];
    struct hashring_options options;
    struct hashring *ring;
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    enum hashring_preset preset;

    hashring_options_init(&options);
    assert_int_equal(hashring_preset_parse(golden->preset, &preset), 0);
    assert_int_equal(hashring_options_preset(&options, preset), 0);
    assert_int_equal(hashring_algorithm_parse(golden->algorithm, &options.algorithm), 0);
    assert_int_equal(hashring_hash_kind_parse(golden->hash, &options.hash), 0);
    for (size_t i = 0; i < N_SHARDS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "cache-%zu", i);
        shards[i] = (struct hashring_shard){names[i], golden->even ? 1 : 1 + (uint32_t)(i % 3)};
    }
    assert_int_equal(hashring_create(&ring, shards, N_SHARDS, &options), 0);
    for (uint64_t i = 0; i < 65536; i++) {
        uint64_t hash = (i << 16 | 0x5555) << (hashring_hash_bits(ring) - 32);
        uint32_t picked[3];
        size_t n = hashring_pick(ring, hash, picked, i % 16 == 0 ? 3 : 1);

        for (size_t p = 0; p < n; p++) {
            digest = (digest ^ picked[p]) * UINT64_C(0x100000001b3);
        }
    }
    for (size_t i = 0; i < 20; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "key-%zu", i);
        homes[i] = (char)('a' + hashring_home(ring, hashring_hash(ring, key, strlen(key))));
    }
    homes[20] = '\0';
    hashring_destroy(&ring);
    return digest;
}

static void test_golden(void **state)
{
    static const struct golden goldens[] = {
        {"none", "xxring", "xxh3", UINT64_C(0xe49b33e7b867823b), "gbbcmenochfniqhqpoqb", false},
        {"none", "xxring", "md5", UINT64_C(0xe49b33e7b867823b), "noeanfdinoeokihijneo", false},
        {"none", "xxring", "fnv1a_64", UINT64_C(0xe49b33e7b867823b), "eeeeeeeeeehhhhhhhhhh", false},
        {"none", "ketama", "md5", UINT64_C(0x38a553d9ec38a546), "eifkcabfooinlmfcniib", false},
        {"none", "ketama", "xxh3", UINT64_C(0x38a553d9ec38a546), "hdklddiagjbofkllknoi", false},
        {"libmemcached-weighted", "ketama", "md5", UINT64_C(0xa5e667ea4a7505a6),
         "eikkkgbfoiinlmqclnif", false},
        {"none", "crcring", "crc32", UINT64_C(0x55e90647dbd32426), "kbkfajfqciioacefqcia", false},
        {"none", "xx64ring", "xxh64", UINT64_C(0x749f5c9eb395b1c3), "aebjfqqgcffcblqgekif", false},
        {"none", "xx64ring", "xxh3", UINT64_C(0x749f5c9eb395b1c3), "aiocjoflfhfedljkmoll", false},
        {"none", "xxring", "xxh64", UINT64_C(0xe49b33e7b867823b), "mnafqoiebgkqqiqokino", false},
        {"envoy", "xx64ring", "xxh64", UINT64_C(0x02e9758a40e6abc1), "gcqgoqokebqkbhioognb", false},
        {"nginx", "crcring", "crc32", UINT64_C(0x55e90647dbd32426), "kbkfajfqciioacefqcia", false},
        {"twemproxy", "ketama", "fnv1a_64", UINT64_C(0xa5e667ea4a7505a6), "ggggggggggcccccccccc",
         false},
        {"twemproxy", "ketama", "murmur", UINT64_C(0xa5e667ea4a7505a6), "phkiqleccliqqqiiqfel",
         false},
        {"none", "slots", "xxh3", UINT64_C(0xda7a6dd0f198fd0d), "flqnglocccicidanqcql", false},
        {"none", "slots", "xxh3", UINT64_C(0x641461d0a97c779e), "flqnglocdcpcidanqcql", true},
        {"none", "slots", "md5", UINT64_C(0xda7a6dd0f198fd0d), "fkqhpifebcnbidaiiffb", false},
        {"none", "maglev", "xxh64", UINT64_C(0x768b472369de7808), "enfiepkanehpcomlheib", false},
        {"none", "maglev", "xxh64", UINT64_C(0x286f657bc3f9c7bd), "andiepkapehpcomgheid", true},
        {"none", "jump", "xxh3", UINT64_C(0xf2280d8819422e82), "bhpalpodpgpijeqcanfc", true},
        {"none", "rendezvous", "xxh3", UINT64_C(0x5962aeccd3339d62), "miihhkombokonaqcicoj", false},
        {"none", "rendezvous", "xxh3", UINT64_C(0x736d98189d5003c8), "miiapkombakqnajmicmj", true},
        {"none", "modulo", "xxh3", UINT64_C(0x5f26bc4cfc25c8d4), "mfhcgnghdjhflobhfbge", true},
        {"libmemcached", "modulo", "one_at_a_time", UINT64_C(0xf560b2fbcb797d5c),
         "kdcqonfnlapfpbmameje", true},
    };

    size_t n_different = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
        const struct golden *golden = &goldens[i];
        char homes[21];
        uint64_t digest = digest_ring(golden, homes);

        if (digest != golden->digest || strcmp(homes, golden->homes) != 0) {
            print_error("{\"%s\", \"%s\", \"%s\", UINT64_C(0x%016llx), \"%s\", %s},\n",
                        golden->preset, golden->algorithm, golden->hash, (unsigned long long)digest,
                        homes, golden->even ? "true" : "false");
            n_different++;
        }
    }
    assert_int_equal(n_different, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
