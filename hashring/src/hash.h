/*
 * Key hash functions, one `ring_hash_NAME` for each row of hashes.def, and MD5 in full.
 *
 * Each takes [len] bytes at [key], which may be NULL if [len] is 0, and returns the hash in the low
 * bits. None allocates or fails.
 */
#ifndef RING_HASH_H
#define RING_HASH_H

#include "hashring/hashring.h"

typedef uint64_t ring_hash_fn(const unsigned char *key, size_t len);

#define HASHRING_HASH(id, name, bits, preset_id) ring_hash_fn ring_hash_##name;
#include "hashes.def"
#undef HASHRING_HASH

/* One row of hashes.def. */
struct ring_hash {
    ring_hash_fn *fn;
    unsigned bits;   /* 32 or 64: the ring compares the topmost 32 of them */
    int preset_kind; /* enum hashring_hash_kind of the function under a preset, or -1 */
};

/* The row of [kind], or NULL if it is not of the enumeration. */
const struct ring_hash *ring_hash_row(enum hashring_hash_kind kind);

/* MD5 (RFC 1321) of [len] bytes: the digest as four little-endian words. */
void ring_md5(const void *data, size_t len, uint32_t digest[4]);

/* XXH64 of [len] bytes with any seed. */
uint64_t ring_xxh64(const unsigned char *data, size_t len, uint64_t seed);

/*
 * Feed [len] bytes to a CRC-32 register, which is neither set to all ones before nor inverted after.
 */
uint32_t ring_crc32_feed(uint32_t crc, const unsigned char *data, size_t len);

/* 32 bits, little-endian, from any address. */
static inline uint32_t ring_load_le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A byte as libhashkit and twemproxy see it on x86, where char is signed. */
static inline uint32_t ring_sign_extend(unsigned char byte)
{
    return ((uint32_t)byte ^ 0x80u) - 0x80u;
}

static inline uint32_t ring_rotate_left(uint32_t x, unsigned n)
{
    return x << n | x >> (32u - n);
}

#endif
