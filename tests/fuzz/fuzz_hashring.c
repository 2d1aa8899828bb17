/*
 * Any options, any shards, any key: a ring is refused with an error or keeps its promises.
 *
 * Input: preset, algorithm, hash, points, has tag, two bytes of tag; then shards as a byte of
 * weight and a name up to a zero byte; an empty name ends them, and the rest is the key.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hashring/hashring.h"

#define OPTION_BYTES 7u
#define MAX_SHARDS   64u

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_options(struct hashring_options *options, const uint8_t *data)
{
    hashring_options_init(options);
    (void)hashring_options_preset(options, data[0] % 7);
    if (data[1] < 0xf0) { /* mostly what the preset says */
        options->algorithm = data[1] < 0x10 ? data[1] : options->algorithm;
        options->hash = data[2] < 0x20 ? data[2] : options->hash;
        options->points = data[3] < 0x40 ? data[3] : options->points;
    }
    options->has_hash_tag = data[4] % 2 == 1;
    memcpy(options->hash_tag, data + 5, 2);
}

/* [text] ends in a zero byte. Returns the number of shards and moves [text] behind them. */
static size_t read_shards(struct hashring_shard *shards, const char **text, const char *end)
{
    size_t n = 0;

    while (n < MAX_SHARDS && *text < end) {
        uint32_t weight = (unsigned char)**text % 32u;
        const char *name = *text + 1;

        *text = name + strlen(name) + 1;
        if (*text > end || name[0] == '\0') {
            break;
        }
        shards[n++] = (struct hashring_shard){name, weight};
    }
    *text = *text < end ? *text : end;
    return n;
}

static void check_ring(const struct hashring *ring, const char *key, size_t key_len)
{
    uint32_t picked[MAX_SHARDS];
    uint64_t hash = hashring_hash(ring, key, key_len);
    size_t n = hashring_pick(ring, hash, picked, MAX_SHARDS);
    double sum = 0.0;
    size_t part_len;
    const char *part = hashring_key_part(ring, key, key_len, &part_len);

    MUST(part >= key && part_len <= key_len && part + part_len <= key + key_len);
    MUST(n >= 1 && n <= hashring_n_shards(ring));
    MUST(picked[0] == hashring_home(ring, hash));
    for (size_t i = 0; i < n; i++) {
        MUST(picked[i] < hashring_n_shards(ring));
        for (size_t j = 0; j < i; j++) {
            MUST(picked[i] != picked[j]);
        }
    }
    for (uint32_t i = 0; i < hashring_n_shards(ring); i++) {
        sum += hashring_share(ring, i);
    }
    MUST(sum > 1.0 - 1e-9 && sum < 1.0 + 1e-9);
}

/* With the help of a ring of fewer shards, if that can be built, it is the same ring. */
static void check_help(const struct hashring *ring, const struct hashring_shard *shards, size_t n,
                       const struct hashring_options *options)
{
    struct hashring *old;
    struct hashring *helped;

    (void)hashring_create(&old, shards, n - n / 3, options);
    MUST(hashring_create_from(&helped, old, shards, n, options) == 0);
    for (uint64_t i = 0; i < 512; i++) {
        uint64_t hash = (i << 55 | i * 0x7654321u) >> (64 - hashring_hash_bits(ring));
        uint32_t picked[2][MAX_SHARDS];
        size_t max = i % 32 == 0 ? MAX_SHARDS : 2;
        size_t n_picked = hashring_pick(ring, hash, picked[0], max);

        MUST(hashring_pick(helped, hash, picked[1], max) == n_picked);
        MUST(memcmp(picked[0], picked[1], n_picked * sizeof(picked[0][0])) == 0);
    }
    hashring_destroy(&old);
    hashring_destroy(&helped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hashring_shard shards[MAX_SHARDS];
    struct hashring_options options;
    struct hashring *ring;
    char *copy;
    const char *text;
    size_t n;
    int error;

    if (size < OPTION_BYTES) {
        return 0;
    }
    copy = malloc(size - OPTION_BYTES + 1);
    MUST(copy != NULL);
    memcpy(copy, data + OPTION_BYTES, size - OPTION_BYTES);
    copy[size - OPTION_BYTES] = '\0';
    text = copy;
    read_options(&options, data);
    n = read_shards(shards, &text, copy + (size - OPTION_BYTES));

    error = hashring_create(&ring, shards, n, &options);
    MUST((error == 0) == (ring != NULL));
    if (error == 0) {
        check_ring(ring, text, (size_t)(copy + (size - OPTION_BYTES) - text));
        if (options.algorithm == HASHRING_SLOTS) {
            check_help(ring, shards, n, &options);
        }
    } else {
        MUST(strcmp(hashring_strerror(error), "unknown error") != 0);
    }
    hashring_destroy(&ring);
    free(copy);
    return 0;
}
