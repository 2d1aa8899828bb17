/*
 * Fowler/Noll/Vo hashes, and what libhashkit makes of them.
 *
 * Source: draft-eastlake-fnv; FNV-1 multiplies first, FNV-1a last.
 */
#include "hash.h"

#define FNV_32_BASIS UINT32_C(0x811c9dc5)
#define FNV_32_PRIME UINT32_C(0x01000193)
#define FNV_64_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_64_PRIME UINT64_C(0x100000001b3)

uint64_t ring_hash_fnv1_32(const unsigned char *key, size_t len)
{
    uint32_t hash = FNV_32_BASIS;

    for (size_t i = 0; i < len; i++) {
        hash = (hash * FNV_32_PRIME) ^ key[i];
    }
    return hash;
}

uint64_t ring_hash_fnv1a_32(const unsigned char *key, size_t len)
{
    uint32_t hash = FNV_32_BASIS;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ key[i]) * FNV_32_PRIME;
    }
    return hash;
}

uint64_t ring_hash_fnv1_64(const unsigned char *key, size_t len)
{
    uint64_t hash = FNV_64_BASIS;

    for (size_t i = 0; i < len; i++) {
        hash = (hash * FNV_64_PRIME) ^ key[i];
    }
    return hash;
}

uint64_t ring_hash_fnv1a_64(const unsigned char *key, size_t len)
{
    uint64_t hash = FNV_64_BASIS;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ key[i]) * FNV_64_PRIME;
    }
    return hash;
}

uint64_t ring_hash_hashkit_fnv1_32(const unsigned char *key, size_t len)
{
    uint32_t hash = FNV_32_BASIS;

    for (size_t i = 0; i < len; i++) {
        hash = (hash * FNV_32_PRIME) ^ ring_sign_extend(key[i]);
    }
    return hash;
}

uint64_t ring_hash_hashkit_fnv1a_32(const unsigned char *key, size_t len)
{
    uint32_t hash = FNV_32_BASIS;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ ring_sign_extend(key[i])) * FNV_32_PRIME;
    }
    return hash;
}

/* A 64-bit computation there, of which the low half is kept; the upper never reaches the lower. */
uint64_t ring_hash_hashkit_fnv1_64(const unsigned char *key, size_t len)
{
    uint32_t hash = (uint32_t)FNV_64_BASIS;

    for (size_t i = 0; i < len; i++) {
        hash = (hash * (uint32_t)FNV_64_PRIME) ^ ring_sign_extend(key[i]);
    }
    return hash;
}

uint64_t ring_hash_hashkit_fnv1a_64(const unsigned char *key, size_t len)
{
    uint32_t hash = (uint32_t)FNV_64_BASIS;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ ring_sign_extend(key[i])) * (uint32_t)FNV_64_PRIME;
    }
    return hash;
}
