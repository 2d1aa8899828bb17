/*
 * MurmurHash2, 32 bits, read little-endian, with the seed that libhashkit chose.
 *
 * Source: Austin Appleby, MurmurHash2.
 */
#include "hash.h"

#define MULTIPLIER UINT32_C(0x5bd1e995)

uint64_t ring_hash_murmur(const unsigned char *key, size_t len)
{
    uint32_t hash = (UINT32_C(0xdeadbeef) * (uint32_t)len) ^ (uint32_t)len;
    uint32_t tail = 0;

    for (; len >= 4; key += 4, len -= 4) {
        uint32_t k = ring_load_le32(key) * MULTIPLIER;

        k ^= k >> 24;
        hash = (hash * MULTIPLIER) ^ (k * MULTIPLIER);
    }
    if (len > 0) {
        for (size_t i = 0; i < len; i++) {
            tail |= (uint32_t)key[i] << (8 * i);
        }
        hash = (hash ^ tail) * MULTIPLIER;
    }
    hash ^= hash >> 13;
    hash *= MULTIPLIER;
    return hash ^ (hash >> 15);
}
