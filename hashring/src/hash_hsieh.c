/*
 * SuperFastHash with the initial value 0, the third byte of a tail of three taken as signed.
 *
 * Source: Paul Hsieh, "Hash functions"; the initial value is libhashkit's.
 */
#include "hash.h"

static uint32_t load_le16(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

uint64_t ring_hash_hsieh(const unsigned char *key, size_t len)
{
    uint32_t hash = 0;

    if (len == 0) {
        return 0;
    }
    for (; len >= 4; key += 4, len -= 4) {
        hash += load_le16(key);
        hash = (hash << 16) ^ (load_le16(key + 2) << 11) ^ hash;
        hash += hash >> 11;
    }
    if (len == 3) {
        hash += load_le16(key);
        hash ^= hash << 16;
        hash ^= ring_sign_extend(key[2]) << 18;
        hash += hash >> 11;
    } else if (len == 2) {
        hash += load_le16(key);
        hash ^= hash << 11;
        hash += hash >> 17;
    } else if (len == 1) {
        hash += key[0];
        hash ^= hash << 10;
        hash += hash >> 1;
    }
    hash ^= hash << 3;
    hash += hash >> 5;
    hash ^= hash << 4;
    hash += hash >> 17;
    hash ^= hash << 25;
    hash += hash >> 6;
    return hash;
}
