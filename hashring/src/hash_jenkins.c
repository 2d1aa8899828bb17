/*
 * Bob Jenkins' hashes: one-at-a-time (1997) and lookup3 (2006) with libhashkit's initial value.
 */
#include <string.h>

#include "hash.h"

#define LOOKUP3_INITIAL UINT32_C(13)
#define LOOKUP3_BYTES   12u

static inline uint32_t one_at_a_time_add(uint32_t hash, uint32_t byte)
{
    hash += byte;
    hash += hash << 10;
    return hash ^ (hash >> 6);
}

static inline uint32_t one_at_a_time_finish(uint32_t hash)
{
    hash += hash << 3;
    hash ^= hash >> 11;
    return hash + (hash << 15);
}

uint64_t ring_hash_one_at_a_time(const unsigned char *key, size_t len)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < len; i++) {
        hash = one_at_a_time_add(hash, key[i]);
    }
    return one_at_a_time_finish(hash);
}

uint64_t ring_hash_hashkit_one_at_a_time(const unsigned char *key, size_t len)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < len; i++) {
        hash = one_at_a_time_add(hash, ring_sign_extend(key[i]));
    }
    return one_at_a_time_finish(hash);
}

static void lookup3_mix(uint32_t s[3])
{
    static const unsigned shifts[6] = {4, 6, 8, 16, 19, 4};

    for (size_t i = 0; i < 6; i++) {
        uint32_t *x = &s[i % 3];
        uint32_t *y = &s[(i + 1) % 3];
        uint32_t *z = &s[(i + 2) % 3];

        *x -= *z;
        *x ^= ring_rotate_left(*z, shifts[i]);
        *z += *y;
    }
}

static void lookup3_finish(uint32_t s[3])
{
    static const unsigned shifts[7] = {14, 11, 25, 16, 4, 14, 24};

    for (size_t i = 0; i < 7; i++) {
        uint32_t *x = &s[(i + 2) % 3];
        uint32_t y = s[(i + 1) % 3];

        *x = (*x ^ y) - ring_rotate_left(y, shifts[i]);
    }
}

static void lookup3_add(uint32_t s[3], const unsigned char *block)
{
    for (size_t i = 0; i < 3; i++) {
        s[i] += ring_load_le32(block + 4 * i);
    }
}

uint64_t ring_hash_jenkins(const unsigned char *key, size_t len)
{
    uint32_t initial = UINT32_C(0xdeadbeef) + (uint32_t)len + LOOKUP3_INITIAL;
    uint32_t s[3] = {initial, initial, initial};
    unsigned char last[LOOKUP3_BYTES] = {0};

    if (len == 0) {
        return initial;
    }
    for (; len > LOOKUP3_BYTES; key += LOOKUP3_BYTES, len -= LOOKUP3_BYTES) {
        lookup3_add(s, key);
        lookup3_mix(s);
    }
    memcpy(last, key, len);
    lookup3_add(s, last);
    lookup3_finish(s);
    return s[2];
}
